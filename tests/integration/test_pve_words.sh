#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: the installed binary knows exactly the words of verbs.def, and names them.
set -u
. "$(dirname "$0")/pve_lib.sh"
make_site
start_vm
words=$(sed -n 's/^VERB([A-Z]*, "\([a-z]*\)".*/\1/p' "$abs_top_srcdir/src/wire/verbs.def")
check "verbs.def has six words" [ "$(wc -w <<<"$words")" = 6 ]
for w in $words; do
	out=$(pve "$w" 2>&1)
	# reset comes after stop here, so its answer is "refused, it does not run"
	check "$w is accepted" eval 'grep -q "^#bg result verb=$w rc=[07] " <<<"$out"'
	vm_pid >>"$T/pids"
done
reply=$(pve nothing 2>&1)
check "the refusal names exactly these words" \
	[ "$(tr -d , <<<"${reply#*one of }" | tr ' ' '\n' | sort)" = "$(sort <<<"$words")" ]
for w in suspend resume shutdown reboot unlock monitor config pending list destroy help; do
	pve "$w" >/dev/null 2>&1
	[ $? = 2 ] || fail "$w is refused"
done
if command -v file >/dev/null; then
	case $(file -b "$PVE") in
	*"statically linked"* | *"static-pie linked"*) ok "the binary is static" ;;
	*) grep -q __asan_init "$PVE" && ok "a sanitizer build is dynamic" || fail "the binary is static" ;;
	esac
fi
check "it says its version" eval '"$PVE" --version | grep -q "^breakglass-pve [0-9]"'
finish
