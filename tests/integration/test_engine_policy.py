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
from engine_rig import (SANITIZED, Shim, Skip, alive, check, children, main, shim,  # noqa: E402
                        until, with_rig)
from pace import Bare  # noqa: E402

API = dict(pve=False, agent_driver="api", claude="/nonexistent/claude")

LONG = bool(os.environ.get("BG_LONG"))

KILL_MS = (1000 if SANITIZED else 250) * float(os.environ.get("BG_SLOWER", 1))
HELD = 2            # a kill has so many turns in a row, each as long as that of a bare one
SPARE_MS = 1250     # what a busy machine is given at most: a kill that takes 2 s always fails
TRIES = 6


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


def gone_ms(pids, do):
    """When the last of them was dead, after do(); and how long a bare kill was held up then."""
    bare, began = Bare(), time.monotonic()
    do()
    until("all are dead", lambda: not [p for p in pids if alive(p)])
    ms = (time.monotonic() - began) * 1000
    return len(pids), ms, bare.held_ms()


def in_time(what, kill, *args):
    """kill() does one and says its gone_ms: within KILL_MS, and what the machine held it up.

    Where that is more than SPARE_MS it tells nothing, and is done again."""
    for _ in range(TRIES):
        n, ms, held = kill(*args)
        print("  %s: %d processes dead after %.0f ms, a bare kill was held up %.0f ms" % (
            what, n, ms, held), flush=True)
        check("%s: within %.0f ms" % (what, KILL_MS), ms <= KILL_MS + HELD * held, ms, held)
        if ms <= KILL_MS + SPARE_MS:
            return
    raise Skip("the machine is too busy: %d kills told nothing" % TRIES)


@with_rig(pve=False)
def what_runs_on_the_devvm(rig):
    """one key: commands that ignore TERM, and what ended commands left, are dead in 250 ms"""
    p = attached(rig)
    for _ in range(3):
        in_time("on the devvm", one_kill, rig, p)
    check("on record", [r for r in rig.journal() if r.get("what") == "kill" and r["on"]])


def one_kill(rig, p):
    shims = [Shim(rig, "devvm", "trap '' TERM HUP; sleep 501"), Shim(rig, "devvm", "sleep 502")]
    shim(rig, "devvm", "nohup sleep 503 >/dev/null 2>&1 & echo left", stdin=subprocess.DEVNULL)
    until("all of them run", lambda: all(named(rig, "sleep %d" % n) for n in (501, 502, 503)))
    pids = marked(rig)
    figures = gone_ms(pids, lambda: p.send(t="kill", on=True))
    f = p.expect(t="state", what="kill")
    check("told", f["on"] is True and f["by"] == "ann" and len(f["runs"]) == 2, f)
    for s in shims:
        check("its shim has ended", s.result()[2] in (64, 255), s.out)
    out, err, code = shim(rig, "devvm", "echo not run", stdin=subprocess.DEVNULL)
    check("refused", code == 64 and out == b"" and b"kill switch" in err, out, err)
    p.send(t="kill", on=False)
    p.expect(t="state", what="kill", on=False)
    return figures


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


def agent_host(rig):
    return [pid for pid in here(rig, "agent-host") if b"launcher" not in cmdline(pid)]


def at_work(rig, p, api_word, local, remote):
    """A turn whose tools run, here and on the devvm; (turn, agent-host)."""
    t = prompt(p, api_word)
    until("its tools run", lambda: here(rig, local) and named(rig, remote))
    return t, agent_host(rig)[0]


def works_again(rig, p, pids, lift=True):
    if lift:
        p.send(t="kill", on=False)
        p.expect(t="state", what="kill", on=False)
    until("another agent-host", lambda: [x for x in agent_host(rig) if x not in pids])


def answers(p):
    t = prompt(p, "and now?")
    check("answered", p.expect(t="text", turn=t)["text"] == "answer of vendor")
    check("ok", done(p, t)["ok"])


@with_rig(**API)
def a_turn_and_its_tools(rig):
    """turn, queue, local tools and agent-host end; a stopped agent-host too; then it works again"""
    work = dict(match={"user": "work"}, blocks=[
        bash("sleep 511 & sleep 512 & ssh devvm 'sleep 513'")], repeat="forever")
    api = Api(rig, "vendor", work)
    configure(rig, api)
    p = ready(rig)

    def kill(stopped):
        t, host = at_work(rig, p, "work", "sleep 511", "sleep 513")
        waits = prompt(p, "and then this")
        pids = here(rig, "sleep 51") + marked(rig) + [host]
        if stopped:
            os.kill(host, signal.SIGSTOP)
        figures = gone_ms(pids, lambda: p.send(t="kill"))
        p.expect(t="cancelled", turn=waits)
        check("why", "kill switch" in p.expect(t="cancelled", turn=t)["text"])
        check("not ok", not done(p, t)["ok"])
        works_again(rig, p, pids)
        return figures
    in_time("a turn", kill, False)
    in_time("agent-host is stopped", kill, True)
    answers(p)
    all_answered(api.asked()[-1])
    check("the model knows", "kill switch" in api.asked()[-1]["raw"])


@with_rig(**API)
def what_a_dead_agent_host_left(rig):
    """all that it ran is stopped, one has left its session and environment: none of it lives on"""
    work = dict(match={"user": "work"}, blocks=[
        bash("env -i setsid sleep 521 & sleep 522 & ssh devvm 'sleep 523'")], repeat="forever")
    api = Api(rig, "vendor", work)
    configure(rig, api)
    p = ready(rig)

    def kill(by_kill_switch):
        t, host = at_work(rig, p, "work", "sleep 521", "sleep 523")
        pids = [host] + children(host)
        try:
            for pid in pids:
                if cmdline(pid) != b"sleep":
                    os.kill(pid, signal.SIGSTOP)
            figures = gone_ms(pids, (lambda: p.send(t="kill")) if by_kill_switch else
                              lambda: os.kill(host, signal.SIGKILL))
            until("none is left as a zombie", lambda: not [
                pid for pid in pids if os.path.exists("/proc/%d" % pid)])
        finally:
            for pid in pids:
                if alive(pid):
                    os.kill(pid, signal.SIGKILL)
        if by_kill_switch:
            p.expect(t="state", what="kill", on=True)
        done(p, t)
        works_again(rig, p, pids, by_kill_switch)
        return figures
    in_time("all of it is stopped", kill, True)
    in_time("agent-host is killed, the rest stopped", kill, False)
    answers(p)


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
