# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's builds: an image is made, booted once, and kept as it then is.

    DIR/cache/KEY-ACCEL/            the guest busybox: kernel, initrd, disk, state
    DIR/cache/GUEST-KEY-ACCEL/      another one of labguest.GUESTS
"""
import contextlib
import json
import os
import re
import shlex
import shutil
import tempfile
import time

import labimage
import labvm
from labask import free_port, guest_exec
from labguest import DEFAULT, GUESTS, base_conf
from lablock import locked
from labvm import Qmp, Vm, VmError


def prepare(lab, accel, guest):
    """The folder of a finished build, made when it is not there yet."""
    os.makedirs(lab.cache + "/debs", mode=0o700, exist_ok=True)
    with locked(lab.cache + "/lock", 600, "the cache"):
        for d in os.listdir(lab.cache):        # a crash left these
            if d.startswith("tmp."):
                clean_build(lab, lab.cache + "/" + d)
        labimage.make_keys(lab.cache + "/keys")
        debs = labimage.fetch(lab.cache + "/debs", lab.say)
        built = "%s/%s%s-%s" % (lab.cache, "" if guest == DEFAULT else guest + "-",
                                labimage.cache_key(debs, guest), accel)
        if not os.path.exists(built + "/state.gz"):
            forget_builds(lab)
            build(lab, debs, built, accel, guest)
        os.utime(built)
        return built


def forget_builds(lab):
    """Keep the builds that an instance uses, and the last two others of each
    guest: a copy of the source, or two, may share this cache."""
    used = set()
    for name in os.listdir(lab.top + "/run"):
        with contextlib.suppress(OSError, ValueError, KeyError):
            used.add(Vm("%s/run/%s" % (lab.top, name)).settings()["built"])
    builds = ["%s/%s" % (lab.cache, d) for d in os.listdir(lab.cache)
              if d.endswith(("-tcg", "-kvm"))]
    for guest in GUESTS:
        idle = [b for b in builds if b not in used and
                guest == (re.match(r"([a-z]+)-.*-|", os.path.basename(b)).group(1)
                           or DEFAULT)]
        for b in sorted(idle, key=os.path.getmtime)[:-2]:
            shutil.rmtree(b, ignore_errors=True)


def build(lab, debs, built, accel, guest):
    tmp = tempfile.mkdtemp(dir=lab.cache, prefix="tmp.")
    try:
        mask = os.umask(0o022)      # the guest's files are not secret to it
        labimage.build(lab.cache, debs, tmp, lab.say, guest)
        os.umask(mask)
        out = tmp + "/out"
        os.mkdir(out)
        for f in ("vmlinuz", "initrd"):
            os.rename("%s/%s" % (tmp, f), "%s/%s" % (out, f))
        save_state(lab, tmp, out, accel, guest)
        os.rename(out, built)
    finally:
        clean_build(lab, tmp)


def clean_build(lab, tmp):
    Vm(tmp + "/i").kill()
    shutil.rmtree(tmp, ignore_errors=True)


def save_state(lab, tmp, out, accel, guest):
    """Boot once, log in once (so that the pages are in memory), and keep
    memory and disk as they then are."""
    vm = Vm(tmp + "/i")
    os.mkdir(vm.inst, 0o700)
    os.rename(tmp + "/disk.raw", vm.disk)
    with open(vm.inst + "/lab.json", "w") as f:
        json.dump({"kernel": out + "/vmlinuz", "initrd": out + "/initrd",
                   "accel": accel, "devvm_port": free_port()}, f)
    lab.say("booting the guest once")
    labvm.qemu_launch(vm, base_conf(guest))
    lab.await_guest(vm, GUESTS[guest].boot_s)
    await_units(lab, vm, GUESTS[guest].boot_s)
    got = lab.ssh(vm.settings()["devvm_port"], "breakglass",
                   "sudo -n true && echo yes", "guest_host_key")
    if got.stdout.strip() != "yes":
        raise VmError("the guest booted but `sudo` over ssh failed: %s"
                      % got.stderr.strip())
    lab.say("saving its state")
    with Qmp(vm.qmp_path, 60) as q:
        q.call("stop")
        q.call("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
        q.call("migrate", uri="exec:gzip -1 >%s" %
               shlex.quote(out + "/state.part"))
        while True:
            got = q.call("query-migrate")
            st = got.get("status")
            if st == "completed":
                break
            if st in ("failed", "cancelled"):
                raise VmError("saving the guest's state failed: %s"
                              % got.get("error-desc", "no reason given"))
            time.sleep(0.05)
        q.call("quit")
    who = vm.identity()
    if who:
        labvm.proc_wait_gone(who[0], who[1], 10)
    os.rename(vm.disk, out + "/disk.raw")
    os.rename(out + "/state.part", out + "/state.gz")


def await_units(lab, vm, limit_s):
    """Until nothing of the guest's start is under way: what is saved is a
    guest at rest."""
    end = time.monotonic() + limit_s
    while True:
        _, state = guest_exec(vm, "systemctl is-system-running; systemctl --failed",
                              30)
        if state.startswith("running"):
            return
        if state.startswith("degraded") or time.monotonic() > end:
            raise VmError("the guest booted, but not whole: %s"
                          % " / ".join(state.split("\n")[:4]))
        time.sleep(0.5)
