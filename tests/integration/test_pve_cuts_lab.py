#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Goal: a cycle of a real QEMU guest is cut at its phases, and the guest is back.

On the lab (contrib/lab/lab): by FIN, RST, SIGKILL of the client, SIGKILL of the engine
and dropped packets, each before the stop and before the start: ten with BG_LONG=1,
else two.  Each time QEMU is a new process, the guest answers on ssh and `status` tells
the result.
"""
import os
import re
import socket
import subprocess

from engine_rig import BUILD, LIMIT, SRC, Rig, Skip, check, main, until
from pve_cuts import MODES, Site, cut_client, cut_engine

CUTS = [(mode, phase) for phase in ("phase=stopping", "phase=starting") for mode in MODES]
if not os.environ.get("BG_LONG"):
    CUTS = [("rst", "phase=stopping"), ("engine", "phase=starting")]
PHASES = ("phase=stopping", "phase=starting", "#bg result")     # in this order


class Lab:
    def __init__(self):
        self.command = [SRC + "/contrib/lab/lab", "-q", "--name", "cuts-%d" % os.getpid()]
        r = subprocess.run(self.command + ["up", "--die-with", str(os.getpid()), "--host-program",
                                           BUILD + "/src/host/breakglass-pve"],
                           capture_output=True, text=True)
        if r.returncode:
            raise Skip("the lab cannot be made here: " + r.stderr.strip()[-200:])
        text = subprocess.run(self.command + ["env"], capture_output=True, text=True,
                              check=True).stdout
        self.env = dict(re.findall(r"export BREAKGLASS_(\w+)='?([^'\n]*)'?", text))
        self.site = Site(int(self.env["PVE_PORT"]), self.env["PVE_USER"],
                         self.env["KEY_PATH"], os.path.dirname(self.env["KEY_PATH"]))

    def down(self):
        subprocess.run(self.command + ["down"], capture_output=True)

    def pid(self):
        with open(self.site.home + "/102.pid") as f:
            return int(f.read())

    def status(self):
        p = self.site.ssh("status")
        out = p.communicate(timeout=LIMIT)[0].decode()
        return dict(re.findall(r"^#bg fact (\w+)=(.*)$", out, re.M))

    def banner(self):
        """The guest's sshd says its first words."""
        try:
            with socket.create_connection(("127.0.0.1", int(self.env["DEVVM_PORT"])), 2) as s:
                s.settimeout(2)
                return s.recv(64).startswith(b"SSH-2.0")
        except OSError:
            return False


def cut(lab, rig, mode, phase):
    old = lab.pid()
    last = lab.status().get("last_id")
    what = "%s at %s" % (mode, phase)

    def reached(lines):
        return any(w in line for line in lines for w in PHASES[PHASES.index(phase):])

    def wait():
        until(what + ": the host ends the cycle", lambda: lab.status().get("last_id") != last,
              120)
    if mode == "engine":
        name = cut_engine(rig, reached, wait)
    else:
        name = cut_client(lab.site, mode, reached, wait)
    s = lab.status()
    check(what + ": the result can be read", s["last_verb"] == "cycle" and
          s["last_rc"] == "0" and s["last_id"] == name and s["job"] == "none", name, s)
    check(what + ": QEMU is a new process", lab.pid() != old and s["status"] == "running", s)
    until(what + ": the guest answers", lab.banner, 120)


def test_real_guest():
    """cycles of a real guest, cut before the stop and before the start: it is back"""
    lab = Lab()
    rig = Rig(devvm=False, pve=False, **lab.env)
    try:
        until("the guest answers", lab.banner, 120)
        for mode, phase in CUTS:
            cut(lab, rig, mode, phase)
        print("# %d cuts, %d times the guest was back" % (len(CUTS), len(CUTS)))
    finally:
        rig.close()
        lab.down()


main([test_real_guest])
