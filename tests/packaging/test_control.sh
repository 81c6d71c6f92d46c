#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck disable=SC2016,SC2317 # expanded by other shells; called by check
# Goal: what packaging/debian and packaging/systemd say agrees with the rest of the tree.
set -u
: "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
cd "$abs_top_srcdir" || exit 99
deb=packaging/debian
failed=0
ok() { echo "ok - $1"; }
check() { # check TEXT COMMAND...: it must succeed
	local t=$1 out
	shift
	if out=$("$@" 2>&1); then ok "$t"; else echo "FAILED - $t"; printf '%s\n' "$out" | sed 's/^/    | /'; failed=1; fi
}
# field NAME [PACKAGE]: a field of the source, or of a package, one word a line
field() {
	awk -v f="$1:" -v p="${2-}" '
	/^Package:/ { now = $2 }
	/^[A-Za-z-]*:/ { on = $1 == f && now == p; sub(/^[^:]*:/, "") }
	on { gsub(/\([^)]*\)|<[^>]*>|:any/, ""); gsub(/[,|]/, "\n"); print }' $deb/control | tr -d ' \t' | grep .
}
same() { diff <(printf '%s\n' "$1" | sort -u) <(printf '%s\n' "$2" | sort -u); }

version=$(sed -n 's/^AC_INIT(\[breakglass\], \[\(.*\)\])/\1/p' configure.ac)
check "the changelog is of the version in configure.ac" grep -q "^breakglass ($version-" $deb/changelog

libs=$(contrib/deps list build | cut -f2 | grep -e '-dev$' | grep -v '^libc6-dev$')
check "a library of contrib/deps is a Build-Depends, and none more" \
    same "$libs" "$(field Build-Depends | grep -e '-dev$' | grep -v criterion)"
lab=$(for f in Depends Recommends Suggests; do field $f breakglass-lab; done)
# shellcheck disable=SC2016
check "what the lab needs comes with breakglass-lab" bash -c 'printf "%s\n" "$1" | grep -vxF "$2"; test $? -eq 1' \
    bash "$(contrib/deps list lab | cut -f2)" "$lab"

listed=$(sed -n 's,.*\(packaging/debian/[^ ]*\).*,\1,p' packaging/module.am | grep -v ' copies ' | sort -u)
check "every file of packaging/debian is in the archive" same "$listed" "$(find $deb -type f | sort)"
# by whoever packs for developers alone, or with pictures that are not in a package
others='assurance|bootstrap|container|kubernetes|screen|walks'
check "every document is in a package" same \
    "$(find docs -maxdepth 1 -name '*.md' | grep -vE "^docs/($others)\.md$")" \
    "$(sort -u $deb/breakglass.docs | grep ^docs/)"
check "every page is in a package" test "$(find man -name '*.[158]' | wc -l)" = \
    "$(($(find man -name '*.[15]' | wc -l) + $(sed -n 's,debian/tmp/usr/share/man/man8/,,p' $deb/*.manpages | wc -l)))"

# the licences: whatever says that somebody else has rights in it
foreign=$(grep -rlE 'Copyright.*[0-9]{4}' --include='*' . 2>/dev/null | sed 's,^\./,,' |
	grep -vE '^(\.git|autom4te\.cache|_build|_inst|build|build-[^a][^/]*|tests/fixtures|packaging/debian)/' |
	grep -vxF tests/packaging/test_control.sh |
	xargs grep -lE 'Free Software Foundation|X Consortium|Copyright \([cC]\)' |
	grep -vE '~$|^config.h.in$|^m4/')
# shellcheck disable=SC2016
check "every file of others is in debian/copyright" bash -c 'rc=0; for f in $1; do
	awk "/^Files:/ { on = 1; sub(/^Files:/, \"\") } /^Copyright:/ { on = 0 } on" packaging/debian/copyright |
		tr " " "\n" | grep -qxF "$f" || { echo "$f"; rc=1; }
	done; exit $rc' bash "$foreign"

for u in breakglass breakglass-engine; do
	unit=packaging/systemd/$u.service.in
	for line in 'ExecStart=@bindir@/breakglass engine' NoNewPrivileges=yes KillMode=mixed Restart=always \
	    'RestrictNamespaces=user mnt net' UMask=0077 LimitCORE=0; do
		check "$u.service: $line" grep -qxF "$line" $unit
	done
	check "$u.service takes nothing from the sandbox" bash -c \
	    '! grep -nE "^(SystemCallFilter=.*@(mount|privileged|resources)|PrivateUsers|ProtectProc|MemoryDenyWriteExecute)" "$1"' \
	    bash $unit
done
check "neither is enabled or started by an installation" grep -q 'dh_installsystemd --no-enable --no-start --no-stop-on-upgrade' $deb/rules
exit $failed
