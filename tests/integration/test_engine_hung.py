#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Goal: a file of an endpoint on a disk that hangs costs its own endpoint and nothing else:
the engine answers, verbs run, the turn ends with the file's name and what to do, and the
file is used as soon as it can be read.

A disk that hangs is strace, which holds every open of one path.
"""
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from api_rig import Api, agent, configure, done, prompt  # noqa: E402
from engine_rig import (SANITIZED, Skip, alive, check, children, main, until,  # noqa: E402
                        with_rig)
from pace import Watch  # noqa: E402

API = dict(agent_driver="api", claude="/nonexistent/claude")
USUAL = 1.0 if not SANITIZED else 4.0


def hang(rig, path, seconds):
    """An engine that waits so long for each open of this path."""
    if not shutil.which("strace"):
        raise Skip("no strace")
    if SANITIZED:
        raise Skip("a leak sanitizer does not run below strace")
    if subprocess.run(["strace", "-f", "-e", "trace=getpid", "true"], capture_output=True).returncode:
        raise Skip("strace may not trace here")
    began = Watch()
    e = rig.start(prefix=["strace", "-f", "-qq", "--seccomp-bpf", "-o", rig.dir + "/strace",
                          "-e", "trace=openat", "-e", "inject=openat:delay_enter=%ds" % seconds,
                          "-P", path])
    e.traced = True
    began.within("it comes up", 8)
    return e


def pinged(p, fn, limit):
    """Waits for fn while pings go to and fro; the longest of them."""
    watch, slowest = Watch(), 0.0
    while True:
        one = Watch()
        p.ask(t="ping")
        p.expect(t="welcome")
        slowest = max(slowest, one.took() / one.pace())
        got = fn()
        if got:
            print("#   the slowest ping took %.0f ms" % (slowest * 1000), flush=True)
            check("the engine answers meanwhile", slowest < USUAL, slowest)
            return got
        watch.within("within %g s" % limit, limit)


def verb_runs(rig, p):
    began = Watch()
    v = rig.verb(p, "status")
    f = p.expect(lambda f: f["state"] in ("finished", "refused"), t="verb", id=v)
    check("a verb runs", f.get("exit") == 0, f)
    began.within("in its usual time", 3 * USUAL)


def replace(path, text):
    with open(path + ".new", "w") as f:
        f.write(text)
    os.chmod(path + ".new", 0o600)
    os.rename(path + ".new", path)


def leaves(e):
    began = Watch()
    pid = children(e.pid)[0]
    os.kill(pid, 15)
    until("it left", lambda: not alive(pid))
    began.within("within 5 s although the disk hangs", 5)


@with_rig(devvm=False, **API)
def fifos(rig):
    """a FIFO in place of the key file, then of ca_file: said at once, a good file is used"""
    vendor = Api(rig, "vendor")
    configure(rig, vendor)
    key = rig.dir + "/apikey"
    with open(key) as f:
        text = f.read()
    os.unlink(key)
    os.mkfifo(key, 0o600)
    rig.start()
    p = rig.console()
    rig.link(p, "pve", "up")
    f = agent(p, state="unavailable")
    check("which file", key in f["why"] and "not a regular file" in f["why"], f)
    t = prompt(p, "hello")
    f = pinged(p, lambda: p.of("result", turn=t), 5)[0]
    check("the turn says it too", key in str(p.of("error", turn=t) + [f]), f)
    verb_runs(rig, p)
    replace(key, text)
    agent(p, state="ready")
    check("the good file is used", done(p, prompt(p, "again"))["ok"])
    rig.stop()
    fifo = rig.dir + "/ca.pem"
    os.mkfifo(fifo, 0o600)
    configure(rig, vendor, vendor="ca_file = " + fifo + "\n")
    with open(rig.dir + "/breakglass.conf") as f:
        text = f.read()
    with open(rig.dir + "/breakglass.conf", "w") as f:
        f.write(text.replace("http://", "https://"))
    rig.start()
    p = rig.console()
    rig.link(p, "pve", "up")
    agent(p, state="ready")
    t = prompt(p, "hello")
    pinged(p, lambda: p.of("done", turn=t), 5)
    said = str(p.of("error", turn=t) + p.of("result", turn=t))
    check("which file", fifo in said and "not a regular file" in said, said)
    verb_runs(rig, p)


@with_rig(devvm=False, **API)
def key_hangs(rig):
    """the key file's disk hangs: the engine comes up and works, the turn ends, it leaves"""
    vendor = Api(rig, "vendor")
    configure(rig, vendor)
    e = hang(rig, rig.dir + "/apikey", 600)
    p = rig.console()
    rig.link(p, "pve", "up")
    f = agent(p, state="unavailable")
    check("which file, and what to do", "key_file %s/apikey: its disk has not answered" % rig.dir in
          f["why"] and "findmnt" in f["todo"], f)
    began = Watch()
    t = prompt(p, "hello")
    pinged(p, lambda: p.of("done", turn=t), 5)
    began.within("no turn waits for it again", 2)
    said = str(p.of("error", turn=t) + p.of("result", turn=t))
    check("the turn says it", "/apikey: its disk has not answered" in said, said)
    verb_runs(rig, p)
    check("nobody was asked", not vendor.asked())
    leaves(e)


@with_rig(devvm=False, **API)
def key_hangs_and_heals(rig):
    """the disk answers late: the key is used then; a rotation on it keeps the old one meanwhile"""
    vendor = Api(rig, "vendor")
    configure(rig, vendor)
    key = rig.dir + "/apikey"
    e = hang(rig, key, 6)
    p = rig.console()
    rig.link(p, "pve", "up")
    agent(p, state="unavailable")
    f = pinged(p, lambda: [f for f in p.of("state") if f.get("what") == "agent"][-1]["state"] ==
               "ready", 20)
    check("used as soon as it is read", done(p, prompt(p, "hello"))["ok"], f)
    replace(key, rig.api_key + "\n\n")          # another file, the same key
    began = Watch()
    t = prompt(p, "again")
    pinged(p, lambda: p.of("done", turn=t), 8)
    took = began.within("the old one does", 5)
    check("after 2 s: %.1f" % took, took > 1.5, took)
    check("ok", p.of("done", turn=t)[0]["ok"])
    leaves(e)


@with_rig(devvm=False, **API)
def ca_hangs(rig):
    """the disk of ca_file hangs: the turn ends within 10 s and names it"""
    vendor = Api(rig, "vendor")
    ca = rig.dir + "/ca.pem"
    replace(ca, "no certificate\n")
    configure(rig, vendor, vendor="ca_file = " + ca + "\n")
    with open(rig.dir + "/breakglass.conf") as f:
        text = f.read()
    with open(rig.dir + "/breakglass.conf", "w") as f:
        f.write(text.replace("http://", "https://"))
    e = hang(rig, ca, 600)
    p = rig.console()
    rig.link(p, "pve", "up")
    agent(p, state="ready")
    t = prompt(p, "hello")
    pinged(p, lambda: p.of("done", turn=t), 10)
    said = str(p.of("error", turn=t) + p.of("result", turn=t))
    check("which file, and what to do", "ca_file %s: its disk has not answered" % ca in said and
          "findmnt" in said, said)
    verb_runs(rig, p)
    leaves(e)


if __name__ == "__main__":
    main([fifos, key_hangs, key_hangs_and_heals, ca_hangs])
