#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Consoles come and go, in every bad way, while a turn and a cycle run: nothing is moved.

A hundred attaches (five hundred with BG_LONG): detached, killed, hung up, stopped for
good, on terminals that never close, and peers that never read.  The engine stays the
same process with the same memory and descriptors, and the last screen of whoever
attaches then is that of a console that was there all the time.
"""
import fcntl
import os
import re
import random
import signal
import struct
import sys
import termios
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import BUILD, SANITIZED, SRC, check, main, until, with_rig
from test_console_attach import console, descriptors, picture, rss_kib, shows

ROUNDS = 500 if os.environ.get("BG_LONG") else 100
SEED = int(os.environ.get("BG_SEED", "1"))


def panes(t):
    """What the two panes show, once filled anew: another size, and the old one again."""
    for rows in (t.rows + 6, t.rows):
        fcntl.ioctl(t.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, t.cols, 0, 0))
        t.settle(0.4)
    lines = picture(t).split("\n")
    first = [i for i, line in enumerate(lines) if re.match(r"[─━] (▸ )?chat", line)]
    return lines[first[0] + 1:-2] if first else lines


def come_and_go(rig, rng, left):
    """One attach, and one way to end it."""
    way = rng.choice(("kill", "kill", "detach", "hang up", "stop", "never read", "half a hello",
                      "garbage"))
    if way in ("never read", "half a hello", "garbage"):
        p = rig.peer()
        if way == "never read":
            p.send(t="hello", v=1, name="deaf", role="console", tail=5000)
        elif way == "garbage":
            p.send_raw(rng.randbytes(300) + b"\n")
        else:
            p.send_raw(b'{"t":"hel')
        left.append(p)
        return way
    t = console(rig)
    t.pump(rng.choice((0, 0.01, 0.05, 0.1)))
    if way == "kill":
        os.kill(t.pid, signal.SIGKILL)
        t.close()
    elif way == "detach":
        shows(t, "F7cycle")
        t.type("\x1b[21~")
        while t.step():
            pass
        until("it has ended", lambda: t.exited() is not None)
        check("detached", t.exited() == 0, t.exited())
        t.close()
    elif way == "hang up":
        t.hang_up()
        until("it has ended", lambda: t.exited() is not None)
    else:
        os.kill(t.pid, signal.SIGSTOP)      # and nobody reads its terminal any more
        left.append(t)
    return way


@with_rig(claude=SRC + "/tests/fakes/fake-claude")
def consoles_come_and_go(rig):
    """attach, kill -9, detach, over and over, during a turn and a cycle"""
    rng = random.Random(SEED)
    engine = rig.start()
    ann = rig.console("probe", role="command")
    rig.links_up(ann)
    rig.quiet(ann)
    witness = console(rig, "--name", "witness")
    shows(witness, "F7cycle")
    rig.pve.hold("start")
    turn = ann.ask(t="prompt", text="half")
    ann.expect(t="delta")
    verb = rig.verb(ann, "cycle")
    ann.expect(t="verb", id=verb, state="sent")
    left, ways = [], {}
    memory, held, rounds = [], descriptors(engine.pid), 0
    while rounds < ROUNDS:
        way = come_and_go(rig, rng, left)
        ways[way] = ways.get(way, 0) + 1
        rounds += 1
        witness.pump(0.01)
        ann.send(t="note", text="round %d" % rounds)
        ann.send(t="ping")
        ann.expect(t="note", text="round %d" % rounds)
        while len(left) > 25:               # 64 may be here at once
            left.pop(0).close()
        if rounds % 20 == 0:
            memory.append(rss_kib(engine.pid))
    for one in left:
        one.close()
    until("who has gone is gone", lambda: ann.pump(0.01) or descriptors(engine.pid) <= held)
    rig.pve.release("start")
    until("the cycle ends", lambda: ann.send(t="ping") or ann.pump(0.1) or
          ann.of("verb", id=verb, state="finished"))
    ann.ask(t="cancel")
    ann.expect(t="done")
    check("the same engine", engine.poll() is None and rig.peer().hello("x", role="command")[
        "pid"] == engine.pid)
    check("its memory", SANITIZED or memory[-1] - memory[len(memory) // 2] < 3000, memory)
    check("one cycle", rig.pve.calls("start") == 2, rig.pve.calls("start"))   # one by the rig
    until("the climb is over", lambda: ann.pump(0.05) or [
        f for f in ann.of("state", what="proof") if f.get("done")])
    late = console(rig, "--name", "late")
    shows(late, "F7cycle")
    ann.send(t="note", text="the last word")
    shows(late, "the last word")
    shows(witness, "the last word")
    for _ in range(20):
        there, here = panes(witness), panes(late)
        if there == here:
            break
    check("both screens are the same", there == here, "\n".join(there), "\n".join(here))
    check("a screen with something on it", len("".join(there)) > 300, there)
    print("# %d rounds: %s; RSS %s KiB" % (rounds, ways, memory))
    seqs = [r["seq"] for r in rig.journal()]
    check("the journal", seqs[-1] == len(seqs))
    witness.close()
    late.close()


if __name__ == "__main__":
    main([consoles_come_and_go])
