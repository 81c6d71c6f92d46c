# SPDX-License-Identifier: GPL-3.0-or-later
# screen.sh: what the screen tests share.  Source it; it makes a directory of its own,
# a tmux server of its own, and takes both away again.
set -u
SRC=$(cd "${srcdir:-$(dirname "$0")/../..}" && pwd)
CONSOLE=${CONSOLE:-$PWD/tests/screen/console-main}
command -v tmux >/dev/null || { echo "skipped: tmux is not installed"; exit 77; }
command -v python3 >/dev/null || { echo "skipped: python3 is not installed"; exit 77; }
[ -x "$CONSOLE" ] || { echo "no $CONSOLE: run make check"; exit 99; }
DIR=$(mktemp -d "${TMPDIR:-/tmp}/bgscreen.XXXXXX") || exit 99
ENGINE_PID=
FAILED=0
export LC_ALL=C.UTF-8 TZ=UTC HOME=$DIR

T() { tmux -S "$DIR/tmux" -f /dev/null "$@"; }

clean_up()
{
	[ -n "$ENGINE_PID" ] && kill "$ENGINE_PID" 2>/dev/null
	T kill-server 2>/dev/null
	rm -rf "$DIR"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for()
{
	local end=$(($(date +%s%3N) + $1 * 1000))
	shift
	until "$@"; do
		[ "$(date +%s%3N)" -lt "$end" ] || return 1
		sleep 0.02
	done
}

screen() { T capture-pane -p -t "=$1:"; }
shows() { screen "$1" | grep -qF -- "$2"; }
hides() { ! shows "$1" "$2"; }
asked() { grep -qF -- "$1" "$DIR/requests" 2>/dev/null; }

# expect SESSION TEXT: the screen comes to show it; the end is one for a busy machine.
expect()
{
	wait_for 60 shows "$1" "$2" && return 0
	echo "FAIL: \"$2\" is not on the screen of $1:"
	screen "$1" | sed 's/^/    |/'
	FAILED=1
	return 1
}

expect_gone()
{
	wait_for 60 hides "$1" "$2" && return 0
	echo "FAIL: \"$2\" stays on the screen of $1:"
	screen "$1" | sed 's/^/    |/'
	FAILED=1
}

expect_asked()
{
	wait_for 60 asked "$1" && return 0
	echo "FAIL: the engine was never asked: $1"
	sed 's/^/    |/' "$DIR/requests"
	FAILED=1
}

# heard SESSION: all that was typed there has been read, and who read it waits for more.
heard()
{
	python3 - "$(T display-message -p -t "=$1:" '#{pane_tty}')" <<'END'
import fcntl, os, struct, sys, termios
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
waits = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0" * 4))[0]
number = os.fstat(fd).st_rdev
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        with open("/proc/%s/stat" % pid) as f:
            stat = f.read().rsplit(")", 1)[1].split()
    except OSError:
        continue
    waits += int(stat[4]) == number and stat[0] == "R"
sys.exit(waits != 0)
END
}

# listens SESSION: a box that was seen hears keys by now, an Esc is a key of its own.
listens()
{
	wait_for 60 heard "$1"
	sleep 0.35 # a box is deaf for 0.3 s, by design; an Esc waits shorter for what may follow
}

check()
{
	local what=$1
	shift
	"$@" && return 0
	echo "FAIL: $what"
	FAILED=1
}

# engine: starts the scripted engine; its script comes from standard input.
engine()
{
	cat > "$DIR/script"
	: > "$DIR/requests"
	rm -f "$DIR/engine.sock"
	python3 "$SRC/tests/fakes/fake-engine" "$DIR/engine.sock" "$DIR/script" "$DIR/requests" \
	    2> "$DIR/engine.err" &
	ENGINE_PID=$!
	wait_for 60 test -S "$DIR/engine.sock" || { cat "$DIR/engine.err"; exit 99; }
}

engine_stop()
{
	kill "$ENGINE_PID" 2>/dev/null
	wait "$ENGINE_PID" 2>/dev/null
	ENGINE_PID=
}

# console SESSION COLS ROWS [ENV=...] [-- ARGUMENT...]: in a terminal of its own; when it
# has ended the terminal shows "left with N" and its modes.
console()
{
	local name=$1 cols=$2 rows=$3 vars=
	shift 3
	while [ $# -gt 0 ] && [ "$1" != -- ]; do vars="$vars $1"; shift; done
	[ "${1:-}" = -- ] && shift
	T new-session -d -x "$cols" -y "$rows" -s "$name" \
	    "env $vars $CONSOLE $DIR/engine.sock $* 2>$DIR/stderr.$name; echo left with \$?; stty -a; exec cat"
}

keys() { local s=$1; shift; T send-keys -t "=$s:" "$@"; }
type_text() { T send-keys -t "=$1:" -l -- "$2"; }
raw() { local s=$1; shift; T send-keys -t "=$s:" -H "$@"; }

finish()
{
	check "no sanitizer has complained" sh -c "! grep -l Sanitizer $DIR/stderr.* 2>/dev/null"
	[ $FAILED -eq 0 ] && exit 0
	exit 1
}
