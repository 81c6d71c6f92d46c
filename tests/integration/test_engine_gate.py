#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate: wrong owners and modes, the operator list, emergency passwords, locked keys."""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import (BUILD, LIMIT, PROGRAM, SRC, Failed, Peer, Skip, check,  # noqa: E402
                        main, until, with_rig)
from pace import Watch  # noqa: E402

ROOT = os.getuid() == 0
NOBODY = 65534
LONG = bool(os.environ.get("BG_LONG"))
NO_HOSTS = dict(pve=False, devvm=False)
# "right horse", cost 04: a test has no time for 12
HASH = "$2b$04$BTOoPHcjTZdhLVzs2NL7/.LLd4lYr3Vq1FHyjFUcnF4r/msHdwn4u"
PASSWORD = "right horse"


def write(path, text, mode=0o600):
    with open(path + ".new", "w") as f:
        f.write(text)
    os.chmod(path + ".new", mode)
    os.rename(path + ".new", path)
    return path


def lists(rig, text, credentials=None, **more):
    """The files, and an engine that has them."""
    rig.env["BREAKGLASS_OPERATORS"] = write(rig.dir + "/operators", text)
    if credentials is not None:
        rig.env["BREAKGLASS_CREDENTIALS"] = write(rig.dir + "/htpasswd", credentials)
    rig.env.update(more)
    return rig.start()


def knock(rig, name="ann", **more):
    """A console's hello; the fact that answers it."""
    p = rig.peer()
    p.send(t="hello", v=1, name=name, tty="test", size="80x24", role="console", **more)
    return p, p.expect(lambda f: f["t"] in ("welcome", "error", "gate"))


def refused(rig, what, *words):
    p, f = knock(rig)
    check(what + ": refused", f["t"] == "error" and f["where"] == "access", f)
    check(what + ": why", all(w in f["text"] + " " + f.get("todo", "") for w in words), f)
    check(what + ": nothing else is told", len(p.expect_end()) == 1, p.facts)
    c = rig.cli("note", "let me in")
    check(what + ": exit 77, and the mend", c.returncode == 77 and
          all(w in c.stderr for w in words), c)
    return f


def let_in(rig, what, name="ann"):
    p, f = knock(rig, name)
    check(what, f["t"] == "welcome", f)
    return p, f


def password(p, name, word):
    """The answer of one password."""
    p.send(t="unlock", name=name, password=word)
    return p.expect(lambda f: f["t"] in ("welcome", "error", "gate"))


# --- places ---

def no_engine(rig, what, mend, then=True):
    """It does not come up, says the command that mends it, and that command does."""
    p, words = rig.start(must=False)
    check(what + ": exit 77", p.wait(LIMIT) == 77, words)
    check(what + ": the mend", mend in words, words)
    check(what + ": nothing listens", not os.path.exists(rig.socket) or
          not socket_answers(rig.socket))
    c = rig.cli("note", "x")
    check(what + ": for a command, too", c.returncode == 77 and mend in c.stderr, c)
    if then:
        subprocess.run(mend, shell=True, check=True)
        rig.start()
        rig.stop()


def socket_answers(path):
    s = socket.socket(socket.AF_UNIX)
    try:
        s.connect(path)
        return True
    except OSError:
        return False
    finally:
        s.close()


@with_rig(**NO_HOSTS)
def places(rig):
    """a run directory, lock or socket of a wrong kind, owner or mode: 77 and the exact mend"""
    run = rig.run_dir
    os.mkdir(rig.dir + "/else")
    os.symlink(rig.dir + "/else", run)
    no_engine(rig, "a link", "rm %s" % run)
    check("nobody wrote behind it", os.listdir(rig.dir + "/else") == [])
    shutil.rmtree(run)
    write(run, "x")
    no_engine(rig, "a file", "rm %s" % run)
    os.chmod(run, 0o755)
    no_engine(rig, "open to others", "chmod 700 %s" % run)
    os.unlink(run + "/engine.lock")
    write(rig.dir + "/victim", "precious")
    os.symlink(rig.dir + "/victim", run + "/engine.lock")
    no_engine(rig, "a lock that is a link", "rm -r %s/engine.lock" % run)
    check("what it led to is as it was", open(rig.dir + "/victim").read() == "precious")
    os.unlink(run + "/engine.lock")
    os.link(rig.dir + "/victim", run + "/engine.lock")
    no_engine(rig, "a lock with two names", "rm %s/engine.lock" % run)
    os.makedirs(rig.socket)
    no_engine(rig, "a socket that is a directory", "rm -r %s" % rig.socket)
    os.chmod(rig.dir, 0o777)
    no_engine(rig, "a place that others can swap", "chmod go-w %s" % rig.dir)
    if not ROOT:
        return
    os.chown(run, NOBODY, NOBODY)
    no_engine(rig, "another's directory", "sudo rm -r %s" % run, then=False)


@with_rig(**NO_HOSTS)
def nobody(rig):
    """a list that is missing, empty, open, garbled or another's names nobody, and says its mend"""
    path = rig.dir + "/operators"
    own = "uid:%d drive\n" % os.getuid()
    lists(rig, "")
    refused(rig, "empty", "does not name you", "echo 'uid:%d drive' >>%s" % (os.getuid(), path))
    write(path, "# only words\n\n")
    refused(rig, "only words", "does not name you")
    os.unlink(path)
    refused(rig, "missing", "names nobody", path)
    write(path, own, 0o666)
    f = refused(rig, "open to others", "chmod 644 " + path)
    check("it is read again by itself", "by itself" in f["todo"], f)
    for bad in ("uid:0x0 drive", "uid:%d" % os.getuid(), own.strip() + " ann more", "drive",
                "uid:-1 drive", "uid:4294967295 drive", "gid:0 drive", "user: drive",
                "key:MD5:aa drive", own.strip() + "\x01", "uid:%d Drive" % os.getuid(),
                "uid:%d\xa0drive" % os.getuid(), "uid:%d drive\0" % os.getuid()):
        write(path, own + bad + "\n")
        refused(rig, "garbled " + repr(bad), "line 2")
    os.unlink(path)
    os.mkdir(path)
    refused(rig, "a directory", "not a regular file")
    os.rmdir(path)
    if ROOT:
        write(path, own)
        os.chown(path, NOBODY, NOBODY)
        refused(rig, "another's", "chown 0 " + path)
    write(path, own, 0o644)
    let_in(rig, "mended without a restart")


# --- the list ---

@with_rig(**NO_HOSTS)
def roles(rig):
    """role and name come from the list; who is taken out of it goes, a broken list sends nobody"""
    uid, path = os.getuid(), rig.dir + "/operators"
    user = subprocess.run(["id", "-un"], capture_output=True, text=True).stdout.strip()
    lists(rig, "uid:4242 drive\nuser:%s drive chief # the boss\n" % user)
    p, f = let_in(rig, "by the account")
    check("the list says the name", f["you"] == "chief" and "read_only" not in f, f)
    p.expect(t="caught_up")
    q = p.ask(t="note", text="mine")
    check("acts", p.expect(t="note")["by"] == "chief")
    changed = Watch()
    write(path, "uid:%d read-only\nuser:%s drive\n" % (uid, user))
    r, f = let_in(rig, "the first line counts", "rob")
    check("reads", f["read_only"] and f["you"] == "rob", f)
    r.expect(t="caught_up")
    for m in (dict(t="note", text="x"), dict(t="verb", verb="cycle", confirm="cycle"),
              dict(t="prompt", text="x"), dict(t="drive"), dict(t="cancel"),
              dict(t="answer", id="q1", yes=True), dict(t="autonomy", level="observe"),
              dict(t="shell", cols=80, rows=24), dict(t="incident", state="new"),
              dict(t="runbook", name="disk"), dict(t="verb", verb="status"),
              dict(t="hello", v=1, name="root", read_only=False)):
        q = r.ask(**m)
        e = r.expect(t="error", req=q)
        check("refused", "read-only" in e["text"] or m["t"] == "hello", e)
    c = rig.cli("note", "x")
    check("a command reads, too", c.returncode == 64 and "read-only" in c.stderr, c)
    check("and may look", rig.cli("who").returncode == 0)
    # she who drives is read-only by now, without having to come again
    p.expect(t="welcome", read_only=True)
    changed.within("read-only", 15)
    e = p.expect(t="error", req=p.ask(t="note", text="x"))
    check("told and held", "read-only" in e["text"], e)
    write(path, "nonsense\n")
    refused(rig, "broken", "line 1")
    p.send(t="ping")
    p.expect(t="welcome")
    write(path, "uid:4242 drive\n")
    f = p.expect(lambda f: f.get("where") == "access")
    check("taken out", "any more" in f["text"], f)
    p.expect_end()
    r.expect_end()


def in_run(rig, run):
    """Where root alone makes directories an operator of another uid believes what he finds."""
    top = tempfile.mkdtemp(prefix="bg", dir="/run")
    try:
        os.chmod(top, 0o755)
        env = dict(rig.env, BREAKGLASS_HISTORY="none", HOME="/nonexistent",
                   BREAKGLASS_RUN_DIR=top + "/run")
        rig.env["BREAKGLASS_RUN_DIR"] = top + "/run"
        c = rig.cli("who", env=env, prefix=run)
        check("no engine yet, and none is started", c.returncode == 69, c)
        rig.start()
        c = rig.cli("who", env=env, prefix=run)
        check("comes in", c.returncode == 0, c)
        c = rig.cli("note", "x", env=env, prefix=run)
        check("and reads", c.returncode == 64 and "read-only" in c.stderr, c)
        rig.stop()
        os.chmod(top + "/run", 0o750)
        c = rig.cli("who", env=env, prefix=run)
        check("another mode", c.returncode == 77 and "mode 0710" in c.stderr, c)
    finally:
        rig.env["BREAKGLASS_RUN_DIR"] = rig.run_dir
        shutil.rmtree(top)


@with_rig(**NO_HOSTS)
def group(rig):
    """operators of another uid: 0660 in 0710, who is listed comes in, who is not does not"""
    gid = 54321
    run = ("setpriv", "--reuid", str(NOBODY), "--regid", str(gid), "--clear-groups")
    if not ROOT or not shutil.which("setpriv"):
        raise Skip("needs root and setpriv")
    os.chmod(rig.dir, 0o755)
    rig.env.update(BREAKGLASS_OPERATORS_GROUP=str(gid))
    env = dict(rig.env, BREAKGLASS_HISTORY="none", HOME="/nonexistent")
    lists(rig, "uid:0 drive\n")
    for path, mode in ((rig.run_dir, 0o710), (rig.socket, 0o660)):
        st = os.stat(path)
        check("mode and group of " + path, st.st_mode & 0o7777 == mode and st.st_gid == gid, st)
    check("all else is closed", all(os.stat(rig.run_dir + "/" + n).st_mode & 0o77 == 0
                                    for n in os.listdir(rig.run_dir) if n != "console.sock"))
    let_in(rig, "its owner")
    # below /tmp anybody could have made that directory: it is not believed
    c = rig.cli("who", env=env, prefix=run)
    check("a place in /tmp is not believed", c.returncode == 77 and "chmod go-w /tmp" in c.stderr,
          c)
    peer = [*run, "python3", SRC + "/tests/integration/people_peer.py", rig.socket]
    words = subprocess.run([*peer, "eve", "answer"], capture_output=True, text=True).stdout
    check("not listed", '"access"' in words and "uid %d" % NOBODY in words and
          '"welcome"' not in words, words)
    write(rig.dir + "/operators", "uid:0 drive\nuid:%d read-only\n" % NOBODY)
    words = subprocess.run([*peer, "eve", "answer"], capture_output=True, text=True).stdout
    check("listed", '"read_only":true' in words, words)
    rig.stop()
    in_run(rig, run)
    del rig.env["BREAKGLASS_OPERATORS"], rig.env["BREAKGLASS_OPERATORS_GROUP"]
    shutil.rmtree(rig.run_dir)
    rig.start()
    os.chmod(rig.run_dir, 0o711)
    os.chmod(rig.socket, 0o666)
    words = subprocess.run([*peer, "eve", "answer"], capture_output=True, text=True).stdout
    check("no list: the uid is the gate", '"welcome"' not in words, words)


@with_rig(claude=SRC + "/tests/fakes/fake-claude", **NO_HOSTS)
def agents(rig):
    """what the agent runs is no operator, however it detaches itself"""
    rig.start()
    p = rig.console()
    until("ready", lambda: p.pump(0.01) or [
        f for f in p.facts if f.get("what") == "agent" and f["state"] == "ready"])
    door = rig.dir + "/door.py"
    write(door, """
import json, os, socket, sys
if len(sys.argv) > 2:
    r, w = os.pipe()
    if os.fork():
        os.close(w)
        print(os.read(r, 4096).decode())
        sys.exit()
    os.setsid()
    if os.fork():
        os._exit(0)
    while os.getppid() != 1 and "agent-host" not in open("/proc/%d/comm" % os.getppid()).read():
        pass
    os.dup2(w, 1)
s = socket.socket(socket.AF_UNIX)
try:
    s.connect(sys.argv[1])
    s.sendall(json.dumps(dict(t="hello", v=1, name="eve", role="command")).encode() + b"\\n")
    print(s.makefile().readline(), flush=True)
except OSError as e:
    print("refused by the kernel:", e, flush=True)
""", 0o644)
    os.chmod(rig.dir, 0o755)
    for more in ("", " detached"):
        p.ask(t="prompt", text="run python3 %s %s%s" % (door, rig.socket, more))
        f = p.expect(t="text")
        check("no welcome", "welcome" not in f["text"] and (
            "no operator" in f["text"] or "not an operator" in f["text"] or
            "refused" in f["text"] or "can't open" in f["text"]), f)
        p.expect(t="done")
    check("the same from outside", "welcome" in subprocess.run(
        ["python3", door, rig.socket], capture_output=True, text=True).stdout)


# --- passwords ---

@with_rig(**NO_HOSTS)
def credential(rig):
    """a peer that the list does not name gives a name and its password; nothing keeps it"""
    lists(rig, "name:rob read-only robert\n",
          "ann:%s\nrob:%s\n" % (HASH, HASH.replace("$2b$", "$2y$")))
    p, f = knock(rig)
    check("asked", f["t"] == "gate" and f["gate"] == "credential" and f["name"] == "ann", f)
    p.send(t="note", text="too early, kept")
    f = password(p, "ann", "wrong horse")
    check("wrong", f["t"] == "gate" and f["wait_ms"] == 1000, f)
    f = password(p, "ann", PASSWORD)
    check("right", f["t"] == "welcome" and f["you"] == "ann", f)
    check("what was said early is heard", p.expect(t="note")["by"] == "ann")
    until("vouched for", lambda: p.pump(0.01) or [
        f for f in p.of("operator", name="ann") if f["proof"].startswith("password of ann")])
    r, f = knock(rig, "x")
    f = password(r, "rob", PASSWORD)
    check("role and name of the list", f["t"] == "welcome" and f["read_only"] and
          f["you"] == "robert", f)
    r, w = os.pipe()
    os.write(w, b"ann:" + PASSWORD.encode() + b"\nmore\n")
    os.close(w)
    c = subprocess.run([PROGRAM, "--credential-fd", str(r), "note", "by a script"], env=rig.env,
                       pass_fds=[r], capture_output=True, text=True, cwd=rig.dir, timeout=60,
                       stdin=subprocess.DEVNULL)
    check("a script", c.returncode == 0, c)
    c = subprocess.run([PROGRAM, "--credential-fd", "0", "who"], env=rig.env, input="ann:no\n",
                       capture_output=True, text=True, cwd=rig.dir, timeout=2 * LIMIT)
    check("a wrong one", c.returncode == 77, c)
    c = subprocess.run([PROGRAM, "who"], env=rig.env, stdin=subprocess.DEVNULL,
                       capture_output=True, text=True, cwd=rig.dir, timeout=60,
                       start_new_session=True)
    check("no terminal: the way is said", c.returncode == 77 and "--credential-fd" in c.stderr, c)
    rig.stop()
    for top, _, names in os.walk(rig.dir):
        for n in names:
            path = top + "/" + n
            if os.path.isfile(path):
                data = open(path, "rb").read()
                check("in no file: " + n, PASSWORD.encode() not in data and
                      b"wrong horse" not in data)


@with_rig(**NO_HOSTS)
def bad_credentials(rig):
    """a file of credentials that others read, or with what is no bcrypt, lets nobody in"""
    path = rig.dir + "/htpasswd"
    lists(rig, "", "")
    cases = [("ann:" + HASH, 0o644, "chmod 600 " + path), ("ann:" + HASH, 0o660, "chmod 600 "),
             ("ann:" + PASSWORD, 0o600, "bcrypt"), ("ann:$apr1$abc$def", 0o600, "bcrypt"),
             ("ann:{SHA}" + "A" * 28, 0o600, "bcrypt"), ("ann:" + HASH[:-1], 0o600, "60"),
             ("ann:" + HASH.replace("$04$", "$31$"), 0o600, "cost"), ("ann", 0o600, "line 1"),
             ("ann:" + HASH + "\nben:" + HASH + "\nann:" + HASH, 0o600, "line 3"),
             ("ann:*0", 0o600, "bcrypt"), ("ann:" + HASH[:-1] + "!", 0o600, "damaged")]
    for text, mode, words in cases:
        write(path, text + "\n", mode)
        p, f = knock(rig)
        check("asked", f["t"] == "gate", f)
        f = password(p, "ann", PASSWORD)
        check("refused, with the mend: " + words, f["t"] == "error" and
              f["where"] == "access" and words in f["text"] and PASSWORD not in f["text"], f)
        p.expect_end()
    write(path, "")
    for name, word in (("ann", PASSWORD), ("", ""), ("ann", ""), ("ann", "x" * 257),
                       ("ann\0", PASSWORD), ("ann:" + HASH, ""), ("../../etc/passwd", "x"),
                       ("n" * 33, "x")):
        p, f = knock(rig)
        f = password(p, name, word)
        check("not in", f["t"] == "gate", f)
        p.close()


@with_rig(**NO_HOSTS)
def thousand(rig):
    """1,000 wrong passwords: none is taken, the right one is within 16 s, who is in works on"""
    lists(rig, "", "ann:%s\nben:%s\n" % (HASH, HASH))
    a, f = knock(rig)
    check("ann is in", password(a, "ann", PASSWORD)["t"] == "welcome")
    a.expect(t="caught_up")
    worst, done = [0.0], threading.Event()

    def work():
        n = 0
        while not done.is_set():
            n += 1
            begin = Watch()
            a.send(t="note", text="n%d" % n)
            a.expect(t="note", text="n%d" % n)
            worst[0] = max(worst[0], begin.took() / begin.pace())
            done.wait(0.02)
    t = threading.Thread(target=work)
    t.start()
    try:
        sent = 0
        while sent < 1000:
            p = Peer(rig.socket)
            p.send(t="hello", v=1, name="eve", role="command")
            f = p.expect(lambda f: f["t"] in ("gate", "error"))
            if f["t"] == "gate":
                for k in range(10):
                    p.send(t="unlock", name=("ann", "ben", "eve")[sent % 3],
                           password="wrong %d" % sent)
                    sent += 1
                for k in range(9):      # the first is looked at in its time
                    check("not taken", p.expect(lambda f: f["t"] != "state")["t"] != "welcome")
            rig.peers.append(p)         # it stays, and must make room by itself
        begin = Watch()
        b, f = knock(rig, "ben")
        check("asked among all of them", f["t"] == "gate", f)
        f = password(b, "ben", PASSWORD)
        took = begin.took()
        check("the right one is taken", f["t"] == "welcome", f)
        begin.within("within 16 s", 16)
    finally:
        done.set()
        t.join()
    check("who is in was not disturbed", worst[0] < 0.5, worst)
    print("# %d wrong ones, the right one after %.1f s, a note of who is in took %.0f ms at most"
          % (sent, took, worst[0] * 1000))
    rig.stop()
    names = {r["name"] for r in rig.journal() if r["t"] == "operator"}
    check("nobody else was here", "ann" in names and names <= {"ann", "ben"}, names)


def guess(rig, stop, count, name):
    """One who guesses for as long as he is let: each answer is waited for."""
    while not stop.is_set():
        try:
            p = Peer(rig.socket)
            p.send(t="hello", v=1, name="eve", role="command")
            while p.expect(lambda f: f["t"] in ("gate", "error"))["t"] == "gate":
                count[0] += 1
                p.send(t="unlock", name=name, password="wrong %d" % count[0])
        except (Failed, OSError):
            pass
        p.close()


@with_rig(**NO_HOSTS)
def siege(rig):
    """four who guess without end: the right one is taken within 16 s all the same"""
    if not LONG:
        raise Skip("BG_LONG=1 takes two minutes for it")
    cost12 = subprocess.run([sys.executable, "-W", "ignore", "-c", "import crypt; print(crypt.crypt("
                             "%r, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=4096)))" % PASSWORD],
                            capture_output=True, text=True, check=True).stdout.strip()
    lists(rig, "", "ann:%s\n" % cost12)
    stop, count, worst = threading.Event(), [0], 0.0
    ts = [threading.Thread(target=guess, args=(rig, stop, count, name))
          for name in ("ann", "ann", "ben", "eve")]
    for t in ts:
        t.start()
    try:
        until("they have to wait", lambda: count[0] > 12)
        for _ in range(3):
            begin = Watch()
            while True:
                p, f = knock(rig)
                if f["t"] == "gate":
                    p.send(t="unlock", name="ann", password=PASSWORD)
                    f = p.expect(lambda f: f["t"] in ("welcome", "error", "gate"))
                p.close()
                if f["t"] == "welcome":
                    break
            worst = max(worst, begin.took() / begin.pace())
    finally:
        stop.set()
        rig.stop()
        for t in ts:
            t.join()
    print("# %d guesses were looked at, the right one took %.1f s at most" % (count[0], worst))
    check("within 16 s", worst < 16, worst)


# --- locked keys ---

def ticks(rig):
    """Hundredths of a second that the engine has used."""
    with open("/proc/%d/stat" % rig.engines[-1].pid) as f:
        w = f.read().rsplit(")", 1)[1].split()
    return int(w[11]) + int(w[12])


def locked(p):
    return p.expect(t="state", what="lock", on=True)


@with_rig(pve=True, devvm=False)
def lock(rig):
    """after a while without a key those that act wait; the view does not; a verb unlocks"""
    rig.start("--lock-ms", "400")
    p = rig.console()
    rig.link(p, "pve", "up")
    f = locked(p)
    check("by a key", f["how"] == "key" and f["seq"] == 0, f)
    q = p.ask(t="verb", verb="cycle", confirm="cycle")
    e = p.expect(t="error", req=q)
    check("held, and how to unlock", e["where"] == "lock" and "/unlock" in e["todo"], e)
    check("nothing was sent", rig.pve.calls("stop") == 0)
    for m in (dict(t="prompt", text="x"), dict(t="shell", cols=80, rows=24), dict(t="drive"),
              dict(t="incident", state="new"), dict(t="verb", verb="forensics")):
        check("held", p.expect(t="error", req=p.ask(**m))["where"] == "lock")
    p.send(t="note", text="I look on")
    p.expect(t="note")
    p.expect(t="verb", req=p.ask(t="verb", verb="status"), state="asked")
    p.send(t="unlock")
    p.expect(t="state", what="lock", on=False)
    c = rig.cli("note", "a command is never locked")
    check("a command", c.returncode == 0, c)
    locked(p)
    o = rig.console("ben")

    def cycles():                       # he may be locked himself before he has asked
        q = o.ask(t="verb", verb="cycle", confirm="cycle")
        return o.expect(lambda f: f.get("req") == q)["t"] == "verb"
    until("ben cycles", lambda: o.send(t="unlock") or o.send(t="drive") or cycles())
    p.expect(t="state", what="lock", on=False)
    p.expect(t="verb", state="finished", verb="cycle")
    check("never while it ran", not [f for f in p.facts[p.looked:] if f.get("what") == "lock"])
    p.send(t="ping", active=True)
    rig.stop()
    check("on nobody's record", not [r for r in rig.journal() if r.get("what") == "lock"])


@with_rig(**NO_HOSTS)
def lock_password(rig):
    """with credentials a password unlocks, and it stands in front of the proof from then on"""
    rig.env["BREAKGLASS_OPERATORS"] = write(rig.dir + "/operators",
                                            "uid:%d drive\nname:rob read-only\n" % os.getuid())
    rig.env["BREAKGLASS_CREDENTIALS"] = write(
        rig.dir + "/htpasswd", "oncall:%s\nrob:%s\n" % (HASH, HASH))
    rig.start("--lock-ms", "300")
    p = rig.console()
    check("by a password", locked(p)["how"] == "password")
    e = p.expect(t="error", req=p.ask(t="unlock"))
    check("a key is not enough", "password" in e["text"], e)
    for name, word in (("oncall", "wrong"), ("rob", PASSWORD)):
        p.send(t="unlock", name=name, password=word)
        p.expect(lambda f: f.get("where") == "unlock")
    p.send(t="unlock", name="oncall", password=PASSWORD)
    p.expect(t="state", what="lock", on=False)
    f = p.expect(lambda f: "oncall" in f["proof"], t="operator", again=True)
    check("who did", f["proof"].startswith("unlocked by password of oncall, "), f)
    r = rig.console("rob", read_only=True)
    before = ticks(rig)
    r.pump(0.6)
    check("who only reads is not locked", not r.of("state", what="lock"))
    check("and is not looked at again and again", ticks(rig) - before < 20, ticks(rig) - before)


# A console's hello from below the launcher, as the agent's processes are.
MARKED = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(60)
s.connect(sys.argv[1])
try:
    s.sendall(b'{"t":"hello","v":1,"name":"ann","tty":"t","size":"80x24","role":"console"}\\n')
except BrokenPipeError:
    pass                        # it was told before it said anything
print(s.recv(65536).decode())
"""


@with_rig(**NO_HOSTS)
def limits_of_a_site(rig):
    """a site without message queues: its operators come in, the agent's processes do not"""
    def below_the_launcher():
        return subprocess.run([BUILD + "/src/agent/launcher", "--memory", "1073741824", "--",
                               "/usr/bin/python3", "-c", MARKED, rig.socket],
                              capture_output=True, text=True, timeout=2 * LIMIT)
    rig.start(prefix=("bash", "-c", 'ulimit -q 0; exec "$@"', "engine"))
    p, f = knock(rig)
    check("an operator is welcome", f["t"] == "welcome", f)
    c = subprocess.run(["bash", "-c", 'ulimit -q 0; exec "$@"', "x", PROGRAM, "note", "here"],
                       env=rig.env, capture_output=True, text=True, timeout=2 * LIMIT)
    check("so is one with that limit", c.returncode == 0, c)
    r = below_the_launcher()
    said = r.stdout
    check("the agent's is not, and why is said", '"error"' in said and "the agent's mark" in said and
          "ulimit -Hx" in said and "LimitLOCKS=" in said, r)
    p.close()
    rig.stop()
    # both limits on the engine itself: the mark tells nobody apart, descent does
    rig.start(prefix=("bash", "-c", 'ulimit -q 0; ulimit -x 0; exec "$@"', "engine"))
    p, f = knock(rig)
    check("an operator is welcome all the same", f["t"] == "welcome", f)


if __name__ == "__main__":
    main([places, nobody, roles, group, agents, credential, bad_credentials, thousand, siege,
          lock, lock_password, limits_of_a_site])
