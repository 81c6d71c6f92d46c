#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cancel in every state of a turn: within 250 ms, the list is true, and the next prompt works."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from api_rig import (  # noqa: E402
    Api, all_answered, bash, cancel, configure, done, here, last, none_refused, on_devvm, prompt,
    ready)
from engine_rig import alive, check, children, main, until, with_rig  # noqa: E402
from pace import Watch  # noqa: E402

API = dict(pve=False, agent_driver="api", claude="/nonexistent/claude")
NO_HOSTS = dict(API, devvm=False)


def nothing_is_left(rig, p, runs, watch):
    """The list, from the cancel on, to its end; and what ps says on the devvm's side.

    The watch was begun before the cancel: only a host that many share answers late."""
    told = [f for f in p.facts if f.get("what") == "left"]
    if runs:
        check("told at once", told and {r["id"] for r in told[0]["runs"]} == set(runs), told)
    until("the list is empty", lambda: not last(p, "left").get("runs"))
    check("and that is true", not on_devvm(rig), on_devvm(rig))
    pace = watch.pace()
    words = ("ending", "running") + (("unknown",) if pace > 2 else ())
    for f in p.of("state", what="left"):
        for r in f["runs"]:
            check("in known words", r["state"] in words and r["what"] and r["host"] == "devvm",
                  r, pace)


def goes_on(p, api, text="and now?"):
    """The next prompt is answered, by a conversation that keeps the API's rules."""
    t = prompt(p, text)
    check("the next prompt is answered",
          p.expect(t="text", turn=t)["text"] == "answer of " + api.name)
    check("ok", done(p, t)["ok"])
    results = all_answered(api.asked()[-1])
    none_refused(api)
    return results


def over(p, t):
    f = done(p, t)
    check("not ok", not f["ok"], f)
    r = p.of("result", turn=t)
    check("the word", not r or r[-1]["stop"] == "cancelled", r)
    check("cancelled once", len(p.of("cancelled", turn=t)) == 1)


@with_rig(**NO_HOSTS)
def waiting_for_headers(rig):
    """while the server has not answered yet"""
    api = Api(rig, "vendor", dict(match={"user": "hello"}, stall=True))
    configure(rig, api)
    p = ready(rig, hosts=False)
    t = prompt(p, "hello")
    api.is_asked()
    f = cancel(p, t)
    check("nothing is left", f["runs"] == [], f)
    over(p, t)
    goes_on(p, api)
    check("the model is told of it", "interrupted by the operator" in api.asked()[-1]["raw"])


@with_rig(**NO_HOSTS)
def in_the_text(rig):
    """in the middle of a text; in the middle of a tool's input: it does not run"""
    api = Api(rig, "vendor", dict(match={"user": "hello"}, blocks=[
        {"text": ["the devvm ", "is ", {"stall": True}]}]),
        dict(match={"user": "look"}, blocks=[{"text": "I look."}, {
            "tool": "Bash", "parts": ['{"command": "touch ran', {"stall": True}, '"}']}]))
    configure(rig, api)
    p = ready(rig, hosts=False)
    for text, seen in (("hello", "is "), ("look", "look")):
        t = prompt(p, text)
        p.expect(where=lambda f: f.get("t") in ("delta", "text") and seen in f["text"])
        f = cancel(p, t)
        check("nothing is left", f["runs"] == [], f)
        over(p, t)
        cut = p.of("text", turn=t)
        check("what was shown is kept, as cut", cut and (cut[-1].get("cut") or text == "look"),
              cut)
        goes_on(p, api)
    check("nothing ran", not [1 for _, _, n in os.walk(rig.run_dir) if "ran" in n])


@with_rig(**API)
def during_ssh(rig):
    """during `ssh devvm sleep 300` of the model's Bash tool: listed, ended, answered"""
    api = Api(rig, "vendor", dict(match={"user": "hello"}, blocks=[bash("ssh devvm sleep 300")]))
    configure(rig, api)
    p = ready(rig)
    t = prompt(p, "hello")
    run = p.expect(t="tool", host="devvm")["id"]
    until("it runs there", lambda: run in on_devvm(rig))
    watch = Watch()
    f = cancel(p, t)
    check("the list is what ps says", f["runs"] == [run], f)
    over(p, t)
    nothing_is_left(rig, p, [run], watch)
    until("nothing of it here", lambda: not here(rig, "sleep 300"))
    results = goes_on(p, api)
    check("the call has its result", "nterrupted" in list(results.values())[0], results)
    ends = {f["id"] for f in p.of("tool_end")}
    check("every run has its end", {f["id"] for f in p.of("tool")} <= ends, p.of("tool"), ends)


@with_rig(**API)
def parallel_tools(rig):
    """during three tools at once, one here and two over ssh, one of them stubborn"""
    api = Api(rig, "vendor", dict(match={"user": "hello"}, blocks=[
        bash("echo begun; sleep 301"), bash("ssh devvm sleep 300"),
        bash("ssh devvm 'trap \"\" TERM HUP; sleep 300; sleep 300'")]))
    configure(rig, api)
    p = ready(rig)
    t = prompt(p, "hello")
    runs = [p.expect(t="tool", host="devvm")["id"] for _ in range(2)]
    until("both run there", lambda: sorted(on_devvm(rig)) == sorted(runs))
    until("and one here", lambda: here(rig, "sleep 301"))
    watch = Watch()
    f = cancel(p, t)
    check("the list is what ps says", sorted(f["runs"]) == sorted(runs), f)
    over(p, t)
    nothing_is_left(rig, p, runs, watch)
    until("nothing of it here", lambda: not here(rig, "sleep"))
    results = goes_on(p, api)
    check("three calls, three results", len(results) == 3 and
          all("nterrupted" in r for r in results.values()), results)
    check("with what it said so far", [r for r in results.values() if "begun" in r], results)
    ends = {f["id"] for f in p.of("tool_end")}
    check("every run has its end", {f["id"] for f in p.of("tool")} <= ends, p.of("tool"), ends)


@with_rig(**NO_HOSTS)
def during_back_off(rig):
    """while it waits because the server said to wait 30 s"""
    api = Api(rig, "vendor", dict(match={"user": "hello"},
                                  error=dict(status=429, retry_after=30)))
    configure(rig, api)
    p = ready(rig, hosts=False)
    t = prompt(p, "hello")
    f = p.expect(t="state", what="agent", state="waiting")
    check("how long", "30." in f["why"] or "29." in f["why"], f)
    f = cancel(p, t)
    check("nothing is left", f["runs"] == [], f)
    over(p, t)
    goes_on(p, api)
    check("it was asked twice in all", len(api.asked()) == 2)


@with_rig(**NO_HOSTS)
def during_the_helper(rig):
    """while the credential's helper has not answered"""
    helper = rig.dir + "/helper"
    with open(helper, "w") as f:
        f.write("#!/bin/sh\n[ -e %s/go ] || sleep 302\ncat %s/apikey\n" % (rig.dir, rig.dir))
    os.chmod(helper, 0o755)
    api = Api(rig, "vendor")
    configure(rig, api, vendor="key_helper = %s\n" % helper)
    p = ready(rig, hosts=False)
    t = prompt(p, "hello")
    until("the helper runs", lambda: here(rig, "sleep 302"))
    with open(rig.dir + "/go", "w"):
        pass
    f = cancel(p, t)
    check("nothing is left", f["runs"] == [], f)
    over(p, t)
    check("nobody was asked", not api.asked())
    until("nothing of it here", lambda: not here(rig, "sleep 302"), 2)
    goes_on(p, api)


BOOK = """---
name: app
title: The application
description: A test.
---

```devvm state 60s reads
cat $HOME/state; [ ! -e $HOME/slow ] || sleep 300
```

```finding broken critical
in state  ^(\\S+) is broken$
say $1 is broken
offer mend
```

```repair mend 20s check=state
touch $HOME/mended; sed -i s/broken/fine/ $HOME/state
```
"""


@with_rig(pve=False, agent_driver="runbook", claude="/nonexistent/claude")
def runbook(rig):
    """the runbook driver, during a step and during a question"""
    os.mkdir(rig.dir + "/books")
    with open(rig.dir + "/books/app.md", "w") as f:
        f.write(BOOK)
    rig.env["BREAKGLASS_RUNBOOK_DIR"] = rig.dir + "/books"
    home = rig.devvm.top
    for name, text in (("state", "db is broken\n"), ("slow", "")):
        with open(home + "/" + name, "w") as f:
            f.write(text)
    p = ready(rig)

    def start():
        p.ask(t="runbook", name="app")
        return p.expect(t="prompt", runbook="app")["turn"]
    t = start()
    run = p.expect(t="tool", host="devvm", asked="runbook")["id"]
    until("it runs there", lambda: run in on_devvm(rig))
    watch = Watch()
    f = cancel(p, t)
    check("the list is what ps says", f["runs"] == [run], f)
    over(p, t)
    nothing_is_left(rig, p, [run], watch)
    os.unlink(home + "/slow")
    t = start()
    q = p.expect(t="ask", kind="repair")
    f = cancel(p, t)
    check("nothing is left", f["runs"] == [], f)
    over(p, t)
    a = p.of("answered", id=q["id"])
    check("taken back", len(a) == 1 and not a[0]["yes"] and a[0]["by"] == "engine", a)
    f = p.expect(t="error", req=p.ask(t="answer", id=q["id"], yes=True))
    check("too late for an answer", f["text"], f)
    check("nothing was mended", not os.path.exists(home + "/mended"))
    check("no question is open", "id" not in last(p, "ask"), last(p, "ask"))
    t = start()
    p.ask(t="answer", id=p.expect(t="ask", kind="repair")["id"], yes=True)
    check("the next one works", done(p, t)["ok"])
    check("and was mended", os.path.exists(home + "/mended"))


if __name__ == "__main__":
    main([waiting_for_headers, in_the_text, during_ssh, parallel_tools, during_back_off,
          during_the_helper, runbook])
