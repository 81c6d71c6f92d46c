#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's commands on a real devvm's sshd end with their channel, whatever ends it."""
import os
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import (BUILD, LIMIT, SANITIZED, Skip, alive, check, main, shim,  # noqa: E402
                        until, with_rig)

# Each writes the pids that must be gone into a file.
PLAIN = "echo $$ >%s; exec sleep 300"
STUBBORN = "trap '' TERM; echo $$ >%s.x; (exec sleep 300) & echo $! >>%s.x; mv %s.x %s; sleep 300; sleep 300"
AWAY = "setsid sh -c 'echo $$ >%s.x; mv %s.x %s; exec sleep 300' & wait; sleep 300"
DAEMON = "(setsid sh -c 'echo $$ >%s.x; cd /; mv %s.x %s; exec sleep 300' &); sleep 300"
KINDS = dict(plain=PLAIN, stubborn=STUBBORN, away=AWAY, daemon=DAEMON)


def popen(rig, command):
    """A shim that goes on."""
    p = subprocess.Popen([BUILD + "/src/agent/shim/ssh", "devvm", command],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE,
                         env=dict(PATH="/usr/bin:/bin",
                                  BREAKGLASS_SOCKET=rig.run_dir + "/agent/agent.sock"))
    rig.procs.append(p)
    return p


def begin(rig, kinds=KINDS):
    """All of them at once; returns (shims, pids at the devvm)."""
    shims, pids = [], []
    for name in kinds:
        path = rig.dir + "/pids." + name
        shims.append(popen(rig, KINDS[name].replace("%s", path)))
    for name in kinds:
        path = rig.dir + "/pids." + name
        until("%s runs" % name, lambda: os.path.exists(path) and open(path).read().strip())
        pids += [int(w) for w in open(path).read().split()]
        os.unlink(path)
    check("they live", all(alive(p) for p in pids), pids)
    return shims, pids


def gone(what, pids, limit=LIMIT):
    until("%s: %s is gone" % (what, pids), lambda: not [p for p in pids if alive(p)], limit)


def ready(rig):
    rig.start()
    p = rig.console()
    rig.links_up(p)
    return p


@with_rig(pve=False)
def shim_dies(rig):
    """the agent's ssh is killed: its command, a tree that ignores TERM and one that left go, too"""
    ready(rig)
    shims, pids = begin(rig)
    for s in shims:
        s.kill()
    gone("killed", pids)


@with_rig(pve=False)
def engine_dies(rig):
    """SIGKILL of the engine ends all of them"""
    ready(rig)
    shims, pids = begin(rig)
    rig.engines[-1].kill()
    gone("the engine died", pids)
    for s in shims:
        check("the shim says so", s.wait(LIMIT) == 255)


@with_rig(pve=False)
def connection_is_cut(rig):
    """a cut connection ends all of them; what is left is unknown, then asked, then empty"""
    p = ready(rig)
    shims, pids = begin(rig)
    rig.devvm.cut()
    f = p.expect(t="state", what="left", where=lambda f: len(f["runs"]) == 4)
    check("told as not known", {r["state"] for r in f["runs"]} == {"unknown"}, f)
    gone("cut", pids)
    p.expect(t="state", what="left", runs=[])
    for s in shims:
        check("the shim says so", s.wait(LIMIT) == 255)


@with_rig(pve=False)
def nothing_changes(rig):
    """exit status, both streams and 10 MB of bytes are as without a leash; the record too"""
    p = ready(rig)
    null = dict(stdin=subprocess.DEVNULL)
    for status in (0, 1, 2, 77, 126, 127, 128, 137, 143, 255):
        check("exit %d" % status, shim(rig, "devvm", "exit %d" % status, **null)[2] == status)
    out, err, code = shim(rig, "devvm", "echo out; echo err >&2; nosuch; exit 9", **null)
    check("apart", out == b"out\n" and err.startswith(b"err\n") and b"line 1: nosuch" in err and
          code == 9, out, err, code)
    n = 10 * 1024 * 1024
    out, _, code = shim(rig, "devvm", "head -c %d /dev/zero | tr '\\0' '\\377'" % n, **null)
    check("10 MB", out == b"\xff" * n and code == 0, len(out))
    check("the end of the input", shim(rig, "devvm", "cat; echo end", **null)[0] == b"end\n")
    odd = "printf '%s|' 'a'\\''b' \"c  d\" \\\\ '$x' '`'; echo é"
    check("quotes", shim(rig, "devvm", odd, **null)[0] == "a'b|c  d|\\|$x|`|é\n".encode())
    check("wait does not wait for the watchdog",
          shim(rig, "devvm", "true & wait; echo $?", **null)[0] == b"0\n")
    r = subprocess.run([BUILD + "/src/agent/shim/ssh", "devvm", "cat; echo $LC_BREAKGLASS_RUN"],
                       input=b"given\n", capture_output=True, timeout=60,
                       env=dict(BREAKGLASS_SOCKET=rig.run_dir + "/agent/agent.sock"))
    check("with input", r.stdout.startswith(b"given\nbg-"), r)
    t = p.expect(t="tool", where=lambda f: "printf" in f["what"])
    check("the record has the agent's own command", t["what"] == odd, t)


@with_rig(pve=False)
def left_behind(rig):
    """what a command that has ended left behind is left alone"""
    ready(rig)
    out, _, code = shim(rig, "devvm", "sleep 300 >/dev/null 2>&1 & echo $!",
                        stdin=subprocess.DEVNULL)
    pid = int(out)
    shim(rig, "devvm", "true", stdin=subprocess.DEVNULL)
    check("it lives", code == 0 and alive(pid))
    os.kill(pid, signal.SIGKILL)


@with_rig(pve=False)
def no_watchdog_stays(rig):
    """after a hundred commands no shell of ours is left at the devvm"""
    ready(rig)
    for _ in range(20):
        shim(rig, "devvm", "true; true; true", stdin=subprocess.DEVNULL)

    def watchdogs():
        found = []
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    with open("/proc/%s/cmdline" % name, "rb") as f:
                        words = f.read().split(b"\0")
                    with open("/proc/%s/environ" % name, "rb") as f:
                        ours = ("HOME=" + rig.devvm.top).encode() in f.read()
                except OSError:
                    continue
                if ours and b"LC_BREAKGLASS_RUN=" in b" ".join(words):
                    found.append(int(name))
        return found
    until("no watchdog", lambda: not watchdogs())


@with_rig(pve=False)
def cost(rig):
    """the leash costs less than 5 ms a command"""
    ready(rig)

    def best(**more):
        ms = []
        for _ in range(25):
            began = time.monotonic()
            r = subprocess.run([BUILD + "/src/agent/shim/ssh", "devvm", "true"],
                               capture_output=True, timeout=60,
                               env=dict(BREAKGLASS_SOCKET=rig.run_dir + "/agent/agent.sock"),
                               **more)
            ms.append((time.monotonic() - began) * 1000)
            check("it ran", r.returncode == 0, r)
        return min(ms)              # a busy machine only adds
    best(stdin=subprocess.DEVNULL)
    on, off = best(stdin=subprocess.DEVNULL), best(input=b"")
    print("# ssh devvm true: %.1f ms, without the watchdog %.1f ms" % (on, off))
    if on - off >= 5 and (SANITIZED or os.getloadavg()[0] > 1.5):
        raise Skip("%.1f ms more, but others use this machine" % (on - off))
    check("less than 5 ms more", on - off < 5, on, off)


main([shim_dies, engine_dies, connection_is_cut, nothing_changes, left_behind,
      no_watchdog_stays, cost])
