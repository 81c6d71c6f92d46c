# SPDX-License-Identifier: GPL-3.0-or-later
"""The guest `debian`: Debian 12 with systemd, from the packages of this machine's
sources.

mmdebstrap makes the root once, as root or as an ordinary user (in namespaces of its
own, else with fakechroot), and it is kept as an archive: what the lab puts on top of
it may change without a network.  Nothing of it is installed on this machine, and
nothing of it runs here but the packages' own installation scripts.
"""
import hashlib
import os
import shutil
import subprocess

from labvm import VmError

HERE = os.path.dirname(os.path.realpath(__file__))
FILES = HERE + "/debian"
SUITE = "bookworm"
MMDEBSTRAP = "/usr/bin/mmdebstrap"
PACKAGES = ("systemd-sysv", "udev", "dbus", "openssh-server", "sudo",
            "qemu-guest-agent", "procps", "util-linux-extra", "iproute2", "lsof",
            "busybox")
# a rescue shell reads none of it, and the disk is copied at each `heal`
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*",
            "/usr/share/man/*")
ENABLED = ("app", "ticker", "systemd-networkd")
# what would want the network, or to be asked after the guest woke up in the past
MASKED = ("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer",
          "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer",
          "proc-sys-fs-binfmt_misc.automount",
          "serial-getty@ttyS0.service", "systemd-networkd-wait-online.service",
          "systemd-pstore.service")


def root_key():
    h = hashlib.sha256(repr((SUITE, PACKAGES, LEFT_OUT)).encode())
    return h.hexdigest()[:12]


def root_path(cache):
    return "%s/debs/root-%s-%s.tar.gz" % (cache, SUITE, root_key())


def sources():
    """This machine's own sources of that Debian; none: mmdebstrap knows where."""
    wanted = "$(ORIGIN)|$(CODENAME)|$(COMPONENT)|$(SITE)|$(RELEASE)"
    try:
        got = subprocess.run(["apt-get", "indextargets", "--format", wanted,
                              "Created-By: Packages"], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             text=True, timeout=60).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
    out = []
    for line in got.splitlines():
        origin, codename, component, site, release = (line.split("|") + [""] * 5)[:5]
        row = "deb %s %s %s" % (site, release, component)
        if origin == "Debian" and codename.split("-")[0] == SUITE and \
                component == "main" and row not in out:
            out.append(row)
    return "".join(row + "\n" for row in out) if any(
        r.endswith(" %s main" % SUITE) for r in out) else ""


def fetch(cache, say):
    """The archive of the root, made when it is not there yet."""
    path = root_path(cache)
    if os.path.exists(path):
        return path
    if not os.access(MMDEBSTRAP, os.X_OK):
        raise VmError("missing: mmdebstrap, which makes the Debian guest's root.  Run "
                      "this as root: %s/deps" % HERE, 4)
    say("making a Debian 12 root (%d packages and what they need, about 100 MB to "
        "download; 1 to 3 minutes, once)" % len(PACKAGES))
    argv = [MMDEBSTRAP, "--quiet", "--variant=minbase", "--mode=auto",
            "--aptopt=Apt::Install-Recommends false",
            "--include=" + ",".join(PACKAGES)]
    argv += ["--dpkgopt=path-exclude=" + p for p in LEFT_OUT]
    lines = sources()
    argv += [SUITE, "-"] + (["-"] if lines else [])
    part = path + ".part"
    log = path + ".log"
    try:
        make(argv, lines, part, log)
        os.rename(part, path)
    finally:
        for f in (part, log):
            if os.path.exists(f):
                os.unlink(f)
    return path


def make(argv, lines, part, log):
    with open(part, "wb") as out, open(log, "wb") as err:
        gzip = subprocess.Popen(["gzip", "-1"], stdin=subprocess.PIPE, stdout=out)
        try:
            rc = subprocess.run(argv, input=lines.encode(), stdout=gzip.stdin, stderr=err,
                                cwd="/", timeout=900, umask=0o022).returncode
        except subprocess.TimeoutExpired:
            rc = -1
        gzip.stdin.close()
        packed = gzip.wait()
    if rc or packed:
        with open(log, errors="replace") as f:
            tail = " / ".join(x.strip()[:200] for x in f.read().strip().splitlines()[-4:])
        raise VmError("mmdebstrap (is the network there?  As an ordinary user it needs "
                      "user namespaces and uidmap, or fakechroot): %s"
                      % (tail or "no end after 15 minutes"), 4)


def overlay(root, keys, ticker, copy, write):
    """The lab's own files, with the modes that they shall have."""
    for f in ("app.service", "batch.service", "ticker.service"):
        copy(root, FILES + "/" + f, "/etc/systemd/system/" + f, 0o644)
    copy(root, FILES + "/app", "/usr/lib/lab/app")
    copy(root, ticker, "/usr/lib/lab/ticker")
    copy(root, FILES + "/eth0.network", "/etc/systemd/network/10-eth0.network", 0o644)
    copy(root, FILES + "/journald.conf", "/etc/systemd/journald.conf.d/lab.conf", 0o644)
    copy(root, FILES + "/sshd.conf", "/etc/ssh/sshd_config.d/lab.conf", 0o644)
    copy(root, keys + "/client_key.pub", "/etc/ssh/authorized_keys", 0o644)
    for f in ("", ".pub"):
        copy(root, keys + "/guest_host_key" + f, "/etc/ssh/ssh_host_ed25519_key" + f,
             0o644 if f else 0o600)
    # five starts of an emulated CPU take longer than ten seconds: without this a
    # broken sshd would be restarted for ever, and never have failed
    write(root, "/etc/systemd/system/ssh.service.d/lab.conf",
          "[Unit]\nStartLimitIntervalSec=300\n")
    write(root, "/etc/sudoers.d/breakglass", "breakglass ALL=(ALL:ALL) NOPASSWD: ALL\n",
          0o440)
    write(root, "/etc/hostname", "devvm\n")
    write(root, "/etc/hosts", "127.0.0.1 localhost\n127.0.1.1 devvm\n")
    write(root, "/etc/fstab", "# the root file system is mounted when systemd begins\n")
    write(root, "/etc/default/locale", "LANG=C.UTF-8\n")
    write(root, "/etc/machine-id", hashlib.md5(b"breakglass-lab").hexdigest() + "\n")
    write(root, "/etc/issue", "breakglass lab: VM 102, the devvm stand-in (Debian)\n\n")
    write(root, "/srv/app/index.html", "the sample application answers\n")
    links(root)


def links(root):
    system = root + "/etc/systemd/system"
    os.makedirs(system + "/multi-user.target.wants")
    for unit in ENABLED:
        home = "/etc/systemd/system" if os.path.exists("%s/%s.service" % (system, unit)) \
            else "/lib/systemd/system"
        os.symlink("%s/%s.service" % (home, unit),
                   "%s/multi-user.target.wants/%s.service" % (system, unit))
    for unit in MASKED:
        os.symlink("/dev/null", system + "/" + unit)


def build_disk(archive, tmp, keys, ticker, disk_mb, out, copy, write, run):
    root = tmp + "/overlay"
    overlay(root, keys, ticker, copy, write)
    argv = [FILES + "/pack", archive, root, tmp + "/guest", out, str(disk_mb)]
    if os.getuid() != 0:
        argv[:0] = ["/usr/bin/fakeroot", "--"]
    run(argv, "making the guest's disk")
    shutil.rmtree(tmp + "/guest")
