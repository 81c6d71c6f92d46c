#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: each check of the tree fails on what it is there to find.  A copy of the
# tree is spoilt, in many ways at once where the check names each; it must fail and do so.
set -u
top=$(cd "${1:-${srcdir:-.}}" && pwd) || exit 99
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
failed=0

mkdir "$tmp/tree"
(cd "$top" && tar -cf - --exclude='*.o' --exclude='*.a' --exclude=.git \
    bootstrap .ci ./*.md src docs man build-aux contrib agents packaging tests) | tar -C "$tmp/tree" -xf - || exit 99
chmod -R u+w "$tmp/tree"

# passes CHECK: an unspoilt copy
passes() {
	"$top/build-aux/$1" "$tmp/tree" >"$tmp/out" 2>&1 && { echo "ok   $1 passes as it is"; return; }
	echo "FAIL $1 does not pass on an unspoilt copy:"
	sed 's/^/     | /' "$tmp/out" | head -n 20
	failed=1
}
# finds CHECK WORDS: the spoilt copy fails, and WORDS are in what it says
finds() {
	local check=$1 words=$2
	if "$top/build-aux/$check" "$tmp/tree" >"$tmp/out" 2>&1; then
		echo "FAIL $check did not see: $words"
		failed=1
	elif ! grep -qF -e "$words" "$tmp/out"; then
		echo "FAIL $check failed, but did not say: $words"
		sed 's/^/     | /' "$tmp/out" | head -n 5
		failed=1
	else
		echo "ok   $check: $words"
	fi
}
# fresh: what was spoilt is as it was
touched=() words=()
fresh() {
	for file in "${touched[@]}"; do
		cp "$top/$file" "$tmp/tree/$file" || exit 99
	done
	touched=() words=()
}
# spoil FILE SED WORDS: FILE changed so in the copy, and WORDS must be said of it
spoil() {
	cp "$tmp/tree/$1" "$tmp/saved" || exit 99
	sed -i -E "$2" "$tmp/tree/$1"
	cmp -s "$tmp/tree/$1" "$tmp/saved" && { echo "FAIL $1 has nothing like $2"; failed=1; }
	touched+=("$1")
	words+=("$3")
}
# include FILE HEADER: FILE with one more include, which must be told with its line
include() {
	printf '#include %s\n' "$2" >>"$tmp/tree/$1"
	touched+=("$1")
	words+=("$1:$(wc -l <"$tmp/tree/$1"): $2: ")
}
# all CHECK: what was spoilt is told, each of it; then the copy is fresh again
all() {
	"$top/build-aux/$1" "$tmp/tree" >"$tmp/out" 2>&1 && { echo "FAIL $1 passes"; failed=1; }
	for word in "${words[@]}"; do
		grep -qF -e "$word" "$tmp/out" && { echo "ok   $1: $word"; continue; }
		echo "FAIL $1 did not say: $word"
		failed=1
	done
	fresh
}

passes check-includes
include src/base/buf.c '"wire/json.h"'
include src/base/buf.c '<uv.h>'
include src/wire/frame.c '"engine/hub.h"'
include src/engine/hub.c '"console/console.h"'
include src/engine/hub.c '<json-c/json.h>'
include src/engine/hub.c '<libssh/libssh.h>'
include src/engine/hub.c '<curses.h>'
include src/engine/hub.c '<openssl/sha.h>'
include src/record/show.c '<archive.h>'
include src/record/show.c '"engine/hub.h"'
include src/host/pve.c '"base/buf.h"'
include src/host/pve.c '"wire/messages.h"'
include src/agent/shim.c '"base/err.h"'
include src/agent/launcher.c '"agent/host.h"'
include src/agent/files.c '"base/err.h"'
include src/agent/host_args.c '"engine/remote/broker.h"'
include src/main.c '"engine/engine.h"'
include src/main.c '<unistr.h>'
all check-includes

passes check-architecture
echo 'int x;' >"$tmp/tree/src/base/stray.c"
finds check-architecture '`stray.c`'
rm "$tmp/tree/src/base/stray.c" "$tmp/tree/src/base/clock.c"
finds check-architecture src/base/clock.c
cp "$top/src/base/clock.c" "$tmp/tree/src/base/clock.c" || exit 99

passes check-tables
spoil src/wire/messages.def 's/^FACT\(NOTE, "note"/FACT(NOTE, "novel"/' novel
spoil src/base/options.def 's/^OPTION\(model, STR, "BREAKGLASS_MODEL"/OPTION(model, STR, "BREAKGLASS_NOVEL"/' \
    BREAKGLASS_NOVEL
spoil src/base/options.def 's/"120",$/"121",/' 'Default: 121.'
spoil src/wire/verbs.def '/"cycle"/s/240/250/' '250 s'
all check-tables
# a row that a page lacks, of each table
spoil man/breakglass.conf.5 '/^\.It Ic model$/d' 'no item for model'
spoil man/breakglass.conf.5 '/^\.It Ic wif_rule$/d' 'ENDPOINTS, has no item for wif_rule'
spoil man/breakglass.1 '/^\.It Ic stop$/d' 'no item for the verb stop'
spoil man/breakglass-pve.8 '/^\.It Ic reset$/d' 'no item for the verb reset'
spoil man/breakglass.1 's/^\.It Ctrl-O /.It /' 'no item for the key Ctrl-O'
spoil man/breakglass.1 '/^\.It F12 /d' 'no item for the key F12'
spoil man/breakglass.1 '/^\.It Ic who$/d' 'no item for the command who'
spoil src/command_line.c 's/"offline"/"off-line"/' 'does not name the option --off-line'
spoil man/breakglass-journal.5 '/^\.It Ic verdict$/d' 'no item for the message verdict'
spoil man/breakglass-journal.5 '/^\.It Ic unlock$/d' 'no item for the message unlock'
spoil man/breakglass-journal.5 '/^\.It Ic relay$/d' 'no item for the message relay'
spoil man/breakglass-journal.1 's/^(\.It Ic) Home , End/\1 End/' 'does not name the key Home'
spoil contrib/breakglass.conf.example '/^#model =/d' 'is not what src/base/options.def says'
all check-tables
# an item that no table has any more
spoil man/breakglass.conf.5 's/^\.It Ic model$/.It Ic modell/' 'has modell'
spoil man/breakglass.1 's/^(\.It Ic) stop$/\1 halt/' 'has the verb halt'
spoil man/breakglass.1 's,^\.It /drop ,.It /dropp ,' 'has the key /dropp'
spoil man/breakglass.1 's/^(\.It Ic) who$/\1 whom/' 'has the command whom'
spoil man/breakglass-journal.5 's/^(\.It Ic) delta$/\1 deltas/' 'has the message deltas'
spoil src/wire/messages.def 's/(FACT\(NOTE, "note"), 1/\1, 0/' 'no item for the message note'
spoil contrib/breakglass.conf.example 's/^(#idle_lock =) 10/\1 11/' '> #idle_lock = 11'
all check-tables

command -v mandoc >/dev/null && passes check-man
spoil man/breakglass-runbook.5 's/^\.Ed$//' 'inserting missing end of block'
spoil man/breakglass.1 's/^\.Xr breakglass-pve 8/.Xr breakglass-pv 8/' 'breakglass-pv 8 is no page'
spoil man/breakglass.1 '/^\.Sh ENVIRONMENT/d' 'no section ENVIRONMENT'
spoil man/module.am 's,man/breakglass-runbook.5,,' 'not in man/module.am'
all check-man

passes check-links
spoil README.md 's,docs/screen.md,docs/scream.md,g' 'docs/scream.md leads nowhere'
spoil README.md 's,contrib/build-deb,contrib/build-debs,' 'there is no contrib/build-debs'
spoil README.md 's/breakglass-journal\(1\)/breakglass-journal(7)/' 'breakglass-journal(7)'
all check-links

passes check-style
spoil src/base/buf.c '$s/$/ /' 'white space at the end'
spoil src/base/err.c 1d 'src/base/err.c:1: the first line is not the SPDX line'
all check-style

passes check-portable
spoil src/engine/hub.c '$aint f(void) { return memfd_create("x", 0); }' 'src/engine/hub.c: memfd_create'
spoil src/record/outfile.c 's/renameat2\(/renameat(/' 'src/record/outfile.c: it does not need its row'
all check-portable

cp "$top/configure.ac" "$top/NEWS" "$top/ChangeLog" "$tmp/tree/"
passes check-version
sed -i '1s/(\([0-9.]*\)-/(9.9.9-/' "$tmp/tree/packaging/debian/changelog"
finds check-version 'packaging/debian/changelog begins with 9.9.9'
sed -i 's/^[0-9]*\.[0-9]*\.[0-9]* /9.9.8 /' "$tmp/tree/NEWS"
finds check-version 'NEWS begins with 9.9.8'

# programs, spoilt by their compiler
spoilt() { # spoilt WORDS FLAG...: a program that was linked with these is named for it
	local told=$1
	shift
	printf '#include <stdio.h>\n#include <string.h>\nint main(int c, char **v) { char b[64]; strcpy(b, v[c - 1]); return puts(b); }\n' >"$tmp/p.c"
	# shellcheck disable=SC2086
	${CC:-gcc} -O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE -pie -Wl,-z,relro,-z,now "$@" "$tmp/p.c" -o "$tmp/p" 2>/dev/null || exit 99
	if "$top/build-aux/check-hardening" "$tmp/p" >"$tmp/out" 2>&1; then
		[ -z "$told" ] && { echo "ok   check-hardening passes as it is"; return; }
	elif [ -n "$told" ] && grep -qF "$told" "$tmp/out"; then
		echo "ok   check-hardening: $told"
		return
	fi
	echo "FAIL check-hardening: ${told:-a hard program}"
	sed 's/^/     | /' "$tmp/out"
	failed=1
}
spoilt ''
spoilt 'no PIE' -fno-pie -no-pie
spoilt 'no BIND_NOW' -Wl,-z,lazy
spoilt 'no RELRO' -Wl,-z,norelro
spoilt 'an executable stack' -Wl,-z,execstack
spoilt 'no stack protector' -fno-stack-protector
spoilt 'no FORTIFY' -U_FORTIFY_SOURCE
spoilt 'an RPATH' -Wl,-rpath,/nowhere
# a static one, of two objects, in a build of its own
mkdir "$tmp/b"
printf 'print-flags:\n\t@echo -D_FORTIFY_SOURCE=2\nprint-installed:\n\t@echo p\nprint-static:\n\t@echo p:p.o q.o\n' >"$tmp/b/Makefile"
printf '#include <stdio.h>\nvoid q(char *s) { char b[64]; snprintf(b, 64, "%%s", s); printf("%%s", b); }\n' >"$tmp/b/q.c"
printf '#include <stdio.h>\nvoid q(char *);\nint main(int c, char **v) { char b[64]; sprintf(b, "%%s", v[c - 1]); q(b); return 0; }\n' >"$tmp/b/p.c"
statics() { # statics WORDS FLAGS_OF_P FLAGS_OF_Q
	local rc
	for o in "p $2" "q $3"; do
		# shellcheck disable=SC2086
		${CC:-gcc} -O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE ${o#* } -c "$tmp/b/${o%% *}.c" -o "$tmp/b/${o%% *}.o" || exit 99
	done
	${CC:-gcc} -static-pie -Wl,-z,relro,-z,now "$tmp/b/p.o" "$tmp/b/q.o" -o "$tmp/b/p" || exit 99
	(cd "$tmp/b" && "$top/build-aux/check-hardening") >"$tmp/out" 2>&1
	rc=$?
	if { [ -z "$1" ] && [ $rc -eq 0 ]; } || { [ -n "$1" ] && [ $rc -eq 1 ] && grep -qF "$1" "$tmp/out"; }; then
		echo "ok   check-hardening, static: ${1:-passes as it is}"
		return
	fi
	echo "FAIL check-hardening, static: ${1:-a hard program}"
	sed 's/^/     | /' "$tmp/out"
	failed=1
}
statics '' '' ''
statics 'no FORTIFY in its objects' -U_FORTIFY_SOURCE -U_FORTIFY_SOURCE
statics 'no FORTIFY in q.o (printf)' '' -U_FORTIFY_SOURCE
statics 'no stack protector in its objects' -fno-stack-protector -fno-stack-protector
exit $failed
