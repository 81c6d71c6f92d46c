#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verbs: confirmation, the one slot, deadlines, hosts that fail, exit codes."""
import json
import os
import re
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import (LIMIT, alive, background_engines, check, main, shim, until,  # noqa: E402
                        with_rig)
from pace import Watch  # noqa: E402

MUTATING = ("start", "stop", "reset", "cycle")


def mutating_calls(rig):
    return [w for w in rig.pve.read("qm.calls").split()[1:] if w in MUTATING]


@with_rig()
def confirmation(rig):
    """a mutating verb without its own word as confirmation is refused and never sent"""
    rig.start()
    p = rig.console()
    rig.links_up(p)
    for verb in MUTATING:
        for confirm in (False, "yes", verb.upper(), verb + " ", "status"):
            v = rig.verb(p, verb, confirm=confirm)
            f = p.expect(t="verb", id=v, state="refused")
            check("says how", "--confirm " + verb in f["why"], f)
            p.expect(t="error", req=p.req)
    for m in (dict(confirm=True), dict(confirm=["cycle"]), dict(confirm=1)):
        p.send(t="verb", verb="cycle", **m)
        p.expect(t="verb", state="refused")
    check("the host was never asked", not mutating_calls(rig), mutating_calls(rig))
    check("no run", not [f for f in p.of("tool") if f.get("verb") in MUTATING])


@with_rig()
def injection(rig):
    """a verb with anything around it is refused by name and never reaches the wire"""
    rig.start()
    p = rig.console()
    rig.links_up(p)
    for bad in ("reboot", "cycle;id", "cycle ", " cycle", "cycle\n", "CYCLE", "", "status\x00",
                "status; rm -rf /", "$(cycle)", "cycle\tcycle", "stаtus", "c" * 5000):
        r = p.ask(t="verb", verb=bad, confirm=bad)
        e = p.expect(t="error", req=r)
        check("the verbs are named", "status forensics start stop reset cycle" in e["text"], e)
    p.send(t="ping")
    p.expect(t="welcome")
    check("no verb fact", not p.of("verb"))
    check("nothing was sent", not mutating_calls(rig))
    for words in (["cycle;id"], ["cycle", "now"], ["status", ";id"], ["Status"], ["status "]):
        c = rig.cli(*words)
        check("the command line refuses: 64", c.returncode == 64 and c.stderr, words, c)


@with_rig()
def cycle_is_proved(rig):
    """a confirmed cycle: stages, a new QEMU process, the ladder back to a healthy devvm"""
    rig.start()
    p = rig.console()
    rig.links_up(p)
    old = rig.pve.vm_pid()
    v = rig.verb(p, "cycle")
    for state in ("confirmed", "sent", "stage", "finished"):
        f = p.expect(t="verb", id=v, state=state)
    check("exit 0", f["exit"] == 0, f)
    check("a fresh process", rig.pve.vm_pid() != old)
    proof = p.expect(t="state", what="proof", done=True)
    check("every rung", all(r["ok"] for r in proof["rungs"]), proof)
    check("pids", proof["before_pid"] == old and proof["pid"] == rig.pve.vm_pid(), proof)
    rig.slot_is_free(p)
    slot = [f for f in p.facts if f.get("what") == "slot"]
    check("the slot was held and freed", slot[0]["holder"] == "ann" and "holder" not in slot[-1],
          slot)
    kinds = [(f["t"], f.get("state")) for f in rig.journal() if f["t"] in ("verb", "tool")]
    check("confirmed is journaled before the run", kinds.index(("verb", "confirmed")) <
          kinds.index(("tool", None)), kinds)


@with_rig()
def one_slot(rig):
    """a second mutation is refused: who holds the slot, what, since when; status is not"""
    rig.start()
    ann, bob = rig.console("ann"), rig.console("bob")
    rig.links_up(bob)
    rig.pve.hold("stop")
    v = rig.verb(ann, "cycle")
    ann.expect(t="verb", id=v, state="sent")
    until("the host is at it", lambda: rig.pve.calls("stop"))
    bob.send(t="drive")
    for verb in MUTATING:
        w = rig.verb(bob, verb)
        f = bob.expect(t="verb", id=w, state="refused")
        check("who, what, how long", re.search(r"ann holds the slot: cycle, for [0-9.]+ s", f["why"]), f)
        check("the asker has an error", "ann holds" in bob.expect(t="error", req=bob.req)["text"])
    w = rig.verb(bob, "status", confirm=False)
    f = bob.expect(t="verb", id=w, state="finished")
    check("status works meanwhile", f["exit"] == 0, f)
    c = rig.cli("reset", "--confirm", "reset")
    check("the command line: 75", c.returncode == 75 and "ann holds the slot" in c.stderr, c)
    rig.pve.release("stop")
    f = ann.expect(t="verb", id=v, state="finished")
    check("the first one finished", f["exit"] == 0 and rig.pve.calls("stop") == 1, f)


@with_rig()
def twenty_at_once(rig):
    """of twenty parallel requests exactly one mutation runs; all nineteen are told"""
    rig.start()
    peers = [rig.peer() for i in range(20)]
    for i, p in enumerate(peers):
        p.attach("op%d" % i, role="command")
    rig.links_up(peers[0])
    rig.pve.hold("reset")
    for i, p in enumerate(peers):
        p.send(t="verb", verb="reset", confirm="reset", req="mine%d" % i)
    first = peers[0]
    until("all have a word", lambda: first.pump(0.01) or
          len(first.of("verb", state="refused")) == 19)
    asked = {f.get("req") for f in first.of("verb", state="asked")}    # in whatever order
    check("each was asked", asked == {"mine%d" % i for i in range(20)}, asked)
    check("one was confirmed", len(first.of("verb", state="confirmed")) == 1)
    rig.pve.release("reset")
    first.expect(t="verb", state="finished", exit=0)
    check("one reset at the host", rig.pve.calls("reset") == 1, rig.pve.read("qm.calls"))
    until("nineteen errors for those who asked", lambda: [p.pump(0.001) for p in peers] and
          sum(len(p.of("error")) for p in peers) >= 19)
    lost = [len(p.of("error")) for p in peers]
    check("one for each", sorted(lost) == [0] + [1] * 19, lost)


@with_rig(pve_verb_timeout_seconds=1)
def past_its_deadline(rig):
    """past its deadline a verb is `waiting`; nobody ends it, and the host finishes"""
    rig.start()
    p = rig.console()
    rig.links_up(p)
    rig.pve.hold("reset")
    v = rig.verb(p, "reset")
    f = p.expect(t="verb", id=v, state="waiting")
    check("a sentence", "goes on at the host" in f["text"], f)
    check("the slot is held on", [f for f in p.facts if f.get("what") == "slot"][-1].get("holder"))
    r = p.ask(t="end", id=p.of("verb", id=v, state="sent")[0]["run"])
    check("nobody may end its run", "mutating verb" in p.expect(t="error", req=r)["text"])
    rig.pve.release("reset")
    check("finished", p.expect(t="verb", id=v, state="finished")["exit"] == 0)


@with_rig(pve_verb_timeout_seconds=3)
def status_has_a_deadline(rig):
    """a status that hangs is given up after its deadline, with a sentence"""
    rig.start()
    p = rig.console()
    rig.links_up(p)
    rig.pve.freeze()
    v = rig.verb(p, "status", confirm=False)
    asked = Watch()
    f = p.expect(lambda f: f["state"] in ("refused", "unknown", "finished"), t="verb", id=v)
    asked.within("after its deadline", 10)
    check("no answer", "did not answer" in f.get("why", ""), f)
    rig.pve.freeze(False)
    rig.link(p, "pve", "up")
    v = rig.verb(p, "status", confirm=False)
    check("and works again", p.expect(t="verb", id=v, state="finished")["exit"] == 0)


@with_rig()
def cut_in_the_middle(rig):
    """the connection is cut after `sent`: unknown, the host finishes, status tells the truth"""
    rig.start()
    p = rig.console()
    rig.links_up(p)
    old = rig.pve.vm_pid()
    rig.pve.hold("stop")
    v = rig.verb(p, "cycle")
    until("the host is at it", lambda: rig.pve.calls("stop"))
    rig.pve.cut()
    f = p.expect(t="verb", id=v, state="unknown")
    check("why", f["why"], f)
    check("the run has an end", p.of("tool_end"))
    rig.slot_is_free(p)
    rig.pve.release("stop")
    until("the host finished by itself", lambda: rig.pve.calls("start") == 2 and rig.pve.vm_runs()
          and rig.pve.vm_pid() != old)
    vm = p.expect(lambda f: f.get("pid") == rig.pve.vm_pid(), t="state", what="vm")
    check("what is true now is said without asking", vm["status"] == "running", vm)


@with_rig()
def cut_command_line(rig):
    """the command line whose connection is cut after `sent` exits 76"""
    rig.start()
    p = rig.console()
    rig.links_up(p)
    rig.pve.hold("reset")
    c = rig.popen("reset", "--confirm", "reset")
    until("the host is at it", lambda: rig.pve.calls("reset"))
    rig.pve.cut()
    out, err = c.communicate(timeout=LIMIT)
    check("76", c.returncode == 76, c.returncode, out, err)
    check("what to do", "breakglass status" in err, err)


@with_rig()
def engine_dies_under_command_line(rig):
    """the engine is killed while a command line waits for its verb: 76, the host finishes"""
    e = rig.start()
    p = rig.console()
    rig.links_up(p)
    rig.pve.hold("reset")
    c = rig.popen("reset", "--confirm", "reset")
    until("the host is at it", lambda: rig.pve.calls("reset"))
    e.kill()
    e.wait()
    out, err = c.communicate(timeout=LIMIT)
    check("76", c.returncode == 76, c.returncode, out, err)
    rig.pve.release("reset")


@with_rig(pve_verb_timeout_seconds=4)
def pve_down(rig):
    """pve down: verbs are refused with what to do; devvm and the rest are usable"""
    rig.pve.refuse()
    rig.start()
    p = rig.console()
    rig.link(p, "devvm", "up")
    f = rig.link(p, "pve", "down")
    check("the link says why", f["why"] and f.get("retry_ms", 0) > 0, f)
    began = Watch()
    v = rig.verb(p, "cycle")
    f = p.expect(t="verb", id=v, state="refused")
    began.within("within 16 s", 16)
    check("it says why", f["why"], f)
    rig.slot_is_free(p)
    p.send(t="note", text="still here")
    p.expect(t="note")
    check("devvm works", b"alive" in shim(rig, "devvm", "echo alive")[0])
    rig.pve.back()
    v = rig.verb(p, "status", confirm=False)
    check("and pve again, by itself", p.expect(t="verb", id=v, state="finished")["exit"] == 0)


@with_rig()
def operator_and_agent(rig):
    """the agent and an operator share the slot; the loser is told, whoever it is"""
    rig.start()
    p = rig.console()
    rig.links_up(p)
    rig.pve.hold("reset")
    v = rig.verb(p, "reset")
    until("the host is at it", lambda: rig.pve.calls("reset"))
    out, err, code = shim(rig, "pve", "cycle")
    check("the agent is refused: 64", code == 64 and b"ann holds the slot: reset" in err, out, err,
          code)
    rig.pve.release("reset")
    p.expect(t="verb", id=v, state="finished")
    rig.pve.hold("stop")
    got = []
    th = threading.Thread(target=lambda: got.append(shim(rig, "pve", "stop")))
    th.start()
    p.expect(t="verb", asked="agent", state="sent")
    until("the host is at it", lambda: rig.pve.calls("stop"))
    w = rig.verb(p, "cycle")
    f = p.expect(t="verb", id=w, state="refused")
    check("the operator is told", "agent holds the slot: stop" in f["why"], f)
    rig.pve.release("stop")
    th.join()
    check("the agent has its exit", got[0][2] == 0, got)
    for bad in ("status; id", "cycle ", "", "cycle\nid", "STATUS", "status -v"):
        out, err, code = shim(rig, "pve", bad)
        check("refused 64", code == 64 and b"one of" in err + out, bad, out, err, code)


@with_rig(ask_seconds=1)
def autonomy(rig):
    """at observe the agent's mutating verbs are refused and it is told what is allowed"""
    rig.start()
    p = rig.console()
    rig.links_up(p)
    p.send(t="autonomy", level="observe")
    p.expect(t="state", what="autonomy", level="observe")
    for verb in MUTATING:
        out, err, code = shim(rig, "pve", verb)
        check("refused", code == 64 and b"observe" in err and b"ssh pve status" in err, err)
    check("devvm: nobody says yes", shim(rig, "devvm", "true")[2] == 64)
    check("status is allowed", shim(rig, "pve", "status")[2] == 0)
    p.send(t="autonomy", level="repair")
    p.expect(t="state", what="autonomy", level="repair")
    check("devvm is allowed", shim(rig, "devvm", "true")[2] == 0)
    check("cycle: nobody says yes", shim(rig, "pve", "cycle")[2] == 64)
    check("no mutation ran", not mutating_calls(rig))


@with_rig()
def pve_key_changes(rig):
    """pve's host key changes: mutations are refused until it is accepted; status works"""
    rig.start()
    p = rig.console()
    rig.links_up(p)
    rig.pve.new_key()
    rig.pve.cut()
    f = None
    end = time.monotonic() + LIMIT
    while not f or f.get("key") != "changed":
        f = p.expect(t="state", what="link", host="pve")
        check("changed", time.monotonic() < end)
    check("what to do", "/accept pve" in f["todo"] and f["fingerprint"].startswith("SHA256:"), f)
    rig.link(p, "pve", "up")
    for verb in MUTATING:
        v = rig.verb(p, verb)
        why = p.expect(t="verb", id=v, state="refused")["why"]
        check("names key and way", "SHA256:" in why and "/accept pve" in why, why)
    v = rig.verb(p, "status", confirm=False)
    check("status works", p.expect(t="verb", id=v, state="finished")["exit"] == 0)
    r = p.ask(t="accept_key", host="pve", fingerprint="SHA256:" + "A" * 43)
    check("a wrong print is refused", p.expect(t="error", req=r)["text"])
    r = p.ask(t="accept_key", host="mars", fingerprint=f["fingerprint"])
    p.expect(t="error", req=r)
    v = rig.verb(p, "reset")
    p.expect(t="verb", id=v, state="refused")
    p.ask(t="accept_key", host="pve", fingerprint=f["fingerprint"])
    p.expect(t="note")
    v = rig.verb(p, "reset")
    check("then mutations work", p.expect(lambda f: f["state"] in ("finished", "refused"), t="verb",
                                          id=v).get("exit") == 0)
    rig.stop()
    rig.start()
    p = rig.console()
    rig.links_up(p)
    v = rig.verb(p, "reset")
    check("the acceptance is remembered", p.expect(
        lambda f: f["state"] in ("finished", "refused"), t="verb", id=v).get("exit") == 0)


@with_rig()
def devvm_key_changes(rig):
    """a rebuilt devvm: loud, and it goes on"""
    rig.start()
    p = rig.console()
    rig.links_up(p)
    rig.devvm.new_key()
    rig.devvm.cut()
    f = p.expect(lambda f: f.get("key") == "changed", t="state", what="link", host="devvm")
    check("loud", f["why"] and "/accept devvm" in f["todo"], f)
    rig.link(p, "devvm", "up")
    check("goes on", shim(rig, "devvm", "echo on")[0] == b"on\n")
    v = rig.verb(p, "reset")
    check("power is not concerned", p.expect(t="verb", id=v, state="finished")["exit"] == 0)


@with_rig()
def command_line(rig):
    """exit codes 0 1 64 69 75 76 77 and --json lines that parse"""
    rig.start()
    p = rig.console()
    rig.links_up(p)

    def lines(c):
        return [json.loads(l) for l in c.stdout.splitlines()]

    c = rig.cli("status")
    check("status: 0 and the host's words", c.returncode == 0 and "VM 102: running" in c.stdout, c)
    check("marks are not for people", "#bg" not in c.stdout, c.stdout)
    c = rig.cli("status", "--json")
    facts = lines(c)
    check("status --json", c.returncode == 0 and facts[-1]["state"] == "finished" and
          [f for f in facts if f["t"] == "output"], c)
    c = rig.cli("ping", "--json")
    check("ping --json", c.returncode == 0 and lines(c)[0]["t"] == "welcome", c)
    c = rig.cli("cycle")
    check("no confirmation: 64, and how", c.returncode == 64 and "--confirm cycle" in c.stderr, c)
    c = rig.cli("cycle", "--confirm", "reset")
    check("wrong confirmation: 64", c.returncode == 64, c)
    c = rig.cli("reset", "--confirm", "reset", "--json")
    facts = lines(c)
    check("reset --json: 0, to the proof", c.returncode == 0 and facts[-1].get("what") == "proof" and
          facts[-1]["done"], c)
    c = rig.cli("stop", "--confirm", "stop")
    check("stop: 0", c.returncode == 0 and not rig.pve.vm_runs(), c)
    c = rig.cli("reset", "--confirm", "reset")
    check("a reset of a stopped VM fails: 1", c.returncode == 1, c)
    c = rig.cli("start", "--confirm", "start")
    check("start: 0", c.returncode == 0 and rig.pve.vm_runs(), c)
    for words in (["bogus"], ["ask"], ["--nonsense"], ["status", "--confirm"]):
        c = rig.cli(*words)
        check("usage: 64", c.returncode == 64 and c.stderr and not c.stdout, words, c)
    c = rig.cli("ask", "what is wrong?")
    check("no claude: 1 and why", c.returncode == 1 and "claude" in c.stderr, c)
    rig.stop()
    c = rig.cli("ping")
    check("no engine: 69", c.returncode == 69 and c.stderr, c)
    os.chmod(rig.run_dir, 0o755)
    c = rig.cli("ping")
    check("open directory: 77", c.returncode == 77 and "chmod 700" in c.stderr, c)
    os.chmod(rig.run_dir, 0o700)


@with_rig()
def one_shot(rig):
    """a verb without an engine starts one for as long as it takes; ping never does"""
    c = rig.cli("ping")
    check("ping: 69", c.returncode == 69, c)
    check("and started none", not os.path.exists(rig.socket))
    c = rig.cli("status")
    check("status: 0", c.returncode == 0 and "VM 102: running" in c.stdout, c)
    until("the engine has left", lambda: not os.path.exists(rig.socket))
    c = rig.cli("reset", "--confirm", "reset")
    check("reset: 0", c.returncode == 0 and "the devvm is back" in c.stderr, c)
    until("the engine has left", lambda: not background_engines(rig.dir))


@with_rig()
def one_shot_and_killed(rig):
    """a one-shot command is killed in the middle of its cycle: the host and the journal finish"""
    rig.pve.hold("stop")
    c = rig.popen("cycle", "--confirm", "cycle")
    until("the host is at it", lambda: rig.pve.calls("stop"))
    c.kill()
    c.wait()
    rig.pve.release("stop")
    until("the engine has left", lambda: not background_engines(rig.dir))
    ends = [f for f in rig.journal() if f["t"] == "verb" and f["state"] == "finished"]
    check("its end is in the journal", ends and ends[0]["exit"] == 0, ends)
    check("the VM runs", rig.pve.vm_runs())


@with_rig(devvm=False, pve_verb_timeout_seconds=2)
def pve_unreachable_command_line(rig):
    """pve unreachable: 69 and a sentence"""
    rig.pve.refuse()
    rig.start()
    c = rig.cli("status")
    check("69", c.returncode == 69 and c.stderr, c)
    c = rig.cli("cycle", "--confirm", "cycle")
    check("69", c.returncode == 69 and c.stderr, c)


if __name__ == "__main__":
    main([confirmation, injection, cycle_is_proved, one_slot, twenty_at_once, past_its_deadline,
          status_has_a_deadline, cut_in_the_middle, cut_command_line,
          engine_dies_under_command_line, pve_down, operator_and_agent, autonomy,
          pve_key_changes, devvm_key_changes, command_line, one_shot, one_shot_and_killed,
          pve_unreachable_command_line])
