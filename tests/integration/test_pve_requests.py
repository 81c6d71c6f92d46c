#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Goal: whatever a client asks of the PVE host, only the six bare words are done.

Every case of tests/fixtures/verb-injection.jsonl that reaches the host, through a real
sshd with the forced command: commands byte for byte (wire-exec), other requests of the
SSH protocol (ssh-channel), variables that the client sends, with a sshd that takes them
all (client-env), and what the host program is up against (host-script).
"""
import json
import logging
import os
import re
import socket
import threading

from engine_rig import LIMIT, SRC, Failed, Rig, check, main, until

try:
    import paramiko
    from paramiko.message import Message
except ImportError:
    print("skipped: python3-paramiko is missing: it sends what no ssh client would")
    raise SystemExit(77)

logging.getLogger("paramiko").setLevel(logging.CRITICAL)    # a refusal is no news here
REPLY = b"rejected: send exactly one of status, forensics, start, stop, reset, cycle\n"
PTY = ("xterm", 80, 24, 0, 0, "")
BOLD = "() { :;}; touch %s/PWNED"


def cases(layer):
    with open(SRC + "/tests/fixtures/verb-injection.jsonl") as f:
        return [c for c in map(json.loads, f) if c["layer"] == layer]


def add_fields(m, fields):
    for f in fields:
        (m.add_boolean if isinstance(f, bool) else m.add_int if isinstance(f, int)
         else m.add_string)(f)


class Client:
    """One connection with the forced-command key."""

    def __init__(self, rig):
        self.rig = rig
        self.transport = paramiko.Transport(("127.0.0.1", rig.pve.port))
        self.transport.banner_timeout = self.transport.auth_timeout = 30
        self.transport.start_client(timeout=60)
        self.transport.auth_publickey(rig.env["BREAKGLASS_PVE_USER"],
                                      paramiko.Ed25519Key(filename=rig.key))

    def session(self):
        c = self.transport.open_session(timeout=60)
        c.settimeout(60)
        return c

    def ended(self, c):
        """(output, errors, exit status); the status is None when sshd gave none."""
        out, err = b"", b""
        while True:
            data = c.recv(65536)
            if not data:
                break
            out += data
        while True:
            data = c.recv_stderr(65536)
            if not data:
                break
            err += data
        rc = c.recv_exit_status()
        c.close()
        return out, err, None if rc == -1 else rc

    def run(self, command):
        c = self.session()
        c.exec_command(command)
        return self.ended(c)

    def request(self, c, kind, *fields, reply=True):
        """A channel request that paramiko has no function for; true when granted."""
        m = Message()
        m.add_byte(b"\x62")         # SSH_MSG_CHANNEL_REQUEST
        m.add_int(c.remote_chanid)
        m.add_string(kind)
        m.add_boolean(reply)
        add_fields(m, fields)
        if not reply:
            self.transport._send_user_message(m)
            return True
        c._event_pending()
        self.transport._send_user_message(m)
        try:
            c._wait_for_event()
        except paramiko.SSHException:
            return False
        return True

    def opens(self, kind, *fields):
        """True when sshd opens a channel of that kind."""
        try:
            if kind == "direct-tcpip":
                c = self.transport.open_channel(kind, fields[0], ("127.0.0.1", 1), timeout=60)
            else:
                c = self.open_raw(kind, *fields)
        except (paramiko.SSHException, EOFError, socket.error):
            return False
        c.close()
        return True

    def open_raw(self, kind, *fields):
        t = self.transport
        t.lock.acquire()
        try:
            number = t._next_channel()
            m = Message()
            m.add_byte(b"\x5a")     # SSH_MSG_CHANNEL_OPEN
            m.add_string(kind)
            m.add_int(number)
            m.add_int(1 << 20)
            m.add_int(1 << 15)
            add_fields(m, fields)
            c = paramiko.Channel(number)
            t._channels.put(number, c)
            t.channel_events[number] = event = threading.Event()
            t.channels_seen[number] = True
            c._set_transport(t)
            c._set_window(1 << 20, 1 << 15)
        finally:
            t.lock.release()
        t._send_user_message(m)
        if not event.wait(LIMIT) or t._channels.get(number) is None:
            raise paramiko.SSHException("refused")
        return c

    def close(self):
        self.transport.close()


class Host:
    """The rig's PVE host, and what has happened there since it was last asked."""

    def __init__(self, config=""):
        self.rig = Rig(devvm=False)
        with open(self.rig.pve.top + "/sshd_config", "a") as f:
            f.write(config)
        self.seen()

    def log(self):
        return self.rig.pve.read("log/breakglass.log")

    def seen(self):
        self.lines, self.calls = self.log().count("\n"), self.rig.pve.read("qm.calls")

    def new_lines(self):
        return self.log().splitlines()[self.lines:]

    def qm_was_called(self):
        return self.rig.pve.read("qm.calls") != self.calls

    def pwned(self):
        return os.path.exists(self.rig.pve.top + "/PWNED")


def with_host(config=""):
    def wrap(fn):
        def run():
            host = Host(config)
            try:
                fn(host)
            finally:
                host.rig.close()
        run.__name__, run.__doc__ = fn.__name__, fn.__doc__
        return run
    return wrap


def check_log(what, host, count):
    lines = host.new_lines()
    check(what + ": %d log line(s)" % count, len(lines) == count, lines)
    for line in lines:
        check(what + ": printable and cut", len(line) < 500 and
              all(" " <= ch <= "~" for ch in line), line)


def check_ran(what, host, verb, result, count=1):
    out, _, rc = result
    marks = re.findall(rb"^#bg result verb=(\w+) rc=(\d+)", out, re.M)
    check(what + ": runs exactly " + verb + " once", rc == 0 and
          marks == [(verb.encode(), b"0")], rc, out[-600:])
    check_log(what, host, count)


def check_refused(what, host, result):
    out, err, rc = result
    check(what + ": exit 2", rc == 2, rc, out, err)
    check(what + ": the reply is constant", out == b"" and err == REPLY, out, err)
    check_log(what, host, 1)
    check(what + ": nothing is executed", not host.qm_was_called() and not host.pwned())


# -- commands, byte for byte -----------------------------------------------------------

def payload(case):
    """The bytes: the corpus gives the first 64 of a long one, and its length."""
    data = bytes.fromhex(case["hex"])
    while data and len(data) < case["length"]:
        data += data[:case["length"] - len(data)]
    return data


def one_command(host, client, case):
    what, data = "%(id)s %(name)s" % case, payload(case)
    host.seen()
    result = client.run(data)
    words = [v for v in ("status", "forensics", "start", "stop", "reset", "cycle")
             if data in (v.encode(), v.encode() + b"\0")]    # sshd strips one last NUL
    if words:
        check(what + ": the corpus agrees", case["expect"].startswith("accepted"), case)
        check_ran(what, host, words[0], result)
    elif case["expect"].startswith("session fails"):
        check(what + ": fails before the host program", result[2] not in (0, 2), result)
        check(what + ": nothing is executed", not host.qm_was_called() and not host.new_lines())
    else:
        check_refused(what, host, result)


@with_host()
def test_commands(host):
    """each command of the corpus, byte for byte: six words are done, all else is refused"""
    client = Client(host.rig)
    tried = 0
    for case in cases("wire-exec"):
        one_command(host, client, case)
        tried += 1
    client.close()
    print("# %d commands" % tried)
    check("the corpus was read", tried > 70)
    check("QEMU runs", host.rig.pve.vm_runs())


# -- other requests ---------------------------------------------------------------------

def ask_shell(host, client):
    c = client.session()
    c.invoke_shell()
    check_refused("a shell", host, client.ended(c))


def ask_pty(host, client):
    check("a pty is refused", not client.request(client.session(), "pty-req", *PTY))
    check_log("a pty", host, 0)


def ask_pty_then_exec(host, client):
    c = client.session()
    client.request(c, "pty-req", *PTY, reply=False)
    c.exec_command("status")
    check_ran("a pty and then status", host, "status", client.ended(c))


def ask_agent(host, client):
    check("agent forwarding is refused",
          not client.request(client.session(), "auth-agent-req@openssh.com"))


def ask_x11(host, client):
    check("X11 is refused", not client.request(client.session(), "x11-req", False,
                                                    "MIT-MAGIC-COOKIE-1", "00", 0))


def ask_tcpip(host, client):
    check("a forward is refused", not client.opens(
        "direct-tcpip", ("127.0.0.1", host.rig.pve.port)))


def ask_streamlocal(host, client):
    check("a forward to a socket is refused", not client.opens(
        "direct-streamlocal@openssh.com", host.rig.pve.top + "/102.qmp", "", 0))


def ask_tun(host, client):
    try:
        check("a tunnel is refused", not client.opens("tun@openssh.com", 1, 0x7fffffff))
    except EOFError:
        pass                        # the whole connection is dropped: refused as well


def ask_listen(host, client):
    try:
        client.transport.request_port_forward("127.0.0.1", 0)
        raise Failed("a remote forward is granted")
    except paramiko.SSHException:
        pass


def ask_subsystem(host, client):
    c = client.session()
    try:
        c.invoke_subsystem("sftp")
    except paramiko.SSHException:
        return
    check_refused("a subsystem", host, client.ended(c))


def with_env(host, client, what, **env):
    """The variables arrive or not; status is done either way, and nothing else."""
    c = client.session()
    for name, value in env.items():
        client.request(c, "env", name.replace("__", "%"), value, reply=False)
    c.exec_command("status")
    check_ran(what, host, "status", client.ended(c))
    check(what + ": nothing of it is executed", not host.pwned())


def ask_env_lc(host, client):
    with_env(host, client, "LC_ALL", LC_ALL=BOLD % host.rig.pve.top)


def ask_env_lc_own(host, client):
    with_env(host, client, "LC_BREAKGLASS", LC_BREAKGLASS="cycle")


def ask_env_bashenv(host, client):
    with_env(host, client, "BASH_ENV", BASH_ENV=host.rig.pve.top + "/evil")


def ask_env_lcfunc(host, client):
    with_env(host, client, "a function", LC_BASH_FUNC_qm____=BOLD % host.rig.pve.top)


def ask_env_original(host, client):
    with_env(host, client, "SSH_ORIGINAL_COMMAND", SSH_ORIGINAL_COMMAND="cycle")


def ask_signal(host, client):
    c = client.session()
    host.rig.pve.hold("pending")
    c.exec_command("status")
    first = c.recv(4096)
    client.request(c, "signal", "KILL", reply=False)
    host.rig.pve.release("pending")
    out, err, rc = client.ended(c)
    check_ran("a signal", host, "status", (first + out, err, rc))


def ask_parallel(host, client):
    """As many sessions as sshd allows on one connection."""
    host.rig.pve.hold("stop")
    sessions = []
    for _ in range(20):
        try:
            c = client.session()
            c.exec_command("cycle")
            sessions.append(c)
        except paramiko.SSHException:
            break
    check("sshd allows some", len(sessions) >= 2)
    results = []
    threads = [threading.Thread(target=lambda c=c: results.append(client.ended(c)))
               for c in sessions]
    for t in threads:
        t.start()
    try:
        until("the others are told", lambda: len(results) >= len(sessions) - 1)
    finally:
        host.rig.pve.release("stop")
        for t in threads:
            t.join(LIMIT)
    codes = sorted(r[2] for r in results)
    check("one runs, the others are told who does",
          codes == [0] + [75] * (len(sessions) - 1), codes)
    check("they are told since when", all(b"holder_age_s=" in r[0] and b"holder_verb=cycle"
                                          in r[0] for r in results if r[2]))


def ask_disconnect(host, client):
    """The connection is gone between stop and start."""
    pve, old = host.rig.pve, host.rig.pve.vm_pid()
    pve.hold("start")
    c = client.session()
    c.exec_command("cycle")
    said = b""
    while b"phase=stopped" not in said:
        data = c.recv(65536)
        check("the cycle gets to its stop", data, said[-500:])
        said += data
    client.transport.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    pve.release("start")
    until("the VM runs", lambda: not os.path.exists(pve.top + "/run/now") and pve.vm_runs() and
          pve.vm_pid() != old)


def ask_stdin_flood(host, client):
    c = client.session()
    c.exec_command("status")

    def pour():
        try:
            for _ in range(100 * 16):
                c.sendall(bytes(65536))
        except OSError:
            pass                    # the command has ended and sshd closed the channel
    t = threading.Thread(target=pour, daemon=True)
    t.start()
    check_ran("100 MiB on standard input", host, "status", client.ended(c))
    t.join(LIMIT)


def ask_principals(host, client):
    """No certificate authority is trusted: there is no cert-authority line to match."""
    with open(host.rig.pve.top + "/authorized_keys") as f:
        check("no certificates are used", "cert-authority" not in f.read())


ASKS = {
    "agent-req": ask_agent, "direct-tcpip": ask_tcpip, "disconnect-fin": ask_disconnect,
    "disconnect-rst": ask_disconnect, "env-bashenv": ask_env_bashenv, "env-lc": ask_env_lc,
    "env-lc-own": ask_env_lc_own, "env-lcfunc": ask_env_lcfunc, "parallel": ask_parallel,
    "principals": ask_principals, "pty-req": ask_pty, "pty-then-exec": ask_pty_then_exec,
    "shell": ask_shell, "signal": ask_signal, "stdin-flood": ask_stdin_flood,
    "streamlocal": ask_streamlocal, "subsystem": ask_subsystem, "tcpip-forward": ask_listen,
    "tun": ask_tun, "x11-req": ask_x11, "env-original": ask_env_original,
}


def test_channels():
    """what else the SSH protocol can ask for: refused, or without effect"""
    named = {c["name"] for c in cases("ssh-channel")}
    check("every case of the corpus is tried", named <= set(ASKS), named - set(ASKS))
    for name in sorted(ASKS):
        host = Host("AcceptEnv LANG LC_*\n")
        client = Client(host.rig)
        try:
            ASKS[name](host, client)
            check("%s: QEMU runs" % name, host.rig.pve.vm_runs())
        except Failed as e:
            e.args = ("%s: %s" % (name, e.args[0]),) + e.args[1:]
            raise
        finally:
            client.close()
            host.rig.close()
    print("# %d kinds of request" % len(ASKS))


@with_host("AcceptEnv *\n")
def test_environment(host):
    """variables of the client, all of them let in by sshd: status is done, nothing else"""
    client = Client(host.rig)
    tried = 0
    for case in cases("client-env"):
        for name, value in case["payload"].items():
            host.seen()
            c = client.session()
            client.request(c, "env", name, value, reply=False)
            c.exec_command("status")
            what = "%s %s" % (case["id"], name)
            result = client.ended(c)
            if result[2] is None and name.startswith("LD_"):
                raise Failed(what + ": the dynamic linker of a static program was reached")
            check_ran(what, host, "status", result)
            tried += 1
    client.close()
    print("# %d variables" % tried)


@with_host()
def test_log_fails(host):
    """a log that is full or cannot be written: the verb runs, reply and syslog warn"""
    client, pve = Client(host.rig), host.rig.pve
    syslog = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    syslog.bind(pve.top + "/syslog")
    syslog.settimeout(10)
    for what, path in (("full", "/dev/full"), ("not writable", "/proc/nowhere/log")):
        for verb in ("status", "cycle"):
            pve.write_site(log=path, syslog=pve.top + "/syslog")
            old = pve.vm_pid()
            out, _, rc = client.run(verb)
            check(verb + " runs, log " + what, rc == 0 and
                  (verb == "status" or pve.vm_pid() != old), rc, out[-400:])
            lines = out.decode().splitlines()
            check("the reply warns, before the result", "#bg fact log=unwritten" in lines[:-1] and
                  any(w.startswith("warning: the log " + path) for w in lines) and
                  lines[-1].startswith("#bg result"), lines[-4:])
            line = syslog.recv(4096).decode()
            check("syslog has it, and says so", " verb=%s rc=0 " % verb in line and
                  line.endswith("(the log file did not take this)"), line)
    client.close()


main([test_log_fails, test_commands, test_channels, test_environment])
