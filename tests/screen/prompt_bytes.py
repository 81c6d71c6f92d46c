#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""prompt_bytes: what a typed key costs on the line, and how soon it shows.

    prompt_bytes.py CONSOLE SOCKET

A key brings at most 64 bytes at once, on a plain prompt, in one of several lines and with
the palette open; while output streams by it is seen soon.
"""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from pace import Watch  # noqa: E402
from thin_pty import Thin  # noqa: E402

MOST = 64
LETTERS = "QVWYNUEO"  # in no output of the engine's, and in no escape sequence


def quiet(t, seconds, most=5):
    """Until nothing has come for a while."""
    end = time.monotonic() + most
    while time.monotonic() < end:
        before = len(t.data)
        look(t, seconds, lambda: len(t.data) > before)
        if len(t.data) == before:
            return


def look(t, seconds, until=lambda: False):
    """As pump does, with a shorter look."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not until():
        t.step(0.001)
    return until()


def echo(t, key):
    """Milliseconds until it shows."""
    before, began = len(t.data), time.monotonic()
    t.type(key)
    if not look(t, 60, lambda: key.encode() in t.data[before:]):
        print("FAIL: %r was never shown: %r" % (key, bytes(t.data[before:])[-400:]))
        sys.exit(1)
    return (time.monotonic() - began) * 1000


def cost(t, key, settle=0.03):
    """Bytes that it brings at once: a list that it changes comes 40 ms later, or more."""
    best, watch = None, Watch()
    for tried in range(5):  # a busy machine shows the list before it lets us look
        if tried:
            t.type("\x7f")
        quiet(t, settle)
        before = len(t.data)
        echo(t, key)
        look(t, 0.01)
        best = min(len(t.data) - before, best or 1 << 20)
        if best <= MOST or watch.pace() <= 2:
            break
    return best


def report(what, costs):
    print("%-24s %3d keys, at most %3d bytes" % (what, len(costs), max(costs)))
    return max(costs) > MOST


def flood(t):
    """Output streams by: three lines and the palette, and each key is seen soon."""
    t.type("go\r")
    if not look(t, 60, lambda: b"lazy dog" in t.data):
        print("FAIL: no flood")
        return 1
    ms, watch = [], Watch()
    for begin, keys in (("one\x1b\rtwo\x1b\r", LETTERS * 2), ("\x1b[F\x1b[F\x15/", LETTERS[:2])):
        t.type(begin)
        look(t, 0.1)
        ms += [echo(t, key) for key in keys]
    ms.sort()
    print("%-24s %3d keys, seen after %.1f ms, the last after %.1f ms" % (
        "while output streams", len(ms), ms[len(ms) // 2], ms[-1]))
    return ms[len(ms) // 2] > 100 * watch.pace()


def main():
    env = dict(os.environ, TERM="xterm-256color", LC_ALL="C.UTF-8")
    failed = 0
    with Thin(sys.argv[1:3], env=env, size="80x24") as t:
        if not t.pump(60, lambda: b"say what is wrong" in t.data):
            print("FAIL: no first picture")
            return 1
        quiet(t, 0.2)
        t.type("q")  # the hint goes with the first key
        failed += report("plain", [cost(t, k) for k in LETTERS * 3])
        t.type("\x15")
        for line in ("first\x1b\r", "second\x1b\r", "th"):
            t.type(line)
            quiet(t, 0.03)
        failed += report("the last of three lines", [cost(t, k) for k in LETTERS * 2])
        t.type("\x1b[A\x1b[H")
        failed += report("in the middle of one", [cost(t, k) for k in LETTERS])
        t.type("\x03\x1b[F\x1b[F\x15/")
        failed += report("with the palette open", [cost(t, k, 0.4) for k in "sta"])
        t.type("\x15")
        quiet(t, 0.2)
        failed += flood(t)
    return 1 if failed else 0


sys.exit(main())
