#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The pinned claude still behaves as agent-host relies on.  After a change of
# build-aux/claude-version, this is the first test to look at.
set -u
here=${srcdir:-$(dirname "$0")/../..}

command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
cache=${XDG_CACHE_HOME:-${HOME:-}/.cache}/breakglass/claude
claude=${BREAKGLASS_CLAUDE:-$cache/$(cat "$here/build-aux/claude-version")/claude}
if ! [ -x "$claude" ]; then
	echo "skipped: no $claude; contrib/fetch-claude fetches it"
	exit 77
fi
BREAKGLASS_CLAUDE=$claude exec python3 -B "$here/tests/integration/claude_cli.py"
