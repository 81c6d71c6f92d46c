# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154,SC2034
# For tests that set up hosts as root on a machine of their own; bootstrap_lib.sh is
# sourced before.
#
# The machine lends its /etc, /root and the rest as overlays in a mount namespace
# of this test: what is written there nobody else sees, and it goes with the test.
# PVE host and devvm are 127.0.0.1, at $port; the operator is root, or you, who has sudo.
if [ -z "${BG_BOOTSTRAP_NS-}" ]; then
	[ "$(id -u)" = 0 ] || { echo "skipped: needs root, for a mount namespace"; exit 77; }
	command -v visudo >/dev/null || { echo "skipped: no sudo here (apt-get install sudo)"; exit 77; }
	T=$(mktemp -d "${TMPDIR:-/tmp}/bgboot.XXXXXX") || exit 99
	chmod 755 "$T"
	trap 'rm -rf "$T"' EXIT
	trap 'kill "$!"; wait; exit 99' INT TERM HUP
	unshare -m --propagation private true 2>/dev/null || { echo "skipped: no mount namespace here"; exit 77; }
	BG_BOOTSTRAP_NS=$T unshare -m --propagation private "$BASH" "$0" "$@" &
	wait $!
	exit
fi
T=$BG_BOOTSTRAP_NS
trap '[ -z "${listener-}" ] || { kill "$listener"; wait "$listener"; } 2>/dev/null' EXIT
trap 'exit 99' INT TERM HUP
mount -t tmpfs -o mode=755 none "$T" || { echo "skipped: cannot mount"; exit 77; }
for d in /etc /home /root /usr/local /var/lib /var/log; do
	o=$T/o$(echo $d | tr / -)
	mkdir -p "$o/up" "$o/work"
	chmod "$(stat -c %a $d)" "$o/up"
	mount -t overlay overlay -o "lowerdir=$d,upperdir=$o/up,workdir=$o/work" $d ||
		{ echo "skipped: no overlay file system here"; exit 77; }
done
mount -t tmpfs -o mode=755 none /run # no sshd of the machine is to be reloaded
mkdir /run/sshd

# -- the machine: Debian's sshd_config, a root with an admin key, a user with sudo
rm -f /root/.bashrc /root/.profile /root/.ssh/authorized_keys* /etc/sudoers.d/breakglass \
	/etc/ssh/sshd_config.d/* /usr/local/bin/breakglass-pve*
grep -q ^breakglass: /etc/passwd && userdel breakglass
mkdir -p -m 700 /root/.ssh
mkdir -p -m 755 /etc/pve/priv
ssh-keygen -A >/dev/null
ssh-keygen -q -t ed25519 -N '' -f "$T/admin" || exit 99
cp "$T/admin.pub" /etc/pve/priv/authorized_keys
chmod 600 /etc/pve/priv/authorized_keys
ln -s /etc/pve/priv/authorized_keys /root/.ssh/authorized_keys
useradd -m -s /bin/sh -p '*' you || exit 99
mkdir -m 700 /home/you/.ssh
cp "$T/admin.pub" /home/you/.ssh/authorized_keys
chown -R you: /home/you
echo 'you ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/you
chmod 440 /etc/sudoers.d/you
cat >/etc/ssh/sshd_config <<'END'
Include /etc/ssh/sshd_config.d/*.conf
KbdInteractiveAuthentication no
UsePAM yes
X11Forwarding yes
PrintMotd no
AcceptEnv LANG LC_*
Subsystem sftp /usr/lib/openssh/sftp-server
END
start_sshd /etc/ssh/sshd_config
printf '%s\n' "Host *" "  IdentityFile $T/admin" "  BatchMode yes" "  StrictHostKeyChecking no" \
	"  UserKnownHostsFile /dev/null" "  GlobalKnownHostsFile /dev/null" "  LogLevel ERROR" >"$T/ssh_config"
export BREAKGLASS_BOOTSTRAP_SSH="ssh -F $T/ssh_config"
export BREAKGLASS_LIBEXEC_DIR=$T/libexec
mkdir "$T/libexec"
cp "$PVE" "$T/libexec/breakglass-pve"
