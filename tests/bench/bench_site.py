# SPDX-License-Identifier: GPL-3.0-or-later
"""The site that is measured: one sshd on loopback in both roles, engines, and their peers.

The "PVE host" is a port with a forced command that answers at once, the "devvm" a port with a
shell: the way to a host and back is real, the time of a hypervisor is not in it.
"""
import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import time

WAIT_S = 15


class BenchError(Exception):
    pass


def wait_for(what, test, seconds=WAIT_S):
    end = time.monotonic() + seconds
    while not test():
        if time.monotonic() > end:
            raise BenchError("%s: not within %d s" % (what, seconds))
        time.sleep(0.01)


def free_ports(count):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


def spawn(argv, env, out=None):
    """Starts argv with nothing of ours open; much cheaper than fork from Python."""
    actions = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
               (os.POSIX_SPAWN_OPEN, 1, out or "/dev/null", os.O_WRONLY | os.O_CREAT, 0o600),
               (os.POSIX_SPAWN_DUP2, 1, 2)]
    return os.posix_spawn(argv[0], argv, env, file_actions=actions)


def timed(argv, env):
    """Milliseconds from the start of argv to its end."""
    t0 = time.perf_counter_ns()
    pid = spawn(argv, env)
    status = os.waitpid(pid, 0)[1]
    t1 = time.perf_counter_ns()
    if status:
        raise BenchError("%s ended with %d" % (" ".join(argv), os.waitstatus_to_exitcode(status)))
    return (t1 - t0) / 1e6


class Sshd:
    def __init__(self, folder, host_now):
        self.dir, self.user = folder, getpass.getuser()
        self.program = shutil.which("sshd") or "/usr/sbin/sshd"
        if not os.access(self.program, os.X_OK):
            raise BenchError("no sshd: apt-get install openssh-server")
        for name in ("host", "key"):
            subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", self.path(name)],
                           check=True)
        shutil.copy(self.path("key.pub"), self.path("authorized"))
        self.pve, self.devvm = free_ports(2)
        with open(self.path("sshd.conf"), "w") as f:
            f.write("Port %d\nPort %d\nListenAddress 127.0.0.1\nHostKey %s\nPidFile none\n"
                    "AuthorizedKeysFile %s\nUsePAM no\nStrictModes no\nPermitRootLogin yes\n"
                    "MaxStartups 100\nSetEnv HOME=%s\nMatch LocalPort %d\n  ForceCommand %s\n"
                    % (self.pve, self.devvm, self.path("host"), self.path("authorized"),
                       folder, self.pve, host_now))
        with open(self.path("ssh.conf"), "w") as f:
            for name, port in (("pve", self.pve), ("devvm", self.devvm)):
                f.write("Host %s\n  HostName 127.0.0.1\n  Port %d\n  User %s\n"
                        "  LogLevel ERROR\n  IdentityFile %s\n  IdentitiesOnly yes\n  BatchMode yes\n"
                        "  StrictHostKeyChecking no\n  UserKnownHostsFile %s\n"
                        % (name, port, self.user, self.path("key"), self.path("known")))
        self.process = subprocess.Popen([self.program, "-D", "-f", self.path("sshd.conf"),
                                         "-E", self.path("sshd.log")])
        wait_for("sshd", lambda: self.answers(self.pve) and self.answers(self.devvm))

    def path(self, name):
        return os.path.join(self.dir, name)

    def answers(self, port):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False

    def stop(self):
        children = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True,
                                  text=True).stdout.split()
        self.process.kill()
        self.process.wait()
        for pid in children:
            try:
                os.kill(int(pid), signal.SIGKILL)
            except OSError:
                pass


class Engine:
    """A foreground engine with its own run directory and incident."""

    def __init__(self, site, name, records=0, env=None):
        self.site, self.name = site, name
        self.run = site.path(name)
        self.sessions = site.path(name + ".sessions")
        os.makedirs(self.sessions + "/incidents", mode=0o700)
        os.chmod(self.sessions, 0o700)
        if records:
            write_journal(self.sessions + "/incidents/20260101T000000Z-0001.jsonl", records)
        self.env = dict(site.env, BREAKGLASS_RUN_DIR=self.run,
                        BREAKGLASS_SESSIONS_DIR=self.sessions, **(env or {}))
        log = open(site.path(name + ".log"), "w")
        self.process = subprocess.Popen([site.libexec + "/engine"], env=self.env, stdout=log,
                                        stderr=log, stdin=subprocess.DEVNULL)
        wait_for("engine " + name, lambda: self.status() == 0)
        wait_for("agent side of " + name, lambda: os.path.exists(self.shim_socket()))

    def status(self):
        if self.process.poll() is not None:
            raise BenchError("the engine ended: " + open(self.site.path(self.name + ".log")).read())
        if not os.path.exists(self.run + "/console.sock"):
            return -1
        return subprocess.run([self.site.breakglass, "status"], env=self.env,
                              capture_output=True).returncode

    def shim_socket(self):
        return self.run + "/agent/agent.sock"

    def shim_env(self):
        return {"PATH": self.site.libexec + "/shim:/usr/bin:/bin", "HOME": self.site.dir,
                "BREAKGLASS_SOCKET": self.shim_socket()}

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def write_journal(path, records):
    """An open incident as a long night leaves it: runs, their output, and what the agent said."""
    mono = 1000

    def record(seq, kind, **members):
        nonlocal mono
        mono += 40
        return dict({"t": kind, "seq": seq, "at": "2026-01-01T00:00:00.000Z", "mono_ms": mono,
                     "by": "agent"}, **members)

    with open(path, "w") as f:
        out = []
        offset = 0
        for seq in range(1, records + 1):
            step, run = seq % 20, "r%d" % (seq // 20 + 1)
            if seq == 1:
                r = record(seq, "incident", state="opened", id="20260101T000000Z-0001", v=1)
            elif step == 0:
                offset = 0
                r = record(seq, "tool", id=run, asked="agent", host="devvm",
                           what="journalctl -b --no-pager | tail -n 40")
            elif step < 16:
                text = "Jan 01 00:00:%02d devvm systemd[1]: unit %d: a line of the log, as " \
                       "they are, with some words in it\n" % (step, seq)
                r = record(seq, "output", id=run, stream="out", off=offset, len=len(text),
                           data=text)
                offset += len(text)
            elif step == 16:
                r = record(seq, "tool_end", id=run, exit=0, ms=120, out=offset, err=0, cut=0)
            elif step == 17:
                r = record(seq, "prompt", turn=seq, text="and what of the disk?",
                           state="started")
            elif step == 18:
                r = record(seq, "text", turn=seq, block=seq, part=1, parts=1,
                           text="The disk is **not** full: `/` has 41 % left, inodes 3 %.")
            else:
                r = record(seq, "done", turn=seq, ok=True)
            out.append(json.dumps(r, separators=(",", ":")))
            if len(out) == 5000:
                f.write("\n".join(out) + "\n")
                out = []
        f.write("".join(line + "\n" for line in out))
    os.chmod(path, 0o600)


class Site:
    def __init__(self, folder, build, source):
        self.dir, self.build, self.source = folder, build, source
        self.libexec = build + "/libexec"
        self.breakglass = build + "/src/breakglass"
        self.floor = build + "/tests/bench/floor"
        self.host_now = build + "/tests/bench/host-now"
        self.ssh = shutil.which("ssh")
        self.tmux = shutil.which("tmux")
        self.sshd = Sshd(folder, self.host_now)
        self.engines = []
        self.masters = []
        self.tmux_used = False
        self.env = {"PATH": "/usr/bin:/bin", "HOME": folder, "TERM": "xterm-256color",
                    "LC_ALL": "C.UTF-8", "USER": "bench",
                    "BREAKGLASS_LIBEXEC_DIR": self.libexec, "BREAKGLASS_DATA_DIR": source,
                    "BREAKGLASS_KEY_PATH": self.path("key"),
                    "BREAKGLASS_CLAUDE": "/nonexistent/claude",
                    "BREAKGLASS_PVE_HOST": "127.0.0.1",
                    "BREAKGLASS_PVE_PORT": str(self.sshd.pve),
                    "BREAKGLASS_PVE_USER": self.sshd.user,
                    "BREAKGLASS_DEVVM_HOST": "127.0.0.1",
                    "BREAKGLASS_DEVVM_PORT": str(self.sshd.devvm),
                    "BREAKGLASS_DEVVM_USER": self.sshd.user}

    def path(self, name):
        return os.path.join(self.dir, name)

    def engine(self, name, records=0, env=None):
        e = Engine(self, name, records, env)
        self.engines.append(e)
        return e

    def ssh_argv(self, *words):
        return [self.ssh, "-F", self.path("ssh.conf"), *words]

    def master(self, host):
        """An OpenSSH ControlMaster to host; returns the options that use it."""
        control = ["-S", self.path("cm-" + host)]
        subprocess.run(self.ssh_argv(*control, "-MNf", host), check=True)
        self.masters.append(control + [host])
        return control

    def tmux_argv(self, *words):
        self.tmux_used = True
        return [self.tmux, "-S", self.path("tmux.sock"), "-f", "/dev/null", *words]

    def tmux_session(self, name, command):
        """A detached tmux session whose status line says that it is running."""
        argv = self.tmux_argv("new-session", "-d", "-s", name, "-x", "80", "-y", "24", command)
        subprocess.run(argv, env=self.env, check=True)
        subprocess.run(self.tmux_argv("set", "-g", "status-left", "tmux is running "),
                       env=self.env, check=True)
        subprocess.run(self.tmux_argv("set", "-g", "status-left-length", "40"), env=self.env,
                       check=True)

    def stop(self):
        for e in self.engines:
            e.stop()
        for m in self.masters:
            subprocess.run(self.ssh_argv(*m[:2], "-O", "exit", m[2]), capture_output=True)
        if self.tmux_used:
            subprocess.run(self.tmux_argv("kill-server"), env=self.env, capture_output=True)
        self.sshd.stop()
