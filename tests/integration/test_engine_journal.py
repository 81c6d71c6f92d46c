#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal's format 2: the chain, one writer, continued, left, closed, torn tails, clocks."""
import fcntl
import os
import signal
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import journal_lib  # noqa: E402
from engine_rig import SRC, Skip, check, main, until, with_rig  # noqa: E402
from pace import Watch  # noqa: E402

NO_HOSTS = dict(pve=False, devvm=False)
HOURS = 3600 * 1000


def say(p, text):
    p.send(t="note", text=text)
    return p.expect(t="note", text=text)


def opened(rig):
    p = rig.console()
    return p, p.of("welcome")[0].get("incident")


def whole(path):
    check("the chain is whole", journal_lib.broken(path) == [], journal_lib.broken(path))
    seqs = [r["seq"] for r in journal_lib.records(path)]
    check("numbers without gaps", seqs == list(range(1, len(seqs) + 1)), seqs)
    return journal_lib.records(path)


def snippet():
    """The few lines of Python with which docs/journal.md verifies a chain."""
    with open(SRC + "/docs/journal.md") as f:
        return f.read().split("```python\n")[1].split("```")[0]


@with_rig(**NO_HOSTS)
def plain_tools(rig):
    """what docs/journal.md gives for verifying does it, and finds each changed byte"""
    rig.start()
    p = rig.console()
    for i in range(5):
        say(p, "note %d" % i)
    rig.stop()
    path = rig.journals()[0]

    code = compile(snippet(), "docs/journal.md", "exec")

    def verify():
        argv, sys.argv = sys.argv, ["verify", path]
        try:
            exec(code, {})
        except SystemExit as e:
            return str(e)
        finally:
            sys.argv = argv
    check("it is whole", verify() is None, verify())
    with open(path, "rb") as f:
        data = f.read()
    for at in range(7, len(data) - 1, 11):
        with open(path, "wb") as f:
            f.write(data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
        n = data[:at].count(b"\n") + 1
        check("byte %d" % at, (verify() or "").startswith("line %d " % n), verify(), n)


def states(path):
    return [r["state"] for r in whole(path) if r["t"] == "incident"]


def kill(rig):
    rig.engines[-1].kill()
    rig.engines[-1].wait()


@with_rig(**NO_HOSTS)
def life(rig):
    """opened, killed, continued, left, continued, closed: each said, each chained"""
    rig.start()
    p = rig.console()
    say(p, "one")
    f = p.of("incident", state="opened")[0]
    check("opened says v 2 and who", f["v"] == 2 and f["pid"] > 0 and f["version"] and
          f["boot"] == open("/proc/sys/kernel/random/boot_id").read().strip(), f)
    check("live records carry their h", all("h" in r for r in p.facts if r.get("seq")))
    kill(rig)
    path = rig.journals()[0]
    rig.start()
    p = rig.console(tail=100)
    f = p.of("incident", state="continued")[0]
    check("continued: the id, another pid, no cut", f["id"] in path and "cut" not in f and
          f["pid"] == rig.engines[-1].pid, f)
    say(p, "two")
    rig.stop()
    check("left, with its reason", whole(path)[-1]["state"] == "left" and
          whole(path)[-1]["reason"], whole(path)[-1])
    rig.start()
    p = rig.console()
    say(p, "three")
    p.send(t="incident", state="close")
    p.expect(t="incident", state="closed")
    rig.stop()
    check("nothing stands behind closed", states(path) == [
        "opened", "continued", "left", "continued", "closed"] and
        whole(path)[-1]["state"] == "closed", states(path))
    rig.start()
    check("it is not continued", opened(rig)[1] is None)


def continued(p, last):
    """The record that says so, behind the last of the engine before; it may be told late."""
    p.looked = 0
    return p.expect(lambda f: f["seq"] > last, t="incident", state="continued")


@with_rig(**NO_HOSTS)
def torn(rig):
    """a torn tail of any length is cut by the next engine, which says how much it was"""
    rig.start()
    say(rig.console(), "x" * 3000)
    kill(rig)
    path = rig.journals()[0]
    for tail in (b"{", b'{"t":"note","seq":9', b"\0" * 5000, b"y" * 70000):
        last = whole(path)[-1]["seq"]
        with open(path, "ab") as f:
            f.write(tail)
        rig.start()
        p = rig.console(tail=100)
        f = continued(p, last)
        check("%d bytes" % len(tail), f.get("cut") == len(tail), f)
        say(p, "on")
        kill(rig)
        whole(path)
    last = whole(path)[-1]["seq"]
    rig.start()
    check("cut is said only where it was", "cut" not in continued(rig.console(tail=100), last))


def lock_of(path):
    """True: somebody holds the journal."""
    with open(path) as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
        except OSError:
            return True


@with_rig(**NO_HOSTS)
def two_engines(rig):
    """a second engine on the same folder: it passes the locked incident over"""
    rig.start()
    a = rig.console("ann")
    say(a, "mine")
    first = rig.journals()[0]
    check("it is locked", lock_of(first))
    run_dir, socket = rig.run_dir, rig.socket
    rig.run_dir = rig.dir + "/run2"
    rig.env["BREAKGLASS_RUN_DIR"] = rig.run_dir
    rig.socket = rig.run_dir + "/console.sock"
    second = rig.start()
    b, inc = opened(rig)
    check("none is open there", inc is None)
    say(b, "another")
    check("its own file", len(rig.journals()) == 2)
    say(a, "still mine")
    other = [j for j in rig.journals() if j != first][0]
    check("each has its own words", [r["text"] for r in whole(first) if r["t"] == "note"] ==
          ["mine", "still mine"] and
          [r["text"] for r in whole(other) if r["t"] == "note"] == ["another"])
    # The first is killed; its incident is then anybody's, the second's is not.
    rig.engines[0].kill()
    rig.engines[0].wait()
    rig.run_dir, rig.socket = run_dir, socket
    rig.env["BREAKGLASS_RUN_DIR"] = run_dir
    rig.start()
    c, inc = opened(rig)
    check("the one that is free is continued", inc and inc in first, inc, first, other)
    say(c, "again")
    check("the second was left alone", second.poll() is None and states(other) == ["opened"])
    c.send(t="incident", state="close")
    c.expect(t="incident", state="closed")
    until("a closed one is let go", lambda: not lock_of(first))


@with_rig(**NO_HOSTS)
def clocks(rig):
    """a wall clock that was set closes no incident; hours of quiet do"""
    rig.start()
    say(rig.console(), "x")
    kill(rig)
    path = rig.journals()[0]
    records = journal_lib.records(path)

    def then(open_after, **more):
        journal_lib.write(path, [dict(r, **{k: v for k, v in more.items() if k in r})
                                 for r in records])
        os.utime(path, (0, 0))
        rig.start()
        inc = opened(rig)[1]
        check("open after %s: %s" % (more, open_after), bool(inc) == open_after, inc)
        if not open_after:
            until("closed, with its reason", lambda: "4 hours" in journal_lib.records(
                path)[-1].get("reason", ""))
        kill(rig)

    later = "%d-01-01T00:00:00.000Z"
    then(True, at=later % 2001)                     # it was set forward by years
    then(True, at=later % 2100)                     # and back
    then(False, mono_ms=records[-1]["mono_ms"] - 5 * HOURS)
    then(True, boot="another", mono_ms=10 ** 12)    # the machine was started anew
    then(True, boot="another", at=later % 2100)
    then(False, boot="another", at=later % 2001)


@with_rig(**NO_HOSTS)
def clock_back(rig):
    """the clock was set back: an open incident is found behind a newer name that is closed"""
    rig.start()
    p = rig.console()
    say(p, "x")
    kill(rig)
    path = rig.journals()[0]
    facts = journal_lib.records(path)
    journal_lib.write(os.path.dirname(path) + "/20990101T000000Z-aaaa.jsonl", facts + [
        dict(facts[-1], t="incident", state="closed", seq=len(facts) + 1)])
    rig.start()
    check("it is", (opened(rig)[1] or "?") in path)


@with_rig(**NO_HOSTS)
def version_1(rig):
    """a journal of format 1 is continued: the chain begins with "continued" """
    rig.start()
    say(rig.console(), "old")
    kill(rig)
    path = rig.journals()[0]
    journal_lib.write(path, [{k: v for k, v in dict(r, v=1).items() if k != "boot"}
                             for r in journal_lib.records(path)], chained=False)
    before = open(path, "rb").read()
    rig.start()
    p = rig.console(tail=100)
    check("it is read", [f["text"] for f in p.of("note")] == ["old"])
    say(p, "new")
    check("what was there is as it was", open(path, "rb").read().startswith(before))
    n = before.count(b"\n")
    first = journal_lib.lines(path)[0][n]
    m = journal_lib.RECORD.fullmatch(first)
    check("64 zeros before the continued", b'"continued"' in first and
          journal_lib.chain(journal_lib.ZEROS, m.group(1)) == m.group(2).decode())
    whole(path)


def journal_state(p, state):
    def last():
        f = [f for f in p.facts if f.get("what") == "journal"][-1:]
        return f and f[0]["state"] == state and f[0]
    return until("journal is " + state, lambda: p.pump(0.02) or last())


@with_rig(**NO_HOSTS)
def disk_comes_back(rig):
    """memory only, then a disk: on demand all is written, at once, and the trouble is on record"""
    if os.getuid() == 0 and not os.path.isdir("/proc/self"):
        raise Skip("no /proc")
    os.symlink("/proc/nowhere", rig.sessions)
    rig.start()
    p = rig.console()
    for i in range(50):
        say(p, "note %d" % i)
    f = journal_state(p, "memory")
    p.send(t="journal", retry=True)         # nothing has changed: said again
    n = len([f for f in p.facts if f.get("what") == "journal"])
    until("an answer", lambda: p.pump(0.02) or len(
        [f for f in p.facts if f.get("what") == "journal"]) > n - 1)
    late = rig.console("late", tail=1000)
    check("an attach misses nothing", [f["text"] for f in late.of("note")] ==
          ["note %d" % i for i in range(50)])
    f = [f for f in late.facts if f.get("what") == "journal"][-1]
    check("what waits is said", f["waiting"] > 0 and f["lost"] == 0, f)
    os.unlink(rig.sessions)
    os.mkdir(rig.sessions, 0o700)
    began = Watch()
    p.send(t="journal", retry=True)
    journal_state(p, "ok")
    began.within("now, not in 5 s", 2)
    say(p, "after")
    path = rig.journals()[0]
    rs = whole(path)
    check("all notes, once", [r["text"] for r in rs if r["t"] == "note"] ==
          ["note %d" % i for i in range(50)] + ["after"])
    said = [r["state"] for r in rs if r.get("what") == "journal"]
    check("memory and ok are records", said[0] == "memory" and said[-1] == "ok", said)
    p.send(t="journal")
    p.expect(lambda f: f["where"] == "journal", t="error")


@with_rig(**NO_HOSTS)
def much_waits(rig):
    """far more than memory's share waits: who attaches misses nothing; past 8 MiB it is counted"""
    os.symlink("/proc/nowhere", rig.sessions)
    rig.start()
    p = rig.console()
    text = "z" * 15000

    def notes(first, last):
        for i in range(first, last):
            p.send(t="note", text="%d %s" % (i, text))
            if i % 20 == 0:
                p.pump(0)
        p.expect(lambda f: f["text"].startswith("%d " % (last - 1)), t="note")

    notes(0, 350)                                   # 5 MB
    late = rig.peer()
    late.hello("late", since=0, incident=p.of("incident")[0]["id"])
    late.expect(t="caught_up")
    check("all of it", [int(f["text"].split()[0]) for f in late.of("note")] ==
          list(range(350)), len(late.of("note")))
    notes(350, 700)                                 # 10 MB: some of it is lost
    until("it is said", lambda: p.pump(0.01) or [
        f for f in p.facts if "lost" in f.get("why", "")])
    lost = [f["seq"] for f in p.facts if f.get("seq") and "h" not in f]
    check("what is lost has no h", lost, p.facts[-3:])
    # a small record finds room where no note does
    check("from the first one on no note is kept", not [
        f["seq"] for f in p.of("note") if f["seq"] > lost[0] and "h" in f], lost)
    os.unlink(rig.sessions)
    p.send(t="journal", retry=True)
    f = journal_state(p, "ok")
    check("how many", f["lost"] == len(lost), f, len(lost))
    say(p, "after")
    path = rig.journals()[0]
    check("the chain goes on without them", journal_lib.broken(path) == [])
    seqs = [r["seq"] for r in journal_lib.records(path)]
    check("a gap, and nothing else", seqs == [n for n in range(1, seqs[-1] + 1) if n not in lost])
    check("it is on record", [r for r in journal_lib.records(path) if r.get("lost") ==
                              len(lost) and r["state"] == "ok"])


@with_rig(**NO_HOSTS)
def removed(rig):
    """somebody removes the file: it is said, made anew, and what follows is in it"""
    rig.start()
    p = rig.console()
    say(p, "before")
    path = rig.journals()[0]
    os.unlink(path)
    say(p, "while it is gone")
    f = journal_state(p, "memory")
    check("why", "removed" in f["why"], f)
    p.send(t="journal", retry=True)
    journal_state(p, "ok")
    say(p, "after")
    texts = [r["text"] for r in journal_lib.records(path) if r["t"] == "note"]
    check("nothing since is missing", texts[-2:] == ["while it is gone", "after"], texts)
    check("it is locked again", lock_of(path))


@with_rig(**NO_HOSTS)
def left_in_time(rig):
    """SIGTERM in a flood of notes: left is the last record, and all that was told is there"""
    rig.start()
    p = rig.console()
    say(p, "x")
    for i in range(400):
        p.send(t="note", text="%d " % i + "y" * 2000)
    rig.engines[-1].send_signal(signal.SIGTERM)
    until("gone", lambda: p.pump(0.01) or rig.engines[-1].poll() is not None)
    path = rig.journals()[0]
    rs = whole(path)
    check("left", rs[-1]["state"] == "left", rs[-1])
    told = [f["seq"] for f in p.facts if f.get("seq")]
    check("all that was told", max(told) <= len(rs))


if __name__ == "__main__":
    main([life, plain_tools, torn, two_engines, clocks, clock_back, version_1, disk_comes_back, much_waits, removed,
          left_in_time])
