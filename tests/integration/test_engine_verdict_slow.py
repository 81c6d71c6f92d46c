#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict where hosts are silent: what waits for time-outs."""
import json
import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import LIMIT, Failed, check, main, with_rig  # noqa: E402


def nots(f):
    return [n["verb"] for n in f["not"]]


def has(f, part):
    return any(part in line for line in f["evidence"])


def whole(p, run, limit=LIMIT):
    """The verdict that the climb of this run completes."""
    return p.expect(lambda f: not f.get("climbing"), t="verdict", id=run, limit=limit)


def looked_at(p, where, limit):
    """The next verdict like that; the console says meanwhile that it is there."""
    end = time.monotonic() + limit
    while True:
        p.send(t="ping")
        try:
            return p.expect(where, t="verdict", limit=10)
        except Failed:
            if p.closed or time.monotonic() > end:
                raise


@with_rig()
def refused_reset(rig):
    """a reset that the host refuses: its verdict names what helps"""
    rig.pve.write("mode", "running stalled\n")
    rig.start()
    p = rig.console()
    rig.links_up(p)
    rig.devvm.refuse()      # its write would come back: it is no guest of that QEMU
    rig.devvm.cut()
    v = rig.verb(p, "reset")
    p.expect(t="verb", id=v, state="finished", exit=7)
    f = whole(p, v)
    check("still a stall", f["word"] == "stall" and f["advice"] == "cycle" and
          "reset" in nots(f), f)


@with_rig()
def host_is_silent(rig):
    """the PVE host does not answer: the devvm speaks for itself; both silent: the cold case"""
    rig.pve.refuse()
    c = rig.cli("verdict", "--json")
    f = json.loads(c.stdout.splitlines()[-1])
    check("host-silent", f["word"] == "host-silent" and c.returncode == 1, c)
    check("no verb", f["advice"] == "none" and sorted(nots(f)) ==
          ["cycle", "reset", "start", "stop"], f)
    check("what the devvm showed", has(f, "devvm: banner after") and has(f, "pve: "), f)
    rig.devvm.refuse()
    c = rig.cli("verdict")
    check("the cold case, with its ways", c.stdout.startswith("cold-case\n") and
          "iDRAC" in c.stdout and c.returncode == 1, c)


@with_rig()
def ssh_comes_and_goes(rig):
    """a devvm that is lost while somebody looks is climbed by itself, and again when it is back"""
    rig.start()
    p = rig.console()
    p.expect(t="verdict", word="healthy")
    rig.devvm.silent()
    rig.devvm.cut()
    f = looked_at(p, lambda f: f["word"] != "healthy", 40)
    check("it is said that ssh is the trouble", has(f, "did not come back") or
          has(f, "devvm: "), f)
    rig.devvm.back()
    looked_at(p, lambda f: f["word"] == "healthy", 60)


def old_program(rig, word, seconds=0):
    with open(rig.pve.top + "/program", "w") as f:
        f.write("#!/bin/sh\nread -t %d _ < /dev/tty 2>/dev/null\necho 'status: %s'\n" %
                (seconds, word))
    os.chmod(rig.pve.top + "/program", 0o755)
    rig.pve.configure('command="%s/program",restrict ' % rig.pve.top, "/usr/bin:/bin")


@with_rig()
def old_host_program(rig):
    """an old host program measures little: the devvm's climb decides, and it is called old"""
    old_program(rig, "running")
    c = rig.cli("verdict", "--json")
    f = json.loads(c.stdout.splitlines()[-1])
    check("healthy by its ssh", f["word"] == "healthy" and f["host_program"] == "old" and
          "host program is old" in f["todo"], f)
    old_program(rig, "stopped")
    rig.devvm.silent()
    f = json.loads(rig.cli("verdict", "--json").stdout.splitlines()[-1])
    check("stopped: start", f["word"] == "stopped" and f["advice"] == "start", f)


if __name__ == "__main__":
    main([refused_reset, host_is_silent, ssh_comes_and_goes, old_host_program])
