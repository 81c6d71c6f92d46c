# SPDX-License-Identifier: GPL-3.0-or-later
"""Attach: how the first picture, the whole tail and the memory depend on an incident's length."""
from bench_figures import p50, rss_mb
from bench_site import BenchError
from bench_tty import Screen

ROUNDS = 11
RUNNING = b"running"
QUIET_S = 0.4       # nothing more comes: what is filled in has been, too


def run(site, table):
    short, long = site.engine("short", 100), site.engine("attach", 100 * 1000)
    last = b"exit 0"    # of the last run
    kinds = {"short": ([site.breakglass], short.env), "long": ([site.breakglass], long.env),
             "floor": ([site.floor], site.env)}
    paint, caught, rss = ({k: [] for k in kinds} for _ in range(3))
    for _ in range(ROUNDS):
        for kind, (argv, env) in kinds.items():
            screen = Screen(argv, env)
            took = screen.until(RUNNING)
            if took is None:
                raise BenchError("%s: no status line" % kind)
            paint[kind].append(took)
            if kind != "floor":
                caught[kind].append(took if last in screen.tail else screen.until(last) or 1e6)
            screen.settle(QUIET_S)
            rss[kind].append(rss_mb(screen.pid))
            screen.end()
    table.row("attach to 10^5 records: first paint", p50(paint["long"]), "ms",
              p50(paint["floor"]), "floor", 50)
    table.row("attach to 10^5 records: beside 10^2", p50(paint["long"]), "ms",
              p50(paint["short"]), "10^2", 50, 1.3)
    table.row("attach to 10^5 records: the tail is there", p50(caught["long"]), "ms",
              p50(caught["short"]), "10^2", 1000)
    table.row("attach to 10^5 records: RSS above 10^2", p50(rss["long"]) - p50(rss["short"]), "MB",
              p50(rss["short"]), "all, 10^2", 8)
    table.row("attach to 10^5 records: RSS", p50(rss["long"]), "MB", p50(rss["floor"]), "floor",
              20)
    for e in (short, long):
        e.stop()
        site.engines.remove(e)
