# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=dash disable=SC2154,SC2034 # the options are bootstrap's
# devvm.sh: the machine to be repaired.  A user, its sudo, its key.

WHO=breakglass
SUDOERS=/etc/sudoers.d/breakglass # a name with a dot would be ignored by sudo

field() { awk -F: -v u="$WHO" -v n="$1" '$1 == u { print $n }' "$R/etc/passwd"; }
has_user() { grep -q "^$WHO:" "$R/etc/passwd"; }

# account useradd|userdel|groupdel NAME
account() {
	local tool=$1
	shift
	if [ "$tool" = useradd ]; then
		# '*': no password fits, but the account is not locked ('!'), which
		# an sshd with UsePAM no would refuse
		set -- --system --user-group --no-create-home --home-dir "/home/$1" --shell "$shell" \
			--comment 'breakglass emergency access' --password '*' "$1"
	fi
	"$tool" ${R:+--prefix "$R"} "$@" >"$tmp/account" 2>&1 && return 0
	problem "$(tail -n 1 "$tmp/account")"
	return 1
}

ensure_user() {
	local s
	shell=/bin/sh
	[ ! -x "$R/bin/bash" ] || shell=/bin/bash
	if has_user; then
		already "user $WHO (home $(field 6), shell $(field 7))"
		case $(field 7) in
		*/nologin | */false) problem "its shell lets nobody in: usermod -s $shell $WHO" ;;
		esac
		s=$(awk -F: -v u="$WHO" '$1 == u { print $2 }' "$R/etc/shadow" 2>/dev/null)
		eff "$WHO" 127.0.0.1
		case $s$(eff_get usepam) in
		!*no) problem "its account is locked and sshd has UsePAM no, so keys are refused too: usermod -p '*' $WHO" ;;
		esac
		return
	fi
	command -v useradd >/dev/null || {
		failed "no useradd here: make user $WHO with a home and a shell by hand, then again"
		return 1
	}
	change "make system user $WHO, home /home/$WHO, shell $shell, no password" || return 0
	record user "$WHO"
	account useradd "$WHO" || failed "could not make user $WHO"
}

ensure_sudo() {
	cat >"$tmp/sudoers" <<-END
		# made by bootstrap devvm; bootstrap devvm --undo removes it
		Defaults:$WHO !requiretty, !lecture
		$WHO ALL=(ALL:ALL) NOPASSWD: ALL
	END
	if [ ! -f "$R/etc/sudoers" ]; then
		problem "there is no sudo here: install it, the engine and the agent repair with it"
		return
	fi
	if command -v visudo >/dev/null; then
		visudo -cf "$tmp/sudoers" >"$tmp/visudo" 2>&1 || {
			problem "visudo refuses $SUDOERS: $(tail -n 1 "$tmp/visudo")"
			return
		}
	else
		note "no visudo here: the text is the one that bootstrap's tests have checked"
	fi
	grep -Eq '^[@#]includedir[[:space:]]+/etc/sudoers\.d' "$R/etc/sudoers" ||
		problem "/etc/sudoers does not include /etc/sudoers.d: add the line \"@includedir /etc/sudoers.d\" with visudo"
	ensure_file "$SUDOERS" 0440 0:0 "$tmp/sudoers" "$WHO may use sudo without a password" || return
	[ -n "$apply" ] && [ -z "$R" ] && command -v visudo >/dev/null || return 0
	visudo -c >"$tmp/visudo" 2>&1 && return 0
	rm -f "$SUDOERS"
	problem "with it visudo refuses the whole of /etc/sudoers, so it was taken back: $(head -n 1 "$tmp/visudo")"
}

check_sudo() {
	[ -z "$R" ] && has_user && command -v sudo >/dev/null || return 0
	if sudo -n -l -U "$WHO" 2>/dev/null | grep -q 'NOPASSWD: ALL'; then
		line ok "sudo: $WHO may do anything without a password"
	else
		problem "sudo does not let $WHO do anything without a password: sudo -l -U $WHO"
	fi
}

host_main() {
	local dir owner=0:0
	begin
	if [ -n "$undo" ]; then
		undo_main
		finish
	fi
	read_keys
	[ -n "$keys_only" ] || ensure_user || finish
	dir=/home/$WHO
	if has_user; then
		dir=$(field 6)
		owner=$(field 3):$(field 4)
	fi
	is_path "$dir" || die "the home of $WHO has a name that bootstrap does not write to"
	if [ -z "$keys_only" ]; then
		ensure_dir "$dir" 0700 "$owner"
		ensure_sudo
	fi
	ensure_keys "$WHO" "$dir" restrict,pty "$owner"
	if [ -n "$apply$check" ]; then
		check_access "$WHO" "a shell and commands, with a terminal; no forwarding of ports, agent or X11"
		check_sudo
	fi
	host_key
	finish
}
