# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=dash disable=SC2154,SC2034 # the options are bootstrap's
# lib.sh: what is said, and the few ways in which bootstrap changes a machine.
#
# Each ensure_* looks first.  What is so already is said and left alone; else it
# says what it would do, and does it only with --apply.  Before a change is made
# it is put on record in $STATE/WHAT, so that --undo also works after a run that
# was cut.  Files come by rename, so nobody ever sees half of one.

STATE=/var/lib/breakglass-bootstrap
TAB=$(printf '\t')
problems=0 changes=0

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM

# What files and programs of others say never reaches a terminal as it is.
plain() { tr -c '\n -~' '?'; }
# A reader that has gone is no reason to stop half way.
line() { printf '  %-8s %s\n' "$1" "$2" | plain || :; }
already() { line already "$1"; }
note() { line note "$1"; }
kept() { line kept "$1"; }
problem() {
	line PROBLEM "$1"
	problems=$((problems + 1))
}
die() {
	printf 'bootstrap: %s\n' "$1" | plain >&2
	exit "${2:-1}"
}
# change TEXT: says it; true when it is to be done
change() {
	changes=$((changes + 1))
	if [ -n "$apply" ]; then
		line doing "$1"
	else
		line would "$1"
		return 1
	fi
}
failed() {
	problem "$1"
	return 1
}
show_diff() {
	diff "$1" "$2" | sed -n 's/^> /             + /p; s/^< /             - /p' | plain
}

am_root() { [ "$(id -u)" = 0 ]; }
mode_of() { stat -c %a "$R$1"; }
sha_of() { sha256sum "$1" | cut -d' ' -f1; }
own() { # own OWNER FILE: in a tree of an ordinary user there is only that user
	! am_root || chown -h "$1" "$2"
}

record() { # record KIND PATH ARG
	grep -qxF "$1$TAB$2$TAB${3--}" "$R$STATE/$what" 2>/dev/null && return 0
	if [ ! -d "$R$STATE" ]; then
		mkdir -p "$R${STATE%/*}" && mkdir -m 0700 "$R$STATE" ||
			die "cannot make $STATE: nothing was changed that is not on record"
	fi
	printf '%s\t%s\t%s\n' "$1" "$2" "${3--}" >>"$R$STATE/$what" ||
		die "cannot write $STATE/$what: nothing was changed that is not on record"
}
recorded() { # recorded KIND PATH: prints its argument
	[ -f "$R$STATE/$what" ] || return 1
	awk -F '\t' -v k="$1" -v p="$2" \
		'$1 == k && $2 == p { print $3; f = 1; exit } END { exit !f }' "$R$STATE/$what"
}

# put SRC PATH MODE OWNER: by rename
put() {
	local new
	new=$R${2%/*}/.${2##*/}.bootstrap
	rm -f "$new"
	cp "$1" "$new" && chmod "$3" "$new" && own "$4" "$new" && mv -f "$new" "$R$2" && return 0
	rm -f "$new"
	failed "could not write $2"
}
# rewrite SRC PATH: the new text of a file that is there; mode and owner stay
rewrite() { put "$1" "$2" "$(mode_of "$2")" "$(stat -c %u:%g "$R$2")"; }

# ensure_dir PATH MODE OWNER; MODE -: whatever it is, if only the owner can write
ensure_dir() {
	local now
	if [ -L "$R$1" ] || { [ -e "$R$1" ] && [ ! -d "$R$1" ]; }; then
		failed "$1 is no directory: move it away"
		return 1
	fi
	if [ ! -d "$R$1" ]; then
		[ -d "$R${1%/*}" ] || [ -z "${1%/*}" ] || ensure_dir "${1%/*}" 0755 0:0 || return 1
		local mode=$2
		[ "$mode" != - ] || mode=0700
		change "make directory $1 ($mode)" || return 0
		record dir "$1"
		mkdir -m "$mode" "$R$1" && own "$3" "$R$1" || failed "could not make $1"
		return
	fi
	now=$(mode_of "$1")
	if [ "$2" = - ]; then
		case $now in
		*[2367] | *[2367]?) failed "$1 (mode $now) is writable for others, so sshd ignores keys in it: chmod go-w $1" ;;
		*) already "directory $1 ($now)" ;;
		esac
	elif [ "$now" = "${2#0}" ]; then
		already "directory $1 ($2)"
	else
		change "change mode of directory $1 from $now to $2" || return 0
		record mode "$1" "$now"
		chmod "$2" "$R$1" || failed "could not change $1"
	fi
}

# keep_old PATH: where what is not ours is to be kept; nothing, when there is nothing to keep
keep_old() {
	local old=$1.old n=2
	[ -e "$R$1" ] && [ -z "$(recorded file "$1")" ] || return 0
	if [ -n "$(recorded old "$1")" ]; then
		# a run that was cut
		old=$(recorded old "$1")
		[ -e "$R$old" ] || echo "$old"
		return 0
	fi
	while [ -e "$R$old" ]; do
		old=$1.old$n
		n=$((n + 1))
	done
	echo "$old"
}

# ensure_file PATH MODE OWNER SRC TEXT: a file that is all ours
ensure_file() {
	local old=''
	if [ -L "$R$1" ] || { [ -e "$R$1" ] && [ ! -f "$R$1" ]; }; then
		failed "$1 is no ordinary file: move it away"
		return 1
	fi
	if [ -f "$R$1" ] && cmp -s "$4" "$R$1"; then
		if [ "$(mode_of "$1")" = "${2#0}" ]; then
			already "$1 ($2): $5"
			return 0
		fi
		change "change mode of $1 from $(mode_of "$1") to $2" || return 0
		record mode "$1" "$(mode_of "$1")"
		chmod "$2" "$R$1" || failed "could not change $1"
		return
	fi
	old=$(keep_old "$1")
	if ! change "write $1 ($2): $5${old:+; what is there now stays as $old}"; then
		return 0
	fi
	[ -d "$R${1%/*}" ] || ensure_dir "${1%/*}" 0755 0:0 || return 1
	if [ -n "$old" ]; then
		record old "$1" "$old"
		ln "$R$1" "$R$old" || { failed "could not keep $1 as $old"; return 1; }
	fi
	if [ -n "$(recorded file "$1")" ] && [ -f "$R$1" ]; then
		record prev "$1.prev"
		ln -f "$R$1" "$R$1.prev" || { failed "could not keep $1 as $1.prev"; return 1; }
	fi
	record file "$1" "$(sha_of "$4")"
	put "$4" "$1" "$2" "$3"
}

begin_mark() { echo "# breakglass-bootstrap: begin $what (made by bootstrap $what; --undo removes it)"; }
end_mark() { echo "# breakglass-bootstrap: end $what"; }

# block_of FILE: the lines of ours in it
block_of() {
	[ -f "$1" ] || return 0
	awk -v b="$(begin_mark)" -v e="$(end_mark)" \
		'$0 == e { on = 0 } on { print } $0 == b { on = 1 }' "$1"
}
# a begin without an end, or two: somebody edited it, and we do not guess
block_is_sane() {
	[ -f "$1" ] || return 0
	awk -v b="$(begin_mark)" -v e="$(end_mark)" \
		'$0 == b { n++; if (on) bad = 1; on = 1 } $0 == e { if (!on) bad = 1; on = 0 }
		END { exit bad || on || n > 1 }' "$1"
}
# with_block FILE BLOCK: FILE's text with BLOCK's lines as our block; empty: without one
with_block() {
	{ [ ! -f "$1" ] || cat "$1"; } |
		awk -v b="$(begin_mark)" -v e="$(end_mark)" -v f="$2" '
		function block(	l, n) {
			done = 1
			while ((getline l < f) > 0) {
				if (!n++)
					print b
				print l
			}
			if (n)
				print e
		}
		$0 == b { skip = 1; block(); next }
		$0 == e { skip = 0; next }
		!skip { print }
		END { if (!done) block() }'
}

# ensure_block PATH MODE OWNER BLOCK: our lines in a file that may have others'
ensure_block() {
	if [ -L "$R$1" ] || { [ -e "$R$1" ] && [ ! -f "$R$1" ]; }; then
		failed "$1 is no ordinary file: move it away"
		return 1
	fi
	if ! block_is_sane "$R$1"; then
		failed "$1: the lines \"# breakglass-bootstrap: ...\" are no longer one begin and one end: mend it by hand"
		return 1
	fi
	block_of "$R$1" >"$tmp/block"
	if cmp -s "$tmp/block" "$4"; then
		already "$1: $(wc -l <"$4" | tr -d ' ') line(s) of ours"
		return 0
	fi
	with_block "$R$1" "$4" >"$tmp/file"
	if [ -f "$R$1" ]; then cat "$R$1"; fi >"$tmp/before"
	if [ -f "$R$1" ]; then
		change "write $1 (mode $(mode_of "$1") stays) with"
	else
		change "write $1 ($2) with"
	fi
	local do=$?
	show_diff "$tmp/before" "$tmp/file"
	[ $do = 0 ] || return 0
	if [ ! -f "$R$1" ]; then
		record made "$1"
		record block "$1"
		put "$tmp/file" "$1" "$2" "$3"
		return
	fi
	if [ -z "$(recorded block "$1")" ]; then
		if [ -s "$R$1" ] && [ "$(tail -c 1 "$R$1" | od -An -tu1 | tr -d ' ')" != 10 ]; then
			record block "$1" nonl
		else
			record block "$1"
		fi
	fi
	rewrite "$tmp/file" "$1"
}

# How a run on a host begins: one at a time.  The lock is on a directory that every
# host has, so that it leaves nothing behind.
begin() {
	[ -n "$R" ] || am_root || die "must be root"
	if [ -n "$apply" ] && command -v flock >/dev/null && [ -d "$R${STATE%/*}" ]; then
		exec 9<"$R${STATE%/*}"
		flock -n 9 || die "another bootstrap is at work here: wait for it"
	fi
	echo "bootstrap $what, on $(uname -n)${R:+, below $R}:"
}

# How a run on a host ends.
finish() {
	if [ -n "$check" ] && [ "$changes" != 0 ]; then
		problem "$changes thing(s) above are not so yet (would ...)"
	fi
	if [ "$problems" != 0 ]; then
		echo "$problems problem(s)."
		exit 1
	fi
	if [ -n "$check" ]; then
		echo "All is as it should be."
	elif [ "$changes" = 0 ]; then
		echo "Nothing to do: all is so already."
	elif [ -z "$apply" ]; then
		echo "Nothing was changed.  Add --apply to do it."
	else
		echo "Done."
	fi
	exit 0
}
