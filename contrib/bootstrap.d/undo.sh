# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=dash disable=SC2154,SC2034 # the options are bootstrap's
# undo.sh: takes back what is on record in $STATE/WHAT, last thing first.
#
# Nothing is taken back that somebody else has changed since, and no evidence is
# removed: a directory that is not empty stays.

undo_one() { # KIND PATH ARG
	[ -z "$apply" ] || rm -f "$R${2%/*}/.${2##*/}.bootstrap"
	case $1 in
	dir)
		[ -d "$R$2" ] || return 0
		# what is below it and goes too was taken back before, or would be
		if [ -n "$apply" ] && [ -n "$(ls -A "$R$2")" ] || [ -z "$apply" ] && undo_leaves "$2"; then
			kept "$2: there is something in it that is not bootstrap's"
			return 0
		fi
		change "remove directory $2" || return 0
		rmdir "$R$2" || failed "could not remove $2"
		;;
	mode)
		[ -e "$R$2" ] || return 0
		change "change mode of $2 back to $3" || return 0
		chmod "$3" "$R$2" || failed "could not change $2"
		;;
	made)
		[ -f "$R$2" ] || return 0
		if [ -n "$apply" ] && [ -s "$R$2" ] || [ -z "$apply" ] && [ -s "$tmp/undone" ]; then
			kept "$2: there is something in it that is not ours"
			return 0
		fi
		change "remove $2" || return 0
		rm -f "$R$2" || failed "could not remove $2"
		;;
	block) undo_block "$2" "$3" ;;
	file) undo_file "$2" ;;
	old)
		# its file was put back before; a run that was cut may have left the copy
		[ -n "$apply" ] && [ -f "$R$2" ] && [ -f "$R$3" ] && cmp -s "$R$2" "$R$3" || return 0
		change "remove $3" && rm -f "$R$3"
		;;
	prev)
		[ -f "$R$2" ] || return 0
		change "remove $2" || return 0
		rm -f "$R$2"
		;;
	temp) ;;
	user | group) undo_account "$1" "$2" ;;
	*) problem "a line in $STATE/$what that this bootstrap does not know: $1 $2" ;;
	esac
}

# would anything that is not on record stay in directory $1?
undo_leaves() {
	find "$R$1" -mindepth 1 -maxdepth 1 | while IFS= read -r f; do
		f=${f#"$R"}
		awk -F '\t' -v p="$f" '$2 == p && $1 != "mode" { ok = 1 } END { exit !ok }' "$tmp/records" || echo "$f"
	done | grep -q .
}

undo_block() {
	local size
	: >"$tmp/undone"
	[ -f "$R$1" ] || return 0
	block_is_sane "$R$1" || {
		failed "$1: our lines are no longer one begin and one end: remove them by hand"
		return 1
	}
	: >"$tmp/none"
	with_block "$R$1" "$tmp/none" >"$tmp/undone"
	size=$(wc -c <"$tmp/undone")
	if [ "$2" = nonl ] && [ "$size" -gt 0 ]; then
		head -c $((size - 1)) "$tmp/undone" >"$tmp/cut"
		mv "$tmp/cut" "$tmp/undone"
	fi
	cmp -s "$tmp/undone" "$R$1" && return 0
	change "remove our lines from $1"
	local do=$?
	show_diff "$R$1" "$tmp/undone"
	[ $do = 0 ] || return 0
	rewrite "$tmp/undone" "$1"
}

undo_file() {
	local old
	old=$(recorded old "$1")
	if [ -f "$R$1" ] && ! awk -F '\t' -v p="$1" -v s="$(sha_of "$R$1")" \
		'$1 == "file" && $2 == p && $3 == s { f = 1 } END { exit !f }' "$tmp/records"; then
		kept "$1: somebody changed it since"
		return 0
	fi
	if [ -n "$old" ] && [ -f "$R$old" ]; then
		change "put $old back as $1" || return 0
		mv -f "$R$old" "$R$1" || failed "could not put $old back"
	elif [ -f "$R$1" ]; then
		change "remove $1" || return 0
		rm -f "$R$1" || failed "could not remove $1"
	else
		return 0
	fi
	[ "$1" != "$DROPIN" ] || sshd_reload
}

undo_account() {
	grep -q "^$2:" "$R/etc/$([ "$1" = user ] && echo passwd || echo group)" || return 0
	change "remove $1 $2" || return 0
	if [ "$1" = user ]; then
		account userdel "$2" || failed "could not remove user $2 (is it logged in?)"
	elif grep -q "^$2:" "$R/etc/group"; then
		account groupdel "$2" || failed "could not remove group $2"
	fi
}

undo_main() {
	local before
	if [ ! -f "$R$STATE/$what" ]; then
		[ -z "$apply" ] || rmdir "$R$STATE" 2>/dev/null
		already "nothing is on record in $STATE/$what"
		return
	fi
	cp "$R$STATE/$what" "$tmp/records"
	: >"$tmp/undone"
	# several records of one file are one thing to undo
	awk -F '\t' '{ a[NR] = $0 } END { for (i = NR; i > 0; i--) { split(a[i], f, "\t")
		k = f[1] f[2] (f[1] == "mode" ? i : ""); if (!seen[k]++) print a[i] } }' "$tmp/records" >"$tmp/reversed"
	before=$problems
	while IFS="$TAB" read -r kind path arg; do
		undo_one "$kind" "$path" "$arg"
	done <"$tmp/reversed"
	[ -n "$apply" ] || return 0
	if [ "$problems" = "$before" ]; then
		rm -f "$R$STATE/$what"
		rmdir "$R$STATE" 2>/dev/null
	fi
	return 0
}
