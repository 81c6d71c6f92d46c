#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runbooks: no model, real SSH, planted outputs; what is found, advised and offered."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import SANITIZED, Rig, alive, check, main, until  # noqa: E402
from pace import Watch  # noqa: E402

HEAD = "---\nname: %s\ntitle: Test %s\ndescription: A test.\n---\n\n"
SETTLED = 60.0


def book(rig, name, body, mode=0o644):
    """A runbook in the operator's folder."""
    d = rig.dir + "/books"
    os.makedirs(d, exist_ok=True)
    with open("%s/%s.md" % (d, name), "w") as f:
        f.write(HEAD % (name, name) + body)
    os.chmod("%s/%s.md" % (d, name), mode)
    return "%s/%s.md" % (d, name)


def step(name, command, limit=5, more="reads"):
    return "```devvm %s %ds %s\n%s\n```\n" % (name, limit, more, command)


def finding(name, *lines, severity="warning"):
    return "```finding %s %s\n%s\n```\n" % (name, severity, "\n".join(lines))


def own(**more):
    """Decorator: a rig whose engine reads the operator's folder and has no model."""
    def wrap(fn):
        def run():
            rig = Rig(agent_driver="runbook", **more)
            rig.env["BREAKGLASS_RUNBOOK_DIR"] = rig.dir + "/books"
            os.makedirs(rig.dir + "/books")
            try:
                fn(rig)
            finally:
                rig.close()
        run.__name__, run.__doc__ = fn.__name__, fn.__doc__
        return run
    return wrap


def begin(rig, up=True):
    rig.start()
    p = rig.console()
    if up:
        rig.links_up(p)
    return p


def run(p, name):
    p.ask(t="runbook", name=name)
    return p.expect(t="prompt", state="started")["turn"]


def say(p, words):
    p.ask(t="prompt", text=words)
    return p.expect(t="prompt", state="started")["turn"]


def end(p, limit=SETTLED):
    """The turn's end; returns (ok, all its text)."""
    done = p.expect(t="done", limit=limit)
    return done["ok"], text(p, done["turn"])


def text(p, turn):
    return "\n".join(f["text"] for f in p.of("text", turn=turn))


def has(what, words, *parts):
    for part in parts:
        check("%s: %r" % (what, part), part in words, words[-1400:])


def lacks(what, words, *parts):
    for part in parts:
        check("%s: no %r" % (what, part), part not in words, words)


def books(p):
    return [f for f in p.facts if f.get("what") == "runbooks"][-1]


# --- the folders ---

@own()
def presets_and_own(rig):
    """the five presets are there at attach, first; an own file of a name takes its place"""
    book(rig, "disk", step("a", "echo mine"))
    book(rig, "app", step("a", "echo app"))
    bad = book(rig, "broken", step("a", "x") + "\n```devvm a 5s reads\nx\n```\n")
    other = book(rig, "shared", step("a", "x"), mode=0o666)
    p = begin(rig, up=False)
    f = until("the runbooks", lambda: p.pump(0.01) or
              [f for f in p.facts if f.get("what") == "runbooks" and f["runbooks"]])[-1]
    check("in order", [b["name"] for b in f["runbooks"]] ==
          ["triage", "memory", "disk", "services", "qemu", "app"], f)
    check("whose", [b["name"] for b in f["runbooks"] if b.get("own")] == ["disk", "app"], f)
    bads = {b["file"]: b for b in f["bad"]}
    check("which are refused", set(bads) == {bad, other}, f)
    check("its line", bads[bad]["line"] == 11 and "is there already" in bads[bad]["why"], f)
    check("others can write it", "chmod" in bads[other]["why"], f)
    late = rig.console("ben")
    check("at attach, too", books(late)["runbooks"] == f["runbooks"])
    p.ask(t="runbook", name="broken")
    e = p.expect(t="error", req=p.req)
    has("a broken one is refused", e["text"], bad + ":11: ", "is there already")
    p.ask(t="runbook", name="none")
    has("one that is not there", p.expect(t="error", req=p.req)["text"], "triage", "app")


@own()
def broken_own_preset(rig):
    """a broken own file leaves the shipped one usable, with a word about it"""
    path = book(rig, "services", "```devm a 5s reads\nx\n```\n")
    p = begin(rig)
    run(p, "services")
    ok, words = end(p)
    check("it ran", ok)
    has("the shipped one", words, "Runbook **Services**", "**Found:**")
    e = p.of("error")
    check("a word about it", any("devm" in f.get("todo", "") for f in e), e)
    check("named", any(b["file"] == path for b in books(p)["bad"]))


@own()
def read_anew(rig):
    """files are read before each run, and what changed is told"""
    book(rig, "app", step("a", "echo one") + finding("f", "in a  (one)", "say saw $1",
                                                     severity="note"))
    p = begin(rig)
    run(p, "app")
    has("first", end(p)[1], "saw one")
    book(rig, "app", step("a", "echo two") + finding("f", "in a  (two)", "say saw $1",
                                                     severity="note"))
    book(rig, "fresh", step("a", "true"))
    run(p, "app")
    has("then", end(p)[1], "saw two")
    check("told", any(b["name"] == "fresh" for b in books(p)["runbooks"]))
    say(p, "/fresh")     # what names a runbook is one, for the driver without a model
    check("runs", end(p)[0])


# --- what is found ---

@own()
def planted(rig):
    """triage finds what is planted, with the line that proves it, and journals every run"""
    df = ("Filesystem 1024-blocks Used Available Capacity Mounted on\n"
          "/dev/vda1 61255492 61200000 0 100% /\n/dev/vdb1 1000 980 20 98% /srv/we*ird\n"
          "tmpfs 1000 1000 0 100% /run\n")
    inodes = ("Filesystem Inodes IUsed IFree IUse% Mounted on\n"
              "/dev/vda1 1000 999 1 99% /\n")
    rig.devvm.program("df", 'case "$*" in *-i*) cat <<E\n%sE\n;; *) cat <<E\n%sE\n;; esac' %
                      (inodes, df))
    rig.devvm.program(
        "dmesg", 'u=$(cut -d. -f1 /proc/uptime)\n'
        'echo "[$((u - 120)).5] Out of memory: Killed process 4711 (java) total-vm:9kB, '
        'anon-rss:812345kB, file-rss:0kB"\n'
        'echo "[$((u - 60)).1] blk_update_request: I/O error, dev vda, sector 1"\n'
        'echo "[$((u - 59)).1] EXT4-fs (vda1): Remounting filesystem read-only"')
    rig.devvm.program("systemctl", 'case "$*" in *--failed*) '
                      'echo "● app.service loaded failed failed The app";; '
                      '*is-system-running*) echo degraded;; esac')
    rig.devvm.program("journalctl", 'echo "app: cannot open state.db: database is locked"')
    p = begin(rig)
    turn = run(p, "triage")
    ok, words = end(p)
    check("it ends well", ok)
    has("found", words, "**critical** / is full: 100 %, 0 kB left",
        "`/dev/vda1 61255492 61200000 0 100% /`", "/srv/we\\*ird is full: 98 %",
        "/ has no room for files: 99 %", "killed java (pid 4711), 2 min ago",
        "the disk gave errors", "read-only",
        "app.service has failed: app: cannot open state.db: database is locked",
        "`sudo systemctl restart app.service`", "`sudo du -xk -d 3 '/srv/we*ird'")
    lacks("not taken", words, "/run is full")
    check("critical before warning", words.index("**Found:**") <
          words.rindex("**critical**") < words.rindex("**warning** the kernel"), words)
    tools = p.of("tool", turn=turn)
    check("each is a run of the runbook, by the operator",
          tools and all(f["asked"] == "runbook" and f["by"] == "ann" for f in tools), tools)
    check("the host was asked", any(f["host"] == "pve" for f in tools))
    check("output is live", p.of("output"))
    check("a result", p.of("result", turn=turn)[0]["stop"] == "end_turn")
    kinds = [r["t"] for r in rig.journal() if r.get("turn") == turn]
    check("in the journal", {"prompt", "tool", "text", "result", "done"} <= set(kinds), kinds)


@own()
def verdict_first(rig):
    """a stall: the verdict's key is first, told at once, and no finding advises another"""
    book(rig, "app", "```verdict vm\nforensics\n```\n" +
         finding("f", "in vm  vq_inuse", "say a guess", "do **F6 reset** helps",
                 severity="critical"))
    rig.pve.write("mode", "stalled\n")
    rig.devvm.refuse()
    p = begin(rig, up=False)
    rig.link(p, "pve", "up")
    run(p, "app")
    first = p.expect(lambda f: "verdict **stall**" in f["text"], t="text", limit=SETTLED)
    has("at once", first["text"], "Advised: **F7 cycle**")
    ok, words = end(p)
    has("advised", words, "1. **F7 cycle**", "not F6 reset: ", "- **critical** a guess")
    lacks("not advised", words, "F6 reset** helps")


@own()
def silent_devvm(rig):
    """a devvm that is silent is a result: its commands are left out, the host is asked"""
    book(rig, "app", step("a", "true") + step("b", "true") + step("c", "true") +
         "```pve st\nstatus\n```\n" +
         finding("gone", "in a.failed  .", "say the devvm is away", "do **F3 forensics**") +
         finding("host", "in st  status", "say the host answers", severity="note"))
    rig.devvm.refuse()
    p = begin(rig, up=False)
    began = Watch()
    turn = run(p, "app")
    ok, words = end(p)
    began.within("it ends soon", 40)
    check("it ends well", ok, words)
    has("told", words, "the devvm is away", "the host answers", "the devvm does not answer",
        "2 more commands for it were left out")
    check("asked once", len(p.of("tool", turn=turn, host="devvm")) == 1)


@own()
def limits(rig):
    """a command that does not end is ended at its limit; two in a row make it silent"""
    book(rig, "app", step("a", "exec sleep 4711", 1) + step("b", "exec sleep 4711", 1) +
         step("c", "echo no") + finding("f", "in a.failed  (no end within \\d+ s)",
                                        "say a: $1", "do **F3 forensics**"))
    p = begin(rig)
    began = Watch()
    run(p, "app")
    ok, words = end(p)
    began.within("in time", 20)
    has("told", words, "a: no end within 1 s", "1 more command for it was left out")


@own()
def half_an_output(rig):
    """what a command said before its limit is looked at"""
    book(rig, "app", step("a", "echo half; exec sleep 4711", 1) +
         finding("f", "in a  (half)", "say $1", severity="note"))
    p = begin(rig)
    run(p, "app")
    has("told", end(p)[1], "half")


@own()
def explodes(rig):
    """a pattern that explodes is given up with file and line; the rest is found"""
    path = book(rig, "app", step("a", "head -c 60000 /dev/zero | tr '\\0' a") +
                finding("f", "in a  ^(a|aa)+$", "say x", severity="note") +
                finding("g", "in a  ^(aa)", "say fine", severity="note"))
    p = begin(rig)
    run(p, "app")
    ok, words = end(p)
    has("the other one", words, "fine")
    e = [f["text"] for f in p.of("error")]
    check("which, where", any(path + ":11: " in x and "too many ways" in x for x in e), e)


@own()
def when(rig):
    """a block waits for a finding"""
    book(rig, "app", step("a", "echo bad") +
         finding("f", "in a  bad", "say f", severity="note") +
         finding("g", "in a  good", "say g", severity="note") +
         step("yes", "echo ran-yes", 5, "reads when=f") + step("no", "echo no", 5,
                                                              "reads when=g"))
    p = begin(rig)
    turn = run(p, "app")
    end(p)
    check("which ran", [f["what"] for f in p.of("tool", turn=turn)] ==
          ["echo bad", "echo ran-yes"])


@own()
def hostile(rig):
    """what a host prints is neither Markdown, nor a control, nor a command"""
    rig.devvm.program("say-it", "printf 'unit \\033[2J\\033]0;x\\007**b**`;id` is "
                      "\\342\\200\\256bad\\n'")
    book(rig, "app", step("a", "say-it") +
         finding("f", "in a  ^unit (.+) is (.*)$", "say $1 is $2", "do `restart $1`",
                 "offer r") +
         "```repair r 5s check=a\nrestart $1\n```\n")
    p = begin(rig)
    run(p, "app")
    ok, words = end(p)
    check("it ends", ok)
    lacks("controls", words, "\x1b", "\x07", "\u202e")
    lacks("not as Markdown", words.split("**Found:**")[1].split("  - a:")[0], " **b**")
    has("quoted", words, "`restart '")
    check("no offer of such a word", not p.of("ask"))


# --- prompts, cancel ---

@own()
def free_prompt(rig):
    """a prompt in words: nobody reads it, and what can be done is told"""
    book(rig, "app", step("a", "true"))
    p = begin(rig, up=False)
    say(p, "why is it slow?")
    ok, words = end(p, 5)
    has("told", words, "No model", "/triage", "/runbook app", "F7 cycle", "/agent")
    check("nothing ran", not p.of("tool"))


@own()
def cancel(rig):
    """F8 ends a run within 250 ms, and the next one runs"""
    book(rig, "app", step("a", "echo $$; exec sleep 4711", 60))
    book(rig, "next", step("a", "echo x") + finding("f", "in a  x", "say next",
                                                    severity="note"))
    p = begin(rig)
    turn = run(p, "app")
    pid = int(p.expect(t="output")["data"])
    began = Watch()
    p.ask(t="cancel")
    done = p.expect(t="done", turn=turn)
    took = began.within("soon", 0.25 if not SANITIZED else 1)
    check("not ok", not done["ok"], done)
    check("cancelled", p.of("cancelled", turn=turn))
    run(p, "next")
    has("runs", end(p)[1], "next")
    until("the command has ended at the host, too", lambda: not alive(pid))
    print("# cancelled after %.0f ms" % (took * 1000))


@own()
def cancel_in_reading(rig):
    """a cancel before the first command, again and again"""
    book(rig, "app", step("a", "echo x"))
    p = begin(rig)
    for _ in range(5):
        turn = run(p, "app")
        p.ask(t="cancel")
        p.expect(t="done", turn=turn)
    run(p, "app")
    check("it runs", end(p)[0])


# --- repairs ---

REPAIR = (step("state", "cat $HOME/state") +
          finding("f", "in state  ^(\\S+) is broken$", "each 3", "say $1 is broken",
                  "do `mend $1`", "offer mend") +
          "## Mend it\n\n```repair mend 20s check=state\nmend $1\n```\n")


def mend(rig, works=True):
    rig.devvm.program("mend", 'echo "mended $1" >>$HOME/mended; ' +
                      ('sed -i "s/^$1 is broken$/$1 is fine/" $HOME/state' if works else ":"))
    with open(rig.devvm.top + "/state", "w") as f:
        f.write("one is broken\ntwo is broken\n")


def mended(rig):
    try:
        with open(rig.devvm.top + "/mended") as f:
            return f.read().split()[1::2]
    except OSError:
        return []


@own()
def repair(rig):
    """a repair is asked for with its exact command; yes runs it and its check, no does not"""
    book(rig, "app", REPAIR)
    mend(rig)
    p = begin(rig)
    turn = run(p, "app")
    ask = p.expect(t="ask")
    check("what is asked", ask["kind"] == "repair" and ask["command"] == "mend one" and
          ask["host"] == "devvm" and "Mend it" in ask["text"], ask)
    check("the report came before", "**Found:**" in text(p, turn))
    check("nothing ran yet", mended(rig) == [])
    p.ask(t="answer", id=ask["id"], yes=True)
    ask = p.expect(t="ask")
    check("then the other", ask["command"] == "mend two", ask)
    p.ask(t="answer", id=ask["id"], yes=False)
    ok, words = end(p)
    check("it ends well", ok)
    check("which ran", mended(rig) == ["one"], mended(rig))
    has("told", words, "**Did:** `mend one`, exit status 0", "**Now:** gone.",
        "Not done: `mend two`")


@own()
def repair_fails(rig):
    """a repair that does not help is said to have not helped"""
    book(rig, "app", REPAIR)
    mend(rig, works=False)
    p = begin(rig)
    run(p, "app")
    for _ in range(2):
        p.ask(t="answer", id=p.expect(t="ask")["id"], yes=True)
    ok, words = end(p)
    has("told", words, "**Now:** still so: `one is broken`", "`two is broken`")


@own()
def cancel_asking(rig):
    """a cancel takes the question back: it is answered no, and nothing runs"""
    book(rig, "app", REPAIR)
    mend(rig)
    p = begin(rig)
    run(p, "app")
    ask = p.expect(t="ask")
    p.ask(t="cancel")
    p.expect(t="answered", id=ask["id"], yes=False)
    p.expect(t="done")
    check("nothing ran", mended(rig) == [])


@own()
def no_repair_before_a_verb(rig):
    """nothing is offered where the verdict needs a verb first"""
    book(rig, "app", "```verdict vm\nforensics\n```\n" + REPAIR)
    mend(rig)
    rig.pve.write("mode", "stalled\n")
    rig.devvm.program("dd", "exec sleep 30")     # a write with sync does not come back
    p = begin(rig)
    run(p, "app")
    ok, words = end(p)
    has("told", words, "one is broken", "**F7 cycle**")
    check("not asked", not p.of("ask"))


@own(autonomy="observe")
def observe(rig):
    """with the autonomy observe a block that reads runs, one that writes asks"""
    book(rig, "app", step("a", "echo looked") + step("w", "echo wrote >$HOME/w", 5, "writes") +
         finding("f", "in a  looked", "say looked", severity="note"))
    p = begin(rig)
    run(p, "app")
    ask = p.expect(t="ask")
    check("what is asked", ask["kind"] == "devvm" and "wrote" in ask["command"], ask)
    p.ask(t="answer", id=ask["id"], yes=False)
    ok, words = end(p)
    has("told", words, "looked")
    check("not written", not os.path.exists(rig.devvm.top + "/w"))


@own()
def engine_leaves(rig):
    """an engine that leaves in the middle of a run leaves cleanly"""
    book(rig, "app", step("a", "exec sleep 4711", 60))
    book(rig, "ask", REPAIR)
    mend(rig)
    p = begin(rig)
    run(p, "app")
    p.expect(t="tool")
    check("leaves", rig.stop() == 0)
    p = begin(rig)
    run(p, "ask")
    p.expect(t="ask")
    check("leaves while asking", rig.stop() == 0)


main([presets_and_own, broken_own_preset, read_anew, planted, verdict_first, silent_devvm,
      limits, half_an_output, explodes, when, hostile, free_prompt, cancel, cancel_in_reading,
      repair, repair_fails, cancel_asking, no_repair_before_a_verb, observe, engine_leaves])
