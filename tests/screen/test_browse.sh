#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Reading with keys: a search while text comes, a selection, a copy; the prompt keeps
# what was typed, F-keys and their twins work, a paste presses no key.
. "${srcdir:-.}/tests/screen/screen.sh"

engine <<'END'
{"say":{"t":"state","what":"vm","status":"running","qmp":"alive","checked":0}}
{"say":{"t":"prompt","turn":1,"text":"the devvm is slow","state":"started","by":"anna"}}
{"say":{"t":"text","turn":1,"block":0,"text":"I look at the **disk** first.\n\nThen at what writes to it.\n"}}
{"say":{"t":"tool","id":"r1","asked":"agent","host":"devvm","what":"df -h /"}}
{"say":{"t":"output","id":"r1","stream":"out","off":0,"data":"Filesystem Size Used\n/dev/sda1 64G 61G\n/dev/sdb1 99G 98G\n"}}
{"say":{"t":"output","id":"r1","stream":"err","off":0,"data":"df: stale file handle\n"}}
{"wait":"verb"}
{"say":{"t":"tool","id":"r2","asked":"agent","host":"devvm","what":"journalctl -f"}}
{"flood":{"id":"r2","bytes":200000}}
END
console a 80 24 TERM=xterm-256color
expect a "stale file handle"
type_text a "half a thought"
keys a C-t
expect a "q back"
check "the prompt's words are not shown" wait_for 60 hides a "half a thought"
keys a Tab
expect a "▸ tools"

# found as it is typed, and back again
keys a /
type_text a "/dev/sd"
expect a "match 1 of 2"
keys a Enter n
expect a "match 2 of 2"
expect a "/dev/sda1 64G 61G                                                              ◂"
keys a /
type_text a "nowhere"
expect a "not in the"
keys a Escape m # together they are one Alt-m; it means the same
expect a "1 line "
expect a "/dev/sda1 64G 61G                                                              ◂"

# a selection, kept while a flood comes
keys a Down
expect a "2 lines"
keys a F2
expect_asked '"verb":"status"'
expect a "999+ below"
expect a "/dev/sdb1 99G 98G                                                              ◂"

# a paste is no key
raw a 1b 5b 32 30 30 7e 71 79 0d 1b 5b 32 30 31 7e
expect a "nothing was taken"
check "the mode is still on" wait_for 60 shows a "◂"

# the copy: in this tmux it arrives in its buffer
T set-option -s set-clipboard on
keys a y
copied() { T show-buffer 2>/dev/null | grep -qF '/dev/sdb1 99G 98G'; }
check "what was selected is in the clipboard" wait_for 60 copied
check "and nothing else" test "$(T show-buffer)" = "/dev/sda1 64G 61G
/dev/sdb1 99G 98G"

# the twin of an F-key comes through an Esc; the mode is there again
keys a Escape
type_text a 7
expect a "Type cycle and Enter"
listens a
keys a Escape
expect_gone a "Type cycle and Enter"
expect a "◂"
check "nothing was sent" sh -c "! grep -q cycle $DIR/requests"
keys a q
expect a "half a thought"
expect_gone a "◂"

# /find from the prompt; a page can be searched, too
keys a C-u
type_text a "/find stale file"
keys a Enter
expect a "match 1 of 1"
keys a q
keys a F1
expect a "help 1 of 4"
keys a Right Right Right
expect a "help 4 of 4"
keys a /
type_text a "cold case"
expect a "match 1 of 3"
keys a Enter q Escape
expect_gone a "help 3 of 4"
finish
