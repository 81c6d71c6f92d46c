# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifests as objects, for the tests: what kubectl renders of each overlay."""
import os
import shutil
import subprocess
import sys

SRC = os.path.abspath(os.environ.get("abs_top_srcdir") or
                      os.path.dirname(os.path.abspath(__file__)) + "/../..")
OVERLAYS = ("base", "example", "federation")


def skip(why):
    print("skipped: " + why)
    sys.exit(77)


try:
    import yaml
except ImportError:
    skip("no python3-yaml")


def render(overlay):
    if not shutil.which("kubectl"):
        skip("no kubectl: apt-get install kubernetes-client")
    r = subprocess.run([SRC + "/contrib/render-manifests", overlay], capture_output=True,
                       text=True)
    if r.returncode or r.stderr:
        raise Exception("render-manifests %s: %s" % (overlay, r.stderr))
    return [o for o in yaml.safe_load_all(r.stdout) if o]


def load(path):
    with open(SRC + "/" + path) as f:
        return list(yaml.safe_load_all(f))
