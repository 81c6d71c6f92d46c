#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Every recorded answer of the Messages API through the whole driver: what the
# turn becomes of it.  Where the answer is cut, the next one is "asked again".
set -u
. "$(dirname "$0")/api_lib.sh"
fixtures=$here/tests/fixtures/claude-api

# how each one ends: outcome, stop, requests, and an event that must have come
expected="
01-plain-text               ok     end_turn      1 text
02-text-tool-split-escape   ok     end_turn      2 tool-end.toolu_
03-parallel-tools           ok     end_turn      2 tool-end.toolu_
04-thinking-signature       ok     end_turn      2 thinking
05a-refusal-midstream       failed refusal       1 text
06-max-tokens-in-tool       ok     end_turn      2 trouble.*length.limit
07a-overloaded-midstream    ok     end_turn      2 text.[0-9]*.cut.Looking.at.the
08a-cut-mid-event-clean     ok     end_turn      2 text.[0-9]*.cut
08b-cut-mid-event-fin       ok     end_turn      2 text.[0-9]*.cut
08d-cut-before-message-delta ok    end_turn      2 text
09a-crlf                    ok     end_turn      1 text
10-ping-storm               ok     end_turn      1 text
11a-unknown-events          ok     end_turn      1 text.*Known.text..More
11c-sse-fields              ok     end_turn      1 text
13-empty-text               ok     end_turn      1 trouble.*without.a.word
15-pause-turn               ok     end_turn      2 text.*Searching
16-context-window           ok     end_turn      2 trouble.*context
17-stop-sequence            ok     stop_sequence 1 text.*state:.ok
19-fallback-block-beta      ok     end_turn      1 text.*Answer.from.the.fallback
20-compaction-beta          ok     end_turn      1 text.*Continuing
"
replies=$(echo "$expected" | while read -r name _; do
	[ -n "$name" ] && printf '{"match":{"user":"%s"},"sse":"%s/%s.sse"},' "$name" "$fixtures" "$name"
done)
endpoint vendor '"check":false,"replies":['"${replies%,}"'],"default":{"text":"asked again"}'
section vendor vendor
api_rig
while read -r name outcome stop requests seen; do
	[ -n "$name" ] || continue
	before=$(requests vendor | wc -l)
	ask "$name"
	events " done $outcome $stop " || fail "$name: $(event ' done ')"
	events "$seen" || fail "$name: no event /$seen/"
	n=$(($(requests vendor | wc -l) - before))
	[ $n = "$requests" ] || fail "$name: $n requests"
done <<<"$expected"
# Nothing of all that makes a request that the API refuses.
endpoint vendor '"default":{"text":"clean"}'
ask and now
events 'done ok end_turn' || fail "the conversation after them all: $(event ' done ')"
stop_rig
