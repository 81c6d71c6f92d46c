#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The CLI driver and agent-host with no claude, and with programs in its place
# that die, hang, print garbage, or do not obey.  Needs no real claude.
set -u
. "$(dirname "$0")/agent_lib.sh"
nap=65$$ # seconds, of no other test's sleep

# fake BODY: a claude that tells its version and then does what BODY says.
fake() {
	cat >"$dir/claude" <<X
#!/bin/bash
[ "\$1" = --version ] && { echo "9.9.9 (Claude Code)"; exit; }
ready() { read -r line; echo '{"type":"control_response","response":{"subtype":"success","request_id":"initialize-1","response":{}}}'; }
$1
X
	chmod 755 "$dir/claude"
}
# What the sandbox lets it write; emptied for each claude, but .claude* in its home.
out=$dir/run/agent-host/tmp
start() { start_rig RIG_KEY=sk-ant-test RIG_CLAUDE="$dir/claude" RIG_GRACE_MS=300 "$@"; }

# None at all, none that runs, no key: said, with what to do; a prompt is refused with it.
start_rig RIG_KEY=sk-ant-test RIG_CLAUDE="$dir/missing"
say start
expect 10 'state unavailable\|claude cannot be run: .*missing is not a program.*\|install claude'
mark
say prompt hello
expect 5 'refused claude cannot be run'
stop_rig
start_rig RIG_KEY=sk-ant-test PATH=/usr/bin:/bin HOME=/nonexistent XDG_CACHE_HOME=
expect 10 'state unavailable\|claude cannot be run: claude is not installed here'
stop_rig
echo 'not a program' >"$dir/claude"; chmod 755 "$dir/claude"
start
expect 10 'state unavailable\|claude cannot be run: .* does not run here'
stop_rig
fake 'ready; sleep 600'
start_rig RIG_CLAUDE="$dir/claude"
expect 10 'state unavailable\|there is no API key\|.*chmod 600.*api_key_file'
mark
say prompt hello
expect 5 'refused there is no API key'
stop_rig

# What it is started with: nothing of ours.
fake 'env | sort >'"$out"'/env; pwd >'"$out"'/pwd; printf "%s\n" "$@" >'"$out"'/args; ready; cat >'"$out"'/stdin'
start SECRET_OF_OURS=1 SSH_AUTH_SOCK=/x
say prompt '/clear "quoted" @/etc/passwd'
wait_for 10 test -s "$out/stdin" || fail "the prompt did not arrive"
grep -qE 'SECRET|SSH_AUTH|ANTHROPIC_API' "$out/env" && fail "environment: $(cat "$out/env")"
grep -q "^PATH=$agent/shim:/usr/bin:/bin$" "$out/env" || fail "PATH: $(grep PATH "$out/env")"
[ "$(cat "$out/pwd")" = "$dir/run/agent-host/work" ] || fail "folder"
grep -q clear "$out/args" && fail "an operator's text is in the arguments"
python3 - "$out/stdin" <<'X' || fail "the prompt's line: $(cat "$out/stdin")"
import json, sys
m = json.loads(open(sys.argv[1]).readline())
assert m["message"]["content"] == '/clear "quoted" @/etc/passwd' and m["client_composed"] is True
X
# It does not answer and does not obey: interrupt, TERM, KILL; the cancel is told all the same.
say cancel
expect 5 ' done cancelled'
stop_rig

# It ignores even TERM.
fake 'trap "" TERM INT; ready; while :; do sleep 1; done'
start
say start
expect 5 'state ready'
say prompt hello
expect 5 'state working'
pid=$(sed -n 's/.*claude 1 is pid \([0-9]*\)$/\1/p' "$dir/log" | tail -n 1)
say cancel
expect 5 ' done cancelled'
wait_for 5 eval "! kill -0 $pid" || fail "it survived KILL"
expect 5 'state starting'
stop_rig

# It dies at once: three tries, then no more until somebody asks.
fake 'echo x >>~/.claude-starts; echo "cannot open frobnicator" >&2; exit 3'
starts=$dir/run/agent-host/home/.claude-starts
rm -f "$starts"
start
say start
expect 10 'state unavailable\|claude ended \(exit 3\): cannot open frobnicator\|'
[ "$(wc -l <"$starts")" = 3 ] || fail "$(wc -l <"$starts") starts"
mark
say prompt try again
expect 10 ' done failed died'
[ "$(wc -l <"$starts")" = 4 ] || fail "a prompt is one more try, not $(wc -l <"$starts")"
stop_rig

# It prints garbage, a line of 2 MB, a line without an end, and what it must not ask.
fake 'ready; echo "Segmentation fault"; head -c 2000000 /dev/zero | tr "\0" x; echo
      printf "\xff\xfe\n{}\n[]\n{\"type\":7}\n"; read -r line
      echo "{\"type\":\"control_request\",\"request_id\":\"q\",\"request\":{\"subtype\":\"can_use_tool\"}}"
      read -r line; echo "$line" >'"$out"'/answer
      echo "{\"is_error\":false,\"type\":\"result\",\"subtype\":\"success\",\"terminal_reason\":\"completed\"}"
      printf "{\"type\":\"half"; exit 0'
start
say prompt hello
expect 10 ' done ok completed'
grep -q '"request_id":"q".*decides nothing' "$out/answer" || fail "its question: $(cat "$out/answer")"
expect 5 'state starting'
stop_rig

# A flood: the driver takes it all and stays quick.
fake 'ready; read -r line; for i in $(seq 300); do head -c 65536 /dev/zero | tr "\0" "\n"; done
      head -c 20000000 /dev/zero | tr "\0" y; echo
      echo "{\"is_error\":false,\"type\":\"result\",\"subtype\":\"success\",\"terminal_reason\":\"completed\"}"; cat'
start
say prompt hello
expect 20 ' done ok completed'
stop_rig

# agent-host ends what it started when it is told to end, detached or not.
fake 'ready; setsid sleep '$nap'3 & (setsid sleep '$nap'4 &) ; echo $! >'"$out"'/left; cat'
start
say start
expect 5 'state ready'
wait_for 5 eval 'pgrep -x -f "sleep ${nap}[34]" | wc -l | grep -qx 2' || fail "the detached did not start"
stop_rig
wait_for 5 eval '! pgrep -x -f "sleep ${nap}[34]"' || fail "detached processes live on"

# A start-up file that the agent left for its next shell is removed before the next claude.
fake 'ready; read -r line; echo "ssh() { echo mine; }" >~/.bashrc; echo x >~/.claude.json
      mkdir .git ~/.config; echo x >.git/config; exit 0'
start
say start
say prompt hello
expect 5 ' done failed died'
mark
expect 5 'state ready'
[ -e "$dir/run/agent-host/home/.bashrc" ] && fail "the shell's start-up file is still there"
[ -n "$(ls -A "$dir/run/agent-host/work")" ] && fail "the folder is not empty for the next claude"
[ -e "$dir/run/agent-host/home/.claude.json" ] || fail "claude's own memory is gone"
stop_rig

# The key: told once to each claude, to its own session only, and never to what it sets apart.
helper="$agent/key-helper $dir/run/agent-host/key.sock"
fake 'setsid '"$helper"' >'"$out"'/apart 2>&1; sh -c "'"$helper"'" >'"$out"'/first
      '"$helper"' >'"$out"'/second 2>&1; ready; cat'
start
say start
expect 5 'state ready'
[ "$(cat "$out/first")" = sk-ant-test ] || fail "claude is not told the key: $(cat "$out/first")"
grep -q 'no API key for this process' "$out/apart" || fail "another session: $(cat "$out/apart")"
grep -q 'no API key for this process' "$out/second" || fail "told twice: $(cat "$out/second")"
$helper >"$dir/o" 2>&1 && fail "a stranger was told: $(cat "$dir/o")"
stop_rig

# agent-host is killed: what its claude had detached is found and ended by the next one.
fake 'ready; setsid sleep '$nap'5 & cat'
start
say start
expect 5 'state ready'
wait_for 5 eval 'pgrep -x -f "sleep ${nap}5" >"$dir/stray"' || fail "no stray"
mark
kill -9 "$(pgrep -o -f "agent-host --socket $dir/run")"
expect 5 'state unavailable\|agent-host ended: signal 9'
expect 10 'state ready'
wait_for 5 eval '[ ! -e "/proc/$(cat "$dir/stray")/exe" ]' || fail "a stray outlives the next agent-host"
stop_rig

# --wait (a container of its own): it comes back to the next engine, and no claude waits with it.
fake 'ready; cat'
mkdir -m 700 "$dir/pod"
timeout 180 python3 - "$agent/agent-host" "$dir" <<'X' || fail "--wait"
import json, os, socket, subprocess, sys, time
host, base = sys.argv[1:]
path = base + "/pod/agent.sock"
p = subprocess.Popen([host, "--socket", path, "--dir", base + "/pod/host", "--claude",
                      base + "/claude", "--wait"])
try:
    for turn in range(2):
        door = socket.socket(socket.AF_UNIX)
        door.bind(path)
        door.listen()
        door.settimeout(60)
        s = door.accept()[0]
        s.settimeout(60)
        f = s.makefile("rw")
        def say(**m):
            f.write(json.dumps(m) + "\n")
            f.flush()
        assert json.loads(f.readline())["role"] == "agent-host"
        say(t="welcome", v=1)
        m = json.loads(f.readline())
        assert m["t"] == "host" and m["version"] == "9.9.9", m
        say(t="child_start", child=7, session="u", agent="a", agents="{}", tools="Bash")
        m = json.loads(f.readline())
        assert m["t"] == "child_started" and m["child"] == 7, m
        say(t="child_start", child=8, session="u", agent="a", agents="{}", tools="Bash")
        m = json.loads(f.readline())
        assert m["t"] == "child_exit" and "another" in m["why"], m
        for bad in ("nonsense", "{}", '{"t":"child_input"}', '{"t":"child_signal","child":9}'):
            f.write(bad + "\n")
        say(t="child_input", child=7, data="probe\n")
        m = json.loads(f.readline())
        assert m["t"] == "child_output" and "initialize-1" in m["data"], m
        pid = int(subprocess.check_output(["pgrep", "-o", "-f", base + "/claude -p"]).split()[0])
        os.unlink(path)
        f.close(); s.close(); door.close()
        end = time.monotonic() + 30
        while os.path.exists("/proc/%d/exe" % pid):
            assert time.monotonic() < end, "claude outlives its engine"
            time.sleep(0.02)
finally:
    p.terminate()
    p.wait(60)
X

# Folders that are not ours alone are refused, with the mend.
mkdir -p "$dir/run2/agent-host"; chmod 700 "$dir/run2"; chmod 755 "$dir/run2/agent-host"
# rig_says PATTERN ARGUMENT...: a rig that is let go when it has said so
rig_says() {
	local pattern=$1 pid
	shift
	rm -f "$dir/let-go"
	mkfifo "$dir/let-go"
	RIG_KEY=x "$rig" "$@" <"$dir/let-go" >"$dir/o" 2>&1 &
	pid=$!
	exec 8>"$dir/let-go"
	wait_for 10 grep -q "$pattern" "$dir/o" || fail "no $pattern: $(cat "$dir/o")"
	exec 8>&-
	wait $pid
}
rig_says 'agent-host ended: .*chmod 700' "$dir/run2" "$agent" "$here/agents"
chmod 755 "$dir/run2/agent"
"$rig" "$dir/run2" "$agent" "$here/agents" </dev/null >"$dir/o" 2>&1
[ $? = 99 ] && grep -q 'chmod 700' "$dir/o" || fail "an open agent folder: $(cat "$dir/o")"
# No launcher there.
rig_says 'state unavailable|.*/nonexistent/launcher cannot be started' "$dir/run3" /nonexistent \
    "$here/agents"
echo "every broken claude is told and outlived"
