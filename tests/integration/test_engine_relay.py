#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Goal: the real claude asks its API over TLS of its own and has no IP socket; nobody else of the
agent gets through; an API that is gone is told in the engine's words.
"""
import base64
import json
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import SRC, Rig, Skip, check, children, main, until  # noqa: E402
from http_server import Certs  # noqa: E402
from test_engine_agent import find_claude  # noqa: E402
from test_engine_turn import agent, done, prompt  # noqa: E402

# What a command of the agent gets at the two sockets: nothing, and no name of a host.
KNOCK = """
import os, socket
for path in (os.environ["ANTHROPIC_UNIX_SOCKET"],
             os.path.dirname(os.environ["BREAKGLASS_SOCKET"]) + "/relay.sock"):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(10)
    try:
        s.connect(path)
        s.sendall(b'{"t":"relay","token":"%s"}\\nGET / HTTP/1.1\\r\\n\\r\\n' % (b"0" * 32))
        print("knock", s.recv(100))
    except OSError as e:
        print("knock", type(e).__name__)
"""


class Api:
    def __init__(self, rig, pem=None, *replies):
        self.rig, self.pem, self.port, self.record = rig, pem, 0, rig.dir + "/api.jsonl"
        with open(rig.dir + "/s.json", "w") as f:
            json.dump(dict(api_key=rig.api_key, replies=replies), f)
        self.start()

    def start(self):
        port = self.rig.dir + "/port"
        if os.path.exists(port):
            os.unlink(port)
        self.proc = subprocess.Popen(
            [SRC + "/tests/fakes/messages-api", "--scenario", self.rig.dir + "/s.json",
             "--port-file", port, "--record", self.record, "--port", str(self.port)] +
            (["--tls", self.pem] if self.pem else []), stdin=subprocess.DEVNULL, cwd=self.rig.dir)
        self.rig.procs.append(self.proc)
        until("the API", lambda: os.path.exists(port))
        with open(port) as f:
            self.port = int(f.read())

    def die(self):
        self.proc.kill()
        self.proc.wait()

    def requests(self):
        with open(self.record) as f:
            return [r for r in map(json.loads, f) if "method" in r]


def with_claude(**options):
    def wrap(fn):
        def run():
            if not find_claude():
                raise Skip("no claude; contrib/fetch-claude fetches it")
            if not shutil.which("openssl"):
                raise Skip("openssl is missing: it makes the certificates")
            rig = Rig(devvm=False, pve=False, **options)
            rig.env["BREAKGLASS_CLAUDE"] = find_claude()
            try:
                fn(rig)
            finally:
                rig.close()
        run.__name__, run.__doc__ = fn.__name__, fn.__doc__
        return run
    return wrap


def pem(rig, host):
    """A certificate with its key; the authority's certificate, too."""
    certs = Certs(rig.dir)
    certs.context(host)
    path = rig.dir + "/server.pem"
    with open(path, "w") as out:
        for end in ("pem", "key"):
            with open("%s/%s-ca2.%s" % (rig.dir, host, end)) as f:
                out.write(f.read())
    return path, certs.ca


def configure(rig, text):
    rig.env["BREAKGLASS_CONFIG"] = rig.dir + "/conf"
    with open(rig.dir + "/conf", "w") as f:
        f.write(text)
    os.chmod(rig.dir + "/conf", 0o600)


def claude_pid(rig):
    for pid in children(rig.engines[-1].pid):
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            words = f.read().split(b"\0")
        if words[0] == rig.env["BREAKGLASS_CLAUDE"].encode() and b"stream-json" in words:
            return pid
    return None


def inet_sockets(pid):
    """Sockets of a process that are of IP: none that /proc/net knows."""
    known = set()
    for name in ("tcp", "tcp6", "udp", "udp6"):
        with open("/proc/net/" + name) as f:
            known |= {"socket:[%s]" % line.split()[9] for line in f.readlines()[1:]}
    found = set()
    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            found.add(os.readlink("/proc/%d/fd/%s" % (pid, fd)))
        except OSError:
            pass
    return known & found


@with_claude()
def tls_of_its_own(rig):
    """TLS from claude to the API through the relay; its shell gets nothing; outages have words"""
    server, ca = pem(rig, "localhost")
    api = Api(rig, server,
              dict(match="knock", text="so ", bash="echo %s | base64 -d | python3 -" %
                   base64.b64encode(KNOCK.encode()).decode()),
              dict(match=dict(result="knock"), blocks=[
                  {"text": ["Nothing ", {"wait_file": "go"}, "there."]}]),
              dict(match="again", text="Here again."))
    configure(rig, "[endpoint lab]\nurl = https://localhost:%d\nca_file = %s\nkey_file = %s\n" % (
        api.port, ca, rig.dir + "/apikey"))
    rig.start()
    p = rig.console()
    agent(p, state="ready")
    t = prompt(p, "knock")
    p.expect(t="delta", text="Nothing ")
    pid = claude_pid(rig)
    check("claude has no IP socket", not inet_sockets(pid), inet_sockets(pid))
    open(rig.dir + "/go", "w").close()
    check("the turn", done(p, t)["ok"])
    check("its text", p.of("text", turn=t)[-1]["text"] == "Nothing there.", p.of("text"))
    tool = p.of("tool", host="local")[0]
    said = p.output(tool["id"]).decode()
    check("its shell gets nothing", said.count("knock") == 2 and "HTTP" not in said and
          all(w in ("knock b''", "knock ConnectionResetError", "knock BrokenPipeError",
                    "knock PermissionError") for w in said.strip().split("\n")), said)
    reqs = api.requests()
    check("the name is claude's own", {r["sni"] for r in reqs} == {"localhost"}, reqs[0])
    check("the key, too", {r["headers"]["x-api-key"] for r in reqs} == {rig.api_key})
    # Gone, and back.
    api.die()
    t = prompt(p, "again")
    why = "localhost:%d refuses the connection" % api.port
    until("the engine's words", lambda: p.pump(0.01) or [
        f for f in p.facts if f.get("what") == "agent" and why in (f.get("why") or "")])
    api.start()
    check("it is asked again", done(p, t)["ok"])
    with open(rig.run_dir + "/engine.log", errors="replace") as f:
        log = f.read()
    check("who knocked is in the log", "it has not the token" in log, log[-2000:])
    check("no token is", not [w for w in log.split('"') if len(w) == 32 and
                              set(w) <= set("0123456789abcdef")])


@with_claude()
def another_authority(rig):
    """a certificate that does not fit: said, and nothing is sent"""
    server, _ = pem(rig, "localhost")
    api = Api(rig, server)
    configure(rig, "[endpoint lab]\nurl = https://localhost:%d\n" % api.port)
    rig.start()
    p = rig.console()
    agent(p, state="ready")
    t = prompt(p, "hello")
    e = p.expect(t="error", turn=t)
    check("words", "certificate" in e["text"].lower(), e)
    check("not ok", not done(p, t)["ok"])
    check("nothing was sent", not os.path.exists(api.record) or not api.requests())


@with_claude()
def a_claude_without_the_relay(rig):
    """a version that does not know the relay: said once, and from then on it has a port"""
    api = Api(rig, None, dict(match="hello", text="I am here.", repeat="forever"))
    # a script's package is what it may run
    package = rig.dir + "/node_modules/claude"
    os.makedirs(package)
    shutil.copy(rig.env["BREAKGLASS_CLAUDE"], package + "/real")
    rig.env["BREAKGLASS_CLAUDE"] = package + "/real"
    with open(package + "/claude", "w") as f:
        f.write("#!/bin/sh\n[ -n \"$ANTHROPIC_UNIX_SOCKET\" ] || exec '%s' \"$@\"\n"
                "unset ANTHROPIC_UNIX_SOCKET\nexport CLAUDE_CODE_MAX_RETRIES=0\n"
                "unshare -n true 2>/dev/null && exec unshare -n '%s' \"$@\"\nexec '%s' \"$@\"\n"
                % ((rig.env["BREAKGLASS_CLAUDE"],) * 3))
    os.chmod(package + "/claude", 0o755)
    rig.env["BREAKGLASS_CLAUDE"] = package + "/claude"
    rig.env["BREAKGLASS_API_URL"] = "http://127.0.0.1:%d" % api.port
    if subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode:
        raise Skip("no namespace without a network can be made here")
    rig.start()
    p = rig.console()
    agent(p, state="ready")
    t = prompt(p, "hello")
    e = p.expect(t="error", turn=t)
    check("not ok", not done(p, t)["ok"])
    check("words", [f for f in p.of("error") if "does not use the engine's relay" in f["text"]],
          e, p.of("error"))
    until("ready again", lambda: p.pump(0.01) or agent(p, state="ready"))
    t = prompt(p, "hello again")
    check("with a port", done(p, t)["ok"])


if __name__ == "__main__":
    main([tls_of_its_own, another_authority, a_claude_without_the_relay])
