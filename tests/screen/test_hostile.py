#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host, a model, a file name or a colleague says never reaches the terminal as a
control sequence: every fact that has words is given those of hostile-terminal.jsonl, in
every view, and every byte of the console goes through a terminal that takes nothing but
curses' own sequences.  BG_LONG=1: cut at every place, each case in every field."""
import base64
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, HERE + "/../integration"]
from engine_rig import BUILD, LIMIT, SRC, Failed, check, until  # noqa: E402
from terminal import Forbidden, Terminal  # noqa: E402
from thin_pty import Thin  # noqa: E402

MAIN = BUILD + "/tests/screen/console-main"
CONSOLE = BUILD + "/src/console/console"
LONG = bool(os.environ.get("BG_LONG"))
BYTES_MAX = 300000 if LONG else 3000    # of one case
OSC52 = re.compile(rb"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07")


def cases():
    rows = []
    with open(SRC + "/tests/fixtures/hostile-terminal.jsonl") as f:
        for line in f:
            r = json.loads(line)
            raw = bytes.fromhex(r.get("prefix_hex", "")) + bytes.fromhex(r.get("hex", "")) * \
                r.get("repeat", 1) + bytes.fromhex(r.get("suffix_hex", ""))
            if len(raw) <= BYTES_MAX:
                rows.append((r["id"], raw))
            elif LONG:
                rows.append((r["id"], raw[:BYTES_MAX]))
    return rows


CASES = cases()


def text(n):
    """A case as JSON can say it; bytes that are no UTF-8 are C1 controls every other time."""
    raw = CASES[n % len(CASES)][1].replace(b"\0", b"")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1" if n % 2 else "utf-8", "replace" if n % 2 == 0 else "strict")


# --- facts ---

class Story:
    """Facts, the journaled ones with numbers."""

    def __init__(self):
        self.facts, self.seq, self.mono = [], 0, 500000

    def say(self, t, journaled=True, **members):
        f = dict(t=t, by=members.pop("by", "engine"), at="2026-01-31T03:12:07.000Z",
                 mono_ms=self.mono, **members)
        self.mono += 5
        if journaled:
            self.seq += 1
        f["seq"] = self.seq if journaled else 0
        self.facts.append(f)

    def journal(self):
        return [f for f in self.facts if f["seq"]]


def cuts(raw):
    """Where a case is cut in two."""
    if LONG and len(raw) < 200:
        return range(1, len(raw) + 1)
    return sorted({1, 2, len(raw) // 2, len(raw) - 1} & set(range(1, len(raw)))) or [len(raw)]


def output(s):
    """Every case as output of a run, cut in two, in both streams; the run is new now and then."""
    off, run = {"out": 0, "err": 0}, 0
    for n, (_, raw) in enumerate(CASES):
        if n % 12 == 0:
            if run:
                s.say("tool_end", id="r%d" % run, exit=n % 3, ms=1, out=off["out"], err=off["err"])
            run += 1
            off = {"out": 0, "err": 0}
            s.say("tool", id="r%d" % run, asked="agent", host="devvm", what="cat " + text(n))
        for k in cuts(raw):
            stream = "err" if (n + k) % 3 == 0 else "out"
            for piece in (raw[:k], raw[k:] + b"\n"):
                s.say("output", id="r%d" % run, stream=stream, off=off[stream], len=len(piece),
                      data_b64=base64.b64encode(piece).decode())
                off[stream] += len(piece)
    s.say("tool_end", id="r%d" % run, failed=text(3), ms=1, out=off["out"], err=off["err"])


def chat(s):
    """Every case as the model's words, while they come and when they are there."""
    for n, (name, _) in enumerate(CASES):
        words = text(n)
        for block, k in enumerate(cuts(words) if LONG else [max(len(words) // 2, 1)]):
            at = n * 1000 + block
            s.say("delta", False, by="agent", turn=1, block=at, off=0, text=words[:k])
            s.say("delta", False, by="agent", turn=1, block=at, off=len(words[:k].encode()),
                  text=words[k:])
            form = ("# %s", "| a | %s |\n|---|---|\n| %s | b |", "```sh\n%s\n```", "- %s", "> %s",
                    "%s", "[%s](http://x/%s)", "`%s` **%s**")[n % 8]
            said = form.replace("%s", "\0").replace("\0", words)
            s.say("text", by="agent", turn=1, block=at, text=said, thinking=n % 5 == 0)
        if n % 10 == 0:
            s.say("note", by=text(n)[:30], text=words)
            s.say("prompt", by=text(n + 1)[:30], turn=n + 2, text=words, state="started")


def fields(s, n, ours=True):
    """One case after the other in all other words that an engine says; ours: we drive."""
    def x(limit=None):
        nonlocal n
        n += 1
        return text(n)[:limit]
    s.say("error", where=x(40), text=x(), todo=x())
    s.say("state", False, what="vm", status=x(30), qmp=x(10), lock=x(), job=x(), checked=s.mono,
          host_program="old", host_todo=x(), ha=x(),
          staged=[{"key": x(), "from": x(), "to": x()} for _ in range(3)])
    s.say("state", False, what="link", host="pve", state="down", why=x(), todo=x(), since=s.mono,
          step=x(), key="changed", fingerprint=x())
    s.say("state", False, what="link", host="devvm", state="refused", why=x(), todo=x(),
          since=s.mono)
    s.say("state", False, what="agent", state="working", driver=x(10), model=x(), endpoint=x(),
          route=x(), why=x(), todo=x(), progress=x(), turn=1)
    s.say("state", False, what="slot", holder=x(), verb=x(), since=s.mono)
    s.say("state", False, what="journal", state="memory", path=x(), why=x(), todo=x())
    s.say("state", False, what="runbooks", runbooks=[
        dict(name=x(20), title=x(), description=x(), own=True) for _ in range(4)],
        bad=[dict(file=x(), line=3, why=x())])
    s.say("state", False, what="left", runs=[dict(id="r1", host="devvm", what=x(), state="running",
                                                  why=x())])
    s.say("state", False, what="here", operators=[
        dict(name=x() if i or not ours else "anna", tty=x(), proof=x(), driving=i == 0,
             since="2026-01-31T03:12:07.000Z") for i in range(3)])
    s.say("state", False, what="unfinished", verb="cycle", who=x(), when=x(), outcome=x(), now=x(),
          text=x(), key="start")
    s.say("state", False, what="autonomy", level=x(), text=x(), runs=[x(10)])
    s.say("state", what="screen", id="v1", kind="text", lines=[x(), x(), x()], above=[x()],
          matters=[dict(row=1, says=x())], says=x(), checked=s.mono)
    s.say("state", what="proof", when="after", verb="cycle", ms=9000, done=True, end="healthy",
          rungs=[dict(rung=x(10), ok=True, ms=5)], text=x(),
          table=[dict(what=x(), before=x(), after=x(), ok=False) for _ in range(3)])
    s.say("verdict", word=x(20), advice="cycle", why=x(), todo=x(), checked=s.mono, id=x(10),
          evidence=["host: " + x(), "devvm: " + x(), x()], **{"not": [dict(verb="reset", why=x())]})
    s.say("operator", name=x(), state="attached" if ours else "driving", why=x(), tty=x(), proof=x())
    s.say("session", session=x(), model=x(), driver=x(), endpoint=x(), version=x())
    s.say("verb", id="v%d" % n, verb="cycle", asked="operator", state="refused", why=x())
    s.say("verb", id="v%d" % n, verb="reset", asked="agent", state="finished", exit=1, ms=5,
          result=x())
    s.say("result", turn=1, stop=x(), driver=x(), endpoint=x(), ms=5, cost_usd=0.1)
    s.say("cancelled", turn=1, by=x(), text=x(), runs=[x(8)])
    s.say("ask", id="q%d" % n, kind="devvm", text=x(), host=x(10), command=x(), asked="agent",
          ms=100000)
    s.say("answered", id="q%d" % n, yes=False, why=x(), by=x())
    return n


# --- an engine that says them ---

class Engine:
    """Says the first part when a console comes, then a part for each note that it sends."""

    def __init__(self, path, parts):
        self.parts = parts
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(path)
        self.server.listen(4)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                conn, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def serve(self, conn):
        parts = list(self.parts)

        def send(*facts):
            conn.sendall(b"".join(json.dumps(f).encode() + b"\n" for f in facts))
        with conn, conn.makefile("rb") as lines:
            try:
                for line in lines:
                    t = json.loads(line)["t"]
                    if t == "hello":
                        send(dict(t="welcome", v=1, version=text(5), pid=1, incident="2026-01-31-a",
                                  started="2026-01-31T03:00:00.000Z", mono_ms=1, seq=0, you="anna"))
                        send(*parts.pop(0))
                        send(dict(t="caught_up", seq=0, upto=1, mono_ms=1))
                    elif t == "note" and parts:
                        send(*parts.pop(0))
                        send(dict(t="note", seq=0, by="engine", at="2026-01-31T03:12:07.000Z",
                                  mono_ms=1, text="PART%d" % len(parts)))
            except OSError:
                pass


class Seat:
    def __init__(self, argv, size="80x24", term="xterm-256color"):
        env = dict(os.environ, TERM=term, LC_ALL="C.UTF-8", TZ="UTC", HOME="/nonexistent")
        for name in ("TMUX", "STY", "NO_COLOR"):
            env.pop(name, None)
        self.line = Thin(argv, env=env, size=size)
        self.term = Terminal(self.line.cols, self.line.rows, term)
        self.fed, self.copied, self.pictures, self.held = 0, [], [], b""
        self.may_copy = False           # the operator has asked for it

    def look(self):
        data = self.held + bytes(self.line.data[self.fed:])
        self.fed, self.held = len(self.line.data), b""
        begun = data.rfind(b"\x1b]")
        if begun >= 0 and b"\x07" not in data[begun:] and b"\x1b]52;c;".startswith(
                data[begun:begun + 7]):
            self.held, data = data[begun:], data[:begun]    # the rest is on its way
        if OSC52.search(data) and not self.may_copy:
            raise Forbidden("a clipboard sequence: %r" % data[-200:])
        for m in OSC52.finditer(data):
            self.copied.append(base64.b64decode(m.group(1)).decode())
        self.term.feed(OSC52.sub(b"", data) if self.copied else data)

    def pump(self, seconds, until=None):
        def one():
            if len(self.line.data) > self.fed:
                self.look()
            return until() if until else False
        return self.line.pump(seconds, one)

    def sees(self, words, limit=LIMIT):
        if not self.pump(limit, lambda: words in self.term.text()):
            raise Failed("the screen does not show %r" % words, self.term.text())

    def key(self, keys, limit=0.4):
        """Types it; false: the picture stays as it is."""
        picture = self.term.text()
        self.line.type(keys)
        self.pump(LIMIT, self.line.heard)
        if not self.pump(limit, lambda: self.term.text() != picture):
            return False
        while True:
            at = self.fed
            if not self.pump(0.03, lambda: self.fed > at):
                self.pictures.append(self.term.text())
                return True

    def saw(self, *words):
        for w in words:
            check("it has shown %r" % w, any(w in p for p in self.pictures), len(self.pictures))


PGUP, F1, F7, ESC = "\x1b[5~", "\x1b[11~", "\x1b[18~", "\x1b"


def to_the_top(seat, most=400):
    for _ in range(most):
        if not seat.key(PGUP):
            return


def every_view(seat):
    """All that can be opened, while hostile words stand in it."""
    for keys in (F1, PGUP, ESC, "/verdict\r", "\x1b[6~", ESC, "/who\r", ESC, "/", "\x7f",
                 "/runbook \t", "\x15", "/offline \t", "\x15", "/agent\r",
                 F7, "no\r", "/accept pve\r", "no\r", "\x1b[17~", ESC, "/answer\r", ESC):
        seat.key(keys)
        seat.key("", 0.02)
    seat.key(ESC, 0.4)
    seat.key("\x15")


def browsing(seat):
    seat.key("\x14")
    for keys in ("/", "a", "\r", "n", "N", "g", "m", "j", "j", "y", "G", "\r", "f", "e", "E", "?",
                 ESC, "\t", "y", "z", "z", "+", "-", "="):
        seat.may_copy |= keys == "y"
        seat.key(keys)
    seat.key("\x14")
    seat.may_copy = False


def leave(seat):
    seat.key(ESC, 0.2)
    seat.line.type("\x15\x1b[21~")
    until("it ends", lambda: seat.pump(0.02) or seat.line.exited() is not None)
    check("it leaves with 0", seat.line.exited() == 0, seat.line.exited(), seat.term.text())


def plain(what, data):
    """Of linear output: no control at all but line ends."""
    t = Terminal()
    t.wrap = True
    for c in data.decode():
        if c not in "\n\r":
            t.plain(c, what + ": " + c)


# --- the tests ---

def panes(folder):
    """output and answers, in the panes and in browse mode"""
    s = Story()
    output(s)
    chat(s)
    s.say("note", text="THE END")
    Engine(folder + "/sock", [s.facts])
    with_size = ["120x50"] + (["80x24"] if LONG else [])
    for size in with_size:
        seat = Seat([MAIN, folder + "/sock"], size)
        with seat.line:
            seat.sees("THE END")
            seat.key("\x0f")
            to_the_top(seat)
            seat.key("\t")
            to_the_top(seat)
            browsing(seat)
            check("something was copied", seat.copied)
            seat.saw("▸ chat", "▸ tools", "match ")
            if not LONG:
                seat.saw("KILL SWITCH")
            check("pages were turned", len(seat.pictures) > 30, len(seat.pictures))
            for t in seat.copied:
                plain("copied", t.replace("\t", " ").encode())
            leave(seat)


def views(folder):
    """every other word of an engine, in every view"""
    parts, n = [], 0
    s = Story()
    s.say("tool", id="r1", asked="agent", host="devvm", what=text(7))
    steps = len(CASES) if LONG else 2
    for i in range(steps + 1):
        fields(s, i if LONG else i * len(CASES) // steps, i % 4 != 3 and i != steps)
        parts.append(s.facts)
        s.facts = []
    Engine(folder + "/sock", parts)
    for size in (["80x24", "40x15"] if LONG else ["80x24"]):
        seat = Seat([MAIN, folder + "/sock"], size)
        with seat.line:
            seat.pump(LIMIT, lambda: "anna" in seat.term.text() or "VM" in seat.term.text())
            every_view(seat)
            for i in range(steps):
                seat.key("/note on\r")
                seat.pump(0.2)
                if i % 8 == 0 or not LONG:
                    every_view(seat)
            to_the_top(seat, 20)
            seat.saw("help", "verdict - Esc closes", "cycle VM 102?", "who is here")
            leave(seat)


def line_by_line(folder):
    """the same without a screen"""
    s = Story()
    output(s)
    chat(s)
    n = 0
    for _ in range(len(CASES) if LONG else 3):
        n = fields(s, n)
    s.say("note", text="THE END")
    Engine(folder + "/sock", [s.facts])
    p = subprocess.Popen([MAIN, folder + "/sock", "--linear"], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    p.stdin.write(b"/verdict\n/who\n/help\n/cycle\nno\n/accept pve\nno\n/runbook\n/find a\n/1\n")
    p.stdin.flush()
    heard = b""
    while b"THE END" not in heard:
        piece = os.read(p.stdout.fileno(), 65536)
        check("it goes on", piece, heard[-500:])
        heard += piece
    heard += p.communicate(b"/verdict\n/who\n/status\n/detach\n", timeout=60)[0]
    plain("linear", heard)


def replayed(folder):
    """a journal of it, on the screen, line by line and as a film"""
    s = Story()
    s.say("incident", state="opened", id="20260131T031201Z-9f3c", v=2)
    output(s)
    chat(s)
    n = 0
    for _ in range(len(CASES) if LONG else 3):
        n = fields(s, n)
    path = folder + "/20260131T031201Z-9f3c.jsonl"
    with open(path, "w") as f:
        for fact in s.journal():
            f.write(json.dumps(fact, separators=(",", ":")) + "\n")
    seat = Seat([CONSOLE, "--replay", path, "--speed", "instant"], "80x24")
    with seat.line:
        seat.sees("END")
        for keys in ("v", ESC, "\x1b[H", "n", "n", "n", "n", "p", "\x1b[F", "/a\r", "f", "f", "b"):
            seat.key(keys)
        to_the_top(seat, 400 if LONG else 8)
        seat.key("\t")
        to_the_top(seat, 400 if LONG else 8)
        leave(seat)
    plain("replay", subprocess.run([CONSOLE, "--replay", path, "--linear"], capture_output=True,
                                   stdin=subprocess.DEVNULL, check=True).stdout)
    subprocess.run([CONSOLE, "--replay", path, "--cast", folder + "/cast"], check=True)
    film = Terminal(100, 30)
    with open(folder + "/cast") as f:
        head = json.loads(f.readline())
        film = Terminal(head["width"], head["height"])
        for line in f:
            at, kind, data = json.loads(line)
            film.feed(data.encode())


def main():
    if not os.path.exists(MAIN):
        print("no %s: run make check" % MAIN)
        return 99
    failed = 0
    lock = threading.Lock()

    def run(test):
        nonlocal failed
        folder = tempfile.mkdtemp(prefix="bghostile.")
        word, why = "ok", ""
        try:
            test(folder)
        except (Failed, Forbidden) as e:
            word, why = "FAILED", "\n".join(str(a) for a in e.args)
        except Exception:
            import traceback
            word, why = "FAILED", traceback.format_exc()
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        with lock:
            failed += word != "ok"
            print("%s - %s %s" % (word, test.__doc__, why), flush=True)
    tests = [t for t in (panes, views, line_by_line, replayed)
             if not sys.argv[1:] or t.__name__ in sys.argv[1:]]
    threads = [threading.Thread(target=run, args=(t,)) for t in tests]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
