#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The protocol's edges: what a peer may say, and what it is told when it may not."""
import json
import os
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import LIMIT, SANITIZED, Skip, check, main, shim, until, with_rig  # noqa: E402

NO_HOSTS = dict(pve=False, devvm=False)


@with_rig(**NO_HOSTS)
def hello_comes_first(rig):
    """before hello only hello is heard; the connection closes with a sentence"""
    rig.start()
    p = rig.peer()
    p.send(t="ping")
    e = p.expect(t="error")
    check("it says so", e["text"] == "say hello first", e)
    p.expect_end()
    p = rig.peer()
    p.send(t="verb", verb="cycle", confirm="cycle")
    p.expect(t="error", text="say hello first")
    p.expect_end()
    p = rig.console()
    check("nothing was asked", not p.of("verb"))
    p.send(t="hello", v=1, name="again")
    check("a second hello is refused", "hello" in p.expect(t="error")["text"])
    p.send(t="ping")
    p.expect(t="welcome")


@with_rig(**NO_HOSTS)
def versions_must_match(rig):
    """another protocol version is told what to do and closed"""
    rig.start()
    for v in (2, 0, "1", None):
        p = rig.peer()
        p.send(t="hello", v=v, name="ann")
        e = p.expect(t="error")
        check("versions", "version" in e["text"] and e["todo"], e)
        p.expect_end()
    p = rig.peer()
    p.send(t="hello", v=1, name="ann", colour="red")
    check("an unknown member is named", "colour" in p.expect(t="error")["text"])
    p.send(t="hello", v=1, name="ann")
    p.expect(t="caught_up")


@with_rig(**NO_HOSTS)
def names_are_made_harmless(rig):
    """an operator's name cannot carry escapes, blanks or other people's letters"""
    rig.start()
    for name, shown in (("a\x1b[31mnn", "a[31mnn"), ("", "operator"), ("  ", "operator"),
                        ("x" * 100, "x" * 32), ("анна", "operator"), ("a b", "ab")):
        p = rig.peer()
        check("name", p.hello(name)["you"] == shown, p.facts[-1])
        p.close()


@with_rig(**NO_HOSTS)
def unknown_is_refused(rig):
    """an unknown request or member is refused by name and the peer stays"""
    rig.start()
    p = rig.console()
    r = p.ask(t="explode")
    check("kind", "explode" in p.expect(t="error", req=r)["text"])
    for m in (dict(t="prompt", text="x", colour=1), dict(t="verb", verb="status", force=True),
              dict(t="cancel", all=True), dict(t="note", text="x", html="y"),
              dict(t="fetch", id="r1", x=1), dict(t="end", id="r1", x=1),
              dict(t="accept_key", host="pve", x=1), dict(t="autonomy", level="repair", x=1),
              dict(t="incident", state="new", x=1)):
        r = p.ask(**m)
        e = p.expect(t="error", req=r)
        check("the member is named", "has no member" in e["text"], e)
    for m in (dict(t="prompt"), dict(t="prompt", text=""), dict(t="prompt", text=7),
              dict(t="prompt", text=" \n\t "),
              dict(t="verb"), dict(t="verb", verb=3), dict(t="end"), dict(t="fetch"),
              dict(t="accept_key"), dict(t="autonomy"), dict(t="autonomy", level="god"),
              dict(t="note"), dict(t="incident"), dict(t="incident", state="burn"),
              dict(t="incident", state="close"), dict(t="answer", id="q1", yes="no"),
              dict(t="drive", release="true"), dict(t="kill", on="yes"), dict(t="kill", on=0),
              dict(t=5), dict(x=1), dict(t="welcome"), dict(t="cancel")):
        r = p.ask(**m)
        check("a sentence", len(p.expect(t="error", req=r)["text"]) > 10)
    q = rig.peer()
    q.send(t="hello", v=1, name="rob", role="console", read_only="true")
    check("a console that may be read-only is not taken for another", "read_only" in q.expect(
        t="error")["text"])
    q.expect_end()
    p.send(t="ping")
    p.expect(t="welcome")
    check("nothing of it opened an incident", not rig.journals())


@with_rig(**NO_HOSTS)
def bad_lines(rig):
    """bad lines are answered one by one; ten in a row close the connection"""
    rig.start()
    p = rig.console()
    for line in (b"", b"\r\n", b"{", b"nonsense", b"[1,2]", b"{}", b'"x"', b"null",
                 b'{"t":"ping"} x', b"\xff\xfe", b'{"t":"prompt","text":"\xff"}',
                 b'{"t":"prompt","text":"a\x00b"}', b'{"t":"pi\x00ng"}',
                 b'{"t":"note","text":"\xed\xa0\x80"}', b"[" * 5000, b'{"a":' * 2000):
        p.send_raw(line + b"\n")
        p.send(t="ping")
        p.expect(t="welcome")
    check("each had an answer", len(p.of("error")) >= 12, len(p.of("error")))
    for i in range(10):
        p.send_raw(b"rubbish\n")
    p.expect_end()
    check("ten in a row close", len([e for e in p.of("error")]) >= 22)
    q = rig.console("bob")
    check("the engine lives", q.of("welcome"))


@with_rig(**NO_HOSTS)
def long_lines(rig):
    """a prompt of 1 MB and a line without end are dropped with a sentence"""
    rig.start()
    p = rig.console()
    p.send(t="prompt", text="x" * 1000000)
    e = p.expect(t="error")
    check("it says how long a line may be", "256 KiB" in e["text"] and "64 KiB" in e["todo"], e)
    p.send(t="ping")
    p.expect(t="welcome")
    r = p.ask(t="prompt", text="x" * 65537)
    check("the prompt's own limit", "65536" in p.expect(t="error", req=r)["text"])
    p.ask(t="prompt", text="x" * 65536)
    got = ""
    while len(got) < 65536:
        f = p.expect(t="prompt")
        got += f["text"]
    check("64 KiB go, in parts", got == "x" * 65536)
    try:
        for i in range(200):
            p.send_raw(b"y" * 100000)
    except OSError:
        pass
    p.send_raw(b"\n")
    p.send(t="ping")
    p.expect(t="welcome")
    with open("/proc/%d/status" % rig.engines[0].pid) as f:
        rss = int([l for l in f if l.startswith("VmRSS")][0].split()[1])
    check("20 MB in one line did not stay in memory", rss < 120000 or SANITIZED,
          rss)


@with_rig(**NO_HOSTS)
def ten_long_lines_close(rig):
    """lines that are too long count as bad ones: ten in a row close"""
    rig.start()
    p = rig.console()
    try:
        for i in range(10):
            p.send_raw(b"z" * 300000 + b"\n")
    except OSError:
        pass
    p.expect_end()
    check("told", "256 KiB" in p.of("error")[-1]["text"])


@with_rig(**NO_HOSTS)
def text_with_anything_in_it(rig):
    """escapes, NUL and bidi in a note reach the journal escaped and come back the same"""
    rig.start()
    p = rig.console()
    text = "a\x1b[2Jb\x00c\u202ed\u2028e\U0001f600 \\ \" \t\n end"
    p.send(t="note", text=text)
    f = p.expect(t="note")
    check("the same text", f["text"] == text, f)
    with open(rig.journals()[0], "rb") as j:
        data = j.read()
    check("the journal is ASCII", all(c == 10 or 32 <= c < 127 for c in data))
    check("and whole", [r for r in rig.journal() if r.get("text") == text])


@with_rig(**NO_HOSTS)
def another_uid_is_refused(rig):
    """another uid is kept out by the directory; were that open, by the engine; exit 77"""
    if os.getuid() != 0 or not os.path.exists("/usr/bin/setpriv"):
        raise Skip("needs root and setpriv to become another uid")
    rig.start()
    os.chmod(rig.dir, 0o755)
    as_other = ("setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups")
    c = rig.cli("ping", prefix=as_other)
    # a prefix below a closed home (make distcheck there) has a configuration file that
    # another uid may not even look for, and that is an error of its own
    if "breakglass.conf: Permission denied" not in c.stderr:
        check("the closed directory: 77", c.returncode == 77, c)
    check("with a sentence", c.stderr.strip().count("\n") == 0 and len(c.stderr) > 10, c)
    os.chmod(rig.run_dir, 0o755)
    os.chmod(rig.socket, 0o666)
    probe = ("import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
             "d=b''\n"
             "while 1:\n b=s.recv(65536)\n if not b: break\n d+=b\n"
             "print(d.decode())")
    r = subprocess.run(list(as_other) + ["/usr/bin/python3", "-c", probe, rig.socket],
                       capture_output=True, text=True)
    facts = [json.loads(l) for l in r.stdout.split("\n") if l]
    check("one error and nothing else", len(facts) == 1 and facts[0]["t"] == "error" and
          "another uid" in facts[0]["text"], r)
    c = rig.cli("ping", prefix=as_other)
    if "breakglass.conf: Permission denied" not in c.stderr:
        check("the command line says no access", c.returncode == 77, c)
    c = rig.cli("cycle", "--confirm", "cycle", prefix=as_other)
    check("and starts nothing", c.returncode == 77 or
          "breakglass.conf: Permission denied" in c.stderr, c)


@with_rig(**NO_HOSTS)
def sixty_four(rig):
    """64 operators attach; the 65th is told so; one leaves and it may come"""
    rig.start()
    all64 = [rig.peer() for i in range(64)]
    for i, p in enumerate(all64):
        p.hello("op%d" % i, role="command")
    p = rig.peer()
    e = p.expect(t="error")
    check("it says so", "64" in e["text"], e)
    p.expect_end()
    c = rig.cli("ping")
    check("the command line says why", c.returncode == 75 and "64" in c.stderr, c)
    all64[0].send(t="bye")
    all64[0].expect_end()
    rig.console("late")


@with_rig(pve=False)
def slow_console(rig):
    """a slow console is sent `skipped`, is not in the way, and can fetch what it missed"""
    rig.start()
    ann, bob = rig.console("ann"), rig.console("bob")
    rig.link(bob, "devvm", "up")
    # the devvm sends 3 MB while ann does not read a byte
    got = []
    th = threading.Thread(target=lambda: got.append(shim(
        rig, "devvm", "seq -w 0 500000 | head -c 3000000")))
    th.start()
    run = bob.expect(t="tool", asked="agent")["id"]
    end = bob.expect(t="tool_end", id=run)
    th.join()
    text = got[0][0]
    check("the shim has it all", len(text) == 3000000 and got[0][2] == 0, got[0][1:])
    check("the run's end is true", end["out"] == 3000000 and end["exit"] == 0, end)
    ann.expect(t="tool_end", id=run)
    check("ann was told of what she was not sent", ann.of("skipped", id=run))
    for p in (ann, bob):
        p.send(t="ping")
        p.expect(t="welcome")
        kinds = [f["t"] for f in p.facts if f.get("id") == run]
        check("the end is the last word about the run", kinds[-1] == "tool_end", kinds[-3:])
    for p in (ann, bob):
        for s in p.of("skipped", id=run):
            at = s["from"]
            while at < s["to"]:
                to = min(at + 200000, s["to"])
                p.send(t="fetch", id=run, stream=s["stream"], **{"from": at, "to": to})
                p.expect(lambda f: f["off"] < to <= f["off"] + f["len"], t="output", seq=0, id=run)
                at = to
        check("after fetching, the same bytes", p.output(run) == text)
    # all of it, in order and in parts, each told to be over
    tool, got, after = bob.of("tool", id=run)[0]["seq"], b"", 0
    after = tool
    for part in range(40):
        bob.send(t="fetch", id=run, after=after, req="all%d" % part)
        end = bob.expect(t="fetched", req="all%d" % part)
        for f in bob.of("output", req="all%d" % part):
            got += f["data"].encode()
        after = end["next"]
        if not end["more"]:
            break
    check("all of it in parts", got == text.encode() if isinstance(text, str) else got == text,
          (len(got), part))
    check("each part is bounded", part >= 3000000 // (300 * 1024), part)
    bob.send(t="fetch", id=run, stream="err", req="none", **{"from": 0, "to": 100})
    end = bob.expect(t="fetched", req="none")
    check("what is not there is told", not end["more"] and not bob.of("output", req="none"), end)
    # a journal that cannot be read is no end of the run
    path = rig.journals()[-1]
    os.rename(path, path + ".gone")
    bob.send(t="fetch", id=run, stream="out", req="unread", **{"from": 0, "to": 100})
    f = bob.expect(lambda f: f["t"] in ("fetched", "error"), req="unread")
    check("what cannot be read is an error", f["t"] == "error" and "cannot be read" in f["text"], f)
    os.rename(path + ".gone", path)
    bob.send(t="fetch", id=run, stream="out", req="read", **{"from": 0, "to": 100})
    bob.expect(t="fetched", req="read")


@with_rig(**NO_HOSTS)
def silent_console(rig):
    """a silent console is dropped, says the journal; one that pings stays"""
    rig.start("--silence-ms", "2000")
    ann, bob = rig.console("ann"), rig.console("bob")
    bob.send(t="note", text="something to remember")
    end = time.monotonic() + LIMIT
    while not bob.of("operator", name="ann", state="detached"):
        bob.send(t="ping")
        bob.read(0.05)
        check("ann is dropped", time.monotonic() < end)
    ann.expect_end()
    bob.send(t="ping")
    bob.expect(t="welcome")
    again = rig.console("ann", tail=100)
    check("and lost nothing", again.of("note"), again.facts)


@with_rig(**NO_HOSTS)
def read_only(rig):
    """a read-only console sees everything and can ask for nothing"""
    rig.start()
    ro, ann = rig.console("ro", read_only=True), rig.console("ann")
    for m in (dict(t="prompt", text="x"), dict(t="cancel"), dict(t="note", text="x"),
              dict(t="verb", verb="status"), dict(t="verb", verb="cycle", confirm="cycle"),
              dict(t="end", id="r1"), dict(t="accept_key", host="pve", fingerprint="x"),
              dict(t="autonomy", level="observe"), dict(t="incident", state="new")):
        r = ro.ask(**m)
        check("refused", "read-only" in ro.expect(t="error", req=r)["text"])
    r = ro.ask(t="fetch", id="r1")
    check("fetch is none of them", "no such run" in ro.expect(t="error", req=r)["text"])
    ann.send(t="note", text="hello")
    ro.expect(t="note", text="hello")


@with_rig(**NO_HOSTS)
def state_comes_first(rig):
    """an attach is told the present at once: links, agent, autonomy; and once more at its end"""
    rig.start()
    p = rig.console()
    at = [f["t"] for f in p.facts].index("caught_up")
    check("welcome first", p.facts[0]["t"] == "welcome")
    for what in ("link", "agent", "autonomy"):
        until(what, lambda: (p.pump(0.05) or [f for f in p.facts if f.get("what") == what]))
    check("state facts before caught_up", [f for f in p.facts[:at] if f["t"] == "state"])


if __name__ == "__main__":
    main([hello_comes_first, versions_must_match, names_are_made_harmless, unknown_is_refused,
          bad_lines, long_lines, ten_long_lines_close, text_with_anything_in_it,
          another_uid_is_refused, sixty_four, slow_console, silent_console, read_only,
          state_comes_first])
