#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A PVE host that still has the old script: no marks, no lock, and it dies with its reader."""
import os
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import BUILD, LIMIT, SRC, Skip, check, main, until, with_rig  # noqa: E402
from pace import Watch  # noqa: E402

OLD = SRC + "/contrib/lab/old-breakglass-pve"


def old(rig):
    rig.pve.configure('command="%s --site %s/site",restrict ' % (OLD, rig.pve.top),
                      "/usr/sbin:/usr/bin:/sbin:/bin")


def begin(rig, verb="cycle", hold="stop"):
    old(rig)
    e = rig.start()
    p = rig.console("ann")
    rig.links_up(p)
    until("the program is known", lambda: p.pump(0.01) or [
        f for f in p.of("state", what="vm") if f["host_program"] == "old"])
    rig.pve.hold(hold)
    n = rig.pve.calls(hold)
    v = rig.verb(p, verb)
    until("the host is at it", lambda: rig.pve.calls(hold) > n)
    return e, p, v


def script_is_gone(rig):
    """Nothing of the old script is left at the host."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % name) as f:
                if OLD + "\0--site\0" + rig.pve.top in f.read():
                    return False
        except OSError:
            pass
    return True


def told(p, limit=LIMIT, **members):
    return p.expect(t="state", what="unfinished", limit=limit, **members)


@with_rig()
def cycle_is_shown_and_proved(rig):
    """a cycle: live output, exit status alone ends it, the proof needs no mark"""
    e, p, v = begin(rig)
    vm = p.of("state", what="vm", host_program="old")[-1]
    check("its word is read", vm["status"] == "running", vm)
    check("what installs ours", vm["host_todo"] == "%s/contrib/bootstrap pve --to root@127.0.0.1 "
          "--port %d --apply" % (SRC, rig.pve.port) and os.access(vm["host_todo"].split()[0], os.X_OK), vm)
    run = p.expect(t="verb", id=v, state="sent")["run"]
    until("output is live, long before the end", lambda: p.pump(0.01) or
          b"requesting clean stop" in p.output(run))
    rig.pve.release("stop")
    f = p.expect(t="verb", id=v, state="finished")
    check("exit 0, by its exit status alone", f["exit"] == 0 and "result" not in f, f)
    check("all of it came", p.output(run).endswith(b"verb=cycle COMPLETE rc=0\n"))
    check("no stage was made up", not p.of("verb", id=v, state="stage"))
    proof = p.expect(t="state", what="proof", done=True)
    check("proved", all(r["ok"] for r in proof["rungs"]) and not proof.get("pid"), proof)
    check("nothing is unfinished", not p.of("state", what="unfinished"))


@with_rig()
def its_exit_status(rig):
    """the exit status of a start that fails is the verb's; the words are qm's"""
    old(rig)
    rig.pve.hook("start", 'die "start failed: no such disk" 255\n')
    rig.start()
    p = rig.console("ann")
    rig.links_up(p)
    v = rig.verb(p, "start")
    f = p.expect(t="verb", id=v, state="finished")
    check("255", f["exit"] == 255, f)
    run = p.of("verb", id=v, state="sent")[-1]["run"]
    check("its words", b"start failed: no such disk" in p.output(run, "err"))
    c = rig.cli("status")
    check("status on the command line", c.returncode == 0 and "running" in c.stdout, c)


@with_rig()
def consoles_come_and_go(rig):
    """every console leaves in the middle: the channel is held, the cycle ends well"""
    e, p, v = begin(rig)
    p.close()
    c = rig.popen("status")
    c.kill()
    rig.pve.release("stop")
    until("the end", lambda: [f for f in rig.journal() if f.get("id") == v and
                              f.get("state") == "finished"])
    check("the VM runs", rig.pve.vm_runs())
    q = rig.console("bob", tail=5000)
    check("its end is there to see", q.of("verb", id=v, state="finished")[-1]["exit"] == 0)


@with_rig()
def agents_shim_dies(rig):
    """the agent's ssh is killed in the middle: the channel is held all the same"""
    old(rig)
    rig.start()
    p = rig.console("ann")
    rig.links_up(p)
    rig.pve.hold("stop")
    s = subprocess.Popen([BUILD + "/src/agent/shim/ssh", "pve", "cycle"],
                         env=dict(PATH="/usr/bin:/bin",
                                  BREAKGLASS_SOCKET=rig.run_dir + "/agent/agent.sock"),
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    rig.procs.append(s)
    until("the host is at it", lambda: rig.pve.calls("stop"))
    s.kill()
    rig.pve.release("stop")
    check("it ends", p.expect(t="verb", state="finished", verb="cycle")["exit"] == 0)


@with_rig()
def connection_lost(rig):
    """the connection is cut: the script dies, the VM is off; said so, and start is the key"""
    e, p, v = begin(rig)
    rig.pve.cut()
    p.expect(t="verb", id=v, state="unknown")
    rig.pve.release("stop")
    until("the script died with its reader", lambda: script_is_gone(rig))
    u = p.expect(lambda u: "stopped" in u["now"], t="state", what="unfinished")
    check("what to do", u["key"] == "start" and u["outcome"] == "unknown" and not u["settled"], u)
    check("nothing was sent again", rig.pve.calls("start") == 1)
    rig.slot_is_free(p)
    w = rig.verb(p, "start")
    check("start", p.expect(t="verb", id=w, state="finished")["exit"] == 0)
    told(p, settled=True)


@with_rig()
def engine_killed(rig):
    """kill -9 of the engine: the next one says that the VM is off, and what to do"""
    e, p, v = begin(rig)
    e.kill()
    e.wait()
    rig.pve.release("stop")
    until("the script died with its reader", lambda: script_is_gone(rig))
    rig.start()
    q = rig.console("ann")
    u = q.expect(lambda u: "stopped" in u["now"], t="state", what="unfinished")
    check("what to do", u["key"] == "start" and u["id"] == v and not u["settled"], u)
    os.system("%s/qm start" % rig.pve.top)        # by another hand
    u = told(q, settled=True)
    check("it runs again: nothing is left to do", "keeps no record" in u["text"] and
          "VM 102 is running" in u["now"] or "VM 102 runs" in u["now"], u)
    q.expect(t="state", what="proof", done=True)
    check("closed", [f for f in rig.journal() if f.get("id") == v and f.get("learnt")])


@with_rig()
def evicted(rig):
    """SIGTERM in the middle: gone within 5 s, and the journal says what the old program does"""
    e, p, v = begin(rig)
    began = Watch()
    rig.stop()
    took = began.within("it left", 5)
    check("it gave the last words a moment", took > 1.5, took)
    f = [f for f in rig.journal() if f["t"] == "verb" and f["id"] == v][-1]
    check("said", f["state"] == "unknown" and "dies with its reader" in f["why"] and
          "F4" in f["why"], f)
    rig.pve.release("stop")


@with_rig()
def evicted_at_the_end(rig):
    """SIGTERM just before the end: the end is waited for, and is in the journal"""
    e, p, v = begin(rig, hold="start")
    took = Watch()
    e.terminate()
    threading.Timer(0.4, rig.pve.release, ("start",)).start()
    e.wait(LIMIT)
    f = [f for f in rig.journal() if f["t"] == "verb" and f["id"] == v][-1]
    if took.pace() > 4 and f["state"] == "unknown":
        raise Skip("too many want this machine for the host to end in that moment")
    check("finished", f["state"] == "finished" and f["exit"] == 0, f)
    check("the VM runs", rig.pve.vm_runs())


@with_rig()
def upgraded(rig):
    """our program takes the old one's place: the next status knows it, on the same connection"""
    at = rig.pve.top + "/breakglass-pve"
    os.symlink(OLD, at)
    rig.pve.configure('command="%s --site %s/site",restrict ' % (at, rig.pve.top),
                      "/usr/sbin:/usr/bin:/sbin:/bin")
    rig.start()
    p = rig.console("ann")
    rig.links_up(p)
    until("the program is known", lambda: p.pump(0.01) or p.of(
        "state", what="vm", host_program="old"))
    os.symlink(BUILD + "/src/host/breakglass-pve", at + ".new")
    os.rename(at + ".new", at)
    rig.verb(p, "status", confirm=False)
    vm = p.expect(t="state", what="vm", host_program="ok")
    check("no more to do", "host_todo" not in vm, vm)


if __name__ == "__main__":
    main([cycle_is_shown_and_proved, its_exit_status, consoles_come_and_go, agents_shim_dies,
          connection_lost, engine_killed, evicted, evicted_at_the_end, upgraded])
