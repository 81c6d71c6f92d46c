#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What a host, a model or a file name says never reaches the terminal as a control
# sequence: the bytes that leave the console are searched for it.
. "${srcdir:-.}/tests/screen/screen.sh"

python3 - "$SRC/tests/fixtures/hostile-terminal.jsonl" > "$DIR/in" <<'END'
import base64, json, sys
def say(**f): print(json.dumps({"say": f}))
say(t="tool", id="r1", asked="agent", host="devvm", what="cat \u001b]0;EVILTITLE\u0007log")
off = 0
for n, line in enumerate(open(sys.argv[1])):
    row = json.loads(line)
    if row.get("repeat", 1) > 1000:
        continue
    raw = bytes.fromhex(row.get("prefix_hex", "")) + bytes.fromhex(row.get("hex", "")) * row.get("repeat", 1) \
        + bytes.fromhex(row.get("suffix_hex", "")) + b"\n"
    say(t="output", id="r1", stream="out" if n % 2 else "err", off=None, data_b64=base64.b64encode(raw).decode())
    text = raw.decode("utf-8", "replace").replace("\0", "")
    say(t="text", turn=1, block=n, text=text)
    say(t="error", where=text[:40], text=text, todo=text)
    say(t="state", what="vm", status=text[:30], qmp=text[:10], job=text)
say(t="note", text="THE END")
say(t="tool_end", id="r1", exit=0, ms=1, out=0, err=0)
END
grep -v '"off": null' "$DIR/in" > "$DIR/in2"
python3 - "$DIR/in" > "$DIR/in3" <<'END'
import base64, json, sys
off = {"out": 0, "err": 0}
for line in open(sys.argv[1]):
    step = json.loads(line)
    f = step["say"]
    if f["t"] == "output":
        f["off"] = off[f["stream"]]
        off[f["stream"]] += len(base64.b64decode(f["data_b64"]))
    print(json.dumps(step))
END
engine < "$DIR/in3"
T new-session -d -x 80 -y 24 -s h "sleep 0.2; env TERM=xterm-256color $CONSOLE $DIR/engine.sock; exec cat"
T pipe-pane -t =h: -o "cat > $DIR/bytes"
expect h "THE END"
keys h PPage PPage PPage Tab PPage PPage
expect h "new below"
keys h F10
expect h "Detached"
python3 - "$DIR/bytes" <<'END' || FAILED=1
import re, sys
data = open(sys.argv[1], "rb").read()
allowed = re.compile(
    rb"\x1b\[\d*(;\d+)*[HABCDJKdGmrLMPXbST@]"   # cursor, erase, colours
    rb"|\x1b\[\?(1|7|12|25|1049|2004)(;25)?[hl]|\x1b\[22;0;0t|\x1b\[23;0;0t|\x1b\[4l|\x1b\[!p"
    rb"|\x1b[()][B0]|\x1b[=>78M]|\x1b\[\?1h|\x1b\[>?4;?\d?m")
rest = allowed.sub(b"", data)
bad = [c for c in rest if c < 0x20 and c not in b"\r\n\x08\t"]
if bad or b"\x7f" in rest or b"\xc2\x9b" in rest:
    i = next(i for i, c in enumerate(rest) if (c < 0x20 and c not in b"\r\n\x08\t") or c == 0x7f)
    sys.exit("FAIL: control bytes left the console: %r" % rest[max(0, i - 20):i + 60])
if re.search(rb"\x1b\]|\x1bP|\x1b_|\x1b\^", data):
    sys.exit("FAIL: a string sequence left the console")
text = rest.decode("utf-8")
hidden = [hex(ord(c)) for c in text if 0x202a <= ord(c) <= 0x202e or 0x2066 <= ord(c) <= 0x2069
          or 0x200b <= ord(c) <= 0x200f or 0xe0000 <= ord(c) <= 0xe0fff or 0x80 <= ord(c) < 0xa0]
if hidden:
    sys.exit("FAIL: hidden characters left the console: %s" % hidden[:5])
END
finish
