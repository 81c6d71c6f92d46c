#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attach: what was missed, exactly once; what is older, when it is asked for."""
import json
import os
import resource
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import BUILD, LIMIT, PROGRAM, SANITIZED, Failed, Rig, check, main, until, with_rig
from pace import Watch

NO_HOSTS = dict(devvm=False, pve=False)


def record(seq, **m):
    m = dict(dict(t="note", seq=seq, at="2026-11-27T03:00:00.000Z", mono_ms=seq, by="ann"), **m)
    return json.dumps({k: m[k] for k in ("t", "seq", "at", "mono_ms", "by")} |
                      {k: v for k, v in m.items()}, separators=(",", ":"))


def write_incident(rig, count, make=None, pad=40):
    """An incident of an engine that died: count records, the last one just now."""
    now = time.time()
    ident = time.strftime("%Y-%m-%d-%H%M%S", time.gmtime(now)) + "-t"
    os.makedirs(rig.sessions + "/incidents", mode=0o700)
    os.chmod(rig.sessions, 0o700)
    path = "%s/incidents/%s.jsonl" % (rig.sessions, ident)
    at = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(now))
    with open(path, "w") as f:
        f.write(record(1, t="incident", state="opened", id=ident, at=at) + "\n")
        for n in range(2, count + 1):
            m = make(n) if make else dict(text="note %d %s" % (n, "x" * pad))
            f.write(record(n, at=at, **m) + "\n")
    os.chmod(path, 0o600)
    return ident, path


def history(p, before, count, **more):
    req = p.ask(t="history", before=before, count=count, **more)
    start = p.looked
    end = p.expect(lambda f: f["t"] in ("history", "error"), req=req)
    return [f for f in p.facts[start:p.looked] if 0 < f.get("seq", 0) < before], end


@with_rig(**NO_HOSTS)
def history_comes_from_file_and_ring(rig):
    """older records come in order, each once, below the number, and the first says so"""
    write_incident(rig, 30000)          # more than the ring holds
    rig.start()
    p = rig.peer()
    w = p.attach(tail=100)
    check("the welcome says where the journal is", w["path"].endswith(".jsonl"), w)
    oldest = min(p.seqs())
    check("a tail", w["last"] - oldest < 200, oldest, w)
    seen, parts = [], 0
    while True:
        got, end = history(p, oldest, 2000)
        check("it is a history", end["t"] == "history", end)
        seqs = [f["seq"] for f in got]
        check("in order, without a gap", seqs == list(range(end["from"], end["to"] + 1)) and
              end["to"] == oldest - 1, end, seqs[:3], seqs[-3:])
        seen, oldest, parts = seqs + seen, end["from"], parts + 1
        if end["first"]:
            break
    check("all of them", seen[0] == 1 and len(seen) == len(set(seen)) and parts < 40, parts)
    got, end = history(p, 1, 10)
    check("nothing is before the first", got == [] and end["first"] and "from" not in end, end)


@with_rig(**NO_HOSTS)
def history_refuses_nonsense(rig):
    """what is not offered is refused, and read-only consoles may ask"""
    write_incident(rig, 50)
    rig.start()
    p = rig.peer()
    p.attach(tail=5, read_only=True)
    for m in (dict(before=0), dict(before=-1), dict(before=5, count=0),
              dict(before=5, count=2001), dict(before=5, colour=1),
              dict(before=5, incident="another")):
        req = p.ask(t="history", **m)
        check("refused", p.expect(t="error", req=req)["where"] == "history", m)
    got, end = history(p, 20, 5)
    check("read-only may look back", [f["seq"] for f in got] == list(range(15, 20)), end)


@with_rig(**NO_HOSTS)
def history_of_output_is_not_skipped(rig):
    """a console that does not read gets all of what it asked for, later; others go on"""
    write_incident(rig, 400, lambda n: dict(t="output", id="r1", stream="out", off=(n - 2) * 8000,
                                            len=8000, data="y" * 8000) if n > 2 else
                   dict(t="tool", id="r1", host="devvm", what="x", asked="operator"))
    rig.start()
    p = rig.peer()
    p.attach(tail=1)
    before = min(p.seqs())
    for n in range(8):                  # each is worth about a MiB
        p.ask(t="history", before=before, count=2000)
    other = rig.console("ben")
    asked = Watch()
    other.ask(t="ping")
    other.expect(t="welcome")
    asked.within("others are served", 2)
    got, refused = 0, 0
    for n in range(8):
        f = p.expect(lambda f: f["t"] == "history" or
                     f["t"] == "error" and f["where"] == "history")
        got, refused = got + (f["t"] == "history"), refused + (f["t"] == "error")
    check("one at a time", got >= 1 and got + refused == 8, got, refused)
    check("and whole", not p.of("skipped"))


@with_rig(**NO_HOSTS)
def an_attach_is_small(rig):
    """the same for 10^2 and 10^5 records: a tail, and caught up within a second"""
    write_incident(rig, 100000)
    rig.start_again()
    p = rig.peer()
    began = Watch()
    w = p.attach(tail=500)
    began.within("at 10^5", 4 if SANITIZED else 1)
    check("all of it, and small", w["last"] >= 100000 and p.raw < 400000, w, p.raw)
    again = rig.peer()
    again.attach(since=w["last"] - 3, incident=w["incident"])
    check("since", min(again.seqs()) == w["last"] - 2, again.seqs()[:5])
    stranger = rig.peer()
    stranger.attach(since=5, incident="another")
    check("of another incident: the tail", min(stranger.seqs()) > 90000, stranger.seqs()[:2])


@with_rig(**NO_HOSTS)
def a_frozen_console_is_dropped(rig):
    """who is silent is dropped in time, and told everything exactly once when back"""
    rig.start("--silence-ms", "3000")    # so much may a busy machine hold ann up, too
    frozen, ann = rig.console("frozen"), rig.console("ann")
    ann.send(t="note", text="first")
    ident = frozen.expect(t="note", text="first") and frozen.of("incident")[-1]["id"]
    began = Watch()
    while not ann.of("operator", name="frozen", state="detached"):
        ann.send(t="ping")
        ann.read(0.05)
        began.within("dropped in time", 4)
    for n in range(200):
        ann.send(t="note", text="missed %d" % n)
    ann.expect(t="note", text="missed 199")
    frozen.pump()
    back = rig.peer()
    back.attach("frozen", since=max(frozen.seqs()), incident=ident)
    both = frozen.seqs() + back.seqs()
    check("exactly once", sorted(both) == list(range(min(both), max(both) + 1)) and
          len(back.of("note")) == 200, both)


@with_rig(**NO_HOSTS)
def consoles_that_never_read(rig):
    """ten consoles that never read cost the engine memory that has an end, and no time"""
    rig.start()
    pid = rig.engines[-1].pid
    ann = rig.console("ann")
    deaf = [rig.peer() for _ in range(10)]
    for n, p in enumerate(deaf):
        p.hello("deaf%d" % n)
    text = "z" * 4000
    for n in range(2400):               # 10 MB for each of them
        ann.send(t="note", text="%d %s" % (n, text))
        if n % 50 == 0:
            began = Watch()
            ann.expect(lambda f, n=n: f["t"] == "note" and f["text"].startswith("%d " % n))
            began.within("ann is not slowed", 1)
    until("they are dropped", lambda: ann.pump(0.01) or len(
        [f for f in ann.of("operator", state="detached")]) >= 10)
    with open("/proc/%d/status" % pid) as f:
        kib = int([line for line in f if line.startswith("VmRSS")][0].split()[1])
    check("the engine's memory", kib < 200000, kib)
    p = rig.console("later")
    check("the same engine", p.of("welcome")[-1]["pid"] == pid)


@with_rig(**NO_HOSTS)
def versions_that_differ_say_which_is_older(rig):
    """each side is told which one is older and what to do about it"""
    rig.start()
    for v, older, todo in ((0, "the console is older", "same version"),
                           (2, "the engine is older", "--replace")):
        p = rig.peer()
        p.send(t="hello", v=v, name="ann", future="member")
        e = p.expect(lambda f: f["t"] == "error" and f["where"] == "hello")
        check("who is older", older in e["text"] and todo in e["todo"] and e["v"] == 1 and
              e["version"], e)
        p.expect_end()


def follow(rig):
    out = open(rig.dir + "/follow.out", "wb")
    rig.procs.append(subprocess.Popen([PROGRAM, "events", "--follow", "--json"], env=rig.env,
                                      stdin=subprocess.DEVNULL, stdout=out, stderr=out))
    out.close()


def followed(rig):
    """The records that a follower has printed; what it said besides."""
    with open(rig.dir + "/follow.out") as f:
        lines = f.read().splitlines()
    facts = [json.loads(x) for x in lines if x.startswith("{")]
    return [f for f in facts if f["seq"]], [x for x in lines if not x.startswith("{")]


@with_rig(**NO_HOSTS)
def what_was_in_memory_alone(rig):
    """an engine dies with records that no disk took: its numbers are given anew, and all is told"""
    from test_console_attach import console, shows      # which imports this one
    e = rig.start()
    p = rig.console("ann")
    p.send(t="note", text="on disk")
    p.expect(t="note", text="on disk")
    follow(rig)
    with console(rig) as t:
        shows(t, "on disk")
        until("the follower is there", lambda: followed(rig)[0])
        size = os.path.getsize(rig.journals()[-1])
        resource.prlimit(e.pid, resource.RLIMIT_FSIZE, (size, size))
        for n in range(20):
            p.send(t="note", text="in memory %d" % n)
        until("no disk takes it", lambda: p.pump(0.02) or [
            f for f in p.of("state", what="journal") if f["state"] == "memory"])
        p.expect(t="note", text="in memory 19")
        shows(t, "in memory 19")
        until("the follower has it", lambda: [f for f in followed(rig)[0]
                                              if f.get("text") == "in memory 19"])
        started, last = p.of("welcome")[-1]["started"], max(p.seqs())
        inc = p.of("incident", state="opened")[0]["id"]
        e.kill()
        e.wait()
        kept = rig.journal()[-1]["seq"]
        check("they are numbered", last >= kept + 20, kept, last)
        rig.start()
        q = rig.peer()
        w = q.hello("ann", since=last, incident=inc, started=started)
        q.expect(t="incident", state="continued")
        check("the record goes on where it is", w["since"] == kept and min(q.seqs()) == kept + 1,
              w, q.seqs())
        check("and says so", "in no journal" in q.of("error")[0]["text"], q.of("error"))
        # some numbers are given anew, fewer than were told
        q.send(t="note", text="after it")
        q.expect(t="note", text="after it")
        check("fewer", max(q.seqs()) < last, q.seqs(), last)
        shows(t, "after it")
        shows(t, "in no journal")
        again = rig.peer()
        w = again.hello("ann", since=max(q.seqs()), incident=inc, started=w["started"])
        check("of this engine all is as told", "since" not in w, w)
        until("the follower goes on", lambda: [f for f in followed(rig)[0]
                                               if f.get("text") == "after it"])
    records, words = followed(rig)
    seqs = [f["seq"] for f in records]
    anew = seqs[[a < b for a, b in zip(seqs[1:], seqs)].index(True) + 1:]
    check("behind what is on record, each once", anew == list(range(kept + 1, max(anew) + 1)), anew)
    check("the follower says so", [x for x in words if "in memory only" in x], words)


if __name__ == "__main__":
    main([history_comes_from_file_and_ring, history_refuses_nonsense,
          history_of_output_is_not_skipped, an_attach_is_small, a_frozen_console_is_dropped,
          consoles_that_never_read, what_was_in_memory_alone, versions_that_differ_say_which_is_older])
