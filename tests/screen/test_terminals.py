#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""One recorded incident on every terminal that our users have: all of its words, no line
wider than the screen, and no sequence that is not curses' own."""
import concurrent.futures
import json
import os
import re
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, HERE + "/../integration"]
from engine_rig import BUILD, LIMIT, SRC, Failed, check, until  # noqa: E402
from terminal import Forbidden, Terminal  # noqa: E402
from thin_pty import Thin  # noqa: E402

CONSOLE = BUILD + "/src/console/console"
NIGHT = SRC + "/tests/fixtures/night.jsonl"
LONG = bool(os.environ.get("BG_LONG"))
TERMS = ["xterm", "xterm-256color", "screen", "tmux-256color", "linux", "rxvt", "vt100",
         "vt220", "dumb", None]
LOCALES = ["C.UTF-8", "POSIX"]
SIZES = ["80x24"] + (["40x15", "200x50"] if LONG else [])


def words_of_night():
    """Everything that an operator, the agent, a host or the engine has said."""
    said = []
    for line in open(NIGHT):
        r = json.loads(line)
        t = r["t"]
        if t in ("prompt", "text", "note"):
            said.append(r["text"])
        elif t == "tool":
            said += [r["what"], r["id"], r["host"]]
        elif t == "output":
            # what our own program on the host tells us is shown in words
            said += [x for x in r["data"].split("\n") if not x.startswith("#bg ")]
        elif t == "verdict" and not r.get("climbing"):
            # the others give way to the next one, on the screen
            said += [r["word"], r["why"]]
        elif t == "verb":
            said += [r["verb"], r.get("result") or ""]
    text = re.sub(r"\x1b\[[0-9;]*m", " ", " ".join(said))
    return set(re.findall(r"[^\W_]{2,}", text))


class Seat:
    def __init__(self, term, locale, size, *args):
        env = {k: v for k, v in os.environ.items()
               if k not in ("TERM", "LC_ALL", "LC_CTYPE", "LANG", "TMUX", "STY", "NO_COLOR")}
        env.update(LC_ALL=locale, TZ="UTC")
        if term:
            env["TERM"] = term
        self.line = Thin([CONSOLE, "--replay", NIGHT, "--speed", "instant", *args], env=env,
                         size=size)
        self.term = Terminal(self.line.cols, self.line.rows, term or "vt100")
        self.term.wrap = term == "dumb"     # there the terminal wraps, not we
        self.fed = 0

    def pump(self, seconds, until=None):
        def look():
            if len(self.line.data) > self.fed:
                data = bytes(self.line.data[self.fed:])
                self.fed = len(self.line.data)
                self.term.feed(data)
            return until() if until else False
        return self.line.pump(seconds, look)

    def settle(self):
        """Nothing more comes."""
        while True:
            at = self.fed
            self.pump(LIMIT, self.line.heard)
            if not self.pump(0.06, lambda: self.fed > at):
                return

    def key(self, text, limit=0.6):
        """Types it; false: the picture stays as it is."""
        picture = self.term.text()
        self.line.type(text)
        self.pump(LIMIT, self.line.heard)
        if not self.pump(limit, lambda: self.term.text() != picture):
            return False
        self.settle()
        return True


def walk(seat, pages, top):
    """A pane from its end up to where top stands; its pages go to pages."""
    pages.append(seat.term.text())
    while not re.search(top, pages[-1]):
        if not seat.key("\x1b[5~", 10) or len(pages) > 500:
            raise Failed("the pane has no top %s" % top, pages[-1])
        pages.append(seat.term.text())


def joined(pages):
    """A word that was broken at the edge is one again."""
    text = []
    for page in pages:
        rows = page.split("\n")
        text += rows
        text.append("".join(r.strip() for r in rows))
    return "\n".join(text)


def on_screen(term, locale, size):
    seat = Seat(term, locale, size)
    with seat.line:
        if not seat.pump(LIMIT, lambda: "94/94" in seat.term.text()):
            raise Failed("it never came to its end", seat.term.text())
        seat.settle()
        pages = [seat.term.text()]
        seat.key("\x0f")                # one pane on the whole screen
        walk(seat, pages, "ann> what is wrong")
        seat.key("\t")
        walk(seat, pages, r"(?m)\br1\s*$|[✗$] local ")
        for key in ("\x14", "g", "\r"):  # the first run with its whole command
            seat.key(key)
            pages.append(seat.term.text())
        seat.key("\x14")
        seat.key("v")
        pages.append(seat.term.text())
        seat.line.type("\x1b[21~")      # F10
        seat.pump(LIMIT, lambda: seat.line.exited() is not None)
        until("it has ended", lambda: seat.line.exited() is not None)
        check("it leaves with 0", seat.line.exited() == 0, seat.line.exited(), seat.term.text())
    return joined(pages)


def line_by_line(term, locale, size):
    seat = Seat(term, locale, size)
    with seat.line:
        seat.pump(LIMIT, lambda: b"End of the replay" in seat.line.data)
        check("no escape sequence", b"\x1b" not in seat.line.data)
        return bytes(seat.line.data).decode()


def one(term, locale, size):
    began = time.monotonic()
    try:
        shown = (line_by_line if term == "dumb" else on_screen)(term, locale, size)
        missing = sorted(w for w in words_of_night() if w not in shown)
        if missing:
            raise Failed("%d words are not shown: %s" % (len(missing), missing[:40]), shown)
        why = ""
    except (Failed, Forbidden) as e:
        why = "\n".join(str(a) for a in e.args)
    return "%s - TERM=%s LC_ALL=%s %s (%.1f s) %s" % (
        "FAILED" if why else "ok", term, locale, size, time.monotonic() - began, why)


def main():
    if not os.path.exists(CONSOLE):
        print("no %s: run make" % CONSOLE)
        return 99
    all_of_them = [(t, loc, s) for s in SIZES for t in TERMS for loc in LOCALES]
    if sys.argv[1:]:
        all_of_them = [c for c in all_of_them if str(c[0]) in sys.argv[1:]]
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        said = list(pool.map(lambda c: one(*c), all_of_them))
    print("\n".join(said))
    return 1 if any(s.startswith("FAILED") for s in said) else 0


if __name__ == "__main__":
    sys.exit(main())
