#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Goal: whoever applies the manifests gets the pod that the documents promise; and taking
any one of its protections away makes this test fail.

The second half is tried here: each protection is taken out of a copy, for each container,
and the copy must be complained about.
"""
import copy
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from manifest_render import OVERLAYS, SRC, load, render  # noqa: E402
from manifest_rules import (NAMESPACE, complaints, containers, deployment, of, pod,  # noqa: E402
                            settings, sources)
import vault_rules  # noqa: E402

ALL = {o: render(o) for o in OVERLAYS}


def drop(path):
    """Takes a.b.c out of each container in turn; a copy each."""
    *way, last = path.split(".")

    def copies(objects):
        for i in range(len(containers(objects))):
            mine = copy.deepcopy(objects)
            at = containers(mine)[i]
            for word in way:
                at = at[word]
            del at[last]
            yield mine
    return copies


def change(fn, where=lambda objects: [objects]):
    """One copy, changed by fn."""
    def copies(objects):
        for n in range(len(where(objects))):
            mine = copy.deepcopy(objects)
            fn(where(mine)[n])
            yield mine
    return copies


def each(path, value):
    """Sets a.b.c of each container in turn."""
    *way, last = path.split(".")

    def copies(objects):
        for i in range(len(containers(objects))):
            mine = copy.deepcopy(objects)
            at = containers(mine)[i]
            for word in way:
                at = at.setdefault(word, {})
            at[last] = value
            yield mine
    return copies


def without(kind):
    """One copy without each object of that kind."""
    def copies(objects):
        for o in of(objects, kind):
            yield [p for p in objects if p is not o]
    return copies


def engine(objects):
    return containers(objects)[0]


def tolerations(objects):
    for i in range(len(pod(objects)["tolerations"])):
        mine = copy.deepcopy(objects)
        del pod(mine)["tolerations"][i]
        yield mine


def policies(objects):
    return [o["spec"] for o in of(objects, "NetworkPolicy")]


def egress(objects):
    """One copy without each rule that lets something out, and one where it fits all."""
    for n, spec in enumerate(policies(objects)):
        for i in range(len(spec["egress"])):
            for key in (None, "to", "ports"):
                mine = copy.deepcopy(objects)
                if key:
                    del policies(mine)[n]["egress"][i][key]
                else:
                    del policies(mine)[n]["egress"][i]
                yield mine


def deny_policy(spec):
    """The one that stands for all pods and both directions."""
    return [p for p in spec if "Ingress" in p["policyTypes"]]


# What is taken away, a word of the complaint that must follow, and how.
TAKEN = (
    ("runAsNonRoot", "runAsNonRoot", drop("securityContext.runAsNonRoot")),
    ("runAsNonRoot, set to no", "runAsNonRoot", each("securityContext.runAsNonRoot", False)),
    ("readOnlyRootFilesystem", "readOnlyRootFilesystem",
     drop("securityContext.readOnlyRootFilesystem")),
    ("drop ALL", "drop ALL", drop("securityContext.capabilities.drop")),
    ("capabilities", "drop ALL", drop("securityContext.capabilities")),
    ("drop ALL, with one added", "drop ALL",
     each("securityContext.capabilities.add", ["NET_BIND_SERVICE"])),
    ("allowPrivilegeEscalation", "allowPrivilegeEscalation",
     drop("securityContext.allowPrivilegeEscalation")),
    ("seccompProfile", "seccompProfile", drop("securityContext.seccompProfile")),
    ("seccompProfile, unconfined", "seccompProfile",
     each("securityContext.seccompProfile.type", "Unconfined")),
    ("all of the securityContext", "runAsNonRoot", drop("securityContext")),
    ("automountServiceAccountToken of the pod", "automountServiceAccountToken of pod",
     change(lambda p: p.pop("automountServiceAccountToken"), lambda o: [pod(o)])),
    ("automountServiceAccountToken of the account", "automountServiceAccountToken of breakglass",
     change(lambda a: a.pop("automountServiceAccountToken"),
            lambda o: of(o, "ServiceAccount"))),
    ("the uid", "uid of", drop("securityContext.runAsUser")),
    ("separate uids", "uid of", each("securityContext.runAsUser", 10004)),
    ("separate uids, the other's", "uid of", change(
        lambda c: c["securityContext"].update(runAsUser=10001, runAsGroup=10001),
        lambda o: [containers(o)[1]])),
    ("separate processes", "see each other", change(
        lambda p: p.update(shareProcessNamespace=True), lambda o: [pod(o)])),
    ("fsGroup", "fsGroup", change(lambda p: p["securityContext"].pop("fsGroup"),
                                  lambda o: [pod(o)])),
    ("a NetworkPolicy", "network_is_closed", without("NetworkPolicy")),
    ("a rule of a NetworkPolicy", "network_is_closed", egress),
    ("the policy's Ingress", "what comes in", change(
        lambda s: s["policyTypes"].remove("Ingress"), lambda o: deny_policy(policies(o)))),
    ("the policy's hold on all pods", "what comes in", change(
        lambda s: s.update(podSelector=dict(matchLabels=dict(app="x"))),
        lambda o: deny_policy(policies(o)))),
    ("nothing in", "lets something in", change(
        lambda s: s.update(ingress=[{}]), lambda o: policies(o))),
    ("a toleration", "toleration of", tolerations),
    ("the five minutes", "toleration of", change(
        lambda t: t.pop("tolerationSeconds"),
        lambda o: [t for t in pod(o)["tolerations"] if "tolerationSeconds" in t])),
    ("tolerations", "toleration of", change(lambda p: p.pop("tolerations"), lambda o: [pod(o)])),
    ("priority", "priorityClassName", change(lambda p: p.pop("priorityClassName"),
                                             lambda o: [pod(o)])),
    ("the preference", "node1", change(lambda p: p.pop("affinity"), lambda o: [pod(o)])),
    ("Recreate", "Recreate", change(lambda d: d["spec"].pop("strategy"),
                                    lambda o: [deployment(o)])),
    ("one replica", "Recreate", change(lambda d: d["spec"].update(replicas=2),
                                       lambda o: [deployment(o)])),
    ("memory limits", "memory limit", drop("resources.limits.memory")),
    ("memory requests", "memory request", drop("resources.requests.memory")),
    ("CPU limits", "cpu limit", drop("resources.limits.cpu")),
    ("CPU requests", "cpu request", drop("resources.requests.cpu")),
    ("no limit of disk", "a full disk", each("resources.limits.ephemeral-storage", "1Gi")),
    ("what claude needs", "does not carry claude", change(
        lambda c: [r.update(memory="256Mi") for r in c["resources"].values()],
        lambda o: [containers(o)[1]])),
    ("IfNotPresent", "imagePullPolicy", drop("imagePullPolicy")),
    ("the tag", "tag that stays", change(
        lambda o: [c.update(image="r/breakglass:latest") for c in containers(o)])),
    ("one image", "images differ", each("image", "r/other:1")),
    ("default-container", "default-container", change(
        lambda d: d["spec"]["template"]["metadata"].pop("annotations"),
        lambda o: [deployment(o)])),
    ("the patience of a probe", "does not forgive", change(
        lambda p: p.update(failureThreshold=3),
        lambda o: [engine(o)[k] for k in engine(o) if k.endswith("Probe")])),
    ("a probe's ping", "is no ping", change(
        lambda p: (p.pop("exec"), p.update(tcpSocket=dict(port=22))),
        lambda o: [engine(o)[k] for k in engine(o) if k.endswith("Probe")])),
    ("no listening", "there is a Service", lambda o: [o + [dict(
        kind="Service", metadata=dict(name="x", namespace=NAMESPACE))]]),
    ("no port", "names ports", each("ports", [dict(containerPort=80)])),
    ("no hostNetwork", "hostNetwork", change(lambda p: p.update(hostNetwork=True),
                                             lambda o: [pod(o)])),
    ("no hostPID", "hostPID", change(lambda p: p.update(hostPID=True), lambda o: [pod(o)])),
    ("no hostPath", "volume", change(
        lambda p: p["volumes"].append(dict(name="x", hostPath=dict(path="/"))),
        lambda o: [pod(o)])),
    ("emptyDir for the journal", "volume", change(
        lambda v: (v.pop("emptyDir"), v.update(persistentVolumeClaim=dict(claimName="x"))),
        lambda o: [v for v in pod(o)["volumes"] if v["name"] == "journal"])),
    ("no subPath", "subPath", change(
        lambda m: m.update(subPath="x"),
        lambda o: [m for c in containers(o) for m in c["volumeMounts"]])),
    ("the agent without secrets", "agent has settings", change(
        lambda c: c["volumeMounts"].append(dict(name="settings", mountPath="/s", readOnly=True)),
        lambda o: [containers(o)[1]])),
    ("the secrets' mode", "0440", change(
        lambda v: v["projected"].update(defaultMode=0o444),
        lambda o: [v for v in pod(o)["volumes"] if "projected" in v])),
    ("no secret in the environment", "every exec inherits it", each("env", [
        dict(name="ANTHROPIC_API_KEY", value="x")])),
    ("no Vault role", "SecretStore", lambda o: [o + [dict(
        kind="SecretStore", metadata=dict(name="x", namespace=NAMESPACE))]]),
    ("no token of the cluster", "good for the cluster", change(
        lambda v: v["projected"]["sources"].append(dict(serviceAccountToken=dict(path="t"))),
        lambda o: [v for v in pod(o)["volumes"] if "projected" in v])),
    ("the namespace's guard", "enforce", change(
        lambda n: n["metadata"]["labels"].pop("pod-security.kubernetes.io/enforce"),
        lambda o: of(o, "Namespace"))),
    ("the settings' agent_uid", "agent_uid", change(
        lambda c: c["data"].update({"breakglass.conf": c["data"]["breakglass.conf"].replace(
            "10002", "10003")}), lambda o: of(o, "ConfigMap"))),
    ("the settings' address", "cannot be reached", change(
        lambda c: c["data"].update({"breakglass.conf": re.sub(
            r"(?m)^devvm_host = .*$", "devvm_host = 192.0.2.9", c["data"]["breakglass.conf"])}),
        lambda o: of(o, "ConfigMap"))),
)


class Manifests(unittest.TestCase):
    def test_what_is_rendered_keeps_every_rule(self):
        for overlay, objects in ALL.items():
            self.assertEqual(complaints(objects), [], overlay)

    def test_each_protection_that_is_taken_away_is_missed(self):
        tried = 0
        for overlay, objects in ALL.items():
            for what, word, copies in TAKEN:
                mine = list(copies(objects))
                self.assertTrue(mine, what)
                for n, m in enumerate(mine):
                    tried += 1
                    with self.subTest(overlay=overlay, what=what, copy=n):
                        self.assertIn(word, "\n".join(complaints(m)) or "no complaint")
        print("# %d copies with something taken away" % tried)

    def test_each_container_was_among_them(self):
        for what, _, copies in TAKEN[:10]:
            self.assertEqual(len(list(copies(ALL["base"]))), 2, what)

    def test_the_base_has_the_version_and_the_hosts_that_are_the_defaults(self):
        with open(SRC + "/configure.ac") as f:
            version = re.search(r"AC_INIT\(\[breakglass\], \[([^]]+)\]", f.read()).group(1)
        self.assertEqual(engine(ALL["base"])["image"], "breakglass:" + version)
        with open(SRC + "/src/base/options.def") as f:
            defaults = dict(re.findall(r'OPTION\((\w+), \w+, "[^"]*", "([^"]*)"', f.read()))
        for key in ("devvm_host", "devvm_user", "pve_host", "pve_user"):
            self.assertEqual(settings(ALL["base"])[key], defaults[key])

    def test_each_site_pins_its_hypervisor(self):
        for overlay in [o for o in ALL if o != "base"]:
            for what, fn in (
                    ("the line", lambda data: data.update({"breakglass.conf": re.sub(
                        r"(?m)^pve_hostkey.*\n", "", data["breakglass.conf"])})),
                    ("the key", lambda data: data.pop("pve.pub"))):
                mine = copy.deepcopy(ALL[overlay])
                fn(of(mine, "ConfigMap")[0]["data"])
                with self.subTest(overlay=overlay, without=what):
                    self.assertIn("a_site_pins_its_hypervisor", "\n".join(complaints(mine)))

    def test_the_example_is_another_site(self):
        base, mine = settings(ALL["base"]), settings(ALL["example"])
        self.assertNotEqual(base["pve_host"], mine["pve_host"])
        self.assertIn("registry.example.org/", engine(ALL["example"])["image"])
        self.assertEqual({o["metadata"]["name"] for o in of(ALL["example"], "ExternalSecret")},
                         {"breakglass-ssh", "breakglass-api"})

    def test_with_federation_there_is_no_secret_of_the_api(self):
        objects = ALL["federation"]
        self.assertEqual([o["metadata"]["name"] for o in of(objects, "ExternalSecret")],
                         ["breakglass-ssh"])
        self.assertEqual([s["secret"]["name"] for s in sources(objects) if "secret" in s],
                         ["breakglass-ssh"])
        self.assertNotIn("api_key_file", settings(objects))


class Vault(unittest.TestCase):
    def setUp(self):
        self.deny = vault_rules.text("shared-agent-deny.hcl")
        self.eso = vault_rules.text("external-secrets.hcl")
        self.store = load("packaging/vault/cluster-secret-store.yaml")[0]

    def asked(self):
        path = self.store["spec"]["provider"]["vault"]["path"]
        return {"%s/data/%s" % (path, d["remoteRef"]["key"])
                for o in of(ALL["example"], "ExternalSecret") for d in o["spec"]["data"]}

    def test_the_shared_agents_reach_nothing_whatever_they_are_given(self):
        self.assertEqual(list(vault_rules.deny_complaints(self.deny)), [])

    def test_each_line_of_the_deny_policy_is_missed(self):
        rows = vault_rules.parse(self.deny)
        self.assertEqual(len(rows), 18)
        for path, _ in rows:
            block = 'path "%s" { capabilities = ["deny"] }\n' % path
            self.assertIn(block, self.deny)
            # what is broader stands in for it, so it is a grant for that very path that shows
            grant = [(path, ["read"])]
            test = path.replace("*", "new")
            self.assertFalse(vault_rules.may([rows, grant], test, "read"), path)
            left = vault_rules.parse(self.deny.replace(block, ""))
            self.assertTrue(vault_rules.may([left, grant], test, "read"), path)
        self.assertTrue(list(vault_rules.deny_complaints("")))
        self.assertTrue(list(vault_rules.deny_complaints(self.deny.replace('["deny"]', '["read"]', 1))))

    def test_the_operators_role_reads_what_the_manifests_ask_for_and_nothing_else(self):
        self.assertEqual(len(self.asked()), 2)
        self.assertEqual(list(vault_rules.eso_complaints(self.eso, self.asked())), [])
        for more in ('path "secret/*" { capabilities = ["read"] }',
                     'path "secret/data/claude-breakglass/ssh" { capabilities = ["update"] }',
                     'path "secret/metadata/claude-breakglass/" { capabilities = ["list"] }'):
            self.assertTrue(list(vault_rules.eso_complaints(self.eso + more, self.asked())), more)
        less = self.eso.replace("claude-breakglass/api", "claude-breakglass/xyz")
        self.assertTrue(list(vault_rules.eso_complaints(less, self.asked())))

    def test_the_store_is_for_our_namespace_and_logs_in_as_the_operator(self):
        spec = self.store["spec"]
        self.assertEqual(spec["conditions"], [dict(namespaces=[NAMESPACE])])
        account = spec["provider"]["vault"]["auth"]["kubernetes"]["serviceAccountRef"]
        self.assertNotEqual(account["namespace"], NAMESPACE)
        for objects in ALL.values():
            for o in of(objects, "ExternalSecret"):
                self.assertEqual(o["spec"]["secretStoreRef"], dict(
                    kind=self.store["kind"], name=self.store["metadata"]["name"]))

    def test_patterns_weigh_as_vault_says(self):
        order = ["secret/+/claude-breakglass/*", "secret/*", "secret/+/claude-breakglass/ssh",
                 "secret/data/*", "secret/data/claude-*", "secret/data/claude-breakglass/*",
                 "secret/data/claude-breakglass/ssh"]
        self.assertEqual(sorted(order, key=vault_rules.weight), order)


class Script(unittest.TestCase):
    def run_it(self, *args, **more):
        return subprocess.run([SRC + "/contrib/render-manifests", *args], capture_output=True,
                              text=True, **more)

    def test_it_says_what_it_has_and_what_it_needs(self):
        r = self.run_it("no-such")
        self.assertEqual(r.returncode, 64)
        for word in OVERLAYS:
            self.assertIn(word, r.stderr)
        self.assertEqual(self.run_it("--what").returncode, 64)
        with tempfile.TemporaryDirectory() as folder:
            for tool in ("dirname", "sed"):
                os.symlink(shutil.which(tool), folder + "/" + tool)
            r = self.run_it(env=dict(PATH=folder))
            self.assertEqual(r.returncode, 69)
            self.assertIn("apt-get install", r.stderr)

    def test_an_overlay_of_somebody_elses_is_a_folder(self):
        r = self.run_it(SRC + "/packaging/kubernetes/overlays/example")
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual(r.stdout, self.run_it().stdout)


if __name__ == "__main__":
    unittest.main()
