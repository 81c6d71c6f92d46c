#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The launcher: a child inherits nothing and ends with the one who started it.
set -u
. "$(dirname "$0")/agent_lib.sh"
launcher=$agent/launcher

# The environment is what was named and nothing else.
SECRET=x $launcher --env A=1 --env 'B=two words' -- /usr/bin/env >"$dir/o" || fail "env"
[ "$(sort "$dir/o")" = $'A=1\nB=two words' ] || fail "environment: $(cat "$dir/o")"

# What may stand in no argument is passed by its name.
SECRET=x OTHER=y $launcher --pass SECRET --env A=1 -- /usr/bin/env >"$dir/o" || fail "pass"
[ "$(sort "$dir/o")" = $'A=1\nSECRET=x' ] || fail "environment: $(cat "$dir/o")"
$launcher --pass NOT_THERE -- /bin/true 2>/dev/null
[ $? = 71 ] || fail "passed what is not there"

# No descriptor above 2, but one that is kept by name.
$launcher -- /bin/ls /proc/self/fd 5</dev/null 9</dev/null 200</dev/null >"$dir/o"
[ "$(tr '\n' ' ' <"$dir/o")" = "0 1 2 3 " ] || fail "descriptors: $(cat "$dir/o")"
$launcher --keep 9 -- /bin/ls /proc/self/fd 5</dev/null 9</dev/null 200</dev/null >"$dir/o"
[ "$(tr '\n' ' ' <"$dir/o")" = "0 1 2 3 9 " ] || fail "kept descriptor: $(cat "$dir/o")"

# Session, folder, mask, core size, privileges, signals.
(trap '' INT PIPE; $launcher --cwd "$dir" --oom 700 -- /bin/sh -c '
	read -r pid comm state ppid pgrp sid rest </proc/self/stat; [ "$sid" = "$$" ] && echo session
	pwd; umask; ulimit -c; cat /proc/self/oom_score_adj
	grep -E "^(NoNewPrivs|SigIgn|SigBlk)" /proc/$$/status | tr -s "\t" " " |
		sed "s/0000000180000000/0000000000000000/" # the C library keeps 32 and 33 for itself') >"$dir/o" || fail "sh"
want="session
$dir
0077
0
700
SigBlk: 0000000000000000
SigIgn: 0000000000000000
NoNewPrivs: 1"
[ "$(sort "$dir/o")" = "$(sort <<<"$want")" ] || fail "set-up: $(cat "$dir/o")"

# In a container that was given more already less is refused (by strace here): then all of it.
if strace -o /dev/null true 2>/dev/null; then
	strace -o /dev/null -e inject=write:error=EACCES:when=1 \
	    "$launcher" --oom 700 -- /bin/cat /proc/self/oom_score_adj >"$dir/o" 2>/dev/null
	[ "$(cat "$dir/o")" = 1000 ] || fail "oom score: $(cat "$dir/o")"
fi

# Its parent's death is its own, whichever way the parent dies.
bash -c '"$0" --parent $$ -- /bin/sh -c "echo \$\$ >$1/pid; exec sleep 600" & wait' \
    "$launcher" "$dir" &
parent=$!
wait_for 5 test -s "$dir/pid" || fail "the child did not start"
child=$(cat "$dir/pid")
kill -9 $parent
wait $parent 2>/dev/null
wait_for 5 eval "! kill -0 $child" || { kill -9 "$child"; fail "the child outlives its parent"; }

# A parent that is gone already is noticed.
$launcher --parent 999999 -- /bin/true 2>"$dir/e"
[ $? = 71 ] && grep -q parent "$dir/e" || fail "a lost parent"

# What cannot be run says so.
$launcher -- /nonexistent 2>"$dir/e"
[ $? = 127 ] && grep -q /nonexistent "$dir/e" || fail "a missing program"
$launcher -- /etc/passwd 2>/dev/null
[ $? = 126 ] || fail "a file that is no program"
$launcher --cwd /nonexistent -- /bin/true 2>/dev/null
[ $? = 71 ] || fail "a missing folder"
for bad in '' '--' '--frobnicate 1 -- /bin/true' '--env NOEQUALS -- /bin/true' '--keep x -- /bin/true'; do
	$launcher $bad 2>/dev/null
	[ $? = 71 ] || fail "launcher $bad"
done
echo "nothing is inherited, nothing survives"
