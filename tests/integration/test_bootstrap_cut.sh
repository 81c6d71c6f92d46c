#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: bootstrap may be killed at any moment.  Undo then leaves what was before,
# byte for byte, and another run completes the first; so after each kill.
set -u
# shellcheck source=/dev/null
. "$(dirname "$0")/bootstrap_lib.sh"
T=$(mktemp -d "${TMPDIR:-/tmp}/bgcut.XXXXXX") || exit 99
trap 'rm -rf "$T"' EXIT
trap 'exit 99' INT TERM HUP
ssh-keygen -q -t ed25519 -N '' -f "$T/hostkey" && ssh-keygen -q -t ed25519 -N '' -f "$T/key" || exit 99
make_tree() {
	rm -rf "$T/tree"
	mkdir -p "$T/tree"/{root/.ssh,usr/local/bin,var/lib,var/log,etc/ssh/sshd_config.d}
	chmod 700 "$T/tree/root/.ssh"
	printf '#!/bin/bash\necho the old host program\n' >"$T/tree/usr/local/bin/breakglass-pve"
	printf 'ssh-rsa AAAA other@host' >"$T/tree/root/.ssh/authorized_keys2"
	printf '%s\n' "Include $T/tree/etc/ssh/sshd_config.d/*.conf" "HostKey $T/hostkey" "PermitRootLogin no" \
		"AuthorizedKeysFile $T/tree/root/.ssh/authorized_keys $T/tree/root/.ssh/authorized_keys2" \
		>"$T/tree/etc/ssh/sshd_config"
}
state() { (cd "$T/tree" && find . -printf '%P %y %m\n' | sort && find . -type f -print0 | sort -z | xargs -0 sha256sum); }
bs() { "$BOOTSTRAP" pve --root "$T/tree" --program "$PVE" --key "$T/key.pub" "$@"; }

make_tree
state >"$T/before"
bs --apply --from 127.0.0.1 >/dev/null || exit 99
state | grep -v breakglass-bootstrap/pve >"$T/whole"
bs --undo --apply >/dev/null || exit 99
check "undo of a whole run" bash -c "$(declare -f state); T='$T'; state | diff '$T/before' -"

# sh -x tells what it does next; the nth command that changes something is met
# with SIGKILL for the whole group, before it, in it or right behind it.
mkfifo "$T/trace"
cut_at() {
	local n=$1 seen=0 line killed=1
	TMPDIR=$T setsid sh -x "$BOOTSTRAP" pve --root "$T/tree" --program "$PVE" --key "$T/key.pub" \
		--apply --from 127.0.0.1 >/dev/null 2>"$T/trace" </dev/null &
	local pid=$!
	while IFS= read -r line; do
		case $line in
		'+ mv '* | '+ ln '* | '+ mkdir '* | '+ chmod '* | '+ rm '* | '+ cp '* | '+ printf %s\t'*)
			seen=$((seen + 1))
			[ $seen = "$n" ] || continue
			kill -KILL -- "-$pid" 2>/dev/null && killed=0
			;;
		esac
	done <"$T/trace"
	wait $pid 2>/dev/null
	return $killed
}
whole() { state | grep -v breakglass-bootstrap/pve | grep -v 'breakglass-pve.prev' | diff "$T/whole" -; }
before() { state | diff "$T/before" -; }
completes() { bs --apply --from 127.0.0.1 && whole; }
undoes() { bs --undo --apply && before; }

n=1 cuts=0
while make_tree && cut_at $n; do
	cuts=$((cuts + 1))
	[ $((n % 2)) = 0 ] || check "cut at $n: another run completes it" completes
	check "cut at $n: undone" undoes
	n=$((n + ${BG_LONG:+-2} + 3))
done 2>/dev/null
check "it was cut often enough ($cuts times)" test $cuts -ge 8
finish
