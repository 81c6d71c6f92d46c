#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: the lab's old host program has the old script's manners on a real guest: a
# frozen QEMU is cycled in about half a minute, a reader that goes away leaves the VM
# off, a backup's lock is no protection, and nobody else's process is killed.
set -u
here=$(cd "$(dirname "$0")" && pwd)
lab=$here/../../contrib/lab/lab
tmp=$(mktemp -d) || exit 99
name=old-$$
failed=0

lab() { "$lab" -q --name "$name" "$@"; }
cleanup() {
	[ -n "${bystander-}" ] && kill "$bystander" 2>/dev/null
	lab down 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 99' INT TERM
check() {
	local t=$1
	shift
	if "$@"; then echo "ok - $t"; else
		echo "FAILED - $t"
		failed=1
		tail -n 4 "$tmp/out" | sed 's/^/    /'
	fi
}
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		read -rt 0.1 _ <> <(:)
	done
}
# in a process of its own, so that it can be killed
pve() ( exec_pve "$1" )
exec_pve() {
	exec ssh -F none -o BatchMode=yes -o IdentityAgent=none -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile="$tmp/known" -o LogLevel=ERROR -i "$BREAKGLASS_KEY_PATH" \
		-p "$BREAKGLASS_PVE_PORT" "$BREAKGLASS_PVE_USER@127.0.0.1" "$1" </dev/null
}
has() { grep -qF -- "$1" "$tmp/out"; }
state() { "$inst/bin/qm" status 102 2>/dev/null; }
pid() { cat "$inst/102.pid" 2>/dev/null; }
nobody_left() { ! pgrep -f -- "old-breakglass-pve --site $inst" >/dev/null; }

# qm takes its second, as the real one does: a reader that is killed is gone by then
"$lab" --name "$name" up --die-with $$ --qm-delay 1 \
	--host-program "$here/../../contrib/lab/old-breakglass-pve" 2>"$tmp/up"
case $? in
0) ;;
*) echo "skipped: the lab cannot be made here: $(tail -n 1 "$tmp/up")"; exit 77 ;;
esac
eval "$(lab env)"
inst=$(dirname "$BREAKGLASS_KEY_PATH")

pve status >"$tmp/out"
check "status is qm's line and nothing else" [ "$(cat "$tmp/out")" = "status: running" ]
pve 'status;id' >"$tmp/out" 2>&1
check "what is not a verb exits with 2" [ $? = 2 ]

lab wedge frozen || exit 99
old=$(pid) begin=$SECONDS
pve cycle >"$tmp/out" 2>&1
rc=$? took=$((SECONDS - begin))
check "a frozen QEMU is cycled, exit status 0" [ $rc = 0 ]
check "it is another QEMU" [ "$(pid)" != "$old" -a "$(state)" = "status: running" ]
check "it took half a minute, not seconds ($took s)" [ $took -ge 25 -a $took -le 90 ]
check "no mark in what it says" eval '! grep -q "^#bg" "$tmp/out"'

# the reader is killed while qm stop works on a healthy VM
lab heal || exit 99
exec_pve cycle >"$tmp/out" 2>&1 &
reader=$!
wait_for 90 has "requesting clean stop"
kill -9 "$reader"
wait "$reader" 2>/dev/null
wait_for 90 nobody_left
check "a reader that goes away leaves the VM off" [ "$(state)" = "status: stopped" ]

# a backup holds the lock; somebody else's command line has the pattern
lab heal && lab wedge locked || exit 99
bash -c 'exec -a "editor -id 102" sleep 300' &
bystander=$!
old=$(pid)
pve cycle >"$tmp/out" 2>&1
rc=$?
check "a backup's lock does not stop it: killed, unlocked, started" \
	eval '[ $rc = 0 ] && has "kill -9 $old" && [ "$(pid)" != "$old" ]'
check "nothing but the lab's QEMU is killed" kill -0 "$bystander"
exit $failed
