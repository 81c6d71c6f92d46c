#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: breakglass verdict on the lab's wedges: each has its word, the verb that helps
# or none, and its evidence from both sides; a healthy guest is healthy before and
# after.  BG_LONG=1 tries more wedges.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=${abs_top_srcdir:-$here/../..}
build=${abs_top_builddir:-$PWD}
lab=$top/contrib/lab/lab
tmp=$(mktemp -d) || exit 99
name=verdict-$$
failed=0
[ -x "$build/src/breakglass" ] || { echo "no $build/src/breakglass: run make first"; exit 99; }

lab() { "$lab" -q --name "$name" "$@"; }
cleanup() { lab down 2>/dev/null; rm -rf "$tmp"; }
trap cleanup EXIT
trap 'exit 99' INT TERM
"$lab" --name "$name" up --die-with $$ --host-program "$build/src/host/breakglass-pve" 2>"$tmp/up"
case $? in
0) ;;
*) echo "skipped: the lab cannot be made here: $(tail -n 1 "$tmp/up")"; exit 77 ;;
esac
eval "$(lab env)"
export BREAKGLASS_LIBEXEC_DIR=$build/libexec BREAKGLASS_DATA_DIR=$top BREAKGLASS_CLAUDE=/nonexistent

verdict() { # one incident each, so that none knows of another
	local d
	d=$(mktemp -d "$tmp/i.XXXXXX")
	mkdir "$d/home"
	HOME=$d/home BREAKGLASS_RUN_DIR=$d/run BREAKGLASS_SESSIONS_DIR=$d/sessions \
		timeout 120 "$build/src/breakglass" verdict >"$tmp/out" 2>"$tmp/err"
	rc=$?
	pictures=$(find "$d" -name '*.png' | wc -l)
}
# An emulated guest beside others on a busy machine crawls, truly, for a while.
verdict_settled() {
	for _ in 1 2 3 4 5 6; do
		verdict
		[ "$(head -n 1 "$tmp/out")" = crawling ] || return
	done
}
has() { grep -qF -- "$1" "$tmp/out"; }
bad() { echo "FAILED - $*"; failed=1; sed 's/^/    /' "$tmp/out" "$tmp/err"; }
# expect WORD ADVICE LINE...: each LINE is a part of what is printed
expect() {
	local mode=$1 word=$2 advice=$3 want=1 line
	shift 3
	[ "$word" = healthy ] && want=0
	[ $rc = $want ] || { bad "$mode: exit $rc, not $want"; return; }
	[ "$(head -n 1 "$tmp/out")" = "$word" ] || { bad "$mode is not called $word"; return; }
	has "  advice: $advice" || { bad "$mode: $advice is not advised"; return; }
	for line; do
		has "$line" || { bad "$mode: no \"$line\""; return; }
	done
	echo "ok - $mode: $word, advice $advice"
}
wedge() { # on a busy machine the lab may need a second try
	for _ in 1 2; do
		lab heal >"$tmp/out" 2>&1 && lab wedge "$1" >"$tmp/out" 2>&1 && return
	done
	echo "cannot wedge: $1: $(tail -n 1 "$tmp/out")"
	exit 99
}

verdict_settled
expect "a healthy guest" healthy none "devvm: banner after" "write with sync after" "not start"
[ "$pictures" = 1 ] || { echo "FAILED - $pictures pictures of the screen"; failed=1; }

wedge frozen
verdict
expect frozen hung cycle "threads are stopped by a signal" "not reset"
wedge iostall
verdict
expect iostall stall cycle "host: the disk queue holds" "counters stood still" \
	"a write with sync did not come back" "destroys the evidence"
wedge fsfreeze
verdict
expect fsfreeze frozen start "file systems frozen" "holds 0 requests" "nothing is lost"
wedge panic
verdict
expect panic panic reset "Kernel panic" "guest agent silent"
wedge sshd-frozen
verdict
expect sshd-frozen ssh-down reset "guest agent alive" "systemctl restart ssh"
wedge disk-full
verdict
expect disk-full disk-full none "No space left" "make room by ssh" "not cycle"
if [ -n "${BG_LONG:-}" ]; then
	wedge paused
	verdict
	expect paused paused start "status paused" "prelaunch"
	wedge killed
	verdict
	expect killed stopped start "no QEMU process"
	wedge link-down
	verdict
	expect link-down net-down cycle "link is down" "not reset"
	wedge sshd-dead
	verdict
	expect sshd-dead ssh-down none "guest agent alive" "not reset" "not cycle"
	wedge staged
	verdict_settled
	expect staged healthy none "staged config changes wait" "not reset"
	wedge missing
	verdict
	expect missing missing none "no config of VM 102" "not start"
	wedge noquorum
	verdict_settled
	expect noquorum healthy none "a start would be refused" "not cycle"
	wedge locked
	verdict_settled
	expect locked healthy none "config lock" "not stop"
fi
lab heal >"$tmp/out" 2>&1
verdict_settled
expect "healed" healthy none
exit $failed
