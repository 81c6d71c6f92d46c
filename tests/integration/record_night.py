#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""NIGHT=FILE record_night.py: the incident of tests/fixtures/night.jsonl, made anew by a real engine.

No test: it was run once, from a build tree, and is kept so that the journal can be made
again when its format changes.
"""
import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import journal_lib  # noqa: E402
from api_rig import Api, bash, configure, done, prompt, ready  # noqa: E402
from engine_rig import main, with_rig  # noqa: E402

FIRST = """# What I see

The disk of the **devvm** is full, and `journald` *cannot* write. Größe 世界 ｶﾅ 한국어 naïve.

| mount | used | free |
|-------|-----:|------|
| / | 100 % | 0 B |
| /var/lib/größe | 12 % | 41 GB |

1. look at what grows
2. ask before anything is removed

> df says 64G, du says 31G: deleted files are held open

```sh
lsof +L1 | sort -k7 -n | tail -n 3
```
"""
SECOND = "Two files are held by **rsyslogd**. Fixed is what the *proof* says; I stop here. ─┼─ é"
COMMAND = ("ssh devvm 'printf \"Filesystem Size Used Avail\\n/dev/sda1 64G 64G 0 Größe-世界\\n\"; "
           "printf \"\\033[31mrot\\033[0m gr\\303\\274n\\n\"; seq -f \"zeile%03.0f\" 1 40; "
           "echo \"df: /mnt/stale: Stale file handle\" >&2; exit 3'")


@with_rig(agent_driver="api")
def night(rig):
    """the incident"""
    api = Api(rig, "vendor", dict(match="what is wrong", text=FIRST, bash=COMMAND),
              dict(match=dict(result="zeile040"), text=SECOND))
    configure(rig, api)
    p = ready(rig)
    rig.quiet(p)
    t = prompt(p, "what is wrong? Überall 世界")
    done(p, t, 60)
    v = rig.verb(p, "forensics")
    p.expect(t="verb", id=v, state="finished")
    v = rig.verb(p, "cycle")
    p.expect(t="verb", id=v, state="finished")
    p.expect(t="state", what="proof", done=True)
    rig.quiet(p)
    p.ask(t="note", text="Übergabe an ben: Festplatte größer machen")
    p.expect(t="note")
    p.ask(t="incident", state="close")
    p.expect(t="incident", state="closed")
    # the kernel of that machine is nobody's business; lengths stay, the chain is made anew
    ours = os.uname().release
    theirs = "6.12.48-1-amd64"[:len(ours)].ljust(len(ours), "0")
    with open(rig.journals()[0]) as f:
        facts = [json.loads(line.replace(ours, theirs)) for line in f]
    journal_lib.write(os.environ["NIGHT"], facts)


if __name__ == "__main__":
    main([night])
