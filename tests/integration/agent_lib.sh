# SPDX-License-Identifier: GPL-3.0-or-later
#
# Sourced by the tests of the agent's side: a folder of our own, agent-rig in
# it, and waiting for conditions.  Expects `set -u`.
here=$(cd "${srcdir:-$(dirname "$0")/../..}" && pwd)
build=$(cd "${builddir:-${abs_builddir:-.}}" && pwd)
agent=$build/src/agent
rig=$build/tests/fakes/agent-rig
dir=$(mktemp -d /tmp/bg-agent.XXXXXX) || exit 99
api_pid='' rig_pid='' hold=''

finish() {
	local p
	exec 7>&-
	for p in $rig_pid $api_pid $hold; do
		kill -9 "$p" 2>/dev/null
		wait "$p" 2>/dev/null
	done
	[ -z "${BREAKGLASS_TEST_KEEP:-}" ] || cp -r "$dir" "$BREAKGLASS_TEST_KEEP"
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 99' INT TERM HUP

[ -x "$rig" ] && [ -x "$agent/shim/ssh" ] || { echo "not built: $rig"; exit 99; }

fail() {
	echo "FAILED: $*"
	echo "--- events"; tail -n 40 "$dir/events" 2>/dev/null | cut -c1-300
	echo "--- log"; tail -n 20 "$dir/log" 2>/dev/null
	echo "--- errors"; head -n 40 "$dir/err" 2>/dev/null
	exit 1
}

. "$here/tests/integration/pace.sh"

# wait_for SECONDS COMMAND...: a busy machine has its time, too
wait_for() {
	local end=$((SECONDS + $1 * 6 + 1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.02
	done
}

# The rig's events from line number $from on that match; see mark.
from=1
events() { tail -n +$from "$dir/events" | grep -qE -- "$1"; }
mark() { from=$(($(wc -l <"$dir/events") + 1)); }
expect() { # expect SECONDS PATTERN
	wait_for "$1" events "$2" || fail "no event /$2/"
}
event() { tail -n +$from "$dir/events" | grep -E -- "$1" | tail -n 1; }
say() { echo "$*" >&7; }

# start_rig [NAME=VALUE]...
start_rig() {
	rm -f "$dir/in"
	mkfifo "$dir/in"
	: >"$dir/events"
	from=1
	env RIG_LOG="$dir/log" "$@" "$rig" "$dir/run" "$agent" "$here/agents" \
	    <"$dir/in" >"$dir/events" 2>"$dir/err" &
	rig_pid=$!
	exec 7>"$dir/in"
	expect 5 'socket '
	export BREAKGLASS_SOCKET=$dir/run/agent/agent.sock
}

stop_rig() {
	say quit
	exec 7>&-
	wait "$rig_pid"
	local rc=$?
	rig_pid=''
	[ $rc = 0 ] || fail "the rig ended with $rc: $(head -n 30 "$dir/err")"
}
