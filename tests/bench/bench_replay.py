# SPDX-License-Identifier: GPL-3.0-or-later
"""A journal of 100,000 records: shown, gone through and searched, beside less on that file."""
import shutil
import subprocess
import sys
import time

from bench_figures import p50, rss_mb
from bench_site import BenchError
from bench_tty import Screen

ROUNDS = 7
LAST = b"anna closed it"
NEEDLE = b"line 7 of probe 4999"    # it stands in the middle


def wait(screen, word, what):
    """Milliseconds from now until word is on the screen."""
    screen.tail = b""
    began = time.perf_counter_ns()
    if screen.until(word) is None:
        raise BenchError("replay: %s: %r never came" % (what, word))
    return (time.perf_counter_ns() - began) / 1e6


def key(screen, keys, word, what):
    screen.settle(0.05)
    screen.send(keys)
    return wait(screen, word, what)


def ours(site, path, ms):
    screen = Screen([site.libexec + "/console", "--replay", path], site.env)
    ms["paint"].append(wait(screen, b"REPLAY", "its first picture"))
    ms["end"].append(key(screen, b"G", LAST, "to the end"))
    ms["back"].append(key(screen, b"p", b"5 of 5", "to an action"))
    screen.send(b"g/" + NEEDLE)
    ms["find"].append(key(screen, b"\r", b"Found", "search"))
    ms["rss"].append(rss_mb(screen.pid))
    screen.end()


def less(site, path, ms):
    screen = Screen([shutil.which("less"), path], site.env)
    ms["paint"].append(wait(screen, b"seq", "less"))
    ms["end"].append(key(screen, b"G", LAST[:4], "less to the end"))
    screen.send(b"g/" + NEEDLE)
    ms["find"].append(key(screen, b"\r", NEEDLE[-4:], "less finds"))
    screen.end()


def run(site, table, source):
    path, young = site.path("night.jsonl"), site.path("young.jsonl")
    maker = source + "/tests/screen/replay_night.py"
    subprocess.run([sys.executable, maker, path, "10000"], check=True)
    subprocess.run([sys.executable, maker, young], check=True)
    names = ("paint", "end", "back", "find", "rss")
    a, b, small = ({n: [] for n in names} for _ in range(3))
    for _ in range(ROUNDS):
        ours(site, path, a)
        if shutil.which("less"):
            less(site, path, b)
    screen = Screen([site.libexec + "/console", "--replay", young], site.env)
    screen.until(b"REPLAY")
    small["rss"].append(rss_mb(screen.pid))
    screen.end()
    peer = {n: p50(v) if v else None for n, v in b.items()}
    table.row("replay of 100,000 records: first picture", p50(a["paint"]), "ms", peer["paint"],
              "less", 30, 3)
    table.row("replay: to its end", p50(a["end"]), "ms", peer["end"], "less", 500)
    table.row("replay: back to an action", p50(a["back"]), "ms", goal=100)
    table.row("replay: a text found in the middle", p50(a["find"]), "ms", peer["find"], "less",
              300)
    table.row("replay: RSS over that of a young one", p50(a["rss"]) - small["rss"][0], "MB",
              goal=20)
