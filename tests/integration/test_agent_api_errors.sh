#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Each class of error at one endpoint: what is waited for, what is not, and words
# with something to do.
set -u
. "$(dirname "$0")/api_lib.sh"

# 1. What time may mend is asked again, visibly.
endpoint vendor '"replies":[
  {"match":"busy","error":529,"repeat":2},{"match":"busy","text":"through"},
  {"match":"five","error":500},{"match":"five","text":"through"},
  {"match":"html","error":{"status":502,"html":true}},{"match":"html","text":"through"},
  {"match":"limit","error":{"status":429,"retry_after":2}},{"match":"limit","text":"through"},
  {"match":"bare","error":{"status":429}},{"match":"bare","text":"through"},
  {"match":"always","error":529,"repeat":"forever"}]'
section vendor vendor
api_rig
for what in busy five html bare; do
	ask $what
	events 'done ok end_turn' && events 'state waiting\|vendor: .*retry 1 of' ||
		fail "$what: $(event ' done ')"
done
ask limit
events 'done ok' && events 'state waiting\|.*429.*in 2\.[0-9] s' || fail "429: $(event waiting)"
events 'waits [12][0-9][0-9][0-9] ms, 1 of [0-9]' || fail "no countdown"
waited=$(($(when ' done ') - $(when 'state waiting')))
[ $waited -ge 1900 ] || fail "retry-after: only $waited ms were waited"
ask always
events 'done failed api_error .*vendor: .*\|.' || fail "529 for ever: $(event ' done ')"
[ "$(requests vendor .user | grep -c always)" = 4 ] || fail "$(requests vendor .user | grep -c always) attempts"

# 2. What no time mends is said at once, with what to do, and is asked for once only.
endpoint vendor '"replies":[
  {"match":"forbidden","error":403},{"match":"unknown","error":404},
  {"match":"large","error":413,"repeat":"forever"},{"match":"limit","error":{"status":429,"retry_after":600}},
  {"match":"spent","error":{"status":429,"error_code":"enforced_spend_limit_reached"}},
  {"match":"credit","error":402},
  {"match":"bad","error":{"status":400,"message":"messages.3: no such thing"}},
  {"match":"moved","error":{"status":302,"body":""},"headers":{"location":"http://127.0.0.1:1/"}},
  {"match":"fine","text":"fine"}]'
for what in forbidden unknown spent credit bad moved limit; do
	ask $what
	events 'done failed [a-z_]+ .*\|vendor: .+\|.' || fail "$what: $(event ' done ')"
	[ "$(requests vendor .user | grep -c $what)" = 1 ] || fail "$what was asked for again"
	took=$(($(when ' done ') - $(when 'state working')))
	[ $took -lt "$(at_pace 1500)" ] || fail "$what: told after $took ms"
	echo "$what: $(event ' done ' | cut -d'|' -f2-)"
done
ask large
events 'done failed context .*fills the model' || fail "413: $(event ' done ')"
[ "$(requests vendor .user | grep -c 'large"$')" = 3 ] || fail "413: $(requests vendor .user | grep -c 'large"$') requests"
ask fine
events 'done ok' || fail "the turn after errors: $(event ' done ')"
last_request vendor | jq -e '[.body.messages[].role] == ["user","system"] or [.body.messages[].role] == ["user"]' >/dev/null ||
	fail "prompts that failed are left: $(last_request vendor | jq -c '[.body.messages[].role]')"

# 3. A cut answer: what was shown is marked, it is asked for again; twice is enough.
endpoint vendor '"replies":[
  {"match":"clean","blocks":[{"text":["half ",{"cut":"clean"}]}]},{"match":"clean","text":"whole"},
  {"match":"fin","blocks":[{"text":["half ",{"cut":"fin","mid_event":true}]}]},{"match":"fin","text":"whole"},
  {"match":"rst","blocks":[{"text":["half ",{"wait_ms":50},{"cut":"rst"}]}]},{"match":"rst","text":"whole"},
  {"match":"event","blocks":[{"text":["half "]},{"error":"overloaded_error"}]},{"match":"event","text":"whole"},
  {"match":"json","blocks":[{"text":["half ",{"malformed":true}]}]},{"match":"json","text":"whole"},
  {"match":"tool","blocks":[{"tool":"Bash","parts":["{\"command\":\"ssh devvm touch /x\"}",{"cut":"fin"}]}]},{"match":"tool","text":"whole"},
  {"match":"twice","repeat":2,"blocks":[{"text":["half ",{"cut":"fin"}]}]},
  {"match":"early","repeat":2,"blocks":[{"cut":"fin"}]},{"match":"early","text":"whole"}]'
for what in clean fin rst json; do
	ask $what
	events 'done ok' && events 'text 0 cut half' && events 'text 1 whole' || fail "$what: $(event ' done ')"
done
ask event
events 'done ok' && events 'text [0-9] whole' || fail "error event: $(event ' done ')"
ask tool
events 'done ok' && events 'text [0-9] whole' || fail "cut call: $(event ' done ')"
events 'run [0-9]' && fail "a cut call was run"
ask twice
events 'done failed' || fail "cut twice: $(event ' done ')"
[ "$(requests vendor .user | grep -c twice)" = 2 ] || fail "cut after text: asked $(requests vendor .user | grep -c twice) times"
ask early
events 'done ok' || fail "cut before anything was shown: $(event ' done ')"
stop_rig

# 4. Silence: before the headers, in the middle, and bytes without events.
endpoint vendor '"replies":[
  {"match":"before","stall":true},{"match":"before","text":"whole"},
  {"match":"middle","blocks":[{"text":["half ",{"stall":true}]}]},{"match":"middle","text":"whole"},
  {"match":"trickle","blocks":[{"text":["half ",{"raw":"x"},{"wait_ms":200},{"raw":"x"},{"wait_ms":200},{"raw":"x"},{"wait_ms":200},{"raw":"x"},{"wait_ms":200},{"raw":"x"},{"wait_ms":200},{"raw":"x"},{"stall":true}]}]},{"match":"trickle","text":"whole"}]'
api_rig RIG_IDLE_MS=500 RIG_EVENT_MS=700 RIG_QUIET_MS=200
for what in before middle trickle; do
	ask $what
	events 'done ok' && events 'text [01] whole' || fail "$what: $(event ' done ')"
	[ $what = trickle ] || events 'waits: quiet for [0-9]* ms' || fail "$what: silence is not told"
done
events 'text 0 cut half' || fail "trickle: not cut"
stop_rig

# 5. A body that is no stream: one JSON message is taken, a page of HTML is not.
endpoint vendor '"replies":[
  {"match":"page","error":{"status":200,"html":true}},{"match":"page","error":{"status":200,"html":true},"repeat":"forever"}]'
api_rig
ask page
events 'done failed .*\|vendor: ' || fail "HTML: $(event ' done ')"

# 6. Nobody there: told within a second, and the next prompt works when it is back.
down vendor
ask anybody
events 'done failed unreachable .*vendor: .*\|.' || fail "nobody: $(event ' done ')"
[ $(($(when ' done ') - $(when 'state working'))) -lt "$(at_pace 1000)" ] || fail "nobody: told too late"
endpoint vendor '"default":{"text":"back"}'
ask again
events 'done ok' || fail "it is back: $(event ' done ')"

# 7. A wrong key: said at once; a new one in the file is noticed without a restart.
echo sk-ant-wrong >"$dir/key"
ask wrong
events 'done failed api_error .*vendor: .*\|.' || fail "401: $(event ' done ')"
[ "$(requests vendor .refused | grep -c -v null)" -le 2 ] || fail "401 was asked again and again"
echo "$key" >"$dir/key"
ask right
events 'done ok' || fail "a new key: $(event ' done ')"
stop_rig

# 8. Signed thinking that the endpoint no longer takes is dropped, once.
endpoint vendor '"bind":true,"replies":[{"match":"one","thinking":"hm","text":"first"}]'
api_rig
ask one
endpoint vendor '"bind":true,"replies":[{"match":"two","text":"second"}]' # another secret
ask two
events 'done ok' || fail "thinking: $(event ' done ')"
last_request vendor | jq -e '[.body.messages[].content | arrays | .[].type] | index("thinking") == null' >/dev/null ||
	fail "thinking is still sent"

# 9. Betas that are not enabled: the request is made without them.
endpoint vendor '"betas":[],"default":{"text":"plain"}'
ask betas
events 'done ok' || fail "betas: $(event ' done ')"
last_request vendor | jq -e '.headers["anthropic-beta"] == null' >/dev/null || fail "betas are still sent"
stop_rig
