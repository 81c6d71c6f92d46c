#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole path with the API driver: its shell, a verb, a dying endpoint, a cancel."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import SANITIZED, check, children, main, until, with_rig  # noqa: E402
from pace import Watch  # noqa: E402
from test_engine_agent import listening  # noqa: E402
from test_engine_choice import Api, endpoints, last  # noqa: E402
from test_engine_turn import agent, done, prompt  # noqa: E402

SITE = dict(agent_driver="api")
SOON_MS = 250 if not SANITIZED else 2500


def begin(rig, *apis):
    endpoints(rig, *[(name, api.port) for name, api in apis])
    e = rig.start()
    p = rig.console()
    rig.links_up(p)
    agent(p, state="ready", driver="api")
    return e, p


@with_rig(**SITE)
def nothing_to_find(rig):
    """the model's shell finds no key and no descriptor of the engine; nobody listens"""
    api = Api(rig, "vendor", dict(match="look around", bash=(
        "env; echo == fds; for i in {0..99}; do readlink /proc/self/fd/$i; done; echo == key; ssh-add -l; p=$PPID; "
        "while [ $p -gt 1 ]; do n=$(cat /proc/$p/comm); echo == environ of $n; "
        "tr '\\0' '\\n' </proc/$p/environ; [ $n = engine ] && break; "
        "p=$(sed -n 's/^PPid:.//p' /proc/$p/status); done; echo == end; "
        "ssh devvm 'echo on the devvm; until [ -e %s/go ]; do sleep 0.05; done; echo still'; "
        "ssh pve 'status; id'; true") % rig.dir),
        dict(match=dict(result="== end"), text="I found nothing."))
    e, p = begin(rig, ("vendor", api))
    t = prompt(p, "look around")
    run = p.expect(t="tool", asked="agent", host="devvm")["id"]
    until("its first line", lambda: p.pump(0.01) or b"on the devvm" in p.output(run))
    open(rig.dir + "/go", "w").close()
    ours = [e.pid] + children(e.pid)
    check("no listening TCP and no UDP socket", not listening(ours), listening(ours))
    check("done", done(p, t)["ok"], p.facts[-5:])
    local = [f for f in p.of("tool", host="local") if f["name"] == "Bash"][0]
    seen = (p.output(local["id"]) + p.output(local["id"], "err")).decode(errors="replace")
    check("the shell ran", "== end" in seen and "on the devvm" in seen, seen)
    check("no API key", rig.api_key not in seen, seen)
    check("no agent socket", "SSH_AUTH_SOCK" not in seen)
    fds = seen.split("== fds")[1].split("== key")[0]
    check("no socket of the engine", "pipe:" in fds and "socket:" not in fds, fds)
    outs = [f["data"] for f in p.of("output", id=run)]
    check("its lines came one by one", outs == ["on the devvm\n", "still\n"], outs)
    refused = [f for f in p.of("error") if f["where"] == "ssh pve"]
    check("the injection was refused and recorded", refused and
          refused[0]["command"] == "status; id", refused)
    with open(rig.journals()[-1]) as f:
        check("nor in the journal", rig.api_key not in f.read())
    r = p.of("result", turn=t)[0]
    check("what it cost", r["driver"] == "api" and r["endpoint"] == "vendor" and
          r["calls"] == 2, r)


@with_rig(**SITE)
def endpoint_dies(rig):
    """the first endpoint dies after the verb: the next one finishes the incident, no second verb"""
    first = Api(rig, "first", dict(match="mend it", text="It hangs.", bash="ssh pve cycle | tail -n 1"),
                dict(match=dict(result="#bg result"),
                     blocks=[dict(text=["Now ", dict(stall=True)])]))
    lan = Api(rig, "lan", dict(match=dict(result="#bg result"), text="Cycled; it runs."))
    _, p = begin(rig, ("first", first), ("lan", lan))
    old = rig.pve.vm_pid()
    t = prompt(p, "mend it")
    f = p.expect(t="verb", asked="agent", state="finished")
    check("cycled", f["exit"] == 0 and rig.pve.vm_pid() != old, f)
    p.expect(t="delta", turn=t, text="Now ")
    first.die()
    p.expect(lambda f: "lan goes on" in f.get("text", ""), t="error", turn=t)
    check("the turn is finished", done(p, t)["ok"], p.facts[-5:])
    check("by the next one", p.of("text", turn=t)[-1]["text"] == "Cycled; it runs.")
    check("the half text is marked", [f for f in p.of("text", turn=t) if f.get("cut")], p.of("text"))
    check("one verb", len(p.of("verb", asked="agent", state="finished")) == 1)
    check("shown", last(p, "agent")["endpoint"] == "lan" and "first" in last(p, "agent")["route"],
          last(p, "agent"))


@with_rig(**SITE)
def cancelled(rig):
    """a cancel during `ssh devvm sleep 300` takes 250 ms, and the model hears of it afterwards"""
    api = Api(rig, "vendor", dict(match="sleep", bash="echo begun; ssh devvm 'echo far; exec sleep 300'"))
    _, p = begin(rig, ("vendor", api))
    t = prompt(p, "sleep")
    run = p.expect(t="tool", asked="agent", host="devvm")
    until("it runs", lambda: p.pump(0.02) or b"far" in p.output(run["id"]))
    began = Watch()
    p.send(t="cancel")
    p.expect(t="cancelled", turn=t)
    began.within("within 250 ms", SOON_MS / 1000)
    check("over", not done(p, t)["ok"])
    t = prompt(p, "and now")
    check("the next turn", done(p, t)["ok"])
    results = [b for m in api.asked()[-1]["body"]["messages"] if isinstance(m["content"], list)
               for b in m["content"] if b["type"] == "tool_result"]
    check("the call has its result", len(results) == 1 and
          results[0]["content"].startswith("Interrupted by the operator after") and
          "begun" in results[0]["content"], results)


if __name__ == "__main__":
    main([nothing_to_find, endpoint_dies, cancelled])
