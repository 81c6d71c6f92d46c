#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody who has README and nothing else: a recovered VM in under five minutes.

A bare Debian 12 (contrib/bare-root) with a fresh copy of the source in it, a terminal of
80x24 (tmux), and what README says, typed as it stands there: contrib/demo, /triage, the
key that it advises, its word.  Timed from the first key to the proof; then once more with
everything there; then the commands of "A real site" that build and install.
WALK_MAX is the limit in seconds (300): a machine that is busy needs another one.
WALK_FRESH=1 does the first part alone.
"""
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SRC = os.path.abspath(os.environ.get("abs_top_srcdir") or
                      os.path.dirname(os.path.abspath(__file__)) + "/../..")
LIMIT = float(os.environ.get("WALK_MAX", 300))
FRESH = "WALK_FRESH" in os.environ      # the first part alone
README = open(SRC + "/README.md").read()


class Failed(Exception):
    pass


def said(text):
    """What is typed is what README says."""
    if text not in README:
        raise Failed("README does not say: " + text)
    return text


class Terminal:
    """80 columns, 24 rows, somebody's hands and eyes."""

    def __init__(self, folder, command):
        self.base = ["tmux", "-f", "/dev/null", "-S", folder + "/tmux"]
        self.run("new-session", "-d", "-x", "80", "-y", "24", "-s", "w", command)
        self.run("set-option", "-g", "history-limit", "20000")

    def run(self, *words):
        return subprocess.run([*self.base, *words], check=True, capture_output=True,
                              text=True).stdout

    def keys(self, *keys):
        self.run("send-keys", "-t", "w", *keys)

    def type(self, text):
        self.run("send-keys", "-t", "w", "-l", text)
        self.keys("Enter")

    def screen(self, all_of_it=False):
        return self.run("capture-pane", "-p", "-J", "-t", "w", *(["-S", "-"] if all_of_it else []))

    def wait(self, what, limit, also=None):
        """Until a line of the screen fits; also: what ends it at once, as a failure."""
        end = time.monotonic() + limit
        while True:
            text = self.screen()
            if re.search(what, text):
                return text
            if time.monotonic() > end or (also and re.search(also, text)):
                raise Failed("%s did not come within %d s:\n%s" % (what, limit, text))
            time.sleep(0.2)


def demo(t, name):
    """contrib/demo, as README has it; returns the seconds until the proof."""
    t.type("clear")
    t.wait(r"\A\s*here\$ \s*\Z", 10)
    t.run("clear-history", "-t", "w")
    began = time.monotonic()
    t.type(said("contrib/demo"))
    t.wait(r"Enter opens it", 1800, r"(?m)^demo: ")
    opened = time.monotonic() - began
    stages = re.findall(r"\[ *(\d+) s\][^\w]*(.*)", t.screen(True))
    t.keys("Enter")
    t.wait(r"VM 102 (hung|running)", 60)
    t.type(said("/triage"))
    t.wait(r"F7 cycle", 120)
    said("(F7, or Esc and then 7)")
    t.keys("F7")
    t.wait(r"Type cycle and Enter", 30)
    said("read the box, type `cycle` and Enter")
    time.sleep(2)                   # who reads it; what comes within 300 ms is no answer
    t.type("cycle")
    t.wait(r"proof of recovery: healthy|verdict: healthy", 180)
    took = time.monotonic() - began
    said("F10, or Esc and 0, leaves")
    t.keys("F10")
    t.wait(r"nothing is left running", 60)
    t.type("times")                 # of the shell, then of its children: user and system
    used = re.search(r"(\d+)m([\d.]+)s (\d+)m([\d.]+)s\s+here\$",
                     t.wait(r"\dm[\d.]+s \dm[\d.]+s\s+here\$", 10)).groups()
    print("# %s: recovered after %.0f s (the screen was open after %.0f s); load %.0f on %d "
          "cores, %.0f s of CPU until now" % (
              name, took, opened, os.getloadavg()[1], os.cpu_count(),
              60 * int(used[0]) + float(used[1]) + 60 * int(used[2]) + float(used[3])), flush=True)
    for at, what in stages:
        print("#     %4s s  %s" % (at, what.strip()[:60]))
    return took


def installs(t):
    """The commands of "A real site" that build and install, by somebody who may sudo."""
    t.type("clear")
    for line in ("apt-get -qqy install sudo >/dev/null && useradd -m op",
                 "echo 'op ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/op",
                 "cp -R /root/breakglass /home/op/ && chown -R op: /home/op",
                 "cd /home/op/breakglass && exec setpriv --reuid op --regid op --init-groups "
                 "env HOME=/home/op bash --norc --noprofile",
                 "clear",
                 said("sudo contrib/deps install build lab"),
                 said("./bootstrap && mkdir -p build && (cd build && ../configure && make)"),
                 said("sudo make -C build install"),
                 "breakglass --version", "breakglass drill --list | grep -c ^frozen", "contrib/nothing"):
        t.type(line + ("" if "exec" in line else " || echo fai''led"))
    text = t.wait(r"contrib/nothing: No such", 1800)
    if not re.search(r"(?m)^breakglass \d", text) or len(re.findall("(?m)^failed", text)) != 1 or \
            not re.search(r"(?m)^1$", text):
        raise Failed("build and install as README says:\n" + text)
    print("# built and installed as README says, by an ordinary user")


def source(to):
    """A fresh copy: a clone where this is one, else what the archive holds."""
    os.makedirs(to)
    if os.path.exists(SRC + "/.git"):
        tar = ["git", "-C", SRC, "archive", "HEAD"]
    else:
        tar = ["tar", "-C", SRC, "-cf", "-", "."]
    packed = subprocess.Popen(tar, stdout=subprocess.PIPE)
    subprocess.run(["tar", "-C", to, "--no-same-owner", "-xf", "-"], stdin=packed.stdout, check=True)
    if packed.wait():
        raise Failed("no copy of the source could be made")


def walk(folder, root):
    source(root + "/root/breakglass")
    for name in ("proc", "dev", "sys"):
        os.makedirs(root + "/" + name, exist_ok=True)
    inside = ("mount -t proc proc %(r)s/proc && mount -t sysfs sysfs %(r)s/sys && "
              "mount --rbind --make-rslave /dev %(r)s/dev && exec chroot %(r)s env -i "
              "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "
              "HOME=/root TERM=screen-256color LANG=C.UTF-8 PS1='here$ ' "
              "bash --norc --noprofile" % dict(r=shlex.quote(root)))
    t = Terminal(folder, "unshare -m -p -f --kill-child --propagation private sh -c " +
                 shlex.quote(inside))
    try:
        t.wait(r"here\$", 20)
        t.type("cd /root/breakglass")
        fresh = demo(t, "fresh machine")
        again = 0
        if not FRESH:
            again = demo(t, "packages and cache there")
            installs(t)
    finally:
        subprocess.run([*t.base, "kill-server"], capture_output=True)
    if fresh > LIMIT or again > LIMIT:
        raise Failed("longer than %g s (WALK_MAX)" % LIMIT)


def main():
    if os.getuid() != 0:
        print("skipped: needs root, for a bare Debian")
        return 77
    for program in ("tmux", "debootstrap", "unshare"):
        if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            print("skipped: no " + program)
            return 77
    made = subprocess.run([SRC + "/contrib/bare-root"], stdout=subprocess.PIPE, text=True)
    if made.returncode:
        print("skipped: contrib/bare-root could make none")
        return 77
    folder = tempfile.mkdtemp(prefix="bgwalk", dir=os.environ.get("TMPDIR", "/tmp"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(99))
    try:
        root = folder + "/root"
        os.mkdir(root)
        subprocess.run(["tar", "-C", root, "-xpf", made.stdout.strip()], check=True)
        shutil.copy("/etc/resolv.conf", root + "/etc/resolv.conf")
        walk(folder, root)
    except Failed as e:
        print("FAILED - " + str(e))
        return 1
    finally:
        with open("/proc/self/mounts") as f:
            mounted = any(folder in line for line in f)
        if mounted:
            print("something is still mounted below " + folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print("ok - from README to a recovered VM")
    return 0


if __name__ == "__main__":
    sys.exit(main())
