#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""breakglass drill in the real lab: recovered and proven; killed, and nothing is left.

BG_LONG=1: other wedges too, an operator at the screen, a data folder that is read-only.
"""
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import BUILD, PROGRAM, SRC, Skip, check, main, until  # noqa: E402
from thin_pty import Screen, Thin  # noqa: E402

# the lab/lab of the source, with the cache of all tests
CACHE = os.environ.get("BREAKGLASS_LAB_DIR") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "breakglass/lab")


class Place:
    """A home, a record and a TMPDIR of the test's own."""

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="bgdrill", dir="/tmp")
        for name in ("home", "tmp", "own"):
            os.mkdir(self.dir + "/" + name, 0o700)
        self.env = dict(
            PATH="/usr/bin:/bin:/usr/sbin", HOME=self.dir + "/home", USER="tess", LC_ALL="C.UTF-8",
            TERM="xterm", TMPDIR=self.dir + "/tmp", BREAKGLASS_LAB_DIR=CACHE,
            BREAKGLASS_LIBEXEC_DIR=BUILD + "/libexec", BREAKGLASS_DATA_DIR=SRC,
            BREAKGLASS_SESSIONS_DIR=self.dir + "/own", BREAKGLASS_CLAUDE="/nonexistent",
            BREAKGLASS_AGENT_DRIVER="runbook", BREAKGLASS_PVE_HOST="192.0.2.1")
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        return self

    def __exit__(self, *what):
        shutil.rmtree(self.dir, ignore_errors=True)

    def drill(self, *words, **more):
        return subprocess.run([PROGRAM, "drill", *words], env=self.env, text=True, cwd=self.dir,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=400, **more)

    def record(self):
        with open(self.dir + "/own/drills.jsonl") as f:
            return json.loads(f.readlines()[-1])


def instances(pid):
    return glob.glob("%s/run/drill-%d*" % (CACHE, pid))


def working_for(pid):
    """Processes of that drill's lab and engine."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % name, errors="replace") as f, \
                    open("/proc/%s/stat" % name) as g:
                if "drill-%d" % pid in f.read() and g.read().rsplit(")", 1)[1].split()[0] != "Z":
                    found.append(name)
        except OSError:
            pass
    return found


def recovers():
    """a paused VM 102: triage, start, the proof; every step has its time; nothing is left"""
    with Place() as here:
        p = subprocess.Popen([PROGRAM, "drill", "paused", "--auto", "--json"], env=here.env, text=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = p.communicate(timeout=300)
        if p.returncode == 69:
            raise Skip("the lab cannot be made here: " + err.strip()[-200:])
        check("recovered", p.returncode == 0, out, err[-3000:])
        m = json.loads(out)
        at = [m["steps"][k] for k in ("noticed", "sent", "running", "ssh", "proven")]
        check("each step, in order", at == sorted(at) and m["verb"] == "start" and
              m["advice"] == "start" and m["verdict"] == "paused", m)
        check("on record", here.record()["ok"] and here.record()["total_ms"] == at[-1])
        check("no process, no instance, no directory", not working_for(p.pid) and
              not instances(p.pid) and not os.listdir(here.dir + "/tmp"), working_for(p.pid))


def killed():
    """kill -9 in the middle: the lab, its guest and the engine end by themselves"""
    with Place() as here:
        p = subprocess.Popen([PROGRAM, "drill", "frozen", "--auto"], env=here.env, text=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
        until("the wedge is made", lambda: [f for f in glob.glob(
            here.dir + "/tmp/*/sessions/incidents/*.jsonl") if "runbook" in open(f).read()] or
            p.poll() is not None, 300)
        check("it runs", p.poll() is None and working_for(p.pid))
        p.kill()
        p.wait()
        until("no process of its lab is left", lambda: not working_for(p.pid), 60)
        until("nor its instance", lambda: not instances(p.pid), 60)
        room = glob.glob(here.dir + "/tmp/breakglass-drill.*")

        def others():
            return [n for n in filter(str.isdigit, os.listdir("/proc")) if room and
                    room[0].encode() in environ(n)]
        until("nor anything in its room", lambda: not others(), 30)


def environ(name):
    try:
        with open("/proc/%s/environ" % name, "rb") as f:
            return f.read()
    except OSError:
        return b""


def others():
    """every wedge that a verb cures on any machine, and one that no key helps"""
    if not os.environ.get("BG_LONG"):
        raise Skip("BG_LONG=1 makes it")
    for wedge, verb in (("frozen", "cycle"), ("iostall", "cycle"), ("panic", "reset"),
                        ("powered-off", "start"), ("killed", "start"), ("staged", "cycle"),
                        ("sshd-frozen", "reset"), ("nic-down", "reset")):
        with Place() as here:
            began = time.monotonic()
            c = here.drill(wedge, "--auto", "--json")
            m = json.loads(c.stdout) if c.stdout else {}
            check("%s: recovered" % wedge, c.returncode == 0 and m["ok"], c.stdout, c.stderr[-3000:])
            check("%s: by %s" % (wedge, verb), m["verb"] == verb, m)
            print("# %s: %s, %.1f s of %.0f s" % (wedge, verb, m["total_ms"] / 1000,
                                                 time.monotonic() - began), flush=True)
    with Place() as here:
        c = here.drill("service", "--auto")
        check("no key helps, and none is pressed", c.returncode == 0 and
              "no key is advised" in c.stdout and not os.listdir(here.dir + "/own"), c)


def installed():
    """installed, its folders read-only, as an ordinary user where we may become one"""
    if not os.environ.get("BG_LONG"):
        raise Skip("BG_LONG=1 makes it")
    with Place() as here:
        root = here.dir + "/root"
        r = subprocess.run(["make", "-C", BUILD, "install", "DESTDIR=" + root], capture_output=True)
        check("make install", r.returncode == 0, r.stderr[-2000:])
        data = glob.glob(root + "/**/share/breakglass", recursive=True)[0]
        bin_dir = glob.glob(root + "/**/bin/breakglass", recursive=True)[0]
        libexec = glob.glob(root + "/**/libexec/breakglass", recursive=True)[0]
        subprocess.run(["chmod", "-R", "a-w", data], check=True)
        before = sorted(glob.glob(data + "/**", recursive=True))
        here.env.update(BREAKGLASS_DATA_DIR=data, BREAKGLASS_LIBEXEC_DIR=libexec,
                        BREAKGLASS_LAB_DIR=here.dir + "/lab")
        run = [bin_dir, "drill", "paused", "--auto"]
        if os.getuid() == 0:
            subprocess.run(["chown", "-R", "65533", here.dir], check=True)
            # a user that is known here alone: sshd lets in who has a name and a shell
            with open("/etc/passwd") as f, open(here.dir + "/passwd", "w") as to:
                to.write(f.read() + "drillee:x:65533:65534::/nonexistent:/bin/sh\n")
            run = ["unshare", "-m", "sh", "-c", "mount --bind %s/passwd /etc/passwd && exec "
                   "setpriv --reuid=65533 --regid=65534 --clear-groups \"$@\"" % here.dir,
                   "-", *run]
        c = subprocess.run(run, env=here.env, text=True, stdin=subprocess.DEVNULL,
                           capture_output=True, timeout=600, cwd=here.dir)
        check("recovered", c.returncode == 0, c.stdout[-2000:], c.stderr[-3000:])
        check("its own folder is as it was", sorted(glob.glob(data + "/**", recursive=True)) == before)
        subprocess.run(["chmod", "-R", "u+w", data])


def manned():
    """an operator: Enter, /triage, F4, y, F10; the report says when"""
    if not os.environ.get("BG_LONG"):
        raise Skip("BG_LONG=1 makes it")
    with Place() as here:
        with Thin([PROGRAM, "--as", "ann", "drill", "paused"], env=here.env, cwd=here.dir) as line:
            def sees(text, limit=120):
                def shown():
                    screen = Screen(line.cols, line.rows)
                    screen.feed(bytes(line.data))
                    return text in screen.text()
                check("it shows %r" % text, line.pump(limit, shown), bytes(line.data)[-2000:])
            sees("Enter opens it")
            line.type("\r")
            sees("F10detach")           # the real screen is there
            line.type("/triage\r")
            sees("1. F4 start")
            line.type("\x1b4")
            sees("Press y")
            line.pump(0.7)              # a box is deaf for 300 ms
            line.type("y")
            sees("proof of recovery: healthy", 200)
            line.type("\x1b0")
            check("it ends", line.pump(60, lambda: b"nothing is left" in line.data),
                  bytes(line.data)[-2000:])
        record = here.record()
        report = open(here.dir + "/own/" + record["report"]).read()
        check("recovered, and what was pressed", record["ok"] and "/triage" in report and
              "start: confirmed" in report, report)


main([recovers, killed, manned, others, installed])
