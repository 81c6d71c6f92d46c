#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""replay_night FILE [ROUNDS]: a journal of one night, with ROUNDS runs more than it had."""
import datetime
import json
import sys

OPENED = datetime.datetime(2026, 1, 31, 3, 12, 1)


class Night:
    def __init__(self, path):
        self.out = open(path, "w")
        self.seq, self.mono = 0, 500000

    def record(self, t, after, **more):
        self.seq += 1
        self.mono += after
        at = OPENED + datetime.timedelta(milliseconds=self.mono - 500000)
        m = dict(t=t, seq=self.seq, at=at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
                 mono_ms=self.mono, by=more.pop("by", "engine"), **more)
        self.out.write(json.dumps(m, separators=(",", ":")) + "\n")

    def run(self, run, host, what, lines, ms=50, **more):
        self.record("tool", 20, id=run, host=host, asked="agent", what=what, **more)
        off = 0
        for line in lines:
            self.record("output", ms, id=run, stream="out", off=off, len=len(line) + 1,
                        data=line + "\n")
            off += len(line) + 1
        self.record("tool_end", 5, id=run, exit=0, ms=ms * len(lines), out=off, err=0)


def main():
    n = Night(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    n.record("incident", 0, by="anna", state="opened", id="20260131T031201Z-9f3c", v=2)
    n.record("state", 5, what="link", host="pve", state="up", ms=12, since=n.mono)
    n.record("state", 5, what="vm", status="running", qmp="hung", checked=n.mono)
    n.record("prompt", 3000, by="anna", turn=1, text="what is wrong?", state="started")
    n.record("text", 2000, by="agent", turn=1, block=1, text="I look at **both** ends.", off=0)
    n.run("r1", "devvm", "df -h /", ["/dev/sda1 64G 62G 96% /", "caf\u00e9 \u001b[2J"])
    for i in range(rounds):
        n.run("r%d" % (i + 100), "devvm", "probe %d" % i,
              ["line %d of probe %d" % (k, i) for k in range(8)], ms=10)
    n.record("verdict", 1000, word="hung", advice="cycle", checked=n.mono,
             why="QEMU's main loop does not answer", evidence=["host: QMP silent for 3.0 s"])
    n.record("done", 10, turn=1)
    n.record("verb", 600000, by="anna", id="v2", verb="cycle", asked="operator", state="asked")
    n.record("verb", 2, by="anna", id="v2", verb="cycle", state="sent", run="r2")
    n.run("r2", "pve", "cycle", ["clean stop", "QEMU is gone", "started"], ms=800, verb="cycle")
    n.record("verb", 1, by="anna", id="v2", verb="cycle", state="finished", exit=0, ms=2400,
             result="running")
    n.record("state", 5, what="vm", status="running", qmp="alive", checked=n.mono)
    n.record("verdict", 3000, word="healthy", advice="none", checked=n.mono, why="nothing is wrong")
    n.record("incident", 1000, by="anna", state="closed", reason="anna closed it",
             id="20260131T031201Z-9f3c")


main()
