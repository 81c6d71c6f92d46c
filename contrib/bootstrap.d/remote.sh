# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=dash disable=SC2154,SC2034 # the options are bootstrap's
# remote.sh: bootstrap runs itself on another host.
#
# One ssh, yours: your own account, keys and host key checks, not breakglass's.
# Its stdin carries a tar archive of bootstrap, the public key and the program;
# the other side unpacks it into a directory of its own and runs it there.  So
# nothing but sshd, sh and tar is needed, and nothing stays behind.

quote() { printf "'%s' " "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }

# stage: what is sent, below $tmp/send; $args what it is called with
stage() {
	local f
	mkdir "$tmp/send" && cp "$here/bootstrap" "$tmp/send/" && cp -R "$parts" "$tmp/send/" && chmod -R u+w "$tmp/send" || exit 1
	args="$what "
	: >"$tmp/send/key.pub"
	[ -n "$undo" ] || public_key >"$tmp/send/key.pub" || exit 64
	if [ -s "$tmp/send/key.pub" ]; then
		args="$args--key \"\$d/key.pub\" "
	fi
	if [ -n "$drop" ]; then
		key_read "$drop" >"$tmp/send/drop.pub" || exit 64
		args="$args--drop-key \"\$d/drop.pub\" "
	fi
	if [ "$what" = pve ] && [ -z "$undo$check$keys_only" ]; then
		# shellcheck source=/dev/null
		. "$parts/pve.sh"
		f=$(find_program) || exit 64
		[ -z "$f" ] || cp "$f" "$tmp/send/breakglass-pve" || exit 1
	fi
	[ -z "$from" ] || args="$args--from $(quote "$from")"
	[ -z "$site" ] || args="$args--site $(quote "$site")"
	[ -z "$R" ] || args="$args--root $(quote "$R")"
	args="$args${apply:+--apply }${undo:+--undo }${check:+--check }${keys_only:+--keys-only }"
}

# The other side's login shell may be anything: it only starts sh.
there() {
	printf '%s' "exec sh -c $(quote '
		umask 077
		d=$(mktemp -d) || exit 1
		trap "rm -rf \"$d\"" EXIT
		trap "" HUP PIPE
		tar -xof - -C "$d" || exit 1
		as=
		[ "$(id -u)" = 0 ] || as="sudo -n"
		[ -z "$as" ] || sudo -n true || { echo "bootstrap: log in as root, or as a user whose sudo wants no password" >&2; exit 1; }
		$as env HOME=/nonexistent BREAKGLASS_KEY_PATH= sh "$d/bootstrap" '"$args")"
}

# pin_host FILE: the host key that came through your ssh, for pve_hostkey or devvm_hostkey
pin_host() {
	local dir=.
	sed -n 's/^  hostkey  \([a-z0-9-]* [A-Za-z0-9+\/=]*\)$/\1/p' "$tmp/out" | head -n 1 >"$tmp/pin"
	[ -s "$tmp/pin" ] || failed "$to told no host key" || return
	case $1 in */*) dir=${1%/*} ;; esac
	if [ -e "$1" ]; then
		if cmp -s "$tmp/pin" "$1"; then already "$1: that host key"; else
			failed "$1 holds another host key: look why, and remove it if that is right"
		fi
		return
	fi
	change "write $1: the host key of $to" || return 0
	cp "$tmp/pin" "$1" && chmod 0644 "$1" || failed "could not write $1 (is there a directory $dir?)"
}

remote_main() {
	local rc
	stage
	echo "bootstrap $what, by ssh $to:"
	# shellcheck disable=SC2086
	{
		tar -cf - -C "$tmp/send" . |
			${BREAKGLASS_BOOTSTRAP_SSH:-ssh} -T -o ConnectTimeout=15 ${port:+-p $port} -- "$to" "$(there)" 2>&1
		echo $? >"$tmp/rc"
	} | plain | tee "$tmp/out"
	rc=$(cat "$tmp/rc")
	[ "$rc" != 255 ] || die "ssh $to failed; nothing else was tried"
	[ -z "$pin" ] || [ "$rc" != 0 ] || pin_host "$pin"
	[ "$problems" = 0 ] || rc=1
	exit "$rc"
}
