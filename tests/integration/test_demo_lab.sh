#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: the demo's tour needs no AI, no account and no network.  In a network namespace
# that has nothing but lo, `contrib/demo --no-console` makes a wedge in the lab, the
# runbook triage finds it, and the key that it advises brings the guest back; of other
# wedges it names the fault with the line that proves it, and the right key, or none
# where none helps.
# BG_LONG=1 takes the demo itself to each wedge that triage can see, also of the Debian
# guest.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "${abs_top_srcdir:-$here/../..}" && pwd)
build=${abs_top_builddir:-$PWD}
[ -x "$build/src/breakglass" ] || { echo "no $build/src/breakglass: run make first"; exit 99; }

if [ -z "${BG_DEMO_ALONE-}" ]; then
	export BG_DEMO_ALONE=yes
	# the lab's image is made where there may be a network
	for guest in busybox ${BG_LONG:+debian}; do
		"$top/contrib/lab/lab" -q --name demo-made-$$ up --guest $guest --host-program /bin/true 2>/tmp/demo-made-$$
		rc=$?
		"$top/contrib/lab/lab" -q --name demo-made-$$ down
		why=$(tail -n 1 /tmp/demo-made-$$)
		rm -f /tmp/demo-made-$$
		[ $rc -eq 0 ] || { echo "skipped: the lab cannot be made here: $why"; exit 77; }
	done
	# root keeps its own user namespace: sshd changes users
	for how in -n "-c -n --keep-caps"; do
		# shellcheck disable=SC2086
		unshare $how ip link set lo up 2>/dev/null &&
			exec unshare $how sh -c 'ip link set lo up && exec "$@"' - "$0" "$@"
	done
	echo "skipped: no network namespace can be made here (unshare -n)"
	exit 77
fi

tmp=$(mktemp -d) || exit 99
lab=$top/contrib/lab/lab
name=demo-test-$$
failed=0 job=''
unset BREAKGLASS_API_KEY_FILE BREAKGLASS_OAUTH_TOKEN_FILE ANTHROPIC_API_KEY
export BREAKGLASS_CLAUDE=/nonexistent
lab() { "$lab" -q --name "$name" "$@"; }
cleanup() {
	# the demo ends its lab and its engine before it goes
	[ -z "$job" ] || { kill "$job" 2>/dev/null && wait "$job"; }
	lab down 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 99' INT TERM
ip route get 192.0.2.1 >/dev/null 2>&1 && { echo "the namespace has a network"; exit 99; }

bad() {
	echo "FAILED - $*"
	[ $failed = 0 ] && sed 's/^/    | /' "$tmp/out" "$tmp/err"
	failed=1
}
# says WHAT KEY PATTERN...: what was printed has a line like each, and KEY is the first
# under "Do"; none: no key is there
says() {
	local what=$1 key=$2 pattern advised
	shift 2
	for pattern; do
		grep -q -E -e "$pattern" "$tmp/out" || bad "$what: no line like $pattern"
	done
	advised=$(sed -n '/^[*]*Do:/,/^$/{/^[*]*Do:/{n};p}' "$tmp/out" | grep -v '^- not ' |
		grep -o -w -E 'F[4-7] (start|stop|reset|cycle)' | head -n 1)
	[ "${advised:-none}" = "$key" ] || bad "$what: it advises ${advised:-no key}, not $key"
}
# demo GUEST WEDGE KEY PATTERN...: all of it, by the demo
demo() {
	local guest=$1 wedge=$2 key=$3 began=$SECONDS what="demo $2 ($1)"
	shift 3
	"$top/contrib/demo" --no-console --build "$build" --guest "$guest" --wedge "$wedge" \
		>"$tmp/out" 2>"$tmp/err" </dev/null &
	job=$!
	wait $job
	rc=$?
	job=
	[ $rc -eq 0 ] || bad "$what: it ended with status $rc"
	says "$what" "$key" "$@"
	if [ "$key" = none ]; then
		grep -q 'no key is advised' "$tmp/out" || bad "$what: a key was pressed"
	else
		grep -q "breakglass ${key#F? } --confirm" "$tmp/out" || bad "$what: not $key"
		grep -q 'recovered: VM 102 runs' "$tmp/out" || bad "$what: not recovered"
	fi
	grep -q 'nothing is left running' "$tmp/out" || bad "$what: it did not clean up"
	echo "$what: $key, $((SECONDS - began)) s"
}
# triage WEDGE KEY PATTERN...: what the demo does before it presses a key; each wedge in
# an incident of its own
triage() {
	local wedge=$1 key=$2 began=$SECONDS d pid
	shift 2
	d=$(mktemp -d "$tmp/i.XXXXXX")
	if ! { lab heal && lab wedge "$wedge"; } >"$tmp/out" 2>"$tmp/err"; then
		bad "$wedge: the lab did not make it"
		return
	fi
	export BREAKGLASS_RUN_DIR=$d/run BREAKGLASS_SESSIONS_DIR=$d/sessions
	timeout 120 "$build/src/breakglass" runbook triage --offline >"$tmp/out" 2>"$tmp/err" </dev/null
	rc=$?
	pid=$("$build/src/breakglass" ping --json 2>/dev/null </dev/null | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p')
	[ -z "$pid" ] || kill "$pid" 2>/dev/null
	[ $rc -eq 0 ] || bad "$wedge: triage ended with status $rc"
	says "$wedge" "$key" "$@"
	echo "triage of $wedge: $key, $((SECONDS - began)) s"
}
all() { # all COMMAND...: every wedge that triage can see
	"$@" frozen "F7 cycle" 'verdict .*hung' 'stopped by a signal'
	"$@" iostall "F7 cycle" 'verdict .*stall'
	"$@" paused "F4 start" 'verdict .*paused'
	"$@" panic "F6 reset" 'verdict .*(panic|guest-spin|guest-idle)'
	"$@" powered-off "F4 start" 'verdict .*stopped'
	"$@" staged "F7 cycle" 'staged settings of the VM wait'
	"$@" disk-full none '/ is full: 100 %'
	"$@" service none 'app(\.service)? has failed: .*database is locked' 'systemctl restart app'
}

if [ -n "${BG_LONG-}" ]; then
	all demo busybox
	demo debian frozen "F7 cycle" 'verdict .*hung'
	demo debian disk-full none '/ is full: 100 %'
	demo debian service none 'app\.service has failed: .*database is locked' 'systemctl restart app'
	demo debian oom none 'out of memory and killed perl' 'batch\.service has failed'
else
	demo busybox frozen "F7 cycle" 'verdict .*hung' 'stopped by a signal'
	"$lab" -q --name "$name" up --die-with $$ --host-program "$build/src/host/breakglass-pve" || exit 99
	eval "$(lab env)"
	export BREAKGLASS_LIBEXEC_DIR=$build/libexec BREAKGLASS_DATA_DIR=$top XDG_CONFIG_HOME=$tmp BREAKGLASS_AGENT_DRIVER=runbook
	# test_runbook_lab.py asks the engine about the others
	triage staged "F7 cycle" 'staged settings of the VM wait'
	triage service none 'app(\.service)? has failed: .*database is locked' 'systemctl restart app'
fi
exit $failed
