# SPDX-License-Identifier: GPL-3.0-or-later
"""What the way through agent-host and engine costs claude, beside a connection of its own.

The real two processes; in claude's place a program that only sends and waits, so that
what is seen is the way's and not claude's.
"""
import inspect
import json
import os
import socket
import subprocess
import threading
import time

from bench_figures import cpu_s
from bench_site import wait_for

TOKENS = 20000
TOKEN = b"t" * 128      # about what one word is as an event of the stream
ROUNDS = 400


def server():
    """Answers a byte with a byte, "B" with all tokens at once, "L" with them one by one."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=16)

    def serve(conn):
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            word = conn.recv(1)
            if not word:
                return
            if word == b"B":
                data = TOKEN * TOKENS
                for at in range(0, len(data), 4096):
                    conn.sendall(data[at:at + 4096])
            elif word == b"L":
                conn.sendall(TOKEN)
            else:
                conn.sendall(word)

    def accept():
        while True:
            try:
                conn, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(conn,), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
    return listener


def measure(conn, stage=lambda name: None):
    """Microseconds of a byte there and back; seconds of the two kinds of stream."""
    def want(n):
        while n:
            n -= len(conn.recv(min(n, 65536)))
    conn.sendall(b"x")
    want(1)
    times = []
    for _ in range(ROUNDS):
        t = time.perf_counter_ns()
        conn.sendall(b"x")
        want(1)
        times.append((time.perf_counter_ns() - t) / 1e3)
    out = {"round_us": sorted(times)[ROUNDS // 2]}
    stage("burst")
    t = time.perf_counter()
    conn.sendall(b"B")
    want(TOKENS * len(TOKEN))
    out["burst_s"] = time.perf_counter() - t
    stage("steps")
    t = time.perf_counter()
    for _ in range(TOKENS):
        conn.sendall(b"L")
        want(len(TOKEN))
    out["steps_s"] = time.perf_counter() - t
    stage("end")
    return out


def in_claudes_place():
    """Each stage begins when the bench, which reads the CPU of others, says so."""
    folder = os.environ["TMPDIR"]

    def stage(name):
        open(folder + "/at-" + name, "w").close()
        while not os.path.exists(folder + "/go-" + name):
            time.sleep(0.005)
    conn = socket.socket(socket.AF_UNIX)
    conn.connect(os.environ["ANTHROPIC_UNIX_SOCKET"])
    out = measure(conn, stage)
    with open(folder + "/out.new", "w") as f:
        json.dump(out, f)
    os.rename(folder + "/out.new", folder + "/out")
    while os.read(0, 4096):
        pass


def host_of(engine):
    for pid in subprocess.run(["pgrep", "-P", str(engine.process.pid)], capture_output=True,
                              text=True).stdout.split():
        if os.readlink("/proc/%s/exe" % pid).endswith("/agent-host"):
            return int(pid)
    return 0


def run(site, table):
    listener = server()
    url = "http://127.0.0.1:%d" % listener.getsockname()[1]
    claude, key = site.path("claude-place"), site.path("relay-key")
    with open(site.source + "/build-aux/claude-version") as f:
        version = f.read().strip()
    with open(claude, "w") as f:
        # One file: from the agent's box the source tree is not seen.
        f.write("#!/usr/bin/python3 -B\nimport json, os, socket, sys, time\n"
                "if '--version' in sys.argv:\n    sys.exit(print('%s (Claude Code)'))\n"
                "TOKENS, TOKEN, ROUNDS = %r, %r, %r\n\n\n%s\n\n%s\n\nin_claudes_place()\n" % (
                    version, TOKENS, TOKEN, ROUNDS, inspect.getsource(measure),
                    inspect.getsource(in_claudes_place)))
    os.chmod(claude, 0o755)
    with open(key, "w") as f:
        f.write("sk-ant-bench-0123456789\n")
    os.chmod(key, 0o600)
    direct = measure(socket.create_connection(listener.getsockname()))
    engine = site.engine("relay", env={
        "BREAKGLASS_AGENT_DRIVER": "cli", "BREAKGLASS_CLAUDE": claude,
        "BREAKGLASS_API_URL": url, "BREAKGLASS_API_KEY_FILE": key})
    folder = engine.run + "/agent-host/tmp"
    cpu = {}
    for name in ("burst", "steps", "end"):
        wait_for("the stage " + name, lambda: os.path.exists(folder + "/at-" + name))
        host = host_of(engine)
        cpu[name] = cpu_s(engine.process.pid), cpu_s(host)
        open(folder + "/go-" + name, "w").close()
    wait_for("its figures", lambda: os.path.exists(folder + "/out"))
    with open(folder + "/out") as f:
        ours = json.load(f)
    both = {a: sum(cpu[b]) - sum(cpu[a]) for a, b in (("burst", "steps"), ("steps", "end"))}
    table.row("relay: a byte there and back", ours["round_us"], "us", direct["round_us"],
              "loopback TCP", 300, 6)
    table.row("relay: CPU of %d tokens at once" % TOKENS, both["burst"], "s", goal=0.1)
    table.row("relay: CPU of %d tokens one by one" % TOKENS, both["steps"], "s", goal=2)
    table.row("relay: time of %d tokens one by one" % TOKENS, ours["steps_s"], "s",
              direct["steps_s"], "loopback TCP")
    listener.close()
