# SPDX-License-Identifier: GPL-3.0-or-later
"""journal_lib: journals read and written with nothing of ours, as docs/journal.md says."""
import hashlib
import json
import re

RECORD = re.compile(rb'(.*),"h":"([0-9a-f]{64})"}')
ZEROS = "0" * 64


def chain(h, body):
    return hashlib.sha256(h.encode() + body).hexdigest()


def lines(path):
    """Whole lines without LF, and the bytes behind the last LF."""
    with open(path, "rb") as f:
        *whole, torn = f.read().split(b"\n")
    return whole, torn


def broken(path):
    """Numbers of the lines that do not fit to what stands before them, from 1.

    Lines before the first that has an h are of format 1."""
    h, bad, begun = ZEROS, [], False
    for n, line in enumerate(lines(path)[0], 1):
        m = RECORD.fullmatch(line)
        if not m:
            if begun:
                bad.append(n)
            continue
        begun = True
        if chain(h, m.group(1)) != m.group(2).decode():
            bad.append(n)
        h = m.group(2).decode()
    return bad


def records(path):
    return [json.loads(line) for line in lines(path)[0]]


def write(path, facts, chained=True):
    """Writes facts (dicts without h) as a journal."""
    h = ZEROS
    with open(path, "wb") as f:
        for fact in facts:
            fact = {k: v for k, v in fact.items() if k != "h"}
            body = json.dumps(fact, separators=(",", ":")).encode()[:-1]
            h = chain(h, body)
            f.write(body + (b',"h":"%s"}\n' % h.encode() if chained else b"}\n"))
