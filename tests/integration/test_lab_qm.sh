#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: the lab's qm says what Proxmox's says, with its exit codes, locks and
# time-outs.  No guest: a small process with QEMU's name and a QMP socket.
# BG_LONG=1 adds the time-outs of 10 s and more.
set -u
here=$(cd "$(dirname "$0")" && pwd)
lab=$here/../../contrib/lab
tmp=$(mktemp -d) || exit 99
[ -x /usr/bin/python3 ] || { echo "skipped: no /usr/bin/python3"; exit 77; }
inst=$tmp/i
failed=0
vm=
cleanup() { vm_end; rm -rf "$tmp"; }
trap cleanup EXIT
trap 'exit 99' INT TERM

# expect WHAT EXIT TEXT ARGS...: both must be exact; TEXT is stdout and stderr
expect() {
	local what=$1 want=$2 text=$3 got rc begin=${EPOCHREALTIME/./}
	shift 3
	got=$("$inst/bin/qm" "$@" </dev/null 2>&1)
	rc=$?
	took=$(((${EPOCHREALTIME/./} - begin) / 1000))
	got=${got/after 4? retries/after 51 retries}	# a busy machine has time for less
	got=${got/after 50 retries/after 51 retries}
	if [ "$rc" = "$want" ] && [ "$got" = "$text" ]; then
		printf 'ok   %6d ms  %s\n' $took "$what"
	else
		failed=1
		printf 'FAIL %6d ms  %s: exit %s, wanted %s\n' $took "$what" "$rc" "$want"
		printf '  wanted: %s\n  got:    %s\n' "$text" "$got"
	fi
}
took_between() { [ $took -ge "$1" ] && [ $took -le "$2" ] ||
	{ echo "FAIL that took $took ms, wanted $1 to $2"; failed=1; }; }

cat >"$tmp/vm.py" <<'END'
import json, os, signal, socket, sys
inst, mode = sys.argv[3], sys.argv[4]     # argv: -pidfile FILE INST MODE
if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
s = socket.socket(socket.AF_UNIX)
s.bind(inst + "/102.qmp")
s.listen(1)
with open(sys.argv[2], "w") as f:
    f.write("%d\n" % os.getpid())
state = "running"
while True:
    if mode != "answers":
        signal.pause()
    c, _ = s.accept()
    f = c.makefile("rw")
    f.write('{"QMP": {"version": {}}}\n'); f.flush()
    for line in f:
        m = json.loads(line)["execute"]
        state = {"stop": "paused", "cont": "running"}.get(m, state)
        back = {"query-status": {"status": state}}.get(m, {})
        f.write(json.dumps({"return": back}) + "\n"); f.flush()
        if m == "quit":
            sys.exit(0)
    f.close(); c.close()
END
vm_begin() {
	rm -f "$inst/102.pid"		# a stale one would be taken for this one's
	bash -c 'exec -a /usr/bin/kvm /usr/bin/python3 "$@"' - "$tmp/vm.py" \
		-pidfile "$inst/102.pid" "$inst" "$1" &
	vm=$!
	until [ -s "$inst/102.pid" ]; do
		kill -0 $vm || { echo "FAIL the fake QEMU does not start"; exit 99; }
	done
}
vm_end() {
	[ -n "$vm" ] && { kill -9 "$vm" 2>/dev/null; wait "$vm" 2>/dev/null; }
	vm=
	rm -f "$inst"/102.{pid,qmp}
}
conf() { printf '%b' "$1" >"$inst/102.conf"; }

mkdir -p "$inst/bin" "$inst/local" "$inst/tasks"
ln -s "$lab/qm" "$inst/bin/qm"
echo '{"quit_timeout": 5, "qm_delay": 0, "node": "pve", "devvm_port": 1, "accel": "tcg",
	"kernel": "/k", "initrd": "/i"}' >"$inst/lab.json"
gone="Configuration file 'nodes/pve/qemu-server/102.conf' does not exist"

expect "no config: status" 2 "$gone" status 102
expect "no config: start" 2 "$gone" start 102
expect "another VM" 2 "${gone/102./1023.}" status 1023
expect "not a number" 255 "400 Parameter verification failed.
vmid: type check ('integer') failed - got '102;id'" status '102;id'
expect "no VM named" 255 "400 not enough arguments
qm status <vmid> [OPTIONS]" status
expect "unknown command" 255 "ERROR: unknown command 'qm frob'
USAGE: qm <COMMAND> [ARGS] [OPTIONS]" frob

conf 'memory: 128\nname: devvm\nagent: 0\n'
expect "stopped: status" 0 "status: stopped" status 102
expect "stopped: stop is done already" 0 "" stop 102
expect "stopped: reset" 255 "VM 102 not running" reset 102
expect "stopped: config" 0 $'agent: 0\nmemory: 128\nname: devvm' config 102
expect "stopped: set takes effect at once" 0 "update VM 102: -memory 160" set 102 --memory 160
expect "stopped: nothing pending" 0 $'cur agent: 0\ncur memory: 160\ncur name: devvm' pending 102
expect "no agent" 255 "No QEMU guest agent configured" guest cmd 102 ping
conf 'memory: 128\nagent: 1\n'
expect "stopped: agent" 255 "VM 102 is not running" agent 102 ping
chmod 555 "$inst/local"
expect "no quorum" 255 "cluster not ready - no quorum?" start 102
chmod 755 "$inst/local"
conf 'lock: backup\nmemory: 128\n'
expect "locked: start" 255 "VM is locked (backup)" start 102
expect "locked: stop" 255 "VM is locked (backup)" stop 102
expect "unlock asks nothing" 0 "" unlock 102
expect "the lock is gone" 0 "memory: 128" config 102
expect "a disk is needed" 255 "start failed: VM 102 has no disk virtio0 or scsi0" start 102
"$inst/bin/qm" set 102 --virtio0 local-lvm:vm-102-disk-0,size=64M >/dev/null
expect "its storage too" 255 "can't activate LV '/dev/pve/vm-102-disk-0':   Failed to find logical volume \"pve/vm-102-disk-0\" ($inst/vm-102-disk-0.raw: No such file or directory)" start 102
printf 'vm: 102\n\tstate stopped\n' >"$inst/ha-resources.cfg"
expect "HA owns it: a start only asks" 0 "Requesting HA start for VM 102" start 102
grep -q 'state started' "$inst/ha-resources.cfg" || { echo "FAIL what is wanted is not written down"; failed=1; }
expect "HA owns it: a stop only asks" 0 "Requesting HA stop for VM 102" stop 102
printf 'vm: 102\n\tstate ignored\n' >"$inst/ha-resources.cfg"
expect "HA is told to let it alone: a stop stops" 0 "" stop 102
rm "$inst/ha-resources.cfg"
# a storage that hangs (here: a pipe that nobody writes to) keeps the start, and
# the start keeps the lock
mkfifo "$inst/vm-102-disk-0.raw"
"$inst/bin/qm" start 102 </dev/null >"$tmp/hung" 2>&1 &
hung=$!
until flock -n -E 9 "$inst/lock-102.conf" true; [ $? = 9 ]; do
	kill -0 $hung || { echo "FAIL a start does not wait for its storage"; failed=1; break; }
done
if [ -n "${BG_LONG-}" ]; then
	expect "a start on a storage that hangs keeps the lock" 255 "trying to acquire lock...
can't lock file '/var/lock/qemu-server/lock-102.conf' - got timeout" stop 102
fi
# shellcheck disable=SC2046
kill -9 $(pgrep -P $hung) $hung
wait $hung 2>/dev/null
rm "$inst/vm-102-disk-0.raw"
"$inst/bin/qm" set 102 --delete virtio0 >/dev/null
echo $$ >"$inst/102.pid"
expect "a stale pidfile is not a VM" 0 "status: stopped" status 102

vm_begin answers
expect "running: status" 0 "status: running" status 102
took_between 0 2800
expect "running: start" 255 "VM 102 already running" start 102
expect "running: set is staged" 0 "update VM 102: -memory 160 -delete tags" \
	set 102 --memory 160 --delete tags
expect "running: config merges" 0 "memory: 160" config 102
expect "running: config --current does not" 0 "memory: 128" config 102 --current
expect "running: pending" 0 $'cur memory: 128\nnew memory: 160' pending 102
expect "reset says nothing" 0 "" reset 102
expect "suspend" 0 "" suspend 102
expect "paused: status" 0 "status: paused" status 102
expect "paused: start" 255 "VM 102 already running" start 102
expect "paused: shutdown" 255 "VM is paused - cannot shutdown" shutdown 102
expect "resume" 0 "" resume 102
expect "stop" 0 "" stop 102
wait "$vm"; vm=
expect "stopped: what was staged is applied" 0 "memory: 160" config 102 --current
case $(cat "$inst/tasks/index") in
*"UPID:pve:"*":qmstart:102:root@pam: "*" VM 102 already running"*":qmstop:102:root@pam: "*" OK"*)
	echo "ok   the task index has both ends" ;;
*) echo "FAIL the task index: $(cat "$inst/tasks/index")"; failed=1 ;;
esac

vm_begin hangs
expect "hung: status falls back to running" 0 "status: running" status 102
took_between 2900 14900
expect "hung: reset" 255 "VM 102 qmp command 'system_reset' failed - got timeout" reset 102
took_between 4900 16900
expect "hung: quit is given 5 s, then SIGTERM" 0 \
	"VM 102 qmp command 'quit' failed - unable to connect to VM 102 qmp socket - timeout after 51 retries
VM quit/powerdown failed - terminating now with SIGTERM" stop 102
took_between 4900 16900
vm_end

vm_begin stubborn
"$inst/bin/qm" stop 102 2>&1 </dev/null | head -c 0
expect "a stop whose output nobody takes never comes to its SIGKILL and leaves the VM running" 0 "status: running" status 102
vm_end

vm_begin hangs
"$inst/bin/qm" reset 102 </dev/null 2>/dev/null &
until grep -q qmreset "$inst/tasks/active"; do :; done
kill -9 $!
wait $! 2>/dev/null
expect "a task outlives the qm that is killed: the lock is still held" 255 "trying to acquire lock...
 OK
VM 102 qmp command 'system_reset' failed - got timeout" reset 102
took_between 8000 20000
vm_end

python3 -B - "$lab" <<'END' || { echo "FAIL the table of wedges"; failed=1; }
import sys
sys.path.insert(0, sys.argv[1])
from labcure import CURES, GUEST
from labwedge import WEDGES
verbs = {"start", "stop", "reset", "cycle"}
readme = open(sys.argv[1] + "/README.md").read()
assert list(WEDGES) == sorted(WEDGES) and list(CURES) == sorted(CURES)
for name, w in WEDGES.items():
    assert "| `%s` |" % name in readme, name + " has no row in README.md"
    assert set(w.cures) <= verbs | set(CURES), name
    assert ("guest-exec" in w.cures) == (name in GUEST), name
END

# what was recorded: three minutes of writes, three of zeros, three without answer
ln -s "$lab/pvesh" "$inst/bin/pvesh"
now=$(($(date +%s) / 60 * 60))
python3 - "$now" >"$inst/rrd" <<'END'
import sys
now = int(sys.argv[1])
for t in range(now - 540, now + 1, 10):
    wrote = 100 * (min(t, now - 360) - now + 540)
    print(t, *(("-", "-") if t > now - 180 else (0, wrote)), t - now + 540, 4096)
END
got=$("$inst/bin/pvesh" get /nodes/pve/qemu/102/rrddata --timeframe hour --output-format json |
	python3 -c '
import json, sys
rows = [r for r in json.load(sys.stdin) if r["time"] > int(sys.argv[1]) - 540]
print(*(r.get("diskwrite", "-") for r in rows[:9]), {r.get("mem") for r in rows[:9]})' "$now")
if [ "$got" = "100.0 100.0 100.0 0.0 0.0 0.0 - - - {4096.0}" ]; then echo "ok   pvesh: rates, zeros, and nothing"; else
	failed=1
	echo "FAIL pvesh: $got"
fi

if [ -n "${BG_LONG-}" ]; then
	vm_begin stubborn
	echo "$vm $(awk '{ print $22 }' /proc/$vm/stat)" >"$inst/102.scope"
	rm "$inst/102.pid"
	"$inst/bin/qm" set 102 --virtio0 local-lvm:vm-102-disk-0,size=64M >/dev/null
	: >"$inst/vm-102-disk-0.raw"
	expect "no second QEMU beside one that does not end" 255 "timeout waiting on systemd" start 102
	took_between 19900 31900
	rm "$inst/102.scope" "$inst/vm-102-disk-0.raw"
	vm_end
	vm_begin stubborn
	expect "SIGTERM is given 10 s, then SIGKILL" 0 \
		"VM 102 qmp command 'quit' failed - got timeout
VM quit/powerdown failed - terminating now with SIGTERM
VM still running - terminating now with SIGKILL" stop 102
	took_between 14500 26500
	vm_end
	exec 9>"$inst/lock-102.conf"
	flock 9
	expect "the flock is waited for 10 s" 255 "trying to acquire lock...
can't lock file '/var/lock/qemu-server/lock-102.conf' - got timeout" stop 102
	took_between 9900 21900
	exec 9>&-
fi
exit $failed
