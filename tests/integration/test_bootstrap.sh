#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: contrib/bootstrap on a PVE host.  It prints first, does it once, lets the
# key do six words from the listed addresses and nothing else, and takes back
# exactly what it added.  The tree has what Proxmox has: authorized_keys is a link
# into the cluster's file system.
set -u
# shellcheck source=/dev/null
. "$(dirname "$0")/bootstrap_lib.sh"
# shellcheck source=/dev/null
. "$(dirname "$0")/pve_lib.sh"
bg_cleanup() {
	[ -z "${listener-}" ] || { kill "$listener"; wait "$listener"; } 2>/dev/null
	cleanup
}
trap bg_cleanup EXIT
check() { local t=$1; shift; if "$@" >"$T/out" 2>&1; then ok "$t"; else fail "$t"; sed 's/^/    | /' "$T/out" | head -n 30; fi; }

make_site
start_vm
me=$(id -un)
chmod 755 "$T"
tree=$T/tree
mkdir -p "$tree"/{root/.ssh,usr/local/bin,var/lib,var/log,etc/ssh/sshd_config.d,etc/pve/priv}
chmod 700 "$tree/root" "$tree/root/.ssh"
printf 'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC root@pve1\n' >"$tree/etc/pve/priv/authorized_keys"
ln -s /etc/pve/priv/authorized_keys "$tree/root/.ssh/authorized_keys"
printf '#!/bin/bash\necho the old host program\n' >"$tree/usr/local/bin/breakglass-pve"
chmod 755 "$tree/usr/local/bin/breakglass-pve"
ssh-keygen -q -t ed25519 -N '' -f "$T/hostkey" || exit 99
cat >"$tree/etc/ssh/sshd_config" <<EOF2
Include $tree/etc/ssh/sshd_config.d/*.conf
HostKey $T/hostkey
AuthorizedKeysFile $tree/root/.ssh/authorized_keys $tree/root/.ssh/authorized_keys2
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
LogLevel QUIET
PermitRootLogin prohibit-password
AcceptEnv LANG LC_*
Subsystem sftp internal-sftp
EOF2
pristine() { (cd "$1" && find . -printf '%P %y %m %l\n' | sort && find . -type f -print0 | sort -z | xargs -0 sha256sum); }
pristine "$tree" >"$T/before"
bs() { "$BOOTSTRAP" "$@"; }
pve_() { bs pve --root "$tree" --program "$PVE" --site "$T/site" "$@"; }
unchanged() { pristine "$tree" | diff "$T/before" -; }

# -- the key
check "key: prints, and makes nothing" contains 'would    make an ed25519' bs key --key "$T/k/breakglass"
check "key: nothing was made" test ! -e "$T/k"
check "key: makes it" contains '/secrets/breakglass' bs key --key "$T/k/breakglass" --apply
check "key: 0600 in a 0700 directory" test "$(stat -c %a "$T/k/breakglass" "$T/k" | tr '\n' ' ')" = "600 700 "
sum=$(sha256sum "$T/k/breakglass")
check "key: a second time it is left alone" contains 'never written over' bs key --key "$T/k/breakglass" --apply
check "key: the same bytes" test "$sum" = "$(sha256sum "$T/k/breakglass")"
key=$T/k/breakglass

# -- what is refused
refused() { # TEXT ARG...
	local t=$1
	shift
	check "refused: $t" exits 64 pve_ --apply "$@"
}
good=(--key "$key.pub" --from 127.0.0.1)
refused "a quote in --from" --key "$key.pub" --from '127.0.0.1" ssh-rsa AAAA'
refused "a newline in --from" --key "$key.pub" --from $'127.0.0.1\n10.0.0.1'
refused "a name in --from" --key "$key.pub" --from 127.0.0.1,jumphost
refused "a pattern in --from" --key "$key.pub" --from '10.0.0.*'
refused "a negation in --from" --key "$key.pub" --from '!10.0.0.1'
refused "bits beyond the prefix" --key "$key.pub" --from 10.0.0.1/24
refused "everywhere" --key "$key.pub" --from 0.0.0.0/0
refused "IPv4 in IPv6" --key "$key.pub" --from ::ffff:10.0.0.1
refused "IPv6 bits beyond the prefix" --key "$key.pub" --from fd00::1/64
refused "leading zeros" --key "$key.pub" --from 010.0.0.1
refused "five octets" --key "$key.pub" --from 10.0.0.0.1
refused "an empty list" --key "$key.pub" --from ''
refused "an empty entry" --key "$key.pub" --from '10.0.0.1,,10.0.0.2'
refused "too many entries" --key "$key.pub" --from "$(seq -s, -f '10.0.0.%g' 40)"
bad_key() { # TEXT CONTENT
	printf '%b' "$2" >"$T/bad.pub"
	refused "a key file with $1" --key "$T/bad.pub" --from 127.0.0.1
}
bad_key "options" "command=\"sh\" $(cat "$key.pub")\n"
bad_key "two lines" "$(cat "$key.pub")\nssh-rsa AAAA\n"
bad_key "a carriage return" "$(cut -d' ' -f1,2 "$key.pub")\\r\n"
bad_key "no key" "hello\n"
bad_key "half a key" "$(cut -c1-50 "$key.pub")\n"
bad_key "nothing" ""
refused "the private key" --key "$key" --from 127.0.0.1
refused "a site file with a quote" "${good[@]}" --site '/x" y'
check "refused: --to that is an option" exits 64 bs pve --to '-oProxyCommand=sh@x'
check "refused: --to with a space" exits 64 bs pve --to 'root@host x'
printf '#!/bin/sh\n' >"$T/script"
check "refused: a program that is a script" exits 1 bs pve --root "$tree" --program "$T/script" --apply "${good[@]}"
check "refused: a program that is not static" exits 1 bs pve --root "$tree" --program /bin/true --apply "${good[@]}"
check "after all that the tree is as it was" unchanged

# -- printed, done, done again
list=127.0.0.1,127.0.0.3
check "prints what it would write" contains '+ command=.*,restrict,from="127.0.0.1,127.0.0.3" ssh-ed25519' \
	pve_ --key "$key.pub" --from $list
check "says why not Proxmox's own file" grep -q "Proxmox's" "$T/got"
check "printing changed nothing" unchanged
check "--check says that it is not so" exits 1 pve_ --check --key "$key.pub" --from $list
check "does it" contains '^Done' pve_ --apply --key "$key.pub" --from $list
cp "$T/got" "$T/applied"
check "says what each address may do" grep -q 'ok .*from 127.0.0.3.*only breakglass-pve' "$T/applied"
check "the program is in place" cmp "$PVE" "$tree/usr/local/bin/breakglass-pve"
check "the old one is kept" grep -q 'the old host program' "$tree/usr/local/bin/breakglass-pve.old"
check "the cluster's file is untouched" lacks breakglass cat "$tree/etc/pve/priv/authorized_keys"
pristine "$tree" >"$T/after"
check "a second time there is nothing to do" contains '^Nothing to do' pve_ --apply --key "$key.pub" --from $list
check "and nothing changes" bash -c "$(declare -f pristine); pristine '$tree' | diff '$T/after' -"
check "--check agrees" contains '^All is as it should be' pve_ --check --key "$key.pub" --from $list

if command -v flock >/dev/null; then
	check "two at once: the second is told" contains 'another bootstrap is at work' \
		flock "$tree/var/lib" "$BOOTSTRAP" pve --root "$tree" --program "$PVE" --apply --key "$key.pub"
fi

# -- a real sshd
start_sshd "$tree/etc/ssh/sshd_config"
check "status reaches breakglass-pve" contains '^#bg result verb=status rc=0' login "$key" 127.0.0.1 "$me" status
check "from the second address too" contains '^#bg result verb=status rc=0' login "$key" 127.0.0.3 "$me" status
check "from another address the key is refused" exits 255 login "$key" 127.0.0.2 "$me" status
check "a shell is refused with 2" exits 2 login "$key" 127.0.0.1 "$me"
check "another command is refused with 2" exits 2 login "$key" 127.0.0.1 "$me" id
check "a subsystem is refused with 2" exits 2 login "$key" 127.0.0.1 "$me" -s sftp
check "no terminal" contains 'PTY allocation request failed' login "$key" 127.0.0.1 "$me" -o LogLevel=INFO -tt status
check "no forwarding of a port here" contains 'administratively prohibited\|open failed\|tdio forwarding' \
	login "$key" 127.0.0.1 "$me" -W 127.0.0.1:"$port"
check "no forwarding of a port there" exits 255 login "$key" 127.0.0.1 "$me" -N -o ExitOnForwardFailure=yes -R 0:127.0.0.1:1
eval "$(ssh-agent -s)" >/dev/null
check "no agent forwarding" lacks 'agent granted' login "$key" 127.0.0.1 "$me" -v -A -o IdentityAgent="$SSH_AUTH_SOCK" status
ssh-agent -k >/dev/null
unset SSH_AUTH_SOCK

# -- the list changes, an upgrade, a key that others have let in too
check "another list replaces the first" contains '^Done' pve_ --apply --key "$key.pub" --from 127.0.0.2,fd00:1::/64
check "the new address is let in" contains '^#bg result' login "$key" 127.0.0.2 "$me" status
check "the old one no longer" exits 255 login "$key" 127.0.0.1 "$me" status
check "one line, not two" test "$(grep -c ssh-ed25519 "$tree/root/.ssh/authorized_keys2")" = 1
cp "$PVE" "$T/pve2" && printf x >>"$T/pve2"
check "an upgrade" contains '^Done' bs pve --root "$tree" --program "$T/pve2" --site "$T/site" --apply --key "$key.pub"
check "the version before it stays beside it" cmp "$PVE" "$tree/usr/local/bin/breakglass-pve.prev"
check "the first old one too" grep -q 'the old host program' "$tree/usr/local/bin/breakglass-pve.old"
check "without --from the list stays" contains '^#bg result' login "$key" 127.0.0.2 "$me" status
rm "$tree/root/.ssh/authorized_keys"
cp "$key.pub" "$tree/root/.ssh/authorized_keys"
check "a line of others that opens a shell is told" contains 'PROBLEM .*opens a shell for root' pve_ --check --key "$key.pub"
rm "$tree/root/.ssh/authorized_keys"
ln -s /etc/pve/priv/authorized_keys "$tree/root/.ssh/authorized_keys"

# -- AllowUsers and its kin, as sshd reads them; and that --check says so
names() { sh -c 'what=pve; . "$0/contrib/bootstrap.d/sshd.sh"; name_matches "$@"' "$abs_top_srcdir" "$@"; }
for l in 'root@10.0.0.0/8 root 10.9.8.7' 'x@*_root@10.0.0.0/8 root 10.9.8.7' 'ro*@10.1.* root 10.1.2.3' \
	'root@192.168.1.0/25,10.0.0.1 root 10.0.0.1' 'root@fd00:1::/64 root fd00:1::9' 'root@fd00:1:0:2::/63 root fd00:1:0:3::1' \
	'root@10.0.0.0/8,!10.0.0.5 root 10.0.0.6' 'root root 10.0.0.1'; do
	set -- $l
	check "AllowUsers ${1/_/ } lets $2 in from $3" names "${1/_/ }" "$2" "$3"
done
for l in 'root@10.0.0.0/8 root 192.168.1.4' 'root@192.168.1.0/25 root 192.168.1.200' 'root@fd00:1::/64 root fd00:1:0:1::9' \
	'root@10.0.0.0/8,!10.0.0.5 root 10.0.0.5' 'you@10.0.0.0/8 root 10.0.0.1' 'root@10.0.0.0/8 root fd00::1'; do
	set -- $l
	check "AllowUsers $1 keeps $2 out from $3" exits 1 names "$@"
done
cp "$tree/etc/ssh/sshd_config" "$T/sshd_config.kept"
echo "AllowUsers $me@10.0.0.0/8 $me@127.0.0.2" >>"$tree/etc/ssh/sshd_config"
check "an AllowUsers of other networks is a PROBLEM" contains 'PROBLEM .*from fd00:1::/64: refused: AllowUsers' \
	pve_ --check --key "$key.pub"
check "and only where it is one" grep -q 'ok .*from 127.0.0.2' "$T/got"
cp "$T/sshd_config.kept" "$tree/etc/ssh/sshd_config"

# -- undo
check "--undo prints" contains 'would    put .*breakglass-pve.old back' pve_ --undo
check "and changes nothing" contains '^#bg result' login "$key" 127.0.0.2 "$me" status
check "--undo --apply" contains '^Done' pve_ --undo --apply
check "the tree is byte for byte as before" unchanged
check "the key no longer works" exits 255 login "$key" 127.0.0.2 "$me" status
check "a second undo has nothing to do" contains 'nothing is on record' pve_ --undo --apply

# -- lines of others stay, also without a last newline; evidence stays
printf '# mine\nssh-rsa AAAAB3NzaC1yc2EAAAADAQAB other@host' >"$tree/root/.ssh/authorized_keys2"
mkdir -m 755 "$tree/var/log/breakglass"
pristine "$tree" >"$T/before"
check "beside lines of others" contains '^Done' pve_ --apply --key "$key.pub" --from $list
check "works" contains '^#bg result' login "$key" 127.0.0.1 "$me" status
check "undone" contains '^Done' pve_ --undo --apply
check "theirs are byte for byte as before" unchanged
check "again" contains '^Done' pve_ --apply --key "$key.pub" --from $list
echo evidence >"$tree/var/lib/breakglass/run"
echo '# a later line' >>"$tree/root/.ssh/authorized_keys2"
check "undo keeps what is not ours" contains 'kept .*/var/lib/breakglass' pve_ --undo --apply
check "the evidence" grep -q evidence "$tree/var/lib/breakglass/run"
check "the later line" grep -q 'a later line' "$tree/root/.ssh/authorized_keys2"
rm -r "$tree/var/lib/breakglass"

# -- the old site: its line in the cluster's file, no --from given, perhaps no key at hand
printf 'command="%s --site %s",no-pty %s\n' "$tree/usr/local/bin/breakglass-pve" "$T/site" "$(cat "$key.pub")" \
	>>"$tree/etc/pve/priv/authorized_keys"
ln -sf "$tree/etc/pve/priv/authorized_keys" "$tree/root/.ssh/authorized_keys"
check "an old site: only the program, by its key" contains 'no --from: that line stays' pve_ --apply --key "$key.pub"
check "that is all" contains '^Nothing to do' pve_ --apply --key "$key.pub"
check "without any key" contains 'a line that is not ours runs breakglass-pve' env HOME="$T/nohome" "$BOOTSTRAP" \
	pve --root "$tree" --program "$PVE" --apply
check "the old line reaches the new program" contains '^#bg result' login "$key" 127.0.0.9 "$me" status
check "undone" pve_ --undo --apply
ln -sf /etc/pve/priv/authorized_keys "$tree/root/.ssh/authorized_keys"
check "a key that nobody lets in needs --from" contains 'PROBLEM .*give --from' pve_ --apply --key "$key.pub"
check "undone" pve_ --undo --apply

# -- sshd that keeps root out, or reads another file
sed -i 's/^PermitRootLogin.*/PermitRootLogin no/; s#^AuthorizedKeysFile.*#AuthorizedKeysFile /etc/ssh/all_keys#' "$tree/etc/ssh/sshd_config"
pristine "$tree" >"$T/before"
check "a drop-in where sshd keeps the key out" contains '^Done' pve_ --apply --key "$key.pub" --from $list
check "sshd now takes a forced command of root from that address" contains '^permitrootlogin forced-commands-only' \
	"$SSHD" -T -f "$tree/etc/ssh/sshd_config" -C user=root,host=x,addr=127.0.0.3,laddr=127.0.0.1,lport=22
check "and from others not" contains '^permitrootlogin no' \
	"$SSHD" -T -f "$tree/etc/ssh/sshd_config" -C user=root,host=x,addr=127.0.0.9,laddr=127.0.0.1,lport=22
[ "$me" != root ] || check "a login by it" contains '^#bg result' login "$key" 127.0.0.3 root status
check "twice" contains '^Nothing to do' pve_ --apply --key "$key.pub" --from $list
check "undone" contains '^Done' pve_ --undo --apply
check "as before" unchanged
sed -i '/^Include/d' "$tree/etc/ssh/sshd_config"
check "without an Include it says what to add" contains 'must be added to its end by hand' pve_ --apply --key "$key.pub" --from $list
check "undone" pve_ --undo --apply
finish
