#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: both hosts set up by bootstrap over a real ssh, without --root: a user is
# made, sudo is given, Proxmox's link is in the way, the key is rotated, and undo
# leaves the account files as they were.
set -u
# shellcheck source=/dev/null
. "$(dirname "$0")/bootstrap_lib.sh"
# shellcheck source=/dev/null
. "$(dirname "$0")/bootstrap_machine.sh"

accounts() { (cd /etc && sha256sum passwd group shadow gshadow subuid subgid sudoers sudoers.d/* ssh/sshd_config 2>/dev/null; ls -A /home /root/.ssh /etc/ssh/sshd_config.d /usr/local/bin /var/lib | grep -v lock); }
accounts >"$T/before"
as_before() { accounts | diff "$T/before" -; }
list=127.0.0.1,127.0.0.3
key=$T/k/breakglass
bs() { "$BOOTSTRAP" "$@" --port "$port"; }
pve_() { "$BOOTSTRAP" pve --port "$port" --to root@127.0.0.1 --key "$key.pub" "$@"; }
devvm_() { "$BOOTSTRAP" devvm --port "$port" --to you@127.0.0.1 --key "$key.pub" "$@"; }

check "the key" bs key --key "$key" --apply
check "ssh in: $(id -un) by the admin's key" $BREAKGLASS_BOOTSTRAP_SSH -p "$port" root@127.0.0.1 true

# -- a site with the old host program: the one command that the screen names
mkdir -m 700 "$T/home" "$T/home/.ssh"
cp "$key" "$T/home/.ssh/breakglass"
cp "$abs_top_srcdir/contrib/lab/old-breakglass-pve" /usr/local/bin/breakglass-pve
chmod 755 /usr/local/bin/breakglass-pve
cp /etc/pve/priv/authorized_keys "$T/ak"
echo "command=\"/usr/local/bin/breakglass-pve\",restrict $(cat "$key.pub")" >>/etc/pve/priv/authorized_keys
todo() { env HOME="$T/home" "$BOOTSTRAP" pve --to root@127.0.0.1 --apply --port "$port"; }
check "the old program is there" lacks '^#bg' login "$key" 127.0.0.1 root status
check "the command that the screen names" contains '^Done' todo
check "the new program answers by the old line" contains '^#bg run .*version=' login "$key" 127.0.0.1 root status
check "the old one is kept" cmp "$abs_top_srcdir/contrib/lab/old-breakglass-pve" /usr/local/bin/breakglass-pve.old
check "again" contains '^Nothing to do' todo
check "and back to the old one" contains '^Done' pve_ --undo --apply
check "it is there" cmp "$abs_top_srcdir/contrib/lab/old-breakglass-pve" /usr/local/bin/breakglass-pve
rm /usr/local/bin/breakglass-pve
cp "$T/ak" /etc/pve/priv/authorized_keys
rm -rf /var/lib/breakglass /var/log/breakglass

check "pve prints, by ssh" contains 'would .*write /usr/local/bin/breakglass-pve (0755)' pve_ --from $list
check "devvm prints, by ssh and sudo" contains 'would .*make system user breakglass' devvm_ --from $list
check "nothing was changed" as_before

check "pve" contains '^Done' pve_ --from $list --apply
check "devvm" contains '^Done' devvm_ --from $list --apply
cp "$T/got" "$T/devvm.out"
check "sshd would let it in from both addresses" test "$(grep -c 'ok .*from 127.*a shell and commands' "$T/devvm.out")" = 2
check "sudo would let it do anything" grep -q 'ok .*sudo: breakglass' "$T/devvm.out"
check "both twice" contains '^Nothing to do' bash -c "$(declare -f pve_ devvm_); $(declare -p BOOTSTRAP port key); pve_ --from $list --apply | tail -1; devvm_ --from $list --apply"
check "both checked" bash -c "$(declare -f pve_ devvm_); $(declare -p BOOTSTRAP port key); pve_ --check && devvm_ --check"
wait_for() {
	local end=$((SECONDS + $1 * 6)); shift
	until "$@" >/dev/null 2>&1; do [ $SECONDS -lt $end ] || return 1; read -rt 0.1 _ <> <(:); done
}
check "undone" pve_ --undo --apply
pve_ --from $list --apply 2>/dev/null | head -n 2 >/dev/null
check "a reader that goes away in the middle does not stop it" wait_for 20 pve_ --check
check "the host key is pinned" contains 'write .*pve.pub: the host key' pve_ --check --pin "$T/pve.pub"
check "nothing is written by --check" test ! -e "$T/pve.pub"
check "with --apply it is" contains 'doing .*pve.pub' pve_ --apply --pin "$T/pve.pub"
check "the right one" diff <(cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub) "$T/pve.pub"
check "another one is a problem" bash -c "echo x >>'$T/pve.pub'; ! '$BOOTSTRAP' pve --port $port --to root@127.0.0.1 --apply --pin '$T/pve.pub'"
check "nothing stays in /tmp" lacks bootstrap.d find /tmp -maxdepth 2 -name bootstrap.d -newer "$T/port"

# -- what the key may do
check "pve: status" contains '^#bg result verb=status' login "$key" 127.0.0.1 root status
check "pve: a shell is refused with 2" exits 2 login "$key" 127.0.0.1 root
check "pve: not from elsewhere" exits 255 login "$key" 127.0.0.2 root status
check "pve: the program is in root's hands" test "$(stat -c '%U %a' /usr/local/bin/breakglass-pve)" = "root 755"
check "devvm: a command" contains '^breakglass$' login "$key" 127.0.0.3 breakglass id -un
check "devvm: with sudo" contains '^root$' login "$key" 127.0.0.3 breakglass sudo -n id -un
check "devvm: a terminal" contains '/dev/pts' login "$key" 127.0.0.1 breakglass -tt tty
check "devvm: not from elsewhere" exits 255 login "$key" 127.0.0.2 breakglass true
check "devvm: no forwarding" exits 255 login "$key" 127.0.0.1 breakglass -N -o ExitOnForwardFailure=yes -R 0:127.0.0.1:1
check "devvm: no password fits, and the account is not locked" grep -q '^breakglass:\*:' /etc/shadow
check "devvm: its home is its own" test "$(stat -c '%U %a' /home/breakglass /home/breakglass/.ssh | tr '\n' ' ')" = "breakglass 700 breakglass 700 "
check "devvm: visudo agrees with the whole" visudo -c
check "pmxcfs is gone, the key still works" bash -c "$(declare -f login); $(declare -p SSH port key); mv /etc/pve /etc/pve.gone; login '$key' 127.0.0.1 root status | grep -q '^#bg result'; rc=\$?; mv /etc/pve.gone /etc/pve; exit \$rc"

# -- a new key for the old one
rotate() { "$BOOTSTRAP" rotate --pve root@127.0.0.1 --devvm you@127.0.0.1 --key "$key" --port "$port" "$@"; }
cp "$key.pub" "$T/first.pub"
cp "$key" "$T/first"
check "rotate prints" contains 'would .*make an ed25519' rotate
check "and makes nothing" test ! -e "$key.new"
check "retire does not come first" exits 1 rotate --step retire --apply
for s in new authorize; do check "step $s" contains '^Done' rotate --step $s --apply; done
check "step authorize again" contains '^Nothing to do' rotate --step authorize --apply
check "both keys work" bash -c "$(declare -f login); $(declare -p SSH port); login '$T/first' 127.0.0.1 root status >/dev/null && login '$key.new' 127.0.0.3 root status >/dev/null && login '$key.new' 127.0.0.3 breakglass true"
check "back again" contains '^Done' rotate --undo --apply
check "the first key is the only one" bash -c "$(declare -f login); $(declare -p SSH port); login '$T/first' 127.0.0.1 breakglass true && [ ! -e '$key.new' ] && [ \$(grep -c ssh-ed25519 /root/.ssh/authorized_keys2) = 1 ]"
chown 61001:61002 "$key" "$key.pub" # as on a jump host, where the key is the engine's
check "all steps but the last" contains '^Done' rotate --apply
check "the new key is in place" bash -c "! cmp -s '$key.pub' '$T/first.pub' && [ \$(stat -c %a '$key') = 600 ]"
check "and whose the old one is" test "$(stat -c %u:%g "$key" "$key.pub" "$key.old" | uniq)" = 61001:61002
check "and again nothing is to do" contains '^Nothing to do' rotate --apply
cp "$key.pub" "$T/new.pub"
mv "$key.pub" "$key.new.pub"
cp "$key.old.pub" "$key.pub"
check "a switch that was cut between the two files is completed" bash -c "$(declare -f rotate); $(declare -p BOOTSTRAP port key); rotate && cmp '$T/new.pub' '$key.pub' && [ ! -e '$key.new.pub' ]"
cp /home/breakglass/.ssh/authorized_keys "$T/ak"
: >/home/breakglass/.ssh/authorized_keys
check "retire, when the new key does not work, takes nothing away" bash -c "$(declare -f rotate); $(declare -p BOOTSTRAP port key); ! rotate --step retire --apply && [ -e '$key.old' ]"
cat "$T/ak" >/home/breakglass/.ssh/authorized_keys
mv "$key" "$key.saved"
cp "$T/first" "$key"
check "nor when another key is the one that logs in" bash -c "$(declare -f rotate); $(declare -p BOOTSTRAP port key); ! rotate --step retire --apply && [ -e '$key.old' ]"
mv -f "$key.saved" "$key"
check "retire" contains '^Done' rotate --step retire --apply
check "the old key is out" bash -c "$(declare -f login); $(declare -p SSH port); ! login '$T/first' 127.0.0.1 root status && ! login '$T/first' 127.0.0.1 breakglass true && [ ! -e '$key.old' ]"
check "the new one works" contains '^root$' login "$key" 127.0.0.3 breakglass sudo -n id -un

# -- root is kept out by sshd: the drop-in
echo 'PermitRootLogin no' >/etc/ssh/sshd_config.d/50-site.conf
"$BOOTSTRAP" pve --key "$key.pub" --check >"$T/got" 2>&1
check "PermitRootLogin no is seen" grep -q 'would .*05-breakglass-pve.conf' "$T/got"
# sshd -i reads its files at each login: nobody is there to be reloaded
BREAKGLASS_BOOTSTRAP_SSH='' "$BOOTSTRAP" pve --key "$key.pub" --apply >"$T/got" 2>&1
check "a login by the drop-in" contains '^#bg result' login "$key" 127.0.0.1 root status
check "root's own key stays out" exits 255 login "$T/admin" 127.0.0.1 root true
check "pve undone, on the machine itself" bash -c "'$BOOTSTRAP' pve --undo --apply; [ ! -e /etc/ssh/sshd_config.d/05-breakglass-pve.conf ]"
rm /etc/ssh/sshd_config.d/50-site.conf

check "devvm undone" contains '^Done' devvm_ --undo --apply
rm -rf /var/lib/breakglass /var/log/breakglass
check "the account files are as before" as_before
finish
