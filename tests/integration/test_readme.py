#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command that README and the operators' documents tell somebody to type.

A command is a line of a fenced block (without a language, or of sh), or words in
back-quotes that begin as a command does.  Each must fit a row of TABLE, which says how it
is run here, and each row must have a command: what no row fits, and a row that fits
nothing, fail.  Names that stand for something of the reader's (PVE, LIST, FILE) are put in
by the row.  /words and keys of the console must be in its keymap.
"""
import glob
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import BUILD, LIMIT, SRC, Failed, Skip, check, main, until, with_rig  # noqa: E402

DOCUMENTS = ["README.md"] + ["docs/" + name for name in (
    "runbook.md", "bootstrap.md", "migration.md", "doctor.md", "drill.md", "json.md")]
BEGINS = re.compile(r"(breakglass (?!engine\b)[a-z-]|breakglass engine -|contrib/[\w-]+ [\w-]|contrib/[\w-]+$|"
                    r"kubectl |ssh -|\./bootstrap|make |htpasswd -|git clone|systemctl |apt(-get)? install |dpkg -i|podman |"
                    r"docker |buildah |npm |vault |loginctl |unshare )")


def commands():
    """(document:line, command), in the order in which a reader meets them."""
    found = []
    for name in DOCUMENTS:
        fence = None
        whole = re.sub(r"\\\n *", "", open(SRC + "/" + name).read())  # lines that go on
        for number, line in enumerate(whole.splitlines(), 1):
            where = "%s:%d" % (name, number)
            m = re.match(r"\s*(`{3,})(\w*)", line)
            if m:
                fence = None if fence is not None else m.group(2)
                continue
            if fence in ("", "sh") or (fence is None and line.startswith("    ")):
                line = re.sub(r"\s+#( .*)?$", "", line.strip())
                line = re.sub(r"^\$ ", "", line)
                if line and not line.startswith(("#", "{")) and " [" not in line and (
                        fence is not None or BEGINS.match(line)):
                    found.append((where, re.sub(r"\s+", " ", line)))
            elif fence is None:
                found += [(where, re.sub(r"\s+", " ", c)) for c in re.findall(r"`([^`]+)`", line)
                          if BEGINS.match(c) and " [" not in c]
    return found


# --- how a command is run

def in_rig(want=(0,), prepare=None, limit=None, **words):
    """By a shell, with an engine and two hosts of the rig behind it."""
    def how(case, command):
        if "%s %s" % (want, command) in case.ran and not prepare:
            return
        case.ran.add("%s %s" % (want, command))
        more = prepare(case.rig) if prepare else {}
        for name, value in {**words, **more}.items():
            command = command.replace(name, value)
        if limit:                   # it goes on until it is ended
            command = "timeout %d %s" % (limit, command)
        r = subprocess.run(["bash", "-o", "pipefail", "-c", command], env=case.env, text=True,
                           cwd=tempfile.mkdtemp(dir=case.folder), stdin=subprocess.DEVNULL,
                           capture_output=True, timeout=90)
        check("%s: exit status %s" % (command, "/".join(map(str, want))),
              r.returncode in want, r.returncode, r.stdout[-600:], r.stderr[-600:])
    return how


def on_hosts(want=0):
    """By readme_hosts.sh, all of them in a row: two hosts of a machine of its own."""
    def how(case, command):
        for old, new in (
                (r"root@(PVE|ADDRESS|192\.168\.1\.127)", "root@127.0.0.1"),
                (r"(USER@DEVVM|you@10\.0\.10\.10)", "you@127.0.0.1"),
                (r"\bLIST\b|192\.168\.1\.2,192\.168\.1\.40", "127.0.0.1,127.0.0.3"),
                (r"--pin \S+", "--pin pve.pub"), (r"--drop-key FILE", "--drop-key page.pub")):
            command = re.sub(old, new, command)
        if " key" not in command:
            command += " --port PORT"
        line = "%d %s" % (want, command)
        if line not in case.on_hosts:
            case.on_hosts.append(line)
    return how


def console(keys=b"\x1b0"):
    """On a terminal: it comes up, shows the machine, and leaves by its key."""
    def how(case, command):
        if command in case.ran:
            return
        case.ran.add(command)
        pid, fd = pty.fork()
        if pid == 0:
            os.chdir(case.folder)
            os.execve("/bin/bash", ["bash", "-c", "stty rows 24 cols 80; exec " + re.sub(
                r"\bNAME\b", "ann", command)], dict(case.env, TERM="xterm"))
        seen, sent = b"", False
        end = time.monotonic() + LIMIT
        status = None
        try:
            while status is None:
                check("%s: shows VM 102 and leaves by its key" % command,
                      time.monotonic() < end, seen[-800:])
                if select.select([fd], [], [], 0.05)[0]:
                    try:
                        seen += os.read(fd, 65536)
                    except OSError:
                        pass
                if not sent and b"VM 102" in seen:
                    os.write(fd, keys)
                    sent = True
                got, value = os.waitpid(pid, os.WNOHANG)
                status = value if got else None
        finally:
            if status is None:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            os.close(fd)
        check("%s: exit status 0" % command, os.WIFEXITED(status) and
              os.WEXITSTATUS(status) == 0, status, seen[-400:])
    return how


def elsewhere(test, needle):
    """Another test runs it: one that exists, is among the tests, and has these words."""
    def how(case, command):
        path = SRC + "/" + test
        check("%s: there is %s" % (command, test), os.path.exists(path))
        check("%s: %s runs it" % (command, test), needle in open(path).read(), needle)
        lists = "".join(open(m).read() for m in glob.glob(SRC + "/**/module.am", recursive=True))
        lists += open(SRC + "/contrib/check").read() + open(SRC + "/.ci/run").read()
        check("%s: %s is among the tests" % (command, test), os.path.basename(test) in lists)
    return how


def cluster():
    """No cluster here: the names in it are those of the manifests, the files are there, and
    what the command runs in the pod without a terminal runs in the rig."""
    text = "".join(open(f).read() for f in glob.glob(
        SRC + "/packaging/kubernetes/**/*.yaml", recursive=True))

    def how(case, command):
        outside, _, inside = command.partition(" -- ")
        for name in re.findall(r"[\w./-]*(?:breakglass|tier-0)[\w./-]*", outside):
            if name.startswith("packaging/"):
                check("%s: %s is there" % (command, name), glob.glob("%s/%s" % (SRC, name)))
                check("%s: kustomize knows it" % command, " -k " not in outside or
                      os.path.exists("%s/%s/kustomization.yaml" % (SRC, name)))
            else:
                check("%s: the manifests have %s" % (command, name), re.search(
                    r"(name|priorityClassName): %s\b" % re.escape(name.split("/")[-1]), text))
        for name in re.findall(r" -c (\w+)", outside):
            check("%s: there is a container %s" % (command, name), "- name: %s\n" % name in text)
        if inside.startswith("breakglass ") and " -it " not in outside:
            in_rig(want=(0, 1))(case, inside)
    return how


def rotated():
    """A rotation's wait for the pod: it goes on while the old key is there, and ends with the
    new one, which the kubelet brings while it sleeps."""
    def how(case, command):
        place = tempfile.mkdtemp(dir=case.folder)
        os.mkdir(place + "/.ssh")
        new, mounted = place + "/.ssh/breakglass", place + "/mounted"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", new], check=True)
        shutil.copy(case.rig.key, mounted)
        for name, text in (("kubectl", 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"'),
                           ("sleep", "echo >>%s/slept; cp %s %s" % (place, new, mounted))):
            with open("%s/%s" % (place, name), "w") as f:
                f.write("#!/bin/sh\n%s\n" % text)
            os.chmod("%s/%s" % (place, name), 0o755)
        env = dict(case.env, PATH=place + ":" + case.env["PATH"], HOME=place, BREAKGLASS_KEY_PATH=mounted,
                   BREAKGLASS_PVE_PORT="1", BREAKGLASS_DEVVM_PORT="1")   # only the key is looked at
        r = subprocess.run(["bash", "-c", command], env=env, text=True, stdin=subprocess.DEVNULL,
                           capture_output=True, timeout=120)
        check("%s: waits for the new key" % command,
              open(place + "/slept").read() == "\n" and r.returncode == 0, r)
        check("%s: shows the key's line alone" % command, len(r.stdout.splitlines()) == 1 and
              '"check":"key"' in r.stdout.replace(" ", ""), r.stdout, r.stderr)
    return how


def files():
    """What is not here to be asked: the files and units that it names are there."""
    def how(case, command):
        for name in re.findall(r"packaging/[\w./-]+\w", command):
            check("%s: there is %s" % (command, name), os.path.exists(SRC + "/" + name))
        for name in re.findall(r"systemctl .*?(breakglass[\w-]*)(?:\.service)?(?: |$)", command):
            check("%s: there is a unit %s" % (command, name), glob.glob(
                "%s/packaging/*/%s.service*" % (SRC, name)))
    return how


def groups():
    """Nothing is installed here: the groups of packages are there."""
    def how(case, command):
        r = subprocess.run([SRC + "/contrib/deps", "list", *command.split()[2:]],
                           capture_output=True, text=True)
        check("%s: contrib/deps knows these" % command, r.returncode == 0 and r.stdout, r.stderr)
    return how


def builder():
    """A builder of images is not needed here, and not asked: what it is given is known."""
    recipe = glob.glob(SRC + "/packaging/container/Containerfile*")

    def how(case, command):
        for name in re.findall(r"--build-arg (\w+)=", command):
            check("%s: the recipe has %s" % (command, name),
                  recipe and re.search(r"(?m)^ARG %s\b" % name, open(recipe[0]).read()))
    return how


def changed_key(rig):
    """The PVE host has another key from now on; its fingerprint, as it was shown."""
    rig.pve.new_key()
    rig.pve.cut()

    def shown():
        for line in rig.cli("state", "link", "--json").stdout.splitlines():
            link = json.loads(line)
            if link["host"] == "pve" and link.get("key") == "changed":
                return link["fingerprint"]
        return None
    return dict(FINGERPRINT=until("the changed key is seen", shown))


def plain_ssh(rig):
    return dict(KEY="%s -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "
                "-o LogLevel=ERROR -p %d" % (rig.key, rig.pve.port),
                **{"root@PVE": rig.env["BREAKGLASS_PVE_USER"] + "@127.0.0.1"})


DEMO, WALK = "tests/integration/test_demo_lab.sh", "tests/integration/test_readme_walk.py"
DRILL = "tests/integration/test_drill.py"
TABLE = [
    (r"contrib/demo", elsewhere(WALK, "contrib/demo")),
    (r"contrib/demo --no-console", elsewhere(DEMO, "contrib/demo\" --no-console")),
    (r"contrib/demo --(wedge MODE|guest debian)", elsewhere(DEMO, "--guest \"$guest\" --wedge")),
    (r"contrib/check", elsewhere(".ci/run", "contrib/check")),
    (r"sudo contrib/deps install build lab", elsewhere(WALK, "sudo contrib/deps install build lab")),
    (r"\./bootstrap && mkdir -p build && .*make\)", elsewhere(WALK, "../configure && make)")),
    (r"sudo make -C build install", elsewhere(WALK, "sudo make -C build install")),
    (r"contrib/build-deb", elsewhere("contrib/check", "contrib/build-deb")),
    (r"contrib/fetch-claude", elsewhere("tests/integration/test_claude_cli.sh", "fetch-claude")),
    (r"contrib/bootstrap key( --apply)?", on_hosts()),
    (r"contrib/bootstrap (pve|devvm) .*", on_hosts()),
    (r"contrib/bootstrap rotate .*", on_hosts()),
    (r"kubectl .*", cluster()),
    (r"contrib/bootstrap", elsewhere("tests/integration/test_bootstrap.sh", "\"$BOOTSTRAP\"")),
    (r"breakglass( --as (NAME|ann)| --read-only| -v)?", console()),
    (r"breakglass --linear", console(b"/detach\r")),
    (r"breakglass (status|verdict|who|ping)", in_rig(want=(0, 1))),
    (r"breakglass (help cold|state( \w+)?|journal|incidents|events)", in_rig()),
    (r"breakglass runbook triage --offline", in_rig()),
    (r"breakglass cycle --confirm cycle", in_rig()),
    (r"breakglass doctor( --offline)?( --json \| jq .*| >/dev/null .*)?", in_rig(want=(0, 1))),
    (r"breakglass drill( frozen| iostall| any| --auto)?", elsewhere(DRILL, "\"drill\", \"powered-off\"")),
    (r"breakglass drill --list", in_rig()),
    (r"breakglass drill --site", in_rig()),
    (r"breakglass replay SESSIONS_DIR/.*", in_rig(prepare=lambda rig: {
        "SESSIONS_DIR/drill-UTC.jsonl": rig.journals()[0]})),
    (r"breakglass note .*|breakglass incident close", in_rig()),
    (r"breakglass retry", in_rig()),
    (r"breakglass (report|export)( last)?( -o [\w.-]+)?", in_rig()),
    (r"breakglass replay( last)?", in_rig()),
    (r"breakglass journal verify( --host)?", in_rig(want=(0, 76))),
    (r"breakglass journal verify --anchors FILE", in_rig(want=(0, 76), FILE="/dev/null")),
    (r"breakglass engine --replace", in_rig()),
    (r"breakglass events --follow .*json( \| jq .*)?", in_rig(want=(0, 124), limit=1)),
    (r"breakglass (state link|verdict|incidents) --json \| jq .*", in_rig()),
    (r"breakglass accept-key pve FINGERPRINT", in_rig(prepare=changed_key)),
    (r"ssh -i KEY -o IdentitiesOnly=yes root@PVE status", in_rig(prepare=plain_ssh)),
]


# documents that say how it is brought somewhere, with what only they have
PLACES = {
    "docs/kubernetes.md": [
        (r"contrib/render-manifests.*", elsewhere("tests/packaging/test_manifests.py", "render")),
        (r"until kubectl .* -- breakglass doctor --json \| grep .*", rotated()),
        (r"vault .*", files())],
    "docs/container.md": [
        (r"(sudo )?contrib/build-image.*", elsewhere("tests/packaging/test_image.py", "build-image")),
        (r"contrib/deps install .*", groups()),
        (r"(podman|docker|buildah) .*", builder())],
    "docs/jumphost.md": [
        (r"make install", elsewhere(WALK, "make -C build install")),
        (r"sudo -u _breakglass breakglass .*", elsewhere(
            "tests/integration/test_doctor_places.py", "README.Debian has five")),
        (r"breakglass replay FILE", in_rig(prepare=lambda rig: {"FILE": rig.journals()[0]})),
        (r"(systemctl|loginctl|journalctl) .*", files())],
}
for place, rows in PLACES.items():
    if os.path.exists(SRC + "/" + place):
        DOCUMENTS.append(place)
        TABLE += rows


class Case:
    def __init__(self, rig):
        self.rig, self.ran, self.on_hosts = rig, set(), []
        self.folder = rig.dir + "/here"
        os.mkdir(self.folder)
        os.mkdir(rig.dir + "/bin")
        os.symlink(BUILD + "/src/breakglass", rig.dir + "/bin/breakglass")
        self.env = dict(rig.env, PATH=rig.dir + "/bin:" + rig.env["PATH"])


def row_of(command):
    return next((i for i, (pattern, _) in enumerate(TABLE)
                 if re.fullmatch(pattern, command)), None)


def each_has_a_row():
    """every command of the documents has a row of the table, and every row a command"""
    found = commands()
    check("there are commands", len(found) > 60, len(found))
    none = ["%s: %s" % c for c in found if row_of(c[1]) is None]
    check("each has a row that says how it is run", not none, "\n    ".join(none))
    used = {row_of(c) for _, c in found}
    unused = [TABLE[i][0] for i in range(len(TABLE)) if i not in used and
              TABLE[i] not in sum(PLACES.values(), [])]
    check("each row has a command", not unused, unused)


@with_rig(agent_driver="runbook")
def each_runs(rig):
    """each of them does what it should: here, in another test, or its names are there"""
    case = Case(rig)
    rig.pve.write("mode", "running\n")
    check("an engine", rig.cli("engine", "--ensure").returncode == 0)
    until("both hosts", lambda: '"up"' in rig.cli("state", "link", "--json").stdout)
    wrong = []
    for where, command in commands():
        began = time.monotonic()
        try:
            row = row_of(command)
            if row is not None:
                TABLE[row][1](case, command)
        except Failed as e:
            wrong.append("%s: %s" % (where, e))
        if time.monotonic() - began > 1:
            print("#   %.1f s: %s (%s)" % (time.monotonic() - began, command, where))
    check("they were run", len(case.ran) > 20 and len(case.on_hosts) > 8, case.ran, case.on_hosts)
    with open(rig.dir + "/lines", "w") as f:
        f.write("\n".join(case.on_hosts) + "\n")
    r = subprocess.run(["bash", SRC + "/tests/integration/readme_hosts.sh", rig.dir + "/lines"],
                       env=dict(os.environ, abs_top_srcdir=SRC, abs_top_builddir=BUILD),
                       stdin=subprocess.DEVNULL, text=True, capture_output=True, timeout=300)
    print("".join("#   %s\n" % line for line in r.stdout.splitlines()), end="")
    check("each does what it should", not wrong, *wrong)
    if r.returncode == 77:
        raise Skip("of the hosts' commands: " + r.stdout.strip().splitlines()[-1])
    check("the commands for the hosts", r.returncode == 0, r.stdout[-3000:], r.stderr[-600:])


def words_of_the_command_line():
    """each "breakglass WORD" of any document is a command"""
    def words(path, pattern):
        return set(re.findall(pattern, open(SRC + path).read()))
    known = words("/src/commands.c", r'\{"([a-z-]+)", GROUP_') | words(
        "/src/wire/verbs.def", r'VERB\([A-Z]+, "([a-z]+)"') | {"COMMAND", "VERB", "WORD"}
    for path in glob.glob(SRC + "/*.md") + glob.glob(SRC + "/docs/**/*.md", recursive=True):
        for number, line in enumerate(open(path), 1):
            for word in re.findall(r"`breakglass ([A-Za-z-]+)\b[^`]*`", line):
                check("%s:%d: there is a command %s" % (path, number, word),
                      word in known or word.startswith("-"))


def words_of_the_console():
    """each /word that the documents name is one of the console's"""
    keymap = open(SRC + "/src/console/action/keymap.c").read()
    known = {"/" + word for word in re.findall(r'"([a-z]+)", ', keymap)} | {"/state", "/again"}
    for name in DOCUMENTS:
        for number, line in enumerate(open(SRC + "/" + name), 1):
            for word in re.findall(r"`(/[a-z]+)(?:`| [^`]*`)", line):
                check("%s:%d: %s is a command of the console" % (name, number, word),
                      word in known or os.path.isdir(word))


@with_rig(pve=False, devvm=False)
def the_example_configuration(rig):
    """contrib/breakglass.conf.example, with no line commented out, is read and is the default"""
    text = open(SRC + "/contrib/breakglass.conf.example").read()
    text = re.sub(r"(?m)^#(?=\[|[a-z_]+ =)", "", text)
    check("every setting is there", len(re.findall(r"(?m)^[a-z_]+ =", text)) > 60, text)
    with open(rig.dir + "/all.conf", "w") as f:
        f.write(text)
    env = {k: v for k, v in rig.env.items() if k in (
        "PATH", "HOME", "LC_ALL", "BREAKGLASS_LIBEXEC_DIR", "BREAKGLASS_DATA_DIR",
        "BREAKGLASS_RUN_DIR", "BREAKGLASS_SESSIONS_DIR", "BREAKGLASS_SYSLOG") or "SAN" in k}
    env["BREAKGLASS_CONFIG"] = rig.dir + "/all.conf"
    c = rig.cli("ping", env=env)
    check("it is read", c.returncode == 69 and "no engine runs" in c.stderr, c)
    with open(rig.dir + "/all.conf", "a") as f:
        f.write("no_such_setting = 1\n")
    c = rig.cli("ping", env=env)
    check("a line more is told", c.returncode == 64 and "no_such_setting" in c.stderr, c)


if __name__ == "__main__":
    main([the_example_configuration, each_has_a_row, words_of_the_console,
          words_of_the_command_line, each_runs])
