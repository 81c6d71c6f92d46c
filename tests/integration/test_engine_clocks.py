#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts' clocks against the engine's, measured beside what is asked of them anyway."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import BUILD, check, main, until, with_rig  # noqa: E402

# A date that is off by as many seconds as the file says; %N stays what it is.
LIES = '''off=$(cat %s/off)
for a; do f=$a; done
exec /bin/date -d "@$(/bin/date -d "$off seconds" +%%s.%%N)" "$f"'''


def off(rig, seconds):
    with open(rig.devvm.top + "/off", "w") as f:
        f.write(str(seconds))


def climb(p):
    """A look at the devvm that is asked for: a status has the ladder climbed."""
    p.send(t="verb", verb="forensics")
    p.expect(t="verb", state="finished", verb="forensics")


def near(fact, seconds):
    """Within its own error (and a little for the programs that lie)."""
    check("skew %s s" % seconds, abs(fact["skew_ms"] - seconds * 1000) <=
          fact["error_ms"] + 300 and 0 < fact["error_ms"] < 5000, fact)


def clocks(records, host):
    return [r for r in records if r.get("what") == "clock" and r["host"] == host]


@with_rig()
def each_host_is_measured_once(rig):
    """clocks that are right are told once in an incident, with a small skew and an error"""
    rig.start()
    p = rig.console()
    rig.quiet(p)
    climb(p)
    for host in ("devvm", "pve"):
        until("its clock", lambda: p.pump(0.01) or clocks(rig.journal(), host))
    climb(p)
    p.expect(t="verdict", where=lambda f: not f.get("climbing"))
    for host in ("devvm", "pve"):
        told = clocks(rig.journal(), host)
        near(told[0], 0)
        check("by the engine, and no news when nothing is new",
              told[0]["by"] == "engine" and all(
                  abs(a["skew_ms"] - b["skew_ms"]) > 1000 or
                  b["error_ms"] < a["error_ms"] / 2 for a, b in zip(told, told[1:])), told)


@with_rig()
def a_lie_and_a_jump(rig):
    """a devvm that is an hour ahead is told; when its clock is set right that is news"""
    off(rig, 3600)
    rig.devvm.program("date", LIES % rig.devvm.top)
    rig.start()
    p = rig.console()
    rig.quiet(p)
    climb(p)
    until("the lie", lambda: p.pump(0.01) or [near(r, 3600) or 1 for r in clocks(
        rig.journal(), "devvm")])
    off(rig, -7)
    climb(p)
    until("the jump", lambda: p.pump(0.01) or clocks(rig.journal(), "devvm")[-1]["skew_ms"] < 0)
    near(clocks(rig.journal(), "devvm")[-1], -7)
    p.send(t="incident", state="new")
    new = p.expect(t="incident", state="opened")["id"]
    path = rig.sessions + "/incidents/" + new + ".jsonl"
    climb(p)
    until("told in the new incident too", lambda: p.pump(0.01) or clocks(
        rig.journal(path), "devvm"))
    near(clocks(rig.journal(path), "devvm")[0], -7)


@with_rig()
def a_date_that_knows_seconds_only(rig):
    """a devvm whose date has no %N is measured to the half second"""
    rig.devvm.program("date", 'echo "#bg clock $(/bin/date +%s).%N"')
    rig.start()
    p = rig.console()
    rig.quiet(p)
    climb(p)
    until("its clock", lambda: p.pump(0.01) or clocks(rig.journal(), "devvm"))
    told = clocks(rig.journal(), "devvm")[0]
    near(told, 0)
    check("half a second at least", told["error_ms"] >= 500, told)


@with_rig()
def what_the_host_program_says(rig):
    """clock_ms of the PVE host's status is believed rather than the name of its run"""
    with open(rig.pve.top + "/wrap", "w") as f:
        f.write('#!/bin/bash\n%s/src/host/breakglass-pve --site %s/site | while IFS= '
                'read -r l; do echo "$l"; case $l in "#bg run "*) echo "#bg fact clock_ms='
                '$(($(/bin/date +%%s%%3N) - 90000))";; esac; done; exit ${PIPESTATUS[0]}\n'
                % (BUILD, rig.pve.top))
    os.chmod(rig.pve.top + "/wrap", 0o755)
    rig.pve.configure('command="%s/wrap",restrict ' % rig.pve.top, "/usr/bin:/bin")
    rig.start()
    p = rig.console()
    rig.quiet(p)
    p.send(t="note", text="opens the incident")
    p.send(t="verb", verb="status")
    p.expect(t="verb", state="finished", verb="status")
    until("its clock", lambda: p.pump(0.01) or clocks(rig.journal(), "pve"))
    told = clocks(rig.journal(), "pve")[-1]
    near(told, -90)
    check("to the millisecond", told["error_ms"] < 900, told)


main([each_host_is_measured_once, a_lie_and_a_jump, a_date_that_knows_seconds_only,
      what_the_host_program_says])
