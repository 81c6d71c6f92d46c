# SPDX-License-Identifier: GPL-3.0-or-later
"""What cures a wedge where no verb does: what an operator does elsewhere, on
the storage, in the guest by its agent, with Proxmox's own commands.

A cure acts and returns; whether the guest is back is asked by who called.
"""
import os
import signal
import subprocess
import time

import labvm
from labask import guest_exec, qmp
from labguest import base_conf
from labvm import Qga, VmError

# what is done in the guest, by the wedge that was made last
GUEST = {
    "disk-full": "rm -f /srv/big.log /srv/big.log2 /srv/probe; sync",
    "nic-down": "ip link set eth0 up; ip route replace default via 10.0.2.2",
    "service": "rm -f /srv/app/wedged; systemctl reset-failed app; systemctl start app",
    "sshd-dead": "sed -i /NoSuchOption/d /etc/ssh/sshd_config; sync; "
                 "systemctl reset-failed ssh; systemctl start ssh",
    "sshd-frozen": "kill -CONT $(cat /run/sshd.pid)",
}


def qm(lab, *words):
    got = subprocess.run([lab.inst + "/bin/qm", *words], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         timeout=60)
    if got.returncode != 0:
        raise VmError("qm %s: %s" % (" ".join(words), got.stdout.strip()))


def backend_continue(lab):
    """The storage answers again: what was in flight ends, nothing is lost."""
    lab.store.signal(signal.SIGCONT)


def config_back(lab):
    """Restored as from a backup, and started."""
    labvm.conf_write(lab.vm.conf, base_conf(lab.guest()), {})
    qm(lab, "start", "102")


def guest_by_agent(lab):
    script = GUEST.get(lab.settings()["wedge"] or "")
    if script is None:
        raise VmError("guest-exec repairs: %s; the last wedge is another one"
                      % ", ".join(sorted(GUEST)))
    rc, out = guest_exec(lab.vm, script, 60)
    if rc != 0:
        raise VmError("the guest's agent: exit %d: %s" % (rc, out.strip()))


def ha_back(lab):
    """The manager works again, and is told to have the VM run."""
    lab.vm.ha_write("started")
    lab.start_ha()


def link_up(lab):
    qmp(lab.vm, "set_link", name="net0", up=True)


def make_room(lab):
    """Room in the pool, then `cont`: the guest repeats the write."""
    lab.store.make_room()
    qmp(lab.vm, "cont")


def quorum(lab):
    os.chmod(lab.vm.local, 0o700)


def resume(lab):
    qm(lab, "resume", "102")


def thaw(lab):
    with Qga(lab.vm.qga_path, 10) as g:
        g.call("guest-fsfreeze-thaw")


def unlock(lab):
    qm(lab, "unlock", "102")


# keep sorted
CURES = {
    "backend-continue": backend_continue,
    "config-back": config_back,
    "guest-exec": guest_by_agent,
    "ha-back": ha_back,
    "link-up": link_up,
    "make-room": make_room,
    "quorum": quorum,
    "resume": resume,
    "thaw": thaw,
    "unlock": unlock,
}


def cure(lab, name):
    """Do it; returns the seconds that it took."""
    if not lab.is_up():
        raise VmError("the lab is not up (lab up)", 3)
    lab.say("cure %s" % name)
    begin = time.monotonic()
    CURES[name](lab)
    return time.monotonic() - begin
