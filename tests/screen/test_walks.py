#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three walks of docs/walks.md, made: a newcomer, a wedged VM, and no manual.

Real engine, real console in a real terminal (tmux), the host program with a fake
QEMU that is stopped: its QMP hangs.  Each step is a picture that must come and the
keys that it tells to press.  WALKS=DIR in the environment writes the pictures there.
"""
import os
import re
import shutil
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + "/../integration")
from engine_rig import BUILD, LIMIT, Failed, Skip, check, main, until, with_rig  # noqa: E402
from pace import Watch  # noqa: E402


COLOUR = re.compile("\x1b\\[[0-9;]*[34][0-8]m|\x1b\\[[0-9;]*(9|10)[0-7]m")


class Walk:
    """A terminal, as somebody sees it and types on it."""

    def __init__(self, rig, name, cols, rows, args=(), **env):
        if not shutil.which("tmux"):
            raise Skip("tmux is not installed")
        self.rig, self.name, self.cols, self.rows = rig, name, cols, rows
        self.sock = rig.dir + "/tmux"
        self.steps = 0
        more = dict(env)
        self.plain = "NO_COLOR" in env
        term = more.pop("TERM")
        words = ["%s=%s" % kv for kv in {**rig.env, **more}.items()]
        self.T("new-session", "-d", "-x", str(cols), "-y", str(rows), "-s", "w",
               "env", "-i", "TERM=" + term, *words, BUILD + "/src/console/console",
               "--socket", rig.socket, "--name", "newcomer", *args)

    def T(self, *args):
        return subprocess.run(["tmux", "-S", self.sock, "-f", "/dev/null", *args],
                              capture_output=True, text=True, timeout=60,
                              env=dict(PATH="/usr/bin:/bin", LC_ALL="C.UTF-8", HOME=self.rig.dir,
                                       TERM="xterm-256color")).stdout

    def screen(self):
        return self.T("capture-pane", "-p", "-t", "=w:")

    def sees(self, *texts, limit=LIMIT, or_else=None, watch=None):
        """The picture comes to show all of these, or the other one where many share the machine."""
        def all_there():
            flat = " ".join(self.screen().replace("│", " ").split())
            return all(t in flat for t in texts) or \
                or_else and or_else in flat and watch.pace() > 2
        what = "the screen shows %s" % (texts,)
        if or_else:
            what += ", or at a pace over 2 %r" % or_else
        try:
            until(what, all_there, limit)
        except Failed as e:
            e.args += (self.screen(),)
            raise
        text = self.screen()
        if self.plain:
            coloured = self.T("capture-pane", "-p", "-e", "-t", "=w:")
            check("no colour is in it", not COLOUR.search(coloured), repr(coloured)[:400])
        wide = [line for line in text.split("\n") if len(line) > self.cols]
        check("no line is wider than the screen", not wide, wide)
        self.steps += 1
        if os.environ.get("WALKS"):
            with open("%s/%s-%d.screen" % (os.environ["WALKS"], self.name, self.steps),
                      "w") as f:
                f.write(text)
        return text

    def keys(self, *keys):
        self.T("send-keys", "-t", "=w:", *keys)

    def close(self):
        self.T("kill-server")


def wedge(rig):
    os.kill(rig.pve.vm_pid(), signal.SIGSTOP)
    return rig.pve.vm_pid()


def walk(rig, name, cols, rows, key, label, **env):
    old = wedge(rig)
    rig.start()
    w = Walk(rig, name, cols, rows, **env)
    try:
        # 1. what is wrong, and the key for it: nothing was pressed yet
        w.sees("hung", "press", label)
        check("looking has changed nothing", rig.pve.vm_pid() == old and
              rig.pve.calls("stop") == 0 and rig.pve.calls("start") == 1)
        # 2. the key only opens its box
        w.keys(*key)
        w.sees("cycle VM 102?", "the verdict advises this", "Type cycle and Enter:")
        check("the key alone did nothing", rig.pve.vm_pid() == old)
        # 3. the word and Enter
        until("the box listens", lambda: type_word(w, "cycle"))
        w.sees("Type cycle and Enter: cycle")
        watch = Watch()
        w.keys("Enter")
        # 4. and the proof, by itself
        w.sees("verdict: healthy", or_else="verdict: crawling", watch=watch)
        top = w.screen().split("\n")[0]
        check("one glance: it runs, and is healthy", "VM 102 running" in top and
              ("healthy" in top or "crawling" in top and watch.pace() > 2), top, watch.pace())
        check("another QEMU runs", rig.pve.vm_runs() and rig.pve.vm_pid() != old)
        check("it was sent once", [r["verb"] for r in rig.journal() if r["t"] == "verb" and
                                   r["state"] == "sent"] == ["cycle"])
        # 5. leaving is safe
        w.keys("C-d")
        until("it has left", lambda: "no server" in subprocess.run(
            ["tmux", "-S", w.sock, "ls"], capture_output=True, text=True).stderr)
    finally:
        w.close()


def type_word(w, word):
    """A box is deaf for its first 300 ms: what is typed then is not in it."""
    w.keys(word[0])
    shown = "Type cycle and Enter: " + word[0]
    try:
        until("the letter", lambda: shown in w.screen(), 0.4)
    except Failed:
        return False
    w.keys(*word[1:])
    return True


@with_rig(agent_driver="runbook")
def never_seen_the_tool(rig):
    """walk a: 80x24, colours, F-keys"""
    walk(rig, "a", 80, 24, ["F7"], "F7 cycle", TERM="xterm-256color")


@with_rig(agent_driver="runbook")
def without_colours(rig):
    """walk b: NO_COLOR, a vt100"""
    walk(rig, "b", 80, 24, ["Escape", "7"], "Esc 7", TERM="vt100", NO_COLOR="1")


@with_rig(agent_driver="runbook")
def a_phone(rig):
    """walk c: 40 columns, no F-keys"""
    walk(rig, "c", 40, 15, ["Escape", "7"], "Esc 7", TERM="xterm")


if __name__ == "__main__":
    main([never_seen_the_tool, without_colours, a_phone])
