#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""An endpoint dies, stalls or is overloaded in a turn: the next one finishes the incident."""
import os
import signal
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from api_rig import (  # noqa: E402
    AUTO, KNOWN, Api, agent, all_answered, bash, blocks, cancel, configure, done, last, no_secret,
    none_refused, prompt, ready)
from engine_rig import SRC, check, main, with_rig  # noqa: E402
from pace import Watch  # noqa: E402
from test_engine_turn import claudes  # noqa: E402

NO_PVE = dict(pve=False, **AUTO)
BACK = dict(match={"user": "and now"}, text="vendor is back", repeat="forever")
PORTABLE = {"model", "max_tokens", "stream", "system", "messages", "tools"}


def look(command):
    return dict(match={"user": "what is wrong with the devvm"}, blocks=[
        {"thinking": "I look at the load first."}, {"text": "I look at it."}, bash(command)])




def same_transcript(lan):
    """What the second server got: all that was said, in the plain part of the API."""
    r = lan.asked()[-1]
    check("no field of the vendor's own", set(r["body"]) <= PORTABLE, set(r["body"]))
    check("no header of the vendor's own", "anthropic-beta" not in r["headers"], r["headers"])
    check("no thinking", "thinking" not in [b["type"] for _, b in blocks(r)] and
          "look at the load first" not in r["raw"] and "signature" not in r["raw"])
    check("no mark of the vendor's cache", "cache_control" not in r["raw"])
    said = [(role, b.get("text", "")) for role, b in blocks(r) if b["type"] == "text"]
    check("the prompt", [1 for role, t in said if role == "user" and
                         "what is wrong with the devvm" in t], said)
    check("the model's own words", ("assistant", "I look at it.") in said, said)
    results = all_answered(r)
    check("the tool's result", [1 for t in results.values() if "load 93" in t], results)
    return r


def finished_by_lan(rig, p, turn, lan, vendor):
    e = p.expect(t="error", turn=turn, where=lambda f: "lan goes on" in f["text"])
    check("who failed, and who goes on", "vendor" in e["text"], e)
    p.expect(t="text", turn=turn, where=lambda f: "no reboot" in f["text"])
    r = p.expect(t="result", turn=turn)
    check("the result names it", r["driver"] == "api" and r["endpoint"] == "lan", r)
    check("ok", done(p, turn)["ok"])
    a = agent(p, state="ready", endpoint="lan")
    check("why, and the way back", "vendor" in a.get("route", "") and
          "vendor" in a.get("back", ""), a)
    same_transcript(lan)
    check("the command ran once", len(p.of("tool", host="devvm")) == 1, p.of("tool"))
    check("one turn", {x["turn"] for x in p.of("prompt")} == {turn})
    none_refused(lan, vendor)


def way_back(rig, p, vendor, said="no reboot is needed"):
    """The first one is back: the next turn is its own, and it knows what was said."""
    t = prompt(p, "and now?")
    check("vendor answers", p.expect(t="text", turn=t)["text"] == "vendor is back")
    check("named", p.expect(t="result", turn=t)["endpoint"] == "vendor")
    done(p, t)
    r = vendor.asked()[-1]
    check("it has its own thinking again, and its marks", "look at the load first" in r["raw"] and
          "cache_control" in r["raw"], r["raw"][-600:])
    check("it knows what was said", said in r["raw"], r["raw"][-600:])
    all_answered(r)
    a = agent(p, state="ready", endpoint="vendor")
    check("the route is clear again", not a.get("route"), a)
    none_refused(vendor)
    no_secret(rig)


def servers(rig, after, **lines):
    """vendor looks at the devvm, and then does what after says; lan knows the answer."""
    vendor = Api(rig, "vendor", BACK, look("ssh devvm 'echo load 93'"), *after)
    lan = Api(rig, "lan", dict(match={"result": "load 93"}, text="no reboot is needed",
                               repeat="forever"), profile="portable")
    configure(rig, vendor, lan, **lines)
    return vendor, lan


@with_rig(**NO_PVE)
def killed_in_the_text(rig):
    """the server is killed in the middle of its text: the next one finishes the turn"""
    vendor, lan = servers(rig, [dict(match={"result": "load 93"},
                                     blocks=[{"text": ["the load is ", {"stall": True}]}])])
    p = ready(rig)
    t = prompt(p, "what is wrong with the devvm?")
    p.expect(t="delta", turn=t, where=lambda f: "the load is" in f["text"])
    vendor.die()
    finished_by_lan(rig, p, t, lan, vendor)
    cut = [f for f in p.of("text", turn=t) if f["text"].startswith("the load is")]
    check("what was cut is marked", cut and all(f.get("cut") for f in cut), cut)
    check("and no part of the conversation", "the load is " not in lan.asked()[-1]["raw"])
    vendor.start()
    way_back(rig, p, vendor)


@with_rig(**NO_PVE)
def killed_during_a_tool(rig):
    """the server is killed while a tool runs: the result goes to the next one"""
    go = rig.dir + "/go"
    wait = "ssh devvm 'until [ -e %s ]; do sleep 0.05; done; echo load 93'" % go
    vendor = Api(rig, "vendor", BACK, look(wait))
    lan = Api(rig, "lan", dict(match={"result": "load 93"}, text="no reboot is needed"),
              profile="portable")
    configure(rig, vendor, lan)
    p = ready(rig)
    t = prompt(p, "what is wrong with the devvm?")
    p.expect(t="tool", turn=t, host="devvm")
    vendor.die()
    with open(go, "w"):
        pass
    finished_by_lan(rig, p, t, lan, vendor)
    vendor.start()
    way_back(rig, p, vendor)


@with_rig(**NO_PVE)
def overloaded(rig):
    """529 for ever: some tries, each said; then the next one finishes the turn"""
    vendor, lan = servers(rig, [dict(match={"result": "load 93"}, error=529, repeat="forever",
                                     headers={"retry-after-ms": "60"})])
    p = ready(rig)
    t = prompt(p, "what is wrong with the devvm?")
    p.expect(t="state", what="agent", state="waiting", where=lambda f: "529" in f.get("why", ""))
    finished_by_lan(rig, p, t, lan, vendor)
    n = len([r for r in vendor.asked() if "load 93" in r["raw"]])
    check("asked more than once, and not for ever", 2 <= n <= 6, n)
    way_back(rig, p, vendor)


@with_rig(**NO_PVE)
def stalls(rig):
    """a server that stalls and never ends: it is given up, the next one finishes the turn"""
    vendor, lan = servers(rig, [dict(match={"result": "load 93"}, repeat="forever", blocks=[
        {"text": ["the load is ", {"stall": True}]}])], vendor="idle_seconds = 1\n")
    p = ready(rig)
    t = prompt(p, "what is wrong with the devvm?")
    finished_by_lan(rig, p, t, lan, vendor)
    way_back(rig, p, vendor)


@with_rig(**NO_PVE)
def never_begins(rig):
    """a server that takes the request and answers nothing: the next one finishes the turn"""
    vendor, lan = servers(rig, [dict(match={"result": "load 93"}, repeat="forever", stall=True)],
                          vendor="idle_seconds = 1\n")
    p = ready(rig)
    t = prompt(p, "what is wrong with the devvm?")
    finished_by_lan(rig, p, t, lan, vendor)
    way_back(rig, p, vendor)


@with_rig(**NO_PVE)
def back_and_forth(rig):
    """the second one dies, too, while the first one is back: one turn, one conversation

    Both servers give their calls the same ids, which the vendor refuses in a conversation."""
    go = rig.dir + "/go"
    vendor = Api(rig, "vendor", dict(match={"result": "free 7"}, text="no reboot is needed"),
                 look("ssh devvm 'echo load 93'"),
                 dict(match={"result": "load 93"}, blocks=[{"text": ["the ", {"stall": True}]}]))
    lan = Api(rig, "lan", dict(match={"result": "load 93"}, blocks=[{"text": "And memory?"}, bash(
        "ssh devvm 'until [ -e %s ]; do sleep 0.05; done; echo free 7'" % go)]),
        profile="portable")
    configure(rig, vendor, lan)
    p = ready(rig)
    t = prompt(p, "what is wrong with the devvm?")
    p.expect(t="delta", turn=t, where=lambda f: "the " in f["text"])
    vendor.die()
    p.expect(t="tool", turn=t, host="devvm", where=lambda f: "free 7" in f["what"])
    lan.die()
    vendor.start()
    with open(go, "w"):
        pass
    p.expect(t="text", turn=t, where=lambda f: "no reboot" in f["text"])
    r = p.expect(t="result", turn=t)
    check("the first one has finished it", r["endpoint"] == "vendor" and done(p, t)["ok"], r)
    r = vendor.asked()[-1]
    results = list(all_answered(r).values())
    check("both results, in order", len(results) == 2 and "load 93" in results[0] and
          "free 7" in results[1], results)
    check("the other one's words", "And memory?" in r["raw"])
    check("each command ran once", len(p.of("tool", host="devvm")) == 2)
    a = agent(p, state="ready", endpoint="vendor")
    check("the route is clear again", not a.get("route"), a)
    none_refused(vendor, lan)


@with_rig(pve=False, devvm=False, agent_driver="auto", claude=SRC + "/tests/fakes/fake-claude")
def claude_after_a_tool(rig):
    """claude dies after a tool ran: nobody runs it again, words say what to do, and on"""
    vendor = Api(rig, "vendor")
    configure(rig, vendor)
    p = ready(rig, hosts=False)
    t = prompt(p, "tools 1")
    p.expect(t="tool_end")
    for pid in claudes(rig):
        os.kill(pid, signal.SIGKILL)
    r = p.expect(t="result", turn=t)
    check("the word", r["stop"] == "died" and r["driver"] == "cli", r)
    check("not ok", not done(p, t)["ok"])
    e = p.of("error", turn=t)
    check("words and what to do", e and "claude" in e[-1]["text"] and e[-1]["todo"], e)
    check("nobody else was asked", not vendor.asked())
    t = prompt(p, "say it works")
    check("the next prompt works", p.expect(t="text", turn=t)["text"] == "it works")
    check("ok", done(p, t)["ok"])


@with_rig(**NO_PVE)
def cancelled_on_the_way(rig):
    """cancelled while the next one, which took over, has not answered: at once, and on"""
    vendor, lan = servers(rig, [dict(match={"result": "load 93"},
                                     blocks=[{"text": ["the ", {"stall": True}]}])])
    lan.die()
    lan = Api(rig, "lan2", dict(match={"result": "load 93"}, stall=True), profile="portable")
    configure(rig, vendor, lan)
    p = ready(rig)
    t = prompt(p, "what is wrong with the devvm?")
    p.expect(t="delta", turn=t, where=lambda f: "the " in f["text"])
    vendor.die()
    lan.is_asked()
    cancel(p, t)
    check("not ok", not done(p, t)["ok"])
    vendor.start()
    way_back(rig, p, vendor, said="what is wrong with the devvm")
    none_refused(lan)


def keys_go_on(rig, p):
    """status, a runbook, and a cycle that an operator has confirmed."""
    v = rig.verb(p, "status", confirm=False)
    check("status", p.expect(t="verb", id=v, state="finished")["exit"] == 0)
    p.ask(t="runbook", name="triage")
    t = p.expect(t="prompt", runbook="triage")["turn"]
    r = p.expect(t="result", turn=t)
    check("a runbook works", r["driver"] == "runbook", r)
    text = "".join(f["text"] for f in p.of("text", turn=t))
    check("and says what it found", "Found" in text, text)
    check("it ran commands on the devvm", [f for f in p.of("tool", turn=t)
                                           if f["host"] == "devvm"], p.of("tool"))
    done(p, t)
    before = rig.pve.vm_pid()
    v = rig.verb(p, "cycle")
    check("a cycle works", p.expect(t="verb", id=v, state="finished")["exit"] == 0)
    check("it was one", rig.pve.vm_pid() not in (0, before) and rig.pve.vm_runs())


@with_rig(**AUTO)
def all_dead_before_enter(rig):
    """all are dead before Enter: known within a second; runbooks, status and cycle go on"""
    vendor, lan = servers(rig, [])
    p = ready(rig)
    vendor.die()
    lan.die()
    began = Watch()
    t = prompt(p, "what is wrong with the devvm?")
    f = p.expect(where=lambda f: f.get("t") in ("error", "text") and f.get("turn") == t)
    print("#   known after %.0f ms" % began.ms(), flush=True)
    began.within("known within %g s" % KNOWN, KNOWN, f)
    r = p.expect(t="result", turn=t)
    done(p, t)
    words = " ".join(f["text"] for f in p.of("error", turn=t) + p.of("text", turn=t))
    check("both are named", "vendor" in words and "lan" in words, words)
    check("by the runbook driver", r["driver"] == "runbook", r)
    for w in ("/triage", "F7", "/agent"):
        check("what can be done: " + w, w in words, words)
    a = last(p, "agent")
    check("shown", a["driver"] == "runbook" and a.get("route") and a.get("back"), a)
    check("nothing ran", not p.of("tool", turn=t), p.of("tool"))
    keys_go_on(rig, p)
    vendor.start()
    t = prompt(p, "and now?")
    check("back", p.expect(t="text", turn=t)["text"] == "vendor is back")
    check("named", p.expect(t="result", turn=t)["endpoint"] == "vendor")
    done(p, t)
    none_refused(vendor)
    no_secret(rig)


@with_rig(**AUTO)
def all_die_in_the_turn(rig):
    """all die in the middle of a turn: it ends with words and what to do, keys go on"""
    vendor, lan = servers(rig, [dict(match={"result": "load 93"},
                                     blocks=[{"text": ["the load is ", {"stall": True}]}])])
    p = ready(rig)
    t = prompt(p, "what is wrong with the devvm?")
    p.expect(t="delta", turn=t, where=lambda f: "the load is" in f["text"])
    lan.die()
    vendor.die()
    r = p.expect(t="result", turn=t)
    check("the word", r["stop"] in ("unreachable", "api_error"), r)
    check("not ok", not done(p, t)["ok"])
    words = [f for f in p.of("error", turn=t)]
    check("words, and what to do", words and words[-1]["text"] and words[-1]["todo"] and
          [1 for f in words if "vendor" in f["text"]] and
          [1 for f in words if "lan" in f["text"]], words)
    check("the command ran once", len(p.of("tool", host="devvm")) == 1)
    keys_go_on(rig, p)
    no_secret(rig)


if __name__ == "__main__":
    main([killed_in_the_text, killed_during_a_tool, overloaded, stalls,
          never_begins, back_and_forth, claude_after_a_tool,
          cancelled_on_the_way, all_dead_before_enter, all_die_in_the_turn])
