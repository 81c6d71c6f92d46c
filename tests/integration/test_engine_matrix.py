#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Goal: wherever a connection to a host breaks, and however, the engine says so in
time, waits for it without being held up itself, and comes back when the host does.

Seven phases by six faults, each cell with an engine of its own, side by side.
MATRIX=phase/fault runs one cell and prints its times.
"""
import concurrent.futures
import itertools
import os
import sys
import time

import engine_rig
from engine_rig import Failed, Rig, Skip, check, shim, until
from faulty_relay import FAULTS, Hole, Relay
from pace import Watch

PHASES = ("connect", "kex", "auth", "idle", "exec", "mid-output", "close")
HELD_MS = 50            # what the loop may be held up at most
HEAL_S = 40             # retries come up to 15 s apart, a login may take 10
SIDE_BY_SIDE = 14
SLACK = 4 if engine_rig.SANITIZED else 1.5

# Until when the link's state must have said it, in seconds: the limits of remote.h.
COMING = {"refused": 2, "reset": 2, "black hole": 10.5, "frozen": 10.5, "slow": 10.5,
          "garbage": 10.5}    # of what is on its way to a login; a TCP connect has 5
STANDING = {"refused": 2, "reset": 2, "black hole": 13.5, "frozen": 13.5, "slow": 13.5,
            "garbage": 13.5}
GONE = 18.5             # of a run, when not a byte comes any more: 3 s after 5, 15 s in all


class Cell:
    def __init__(self, phase, fault):
        self.phase, self.fault = phase, fault
        self.worst = 0.0        # ms that the engine was held up
        self.pings = 0
        self.states = []        # (seconds, state, why)
        self.t0 = 0.0

    def start(self):
        self.hole = Hole() if self.fault == "black hole" else None
        self.rig = Rig(pve=False)
        self.relay = Relay(self.rig.devvm.port, self.hole)
        self.rig.env["BREAKGLASS_DEVVM_HOST"] = self.relay.address
        self.rig.env["BREAKGLASS_DEVVM_PORT"] = str(self.relay.port)
        self.engine = self.rig.start()
        self.peer = self.rig.console()
        self.rig.link(self.peer, "devvm", "up")
        self.seen = len(self.peer.facts)

    def stop(self):
        self.relay.close()
        self.rig.close()
        if self.hole:
            self.hole.close()

    def waited_for_cpu(self):
        total = 0
        try:
            for task in os.listdir("/proc/%d/task" % self.engine.pid):
                if int(task) == self.engine.pid:
                    with open("/proc/%d/task/%s/schedstat" % (self.engine.pid, task)) as f:
                        total += int(f.read().split()[1])
        except OSError:
            pass
        return total / 1e6

    def ping(self):
        """How long the engine took to look at a request, less what it waited for a core."""
        cpu = self.waited_for_cpu()
        asked = time.clock_gettime(time.CLOCK_MONOTONIC) * 1000
        self.peer.looked = len(self.peer.facts)
        self.peer.send(t="ping")
        w = self.peer.expect(t="welcome")
        held = w["mono_ms"] - asked - (self.waited_for_cpu() - cpu)
        self.worst = max(self.worst, held)
        self.pings += 1

    def look(self):
        for f in self.peer.facts[self.seen:]:
            if f.get("what") == "link" and f["host"] == "devvm":
                now = (f["state"], f.get("why", ""))
                if not self.states or self.states[-1][1:] != now:
                    self.states.append((time.monotonic() - self.t0, *now))
        self.seen = len(self.peer.facts)

    def wait(self, what, condition, limit):
        watch = Watch()
        while True:
            began = time.monotonic()
            self.ping()
            self.look()
            value = condition()
            if value:
                return value
            if watch.took() > limit * watch.pace():
                raise Failed("%s/%s: not within %g s: %s" % (
                    self.phase, self.fault, limit, what), self.states)
            self.peer.read(max(0.0, 0.025 - (time.monotonic() - began)))

    def told(self, *words):
        """The link is not up, in one of these words, and says why."""
        return lambda: self.states and self.states[-1][1] in words and self.states[-1][2]

    def downs(self, count):
        """So many times it was down, each with a reason."""
        down = [s for s in self.states if s[1] == "down"]
        return len(down) >= count and all(s[2] for s in down)

    def run(self):
        self.t0 = time.monotonic()
        if self.phase in ("connect", "kex", "auth"):
            self.relay.arm(self.phase, self.fault)
            # the loss of what stood is told first; then what the next try met
            limit = COMING[self.fault]
            if (self.phase, self.fault) == ("connect", "black hole"):
                limit = 5.5
            self.wait("the loss", lambda: self.downs(1), 3 * SLACK)
            self.wait("what the next try met", lambda: self.downs(2), 2 + limit * SLACK)
        elif self.phase == "idle":
            self.relay.strike(self.fault)
            self.wait("the fault in words", self.told("down", "silent"),
                      STANDING[self.fault] * SLACK)
        else:
            self.run_breaks()
        self.relay.heal()
        self.wait("up again", lambda: self.states[-1][1] == "up", HEAL_S * SLACK)
        check("%s/%s: the loop was held up for %.0f ms (%d pings)" % (
            self.phase, self.fault, self.worst, self.pings), self.worst <= HELD_MS * SLACK)

    def run_breaks(self):
        """A command of the agent is on its way; its end, or what is known of it, is told."""
        flag = self.rig.dir + "/flag"
        command = {"exec": "echo begun",
                   "mid-output": "while echo 0123456789; do sleep 0.05; done",
                   "close": "echo begun; until [ -e %s ]; do sleep 0.05; done" % flag}[self.phase]
        if self.phase == "exec":
            self.relay.strike_when_said(self.fault)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            began = pool.submit(shim, self.rig, "devvm", command)
            run = self.wait("the run", lambda: self.peer.of("tool", what=command), 20)[0]["id"]
            if self.phase != "exec":
                self.wait("its output", lambda: self.peer.of("output", id=run), 20)
                self.relay.strike(self.fault)
            self.t0 = time.monotonic()
            open(flag, "w").close()
            limit = COMING[self.fault] if self.fault in ("refused", "reset") else GONE
            if self.phase == "exec":
                # it had not begun for certain: it may wait for the host and run then
                self.wait("the fault in words", self.told("down", "silent", "connecting"),
                          STANDING[self.fault] * SLACK)
                self.relay.heal()
                limit = HEAL_S
            end = self.wait("the run's end", lambda: self.peer.of("tool_end", id=run),
                            limit * SLACK)[0]
            check("%s/%s: the end says what is known" % (self.phase, self.fault),
                  end.get("failed") or end.get("exit") is not None or end.get("signal"), end)
            if self.phase != "exec":
                self.wait("the fault in words", self.told("down", "silent", "connecting"),
                          STANDING[self.fault] * SLACK)
            check("%s/%s: it ran once at most" % (self.phase, self.fault),
                  self.peer.output(run).count(b"begun") <= 1)
            began.result()


def cell(phase, fault):
    c = Cell(phase, fault)
    try:
        c.start()
        c.run()
        return c, None
    except Failed as e:
        return c, "\n".join(str(a) for a in e.args)
    except Exception as e:          # noqa: every cell is told by its name
        return c, "%s/%s: %r" % (phase, fault, e)
    finally:
        try:
            c.stop()
        except Failed as e:
            return c, "%s/%s: %s" % (phase, fault, e)


def matrix():
    """seven phases by six faults: told in time, the loop is never held up, and it comes back"""
    cells = list(itertools.product(PHASES, FAULTS))
    if os.environ.get("MATRIX"):
        cells = [tuple(os.environ["MATRIX"].split("/"))]
    why = Hole.enter()
    if why:
        print("# black hole: skipped, %s" % why)
        cells = [c for c in cells if c[1] != "black hole"]
    failed, watch = [], Watch()
    # the longest first
    cells.sort(key=lambda c: -(STANDING if c[0] in PHASES[3:] else COMING)[c[1]])
    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for c, words in pool.map(lambda pf: cell(*pf), cells):
            # not all of what a busy machine takes is counted: what is ours comes again
            for _ in range(2 if words and watch.pace() > 2 else 0):
                print("# %-10s %-10s once more: %s" % (c.phase, c.fault, words), flush=True)
                c, words = cell(c.phase, c.fault)
                if not words:
                    break
            print("# %-10s %-10s held up %3.0f ms at most; %s%s" % (
                c.phase, c.fault, c.worst,
                ", ".join("%.1f s %s" % s[:2] for s in c.states),
                "" if not words else " FAILED"), flush=True)
            if os.environ.get("MATRIX"):
                print("\n".join("#   %6.1f %s: %s" % s for s in c.states))
            if words:
                failed.append(words)
    check("%d of %d cells" % (len(failed), len(cells)), not failed, *failed)


if __name__ == "__main__":
    engine_rig.main([matrix])
