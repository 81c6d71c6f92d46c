# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=dash disable=SC2154,SC2034 # the options are bootstrap's
# input.sh: nothing that was not understood goes into a file of sshd or sudo.
#
# A from= list, a key and a path end up between quotes in authorized_keys, where
# one stray quote or newline is another option or another key.  So each is
# matched against what it must be, and never escaped.

FROM_MAX=32      # entries
KEY_FILE_MAX=16384 # bytes

# addr_check ENTRY: exit 0, or 1 and the reason.  sshd refuses the whole line
# when a network has bits set beyond its length, so that is caught here.
addr_check() {
	printf '%s\n' "$1" | awk '
	function no(why) { print why; bad = 1; exit 1 }
	function hex(s,	i, v) {
		for (i = 1; i <= length(s); i++)
			v = v * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1
		return v + 0
	}
	function v4(a, len,	n, q, i, v) {
		n = split(a, q, ".")
		if (n != 4) no("is no IPv4 address")
		for (i = 1; i <= 4; i++) {
			if (q[i] !~ /^(0|[1-9][0-9]?[0-9]?)$/ || q[i] + 0 > 255) no("is no IPv4 address")
			v = v * 256 + q[i]
		}
		if (len == "") return
		if (len !~ /^(0|[1-9][0-9]?)$/ || len + 0 > 32) no("has no prefix length of 8 to 32")
		if (len + 0 < 8) no("is far too wide: a prefix length of 8 to 32, please")
		if (v % (2 ^ (32 - len)) != 0) no("has bits set beyond its prefix length; sshd would refuse the whole list")
	}
	function v6(a, len,	n, q, i, k, gap, g, half, bits, size) {
		if (a ~ /:::/ || a !~ /^[0-9a-f:]+$/) no("is no IPv6 address")
		if (a ~ /^::ffff:/) no("is an IPv4 address in IPv6 clothes, which sshd never sees: write the IPv4 address")
		half = gsub(/::/, ":G:", a)
		if (half > 1) no("is no IPv6 address")
		sub(/^:G/, "G", a); sub(/G:$/, "G", a)
		n = split(a, q, ":")
		gap = half ? 8 - (n - 1) : 0
		if (half ? gap < 1 : n != 8) no("is no IPv6 address")
		for (i = 1; i <= n; i++) {
			if (q[i] == "G") { while (gap-- > 0) g[++k] = 0; continue }
			if (q[i] !~ /^[0-9a-f][0-9a-f]?[0-9a-f]?[0-9a-f]?$/) no("is no IPv6 address")
			g[++k] = hex(q[i])
		}
		if (len == "") return
		if (len !~ /^[1-9][0-9]?[0-9]?$/ || len + 0 > 128) no("has no prefix length of 16 to 128")
		if (len + 0 < 16) no("is far too wide: a prefix length of 16 to 128, please")
		for (i = 1; i <= 8; i++) {
			bits = len - (i - 1) * 16
			size = bits >= 16 ? 1 : bits <= 0 ? 65536 : 2 ^ (16 - bits)
			if (g[i] % size != 0) no("has bits set beyond its prefix length; sshd would refuse the whole list")
		}
	}
	NR > 1 { no("is more than one line") }
	{
		if (length($0) > 64) no("is too long")
		if ($0 !~ /^[0-9A-Fa-f.:\/]+$/) no("is no address or network (names are never looked up)")
		if (split($0, p, "/") > 2) no("is no network")
		if ($0 ~ /\// && p[2] == "") no("has no prefix length")
		if (p[1] ~ /:/) v6(tolower(p[1]), p[2]); else v4(p[1], p[2])
	}
	END { exit bad }'
}

# from_list LIST: the same list, checked, each entry once
from_list() {
	local rest=$1, entry why n=0 out=''
	case $1 in
	*"
"*) die "--from: a newline in it" 64 ;;
	esac
	while [ -n "$rest" ]; do
		entry=${rest%%,*}
		rest=${rest#*,}
		entry=${entry# }
		[ -n "$entry" ] || die "--from: an empty entry" 64
		why=$(addr_check "$entry") || die "--from: '$entry' $why" 64
		entry=$(printf %s "$entry" | tr A-F a-f)
		case ,$out, in *,"$entry",*) continue ;; esac
		n=$((n + 1))
		[ $n -le $FROM_MAX ] || die "--from: more than $FROM_MAX entries" 64
		out=${out:+$out,}$entry
	done
	echo "$out"
}

# key_read FILE: "TYPE BASE64" of a file with exactly one public key
key_read() {
	local size
	[ -f "$1" ] || die "no public key at $1 (bootstrap key makes one; --key names it)" 64
	size=$(wc -c <"$1")
	[ "$size" -le $KEY_FILE_MAX ] || die "$1 is too large to be a public key" 64
	! grep -q 'PRIVATE KEY' "$1" || die "$1 is the private key, which never leaves its place: give $1.pub" 64
	[ "$(tr -d '\n -~' <"$1" | wc -c)" = 0 ] || die "$1: bytes that are not printable" 64
	awk '
	NR > 1 { why = "more than one line"; exit }
	{
		if ($1 !~ /^(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|ssh-rsa)$/)
			why = $1 ~ /cert/ ? "a certificate" : "options, or a key type that is not used here (ed25519, ecdsa and rsa are)"
		else if ($2 !~ /^AAAA[A-Za-z0-9+\/]+=?=?$/)
			why = "no key in base64"
		else
			key = $1 " " $2
	}
	END {
		if (!NR) why = "no line"
		print why == "" ? key : why
		exit why != ""
	}' "$1" >"$tmp/key_read" || die "$1 is no public key of one line: $(cat "$tmp/key_read")" 64
	if command -v ssh-keygen >/dev/null 2>&1; then
		cp "$tmp/key_read" "$tmp/key_read.pub"
		ssh-keygen -l -f "$tmp/key_read.pub" >"$tmp/print" 2>/dev/null ||
			die "$1 is no public key: ssh-keygen does not read it" 64
		case $(cut -d' ' -f1,4 "$tmp/print") in
		[0-9][0-9][0-9]' '* | 1[0-9][0-9][0-9]' '* | 20[0-9][0-9]' '*)
			! grep -q '(RSA)' "$tmp/print" || die "$1 is an RSA key that is too short: use ed25519" 64 ;;
		esac
	fi
	cat "$tmp/key_read"
}

is_path() {
	case $1 in
	*[!A-Za-z0-9/._+@~%:,=-]* | '' | *//* | */../* | */..) return 1 ;;
	esac
}
login_check() { # OPTION VALUE
	printf '%s\n' "$2" | grep -Eqx '[A-Za-z_][A-Za-z0-9_.-]{0,31}@[A-Za-z0-9:][A-Za-z0-9_.:-]{0,253}' ||
		die "$1 wants USER@HOST" 64
}

input_options() {
	[ -z "$R" ] || {
		is_path "$R" && [ "$R" != / ] && [ -d "$R" ] || die "--root: no such tree, or a path with other than letters, digits and / . _ + @ -" 64
		R=$(cd "$R" && pwd) || exit 1
	}
	[ -z "$site" ] || { is_path "$site" && [ "${site#/}" != "$site" ]; } ||
		die "--site wants an absolute path of letters, digits and / . _ + @ -" 64
	[ -z "$pin" ] || { is_path "$pin" && [ -n "$to" ]; } || die "--pin wants a path, and --to" 64
	[ -z "$port" ] || printf '%s\n' "$port" | grep -Eqx '[1-9][0-9]{0,4}' || die "--port wants a number" 64
	[ -z "$to" ] || login_check --to "$to"
	[ -z "$pve_to" ] || login_check --pve "$pve_to"
	[ -z "$devvm_to" ] || login_check --devvm "$devvm_to"
	case $step in
	'' | new | authorize | prove | switch | retire) ;;
	*) die "--step is new, authorize, prove, switch or retire" 64 ;;
	esac
	if [ -n "$from_given" ]; then
		[ -n "$from" ] || die "--from is empty" 64
		from=$(from_list "$from") || exit 64
	fi
	[ -z "$check" ] || [ -z "$apply$undo$drop" ] || die "--check changes nothing: no --apply, --undo or --drop-key beside it" 64
	[ -z "$undo" ] || [ -z "$drop" ] || die "--undo and --drop-key are two things" 64
}
