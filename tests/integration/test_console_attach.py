#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Consoles on terminals that are slow, frozen or gone, and what an attach costs them."""
import os
import re
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import (BUILD, LIMIT, SANITIZED, Failed, Peer, Rig, alive, check, main, shim,
                        until, with_rig)
from pace import Watch, held_up
from test_engine_attach import NO_HOSTS, write_incident
from thin_pty import Screen, Thin

CONSOLE = BUILD + "/src/console/console"
SLOW = 4 if SANITIZED else 1


def console(rig, *args, env=None, **thin):
    e = dict(rig.env, TERM="xterm-256color", **(env or {}))
    return Thin([CONSOLE, "--socket", rig.socket, "--name", "ann", *args], env=e, cwd=rig.dir,
                **thin)


def picture(t):
    s = Screen(t.cols, t.rows)
    s.feed(bytes(t.data))
    return s.text()


def shows(t, text, limit=LIMIT):
    if not t.pump(limit, lambda: text in picture(t)):
        raise Failed("the screen does not show %r" % text, picture(t))


def gone(t, limit=LIMIT):
    """Reads to the end; the exit status."""
    end = time.monotonic() + limit
    while t.step() and time.monotonic() < end:
        pass
    until("it has ended", lambda: t.exited() is not None, limit)
    return t.exited()


def rss_kib(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def restored(t):
    """The last thing that a terminal is told."""
    data = bytes(t.data)
    return data.rstrip().endswith(b"back.") or b"\x1b[?1049l" in data[-600:]


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def story(n):
    """Records as an incident has them: runs with output, notes, texts."""
    k = (n - 2) % 50
    run = "r%d" % ((n - 2) // 50 + 1)
    if k == 0:
        return dict(t="tool", id=run, host="devvm", asked="agent", what="command %s" % run)
    if k < 45:
        return dict(t="output", id=run, stream="out", off=(k - 1) * 40, len=40,
                    data=("line %d of %s " % (k, run)).ljust(39, ".") + "\n")
    if k == 45:
        return dict(t="tool_end", id=run, exit=0, ms=5, out=44 * 40, err=0)
    return dict(t="note", text="note %d" % n)


@with_rig(**NO_HOSTS)
def an_attach_costs_the_same_at_any_length(rig):
    """first paint, caught up and memory are those of a tail, at 10^5 records"""
    ident, path = write_incident(rig, 100000, story)
    rig.start_again()
    probe = rig.console("probe", tail=1)
    with console(rig) as t:
        began = Watch()
        check("a first picture", t.pump(LIMIT, lambda: b"VM 102" in t.data))
        paint = began.took()
        shows(t, "note 100000")
        caught = began.within("caught up within 1 s", 1 * SLOW)
        first = rss_kib(t.pid)
        t.pump(0.5)                     # what is filled in
        grown = rss_kib(t.pid) - first
        check("it grows little", grown < 20000 * SLOW, first, grown)
        print("# 10^5: paint %.0f ms, caught up %.0f ms, RSS %d KiB + %d" % (
            paint * 1000, caught * 1000, first, grown))
        # to the top, again and again: older parts come, each in front
        for _ in range(3):
            t.type("/older\r")
            t.pump(0.7)
        t.type("/find note 90500\r")    # some parts further up
        shows(t, "ann note: note 90500")    # not what was typed
        t.type("q/bottom\r")            # q: it was found in browse mode
        check("at the end", t.pump(LIMIT, lambda: not re.search(
            r"browse|below|/bottom", picture(t))), picture(t))
        t.type("/find nowhere to be found\r")   # what is typed now would end the search
        shows(t, "older records are not kept here")
        check("bounded", rss_kib(t.pid) - first < 40000 * SLOW, rss_kib(t.pid))
        t.type("/detach\r")
        gone(t)
        check("detached", t.exited() == 0 and restored(t), t.exited())


@with_rig(**NO_HOSTS)
def what_is_older_does_not_move_the_picture(rig):
    """a pane that is scrolled to its top shows what it showed when older parts came"""
    write_incident(rig, 1990, lambda n: dict(t="note", text="note %d" % n))
    rig.start_again()
    with console(rig, size="100x30") as t:
        shows(t, "note 1990")
        t.pump(0.3)
        t.type("/top\r")

        def top():
            seen = re.findall(r"note: note (\d+)", picture(t))
            return seen and "note 1990" not in picture(t) and seen == [
                str(int(seen[0]) + i) for i in range(len(seen))] and seen
        t.pump(LIMIT, top)
        t.pump(1.0)                     # what comes in front of it does not move it
        notes = re.findall(r"note: note (\d+)", picture(t))
        check("in order", notes and notes == [str(int(notes[0]) + i) for i in range(len(notes))],
              picture(t))
        oldest = int(notes[0])
        check("the top is that of what was told", oldest > 100, oldest)
        t.type("\x1b[5~")               # PgUp: what came in front
        shows(t, "note %d" % (oldest - 3))
        above = [int(n) for n in re.findall(r"note: note (\d+)", picture(t))]
        check("and what is above it follows", above and above[0] < oldest and
              above == list(range(above[0], above[0] + len(above))), picture(t))
        for _ in range(4):
            t.type("/older\r")
            t.pump(0.3)
        shows(t, "note 2\n")
        shows(t, "opened")


@with_rig(devvm=True, pve=False)
def lines_that_are_bad(rig):
    """one flood, four terminals: thin, never read, stopped, idle; the engine feels none"""
    engine = rig.start()
    peer = rig.console("probe")
    rig.link(peer, "devvm", "up")
    began = time.monotonic()
    idle = console(rig, "--read-only", size="80x24")
    idle.pump(1.5)
    idle_from = len(idle.data)
    held = descriptors(engine.pid)
    flood = subprocess.Popen(
        [BUILD + "/src/agent/shim/ssh", "devvm",
         "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); echo \"line $i of a flood\"; "
         "[ $((i % 40)) = 0 ] && read -t 0.02 _ < /dev/null; done; sleep 600"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=dict(PATH="/usr/bin:/bin", BREAKGLASS_SOCKET=rig.run_dir + "/agent/agent.sock"))
    rig.procs.append(flood)
    thin = console(rig, delay_ms=150, bps=4000)
    deaf, stopped = console(rig), console(rig)
    try:
        shows(deaf, "F7cycle")
        stopped.pump(0.5)
        for _ in range(60):             # its terminal takes no more, soon
            os.write(deaf.fd, b"\x0c")
            stopped.pump(0.02)
        os.kill(stopped.pid, signal.SIGSTOP)
        frozen_at = time.monotonic()
        slowest, stands = 0, Watch()
        ended = None
        typed_at, typed_seen = None, None
        while time.monotonic() - frozen_at < 34 or \
                (None in (ended, typed_seen) and time.monotonic() - frozen_at < 34 + LIMIT):
            thin.pump(0.5)
            slowest = max(slowest, held_up(peer, engine.pid))
            if ended is None and deaf.exited() is not None:
                ended = stands.took() / stands.pace()
            if typed_at is None and time.monotonic() - frozen_at > 5:
                typed_at = len(thin.data)
                thin.type("the quick brown fox jumps over the dog 40")
            if typed_at is not None and typed_seen is None and \
                    "the quick brown fox jumps over the dog 40" in picture(thin):
                typed_seen = time.monotonic()
        seconds = time.monotonic() - began
        check("the engine answers within a second", slowest < 1 * SLOW, slowest)
        check("who is gone leaves by itself", ended is not None and ended < 30, ended)
        check("its words", deaf.exited() == 1, deaf.exited())
        check("what was typed arrived, in order", typed_seen is not None, picture(thin))
        check("the newest lines", re.search(r"line \d+ of a flood", picture(thin)), picture(thin))
        rate = (thin.at(seconds) - thin.at(3)) / (thin.times[-1][0] - 3)
        check("4 KB/s", rate < 4096, rate)
        until("the stopped one was dropped", lambda: peer.pump(0.01) or len(
            peer.of("operator", state="detached")) >= 2 or None)
        os.kill(stopped.pid, signal.SIGCONT)
        check("it comes back", stopped.pump(LIMIT, lambda: re.search(
            r"line \d+ of a flood", picture(stopped)) and "catching up" not in picture(stopped)),
            picture(stopped))
        idle_end = time.monotonic()
        print("# thin %.0f bytes/s; gone after %.1f s; ping at most %.0f ms" % (
            rate, ended, slowest * 1000))
        check("no spinning", stopped.cpu_s() < 8 * SLOW and thin.cpu_s() < 8 * SLOW,
              stopped.cpu_s(), thin.cpu_s())
        check("the same engine", engine.poll() is None)
    finally:
        for t in (idle, thin, deaf, stopped):
            t.close()
    until("no descriptor is left", lambda: peer.pump(0.01) or descriptors(engine.pid) <= held + 1)


@with_rig(**NO_HOSTS)
def an_idle_line_is_never_silent_for_20_s(rig):
    """an idle console sends its terminal something every 20 s, and under 100 bytes/s"""
    rig.start()
    with console(rig) as t:
        t.pump(3)
        start, quiet = len(t.data), Watch()
        t.pump(21 if not os.environ.get("BG_LONG") else 65)
        t.pump(LIMIT, lambda: len(t.data) > start)  # a busy machine's 20 s
        gaps = [b[0] - a[0] for a, b in zip(t.times, t.times[1:])] + [
            time.monotonic() - t.began - t.times[-1][0]]
        seconds = time.monotonic() - t.began - 3
        check("something", len(t.data) > start and max(gaps) < 20 + 0.5 * quiet.pace(), gaps)
        check("and little", (len(t.data) - start) / seconds < 100, (len(t.data) - start) / seconds)
        check("no spinning", t.cpu_s() < 1 * SLOW, t.cpu_s())


@with_rig(**NO_HOSTS)
def a_first_screen_on_a_slow_line(rig):
    """150 ms and 4,000 bytes/s: a useful screen within 2 s, and under 4 KB"""
    write_incident(rig, 2000, story)
    rig.start()
    with console(rig, delay_ms=150, bps=4000) as t:
        began = Watch()
        shows(t, "F7cycle")
        began.within("in time", 2 * SLOW)
        check("small", len(t.data) <= 4096, len(t.data))


@with_rig(**NO_HOSTS)
def a_terminal_that_hangs_up(rig):
    """SIGHUP, and a master that goes: the console is gone within a second"""
    rig.start()
    for how in ("master", "SIGHUP", "SIGTERM"):
        with console(rig) as t:
            shows(t, "F7cycle")
            if how == "master":
                t.hang_up()
            else:
                os.kill(t.pid, getattr(signal, how))
            began = Watch()
            if how == "SIGTERM":
                gone(t)
            until(how, lambda: t.exited() is not None)
            began.within("within a second", 1 * SLOW)
            check("its status", t.exited() == {"master": 129, "SIGHUP": 129,
                                               "SIGTERM": 143}[how] or
                  (how == "master" and t.exited() == 1), how, t.exited())
            if how == "SIGTERM":
                check("the terminal is as it was", restored(t), bytes(t.data)[-200:])


@with_rig(**NO_HOSTS)
def an_engine_of_another_version(rig):
    """the console says which is older, restores the terminal and exits 69"""
    import json
    import socket
    import threading
    os.makedirs(rig.run_dir, mode=0o700, exist_ok=True)
    s = socket.socket(socket.AF_UNIX)
    s.bind(rig.socket)
    s.listen(4)
    answer = [None]

    def serve():
        while True:
            try:
                c, _ = s.accept()
            except OSError:
                return
            c.recv(4096)
            c.sendall(json.dumps(answer[0]).encode() + b"\n")
            c.close()
    threading.Thread(target=serve, daemon=True).start()
    welcome = dict(t="welcome", v=2, version="9.9", seq=0, mono_ms=1)
    refusal = dict(t="error", seq=0, where="hello", v=0, version="0.0", text="too old, this engine",
                   todo="breakglass engine --replace")
    for how, words in ((welcome, "same version"), (refusal, "--replace")):
        answer[0] = how
        for args in ((), ("--linear",)):
            with console(rig, *args) as t:
                gone(t)
                check("69", t.exited() == 69, t.exited(), bytes(t.data)[-400:])
                said = bytes(t.data).decode(errors="replace")
                check("it says what to do", words in said.split("\x1b[?1049l")[-1], said[-400:])
    # the program on the disk is another one: it becomes that, once
    copy = rig.dir + "/console"
    subprocess.run(["cp", CONSOLE, copy], check=True)
    with Thin([copy, "--socket", rig.socket + ".none", "--name", "ann"], env=dict(
            rig.env, TERM="xterm"), cwd=rig.dir) as t:
        shows(t, "F7cycle")
        with open(copy + ".new", "w") as f:
            f.write("#!/bin/sh\necho \"I am the new one: $*\"\nexit 5\n")
        os.chmod(copy + ".new", 0o755)
        os.rename(copy + ".new", copy)
        os.symlink(rig.socket, rig.socket + ".none")
        gone(t)
        check("it became the new one", t.exited() == 5 and b"I am the new one: --socket" in t.data,
              t.exited(), bytes(t.data)[-300:])
    s.close()


@with_rig(**NO_HOSTS)
def an_engine_that_is_gone(rig):
    """a console has another engine started, says so, and has everything exactly once"""
    script = rig.dir + "/starter"
    with open(script, "w") as f:
        f.write("#!/bin/sh\necho \"$*\" >> %s/starts\n[ -e %s/refuse ] && exit 3\n"
                "rm -f %s   # the killed one's is no sign\n"
                "%s/src/engine/engine --background </dev/null >/dev/null 2>&1 &\n"
                "i=0; while [ $((i += 1)) -lt 300 ]; do\n"
                "  sleep 0.1; [ -S %s ] && exit 0\ndone; exit 1\n" % (
                    rig.dir, rig.dir, rig.socket, BUILD, rig.socket))
    os.chmod(script, 0o755)
    engine = rig.start("--background")
    ann = rig.console("ben")
    ann.send(t="note", text="before it died")
    ann.expect(t="note")
    with console(rig, "--starter", script, size="100x60") as t:    # a verdict is long
        shows(t, "before it died")
        engine.send_signal(signal.SIGKILL)
        engine.wait()
        shows(t, "has started another one")
        shows(t, "before it died")
        check("once", picture(t).count("before it died") == 1, picture(t))
        with open(rig.dir + "/starts") as f:
            check("how", f.read() == "engine --ensure\n")
        # an engine that does not start is tried three times
        open(rig.dir + "/refuse", "w").close()
        p = rig.peer()
        pid = p.hello("x")["pid"]
        p.close()
        os.kill(pid, signal.SIGKILL)
        until("three tries", lambda: t.pump(0.1) or len(open(rig.dir + "/starts").readlines()) == 3)
        t.pump(6)
        check("no more", len(open(rig.dir + "/starts").readlines()) == 3)
        shows(t, "breakglass engine")
    # one that somebody runs in the foreground is not ours to start
    os.unlink(rig.dir + "/starts")
    engine = rig.start()
    with console(rig, "--starter", script) as t:
        shows(t, "F7cycle")
        engine.send_signal(signal.SIGKILL)
        engine.wait()
        shows(t, "no engine answers")
        t.pump(1)
        check("none was started", not os.path.exists(rig.dir + "/starts"))


if __name__ == "__main__":
    main([an_attach_costs_the_same_at_any_length, what_is_older_does_not_move_the_picture,
          a_first_screen_on_a_slow_line, a_terminal_that_hangs_up, an_engine_of_another_version,
          an_engine_that_is_gone, an_idle_line_is_never_silent_for_20_s, lines_that_are_bad])
