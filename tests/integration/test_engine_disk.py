#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks that refuse, are full, hang or fail to sync: recovery goes on, nothing is lost."""
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import (LIMIT, SANITIZED, Skip, alive, check, children, main, shim,  # noqa: E402
                        until, with_rig)
from pace import Watch  # noqa: E402

ROOT = os.getuid() == 0


def banner(p, state, limit=LIMIT):
    """Waits for the journal's state."""
    def last():
        f = [f for f in p.facts if f.get("what") == "journal"][-1:]
        return f[0] if f and f[0]["state"] == state else None
    return until("journal is " + state, lambda: p.pump(0.02) or last(), limit)


def operator_works(rig, p, verb="reset"):
    v = rig.verb(p, verb)
    f = p.expect(lambda f: f["state"] in ("finished", "refused"), t="verb", id=v)
    check("the operator's verb runs", f.get("exit") == 0, f)
    return v


def agent_is_refused(rig, p):
    n = rig.pve.calls("reset")
    out, err, code = shim(rig, "pve", "reset")
    check("the agent's mutating verb is refused, and told why", code == 64 and
          b"journal cannot be written" in err and rig.pve.calls("reset") == n, out, err, code)
    check("its others are not", shim(rig, "pve", "status")[2] == 0)
    check("nor devvm", shim(rig, "devvm", "echo on")[0] == b"on\n")


def numbers(p):
    check("each number once and in order", p.seqs() == list(range(1, len(p.seqs()) + 1)), p.seqs())


@with_rig()
def refused(rig):
    """a sessions folder that cannot be made: a banner at once; operators' verbs run"""
    rig.env["BREAKGLASS_SESSIONS_DIR"] = "/proc/nowhere"
    rig.start()
    p = rig.console()
    f = banner(p, "memory")
    check("why and what to do", "/proc/nowhere" in f["why"] and "keys work" in f["todo"], f)
    rig.links_up(p)
    f = p.expect(lambda f: f["where"] == "host keys", t="error")
    check("learnt keys that are not kept are said too", "/proc/nowhere" in f["text"], f)
    operator_works(rig, p)
    agent_is_refused(rig, p)
    q = rig.console("late", tail=100)
    check("who comes later sees it all, and the banner", q.of("verb", state="finished") and
          [f for f in q.facts if f.get("what") == "journal"])
    numbers(p)


class Mount:
    """A small tmpfs for the sessions; needs root."""

    def __init__(self, rig, size):
        self.at = rig.sessions
        os.mkdir(self.at, 0o700)
        if not ROOT or subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=700,size=" + size, "bg",
                                       self.at], capture_output=True).returncode:
            raise Skip("no right to mount a small tmpfs")

    def remount(self, options):
        subprocess.run(["mount", "-o", "remount," + options, self.at], check=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.at])


@with_rig()
def full(rig):
    """the disk fills up in the middle: a banner, verbs run, and all is written once it heals"""
    with Mount(rig, "256k") as m:
        rig.start()
        p = rig.console()
        rig.links_up(p)
        operator_works(rig, p)
        filler = os.open(m.at + "/filler", os.O_WRONLY | os.O_CREAT)
        try:
            while True:
                os.write(filler, b"x" * 4096)
        except OSError:
            os.close(filler)
        for i in range(300):
            p.send(t="note", text="note %d " % i + "x" * 1000)
        f = banner(p, "memory")
        check("it names the file and the reason", "No space left" in f["why"] and
              f["path"] in f["why"], f)
        operator_works(rig, p)
        agent_is_refused(rig, p)
        until("told", lambda: p.pump(0.02) or [n for n in p.of("note") if n["text"].startswith(
            "note 299")])
        numbers(p)
        os.unlink(m.at + "/filler")
        m.remount("size=8m")
        banner(p, "ok")
        until("the file has all", lambda: p.pump(0.02) or len(rig.journal()) >= len(p.seqs()))
        got = [r["text"] for r in rig.journal() if r["t"] == "note"]
        check("every note, once", [t.split()[1] for t in got] == [str(i) for i in range(300)])
        out, err, code = shim(rig, "pve", "reset")
        check("the agent may again", code == 0, err)


@with_rig()
def read_only(rig):
    """the disk turns read-only in the middle, and back"""
    with Mount(rig, "8m") as m:
        rig.start()
        p = rig.console()
        rig.links_up(p)
        operator_works(rig, p)
        e = rig.engines[-1]
        e.kill()                    # a file that is open for writing keeps a mount writable
        e.wait()
        m.remount("ro")
        rig.start()
        p = rig.console()
        rig.links_up(p)
        p.send(t="note", text="while it is read-only")
        f = banner(p, "memory")
        check("why", "Read-only" in f["why"], f)
        operator_works(rig, p)
        agent_is_refused(rig, p)
        m.remount("rw")
        banner(p, "ok")
        until("written", lambda: [r for r in rig.journal() if r.get("text") ==
                                  "while it is read-only"])
        p.send(t="note", text="after")
        p.expect(t="note", text="after")
        rig.stop()
        rig.journal()


def traced(rig, inject, *more):
    """An engine one of whose system calls is made to fail or to hang."""
    if not shutil.which("strace"):
        raise Skip("no strace")
    probe = subprocess.run(["strace", "-f", "-e", "trace=getpid", "true"], capture_output=True)
    if probe.returncode:
        raise Skip("strace may not trace here")
    args = ["strace", "-f", "-qq", "--seccomp-bpf", "-o", rig.dir + "/strace",
            "-e", "trace=" + inject.split(":")[0], "-e", "inject=" + inject, *more]
    e = rig.start(prefix=args)
    e.traced = True
    return e


@with_rig()
def sync_fails(rig):
    """fdatasync fails: no record is trusted to it; afterwards everything is in the file"""
    rig.env["UV_THREADPOOL_SIZE"] = "1"     # strace counts for each thread
    traced(rig, "fdatasync:error=EIO:when=1")
    p = rig.console()
    rig.links_up(p)
    v = operator_works(rig, p)
    f = banner(p, "memory")
    check("it says sync", "sync" in f["why"] and "Input/output error" in f["why"], f)
    agent_is_refused(rig, p)
    banner(p, "ok", 30)
    until("the verb is in the file", lambda: [r for r in rig.journal() if r["t"] == "verb" and
                                              r["id"] == v and r["state"] == "finished"])
    numbers(p)


@with_rig()
def write_hangs(rig):
    """the disk hangs when the journal is opened: half a second, a banner, and on"""
    rig.start()
    p = rig.console()
    rig.links_up(p)
    check("3 MB", len(shim(rig, "devvm", "seq -w 0 999999 | head -c 3000000")[0]) == 3000000)
    p.expect(t="tool_end")
    rig.stop()
    rig.env["UV_THREADPOOL_SIZE"] = "1"     # as if all threads hung
    e = traced(rig, "ftruncate:delay_enter=600s", "-P", rig.journals()[0])
    p = rig.console()
    rig.links_up(p)
    began = Watch()
    v = operator_works(rig, p)
    began.within("the verb was held up by no more than 3 s", 5)
    f = banner(p, "slow")
    check("a sentence", "has not answered" in f["why"], f)
    agent_is_refused(rig, p)
    q = rig.console("late", tail=5000)
    check("attaching works", q.of("verb", id=v, state="finished"))
    check("what is missing is told", "does not answer" in q.of("error")[0]["text"])
    began = Watch()
    engine = [c for c in children(e.pid)][0]
    os.kill(engine, 15)
    until("the engine left", lambda: not alive(engine), 8)
    began.within("SIGTERM: within 5 s although the disk hangs", 5)


@with_rig()
def sync_hangs(rig):
    """the disk hangs in a sync before a verb: it goes on after half a second"""
    traced(rig, "fdatasync:delay_enter=600s:when=1")
    p = rig.console()
    rig.links_up(p)
    began = Watch()
    operator_works(rig, p)
    began.within("soon", 4)
    banner(p, "slow")
    agent_is_refused(rig, p)


@with_rig()
def start_hangs(rig):
    """the disk hangs at the start: the engine listens all the same, with a banner"""
    rig.start()
    p = rig.console()
    p.send(t="note", text="an incident that is open")
    p.expect(t="note")
    rig.stop()
    began = Watch()
    traced(rig, "getdents64:delay_enter=600s:when=1..4")
    began.within("it came up", 5)
    p = rig.console()
    rig.links_up(p)
    f = banner(p, "slow")
    check("why", "does not answer" in f["why"], f)
    operator_works(rig, p)


@with_rig(pve=False, devvm=False)
def start_is_late(rig):
    """the disk answers too late for the start: what was open is named, and goes on when asked"""
    rig.start()
    p = rig.console()
    p.send(t="note", text="an incident that is open")
    inc = p.expect(t="incident", state="opened")["id"]
    p.expect(t="note")
    rig.stop()
    e = traced(rig, "getdents64:delay_enter=1500000:when=1", "-P",
               rig.sessions + "/incidents")
    p = rig.console()
    banner(p, "slow")
    f = p.expect(lambda f: f["where"] == "journal", t="error")
    check("which one, and what to do", inc in f["text"] and "--replace" in f["todo"], f)
    engine = children(e.pid)[0]
    os.kill(engine, 15)
    until("it left", lambda: e.poll() is not None)
    rig.start()
    p = rig.console()
    check("it goes on", p.of("welcome")[-1].get("incident") == inc, p.of("welcome"))


@with_rig(pve=False)
def memory_is_bounded(rig):
    """a flood of output while no disk takes it: memory stays flat, the end of it is told"""
    rig.env["BREAKGLASS_SESSIONS_DIR"] = "/proc/nowhere"
    e = rig.start()
    p = rig.console()
    rig.link(p, "devvm", "up")
    out, err, code = shim(rig, "devvm", "seq -w 0 9999999 | head -c 40000000")
    check("the shim has it all", len(out) == 40000000 and code == 0)
    f = p.expect(t="tool_end")
    check("the cut is told", f["out"] == 40000000 and f["cut"] > 0, f)
    with open("/proc/%d/status" % e.pid) as s:
        rss = int([l for l in s if l.startswith("VmRSS")][0].split()[1])
    check("under 80 MB", rss < 80000 or SANITIZED, rss)
    p.send(t="note", text="still")
    p.expect(t="note", text="still")


if __name__ == "__main__":
    main([refused, full, read_only, sync_fails, write_hangs, sync_hangs, start_hangs,
          start_is_late, memory_is_bounded])
