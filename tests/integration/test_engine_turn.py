#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns: queue, cancel, a claude that dies, babbles or is silent, and who may prompt."""
import json
import os
import signal
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import (LIMIT, SANITIZED, SRC, alive, check, children, main, until,  # noqa: E402
                        with_rig)
from pace import Watch  # noqa: E402

FAKE = dict(claude=SRC + "/tests/fakes/fake-claude")
NO_HOSTS = dict(pve=False, devvm=False, **FAKE)


def prompt(p, text):
    p.ask(t="prompt", text=text)
    return p.expect(t="prompt", text=text)["turn"]


def done(p, turn, limit=LIMIT):
    return p.expect(t="done", turn=turn, limit=limit)


def agent(p, limit=LIMIT, **members):
    def last():
        f = [f for f in p.facts if f.get("what") == "agent"][-1:]
        return f and all(f[0].get(k) == v for k, v in members.items()) and f[0]
    return until("agent is %s" % members, lambda: p.pump(0.01) or last(), limit)


def claudes(rig):
    found = []
    for pid in children(rig.engines[-1].pid):
        try:
            with open("/proc/%d/cmdline" % pid) as f:
                words = f.read().split("\0")
        except OSError:
            continue
        if [w for w in words[:2] if w.endswith("/fake-claude")]:
            found.append(pid)
    return found


@with_rig(**NO_HOSTS)
def a_turn(rig):
    """prompt, text as it streams, result, done; the agent is working, then ready"""
    rig.start()
    p = rig.console()
    agent(p, state="ready")
    t = prompt(p, "say hello world")
    p.expect(t="delta", turn=t)
    f = p.expect(t="text", turn=t)
    check("the text", f["text"] == "hello world" and f["by"] == "agent", f)
    f = p.expect(t="result", turn=t)
    check("usage", f["in"] == 10 and f["out"] == 5, f)
    check("ok", done(p, t)["ok"])
    agent(p, state="ready")
    states = [r["state"] for r in rig.journal() if r.get("what") == "agent"]
    check("the journal has changes only", all(a != b for a, b in zip(states, states[1:])) and
          states[-1] == "ready", states)
    b = [f for f in p.facts if f.get("what") == "budget"][-1]
    check("the budget counts", b["turns"] == 1 and b["in"] == 10, b)
    rig.stop()
    rig.start()
    p = rig.console()
    agent(p, state="ready")
    done(p, prompt(p, "say once more"))
    b = [f for f in p.facts if f.get("what") == "budget"][-1]
    check("over engines", b["turns"] == 2 and b["in"] == 20, b)
    p.send(t="incident", state="new")
    p.expect(t="incident", state="opened")
    done(p, prompt(p, "say anew"))
    b = [f for f in p.facts if f.get("what") == "budget"][-1]
    check("each incident has its own", b["turns"] == 1 and b["in"] == 10, b)


@with_rig(**NO_HOSTS)
def queue(rig):
    """prompts queue visibly, run in order, at most 16 wait"""
    rig.start()
    ann, bob = rig.console("ann"), rig.console("bob")
    agent(ann, state="ready")
    first = prompt(ann, "half")
    ann.expect(t="delta")
    turns = []
    bob.send(t="drive")
    for i in range(16):
        bob.ask(t="prompt", text="say n%d" % i)
        f = ann.expect(t="prompt", state="queued")
        turns.append(f["turn"])
        check("whose", f["by"] == "bob", f)
    agent(ann, queued=16)
    r = bob.ask(t="prompt", text="one too many")
    check("the 17th is refused", "16" in bob.expect(t="error", req=r)["text"])
    gone = turns.pop(3)
    ann.ask(t="cancel", turn=gone)
    check("who took it back", ann.expect(t="cancelled", turn=gone)["by"] == "ann")
    agent(ann, queued=15)
    r = ann.ask(t="cancel", turn=gone)
    check("only once", "does not wait" in ann.expect(t="error", req=r)["text"])
    ann.ask(t="cancel")
    check("the first ended", not done(ann, first)["ok"])
    for i, t in zip([n for n in range(16) if n != 3], turns):
        check("in order, without that one", ann.expect(t="text", turn=t)["text"] == "n%d" % i)
        check("done", done(ann, t)["ok"])
    agent(ann, state="ready", queued=0)


@with_rig(**NO_HOSTS)
def cancel(rig):
    """a cancel ends a turn within 250 ms, says who, keeps the half text; the next one works"""
    rig.start()
    p = rig.console()
    agent(p, state="ready")
    t = prompt(p, "half")
    p.expect(t="delta")
    began = Watch()
    rig.console("bob").ask(t="cancel")
    f = p.expect(t="cancelled", turn=t)
    end = done(p, t)
    began.within("within 250 ms", 0.25 if not SANITIZED else 1)
    check("who", f["by"] == "bob" and not end["ok"], f)
    cut = p.of("text", turn=t)
    check("the half text, marked", cut and cut[0]["cut"] and cut[0]["text"] == "half a sentence",
          cut)
    r = p.ask(t="cancel")
    check("nothing to stop now", "nothing to stop" in p.expect(t="error", req=r)["text"])
    t = prompt(p, "say on")
    check("the next works", done(p, t)["ok"])


@with_rig(**NO_HOSTS)
def cancel_early(rig):
    """a cancel right behind the prompt, and a second one, do no harm"""
    rig.start()
    p = rig.console()
    for i in range(5):
        p.ask(t="prompt", text="silent %d" % i)
        p.ask(t="cancel")
        p.ask(t="cancel")
        t = p.expect(t="prompt")["turn"]
        check("ended", not done(p, t)["ok"])
    t = prompt(p, "say on")
    check("the next works", done(p, t)["ok"])
    check("one done for each turn", len(p.of("done")) == 6)


@with_rig(**NO_HOSTS)
def stubborn(rig):
    """a claude that ignores the interrupt is ended; the turn is over within 8 s"""
    rig.start()
    p = rig.console()
    agent(p, state="ready")
    t = prompt(p, "stubborn")
    p.expect(t="delta")
    old = claudes(rig)
    began = Watch()
    p.ask(t="cancel")
    check("over", not done(p, t)["ok"])
    began.within("soon", 8)
    until("it is gone", lambda: not [c for c in old if alive(c)])
    agent(p, state="ready")
    check("the next works", done(p, prompt(p, "say on"))["ok"])


@with_rig(**NO_HOSTS)
def dies(rig):
    """a claude that exits or is killed in a turn: said, half text kept, the next prompt works"""
    rig.start()
    p = rig.console()
    agent(p, state="ready")
    for word in ("die", "killed"):
        t = prompt(p, word)
        e = p.expect(t="error", turn=t)
        check("a sentence", len(e["text"]) > 10, e)
        check("not ok", not done(p, t)["ok"])
        check("half text", p.of("text", turn=t)[0]["cut"])
        check("the next works", done(p, prompt(p, "say on"))["ok"])
    t = prompt(p, "half")
    p.expect(t="delta", turn=t)
    for c in claudes(rig):
        os.kill(c, signal.SIGKILL)
    check("killed from outside", not done(p, t)["ok"])
    check("the next works", done(p, prompt(p, "say on"))["ok"])
    for i in range(3):
        done(p, prompt(p, "die"))
    agent(p, state="unavailable")
    check("after three deaths in a row the next prompt tries again",
          done(p, prompt(p, "say on"))["ok"])


@with_rig(**NO_HOSTS)
def babble(rig):
    """garbage and a 2 MB line from claude are passed over; the turn goes on"""
    rig.start()
    p = rig.console()
    agent(p, state="ready")
    for word in ("garbage", "long"):
        t = prompt(p, word)
        check("ok", done(p, t)["ok"])
        check("text after it", p.of("text", turn=t)[-1]["text"].startswith("after the"))
    t = prompt(p, "endless")
    until("under way", lambda: p.pump(0.2) or True)
    p.ask(t="cancel")
    check("an endless line can be cancelled", not done(p, t)["ok"])
    with open("/proc/%d/status" % rig.engines[0].pid) as f:
        rss = int([l for l in f if l.startswith("VmRSS")][0].split()[1])
    check("memory is bounded", rss < 60000 or SANITIZED, rss)
    agent(p, state="ready")
    check("the next works", done(p, prompt(p, "say on"))["ok"])


@with_rig(turn_timeout_seconds=3, **NO_HOSTS)    # a busy machine's next turn needs some of it
def time_limit(rig):
    """a silent claude: the turn is ended at its time limit, with the reason"""
    rig.start()
    p = rig.console()
    agent(p, state="ready")
    began = Watch()
    t = prompt(p, "silent")
    f = p.expect(t="cancelled", turn=t)
    began.within("at its limit", 8)
    check("why", "time limit" in f["text"] and f["by"] == "engine", f)
    check("over", not done(p, t)["ok"])
    check("the next works", done(p, prompt(p, "say on"))["ok"])


@with_rig(pve=False, devvm=False, claude="/nonexistent/claude")
def no_claude(rig):
    """no claude: prompts are answered with why and what to do; the rest works"""
    rig.start()
    p = rig.console()
    f = agent(p, state="unavailable")
    check("why and what to do", "/nonexistent/claude" in f["why"] and f["todo"], f)
    t = prompt(p, "say hello")
    e = p.expect(t="error", turn=t)
    check("the same", "claude" in e["text"], e)
    check("done", not done(p, t)["ok"])


@with_rig(pve=False, devvm=False)
def claude_is_no_program(rig):
    """a claude that is a folder, not executable, or does not run: unavailable, with a sentence"""
    bad = rig.dir + "/bad"
    for make in (lambda: os.mkdir(bad), lambda: open(bad, "w").close(),
                 lambda: (open(bad, "w").write("#!/bin/sh\nexit 1\n"), os.chmod(bad, 0o755)),
                 lambda: (open(bad, "w").write("\x7fELF rubbish"), os.chmod(bad, 0o755))):
        make()
        rig.env["BREAKGLASS_CLAUDE"] = bad
        rig.start()
        p = rig.console()
        f = agent(p, state="unavailable")
        check("named", bad in f["why"], f)
        p.send(t="note", text="alive")
        p.expect(t="note")
        rig.stop()
        os.rmdir(bad) if os.path.isdir(bad) else os.unlink(bad)


@with_rig(pve=False, **FAKE)
def runs_of_a_turn(rig):
    """the agent's commands are runs of its turn, live; a cancel ends them and says which live on"""
    rig.start()
    p = rig.console()
    rig.link(p, "devvm", "up")
    agent(p, state="ready")
    t = prompt(p, "run ssh devvm 'echo one; echo two >&2; exit 3'; echo rc $?")
    run = p.expect(t="tool", asked="agent", host="devvm")
    check("of this turn", run["turn"] == t and "echo one" in run["what"], run)
    end = p.expect(t="tool_end", id=run["id"])
    check("exit 3", end["exit"] == 3, end)
    check("streams apart", p.output(run["id"]) == b"one\n" and
          p.output(run["id"], "err") == b"two\n")
    check("the agent has it", "rc 3" in p.expect(t="text", turn=t)["text"])
    done(p, t)
    t = prompt(p, "run ssh devvm 'echo begun; exec sleep 100'")
    run = p.expect(t="tool", asked="agent")["id"]
    p.expect(t="output", id=run)
    p.ask(t="cancel")
    p.expect(t="tool_end", id=run)
    check("ended", not done(p, t)["ok"])


@with_rig(**NO_HOSTS)
def console_dies_in_a_turn(rig):
    """kill -9 of the console in a turn: it goes on; attaching shows the open text, then all once"""
    rig.start()
    p = rig.console()
    agent(p, state="ready")
    t = prompt(p, "half")
    p.expect(t="delta")
    seen, inc = p.seqs(), p.of("incident")[0]["id"]
    p.close()
    q = rig.peer()
    q.hello("ann", since=seen[-1], incident=inc)
    d = q.expect(t="delta", turn=t, off=0)
    check("the open text so far", d["text"] == "half a sentence", d)
    q.expect(t="caught_up")
    q.ask(t="cancel")
    done(q, t)
    seqs = seen + q.seqs()
    check("each once", seqs == list(range(1, seqs[-1] + 1)), seqs)


@with_rig(**NO_HOSTS)
def engine_dies_in_a_turn(rig):
    """kill -9 of the engine in a turn: claude dies with it; the next engine goes on with new numbers"""
    e = rig.start()
    p = rig.console()
    agent(p, state="ready")
    t = prompt(p, "half")
    p.expect(t="delta")
    kids = children(e.pid)
    check("claude runs", claudes(rig))
    inc = p.of("incident")[0]["id"]
    e.kill()
    e.wait()
    until("nothing of it lives on", lambda: not [k for k in kids if alive(k)])
    rig.start()
    q = rig.console()
    check("the incident goes on", q.of("welcome")[0]["incident"] == inc)
    agent(q, state="ready")
    t2 = prompt(q, "say on")
    check("a new number", t2 > t and done(q, t2)["ok"], t, t2)
    rig.journal()


@with_rig(**NO_HOSTS)
def agent_host_dies(rig):
    """agent-host is killed in a turn: the engine stays, says so, and starts another one"""
    e = rig.start()
    p = rig.console()
    agent(p, state="ready")
    t = prompt(p, "half")
    p.expect(t="delta")
    hosts = [c for c in children(e.pid) if b"agent-host" in
             open("/proc/%d/cmdline" % c, "rb").read().split(b"\0")[0]]
    check("one", len(hosts) >= 1)
    os.kill(hosts[0], signal.SIGKILL)
    check("the turn ended", not done(p, t)["ok"])
    agent(p, state="ready")
    check("the next works", done(p, prompt(p, "say on"))["ok"])


@with_rig(**NO_HOSTS)
def ask_command(rig):
    """ask prints the answer and exits 0; --json lines parse; a failed turn exits 1"""
    rig.start()
    p = rig.console()
    agent(p, state="ready")
    c = rig.cli("ask", "say", "all is well")
    check("0", c.returncode == 0 and c.stdout == "all is well\n", c)
    c = rig.cli("ask", "--json", "say all is well")
    facts = [json.loads(l) for l in c.stdout.splitlines()]
    check("json", c.returncode == 0 and facts[-1]["t"] == "done" and
          [f for f in facts if f["t"] == "text"], c)
    c = rig.cli("ask", "die")
    check("1", c.returncode == 1 and c.stderr, c)
    c = rig.cli("ask", "say \x1b]0;evil\x07\x1b[31mred\u202e")
    check("no control sequence reaches the terminal", c.returncode == 0 and "\x1b" not in c.stdout
          and "\x07" not in c.stdout, c)


if __name__ == "__main__":
    main([a_turn, queue, cancel, cancel_early, stubborn, dies, babble, time_limit, no_claude,
          claude_is_no_program, runs_of_a_turn, console_dies_in_a_turn, engine_dies_in_a_turn,
          agent_host_dies, ask_command])
