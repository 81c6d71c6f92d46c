#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A replay beside what was replayed: its end is the screen that an operator had."""
import json
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import BUILD, Failed, Skip, check, main, until, with_rig  # noqa: E402

CONSOLE = BUILD + "/src/console/console"
COLS, ROWS = 240, 250           # next to nothing of this night is scrolled away
TOUCHES = re.compile(r"\x1b\[[0-9;]*[mHJ]|\x1b\[\?25l")


class Screens:
    """A tmux server of its own; each session is one program in a terminal."""

    def __init__(self, rig):
        self.rig = rig
        self.tmux = [shutil.which("tmux"), "-S", rig.dir + "/tmux", "-f", "/dev/null"]
        if not self.tmux[0]:
            raise Skip("tmux is not installed")

    def run(self, name, *command, cols=COLS, rows=ROWS):
        env = dict(self.rig.env, TERM="xterm-256color")
        subprocess.run(self.tmux + ["new-session", "-d", "-x", str(cols), "-y", str(rows),
                                    "-s", name, "sh", "-c",
                                    '"$@"; echo left with $?; exec cat', "sh", *command],
                       env=env, check=True)

    def text(self, name):
        return subprocess.run(self.tmux + ["capture-pane", "-p", "-t", "=%s:" % name],
                              capture_output=True, text=True).stdout.split("\n")

    def keys(self, name, *keys):
        subprocess.run(self.tmux + ["send-keys", "-t", "=%s:" % name, *keys], check=True)

    def shows(self, name, word):
        try:
            until("%s shows %r" % (name, word),
                  lambda: any(word in line for line in self.text(name)))
        except Exception as e:
            e.args += ("\n".join(line for line in self.text(name) if line),)
            raise

    def close(self):
        subprocess.run(self.tmux + ["kill-server"], stderr=subprocess.DEVNULL)


def panes(lines):
    """The text of both panes, without the lines around them and what time alone changes."""
    top = [i for i, line in enumerate(lines) if re.match(r"^[─━] (▸ )?chat", line)][0]
    border = lines[top].find("┬")       # it comes behind the words
    if border < 0:
        return [], []
    rows, out = lines[top + 1:-3], []
    for part in [line[:border] for line in rows], [line[border + 1:] for line in rows]:
        text = [re.sub(r"\((now|\d+ \S+ ago)\)", "(age)", line).rstrip() for line in part]
        out.append([t for t in text if t and "say what is wrong" not in t])
    return out


def same(a, b):
    """From the end: a pane of one line more may show one more at its top."""
    n = min(len(a), len(b))
    return n > 5 and a[-n:] == b[-n:]


def status(line):
    return re.sub(r"\((now|\d+ \S+ ago)\)", "(age)", line).strip()


def a_night(rig):
    """A case with looks, a cycle and its proof; returns a peer that saw it."""
    rig.start()
    p = rig.console("ann")
    rig.links_up(p)
    p.ask(t="note", text="the devvm hangs: what is wrong?")
    v = rig.verb(p, "forensics")
    p.expect(t="verb", id=v, state="finished")
    v = rig.verb(p, "cycle")
    p.expect(t="verb", id=v, state="finished")
    p.expect(t="state", what="proof", done=True)
    rig.slot_is_free(p)
    p.ask(t="note", text="back at work")
    p.expect(t="note", text="back at work")
    return p


@with_rig()
def end_of_a_replay(rig):
    """the end of a replay shows what the live console shows; nothing is written or asked"""
    s = Screens(rig)
    try:
        a_night(rig)
        s.run("live", CONSOLE, "--socket", rig.socket, "--name", "zoe")
        s.shows("live", "back at work")
        s.shows("live", "zoe attached")
        journal = rig.journals()[-1]
        rig.engines[-1].kill()
        rig.engines[-1].wait()
        with open(journal, "rb") as f:
            before = f.read()
        s.run("again", CONSOLE, "--replay", journal, "--speed", "instant")
        s.shows("again", "zoe attached")
        # the live one has lost its engine by now, and says so above the panes
        try:
            until("the same in both panes", lambda: all(
                same(a, b) for a, b in zip(panes(s.text("live")), panes(s.text("again")))))
        except Failed as e:
            e.args += tuple("\n".join(x[-40:]) for name in ("live", "again")
                            for x in panes(s.text(name)))
            raise
        live, again = s.text("live"), s.text("again")
        # what was true before the incident was opened is not in its journal
        check("the VM and the verdict on the status line",
              status(live[0]).split(" │ ")[:2] == status(again[1]).split(" │ ")[:2],
              live[0], again[1])
        check("it says what it is", "REPLAY" in again[0], again[0])
        for key in ("F2", "F7", "F9", "F8"):
            s.keys("again", key)
            s.shows("again", "REPLAY, nothing is sent")
        s.keys("again", "q")
        s.shows("again", "left with 0")
        with open(journal, "rb") as f:
            check("the journal is as it was", f.read() == before)
        cast(rig, s, journal)
    finally:
        s.close()


def cast(rig, s, journal):
    """The recording of it, fed to a real terminal."""
    out = rig.dir + "/night.cast"
    subprocess.run([CONSOLE, "--replay", journal, "--cast", out, "--size",
                    "%dx%d" % (COLS, ROWS)], env=rig.env, check=True, timeout=60)
    with open(out) as f:
        head = json.loads(f.readline())
        events = [json.loads(line) for line in f]
    check("the head", (head["version"], head["width"], head["height"]) == (2, COLS, ROWS), head)
    times = [e[0] for e in events]
    check("in order, no pause over 2 s", times == sorted(times) and all(
        b - a <= 2.05 for a, b in zip(times, times[1:])), times)
    data = "".join(e[2] for e in events)
    rest = TOUCHES.sub("", data)
    check("no sequence but ours", "\x1b" not in rest and not [
        c for c in rest if ord(c) < 32 or 127 <= ord(c) < 160], rest[:200])
    with open(rig.dir + "/data", "w") as f:
        f.write(data)
    s.run("cast", "sh", "-c", "stty raw -echo; cat %s/data; exec cat" % rig.dir)
    s.run("last", CONSOLE, "--replay", journal, "--speed", "instant")
    for name in ("cast", "last"):
        s.shows(name, "LIVE END")
        s.shows(name, "zoe attached")
    try:
        until("the recording ends with the replay's last screen",
              lambda: s.text("cast") == s.text("last"))
    except Failed as e:
        e.args += tuple("%r\n    %r" % x for x in zip(s.text("cast"), s.text("last"))
                        if x[0] != x[1])
        raise


if __name__ == "__main__":
    main([end_of_a_replay])
