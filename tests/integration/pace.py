# SPDX-License-Identifier: GPL-3.0-or-later
"""pace: how long something took, judged by what the machine gave meanwhile.

A limit on what the product does is its documented one on a machine that has time.  On
one that many share the same work takes longer, and so did a bare loop in the same
seconds: what took() is held against is multiplied by how much longer.

    w = Watch()
    ...
    w.within("cancelled within 250 ms", 0.25)
"""
import os
import subprocess
import threading
import time

TICK = 0.01                             # the bare loop: sleep so long, look who wants a core
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def wanting():
    """How many want a core now; we are one of them."""
    try:
        with open("/proc/loadavg") as f:
            return int(f.read().split()[3].split("/")[0])
    except (OSError, ValueError, IndexError):
        return 1


class Loop(threading.Thread):
    """The bare loop, for as long as the test runs: turns, and all that wanted a core in them."""
    one = None

    def __init__(self):
        super().__init__(daemon=True)
        self.turns, self.wanting = 0, 0
        self.start()

    def run(self):
        tick = threading.Event()
        while True:
            tick.wait(TICK)
            self.wanting += wanting()
            self.turns += 1


def held_up(p, pid):
    """Seconds until the engine looked at a request, less what it waited for a core."""
    def waited():
        with open("/proc/%d/task/%d/schedstat" % (pid, pid)) as f:
            return int(f.read().split()[1]) / 1e9
    cpu, asked = waited(), time.clock_gettime(time.CLOCK_MONOTONIC)
    p.ask(t="ping")
    w = p.expect(lambda f: f["mono_ms"] >= int(asked * 1000), t="welcome")
    return w["mono_ms"] / 1000 - asked - (waited() - cpu)


class Watch:
    def __init__(self):
        if not Loop.one:
            Loop.one = Loop()
        self.first = wanting()
        self.turns, self.wanting = Loop.one.turns, Loop.one.wanting
        self.began = time.monotonic()

    def took(self):
        return time.monotonic() - self.began

    def ms(self):
        return self.took() * 1000

    def pace(self):
        """How many times as long as on an idle machine anything has taken since; 1 at least."""
        took, turns = self.took(), Loop.one.turns - self.turns
        crowd = (self.first + wanting() + Loop.one.wanting - self.wanting) / (turns + 2) / CORES
        late = took / ((turns + 1) * (TICK + 0.001))
        return max(1.0, crowd, late)

    def within(self, what, limit, *more):
        """What the watch shows is at most limit, at this pace; returns it, in seconds."""
        from engine_rig import check
        took, pace = self.took(), self.pace()
        check(what, took < limit * pace, "%.3f s, of %g s at a pace of %.1f" % (
            took, limit, pace), *more)
        return took


class Bare(threading.Thread):
    """What the kill switch has done on the devvm, by hand and at the same moment.

    A shell looks through /proc for a mark that nobody has, and kills a sleep.  held_ms():
    how long of that it was not at work but waited for a core; on an idle machine nothing."""
    LOOK = ("for i in 1 2 3; do grep -aso \"$1.\" /proc/[0-9]*/environ /proc/[0-9]*/cmdline; "
            "done; kill -9 $2")

    def __init__(self):
        super().__init__(daemon=True)
        self.victim = subprocess.Popen(["sleep", "600"])
        self.start()

    def run(self):
        began = time.monotonic()
        p = subprocess.Popen(["sh", "-c", self.LOOK, "sh", "no-such-mark", str(self.victim.pid)],
                             stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(p.pid, 0)
        self.took = time.monotonic() - began
        p.returncode = os.waitstatus_to_exitcode(status)
        self.worked = used.ru_utime + used.ru_stime
        self.victim.wait()

    def held_ms(self):
        self.join()
        return max(0.0, self.took - self.worked) * 1000
