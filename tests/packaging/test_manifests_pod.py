#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Goal: what the manifests name works: the files as a kubelet lays them out, the settings,
commands and probes, under the two uids with no capability, against real sshds.
"""
import json
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, HERE + "/../integration"]
from manifest_render import render, skip  # noqa: E402

if os.getuid() != 0 or not shutil.which("setpriv"):
    skip("needs root and setpriv to become the pod's uids")
if "IN_A_NAMESPACE" not in os.environ:
    if subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL).returncode:
        skip("no mount namespace can be had here")
    os.execvpe("unshare", ["unshare", "-m", "--propagation", "private", sys.executable,
                           os.path.abspath(__file__), *sys.argv[1:]],
               dict(os.environ, IN_A_NAMESPACE="1"))

from api_rig import Api, all_answered, bash  # noqa: E402
from engine_rig import (BUILD, SRC, Rig, Skip, check, children, main,  # noqa: E402
                        until)
from manifest_rules import GROUP, containers, mebibytes  # noqa: E402
from pod_files import Pod  # noqa: E402
from test_engine_agent import find_claude  # noqa: E402


class Site(Rig):
    """The rig's two hosts, and the pod with its programs where every uid can reach them."""

    def __init__(self, overlay, settings="", **secrets):
        super().__init__()
        os.chmod(self.dir, 0o711)
        self.image = self.dir + "/image"
        shutil.copytree(BUILD + "/libexec", self.image + "/libexec")
        shutil.copytree(SRC + "/agents", self.image + "/data/agents")
        subprocess.run(["chmod", "-R", "a+rX", self.image], check=True)
        with open(self.key, "rb") as f:
            key = f.read()
        objects = render(overlay)
        for o in objects:
            if o["kind"] == "ConfigMap":
                o["data"]["breakglass.conf"] += settings
                if "pve.pub" in o["data"]:      # what bootstrap --pin writes there
                    with open(self.pve.top + "/hostkey.pub") as f:
                        o["data"]["pve.pub"] = f.read()
        self.pod = Pod(self.dir + "/pod", objects, {("breakglass-ssh", "private_key"): key, **secrets})
        self.run_dir = self.pod.at("/run/breakglass/engine")
        self.socket = self.run_dir + "/console.sock"
        self.sessions = self.pod.at("/var/lib/breakglass/sessions")
        # the lab's ports, and where the programs are; all else is the manifests'
        self.image_env = {k: v for k, v in self.env.items()
                          if k.endswith(("_HOST", "_PORT", "_USER", "SAN_OPTIONS"))}
        self.image_env.update(PATH=self.image + "/libexec:/usr/bin:/bin",
                              BREAKGLASS_LIBEXEC_DIR=self.image + "/libexec",
                              BREAKGLASS_DATA_DIR=self.image + "/data")

    def give_api_key(self):
        """The optional secret comes later, as its ExternalSecret may."""
        with open(self.dir + "/apikey", "rb") as f:
            self.pod.secrets["breakglass-api", "api_key"] = f.read()
        self.pod.write(self.pod.at("/etc/breakglass"), settings_volume(self))

    def has_claude(self, path):
        """As in the image: the first claude of PATH, where every uid can run it."""
        os.mkdir(self.image + "/bin", 0o755)
        with open(self.image + "/bin/claude", "w"):
            pass
        subprocess.run(["mount", "--bind", path, self.image + "/bin/claude"], check=True)
        self.image_env["PATH"] = self.image + "/bin:" + self.image_env["PATH"]

    def run_container(self, n, **env):
        prefix, words, mine = self.pod.command(n)
        words[0] = words[0].replace("/usr/libexec/breakglass", self.image + "/libexec")
        with open("%s/out%d" % (self.dir, n), "ab") as log:
            p = subprocess.Popen([*prefix, *words], env=dict(self.image_env, **mine, **env),
                                 cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.procs.append(p)
        return p

    def exec(self, *words, **more):
        """kubectl exec deploy/breakglass -- WORDS"""
        prefix, _, env = self.pod.command(0)
        return subprocess.run([*prefix, *words], env=dict(self.image_env, **env), cwd="/",
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60, **more)

    def state(self, what):
        r = self.exec("breakglass", "state", "--json", what)
        check("state " + what, r.returncode == 0, r)
        return r.stdout

    def logs(self):
        with open(self.dir + "/out0") as a, open(self.dir + "/out1") as b:
            return a.read()[-1500:] + b.read()[-1500:]

    def probe(self, kind):
        return self.exec(*containers(self.pod.objects)[0][kind]["exec"]["command"])

    def up(self, **env):
        self.run_container(0, **env)
        until("the startup probe", lambda: self.probe("startupProbe").returncode == 0)


def site(overlay, **options):
    def wrap(fn):
        def run():
            s = Site(overlay, **options)
            try:
                fn(s)
            finally:
                s.close()
        run.__name__, run.__doc__ = fn.__name__, fn.__doc__
        return run
    return wrap


@site("base")
def whole(s):
    """the pod of the base: links by the mounted key, a turn of the agent across both uids"""
    file = s.pod.at("/etc/breakglass/key/id_ed25519")
    st = os.stat(file)
    check("root's, the group's, 0440, behind two links",
          (st.st_uid, st.st_gid, st.st_mode & 0o7777) == (0, GROUP, 0o440) and
          os.path.islink(s.pod.at("/etc/breakglass/key")), st)
    s.give_api_key()
    api = Api(s, "main", bash("ssh devvm 'echo on-$((40 + 2))'"), dict(text="found nothing"))
    s.image_env["BREAKGLASS_API_URL"] = "http://127.0.0.1:%d" % api.port
    s.up()
    for kind in ("readinessProbe", "livenessProbe"):
        r = s.probe(kind)
        check(kind, r.returncode == 0 and "pid" in r.stdout, r)
    for host in ("devvm", "pve"):
        until("%s is up" % host, lambda: '"host":"%s","state":"up"' % host in
              s.state("link").replace(" ", ""))
    check("the key", '"key":"file"' in s.state("custody").replace(" ", ""), s.state("custody"))
    check("the agent's container is missed", "has not connected" in s.state("sandbox"))
    s.run_container(1)
    until("agent-host is there", lambda: "has not connected" not in s.state("sandbox"))
    until("the agent is ready", lambda: '"state":"ready"' in s.state("agent").replace(" ", ""))
    r = s.exec("breakglass", "ask", "look")
    check("the agent answers", r.returncode == 0 and "found nothing" in r.stdout, r, s.logs())
    check("its command ran", "on-42" in json.dumps(all_answered(api.asked()[-1])))
    r = s.exec("breakglass", "status")
    check("a verb", r.returncode == 0, r)
    r = s.exec("breakglass", "drill", "--site")
    check("the way to both hosts", r.returncode == 0, r)
    r = s.exec("breakglass", "doctor", "--json")
    said = [json.loads(line) for line in r.stdout.splitlines()]
    failed = [m for m in said if m.get("result") == "fail"]
    check("doctor finds nothing broken", len(said) > 20 and not failed, failed or r)
    r = s.exec("breakglass", "incidents")
    check("the record is on its volume", os.path.basename(s.journals()[0])[:-6] in r.stdout, r)
    r = s.exec("sh", "-c", "breakglass export last -o - | gzip -t && breakglass report last")
    check("and leaves the pod", r.returncode == 0 and "# " in r.stdout, r)
    n = len(s.journal())
    s.probe("readinessProbe")
    check("a probe leaves no record", not [m for m in s.journal()[n:] if m["t"] == "operator"])
    with open(s.dir + "/out0") as f:
        lines = [json.loads(line) for line in f if line.startswith("{")]
    check("and on standard output", [m for m in lines if m.get("t") == "tool"], lines[-3:])


def settings_volume(s):
    return next(v["projected"] for v in
                next(o for o in s.pod.objects if o["kind"] == "Deployment")
                ["spec"]["template"]["spec"]["volumes"] if v["name"] == "settings")


@site("base")
def spoilt(s):
    """a probe needs neither host nor journal nor key; a key that others may read is refused"""
    s.devvm.refuse()
    s.pve.silent()
    volume = dict(settings_volume(s), defaultMode=0o444)
    s.pod.write(s.pod.at("/etc/breakglass"), volume)
    os.chmod(os.path.dirname(s.sessions), 0o555)
    s.up()
    check("no journal", '"state":"memory"' in s.state("journal"))
    check("the liveness probe", s.probe("livenessProbe").returncode == 0)
    until("the key is refused", lambda: "can be read or changed by others" in s.state("link"))
    s.pod.write(s.pod.at("/etc/breakglass"), settings_volume(s))
    s.pve.back()
    until("a right one is taken, without a restart",
          lambda: '"host":"pve","state":"up"' in s.state("link").replace(" ", ""))


@site("base")
def claude(s):
    """the real claude in the pod: a turn of it, within half of the memory that is asked for"""
    path = find_claude()
    if not path:
        raise Skip("no claude; contrib/fetch-claude fetches it")
    s.has_claude(path)
    s.give_api_key()
    much = "ssh devvm 'head -c 200000 /dev/zero | tr \\0 x | fold -w 100'"
    api = Api(s, "main", dict(match="look", text="Looking.", bash=much),
              default=dict(text="all fine"))
    s.image_env["BREAKGLASS_API_URL"] = "http://127.0.0.1:%d" % api.port
    s.up()
    host = s.run_container(1)
    until("claude is ready", lambda: '"driver":"cli"' in s.state("agent").replace(" ", "")
          and '"state":"ready"' in s.state("agent").replace(" ", ""))
    r = s.exec("breakglass", "ask", "look")
    check("claude answers", r.returncode == 0 and "all fine" in r.stdout, r, s.logs())
    used = sum(peak_mib(p) for p in [host.pid] + children(host.pid))
    asked = mebibytes(containers(s.pod.objects)[1])
    print("#   %d of %d MiB" % (used, asked))
    check("agent-host and claude had %d MiB, asked for are %d" % (used, asked), used < asked / 2 and
          used > 100)


def peak_mib(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(f.read().split("VmHWM:")[1].split()[0]) // 1024


@site("federation", settings="url = http://127.0.0.1:1\n")
def federation(s):
    """a projected token, as a kubelet leaves it, is a credential of the API driver"""
    token = os.stat(s.pod.at("/etc/breakglass/api/token"))
    check("0640", token.st_mode & 0o7777 == 0o640 and token.st_gid == GROUP, token)
    s.up()
    s.run_container(1)
    until("the API driver is ready", lambda: '"driver":"api"' in s.state("agent").replace(" ", "")
          and '"state":"ready"' in s.state("agent").replace(" ", ""))


main([whole, spoilt, claude, federation])
