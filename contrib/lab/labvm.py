# SPDX-License-Identifier: GPL-3.0-or-later
"""VM 102 as a process: who it is, how it is started, how it is asked.

Shared by `qm` (the stand-in for Proxmox's) and by `lab`, so that both mean
the same thing by "running" and start the same QEMU.  Standard library only.
"""
import errno
import json
import os
import re
import select
import shlex
import signal
import socket
import subprocess
import time

VMID = "102"
SUN_PATH_MAX = 107      # bytes; a longer UNIX socket path cannot be bound
TAP = "bgtap0"          # see labnet.py
QEMU = "/usr/bin/qemu-system-x86_64"


class VmError(Exception):
    """One sentence for a person; code is what the caller should exit with."""

    def __init__(self, text, code=255):
        super().__init__(text)
        self.code = code


# -- processes ---------------------------------------------------------------

def proc_read(pid, name):
    try:
        with open("/proc/%d/%s" % (pid, name), "rb") as f:
            return f.read()
    except OSError:
        return b""


def proc_stat(pid):
    """(state letter, parent, start time in ticks), or None when it is gone."""
    text = proc_read(pid, "stat")
    if not text:
        return None
    rest = text[text.rindex(b")") + 2:].split()
    return rest[0].decode(), int(rest[1]), int(rest[19])


def proc_argv(pid):
    return [a.decode("utf-8", "replace") for a in
            proc_read(pid, "cmdline").split(b"\0")[:-1]]


def proc_kill(pid, start, sig):
    """Signal pid if it is still the process that began at `start`."""
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        st = proc_stat(pid)
        if st is None or st[2] != start:
            return False
        signal.pidfd_send_signal(fd, sig)
        return True
    except OSError:
        return False
    finally:
        os.close(fd)


def proc_wait_gone(pid, start, limit_s):
    """True once nothing of the process runs: a zombie leader may still have
    a thread in the kernel with a write in flight, so threads are asked."""
    end = time.monotonic() + limit_s
    while True:
        st = proc_stat(pid)
        if st is None or st[2] != start:
            return True
        try:
            tasks = os.listdir("/proc/%d/task" % pid)
        except OSError:
            return True
        left = False
        for t in tasks:
            s = proc_read(pid, "task/%s/stat" % t)
            if s and s[s.rindex(b")") + 2:s.rindex(b")") + 3] not in (b"Z", b"X"):
                left = True
        if not left:
            return True
        if time.monotonic() >= end:
            return False
        time.sleep(0.02)


def descendants(pid):
    """[(pid, start)] of the children of a process and theirs, nearest first."""
    by_parent = {}
    for p in map(int, filter(str.isdigit, os.listdir("/proc"))):
        st = proc_stat(p)
        if st:
            by_parent.setdefault(st[1], []).append((p, st[2]))
    out, todo = [], [pid]
    while todo:
        for child in by_parent.get(todo.pop(), []):
            out.append(child)
            todo.append(child[0])
    return out


# -- the instance ------------------------------------------------------------

class Vm:
    """The paths of one instance, and the QEMU that belongs to them."""

    def __init__(self, inst):
        self.inst = inst
        self.pidfile = inst + "/102.pid"
        self.qmp_path = inst + "/102.qmp"
        self.qga_path = inst + "/102.qga"
        self.vnc_path = inst + "/102.vnc"
        self.serial_path = inst + "/102.serial0"
        self.serial_log = inst + "/serial.log"
        self.conf = inst + "/102.conf"
        self.lock = inst + "/lock-102.conf"
        self.local = inst + "/local"
        self.disk = inst + "/vm-102-disk-0.raw"
        self.scope = inst + "/102.scope"
        self.ha = inst + "/ha-resources.cfg"
        self.tasks = inst + "/tasks"

    def settings(self):
        with open(self.inst + "/lab.json") as f:
            return json.load(f)

    def pid(self):
        """Proxmox's own running test: pidfile, then /proc/PID/cmdline is a
        QEMU with our -pidfile, then not a zombie.  None when not running."""
        try:
            with open(self.pidfile) as f:
                pid = int(f.read(32))
        except (OSError, ValueError):
            return None
        argv = proc_argv(pid)
        if not argv or not (argv[0].endswith("kvm") or
                            os.path.basename(argv[0]).startswith("qemu-")):
            return None
        if "-pidfile" not in argv or \
           argv[argv.index("-pidfile") + 1:][:1] != [self.pidfile]:
            return None
        st = proc_stat(pid)
        return pid if st and st[0] != "Z" else None

    def identity(self):
        pid = self.pid()
        st = proc_stat(pid) if pid else None
        return (pid, st[2]) if st else None

    def ha_state(self):
        """What HA is told to make of the VM; None: it is not HA's."""
        try:
            with open(self.ha) as f:
                lines = [x.strip() for x in f]
        except OSError:
            return None
        if "vm: " + VMID not in lines:
            return None
        state = next((x.split()[1] for x in lines if x.startswith("state ")), "started")
        return None if state == "ignored" else state

    def ha_write(self, state):
        tmp = "%s.tmp.%d" % (self.ha, os.getpid())
        with open(tmp, "w") as f:
            f.write("vm: %s\n\tstate %s\n" % (VMID, state))
        os.rename(tmp, self.ha)

    def note_scope(self):
        """systemd's scope: the one process that the next start waits for."""
        who = self.identity()
        if who:
            with open(self.scope, "w") as f:
                f.write("%d %d\n" % who)

    def scope_holds(self):
        """(pid, start) of the last QEMU that was started, None when unknown."""
        try:
            with open(self.scope) as f:
                pid, start = map(int, f.read().split())
            return pid, start
        except (OSError, ValueError):
            return None

    def forget(self):
        for p in (self.pidfile, self.qmp_path, self.qga_path, self.vnc_path,
                  self.serial_path):
            try:
                os.unlink(p)
            except FileNotFoundError:
                pass

    def kill(self):
        """End QEMU whatever state it is in; False when a thread stays."""
        for who in (self.identity(), self.scope_holds()):
            if who:
                proc_kill(who[0], who[1], signal.SIGKILL)
                if not proc_wait_gone(who[0], who[1], 10):
                    return False
        self.forget()
        return True


# -- configuration: the running part, [PENDING], and their merge ---------------

def conf_read(path):
    """Two dictionaries: what runs, and what the next start will apply.
    Deletions stand in the second as key `delete`, comma separated."""
    cur, pending = {}, {}
    into = cur
    with open(path, encoding="utf-8") as f:
        for line in f:
            line = line.rstrip("\n")
            if line.startswith("["):
                into = pending if line == "[PENDING]" else {}
            elif line and not line.startswith("#") and ":" in line:
                key, _, value = line.partition(":")
                into[key.strip()] = value.strip()
    return cur, pending


def conf_write(path, cur, pending):
    text = "".join("%s: %s\n" % kv for kv in sorted(cur.items()))
    if pending:
        text += "\n[PENDING]\n" + "".join(
            "%s: %s\n" % kv for kv in sorted(pending.items()))
    tmp = "%s.tmp.%d" % (path, os.getpid())
    with open(tmp, "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(tmp, path)


def conf_deleted(pending):
    return [k for k in pending.get("delete", "").split(",") if k]


def conf_merge(cur, pending):
    out = dict(cur)
    for k in conf_deleted(pending):
        out.pop(k, None)
    out.update({k: v for k, v in pending.items() if k != "delete"})
    return out


def conf_disk_bytes(conf):
    """How large the disk is said to be."""
    m = re.search(r"size=(\d+)M", conf.get("virtio0") or conf.get("scsi0") or "")
    return int(m.group(1)) << 20 if m else 0


# -- QEMU's command line -------------------------------------------------------

def netdev(settings):
    if settings.get("net") == "tap":
        return "tap,id=net0,ifname=%s,script=no,downscript=no" % TAP
    return "user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:%d-:22" % \
        settings["devvm_port"]


def qemu_argv(vm, conf, incoming=None):
    """The command line of VM 102, in Proxmox's words and order.

    `-id 102` is a Proxmox patch that Debian's QEMU does not know.  Identity
    checks look for these two words side by side, so they are there: "-id" as
    the argument of -L (a firmware folder that does not exist) and "102" as
    the one positional argument, an empty file of that name.  That file makes
    an IDE disk that the guest has no driver for; qemu_launch() takes its
    medium away at once.
    """
    s = vm.settings()
    disk_key = next((k for k in ("virtio0", "scsi0") if k in conf), None)
    if disk_key is None:
        raise VmError("start failed: VM 102 has no disk virtio0 or scsi0")
    opts = dict(o.partition("=")[::2] for o in conf[disk_key].split(",")[1:])
    root = "/dev/vda" if disk_key == "virtio0" else "/dev/sda"
    argv = [
        "/usr/bin/kvm", "-L", "-id", VMID,
        "-name", conf.get("name", "devvm") + ",debug-threads=on",
        "-no-shutdown",
        "-chardev", "socket,id=qmp,path=%s,server=on,wait=off" % vm.qmp_path,
        "-mon", "chardev=qmp,mode=control",
        "-chardev", "socket,id=qmp-event,path=%s/qmeventd.sock,reconnect=5" % vm.inst,
        "-mon", "chardev=qmp-event,mode=control",
        "-pidfile", vm.pidfile, "-daemonize",
        "-smp", "%s,sockets=1,cores=%s" % ((conf.get("cores", "1"),) * 2),
        "-nodefaults", "-vnc", "unix:" + vm.vnc_path,
        "-cpu", "host" if s["accel"] == "kvm" else "qemu64",
        "-m", conf.get("memory", "128"),
        "-machine", "type=q35,accel=" + s["accel"],
        "-device", "VGA,id=vga,vgamem_mb=4",
        "-chardev", "socket,id=serial0,path=%s,server=on,wait=off,logfile=%s,"
        "logappend=on" % (vm.serial_path, vm.serial_log),
        "-device", "isa-serial,chardev=serial0",
        "-device", "virtio-balloon-pci,id=balloon0",
        "-device", "virtio-rng-pci",
    ]
    if conf.get("agent", "0").split(",")[0] in ("1", "enabled=1"):
        argv += [
            "-chardev", "socket,path=%s,server=on,wait=off,id=qga0" % vm.qga_path,
            "-device", "virtio-serial,id=qga0",
            "-device", "virtserialport,chardev=qga0,name=org.qemu.guest_agent.0",
        ]
    thread = ""
    if opts.get("iothread") == "1":
        argv += ["-object", "iothread,id=iothread-" + disk_key]
        thread = ",iothread=iothread-" + disk_key
    argv += ["-drive", "file=%s,if=none,id=drive-%s,format=raw,aio=threads"
             % (s.get("drive") or vm.disk, disk_key)]
    if disk_key == "virtio0":
        argv += ["-device", "virtio-blk-pci,drive=drive-virtio0,id=virtio0" + thread]
    else:
        argv += ["-device", "virtio-scsi-pci,id=scsihw0" + thread,
                 "-device", "scsi-hd,bus=scsihw0.0,drive=drive-scsi0,id=scsi0"]
    argv += [
        "-netdev", netdev(s),
        "-device", "virtio-net-pci,mac=BC:24:11:00:01:02,netdev=net0,id=net0",
        "-kernel", s["kernel"], "-initrd", s["initrd"], "-append",
        "root=%s console=ttyS0 console=tty0 quiet panic=0 mitigations=off "
        "nokaslr net.ifnames=0" % root,
    ]
    if incoming:
        argv += ["-incoming", "defer"]
    return argv


def qemu_launch(vm, conf, incoming=None, limit_s=35):
    """Start QEMU in the background and return when it answers for itself."""
    argv = qemu_argv(vm, conf, incoming)
    open(vm.inst + "/102", "a").close()
    log = open(vm.inst + "/qemu.log", "ab")
    log.write(b"# " + shlex.join(argv).encode() + b"\n")
    log.flush()
    try:
        got = subprocess.run(argv, executable=QEMU, cwd=vm.inst,
                             stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                             timeout=limit_s, start_new_session=True)
    except FileNotFoundError:
        raise VmError("start failed: %s is not installed (run contrib/lab/deps)"
                      % QEMU)
    except subprocess.TimeoutExpired:
        raise VmError("start failed: command '%s' failed: got timeout"
                      % shlex.join(argv))
    finally:
        log.close()
        vm.note_scope()
    if got.returncode != 0:
        raise VmError("start failed: QEMU exited with code %d" % got.returncode)
    with Qmp(vm.qmp_path, limit_s) as q:
        q.call("human-monitor-command", **{"command-line": "drive_del ide0-hd0"})
        if incoming:
            q.call("migrate-incoming", uri="exec:gzip -dc " + shlex.quote(incoming))


# -- QMP and the guest agent ---------------------------------------------------

class Qmp:
    """One QMP conversation.  Close it soon: QEMU serves one client at a time
    and whoever holds the socket makes every `qm` fail."""

    def __init__(self, path, timeout_s=5.0, greeting=True):
        self.deadline = time.monotonic() + timeout_s
        self.buf = b""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.setblocking(False)
        try:
            self._connect(path)
            if greeting:
                self._line()
                self.call("qmp_capabilities")
        except BaseException:
            self.sock.close()
            raise

    def _connect(self, path):
        kind = path.rpartition(".")[2]
        tries = 0
        while True:
            try:
                self.sock.connect(path)
                return
            except BlockingIOError:         # the listen backlog of 1 is full
                tries += 1
                if tries > 50 or time.monotonic() >= self.deadline:
                    raise VmError("unable to connect to VM 102 %s socket - timeout "
                                  "after %d retries" % (kind, tries))
                time.sleep(0.1)
            except OSError as e:
                if e.errno in (errno.ENOENT, errno.ECONNREFUSED):
                    raise VmError("unable to connect to VM 102 %s socket - %s"
                                  % (kind, e.strerror))
                raise

    def _wait(self, write=False):
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise VmError("got timeout")
        fds = [self.sock]
        r = select.select([] if write else fds, fds if write else [], [], left)
        if not (r[0] or r[1]):
            raise VmError("got timeout")

    def _line(self):
        while b"\n" not in self.buf:
            self._wait()
            chunk = self.sock.recv(65536)
            if not chunk:
                raise VmError("client closed connection")
            self.buf += chunk
            if len(self.buf) > 4 * 1024 * 1024:
                raise VmError("answer is too long")
        line, self.buf = self.buf.split(b"\n", 1)
        return json.loads(line.lstrip(b"\xff"))

    def call(self, execute, timeout_s=None, **arguments):
        if timeout_s is not None:
            self.deadline = time.monotonic() + timeout_s
        self.send(execute, arguments)
        while True:
            m = self._line()
            if "error" in m:
                raise VmError(m["error"].get("desc", "unknown error"))
            if "return" in m:
                return m["return"]

    def send(self, execute, arguments=None):
        m = {"execute": execute}
        if arguments:
            m["arguments"] = arguments
        data = json.dumps(m).encode() + b"\n"
        while data:
            self._wait(write=True)
            data = data[self.sock.send(data):]

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


class Qga(Qmp):
    """The guest agent: no greeting, and what an earlier caller left unread
    must be skipped, which guest-sync with a number of our own does."""

    def __init__(self, path, timeout_s=3.0):
        super().__init__(path, timeout_s, greeting=False)
        number = int(time.monotonic() * 1000) & 0x7fffffff
        try:
            self.sock.send(b"\xff")
            self.send("guest-sync", {"id": number})
            while self._line().get("return") != number:
                pass
        except BaseException:
            self.sock.close()
            raise
