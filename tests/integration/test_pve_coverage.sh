#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: the unit tests take every branch of the request check, of the verb table's
# look-up and of the log escaper, both ways.  Fewer than 100 % is a failure.
set -u
: "${abs_top_builddir:=$PWD}" "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
src=$abs_top_srcdir
command -v gcc >/dev/null && command -v gcov >/dev/null || { echo "skip: no gcc with gcov"; exit 77; }
pkg-config --exists criterion || { echo "skip: no Criterion"; exit 77; }

T=$(mktemp -d) || exit 99
trap 'rm -rf "$T"' EXIT
cd "$T" || exit 99
host="request escape log proc site probe"
files=
for f in $host; do files="$files $src/src/host/$f.c"; done
# shellcheck disable=SC2046,SC2086
gcc -std=gnu11 -O0 --coverage -D_GNU_SOURCE -DVERSION='"x"' -I"$src/src" -o cover $files \
	"$src/tests/unit/test_host_request.c" "$src/tests/unit/test_host_escape.c" \
	$(pkg-config --cflags --libs criterion) || exit 99
./cover >cover.log 2>&1 || { cat cover.log; echo "the unit tests fail"; exit 1; }

failed=0
for f in host/request.c host/escape.c wire/verbs.h; do
	# what a file includes is measured with it: take its own lines
	gcov -b -c -s "$src/src" -r ./*.gcno >gcov.log 2>&1
	branches=$(awk -v f="'$f'" '$1 == "File" { ours = $2 == f } ours && /^Taken at least once/ { print; exit }' gcov.log)
	case $branches in
	"Taken at least once:100.00%"*) echo "ok - $f: ${branches#*:}" ;;
	*)
		failed=1
		echo "FAILED - $f: ${branches:-no branch was seen}"
		grep -B 3 -E "branch +[0-9]+ (taken 0|never)" "$(basename $f).gcov" 2>/dev/null | head -n 40
		;;
	esac
done
exit $failed
