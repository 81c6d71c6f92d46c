#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine in the place of another; PID 1; being found; what the one before had in hand."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import (LIMIT, PROGRAM, SRC, Skip, alive, background_engines, check,  # noqa: E402
                        children, main, until, with_rig)
from pace import Watch  # noqa: E402

FAKE = dict(claude=SRC + "/tests/fakes/fake-claude")
NO_HOSTS = dict(pve=False, devvm=False)


def agent_is_ready(p):
    until("the agent is ready", lambda: p.pump(0.01) or [
        f for f in p.facts if f.get("what") == "agent"][-1:][0:1] and
        [f for f in p.facts if f.get("what") == "agent"][-1]["state"] == "ready")


def pid_of(rig):
    c = rig.cli("ping", "--json")
    return json.loads(c.stdout)["pid"] if c.returncode == 0 else 0


def gone(rig):
    for pid in background_engines(rig.dir):
        os.kill(pid, signal.SIGTERM)
    until("all engines have left", lambda: not background_engines(rig.dir))


@with_rig(**NO_HOSTS)
def ensure(rig):
    """--ensure starts one in the background, and only where none listens; many at once: one"""
    c = rig.cli("engine", "--ensure")
    check("exit 0", c.returncode == 0 and pid_of(rig), c)
    first = pid_of(rig)
    check("again: the same", rig.cli("engine", "--ensure").returncode == 0 and
          pid_of(rig) == first)
    gone(rig)
    cs = [rig.popen("engine", "--ensure") for _ in range(12)]
    for c in cs:
        out, err = c.communicate(timeout=LIMIT)
        check("each is content", c.returncode == 0, out, err)
    until("one engine; those that came too late have left",
          lambda: background_engines(rig.dir) == [pid_of(rig)])
    for words in (["--ensure", "--replace"], ["--now"], ["--ensure", "x"], ["--fast"]):
        c = rig.cli("engine", *words)
        check("64: what it takes", c.returncode == 64 and "--replace" in c.stderr, words, c)
    gone(rig)


@with_rig(**NO_HOSTS)
def replace(rig):
    """--replace: the incident goes on in a new engine that runs as the old one did"""
    c = rig.cli("engine", "--replace")
    check("none ran: one is started", c.returncode == 0 and "no engine ran" in c.stdout, c)
    p = rig.console()
    p.send(t="note", text="before")
    inc = p.expect(t="incident", state="opened")["id"]
    last = p.expect(t="note")["seq"]
    old = pid_of(rig)
    c = rig.cli("engine", "--replace")
    new = pid_of(rig)
    check("another one", c.returncode == 0 and new and new != old, c)
    check("said who", str(old) in c.stdout and str(new) in c.stdout, c)
    check("in the background", background_engines(rig.dir) == [new])
    p.expect_end()
    q = rig.peer()
    q.attach(since=last, incident=inc)
    left = q.of("incident", state="left")
    check("left, and why", left and left[0]["reason"] == "terminated", q.facts)
    check("continued", q.of("incident", state="continued")[-1]["pid"] == new)
    check("exactly once", q.seqs()[0] == last + 1)
    gone(rig)


@with_rig(devvm=True, pve=True, **FAKE)
def replace_refuses(rig):
    """a turn, a verb or a shell in hand: 75 and what it is; --now takes the place all the same"""
    rig.cli("engine", "--ensure")
    p = rig.console()
    rig.links_up(p)
    agent_is_ready(p)

    def refused(word):
        c = rig.cli("engine", "--replace")
        check("75: " + word, c.returncode == 75 and word in c.stderr and "--now" in c.stderr, c)

    p.send(t="prompt", text="half")
    p.expect(t="delta")
    refused("turn 1")
    p.send(t="cancel")
    p.expect(t="done")
    p.ask(t="shell", cols=80, rows=24)
    p.expect(t="shell_output")
    refused("shell")
    p.send(t="shell_end")
    p.expect(t="state", what="shells", open=0)
    rig.pve.hold("reset")
    v = rig.verb(p, "reset")
    until("the host is at it", lambda: rig.pve.calls("reset"))
    refused("ann's reset")
    old = pid_of(rig)
    check("undisturbed", old == background_engines(rig.dir)[0])
    last = max(p.seqs())
    inc = p.of("incident", state="opened")[0]["id"]
    c = rig.cli("engine", "--replace", "--now")
    check("--now", c.returncode == 0 and pid_of(rig) not in (0, old), c)
    q = rig.peer()
    q.attach(since=last, incident=inc)
    rig.pve.release("reset")
    f = q.expect(lambda f: "learnt" in f, t="verb", id=v, state="finished")
    check("the verb has its end", f["exit"] == 0, f)
    check("once", rig.pve.calls("reset") == 1)
    gone(rig)


@with_rig(**NO_HOSTS)
def replace_foreground(rig):
    """the engine of a terminal is followed by the one who asks for another"""
    e = rig.start()
    c = rig.popen("engine", "--replace")
    check("the old one leaves", e.wait(LIMIT) == 0)
    until("the new one answers", lambda: pid_of(rig) == c.pid)
    check("in this process", c.poll() is None)
    c2 = rig.cli("engine", "--replace", "--background")
    check("or in the background", c2.returncode == 0, c2)
    out, err = c.communicate(timeout=LIMIT)
    check("that one left in order", c.returncode == 0, err)
    gone(rig)


@with_rig(**NO_HOSTS)
def replace_hung(rig):
    """an engine that does not answer: refused without --now; one that hangs is named"""
    e = rig.start()
    e.send_signal(signal.SIGSTOP)
    c = rig.cli("engine", "--replace")
    check("75", c.returncode == 75 and "did not answer" in c.stderr, c)
    c = rig.cli("engine", "--replace", "--now")
    check("75: what to do", c.returncode == 75 and "kill -9 %d" % e.pid in c.stderr, c)
    e.send_signal(signal.SIGCONT)
    check("it leaves now", e.wait(LIMIT) == 0)


@with_rig(**NO_HOSTS)
def other_version(rig):
    """an engine of another protocol is asked in its own words"""
    os.mkdir(rig.run_dir, 0o700)
    code = '''
import fcntl, json, os, signal, socket, sys
lock = os.open(sys.argv[1] + "/engine.lock", os.O_RDWR | os.O_CREAT, 0o600)
fcntl.flock(lock, fcntl.LOCK_EX)
os.write(lock, b"%d\\n" % os.getpid())
open("/proc/self/comm", "w").write("engine")
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1] + "/console.sock")
s.listen(8)
print("up", flush=True)
while True:
    c, _ = s.accept()
    m = c.recv(4096)
    if not m:
        continue
    v = json.loads(m.split(b"\\n")[0])["v"]
    if v != 7:
        c.sendall(json.dumps(dict(t="error", where="hello", text="other", v=7)).encode() + b"\\n")
    else:
        slot = dict(t="state", what="slot", holder="ben", verb="cycle")
        if os.path.exists(sys.argv[1] + "/free"):
            slot = dict(t="state", what="slot")
        c.sendall(b"".join(json.dumps(f).encode() + b"\\n" for f in (
            dict(t="welcome", v=7), slot, dict(t="caught_up", upto=0))))
'''
    p = subprocess.Popen([sys.executable, "-c", code, rig.run_dir, "--background"],
                         stdout=subprocess.PIPE)
    rig.engines.append(p)
    p.stdout.readline()
    c = rig.cli("engine", "--replace")
    check("75: what is in hand", c.returncode == 75 and "ben's cycle" in c.stderr, c)
    open(rig.run_dir + "/free", "w").close()
    c = rig.cli("engine", "--replace")
    check("replaced", c.returncode == 0 and p.wait(LIMIT) == -signal.SIGTERM, c)
    p.stdout.close()
    gone(rig)


# --- PID 1 ---

@with_rig(**NO_HOSTS)
def pid_one(rig):
    """as PID 1: the engine is a child, orphans are reaped, TERM goes on, the exit code is its"""
    ns = ["unshare", "-Upf", "--map-root-user", "--mount-proc", "--kill-child"] if os.getuid() \
        else ["unshare", "-pf", "--mount-proc", "--kill-child"]
    if subprocess.run(ns + ["true"], capture_output=True).returncode:
        raise Skip("no pid namespace can be made here")
    p = subprocess.Popen(ns + [PROGRAM, "engine"], env=rig.env, cwd=rig.dir,
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.PIPE)
    rig.engines.append(p)
    until("it listens", lambda: os.path.exists(rig.socket))
    one = children(p.pid)[0]
    until("it answers", lambda: rig.cli("ping").returncode == 0)
    inside = ["nsenter", "-p", "-m", "-t", str(one)] + ([] if not os.getuid() else ["-U"])
    subprocess.run(inside + ["/bin/sh", "-c", "for i in 1 2 3; do (sleep 0.01 &) ; done; (exit 3) &"],
                   check=True)

    def zombies():
        out = subprocess.run(inside + ["ps", "-eo", "pid,stat,comm"], capture_output=True,
                             text=True).stdout
        return [line for line in out.splitlines() if " Z" in line], out
    until("orphans are reaped", lambda: not zombies()[0])
    out = zombies()[1]
    check("PID 1 is not the engine", [line.split()[2] for line in out.splitlines()[1:]
                                      if line.split()[0] == "1"] == ["breakglass"], out)
    with open("/proc/%d/environ" % one, "rb") as f:
        check("it has forgotten its environment", not f.read().strip(b"\0"))
    began = Watch()
    os.kill(one, signal.SIGTERM)
    check("exit 0", p.wait(LIMIT) == 0, p.stderr.read())
    began.within("within 5 s", 5)
    p.stderr.close()
    # a bad setting: its words and its code
    c = subprocess.run(ns + [PROGRAM, "engine"], env=dict(rig.env, BREAKGLASS_RUN_DIR="/proc/x"),
                       capture_output=True, text=True, timeout=60)
    check("its code goes on", c.returncode == 1 and "/proc/x" in c.stderr, c)
    # killed: 128 + 9, and nothing is left
    p = subprocess.Popen(ns + [PROGRAM, "engine"], env=rig.env, cwd=rig.dir,
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
    rig.engines.append(p)
    until("it answers", lambda: rig.cli("ping").returncode == 0)
    kids = children(p.pid)
    engine = [k for k in kids if open("/proc/%d/comm" % k).read() == "engine\n"][0]
    os.kill(engine, signal.SIGKILL)
    check("137", p.wait(LIMIT) == 137, p.returncode)
    until("nothing of it lives", lambda: not [k for k in kids if alive(k)])


# --- leaving ---

@with_rig(**NO_HOSTS)
def idle(rig):
    """a background engine that is idle for long leaves, and the journal says so"""
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind(rig.dir + "/log.sock")
    log.settimeout(LIMIT)
    rig.env["BREAKGLASS_SYSLOG"] = rig.dir + "/log.sock"
    e = rig.start("--background", "--idle-ms", "3000")
    p = rig.console()
    p.send(t="note", text="x")
    p.expect(t="note")
    check("not while somebody is here", e.poll() is None)
    follower = rig.peer()               # which is nobody
    follower.attach("tail", role="command", tail=1)
    p.send(t="bye")
    check("leaves", e.wait(LIMIT) == 0)
    check("the follower is let go of", follower.expect_end())
    # after a third of the time (4 of 12 hours) the incident is over
    r = rig.journal()[-1]
    check("its last record", r["t"] == "incident" and r["state"] == "closed" and
          "after 12 this engine leaves" in r["reason"], r)
    while True:
        line = log.recv(4096).decode()
        if "anchor" not in line:
            break
    check("syslog says when it did", "the engine leaves: idle for long" in line and
          "no incident is open" in line, line)
    log.close()
    e = rig.start("--background", "--idle-ms", "300", env=dict(
        rig.env, BREAKGLASS_SESSIONS_DIR=rig.dir + "/other"))
    check("without an incident quietly", e.wait(LIMIT) == 0 and not os.path.isdir(
        rig.dir + "/other/incidents") or not os.listdir(rig.dir + "/other/incidents"))


@with_rig(**NO_HOSTS)
def idle_begins_anew(rig):
    """who comes and goes between two looks at the clock was here all the same"""
    e = rig.start("--background", "--idle-ms", "2000")
    began = time.monotonic()
    while time.monotonic() - began < 3.2:
        p = rig.peer()
        p.attach("ann")
        p.send(t="bye")
        p.expect_end()
        next_one = time.monotonic() + 0.3
        until("some time has passed", lambda: time.monotonic() > next_one)
    check("it stays", e.poll() is None)


# --- being found ---

@with_rig(**NO_HOSTS)
def place_is_removed(rig):
    """a cleaner removes socket, lock or all of the run directory: it is reachable again at once"""
    e = rig.start()
    p = rig.console()
    p.send(t="note", text="x")

    def socket_only():
        os.unlink(rig.socket)

    def lock_only():
        os.unlink(rig.run_dir + "/engine.lock")

    def everything():
        def gone():                     # the engine writes into it meanwhile
            shutil.rmtree(rig.run_dir, ignore_errors=True)
            return not os.path.exists(rig.run_dir)
        until("it is gone", gone)

    def moved():
        os.rename(rig.run_dir, rig.run_dir + ".old")

    for spoil in (socket_only, lock_only, everything, moved):
        spoil()
        until("it answers again: " + spoil.__name__, lambda: rig.cli("ping").returncode == 0)
        until("the same engine", lambda: pid_of(rig) == e.pid)
        c = rig.cli("engine")
        check("no second one", c.returncode == 75 and str(e.pid) in c.stderr, c)
        p.expect(lambda f: f["where"] == "run_dir", t="error")
    check("the agent's door, too", os.path.exists(rig.run_dir + "/agent/agent.sock"))
    check("the console has seen nothing of it", not p.closed)


@with_rig(**NO_HOSTS)
def place_is_taken(rig):
    """another engine was faster in a run directory that was removed: the first one ends"""
    e = rig.start()
    p = rig.console()
    rig.quiet(p)
    e.send_signal(signal.SIGSTOP)
    shutil.rmtree(rig.run_dir)
    rig.start()
    e.send_signal(signal.SIGCONT)
    check("the first one leaves", e.wait(LIMIT) == 0)
    check("and says why", p.expect_end() and [f for f in p.of("error") if f["where"] == "run_dir"], p.facts[-3:])
    check("the second one is reachable", pid_of(rig) == rig.engines[-1].pid)


# --- what the one before had in hand ---

@with_rig(devvm=True, pve=False, **FAKE)
def cut_work(rig):
    """an engine dies in a turn, with prompts that wait, a shell and a run: each is told"""
    e = rig.start()
    p = rig.console()
    rig.links_up(p)
    agent_is_ready(p)
    p.send(t="autonomy", level="observe")
    p.expect(t="state", what="autonomy", level="observe")
    p.send(t="prompt", text="half of it")
    p.expect(t="delta")
    p.send(t="prompt", text="and this one waits")
    p.expect(t="prompt", state="queued")
    p.ask(t="shell", cols=80, rows=24)
    p.expect(t="shell_output")
    inc = p.of("incident", state="opened")[0]["id"]
    last = max(p.seqs())
    shell = p.of("tool")[-1]["id"]
    e.kill()
    e.wait()
    rig.start()
    q = rig.peer()
    q.attach(since=last, incident=inc)
    # caught up with what was told by then: the rest comes live
    until("all of it is told", lambda: q.pump(0.01) or (
        q.of("done", turn=1) and q.of("cancelled", turn=2) and q.of("tool_end", id=shell) and
        [f for f in q.of("error") if f["where"] == "autonomy"]))
    f = [f for f in q.of("error", turn=1) if f["seq"]]
    check("the turn was cut, with its words", f and "half of it" in f[0]["text"] and
          "died" in f[0]["text"], q.facts)
    check("and is done", q.of("done", turn=1, ok=False))
    f = q.of("cancelled", turn=2)
    check("the prompt that waited", f and "and this one waits" in f[0]["text"], q.facts)
    f = q.of("tool_end", id=shell)
    check("the shell", f and "ended" in f[0]["failed"], q.facts)
    f = [f for f in q.of("state", what="autonomy")][-1]
    check("the autonomy stays lowered", f["level"] == "observe" and f["by"] == "ann", f)
    check("and is named", [f for f in q.of("error") if f["where"] == "autonomy"])
    rig.stop()
    rig.start()
    q = rig.peer()
    q.attach(tail=5000)
    check("told once", len(q.of("done", turn=1)) == 1 and len(q.of("cancelled", turn=2)) == 1)


if __name__ == "__main__":
    main([ensure, replace, replace_refuses, replace_foreground, replace_hung, other_version,
          pid_one, idle, idle_begins_anew, place_is_removed, place_is_taken, cut_work])
