#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# engine/remote/remote.c against a real sshd on loopback: what works, works; what
# breaks says so, and comes back by itself.  BG_LONG=1 adds the long runs.
set -u
probe=$PWD/tests/integration/remote-probe
sshd=$(command -v sshd || echo /usr/sbin/sshd)
user=$(id -un 2>/dev/null)
passed=0 failed=0 pids=() talkers=()

skip() { echo "skipped: $*"; exit 77; }
[ -x "$sshd" ] || skip "no sshd (apt-get install openssh-server)"
command -v ssh-keygen >/dev/null || skip "no ssh-keygen (apt-get install openssh-client)"
command -v python3 >/dev/null || skip "no python3"
[ -n "$user" ] || skip "uid $(id -u) has no passwd entry, sshd lets nobody in"
[ -x "$probe" ] || { echo "no $probe: run me by make check"; exit 99; }

T=$(mktemp -d) && chmod 700 "$T" || exit 99

cleanup() {
	local p
	exec 2>/dev/null # the shell's own words on whom we kill
	for p in $(cat "$T"/*.pid 2>/dev/null) "${pids[@]}"; do
		# a pid that was taken by somebody else meanwhile is not ours
		grep -qaF "$T" "/proc/$p/environ" "/proc/$p/cmdline" || continue
		kill -CONT "$p" 2>/dev/null
		kill -9 $(pgrep -P "$p") "$p" 2>/dev/null
	done
	wait 2>/dev/null
	rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 99' INT TERM HUP

. "$(dirname "$0")/pace.sh"
ok() { passed=$((passed + 1)); echo "ok: $*"; }
bad() { failed=$((failed + 1)); echo "NOT OK: $*"; }
check() { local what=$1; shift; if "$@"; then ok "$what"; else bad "$what ($*)"; fi; }

wait_for() { # SECONDS COMMAND...
	local end=$((SECONDS + $1 * 6)); shift # a busy machine has its time, too
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		read -rt 0.05 <>"$T/never"
	done
	return 0
}
mkfifo "$T/never"

free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
is_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

start_sshd() { # NAME HOSTKEY [CONFIG LINES]; sets port and pid
	local name=$1 key=$2 try; shift 2
	for try in 1 2 3 4 5; do
		port=${want_port:-$(free_port)}
		# First value wins in sshd_config; HOME keeps a slow ~/.bashrc out.
		printf '%s\n' "$@" "Port $port" "ListenAddress 127.0.0.1" "HostKey $key" \
			"PidFile none" "AuthorizedKeysFile $T/authorized" "UsePAM no" \
			"StrictModes no" "PermitRootLogin yes" "MaxStartups 100" \
			"SetEnv HOME=$T" >"$T/$name.conf"
		"$sshd" -D -f "$T/$name.conf" -E "$T/$name.log" &
		pid=$!
		pids+=("$pid")
		wait_for 5 eval "is_open $port || ! kill -0 $pid 2>/dev/null"
		kill -0 "$pid" 2>/dev/null && return 0
	done
	cat "$T/$name.log"
	exit 99
}
end_sshd() { # PID: the listener and its connections
	local sessions
	sessions=$(pgrep -P "$1")
	kill -9 "$1" $sessions 2>/dev/null
	wait "$1" 2>/dev/null
}

run() { "$probe" 127.0.0.1 "$port" "$user" "$T/key" "$T/known" "$@"; }

talk() { # NAME [ENV=VALUE...]: a probe that listens to say NAME LINE
	local name=$1; shift
	mkfifo "$T/$name.in"
	env "$@" "$probe" 127.0.0.1 "$port" "$user" "${key:-$T/key}" "${known:-$T/known}" talk \
		<"$T/$name.in" >"$T/$name.out" 2>&1 &
	pids+=($!)
	talker=$!
	talkers+=("$name:$!")
	exec {fd}>"$T/$name.in"
	eval "in_$name=$fd"
}
say() { local f=in_$1; shift; echo "$*" >&"${!f}"; }
said() { grep -qsE -- "$2" "$T/$1.out"; } # NAME PATTERN
expect() { # NAME SECONDS PATTERN
	if wait_for "$2" said "$1" "$3"; then
		ok "$1: $3"
	else
		bad "$1: no \"$3\" in:"
		sed 's/^/    /' "$T/$1.out"
	fi
}
value() { sed -n "s/.*\b$2=\([0-9]*\).*/\1/p" <<<"$1"; } # LINE NAME

ssh-keygen -q -t ed25519 -N '' -f "$T/key" && ssh-keygen -q -t ed25519 -N '' -f "$T/host" &&
	ssh-keygen -q -t ed25519 -N '' -f "$T/host2" &&
	ssh-keygen -q -t ecdsa -N '' -f "$T/host3" &&
	ssh-keygen -q -t ed25519 -N '' -f "$T/stranger" || exit 99
cp "$T/key.pub" "$T/authorized"
mkdir -m 700 "$T/known" "$T/k2" "$T/k3" "$T/k4" "$T/k5"
[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
asan=
grep -q __asan_init "$probe" && asan=1

# The slow ones begin now and are looked at in the end.
start_sshd frozen "$T/host"
kill -STOP "$pid"
talk frozen
start_sshd stopped "$T/host"
stopped_pid=$pid
known=$T/k2 talk stopped
expect stopped 10 'state up'
kill -STOP $(pgrep -P "$stopped_pid")
say stopped exec echo never

start_sshd dozing "$T/host"
dozing_pid=$pid
known=$T/k5 talk dozing
expect dozing 10 'state up'
kill -STOP $(pgrep -P "$dozing_pid")
say dozing exec echo awake
(wait_for 12 said dozing 'state silent ' && kill -CONT $(pgrep -P "$dozing_pid")) &

# A host that drops what would connect: a full backlog does, as a dead one.
python3 - "$T" <<'END' &
import os, signal, socket, sys
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(0)
held = []
for _ in range(4):
    c = socket.socket()
    c.setblocking(False)
    c.connect_ex(s.getsockname())
    held.append(c)
open(sys.argv[1] + "/full.new", "w").write(str(s.getsockname()[1]))
os.rename(sys.argv[1] + "/full.new", sys.argv[1] + "/full.port")
signal.pause()
END
pids+=($!)
wait_for 5 [ -s "$T/full.port" ]
port=$(cat "$T/full.port") && known=$T/k5 talk deaf

start_sshd main "$T/host" "RekeyLimit 32M"
main_pid=$pid main_port=$port

out=$(run exec 'echo out; echo err >&2; exit 7' </dev/null 2>"$T/err")
check "exit code passes" [ $? = 7 ]
check "stdout is stdout" [ "$out" = out ]
check "stderr is stderr" [ "$(cat "$T/err")" = err ]
run exec 'kill -TERM $$' </dev/null 2>"$T/err"
check "a signal is one" grep -q "signaled: TERM" "$T/err"
head -c 5000000 /dev/urandom >"$T/big"
check "stdin passes unchanged" cmp -s "$T/big" <(cat "$T/big" | run exec cat)
check "unread stdin does no harm" eval 'cat "$T/big" | run exec true'
before=$SECONDS
run exec "echo \$\$ >$T/holder.pid; sleep 60 & echo \$! >$T/bg.pid; echo hi" </dev/null >"$T/out"
check "a held channel ends after its grace" [ $? = 0 -a $((SECONDS - before)) -le "$(at_pace 5)" ]
out=$(run exec '(for i in 1 2 3; do sleep 1; echo $i; done) & exit 4' </dev/null)
check "output behind the exit status is not cut" [ $? = 4 -a "$out" = $'1\n2\n3' ]
out=$(run exec "echo noise; echo noise >&2; echo sane; exit 3" </dev/null 2>/dev/null)
check "noise is only output" [ $? = 3 -a "$out" = $'noise\nsane' ]

line=$(run many 200 true)
echo "    $line"
check "200 runs on one connection" [ "$(value "$line" ended)/$(value "$line" failed)" = 200/0 ]
[ -n "$asan" ] || check "memory is flat after 200 runs" \
	[ $(($(value "$line" rss_kb) - $(value "$line" rss_start_kb))) -le 256 ]
line=$(run queue 20 'cat; echo xy')
check "20 at once with MaxSessions 10" \
	[ "$(value "$line" ended)/$(value "$line" failed)/$(value "$line" bytes)" = 20/0/60 ]
for pause in 0 20; do
	line=$(run flood 'head -c 200000000 /dev/zero' $pause)
	echo "    $line"
	check "200 MB arrive, pause $pause ms" [ "$(value "$line" bytes)" = 200000000 ]
	[ -n "$asan" ] || check "memory stays small in a flood" [ "$(value "$line" peak_kb)" -lt 20000 ]
done
line=$(run flood 'head -c 17500000 /dev/zero' 2500)
check "a long pause loses nothing of a command that has exited" \
	[ "$(value "$line" bytes)/$(value "$line" pauses)" = 17500000/1 ]
run drop 'head -c 1000000 /dev/zero; sleep 5' >"$T/err" 2>&1
check "a connection can be freed from inside a callback" [ $? = 0 ]
if [ -n "${BG_LONG:-}" ]; then
	line=$(run flood 'head -c 3000000000 /dev/zero' 0)
	echo "    $line"
	check "3 GB arrive, keys change on the way" [ "$(value "$line" bytes)" = 3000000000 ]
	line=$(run many 2000 true)
	echo "    $line"
	check "2,000 runs" [ "$(value "$line" ended)/$(value "$line" failed)" = 2000/0 ]
	[ -n "$asan" ] || check "memory is flat after 2,000 runs" \
		[ $(($(value "$line" rss_kb) - $(value "$line" rss_start_kb))) -le 256 ]
fi

# Keys of every make, ours and the host's.
ssh-keygen -q -t rsa -b 2048 -m PEM -N '' -f "$T/rsa_pem"
ssh-keygen -q -t rsa -b 2048 -N '' -f "$T/rsa"
ssh-keygen -q -t ecdsa -m PKCS8 -N '' -f "$T/ecdsa_pkcs8"
ssh-keygen -q -t ecdsa -b 521 -N '' -f "$T/ecdsa"
sed 's/$/\r/' "$T/key" >"$T/crlf" && chmod 600 "$T/crlf"
cat "$T"/{rsa_pem,rsa,ecdsa_pkcs8,ecdsa}.pub >>"$T/authorized"
for k in rsa_pem rsa ecdsa_pkcs8 ecdsa crlf; do
	out=$("$probe" 127.0.0.1 "$port" "$user" "$T/$k" "$T/known" exec 'echo in' </dev/null)
	check "key $k opens" [ "$out" = in ]
done
ssh-keygen -q -p -N secret -P '' -f "$T/ecdsa" >/dev/null
for k in ecdsa key.pub; do
	chmod 600 "$T/$k"
	"$probe" 127.0.0.1 "$port" "$user" "$T/$k" "$T/known" exec true </dev/null 2>"$T/err"
	check "$k is refused in words" grep -qE 'passphrase|public key' "$T/err"
done
start_sshd rsahost "$T/rsa"
mkdir -m 700 "$T/k6"
for i in 1 2; do
	out=$("$probe" 127.0.0.1 "$port" "$user" "$T/key" "$T/k6" exec 'echo in' </dev/null)
	check "an RSA host is known again, $i" [ "$out" = in ]
done
check "by its type" grep -q '^devvm ssh-rsa ' "$T/k6/hostkeys"
known=$T/k6 talk rsahost
expect rsahost 5 'state up key learnt'
end_sshd "$pid"
port=$main_port

# A connection that dies under a run comes back, and says what it does not know.
talk main
expect main 5 'state up key learnt SHA256:'
say main exec "echo \$\$ >$T/dies.pid; echo begun; exec sleep 60"
expect main 5 '^begun$'
kill -9 $(pgrep -P "$main_pid")
expect main 5 'state down .* ended the connection'
expect main 5 '^end lost 255 .*not known'
say main exec 'echo back again'
expect main 5 '^back again$'
say main exec "$(printf 'echo %s' "$(head -c 3000 /dev/zero | tr '\0' y)")"
expect main 5 '^y{3000}$'

# A closed channel leaves its process, and sshd counts it: a new connection helps.
start_sshd few "$T/host" "MaxSessions 2"
talk few
for i in 1 2; do
	say few exec "echo \$\$ >$T/few$i.pid; echo run$i; exec sleep 60"
	expect few 5 "^run$i\$"
	say few close
done
say few exec 'echo alive'
expect few 8 '^alive$'

# sshd that cannot make the command's process.
if command -v prlimit >/dev/null; then
	# now and then such a sshd gets by all the same: then another one is tried
	poor() {
		start_sshd "$1" "$T/host"
		talk "$1"
		expect "$1" 5 'state up'
		prlimit --pid "$(pgrep -P "$pid" | head -1)" --nofile=3:3
		say "$1" exec 'echo no'
		wait_for 5 said "$1" '^end '
		said "$1" '^end failed 255 .*refused to start the command' &&
			! said "$1" 'state down'
	}
	check "a refused command is told, and the connection stays" eval 'poor poor || poor poorer || poor poorest'
else
	echo "not tried: a poor sshd (no prlimit)"
fi

# Another key than the known one: loud, and the connection goes on.
start_sshd changes "$T/host"
known=$T/k3 talk before
expect before 5 'state up key learnt'
say before quit
wait_for 5 eval "! kill -0 $talker 2>/dev/null"
check "the key was written down" grep -q '^devvm ssh-ed25519 AAAA' "$T/k3/hostkeys"
end_sshd "$pid"
want_port=$port start_sshd changes "$T/host2"
known=$T/k3 talk changed
expect changed 5 'state up key changed SHA256:'
say changed exec 'echo still works'
expect changed 5 '^still works$'
say changed accept
expect changed 5 'state up key learnt'
end_sshd "$pid"
want_port=$port start_sshd changes "$T/host3"
known=$T/k3 talk othertype
expect othertype 5 'state up key changed SHA256:'
known=$T/k4 talk pinned PROBE_PIN="$T/host3.pub"
expect pinned 5 'state up key pinned'
end_sshd "$pid"

# Refusals, each with its sentence.
start_sshd strict "$T/host"
key=$T/stranger talk stranger
expect stranger 5 "state down .*retry 1[45].* refused our ssh-ed25519 key for user $user"
end_sshd "$pid"
talk refusing
expect refusing 5 'state down .* refused the connection: is sshd running'
want_port=$port start_sshd strict "$T/host"
expect refusing 8 'state up'
key=$T/nokey talk nokey
expect nokey 5 'state down .*retry -1 .*cannot be logged in to: no file to read'
"$probe" devvm.example 22 "$user" "$T/key" "$T/known" talk <"$T/never" >"$T/name.out" 2>&1 &
pids+=($!)
expect name 5 'state down .*retry -1 .*no literal IP address'

python3 - "$T" <<'END' &
import os, socket, sys
for name in ("closer", "stranger"):
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(8)
    open(f"{sys.argv[1]}/{name}.port.new", "w").write(str(s.getsockname()[1]))
    os.rename(f"{sys.argv[1]}/{name}.port.new", f"{sys.argv[1]}/{name}.port")
    if name == "closer" and os.fork():
        continue
    while True:
        c, _ = s.accept()
        if name == "stranger":
            c.sendall(b"HTTP/1.0 400 Bad\x1b]0;x\x07 Request\r\n\r\n")
            c.recv(100)
        c.close()
END
pids+=($!)
wait_for 5 [ -s "$T/closer.port" ]
wait_for 5 [ -s "$T/stranger.port" ]
port=$(cat "$T/closer.port") && talk closer
expect closer 5 'state down .*closed the connection without a greeting: .*unable to start'
port=$(cat "$T/stranger.port") && talk web
expect web 5 'state down .*does not get through the SSH handshake'

# Frozen before the greeting, and frozen after the login.
expect deaf 10 'state down .*did not answer within 5 s'
expect dozing 15 'state silent '
expect dozing 5 '^awake$'
check "a dozing host is up again" [ "$(grep -oE '^state [a-z]+' "$T/dozing.out" | tail -1)" = "state up" ]
expect frozen 15 'state down .*sent no greeting for 10 s'
expect stopped 15 'state silent .*does not answer although the connection stands'
expect stopped 25 'state down .*stopped answering'
check "silence comes before the end" \
	[ "$(grep -oE -m1 'state (silent|down)' "$T/stopped.out")" = "state silent" ]
kill -CONT $(pgrep -P "$stopped_pid")
expect stopped 1 '^end failed 255 not sent: '
expect stopped 10 'state connecting'

# Each ends in order: under a sanitizer that is also "nothing leaked".
for t in "${talkers[@]}"; do
	[ "${t%:*}" = before ] || say "${t%:*}" quit
	wait "${t#*:}" || bad "${t%:*} ended with $?: $(tail -3 "$T/${t%:*}.out")"
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
