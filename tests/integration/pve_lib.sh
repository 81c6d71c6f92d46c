# SPDX-License-Identifier: GPL-3.0-or-later
# For tests of breakglass-pve: a PVE host in a directory, and a real sshd in front of it.
#
# sshd runs as ssh's ProxyCommand (sshd -i), so there is no port to collide on and
# nothing left behind: forced command, restrict and the wire are the real ones.
: "${abs_top_builddir:=$PWD}" "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
PVE=$abs_top_builddir/src/host/breakglass-pve
FAKE=$abs_top_builddir/tests/fakes/pve/qemu-fake
SSHD=$(command -v sshd || echo /usr/sbin/sshd)
failed=0

[ -x "$PVE" ] || { echo "no $PVE: run make first"; exit 99; }
[ -x "$FAKE" ] || { echo "no $FAKE: run make check"; exit 99; }

T=$(mktemp -d "${TMPDIR:-/tmp}/bgpve.XXXXXX") || exit 99
cleanup() {
	ssh_close
	for f in "$T"/102.pid "$T"/pids; do
		# a pid that was taken by somebody else meanwhile is not ours
		[ -f "$f" ] && while read -r p; do
			[ -n "$p" ] && grep -qaF "$T" "/proc/$p/cmdline" 2>/dev/null && kill -KILL "$p"
		done <"$f"
	done
	wait 2>/dev/null
	rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 99' INT TERM HUP

. "$abs_top_srcdir/tests/integration/pace.sh"
ok() { echo "ok - $1"; }
fail() { echo "FAILED - $1"; failed=1; [ $# -gt 1 ] && printf '    %s\n' "${@:2}"; }
# check TEXT COMMAND...: the command must succeed
check() { local t=$1; shift; if "$@"; then ok "$t"; else fail "$t"; fi; }
# wait_for SECONDS COMMAND...: until it succeeds; a busy machine has its time, too
wait_for() {
	local end=$((SECONDS + $1 * 6)); shift
	until "$@"; do
		[ $SECONDS -ge $end ] && return 1
		read -rt 0.05 _ <> <(:)
	done
	return 0
}
now_ms() { date +%s%3N; }
finish() { [ $failed = 0 ] && exit 0; exit 1; }

# The host: qm, its state, the site file with short budgets.
make_site() {
	cp "$abs_top_srcdir/tests/fakes/pve/qm" "$T/qm"
	cp "$FAKE" "$T/qemu-fake"
	chmod +x "$T/qm"
	echo running >"$T/mode"
	printf 'memory: 48000\nname: devvm\n' >"$T/config.txt"
	printf 'cur memory: 48000\ncur name: devvm\n' >"$T/pending.txt"
	printf 'memory: 48000\nname: devvm\n' >"$T/102.conf"
	mkdir -p "$T/local"
	: >"$T/qm.calls"
	cat >"$T/site" <<-EOF
		# a host in a directory
		qm = $T/qm
		run_dir = $T/run
		log = $T/log/breakglass.log
		syslog =
		pidfile = $T/102.pid
		qmp = $T/102.qmp
		qga = $T/102.qga
		pve_conf = $T/102.conf
		pve_local = $T/local
		pve_ha = $T/ha.cfg
		pve_tasks = $T/tasks
		systemd_run = no
		gap_ms = 200
		greeting_ms = 700
		stop_ms = 6000
		term_ms = 500
		gone_ms = 3000
		start_ms = 10000
		verify_ms = 5000
	EOF
}
start_vm() { "$T/qm" start || exit 99; vm_pid >>"$T/pids"; }
vm_pid() { cat "$T/102.pid" 2>/dev/null; }
# a QEMU of ours, and not who has its pid by now; a zombie has no arguments
is_vm() { [ -n "$1" ] && grep -qaF "$T/102.pid" "/proc/$1/cmdline" 2>/dev/null; }
vm_alive() { is_vm "$(vm_pid)"; }
vm_gone() { ! is_vm "$1"; }
# an orphan may stay a zombie where nobody reaps
gone() { ! grep -q '^State:.[^Z]' "/proc/$1/status" 2>/dev/null; }
log_lines() { cat "$T/log/breakglass.log" 2>/dev/null | wc -l; }

# pve WORD...: as sshd would start it, without ssh
pve() { SSH_ORIGINAL_COMMAND="$*" "$PVE" --site "$T/site"; }
result_rc() { sed -n 's/^#bg result .* rc=\([0-9]*\) .*/\1/p'; }
fact() { sed -n "s/^#bg fact $1=//p" | tail -n 1; }

make_sshd() {
	[ -x "$SSHD" ] || { echo "no sshd"; exit 77; }
	[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$T/hostkey" && ssh-keygen -q -t ed25519 -N '' -f "$T/key" || exit 99
	echo "command=\"$PVE --site $T/site\",restrict $(cat "$T/key.pub")" >"$T/authorized_keys"
	chmod 600 "$T/authorized_keys"
	cat >"$T/sshd_config" <<-EOF
		HostKey $T/hostkey
		AuthorizedKeysFile $T/authorized_keys
		PidFile none
		UsePAM no
		StrictModes no
		PermitRootLogin yes
		PasswordAuthentication no
		KbdInteractiveAuthentication no
		AcceptEnv LANG LC_*
		LogLevel QUIET
	EOF
	cat >"$T/ssh_config" <<-EOF
		Host pve
		  HostName pve
		  User $(id -un)
		  ProxyCommand $SSHD -i -f $T/sshd_config
		  IdentityFile $T/key
		  IdentitiesOnly yes
		  IdentityAgent none
		  UserKnownHostsFile /dev/null
		  StrictHostKeyChecking no
		  GlobalKnownHostsFile /dev/null
		  LogLevel ERROR
		  ControlPath $T/ctl
	EOF
	ssh_pve status >/dev/null 2>&1 || { echo "sshd -i does not work here"; exit 99; }
}
ssh_pve() { ssh -F "$T/ssh_config" pve "$@"; }
# One connection for many commands.
ssh_open() { ssh -F "$T/ssh_config" -M -N -f pve; }
ssh_close() { [ -S "$T/ctl" ] && ssh -F "$T/ssh_config" -O exit pve 2>/dev/null; :; }
