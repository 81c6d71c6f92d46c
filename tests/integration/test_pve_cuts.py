#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Goal: a cycle is cut at every line of its output, and the VM runs in the end.

The old script left the VM powered off in 6 of 6 trials when its client went away
between stop and start.  Here a cycle is cut by FIN, by RST, by SIGKILL of the
client, by SIGKILL of the engine, and by a network that drops every packet from
then on: each time the VM runs in a new process and `status` tells the result.
A fast qm and QEMU behind a real sshd; 190 trials (40 under the sanitizers).
Fifty requests at once: one runs, 49 are told who holds the slot.
"""
import itertools
import os
import queue
import subprocess
import threading

import engine_rig
from pve_cuts import MODES, Site, cut_client, cut_engine
from engine_rig import LIMIT, Rig, check, main, until, with_rig

SHORT = engine_rig.SANITIZED
TRIALS = 40 if SHORT else 190
ENOUGH = 5          # failures: the rest would only say it again
HANDS = 4           # trials at the same time, each with a host of its own
SLOW = 'read -rt 0.15 _ <> <(:)\n'      # a stop and a start that take a moment


def site_of(rig):
    return Site(rig.pve.port, rig.env["BREAKGLASS_PVE_USER"], rig.key, rig.dir)


def status(rig):
    """What the host says now, without ssh: its marks as a dict."""
    r = subprocess.run([engine_rig.BUILD + "/src/host/breakglass-pve", "--site",
                        rig.pve.top + "/site"], capture_output=True, text=True, timeout=60,
                       env={"SSH_ORIGINAL_COMMAND": "status"})
    return {k: v for line in r.stdout.splitlines() if line.startswith("#bg fact ")
            for k, v in [line[9:].split("=", 1)]}


def job_over(rig):
    until("the cycle ends at the host", lambda: not os.path.exists(rig.pve.top + "/run/now"))


def lines_of_a_cycle(rig):
    p = site_of(rig).ssh("cycle")
    out = p.communicate(timeout=LIMIT)[0]
    check("an undisturbed cycle works", p.returncode == 0, out[-800:])
    return out.count(b"\n")


def trial(rig, mode, at):
    old = rig.pve.vm_pid()
    calls = rig.pve.calls("start")

    def reached(lines):
        """At line 0: before the first one is read, but not before it has begun."""
        return len(lines) >= at and (at or until("the run has begun", lambda: os.path.exists(
            rig.pve.top + "/run/now")))
    if mode == "engine":
        name = cut_engine(rig, reached, lambda: job_over(rig))
    else:
        name = cut_client(site_of(rig), mode, reached, lambda: job_over(rig))
    what = "%s at line %d" % (mode, at)
    check(what + ": the VM runs in a new process",
          rig.pve.vm_runs() and rig.pve.vm_pid() != old, old, rig.pve.vm_pid())
    check(what + ": it was started once", rig.pve.calls("start") == calls + 1)
    s = status(rig)
    check(what + ": its state is running", s.get("status") == "running", s)
    check(what + ": the result can be read", s.get("last_verb") == "cycle" and
          s.get("last_rc") == "0" and s.get("job") == "none", s)
    check(what + ": under the name that the client was told",
          name in ("", s.get("last_id")), name, s)


def hand(todo, failures, counts):
    rig = Rig(devvm=False)
    try:
        rig.pve.hook("stop", SLOW)
        rig.pve.hook("start", SLOW)
        while len(failures) < ENOUGH:
            mode, at = todo.get_nowait()
            try:
                trial(rig, mode, at)
                counts.append(mode)
            except Exception as e:
                failures.append("%s at line %d: %s" % (mode, at, e))
    except queue.Empty:
        pass
    finally:
        rig.close()


def test_cut_at_every_line():
    """a cycle cut at every line by each of five causes: the VM runs each time"""
    rig = Rig(devvm=False)
    try:
        total = lines_of_a_cycle(rig)
    finally:
        rig.close()
    todo, failures, counts = queue.Queue(), [], []
    # each line in turn, the causes against each other's rhythm
    causes = itertools.cycle(MODES)
    for i in range(TRIALS):
        todo.put((next(causes), i * total // TRIALS if TRIALS <= total else i % (total + 1)))
    hands = [threading.Thread(target=hand, args=(todo, failures, counts))
             for _ in range(HANDS)]
    for h in hands:
        h.start()
    for h in hands:
        h.join()
    print("# a cycle has %d lines; %d of %d trials: the VM runs and the result can be read"
          % (total, len(counts), TRIALS))
    check("every trial ends with a running VM", not failures, *failures[:5])
    check("every trial was made", len(counts) == TRIALS)


@with_rig(devvm=False)
def test_fifty_at_once(rig):
    """fifty cycles at once: one runs, 49 are told who holds the slot"""
    rig.pve.hold("stop")
    told, won = [], []
    old = rig.pve.vm_pid()
    crowd = [site_of(rig).ssh("cycle") for _ in range(50)]
    threads = []

    def listen(p):
        out = p.stdout.read().decode()
        p.stdout.close()
        (told if p.wait() == 75 else won).append((p.returncode, out))
    for p in crowd:
        threads.append(threading.Thread(target=listen, args=(p,)))
        threads[-1].start()
    try:
        until("49 were told", lambda: len(told) == 49 or won, 120)
    finally:
        rig.pve.release("stop")
        for t in threads:
            t.join(LIMIT)
    check("exactly one ran", len(won) == 1 and won[0][0] == 0, len(told), won)
    name = won[0][1].split("#bg run id=")[1].split()[0]
    for _, out in told:
        check("the others are told the holder's verb, name, phase and age",
              "#bg fact holder_id=" + name in out and "#bg fact holder_verb=cycle" in out and
              "#bg fact holder_phase=" in out and "#bg fact holder_age_s=" in out, out)
        check("nothing of theirs ran", "phase=" not in out.replace("holder_phase=", ""), out)
    check("qm stopped and started it once",
          rig.pve.calls("stop") == 1 and rig.pve.calls("start") == 2)
    check("the VM runs in a new process", rig.pve.vm_runs() and rig.pve.vm_pid() != old)
    log = rig.pve.read("log/breakglass.log")
    check("each has one line in the log", log.count("\n") == 50 and
          log.count(" rc=75 ") == 49, log[-500:])


main([test_cut_at_every_line, test_fifty_at_once])
