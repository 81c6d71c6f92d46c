# SPDX-License-Identifier: GPL-3.0-or-later
"""thin_pty: a terminal behind a bad line: slow, late, and at times frozen.

    thin_pty.py [--delay MS] [--bps N] [--freeze A:B] [--size CxR] [--log FILE] -- COMMAND...

Runs COMMAND on a pty.  What it writes is read at N bytes a second at most and reaches
FILE (or standard output) MS later; what is typed reaches it MS later.  From second A on,
for B seconds, nothing is read and nothing passes, as when a laptop sleeps: the pty stays
open.  Standard error tells at the end how many bytes there were and the exit status.

As a module: `with Thin([...], delay_ms=150, bps=4000) as t: t.pump(1); t.type("x")`.
What nobody pumps is not read: a terminal that is gone without a word is one that is not
pumped any more.
"""
import argparse
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

TIOCGPTN = 0x80045430                   # the number of a master's other end; Linux


class Thin:
    def __init__(self, argv, env=None, cwd=None, size="80x24", delay_ms=0, bps=0, log=None,
                 freeze=None):
        self.cols, self.rows = (int(n) for n in size.split("x"))
        self.delay, self.bps, self.log = delay_ms / 1000.0, bps, log
        self.freeze = freeze            # (from, for) in seconds since the start
        self.data = bytearray()         # what has come through
        self.times = []                 # (when it came through, bytes so far)
        self.late = []                  # (when it may, bytes): on its way to us
        self.typed = []                 # the same, to the program
        self.status = None
        self.credit, self.credited = float(bps), time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                if cwd:
                    os.chdir(cwd)
                signal.signal(signal.SIGPIPE, signal.SIG_DFL)
                fcntl.ioctl(0, termios.TIOCSWINSZ,
                            struct.pack("HHHH", self.rows, self.cols, 0, 0))
                os.execvpe(argv[0], argv, env or os.environ)
            finally:
                os._exit(127)
        os.set_blocking(self.fd, False)
        self.began = time.monotonic()

    # --- time passes ---

    def frozen(self, now):
        return bool(self.freeze) and 0 <= now - self.began - self.freeze[0] < self.freeze[1]

    def room(self, now):
        """Bytes that the line takes now; a fifth of a second's worth at once."""
        if not self.bps:
            return 65536
        self.credit = min(self.credit + (now - self.credited) * self.bps,
                          max(self.bps / 5.0, 1.0))
        self.credited = now
        return int(self.credit)

    def step(self, wait=0.02):
        """One look at both directions; False when the program has gone and all is here."""
        now = time.monotonic()
        if self.frozen(now):
            time.sleep(min(wait, 0.05))
            return True
        while self.typed and self.typed[0][0] <= now:
            try:
                n = os.write(self.fd, self.typed[0][1])
            except BlockingIOError:
                break
            except OSError:
                n = len(self.typed[0][1])
            if n < len(self.typed[0][1]):
                self.typed[0] = (self.typed[0][0], self.typed[0][1][n:])
                break
            self.typed.pop(0)
        room, ended = self.room(now), False
        if room > 0 and select.select([self.fd], [], [], wait)[0]:
            try:
                got = os.read(self.fd, min(room, 65536))
            except BlockingIOError:
                got = None
            except OSError:
                got = b""
            if got:
                self.credit -= len(got)
                self.late.append((time.monotonic() + self.delay, got))
            elif got is not None:
                ended = True
        elif room <= 0:
            time.sleep(wait)
        now = time.monotonic()
        while self.late and self.late[0][0] <= now:
            self.arrive(self.late.pop(0)[1])
        return not (ended and not self.late)

    def arrive(self, data):
        self.data += data
        self.times.append((time.monotonic() - self.began, len(self.data)))
        if self.log:
            self.log.write(data)
            self.log.flush()

    def pump(self, seconds, until=None):
        """Lets the line work for so long, or until something is true; returns that."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if until and until():
                return True
            if not self.step():
                break
        return bool(until and until())

    def heard(self):
        """All that was typed has been read, and the program waits for more."""
        if self.typed:
            return False
        try:
            with open("/proc/%d/stat" % self.pid) as f:
                if f.read().rsplit(")", 1)[1].split()[0] == "R":
                    return False
            number = struct.unpack("i", fcntl.ioctl(self.fd, TIOCGPTN, b"\0" * 4))[0]
            peer = os.open("/dev/pts/%d" % number, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            try:
                waits = struct.unpack("i", fcntl.ioctl(peer, termios.FIONREAD, b"\0" * 4))[0]
            finally:
                os.close(peer)
            return waits == 0
        except (OSError, IndexError):
            return True                 # it has ended

    def settle(self, seconds=0.3):
        """Until it has heard all, and so long: an Esc is then the key, a deaf box listens."""
        self.pump(60, self.heard)
        self.pump(seconds)

    def type(self, text):
        data = text if isinstance(text, bytes) else text.encode()
        self.typed.append((time.monotonic() + self.delay, data))

    def resize(self, size):
        self.cols, self.rows = (int(n) for n in size.split("x"))
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ,
                    struct.pack("HHHH", self.rows, self.cols, 0, 0))

    # --- what came, and the end ---

    def at(self, seconds):
        """Bytes that had come through by then."""
        n = 0
        for when, count in self.times:
            if when > seconds:
                break
            n = count
        return n

    def exited(self):
        """The exit status of the program (negative: a signal), None while it runs."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status

    def cpu_s(self):
        with open("/proc/%d/stat" % self.pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def hang_up(self):
        """The master goes: the program gets SIGHUP."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def close(self):
        if self.exited() is None:
            os.kill(self.pid, signal.SIGKILL)
            os.kill(self.pid, signal.SIGCONT)
            self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.hang_up()

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.close()


class Screen:
    """So much of a terminal as our console uses: what stands on the screen."""

    def __init__(self, cols=80, rows=24):
        self.cols, self.rows, self.held = cols, rows, ""
        self.clear()

    def clear(self):
        self.cells = [[" "] * self.cols for _ in range(self.rows)]
        self.x = self.y = 0
        self.top, self.bottom = 0, self.rows - 1
        self.last = " "

    def scroll(self, n):
        for _ in range(abs(n)):
            if n > 0:
                del self.cells[self.top]
                self.cells.insert(self.bottom, [" "] * self.cols)
            else:
                del self.cells[self.bottom]
                self.cells.insert(self.top, [" "] * self.cols)

    def line_feed(self):
        if self.y == self.bottom:
            self.scroll(1)
        elif self.y < self.rows - 1:
            self.y += 1

    def csi(self, args, end):
        if args[:1] in "?>=" and args:
            return
        n = [int(a) if a.isdigit() else 0 for a in args.split(";")]
        one = max(n[0], 1)
        row = self.cells[self.y]
        if end in "Hf":
            self.y = min(max(n[0], 1), self.rows) - 1
            self.x = min(max(n[1] if len(n) > 1 else 1, 1), self.cols) - 1
        elif end == "A":
            self.y = max(self.y - one, 0)
        elif end in "Be":
            self.y = min(self.y + one, self.rows - 1)
        elif end in "Ca":
            self.x = min(self.x + one, self.cols - 1)
        elif end == "D":
            self.x = max(self.x - one, 0)
        elif end in "G`":
            self.x = min(one, self.cols) - 1
        elif end == "d":
            self.y = min(one, self.rows) - 1
        elif end == "J":
            if n[0] == 2:
                self.cells = [[" "] * self.cols for _ in range(self.rows)]
            elif n[0] == 0:
                row[self.x:] = [" "] * (self.cols - self.x)
                for y in range(self.y + 1, self.rows):
                    self.cells[y] = [" "] * self.cols
            else:
                row[:self.x + 1] = [" "] * (self.x + 1)
                for y in range(self.y):
                    self.cells[y] = [" "] * self.cols
        elif end == "K":
            if n[0] == 0:
                row[self.x:] = [" "] * (self.cols - self.x)
            elif n[0] == 1:
                row[:self.x + 1] = [" "] * (self.x + 1)
            else:
                self.cells[self.y] = [" "] * self.cols
        elif end == "X":
            row[self.x:self.x + one] = [" "] * len(row[self.x:self.x + one])
        elif end == "P":
            del row[self.x:self.x + one]
            row += [" "] * (self.cols - len(row))
        elif end == "@":
            row[self.x:self.x] = [" "] * one
            del row[self.cols:]
        elif end in "LM":
            top, self.top = self.top, self.y
            self.scroll(one if end == "M" else -one)
            self.top = top
        elif end in "ST":
            self.scroll(one if end == "S" else -one)
        elif end == "b":
            self.put(self.last * one)
        elif end == "r":
            self.top = max(n[0], 1) - 1
            self.bottom = (n[1] if len(n) > 1 and n[1] else self.rows) - 1
            self.x = self.y = 0

    def put(self, text):
        for c in text:
            if self.x == self.cols:
                self.x = 0
                self.line_feed()
            self.cells[self.y][self.x] = self.last = c
            self.x += 1

    def feed(self, data):
        """Bytes of the program; cut anywhere but inside of a character."""
        text = self.held + data.decode("utf-8", "replace")
        i, self.held = 0, ""
        while i < len(text):
            c = text[i]
            if c == "\x1b":
                j = i + 1
                if j < len(text) and text[j] == "[":
                    j += 1
                    while j < len(text) and not "@" <= text[j] <= "~":
                        j += 1
                elif j < len(text) and text[j] in "()":
                    j += 1
                if j >= len(text):
                    self.held = text[i:]
                    return
                if text[i + 1] == "[":
                    self.csi(text[i + 2:j], text[j])
                elif text[i + 1] == "M":
                    if self.y == self.top:
                        self.scroll(-1)
                    else:
                        self.y = max(self.y - 1, 0)
                i = j + 1
                continue
            if c == "\r":
                self.x = 0
            elif c == "\n":
                self.line_feed()
            elif c == "\b":
                self.x = max(min(self.x, self.cols - 1) - 1, 0)
            elif c >= " ":
                self.put(c)
            i += 1

    def text(self):
        return "\n".join("".join(row).rstrip() for row in self.cells)


def main():
    p = argparse.ArgumentParser(description="a terminal behind a bad line")
    p.add_argument("--delay", type=int, default=0, metavar="MS")
    p.add_argument("--bps", type=int, default=0, metavar="N")
    p.add_argument("--freeze", metavar="A:B")
    p.add_argument("--size", default="80x24", metavar="CxR")
    p.add_argument("--log", type=argparse.FileType("wb"), default=sys.stdout.buffer)
    p.add_argument("command", nargs="+")
    a = p.parse_args()
    freeze = tuple(float(n) for n in a.freeze.split(":")) if a.freeze else None
    with Thin(a.command, size=a.size, delay_ms=a.delay, bps=a.bps, log=a.log,
              freeze=freeze) as t:
        while t.step():
            if select.select([sys.stdin], [], [], 0)[0]:
                typed = os.read(0, 4096)
                if typed:
                    t.type(typed)
        while t.exited() is None:
            time.sleep(0.01)
        seconds = time.monotonic() - t.began
        print("thin_pty: %d bytes in %.1f s (%.0f bytes/s), exit %d" % (
            len(t.data), seconds, len(t.data) / seconds, t.status), file=sys.stderr)
        return t.status if t.status >= 0 else 128 - t.status


if __name__ == "__main__":
    sys.exit(main())
