#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The night's story, from the verdict to the proof: each thing is on the screen when it
# arrives, on a big one, on a phone's, and without a screen.
. "${srcdir:-.}/tests/screen/screen.sh"

engine <<'END'
{"say":{"t":"state","what":"vm","status":"running","qmp":"hung","checked":0,"staged":[{"key":"memory","from":"8192","to":"16384"}]}}
{"say":{"t":"state","what":"link","host":"pve","state":"up","ms":12,"since":0}}
{"wait":"note"}
{"say":{"t":"verdict","word":"hung","advice":"cycle","id":"v1","checked":0,"partial":true,"why":"QEMU's main loop does not answer","evidence":["host: QMP silent for 3.0 s"],"not":[{"verb":"reset","why":"it goes to the QEMU that hangs"}]}}
{"say":{"t":"verdict","word":"hung","advice":"cycle","id":"v1","checked":0,"why":"QEMU's main loop does not answer","evidence":["host: QMP silent for 3.0 s","devvm: tcp in 3 ms, no banner\u001b[2J"],"not":[{"verb":"reset","why":"it goes to the QEMU that hangs"}]}}
{"wait":"note"}
{"say":{"t":"verdict","word":"hung","advice":"cycle","id":"v2","checked":0,"why":"QEMU's main loop does not answer","at":"2026-11-26T03:20:00.000Z","not":[{"verb":"reset","why":"it goes to the QEMU that hangs"}]}}
{"wait":"verb"}
{"say":{"t":"verb","id":"v3","verb":"cycle","state":"sent","run":"r3"}}
{"say":{"t":"verb","id":"v3","verb":"cycle","state":"finished","exit":0,"ms":9000,"result":"running"}}
{"say":{"t":"state","what":"proof","seq":90,"when":"after","verb":"cycle","ms":9500,"rungs":[{"rung":"tcp","ok":true,"ms":9400},{"rung":"banner","ok":false},{"rung":"disk","ok":false}],"text":"the devvm is coming back"}}
{"wait":"note"}
{"say":{"t":"state","what":"proof","seq":91,"when":"after","verb":"cycle","ms":31000,"end":"healthy","done":true,"rungs":[{"rung":"tcp","ok":true,"ms":9400},{"rung":"banner","ok":true,"ms":21000},{"rung":"disk","ok":true,"ms":31000}],"table":[{"what":"QEMU pid","before":4711,"after":5022,"ok":true}],"text":"the devvm is back"}}
{"say":{"t":"verdict","seq":92,"word":"healthy","advice":"none","checked":0,"why":"nothing is wrong"}}
{"wait":"note"}
{"say":{"t":"state","what":"vm","status":"running","checked":0,"host_program":"old","host_todo":"/usr/share/breakglass/contrib/bootstrap pve --to root@192.168.1.127 --apply"}}
{"say":{"t":"state","what":"unfinished","verb":"cycle","who":"ben","when":"2026-11-26T03:00:00.000Z","outcome":"interrupted","now":"VM 102 is stopped","key":"start"}}
{"wait":"note"}
{"say":{"t":"state","what":"unfinished","verb":"cycle","settled":true}}
END
mkfifo "$DIR/in"
"$CONSOLE" "$DIR/engine.sock" --linear < "$DIR/in" > "$DIR/out" 2> "$DIR/stderr.linear" &
pid=$!
exec 3> "$DIR/in"
says() { grep -qF -- "$1" "$DIR/out"; }
hear() { wait_for 60 says "$1" || { echo "FAIL: never said: $1"; cat "$DIR/out"; FAILED=1; }; }
hear "VM 102 running"
console big 80 24 TERM=xterm-256color
console phone 40 15 TERM=xterm-256color
for s in big phone; do expect $s "running"; done
next() { echo "/note on" >&3; }

# the verdict: word on the top line, block, key
next
for s in big phone; do
	expect $s "verdict: hung"
	expect $s "no banner␛"
	expect $s "F7 cycle, or Esc 7"
	expect_gone $s "hung?"
	check "the word is on the top line ($s)" wait_for 60 sh -c \
	    "tmux -S $DIR/tmux capture-pane -p -t =$s: | head -n 1 | grep -q '│ hung'"
done
hear "Verdict: hung"
hear "Advised: /cycle."
hear "Choose: 1 cycle (advised), 2 forensics"

# the same again is one line
next
for s in big phone; do expect $s "still hung, 03:20"; done

# the page behind it
type_text phone /verdict
keys phone Enter
expect phone "verdict - Esc closes"
keys phone Escape
expect_gone phone "verdict - Esc closes"

# the box
keys big F6
expect big "WRONG NOW: it goes to the QEMU that hangs"
expect big "does NOT apply"
listens big
keys big Escape
expect_gone big "WRONG NOW"
keys big F7
expect big "the verdict advises this"
expect big "memory  8192 -> 16384"
expect big "Type cycle"
listens big
type_text big cycle
keys big Enter
expect_asked '{"t":"verb","verb":"cycle","confirm":"cycle"}'

# the climb back, then the table
for s in big phone; do expect $s "banner: waiting"; done
hear "devvm: tcp after 9.4 s"
next
expect big "QEMU pid  4711    5022   ok"
expect phone "ok QEMU pid 4711 -> 5022"
for s in big phone; do expect $s "verdict: healthy"; done

# banners come, and go
next
expect big "bootstrap pve --to root@192.168.1.127 --apply"
for s in big phone; do expect $s "UNFINISHED cycle: F4 start (Esc 4)"; done
hear "UNFINISHED cycle: /start is next. VM 102 is stopped"
next
for s in big phone; do expect_gone $s "UNFINISHED"; done
echo /verdict >&3
hear "bootstrap pve --to root@192.168.1.127 --apply"
echo /detach >&3
wait $pid
check "no escape sequence without a screen" sh -c "! grep -q $'\x1b' $DIR/out"
finish
