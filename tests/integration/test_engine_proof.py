#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ladder into the devvm, a fault on each rung, and the proof that is made of it."""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import LIMIT, check, main, until, with_rig  # noqa: E402
from pace import Watch  # noqa: E402

RUNGS = ["tcp", "banner", "kex", "auth", "exec", "sudo", "disk"]
SUDO = '[ "$1" = -n ] && shift; exec "$@"'


def reached(proof):
    """The rungs that hold, from the foot on."""
    names = [r["rung"] for r in proof["rungs"]]
    check("seven rungs", names == RUNGS, names)
    ok = [r["ok"] for r in proof["rungs"]]
    return ok.index(False) if False in ok else len(ok)


def began(rig, verb="start"):
    rig.start()
    p = rig.console()
    rig.quiet(p)
    return p


def climb(rig, p, verb="start"):
    """A verb whose proof is a climb, and its id."""
    v = rig.verb(p, verb)
    f = p.expect(t="verb", id=v, state="finished")
    return f


def stands_at(p, rung, words, limit):
    """Within its limit the proof says that this rung does not hold, in these words."""
    at = Watch()
    f = p.expect(lambda f: words in f["text"] and not f["done"] and
                 reached(f) == RUNGS.index(rung), t="state", what="proof")
    at.within("%s: within %g s" % (rung, limit), limit)
    return f


def healthy(p, limit=LIMIT):
    f = p.expect(t="state", what="proof", done=True, limit=limit)
    check("healthy", f["end"] == "healthy" and reached(f) == 7, f)
    ms = [r["ms"] for r in f["rungs"]]
    check("milliseconds that grow, up to sudo", ms[:5] == sorted(ms[:5]) and
          max(ms) <= f["ms"], f)
    return f


def tries(p):
    """When the engine began to connect to the devvm, in ms."""
    links = [f for f in p.facts if f.get("what") == "link" and f["host"] == "devvm"]
    return [b["mono_ms"] for a, b in zip(links, links[1:])
            if a["state"] == "down" and b["state"] == "connecting"]


def row(proof, what):
    return [r for r in proof["table"] if r["what"] == what][0]


@with_rig()
def cycle_has_a_table(rig):
    """a cycle: new pid, the old one beside it, staged config gone, a sentence"""
    p = began(rig)
    rig.pve.write("pending.txt", "cur memory: 48000\nnew memory: 52000\ncur name: devvm\n")
    old = rig.pve.vm_pid()
    v = rig.verb(p, "cycle")
    until("the host is at it", lambda: rig.pve.calls("stop"))
    rig.pve.write("pending.txt", "cur memory: 52000\ncur name: devvm\n")
    p.expect(t="verb", id=v, state="finished")
    f = healthy(p)
    check("pids", f["before_pid"] == old and f["pid"] == rig.pve.vm_pid() != old, f)
    check("in the table", row(f, "QEMU pid") == dict(
        what="QEMU pid", before=str(old), after=str(f["pid"]), ok=True), f["table"])
    check("staged config", row(f, "staged config") == dict(
        what="staged config", before="memory", after="none", ok=True), f["table"])
    check("status", row(f, "VM status")["after"] == "running" and row(f, "VM status")["ok"], f)
    start = row(f, "QEMU start")
    check("when QEMU began", re.match(r"20..-..-..T..:..:..Z$", start["after"]) and
          start["before"] <= start["after"] and start["ok"], start)
    check("this guest has not booted: said", row(f, "boot id")["ok"] is False and
          "NOT booted anew" in f["text"], f)
    check("sentence", "new QEMU process (pid %d, was %d)" % (f["pid"], old) in f["text"] and
          "staged config is applied (memory)" in f["text"] and "after the cycle" in f["text"], f)
    check("uptime, boot id, milliseconds", f["uptime_s"] > 0 and len(f["boot_id"]) == 36 and
          f["ms"] > 0, f)


@with_rig()
def reset_keeps_what_waits(rig):
    """a reset: the same pid, and staged config still waits"""
    rig.pve.write("pending.txt", "cur memory: 48000\nnew memory: 52000\n")
    p = began(rig)
    climb(rig, p, "reset")
    f = healthy(p)
    check("same process", "same QEMU process" in f["text"] and row(f, "QEMU pid")["ok"], f)
    check("waits", row(f, "staged config")["after"] == "memory" and
          "ok" not in row(f, "staged config") and "cycle (F7) applies it" in f["text"], f)


@with_rig()
def a_dead_port(rig):
    """nobody listens: tcp; a second after it does, the devvm is proved to be back"""
    p = began(rig)
    rig.devvm.refuse()
    rig.devvm.cut()
    climb(rig, p)
    stands_at(p, "tcp", "takes no connection", 5)
    rig.devvm.back()
    at = Watch()
    f = healthy(p)
    at.within("within 2 s", 2, f)
    check("a fresh connection's rungs differ", f["rungs"][0]["ms"] < f["rungs"][4]["ms"], f)


@with_rig()
def no_greeting(rig):
    """tcp and then nothing: banner, said within 3 s; and back at once when it greets"""
    p = began(rig)
    rig.devvm.silent()
    rig.devvm.cut()
    climb(rig, p)
    stands_at(p, "banner", "sshd says nothing", 3)
    until("some tries", lambda: p.pump(0.05) or len(tries(p)) > 4)
    gaps = [b - a for a, b in zip(tries(p)[1:], tries(p)[2:])]
    check("at most one try a second", min(gaps) >= 990, gaps)
    rig.devvm.back()
    at = Watch()
    healthy(p)
    at.within("within 3 s", 3)


@with_rig()
def a_greeting_and_nothing(rig):
    """banner and then nothing: key exchange, told apart from a silent port"""
    p = began(rig)
    rig.devvm.mode = "greets"
    rig.devvm.cut()
    climb(rig, p)
    stands_at(p, "kex", "greets and then says nothing", 12)    # its limit is 10 s
    rig.devvm.back()
    healthy(p)


@with_rig()
def a_refused_key(rig):
    """auth: refused, in the host's sense, and not knocked at each second"""
    p = began(rig)
    with open(rig.devvm.top + "/authorized_keys") as f:
        keys = f.read()
    open(rig.devvm.top + "/authorized_keys", "w").close()
    rig.devvm.cut()
    climb(rig, p)
    f = stands_at(p, "auth", "does not let us in", 6)
    check("the reason", "authorized_keys" in f["text"], f)
    with open(rig.devvm.top + "/authorized_keys", "w") as f:
        f.write(keys)
    at = Watch()
    healthy(p)
    at.within("offered again after 3 s", 6)


@with_rig()
def a_shell_that_hangs(rig):
    """exec: the login works, nothing runs; ends within 12 s, and the climb goes on"""
    p = began(rig)
    conf = rig.devvm.top + "/sshd_config"
    with open(conf) as f:
        good = f.read()
    with open(conf, "w") as f:
        f.write(good + "ForceCommand while [ -e %s ]; do sleep 0.1; done\n" % conf)
    rig.devvm.cut()
    climb(rig, p)
    stands_at(p, "exec", "runs nothing", 12)
    with open(conf, "w") as f:
        f.write(good)
    rig.devvm.cut()
    healthy(p)


@with_rig()
def sudo_refused(rig):
    """sudo: its own words"""
    p = began(rig)
    rig.devvm.program("sudo", "echo 'sudo: a password is required' >&2; exit 1")
    climb(rig, p)
    stands_at(p, "sudo", "sudo does not work: sudo: a password is required", 3)
    rig.devvm.program("sudo", SUDO)
    healthy(p)


@with_rig()
def sudo_that_hangs(rig):
    """sudo: does not come back; bounded on the guest"""
    p = began(rig)
    rig.devvm.program("sudo", "exec sleep 1000")
    climb(rig, p)
    stands_at(p, "sudo", "sudo does not work", 7)
    rig.devvm.program("sudo", SUDO)
    healthy(p)


@with_rig()
def a_write_that_hangs(rig):
    """disk: a write that nothing can end is told within 8 s, and no second one is begun"""
    p = began(rig)
    count, looks = rig.devvm.top + "/writes", rig.devvm.top + "/looks"
    # as in the kernel: no signal ends it, and it keeps the probe's lock
    rig.devvm.program("dd", "trap '' TERM HUP\necho x >>%s\n"
                      "until [ -e %s/go ] || [ ! -e %s ]; do sleep 0.05; done\n"
                      "exec /usr/bin/dd \"$@\"" % (count, rig.devvm.top, count))
    climb(rig, p)
    f = stands_at(p, "disk", "a write with fsync does not come back", 8)
    check("sudo held", f["rungs"][5]["ok"], f)
    rig.devvm.program("sudo", "echo x >>%s\n%s" % (looks, SUDO))
    until("two more looks", lambda: os.path.exists(looks) and os.path.getsize(looks) >= 4)
    with open(count) as f:
        check("one write", len(f.read().split()) == 1)
    open(rig.devvm.top + "/go", "w").close()
    healthy(p, 25)


@with_rig()
def a_full_disk(rig):
    """disk: No space left is told apart"""
    p = began(rig)
    rig.devvm.program("dd", "exec /usr/bin/dd of=/dev/full")
    climb(rig, p)
    f = stands_at(p, "disk", "the devvm's disk is full", 5)
    check("the words", "No space left" in f["text"], f)
    rig.devvm.program("dd", None)
    healthy(p)


@with_rig()
def a_read_only_disk(rig):
    """disk: Read-only file system is told apart"""
    p = began(rig)
    rig.devvm.program("mktemp", "echo \"mktemp: failed to create file via template '$1': "
                      "Read-only file system\" >&2; exit 1")
    climb(rig, p)
    f = stands_at(p, "disk", "the devvm's disk is read-only", 5)
    rig.devvm.program("mktemp", None)
    healthy(p)


@with_rig()
def another_verb(rig):
    """a climb that another verb ends is superseded, and the next proof is of that one"""
    p = began(rig)
    rig.devvm.silent()
    rig.devvm.cut()
    climb(rig, p)
    stands_at(p, "banner", "", 5)
    rig.devvm.back()
    rig.verb(p, "reset")
    f = p.expect(t="state", what="proof", done=True)
    check("superseded", f["end"] == "superseded" and f["verb"] == "start", f)
    check("the next one", healthy(p)["verb"] == "reset")


@with_rig()
def stop_has_no_ladder(rig):
    """after a stop: VM off in the table, nothing is climbed"""
    p = began(rig)
    climb(rig, p, "stop")
    f = p.expect(t="state", what="proof", done=True)
    check("stopped", f["end"] == "stopped" and f["rungs"] == [] and
          row(f, "VM status") == dict(what="VM status", before="running", after="stopped",
                                      ok=True), f)
    check("what brings it back", "start (F4)" in f["text"], f)


@with_rig()
def a_verb_that_failed(rig):
    """a cycle that the host refused: the devvm still answers, and that is said"""
    p = began(rig)
    rig.pve.write("102.conf", "memory: 48000\nname: devvm\nlock: backup\n")
    f = climb(rig, p, "cycle")
    check("refused at the host", f["exit"] == 5, f)
    f = p.expect(t="state", what="proof", done=True)
    check("what is true", f["end"] == "healthy" and "the cycle failed (exit 5)" in f["text"] and
          "the devvm answers" in f["text"] and "same QEMU process" in f["text"], f)


@with_rig()
def a_start_that_failed(rig):
    """a cycle that could not start again: VM off, said at once, with the key"""
    p = began(rig)
    rig.pve.hook("start", "echo 'start failed: no memory' >&2; exit 255\n")
    f = climb(rig, p, "cycle")
    check("the host says so", f["exit"] == 3, f)
    at = Watch()
    f = p.expect(t="state", what="proof", done=True)
    at.within("at once", 12)
    # the rig's devvm is no guest of its QEMU: something still answers
    check("off", f["end"] == "given up" and "the cycle failed (exit 3)" in f["text"] and
          "another machine" in f["text"] and
          "VM 102 is off: start (F4)" in f["text"] and
          row(f, "VM status") == dict(what="VM status", before="running", after="stopped",
                                      ok=False), f)


@with_rig()
def dead_and_refused(rig):
    """a verb that the host refused while the devvm is dead: given up after 20 s, in words"""
    p = began(rig)
    rig.devvm.refuse()
    rig.devvm.cut()
    rig.pve.write("102.conf", "memory: 48000\nname: devvm\nlock: backup\n")
    climb(rig, p, "cycle")
    at = Watch()
    f = p.expect(t="state", what="proof", done=True)
    check("after 20 s", 15 < at.within("in 20 s", 26), at.took())
    check("in words", f["end"] == "given up" and "the cycle failed (exit 5); the devvm takes "
          "no connection" in f["text"] and reached(f) == 0, f)


@with_rig()
def lost_again(rig):
    """back and lost again within 30 s: the climb goes on, and says so"""
    p = began(rig)
    climb(rig, p)
    healthy(p)
    rig.devvm.refuse()
    rig.devvm.cut()
    f = p.expect(t="state", what="proof", done=False)
    check("said", "lost again" in f["text"], f)
    rig.devvm.back()
    healthy(p)


@with_rig()
def a_unit_that_fails_late(rig):
    """units that failed are named; one that fails within 15 s of the end, too"""
    failed = rig.devvm.top + "/failed"
    with open(failed, "w") as f:
        f.write("nfs-mount.service loaded failed failed Share\n")
    rig.devvm.program("systemctl", "cat " + failed)
    p = began(rig)
    climb(rig, p)
    f = healthy(p)
    check("named", row(f, "failed units")["after"] == "1: nfs-mount.service" and
          "ok" in row(f, "failed units") and "1 failed unit: nfs-mount.service" in f["text"], f)
    with open(failed, "a") as out:
        out.write("db.service not-found failed failed Db\n")
    f = healthy(p, 25)
    check("the late one", f["failed_units"] == 2 and "db.service" in f["text"], f)


if __name__ == "__main__":
    main([cycle_has_a_table, reset_keeps_what_waits, a_dead_port, no_greeting,
          a_greeting_and_nothing, a_refused_key, a_shell_that_hangs, sudo_refused,
          sudo_that_hangs, a_write_that_hangs, a_full_disk, a_read_only_disk, another_verb,
          stop_has_no_ladder, a_verb_that_failed, a_start_that_failed, dead_and_refused,
          lost_again,
          a_unit_that_fails_late])
