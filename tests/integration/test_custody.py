#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""test_custody: what the engine does about its SSH key, or without one of its own.

Refused where the process can be dumped, "weak" where that was told; another key
from the next connection on; the operator's ssh-agent, answering or hung.
"""
import os
import shutil
import signal
import subprocess

from engine_rig import LIMIT, SANITIZED, Failed, Rig, Skip, check, children, main, until
from pace import Watch, held_up


LONG = os.environ.get("BG_LONG")


def custody(p, where=lambda f: True, limit=LIMIT):
    """The last state of the key, once it is as wanted."""
    def last():
        p.pump(0.01)
        seen = [f for f in p.facts if f.get("what") == "custody"]
        return seen and where(seen[-1]) and seen[-1]
    return until("the state custody", last, limit)


def undumpable_refused():
    rig = Rig()
    try:
        _undumpable_refused(rig)
    finally:
        rig.close()


def _undumpable_refused(rig):
    """strace answers each prctl with 1 and does nothing: the process stays dumpable."""
    if not shutil.which("strace"):
        raise Skip("no strace")
    if SANITIZED:
        raise Skip("a leak sanitizer does not run below strace")
    lie = ("strace", "-f", "-qq", "-o", "/dev/null", "--seccomp-bpf", "-e", "trace=prctl",
           "-e", "inject=prctl:retval=1")
    e = rig.start(prefix=lie)
    e.traced = True
    p = rig.console()
    why = rig.link(p, "pve", "down")["why"]
    check("the key is refused, with the reason and the way on",
          "can be dumped" in why and "--weak" in why, why)
    check("the state says so", custody(p)["key"] == "none")
    p.close()
    subprocess.run(["kill", *map(str, children(e.pid))])
    e.wait(LIMIT)
    e = rig.start("--weak", prefix=lie)
    e.traced = True
    p = rig.console()
    rig.links_up(p)
    said = custody(p)
    check("with --weak it is used, and that is said", said["weak"] and said["key"] == "file" and
          "can be dumped" in said["text"], said)
    p.close()
    subprocess.run(["kill", *map(str, children(e.pid))])
    e.wait(LIMIT)


def swap(rig, text, mode=0o440):
    """As a kubelet does it: a new folder, then ..data points there, at once."""
    rig.n = getattr(rig, "n", 0) + 1
    top = rig.dir + "/secret"
    os.makedirs("%s/..%d" % (top, rig.n))
    with open("%s/..%d/key" % (top, rig.n), "w") as f:
        f.write(text)
    os.chmod("%s/..%d/key" % (top, rig.n), mode)
    os.symlink("..%d" % rig.n, top + "/..new")
    os.rename(top + "/..new", top + "/..data")
    if not os.path.lexists(top + "/key"):
        os.symlink("..data/key", top + "/key")


def read(path):
    with open(path) as f:
        return f.read()


def cut(rig, p, *hosts):
    """Their connections end, and the engine has said so: it may be back at once."""
    p.pump(0.01)
    seen = len(p.facts)
    for h in hosts:
        h.cut()
    for h in hosts:
        until(h.name + " is down", lambda: p.pump(0.01) or [
            f for f in p.facts[seen:] if f.get("what") == "link" and f["host"] == h.name and
            f["state"] == "down"])


def rotation():
    rig = Rig()
    try:
        _rotation(rig)
    finally:
        rig.close()


def _rotation(rig):
    swap(rig, read(rig.key))
    rig.env["BREAKGLASS_KEY_PATH"] = rig.dir + "/secret/key"
    rig.start()
    p = rig.console()
    rig.links_up(p)
    said = custody(p)
    check("the key is a file's, in memory that says its name", said["key"] == "file" and
          said["memory"] in ("memfd_secret", "mlock", "ordinary memory"), said)

    subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", rig.dir + "/key2"],
                   check=True)
    for host in (rig.pve, rig.devvm):       # the old one opens nothing any more
        keys = host.top + "/authorized_keys"
        text = read(keys).replace(rig.public_key.strip(), read(rig.dir + "/key2.pub").strip())
        with open(keys, "w") as f:
            f.write(text)
    swap(rig, read(rig.dir + "/key2"))
    cut(rig, p, rig.pve, rig.devvm)
    rig.links_up(p)

    for bad, words in (("not a key\n", "not an SSH private key"),
                       (read(rig.dir + "/key2")[:200], "cut short"),
                       (read(rig.dir + "/key2").replace("AAA", "BBB"), "libssh cannot read")):
        seen = len(p.facts)
        swap(rig, bad)
        cut(rig, p, rig.pve)
        said = custody(p, lambda f: words in f.get("why", ""))
        check("the old key stays in use, and that is said", "before is used" in said["todo"])
        rig.link(p, "pve", "up")
        check("the host was asked again meanwhile",
              [f for f in p.facts[seen:] if f.get("what") == "link" and f["state"] == "down"])
    swap(rig, read(rig.dir + "/key2"))
    custody(p, lambda f: "why" not in f)

    rig.verb(p, "status")
    p.expect(t="verb", verb="status", state="finished")
    p.close()
    check("it ends", rig.stop() == 0)


def agent():
    rig = Rig()
    try:
        _agent(rig)
    finally:
        rig.close()


def _agent(rig):
    sock = rig.dir + "/a.sock"
    keeper = subprocess.Popen(["ssh-agent", "-D", "-a", sock], stdout=subprocess.DEVNULL)
    rig.procs.append(keeper)
    until("the ssh-agent listens", lambda: os.path.exists(sock))
    env = dict(rig.env, BREAKGLASS_KEY_PATH="agent", SSH_AUTH_SOCK=sock)
    if LONG:                        # the next try is 15 s later
        rig.start(env=env)
        p = rig.console()
        why = rig.link(p, "pve", "down")["why"]
        check("an agent without keys is named", "holds no key" in why and "ssh-add" in why, why)
    subprocess.run(["ssh-add", "-q", rig.key], env=dict(os.environ, SSH_AUTH_SOCK=sock),
                   check=True)
    if not LONG:
        rig.start(env=env)
        p = rig.console()
    rig.links_up(p)
    check("of its own it has none", custody(p)["key"] == "agent")
    for pid in [rig.engines[-1].pid, *children(rig.engines[-1].pid)]:
        try:
            with open("/proc/%d/environ" % pid, "rb") as f:
                check("nobody hears of the agent's socket", sock.encode() not in f.read(), pid)
        except OSError:
            pass

    keeper.send_signal(signal.SIGSTOP)
    rig.pve.cut()
    rig.devvm.cut()
    begun, slow = Watch(), 0.0
    while True:                     # the loop answers all the time
        slow = max(slow, held_up(p, rig.engines[-1].pid))
        last = [f for f in p.facts if f.get("what") == "link" and f["host"] == "pve"][-1]
        if last["state"] == "down" and "ssh-agent" in last.get("why", ""):
            break
        if begun.took() > LIMIT:
            raise Failed("a hung agent is not told", last)
    check("in clear words", "ssh-agent" in last["why"] and "answer" in last["why"], last)
    took = begun.within("within its limit", 9)
    print("a hung agent was told after %.1f s; the slowest answer meanwhile took %.0f ms" %
          (took, slow * 1000))
    check("the engine was never busy with it", slow < 1, slow)
    if LONG:
        keeper.send_signal(signal.SIGCONT)
        rig.links_up(p)
        keeper.send_signal(signal.SIGSTOP)
        cut(rig, p, rig.pve)
    # The engine leaves in the middle of it.
    until("the agent is asked", lambda: p.pump(0.01) or [
        f for f in p.facts if f.get("what") == "link" and f["host"] == "pve"][-1].get("step") ==
        "login")
    begun = Watch()
    check("it leaves all the same", rig.stop() == 0)
    begun.within("at once", 5)
    keeper.send_signal(signal.SIGCONT)
    keeper.terminate()


if __name__ == "__main__":
    main([undumpable_refused, rotation, agent])
