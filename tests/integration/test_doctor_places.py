#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""breakglass where it is not one user's alone: a team's jump host as its README.Debian sets
it up, and a pod's image, which has neither bootstrap nor a lab.

What doctor says there never takes a file away from the engine, and names no command that is
not there; each who may look back can.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import BUILD, ENGINE, PROGRAM, SRC, Skip, check, main, until, with_rig  # noqa: E402
from test_agent_uid import A, SHARED, as_uid  # noqa: E402
from test_doctor import bad, doctor, drills, known  # noqa: E402
from test_engine_oldhost import OLD  # noqa: E402

ANN = 61004                             # an operator, in the group
THEIRS = ("key", "operators", "credentials", "sessions_dir", "disk")


def unit(rig):
    """The environment that the machine's unit gives its engine, and its home's other name."""
    text = open(SRC + "/packaging/systemd/breakglass-engine.service.in").read()
    env = dict(w.split("=", 1) for line in re.findall(r"(?m)^Environment=(.*)$", text) for w in line.split())
    home = re.search(r"(?m)^u _breakglass - \".*\" (\S+)$", open(
        SRC + "/packaging/debian/breakglass-engine.sysusers").read()).group(1)
    check("sudo finds the same home", env == dict(HOME="%S/breakglass-engine") and
          home == "/var/lib/breakglass-engine", env, home)
    return {k: v.replace("%S/breakglass-engine", rig.dir + "/state") for k, v in env.items()}


def migrated(rig):
    """The unit moves a journal of before to where it is looked for, and nothing else."""
    text = open(SRC + "/packaging/systemd/breakglass-engine.service.in").read()
    line = re.search(r"(?m)^ExecStartPre=-/bin/sh -c '(.*)'$", text).group(1)
    home = rig.dir + "/old-home"
    os.makedirs(home + "/journal/incidents")
    os.makedirs(home + "/.local/state/breakglass")
    with open(home + "/.local/state/breakglass/history", "w") as f:
        f.write("somebody was at the console before\n")

    def run():
        return subprocess.run(["/bin/sh", "-c", line], env=dict(HOME=home, PATH="/usr/bin:/bin"), cwd="/")
    check("moved", run().returncode == 0 and os.path.isdir(home + "/.local/state/breakglass/incidents") and
          not os.path.exists(home + "/journal"))
    run()
    os.mkdir(home + "/journal")
    run()
    check("once", sorted(os.listdir(home + "/.local/state/breakglass")) == ["history", "incidents"] and
          os.path.isdir(home + "/journal"))


def jump_host(rig):
    """README.Debian's steps; returns the environment of one of its users."""
    if os.getuid() != 0 or not shutil.which("setpriv"):
        raise Skip("needs root and setpriv to become other uids")
    if subprocess.run([*as_uid(ANN), "test", "-x", ENGINE], cwd="/").returncode:
        raise Skip("other uids cannot reach %s" % ENGINE)
    rig.top = tempfile.mkdtemp(prefix="bg", dir="/run")     # below /tmp no directory is believed
    os.chmod(rig.top, 0o755)
    os.chmod(rig.dir, 0o711)
    rig.run_dir, etc, state = rig.top + "/run", rig.dir + "/etc", rig.dir + "/state"
    rig.socket = rig.run_dir + "/console.sock"
    for path in (etc, state, rig.run_dir):
        os.mkdir(path, 0o700)
    rig.sessions = state + "/.local/state/breakglass"
    os.makedirs(rig.sessions, 0o700)
    known(rig)
    drills(rig)
    shutil.copy(rig.key, etc + "/key")
    with open(etc + "/operators", "w") as f:
        f.write("uid:%d drive ann\n" % ANN)
    with open(etc + "/htpasswd", "w") as f:
        f.write("night:$2b$12$" + "a" * 53 + "\n")
    os.chmod(etc + "/key", 0o600)
    os.chmod(etc + "/operators", 0o644)
    os.chmod(etc + "/htpasswd", 0o600)
    for top in (etc, state, rig.run_dir):
        for path, _, names in os.walk(top):
            for p in [path] + [path + "/" + n for n in names]:
                os.chown(p, A, A)
    with open(rig.dir + "/breakglass.conf", "w") as f:      # everybody may read it
        f.write("run_dir = %s\noperators_group = %d\noperators = %s/operators\ncredentials = %s/htpasswd\n"
                "key_path = %s/key\n" % (rig.run_dir, SHARED, etc, etc, etc))
    os.chmod(rig.dir + "/breakglass.conf", 0o644)
    os.mkdir(rig.dir + "/ann")
    os.chown(rig.dir + "/ann", ANN, ANN)
    env = {k: v for k, v in rig.env.items() if k not in (
        "BREAKGLASS_RUN_DIR", "BREAKGLASS_SESSIONS_DIR", "BREAKGLASS_KEY_PATH", "BREAKGLASS_API_KEY_FILE")}
    env.update(BREAKGLASS_CONFIG=rig.dir + "/breakglass.conf", TERM="xterm-256color",
               BREAKGLASS_AGENT_DRIVER="runbook", BREAKGLASS_HISTORY="none")
    return env


def takes_nothing(who, rows):
    for r in rows.values():
        words = r["text"] + r.get("mend", "")
        check("%s is not told to take a file: %s" % (who, r["check"]), not re.search(
            r"chown|chmod|chgrp|rm -r", words), r)


@with_rig()
def team(rig):
    """a team's jump host: doctor leaves key, list and passwords to the engine; who looks back can"""
    migrated(rig)
    env = jump_host(rig)
    try:
        look_at(rig, env)
    finally:
        for p in rig.engines:
            p.terminate()
            p.wait()
        shutil.rmtree(rig.top)


def look_at(rig, env):
    ann, engine = dict(env, HOME=rig.dir + "/ann"), dict(env, **unit(rig))
    as_ann, as_engine = as_uid(ANN), as_uid(A)
    shutil.rmtree(rig.run_dir)
    rows = doctor(rig, "--offline", env=env)
    takes_nothing("root, no engine there,", rows)
    for word in ("key", "operators", "credentials"):
        r = rows["machine", word]
        check("%s is another's, and root is told whose" % word, r["result"] == "fail" and
              "uid %d's" % A in r["text"] and "sudo -u '#%d' breakglass doctor" % A in r["mend"], r)
    rows = doctor(rig, "--offline", env=ann, prefix=as_ann)
    takes_nothing("ann, no engine there,", {k: r for k, r in rows.items() if k[1] != "run_dir"})
    check("what lies in its folder, too", rows["machine", "key"]["result"] == "fail" and
          "uid %d's" % A in rows["machine", "key"]["text"], rows["machine", "key"])
    os.mkdir(rig.run_dir, 0o700)
    os.chown(rig.run_dir, A, A)
    rig.start(prefix=as_engine, env=engine)
    until("both hosts", lambda: rig.cli("state", "link", env=ann, prefix=as_ann).stdout.count("up") >= 2)
    for who, env_of, prefix in (("root", env, ()), ("ann", ann, as_ann)):
        rows = doctor(rig, "--offline", env=env_of, prefix=prefix)
        takes_nothing(who, rows)
        for word in THEIRS:
            r = rows["machine", word]
            check("%s: %s is left to the engine's uid" % (who, word), r["result"] == "skip" and
                  "sudo -u '#%d' breakglass doctor" % A in r["text"], r)
        check("%s: the engine's known keys are not called unknown" % who,
              "knows the one" in rows["pve", "hostkey"]["text"], rows["pve", "hostkey"])
    check("ann lacks nothing", not [r for r in bad(rows) if r["result"] == "fail"], bad(rows))
    rows = doctor(rig, "--offline", env=engine, prefix=as_engine)
    check("as that uid it looks at all of it", all(
        rows["machine", w]["result"] == "pass" for w in THEIRS), bad(rows))
    check("with what that engine has learnt", "as learnt" in rows["pve", "hostkey"]["text"] and
          rows["practice", "drill"]["result"] == "pass", rows["pve", "hostkey"])
    looks_back(rig, ann, as_ann, engine, as_engine)


def looks_back(rig, ann, as_ann, engine, as_engine):
    check("ann has no incident of her own", rig.cli("status", env=ann, prefix=as_ann).returncode == 0 and
          not os.path.exists(rig.dir + "/ann/.local/state/breakglass/incidents"))
    open_ones = (("report",), ("report", "last"), ("journal", "--kind", "verb"), ("journal", "verify"))
    for words in open_ones:
        c = rig.cli(*words, env=ann, prefix=as_ann)
        check("open: %s" % " ".join(words), c.returncode == 0 and ("status" in c.stdout or "intact" in c.stdout), c)
    c = rig.cli("replay", "last", "--linear", "--speed", "instant", env=dict(ann, TERM="dumb"), prefix=as_ann)
    check("open: replay", "status" in c.stdout, c)
    check("closed", rig.cli("incident", "close", env=ann, prefix=as_ann).returncode == 0)
    for words, hint in ((("report", "last"), "report last"), (("journal", "verify"), "journal verify"),
                        (("replay", "last"), "export last -o -"), (("export", "last"), "export last -o -")):
        c = rig.cli(*words, env=ann, prefix=as_ann)
        check("closed: %s says whose it is" % " ".join(words), c.returncode == 64 and
              "sudo -u '#%d' breakglass %s" % (A, hint) in c.stderr, c)
    c = rig.cli("incidents", env=ann, prefix=as_ann)
    check("closed: incidents, too", c.returncode == 0 and "sudo -u '#%d' breakglass incidents" % A in c.stdout, c)
    readme = open(SRC + "/packaging/debian/breakglass-engine.README.Debian").read()
    commands = re.findall(r"(?m)^    sudo -u _breakglass (breakglass .*?)(?:  +#.*)?$", readme)
    check("README.Debian has five", len(set(commands)) == 5, commands)
    for command in commands:
        r = subprocess.run([*as_engine, "bash", "-o", "pipefail", "-c", command.replace(
            "breakglass ", PROGRAM + " ", 1)], env=engine, cwd=rig.dir + "/state", text=True,
            capture_output=True, timeout=60)
        check("as that uid: %s" % command, r.returncode in ((0, 1) if "doctor" in command else (0,)), r)
    check("the post-mortem", "status" in open(rig.dir + "/state/post-mortem.md").read())
    jumphost = open(SRC + "/docs/jumphost.md").read()
    check("jumphost.md has the same five", re.findall(r"(?m)^sudo -u _breakglass (breakglass .*)$", jumphost) ==
          commands[:5], commands)
    line = re.search(r"(?ms)^(%breakglass-operators ALL.*?)\n```", jumphost).group(1)
    check("the same line in both", re.sub(r"\s+", " ", line) in re.sub(r"\s+", " ", readme), line)
    allowed = [re.sub(r"\s+", " ", w).strip() for w in line.split("NOPASSWD:")[1].replace("\\\n", "").split(",")]
    check("it gives whole commands, and those of the list alone", {
        "/usr/bin/" + c.split(" >")[0] for c in commands if "doctor" not in c} == set(allowed), allowed)
    if shutil.which("visudo"):
        with open(rig.dir + "/sudoers", "w") as f:
            f.write(line + "\n")
        r = subprocess.run(["visudo", "-cf", rig.dir + "/sudoers"], capture_output=True, text=True)
        check("sudo understands it", r.returncode == 0, r)


@with_rig(agent_driver="runbook")
def image(rig):
    """an image has no bootstrap and no lab: the mends say where one is"""
    data = rig.dir + "/data"
    os.makedirs(data)
    os.symlink(SRC + "/agents", data + "/agents")
    os.mkdir(rig.sessions, 0o700)
    rig.pve.configure('command="%s --site %s/site",restrict ' % (OLD, rig.pve.top),
                      "/usr/sbin:/usr/bin:/sbin:/bin")
    rig.env["BREAKGLASS_DATA_DIR"] = data
    rows = doctor(rig)
    r = rows["pve", "program"]
    check("the old program's mend is another machine's", r["result"] == "warn" and not r.get("command") and
          r["mend"].startswith("on a machine with breakglass-bootstrap: breakglass-bootstrap pve --to root@"), r)
    r = rows["practice", "drill"]
    check("no drill where there is no lab", r["result"] == "skip" and "on a workstation" in r["text"], r)
    check("the real site is looked at from here", rows["practice", "drill_site"]["command"], rows["practice", "drill_site"])
    check("nothing names a file that is not there", not [
        x for x in rows.values() if data + "/contrib" in x["text"] + x.get("mend", "")], bad(rows))
    rig.start()
    rig.cli("status")
    vm = json.loads(rig.cli("state", "vm", "--json").stdout)
    check("nor does the engine", vm["host_todo"].startswith(
        "on a machine with breakglass-bootstrap: breakglass-bootstrap pve --to root@127.0.0.1"), vm)


if __name__ == "__main__":
    main([team, image])
