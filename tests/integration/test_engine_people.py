#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several operators: names, proofs, who drives, and two who press the same key at once."""
import os
import shutil
import signal
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import (BUILD, LIMIT, SRC, SSHD, Host, Skip, check, children, main,  # noqa: E402
                        until, with_rig)

ROOT = os.getuid() == 0
NO_HOSTS = dict(pve=False, devvm=False)
LONG = bool(os.environ.get("BG_LONG"))
PEER = os.path.dirname(os.path.abspath(__file__)) + "/people_peer.py"
FORGED = dict(SUDO_USER="mallory", SSH_CONNECTION="6.6.6.6 1 7.7.7.7 22")


def driver(p):
    """Who drives, as the last word about those who are here has it."""
    p.pump(0.01)
    here = p.of("state", what="here")[-1]["operators"]
    return ([o["name"] for o in here if o["driving"]] or [None])[0]


def refused(p, **m):
    q = p.ask(**m)
    return p.expect(lambda f: f["where"] == "drive", t="error", req=q)


def helper(rig, name, *prefix, **env):
    p = subprocess.Popen([*prefix, sys.executable, PEER, rig.socket, name],
                         stdin=subprocess.PIPE, env=dict(rig.env, **env), text=True)
    rig.procs.append(p)
    return p


def proof(p, name):
    """The proof of one who is here, once it is more than the kernel's word."""
    def last():
        p.pump(0.01)
        rows = [o for f in p.of("state", what="here")[-1:] for o in f["operators"]
                if o["name"] == name]
        told = p.of("operator", name=name, state="attached")
        return rows and told and rows[0]["proof"]
    return until("the proof of " + name, last)


@with_rig(**NO_HOSTS)
def names(rig):
    """two of one name are kept apart, and each journal has the proof of each"""
    rig.start()
    a, b = rig.peer(), rig.peer()
    check("the first", a.attach("ann")["you"] == "ann")
    check("the second", b.attach("ann")["you"] == "ann.2")
    c = rig.peer()
    check("cut to 32 bytes", c.attach("x" * 40)["you"] == "x" * 32)
    d = rig.peer()
    check("and still apart", d.attach("x" * 32)["you"] == "x" * 28 + ".2")
    check("proven", proof(a, "ann.2") == proof(a, "ann") and "uid" in proof(a, "ann"))
    b.send(t="note", text="mine")
    check("by", a.expect(t="note")["by"] == "ann.2")
    env = dict(rig.env, USER="ann")
    check("a command", rig.cli("note", "from a script", env=env).returncode == 0)
    note = a.expect(t="note", text="from a script")
    check("its name is not a console's", note["by"] == "ann.3", note)
    check("a query", rig.cli("who", env=env).returncode == 0)
    rig.stop()
    records = rig.journal()
    proofs = {}
    for r in records:
        if r["t"] == "operator":
            proofs[r["name"]] = r["proof"]
        elif r["t"] == "note":
            check("its proof stands above it", "uid" in proofs.get(r["by"], ""), records)
    told = [r for r in records if r["t"] == "operator" and r.get("role") == "command"]
    check("a command is told of once (and once more for a late proof)",
          told and {r["name"] for r in told} == {"ann.3"} and
          len([r for r in told if not r.get("again")]) <= 1, told)
    check("a query is not", not [r for r in records if r["t"] == "operator" and
                                 r["name"] not in ("ann", "ann.2", "ann.3", "x" * 32,
                                                   "x" * 28 + ".2")])


@with_rig(pve=False)
def baton(rig):
    """one drives, the others watch: what is refused, what is not, and how it is taken over"""
    rig.start("--silence-ms", "30000")
    a = rig.console("ann")
    rig.links_up(a)
    b = rig.console("ben")
    r = rig.console("rob", read_only=True)
    check("the first drives", driver(b) == "ann")
    for m in (dict(t="prompt", text="x"), dict(t="runbook", name="disk", offline=True),
              dict(t="verb", verb="cycle", confirm="cycle"), dict(t="verb", verb="forensics"),
              dict(t="answer", id="q1", yes=True), dict(t="end", id="r1"),
              dict(t="accept_key", host="pve", fingerprint="x"), dict(t="agent", driver="auto"),
              dict(t="incident", state="new"), dict(t="shell", cols=80, rows=24)):
        e = refused(b, **m)
        check("who, since when, from where", e["text"].startswith("ann drives since ") and
              "UTC (" in e["text"] and "test" in e["text"] and e["todo"] == "/drive takes over", e)
    b.send(t="note", text="I look at the disk")
    a.expect(t="note", by="ben")
    b.send(t="autonomy", level="observe")
    a.expect(t="state", what="autonomy", level="observe")
    refused(b, t="autonomy", level="repair")
    q = b.ask(t="cancel")
    check("cancel is anybody's", b.expect(t="error", req=q)["where"] == "cancel")
    q = b.ask(t="verb", verb="status")
    b.expect(t="verb", req=q, state="asked")
    for m in (dict(t="note", text="x"), dict(t="cancel"), dict(t="autonomy", level="observe"),
              dict(t="verb", verb="status")):
        q = r.ask(**m)
        check("read-only", "read-only" in r.expect(t="error", req=q)["text"])
    check("read-only never drives", "read-only" in refused(r, t="drive")["text"])

    b.send(t="drive")
    f = a.expect(t="operator", state="driving")
    check("seen and on record", f["name"] == "ben" and f["from"] == "ann" and f["why"] and
          f["seq"] and "uid" in f["proof"], f)
    check("he drives", driver(a) == "ben")
    refused(a, t="prompt", text="x")
    check("twice is told", "already" in refused(b, t="drive")["text"])
    check("what she has not she cannot give", refused(a, t="drive", release=True))
    b.send(t="drive", release=True)
    a.expect(t="operator", state="watching", name="ben")
    check("free", driver(a) is None)
    a.send(t="autonomy", level="autonomous")
    f = a.expect(t="operator", state="driving")
    check("who acts has it", f["name"] == "ann" and "from" not in f, f)
    a.expect(t="state", what="autonomy", level="autonomous")

    a.close()
    b.expect(t="operator", state="detached", name="ann")
    check("gone: free", driver(b) is None)
    a = rig.console("ann")
    f = b.expect(t="operator", state="driving")
    check("back: she has it again", f["name"] == "ann" and "60 s" in f["why"], f)
    a.close()
    b.expect(t="operator", state="detached", name="ann")
    b.send(t="incident", state="new")
    b.expect(t="operator", state="driving", name="ben")
    a = rig.console("ann")
    check("too late", driver(a) == "ben")
    b.close()
    a.expect(t="operator", state="detached", name="ben")
    q = rig.cli("autonomy", "observe", "--json")
    check("a command needs no baton", q.returncode == 0, q)
    rig.stop()
    new = rig.journal()
    check("a new journal begins with those who are here", {"ann", "ben"} >= {
        r["name"] for r in new[1:3] if r["t"] == "operator"} and new[1]["t"] == "operator", new[:4])


@with_rig(**NO_HOSTS)
def silent_driver(rig):
    """a driver that hangs is dropped, and does not keep the baton"""
    rig.start("--silence-ms", "3000")
    a = rig.console("ann")
    b = rig.console("ben")
    check("she drives", driver(b) == "ann")
    done = threading.Event()

    def ping():
        while not done.wait(0.2):
            b.send(t="ping")
    t = threading.Thread(target=ping)
    t.start()
    try:
        b.expect(t="operator", state="detached", name="ann")
        b.send(t="incident", state="new")
        b.expect(t="operator", state="driving", name="ben")
    finally:
        done.set()
        t.join()
    check("she was hung up on", a.expect_end())


def collide(rig, first, second):
    """Both at once; returns (what each got)."""
    got = [None, None]

    def run(k, fn):
        got[k] = fn()
    ts = [threading.Thread(target=run, args=(k, fn)) for k, fn in enumerate((first, second))]
    for t in ts:
        t.start()
    for t in ts:
        t.join()
    return got


def console_cycles(p, drive=False):
    def go():
        if drive:
            p.send(t="drive")
        q = p.ask(t="verb", verb="cycle", confirm="cycle")
        f = p.expect(lambda f: f.get("req") == q)
        if f["t"] == "verb":
            me = f["id"]
            f = p.expect(lambda f: f.get("req") == q and f["t"] == "error" or
                         f.get("id") == me and f.get("state") == "finished")
        return ("refused", f["text"]) if f["t"] == "error" else ("done", f["by"])
    return go


def command_cycles(rig, name):
    def go():
        c = rig.cli("cycle", "--confirm", "cycle", env=dict(rig.env, USER=name))
        return ("done" if c.returncode == 0 else "refused" if c.returncode == 75 else
                "exit %d" % c.returncode, c.stderr + c.stdout)
    return go


@with_rig()
def collisions(rig):
    """cycle twice within 100 ms: one cycle, and the other is told who holds what for how long"""
    rig.start()
    a, b = rig.console("ann"), rig.console("ben")
    rig.links_up(a)
    kinds = (lambda: (console_cycles(a, True), console_cycles(b, True)),
             lambda: (console_cycles(a, True), command_cycles(rig, "carl")),
             lambda: (command_cycles(rig, "carl"), command_cycles(rig, "dora")))
    for i in range(50 if LONG else 5):
        stops, starts = rig.pve.calls("stop"), rig.pve.calls("start")
        got = collide(rig, *kinds[i % 3]())
        check("one is done, one is refused", sorted(g[0] for g in got) == ["done", "refused"], got)
        words = [g[1] for g in got if g[0] == "refused"][0]
        if "drives since" not in words:     # the baton came first
            check("who holds what, and for how long", "holds the slot" in words and
                  "cycle" in words and " s" in words and
                  any(n in words for n in ("ann", "ben", "carl", "dora")), words)
        check("one cycle on the host", (rig.pve.calls("stop"), rig.pve.calls("start")) ==
              (stops + 1, starts + 1), got)
        check("the VM runs", rig.pve.vm_runs())
        rig.slot_is_free(a)
    rig.stop()
    ends = [r for r in rig.journal() if r["t"] == "verb" and r["verb"] == "cycle"]
    check("each has its proof above it", ends)


@with_rig(**NO_HOSTS)
def forged(rig):
    """what stands in the environment alone is called unproven"""
    rig.start()
    a = rig.console("ann")
    forged_file = rig.dir + "/sshauth.forged"
    with open(forged_file, "w") as f:
        f.write("publickey " + " ".join(rig.public_key.split()[:2]) + "\n")
    os.chmod(forged_file, 0o600)
    helper(rig, "eve", "setsid", SSH_USER_AUTH=forged_file, K8S_REQUEST_ID="4f2a", **FORGED)
    words = proof(a, "eve")
    check("unproven", "SHA256" not in words and "sudo by mallory (unproven)" in words and
          "6.6.6.6 (unproven)" in words and "4f2a" not in words, words)


@with_rig(**NO_HOSTS)
def sudo(rig):
    """sudo by whom"""
    if not ROOT or not shutil.which("sudo") or subprocess.run(
            ["sudo", "-n", "true"], stdin=subprocess.DEVNULL).returncode:
        raise Skip("needs root and sudo")
    rig.start()
    a = rig.console("ann")
    helper(rig, "eve", "sudo", "-n", "--")
    words = proof(a, "eve")
    check("by root", words.startswith("sudo by root"), words)


@with_rig(**NO_HOSTS)
def container(rig):
    """who comes in from outside of the engine's pid namespace has no proof, and it says so"""
    alone = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
    if not ROOT or subprocess.run([*alone, "true"], capture_output=True).returncode:
        raise Skip("needs root, and a pid namespace with a /proc of its own")
    e = rig.start(prefix=alone)
    a = rig.console("ann")
    check("no pid", "container: unproven" in proof(a, "ann"), proof(a, "ann"))
    inside = [p for p in children(e.pid) if "engine" in open("/proc/%d/comm" % p).read()][0]
    helper(rig, "eve", "nsenter", "-t", str(inside), "-p", "-m", "--",
           KUBERNETES_SERVICE_HOST="10.0.0.1", K8S_REQUEST_ID="4f2a")
    words = proof(a, "eve")
    check("as kubectl exec does", "kubectl exec: unproven, it says request 4f2a" in words, words)
    e.traced = True     # unshare takes no SIGTERM: its end is the engine's


class Jump(Host):
    """The host on which the consoles are: sshd tells the session's key."""

    def __init__(self, rig, expose):
        super().__init__(rig, "jump")
        self.configure("", "/usr/sbin:/usr/bin:/sbin:/bin")
        with open(self.top + "/sshd_config", "a") as f:
            f.write("ExposeAuthInfo %s\n" % ("yes" if expose else "no"))

    def ssh(self, command, tty=True):
        with open(self.top + "/hostkey.pub") as f:
            key = " ".join(f.read().split()[:2])
        with open(self.top + "/known", "w") as f:
            f.write("[127.0.0.1]:%d %s\n" % (self.port, key))
        p = subprocess.Popen(
            ["ssh", "-F", "none", "-tt" if tty else "-T", "-p", str(self.port), "-i", self.rig.key,
             "-o", "IdentitiesOnly=yes", "-o", "UserKnownHostsFile=" + self.top + "/known",
             "-o", "LogLevel=ERROR", "127.0.0.1", command],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=dict(PATH="/usr/bin:/bin", TERM="xterm-256color"))
        self.rig.procs.append(p)
        return p


def with_jump(rig, expose, fn):
    if not ROOT:
        raise Skip("needs root: an sshd that root owns")
    rig.start()
    a = rig.console("ann")
    jump = Jump(rig, expose)
    try:
        fn(a, jump)
    finally:
        for p in rig.procs:
            if p.poll() is None:
                p.kill()
        jump.close()


@with_rig(**NO_HOSTS)
def ssh_key(rig):
    """a console that comes by ssh is proven by its key; a forged file is not"""
    def test(a, jump):
        with open(rig.dir + "/k.pub", "w") as f:
            f.write(rig.public_key)
        want = subprocess.run(["ssh-keygen", "-lf", rig.dir + "/k.pub"], capture_output=True,
                              text=True).stdout.split()[1]
        user = subprocess.run(["id", "-un"], capture_output=True, text=True).stdout.strip()
        console = "%s/tests/screen/console-main %s " % (BUILD, rig.socket)
        jump.ssh(console + "eve")
        words = proof(a, "eve")
        check("the key", words == "ssh key %s of %s from 127.0.0.1" % (want, user), words)
        mine = "/tmp/sshauth.%d" % os.getpid()
        try:
            with open(mine, "w") as f:      # of a key that never logged in
                f.write("publickey ssh-ed25519 %s\n" % open(
                    jump.top + "/hostkey.pub").read().split()[1])
            os.chmod(mine, 0o600)
            jump.ssh("SSH_USER_AUTH=%s exec %s fay" % (mine, console))
            words = proof(a, "fay")
            check("a file of before is not the session's", words == "ssh key %s of %s from "
                  "127.0.0.1" % (want, user) or "its key is unproven" in words, words)
        finally:
            os.unlink(mine)
        jump.ssh("sleep 0.1; cat $SSH_USER_AUTH >$HOME/x; cat $HOME/x >$SSH_USER_AUTH; "
                 "exec %s gus" % console)
        words = proof(a, "gus")
        check("a file that was written since", "its key is unproven" in words, words)
        jump.ssh("SSH_CONNECTION='6.6.6.6 1 1.1.1.1 2' sh -c 'exec %s hal'; true" % console)
        words = proof(a, "hal")
        check("an address that differs", "6.6.6.6 (unproven)" in words, words)
    with_jump(rig, True, test)


@with_rig(**NO_HOSTS)
def ssh_without_key(rig):
    """sshd that exposes no key: the account and the address"""
    def test(a, jump):
        jump.ssh("%s/tests/screen/console-main %s eve" % (BUILD, rig.socket))
        words = proof(a, "eve")
        check("no key", words.startswith("ssh of ") and words.endswith(" from 127.0.0.1"), words)
    with_jump(rig, False, test)


class Screens:
    """Consoles in tmux, one session each."""

    def __init__(self, rig):
        self.rig, self.tmux = rig, [shutil.which("tmux"), "-S", rig.dir + "/tmux", "-f", "/dev/null"]
        if not self.tmux[0] or not os.path.exists(BUILD + "/tests/screen/console-main"):
            raise Skip("tmux or console-main is not there")

    def open(self, name, *args, cols=100, rows=30):
        subprocess.run(self.tmux + ["new-session", "-d", "-s", name, "-x", str(cols), "-y", str(rows),
                                    "env TERM=xterm-256color LC_ALL=C.UTF-8 %s/tests/screen/console-main "
                                    "%s %s %s; exec cat" % (BUILD, self.rig.socket, name, " ".join(args))],
                       check=True)
        self.shows(name, "status")

    def text(self, name):
        return subprocess.run(self.tmux + ["capture-pane", "-p", "-t", "=%s:" % name],
                              capture_output=True, text=True).stdout

    def shows(self, name, text):
        try:
            until("%s shows %s" % (name, text), lambda: text in self.text(name))
        except Exception:
            print(self.text(name))
            raise

    def keys(self, name, *keys):
        subprocess.run(self.tmux + ["send-keys", "-t", "=%s:" % name, *keys], check=True)

    def say(self, name, line):
        subprocess.run(self.tmux + ["send-keys", "-t", "=%s:" % name, "-l", line], check=True)
        self.keys(name, "Enter")

    def pid(self, name):
        pane = subprocess.run(self.tmux + ["display-message", "-p", "-t", "=%s:" % name, "#{pane_pid}"],
                              capture_output=True, text=True).stdout
        for p in [int(pane)] + children(int(pane)):
            if "console-main" in os.readlink("/proc/%d/exe" % p):
                return p

    def close(self):
        subprocess.run(self.tmux + ["kill-server"], stderr=subprocess.DEVNULL)


@with_rig(**NO_HOSTS)
def on_screens(rig):
    """two at their screens: who drives, a take-over under an open box, a driver that dies"""
    rig.start()
    s = Screens(rig)
    try:
        s.open("anna")
        s.open("ben", cols=40, rows=15)
        s.shows("anna", "anna drives, ben watches")
        s.shows("ben", "anna* ben")
        s.shows("ben", "watching: /drive takes over")
        s.keys("ben", "F7")
        s.shows("ben", "Nothing was sent.")
        check("no box", "Type cycle" not in s.text("ben"))
        s.keys("anna", "F7")
        s.shows("anna", "Type cycle and Enter")
        s.say("ben", "/drive")
        s.shows("anna", "cycle: closed, nothing was sent: ben drives")
        s.shows("anna", "ben TOOK OVER at ")
        s.shows("anna", "ben drives, anna watches")
        s.shows("anna", "ben drives now, no longer anna")
        check("the box is closed", "Type cycle" not in s.text("anna"))
        s.say("anna", "/who")
        s.shows("anna", "ben drives since ")
        s.shows("anna", "uid ")
        s.keys("anna", "Escape")
        s.open("rob", "--read-only")
        s.shows("rob", "READ-ONLY")
        s.shows("rob", "ben drives, 2 watch")
        os.kill(s.pid("ben"), signal.SIGKILL)
        s.shows("anna", "nobody drives, 2 here")
        s.say("anna", "/new")
        s.shows("anna", "anna drives: acted while nobody drove")
        s.say("anna", "/watch")
        s.shows("anna", "anna gave the baton back")
        if os.environ.get("SHOT"):
            input("look at " + s.tmux[2])
    finally:
        s.close()


@with_rig(**NO_HOSTS)
def line_by_line(rig):
    """in linear mode the same is said in lines"""
    rig.start()
    a = rig.console("ann")
    p = subprocess.Popen([BUILD + "/tests/screen/console-main", rig.socket, "ben", "--linear"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         env=rig.env, text=True)
    said = []
    t = threading.Thread(target=lambda: said.extend(iter(p.stdout.readline, "")))
    t.start()

    def hears(text):
        until("it says " + text, lambda: text in "".join(said))
    try:
        hears("ann drives, ben watches.")
        p.stdin.write("/cycle\n")
        p.stdin.flush()
        hears("cycle: you are watching, ann drives since")
        p.stdin.write("/drive\n/who\n")
        p.stdin.flush()
        a.expect(t="operator", state="driving", name="ben")
        hears("ben drives, ann watches.")
        hears("ann drives since")
        a.send(t="drive")
        hears("ann TOOK OVER at ")
    finally:
        p.stdin.close()
        p.terminate()
        p.wait(LIMIT)
        t.join()


if __name__ == "__main__":
    main([names, baton, silent_driver, collisions, forged, sudo, container, ssh_key,
          ssh_without_key, on_screens, line_by_line])
