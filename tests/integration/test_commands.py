#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a script has of the command line: each subcommand, its JSON, its exit code."""
import json
import os
import re
import signal
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import ENGINE, LIMIT, check, main, shim, until, with_rig  # noqa: E402

NO_HOSTS = dict(pve=False, devvm=False)
EVIL = "a\x1b]52;c;QUJD\x07b\x1b[2Jc\u202ed\r\x9be"


def rows(c):
    """The JSON lines of a command."""
    return [json.loads(line) for line in c.stdout.splitlines()]


def clean(what, text):
    bad = re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    check(what + ": nothing that a terminal acts on", not bad, bad, repr(text))


@with_rig(**NO_HOSTS)
def wrong_use(rig):
    """wrong words and options are refused (64), and no engine is started for them"""
    for words in (["nonsense"], ["status", "now"], ["status", "--follow"], ["who", "me"],
                  ["cycle"], ["cycle", "--confirm", "reset"], ["note"], ["note", ""],
                  ["ask"], ["end"], ["end", "r1", "r2"], ["autonomy"], ["incident"],
                  ["incident", "open"], ["accept-key", "pve"], ["answer", "q1"],
                  ["answer", "q1", "maybe"], ["events", "--since", "x"],
                  ["events", "--tail", "-1"], ["events", "--since", "1", "--tail", "1"],
                  ["events", "--since"], ["--json"], ["help", "me"], ["engine", "--nonsense"],
                  ["runbook"], ["replay", "a", "b"], ["replay", rig.dir], [EVIL], ["note", b"\xff"]):
        c = rig.cli(*words)
        check("%r: 64, nothing on stdout" % words, c.returncode == 64 and not c.stdout, c)
        check("%r: a reason" % words, c.stderr.strip(), c)
    c = subprocess.run([ENGINE, "now"], env=rig.env, capture_output=True, text=True, timeout=60)
    check("nor does the engine itself take a word", c.returncode == 64 and "now" in c.stderr, c)
    check("no engine came", not os.path.exists(rig.socket))
    for words in (["ping"], ["state"], ["state", "vm"], ["who"], ["events"], ["cancel"],
                  ["events", "--follow"], ["end", "r1"], ["autonomy", "observe"]):
        for json_too in ([], ["--json"]):
            c = rig.cli(*words, *json_too)
            check("%r with no engine: 69 and words" % words,
                  c.returncode == 69 and not c.stdout and "no engine runs" in c.stderr and
                  "starts one" in c.stderr, c)
    check("events names the journal", "breakglass journal" in rig.cli("events").stderr)
    check("no engine came", not os.path.exists(rig.socket))


@with_rig(**NO_HOSTS)
def options_anywhere(rig):
    """options stand before and behind the word; a text is left as it is"""
    rig.start()
    for words in (["--json", "ping"], ["ping", "--json"], ["-v", "--as", "bob", "ping", "--json"]):
        c = rig.cli(*words)
        check("%r" % words, c.returncode == 0 and rows(c)[0]["t"] == "welcome", c)
    for words in (["--as", "bob", "--json", "note", "free", "--json", "-v"],
                  ["note", "--as", "bob", "--json", "free", "--json", "-v"],
                  ["note", "--json", "--as=bob", "--", "free", "--json", "-v"]):
        c = rig.cli(*words)
        check("%r" % words, c.returncode == 0, c)
        n = rows(c)[0]
        check("%r: the text" % words, (n["text"], n["by"]) == ("free --json -v", "bob"), n)
    c = rig.cli("help")
    check("help", c.returncode == 0 and "events" in c.stdout and "incident new|close" in c.stdout)
    check("its commands fit 80 columns",
          max(len(line) for line in c.stdout.split("\nSettings")[0].split("\n")) <= 80)


@with_rig(**NO_HOSTS)
def notes_and_incidents(rig):
    """note, incident new and close: the fact, on record when the command returns"""
    rig.start()
    c = rig.cli("incident", "close")
    check("close: none is open, 64", c.returncode == 64 and "no incident" in c.stderr, c)
    c = rig.cli("note", "--json", EVIL, "tail")
    note = rows(c)[0]
    check("the note is the fact", (note["t"], note["text"], note["by"]) ==
          ("note", EVIL + " tail", "tess"), note)
    check("it is on record", EVIL + " tail" in [r.get("text") for r in rig.journal()])
    c = rig.cli("note", EVIL)
    check("in words", c.returncode == 0 and "tess note: " in c.stdout, c)
    clean("note", c.stdout + c.stderr)
    c = rig.cli("note", "x" * 17000)
    check("too long: 64, and why", c.returncode == 64 and "16 KiB" in c.stderr, c)
    c = rig.cli("note", "--json", "x" * 17000)
    check("with --json the refusal too", c.returncode == 64 and rows(c)[0]["t"] == "error", c)
    c = rig.cli("incident", "new", "--json")
    check("new: opened", c.returncode == 0 and rows(c)[0]["state"] == "opened", c)
    check("a second journal", len(rig.journals()) == 2)
    c = rig.cli("incident", "close", "--json")
    check("close: closed, by us", (rows(c)[0]["state"], rows(c)[0]["by"]) == ("closed", "tess"), c)
    check("on record", "closed" in [r.get("state") for r in rig.journal() if
                                    r["t"] == "incident"])


@with_rig(**NO_HOSTS)
def note_without_engine(rig):
    """a note needs no console: the engine comes for it and leaves"""
    c = rig.cli("note", "alone")
    check("0", c.returncode == 0 and "note: alone" in c.stdout, c)
    until("the engine has left", lambda: not os.path.exists(rig.socket))
    c = rig.cli("incident", "close")
    check("and so does close", c.returncode == 0, c)
    check("on record", [r["t"] for r in rig.journal() if r["t"] == "note"] == ["note"])


@with_rig(**NO_HOSTS)
def agent_commands(rig):
    """autonomy, cancel, end, answer, agent: done, or refused with the reason"""
    rig.start()
    c = rig.cli("autonomy", "observe", "--json")
    check("autonomy", c.returncode == 0 and rows(c)[0]["level"] == "observe", c)
    check("state has it", rows(rig.cli("state", "autonomy", "--json"))[0]["level"] == "observe")
    for words, why in ((["autonomy", EVIL], "the levels are"), (["cancel"], "not working"),
                       (["end", "r99"], "no run r99"), (["end", EVIL], "no run"),
                       (["answer", "q7", "y"], "q7"),
                       (["accept-key", "nowhere", EVIL], "nowhere"),
                       (["agent", "robot"], ""), (["runbook", EVIL], "")):
        c = rig.cli(*words)
        check("%r is refused: 64" % words, c.returncode == 64 and why in c.stderr, c)
        clean("%r" % words, c.stdout + c.stderr)
        c = rig.cli("--json", *words)
        check("%r: as JSON too" % words,
              c.returncode == 64 and rows(c)[-1]["t"] in ("error", "verb"), c)
    c = rig.cli("agent", "runbook", "--json")
    check("agent", c.returncode == 0 and rows(c)[0]["driver"] == "runbook", c)


@with_rig(**NO_HOSTS)
def present(rig):
    """state and who: what an attached console sees"""
    rig.start()
    c = rig.cli("who")
    check("nobody", c.returncode == 0 and not c.stdout and "nobody" in c.stderr, c)
    check("nobody, as JSON", rows(rig.cli("who", "--json"))[0]["operators"] == [])
    rig.console("ann", tty="pts/9")
    here = rows(rig.cli("who", "--json"))[0]["operators"]
    check("ann is here", [o["name"] for o in here] == ["ann"], here)
    check("in words", "ann" in rig.cli("who").stdout and "pts/9" in rig.cli("who").stdout)
    states = rows(rig.cli("state", "--json"))
    check("states, each once", len({(s["what"], s.get("host")) for s in states}) == len(states)
          and all(s["t"] == "state" for s in states), states)
    links = rows(rig.cli("state", "link", "--json"))
    check("two links", sorted(s["host"] for s in links) == ["devvm", "pve"], links)
    c = rig.cli("state", "link")
    check("in words", c.stdout.count("link: ") == 2 and "host pve" in c.stdout, c)
    c = rig.cli("state", "weather" + EVIL)
    check("unknown: 1, with those that are known", c.returncode == 1 and "link" in c.stderr, c)
    clean("state", c.stderr)


@with_rig()
def hosts(rig):
    """accept-key for a changed key; end for a run"""
    rig.start()
    p = rig.console()
    rig.links_up(p)
    rig.pve.new_key()
    rig.pve.cut()
    f = p.expect(t="state", what="link", host="pve", key="changed")
    c = rig.cli("accept-key", "pve", "SHA256:" + "A" * 43)
    check("another fingerprint: 64", c.returncode == 64 and f["fingerprint"] in c.stderr, c)
    c = rig.cli("accept-key", "pve", f["fingerprint"], "--json")
    check("the one that was shown", c.returncode == 0 and rows(c)[0]["t"] == "note", c)
    rig.link(p, "pve", "up")
    c = rig.cli("status", "--json")
    check("a verb's facts from asked to finished", [f["state"] for f in rows(c)
          if f["t"] == "verb"][::len(rows(c)) or 1][0] == "asked" and c.returncode == 0, c)


def follower(rig, *more):
    out, err = open(rig.dir + "/follow.out", "wb"), open(rig.dir + "/follow.err", "wb")
    p = subprocess.Popen([rig_program(), "events", "--follow", "--json", *more], env=rig.env,
                         stdin=subprocess.DEVNULL, stdout=out, stderr=err)
    out.close()
    err.close()
    rig.procs.append(p)
    return p


def rig_program():
    from engine_rig import PROGRAM
    return PROGRAM


def followed(rig):
    with open(rig.dir + "/follow.out", "rb") as f:
        data = f.read()
    return [json.loads(line) for line in data[:data.rfind(b"\n") + 1].splitlines()]


def words_of(rig):
    with open(rig.dir + "/follow.err") as f:
        return f.read()


@with_rig(**NO_HOSTS)
def follow_over_restarts(rig):
    """events --follow: each record once, over kill -9 of the engine and a new incident"""
    rounds = 20 if os.environ.get("BG_LONG") else 3
    rig.start()
    rig.cli("note", "first")
    p = follower(rig)
    until("the follower has the first", lambda: followed(rig))
    n = 1
    for i in range(rounds):
        peer = rig.console()
        for _ in range(50):
            peer.send(t="note", text="n%d" % n)
            n += 1
        if i % 2 == 0:
            peer.expect(t="note", text="n%d" % (n - 1))   # it is on record then
        else:
            peer.expect(t="note")
        rig.engines[-1].kill()
        rig.engines[-1].wait()
        rig.start()
        until("the follower is told by the new engine", lambda: words_of(rig).count(
            "another engine is here") == i + 1)
    rig.cli("note", "last")
    until("the follower has the last", lambda: any(f.get("text") == "last" for f in followed(rig)))
    got = [f for f in followed(rig) if f.get("seq")]
    want = rig.journal()
    check("each record once, in order", [f["seq"] for f in got] == [r["seq"] for r in want] and
          [f.get("text") for f in got] == [r.get("text") for r in want],
          [f["seq"] for f in got][-20:], len(want))
    check("it says that the engine went and came",
          words_of(rig).count("the engine has gone") == rounds and
          words_of(rig).count("another engine is here") == rounds, words_of(rig))
    rig.cli("incident", "new")
    rig.cli("note", "of the next")
    until("the next incident", lambda: any(f.get("text") == "of the next" for f in followed(rig)))
    tail = [f["seq"] for f in followed(rig) if f.get("seq")][len(want):]
    closed = tail.index(1)
    check("the rest of the old, then all of the new",
          tail[:closed] == list(range(len(want) + 1, len(want) + 1 + closed)) and
          tail[closed:] == list(range(1, len(tail) - closed + 1)), tail)
    check("it is still there", p.poll() is None)


@with_rig(**NO_HOSTS)
def events_of_now(rig):
    """events without --follow ends; --since and --tail choose; words are clean"""
    rig.start()
    c = rig.cli("events", "--json")
    check("no incident: nothing", c.returncode == 0 and not c.stdout, c)
    for i in range(5):
        rig.cli("note", "n%d" % i)
    rig.cli("note", EVIL)
    all_of_it = rig.journal()
    seqs = [r["seq"] for r in all_of_it]
    check("all", [f["seq"] for f in rows(rig.cli("events", "--json"))] == seqs)
    check("--since", [f["seq"] for f in rows(rig.cli("events", "--json", "--since", "3"))] ==
          [s for s in seqs if s > 3])
    check("--tail", [f["seq"] for f in rows(rig.cli("events", "--json", "--tail", "2"))] ==
          seqs[-2:])
    check("--since beyond the end", not rig.cli("events", "--since", "99999").stdout)
    c = rig.cli("events")
    check("in words", re.search(r"^\d\d:\d\d:\d\d tess note: n4$", c.stdout, re.M), c)
    clean("events", c.stdout)


@with_rig(**NO_HOSTS)
def readers_that_leave(rig):
    """a follower whose reader leaves ends, with nothing to write, too"""
    rig.start()
    rig.cli("note", "one")
    p = rig.popen("events", "--follow", "--json")
    check("it reads", json.loads(p.stdout.readline())["t"] == "incident")
    p.stdout.close()
    until("it has ended", lambda: p.poll() is not None)
    check("and that is no fault", p.returncode == 0, p.stderr.read())


@with_rig(**NO_HOSTS)
def slow_reader(rig):
    """a follower that is not read hurts nobody, and has every record when it is"""
    rig.start()
    rig.cli("note", "one")
    p = rig.popen("events", "--follow", "--json")
    p.stdout.readline()
    peer = rig.console()
    text = "x" * 15000
    for i in range(800):                    # 12 MB: more than an engine keeps for a peer
        peer.send(t="note", text="%d %s" % (i, text))
        if i % 20 == 19:
            peer.expect(t="note", where=lambda f: f["text"].startswith("%d " % i))
    check("the engine answers", rig.cli("ping").returncode == 0)
    want = [r["seq"] for r in rig.journal()]
    seqs = [1]
    while seqs[-1] < want[-1]:
        f = json.loads(p.stdout.readline())
        if f.get("seq"):
            seqs.append(f["seq"])
    check("each record once", seqs == want, seqs[-10:])


@with_rig(pve=False)
def output_for_a_slow_reader(rig):
    """output that is skipped for a slow follower is not missing in what it prints"""
    rig.start()
    p = rig.console()
    rig.link(p, "devvm", "up")
    f = rig.popen("events", "--follow", "--json")
    while json.loads(f.stdout.readline()).get("t") != "state":
        pass
    out, err, code = shim(rig, "devvm", "head -c 3000000 /dev/zero | tr '\\0' x; head -c 300000 /dev/zero >&2")
    check("it has run", code == 0 and len(out) == 3000000, code, err[:200])
    rig.cli("note", "behind it")
    want = [r["seq"] for r in rig.journal() if r["t"] in ("tool", "output", "tool_end", "note")]
    got = []
    while not got or got[-1] < want[-1]:
        r = json.loads(f.stdout.readline())
        if r.get("seq") and r["t"] in ("tool", "output", "tool_end", "note"):
            got.append(r["seq"])
        check("none is said to be skipped", r["t"] != "skipped", r)
    check("each record once", got == want, len(got), len(want))


@with_rig(**NO_HOSTS)
def frozen_engine(rig):
    """an engine that is stopped hangs no command: 69 after 10 s"""
    e = rig.start()
    e.send_signal(signal.SIGSTOP)
    ps = [rig.popen(*w) for w in (["state"], ["note", "x"], ["ask", "x"], ["events"], ["ping"])]
    for p in ps:
        out, err = p.communicate(timeout=LIMIT)
        check("69, and what to do", p.returncode == 69 and "10 s" in err and
              "--replace" in err, p.args, out, err)
    crowd = []
    try:                                    # until nobody more is queued
        while len(crowd) < 5000:
            s = socket.socket(socket.AF_UNIX)
            s.setblocking(False)
            crowd.append(s)
            s.connect(rig.socket)
    except BlockingIOError:
        pass
    c = rig.cli("ping")
    check("nobody is let in: 69", c.returncode == 69 and "hangs" in c.stderr, c)
    for s in crowd:
        s.close()
    e.send_signal(signal.SIGCONT)


main([wrong_use, options_anywhere, notes_and_incidents, note_without_engine, agent_commands,
      present, hosts, follow_over_restarts, events_of_now, readers_that_leave, slow_reader,
      output_for_a_slow_reader, frozen_engine])
