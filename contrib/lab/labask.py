# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of VM 102, of its QEMU, its sshd and its agent: each question
has an end."""
import base64
import contextlib
import os
import re
import select
import socket
import time

import labvm
from labvm import Qga, Qmp, VmError


# -- sshd and the agent --------------------------------------------------------------

def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# with a name of ours sshd does not call the end of the connection an error: the
# guest's journal is what runbooks read
BYE = b"SSH-2.0-lab\r\n"


def banner(port, limit_s, host="127.0.0.1"):
    """Seconds until an SSH server said its name, or None.  A TCP connection
    alone proves nothing: QEMU's user network accepts for a dead guest."""
    begin = time.monotonic()
    try:
        with socket.create_connection((host, port), limit_s) as s:
            s.settimeout(max(0.05, limit_s - (time.monotonic() - begin)))
            if s.recv(64).startswith(b"SSH-"):
                took = time.monotonic() - begin
                s.sendall(BYE)
                return took
    except OSError:
        pass
    return None


def await_banner(port, limit_s, alive, host="127.0.0.1"):
    """Until an SSH server on that port says its name; False when it does not.

    A login costs an emulated CPU a good part of a second, and several guests
    may share one core: attempts that are given up and made again can keep a
    slow guest busy for good.  So an attempt is kept, and the next ones come
    ever later beside it, for a guest that was not listening yet at the first.
    """
    end = time.monotonic() + limit_s
    tries, gap, due = {}, 0.3, 0.0
    try:
        while time.monotonic() < end and alive():
            if time.monotonic() >= due and len(tries) < 6:
                with contextlib.suppress(OSError):
                    s = socket.create_connection((host, port), 1.0)
                    tries[s] = True
                due, gap = time.monotonic() + gap, min(gap * 1.5, 5.0)
            for s in select.select(list(tries), [], [], 0.05)[0]:
                try:
                    if s.recv(64).startswith(b"SSH-"):
                        return True
                except OSError:
                    pass
                s.close()
                del tries[s]
                due, gap = time.monotonic() + 0.1, 0.3      # it refuses: not yet
        return False
    finally:
        for s in tries:
            with contextlib.suppress(OSError):
                s.sendall(BYE)
            s.close()


def guest_exec(vm, script, limit_s=10.0, wait=True):
    """Run a shell script in the guest as root by the agent: (exit, output)."""
    with Qga(vm.qga_path, limit_s) as g:
        pid = g.call("guest-exec", path="/bin/sh", arg=["-c", script],
                     **{"capture-output": wait})["pid"]
        while wait:
            st = g.call("guest-exec-status", pid=pid)
            if st["exited"]:
                out = base64.b64decode(st.get("out-data", "")) + \
                    base64.b64decode(st.get("err-data", ""))
                return st.get("exitcode", 255), out.decode("utf-8", "replace")
            time.sleep(0.05)
    return 0, ""


# -- QEMU ----------------------------------------------------------------------------

def qmp(vm, execute, limit_s=5.0, **arguments):
    with Qmp(vm.qmp_path, limit_s) as q:
        return q.call(execute, **arguments)


def qmp_status(vm):
    return qmp(vm, "query-status")["status"]


def disk_id(vm):
    cur, _ = labvm.conf_read(vm.conf)
    return "virtio0" if "virtio0" in cur else "scsi0"


def need_identity(vm):
    who = vm.identity()
    if not who:
        raise VmError("VM 102 is not running (lab heal)")
    return who


def queue(vm):
    """The virtio queue of the disk: inuse, used-idx."""
    is_blk = disk_id(vm) == "virtio0"
    path = "/machine/peripheral/%s/virtio-backend" % ("virtio0" if is_blk else "scsihw0")
    return qmp(vm, "x-query-virtio-queue-status", path=path, queue=0 if is_blk else 2)


def is_stalled(vm, gap_s=1.5):
    """QEMU answers, sits on a request of the guest, and gives none back."""
    a = queue(vm)
    if a["inuse"] < 1:
        return False
    time.sleep(gap_s)
    b = queue(vm)
    return b["inuse"] >= 1 and a["used-idx"] == b["used-idx"]


def operations(vm):
    """Reads and writes of the disk since QEMU began."""
    for b in qmp(vm, "query-blockstats"):
        if b.get("device", "").endswith(disk_id(vm)):
            return b["stats"]["rd_operations"], b["stats"]["wr_operations"]
    raise VmError("QEMU does not count the disk's operations")


def agent_answers(vm, limit_s=3.0):
    try:
        with Qga(vm.qga_path, limit_s) as g:
            g.call("guest-ping")
        return True
    except (OSError, VmError, ValueError):
        return False


def has_banner(lab, limit_s=2.0):
    s = lab.settings()
    return banner(s["devvm_port"], limit_s, s["devvm_host"]) is not None


def cpu_spins(vm, gap_s=1.0):
    """QEMU's virtual CPU always wants to run.  The time that it gets tells less:
    this machine may have other work."""
    pid, _ = need_identity(vm)
    tids = [t for t in os.listdir("/proc/%d/task" % pid)
            if re.match(rb"CPU \d+/", labvm.proc_read(pid, "task/%s/comm" % t))]
    runs = total = 0
    end = time.monotonic() + gap_s
    while time.monotonic() < end:
        for t in tids:
            total += 1
            runs += b") R " in labvm.proc_read(pid, "task/%s/stat" % t)
        time.sleep(0.02)
    return total > 0 and runs >= 0.8 * total


def thread_states(pid):
    out = set()
    with contextlib.suppress(OSError):
        for t in os.listdir("/proc/%d/task" % pid):
            text = labvm.proc_read(pid, "task/%s/stat" % t)
            if text:
                out.add(text[text.rindex(b")") + 2:][:1].decode())
    return out
