# SPDX-License-Identifier: GPL-3.0-or-later
# For tests of contrib/bootstrap: a tree, and a real sshd that serves it on loopback.
#
# The port is the kernel's choice and stays open: a small listener starts sshd -i
# for each connection, so sshd sees a real peer address and from= can be tested.
: "${abs_top_builddir:=$PWD}" "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
BOOTSTRAP=$abs_top_srcdir/contrib/bootstrap
PVE=$abs_top_builddir/src/host/breakglass-pve
SSHD=$(command -v sshd || echo /usr/sbin/sshd)
failed=0

[ -x "$PVE" ] || { echo "no $PVE: run make first"; exit 99; }
! grep -q __asan_init "$PVE" || {
	echo "skipped: a sanitizer build's breakglass-pve is not static, and bootstrap installs no other"
	exit 77
}
[ -x "$SSHD" ] || { echo "skipped: no sshd"; exit 77; }
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
unset BREAKGLASS_KEY_PATH SSH_AUTH_SOCK BREAKGLASS_BOOTSTRAP_SSH

ok() { echo "ok - $1"; }
fail() { echo "FAILED - $1"; failed=1; [ $# -lt 2 ] || printf '    %s\n' "${@:2}"; }
check() { local t=$1; shift; if "$@" >"$T/out" 2>&1; then ok "$t"; else fail "$t"; sed 's/^/    | /' "$T/out" | head -n 30; fi; }
contains() { "${@:2}" 2>&1 | tee "$T/got" | grep -q -e "$1" || { cat "$T/got"; false; }; }
lacks() { ! "${@:2}" 2>&1 | tee "$T/got" | grep -q -e "$1" || { cat "$T/got"; false; }; }
exits() { local want=$1 rc; shift; "$@"; rc=$?; [ $rc = "$want" ] || { echo "exit $rc instead of $want"; false; }; }
finish() { [ $failed = 0 ] && exit 0; exit 1; }

cat_listener() {
	cat <<-'END'
		import socket, subprocess, sys, threading
		s = socket.socket()
		s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		s.bind(("0.0.0.0" if len(sys.argv) > 4 else "127.0.0.1", 0))
		s.listen(20)
		with open(sys.argv[1], "w") as f:
		    f.write("%d\n" % s.getsockname()[1])
		while True:
		    c, _ = s.accept()
		    c.set_inheritable(True)
		    p = subprocess.Popen([sys.argv[2], "-i", "-f", sys.argv[3]], stdin=c, stdout=c)
		    c.close()
		    threading.Thread(target=p.wait, daemon=True).start()
	END
}

# start_sshd CONFIG: $port and $listener
start_sshd() {
	cat_listener >"$T/listener.py"
	rm -f "$T/port"
	# 127.0.0.0/8 is ours: an address of it stands for each place an engine runs
	env HOME="$T" python3 "$T/listener.py" "$T/port" "$SSHD" "$1" &
	listener=$!
	local end=$((SECONDS + 60))
	until [ -s "$T/port" ]; do
		[ $SECONDS -lt $end ] || { echo "no listener"; exit 99; }
		read -rt 0.02 _ <> <(:)
	done
	port=$(cat "$T/port")
}

SSH=(ssh -F none -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none -o ConnectTimeout=10
	-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o GlobalKnownHostsFile=/dev/null -o LogLevel=ERROR)
# login KEY FROM USER WORD...: with this key, from this loopback address
login() {
	local key=$1 from=$2 user=$3
	shift 3
	"${SSH[@]}" -i "$key" -b "$from" -p "$port" "$user@127.0.0.1" "$@" </dev/null
}
