#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""agent-host and its tools, spoken to as an engine speaks: what it refuses, what it
says of an end, and that claude and tools do not end each other."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from test_tools import AGENT, check, living, named, token, wait_for

CLAUDE = """#!/bin/bash
[ "$1" = --version ] && { echo "9.9.9 (Claude Code)"; exit; }
cat runbooks/a.md
%s &
read -r line
"""


class Host:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="bg-host.")
        self.path = self.dir + "/agent.sock"
        with open(self.dir + "/claude", "w") as f:
            f.write(CLAUDE % named(self.dir[-8:] + "-left"))
        os.chmod(self.dir + "/claude", 0o755)
        self.door = socket.socket(socket.AF_UNIX)
        self.door.bind(self.path)
        self.door.listen()
        self.door.settimeout(20)
        self.proc = subprocess.Popen([AGENT + "/agent-host", "--socket", self.path, "--dir", self.dir + "/host",
                                      "--claude", self.dir + "/claude", "--wait"])
        self.peer, self.ends, self.out = None, [], {}

    def welcome(self):
        self.peer = self.door.accept()[0]
        self.peer.settimeout(60)
        self.file = self.peer.makefile("rw")
        check(self.get()["t"] == "hello", "hello")
        self.say("welcome", v=1)
        check(self.get()["t"] == "host", "host")

    def leave(self):
        self.ends, self.out = [], {}
        self.file.close()
        self.peer.close()

    def say(self, t, **m):
        self.file.write(json.dumps(dict(m, t=t)) + "\n")
        self.file.flush()

    def get(self):
        return json.loads(self.file.readline())

    def end(self, tool):
        """tool_end of this tool, and what it put out."""
        while True:
            for m in self.ends:
                if m["tool"] == tool:
                    self.ends.remove(m)
                    return m, self.out.pop((tool, "out"), ""), self.out.pop((tool, "err"), "")
            m = self.get()
            if m["t"] == "tool_output":
                self.out[m["tool"], m["stream"]] = self.out.get((m["tool"], m["stream"]), "") + m["data"]
            elif m["t"] == "tool_end":
                self.ends.append(m)

    def bash(self, tool, command, limit_ms=60000, keep=1 << 30):
        self.say("tool_start", tool=tool, name="Bash", input={"command": command}, limit_ms=limit_ms, keep=keep)

    def close(self):
        self.proc.terminate()
        self.proc.wait(60)
        self.door.close()
        shutil.rmtree(self.dir, ignore_errors=True)


def test_refusals(h):
    ls = {"command": "ls"}
    for i, (members, words) in enumerate((
            ({"name": "Bash", "input": ls, "limit_ms": 0, "keep": 1}, "limit"),
            ({"name": "Bash", "input": ls, "limit_ms": 600001, "keep": 1}, "limit"),
            ({"name": "Bash", "input": ls, "keep": 1}, "limit"),
            ({"name": "Bash", "input": {}, "limit_ms": 9, "keep": 1}, "no such|not know"),
            ({"name": "Bash", "input": {"command": 7}, "limit_ms": 9, "keep": 1}, "no such|not know"),
            ({"name": "Bash", "limit_ms": 9, "keep": 1}, "no such|not know"),
            ({"name": "Write", "input": ls, "limit_ms": 9, "keep": 1}, "no such|not know"),
            ({"limit_ms": 9, "keep": 1}, "no such|not know"))):
        h.say("tool_start", tool=100 + i, **members)
        m = h.end(100 + i)[0]
        check(any(w in m["why"] for w in words.split("|")) and "exit" not in m, members, m)
    for bad in ("tool_start", "tool_stop", "workspace"):
        h.say(bad)
    h.say("tool_stop", tool=4711)
    h.say("workspace", name="../x", off=0, data="x", last=True)
    h.say("workspace", name="runbooks/a.md", off=5, data="x", last=True)
    h.say("workspace", name="runbooks/a.md", off=0, data="x" * 30000, last=False)
    h.say("workspace", name="runbooks/a.md", off=1, data="x", last=True)
    for i in range(9):
        h.bash(i, "sleep 600")
    check("8 tools run already" in h.end(8)[0]["why"], "the ninth")
    for i in range(8):
        h.say("tool_stop", tool=i)
    for i in range(8):
        h.end(i)
    h.bash(20, "ls ..; ls")
    m, out, _ = h.end(20)
    check("x" not in out.split() and "runbooks" not in out, out)


def test_ends(h):
    h.bash(1, "echo one; echo two >&2; exit 7")
    m, out, err = h.end(1)
    check(out == "one\n" and err == "two\n", out, err)
    check(m["exit"] == 7 and m["out"] == 4 and m["err"] == 4 and m["left"] == 0 and not m["timed_out"], m)
    check(0 <= m["ms"] < 10000 and "signal" not in m and "why" not in m, m)
    h.bash(2, "kill -USR1 $$")
    check(h.end(2)[0]["signal"] == signal.SIGUSR1, "signal")
    h.bash(3, "sleep 600", limit_ms=50)
    m = h.end(3)[0]
    check(m["timed_out"] and m["signal"] == 9, m)
    h.bash(4, "yes", keep=100000)
    m, out, _ = h.end(4)
    check(len(out) < 300000 and "longer" in m["why"], m)
    h.bash(5, "setsid -f sleep 600")
    check(h.end(5)[0]["left"] == 1, "left")
    h.bash(6, "printf '\\377'")
    while True:
        m = h.get()
        if m["t"] == "tool_output":
            check(m["data_b64"] == "/w==", m)
            break


def test_claude_and_tools(h):
    t, left = token(), h.dir[-8:] + "-left"
    h.say("workspace", name="runbooks/a.md", off=0, data="# What ", last=False)
    h.say("workspace", name="runbooks/a.md", off=7, data="to do", last=True)
    h.bash(1, "echo changed >runbooks/b; rm -f runbooks/a.md; setsid -f %s; sleep 600" % named(t))
    wait_for("the tool", 10, lambda: living(t))
    h.say("child_start", child=7, session="u", agent="a", agents="{}", tools="Bash")
    text = ""
    while "to do" not in text:  # it is there again for claude
        m = h.get()
        text += m["data"] if m["t"] == "child_output" else ""
    check(text == "# What to do", text)
    wait_for("claude's command", 10, lambda: living(left))
    # claude ends, and what it left; the tool goes on
    h.say("child_input", child=7, data="x\n")
    while h.get()["t"] != "child_exit":
        pass
    wait_for("claude's command ends", 10, lambda: not living(left))
    check(living(t), "the tool was ended with claude")
    h.say("child_start", child=8, session="u", agent="a", agents="{}", tools="Bash")
    wait_for("claude's command", 10, lambda: living(left))
    # the tool ends, and what it left; claude goes on
    h.say("tool_stop", tool=1)
    h.end(1)
    check(not living(t) and living(left), "claude's command was ended with the tool")
    h.bash(2, "kill -9 $PPID")
    h.end(2)
    check(living(left), "claude's command was ended with a warden")
    h.say("child_signal", child=8, signal="KILL")
    while h.get()["t"] != "child_exit":
        pass
    wait_for("claude's command ends", 10, lambda: not living(left))


def test_engine_gone(h):
    t = token()
    h.say("workspace", name="a.md", off=0, data="old", last=True)
    h.bash(1, "setsid -f %s; sleep 600" % named(t))
    wait_for("the tool", 10, lambda: living(t))
    h.leave()
    wait_for("nothing is left", 5, lambda: not living(t))
    h.welcome()
    h.bash(1, "echo again")
    m, out, _ = h.end(1)  # not the end of the old one
    check(out == "again\n" and m["exit"] == 0, m, out)


def main():
    for test in (test_refusals, test_ends, test_claude_and_tools, test_engine_gone):
        h = Host()
        try:
            h.welcome()
            test(h)
            h.leave()
        except BaseException:
            print("FAILED:", test.__name__)
            raise
        finally:
            h.close()
        print(test.__name__, "holds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
