#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: whoever has the key cannot fill the host with calls that only look: so many
# at once are worked on, the others are told; and a pmxcfs that does not answer
# costs no process of qm's for each status.  A mutation does not wait in that queue.
set -u
. "$(dirname "$0")/pve_lib.sh"
make_site
start_vm
pve forensics >/dev/null # makes the directory of the locks

calls() { grep -c "^$1\$" "$T/qm.calls"; }
ended_with() { [ "$(grep -l "^#bg result .* rc=$1 " "$T"/out.* 2>/dev/null | wc -l)" = "$2" ]; }

# --- 20 status calls, while qm pending needs long
: >"$T/qm.calls"
echo 'while [ ! -e "$here/go" ]; do read -rt 0.05 _ <> <(:); done' >"$T/qm.pending"
for i in $(seq 20); do
	pve status >"$T/out.$i" 2>&1 &
done
check "12 of 20 are told to come again" wait_for 15 ended_with 75 12
check "and 8 were worked on" [ "$(calls pending)" = 8 ]
check "the reason is said" grep -q "rc=75 .* why=.*send it again" "$T"/out.*
touch "$T/go"
wait
check "those 8 have their answer" ended_with 0 8
pve status >"$T/again"
check "and then there is room again" [ "$(result_rc <"$T/again")" = 0 ]
rm -f "$T/qm.pending" "$T/go" "$T"/out.*

# --- forensics come one after the other, so each has the monitor for itself
for i in $(seq 4); do
	pve forensics >"$T/out.$i" 2>&1 &
done
wait
check "four captures at once are made one after the other" ended_with 0 4
check "each with an answer of QMP" [ "$(grep -l "^#bg fact qmp=alive" "$T"/out.* | wc -l)" = 4 ]
rm -f "$T"/out.*

# --- between its two samples a capture keeps nobody from the monitor
sed -i "s/^gap_ms.*/gap_ms = 2500/" "$T/site"
: >"$T/mode.asked"
pve forensics >"$T/out.long" 2>&1 &
long=$!
wait_for 5 grep -q x-query-virtio-queue-status "$T/mode.asked"
pve status >"$T/out.beside"
check "a status in its gap has its answer from QMP" grep -q "^#bg fact qmp=alive" "$T/out.beside"
check "before the capture has its second sample" eval '! grep -q "^#bg end=qmp" "$T/out.long"'
wait $long
check "and the capture has both" grep -q "^#bg fact vq_used_delta=" "$T/out.long"
sed -i "s/^gap_ms.*/gap_ms = 200/" "$T/site"
rm -f "$T"/out.*

# --- where all places are taken: told in time, and a mutation goes on
echo "forensics_ms = 1000" >>"$T/site"
for i in 0 1 2; do
	exec {fd}>"$T/run/lock.forensics-$i"
	flock "$fd" || exit 99
done
out=$(pve forensics)
check "with all places taken forensics exit 75" [ $? = 75 ]
check "by a result mark" [ "$(result_rc <<<"$out")" = 75 ]
old=$(vm_pid)
out=$(pve cycle)
check "a cycle does not wait for them" [ $? = 0 ]
vm_pid >>"$T/pids"
check "and is done" eval '[ "$(vm_pid)" != "$old" ] && vm_alive'

# --- pmxcfs does not answer: no qm is started beside it
mv "$T/102.conf" "$T/102.conf.was"
mkfifo "$T/102.conf"
: >"$T/qm.calls"
out=$(pve status)
check "status answers while pmxcfs does not" [ $? = 0 ]
check "says so" grep -q "pmxcfs do not answer" <<<"$out"
check "still tells of QEMU" [ "$(fact status <<<"$out")" = running ]
check "and has started no qm" [ ! -s "$T/qm.calls" ]
check "the section says that it was not asked" grep -q "^#bg end=pending rc=124" <<<"$out"
finish
