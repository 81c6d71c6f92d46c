#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# readme_hosts.sh FILE: runs each line of FILE, as test_readme.py has taken it from the
# documents, as the operator on a machine of its own with a real sshd.  A line is the
# exit status that is expected, a blank, and a command.  Prints one line for each.
set -u
# shellcheck source=/dev/null
. "$(dirname "$0")/bootstrap_lib.sh"
# shellcheck source=/dev/null
. "$(dirname "$0")/bootstrap_machine.sh"
export HOME=$T/home
mkdir -m 700 "$HOME" && cd "$HOME" && ln -s "$abs_top_srcdir/contrib" contrib || exit 99
ssh-keygen -q -t ed25519 -N "" -f page || exit 99
export port
failed=0
while read -r want command; do
	bash -c "${command//PORT/$port}" >"$T/out" 2>&1 </dev/null
	rc=$?
	if [ $rc = "$want" ]; then
		echo "ok - $command"
	else
		echo "FAILED - $command: exit status $rc"
		tail -n 12 "$T/out" | sed 's/^/    | /'
		failed=1
	fi
done <"$1"
exit $failed
