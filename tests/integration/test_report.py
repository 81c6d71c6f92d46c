#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""breakglass report: post-mortems of incidents that a real engine has recorded, and of
journals that want to deceive."""
import json
import os
import random
import re
import signal
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import SRC, check, main, until, with_rig  # noqa: E402
from test_engine_turn import FAKE, agent, done, prompt  # noqa: E402

FIXTURES = SRC + "/tests/fixtures/report"
HOSTILE = "\x1b]52;c;ZXZpbA==\x07\x1b[2J <script>alert(1)</script> ``` ~~~ **x** | y\u202e evil " \
    "[click](http://evil.example) ![i](http://evil.example/i) $x$ &lt; www.evil.example"


def report(rig, *args, rc=0):
    r = rig.cli("report", *args)
    check("exit %d" % rc, r.returncode == rc, r.returncode, r.stderr, r.stdout[-600:])
    return r.stdout


def facts(rig, *args):
    return json.loads(report(rig, "--json", *args))


def section(text, title):
    found = re.search(r"^## %s$(.*?)(?=^## |\Z)" % re.escape(title), text, re.M | re.S)
    check("section %s" % title, found, text[:400])
    return found.group(1)


def has(text, *patterns):
    for p in patterns:
        check("it says %s" % p, re.search(p, text, re.M | re.S), text)


def is_tame(text):
    """No control byte, nothing bidi, no live HTML or link, each fence closed by itself."""
    bad = [c for c in text if (ord(c) < 32 and c != "\n") or 0x7f <= ord(c) < 0xa0 or
           c in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\u200e\u200f\ufeff"]
    check("clean text", not bad, bad[:9])
    fence = None
    for line in text.splitlines():
        bare = re.sub(r"^(> )?", "", line)
        ticks = re.match(r"(`{3,})(text)?$", bare)
        if fence:
            if ticks and not ticks.group(2) and len(ticks.group(1)) >= len(fence):
                fence = None
            continue
        if ticks:
            check("a fence of ours", ticks.group(2), line)
            fence = ticks.group(1)
            continue
        live = re.search(r"(?<!\\)(<|\]\(|&[a-z]+;|(?<!\\):\/\/|`|\$)", line)
        check("nothing in a line is live", not live, line)
        check("no line too long, but for one word", len(line) < 122 or line.startswith("|") or
              len(line.split()) < 3, line)
    check("each fence is closed", fence is None)


def same_twice(rig, *args):
    a, b = report(rig, *args), report(rig, *args)
    check("the same journal gives the same bytes", a == b)
    is_tame(a)
    return a


@with_rig()
def a_cycle(rig):
    """a cycle with its verdict and its proof: durations, evidence, before and after, who"""
    rig.pve.write("mode", "running stalled\n")
    rig.start()
    p = rig.console("ann")
    rig.links_up(p)
    v = rig.verb(p, "forensics", confirm=False)
    p.expect(t="verb", id=v, state="finished")
    p.expect(t="verdict", where=lambda f: not f.get("climbing"))
    p.send(t="note", text=HOSTILE)
    p.expect(t="note")
    w = rig.verb(p, "reset", confirm=False)
    p.expect(t="verb", id=w, state="refused")
    c = rig.verb(p, "cycle")
    p.expect(t="verb", id=c, state="finished")
    p.expect(t="state", what="proof", done=True)
    p.send(t="incident", state="close")
    p.expect(t="incident", state="closed")
    rig.stop()
    text = same_twice(rig)
    has(text, r"\A# Post-mortem: incident 20\d{6}T\d{6}Z-[0-9a-f]{4}$", r"^\| Closed \| 20")
    has(section(text, "Durations"), r"\| act \| \d+\.\d{3} s .*#\d+, #\d+ \|",
        r"\| recover \| \d+\.\d{3} s ", r"\| diagnose \| \d+\.\d{3} s ",
        r"\| total \| \d+\.\d{3} s ")
    has(section(text, "What was wrong"), r"verdict stall, advice cycle \(#\d+\)",
        r"^host: read and write counters stood still")
    has(section(text, "Proof of recovery"), r"### After cycle \(%s\): healthy" % c,
        r"^\| QEMU pid \| \d+ \| \d+ \| yes \|$", r"^\| disk \| yes \| \d+\.\d{3} s \|$")
    has(section(text, "Who did what"), r"\| reset \(%s\) \| refused: not confirmed" % w,
        r"\| cycle \(%s\) \| finished, exit 0 \|" % c)
    has(section(text, "Timeline"), r"cycle \(%s\) confirmed" % c, r"cycle \(%s\): killing, " % c,
        r"proof after cycle: healthy after", r"incident closed: an operator closed it")
    has(section(text, "Clocks"), r"^- pve: \d+\.\d{3} s (ahead of|behind) the engine's clock",
        r"^- devvm: ", r"cycle \(%s\) is run 20\d{6}T\d{6}Z-cycle-\d+" % c)
    has(section(text, "What is left"), r"/runs/20\d{6}T\d{6}Z-cycle-\d+\.log", "rotate it")
    f = facts(rig)
    records = rig.journal()
    check("the last record and the file are named", f["records"]["last_seq"] == len(records) and
          re.fullmatch("[0-9a-f]{64}", f["file"]["sha256"]) and f["records"]["unread"] == 0,
          f["records"], f["file"])
    by_seq = {r["seq"]: r for r in records}
    for d in f["durations"]:
        if "from_seq" in d and "ms" in d:
            # a record may be made a moment before one that has a lower number
            check("the length is that of its records", abs(d["ms"] - (
                by_seq[d["to_seq"]]["mono_ms"] - by_seq[d["from_seq"]]["mono_ms"])) <= 25, d)
    check("the outcome", f["outcome"] == "healthy" and f["state"] == "closed", f["outcome"])
    keep(rig, "cycle")


def keep(rig, name):
    if os.environ.get("BG_KEEP_JOURNALS"):
        with open(rig.journals()[-1]) as f:
            text = f.read()
        with open(os.environ["BG_KEEP_JOURNALS"] + "/" + name + ".jsonl", "w") as f:
            f.write(text)


@with_rig(**FAKE)
def a_turn(rig):
    """what the agent was asked, what it ran on which host, what it answered and cost"""
    rig.start()
    p = rig.console("ann")
    rig.links_up(p)
    agent(p, state="ready")
    t = prompt(p, "run ssh devvm 'echo \"<b>hi</b>\"; exit 3'")
    done(p, t)
    t = prompt(p, "say **Found:** <b>nothing</b>\n```\n## not a heading of ours")
    done(p, t)
    rig.stop()                  # nothing is told any more
    text = same_twice(rig)
    said = section(text, "The agent")
    has(said, r"### Turn 1, by ann", r"^> ````text$", r"run ssh devvm 'echo", r"Ended: .*, by cli, after",
        r"^\| r\d+ \| devvm \| .* \| 3 \| \d+, \d+ B \|", "> ## not a heading of ours")
    check("no heading of others", not re.search(r"^## not", text, re.M))
    has(text, r"^\| Agent \| 2 turns by ")
    has(section(text, "Proof of recovery"), "None: no mutating verb was proved")
    has(section(text, "Durations"), r"\| act \| not in this journal \|")
    keep(rig, "turn")


@with_rig()
def restart_and_unfinished(rig):
    """an engine that was killed in the middle of a cycle, and one that learns its end later"""
    e = rig.start()
    p = rig.console("ann")
    rig.links_up(p)
    rig.pve.hold("stop")
    n = rig.pve.calls("stop")
    v = rig.verb(p, "cycle")
    until("the host is at it", lambda: rig.pve.calls("stop") > n)
    p.expect(t="verb", id=v, state="stage", stage="stopping")
    e.send_signal(signal.SIGKILL)
    e.wait()
    text = same_twice(rig)
    has(section(text, "What this report does not know"),
        r"how cycle \(%s\), confirmed by ann, ended: no end in this\s+journal" % v,
        r"run r\d+ on pve \(cycle\) has no end in this journal",
        r"whether the devvm came back: no proof here")
    rig.start()
    p = rig.console("ann")
    p.expect(t="state", what="unfinished", outcome="running")
    rig.pve.release("stop")
    p.expect(t="verb", id=v, state="finished")
    p.expect(t="state", what="proof", done=True)
    rig.stop()
    text = same_twice(rig)
    has(section(text, "Timeline"), r"another engine goes on", r"unfinished: .*cycle",
        r"cycle \(%s\) finished with exit 0.*asked of the\s+host later" % v)
    has(section(text, "What this report does not know"),
        r"cycle \(%s\): its end was not seen but asked of the host later" % v)
    has(text, r"\| Engine \| 1 restart: #\d+")
    keep(rig, "restart")


@with_rig(pve=False, devvm=False)
def what_it_takes(rig):
    """ids, paths, output files, a time it began, and what is refused"""
    rig.start()
    p = rig.console("ann")
    p.send(t="note", text="first")
    p.expect(t="note")
    p.send(t="incident", state="close")
    at = p.expect(t="incident", state="closed")
    path = rig.journals()[-1]
    out = rig.dir + "/pm.md"
    text = report(rig)
    check("by its path too", report(rig, path) == text)
    check("by the beginning of its id", report(rig, at["id"][:12]) == text)
    check("into a file", report(rig, "-o", out) == "" and open(out).read() == text and
          os.stat(out).st_mode & 0o777 == 0o600)
    report(rig, "last", "-o", out, rc=rig.cli("report", "-o", out).returncode or 1)
    check("what is there stays", open(out).read() == text)
    report(rig, "--force", "-o", out)
    check("no other file is left", [n for n in os.listdir(rig.dir) if n.startswith("pm.md")] ==
          ["pm.md"], os.listdir(rig.dir))
    began = at["at"][:11] + "00:00:00Z"
    has(report(rig, "--began", began), r"^\| Began \| %s" % began[:10], "time given by --began")
    report(rig, "--began", "yesterday", rc=64)
    report(rig, "a", "b", rc=64)
    report(rig, "nosuch", rc=rig.cli("report", "nosuch").returncode or 1)
    with open(path, "ab") as f:
        f.write(b"no record at all\n{\"t\":\"note\",\"torn")
    has(report(rig), r"1 lines of the journal are no records")


@with_rig(pve=False, devvm=False)
def no_journal(rig):
    """a file without a record is refused: no post-mortem of nothing"""
    for text in ("", "root:x:0:0\n", '{"t":"note","text":"x"}\n'):
        with open(rig.dir + "/x.jsonl", "w") as f:
            f.write(text)
        c = rig.cli("report", rig.dir + "/x.jsonl")
        check("64, one sentence", c.returncode == 64 and not c.stdout and
              "is a record" in c.stderr and "journal verify" in c.stderr, c)


@with_rig(pve=False, devvm=False)
def no_disk(rig):
    """no disk takes the journal: the report is made of what the engine holds, and says so"""
    with open(rig.sessions, "w"):
        pass                    # a file where the folder should be
    rig.start()
    p = rig.console("ann")
    p.send(t="note", text="nobody writes this down")
    p.expect(t="note")
    for args in ((), ("last",), (p.of("incident")[0]["id"][:10],)):
        text = report(rig, *args)
        is_tame(text)
        has(text, "nobody writes this down", "from the engine, no disk has all of it")
    rig.stop()


@with_rig(pve=False, devvm=False)
def hostile(rig):
    """a journal whose every text tries to leave its place: nothing in the report acts"""
    at, n = "2026-01-31T03:12:01.004Z", [0]

    def rec(t, **m):
        n[0] += 1
        base = dict(t=t, seq=n[0], at=at, mono_ms=1000 + n[0], by=HOSTILE)
        return json.dumps(dict(base, **m))
    x = HOSTILE
    lines = [
        rec("incident", state="opened", id=x, v=1, reason=x),
        rec("operator", state="attached", name=x, proof=x + "| 1 | 2 |\n# h", tty=x),
        rec("prompt", turn=1, state="started", text="# h\n" + x + "\n```\n</details>"),
        rec("session", driver=x, model=x), rec("error", where=x, text=x),
        rec("tool", id="r1", asked=x, host="devvm", what=x + "\n- list\n1. x"),
        rec("tool", id="r2", asked="agent", host="devvm", what="`" * 40 + x),
        rec("tool_end", id="r1", failed=x), rec("tool_end", id="r2", exit=0, ms=1, cut=9),
        rec("verb", id="v1", verb=x, asked=x, state="asked"),
        rec("verb", id="v2", verb="cycle", asked=x, state="asked"),
        rec("verb", id="v2", verb="cycle", state="confirmed"),
        rec("verb", id="v2", verb="cycle", state="sent", run=x),
        rec("verb", id="v2", verb="cycle", state="stage", stage=x, host_run=x),
        rec("verb", id="v2", verb="cycle", state="unknown", why=x),
        rec("verdict", word=x, advice=x, why=x, todo=x, evidence=[x, "```", x],
            **{"not": [dict(verb=x, why=x)]}),
        rec("state", what="proof", verb="cycle", text=x, end=x, ms=1, rungs=[dict(
            rung=x, ok=False)], table=[dict(what=x, before=x, after="a\\|b\\", ok=True)]),
        rec("state", what="link", host="devvm", state="down", why=x, key="changed", fingerprint=x),
        rec("state", what="unfinished", text=x, id=x), rec("state", what="journal", state=x, why=x),
        rec("state", what="left", runs=[dict(id=x, host=x, state=x, what=x)]),
        rec("ask", id="q1", kind="devvm", text=x, command=x), rec("answered", id="q1", yes=True,
                                                                   why=x),
        rec("text", turn=1, text=x + "\n" + "`" * 9 + "\n<img src=x>"),
        rec("result", turn=1, stop=x, driver=x), rec("note", text="\u0000nul \ufffe"),
        rec("new-kind", a=[x]), "{broken",
        rec("incident", state="closed", reason=x)]
    path = rig.dir + "/hostile.jsonl"
    with open(path, "w") as f:
        f.write("\n".join(lines) + "\n")
    text = same_twice(rig, path)
    heads = re.findall(r"^#{1,2} .*$", text, re.M)
    check("its headings are ours", len(heads) == 12, heads)
    rows = [r for r in section(text, "Proof of recovery").splitlines() if r.startswith("|")]
    check("tables keep their columns", [len(re.findall(r"(?<!\\)(?:\\\\)*\|", r))
                                        for r in rows] == [5] * 3 + [4] * 3, rows)
    facts(rig, path)


VALUES = ["", None, True, -1, 2 ** 63 - 1, -2 ** 63, 1.5, [], {}, "x" * 700, "\u202e`|\n#" * 50,
          [None, 1, "a", {}], {"a": 1}, "\u0000", "\u00e9" * 300, "2026-11-27T05:49:12.304Z"]


def changed(rng, o, depth=0):
    """Members and elements that are another kind, of any size, or gone."""
    if isinstance(o, dict):
        return {k: rng.choice(VALUES) if rng.random() < 0.04 else changed(rng, v, depth + 1)
                for k, v in o.items() if rng.random() > 0.01}
    if isinstance(o, list):
        return [rng.choice(VALUES) if rng.random() < 0.05 else changed(rng, v, depth + 1)
                for v in o]
    return o


@with_rig(pve=False, devvm=False)
def any_members(rig):
    """records whose members are of any kind and size, in any order, make some report"""
    rng, records, path = random.Random(7), [], rig.dir + "/any.jsonl"
    for name in ("cycle", "lab", "restart", "turn"):
        with open("%s/%s.jsonl" % (FIXTURES, name)) as f:
            records += [json.loads(line) for line in f]
    for i in range(200 if os.environ.get("BG_LONG") else 20):
        some = [changed(rng, o) for o in rng.sample(records, rng.randint(1, len(records)))]
        if i % 2:
            some.sort(key=lambda o: o["seq"] if type(o.get("seq")) is int else 0)
        with open(path, "w") as f:
            f.write("".join(json.dumps(o, separators=(",", ":")) + "\n" for o in some))
        is_tame(report(rig, path))
        facts(rig, path)


def golden(rig, name):
    path = "%s/%s.jsonl" % (FIXTURES, name)
    text = same_twice(rig, path)
    want = path[:-6] + ".md"
    if os.environ.get("UPDATE"):
        with open(want, "w") as f:
            f.write(text)
    with open(want) as f:
        check("as in %s.md (UPDATE=1 writes it anew)" % name, f.read() == text, text)


@with_rig(pve=False, devvm=False)
def as_recorded(rig):
    """recorded incidents give the reports that were read and found good, to the byte"""
    for name in ("cycle", "lab", "restart", "turn"):
        golden(rig, name)
    with open(FIXTURES + "/lab.md") as f, open(SRC + "/docs/report.md") as g:
        example, page = f.read(), g.read()
    if os.environ.get("UPDATE"):
        page = re.sub("(``````markdown\n).*(``````)", lambda m: m[1] + example + m[2], page,
                      flags=re.S)
        with open(SRC + "/docs/report.md", "w") as f:
            f.write(page)
    check("the example of docs/report.md is a report", example in page)


main([a_cycle, a_turn, restart_and_unfinished, what_it_takes, no_journal, no_disk, hostile, any_members,
      as_recorded])
