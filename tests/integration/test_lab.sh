#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: the lab is a site.  It boots a real guest, both sshds let the right key
# in, its wedges are what they say, heal brings the guest back, and when it is
# taken down, or its owner is killed, nothing of it is left.
# BG_LONG=1 tries every wedge.
set -u
here=$(cd "$(dirname "$0")" && pwd)
lab=$here/../../contrib/lab/lab
tmp=$(mktemp -d) || exit 99
name=test-$$
last=${EPOCHREALTIME/./}
failed=0

lab() { "$lab" -q --name "$name" "$@"; }
cleanup() {
	lab down 2>/dev/null
	"$lab" -q --name "$name-b" down 2>/dev/null
	"$lab" -q --name "$name-t" down 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 99' INT TERM
say() {
	local now=${EPOCHREALTIME/./}
	printf '%-4s %6d ms  %s\n' "$1" $(((now - last) / 1000)) "$2"
	last=$now
}
ok() { say ok "$*"; }
bad() { say FAIL "$*"; failed=1; }
check() { local what=$1; shift; if "$@" >"$tmp/out" 2>&1; then ok "$what"; else
	bad "$what"; sed 's/^/     | /' "$tmp/out" | head -n 20; fi; }
wait_for() {
	local end=$((SECONDS + $1 * 6)); shift # a guest on a busy machine; a good end costs nothing
	until "$@"; do [ $SECONDS -lt $end ] || return 1; done
}
contains() { "${@:2}" 2>&1 | tee "$tmp/got" | grep -q -e "$1" || { cat "$tmp/got"; false; }; }
exits() { local rc; "${@:2}"; rc=$?; [ $rc = "$1" ]; }
# python: of pvesh's rows, the last whole nine minutes
recorded() {
	"$inst/bin/pvesh" get /nodes/pve/qemu/102/rrddata --timeframe hour --output-format json |
		python3 -c "import json, sys; rows = json.load(sys.stdin)[-9:]; sys.exit(not ($1))"
}
qm() { "$inst/bin/qm" "$@"; }
login() {
	ssh -F none -o BatchMode=yes -o IdentityAgent=none -o ConnectTimeout=10 \
		-o StrictHostKeyChecking=yes -o UserKnownHostsFile="$tmp/known" \
		-i "$BREAKGLASS_KEY_PATH" -p "$1" "$2@127.0.0.1" "$3" </dev/null
}
devvm() { timeout "${2:-15}" bash -c "$(declare -f login); $(declare -p tmp BREAKGLASS_KEY_PATH);
	login $BREAKGLASS_DEVVM_PORT breakglass \"\$1\"" - "$1"; }
pve() { login "$BREAKGLASS_PVE_PORT" "$BREAKGLASS_PVE_USER" "$1"; }
# the pattern goes by stdin: grep's own command line must not hold it
left() { printf '%s\n' "$1" | grep -l -s -a -F -f - -- /proc/[0-9]*/cmdline; }
none_left() { ! left "$1"; }
fresh_pid() { local p; p=$(cat "$inst/102.pid" 2>/dev/null) && [ "$p" != "$1" ]; }

# a stand-in for the host program: says what it was given
cat >"$tmp/program" <<'END'
#!/bin/sh
echo "argv $* verb $SSH_ORIGINAL_COMMAND"
END
chmod +x "$tmp/program"
chmod 755 "$tmp"

"$lab" --name "$name" up --die-with $$ --host-program "$tmp/program" 2>"$tmp/up"
rc=$?
cat "$tmp/up"
if [ $rc = 4 ]; then
	echo "skipped: the lab cannot be made here: $(tail -n 1 "$tmp/up")"
	exit 77
fi
[ $rc = 0 ] || { echo "FAIL lab up: exit $rc"; exit 1; }
ok "lab up"
eval "$(lab env)"
inst=${BREAKGLASS_KEY_PATH%/client_key}
for f in "$BREAKGLASS_DEVVM_PORT guest_host_key" "$BREAKGLASS_PVE_PORT pve_host_key"; do
	echo "[127.0.0.1]:${f% *} $(cat "$inst/${f#* }.pub")"
done >"$tmp/known"

check "up again does nothing" contains "already up" "$lab" --name "$name" up \
	--host-program "$tmp/program"
check "the key is private" contains '^600$' stat -c %a "$BREAKGLASS_KEY_PATH"
check "everything listens on loopback only" \
	bash -c "! ss -Hltn 2>/dev/null | grep -E ':($BREAKGLASS_DEVVM_PORT|$BREAKGLASS_PVE_PORT) ' | grep -qv 127.0.0.1:"
check "status says healthy" wait_for 30 lab status
check "breakglass has root rights in the guest" contains '^uid=0(root)' devvm 'sudo id'
check "the guest's clock is right" \
	bash -c "d=\$((\$(date +%s) - $(devvm 'date +%s'))); [ \${d#-} -le 2 ]"
check "the guest writes to its disk" devvm 'sudo touch /srv/x && sync'
check "the guest has a journal and units" contains 'sshd' devvm 'systemctl is-active app && journalctl -u ssh -n 20'
check "the PVE side runs the host program with its site file" \
	contains "^argv --site $inst/site.conf verb status$" pve status
check "QEMU's command line has -id 102 and its pidfile" bash -c \
	"tr '\\0' ' ' </proc/$(cat "$inst/102.pid")/cmdline | grep -q -e '-id 102 .*-no-shutdown .*-pidfile $inst/102.pid -daemonize'"
check "qm status says running" contains '^status: running$' qm status 102

check "wedge frozen" lab wedge --since 600 frozen
check "frozen: pvesh has no rates since" wait_for 5 recorded '[r.get("cpu") is None for r in rows] == [False] * 9 and all("diskwrite" not in r for r in rows)'
check "frozen: qm status still says running, after 3 s" contains '^status: running$' qm status 102
check "frozen: verbose misses what QMP knows" bash -c "! '$inst/bin/qm' status 102 --verbose | grep -q diskwrite"
old=$(cat "$inst/102.pid")
check "heal" lab heal
check "heal made a fresh QEMU" [ "$old" != "$(cat "$inst/102.pid")" ]
check "sudo works after heal" wait_for 30 contains '^uid=0(root)' devvm 'sudo id'

check "wedge iostall" lab wedge --since 600 iostall
check "iostall: pvesh has zeros since" wait_for 5 recorded 'all(r["diskwrite"] == 0 for r in rows)'
check "iostall: qm status says running at once" contains '^status: running$' qm status 102
check "iostall: the agent answers" qm guest cmd 102 ping
check "iostall: a write never ends" bash -c "! { $(declare -f devvm login); $(declare -p tmp BREAKGLASS_KEY_PATH BREAKGLASS_DEVVM_PORT); devvm 'sudo touch /srv/y && sync' 4; }"
check "heal" lab heal

check "wedge panic" lab wedge panic
check "panic: qm status says running" contains '^status: running$' qm status 102
if [ -n "${BG_LONG-}" ]; then
	check "panic: a reset" qm reset 102
	check "panic: the reset brings the guest back" wait_for 40 devvm true 5
fi
check "heal" lab heal

check "wedge paused" lab wedge paused
check "paused: qm status says paused" contains '^status: paused$' qm status 102
check "paused: start is refused" contains '^VM 102 already running$' qm start 102
check "paused: resume cures it" qm resume 102
check "paused: ssh works" wait_for 20 devvm true 5

check "wedge staged" lab wedge staged
check "staged: qm pending shows it" contains '^new memory: 160$' qm pending 102
check "staged: a reset does not apply it" qm reset 102
check "staged: still pending" contains '^new memory: 160$' qm pending 102
check "stop" qm stop 102
check "stopped" contains '^status: stopped$' qm status 102
check "start" qm start 102
check "staged: nothing is pending" bash -c "! '$inst/bin/qm' pending 102 | grep -q ^new"
check "ssh works after the cold start" wait_for 40 devvm true 5
check "staged: the guest has the new memory" \
	contains yes devvm 'awk "/MemTotal/ { if (\$2 > 110000) print \"yes\" }" /proc/meminfo'
check "heal" lab heal

check "wedge killed" lab wedge killed
check "killed: the pidfile is left" test -e "$inst/102.pid"
check "killed: qm status says stopped" contains '^status: stopped$' qm status 102
check "heal" lab heal

check "wedge missing" lab wedge missing
check "missing: qm says so" contains "^Configuration file 'nodes/pve/qemu-server/102.conf' does not exist$" qm start 102
check "missing: with exit code 2" exits 2 qm status 102
check "cure config-back" lab cure config-back
check "missing: the VM is back" contains '^status: running$' qm status 102

check "wedge ha" lab wedge ha
check "ha: a start only asks" contains '^Requesting HA start for VM 102$' qm start 102
check "ha: the manager acts" wait_for 20 contains '^status: running$' qm status 102
check "ha: a stop only asks" contains '^Requesting HA stop for VM 102$' qm stop 102
check "ha: the manager acts again" wait_for 20 contains '^status: stopped$' qm status 102
check "heal ends the manager" lab heal
check "not managed any more" test ! -e "$inst/ha-resources.cfg"

check "wedge nbd-stall says how long it took" contains '^nbd-stall: holds after [0-9.]* s$' lab wedge nbd-stall
check "nbd-stall: qm status says running" contains '^status: running$' qm status 102
check "cure backend-continue" lab cure backend-continue
check "nbd-stall: the guest writes again" wait_for 20 devvm 'sudo touch /srv/x && sync' 5
check "heal leaves no storage server" bash -c "'$lab' -q --name '$name' heal && ! test -e '$inst/store'"

if [ -n "${BG_LONG-}" ]; then
	# an unkillable QEMU: the next start waits for it, and gives up
	if lab wedge storage-hang >"$tmp/out" 2>&1; then
		ok "wedge storage-hang"
		check "storage-hang: a thread hangs in the kernel" grep -q -s '^State:.D' /proc/"$(cat "$inst/102.pid")"/task/*/status
		old=$(cat "$inst/102.pid")
		check "storage-hang: qm stop says it is done" qm stop 102
		check "storage-hang: and qm status believes it" contains '^status: stopped$' qm status 102
		check "storage-hang: a thread of QEMU is still there" grep -q -s '^State:.D' /proc/"$old"/task/*/status
		timeout 5 "$inst/bin/qm" start 102 >/dev/null 2>&1
		check "storage-hang: a start hangs on the storage" [ $? = 124 ]
		check "heal all the same" lab heal
		check "sudo works after storage-hang" contains '^uid=0(root)' devvm 'sudo id'
		check "wedge storage-hang again" lab wedge storage-hang
		kill -9 "$(cat "$inst/102.pid")"
		check "down with a QEMU that cannot be killed" lab down
		check "down leaves no mount" bash -c "! grep -q '$inst' /proc/self/mountinfo"
		check "down leaves no process" wait_for 5 none_left "$inst"
		check "up again" "$lab" -q --name "$name" up --die-with $$ --host-program "$tmp/program"
		eval "$(lab env)"
		for f in "$BREAKGLASS_DEVVM_PORT guest_host_key" "$BREAKGLASS_PVE_PORT pve_host_key"; do
			echo "[127.0.0.1]:${f% *} $(cat "$inst/${f#* }.pub")"
		done >"$tmp/known"
	else
		say skip "storage-hang: $(tail -n 1 "$tmp/out")"
	fi
	if lab wedge storage-full >"$tmp/out" 2>&1; then
		ok "wedge storage-full"
		check "storage-full: qm status says io-error" contains '^status: io-error$' qm status 102
		check "cure make-room" lab cure make-room
		check "storage-full: the guest writes again" wait_for 20 devvm 'sudo touch /srv/x && sync' 5
		check "heal" lab heal
	else
		say skip "storage-full: $(tail -n 1 "$tmp/out")"
	fi
	check "wedge ha-dead" lab wedge ha-dead
	check "ha-dead: a start only asks" contains '^Requesting HA start' qm start 102
	check "ha-dead: nothing happens" contains '^status: stopped$' qm status 102
	check "cure ha-back" lab cure ha-back
	check "ha-dead: the VM runs" wait_for 20 contains '^status: running$' qm status 102
	check "heal" lab heal
	for w in link-down:link-up nic-down:guest-exec; do
		check "wedge ${w%:*}" lab wedge ${w%:*}
		check "${w%:*}: the agent answers" qm guest cmd 102 ping
		check "${w%:*}: no login" bash -c "! { $(declare -f devvm login); $(declare -p tmp BREAKGLASS_KEY_PATH BREAKGLASS_DEVVM_PORT); devvm true 5; }"
		check "cure ${w#*:}" lab cure ${w#*:}
		check "${w%:*}: ssh works" wait_for 20 devvm true 5
	done
	for w in fork-storm thrash; do
		check "heal" lab heal
		check "wedge $w" lab wedge $w
		check "$w: the agent does not answer" bash -c "! '$inst/bin/qm' guest cmd 102 ping"
		check "$w: qm status says running" contains '^status: running$' qm status 102
		check "$w: a reset" qm reset 102
		check "$w: the reset brings the guest back" wait_for 60 devvm true 5
	done
	check "heal" lab heal
	for w in disk-full fsfreeze locked noquorum oom powered-off service sshd-dead sshd-frozen; do
		check "wedge $w" lab wedge $w
		case $w in
		locked) check "$w: stop is refused" contains '^VM is locked (backup)$' qm stop 102 ;;
		noquorum) check "$w: start is refused" contains 'no quorum' qm start 102 ;;
		powered-off) check "$w: stopped" contains '^status: stopped$' qm status 102 ;;
		service) check "$w: systemctl says so" contains 'app.service.*failed' devvm 'systemctl --failed' ;;
		disk-full) check "$w: a write fails" contains 'No space left' devvm 'sudo sh -c "echo x >/srv/z"' ;;
		oom) check "$w: the kernel says so" contains 'Out of memory' devvm 'sudo dmesg' ;;
		sshd-*) check "$w: no login" bash -c "! { $(declare -f devvm login); $(declare -p tmp BREAKGLASS_KEY_PATH BREAKGLASS_DEVVM_PORT); devvm true 5; }" ;;
		esac
		check "heal after $w" lab heal
		check "sudo works after $w" contains '^uid=0(root)' devvm 'sudo id'
	done
	check "qm shutdown ends the guest cleanly" qm shutdown 102
	check "stopped" contains '^status: stopped$' qm status 102
	check "qm reboot needs a running VM" contains 'not running' qm reboot 102
	check "start" qm start 102
	check "ssh works" wait_for 40 devvm true 5
	old=$(cat "$inst/102.pid")
	check "qm reboot" qm reboot 102
	check "qmeventd starts a fresh QEMU" wait_for 20 fresh_pid "$old"
	check "heal" lab heal
fi

# a real network card: what is dead does not answer at all
if [ -n "${BG_LONG-}" ] && [ "$(id -u)" = 0 ] && unshare -n true 2>/dev/null; then
	tapped() { unshare -n bash -c "lab() { '$lab' -q --name '$name-t' \"\$@\"; }
		trap 'lab down' EXIT
		lab up --net tap --host-program '$tmp/program' || exit 1
		eval \"\$(lab env)\"
		dial() { ssh -F none -o BatchMode=yes -o IdentityAgent=none -o ConnectTimeout=3 \
			-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
			-i \$BREAKGLASS_KEY_PATH -p \$BREAKGLASS_DEVVM_PORT \
			breakglass@\$BREAKGLASS_DEVVM_HOST true 2>&1 </dev/null; }
		dial || exit 1
		lab wedge frozen && dial | grep 'Connection timed out' || exit 1
		lab heal && dial || exit 1
		lab wedge link-down && dial | grep 'Connection timed out' || exit 1
		lab cure link-up && dial"; }
	check "tap: a dead guest's connections time out" tapped
	check "tap: nothing is left" bash -c "! test -e '${inst%/*}/$name-t'"
	check "tap: not in the machine's own network" bash -c "! '$lab' -q --name '$name-t' up --net tap 2>&1 || false"
fi

# a second instance from the same cache, whose owner is killed
sleep 1000 &
owner=$!
check "a second instance, bound to a process" "$lab" -q --name "$name-b" up --die-with $owner
other=${inst%/*}/$name-b
check "both are up" wait_for 30 bash -c "'$lab' -q --name '$name' status && '$lab' -q --name '$name-b' status"
kill -9 $owner
wait $owner 2>/dev/null
check "it goes with its owner" wait_for 20 test ! -e "$other"
check "and leaves no process" wait_for 5 none_left "$other"
check "the first one does not care" wait_for 30 lab status

"$lab" -q --name "$name-b" up &
up=$!
check "a third lab is half way up" wait_for 30 grep -q -s pve-sshd "$other/procs"
kill -9 $up
wait $up 2>/dev/null
check "killed there, it goes away" wait_for 20 test ! -e "$other"
check "and leaves no process" wait_for 5 none_left "$other"
check "a state folder that cannot work is refused" bash -c \
	"! '$lab' --dir '$tmp/a b' up && ! '$lab' --dir '$tmp/$(printf %090d 0)' up"

kill -9 "$(cat "$inst/102.pid")" "$(cat "$inst/sshd.pid")"
check "up after a crash of everything starts afresh" "$lab" --name "$name" up --host-program "$tmp/program"
check "down" lab down
check "down leaves no file" bash -c "! ls -d '$inst'* 2>/dev/null"
check "down leaves no process" wait_for 5 none_left "$inst"
exit $failed
