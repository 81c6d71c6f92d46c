#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A journal is shown again in a terminal: every key does what its line of help says,
# nothing is sent and nothing is written.
. "${srcdir:-.}/tests/screen/screen.sh"
CONSOLE=$PWD/src/console/console
[ -x "$CONSOLE" ] || { echo "no $CONSOLE: run make"; exit 99; }
mkdir -p "$DIR/sessions/incidents"
NIGHT=$DIR/sessions/incidents/20260131T031201Z-9f3c.jsonl
python3 "$SRC/tests/screen/replay_night.py" "$NIGHT" || exit 99
sum=$(sha256sum < "$NIGHT")

# replay SESSION COLS ROWS ARGUMENT...: as "breakglass replay" starts it
replay()
{
	local name=$1 cols=$2 rows=$3
	shift 3
	T new-session -d -x "$cols" -y "$rows" -s "$name" \
	    "env TERM=${TERM_NAME:-xterm-256color} $CONSOLE --sessions $DIR/sessions $* 2>$DIR/stderr.$name; echo left with \$?; exec cat"
}
head_of() { T capture-pane -p -t "=$1:" | head -n 1; }
head_shows() { head_of "$1" | grep -qF -- "$2"; }
expect_head()
{
	wait_for 60 head_shows "$1" "$2" && return 0
	echo "FAIL: the first line of $1 never had \"$2\": $(head_of "$1")"
	FAILED=1
}

# word, look and time on every size; an id's beginning names it
replay a 80 24 --replay 2026
replay phone 40 15 --replay last
replay tiny 20 6 --replay "$NIGHT"
for s in a phone tiny; do
	expect_head $s REPLAY
	keys $s Space
done
expect_head a PAUSED
expect_head a "UTC"
expect a "Space pause"
expect phone "chat REPLAY"
expect_head phone "||"

# from action to action, and the refusal of all that acts
keys a n n
expect_head a "03:12:07"
expect a "F7 cycle, or Esc 7"
keys a n
expect a "3 of 5: a mutating verb"
expect_head a "03:22:07"
keys a p
expect_head a "03:12:07"
for key in F2 F7 F9 F12 C-c; do
	keys a $key
	expect a "REPLAY, nothing is sent"
	keys a Tab
	expect_gone a "REPLAY, nothing is sent"
done
check "no box" hides a "Type cycle"

# back and on: a pause of ten minutes is one of 2 s
keys a Home
expect_head a "0:00 of 10:12"
keys a Right
expect_head a "10:09 of 10:12"
keys a Left
expect_head a "0:00 of 10:12"
keys a End
expect_head a "END"
expect a "incident 20260131T031201Z-9f3c closed"
expect a "verdict: healthy"

# search, both ways, in text of any language
keys a g /
expect a "> /find"
type_text a "CAFé"
keys a Enter
expect a "Found CAFé in record 8 of"
expect a "café ␛"
keys a f
expect a "Not found after here"
keys a End /
type_text a "nowhere"
keys a Escape
expect_gone a "nowhere"
keys a b
expect a "Found CAFé"

# speeds; a resize in the middle; help; the other pane
keys a + + +
expect a "café"
keys a Space
expect_head a "speed x8"
keys a G Space g
T resize-window -t =a: -x 40 -y 15
expect_head a "0:00/"
expect a "Space pause"
T resize-window -t =a: -x 80 -y 24
expect_head a " of "
keys a v
expect a "verdict - Esc closes"
keys a v
expect_gone a "verdict - Esc closes"
keys a F1
expect a "replay - Esc closes"
keys a q
expect_gone a "replay - Esc closes"
keys a Escape
type_text a 1
expect a "replay - Esc closes"
keys a Escape

# it plays by itself, at once or at its pace: six seconds to the pause, none of them
# the one that must be seen
replay fast 80 24 --replay last --speed instant
expect_head fast END
replay slow 80 24 --replay last --speed 1
on_its_way() { head_of slow | grep -q '  0:0[1-6] of'; }
check "it plays at its pace" wait_for 60 on_its_way

# a live incident: what comes is shown; a cut record is not
cp "$NIGHT" "$DIR/live.jsonl"
sed -i '$d' "$DIR/live.jsonl"
printf '{"t":"note","seq":98,"at":"2026' >> "$DIR/live.jsonl"
replay live 80 24 --replay "$DIR/live.jsonl" --speed instant
expect_head live "LIVE END"
printf '%s\n' '-01-31T03:25:00.000Z","mono_ms":1284000,"by":"ben","text":"came later"}' \
    >> "$DIR/live.jsonl"
expect live "came later"

# leaving, and what cannot be shown
keys a q
expect a "left with 0"
keys phone F10
expect phone "left with 0"
keys live C-d
expect live "left with 0"
replay none 80 24 --replay 1999
expect none "left with 64"
check "it says why" grep -q 1999 "$DIR/stderr.none"
echo "nothing of ours" > "$DIR/other.jsonl"
replay other 80 24 --replay "$DIR/other.jsonl"
expect other "can be read as a journal's record"

# line by line: where no cursor moves, and in a pipe; each line with its time
TERM_NAME=dumb replay dumb 80 60 --replay last
expect dumb "End of the replay"
"$CONSOLE" --replay "$NIGHT" --linear < /dev/null > "$DIR/out" 2> "$DIR/stderr.linear"
check "03:12:04 anna> what is wrong?" grep -q "^03:12:04 anna> what is wrong?" "$DIR/out"
check "the hostile byte is a sign" grep -q "^03:12:06 \[r1\] café ␛" "$DIR/out"
check "the end" grep -q "^03:22:13 incident .* closed" "$DIR/out"
check "no escape in it" sh -c "! grep -q $'\x1b' $DIR/out"

check "the journal is as it was" [ "$(sha256sum < "$NIGHT")" = "$sum" ]
check "nothing else was written" [ "$(find "$DIR/sessions" -type f | wc -l)" = 1 ]
finish
