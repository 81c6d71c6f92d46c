# SPDX-License-Identifier: GPL-3.0-or-later
"""An answer from the vendor's last byte to the operator's screen: engine and console, API driver.

The server stands on loopback; its own work is not in the CPU, which is that of the engine and
of the console.  The rendering alone is `tests/bench/markdown-core`.
"""
import os
import subprocess
import time

from bench_agent import Vendor, message, sse
from bench_figures import cpu_s, p50, rss_mb
from bench_site import BenchError, wait_for
from bench_tty import Screen

BURST_BYTES = 80 * 1000
ROUNDS = 7
RATE = 50           # tokens a second
SECONDS = 20
ANSWER = """## What I found

The disk of the devvm is **full**: `/dev/sda1` has 0 bytes left, so ssh.service fails at each start.

- the journal takes 38 GB
- `/var/lib/docker` takes 19 GB
  - most of it are old images

| Unit | State | Since |
|---|---|---|
| ssh.service | failed | 03:12:07 |
| cron.service | active | 2 days |

```bash
journalctl --vacuum-size=1G
systemctl restart ssh
```

1. First look how much it freed: `df -h /`.
2. Then start what failed, one by one, and look at each of them before the next one is started.

"""


def tokens(size, last):
    """Markdown of so many bytes in pieces of about four, with a word to know its end by."""
    text = (ANSWER * (size // len(ANSWER) + 1))[:size].rsplit("\n", 1)[0] + "\n\n"
    return [text[i:i + 4] for i in range(0, len(text), 4)] + [last]


def delta(text):
    return sse("content_block_delta", index=0, delta={"type": "text_delta", "text": text})


class Teller(Vendor):
    """Says pieces, at once or so many a second."""
    rate = 0

    def answer(self, conn, head, began):
        if not self.rate or not head.startswith(b"POST /v1/messages"):
            super().answer(conn, head, began)
            return
        self.first_ns = began
        conn.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                     b"request-id: req_bench\r\ntransfer-encoding: chunked\r\n\r\n")
        start = time.monotonic()
        for n, piece in enumerate(self.pieces):
            wait = start + n / self.rate - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            conn.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.last_ns = time.perf_counter_ns()
        conn.sendall(b"0\r\n\r\n")

    def say(self, parts, rate=0):
        whole = message(1)
        word = delta("word ")
        head, _, tail = whole.partition(word)
        deltas = [delta(p) for p in parts]
        self.rate = rate
        self.pieces = [head] + deltas + [tail]
        self.body = b"".join(self.pieces)


class Chat:
    def __init__(self, site):
        key = site.path("chat-key")
        with open(key, "w") as f:
            f.write("sk-ant-bench-0123456789\n")
        os.chmod(key, 0o600)
        self.vendor = Teller()
        self.engine = site.engine("chat", env={
            "BREAKGLASS_AGENT_DRIVER": "api", "BREAKGLASS_CLAUDE": "/nonexistent/claude",
            "BREAKGLASS_API_URL": "http://127.0.0.1:%d" % self.vendor.port,
            "BREAKGLASS_API_KEY_FILE": key})
        self.screen = Screen([site.breakglass], self.engine.env)
        if self.screen.until(b"ready", 20) is None:
            raise BenchError("the console shows no agent that is ready")
        self.screen.settle()
        self.pids = (self.engine.process.pid, self.screen.pid)

    def cpu(self):
        return sum(cpu_s(p) for p in self.pids)

    def turn(self, parts, last, rate=0):
        """One prompt: (ms from the last byte to the last word, CPU seconds, bytes)."""
        self.vendor.say(parts, rate)
        self.vendor.last_ns = 0
        self.screen.settle()
        cpu, self.screen.bytes, self.screen.tail = self.cpu(), 0, b""
        self.screen.send(b"why?\r")
        if self.screen.until(last.encode(), SECONDS + 30) is None:
            raise BenchError("the answer's last word never came")
        shown = time.perf_counter_ns()
        wait_for("the last byte", lambda: self.vendor.last_ns)
        took = self.screen.bytes
        self.screen.settle(0.3)
        return (shown - self.vendor.last_ns) / 1e6, self.cpu() - cpu, took

    def stop(self):
        self.screen.end()
        self.vendor.stop()
        self.engine.stop()


def core(site, table):
    """The rendering alone."""
    out = subprocess.run([site.build + "/tests/bench/markdown-core"], capture_output=True,
                         text=True, check=True).stdout
    figures = {line.split()[0]: float(line.split()[1]) for line in out.splitlines()}
    table.row("chat: 100 KB of Markdown as it streams", figures["answer_100_kb"], "ms", goal=150)
    table.row("chat: a word at its end, of one at its start", figures["answer_last_to_first"],
              "", goal=1.3)
    table.row("chat: the same in one endless paragraph", figures["paragraph_last_to_first"], "",
              goal=1.6)


def run(site, table):
    core(site, table)
    chat = Chat(site)
    try:
        late, cpu, sent = [], [], []
        chat.turn(tokens(400, "warmup0"), "warmup0")
        rss = rss_mb(chat.screen.pid)
        for n in range(ROUNDS):
            last = "ENDWORDABC"[:8] + "xyz"[n % 3] * (n + 1)
            last = last[::-1] if n % 2 else last    # no cell of the one before stays
            ms, s, size = chat.turn(tokens(BURST_BYTES, last), last)
            late.append(ms)
            cpu.append(s)
            sent.append(size)
        table.row("chat: 80 KB at once, last byte to last paint", p50(late), "ms", goal=90)
        table.row("chat: the same, CPU of engine and console", p50(cpu), "s", goal=0.15)
        table.row("chat: the same, bytes to the terminal", p50(sent) / 1000, "KB", goal=10)
        table.row("chat: console's RSS after %d of them" % ROUNDS, rss_mb(chat.screen.pid) - rss,
                  "MB", rss, "before")
        parts = tokens(RATE * SECONDS * 4, "ENDWORDS")
        ms, s, size = chat.turn(parts, "ENDWORDS", RATE)
        table.row("chat: 50 tokens/s for 20 s, CPU of both", s, "s", goal=0.4)
        table.row("chat: the same, bytes to the terminal", size / 1000, "KB", goal=60)
    finally:
        chat.stop()
        site.engines.remove(chat.engine)
