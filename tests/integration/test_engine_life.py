#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's life: start, run directory, key, limits, signals, leaving."""
import os
import shutil
import signal
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import (ENGINE, LIMIT, SANITIZED, Skip, alive, background_engines,  # noqa: E402
                        check, children, main, shim, until, with_rig)
from pace import Watch  # noqa: E402

NO_HOSTS = dict(pve=False, devvm=False)
ROOT = os.getuid() == 0


@with_rig(**NO_HOSTS)
def stale_socket(rig):
    """the socket of an engine that was killed is no hindrance"""
    e = rig.start()
    e.kill()
    e.wait()
    check("it lies there", os.path.exists(rig.socket))
    c = rig.cli("ping")
    check("ping: 69", c.returncode == 69, c)
    rig.start()
    check("ping: 0", rig.cli("ping").returncode == 0)


@with_rig(**NO_HOSTS)
def two_engines(rig):
    """a second engine in the same run directory says who is there, and exits 75"""
    e = rig.start()
    p, words = rig.start(must=False)
    check("75", p.wait(LIMIT) == 75 and str(e.pid) in words and "breakglass attaches" in words, words)
    check("the first one is undisturbed", rig.cli("ping").returncode == 0)
    c = rig.cli("engine")
    check("the command line: 75", c.returncode == 75 and str(e.pid) in c.stderr, c)


@with_rig(**NO_HOSTS)
def many_start_at_once(rig):
    """eight commands at once start one engine between them"""
    cs = [rig.popen("ask", "hello %d" % i) for i in range(8)]
    for c in cs:
        out, err = c.communicate(timeout=LIMIT)
        check("each has the answer: no claude", c.returncode == 1 and "claude" in err, out, err)
    until("all engines have left", lambda: not background_engines(rig.dir))


@with_rig(**NO_HOSTS)
def long_run_dir(rig):
    """a socket path over 107 bytes: one sentence that names run_dir"""
    env = dict(rig.env, BREAKGLASS_RUN_DIR=rig.dir + "/" + "d" * 110)
    for words in (["ping"], ["status"], []):
        c = rig.cli(*words, env=env)
        check("run_dir is named", c.returncode in (1, 64, 69) and "run_dir" in c.stderr and
              "107" in c.stderr, words, c)
    p, words = rig.start(env=env, must=False)
    check("the engine too", p.wait(LIMIT) != 0 and "run_dir" in words, words)


@with_rig(**NO_HOSTS)
def no_runtime_dir(rig):
    """XDG_RUNTIME_DIR unset: /tmp/breakglass-UID; of another owner or open: 77"""
    if not ROOT:
        raise Skip("needs root: another uid's /tmp/breakglass-UID")
    uid = 20000 + os.getpid() % 20000
    d = "/tmp/breakglass-%d" % uid
    env = dict(rig.env)
    del env["BREAKGLASS_RUN_DIR"]
    env["HOME"] = rig.dir + "/h"
    os.chmod(rig.dir, 0o755)
    os.mkdir(env["HOME"])
    os.chown(env["HOME"], uid, uid)
    env.update(BREAKGLASS_SESSIONS_DIR=env["HOME"] + "/s", BREAKGLASS_KEY_PATH=env["HOME"] + "/k")
    shutil.copy(rig.key, env["HOME"] + "/k")
    os.chown(env["HOME"] + "/k", uid, uid)
    prefix = ("setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups")
    if subprocess.run(list(prefix) + ["/bin/sh", "-c", "test -x %s" % rig.env[
            "BREAKGLASS_LIBEXEC_DIR"] + "/engine"]).returncode:
        raise Skip("the build is not readable for other uids")
    try:
        os.mkdir(d, 0o700)
        c = rig.cli("ask", "x", env=env, prefix=prefix)
        check("root's directory: 77", c.returncode == 77 and "belongs to uid 0" in c.stderr, c)
        os.chown(d, uid, uid)
        os.chmod(d, 0o750)
        c = rig.cli("ask", "x", env=env, prefix=prefix)
        check("open to a group: 77", c.returncode == 77 and "chmod 700" in c.stderr, c)
        os.rmdir(d)
        os.symlink(rig.dir, d)
        c = rig.cli("ask", "x", env=env, prefix=prefix)
        check("a link: 77", c.returncode == 77, c)
        os.unlink(d)
        # without a passwd entry, and without USER
        env.pop("USER")
        c = rig.cli("ask", "x", env=env, prefix=prefix)
        check("a uid without a passwd entry works", c.returncode == 1 and "claude" in c.stderr, c)
        check("its directory", os.stat(d).st_uid == uid and os.stat(d).st_mode & 0o777 == 0o700)
        js = [f for f in os.listdir(env["HOME"] + "/s/incidents")]
        with open(env["HOME"] + "/s/incidents/" + js[0]) as f:
            check("its name", '"by":"uid%d"' % uid in f.read())
    finally:
        if os.path.islink(d):
            os.unlink(d)
        shutil.rmtree(d, ignore_errors=True)


@with_rig(**NO_HOSTS)
def no_home(rig):
    """HOME unset: the engine starts, and says what it cannot read"""
    env = dict(rig.env)
    del env["HOME"]
    rig.start(env=env)
    check("ping", rig.cli("ping", env=env).returncode == 0)


@with_rig(**NO_HOSTS)
def bad_run_dirs(rig):
    """a run directory that is open, a file, or cannot be made: 77 or a sentence, never a start"""
    for make, word in ((lambda d: os.mkdir(d, 0o755), "chmod 700"),
                       (lambda d: open(d, "w").close(), "not a directory"),
                       (lambda d: os.symlink("/tmp", d), "")):
        d = rig.dir + "/bad"
        os.umask(0)
        make(d)
        env = dict(rig.env, BREAKGLASS_RUN_DIR=d)
        for words in (["status"], ["ping"], ["ask", "x"], []):
            c = rig.cli(*words, env=env)
            check("77", c.returncode == 77 and word in c.stderr, words, c)
        p, said = rig.start(env=env, must=False)
        check("the engine: 77", p.wait(LIMIT) == 77 and word in said, said)
        os.rmdir(d) if os.path.isdir(d) and not os.path.islink(d) else os.unlink(d)
    env = dict(rig.env, BREAKGLASS_RUN_DIR="/proc/nowhere")
    c = rig.cli("status", env=env)
    check("cannot be made: a sentence", c.returncode in (1, 69) and "/proc/nowhere" in c.stderr, c)


@with_rig()
def few_descriptors(rig):
    """out of descriptors: new consoles are turned away, the ones here work, and so does the verb"""
    e = rig.start(prefix=("prlimit", "--nofile=48:48"))
    p = rig.console()
    rig.links_up(p)
    crowd = []
    for i in range(60):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(5)
        try:
            s.connect(rig.socket)
            crowd.append(s)
        except OSError:
            break
    p.send(t="ping")
    p.expect(t="welcome")
    said = []
    for s in crowd[-20:]:
        text = b""
        try:
            while not text.endswith(b"\n"):
                got = s.recv(4096)
                if not got:
                    break
                text += got
        except OSError:
            pass
        said.append(text)
    check("each that is turned away is told why", all(b"ulimit -n" in t for t in said), said)
    c = rig.cli("ping")
    check("so is a command", c.returncode == 75 and "ulimit -n" in c.stderr, c)
    with open("/proc/%d/stat" % e.pid) as f:
        cpu = sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13]))
    v = rig.verb(p, "status", confirm=False)
    check("status", p.expect(t="verb", id=v, state="finished")["exit"] == 0)
    with open("/proc/%d/stat" % e.pid) as f:
        used = sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13])) - cpu
    check("it did not spin", used < 50, used)
    for s in crowd:
        s.close()
    until("then others may come", lambda: rig.cli("ping").returncode == 0)
    rig.stop()
    for n in (20, 47) if SANITIZED else (5, 10, 20, 47):  # a sanitizer opens files, too
        p, words = rig.start(prefix=("prlimit", "--nofile=%d:%d" % (n, n)), must=False)
        check("too few for an engine: a sentence, no crash", p.wait(LIMIT) == 64 and
              "ulimit -n" in words, n, words)
    rig.start(prefix=("prlimit", "--nofile=20:2000"))
    check("what it may raise it raises", rig.cli("status").returncode == 0)


@with_rig()
def no_processes(rig):
    """fork fails: no agent, with a sentence; hosts and verbs work"""
    if not ROOT or SANITIZED:
        raise Skip("needs root, and no sanitizer with threads of its own: another uid that has no other process")
    uid = str(40000 + os.getpid() % 20000)  # no test before had it
    subprocess.run(["chown", "-R", uid + ":" + uid, rig.key, rig.dir + "/apikey",
                    rig.dir + "/home"], check=True)
    os.chmod(rig.dir, 0o1777)
    for name in ("engine.out", "run", "sessions"):
        path = rig.dir + "/" + name
        if name == "engine.out":
            open(path, "w").close()
        else:
            os.mkdir(path, 0o700)
        os.chown(path, int(uid), int(uid))
    if subprocess.run(["setpriv", "--reuid", uid, "--regid", uid, "--clear-groups", "test", "-x",
                       ENGINE]).returncode:
        raise Skip("the build is not readable for other uids")
    as_uid = ("setpriv", "--reuid", uid, "--regid", uid, "--clear-groups")
    p, words = rig.start(prefix=as_uid + ("prlimit", "--nproc=1:1"), must=False)
    check("not even a thread: a sentence", p.wait(LIMIT) == 1 and "ulimit -u" in words, words)
    rig.start(prefix=as_uid + ("prlimit", "--nproc=2:2"))
    check("one thread is enough", rig.cli("status", prefix=as_uid).returncode == 0)
    rig.stop()
    # one for the engine, four for its threads
    rig.start(prefix=as_uid + ("prlimit", "--nproc=5:5"))
    c = rig.cli("status", prefix=as_uid)
    check("status", c.returncode == 0 and "VM 102: running" in c.stdout, c)
    c = rig.cli("ask", "hello", prefix=as_uid)
    check("the agent: why not", c.returncode == 1 and len(c.stderr) > 10, c)
    c = rig.cli("reset", "--confirm", "reset", prefix=as_uid)
    check("a mutating verb", c.returncode == 0, c)


@with_rig()
def signals(rig):
    """SIGTERM: gone within 5 s with exit 0 and nothing left; SIGHUP, SIGPIPE, SIGUSR1 change nothing"""
    e = rig.start()
    p = rig.console()
    rig.links_up(p)
    for s in (signal.SIGHUP, signal.SIGPIPE):
        e.send_signal(s)
        p.send(t="ping")
        p.expect(t="welcome")
    rig.pve.hold("reset")
    rig.verb(p, "reset")
    until("the host is at it", lambda: rig.pve.calls("reset"))
    kids = children(e.pid)
    began = Watch()
    e.terminate()
    check("exit 0", e.wait(LIMIT) == 0)
    began.within("within 5 s", 5)
    p.expect_end()
    check("the socket is gone", not os.path.exists(rig.socket))
    until("nothing of it lives on", lambda: not [k for k in kids if alive(k)])
    rig.pve.release("reset")


@with_rig(pve=False)
def leaves_in_the_middle(rig):
    """SIGTERM while runs, fetches and attaches are under way: no crash, a whole journal"""
    for i in range(5):
        e = rig.start()
        p = rig.console()
        rig.link(p, "devvm", "up")
        flood = subprocess.Popen([rig.env["BREAKGLASS_LIBEXEC_DIR"] + "/shim/ssh", "devvm",
                                  "yes | head -c 3000000"], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                                 env=dict(PATH="/usr/bin:/bin", BREAKGLASS_SOCKET=rig.run_dir +
                                          "/agent/agent.sock"))
        run = p.expect(t="tool")["id"]
        p.expect(t="output")
        for k in range(5):
            p.send(t="fetch", id=run, stream="out", **{"from": 0, "to": 200000})
            q = rig.peer()
            q.hello("late", since=0, incident=p.of("incident")[0]["id"] if p.of("incident") else "x")
        p.send(t="verb", verb="status")
        p.send(t="verb", verb="cycle", confirm="cycle")
        p.send(t="verb", verb="cycle")
        p.send(t="end", id=run)
        e.terminate()
        check("exit 0", e.wait(LIMIT) == 0, e.returncode)
        flood.wait()
        rig.journal()


@with_rig(**NO_HOSTS)
def background(rig):
    """a background engine outlives its starter, has no terminal and no descriptor of it"""
    r, w = os.pipe()
    env = dict(rig.env, TERM="dumb")
    c = subprocess.Popen(["/usr/bin/script", "-qec", rig.env["BREAKGLASS_LIBEXEC_DIR"] +
                          "/../src/breakglass --linear", "/dev/null"], env=env,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         start_new_session=True, pass_fds=[w]) \
        if os.path.exists("/usr/bin/script") else None
    if not c:
        raise Skip("no script(1)")
    until("an engine", lambda: os.path.exists(rig.socket))
    until("it answers", lambda: rig.cli("ping").returncode == 0)
    es = background_engines(rig.dir)
    check("one", len(es) == 1, es)
    os.killpg(c.pid, signal.SIGKILL)
    c.communicate()
    check("it lives", rig.cli("ping").returncode == 0 and alive(es[0]))
    fds = set()
    for f in os.listdir("/proc/%d/fd" % es[0]):
        try:
            fds.add(os.readlink("/proc/%d/fd/%s" % (es[0], f)))
        except FileNotFoundError:
            pass                    # closed since it was listed
    check("no terminal, no stray pipe", not [f for f in fds if "pts" in f or "tty" in f], fds)
    check("not our pipe", os.readlink("/proc/self/fd/%d" % w) not in fds, fds)
    with open("/proc/%d/stat" % es[0]) as f:
        check("a session of its own", int(f.read().rsplit(")", 1)[1].split()[3]) == es[0])
    os.close(r)
    os.close(w)


@with_rig(**NO_HOSTS)
def one_shot_without_a_starter(rig):
    """a one-shot engine whose starter has died leaves by itself"""
    p = rig.start("--one-shot", "--alone-ms", "300")
    check("leaves", p.wait(LIMIT) == 0)


@with_rig()
def bad_keys(rig):
    """a key that is missing, encrypted, public, CRLF or open: the engine is up, one clear sentence"""
    good = open(rig.key).read()

    def missing(k):
        os.unlink(k)

    def encrypted(k):
        subprocess.run(["ssh-keygen", "-q", "-p", "-f", k, "-N", "secret", "-P", ""], check=True,
                       stdout=subprocess.DEVNULL)

    def public(k):
        shutil.copy(rig.key + ".pub", k)
        os.chmod(k, 0o600)

    def crlf(k):
        with open(k, "w", newline="") as f:
            f.write(good.replace("\n", "\r\n"))

    def opened(k):
        os.chmod(k, 0o644)

    def garbage(k):
        with open(k, "w") as f:
            f.write("not a key\n")

    def empty(k):
        open(k, "w").close()

    def folder(k):
        os.unlink(k)
        os.mkdir(k)

    key = rig.dir + "/testkey"
    env = dict(rig.env, BREAKGLASS_KEY_PATH=key)
    todo = {missing: "put it there", encrypted: "ssh-keygen -p", public: "without .pub",
            opened: "chmod 600", garbage: "that ssh-keygen made", empty: "put the private key",
            folder: "name the file itself"}
    for spoil in (missing, encrypted, public, crlf, opened, garbage, empty, folder):
        shutil.rmtree(key, ignore_errors=True)
        if os.path.exists(key):
            os.unlink(key)
        with open(key, "w") as f:
            f.write(good)
        os.chmod(key, 0o600)
        spoil(key)
        rig.start(env=env)
        p = rig.console()
        if spoil is crlf and [f for f in p.facts if f.get("what") == "link" and
                              f["state"] in ("up", "connecting")]:
            rig.link(p, "pve", "up")        # taken as it is: fine too
        else:
            f = rig.link(p, "pve", "down")
            check("says which file and what to do", key in f["why"] and len(f["why"]) < 300 and
                  todo[spoil] in f["why"], spoil.__name__, f)
            v = rig.verb(p, "cycle")
            f = p.expect(lambda f: f["state"] in ("refused", "finished"), t="verb", id=v)
            check("a verb says the same", key in f.get("why", ""), spoil.__name__, f)
        p.send(t="note", text="alive")
        p.expect(t="note")
        rig.stop()


@with_rig()
def clock_goes_back(rig):
    """the clock goes back an hour: no timer, no record and no order is disturbed"""
    lib = [p for p in ("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
                       "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1")
           if os.path.exists(p)]
    if not lib or SANITIZED:
        raise Skip("no libfaketime, or a sanitizer that must come first")
    stamp = rig.dir + "/stamp"
    with open(stamp, "w") as f:
        f.write("+0\n")
    env = dict(rig.env, LD_PRELOAD=lib[0], FAKETIME_TIMESTAMP_FILE=stamp, FAKETIME_NO_CACHE="1",
               FAKETIME_DONT_FAKE_MONOTONIC="1")
    rig.start(env=env)
    p = rig.console()
    rig.links_up(p)
    v = rig.verb(p, "reset")
    with open(stamp, "w") as f:
        f.write("-3600\n")
    check("the verb", p.expect(t="verb", id=v, state="finished")["exit"] == 0)
    p.expect(t="state", what="proof", done=True)
    r = rig.journal()
    check("the clock did go back", r[0]["at"] > r[-1]["at"], r[0]["at"], r[-1]["at"])


if __name__ == "__main__":
    main([stale_socket, two_engines, many_start_at_once, long_run_dir, no_runtime_dir, no_home,
          bad_run_dirs, few_descriptors, no_processes, signals, leaves_in_the_middle, background,
          one_shot_without_a_starter, bad_keys, clock_goes_back])
