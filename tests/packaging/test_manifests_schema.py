#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Goal: an API server takes the manifests: each object fits its schema, and has no member
that the schema does not know.

The schemas come by npm once (contrib/fetch-schemas), External Secrets' among them.
"""
import copy
import json
import os
import shutil
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from manifest_render import OVERLAYS, SRC, load, render, skip  # noqa: E402

if not shutil.which("node"):
    skip("no node, which runs the schemas: apt-get install --no-install-recommends npm")
FETCHED = subprocess.run([SRC + "/contrib/fetch-schemas"], capture_output=True, text=True)
if FETCHED.returncode:
    skip("the schemas cannot be had: " + FETCHED.stderr.strip().replace("\n", " "))
STORE = "packaging/vault/cluster-secret-store.yaml"
OBJECTS = [o for overlay in OVERLAYS for o in render(overlay)] + load(STORE)


def wrong(objects):
    r = subprocess.run(["node", HERE + "/validate.mjs", FETCHED.stdout.strip()],
                       input=json.dumps(objects), capture_output=True, text=True)
    if r.returncode:
        raise Exception("validate.mjs: " + r.stderr)
    return r.stdout.splitlines()


def one(kind, fn):
    """The first object of that kind, spoilt."""
    mine = copy.deepcopy(next(o for o in OBJECTS if o["kind"] == kind))
    fn(mine)
    return mine


def engine(deployment):
    return deployment["spec"]["template"]["spec"]["containers"][0]


class Schemas(unittest.TestCase):
    def test_every_object_fits_its_schema(self):
        kinds = {o["kind"] for o in OBJECTS}
        self.assertLessEqual({"Deployment", "NetworkPolicy", "ExternalSecret",
                              "ClusterSecretStore"}, kinds)
        self.assertEqual(wrong(OBJECTS), [])

    def test_what_an_api_server_would_refuse_is_seen(self):
        spoilt = (
            ("securityContext.runAsNonroot is unknown", one(
                "Deployment", lambda o: engine(o)["securityContext"].update(runAsNonroot=True))),
            ("spec.strategi is unknown", one("Deployment", lambda o: o["spec"].update(strategi=1))),
            ("Deployment breakglass: specs is unknown",
             one("Deployment", lambda o: o.update(specs={}))),
            ("must be integer", one("Deployment", lambda o: engine(o)["livenessProbe"].update(
                periodSeconds="20"))),
            ("required property name", one("Deployment", lambda o: engine(o).pop("name"))),
            ("policyTypes must be array", one(
                "NetworkPolicy", lambda o: o["spec"].update(policyTypes="Ingress"))),
            ("required property remoteRef", one(
                "ExternalSecret", lambda o: o["spec"]["data"][0].pop("remoteRef"))),
            ("allowed values", one("ExternalSecret", lambda o: o["spec"]["target"].update(
                deletionPolicy="Keep"))),
            ("spec.secretStoreRef.nam is unknown", one(
                "ExternalSecret", lambda o: o["spec"]["secretStoreRef"].update(nam="x"))),
            ("no such kind", one("Role", lambda o: o.update(apiVersion="rbac/v1"))),
        )
        said = wrong([o for _, o in spoilt])
        for words, _ in spoilt:
            self.assertTrue([s for s in said if words in s], "%s in %s" % (words, said))


if __name__ == "__main__":
    unittest.main()
