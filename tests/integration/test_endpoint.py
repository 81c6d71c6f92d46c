#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Goal: breakglass.conf names who can be asked and with what; each credential comes, is
replaced, is refused or fails in its time, and its value stands in no log and no sentence.

engine/api/endpoint.c and credential.c through tests/integration/endpoint-probe.
"""
import json
import os
import select
import subprocess
import sys
import threading
import time

from http_server import BUILD, LIMIT, BlackHole, Certs, Failed, Server, check, dead_port, main

PROBE = BUILD + "/tests/integration/endpoint-probe"
KEY = "sk-ant-api03-" + "k" * 40
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJicmVha2dsYXNzIn0.c2lnbmF0dXJl"


def write(path, text, mode=0o600):
    with open(path + ".new", "w") as f:
        f.write(text)
    os.chmod(path + ".new", mode)
    os.rename(path + ".new", path)
    return path


class Probe:
    def __init__(self, folder, conf, env=None, start="ready"):
        path = write(folder + "/conf", "libexec_dir = %s/libexec\n%s" % (BUILD, conf))
        e = dict(os.environ, BREAKGLASS_CONFIG=path, XDG_CONFIG_HOME="/nonexistent")
        for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
                     "BREAKGLASS_API_KEY_FILE", "BREAKGLASS_API_URL", "BREAKGLASS_MODEL"):
            e.pop(name, None)
        e.update(env or {})
        self.log = open(folder + "/log", "w+b")
        self.proc = subprocess.Popen([PROBE], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=self.log, env=e)
        self.buf = b""
        self.first = self.line()
        check(self.first.startswith(start), "it begins with: " + self.first)

    def line(self, limit=LIMIT):
        end = time.monotonic() + limit
        while b"\n" not in self.buf:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.proc.stdout], [], [], left)[0]:
                raise Failed("no line within %g s" % limit)
            data = os.read(self.proc.stdout.fileno(), 65536)
            if not data:
                raise Failed("it ended: " + self.buf.decode())
            self.buf += data
        line, self.buf = self.buf.split(b"\n", 1)
        return line.decode()

    def say(self, text):
        self.proc.stdin.write(text.encode() + b"\n")
        self.proc.stdin.flush()

    def ask(self, text):
        self.say(text)
        return self.line()

    def close(self, *secrets):
        rest = self.proc.communicate(b"quit\n", timeout=LIMIT)[0]
        self.buf += rest
        check(b"closed 0" in self.buf, "something is left open: %r" % self.buf)
        self.log.seek(0)
        log = self.log.read().decode("latin-1")
        for secret in secrets:
            check(secret not in log, "a secret is in the log:\n" + log)
        return log


# --- the configuration ---

def without_a_section(folder):
    key = write(folder + "/key", KEY + "\n")
    p = Probe(folder, "api_key_file = %s\nmodel = claude-opus-5-5\n" % key)
    line = p.ask("list")
    for word in ("endpoint vendor https://api.anthropic.com ", "model=claude-opus-5-5",
                 "version=2026-10-21 vendor idle=180000 thinking=1 fallbacks=0 usable"):
        check(word in line, line)
    check(p.ask("get vendor") == "credential vendor key %s -" % KEY, "the key")
    check(p.ask("price vendor 5") == "price vendor 1 4.00 20.00 0.20 8.00", "the price")
    p.close(KEY)
    p = Probe(folder, "")
    check("unusable vendor: there is no credential" in p.ask("list"), "no key")
    p.close()


def sections(folder):
    key = write(folder + "/key", KEY)
    p = Probe(folder, """
api_key_file = %s
[endpoint one]
[endpoint two]
  kind = portable      ; on the LAN
  url = http://llm.lan:8080/v1/
  model = qwen
  in_usd = 0.25
  out_usd = 1.5
  idle_seconds = 30
  thinking = yes
[endpoint three]
url = https://gateway.test/anthropic/v1/messages
fallbacks = yes
version = 2023-06-01
token_file = %s
resolve = 10.0.0.1, 2001:db8::1
""" % (key, key))
    p.say("list")
    lines = [p.line(), p.line(), p.line()]
    for line, words in zip(lines, (
            ("endpoint one https://api.anthropic.com model=claude-sonnet-5-5", " usable"),
            ("endpoint two http://llm.lan:8080 model=qwen version=2023-06-01 portable "
             "idle=30000 thinking=1 fallbacks=0 usable",),
            ("endpoint three https://gateway.test/anthropic model=claude-sonnet-5-5 "
             "version=2023-06-01 vendor idle=180000 thinking=1 fallbacks=1 usable",))):
        for word in words:
            check(word in line, line)
    check(p.ask("price two 1") == "price two 1 0.25 1.50 0.00 0.50", "own price")
    check(p.ask("get three") == "credential three bearer %s -" % KEY, "a bearer token")
    check(p.ask("get two") == "no credential", "the vendor's key went to another server")
    p.close(KEY)


def mistakes(folder):
    key = write(folder + "/key", KEY)
    for conf, word in (
            ("[endpoint]\n", "line 2: there is only the section"),
            ("[endpoint Big]\n", "line 2: an endpoint's name"),
            ("[endpoint %s]\n" % ("a" * 33), "line 2: an endpoint's name"),
            ("[other]\nx = 1\n", "line 2: there is only the section"),
            ("[endpoint a\nurl = x\n", "line 2: there is only the section"),
            ("[endpoint a]\nuri = x\n", "line 3: an endpoint has no setting \"uri\""),
            ("[endpoint a]\nkind = local\n", "line 3: kind must be"),
            ("[endpoint a]\nthinking = perhaps\n", "line 3: thinking must be"),
            ("[endpoint a]\nin_usd = 1e9\n", "line 3: in_usd must be"),
            ("[endpoint a]\nin_usd = .5\n", "line 3: in_usd must be"),
            ("[endpoint a]\nidle_seconds = -1\n", "line 3: idle_seconds must be"),
            ("[endpoint a]\nmodel = %s\n" % ("x" * 300), "line 3: the line is longer than"),
            ("[endpoint a]\nno equals sign\nuri = 1\n", "line"),
            ("uri = 1\nmodel = \0x\n", "line 2: there is no setting"),
            ("model = \0x\n", "line 2: a NUL byte"),
            ("".join("[endpoint a%d]\n" % i for i in range(9)), "line 10: more than 8"),
            ("[endpoint a]\nkind = portable\n", "[endpoint a] has no url")):
        p = Probe(folder, conf, start="options ")
        check(word in p.first, "%r: %s" % (conf, p.first))
        p.proc.communicate(timeout=LIMIT)
    for conf, word in (
            ("[endpoint a]\nurl = http://example.test\n", "[endpoint a]: url: "),
            ("[endpoint a]\nurl = nonsense\n", "[endpoint a]: url: "),
            ("[endpoint a]\nresolve = name.test\n", "[endpoint a]: resolve: "),
            ("[endpoint a]\nkey_file = %s\ntoken_file = %s\n" % (key, key), "more than one"),
            ("[endpoint a]\nkey_helper = echo x\n", "whole path"),
            ("[endpoint a]\nwif_token_file = /x\n", "wif_rule"),
            ("[endpoint a]\nwif_token_file = /x\nwif_rule = a\"b\nwif_organization = c\n",
             "wif_rule is no id")):
        p = Probe(folder, conf, start="endpoints ")
        check(word in p.first, "%r: %s" % (conf, p.first))
        p.proc.communicate(timeout=LIMIT)


# --- probes ---

def probes(folder):
    gone = threading.Event()
    servers = {"well": Server({"*": lambda r: r.answer("200 OK", b"{}")}),
               "denied": Server({"*": lambda r: r.answer("401 Unauthorized", b"{}")}),
               "down": Server({"*": lambda r: r.answer("503 No", b"")}),
               "moved": Server({"*": lambda r: r.answer("301 M", b"", "location: /x")}),
               "mute": Server({"*": lambda r: gone.wait(5)})}
    hole = BlackHole()
    urls = {name: s.url("") for name, s in servers.items()}
    urls.update(hole=hole.url(""), dead="http://127.0.0.1:%d" % dead_port())
    key = write(folder + "/key", KEY)
    p = Probe(folder, "".join("[endpoint %s]\nurl = %s\nkey_file = %s\n" % (n, u, key)
                              for n, u in urls.items()))
    for name, how in (("well", "well"), ("denied", "well"), ("down", "ill"), ("moved", "ill"),
                      ("mute", "ill"), ("hole", "ill"), ("dead", "ill")):
        word, who, said, ms, why = (p.ask("probe %s 400" % name) + " ").split(" ", 4)
        check((word, who, said) == ("probe", name, how), "%s is %s: %s" % (name, said, why))
        check(int(ms) < 700, "%s took %s ms" % (name, ms))
        check(bool(why.strip()) == (how == "ill"), "%s: %r" % (name, why))
    check("well well 1 0" in p.ask("well well 30000"), "it is not remembered")
    check("well dead 0 1" in p.ask("well dead 30000"), "it is not remembered")
    # probes that overlap are one request, each with its own time
    n = len(servers["mute"].requests)
    p.say("probe mute 900\nprobe mute 200\nprobe mute 200")
    times = [int(p.line().split()[3]) for _ in range(3)]
    check(times[0] < 500 and times[1] < 500 and 800 < times[2] < 1500, str(times))
    check(len(servers["mute"].requests) == n + 1, "more than one request")
    check(all("x-api-key" not in r.headers for s in servers.values() for r in s.requests),
          "a probe shows the key")
    p.say("probe mute 5000")       # and is dropped at the end
    p.close(KEY)
    gone.set()
    hole.close()
    for s in servers.values():
        s.close()


# --- files and helpers ---

def a_file_that_changes(folder):
    key = write(folder + "/key", KEY)
    p = Probe(folder, "[endpoint a]\nkey_file = %s\n" % key)
    check(p.ask("get a") == "credential a key %s -" % KEY, "the key")
    check(p.ask("refused a") == "refused a 1", "it may have changed")
    check(p.ask("get a") == "none a  | ", "what was refused is no second try")
    check(p.ask("get a") == "credential a key %s -" % KEY, "another ask may take it")
    write(key, "sk-ant-api03-second-key-that-is-new\n")
    check(p.ask("refused a") == "refused a 1", "it has changed")
    check(p.ask("get a") == "credential a key sk-ant-api03-second-key-that-is-new -", "the new")
    for text, mode, word in (
            ("sk-ant-oat01-subscription-token-value", 0o600, "oauth_token_file"),
            (KEY, 0o644, "chmod 600"), ("", 0o600, "is empty"),
            ("two words", 0o600, "more than one word"), ("x" * 20000, 0o600, "larger than")):
        write(key, text, mode)
        line = p.ask("get a")
        check(line.startswith("none a ") and word in line, line)
        check(len(text) < 15 or text not in line, line)
        line = p.ask("there a")
        check(line.startswith("there a 0 ") and len(line) > 15, line)
    os.unlink(key)
    check(p.ask("get a").startswith("none a no file to read at"), "no file")
    write(key, KEY)
    check(p.ask("get a") == "credential a key %s -" % KEY, "it is back")
    check(p.ask("drop a") == "dropped a", "drop")
    p.close(KEY, "sk-ant-api03-second-key-that-is-new", "subscription-token-value")


def helpers(folder):
    def script(name, text):
        return write("%s/%s" % (folder, name), "#!/bin/sh\n" + text + "\n", 0o755)
    count = folder + "/count"
    good = script("good", "echo x >>%s; echo '  sk-ant-api03-from-helper-'$1" % count)
    names = {
        "good": good + " arg",
        "silent": script("silent", "exit 0"),
        "fails": script("fails", "echo 'cannot: %s' >&2; echo half; exit 3" % KEY),
        "endless": script("endless", "while :; do echo %s; done" % KEY),
        "oauth": script("oauth", "echo sk-ant-oat01-subscription-token"),
        "words": script("words", "echo the key is: nothing"),
        "killed": script("killed", "kill -9 $$"),
        "missing": folder + "/missing",
        "leaves": script("leaves", "sleep 300 & echo $! >%s/left; echo sk-ant-api-left" % folder),
        "bare": script("bare", "env >%s/env; ls /proc/self/fd >%s/fds; echo sk-ant-api-bare"
                       % (folder, folder)),
    }
    p = Probe(folder, "".join("[endpoint %s]\nkey_helper = %s\n" % (n, c)
                              for n, c in list(names.items())[:8]))
    line = "credential good key sk-ant-api03-from-helper-arg -"
    p.say("get good\nget good\nget good")
    check([p.line(), p.line(), p.line()] == 3 * [line], "the key")
    check(p.ask("get good") == line and len(open(count).read()) == 2, "it was asked again")
    check(p.ask("refused good") == "refused good 1", "refused")
    check(p.ask("get good") == line and len(open(count).read()) == 4, "it was not asked again")
    for name, word in (("silent", "printed nothing"), ("fails", "exit 3"),
                       ("endless", "more than"), ("oauth", "oauth_token_file"),
                       ("words", "more than one word"), ("killed", "signal 9"),
                       ("missing", "key helper")):
        answer = p.ask("get " + name)
        check(answer.startswith("none %s " % name) and word in answer, answer)
        check(KEY not in answer, "the key is shown: " + answer)
    check("cannot: *" in p.ask("get fails"), "what it complained of")
    check(p.ask("there missing").startswith("there missing 0 "), "there")
    check(p.ask("there good") == "there good 1 ", "there")
    p.close(KEY, "from-helper", "subscription-token")
    p = Probe(folder, "".join("[endpoint %s]\nkey_helper = %s\n" % (n, names[n])
                              for n in ("leaves", "bare")), env={"SECRET_OF_OURS": "1"})
    check(p.ask("get leaves").startswith("credential leaves"), "what is left holds it up")
    left = int(open(folder + "/left").read())
    end = time.monotonic() + LIMIT
    while os.path.exists("/proc/%d" % left) and time.monotonic() < end:
        if open("/proc/%d/stat" % left).read().split(")")[1].split()[0] == "Z":
            break
        time.sleep(0.01)
    check(time.monotonic() < end, "the helper's child lives")
    check(p.ask("get bare").startswith("credential bare"), "bare")
    env = open(folder + "/env").read()
    check("SECRET_OF_OURS" not in env and "PATH=" in env, env)
    check(set(open(folder + "/fds").read().split()) <= {"0", "1", "2", "3"}, "descriptors")
    p.close()


def a_helper_that_hangs(folder):
    slow = write(folder + "/slow", "#!/bin/sh\necho $$ >%s/pid\nexec sleep 300\n" % folder, 0o755)
    p = Probe(folder, "[endpoint a]\nkey_helper = %s\n" % slow)
    began = time.monotonic()
    p.say("get a\nget a")
    line = p.line()
    took = time.monotonic() - began
    check(line.startswith("none a the key helper printed no key in its time"), line)
    check(9 < took < 12, "after %.1f s" % took)
    check(p.line() == line, "the second one")
    pid = int(open(folder + "/pid").read())
    p.say("get a")
    p.close()
    end = time.monotonic() + LIMIT
    while os.path.exists("/proc/%d" % pid) and time.monotonic() < end:
        time.sleep(0.01)
    check(time.monotonic() < end, "the helper lives")


# --- workload identity ---

class Exchange(Server):
    def __init__(self, context=None):
        super().__init__({"/v1/oauth/token": self.exchange}, context)
        self.answers, self.given = [], 0

    def exchange(self, r):
        r.json = json.loads(r.read_body())
        answer = self.answers.pop(0) if self.answers else None
        if answer:
            answer(r)
            return
        self.given += 1
        r.answer("200 OK", json.dumps({"access_token": "sk-ant-oat01-minted-%d" % self.given,
                                       "token_type": "Bearer",
                                       "expires_in": 3600}).encode())


WIF = """[endpoint a]
url = %s
wif_token_file = %s
wif_rule = fdrl_01
wif_organization = 1b2c3d4e-0000-4000-8000-000000000000
"""


def minted(n):
    return "credential a bearer sk-ant-oat01-minted-%d oauth-2025-04-20" % n


def a_token_is_exchanged(folder):
    token, server = write(folder + "/jwt", JWT + "\n"), Exchange()
    p = Probe(folder, WIF % (server.url(""), token) + "wif_workspace = wrkspc_7\n")
    p.say("get a\nget a")
    check([p.line(), p.line()] == 2 * [minted(1)], "the token")
    check(p.ask("get a") == minted(1) and server.given == 1, "it is not kept")
    r = server.requests[0]
    check(r.json == {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
                     "assertion": JWT, "federation_rule_id": "fdrl_01",
                     "organization_id": "1b2c3d4e-0000-4000-8000-000000000000",
                     "workspace_id": "wrkspc_7"}, str(r.json))
    check(r.method == "POST" and r.headers["content-type"] == "application/json" and
          r.headers["anthropic-beta"] == "oauth-2025-04-20,oidc-federation-2026-04-01",
          str(r.headers))
    check("authorization" not in r.headers and "x-api-key" not in r.headers, "a credential")
    # a 401, and the projected token was rotated meanwhile
    write(token, JWT + "2")
    check(p.ask("refused a") == "refused a 1", "refused")
    check(p.ask("get a") == minted(2), "another one")
    check(server.requests[-1].json["assertion"] == JWT + "2", "the old token went out")
    p.close(JWT, "minted")
    server.close()


def lasting(seconds):
    return lambda r: r.answer("200 OK", json.dumps(
        {"access_token": "sk-ant-oat01-short-lived", "token_type": "Bearer",
         "expires_in": seconds}).encode())


def before_its_end(folder):
    token, server = write(folder + "/jwt", JWT), Exchange()
    short = "credential a bearer sk-ant-oat01-short-lived oauth-2025-04-20"
    server.answers = [lasting(2)]
    p = Probe(folder, WIF % (server.url(""), token))
    check(p.ask("get a") == short, "the short one")
    end, seen = time.monotonic() + LIMIT, short
    while seen == short and time.monotonic() < end:
        seen = p.ask("get a")
    check(seen == minted(1), seen)
    # a refresh that fails beside the work is no end of what is still good
    server.answers = [lasting(4)] + 100 * [lambda r: r.answer("503 No", b"")]
    check(p.ask("refused a") == "refused a 1" and p.ask("get a") == short, "another short one")
    began = time.monotonic()
    while time.monotonic() - began < 2.5:
        line = p.ask("get a")
        check(line == short, "a good token was given up: " + line)
    check(len(server.answers) < 100, "it was not refreshed")
    p.close(JWT, "short-lived", "minted")
    server.close()


def an_exchange_that_fails(folder):
    token, server = write(folder + "/jwt", JWT), Exchange()
    held = threading.Event()
    p = Probe(folder, WIF % (server.url(""), token))
    error = {"type": "error", "error": {"type": "invalid_grant",
                                        "message": "rule fdrl_01 denies %s" % JWT}}
    for answer, *words in (
            (lambda r: r.answer("401 Unauthorized", json.dumps(error).encode()),
             "refused (401): rule fdrl_01 denies [secret]", "federation rule"),
            (lambda r: r.answer("400 Bad", b'{"error":"invalid_grant",'
                                           b'"error_description":"expired"}'),
             "refused (400): expired"),
            (lambda r: r.answer("502 Bad", b"<html>"), "refused (502)", "again"),
            (lambda r: r.answer("307 T", b"", "location: https://evil.test/"), "redirect"),
            (lambda r: r.answer("200 OK", b"x" * 200000), "longer than"),
            (lambda r: r.answer("200 OK", b'{"token_type":"Bearer"}'), "no bearer token"),
            (lambda r: r.answer("200 OK", b'{"access_token":"a b","expires_in":60}'),
             "more than one word"),
            (lambda r: r.answer("200 OK", b'{"access_token":"abcdefghij","expires_in":0}'),
             "already over"),
            (lambda r: r.answer("200 OK", b'[1]'), "no bearer token"),
            (lambda r: (r.begin(), r.conn.close()), "broke off")):
        server.answers = [answer]
        line = p.ask("get a")
        for word in words:
            check(line.startswith("none a ") and word in line, "%r: %s" % (word, line))
        check(JWT not in line, "the token is shown")
    write(token, "this-is-not-one!")
    check("holds no service account's token" in p.ask("get a"), "what is no token")
    os.unlink(token)
    check("no file to read" in p.ask("get a"), "no file")
    check(p.ask("there a").startswith("there a 0 "), "there")
    write(token, JWT)
    check(p.ask("get a") == minted(1), "it works again")

    def trickle(r):
        r.begin()
        while not held.wait(0.2):
            r.chunk(b" ")
    server.answers = [trickle]
    began = time.monotonic()
    check(p.ask("refused a") == "refused a 1", "refused")
    line = p.ask("get a")
    check("took too long" in line and time.monotonic() - began < 12, line)
    held.set()
    p.close(JWT, "minted")
    server.close()


def an_exchange_over_tls(folder):
    certs = Certs(folder)
    token, server = write(folder + "/jwt", JWT), Exchange(certs.context("127.0.0.1"))
    p = Probe(folder, WIF % (server.url(""), token) + "ca_file = %s\n" % certs.ca)
    check(p.ask("get a") == minted(1), "the token")
    p.close(JWT)
    p = Probe(folder, WIF % (server.url(""), token))
    check("token exchange: " in p.ask("get a") and not server.answers, "a CA that we know not")
    p.close(JWT)
    check(len(server.requests) == 1, "the token went to a server that proved nothing")
    server.close()


TESTS = [without_a_section, sections, mistakes, probes, a_file_that_changes, helpers,
         a_helper_that_hangs, a_token_is_exchanged, before_its_end, an_exchange_that_fails,
         an_exchange_over_tls]

if __name__ == "__main__":
    sys.exit(main(TESTS))
