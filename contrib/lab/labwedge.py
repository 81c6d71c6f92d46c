# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways in which VM 102 is made ill, each with the check that it is.

A wedge is a function that makes the illness and one that is asked again and
again until it holds.  `lab wedge` returns only then.  Here are the wedges of
the guest and of QEMU; labwedge_host.py has those of the PVE host, labcure.py
what cures them where no verb does.
"""
import os
import signal
import time
from typing import Callable, NamedTuple

import labrrd
import labvm
import labwedge_host as host
from labask import (agent_answers, cpu_spins, disk_id, guest_exec, has_banner,
                    is_stalled, need_identity, operations, qmp, qmp_status)
from labvm import Qga, VmError


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
    # a throttle bites once more was written than it allows
    guest_exec(lab.vm, "dd if=/dev/urandom of=/srv/burst bs=64k count=4; sync",
               wait=False)


def iostall_holds(lab):
    return is_stalled(lab.vm)


def paused(lab):
    qmp(lab.vm, "stop")


def paused_holds(lab):
    return qmp_status(lab.vm) == "paused"


def powered_off(lab):
    guest_exec(lab.vm, "poweroff", wait=False)


def powered_off_holds(lab):
    """qmeventd ends a QEMU whose guest has powered off."""
    return lab.vm.pid() is None and not os.path.exists(lab.vm.pidfile)


def link_down(lab):
    qmp(lab.vm, "set_link", name="net0", up=False)


def link_down_holds(lab):
    return not has_banner(lab) and agent_answers(lab.vm)


# -- the guest ---------------------------------------------------------------------

def panic(lab):
    lab.panic_from = os.path.getsize(lab.vm.serial_log)
    guest_exec(lab.vm, "echo c >/proc/sysrq-trigger", wait=False)


def panic_holds(lab):
    with open(lab.vm.serial_log, "rb") as f:
        f.seek(lab.panic_from)
        return b"Kernel panic - not syncing" in f.read()


STORM = r"""
printf '#!/bin/sh\nwhile :; do setsid /tmp/storm & (:); (:); (:); done\n' >/tmp/storm
chmod +x /tmp/storm
if command -v systemd-run; then
	systemd-run -q --unit=storm -p TasksMax=infinity sh -c 'while :; do setsid /tmp/storm & sleep 0.1; done'
else
	for n in 1 2 3 4 5 6 7 8; do setsid /tmp/storm & done
fi
"""


def fork_storm(lab):
    """Each process a session of its own: the kernel shares the CPU out by
    sessions, so a storm within one would leave the others theirs."""
    guest_exec(lab.vm, STORM, wait=False)


def fork_storm_holds(lab):
    return not has_banner(lab) and not agent_answers(lab.vm) and \
        cpu_spins(lab.vm)


# A tmpfs cannot be reclaimed, and no process owns it that could be killed: what
# is left is the pages of programs, which are read from the disk again and again.
THRASH = r"""
mount -t tmpfs -o size=100% fill /mnt
while :; do
	a=$(awk '/MemAvailable/{print $2}' /proc/meminfo)
	[ "$a" -lt 5500 ] && break
	n=$(((a - 5000) / 128))
	[ $n -gt 40 ] && n=40
	[ $n -lt 1 ] && n=1
	dd if=/dev/zero bs=64k count=$n >>/mnt/fill 2>/dev/null
done
for n in 1 2 3 4 5 6; do
	setsid sh -c 'while :; do sshd -T; qemu-ga --help; sudo -V; done >/dev/null 2>&1' &
done
"""


def thrash(lab):
    if lab.guest() != "busybox":
        raise VmError("thrash is made for the guest busybox (lab up --guest busybox); "
                      "here the kernel ends processes first: see `lab wedge oom`")
    guest_exec(lab.vm, THRASH, wait=False)


def thrash_holds(lab):
    rd, wr = operations(lab.vm)
    if has_banner(lab) or agent_answers(lab.vm, 2.0):
        return False
    rd_now, wr_now = operations(lab.vm)
    return rd_now - rd > 400 and wr_now - wr < 20


def sshd_dead(lab):
    guest_exec(lab.vm, "echo 'NoSuchOption yes' >>/etc/ssh/sshd_config; sync; "
               "systemctl restart ssh", 60)


def sshd_dead_holds(lab):
    rc, _ = guest_exec(lab.vm, "systemctl is-failed -q ssh")
    return rc == 0 and not has_banner(lab, 1.0)


def sshd_frozen(lab):
    guest_exec(lab.vm, "kill -STOP $(cat /run/sshd.pid)")


def sshd_frozen_holds(lab):
    return not has_banner(lab)


def nic_down(lab):
    guest_exec(lab.vm, "ip link set eth0 down")


def disk_full(lab):
    guest_exec(lab.vm, "cd /srv && n=$(df -k . | awk 'END{print $4}') && "
               "fallocate -l $((n - 512))k big.log; "
               "dd if=/dev/zero of=big.log2 bs=4k 2>/dev/null", 60)


def disk_full_holds(lab):
    rc, out = guest_exec(lab.vm, "df -k /srv | awk 'END{print $4}'; "
                         "dd if=/dev/zero of=/srv/probe bs=4k count=1 2>&1")
    return out.split()[0] == "0" and "No space left" in out


# with systemd a unit of its own: else it is the agent's, which would end with it
OOM = "systemctl cat batch && exec systemctl start batch; exec tail /dev/zero"


def oom(lab):
    guest_exec(lab.vm, OOM, 60)


def oom_holds(lab):
    return guest_exec(lab.vm, "dmesg | grep -q 'Out of memory: Killed'")[0] == 0


def service(lab):
    guest_exec(lab.vm, "touch /srv/app/wedged; systemctl restart app", 60)


def service_holds(lab):
    return guest_exec(lab.vm, "systemctl is-failed -q app")[0] == 0


def fsfrozen(lab):
    with Qga(lab.vm.qga_path, 10) as g:
        g.call("guest-fsfreeze-freeze")


def fsfrozen_holds(lab):
    with Qga(lab.vm.qga_path, 5) as g:
        return g.call("guest-fsfreeze-status") == "frozen"


# -- the table ---------------------------------------------------------------------

class Wedge(NamedTuple):
    row: str            # its number in the wedge table; "" beside the table
    cures: tuple        # verbs, or names of labcure.CURES; the mildest one first
    limit_s: int        # it holds by then
    make: Callable
    holds: Callable
    what: str


# keep sorted; `oom` needs no cure: the guest has already healed itself
WEDGES = {
    "disk-full": Wedge("5", ("guest-exec",), 60, disk_full, disk_full_holds,
                       "the guest's disk is full"),
    "fork-storm": Wedge("4b", ("reset", "cycle"), 60, fork_storm, fork_storm_holds,
                        "processes breed in the guest until nothing else runs"),
    "frozen": Wedge("1", ("cycle",), 5, frozen, frozen_holds,
                    "QEMU is stopped (SIGSTOP): QMP hangs"),
    "fsfreeze": Wedge("14", ("start", "thaw", "reset", "cycle"), 10, fsfrozen, fsfrozen_holds,
                      "the guest's file systems are frozen, as after a lost backup"),
    "ha": Wedge("ha", ("start", "cycle"), 30, host.ha, host.ha_holds,
                "the HA manager owns VM 102 and keeps it stopped"),
    "ha-dead": Wedge("ha", ("ha-back",), 30, host.ha_dead, host.ha_dead_holds,
                     "the HA manager owns VM 102 and does nothing any more"),
    "iostall": Wedge("2a", ("cycle",), 60, iostall, iostall_holds,
                     "QEMU answers but gives no write back to the guest"),
    "killed": Wedge("11", ("start", "cycle"), 20, host.killed, host.killed_holds,
                    "QEMU was killed and its pidfile is left"),
    "link-down": Wedge("7b", ("link-up", "cycle"), 20, link_down, link_down_holds,
                       "the VM's network cable is out (set_link off)"),
    "locked": Wedge("locked", ("unlock",), 1, host.backup_lock, host.backup_lock_holds,
                    "a backup holds the config lock"),
    "missing": Wedge("missing", ("config-back",), 20, host.missing, host.missing_holds,
                     "the cluster has no VM 102: its configuration is gone"),
    "nbd-stall": Wedge("2b", ("backend-continue",), 60, host.nbd_stall,
                       host.nbd_stall_holds, "the storage server has fallen silent"),
    "nic-down": Wedge("7a", ("guest-exec", "reset", "cycle"), 20, nic_down,
                      link_down_holds, "the guest has taken its network card down"),
    "noquorum": Wedge("noquorum", ("quorum",), 1, host.noquorum, host.noquorum_holds,
                      "the cluster has no quorum"),
    "oom": Wedge("4a", (), 60, oom, oom_holds,
                 "the guest ran out of memory and killed a process"),
    "panic": Wedge("3", ("reset", "cycle"), 30, panic, panic_holds,
                   "the guest's kernel panicked"),
    "paused": Wedge("8", ("start", "cycle"), 5, paused, paused_holds,
                    "the VM is paused"),
    "powered-off": Wedge("10", ("start", "cycle"), 60, powered_off, powered_off_holds,
                         "the VM is off"),
    "service": Wedge("", ("guest-exec",), 90, service, service_holds,
                     "the guest's app.service has failed"),
    "sshd-dead": Wedge("6b", ("guest-exec",), 90, sshd_dead, sshd_dead_holds,
                       "the guest's sshd is dead and its configuration broken"),
    "sshd-frozen": Wedge("6a", ("guest-exec", "reset", "cycle"), 10, sshd_frozen,
                         sshd_frozen_holds,
                         "the guest's sshd takes connections and says nothing"),
    "staged": Wedge("9", ("cycle",), 5, host.staged, host.staged_holds,
                    "configuration is staged: only a fresh QEMU will apply it"),
    "storage-full": Wedge("13", ("make-room",), 60, host.storage_full,
                          host.storage_full_holds,
                          "the pool that VM 102's disk lies on is full"),
    "storage-hang": Wedge("12", ("backend-continue",), 60, host.storage_hang,
                          host.storage_hang_holds,
                          "reads and writes of VM 102's disk hang in the host's kernel"),
    "thrash": Wedge("4c", ("reset", "cycle"), 90, thrash, thrash_holds,
                    "the guest reads its programs from disk again and again"),
}


def backdate(lab, since_s):
    """Two samples of the state as it is now, and the record says it has been so
    for that long."""
    recorder = next((p for p in lab.recorded() if p[0] == "qmeventd"), None)
    for wait_s in (0, 1):
        time.sleep(wait_s)
        n = len(labrrd.samples(lab.inst))
        if not recorder or not labvm.proc_kill(*recorder[1:], signal.SIGUSR1):
            raise VmError("the recorder (qmeventd) is gone")
        end = time.monotonic() + 10
        while len(labrrd.samples(lab.inst)) == n and time.monotonic() < end:
            time.sleep(0.05)
    got = labrrd.samples(lab.inst)
    labrrd.backdate(lab.inst, got[-2][0], since_s)


def wedge(lab, mode, since_s=0):
    """Make it so; returns when it was begun and since when it held, both by the
    monotonic clock, in seconds."""
    w = WEDGES[mode]
    with lab.lock():
        if not lab.is_up():
            raise VmError("the lab is not up (lab up)", 3)
        lab.say("wedge %s: %s" % (mode, w.what))
        begin = time.monotonic()
        w.make(lab)
        lab.save_settings(wedge=mode)
        end = time.monotonic() + w.limit_s
        while True:
            try:
                if w.holds(lab):
                    break
            except (OSError, VmError):
                if time.monotonic() > end:
                    raise
            if time.monotonic() > end:
                raise VmError("wedge %s did not take hold in %d s; `lab heal` "
                              "brings the guest back" % (mode, w.limit_s))
            time.sleep(0.05)
        held = time.monotonic()
        if since_s:
            backdate(lab, since_s)
        return begin, held


def holds(lab, mode):
    """Is it so now?  None: that cannot be told any more.  What cannot be asked is ill."""
    if not lab.is_up():
        raise VmError("the lab is not up (lab up)", 3)
    if mode == "panic":     # its words stay in the log of the serial line
        return None
    try:
        return bool(WEDGES[mode].holds(lab))
    except (OSError, VmError):
        return True
