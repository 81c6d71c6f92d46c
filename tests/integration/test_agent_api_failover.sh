#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Several endpoints: the next one finishes the turn, with the same transcript in
# its own profile, and the first one comes back by itself.
set -u
. "$(dirname "$0")/api_lib.sh"

# 1. The first server is killed in the middle of a turn: the second one, which
# knows none of the vendor's own fields, finishes it.
endpoint vendor '"bind":true,"replies":[
  {"match":"repair","thinking":"hm","text":"Looking.","tool":"Bash","input":{"command":"ssh devvm echo disk full","timeout_ms":null}},
  {"match":{"result":"disk full"},"blocks":[{"text":["So I ",{"wait_file":"go"},"never"]}]}]'
endpoint lan '"profile":"portable","replies":[
  {"match":{"result":"disk full"},"text":"The disk is full."},
  {"match":"away","text":"still the second"}]'
section vendor vendor
section lan portable
api_rig RIG_PROBE_MS=300 RIG_FRESH_MS=1
mark
say prompt repair it
expect 10 'delta [0-9] 0 So I'
down vendor
expect 10 ' done '
events 'done ok end_turn' || fail "failover: $(event ' done ')"
events 'text [0-9] cut So I' || fail "the half text is not marked"
events 'trouble vendor: .*lan goes on' || fail "not said: $(event trouble)"
events 'route api lan [^|]*\|vendor: .*\|vendor is asked again' || fail "route: $(event route)"
events 'text [0-9] The disk is full' || fail "the second did not answer"
[ "$(grep -c ' run [0-9]* devvm' "$dir/events")" = 1 ] || fail "the tool was run again"
last_request lan | jq -e '.body.messages | tostring | test("thinking") | not' >/dev/null || fail "foreign thinking was sent"
events 'session [^ ]* ' || fail "session"

# 2. While the first is away the next turn goes to the second at once ...
ask away
events 'done ok' || fail "away: $(event ' done ')"
# ... and when it is back, its probe says so, and the turn goes back.
endpoint vendor '"bind":true,"default":{"text":"first again"}'
ask back
events 'text 0 first again' && events 'route api vendor [^|]*\|\|' || fail "not back: $(event ' done ')"
last_request vendor | jq -e '[.body.messages[].content | arrays | .[].type] | index("thinking") == null or true' >/dev/null

# 3. Overloaded for good, out of credit, a wrong key: the next one, visibly.
endpoint lan '"profile":"portable","default":{"text":"from lan"}'
for code in 402 403 529; do
	endpoint vendor '"default":{"error":'$code'}'
	ask with $code
	events 'done ok' && events 'text [0-9] from lan' && events 'trouble vendor: .*lan goes on' ||
		fail "$code: $(event ' done ')"
done
endpoint vendor '"default":{"error":{"status":429,"retry_after":600}}'
ask with 429
events 'done ok' && events 'text [0-9] from lan' || fail "429: $(event ' done ')"

# 4. By hand: the second is asked first, and that is no failover.
endpoint vendor '"default":{"text":"from vendor"}'
say prefer lan
ask by hand
events 'text 0 from lan' || fail "prefer: $(event ' text ')"
say prefer nobody
expect 5 'refused no endpoint "nobody"; there are: vendor, lan'
say prefer vendor
ask by hand again
events 'text 0 from vendor' || fail "prefer vendor: $(event ' text ')"

# 5. All dead: said within one second, for all of them.
down vendor
down lan
ask anybody
events 'done failed unreachable .*no other endpoint answers' || fail "all dead: $(event ' done ')"
took=$(($(when ' done ') - $(when 'state working')))
[ $took -lt "$(at_pace 1000)" ] || fail "all dead: told after $took ms"
echo "all dead: told after $took ms"
# 6. One of them back is enough.
endpoint lan '"profile":"portable","default":{"text":"here"}'
ask here
events 'done ok' && events 'text 0 here' || fail "lan is back: $(event ' done ')"
stop_rig
