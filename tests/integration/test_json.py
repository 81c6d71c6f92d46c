#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/breakglass.schema.json describes what every command prints, and every record."""
import glob
import json
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import SRC, BUILD, Failed, check, main, until, with_rig  # noqa: E402

try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is not installed (contrib/deps install check)")
    sys.exit(77)

with open(SRC + "/docs/breakglass.schema.json") as schema_file:
    SCHEMA = json.load(schema_file)
DEFS = SCHEMA["$defs"]
VALIDATORS = {}
UNKNOWN = set()


def validator(name):
    if name not in VALIDATORS:
        VALIDATORS[name] = jsonschema.Draft202012Validator(
            {"$schema": SCHEMA["$schema"], "$ref": "#/$defs/" + name, "$defs": DEFS})
    return VALIDATORS[name]


def walk(where, value, schema):
    """Members that no schema names: the description has a hole."""
    if isinstance(value, list):
        for v in value:
            walk(where, v, schema.get("items", {}))
    elif isinstance(value, dict) and "properties" in schema:
        for k, v in value.items():
            if k not in schema["properties"]:
                UNKNOWN.add("%s.%s" % (where, k))
            else:
                walk("%s.%s" % (where, k), v, schema["properties"][k])


def look(name, obj):
    errors = sorted(validator(name).iter_errors(obj), key=lambda e: e.path)
    if errors and obj.get("t") in DEFS:         # of a list of kinds: say which member of ours
        errors = list(validator(obj["t"]).iter_errors(obj)) or errors
    check("%s is as described" % name, not errors,
          *["%s: %s" % ("/".join(map(str, e.path)), e.message[:300]) for e in errors], obj)
    kind = obj.get("t")
    if kind == "state":
        own = DEFS["state_" + obj["what"]]
    else:
        own = DEFS[kind] if kind in DEFS else DEFS[name]
    if "properties" in own:
        both = dict(own, properties=dict(own["properties"]))
        if kind:
            both["properties"].update(DEFS["fact_base"]["properties"])
            both["properties"]["what"] = both["properties"].get("what", {})
        walk("state_" + obj["what"] if kind == "state" else kind or name, obj, both)


def command(rig, name, *words, codes=(0,), least=1, **more):
    c = rig.cli(*words, "--json", limit=90, **more)
    check("breakglass %s: its exit" % " ".join(words), c.returncode in codes, c)
    lines = c.stdout.splitlines()
    check("%s: something" % name, len(lines) >= least, c)
    check("%s: ASCII, one object a line" % name, c.stdout.isascii())
    for line in lines:
        look("command_" + name, json.loads(line))
    return [json.loads(line) for line in lines]


def tables_agree():
    """each kind of fact, each command and each state of protocol.md has its entry"""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    with open(SRC + "/src/wire/messages.def") as f:
        kinds = re.findall(r'^FACT\(\w+, "(\w+)"', f.read(), re.M)
    check("facts", kinds and all(k in DEFS for k in kinds), [k for k in kinds if k not in DEFS])
    named = {r["$ref"].split("/")[-1] for r in DEFS["fact"]["oneOf"]}
    check("fact is one of them", named == set(kinds), named ^ set(kinds))
    with open(SRC + "/src/commands.c") as f:
        words = re.findall(r'^\t?\s+\{"([a-z-]+)", GROUP_', f.read(), re.M)
    with open(SRC + "/docs/json.md") as f:
        text = f.read()
    for w in words:
        if w not in ("engine", "help", "replay"):
            check("command %s" % w, "command_" + w in DEFS and "`%s`" % w in text, w)
    with open(SRC + "/docs/protocol.md") as f:
        part = f.read().split("### `state` facts")[1].split("\n### ")[0]
    states = re.findall(r"^\| `(\w+)` \|", part, re.M)
    check("states", len(states) > 10 and all("state_" + s in DEFS for s in states if s != "what"),
          [s for s in states if "state_" + s not in DEFS])
    for s, d in DEFS.items():
        if s.startswith("state_"):
            row = [line for line in part.splitlines() if line.startswith("| `%s`" % s[6:])]
            check("%s has a row in protocol.md" % s, row)


@with_rig()
def commands(rig):
    """the output of every command, and every record of what they did"""
    rig.start()
    p = rig.console("ann")
    rig.links_up(p)
    for v in ("status", "forensics"):
        command(rig, v, v)
    command(rig, "verdict", "verdict", codes=(0, 1), least=2)
    for v in ("stop", "start", "reset", "cycle"):
        command(rig, v, v, "--confirm", v, least=4)
    c = rig.cli("note", "--json", "a \u202e note")
    look("command_note", json.loads(c.stdout))
    command(rig, "ping", "ping")
    command(rig, "state", "state", least=5)
    command(rig, "who", "who")
    command(rig, "retry", "retry")
    command(rig, "autonomy", "autonomy", "repair")
    command(rig, "runbook", "runbook", "triage", "--offline", codes=(0, 1))
    command(rig, "runbook", "runbook", "nonsense", codes=(64,))
    command(rig, "agent", "agent")
    c = rig.cli("--json", "ask", "what is wrong?")
    for line in c.stdout.splitlines():
        look("command_ask", json.loads(line))
    for words in (["cancel"], ["end", "r999"], ["answer", "q9", "y"], ["autonomy", "none"],
                  ["accept-key", "pve", "SHA256:x"], ["agent", "robot"]):
        command(rig, words[0], *words, codes=(64,))
    command(rig, "kill", "kill")
    command(rig, "kill", "kill", codes=(64,))  # it is on
    command(rig, "kill", "kill", "off")
    command(rig, "events", "events", least=20)
    command(rig, "journal", "journal", least=20)
    command(rig, "incidents", "incidents")
    command(rig, "verify", "journal", "verify", codes=(0, 76))
    command(rig, "report", "report")
    command(rig, "export", "export", "-o", rig.dir + "/export.tar.gz")
    command(rig, "drill", "drill", "--site", codes=(0, 1), least=10)
    command(rig, "drill", "drill", "--list", least=20)
    command(rig, "incident", "incident", "new")
    command(rig, "incident", "incident", "close")
    for path in rig.journals():
        for r in rig.journal(path):
            look("record", r)
    for f in p.facts:
        look("fact", f)
    rig.stop()
    with open(rig.dir + "/engine.stdout") as f:
        for line in f:
            look("stdout", json.loads(line))
    check("the schema names every member that was seen", not UNKNOWN, sorted(UNKNOWN))


@with_rig(devvm=False)
def after_a_crash(rig):
    """the records and lists of an incident whose engine died in a verb are as described, too"""
    UNKNOWN.clear()
    e = rig.start()
    p = rig.console("ann")
    rig.links_up(p)
    rig.pve.hold("reset")
    v = rig.verb(p, "reset")
    until("the host is at it", lambda: rig.pve.calls("reset"))
    e.kill()
    e.wait()
    rig.start()
    p = rig.console("ann")
    rig.pve.release("reset")
    until("its end is learnt", lambda: p.pump(0.02) or [
        f for f in p.of("verb", id=v) if "learnt" in f], 30)
    for f in p.facts:
        look("fact", f)
    for r in rig.journal():
        look("record", r)
    verbs = command(rig, "incidents", "incidents")[0]["verbs"]
    check("the list says that it was learnt", [x for x in verbs if x["id"] == v and
                                               x.get("learnt") is True], verbs)
    for words in (["state"], ["events"], ["report"]):
        command(rig, words[0], *words)
    for path in glob.glob(SRC + "/tests/fixtures/report/*.jsonl") + [
            SRC + "/tests/fixtures/night.jsonl"]:
        command(rig, "report", "report", path)
    check("the schema names every member that was seen", not UNKNOWN, sorted(UNKNOWN))


main([tables_agree, commands, after_a_crash])
