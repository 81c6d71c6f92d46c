#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: the worker itself is killed, in each phase of each mutating verb: just before
# the phase is said and just after it, and at many system calls in between.  What a start
# or a cycle left off is started by the guard, as the same run.  Else status tells the
# truth (interrupted, which phase, what the VM is), the lock is free, and the next cycle
# brings the VM up.
set -u
. "$(dirname "$0")/pve_lib.sh"
make_site
sed -i "s/^gap_ms.*/gap_ms = 60/; s/^stop_ms.*/stop_ms = 1500/" "$T/site"
export ASAN_OPTIONS=detect_leaks=0 # it cannot look under a tracer
KILL_AT=$abs_top_builddir/tests/fakes/pve/kill-at
[ -x "$KILL_AT" ] || { echo "no $KILL_AT: run make check"; exit 99; }

has() { grep -qF -- "$1" <<<"$out"; }
# The VM as each trial wants it: stopped, or running in a process of its own.
reset_vm() {
	kill -CONT "$(vm_pid)" 2>/dev/null
	[ "$1" = stopped ] && { "$T/qm" stop; return; }
	vm_alive || { "$T/qm" start || exit 99; vm_pid >>"$T/pids"; }
	case $1 in
	hung) kill -STOP "$(vm_pid)" ;;
	*) echo "$1" >"$T/mode" ;;
	esac
}
killed_at() { # VERB HOW WHAT: output in $out, exit status in $rc
	out=$(SSH_ORIGINAL_COMMAND=$1 timeout -k 1 60 "$KILL_AT" "$2" "$3" "$PVE" --site "$T/site" 2>&1)
	rc=$?
	[ $rc != 77 ] || { echo "skip: ptrace is not allowed here"; exit 77; }
}
# What /proc says of the VM, in the words of status.
truth() {
	vm_alive || { echo stopped; return; }
	grep -q '^State:.T' "/proc/$(vm_pid)/status" && { echo hung; return; }
	grep -oE 'paused|running' "$T/mode" | head -n 1
}
is_quiet() { ! pgrep -f "^/bin/bash $T/qm" >/dev/null; } # what a killed worker left running
recovers() { # WHAT
	local old phase
	wait_for 20 is_quiet || fail "$1: qm ends"
	old=$(truth)
	out=$(pve status)
	[ "$(fact job <<<"$out")" = "$2" ] || fail "$1: status says $2" "$(fact job <<<"$out")"
	[ "$(fact status <<<"$out")" = "$old" ] || fail "$1: status tells the VM ($old)" "$(fact status <<<"$out")"
	phase=$(fact job_phase <<<"$out")
	[ "$2" = none ] || grep -q "cut short in phase $phase, .* VM 102 is $old" <<<"$out" ||
		fail "$1: one sentence says all of it" "$(grep interrupted <<<"$out")"
	old=$(vm_pid)
	out=$(pve cycle)
	rc=$?
	[ $rc = 0 ] || fail "$1: the next cycle recovers" "rc $rc" "$(tail -n 3 <<<"$out")"
	vm_pid >>"$T/pids"
	vm_alive && [ "$(vm_pid)" != "$old" ] || fail "$1: the VM runs in a new process"
	[ "$2" = none ] || has "was cut short in phase $phase" || fail "$1: the next run says so"
	out=$(pve status)
	[ "$(fact job <<<"$out")" = none ] || fail "$1: then nothing is left"
	[ "$(fact last_verb <<<"$out")" = cycle ] || fail "$1: but the result"
}
# What the guard has done, in $out as its client saw it.
goes_on() { # WHAT PHASE
	vm_pid >>"$T/pids"
	[ $rc = 0 ] || fail "$1: the guard goes on" "rc $rc" "$(tail -n 3 <<<"$out")"
	has "ended by signal 9 in phase $2; VM 102 is started" || fail "$1: and says why"
	[ "$(grep -c "^#bg result " <<<"$out")" = 1 ] && vm_alive || fail "$1: one result, and the VM runs"
	out=$(pve status)
	[ "$(fact job <<<"$out")" = none ] && [ "$(fact status <<<"$out")" = running ] ||
		fail "$1: nothing is left of it" "$(fact job <<<"$out")"
}
# trial STATE VERB PHASE...
trial() {
	local state=$1 verb=$2 phase how before=$failed
	shift 2
	for phase; do
		for how in before after; do
			reset_vm "$state"
			killed_at "$verb" "$how" "phase=$phase"
			case "$verb $phase" in
			*" starting" | *" verifying" | *" running" | *" stopped")
				[[ $verb != cycle && $verb != start ]] || { goes_on "$verb $how $phase" "$phase"; continue; } ;;
			esac
			[ $rc = 1 ] || fail "$verb $how $phase: the front says that the worker is lost" "rc $rc" "$(tail -n 2 <<<"$out")"
			out=$(pve status)
			[ "$(fact job_phase <<<"$out")" = "$phase" ] || [ "$phase" = forensics-done ] ||
				fail "$verb $how $phase: status tells the phase" "$(fact job_phase <<<"$out")"
			recovers "$verb $how $phase" interrupted
		done
	done
	[ $failed = "$before" ] && ok "$verb of a VM that is $state, killed around: $*"
}
trial stopped start forensics preflight starting verifying running
trial paused start resuming
trial running stop preflight stopping stopped
trial hung stop killing
trial "running frozen" reset thaw resetting
trial running reset verifying running
trial running cycle forensics preflight stopping stopped starting verifying running
trial hung cycle killing stopped starting
ok "the log has one line for each that was cut short: $(grep -c state=interrupted "$T/log/breakglass.log")"

# Anywhere: at system calls spread over a whole cycle.
reset_vm running
killed_at cycle count 0
n=$(tail -n 1 <<<"$out")
vm_pid >>"$T/pids"
check "a cycle has many system calls ($n)" [ "$n" -gt 200 ]
before=$failed
points=${POINTS:-24}
for i in $(seq "$points"); do
	reset_vm running
	killed_at cycle call $((n * i / (points + 1) + RANDOM % 9))
	[ $rc = 98 ] && continue # this one needed fewer calls
	[ $rc = 0 ] && { vm_alive || fail "call $i: the guard brought the VM up"; vm_pid >>"$T/pids"; continue; }
	job=interrupted
	id=$(sed -n 's/^#bg run id=\([^ ]*\) .*/\1/p' <<<"$out")
	# all was done but the last line
	[ "$(pve status | fact last_id)" != "$id" ] || job=none
	recovers "call $((n * i / (points + 1)))" $job
done
[ $failed = "$before" ] && ok "killed at $points system calls of a cycle"
check "no VM was left off" vm_alive
finish
