#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A system call on the journal fails in a running engine: the banner, the verb, the record.

strace makes the N-th call of one kind on the journal's file and folders fail, once.  N grows
until a run needs no more injection: BG_LONG=1 does that for every call and error, else the
telling ones are done.  What a short write or a disk that stays bad does is in
tests/unit/test_journal_faults.c, call by call; here the whole engine and a host are there.
"""
import os
import shutil
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import journal_lib  # noqa: E402
from engine_rig import Skip, check, children, main, until, with_rig  # noqa: E402

LONG = bool(os.environ.get("BG_LONG"))
CALLS = ["openat", "newfstatat", "flock", "lseek", "pread64", "pwrite64", "ftruncate",
         "fdatasync", "fsync", "close", "getdents64"]
ERRORS = ["EIO", "ENOSPC", "EINTR"]
SHORT = [("pwrite64", "EIO", 2), ("pwrite64", "ENOSPC", 1), ("pwrite64", "EINTR", 3),
         ("fdatasync", "EIO", 1), ("fdatasync", "ENOSPC", 2), ("openat", "EIO", 4),
         ("pread64", "EIO", 1), ("flock", "EIO", 1), ("close", "EIO", 1)]
CALLS_MAX = 1000            # more calls of one kind than a run can make


def start(rig, call, error, n):
    path = rig.journals()[0]
    # the leak check does not work under ptrace
    env = dict(rig.env, ASAN_OPTIONS=rig.env.get("ASAN_OPTIONS", "") + ":detect_leaks=0")
    e = rig.start(env=env, prefix=[
        "strace", "-f", "-qq", "--seccomp-bpf", "-o", rig.dir + "/strace", "-e", "trace=" + call,
        "-e", "inject=%s:error=%s:when=%d" % (call, error, n),
        "-P", rig.sessions, "-P", rig.sessions + "/incidents", "-P", path])
    e.traced = True
    return e


def end(e):
    """SIGTERM for the engine, not for strace; it leaves within its limit."""
    for pid in children(e.pid):
        if b"engine" in open("/proc/%d/cmdline" % pid, "rb").read():
            os.kill(pid, signal.SIGTERM)
            break
    until("the engine has left", lambda: e.poll() is not None)
    check("in order", e.returncode == 0, e.returncode)


def last_journal(p):
    f = [f for f in p.facts if f.get("what") == "journal"][-1:]
    return f[0] if f else {"state": "ok"}


def operate(rig, where):
    """A verb, a note, and all is in the file when the disk is asked for."""
    p = rig.console()
    rig.link(p, "pve", "up")
    v = rig.verb(p, "reset")
    f = p.expect(lambda f: f["state"] in ("finished", "refused"), t="verb", id=v)
    check("the operator's verb runs: " + where, f.get("exit") == 0, f)
    p.send(t="note", text="after it")
    p.expect(t="note", text="after it")
    if last_journal(p)["state"] != "ok":
        p.send(t="journal", retry=True)
        until("the journal is ok", lambda: p.pump(0.01) or last_journal(p)["state"] == "ok")
    return p, v


def look(rig, where, p, v):
    """Every record that was told is in a file, once, in a whole chain."""
    lines = {}
    for path in rig.journals():
        whole, torn = journal_lib.lines(path)
        check("no torn end: " + where, not torn, torn)
        check("the chain: " + where, not journal_lib.broken(path), path,
              journal_lib.broken(path))
        rs = journal_lib.records(path)
        check("no gap: " + where, [r["seq"] for r in rs] == list(range(1, len(rs) + 1)))
        lines.update({r["h"]: r for r in rs})
    told = [f for f in p.facts if f.get("seq")]
    check("what was told is on record: " + where, all(f["h"] in lines for f in told),
          [f for f in told if f["h"] not in lines])
    check("the verb's end, too: " + where, [r for r in lines.values() if r["t"] == "verb" and
                                            r["id"] == v and r["state"] == "finished"])


def one(rig, template, call, error, n):
    """False: there are fewer such calls."""
    where = "%s %s %d" % (call, error, n)
    shutil.rmtree(rig.sessions)
    shutil.copytree(template, rig.sessions, symlinks=True)
    os.chmod(rig.sessions + "/incidents", 0o700)
    e = start(rig, call, error, n)
    p, v = operate(rig, where)
    end(e)
    with open(rig.dir + "/strace") as f:
        hit = [line for line in f if "INJECTED" in line]
    look(rig, where, p, v)
    if hit and call in ("pwrite64", "fdatasync") and error != "EINTR" and b'"left"' not in \
            hit[0].encode():
        until("a banner: " + where, lambda: p.pump(0.01) or p.closed)
        check("a banner: " + where, [f for f in p.facts if f.get("what") == "journal" and
                                     f["state"] == "memory"] or late(rig, p), hit)
    p.close()
    return bool(hit)


def late(rig, p):
    """It failed when the engine left: the record of it says so, if the console could not."""
    rs = journal_lib.records(rig.journals()[-1])
    return rs[-1].get("state") == "left" and rs[-1]["seq"] not in p.seqs()


@with_rig(devvm=False)
def faults(rig):
    """the engine's calls on its journal fail: nobody notices but by the banner, nothing is lost"""
    if not shutil.which("strace") or subprocess.run(
            ["strace", "-f", "-e", "trace=getpid", "true"], capture_output=True).returncode:
        raise Skip("strace may not trace here")
    rig.env["UV_THREADPOOL_SIZE"] = "1"     # strace counts for each thread
    rig.start()
    p = rig.console()
    p.send(t="note", text="before")
    p.expect(t="note")
    rig.engines[-1].kill()
    rig.engines[-1].wait()
    template = rig.dir + "/template"
    shutil.copytree(rig.sessions, template)
    points = 0
    for call, error, n in [] if LONG else SHORT:
        check("there is such a call: %s %d" % (call, n), one(rig, template, call, error, n))
        points += 1
    for call in CALLS if LONG else []:
        for error in ERRORS:
            n = tried = 0
            while n < CALLS_MAX and one(rig, template, call, error, n + 1):
                n += 1 if n < 20 else 4     # what is read and looked at, again and again
                tried += 1
            print("# %s %s: %d of about %d" % (call, error, tried, n), flush=True)
            points += tried
    print("# %d points" % points)


if __name__ == "__main__":
    main([faults])
