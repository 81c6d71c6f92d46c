# SPDX-License-Identifier: GPL-3.0-or-later
"""bench journal: a record until it is told, beside a bare write of as many bytes."""
import os
import subprocess


def run(site, table, build):
    folder = site.path("journal")
    os.mkdir(folder, 0o700)
    out = subprocess.run([build + "/tests/bench/journal-core", folder], check=True,
                         capture_output=True, text=True).stdout
    v = {line.split()[0]: float(line.split()[1]) for line in out.splitlines()}
    for name, peer, words in (("append", "bare-write", "a record, until it is told"),
                              ("synced", "bare-synced", "the same, on the disk")):
        table.row("journal: %s: p50" % words, v[name + "-p50"], "ms", v[peer + "-p50"], peer)
        # a thread, its way back and the record's making come on top of the write
        table.row("journal: %s: p99" % words, v[name + "-p99"], "ms", v[peer + "-p99"], peer, 2,
                  3 if name == "synced" else None)
    table.row("journal: the loop's CPU for a record", v["loop-record"], "us", v["chain-record"],
              "its SHA-256")
    table.row("journal: the loop's CPU for a MiB of output", v["flood-loop-mib"], "us",
              v["chain-mib"], "its SHA-256")
    table.row("journal: a MiB of output, until it is told", v["flood-mib"] / 1000, "ms")
