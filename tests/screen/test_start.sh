#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Whatever the terminal is called and however big it is: the console starts in it,
# says what to do, and gives it back as it was.
. "${srcdir:-.}/tests/screen/screen.sh"

engine <<'END'
{"say":{"t":"state","what":"vm","status":"running","qmp":"alive","checked":0}}
END

for size in "80 24" "40 15" "20 6" "200 50" "12 4"; do
	set -- $size
	console "s$1" "$1" "$2" TERM=xterm-256color
	expect "s$1" running
	check "no line is longer than the terminal ($size)" \
	    test "$(screen "s$1" | wc -L)" -le "$1"
done

# resizing, through all layouts and back
T resize-window -t =s80: -x 40 -y 15
expect s80 "Tab: tools"
T resize-window -t =s80: -x 20 -y 6
expect_gone s80 "Tab: tools"
T resize-window -t =s80: -x 140 -y 40
expect s80 "┬"
T resize-window -t =s80: -x 80 -y 24
expect s80 "F7cycle"

# names of terminals that terminfo does not know, or that are no name at all
n=0
for term in "-u TERM" TERM=unknown TERM=xterm-ghostty TERM=vt100 TERM=linux TERM=screen TERM= \
    "TERM=$(printf 'x%.0s' {1..200})"; do
	name=t$((++n))
	console "$name" 80 24 "$term"
	expect "$name" "This gets it back"
	check "no error for $term" test ! -s "$DIR/stderr.$name"
done

# environments that are no help
console posix 80 24 TERM=xterm LC_ALL=POSIX
expect posix "─"
console nocolour 80 24 TERM=xterm-256color NO_COLOR=1
expect nocolour running
check "NO_COLOR means no colour" \
    sh -c "! tmux -S $DIR/tmux capture-pane -e -p -t =nocolour: | grep -q '\[[0-9;]*3[1-7]m'"
# terminals whose terminfo has no size are what they are, with colours and F-keys
for t in linux putty; do
	infocmp $t >/dev/null 2>&1 || continue
	console $t 80 24 TERM=$t
	expect $t "F7cycle"
	check "$t has colours" \
	    sh -c "tmux -S $DIR/tmux capture-pane -e -p -t =$t: | grep -q '\[[0-9;]*3[1-7]m'"
done
console terminfo 80 24 TERM=xterm TERMINFO=/dev/null TERMCAP=x
expect terminfo running

# dumb: no cursor movement, line by line
console dumb 80 24 TERM=dumb
expect dumb "line by line"
expect dumb "Connected"
check "a dumb terminal gets no escape sequence" \
    sh -c "! tmux -S $DIR/tmux capture-pane -e -p -t =dumb: | grep -q '^.*\[[0-9]*;[0-9]*H'"

# a size of nothing is 80x24
T new-session -d -x 80 -y 24 -s zero \
    "stty rows 0 cols 0; env TERM=xterm $CONSOLE $DIR/engine.sock; exec cat"
expect zero running

# leaving: the terminal is as it was
keys s80 F10
expect s80 "left with 0"
expect s80 " icanon"
check "echo is back" wait_for 60 shows s80 " echo "
finish
