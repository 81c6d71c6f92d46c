# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2154 # the options are bootstrap's
# keys.sh: our lines in an authorized_keys file.

# The public key that is meant: --key, or the default where there is one.
default_key() { echo "${BREAKGLASS_KEY_PATH:-${HOME:-/root}/.ssh/breakglass}"; }
public_key() {
	local f=${key:-$(default_key).pub}
	if [ -z "$key" ] && [ ! -f "$f" ]; then
		return 0
	fi
	key_read "$f"
}

from_of() { sed -n 's/.*from="\([0-9a-f.:,\/]*\)".*/\1/p' | head -n 1; }

# compose_lines OLD OPTIONS: the lines that shall be ours, from those that are
compose_lines() {
	local blob='' dropped=''
	[ -z "$pub" ] || blob=${pub#* }
	[ -z "$drop_pub" ] || dropped=${drop_pub#* }
	while IFS= read -r l; do
		case $l in
		*" $dropped "*) [ -z "$dropped" ] || continue ;;
		esac
		case $l in
		*" $blob "*)
			if [ -n "$blob" ] && [ -n "$from" ]; then
				echo "$2,from=\"$from\" $pub breakglass"
				blob=''
				continue
			fi
			;;
		esac
		printf '%s\n' "$l"
	done <"$1"
	if [ -n "$blob" ] && [ -n "$from" ] && [ "$dropped" != "$blob" ]; then
		echo "$2,from=\"$from\" $pub breakglass"
	fi
}

# read_keys: $pub and $drop_pub, before anything is changed
read_keys() {
	pub=$(public_key) || exit 64
	drop_pub=''
	if [ -n "$drop" ]; then
		drop_pub=$(key_read "$drop") || exit 64
		# the line to be dropped is never added again
		[ "$drop_pub" != "$pub" ] || pub=''
	fi
}

# ensure_keys USER HOME OPTIONS OWNER: the key's line, in the right file
ensure_keys() {
	local user=$1 mode=0600 owner=$4 old_from
	home=$2
	from_all=${from:-127.0.0.1}
	keys_file "$user" "$home" || return 1
	block_of "$R$file" >"$tmp/lines.old"
	old_from=$({ [ -z "$pub" ] || grep -F " ${pub#* } " "$tmp/lines.old"; cat "$tmp/lines.old"; } | from_of)
	[ -n "$from" ] || from=$old_from
	if [ -n "$pub" ] && [ -z "$from" ]; then
		elsewhere "$user" "$home" "${pub#* }"
		if [ -z "$other" ]; then
			problem "this key is not let in yet: give --from with the addresses that engines come from"
		else
			note "no --from: that line stays as it is; with --from bootstrap adds one of its own, with restrict and from="
		fi
		return 0
	fi
	[ -n "$pub" ] || [ -s "$tmp/lines.old" ] || {
		problem "no public key: give --key FILE.pub (bootstrap key makes one)"
		return 0
	}
	[ -z "$file_why" ] || note "keys go into $file:$file_why"
	compose_lines "$tmp/lines.old" "$3" >"$tmp/lines"
	from_all=$(from_union "$tmp/lines")
	if [ "${file#/etc/ssh/}" != "$file" ]; then
		mode=0644 owner=0:0
	else
		ensure_dir "${file%/*}" - "$owner" || return 1
	fi
	ensure_block "$file" "$mode" "$owner" "$tmp/lines"
	[ ! -s "$tmp/lines" ] || ensure_dropin "$user" "$home"
	[ -z "$pub" ] || elsewhere "$user" "$home" "${pub#* }"
	[ -z "$drop_pub" ] || elsewhere "$user" "$home" "${drop_pub#* }"
}

# from_union FILE: all addresses of these lines, each once
from_union() {
	sed -n 's/.*from="\([0-9a-f.:,\/]*\)".*/\1/p' "$1" | tr ',' '\n' | awk '!seen[$0]++' | paste -s -d , -
}
