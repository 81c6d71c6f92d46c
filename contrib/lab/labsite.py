# SPDX-License-Identifier: GPL-3.0-or-later
"""One instance of the lab: VM 102, the PVE host's sshd, and their files.

    DIR/cache/...       packages, keys, and per build the kernel, the disk and
                        the saved state; shared by all instances
    DIR/run/NAME/       one instance; its absence means "down"

Every process that an instance starts is on record with its start time before
anything else happens, and only recorded processes are ever signalled.
"""
import contextlib
import fcntl
import json
import os
import pwd
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import labbuild
import labnet
import labvm
from labask import await_banner, banner, free_port
from labguest import DEFAULT, GUESTS, base_conf
from lablock import locked
from labstore import Store
from labvm import Qga, Qmp, Vm, VmError

HERE = os.path.dirname(os.path.realpath(__file__))
PROGRAMS = ("lvs", "pvesh", "qm")       # the stand-ins, links in INSTANCE/bin
SSH_OPTIONS = ("-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes",
               "-o", "IdentityAgent=none", "-o", "ConnectTimeout=5",
               "-o", "StrictHostKeyChecking=yes", "-F", "none")


class Lab:
    def __init__(self, top, name, quiet=False):
        self.top = os.path.abspath(top)
        self.name = name
        self.cache = self.top + "/cache"
        self.inst = "%s/run/%s" % (self.top, name)
        self.vm = Vm(self.inst)
        self.store = Store(self)
        self.quiet = quiet
        self.begin = time.monotonic()
        if not re.fullmatch(r"[A-Za-z0-9/._+@~-]*", self.top):
            raise VmError("the state folder's path goes into QEMU's, sshd's and "
                          "shell's words: use a --dir of letters, digits and "
                          "/ . _ + @ ~ - only, not %r" % self.top)
        if len((self.inst + "/qmeventd.sock").encode()) > labvm.SUN_PATH_MAX:
            raise VmError("the state folder's path is too long for UNIX sockets "
                          "(%d bytes at most, with the instance's name): use a "
                          "shorter --dir than %s" %
                          (labvm.SUN_PATH_MAX - 27, self.top))

    def say(self, text):
        if not self.quiet:
            print("lab: [%5.1f s] %s" % (time.monotonic() - self.begin, text),
                  file=sys.stderr, flush=True)

    # -- records -----------------------------------------------------------------

    def settings(self):
        try:
            return self.vm.settings()
        except (OSError, ValueError):
            return None

    def guest(self):
        """Which of labguest.GUESTS this instance's VM 102 is."""
        return (self.settings() or {}).get("guest", DEFAULT)

    def save_settings(self, **changes):
        s = self.settings() or {}
        s.update(changes)
        tmp = self.inst + "/lab.json.tmp"
        with open(tmp, "w") as f:
            json.dump(s, f, indent=1, sort_keys=True)
        os.rename(tmp, self.inst + "/lab.json")
        return s

    def record(self, what, pid):
        st = labvm.proc_stat(pid)
        if st:
            with open(self.inst + "/procs", "a") as f:
                f.write("%s %d %d\n" % (what, pid, st[2]))

    def recorded(self):
        """[(what, pid, start)] of recorded processes that still are the same."""
        out = []
        try:
            with open(self.inst + "/procs") as f:
                for line in f:
                    what, pid, start = line.split()
                    st = labvm.proc_stat(int(pid))
                    if st and st[2] == int(start) and st[0] != "Z":
                        out.append((what, int(pid), int(start)))
        except (OSError, ValueError):
            pass
        return out

    def sshd(self):
        return next((p for p in self.recorded() if p[0] == "pve-sshd"), None)

    def is_up(self):
        return self.settings() is not None and self.sshd() is not None and \
            os.path.exists(self.inst + "/ready")

    def lock(self, limit_s=60):
        os.makedirs(self.top + "/run", mode=0o700, exist_ok=True)
        return locked("%s/run/%s.lock" % (self.top, self.name), limit_s,
                      "instance " + self.name)

    # -- the guest ------------------------------------------------------------------

    def await_guest(self, vm, limit_s):
        """Until the agent answers and sshd says its name."""
        s = vm.settings()
        port, host = s["devvm_port"], s.get("devvm_host", "127.0.0.1")
        end = time.monotonic() + limit_s
        while True:
            try:
                with Qga(vm.qga_path, 5.0) as g:
                    g.call("guest-ping")
                    break
            except (OSError, VmError):
                if not vm.pid():
                    raise VmError("QEMU died while the guest booted; see " + vm.inst
                                  + "/qemu.log")
                if time.monotonic() > end:
                    raise VmError("the guest's agent does not answer in %d s" % limit_s)
                time.sleep(0.05)
        if not await_banner(port, end - time.monotonic(), vm.pid, host):
            raise VmError("the guest gave no sign of life on port %d in %d s"
                          % (port, limit_s))

    def ssh(self, port, user, command, host_key, limit_s=20):
        """One login with the lab's key, host key checked."""
        with tempfile.TemporaryDirectory(prefix="bglab.") as tmp:
            with open("%s/keys/%s.pub" % (self.cache, host_key)) as f, \
                    open(tmp + "/known", "w") as out:
                out.write("[127.0.0.1]:%d %s" % (port, f.read()))
            return subprocess.run(
                ["/usr/bin/ssh", *SSH_OPTIONS, "-o", "UserKnownHostsFile=%s/known"
                 % tmp, "-i", self.cache + "/keys/client_key", "-p", str(port),
                 "%s@127.0.0.1" % user, command], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                timeout=limit_s)

    # -- up --------------------------------------------------------------------------

    def up(self, program, accel="tcg", die_with=None, quit_timeout=5, qm_delay=0.0,
           disk="file", net="user", guest=None):
        user = self.user()
        with self.lock(600):
            if self.is_up():
                if guest and guest != self.guest():
                    raise VmError("the lab is up with the guest %s: lab down first"
                                  % self.guest())
                self.say("already up (lab status tells more)")
                if program and program != self.settings()["program"]:
                    self.say("the PVE side now runs %s" % program)
                    self.save_settings(program=program)
                    self.authorize(program)
                if die_with:
                    self.keeper(die_with)
                return
            if os.path.isdir(self.inst):
                self.say("cleaning up after a lab that did not end well")
                self.clean()
            try:
                where = labnet.begin(net)
                guest = guest or DEFAULT
                built = labbuild.prepare(self, accel, guest)
                self.create(built, program, accel, user, quit_timeout, qm_delay, guest)
                self.save_settings(disk=disk, **where)
                self.write_env()
                self.keeper(die_with)
                self.start_sshd()
                self.start_qmeventd()
                self.restore()
                open(self.inst + "/ready", "w").close()
            except BaseException:
                if os.path.isdir(self.inst):
                    self.clean()
                self.unlock()
                raise
        s = self.settings()
        self.say("up: devvm breakglass@%s port %d, pve %s@127.0.0.1 port %d" % (
            s["devvm_host"], s["devvm_port"], s["pve_user"], s["pve_port"]))

    @staticmethod
    def user():
        try:
            return pwd.getpwuid(os.getuid()).pw_name
        except KeyError:
            raise VmError("uid %d has no passwd entry and sshd lets nobody in "
                          "without one: run the lab as another user" % os.getuid())

    def create(self, built, program, accel, user, quit_timeout, qm_delay, guest):
        inst = self.inst
        for d in ("", "/local", "/tasks", "/bin", "/host"):
            os.makedirs(inst + d, mode=0o700)
        for f in ("client_key", "client_key.pub", "pve_host_key", "pve_host_key.pub",
                  "guest_host_key.pub"):
            shutil.copy("%s/keys/%s" % (self.cache, f), inst + "/" + f)
        for f in PROGRAMS:
            os.symlink(HERE + "/" + f, inst + "/bin/" + f)
        self.save_settings(
            built=built, kernel=built + "/vmlinuz", initrd=built + "/initrd",
            accel=accel, devvm_port=free_port(), pve_port=free_port(), node="pve",
            pve_user=user, program=program, quit_timeout=quit_timeout,
            qm_delay=qm_delay, guest=guest, wedge=None, began=time.time())
        labvm.conf_write(self.vm.conf, base_conf(guest), {})
        with open(inst + "/site.conf", "w") as f:
            f.write("".join("%s = %s\n" % kv for kv in (
                ("qm", inst + "/bin/qm"), ("run_dir", inst + "/host"),
                ("log", inst + "/breakglass-pve.log"), ("pidfile", self.vm.pidfile),
                ("qmp", self.vm.qmp_path), ("qga", self.vm.qga_path),
                ("pve_conf", self.vm.conf), ("pve_local", self.vm.local),
                ("pve_ha", self.vm.ha), ("pve_tasks", self.vm.tasks + "/active"),
                ("lvs", inst + "/bin/lvs"), ("pvesh", inst + "/bin/pvesh"),
                ("systemd_run", "no"))))
        if not program:
            self.say("no host program: the PVE side will say so (--host-program "
                     "or BREAKGLASS_PVE_PROGRAM names it)")
            program = inst + "/bin/no-host-program"
            with open(program, "w") as f:
                f.write("#!/bin/sh\necho 'this lab was started without "
                        "breakglass-pve' >&2\nexit 127\n")
            os.chmod(program, 0o700)
        self.authorize(program)

    def authorize(self, program):
        """One key, one command.  sshd reads this at each login."""
        if '"' in program:
            raise VmError("the host program's path must not hold a quote: %r" % program)
        with open(self.inst + "/client_key.pub") as f, \
                open(self.inst + "/authorized_keys", "w") as out:
            out.write('command="%s --site %s/site.conf",restrict,from="127.0.0.1" %s'
                      % (shlex.quote(program), self.inst, f.read()))

    def write_env(self):
        with open(self.inst + "/env", "w") as f:
            f.write(self.env_text())

    def env_text(self):
        s = self.settings()
        return "".join("export %s=%s\n" % (k, shlex.quote(str(v))) for k, v in (
            ("BREAKGLASS_DEVVM_HOST", s["devvm_host"]),
            ("BREAKGLASS_DEVVM_PORT", s["devvm_port"]),
            ("BREAKGLASS_DEVVM_USER", "breakglass"),
            ("BREAKGLASS_PVE_HOST", "127.0.0.1"),
            ("BREAKGLASS_PVE_PORT", s["pve_port"]),
            ("BREAKGLASS_PVE_USER", s["pve_user"]),
            ("BREAKGLASS_KEY_PATH", self.inst + "/client_key"),
            ("BREAKGLASS_PVE_HOSTKEY", self.inst + "/pve_host_key.pub")))

    def start_sshd(self):
        """A real sshd in the role of the PVE host.  Its paths are absolute,
        -f too: it executes itself again after a chdir to /."""
        if os.getuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        for attempt in range(5):
            s = self.settings()
            with open(self.inst + "/sshd_config", "w") as f:
                f.write("Port %d\nListenAddress 127.0.0.1\nHostKey %s/pve_host_key\n"
                        "PidFile %s/sshd.pid\nAuthorizedKeysFile %s/authorized_keys\n"
                        "StrictModes no\nUsePAM no\nUseDNS no\n"
                        "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
                        "PermitRootLogin forced-commands-only\nMaxStartups 100\n"
                        # the login shell's own files are not part of the site
                        "SetEnv HOME=%s\n"
                        % (s["pve_port"], self.inst, self.inst, self.inst, self.inst))
            subprocess.run(["/usr/sbin/sshd", "-f", self.inst + "/sshd_config",
                            "-E", self.inst + "/sshd.log"], cwd="/", check=False,
                           stdin=subprocess.DEVNULL, start_new_session=True)
            end = time.monotonic() + 5
            while time.monotonic() < end:
                with contextlib.suppress(OSError, ValueError):
                    with open(self.inst + "/sshd.pid") as f:
                        pid = int(f.read())
                    if banner(s["pve_port"], 1.0) is not None:
                        self.record("pve-sshd", pid)
                        return
                time.sleep(0.02)
            self.save_settings(pve_port=free_port())
            self.write_env()
        with open(self.inst + "/sshd.log") as f:
            raise VmError("sshd for the PVE side does not start: %s"
                          % f.read().strip()[-300:])

    def start_qmeventd(self):
        log = open(self.inst + "/qmeventd.log", "ab")
        p = subprocess.Popen([HERE + "/qmeventd", self.inst], cwd="/", stdout=log,
                             stderr=log, stdin=subprocess.DEVNULL,
                             start_new_session=True)
        log.close()
        self.record("qmeventd", p.pid)
        end = time.monotonic() + 10
        while not os.path.exists(self.inst + "/qmeventd.sock"):
            if p.poll() is not None or time.monotonic() > end:
                raise VmError("qmeventd does not start; see %s/qmeventd.log"
                              % self.inst)
            time.sleep(0.01)

    def start_ha(self):
        if not any(p[0] == "ha" for p in self.recorded()):
            with open(self.inst + "/ha.log", "ab") as log:
                p = subprocess.Popen([HERE + "/ha", self.inst], cwd="/", stdout=log,
                                     stderr=log, stdin=subprocess.DEVNULL,
                                     start_new_session=True)
            self.record("ha", p.pid)

    def end_ha(self):
        for what, pid, start in self.recorded():
            if what == "ha":
                labvm.proc_kill(pid, start, signal.SIGKILL)
                labvm.proc_wait_gone(pid, start, 5)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.vm.ha)

    def restore(self, disk=None):
        """A healthy guest out of the saved state, whatever was before, on the
        storage that `up` was told or another one."""
        s = self.settings()
        disk = disk or s["disk"]
        conf, boot_s = base_conf(self.guest()), GUESTS[self.guest()].boot_s
        self.store.end()
        labvm.conf_write(self.vm.conf, conf, {})
        os.chmod(self.vm.local, 0o700)
        subprocess.run(["cp", "--sparse=always", s["built"] + "/disk.raw",
                        self.vm.disk], check=True)
        s = self.save_settings(store=disk, drive=self.store.begin(disk))
        # the state is of a guest on the user network: elsewhere it boots
        state = s["built"] + "/state.gz" if s["net"] == "user" else None
        for attempt in range(5):
            try:
                labvm.qemu_launch(self.vm, conf, state)
                break
            except VmError:
                self.vm.kill()
                with open(self.inst + "/qemu.log") as f:
                    taken = "host forwarding rule" in f.read()[-2000:]
                if not taken or attempt == 4:
                    raise
                s = self.save_settings(devvm_port=free_port())
                self.write_env()
        with Qmp(self.vm.qmp_path, 30) as q:
            # a cont that comes before the state is in would be lost
            while q.call("query-status")["status"] == "inmigrate":
                time.sleep(0.02)
            if state:
                q.call("cont")
        self.await_guest(self.vm, boot_s)
        with Qga(self.vm.qga_path, 10) as g:        # it woke up in the past
            g.call("guest-set-time", time=time.time_ns())
        self.save_settings(wedge=None)

    @contextlib.contextmanager
    def vm_lock(self):
        """The lock that every qm command takes."""
        with open(self.vm.lock, "a") as f:
            end = time.monotonic() + 15
            while True:
                try:
                    fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > end:
                        raise VmError("a qm command holds VM 102's lock for more "
                                      "than 15 s; try again when it is done")
                    time.sleep(0.1)
            yield

    def heal(self):
        with self.lock():
            if not self.is_up():
                raise VmError("the lab is not up (lab up)", 3)
            self.say("restoring VM 102 from its saved state")
            self.end_ha()
            self.store.end()        # whoever waits for it, lock in hand, goes on
            with self.vm_lock():
                self.renew()
            self.say("healthy")

    def renew(self, disk=None):
        """The storage goes first: a thread that waits for it cannot end."""
        self.store.end()
        if not self.vm.kill():
            raise VmError("QEMU cannot be killed: a thread of it hangs in the kernel")
        self.restore(disk)

    # -- down --------------------------------------------------------------------------

    def down(self):
        with self.lock():
            there = os.path.isdir(self.inst)
            if there:
                self.clean()
            self.unlock()
            self.say("down" if there else "not up")

    def unlock(self):
        """Nothing is left of an instance that is down, its lock included."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink("%s/run/%s.lock" % (self.top, self.name))

    def clean(self):
        """End every process of this instance, then its files."""
        me = os.getpid()
        gone = [who for who in (self.vm.scope_holds(),) if who]
        for what, pid, start in self.recorded():
            if pid != me:
                gone += labvm.descendants(pid) if what == "pve-sshd" else []
                gone.append((pid, start))
        # what was started but not on record yet; again, for what it started
        for _ in range(5):
            for pid, start in gone:
                labvm.proc_kill(pid, start, signal.SIGKILL)
            for pid, start in gone:
                labvm.proc_wait_gone(pid, start, 5)
            gone = self.strays(me)
            if not gone:
                break
        if not self.vm.kill():
            raise VmError("QEMU (pid %s) cannot be killed: a thread of it hangs in "
                          "the kernel" % self.vm.pid())
        self.store.end()
        if (self.settings() or {}).get("net") == "tap":
            labnet.end()
        shutil.rmtree(self.inst)

    def strays(self, me):
        """[(pid, start)] of our own uid's processes that work for exactly this
        instance: host programs and qm outlive the sshd that started them."""
        out = []
        for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
            st = labvm.proc_stat(pid)
            if pid != me and st and st[0] != "Z" and self.is_ours(labvm.proc_argv(pid)):
                with contextlib.suppress(OSError):
                    if os.stat("/proc/%d" % pid).st_uid == os.getuid():
                        out.append((pid, st[2]))
        return out

    def is_ours(self, argv):
        return ("--site" in argv and self.inst + "/site.conf" in argv) or \
            any(self.inst + "/bin/" + f in argv[:3] for f in PROGRAMS) or \
            ("-pidfile" in argv and self.vm.pidfile in argv) or \
            argv[1:3] in ([HERE + "/qmeventd", self.inst],
                          [HERE + "/ha", self.inst]) or \
            (argv != [] and self.store.is_ours(argv)) or \
            argv[1:3] == ["-f", self.inst + "/sshd_config"] or \
            (len(argv) == 1 and argv[0].startswith("sshd: ") and
             " -f %s/sshd_config " % self.inst in argv[0])

    # -- the keeper ----------------------------------------------------------------------

    def keeper(self, die_with):
        """A process that takes the lab down when `lab up` dies in the middle,
        or, later, when the process it shall not outlive ends."""
        argv = [sys.executable, HERE + "/lab", "--dir", self.top, "--name", self.name,
                "keeper", str(os.getpid()), str(die_with or 0)]
        p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, cwd="/",
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                             start_new_session=True)
        self.record("keeper", p.pid)

    def keep(self, up_pid, die_with):
        began = (self.settings() or {}).get("began")
        watched = {}
        for pid, role in ((up_pid, "up"), (die_with, "owner")):
            if pid:
                try:
                    watched[os.pidfd_open(pid)] = role
                except ProcessLookupError:
                    watched[os.open("/dev/null", os.O_RDONLY)] = role
        while watched:
            for fd in select.select(list(watched), [], [])[0]:
                role = watched.pop(fd)
                os.close(fd)
                with self.lock():
                    now = self.settings()
                    if now is None or now.get("began") != began:
                        return
                    if role == "owner" or not os.path.exists(self.inst + "/ready"):
                        self.clean()
                        self.unlock()
                        return
