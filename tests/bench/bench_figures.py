# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures: medians and p99, the table, and what the kernel says about processes."""
import os


def quantile(values, q):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def p50(values):
    return quantile(values, 0.5)


def p99(values):
    return quantile(values, 0.99)


def p99_of_rounds(values, rounds=5):
    """The median of the p99 of each round: one hiccup of the machine is no figure of ours."""
    size = -(-len(values) // rounds)
    return p50([p99(values[i:i + size]) for i in range(0, len(values), size)])


class Table:
    """One line a figure: name ours peer ratio goal ok|MISS.

    A goal is a number and, where it is a time, the same goal as a ratio to the peer of that line
    (what the number is to that peer on a quiet machine).  A busy machine is slow for both, so one
    of the two is enough.
    """

    def __init__(self):
        self.missed = []
        self.rows = []
        print("%-44s %11s  %-24s %6s  %-15s" % ("name", "ours", "peer", "ratio", "goal"))

    def row(self, name, ours, unit, peer=None, peer_name="", goal=None, goal_ratio=None, note=""):
        shown = "%.3g %s" % (ours, unit) if ours < 1000 else "%.0f %s" % (ours, unit)
        peer_shown = ratio = verdict = goal_shown = ""
        if peer is not None:
            peer_shown = "%s %.3g %s" % (peer_name, peer, unit)
            ratio = "%.2f" % (ours / peer) if peer > 0 else "-"
        if goal is not None:
            met = ours <= goal
            goal_shown = "<= %g" % goal
            if goal_ratio is not None:
                met = met or ours <= goal_ratio * peer
                goal_shown += " or %.2gx" % goal_ratio
            verdict = "ok" if met else "MISS"
            if not met:
                self.missed.append(name)
        print("%-44s %11s  %-24s %6s  %-15s %s %s"
              % (name, shown, peer_shown, ratio, goal_shown, verdict, note), flush=True)
        self.rows.append({"name": name, "ours": ours, "unit": unit, "peer": peer,
                          "peer_name": peer_name, "goal": goal, "goal_ratio": goal_ratio,
                          "verdict": verdict})


def rollup_kb(pid, key):
    with open("/proc/%d/smaps_rollup" % pid) as f:
        for line in f:
            if line.startswith(key + ":"):
                return int(line.split()[1])
    return 0


def pss_mb(*pids):
    return sum(rollup_kb(p, "Pss") for p in pids) / 1024


def rss_mb(pid):
    return rollup_kb(pid, "Rss") / 1024


def threads(pid):
    return ["/proc/%d/task/%s" % (pid, t) for t in os.listdir("/proc/%d/task" % pid)]


def cpu_s(pid):
    """CPU seconds of all threads that live, by the scheduler's own clock."""
    total = 0
    for t in threads(pid):
        with open(t + "/schedstat") as f:
            total += int(f.read().split()[0])
    return total / 1e9


def wakeups(pid):
    total = 0
    for t in threads(pid):
        with open(t + "/status") as f:
            total += sum(int(line.split()[1]) for line in f
                         if line.startswith("voluntary_ctxt_switches"))
    return total
