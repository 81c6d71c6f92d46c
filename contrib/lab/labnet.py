# SPDX-License-Identifier: GPL-3.0-or-later
"""How the guest is reached.

    user    QEMU's user network and a port of 127.0.0.1 (the default): no rights
            needed, but it accepts connections for a guest that is dead
    tap     a real network card: a guest that is dead or whose link is down lets
            connections time out, as on a real site.  Needs root and a network
            namespace that is not the machine's, so that nothing of the machine's
            network is touched and all of it goes with the last process:

                unshare -n contrib/lab/lab up --net tap

            What is to reach the guest must be in that namespace too.
"""
import contextlib
import os
import socket
import subprocess

from labvm import TAP, VmError

KINDS = ("user", "tap")
NEW = ("lo", TAP, "tunl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "sit0",
       "ip6tnl0", "ip6gre0")
GUEST, GATEWAY, MAC = "10.0.2.15", "10.0.2.2", "BC:24:11:00:01:02"


def own_namespace():
    """Nothing here leads out of this machine: a new namespace has but these."""
    return all(name in NEW for _, name in socket.if_nameindex())


def ip(*words):
    got = subprocess.run(["ip", *words], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if got.returncode != 0:
        raise VmError("ip %s: %s" % (" ".join(words), got.stdout.strip()))


def begin(kind):
    """Settings of an instance: where its guest will be."""
    if kind != "tap":
        return {"net": "user", "devvm_host": "127.0.0.1"}
    if os.getuid() != 0:
        raise VmError("--net tap needs root")
    if not own_namespace():
        raise VmError("--net tap needs a network namespace of its own: "
                      "unshare -n contrib/lab/lab up --net tap")
    end()
    ip("link", "set", "lo", "up")
    ip("tuntap", "add", "dev", TAP, "mode", "tap")
    ip("addr", "add", GATEWAY + "/24", "dev", TAP)
    ip("link", "set", TAP, "up")
    # a router keeps the address for long; without this a dead guest would soon be
    # "no route to host", as from the next desk
    ip("neigh", "replace", GUEST, "lladdr", MAC, "dev", TAP, "nud", "permanent")
    return {"net": "tap", "devvm_host": GUEST, "devvm_port": 22}


def end():
    if own_namespace():
        with contextlib.suppress(VmError, OSError):
            ip("link", "del", TAP)
