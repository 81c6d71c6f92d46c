#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGTERM in every state: gone within 5 s, all that a disk takes in the journal, nothing left.

A pod's eviction gives its processes a moment and then kills them; whatever the engine has
in hand then, it is told in the journal or finished by the host.
"""
import os
import shutil
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import (LIMIT, SRC, Skip, alive, check, children, main, until,  # noqa: E402
                        with_rig)
from pace import Watch  # noqa: E402

FAKE = dict(claude=SRC + "/tests/fakes/fake-claude")
NO_HOSTS = dict(pve=False, devvm=False)


def agent_is_ready(p):
    def states():
        return [f["state"] for f in p.facts if f.get("what") == "agent"]
    until("the agent is ready", lambda: p.pump(0.01) or states()[-1:] == ["ready"])


def leave(rig, what, sig=signal.SIGTERM, kids_s=5):
    """Ends the engine; how long it took.  The journal is whole and its last word is left."""
    e = rig.engines[-1]
    kids = children(e.pid)
    began = Watch()
    e.send_signal(sig)
    code = e.wait(LIMIT)
    took = began.within("%s: within 5 s" % what, 5)
    print("# %-40s %.2f s" % (what, took))
    check("%s: exit 0" % what, code == 0, code)
    until("%s: nothing of it lives on" % what, lambda: not [k for k in kids if alive(k)], kids_s)
    check("the socket is gone", not os.path.exists(rig.socket))
    return took


def last(rig):
    r = rig.journal()
    check("left is the last record", (r[-1]["t"], r[-1].get("state")) == ("incident", "left"), r[-1])
    return r


@with_rig(**NO_HOSTS)
def nothing(rig):
    """nothing in hand, with and without an incident and a console; SIGINT, too"""
    rig.start()
    leave(rig, "no incident")
    check("no file", not rig.journals())
    rig.start()
    p = rig.console()
    p.send(t="note", text="x")
    p.expect(t="note")
    leave(rig, "a console")
    check("why", last(rig)[-1]["reason"] == "terminated")
    p.expect_end()
    rig.start()
    leave(rig, "SIGINT, a continued incident", signal.SIGINT)
    check("why", last(rig)[-1]["reason"] == "interrupted")


@with_rig(pve=True, devvm=True, **FAKE)
def in_a_turn(rig):
    """a turn whose claude ignores TERM; one whose tool runs on the devvm"""
    rig.start()
    p = rig.console()
    rig.links_up(p)
    agent_is_ready(p)
    p.send(t="prompt", text="stubborn")
    p.expect(t="delta")
    leave(rig, "a claude that ignores TERM")
    last(rig)
    rig.start()
    p = rig.console()
    rig.links_up(p)
    agent_is_ready(p)
    p.send(t="prompt", text="run ssh devvm 'echo here; sleep 600'")
    p.expect(t="output")
    leave(rig, "a tool that runs on the devvm")
    last(rig)
    rig.start()
    p = rig.console()
    agent_is_ready(p)
    p.send(t="prompt", text="silent")
    p.expect(t="prompt", state="started")
    kids = children(rig.engines[-1].pid)
    for k in kids:
        os.kill(k, signal.SIGSTOP)
    try:
        leave(rig, "an agent that is frozen", kids_s=0)
    except Exception as e:
        if "lives on" not in str(e):
            raise
    finally:
        for k in kids:
            try:
                os.kill(k, signal.SIGCONT)
            except ProcessLookupError:
                pass
    until("thawed, it ends by itself", lambda: not [k for k in kids if alive(k)])
    last(rig)


@with_rig()
def in_a_verb(rig):
    """a verb that runs at the host, and a link that is frozen under it"""
    rig.start()
    p = rig.console()
    rig.links_up(p)
    rig.pve.hold("reset")
    v = rig.verb(p, "reset")
    until("the host is at it", lambda: rig.pve.calls("reset"))
    leave(rig, "a verb at the host")
    f = [f for f in last(rig) if f["t"] == "verb" and f["id"] == v][-1]
    check("its last fact", f["state"] == "unknown" and "goes on" in f["why"], f)
    rig.pve.release("reset")
    rig.start()
    p = rig.console(tail=5000)
    until("the verb's end is learnt", lambda: p.pump(0.01) or [
        f for f in p.of("verb", id=v) if "learnt" in f])
    rig.links_up(p)
    rig.pve.freeze()
    rig.devvm.freeze()
    p.ask(t="verb", verb="status")
    leave(rig, "both hosts frozen, a status under way")
    rig.pve.freeze(False)
    rig.devvm.freeze(False)
    last(rig)


@with_rig(pve=False)
def in_a_shell(rig):
    """a shell and a flood on the devvm, consoles that read nothing, consoles in a replay"""
    rig.start()
    p = rig.console()
    rig.links_up(p)
    p.send(t="note", text="x")
    inc = p.expect(t="incident", state="opened")["id"]
    p.ask(t="shell", cols=80, rows=24)
    p.expect(t="shell_output")
    p.send(t="shell_input", data="yes a line that is long enough to be worth while\n")
    until("it floods", lambda: p.read(0.1) and p.raw > 3000000)
    late = []
    for i in range(8):
        q = rig.peer()
        q.send(t="hello", v=1, name="late%d" % i, tty="t", size="80x24", role="console",
               since=0, incident=inc)
        late.append(q)
    leave(rig, "a flooding shell, 8 replays, nobody reads")
    last(rig)


@with_rig()
def at_an_old_host_on_a_hung_disk(rig):
    """an old host program is given its moment, the disk hangs as well: in time all the same"""
    if not shutil.which("strace") or subprocess.run(
            ["strace", "-f", "-e", "trace=getpid", "true"], capture_output=True).returncode:
        raise Skip("no strace, or it may not trace here")
    rig.pve.configure('command="%s --site %s/site",restrict ' % (
        SRC + "/contrib/lab/old-breakglass-pve", rig.pve.top), "/usr/sbin:/usr/bin:/sbin:/bin")
    rig.env["UV_THREADPOOL_SIZE"] = "1"     # as if all threads hung
    e = rig.start(prefix=["strace", "-f", "-qq", "--seccomp-bpf", "-o", rig.dir + "/strace",
                          "-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_enter=600s"])
    e.traced = True
    p = rig.console()
    rig.links_up(p)
    until("the program is known", lambda: p.pump(0.01) or [
        f for f in p.of("state", what="vm") if f["host_program"] == "old"])
    rig.pve.hold("stop")
    rig.verb(p, "cycle")
    until("the host is at it", lambda: rig.pve.calls("stop"))
    engine = children(e.pid)[0]
    began = Watch()
    os.kill(engine, signal.SIGTERM)
    until("the engine left", lambda: not alive(engine))
    took = began.within("within 5 s", 5)
    print("# %-40s %.2f s" % ("an old host's verb, a hung disk", took))
    check("a moment for the last words", took > 1.5, took)
    rig.pve.release("stop")


if __name__ == "__main__":
    main([nothing, in_a_turn, in_a_verb, in_a_shell, at_an_old_host_on_a_hung_disk])
