# SPDX-License-Identifier: GPL-3.0-or-later
"""faulty_relay: a TCP relay in front of an sshd that breaks on demand, and where asked.

It reads what of SSH is in the clear, so it knows how far a connection has come:
"connect" (nothing said yet), "kex" (the server's greeting has gone to the client),
"auth" (the client has sent NEWKEYS), and from then on "up".

    relay.arm(phase, fault)   the next connection that comes so far meets the fault
    relay.strike(fault)       what stands meets it now
    relay.heal()              new connections are relayed again; what was hit is cut

Faults: "refused" (closed; nobody listens), "reset" (RST), "black hole" (packets vanish;
in a network namespace of its own, see Hole), "frozen" (connected, and nothing moves),
"slow" (a byte a second to the client), "garbage" (bytes that are no SSH).
"""
import ctypes
import os
import select
import socket
import struct
import subprocess
import threading
import time

FAULTS = ("refused", "reset", "black hole", "frozen", "slow", "garbage")
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


class Hole:
    """A network namespace behind a veth pair that can be made to swallow everything.

    The caller's process is in a namespace of its own by then (see enter)."""
    count = 0

    @staticmethod
    def enter():
        """Moves this process to a namespace of its own; why not, or None."""
        if os.getuid() != 0:
            return "not root: no network namespace can be made"
        if libc.unshare(CLONE_NEWNET) < 0:
            return "unshare: " + os.strerror(ctypes.get_errno())
        r = subprocess.run(["ip", "link", "set", "lo", "up"], capture_output=True, text=True)
        if r.returncode:
            return "ip: " + r.stderr.strip()
        r = subprocess.run(["ip", "link", "add", "probe0", "type", "veth", "peer", "name",
                            "probe1"], capture_output=True, text=True)
        if r.returncode:
            return "veth: " + r.stderr.strip()
        subprocess.run(["ip", "link", "del", "probe0"])
        return None

    def __init__(self):
        Hole.count += 1
        n = Hole.count
        self.here, self.there = "h%d" % n, "t%d" % n
        self.address = "10.231.%d.2" % n
        self.keeper = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec cat"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.keeper.stdout.readline()
        pid = str(self.keeper.pid)
        self.ip("link", "add", self.here, "address", "02:00:00:00:%02x:01" % n, "type", "veth",
                "peer", "name", self.there, "address", "02:00:00:00:%02x:02" % n, "netns", pid)
        self.ip("addr", "add", "10.231.%d.1/24" % n, "dev", self.here)
        self.ip("link", "set", self.here, "up")
        self.inside("addr", "add", self.address + "/24", "dev", self.there)
        self.inside("link", "set", self.there, "up")
        # without these a host that is gone would be told by ARP, which no router does
        self.ip("neigh", "replace", self.address, "lladdr", "02:00:00:00:%02x:02" % n,
                "nud", "permanent", "dev", self.here)
        self.inside("neigh", "replace", "10.231.%d.1" % n, "lladdr", "02:00:00:00:%02x:01" % n,
                    "nud", "permanent", "dev", self.there)

    @staticmethod
    def ip(*args):
        subprocess.run(["ip", *args], check=True, capture_output=True)

    def inside(self, *args):
        subprocess.run(["nsenter", "-n", "-t", str(self.keeper.pid), "ip", *args],
                       check=True, capture_output=True)

    def socket(self):
        """A TCP socket that lives in there."""
        made = []

        def make():
            fd = os.open("/proc/%d/ns/net" % self.keeper.pid, os.O_RDONLY)
            if libc.setns(fd, CLONE_NEWNET) == 0:
                made.append(socket.socket())
            os.close(fd)
        t = threading.Thread(target=make)
        t.start()
        t.join()
        return made[0]

    def swallow(self, on=True):
        # the far end takes no packet any more; the near one still sends them
        self.inside("link", "set", self.there, "down" if on else "up")
        if not on:
            self.inside("neigh", "replace", self.address.rsplit(".", 1)[0] + ".1", "lladdr",
                        "02:00:00:00:%02x:01" % int(self.there[1:]), "nud", "permanent",
                        "dev", self.there)

    def close(self):
        self.keeper.stdin.close()
        self.keeper.wait()


class Connection:
    def __init__(self, client, server):
        self.client, self.server = client, server
        self.phase = "connect"
        self.fault = None
        self.to_server, self.to_client = b"", b""
        self.clear = b""                # of the client's, not parsed yet
        self.greeted = False
        self.last_byte = 0.0

    def client_said(self, data):
        """Follows the packets in the clear up to NEWKEYS."""
        if self.phase == "up" or self.phase == "auth":
            return
        self.clear += data
        if not self.greeted:
            if b"\n" not in self.clear:
                return
            self.clear = self.clear.split(b"\n", 1)[1]
            self.greeted = True
        while len(self.clear) >= 6:
            size = struct.unpack(">I", self.clear[:4])[0]
            if len(self.clear) < 4 + size:
                return
            if self.clear[5] == 21:     # SSH_MSG_NEWKEYS
                self.phase = "auth"
                return
            self.clear = self.clear[4 + size:]

    def close(self, reset=False):
        if reset:
            self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                   struct.pack("ii", 1, 0))
        for s in (self.client, self.server):
            if s:
                s.close()


class Relay:
    def __init__(self, port, hole=None):
        self.target, self.hole = port, hole
        self.address = hole.address if hole else "127.0.0.1"
        self.port = 0
        self.lock = threading.RLock()
        self.connections = []
        self.armed = None               # (phase, fault)
        self.fault = None               # of new connections
        self.on_said = None             # called once, before the next bytes of a client go on
        self.listener = None
        self.ended = False
        self.wake_r, self.wake_w = os.pipe()
        self.listen()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def listen(self):
        s = self.hole.socket() if self.hole else socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((self.address, self.port))
        self.port = s.getsockname()[1]
        s.listen(16)
        self.listener = s

    def deaf(self):
        if self.listener:
            self.listener.close()
        self.listener = None

    # --- what a test does ---

    def arm(self, phase, fault):
        with self.lock:
            self.armed = (phase, fault)
            if phase == "connect":
                self.begin(fault)
            for c in self.connections:
                c.close(reset=True)
            self.connections = []
        self.wake()

    def strike(self, fault):
        with self.lock:
            self.begin(fault)
            for c in list(self.connections):
                self.hit(c, fault)
        self.wake()

    def strike_when_said(self, fault):
        """At the client's next bytes, which get through."""
        with self.lock:
            self.on_said = fault

    def heal(self):
        with self.lock:
            if self.fault == "black hole" or (self.armed and self.armed[1] == "black hole"):
                self.hole.swallow(False)
            self.armed = self.fault = self.on_said = None
            for c in list(self.connections):
                if c.fault:
                    self.drop(c, reset=True)
            if not self.listener:
                self.listen()
        self.wake()

    def close(self):
        with self.lock:
            self.ended = True
        self.wake()
        self.thread.join()
        for c in self.connections:
            c.close()
        self.deaf()
        os.close(self.wake_r)
        os.close(self.wake_w)

    # --- faults ---

    def begin(self, fault):
        """For whoever connects from now on."""
        self.fault = fault
        if fault == "refused":
            self.deaf()
        elif fault == "black hole":
            self.hole.swallow()

    def hit(self, c, fault):
        c.fault = fault
        if fault in ("refused", "reset"):
            self.drop(c, reset=fault == "reset")
        elif fault == "garbage":
            c.to_client += os.urandom(65536)

    def drop(self, c, reset=False):
        c.close(reset)
        if c in self.connections:
            self.connections.remove(c)

    def came_to(self, c, phase):
        if self.armed and self.armed[0] == phase and not c.fault:
            self.begin(self.armed[1])
            self.hit(c, self.armed[1])

    # --- the loop ---

    def wake(self):
        os.write(self.wake_w, b"x")

    def accept(self):
        client, _ = self.listener.accept()
        client.setblocking(False)
        if self.fault == "reset":
            Connection(client, None).close(reset=True)
            return
        if self.fault == "refused":
            client.close()
            return
        server = None
        if self.fault not in ("frozen", "garbage"):
            server = socket.create_connection(("127.0.0.1", self.target))
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        c = Connection(client, server)
        self.connections.append(c)
        if self.fault:
            self.hit(c, self.fault)

    def from_client(self, c):
        data = c.client.recv(65536)
        if not data:
            self.drop(c)
            return
        before = c.phase
        c.client_said(data)
        c.to_server += data
        if self.on_said:
            fault, self.on_said = self.on_said, None
            self.push(c.server, c, "to_server")
            self.strike(fault)
        elif c.phase != before:
            self.push(c.server, c, "to_server")
            self.came_to(c, c.phase)

    def from_server(self, c):
        data = c.server.recv(65536)
        if not data:
            self.push(c.client, c, "to_client")
            self.drop(c)
            return
        c.to_client += data
        if c.phase == "connect":
            self.push(c.client, c, "to_client")
            c.phase = "kex"
            self.came_to(c, "kex")

    def push(self, sock, c, what):
        data = getattr(c, what)
        if not data or not sock:
            return
        if what == "to_client" and c.fault == "slow":
            if time.monotonic() - c.last_byte < 1:
                return
            c.last_byte = time.monotonic()
            setattr(c, what, data[sock.send(data[:1]):])
            return
        setattr(c, what, data[sock.send(data):])

    def step(self):
        with self.lock:
            conns = list(self.connections)
            rd = [self.wake_r] + ([self.listener] if self.listener and
                                  self.fault != "black hole" else [])
            wr = []
            for c in conns:
                if c.fault in ("frozen", "black hole"):
                    continue
                if len(c.to_server) < 1 << 20:
                    rd.append(c.client)
                if c.server and len(c.to_client) < 1 << 20 and c.fault != "garbage":
                    rd.append(c.server)
                if c.to_client and c.fault != "slow":
                    wr.append(c.client)
                if c.to_server and c.server:
                    wr.append(c.server)
            slow = any(c.fault == "slow" and c.to_client for c in conns)
        r, w, _ = select.select(rd, wr, [], 0.1 if slow else 5)
        with self.lock:
            if self.wake_r in r:
                os.read(self.wake_r, 4096)
            if self.listener and self.listener in r:
                self.accept()
            for c in conns:
                try:
                    self.serve(c, r, w)
                except BlockingIOError:
                    pass
                except OSError:
                    self.drop(c)

    def serve(self, c, r, w):
        for sock, act in ((c.client, self.from_client), (c.server, self.from_server)):
            if sock in r and c in self.connections and not (
                    c.fault in ("frozen", "black hole")):
                act(c)
        if c not in self.connections:
            return
        if c.client in w or c.fault == "slow":
            self.push(c.client, c, "to_client")
        if c.server in w:
            self.push(c.server, c, "to_server")

    def run(self):
        while not self.ended:
            try:
                self.step()
            except (ValueError, OSError):
                pass                    # a socket was closed while it was waited for
