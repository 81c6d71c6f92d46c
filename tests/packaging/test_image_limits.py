#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Goal: contrib/build-image ends when a mirror hangs or another build does not end, leaves
nothing behind, and takes the base of an earlier day where there is one.
"""
import fcntl
import importlib.machinery
import importlib.util
import os
import stat
import sys
import tempfile
import time
import unittest
from unittest import mock

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
SRC = os.path.abspath(os.environ.get("abs_top_srcdir") or HERE + "/../..")
loader = importlib.machinery.SourceFileLoader("build_image", SRC + "/contrib/build-image")
build_image = importlib.util.module_from_spec(importlib.util.spec_from_loader("build_image", loader))
loader.exec_module(build_image)
Failed = build_image.Failed

# A mmdebstrap that waits for its mirror for ever, with a helper that does, too.
HANGS = """#!/bin/sh
sleep 1000 &
echo $$ $! >"$PIDS"
echo half an archive
wait
"""


def alive(pid):
    """It is there, and no zombie."""
    try:
        with open("/proc/%s/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Limits(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dir = folder.name
        with open(self.dir + "/mmdebstrap", "w") as f:
            f.write(HANGS)
        os.chmod(self.dir + "/mmdebstrap", stat.S_IRWXU)
        env = dict(XDG_CACHE_HOME=self.dir, PIDS=self.dir + "/pids",
                   PATH=self.dir + ":" + os.environ["PATH"])
        self.enterContext(mock.patch.dict(os.environ, env))
        self.enterContext(mock.patch.object(build_image, "LIMIT_S", 1))
        self.enterContext(mock.patch.object(build_image, "say", lambda words: None))
        # apt is not asked, it may take its time
        self.enterContext(mock.patch.object(build_image, "sources", lambda: "deb http://127.0.0.1/ x main"))

    def enterContext(self, context):        # unittest has it from 3.11 on
        self.addCleanup(context.__exit__, None, None, None)
        return context.__enter__()

    def test_a_mirror_that_hangs_is_something_missing(self):
        cache = build_image.Cache()
        with self.assertRaises(Failed) as e:
            cache.layer("base", "key", build_image.mmdebstrap)
        self.assertEqual(e.exception.status, 4)
        self.assertRegex(str(e.exception), "not done in")
        with open(self.dir + "/pids") as f:
            for pid in f.read().split():
                end = time.monotonic() + 60
                while alive(pid) and time.monotonic() < end:
                    time.sleep(0.02)
                self.assertFalse(alive(pid), "it left a process behind")
        self.assertEqual(os.listdir(cache.top), ["lock"])

    def test_the_base_of_an_earlier_day_is_taken_instead(self):
        def earlier(path):
            layer = build_image.Layer(path)
            layer.write(b"of an earlier day")
            return layer.close()
        cache = build_image.Cache()
        made = cache.layer("base", "key", earlier)
        self.assertEqual(cache.layer("base", "key", build_image.mmdebstrap, 0), made)
        self.assertTrue(os.path.exists(made["path"]))

    def test_another_build_is_waited_for_with_an_end(self):
        os.makedirs(self.dir + "/breakglass/image")
        with open(self.dir + "/breakglass/image/lock", "w") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            with self.assertRaisesRegex(Failed, "another build-image holds .*/lock"):
                build_image.Cache()
        build_image.Cache()


if __name__ == "__main__":
    unittest.main()
