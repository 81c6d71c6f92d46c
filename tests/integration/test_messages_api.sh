#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The scripted Messages API, which other tests trust, keeps its word.
set -u
here=${srcdir:-$(dirname "$0")/../..}

command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
exec python3 -B "$here/tests/fakes/test_messages_api.py"
