#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""No program that ours start is given a descriptor but its three.

exec-probe traces them and notes what is open in the first moment of each program, before
its first instruction: whatever anybody forgot to mark close-on-exec would be there.  The
worker of breakglass-pve is a fork and no program; what it starts is seen.
"""
import json
import os
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from api_rig import Api, agent, bash, configure
from engine_rig import (BUILD, LIMIT, PROGRAM, SANITIZED, SRC, Skip, alive, background_engines,
                        check, children, main, shim, until, with_rig)

PROBE = BUILD + "/tests/integration/exec-probe"
NAMED = ("--ready-fd", "--credential-fd", "--lock-fd")    # handed on by its number
REASONS = (                 # program, descriptor and what it is; there is no other above 2
    ("/agent/launcher", "3", "pipe:"),  # the warden's report of how the tool ended; closed before it
    ("", "9", "/qm.lock"),              # the fake qm's own lock, for flock and what runs under it
)


def has_reason(words, fd):
    n, to = fd.split("=", 1)
    return "--report" not in words and any(
        words[0].endswith(prog) and n == number and what in to for prog, number, what in REASONS)


class Seen:
    """What a probe has noted."""

    def __init__(self, rig, name):
        if SANITIZED:
            raise Skip("a sanitizer opens files of its own")
        self.path = "%s/%s.exec" % (rig.dir, name)
        self.prefix = (PROBE, self.path)

    def events(self):
        try:
            with open(self.path, errors="replace") as f:
                return [line.rstrip("\n").split("\t") for line in f if line.endswith("\n")]
        except OSError:
            return []

    def saw(self, part):
        """In the program's file, or in the first words of a script's call."""
        return [e for e in self.events() if part in " ".join(e[1].split(" ")[:4])]

    def look(self, first, *wanted):
        """first: the program of the test itself, which has what the test gave it."""
        for part in wanted:
            until("%s was started" % part, lambda: self.saw(part))
        for n, (pid, argv, *fds) in enumerate(self.events()):
            words = argv.split(" ")
            if n == 0 and first:
                continue
            given = {words[i + 1] for i, w in enumerate(words[:-1]) if w in NAMED}
            more = [f for f in fds if f.split("=")[0] not in {"0", "1", "2"} | given and
                    not has_reason(words, f)]
            check("no descriptor but the three: %s" % argv[:300], not more, more)
            std = {f.split("=")[0] for f in fds}
            check("and all three: %s" % argv[:300], {"0", "1", "2"} <= std, fds)


def traced():
    r = subprocess.run([PROBE, "/dev/null", "true"])
    if r.returncode == 77:
        raise Skip("nobody may trace here")


CLAUDE = """#!/bin/sh
[ "$1" = --version ] && { echo "9.9.9 (Claude Code)"; exit; }
read -r line
echo '{"type":"control_response","response":{"subtype":"success","request_id":"initialize-1","response":{}}}'
read -r line
/bin/sh -c 'ssh devvm true; true'
exec cat
"""


@with_rig()
def the_engine(rig):
    """the engine: agent-host, claude and its ssh, notify commands"""
    traced()
    seen = Seen(rig, "engine")
    claude, hook = rig.dir + "/claude", rig.dir + "/hook"
    for path, text in ((claude, CLAUDE), (hook, "#!/bin/sh\nexit 0\n")):
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, 0o755)
    rig.env.update(BREAKGLASS_CLAUDE=claude, BREAKGLASS_NOTIFY_COMMAND=hook)
    e = rig.start(prefix=seen.prefix)
    e.traced = True
    p = rig.console()
    rig.links_up(p)
    p.send(t="prompt", text="go")
    seen.look(True, "/agent/launcher", "agent-host", claude + " --version", claude + " -p",
              hook, "/shim/ssh")
    v = rig.verb(p, "status", confirm=False)
    p.expect(t="verb", id=v, state="finished")
    seen.look(True, hook)
    for k in children(e.pid):
        try:
            os.kill(k, 15)
        except OSError:
            pass
    until("it has left", lambda: e.poll() is not None or not [k for k in children(e.pid) if alive(k)])


@with_rig(devvm=False, pve=False, agent_driver="api")
def the_helpers(rig):
    """the helper of an API's key, and the agent's tools when the engine speaks to the API"""
    traced()
    seen = Seen(rig, "helper")
    helper = rig.dir + "/helper"
    with open(helper, "w") as f:
        f.write("#!/bin/sh\ncat %s/apikey\n" % rig.dir)
    os.chmod(helper, 0o755)
    api = Api(rig, "vendor", bash("true"))
    configure(rig, api, vendor="key_helper = %s\n" % helper)
    rig.start(prefix=seen.prefix)
    p = rig.console()
    agent(p, state="ready")
    p.send(t="prompt", text="go")
    seen.look(True, helper, "/cat", "/agent/launcher", "agent-host")


@with_rig(devvm=False)
def one_shots(rig):
    """the command line: an engine in the background, console, record, replay, export, verify"""
    traced()
    seen = Seen(rig, "cli")
    env = dict(rig.env, TERM="dumb")

    def run(*args, **more):
        return subprocess.run([*seen.prefix, PROGRAM, *args], env=env, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=4 * LIMIT, cwd=rig.dir, **more)
    holder = rig.start()                # run() would wait for a background engine of its own
    p = rig.console()
    rig.links_up(p)
    v = rig.verb(p, "status", confirm=False)
    p.expect(t="verb", id=v, state="finished")
    for args in (["journal", "last"], ["journal", "verify", "last", "--host"], ["report", "last"],
                 ["replay", "--linear", "last"], ["export", "-o", rig.dir + "/x", "--asciicast", "last"],
                 ["--linear"], ["ping"], ["incidents"]):
        run(*args)
    seen.look(False, "/record/record", "/console/console")
    rig.stop()
    q = subprocess.Popen([*seen.prefix, PROGRAM, "engine", "--ensure"], env=env, cwd=rig.dir,
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    rig.procs.append(q)
    until("an engine in the background", lambda: background_engines(rig.dir))
    seen.look(False, "/engine/engine")
    for pid in background_engines(rig.dir):
        os.kill(pid, 15)
    q.wait(LIMIT)


@with_rig(devvm=False)
def the_host_program(rig):
    """breakglass-pve: qm, gdb and every other program of a capture and a cycle"""
    traced()
    seen = Seen(rig, "pve")
    for verb in ("status", "forensics", "cycle"):
        r = subprocess.run([*seen.prefix, BUILD + "/src/host/breakglass-pve", "--site",
                            rig.pve.top + "/site"], stdin=subprocess.DEVNULL, capture_output=True,
                           env=dict(PATH="/usr/sbin:/usr/bin:/sbin:/bin", SSH_ORIGINAL_COMMAND=verb, PROBE_LEAVE="1",
                                    SSH_CONNECTION="127.0.0.1 1 127.0.0.1 2"), timeout=4 * LIMIT)
        check(verb + " is done", r.returncode == 0, r.stdout[-300:], r.stderr)
    seen.look(False, rig.pve.top + "/qm", "breakglass-pve")
    print("# %s" % " ".join(sorted({os.path.basename(e[1].split(" ")[0]) for e in seen.events()})))


@with_rig(devvm=False, pve=False)
def the_tools(rig):
    """agent-host's tools: Bash and what it starts, Read, Grep, Glob"""
    traced()
    seen = Seen(rig, "tools")
    path = rig.dir + "/agent.sock"
    door = socket.socket(socket.AF_UNIX)
    door.bind(path)
    door.listen()
    door.settimeout(LIMIT)
    proc = subprocess.Popen([*seen.prefix, BUILD + "/libexec/agent-host", "--socket", path, "--dir",
                             rig.dir + "/host", "--claude", "/nonexistent", "--wait"],
                            stdin=subprocess.DEVNULL, env=dict(rig.env))
    rig.procs.append(proc)
    peer = door.accept()[0].makefile("rw")

    def say(**m):
        peer.write(json.dumps(m) + "\n")
        peer.flush()
    json.loads(peer.readline())
    say(t="welcome", v=1)
    todo = (("Bash", dict(command="ssh nowhere; ls; true")), ("Read", dict(path="x")),
            ("Grep", dict(pattern="x")), ("Glob", dict(pattern="*")))
    for n, (name, given) in enumerate(todo):
        say(t="tool_start", tool=n + 1, name=name, input=given, limit_ms=20000, keep=1 << 20)
        while json.loads(peer.readline())["t"] != "tool_end":
            pass
    seen.look(True, "/agent/launcher", "/bash", "/ls", "agent-files", "/shim/ssh")
    peer.close()
    for k in children(proc.pid):
        try:
            os.kill(k, 15)
        except OSError:
            pass
    proc.wait(LIMIT)
    print("# %s" % " ".join(sorted({os.path.basename(e[1].split(" ")[0]) for e in seen.events()})))


if __name__ == "__main__":
    main([the_engine, the_helpers, one_shots, the_host_program, the_tools])
