#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: breakglass-pve is one static file that can be copied to a Proxmox host: no
# loader, no library, and nothing in it that could start a shell, load code, or ask a
# name server.
set -u
: "${abs_top_builddir:=$PWD}" "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
pve=$abs_top_builddir/src/host/breakglass-pve
lib=$abs_top_builddir/src/host/libhost.a
[ -x "$pve" ] || { echo "no $pve: run make first"; exit 99; }
command -v readelf >/dev/null && command -v nm >/dev/null || { echo "skip: no binutils"; exit 77; }
failed=0
check() { if eval "$2"; then echo "ok - $1"; else echo "FAILED - $1"; failed=1; fi; }

# what our own code asks of the C library, the program's and the archive's
asked=$(nm -u "$lib" "$abs_top_builddir"/src/host/pve.o 2>/dev/null | awk '{ print $NF }' | sed 's/@.*//' | sort -u)
check "the list of what it calls was read" '[ "$(wc -l <<<"$asked")" -gt 40 ]'
for bad in system popen execlp execvp execvpe posix_spawnp wordexp dlopen dlsym getaddrinfo \
	gethostbyname getpwnam getpwuid getgrnam iconv_open setlocale strcat gets mktemp tmpnam; do
	check "no $bad" '! grep -qx "$bad" <<<"$asked"'
done
check "it has the calls that it must have" 'grep -qx execv <<<"$asked" && grep -qx clearenv <<<"$asked"'
# a path to a shell would be a string
check "no shell is named in it" '! strings -a "$pve" | grep -qxE "(/usr)?/bin/(ba|da|z|k)?sh|sh -c"'

if grep -q "^FUZZ_CFLAGS" "$abs_top_builddir/Makefile" &&
	nm "$pve" 2>/dev/null | grep -q __asan_init; then
	echo "this build has the sanitizers: not static"
	exit $failed
fi
check "position independent" 'readelf -h "$pve" | grep -q "Type:.*DYN"'
check "no loader" '! readelf -l "$pve" | grep -q INTERP'
check "no library" '! readelf -d "$pve" | grep -q NEEDED'
check "relocations are read-only, the stack is not executable" \
	'readelf -l "$pve" | grep -q GNU_RELRO && readelf -lW "$pve" | grep GNU_STACK | grep -qv E$'
for bad in getaddrinfo gethostbyname popen do_system __nss_lookup; do
	check "$bad was not linked in either" '! nm "$pve" | awk "{ print \$NF }" | grep -qx "$bad"'
done
# alone in an empty root it runs
if [ "$(id -u)" = 0 ]; then
	root=$(mktemp -d) || exit 99
	trap 'rm -rf "$root"' EXIT
	cp "$pve" "$root/pve"
	check "in an empty root it tells its version" 'chroot "$root" /pve --version | grep -q "^breakglass-pve "'
fi
# of the rest of the tree it includes one file
check "includes wire/verbs.h and nothing else of the tree" \
	'! grep -hE "^#include \"" "$abs_top_srcdir"/src/host/*.[ch] | grep -vE "\"(host/[a-z_]+\.h|wire/verbs\.h)\"" | grep -q .'
exit $failed
