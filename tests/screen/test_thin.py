#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A line of 300 ms and 4,000 bytes a second: nothing typed is lost, a flood leaves room for
keys, and Stop stops."""
import bisect
import os
import re
import shutil
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, HERE + "/../integration"]
from engine_rig import LIMIT, SANITIZED, Failed, check  # noqa: E402
from pace import Watch  # noqa: E402
from test_pager import MAIN, Engine  # noqa: E402
from thin_pty import Screen, Thin  # noqa: E402

SLOW = 3 if SANITIZED else 1
DELAY_MS, BPS = 150, 4000
TYPED = "the quick brown fox jumps over 13 dogs.."


class Flood(threading.Thread):
    """Output of a run, 400 KB a second, until it is told to stop."""

    def __init__(self, engine):
        super().__init__(daemon=True)
        self.engine, self.over, self.n = engine, False, 0

    def run(self):
        off = 0
        self.engine.say(t="tool", id="r1", asked="agent", host="devvm", what="journalctl -f")
        while not self.over:
            data = ""
            for _ in range(100):
                data += "line %08d of a log that never ends, it goes on and on and on\n" % self.n
                self.n += 1
            self.engine.say(t="output", live=True, id="r1", stream="out", off=off, len=len(data),
                            data=data)
            off += len(data)
            time.sleep(0.015)


def seat(folder, term="xterm"):
    env = {k: v for k, v in os.environ.items() if k not in ("TMUX", "STY")}
    env.update(TERM=term, LC_ALL="C.UTF-8", HOME=folder)
    return Thin([MAIN, folder + "/sock"], env=env, delay_ms=DELAY_MS, bps=BPS)


def text(t):
    s = Screen(t.cols, t.rows)
    s.feed(bytes(t.data))
    return s.text()


def sees(t, words, limit=LIMIT):
    if not t.pump(limit, lambda: words in text(t)):
        raise Failed("the screen does not show %r" % words, text(t))


def first_screen(t):
    began = Watch()
    sees(t, "say what is wrong")
    took, size = began.within("within 2 s", 2 * SLOW), len(t.data)
    print("#   first useful screen after %.2f s, %d bytes" % (took, size))
    check("at most 2,500 bytes", size <= 2500, size)
    t.pump(1.0)


def colours(folder, engine):
    """256 colours: the first useful screen is at most 1,500 bytes; its lines come behind it"""
    began = Watch()
    with seat(folder, "xterm-256color") as t:
        sees(t, "F10detach")             # the last of its words
        took = began.within("within 0.6 s", 0.6 * SLOW)

        def shown(n):
            s = Screen(t.cols, t.rows)
            s.feed(bytes(t.data[:n]))
            return s.text()
        # a busy machine may show more by now: what stood there when the last word had come
        size = bisect.bisect_left(range(len(t.data)), True, key=lambda n: "F10detach" in shown(n))
        print("#   first useful screen after %.2f s, %d bytes" % (took, size))
        check("at most 1,500 bytes", size <= 1500, size)
        check("its words are there", "VM " in shown(size) and "say what is wrong" in shown(size),
              shown(size))
        check("and nothing else yet", "━" * 20 not in shown(size), shown(size))
        sees(t, "━" * 20)
        sees(t, "─" * 20)


def typing(folder, engine):
    """40 keys at once: all of them, in their order, at most 64 bytes each; then one by one"""
    with seat(folder) as t:
        first_screen(t)
        before = len(t.data)
        began = Watch()
        t.type(TYPED)
        sees(t, "> " + TYPED)
        took = began.took()
        print("#   40 keys after %.2f s, %d bytes" % (took, len(t.data) - before))
        began.within("after one round trip", 1.0 * SLOW)
        check("64 bytes for each", len(t.data) - before <= 64 * len(TYPED))
        before = len(t.data)
        for c in "0123456789":
            t.type(c)
            t.pump(0.05)
        sees(t, TYPED + "0123456789")
        each = (len(t.data) - before) / 10
        print("#   one by one: %.0f bytes each" % each)
        check("64 bytes for each", each <= 64, each)
        t.type("\x15\x1b[18~")           # F7, in the middle of it all
        sees(t, "cycle VM 102?")


def flood(folder, engine):
    """5 s of a flood: the line is never full, the newest shows, keys and Stop pass through"""
    with seat(folder) as t:
        first_screen(t)
        f, flooded = Flood(engine), Watch()
        f.start()
        t.pump(1.0)
        before, began = len(t.data), time.monotonic()
        t.pump(4.0)
        per_s = (len(t.data) - before) / (time.monotonic() - began)
        print("#   %.0f bytes/s" % per_s)
        check("at most 4 KB/s", per_s <= 4096, per_s)
        shown = [int(x) for x in re.findall(r"line (\d{8})", text(t))]
        check("the newest is at most 2 s old",
              shown and max(shown) > f.n - 2 * 6700 * SLOW * flooded.pace(),
              (max(shown or [0]), f.n))
        began = Watch()
        t.type("abc")
        sees(t, "> abc")
        took = began.within("keys within a round trip and half a second", 0.8 * SLOW)
        print("#   three keys after %.2f s" % took)
        began = Watch()
        t.type("\x1b[19~")               # F8
        check("the engine is asked", t.pump(LIMIT, lambda: "cancel" in engine.asked))
        took = began.within("to stop within a round trip and half a second", 0.8 * SLOW)
        print("#   stop after %.2f s" % took)
        f.over = True
        f.join()
        sees(t, "line %08d" % (f.n - 1))
        t.pump(2.0)
        before = len(t.data)
        t.pump(3.0)
        check("silent when nothing happens", len(t.data) - before <= 300,
              bytes(t.data[before:]))


def main():
    if not os.path.exists(MAIN):
        print("no %s: run make check" % MAIN)
        return 99
    failed = []

    def run(test):
        folder = tempfile.mkdtemp(prefix="bgthin.")
        why = ""
        try:
            test(folder, Engine(folder + "/sock"))
        except Failed as e:
            why = "\n".join(str(a) for a in e.args)
        except Exception:
            import traceback
            why = traceback.format_exc()
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if why:
            failed.append(test)
        print("%s - %s %s" % ("FAILED" if why else "ok", test.__doc__, why), flush=True)
    threads = [threading.Thread(target=run, args=(t,)) for t in (colours, typing, flood)
               if not sys.argv[1:] or t.__name__ in sys.argv[1:]]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
