#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# However the console ends, its terminal is usable afterwards; and while it lives it comes
# back to an engine that went away, with everything shown once.
. "${srcdir:-.}/tests/screen/screen.sh"

script()
{
	cat <<'END'
{"say":{"t":"note","text":"first note"}}
{"say":{"t":"note","text":"second note"}}
END
}
engine < <(script)
pid_of() { T list-panes -t "=$1:" -F '#{pane_pid}' | xargs -I{} pgrep -P {} -f console-main; }
up() { pid_of "$1" > /dev/null; }

for sig in TERM HUP SEGV ABRT; do
	s=k$sig
	console $s 80 24 TERM=xterm-256color
	expect $s "second note"
	kill -$sig "$(pid_of $s)"
	expect $s "left with"
	expect $s " icanon"
	check "$sig: echo is back" wait_for 60 shows $s " echo "
	check "$sig: line ends are translated again" wait_for 60 shows $s " onlcr"
	check "$sig: the screen from before is back" wait_for 60 hides $s "second note"
done

# suspend and continue
T new-session -d -x 80 -y 24 -s z "bash --norc -i"
# what is typed before the shell waits for a command may be another's, or lost
waits() { screen z | grep . | tail -n 1 | grep -q '[$#] *$'; }
shell() { check "the shell waits" wait_for 60 waits; }
shell
type_text z "env TERM=xterm-256color $CONSOLE $DIR/engine.sock"
keys z Enter
expect z "second note"
keys z C-z
expect z "Stopped"
shell
keys z "stty -a" Enter
expect z " icanon"
shell
keys z "fg" Enter
expect z "second note"
kill -TSTP "$(pgrep -P "$(T list-panes -t =z: -F '#{pane_pid}')" -f console-main)"
expect z "Stopped"
shell
keys z "fg" Enter
expect z "second note"
type_text z héllo
expect z "> héllo"

# the engine goes and comes again
console e 80 24 TERM=xterm-256color
expect e "second note"
engine_stop
expect e "ENGINE: "
keys e F2
expect e "Nothing was sent"
engine < <(script; echo '{"say":{"t":"note","text":"third note"}}')
expect e "third note"
expect_gone e "ENGINE: "
check "nothing is shown twice" test "$(screen e | grep -c 'second note')" = 1
finish
