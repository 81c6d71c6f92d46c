#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole path with the real claude: what its shell can find, what listens, API outages."""
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import (PROGRAM, SRC, Rig, Skip, alive, check, children, main,  # noqa: E402
                        until)
from test_engine_turn import agent, done, prompt  # noqa: E402


def find_claude():
    with open(SRC + "/build-aux/claude-version") as f:
        version = f.read().strip()
    cache = os.environ.get("XDG_CACHE_HOME") or os.environ.get("HOME", "") + "/.cache"
    path = os.environ.get("BREAKGLASS_CLAUDE") or "%s/breakglass/claude/%s/claude" % (cache, version)
    return path if os.access(path, os.X_OK) else None


def with_claude(*replies, **options):
    """Decorator: a rig whose claude is the real one and whose API says the replies."""
    def wrap(fn):
        def run():
            claude = find_claude()
            if not claude:
                raise Skip("no claude; contrib/fetch-claude fetches it")
            rig = Rig(claude=claude, **options)
            api = None
            try:
                said = [r(rig) if callable(r) else r for r in replies]
                with open(rig.dir + "/s.json", "w") as f:
                    json.dump(dict(api_key=rig.api_key, replies=said), f)
                api = subprocess.Popen([SRC + "/tests/fakes/messages-api", "--scenario", rig.dir +
                                        "/s.json", "--port-file", rig.dir + "/port", "--record",
                                        rig.dir + "/api.jsonl"], stdin=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, cwd=rig.dir)
                port = until("the API", lambda: os.path.exists(rig.dir + "/port") and
                             open(rig.dir + "/port").read().strip())
                rig.env["BREAKGLASS_API_URL"] = "http://127.0.0.1:" + port
                rig.api = api
                fn(rig)
            finally:
                if api:
                    api.kill()
                    api.wait()
                rig.close()
        run.__name__, run.__doc__ = fn.__name__, fn.__doc__
        return run
    return wrap


def listening(pids):
    """Inodes of listening TCP and of UDP sockets that these processes hold."""
    inodes = {}
    for name, states in (("tcp", ("0A",)), ("tcp6", ("0A",)), ("udp", None), ("udp6", None)):
        try:
            with open("/proc/net/" + name) as f:
                for line in f.readlines()[1:]:
                    w = line.split()
                    if states is None or w[3] in states:
                        inodes["socket:[%s]" % w[9]] = "%s %s" % (name, w[1])
        except OSError:
            pass
    found = []
    for pid in pids:
        try:
            for fd in os.listdir("/proc/%d/fd" % pid):
                at = os.readlink("/proc/%d/fd/%s" % (pid, fd))
                if at in inodes:
                    found.append((pid, inodes[at]))
        except OSError:
            pass
    return found


def look(rig):
    return dict(match="look around", bash=(
        "env | grep -v ^CLAUDE; echo == ssh; ls -A ~/.ssh; ssh-add -l; ls -d /tmp/ssh-*; "
        # claude, agent-host and the engine are among these
        "for p in $(seq $((PPID - 300)) $PPID); do cat /proc/$p/environ 2>/dev/null && echo == environ of $p; "
        "done; echo == key; "
        "cat %s; cat %s; echo == end; ssh devvm 'echo on the devvm; until [ -e %s/go ]; do sleep 0.05; done; echo still'; "
        "ssh pve 'status; id'; ssh pve status; true") % (
            rig.key, rig.env["BREAKGLASS_API_KEY_FILE"], rig.dir))


def sandbox_open(p):
    """What this machine's sandbox leaves open."""
    return p.of("state", what="sandbox")[-1]["open"]


@with_claude(look, dict(match=dict(result="== end"), text="I found nothing."))
def nothing_to_find(rig):
    """the agent's shell finds no SSH key, no agent socket, no API key; nobody listens"""
    env = dict(rig.env, SSH_AUTH_SOCK=rig.dir + "/ssh-agent-of-the-operator",
               ANTHROPIC_API_KEY="sk-ant-of-the-operator")
    e = rig.start(env=env)
    p = rig.console()
    rig.links_up(p)
    agent(p, state="ready")
    c = subprocess.Popen(["/usr/bin/script", "-qec", PROGRAM, "/dev/null"], env=dict(
        rig.env, TERM="xterm"), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL) if os.path.exists("/usr/bin/script") else None
    t = prompt(p, "look around")
    run = p.expect(t="tool", asked="agent", host="devvm")["id"]
    until("its first line", lambda: p.pump(0.01) or b"on the devvm" in p.output(run))
    open(rig.dir + "/go", "w").close()
    ours = [e.pid] + children(e.pid) + ([c.pid] + children(c.pid) if c else [])
    check("no listening TCP and no UDP socket", not listening(ours), listening(ours))
    secrets = (rig.api_key, "sk-ant-of-the-operator")
    for pid in ours:
        for what in ("environ", "cmdline"):
            try:
                with open("/proc/%d/%s" % (pid, what), "rb") as f:
                    data = f.read().decode(errors="replace")
            except OSError:
                continue
            check("no API key in %s of %d" % (what, pid), rig.api_key not in data, data)
            if pid not in (e.pid,) and c is None:
                check("nor the operator's", secrets[1] not in data)
    done(p, t)
    tool = [f for f in p.of("tool", host="local") if f["name"] == "Bash"][0]
    seen = (p.output(tool["id"]) + p.output(tool["id"], "err")).decode(errors="replace")
    check("the shell ran", "== end" in seen and "on the devvm" in seen, seen)
    with open(rig.key) as f:
        body = f.read().split("\n")[4]
    if os.environ.get("V"):
        print(seen)
    check("no SSH key", body not in seen, seen[-3000:])
    check("no API key", not [s for s in secrets if s in seen], seen[-3000:])
    check("no agent socket", "SSH_AUTH_SOCK" not in seen and "ssh-agent-of" not in seen)
    if not sandbox_open(p):
        check("no environment of another process", "== environ of" not in seen, seen[-3000:])
    own = seen.split("== key")[0]
    check("no address of a key in its own", "KEY_PATH" not in own and "KEY_FILE" not in own, own)
    with open(rig.journals()[-1]) as f:
        record = f.read()
    check("nor in the journal", rig.api_key not in record and body not in record)
    for name in ("engine.log", "console.log"):
        if os.path.exists(rig.run_dir + "/" + name):
            with open(rig.run_dir + "/" + name, errors="replace") as f:
                check("nor in a log", rig.api_key not in f.read())
    outs = [f["data"] for f in p.of("output", id=run)]
    check("its lines came one by one", outs == ["on the devvm\n", "still\n"], outs)
    refused = [f for f in p.of("error") if f["where"] == "ssh pve"]
    check("the injection was refused and recorded", refused and
          refused[0]["command"] == "status; id", refused)
    kinds = [(f["t"], f.get("host")) for f in rig.journal() if f["t"] in ("tool", "verb")]
    check("in order", kinds.index(("tool", "devvm")) < len(kinds) - 1, kinds)
    if c:
        c.kill()
        c.communicate()


@with_claude(dict(match="cycle it", bash="ssh pve cycle | tail -n 1"),
             dict(match=dict(result="#bg result"), text="Done."), )
def cycles_alone(rig):
    """the agent cycles the VM; the console is killed in the middle; all of it is recorded once"""
    rig.start()
    p = rig.console()
    rig.links_up(p)
    agent(p, state="ready")
    rig.pve.hold("stop")
    old = rig.pve.vm_pid()
    t = prompt(p, "cycle it")
    p.expect(t="verb", asked="agent", state="sent")
    until("the host is at it", lambda: rig.pve.calls("stop"))
    p.pump(0.05)
    seen, inc = p.seqs(), p.of("incident")[0]["id"]
    p.close()
    rig.pve.release("stop")
    q = rig.peer()
    q.hello("ann", since=seen[-1], incident=inc)
    f = q.expect(t="verb", asked="agent", state="finished")
    check("finished", f["exit"] == 0 and rig.pve.vm_pid() != old, f)
    check("the turn too", done(q, t, 30)["ok"])
    seqs = seen + q.seqs()
    check("each once", seqs == list(range(1, seqs[-1] + 1)), seqs)


@with_claude(dict(match="limit", error=dict(status=429, retry_after=1)),
             dict(match="limit", text="through"),
             dict(match="broken", error=dict(status=500)), dict(match="broken", text="mended"),
             dict(match="busy", error=529), dict(match="busy", text="free again"),
             dict(match="cut", blocks=[dict(text=["half ", dict(cut="rst")])]),
             dict(match="cut", text="whole"),
             dict(match="no", error=401, repeat="forever"), pve=False, devvm=False)
def outages(rig):
    """429, 500, 529, a cut stream and 401: each is told, the turn ends, the engine goes on"""
    rig.start()
    p = rig.console()
    agent(p, state="ready")
    for word, end in (("limit", "through"), ("broken", "mended"), ("busy", "free again"),
                      ("cut", "whole")):
        t = prompt(p, word)
        check(word, done(p, t)["ok"])
        check("its text", p.of("text", turn=t)[-1]["text"] == end, p.of("text", turn=t))
        told = [f for f in p.facts if f.get("what") == "agent" and f["state"] == "waiting" and
                f.get("turn") == t] + p.of("error", turn=t)
        check("it was told", told or word == "broken", word)
    t = prompt(p, "no")
    e = p.expect(t="error", turn=t)
    check("401 in words", "refuses the key" in e["text"] and e["todo"], e)
    check("over", not done(p, t)["ok"])


if __name__ == "__main__":
    main([nothing_to_find, cycles_alone, outages])
