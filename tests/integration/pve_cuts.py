# SPDX-License-Identifier: GPL-3.0-or-later
"""pve_cuts: a cycle of the host program, cut at a line of its output.

By FIN, by RST, by SIGKILL of the client, by SIGKILL of the engine, or by a network
that drops every packet from then on and tells nobody.
"""
import socket
import struct
import subprocess
import threading

MODES = ("fin", "rst", "client", "engine", "drop")


class Relay:
    """One TCP connection passed on between a client and a host, until it is cut."""

    def __init__(self, port):
        self.to = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.ends, self.dropping, self.closed = [], False, False
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        try:
            near, _ = self.listener.accept()
            far = socket.create_connection(("127.0.0.1", self.to))
        except OSError:
            return
        self.ends = [near, far]
        for a, b in ((near, far), (far, near)):
            threading.Thread(target=self.pump, args=(a, b), daemon=True).start()

    def pump(self, a, b):
        try:
            while True:
                data = a.recv(65536)
                if not data:
                    break
                if not self.dropping:
                    b.sendall(data)
        except OSError:
            pass

    def fin(self):
        for s in self.ends:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def rst(self):
        for s in self.ends:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            # shutdown wakes the pumps; what then closes with a linger of 0 is a reset
            try:
                s.shutdown(socket.SHUT_RD)
            except OSError:
                pass
            s.close()

    def drop(self):
        """Nothing passes any more, and nobody is told."""
        self.dropping = True

    def close(self):
        self.listener.close()
        self.fin()


class Site:
    """Where the PVE host is, and with which key."""

    def __init__(self, port, user, key, home):
        self.port, self.user, self.key, self.home = port, user, key, home

    def ssh(self, *words, port=None):
        """A plain client; its output is a pipe."""
        return subprocess.Popen(
            ["ssh", "-F", "none", "-p", str(port or self.port), "-i", self.key, "-o",
             "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "LogLevel=ERROR",
             "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
             "-o", "GlobalKnownHostsFile=/dev/null", "%s@127.0.0.1" % self.user, *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin", "HOME": self.home})


def cut_client(site, mode, reached, wait):
    """A client's cycle is cut when reached(lines) is true; wait() returns when the
    host has ended it.  Returns the run's name, or "" when it was not told yet."""
    relay = Relay(site.port)
    p = site.ssh("cycle", port=relay.port)
    lines = []
    try:
        while not reached(lines):
            line = p.stdout.readline().decode()
            if not line:
                break
            lines.append(line)
        if mode == "client":
            p.kill()
        else:
            getattr(relay, mode)()
        wait()
    finally:
        p.kill()
        p.wait()
        p.stdout.close()
        relay.close()
    return next((w.split("id=")[1].split()[0] for w in lines if w.startswith("#bg run ")), "")


def cut_engine(rig, reached, wait):
    """The same by an engine, which is killed.  The name is the one it journaled."""
    e = rig.start()
    c = rig.console()
    rig.link(c, "pve", "up")
    rig.verb(c, "cycle")
    lines, text, name = [], "", ""
    while not reached(lines):
        f = c.expect(where=lambda f: f["t"] in ("output", "verb"))
        if f["t"] == "output":
            *whole, text = (text + f.get("data", "")).split("\n")
            lines += whole
        elif f.get("host_run"):
            name = f["host_run"]
        elif f["state"] == "finished":
            break
    e.kill()
    e.wait()
    c.close()
    wait()
    return name
