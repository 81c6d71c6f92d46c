#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: one mutating verb at a time; the second is told who runs, since when and in
# which phase, and exits 75.  status is never held up.  A hung qm costs forensics
# their budget and not the verb.
set -u
. "$(dirname "$0")/pve_lib.sh"
make_site
start_vm

# a stop lasts until the test has seen what it wants
echo 'until [ -e "$here/go" ]; do read -rt 0.02 _ <> <(:); done' >"$T/qm.stop"
pve cycle >"$T/first" 2>&1 &
first=$!
wait_for 10 grep -q phase=stopping "$T/first"
out=$(pve reset)
check "the second verb exits 75" [ $? = 75 ]
check "it says who holds it" [ "$(fact holder_verb <<<"$out")" = cycle ]
check "and the phase" [ "$(fact holder_phase <<<"$out")" = stopping ]
t=$(now_ms)
out=$(pve status)
check "status is not held up" [ $(($(now_ms) - t)) -lt "$(at_pace 3000)" ]
check "status shows the running job" [ "$(fact job <<<"$out")" = running ]
check "by its verb" [ "$(fact job_verb <<<"$out")" = cycle ]
id=$(sed -n 's/^#bg run id=\([^ ]*\) .*/\1/p' "$T/first")
check "and its id" [ "$(fact job_id <<<"$out")" = "$id" ]
touch "$T/go"
wait $first
check "the first verb is done" [ $? = 0 ]
vm_pid >>"$T/pids"

# two at the same instant, several times
for round in 1 2 3 4; do
	rm -f "$T/go"
	pve cycle >"$T/a" 2>&1 & a=$!
	pve cycle >"$T/b" 2>&1 & b=$!
	wait_for 5 eval '! kill -0 $a 2>/dev/null || ! kill -0 $b 2>/dev/null'
	touch "$T/go"
	wait $a; ra=$?
	wait $b; rb=$?
	vm_pid >>"$T/pids"
	case "$ra $rb" in
	"0 75" | "75 0") ok "round $round: one runs, the other is told" ;;
	*) fail "round $round: one runs, the other is told" "$ra $rb" ;;
	esac
	vm_alive || fail "round $round: the VM runs"
done

rm "$T/qm.stop"

# right after the result line the lock is free
pve reset >/dev/null && pve reset >/dev/null
check "a verb right after a verb is not busy" [ $? = 0 ]

# qm hangs in forensics, ignoring every signal it can
for w in config pending status; do
	echo 'trap "" TERM INT HUP; while :; do read -rt 60 _ <> <(:); done' >"$T/qm.$w"
done
echo "forensics_ms = 2000" >>"$T/site"
old=$(vm_pid)
t=$(now_ms)
out=$(pve cycle)
check "a hung qm does not keep the verb from happening" [ $? = 0 ]
ms=$(($(now_ms) - t))
check "within the budget ($ms ms)" [ $ms -lt "$(at_pace 4500)" ]
check "the hung section is named" grep -q "^#bg end=config rc=124" <<<"$out"
vm_pid >>"$T/pids"
check "the VM is a new process" eval '[ "$(vm_pid)" != "$old" ] && vm_alive'
check "no hung qm is left behind" eval '! pgrep -f "^/bin/bash $T/qm config" >/dev/null'

# systemd-run: the worker is started by somebody else
cat >"$T/systemd-run" <<'X'
#!/bin/bash
echo "$@" >"$(dirname "$0")/unit"
while [ "$1" != -- ]; do shift; done
shift
setsid env -i "$@" </dev/null >/dev/null 2>&1 &
X
chmod +x "$T/systemd-run"
rm "$T"/qm.*[!s]
sed -i "/systemd_run/d" "$T/site"
printf 'systemd_run = yes\nsystemd_run_path = %s\n' "$T/systemd-run" >>"$T/site"
old=$(vm_pid)
out=$(pve cycle)
check "with systemd-run a cycle works" [ $? = 0 ]
vm_pid >>"$T/pids"
check "in a unit of its own" grep -q -- "--unit=breakglass-" "$T/unit"
check "with a new process" eval '[ "$(vm_pid)" != "$old" ] && vm_alive'
printf '#!/bin/sh\nexit 1\n' >"$T/systemd-run"
out=$(pve reset)
check "a systemd-run that fails is not needed" [ $? = 0 ]
printf '#!/bin/sh\nexit 0\n' >"$T/systemd-run"
out=$(pve reset)
check "nor is one that says yes and starts nothing" [ $? = 0 ]
cat >"$T/systemd-run" <<'X'
#!/bin/bash
while [ "$1" != -- ]; do shift; done
shift
setsid bash -c 'read -rt 4 _ <> <(:); env -i "$@"; echo $? >"$0"' "$(dirname "$0")/late" "$@" </dev/null >/dev/null 2>&1 &
X
out=$(pve reset)
check "nor one that is too late" [ $? = 0 ]
wait_for 10 test -s "$T/late"
check "and the late unit does nothing a second time" eval '[ "$(cat "$T/late")" = 1 ] && [ "$(grep -cx reset "$T/qm.calls")" = 5 ]'

# no lock file: still one at a time
cp "$T/site" "$T/site.kept"
echo "lock = /proc/nowhere/lock" >>"$T/site"
echo 'while [ ! -e "$here/go" ]; do read -rt 0.05 _ <> <(:); done' >"$T/qm.reset"
for i in 1 2 3 4 5 6; do
	pve reset >"$T/six.$i" 2>&1 &
done
six() { [ "$(grep -l "^#bg result .* rc=$1 " "$T"/six.* | wc -l)" = "$2" ]; }
check "without a lock file five of six at once are told" wait_for 15 six 75 5
touch "$T/go"
wait
check "and one runs" six 0 1
rm "$T/qm.reset" "$T/go"
mv "$T/site.kept" "$T/site"

# no run directory: the verb outranks its record
sed -i "s|^run_dir.*|run_dir = /proc/nowhere|; /^lock/d" "$T/site"
old=$(vm_pid)
out=$(pve cycle)
check "without a run directory a cycle works" [ $? = 0 ]
vm_pid >>"$T/pids"
check "and is a new process" eval '[ "$(vm_pid)" != "$old" ] && vm_alive'

# a full disk: the spare directory is used; and one that fills up costs no result line
sed -i "s|^run_dir.*|run_dir = $T/small|" "$T/site"
echo "spare_dir = $T/spare" >>"$T/site"
echo "lock = $T/lock" >>"$T/site"
mkdir -p "$T/small"
if unshare -m true 2>/dev/null; then
	out=$(unshare -m bash -c "mount -t tmpfs -o size=64k,mode=700 none '$T/small' &&
		SSH_ORIGINAL_COMMAND=cycle '$PVE' --site '$T/site'")
	check "on a full disk a cycle works" [ $? = 0 ]
	check "and leaves its record in the spare directory" eval 'ls "$T/spare/runs" | grep -q cycle'
	out=$(unshare -m bash -c "mount -t tmpfs -o size=512k,mode=700 none '$T/small' &&
		{ SSH_ORIGINAL_COMMAND=cycle '$PVE' --site '$T/site' & } &&
		dd if=/dev/zero of='$T/small/filler' bs=4k count=200 2>/dev/null; wait \$!")
	check "a disk that fills up costs no result line" grep -q "^#bg result verb=cycle rc=0" <<<"$out"
	vm_pid >>"$T/pids"
else
	echo "not tried: a full disk (no right to mount)"
fi

# rotation
sed -i "s|^run_dir.*|run_dir = $T/run|" "$T/site"
for i in $(seq -w 60); do : >"$T/run/runs/20000101T0000${i}Z-cycle-1.log"; done
# each run tidies the directory that it writes to; one whose disk was too slow to
# be tried writes to the spare one instead, so another run is asked for
tidied() {
	pve reset >"$T/tidy"
	[ "$(ls "$T/run/runs"/*.log | wc -l)" -le 50 ]
}
check "old runs are removed" wait_for 30 tidied
finish
