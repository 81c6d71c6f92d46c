#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Budgets end turns with a reason, repetition is seen, and the model is told what matters."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from api_rig import Api, bash  # noqa: E402
from engine_rig import SANITIZED, SRC, check, main, until, with_rig  # noqa: E402
from pace import Watch  # noqa: E402
from test_engine_turn import agent, done, prompt  # noqa: E402

FAKE = dict(claude=SRC + "/tests/fakes/fake-claude")
NO_HOSTS = dict(pve=False, devvm=False, **FAKE)


def budget(p):
    return [f for f in p.facts if f.get("what") == "budget"][-1]


def ended(p, turn, word):
    """A turn that the engine ended: cancelled with a reason, its stop word, not ok."""
    f = p.expect(t="cancelled", turn=turn)
    check("by the engine", f["by"] == "engine", f)
    r = p.expect(t="result", turn=turn)
    check("the stop word", r["stop"] == word, r)
    check("not ok", not done(p, turn)["ok"])
    return f["text"]


@with_rig(turn_tool_calls=1, **dict(NO_HOSTS, agent_driver="api"))
def none_begins_behind_the_limit(rig):
    """the call that reaches the limit does not run, nor does one beside it"""
    marks = [rig.dir + "/mark%d" % i for i in range(2)]
    api = Api(rig, "vendor", dict(match="mark", blocks=[bash("touch " + m) for m in marks]))
    rig.env["BREAKGLASS_API_URL"] = "http://127.0.0.1:%d" % api.port
    rig.start()
    p = rig.console()
    p.ask(t="prompt", text="mark it")
    f = p.expect(t="cancelled")
    check("why", "turn_tool_calls" in f["text"], f)
    p.expect(t="done")
    ends = [f["failed"] for f in p.of("tool_end")]
    check("both are told as never begun", len(ends) == 2 and all("before it began" in e for e in ends), ends)
    p.ask(t="prompt", text="go on")
    check("the next turn works", p.expect(t="done")["ok"])
    check("nothing ran", not any(os.path.exists(m) for m in marks), marks)


@with_rig(turn_tool_calls=5, **NO_HOSTS)
def tool_calls(rig):
    """a turn is ended at its tool calls, with the reason and what to do; the next one works"""
    rig.start()
    p = rig.console()
    agent(p, state="ready")
    t = prompt(p, "tools 5")
    text = ended(p, t, "budget")
    check("why and what to do", "turn_tool_calls" in text and "prompt" in text, text)
    b = budget(p)
    check("shown", b["spent"] == "calls" and b["turn_calls"] == 5 and b["turn_calls_max"] == 5, b)
    t = prompt(p, "tools 4")
    until("live", lambda: p.pump(0.01) or budget(p).get("turn_calls") == 4)
    live = [f for f in p.facts if f.get("what") == "budget" and not f["seq"]]
    check("over the wire while it runs", live and "spent" not in live[-1], live)
    p.ask(t="cancel")
    done(p, t)
    check("recorded at the end only", len([r for r in rig.journal()
                                           if r.get("what") == "budget"]) == 2)
    check("the next works", done(p, prompt(p, "say on"))["ok"])


@with_rig(turn_tokens=1000, **NO_HOSTS)
def tokens(rig):
    """a turn is ended at its tokens while the answer still streams"""
    rig.start()
    p = rig.console()
    agent(p, state="ready")
    t = prompt(p, "spend 300 600")
    until("live", lambda: p.pump(0.01) or budget(p)["turn_tokens"] == 900)
    p.ask(t="cancel")
    done(p, t)
    text = ended(p, prompt(p, "spend 300 700"), "budget")
    check("why", "turn_tokens" in text, text)
    check("the next works", done(p, prompt(p, "say on"))["ok"])


@with_rig(incident_cost_usd=2, **NO_HOSTS)
def cost(rig):
    """an incident's cost ends its prompts, over engines; keys, runbooks and the next incident go on"""
    rig.start()
    p = rig.console()
    agent(p, state="ready")
    check("0.5", done(p, prompt(p, "cost 0.5"))["ok"])
    check("1.6", done(p, prompt(p, "cost 1.6"))["ok"])
    rig.stop()
    rig.start()
    p = rig.console()
    agent(p, state="ready")
    t = prompt(p, "say no")
    e = p.expect(t="error", turn=t)
    check("why and what to do", "incident_cost_usd" in e["text"] and "new incident" in e["text"], e)
    check("the word", p.expect(t="result", turn=t)["stop"] == "budget")
    check("not ok", not done(p, t)["ok"])
    p.ask(t="runbook", name="triage")
    t = p.expect(t="prompt", runbook="triage")["turn"]
    r = p.expect(t="result", turn=t)
    check("a runbook costs nothing", r["driver"] == "runbook", r)
    done(p, t)
    p.send(t="incident", state="new")
    p.expect(t="incident", state="opened")
    check("another incident has its own", done(p, prompt(p, "say yes"))["ok"])


@with_rig(**NO_HOSTS)
def repeat(rig):
    """the same call with the same result: said at three, the model is told; ended at six"""
    rig.start()
    p = rig.console()
    agent(p, state="ready")
    check("two are fine", done(p, prompt(p, "same 2"))["ok"] and not p.of("error"))
    t = prompt(p, "same 3")
    e = p.expect(t="error", turn=t)
    check("three are said", "3 times" in e["text"], e)
    check("and no more", done(p, t)["ok"])
    t = prompt(p, "notes")
    check("the model is told", "same command three times" in p.expect(t="text", turn=t)["text"])
    done(p, t)
    text = ended(p, prompt(p, "same 6"), "repeat")
    check("why", "6 times" in text, text)
    t = prompt(p, "tools 9")
    until("nine different ones are no repetition", lambda: p.pump(0.01) or
          len(p.of("tool_end")) >= 2 + 3 + 6 + 9)
    p.ask(t="cancel")
    done(p, t)
    check("of three turns with calls two had an error", len(p.of("error")) == 2, p.of("error"))


@with_rig(**NO_HOSTS)
def cancelled_in_time(rig):
    """cancelled comes within 250 ms from a claude that does not obey"""
    rig.start()
    p = rig.console()
    agent(p, state="ready")
    t = prompt(p, "stubborn")
    p.expect(t="delta", turn=t)
    began = Watch()
    p.ask(t="cancel")
    f = p.expect(t="cancelled", turn=t)
    began.within("within 250 ms", 0.25 if not SANITIZED else 1)
    check("who", f["by"] == "ann", f)
    check("the end comes later, once", not done(p, t)["ok"] and len(p.of("cancelled")) == 1)


@with_rig(**FAKE)
def told(rig):
    """a prompt tells the model what is known, then only what has changed, and what others did"""
    rig.start()
    p = rig.console()
    rig.links_up(p)
    agent(p, state="ready")
    p.expect(t="state", what="vm", status="running")

    def notes():
        t = prompt(p, "notes")
        text = p.expect(t="text", turn=t)["text"]
        done(p, t)
        return text
    first = notes()
    for words in ("not words of the operator", "VM 102: running", "ssh to devvm: up",
                  "ssh to pve: up", "your autonomy: autonomous", "from operator ann",
                  "200 tool calls"):
        check("told: " + words, words in first, first)
    check("a block of its own", first.startswith("<breakglass-notes>"), first)
    again = notes()
    check("unchanged is said", "nothing else" in again and "VM 102" not in again, again)
    p.ask(t="autonomy", level="repair")
    p.expect(t="state", what="autonomy", level="repair")
    v = rig.verb(p, "status")
    p.expect(t="verb", id=v, state="finished")
    text = notes()
    check("another autonomy", "operator ann set your autonomy to repair" in text and
          "your autonomy: repair" in text, text)
    check("a verb of an operator", "operator ann's status has finished, exit 0" in text, text)
    check("told once", "set your autonomy" not in notes())
    check("at most 8 KiB and what is around it", len(first) < 9000)


if __name__ == "__main__":
    main([tool_calls, none_begins_behind_the_limit, tokens, cost, repeat, cancelled_in_time, told])
