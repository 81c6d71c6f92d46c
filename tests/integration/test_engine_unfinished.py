#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mutating verb whose end nobody saw: engine killed or evicted, network or connection
lost, at each point of its way.  The next start, and the same engine once it is connected
again, say what happened and what is true now, and repeat nothing."""
import os
import re
import shutil
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import (BUILD, LIMIT, background_engines, check, main, until,  # noqa: E402
                        with_rig)
from pace import Watch  # noqa: E402

MUTATING = ("start", "stop", "reset", "cycle")


def mutations(rig):
    """What qm was told to change, the rig's own first start aside."""
    return [w for w in rig.pve.read("qm.calls").split()[1:] if w in MUTATING]


def told(p, limit=LIMIT, **members):
    """The next word about an unfinished verb that has these members."""
    return p.expect(t="state", what="unfinished", limit=limit, **members)


def kill(rig, e):
    e.kill()
    e.wait()


def begin(rig, verb="cycle", hold="stop"):
    """An engine whose verb is in the middle of what qm does; (engine, console, id)."""
    e = rig.start()
    p = rig.console("ann")
    rig.links_up(p)
    rig.pve.hold(hold)
    n = rig.pve.calls(hold)
    v = rig.verb(p, verb)
    until("the host is at it", lambda: rig.pve.calls(hold) > n)
    return e, p, v


def gate(rig):
    """The host program waits for a file before it begins with a mutating verb."""
    t = rig.pve.top
    with open(t + "/gate", "w") as f:
        f.write('#!/bin/bash\ncase $SSH_ORIGINAL_COMMAND in start|stop|reset|cycle)\n'
                'echo $$ >%s/at-gate\nuntil [ -e %s/go.gate ]; do read -rt 0.02 _ <> <(:); '
                'done ;; esac\nexec %s/src/host/breakglass-pve --site %s/site\n'
                % (t, t, BUILD, t))
    os.chmod(t + "/gate", 0o755)
    rig.pve.configure('command="%s/gate",restrict ' % t, "/usr/sbin:/usr/bin:/sbin:/bin")


def guard(rig):
    """The guard of the run at the host."""
    m = re.search(r"worker=(\d+)", "".join(
        open(rig.pve.top + "/run/runs/" + n).read()
        for n in sorted(os.listdir(rig.pve.top + "/run/runs"))[-2:] if n.endswith(".log")))
    return int(m.group(1))


def children(pid):
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % name) as f:
                if int(f.read().rsplit(")", 1)[1].split()[1]) == pid:
                    yield int(name)
        except OSError:
            pass


def began(pid):
    with open("/proc/%d/stat" % pid) as f:
        return int(f.read().rsplit(")", 1)[1].split()[19]), pid


def kill_all(rig, guard):
    """The guard and the worker, as a host that dies does it, and the qm that it waits for."""
    below = list(children(guard))
    for pid in [guard, *below]:
        os.kill(pid, signal.SIGKILL)
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % name) as f:
                if rig.pve.top + "/qm\0start" in f.read():
                    os.kill(int(name), signal.SIGKILL)
        except OSError:
            pass


def ends_well(rig, q, v, old, verb="cycle"):
    """It runs at the host; it is let go; all that follows."""
    u = told(q, outcome="running")
    check("one sentence", "goes on at the host" in u["text"] and u["now"] in u["text"] and
          u["key"] == "" and u["settled"] is False and u["who"] == "ann", u)
    slot = [f for f in q.facts if f.get("what") == "slot"][-1]
    check("the slot is held for it", slot.get("holder") == "ann" and slot["verb"] == verb, slot)
    before = mutations(rig)
    w = rig.verb(q, "reset")
    f = q.expect(t="verb", id=w, state="refused")
    check("who, what and how long", re.search(r"ann holds the slot: cycle, for [0-9.]+ s", f["why"])
          and "runs at the host" in f["why"], f)
    check("nothing was sent for it", mutations(rig) == before)
    rig.pve.release("stop")
    f = q.expect(t="verb", id=v, state="finished")
    check("its end, as the host told it", f["exit"] == 0 and f["learnt"] == "the host's status" and
          f["by"] == "engine" and f["host_run"], f)
    u = told(q, outcome="done")
    check("nothing is left to do", u["settled"] is True and u["key"] == "" and
          "runs (QEMU pid %d)" % rig.pve.vm_pid() in u["now"], u)
    rig.slot_is_free(q)
    proof = q.expect(t="state", what="proof", done=True)
    check("proved", all(r["ok"] for r in proof["rungs"]), proof)
    check("a fresh process, once", rig.pve.vm_pid() != old and mutations(rig) == ["stop", "start"],
          mutations(rig))
    rig.journal()


@with_rig()
def killed_before_sent(rig):
    """confirmed, never sent: `never ran` once the host knows no such run, the verb is the key"""
    e = rig.start()
    p = rig.console("ann")
    rig.links_up(p)
    rig.pve.refuse()
    rig.pve.cut()
    rig.link(p, "pve", "down")
    v = rig.verb(p, "cycle")
    p.expect(t="verb", id=v, state="confirmed")
    until("it is in the journal", lambda: [f for f in rig.journal() if f.get("state") == "confirmed"])
    kill(rig, e)
    rig.start()
    q = rig.console("ann")
    u = q.of("state", what="unfinished")[0]
    check("at once, before anybody is asked", "not known yet" in u["text"] and u["id"] == v, u)
    until("the host is silent: that is what is true now", lambda: q.pump(0.01) or [
        u for u in q.of("state", what="unfinished", key="status") if "does not say" in u["now"]])
    rig.pve.back()
    u = told(q, outcome="never ran")
    check("what to do", u["key"] == "cycle" and u["settled"] is False and "VM 102 runs" in u["now"],
          u)
    f = q.of("verb", id=v, state="refused")
    check("closed in the journal", f and "never ran" in f[-1]["why"] and f[-1]["learnt"], f)
    check("nothing ran", not mutations(rig))
    w = rig.verb(q, "cycle")
    check("it can be sent", q.expect(t="verb", id=w, state="finished")["exit"] == 0)
    u = told(q, settled=True)
    check("then the banner goes", "cycle by ann has ended since" in u["text"], u)
    rig.stop()
    rig.start()
    r = rig.console("ann")
    rig.quiet(r)
    check("and does not come back", not [f for f in r.facts if f.get("what") == "unfinished" and
                                         not f["settled"]])


@with_rig()
def killed_before_the_first_mark(rig):
    """sent, and the host's name for it never came: recognised by verb and time"""
    gate(rig)
    e = rig.start()
    p = rig.console("ann")
    rig.links_up(p)
    old = rig.pve.vm_pid()
    rig.pve.hold("stop")
    v = rig.verb(p, "cycle")
    p.expect(t="verb", id=v, state="sent")
    until("at the gate", lambda: rig.pve.read("at-gate"))
    kill(rig, e)
    rig.pve.release("gate")
    until("the host is at it", lambda: rig.pve.calls("stop"))
    rig.start()
    q = rig.console("ann")
    ends_well(rig, q, v, old)


@with_rig()
def killed_at_the_door(rig):
    """sent, and the host never began: `never ran`, and only after a while"""
    gate(rig)
    e = rig.start()
    p = rig.console("ann")
    rig.links_up(p)
    began = time.monotonic()
    v = rig.verb(p, "stop")
    p.expect(t="verb", id=v, state="sent")
    until("at the gate", lambda: rig.pve.read("at-gate"))
    kill(rig, e)
    os.kill(int(rig.pve.read("at-gate")), signal.SIGKILL)
    rig.start()
    q = rig.console("ann")
    u = told(q, outcome="never ran")
    check("not before it could have come", time.monotonic() - began > 4.5)
    check("the key", u["key"] == "stop" and "VM 102 runs" in u["now"], u)
    check("nothing ran", not mutations(rig))


@with_rig()
def killed_in_a_phase(rig):
    """kill -9 of the engine while the host stops the VM: watched, refused, told, proved"""
    e, p, v = begin(rig)
    old = rig.pve.vm_pid()
    kill(rig, e)
    rig.start()
    ends_well(rig, rig.console("ann"), v, old)


@with_rig()
def killed_before_the_end_was_recorded(rig):
    """the host's result came and the journal does not have it: `done`, by one status"""
    e, p, v = begin(rig)
    os.kill(e.pid, signal.SIGSTOP)
    rig.pve.release("stop")
    until("the host has ended", lambda: rig.pve.read("run/last"))
    kill(rig, e)
    rig.start()
    q = rig.console("ann")
    f = q.expect(t="verb", id=v, state="finished")
    check("its end", f["exit"] == 0 and f["learnt"], f)
    u = told(q, outcome="done")
    check("settled", u["settled"] is True, u)
    q.expect(t="state", what="proof", done=True)
    check("once", mutations(rig) == ["stop", "start"], mutations(rig))


@with_rig()
def ended_and_failed(rig):
    """the host's start failed while nobody looked: the host's own reason, and start is the key"""
    e, p, v = begin(rig)
    rig.pve.hook("start", 'die "start failed: QEMU exited with code 1"\n')
    kill(rig, e)
    rig.pve.release("stop")
    until("the host has ended", lambda: rig.pve.read("run/last"))
    rig.start()
    q = rig.console("ann")
    u = told(q, outcome="failed")
    check("words", "exit 3: qm start: start failed: QEMU exited with code 1; VM 102 is stopped: mend" in u["text"] and u["now"] == "VM 102 is stopped" and
          u["key"] == "start" and not u["settled"], u)
    check("exit 3", q.of("verb", id=v, state="finished")[-1]["exit"] == 3)
    check("a start's proof is not begun", not q.of("state", what="proof"))
    rig.pve.hook("start", None)
    w = rig.verb(q, "start")
    check("start", q.expect(t="verb", id=w, state="finished")["exit"] == 0)
    told(q, settled=True)


@with_rig()
def evicted(rig):
    """SIGTERM in the middle of a cycle: gone within 5 s, said in the journal, told by the next"""
    e, p, v = begin(rig)
    old = rig.pve.vm_pid()
    began = Watch()
    rig.stop()
    began.within("at once", 5)
    check("in the journal", [f for f in rig.journal() if f.get("state") == "unknown" and
                             "the engine left" in f["why"] and "goes on" in f["why"]])
    rig.start()
    ends_well(rig, rig.console("ann"), v, old)


@with_rig()
def evicted_before_sent(rig):
    """SIGTERM before it was sent: refused in the journal, and nothing is unfinished"""
    rig.start()
    p = rig.console("ann")
    rig.links_up(p)
    rig.pve.refuse()
    rig.pve.cut()
    rig.link(p, "pve", "down")
    v = rig.verb(p, "cycle")
    p.expect(t="verb", id=v, state="confirmed")
    rig.stop()
    f = [f for f in rig.journal() if f.get("id") == v and f["t"] == "verb"][-1]
    check("why", f["state"] == "refused" and "before it was sent" in f["why"], f)
    rig.pve.back()
    rig.start()
    q = rig.console("ann")
    rig.quiet(q)
    check("nothing is unfinished", not q.of("state", what="unfinished"))


@with_rig()
def connection_lost(rig):
    """the connection is cut: the same engine asks by itself, holds the slot, tells the end"""
    e, p, v = begin(rig)
    old = rig.pve.vm_pid()
    rig.pve.cut()
    p.expect(t="verb", id=v, state="unknown")
    u = told(p, outcome="unknown")
    check("at once", u["id"] == v and u["host_run"], u)
    ends_well(rig, p, v, old)
    kinds = [(f["state"], f.get("learnt")) for f in rig.journal() if f["t"] == "verb" and f["id"] == v
             and f["state"] in ("unknown", "finished")]
    check("both ends are on record", kinds == [("unknown", None), ("finished", "the host's status")],
          kinds)


@with_rig()
def network_gone_for_a_while(rig):
    """nobody answers for a while: said so, nothing held; then the truth"""
    e, p, v = begin(rig)
    rig.pve.refuse()
    rig.pve.cut()
    p.expect(t="verb", id=v, state="unknown")
    u = told(p, key="status")
    check("what is not known", "does not say" in u["now"], u)
    rig.slot_is_free(p)
    rig.pve.release("stop")
    until("the host has ended", lambda: rig.pve.read("run/last"))
    rig.pve.back()
    check("its end", p.expect(t="verb", id=v, state="finished")["exit"] == 0)
    told(p, outcome="done", settled=True)


@with_rig()
def worker_killed(rig):
    """worker and guard are killed between stop and start: interrupted, VM off, start is the key"""
    e, p, v = begin(rig, hold="start")
    w = guard(rig)
    kill(rig, e)
    kill_all(rig, w)
    rig.start()
    q = rig.console("ann")
    u = told(q, outcome="interrupted")
    check("words", "in phase starting" in u["text"] and u["now"] == "VM 102 is stopped" and
          u["key"] == "start", u)
    check("nothing is repeated", mutations(rig) == ["stop", "start"], mutations(rig))
    f = q.of("verb", id=v, state="unknown")[-1]
    check("closed", f["learnt"] and "interrupted" in f["why"], f)
    rig.stop()
    rig.start()
    r = rig.console("bob")
    u = told(r, outcome="interrupted")
    check("the next engine tells it too", u["key"] == "start" and u["who"] == "ann", u)
    check("and closes nothing twice", len([f for f in rig.journal() if f.get("learnt")]) == 1)
    rig.pve.hook("start", 'die "start failed"\n')
    w = rig.verb(r, "start")
    check("a start that fails", r.expect(t="verb", id=w, state="finished")["exit"] == 3)
    u = told(r)
    check("leaves to do what there was, and that is said", u["outcome"] == "interrupted" and
          u["key"] == "start" and not u["settled"], u)
    rig.pve.hook("start", None)
    w = rig.verb(r, "start")
    check("start", r.expect(t="verb", id=w, state="finished")["exit"] == 0)
    told(r, settled=True)


@with_rig()
def now_is_kept_true(rig):
    """the VM comes up by another hand: `now` says so, and nothing is left to do"""
    e, p, v = begin(rig)
    rig.pve.hook("start", 'die "start failed"\n')
    rig.pve.cut()
    rig.pve.release("stop")
    u = told(p, outcome="failed")
    check("stopped", u["key"] == "start" and "stopped" in u["now"], u)
    rig.pve.hook("start", None)
    os.system("%s/qm start" % rig.pve.top)
    rig.verb(p, "status", confirm=False)
    u = told(p, outcome="failed")
    check("runs", "VM 102 runs" in u["now"] and u["key"] == "forensics", u)


@with_rig()
def journal_is_gone(rig):
    """no journal, as after a pod: the host's own words about what was cut short, a banner too"""
    e, p, v = begin(rig, hold="start")
    w = guard(rig)
    kill(rig, e)
    kill_all(rig, w)
    shutil.rmtree(rig.sessions)
    rig.start()
    q = rig.console("bob")
    u = told(q, outcome="interrupted")
    check("whose it was is not known", u["who"] == "somebody else" and u["verb"] == "cycle" and
          u["key"] == "start" and "VM 102 is stopped" in u["now"] and u["host_run"], u)
    check("no incident is opened for it", not rig.journals(), rig.journals())
    rig.pve.hook("start", None)
    w = rig.verb(q, "start")
    check("start", q.expect(t="verb", id=w, state="finished")["exit"] == 0)
    told(q, settled=True)


@with_rig()
def somebody_elses(rig):
    """a run of another engine: told, the slot held while it runs, proved when it has ended"""
    e, p, v = begin(rig)
    kill(rig, e)
    shutil.rmtree(rig.sessions)
    rig.start()
    q = rig.console("bob")
    u = told(q, outcome="running")
    check("who", u["who"] == "somebody else" and "id" not in u, u)
    w = rig.verb(q, "start")
    f = q.expect(t="verb", id=w, state="refused")
    check("refused here", "somebody else holds the slot: cycle" in f["why"], f)
    rig.pve.release("stop")
    u = told(q, outcome="done")
    check("settled", u["settled"] is True, u)
    q.expect(t="state", what="proof", done=True)


@with_rig()
def several(rig):
    """two unfinished ones: the last counts, both are closed"""
    e, p, v = begin(rig)
    kill(rig, e)
    rig.pve.refuse()
    rig.pve.cut()
    e = rig.start()
    p = rig.console("bob")
    w = rig.verb(p, "reset")
    p.expect(t="verb", id=w, state="confirmed")
    until("in the journal", lambda: [f for f in rig.journal() if f.get("id") == w and
                                     f.get("state") == "confirmed"])
    kill(rig, e)
    rig.pve.release("stop")
    until("the host has ended", lambda: rig.pve.read("run/last"))
    rig.pve.back()
    rig.start()
    q = rig.console("ann")
    u = told(q, outcome="never ran")
    check("the last one", u["id"] == w and u["who"] == "bob" and u["verb"] == "reset", u)
    ends = {f["id"]: f["state"] for f in rig.journal() if f.get("learnt")}
    check("both are closed", ends == {v: "finished", w: "refused"}, ends)


@with_rig()
def overtaken(rig):
    """another engine's verb has run since: how it ended is not known, and that is said"""
    e, p, v = begin(rig)
    kill(rig, e)
    rig.pve.release("stop")
    until("the host has ended", lambda: rig.pve.read("run/last"))
    os.environ["SSH_ORIGINAL_COMMAND"] = "reset"
    os.system("%s/src/host/breakglass-pve --site %s/site >/dev/null" % (BUILD, rig.pve.top))
    rig.start()
    q = rig.console("ann")
    u = told(q, settled=True)
    check("words", u["outcome"] == "unknown" and "another verb since" in u["text"], u)
    f = q.of("verb", id=v, state="unknown")
    check("closed", f and f[-1]["learnt"], f)


@with_rig()
def guarded(rig):
    """the worker alone is killed between stop and start: the guard brings the VM up"""
    e, p, v = begin(rig, hold="start")
    os.kill(max(children(guard(rig)), key=began), signal.SIGKILL)   # the scribe is older
    rig.pve.release("start")
    f = p.expect(t="verb", id=v, state="finished", limit=60)
    check("as if nothing had been", f["exit"] == 0 and rig.pve.vm_pid(), f)
    said = p.output(p.of("verb", id=v, state="sent")[0]["run"])
    check("and told", b"VM 102 is started all the same" in said, said)


@with_rig()
def worker_lost_in_sight(rig):
    """both are killed while we read: unknown, then interrupted, without a reconnect"""
    e, p, v = begin(rig, hold="start")
    kill_all(rig, guard(rig))
    f = p.expect(t="verb", id=v, state="unknown")
    check("the host program's own words", "worker was lost" in f["why"], f)
    u = told(p, outcome="interrupted")
    check("off, and start is the key", u["key"] == "start" and "stopped" in u["now"], u)


@with_rig()
def command_lines(rig):
    """a cycle from the command line is cut: 76; its engine stays until it knows the end; then
    another command says what is unfinished, and what to do"""
    rig.pve.hold("stop")
    c = rig.popen("cycle", "--confirm", "cycle")
    until("the host is at it", lambda: rig.pve.calls("stop"))
    rig.pve.cut()
    out, err = c.communicate(timeout=LIMIT)
    check("76", c.returncode == 76, c.returncode, out, err)
    rig.pve.hook("start", 'die "start failed"\n')
    c = rig.cli("status")
    check("said", c.returncode == 0 and "goes on at the host (phase stopping)" in c.stderr, c)
    rig.pve.release("stop")
    until("its end is in the journal", lambda: [f for f in rig.journal() if f.get("learnt")])
    until("the engine has left", lambda: not background_engines(rig.dir))
    c = rig.cli("status")
    check("the next one says it, too, and what to do", "the start failed; VM 102 is stopped" in
          c.stderr and "Next: breakglass start --confirm start" in c.stderr, c)
    rig.pve.hook("start", None)
    c = rig.cli("start", "--confirm", "start")
    check("start", c.returncode == 0 and "cycle by" not in c.stderr, c)
    c = rig.cli("status")
    check("nothing is unfinished", "cycle by" not in c.stderr, c)


@with_rig()
def overtaken_here(rig):
    """a later verb of this incident has ended since: closed, and no banner in the next engine"""
    e, p, v = begin(rig)
    rig.pve.refuse()
    rig.pve.cut()
    p.expect(t="verb", id=v, state="unknown")
    rig.pve.release("stop")
    until("the host has ended", lambda: rig.pve.read("run/last"))
    rig.pve.back()
    w = rig.verb(p, "stop")
    f = p.expect(lambda f: f["state"] in ("finished", "refused"), t="verb", id=w)
    if f["state"] == "refused":     # it was asked while the first was being looked at
        w = rig.verb(p, "stop")
        p.expect(t="verb", id=w, state="finished")
    kill(rig, e)
    rig.start()
    q = rig.console("ann")
    rig.quiet(q)
    check("no banner", not [u for u in q.of("state", what="unfinished") if not u["settled"]])
    check("closed once", len([f for f in rig.journal() if f.get("id") == v and
                              f.get("learnt")]) == 1)


@with_rig()
def every_phase(rig):
    """each verb, the engine killed while its host captures, stops, starts or resets: the end is
    told, in the journal, and what runs then is what the verb wanted"""
    for verb, hold in (("cycle", "pending"), ("cycle", "start"), ("reset", "reset"),
                       ("stop", "stop"), ("start", "start")):
        e = rig.start()
        p = rig.console("ann")
        rig.links_up(p)
        until("the first status is over", lambda: p.pump(0.01) or p.of("state", what="vm"))
        rig.pve.hook(hold, None) if os.path.exists(rig.pve.top + "/qm." + hold) else None
        if os.path.exists(rig.pve.top + "/go." + hold):
            os.unlink(rig.pve.top + "/go." + hold)
        rig.pve.hold(hold)
        n = rig.pve.calls(hold)
        v = rig.verb(p, verb)
        until("the host is at it", lambda: rig.pve.calls(hold) > n)
        kill(rig, e)
        if hold == "pending":       # a status asks that, too
            rig.pve.release(hold)
        rig.start()
        q = rig.console("ann")
        if hold != "pending":
            u = told(q, outcome="running", id=v)
            check("who and what", u["verb"] == verb and u["who"] == "ann", u)
        rig.pve.release(hold)
        f = q.expect(t="verb", id=v, state="finished")
        check("its end", f["exit"] == 0 and f["learnt"], verb, hold, f)
        u = told(q, outcome="done", id=v)
        check("settled", u["settled"] is True and u["key"] == "", u)
        check("the VM", bool(rig.pve.vm_runs()) == (verb != "stop"), verb, u)
        rig.stop()


@with_rig()
def network_is_silent(rig):
    """packets are dropped: nobody hears anything for 15 s, then it is unknown; then the truth"""
    rig.pve.write_site(stop_ms=60000)
    e, p, v = begin(rig)
    rig.pve.freeze()
    p.expect(t="verb", id=v, state="unknown")
    rig.pve.release("stop")
    until("the host has ended", lambda: rig.pve.read("run/last"))
    rig.pve.freeze(False)
    f = p.expect(t="verb", id=v, state="finished")
    check("its end", f["exit"] == 0, f)
    told(p, outcome="done", settled=True)


QUICK = [killed_in_a_phase, killed_before_the_end_was_recorded, ended_and_failed, evicted_before_sent,
         worker_killed, guarded, worker_lost_in_sight, overtaken]
SLOW = [killed_before_sent, killed_before_the_first_mark, killed_at_the_door, evicted,
        connection_lost, network_gone_for_a_while, now_is_kept_true, journal_is_gone,
        somebody_elses, several, command_lines,
        overtaken_here, every_phase, network_is_silent]

if __name__ == "__main__":
    main(QUICK if len(sys.argv) == 1 else QUICK + SLOW)
