#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Goal: what claude sends reaches its API byte by byte and nobody else gets through; an API
that refuses, is silent, has no name, breaks off or does not read has its end and its words.

engine/agent/relay.c through tests/integration/relay-probe.
"""
import hashlib
import os
import random
import select
import socket
import struct
import subprocess
import sys
import threading
import time

from http_server import BUILD, LIMIT, BlackHole, Failed, dead_port, main
from pace import Watch

PROBE = BUILD + "/tests/integration/relay-probe"
MIB = 1 << 20


def check(what, condition, *more):
    if not condition:
        raise Failed(what + "".join("\n    %s" % (str(m),) for m in more))


class Probe:
    count = 0

    def __init__(self, folder, *times):
        Probe.count += 1
        self.path = "%s/r%d.sock" % (folder, Probe.count)
        self.log = open("%s/log%d" % (folder, Probe.count), "w+b")
        self.proc = subprocess.Popen([PROBE, self.path, *times], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=self.log)
        self.buf, self.said = b"", []
        self.open = []
        self.expect("ready")

    def expect(self, start, limit=LIMIT):
        """The next line that begins so; what comes before it is kept in said."""
        end = time.monotonic() + limit
        while True:
            for i, line in enumerate(self.said):
                if line.startswith(start):
                    return self.said.pop(i)
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.proc.stdout], [], [], left)[0]:
                raise Failed("no %r within %g s, but %r\n%s" % (
                    start, limit, self.said, self.logged()))
            data = os.read(self.proc.stdout.fileno(), 65536)
            if not data:
                raise Failed("it ended: %r %s" % (self.said, self.logged()))
            self.buf += data
            *lines, self.buf = self.buf.split(b"\n")
            self.said += [x.decode() for x in lines]

    def logged(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-2000:]

    def say(self, text, answer):
        self.proc.stdin.write(text.encode() + b"\n")
        self.proc.stdin.flush()
        return self.expect(answer)

    def allow(self, url, *addresses):
        self.token = self.say(" ".join(("allow", url) + addresses), "token ").split()[1]
        return self

    def connect(self, first=None):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(LIMIT)
        s.connect(self.path)
        s.sendall(b'{"t":"relay","token":"%s"}\n' % self.token.encode() if first is None else first)
        self.open.append(s)
        return s

    def rss(self):
        with open("/proc/%d/statm" % self.proc.pid) as f:
            return int(f.read().split()[1]) * 4096

    def cpu(self):
        with open("/proc/%d/stat" % self.proc.pid) as f:
            w = f.read().rsplit(")", 1)[1].split()
        return (int(w[11]) + int(w[12])) / os.sysconf("SC_CLK_TCK")

    def close(self, loop_ms=250):
        """In order, with connections open or not; nothing may be left over."""
        self.say("quit", "gap ")
        self.expect("closed 0")
        check("exit", self.proc.wait(LIMIT) == 0, self.logged())
        check("its socket is gone", not os.path.exists(self.path))
        for s in self.open:
            s.close()
        self.proc.stdin.close()
        self.proc.stdout.close()
        self.log.close()


def ended(s):
    """Reads to the end; True when nothing came."""
    try:
        return s.recv(65536) == b""
    except ConnectionError:
        return True


class Api:
    """A TCP server; fn gets each connection in a thread of its own."""

    def __init__(self, fn):
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.conns = []
        self.fn = fn
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                c, _ = self.sock.accept()
            except OSError:
                return
            c.settimeout(LIMIT)
            self.conns.append(c)
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        try:
            self.fn(c)
        except OSError:
            pass

    def url(self, host="127.0.0.1"):
        return "https://%s:%d" % (host, self.port)

    def close(self):
        for c in [self.sock] + self.conns:
            c.close()


def read_all(s):
    h, n = hashlib.sha256(), 0
    while True:
        data = s.recv(256 * 1024)
        if not data:
            return h.hexdigest(), n
        h.update(data)
        n += len(data)


def echo(c):
    while True:
        data = c.recv(65536)
        if not data:
            c.shutdown(socket.SHUT_WR)
            return
        c.sendall(data)


def until(what, fn, limit=LIMIT):
    end = time.monotonic() + limit
    while not fn():
        if time.monotonic() > end:
            raise Failed("not within %g s: %s" % (limit, what))
        select.select([], [], [], 0.01)


def bytes_pass_unchanged(folder):
    """Both ways at once, in pieces of any size, each end handed on."""
    data = random.Random(1).randbytes(4 * MIB)
    want = hashlib.sha256(data).hexdigest()
    api = Api(echo)
    p = Probe(folder).allow(api.url())
    for first in (None, b'{"t":"relay","token":"%s"}\nearly' % p.token.encode()):
        s = p.connect(first)

        def send():
            left = data
            while left:
                n = random.randrange(1, 100000)
                s.sendall(left[:n])
                left = left[n:]
            s.shutdown(socket.SHUT_WR)
        t = threading.Thread(target=send)
        t.start()
        if first:
            got = b""
            while len(got) < 5:
                got += s.recv(5 - len(got))
            check("what came with the token", got == b"early", got)
        check("all of it", read_all(s) == (want, len(data)))
        t.join()
    check("two came", p.say("came", "came") == "came 2")
    p.close()
    api.close()


def who_may_pass(folder):
    """Without the token of now: closed, nobody is connected to, one line in the log."""
    api = Api(echo)
    p = Probe(folder, "token=400")
    p.token = "0" * 32
    check("before anything is allowed", ended(p.connect()))
    p.allow(api.url())
    old = p.token
    p.allow(api.url())
    check("each claude its own", old != p.token and len(p.token) == 32)
    line = '{"t":"relay","token":"%s"}\n'
    for bad in (line % old, line % p.token[:-1], line % (p.token + "0"), line % p.token.upper()
                if p.token.upper() != p.token else line % "x", "\n", "GET / HTTP/1.1\r\n\r\n",
                '{"t":"relay"}\n', '{"t":"run","token":"%s"}\n' % p.token,
                '{"t":"relay","token":"%s","host":"10.0.0.1"}\n' % p.token,
                '{"t":"relay","token":"%s","token":"%s"}\n' % (p.token, p.token),
                line % (p.token + "\\u0000"), "x" * 300, "x" * 5000 + "\n", "\0" * 64 + "\n"):
        check("refused: " + bad[:60], ended(p.connect(bad.encode())), p.logged())
    began = Watch()
    check("a silent one", ended(p.connect(b'{"t":"rel')))
    check("in its time", 0.3 < began.took() < 3 * began.pace())
    check("nobody was connected to", not api.conns)
    check("none of them came", p.say("came", "came") == "came 0")
    check("one line each", p.logged().count("is refused") >= 14)
    p.say("allow ftp://x", "no ")
    p.say("allow https://user:pw@host/", "no ")
    s = p.connect()
    s.sendall(b"x")
    check("the right one", s.recv(1) == b"x")
    p.close()
    api.close()


def api_that_cannot_be_reached(folder):
    """Refused, black hole, no name, name servers that are dead or slow: words, in time."""
    p = Probe(folder, "connect=600", "name=300")
    port = dead_port()
    p.allow("https://127.0.0.1:%d" % port)
    check("refused", ended(p.connect()))
    words = p.expect("trouble")
    check("its words", words == "trouble 127.0.0.1:%d refuses the connection" % port, words)
    hole = BlackHole()
    p.allow("https://127.0.0.1:%d" % hole.port)
    began = Watch()
    check("a black hole", ended(p.connect()))
    check("in its time", 0.4 < began.took() < 3 * began.pace(), began.took())
    words = p.expect("trouble")
    check("its words", "does not answer (127.0.0.1)" in words, words)
    api = Api(echo)
    p.allow(api.url("api.test"))
    for word, words in (("none", "no name server knows api.test"),
                        ("again", "no name server answers for api.test"),
                        ("slow", "no name server has answered for api.test in 1 s")):
        p.say("dns " + word, "dns")
        began = Watch()
        check(word, ended(p.connect()))
        check(word + " in its time", began.took() < 3 * began.pace())
        check(word, words in p.expect("trouble"))

    def works(what):
        s = p.connect()
        s.sendall(b"hello")
        check(what, s.recv(5) == b"hello", p.logged())
    # With addresses of its own, and none answering at the first of them.
    p.allow("https://127.0.0.2:1")
    p.allow(api.url("api.test"), "127.0.0.9", "127.0.0.1")
    works("the addresses that are configured, while the resolver still hangs")
    p.say("dns 127.0.0.1", "dns")
    works("a name server that is back")
    p.close()
    # Once it was known, it is known when the name server is gone.
    p = Probe(folder, "name=300").allow(api.url("api.test"))
    p.say("dns 127.0.0.1", "dns")
    works("by name")
    p.say("dns slow", "dns")
    p.allow(api.url("api.test"))
    works("known from before")
    hole.close()
    p.close()
    api.close()


def who_does_not_read(folder):
    """A side that does not read stops the other; little is held, and nothing is lost."""
    data = random.Random(2).randbytes(MIB) * 48
    want = hashlib.sha256(data).hexdigest(), len(data)
    go, result = threading.Event(), []

    def flood(c):
        c.sendall(data)
        c.shutdown(socket.SHUT_WR)

    def sleeper(c):
        go.wait(LIMIT)
        result.append(read_all(c))
        c.shutdown(socket.SHUT_WR)
    for fn, ours in ((flood, None), (sleeper, data)):
        api = Api(fn)
        p = Probe(folder).allow(api.url())
        began = p.rss()
        s = p.connect()
        if ours:
            s.setblocking(False)
            sent = 0
            while select.select([], [s], [], 0.3)[1]:
                sent += s.send(data[sent:sent + 256 * 1024])
            check("the sender is stopped", sent < len(data) // 2, sent)
        else:
            until("it is full", lambda: p.rss() >= began)
            select.select([], [], [], 0.3)
        check("little is held", p.rss() - began < 4 * MIB, p.rss() - began)
        t = p.cpu()
        select.select([], [], [], 0.2)
        check("and it rests", p.cpu() - t < 0.1)
        if ours:
            s.setblocking(True)
            go.set()
            s.sendall(data[sent:])
            s.shutdown(socket.SHUT_WR)
            read_all(s)
            until("read", lambda: result)
            check("all of it", result[0] == want)
        else:
            check("all of it", read_all(s) == want)
        p.close()
        api.close()


def broken_off(folder):
    """Reset, closed in the middle, claude gone, at every stage: an end for the other side."""
    def reset(c):
        c.recv(10)
        c.sendall(b"half")
        select.select([], [], [], 0.05)
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.close()

    def half(c):
        c.recv(10)
        c.sendall(b"half")
        c.close()
    for fn in (reset, half):
        api = Api(fn)
        p = Probe(folder, "linger=300").allow(api.url())
        s = p.connect()
        s.sendall(b"x")
        check("what was said", s.recv(10) == b"half")
        check("and its end", ended(s))
        if fn is reset:
            check("its words", "broke the connection off" in p.expect("trouble"))
        p.close()
        api.close()
    api = Api(echo)
    p = Probe(folder).allow(api.url())
    s = p.connect()
    s.sendall(b"x")
    check("it works", s.recv(1) == b"x")
    s.close()
    check("the API sees the end", read_all(api.conns[0])[1] == 0)
    hole = BlackHole()
    p.allow("https://127.0.0.1:%d" % hole.port)
    s = p.connect()
    s.sendall(b"x")
    check("another place: the waiting one is closed", p.allow(api.url()) and ended(s))
    p.connect()     # one open, one that is connecting, when the relay ends
    p.close()
    hole.close()
    api.close()


def one_more_than_there_may_be(folder):
    """The 17th is refused in words; when one has gone there is room again."""
    api = Api(echo)
    p = Probe(folder).allow(api.url())
    conns = [p.connect() for _ in range(16)]
    for s in conns:
        s.sendall(b"x")
        check("each works", s.recv(1) == b"x")
    check("the 17th", ended(p.connect()))
    check("its words", "16 connections to 127.0.0.1:%d are open: one more is refused" % api.port
          in p.expect("trouble"))
    check("the others go on", [s.sendall(b"y") or s.recv(1) for s in conns] == [b"y"] * 16)
    conns[3].close()

    def again():
        s = p.connect()
        s.sendall(b"z")
        return s.recv(1) == b"z"
    until("there is room", again)
    fds = len(os.listdir("/proc/%d/fd" % p.proc.pid))
    for s in conns:
        s.close()
    until("descriptors are given back", lambda: len(os.listdir("/proc/%d/fd" % p.proc.pid)) <= fds - 28)
    p.close()
    api.close()


def limits(folder):
    """Without a byte, half ended, or old: closed in its time, and not before."""
    def wait(c):
        c.recv(1)
        c.recv(1)

    def hold(c):
        c.shutdown(socket.SHUT_WR)
        c.recv(1)
        c.recv(1)

    def drip(c):
        while True:
            c.sendall(b".")
            select.select([], [], [], 0.05)
    for fn, times, low, high in ((wait, ("idle=300",), 0.25, 2), (hold, ("linger=300",), 0.25, 2),
                                 (drip, ("idle=300", "total=500"), 0.8, 3)):
        api = Api(fn)
        p = Probe(folder, *times).allow(api.url())
        s = p.connect()
        s.sendall(b"x")
        began = Watch()
        read_all(s)
        poll = select.poll()
        poll.register(s, 0)
        poll.poll(LIMIT * 1000)     # closed both ways
        took = began.took()
        check("%s after %.2f s" % (times, took), low < took < high * began.pace())
        p.close()
        api.close()


def its_socket_is_removed(folder):
    """A run directory that was emptied: it listens anew."""
    api = Api(echo)
    p = Probe(folder).allow(api.url())
    os.unlink(p.path)
    p.say("again", "again")
    s = p.connect()
    s.sendall(b"x")
    check("it works", s.recv(1) == b"x")
    check("for us alone", os.stat(p.path).st_mode & 0o077 == 0)
    p.close()
    api.close()


if __name__ == "__main__":
    sys.exit(main([bytes_pass_unchanged, who_may_pass, api_that_cannot_be_reached,
                   who_does_not_read, broken_off, one_more_than_there_may_be, limits,
                   its_socket_is_removed]))
