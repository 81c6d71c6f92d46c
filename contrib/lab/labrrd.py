# SPDX-License-Identifier: GPL-3.0-or-later
"""What pvestatd would have recorded of VM 102, and how RRD gives it back.

INSTANCE/rrd holds a sample a line: unix seconds, bytes read and written (as
QEMU counts them), CPU ticks and resident bytes; "-" is what got no answer.
The first three are counters: RRD makes rates of them between two samples that
are at most its heartbeat apart, else the time between is unknown.  So a QEMU
that does not answer leaves nothing, and one that stalls leaves zeros.
"""
import os
import time

import labvm

STEP_S = 60
ROWS = 60
HEARTBEAT_S = 120
EVERY_S = 10
ANSWER_S = 3.0
COUNTERS = ("diskread", "diskwrite", "cpu")


def path(inst):
    return inst + "/rrd"


def append(inst, at, read, write, pid):
    """One sample; read and write are None where QEMU did not answer."""
    ticks = rss = None
    st = labvm.proc_stat(pid) if pid else None
    if st:
        text = labvm.proc_read(pid, "stat")
        fields = text[text.rindex(b")") + 2:].split()
        ticks = int(fields[11]) + int(fields[12])
        rss = int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    write_samples(inst, [(at, read, write, ticks, rss)], "a")


def write_samples(inst, samples, mode="w"):
    tmp = path(inst) + (".tmp" if mode == "w" else "")
    with open(tmp, mode) as f:
        f.writelines("%.2f %s\n" % (s[0], " ".join(
            "-" if v is None else str(int(v)) for v in s[1:])) for s in samples)
    if mode == "w":
        os.rename(tmp, path(inst))


def samples(inst):
    try:
        with open(path(inst)) as f:
            lines = [line.split() for line in f]
    except OSError:
        return []
    return [(float(w[0]), *(None if v == "-" else int(v) for v in w[1:]))
            for w in lines if len(w) == 5]


def rates(all_samples, column):
    """[(from, to, a second's worth)] where it is known."""
    out, last = [], None
    for s in all_samples:
        if s[column] is None:
            continue
        if last and s[column] >= last[column] and 0 < s[0] - last[0] <= HEARTBEAT_S:
            out.append((last[0], s[0], (s[column] - last[column]) / (s[0] - last[0])))
        last = s
    return out


def average(pieces, begin, end):
    """Over one row; unknown when that is more than half of it."""
    known = total = 0.0
    for a, b, value in pieces:
        part = min(b, end) - max(a, begin)
        if part > 0:
            known += part
            total += part * value
    return total / known if known >= (end - begin) / 2 else None


def rows(inst, now=None):
    """The last hour, a row a minute, oldest first; unknown values are left out."""
    got = samples(inst)
    last = int((now or time.time()) // STEP_S) * STEP_S
    pieces = {name: rates(got, i + 1) for i, name in enumerate(COUNTERS)}
    pieces["mem"] = [(a[0], b[0], b[4]) for a, b in zip(got, got[1:])
                     if b[4] is not None and b[0] - a[0] <= HEARTBEAT_S]
    try:
        conf = labvm.conf_read(inst + "/102.conf")[0]
    except OSError:
        conf = {}
    limits = {"maxcpu": 1, "maxmem": int(conf.get("memory", "0")) << 20,
              "maxdisk": labvm.conf_disk_bytes(conf)}
    out = []
    for end in range(last - (ROWS - 1) * STEP_S, last + 1, STEP_S):
        row = {"time": end, **limits}
        for name, p in pieces.items():
            value = average(p, end - STEP_S, end)
            if value is not None:
                row[name] = value
        if "cpu" in row:
            row["cpu"] /= os.sysconf("SC_CLK_TCK")
        out.append(row)
    return out


def backdate(inst, at, by_s):
    """As if what began at `at` had begun `by_s` seconds earlier: what was recorded
    before moves back, and between lies the rate that was recorded since."""
    got = samples(inst)
    before = [s for s in got if s[0] <= at]
    after = [s for s in got if s[0] > at]
    if not before or not after:
        return
    a, b = before[-1], after[0]
    rate = [(y - x) / (b[0] - a[0]) if None not in (x, y) else 0.0
            for x, y in zip(a[1:4], b[1:4])] + [0.0]

    def earlier(s, by):
        return (s[0] - by, *(None if v is None else v - r * by
                             for v, r in zip(s[1:], rate)))

    steps = range(int(by_s / EVERY_S) * EVERY_S, 0, -EVERY_S)
    write_samples(inst, [earlier(s, by_s) for s in before] +
                  [earlier(b, t) for t in steps if t < by_s] + after)
