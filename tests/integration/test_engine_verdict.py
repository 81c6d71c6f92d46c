#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict: host and devvm together, told once and whole, with no AI."""
import base64
import glob
import json
import os
import stat
import struct
import sys
import zlib

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import LIMIT, check, main, until, with_rig  # noqa: E402


WELL = ("healthy", "crawling")     # this machine may be busy


def verdicts(p, **members):
    return p.of("verdict", **members)


def whole(p, run, limit=LIMIT):
    """The verdict that the climb of this run completes."""
    return p.expect(lambda f: not f.get("climbing"), t="verdict", id=run, limit=limit)


def nots(f):
    return [n["verb"] for n in f["not"]]


def has(f, part):
    return any(part in line for line in f["evidence"])


def png(size=300):
    """A whole PNG of one pixel, made larger by a chunk of text."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + \
            struct.pack(">I", zlib.crc32(kind + data))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)) + \
        chunk(b"tEXt", b"k\0" + os.urandom(size)) + chunk(b"IDAT", zlib.compress(b"\0\0")) + \
        chunk(b"IEND", b"")


def scripted(rig, *lines, exit=0):
    """The host program says these lines, whatever it is asked."""
    rig.pve.write("said", "".join(line + "\n" for line in lines))
    with open(rig.pve.top + "/program.new", "w") as f:
        f.write("#!/bin/sh\ncat %s/said\nexit %d\n" % (rig.pve.top, exit))
    os.chmod(rig.pve.top + "/program.new", 0o755)
    os.replace(rig.pve.top + "/program.new", rig.pve.top + "/program")    # the other may still run
    rig.pve.configure('command="%s/program",restrict ' % rig.pve.top, "/usr/bin:/bin")


def facts(*pairs):
    return ["#bg run id=20260101T000000Z-forensics-1 verb=forensics version=1",
            *("#bg fact " + p for p in pairs)]


HEALTHY = ("status=running", "qmp=alive", "qmp_ms=2", "qemu=ours", "qemu_pid=4711", "gap_ms=3000",
           "rd_delta=1", "wr_delta=5", "agent=alive", "freeze=thawed", "lock=none", "staged=0")
END = '#bg verdict word=healthy advice=none why="nothing is stuck"'
RESULT = "#bg result verb=forensics rc=0 ms=3100 state=running pid=4711"


def png_section(data, rc=0):
    text = base64.b64encode(data).decode()
    return ["#bg section=screen-png t_ms=9"] + \
        ["  " + text[i:i + 76] for i in range(0, len(text), 76)] + \
        ["#bg end=screen-png rc=%d ms=5" % rc]


@with_rig()
def partial_then_whole(rig):
    """forensics are told twice: with the capture, and when the climb is over; then no more"""
    rig.start()
    p = rig.console()
    rig.links_up(p)
    v = rig.verb(p, "forensics", confirm=False)
    a = p.expect(t="verdict", id=v)
    check("the first is partial", a["partial"] and a.get("climbing"), a)
    b = whole(p, v)
    check("the second is whole", b["word"] in WELL and b["advice"] == "none" and
          b["partial"] is False and b["host_word"] == "healthy", b)
    check("it rests on both sides", has(b, "host: status running") and
          has(b, "devvm: banner after"), b)
    check("at most twelve lines of 160 bytes", len(b["evidence"]) <= 12 and
          all(len(x) <= 160 for x in b["evidence"]), b)
    for i in range(4):
        s = rig.verb(p, "status", confirm=False)
        p.expect(t="verb", id=s, state="finished")
    p.pump(1.5)
    check("statuses that change nothing tell nothing", len(verdicts(p, id=v)) == 2, verdicts(p))
    record = [r for r in rig.journal() if r["t"] == "verdict" and r.get("id") == v]
    check("both are in the journal", len(record) == 2, record)


@with_rig()
def first_console(rig):
    """the first console is told a verdict by itself, the second is no reason for another"""
    rig.start()
    p = rig.console("ann")
    f = p.expect(lambda f: f["word"] in WELL and has(f, "host: status"), t="verdict")
    check("it knows the climb", has(f, "write with sync after"), f)
    told = len(verdicts(p))
    check("one, or two where the host answered later than the climb", told <= 2, verdicts(p))
    rig.console("bob")
    p.pump(1.0)
    check("no other was told", len(verdicts(p)) == told, verdicts(p))


@with_rig()
def stall(rig):
    """an I/O stall: cycle, and why not reset; the cycle's own proof ends it"""
    rig.pve.write("mode", "running stalled\n")
    rig.start()
    p = rig.console()
    rig.links_up(p)
    v = rig.verb(p, "forensics", confirm=False)
    a = p.expect(t="verdict", id=v)
    check("stall, cycle", a["word"] == "stall" and a["advice"] == "cycle", a)
    why = [n["why"] for n in a["not"] if n["verb"] == "reset"]
    check("why not reset", why and "destroys the evidence" in why[0], a)
    check("the queue is evidence", has(a, "queue holds"), a)
    whole(p, v)
    v = rig.verb(p, "cycle")
    c = p.expect(t="verdict", id=v)
    check("the cycle's own capture is told before it acts", c["word"] in ("stall", "healthy"), c)
    end = p.facts.index(p.expect(t="verb", id=v, state="finished", exit=0))
    f = p.expect(lambda f: f["word"] in WELL, t="verdict")
    check("healthy in the end", f["advice"] == "none", f)
    check("what was measured before it does not speak of the new QEMU",
          "stall" not in [x.get("word") for x in p.facts[end:]], p.facts[end:])
    check("the proof was over by then", p.of("state", what="proof")[-1]["done"],
          p.of("state", what="proof")[-1])


@with_rig()
def nobody_waits_for_ever(rig):
    """three who ask at once, and one whose run a cycle overtakes: each has a last word"""
    rig.start()
    p = rig.console()
    rig.links_up(p)
    runs = [rig.verb(p, "forensics", confirm=False) for i in range(3)]
    for v in runs:
        until("the last word about " + v, lambda: p.pump(0.01) or [
            f for f in verdicts(p, id=v) if not f.get("climbing")])
    v = rig.verb(p, "forensics", confirm=False)
    p.expect(t="verdict", id=v)
    w = rig.verb(p, "cycle")
    for x in (v, w):
        until("the last word about " + x, lambda: p.pump(0.01) or [
            f for f in verdicts(p, id=x) if not f.get("climbing")], 60)
    f = [f for f in verdicts(p, id=v) if not f.get("climbing")][-1]
    check("who was overtaken is advised nothing beside it", f["advice"] == "none", f)
    f = verdicts(p)[-1]
    check("healthy in the end", f["word"] in WELL and f["id"] == w, f)
    askers = [rig.popen("verdict") for i in range(2)]
    for c in askers:
        out, err = c.communicate(timeout=LIMIT)
        check("each command has its answer", out.split("\n")[0] in WELL, out, err)


@with_rig()
def beside_a_proof(rig):
    """forensics during a cycle and while its proof waits for the guest: a last word, at once"""
    rig.start()
    p = rig.console()
    rig.links_up(p)
    rig.devvm.refuse()
    rig.devvm.cut()
    w = rig.verb(p, "cycle")
    p.expect(t="verdict", id=w)         # its capture: it is about to act
    v = rig.verb(p, "forensics", confirm=False)
    f = p.expect(t="verdict", id=v)
    check("during the cycle: that is all", not f.get("climbing") and f["partial"], f)
    check("and no other verb beside it", f["advice"] == "none" and
          {"reset", "cycle", "stop"} <= set(nots(f)), f)
    p.expect(t="verb", id=w, state="finished", exit=0)
    f = p.expect(t="verdict", id=w)
    check("the cycle's own has more to come", f.get("climbing"), f)
    v = rig.verb(p, "forensics", confirm=False)
    f = p.expect(t="verdict", id=v)
    check("while the proof climbs: that is all", not f.get("climbing") and f["partial"], f)
    check("it boots: no verb is advised", f["advice"] == "none", f)
    out, err = rig.popen("verdict").communicate(timeout=30)
    check("the command has its answer", out.startswith(f["word"] + "\n") and
          "all that could be measured" in out, out, err)
    check("the proof still climbs", not p.of("state", what="proof")[-1]["done"],
          p.of("state", what="proof")[-1])


@with_rig()
def stopped_and_back(rig):
    """stopped: start; with no quorum nothing is advised, and who holds a lock is named"""
    rig.start()
    p = rig.console()
    rig.links_up(p)
    rig.devvm.refuse()
    rig.devvm.cut()
    v = rig.verb(p, "stop")
    p.expect(t="verb", id=v, state="finished", exit=0)
    f = p.expect(t="verdict", id=v, word="stopped")
    check("start", f["advice"] == "start" and "reset" in nots(f), f)
    os.chmod(rig.pve.top + "/local", 0o555)
    v = rig.verb(p, "status", confirm=False)
    f = p.expect(t="verdict", word="stopped", advice="none")
    check("why not", "start" in nots(f) and "then start" in f["todo"], f)
    vm = p.of("state", what="vm")[-1]
    check("the vm's state says so too", vm.get("startable") is False, vm)
    os.chmod(rig.pve.top + "/local", 0o755)
    rig.pve.write("102.conf", "memory: 48000\nname: devvm\nlock: backup\n")
    v = rig.verb(p, "status", confirm=False)
    p.expect(t="verb", id=v, state="finished")
    f = p.expect(lambda f: "is locked (backup)" in f.get("todo", ""), t="verdict", word="stopped")
    check("the lock is in the way", "start" in nots(f) and has(f, "config lock backup"), f)


@with_rig()
def one_shot(rig):
    """breakglass verdict: 0 and the evidence when healthy, 1 with the advice when not"""
    c = rig.cli("verdict")
    word = c.stdout.split("\n")[0]
    check("healthy: 0", word in WELL and c.returncode == (word != "healthy") and
          "devvm: banner" in c.stdout and "advice: none" in c.stdout, c)
    rig.pve.write("mode", "paused\n")
    rig.devvm.refuse()
    rig.devvm.cut()             # the engine of the first one may not be gone yet
    c = rig.cli("verdict")
    check("paused: 1", c.returncode == 1 and c.stdout.startswith("paused\n") and
          "advice: start" in c.stdout and "not reset" in c.stdout, c)
    check("no word more", rig.cli("verdict", "now").returncode == 64)


@with_rig()
def screen(rig):
    """the guest's screen: its last lines are evidence, its picture a file beside the journal"""
    picture = png(9000)
    scripted(rig, *facts(*HEALTHY, "screen=text", "screen_says=login",
                         "png_bytes=%d" % len(picture)),
             "#bg section=screen t_ms=8", "  Debian GNU/Linux 12 devvm tty1", "",
             "  devvm login: ", "   ", "#bg end=screen rc=0 ms=2", *png_section(picture), END,
             RESULT)
    rig.devvm.refuse()
    rig.start()
    p = rig.console()
    rig.link(p, "pve", "up")
    v = rig.verb(p, "forensics", confirm=False)
    f = whole(p, v)
    found = glob.glob(rig.sessions + "/incidents/*-%s.png" % v)
    check("one file with the incident's name and the run's", len(found) == 1, found,
          os.listdir(rig.sessions + "/incidents"))
    with open(found[0], "rb") as g:
        check("every byte", g.read() == picture)
    check("0600", stat.S_IMODE(os.stat(found[0]).st_mode) == 0o600)
    for data, rc, why in ((picture[:-5], 0, "no whole PNG"), (b"GIF89a" + picture, 0, "no whole"),
                          (picture, 124, "did not finish"),
                          (png(300 * 1024), 0, "larger than 256 KiB")):
        scripted(rig, *facts(*HEALTHY), *png_section(data, rc), END, RESULT)
        v = rig.verb(p, "forensics", confirm=False)
        p.expect(lambda n: why in n["text"], t="note")
        p.expect(t="verdict", id=v)
        check("no file", not glob.glob(rig.sessions + "/incidents/*-%s.png" % v), why)
    check("no other file", len(glob.glob(rig.sessions + "/incidents/*.png")) == 1)


@with_rig()
def panic_on_screen(rig):
    """a panic on the screen of a guest that does not answer: reset, cycle when config is staged"""
    said = [*facts(*HEALTHY[:5], "gap_ms=3000", "rd_delta=0", "wr_delta=0", "vcpu_pct=100",
                   "agent=silent", "screen=text", "screen_says=panic"),
            "#bg section=screen t_ms=8", "  Kernel panic - not syncing: sysrq triggered crash",
            "  ---[ end Kernel panic ]---", "#bg end=screen rc=0 ms=2"]
    spin = '#bg verdict word=guest-spin advice=reset why="it burns CPU"'
    rig.devvm.refuse()
    scripted(rig, *said, spin, RESULT)
    rig.start()
    p = rig.console()
    rig.link(p, "pve", "up")
    v = rig.verb(p, "forensics", confirm=False)
    f = whole(p, v)
    check("panic, reset", f["word"] == "panic" and f["advice"] == "reset" and
          f["host_word"] == "guest-spin", f)
    check("the screen's words", has(f, "Kernel panic - not syncing"), f)
    s = p.of("state", what="screen", id=v)
    check("the screen is a fact", len(s) == 1 and s[0]["says"] == "panic" and
          s[0]["kind"] == "text" and len(s[0]["lines"]) == 2, s)
    check("its rows that matter", [m["row"] for m in s[0]["matters"]] == [0, 1], s)
    scripted(rig, *said, "#bg fact staged=2", spin, RESULT)
    v = rig.verb(p, "forensics", confirm=False)
    f = p.expect(t="verdict", id=v)
    check("with staged config a cycle", f["advice"] == "cycle" and "reset" in nots(f), f)


@with_rig()
def boot_waits(rig):
    """a boot that waits for a person: no verb; beside a stall, an agent or a later login it is old"""
    screen = ["#bg section=screen t_ms=8", "  ALERT!  UUID=0f9d does not exist.  Dropping to a shell!",
              "", "  (initramfs) ", "#bg end=screen rc=0 ms=2",
              "#bg section=screen-above t_ms=9", "  Kernel panic - not syncing: an old one",
              "#bg end=screen-above rc=0 ms=0"]
    dead = [*facts(*HEALTHY[:5], "gap_ms=3000", "rd_delta=0", "wr_delta=0", "vcpu_pct=2",
                   "agent=silent", "screen=text", "screen_says=emergency"), *screen]
    rig.devvm.refuse()
    scripted(rig, *dead, '#bg verdict word=guest-idle advice=reset why="it waits"', RESULT)
    rig.start()
    p = rig.console()
    rig.link(p, "pve", "up")
    f = whole(p, rig.verb(p, "forensics", confirm=False))
    check("no reset", f["word"] == "boot-waits" and f["advice"] == "none" and
          f["host_word"] == "guest-idle", f)
    check("its line is quoted", has(f, "does not exist"), f)
    check("what has scrolled away, too", has(f, "scrolled out of sight: a kernel panic"), f)
    scripted(rig, *dead, '#bg verdict word=stall advice=cycle why="it holds requests"', RESULT)
    f = p.expect(t="verdict", id=rig.verb(p, "forensics", confirm=False))
    check("a stall is a stall", f["word"] == "stall" and f["advice"] == "cycle", f)
    at = dead.index("#bg end=screen rc=0 ms=2")
    scripted(rig, *dead[:at], "  devvm login: ", *dead[at:],
             '#bg verdict word=guest-idle advice=reset why="it waits"', RESULT)
    f = p.expect(t="verdict", id=rig.verb(p, "forensics", confirm=False))
    check("a login below it", f["word"] == "guest-idle" and f["advice"] == "reset", f)
    scripted(rig, *facts(*HEALTHY), *screen, END, RESULT)
    f = p.expect(t="verdict", id=rig.verb(p, "forensics", confirm=False))
    check("a guest that lives", f["word"] not in ("boot-waits", "panic"), f)


if __name__ == "__main__":
    main([partial_then_whole, first_console, stall, nobody_waits_for_ever, beside_a_proof, stopped_and_back, screen,
          panic_on_screen, boot_waits, one_shot])
