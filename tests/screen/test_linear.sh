#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Without a screen: the same commands line by line, through pipes.
. "${srcdir:-.}/tests/screen/screen.sh"

engine <<'END'
{"say":{"t":"state","what":"vm","status":"running","qmp":"alive","checked":0}}
{"wait":"prompt"}
{"say":{"t":"text","turn":1,"block":0,"text":"I look at **it**."}}
{"say":{"t":"tool","id":"r1","asked":"agent","host":"devvm","what":"uptime"}}
{"say":{"t":"output","id":"r1","stream":"out","off":0,"data":"up 3 days\u001b[2J\n"}}
{"say":{"t":"tool_end","id":"r1","exit":0,"ms":3,"out":10,"err":0}}
{"wait":"verb"}
{"say":{"t":"verb","id":"v1","verb":"cycle","state":"asked","by":"anna"}}
{"say":{"t":"verb","id":"v1","verb":"cycle","state":"finished","exit":0,"ms":4000,"result":"running"}}
END
mkfifo "$DIR/in"
"$CONSOLE" "$DIR/engine.sock" --linear < "$DIR/in" > "$DIR/out" 2> "$DIR/err" &
pid=$!
exec 3> "$DIR/in"
says() { grep -qF -- "$1" "$DIR/out"; }
hear() { wait_for 60 says "$1" || { echo "FAIL: never said: $1"; cat "$DIR/out"; FAILED=1; }; }
hear "Connected"
echo "what is wrong?" >&3
hear "I look at it."
hear "[r1] up 3 days␛"
hear "[r1] exit 0"
echo /cycle >&3
hear "Type cycle and Enter"
echo no >&3
hear "Nothing was sent"
check "a No sends nothing" sh -c "! grep -q '\"verb\":\"cycle\"' $DIR/requests"
echo /cycle >&3
echo cycle >&3
expect_asked '{"t":"verb","verb":"cycle","confirm":"cycle"}'
hear "done in 4.0 s: running"
echo /detach >&3
wait $pid
check "it leaves with 0" test $? -eq 0
check "no escape sequence at all" sh -c "! grep -q $'\x1b' $DIR/out"
finish
