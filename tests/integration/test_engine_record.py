#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record: exactly once, over attaches, deaths of consoles and of the engine."""
import json
import os
import signal
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import journal_lib  # noqa: E402
from engine_rig import check, main, shim, until, with_rig  # noqa: E402
from pace import Watch  # noqa: E402

NO_HOSTS = dict(pve=False, devvm=False)


def notes(p):
    return [f["text"] for f in p.facts if f["t"] == "note"]


def exactly(p, first, last):
    seqs = [n for n in p.seqs() if n <= last]   # the engine may have said more by now
    check("each number once and in order", seqs == list(range(first, last + 1)),
          seqs[:5], seqs[-5:], "wanted %d..%d" % (first, last))


@with_rig(**NO_HOSTS)
def attach_while_facts_come(rig):
    """operators attach at any moment of a stream of facts; each sees every record once"""
    rig.start()
    w = rig.console("writer")
    w.send(t="note", text="first")
    inc = w.expect(t="incident", state="opened")["id"]
    stop = threading.Event()

    def write():
        n = 0
        while not stop.is_set():
            w.send(t="note", text="n%d" % n)
            n += 1
            w.pump(0.0)

    th = threading.Thread(target=write)
    th.start()
    late = []
    for i in range(12):
        p = rig.peer()
        p.hello("op%d" % i, role="command", since=0, incident=inc)
        p.expect(t="caught_up")
        late.append(p)
    stop.set()
    th.join()
    w.ask(t="note", text="last")
    for p in late + [w]:
        last = p.expect(t="note", text="last")["seq"]
        exactly(p, 1, last)
    check("as in the journal", [r["text"] for r in rig.journal() if r["t"] == "note"] == notes(w))


@with_rig(**NO_HOSTS)
def since_and_tail(rig):
    """since N gives N+1 on, tail N the last N; of another incident the tail is given instead"""
    rig.start()
    w = rig.console("w")
    rig.quiet(w)
    for i in range(300):
        w.send(t="note", text="n%d" % i)
    last = w.expect(t="note", text="n299")["seq"]
    inc = w.of("incident")[0]["id"]

    def come(**more):
        p = rig.peer()
        p.hello("x", role="command", **more)
        p.expect(t="caught_up")
        return p

    exactly(come(since=0, incident=inc), 1, last)
    exactly(come(since=290, incident=inc), 291, last)
    exactly(come(since=last, incident=inc), last + 1, last)
    exactly(come(tail=10), last - 9, last)
    exactly(come(tail=5000), 1, last)
    exactly(come(tail=10 ** 9), 1, last)
    exactly(come(), last + 1, last)
    exactly(come(since=10, incident="20200101T000000Z-0000"), 1, last)
    exactly(come(since=10), 1, last)
    exactly(come(since=last + 50, incident=inc), 1, last)
    exactly(come(tail=-5), 1, last)
    w.send(t="incident", state="close")
    w.expect(t="incident", state="closed")
    exactly(come(since=last, incident=inc), last + 1, last + 1)


@with_rig(pve=False)
def long_replay(rig):
    """an attach to an incident larger than memory's share gets all of it, nothing skipped"""
    rig.start()
    p = rig.console("a")
    rig.link(p, "devvm", "up")
    out, _, code = shim(rig, "devvm", "seq -w 0 999999")
    check("7 MB ran", code == 0 and len(out) == 7000000)
    p.expect(t="tool_end")
    q = rig.peer()
    q.hello("b", since=0, incident=p.of("incident")[0]["id"])
    until("half of it", lambda: q.pump(0.01) or q.raw > 1000000)
    began = Watch()
    middle = shim(rig, "devvm", "echo in the middle")[0]
    check("the engine serves others", middle == b"in the middle\n", middle)
    began.within("and at once", 5)
    q.expect(t="caught_up")
    check("nothing was skipped", not q.of("skipped"))
    run = q.of("tool")[0]["id"]
    check("every byte", q.output(run) == out, len(q.output(run)))
    check("every record once", q.seqs() == list(range(1, max(q.seqs()) + 1)))


@with_rig(**NO_HOSTS)
def next_incident(rig):
    """a new incident in the middle of records: each file holds its own, closed and whole"""
    rig.start()
    w, x = rig.console("w"), rig.console("x")
    ids = []
    for k in range(6):
        for i in range(40):
            w.send(t="note", text="%d.%d" % (k, i))
        w.send(t="incident", state="new")
    w.send(t="note", text="end")
    x.expect(t="note", text="end")
    check("notes in order", notes(x) == ["%d.%d" % (k, i) for k in range(6) for i in range(40)]
          + ["end"])
    ids = [f["id"] for f in x.of("incident", state="opened")]
    check("seven incidents", len(ids) == 7, ids)
    p = rig.peer()
    p.hello("y", tail=5000, role="command")
    p.expect(t="caught_up")
    check("an attach gets the last one only", notes(p) == ["end"], notes(p))
    for k, inc in enumerate(ids):
        r = rig.journal(rig.sessions + "/incidents/%s.jsonl" % inc)
        check("opened first", r[0]["t"] == "incident" and r[0]["id"] == inc, r[0])
        got = [f["text"] for f in r if f["t"] == "note"]
        check("its own notes", got == ["%d.%d" % (k, i) for i in range(40)] if k < 6 else
              got == ["end"], k, got)
        if k < 6:
            check("closed last", (r[-1]["t"], r[-1].get("state")) == ("incident", "closed"), r[-1])


@with_rig()
def console_dies(rig):
    """kill -9 of a console in the middle of a cycle: the cycle ends; attaching shows all once"""
    rig.start()
    p = rig.console("a")
    rig.links_up(p)
    rig.pve.hold("stop")
    v = rig.verb(p, "cycle")
    until("the host is at it", lambda: rig.pve.calls("stop"))
    p.pump(0.05)
    seen, inc = p.seqs(), p.of("incident")[0]["id"]
    p.close()
    rig.pve.release("stop")
    q = rig.peer()
    q.hello("a", since=seen[-1], incident=inc)
    f = q.expect(t="verb", id=v, state="finished")
    check("finished", f["exit"] == 0)
    q.expect(t="state", what="proof", done=True)
    seqs = seen + q.seqs()
    check("before and after together: each once", seqs == list(range(1, seqs[-1] + 1)), seqs)


@with_rig()
def engine_dies_in_a_verb(rig):
    """kill -9 of the engine in a cycle: the next one continues the incident and names it"""
    e = rig.start()
    p = rig.console("ann")
    rig.links_up(p)
    old = rig.pve.vm_pid()
    rig.pve.hold("stop")
    v = rig.verb(p, "cycle")
    f = p.expect(t="verb", id=v, state="sent")
    until("the host is at it", lambda: rig.pve.calls("stop"))
    p.pump(0.05)
    inc = p.of("incident")[0]["id"]
    e.kill()
    e.wait()
    p.expect_end()
    rig.start()
    q = rig.peer()
    w = q.hello("ann", since=p.seqs()[-1], incident=inc)
    check("the same incident", w["incident"] == inc, w)
    u = q.expect(t="state", what="unfinished")
    check("who, what, when and no key yet", u["verb"] == "cycle" and u["id"] == v and
          u["who"] == "ann" and u["key"] == "" and "cycle by ann" in u["text"], u)
    q.expect(t="caught_up")
    vm = q.expect(lambda f: "job" in f, t="state", what="vm")
    check("the host's job is shown", "cycle runs at the host" in vm["job"], vm)
    w2 = rig.verb(q, "reset")
    check("ids are not used again", int(w2[1:]) > int(v[1:]), w2)
    f = q.expect(lambda f: f["state"] in ("finished", "refused"), t="verb", id=w2)
    check("a second one is refused", "ann holds the slot: cycle" in f.get("why", ""), f)
    w3 = rig.verb(q, "status", confirm=False)
    run = q.expect(t="verb", id=w3, state="sent")["run"]
    check("nor those of runs", int(run[1:]) > int([t for t in p.of("tool")][-1]["id"][1:]), run)
    rig.pve.release("stop")
    q.expect(lambda f: f.get("pid") not in (None, old) and f["status"] == "running",
             t="state", what="vm")
    seqs = p.seqs() + q.seqs()
    check("over both engines: each once", seqs == list(range(1, seqs[-1] + 1)), seqs)
    rig.journal()


@with_rig()
def unfinished_in_a_long_journal(rig):
    """the unfinished mutation is found however much was recorded after it; no id comes twice"""
    e = rig.start()
    p = rig.console("ann")
    rig.links_up(p)
    rig.pve.hold("stop")
    v = rig.verb(p, "cycle")
    p.expect(t="verb", id=v, state="sent")
    out, _, code = shim(rig, "devvm", "seq -w 0 999999")
    check("7 MB", len(out) == 7000000)
    until("recorded", lambda: p.pump(0.02) or p.of("tool_end"))
    last = p.of("tool")[-1]["id"]
    e.kill()
    e.wait()
    rig.start()
    q = rig.console("ann")
    q.looked = 0
    u = q.expect(what="unfinished")
    check("found", u["id"] == v, u)
    shim(rig, "devvm", "true")
    t = q.expect(t="tool", asked="agent")
    check("ids go on", int(t["id"][1:]) > int(last[1:]), t, last)
    rig.pve.release("stop")


@with_rig(**NO_HOSTS)
def torn_tail(rig):
    """a torn last record is cut off; the incident goes on behind it without a gap"""
    e = rig.start()
    p = rig.console("a")
    for i in range(5):
        p.send(t="note", text="n%d" % i)
    p.expect(t="note", text="n4")
    e.kill()
    e.wait()
    path = rig.journals()[-1]
    for torn in (b'{"t":"note","seq":8,"at":"2026', b'{"t":"output","seq":9,' + b"x" * 70000,
                 b"\x00" * 5000, b"{"):
        before = rig.journal(path)
        with open(path, "ab") as f:
            f.write(torn)
        e = rig.start_again()
        q = rig.peer()
        w = q.hello("a", tail=5000)
        check("continued", w["incident"] == os.path.basename(path)[:-6] and
              w["last"] >= len(before), w, len(before))
        q.expect(t="caught_up")
        q.send(t="note", text="after")
        q.expect(t="note", text="after")
        check("no record lost", rig.journal(path)[:len(before)] == before)
        e.kill()
        e.wait()


@with_rig(**NO_HOSTS)
def foreign_files(rig):
    """rubbish in the sessions folder is not taken for an incident and stops nothing"""
    os.makedirs(rig.sessions + "/incidents", mode=0o700)
    os.chmod(rig.sessions, 0o700)
    d = rig.sessions + "/incidents/"
    for name, data in (("zzz.jsonl", b"rubbish\n"), ("zz.jsonl", b"\xff\xfe\x00" * 1000),
                       ("9.jsonl", b"rubbish\n{}\n"), ("x" * 200 + ".jsonl", b"{}\n"), ("notes.txt", b"x")):
        with open(d + name, "wb") as f:
            f.write(data)
    os.mkdir(d + "8.jsonl")
    rig.start()
    p = rig.console("a")
    p.send(t="note", text="hello")
    f = p.expect(t="note")
    inc = p.of("incident")
    check("an incident of its own, or one that goes on behind the rubbish", f["seq"] > 0 and
          (not inc or inc[0]["id"].startswith("2")), f, inc)


@with_rig(**NO_HOSTS)
def quiet_incident(rig):
    """an incident that was quiet for 4 h is closed at the next start, with the reason"""
    e = rig.start()
    p = rig.console("a")
    p.send(t="note", text="long ago")
    inc = p.expect(t="incident", state="opened")["id"]
    p.expect(t="note")
    e.kill()
    e.wait()
    path = rig.journals()[0]
    journal_lib.write(path, [dict(r, mono_ms=r["mono_ms"] - 5 * 3600 * 1000)
                             for r in journal_lib.records(path)])
    rig.start()
    p = rig.console("a")
    check("none is open", "incident" not in p.of("welcome")[0])
    p.send(t="note", text="now")
    check("a new one", p.expect(t="incident", state="opened")["id"] != inc)
    until("the old one has its end", lambda: rig.journal(path)[-1].get("state") == "closed")


@with_rig(**NO_HOSTS)
def journal_file(rig):
    """journals are 0600 in a 0700 folder; one that is open is refused loudly"""
    rig.start()
    p = rig.console("a")
    p.send(t="note", text="x")
    p.expect(t="note")
    check("0600", os.stat(rig.journals()[0]).st_mode & 0o777 == 0o600)
    check("0700", os.stat(rig.sessions).st_mode & 0o777 == 0o700)
    rig.stop()
    os.chmod(rig.sessions + "/incidents", 0o755)
    rig.start()
    p = rig.console()
    p.looked = 0
    f = p.expect(what="journal", state="memory")
    check("a banner that says chmod", "chmod" in f["why"], f)
    rig.stop()
    os.chmod(rig.sessions + "/incidents", 0o700)
    os.chmod(rig.sessions, 0o755)           # is nobody's secret
    rig.start()
    p = rig.console()
    check("no banner", not [f for f in p.facts if f.get("what") == "journal" and
                            f["state"] != "ok"])


@with_rig()
def state_noise(rig):
    """what does not change is not recorded again: agent, links that stay down, a job's age"""
    rig.pve.refuse()
    rig.start()
    p = rig.console("a")
    p.send(t="note", text="open")
    rig.link(p, "pve", "down")
    for i in range(3):              # tries again after 1, 2 s
        p.expect(t="state", what="link", host="pve", state="down")
    # the first one is what was true when the incident was opened
    for what, host in (("link", "pve"), ("agent", None)):
        records = [{k: v for k, v in r.items() if k not in ("seq", "at", "mono_ms", "h", "ms",
                                                            "retry_ms")}
                   for r in rig.journal() if r.get("what") == what and r.get("host") == host]
        check("%s is on record" % what, records)
        check("none of %s is told twice" % what,
              all(a != b for a, b in zip(records, records[1:])), records)


if __name__ == "__main__":
    main([attach_while_facts_come, since_and_tail, long_replay, next_incident, console_dies,
          engine_dies_in_a_verb, unfinished_in_a_long_journal, torn_tail, foreign_files,
          quiet_incident, journal_file, state_noise])
