#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate as an operator meets it: a password box, keys that are locked, refusals."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import PROGRAM, check, main, until, with_rig  # noqa: E402
from test_console_attach import console, gone, picture, shows  # noqa: E402
from test_engine_gate import HASH, NO_HOSTS, PASSWORD, lists, write  # noqa: E402
from test_linear import Reader  # noqa: E402
from thin_pty import Thin  # noqa: E402


def says_nothing_of(rig, *more):
    """The password is on no screen and in no file."""
    for data in more:
        check("on no screen", PASSWORD.encode() not in bytes(data) and
              b"horse" not in bytes(data))
    for top, _, names in os.walk(rig.dir):
        for n in names:
            if os.path.isfile(top + "/" + n):
                data = open(top + "/" + n, "rb").read()
                check("in no file: " + n, b"horse" not in data)


@with_rig(**NO_HOSTS)
def box(rig):
    """name and password in a box: neither letters nor their number are shown; wrong, then right"""
    lists(rig, "name:rob read-only\n", "ann:%s\nrob:%s\n" % (HASH, HASH))
    history = rig.dir + "/history"
    with console(rig, "--history", history) as t:
        shows(t, "who are you?")
        shows(t, "does not name you")
        t.pump(0.4)                     # the box is deaf at first
        t.type("\r")
        t.type("wrong horse")
        shows(t, "(typed, not shown)")
        one = picture(t)
        t.type("x")
        t.settle()
        check("not even their number", picture(t) == one, picture(t))
        t.type("\r")
        shows(t, "do not belong together")
        t.type("\x1b[200~%s\n\x1b[201~" % PASSWORD)     # a password manager's paste
        shows(t, "(typed, not shown)")
        t.type("\r")
        shows(t, "/commands work")      # the prompt's hint
        t.type("/note it works\r")
        shows(t, "it works")
        t.type("/who\r")
        shows(t, "password of ann")
        t.type("\x1b")
        t.settle()
        t.type("/detach\r")
        gone(t)
        check("detached", t.exited() == 0, t.exited())
        says_nothing_of(rig, t.data)
    with console(rig) as t:
        shows(t, "who are you?")
        t.pump(0.4)
        t.type("\x15rob\r%s\r" % PASSWORD)
        shows(t, "READ-ONLY")
        t.type("/cycle\r")
        shows(t, "the operator list lets you look")
        t.type("/detach\r")
        gone(t)
    with console(rig) as t:
        shows(t, "who are you?")
        t.pump(0.4)
        t.type("\x1b")
        gone(t)
        check("Esc leaves", t.exited() == 0, t.exited())
    rig.stop()
    says_nothing_of(rig)


@with_rig(**NO_HOSTS)
def refusals(rig):
    """who is not let in, or no longer, gets the engine's words and 77"""
    path = rig.dir + "/operators"
    lists(rig, "uid:%d drive\n" % os.getuid())
    with console(rig) as t:
        shows(t, "/commands work")
        write(path, "uid:4242 drive\n")
        gone(t)
        check("taken out", t.exited() == 77 and b"does not name you any more" in bytes(t.data),
              t.exited())
    env = dict(rig.env, TERM="xterm-256color")
    with Thin([PROGRAM], env=env, cwd=rig.dir) as t:
        gone(t)
        check("not let in", t.exited() == 77 and b">>" + path.encode() in bytes(t.data),
              bytes(t.data)[-500:])
    r = Reader(rig)
    until("line by line, too", lambda: r.p.poll() == 77 and ">>" + path in r.text())
    r.close()


@with_rig(**NO_HOSTS)
def locked(rig):
    """after a while the keys are locked: it is said, the view goes on, Enter opens them"""
    rig.start("--lock-ms", "3000")
    other = rig.console("ben")
    with console(rig) as t:
        shows(t, "LOCKED:")
        other.send(t="note", text="the view goes on")
        shows(t, "the view goes on")
        t.type("\x1b[18~")              # F7
        shows(t, "the keys are locked")
        check("no confirmation", "type cycle" not in picture(t).lower().replace(
            "in its box, type cycle", ""), picture(t))
        t.pump(0.4)
        t.type("\r")
        shows(t, "Unlocked")
        t.type("/detach\r")
        gone(t)
        check("detached", t.exited() == 0, t.exited())


@with_rig(**NO_HOSTS)
def linear(rig):
    """line by line: name and password, which is not echoed; /unlock"""
    lists(rig, "", "ann:%s\n" % HASH)
    r = Reader(rig, "--linear", tty=True)
    r.hears("Password of whom? Enter: ann")
    at = r.says("\n")
    r.hears("It is not shown", at)
    at = r.says("no horse\n")
    r.hears("do not belong together", at)
    at = r.says("ann\n")
    r.hears("It is not shown", at)
    at = r.says(PASSWORD + "\n")
    r.hears("Connected to the engine", at)
    at = r.says("/note heard\n")
    r.hears("heard", at)
    check("not echoed", "horse" not in r.text(), r.text())
    r.says("/detach\n")
    r.close()
    rig.stop()
    del rig.env["BREAKGLASS_OPERATORS"], rig.env["BREAKGLASS_CREDENTIALS"]
    rig.start("--lock-ms", "3000")
    r = Reader(rig)
    r.hears("LOCKED:")
    at = r.says("/unlock\n")
    r.hears("The keys were locked", at)
    r.close()
    rig.stop()
    says_nothing_of(rig)


if __name__ == "__main__":
    main([box, refusals, locked, linear])
