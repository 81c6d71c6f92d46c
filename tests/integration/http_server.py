# SPDX-License-Identifier: GPL-3.0-or-later
"""http_server: servers that misbehave, for the tests of the engine's HTTP side.

A Server answers each path with a function of the test, over raw sockets: it can
stop anywhere.  Certs makes a CA and certificates with openssl.  BlackHole takes
no connection and refuses none.  Nothing sleeps without a limit.
"""
import os
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

SRC = os.path.abspath(os.environ.get("abs_top_srcdir") or
                      os.path.dirname(os.path.abspath(__file__)) + "/../..")
BUILD = os.path.abspath(os.environ.get("abs_top_builddir") or os.getcwd())
LIMIT = 60.0


class Failed(Exception):
    pass


def check(ok, what):
    if not ok:
        raise Failed(what)


def until(condition, what, limit=LIMIT):
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            raise Failed("not within %g s: %s" % (limit, what))
        time.sleep(0.005)


class Request:
    def __init__(self, conn):
        self.conn = conn
        self.head = b""
        while b"\r\n\r\n" not in self.head:
            data = conn.recv(65536)
            if not data:
                raise ConnectionError("no request")
            self.head += data
        self.head, _, self.body = self.head.partition(b"\r\n\r\n")
        lines = self.head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = lines[0].split(" ", 2)
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()

    def read_body(self):
        want = int(self.headers.get("content-length", "0"))
        parts, have = [self.body], len(self.body)
        while have < want:
            data = self.conn.recv(1 << 20)
            if not data:
                raise ConnectionError("body cut")
            parts.append(data)
            have += len(data)
        self.body = b"".join(parts)
        return self.body

    def send(self, data):
        self.conn.sendall(data)

    def answer(self, status, body=b"", *headers):
        head = "HTTP/1.1 %s\r\ncontent-length: %d\r\n" % (status, len(body))
        self.send((head + "".join(h + "\r\n" for h in headers) + "\r\n").encode() + body)

    def chunk(self, data):
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def begin(self, *headers):
        self.send(("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n" +
                   "".join(h + "\r\n" for h in headers) + "\r\n").encode())

    def reset(self):
        """The kernel sends RST instead of FIN."""
        self.conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.conn.close()


class Server:
    """paths: {"/path": function(request)}; when it returns, the connection goes on."""

    def __init__(self, paths, context=None):
        self.paths, self.context = paths, context
        self.requests, self.connections = [], 0
        self.ending = threading.Event()     # for handlers that hold a connection
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, path, host="127.0.0.1"):
        return "%s://%s:%d%s" % ("https" if self.context else "http", host, self.port, path)

    def hold(self):
        self.ending.wait(LIMIT)

    def _accept(self):
        while True:
            try:
                conn, _ = self.sock.accept()
            except OSError:
                return
            self.connections += 1
            self.open.append(conn)
            threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    def _serve(self, conn):
        try:
            conn.settimeout(LIMIT)
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.context:
                conn = self.context.wrap_socket(conn, server_side=True)
            while True:
                request = Request(conn)
                self.requests.append(request)
                path = request.target.split("?")[0]
                self.paths[path if path in self.paths else "*"](request)
                if conn.fileno() < 0:
                    return
        except (OSError, ConnectionError, ValueError):
            pass
        except KeyError:
            traceback.print_exc()
        finally:
            conn.close()

    def close(self):
        self.ending.set()
        self.sock.close()
        for conn in self.open:
            conn.close()


class BlackHole:
    """A port whose queue is full: the kernel drops every SYN."""

    def __init__(self):
        self.sock = socket.socket()
        self.sock.bind(("127.0.0.1", 0))
        self.sock.listen(0)
        self.port = self.sock.getsockname()[1]
        self.fill = []
        for _ in range(4):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", self.port))
            self.fill.append(s)

    def url(self, path):
        return "http://127.0.0.1:%d%s" % (self.port, path)

    def close(self):
        for s in self.fill + [self.sock]:
            s.close()


def dead_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class Certs:
    def __init__(self, folder):
        self.dir = folder
        self.ca = self._ca("ca")
        self._ca("other")

    def _openssl(self, *args):
        subprocess.run(("openssl",) + args, cwd=self.dir, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _ca(self, name):
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                      "-nodes", "-keyout", name + ".key", "-out", name + ".pem", "-days", "2",
                      "-subj", "/CN=breakglass test " + name)
        return "%s/%s.pem" % (self.dir, name)

    def context(self, host, ca="ca", days="2"):
        name = host + "-" + ca + days
        with open("%s/%s.ext" % (self.dir, name), "w") as f:
            f.write("subjectAltName=%s:%s\n" % ("IP" if host[0].isdigit() else "DNS", host))
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + host)
        self._openssl("x509", "-req", "-in", name + ".csr", "-CA", ca + ".pem", "-CAkey",
                      ca + ".key", "-CAcreateserial", "-days", days, "-extfile", name + ".ext",
                      "-out", name + ".pem")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain("%s/%s.pem" % (self.dir, name), "%s/%s.key" % (self.dir, name))
        return context


def main(tests):
    """Runs each test (a function with the scratch folder) and says which failed."""
    only = sys.argv[1:]
    failed = 0
    if not shutil.which("openssl"):
        print("skipped: openssl is missing: it makes the certificates")
        return 77
    folder = tempfile.mkdtemp(prefix="bg-http.")
    try:
        for test in tests:
            if only and test.__name__ not in only:
                continue
            began = time.monotonic()
            try:
                test(folder)
                print("ok   %s (%.1f s)" % (test.__name__, time.monotonic() - began))
            except Exception as e:      # a test may fail in any way
                failed += 1
                print("FAIL %s: %s" % (test.__name__, e))
                if not isinstance(e, Failed):
                    traceback.print_exc()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0
