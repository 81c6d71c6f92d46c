# SPDX-License-Identifier: GPL-3.0-or-later
"""A program in an 80x24 terminal: when do which bytes come?"""
import fcntl
import os
import pty
import random
import select
import signal
import struct
import termios
import time

COLS, ROWS = 80, 24


class Screen:
    def __init__(self, argv, env, cols=COLS, rows=ROWS):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        go_read, go_write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.setsid()
                fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
                for fd in (0, 1, 2):
                    os.dup2(slave, fd)
                os.read(go_read, 1)
                os.closerange(3, 64)
                os.execve(argv[0], argv, env)
            finally:
                os._exit(127)
        os.close(slave)
        os.close(go_read)
        self.bytes = 0
        self.tail = b""     # the last bytes, to find words that come in two reads
        time.sleep(0.002)   # the child stands before its exec; no part of what is measured
        self.t0 = time.perf_counter_ns()
        os.write(go_write, b"g")
        os.close(go_write)

    def read(self, timeout):
        """What came within timeout seconds, b"" for nothing, None when it ended."""
        if not select.select([self.master], [], [], max(timeout, 0))[0]:
            return b""
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return None
        self.bytes += len(data)
        return data or None

    def until(self, word, seconds=10):
        """Reads until word came; milliseconds since exec, or None."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            data = self.read(end - time.perf_counter())
            now = time.perf_counter_ns()
            if data is None:
                return None
            self.tail = (self.tail + data)[-65536:]
            if word in self.tail:
                return (now - self.t0) / 1e6
        return None

    def drain(self, seconds):
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            if self.read(end - time.perf_counter()) is None:
                return

    def settle(self, quiet=0.15, seconds=5):
        """Until nothing came for a while."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end and self.read(quiet):
            continue

    def send(self, data):
        os.write(self.master, data)

    def end(self):
        try:
            os.kill(self.pid, signal.SIGTERM)
        except OSError:
            pass
        end = time.perf_counter() + 3
        while os.waitpid(self.pid, os.WNOHANG)[0] == 0:
            if time.perf_counter() > end:
                os.kill(self.pid, signal.SIGKILL)
            self.read(0.002)
        os.close(self.master)


LETTERS = b"QVWYNUEO"  # in no output of the floods, and in no escape sequence of xterm's


class Typist:
    """Types single keys and waits for each to appear."""

    def __init__(self, screen, seed):
        self.screen, self.typed, self.lost = screen, 0, 0
        self.random = random.Random(seed)
        self.ms = []

    def key(self):
        if self.typed % 32 == 0:
            self.screen.send(b"\x15")
            self.screen.drain(0.03)
        letter = LETTERS[self.typed % len(LETTERS):][:1]
        self.typed += 1
        t0 = time.perf_counter_ns()
        self.screen.send(letter)
        end = time.perf_counter() + 1
        while time.perf_counter() < end:
            data = self.screen.read(end - time.perf_counter())
            if data is None:
                break
            if letter in data:
                self.ms.append((time.perf_counter_ns() - t0) / 1e6)
                return
        self.lost += 1
        self.ms.append(1000.0)

    def type(self, count):
        for _ in range(count):
            self.key()
            self.screen.drain(self.random.uniform(0.004, 0.012))
        return self.ms

    def type_while(self, going_on, most=2000):
        while going_on() and self.typed < most:
            self.key()
            self.screen.drain(self.random.uniform(0.004, 0.012))
        return self.ms
