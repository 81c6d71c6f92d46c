#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Goal: from inside the agent's shell every way out is closed, or is named as open.

The ways are written down in sandbox_probes.py.  They are tried below claude and below the
API driver, with all mechanisms, in a set-up like a container's, and on kernels that lack
one mechanism (a filter in front of the engine says so in the kernel's place).
"""
import base64
import ctypes
import json
import os
import re
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from engine_rig import (BUILD, SANITIZED, Failed, Rig, Skip, check, children,  # noqa: E402
                        main, until)
from test_engine_agent import with_claude  # noqa: E402
from test_engine_choice import Api, endpoints  # noqa: E402
from test_engine_turn import agent, done, prompt  # noqa: E402

# Which word of `open` names which probe; what is not here must be denied everywhere.
NAMED = {
    "files of this uid": ("01", "02", "03", "04", "27", "28", "29", "30", "31", "05", "06", "07", "13"),
    "the agent's own folder": ("27", "28", "29"),
    "UNIX sockets of this uid": ("18", "21", "23"),
    "signals": ("11", "12"),
    "abstract sockets": ("22",),
    "memory of this uid's processes": ("06", "13", "14"),     # 06: how many, as root
    "system calls": ("10", "14", "23", "32", "33", "34", "35", "36", "37", "39",
                     "40", "41"),
    "memory that is not counted": ("41",),
    "TCP": ("15", "16", "19"),
    "UDP": ("17",),
}
# What a build with sanitizers leaves open (agent/host_box.c): it reads its own /proc.  Its
# shadow is memory without end, so there is no cap, and that is not tried.
OF_SANITIZERS = ("06",) if SANITIZED else ()
# A process that is told that the kernel has not got something: calls, errno.
FILTERS = {
    "landlock": ((444, 38), (445, 38), (446, 38)),
    "seccomp": ((317, 22), (157, 22, 22)),              # seccomp(), prctl(PR_SET_SECCOMP)
    "mount_setattr": ((442, 38),),
    "view": ((272, 1, None, 0x10020000), (56, 1, None, 0x10000000), (435, 38)),
}
DENY = """
import ctypes, os, struct, sys
libc = ctypes.CDLL(None)
rules, argv = eval(sys.argv[1]), sys.argv[2:]
code = [(0x20, 0, 0, 0)]
for nr, error, *more in rules:
    block = []
    if more and more[0] is not None:                    # its first argument is that
        block = [(0x20, 0, 0, 16), (0x15, 0, 1, more[0])]
    elif more:                                          # ... has one of these bits
        block = [(0x20, 0, 0, 16), (0x45, 0, 1, more[1])]
    block += [(0x06, 0, 0, 0x00050000 | error), (0x20, 0, 0, 0)]
    code += [(0x15, 0, len(block), nr)] + block
code += [(0x06, 0, 0, 0x7fff0000)]
raw = b"".join(struct.pack("HBBI", *c) for c in code)
buf = ctypes.create_string_buffer(raw)
prog = struct.pack("HxxxxxxP", len(code), ctypes.addressof(buf))
if "bare" in os.environ.get("SANDBOX_TEST", ""):
    for cap in range(64):
        libc.prctl(24, cap, 0, 0, 0)
    libc.syscall(126, struct.pack("Ii", 0x20080522, 0), bytes(24))
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, prog, 0, 0) == 0
os.execv(argv[0], argv)
"""


class Others:
    """What an operator has beside breakglass: sockets, an ssh-agent, shared memory."""

    def __init__(self, rig):
        self.rig, self.dir = rig, rig.dir
        self.socks = []
        self.tcp = self.keep(socket.socket(), ("127.0.0.1", 0))
        self.rogue = self.keep(socket.socket(), ("127.0.0.1", 0))
        self.udp = self.keep(socket.socket(type=socket.SOCK_DGRAM), ("127.0.0.1", 0))
        self.keep(socket.socket(socket.AF_UNIX), self.dir + "/other.sock")
        self.keep(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), self.dir + "/datagram.sock")
        self.abstract = "breakglass-test-%d" % os.getpid()
        self.keep(socket.socket(socket.AF_UNIX), "\0" + self.abstract)
        self.agent = subprocess.Popen(["ssh-agent", "-D", "-a", self.dir + "/ssh-agent"],
                                      stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        until("the ssh-agent", lambda: os.path.exists(self.dir + "/ssh-agent"))
        until("the ssh-agent has the key", lambda: subprocess.run(
            ["ssh-add", "-q", rig.key], stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
            env=dict(PATH="/usr/bin", SSH_AUTH_SOCK=self.dir + "/ssh-agent")).returncode == 0)
        self.libc = ctypes.CDLL(None)
        self.key = os.getpid() | 0x42000000
        self.shm = self.libc.shmget(self.key, 4096, 0o1600)

    def keep(self, sock, address):
        sock.bind(address)
        if sock.type == socket.SOCK_STREAM:
            sock.listen(16)
            sock.setblocking(False)
        self.socks.append(sock)
        return sock

    def params(self, e, parent):
        rig = self.rig
        hosts = [c for c in children(e.pid) if b"agent-host" in cmdline(c)]
        return dict(
            key=rig.key, api_key_file=rig.env["BREAKGLASS_API_KEY_FILE"], sessions=rig.sessions,
            engine=e.pid, engine_parent=parent_of(e.pid), engine_address=0x400000, agent_host=hosts[0], parent=parent or hosts[0],
            tcp=self.tcp.getsockname()[1], udp=self.udp.getsockname()[1],
            rogue=self.rogue.getsockname()[1], ssh_agent=self.dir + "/ssh-agent",
            ssh_port=rig.devvm.port, console=rig.socket, other=self.dir + "/other.sock",
            abstract=self.abstract, datagram=self.dir + "/datagram.sock",
            host_dir=rig.run_dir + "/agent-host", relay=rig.run_dir + "/agent/relay.sock",
            agent=rig.run_dir + "/agent/agent.sock", run_dir=rig.run_dir, shm=self.key,
            shim=BUILD + "/src/agent/shim/ssh", capped=not SANITIZED)

    def rogue_was_asked(self):
        try:
            self.rogue.accept()[0].close()
            return True
        except BlockingIOError:
            return False

    def close(self):
        for s in self.socks:
            s.close()
        self.agent.kill()
        self.agent.wait()
        self.libc.shmctl(self.shm, 0, 0)


def cmdline(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            return f.read()
    except OSError:
        return b""


def command(rig):
    """What the model asks for: the script, and from the devvm what to try."""
    with open(HERE + "/sandbox_probes.py", "rb") as f:
        script = base64.b64encode(f.read()).decode()
    return ("ssh devvm 'until [ -s %s/params ]; do sleep 0.05; done; cat %s/params' >params; "
            "echo %s | base64 -d >p.py; python3 p.py \"$(cat params)\"" % (rig.dir, rig.dir, script))


def parent_of(pid):
    with open("/proc/%d/stat" % pid) as f:
        return int(f.read().rsplit(")", 1)[1].split()[1])


def verdicts(text):
    found = re.findall(r"^(\d\d) (.*?) (denied|open)\b ?(.*)$", text, re.M)
    return {n: (name, word == "open", detail) for n, name, word, detail in found}


def judge(rig, p, seen, must_be_open=()):
    """Each probe was made, and each that got through is named; returns the names of `open`."""
    named = p.of("state", what="sandbox")[-1]
    out = verdicts(seen)
    check("every probe was made", len(out) == 42, len(out), seen[-3000:])
    for n, (name, is_open, detail) in sorted(out.items()):
        if os.environ.get("V"):
            print(n, name, "OPEN" if is_open else "denied", detail, flush=True)
        # in a view with a /tmp of its own it wrote into that
        is_open = is_open and n not in OF_SANITIZERS and (
            n != "31" or os.path.exists(rig.run_dir + "/mine"))
        words = [w for w in named["open"] if n in NAMED.get(w, ())]
        check("%s %s: denied, or named as open" % (n, name), not is_open or words, detail, named)
    check("what must be open here is said", set(must_be_open) <= set(named["open"]), named)
    return named


def try_all(rig, others, prefix=(), env=None, parent=None, **driver):
    e = rig.start(prefix=prefix, env=env)
    p = rig.console()
    rig.links_up(p)
    agent(p, state="ready", **driver)
    t = prompt(p, "look around")
    p.expect(t="tool", host="local", name="Bash")
    until("the shim", lambda: p.pump(0.01) or p.of("tool", asked="agent", host="devvm"))
    params = others.params(e, parent() if parent else None)
    with open(rig.dir + "/params.new", "w") as f:
        json.dump(params, f)
    os.rename(rig.dir + "/params.new", rig.dir + "/params")
    check("the turn", done(p, t)["ok"], p.facts[-5:])
    tool = [f for f in p.of("tool", host="local") if f["name"] == "Bash"][0]
    return p, (p.output(tool["id"]) + p.output(tool["id"], "err")).decode(errors="replace")


def by_api(prefix=(), env=(), must_be_open=(), **options):
    rig = Rig(agent_driver="api", **options)
    others = None
    try:
        others = Others(rig)
        api = Api(rig, "vendor", dict(match="look around", bash=command(rig)),
                  dict(match=dict(result="42 "), text="Looked."))
        endpoints(rig, ("vendor", api.port))
        p, seen = try_all(rig, others, prefix, dict(rig.env, **dict(env)), driver="api")
        named = judge(rig, p, seen, must_be_open)
        check("nobody was led astray", not others.rogue_was_asked())
        return named
    finally:
        if others:
            others.close()
        rig.close()


def deny(*names):
    rules = [r for n in names for r in FILTERS[n]]
    return ("/usr/bin/python3", "-c", DENY, repr(rules))


def abi():
    return ctypes.CDLL(None).syscall(444, None, 0, 1)


def can_view():
    return subprocess.run(["unshare", "-Urm", "true"], capture_output=True).returncode == 0


def from_a_tool():
    """below the API driver: nothing is open where the kernel has all of it"""
    named = by_api()
    if abi() >= 6 and can_view() and not SANITIZED:
        check("nothing is open", named["open"] == [], named)


def look(rig):
    return dict(match="look around", bash=command(rig))


@with_claude(look, dict(match=dict(result="42 "), text="Looked."), dict(match="again", text="Still here."))
def from_claudes_shell(rig):
    """below claude: a command cannot look into it, nor lead it to another API"""
    others = Others(rig)
    try:
        def claude():
            return ([c for c in children(rig.engines[-1].pid) if b"stream-json" in cmdline(c)] + [0])[0]
        p, seen = try_all(rig, others, parent=claude, driver="cli")
        judge(rig, p, seen)
        # a new claude, where the settings would be read
        first = claude()
        os.kill(first, 9)
        until("another claude", lambda: p.pump(0.01) or claude() not in (0, first))
        agent(p, state="ready", driver="cli")
        t = prompt(p, "again")
        check("the next turn", done(p, t)["ok"], p.facts[-6:])
        check("by its own API", p.of("text", turn=t)[-1]["text"] == "Still here.")
        check("nobody was led astray", not others.rogue_was_asked())
    finally:
        others.close()


def in_a_container():
    """like a container: no capabilities, no namespaces; what cannot be closed is named"""
    if SANITIZED:
        raise Skip("a sanitizer wants what a container has not")
    by_api(deny("view"), dict(SANDBOX_TEST="bare").items(),
           must_be_open=["UNIX sockets of this uid"] if abi() < 9 else [])


def without_landlock():
    """a kernel before 5.12: the view, its mounts one by one, and the filter hold, signals are named"""
    if not can_view():
        raise Skip("no namespaces here")
    by_api(deny("landlock", "mount_setattr"), must_be_open=["signals", "abstract sockets", "the agent's own folder"])


def without_seccomp():
    """a kernel without seccomp: sockets and calls are named"""
    by_api(deny("seccomp"), must_be_open=["system calls"])


def without_any():
    """neither Landlock nor namespaces nor seccomp: all of it is named"""
    by_api(deny("landlock", "view", "seccomp"), must_be_open=[
        "files of this uid", "UNIX sockets of this uid", "signals", "system calls", "TCP", "UDP"])


def a_box_that_fails():
    """a mechanism that is there and fails keeps the program from running at all"""
    launcher = BUILD + "/src/agent/launcher"
    fails = ("/usr/bin/python3", "-c", DENY, repr([(446, 12)]))     # ENOMEM
    r = subprocess.run([*fails, launcher, "--landlock", "system", "--", "/bin/echo", "ran"],
                       capture_output=True, text=True)
    check("not run", r.returncode == 71 and "Landlock" in r.stderr and not r.stdout, r)
    for bad in (("--net", "port:0"), ("--net", "port:99999"), ("--net", "port:1,x"), ("--net", "x"),
                ("--memory", "1"), ("--memory", "x"), ("--landlock", "q:/tmp"), ("--landlock", "r:tmp"),
                ("--landlock", ""), ("--view", "off"), ("--seccomp", "off"),
                ("--file", "1"), ("--file", "x"), ("--shared", "some")):
        r = subprocess.run([launcher, *bad, "--", "/bin/true"], capture_output=True)
        check("%s %s is refused" % bad, r.returncode == 71, r)


def its_own_share():
    """a program may still make itself slower, and choose among its own CPUs"""
    cpu = str(min(os.sched_getaffinity(0)))
    for words in (("nice", "-n", "5"), ("taskset", "-c", cpu), ("ionice", "-c", "3"), ("chrt", "-i", "0")):
        r = subprocess.run([BUILD + "/src/agent/launcher", "--landlock", "system", "--seccomp", "on", "--",
                            "/usr/bin/env", "PATH=/usr/bin:/bin", *words, "echo", "ran"],
                           capture_output=True, text=True)
        check("%s runs" % words[0], r.stdout == "ran\n", r)
    r = subprocess.run(["/usr/bin/python3", "-c", """
import os, resource, sys
try:
    resource.setrlimit(resource.RLIMIT_NICE, (20, 20))
except ValueError:
    pass
os.execv(sys.argv[1], sys.argv[1:])
""", BUILD + "/src/agent/launcher", "--landlock", "system", "--landlock", "r:/proc", "--seccomp", "on", "--",
                        "/bin/cat", "/proc/self/limits"], capture_output=True, text=True)
    for what in ("Max nice priority", "Max realtime priority"):
        check("%s is none" % what, re.search(what + r" +0 +0 ", r.stdout), r)


# A network of its own whose port 9 takes no more: to connect there takes for ever.
FULL = """
import fcntl, os, socket, struct, sys
s = socket.socket()
fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 1))        # SIOCSIFFLAGS: up
s.bind(("127.0.0.1", 9))
s.listen(0)
s.set_inheritable(True)
for i in range(8):
    c = socket.socket()
    c.set_inheritable(True)
    c.setblocking(False)
    c.connect_ex(("127.0.0.1", 9))
os.execv(sys.argv[1], sys.argv[1:])
"""


def a_port_that_does_not_answer():
    """the launcher's look at the network waits for nobody"""
    if not can_view():
        raise Skip("no namespaces here")
    r = subprocess.run(["unshare", "-Urn", "/usr/bin/python3", "-c", FULL, *deny("landlock"),
                        BUILD + "/src/agent/launcher", "--seccomp", "on", "--net", "port:443",
                        "--report", "-"], capture_output=True, text=True, timeout=60)
    check("it says so", r.returncode == 0 and "open TCP\n" in r.stdout, r)


FAKE = """#!/bin/bash
[ "$1" = --version ] && { echo "9.9.9 (Claude Code)"; exit; }
cat >/dev/null
"""


def claudes_port_without_landlock():
    """a claude with a port, where no kernel holds it to that port: named"""
    rig = Rig(pve=False, agent_driver="cli")
    try:
        rig.env["BREAKGLASS_CLAUDE"] = rig.dir + "/claude"
        with open(rig.dir + "/claude", "w") as f:
            f.write(FAKE)
        os.chmod(rig.dir + "/claude", 0o755)
        with open(rig.dir + "/oauth", "w") as f:
            f.write("sk-ant-oat01-" + "x" * 40)
        os.chmod(rig.dir + "/oauth", 0o600)
        rig.env["BREAKGLASS_OAUTH_TOKEN_FILE"] = rig.dir + "/oauth"
        del rig.env["BREAKGLASS_API_KEY_FILE"]       # a subscription gets a port
        rig.start(prefix=deny("landlock"))
        p = rig.console()
        f = p.expect(where=lambda f: f.get("what") == "sandbox" and "claude: TCP" in f["text"])
        check("named", "TCP of claude" in f["open"] and f["text"].endswith("claude: TCP"), f)
    finally:
        rig.close()


if __name__ == "__main__":
    main([from_a_tool, from_claudes_shell, in_a_container, a_box_that_fails, its_own_share,
          a_port_that_does_not_answer, claudes_port_without_landlock] +
         ([without_landlock, without_seccomp, without_any] if os.environ.get("BG_LONG") else []))
