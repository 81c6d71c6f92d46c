#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Goal: hours of output cost the engine and a console neither memory nor descriptors.

10^6 lines and 10^4 notes an hour, in runs of a thousand lines, with consoles that come
and go.  A burst at the start fills every buffer that has a maximum; after the first
quarter of the time (five minutes of an hour's, if that is earlier) nothing may grow.

SOAK_MINUTES says how long (10); contrib/check runs the ten minutes beside its other steps.
"""
import os
import pty
import subprocess
import sys
import termios
import threading
import time

import engine_rig
from engine_rig import BUILD, PROGRAM, children, check, until, with_rig

MINUTES = float(os.environ.get("SOAK_MINUTES", "10"))
LINES_S = 278               # 10^6 an hour
RUN_LINES = 1000
LINE = 110                  # bytes
NOTES_S = 2.8               # 10^4 an hour
BURST = 4 * 1024 * 1024     # bytes of a run; more than a console keeps of one
BURSTS, BURST_RUNS, BURST_NOTES = 8, 140, 3000    # more than it keeps of all
LOOK_S = 5
GROWTH_KIB = 1024           # after the warm-up
WARM = min(MINUTES * 60 / 4, 300)


class Terminal:
    """A real console in a terminal that somebody reads."""

    def __init__(self, rig):
        self.bytes = 0
        master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (24, 80)) if hasattr(termios, "tcsetwinsize") else \
            subprocess.run(["stty", "rows", "24", "cols", "80"], stdin=slave, check=True)
        self.p = subprocess.Popen([PROGRAM, "--as", "ann"], stdin=slave, stdout=slave,
                                  stderr=slave, env=dict(rig.env, TERM="xterm-256color"),
                                  start_new_session=True)
        rig.procs.append(self.p)
        os.close(slave)
        self.master = master
        threading.Thread(target=self.drain, daemon=True).start()

    def drain(self):
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return
            if not data:
                return
            self.bytes += len(data)


def memory_kib(pid):
    """What is its own: the file pages of libraries come and go as the kernel likes."""
    with open("/proc/%d/smaps_rollup" % pid) as f:
        rows = dict(line.split(":", 1) for line in f if ":" in line)
    return sum(int(rows[k].split()[0]) for k in ("Private_Dirty", "Swap"))


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


class Source(threading.Thread):
    """The agent's commands, one after the other; each prints its lines at the pace."""

    def __init__(self, rig):
        super().__init__(daemon=True)
        self.rig, self.lines, self.stop, self.failed = rig, 0, False, None

    def ssh(self, command, limit):
        r = subprocess.run([BUILD + "/src/agent/shim/ssh", "devvm", command],
                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                           env=dict(PATH="/usr/bin:/bin", BREAKGLASS_SOCKET=self.rig.run_dir +
                                    "/agent/agent.sock"), timeout=limit)
        if r.returncode:
            raise engine_rig.Failed("a run of the agent failed", r.returncode, r.stderr)

    def run(self):
        text = "x" * (LINE - 12)
        try:
            for _ in range(BURSTS):
                self.ssh("head -c %d /dev/zero | tr '\\0' y | fold -w %d" % (BURST, LINE), 300)
                self.lines += BURST // LINE
            for _ in range(BURST_RUNS):
                self.ssh("seq -f '%%06g %s' %d" % (text, RUN_LINES), 60)
                self.lines += RUN_LINES
            while not self.stop:
                # ten portions, so that the lines come at a pace and not at once
                self.ssh("i=0; while [ $i -lt %d ]; do seq -f '%%06g %s' $i $((i + 99)); "
                         "i=$((i + 100)); sleep %.3f; done" % (
                             RUN_LINES, text, 100 / LINES_S), 120)
                self.lines += RUN_LINES
        except Exception as e:      # noqa: the test tells it
            self.failed = e


def kin(rig, engine, terminal):
    """The processes that must not grow."""
    found = {"engine": engine.pid, "console": terminal.p.pid}
    for pid in children(engine.pid):
        try:
            with open("/proc/%d/comm" % pid) as f:
                found.setdefault(f.read().strip(), pid)
        except OSError:
            pass
    return {k: v for k, v in found.items() if k in ("engine", "console", "agent-host")}


@with_rig()
def soak(rig):
    """nothing grows after the warm-up: memory of engine, console and agent-host, descriptors"""
    engine = rig.start()
    p = rig.console("ben")
    rig.links_up(p)
    terminal = Terminal(rig)
    until("the console is there", lambda: p.pump(0.05) or p.of("operator", name="ann"), 60)
    source = Source(rig)
    source.start()
    for i in range(BURST_NOTES):
        p.send(t="note", text="note %d of the first minute" % i)
        if i % 100 == 0:
            p.pump()
    began = next_note = time.monotonic()
    next_look = began + LOOK_S
    rows, notes, visits = [], 0, 0
    while time.monotonic() - began < MINUTES * 60:
        if source.failed:
            raise source.failed
        check("the engine lives", engine.poll() is None)
        check("the console lives", terminal.p.poll() is None)
        p.read(0.1)
        p.facts.clear()
        p.looked = 0
        now = time.monotonic()
        while next_note <= now:
            notes += 1
            next_note += 1 / NOTES_S
            p.send(t="note", text="note %d of a long night" % notes)
        if now < next_look:
            continue
        next_look += LOOK_S
        visitor = rig.peer()
        visitor.attach("eve", tail=50)
        visitor.close()
        rig.peers.remove(visitor)
        visits += 1
        procs = kin(rig, engine, terminal)
        rows.append((now - began, {k: (memory_kib(v), descriptors(v))
                                   for k, v in procs.items()}))
        if visits % 12 == 0:
            print("# %4.0f s: %s" % (now - began, ", ".join(
                "%s %d KiB" % (k, v[0]) for k, v in sorted(rows[-1][1].items()))), flush=True)
    source.stop = True
    warm = [r for t, r in rows if t >= WARM]
    third = max(len(warm) // 3, 1)
    print("# %.0f minutes, %d lines, %d notes, %d visits, %d bytes to the terminal" % (
        MINUTES, source.lines, notes, visits, terminal.bytes))
    grown = []
    for name in rows[-1][1]:
        early = [r[name] for r in warm[:third] if name in r]
        late = [r[name] for r in warm[-third:] if name in r]
        # the highest of both: a sawtooth is no growth, a rising one is
        kib = max(m for m, _ in late) - max(m for m, _ in early)
        # one descriptor more or less is who happens to be attached just then
        fds = min(f for _, f in late) - min(f for _, f in early)
        print("# %-10s %6d KiB, %+d KiB since the warm-up; %d descriptors, %+d" % (
            name, late[-1][0], kib, late[-1][1], fds))
        if kib > GROWTH_KIB or fds > 0:
            grown.append((name, kib, fds))
    check("nothing grows", not grown, *grown)
    check("it had something to do", source.lines >= LINES_S * MINUTES * 60 * 0.5, source.lines)


if __name__ == "__main__":
    engine_rig.main([soak])
