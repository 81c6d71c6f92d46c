#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who answers: a dead endpoint is passed over, all dead are known at once, by hand, and back."""
import json
import os
import signal
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import SANITIZED, Skip, SRC, check, main, until, with_rig  # noqa: E402
from pace import Watch  # noqa: E402
from test_engine_turn import agent, done, prompt  # noqa: E402

SOON = 1.0 if not SANITIZED else 4.0
NO_HOSTS = dict(pve=False, devvm=False, agent_driver="auto")
FAKE = dict(claude=SRC + "/tests/fakes/fake-claude", **NO_HOSTS)


def free_port():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]
    s.close()
    return port


class Api:
    """The scripted Messages API; it can die and come back on the same port."""

    def __init__(self, rig, name, *replies):
        self.dir = "%s/%s" % (rig.dir, name)
        os.mkdir(self.dir)
        self.rig, self.port = rig, 0
        with open(self.dir + "/s.json", "w") as f:
            json.dump(dict(check=False, replies=list(replies),
                           default=dict(text="answer of %s" % name)), f)
        self.start()

    def start(self):
        if os.path.exists(self.dir + "/port"):
            os.unlink(self.dir + "/port")
        self.proc = subprocess.Popen(
            [SRC + "/tests/fakes/messages-api", "--scenario", self.dir + "/s.json",
             "--port-file", self.dir + "/port", "--record", self.dir + "/record",
             *(["--port", str(self.port)] if self.port else [])],
            stdin=subprocess.DEVNULL)
        self.rig.procs.append(self.proc)
        until("the API listens", lambda: os.path.exists(self.dir + "/port"))
        with open(self.dir + "/port") as f:
            self.port = int(f.read())

    def die(self):
        self.proc.kill()
        self.proc.wait()

    def asked(self):
        """Bodies of the requests for a message."""
        try:
            with open(self.dir + "/record") as f:
                rows = [json.loads(line) for line in f]
        except OSError:
            return []
        return [r for r in rows if r.get("headers") and "messages" in r.get("path", "messages")]


def endpoints(rig, *rows, **more):
    """rows: (name, port)"""
    path = rig.dir + "/breakglass.conf"
    with open(path, "w") as f:
        for key, value in more.items():
            f.write("%s = %s\n" % (key, value))
        for name, port in rows:
            f.write("[endpoint %s]\nurl = http://127.0.0.1:%d\nkind = portable\n"
                    "model = m-%s\nkey_file = %s/apikey\n" % (name, port, name, rig.dir))
    rig.env["BREAKGLASS_CONFIG"] = path


def last(p, what):
    return ([f for f in p.facts if f.get("what") == what] or [{}])[-1]


@with_rig(**FAKE)
def first_dead(rig):
    """the first endpoint is dead before Enter: known within a second, the next one answers"""
    lan = Api(rig, "lan")
    endpoints(rig, ("vendor", free_port()), ("lan", lan.port))
    rig.start()
    p = rig.console()
    agent(p, state="ready", driver="cli")
    began = Watch()
    t = prompt(p, "say hello")
    f = p.expect(t="error", turn=t)
    began.within("known within a second", SOON)
    check("which and why", "vendor" in f["text"] and f["todo"], f)
    text = p.expect(t="text", turn=t)
    check("the next one answers", text["text"] == "answer of lan", text)
    r = p.expect(t="result", turn=t)
    check("named", r["driver"] == "api" and r["endpoint"] == "lan", r)
    check("ok", done(p, t)["ok"])
    a = last(p, "agent")
    check("the route is shown", a["driver"] == "api" and "vendor" in a["route"] and a["back"], a)


@with_rig(**FAKE)
def all_dead(rig):
    """all endpoints are dead: known within a second, what can be done is said, keys go on"""
    endpoints(rig, ("vendor", free_port()), ("lan", free_port()))
    rig.start()
    p = rig.console()
    agent(p, state="ready", driver="cli")
    began = Watch()
    t = prompt(p, "what is wrong?")
    f = p.expect(t="error", turn=t)
    began.within("known within a second", SOON)
    check("which and why", "vendor" in f["text"] and "lan" in f["text"], f)
    text = p.expect(t="text", turn=t)["text"]
    check("what can be done", "triage" in text, text)
    began.within("answered", 2 * SOON)
    r = p.expect(t="result", turn=t)
    check("by the runbook driver", r["driver"] == "runbook", r)
    check("ok", done(p, t)["ok"])
    check("shown", last(p, "agent")["driver"] == "runbook", last(p, "agent"))


@with_rig(claude=SRC + "/tests/fakes/fake-claude", agent_driver="auto")
def keys_go_on(rig):
    """all endpoints are dead: a preset runs without a model, a key works meanwhile"""
    endpoints(rig, ("vendor", free_port()))
    rig.start()
    p = rig.console()
    rig.links_up(p)
    agent(p, state="ready", driver="cli")
    p.ask(t="runbook", name="triage")
    t = p.expect(t="prompt", runbook="triage")["turn"]
    p.expect(t="error", turn=t, where=lambda f: "vendor" in f["text"])
    v = rig.verb(p, "status")
    check("a key", p.expect(t="verb", id=v, state="finished")["exit"] == 0)
    until("the preset's end", lambda: p.pump(0.02) or p.of("result", turn=t))
    r = p.of("result", turn=t)[0]
    check("by the runbook driver", r["driver"] == "runbook", r)
    runs = p.of("tool", asked="runbook")
    check("its commands ran", runs and runs[0]["turn"] == t, runs)
    until("ok", lambda: p.pump(0.02) or p.of("done", turn=t, ok=True))


@with_rig(**FAKE)
def black_hole(rig):
    """an endpoint that takes the connection and says nothing costs less than a second"""
    lan = Api(rig, "lan")
    hole = socket.socket()
    hole.bind(("127.0.0.1", 0))
    hole.listen(8)
    endpoints(rig, ("vendor", hole.getsockname()[1]), ("lan", lan.port))
    rig.start()
    p = rig.console()
    agent(p, state="ready", driver="cli")
    began = Watch()
    t = prompt(p, "say hello")
    p.expect(t="error", turn=t)
    began.within("known within a second", SOON)
    check("answered", p.expect(t="text", turn=t)["text"] == "answer of lan")
    done(p, t)
    hole.close()


@with_rig(**FAKE)
def way_back(rig):
    """the first choice comes back by itself, and hears what was said meanwhile"""
    vendor, lan = Api(rig, "vendor"), Api(rig, "lan")
    endpoints(rig, ("vendor", vendor.port), ("lan", lan.port))
    rig.start()
    p = rig.console()
    agent(p, state="ready", driver="cli")
    t = prompt(p, "say one")
    check("claude first", p.expect(t="result", turn=t)["driver"] == "cli")
    done(p, t)
    vendor.die()
    rig.stop()              # what was well half a minute ago is asked again by a new engine
    rig.start()
    p = rig.console()
    agent(p, state="ready", driver="cli")
    t = prompt(p, "what now")
    check("then the API", p.expect(t="result", turn=t)["driver"] == "api")
    done(p, t)
    said = json.dumps(lan.asked()[-1])
    check("it was told what was said", "say one" in said and "You take over" in said, said)
    vendor.start()
    t = prompt(p, "notes")
    notes = p.expect(t="text", turn=t)["text"]
    check("and back", p.expect(t="result", turn=t)["driver"] == "cli")
    check("claude hears what it has missed", "answer of lan" in notes and
          "what now" in notes, notes)
    done(p, t)
    a = last(p, "agent")
    check("the route is clear again", "route" not in a and a["driver"] == "cli", a)


@with_rig(**FAKE)
def dies_in_the_turn(rig):
    """claude dies before anything ran: the prompt goes to the API, the queue is kept"""
    vendor = Api(rig, "vendor")
    endpoints(rig, ("vendor", vendor.port))
    rig.start()
    p = rig.console()
    agent(p, state="ready", driver="cli")
    t = prompt(p, "die")
    p.ask(t="prompt", text="say second")
    u = p.expect(t="prompt", text="say second")["turn"]
    until("it is said", lambda: p.pump(0.01) or p.of("error", turn=t))
    e = p.of("error", turn=t)[0]        # before or behind the second prompt
    check("said", "claude" in e["text"], e)
    p.expect(t="text", where=lambda f: f["text"] == "answer of vendor" and f["block"] > 0)
    check("finished by the API", p.expect(t="result", turn=t)["driver"] == "api")
    check("ok", done(p, t)["ok"])
    check("the queue is kept, and claude is back",
          p.expect(t="text", turn=u)["text"] == "second" and done(p, u)["ok"])


@with_rig(**FAKE)
def by_hand(rig):
    """an operator chooses between turns; refused during one and where it cannot work"""
    vendor, lan = Api(rig, "vendor"), Api(rig, "lan")
    endpoints(rig, ("vendor", vendor.port), ("lan", lan.port))
    rig.start()
    p = rig.console()
    agent(p, state="ready", driver="cli")
    for wrong, word in ((dict(driver="gpt"), "drivers are"), (dict(driver="api", endpoint="no"),
                        "there are"), (dict(driver="cli", endpoint="lan"), "endpoint"),
                        (dict(drive="api"), "drive")):
        r = p.ask(t="agent", **wrong)
        check("refused", word in p.expect(t="error", req=r)["text"], wrong)
    t = prompt(p, "half")
    p.expect(t="delta", turn=t)
    r = p.ask(t="agent", driver="api")
    check("not during a turn", "between turns" in p.expect(t="error", req=r)["text"])
    p.ask(t="cancel")
    done(p, t)
    p.ask(t="agent", driver="api", endpoint="lan")
    a = agent(p, driver="api", endpoint="lan")
    check("by whom", "ann" in a["route"] and "auto" in a["back"], a)
    t = prompt(p, "say hello")
    check("lan answers", p.expect(t="text", turn=t)["text"] == "answer of lan")
    done(p, t)
    p.ask(t="agent", driver="runbook")
    agent(p, driver="runbook")
    t = prompt(p, "hello?")
    check("no model", p.expect(t="result", turn=t)["driver"] == "runbook")
    done(p, t)
    p.ask(t="agent", driver="auto")
    a = agent(p, driver="cli")
    check("as at first", "route" not in a, a)


@with_rig(**FAKE)
def runbooks(rig):
    """a runbook goes to the model with its text; offline no model is asked"""
    vendor = Api(rig, "vendor")
    endpoints(rig, ("vendor", vendor.port))
    rig.start()
    p = rig.console()
    agent(p, state="ready", driver="cli")
    r = p.ask(t="runbook", name="nosuch")
    check("refused", "nosuch" in p.expect(t="error", req=r)["text"])
    p.ask(t="agent", driver="api")
    agent(p, driver="api")
    p.ask(t="runbook", name="triage")
    f = p.expect(t="prompt", runbook="triage")
    check("a prompt", f["text"] == "triage" and "offline" not in f, f)
    done(p, f["turn"])
    said = json.dumps(vendor.asked()[-1])
    check("the model has the file", "Triage" in said and "ssh" in said, said[:500])
    before = len(vendor.asked())
    p.ask(t="runbook", name="triage", offline=True)
    f = p.expect(t="prompt", runbook="triage", offline=True)
    p.expect(t="text", turn=f["turn"])
    r = p.expect(t="result", turn=f["turn"])
    check("the runbook driver", r["driver"] == "runbook", r)
    done(p, f["turn"])
    check("no model was asked", len(vendor.asked()) == before)
    agent(p, driver="api", state="ready")


@with_rig(pve=False, devvm=False, agent_driver="auto", claude="/nonexistent/claude")
def nothing_at_all(rig):
    """no claude, no key: the runbook driver answers at once and says why"""
    del rig.env["BREAKGLASS_API_KEY_FILE"]
    rig.start()
    p = rig.console()
    a = agent(p, driver="runbook", state="ready")
    check("why", a.get("route"), a)
    began = Watch()
    t = prompt(p, "what is wrong?")
    check("what can be done", "triage" in p.expect(t="text", turn=t)["text"])
    began.within("at once", SOON)
    check("ok", done(p, t)["ok"])


@with_rig(**FAKE)
def cancel_while_looking(rig):
    """a cancel while endpoints are asked ends the prompt within 250 ms"""
    hole = socket.socket()
    hole.bind(("127.0.0.1", 0))
    hole.listen(8)
    endpoints(rig, ("vendor", hole.getsockname()[1]))
    rig.start()
    p = rig.console()
    agent(p, state="ready", driver="cli")
    t = prompt(p, "say hello")
    began = Watch()
    p.ask(t="cancel")
    p.expect(t="cancelled", turn=t)
    began.within("within 250 ms", 0.25 * SOON)
    check("over", not done(p, t)["ok"])
    hole.close()


@with_rig(**FAKE)
def another_incident(rig):
    """another incident is another conversation for claude and for the API"""
    vendor = Api(rig, "vendor")
    endpoints(rig, ("vendor", vendor.port))
    rig.start()
    p = rig.console()
    agent(p, state="ready", driver="cli")
    p.ask(t="agent", driver="api")
    agent(p, driver="api")
    done(p, prompt(p, "the old secret"))
    p.send(t="incident", state="new")
    p.expect(t="incident", state="opened")
    done(p, prompt(p, "something else"))
    said = json.dumps(vendor.asked()[-1])
    check("nothing of the old one", "old secret" not in said and "something else" in said, said)


def real_claude():
    with open(SRC + "/build-aux/claude-version") as f:
        version = f.read().strip()
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.environ.get("BREAKGLASS_CLAUDE") or "%s/breakglass/claude/%s/claude" % (home, version)


@with_rig(claude=real_claude(), **NO_HOSTS)
def real_claude_moves(rig):
    """the real claude loses its API in the middle of a prompt: the next endpoint answers within 5 s"""
    if not os.access(real_claude(), os.X_OK):
        raise Skip("no %s: contrib/fetch-claude fetches it" % real_claude())
    vendor = Api(rig, "vendor", dict(wait_file="never", text="too late"))
    lan = Api(rig, "lan")
    endpoints(rig, ("vendor", vendor.port), ("lan", lan.port))
    rig.start()
    p = rig.console()
    agent(p, state="ready", driver="cli")
    t = prompt(p, "check the VM")
    until("claude has asked", lambda: p.pump(0.02) or vendor.asked())
    began = Watch()
    vendor.die()
    e = p.expect(t="error", turn=t)
    began.within("within 5 s", 5 * SOON)
    check("which", "vendor" in e["text"] or "claude" in e["text"], e)
    check("answered", p.expect(t="text", turn=t)["text"] == "answer of lan")
    r = p.expect(t="result", turn=t)
    check("by the API driver", r["driver"] == "api" and r["endpoint"] == "lan", r)
    check("ok", done(p, t)["ok"])


if __name__ == "__main__":
    main([first_dead, real_claude_moves, all_dead, keys_go_on, black_hole, way_back,
          dies_in_the_turn, by_hand, runbooks, nothing_at_all, cancel_while_looking,
          another_incident])
