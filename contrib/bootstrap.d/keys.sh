# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=dash disable=SC2154,SC2034 # the options are bootstrap's
# keys.sh: our lines in an authorized_keys file.

# The public key that is meant: --key, or the default where there is one.
default_key() { echo "${BREAKGLASS_KEY_PATH:-${HOME:-/root}/.ssh/breakglass}"; }
public_key() {
	local f=${key:-$(default_key).pub}
	if [ -z "$key" ] && [ ! -f "$f" ]; then
		[ -f "${f%.pub}" ] || return 0
		ssh-keygen -y -f "${f%.pub}" </dev/null >"$tmp/derived.pub" 2>/dev/null || return 0
		f=$tmp/derived.pub
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
	[ -n "$pub$drop_pub" ] || [ -s "$tmp/lines.old" ] || {
		if [ "$what" = pve ] && others_run_it "$user" "$home"; then
			note "$other: a line that is not ours runs breakglass-pve and stays as it is; with --key and --from bootstrap adds one of its own"
			return 0
		fi
		problem "no public key: give --key FILE.pub (bootstrap key makes one)"
		return 0
	}
	[ -z "$file_why" ] || note "keys go into $file:$file_why"
	compose_lines "$tmp/lines.old" "$3" >"$tmp/lines"
	from_all=$(from_union "$tmp/lines")
	if [ "${file#/etc/ssh/}" != "$file" ]; then
		mode=0644 owner=0:0
	else
		ensure_dir "$home" - "$owner" && ensure_dir "${file%/*}" - "$owner" || return 1
	fi
	ensure_block "$file" "$mode" "$owner" "$tmp/lines"
	[ ! -s "$tmp/lines" ] || ensure_dropin "$user" "$home"
	[ -z "$pub" ] || elsewhere "$user" "$home" "${pub#* }"
	[ -z "$drop_pub" ] || elsewhere "$user" "$home" "${drop_pub#* }"
}

# others_run_it USER HOME: some line that is not ours runs our program; $other is its file
others_run_it() {
	local w
	other=''
	keys_words "$1" "$2" >"$tmp/words"
	while read -r w; do
		[ -z "$other" ] && [ -f "$R$w" ] || continue
		if grep -v '^[[:space:]]*#' "$R$w" | grep -qF "command=\"$R$PROGRAM"; then other=$w; fi
	done <"$tmp/words"
	[ -n "$other" ]
}

# from_union FILE: all addresses of these lines, each once
from_union() {
	sed -n 's/.*from="\([0-9a-f.:,\/]*\)".*/\1/p' "$1" | tr ',' '\n' | awk '!seen[$0]++' | paste -s -d , -
}
