#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The agent's ssh: what goes in comes out unchanged, everything else is refused.
set -u
. "$(dirname "$0")/agent_lib.sh"
ssh=$agent/shim/ssh

start_rig RIG_NO_DRIVER=1

# Both streams and the exit status pass through, apart.
$ssh devvm 'echo out; echo err >&2; exit 7' >"$dir/o" 2>"$dir/e" </dev/null
[ $? = 7 ] || fail "exit status is not the command's"
[ "$(cat "$dir/o")/$(cat "$dir/e")" = out/err ] || fail "streams are mixed or lost"

# Arguments are joined by single spaces, bytes unchanged.
$ssh devvm printf "'%s|'" 'a  b' $'c\xff\x01d' >"$dir/o" </dev/null || fail "printf"
printf 'a|b|c\xff\x01d|' | cmp - "$dir/o" || fail "the command's bytes are not as given"

# A megabyte in both directions: pipe, file, heredoc; every byte value.
head -c 1048576 /dev/urandom >"$dir/data"
$ssh devvm cat <"$dir/data" | cmp - "$dir/data" || fail "a file as input"
cat "$dir/data" | $ssh devvm cat | cmp - "$dir/data" || fail "a pipe as input"
[ "$($ssh devvm sh -s <<'X'
echo from a script
X
)" = "from a script" ] || fail "a heredoc as input"
$ssh devvm 'head -c 1048576 /dev/zero' </dev/null | cmp -n 1048576 - /dev/zero || fail "1 MiB"

# Input that the host takes late is held back and not lost, and neither is its end.
head -c 9000000 /dev/urandom >"$dir/big"
$ssh devvm 'sleep 0.3; cat' <"$dir/big" | cmp - "$dir/big" || fail "late input"
# A command that ends without reading it all ends the shim too, with its own status.
head -c 50000000 /dev/zero | timeout 60 $ssh devvm 'exit 3' 2>"$dir/e"
[ "${PIPESTATUS[1]}" = 3 ] || fail "unread input hides the status: $(cat "$dir/e")"

# Input that never ends does not keep it: a socket is not forwarded, a pipe is not waited for.
python3 - "$ssh" <<'X' || fail "a socket as standard input kept the shim"
import socket, subprocess, sys
a, b = socket.socketpair()
p = subprocess.run([sys.argv[1], "devvm", "cat; echo ended"], stdin=b, stdout=-1, timeout=60)
sys.exit(p.stdout != b"ended\n")
X
timeout 60 bash -c 'sleep 600 | { "$0" devvm true; kill -9 0; }' "$ssh" 2>/dev/null
[ $? != 124 ] || fail "an open pipe kept the shim after the command's end"

# A reader that goes away ends it quietly, and the run with it.
mark
$ssh devvm 'yes' 2>"$dir/e" </dev/null | head -n 1 >/dev/null
[ "${PIPESTATUS[0]}" = 141 ] || fail "a lost reader is not a SIGPIPE"
expect 5 'run-abandoned'
[ -s "$dir/e" ] && fail "it complained: $(cat "$dir/e")"

# A reader that does not read: held to a maximum, then the broker waits, and all arrives.
mark
mkfifo "$dir/slow"
$ssh devvm 'head -c 30000000 /dev/zero' </dev/null >"$dir/slow" &
exec 8<"$dir/slow"
expect 10 'run-held'
[ "$(wc -c <&8)" = 30000000 ] || fail "held output is lost"
exec 8<&-
wait $! || fail "the held run's status"
expect 5 'run-ready'

# A shim that is killed abandons its run.
mark
$ssh devvm 'exec sleep 600' </dev/null &
expect 5 'run [0-9]+ devvm exec sleep 600'
kill -9 $!
wait $! 2>/dev/null
expect 5 'run-abandoned'

# pve: a verb runs, everything else is the broker's to refuse.
[ "$($ssh pve status </dev/null)" = "verb status" ] || fail "a verb"
for bad in 'status; id' ' status' STATUS 'cycle now' ''; do
	$ssh pve "$bad" 2>"$dir/e" </dev/null
	[ $? = 64 ] || fail "pve '$bad' is not refused"
	grep -q 'status forensics start stop reset cycle' "$dir/e" || fail "no word on what is allowed"
done

# What is no command at all never leaves the shim.
mark
for bad in '' devvm pve '-V' 'root@devvm id' 'other id' '-o X=y devvm id' 'devvm -t id' 'devvm -- id'; do
	$ssh $bad >"$dir/o" 2>"$dir/e" </dev/null
	[ $? = 64 ] || fail "'ssh $bad' is not refused"
	grep -q 'Allowed: ssh devvm COMMAND' "$dir/e" || fail "'ssh $bad' does not say what is allowed"
	[ -s "$dir/o" ] && fail "'ssh $bad' writes to standard output"
done
events 'run [0-9]' && fail "a refused call reached the broker: $(event 'run ')"
$ssh devvm "$(head -c 70000 /dev/zero | tr '\0' x)" 2>"$dir/e" </dev/null
[ $? = 64 ] || fail "a command of 70 KB"

# At most 32 at once; the 33rd is told to wait, and there is room again afterwards.
mark
sleep 600 &
hold=$!
pids=
for i in $(seq 32); do
	$ssh devvm "exec tail --pid=$hold -s 0.2 -f /dev/null" </dev/null &
	pids="$pids $!"
done
wait_for 30 eval '[ "$(tail -n +$from "$dir/events" | grep -c "devvm exec tail")" = 32 ]' || fail "32 runs"
$ssh devvm true 2>"$dir/e" </dev/null
[ $? = 75 ] && grep -q 'wait until one' "$dir/e" || fail "the 33rd: $(cat "$dir/e")"
kill $hold
hold=''
wait $pids
$ssh devvm true </dev/null || fail "no room after they ended"

# Whoever speaks out of turn, claims to be agent-host, or says nothing sensible gets nothing.
python3 - "$BREAKGLASS_SOCKET" <<'X' || fail "the socket took what it must not take"
import json, socket, sys
def talk(data):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(60)
    s.connect(sys.argv[1])
    s.sendall(data)
    out = b""
    while True:
        part = s.recv(65536)
        if not part:
            return out
        out += part
HELLO = b'{"t":"hello","v":1,"role":"shim"}\n'
for bad in (b'{"t":"hello","v":1,"role":"agent-host"}\n', b'{"t":"hello","v":9,"role":"shim"}\n',
            b'{"t":"hello","v":1,"role":"king"}\n', b'{"t":"run","host":"devvm","command":"id"}\n',
            b'hello\n', b'{"t":"hello","v":1,"role":"shim","x":1}\n'):
    assert b'"denied"' in talk(bad), bad
for bad in (HELLO + b'{"t":"run","host":"devvm"}\n',
            HELLO + b'{"t":"run","command":"id"}\n',
            HELLO + b'{"t":"run","host":"devvm","command":"id","as":"root"}\n'):
    assert talk(bad)[:1] == b"r", bad
assert talk(HELLO + b'{"t":"run","host":"devvm","command":"sleep 9"}\n' + b"z\0\0\0\1z") == b""
# The end of input, sent right behind input that the host takes late, comes after it.
slow = "n=0; while m=$(head -c 32768 | wc -c) && [ $m -gt 0 ]; do n=$((n+m)); sleep 0.005; done; echo $n"
def frame(data):
    return b"i" + len(data).to_bytes(4, "big") + data
for size in range(1600000, 1664000, 16000):
    parts = [frame(b"x" * min(16384, size - at)) for at in range(0, size, 16384)]
    got = talk(HELLO + json.dumps({"t": "run", "host": "devvm", "command": slow}).encode() +
               b"\n" + b"".join(parts) + frame(b""))
    assert str(size).encode() in got, got
# Whatever the bytes are, it is answered or closed, and the next one is served.
import random
random.seed(1)
for i in range(300):
    data = HELLO if i % 3 else b""
    data += b'{"t":"run","host":"devvm","command":"true"}\n' if i % 3 == 2 else b""
    data += bytes(random.choice(b'{}[]":,\n\0i\xffrunhost') for _ in range(random.randrange(400)))
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    try:
        s.sendall(data)
    except OSError:
        pass # closed on us: that is an answer
    s.close()
X
wait_for 10 $ssh devvm true || fail "the socket is out of order after that"

# Output that comes byte by byte, to a shim that does not read: as few frames as there can be.
stop_rig
start_rig RIG_NO_DRIVER=1 RIG_BYTES=1
python3 - "$BREAKGLASS_SOCKET" "$dir/events" <<'X' || fail "a frame a byte"
import socket, sys, time
SIZE = 2 << 20
s = socket.socket(socket.AF_UNIX)
s.settimeout(60)
s.connect(sys.argv[1])
s.sendall(b'{"t":"hello","v":1,"role":"shim"}\n{"t":"run","host":"devvm","command":'
          b'"head -c %d /dev/zero; printf err >&2; printf end","stdin":false}\n' % SIZE)
until = time.monotonic() + 60
while "run-end" not in open(sys.argv[2]).read():    # all of it waits by then
    assert time.monotonic() < until, "it did not end"
    time.sleep(0.01)
data = b""
while True:
    part = s.recv(1 << 20)
    if not part:
        break
    data += part
at = frames = 0
got = {}
while at < len(data):
    kind, size = data[at:at + 1], int.from_bytes(data[at + 1:at + 5], "big")
    assert size <= 32768, size
    got[kind] = got.get(kind, b"") + data[at + 5:at + 5 + size]
    at += 5 + size
    frames += 1
assert len(got[b"o"]) == SIZE + 3 and got[b"o"].endswith(b"\0end"), len(got[b"o"])
assert got[b"e"] == b"err" and got[b"x"] == bytes(4), got
# what a socket holds went out piece by piece, before anything had to wait
assert frames < 100000, frames
X

# No engine: one sentence, at once.
stop_rig
$ssh devvm true 2>"$dir/e" </dev/null
[ $? = 69 ] || fail "no engine"
BREAKGLASS_SOCKET='' $ssh devvm true 2>>"$dir/e" </dev/null
[ "$(wc -l <"$dir/e")" = 2 ] || fail "words without an engine: $(cat "$dir/e")"

# An engine that dies under a run.
start_rig RIG_NO_DRIVER=1
$ssh devvm 'exec sleep 600' 2>"$dir/e" </dev/null &
shim_pid=$!
expect 5 'run [0-9]+ devvm exec sleep 600'
kill -9 "$rig_pid"
wait $shim_pid
[ $? = 255 ] && grep -q unknown "$dir/e" || fail "a dead engine: $(cat "$dir/e")"
echo "the shim keeps its word"
