# SPDX-License-Identifier: GPL-3.0-or-later
"""Wedges of the PVE host: storage, cluster, configuration, QEMU's process."""
import contextlib
import os
import signal
import subprocess
import time

import labvm
from labask import (guest_exec, is_stalled, need_identity, qmp, qmp_status,
                    thread_states)
from labguest import GUESTS, volume
from labvm import VmError

WRITE = "dd if=/dev/urandom of=/srv/burst bs=64k count=16; sync"


def on_storage(lab, kind):
    """A wedge of a storage needs VM 102 to lie on it."""
    if lab.settings()["store"] != kind or lab.store.is_stopped():
        with lab.vm_lock():
            lab.renew(kind)


def have_written(lab, script):
    """The guest writes to a storage that is ill.  It may be so already by what it
    wrote itself, and its agent need not answer then."""
    with contextlib.suppress(OSError, VmError):
        guest_exec(lab.vm, script, 3.0, wait=False)


# -- storage -----------------------------------------------------------------------

def nbd_stall(lab):
    on_storage(lab, "nbd")
    lab.store.signal(signal.SIGSTOP)
    have_written(lab, WRITE)


def nbd_stall_holds(lab):
    return lab.store.is_stopped() and is_stalled(lab.vm)


def storage_hang(lab):
    """Several writes at once, past the guest's journal, which would send one
    and wait: the first one waits for the storage, interruptibly, and the others
    in state D for the first."""
    on_storage(lab, "fuse")
    guest_exec(lab.vm, "cd /srv && for n in 1 2 3 4; do dd if=/dev/zero of=burst$n "
               "bs=64k count=1; done; sync")
    lab.store.signal(signal.SIGSTOP)
    have_written(lab, "cd /srv && for n in 1 2 3 4; do dd if=/dev/zero of=burst$n "
                 "bs=64k count=1 conv=notrunc oflag=direct & done")


def storage_hang_holds(lab):
    pid, _ = need_identity(lab.vm)
    return lab.store.is_stopped() and "D" in thread_states(pid) and is_stalled(lab.vm)


def storage_full(lab):
    on_storage(lab, "thin")
    lab.store.fill()
    have_written(lab, WRITE)


def storage_full_holds(lab):
    return qmp_status(lab.vm) == "io-error" and any(
        b.get("io-status") == "nospace" for b in qmp(lab.vm, "query-block"))


# -- QEMU's process ------------------------------------------------------------------

def killed(lab):
    """As on a host whose qmeventd was not there: with it, the pidfile would go."""
    pid, start = need_identity(lab.vm)
    labvm.proc_kill(pid, start, signal.SIGKILL)
    labvm.proc_wait_gone(pid, start, 10)
    end = time.monotonic() + 10
    while os.path.exists(lab.vm.pidfile) and time.monotonic() < end:
        time.sleep(0.02)                # qmeventd's cleanup
    with open(lab.vm.pidfile, "w") as f:
        f.write("%d\n" % pid)


def killed_holds(lab):
    return lab.vm.pid() is None and os.path.exists(lab.vm.pidfile)


# -- configuration and cluster -------------------------------------------------------

def staged(lab):
    subprocess.run([lab.inst + "/bin/qm", "set", "102", "--memory",
                    str(GUESTS[lab.guest()].staged_mb),
                    "--virtio0", volume(lab.guest(), "iothread=1,")],
                   check=True, stdout=subprocess.DEVNULL)


def staged_holds(lab):
    _, pending = labvm.conf_read(lab.vm.conf)
    return pending.get("memory") == str(GUESTS[lab.guest()].staged_mb) and "virtio0" in pending


def backup_lock(lab):
    cur, pending = labvm.conf_read(lab.vm.conf)
    cur["lock"] = "backup"
    labvm.conf_write(lab.vm.conf, cur, pending)


def backup_lock_holds(lab):
    return labvm.conf_read(lab.vm.conf)[0].get("lock") == "backup"


def noquorum(lab):
    os.chmod(lab.vm.local, 0o555)


def noquorum_holds(lab):
    return not os.lstat(lab.vm.local).st_mode & 0o200


def missing(lab):
    """As `qm destroy`, or a move to another node, leaves this one."""
    with lab.vm_lock():
        lab.vm.kill()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(lab.vm.conf)


def missing_holds(lab):
    return lab.vm.pid() is None and not os.path.exists(lab.vm.conf)


# -- high availability ---------------------------------------------------------------

def ha(lab):
    """Owned and wanted stopped: a start only asks, and the manager acts."""
    lab.vm.ha_write("stopped")
    lab.start_ha()


def ha_holds(lab):
    return lab.vm.pid() is None and not os.path.exists(lab.vm.pidfile)


def ha_dead(lab):
    """The same, but there is no manager: requests are taken, nothing happens."""
    with lab.vm_lock():
        lab.vm.kill()
    lab.vm.ha_write("stopped")


def ha_dead_holds(lab):
    return lab.vm.pid() is None and lab.vm.ha_state() == "stopped"
