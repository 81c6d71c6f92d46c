#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every call on the operators' socket fails once, in the engine and in the console.

Nothing crashes, the console comes back, it shows everything once, and the verb runs.
"""
import errno
import os
import random
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import LIMIT, SANITIZED, SRC, Failed, Skip, check, main, until, with_rig
from test_console_attach import CONSOLE, picture, shows
from thin_pty import Thin

LONG = bool(os.environ.get("BG_LONG"))
ERRORS = {"read": (errno.EINTR, errno.ECONNRESET, errno.EIO, 0),
          "write": (errno.EINTR, errno.EPIPE, errno.EIO, errno.ENOSPC, errno.ENOBUFS, 0),
          "accept": (errno.EINTR, errno.ECONNABORTED, errno.EMFILE, errno.ENOMEM)}
LIMIT = 15


def library(rig):
    if SANITIZED:
        raise Skip("a sanitizer must be the first library")
    path = rig.dir + "/faults.so"
    r = subprocess.run(["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", path,
                        SRC + "/tests/integration/socket-faults.c", "-ldl"], capture_output=True)
    if r.returncode:
        raise Skip("no C compiler here: %s" % r.stderr.decode()[:200])
    return path


def with_fault(rig, env, lib, call, error, n):
    mark = rig.dir + "/struck"
    if os.path.exists(mark):
        os.unlink(mark)
    return dict(env, LD_PRELOAD=lib, BG_FAULT="%s:%d:%d:%s" % (call, error, n, mark)), mark


def say(t, text, journal, limit=LIMIT):
    """Types a note until the journal has it: what a broken connection ate is said again."""
    end = time.monotonic() + limit
    while not journal(text):
        if time.monotonic() > end:
            raise Failed("the note %r does not arrive" % text, picture(t))
        t.type("/note %s\r" % text)
        t.pump(1.5, lambda: journal(text))


def one_round(rig, where, what, tag):
    """A console attaches, notes, asks for status, is told; whatever fails on the way."""
    def journal(text):
        try:
            return [r for r in rig.journal() if r["t"] == "note" and r["text"] == text]
        except (IndexError, Failed):
            return []
    with Thin([CONSOLE, "--socket", rig.socket, "--name", "ann"], cwd=rig.dir, size="100x40",
              env=dict(what if where == "console" else rig.env, TERM="xterm")) as t:
        shows(t, "F7 cycle", LIMIT)
        if not t.pump(LIMIT, lambda: "catching up" not in picture(t) and
                      "no engine" not in picture(t)):
            raise Failed("the console does not come back", picture(t))
        say(t, tag + "-a", journal)
        say(t, tag + "-b", journal)
        shows(t, "note: " + tag + "-b", LIMIT)
        if not t.pump(LIMIT, lambda: picture(t).count("note: %s-a" % tag) ==
                      len(journal(tag + "-a"))):
            raise Failed("each is shown once", picture(t))
        check("the console lives", t.exited() is None)
    records = rig.journal()
    check("each record once", [r["seq"] for r in records] == list(range(1, len(records) + 1)))


def verb_runs(rig):
    """Some connection gets the verb through: the first one may be the one that fails."""
    for _ in range(3):
        r = rig.cli("status")
        if r.returncode == 0:
            return
    raise Failed("the verb does not run", r.stdout, r.stderr)


def cases(where, rng):
    """(call, error) with how many to look at; all of them with BG_LONG."""
    all_of = [(c, e) for c in ERRORS for e in ERRORS[c] if where == "engine" or c != "accept"]
    return all_of if LONG else rng.sample(all_of, 4)


@with_rig(devvm=False)
def faults_of_the_engine(rig):
    """the engine: read, write and accept of its sockets"""
    lib, rng, struck = library(rig), random.Random(5), 0
    for call, error in cases("engine", rng):
        n = 0 if LONG else rng.randrange(4)
        while True:
            env, mark = with_fault(rig, rig.env, lib, call, error, n)
            engine = rig.start(env=env)
            tag = "%s%d-%d" % (call, error, n)
            try:
                one_round(rig, "engine", None, tag)
                verb_runs(rig)
                check("no crash", engine.poll() is None, engine.returncode)
            except Failed as e:
                raise Failed("%s failed with %d, the %d.: %s" % (call, error, n, e.args[0]),
                             *e.args[1:])
            engine.terminate()
            check("it leaves in order", engine.wait(LIMIT) == 0)
            hit = os.path.exists(mark)
            struck += hit
            n += 1
            if not LONG or not hit:
                break
    print("# engine: %d calls failed" % struck)
    check("something failed", struck >= 2, struck)


@with_rig(devvm=False)
def faults_of_the_console(rig):
    """the console: read and write of its socket"""
    lib, rng, struck = library(rig), random.Random(7), 0
    engine = rig.start()
    for call, error in cases("console", rng):
        n = 0 if LONG else rng.randrange(3)
        while True:
            env, mark = with_fault(rig, rig.env, lib, call, error, n)
            tag = "%s%d-%d" % (call, error, n)
            try:
                one_round(rig, "console", env, tag)
            except Failed as e:
                raise Failed("%s failed with %d, the %d.: %s" % (call, error, n, e.args[0]),
                             *e.args[1:])
            hit = os.path.exists(mark)
            struck += hit
            n += 1
            if not LONG or not hit:
                break
    verb_runs(rig)
    check("the same engine", engine.poll() is None)
    print("# console: %d calls failed" % struck)
    check("something failed", struck >= 2, struck)


if __name__ == "__main__":
    main([faults_of_the_engine, faults_of_the_console])
