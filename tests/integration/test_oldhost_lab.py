#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine against the lab's real guest behind the old host script: a frozen QEMU is
cycled and proved by its boot id; an engine that is killed leaves the VM off, and the next
one says so and what to do."""
import os
import shlex
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import SRC, Failed, Skip, check, main, until, with_rig  # noqa: E402

LAB = [SRC + "/contrib/lab/lab", "-q", "--name", "oldhost-%d" % os.getpid()]
LONG = 180      # a machine with two cores that are busy


def lab(*words, may_fail=False):
    r = subprocess.run(LAB + list(words), capture_output=True, text=True, timeout=600)
    if r.returncode and not may_fail:
        check("lab " + words[0], False, r.stderr)
    return r


def lab_env(rig):
    for line in lab("env").stdout.splitlines():
        name, _, value = line.removeprefix("export ").partition("=")
        rig.env[name] = shlex.split(value)[0]
    rig.top = os.path.dirname(rig.env["BREAKGLASS_KEY_PATH"])


def up(rig):
    # qm takes its second, as the real one does: a reader that is killed is gone by then
    r = lab("up", "--die-with", str(os.getpid()), "--qm-delay", "1", "--host-program",
            SRC + "/contrib/lab/old-breakglass-pve", may_fail=True)
    if r.returncode:
        raise Skip("the lab cannot be made here: " + r.stderr.strip()[-200:])
    lab_env(rig)


def expect(p, where=None, **members):
    """As Peer's, for longer than a console may be silent."""
    for _ in range(LONG // 10):
        p.send(t="ping")
        try:
            return p.expect(where, limit=10, **members)
        except Failed:
            if p.closed:
                raise
    return p.expect(where, **members)


def state(rig):
    return subprocess.run([rig.top + "/bin/qm", "status", "102"], capture_output=True,
                          text=True).stdout.strip()


def boot_id_is_known(rig):
    """The engine's question to the devvm, as soon as it is up, has its answer."""
    with open(rig.run_dir + "/engine.log", errors="replace") as f:
        return "devvm: run ends" in f.read()


def console(rig):
    p = rig.console("ann")
    for host in ("pve", "devvm"):
        rig.link(p, host, "up", limit=LONG)
    until("the program is known", lambda: p.pump(0.01) or [
        f for f in p.of("state", what="vm") if f["host_program"] == "old"], LONG)
    until("the boot id is known", lambda: boot_id_is_known(rig), LONG)
    return p


@with_rig(pve=False, devvm=False)
def frozen(rig):
    """a frozen QEMU behind the old script: live output, about half a minute, proved by boot id"""
    up(rig)
    try:
        rig.start()
        p = console(rig)
        lab("wedge", "frozen")
        began = time.monotonic()
        v = rig.verb(p, "cycle")
        run = p.expect(t="verb", id=v, state="sent", limit=LONG)["run"]
        until("it is live", lambda: p.pump(0.05) or b"requesting clean stop" in p.output(run), LONG)
        check("long before the end", not p.of("verb", id=v, state="finished"))
        f = expect(p, t="verb", id=v, state="finished")
        took = time.monotonic() - began
        check("exit 0", f["exit"] == 0 and took > 25, f, took)
        proof = expect(p, t="state", what="proof", done=True)
        check("every rung", all(r["ok"] for r in proof["rungs"]), proof)
        check("another boot, told without a mark", proof["before_boot_id"] and
              proof["boot_id"] != proof["before_boot_id"] and not proof.get("pid"), proof)
        print("# the old program: cycle %.1f s, guest back %.1f s after that" % (
            took, time.monotonic() - began - took))
    finally:
        lab("down")


@with_rig(pve=False, devvm=False)
def engine_killed(rig):
    """the engine is killed in the middle: VM off, the next engine says so; start brings it back"""
    up(rig)
    try:
        e = rig.start()
        p = console(rig)
        v = rig.verb(p, "cycle")
        run = p.expect(t="verb", id=v, state="sent", limit=LONG)["run"]
        until("at it", lambda: p.pump(0.05) or b"requesting clean stop" in p.output(run), LONG)
        e.kill()
        e.wait()
        until("the VM is off", lambda: state(rig) == "status: stopped", LONG)
        rig.start()
        q = rig.console("ann")
        u = q.expect(lambda u: "stopped" in u["now"], t="state", what="unfinished", limit=LONG)
        check("what to do", u["id"] == v and u["key"] == "start", u)
        w = rig.verb(q, "start")
        check("start", expect(q, t="verb", id=w, state="finished")["exit"] == 0)
        q.expect(t="state", what="unfinished", settled=True)
        proof = expect(q, t="state", what="proof", done=True)
        check("every rung", all(r["ok"] for r in proof["rungs"]), proof)
    finally:
        lab("down")


if __name__ == "__main__":
    main([frozen, engine_killed])
