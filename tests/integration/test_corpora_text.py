#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each case of hostile-terminal.jsonl through what is not the console's screen.

Error messages of every program, names of files, output of the devvm and words of
operators in a real engine, its journal and its log, and all that reads them: events,
journal, report, export, replay.  The panes are tests/screen/test_hostile.py's.
"""
import json
import os
import re
import subprocess
import sys
import zlib

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import BUILD, PROGRAM, SRC, Failed, Rig, check, main, shim, until, with_rig

LONG = bool(os.environ.get("BG_LONG"))
HIDDEN = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
                    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
                    "\ufff0-\ufffb\ufffe\uffff\U000e0000-\U000e0fff]")
FORGED = "forged: all is well"


def load():
    cases = []
    with open(SRC + "/tests/fixtures/hostile-terminal.jsonl") as f:
        for c in map(json.loads, f):
            raw = bytes.fromhex(c["hex"])
            if "repeat" in c:
                raw = bytes.fromhex(c["prefix_hex"]) + raw * min(c["repeat"], 3000) + \
                    bytes.fromhex(c["suffix_hex"])
            if c["cat"] != "stdin":
                cases.append((c["id"], raw))
    return cases


CASES = load()


def clean(what, data, lines=None):
    """What a terminal may be given: strict UTF-8, line ends, no control, nothing hidden."""
    try:
        text = data.decode("utf-8", "strict")
    except UnicodeDecodeError as e:
        raise Failed("%s: not UTF-8: %s" % (what, e), data[-300:])
    bad = HIDDEN.search(text.replace("\t", " "))
    check("%s: nothing a terminal acts on, nothing hidden" % what, not bad, bad and hex(ord(bad[0])),
          bad and text[max(0, bad.start() - 200):bad.end() + 100].encode("ascii", "backslashreplace"))
    check("%s: no forged line" % what, not re.search("^" + FORGED, text, re.M), text[:400])
    if lines:
        check("%s: it says something" % what, text.strip() and len(text.splitlines()) <= lines, text)
    return text


def ascii_only(what, data):
    bad = re.search(rb"[^\n -~]", data)
    check("%s: printable ASCII only" % what, not bad, bad and
          data[max(0, bad.start() - 200):bad.end() + 100])


# --- what goes wrong, in words ---

ENVIRONMENT = ("PVE_PORT", "PVE_HOST", "DEVVM_HOST", "CONFIG", "RUN_DIR", "SESSIONS_DIR", "LIBEXEC_DIR")
WORDS = (("@",), ("--@",), ("-@",), ("status", "@"), ("status", "--@"), ("journal", "@"),
         ("journal", "--@"), ("journal", "verify", "@"), ("report", "@"), ("export", "@"),
         ("replay", "@"), ("replay", "--speed", "@"), ("events", "--since", "@"), ("engine", "--@"),
         ("--as", "@", "ping"), ("state", "@"), ("runbook", "@", "--json", "@"), ("help", "@"),
         ("incidents", "@"), ("export", "-o", "@/@", "last"), ("--confirm", "@", "cycle"),
         ("answer", "@", "y"), ("--theme", "@"), ("engine", "@"))
PROGRAMS = ("libexec/engine", "libexec/record", "libexec/console", "libexec/agent-host",
            "libexec/shim/ssh", "libexec/key-helper", "src/host/breakglass-pve")
CONFIG = (b"%s = 1\n", b"pve_port = %s\n", b"[%s]\n", b"[endpoint %s]\n", b"pve_host = %s\n",
          b"run_dir = %s\n", b"model = %s\nbad\n", b"[endpoint a]\n%s = 1\n")


def invocations(rig, n, raw):
    """(what, argv, environment) of the programs that are given this word."""
    word = raw.replace(b"\0", b"").strip(b"/")[:3000] + b"\n" + FORGED.encode() + b"\n"
    env = {k.encode(): v.encode() for k, v in rig.env.items()}
    prog = PROGRAM.encode()
    for words in WORDS:
        yield " ".join(words), [prog] + [w.encode().replace(b"@", word) for w in words], env
    for name in ENVIRONMENT:
        yield name, [prog, b"ping"], dict(env, **{}) | {b"BREAKGLASS_" + name.encode(): word}
    for i, form in enumerate(CONFIG):
        path = "%s/conf%d-%d" % (rig.dir, n, i)
        with open(path, "wb") as f:
            f.write(form.replace(b"%s", word.split(b"\n")[0]))
        yield "config %r" % form, [prog, b"ping"], env | {b"BREAKGLASS_CONFIG": path.encode()}
    for p in PROGRAMS:
        for form in (b"%s", b"--%s", b"--socket\0%s", b"--site\0%s"):
            argv = [(BUILD + "/" + p).encode()] + form.replace(b"%s", word).split(b"\0")
            yield p + " " + repr(form), argv, env


CODES = (                   # what is not 64 (a wrong call or setting), and why
    ("libexec/key-helper", {1}),                        # it speaks a protocol, and has no options
    ("src/host/breakglass-pve", {1}),                   # refused in the host protocol
    ("libexec/engine b'%s'", {64}),                     # it takes options alone
    ("libexec/console b'--socket", {1}),                # nobody is there
    ("state @", {1}), ("journal ", {64, 1}),     # there is none of that name
    ("report @", {64, 1}), ("export @", {64, 1}), ("replay @", {64, 1}),
    ("RUN_DIR", {69, 1}),                               # there is no engine, and none can be started
    ("config b'run_dir", {0, 64}),                      # the environment's comes first
    ("SESSIONS_DIR", {0}), ("LIBEXEC_DIR", {0}),        # the engine that runs has its own
    ("config b'pve_host", {0, 64}), ("--as @ ping", {0}),       # a name, and shown as one
)


@with_rig(pve=False, devvm=False)
def errors(rig):
    """every program, told hostile words as arguments, settings and files: a clean sentence"""
    rig.start()                 # which a ping would do
    count = 0
    for n, (ident, raw) in enumerate(CASES):
        for i, (what, argv, env) in enumerate(invocations(rig, n, raw)):
            if not LONG and (i + 7 * n) % 29:
                continue
            p = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, timeout=60, cwd=rig.dir)
            clean("%s: %s" % (ident, what), p.stdout)
            codes = next((c for words, c in CODES if what.startswith(words)), {64})
            check("%s: %s: refused as it should be" % (ident, what), p.returncode in codes,
                  p.returncode, p.stdout[-300:])
            count += 1
    print("# %d calls" % count)
    check("enough of them", count > 200, count)


# --- names of files ---

def named(raw):
    return raw.replace(b"\0", b"").replace(b"/", b"")[:180]


@with_rig(pve=False, devvm=False)
def names(rig):
    """incidents, runbooks and folders whose names are hostile: listed clean"""
    incidents, books = rig.sessions + "/incidents", rig.dir + "/books"
    for d in (rig.sessions, incidents, books):
        os.makedirs(d, mode=0o700, exist_ok=True)
    for n, (ident, raw) in enumerate(CASES):
        name = named(raw)
        with open(incidents.encode() + b"/2026-01-31-%03d" % n + name + b".jsonl", "wb") as f:
            f.write(b'{"t":"incident","seq":1,"at":"2026-01-31T03:12:07.000Z","mono_ms":1,"by":"x",'
                    b'"state":"opened","id":%s,"v":1}\n' % json.dumps(
                        "2026-01-31-%03d" % n + name.decode("latin-1")).encode())
        with open(books.encode() + b"/" + name + b".md", "wb") as f:
            f.write(b"# " + raw)
    for args in (["incidents"], ["incidents", "--all"], ["journal", "last"], ["journal", "2026"],
                 ["journal", "verify"], ["report", "2026-01-31"], ["report", "last"]):
        p = subprocess.run([PROGRAM] + args, env=rig.env, stdin=subprocess.DEVNULL, cwd=rig.dir,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        clean(" ".join(args), p.stdout)
        check("no crash", p.returncode >= 0, args, p.returncode)
    rig.env["BREAKGLASS_RUNBOOK_DIR"] = books
    rig.start()
    p = rig.peer()
    p.attach()
    out = rig.cli("state", "runbooks")
    clean("state runbooks", (out.stdout + out.stderr).encode("utf-8", "surrogateescape"))
    p.looked = 0
    said = p.expect(what="runbooks", where=lambda f: f["bad"])
    check("the refused ones are told", len(said["bad"]) > 20, len(said["bad"]))
    with open(rig.run_dir + "/engine.log", "rb") as f:
        ascii_only("the log", f.read())


# --- through a real engine ---

def all_bytes(rig):
    path = rig.dir + "/all"
    with open(path, "wb") as f:
        for ident, raw in CASES:
            f.write(b"<%s " % ident.encode() + raw + b">\n")
    return path


def tell(rig, p):
    """Everything that an operator, the agent and the devvm can say."""
    path = all_bytes(rig)
    for n, (ident, raw) in enumerate(CASES):
        words = raw[:8000].decode("utf-8", "replace") or "-"
        p.send(t="note", text="<%s %s>" % (ident, words))
        if n % 4 == 0:
            p.ask(t="end", id=words[:60])
            p.ask(t=words[:60])
            p.send_raw(raw.replace(b"\n", b" ")[:4000] + b"\n")
        p.send(t="ping")            # a real request: what is none is not ten times in a row
    out, err, rc = shim(rig, "devvm", "cat %s; cat %s >&2" % (path, path))
    with open(path, "rb") as f:
        check("the agent gets the bytes as they are", out == f.read() == err and rc == 0, rc)
    for ident, raw in CASES[::1 if LONG else 6]:
        word = raw.replace(b"\0", b"")[:400]
        r = subprocess.run([BUILD.encode() + b"/src/agent/shim/ssh", b"pve", word],
                           env=dict(PATH="/usr/bin:/bin", BREAKGLASS_SOCKET=rig.run_dir +
                                    "/agent/agent.sock"), stdin=subprocess.DEVNULL,
                           capture_output=True, timeout=60)
        check("a verb that is none", r.returncode == 64, ident, r)
        clean(ident + ": the shim's words", r.stderr)
        subprocess.run([BUILD.encode() + b"/src/agent/shim/ssh", b"devvm", b": '" +
                        word.replace(b"'", b"") + b"'"], env=dict(
                            PATH="/usr/bin:/bin", BREAKGLASS_SOCKET=rig.run_dir + "/agent/agent.sock"),
                       stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    p.send(t="note", text="THE END")
    p.expect(t="note", text="THE END")


def readers(rig):
    """What shows a journal; every one of them, on paper."""
    yield ["events", "--tail", "2000"]
    yield ["events", "--tail", "2000", "--json"]
    yield ["journal", "last"]
    yield ["journal", "last", "--json"]
    yield ["journal", "verify", "last"]
    yield ["report", "last"]
    yield ["incidents"]
    yield ["incidents", "--json"]
    yield ["state"]
    yield ["who"]
    yield ["replay", "--linear", "last"]


@with_rig(pve=False)
def through(rig):
    """output of the devvm and words of operators: journal, log, and all that reads them"""
    rig.start()
    p = rig.console(name="\x1b]0;x\x07ann")
    rig.link(p, "devvm", "up")
    tell(rig, p)
    with open(rig.journals()[-1], "rb") as f:
        data = f.read()
    ascii_only("the journal", data)
    rig.journal()
    check("no case was lost", all(("<%s " % ident).encode() in data for ident, _ in CASES))
    with open(rig.run_dir + "/engine.log", "rb") as f:
        ascii_only("the log", f.read())
    for args in readers(rig):
        r = subprocess.run([PROGRAM] + args, env=dict(rig.env, TERM="dumb"), cwd=rig.dir,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=60)
        text = clean(" ".join(args), r.stdout)
        check("it is read", r.returncode in (0, 2, 3) or args[1] == "verify", args, r.returncode, text[-300:])
        check("it shows them", "HT-" in text or args[0] in ("state", "who", "incidents") or
              "verify" in args or args[0] == "report", args, text[-300:])
    r = rig.cli("export", "-o", rig.dir + "/x.tar.gz", "last")
    check("export", r.returncode == 0, r)


if __name__ == "__main__":
    main([errors, names, through])
