#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: through a real sshd only the six bare words are done; each other command is
# exit 2, one constant reply, one log line of printable ASCII, and no qm call.
set -u
. "$(dirname "$0")/pve_lib.sh"
make_site
make_sshd
start_vm
ssh_open || exit 99

reply="rejected: send exactly one of status, forensics, start, stop, reset, cycle"
count=0
while IFS=$'\t' read -r name hex verdict; do
	case $name in "#"*) continue ;; esac
	[ "$hex" = - ] && hex=
	payload=$(printf '%b' "$(sed 's/../\\x&/g' <<<"$hex")"; echo x)
	payload=${payload%x}
	# an empty command is a shell request for ssh; sshd has no other way to say it
	lines=$(log_lines)
	calls=$(wc -l <"$T/qm.calls")
	if [ -n "$payload" ]; then
		said=$(ssh_pve -- "$payload" 2>&1 </dev/null)
	else
		said=$(ssh_pve 2>&1 </dev/null)
	fi
	rc=$?
	vm_pid >>"$T/pids"
	count=$((count + 1))
	new=$(($(log_lines) - lines))
	[ $new = 1 ] || fail "$name: one log line" "got $new"
	if [ "$verdict" = ok ]; then
		[ $rc = 0 ] || fail "$name is accepted" "rc $rc" "$said"
		[ "$(grep -c '^#bg result' <<<"$said")" = 1 ] || fail "$name runs once"
		continue
	fi
	[ $rc = 2 ] || fail "$name: exit 2" "rc $rc"
	[ "$said" = "$reply" ] || fail "$name: constant reply" "$said"
	[ "$(wc -l <"$T/qm.calls")" = "$calls" ] || fail "$name: qm was called"
done <"$abs_top_srcdir/tests/fixtures/verb-injection-exec.tsv"
echo "$count commands tried"
check "the corpus was read" [ $count -gt 70 ]
check "no control byte in the log" eval '! LC_ALL=C grep -q "[^ -~]" "$T/log/breakglass.log"'
check "no long line in the log" eval '[ "$(wc -L <"$T/log/breakglass.log")" -lt 500 ]'

# the environment of the client is nobody's
said=$(LC_BREAKGLASS='$(touch '"$T"'/PWNED)' ssh_pve -o SendEnv='LC_* LANG' status 2>&1)
check "a client's LC_* changes nothing" eval 'grep -q "^#bg result verb=status rc=0" <<<"$said" && [ ! -e "$T/PWNED" ]'
said=$(ssh_pve -s -- sftp 2>&1 </dev/null)
rc=$?
check "a subsystem is refused" eval '[ $rc != 0 ] && ! grep -q "#bg" <<<"$said"'

# a site file that is wrong must not be half used
echo "quorum = no" >>"$T/site"
said=$(pve status 2>&1)
rc=$?
check "an unknown key in the site file is an error" eval '[ $rc = 1 ] && grep -q "unknown key" <<<"$said"'
finish
