# SPDX-License-Identifier: GPL-3.0-or-later
#
# Sourced by the tests of the API driver: agent_lib.sh, and any number of
# scripted endpoints.
. "$(dirname "$0")/agent_lib.sh"

command -v jq >/dev/null || { echo "skipped: no jq; apt-get install jq"; exit 77; }
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
key=sk-ant-test-never-seen-hQ7wZk3mXv
umask 077
echo "$key" >"$dir/key"
declare -A pids ports

# endpoint NAME JSON [ARG...]: a scripted API on a port of its own, from the
# members of JSON; again with the same name: another script on the same port.
endpoint() {
	local name=$1 json=$2 port
	shift 2
	down "$name"
	printf '{"api_key":"%s",%s}' "$key" "$json" >"$dir/$name.json"
	rm -f "$dir/$name.port" "$dir/$name.jsonl"
	"$here/tests/fakes/messages-api" --scenario "$dir/$name.json" \
	    --port-file "$dir/$name.port" --record "$dir/$name.jsonl" --raw \
	    ${ports[$name]:+--port ${ports[$name]}} "$@" 2>>"$dir/err-api" &
	pids[$name]=$!
	hold="$hold ${pids[$name]}"
	wait_for 10 test -s "$dir/$name.port" ||
		fail "the scripted API did not start: $(cat "$dir/err-api")"
	ports[$name]=$(cat "$dir/$name.port")
}

down() {
	[ -n "${pids[$1]:-}" ] || return 0
	kill -9 "${pids[$1]}"
	wait "${pids[$1]}" 2>/dev/null
	pids[$1]=''
}

# section NAME KIND [LINE...]: an endpoint of the configuration.
section() {
	local name=$1 kind=$2
	shift 2
	printf '[endpoint %s]\nkind = %s\nurl = http://127.0.0.1:%s\nmodel = claude-opus-5-5\nkey_file = %s\n' \
	    "$name" "$kind" "${ports[$name]}" "$dir/key" >>"$dir/conf"
	[ $# = 0 ] || printf '%s\n' "$@" >>"$dir/conf"
}

# The API driver with the endpoints of $dir/conf; again: after stop_rig.
api_rig() {
	start_rig RIG_DRIVER=api BREAKGLASS_LIBEXEC_DIR="$agent" BREAKGLASS_CONFIG="$dir/conf" RIG_RETRY_MS=20 "$@"
	say start
	expect 5 'state ready'
}

# One prompt to its end; "ask TEXT" then look with events, event.
ask() {
	mark
	say prompt "$*"
	expect 15 ' done '
}

# requests NAME [JQ]: what the endpoint was sent (POST /v1/messages only).
requests() {
	jq -c "select(.method == \"POST\") | ${2:-.}" "$dir/$1.jsonl"
}
last_request() { requests "$1" | tail -n 1; }

when() { local e; e=$(event "$1"); echo "${e%% *}"; } # ms of the last such event
# cancelled_in WHERE: the turn that is cancelled now ends in time.
cancelled_in() {
	say cancel
	cancel_came "$1"
}
cancel_came() {
	local ms
	expect 10 ' done cancelled'
	ms=$(($(when ' done ') - $(when ' cancelling')))
	[ $ms -le "$(at_pace 250)" ] || fail "cancelled $1 after $ms ms"
	echo "cancelled $1 after $ms ms"
}
