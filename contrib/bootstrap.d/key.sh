# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=dash disable=SC2154,SC2034 # the options are bootstrap's
# key.sh: a key pair for the engine, where there is none.

# make_key FILE: never over one that is there, not even in a race
make_key() {
	local new=$1.new.$$
	ssh-keygen -q -t ed25519 -N '' -C breakglass -f "$new" </dev/null >/dev/null 2>"$tmp/keygen" ||
		die "ssh-keygen: $(tail -n 1 "$tmp/keygen")"
	if ! ln "$new" "$1" 2>/dev/null; then
		rm -f "$new" "$new.pub"
		die "$1 is there already, and was left alone"
	fi
	mv "$new.pub" "$1.pub"
	rm -f "$new"
}

ensure_key_dir() {
	local dir=${1%/*}
	if [ ! -d "$dir" ]; then
		change "make directory $dir (0700)" || return 0
		mkdir -p -m 0700 "$dir" || die "could not make $dir"
		return
	fi
	case $(stat -c %a "$dir") in
	*00) already "directory $dir" ;;
	*[2367] | *[2367]?) problem "$dir is writable for others: chmod 700 $dir" ;;
	*) note "$dir can be read by others; the key cannot (chmod 700 $dir is better)" ;;
	esac
}

# ensure_key FILE: the pair
ensure_key() {
	local mode
	ensure_key_dir "$1"
	[ "$problems" = 0 ] || return 1
	if [ -e "$1" ] || [ -L "$1" ]; then
		mode=$(stat -L -c %a "$1" 2>/dev/null)
		already "key $1 ($mode); it is never written over"
		[ "$mode" = 600 ] || [ "$mode" = 400 ] || problem "chmod 600 $1: the engine refuses it as it is"
		if [ ! -f "$1.pub" ]; then
			change "write $1.pub from it" || return 0
			ssh-keygen -y -f "$1" </dev/null >"$tmp/pub" 2>/dev/null && cp "$tmp/pub" "$1.pub" ||
				failed "ssh-keygen does not read $1 (has it a passphrase?)"
		fi
		return
	fi
	change "make an ed25519 key pair without a passphrase: $1 (0600) and $1.pub" || return 0
	make_key "$1"
}

where_it_goes() {
	cat <<-END

		The private key goes to each place an engine runs, and nowhere else:
		  workstation  $1, mode 0600 (the engine looks in ~/.ssh/breakglass)
		  jump host    ~/.ssh/breakglass of the user that runs the engine, mode 0600
		  pod          the member private_key of the secret that is mounted at
		               /secrets/breakglass; put it into Vault, from where the
		               ExternalSecret takes it, never into a manifest
		The public key goes to both hosts, with the addresses that engines come from:
		  bootstrap pve   --to root@PVE    --key $1.pub --from LIST
		  bootstrap devvm --to USER@DEVVM  --key $1.pub --from LIST
	END
}

key_path() {
	local k=${key:-$(default_key)}
	case $k in
	/*) ;;
	*/*) k=$PWD/$k ;;
	*) k=$PWD/$k ;;
	esac
	is_path "$k" || die "--key: a path of letters, digits and / . _ + @ -, please" 64
	case $k in *.pub) die "--key names the private key here, without .pub" 64 ;; esac
	echo "$k"
}

key_main() {
	local k
	[ -z "$undo" ] || die "a key is not undone: rm it and its .pub, and take it out of both hosts (--drop-key)" 64
	k=$(key_path) || exit 64
	echo "bootstrap key:"
	ensure_key "$k"
	if [ -f "$k.pub" ]; then
		line key "$(ssh-keygen -l -f "$k.pub" 2>&1)"
		line key "$(cat "$k.pub")"
		where_it_goes "$k"
	fi
	finish
}
