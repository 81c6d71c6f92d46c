# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways in which VM 102 is made ill, each with the check that it is.

A wedge is a function that makes the illness and one that is asked again and
again until it holds.  `lab wedge` returns only then.
"""
import os
import signal
import subprocess
import time

import labvm
from labsite import banner, guest_exec
from labvm import Qga, Qmp, VmError


def qmp(vm, execute, limit_s=5.0, **arguments):
    with Qmp(vm.qmp_path, limit_s) as q:
        return q.call(execute, **arguments)


def disk_id(vm):
    cur, _ = labvm.conf_read(vm.conf)
    return "virtio0" if "virtio0" in cur else "scsi0"


def need_identity(vm):
    who = vm.identity()
    if not who:
        raise VmError("VM 102 is not running (lab heal)")
    return who


# -- QEMU ------------------------------------------------------------------------

def frozen(lab):
    pid, start = need_identity(lab.vm)
    labvm.proc_kill(pid, start, signal.SIGSTOP)


def frozen_holds(lab):
    pid, _ = need_identity(lab.vm)
    return all(b") T " in labvm.proc_read(pid, "task/%s/stat" % t)
               for t in os.listdir("/proc/%d/task" % pid))


def iostall(lab):
    zero = {k: 0 for k in ("bps", "bps_rd", "iops", "iops_rd", "iops_wr")}
    qmp(lab.vm, "block_set_io_throttle", device="drive-" + disk_id(lab.vm), bps_wr=1,
        **zero)


def queue(lab):
    path = "/machine/peripheral/virtio0/virtio-backend"
    if disk_id(lab.vm) != "virtio0":
        path = "/machine/peripheral/scsihw0/virtio-backend"
    return qmp(lab.vm, "x-query-virtio-queue-status", path=path,
               queue=0 if disk_id(lab.vm) == "virtio0" else 2)


def iostall_holds(lab):
    """QEMU answers, sits on a request of the guest, and gives none back."""
    a = queue(lab)
    if a["inuse"] < 1:
        return False
    time.sleep(2.0)
    b = queue(lab)
    return b["inuse"] >= 1 and a["used-idx"] == b["used-idx"]


def paused(lab):
    qmp(lab.vm, "stop")


def paused_holds(lab):
    return qmp(lab.vm, "query-status")["status"] == "paused"


def powered_off(lab):
    guest_exec(lab.vm, "poweroff", wait=False)


def powered_off_holds(lab):
    """qmeventd ends a QEMU whose guest has powered off."""
    return lab.vm.pid() is None and not os.path.exists(lab.vm.pidfile)


# -- the guest ---------------------------------------------------------------------

def panic(lab):
    lab.panic_from = os.path.getsize(lab.vm.serial_log)
    guest_exec(lab.vm, "echo c >/proc/sysrq-trigger", wait=False)


def panic_holds(lab):
    with open(lab.vm.serial_log, "rb") as f:
        f.seek(lab.panic_from)
        return b"Kernel panic - not syncing" in f.read()


def sshd_dead(lab):
    guest_exec(lab.vm, "echo 'NoSuchOption yes' >>/etc/ssh/sshd_config; sync; "
               "kill $(cat /run/sshd.pid)")


def sshd_dead_holds(lab):
    rc, _ = guest_exec(lab.vm, "systemctl is-failed -q ssh")
    return rc == 0 and banner(lab.settings()["devvm_port"], 1.0) is None


def sshd_frozen(lab):
    guest_exec(lab.vm, "kill -STOP $(cat /run/sshd.pid)")


def sshd_frozen_holds(lab):
    return banner(lab.settings()["devvm_port"], 2.0) is None


def disk_full(lab):
    guest_exec(lab.vm, "cd /srv && n=$(df -k . | awk 'END{print $4}') && "
               "fallocate -l $((n - 512))k big.log; "
               "dd if=/dev/zero of=big.log2 bs=4k 2>/dev/null", 60)


def disk_full_holds(lab):
    rc, out = guest_exec(lab.vm, "df -k /srv | awk 'END{print $4}'; "
                         "dd if=/dev/zero of=/srv/probe bs=4k count=1 2>&1")
    return out.split()[0] == "0" and "No space left" in out


def oom(lab):
    guest_exec(lab.vm, "tail /dev/zero", 60)


def oom_holds(lab):
    return guest_exec(lab.vm, "dmesg | grep -q 'Out of memory: Killed'")[0] == 0


def service(lab):
    guest_exec(lab.vm, "touch /srv/app/wedged; systemctl restart app")


def service_holds(lab):
    return guest_exec(lab.vm, "systemctl is-failed -q app")[0] == 0


def fsfrozen(lab):
    with Qga(lab.vm.qga_path, 10) as g:
        g.call("guest-fsfreeze-freeze")


def fsfrozen_holds(lab):
    with Qga(lab.vm.qga_path, 5) as g:
        return g.call("guest-fsfreeze-status") == "frozen"


# -- the PVE host ------------------------------------------------------------------

def staged(lab):
    subprocess.run([lab.inst + "/bin/qm", "set", "102", "--memory", "160",
                    "--virtio0", "local-lvm:vm-102-disk-0,iothread=1,size=64M"],
                   check=True, stdout=subprocess.DEVNULL)


def staged_holds(lab):
    _, pending = labvm.conf_read(lab.vm.conf)
    return pending.get("memory") == "160" and "virtio0" in pending


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


# name: (make, holds, seconds it may take, what it is)
WEDGES = {
    "disk-full": (disk_full, disk_full_holds, 60, "the guest's disk is full"),
    "frozen": (frozen, frozen_holds, 5, "QEMU is stopped (SIGSTOP): QMP hangs"),
    "fsfreeze": (fsfrozen, fsfrozen_holds, 10,
                 "the guest's file systems are frozen, as after a lost backup"),
    "iostall": (iostall, iostall_holds, 60,
                "QEMU answers but gives no write back to the guest"),
    "locked": (backup_lock, backup_lock_holds, 1, "a backup holds the config lock"),
    "noquorum": (noquorum, noquorum_holds, 1, "the cluster has no quorum"),
    "oom": (oom, oom_holds, 60, "the guest ran out of memory and killed a process"),
    "panic": (panic, panic_holds, 30, "the guest's kernel panicked"),
    "paused": (paused, paused_holds, 5, "the VM is paused"),
    "powered-off": (powered_off, powered_off_holds, 60, "the VM is off"),
    "service": (service, service_holds, 30, "the guest's app.service has failed"),
    "sshd-dead": (sshd_dead, sshd_dead_holds, 30,
                  "the guest's sshd is dead and its configuration broken"),
    "sshd-frozen": (sshd_frozen, sshd_frozen_holds, 10,
                    "the guest's sshd takes connections and says nothing"),
    "staged": (staged, staged_holds, 5,
               "configuration is staged: only a fresh QEMU will apply it"),
}


def wedge(lab, mode):
    make, holds, limit_s, what = WEDGES[mode]
    with lab.lock():
        if not lab.is_up():
            raise VmError("the lab is not up (lab up)", 3)
        lab.say("wedge %s: %s" % (mode, what))
        make(lab)
        end = time.monotonic() + limit_s
        while True:
            try:
                if holds(lab):
                    break
            except (OSError, VmError):
                if time.monotonic() > end:
                    raise
            if time.monotonic() > end:
                raise VmError("wedge %s did not take hold in %d s; `lab heal` "
                              "brings the guest back" % (mode, limit_s))
            time.sleep(0.1)
        lab.save_settings(wedge=mode)
        lab.say("the wedge holds")
