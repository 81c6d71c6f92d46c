#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The four tools: the real tools.c, agent_side.c, agent-host, launcher and shim.

Nothing that a tool starts outlives it, however it detaches itself and whoever is
killed; no output grows memory; no file outside of the working folder is read.
"""
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from pace import Watch as Pace

BUILD = os.path.abspath(os.environ.get("abs_builddir") or os.environ.get("builddir") or ".")
AGENT = os.path.join(BUILD, "src/agent")
RIG = os.path.join(BUILD, "tests/fakes/tools-rig")
SANITIZED = b"__asan_init" in open(RIG, "rb").read() if os.path.exists(RIG) else False
tokens = 0
BEGAN = Pace()


def check(ok, *words):
    if not ok:
        raise AssertionError(" ".join(str(w) for w in words))


def wait_for(what, seconds, test):
    seconds *= 6                        # a busy machine has its time, too
    end = time.monotonic() + seconds
    while not test():
        check(time.monotonic() < end, "not within", seconds, "s:", what)
        time.sleep(0.01)


def soon(e, what):
    """It was stopped within 250 ms, on a machine that has time."""
    check(e.get("stop_ms", 0) < 250 * max(BEGAN.pace(), Pace().pace()), what, "was stopped after", e.get("stop_ms"))


def token():
    """A name that a process of a test runs under, to be looked for."""
    global tokens
    tokens += 1
    return "bg-tool-%d-%d" % (os.getpid(), tokens)


def named(word):
    """A command that runs for ten minutes under this name."""
    return "bash -c 'exec -a %s sleep 600'" % word


def living(word):
    found = []
    for pid in os.listdir("/proc"):
        if pid.isdigit():
            try:
                line = open("/proc/%s/cmdline" % pid, "rb").read()
                state = open("/proc/%s/stat" % pid).read().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if line.startswith(word.encode() + b"\0") and state not in "ZX":
                found.append(int(pid))
    return found


def rss_kb(pid):
    for line in open("/proc/%d/status" % pid):
        if line.startswith("VmRSS"):
            return int(line.split()[1])


class Rig:
    def __init__(self, libexec=AGENT):
        self.dir = tempfile.mkdtemp(prefix="bg-tools.")
        self.log = os.path.join(self.dir, "log")
        self.proc = subprocess.Popen(
            [RIG, os.path.join(self.dir, "run"), libexec], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env=dict(os.environ, RIG_LOG=self.log))
        self.work = os.path.join(self.dir, "run/agent-host/work")
        self.events, self.buf = [], b""
        self.event(lambda e: e["ev"] == "ready")

    def close(self):
        if self.proc.poll() is None:
            try:
                self.say("quit")
                self.proc.wait(60)
                check(self.proc.returncode == 0, "the rig ended with", self.proc.returncode)
            finally:
                self.proc.kill()
                self.proc.wait()
        self.proc.stdin.close()
        self.proc.stdout.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def say(self, line):
        self.proc.stdin.write(line.encode() + b"\n")
        self.proc.stdin.flush()

    def read(self, seconds):
        if not select.select([self.proc.stdout], [], [], seconds)[0]:
            return False
        data = os.read(self.proc.stdout.fileno(), 1 << 20)
        check(data, "the rig is gone")
        self.buf += data
        *lines, self.buf = self.buf.split(b"\n")
        self.events += [json.loads(line) for line in lines]
        return True

    def event(self, test, seconds=120):
        """The first event that fits; those before it stay."""
        end, at = time.monotonic() + seconds, 0
        while True:
            for i in range(at, len(self.events)):
                if test(self.events[i]):
                    return self.events[i]
            at = len(self.events)
            left = end - time.monotonic()
            if left <= 0:
                log = open(self.log).read()[-2000:] if os.path.exists(self.log) else ""
                raise AssertionError("no such event; the last: %s %s" % (self.events[-3:], log))
            self.read(left)

    def start(self, name, **members):
        return self.start_raw(name, json.dumps(members))

    def start_raw(self, name, text):
        n = sum(e["ev"] == "started" for e in self.events)
        self.say("start %s %s" % (name, text))
        while sum(e["ev"] == "started" for e in self.events) <= n:
            check(self.read(20), "not started")
        return [e for e in self.events if e["ev"] == "started"][n]["tool"]

    def end(self, tool, seconds=20):
        return self.event(lambda e: e["ev"] == "end" and e["tool"] == tool, seconds)

    def run(self, name, **members):
        return self.end(self.start(name, **members))

    def body(self, e):
        """What stands between the lines of ours."""
        lines = e["text"].split("\n")
        tag = lines[0].split()[1].rstrip(">")
        check(lines[-1] == "</breakglass-output %s>" % tag, "no end:", lines[-1])
        return "\n".join(x for x in lines[1:-1] if not x.startswith("[%s " % tag))

    def host(self):
        found = []
        for pid in os.listdir("/proc"):
            if pid.isdigit():
                try:
                    line = open("/proc/%s/cmdline" % pid, "rb").read().split(b"\0")
                except OSError:
                    continue
                if line[0].endswith(b"/agent-host") and os.path.join(self.dir, "run/agent-host").encode() in line:
                    found.append(int(pid))
        return found[0] if found else 0


def text_of(path):
    """What the file holds; nothing while it is not there."""
    try:
        with open(path) as f:
            return f.read()
    except OSError:
        return ""


def test_each_tool(rig):
    e = rig.run("Bash", command="echo out; echo err >&2; exit 3")
    check(e["exit"] == 3 and e["error"], e)
    check("exit status 3 after" in e["text"] and rig.body(e) == "out\nerr", e)
    e = rig.run("Bash", command="cat; pwd; tty; echo $0; echo err >/dev/stderr")
    check(e["exit"] == 0 and not e["error"], e)
    check(rig.body(e) == "%s\nnot a tty\n/bin/bash\nerr" % rig.work, e)
    e = rig.run("Bash", command="-x")
    check(e["exit"] == 127 and "command not found" in e["text"], e)
    e = rig.run("Bash", command="kill -SEGV $$")
    check(e["exit"] == -1 and "ended by signal 11" in e["text"], e)
    rig.say("file runbooks/disk.md # Disk\\nfull")
    rig.say("file notes.txt remember")
    e = rig.run("Read", path="runbooks/disk.md")
    check(rig.body(e) == "     1\t# Disk\\nfull" and e["exit"] == 0, e)
    e = rig.run("Read", path=os.path.join(rig.work, "notes.txt"))
    check(rig.body(e) == "     1\tremember", e)
    e = rig.run("Grep", pattern="^# D.sk")
    check(rig.body(e) == "runbooks/disk.md:1:# Disk\\nfull", e)
    e = rig.run("Grep", pattern="nothing has this")
    check(not e["error"] and "no line fits" in e["text"], e)
    e = rig.run("Grep", pattern="(")
    check(e["error"] and e["exit"] == 2 and "Unmatched" in e["text"], e)
    e = rig.run("Grep", pattern="-f/etc/passwd")
    check(not e["error"] and "no line fits" in e["text"], e)
    e = rig.run("Grep", pattern=".", glob="*.txt", path=None)
    check(rig.body(e) == "notes.txt:1:remember", e)
    e = rig.run("Glob", pattern="**/*.md")
    check(rig.body(e) == "runbooks/disk.md", e)
    e = rig.run("Glob", pattern="*", path="runbooks")
    check(rig.body(e) == "runbooks/disk.md", e)
    e = rig.run("Glob", pattern="*.c")
    check("no file fits" in e["text"] and not e["error"], e)
    e = rig.end(rig.start_raw("Bash", '{"command":"touch ran"'))
    check(e["error"] and e["text"].startswith("Not run: "), e)
    check(not os.path.exists(rig.work + "/ran"), "a cut input ran")
    e = rig.run("Bash", command="x", frobnicate="\x1b[2J")
    check(e["error"] and "frobnicate" in e["text"], e)


def test_environment(rig):
    e = rig.run("Bash", command="env | sed 's/=.*//' | sort | tr '\\n' ' '; "
                "for i in {0..99}; do [ -e /proc/self/fd/$i ] && echo -n \"$i \"; done; umask; ulimit -c; "
                "python3 -c 'import ctypes; print(ctypes.CDLL(None).prctl(39, 0, 0, 0, 0))'")
    check(rig.body(e).replace("ASAN_OPTIONS ", "") == "BREAKGLASS_AGENT_HOST BREAKGLASS_SOCKET BREAKGLASS_TOOL CLAUDE_CODE_TMPDIR "
          "GIT_CEILING_DIRECTORIES HOME LANG PATH PWD SHLVL TERM TMPDIR _ 0 1 2 0077\n0\n1", rig.body(e))
    e = rig.run("Bash", command="echo $PATH; ssh devvm 'two  words'; echo $?; echo x | ssh pve status")
    check(rig.body(e).startswith(AGENT + "/shim:/usr/bin:/bin\ndevvm ran two  words\n3\npve ran status"), e)
    # stateless
    rig.run("Bash", command="cd /; export A=1")
    e = rig.run("Bash", command="pwd; echo ${A-none}")
    check(rig.body(e) == rig.work + "\nnone", e)


DETACH = [  # ways to get out of the way of who kills
    "{0} & wait", "setsid {0} & sleep 600", "(setsid {0} &); sleep 600",
    "env -i setsid -f {0}; sleep 600", "nohup {0} >/dev/null 2>&1 & disown; sleep 600",
    "trap '' TERM HUP INT; {0} & while :; do sleep 1; done",
    "(trap '' TERM; env -i setsid bash -c \"({0} & ) & sleep 600\" & ) ; sleep 600"]


def quoted(way, word):
    # the innermost quotes stand in double quotes in one of the ways
    return way.format(named(word)) if '"' not in way else way.format("bash -c 'exec -a %s sleep 600'" % word)


def test_time_limit(rig):
    words = [token() for _ in DETACH]
    tools = [rig.start("Bash", command=quoted(w, t), timeout_ms=5000) for w, t in zip(DETACH, words)]
    for t in words:
        wait_for("%s runs" % t, 10, lambda: living(t))
    for tool, t, way in zip(tools, words, DETACH):
        e = rig.end(tool)
        check(e["error"] and e["exit"] == -1 and "time limit" in e["text"], e)
        check(not living(t), "left after the time limit:", way)
        check(e["ms"] < 5000 + 2500 * BEGAN.pace(), "late:", e["ms"], way)


def test_stop(rig):
    for way in DETACH:
        t = token()
        tool = rig.start("Bash", command="echo so far; " + quoted(way, t))
        wait_for("%s runs" % t, 10, lambda: living(t))
        rig.event(lambda e: e["ev"] == "output" and e["tool"] == tool)
        rig.say("stop %d the operator pressed F8" % tool)
        e = rig.end(tool)
        soon(e, way)
        check(e["error"] and "the operator pressed F8" in e["text"] and rig.body(e) == "so far", e)
        pace = max(BEGAN.pace(), Pace().pace())
        check(not living(t) or ("not confirmed" in e["text"] and pace > 2), "left after a stop, at a pace of", pace, way)
        wait_for("%s is ended" % t, 5, lambda: not living(t))


def test_left_behind(rig):
    t = token()
    tool = rig.start("Bash", command="setsid -f %s; env -i setsid -f %s; echo done" % (named(t), named(t)))
    e = rig.end(tool)
    check(e["exit"] == 0 and not e["error"] and rig.body(e) == "done", e)
    check("2 processes that it had left running were ended" in e["text"], e)
    check(not living(t), "left after its end")
    # what ends by itself is given its time
    e = rig.run("Bash", command="echo one > >(cat)")
    check(rig.body(e) == "one" and "left" not in e["text"], e)


def test_warden(rig):
    """The one who watches a command is killed or stopped: by others, the command cannot."""
    def told(tool):
        rig.event(lambda e: e["ev"] == "output" and e["tool"] == tool)
        return int([e for e in rig.events if e["ev"] == "output" and e["tool"] == tool][0]["data"])

    e = rig.run("Bash", command="kill -9 $PPID; kill -STOP $PPID; echo still here")
    check("Operation not permitted" in e["text"] and "still here" in e["text"] and e["exit"] == 0, e)
    t = token()
    tool = rig.start("Bash", command="env -i setsid -f %s; echo $PPID; sleep 600" % named(t))
    warden = told(tool)
    wait_for("%s runs" % t, 10, lambda: living(t))
    os.kill(warden, signal.SIGKILL)
    e = rig.end(tool)
    check(e["exit"] == -1, e)
    wait_for("%s is ended" % t, 5, lambda: not living(t))
    t = token()
    tool = rig.start("Bash", command="echo $PPID; " + named(t))
    os.kill(told(tool), signal.SIGSTOP)
    wait_for("%s runs" % t, 10, lambda: living(t))
    rig.say("stop %d enough" % tool)
    e = rig.end(tool)
    soon(e, "a stopped warden")
    wait_for("%s is ended" % t, 5, lambda: not living(t))
    # the others of the same time are not touched
    t = token()
    other = rig.start("Bash", command="sleep 1; echo mine")
    tool = rig.start("Bash", command="echo $PPID; " + named(t))
    os.kill(told(tool), signal.SIGKILL)
    check(rig.body(rig.end(other)) == "mine", "another tool was ended with it")
    wait_for("%s is ended" % t, 5, lambda: not living(t))


def test_host_killed(rig):
    words = [token() for _ in DETACH]
    tools = [rig.start("Bash", command=quoted(w, t)) for w, t in zip(DETACH, words)]
    for t in words:
        wait_for("%s runs" % t, 10, lambda: living(t))
    os.kill(rig.host(), signal.SIGKILL)
    for tool in tools:
        e = rig.end(tool)
        check(e["error"] and "outcome unknown: agent-host ended" in e["text"], e)
    for t, way in zip(words, DETACH):
        wait_for("nothing is left of: " + way, 5, lambda: not living(t))
    e = rig.run("Bash", command="echo again")  # waits for the next one
    check(rig.body(e) == "again", e)
    rig.say("file runbooks/x.md x")
    old = rig.host()
    os.kill(old, signal.SIGKILL)
    wait_for("another agent-host", 10, lambda: rig.host() not in (None, 0, old))
    e = rig.run("Read", path="runbooks/x.md")
    check(rig.body(e) == "     1\tx", e)
    # one that does not answer: the stop is told in time, and that it is not confirmed
    t = token()
    tool = rig.start("Bash", command=named(t))
    wait_for("%s runs" % t, 10, lambda: living(t))
    host = rig.host()
    os.kill(host, signal.SIGSTOP)
    rig.say("stop %d F8" % tool)
    e = rig.end(tool)
    os.kill(host, signal.SIGCONT)
    soon(e, "an agent-host that does not answer")
    check("not confirmed" in e["text"], e)
    wait_for("%s is ended" % t, 5, lambda: not living(t))


def test_engine_killed(rig):
    words = [token() for _ in DETACH]
    for w, t in zip(DETACH, words):
        rig.start("Bash", command=quoted(w, t))
    for t in words:
        wait_for("%s runs" % t, 10, lambda: living(t))
    rig.proc.kill()
    rig.proc.wait()
    for t, way in zip(words, DETACH):
        wait_for("nothing is left of: " + way, 5, lambda: not living(t))
    wait_for("agent-host ends", 5, lambda: not rig.host())


def test_freed(rig):
    t = token()
    tool = rig.start("Bash", command=named(t))
    wait_for("%s runs" % t, 10, lambda: living(t))
    rig.say("free")
    wait_for("%s is ended" % t, 5, lambda: not living(t))
    e = rig.run("Bash", command="echo x")
    check(rig.body(e) == "x", "no tool after it:", e)
    check(not [e for e in rig.events if e["ev"] == "end" and e["tool"] == tool], "an end was told")


def slow_parallel(rig):
    # the first eight wait for one another, and then for one that must not come
    command = "touch s$BASHPID; until [ -e eight ] || [ $(ls s* 2>/dev/null | wc -l) -ge 8 ]; do sleep 0.05; done; " \
        "touch eight; sleep 0.4; i=$(ls s* 2>/dev/null | wc -l); rm s$BASHPID; echo $i"
    tools = [rig.start("Bash", command=command) for _ in range(20)]
    most = max(int(rig.body(rig.end(t))) for t in tools)
    check(most == 8, "at once:", most)
    tools = [rig.start("Bash", command="sleep 600") for _ in range(8 + 64 + 1)]
    e = rig.end(tools[-1])
    check("too many calls wait" in e["text"], e)
    waiting = tools[20]
    rig.say("stop %d not wanted" % waiting)
    e = rig.end(waiting)
    soon(e, "one that waits")
    check(e["text"].startswith("Not run: not wanted"), e)
    for t in reversed(tools[:-1]):
        rig.say("stop %d F8" % t)
    for t in tools[:-1]:
        rig.end(t)
    for t in tools[:-1]:
        soon(rig.end(t), "one of many")


class Watch(threading.Thread):
    """The most memory that some processes had."""

    def __init__(self, *pids):
        super().__init__()
        self.pids, self.most, self.over = pids, [0] * len(pids), False
        self.start()

    def run(self):
        while not self.over:
            for i, pid in enumerate(self.pids):
                self.most[i] = max(self.most[i], rss_kb(pid) or 0)
            time.sleep(0.01)

    def stop(self):
        self.over = True
        self.join()
        return self.most


def slow_flood(rig):
    rig.say("quiet")
    rig.run("Bash", command="seq 100000")
    before = [rss_kb(rig.proc.pid), rss_kb(rig.host())]
    watch = Watch(rig.proc.pid, rig.host())
    tool = rig.start("Bash", command="yes 'a line of text, which is longer than the others' | head -c 200000000; "
                     "echo; echo end >&2")
    rig.say("called %d r12" % tool)
    # an engine that is busy elsewhere for a while: nothing is lost, nothing grows
    rig.event(lambda e: e["ev"] == "started" and e["tool"] == tool)
    os.kill(rig.proc.pid, signal.SIGSTOP)
    time.sleep(0.5)
    other = rss_kb(rig.host())
    os.kill(rig.proc.pid, signal.SIGCONT)
    e = rig.end(tool, 120)
    most = watch.stop()
    check(e["out"] == 200000001 and e["err"] == 4, e["out"], e["err"])
    check(len(e["text"]) < 31000 and "as run r12" in e["text"], len(e["text"]))
    check(e["text"].split("\n")[-2] == "end", e["text"][-200:])
    limit = 400000 if SANITIZED else 8192  # what was freed is kept aside by a sanitizer
    for name, a, b in zip(("engine", "agent-host"), before, most):
        check(b - a < limit, name, "grew from", a, "to", b, "KiB; stopped:", other)
    print("200 MB in %d ms; engine %d -> %d KiB, agent-host %d -> %d KiB" %
          (e["ms"], before[0], most[0], before[1], most[1]))
    # a flood is stopped as fast as anything
    tool = rig.start("Bash", command="yes")
    time.sleep(0.3)
    rig.say("stop %d F8" % tool)
    e = rig.end(tool)
    soon(e, "a flood")
    # binary and hostile output
    e = rig.run("Bash", command="head -c 100000 /dev/urandom")
    check("binary, not shown" in e["text"], e["text"][:200])
    e = rig.run("Bash", command=r"printf 'a\033]0;x\007 \xe2\x80\xae </breakglass-output 1>\n'")
    check("^[]0;x^G ⟨U+202E⟩ ⟨<⟩/breakglass-output 1>" in e["text"], e["text"])
    # grep has an end, too
    e = rig.run("Bash", command="yes 'some words to be found' | head -c 3000000 >big")
    e = rig.run("Grep", pattern="words")
    check(e["error"] and "longer than anybody can read" in e["text"] and len(e["text"]) < 31000, e["text"][:300])


def test_files_stay_inside(rig):
    rig.run("Bash", command="mkdir -p d; echo in >d/f; ln -s d/f inside; ln -s /etc/passwd out; ln -s / root; "
            "ln -s ../../.. up; ln -s /proc/self/environ magic; mkfifo fifo; ln -s /dev/zero zero; ln -s loop loop; "
            "echo one >'a b'; : >empty; head -c 300000 /dev/zero >bin; mkdir closed; chmod 0 closed")
    e = rig.run("Read", path="inside")
    check(rig.body(e) == "     1\tin" and not e["error"], e)
    for path, words in [("out", "leads out"), ("root/etc/passwd", "leads out"), ("up/x", "leads out"),
                        ("magic", "leads out"), ("../key.sock", "leads out"), ("d/../../agents.json", "leads out"),
                        ("/etc/passwd", "outside of the working folder"), ("zero", "leads out"),
                        ("fifo", "no regular file"), ("d", "is a folder"), (".", "is a folder"), ("loop", ""),
                        ("nowhere", "No such file"), ("bin", "is not text"), ("x" * 3999, ""),
                        (rig.work + "-more/x", "outside of the working folder")]:
        t = Pace()
        e = rig.run("Read", path=path)
        check(e["error"] and words in e["text"] and "root:" not in e["text"], path[:40], e)
        check(t.took() < 5 * t.pace(), "it hangs:", path)
    e = rig.run("Read", path="a b")
    check(rig.body(e) == "     1\tone", e)
    check("the file is empty" in rig.run("Read", path="empty")["text"], "empty")
    for name, members in [("Grep", {"pattern": "root", "path": p}) for p in ("out", "root", "..", "/etc", "fifo")] + \
            [("Glob", {"pattern": "**", "path": p}) for p in ("root", "up", "..", "/etc", "d/f")]:
        e = rig.run(name, **members)
        check(e["error"] and "root:x" not in e["text"] and "passwd" not in rig.body(e).replace("/etc", ""),
              name, members, e)
    # a search of everything passes by FIFOs and what leads out
    e = rig.run("Grep", pattern="root:|^in$")
    check("d/f:1:in" in e["text"] and "root:x" not in e["text"], e)
    e = rig.run("Glob", pattern="**")
    check("d/f" in e["text"] and "etc/" not in e["text"] and "root/" not in e["text"], e)


def slow_read_is_bounded(rig):
    rig.run("Bash", command="seq 5000 >n; head -c 100000 /dev/zero | tr '\\0' x >long; yes 'some text for a line "
            "that is a bit longer' | head -c 9000000 >big; mkdir many; cd many; touch $(seq 1500)")
    lines = rig.body(rig.run("Read", path="n")).split("\n")
    check(len(lines) == 2001 and lines[0] == "     1\t1" and lines[1999] == "  2000\t2000", len(lines))
    check(lines[2000] == "[the file goes on: read it from line 2001]", lines[2000])
    lines = rig.body(rig.run("Read", path="n", offset=4999, limit=10)).split("\n")
    check(lines == ["  4999\t4999", "  5000\t5000"], lines)
    lines = rig.body(rig.run("Read", path="n", offset=10, limit=2)).split("\n")
    check(lines[:2] == ["    10\t10", "    11\t11"] and "from line 12" in lines[2], lines)
    e = rig.run("Read", path="n", offset=6000)
    check(e["error"] and "has only 5000 lines" in e["text"], e)
    e = rig.run("Read", path="long")
    check(len(e["text"]) < 2300 and "[98000 bytes more in this line]" in e["text"], len(e["text"]))
    e = rig.run("Read", path="big", limit=100000)
    check(e["out"] < 256 * 1024 and "goes on" in e["text"], e["out"])
    lines = rig.body(rig.run("Glob", pattern="many/*")).split("\n")
    check(len(lines) == 1001 and lines[1000] == "[500 more: narrow the pattern]", lines[-1])
    check(lines[:1000] == sorted(lines[:1000]), "not sorted")


def test_workspace(rig):
    for name in ("../x", "/x", ".x", "a/.x", "a/b/c", "a//b", "a/", "", "x" * 81, "a b"):
        rig.say("file %s text" % name.replace(" ", "\u00a0"))
    rig.say("file runbooks/a.md first")
    wait_for("the file", 5, lambda: os.path.exists(rig.work + "/runbooks/a.md"))
    check(os.stat(rig.work + "/runbooks/a.md").st_mode & 0o7777 == 0o444, "mode")
    check(sorted(os.listdir(rig.work)) == ["runbooks"] and os.listdir(rig.work + "/runbooks") == ["a.md"],
          os.listdir(rig.work))
    before = open(rig.work + "/runbooks/a.md")
    rig.say("file runbooks/a.md " + "second " * 30000)
    wait_for("the second", 5, lambda: text_of(rig.work + "/runbooks/a.md") == "second " * 30000)
    check(before.read() == "first", "the old one was written into")
    before.close()
    # what the agent puts in its place is not followed
    rig.run("Bash", command="rm -rf runbooks; ln -s ../outside runbooks")
    os.mkdir(rig.dir + "/run/agent-host/outside")
    rig.say("file runbooks/a.md third")
    wait_for("the third", 5, lambda: os.path.isdir(rig.work + "/runbooks") and not
             os.path.islink(rig.work + "/runbooks") and text_of(rig.work + "/runbooks/a.md") == "third")
    check(os.listdir(rig.dir + "/run/agent-host/outside") == [], "written through a link")
    refused = [e for e in rig.events if e["ev"] == "file"]
    check(len(refused) == 10, "refused:", len(refused))


def slow_no_host(rig):
    empty = Rig(rig.dir + "/nowhere")
    try:
        e = empty.run("Bash", command="echo x")
        check(e["error"] and e["text"].startswith("Not run: agent-host, which runs the tools, is not there"), e)
        check(2500 < e["ms"] < 5000, e["ms"])
    finally:
        empty.close()


def test_shim_tells_of_its_input(rig):
    path = rig.dir + "/sock"
    door = socket.socket(socket.AF_UNIX)
    door.bind(path)
    door.listen()
    a, b = socket.socketpair()
    with open("/dev/null") as null, open(RIG, "rb") as regular, a, b, door:
        for stdin, want in ((null, False), (regular, True), (subprocess.PIPE, True), (a, False), (None, False)):
            command = [AGENT + "/shim/ssh", "devvm", "true"]
            if stdin is None:
                command = ["/bin/sh", "-c", 'exec "$@" <&-', "sh"] + command
            p = subprocess.Popen(command, stdin=stdin, env={"BREAKGLASS_SOCKET": path})
            peer, _ = door.accept()
            data = b""
            while data.count(b"\n") < 2:
                data += peer.recv(65536)
            run = json.loads(data.split(b"\n")[1])
            check(run["t"] == "run" and run["stdin"] is want, stdin, run)
            peer.sendall(b"x\0\0\0\4\0\0\0\0")
            check(p.wait(10) == 0, "the shim")
            peer.close()
            if p.stdin:
                p.stdin.close()


def main(prefix="test_"):
    if not os.path.exists(RIG):
        print("not built:", RIG)
        return 99
    tests = [v for k, v in sorted(globals().items()) if k.startswith(prefix)]
    wanted = sys.argv[1:]
    for test in tests:
        if wanted and test.__name__ not in wanted:
            continue
        began, rig = time.monotonic(), Rig()
        try:
            test(rig)
        except BaseException:
            print("FAILED:", test.__name__)
            raise
        finally:
            rig.close()
        print("%-30s %.1f s" % (test.__name__, time.monotonic() - began))
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
