# SPDX-License-Identifier: GPL-3.0-or-later
"""The guests that can be VM 102, and what Proxmox would have written of each.

    busybox   boots in 5 s; systemctl and journalctl are small scripts
    debian    Debian 12 with systemd and its journal

Both keep one contract with the rest of the lab: the user breakglass with sudo,
sshd, the guest agent, app.service, /srv on the disk that is written to once a
second, and the same paths that the wedges touch.
"""
from typing import NamedTuple


class Guest(NamedTuple):
    memory_mb: int
    disk_mb: int
    boot_s: int         # a boot has failed when it took longer: a busy machine's time
    staged_mb: int      # the memory that the wedge `staged` waits with


GUESTS = {
    "busybox": Guest(128, 64, 120, 160),
    "debian": Guest(256, 768, 400, 288),
}
DEFAULT = "busybox"


def volume(kind, options=""):
    return "local-lvm:vm-102-disk-0,%ssize=%dM" % (options, GUESTS[kind].disk_mb)


def base_conf(kind):
    """VM 102's configuration before anything was done to it."""
    return {
        "agent": "1", "boot": "order=virtio0", "cores": "1",
        "memory": str(GUESTS[kind].memory_mb),
        "name": "devvm", "net0": "virtio=BC:24:11:00:01:02,bridge=vmbr0",
        "onboot": "1", "ostype": "l26", "vga": "std",
        "virtio0": volume(kind),
    }
