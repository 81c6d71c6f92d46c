# SPDX-License-Identifier: GPL-3.0-or-later
"""api_rig: scripted Messages API servers in front of an engine of engine_rig.

Every server checks the requests it gets as the vendor's API does (or, with profile
"portable", as a server of somebody else, which refuses all fields of the vendor's own),
so a conversation that breaks a rule shows as an answer of 400 and as "refused" in the
record.
"""
import json
import os
import subprocess
import time

from engine_rig import SANITIZED, SRC, alive, check, children, until

AUTO = dict(agent_driver="auto", claude="/nonexistent/claude")
SOON = 0.25 if not SANITIZED else 1.0           # what the operator may wait for "cancelled"
KNOWN = 1.0 if not SANITIZED else 4.0           # ... and until a dead endpoint is known


TOKEN = b"LC_BREAKGLASS_RUN=bg-"


def environ(pid):
    try:
        with open("/proc/%s/environ" % pid, "rb") as f:
            return f.read().split(b"\0")
    except OSError:
        return []


def on_devvm(rig):
    """What lives of the agent on the devvm's side: {run: [pids]}."""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        env = environ(name)
        mine = [w for w in env if w.startswith(TOKEN)]
        if mine and ("HOME=" + rig.devvm.top).encode() in env and alive(int(name)):
            run = mine[0].decode().rsplit("-", 1)[1].rstrip(".")
            found.setdefault(run, []).append(int(name))
    return found


def here(rig, word):
    """Children of the engine that have this word in their command."""
    found = []
    for pid in children(rig.engines[-1].pid):
        try:
            with open("/proc/%d/cmdline" % pid, "rb") as f:
                said = f.read().replace(b"\0", b" ")
            if word.encode() in said and alive(pid):
                found.append(pid)
        except OSError:
            pass
    return found


def bash(command):
    """A call of our Bash, which takes a command and nothing that describes it."""
    return dict(tool="Bash", input=dict(command=command, timeout_ms=None))


class Api:
    """One server; it can be killed, and come back on the same port."""

    def __init__(self, rig, name, *replies, profile="vendor", **scenario):
        self.name, self.rig, self.profile = name, rig, profile
        self.dir = "%s/%s" % (rig.dir, name)
        os.mkdir(self.dir)
        self.port = self.proc = None
        scenario.setdefault("default", dict(text="answer of " + name))
        with open(self.dir + "/s.json", "w") as f:
            json.dump(dict(scenario, profile=profile, api_key=rig.api_key,
                           replies=list(replies)), f)
        self.start()

    def start(self):
        if os.path.exists(self.dir + "/port"):
            os.unlink(self.dir + "/port")
        self.proc = subprocess.Popen(
            [SRC + "/tests/fakes/messages-api", "--scenario", self.dir + "/s.json",
             "--port-file", self.dir + "/port", "--record", self.dir + "/record", "--raw",
             "--port", str(self.port or 0)], stdin=subprocess.DEVNULL)
        self.rig.procs.append(self.proc)
        until("%s listens" % self.name, lambda: os.path.exists(self.dir + "/port"))
        with open(self.dir + "/port") as f:
            self.port = int(f.read())

    def die(self):
        self.proc.kill()
        self.proc.wait()

    def touch(self, name):
        """What a wait_file of the scenario waits for."""
        with open(self.dir + "/" + name, "w"):
            pass

    def asked(self):
        """The requests for a message, in order."""
        try:
            with open(self.dir + "/record") as f:
                rows = [json.loads(line) for line in f]
        except OSError:
            return []
        return [r for r in rows if r.get("method") == "POST"]

    def is_asked(self, n=1):
        return until("%s is asked %d times" % (self.name, n),
                     lambda: len(self.asked()) >= n and self.asked())


def configure(rig, *apis, every="", **more):
    """breakglass.conf with a section for each; more: by name, lines of its section."""
    path = rig.dir + "/breakglass.conf"
    with open(path, "w") as f:
        f.write(every)
        for a in apis:
            f.write("[endpoint %s]\nurl = http://127.0.0.1:%d\nkind = %s\nmodel = %s\n%s%s"
                    % (a.name, a.port, a.profile,
                       "claude-sonnet-5-5" if a.profile == "vendor" else "m-" + a.name,
                       "" if "key_" in more.get(a.name, "") else
                       "key_file = %s/apikey\n" % rig.dir, more.get(a.name, "")))
    rig.env["BREAKGLASS_CONFIG"] = path


def last(p, what, **members):
    """The last state of this kind that the console has."""
    p.pump(0.01)
    return ([f for f in p.facts if f.get("what") == what] or [{}])[-1]


def agent(p, **members):
    def now():
        f = last(p, "agent")
        return f if all(f.get(k) == v for k, v in members.items()) else None
    return until("the agent is %s" % members, now)


def prompt(p, text):
    p.ask(t="prompt", text=text)
    return p.expect(t="prompt", text=text)["turn"]


def done(p, turn, limit=30):
    return p.expect(t="done", turn=turn, limit=limit)


def ready(rig, hosts=True):
    rig.start()
    p = rig.console()
    if hosts:
        rig.links_up(p)
    agent(p, state="ready")
    return p


def blocks(request):
    """(role, block) of all messages of a request."""
    found = []
    for m in request["body"]["messages"]:
        c = m["content"]
        for b in c if isinstance(c, list) else [dict(type="text", text=c)]:
            found.append((m["role"], b))
    return found


def all_answered(request):
    """The ids of the tool calls in a request, each with its result's text."""
    calls = [b["id"] for _, b in blocks(request) if b["type"] == "tool_use"]
    results = {b["tool_use_id"]: json.dumps(b.get("content"), ensure_ascii=False)
               for _, b in blocks(request) if b["type"] == "tool_result"}
    check("every call has its result, and one", sorted(calls) == sorted(results) and
          len([1 for _, b in blocks(request) if b["type"] == "tool_result"]) == len(calls),
          calls, list(results))
    return results


def none_refused(*apis):
    for a in apis:
        bad = [r["refused"] for r in a.asked() if r.get("refused")]
        check("%s refused nothing" % a.name, not bad, bad)


def no_secret(rig):
    """The API key stands in no file of the run and sessions folders, nor in a log."""
    secret = rig.api_key.encode()
    seen = 0
    for top in (rig.run_dir, rig.sessions, rig.dir + "/engine.out"):
        files = [top] if os.path.isfile(top) else [
            d + "/" + n for d, _, names in os.walk(top) for n in names]
        for name in files:
            if not os.path.isfile(name):
                continue
            with open(name, "rb") as f:
                seen += 1
                check("no key in " + name, secret not in f.read())
    check("there were files to look into", seen >= 2, seen)


def cancel(p, turn):
    """Asks for the turn's end; the cancelled fact, and how long it took."""
    began = time.monotonic()
    p.ask(t="cancel")
    f = p.expect(t="cancelled", turn=turn)
    took = time.monotonic() - began
    print("#   cancelled after %.0f ms" % (took * 1000), flush=True)
    check("within %g s, it took %.3f s" % (SOON, took), took < SOON)
    return f
