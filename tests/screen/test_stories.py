#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nights as they happen: keys in, a picture out, a real engine and hosts behind it."""
import os
import signal
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE + "/../integration")
from api_rig import AUTO, Api, configure  # noqa: E402
from engine_rig import LIMIT, PROGRAM, Failed, check, main, until, with_rig  # noqa: E402
from thin_pty import Screen, Thin  # noqa: E402


class Seat:
    """An operator in front of a terminal."""

    def __init__(self, rig, name="ann", size="80x24", **env):
        self.rig = rig
        self.line = Thin([PROGRAM, "--as", name],
                         env=dict(rig.env, TERM="xterm", **env), cwd=rig.dir, size=size)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.line.close()

    def screen(self):
        s = Screen(self.line.cols, self.line.rows)
        s.feed(bytes(self.line.data))
        return s.text()

    def sees(self, *texts, limit=LIMIT):
        """All of them at the same time."""
        if not self.line.pump(limit, lambda: all(t in self.screen() for t in texts)):
            raise Failed("the screen does not show %r" % (texts,), self.screen())

    def types(self, text):
        self.line.type(text)

    def turns(self, size):
        """The phone is turned: what was on the screen is gone with it."""
        self.line.resize(size)
        self.line.data.clear()


def links_are_up(rig):
    """Somebody looks until both are; he is gone before anybody else comes."""
    p = rig.console("early", read_only=True)
    rig.links_up(p)
    p.close()


def words(text):
    """As a person reads it, wherever the lines were broken."""
    return " ".join(text.split())


@with_rig()
def phone(rig):
    """a phone, 40 columns, no F-keys: Esc 7, the word, Enter; turned to 20x6 and to 80x24"""
    rig.start()
    links_are_up(rig)
    with Seat(rig, size="40x18") as ann:
        ann.sees("running")
        ann.types("\x1b")
        ann.types("7")
        ann.sees("cycle VM 102?")
        ann.line.pump(0.4)              # the box is deaf for 300 ms
        ann.types("x")                  # a slip of the thumb
        ann.sees("cancelled")
        check("nothing was sent", rig.pve.calls("stop") == 0)
        ann.types("\x1b7")
        ann.sees("cycle VM 102?")
        ann.line.pump(0.4)              # the box is deaf for 300 ms
        ann.types("cycle\r")
        until("the host was asked once", lambda: ann.line.pump(0.02) or rig.pve.calls("start") > 1)
        check("one stop", rig.pve.calls("stop") == 1, rig.pve.read("qm.calls"))
        ann.turns("20x6")
        ann.sees("running")
        ann.turns("80x24")
        ann.sees("VM 102 running", "cycle")


@with_rig(**AUTO)
def api_down(rig):
    """every endpoint is overloaded: it is said, with a countdown; the keys work"""
    api = Api(rig, "vendor", default=dict(error=529))
    configure(rig, api)
    rig.start()
    links_are_up(rig)
    with Seat(rig) as ann:
        ann.sees("VM 102 running")
        ann.types("what is wrong?\r")
        ann.sees("asked again in", "F8 stops")
        ann.sees("overloaded (529)")
        ann.types("\x1b2")
        ann.sees("VM 102: status", "QMP alive")
        ann.sees("/triage")             # no model answers: what does without one


@with_rig()
def asleep_in_a_cycle(rig):
    """the laptop sleeps while the host cycles: it goes on, and all of it is told afterwards"""
    rig.start()
    watcher = rig.console("watcher", read_only=True)
    rig.links_up(watcher)
    before = rig.pve.vm_pid()
    with Seat(rig, size="100x60") as ann:       # a busy machine's verdict is a long one
        ann.sees("VM 102 running")
        rig.pve.hold("stop")
        ann.types("\x1b7")
        ann.sees("cycle VM 102?")
        ann.line.pump(0.4)
        ann.types("cycle\r")
        until("the host is at it", lambda: ann.line.pump(0.02) or rig.pve.calls("stop"))
        os.kill(ann.line.pid, signal.SIGSTOP)
        rig.pve.release("stop")
        watcher.expect(t="verb", verb="cycle", state="finished")
        watcher.expect(t="state", what="proof", done=True)
        os.kill(ann.line.pid, signal.SIGCONT)
        ann.sees("the devvm is back", "ssh, sudo and disk work")
        check("one cycle", rig.pve.calls("stop") == 1 and rig.pve.vm_pid() != before)


@with_rig()
def second_engineer(rig):
    """ben joins: he sees what ann saw; he takes over, and she is told and holds still"""
    rig.start()
    links_are_up(rig)
    with Seat(rig, "ann") as ann:
        ann.sees("VM 102 running")
        join(rig, ann)


def join(rig, ann):
    with Seat(rig, "ben") as ben:
        ann.sees("ben")
        ann.types("/note the disk is full\r")
        ann.sees("the disk is full")
        ben.sees("the disk is full", "ann")
        ben.types("\x1b7")
        ben.sees("cycle: you are watching", "Nothing was sent")
        ben.types("/drive\r")
        ben.sees("ben drives now")
        ann.sees("ben drives now", "/drive takes over")
        ann.types("\x1b7")
        ann.sees("cycle: you are watching", "Nothing was sent")
        check("nothing was sent", rig.pve.calls("stop") == 0)


if __name__ == "__main__":
    main([phone, api_down, asleep_in_a_cycle, second_engineer])
