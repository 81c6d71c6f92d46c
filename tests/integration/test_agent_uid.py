#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""agent_uid, as in a pod: engine and agent-host under two uids share one folder.

The folder is made as a pod's volume is: root's, 2777, with a group that both are in.
"""
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from api_rig import (AUTO, Api, agent, all_answered, bash, configure, done,  # noqa: E402
                     last, prompt)
from engine_rig import BUILD, ENGINE, SRC, Skip, alive, check, main, until, with_rig  # noqa: E402

A, B, SHARED = 61001, 61002, 61003      # the engine's uid, the agent's, the group
HOST = os.path.realpath(BUILD + "/libexec/agent-host")
PROBES = r"""
try() { name=$1; shift; if "$@" >/dev/null 2>&1; then echo "open:$name"; fi; }
try key cat "$KEY"
try apikey cat "$API_KEY"
try environ cat /proc/$ENGINE/environ
try mem head -c 1 /proc/$ENGINE/mem
try maps cat /proc/$ENGINE/maps
try fds ls /proc/$ENGINE/fd
try cwd ls /proc/$ENGINE/cwd/
try signal kill -0 $ENGINE
try sessions ls "$SESSIONS"
try journal cat "$JOURNAL"
try run ls "$RUN"
try log cat "$RUN/engine.log"
try rename mv "$SOCK" "$SOCK.mine"
try plant touch "${SOCK%/*}/mine"
try console /usr/bin/python3 -c "$HELLO" "$RUN/console.sock" console
try agent-host /usr/bin/python3 -c "$HELLO" "$SOCK" agent-host
echo tried
"""
HELLO = """
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(10)
s.connect(sys.argv[1])
m = dict(t="hello", v=1, role=sys.argv[2])
if sys.argv[2] == "console":
    m.update(name="eve", tty="t", size="80x24")
s.sendall(json.dumps(m).encode() + b"\\n")
line = s.makefile().readline()
print(line, flush=True)
sys.exit(0 if "welcome" in line else 1)
"""


def as_uid(uid, group=SHARED):
    return ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--groups", str(group)]


def hello(rig, uid, role="agent-host"):
    return subprocess.run([*as_uid(uid), "/usr/bin/python3", "-c", HELLO, rig.door, role],
                          capture_output=True, text=True, cwd="/").stdout


def pod(**options):
    """A rig whose engine is A's; skipped where no other uid can be had."""
    def wrap(fn):
        def run(rig):
            if os.getuid() != 0 or not shutil.which("setpriv"):
                raise Skip("needs root and setpriv to become other uids")
            for program in (ENGINE, HOST):
                if subprocess.run([*as_uid(B), "test", "-x", program], cwd="/").returncode:
                    raise Skip("other uids cannot reach %s" % program)
            os.mkdir(rig.dir + "/volume")
            os.chown(rig.dir + "/volume", 0, SHARED)
            os.chmod(rig.dir + "/volume", 0o2777)
            rig.door = rig.dir + "/volume/agent/agent.sock"
            with open(rig.dir + "/operators", "w") as f:     # the agent's uid as well
                f.write("uid:0 drive\nuid:%d drive\n" % B)
            os.chmod(rig.dir + "/operators", 0o644)
            for path in ("", "/key", "/key.pub", "/home", "/apikey", "/operators"):
                os.chown(rig.dir + path, A, A)
            os.chmod(rig.dir, 0o711)
            rig.env.update(BREAKGLASS_AGENT_UID=str(B), BREAKGLASS_OPERATORS_GROUP=str(SHARED),
                           BREAKGLASS_AGENT_DIR=os.path.dirname(rig.door),
                           BREAKGLASS_OPERATORS=rig.dir + "/operators")
            try:
                fn(rig)
            finally:
                for pid in of_b(rig):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
        run.__name__, run.__doc__ = fn.__name__, fn.__doc__
        return with_rig(**options)(run)
    return wrap


def of_b(rig):
    """Processes of the agent's uid that have to do with this rig."""
    found = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.stat("/proc/" + name).st_uid in (0, B) and alive(int(name)):
                with open("/proc/%s/status" % name) as f:
                    uid = f.read().split("\nUid:", 1)[1].split()[0]
                with open("/proc/%s/environ" % name, "rb") as f:
                    text = f.read()
                with open("/proc/%s/cmdline" % name, "rb") as f:
                    text += f.read()
                if uid == str(B) and rig.dir.encode() in text:
                    found.append(int(name))
        except (OSError, IndexError):
            pass
    return found


def agent_host(rig, *more):
    home = rig.dir + "/b"
    if not os.path.isdir(home):
        os.mkdir(home)
        os.chown(home, B, B)
    log = open(rig.dir + "/agent-host.log", "ab")
    p = subprocess.Popen([*as_uid(B), HOST, "--socket", rig.door, "--dir", home + "/own", "--wait",
                          "-v", *more], env=dict(PATH="/usr/bin:/bin", HOME=home), cwd="/",
                         stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    log.close()
    rig.procs.append(p)
    return p


def sandbox(p, words):
    return until("the state says %s" % words,
                 lambda: words in last(p, "sandbox").get("text", "") and last(p, "sandbox"))


def connected(p):
    until("agent-host is welcome", lambda: "agent-host of uid" not in
          last(p, "sandbox").get("text", "agent-host of uid"))


def results(api):
    """What the model was told by its tools."""
    return json.dumps(api.asked()[-1])


@pod(**AUTO)
def turns(rig):
    """a turn works across two uids, with its ssh; what is not the agent's is shut to its uid"""
    answer = "ssh devvm 'echo on-$((40 + 2))'"
    work = rig.dir + "/b/own/work"
    told = "cd %s; . ./vars\n%s" % (work, PROBES)
    api = Api(rig, "main", bash(answer), dict(text="done one"), bash("echo box; " + told),
              dict(text="done two"), bash("echo stay; exec sleep 987"),
              bash(answer), dict(text="done"), bash(answer), dict(text="done"))
    configure(rig, api)
    rig.start(prefix=as_uid(A))
    for path, mode in ((os.path.dirname(rig.door), 0o710), (rig.door, 0o660),
                       (os.path.dirname(rig.door) + "/relay.sock", 0o660)):
        st = os.stat(path)
        check("mode and group of " + path, st.st_mode & 0o777 == mode and st.st_gid == SHARED and
              st.st_uid == A, st)
    p = rig.console()
    rig.links_up(p)
    sandbox(p, "agent-host of uid %d has not connected: is its container up?" % B)
    for uid in (0, A):
        check("uid %d is not let in" % uid, not hello(rig, uid).strip())
    host = agent_host(rig)
    connected(p)
    check("one at a time", "one at a time" in hello(rig, B), hello(rig, B))
    done(p, prompt(p, "one"))
    check("the tool and its ssh", "on-42" in results(api), results(api)[-1500:])

    with open(work + "/vars", "w") as f:
        f.write("KEY=%s API_KEY=%s SESSIONS=%s RUN=%s SOCK=%s ENGINE=%d JOURNAL=%s\nHELLO='%s'\n"
                % (rig.key, rig.dir + "/apikey", rig.sessions, rig.run_dir, rig.door,
                   rig.engines[-1].pid, rig.journals()[-1], HELLO))
    os.chmod(work + "/vars", 0o644)
    r = subprocess.run([*as_uid(B), "bash", "-c", told], capture_output=True, text=True, cwd="/")
    check("its uid, in no box, finds all of it shut", r.stdout.split() == ["tried"], r)
    check("root finds it open", "open:key" in subprocess.run(
        ["bash", "-c", told.replace("try rename", ": ").replace("try plant", ": ")],
        capture_output=True, text=True).stdout)
    console = subprocess.run([*as_uid(B), "/usr/bin/python3", "-c", HELLO, rig.socket, "console"],
                             capture_output=True, text=True).stdout
    check("a listed uid, and yet no operator", "is no operator" in console, console)
    done(p, prompt(p, "two"))
    said = [t for t in all_answered(api.asked()[-1]).values() if "box" in t][-1]
    check("its tool finds all of it shut", "tried" in said and "open:" not in said, said)

    prompt(p, "three")
    until("the tool runs", lambda: [q for q in of_b(rig) if comm(q) == "sleep"])
    p.ask(t="kill", on=True)
    p.expect(t="state", what="kill", on=True)
    sandbox_fact = p.expect(where=lambda f: "sent away by the kill switch" in f.get("text", ""),
                            t="state", what="sandbox")
    check("what it says", "comes back by itself" in sandbox_fact["text"])
    until("all that it ran is gone", lambda: of_b(rig) == [host.pid])
    connected(p)
    p.ask(t="kill", on=False)
    p.expect(t="state", what="kill", on=False)
    done(p, prompt(p, "four"))
    check("works again", "on-42" in all_answered(api.asked()[-1]).popitem()[1], results(api)[-1500:])

    rig.stop()
    check("agent-host lives on", alive(host.pid))
    rig.start(prefix=as_uid(A))
    p = rig.console()
    rig.links_up(p)
    connected(p)
    done(p, prompt(p, "five"))
    check("works after the engine's restart",
          "on-42" in all_answered(api.asked()[-1]).popitem()[1])
    os.kill(host.pid, signal.SIGKILL)
    host.wait()
    check("a dead one's place is free at once", "welcome" in hello(rig, B))
    sandbox(p, "agent-host of uid %d is gone: is its container up?" % B)


@pod(claude=SRC + "/tests/fakes/fake-claude", devvm=False, pve=False)
def claude(rig):
    """claude, too: it starts over there, answers, is killed by the switch and comes back"""
    rig.start(prefix=as_uid(A))
    p = rig.console()
    host = agent_host(rig, "--claude", SRC + "/tests/fakes/fake-claude")
    agent(p, state="ready")
    done(p, prompt(p, "say hello"))
    until("claude runs as the agent's uid", lambda: claudes(rig))
    p.ask(t="kill", on=True)
    p.expect(t="state", what="kill", on=True)
    until("all that it ran is gone", lambda: of_b(rig) == [host.pid])
    p.ask(t="kill", on=False)
    p.expect(t="state", what="kill", on=False)
    agent(p, state="ready")
    done(p, prompt(p, "say hello"))
    s = socket.socket(socket.AF_UNIX)
    s.connect(os.path.dirname(rig.door) + "/relay.sock")
    until("the relay takes nobody else", lambda: "of another user" in open(
        rig.run_dir + "/engine.log").read())
    s.close()


def claudes(rig):
    return [q for q in of_b(rig) if q != rig.procs[-1].pid]


def comm(pid):
    try:
        with open("/proc/%d/comm" % pid) as f:
            return f.read().strip()
    except OSError:
        return ""


@pod(devvm=False, pve=False)
def nobody(rig):
    """without its agent-host the agent says what to start; settings that cannot be say so"""
    rig.start(prefix=as_uid(A))
    p = rig.console()
    off = until("why", lambda: [f for f in [last(p, "agent")] if
                                "has not connected" in json.dumps(f)])[0]
    check("what to do", "container" in json.dumps(off), off)
    rig.stop()
    for name, value, words in (("AGENT_DIR", "", "agent_uid is set and agent_dir is not"),
                               ("AGENT_UID", str(A), "is the engine's own uid"),
                               ("AGENT_GROUP", "no-such-group", "there is no group"),
                               ("AGENT_GROUP", "0", "cannot be given to group 0")):
        env = dict(rig.env, **{"BREAKGLASS_" + name: value})
        rig.start(prefix=as_uid(A), env=env)
        p = rig.console()
        until(words, lambda: p.pump(0.01) or words in json.dumps(p.facts))
        rig.stop()
    os.rename(os.path.dirname(rig.door), rig.dir + "/volume/away")
    os.symlink(rig.run_dir, os.path.dirname(rig.door))
    rig.start(prefix=as_uid(A))
    p = rig.console()
    until("a link is no folder",
          lambda: p.pump(0.01) or "cannot be opened as a directory" in json.dumps(p.facts))


if __name__ == "__main__":
    main([turns, claude, nobody])
