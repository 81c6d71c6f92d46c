#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: the lab's guest `debian` is the devvm of the runbooks.  It has systemd, units
# and a journal in which a healthy guest has no error, the wedges are in them what they
# say, its saved state brings it back in seconds, and from the cache it needs no network.
set -u
here=$(cd "$(dirname "$0")" && pwd)
lab=$here/../../contrib/lab/lab
tmp=$(mktemp -d) || exit 99
name=debian-$$
last=${EPOCHREALTIME/./}
failed=0

lab() { "$lab" -q --name "$name" "$@"; }
cleanup() {
	lab down 2>/dev/null
	"$lab" -q --name "$name-n" down 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 99' INT TERM
say() {
	local now=${EPOCHREALTIME/./}
	printf '%-4s %6d ms  %s\n' "$1" $(((now - last) / 1000)) "$2"
	last=$now
}
check() { local what=$1; shift; if "$@" >"$tmp/out" 2>&1; then say ok "$what"; else
	say FAIL "$what"; failed=1; sed 's/^/     | /' "$tmp/out" | head -n 20; fi; }
wait_for() {
	local end=$((SECONDS + $1)); shift
	until "$@"; do [ $SECONDS -lt $end ] || return 1; done
}
contains() { "${@:2}" 2>&1 | tee "$tmp/got" | grep -q -e "$1" || { cat "$tmp/got"; false; }; }
no() { ! "$@"; }
qm() { "$inst/bin/qm" "$@"; }
devvm() { # devvm COMMAND [SECONDS]
	timeout "${2:-30}" ssh -F none -o BatchMode=yes -o IdentityAgent=none -o ConnectTimeout=10 \
		-o StrictHostKeyChecking=yes -o UserKnownHostsFile="$tmp/known" \
		-i "$BREAKGLASS_KEY_PATH" -p "$BREAKGLASS_DEVVM_PORT" breakglass@127.0.0.1 "$1" </dev/null
}
agent() { qm guest exec 102 -- /bin/sh -c "$1"; }

printf '#!/bin/sh\nexit 0\n' >"$tmp/program"
chmod +x "$tmp/program"
chmod 755 "$tmp"
"$lab" --name "$name" up --guest debian --die-with $$ --host-program "$tmp/program" 2>"$tmp/up"
rc=$?
cat "$tmp/up"
if [ $rc = 4 ]; then
	echo "skipped: the Debian guest cannot be made here: $(tail -n 1 "$tmp/up")"
	exit 77
fi
[ $rc = 0 ] || { echo "FAIL lab up --guest debian: exit $rc"; exit 1; }
say ok "lab up --guest debian"
eval "$(lab env)"
inst=${BREAKGLASS_KEY_PATH%/client_key}
echo "[127.0.0.1]:$BREAKGLASS_DEVVM_PORT $(cat "$inst/guest_host_key.pub")" >"$tmp/known"

check "another guest under the same name is refused" contains "up with the guest debian" \
	"$lab" --name "$name" up --guest busybox
check "it is Debian 12" contains '^12' devvm 'cat /etc/debian_version'
check "systemd is content" contains '^running$' devvm 'systemctl is-system-running'
check "breakglass has root rights" contains '^uid=0(root)' devvm 'sudo id'
check "its clock is right" \
	bash -c "d=\$((\$(date +%s) - $(devvm 'date +%s'))); [ \${d#-} -le 3 ]"
check "no error is in the journal" contains '^-- No entries --$' devvm 'journalctl -b -p err --no-pager'
check "the kernel is in the journal" contains 'Linux version' devvm 'journalctl -b -k --no-pager'
check "the application answers" contains 'sample application answers' \
	devvm 'busybox wget -q -O - http://127.0.0.1:8080/'
check "the disk is written to" devvm 'a=$(stat -c %y /srv/ticker); for n in 1 2 3 4 5 6 7 8 9; do
	[ "$(stat -c %y /srv/ticker)" = "$a" ] || exit 0; sleep 1; done; exit 1'
check "memory is as configured, the image sparse and small" \
	bash -c "grep -q '^memory: 256' '$inst/102.conf' && [ \$(du -m '$inst/vm-102-disk-0.raw' | cut -f 1) -lt 400 ]"

check "wedge service" lab wedge service
check "service: the unit has failed" contains 'app.service.*failed' devvm 'systemctl --failed --no-pager'
check "service: its journal says why" contains 'database is locked' devvm 'journalctl -u app -n 20 --no-pager'
check "service: and that systemd gave up" contains 'Start request repeated too quickly' \
	devvm 'journalctl -u app -n 5 --no-pager'
check "service: cured" lab cure guest-exec
check "service: it runs again" contains '^active$' devvm 'systemctl is-active app'
check "heal" lab heal

check "wedge oom" lab wedge oom
check "oom: the unit has failed" wait_for 60 contains 'batch.service.*failed' devvm 'systemctl --failed --no-pager'
check "oom: its journal says why" contains "result 'oom-kill'" devvm 'journalctl -u batch --no-pager'
check "oom: the kernel's words are in the journal" contains 'Out of memory: Killed process' \
	devvm 'journalctl -k -b --no-pager'
check "heal" lab heal

check "wedge disk-full" lab wedge disk-full
check "disk-full: no byte is left" contains ' 100% /$' devvm 'df /'
check "disk-full: a write fails" contains 'No space left' devvm 'sudo dd if=/dev/zero of=/srv/z bs=1M count=64'
check "disk-full: cured" lab cure guest-exec
check "disk-full: a write works" devvm 'sudo sh -c "echo x >/srv/z && sync"'

check "wedge sshd-dead" lab wedge sshd-dead
check "sshd-dead: no login" no devvm true 5
check "sshd-dead: the unit has failed" contains 'ssh.service.*failed' agent 'systemctl --failed'
check "sshd-dead: cured" lab cure guest-exec
check "sshd-dead: a login" wait_for 90 devvm true 20

check "wedge fsfreeze" lab wedge fsfreeze
check "fsfreeze: a write never ends" no devvm 'sudo touch /srv/y && sync' 4
check "cure thaw" lab cure thaw
check "fsfreeze: a write ends" wait_for 90 devvm 'sudo touch /srv/y && sync' 20

check "wedge paused" lab wedge paused
check "paused: qm status says so" contains '^status: paused$' qm status 102
check "heal" lab heal
check "wedge iostall" lab wedge iostall
check "iostall: the agent answers" qm guest cmd 102 ping
check "iostall: a write never ends" no devvm 'sudo touch /srv/y && sync' 4
check "heal" lab heal
check "wedge frozen" lab wedge frozen
check "heal" lab heal

before=$(devvm 'cat /proc/sys/kernel/random/boot_id')
check "wedge panic" lab wedge panic
check "panic: a reset" qm reset 102
check "panic: it boots again" wait_for 240 devvm true 20
check "panic: it is another boot" [ "$before" != "$(devvm 'cat /proc/sys/kernel/random/boot_id')" ]
check "panic: the journal of the boot before is there" contains "${before//-/}" devvm 'journalctl --list-boots --no-pager'

check "wedge powered-off" lab wedge powered-off
check "powered-off: stopped" contains '^status: stopped$' qm status 102
check "wedge staged, of a guest that is off" bash -c "'$lab' -q --name '$name' heal && '$lab' -q --name '$name' wedge staged"
check "staged: qm pending shows it" contains '^new memory: 288$' qm pending 102
check "staged: stop and start" bash -c "'$inst/bin/qm' stop 102 && '$inst/bin/qm' start 102"
check "staged: it boots" wait_for 240 devvm true 20
check "staged: it has the new memory" \
	contains yes devvm 'awk "/MemTotal/ { if (\$2 > 240000) print \"yes\" }" /proc/meminfo'
check "staged: every unit came up" wait_for 120 contains '^running$' devvm 'systemctl is-system-running'

if unshare -rn true 2>/dev/null; then
	begin=$SECONDS
	check "from the cache it comes up without a network" unshare -rn sh -c \
		"ip link set lo up && '$lab' --name '$name-n' up --guest debian --host-program '$tmp/program' && '$lab' --name '$name-n' down"
	check "in seconds" [ $((SECONDS - begin)) -lt 60 ]
else
	say skip "without a network: there are no user namespaces here"
fi
check "down" lab down
exit $failed
