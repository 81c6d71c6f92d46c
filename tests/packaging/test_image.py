#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Goal: the image is what its recipe says, and works as the pod that our manifests make.

contrib/build-image builds it, and both containers of packaging/kubernetes are started of it
in namespaces: read-only root, no capability, their uids, the kubelet's volumes.  On the
lab (contrib/lab/lab): probe, console on a pty, status, forensics, a confirmed cycle, a turn
of the agent with the real claude where it can be had, and the end by SIGTERM.
BREAKGLASS_IMAGE names an archive that is there; BG_LONG=1 builds a second time and compares.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import traceback

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
SRC = os.path.abspath(os.environ.get("abs_top_srcdir") or HERE + "/../..")
sys.path[:0] = [HERE, SRC + "/tests/integration", SRC + "/tests/screen"]
import container                                                        # noqa: E402
from engine_rig import SANITIZED, Failed, check, until                             # noqa: E402
from manifest_render import render, skip                                # noqa: E402
from manifest_rules import containers, of, pod as template              # noqa: E402
from pod import Pod, with_site                                          # noqa: E402
from terminal import Terminal                                           # noqa: E402

API_KEY = "sk-ant-test-never-seen-hQ7wZk3mXv"
PROMPT = "look at the devvm"
COMMAND = "ssh devvm 'echo on-$((40 + 2)); id -un'; id -u; touch /outside"
LONG_S = 120


class Site:
    """What is made once for all tests: the image, its files, the lab, the API."""

    def __init__(self, folder):
        self.dir, self.lab, self.api = folder, None, None
        self.claude = find_claude()
        self.tar, self.root = folder + "/image.tar", folder + "/root"

    def build(self):
        began = time.monotonic()
        given = os.environ.get("BREAKGLASS_IMAGE")
        if given:
            self.tar = given
        else:
            build(self.tar, self.claude)
        print("# built in %.1f s" % (time.monotonic() - began), flush=True)
        self.config, layers = unpack(self.tar, self.root)
        print("# %.0f MB packed: %s" % (os.stat(self.tar).st_size / 1e6, ", ".join(
            "%.1f" % (n / 1e6) for n in layers)), flush=True)

    def start(self):
        self.lab = [SRC + "/contrib/lab/lab", "-q", "--name", "image-%d" % os.getpid()]
        r = subprocess.run([*self.lab, "up", "--die-with", str(os.getpid()), "--host-program",
                            self.root + "/usr/libexec/breakglass/breakglass-pve"],
                           capture_output=True, text=True)
        if r.returncode:
            skip("the lab cannot be made here: " + r.stderr.strip()[-200:])
        said = subprocess.run([*self.lab, "env"], capture_output=True, text=True).stdout
        self.env = dict(re.findall(r"export BREAKGLASS_(\w+)='?([^'\n]*)'?", said))
        call = {"bash": COMMAND} if self.claude else {
            "tool": "Bash", "input": {"command": COMMAND, "timeout_ms": None}}
        with open(self.dir + "/s.json", "w") as f:
            json.dump(dict(api_key=API_KEY, replies=[
                dict(match=PROMPT, **call),
                dict(match=dict(result="on-42"), text="The devvm answers, says the agent.")]), f)
        self.api = subprocess.Popen(
            [SRC + "/tests/fakes/messages-api", "--scenario", self.dir + "/s.json", "--port-file",
             self.dir + "/port", "--record", self.dir + "/api.jsonl"], cwd=self.dir,
            stdin=subprocess.DEVNULL)
        self.port = until("the API", lambda: os.path.exists(self.dir + "/port") and
                          open(self.dir + "/port").read().strip())

    def settle(self, objects):
        """The rendered objects with this site's hosts; what its Secrets hold."""
        e = self.env
        for o in of(objects, "ConfigMap"):
            o["data"]["breakglass.conf"] = with_site(
                o["data"]["breakglass.conf"], api_url="http://127.0.0.1:" + self.port,
                devvm_host=e["DEVVM_HOST"], devvm_port=e["DEVVM_PORT"],
                devvm_user=e["DEVVM_USER"], pve_host=e["PVE_HOST"], pve_port=e["PVE_PORT"],
                pve_user=e["PVE_USER"])
        with open(e["KEY_PATH"], "rb") as f:
            return {("breakglass-ssh", "private_key"): f.read(),
                    ("breakglass-api", "api_key"): API_KEY.encode() + b"\n"}

    def close(self):
        if self.api:
            self.api.kill()
            self.api.wait()
        if self.lab:
            subprocess.run([*self.lab, "down"], capture_output=True)


def find_claude():
    with open(SRC + "/build-aux/claude-version") as f:
        version = f.read().strip()
    cache = os.environ.get("XDG_CACHE_HOME") or os.environ.get("HOME", "") + "/.cache"
    path = os.environ.get("BREAKGLASS_CLAUDE") or \
        "%s/breakglass/claude/%s/claude" % (cache, version)
    return path if os.access(path, os.X_OK) else None


def build(out, claude):
    r = subprocess.run(
        [SRC + "/contrib/build-image", "--out", out,
         *(["--claude", claude] if claude else ["--without-claude"])], stdout=subprocess.DEVNULL)
    if r.returncode == 4:
        skip("the image cannot be built here; the reason stands above")
    check("the image is built", r.returncode == 0)


def blob(tar, digest):
    return tar.extractfile("blobs/" + digest.replace(":", "/"))


def unpack(path, root):
    """As a runtime does, layer upon layer; the image's config, and the layers' sizes."""
    os.mkdir(root)
    with tarfile.open(path) as tar:
        index = json.load(tar.extractfile("index.json"))
        manifest = json.load(blob(tar, index["manifests"][0]["digest"]))
        config = json.load(blob(tar, manifest["config"]["digest"]))
        for layer in manifest["layers"]:
            with tempfile.NamedTemporaryFile(dir=os.path.dirname(root)) as f:
                shutil.copyfileobj(blob(tar, layer["digest"]), f, 1 << 20)
                f.flush()
                gone = [n for n in subprocess.run(["tar", "-tzf", f.name], capture_output=True,
                                                  text=True).stdout.split("\n") if "/.wh." in n]
                for n in gone:
                    at = root + "/" + n.replace(".wh.", "", 1)
                    (shutil.rmtree if os.path.isdir(at) and not os.path.islink(at)
                     else os.unlink)(at)
                subprocess.run(["tar", "--numeric-owner", "--exclude=.wh.*", "-xpzf", f.name,
                                "-C", root], check=True)
    return config, [layer["size"] for layer in manifest["layers"]]


def walk(root):
    for at, dirs, files in os.walk(root):
        for name in dirs + files:
            path = at + "/" + name
            yield path[len(root):], os.lstat(path)


# --- what is in it ---

def recipe(site):
    """user, command and labels are the recipe's; there is nothing that should not be"""
    with open(SRC + "/packaging/container/Containerfile") as f:
        text = f.read()
    config = site.config["config"]
    check("its user", "\nUSER %s\n" % config["User"] in text and config["User"] == "10001:10001")
    check("its command", "\nCMD %s\n" % json.dumps(config["Cmd"]) in text, config)
    labels = config["Labels"]
    check("its version", re.match(r"\d+\.\d+", labels["org.opencontainers.image.version"]), labels)
    check("its revision", labels["org.opencontainers.image.revision"], labels)
    check("no setting in the environment: it would beat the configuration",
          not [w for w in config["Env"] if w.startswith("BREAKGLASS_")], config["Env"])
    found, size = {}, 0
    for path, st in walk(site.root):
        kind, mode = st.st_mode & 0o170000, st.st_mode & 0o7777
        size += st.st_size if kind == 0o100000 else 0
        if kind in (0o020000, 0o060000, 0o010000):
            found[path] = "a device or a pipe"
        elif kind == 0o100000 and mode & 0o6000:
            found[path] = "changes its uid or gid"
        elif kind != 0o120000 and mode & 2 and not mode & 0o1000:
            found[path] = "anybody may write it"
        elif kind == 0o100000 and re.match(
                r"/var/lib/apt/lists/.|/var/cache/apt/.*\.(deb|bin)$|/var/log/.|/tmp/.|/mnt/.|"
                r"/usr/share/(man|info|locale)/.|/usr/share/doc/.*/(?!copyright$)[^/]*$|/root/\.ssh",
                path):
            found[path] = "nobody needs it"
        elif kind == 0o100000 and os.listxattr(site.root + path, follow_symlinks=False):
            found[path] = "has attributes: " + str(os.listxattr(site.root + path))
    check("nothing in it that should not be", not found, *list(found.items())[:20])
    for path in ("/usr/bin/breakglass", "/usr/libexec/breakglass/engine",
                 "/etc/ssl/certs/ca-certificates.crt", "/usr/share/doc/breakglass/copyright"):
        check(path + " is there", os.path.isfile(site.root + path))
    check("claude, where it was given", os.path.isfile(
        site.root + "/usr/local/bin/claude") == bool(site.claude))
    for name in ("perl-modules-5.36", "python3", "openssh-client", "curl", "sudo"):
        check("no " + name, not os.path.exists("%s/var/lib/dpkg/info/%s.list" % (site.root, name)))
    for path in ("/home/breakglass", "/home/agent", "/etc/breakglass"):
        check(path + " is there", os.path.isdir(site.root + path))
    print("# %.0f MB of files" % (size / 1e6))


def same_bytes(site):
    """built once more, it is the same bytes"""
    build(site.dir + "/again.tar", site.claude)
    with open(site.tar, "rb") as a, open(site.dir + "/again.tar", "rb") as b:
        while True:
            x, y = a.read(1 << 20), b.read(1 << 20)
            check("the same bytes", x == y, a.tell())
            if not x:
                break
    os.unlink(site.dir + "/again.tar")


# --- as a pod ---

class Seat:
    """A terminal with `kubectl exec -it` in front of it."""
    all = []

    def __init__(self, c, env, size="80x24"):
        self.p = c.exec(["breakglass"], env, size)
        self.t = Terminal(*(int(n) for n in size.split("x")))
        self.fed = 0
        Seat.all.append(self)

    def text(self):
        self.p.pump(0.05)
        self.t.feed(bytes(self.p.out[self.fed:]))
        self.fed = len(self.p.out)
        return self.t.text()

    def pump(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.p.pump(0.05)

    def sees(self, *patterns, limit=120):
        for pattern in patterns:
            try:
                until("the screen has " + pattern, lambda p=pattern: re.search(p, self.text()), limit)
            except Failed as e:
                raise Failed(*e.args, self.t.text())


def ran(c, *argv, limit=240):
    """(exit status, output) of `kubectl exec -- ARGV`."""
    p = c.exec(list(argv))
    status = p.wait(limit)
    while p.pump():
        pass
    return status, p.out.decode(errors="replace")


def records(pod):
    """All records of the journals in the volume."""
    top, found = pod.volumes["journal"] + "/sessions/incidents", []
    for name in sorted(os.listdir(top)) if os.path.isdir(top) else []:
        if name.endswith(".jsonl"):
            with open(top + "/" + name, "rb") as f:
                found += [json.loads(line) for line in f.read().split(b"\n")[:-1]]
    return found


def verb(pod, word):
    """Waits until the verb is finished, and returns that fact."""
    return until(word + " is finished", lambda: [
        r for r in records(pod) if r["t"] == "verb" and r["verb"] == word and
        r["state"] in ("finished", "refused", "unknown")], LONG_S)[-1]


def whole(pod):
    """Who runs there, and what they may: nobody is root, nobody has a capability."""
    seen = 0
    for name, uid in (("engine", 10001), ("agent", 10002)):
        c = pod.containers[name]
        for pid, words in c.processes().items():
            try:
                who = [container.status(pid, f) for f in ("Uid", "Gid", "Groups", "NoNewPrivs",
                                                          "Seccomp")]
                caps = [container.status(pid, "Cap" + f) for f in ("Inh", "Prm", "Eff", "Bnd", "Amb")]
            except (OSError, IndexError):
                continue
            check("%s: who it is" % words, who == [[str(uid)] * 4, [str(uid)] * 4, ["10003"],
                                                  ["1"], ["2"]], who)
            check("%s: no capability" % words, all(int(x, 16) == 0 for [x] in caps), caps)
            seen += 1
    return seen


def as_pod(site):
    """engine and agent-host of one image: probe, console, verbs, a turn, the end"""
    site.start()
    before = dict(walk(site.root))
    objects = render("base")
    pod = Pod(objects, site.settle(objects), site.root, site.config["config"], site.dir)
    try:
        engine, agent = pod.containers["engine"], pod.containers["agent"]
        agent.start()                           # it waits for the other
        engine.start()
        try:
            play(site, pod, engine, agent)
        except Failed as e:
            raise Failed(*e.args, *("--- %s\n%s" % (c.log, open(c.log).read()[-1500:])
                                    for c in (engine, agent)), *(s.text() for s in Seat.all))
    finally:
        pod.close()
    after = dict(walk(site.root))
    changed = [p for p in set(before) | set(after) if p not in before or p not in after or
               (before[p].st_ctime_ns, before[p].st_size) != (after[p].st_ctime_ns, after[p].st_size)]
    check("nothing was written outside the volumes", not changed, changed[:10])


def play(site, pod, engine, agent):
    began = time.monotonic()
    [probe] = [c["readinessProbe"]["exec"]["command"] for c in containers(pod.objects)
               if c["name"] == "engine"]
    until("the probe passes", lambda: ran(engine, *probe)[0] == 0)
    print("# the probe passes after %.1f s" % (time.monotonic() - began), flush=True)
    for c in (engine, agent):
        status, said = ran(c, "touch", "/outside", "/usr/outside")
        check("a read-only root", status == 1 and said.count("Read-only") == 2, said)
        status, said = ran(c, "cat", "/etc/breakglass/key/id_ed25519")
        check("the key is the engine's alone", ("PRIVATE KEY" in said) == (c is engine), said)
    until("agent-host is connected", lambda: "has not connected" not in
          ran(engine, "breakglass", "state", "sandbox")[1])
    print("# " + ran(engine, "breakglass", "state", "sandbox")[1].strip(), flush=True)

    seat = Seat(engine, dict(TERM="xterm"), "100x40")
    seat.sees(r"VM 102", r"running", r"devvm (up|ok|\d)|devvm")
    seat.p.type("/status\r")
    check("status", verb(pod, "status").get("exit") == 0, records(pod)[-3:])
    seat.p.type("\x1bOR")
    check("forensics", verb(pod, "forensics").get("exit") == 0, records(pod)[-3:])
    turn(site, pod, seat)
    print("# %d processes, all without a capability" % whole(pod), flush=True)
    cycle(pod, seat)
    seat.p.type("\x1b0")                        # F10's twin
    check("the console detaches", seat.p.wait(60) == 0, seat.text())

    bare = Seat(engine, {})
    check("TERM is unset there", "TERM" not in engine.spec["env"])
    bare.sees(r"VM 102", r"running")
    bare.p.kill(signal.SIGHUP)
    bare.p.wait(60)
    end(pod, engine, agent, template(pod.objects)["terminationGracePeriodSeconds"])


def turn(site, pod, seat):
    seat.p.type(PROMPT + "\r")
    seat.sees("The devvm answers, says the agent", limit=LONG_S)
    with open(site.dir + "/api.jsonl") as f:
        asked = [json.loads(line) for line in f]
    asked = [r for r in asked if r.get("method") == "POST"]
    said = json.dumps(asked[-1])
    check("the tool ran there, as the agent, on a read-only root", "on-42" in said and
          "10002" in said and "Read-only file system" in said, said[-1500:])
    if site.claude:
        check("it was claude", "claude-cli" in json.dumps(asked[-1]["headers"]), asked[-1]["headers"])
        check("it runs", [w for w in pod.containers["agent"].processes().values()
                          if w.startswith("/usr/local/bin/claude")],
              pod.containers["agent"].processes())


def cycle(pod, seat):
    began = time.monotonic()
    seat.p.type("\x1b[18~")                     # F7
    seat.sees("Type cycle")
    seat.pump(0.4)                              # what was typed before the box stood is no yes
    seat.p.type("cycle\r")
    f = verb(pod, "cycle")
    check("cycle", f.get("exit") == 0, f)
    done = until("the proof", lambda: [r for r in records(pod) if r["t"] == "state" and
                                       r.get("what") == "proof" and r.get("done")], LONG_S)[-1]
    check("the devvm is back", done["end"] == "healthy", done)
    print("# cycled, and healthy after %.1f s" % (time.monotonic() - began), flush=True)


def end(pod, engine, agent, grace):
    for c in (engine, agent):
        began = time.monotonic()
        os.kill(c.first.pid, signal.SIGTERM)
        check("%s ends by SIGTERM" % c.spec["name"], c.first.wait(grace) == 0,
              c.first.status, open(c.log).read()[-1000:])
        print("# %s ended in %.1f s" % (c.spec["name"], time.monotonic() - began), flush=True)
    said = open(engine.log).read()
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    check("the record stands on stdout, with its anchors", [r for r in lines if r.get("t") == "verb"]
          and "anchor" in said and API_KEY not in said and "PRIVATE KEY" not in said, said[-1500:])
    # another container of the same volumes reads it
    look = container.Container(pod.root, pod.dir, dict(
        engine.spec, name="look", command=["breakglass", "journal", "verify"]))
    os.makedirs(pod.dir + "/look", exist_ok=True)
    try:
        check("the journal is whole to its end", look.start().wait(120) == 0, open(look.log).read())
    finally:
        look.close()


TESTS = [recipe, as_pod] + ([same_bytes] if os.environ.get("BG_LONG") else [])


def main():
    if SANITIZED:
        skip("nothing of a build with sanitizers runs in the image")
    if os.getuid() != 0:
        skip("needs root: namespaces, and files of other users")
    try:
        container.own_mounts()
        container.Filter()
    except OSError as e:
        skip("no namespaces or no libseccomp here: %s" % e)
    folder = tempfile.mkdtemp(prefix="bg-image", dir=os.environ.get("TMPDIR", "/tmp"))
    os.chmod(folder, 0o755)
    site = Site(folder)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    failed = 0
    try:
        for t in [lambda site: site.build()] + TESTS:
            began, word, why = time.monotonic(), "ok", ""
            try:
                t(site)
            except Exception as e:
                word, failed = "FAILED", failed + 1
                why = "\n".join(map(str, e.args)) if isinstance(e, Failed) else \
                    traceback.format_exc()
            print("%s - %s (%.2f s)%s" % (word, t.__doc__ or "the image is built",
                                          time.monotonic() - began, ": " + why if why else ""),
                  flush=True)
            if failed:
                break
    finally:
        site.close()
        if not os.environ.get("KEEP"):
            for _ in range(20):                 # what was mounted goes with us
                if subprocess.run("awk '$2 ~ D {print $2}' D=%s /proc/mounts | sort -r | "
                                  "xargs -r umount -l" % folder, shell=True).returncode == 0:
                    break
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
