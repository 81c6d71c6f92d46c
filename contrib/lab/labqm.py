# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of `qm` that know no VM: its words, its worker, its waiting."""
import contextlib
import os
import select
import signal
import sys
import time

import labvm
from labvm import VmError

HOTPLUG = {"name", "description", "onboot", "startup", "tags", "protection"}


class Args:
    def __init__(self, command, known, argv):
        self.words, self.options, self.flags = [], {}, set()
        argv = list(argv)
        while argv:
            a = argv.pop(0)
            if a == "--":
                self.words += argv
                break
            if not a.startswith("-"):
                self.words.append(a)
                continue
            key, eq, value = a.lstrip("-").partition("=")
            if key in known:
                if argv and argv[0] in ("0", "1") and not eq:
                    value = argv.pop(0)
                if value != "0":
                    self.flags.add(key)
            elif eq or argv:
                self.options[key] = value if eq else argv.pop(0)
            else:
                raise VmError("400 unable to parse option\nqm %s <vmid> [OPTIONS]"
                              % command)


def conf_delete(cur, pending, gone, live):
    """Deletions: at once when the VM is off, else staged; returns the staged."""
    staged = conf_deleted = labvm.conf_deleted(pending)
    for k in gone:
        pending.pop(k, None)
        if not live or k in HOTPLUG:
            cur.pop(k, None)
        elif k in cur and k not in conf_deleted:
            staged.append(k)
    return staged


def in_worker(work):
    """Run a task as Proxmox does where there is no terminal: in a process of
    its own session, its output copied by this one.  Killing this one does not
    end the worker; but where the copying fails, the worker is ended with all
    that it started, wherever it was: give qm a file, never an ssh pipe."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.close(r)
        os.dup2(w, 1)
        os.dup2(w, 2)
        os.close(w)
        work()
        return 0
    os.close(w)
    try:
        while True:
            chunk = os.read(r, 65536)
            if not chunk:
                break
            os.write(2, chunk)
    except BrokenPipeError:
        fd = os.pidfd_open(pid)
        for sig, limit_s in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, sig)
            if select.select([fd], [], [], limit_s)[0]:
                break
        return 255
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 0xff


def zombie_or_gone(pid, start, limit_s):
    """Proxmox's test: a zombie leader counts as ended."""
    end = time.monotonic() + limit_s
    while True:
        st = labvm.proc_stat(pid)
        if st is None or st[2] != start or st[0] == "Z":
            return True
        if time.monotonic() >= end:
            return False
        time.sleep(0.05 if limit_s < 5 else 0.1)


def print_tree(prefix, value, key):
    if isinstance(value, dict):
        print("%s%s:" % (prefix, key))
        for k in sorted(value):
            print_tree(prefix + "\t", value[k], k)
    else:
        print("%s%s: %s" % (prefix, key, int(value) if value is True else value))


def warn(text):
    print(text, file=sys.stderr, flush=True)
