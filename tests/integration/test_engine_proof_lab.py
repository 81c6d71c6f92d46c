#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Goal: the proof of a real guest's recovery, by its table, its rungs and the clock.

On the lab (contrib/lab/lab): a cycle of a healthy guest and one of a stalled one, and
how soon the engine has the greeting of the guest's sshd.
"""
import os
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import BUILD, SRC, Failed, Rig, Skip, check, main  # noqa: E402

SOON_S = 2.2        # from the start of the guest's sshd to its greeting here


class Lab:
    def __init__(self):
        self.command = [SRC + "/contrib/lab/lab", "-q", "--name", "proof-%d" % os.getpid()]
        r = self("up", "--die-with", str(os.getpid()), "--host-program",
                 BUILD + "/src/host/breakglass-pve")
        if r.returncode:
            raise Skip("the lab cannot be made here: " + r.stderr.strip()[-200:])
        self.env = dict(re.findall(r"export BREAKGLASS_(\w+)='?([^'\n]*)'?", self("env").stdout))

    def __call__(self, *args):
        return subprocess.run(self.command + list(args), capture_output=True, text=True)

    def sshd_age(self):
        """Seconds since the guest's sshd was started."""
        r = subprocess.run(
            ["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "IdentityAgent=none", "-o",
             "ConnectTimeout=15", "-o", "StrictHostKeyChecking=no", "-o",
             "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-i", self.env["KEY_PATH"],
             "-p", self.env["DEVVM_PORT"], self.env["DEVVM_USER"] + "@127.0.0.1",
             "for p in $(pidof sshd); do cut -d' ' -f22 /proc/$p/stat; done; "
             "cut -d' ' -f1 /proc/uptime"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        *ticks, uptime = r.stdout.split()
        return float(uptime) - min(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def expect(p, limit, **members):
    """As Peer.expect, for waits that are longer than a console may be silent."""
    end = time.monotonic() + limit
    while True:
        p.send(t="ping")
        try:
            return p.expect(limit=10, **members)
        except Failed:
            if p.closed or time.monotonic() > end:
                raise


def row(proof, what):
    return [r for r in proof["table"] if r["what"] == what][0]


def prove(lab, rig, p, verb, wedge):
    if wedge:
        check("wedged: " + wedge, lab("wedge", wedge).returncode == 0)
    v = rig.verb(p, verb)
    sent = expect(p, 20, t="verb", id=v, state="sent")["mono_ms"]
    f = expect(p, 120, t="verb", id=v, state="finished")
    check("the host did it", f["exit"] == 0, f)
    f = expect(p, 200, t="state", what="proof", done=True)
    check("healthy", f["end"] == "healthy" and all(r["ok"] for r in f["rungs"]), f)
    check("a new pid, judged good", row(f, "QEMU pid")["ok"] and f["pid"] != f["before_pid"], f)
    check("a new boot, judged good", row(f, "boot id")["ok"] and
          f["boot_id"] != f["before_boot_id"], f)
    check("a young guest", f["uptime_s"] < 120, f)
    check("failed units are known", f["failed_units"] == 0, f)
    check("in words", "new QEMU process" in f["text"] and "has booted anew" in f["text"], f)
    began = time.monotonic() - lab.sshd_age()
    late = (sent + f["rungs"][1]["ms"]) / 1000 - began
    print("# %s of %s guest: %s; greeted %.2f s after its sshd was started" % (
        verb, wedge or "a healthy", ", ".join("%s %d" % (r["rung"], r["ms"])
                                              for r in f["rungs"]), late))
    print("# " + f["text"])
    for r in f["table"]:
        print("#   %-14s %-22s %-22s %s" % (r["what"], r["before"], r["after"], r.get("ok", "")))
    return late


def real_cycles():
    """a real guest: new pid and boot id in the table, and soon"""
    lab = Lab()
    rig = None
    try:
        rig = Rig(devvm=False, pve=False, **{k.lower(): v for k, v in lab.env.items()})
        rig.start()
        p = rig.console()
        rig.link(p, "pve", "up")
        rig.link(p, "devvm", "up")
        late = [prove(lab, rig, p, "cycle", None), prove(lab, rig, p, "cycle", "iostall")]
        check("soon (of a busy machine that is asked accordingly)",
              min(late) < SOON_S * max(2.5, os.getloadavg()[0]), late, os.getloadavg())
    finally:
        if rig:
            rig.close()
        lab("down")


if __name__ == "__main__":
    main([real_cycles])
