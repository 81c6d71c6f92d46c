#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: breakglass-pve against the lab's real QEMU and real sshd: it names what is
# ill, refuses a reset that would make it worse, and a cycle brings the guest back,
# also when the client is killed in the middle.  BG_LONG=1 tries more wedges.
set -u
here=$(cd "$(dirname "$0")" && pwd)
pve_program=${abs_top_builddir:-$PWD}/src/host/breakglass-pve
lab=$here/../../contrib/lab/lab
tmp=$(mktemp -d) || exit 99
name=pve-$$
failed=0
[ -x "$pve_program" ] || { echo "no $pve_program: run make first"; exit 99; }

lab() { "$lab" -q --name "$name" "$@"; }
cleanup() { lab down 2>/dev/null; rm -rf "$tmp"; }
trap cleanup EXIT
trap 'exit 99' INT TERM
ok() { echo "ok - $1"; }
bad() { echo "FAILED - $1"; failed=1; tail -n 4 "$tmp/out" | sed 's/^/    /'; }
check() { local t=$1; shift; if "$@"; then ok "$t"; else bad "$t"; fi; }
wait_for() {
	local end=$((SECONDS + $1)); shift
	until "$@"; do [ $SECONDS -lt $end ] || return 1; read -rt 0.1 _ <> <(:); done
	return 0
}
login() {
	ssh -F none -o BatchMode=yes -o IdentityAgent=none -o ConnectTimeout=15 \
		-o StrictHostKeyChecking=no -o UserKnownHostsFile="$tmp/known" -o LogLevel=ERROR \
		-i "$BREAKGLASS_KEY_PATH" -p "$1" "$2@127.0.0.1" "$3" </dev/null
}
pve() { login "$BREAKGLASS_PVE_PORT" "$BREAKGLASS_PVE_USER" "$1" >"$tmp/out" 2>&1; rc=$?; }
has() { grep -qF -- "$1" "$tmp/out"; }
pid() { cat "$inst/102.pid" 2>/dev/null; }
guest_works() { timeout 20 bash -c "$(declare -f login); $(declare -p tmp BREAKGLASS_KEY_PATH)
	login $BREAKGLASS_DEVVM_PORT breakglass 'sudo touch /srv/pve-test && sync'" >/dev/null 2>&1; }
wedge() { # on a busy machine the lab may need a second try
	for _ in 1 2; do
		lab heal >"$tmp/out" 2>&1 && lab wedge "$1" >"$tmp/out" 2>&1 && return
	done
	echo "cannot wedge: $1: $(tail -n 1 "$tmp/out")"
	exit 99
}

"$lab" --name "$name" up --die-with $$ --host-program "$pve_program" 2>"$tmp/up"
case $? in
0) ;;
*) echo "skipped: the lab cannot be made here: $(tail -n 1 "$tmp/up")"; exit 77 ;;
esac
eval "$(lab env)"
inst=$(dirname "$BREAKGLASS_KEY_PATH")

pve forensics
check "a real guest is healthy" eval '[ $rc = 0 ] && has "word=healthy"'
check "its disk queues are measured" has "#bg fact vq_inuse=0"
check "its screen is text, its link is up" eval 'has "#bg fact screen=text" && has "#bg fact link=up"'

wedge frozen
old=$(pid)
pve reset
check "a frozen QEMU: reset is refused" eval '[ $rc = 7 ] && has "word=hung advice=cycle"'
pve cycle
check "a frozen QEMU: cycle, a new process" eval '[ $rc = 0 ] && [ "$(pid)" != "$old" ]'
check "the guest is reachable and writes" wait_for 120 guest_works

wedge iostall
old=$(pid)
pve reset
check "an I/O stall: seen while QMP answers, reset is refused" \
	eval '[ $rc = 7 ] && has "word=stall advice=cycle" && has "#bg fact qmp=alive"'
mkfifo "$tmp/fifo"
login "$BREAKGLASS_PVE_PORT" "$BREAKGLASS_PVE_USER" cycle >"$tmp/fifo" 2>&1 &
client=$!
while read -r line; do case $line in *phase=preflight*) break ;; esac; done <"$tmp/fifo"
kill -KILL $client
wait $client 2>/dev/null
settled() { pve status; has "#bg fact last_verb=cycle" && has "#bg fact job=none"; }
check "an I/O stall: the client is killed, the cycle ends by itself" wait_for 30 settled
check "with 0 and a new process" eval 'has "#bg fact last_rc=0" && [ "$(pid)" != "$old" ]'
check "the guest is reachable and writes" wait_for 120 guest_works

wedge panic
pve forensics
check "a panic: the screen's text says so" \
	eval 'has "#bg fact screen=text" && has "#bg fact screen_says=panic" && has "Kernel panic - not syncing"'
check "and so does the verdict" eval 'has "word=guest-spin advice=reset" && has "kernel panic on the screen"'
check "its picture is kept" eval '[ "$(sed -n "s/^#bg fact png_bytes=//p" "$tmp/out")" -gt 1000 ] && has "#bg end=screen-png rc=0"'

[ -n "${BG_LONG:-}" ] || exit $failed

old=$(pid)
pve reset
check "a panic: QEMU is well, reset is done in the same process" \
	eval '[ $rc = 0 ] && has "advice=reset" && has "reset_seen=yes" && [ "$(pid)" = "$old" ]'
check "the guest is reachable and writes" wait_for 120 guest_works

wedge paused
pve start
check "paused: start resumes it" eval '[ $rc = 0 ] && has "phase=resuming"'

wedge staged
pve status
check "staged config is counted" eval '! has "#bg fact staged=0"'
pve cycle
pve status
check "and a cycle applies it" has "#bg fact staged=0"

wedge locked
old=$(pid)
pve cycle
check "a backup lock: refused, untouched" eval '[ $rc = 5 ] && [ "$(pid)" = "$old" ]'
wedge noquorum
pve cycle
check "no quorum: refused, untouched" eval '[ $rc = 4 ] && [ -n "$(pid)" ]'
exit $failed
