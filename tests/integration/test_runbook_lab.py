#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Goal: on the lab's wedges triage finds what is planted and names the right key or command.

No model, a real guest: each wedge with an engine of its own, that knows of no other.
RUNBOOK_WEDGES="frozen oom" takes some of them.
"""
import os
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import BUILD, SRC, Failed, Rig, Skip, check, main  # noqa: E402

# wedge -> what triage must say, and what it must not
WEDGES = {
    "frozen": (["verdict **hung**", "1. **F7 cycle**", "not F6 reset"], ["**F6 reset**"]),
    "iostall": (["verdict **stall**", "1. **F7 cycle**", "not F6 reset"], ["**F6 reset**"]),
    "paused": (["verdict **paused**", "1. **F4 start**", "not F6 reset"], ["**F7 cycle**"]),
    "panic": (["verdict **panic**", "1. **F6 reset**"], []),
    "powered-off": (["verdict **stopped**", "1. **F4 start**", "not F6 reset"], ["F7 cycle**"]),
    "disk-full": (["**critical** / is full: 100 %", "sudo du -xk -d 3 / |"], ["1. **F"]),
    "service": (["app.service has failed", "`sudo systemctl restart app.service`"], ["1. **F"]),
    "sshd-dead": (["verdict **ssh-down**", "systemctl restart ssh"], ["**F7 cycle**"]),
    "oom": (["out of memory and killed tail", "systemctl --failed"], ["**F7 cycle**"]),
    "staged": (["2 staged settings of the VM wait", "**F7 cycle** applies them"], []),
}


class Lab:
    def __init__(self, guest):
        self.command = [SRC + "/contrib/lab/lab", "-q", "--name",
                        "runbook-%s-%d" % (guest, os.getpid())]
        r = self("up", "--guest", guest, "--die-with", str(os.getpid()), "--host-program",
                 BUILD + "/src/host/breakglass-pve")
        if r.returncode:
            raise Skip("the lab cannot be made here: " + r.stderr.strip()[-200:])
        self.env = dict(re.findall(r"export BREAKGLASS_(\w+)='?([^'\n]*)'?", self("env").stdout))

    def __call__(self, *args):
        return subprocess.run(self.command + list(args), capture_output=True, text=True)

    def wedge(self, name):
        for _ in range(2):          # on a busy machine it may need a second try
            if self("heal").returncode == 0 and self("wedge", name).returncode == 0:
                return
        raise Skip("cannot wedge: " + name)

    def rig(self):
        return Rig(devvm=False, pve=False, agent_driver="runbook",
                   **{k.lower(): v for k, v in self.env.items()})


def expect(p, limit, **members):
    """As Peer.expect, for waits that are longer than a console may be silent."""
    last = time.monotonic() + limit
    while True:
        p.send(t="ping")
        try:
            return p.expect(limit=10, **members)
        except Failed:
            if p.closed or time.monotonic() > last:
                raise


def run(p, name, yes=False):
    """All that a runbook says; each offer is answered."""
    began = time.monotonic()
    p.ask(t="runbook", name=name)
    turn = expect(p, 20, t="prompt", state="started")["turn"]
    while True:
        f = expect(p, 150, turn=turn)
        if f["t"] == "ask":
            p.ask(t="answer", id=f["id"], yes=yes)
        if f["t"] == "done":
            check("%s ends well" % name, f["ok"], p.of("error"))
            break
    return "\n".join(t["text"] for t in p.of("text", turn=turn)), time.monotonic() - began


def triage(lab, name):
    want, never = WEDGES[name]
    rig = lab.rig()
    try:
        rig.start()
        p = rig.console()
        rig.link(p, "pve", "up")
        words, took = run(p, "triage")
    finally:
        rig.close()
    for part in want:
        check("%s: %r" % (name, part), part in words, words[-1400:])
    for part in never:
        check("%s: no %r" % (name, part), part not in words, words[-1400:])
    print("# %s: %.1f s" % (name, took), flush=True)


def wedges():
    """each wedge is found, and the right key or command is advised"""
    lab = Lab("busybox")
    try:
        for name in os.environ.get("RUNBOOK_WEDGES", " ".join(WEDGES)).split():
            lab.wedge(name)
            triage(lab, name)
    finally:
        lab("down")


def systemd():
    """a guest with systemd: a failed unit with its last line; a repair after a yes"""
    if not os.environ.get("BG_LONG"):
        raise Skip("for contrib/check --long: the guest's first build takes minutes")
    lab = Lab("debian")
    try:
        lab.wedge("service")
        rig = lab.rig()
        try:
            rig.start()
            p = rig.console()
            rig.links_up(p) if rig.pve else rig.link(p, "devvm", "up", 60)
            words, took = run(p, "services", yes=True)
        finally:
            rig.close()
        for part in ("app.service has failed: ", "database is locked",
                     "reset-failed app.service", "still so: `failed app.service"):
            check("services: %r" % part, part in words, words[-1400:])
        print("# services: %.1f s" % took, flush=True)
    finally:
        lab("down")


if __name__ == "__main__":
    main([wedges, systemd])
