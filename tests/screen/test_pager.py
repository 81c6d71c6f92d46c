#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's pager has the terminal for a while: what happens in that time."""
import json
import os
import re
import shutil
import signal
import socket
import stat
import sys
import tempfile
import termios
import threading

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, HERE + "/../integration"]
from engine_rig import BUILD, LIMIT, Failed, check, children, until  # noqa: E402
from thin_pty import Screen, Thin  # noqa: E402

MAIN = BUILD + "/tests/screen/console-main"
LINES = ["line %03d of what the agent said" % i for i in range(80)]
# Given to a shell: a script that was just written may be busy still, in a child of another test.
PAGER = """#!/bin/sh
# What it was given, then a screen of its own, then a key.
{ echo "$@"; env; ls -l /proc/self/fd/; } > "$HERE/env"
cat > "$HERE/text"
printf '\\033[?1049h\\033[2J\\033[HMYPAGER'
[ -e "$HERE/die" ] && kill -9 $$
read line < /dev/tty
"""


class Engine:
    """Says an answer, and what it is told to."""

    def __init__(self, path):
        self.conns = []
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(path)
        self.server.listen(4)
        self.asked = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            conn, _ = self.server.accept()
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def say(self, conn=None, **fact):
        f = dict(at="2026-01-31T03:12:07.000Z", mono_ms=1, by="agent", seq=0)
        f.update(fact)
        for c in [conn] if conn else self.conns:
            c.sendall(json.dumps(f).encode() + b"\n")

    def serve(self, conn):
        try:
            for line in conn.makefile("rb"):
                m = json.loads(line)
                self.asked.append(m["t"])
                if m["t"] != "hello":
                    continue
                self.say(conn, t="welcome", v=1, version="0.1.0", pid=1, you="anna",
                         incident="2026-01-31-a", started="2026-01-31T03:00:00.000Z")
                self.say(conn, t="text", turn=1, block=0, text="```\n%s\n```" % "\n".join(LINES))
                self.say(conn, t="caught_up", upto=1)
                self.conns.append(conn)
        except OSError:
            pass


class Seat:
    def __init__(self, argv, folder, size="80x24", **env):
        e = {k: v for k, v in os.environ.items() if k not in ("TMUX", "STY", "PAGER", "LESS")}
        e.update(TERM="xterm", LC_ALL="C.UTF-8", HOME=folder, HERE=folder, **env)
        self.line = Thin(argv, env=e, size=size)

    def screen(self):
        s = Screen(self.line.cols, self.line.rows)
        s.feed(bytes(self.line.data))
        return s.text()

    def sees(self, words, limit=LIMIT, gone=False):
        if not self.line.pump(limit, lambda: (words in self.screen()) != gone):
            raise Failed("the screen does not show %r" % words, self.screen())

    def prompts(self, limit=LIMIT):
        """The shell waits for a command: what is typed before that may be lost."""
        if not self.line.pump(limit, lambda: self.screen().split()[-1:] == ["$"]):
            raise Failed("the shell does not wait", self.screen())

    def type(self, text):
        self.line.type(text)


def open_pager(seat):
    seat.sees("line 079")
    seat.sees("say what is wrong")
    seat.type("/view\r")
    seat.sees("MYPAGER")


def state(pid):
    with open("/proc/%d/stat" % pid) as f:
        return f.read().rsplit(")", 1)[1].split()[0]


def console(folder):
    return [MAIN, folder + "/sock"]


def in_the_while(folder, engine):
    """facts are taken, a resize is seen, a key is the pager's, its end is ours; its environment"""
    seat = Seat(console(folder), folder, PAGER="/bin/sh " + folder + "/pager  -x two", LESS="-R",
                LESSOPEN="|/bin/false %s")
    with seat.line:
        open_pager(seat)
        with open(folder + "/text") as f:
            shown = f.read()
        check("it has all of the text", all(x in shown for x in LINES), shown[:300])
        with open(folder + "/env") as f:
            env = f.read()
        check("arguments, with no shell", env.startswith("-x two\n"), env[:40])
        check("secure", "LESSSECURE=1\n" in env and "LESSOPEN" not in env and
              not re.search(r"(?m)^LESS=", env), env)
        check("the text has no name that others can open", "memfd:breakglass-text" in env,
              env[-800:])
        check("no descriptor of ours", "socket:" not in env, env[-800:])
        modes = termios.tcgetattr(seat.line.fd)
        check("the terminal is as it was before us", modes[3] & termios.ICANON, modes)
        engine.say(t="note", text="told in the while")
        seat.line.resize("60x20")
        before = len(seat.line.data)
        seat.line.settle(0.4)
        check("we are silent", len(seat.line.data) == before, bytes(seat.line.data[before:]))
        seat.type("qqq\r")
        seat.sees("told in the while")
        check("no key of it is text here", "qqq" not in seat.screen(), seat.screen())
        check("in the size of now", max(len(x) for x in seat.screen().split("\n")) <= 60,
              seat.screen())
        seat.line.settle()
        seat.type("hello")
        seat.sees("hello")


def killed(folder, engine):
    """a pager that is killed, with its screen still on: ours is whole, and says so"""
    open(folder + "/die", "w").close()
    seat = Seat(console(folder), folder, PAGER="/bin/sh " + folder + "/pager")
    with seat.line:
        seat.sees("line 079")
        seat.type("/view\r")
        seat.sees("ended by a signal")
        seat.sees("MYPAGER", gone=True)


def ctrl_c(folder, engine):
    """Ctrl-C and Ctrl-\\ end the pager: not us, and not the agent's turn"""
    for key in ("\x03", "\x1c"):
        seat = Seat(console(folder), folder, PAGER="/bin/sh " + folder + "/pager")
        with seat.line:
            open_pager(seat)
            seat.type(key)
            seat.sees("ended by a signal")
            check("nothing was cancelled", "cancel" not in engine.asked, engine.asked)


def stopped(folder, engine):
    """Ctrl-Z in the pager stops the job, fg brings the pager back, then us"""
    seat = Seat(["bash", "--norc", "--noprofile", "-i"], folder, PAGER="/bin/sh " + folder + "/pager", PS1="$ ")
    with seat.line:
        seat.sees("$")
        seat.type("%s %s/sock\r" % (MAIN, folder))
        open_pager(seat)
        seat.type("\x1a")
        seat.sees("Stopped")
        # a reader that is to stop, and has not run since, still takes a byte that comes
        until("console and pager are stopped", lambda: seat.line.pump(0.02) or all(
            state(p) == "T" for p in children(seat.line.pid)))
        seat.prompts()
        seat.type("echo a shell $((1+1))\r")
        seat.sees("a shell 2")
        seat.type("fg\r")
        seat.line.pump(0.2)
        seat.type("\r")
        seat.sees("say what is wrong")
        seat.line.pump(0.3)
        seat.type("\x1b[21~")
        seat.sees("Detached")


def hung_up(folder, engine):
    """a console that is ended ends its pager, and gives the terminal back"""
    seat = Seat(console(folder), folder, PAGER="/bin/sh " + folder + "/pager")
    with seat.line:
        open_pager(seat)
        pids = children(seat.line.pid)
        check("the pager is a child", len(pids) == 1, pids)
        os.kill(seat.line.pid, signal.SIGTERM)
        until("it ends", lambda: seat.line.pump(0.02) or seat.line.exited() is not None)
        check("by that signal", seat.line.exited() == 128 + signal.SIGTERM, seat.line.exited())
        check("with its pager", not os.path.exists("/proc/%d" % pids[0]))
        check("the other screen is left", b"\x1b[?1049l" in seat.line.data[-200:],
              bytes(seat.line.data[-200:]))


def nobody_to_wake_us(folder, engine):
    """Ctrl-Z where no shell has jobs (kubectl exec): the console goes on"""
    seat = Seat(console(folder), folder)
    with seat.line:
        seat.sees("say what is wrong")
        seat.type("\x1a")
        seat.line.settle()
        seat.type("still here")
        seat.sees("still here")


def main():
    if not os.path.exists(MAIN):
        print("no %s: run make check" % MAIN)
        return 99
    failed = []

    def run(test):
        folder = tempfile.mkdtemp(prefix="bgpager.")
        why = ""
        try:
            with open(folder + "/pager", "w") as f:
                f.write(PAGER)
            os.chmod(folder + "/pager", stat.S_IRWXU)
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
    tests = [t for t in (in_the_while, killed, ctrl_c, stopped, hung_up, nobody_to_wake_us)
             if not sys.argv[1:] or t.__name__ in sys.argv[1:]]
    threads = [threading.Thread(target=run, args=(t,)) for t in tests]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
