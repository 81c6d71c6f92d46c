# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of an instance, and of the cache."""
import contextlib
import fcntl
import os
import sys
import time

from labvm import VmError


@contextlib.contextmanager
def locked(path, limit_s, what):
    """Hold a lock file.  It lies beside what it guards; whoever holds it may
    delete it, so what was locked must still be what lies there."""
    end = time.monotonic() + limit_s
    told = False
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(fd).st_ino == os.stat(path).st_ino:
                break
        except (BlockingIOError, FileNotFoundError):
            pass
        os.close(fd)
        if time.monotonic() > end:
            raise VmError("%s is in use by another lab command for more than %d s"
                          % (what, limit_s))
        if not told:
            print("lab: waiting for another lab command (%s)" % what, file=sys.stderr)
            told = True
        time.sleep(0.1)
    try:
        yield
    finally:
        os.close(fd)
