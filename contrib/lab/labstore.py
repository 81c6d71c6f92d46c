# SPDX-License-Identifier: GPL-3.0-or-later
"""What VM 102's disk lies on, where that must be able to hang or to fill up.

    file    a file of this machine (the default)
    nbd     qemu-nbd: a storage server on the network, which can fall silent
    fuse    qemu-storage-daemon's FUSE export: a file whose reads and writes can
            hang in the kernel (state D), as on NFS or a hung cluster storage
    thin    qemu-nbd over a small tmpfs in mount and user namespaces of its own:
            a pool that can run full; needs no root, and leaves no mount

A backend is one recorded process.  It ends with `heal` and `down`, and before
QEMU: a QEMU with a thread in the kernel cannot end earlier.
"""
import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import time

import labvm
from labvm import VmError

KINDS = ("file", "nbd", "fuse", "thin")
NBD = "/usr/bin/qemu-nbd"
DAEMON = "/usr/bin/qemu-storage-daemon"
PROGRAMS = ("qemu-nbd", "qemu-storage-daemon", "unshare", "sh")
ROOM_KB = 48 * 1024     # in the pool, beside what the disk takes now


class Store:
    def __init__(self, lab):
        self.lab = lab
        self.dir = lab.inst + "/store"
        self.socket = self.dir + "/nbd.sock"
        self.export = self.dir + "/vm-102-disk-0.raw"
        self.pool = self.dir + "/pool"

    def process(self):
        """(what, pid, start) of the backend, None when there is none."""
        return next((p for p in self.lab.recorded() if p[0] == "store"), None)

    # -- begin -----------------------------------------------------------------------

    def begin(self, kind):
        """Serve lab.vm.disk; returns what QEMU is to open."""
        if kind == "file":
            return self.lab.vm.disk
        os.makedirs(self.dir, mode=0o700, exist_ok=True)
        need = DAEMON if kind == "fuse" else NBD
        if not os.access(need, os.X_OK):
            raise VmError("%s is not installed: apt-get install --no-install-recommends "
                          "qemu-utils" % need)
        return {"nbd": self.begin_nbd, "fuse": self.begin_fuse,
                "thin": self.begin_thin}[kind]()

    def spawn(self, argv, is_there, what):
        with open(self.lab.inst + "/store.log", "ab") as log:
            p = subprocess.Popen(argv, cwd="/", stdin=subprocess.DEVNULL, stdout=log,
                                 stderr=log, start_new_session=True)
        self.lab.record("store", p.pid)
        end = time.monotonic() + 10
        while not is_there():
            if p.poll() is not None or time.monotonic() > end:
                with open(self.lab.inst + "/store.log") as f:
                    why = f.read().strip().rpartition("\n")[2]
                self.end()
                raise VmError("%s: %s" % (what, why or "it does not start"))
            time.sleep(0.01)

    def nbd_argv(self, image):
        return [NBD, "--persistent", "--shared=4", "--format=raw", "--socket=" +
                self.socket, image]

    def begin_nbd(self):
        self.spawn(self.nbd_argv(self.lab.vm.disk), lambda: os.path.exists(self.socket),
                   "the storage server (qemu-nbd)")
        return "nbd:unix:" + self.socket

    def begin_fuse(self):
        if not os.access("/dev/fuse", os.R_OK | os.W_OK):
            raise VmError("this needs /dev/fuse, which is not there or not ours")
        if os.getuid() != 0 and not shutil.which("fusermount3"):
            raise VmError("this needs root, or the package fuse3 (fusermount3)")
        open(self.export, "a").close()
        self.spawn([DAEMON, "--blockdev", "driver=file,node-name=disk,filename=" +
                    self.lab.vm.disk, "--export", "type=fuse,id=export,node-name=disk,"
                    "mountpoint=%s,writable=on,allow-other=off" % self.export],
                   lambda: is_mounted(self.export),
                   "the FUSE export (it needs root, or fusermount3, and /dev/fuse)")
        return self.export

    def begin_thin(self):
        """A file system of fixed size that only this process sees."""
        os.makedirs(self.pool, exist_ok=True)
        image = self.pool + "/vm-102-disk-0.raw"
        taken_kb = os.stat(self.lab.vm.disk).st_blocks // 2
        script = "mount -t tmpfs -o size=%dk,mode=700 pool %s && " \
            "cp --sparse=always %s %s && exec %s" % (
                taken_kb + ROOM_KB, self.pool, self.lab.vm.disk, image,
                shlex.join(self.nbd_argv(image)))
        tried = None
        for flags in ("-Urm", "-m"):
            try:
                self.spawn(["/usr/bin/unshare", flags, "sh", "-c", script],
                           lambda: os.path.exists(self.socket),
                           "a pool of its own (unshare %s: it needs user namespaces, "
                           "or root)" % flags)
                return "nbd:unix:" + self.socket
            except VmError as e:
                tried = tried or e
                os.makedirs(self.dir + "/pool", exist_ok=True)
        raise tried

    # -- while it serves ---------------------------------------------------------------

    def signal(self, sig):
        who = self.process()
        if not who or not labvm.proc_kill(who[1], who[2], sig):
            raise VmError("VM 102's disk has no storage backend that could be "
                          "signalled (lab heal)")

    def is_stopped(self):
        who = self.process()
        return who is not None and labvm.proc_stat(who[1])[0] == "T"

    def pool_seen(self):
        """The pool as its own process sees it."""
        who = self.process()
        if not who:
            raise VmError("VM 102's disk lies on no pool (lab heal)")
        return "/proc/%d/root%s" % (who[1], self.pool)

    def fill(self):
        """Take the room that is left, and no more."""
        pool = self.pool_seen()
        with open(pool + "/other-guest", "ab") as f:
            while True:
                st = os.statvfs(pool)
                if st.f_bavail == 0:
                    return
                with contextlib.suppress(OSError):
                    os.posix_fallocate(f.fileno(), f.seek(0, 2),
                                       st.f_bavail * st.f_bsize)

    def make_room(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.pool_seen() + "/other-guest")

    def used_percent(self):
        """How full the pool is; a file, a server: as if on a large one."""
        try:
            st = os.statvfs(self.pool_seen())
        except (OSError, VmError):
            return 31.4
        return 100.0 * (st.f_blocks - st.f_bfree) / st.f_blocks

    # -- end ---------------------------------------------------------------------------

    def end(self):
        """Its process first: only then do threads that wait for it go on."""
        who = self.process()
        if who:
            labvm.proc_kill(who[1], who[2], signal.SIGKILL)
            labvm.proc_wait_gone(who[1], who[2], 5)
        if is_mounted(self.export):
            argv = ["umount", "-l", self.export] if os.getuid() == 0 else \
                ["fusermount3", "-u", "-z", self.export]
            subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, timeout=10,
                           stderr=subprocess.DEVNULL)
            if is_mounted(self.export):
                raise VmError("%s is still mounted: %s" % (self.export, shlex.join(argv)))
        shutil.rmtree(self.dir, ignore_errors=True)

    def is_ours(self, argv):
        return os.path.basename(argv[0]) in PROGRAMS and \
            any(self.dir + "/" in a for a in argv[1:])


def is_mounted(path):
    """Asked of the table: a stat would wait for a storage that hangs."""
    with open("/proc/self/mountinfo") as f:
        return any(line.split()[4] == path for line in f)
