#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""breakglass drill, with a lab of fakes: what it may speak to, what it leaves, how it ends."""
import glob
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import (BUILD, LIMIT, PROGRAM, SRC, Skip, alive, check, main, until,  # noqa: E402
                        with_rig)
from thin_pty import Screen, Thin  # noqa: E402

MUTATING = ("start", "stop", "reset", "cycle")


def lab(rig, made="", **env):
    """A lab in a data folder of the rig's own, whose hosts are the rig's."""
    data = rig.dir + "/data"
    os.makedirs(data + "/lab")
    shutil.copy(SRC + "/tests/fakes/lab", data + "/lab/lab")
    os.symlink(SRC + "/agents", data + "/agents")
    names = ("DEVVM_HOST", "DEVVM_PORT", "DEVVM_USER", "PVE_HOST", "PVE_PORT", "PVE_USER",
             "KEY_PATH")
    values = {"BREAKGLASS_" + n: rig.env["BREAKGLASS_" + n] for n in names}
    values["BREAKGLASS_PVE_HOSTKEY"] = rig.dir + "/pve/hostkey.pub"
    values.update(env)
    with open(data + "/lab/env", "w") as f:
        f.writelines("export %s='%s'\n" % kv for kv in values.items() if kv[1])
    with open(data + "/lab/made", "w") as f:
        f.write(made)
    # where the operator's own settings lead is nowhere
    own = dict(rig.env, BREAKGLASS_DATA_DIR=data, TMPDIR=rig.dir,
               BREAKGLASS_SESSIONS_DIR=rig.dir + "/own", BREAKGLASS_RUN_DIR=rig.dir + "/own-run",
               BREAKGLASS_PVE_HOST="192.0.2.1", BREAKGLASS_DEVVM_HOST="192.0.2.2",
               BREAKGLASS_KEY_PATH="/nonexistent/key")
    return own, data + "/lab"


def calls(place):
    with open(place + "/calls") as f:
        return f.read().split("\n")[:-1]


def mine(rig):
    """Processes that were started in a room of this rig's drills."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/environ" % name, "rb") as f:
                if ("BREAKGLASS_RUN_DIR=%s/breakglass-drill." % rig.dir).encode() in f.read() \
                        and alive(int(name)):
                    found.append(int(name))
        except OSError:
            pass
    return found


def nothing_left(rig, place):
    until("no process of the drill lives", lambda: not mine(rig))
    check("its lab is down", not os.path.exists(place + "/is-up"), calls(place))
    check("its room is gone", not glob.glob(rig.dir + "/breakglass-drill.*"))


def listener():
    """Somebody on an address of this machine that is not loopback."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        s.connect(("192.0.2.1", 9))     # sends nothing, asks which address would be ours
        address = s.getsockname()[0]
    except OSError:
        raise Skip("this machine has no address but loopback")
    finally:
        s.close()
    server = socket.socket()
    server.bind((address, 0))
    server.listen(8)
    came = []

    def serve():
        while True:
            try:
                came.append(server.accept())
            except OSError:
                return
    threading.Thread(target=serve, daemon=True).start()
    return server, address, server.getsockname()[1], came


@with_rig()
def recovers(rig):
    """--auto: the wedge, triage, the advised key, the proof; report, journal and record are 0600"""
    own, place = lab(rig, made='"%s/qm" stop\n' % rig.pve.top)
    with open(rig.dir + "/conf", "w") as f:
        f.write("pve_verb_timeout_seconds = 77\nnotify_command = /usr/bin/touch %s/notified\n"
                "pve_host = 192.0.2.9\noperators = %s/operators\noperators_group = nobody-has-it\n"
                "credentials = /nonexistent/htpasswd\n" % (rig.dir, rig.dir))
    with open(rig.dir + "/operators", "w") as f:        # a team's, and who drills is not in it
        f.write("uid:%d drive\n" % (os.getuid() + 1))
    own["BREAKGLASS_CONFIG"] = rig.dir + "/conf"
    c = rig.cli("drill", "powered-off", "--auto", "--json", env=own, limit=90)
    check("it is recovered", c.returncode == 0, c.stdout, c.stderr)
    m = json.loads(c.stdout)
    check("one object says how", m["ok"] and m["verb"] == "start" and m["wedge"] == "powered-off" and
          m["limits"]["running"] == 77000, m)
    order = [m["steps"][k] for k in ("key", "sent", "running", "ssh", "proven")]
    check("its steps are in order", order == sorted(order) and order[-1] == m["total_ms"], m)
    names = sorted(os.listdir(rig.dir + "/own"))
    check("three files are left, and no incident", len(names) == 3 and names[2] == "drills.jsonl" and
          names[0].endswith(".jsonl") and names[1].endswith(".md"), names)
    for name in names:
        check("nobody else may read " + name,
              os.stat(rig.dir + "/own/" + name).st_mode & 0o7777 == 0o600)
    record = json.loads(open(rig.dir + "/own/drills.jsonl").read())
    check("the record", record["kind"] == "lab" and record["ok"] and record["report"] == names[1] and
          record["total_ms"] == m["total_ms"], record)
    report = open(m["report"]).read()
    for text in ("# Drill: powered-off, recovered", "77.0 s", "start: confirmed",
                 "The runbook named first: start", "# Post-mortem"):
        check("the report has %r" % text, text in report, report)
    v = rig.cli("journal", "verify", m["journal"], env=own)
    check("the journal that it kept is whole", v.returncode == 0, v.stdout, v.stderr)
    check("nobody was notified, no address of the operator's was in it",
          not os.path.exists(rig.dir + "/notified") and "192.0.2" not in open(m["journal"]).read())
    nothing_left(rig, place)


@with_rig()
def nobody_let_in(rig):
    """an engine that lets nobody in is told as that, and not as a host without an answer"""
    own, place = lab(rig)
    libexec = rig.dir + "/libexec"
    os.mkdir(libexec)
    real = os.path.realpath(BUILD + "/libexec")
    for name in os.listdir(real):
        if name != "engine":
            os.symlink("%s/%s" % (real, name), "%s/%s" % (libexec, name))
    with open(libexec + "/engine", "w") as f:
        f.write("#!/bin/sh\nBREAKGLASS_OPERATORS=/nonexistent exec %s/engine \"$@\"\n" % real)
    os.chmod(libexec + "/engine", 0o755)
    c = rig.cli("drill", "powered-off", "--auto", env=dict(own, BREAKGLASS_LIBEXEC_DIR=libexec), limit=60)
    check("no access", c.returncode == 77, c)
    check("says who refused", "the drill's engine let nobody in" in c.stderr and
          "gave no status" not in c.stderr, c.stderr)
    nothing_left(rig, place)


@with_rig()
def beside_a_real_engine(rig):
    """again: compared with the last one; the engine that really runs sees nothing of it"""
    own, place = lab(rig, made='"%s/qm" stop\n' % rig.pve.top)
    own.update(BREAKGLASS_RUN_DIR=rig.run_dir, BREAKGLASS_SESSIONS_DIR=rig.sessions)
    rig.start()
    with open(rig.sessions + "/drills.jsonl", "w") as f:
        f.write('{"t":"drill","kind":"lab","at":"2026-01-31T03:00:00.000Z","ok":true,'
                '"wedge":"powered-off","total_ms":27000,"steps":{"sent":9000}}\n')
    inside = sorted(os.listdir(rig.run_dir))
    c = rig.cli("drill", "powered-off", "--auto", env=own, limit=90)
    check("it is recovered", c.returncode == 0 and "recovered: VM 102 runs" in c.stdout and
          "nothing is left running" in c.stdout, c)
    summary = c.stdout.split("recovered: VM")[-1].split("\n")[1:10]
    check("the summary fits into 40 columns", not [x for x in summary if len(x) > 40 and "/" not in x],
          summary)
    check("it is compared", any("the last drill" in x and "27.0 s" in x for x in summary), summary)
    check("in the report, too", "| 9.0 s |" in
          open(glob.glob(rig.sessions + "/drill-*.md")[0]).read())
    check("two records", len(open(rig.sessions + "/drills.jsonl").readlines()) == 2)
    check("the run directory is as it was", sorted(os.listdir(rig.run_dir)) == inside)
    check("no incident was opened", not rig.journals(), rig.journals())
    check("the real engine answers", rig.cli("ping").returncode == 0)
    nothing_left(rig, place)


def typed(line, wait, keys, limit=LIMIT):
    """Keys, once the screen shows what they are for."""
    def shown():
        s = Screen(line.cols, line.rows)
        s.feed(bytes(line.data))
        return wait in s.text()
    check("the screen shows %r" % wait, line.pump(limit, shown), bytes(line.data)[-3000:])
    line.pump(0.4)                      # a box is deaf for 300 ms
    line.type(keys)


@with_rig()
def manned(rig):
    """an operator at the real screen, 40 columns: the clock, what he pressed, and a drill in vain"""
    own, place = lab(rig, made='echo paused >"%s/mode"\n' % rig.pve.top)
    own["TERM"] = "xterm"
    for keys in True, False:
        with open(place + "/holds", "w") as f:
            f.write("over" if keys else "holds")
        with Thin([PROGRAM, "--as", "ann", "drill", "any" if keys else "powered-off"], env=own,
                  cwd=rig.dir, size="40x18") as line:
            typed(line, "Enter opens it", "\r")
            if keys:
                typed(line, "running", "\x1b3")
                typed(line, "verdict: paused", "\x1b4")
                typed(line, "start VM 102?", "y")
                until("it is resumed", lambda: line.pump(0.02) or rig.pve.calls("resume"))
            typed(line, "VM 102", "\x1b0")
            check("it ends", line.pump(60, lambda: b"nothing is left" in line.data),
                  bytes(line.data)[-2000:])
            line.pump(5, lambda: line.status is not None)
        record = json.loads(open(rig.dir + "/own/drills.jsonl").readlines()[-1])
        report = open(rig.dir + "/own/" + record["report"]).read()
        check("on record", record["ok"] == keys and record["wedge"] == "powered-off", record, report)
        check("what was pressed", not keys or ("start: asked" in report and "at the console" in report),
              report)
        check("what was not", keys or ("Nothing." in report and "what helps: start" in report), report)
        check("the question of its own is not the operator's", keys or
              "forensics: asked" not in report, report)
        nothing_left(rig, place)
        if keys:
            untold, told = bytes(line.data).split(b"recovered: VM")
            check("the real name stays untold until the end",
                  b"powered-off" not in untold and b"powered-off" in told, untold[-2000:])


def refused(rig, own, place, came, word):
    c = rig.cli("drill", "--auto", "powered-off", env=own)
    check("%s: refused" % word, c.returncode == 64 and "is not on this machine" in c.stderr and
          word in c.stderr, c)
    check("%s: nobody was spoken to" % word, not came and not rig.pve.sshds() and
          not rig.devvm.sshds(), came)
    check("%s: no wedge was made" % word, not any(x.startswith("wedge ") for x in calls(place)))
    check("%s: no record" % word, not os.path.exists(rig.dir + "/own/drills.jsonl"))
    nothing_left(rig, place)


@with_rig()
def only_loopback(rig):
    """a target outside loopback ends it before anything is sent: by lab, environment, file"""
    server, address, port, came = listener()
    with socket.create_connection((address, port), 5):
        until("the listener hears", lambda: came)
    came.clear()
    # the lab itself names another machine
    own, place = lab(rig, BREAKGLASS_PVE_HOST=address, BREAKGLASS_PVE_PORT=str(port))
    refused(rig, own, place, came, "pve_host")
    # the lab is silent about one, and the operator's own settings would be used
    for how in "environment", "file":
        shutil.rmtree(rig.dir + "/data")
        own, place = lab(rig, BREAKGLASS_DEVVM_HOST="", BREAKGLASS_DEVVM_PORT=str(port))
        own["BREAKGLASS_DEVVM_HOST"] = address
        if how == "file":
            del own["BREAKGLASS_DEVVM_HOST"]
            with open(rig.dir + "/conf", "w") as f:
                f.write("devvm_host = %s\n" % address)
            own["BREAKGLASS_CONFIG"] = rig.dir + "/conf"
        refused(rig, own, place, came, "devvm_host")
    # and the address that looks like loopback is none
    shutil.rmtree(rig.dir + "/data")
    own, place = lab(rig, BREAKGLASS_PVE_HOST="::ffff:192.0.2.1")
    refused(rig, own, place, came, "pve_host")
    server.close()


@with_rig(devvm=False, pve=False)
def only_the_labs_word(rig):
    """behind a tunnel the real hosts are loopback, too: nothing that the lab left unsaid is used"""
    for name in "PVE_PORT", "KEY_PATH", "PVE_HOSTKEY", "DEVVM_USER", "PVE_HOST":
        shutil.rmtree(rig.dir + "/data", ignore_errors=True)
        own, place = lab(rig, **{"BREAKGLASS_" + name: ""})
        own.update(BREAKGLASS_PVE_HOST="127.0.0.1", BREAKGLASS_DEVVM_HOST="127.0.0.1")
        c = rig.cli("drill", "--auto", "powered-off", env=own)
        check("%s: refused" % name, c.returncode == 64 and
              "the lab did not say BREAKGLASS_%s," % name in c.stderr, c)
        check("%s: no wedge was made" % name, not any(x.startswith("wedge ") for x in calls(place)))
        nothing_left(rig, place)


@with_rig()
def engine_dies(rig):
    """its engine is killed and another comes in its place: that one ends with the drill, too"""
    own, place = lab(rig, made='touch "$here/making"\n'
                     'until [ -e "$here/go" ]; do sleep 0.1; done\nexit 1\n')
    p = rig.popen("drill", "--auto", "powered-off", env=own)
    until("it makes its wedge", lambda: os.path.exists(place + "/making"))
    room = glob.glob(rig.dir + "/breakglass-drill.*")[0]
    inside = dict(own, BREAKGLASS_RUN_DIR=room + "/run", BREAKGLASS_SESSIONS_DIR=room + "/sessions")

    def engine():
        c = rig.cli("ping", "--json", env=inside)
        return json.loads(c.stdout)["pid"] if c.returncode == 0 else 0
    os.kill(engine(), signal.SIGKILL)
    until("it is dead", lambda: not engine())
    c = rig.cli("engine", "--ensure", env=inside)
    check("another one runs", c.returncode == 0 and alive(engine()), c)
    with open(place + "/go", "w"):
        pass
    out, err = p.communicate(timeout=LIMIT)
    check("it ends, in vain", p.returncode == 1, p.returncode, out, err)
    nothing_left(rig, place)


@with_rig()
def kept(rig):
    """--keep: the lines that it prints keep the room's settings, and delete the room alone"""
    tmp = rig.dir + "/a b's"
    os.makedirs(tmp)
    os.mkdir(rig.dir + "/a")
    own, place = lab(rig, made='"%s/qm" stop\n' % rig.pve.top)
    own.update(TMPDIR=tmp, XDG_CONFIG_HOME=rig.dir + "/con'fig", BREAKGLASS_NOTIFY_COMMAND="/bin/true")
    c = rig.cli("drill", "powered-off", "--auto", "--keep", env=own, limit=90)
    check("it is recovered, and the lab is up", c.returncode == 0 and
          os.path.exists(place + "/is-up"), c)
    room = glob.glob(tmp + "/breakglass-drill.*")[0]
    check("nobody else may read the settings", os.stat(room).st_mode & 0o777 == 0o700)
    look, end = [x.strip() for x in c.stdout.split("\n") if x.startswith("    (. ")]

    def later(line):
        """In another shell, where nothing is set, and where the operator's own would be."""
        return subprocess.run(["/bin/sh", "-c", line], text=True, capture_output=True, timeout=60,
                              env=dict(PATH="/usr/bin:/bin", HOME=rig.dir, LC_ALL="C.UTF-8",
                                       BREAKGLASS_NOTIFY_COMMAND="/bin/false",
                                       BREAKGLASS_PVE_HOST="192.0.2.1"))
    r = later(look.replace(shlex.quote(PROGRAM), "env"))
    for line in ("BREAKGLASS_NOTIFY_COMMAND=", "BREAKGLASS_SYSLOG=", "BREAKGLASS_OPERATORS=", "BREAKGLASS_AGENT_UID=0",
                 "BREAKGLASS_AGENT_DIR=", "BREAKGLASS_DEVVM_HOSTKEY=", "BREAKGLASS_PVE_HOST=127.0.0.1",
                 "BREAKGLASS_RUN_DIR=%s/run" % room, "XDG_CONFIG_HOME=%s/con'fig" % rig.dir,
                 "BREAKGLASS_DATA_DIR=%s/data" % rig.dir,
                 "BREAKGLASS_LIBEXEC_DIR=" + own["BREAKGLASS_LIBEXEC_DIR"]):
        check("later: " + line, line in r.stdout.split("\n"), look, r)
    r = later(look.replace(")", " engine --ensure && %s ping --json)" % shlex.quote(PROGRAM)))
    check("an engine is started there", r.returncode == 0, r)
    pid = json.loads(r.stdout)["pid"]
    r = later(end)
    until("that engine ends", lambda: not alive(pid))
    check("it ends it", r.returncode == 0 and not os.path.exists(place + "/is-up") and
          not os.path.exists(room), end, r)
    check("and nothing else", os.path.isdir(rig.dir + "/a") and os.path.isdir(tmp))


@with_rig()
def interrupted(rig):
    """TERM, INT and KILL in the middle leave no process, and but for KILL no lab"""
    for how in signal.SIGTERM, signal.SIGINT, signal.SIGKILL:
        shutil.rmtree(rig.dir + "/data", ignore_errors=True)
        own, place = lab(rig, made='touch "$here/making"; exec sleep 100\n')
        p = rig.popen("drill", "--auto", "powered-off", env=own)
        until("it makes its wedge", lambda: os.path.exists(place + "/making"))
        check("engine and lab are there", len(mine(rig)) >= 2, mine(rig))
        p.send_signal(how)
        out, err = p.communicate(timeout=LIMIT)
        if how == signal.SIGKILL:
            until("no process of the drill lives", lambda: not mine(rig))
            continue
        check("it says by which signal", p.returncode == 128 + how, p.returncode, out, err)
        check("no record", not os.path.exists(rig.dir + "/own/drills.jsonl"))
        nothing_left(rig, place)


@with_rig(devvm=False, pve=False)
def wrong_use(rig):
    """what it does not take, what is missing: 64 and 69, each with what to do"""
    own, place = lab(rig)

    def ends(code, word, *words, **env):
        c = rig.cli("drill", *words, env=dict(own, **env))
        check("drill %s: %d, %s" % (" ".join(words), code, word), c.returncode == code and
              re.search(word, c.stderr), c)
    ends(64, "no terminal.*--auto")
    ends(64, "--list has them", "--auto", "moon")
    ends(64, "moon", "--moon")
    ends(64, r"<U\+001B>", "--auto", "\x1b[2J")
    ends(64, "--site looks", "--site", "--auto")
    ends(64, "one wedge", "--auto", "a", "b")
    ends(64, "--credential-fd is for --site alone", "--auto", "--credential-fd", "0")
    ends(69, "there is no lab.*make install", "--auto", BREAKGLASS_DATA_DIR="/nonexistent")
    # as it is installed: the list of packages lies in contrib, beside the lab
    shutil.copy(SRC + "/contrib/lab/deps", place)
    os.mkdir(rig.dir + "/data/contrib")
    with open(rig.dir + "/data/contrib/deps", "w") as f:
        f.write('#!/bin/sh\necho "all of them: $*"\nexit 4\n')
    os.chmod(rig.dir + "/data/contrib/deps", 0o755)
    r = subprocess.run([place + "/deps"], capture_output=True, text=True)
    check("an installed lab has its list", (r.returncode, r.stdout) == (4, "all of them: install lab\n"), r)
    check("which is installed", re.search(r"(?m)^nobase_dist_pkgdata_SCRIPTS.*contrib/deps", open(
        SRC + "/contrib/module.am").read()))
    with open(place + "/up.fails", "w") as f:
        f.write("4")
    ends(69, "packages are missing", "--auto", "powered-off")
    os.unlink(place + "/up.fails")
    os.chmod(rig.dir + "/own", 0o777)
    ends(77, "own", "--auto", "powered-off")
    c = rig.cli("drill", "--list", env=own)
    check("--list", c.returncode == 0 and "powered-off: start, cycle" in c.stdout, c)
    c = rig.cli("drill", "--list", "--json", env=own)
    check("--list --json", [json.loads(x)["wedge"] for x in c.stdout.splitlines()] ==
          ["powered-off", "service"], c)
    with open(place + "/lab") as f:
        text = f.read().replace("app.service has failed", "\\\\u001b[2J" + "\u00fc" * 90)
    with open(place + "/lab", "w") as f:
        f.write(text)
    c = rig.cli("drill", "--list", env=own)
    check("what the lab says is scrubbed, and cut at a character", c.returncode == 0 and
          "\x1b" not in c.stdout and "\u00fc\u2026\n" in c.stdout and "\ufffd" not in c.stdout, c)


def site(rig, *words, env=None):
    c = rig.cli("drill", "--site", "--json", *words, env=env, limit=120)
    return c, [json.loads(x) for x in c.stdout.splitlines()]


def only_looked(rig):
    log = rig.pve.read("log/breakglass.log")
    verbs = re.findall(r"\b(status|forensics|start|stop|reset|cycle)\b", log)
    check("the host was asked for status and forensics alone",
          "forensics" in verbs and not set(verbs) & set(MUTATING), log)
    check("qm did nothing", not any(rig.pve.calls(w) for w in ("stop", "reset", "resume")) and
          rig.pve.calls("start") == 1, rig.pve.read("qm.calls"))     # the rig's own


@with_rig()
def looks_at_the_site(rig):
    """--site: status, forensics, the seven rungs; nothing else is on the wire, an engine or none"""
    pid = rig.pve.vm_pid()
    for engine in False, True:
        if engine:
            until("the first one has left", lambda: rig.cli("ping").returncode == 69)
            rig.start()
        c, lines = site(rig)
        steps = {m["step"]: m for m in lines if m["t"] == "step"}
        check("each step, engine %s" % engine, all(k in steps for k in (
            "engine", "status", "vm", "pve", "forensics", "tcp", "banner", "kex", "auth", "exec",
            "sudo", "disk", "verdict")), c)
        check("the rungs are reached, with ms", all(
            steps[k]["ok"] and steps[k]["ms"] >= 0 for k in ("tcp", "auth", "sudo", "disk")), c)
        check("the verdict decides", c.returncode == (0 if steps["verdict"]["ok"] else 1), c)
        last = lines[-1]
        check("the last word", last["t"] == "drill" and last["kind"] == "site" and
              last["ok"] == steps["verdict"]["ok"] and last["total_ms"] > 0, last)
        report = open(last["report"]).read()
        check("the report", "| disk | ok |" in report and "No verb that changes" in report, report)
        check("it is 0600", os.stat(last["report"]).st_mode & 0o7777 == 0o600)
        check("the engine that ran goes on", not engine or rig.cli("ping").returncode == 0)
    records = [json.loads(x) for x in open(rig.sessions + "/drills.jsonl")]
    check("two records of kind site", [r["kind"] for r in records] == ["site"] * 2 and
          "wedge" not in records[0], records)
    check("the record is 0600", os.stat(rig.sessions + "/drills.jsonl").st_mode & 0o7777 == 0o600)
    only_looked(rig)
    check("QEMU is the same", rig.pve.vm_pid() == pid and alive(pid))
    check("two incidents", len(rig.journals()) == 2, rig.journals())
    for journal in rig.journals():      # of its own engine, and of the one that goes on
        closed = rig.journal(journal)
        check("an incident of its own was closed again", closed[-1]["t"] == "incident" and
              closed[-1]["state"] == "closed", closed[-3:])
    rig.console("ann")
    c = rig.cli("drill", "--site", limit=120, env=dict(rig.env, COLUMNS="40"))
    check("with somebody there it stays open, which is said", "stays open: a console" in
          " ".join(c.stdout.split()) and
          not [r for r in rig.journal() if r.get("state") == "closed"], c)
    check("for a person, on 40 columns", "forensics" in c.stdout and "the last look" in c.stdout and
          not [x for x in c.stdout.splitlines() if len(x) > 40 and "/" not in x], c.stdout)


@with_rig()
def site_in_pieces(rig):
    """--site: a devvm, and with BG_LONG a PVE host, that is not there: told, and on record"""
    rig.devvm.refuse()
    with open(rig.pve.top + "/mode", "w") as f:
        f.write("paused\n")
    c, lines = site(rig)
    check("no devvm: the rungs that are not reached", c.returncode == 1 and
          [m["ok"] for m in lines if m.get("step") == "kex"] == [False] and not lines[-1]["ok"], c)
    check("its report says what was not written", "nothing was written there" in
          open(lines[-1]["report"]).read())
    check("a paused VM is no ok", [m["ok"] for m in lines if m.get("step") == "vm"] == [False], c)
    if os.environ.get("BG_LONG"):           # the engine waits 15 s for its link, twice
        rig.devvm.back()
        rig.pve.refuse()
        rig.pve.cut()
        c, lines = site(rig)
        check("no PVE host: 69", c.returncode == 69 and not lines[-1]["ok"] and
              [m["ok"] for m in lines if m.get("step") == "status"] == [False] and
              not [m for m in lines if m.get("step") == "vm"], c)
    check("it is on record", not json.loads(open(rig.sessions + "/drills.jsonl")
                                            .readlines()[-1])["ok"])


@with_rig()
def hostile_record(rig):
    """a record that is huge, cut and full of control bytes is read to its end, and no further"""
    os.mkdir(rig.sessions, 0o700)
    with open(rig.sessions + "/drills.jsonl", "wb") as f:
        f.write(b'{"t":"drill","kind":"site","at":"2026-01-31T03:00:00.000Z","ok":true}\n')
        for _ in range(8):
            f.write(b"\x1b]0;owned\x07" * 40000 + b"\n")
        f.write(b'{"t":"drill","kind":"site","at":"2026-02-03T03:00:00.000Z","ok":false,'
                b'"wedge":"\\u001b[2J","version":"\\u202e"}\n{"t":"dri')
    c = rig.cli("drill", "--site", limit=120)
    check("the last one is told, nothing of it acts", "the last look: 2026-02-03, not ok" in c.stdout
          and "\x1b" not in c.stdout + c.stderr, c)
    check("its line stands alone", json.loads(open(rig.sessions + "/drills.jsonl", "rb")
                                              .read().split(b"\n")[-2])["kind"] == "site")


main([recovers, nobody_let_in, beside_a_real_engine, manned, only_loopback, only_the_labs_word, engine_dies, kept,
      interrupted, wrong_use, looks_at_the_site, site_in_pieces, hostile_record])
