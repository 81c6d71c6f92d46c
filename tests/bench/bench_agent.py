# SPDX-License-Identifier: GPL-3.0-or-later
"""The API driver beside the CLI driver: the same prompts, the same words, one server.

The server stands on loopback and answers what it is told to, at once; what it costs is
not in the figures: times run from our write to its first byte and from its last byte to
our fact, CPU is that of the engine and of the claude child.
"""
import json
import os
import socket
import subprocess
import threading
import time

from bench_figures import cpu_s, p50
from bench_site import BenchError, wait_for

TOKENS = 20000
ROUNDS = 20


def sse(kind, **data):
    return ("event: %s\ndata: %s\n\n" % (kind, json.dumps(dict({"type": kind}, **data)))).encode()


def message(words):
    """The event stream of a message of so many words."""
    out = [sse("message_start", message={
        "id": "msg_bench", "type": "message", "role": "assistant", "model": "claude-sonnet-5-5",
        "content": [], "stop_reason": None, "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 1}}),
        sse("content_block_start", index=0, content_block={"type": "text", "text": ""})]
    out += [sse("content_block_delta", index=0, delta={"type": "text_delta", "text": "word "})
            for _ in range(words)]
    out += [sse("content_block_stop", index=0),
            sse("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None},
                usage={"output_tokens": words}),
            sse("message_stop")]
    return b"".join(out)


class Vendor:
    """Speaks just enough HTTP/1.1: one thread a connection, a chunk a write."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        self.body = message(1)
        self.first_ns = self.last_ns = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                conn, _ = self.socket.accept()
            except OSError:
                return
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def serve(self, conn):
        data = b""
        try:
            while True:
                while b"\r\n\r\n" not in data:
                    more = conn.recv(65536)
                    if not data:
                        began = time.perf_counter_ns()
                    if not more:
                        return
                    data += more
                head, _, data = data.partition(b"\r\n\r\n")
                length = 0
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                while len(data) < length:
                    data += conn.recv(1 << 20)
                data = data[length:]
                self.answer(conn, head, began)
        except OSError:
            pass
        finally:
            conn.close()

    def answer(self, conn, head, began):
        if not head.startswith(b"POST /v1/messages") or b"count_tokens" in head.split(b"\r\n")[0]:
            conn.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                         b"content-length: 11\r\n\r\n{\"data\":[]}")
            return
        self.first_ns = began
        conn.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                     b"request-id: req_bench\r\ntransfer-encoding: chunked\r\n\r\n")
        for at in range(0, len(self.body), 4096):
            piece = self.body[at:at + 4096]
            conn.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.last_ns = time.perf_counter_ns()
        conn.sendall(b"0\r\n\r\n")

    def stop(self):
        self.socket.close()


class Console:
    """A peer of the engine that sends prompts and waits for facts."""

    def __init__(self, engine):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(engine.run + "/console.sock")
        self.socket.settimeout(60)
        self.data = b""
        self.send(t="hello", v=1, name="bench", role="console", tty="none", size="80x24")

    def send(self, **members):
        self.socket.sendall(json.dumps(members).encode() + b"\n")

    def fact(self):
        while b"\n" not in self.data:
            more = self.socket.recv(1 << 18)
            if not more:
                raise BenchError("the engine has closed the connection")
            self.data += more
        line, _, self.data = self.data.partition(b"\n")
        return json.loads(line)

    def until(self, kind, **members):
        while True:
            f = self.fact()
            if f["t"] == kind and all(f.get(k) == v for k, v in members.items()):
                return f

    def turn(self):
        """One prompt; (its start, the result fact's arrival) in ns."""
        t0 = time.perf_counter_ns()
        self.send(t="prompt", text="say a word")
        f = self.until("result")
        t1 = time.perf_counter_ns()
        if f.get("stop") != "end_turn" and f.get("stop") != "completed":
            raise BenchError("a turn ended with %s" % f)
        self.until("done")
        return t0, t1


def claude_child(engine):
    """The pid of the claude below this engine."""
    todo = [engine.process.pid]
    while todo:
        pid = todo.pop()
        out = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout
        for child in out.split():
            try:
                if os.readlink("/proc/%s/exe" % child).endswith("/claude"):
                    return int(child)
            except OSError:
                continue
            todo.append(int(child))
    return 0


class Driver:
    def __init__(self, site, vendor, name, claude):
        key = site.path("api-key")
        with open(key, "w") as f:
            f.write("sk-ant-bench-0123456789\n")
        os.chmod(key, 0o600)
        self.vendor, self.name = vendor, name
        self.engine = site.engine("agent-" + name, env={
            "BREAKGLASS_AGENT_DRIVER": name, "BREAKGLASS_CLAUDE": claude,
            "BREAKGLASS_API_URL": "http://127.0.0.1:%d" % vendor.port,
            "BREAKGLASS_API_KEY_FILE": key})
        self.console = Console(self.engine)
        wait_for("driver " + name, self.is_ready)
        self.console.turn()     # what is made once: connection, session

    def is_ready(self):
        f = self.console.until("state", what="agent")
        return f.get("state") == "ready"

    def times(self):
        first, last = [], []
        self.vendor.body = message(1)
        for _ in range(ROUNDS):
            t0, t1 = self.console.turn()
            first.append((self.vendor.first_ns - t0) / 1e6)
            last.append((t1 - self.vendor.last_ns) / 1e6)
        return p50(first), p50(last)

    def burst(self):
        """CPU seconds of (engine, claude) for the long answer, and its time."""
        child = claude_child(self.engine) if self.name == "cli" else 0
        self.vendor.body = message(TOKENS)
        before = cpu_s(self.engine.process.pid), cpu_s(child) if child else 0
        t0, t1 = self.console.turn()
        return (cpu_s(self.engine.process.pid) - before[0],
                cpu_s(child) - before[1] if child else 0, (t1 - t0) / 1e9)


def find_claude(source):
    with open(source + "/build-aux/claude-version") as f:
        version = f.read().strip()
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = os.environ.get("BREAKGLASS_CLAUDE") or \
        "%s/breakglass/claude/%s/claude" % (cache, version)
    return path if os.access(path, os.X_OK) else None


def core(site, table):
    """The pure parts alone: what a turn costs when the conversation is long."""
    out = subprocess.run([site.build + "/tests/bench/api-core"], capture_output=True, text=True,
                         check=True).stdout
    figures = {line.split()[0]: float(line.split()[1]) for line in out.splitlines()}
    table.row("agent: a turn of a long transcript", figures["turn_901_to_1000"], "us",
              figures["turn_1_to_100"], "of a short one", 50, 1.2)
    table.row("agent: 20000 tokens, read alone", figures["stream_20000_tokens_api"], "ms",
              figures["stream_20000_tokens_cli_lines"], "claude's lines")


def run(site, table):
    core(site, table)
    claude = find_claude(site.source)
    vendor = Vendor()
    try:
        api = Driver(site, vendor, "api", "/nonexistent/claude")
        cli = Driver(site, vendor, "cli", claude) if claude else None
        first, last = api.times()
        cfirst, clast = cli.times() if cli else (None, None)
        table.row("agent: Enter to the request's first byte", first, "ms", cfirst, "CLI driver",
                  2, 0.1)
        table.row("agent: last byte to the result on record", last, "ms", clast, "CLI driver",
                  3, 0.4)
        engine, _, seconds = api.burst()
        cengine, child, cseconds = cli.burst() if cli else (None, None, None)
        table.row("agent: CPU of %d tokens" % TOKENS, engine, "s", child, "claude child", None)
        if child:
            table.row("agent: the same, as a part of the child's", engine / child, "",
                      goal=0.25)
            table.row("agent: CPU of the engine alone", engine, "s", cengine, "engine with CLI")
        table.row("agent: time of %d tokens" % TOKENS, seconds, "s", cseconds, "CLI driver")
        if not claude:
            print("agent: no claude here (contrib/fetch-claude): no peer")
    finally:
        vendor.stop()
