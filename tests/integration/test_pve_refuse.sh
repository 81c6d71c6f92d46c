#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: what breakglass-pve refuses has an exit code and a sentence of its own that
# says who or what is in the way and what to do; nothing is stopped for it; and a
# lock is removed by root's hand on the host alone, when its holder is proven dead.
set -u
. "$(dirname "$0")/pve_lib.sh"
make_site
{
	echo "pve_storage = $T/storage.cfg"
	echo "pve_nodes = $T/nodes"
	echo "pve_flock = $T/lock-102.conf"
	echo "lvs = $T/lvs"
	echo "ha_ms = 1500"
	echo "progress_ms = 1500"
} >>"$T/site"
start_vm

run() { out=$(pve "$1" 2>&1); rc=$?; }
rc_is() { [ "$rc" = "$1" ] || { printf '%s\n' "$out" | tail -n 5; return 1; }; }
has() { grep -qF -- "$1" <<<"$out"; }
same_vm() { [ "$(vm_pid)" = "$old" ] && vm_alive; }
calls() { grep -cx "$1" "$T/qm.calls"; }
unlock() { out=$("$PVE" --site "$T/site" --remove-lock 2>&1); rc=$?; }
old=$(vm_pid)

# --- nothing to do
run start
check "start of a running VM: 0, done=already" eval 'rc_is 0 && has "state=running" && has " done=already"'
check "and a sentence" has "runs already"

# --- a missing VM
mv "$T/102.conf" "$T/kept"
for v in start stop reset cycle; do
	run $v
	check "no config: $v is 8" eval 'rc_is 8 && has "there is no VM 102" && has "fact vm=missing"'
done
mkdir -p "$T/nodes/pve2/qemu-server"
cp "$T/kept" "$T/nodes/pve2/qemu-server/102.conf"
run cycle
check "a VM that moved: 8, and its node" eval 'rc_is 8 && has "on node pve2"'
run status
check "status says so" eval 'rc_is 0 && has "fact vm=missing" && has "fact startable_why="'
mv "$T/kept" "$T/102.conf"
check "the VM was not touched" same_vm

# --- a lock, and who holds it
echo "lock: backup" >>"$T/102.conf"
sleep 300 & holder=$!
start=$(awk '{ print $22 }' /proc/$holder/stat)
task() { # PID START TYPE ID
	printf 'UPID:pve:%08X:%08X:%08X:%s:%s:root@pam: 0\n' "$1" "$2" "$(date +%s)" "$3" "$4"
}
task $holder "$start" vzdump "" >"$T/tasks"
run cycle
check "a living task: 5, and its name" eval 'rc_is 5 && has "task vzdump of root@pam, pid $holder, alive"'
check "as a fact" has "#bg fact lock_holder=\"task vzdump of root@pam, pid $holder, alive\""
run status
check "status names it too" has "#bg fact lock_holder=\"task vzdump"
unlock
check "--remove-lock: the holder lives" eval 'rc_is 5 && has "the holder lives"'
check "and the lock stays" grep -q "^lock: backup" "$T/102.conf"
task $holder $((start + 1)) vzdump "" >"$T/tasks"
run cycle
check "its pid taken by another process: dead" has "pid $holder, dead"
check "and the command is named" eval 'rc_is 5 && has "breakglass-pve --remove-lock"'
task $holder "$start" vzdump 101 >"$T/tasks"
run cycle
check "a task of another VM is not the holder" eval 'rc_is 5 && has "nobody: no task of VM 102"'
kill $holder
(exec -a "task UPID:pve:00000001:00000001:00000001:vzdump:102:root@pam:" sleep 300) & holder=$!
wait_for 5 grep -q UPID "/proc/$holder/cmdline"
unlock
check "a worker that the task list forgot is found" eval 'rc_is 5 && has "pid $holder, alive"'
kill $holder
check "none of this touched the VM" eval 'same_vm && [ "$(calls unlock)" = 0 ]'

# --- --remove-lock
out=$(SSH_ORIGINAL_COMMAND=--remove-lock "$PVE" --site "$T/site" 2>&1); rc=$?
check "as a request: rejected" rc_is 2
out=$(SSH_ORIGINAL_COMMAND=status "$PVE" --site "$T/site" --remove-lock 2>&1); rc=$?
check "in authorized_keys: rejected" rc_is 2
out=$(SSH_ORIGINAL_COMMAND= "$PVE" --site "$T/site" --remove-lock 2>&1); rc=$?
check "with an empty request: rejected" eval 'rc_is 2 && [ "$(calls unlock)" = 0 ]'
echo "running jobs" >"$T/mode"
task 4194303 1 vzdump 102 >"$T/tasks"
unlock
check "QEMU still copies: the lock stays" eval 'rc_is 5 && has "1 block jobs"'
echo "running" >"$T/mode"
lines=$(log_lines)
unlock
check "a dead holder: the lock is removed" eval 'rc_is 0 && has "task vzdump of root@pam, pid 4194303, dead"'
check "by qm unlock, once" eval '[ "$(calls unlock)" = 1 ] && ! grep -q "^lock:" "$T/102.conf"'
check "with one line in the log" eval '[ "$(log_lines)" = $((lines + 1)) ] && tail -n 1 "$T/log/breakglass.log" | grep -q "remove-lock rc=0"'
unlock
check "without a lock there is nothing to do" eval 'rc_is 0 && has "nothing to do"'
run cycle
check "and a cycle works again" rc_is 0
vm_pid >>"$T/pids"
old=$(vm_pid)

# --- Proxmox's lock file
: >"$T/lock-102.conf"
flock "$T/lock-102.conf" sleep 300 & holder=$!
echo "echo \"can't lock file '/var/lock/qemu-server/lock-102.conf' - got timeout\" >&2; exit 255" >"$T/qm.stop"
wait_for 5 eval '! flock -n "$T/lock-102.conf" true'
run stop
check "the lock file: 5, and who has it" eval 'rc_is 5 && has "has Proxmox'"'"'s lock file" && has ", alive"'
kill $(pgrep -P $holder) $holder 2>/dev/null
rm "$T/qm.stop"
check "and the VM is untouched" same_vm

# --- storage without room
printf 'scsi0: local-lvm:vm-102-disk-0,size=8G\nide2: none,media=cdrom\n' >>"$T/102.conf"
printf 'dir: local\n\tpath %s\n\nlvmthin: local-lvm\n\tthinpool data\n\tvgname pve\n' "$T" >"$T/storage.cfg"
printf '#!/bin/sh\necho "  pve,root,,"\necho "  pve,data,100.00,4.21"\n' >"$T/lvs"
chmod +x "$T/lvs"
run cycle
check "a full pool: 4, and which" eval 'rc_is 4 && has "storage full: pve/data" && has "startable=no"'
check "the VM is untouched" same_vm
run stop
check "a stop needs no room" rc_is 0
run start
check "a VM that is down is started all the same" eval 'rc_is 0 && has "starting all the same"'
vm_pid >>"$T/pids"
old=$(vm_pid)
sed -i 's/100.00/61.50/' "$T/lvs"
run cycle
check "with room it is measured" eval 'rc_is 0 && has "fact pool_pct=61"'
vm_pid >>"$T/pids"
echo 'exec sleep 60' >>"$T/lvs"
sed -i '2,3d' "$T/lvs"
run cycle
check "an lvs that hangs costs 2 s, not the verb" rc_is 0
vm_pid >>"$T/pids"
printf '#!/bin/sh\n' >"$T/lvs" # or each verb from here on would wait for it

# --- a CD image that is gone: qm start would die of it, so nothing is stopped
printf 'dir: local\n\tpath %s/vz\n' "$T" >"$T/storage.cfg"
cp "$T/102.conf" "$T/kept"
echo "ide2: local:iso/gone.iso,media=cdrom" >>"$T/102.conf"
old=$(vm_pid)
run cycle
check "a CD image that is gone: 4, and how to take it out" \
	eval 'rc_is 4 && has "qm set 102 --ide2 none,media=cdrom" && has "fact startable=no"'
check "and the VM was not touched" same_vm
printf '\n[PENDING]\nide2: none,media=cdrom\n' >>"$T/102.conf"
run cycle
check "taken out, if only staged: done" rc_is 0
vm_pid >>"$T/pids"
sed -i '/PENDING/,$d' "$T/102.conf"
pve stop >/dev/null
run start
check "of a stopped VM the start is tried all the same" eval 'rc_is 0 && has "starting all the same: ide2"'
vm_pid >>"$T/pids"
mv "$T/kept" "$T/102.conf"
rm "$T/storage.cfg"

# --- resuming without room
echo "io-error" >"$T/mode"
echo 'echo io-error >"$here/mode"; exit 0' >"$T/qm.resume"
run start
check "io-error: resumed, and still no room" eval 'rc_is 3 && has "still no room" && has "state=io-error"'
rm "$T/qm.resume"
run start
check "io-error: after room was made start resumes" eval 'rc_is 0 && has "phase=resuming"'
for w in shutdown internal-error guest-panicked; do
	echo $w >"$T/mode"
	run start
	check "$w: start says cycle" eval 'rc_is 3 && has "use cycle"'
	run reset
	check "$w: reset is refused" eval 'rc_is 7 && has "use cycle"'
done
echo paused >"$T/mode"
run reset
check "paused: reset is refused and names start" eval 'rc_is 7 && has "use start"'
echo "running stalled" >"$T/mode"
exec 8>"$T/run/lock.monitor"
flock 8
: >"$T/qm.calls"
run reset 8>&-
check "a stall that could not be seen, because others have the monitor: no reset" \
	eval 'rc_is 7 && has "could not be watched" && [ "$(calls reset)" = 0 ]'
exec 8>&-
echo inmigrate >"$T/mode"
run start
check "inmigrate: start waits for the migration's end" eval 'rc_is 5 && has "being moved"'
echo running >"$T/mode"

# --- a guest that never reads from its disk
echo 'echo "running nodisk" >"$here/mode"; "$here/qemu-fake" -id 102 -pidfile "$here/102.pid" -qmp "$here/102.qmp" -qga "$here/102.qga" -mode "$here/mode" -daemonize; exit' >"$T/qm.start"
run cycle
check "QEMU runs and its guest never boots: not believed" eval 'rc_is 3 && has "boot_progress=no" && has "state=unverified"'
vm_pid >>"$T/pids"
rm "$T/qm.start"
echo running >"$T/mode"

# --- a qm start that is slower than its limit: the VM is waited for, not given up
cp "$T/site" "$T/site.quick"
printf 'start_ms = 1500\nverify_ms = 400\n' >>"$T/site"
echo 'read -rt 3 _ <> <(:)' >"$T/qm.start"
run cycle
check "a slow qm start: the VM that comes up late is seen" eval 'rc_is 0 && has "has not ended" && vm_alive'
vm_pid >>"$T/pids"
# -daemonize: QEMU's parent has its arguments, is there before the pidfile, and ends
echo 'read -rt 2 _ <> <(:); echo "running slowfork" >"$here/mode"; "$here/qemu-fake" -id 102 -pidfile "$here/102.pid" -qmp "$here/102.qmp" -qga "$here/102.qga" -mode "$here/mode" -daemonize; exit' >"$T/qm.start"
run cycle
check "a slow one: QEMU's parent is not taken for it" \
	eval 'rc_is 0 && has "has not ended" && vm_alive && grep -q "^#bg result .* pid=$(vm_pid)" <<<"$out"'
echo running >"$T/mode"
vm_pid >>"$T/pids"
echo 'echo $$ >>"$here/pids"; read -rt 60 _ <> <(:)' >"$T/qm.start"
run cycle
check "one that never ends: told that it works on" eval 'rc_is 3 && has "works on and may still"'
tail -n 1 "$T/pids" | xargs kill -KILL
rm "$T/qm.start"
mv "$T/site.quick" "$T/site"
run start
check "and start is possible again" rc_is 0
vm_pid >>"$T/pids"

# --- HA
printf 'vm: 101\n\tstate started\n\nvm: 102\n\tstate started\n' >"$T/ha.cfg"
old=$(vm_pid)
echo 'echo "Requesting HA stop for VM 102"; exit 0' >"$T/qm.stop"
run stop
check "HA does not stop it in time: 9, and the VM lives" eval 'rc_is 9 && has "ha-manager status" && same_vm'
check "it is a fact" has "fact ha=yes"
echo 'echo "Requesting HA stop for VM 102"; (read -rt 0.7 _ <> <(:); kill "$pid") >/dev/null 2>&1 & exit 0' >"$T/qm.stop"
run stop
check "HA stops it a moment later: 0" eval 'rc_is 0 && has "by=ha"'
echo 'echo "Requesting HA start for VM 102"; exit 0' >"$T/qm.start"
run start
check "HA does not start it in time: 9" eval 'rc_is 9 && has "ha-manager"'
rm "$T/qm.start" "$T/qm.stop"
# that HA stopped it left its pid behind, which may be another process by now
run_vm() { rm -f "$T/ha.cfg" "$T/102.pid"; "$T/qm" start; vm_pid >>"$T/pids"; }
run_vm
printf 'vm: 102\n\tstate started\n' >"$T/ha.cfg"
echo 'echo "Requesting HA stop for VM 102"; exit 0' >"$T/qm.stop"
old=$(vm_pid)
kill -STOP "$old"
run cycle
check "HA and hung: the manager is asked, and the process ended all the same" \
	eval 'rc_is 0 && has "by=ha" && has "killing" && vm_gone $old && vm_alive'
vm_pid >>"$T/pids"
run stop
rm "$T/qm.stop"
"$T/qm" stop
printf 'vm: 102\n\tstate ignored\n' >"$T/ha.cfg"
run start
check "an ignored VM is not HA's" eval 'rc_is 0 && has "fact ha=no"'
vm_pid >>"$T/pids"
rm "$T/ha.cfg"

# --- a qm stop that takes 71 s on a QEMU that stopped to answer meanwhile (9.1.19)
sed -i 's/^stop_ms.*/stop_ms = 700/' "$T/site"
cat >"$T/qm.stop" <<'X'
kill -STOP "$pid"
for _ in $(seq 1420); do alive || break; read -rt 0.05 _ <> <(:); done
alive && die "VM quit/powerdown failed - got timeout"
rm -f "$here/102.pid" "$here/102.qmp" "$here/102.qga"
exit 0
X
old=$(vm_pid)
run cycle
check "a qm stop of 71 s is not waited for, nor in the way of the start" \
	eval 'rc_is 0 && has "phase=killing" && vm_gone $old && vm_alive'
vm_pid >>"$T/pids"
rm "$T/qm.stop"
sed -i 's/^stop_ms.*/stop_ms = 6000/' "$T/site"

# --- qm cleanup of 9.x has the lock file for a while
rm -f "$T/again"
cat >"$T/qm.start" <<'X'
echo x >>"$here/again"
[ "$(wc -l <"$here/again")" -gt 2 ] || die "can't lock file '/var/lock/qemu-server/lock-102.conf' - got timeout"
X
run cycle
check "a start that meets qm cleanup is tried again" eval 'rc_is 0 && [ "$(grep -c phase=starting <<<"$out")" = 3 ]'
vm_pid >>"$T/pids"
rm "$T/qm.start"

# --- what keeps the start away after the stop: the VM is off, and nobody is told that
# --- nothing was stopped; what passes is waited for
rm -f "$T/again"
cat >"$T/qm.start" <<'X'
echo x >>"$here/again"
[ "$(wc -l <"$here/again")" -gt 1 ] || die "cluster not ready - no quorum?"
X
run cycle
check "a quorum that is gone for a moment does not leave the VM off" eval 'rc_is 0 && has "trying again" && vm_alive'
vm_pid >>"$T/pids"
echo 'die "VM is locked (backup)"' >"$T/qm.start"
run cycle
check "a lock that came after the stop: 3, and the VM is said to be off" \
	eval 'rc_is 3 && has "VM 102 is stopped" && has "then send start" && has "state=stopped" && ! vm_alive'
run start
check "of a VM that was off it is 5" eval 'rc_is 5 && has "VM 102 is stopped"'
rm "$T/qm.start"
run start
vm_pid >>"$T/pids"
echo "die \"can't lock file '/var/lock/qemu-server/lock-102.conf' - got timeout\"" >"$T/qm.start"
run cycle
check "so with Proxmox's lock file" eval 'rc_is 3 && has "VM 102 is stopped" && has "then send start"'
rm "$T/qm.start"
run start
check "and then it starts" rc_is 0
vm_pid >>"$T/pids"

# --- a qm start that fails after QEMU has come up: its exit status is not believed
echo '"$here/qemu-fake" -id 102 -pidfile "$here/102.pid" -qmp "$here/102.qmp" -qga "$here/102.qga" -mode "$here/mode" -daemonize; die "start failed: got timeout"' >"$T/qm.start"
run cycle
check "qm start fails and QEMU runs: that is what is told" eval 'rc_is 0 && has "and yet" && has "state=running" && vm_alive'
vm_pid >>"$T/pids"
rm "$T/qm.start"

# --- a qm that is not there
sed -i "s|^qm = .*|qm = $T/no-qm|" "$T/site"
run stop
check "no qm: said so, and nothing was stopped" eval 'rc_is 4 && has "could not be run" && vm_alive'
sed -i "s|^qm = .*|qm = $T/qm|" "$T/site"

# --- the host's own faults leave one line each
lines=$(log_lines)
echo "nonsense = 1" >>"$T/site"
out=$(pve status 2>&1); rc=$?
check "a bad site file: 1 and one line" eval 'rc_is 1 && [ "$(log_lines)" = $((lines + 1)) ]'
sed -i '$d' "$T/site"

# --- a QEMU whose pidfile is gone is no reason to start a second one
cp "$T/102.pid" "$T/kept.pid"
rm "$T/102.pid"
run start
check "without a pidfile the process is found" eval '! has "phase=starting"'
kill "$(cat "$T/kept.pid")"
finish
