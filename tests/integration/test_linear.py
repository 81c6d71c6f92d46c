#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Line by line: a wedged VM recovered by numbers alone; and what is typed ahead."""
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import BUILD, LIMIT, check, main, until, with_rig  # noqa: E402
from pace import Watch  # noqa: E402

CONSOLE = BUILD + "/src/console/console"


class Reader:
    """A console whose lines are read; input is a pipe or a terminal."""

    def __init__(self, rig, *args, tty=False, **env):
        self.data = b""
        self.master = None
        words = [CONSOLE, "--socket", rig.socket, "--name", "ann", *args]
        env = dict(rig.env, **env)
        if tty:
            pid, self.master = pty.fork()
            if pid == 0:
                os.execve(CONSOLE, words, env)
            self.pid = pid
            self.out = self.into = self.master
            fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        else:
            self.p = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, env=env)
            self.pid, self.into, self.out = self.p.pid, self.p.stdin.fileno(), \
                self.p.stdout.fileno()
        os.set_blocking(self.out, False)

    def text(self):
        try:
            self.data += os.read(self.out, 65536)
        except (BlockingIOError, OSError):
            pass
        return self.data.decode("utf-8", "replace").replace("\r\n", "\n")

    def hears(self, text, since=0, limit=LIMIT):
        until("it says " + text, lambda: text in self.text()[since:], limit)
        return len(self.text())

    def hears_well(self, since, watch):
        """The verdict; the devvm is this machine, and crawls only where many share it."""
        def well():
            said = self.text()[since:]
            return "Verdict: healthy" in said or "Verdict: crawling" in said and watch.pace() > 2
        until("it is healthy, or crawling at a pace over 2", well)

    def says(self, text):
        at = len(self.text())
        os.write(self.into, text.encode())
        return at

    def close(self):
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        if self.master is not None:
            os.waitpid(self.pid, 0)
            os.close(self.master)
        else:
            self.p.stdin.close()
            self.p.wait(LIMIT)
            self.p.stdout.close()


def wedge(rig):
    os.kill(rig.pve.vm_pid(), signal.SIGSTOP)
    return rig.pve.vm_pid()


def plain(text):
    """What a screen reader can read: no control byte, no frame, no line twice in a row."""
    bad = [c for c in text if (ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160 or
           0x2500 <= ord(c) < 0x25a0]
    check("no control character and no frame", not bad, bad)
    lines = text.split("\n")
    again = [a for a, b in zip(lines, lines[1:]) if a == b and a]
    check("nothing is said twice in a row", not again, again)


@with_rig(agent_driver="runbook")
def by_numbers(rig):
    """status, forensics, verdict, cycle, proof: a number each, through a pipe"""
    old = wedge(rig)
    rig.start()
    r = Reader(rig, ACCESSIBLE="1")          # and no --linear
    try:
        r.hears("Choose: 1 cycle (advised), 2 forensics, 3 status")
        at = r.says("3\n")
        r.hears("VM 102: status", at)
        at = r.says("2\n")
        r.hears("VM 102: forensics", at)
        r.hears("Advised: /cycle.", at)
        r.hears("Choose: 1 cycle (advised)", at)
        at = r.says("1\n")
        r.hears("Type cycle and Enter; anything else: No.", at)
        check("it only asks", rig.pve.vm_pid() == old)
        at = r.says("no\n")
        r.hears("cycle: cancelled. Nothing was sent.", at)
        r.hears("Choose: 1 cycle (advised)", at)
        at = r.says("1\n")
        at = r.hears("Type cycle and Enter; anything else: No.", at)
        watch = Watch()
        r.says("cycle\n")
        r.hears("Proof of recovery: healthy", at)
        r.hears_well(at, watch)
        r.hears("Choose: 1 forensics", at)
        check("another QEMU runs", rig.pve.vm_runs() and rig.pve.vm_pid() != old)
        at = r.says("/state\n")
        r.hears("VM 102 running, asked", at)
        at = r.says("77\n")
        r.hears("There is no choice 77.", at)
        at = r.says("/copy\n")
        r.hears("/copy is of the screen", at)
        run = re.search(r"\[(r\d+)\] [\d,]+ lines; /view", r.text()).group(1)
        at = r.says("/view %s\n" % run)
        r.hears("That was all of it.", at)
        watch = Watch()
        at = r.says("/again\n")
        r.hears_well(at, watch)
        r.says("/detach\n")
        until("it leaves", lambda: r.p.poll() is not None)
        check("with 0", r.p.poll() == 0, r.p.poll())
        plain(r.text().split("/view", 1)[0])
    finally:
        r.close()


@with_rig(agent_driver="runbook")
def anyway(rig):
    """what cannot help is asked twice, and the second word is another"""
    old = wedge(rig)
    rig.start()
    r = Reader(rig, "--linear")
    try:
        r.hears("Advised: /cycle.")
        at = r.says("/reset\n")
        at = r.hears("Type reset and Enter", at)
        r.says("reset\n")
        at = r.hears("Type anyway and Enter", at)
        r.says("reset\n")
        r.hears("reset: cancelled. Nothing was sent.", at)
        check("nothing was sent", rig.pve.vm_pid() == old and not rig.pve.calls("reset") and
              not [j for j in rig.journals()])
    finally:
        r.close()


@with_rig(agent_driver="runbook")
def typed_ahead(rig):
    """on a terminal the answer that was typed before the question is none"""
    wedge(rig)
    rig.start()
    r = Reader(rig, "--linear", tty=True)
    try:
        r.hears("Choose: 1 cycle (advised)")
        at = r.says("1\ncycle\n")
        r.hears("Type cycle and Enter", at)
        at = len(r.text())
        again = [0]                         # what is typed while it asks is dropped, too

        def no_yes():
            if time.monotonic() > again[0]:
                again[0] = time.monotonic() + 2
                r.says("/state\n")          # no answer either: a No, or too soon
            return "cancelled" in r.text()[at:] or "Too soon" in r.text()[at:]
        until("it was no yes", no_yes)
        check("no verb was asked for", not rig.journals())
    finally:
        r.close()


@with_rig(agent_driver="runbook")
def typed_ahead_of_the_box(rig):
    """on the screen, too: what the kernel holds behind the key is dropped"""
    wedge(rig)
    rig.start()
    r = Reader(rig, tty=True, TERM="xterm")
    try:
        r.hears("press")
        os.kill(r.pid, signal.SIGSTOP)
        r.says("\x1b[18~" + "\x1b[99~" * 900 + "cycle\r")   # more than one read takes
        os.kill(r.pid, signal.SIGCONT)
        at = r.hears("Type")
        time.sleep(0.35)                    # the box's own deaf time: it is what is tested
        r.says("c")
        until("the box listens", lambda: r.text()[at:].count("c") > 0)
        check("no verb was asked for", not rig.journals())
    finally:
        r.close()


if __name__ == "__main__":
    main([by_numbers, anyway, typed_ahead, typed_ahead_of_the_box])
