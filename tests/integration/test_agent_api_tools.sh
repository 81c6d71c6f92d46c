#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Tool calls of the API driver: each is answered, in one message, whatever it is.
set -u
. "$(dirname "$0")/api_lib.sh"
work=$dir/run/agent-host/work # where a tool may write

# The results of the request after the tools, by the call's id.
result() { # result ID JQ
	last_request vendor | jq -r --arg id "$1" ".results[] | select(.id == \$id) | $2"
}

# 1. Parallel calls run side by side and are answered together, in one user message.
endpoint vendor '"replies":[
  {"match":"both","blocks":[
    {"text":"Two at once."},
    {"tool":"Bash","id":"toolu_a","input":{"command":"echo one; until [ -e '"$work"'/b ]; do sleep 0.02; done; echo a-saw-b","timeout_ms":null}},
    {"tool":"Bash","id":"toolu_b","input":{"command":"touch '"$work"'/b; echo two; exit 3","timeout_ms":null}}]},
  {"match":{"result":"a-saw-b"},"text":"seen"}]'
section vendor vendor
api_rig
ask both please
events 'done ok end_turn' || fail "parallel: $(event ' done ')"
result toolu_a .content | grep -q 'a-saw-b' || fail "a: $(result toolu_a .content)"
result toolu_b .content | grep -q two || fail "b: $(result toolu_b .content)"
last_request vendor | jq -e '.body.messages[-1] | .role == "user" and [.content[].type] == ["tool_result","tool_result"]' >/dev/null ||
	fail "the results are not one message: $(last_request vendor | jq -c '.body.messages[-1]')"
events 'tool-end toolu_b .*\|3\|' || fail "the exit status: $(event 'tool-end toolu_b')"

# 2. What cannot be run is answered as an error, and the rest is run.
long=$(printf 'x%.0s' $(seq 1 70000))
endpoint vendor '"replies":[
  {"match":"odd","blocks":[
    {"tool":"Teleport","id":"toolu_u","input":{"to":"moon"}},
    {"tool":"Bash","id":"toolu_m","input":{"cmd":"touch '"$work"'/never"}},
    {"tool":"Bash","id":"toolu_t","parts":["{\"command\": 5}"]},
    {"tool":"Bash","id":"toolu_big","input":{"command":"true '"$long"'","timeout_ms":null}},
    {"tool":"Bash","id":"toolu_ok","input":{"command":"echo fine","timeout_ms":null}}]},
  {"match":{"result":"fine"},"text":"so"}]'
ask odd calls
events 'done ok end_turn' || fail "odd calls: $(event ' done ')"
for id in toolu_u toolu_m toolu_t toolu_big; do
	[ "$(result $id .is_error)" = true ] || fail "$id is no error: $(result $id .content | head -c 300)"
	[ -n "$(result $id .content)" ] || fail "$id has no words"
done
[ "$(result toolu_ok .is_error)" = false ] || fail "toolu_ok"
[ ! -e "$work/never" ] || fail "a call with a wrong member was run"

# 3. Input that is no JSON: nothing runs, the model is told; the next turn works.
endpoint vendor '"replies":[
  {"match":"broken","blocks":[
    {"tool":"Bash","id":"toolu_x","parts":["{\"command\": \"touch '"$work"'/never\", }"]},
    {"tool":"Bash","id":"toolu_y","parts":["{\"command\": \"touch '"$work"'/nev"]},
    {"tool":"Bash","id":"toolu_z","parts":["[\"touch '"$work"'/never\"]"]}]},
  {"match":{"result":"Not executed"},"text":"sorry"},
  {"match":"next","text":"well"}]'
ask broken input
events 'done ok end_turn' || fail "broken input: $(event ' done ')"
[ ! -e "$work/never" ] || fail "a broken call was run"
for id in toolu_x toolu_y toolu_z; do
	[ "$(result $id .is_error)" = true ] || fail "$id: $(last_request vendor | jq -c .results)"
done
last_request vendor | jq -e '[.body.messages[] | select(.role == "assistant") | .content[] | select(.type == "tool_use") | .input | type] | unique == ["object"]' >/dev/null ||
	fail "an input that is no object was sent back"
ask next
events 'done ok end_turn' || fail "after broken input: $(event ' done ')"

# 4. A megabyte of input, NUL and lone surrogates are words for the model, no crash.
python3 - "$work" "$key" >"$dir/big.json" <<'PY'
import json, sys
d = sys.argv[1]
big = "a" * (1024 * 1024)
print(json.dumps({"replies": [
    {"match": "mega", "blocks": [
        {"tool": "Bash", "id": "toolu_1", "split": 50000, "input": {"command": "echo " + big, "timeout_ms": None}},
        {"tool": "Bash", "id": "toolu_2", "parts": ['{"command":"touch %s/never\\u0000x","timeout_ms":null}' % d]},
        {"tool": "Bash", "id": "toolu_3", "parts": ['{"command":"echo \\ud800 x","timeout_ms":null}']}]},
    {"default": 0, "match": {"result": "."}, "text": "ok"}]})[1:-1].replace('"default": 0, ', ''))
PY
endpoint vendor "$(cat "$dir/big.json")"
ask mega
events 'done ok end_turn' || fail "mega: $(event ' done ' | head -c 600)"
[ "$(result toolu_1 .is_error)$(result toolu_2 .is_error)" = truetrue ] || fail "mega: no errors"
[ ! -e "$work/never" ] || fail "a command with NUL was run"

# 5. The other tools, over the workspace.
endpoint vendor '"replies":[
  {"match":"files","blocks":[
    {"tool":"Glob","id":"toolu_g","input":{"pattern":"**","path":null}},
    {"tool":"Read","id":"toolu_r","input":{"path":"../../../etc/passwd","offset":null,"limit":null}},
    {"tool":"Grep","id":"toolu_p","input":{"pattern":"x","path":null,"glob":null}}]},
  {"match":{"result":"."},"text":"ok"}]'
ask files
events 'done ok end_turn' || fail "files: $(event ' done ')"
[ "$(result toolu_r .is_error)" = true ] || fail "a file outside of the workspace was read"
result toolu_r .content | grep -q root: && fail "passwd was read"
stop_rig

# 6. A model that calls for ever meets the absolute limit.
endpoint vendor '"default":{"tool":"Nothing","input":{}}'
api_rig
mark
say prompt forever
expect 60 ' done failed budget .*200 times'
stop_rig
