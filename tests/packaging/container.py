# SPDX-License-Identifier: GPL-3.0-or-later
"""container: starts processes of an image as a container runtime does, for tests.

Needs root and nothing else: namespaces (mount, pid, ipc, uts), a read-only root, the /dev
and masked /proc of the OCI runtime specification, a uid, no capability, no_new_privs, and
a filter of system calls like the runtimes' default.  The network is the machine's.
`Container.exec` is `kubectl exec`: a process beside the first one, with -it on a pty of
the container's own /dev/pts.
"""
import ctypes
import fcntl
import os
import select
import signal
import socket
import struct
import sys
import termios
import time
import traceback

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mount.argtypes = [ctypes.c_char_p] * 3 + [ctypes.c_ulong, ctypes.c_char_p]
LIBC.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
RDONLY, NOSUID, NODEV, NOEXEC, REMOUNT, BIND, REC, PRIVATE = (
    1, 2, 4, 8, 32, 4096, 16384, 1 << 18)
NEWNS, NEWUTS, NEWIPC, NEWPID = 0x20000, 0x4000000, 0x8000000, 0x20000000
NEW_ANY = (NEWNS, NEWUTS, NEWIPC, NEWPID, 0x2000000, 0x10000000, 0x40000000)
PDEATHSIG, DUMPABLE, CAPBSET_DROP, NO_NEW_PRIVS = 1, 4, 24, 38
CAP_LAST = 40
EPERM, ENOSYS = 1, 38
PIVOT_ROOT = dict(x86_64=155, aarch64=41)

# What RuntimeDefault (containerd's and CRI-O's profile) refuses to a process without
# capabilities, as far as this machine's libseccomp knows the names.
DENIED = """acct add_key bpf clock_adjtime clock_settime delete_module fanotify_init
finit_module fsconfig fsmount fsopen fspick init_module io_uring_enter io_uring_register
io_uring_setup ioperm iopl kexec_file_load kexec_load keyctl lookup_dcookie mount
mount_setattr move_mount name_to_handle_at nfsservctl open_by_handle_at open_tree
perf_event_open pivot_root quotactl reboot request_key setdomainname sethostname setns
settimeofday swapoff swapon syslog umount2 unshare userfaultfd vhangup""".split()
MASKED = ("acpi", "asound", "interrupts", "kcore", "keys", "latency_stats", "sched_debug",
          "scsi", "timer_list", "timer_stats")
FROZEN = ("bus", "fs", "irq", "sys", "sysrq-trigger")


def call(name, *args):
    if getattr(LIBC, name)(*args) < 0:
        n = ctypes.get_errno()
        raise OSError(n, "%s%s: %s" % (name, args, os.strerror(n)))


def mount(source, target, kind=None, flags=0, data=None):
    call("mount", *(w.encode() if w is not None else None for w in (source, target, kind)),
         flags, data.encode() if data else None)


def bind(source, target, readonly=False):
    mount(source, target, None, BIND)
    if readonly:
        mount(None, target, None, BIND | REMOUNT | RDONLY)


def own_mounts():
    """From now on what this process mounts is gone when it is."""
    call("unshare", NEWNS)
    mount("none", "/", None, REC | PRIVATE)


class Filter:
    """The filter of system calls, made before the fork and loaded behind it."""

    class Arg(ctypes.Structure):
        _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64),
                    ("b", ctypes.c_uint64)]

    def __init__(self):
        self.lib = ctypes.CDLL("libseccomp.so.2")
        self.lib.seccomp_init.restype = ctypes.c_void_p
        self.ctx = ctypes.c_void_p(self.lib.seccomp_init(0x7fff0000))
        for name in DENIED:
            self.deny(name, EPERM)
        for flag in NEW_ANY:
            self.deny("clone", EPERM, self.Arg(0, 7, flag, flag))
        self.deny("clone3", ENOSYS)     # so that libc falls back to clone

    def deny(self, name, error, *args):
        n = self.lib.seccomp_syscall_resolve_name(name.encode())
        if n >= 0 and self.lib.seccomp_rule_add_array(
                self.ctx, ctypes.c_uint32(0x50000 | error), n, len(args),
                (self.Arg * max(len(args), 1))(*args)) < 0:
            raise OSError("seccomp: %s" % name)

    def load(self):
        if self.lib.seccomp_load(self.ctx) < 0:
            raise OSError("seccomp_load")


class Process:
    """One that was started: its pid as this machine sees it, what it writes, its end."""

    def __init__(self, pid, waiter, master=None):
        self.pid, self.waiter, self.master, self.status = pid, waiter, master, None
        self.out = bytearray()

    def poll(self):
        if self.status is None:
            pid, status = os.waitpid(self.waiter, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status

    def wait(self, limit):
        end = time.monotonic() + limit
        while self.poll() is None:
            if time.monotonic() > end:
                return None
            self.pump(0.02)
        return self.status

    def pump(self, seconds=0.0):
        """What the pty has, into out."""
        if self.master is None or not select.select([self.master], [], [], seconds)[0]:
            if self.master is None:
                time.sleep(seconds)
            return b""
        try:
            got = os.read(self.master, 65536)
        except OSError:
            got = b""
        if not got:                     # all that had it open are gone
            os.close(self.master)
            self.master = None
        self.out += got
        return got

    def type(self, text):
        os.write(self.master, text.encode())

    def kill(self, sig=signal.SIGKILL):
        if self.poll() is None:
            try:
                os.kill(self.pid, sig)
            except ProcessLookupError:
                pass


def drop(spec, rules):
    """Who it is from now on: no way back, and nothing in hand."""
    for cap in range(CAP_LAST + 1):
        call("prctl", CAPBSET_DROP, cap, 0, 0, 0)
    os.setgroups(spec["groups"])
    os.setresgid(*[spec["gid"]] * 3)
    os.setresuid(*[spec["uid"]] * 3)
    call("prctl", NO_NEW_PRIVS, 1, 0, 0, 0)
    rules.load()


def become(argv, env):
    for s in range(1, signal.NSIG):
        try:
            signal.signal(s, signal.SIG_DFL)
        except (OSError, ValueError):
            pass
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.umask(0o022)
    os.closerange(3, 4096)
    os.execvpe(argv[0], argv, env)


def guarded(fn):
    """In a child: fn does not return; what went wrong is told, and it ends."""
    try:
        fn()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(126)


class Container:
    """spec: name, uid, gid, groups, env, command, readonly, mounts [(source, target, readonly)]"""

    def __init__(self, root, folder, spec):
        self.root, self.spec, self.dir = root, spec, folder
        self.log = folder + "/%s.log" % spec["name"]
        self.rules, self.first, self.others = Filter(), None, []
        os.makedirs(folder + "/" + spec["name"], exist_ok=True)

    def start(self):
        r, w = os.pipe()
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        waiter = os.fork()
        if waiter == 0:
            guarded(lambda: self.outer(w, log))
        os.close(w)
        os.close(log)
        data = os.read(r, 16)
        os.close(r)
        self.first = Process(int(data or 0), waiter)
        return self.first

    def outer(self, w, log):
        call("prctl", PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        null = os.open("/dev/null", os.O_RDONLY)
        for fd, to in ((null, 0), (log, 1), (log, 2)):
            os.dup2(fd, to)
        call("unshare", NEWNS | NEWIPC | NEWUTS | NEWPID)
        pid = os.fork()
        if pid == 0:
            guarded(self.inner)
        os.write(w, b"%d" % pid)
        os.close(w)
        leave_with(pid)

    def inner(self):
        call("prctl", PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        os.setsid()
        call("sethostname", b"pod", 3)
        self.mounts()
        drop(self.spec, self.rules)
        become(self.spec["command"], self.spec["env"])

    def mounts(self):
        mount("none", "/", None, REC | PRIVATE)
        root = self.dir + "/" + self.spec["name"]
        mount(self.root, root, None, BIND | REC)
        mount("proc", root + "/proc", "proc", NOSUID | NODEV | NOEXEC)
        self.dev(root)
        mount("sysfs", root + "/sys", "sysfs", NOSUID | NODEV | NOEXEC | RDONLY)
        for name in ("hosts", "hostname", "resolv.conf"):
            if os.path.exists(root + "/etc/" + name) and os.path.exists("/etc/" + name):
                bind("/etc/" + name, root + "/etc/" + name, True)
        for source, target, readonly in sorted(self.spec["mounts"], key=lambda m: m[1]):
            bind(source, root + target, readonly)
        for name in MASKED:
            if os.path.isfile(root + "/proc/" + name):
                bind("/dev/null", root + "/proc/" + name)
        for name in FROZEN:
            if os.path.exists(root + "/proc/" + name):
                bind(root + "/proc/" + name, root + "/proc/" + name, True)
        if self.spec["readonly"]:
            mount(None, root, None, BIND | REMOUNT | RDONLY)
        os.chdir(root)
        call("syscall", PIVOT_ROOT[os.uname().machine], b".", b".")
        call("umount2", b".", 2)
        os.chdir("/")

    def dev(self, root):
        dev = root + "/dev"
        mount("tmpfs", dev, "tmpfs", NOSUID, "mode=755,size=65536k")
        for name in ("null", "zero", "full", "random", "urandom", "tty"):
            os.mknod(dev + "/" + name, 0o020666, os.stat("/dev/" + name).st_rdev)
            os.chmod(dev + "/" + name, 0o666)
        for name in ("pts", "shm", "mqueue"):
            os.mkdir(dev + "/" + name)
        mount("devpts", dev + "/pts", "devpts", NOSUID | NOEXEC,
              "newinstance,ptmxmode=0666,mode=0620,gid=5")
        mount("shm", dev + "/shm", "tmpfs", NOSUID | NODEV | NOEXEC, "mode=1777,size=65536k")
        mount("mqueue", dev + "/mqueue", "mqueue", NOSUID | NODEV | NOEXEC)
        for name, target in (("ptmx", "pts/ptmx"), ("fd", "/proc/self/fd"),
                             ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
                             ("stderr", "/proc/self/fd/2")):
            os.symlink(target, dev + "/" + name)

    # --- kubectl exec ---

    def exec(self, argv, env=None, tty=None):
        """Starts argv beside the first process.  tty: COLSxROWS; its output is in out.
        None: a pipe, likewise."""
        ours, theirs = socket.socketpair()
        r, w = os.pipe()
        waiter = os.fork()
        if waiter == 0:
            guarded(lambda: self.enter(theirs, r, w, argv, {**self.spec["env"], **(env or {})}, tty))
        os.close(w)
        theirs.close()
        data, fds, _, _ = socket.recv_fds(ours, 16, 1)
        ours.close()
        if tty:
            os.close(r)
        p = Process(int(data or 0), waiter, fds[0] if tty else r)
        self.others.append(p)
        return p

    def enter(self, link, r, w, argv, env, tty):
        call("prctl", PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        spaces = [os.open("/proc/%d/ns/%s" % (self.first.pid, n), os.O_RDONLY)
                  for n in ("ipc", "uts", "pid", "mnt")]
        for fd in spaces:
            call("setns", fd, 0)
        os.chdir("/")
        master = slave = -1
        if tty:
            master, slave = os.openpty()            # of the container's /dev/pts
            os.fchown(slave, self.spec["uid"], -1)
            cols, rows = (int(n) for n in tty.split("x"))
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        pid = os.fork()
        if pid == 0:
            guarded(lambda: self.entered(slave, w, argv, env))
        socket.send_fds(link, [b"%d" % pid], [master] if tty else [r])
        for fd in (link.fileno(), r, w, master, slave):
            if fd >= 0:
                os.close(fd)
        leave_with(pid)

    def entered(self, slave, w, argv, env):
        call("prctl", PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        os.setsid()
        if slave >= 0:
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        null = os.open("/dev/null", os.O_RDONLY)
        for fd in range(3):
            os.dup2(slave if slave >= 0 else w if fd else null, fd)
        drop(self.spec, self.rules)
        become(argv, env)

    # --- what is there ---

    def processes(self):
        """{pid: command line} of all in its pid namespace, as this machine sees them."""
        space, found = os.readlink("/proc/%d/ns/pid" % self.first.pid), {}
        for name in os.listdir("/proc"):
            try:
                if name.isdigit() and os.readlink("/proc/%s/ns/pid" % name) == space:
                    with open("/proc/%s/cmdline" % name, "rb") as f:
                        words = f.read().replace(b"\0", b" ").decode(errors="replace")
                    if words:           # else it is dead and not yet reaped
                        found[int(name)] = words
            except OSError:
                pass
        return found

    def close(self):
        for p in [*self.others, self.first]:
            if p:
                p.kill()
                p.wait(10)


def leave_with(pid):
    """Ends as the child does: a waiter is what its parent waits for."""
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os._exit(status if status >= 0 else 128 - status)


def status(pid, field):
    with open("/proc/%d/status" % pid) as f:
        return f.read().split("\n%s:" % field, 1)[1].split("\n")[0].split()
