#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each case of verb-injection.jsonl that meets us here and not the PVE host's program.

Command lines of the agent's ssh, payloads on the engine's sockets (in our own names,
before hello and after it, as an operator and as a shim), and environments.  Nothing is
executed, one record each, one sentence, no control byte.  test_pve_requests.py has what
reaches the host.
"""
import json
import os
import re
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import BUILD, SANITIZED, SRC, Failed, check, main, until, with_rig

SSH = BUILD + "/src/agent/shim/ssh"


def cases(layer):
    with open(SRC + "/tests/fixtures/verb-injection.jsonl") as f:
        return [c for c in map(json.loads, f) if c["layer"] == layer]


def printable(what, data):
    bad = re.search(rb"[^\n -~]", data)
    check("%s: no control byte" % what, not bad, bad and data[max(0, bad.start() - 80):][:200])


class Watch:
    """What a case has left: records, calls of qm, lines of the host's log."""

    def __init__(self, rig, p):
        self.rig, self.p, self.n = rig, p, 0

    def acted(self):
        """The engine itself asks for the status every now and then."""
        return [self.rig.pve.calls(v) for v in ("start", "stop", "reset")]

    def begin(self):
        self.at = len(self.p.facts)
        self.calls = self.acted()

    def end(self, what, records=1):
        """A note of ours behind it: all that the case has led to stands before that."""
        self.n += 1
        self.p.send(t="note", text="end %d" % self.n)
        self.p.expect(t="note", text="end %d" % self.n)
        new = [f for f in self.p.facts[self.at:] if f.get("seq") and f["t"] != "operator" and
               f["t"] != "incident" and f["t"] not in ("state", "verdict") and f.get("text") != "end %d" % self.n]
        check("%s: %d record(s)" % (what, records), len(new) == records, *new)
        check("%s: nothing is executed" % what, self.calls == self.acted() and
              not [f for f in new if f["t"] in ("tool", "prompt") or f.get("state") == "sent"], *new)
        check("%s: no file of it" % what, not os.path.exists("/tmp/PWNED"))
        return new


def watched(rig):
    p = rig.console("ann")
    rig.links_up(p)
    p.send(t="note", text="begin")
    p.expect(t="note", text="begin")
    return Watch(rig, p)


# --- command lines of the agent's ssh ---

def argv_of(case):
    return [w.encode() for w in case["payload"]]


SEEN_ELSEWHERE = {"scp", "abs-ssh"}     # no program of ours is started
AT_DEVVM = {"nested-devvm"}             # the devvm's own command: it has neither key nor name


@with_rig()
def command_lines(rig):
    """command lines of the agent's ssh: exit 64, one record, nothing runs"""
    rig.start()
    w = watched(rig)
    env = {b"PATH": b"/usr/bin:/bin", b"BREAKGLASS_SOCKET": (rig.run_dir + "/agent/agent.sock").encode()}
    more = [dict(id="own-%d" % n, name="own", payload=a) for n, a in enumerate((
        ["ssh", "pve", "-oX=y"], ["ssh", "-"], ["ssh", "--"], ["ssh", ""], ["ssh", "pve", ""],
        ["ssh", "root@pve", "status"], ["ssh", "\x1b]0;x\x07", "status"], ["ssh", "pve", "status\x00"[:-1] + "\r"],
        ["ssh", "pve", "status "], ["ssh", "pve", " status"], ["ssh", "devvm", "--", "id"],
        ["ssh", "devvm"], ["ssh", "pve"], ["ssh", "pve", "x" * 30000], ["ssh", "devvm", "-tt", "id"]))]
    tried = 0
    for case in cases("client-argv") + more:
        if case["name"] in SEEN_ELSEWHERE | AT_DEVVM:
            continue
        what = "%s %s" % (case["id"], case["name"])
        w.begin()
        argv = argv_of(case)
        r = subprocess.run(argv or [b""], executable=SSH, env=env, stdin=subprocess.DEVNULL,
                           capture_output=True, timeout=60)
        check(what + ": 64", r.returncode == 64, r)
        check(what + ": one clear sentence", not r.stdout and r.stderr.startswith(b"ssh: ") and
              len(r.stderr.splitlines()) == 1, r)
        printable(what, r.stderr)
        until(what + ": on record", lambda: w.p.pump(0.005) or [
            f for f in w.p.facts[w.at:] if f["t"] == "error" and f.get("seq")])
        new = w.end(what)
        check(what + ": in the agent's name", new[0]["by"] == "agent", new)
        tried += 1
    print("# %d command lines" % tried)
    # what is not our program: there is no such program, no key and no way
    box = subprocess.run(["ls", BUILD + "/libexec/shim"], capture_output=True, text=True)
    check("no scp, no sftp beside our ssh", box.stdout.split() == ["ssh"], box.stdout)
    w.begin()
    r = subprocess.run([SSH, "devvm", "ssh pve stop"], env=env, stdin=subprocess.DEVNULL,
                       capture_output=True, timeout=60)
    check("through the devvm: no such way", r.returncode not in (0, 64), r)
    check("nothing happens at the host", w.calls == w.acted())
    with open(rig.journals()[-1], "rb") as f:
        printable("the journal", f.read())
    with open(rig.run_dir + "/engine.log", "rb") as f:
        printable("the log", f.read())


# --- payloads on the sockets ---

def translated(case):
    """(name, our lines): the corpus' names in ours, byte for byte where it can be."""
    text = case["payload"]
    if case["name"] == "json-huge":
        return [b'{"t":"note","text":"' + b"A" * (16 << 20) + b'"}']
    if text.startswith("("):
        return []
    for a, b in (('"op":"verb"', '"t":"verb"'), ("'op':'verb'", "'t':'verb'"),
                 ('"op":"scroll"', '"t":"history"'), ('"lines"', '"before"'),
                 ('"op":"say"', '"t":"note"'), ('"id":7', '"req":"7"')):
        text = text.replace(a, b)
    return [text.encode()] * (2 if case["name"] == "json-replay" else 1)


def own_payloads():
    """More of the kind: what is read twice, cut short, or claims to be somebody."""
    for n, line in enumerate((
            b'{"t":"verb","t":"note","verb":"cycle"}', b'{"t":"verb","verb":"cycle","verb":"status"}',
            b'{"t":"verb","verb":"cycle\\u0000"}', b'{"t":"verb\\u0000","verb":"status"}',
            b'{"t":"verb","verb":NaN}', b'{"t":"verb","verb":null}', b'{"t":"verb"}', b'{"t":1}', b"{}",
            b'{"t":"verb","verb":"cycle","confirm":["cycle"]}', b'{"t":"verb","verb":"cycle","confirm":true}',
            b'{"t":"verb","verb":"\xff\xfe"}', b'{"t":"verb","verb":"status","asked":"operator"}',
            b'{"t":"note","text":"a\x1b[2Jb"}', b'{"t":"hello","v":1,"name":"root"}', b'[]', b'"verb"',
            b'{"t":"verb","verb":"status"}{"t":"verb","verb":"cycle"}', b'{"t":"run","host":"devvm","command":"id"}',
            b'{"T":"verb","verb":"status"}', b'\xef\xbb\xbf{"t":"verb","verb":"status"}', b"status", b"GET / HTTP/1.1",
            b'{"t":"welcome"}', b'{"t":"tool_end","id":"r1"}', b'{"t":"autonomy","level":"root"}',
            b'{"t":"kill","on":"yes"}', b'{"t":"answer","id":"q1","yes":1}')):
        yield dict(id="own-%d" % n, name="own"), [line]


def answer(what, s):
    """One peer's answers until nothing more comes or it is closed."""
    s.settimeout(0.3)
    data = b""
    try:
        while True:
            got = s.recv(65536)
            if not got:
                return data, True
            data += got
    except socket.timeout:
        return data, False
    except ConnectionError:
        return data, True


def send(s, data):
    try:
        s.sendall(data)
    except OSError:
        pass                            # closed on us: that is an answer


def connect(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(10)
    s.connect(path)
    return s


@with_rig(devvm=False)
def payloads(rig):
    """payloads on the operators' socket: refused by name, on record, nothing runs"""
    rig.start()
    w = watched(rig)
    todo = [(c, translated(c)) for c in cases("engine-socket")] + list(own_payloads())
    tried = 0
    for case, lines in todo:
        what = "%s %s" % (case["id"], case["name"])
        for line in lines[:1]:          # before its hello
            w.begin()
            s = connect(rig.socket)
            send(s, line + b"\n")
            if b'"hello"' not in line:
                data, closed = answer(what, s)
                check(what + ", before hello: an error, or closed",
                      b'"error"' in data or closed and len(line) > 1 << 20, data[:300])
                check(what + ", before hello: told nothing else", b'"welcome"' not in data, data[:300])
                printable(what, data)
                w.end(what + ", before hello")
            s.close()
        if not lines:
            continue
        p = rig.console("eve")
        w.begin()
        at = len(p.facts)
        for line in lines:
            try:
                p.send_raw(line + b"\n")
            except OSError:
                pass
        until(what + ": answered", lambda: p.pump(0.005) or p.closed or [
            f for f in p.facts[at:] if f["t"] in ("error", "verb", "history") or
            f["t"] == "note"], 30)
        p.pump(0.05)
        told = [f for f in p.facts[at:] if f["t"] == "error"]
        ok = case["name"] in ("json-uescape", "own") and not told
        check(what + ": an error that says what", ok or told and all(
            f.get("text") and f.get("where") for f in told), *p.facts[at:][:5])
        if [f for f in told if f["where"] == "request"]:
            until(what + ": on record", lambda: w.p.pump(0.005) or [
                f for f in w.p.facts[w.at:] if f.get("seq") and f["t"] in ("note", "verb")])
        check(what + ": nothing is executed", w.calls == w.acted())
        p.close()
        tried += 1
    check("it answers still", rig.cli("ping").returncode == 0)
    with open(rig.journals()[-1], "rb") as f:
        printable("the journal", f.read())
    with open(rig.run_dir + "/engine.log", "rb") as f:
        printable("the log", f.read())
    print("# %d payloads" % tried)


@with_rig(devvm=False)
def the_agents_socket(rig):
    """the same on the agent's socket, before hello and after it: denied, on record, nothing runs"""
    rig.start()
    w = watched(rig)
    path = rig.run_dir + "/agent/agent.sock"
    hello = b'{"t":"hello","v":1,"role":"shim"}\n'
    count = 0
    todo = [(c, translated(c)) for c in cases("engine-socket")] + list(own_payloads())
    for case, lines in todo:
        for head in (b"", hello):
            if not lines or len(lines[0]) > 1 << 20 or b'"run"' in lines[0] or (
                    not head and b'"hello"' in lines[0]):
                continue
            what = "%s %s, %s hello" % (case["id"], case["name"], "after" if head else "before")
            w.begin()
            s = connect(path)
            send(s, head + lines[0] + b"\n")
            data, closed = answer(what, s)
            s.close()
            check(what + ": denied in a sentence", closed and b'"denied"' in data and
                  b'"text":"' in data, data)
            printable(what, data)
            if count < 600:             # so many go on record within a minute
                w.end(what)
            count += 1
    w.p.pump(0.05)
    recorded = [f for f in w.p.facts if f["t"] == "error" and f.get("by") == "agent"]
    check("they have an end", len(recorded) >= count, len(recorded), count)
    check("nothing was run", not w.p.of("tool"))


@with_rig(devvm=False)
def crowds(rig):
    """peers that are gone before the answer, and 1,000 of them: the console here goes on"""
    rig.start()
    p = rig.console("ann")
    rig.links_up(p)
    for n in range(50):                 # gone before the reply
        s = connect(rig.socket)
        send(s, b'{"t":"hello","v":1,"name":"x"}\n{"t":"ping"}\n' * (n % 3))
        s.close()
    crowd = []
    for n in range(1000):
        s = socket.socket(socket.AF_UNIX)
        s.setblocking(False)
        if s.connect_ex(rig.socket) == 0:
            crowd.append(s)
        else:
            s.close()
        if n % 100 == 0:
            p.send(t="ping")
            p.expect(t="welcome")
    v = rig.verb(p, "status", confirm=False)
    check("a verb", p.expect(t="verb", id=v, state="finished")["exit"] == 0)
    for s in crowd:
        s.close()
    until("others may come again", lambda: rig.cli("ping").returncode == 0)
    print("# %d of 1000 were connected" % len(crowd))


@with_rig(devvm=False, pve=False)
def a_shim_that_is_turned_away(rig):
    """with no descriptor left, and as the 65th: a sentence, exit 75, nothing was run"""
    path = rig.run_dir + "/agent/agent.sock"
    env = dict(PATH="/usr/bin:/bin", BREAKGLASS_SOCKET=path)

    def turned_away(words):
        crowd = []

        def more(count):                # those that came too soon for the door come again
            while count > 0:
                s = socket.socket(socket.AF_UNIX)
                s.settimeout(5)
                if s.connect_ex(path) == 0:
                    crowd.append(s)
                    count -= 1
                else:
                    s.close()

        def one_more():
            """A place that became free (a link's try, a silent peer's 10 s) is taken first."""
            more(70 if not crowd else 8)
            r = subprocess.run([SSH, "devvm", "true"], env=env, stdin=subprocess.DEVNULL,
                               capture_output=True, timeout=60)
            tried.append((r.returncode, r.stderr))
            return r if r.returncode == 75 else None
        tried = []
        try:
            r = until("it is turned away", one_more)
        except Failed as e:
            e.args += (tried[-5:],)
            raise
        check("why, and that nothing ran", words in r.stderr and b"nothing was run" in r.stderr and
              len(r.stderr.splitlines()) == 1, r)
        for s in crowd:
            s.close()
    rig.start()
    p = rig.console()
    until("the agent's side", lambda: os.path.exists(path))
    turned_away(b"64 connections")
    p.close()
    rig.stop()
    if not SANITIZED:
        rig.start(prefix=("prlimit", "--nofile=64:64"))
        turned_away(b"no descriptor left")


# --- environments ---

def environment_of(pid):
    with open("/proc/%d/environ" % pid, "rb") as f:
        return dict(v.split(b"=", 1) for v in f.read().split(b"\0") if b"=" in v)


@with_rig(devvm=False, pve=False)
def environments(rig):
    """hostile variables: no child of the engine has them, and none is obeyed"""
    evil = {}
    mark = rig.dir + "/PWNED"
    for c in cases("client-env"):
        for name, value in c["payload"].items():
            if not name.startswith("LD_") and name not in ("PATH", "HOME"):
                evil[name] = value.replace("/tmp/x", mark)
    evil.update(PERL5OPT="-Mevil", PYTHONSTARTUP=mark, ENV=mark, PROMPT_COMMAND="touch " + mark,
                IFS="x", TERMINFO=mark, TERMCAP=mark, LESSOPEN="|touch " + mark, MALLOC_CHECK_="3",
                http_proxy="http://127.0.0.1:9", GCONV_PATH=mark)
    env = dict(rig.env, **evil)
    e = rig.start(env=env)
    from engine_rig import children
    kids = until("agent-host", lambda: [k for k in children(e.pid) if open(
        "/proc/%d/comm" % k).read().startswith("agent-host")])
    for k in kids:
        got = environment_of(k)
        left = [n for n in evil if n.encode() in got and n != "LC_ALL"]
        check("agent-host has none of them", not left, left)
    check("the command line, too", rig.cli("ping", env=env).returncode == 0)
    r = subprocess.run([SSH, "-V"], env=dict(env, BREAKGLASS_SOCKET=""), capture_output=True)
    check("and the shim", r.returncode == 64, r)
    check("nothing of it was executed", not os.path.exists(mark))


if __name__ == "__main__":
    main([command_lines, payloads, the_agents_socket, crowds, a_shim_that_is_turned_away, environments])
