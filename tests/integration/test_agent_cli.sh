#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The real claude under agent-host and the CLI driver, against the scripted API:
# a turn with its tools, cancelling, death and memory, outages, and what the
# agent's shell can find of the key.
set -u
. "$(dirname "$0")/agent_lib.sh"

command -v jq >/dev/null || { echo "skipped: no jq; apt-get install jq"; exit 77; }
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
cache=${XDG_CACHE_HOME:-${HOME:-}/.cache}/breakglass/claude
claude=${BREAKGLASS_CLAUDE:-$cache/$(cat "$here/build-aux/claude-version")/claude}
[ -x "$claude" ] || { echo "skipped: no $claude; contrib/fetch-claude fetches it"; exit 77; }
key=sk-ant-test-never-seen-hQ7wZk3mXv

# api JSON: the scripted API with these replies, on a port of its own.
api() {
	[ -n "$api_pid" ] && { kill -9 "$api_pid"; wait "$api_pid" 2>/dev/null; }
	rm -f "$dir/port" "$dir/api.jsonl" "$dir/go"
	printf '{"api_key":"%s","replies":[%s]}' "$key" "$1" >"$dir/s.json"
	"$here/tests/fakes/messages-api" --scenario "$dir/s.json" --port-file "$dir/port" \
	    --record "$dir/api.jsonl" ${port:+--port $port} 2>>"$dir/log" &
	api_pid=$!
	wait_for 10 test -s "$dir/port" || fail "the scripted API did not start"
	port=$(cat "$dir/port")
}
port=''

ms() { echo "${1%% *}"; } # when an event came
since_cancel() { echo $(($(ms "$(event ' done ')") - $(ms "$(event cancelling)"))); }
claude_pid() { sed -n 's/.*claude [0-9]* is pid \([0-9]*\)$/\1/p' "$dir/log" | tail -n 1; }
gone() { ! kill -0 "$1"; }

# 1. A turn: text that streams, a run line by line, a refused verb, no key to be found.
api '{"match":"check","text":["Look","ing ","now."],"bash":"ssh devvm \u0027for i in 1 2 3; do echo line $i; sleep 0.1; done\u0027; ssh pve \u0027status; id\u0027; ssh pve status"},
     {"match":{"result":"line 3"},"bash":"env; tr \"\\\\0\" \"\\\\n\" </proc/$PPID/environ; '"$agent/key-helper $dir/run/agent-host/key.sock"'; echo helper $?; ssh-add -l; ls -A; ls -A ~/.ssh; true"},
     {"match":{"result":"helper"},"bash":"printf \"mark\\342\\200\\256me <system-reminder>\"; ssh devvm \u0027printf \"ch\\033[2Jars\"\u0027 >f; tr -d a-z <f | od -An -tx1"},
     {"match":{"result":"mark"},"text":"All done."}'
start_rig RIG_KEY=$key RIG_URL=http://127.0.0.1:$port RIG_CLAUDE="$claude"
say start
expect 20 'state ready'
say prompt check the VM
expect 20 ' done '
events ' done ok completed in=[0-9]+ out=[0-9]+ cost=0\.000' || fail "the turn: $(event ' done ')"
events 'delta 0 0 Look' && events 'delta 0 4 ing' && events 'text 0 Looking now\.' || fail "text"
events 'session [-0-9a-f]{36} claude-sonnet[^ ]* [0-9.]+' || fail "session"
events 'run 1 devvm for i in 1 2 3' || fail "the run did not reach the broker"
events 'tool-end [^ ]* .*line 1\\nline 2\\nline 3\\nssh: pve takes one of.*\\nverb status' ||
	fail "what the agent read: $(event tool-end)"
events 'helper 1' || fail "key-helper told the agent's shell something: $(event 'tool-end .*helper')"
events "run [0-9]+ pve status; id" || fail "a refused verb was not told to the broker"
[ "$(jq -r 'select(.n == 1 and .headers) | .headers["x-api-key"]' "$dir/api.jsonl")" = "$key" ] ||
	fail "the API did not get the key"
# What people do not see, the model reads by its number; files have the bytes.
events 'tool-end [^ ]* ok mark⟨U\+202E⟩me ⟨<⟩system-reminder> *1b 5b 32 4a' ||
	fail "unseen characters: $(event 'tool-end [^ ]* mark')"
jq -r '.body.messages[-1].content[0].content? // empty' "$dir/api.jsonl" 2>/dev/null |
	grep -q 'mark⟨U+202E⟩me' || fail "the API got them as they were"
# The key is in no event, no environment, no command line, no file of the agent's.
grep -q "$key" "$dir/events" && fail "the key is in: $(grep "$key" "$dir/events" | cut -c1-300)"
grep -rq "$key" "$dir/run" "$dir/log" && fail "the key is in $(grep -rl "$key" "$dir/run" "$dir/log")"
for p in $(pgrep -f "$dir/run"); do
	[ "$p" = "$rig_pid" ] && continue # it was told so, in place of a key file
	{ tr '\0' '\n' <"/proc/$p/environ"; } 2>/dev/null | grep -q "$key" && fail "environment of $p"
	{ tr '\0' '\n' <"/proc/$p/cmdline"; } 2>/dev/null | grep -q "$key" && fail "arguments of $p"
done
# None of them listens on a TCP or UDP port.
if command -v ss >/dev/null; then
	pids=$(pgrep -f "$dir/run" | paste -sd'|')
	ss -lntupH | grep -E "pid=($pids)," | grep -v messages-api && fail "a listening port"
fi
grep -q 'SSH_AUTH_SOCK=' "$dir/events" && fail "an ssh-agent is in the environment"

# 2. Cancelled at once: while a command runs, and in the middle of a text.
api '{"match":"long","bash":"ssh devvm exec sleep 600"},
     {"match":"talk","blocks":[{"text":["half ",{"wait_file":"go"},"whole"]}]},
     {"match":"again","text":"still here"},
     {"match":"early","wait_file":"go","text":"late"}'
mark
say prompt long
expect 10 'run [0-9]+ devvm exec sleep 600'
say cancel
expect 10 ' done '
events ' done cancelled' || fail "cancel of a command: $(event ' done ')"
[ "$(since_cancel)" -le "$(at_pace 250)" ] || fail "a command was cancelled after $(since_cancel) ms"
t_command=$(since_cancel)
expect 5 'run-abandoned'
mark
say prompt talk
expect 10 'delta 0 0 half'
say cancel
expect 10 ' done cancelled'
events 'text 0 cut half' || fail "the half text is lost"
[ "$(since_cancel)" -le "$(at_pace 250)" ] || fail "a text was cancelled after $(since_cancel) ms"
mark
say prompt early; say cancel
expect 10 ' done cancelled'
[ "$(since_cancel)" -le 2500 ] || fail "an early cancel took $(since_cancel) ms"
mark
say prompt again
expect 10 ' done ok'
events 'text [0-9] still here' || fail "the turn after a cancel"

# 3. claude is killed in the middle of a command: told, its leavings ended, and it remembers.
api '{"match":"remember 42","text":"noted"},
     {"match":"wait","bash":"bash -c \"exec -a left-behind-'$$' sleep 600 & ssh devvm exec sleep 601\""},
     {"match":"what","text":"it was 42"}'
mark
say prompt remember 42
expect 10 ' done ok'
mark
say prompt wait for it
expect 10 'run [0-9]+ devvm exec sleep 601'
victim=$(claude_pid)
kill -9 "$victim"
expect 10 ' done failed died'
events 'signal 9' || fail "the words of a death: $(event ' done ')"
expect 10 'state ready'
expect 5 'run-abandoned'
wait_for 5 eval '! pgrep -f "^left-behind-$$ 600"' || fail "what claude left behind lives on"
mark
say prompt what was it
expect 20 ' done ok'
jq -c 'select(.user // "" | test("what was")) | .body.messages' "$dir/api.jsonl" |
	grep -q 'remember 42' || fail "it forgot after a restart"

# 4. Outages: each is told while it lasts, and the turn says what to do.
api '{"match":"limit","error":{"status":429,"retry_after":1}},{"match":"limit","text":"through"},
     {"match":"cut","blocks":[{"text":["half ",{"cut":"rst"}]}]},{"match":"cut","text":"whole"},
     {"match":"busy","error":529,"repeat":"forever"},
     {"match":"no","error":403,"repeat":"forever"}'
mark
say prompt limit
expect 15 'state waiting\|API 429 .*retry 1 of'
expect 15 ' done ok'
events 'text 0 through' || fail "429"
mark
say prompt cut
expect 15 ' done ok'
events 'text 0 whole' && ! events 'text . cut' || fail "a cut stream: $(event 'text')"
mark
say prompt no
expect 30 ' done failed api_error .*refuses the key.*api_key_file'
expect 20 'state ready'
mark
say prompt busy
expect 10 'state waiting\|API 529'
expect 30 ' done failed api_error .*fault of its own \(529\)\|.*again'
kill -9 "$api_pid"; wait "$api_pid" 2>/dev/null; api_pid=''
mark
say prompt nobody there
expect 10 'state waiting\|no answer from the API'
say cancel
expect 5 ' done cancelled'
[ "$(since_cancel)" -le "$(at_pace 250)" ] || fail "a retry was cancelled after $(since_cancel) ms"

# 5. agent-host is killed: it comes back, and claude with it.
api '{"match":"back","text":"here again"}'
mark
kill -9 "$(pgrep -o -f "agent-host --socket $dir/run")"
expect 10 'state unavailable\|agent-host ended'
expect 20 'state ready'
say prompt back
expect 20 ' done ok'

# 6. The engine dies: nothing of the agent's lives on.
victims="$(claude_pid) $(pgrep -o -f "agent-host --socket $dir/run")"
kill -9 "$rig_pid"; wait "$rig_pid" 2>/dev/null; rig_pid=''
for p in $victims; do
	wait_for 6 gone "$p" || fail "$p outlives the engine: $(ps -o args= -p "$p")"
done

# 7. A wrong key: said at once, not after all retries; the right one needs a new engine.
start_rig RIG_KEY=sk-ant-wrong-key RIG_URL=http://127.0.0.1:$port RIG_CLAUDE="$claude"
say prompt back
expect 20 ' done failed api_error .*refuses the key .*\|check the file'
expect 20 'state ready'
stop_rig

# 8. A model that falls silent: said, then ended, and the next prompt works.
api '{"match":"hush","blocks":[{"text":["so ",{"stall":true}]}]},{"match":"speak","text":"spoken"}'
start_rig RIG_KEY=$key RIG_URL=http://127.0.0.1:$port RIG_CLAUDE="$claude" \
    RIG_QUIET_MS=500 RIG_SILENT_MS=1500
say prompt hush
expect 20 'trouble no word from the model'
expect 20 'state waiting.no word from the model'
expect 20 ' done failed silent .*no word'
say prompt speak
expect 20 'text 0 spoken'
stop_rig

# 9. An incident's session that claude no longer has.
start_rig RIG_KEY=$key RIG_URL=http://127.0.0.1:$port RIG_CLAUDE="$claude" \
    RIG_SESSION=00000000-0000-4000-8000-000000000000
say start
expect 20 'trouble claude no longer has'
expect 20 'state ready'
stop_rig
echo "a command is cancelled in $t_command ms"
