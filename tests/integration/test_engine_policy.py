#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kill switch and the interlock, against real shells on the devvm's side."""
import os
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from api_rig import (  # noqa: E402
    Api, all_answered, bash, configure, done, here, last, on_devvm, prompt, ready)
from engine_rig import (LIMIT, SANITIZED, Shim, alive, check, children, main, shim,  # noqa: E402
                        until, with_rig)
from pace import Watch  # noqa: E402

API = dict(pve=False, agent_driver="api", claude="/nonexistent/claude")

LONG = bool(os.environ.get("BG_LONG"))


def marked(rig):
    return [pid for pids in on_devvm(rig).values() for pid in pids]


def named(rig, word):
    """Processes of this devvm that have word in their command, whatever their environment."""
    found = []
    for pid in marked(rig):
        try:
            with open("/proc/%d/cmdline" % pid, "rb") as f:
                if word.encode() in f.read().replace(b"\0", b" "):
                    found.append(pid)
        except OSError:
            pass
    return found


def attached(rig, name="ann"):
    if not rig.engines or rig.engines[-1].poll() is not None:
        rig.start()
    p = rig.console(name)
    rig.links_up(p)
    return p


def gone_ms(pids, limit=LIMIT):
    """When the last of them was dead, after now, on a machine that has time."""
    began = Watch()
    until("all are dead", lambda: not [p for p in pids if alive(p)], limit)
    return began.ms() / began.pace()


@with_rig(pve=False)
def what_runs_on_the_devvm(rig):
    """one key: commands that ignore TERM, and what ended commands left, are dead in 250 ms"""
    p = attached(rig)
    best = min(one_kill(rig, p) for _ in range(3))
    check("within 250 ms", best <= (1000 if SANITIZED else 250), best)
    check("on record", [r for r in rig.journal() if r.get("what") == "kill" and r["on"]])


def one_kill(rig, p):
    shims = [Shim(rig, "devvm", "trap '' TERM HUP; sleep 501"), Shim(rig, "devvm", "sleep 502")]
    shim(rig, "devvm", "nohup sleep 503 >/dev/null 2>&1 & echo left", stdin=subprocess.DEVNULL)
    until("all of them run", lambda: all(named(rig, "sleep %d" % n) for n in (501, 502, 503)))
    pids = marked(rig)
    p.send(t="kill", on=True)
    ms = gone_ms(pids)
    print("  %d processes dead after %.0f ms" % (len(pids), ms))
    f = p.expect(t="state", what="kill")
    check("told", f["on"] is True and f["by"] == "ann" and len(f["runs"]) == 2, f)
    for s in shims:
        check("its shim has ended", s.result()[2] in (64, 255), s.out)
    out, err, code = shim(rig, "devvm", "echo not run", stdin=subprocess.DEVNULL)
    check("refused", code == 64 and out == b"" and b"kill switch" in err, out, err)
    p.send(t="kill", on=False)
    p.expect(t="state", what="kill", on=False)
    return ms


@with_rig(ask_seconds=60)
def operators_are_not_touched(rig):
    """verbs, status and another console go on; a verb of the agent's finishes at the host"""
    p = attached(rig)
    rig.pve.hold("reset")
    s = Shim(rig, "pve", "reset")
    p.expect(t="verb", verb="reset", state="sent")
    p.send(t="kill", on=True)
    p.expect(t="state", what="kill", on=True)
    out, err, code = shim(rig, "pve", "status")
    check("the agent is refused", code == 64 and b"kill switch" in err, err)
    rig.pve.release("reset")
    p.expect(t="verb", verb="reset", asked="agent", state="finished")
    rig.slot_is_free(p)
    p.expect(t="verb", id=rig.verb(p, "status"), state="finished", asked="operator")
    p.expect(t="verb", id=rig.verb(p, "cycle"), state="finished")
    s.result(30)


@with_rig(pve=False)
def who_may(rig):
    """a watcher may pull it and not lift it; a read-only console may not; twice is told"""
    p = attached(rig)
    w = rig.console("bob")
    r = rig.console("cat", read_only=True)
    f = r.expect(t="error", req=r.ask(t="kill", on=True))
    check("read-only", "read-only" in f["text"], f)
    w.send(t="kill")
    p.expect(t="state", what="kill", on=True, by="bob")
    f = p.expect(t="error", req=p.ask(t="kill", on=True))
    check("who has", "already, by bob" in f["text"] and "/kill off" in f["todo"], f)
    f = w.expect(t="error", req=w.ask(t="kill", on=False))
    check("a watcher does not lift it", "drives" in f["text"], f)
    f = p.expect(t="error", req=p.ask(t="prompt", text="go on"))
    check("no prompt", "bob pulled the kill switch" in f["text"], f)
    f = p.expect(t="error", req=p.ask(t="runbook", name="triage", offline=True))
    check("no runbook", "kill switch" in f["text"], f)
    f = p.expect(t="error", req=p.ask(t="kill", on=True, more=1))
    check("members", "more" in f["text"], f)
    p.send(t="kill", on=False)
    p.expect(t="state", what="kill", on=False, by="ann")
    f = p.expect(t="error", req=p.ask(t="kill", on=False))
    check("it is off", "not on" in f["text"], f)
    check("works again", shim(rig, "devvm", "exit 7", stdin=subprocess.DEVNULL)[2] == 7)


@with_rig(pve=False)
def it_stays(rig):
    """over a restart of the engine and in a new incident, until it is lifted"""
    p = attached(rig)
    p.send(t="kill")  # which opens the incident that it is on record in
    p.expect(t="state", what="kill", on=True)
    f = p.expect(t="error", req=p.ask(t="incident", state="close"))
    check("a closed incident would not keep it", "kill switch" in f["text"], f)
    p.send(t="incident", state="new")
    p.expect(t="incident", state="opened")
    p.expect(t="state", what="kill", on=True, by="ann")
    rig.stop()
    rig.start()
    q = rig.console("eve")
    check("known at once", last(q, "kill")["on"] and last(q, "kill")["by"] == "ann", q.facts)
    check("still refused", b"kill switch" in shim(rig, "devvm", "true")[1])
    q.send(t="kill", on=False)
    q.expect(t="state", what="kill", on=False)
    rig.stop()
    rig.start()
    z = rig.console("zoe")
    check("lifted for good", not last(z, "kill").get("on"), z.facts)


@with_rig(**API)
def a_turn_and_its_tools(rig):
    """turn, queue, local tools and agent-host end; a stopped agent-host too; then it works again"""
    work = dict(match={"user": "work"}, blocks=[
        bash("sleep 511 & sleep 512 & ssh devvm 'sleep 513'")])
    api = Api(rig, "vendor", work, work)
    configure(rig, api)
    p = ready(rig)
    for stopped in (False, True):
        t = prompt(p, "work")
        until("its tools run", lambda: here(rig, "sleep 511") and named(rig, "sleep 513"))
        waits = prompt(p, "and then this")
        host = [pid for pid in here(rig, "agent-host") if b"launcher" not in cmdline(pid)][0]
        pids = here(rig, "sleep 51") + marked(rig) + [host]
        if stopped:
            os.kill(host, signal.SIGSTOP)
        p.send(t="kill")
        ms = gone_ms(marked(rig) if stopped else pids)
        print("  %d processes dead after %.0f ms%s" % (len(pids), ms, stopped and ", stopped" or ""))
        check("soon", ms <= 2000, ms)
        gone_ms(pids)
        p.expect(t="cancelled", turn=waits)
        check("why", "kill switch" in p.expect(t="cancelled", turn=t)["text"])
        check("not ok", not done(p, t)["ok"])
        p.send(t="kill", on=False)
        p.expect(t="state", what="kill", on=False)
        until("another agent-host", lambda: [
            pid for pid in here(rig, "agent-host") if pid not in pids and
            b"launcher" not in cmdline(pid)])
    t = prompt(p, "and now?")
    check("answered", p.expect(t="text", turn=t)["text"] == "answer of vendor")
    check("ok", done(p, t)["ok"])
    all_answered(api.asked()[-1])
    check("the model knows", "kill switch" in api.asked()[-1]["raw"])


@with_rig(**API)
def what_a_dead_agent_host_left(rig):
    """all that it ran is stopped, one has left its session and environment: none of it lives on"""
    work = dict(match={"user": "work"}, blocks=[
        bash("env -i setsid sleep 521 & sleep 522 & ssh devvm 'sleep 523'")])
    api = Api(rig, "vendor", work, work)
    configure(rig, api)
    p = ready(rig)
    for by_kill_switch in (True, False):
        t = prompt(p, "work")
        until("its tools run", lambda: here(rig, "sleep 521") and named(rig, "sleep 523"))
        host = [pid for pid in here(rig, "agent-host") if b"launcher" not in cmdline(pid)][0]
        pids = [host] + children(host)
        try:
            for pid in pids:
                if cmdline(pid) != b"sleep":
                    os.kill(pid, signal.SIGSTOP)
            if by_kill_switch:
                p.send(t="kill")
                p.expect(t="state", what="kill", on=True)
            else:
                os.kill(host, signal.SIGKILL)
            ms = gone_ms(pids)
            print("  %d processes dead after %.0f ms" % (len(pids), ms))
            until("none is left as a zombie", lambda: not [
                pid for pid in pids if os.path.exists("/proc/%d" % pid)])
        finally:
            for pid in pids:
                if alive(pid):
                    os.kill(pid, signal.SIGKILL)
        done(p, t)
        if by_kill_switch:
            p.send(t="kill", on=False)
            p.expect(t="state", what="kill", on=False)
        until("another agent-host", lambda: [
            pid for pid in here(rig, "agent-host") if pid not in pids and
            b"launcher" not in cmdline(pid)])
    t = prompt(p, "and now?")
    check("answered", p.expect(t="text", turn=t)["text"] == "answer of vendor")
    check("ok", done(p, t)["ok"])


def cmdline(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            return f.read().split(b"\0")[0]
    except OSError:
        return b""


@with_rig(ask_seconds=60, interlock_seconds=4)
def interlock(rig):
    """a healthy devvm makes the agent ask, in every try; one that fails for so long does not"""
    p = attached(rig)
    tries = 500 if LONG else 12
    for i in range(tries):
        verb = ("start", "stop", "reset", "cycle")[i % 4]
        s = Shim(rig, "pve", verb)
        q = p.expect(t="ask")
        check("why", "healthy" in q["text"] and "interlock" in q["text"] and q["verb"] == verb, q)
        p.send(t="answer", id=q["id"], yes=False)
        check("no", s.result()[2] == 64, s.out)
    check("none was sent", not p.of("verb", asked="agent", state="sent"))
    print("  %d tries, none sent" % tries)
    check("status is free", shim(rig, "pve", "status")[2] == 0)
    rig.devvm.refuse()
    rig.devvm.cut()
    began = time.monotonic()
    s = Shim(rig, "pve", "reset")
    p.expect(t="verb", verb="reset", asked="agent", state="finished")
    check("not before it failed for 4 s", time.monotonic() - began >= 4)
    check("done", s.result(60)[2] == 0, s.out)
    said = [f["text"] for f in p.of("note") if "interlock" in f["text"]]
    check("on record", len(said) >= tries + 2 and "the agent's verb goes" in said[-1], said[-2:])


@with_rig(ask_seconds=60, interlock_seconds=60)
def interlock_waits_for_nobody(rig):
    """an operator's verb passes beside it; a shim that leaves, and a kill, end the waiting"""
    p = attached(rig)
    rig.devvm.refuse()
    rig.devvm.cut()
    s = Shim(rig, "pve", "cycle")
    p.expect(where=lambda f: f.get("t") == "note" and "is probed" in f["text"])
    p.expect(t="verb", id=rig.verb(p, "reset"), state="finished")
    p.send(t="kill")
    out, err, code = s.result()
    check("refused by the kill", code == 64 and b"kill switch" in err, out, err)
    check("never sent", not p.of("verb", asked="agent", state="sent"))
    check("and not said to go", not [f for f in p.of("note") if "verb goes" in f["text"]])


@with_rig(ask_seconds=60)
def a_verb_that_is_not_sent(rig):
    """a verb of the agent's that waits for its host is not sent behind the kill"""
    p = attached(rig)
    rig.pve.refuse()
    rig.pve.cut()
    rig.link(p, "pve", "down")
    s = Shim(rig, "pve", "cycle")
    p.expect(t="verb", verb="cycle", state="confirmed")
    p.send(t="kill")
    p.expect(t="state", what="kill", on=True)
    p.expect(t="verb", verb="cycle", asked="agent", state="refused")
    rig.pve.back()
    rig.link(p, "pve", "up")
    p.expect(t="verb", id=rig.verb(p, "status"), state="finished")
    s.result(30)
    check("never sent", not p.of("verb", asked="agent", state="sent"))


@with_rig(ask_seconds=60, interlock_seconds=60)
def lowered_while_it_waits(rig):
    """what is free no more when the probe is over is not done"""
    p = attached(rig)
    rig.devvm.freeze()
    s = Shim(rig, "pve", "reset")
    p.expect(where=lambda f: f.get("t") == "note" and "is probed" in f["text"])
    p.send(t="autonomy", level="observe")
    p.expect(t="state", what="autonomy", level="observe")
    rig.devvm.freeze(False)
    out, err, code = s.result(30)
    check("refused", code == 64 and b"autonomy to observe" in err, out, err, code)
    check("never sent", not p.of("verb", asked="agent", state="sent"))


sys.exit(main([what_runs_on_the_devvm, operators_are_not_touched, who_may, it_stays,
               a_turn_and_its_tools, what_a_dead_agent_host_left, interlock,
               interlock_waits_for_nobody, a_verb_that_is_not_sent, lowered_while_it_waits]))
