#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What takes longer than a second: a verb's stages, what is usual, a link's steps."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import check, main, until, with_rig  # noqa: E402


def stages(p, v):
    return [f for f in p.of("verb", id=v, state="stage")]


def usual(p, verb="cycle"):
    found = [f for f in p.of("state", what="usual") if f["verb"] == verb]
    return found[-1] if found else None


def cycle(rig, p):
    v = rig.verb(p, "cycle")
    f = p.expect(t="verb", id=v, state="finished")
    check("exit 0", f["exit"] == 0, f)
    p.expect(t="state", what="proof", done=True)
    return v


@with_rig()
def a_slow_stop(rig):
    """a stop that is held is one fact: nothing is told again while it lasts; then it goes on"""
    rig.start()
    p = rig.console()
    rig.links_up(p)
    check("no earlier one", usual(p) is None)
    rig.pve.hold("stop")
    v = rig.verb(p, "cycle")
    f = p.expect(t="verb", id=v, state="stage", stage="stopping")
    check("who stops it", f["how"] in ("qm", "signal"), f)
    check("the host's clock", all(f["ms"] >= 0 for f in stages(p, v) if f["stage"] != "accepted"),
          stages(p, v))
    until("the host is at it", lambda: rig.pve.calls("stop"))
    p.pump(0.3)
    told = len(p.of("verb", id=v))
    p.pump(1.2)
    check("no fact a second", len(p.of("verb", id=v)) == told, p.of("verb", id=v)[told:])
    rig.pve.release("stop")
    p.expect(t="verb", id=v, state="finished")
    order = [f["stage"] for f in stages(p, v)]
    check("stages", order[0] == "accepted" and order.index("stopping") < order.index("starting") <
          order.index("verifying"), order)
    p.expect(t="state", what="proof", done=True)
    f = p.expect(t="state", what="usual", verb="cycle")
    check("it counts from now on", f["n"] == 1 and f["ms"] > 1000, f)
    names = [s["name"] for s in f["stages"]]
    check("its stages", {"forensics", "stop", "start", "boot", "ssh", "healthy"} <= set(names), f)
    stop = [s["ms"] for s in f["stages"] if s["name"] == "stop"][0]
    check("the held one shows", stop >= 1000, f)


@with_rig()
def what_is_usual(rig):
    """the next engine knows it from the journals, whatever else lies there, and records it"""
    rig.start()
    p = rig.console()
    rig.links_up(p)
    cycle(rig, p)
    p.expect(t="state", what="usual", verb="cycle")
    p.send(t="incident", state="close")
    p.expect(t="incident", state="closed")
    rig.stop()
    top = rig.sessions + "/incidents/"
    os.mkfifo(top + "19990101T000000Z-aaaa.jsonl")
    with open(top + "19990102T000000Z-aaaa.jsonl", "wb") as f:
        f.write(b'{"t":"verb","seq":1,"state":"confirmed","verb":"cycle","id":5}\n' +
                b'{"t":"verb",' * 40000 + b"\n" + os.urandom(4096) + b"\n" +
                b'{"t":"state","what":"proof","rungs":[{"rung":[]}],"ms":-9e99}\n')
    os.mkdir(top + "19990103T000000Z-aaaa.jsonl")
    rig.start()
    p = rig.console()
    if usual(p) is None:
        p.expect(t="state", what="usual", verb="cycle")
    first = usual(p)
    check("of the journal", first["n"] == 1 and first["ms"] > 0, first)
    rig.links_up(p)
    v = cycle(rig, p)
    record = [(r["t"], r.get("what") or r.get("state")) for j in rig.journals() if "/1999" not in j
              for r in rig.journal(j) if r.get("id") == v or r.get("what") == "usual"]
    at = record.index(("state", "usual"))
    check("recorded in front of sent", record[at - 1:at + 2] ==
          [("verb", "confirmed"), ("state", "usual"), ("verb", "sent")], record)
    check("two", p.expect(t="state", what="usual", verb="cycle", n=2) and True)


@with_rig(pve=False)
def a_links_steps(rig):
    """a link that connects says what it waits for, and since when"""
    rig.devvm.silent()
    rig.start()
    p = rig.console()
    f = p.of("state", what="link", host="devvm", step="greeting")
    f = f[-1] if f else p.expect(t="state", what="link", host="devvm", step="greeting")
    check("since the try began", f["state"] == "connecting" and f["since"] <= f["mono_ms"], f)


if __name__ == "__main__":
    main([a_slow_stop, what_is_usual, a_links_steps])
