#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent must ask for, who answers, and the cap on its mutating verbs."""
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import BUILD, LIMIT, SRC, Shim, check, main, shim, until, with_rig  # noqa: E402


def ready(rig, level=None, name="ann"):
    if not rig.engines or rig.engines[-1].poll() is not None:
        rig.start()
    p = rig.console(name)
    rig.links_up(p)
    if level:
        p.send(t="autonomy", level=level)
        p.expect(t="state", what="autonomy", level=level)
    return p


def answer(p, ask, yes):
    return p.ask(t="answer", id=ask["id"], yes=yes)


@with_rig(pve=False)
def observe(rig):
    """observe: a devvm command asks; yes runs it, no refuses it with the reason"""
    p = ready(rig, "observe")
    s = Shim(rig, "devvm", "echo was run; exit 3")
    q = p.expect(t="ask")
    check("the question", q["kind"] == "devvm" and q["command"] == "echo was run; exit 3" and
          q["host"] == "devvm" and q["asked"] == "agent" and q["ms"] == 110000 and
          "observe" in q["text"], q)
    check("nothing ran", not p.of("tool"))
    st = p.expect(t="state", what="ask", id=q["id"])
    check("state", st["open"] == 1 and st["command"] == q["command"] and st["ms"] > 100000, st)
    answer(p, q, True)
    a = p.expect(t="answered", id=q["id"])
    check("answered", a["yes"] is True and a["by"] == "ann" and a["why"], a)
    check("none open", "id" not in p.expect(t="state", what="ask"))
    check("it ran", s.result() == (b"was run\n", b"", 3), s.out)
    s = Shim(rig, "devvm", "echo not run")
    q = p.expect(t="ask")
    answer(p, q, False)
    out, err, code = s.result()
    check("refused", code == 64 and out == b"" and b"operator ann said no" in err, out, err, code)
    check("only one ran", len([f for f in p.of("tool", asked="agent")]) == 1)
    req = answer(p, q, True)
    f = p.expect(t="error", req=req)
    check("twice", "answered already: no, by ann" in f["text"], f)
    f = p.expect(t="error", req=p.ask(t="answer", id="q99", yes=True))
    check("unknown", "q99" in f["text"], f)
    p.expect(t="error", req=p.ask(t="answer", id="q1"))
    until("journaled", lambda: [r["t"] for r in rig.journal() if r["t"] in ("ask", "answered")] ==
          ["ask", "answered", "ask", "answered"])


@with_rig(pve=False)
def observe_input(rig):
    """observe: what comes on standard input is read before it is asked about, with the command"""
    p = ready(rig, "observe")
    script = b"echo from \xc3\xa4 script; exit 4\n"
    s = Shim(rig, "devvm", "sh -s", input=script)
    q = p.expect(t="ask")
    check("the question has the script", q["command"] == "sh -s" and q["stdin"] is True and
          q["input"].encode() == script and "with standard input" in q["text"], q)
    st = p.expect(t="state", what="ask", id=q["id"])
    check("so has the state", st["stdin"] is True and st["input"] == q["input"], st)
    check("nothing ran", not p.of("tool") and not p.of("input"))
    answer(p, q, True)
    check("it ran", s.result() == ("from ä script\n".encode(), b"", 4), s.out)
    tool = p.expect(t="tool", asked="agent", host="devvm")
    end = p.expect(t="tool_end", id=tool["id"])
    check("on record", tool["stdin"] is True and end["in"] == len(script) and end["in_cut"] == 0 and
          [f["data"].encode() for f in p.of("input", id=tool["id"])] == [script], tool, end)
    # all that a person is to read has a size and an end
    out, err, code = shim(rig, "devvm", "sh -s", input=b"#" * 32765)
    check("too much", code == 64 and b"standard input" in err and b"32 KiB" in err, err)
    check("not asked", len(p.of("ask")) == 1)
    s = Shim(rig, "devvm", "cat", input=b"")
    q = p.expect(lambda f: f["t"] == "ask" and f["command"] == "cat")
    check("an input that is empty is said", q["stdin"] is True and "input" not in q, q)
    answer(p, q, False)
    check("no", s.result()[2] == 64)
    # the autonomy is raised while it is read: it runs, with all that came
    pr = subprocess.Popen([BUILD + "/src/agent/shim/ssh", "devvm", "cat"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, env=dict(BREAKGLASS_SOCKET=rig.run_dir + "/agent/agent.sock"))
    pr.stdin.write(b"one ")
    pr.stdin.flush()
    p.send(t="autonomy", level="repair")
    p.expect(t="state", what="autonomy", level="repair")
    out, err = pr.communicate(b"two", timeout=LIMIT)
    check("it ran with both", out == b"one two" and pr.returncode == 0, out, pr.returncode)


@with_rig(pve=False)
def input_on_record(rig):
    """repair: what a command gets on its standard input is on record, up to a cut that shows"""
    p = ready(rig, "repair")
    out, err, code = shim(rig, "devvm", "sh -s", input=b"echo hidden; exit 6\n")
    check("it ran", (out, code) == (b"hidden\n", 6), out, err, code)
    tool = p.expect(t="tool", asked="agent", host="devvm")
    f = p.expect(t="input", id=tool["id"])
    check("said, and before what came of it", tool["stdin"] is True and f["data"] == "echo hidden; exit 6\n" and
          f["seq"] < p.expect(t="output", id=tool["id"])["seq"], tool, f)
    out, err, code = shim(rig, "devvm", "wc -c", input=b"x" * 1000000)
    check("all of it went", out.strip() == b"1000000", out, err)
    tool = p.expect(t="tool", what="wc -c")
    end = p.expect(t="tool_end", id=tool["id"])
    kept = sum(f["len"] for f in p.of("input", id=tool["id"]))
    cut = [f for f in p.of("input", id=tool["id"]) if f.get("cut")]
    check("the first of it is kept", 200000 < kept <= 262144 and len(cut) == 1 and cut[0]["off"] == kept and
          end["in"] == 1000000 and end["in_cut"] == 1000000 - kept, kept, cut, end)
    out, err, code = shim(rig, "devvm", "cat", stdin=subprocess.DEVNULL)
    tool = p.expect(t="tool", what="cat")
    check("none is none", "stdin" not in tool and "in" not in p.expect(t="tool_end", id=tool["id"]), tool)
    # a command that one record has not got does not run
    out, err, code = shim(rig, "devvm", ": " + "A" * 32767, stdin=subprocess.DEVNULL)
    check("too long", code == 64 and b"32768" in err and not p.of("tool", what=": "), err)


@with_rig()
def power_verbs(rig):
    """observe refuses power verbs, repair asks, autonomous does; status and forensics always"""
    p = ready(rig, "observe")
    out, err, code = shim(rig, "pve", "reset")
    check("refused", code == 64 and b"observe" in err and b"ssh pve status" in err, err)
    check("not asked", not p.of("ask"))
    check("status", shim(rig, "pve", "status")[2] == 0)
    p.send(t="autonomy", level="repair")
    p.expect(t="state", what="autonomy", level="repair")
    check("devvm is free", shim(rig, "devvm", "exit 5", stdin=subprocess.DEVNULL)[2] == 5)
    s = Shim(rig, "pve", "start")
    q = p.expect(t="ask")
    check("the question", q["kind"] == "verb" and q["verb"] == "start" and q["host"] == "pve" and
          "repair" in q["text"], q)
    check("no verb yet", not p.of("verb", verb="start"))
    # an operator's key is not held up
    p.expect(t="verb", id=rig.verb(p, "status"), state="finished")
    answer(p, q, True)
    p.expect(t="verb", verb="start", asked="agent", state="finished")
    check("done", s.result(60)[2] == 0, s.out)


@with_rig(ask_seconds=1)
def silence(rig):
    """nobody answers: no, with words, and the engine is the one who says so"""
    p = ready(rig, "observe")
    pr = subprocess.Popen([BUILD + "/src/agent/shim/ssh", "devvm", "cat"], stdin=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=dict(BREAKGLASS_SOCKET=rig.run_dir + "/agent/agent.sock"))
    check("an input without an end", b"had not ended after 1 s" in pr.stderr.read() and
          pr.wait(LIMIT) == 64 and not p.of("ask") and not p.of("tool"))
    pr.stdin.close()
    p.send(t="autonomy", level="repair")
    p.expect(t="state", what="autonomy", level="repair")
    out, err, code = shim(rig, "pve", "cycle")
    check("no", code == 64 and b"within 1 s" in err and b"silence means no" in err, err)
    a = p.expect(t="answered")
    check("by the engine", a["yes"] is False and a["by"] == "engine", a)
    check("none open", "id" not in p.expect(t="state", what="ask", open=0))


@with_rig(pve=False)
def several(rig):
    """eight at once, each with its own answer; the ninth is a no"""
    p = ready(rig, "observe")
    shims = {}
    for i in range(8):
        s = Shim(rig, "devvm", "echo %d" % i)
        q = p.expect(t="ask")
        shims[q["id"]] = (s, i, q)
    check("eight", len(shims) == 8)
    out, err, code = shim(rig, "devvm", "echo 9", stdin=subprocess.DEVNULL)
    check("the ninth", code == 64 and b"8 questions are open" in err, err)
    for n, (s, i, q) in enumerate(reversed(list(shims.values()))):
        answer(p, q, i % 2 == 0)
        p.expect(t="answered", id=q["id"])
        out, err, code = s.result()
        check("its own answer", (code, out) == ((0, b"%d\n" % i) if i % 2 == 0 else (64, b"")),
              i, out, err, code)


@with_rig(pve=False)
def consoles_come_and_go(rig):
    """a question outlives its console; a late one is told, and what was typed in is not lost"""
    p = ready(rig, "observe")
    s = Shim(rig, "devvm", "cat", input=b"kept\n")
    q = p.expect(t="ask")
    p.close()
    p = rig.console("bob", tail=50)
    st = [f for f in p.facts if f.get("what") == "ask"][-1]
    check("told", st["id"] == q["id"] and st["command"] == "cat" and 0 < st["ms"] <= 110000, st)
    check("and the record", p.of("ask", id=q["id"]))
    answer(p, q, True)
    check("by bob", p.expect(t="answered", id=q["id"])["by"] == "bob")
    check("its input", s.result() == (b"kept\n", b"", 0), s.out)


@with_rig(pve=False)
def withdrawn(rig):
    """the shim goes away, or the engine: the question is answered no"""
    p = ready(rig, "observe")
    pr = subprocess.Popen([BUILD + "/src/agent/shim/ssh", "devvm", "true"],
                          stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          env=dict(BREAKGLASS_SOCKET=rig.run_dir + "/agent/agent.sock"))
    rig.procs.append(pr)
    q = p.expect(t="ask")
    pr.kill()
    a = p.expect(t="answered", id=q["id"])
    check("no", a["yes"] is False and a["by"] == "engine" and "went away" in a["why"], a)
    f = p.expect(t="error", req=answer(p, q, True))
    check("too late", "answered already: no" in f["text"], f)
    Shim(rig, "devvm", "true")
    q = p.expect(t="ask")
    until("journaled", lambda: b'"ask"' in open(rig.journals()[-1], "rb").read())
    rig.engines[-1].kill()
    rig.engines[-1].wait()
    rig.start()
    p = rig.console(tail=100)
    a = [f for f in p.facts if f.get("t") == "answered"][-1]
    check("the next engine says no", a["id"] == q["id"] and not a["yes"] and
          a["by"] == "engine", a)
    check("none open", "id" not in [f for f in p.facts if f.get("what") == "ask"][-1])
    p.send(t="autonomy", level="observe")
    s = Shim(rig, "devvm", "true")
    q2 = p.expect(t="ask", where=lambda f: f["id"] != q["id"])
    check("a new id", int(q2["id"][1:]) > int(q["id"][1:]), q, q2)
    answer(p, q2, True)
    check("it runs", s.result()[2] == 0, s.out)


@with_rig(pve=False, claude=SRC + "/tests/fakes/fake-claude")
def turn_ends(rig):
    """the turn is cancelled while it asks: the question goes with it"""
    p = ready(rig, "observe")
    p.ask(t="prompt", text="run ssh devvm 'echo x'")
    q = p.expect(t="ask")
    check("its turn", q.get("turn") == 1, q)
    p.ask(t="cancel")
    a = p.expect(t="answered", id=q["id"])
    check("no", a["yes"] is False and a["by"] == "engine" and "turn" in a["why"], a)
    p.expect(t="done", turn=1)


@with_rig(pve=False)
def lowered(rig):
    """a lower level: what runs goes on, a fact says so, and what is new follows it"""
    p = ready(rig)
    s = Shim(rig, "devvm", "read x <%s/go; echo $x" % rig.dir)
    os.mkfifo(rig.dir + "/go")
    run = p.expect(t="tool", asked="agent")
    p.send(t="autonomy", level="observe")
    f = p.expect(t="state", what="autonomy", level="observe")
    check("told", f["runs"] == [run["id"]] and "goes on" in f["text"], f)
    s2 = Shim(rig, "devvm", "true")
    q = p.expect(t="ask")
    p.send(t="autonomy", level="autonomous")
    f = p.expect(t="state", what="autonomy", level="autonomous")
    check("nothing to say", "text" not in f, f)
    answer(p, q, False)
    check("asked", s2.result()[2] == 64)
    with open(rig.dir + "/go", "w") as g:
        g.write("on\n")
    check("it went on", s.result()[0] == b"on\n", s.out)


@with_rig(agent_verbs_per_hour=2)
def cap(rig):
    """the cap: the verb after it asks, over engines too; operators' verbs do not count"""
    p = ready(rig)
    for n in (1, 2):
        check("free", shim(rig, "pve", "start")[2] == 0)
        b = p.expect(t="state", what="budget", verbs_hour=n)
        check("the cap is shown", b["verbs_hour_max"] == 2, b)
    p.expect(t="verb", id=rig.verb(p, "start"), state="finished")
    s = Shim(rig, "pve", "start")
    q = p.expect(t="ask")
    check("words", q["kind"] == "verb" and "2 mutating verbs" in q["text"] and
          "agent_verbs_per_hour 2" in q["text"], q)
    check("status is free", shim(rig, "pve", "status")[2] == 0)
    answer(p, q, False)
    out, err, code = s.result()
    check("no", code == 64 and b"operator ann said no" in err, err)
    check("two were sent", len(p.of("verb", asked="agent", verb="start", state="sent")) == 2)
    rig.stop()
    rig.start()
    p = ready(rig)
    s = Shim(rig, "pve", "start")
    q = p.expect(t="ask")
    answer(p, q, True)
    check("yes", s.result(60)[2] == 0, s.out)


@with_rig(agent_verbs_per_hour=0)
def cap_of_none(rig):
    """0: the first one asks"""
    p = ready(rig)
    s = Shim(rig, "pve", "start")
    q = p.expect(t="ask")
    check("words", "agent_verbs_per_hour 0" in q["text"], q)
    answer(p, q, False)
    check("no", s.result()[2] == 64)


main([observe, observe_input, input_on_record, power_verbs, silence, several, consoles_come_and_go, withdrawn, turn_ends,
      lowered, cap, cap_of_none])
