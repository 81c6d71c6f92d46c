#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking back at incidents that a real engine has written: listed, shown, checked, packed."""
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import BUILD, check, main, until, with_rig  # noqa: E402

ROUNDS = "10000" if os.environ.get("BG_LONG") else "3000"
HOSTILE = "note \u202e\u0007 \u001b]0;title\u0007 end"


def incident(rig, p, verbs=("cycle",)):
    """Some work, of all kinds that need no AI."""
    p.ask(t="note", text=HOSTILE)
    rig.links_up(p)
    for v in verbs:
        i = rig.verb(p, v)
        p.expect(t="verb", id=i, state="finished")
        p.expect(lambda f: f.get("what") == "proof" and f.get("done"))
    check("a runbook runs", rig.cli("runbook", "triage", "--offline").returncode == 0)


def close(p):
    p.ask(t="incident", state="close")
    p.expect(t="incident", state="closed")


def verify(rig, *args, **more):
    r = rig.cli("journal", "verify", "--json", *args, **more)
    return r.returncode, [json.loads(line) for line in r.stdout.splitlines()], r.stderr


def clean(text, columns):
    for line in text.splitlines():
        check("no line is wider than %d" % columns, len(line) <= columns, line)
    bad = [c for c in text if (ord(c) < 32 and c != "\n") or 0x7f <= ord(c) < 0xa0 or
           0x202a <= ord(c) <= 0x202e]
    check("nothing in it acts on a terminal", not bad, repr(bad))


@with_rig()
def looks_back(rig):
    """an incident is listed, shown, checked; 10,000 ways to spoil it are found"""
    rig.start()
    p = rig.console()
    incident(rig, p)
    r = rig.cli("journal", "verify")
    check("while an engine holds it, that proves its end", r.returncode == 0 and
          "the engine that holds the incident says the same" in r.stdout, r.stdout, r.stderr)
    listed = json.loads(rig.cli("incidents", "--json").stdout)
    check("it is open here", listed["state"] == "open", listed)
    code, found, _ = verify(rig, "--anchors", rig.dir + "/engine.stdout")
    check("a foreground engine's output has the h of every record", code == 0 and
          found[0]["anchored"] > found[0]["records"] - 5, found)
    close(p)
    path = rig.journals()[-1]
    until("it is in the file", lambda: '"closed"' in open(path).read())
    listed = json.loads(rig.cli("incidents", "--json").stdout)
    check("what it was", listed["state"] == "closed" and listed["by"] == "ann" and
          listed["turns"] == 1 and listed["verdict"] and not listed["not_counted"] and
          [(v["verb"], v["state"], v["exit"], v["by"]) for v in listed["verbs"]] ==
          [("cycle", "finished", 0, "ann")], listed)
    for columns in (80, 40):
        for words in (["incidents"], ["journal"], ["journal", "verify"]):
            r = rig.cli(*words, env=dict(rig.env, COLUMNS=str(columns)))
            check(words, r.returncode == 0, r.stderr)
            clean(r.stdout, columns)
            check("of this incident", words == ["journal"] or listed["id"] in
                  r.stdout.replace("\n", ""), r.stdout[:500])
    shown = rig.cli("journal", listed["id"][:15], env=dict(rig.env, COLUMNS="200")).stdout
    check("marks where something was taken out", "<U+202E>" in shown and "end" in shown)
    check("verbs with their stages", "cycle v1 stage stopping" in shown, shown[:3000])
    with open(path) as f:
        lines = f.read()
    check("--json is the file", rig.cli("journal", "--json").stdout == lines)
    verbs = rig.cli("journal", "--json", "--kind", "verb", "--since", "5").stdout.splitlines()
    check("one kind", verbs and all('{"t":"verb"' in v for v in verbs))
    check("an unknown kind is said", rig.cli("journal", "--kind", "x").returncode == 64)
    code, found, _ = verify(rig)
    check("it is intact and closed", code == 0 and found[0]["end"] == "closed" and
          found[0]["records"] == len(lines.splitlines()), found)
    r = subprocess.run([BUILD + "/tests/integration/spoil-probe", path, ROUNDS, "5"],
                       capture_output=True, text=True)
    print(r.stdout, end="")
    check("whatever is done to it is found", r.returncode == 0, r.stdout, r.stderr)
    cut_tail(rig, path, lines, found[0])


def cut_tail(rig, path, lines, found):
    copy = rig.dir + "/copy.jsonl"
    with open(copy, "w") as f:
        f.writelines(line + "\n" for line in lines.splitlines()[:-3])
    code, told, _ = verify(rig, copy)
    check("a cut tail is not proven", code == 76 and told[0]["end"] == "none", told)
    with open(rig.dir + "/log", "w") as f:
        f.write("Jan 31 03:12:01 jump sshd[1]: something else\n"
                "Jan 31 03:12:01 jump breakglass[7]: anchor incident=%s seq=%d h=%s verb=x\n"
                % (found["incident"], found["last"], found["head"]))
    code, told, _ = verify(rig, copy, "--anchors", rig.dir + "/log")
    check("an anchor shows it", code == 1 and told[0]["findings"][0]["kind"] == "cut", told)
    with open(rig.dir + "/log") as log:
        r = subprocess.run([BUILD + "/src/breakglass", "journal", "verify", path, "--anchors",
                            "-"], stdin=log, env=rig.env, capture_output=True, text=True)
    check("and proves the whole one", r.returncode == 0 and "proven up to record %d" %
          found["last"] in r.stdout, r.stdout, r.stderr)
    code, told, _ = verify(rig, copy, path)
    check("of two the worse is told", code == 76 and len(told) == 2, told)


@with_rig(devvm=False)
def killed(rig):
    """an engine that was killed: its incident says so; a torn record is named"""
    rig.start()
    p = rig.console()
    p.ask(t="note", text="before it dies")
    p.expect(t="note")
    path = rig.journals()[-1]
    rig.engines[-1].send_signal(signal.SIGKILL)
    rig.engines[-1].wait()
    listed = json.loads(rig.cli("incidents", "--json").stdout)
    check("it died", listed["state"] == "died", listed)
    code, found, _ = verify(rig)
    check("nothing proves its end", code == 76 and not found[0]["findings"], found)
    with open(path, "a") as f:
        f.write('{"t":"note","seq":')
    code, found, _ = verify(rig)
    check("a torn record is told, with its place", code == 76 and found[0]["torn"] == 18 and
          found[0]["findings"][0]["kind"] == "cut" and
          found[0]["findings"][0]["byte"] == os.path.getsize(path) - 18, found)
    for word in ("nothing", "2001", "/nonexistent.jsonl"):
        code, _, err = verify(rig, word)
        check("what is not there is said", code in (1, 64) and err, word, code, err)


@with_rig(devvm=False)
def version_1(rig):
    """a journal of version 1 that an engine continues: its first part is not proven"""
    rig.start()
    p = rig.console()
    p.ask(t="note", text="of old")
    p.expect(t="note")
    path = rig.journals()[-1]
    rig.engines[-1].send_signal(signal.SIGKILL)
    rig.engines[-1].wait()
    with open(path) as f:
        lines = f.read().splitlines()
    old = [line[:line.rindex(',"h":"')] + "}" for line in lines]
    with open(path, "w") as f:
        f.write("\n".join(old).replace('"v":2', '"v":1') + "\n")
    code, found, _ = verify(rig)
    check("without a chain nothing is proven", code == 76 and found[0]["unchained"] == len(old),
          found)
    rig.start()
    p = rig.console()
    close(p)
    code, found, _ = until("it is closed", lambda: [
        v for v in [verify(rig)] if v[1][0]["end"] == "closed"])[0]
    check("the chain begins where it was continued", code == 76 and not found[0]["findings"] and
          found[0]["unchained"] == len(old) and found[0]["records"] > len(old), found)
    with open(path) as f:
        text = f.read()
    with open(path, "w") as f:
        f.write(text.replace('"state":"closed"', '"state":"closeD"'))
    code, found, _ = verify(rig)
    check("a change behind that is found", code == 1 and
          found[0]["findings"][0]["kind"] == "edited", found)


@with_rig(devvm=False)
def against_the_host(rig):
    """--host: a run the host has and the journal has not, and the other way round"""
    rig.start()
    p = rig.console()
    rig.link(p, "pve", "up")
    for v in ("reset", "cycle"):
        i = rig.verb(p, v)
        p.expect(t="verb", id=i, state="finished")
        rig.slot_is_free(p)
    code, found, err = verify(rig, "--host")
    check("both lists agree", code == 0 and found[0]["host_runs"] == 2 and
          not found[0]["findings"], code, found, err)
    path = rig.journals()[-1]
    with open(path) as f:
        lines = f.readlines()
    at = [i for i, line in enumerate(lines) if '"verb":"cycle"' in line][0]
    copy = rig.dir + "/cut.jsonl"
    with open(copy, "w") as f:
        f.writelines(lines[:at])
    code, found, _ = verify(rig, copy, "--host")
    told = [f["text"] for f in found[0]["findings"]]
    check("a run that was cut off is told", code == 76 and any(
        "the host ran" in t and "cycle" in t for t in told), code, found)
    runs = rig.pve.top + "/run/runs"
    reset = [n for n in os.listdir(runs) if "-reset-" in n]
    cycle = [n for n in os.listdir(runs) if "-cycle-" in n and n.endswith(".log")]
    check("the host has both", reset and cycle, os.listdir(runs))
    # an older one than both, so that the list reaches back far enough
    shutil.copy(runs + "/" + cycle[0], runs + "/20200101T000000Z-cycle-1.log")
    os.unlink(runs + "/" + cycle[0])
    code, found, _ = verify(rig, "--host")
    check("a run that the host should have is damage", code == 1 and
          found[0]["findings"][0]["kind"] == "rewritten", code, found)
    code, found, err = verify(rig, "--host", env=dict(
        rig.env, BREAKGLASS_RUN_DIR=rig.dir + "/run2", BREAKGLASS_KEY_PATH="/nonexistent"))
    check("a host that cannot be asked is said", code == 69 and found[0]["host_why"], code,
          found, err)


@with_rig()
def packed(rig):
    """export: one file for a ticket, whole or not there, and it can be checked"""
    rig.start()
    p = rig.console()
    incident(rig, p, ())
    path = rig.journals()[-1]
    name = os.path.basename(path)[:-6]
    p.ask(t="note", text="the screen: /somewhere/%s-v1.png, %s-v3.png" % (name, name))
    close(p)
    until("it is in the file", lambda: '"closed"' in open(path).read())
    for i in (1, 2):
        with open("%s/%s-v%d.png" % (os.path.dirname(path), name, i), "wb") as f:
            f.write(b"\x89PNG a picture")
    os.symlink("/etc/passwd", "%s/%s-v3.png" % (os.path.dirname(path), name))
    r = rig.cli("export")
    check("it is packed", r.returncode == 0 and "rotate" in r.stderr, r.stderr)
    out = rig.dir + "/breakglass-%s.tar.gz" % name
    check("for its owner alone", os.stat(out).st_mode & 0o777 == 0o600)
    with tarfile.open(out) as t:
        names = {os.path.relpath(n, "breakglass-" + name) for n in t.getnames()}
        t.extractall(rig.dir + "/unpacked")
    check("what is in it", names >= {"journal.jsonl", "verify.txt", "anchor.txt", "README.txt",
                                     "report.md", "screens/%s-v1.png" % name}, names, r.stderr)
    check("pictures that it does not name, and what is none, are not", "1 picture\n" in r.stderr and
          "without %s-v3.png" % name in r.stderr and not any("-v2." in n or "-v3." in n
                                                             for n in names), names, r.stderr)
    top = rig.dir + "/unpacked/breakglass-" + name
    check("the journal is the journal", open(top + "/journal.jsonl").read() == open(path).read())
    code, found, _ = verify(rig, top + "/journal.jsonl", "--anchors", top + "/anchor.txt")
    check("it can be checked", code == 0 and found[0]["anchored"] == found[0]["last"], found)
    check("verify.txt says so", "intact" in open(top + "/verify.txt").read())
    before = open(out, "rb").read()
    r = rig.cli("export")
    check("what is there stays", r.returncode == 64 and "--force" in r.stderr and
          open(out, "rb").read() == before, r.returncode, r.stderr)
    check("unless it is told otherwise", rig.cli("export", "--force").returncode == 0)
    check("nothing else is left", [n for n in os.listdir(rig.dir) if "XXXX" in n or
                                   n.startswith(".")] == [], os.listdir(rig.dir))
    r = subprocess.run([BUILD + "/src/breakglass", "export", name[:12], "-o", "-", "--asciicast"],
                       env=rig.env, capture_output=True, cwd=rig.dir)
    with tarfile.open(fileobj=io.BytesIO(r.stdout)) as t:
        check("to standard output, with the screen again",
              any(n.endswith(".cast") for n in t.getnames()), t.getnames(), r.stderr)
    r = rig.cli("export", "-o", "a.cast")
    with open(rig.dir + "/a.cast") as f:
        check("the screen alone", json.loads(f.readline())["version"] == 2, r.stderr)
    with open(rig.dir + "/evil.jsonl", "w") as f:
        f.write(open(path).read().replace(name, "../../up"))
    for bad in (["-o", "/nonexistent/x.tar.gz"], ["nothing"], ["a", "b"], ["evil.jsonl"]):
        r = rig.cli("export", *bad)
        check("what cannot be done is said", r.returncode in (1, 64) and r.stderr, bad, r)


@with_rig(devvm=False)
def from_memory(rig):
    """export of an incident that no disk takes: its records come from the engine"""
    rig.env["BREAKGLASS_SESSIONS_DIR"] = "/proc/nowhere"
    rig.start()
    p = rig.console()
    p.ask(t="note", text="only in memory")
    p.expect(t="note")
    r = rig.cli("export", "-o", "mem.tar.gz")
    check("it is packed, and says from where", r.returncode == 0 and "memory" in r.stderr,
          r.returncode, r.stderr)
    with tarfile.open(rig.dir + "/mem.tar.gz") as t:
        member = [m for m in t.getmembers() if m.name.endswith("journal.jsonl")][0]
        text = t.extractfile(member).read().decode()
    records = [json.loads(line) for line in text.splitlines()]
    check("all of it", records[0]["state"] == "opened" and
          [r["seq"] for r in records] == list(range(1, len(records) + 1)) and
          any(r.get("text") == "only in memory" for r in records), text[:2000])


main([looks_back, killed, version_1, against_the_host, packed, from_memory])
