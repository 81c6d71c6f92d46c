#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""One scripted incident, recovered by the CLI driver, by the API driver, and by hand: the
hosts see the same, in the same order."""
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import SRC, Rig, Skip, check, main, until  # noqa: E402
from test_engine_agent import find_claude  # noqa: E402
from test_engine_turn import agent, done, prompt  # noqa: E402

REPLIES = [
    dict(match="the devvm hangs", text="I look first.", bash="ssh pve forensics | tail -n 1"),
    dict(match=dict(result="#bg result"), text="QEMU is stuck.", bash="ssh pve cycle | tail -n 1"),
    dict(match=dict(result="#bg result"), text="And now?", bash="ssh devvm 'echo back again'"),
    dict(match=dict(result="back again"), text="**Found:** a stuck QEMU.\n**Did:** cycle.\n"
                                               "**State:** it runs."),
]


def host_facts(rig):
    """What happened to the hosts, without ids, times, and who asked."""
    out = []
    for f in rig.journal():
        if f["t"] == "tool" and f.get("host") == "devvm" and f.get("asked") == "agent":
            out.append(("run", "devvm", f["what"]))
        elif f["t"] == "verb":
            out.append((f["verb"], f["state"], f.get("exit")))
    return out


def recover(driver, claude):
    """One incident by one driver; the facts of the hosts, and the final text."""
    rig = Rig(agent_driver=driver, claude=claude)
    try:
        with open(rig.dir + "/s.json", "w") as f:
            json.dump(dict(api_key=rig.api_key, replies=REPLIES), f)
        api = subprocess.Popen(
            [SRC + "/tests/fakes/messages-api", "--scenario", rig.dir + "/s.json",
             "--port-file", rig.dir + "/port"], stdin=subprocess.DEVNULL)
        rig.procs.append(api)
        until("the API", lambda: os.path.exists(rig.dir + "/port"))
        with open(rig.dir + "/port") as f:
            rig.env["BREAKGLASS_API_URL"] = "http://127.0.0.1:" + f.read().strip()
        rig.start()
        p = rig.console()
        rig.links_up(p)
        agent(p, state="ready", driver=driver)
        old = rig.pve.vm_pid()
        t = prompt(p, "the devvm hangs")
        check("done by " + driver, done(p, t)["ok"], p.facts[-5:])
        check("another QEMU", rig.pve.vm_pid() != old)
        texts = [f["text"] for f in p.of("text", turn=t)]
        tools = [(f["name"], f["what"]) for f in p.of("tool", host="local")]
        return host_facts(rig), texts, tools
    finally:
        rig.close()


def by_hand():
    """The same by a runbook without AI, and F7."""
    rig = Rig(agent_driver="runbook")
    try:
        rig.start()
        p = rig.console()
        rig.links_up(p)
        agent(p, state="ready", driver="runbook")
        old = rig.pve.vm_pid()
        p.ask(t="runbook", name="qemu")
        f = p.expect(t="prompt", runbook="qemu")
        check("the runbook ends", done(p, f["turn"], 60)["ok"], p.facts[-5:])
        rig.verb(p, "cycle")
        p.expect(t="verb", verb="cycle", state="finished")
        check("another QEMU", rig.pve.vm_pid() != old)
        return host_facts(rig)
    finally:
        rig.close()


def verb_on(facts):
    return [f for f in facts if f[0] == "cycle"]


def same_facts():
    """CLI driver, API driver, runbook and F7: the hosts see the same, in the same order"""
    claude = find_claude()
    if not claude:
        raise Skip("no claude; contrib/fetch-claude fetches it")
    by_cli, by_api, hand = recover("cli", claude), recover("api", claude), by_hand()
    if os.environ.get("V"):
        print(by_cli, by_api, hand, sep="\n")
    check("something happened", ("cycle", "finished", 0) in by_cli[0], by_cli[0])
    for what, a, b in zip(("host facts", "texts", "tool calls"), by_cli, by_api):
        check("the same " + what, a == b, a, b)
    check("the same verb by hand", verb_on(hand) == verb_on(by_api[0]), hand, by_api[0])


if __name__ == "__main__":
    main([same_facts])
