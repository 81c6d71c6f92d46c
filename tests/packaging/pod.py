# SPDX-License-Identifier: GPL-3.0-or-later
"""pod: the containers of the rendered Deployment, as containers of one image.

Volumes as a kubelet lays them out (pod_files); user, command, environment and mounts are
read from the manifests and from the image's config, so that what is started is what a
cluster would start.
"""
import re

from container import Container
from manifest_rules import containers, pod
from pod_files import Pod as Files
from pod_files import tmpfs


def with_site(conf, **values):
    """breakglass.conf with the values of a site: lines replaced, others in front."""
    for name, value in values.items():
        line = "%s = %s" % (name, value)
        conf, n = re.subn(r"(?m)^%s\s*=.*$" % name, line, conf)
        if not n:
            conf = line + "\n" + conf
    return conf


class Pod(Files):
    """objects as rendered; secrets: {(secret, key): bytes}; files and config of the image."""

    def __init__(self, objects, secrets, root, config, folder):
        self.top, self.objects, self.secrets, self.swaps = "", objects, secrets, 0
        self.root, self.dir, self.config = root, folder, config
        self.volumes = {}
        for v in pod(objects)["volumes"]:
            path = self.volumes[v["name"]] = folder + "/volume-" + v["name"]
            if "emptyDir" in v:
                tmpfs(path, 0o2777)
            else:
                tmpfs(path, 0o3777)
                self.write(path, v["projected"])
        self.containers = {c["name"]: Container(root, folder, self.spec(c))
                           for c in containers(objects)}

    def spec(self, c):
        context = {**pod(self.objects)["securityContext"], **c["securityContext"]}
        uid, gid = (int(n) for n in self.config["User"].split(":"))
        env = dict(w.split("=", 1) for w in self.config["Env"])
        env.update((e["name"], e["value"]) for e in c.get("env", []))
        return dict(name=c["name"], uid=context.get("runAsUser", uid),
                    gid=context.get("runAsGroup", gid), groups=[context["fsGroup"]],
                    env=dict(env, HOSTNAME="pod"), command=c["command"] + c.get("args", []),
                    readonly=context["readOnlyRootFilesystem"],
                    mounts=[(self.volumes[m["name"]], m["mountPath"], m.get("readOnly", False))
                            for m in c["volumeMounts"]])

    def close(self):
        for c in self.containers.values():
            c.close()
