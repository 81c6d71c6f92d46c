#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Goal: one incident, three agents, the same facts about the hosts and the same screen.

A frozen QEMU of the lab (contrib/lab/lab) is recovered by the CLI driver with the real
claude, by the API driver, and by a runbook and an operator's F7.  Runs, verbs, verdicts
and the proof are the same in the same order, and so is the screen once driver, ids,
times, cost and prose are masked; for the runbook from the verb on.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import BUILD, SRC, Failed, Rig, Skip, check, main, until  # noqa: E402

LONG = 180
COLS, ROWS = 100, 180
PROMPT = "the devvm hangs"


def calls(text, command):
    return [{"text": text}, {"tool": "Bash", "input": {"command": command}}]


SCENARIO = {
    "replies": [
        {"match": PROMPT, "blocks": calls("I look at the host first.", "ssh pve forensics")},
        {"match": {"result": "verdict word=hung"}, "wait_file": "looked",
         "blocks": calls("QEMU hangs: a fresh process.", "ssh pve cycle")},
        {"match": {"result": "killing"},
         "text": "**Found:** QEMU hung.\n\n**Did:** cycle.\n\n**State:** it runs again."}],
    "default": {"text": "I have nothing to add."}}


class Lab:
    def __init__(self):
        self.command = [SRC + "/contrib/lab/lab", "-q", "--name", "three-%d" % os.getpid()]
        r = self("up", "--die-with", str(os.getpid()), "--host-program",
                 BUILD + "/src/host/breakglass-pve")
        if r.returncode:
            raise Skip("the lab cannot be made here: " + r.stderr.strip()[-200:])
        self.env = dict(re.findall(r"export BREAKGLASS_(\w+)='?([^'\n]*)'?", self("env").stdout))

    def __call__(self, *args):
        return subprocess.run(self.command + list(args), capture_output=True, text=True)


class Vendor:
    """The scripted Messages API, with a folder of its own for what its replies wait for."""

    def __init__(self, folder):
        self.dir = folder
        os.mkdir(folder)
        with open(folder + "/scenario.json", "w") as f:
            json.dump(SCENARIO, f)
        self.process = subprocess.Popen(
            [sys.executable, SRC + "/tests/fakes/messages-api", "--scenario",
             folder + "/scenario.json", "--port-file", folder + "/port", "--record",
             folder + "/record.jsonl"])
        self.port = until("the Messages API", lambda: os.path.exists(folder + "/port") and
                          int(open(folder + "/port").read()))

    def go_on(self):
        open(self.dir + "/looked", "w").close()

    def stop(self):
        self.process.kill()
        self.process.wait()


def claude():
    with open(SRC + "/build-aux/claude-version") as f:
        version = f.read().strip()
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = os.environ.get("BREAKGLASS_CLAUDE") or \
        "%s/breakglass/claude/%s/claude" % (cache, version)
    if not os.access(path, os.X_OK):
        raise Skip("no claude here; contrib/fetch-claude fetches it")
    return path


def expect(p, limit=LONG, where=None, **members):
    """As Peer.expect, for waits that are longer than a console may be silent."""
    end = time.monotonic() + limit
    while True:
        p.send(t="ping")
        try:
            return p.expect(where, limit=10, **members)
        except Failed:
            if p.closed or time.monotonic() > end:
                raise


# --- what the journal says of the hosts ---

def host_facts(rig):
    """Runs, verbs, verdicts and the proof in the journal's order; what varies is left out."""
    out = []
    [path] = [rig.sessions + "/incidents/" + n for n in os.listdir(rig.sessions + "/incidents")
              if n.endswith(".jsonl")]
    for line in open(path):
        f = json.loads(line)
        if f["t"] == "tool" and f.get("host") in ("devvm", "pve") and f["asked"] != "engine":
            out.append(("run", f["host"], f["what"]))
        elif f["t"] == "verb" and f["state"] not in ("asked", "stage") and f["by"] != "engine":
            out.append(("verb", f["verb"], f["state"], f.get("exit")))
        elif f["t"] == "verb" and f["state"] == "stage":
            out.append(("stage", f["verb"], f["stage"]))
        elif f["t"] == "verdict" and not f.get("climbing") and not f.get("partial"):
            # a busy machine makes a guest that is back crawl for a while
            word = "back" if f["word"] in ("healthy", "crawling") else f["word"]
            row = ("verdict", word, f["advice"])
            if row != ([r for r in out if r[0] == "verdict"] or [None])[-1]:
                out.append(row)
        elif f["t"] == "state" and f.get("what") == "proof" and f.get("done"):
            out.append(("proof", f["verb"], f["end"], tuple(r["rung"] for r in f["rungs"])))
    return out


# --- what is on the screen ---

class Tmux:
    def __init__(self, rig):
        self.rig = rig
        self.command = ["tmux", "-S", rig.dir + "/tmux", "-f", "/dev/null"]
        self("new-session", "-d", "-x", str(COLS), "-y", str(ROWS), "-s", "s",
             BUILD + "/src/breakglass")

    def __call__(self, *args):
        env = dict(self.rig.env, TERM="xterm-256color")
        return subprocess.run(self.command + list(args), env=env, check=True,
                              capture_output=True, text=True).stdout

    def screen(self):
        return self("capture-pane", "-p", "-t", "=s:")

    def pane(self, command):
        self("send-keys", "-t", "=s:", "-l", command)
        self("send-keys", "-t", "=s:", "Enter")

    def stop(self):
        subprocess.run(self.command + ["kill-server"], capture_output=True)


def mask(text):
    """Ids, times, sizes and the driver's name become one letter; the frame is not compared."""
    text = re.sub(r"\b(cli|api|runbook)\b|claude-\S+", "D", text)
    text = re.sub(r"\b[rvq]\d+\b", "I", text)
    text = re.sub(r"incident \S+ opened", "incident I opened", text)
    text = re.sub(r"boot id +\S+ +\S+", "boot id I I", text)
    text = re.sub(r"(turn \d+): .*", r"\1", text)
    text = re.sub(r"\$?\d[\d.,:/TZ-]*( (ms|s|min|h|KiB|MiB|GB|kB|MB|KB|B|tokens))?\b", "N", text)
    return re.sub(r"[ \u2500-\u257f]+", " ", text).strip()


def rows(screen, begin=None):
    lines = screen.splitlines()[:-2]
    title = [i for i, line in enumerate(lines) if re.match(r"[─━] (▸ )?(chat|tools)", line)]
    lines = [mask(line) for line in lines[title[0] + 1:]]
    # evidence is measured, and a busy machine measures more and other lines
    lines = [line for line in lines if line and
             not re.match(r"(seen |seen|)(host|devvm|pve): |N, was N|seen N lines", line)]
    # stages of one second share a line
    lines = [part for line in lines
             for part in (line[2:].split(" · ") if line.startswith("N ") else [line])]
    if begin is not None:
        at = [i for i, line in enumerate(lines) if re.search(begin, line)]
        check("the screen shows %s" % begin, at, screen)
        lines = lines[at[0]:]
    return lines


def pictures(rig):
    """The chat and the tool pane, each alone on the screen."""
    t = Tmux(rig)
    try:
        until("the console shows the proof", lambda: "healthy" in t.screen() or
              "is back" in t.screen(), 30)
        t.pane("/zoom")
        until("one pane", lambda: "Tab: tools" in t.screen())
        chat = t.screen()
        t.pane("/pane")
        until("the other pane", lambda: "Tab: chat" in t.screen())
        t.pane("/fold")
        until("folded", lambda: re.search(r"(?m)^\S+ pve +cycle .*\bok\b", t.screen()))
        return chat, t.screen()
    finally:
        t.stop()


# --- the three ways ---

def by_agent(rig, p, vendor):
    p.ask(t="prompt", text=PROMPT)
    f = expect(p, where=lambda f: f["t"] == "done" or f["t"] == "verdict" and
               f["word"] == "hung" and not f.get("climbing") and not f.get("partial"))
    check("the verdict comes before the turn's end", f["t"] == "verdict",
          *[t["text"] for t in p.of("text") + p.of("error")])
    vendor.go_on()
    f = expect(p, t="verb", verb="cycle", where=lambda f: f["state"] in ("finished", "refused"))
    check("the host did it", f.get("exit") == 0, f)
    f = expect(p, t="done")
    check("the turn is done", f["ok"], f)


def by_runbook(rig, p, vendor):
    p.ask(t="runbook", name="triage")
    text = []

    def advised(f):
        if f["t"] == "text":
            text.append(f["text"])
        return f["t"] == "done"
    f = expect(p, where=advised)
    check("the runbook is done", f["ok"], f)
    check("it advises the key", re.search(r"F7\W+cycle|F7 cycle", "\n".join(text)), text)
    v = rig.verb(p, "cycle")
    f = expect(p, t="verb", id=v, where=lambda f: f["state"] in ("finished", "refused"))
    check("the host did it", f.get("exit") == 0, f)


def recover(lab, driver):
    check("wedged", lab("wedge", "frozen").returncode == 0)
    rig = Rig(devvm=False, pve=False, **{k.lower(): v for k, v in lab.env.items()},
              agent_driver=driver)
    vendor = None
    try:
        vendor = Vendor(rig.dir + "/api")
        rig.env["BREAKGLASS_API_URL"] = "http://127.0.0.1:%d" % vendor.port
        if driver == "cli":
            rig.env["BREAKGLASS_CLAUDE"] = claude()
        rig.start()
        p = rig.console()
        rig.link(p, "pve", "up")
        until("the agent is ready", lambda: (p.pump(0.05), p.of("state", what="agent"))[1][-1:]
              and p.of("state", what="agent")[-1]["state"] == "ready", 60)
        began = time.monotonic()
        (by_runbook if driver == "runbook" else by_agent)(rig, p, vendor)
        f = expect(p, t="state", what="proof", done=True)
        check("healthy", f["end"] == "healthy", f)
        expect(p, 60, t="verdict", where=lambda f: f["word"] in ("healthy", "crawling"))
        print("# %s: recovered in %.1f s" % (driver, time.monotonic() - began))
        chat, tools = pictures(rig)
        return host_facts(rig), chat, tools
    finally:
        if vendor:
            vendor.stop()
        rig.close()
        lab("heal")


def same(what, a, b):
    for x, y in zip(a + [None] * len(b), b + [None] * len(a)):
        if x != y:
            check(what, False, "this: %s" % (x,), "and:  %s" % (y,),
                  *["%s | %s" % pair for pair in zip(a, b)][:60])


def from_verb(facts):
    at = facts.index(("verb", "cycle", "confirmed", None))
    return facts[at:]


def of_verb(screen):
    """The chat from the verb on, but for what the agent says and costs, and who asked.

    A verdict that is still being made is replaced by its end where nothing was said
    between the two.
    """
    prose = r"(Found|Did|State): |· done in N|verdict: unknown N and looks|VM N runs again; the devvm's"
    return [re.sub(r" by \S+", "", line) for line in rows(screen, r"VM N: cycle asked")
            if not re.match(prose, line)]


def of_run(screen):
    """The run of the verb in the tool pane; a Bash that wraps it is the agent's own."""
    lines = [re.sub(r" by \S+", "", line) for line in rows(screen)]
    runs = [line for line in lines if re.match(r"\S+ pve cycle ", line)]
    check("the tool pane shows one cycle", len(runs) == 1, screen)
    return runs


def one_incident_three_agents():
    """a frozen QEMU, recovered by CLI, API and runbook: the same facts and screen"""
    if not shutil.which("tmux"):
        raise Skip("tmux is not installed")
    claude()
    lab = Lab()
    try:
        cli, api, book = [recover(lab, d) for d in ("cli", "api", "runbook")]
        check("runs, verbs, verdicts, proof are there", len(api[0]) > 8, api[0])
        same("CLI and API: the same facts about the hosts", cli[0], api[0])
        same("runbook and F7: the same from the verb on", from_verb(book[0]), from_verb(api[0]))
        same("CLI and API: the same chat", rows(cli[1]), rows(api[1]))
        same("CLI and API: the same tool pane", rows(cli[2]), rows(api[2]))
        same("runbook and F7: the same chat from the verb on", of_verb(book[1]), of_verb(api[1]))
        same("runbook and F7: the same run in the tool pane", of_run(book[2]), of_run(api[2]))
        for f in api[0]:
            print("#   " + " ".join(str(x) for x in f))
    finally:
        lab("down")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main([one_incident_three_agents])
