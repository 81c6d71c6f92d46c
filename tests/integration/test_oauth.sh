#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A subscription's OAuth token: claude has it in its environment, and nobody has it in
# an argument, a file or a log.  With an API key, or with an address of the site's own,
# claude does not get it at all.
set -u
. "$(dirname "$0")/agent_lib.sh"
token=sk-ant-oat01-for-claude-alone-0123456789

# A claude that writes down what it was given, and then waits.
cat >"$dir/claude" <<END
#!/bin/sh
[ "\$1" = --version ] && { echo "2.1.0 (stand-in)"; exit; }
env >"\$TMPDIR/env.new"
mv "\$TMPDIR/env.new" "\$TMPDIR/env"
sleep 300 &
wait
END
chmod 700 "$dir/claude"

# given NAME=VALUE...: starts the rig with it; what claude was given is in env and args
given() {
	rm -f "$dir/env" "$dir/args"
	start_rig RIG_CLAUDE="$dir/claude" "$@"
	say start
	wait_for 10 test -s "$dir/run/agent-host/tmp/env" || fail "claude was not started"
	mv "$dir/run/agent-host/tmp/env" "$dir/env"
	pid=$(pgrep -o -f "$dir/claude -p") # not a child of its before it is another program
	host=$(pgrep -o -f "agent-host --socket $dir/run")
	tr '\0' '\n' <"/proc/$pid/cmdline" >"$dir/args"
	tr '\0' '\n' <"/proc/$host/cmdline" >"$dir/host-args"
	tr '\0' '\n' <"/proc/$host/environ" >"$dir/host-env"
	grep -qF "$token" "$dir/args" "$dir/host-args" "$dir/host-env" "$dir/log" "$dir/events" &&
		fail "the token is where all can see it: $(grep -lF "$token" "$dir"/*)"
	grep -rqF "$token" "$dir/run" && fail "the token is in a file"
}

given RIG_OAUTH=$token
grep -qx "CLAUDE_CODE_OAUTH_TOKEN=$token" "$dir/env" || fail "claude has no token"
grep -q apiKeyHelper "$dir/args" && fail "a key helper, and no key"
grep -q ANTHROPIC_UNIX_SOCKET "$dir/env" && fail "its organisation's settings would not come"
stop_rig

given RIG_OAUTH=$token RIG_KEY=sk-ant-api-0123456789
grep -q CLAUDE_CODE_OAUTH_TOKEN "$dir/env" && fail "a key, and the token all the same"
grep -q apiKeyHelper "$dir/args" || fail "no key helper"
grep -qx "ANTHROPIC_UNIX_SOCKET=$dir/run/agent-host/api.sock" "$dir/env" || fail "no relay"
stop_rig

given RIG_OAUTH=$token RIG_URL=http://127.0.0.1:1
grep -q CLAUDE_CODE_OAUTH_TOKEN "$dir/env" && fail "the token would go to another address"
stop_rig
echo "test_oauth: ok"
