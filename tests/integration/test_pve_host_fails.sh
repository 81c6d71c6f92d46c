#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: the host fails around a cycle that has stopped the VM: its directories go
# away, its disk is full or does not answer, the log hangs, the login session is
# ended.  The VM is started again all the same, and what can be told is told.
# Each call is one line in the file and the same line in syslog.
set -u
. "$(dirname "$0")/pve_lib.sh"
make_site
command -v python3 >/dev/null || { echo "skip: no python3"; exit 77; }

cat >"$T/syslogd" <<'X'
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
with open(sys.argv[2], "ab", 0) as f:
    while True:
        f.write(s.recv(65536) + b"\n")
X
python3 "$T/syslogd" "$T/dev-log" "$T/syslog" & echo $! >>"$T/pids"
wait_for 5 test -S "$T/dev-log"
sed -i "s|^syslog =.*|syslog = $T/dev-log|" "$T/site"
echo "spare_dir = $T/spare" >>"$T/site"
start_vm

has() { grep -qF -- "$1" <<<"$out"; }
cycle() { # output in $out, rc, ms; the VM must be a new process
	local old=$(vm_pid) t=$(now_ms)
	out=$(pve cycle 2>&1)
	rc=$?
	ms=$(($(now_ms) - t))
	vm_pid >>"$T/pids"
	[ "$(vm_pid)" != "$old" ] && vm_alive && [ $rc = 0 ] || { tail -n 3 <<<"$out"; return 1; }
}
told() { [ "$(pve status | fact last_verb)" = cycle ] && [ "$(pve status | fact job)" = none ]; }
syslog_lines() { wc -l <"$T/syslog"; }

# --- one line a call, the same in both
one_line() { # WHAT COMMAND...
	local what=$1 file sys
	shift
	file=$(log_lines) sys=$(syslog_lines)
	"$@" >"$T/out" 2>&1
	wait_for 5 eval '[ "$(syslog_lines)" -gt '"$sys"' ]'
	check "$what: one line in the file, one in syslog" \
		eval '[ "$(log_lines)" = '$((file + 1))' ] && [ "$(syslog_lines)" = '$((sys + 1))' ]'
	[ "$(tail -n 1 "$T/syslog" | sed 's/^<85>breakglass-pve\[[0-9]*\]: //')" = \
		"$(tail -n 1 "$T/log/breakglass.log" | sed 's/^[^ ]* [^ ]* //')" ] || fail "$what: the same"
}
touch "$T/syslog"
one_line "a status" pve status
one_line "a refused request" pve $'reset\nforged verb=cycle rc=0\x1b]52;c;x\x07'
one_line "no request" env -u SSH_ORIGINAL_COMMAND "$PVE" --site "$T/site"
one_line "forensics" pve forensics
one_line "a verb" pve reset
echo "lock: backup" >>"$T/102.conf"
one_line "a verb that meets a lock" pve cycle
sed -i '/^lock/d' "$T/102.conf"
flock "$T/run/lock" sleep 60 & holder=$!
wait_for 5 eval '! flock -n "$T/run/lock" true'
one_line "a verb that is busy" pve cycle
kill $(pgrep -P $holder) $holder
cp "$T/site" "$T/site.good"
echo "bad = 1" >>"$T/site"
one_line "a bad site file" pve status
cp "$T/site.good" "$T/site"
check "no control byte in either" eval '! LC_ALL=C grep -q "[^ -~]" "$T/log/breakglass.log" "$T/syslog"'

# --- directories go away in the middle
echo 'rm -rf "$here/run" "$here/spare" "$here/log"' >"$T/qm.stop"
check "run directory, lock and log removed while it stops: the VM runs" cycle
check "the reader got the result line" has "#bg result verb=cycle rc=0"
check "and the result is on record again" told
rm "$T/qm.stop"
check "the next one is as ever" cycle

# --- a log that hangs (a pipe that nobody reads is opened for ever)
rm -f "$T/log/breakglass.log"
mkfifo "$T/log/breakglass.log"
check "a log on a hung disk: the VM runs" cycle
check "at half a second's cost ($ms ms)" [ $ms -lt "$(at_pace 6000)" ]
t=$(now_ms)
pve status >/dev/null
check "status too" [ $(($(now_ms) - t)) -lt "$(at_pace 3000)" ]
for p in $(pgrep -f "^$PVE --site $T/site"); do kill -KILL "$p"; done # who waits at the pipe
rm "$T/log/breakglass.log"

# --- records that hang
mkfifo "$T/run/now.new"
check "records on a hung disk: the VM runs" cycle
check "within its budget ($ms ms)" [ $ms -lt "$(at_pace 12000)" ]
rm "$T/run/now.new"
rm -f "$T/run/last"
mkfifo "$T/run/last"
began=$(now_ms)
out=$(pve status)
took=$(($(now_ms) - began))
check "status does not wait for a record ($took ms)" eval '[ $took -lt "$(at_pace 6000)" ] && has "#bg result verb=status rc=0"'
rm "$T/run/last"

# --- a disk that fills up in the middle
if mkdir "$T/small" && mount -t tmpfs -o size=1200k none "$T/small" 2>/dev/null; then
	sed -i "s|^run_dir = .*|run_dir = $T/small/run|" "$T/site"
	echo 'dd if=/dev/zero of="$here/small/fill" bs=4k 2>/dev/null; true' >"$T/qm.stop"
	check "the disk fills up while it stops: the VM runs" cycle
	check "the reader got the result line" has "#bg result verb=cycle rc=0"
	check "and the result is told" told
	check "on a disk that is full from the begin: the VM runs" cycle
	check "and the result is told" told
	rm "$T/qm.stop"
	umount "$T/small"
	cp "$T/site.good" "$T/site"
else
	echo "# no mount here: a full disk was not tried"
fi

# --- a disk that hangs in the middle: whoever writes to it waits in state D
mkdir -p "$T/disk"
if truncate -s 16M "$T/img" && mkfs.ext4 -q "$T/img" 2>/dev/null &&
	mount -o loop "$T/img" "$T/disk" 2>/dev/null; then
	trap 'fsfreeze -u "$T/disk" 2>/dev/null; umount "$T/disk" 2>/dev/null; cleanup' EXIT
	sed -i "s|^run_dir = .*|run_dir = $T/disk/run|; s|^log = .*|log = $T/disk/log/l|" "$T/site"
	printf 'lock = %s\nfollow_ms = 25000\n' "$T/lock" >>"$T/site"
	echo 'fsfreeze -f "$here/disk"; echo a line while it hangs' >"$T/qm.stop"
	old=$(vm_pid)
	rm -f "$T/spare/last"
	pve cycle >"$T/out" 2>&1 & front=$!
	is_new() { [ "$(vm_pid)" != "$old" ] && vm_alive; }
	check "the disk of the records hangs while it stops: the VM runs" wait_for 40 is_new
	vm_pid >>"$T/pids"
	spared() { grep -q " cycle running 0 " "$T/spare/last" 2>/dev/null; }
	check "its result is in the spare directory" wait_for 20 spared
	out=$(SSH_ORIGINAL_COMMAND=status timeout 20 "$PVE" --site "$T/site")
	check "status tells it while the disk still hangs" eval 'has "#bg fact last_rc=0" && has "#bg fact job=none" || { grep -E "job|last|record|result" <<<"$out"; false; }'
	wait $front
	rc=$?
	check "the reader is not told a result that it could not see" eval '[ $rc = 1 ] && grep -q "ask status" "$T/out"'
	rm "$T/qm.stop"
	check "with the disk still hanging another cycle works" cycle
	fsfreeze -u "$T/disk"
	check "when the disk is back so is the record" eval 'wait_for 10 told && cycle && told'
	umount "$T/disk" 2>/dev/null || umount -l "$T/disk"
	trap cleanup EXIT
	cp "$T/site.good" "$T/site"
else
	echo "# no loop device here: a disk that hangs was not tried"
fi

# --- systemd: a unit of its own, and the login session is ended under the front
cat >"$T/systemd-run" <<'X'
#!/bin/bash
# as systemd-run: options it knows, a unit's environment, signals and descriptors
here=$(dirname "$0")
while [ $# -gt 0 ]; do
	case $1 in
	--quiet | --collect) ;;
	--unit=breakglass-*) [ ! -e "$here/unit.${1#--unit=}" ] || exit 1; : >"$here/unit.${1#--unit=}" ;;
	--slice=system.slice) ;;
	--property=KillMode=process | --property=SendSIGKILL=no | --property=OOMPolicy=continue) ;;
	--) shift; break ;;
	*) echo "Unknown assignment: $1" >&2; exit 1 ;;
	esac
	shift
done
cd /
setsid env -i PATH=/usr/bin:/bin python3 -c 'import os, signal, sys
signal.signal(signal.SIGPIPE, signal.SIG_IGN); os.umask(0o22); os.execv(sys.argv[1], sys.argv[1:])' \
	"$@" </dev/null >/dev/null 2>&1 &
X
chmod +x "$T/systemd-run"
sed -i "/^systemd_run/d" "$T/site"
printf 'systemd_run = yes\nsystemd_run_path = %s\n' "$T/systemd-run" >>"$T/site"
echo 'read -rt 0.5 _ <> <(:)' >"$T/qm.stop"
old=$(vm_pid)
SSH_ORIGINAL_COMMAND=cycle setsid "$PVE" --site "$T/site" >"$T/out" 2>&1 & front=$!
check "a cycle under systemd gets to its stop" wait_for 60 grep -q phase=stopping "$T/out"
pgrep -s $front >"$T/session"
xargs -r kill -KILL <"$T/session"
wait $front 2>/dev/null
check "it is a unit" eval 'ls "$T"/unit.* >/dev/null'
wait_for 20 told
vm_pid >>"$T/pids"
check "the whole session is killed: the VM runs in a new process" eval '[ "$(vm_pid)" != "$old" ] && vm_alive'
check "with a normal oom score" [ "$(cat "/proc/$(vm_pid)/oom_score_adj")" = "$(cat /proc/self/oom_score_adj)" ]

# --- a lock file that was removed does not let a second one in
rm -f "$T"/unit.*
echo 'until [ -e "$here/go" ]; do read -rt 0.02 _ <> <(:); done' >"$T/qm.stop"
SSH_ORIGINAL_COMMAND=cycle "$PVE" --site "$T/site" >"$T/out" 2>&1 & front=$!
wait_for 10 grep -q phase=stopping "$T/out"
rm -f "$T/run/lock"
out=$(pve reset)
rc=$?
check "the lock file is gone and the worker lives: busy, by its name" eval '[ $rc = 75 ] && has "holder_verb=cycle"'
touch "$T/go"
wait $front
check "the first one ends well" [ $? = 0 ]
vm_pid >>"$T/pids"
finish
