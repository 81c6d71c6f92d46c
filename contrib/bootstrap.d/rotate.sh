# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=dash disable=SC2154,SC2034 # the options are bootstrap's
# rotate.sh: a new key for the old one, without a minute in which neither works.
#
#   new        KEY.new is made beside KEY
#   authorize  both hosts let both keys in, from the same addresses
#   prove      the new key logs in to both hosts: status there, sudo here
#   switch     KEY.new becomes KEY, KEY becomes KEY.old; engines read it again
#   retire     the old key is taken out of both hosts, and KEY.old removed
#
# Each step looks first and can be repeated; a rotation may rest between any two.
# Without --step all but the last are done: whether every other place (pod, jump
# host) has the new key too, only a person knows.  --undo goes back, up to retire.

# shellcheck source=/dev/null
. "$parts/key.sh"
# shellcheck source=/dev/null
. "$parts/remote.sh"

# on WHAT USER@HOST OPTION...: bootstrap on that host, with the rotation's --apply
on() {
	local w=$1 t=$2
	shift 2
	sh "$here/bootstrap" "$w" --to "$t" ${port:+--port "$port"} ${R:+--root "$R"} ${apply:+--apply} --keys-only "$@" \
		>"$tmp/on" 2>&1
	local rc=$?
	sed 's/^/    | /' "$tmp/on"
	changes=$((changes + $(grep -c '^  \(would\|doing\) ' "$tmp/on")))
	[ $rc = 0 ] || failed "$w: see above"
}
on_both() {
	on pve "$pve_to" "$@"
	on devvm "$devvm_to" "$@"
}

# The key that is to come, wherever it is now; and the one that goes.
find_keys() {
	fresh='' stale=''
	if [ -f "$k.new" ]; then
		fresh=$k.new stale=$k
	elif [ -f "$k.old" ]; then
		fresh=$k stale=$k.old
	fi
}

# A key that is an engine's own (a jump host's) stays that engine's.
keep_owner() {
	local owner
	owner=$(stat -L -c %u:%g "$k")
	[ -n "$fresh" ] && [ "$(stat -c %u:%g "$fresh")" != "$owner" ] || return 0
	change "give $fresh to $owner, as $k is" || return 0
	chown "$owner" "$fresh" "$fresh.pub" || die "$fresh must belong to $owner: run this as root"
}

step_new() {
	if [ -n "$fresh" ]; then
		already "the new key is $fresh"
		keep_owner
		return
	fi
	ensure_key "$k.new"
	find_keys
	keep_owner
}

step_authorize() {
	[ -n "$fresh" ] || { note "then the hosts let it in beside $k, from the same addresses"; return; }
	on_both --key "$fresh.pub" ${from:+--from "$from"}
}

# login KEY USER@HOST COMMAND: with this key.  Your ssh_config may name others, so
# what ssh says of the key that was taken counts.
login() {
	local print
	print=$(ssh-keygen -l -f "$1.pub" | cut -d' ' -f2)
	# shellcheck disable=SC2086
	${BREAKGLASS_BOOTSTRAP_SSH:-ssh} -v -n -T -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none \
		-o ConnectTimeout=15 -o ControlPath=none ${port:+-p $port} -i "$1" -- "$2" "$3" >"$tmp/login" 2>"$tmp/login.err" ||
		{ grep -v '^debug\|^OpenSSH' "$tmp/login.err" | tail -n 1 >>"$tmp/login"; return 1; }
	sed -n 's/.*Server accepts key: //p' "$tmp/login.err" | tail -n 1 | grep -qF "$print" && return 0
	echo "another key was taken" >>"$tmp/login"
	return 1
}

# keep FILE AS: a second name for it, unless it has it already
keep() { cmp -s "$1" "$2" || ln "$1" "$2" || die "$2 is in the way"; }

# A switch that was cut between the two files of a pair is completed.
mend_pairs() {
	if [ -f "$k.new.pub" ] && [ ! -f "$k.new" ] && [ -f "$k.old" ]; then mv -f "$k.new.pub" "$k.pub"; fi
	if [ -f "$k.old.pub" ] && [ ! -f "$k.old" ] && [ -f "$k.new" ]; then mv -f "$k.old.pub" "$k.pub"; fi
}

prove() {
	local ok=0
	if login "$1" "root@${pve_to#*@}" status && grep -q '^#bg result verb=status' "$tmp/login"; then
		line ok "with $1: status, on the PVE host"
	else
		problem "with $1 the PVE host does not answer status: $(tail -n 1 "$tmp/login")"
		ok=1
	fi
	if login "$1" "breakglass@${devvm_to#*@}" 'sudo -n true && echo proven' && grep -qx proven "$tmp/login"; then
		line ok "with $1: sudo, on the devvm"
	else
		problem "with $1 sudo does not work on the devvm: $(tail -n 1 "$tmp/login")"
		ok=1
	fi
	return $ok
}

step_prove() {
	[ -n "$fresh" ] || { note "then it is proved that it works on both hosts, from this machine"; return; }
	[ -n "$apply" ] || { note "would log in to both hosts with $fresh"; return; }
	prove "$fresh"
}

step_switch() {
	if [ "$fresh" = "$k" ]; then
		already "$k is the new key, $k.old the old one"
		return
	fi
	change "rename $k to $k.old, and $k.new to $k (and the .pub files)" || return 0
	prove "$fresh" || { failed "so nothing was switched"; return; }
	keep "$k" "$k.old"
	keep "$k.pub" "$k.old.pub"
	mv -f "$k.new" "$k" && mv -f "$k.new.pub" "$k.pub" ||
		die "could not rename; the keys are $(ls "$k"* | tr '\n' ' ')"
	find_keys
	note "every other place that has the old key (pod, jump host) needs the new one now: Vault for the pod; then --step retire"
}

step_retire() {
	[ "$fresh" = "$k" ] || { failed "not yet: $k is still the old key (or there is no rotation under way)"; return; }
	if [ -n "$apply" ]; then
		prove "$k" || { failed "so the old key was not taken out"; return; }
	fi
	on_both --key "$k.pub" --drop-key "$k.old.pub"
	[ "$problems" = 0 ] || return 1
	change "remove $k.old and $k.old.pub" || return 0
	rm -f "$k.old" "$k.old.pub"
}

step_back() {
	find_keys
	if [ -z "$fresh" ]; then
		already "no rotation is under way"
		return
	fi
	if [ "$fresh" = "$k" ]; then
		change "rename $k to $k.new, and $k.old to $k" || return 0
		keep "$k" "$k.new"
		keep "$k.pub" "$k.new.pub"
		mv -f "$k.old" "$k" && mv -f "$k.old.pub" "$k.pub" ||
			die "could not rename; the keys are $(ls "$k"* | tr '\n' ' ')"
	fi
	on_both --key "$k.pub" --drop-key "$k.new.pub"
	[ "$problems" = 0 ] || return 1
	change "remove $k.new and $k.new.pub" || return 0
	rm -f "$k.new" "$k.new.pub"
}

rotate_main() {
	local s
	[ -n "$pve_to" ] && [ -n "$devvm_to" ] || die "rotate wants --pve root@ADDRESS and --devvm USER@ADDRESS" 64
	k=$(key_path) || exit 64
	[ -f "$k" ] && [ -f "$k.pub" ] || die "no key pair at $k to rotate: bootstrap key makes one"
	[ ! -L "$k" ] || die "$k is a link, as in a mounted secret: put a new key into what it comes from"
	mend_pairs
	find_keys
	echo "bootstrap rotate $k:"
	if [ -n "$undo" ]; then
		step_back
		finish
	fi
	for s in ${step:-new authorize prove switch}; do
		echo " $s"
		"step_$s"
		[ "$problems" = 0 ] || finish
	done
	[ -n "$step" ] || echo " retire: by itself, when every place has the new key (--step retire)"
	finish
}
