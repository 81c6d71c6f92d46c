# SPDX-License-Identifier: GPL-3.0-or-later
"""terminal: a strict terminal for tests: it knows what our curses says, and no more.

Every byte that a console writes goes through it.  What is not text and not one of the
sequences below raises Forbidden with the bytes around it: a sequence that got through
from outside, and whatever a terminal would answer.  Wide characters take two cells, and
text may never run over the right edge.
"""
import codecs
import re
import unicodedata


class Forbidden(Exception):
    pass


# What terminfo has for the names that we run under; the numbers are modes.
PRIVATE_MODES = {1, 7, 12, 25, 47, 1049, 2004}
MODES = {4, 34}
ESCAPES = "78=>MDE"
CSI = re.compile(r"\x1b\[([0-9;]*)([HfABCDGdJKXP@LMSTbrmaehl`t])"
                 r"|\x1b\[\?([0-9;]+)([hlc])"
                 r"|\x1b([()])([B0A])"
                 r"|\x1b([78=>MDE])")
UNDO = "\x18\x1b\\\x1b[?2026l\x1b[4l"       # tty.c's undo, after somebody else had the terminal


def width(c):
    if unicodedata.combining(c) or unicodedata.category(c) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(c) in "WF" else 1


class Terminal:
    def __init__(self, cols=80, rows=24, term="xterm"):
        self.cols, self.rows, self.term = cols, rows, term
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        self.held = ""
        self.titles = 0                 # pushed and popped by smcup, rmcup
        self.x = self.y = 0
        self.last = " "
        self.wrap = True                # what is written past the edge goes on below
        self.top, self.bottom = 0, rows - 1
        self.cells = [self.blank() for _ in range(rows)]

    def blank(self):
        return [" "] * self.cols

    def forbid(self, what, around):
        raise Forbidden("%s: %r" % (what, around))

    # --- what moves ---

    def scroll(self, n, top=None):
        top = self.top if top is None else top
        for _ in range(min(abs(n), self.rows)):
            if n > 0:
                del self.cells[top]
                self.cells.insert(self.bottom, self.blank())
            else:
                del self.cells[self.bottom]
                self.cells.insert(top, self.blank())

    def line_feed(self):
        if self.y == self.bottom:
            self.scroll(1)
        elif self.y < self.rows - 1:
            self.y += 1

    def put(self, c):
        w = width(c)
        if w == 0:
            at = max(self.x - 1, 0)
            if self.cells[self.y][at] == "" and at > 0:
                at -= 1
            self.cells[self.y][at] += c
            return
        if self.x + w > self.cols:
            if not self.wrap:
                self.forbid("text past the right edge", "".join(self.cells[self.y]) + c)
            self.x = 0
            self.line_feed()
        self.cells[self.y][self.x] = c
        if w == 2:
            self.cells[self.y][self.x + 1] = ""
        self.x += w
        self.last = c

    def erase(self, y, a, b):
        self.cells[y][a:b] = [" "] * len(self.cells[y][a:b])

    def csi(self, args, end):
        n = [int(a) if a else 0 for a in args.split(";")]
        one = max(n[0], 1)
        second = max(n[1], 1) if len(n) > 1 else 1
        if end in "Hf":
            self.y, self.x = min(one, self.rows) - 1, min(second, self.cols) - 1
        elif end in "Ae":
            self.y = max(self.y - one, 0) if end == "A" else min(self.y + one, self.rows - 1)
        elif end == "B":
            self.y = min(self.y + one, self.rows - 1)
        elif end in "Ca":
            self.x = min(self.x + one, self.cols - 1)
        elif end == "D":
            self.x = max(min(self.x, self.cols - 1) - one, 0)
        elif end in "G`":
            self.x = min(one, self.cols) - 1
        elif end == "d":
            self.y = min(one, self.rows) - 1
        elif end == "J":
            x = min(self.x, self.cols - 1)
            rows = {0: range(self.y + 1, self.rows), 1: range(self.y),
                    2: range(self.rows)}[n[0]]
            for y in rows:
                self.erase(y, 0, self.cols)
            if n[0] == 0:
                self.erase(self.y, x, self.cols)
            elif n[0] == 1:
                self.erase(self.y, 0, x + 1)
        elif end == "K":
            x = min(self.x, self.cols - 1)
            self.erase(self.y, 0 if n[0] else x, x + 1 if n[0] == 1 else self.cols)
        elif end == "X":
            self.erase(self.y, self.x, self.x + one)
        elif end in "P@":
            row = self.cells[self.y]
            if end == "P":
                del row[self.x:self.x + one]
                row += [" "] * (self.cols - len(row))
            else:
                row[self.x:self.x] = [" "] * one
                del row[self.cols:]
        elif end in "LM":
            self.scroll(one if end == "M" else -one, self.y)
        elif end in "ST":
            self.scroll(one if end == "S" else -one)
        elif end == "b":
            for _ in range(one):
                self.put(self.last)
        elif end == "r":
            self.top = one - 1
            self.bottom = (n[1] if len(n) > 1 and n[1] else self.rows) - 1
            self.x = self.y = 0
        elif end in "hl" and not set(n) <= MODES:
            self.forbid("a mode", "CSI %s %s" % (args, end))
        elif end == "t" and args not in ("22;0;0", "23;0;0"):
            self.forbid("a window operation", "CSI %s t" % args)

    def private(self, args, end):
        modes = {int(a) for a in args.split(";") if a}
        if end == "c":
            if self.term != "linux":    # there it is the cursor's look
                self.forbid("a question", "CSI ? %s c" % args)
        elif not modes <= PRIVATE_MODES:
            self.forbid("a private mode", "CSI ? %s %s" % (args, end))
        elif modes & {1049, 47}:
            self.cells = [self.blank() for _ in range(self.rows)]

    # --- what comes ---

    def feed(self, data):
        text = self.held + self.decoder.decode(data)
        i, self.held = 0, ""
        while i < len(text):
            c = text[i]
            if c == "\x1b":
                m = CSI.match(text, i)
                if not m and len(text) - i < 16 and re.fullmatch(
                        r"\x1b(\[\??[0-9;]*|[()])?", text[i:]):
                    self.held = text[i:]
                    return
                if not m:
                    self.forbid("no sequence of ours", text[max(i - 30, 0):i + 30])
                if m.group(2):
                    self.csi(m.group(1), m.group(2))
                elif m.group(4):
                    self.private(m.group(3), m.group(4))
                elif m.group(7) == "M":
                    if self.y == self.top:
                        self.scroll(-1)
                    else:
                        self.y = max(self.y - 1, 0)
                elif m.group(7) in ("D", "E"):
                    self.line_feed()
                i = m.end()
                continue
            if c == "\r":
                self.x = 0
            elif c == "\n":
                self.line_feed()
            elif c == "\b":
                self.x = max(min(self.x, self.cols - 1) - 1, 0)
            elif c == "\t":
                self.x = min((self.x // 8 + 1) * 8, self.cols - 1)
            elif c == "\x0f":
                pass                    # back to the character set that it never left
            else:
                self.plain(c, text[max(i - 30, 0):i + 30])
                self.put(c)
            i += 1

    def plain(self, c, around):
        """Text, and nothing that a terminal acts on or an eye cannot see."""
        n = ord(c)
        if n < 0x20 or 0x7f <= n < 0xa0 or n == 0xad or 0x200b <= n <= 0x200f or \
                0x2028 <= n <= 0x202e or 0x2060 <= n <= 0x206f or n == 0xfeff or \
                0xfff9 <= n <= 0xfffb or 0xe0000 <= n <= 0xe0fff:
            self.forbid("U+%04X" % n, around)

    def lines(self):
        return ["".join(row).rstrip() for row in self.cells]

    def text(self):
        return "\n".join(self.lines())
