#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The prompt in a terminal: several lines, what was typed in an earlier incident, the
# palette by arrows, a paste that sends nothing, and what a typed key costs.
. "${srcdir:-.}/tests/screen/screen.sh"

engine <<'END'
{"say":{"t":"state","what":"vm","status":"running","qmp":"alive","checked":0}}
{"say":{"t":"state","what":"runbooks","runbooks":[{"name":"triage","title":"Triage","description":"what is wrong"},{"name":"disk","title":"Disk","description":"what fills it"}]}}
END
sent() { grep -c '"t":"prompt"' "$DIR/requests"; }
sent_is() { [ "$(sent)" = "$1" ]; }

# a first incident: three lines by three ways
console a 80 24 TERM=xterm-256color -- --history "$DIR/home/state/history"
expect a "say what is wrong"
type_text a "the devvm hangs"
keys a M-Enter
type_text a 'since the backup\'
keys a Enter
type_text a "began"
expect a "> the devvm hangs"
expect a "  since the backup"
expect a "  began"
check "nothing was sent yet" sent_is 0
keys a Enter
expect_asked '"text":"the devvm hangs\nsince the backup\nbegan"'

# a paste with a command inside is text; Enter sends it as one prompt
raw a 1b 5b 32 30 30 7e
type_text a "look at this:"
raw a 0d
type_text a "/cycle"
raw a 0d
type_text a "cycle"
raw a 0d 1b 5b 32 30 31 7e
expect a "  /cycle"
check "a paste sends nothing" sent_is 1
check "a paste opens no box" hides a "Type cycle"
keys a Enter
expect_asked '"text":"look at this:\n/cycle\ncycle\n"'
check "a paste is one prompt" sent_is 2
check "a paste is no verb" sh -c "! grep -q '\"verb\"' $DIR/requests"

# the palette: it comes with "/", arrows choose, Enter runs
keys a /
expect a "Tab completes"
check "it has the first command" wait_for 60 shows a "/forensics"
keys a Down Down
expect a "▸           /forensics"
keys a Enter
expect_asked '"verb":"forensics"'
expect_gone a "Tab completes"
# it goes with Esc and leaves the text; a command typed out needs none of it
type_text a /sta
expect a "/start"
keys a Escape
expect_gone a "Tab completes"
check "Esc keeps what is typed" wait_for 60 shows a "> /sta"
type_text a tus
keys a Enter
expect_asked '"verb":"status"'
# what follows a command
type_text a "/offline d"
keys a Tab
expect a "> /offline disk"
keys a Enter
expect_asked '"name":"disk","offline":true'
# a private line
type_text a " not to be kept"
keys a Enter
check "a line with a blank in front is sent" wait_for 60 sent_is 3
keys a C-d
expect a "left with 0"
check "the file is ours alone" \
    test "$(stat -c %a "$DIR/home/state/history")" = 600
check "a blank in front keeps it out of the file" \
    sh -c "! grep -q 'not to be kept' $DIR/home/state/history"

# the next incident: what was typed is there, by Up and by Ctrl-R
engine_stop
engine <<'END'
{"welcome":{"incident":"2026-11-27-a"}}
{"say":{"t":"state","what":"vm","status":"running","qmp":"alive","checked":0}}
{"wait":"prompt"}
{"say":{"t":"tool","id":"r1","asked":"agent","by":"agent","host":"devvm","what":"cat big"}}
{"flood":{"id":"r1","bytes":20000000}}
END
console b 40 15 TERM=xterm-256color -- --history "$DIR/home/state/history"
expect b "say what is wrong"
keys b Up
expect b "> /offline disk"
keys b Up Up
expect b "> /forensics"
keys b C-e C-u C-r
type_text b "backup"
expect b "find \`backup'"
expect b "since the backup"
keys b Escape
expect b "> the devvm hangs"
# half a key behind a search ends the search, and nothing else
keys b C-r C-x y
expect b "> the devvm hangs"
keys b C-c
check "Ctrl-C keeps the text" wait_for 60 shows b "> the devvm hangs"

# what a key costs: never more than 64 bytes
python3 "$SRC/tests/screen/prompt_bytes.py" "$CONSOLE" "$DIR/engine.sock" > "$DIR/bytes" 2>&1 ||
    { FAILED=1; }
cat "$DIR/bytes"
finish
