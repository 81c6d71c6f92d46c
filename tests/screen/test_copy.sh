#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Text out of the console: into tmux's buffer, by OSC 52, in print, into a file, into the
# pager; and back to the screen as it was.
. "${srcdir:-.}/tests/screen/screen.sh"

engine <<'END'
{"say":{"t":"prompt","turn":1,"by":"anna","text":"what is wrong?"}}
{"say":{"t":"text","turn":1,"block":0,"text":"The disk is full.\nÄrger 世界 \u001b]52;c;ZXZpbA==\u0007 end"}}
END
text='The disk is full.
Ärger 世界 ␛ end'
# after each way back keys are not heard for a quarter of a second: they were not for us
deaf() { sleep 0.3; }
command_of() { type_text "$1" "$2"; keys "$1" Enter; }

# inside tmux: in its buffer, with no setting of tmux's at all
console a 80 24 TERM=screen-256color
expect a "The disk is full."
command_of a /copy
expect a "into tmux's buffer"
check "tmux has it" [ "$(T show-buffer)" = "$text" ]

# in print: nothing but the text, then Enter
command_of a "/copy print"
expect a "[Enter comes back to breakglass]"
check "no picture round it" wait_for 60 hides a "│"
check "nothing but the text" sh -c "tmux -S $DIR/tmux capture-pane -p -t =a: | grep -qx 'The disk is full.'"
type_text a "xyz"
check "a letter is no Enter" wait_for 60 shows a "[Enter comes back"
keys a Enter
expect a "into tmux's buffer"
deaf
check "what was typed there is no text here" hides a "xyz"

# into a file of ours alone; the next one gets a number
command_of a "/copy file"
expect a "/breakglass-2026-11-26-a-copy.txt"
check "the file has it" [ "$(cat "$DIR/breakglass-2026-11-26-a-copy.txt")" = "$text" ]
check "for us alone" [ "$(stat -c %a "$DIR/breakglass-2026-11-26-a-copy.txt")" = 600 ]
command_of a "/copy file"
expect a "/breakglass-2026-11-26-a-copy-2.txt"
command_of a "/copy bell"
expect a "Copy how?"

# where there is no less, more is the pager
pager_says="q comes back to breakglass"
command -v less >/dev/null || pager_says="(END)"

# into the pager: curses is left, facts are taken, the picture comes back
command_of a /view
expect a "$pager_says"
check "the text is there" wait_for 60 shows a "Ärger 世界 ␛ end"
keys a q q
expect a "say what is wrong"

# a pager that is none, or ends at once: the next one; none at all: print
console n 80 24 TERM=screen-256color PAGER=/nonexistent/pager
expect n "The disk is full."
command_of n /view
expect n "$pager_says"
keys n q
expect n "> "
console m 80 24 TERM=screen-256color PAGER=false
expect m "The disk is full."
command_of m /view
expect m "$pager_says"
keys m q
expect m "say what is wrong"
console p 80 24 TERM=screen-256color PATH=/nonexistent
expect p "The disk is full."
command_of p /view
expect p "[Enter comes back to breakglass]"
keys p Enter
expect p "say what is wrong"

# the last pager starts, and fails: the text is printed all the same, and Enter is heard
console q 80 24 TERM=screen-256color PAGER=/bin/false PATH=/nonexistent
expect q "The disk is full."
command_of q /view
expect q "[Enter comes back to breakglass]"
deaf
keys q Enter
expect q "say what is wrong"

# a word that is no run is not copied instead
command_of a "/save last"
expect a "Which run?"

# over ssh from within a tmux: no $TMUX, the sequence does it where tmux may take it
T set -s set-clipboard on
console s 80 24 -u TMUX TERM=tmux-256color
expect s "The disk is full."
T set-buffer nothing
command_of s /copy
expect s "set-clipboard"
has_it() { [ "$(T show-buffer)" = "$text" ]; }
check "tmux has it from the sequence" wait_for 60 has_it
console t 80 24 -u TMUX TERM=screen
expect t "The disk is full."
T set-buffer nothing
command_of t /copy
expect t "through tmux or screen"
check "and where it is called screen" wait_for 60 has_it

# in browse mode the row says it
keys t C-t
keys t y
expect t "Copied"

finish
