#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Every spelling of a key reaches its verb, no slip of the finger does.
. "${srcdir:-.}/tests/screen/screen.sh"

engine <<'END'
{"say":{"t":"state","what":"vm","status":"running","qmp":"hung","checked":0,"staged":[{"key":"memory","from":"8192","to":"16384"}]}}
END
console a 80 24 TERM=xterm-256color
expect a "This gets it back"

count() { grep -c "\"verb\":\"$1\"" "$DIR/requests"; }
count_is() { [ "$(count "$1")" = "$2" ]; }

# help in the spellings of xterm, PuTTY, Linux and the twin; no stray text
for seq in "1b 4f 50" "1b 5b 31 31 7e" "1b 5b 5b 41" "1b 31"; do
	raw a $seq
	expect a "- Esc closes"
	keys a Escape
	expect_gone a "- Esc closes"
done
check "no stray text in the prompt" wait_for 60 shows a "say what is wrong"

# an answer of the terminal that comes late is no key
raw a 1b 5b 3f 36 34 3b 31 3b 32 63
raw a 1b 50 3e 7c 78 74 65 72 6d 1b 5c
type_text a "é世x"
expect a "> é世x"
keys a C-u
expect a "say what is wrong"

# a verb that changes nothing is sent at once
keys a F2
expect_asked '"verb":"status"'

# mistap: the box opens, anything but the word closes it
keys a F7
expect a "Type cycle and Enter"
expect a "memory  8192 -> 16384"
listens a
type_text a x
expect a "Nothing was sent"
expect_gone a "Type cycle and Enter"
check "a mistap sends nothing" count_is cycle 0

# type-ahead is no answer
keys a F4 y y y
expect a "Press y to do it"
check "what was typed before the box was seen is no answer" count_is start 0
listens a
keys a Escape
expect_gone a "Press y to do it"

# Esc, then the digit; the word, half typed, through a resize
keys a Escape
expect a "Esc…"
type_text a 7
expect a "Type cycle and Enter"
listens a
type_text a cyc
expect a "Enter: cyc"
T resize-window -t =a: -x 40 -y 15
expect a "Enter: cyc"
T resize-window -t =a: -x 80 -y 24
expect a "Enter: cyc"
type_text a le
keys a Enter
expect_asked '{"t":"verb","verb":"cycle","confirm":"cycle"}'
check "exactly one cycle" count_is cycle 1

# slash commands, with completion
type_text a /foren
keys a Tab Enter
expect_asked '"verb":"forensics"'
type_text a "/shutdown now"
keys a Enter
expect a "There is no /shutdown now"

# a paste is text, whatever is in it
raw a 1b 5b 32 30 30 7e 61 0d 1b 5b 31 38 7e 62 1b 5b 32 30 31 7e
expect a "> a"
expect a "  [18~b"
expect_gone a "Type cycle"
keys a C-u

# history, and a search in it
type_text a "look at the disk"
keys a Enter
expect_asked '"text":"look at the disk"'
keys a C-r
type_text a "the d"
expect a "(reverse-i-search)"
expect a "look at the disk"
keys a C-e C-u
expect a "say what is wrong"

# vi: Esc leads to its command mode, and is ours on an empty prompt only
console v 80 24 TERM=xterm-256color -- --vi
expect v "say what is wrong"
type_text v "abc"
keys v Escape
listens v
type_text v "0x"
expect v "> bc"
keys v Escape
listens v
type_text v "dd"
expect v "say what is wrong"
keys v Escape
expect v "Esc…"
type_text v 1
expect v "- Esc closes"

# Ctrl-C stops the agent and never quits; Ctrl-D on an empty prompt leaves
keys a C-c
expect_asked '"t":"cancel"'
type_text a zz
keys a C-d
expect a "> zz"
keys a C-u C-d
expect a "left with 0"
finish
