# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's cache: Debian packages -> kernel, initramfs, disk image.

Everything comes from Debian packages that are downloaded and unpacked, not
installed, and from the OpenSSH server of this machine with its libraries.
What was built is kept under a name that is the hash of what it was built
from, so a changed guest file or another QEMU builds anew by itself.
"""
import glob
import hashlib
import os
import re
import shutil
import subprocess
import tempfile

import labdebian
from labguest import DEFAULT, GUESTS
from labvm import QEMU, VmError

HERE = os.path.dirname(os.path.realpath(__file__))
GUEST = HERE + "/guest"
UNPACKED = ("busybox-static", "qemu-guest-agent", "sudo")
KERNEL_META = "linux-image-cloud-amd64"
# What the guest needs to find its disk, its network, its agent and its power
# button, and what systemd asks for; what these need comes from the modules' own
# "depends" lines.
MODULES = ("virtio_pci", "virtio_blk", "virtio_net", "virtio_console",
           "virtio-rng", "virtio_balloon", "virtio_scsi", "sd_mod", "button",
           "evdev", "autofs4")
NEEDED = {
    QEMU: "qemu-system-x86",
    "/usr/sbin/sshd": "openssh-server",
    "/usr/bin/ssh-keygen": "openssh-client",
    "/usr/sbin/mke2fs": "e2fsprogs",
    "/usr/bin/cpio": "cpio",
    "/usr/bin/fakeroot": "fakeroot",
    "/usr/lib/x86_64-linux-gnu/liburing.so.2": "liburing2",
    "/usr/lib/x86_64-linux-gnu/libnuma.so.1": "libnuma1",
}


def missing_packages():
    """Debian packages that must be installed before anything can be built."""
    out = [p for f, p in NEEDED.items() if not os.path.exists(f)]
    if os.uname().machine != "x86_64":
        raise VmError("the lab needs an x86-64 machine: its guest takes its "
                      "programs from this one")
    return sorted(set(out))


def run(argv, what, cwd=None, code=1, **kw):
    """A command that must work; its last words become the error."""
    try:
        got = subprocess.run(argv, cwd=cwd, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             timeout=300, **kw)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise VmError("%s: %s" % (what, e), code)
    text = got.stdout.decode("utf-8", "replace")
    if got.returncode != 0:
        tail = " / ".join(text.strip().splitlines()[-3:])
        raise VmError("%s: exit %d: %s" % (what, got.returncode, tail), code)
    return text


def kernel_package():
    """The package that the meta package stands for today."""
    text = run(["apt-cache", "show", "--no-all-versions", KERNEL_META],
               "asking apt for %s (run `apt-get update` as root first)" % KERNEL_META,
               code=4)
    m = re.search(r"^Depends: (linux-image-\S+-cloud-amd64)", text, re.M)
    if not m:
        raise VmError("apt's %s names no kernel package" % KERNEL_META)
    return m.group(1)


def fetch(debs, say):
    """Download what is not in the cache yet; returns {package: .deb}."""
    os.makedirs(debs, exist_ok=True)

    def have(pattern):
        return sorted(glob.glob(debs + "/" + pattern))[-1:]

    got = {p: have(p + "_*.deb") for p in UNPACKED}
    got["kernel"] = have("linux-image-[0-9]*_*.deb")
    wanted = [p for p in UNPACKED if not got[p]]
    if not got["kernel"]:
        wanted.append(kernel_package())
    if wanted:
        say("downloading %s (about 30 MB, not installed)" % ", ".join(wanted))
        argv = ["apt-get", "-q", "download"]
        if os.getuid() == 0:
            argv[1:1] = ["-o", "APT::Sandbox::User=root"]
        tmp = tempfile.mkdtemp(dir=debs, prefix="tmp.")
        try:
            run(argv + wanted, "apt-get download (is the network there, and has "
                "`apt-get update` been run?)", cwd=tmp, code=4)
            for f in os.listdir(tmp):
                os.rename(tmp + "/" + f, debs + "/" + f)
        finally:
            shutil.rmtree(tmp, ignore_errors=True)
    out = {p: have(p + "_*.deb")[0] for p in UNPACKED}
    out["kernel"] = have("linux-image-[0-9]*_*.deb")[0]
    return out


def cache_key(debs, guest):
    """Hash over all that the image and the saved state depend on."""
    h = hashlib.sha256(repr(GUESTS[guest]).encode())
    for f in sorted(os.path.basename(d) for d in debs.values()):
        h.update(f.encode())
    files = glob.glob(GUEST + "/*")
    if guest == "debian":
        h.update(labdebian.root_key().encode())
        files = [GUEST + "/init", GUEST + "/ticker", labdebian.__file__]
        files += glob.glob(labdebian.FILES + "/*")
    for f in sorted(files) + [HERE + "/labvm.py", __file__]:
        with open(f, "rb") as fh:
            h.update(os.path.basename(f).encode() + b"\0" + fh.read())
    for f in (QEMU, "/usr/sbin/sshd")[:1 if guest == "debian" else 2]:
        st = os.stat(f)
        h.update(("%s %d %d" % (f, st.st_size, st.st_mtime_ns)).encode())
    return h.hexdigest()[:16]


# -- unpacking and copying -----------------------------------------------------

def libraries(binary, extra=""):
    """Shared objects that a binary loads, as this machine's loader sees it."""
    env = {"PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": extra, "LC_ALL": "C"}
    text = run(["ldd", binary], "ldd " + binary, env=env)
    if "not found" in text:
        raise VmError("%s needs a library that is not installed: %s" % (
            os.path.basename(binary), re.search(r"(\S+) => not found", text).group(1)))
    return re.findall(r"(/\S+) \(0x", text)


def install(root, source, target, mode=0o755):
    path = root + target
    os.makedirs(os.path.dirname(path), exist_ok=True)
    shutil.copyfile(source, path)
    os.chmod(path, mode)


def install_program(root, source, target, mode=0o755, extra=""):
    install(root, source, target, mode)
    for lib in libraries(source, extra):
        if not os.path.exists(root + "/lib/" + os.path.basename(lib)):
            install(root, lib, "/lib/" + os.path.basename(lib))


def write(root, target, text, mode=0o644):
    path = root + target
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)


def busybox_links(root, busybox):
    """Every applet as a link, also where scripts with a fixed path look."""
    for name in run([busybox, "--list"], "busybox --list").split():
        for d in ("/bin", "/sbin", "/usr/bin", "/usr/sbin"):
            path = root + d + "/" + name
            if name != "busybox" and not os.path.lexists(path):
                os.symlink("/bin/busybox", path)


# -- initramfs -----------------------------------------------------------------

def module_order(kernel_root):
    """MODULES and what they need, each after its needs."""
    files = {}
    for path in glob.glob(kernel_root + "/lib/modules/*/kernel/**/*.ko",
                          recursive=True):
        files[os.path.basename(path)[:-3].replace("-", "_")] = path
    order = []

    def add(name):
        name = name.replace("-", "_")
        if name in order or name not in files:
            return
        with open(files[name], "rb") as f:
            m = re.search(rb"\0depends=([^\0]*)\0", f.read())
        for need in m.group(1).decode().split(",") if m else ():
            if need:
                add(need)
        order.append(name)

    # virtio_ring does not name virtio among its needs, nor the other way
    # round: the ring first works with this kernel, the reverse does not
    for name in ("virtio_ring", "virtio") + MODULES:
        add(name)
    return [(n, files[n]) for n in order]


def build_initramfs(tmp, busybox, kernel_root, out):
    root = tmp + "/initramfs"
    for d in ("bin", "dev", "proc", "root", "modules"):
        os.makedirs(root + "/" + d)
    install(root, busybox, "/bin/busybox")
    os.symlink("busybox", root + "/bin/sh")
    install(root, GUEST + "/init", "/init")
    order = module_order(kernel_root)
    for name, path in order:
        install(root, path, "/modules/%s.ko" % name, 0o644)
    write(root, "/modules/order", "\n".join(n for n, _ in order) + "\n")
    # not compressed: QEMU hands it over in memory, the emulated CPU would
    # spend longer on unpacking it than the disk of this machine on reading
    script = "cd %s && find . | cpio -o -H newc -R 0:0 --quiet > %s" % (root, out)
    run(["/bin/sh", "-c", script], "making the initramfs")


# -- the guest's disk ------------------------------------------------------------

UNITS = {
    "syslog": ("System log", "syslogd -n -O /var/log/messages", "1"),
    "klog": ("Kernel log", "klogd -n", "1"),
    "ssh": ("OpenBSD Secure Shell server", "/usr/sbin/sshd -D", "1"),
    "qemu-guest-agent": ("QEMU guest agent", "/usr/lib/lab/agent", "1"),
    "app": ("Sample application", "/usr/lib/lab/app", "1"),
    "ticker": ("Writes to the disk once a second", "/usr/lib/lab/ticker", "1"),
}
SUDOERS = """Defaults !pam_session, !pam_setcred, !lecture, !fqdn
Defaults secure_path="/usr/sbin:/usr/bin:/sbin:/bin"
root ALL=(ALL:ALL) NOPASSWD: ALL
breakglass ALL=(ALL:ALL) NOPASSWD: ALL
"""


def guest_tree(root, debs, keys):
    """The guest's files, as the building user; owners come at packing."""
    for d in ("bin sbin usr/bin usr/sbin usr/libexec etc lib lib64 dev proc sys run tmp "
              "root srv/app var/log var/lib home/breakglass var/empty mnt").split():
        os.makedirs(root + "/" + d, exist_ok=True)
    busybox = debs["busybox-static"] + "/bin/busybox"
    install(root, busybox, "/bin/busybox")

    install_program(root, "/usr/sbin/sshd", "/usr/sbin/sshd")
    install_program(root, debs["qemu-guest-agent"] + "/usr/sbin/qemu-ga",
                    "/usr/sbin/qemu-ga")
    sudo = debs["sudo"] + "/usr/libexec/sudo"
    install_program(root, debs["sudo"] + "/usr/bin/sudo", "/usr/bin/sudo", 0o755, sudo)
    for so in ("sudoers.so", "libsudo_util.so.0"):
        install_program(root, sudo + "/" + so, "/usr/libexec/sudo/" + so, 0o644, sudo)
    pam = "/lib/x86_64-linux-gnu/security/pam_permit.so"
    install_program(root, pam, pam, 0o644)
    loader = "/lib64/ld-linux-x86-64.so.2"
    install(root, loader, loader)
    busybox_links(root, busybox)

    for f in ("rc", "inittab", "sshd_config"):
        install(root, GUEST + "/" + f, "/etc/ssh/" + f if f == "sshd_config"
                else "/etc/" + f, 0o755 if f == "rc" else 0o644)
    for f in ("unit-run", "agent", "ticker", "app"):
        install(root, GUEST + "/" + f, "/usr/lib/lab/" + f)
    for f in ("systemctl", "journalctl", "shutdown"):
        install(root, GUEST + "/" + f, "/sbin/shutdown" if f == "shutdown"
                else "/usr/bin/" + f)
    for name, (desc, cmd, restart) in UNITS.items():
        write(root, "/etc/units/" + name, 'DESC="%s"\nCMD="%s"\nRESTART="%s"\n'
              % (desc, cmd, restart))
    write(root, "/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"
          "sshd:x:100:65534::/var/empty:/bin/false\n"
          "breakglass:x:1000:1000:breakglass:/home/breakglass:/bin/sh\n")
    write(root, "/etc/group", "root:x:0:\nnogroup:x:65534:\nbreakglass:x:1000:\n")
    write(root, "/etc/shadow", "root:*:19000::::::\nsshd:*:19000::::::\n"
          "breakglass:*:19000::::::\n", 0o600)
    write(root, "/etc/hosts", "127.0.0.1 localhost devvm\n")
    write(root, "/etc/hostname", "devvm\n")
    write(root, "/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n")
    write(root, "/etc/os-release", 'PRETTY_NAME="breakglass lab guest (busybox on '
          'Debian\'s cloud kernel)"\nID=breakglass-lab\n')
    write(root, "/etc/issue", "breakglass lab: VM 102, the devvm stand-in\n\n")
    write(root, "/etc/sudoers", SUDOERS, 0o440)
    for f in ("sudo", "other"):
        write(root, "/etc/pam.d/" + f, "auth required pam_permit.so\n"
              "account required pam_permit.so\nsession required pam_permit.so\n")
    write(root, "/srv/app/index.html", "the sample application answers\n")
    install(root, keys + "/client_key.pub", "/etc/ssh/authorized_keys", 0o644)
    for f in ("", ".pub"):
        install(root, keys + "/guest_host_key" + f,
                "/etc/ssh/ssh_host_ed25519_key" + f, 0o644 if f else 0o600)


PACK = """
set -e
chown -R 0:0 "$1"
chown -R 1000:1000 "$1/home/breakglass"
chmod 0755 "$1"
chmod 1777 "$1/tmp"
chmod 0700 "$1/root" "$1/var/empty" "$1/home/breakglass"
chmod 4755 "$1/usr/bin/sudo"
exec /usr/sbin/mke2fs -q -F -t ext4 -m 0 -E root_owner=0:0 -L devvm -d "$1" "$2" "$3"
"""


def build_disk(tmp, debs, keys, out):
    root = tmp + "/guest"
    guest_tree(root, debs, keys)
    argv = ["/bin/sh", "-c", PACK, "pack", root, out, "%dM" % GUESTS[DEFAULT].disk_mb]
    if os.getuid() != 0:
        argv[:0] = ["/usr/bin/fakeroot", "--"]
    run(argv, "making the guest's disk")


def make_keys(keys):
    os.makedirs(keys, mode=0o700, exist_ok=True)
    for name, comment in (("client_key", "breakglass-lab"),
                          ("guest_host_key", "devvm-lab"),
                          ("pve_host_key", "pve-lab")):
        path = keys + "/" + name
        if not os.path.exists(path):
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment,
                 "-f", path], "ssh-keygen")


def build(cache, debs, tmp, say, guest):
    """kernel, initrd and disk.raw into tmp."""
    say("unpacking packages")
    unpacked = {}
    for name, deb in debs.items():
        unpacked[name] = "%s/x/%s" % (tmp, name)
        os.makedirs(unpacked[name])
        if name == "kernel":        # 106 MB of which 15 are wanted
            script = ('dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --wildcards '
                      '"./boot/vmlinuz-*" "./lib/modules/*/kernel/drivers/*" '
                      '"./lib/modules/*/kernel/net/core/*" '
                      '"./lib/modules/*/kernel/fs/autofs/*" '
                      '"./lib/modules/*/kernel/lib/*" '
                      '"./lib/modules/*/kernel/crypto/*" '
                      '"./lib/modules/*/kernel/arch/x86/crypto/*"')
            run(["/bin/sh", "-c", script, "unpack", deb, unpacked[name]],
                "unpacking " + os.path.basename(deb))
        else:
            run(["dpkg-deb", "-x", deb, unpacked[name]],
                "unpacking " + os.path.basename(deb))
    say("building the initramfs")
    shutil.copyfile(glob.glob(unpacked["kernel"] + "/boot/vmlinuz-*")[0],
                    tmp + "/vmlinuz")
    build_initramfs(tmp, unpacked["busybox-static"] + "/bin/busybox",
                    unpacked["kernel"], tmp + "/initrd")
    keys, disk_mb = cache + "/keys", GUESTS[guest].disk_mb
    archive = labdebian.fetch(cache, say) if guest == "debian" else None
    say("building the guest's disk (%d MB, sparse)" % disk_mb)
    if archive:
        labdebian.build_disk(archive, tmp, keys, GUEST + "/ticker", disk_mb,
                             tmp + "/disk.raw", install, write, run)
    else:
        build_disk(tmp, unpacked, keys, tmp + "/disk.raw")
