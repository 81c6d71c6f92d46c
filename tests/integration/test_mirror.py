#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the record is mirrored, and who is notified: both may fail as they like."""
import json
import os
import re
import select
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import SANITIZED, alive, check, main, until, with_rig  # noqa: E402
from pace import Watch  # noqa: E402

NO_HOSTS = dict(pve=False, devvm=False)
EVIL = "a\x1b]52;c;QUJD\x07b\u202ec\nd\"e\\f\ud83d"
ANCHOR = re.compile(r"<85>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d breakglass\[\d+\]: anchor "
                    r"incident=(\S+) seq=(\d+) h=([0-9a-f]{64}|-)(?: verb=(\w+))? "
                    r"state=(\w+) by=(\S+)$")


class Log:
    """A socket like /dev/log."""

    def __init__(self, rig):
        self.path = rig.env["BREAKGLASS_SYSLOG"] = rig.dir + "/log.sock"
        self.lines = []
        self.sock = None
        self.listen()

    def listen(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(self.path)

    def close(self):
        self.sock.close()
        os.unlink(self.path)

    def read(self):
        while select.select([self.sock], [], [], 0)[0]:
            self.lines.append(self.sock.recv(65536).decode("ascii"))
        return self.lines

    def anchors(self):
        return [m.groups() for m in map(ANCHOR.match, self.read()) if m]


def hashes(rig):
    """seq -> h of the journal in hand."""
    return {r["seq"]: r.get("h", "-") for r in rig.journal()}


def stdout_lines(rig):
    with open(rig.dir + "/engine.stdout", "rb") as f:
        data = f.read()
    check("ASCII alone", all(b == 10 or 32 <= b < 127 for b in data))
    return [json.loads(line) for line in data[:data.rfind(b"\n") + 1].splitlines()]


@with_rig()
def anchors(rig):
    """each verb and each beginning and end has its anchor, with the journal's own hash"""
    log = Log(rig)
    rig.start()
    p = rig.console("ann")
    rig.links_up(p)
    v = rig.verb(p, "reset")
    p.expect(t="verb", id=v, state="finished")
    p.send(t="incident", state="close")
    p.expect(t="incident", state="closed")
    until("the last anchor", lambda: log.anchors() and log.anchors()[-1][4] == "closed")
    got = log.anchors()
    check("nothing but anchors", len(got) == len(log.lines), log.lines)
    check("in this order", [(a[3], a[4]) for a in got] == [
        (None, "opened"), ("reset", "asked"), ("reset", "confirmed"), ("reset", "finished"),
        (None, "closed")], got)
    check("by whom", [a[5] for a in got][1:3] == ["ann", "ann"], got)
    want = hashes(rig)
    check("the journal's hashes", all(want[int(a[1])] == a[2] for a in got), got)
    inc = os.path.basename(rig.journals()[-1])[:-6]
    check("its incident", {a[0] for a in got} == {inc}, got)
    rig.stop()
    lines = stdout_lines(rig)
    told = [(a["incident"], str(a["seq"]), a["h"], a.get("verb"), a["state"], a["by"])
            for a in lines if a["t"] == "anchor"]
    check("the same on standard output", told == got, told)


@with_rig()
def without_bodies(rig):
    """a foreground engine's stdout has every record, without bodies; a background one's none"""
    rig.start()
    p = rig.console("ann")
    rig.links_up(p)
    v = rig.verb(p, "forensics")
    p.expect(t="verb", id=v, state="finished")
    p.send(t="prompt", text="secret " + "\u00e9\u20ac\U0001f600\"\\\n" * 3)
    p.expect(t="done")
    p.send(t="note", text="data\",\"data\":\"x\",\"text\":\"y")
    p.expect(t="note")
    rig.stop()
    records = rig.journal()
    lines = [f for f in stdout_lines(rig) if f["t"] not in ("anchor", "dropped")]
    check("every record", [f["seq"] for f in lines] == [r["seq"] for r in records],
          len(lines), len(records))
    check("with output among them", any(r["t"] == "output" for r in records))
    for f, r in zip(lines, records):
        bodies = []
        if r["t"] == "output":
            bodies = [k for k in ("data", "data_b64") if k in r]
        elif r["t"] in ("text", "prompt") and "text" in r:
            bodies = ["text"]
            check("how long it was", f.get("bytes") == len(r["text"].encode()), f, r)
        check("without the body, else the same", {k: v for k, v in r.items() if k not in bodies} ==
              {k: v for k, v in f.items() if k not in ("bytes",) or "bytes" in r}, f, r)
    with open(rig.dir + "/engine.stdout") as out:
        check("nothing of the prompt", "secret" not in out.read())
    size = os.path.getsize(rig.dir + "/engine.stdout")
    rig.start("--background")
    rig.cli("note", "in the background")
    rig.stop()
    check("a background engine says nothing", os.path.getsize(rig.dir + "/engine.stdout") == size)


def pong(p, limit=1.0):
    began = Watch()
    p.send(t="ping")
    p.expect(t="welcome")
    return began.within("the engine answers", limit * (5 if SANITIZED else 1))


@with_rig()
def nobody_reads(rig):
    """a syslog that hangs and a stdout that nobody reads: the cycle takes place"""
    log = Log(rig)
    filler = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    filler.setblocking(False)
    filler.connect(log.path)
    try:
        while True:
            filler.send(b"x" * 100)
    except BlockingIOError:
        pass
    r, w = os.pipe()
    rig.start(stdout=w)
    os.close(w)
    p = rig.console("ann")
    rig.links_up(p)
    for i in range(100):                     # 1.5 MB: more than waits for stdout
        p.send(t="note", text="%d %s" % (i, "x" * 15000))
    p.expect(t="note", where=lambda f: f["text"].startswith("99 "))
    v = rig.verb(p, "cycle")
    f = p.expect(t="verb", id=v, state="finished")
    check("done", f["exit"] == 0, f)
    pong(p)
    data = b""
    while select.select([r], [], [], 1)[0]:
        data += os.read(r, 65536)
    lines = [json.loads(line) for line in data.decode("ascii").splitlines()]
    dropped = [f["records"] for f in lines if f["t"] == "dropped"]
    check("what is missing is told", sum(dropped) > 0, dropped)
    check("and counted", len([f for f in lines if f["t"] not in ("dropped", "anchor")]) +
          sum(dropped) >= rig.journal()[-1]["seq"], dropped)
    while select.select([log.sock], [], [], 0)[0]:
        log.sock.recv(65536)
    until("syslog has what waited", lambda: ("cycle", "finished") in [
        (a[3], a[4]) for a in log.anchors()])
    filler.close()
    os.close(r)
    rig.stop()


@with_rig(**NO_HOSTS)
def gone_and_back(rig):
    """no syslog, one that comes, one that is started anew; stdout closed or a full disk"""
    rig.env["BREAKGLASS_SYSLOG"] = rig.dir + "/log.sock"
    r, w = os.pipe()
    os.close(r)                              # EPIPE at the first line
    rig.start(stdout=w)
    os.close(w)
    check("a note", rig.cli("note", "nobody is there").returncode == 0)
    log = Log(rig)
    until("what waited comes", lambda: [a[4] for a in log.anchors()] == ["opened"])
    log.close()
    log.listen()
    log.lines = []
    check("a new one", rig.cli("incident", "new").returncode == 0)
    until("the new one is told", lambda: [a[4] for a in log.anchors()] == ["closed", "opened"])
    rig.stop()
    with open("/dev/full", "w") as full:
        rig.start(stdout=full)
    check("a note", rig.cli("note", "the disk is full").returncode == 0)
    rig.stop()
    rig.env["BREAKGLASS_SYSLOG"] = "/dev/null/no" + "x" * 200
    e = rig.start(prefix=["/bin/sh", "-c", 'exec "$@" >&- <&-', "sh"])
    check("a note", rig.cli("note", "all is closed").returncode == 0)
    for fd in "01":
        check("descriptor %s is nothing of ours" % fd,
              os.readlink("/proc/%d/fd/%s" % (e.pid, fd)) == "/dev/null")


# --- notify ---

RECORDER = r"""#!/usr/bin/python3
import json, os, sys
fds = sorted(os.listdir("/proc/self/fd"))
fact = sys.stdin.read()
with open(sys.argv[1], "a") as f:
    f.write(json.dumps(dict(args=sys.argv[2:], env=dict(os.environ), fact=json.loads(fact),
        fds=fds, sid=os.getsid(0) == os.getpid())) + "\n")
print("x" * 100)
"""


def command(rig, name, text):
    path = rig.dir + "/" + name
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o755)
    return path


def told(rig):
    try:
        with open(rig.dir + "/told") as f:
            return [json.loads(line) for line in f.read().splitlines()]
    except FileNotFoundError:
        return []


@with_rig()
def notified(rig):
    """notify_command: attaching, a mutating verb, the verdict; fact, few words, nothing else"""
    hook = command(rig, "hook", RECORDER)
    rig.env["BREAKGLASS_NOTIFY_COMMAND"] = "%s %s/told  one 'two" % (hook, rig.dir)
    rig.env["BREAKGLASS_SECRET_WORD"] = "s3cret"
    rig.start()
    p = rig.console("ann;id")
    rig.links_up(p)
    v = rig.verb(p, "status")
    p.expect(t="verb", id=v, state="finished")
    v = rig.verb(p, "reset")
    p.expect(t="verb", id=v, state="finished")
    until("verdict and end are told", lambda: {"finished", "verdict"} <= {
        t["env"]["BREAKGLASS_EVENT"] for t in told(rig)})
    events = [t["env"]["BREAKGLASS_EVENT"] for t in told(rig)]
    check("attached, then the verb", events[0] == "attached" and
          [e for e in events if e in ("confirmed", "finished")] == ["confirmed", "finished"],
          events)
    by = {t["env"]["BREAKGLASS_EVENT"]: t for t in told(rig)}
    inc = os.path.basename(rig.journals()[-1])[:-6]
    check("confirmed", (by["confirmed"]["fact"]["verb"], by["confirmed"]["env"]["BREAKGLASS_BY"],
                        by["confirmed"]["env"]["BREAKGLASS_INCIDENT"]) == ("reset", "ann;id", inc))
    for t in told(rig):
        check("arguments by blanks, no shell", t["args"] == ["one", "'two"], t["args"])
        check("few words in its environment", set(t["env"]) <= {
            "PATH", "BREAKGLASS_EVENT", "BREAKGLASS_INCIDENT", "BREAKGLASS_BY", "LC_CTYPE"},
            t["env"])
        check("no descriptor of ours, a session of its own", t["fds"] == ["0", "1", "2", "3"]
              and t["sid"], t["fds"])
    check("no error", not p.of("error", where="notify"), p.of("error"))


@with_rig()
def notify_one_shot(rig):
    """the engine of a single command stays until its hook is through, and no longer"""
    hook = command(rig, "hook", RECORDER)
    rig.env["BREAKGLASS_NOTIFY_COMMAND"] = "%s %s/told" % (hook, rig.dir)
    c = rig.cli("reset", "--confirm", "reset")
    check("reset", c.returncode in (0, 1), c)
    until("the engine has left", lambda: not os.path.exists(rig.socket))
    check("its end was told", "finished" in [t["env"]["BREAKGLASS_EVENT"] for t in told(rig)],
          told(rig))


@with_rig()
def notify_misbehaves(rig):
    """a hook that hangs and floods, fails, or is missing: one error, the cycle runs, none lives"""
    # bash: its children have its group, and it writes what nobody reads
    hook = command(rig, "hook", "#!/bin/bash\necho $$ >>%s/pids\nsleep 600 &\n"
                   "echo $! >>%s/pids\nwhile :; do echo flood; sleep 0.01; done\n" % (rig.dir, rig.dir))
    rig.env["BREAKGLASS_NOTIFY_COMMAND"] = hook
    rig.start()
    p = rig.console("ann")
    rig.links_up(p)
    v = rig.verb(p, "cycle")
    f = p.expect(t="verb", id=v, state="finished")
    check("done", f["exit"] == 0, f)
    for i in range(40):
        rig.peer().hello("c%d" % i)
    pong(p)
    f = until("an error", lambda: p.pump(0.01) or p.of("error", where="notify"))[0]
    check("why, and what to do", f["todo"] and ("10 s" in f["text"] or "32" in f["text"]), f)
    began = Watch()
    rig.stop()
    began.within("the end does not wait for it", 5)
    with open(rig.dir + "/pids") as f:
        pids = [int(x) for x in f.read().split()]
    until("nothing of it lives", lambda: not any(alive(x) for x in pids))
    for bad, word in (("/nonexistent/program", "cannot be run"), ("/bin/false", "exit 1"),
                      ("/bin/sh -c kill\t-9\t$$", "fail")):
        rig.env["BREAKGLASS_NOTIFY_COMMAND"] = bad
        rig.start()
        p = rig.peer()
        p.hello("bob")
        f = p.expect(lambda f: f.get("where") == "notify", t="error")
        check("%s: the reason" % bad, word in f["text"], f)
        rig.peer().hello("eve")
        p.pump(0.3)
        check("told once", len(p.of("error", where="notify")) == 1, p.of("error"))
        rig.stop()


main([anchors, without_bodies, nobody_reads, gone_and_back, notified, notify_one_shot,
      notify_misbehaves])
