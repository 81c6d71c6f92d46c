#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 of the engine at any moment: no record that was told is lost, and it goes on.

One incident lives through all of it: each engine continues what the one before has left,
plays the same script (a note, a turn of the agent, a cycle of VM 102) and is killed, at
its Nth system call that changes something outside of it, or at a random moment.  After
each death the file is held against what the console was told, byte for byte.

BG_LONG=1: every system call (about 4200; FROM=N, STEP=N for a part of them), until the
script ends un-killed, and 1000 random moments (SEED=N for the same ones again).
"""
import hashlib
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import (BUILD, ENGINE, LIMIT, Failed, Skip, check, main, until,  # noqa: E402
                        with_rig)
from pace import Watch  # noqa: E402

LONG = bool(os.environ.get("BG_LONG"))
SETTLE = 40             # deaths; an engine keeps 64 verbs in mind that have no end
KILLER = BUILD + "/tests/fakes/kill-engine"
CLAUDE = """#!/bin/sh
# as much of stream-json as one turn needs
[ "$1" = --version ] && { echo "2.1.328 (Claude Code)"; exit 0; }
for a; do [ "$a" = --version ] && { echo "2.1.328 (Claude Code)"; exit 0; }; done
s='"session_id":"11111111-2222-4333-8444-555555555555"'
while IFS= read -r line; do
	case $line in
	*'"control_request"'*)
		id=${line#*'"request_id":"'}; id=${id%%'"'*}
		echo '{"type":"control_response","response":{"subtype":"success","request_id":"'$id'","response":{"commands":[]}}}' ;;
	*'"user"'*)
		echo '{"type":"system","subtype":"init",'$s',"model":"fake","claude_code_version":"2.1.328"}'
		echo '{"type":"assistant","parent_tool_use_id":null,"message":{"id":"m","role":"assistant","content":[{"type":"text","text":"all is well"}]}}'
		echo '{"type":"result","subtype":"success","is_error":false,"terminal_reason":"completed","result":"","total_cost_usd":0.001,"usage":{"input_tokens":10,"output_tokens":5}}' ;;
	esac
done
"""


class Chain:
    """One incident, its file, and what consoles were told of it."""

    def __init__(self, rig):
        self.rig, self.watch = rig, Watch()
        self.told = {}          # seq -> bytes
        self.inc = self.path = None
        self.at = self.seq = 0  # of the file: what was looked at already
        self.head = "0" * 64
        self.torn = 0           # bytes, at the last death
        self.torns = self.kills = self.late = 0
        self.others = 0         # cycles of an incident before this one
        self.continued = None   # the last such record
        self.cycles = {}        # id -> its last state
        self.open = set()       # turns, prompts and runs without an end

    def hear(self, line):
        fact = json.loads(line)
        if fact.get("t") == "welcome" and fact.get("incident"):
            check("one incident goes on through all of it",
                  self.inc in (None, fact["incident"]), fact, self.inc)
        if fact.get("t") == "incident" and fact["state"] == "opened" and self.inc not in (
                None, fact["id"]):
            self.begin_anew(fact)
        if fact.get("seq"):
            old = self.told.setdefault(fact["seq"], line)
            check("a record is what it was when it was told", old == line, old, line)
        return fact

    def begin_anew(self, fact):
        """A machine so busy that the disk did not answer in 0.8 s: the engine goes on without."""
        self.late += 1
        check("the incident is not continued, and not only because the disk was late once",
              self.late <= (1 + self.kills // 200) * self.watch.pace(), fact, self.inc)
        self.told, self.open, self.at, self.seq, self.head = {}, set(), 0, 0, "0" * 64
        self.torn, self.continued, self.inc = 0, None, fact["id"]
        self.others, self.cycles = self.others + len(self.cycles), {}
        self.path = "%s/incidents/%s.jsonl" % (self.rig.sessions, self.inc)

    def find(self):
        d = self.rig.sessions + "/incidents"
        names = [n for n in os.listdir(d) if n.endswith(".jsonl") and os.path.getsize(
            d + "/" + n)] if os.path.isdir(d) else []
        check("there is one incident", len(names) < 2, names)
        if names:
            self.path, self.inc = d + "/" + names[0], names[0][:-len(".jsonl")]

    def look_at(self, line):
        r = json.loads(line)                        # none is unreadable
        self.seq += 1
        check("no gap in the numbers", r["seq"] == self.seq, line, self.seq)
        body, h = line[:-72], line[-66:-2].decode()     # ,"h":"..."}
        check("each record ends with its h", line[-72:-66] == b',"h":"', line)
        self.head = hashlib.sha256(self.head.encode() + body).hexdigest()
        check("the chain holds", self.head == h, line)
        check("what was told is in the file, byte for byte",
              self.told.get(self.seq, line) == line, self.told.get(self.seq), line)
        if r["t"] == "incident" and r["state"] == "continued":
            self.continued = r
        if r["t"] == "verb" and r["verb"] == "cycle" and r["state"] in (
                "asked", "confirmed", "refused", "finished", "unknown"):
            self.cycles[r["id"]] = r["state"]
        if r["t"] == "prompt":
            self.open.add(("turn", r["turn"]))
        elif r["t"] in ("done", "cancelled"):
            self.open.discard(("turn", r["turn"]))
        elif r["t"] == "tool":
            self.open.add(("run", r["id"]))
        elif r["t"] == "tool_end":
            self.open.discard(("run", r["id"]))

    def look(self):
        """The file, from where it was looked at last, against all that was told."""
        if not self.path:
            self.find()
        if not self.path:
            check("told, but in no file", not self.told, self.told)
            return
        with open(self.path, "rb") as f:
            f.seek(self.at)
            data = f.read()
        whole = data.rfind(b"\n") + 1
        self.torn = len(data) - whole
        for line in data[:whole].splitlines():
            self.look_at(line)
        self.at += whole
        lost = [s for s in self.told if s > self.seq]
        check("no record that was told is lost", not lost, sorted(lost)[:5], self.seq)


class Console:
    """Attaches where it was, plays the script, hears all until its end or the engine's."""

    def __init__(self, chain, cycle):
        self.chain, self.waits = chain, {"done", "cycle"} if cycle else {"done"}
        self.cycle = cycle
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(chain.rig.socket)
        self.data = b""
        self.attached = self.gone = False
        m = dict(t="hello", v=1, name="ann", tty="t", size="80x24", role="console")
        if chain.told:
            m.update(since=max(chain.told), incident=chain.inc)
        else:
            m.update(tail=5000)
        self.send(**m)

    def send(self, **m):
        try:
            self.sock.sendall(json.dumps(m).encode() + b"\n")
        except OSError:
            pass

    def on_fact(self, f):
        if f["t"] == "caught_up":
            self.attached = True
            if self.waits:
                self.send(t="note", text="a note")
                self.send(t="prompt", text="how is it?")
            if self.cycle:
                self.send(t="verb", verb="cycle", confirm="cycle", req="c")
        elif not self.attached:
            return
        elif f["t"] == "done":
            self.waits.discard("done")
        elif f["t"] == "verb" and f["verb"] == "cycle" and f["state"] in (
                "finished", "refused", "unknown"):
            self.waits.discard("cycle")

    def read(self, limit):
        """False: the engine is gone, or nothing came."""
        if not select.select([self.sock], [], [], max(0, limit))[0]:
            return False
        try:
            data = self.sock.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.gone = True
            return False
        *lines, self.data = (self.data + data).split(b"\n")
        for line in lines:
            self.on_fact(self.chain.hear(line))
        return True

    def play(self, limit):
        """Until the script is at its end, the engine gone, or the time up."""
        end = time.monotonic() + limit
        while not self.gone and (self.waits or not self.attached) and time.monotonic() < end:
            self.read(end - time.monotonic())

    def rest(self):
        """What a dead engine had said already."""
        while self.read(0.2):
            pass
        self.sock.close()


def launch(rig, prefix=()):
    """(process, whether it listens).  Without diagnostics: they would be most of the calls."""
    r, w = os.pipe()
    with open(rig.dir + "/engine.out", "ab") as log:
        p = subprocess.Popen([*prefix, ENGINE, "--ready-fd", str(w)], env=rig.env,
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
                             pass_fds=[w], cwd=rig.dir)
    os.close(w)
    rig.engines.append(p)
    words = os.read(r, 600) if select.select([r], [], [], 30)[0] else b"late"
    os.close(r)
    check("it listens, or it was killed", words in (b"+", b""), words)
    return p, words == b"+"


def prepare(rig):
    with open(rig.dir + "/claude", "w") as f:
        f.write(CLAUDE)
    os.chmod(rig.dir + "/claude", 0o755)
    rig.env["BREAKGLASS_CLAUDE"] = rig.dir + "/claude"
    return Chain(rig)


def connect(chain, cycle):
    try:
        return Console(chain, cycle)
    except OSError:         # it was killed as soon as it listened
        return None


def go(chain, cycle, prefix=(), kill_ms=None):
    """One engine's life; whether the script came to its end."""
    torn = chain.torn
    p, listens = launch(chain.rig, prefix)
    c = connect(chain, cycle) if listens else None
    if c:
        c.play(30 if kill_ms is None else kill_ms / 1000)
        check("the script does not stand still", c.gone or not c.waits or kill_ms is not None,
              c.waits, chain.rig.tail_logs())
    ended = bool(c) and not c.waits and not c.gone
    if p.poll() is None:
        p.kill() if not prefix else p.terminate()
    p.wait(LIMIT)
    if c:
        c.rest()
    chain.look()
    chain.kills += 1
    chain.torns += chain.torn > 0
    if c and c.attached and chain.continued and chain.kills > 1:
        check("the next engine says how much of a torn record it cut", torn in (
            0, chain.continued.get("cut", 0)), torn, chain.continued)
    chain.rig.engines.clear()
    return ended


def settle(chain):
    """An engine that is let live: all is told, VM 102 runs, nothing was done twice."""
    rig = chain.rig
    launch(rig)
    c = Console(chain, False)
    c.waits = set()
    c.play(20)
    check("the last engine is attached to", c.attached)

    def settled():
        c.read(0.05)
        chain.look()
        return rig.pve.vm_runs() and not [i for i, s in chain.cycles.items()
                                          if s in ("asked", "confirmed")]
    try:
        until("every cycle has an end, and VM 102 runs", settled)
    except Failed as e:
        e.args += ("cycles: %s, VM runs: %s" % (chain.cycles, rig.pve.vm_runs()),)
        raise
    until("every turn and run has an end", lambda: (c.read(0.05), chain.look(), not chain.open)[2],
          20)
    starts = rig.pve.calls("start") - 1     # one was the rig's
    check("no verb twice at the host", starts <= len(chain.cycles) + chain.others, starts, chain.cycles)
    finished = [i for i, s in chain.cycles.items() if s in ("finished", "unknown")]
    check("each run of the host has a verb", starts <= len(finished) + chain.others, starts, chain.cycles)
    for p in rig.engines:
        p.terminate()
        check("it leaves", p.wait(LIMIT) == 0)
    c.rest()
    chain.look()
    chain.rig.engines.clear()
    return starts


def finish(chain):
    starts = settle(chain)
    print("# %d deaths, %d records, %d torn tails, %d cycles, %d of them at the host" % (
        chain.kills, chain.seq, chain.torns, len(chain.cycles), starts))


def count_of(rig):
    with open(rig.dir + "/report") as f:
        return f.read().split()


@with_rig(devvm=False)
def every_system_call(rig):
    """kill -9 as the engine enters its system calls; short: some of those that change a thing"""
    chain = prepare(rig)
    n = int(os.environ.get("FROM", "1"))
    step, ended = int(os.environ.get("STEP", "1" if LONG else "23")), False
    while not ended:
        ended = go(chain, True, [KILLER, ("all" if LONG else "") + str(n), rig.dir + "/report"])
        if not os.path.exists(rig.dir + "/report"):
            raise Skip("ptrace is forbidden here")
        ended = ended and len(count_of(rig)) == 1
        n += step
        if chain.kills % SETTLE == 0:
            settle(chain)
    print("# %d points of %s" % (chain.kills, count_of(rig)[0]))
    finish(chain)


@with_rig(devvm=False)
def random_moments(rig):
    """kill -9 at random moments"""
    chain = prepare(rig)
    seed = int(os.environ.get("SEED", "0")) or random.randrange(1 << 30)
    print("# SEED=%d" % seed)
    rng = random.Random(seed)
    for i in range(1000 if LONG else 100):
        go(chain, i % 4 == 0, kill_ms=rng.choice((0, rng.uniform(0, 60), rng.uniform(0, 700))))
    finish(chain)


if __name__ == "__main__":
    main([every_system_call, random_moments])
