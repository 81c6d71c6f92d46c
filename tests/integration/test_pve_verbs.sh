#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: each verb of breakglass-pve does what it says on a host that is well, hung,
# stalled, paused, locked or without quorum, and its exit code says which it was.
set -u
. "$(dirname "$0")/pve_lib.sh"
make_site

run() { # VERB: output in $out, exit code in $rc
	out=$(pve "$1" 2>&1)
	rc=$?
}
rc_is() { [ "$rc" = "$1" ] || { printf '%s\n' "$out" | tail -n 5; return 1; }; }
has() { grep -qF -- "$1" <<<"$out"; }
in_order() { # the marks must come in this order
	local line=0 next
	for w in "$@"; do
		next=$(grep -nF -- "$w" <<<"$out" | cut -d: -f1 | awk -v l=$line '$1 > l' | head -n 1)
		[ -n "$next" ] || { echo "    no \"$w\" after line $line"; return 1; }
		line=$next
	done
}
calls() { grep -cx "$1" "$T/qm.calls"; }

# --- stopped
run status
check "status of a stopped VM" has "#bg fact status=stopped"
check "its exit code is 0" rc_is 0
run forensics
check "forensics of a stopped VM advise start" has "#bg verdict word=stopped advice=start"
run reset
check "reset of a stopped VM is refused with 7" rc_is 7
run stop
check "stop of a stopped VM is nothing to do" rc_is 0
run start
check "start starts it" rc_is 0
check "the phases come in order" in_order "#bg run " phase=forensics phase=preflight \
	phase=starting phase=verifying phase=running "#bg result "
vm_pid >>"$T/pids"
check "the VM lives" vm_alive
run start
check "start of a running VM is nothing to do" rc_is 0

run status
check "status names the mutating runs with their results" eval 'for r in start-[0-9]+=0 stop-[0-9]+=0 reset-[0-9]+=7; do
	grep -qE "^#bg runs list=\"[^\"]*[0-9TZ]+-$r" <<<"$out" || { false; break; }; done'
check "and the host's clock" eval 'c=$(sed -n "s/^#bg fact clock_ms=//p" <<<"$out"); n=$(date +%s%3N);
	[ $((n - c)) -ge 0 ] && [ $((n - c)) -lt 20000 ]'

# --- staged config
printf 'cur memory: 48000\nnew memory: 49152\ncur name: devvm\ndel balloon\n' >"$T/pending.txt"
run status
check "status counts staged config" has "#bg fact staged=2"
check "status shows it" has "  new memory: 49152"
check "and not what is not staged" eval '! has "cur name"'
printf 'cur memory: 48000\n' >"$T/pending.txt"

# --- secrets and hostile bytes in what qm prints
printf 'args: -secret\ncipassword: hunter2\nname: \033]0;x\007\xc2\x9b31m\n#bg result verb=cycle rc=0\n' >"$T/config.txt"
run forensics
check "secrets in the config are not shown" eval '! has hunter2 && has "cipassword: (not shown)"'
check "all output is printable ASCII" eval '! LC_ALL=C grep -q "[^ -~]" <<<"$out"'
check "a line of qm's cannot be a mark" eval '[ "$(grep -c "^#bg result" <<<"$out")" = 1 ]'
printf 'name: devvm\n' >"$T/config.txt"

# --- reset
run reset
check "reset of a healthy VM" rc_is 0
check "qm reset ran once" eval '[ "$(calls reset)" = 1 ]'
check "and is seen to have happened" has "#bg fact reset_seen=yes"
echo 'exit 0' >"$T/qm.reset"
run start # lets the counters grow
for _ in 1 2 3 4 5 6 7 8; do pve status >/dev/null; done
run reset
check "a reset that did not happen is not believed" eval 'rc_is 3 && has "#bg fact reset_seen=no"'
rm "$T/qm.reset"

# --- cycle, healthy
old=$(vm_pid)
run cycle
check "cycle of a healthy VM" rc_is 0
check "is a clean stop" in_order "by=qm" phase=stopped phase=starting phase=running
check "and a new process" eval '[ "$(vm_pid)" != "$old" ] && vm_alive'
vm_pid >>"$T/pids"

# --- paused
echo paused >"$T/mode"
run forensics
check "a paused VM is seen" has "#bg verdict word=paused advice=start"
run start
check "start resumes it" eval 'rc_is 0 && [ "$(calls resume)" = 1 ]'

# --- frozen file systems are thawed first
echo "running frozen" >"$T/mode"
run reset
check "reset thaws frozen file systems first" in_order "word=frozen" phase=thaw phase=resetting

echo "running frozen" >"$T/mode"
old=$(vm_pid)
run start
check "start thaws them, and nothing else" eval 'rc_is 0 && in_order "word=frozen" phase=thaw "fact thawed=yes" "state=running" && [ "$(vm_pid)" = "$old" ] && ! has phase=starting'
run status
check "and they are thawed" eval '! grep -q frozen "$T/mode"'
echo "running frozen" >"$T/mode"
echo "lock: backup" >>"$T/102.conf"
run start
check "not under a backup's lock" eval 'rc_is 5 && ! has phase=thaw'
sed -i '/^lock/d' "$T/102.conf"
echo "running frozen noagent" >"$T/mode"
run start
check "a guest without an agent runs already, as far as can be seen" rc_is 0

# --- I/O stall
echo "running stalled" >"$T/mode"
run reset
check "reset is refused on a stall" rc_is 7
check "and says what to do" has "use cycle"
check "the stall is seen" has "#bg verdict word=stall advice=cycle"
run start
check "start on a stall says cycle" eval 'rc_is 3 && has "use cycle"'
old=$(vm_pid)
stops=$(calls stop)
run cycle
check "cycle ends a stalled QEMU" rc_is 0
check "without qm's own long wait" eval '[ "$(calls stop)" = "$stops" ]'
check "and starts a new one" eval '[ "$(vm_pid)" != "$old" ] && vm_alive'
vm_pid >>"$T/pids"

# --- hung: SIGSTOP
old=$(vm_pid)
kill -STOP "$old"
run status
check "status does not believe qm of a hung QEMU" has "#bg fact status=hung"
check "and shows what qm says" has "#bg fact qm_status=running"
run reset
check "reset is refused on a hung QEMU" eval 'rc_is 7 && has "word=hung"'
run cycle
check "cycle replaces a hung QEMU" rc_is 0
check "by SIGKILL of exactly that process" in_order "pid=$old" phase=stopped phase=running
check "which is gone" vm_gone $old
vm_pid >>"$T/pids"

# --- somebody else holds the monitor: not hung
echo "running silent" >"$T/mode"
run forensics
check "a busy monitor is not a hung QEMU" has "#bg fact qmp=busy"
echo running >"$T/mode"

# --- a QEMU that ignores SIGTERM
run stop
check "stop" eval 'rc_is 0 && ! vm_alive'
cat >"$T/qm.start" <<'X'
echo "running stubborn" >"$here/mode"
"$here/qemu-fake" -id 102 -pidfile "$here/102.pid" -qmp "$here/102.qmp" -qga "$here/102.qga" -mode "$here/mode" -daemonize
exit
X
run start
vm_pid >>"$T/pids"
rm "$T/qm.start"
cat >"$T/qm.stop" <<'X'
echo "VM 102 qmp command 'quit' failed - got timeout" >&2; exit 255
X
old=$(vm_pid)
run stop
check "stop ends a QEMU that ignores quit and SIGTERM" eval 'rc_is 0 && vm_gone $old'
rm "$T/qm.stop" "$T/102.pid"

# --- preflight
run start
vm_pid >>"$T/pids"
chmod 555 "$T/local"
old=$(vm_pid)
run cycle
check "no quorum: cycle is refused with 4" eval 'rc_is 4 && has "no quorum"'
check "and the VM is untouched" eval '[ "$(vm_pid)" = "$old" ] && vm_alive'
chmod 755 "$T/local"
echo "lock: backup" >>"$T/102.conf"
run cycle
check "a config lock: cycle is refused with 5" eval 'rc_is 5 && has "locked (backup)"'
check "and the VM is untouched" eval '[ "$(vm_pid)" = "$old" ] && vm_alive'
run stop
check "so is stop" rc_is 5
sed -i '/^lock/d' "$T/102.conf"
mv "$T/102.conf" "$T/gone.conf"
run cycle
check "no config on a healthy host: refused with 8" eval 'rc_is 8 && has "there is no VM 102"'
mv "$T/gone.conf" "$T/102.conf"

# --- qm refuses to stop: nobody is killed for that
cat >"$T/qm.stop" <<'X'
echo "can't lock file '/var/lock/qemu-server/lock-102.conf' - got timeout" >&2; exit 255
X
run cycle
check "qm's own lock is respected" eval 'rc_is 5 && [ "$(vm_pid)" = "$old" ] && vm_alive'
rm "$T/qm.stop"

# --- start fails
cat >"$T/qm.start" <<'X'
echo "start failed: org.qemu: no such disk" >&2; exit 255
X
run cycle
check "a failed start is 3 and says why" eval 'rc_is 3 && has "no such disk"'
rm "$T/qm.start"

# --- a stale pidfile that names somebody else
sleep 600 &
innocent=$!
echo $innocent >"$T/102.pid"
run stop
check "a process that is not QEMU is not touched" eval 'kill -0 $innocent'
check "the VM counts as stopped" has "word=stopped"
kill $innocent
rm -f "$T/102.pid"
(exec -a kvm "$T/qemu-fake" -id 1023 -pidfile "$T/other.pid" -qmp "$T/o.qmp" -qga "$T/o.qga" -mode "$T/mode")
cp "$T/other.pid" "$T/102.pid"
cat "$T/other.pid" >>"$T/pids"
run stop
check "another VM's QEMU is not touched" eval 'kill -0 "$(cat "$T/other.pid")"'
rm -f "$T/102.pid"
finish
