# SPDX-License-Identifier: GPL-3.0-or-later
"""pod_files: the volumes of the rendered pod, laid out as a kubelet does it.

A volume of files (secret, configMap, projected) is a tmpfs of root's: a folder named by
the time holds them, ..data points to it, and each name points into ..data.  With fsGroup
everything but the links gets that group; files the mode or-ed with 0440, folders with
0550 and set-group-ID, an emptyDir's with 0660 as well.  A service account's token is
0600 before that.  (SetVolumeOwnership, AtomicWriter and the projected volume of the
kubelet's pkg/volume.)

The whole has to run in a mount namespace of its own.
"""
import os
import subprocess

from manifest_rules import GROUP, containers, of, pod

TOKEN = b"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.c2lnbmF0dXJl"


def give(path, mode):
    os.chown(path, 0, GROUP)
    os.chmod(path, mode)


def tmpfs(path, mode):
    os.makedirs(path)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", path], check=True)
    give(path, mode)


class Pod:
    """top/PATH is what a container has at PATH; secrets: {(secret, key): bytes}."""

    def __init__(self, top, objects, secrets):
        self.top, self.objects, self.secrets = top, objects, secrets
        self.swaps = 0
        os.mkdir(top, 0o755)
        for c in containers(objects):
            for m in c["volumeMounts"]:
                path = self.at(m["mountPath"])
                volume = next(v for v in pod(objects)["volumes"] if v["name"] == m["name"])
                if os.path.isdir(path) or m["mountPath"] == "/tmp":
                    continue                # both have it, or each its own
                if "emptyDir" in volume:
                    tmpfs(path, 0o2777)
                else:
                    tmpfs(path, 0o3777)
                    self.write(path, volume["projected"])
        for folder, _, _ in os.walk(top):   # the image's folders above the mounts
            if os.stat(folder).st_gid != GROUP:
                os.chmod(folder, 0o755)

    def at(self, path):
        return self.top + path

    def write(self, path, projected):
        """What is there now, or from now on, all of it at once."""
        mode = projected["defaultMode"] | 0o440
        self.swaps += 1
        new = "..2026_11_27_00_00_%02d.1" % self.swaps
        files = {}
        for s in projected["sources"]:
            kind, what = next(iter(s.items()))
            if kind == "configMap":
                for o in of(self.objects, "ConfigMap"):
                    if o["metadata"]["name"] == what["name"]:
                        files.update({n: (t.replace("= /", "= %s/" % self.top).encode(), mode)
                                      for n, t in o["data"].items()})
            elif kind == "secret":
                for i in what["items"]:
                    if (what["name"], i["key"]) in self.secrets:
                        files[i["path"]] = self.secrets[what["name"], i["key"]], mode
                    elif not what.get("optional"):
                        raise KeyError("the pod would wait for " + what["name"])
            else:
                files[what["path"]] = TOKEN, 0o640
        os.mkdir(path + "/" + new)
        give(path + "/" + new, 0o2755)
        for name, (data, mode) in files.items():
            file = "%s/%s/%s" % (path, new, name)
            if not os.path.isdir(os.path.dirname(file)):
                os.mkdir(os.path.dirname(file))
                give(os.path.dirname(file), 0o2755)
            with open(file, "wb") as f:
                f.write(data)
            give(file, mode)
        os.symlink(new, path + "/..data_tmp")
        os.rename(path + "/..data_tmp", path + "/..data")
        for name in {n.split("/")[0] for n in files}:
            if not os.path.lexists(path + "/" + name):
                os.symlink("..data/" + name, path + "/" + name)

    def command(self, n):
        """(words, environment) of a container, with its uid, in this tree."""
        c = containers(self.objects)[n]
        s = c["securityContext"]
        prefix = ["setpriv", "--reuid", str(s["runAsUser"]), "--regid", str(s["runAsGroup"]),
                  "--groups", str(GROUP), "--no-new-privs", "--bounding-set", "-all",
                  "--inh-caps", "-all"]
        return prefix, [self.inside(w) for w in c["command"]], {
            e["name"]: self.inside(e["value"]) for e in c["env"]}

    def inside(self, word):
        mounts = [m["mountPath"] for c in containers(self.objects) for m in c["volumeMounts"]]
        return self.at(word) if any(word.startswith(m) for m in mounts) else word
