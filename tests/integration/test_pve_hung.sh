#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: every probe of the forensics is hung on purpose, one at a time and all together.
# The forensics end within their budget and say which hung, nobody else's evidence is
# missing, QEMU is not left stopped, and a cycle still brings the VM back.
# BG_LONG=1: all of them, with the budgets of a real host.  TRIALS names those to be done.
set -u
. "$(dirname "$0")/pve_lib.sh"
root=$T
if [ -n "${BG_LONG:-}" ]; then
	budget=8000 greeting=3000 gap=3000 slack=250 width=7
	trials=${TRIALS:-every}
else
	budget=1500 greeting=400 gap=150 slack=700 width=4 # a loaded machine is slow to wake us
	trials=${TRIALS:-stopped longline events ptrace disk run-dir all all-stalled}
fi
here=$(cd "$(dirname "$0")" && pwd)
hang_fuse=$here/../fakes/pve/hang-fuse

# A stand-in that never ends; its pid is kept, because some of them are left alone.
hang() { # FILE...
	for f in "$@"; do
		printf '#!/bin/bash\necho $$ >>"%s/hung"\nexec sleep 3600\n' "$T" >"$f"
		chmod +x "$f"
	done
}
hang_qm() { # WORD...: sourced by the fake qm
	for w in "$@"; do
		printf 'echo $$ >>"%s/hung"\nexec sleep 3600\n' "$T" >"$T/qm.$w"
	done
}
# A gdb that has attached and goes no further: what it leaves when it is killed is a
# stopped process.
hang_gdb() {
	cat >"$T/gdb" <<-X
		#!/usr/bin/python3
		import ctypes, sys, time
		pid = int(sys.argv[sys.argv.index("-p") + 1])
		open("$T/attached", "w").write(str(ctypes.CDLL(None).ptrace(16, pid, 0, 0)))
		time.sleep(3600)
	X
	chmod +x "$T/gdb"
}
mount_hung() { # DIR; 77: not here
	mkdir -p "$1"
	"$hang_fuse" "$1" >"$T/fuse.log" 2>&1 &
	echo $! >>"$T/pids"
	echo "$1" >>"$T/mounts"
	wait_for 5 test -s "$T/fuse.log"
	grep -q mounted "$T/fuse.log"
}
drop_mounts() {
	[ -f "$T/mounts" ] && while read -r m; do umount -l "$m" 2>/dev/null; done <"$T/mounts"
}
# Stand-ins that nobody ended; a pid that was taken by somebody else meanwhile is not ours.
end_hung() {
	local p
	while read -r p; do
		grep -qa '^sleep.3600' "/proc/$p/cmdline" 2>/dev/null && kill -KILL "$p"
	done < <(cat "$T/hung" 2>/dev/null)
}
# Counts processes of the probes that are still there and can be killed: none may.
left_behind() {
	local n=0 p
	while read -r p; do gone "$p" || n=$((n + 1)); done < <(cat "$T/hung" 2>/dev/null)
	echo $n
}
state_of() { sed -n 's/^State:.\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null; }
phase_ms() { sed -n "s/^#bg phase=$1 t_ms=\([0-9]*\).*/\1/p" <<<"$out" | tail -n 1; }
took() { # PHASE PHASE: ms between them
	local a b
	a=$(phase_ms "$1") b=$(phase_ms "$2")
	[ -n "$a" ] && [ -n "$b" ] && echo $((b - a)) || echo 999999
}
has() { grep -qF -- "$1" <<<"$out"; }
# Just these; where others want the machine too a probe that does not hang may be late.
hung_is() {
	local named wanted
	named=$(fact hung_probes <<<"$out" | tr -d '"')
	[ "$named" != "$1" ] || return 0
	[ "$(at_pace 100)" -lt 300 ] || {
		for wanted in ${1//,/ }; do
			case ",$named," in *",$wanted,"*) ;; *) false; break ;; esac
		done && return 0
	}
	echo "    $named"
	return 1
}
in_budget() {
	local ms
	ms=$(took forensics forensics-done)
	[ "$ms" -le $((budget + $(at_pace $slack))) ] || { echo "    $ms ms"; return 1; }
}

# case NAME HUNG WORD SETUP...: a VM that is well, made ill by SETUP; the probes HUNG are
# given up, the verdict is WORD; then the hang stays, and a cycle has to do.
trial() (
	name=$1 hung=$2 word=$3
	shift 3
	failed=0
	T=$root/$name
	mkdir -p "$T"
	trap 'end_hung; drop_mounts; cleanup' EXIT
	make_site
	printf 'forensics_ms = %s\ngreeting_ms = %s\ngap_ms = %s\nstop_ms = 1500\n' \
		$budget $greeting $gap >>"$T/site"
	printf 'lvs = %s\npvesh = %s\ngdb = %s\n' "$T/lvs" "$T/pvesh" "$T/gdb" >>"$T/site"
	[ "$name" != disk ] || { mount_hung "$T/mnt" && echo "$T/mnt/disk.raw" >"$T/disk"; } ||
		{ echo "skipped: $name: $(cat "$T/fuse.log")"; exit 0; }
	start_vm
	pid=$(vm_pid)
	"$@" || { echo "skipped: $name: $(cat "$T/fuse.log")"; exit 0; }
	was=$(state_of "$pid")

	out=$(pve forensics 2>&1)
	check "$name: forensics end within their budget" in_budget
	check "$name: and say what hung" hung_is "$hung"
	check "$name: the verdict is $word" has "#bg verdict word=$word"
	check "$name: all else was captured" eval 'has "#bg end=host rc=0" && has "#bg end=kernel rc=0"'
	check "$name: QEMU is left as it was" eval '[ "$(state_of $pid)" = T ] && [ $was = T ] || [ "$(state_of $pid)" != T ]'
	check "$name: no probe is left behind" wait_for 3 eval '[ "$(left_behind)" = 0 ]'

	begin=$(now_ms)
	out=$(pve cycle 2>&1)
	ms=$(($(now_ms) - begin))
	vm_pid >>"$T/pids"
	check "$name: a cycle brings the VM back" eval '[ "$(result_rc <<<"$out")" = 0 ] && vm_alive && [ "$(vm_pid)" != $pid ]' ||
		tail -n 5 <<<"$out"
	check "$name: its forensics keep to the budget too" in_budget
	check "$name: the cycle takes $((budget + 8000)) ms at most" eval '[ $ms -le "$(at_pace $((budget + 8000)))" ]'
	[ $failed = 0 ] || { echo "--- $name, the cycle:"; grep '^#bg' <<<"$out"; }
	exit $failed
)

# The worker is killed while its probes hang: they go with it, and so does their hold on
# the monitor; the next cycle works at once.
killed_worker() (
	failed=0
	T=$root/killed
	mkdir -p "$T"
	trap 'end_hung; cleanup' EXIT
	make_site
	printf 'forensics_ms = 8000\ngap_ms = 6000\nstop_ms = 1500\n' >>"$T/site"
	start_vm
	hang_qm config pending
	pve forensics >"$T/out" 2>&1 &
	front=$!
	wait_for 5 grep -q "^#bg end=host" "$T/out"
	wait_for 5 test -s "$T/hung"
	kill -KILL "$(sed -n 's/^#bg run .* worker=//p' "$T/out")"
	check "killed: its probes go with it" wait_for 3 eval '[ "$(left_behind)" = 0 ]'
	wait $front
	check "killed: whoever waits is told" grep -q "^#bg result .* rc=1 " "$T/out"
	rm -f "$T/qm.config" "$T/qm.pending"
	sed -i 's/^gap_ms.*/gap_ms = 150/' "$T/site"
	out=$(pve cycle 2>&1)
	vm_pid >>"$T/pids"
	check "killed: the next one has the monitor for itself" has "#bg fact qmp=alive"
	check "killed: and a cycle is done" eval '[ "$(result_rc <<<"$out")" = 0 ] && vm_alive'
	exit $failed
)

nothing() { :; }
mode_is() { echo "$*" >"$T/mode"; }
stopped() { kill -STOP "$pid"; wait_for 3 eval '[ "$(state_of $pid)" = T ]'; }
stalled_gdb() { mode_is running stalled; hang_gdb; }
plain_gdb() { mode_is running stalled; hang "$T/gdb"; }
hung_run_dir() {
	mount_hung "$T/mnt" || return 1
	sed -i "s|^run_dir = .*|run_dir = $T/mnt|" "$T/site"
	printf 'spare_dir = %s\nlock = %s\n' "$T/spare" "$T/lock" >>"$T/site"
}
everything() {
	hang "$T/lvs" "$T/pvesh" "$T/gdb"
	hang_qm status config pending
	mode_is running noagent
	stopped
}
everything_stalled() {
	hang "$T/lvs" "$T/pvesh"
	hang_gdb
	hang_qm status config pending stop
	mode_is running stalled noagent
}

# With the short budget all limits are the budget's end; with the long one each has its own.
cat >"$root/list" <<E2
well|-|healthy|nothing
stopped|-|hung|stopped
mute|-|healthy|mode_is running mute
deaf|-|healthy|mode_is running deaf
garbage|-|hung|mode_is running garbage
endless|-|hung|mode_is running endless
longline|-|hung|mode_is running longline
flood|-|healthy|mode_is running flood
events|-|healthy|mode_is running events
agent|-|healthy|mode_is running noagent
qm-status|qm-status|healthy|hang_qm status
qm-config|config|healthy|hang_qm config
qm-pending|pending|healthy|hang_qm pending
lvs|storage|healthy|eval hang "\$T/lvs"
pvesh|rrd|healthy|eval hang "\$T/pvesh"
gdb|gdb|stall|plain_gdb
ptrace|gdb|stall|stalled_gdb
disk|disks|healthy|nothing
run-dir|disks|healthy|hung_run_dir
all|*|hung|everything
all-stalled|*|stall|everything_stalled
E2
if [ "$trials" != every ]; then
	grep -E "^($(tr ' ' '|' <<<"$trials"))\\|" "$root/list" >"$root/some" && mv "$root/some" "$root/list" || exit 99
fi
run_list() {
	local name hung word setup n=0
	while IFS='|' read -r name hung word setup; do
		[ "$hung" != - ] || hung=
		case $name in
		all) hung=config,pending,storage,rrd,qm-status ;;
		all-stalled) hung=config,pending,storage,rrd,gdb,qm-status ;;
		esac
		trial "$name" "$hung" "$word" $setup >"$root/$name.out" 2>&1 || echo "$name" >>"$root/failed" &
		n=$((n + 1))
		[ $((n % width)) != 0 ] || wait
	done <"$root/list"
	wait
}
run_list
echo "killed||" >>"$root/list"
killed_worker >"$root/killed.out" 2>&1 || echo killed >>"$root/failed"
while IFS='|' read -r name _; do cat "$root/$name.out"; done <"$root/list"
[ ! -f "$root/failed" ] || { echo "failed: $(tr '\n' ' ' <"$root/failed")"; exit 1; }
exit 0
