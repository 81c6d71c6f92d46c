#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Goal: each way in which an HTTP answer can go wrong is one end, with words, in its time.

engine/api/http.c through tests/integration/http-probe, against servers that stop anywhere.
"""
import hashlib
import os
import socket
import subprocess
import sys
import threading

from http_server import BUILD, LIMIT, BlackHole, Certs, Server, check, dead_port, main
from pace import Watch

PROBE = BUILD + "/tests/integration/http-probe"
SECRET = "sk-ant-api03-do-not-show-me"
PROXY_ENV = ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
             "no_proxy", "NO_PROXY", "SSL_CERT_FILE")


class Run:
    """One http-probe: its lines, by their first word."""

    def __init__(self, url, *args, env=None, limit=LIMIT):
        e = {k: v for k, v in os.environ.items() if k not in PROXY_ENV}
        e.update(env or {}, PROBE_LOG="1")
        self.url = url + " " + " ".join(args)
        began = Watch()
        done = subprocess.run((PROBE, url, "header=x-api-key: " + SECRET) + args, env=e,
                              capture_output=True, timeout=limit)
        self.took, self.pace = began.took(), began.pace()
        self.out, self.log = done.stdout.decode(), done.stderr.decode()
        self.lines = [line.partition(" ") for line in self.out.splitlines()]
        check(SECRET not in self.out + self.log, "the key is shown:\n" + self.out + self.log)
        check("late" not in self.out, "a callback after the end:\n" + self.out)
        check("closed 0" in self.out, "something is left open: %d\n%s%s"
              % (done.returncode, self.out, self.log))

    def all(self, word):
        return [v for w, _, v in self.lines if w == word]

    def get(self, word):
        found = self.all(word)
        return found[-1] if found else None

    def ends(self, how, *words):
        check(self.get("end") == how, "%s: end is %r, not %r\n%s" % (self.url, self.get("end"), how, self.out + self.log))
        for word in words:
            check(word in self.get("why") + " " + self.get("todo"),
                  "%r is not said in: %s" % (word, self.out))
        if how not in ("done", "aborted"):
            check(self.get("why") and self.get("todo"), "an end without words\n" + self.out)
        return self


def with_server(paths, context=None):
    """A decorator: the test gets a server and it is closed behind it."""
    def wrap(test):
        def run(folder):
            server = Server(paths, context)
            try:
                test(server, folder)
            finally:
                server.close()
        run.__name__ = test.__name__
        return run
    return wrap


# --- ends of an answer ---

def clean(r):
    r.begin("X-Who: first", "x-who:  second ")
    r.chunk(b"hello ")
    r.chunk(b"world")
    r.send(b"0\r\nx-trailer: no\r\n\r\n")


@with_server({"/": clean})
def a_clean_end(server, folder):
    r = Run(server.url("/"), "show=x-who", "out=%s/clean" % folder).ends("done")
    check(r.get("headers") == "200" and r.get("header") == "second", r.out)
    check(open(folder + "/clean", "rb").read() == b"hello world", "the body differs")
    check(server.requests[0].headers["x-api-key"] == SECRET, "the header did not arrive")
    check("expect" not in server.requests[0].headers, "it waits for a 100")


def interim(r):
    r.send(b"HTTP/1.1 103 Early Hints\r\nx-who: early\r\n\r\n")
    r.answer("200 OK", b"x", "x-who: real")


@with_server({"/": interim})
def an_interim_answer_is_not_told(server, folder):
    r = Run(server.url("/"), "show=x-who").ends("done")
    check(r.all("headers") == ["200"] and r.get("header") == "real", r.out)


def fin(r):
    r.begin()
    r.chunk(b"half")
    r.conn.close()


def rst(r):
    r.begin()
    r.chunk(b"half")
    r.reset()


def short(r):
    r.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
    r.conn.close()


def nothing(r):
    r.conn.close()


def garbage(r):
    r.send(b"SSH-2.0-OpenSSH_9.2\r\n")
    r.conn.close()


@with_server({"/fin": fin, "/rst": rst, "/short": short, "/nothing": nothing,
              "/garbage": garbage})
def what_breaks_off_is_cut(server, folder):
    for path in ("fin", "rst", "short", "nothing", "garbage"):
        Run(server.url("/" + path)).ends("cut", "broke off")


def no_headers_in_time(folder):
    server = Server({})
    server.paths["*"] = lambda r: server.hold()
    r = Run(server.url("/"), "headers_ms=400", "quiet_ms=100").ends(
        "slow_headers", "did not begin to answer")
    check(0.35 < r.took < 8 * r.pace, "it took %.1f s" % r.took)
    check(r.all("quiet")[:3] == ["100", "200", "300"], r.out)
    server.close()


def a_stall_in_the_middle(folder):
    server = Server({})

    def stall(r):
        r.begin()
        r.chunk(b"some")
        server.hold()
    server.paths["*"] = stall
    r = Run(server.url("/"), "idle_ms=400", "quiet_ms=150").ends("silent", "no byte")
    check(0.35 < r.took < 8 * r.pace, "it took %.1f s" % r.took)
    check(r.get("got") == "4" and r.all("quiet")[-2:] == ["150", "300"], r.out)
    server.close()


def byte_by_byte(folder):
    server = Server({})

    def slow(r):
        r.begin()
        for b in b"slow, but alive":
            r.chunk(bytes([b]))
            server.ending.wait(0.05)
        r.send(b"0\r\n\r\n")
    server.paths["*"] = slow
    r = Run(server.url("/"), "idle_ms=500").ends("done")
    check(r.get("got") == "15" and r.took > 0.5, r.out)
    server.close()


@with_server({"/": lambda r: r.answer("302 Found", b"moved", "location: https://evil.test/x")})
def a_redirect_is_not_followed(server, folder):
    r = Run(server.url("/")).ends("redirect", "https://evil.test/x", "302", "url")
    check(r.get("headers") == "302" and len(server.requests) == 1, r.out)


@with_server({"/html": lambda r: r.answer("502 Bad Gateway", b"<html>down</html>",
                                          "content-type: text/html"),
              "/empty": lambda r: r.answer("502 Bad Gateway", b""),
              "/wait": lambda r: r.answer("429 Too Many", b"{}", "Retry-After: 600")})
def a_refusal_is_an_answer(server, folder):
    r = Run(server.url("/html"), "out=%s/html" % folder).ends("done")
    check(r.get("headers") == "502" and r.get("got") == "17", r.out)
    r = Run(server.url("/empty")).ends("done")
    check(r.get("headers") == "502" and r.get("got") == "0", r.out)
    check(Run(server.url("/wait"), "show=retry-after").get("header") == "600", "no header")


def huge(r):
    r.begin()
    try:
        while True:
            r.chunk(b"x" * 65536)
    except OSError:
        pass


def many_headers(r):
    r.send(b"HTTP/1.1 200 OK\r\n")
    try:
        for i in range(4000):
            r.send(b"x-%d: %s\r\n" % (i, b"y" * 100))
    except OSError:
        pass


@with_server({"/body": huge, "/headers": many_headers})
def too_much_is_refused(server, folder):
    r = Run(server.url("/body"), "max=1000000").ends("too_long", "1000000")
    check(r.took < 15 * r.pace, "it took %.1f s" % r.took)
    Run(server.url("/headers")).ends("too_long")
    Run(server.url("/body"), "abort=200000").ends("aborted")


# --- no connection ---

def nobody_listens(folder):
    r = Run("http://127.0.0.1:%d/" % dead_port()).ends("no_connect", "refused")
    check(r.took < 4 * r.pace, "it took %.1f s" % r.took)


def a_black_hole_ends_at_the_limit(folder):
    hole = BlackHole()
    r = Run(hole.url("/"), "connect_ms=400").ends("no_connect", "nothing within")
    check(0.35 < r.took < 8 * r.pace, "it took %.1f s" % r.took)
    hole.close()


def a_handshake_that_is_never_answered(folder):
    quiet = socket.create_server(("127.0.0.1", 0))
    r = Run("https://127.0.0.1:%d/" % quiet.getsockname()[1], "connect_ms=400").ends(
        "no_connect")
    check(0.35 < r.took < 8 * r.pace, "it took %.1f s" % r.took)
    quiet.close()


def what_is_refused_before_it_begins(folder):
    for url, word in (("http://example.test/", "TLS"), ("http://8.8.8.8/", "TLS"),
                      ("ftp://127.0.0.1/", "https://"), ("https://u:p@127.0.0.1/", "key_file"),
                      ("https://a b/", "character"), ("https:///x", "no host"),
                      ("https://127.0.0.1:99999/", "port"), ("https://[::1/", "host"),
                      ("https://x\\@127.0.0.1/", "character"), ("", "https://")):
        r = Run(url).ends("bad_request", word)
        check("u:p" not in r.out + r.log or "u:p" not in r.get("why"), r.out)
    Run("http://127.0.0.1:1/", "header=x: a\nb: c").ends("bad_request", "control")
    Run("https://127.0.0.1:1/", "ca_file=/nonexistent").get("end")


# --- TLS ---

def certificates(folder):
    certs = Certs(folder)
    ok = {"*": lambda r: r.answer("200 OK", b"fine")}
    good, other = Server(ok, certs.context("127.0.0.1")), Server(
        ok, certs.context("127.0.0.1", "other"))
    name, old = Server(ok, certs.context("vendor.test")), Server(
        ok, certs.context("127.0.0.1", "ca", "-1"))
    plain = socket.create_server(("127.0.0.1", 0))

    def no_tls():
        conn, _ = plain.accept()
        conn.recv(100)
        conn.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        conn.close()
    threading.Thread(target=no_tls, daemon=True).start()
    ca = "ca_file=" + certs.ca
    Run(good.url("/"), ca).ends("done")
    Run(good.url("/"), env={"SSL_CERT_FILE": certs.ca}).ends("done")
    Run(good.url("/")).ends("tls", "ca_file")
    Run(other.url("/"), ca).ends("tls", "ca_file")
    Run(name.url("/"), ca).ends("tls", "certificate")
    Run(old.url("/"), ca).ends("tls", "clock")
    Run("https://127.0.0.1:%d/" % plain.getsockname()[1], ca).ends("tls")
    Run(good.url("/"), "ca_file=/nonexistent").ends("bad_request", "/nonexistent")
    # the name is checked although the address is given, and no name server knows it
    at = ("addresses=127.0.0.1", "connect_ms=3000")
    Run(name.url("/", "vendor.test"), ca, *at).ends("done")
    Run(name.url("/", "wrong.test"), ca, *at).ends("tls")
    Run(name.url("/", "vendor.test"), ca, "connect_ms=3000").ends("no_name", "resolve")
    Run("https://vendor.test:%d/" % dead_port(), ca, *at).ends("no_connect", "name server")
    Run(name.url("/", "vendor.test"), ca, "addresses=nonsense,127.0.0.1").ends("done")
    for s in (good, other, name, old, plain):
        s.close()


# --- proxies ---

def relay(a, b):
    try:
        while True:
            data = a.recv(65536)
            if not data:
                break
            b.sendall(data)
    except OSError:
        pass
    finally:
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def connect_through(r):
    if r.method != "CONNECT":
        r.answer("200 OK", b"by proxy", "x-proxy: yes")
        return
    host, port = r.target.rsplit(":", 1)
    far = socket.create_connection(("127.0.0.1", int(port)))
    r.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
    threading.Thread(target=relay, args=(far, r.conn), daemon=True).start()
    relay(r.conn, far)


def proxies(folder):
    certs = Certs(folder)
    far = Server({"*": lambda r: r.answer("200 OK", b"direct")}, certs.context("vendor.test"))
    plain = Server({"*": lambda r: r.answer("200 OK", b"direct", "x-proxy: no")})
    proxy = Server({"*": connect_through})
    closed = Server({"*": lambda r: r.answer("407 Proxy Authentication Required", b"")})
    ca, way = "ca_file=" + certs.ca, "http://127.0.0.1:%d" % proxy.port
    show = "show=x-proxy"
    # the proxy looks the name up
    r = Run(far.url("/", "vendor.test"), ca, "proxy=" + way).ends("done")
    check(proxy.requests[-1].method == "CONNECT", "not through the proxy")
    check("x-api-key" not in proxy.requests[-1].headers, "the proxy saw the key")
    Run(far.url("/", "vendor.test"), ca, env={"https_proxy": way}).ends("done")
    n = len(proxy.requests)
    check(Run(plain.url("/"), show, env={"http_proxy": way}).get("header") == "yes", "env")
    check(Run(plain.url("/"), show, "proxy=env", env={"http_proxy": way}).get("header") == "yes",
          "env by its name")
    check(Run(plain.url("/"), show, "proxy=", env={"http_proxy": way}).get("header") == "no",
          "none")
    check(Run(plain.url("/"), show, env={"http_proxy": way, "NO_PROXY": "127.0.0.1"})
          .get("header") == "no", "NO_PROXY")
    check(Run(plain.url("/"), show, "proxy=" + way, env={"NO_PROXY": "*"})
          .get("header") == "yes", "a proxy that is named is meant")
    check(len(proxy.requests) == n + 3, "the proxy saw %d" % (len(proxy.requests) - n))
    r = Run(far.url("/", "vendor.test"), ca, "proxy=http://me:pa55@127.0.0.1:%d" % closed.port)
    r.ends("no_connect", "proxy", "407")
    check("pa55" not in r.out + r.log, "the proxy's password is shown")
    Run(far.url("/", "vendor.test"), ca, "proxy=http://127.0.0.1:%d" % dead_port()).ends(
        "no_connect", "proxy")
    Run(far.url("/", "vendor.test"), ca, "proxy=http://no-such-proxy.invalid:1",
        "connect_ms=3000").ends("no_name", "proxy")
    for s in (far, plain, proxy, closed):
        s.close()


# --- requests ---

def digest(r):
    body = r.read_body()
    r.answer("200 OK", hashlib.sha256(body).hexdigest().encode())


@with_server({"*": digest})
def eight_megabytes_from_pieces(server, folder):
    data = os.urandom(8 << 20)
    with open(folder + "/big", "wb") as f:
        f.write(data)
    r = Run(server.url("/"), "method=POST", "body=%s/big" % folder, "out=%s/sum" % folder)
    r.ends("done")
    check(open(folder + "/sum").read() == hashlib.sha256(data).hexdigest(), "it differs")
    check(r.took < 15 * r.pace, "it took %.1f s" % r.took)


@with_server({"*": digest})
def a_connection_is_used_again(server, folder):
    with open(folder + "/small", "wb") as f:
        f.write(b"{}")
    Run(server.url("/"), "method=POST", "body=%s/small" % folder, "times=20").ends("done")
    check(server.connections == 1, "%d connections" % server.connections)


def a_kept_connection_that_died(folder):
    """It is closed behind each answer, without a word: the body goes out once more."""
    def once(r):
        digest(r)
        r.conn.shutdown(socket.SHUT_RDWR)
    server = Server({"*": once})
    data = os.urandom(100000)
    with open(folder + "/body", "wb") as f:
        f.write(data)
    r = Run(server.url("/"), "method=POST", "body=%s/body" % folder, "times=5",
            "out=%s/sums" % folder).ends("done")
    check(open(folder + "/sums").read() == 5 * hashlib.sha256(data).hexdigest(), r.out)
    server.close()


def no_descriptor_reaches_a_child(folder):
    server = Server({})

    def held(r):
        r.begin()
        r.chunk(b"x")
        server.ending.wait(1)
        r.send(b"0\r\n\r\n")
    server.paths["*"] = held
    r = Run(server.url("/"), "spawn=1", "linger_ms=200").ends("done")
    check(r.get("child") == "0", "a child has %s sockets of ours" % r.get("child"))
    server.close()


# --- cancel ---

def cancel_in_each_state(folder):
    certs = Certs(folder)
    server, hole = Server({}), BlackHole()
    tls = socket.create_server(("127.0.0.1", 0))

    def body(r):
        r.begin()
        r.chunk(b"x" * 1000)
        server.hold()
    server.paths["/body"] = body
    server.paths["/silent"] = lambda r: server.hold()
    server.paths["/never"] = lambda r: server.hold()        # the request's body is not read
    with open(folder + "/body", "wb") as f:
        f.write(b"x" * (32 << 20))
    linger = "linger_ms=300"
    for url, args in (
            (server.url("/body"), ("cancel=start",)),
            (hole.url("/"), ("cancel=100",)),
            ("https://127.0.0.1:%d/" % tls.getsockname()[1], ("cancel=100",)),
            (server.url("/silent"), ("cancel=100",)),
            (server.url("/silent"), ("cancel=quiet", "quiet_ms=100")),
            (server.url("/never"), ("cancel=100", "method=POST", "body=%s/body" % folder)),
            (server.url("/body"), ("cancel=headers",)),
            (server.url("/body"), ("cancel=body",)),
            (server.url("/body"), ("cancel=150",)),
            ("https://vendor.test/", ("cancel=1", "addresses=127.0.0.1"))):
        r = Run(url, linger, *args)
        if r.get("end") and "vendor.test" in url:
            continue    # it was refused in less than a millisecond
        check(r.get("end") is None and r.get("cancelled") is not None, url + "\n" + r.out)
        check(int(r.get("cancelled")) < 100, url + "\n" + r.out)
    check(certs.ca, "")
    server.close()
    hole.close()
    tls.close()


# --- a name server that never answers: in a namespace of its own ---

def in_namespace(folder):
    hole = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    hole.bind(("127.0.0.1", 53))
    certs = Certs(folder)
    server = Server({"*": lambda r: r.answer("200 OK", b"x")}, certs.context("vendor.test"))
    url, ca = server.url("/", "vendor.test"), "ca_file=" + certs.ca
    r = Run(url, ca, "addresses=127.0.0.1", "connect_ms=1500").ends("done")
    check(0.4 < r.took < 8 * r.pace, "by address after %.1f s" % r.took)
    r = Run(url, ca, "connect_ms=600").ends("no_connect", "nothing within")
    check(0.5 < r.took < 8 * r.pace, "given up after %.1f s" % r.took)
    r = Run(url, ca, "cancel=100", "linger_ms=100")
    check(r.took < 4 * r.pace and r.get("end") is None, "cancel waits for the name server: %s" % r.took)
    server.close()


def a_name_server_that_never_answers(folder):
    resolv = folder + "/resolv.conf"
    with open(resolv, "w") as f:
        f.write("nameserver 127.0.0.1\noptions timeout:5 attempts:3\n")
    with open(folder + "/nsswitch.conf", "w") as f:
        f.write("hosts: files dns\n")
    script = ("ip link set lo up && mount --bind %s /etc/resolv.conf && "
              "mount --bind %s/nsswitch.conf /etc/nsswitch.conf || exit 77; exec %s %s namespace"
              % (resolv, folder, sys.executable, os.path.abspath(__file__)))
    done = subprocess.run(("unshare", "-r", "-n", "-m", "sh", "-c", script),
                          capture_output=True, timeout=60)
    if done.returncode == 77 or b"unshare" in done.stderr:
        print("     skipped here: no namespaces (%s)" % done.stderr.decode().strip())
        return
    check(done.returncode == 0, done.stdout.decode() + done.stderr.decode())


TESTS = [a_clean_end, an_interim_answer_is_not_told, what_breaks_off_is_cut, no_headers_in_time,
         a_stall_in_the_middle, byte_by_byte, a_redirect_is_not_followed, a_refusal_is_an_answer,
         too_much_is_refused, nobody_listens, a_black_hole_ends_at_the_limit,
         a_handshake_that_is_never_answered, what_is_refused_before_it_begins, certificates,
         proxies, eight_megabytes_from_pieces, a_connection_is_used_again,
         a_kept_connection_that_died, no_descriptor_reaches_a_child, cancel_in_each_state,
         a_name_server_that_never_answers]

if __name__ == "__main__":
    if sys.argv[1:] == ["namespace"]:
        sys.argv[1:] = []
        TESTS = [in_namespace]
    sys.exit(main(TESTS))
