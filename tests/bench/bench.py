#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""make bench: how fast and how big, each figure beside peers measured in the same run.

    bench.py --build DIR --source DIR [--only NAME[,NAME]] [--json FILE]

Every figure is a median (or p99) of interleaved rounds: ours, then the peers, then ours again,
so that a busy machine is slow for all of them.  README.md says what each figure is.
"""
import argparse
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import bench_agent                                                   # noqa: E402
import bench_attach                                                  # noqa: E402
import bench_chat                                                    # noqa: E402
import bench_journal                                                 # noqa: E402
import bench_relay                                                   # noqa: E402
import bench_replay                                                  # noqa: E402
from bench_figures import Table, cpu_s, p50, p99, p99_of_rounds, pss_mb, rss_mb, wakeups   # noqa: E402
from bench_site import BenchError, Site, spawn, timed, wait_for               # noqa: E402
from bench_tty import Screen, Typist                                         # noqa: E402

FLOOD_BYTES = 200 * 1000 * 1000
FLOOD = "yes 0123456789012345678901234567890123456789012345678901234567890 | head -c %d" \
    % FLOOD_BYTES
RUNNING = b"running"    # the word that every status line of the peers and of ours has
STREAM_S = 10
TOKENS_S = 50
IDLE_S = 60


class Bench:
    def __init__(self, site, table, source):
        self.site, self.table, self.source, self.build = site, table, source, site.build
        self.main = site.engine("main")

    # --- a verb and a command, there and back ---

    def status(self):
        """`breakglass status` through a warm engine, beside OpenSSH."""
        s, ms = self.site, {"ours": [], "cold": [], "master": [], "own": []}
        master = s.master("pve")
        for i in range(40):
            ms["own"].append(timed([s.host_now], s.env))
            ms["ours"].append(timed([s.breakglass, "status"], self.main.env))
            ms["master"].append(timed(s.ssh_argv(*master, "pve", "status"), s.env))
            if i % 4 == 0:
                ms["cold"].append(timed(s.ssh_argv("pve", "status"), s.env))
        own = p50(ms["own"])
        added = p50(ms["ours"]) - own
        self.table.row("status: added to the host program's time", added, "ms",
                       p50(ms["master"]) - own, "ControlMaster", 5, 0.62)
        self.table.row("status: the same, beside cold ssh", added, "ms", p50(ms["cold"]) - own,
                       "cold ssh")
        self.table.row("status: p99 added", p99(ms["ours"]) - own, "ms",
                       p99(ms["master"]) - own, "ControlMaster")

    def agent(self):
        """A turn of the API driver, beside one of the CLI driver."""
        bench_agent.run(self.site, self.table)

    def relay(self):
        """claude's way through two processes, beside a connection of its own."""
        bench_relay.run(self.site, self.table)

    def chat(self):
        """An answer, from the vendor's last byte to the screen."""
        bench_chat.run(self.site, self.table)

    def attach(self):
        """An attach to a short and to a long incident."""
        bench_attach.run(self.site, self.table)

    def replay(self):
        """An incident again: opened, gone through, searched."""
        bench_replay.run(self.site, self.table, self.source)

    def journal(self):
        """A record until it is in the file, beside a bare write."""
        bench_journal.run(self.site, self.table, self.build)

    def shim(self):
        """The agent's `ssh devvm true` in a bash of its own."""
        s, ms = self.site, {"ours": [], "cold": [], "master": [], "bash": []}
        master = " ".join(s.master("devvm"))
        conf = "ssh -F %s " % s.path("ssh.conf")
        bash = shutil.which("bash")
        for i in range(40):
            ms["bash"].append(timed([bash, "-c", "/bin/true"], s.env))
            ms["ours"].append(timed([bash, "-c", "ssh devvm true"], self.main.shim_env()))
            ms["master"].append(timed([bash, "-c", conf + master + " devvm true"], s.env))
            if i % 4 == 0:
                ms["cold"].append(timed([bash, "-c", conf + "devvm true"], s.env))
        self.table.row("agent: bash -c 'ssh devvm true'", p50(ms["ours"]), "ms",
                       p50(ms["master"]), "ControlMaster", 6, 0.73)
        self.table.row("agent: the same, beside cold ssh", p50(ms["ours"]), "ms",
                       p50(ms["cold"]), "cold ssh")
        self.table.row("agent: the same, beside bash -c /bin/true", p50(ms["ours"]), "ms",
                       p50(ms["bash"]), "bash")

    # --- attach ---

    def paint(self):
        """From exec to the bytes of the status line, with a young and with a long incident."""
        s = self.site
        long = s.engine("long", 100 * 1000)
        s.tmux_session("paint", "cat")
        kinds = {"ours": ([s.breakglass], self.main.env), "long": ([s.breakglass], long.env),
                 "tmux": (s.tmux_argv("attach", "-t", "paint"), s.env),
                 "floor": ([s.floor], s.env)}
        ms = {k: [] for k in kinds}
        size = {k: [] for k in kinds}
        for _ in range(21):
            for kind, (argv, env) in kinds.items():
                screen = Screen(argv, env)
                took = screen.until(RUNNING)
                if took is None:
                    raise BenchError("%s: no status line" % kind)
                ms[kind].append(took)
                size[kind].append(screen.bytes)
                screen.settle(0.03)
                screen.end()
        t = self.table
        t.row("attach: first useful paint", p50(ms["ours"]), "ms", p50(ms["tmux"]), "tmux", 25,
              1.85)
        t.row("attach: the same, beside a bare loop", p50(ms["ours"]), "ms", p50(ms["floor"]),
              "floor")
        t.row("attach: incident of 100,000 records", p50(ms["long"]), "ms", p50(ms["tmux"]),
              "tmux", 25, 1.85)
        t.row("attach: bytes to it", p50(size["ours"]), "B", p50(size["tmux"]), "tmux", 1500)
        rss = rss_mb(long.process.pid)
        t.row("attach: engine RSS with 100,000 records", rss, "MB",
              rss_mb(self.main.process.pid), "young incident")
        long.stop()
        s.engines.remove(long)

    # --- keys ---

    def keys(self):
        """From a key to its echo, nothing else going on."""
        s = self.site
        s.tmux_session("keys", "cat")
        screens = {"ours": Screen([s.breakglass], self.main.env),
                   "tmux": Screen(s.tmux_argv("attach", "-t", "keys"), s.env),
                   "floor": Screen([s.floor], s.env)}
        typists = {}
        for n, (kind, screen) in enumerate(screens.items()):
            screen.until(RUNNING)
            screen.settle()
            typists[kind] = Typist(screen, n)
        for _ in range(20):
            for kind in screens:
                typists[kind].type(20)
                for other in screens.values():
                    other.drain(0)
        for screen in screens.values():
            screen.end()
        ms = {k: t.ms for k, t in typists.items()}
        t = self.table
        t.row("key echo, idle: p50", p50(ms["ours"]), "ms", p50(ms["floor"]), "floor", 0.5, 2)
        late = {k: p99_of_rounds(v) for k, v in ms.items()}
        t.row("key echo, idle: p99", late["ours"], "ms", late["floor"], "floor", 10, 3.3)
        t.row("key echo, idle: p99 beside tmux", late["ours"], "ms", late["tmux"], "tmux")

    def flood(self):
        """A tool prints 200 MB: keys meanwhile, and what stays in memory."""
        s, t = self.site, self.table
        engine = s.engine("flood")
        ours, took, memory = self.flood_ours(engine)
        floor = self.flood_peer([s.floor, FLOOD + "; echo 777777"], b"777777")
        s.tmux_session("flood", "cat")
        spawn(s.tmux_argv("split-window", "-d", "-t", "flood", FLOOD + "; sleep 60"), s.env)
        tmux = self.flood_peer(s.tmux_argv("attach", "-t", "flood"), None, 3)
        t.row("key echo, 200 MB flood: p50", p50(ours), "ms", p50(tmux), "tmux")
        late = {k: p99_of_rounds(v) for k, v in (("ours", ours), ("floor", floor), ("tmux", tmux))}
        t.row("key echo, 200 MB flood: p99", late["ours"], "ms", late["floor"], "floor", 10, 1.8,
              note="(%d keys)" % len(ours))
        t.row("key echo, 200 MB flood: p99 beside tmux", late["ours"], "ms", late["tmux"], "tmux")
        t.row("200 MB through shim, engine and ssh", took, "s", self.flood_ssh(), "ssh")
        t.row("engine + console PSS after the flood", memory["pss"], "MB", goal=30)
        t.row("engine RSS growth in the flood", memory["engine"][1] - memory["engine"][0], "MB",
              memory["engine"][0], "before")
        t.row("console RSS growth in the flood", memory["console"][1] - memory["console"][0],
              "MB", memory["console"][0], "before")
        t.row("engine RSS growth in a second flood", memory["engine"][2] - memory["engine"][1],
              "MB", memory["engine"][1], "before")
        engine.stop()
        s.engines.remove(engine)

    def flood_ours(self, engine):
        screen = Screen([self.site.breakglass], engine.env)
        screen.until(RUNNING)
        screen.settle()
        console, pid = screen.pid, engine.process.pid
        rss = {"engine": [rss_mb(pid)], "console": [rss_mb(console)]}
        ms, took = [], []
        for seed in (1, 2):
            typist = Typist(screen, seed)
            t0 = time.perf_counter()
            run = spawn([self.site.libexec + "/shim/ssh", "devvm", FLOOD], engine.shim_env())
            ms += typist.type_while(lambda: os.waitpid(run, os.WNOHANG)[0] == 0)
            took.append(time.perf_counter() - t0)
            screen.settle(0.5)
            rss["engine"].append(rss_mb(pid))
            rss["console"].append(rss_mb(console))
        rss["pss"] = pss_mb(console, pid)
        screen.end()
        return ms, min(took), rss

    def flood_peer(self, argv, last, seconds=20):
        screen = Screen(argv, self.site.env)
        screen.until(RUNNING)
        typist, end = Typist(screen, 3), time.perf_counter() + seconds
        found = []
        read = screen.read

        def reading(timeout):
            data = read(timeout)
            if last and data and last in data:
                found.append(True)
            return data
        screen.read = reading
        typist.type_while(lambda: not found and time.perf_counter() < end, 300)
        screen.end()
        return typist.ms

    def flood_ssh(self):
        t0 = time.perf_counter()
        pid = spawn(self.site.ssh_argv("devvm", FLOOD), self.site.env)
        os.waitpid(pid, 0)
        return time.perf_counter() - t0

    # --- the wire to the terminal ---

    def stream(self):
        """An answer at 50 tokens a second: bytes to the terminal, and when a word shows."""
        s = self.site
        speaker = Speaker(s.path("speaker"))
        words = "python3 -c 'import sys, time\nfor i in range(%d):\n  sys.stdout.write(%s)\n" \
            "  sys.stdout.flush(); time.sleep(%g)'; sleep 20" \
            % (STREAM_S * TOKENS_S, '"w%04d%s" % (i, " " if i % 12 else "\\n")', 1 / TOKENS_S)
        env = dict(s.env, BREAKGLASS_RUN_DIR=s.path("speaker"))
        ours = Screen([s.breakglass], env)
        if ours.until(RUNNING) is None:
            raise BenchError("the console does not show the speaker's state")
        ours.settle()
        cpu, ours.bytes = cpu_s(ours.pid), 0
        late = speaker.stream(ours, STREAM_S, TOKENS_S)
        cpu = cpu_s(ours.pid) - cpu
        bps = ours.bytes / STREAM_S
        ours.end()
        speaker.stop()
        s.tmux_session("stream", words)
        peers = {"tmux": Screen(s.tmux_argv("attach", "-t", "stream"), s.env),
                 "floor": Screen([s.floor, words], s.env)}
        end = time.perf_counter() + STREAM_S
        while time.perf_counter() < end:
            for p in peers.values():
                p.drain(0.01)
        t = self.table
        t.row("streaming 50 tokens/s at 80x24", bps / 1000, "KB/s",
              peers["tmux"].bytes / STREAM_S / 1000, "tmux", 4)
        t.row("streaming: the same, beside a bare loop", bps / 1000, "KB/s",
              peers["floor"].bytes / STREAM_S / 1000, "floor")
        t.row("streaming: a word shows, p50", p50(late), "ms")
        t.row("streaming: a word shows, p99", p99(late), "ms", note="(%d words)" % len(late))
        t.row("streaming: console's CPU", cpu / STREAM_S * 100, "%")
        for p in peers.values():
            p.end()

    # --- nothing happens ---

    def idle(self):
        """An attached console that nobody touches."""
        screen = Screen([self.site.breakglass], self.main.env)
        screen.until(RUNNING)
        screen.drain(3)
        pids = {"engine": self.main.process.pid, "console": screen.pid}
        cpu = {k: cpu_s(p) for k, p in pids.items()}
        woken = {k: wakeups(p) for k, p in pids.items()}
        screen.bytes = 0
        screen.drain(IDLE_S)
        minute = 60 / IDLE_S
        cpu = {k: (cpu_s(p) - cpu[k]) * minute for k, p in pids.items()}
        woken = {k: (wakeups(p) - woken[k]) * minute for k, p in pids.items()}
        t = self.table
        t.row("idle: engine + console CPU a minute", sum(cpu.values()), "s", goal=0.005,
              note="(engine %.4f console %.4f)" % (cpu["engine"], cpu["console"]))
        t.row("idle: wake-ups a minute", sum(woken.values()), "",
              note="(engine %d console %d)" % (woken["engine"], woken["console"]))
        t.row("idle: bytes to the terminal", screen.bytes / IDLE_S, "B/s", goal=100)
        screen.end()


class Speaker(threading.Thread):
    """An engine's socket that says what a turn of the agent says, token by token."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        os.mkdir(folder, 0o700)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(folder + "/console.sock")
        self.socket.listen(4)
        self.peer, self.lock = None, threading.Lock()
        self.start()

    def fact(self, kind, **members):
        at = int(time.clock_gettime(time.CLOCK_MONOTONIC) * 1000)
        fact = dict({"t": kind, "seq": 0, "at": "2026-01-01T00:00:00.000Z", "mono_ms": at,
                     "by": "agent"}, **members)
        return json.dumps(fact).encode() + b"\n"

    def run(self):
        while True:
            conn = self.socket.accept()[0]
            for line in conn.makefile("rb"):
                welcome = self.fact("welcome", v=1, version="0", pid=1, you="bench",
                                    started="2026-01-01T00:00:00.000Z", incident="bench",
                                    first=1, last=1)
                if b'"hello"' in line:
                    with self.lock:
                        conn.sendall(welcome + self.fact(
                            "state", what="vm", status="running", status_ms=1, qmp="alive",
                            pid=1, lock="none", staged=[], host_program="ok",
                            checked=int(time.clock_gettime(time.CLOCK_MONOTONIC) * 1000)) +
                            self.fact("caught_up", upto=1))
                        self.peer = conn
                elif b'"ping"' in line:
                    with self.lock:
                        conn.sendall(welcome)

    def say(self, *facts):
        with self.lock:
            self.peer.sendall(b"".join(facts))

    def stream(self, screen, seconds, rate):
        """Streams words; returns how late each appeared, in ms."""
        wait_for("the console's hello", lambda: self.peer)
        self.say(self.fact("prompt", turn=1, text="why?", state="started"))
        late, waiting, off = [], {}, 0
        start, sent, seen = time.perf_counter(), 0, b""
        while time.perf_counter() < start + seconds:
            due = start + sent / rate
            if time.perf_counter() >= due:
                word = "w%04d" % sent
                text = word + ("\n\n" if sent % 60 == 59 else " ")
                self.say(self.fact("delta", turn=1, block=1, off=off, text=text))
                waiting[word.encode()] = time.perf_counter_ns()
                off += len(text)
                sent += 1
                continue
            data = screen.read(due - time.perf_counter())
            if data is None:
                raise BenchError("the console ended")
            now = time.perf_counter_ns()
            seen = (seen + data)[-8192:]
            for word in [w for w in waiting if w in seen]:
                late.append((now - waiting.pop(word)) / 1e6)
        return late

    def stop(self):
        self.socket.close()


ALL = ["status", "shim", "agent", "relay", "chat", "paint", "attach", "keys", "flood", "stream", "idle", "replay",
       "journal"]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--build", required=True)
    p.add_argument("--source", required=True)
    p.add_argument("--only", default=",".join(ALL), help="of " + ",".join(ALL))
    p.add_argument("--json", help="the figures as JSON, too")
    args = p.parse_args()
    for program in ("tmux", "ssh", "ssh-keygen"):
        if not shutil.which(program):
            print("bench: no %s: apt-get install tmux openssh-client" % program)
            return 1
    for sig in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, lambda *_: sys.exit(1))
    folder = tempfile.mkdtemp(prefix="bg-bench.")
    site, began = None, time.monotonic()
    try:
        site = Site(folder, args.build, args.source)
        table = Table()
        bench = Bench(site, table, args.source)
        for name in args.only.split(","):
            getattr(bench, name)()
        print("%d of %d goals missed%s; %d s, load %.1f"
              % (len(table.missed), sum(1 for r in table.rows if r["verdict"]),
                 ": " + ", ".join(table.missed) if table.missed else "",
                 time.monotonic() - began, os.getloadavg()[0]))
        if args.json:
            with open(args.json, "w") as f:
                json.dump(table.rows, f, indent=1)
    except BenchError as e:
        print("bench: %s" % e, file=sys.stderr)
        return 1
    finally:
        if site:
            site.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
