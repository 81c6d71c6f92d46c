#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents' pictures: a journal in, the console's own picture out, as a PNG."""
import os
import struct
import subprocess
import sys
import tempfile
import zlib

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + "/../integration")
from engine_rig import BUILD, SRC  # noqa: E402

PICTURE = BUILD + "/contrib/picture/picture"
FONTS = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf"
JOURNAL = SRC + "/tests/fixtures/report/cycle.jsonl"
CELL = (12, 23)
MARGIN = 12


def read_png(path):
    """Width, height, rows of RGB: what we write, without libpng's help."""
    with open(path, "rb") as f:
        data = f.read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n", "no PNG"
    at, body, width, height, colours = 8, b"", 0, 0, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        chunk = data[at + 8:at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", chunk[:10])
            assert (depth, colour) == (8, 3), "8 bits, each the index of a colour"
        elif kind == b"PLTE":
            colours = chunk
        elif kind == b"IDAT":
            body += chunk
        at += 12 + size
    raw, rows = zlib.decompress(body), []
    for y in range(height):
        line = raw[y * (width + 1):(y + 1) * (width + 1)]
        assert line[0] == 0, "rows of indices are not filtered"
        rows.append(b"".join(colours[3 * i:3 * i + 3] for i in line[1:]))
    return width, height, rows


def is_red(pixel):
    return pixel[0] > 120 and pixel[1] < 60 and pixel[2] < 60


def share(rows, row, test):
    """How much of a row of cells a colour fills."""
    y = MARGIN + row * CELL[1] + 2      # above the letters
    line = rows[y]
    pixels = [line[i:i + 3] for i in range(0, len(line), 3)]
    return sum(1 for p in pixels if test(p)) / len(pixels)


def run(*args):
    return subprocess.run([PICTURE, *args], capture_output=True, text=True)


def main():
    if not os.access(PICTURE, os.X_OK):
        print("skipped: built without FreeType or libpng")
        return 77
    if not os.path.exists(FONTS):
        print("skipped: fonts-dejavu-core is not installed")
        return 77
    with tempfile.TemporaryDirectory() as d:
        for size in ((80, 24), (40, 15)):
            name = "%dx%d" % size
            out = "%s/%s.png" % (d, name)
            c = run("--size", name, "--keys", "\\e7", JOURNAL, out)
            assert c.returncode == 0, c.stderr
            width, height, rows = read_png(out)
            assert width == size[0] * CELL[0] + 2 * MARGIN, width
            assert height == size[1] * CELL[1] + 2 * MARGIN, height
            red = [share(rows, r, is_red) for r in range(size[1])]
            framed = [r for r in range(size[1]) if red[r] > 0.5]
            assert len(framed) == 2, "the box has a red line above and below: %s" % red
            plain = "%s/plain.png" % d
            assert run("--size", name, JOURNAL, plain).returncode == 0
            quiet = read_png(plain)[2]
            assert max(share(quiet, r, is_red) for r in range(size[1])) < 0.5, \
                "without the box there is no red line"
        again = d + "/again.png"
        run("--size", "40x15", "--keys", "\\e7", JOURNAL, again)
        with open(out, "rb") as a, open(again, "rb") as b:
            assert a.read() == b.read(), "the same every time"
        light = d + "/light.png"
        assert run("--theme", "light", JOURNAL, light).returncode == 0
        assert min(read_png(light)[2][0]) > 200, "light is light"
        c = run(d + "/none.jsonl", out)
        assert c.returncode == 1 and "none.jsonl" in c.stderr, c
        c = run("--fonts", d, JOURNAL, out)
        assert c.returncode == 1 and "fonts-dejavu-core" in c.stderr, c
        c = run("--size", "wide", JOURNAL, out)
        assert c.returncode == 64, c
    print("ok - pictures of the screen")
    return 0


if __name__ == "__main__":
    sys.exit(main())
