#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A turn of the API driver is cancelled in each of its states, within 250 ms, and
# the conversation goes on after it.
set -u
. "$(dirname "$0")/api_lib.sh"

nap=30$$ # seconds, of no other test's sleep
endpoint vendor '"replies":[
  {"match":"^headers","stall":true},
  {"match":"^text","blocks":[{"text":["half ",{"stall":true}]}]},
  {"match":"^tool","blocks":[{"tool":"Bash","id":"toolu_t","input":{"command":"echo begun; ssh devvm exec sleep '"$nap"'0","timeout_ms":null}}]},
  {"match":"^many","blocks":[
     {"tool":"Bash","id":"toolu_1","input":{"command":"echo quick","timeout_ms":null}},
     {"tool":"Bash","id":"toolu_2","input":{"command":"echo slow; ssh devvm exec sleep '"$nap"'1","timeout_ms":null}},
     {"tool":"Bash","id":"toolu_3","input":{"command":"trap \"\" TERM INT; sleep '"$nap"'2","timeout_ms":null}}]},
  {"match":"^again","error":{"status":429,"retry_after":5}},
  {"match":"^second","tool":"Bash","input":{"command":"echo ran","timeout_ms":null}},
  {"match":{"result":"ran"},"blocks":[{"text":["half ",{"stall":true}]}]}],
  "default":{"text":"still here"}'
section vendor vendor
# A helper that never answers, for the state before the request.
cat >"$dir/helper" <<H
#!/bin/sh
exec sleep ${nap}3
H
chmod +x "$dir/helper"
cp "$dir/conf" "$dir/conf.all"
printf '[endpoint slow]\nkind = vendor\nurl = http://127.0.0.1:%s\nmodel = claude-opus-5-5\nkey_helper = %s\n' \
    "${ports[vendor]}" "$dir/helper" >>"$dir/conf"
api_rig

works() {
	ask hello
	events 'done ok' && events 'text 0 still here' || fail "the turn after: $(event ' done ')"
}

mark
say prompt headers
wait_for 5 grep -q '"user": "headers' "$dir/vendor.jsonl" || fail "not asked"
cancelled_in "before the headers"
works
last_request vendor | jq -e '[.body.messages[] | select(.role == "assistant")] == []' >/dev/null || fail "headers: something is left"
last_request vendor | jq -e '.body.messages | tostring | test("was interrupted by the operator")' >/dev/null || fail "the model is not told"

mark
say prompt text
expect 5 'delta 0 0 half'
cancelled_in "in a text"
events 'text 0 cut half' || fail "the half text"
works

mark
say prompt tool
expect 5 "run [0-9]+ devvm exec sleep ${nap}0"
expect 5 'tool-output toolu_t 1 begun'
wait_for 5 pgrep -xf "sleep ${nap}0" || fail "the command does not run"
cancelled_in "during a command"
expect 5 'run-abandoned'
works
last_request vendor | jq -e '.body.messages | tostring | test("Interrupted by the operator after [^;]*; output so far:.*begun")' >/dev/null ||
	fail "the interrupted tool's result: $(last_request vendor | jq -c '.body.messages[-3:]')"

mark
say prompt many
expect 5 'tool-output toolu_2 1 slow'
expect 5 'tool-end toolu_1'
wait_for 5 pgrep -xf "sleep ${nap}1" || fail "the second command does not run"
wait_for 5 pgrep -xf "sleep ${nap}2" || fail "the third command does not run"
cancelled_in "during parallel tools"
works
last_request vendor | jq -e '[.body.messages[] | .content | arrays | .[] | select(.type == "tool_result") | .tool_use_id] | (index("toolu_1") and index("toolu_2") and index("toolu_3"))' >/dev/null ||
	fail "not every call has its result"
wait_for 5 eval '! pgrep -f "sleep ${nap}[012]"' || fail "what a tool started lives on"

mark
say prompt again
expect 5 'state waiting'
cancelled_in "in back-off"
works

mark
say prompt second answer
expect 5 'delta [0-9] 0 half'
cancelled_in "in a text after tools"
works
last_request vendor | jq -e '.body.messages | tostring | test("ran")' >/dev/null || fail "the result of a cancelled turn is lost"

say prefer slow
mark
say prompt credential
expect 5 'state working'
wait_for 5 pgrep -f "sleep ${nap}3" || fail "the helper was not asked"
cancelled_in "while the credential is got"
say prefer vendor
works

# At once: before anything has begun.
mark
printf 'prompt early\ncancel\n' >"$dir/both"
cat "$dir/both" >&7 # in one write: no answer comes in between
cancel_came "at once"
works
# Twice, and with no turn: nothing.
say cancel
say cancel
works
stop_rig

# The first choice is looked at before the turn: that can be cancelled, too.
mv "$dir/conf.all" "$dir/conf"
endpoint lan '"profile":"portable","default":{"text":"from lan"}'
section lan portable
endpoint vendor '"probe":{"stall":true},"replies":[{"error":402}],"default":{"text":"still here"}'
api_rig RIG_PROBE_MS=5000 RIG_FRESH_MS=1
ask away
events 'text [0-9] from lan' || fail "not away: $(event ' done ')"
mark
say prompt choose
wait_for 5 grep -q '/v1/models' "$dir/vendor.jsonl" || fail "no probe"
cancelled_in "during a probe"
stop_rig
