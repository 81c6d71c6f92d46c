# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=dash disable=SC2154,SC2034 # the options are bootstrap's
# pve.sh: the PVE host.  One program, two directories, one line for sshd.

PROGRAM=/usr/local/bin/breakglass-pve

# elf_static FILE: a program of this kind of machine that needs no other file
elf_static() {
	local phoff phsize phnum i=0 head
	head=$(head -c 6 "$1" | od -An -tx1 | tr -d ' \n')
	[ "$head" = 7f454c460201 ] || return 1
	phoff=$(od -An -tu4 -j32 -N4 "$1" | tr -d ' ')
	phsize=$(od -An -tu2 -j54 -N2 "$1" | tr -d ' ')
	phnum=$(od -An -tu2 -j56 -N2 "$1" | tr -d ' ')
	while [ $i -lt "$phnum" ]; do
		# 3: PT_INTERP
		[ "$(od -An -tu4 -j$((phoff + i * phsize)) -N4 "$1" | tr -d ' ')" != 3 ] || return 1
		i=$((i + 1))
	done
}

version_of() { env -i "$1" --version 2>/dev/null | grep -Ex 'breakglass-pve [0-9A-Za-z.+~-]{1,40}'; }

describe() {
	if elf_static "$1" && grep -aq breakglass-pve "$1"; then
		version_of "$1" || echo "a program that does not run here"
	elif [ "$(head -c 2 "$1")" = '#!' ]; then
		echo "a script of $(wc -c <"$1" | tr -d ' ') bytes (the old host program)"
	else
		echo "something else of $(wc -c <"$1" | tr -d ' ') bytes"
	fi
}

find_program() {
	local f
	for f in "$program" "$here/breakglass-pve" "${BREAKGLASS_LIBEXEC_DIR:+$BREAKGLASS_LIBEXEC_DIR/breakglass-pve}" \
		"$here/../build/src/host/breakglass-pve" "$here/../../../libexec/breakglass/breakglass-pve" /usr/libexec/breakglass/breakglass-pve \
		/usr/local/libexec/breakglass/breakglass-pve /usr/sbin/breakglass-pve; do
		[ -n "$f" ] || continue
		if [ -f "$f" ]; then
			echo "$f"
			return
		fi
		[ "$f" != "$program" ] || die "--program: no file $f" 64
	done
}

# read_program: $src, before anything is changed
read_program() {
	src=$(find_program) || exit 64
	[ -z "$src" ] || elf_static "$src" ||
		die "$src is no static 64-bit program: it would not run on another host"
}

# The Debian package's program under the name that keys have: apt upgrades it, and
# nothing is put in the place of the link.
PACKAGED=/usr/sbin/breakglass-pve
is_packaged() {
	[ -L "$R$PROGRAM" ] && [ "$(readlink "$R$PROGRAM")" = $PACKAGED ] && elf_static "$R$PACKAGED"
}

ensure_program() {
	local version try
	if [ -z "$program" ] && is_packaged; then
		version=$(version_of "$R$PACKAGED") || {
			problem "$PACKAGED does not run on this host"
			return
		}
		already "$PROGRAM: a link to $PACKAGED of the Debian package, $version"
		return
	fi
	[ ! -f "$R$PROGRAM" ] || note "now there: $PROGRAM is $(describe "$R$PROGRAM")"
	if [ -z "$src" ]; then
		if [ -f "$R$PROGRAM" ] && version_of "$R$PROGRAM" >"$tmp/version"; then
			already "$PROGRAM: $(cat "$tmp/version")"
		else
			problem "no breakglass-pve here to install: --program names it"
		fi
		return
	fi
	version=$(version_of "$src") || version="breakglass-pve of an unknown version"
	if [ -n "$apply" ] && [ -d "$R${PROGRAM%/*}" ] && ! cmp -s "$src" "$R$PROGRAM"; then
		# a program that does not run there must not take the place of one that does
		try=$R${PROGRAM%/*}/.breakglass-pve.bootstrap
		record temp "$PROGRAM"
		cp "$src" "$try" && chmod 0755 "$try" && version=$(version_of "$try") || {
			rm -f "$try"
			die "$src does not run on this host: nothing was changed"
		}
		rm -f "$try"
	fi
	ensure_file "$PROGRAM" 0755 0:0 "$src" "$version, $(wc -c <"$src" | tr -d ' ') bytes"
}

host_main() {
	begin
	if [ -n "$undo" ]; then
		undo_main
		finish
	fi
	read_program
	read_keys
	[ -n "$R" ] || [ -d /etc/pve ] || note "there is no /etc/pve: this is no Proxmox host"
	if [ -z "$keys_only" ]; then
		ensure_program
		ensure_dir /var/lib/breakglass 0700 0:0
		ensure_dir /var/log/breakglass 0700 0:0
	fi
	case $(stat -c '%a %G' "$R${PROGRAM%/*}" 2>/dev/null) in
	*[2367]?\ root) ;;
	*[2367]\ * | *[2367]?\ *) note "${PROGRAM%/*} is writable for others than root, who could replace the program: chmod go-w ${PROGRAM%/*}" ;;
	esac
	ensure_keys root /root "command=\"$R$PROGRAM${site:+ --site $site}\",restrict" 0:0
	[ -z "$apply$check" ] || check_access root "only breakglass-pve; no shell, no terminal, no forwarding"
	host_key
	finish
}
