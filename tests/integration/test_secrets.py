#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""test_secrets: after an incident, no secret's bytes are where they must not be.

An incident with verbs, turns of the agent by an API driver (and by the real claude where
there is one, with an API key and with a subscription's token), a child that prints its
environment, a host that prints the key itself, and an engine that is aborted.  While a
command of the agent's lives all memory below the engine is searched, and every /proc entry
that another process of this uid can read; then journal, logs, syslog mirror, export, report,
screen and core: for each secret as it is, its lines, its base64 at each alignment, its hex.
Only claude and agent-host may hold what they were given.  What could not be read at all is
no pass.
"""
import base64
import binascii
import glob
import json
import os
import re
import random
import resource
import shutil
import signal
import string
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import (LIMIT, SANITIZED, SRC, Rig, Skip, alive, check,  # noqa: E402
                        children, main, until)
from test_engine_agent import find_claude  # noqa: E402
from test_engine_relay import pem  # noqa: E402
from test_engine_turn import agent, done, prompt  # noqa: E402

PIECE = 20
OAUTH = "sk-ant-oat01-" + "".join(random.choices(string.ascii_letters + string.digits, k=28))
CREDENTIALS = ("api key", "oauth token")
VENDOR = "api.anthropic.com"


def private_half(path):
    """The private bytes of an ed25519 key file, and its text."""
    text = open(path).read()
    raw = base64.b64decode("".join(text.split("\n")[1:-2]))
    at = raw.rindex(b"\0\0\0\x40") + 4
    return text, raw[at:at + 32]


def forms(secret):
    """All that a leak may look like, as byte strings."""
    found = [secret]
    for skip in range(3):
        found.append(base64.b64encode(secret[skip:])[:(len(secret) - skip) * 4 // 3])
    found += [binascii.hexlify(secret), binascii.hexlify(secret).upper()]
    return found


def pieces(rig):
    """{name: [needles]}: any PIECE bytes in a row of any form, sampled at every place."""
    text, seed = private_half(rig.key)
    lines = "".join(text.split("\n")[1:-2])
    at = base64.b64decode(lines).index(seed)
    body = lines[-(-at * 4 // 3):(at + 32) * 4 // 3].encode()
    named = {"ssh key": forms(seed) + forms(body), "api key": forms(rig.api_key.encode()),
             "oauth token": forms(OAUTH.encode())}
    return {name: sorted({f[i:i + PIECE] for f in all_ for i in range(len(f) - PIECE + 1)})
            for name, all_ in named.items()}


def finder(needles):
    return re.compile(b"|".join(re.escape(n) for n in needles))


class Search:
    def __init__(self, rig):
        self.finders = {n: finder(p) for n, p in pieces(rig).items()}
        self.seen = self.places = 0
        self.bad = []

    def look(self, where, data, but=()):
        self.places += 1
        self.seen += len(data)
        flat = re.sub(rb'\s|\\[nrt]|:', b"", data)
        for name, f in self.finders.items():
            if name not in but and (f.search(data) or f.search(flat)):
                self.bad.append("%s in %s" % (name, where))

    def file(self, path, but=()):
        try:
            with open(path, "rb") as f:
                self.look(path, f.read(64 << 20), but)
        except OSError:
            return False
        return True


PROBE = r'''
import glob, os, sys
ours = int(sys.argv[1])
out = sys.stdout.buffer
for d in glob.glob("/proc/[0-9]*"):
    for name in ("environ", "cmdline", "status", "maps", "auxv", "comm", "stat", "io",
                 "task/*/environ"):
        for p in glob.glob(d + "/" + name):
            try:
                data = open(p, "rb").read(1 << 20)
            except OSError:
                continue
            out.write(b"\n== " + p.encode() + b"\n" + data)
def mem(pid):
    try:
        m = open("/proc/%d/mem" % pid, "rb", 0)
        for line in open("/proc/%d/maps" % pid):
            a, b = (int(x, 16) for x in line.split()[0].split("-"))
            m.seek(a)
            out.write(m.read(min(b - a, 1 << 24)))
        out.write(b"MEM " + b"READ") # not as it stands in this command
    except (OSError, ValueError, OverflowError) as e:
        out.write(b"\n== mem: " + str(e).encode())
mem(ours)
'''


def as_the_agent(pid):
    """What a process of this uid without capabilities reads in /proc, the engine's mem too."""
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"] \
        if os.getuid() == 0 else []
    return subprocess.run([*drop, sys.executable, "-c", PROBE, str(pid)], capture_output=True,
                          timeout=60).stdout


def memory(pid):
    """All of a process's memory that is its own; None: it cannot be read, or is gone."""
    data = []
    try:
        with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as m:
            for line in maps:
                span, mode = line.split()[:2]
                a, b = (int(x, 16) for x in span.split("-"))
                if "rw" not in mode or "[v" in line or b - a > 64 << 20:
                    continue
                try:
                    m.seek(a)
                    data.append(m.read(b - a))
                except (OSError, ValueError, OverflowError):
                    pass
    except OSError:
        pass
    return b"".join(data).replace(bytes(64), b"\0") or None


def program(pid):
    try:
        return os.path.realpath("/proc/%d/exe" % pid)
    except OSError:
        return ""


def may_hold(rig, pid):
    """What this process was given: the credential, and no SSH key."""
    ours = (os.path.realpath(rig.env["BREAKGLASS_CLAUDE"]),
            os.path.realpath(rig.env["BREAKGLASS_LIBEXEC_DIR"] + "/agent-host"))
    return CREDENTIALS if program(pid) in ours else ()


class Below:
    """Memory, environment and command line of all that the engine runs now.

    With mark, which a live command has in its memory: that and its shell have been read.
    The search takes longer than a command may live, so it comes later."""
    def __init__(self, rig, pid, mark=None):
        self.found, self.unread, held = [], [], set()
        for child in children(pid):
            but, name = may_hold(rig, child), os.path.basename(program(child))
            data = memory(child)
            if data is None:
                self.unread += [child] if alive(child) else []
                continue
            self.found.append(("memory of %d, %s" % (child, name), data, but))
            if not but and mark and mark in data:
                held.add(name)
            for file in ("environ", "cmdline"):
                self.read("/proc/%d/%s" % (child, file), but if file == "environ" else ())
        if os.getuid() == 0:
            check("all memory is read", not self.unread, self.unread)
        if mark and not self.unread:
            check("of a live command and its shell, too", "ssh" in held and len(held) > 1, held,
                  [f[0] for f in self.found])

    def read(self, path, but):
        try:
            with open(path, "rb") as f:
                self.found.append((path, f.read(), but))
        except OSError:
            pass                    # it has ended meanwhile: its memory was read

    def look(self, search):
        for where, data, but in self.found:
            search.look(where, data, but)


def measure(rig, when):
    """The figures of docs/custody.md; only root may look."""
    text, seed = private_half(rig.key)
    pid = rig.engines[-1].pid
    data = memory(pid)
    if data is None:
        print("not measured: the engine's memory cannot be read")
        return
    print("%s: key's bytes %d, a line of its file %d, credential %d copies" % (
        when, data.count(seed), data.count(text.split("\n")[3].encode()),
        data.count(rig.credential.encode())))


def prepare(driver, claude, subscription):
    rig = Rig(agent_driver=driver, claude=claude, oauth_token_file="", redact="")
    env, text = rig.env, open(rig.key).read()
    rig.credential = OAUTH if subscription else rig.api_key
    if subscription or driver == "api":
        with open(rig.dir + "/oauth", "w") as f:
            f.write(OAUTH)
        os.chmod(rig.dir + "/oauth", 0o600)
        env["BREAKGLASS_OAUTH_TOKEN_FILE"] = rig.dir + "/oauth"
    if subscription:
        del env["BREAKGLASS_API_KEY_FILE"]
    with open(rig.dir + "/redact", "w") as f:
        f.write("# of the site\npassword (?i)password=\\S+\n")
    env["BREAKGLASS_REDACT"] = rig.dir + "/redact"
    env.update(ANTHROPIC_API_KEY=rig.credential, SSH_AUTH_SOCK="/nonexistent/agent")
    with open(rig.devvm.top + "/leak", "w") as f:       # a guest that has all of it
        f.write(text + base64.b64encode(text.encode()).decode() + "\n" +
                binascii.hexlify(text.encode()).decode() + "\n" + rig.credential + "\n" +
                "db password=Tr0ub4dor-and-3 end\n")
    rig.go = rig.devvm.top + "/go"
    replies = [
        dict(match="look", text="I look.", bash="ssh devvm 'cat %s/leak'; env; "
             "cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n' | tail -c 20000; "
             "printf 'here password=%%s\\n' \"$(printf U3cwcmRmMXNo | base64 -d)\"; "
             "ssh devvm ': >%s.lives; until [ -e %s ]; do sleep 0.05; done'; true"
             % (rig.devvm.top, rig.go, rig.go)),
        dict(match=dict(result="cut: password"), text="**Found:** a password was cut."),
        dict(text="Nothing was cut.")]
    with open(rig.dir + "/s.json", "w") as f:
        json.dump(dict(api_key=rig.credential, replies=replies), f)
    more = []
    if subscription:            # goes to the vendor's name alone, which is ours here
        server, ca = pem(rig, VENDOR)
        more = ["--tls", server, "--port", "443"]
        env["BREAKGLASS_CONFIG"] = rig.dir + "/conf"
        with open(rig.dir + "/conf", "w") as f:
            f.write("[endpoint vendor]\nca_file = %s\n" % ca)
    api = subprocess.Popen([SRC + "/tests/fakes/messages-api", "--scenario",
                            rig.dir + "/s.json", "--port-file", rig.dir + "/port",
                            "--record", rig.dir + "/api.log", *more], stdin=subprocess.DEVNULL)
    rig.procs.append(api)
    until("the API", lambda: os.path.exists(rig.dir + "/port"))
    if not subscription:
        env["BREAKGLASS_API_URL"] = "http://127.0.0.1:" + open(rig.dir + "/port").read().strip()
    return rig


def what_was_sent(rig):
    """The requests without their headers: there the credential is where it belongs."""
    sent = []
    with open(rig.dir + "/api.log") as f:
        for row in map(json.loads, f):
            row.pop("headers", None)
            sent.append(json.dumps(row))
    return "\n".join(sent).encode()


def credential_came(rig):
    with open(rig.dir + "/api.log") as f:
        return rig.credential in f.read()


def in_proc(search, proc, claudes):
    """What another process of this uid reads; claude's environment is where a token stands."""
    check("/proc was read", b"== /proc/" in proc)
    if not SANITIZED:
        check("the engine's memory was not", b"MEM READ" not in proc)
    for part in proc.split(b"\n== ")[1:]:
        at = re.match(rb"/proc/(\d+)/(task/\d+/)?environ\n", part)
        where = part.split(b"\n")[0].decode(errors="replace")
        search.look("/proc, by another process of this uid: " + where, part,
                    CREDENTIALS if at and int(at[1]) in claudes else ())


def screen(rig):
    """What a console on a terminal was sent."""
    import pty
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.clear()
        os.environ.update(rig.env, TERM="xterm-256color", LINES="50", COLUMNS="200")
        os.execv(os.environ["BREAKGLASS_LIBEXEC_DIR"] + "/breakglass", ["breakglass"])
    import select
    data, quiet = b"", 0
    while quiet < 4 and len(data) < 1 << 20:
        if select.select([fd], [], [], 0.5)[0]:
            try:
                got = os.read(fd, 65536)
            except OSError:
                break
            data, quiet = data + got, 0 if got else 4
        else:
            quiet += 1
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(fd)
    return data


def incident(driver, claude, subscription=False):
    rig = prepare(driver, claude, subscription)
    try:
        search = Search(rig)
        check("the leak is read", search.file(rig.devvm.top + "/leak"))
        check("the search finds what is there", len(search.bad) == 2, search.bad)
        search.bad = []
        e = rig.start()
        p = rig.console()
        rig.links_up(p)
        agent(p, state="ready", driver=driver)
        measure(rig, "up")
        rig.verb(p, "forensics")
        p.expect(t="verb", verb="forensics", state="finished")
        rig.verb(p, "cycle")
        p.expect(t="verb", verb="cycle", state="finished")
        turn = prompt(p, "look")
        until("the command lives", lambda: p.pump(0.01) or p.of("done", turn=turn) or
              os.path.exists(rig.go + ".lives"))
        check("in its turn", not p.of("done", turn=turn), p.facts[-4:])
        claudes = [pid for pid in children(e.pid) if program(pid) == os.path.realpath(claude)]
        live = Below(rig, e.pid, rig.go.encode())
        proc = as_the_agent(e.pid)
        with open(rig.go, "w"):
            pass
        check("the turn ends", done(p, turn, 90)["ok"], p.facts[-4:])
        said = "".join(f.get("text", "") for f in p.of("text", turn=turn))
        check("the model was shown the cut", "a password was cut" in said, said)
        check("with what it was to show", credential_came(rig))
        measure(rig, "after a turn")
        live.look(search)
        in_proc(search, proc, claudes)
        Below(rig, e.pid).look(search)
        search.look("screen", screen(rig))
        for what, args in (("report", ("report",)), ("journal", ("journal",)),
                           ("events", ("state", "--json"))):
            search.look(what, rig.cli(*args).stdout.encode())
        rig.cli("export", "-o", rig.dir + "/out.tar.gz")
        text = "".join(json.dumps(f) for f in p.facts)
        search.look("facts", text.encode())
        check("the secrets of ours are marked", "[secret]" in text)
        check("what fits a pattern is marked", "[cut: password, 24 bytes]" in text)
        check("and it is nowhere", "Tr0ub4dor" not in text)
        p.close()
        core = core_of(rig, e)
        for path in core:
            search.file(path)
        for top in (rig.sessions, rig.run_dir):
            for path in glob.glob(top + "/**", recursive=True):
                search.file(path)
        for path in glob.glob(rig.dir + "/engine.*"):
            search.file(path)
        sent = what_was_sent(rig)
        check("the model was sent no password of a host's", b"Tr0ub4dor" not in sent)
        if driver == "api":
            check("nor one that a local tool printed", b"Sw0rdf1sh" not in sent)
            check("but its mark", sent.count(b"[cut: password, ") >= 2, sent[-3000:])
        search.look("what the model was sent", sent)
        check("no secret's bytes", not search.bad, *search.bad)
        print("%s: %d places, %.1f MB searched, %d forms; cores: %d" % (
            driver, search.places, search.seen / 1e6,
            sum(len(p) for p in pieces(rig).values()), len(core)))
        if live.unread:
            raise Skip("no secret is where it was looked for, but the memory of a live command "
                       "cannot be read here: root can")
    finally:
        rig.close()


def core_of(rig, e):
    """Aborts the engine where a core would be written; the files that came of it."""
    before = set(glob.glob(rig.dir + "/core*") + glob.glob("/core*"))
    e.send_signal(signal.SIGABRT)
    e.wait(LIMIT)
    return set(glob.glob(rig.dir + "/core*") + glob.glob("/core*")) - before


def by_the_api():
    """an incident by the API driver leaves no secret's bytes anywhere"""
    incident("api", "/nonexistent/claude")


def the_claude():
    claude = find_claude()
    if not claude:
        raise Skip("no claude; contrib/fetch-claude fetches it")
    return claude


def by_claude():
    """an incident by the real claude leaves no secret's bytes anywhere"""
    incident("cli", the_claude())


def by_a_subscription():
    """an incident by the real claude with an OAuth token leaves no secret's bytes anywhere"""
    claude = the_claude()
    if os.environ.get("BG_TEST_ALONE"):
        incident("cli", claude, True)
        return
    if os.getuid() != 0 or not shutil.which("ip"):
        raise Skip("the vendor's name must be ours: root and ip, for a network of its own")
    if not shutil.which("openssl"):
        raise Skip("openssl is missing: it makes the certificates")
    with tempfile.NamedTemporaryFile("w", prefix="bg-hosts.") as hosts:
        hosts.write("127.0.0.1 localhost %s\n" % VENDOR)
        hosts.flush()
        os.chmod(hosts.name, 0o644)
        script = ("ip link set lo up && mount --bind %s /etc/hosts || exit 78; exec %s %s "
                  "by_a_subscription" % (hosts.name, sys.executable, os.path.abspath(__file__)))
        r = subprocess.run(["unshare", "-nm", "sh", "-c", script], capture_output=True, text=True,
                           env=dict(os.environ, BG_TEST_ALONE="1"), timeout=8 * LIMIT)
    print(r.stdout, end="")
    if r.returncode == 78 or "unshare failed" in r.stderr:
        raise Skip("no network of its own here: " + r.stderr.strip())
    if r.returncode == 77:
        raise Skip(r.stdout.strip().split("\n")[-1])
    check("in a network of its own", r.returncode == 0, r.stderr)


if __name__ == "__main__":
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))
    main([by_the_api, by_claude, by_a_subscription])
