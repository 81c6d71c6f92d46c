#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: a site whose two hosts were set up by bootstrap, and by nothing else, works:
# a real guest without sudo for the user and without a key of ours, whose tools are
# busybox's; and a PVE side that still has the old host program.
set -u
# shellcheck source=/dev/null
. "$(dirname "$0")/bootstrap_lib.sh"
lab=$abs_top_srcdir/contrib/lab/lab
name=bootstrap-$$
T=$(mktemp -d "${TMPDIR:-/tmp}/bgbl.XXXXXX") || exit 99
chmod 755 "$T"
cleanup() {
	[ -z "${listener-}" ] || { kill "$listener"; wait "$listener"; } 2>/dev/null
	[ -z "${engine-}" ] || { kill "$engine"; wait "$engine"; } 2>/dev/null
	"$lab" -q --name "$name" down 2>/dev/null
	rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 99' INT TERM HUP

"$lab" -q --name "$name" up --die-with $$ --host-program "$PVE" 2>"$T/up"
rc=$?
[ $rc != 4 ] || { echo "skipped: the lab cannot be made here: $(tail -n 1 "$T/up")"; exit 77; }
[ $rc = 0 ] || { cat "$T/up"; exit 1; }
eval "$("$lab" --name "$name" env)"
inst=${BREAKGLASS_KEY_PATH%/client_key}
admin=$BREAKGLASS_KEY_PATH devvm_port=$BREAKGLASS_DEVVM_PORT
unset BREAKGLASS_KEY_PATH
me=$(id -un)
key=$T/k/breakglass
login_devvm() { "${SSH[@]}" -i "$key" -p "$devvm_port" breakglass@127.0.0.1 "$@" </dev/null; }
guest() { "${SSH[@]}" -i "$admin" -p "$devvm_port" "$1@127.0.0.1" "$2"; }

# -- the guest before: an administrator, nothing of breakglass
guest breakglass 'sudo sh -s' >"$T/out" 2>&1 <<'END' || { cat "$T/out"; exit 99; }
set -e
echo 'admin:x:1001:1001::/home/admin:/bin/sh' >>/etc/passwd
echo 'admin:x:1001:' >>/etc/group
echo 'admin:*:19000::::::' >>/etc/shadow
mkdir -m 700 /home/admin
chown 1001:1001 /home/admin
sed -i '/^breakglass/d' /etc/sudoers
mkdir -p -m 755 /etc/sudoers.d
printf '%s\n' 'admin ALL=(ALL:ALL) NOPASSWD: ALL' '@includedir /etc/sudoers.d' >>/etc/sudoers
sed -i 's#^AuthorizedKeysFile.*#AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/authorized_keys.admins/%u#' /etc/ssh/sshd_config
mkdir /etc/ssh/authorized_keys.admins
mv /etc/ssh/authorized_keys /etc/ssh/authorized_keys.admins/admin
kill -HUP "$(cat /run/sshd.pid)"
END
guest_ready() { guest admin 'sudo true' 2>/dev/null; }
end=$((SECONDS + 30))
until guest_ready; do [ $SECONDS -lt $end ] || { echo "the guest's administrator cannot log in"; exit 99; }; done
files='sudo sha256sum /etc/passwd /etc/group /etc/shadow /etc/sudoers /etc/ssh/sshd_config; sudo ls -A /home/breakglass /etc/sudoers.d /var/lib'
guest admin "$files" >"$T/before"

# -- the PVE side before: the old host program, another sshd
tree=$T/tree
mkdir -p "$tree"/{root/.ssh,usr/local/bin,var/lib,var/log,etc/ssh/sshd_config.d}
chmod 700 "$tree/root/.ssh"
printf '#!/bin/bash\necho "the old host program"\n' >"$tree/usr/local/bin/breakglass-pve"
sed -e '/^Port\|^ListenAddress\|^PidFile/d' \
	-e "s#^AuthorizedKeysFile.*#AuthorizedKeysFile $tree/root/.ssh/authorized_keys $tree/root/.ssh/authorized_keys2#" \
	"$inst/sshd_config" >"$tree/etc/ssh/sshd_config"
start_sshd "$tree/etc/ssh/sshd_config"

# -- bootstrap, as its documentation says
export BREAKGLASS_BOOTSTRAP_SSH="${SSH[*]} -i $admin"
devvm_() { "$BOOTSTRAP" devvm --to admin@127.0.0.1 --port "$devvm_port" --key "$key.pub" "$@"; }
pve_() { "$BOOTSTRAP" pve --root "$tree" --program "$PVE" --site "$inst/site.conf" --key "$key.pub" "$@"; }
check "the key" "$BOOTSTRAP" key --key "$key" --apply
check "devvm: prints" contains 'already .*user breakglass' devvm_ --from 10.0.2.2
check "devvm: done" contains '^Done' devvm_ --from 10.0.2.2 --apply
check "devvm: twice" contains '^Nothing to do' devvm_ --from 10.0.2.2 --apply
check "pve: done" contains '^Done' pve_ --from 127.0.0.1 --apply

# -- the engine, with that key
export BREAKGLASS_KEY_PATH=$key BREAKGLASS_PVE_PORT=$port BREAKGLASS_PVE_USER=$me \
	BREAKGLASS_LIBEXEC_DIR=$abs_top_builddir/libexec BREAKGLASS_DATA_DIR=$abs_top_srcdir \
	BREAKGLASS_RUN_DIR=$T/run BREAKGLASS_SESSIONS_DIR=$T/sessions
"$abs_top_builddir/src/breakglass" engine >"$T/engine.out" 2>&1 &
engine=$!
end=$((SECONDS + 15))
until "$abs_top_builddir/src/breakglass" ping >/dev/null 2>&1; do
	[ $SECONDS -lt $end ] || { cat "$T/engine.out"; exit 1; }
done
check "breakglass status, of the real guest" contains running timeout 60 "$abs_top_builddir/src/breakglass" status
check "a devvm command with sudo" contains '^uid=0(root)' login_devvm 'sudo -n id'
check "no forwarding there" exits 255 login_devvm -N -o ExitOnForwardFailure=yes -R 0:127.0.0.1:1
check "another list, and the key is refused" bash -c \
	"$(declare -f devvm_); $(declare -p BOOTSTRAP devvm_port key); devvm_ --from 10.0.2.99 --apply"
check "refused" exits 255 login_devvm true

# -- undo
check "devvm: undone" contains '^Done' devvm_ --undo --apply
guest admin "$files" >"$T/after"
check "devvm: as before" diff "$T/before" "$T/after"
check "pve: undone" contains '^Done' pve_ --undo --apply
check "pve: the old program is back" grep -q 'the old host program' "$tree/usr/local/bin/breakglass-pve"
finish
