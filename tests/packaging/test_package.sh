#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: on a bare Debian 12 the packages are installed by apt, run, are upgraded while a
# verb and an engine are at work, and a purge leaves the machine as it was.
#
# The machine is a bare root with namespaces of its own: no network but its loopback, no
# process that outlives it.  What happens in it is package_inner.sh.
set -u
: "${abs_top_builddir:=$PWD}" "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
here=$abs_top_srcdir/tests/packaging
FAKE=$abs_top_builddir/tests/fakes/pve/qemu-fake

[ "$(id -u)" = 0 ] || { echo "SKIP: a bare root needs root"; exit 77; }
unshare -mpnui --fork true 2>/dev/null || { echo "SKIP: no namespaces can be made here"; exit 77; }
"$abs_top_srcdir/contrib/deps" install image package || { echo "SKIP: packages are missing"; exit 77; }
[ -x "$FAKE" ] || { echo "no $FAKE: run make check"; exit 99; }

# what a machine has that is not ours to bring: an sshd, shells with completion, manual pages
base=$("$abs_top_srcdir/contrib/bare-root" bash-completion iproute2 man-db openssh-client \
    openssh-server procps systemd zsh) || exit 99
debs=${BREAKGLASS_DEBS:-$("$abs_top_srcdir/contrib/build-deb" --cached)} || exit 99

T=$(mktemp -d "${TMPDIR:-/tmp}/bgpackage.XXXXXX") || exit 99
cleanup() {
	for m in "$T"/r/proc "$T"/r/dev; do
		! mountpoint -q "$m" || umount -l "$m"
	done
	! grep -q " $T/" /proc/mounts || { echo "still mounted: $T"; exit 99; }
	rm -rf --one-file-system "$T"
}
trap cleanup EXIT
trap 'exit 99' INT TERM HUP

mkdir "$T/r" "$T/new"
tar -C "$T/r" -xpf "$base" || exit 99
mkdir -p "$T/r/test/debs" "$T/r/test/new" "$T/r/test/fakes"
cp "$debs"/*.deb "$T/r/test/debs/"
cp "$here/package_inner.sh" "$T/r/test/"
cp "$FAKE" "$abs_top_srcdir/tests/fakes/pve/qm" "$T/r/test/fakes/"

# The next version: the same files, built again.
for p in breakglass breakglass-bootstrap breakglass-engine breakglass-pve; do
	f=$(echo "$debs/${p}"_*.deb)
	dpkg-deb -R "$f" "$T/new/$p" || exit 99
	sed -i 's/^Version: .*/&+1/' "$T/new/$p/DEBIAN/control"
	dpkg-deb --root-owner-group -Zgzip -z1 -b "$T/new/$p" "$T/r/test/new/$p.deb" >/dev/null || exit 99
done

# apt's downloads are for all runs of this test; those that are there need no network
archives=${XDG_CACHE_HOME:-$HOME/.cache}/breakglass/root/archives
mkdir -p "$archives/partial"
cp -l "$archives"/*.deb "$T/r/var/cache/apt/archives/" 2>/dev/null ||
	cp "$archives"/*.deb "$T/r/var/cache/apt/archives/" 2>/dev/null
cp /etc/resolv.conf "$T/r/etc/resolv.conf" 2>/dev/null
if ! chroot "$T/r" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \
    sh -c 'cd /test/debs && apt-get -qqy --no-install-recommends --download-only install \
    ./breakglass_*.deb ./breakglass-bootstrap_*.deb ./breakglass-engine_*.deb ./breakglass-pve_*.deb' \
    >"$T/apt" 2>&1; then
	tail -n 5 "$T/apt"
	echo "SKIP: apt cannot fetch what the packages depend on"
	exit 77
fi
cp -n "$T/r/var/cache/apt/archives/"*.deb "$archives/" 2>/dev/null

# shellcheck disable=SC2016
unshare -mpnui --fork --kill-child --propagation private bash -c '
	set -e
	ip link set lo up
	hostname pve1
	mount --bind "$1" "$1"
	cd "$1"
	mount -t proc proc proc
	mkdir -p dev && mount -t tmpfs -o mode=755 dev dev
	for n in null zero full random urandom tty; do : >dev/$n; mount --bind /dev/$n dev/$n; done
	mkdir dev/pts dev/shm && mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
	ln -s pts/ptmx dev/ptmx
	ln -s /proc/self/fd dev/fd
	mount -t tmpfs -o mode=1777 shm dev/shm
	mkdir -p test/old
	pivot_root . test/old
	cd /
	umount -l /test/old
	rmdir /test/old
	exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TERM=dumb \
	    DEBIAN_FRONTEND=noninteractive bash /test/package_inner.sh
' bash "$T/r"
rc=$?
[ $rc -eq 0 ] || [ $rc -eq 1 ] || echo "the machine ended with $rc"
exit $((rc != 0))
