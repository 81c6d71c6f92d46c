# SPDX-License-Identifier: GPL-3.0-or-later
"""engine_rig: a real engine between real SSH servers, for tests that speak the protocol.

Each host is a loopback port that we hold and `sshd -i` for each connection, so a
test can make a host refuse, be silent, cut its connections or change its key.
pve has the built breakglass-pve as forced command (site in a folder, fake qm and
QEMU); the devvm has a shell.  Nothing here sleeps: everything waits for a
condition, with a limit.
"""
import base64
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import weakref

SRC = os.path.abspath(os.environ.get("abs_top_srcdir") or
                      os.path.dirname(os.path.abspath(__file__)) + "/../..")
BUILD = os.path.abspath(os.environ.get("abs_top_builddir") or os.getcwd())
SSHD = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
ENGINE = BUILD + "/src/engine/engine"
PROGRAM = BUILD + "/src/breakglass"
SANITIZED = os.path.exists(ENGINE) and b"__asan_init" in open(ENGINE, "rb").read()
# Seconds of a wait before it has failed.  It costs nothing where what is waited for comes,
# and is no limit on the product: pace.py judges those.
LIMIT = 60.0 * float(os.environ.get("BG_SLOWER", 1))
UNDER = os.environ.get("BG_ENGINE_UNDER", "").split()   # contrib/valgrind


class Shim(threading.Thread):
    """An ssh of the agent's that may have to wait; result() when it is over."""

    def __init__(self, rig, host, command, **more):
        super().__init__(daemon=True)
        more = more or dict(stdin=subprocess.DEVNULL)
        self.call = lambda: shim(rig, host, command, **more)
        self.start()

    def run(self):
        self.out = self.call()

    def result(self, limit=LIMIT):
        self.join(limit)
        check("the shim has ended", not self.is_alive())
        return self.out


class Failed(Exception):
    pass


class Skip(Exception):
    pass


def check(what, condition, *more):
    if not condition:
        raise Failed("%s%s" % (what, "".join("\n    %s" % (str(m)[:1500],) for m in more)))


def until(what, fn, limit=LIMIT):
    """Calls fn until it returns something true, and returns that."""
    end = time.monotonic() + limit
    while True:
        value = fn()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed("not within %g s: %s" % (limit, what))
        select.select([], [], [], 0.01)


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (OSError, IndexError):
        return False


def children(pid):
    """All descendants of a process."""
    table = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name) as f:
                    table.setdefault(int(f.read().rsplit(")", 1)[1].split()[1]),
                                     []).append(int(name))
            except (OSError, IndexError):
                pass
    found, todo = [], [pid]
    while todo:
        for c in table.get(todo.pop(), []):
            found.append(c)
            todo.append(c)
    return found


def shim(rig, host, command, **more):
    """What the agent's shell does, ssh HOST COMMAND: (output, errors, exit code)."""
    r = subprocess.run([BUILD + "/src/agent/shim/ssh", host, command], capture_output=True,
                       env=dict(PATH="/usr/bin:/bin", BREAKGLASS_SOCKET=rig.run_dir +
                                "/agent/agent.sock"), timeout=3 * LIMIT, **more)
    return r.stdout, r.stderr, r.returncode


class Host:
    """A loopback port; each connection gets a sshd of its own, when the mode says so."""

    def __init__(self, rig, name):
        self.rig, self.name = rig, name
        self.top = rig.dir + "/" + name
        os.mkdir(self.top)
        self.mode = "up"            # or "silent": accepts, says nothing; "greets": once
        self.procs, self.held = [], []
        self.lock = threading.Lock()
        self.sock = None
        self.port = 0
        self.new_key()
        self.listen()

    def new_key(self):
        for end in ("", ".pub"):
            if os.path.exists(self.top + "/hostkey" + end):
                os.unlink(self.top + "/hostkey" + end)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                        self.top + "/hostkey"], check=True)

    def configure(self, options, path):
        with open(self.top + "/authorized_keys", "w") as f:
            f.write(options + self.rig.public_key)
        os.chmod(self.top + "/authorized_keys", 0o600)
        with open(self.top + "/sshd_config", "w") as f:
            f.write("HostKey %s/hostkey\nAuthorizedKeysFile %s/authorized_keys\n"
                    "PidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\n"
                    "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
                    "LogLevel QUIET\nSetEnv PATH=%s HOME=%s\n" % (
                        self.top, self.top, path, self.top))  # no start-up file of ours

    def listen(self):
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(("127.0.0.1", self.port))
        self.port = self.sock.getsockname()[1]
        self.sock.listen(64)
        threading.Thread(target=self.accept, args=(self.sock,), daemon=True).start()

    def accept(self, listener):
        while True:
            try:
                conn, _ = listener.accept()
            except OSError:
                return
            with self.lock:
                if self.mode != "up":
                    if self.mode == "greets":
                        conn.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")
                    self.held.append(conn)
                    continue
                self.procs = [p for p in self.procs if p.poll() is None]
                self.procs.append(subprocess.Popen(
                    [SSHD, "-i", "-f", self.top + "/sshd_config"], stdin=conn, stdout=conn,
                    stderr=subprocess.DEVNULL))
            conn.close()

    def refuse(self):
        """From now on nobody listens; what is connected stays."""
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def silent(self):
        self.mode = "silent"

    def back(self):
        self.mode = "up"
        with self.lock:
            for c in self.held:
                c.close()
            self.held = []
        if self.sock.fileno() < 0:
            self.listen()

    def sshds(self):
        with self.lock:
            return [p.pid for p in self.procs if p.poll() is None]

    def cut(self):
        """Every connection ends now; what runs behind it is left alone."""
        with self.lock:
            for p in self.procs:
                if p.poll() is None:
                    for pid in [p.pid] + [c for c in children(p.pid) if is_sshd(c)]:
                        try:
                            os.kill(pid, signal.SIGKILL)
                        except OSError:
                            pass
                p.wait()
            self.procs = []

    def freeze(self, on=True):
        for p in self.sshds():
            for pid in [p] + [c for c in children(p) if is_sshd(c)]:
                try:
                    os.kill(pid, signal.SIGSTOP if on else signal.SIGCONT)
                except ProcessLookupError:
                    pass            # it has ended meanwhile

    def close(self):
        if self.sock.fileno() >= 0:
            self.refuse()
        self.freeze(False)
        for p in self.sshds():
            for pid in children(p):
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
        self.cut()
        for c in self.held:
            c.close()


def is_sshd(pid):
    try:
        with open("/proc/%d/comm" % pid) as f:
            return f.read().startswith("sshd")
    except OSError:
        return False


class Pve(Host):
    def __init__(self, rig):
        super().__init__(rig, "pve")
        t = self.top
        shutil.copy(SRC + "/tests/fakes/pve/qm", t + "/qm")
        shutil.copy(BUILD + "/tests/fakes/pve/qemu-fake", t + "/qemu-fake")
        os.chmod(t + "/qm", 0o755)
        self.write("mode", "running\n")
        self.write("config.txt", "memory: 48000\nname: devvm\n")
        self.write("pending.txt", "cur memory: 48000\ncur name: devvm\n")
        self.write("102.conf", "memory: 48000\nname: devvm\n")
        os.mkdir(t + "/local")
        self.site = dict(
            qm=t + "/qm", run_dir=t + "/run", log=t + "/log/breakglass.log", syslog="",
            pidfile=t + "/102.pid", qmp=t + "/102.qmp", qga=t + "/102.qga",
            pve_conf=t + "/102.conf", pve_local=t + "/local", pve_ha=t + "/ha.cfg",
            pve_tasks=t + "/tasks", systemd_run="no", gap_ms=20, greeting_ms=700, stop_ms=6000,
            term_ms=500, gone_ms=3000, start_ms=10000, verify_ms=5000)
        self.write_site()
        self.configure('command="%s/src/host/breakglass-pve --site %s/site",restrict '
                       % (BUILD, t), "/usr/sbin:/usr/bin:/sbin:/bin")
        subprocess.run([t + "/qm", "start"], check=True)

    def write_site(self, **changes):
        self.site.update(changes)
        self.write("site", "".join("%s = %s\n" % kv for kv in self.site.items()))

    def write(self, name, text):
        with open(self.top + "/" + name, "w") as f:
            f.write(text)

    def read(self, name):
        try:
            with open(self.top + "/" + name) as f:
                return f.read()
        except OSError:
            return ""

    def hook(self, word, script):
        """Sourced by the fake qm before it does the word; None: as it was."""
        if script is None:
            os.unlink(self.top + "/qm." + word)
        else:
            self.write("qm." + word, script)

    def hold(self, word):
        """The fake qm waits before the word until release is called."""
        self.hook(word, 'until [ -e "$here/go.%s" ]; do read -rt 0.02 _ <> <(:); done\n' % word)

    def release(self, word):
        self.write("go." + word, "")

    def calls(self, word):
        return self.read("qm.calls").split().count(word)

    def vm_pid(self):
        return int(self.read("102.pid") or 0)

    def vm_runs(self):
        pid = self.vm_pid()
        return pid and alive(pid)

    def close(self):
        for w in ("start", "stop", "reset", "status", "config", "pending"):
            self.release(w)
        super().close()
        for name in os.listdir("/proc"):     # QEMU and workers outlive their sshd
            if name.isdigit():
                try:
                    with open("/proc/%s/cmdline" % name, errors="replace") as f:
                        if self.top in f.read():
                            os.kill(int(name), signal.SIGKILL)
                except OSError:
                    pass


class Devvm(Host):
    def __init__(self, rig):
        super().__init__(rig, "devvm")
        os.mkdir(self.top + "/bin")
        with open(self.top + "/bin/sudo", "w") as f:
            f.write('#!/bin/sh\n[ "$1" = -n ] && shift\nexec "$@"\n')
        os.chmod(self.top + "/bin/sudo", 0o755)
        self.configure("", self.top + "/bin:/usr/sbin:/usr/bin:/sbin:/bin")

    def program(self, name, script):
        """A shell script in front of the real program; None: it is gone again."""
        path = self.top + "/bin/" + name
        if script is None:
            os.unlink(path)
            return
        with open(path + ".new", "w") as f:
            f.write("#!/bin/sh\n" + script + "\n")
        os.chmod(path + ".new", 0o755)
        os.rename(path + ".new", path)


class Peer:
    """One connection to the engine's socket: say and expect.

    As a console does it pings when the test has long said nothing: the engine drops
    who is silent for 30 s, and a busy machine's tests take that long."""
    reqs = 0
    peers, pings, keeper = weakref.WeakSet(), True, None

    @classmethod
    def keep(cls):
        while True:
            time.sleep(3)
            for p in list(cls.peers):
                if cls.pings and p.greeted and not p.closed and time.monotonic() - p.said > 10 \
                        and p.lock.acquire(blocking=False):
                    try:
                        p.said = time.monotonic()
                        p.sock.send(b'{"t":"ping"}\n', socket.MSG_DONTWAIT)
                    except OSError:
                        pass            # closed, or nobody reads there
                    finally:
                        p.lock.release()

    def __init__(self, path, limit=LIMIT):
        if not Peer.keeper:
            Peer.keeper = threading.Thread(target=Peer.keep, daemon=True)
            Peer.keeper.start()
        self.lock, self.said, self.greeted = threading.Lock(), time.monotonic(), False
        Peer.peers.add(self)
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(limit)
        self.sock.connect(path)
        self.data = b""
        self.facts = []         # all that came
        self.looked = 0         # facts that an expect has passed
        self.closed = False
        self.raw = 0
        self.req = None         # of the last request

    def send(self, **m):
        self.send_raw(json.dumps(m).encode() + b"\n")

    def send_raw(self, data):
        with self.lock:
            self.said = time.monotonic() if data.endswith(b"\n") else float("inf")
            self.sock.settimeout(LIMIT)
            self.sock.sendall(data)

    def ask(self, **m):
        """Sends a request with a req of its own and returns that."""
        Peer.reqs += 1
        self.req = m["req"] = "q%d" % Peer.reqs
        self.send(**m)
        return m["req"]

    def hello(self, name="ann", **more):
        m = dict(t="hello", v=1, name=name, tty="test", size="80x24", role="console")
        m.update(more)
        self.send(**m)
        self.greeted = True
        return self.expect(t="welcome")

    def attach(self, name="ann", **more):
        w = self.hello(name, **more)
        self.expect(t="caught_up")
        return w

    def read(self, limit):
        """Reads once; False at the end or when nothing came."""
        if self.closed:
            return False
        self.sock.settimeout(max(limit, 0.001))
        try:
            data = self.sock.recv(65536)
        except (socket.timeout, BlockingIOError):
            return False
        except ConnectionError:
            data = b""
        if not data:
            self.closed = True
            return False
        self.raw += len(data)
        self.data += data
        *lines, self.data = self.data.split(b"\n")
        for line in lines:
            self.facts.append(json.loads(line))
        return True

    def expect(self, where=None, limit=LIMIT, **members):
        """The next fact that has these members (and for which where is true)."""
        end = time.monotonic() + limit
        while True:
            while self.looked < len(self.facts):
                f = self.facts[self.looked]
                self.looked += 1
                if all(f.get(k) == v for k, v in members.items()) and (not where or where(f)):
                    return f
            left = end - time.monotonic()
            if left <= 0 or (not self.read(left) and self.closed and
                             self.looked == len(self.facts)):
                raise Failed("%s; expected %s %s, the last facts were:\n    %s" % (
                    "the engine closed" if self.closed else "not within %g s" % limit,
                    members, "(and more)" if where else "", "\n    ".join(
                        json.dumps(f)[:300] for f in self.facts[-12:])))

    def expect_end(self, limit=LIMIT):
        end = time.monotonic() + limit
        while not self.closed:
            self.read(end - time.monotonic())
            if time.monotonic() > end:
                raise Failed("the engine did not close the connection")
        return self.facts

    def pump(self, seconds=0.0):
        while self.read(seconds):
            pass

    def output(self, run, stream="out"):
        """Bytes of a run's stream, put together by their offsets."""
        got = bytearray()
        for f in self.facts:
            if f.get("t") == "output" and f["id"] == run and f["stream"] == stream:
                data = base64.b64decode(f["data_b64"]) if "data_b64" in f \
                    else f["data"].encode("utf-8")
                if len(got) < f["off"]:
                    got.extend(bytes(f["off"] - len(got)))
                got[f["off"]:f["off"] + len(data)] = data
        return bytes(got)

    def seqs(self):
        return [f["seq"] for f in self.facts if f.get("seq")]

    def of(self, kind, **members):
        return [f for f in self.facts if f.get("t") == kind and
                all(f.get(k) == v for k, v in members.items())]

    def close(self):
        self.sock.close()
        self.closed = True


class Rig:
    def __init__(self, devvm=True, pve=True, **env):
        self.dir = tempfile.mkdtemp(prefix="bg", dir="/tmp")
        self.engines, self.peers, self.procs = [], [], []
        self.pve = self.devvm = None
        self.key = self.dir + "/key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "t", "-f",
                        self.key], check=True)
        with open(self.key + ".pub") as f:
            self.public_key = f.read()
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        user = subprocess.run(["id", "-un"], capture_output=True, text=True).stdout.strip()
        self.run_dir = self.dir + "/run"
        self.socket = self.run_dir + "/console.sock"
        self.sessions = self.dir + "/sessions"
        os.mkdir(self.dir + "/home")
        self.env = dict(
            PATH="/usr/bin:/bin", HOME=self.dir + "/home", USER="tess", LC_ALL="C.UTF-8", TZ="UTC",
            BREAKGLASS_LIBEXEC_DIR=BUILD + "/libexec", BREAKGLASS_DATA_DIR=SRC,
            BREAKGLASS_RUN_DIR=self.run_dir, BREAKGLASS_SESSIONS_DIR=self.sessions,
            BREAKGLASS_KEY_PATH=self.key, BREAKGLASS_CLAUDE="/nonexistent/claude",
            BREAKGLASS_SYSLOG="",               # the machine's is no place for tests
            BREAKGLASS_AGENT_DRIVER="cli",      # no test asks the vendor by accident
            BREAKGLASS_PVE_HOST="127.0.0.1", BREAKGLASS_PVE_USER=user,
            BREAKGLASS_DEVVM_HOST="127.0.0.1", BREAKGLASS_DEVVM_USER=user)
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        self.api_key = "sk-ant-test-never-seen-hQ7wZk3mXv"
        with open(self.dir + "/apikey", "w") as f:
            f.write(self.api_key + "\n")
        os.chmod(self.dir + "/apikey", 0o600)
        self.env["BREAKGLASS_API_KEY_FILE"] = self.dir + "/apikey"
        if pve:
            self.pve = Pve(self)
        if devvm:
            self.devvm = Devvm(self)
        self.env["BREAKGLASS_PVE_PORT"] = str(self.pve.port if pve else 1)
        self.env["BREAKGLASS_DEVVM_PORT"] = str(self.devvm.port if devvm else 1)
        self.env.update({"BREAKGLASS_" + k.upper(): str(v) for k, v in env.items()})

    # --- the engine ---

    def start(self, *args, prefix=(), env=None, limit=LIMIT, must=True, stdout=None):
        """An engine that listens; returns its process.  must false: the words instead."""
        Peer.pings = "--silence-ms" not in args
        r, w = os.pipe()
        log = open(self.dir + "/engine.out", "ab")
        out = open(self.dir + "/engine.stdout", "ab") if stdout is None else stdout
        p = subprocess.Popen([*prefix, *UNDER, ENGINE, "-vv", "--ready-fd", str(w), *args],
                             env=env or self.env, stdin=subprocess.DEVNULL, stdout=out,
                             stderr=log, pass_fds=[w], cwd=self.dir)
        os.close(w)
        log.close()
        if stdout is None:
            out.close()
        self.engines.append(p)
        words = b""
        end = time.monotonic() + limit
        while not words.startswith(b"+"):
            if not select.select([r], [], [], max(0, end - time.monotonic()))[0]:
                os.close(r)
                raise Failed("the engine did not get ready", self.tail_logs())
            got = os.read(r, 4096)
            if not got:
                break
            words += got
        os.close(r)
        if must:
            check("the engine starts", words == b"+", words, self.tail_logs())
            return p
        return p, words.decode()

    def start_again(self, *args):
        """An engine that goes on with the incident that is open.

        On a machine so busy that its disk answers too late for the start the next one does."""
        for _ in range(20):
            e, p = self.start(*args), self.peer()
            p.hello("x", role="command", tail=1)

            def late():
                p.pump(0.01)
                return p.of("error", where="journal") or [
                    f for f in p.facts if f.get("what") == "journal" and f["state"] != "ok"]
            if until("the incident is continued", lambda: late() or "last" in self.peer().hello(
                    "x", role="command")) is True:
                return e
            self.stop()
        raise Failed("no start continues the incident", self.tail_logs())

    def stop(self, limit=LIMIT):
        """Ends the last engine as a service manager does; returns its exit code."""
        p = self.engines[-1]
        p.terminate()
        return p.wait(limit)

    def peer(self):
        p = Peer(self.socket)
        self.peers.append(p)
        return p

    def console(self, name="ann", **more):
        p = self.peer()
        p.attach(name, **more)
        return p

    def links_up(self, p):
        for h in ("pve", "devvm"):
            if getattr(self, h):
                self.link(p, h, "up")

    def link(self, p, host, state, limit=LIMIT):
        """Waits until the host's link has the state, which it may have already."""
        def last():
            return [f for f in p.facts if f.get("what") == "link" and f["host"] == host][-1:]
        end = time.monotonic() + limit
        while not last() or last()[0]["state"] != state:
            if time.monotonic() > end or p.closed:
                raise Failed("link %s is not %s" % (host, state), last())
            p.read(0.05)
        return last()[0]

    def quiet(self, p):
        """Waits until the present has settled: after this only what is done changes it."""
        for h in ("pve", "devvm"):
            self.link(p, h, "up" if getattr(self, h) else "down")
        until("the agent's state", lambda: p.pump(0.01) or [
            f for f in p.facts if f.get("what") == "agent" and f["state"] != "starting"])

    def slot_is_free(self, p):
        until("the slot is free", lambda: p.pump(0.01) or "holder" not in [
            f for f in p.facts if f.get("what") == "slot"][-1])

    def verb(self, p, verb, confirm=True, **more):
        """Asks for a verb; returns the id of its facts."""
        m = dict(t="verb", verb=verb, **more)
        if confirm is True:
            m["confirm"] = verb
        elif confirm:
            m["confirm"] = confirm
        req = p.ask(**m)
        return p.expect(t="verb", state="asked", req=req)["id"]

    # --- the command line, the journal, logs ---

    def popen(self, *args, env=None, **more):
        p = subprocess.Popen([PROGRAM, *args], env=env or self.env, text=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, cwd=self.dir, **more)
        self.procs.append(p)
        return p

    def cli(self, *args, env=None, limit=2 * LIMIT, prefix=()):
        return subprocess.run([*prefix, PROGRAM, *args], env=env or self.env, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=limit,
                              cwd=self.dir)

    def journals(self):
        d = self.sessions + "/incidents"
        return sorted(d + "/" + n for n in os.listdir(d)) if os.path.isdir(d) else []

    def told(self, path):
        """The last number that a peer was told of this incident by an engine that lives."""
        last, ident = 0, os.path.basename(path)[:-len(".jsonl")]
        if all(e.poll() is not None for e in self.engines):
            return 0
        for p in self.peers:
            mine, journaled = None, True
            for f in p.facts:
                if f.get("t") in ("welcome", "incident"):
                    mine = f.get("incident") or f.get("id")
                journaled = journaled if f.get("what") != "journal" else f["state"] == "ok"
                if f.get("seq") and mine == ident and journaled:
                    last = max(last, f["seq"])
        return last

    def journal(self, path=None):
        """Records; every line must be ASCII and parse, and numbers have no gap."""
        path = path or self.journals()[-1]
        end, told = time.monotonic() + LIMIT / 4, self.told(path)

        def whole():                # a write of more than a page is seen in parts
            with open(path, "rb") as f:
                now = f.read()
            if not now:
                return (now,)
            # where a disk is late a fact is told before it is written
            return now.endswith(b"\n") and (time.monotonic() > end or (
                json.loads(now.splitlines()[-1])["seq"] >= told)) and (now,)
        data = until("the journal ends with a whole record", whole)[0]
        check("every byte of the journal is printable ASCII or a line end",
              all(b == 10 or 0x20 <= b < 0x7f for b in data))
        records = [json.loads(line) for line in data.splitlines()]
        seqs = [r["seq"] for r in records]
        check("the journal's numbers have no gap and no double",
              seqs == list(range(1, len(seqs) + 1)), seqs)
        return records

    def tail_logs(self):
        text = ""
        for name in ("engine.out", "run/engine.log"):
            try:
                with open(self.dir + "/" + name, errors="replace") as f:
                    text += "--- %s\n%s" % (name, f.read()[-3000:])
            except OSError:
                pass
        return text

    def sanitizer_report(self):
        """The engine's standard error, where a sanitizer build speaks."""
        try:
            with open(self.dir + "/engine.out", errors="replace") as f:
                text = f.read()
        except OSError:
            return ""
        return text if "Sanitizer" in text or "runtime error" in text or \
            "ssertion" in text else ""

    def close(self):
        for p in self.peers:
            p.close()
        for p in self.procs:
            if p.poll() is None:
                p.kill()
            p.communicate()
        kids = []
        for e in self.engines:
            kids += children(e.pid)
            if e.poll() is None and getattr(e, "traced", False):
                e.kill()
            elif e.poll() is None:
                e.send_signal(signal.SIGCONT)
                e.terminate()
        for e in self.engines:
            try:
                e.wait(8)
            except subprocess.TimeoutExpired:
                e.kill()
                e.wait()
                print("# an engine did not leave within 8 s of SIGTERM")
        for e in background_engines(self.dir):
            kids += children(e) + [e]
        for k in kids:
            try:
                os.kill(k, signal.SIGKILL)
            except OSError:
                pass
        for h in (self.pve, self.devvm):
            if h:
                h.close()
        report = self.sanitizer_report()
        if not os.environ.get("KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)
        if report:
            raise Failed("the engine's standard error has a report:\n" + report[:6000])


def background_engines(top):
    """Engines of this rig that the command line started."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/environ" % name, "rb") as f:
                    if ("BREAKGLASS_RUN_DIR=" + top).encode() not in f.read():
                        continue
                with open("/proc/%s/cmdline" % name, "rb") as f:
                    if b"/engine\0" in f.read():
                        found.append(int(name))
            except OSError:
                pass
    return found


def main(tests):
    """Runs the functions (or those named on the command line), each with its own rig.

    --list: their names, nothing is run."""
    if sys.argv[1:] == ["--list"]:
        print("\n".join(t.__name__ for t in tests))
        sys.exit(0)
    if not SSHD or not os.path.exists(ENGINE) or not os.path.exists(
            BUILD + "/tests/fakes/pve/qemu-fake"):
        print("no sshd, or not built: %s; make check builds what is needed" % ENGINE)
        sys.exit(99)
    names = sys.argv[1:]
    failed = skipped = 0
    for t in tests:
        if names and t.__name__ not in names:
            continue
        began = time.monotonic()
        word, why = "ok", ""
        try:
            t()
        except Skip as e:
            word, why = "skipped", str(e)
            skipped += 1
        except Failed as e:
            word, why = "FAILED", "\n".join(str(a) for a in e.args)
            failed += 1
        except Exception:
            word, why = "FAILED", traceback.format_exc()
            failed += 1
        print("%s - %s (%.2f s)%s" % (word, (t.__doc__ or t.__name__).split("\n")[0],
                                      time.monotonic() - began, ": " + why if why else ""),
              flush=True)
    sys.exit(1 if failed else 77 if skipped and skipped == len(tests) else 0)


def with_rig(**options):
    """Decorator: the test gets a rig, which is taken down whatever happens."""
    def wrap(fn):
        def run():
            rig = Rig(**options)
            done = False
            try:
                fn(rig)
                done = True
            except Failed as e:
                e.args += (rig.tail_logs()[-2500:],) if os.environ.get("V") else ()
                raise
            finally:
                try:
                    rig.close()
                except Failed:
                    if done:
                        raise
                    traceback.print_exc()
        run.__name__, run.__doc__ = fn.__name__, fn.__doc__
        return run
    return wrap
