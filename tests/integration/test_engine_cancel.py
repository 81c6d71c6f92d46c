#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cancel is honest: at once, and the list of what is left is what the hosts' ps says."""
import contextlib
import os
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import (BUILD, LIMIT, SANITIZED, SRC, alive, check, main, until,  # noqa: E402
                        with_rig)
from pace import Watch  # noqa: E402

FAKE = dict(claude=SRC + "/tests/fakes/fake-claude")
SOON = 1.0 if SANITIZED else 0.25


def ssh(rig, host, command, **more):
    p = subprocess.Popen([BUILD + "/src/agent/shim/ssh", host, command],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         env=dict(BREAKGLASS_SOCKET=rig.run_dir + "/agent/agent.sock"),
                         **(more or dict(stdin=subprocess.DEVNULL)))
    rig.procs.append(p)
    return p


def tokens(rig):
    """What lives with a token at the devvm, by /proc: {run: [pids]}."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/environ" % name, "rb") as f:
                    env = f.read().split(b"\0")
            except OSError:
                continue
            mine = [w for w in env if w.startswith(b"LC_BREAKGLASS_RUN=bg-")]
            if mine and ("HOME=" + rig.devvm.top).encode() in env and alive(int(name)):
                run = mine[0].decode().rsplit("-", 1)[1].rstrip(".")
                found.setdefault(run, []).append(int(name))
    return found


def ready(rig):
    rig.start()
    p = rig.console()
    rig.links_up(p)
    until("the agent is ready", lambda: p.pump(0.01) or [
        f for f in p.facts if f.get("what") == "agent" and f["state"] == "ready"])
    return p


def busy(p, text="half"):
    """A turn that goes on until it is cancelled."""
    p.ask(t="prompt", text=text)
    return p.expect(t="prompt", state="started", text=text)["turn"]


def cancel(p, turn):
    began = Watch()
    p.ask(t="cancel")
    f = p.expect(t="cancelled", turn=turn)
    began.within("within %g s" % SOON, SOON)
    return f


@with_rig(pve=False, **FAKE)
def during_a_command(rig):
    """ssh devvm sleep 300 from the agent's own shell: told within 250 ms, dead soon after"""
    p = ready(rig)
    turn = busy(p, "run ssh devvm 'sleep 300'")
    run = p.expect(t="tool", asked="agent", host="devvm")["id"]
    until("it runs", lambda: run in tokens(rig))
    pids = tokens(rig)[run]
    f = cancel(p, turn)
    check("its run", f["runs"] == [run], f)
    states = [s for s in p.facts if s.get("what") == "left"]
    f = states[0] if states else p.expect(t="state", what="left")
    check("told at once", f["runs"] == [dict(id=run, host="devvm", what="sleep 300",
                                             state="ending")], f)
    p.expect(t="done", turn=turn)
    until("nothing is left", lambda: p.pump(0.01) or [
        s for s in p.facts if s.get("what") == "left"][-1:] and [
            s for s in p.facts if s.get("what") == "left"][-1]["runs"] == [])
    check("that is true", not [x for x in pids if alive(x)])
    e = p.of("tool_end", id=run)[0]
    check("its end", "ended" in e["failed"], e)


@with_rig(pve=False, **FAKE)
def four_kinds(rig):
    """plain, one that ignores TERM, one that left its session, one with input: all end, by the list"""
    p = ready(rig)
    turn = busy(p)
    for c in ("sleep 300", "trap '' TERM; sleep 300; sleep 300",
              "setsid sh -c 'trap \"\" TERM HUP; sleep 300; sleep 300' & wait"):
        ssh(rig, "devvm", c)
        p.expect(t="tool", asked="agent")
    ssh(rig, "devvm", "trap '' TERM; sleep 300; cat", stdin=subprocess.PIPE)
    p.expect(t="tool", asked="agent")
    until("all run", lambda: len(tokens(rig)) == 4)
    before, watch = tokens(rig), Watch()
    f = cancel(p, turn)
    check("all four", sorted(f["runs"]) == sorted(before), f, before)
    until("the list is empty", lambda: p.pump(0.01) or [
        s for s in p.facts if s.get("what") == "left"][-1]["runs"] == [])
    check("and that is true", not tokens(rig), tokens(rig))
    pace = watch.pace()                 # only a host that many share answers late
    words = {"ending", "running"} | ({"unknown"} if pace > 2 else set())
    for s in p.of("state", what="left"):
        check("by known words", {r["state"] for r in s["runs"]} <= words, s, pace)


@with_rig(pve=False, **FAKE)
def left_behind(rig):
    """what a command that had ended left behind is listed as running, and ended when asked for"""
    p = ready(rig)
    turn = busy(p)
    out, _ = ssh(rig, "devvm", "sleep 300 >/dev/null 2>&1 & echo $!").communicate(timeout=LIMIT)
    pid = int(out)
    run = p.expect(t="tool", asked="agent")["id"]
    f = cancel(p, turn)
    check("no run", f["runs"] == [], f)
    f = p.expect(t="state", what="left", where=lambda f: f["runs"])
    check("it is listed", [(r["id"], r["state"]) for r in f["runs"]] == [(run, "running")], f)
    check("and lives", alive(pid) and tokens(rig) == {run: [pid]}, tokens(rig))
    p.ask(t="end", id=run)
    f = p.expect(t="state", what="left")
    check("ending", f["runs"][0]["state"] == "ending", f)
    p.expect(t="state", what="left", runs=[])
    check("gone", not alive(pid))
    f = p.expect(t="error", req=p.ask(t="end", id=run))
    check("not twice", run in f["text"], f)


@with_rig(pve=False, **FAKE)
def host_is_silent(rig):
    """a devvm that is frozen: unknown, not gone; asked again when it is back"""
    p = ready(rig)
    turn = busy(p)
    ssh(rig, "devvm", "trap '' TERM; sleep 300; sleep 300")
    run = p.expect(t="tool", asked="agent")["id"]
    until("it runs", lambda: run in tokens(rig))
    rig.devvm.freeze()
    cancel(p, turn)
    f = p.expect(t="state", what="left",
                 where=lambda f: [r["state"] for r in f["runs"]] == ["unknown"])
    check("it lives", run in tokens(rig))
    rig.devvm.freeze(False)
    p.expect(t="state", what="left", runs=[])
    check("that is true", not tokens(rig), tokens(rig))


@with_rig(pve=False, **FAKE)
def the_next_engine(rig):
    """an engine that is killed: the next one says what was left and that it is gone"""
    p = ready(rig)
    ssh(rig, "devvm", "sleep 300")
    run = p.expect(t="tool", asked="agent")["id"]
    until("it runs", lambda: run in tokens(rig))
    rig.engines[-1].kill()
    rig.engines[-1].wait()
    rig.start()
    p = rig.console(tail=100)
    until("the list is empty", lambda: p.pump(0.01) or [
        s for s in p.facts if s.get("what") == "left"][-1]["runs"] == [])
    check("it was unknown first", [s for s in p.facts if s.get("what") == "left" and
                                   [r["id"] for r in s["runs"]] == [run]])
    until("gone", lambda: not tokens(rig))


@with_rig(**FAKE)
def a_verb_goes_on(rig):
    """a mutating verb of the agent: listed until its end, and nothing ends it"""
    p = ready(rig)
    turn = busy(p)
    rig.pve.hold("start")
    s = ssh(rig, "pve", "cycle")
    run = p.expect(t="tool", asked="agent", host="pve")["id"]
    p.expect(t="verb", verb="cycle", state="stage")
    f = cancel(p, turn)
    check("its run", f["runs"] == [run], f)
    f = [x for x in p.facts if x.get("what") == "left"][-1]
    r = f["runs"][0]
    check("listed", (r["id"], r["host"], r["verb"], r["state"]) ==
          (run, "pve", "cycle", "running") and "by itself" in r["why"], f)
    f = p.expect(t="error", req=p.ask(t="end", id=run))
    check("not ended", "mutating" in f["text"], f)
    rig.pve.release("start")
    p.expect(t="verb", verb="cycle", state="finished", exit=0)
    p.expect(t="state", what="left", runs=[])
    check("the shim too", s.wait(LIMIT) == 0)


@with_rig(pve=False, **FAKE)
def end_of_one(rig):
    """end of one run of the agent: that one dies, the other goes on"""
    p = ready(rig)
    a, b = ssh(rig, "devvm", "sleep 300"), ssh(rig, "devvm", "sleep 300")
    runs = [p.expect(t="tool", asked="agent")["id"] for _ in (a, b)]
    until("both run", lambda: len(tokens(rig)) == 2)
    p.ask(t="end", id=runs[0])
    p.expect(t="state", what="left", where=lambda f: [r["id"] for r in f["runs"]] == [runs[0]])
    p.expect(t="state", what="left", runs=[])
    check("the other lives", list(tokens(rig)) == [runs[1]], tokens(rig))
    for pids in tokens(rig).values():
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


main([during_a_command, four_kinds, left_behind, host_is_silent, the_next_engine,
      a_verb_goes_on, end_of_one])
