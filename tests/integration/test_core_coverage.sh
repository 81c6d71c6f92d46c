#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: the unit tests take every branch of the core (contrib/core/files) both ways, but
# for the lines that contrib/core/branches.except names with a reason.  And the operators
# of contrib/mutate make the mistakes that they are named for.
set -u
: "${abs_top_builddir:=$PWD}" "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
if grep -q __asan_init "$abs_top_builddir/src/breakglass" 2>/dev/null; then
	echo "skip: branches are counted in a build without sanitizers"
	exit 77
fi
failed=0
got=$("$abs_top_srcdir/contrib/mutate" --list --only chain "$abs_top_builddir") || failed=1
for want in 'relational: < -> <=' 'logic: || -> &&' 'return: return true; -> return false;' \
    'drop: put_hex(head, h); -> ;' 'off-by-one: 15 -> 16' 'negate: (!sha256) -> (!(!sha256))' \
    'constant-0: (!sha256) -> (0)' 'constant-1: (!sha256) -> (1)'; do
	case $got in
	*"$want"*) ;;
	*)
		echo "FAILED - no such mutant of chain.c: $want"
		failed=1
		;;
	esac
done
"$abs_top_srcdir/contrib/coverage" --core "$abs_top_builddir"
rc=$?
[ $rc -eq 77 ] && exit 77
[ $rc -eq 0 ] && [ $failed -eq 0 ]
