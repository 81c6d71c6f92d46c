# SPDX-License-Identifier: GPL-3.0-or-later
"""Every wedge, one after the other: the verdict, what it advises, what recovered it.

Two labs run side by side.  On the first, breakglass says its verdict and what it
advises is done; where that is no verb, or does not do, the wedge's own cures are
tried in order (`lab cure`), as an operator would.  On the second, the same wedge is
made and the old algorithm (clean stop, wait 40 s, kill, start) is let loose on it.
Seconds count from the first act until the guest takes a login, has sudo, and a
write with sync has come back.
"""
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from labsite import HERE
from labvm import VmError
from labwedge import WEDGES

VERBS = ("start", "stop", "reset", "cycle")
BACK_S = 75         # a TCG guest boots in 5 s, on a busy machine in 30
NO_BACK_S = 4       # after something that failed: it may have worked all the same
OLD_S = 240         # the old cycle never ends by itself on a storage that hangs
VERDICT_S = 60

# What the verdict may be.  Where two are named, what can be measured decides: a
# forked-out guest may or may not still answer its agent.
EXPECTED = {
    "disk-full": ("disk-full",),
    "fork-storm": ("guest-spin", "crawling", "ssh-down"), "frozen": ("hung",),
    "fsfreeze": ("frozen",), "ha": ("stopped",), "ha-dead": ("stopped",), "iostall": ("stall",), "killed": ("stopped",),
    "link-down": ("net-down", "ssh-down"), "locked": ("healthy",), "missing": ("missing",),
    "nbd-stall": ("stall",), "nic-down": ("net-down", "ssh-down"), "noquorum": ("healthy",),
    "oom": ("healthy", "crawling"), "panic": ("panic", "guest-spin", "guest-idle"),
    "paused": ("paused",), "powered-off": ("stopped", "paused"), "service": ("healthy",),
    "sshd-dead": ("ssh-down",), "sshd-frozen": ("ssh-down",), "staged": ("healthy",),
    "storage-full": ("nospace",), "storage-hang": ("stall", "hung"),
    "thrash": ("guest-spin", "crawling", "guest-idle", "ssh-down"),
}


class Side:
    """One lab, and how its guest and its PVE host are reached."""

    def __init__(self, top, name, program):
        self.command = [sys.executable, HERE + "/lab", "--dir", top, "--name", name, "-q"]
        self.lab("up", "--host-program", program, "--die-with", str(os.getpid()))
        text = self.lab("env")
        self.env = dict(re.findall(r"export (BREAKGLASS_\w+)='?([^'\n]*)'?", text))

    def lab(self, *args, must=True):
        r = subprocess.run(self.command + list(args), capture_output=True, text=True)
        if r.returncode and must:
            raise VmError("lab %s: %s" % (" ".join(args), r.stderr.strip()[-300:]))
        return r.stdout if must else r.returncode

    def ill(self, mode):
        """Healthy, then wedged; on a busy machine the second try may be the one."""
        for last in (False, True):
            try:
                self.lab("heal")
                self.lab("wedge", mode)
                return
            except VmError:
                if last:
                    raise

    def ssh(self, host, command, limit_s):
        e = self.env
        argv = ["ssh", "-F", "none", "-p", e["BREAKGLASS_%s_PORT" % host], "-i",
                e["BREAKGLASS_KEY_PATH"], "-o", "BatchMode=yes", "-o", "IdentityAgent=none",
                "-o", "ConnectTimeout=2", "-o", "StrictHostKeyChecking=no", "-o",
                "LogLevel=ERROR", "-o", "UserKnownHostsFile=/dev/null", "%s@127.0.0.1" %
                e["BREAKGLASS_%s_USER" % host], command]
        try:
            return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, timeout=limit_s).returncode
        except subprocess.TimeoutExpired:
            return None

    def works(self):
        return self.ssh("DEVVM", "sudo sh -c 'echo x >/srv/.matrix && sync && "
                        "rm /srv/.matrix'", 6) == 0

    def back(self, limit_s):
        end = time.monotonic() + limit_s
        while not self.works():
            if time.monotonic() > end:
                return False
            time.sleep(0.2)
        return True

    def staged(self):
        conf = os.path.dirname(self.env["BREAKGLASS_KEY_PATH"]) + "/102.conf"
        with open(conf) as f:
            return "[PENDING]" in f.read()

    def down(self):
        self.lab("down", must=False)


class Ours(Side):
    """With an engine of its own between us and the hosts."""

    def __init__(self, top, name, program, breakglass):
        super().__init__(top, name, program)
        self.breakglass = breakglass
        self.dir = tempfile.mkdtemp(prefix="breakglass-matrix.")
        self.environ = dict(os.environ, BREAKGLASS_RUN_DIR=self.dir + "/run", XDG_CONFIG_HOME=
                            self.dir, BREAKGLASS_SESSIONS_DIR=self.dir + "/sessions", **self.env)

    def run(self, *args, limit_s=OLD_S):
        return subprocess.run([self.breakglass, *args], env=self.environ, capture_output=True,
                              text=True, stdin=subprocess.DEVNULL, timeout=limit_s)

    def verdict(self):
        r = self.run("verdict", "--json", limit_s=VERDICT_S)
        try:
            return json.loads(r.stdout.strip().splitlines()[-1])
        except (ValueError, IndexError):
            raise VmError("breakglass verdict said: %s" % (r.stdout + r.stderr)[-400:])

    def do(self, what):
        if what in VERBS:
            return self.run(what, "--confirm", what).returncode == 0
        return self.lab("cure", what, must=False) == 0

    def forget(self):
        """A new engine for each row: what it knew of the last one is no help."""
        r = self.run("ping", "--json", limit_s=20)
        pid = re.search(r'"pid": *(\d+)', r.stdout)
        if pid:
            os.kill(int(pid.group(1)), 15)
            end = time.monotonic() + 10
            while os.path.exists("/proc/" + pid.group(1)) and time.monotonic() < end:
                time.sleep(0.05)

    def down(self):
        self.forget()
        super().down()
        shutil.rmtree(self.dir, ignore_errors=True)


def cured(side, mode):
    return not (mode == "staged" and side.staged())


def heal_by_advice(side, mode):
    """(verdict, its seconds, steps, seconds until it works or None)"""
    side.forget()
    side.ill(mode)
    begin = time.monotonic()
    v = side.verdict()
    told = time.monotonic() - begin
    plan = [v["advice"]] if v["advice"] in VERBS else []
    plan += [c for c in WEDGES[mode].cures if c not in plan]
    plan += ["start"] if "start" not in plan else []    # what was mended may still be off
    if v["advice"] not in VERBS and side.works() and cured(side, mode):
        return v, told, ["nothing"], 0.0
    steps, begin = [], time.monotonic()
    for step in plan:
        did = side.do(step)
        steps.append(step if did else step + " (refused)")
        if side.back(BACK_S if did else NO_BACK_S) and cured(side, mode):
            return v, told, steps, time.monotonic() - begin
    return v, told, steps, None


def heal_by_old(side, mode):
    """(what came of it, seconds until it works or None)"""
    side.ill(mode)
    worked = side.works() and mode != "staged"
    begin = time.monotonic()
    rc = side.ssh("PVE", "cycle", OLD_S)
    ok = side.back(BACK_S if rc == 0 else NO_BACK_S) and cured(side, mode)
    took = time.monotonic() - begin
    if not ok:
        return "no end" if rc is None else "rc %d, not back" % rc, None
    return "killed a VM that worked" if worked else "back", took


def row(ours, old, mode):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        a = pool.submit(heal_by_advice, ours, mode)
        b = pool.submit(heal_by_old, old, mode) if old else None
        v, told, steps, took = a.result()
        return v, told, steps, took, b.result() if b else ("not asked", None)


def seconds(s):
    return "-" if s is None else "%.1f" % s


def matrix(args, top, program, breakglass, out=sys.stdout):
    """Prints a row as soon as it is known; 0 when each is as it should be."""
    modes = args.only.split(",") if args.only else sorted(
        WEDGES, key=lambda m: (not WEDGES[m].row[:1].isdigit(), [
            int(n) if n.isdigit() else n for n in re.findall(r"\d+|\D+", WEDGES[m].row)], m))
    bad, took_of = [], {}
    ours = Ours(top, "matrix-new", program, breakglass)
    old = None
    try:
        old = None if args.no_old else Side(top, "matrix-old", HERE + "/old-breakglass-pve")
        out.write("| # | wedge | verdict | advice | in s | recovered by | in s | old algorithm"
                  " | in s |\n|---|---|---|---|---|---|---|---|---|\n")
        for mode in modes:
            try:
                v, told, steps, took, (was, old_took) = row(ours, old, mode)
            except (VmError, subprocess.TimeoutExpired) as e:
                out.write("| %s | %s | %s |\n" % (WEDGES[mode].row, mode, e))
                bad.append("%s: %s" % (mode, e))
                continue
            out.write("| %s | %s | %s | %s | %.1f | %s | %s | %s | %s |\n" % (
                WEDGES[mode].row, mode, v["word"], v["advice"], told, ", ".join(steps),
                seconds(took), was, seconds(old_took)))
            out.flush()
            took_of[mode] = took, old_took
            if v["word"] not in EXPECTED.get(mode, ()):
                bad.append("%s: the verdict is %s (%s)" % (mode, v["word"], v.get("why")))
            if took is None:
                bad.append("%s: not recovered by %s" % (mode, ", ".join(steps)))
    finally:
        ours.down()
        if old:
            old.down()
    new, was = took_of.get("frozen", (None, None))
    if new and was:
        out.write("\nA frozen QEMU: %.1f s, %.2f of the old algorithm's %.1f s.\n" % (
            new, new / was, was))
        if new * 2 >= was:
            bad.append("frozen: not in less than half of the old algorithm's time")
    out.write("\n%d of %d wedges as they should be.\n" % (
        len(modes) - len({b.split(":")[0] for b in bad}), len(modes)))
    for b in bad:
        out.write("  %s\n" % b)
    return 1 if bad else 0
