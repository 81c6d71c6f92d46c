#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""An allocation fails in the engine, somewhere in a session: the record is whole afterwards.

Out of memory may end the engine (base/mem.h).  It may not cost more than that: what was
told is in the file, the chain through it holds, nothing is torn inside, a verb that had
begun is finished by the host, and the next engine goes on with the same incident.

Three of four failures are of the engine's own allocations, one is of any library's.
A wrong address used afterwards is told with its frames; it may be a library's, never ours.
BG_LONG=1: 200 of them instead of 10 (COUNT=N; SEED=N for the same ones again).
"""
import json
import os
import random
import re
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import (ENGINE, LIMIT, SANITIZED, SRC, Failed, Skip, check, main,  # noqa: E402
                        until, with_rig)
import journal_lib  # noqa: E402

COUNT = int(os.environ.get("COUNT", 200 if os.environ.get("BG_LONG") else 10))
SEED = int(os.environ.get("SEED", 7))


def library(rig):
    if SANITIZED:
        raise Skip("a sanitizer must be the first library")
    path = rig.dir + "/alloc.so"
    r = subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", path,
                        SRC + "/tests/integration/alloc-faults.c"], capture_output=True)
    if r.returncode:
        raise Skip("no C compiler here: %s" % r.stderr.decode()[:200])
    return path


class Session:
    """One engine with a fault in it, and a console that heard what it told."""

    def __init__(self, rig, lib, whose, n):
        self.rig, self.log = rig, rig.dir + "/alloc.log"
        if os.path.exists(self.log):
            os.unlink(self.log)
        self.env = dict(rig.env, LD_PRELOAD=lib, BG_ALLOC="%s:%d:%s" % (whose, n, self.log))
        self.told, self.asked = {}, False

    def said(self, word):
        try:
            with open(self.log) as f:
                return [int(w.split()[1]) for w in f if w.startswith(word)]
        except OSError:
            return []

    def frames(self, word):
        """Who called whom, the innermost first: [(object, function or offset)]."""
        found, here = [], False
        with open(self.log) as f:
            for line in f:
                if line[0] not in "/[.l":
                    here = line.startswith(word)
                m = re.match(r"(\S+)\((.*?)(?:\+(0x[0-9a-f]+))?\)", line)
                if here and m and "alloc.so" not in m.group(1):
                    found.append((os.path.basename(m.group(1)), m.group(2) or m.group(3)))
        return found

    def play(self):
        """A note, status, a cycle, its end; or as far as the engine comes."""
        p, words = self.rig.start(env=self.env, must=False)
        peer = None
        try:
            if words == "+":
                peer = self.rig.peer()
                peer.attach(tail=3000)
                peer.send(t="note", text="before")
                peer.expect(t="note", text="before")
                peer.ask(t="verb", verb="status")
                peer.expect(t="verb", verb="status", state="finished")
                self.asked = True
                peer.ask(t="verb", verb="cycle", confirm="cycle")
                peer.expect(lambda f: f["state"] in ("finished", "refused", "unknown"),
                            t="verb", verb="cycle")
                peer.send(t="note", text="after")
                peer.expect(t="note", text="after")
        except (Failed, OSError) as e:
            # the engine may be gone, or may have closed this connection alone
            if not self.said("struck"):
                raise
            self.why = str(e)[:200]
        if peer:
            try:
                peer.pump(0.05)
            except OSError:
                pass
            self.told = {f["seq"]: f for f in peer.facts if f.get("seq")}
        if p.poll() is None:
            p.terminate()
        try:
            code = p.wait(LIMIT)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
            raise Failed("the engine neither works nor ends", self.rig.tail_logs())
        check("it leaves in order or by abort", code in (
            0, 70, 71, -signal.SIGABRT, -signal.SIGSEGV) or self.said("struck"), code)
        return code


def named(frames):
    """The frames of the engine with the names of its functions; without the C library's."""
    out = []
    for obj, what in frames:
        if obj == "engine" and what.startswith("0x"):
            r = subprocess.run(["addr2line", "-f", "-s", "-e", ENGINE, "%#x" % (int(what, 16) - 1)],
                               capture_output=True, text=True)
            what = " ".join(r.stdout.split()) or what
        if not obj.startswith(("libc.", "ld-linux")):
            out.append("%s:%s" % (obj, what))
    return out


def host_is_done(rig):
    """Whatever began at the host ends there, and VM 102 runs."""
    def idle():
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    with open("/proc/%s/cmdline" % name, "rb") as f:
                        words = f.read()
                except OSError:
                    continue
                if b"breakglass-pve" in words and rig.pve.top.encode() in words:
                    return False
        return True
    until("the host's worker has ended", idle)
    check("VM 102 runs", rig.pve.vm_runs(), rig.pve.read("qm.calls")[-200:])
    check("what was stopped was started", rig.pve.calls("start") >= 1)


def record_is_whole(rig, told):
    path = rig.journals()[-1] if rig.journals() else None
    if not path:
        check("told, but in no file", not told, told)
        return 0
    lines, torn = journal_lib.lines(path)
    check("the chain holds", not journal_lib.broken(path), journal_lib.broken(path))
    records = [json.loads(line) for line in lines]
    by_seq = {r["seq"]: r for r in records}
    check("no gap and no double", [r["seq"] for r in records] == list(
        range(1, len(records) + 1)))
    for seq, fact in told.items():
        check("what was told is in the file", by_seq.get(seq) == fact, fact, by_seq.get(seq))
    r = rig.cli("journal", "verify", os.path.basename(path)[:-len(".jsonl")])
    # 76: intact, and nothing proves that the last record is the last (a torn end)
    check("verify finds it intact", r.returncode in (0, 76), r.returncode, r.stdout, r.stderr)
    return len(torn)


@with_rig(devvm=False)
def a_failed_allocation_costs_no_record(rig):
    """%d allocations of the engine fail, one a session"""
    lib, rng = library(rig), random.Random(SEED)
    totals = {}
    for whose in ("own", "any"):
        s = Session(rig, lib, whose, 0)
        check("without a fault it ends well", s.play() == 0, rig.tail_logs())
        totals[whose] = s.said("count")[-1]
    ends, struck, torn, incidents, crashes = {}, 0, 0, set(), {}
    for i in range(COUNT):
        whose = "any" if i % 4 == 3 else "own"
        n = rng.randrange(1, totals[whose] + 1)
        s = Session(rig, lib, whose, n)
        try:
            code = s.play()
            host_is_done(rig)
            torn += record_is_whole(rig, s.told) > 0
        except Failed as e:
            raise Failed("the %d. allocation (%s) failed: %s" % (n, whose, e.args[0]), *e.args[1:])
        hit = bool(s.said("struck"))
        struck += hit
        if code == -signal.SIGSEGV:
            where = named(s.frames("crashed"))
            key = " < ".join(where[:3])
            crashes.setdefault(key, []).append((n, named(s.frames("struck"))[:3]))
            check("the wrong address is no doing of ours", where and not where[0].startswith("engine:"),
                  "%s %d" % (whose, n), "\n".join(where), "struck:", "\n".join(
                      named(s.frames("struck"))))
        if hit:
            ends[code] = ends.get(code, 0) + 1
        incidents |= set(rig.journals())
        if i % 10 == 9:         # the next engine goes on, and settles what has no end
            rig.start()
            p = rig.console("ben")
            p.send(t="note", text="all is well")
            p.expect(t="note", text="all is well")
            rig.links_up(p)
            p.close()
            check("it leaves in order", rig.stop() == 0)
            check("the record is whole", record_is_whole(rig, {}) == 0)
    print("# of %s allocations (own) and %s (any), %d failed one a session: %s; %d torn ends, "
          "%d incident(s)" % (totals["own"], totals["any"], struck,
                              ", ".join("%d x exit %d" % (n, c) for c, n in ends.items()),
                              torn, len(incidents)))
    for key, hits in sorted(crashes.items()):
        print("# %d x a wrong address in %s; the first: allocation %d, of %s" % (
            len(hits), key, hits[0][0], " < ".join(hits[0][1])))
    check("most of them struck", struck >= COUNT * 8 // 10, struck)


a_failed_allocation_costs_no_record.__doc__ %= COUNT

if __name__ == "__main__":
    main([a_failed_allocation_costs_no_record])
