#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: the old script left the VM off when its client went away in the middle of a
# cycle.  Here the client is killed at many lines of a cycle, through a real sshd,
# and each time the VM runs again in a new process and the result can be read.
set -u
. "$(dirname "$0")/pve_lib.sh"
make_site
make_sshd
start_vm

job_over() { [ ! -e "$T/run/now" ] && [ "$(wc -l <"$T/log/breakglass.log")" -gt "$1" ]; }

# Kills ssh once the Nth word has been seen.
cut_at() {
	local word=$1 old lines
	old=$(vm_pid)
	lines=$(log_lines)
	mkfifo "$T/fifo"
	ssh_pve cycle >"$T/fifo" 2>/dev/null &
	local client=$!
	while read -r line; do
		case $line in *"$word"*) break ;; esac
	done <"$T/fifo"
	kill -KILL $client 2>/dev/null
	wait $client 2>/dev/null
	rm "$T/fifo"
	wait_for 20 job_over "$lines" || fail "cut at \"$word\": the job ends"
	vm_pid >>"$T/pids"
	check "cut at \"$word\": the VM runs in a new process" eval '[ "$(vm_pid)" != "$old" ] && vm_alive'
	out=$(pve status)
	check "cut at \"$word\": status tells the result" eval '[ "$(fact last_rc <<<"$out")" = 0 ] && [ "$(fact last_verb <<<"$out")" = cycle ]'
}

# a stop and a start that take a moment, so that each cut is a real one
echo 'read -rt 0.3 _ <> <(:)' >"$T/qm.stop"
echo 'read -rt 0.3 _ <> <(:)' >"$T/qm.start"
for word in "#bg run" section=config phase=preflight phase=stopping phase=stopped phase=starting \
	phase=verifying; do
	cut_at "$word"
done

# the front itself is killed, and so is everything that sshd could kill: its group
old=$(vm_pid)
lines=$(log_lines)
SSH_ORIGINAL_COMMAND=cycle setsid "$PVE" --site "$T/site" >"$T/out" 2>&1 &
front=$!
wait_for 10 grep -q phase=stopping "$T/out" || fail "the cycle gets to its stop"
kill -HUP -- -$front
kill -TERM -- -$front
kill -KILL -- -$front
wait $front 2>/dev/null
wait_for 20 job_over "$lines"
vm_pid >>"$T/pids"
check "front and its process group killed: the VM runs" eval '[ "$(vm_pid)" != "$old" ] && vm_alive'

# QEMU must not inherit what the worker does to itself
check "QEMU does not ignore SIGTERM" eval '! grep -q "^SigIgn:.*[4-7c-f]...$" "/proc/$(vm_pid)/status"'
check "QEMU has a normal oom score" [ "$(cat "/proc/$(vm_pid)/oom_score_adj")" = "$(cat /proc/self/oom_score_adj)" ]

# a worker that dies is seen as an interrupted run
echo 'echo $PPID >"$here/worker"; read -rt 30 _ <> <(:)' >"$T/qm.stop"
pve cycle >"$T/out" 2>&1 &
front=$!
wait_for 10 test -s "$T/worker"
kill -KILL "$(cat "$T/worker")"
wait $front
check "a lost worker is exit 1" [ $? = 1 ]
check "and said" grep -q "ask status" "$T/out"
out=$(pve status)
check "status shows an interrupted run" [ "$(fact job <<<"$out")" = interrupted ]
check "with its phase" [ "$(fact job_phase <<<"$out")" = stopping ]
pkill_qm=$(pgrep -P 1 -f "^/bin/bash $T/qm stop") && kill $pkill_qm 2>/dev/null
rm -f "$T/qm.stop"
pve cycle >"$T/out" 2>&1
rc=$?
check "the next run says so and works" eval '[ $rc = 0 ] && grep -q "cut short in phase stopping" "$T/out"'
vm_pid >>"$T/pids"
check "the log has a line for it" grep -q "state=interrupted phase=stopping" "$T/log/breakglass.log"
finish
