#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What test_package.sh does in its bare root, as root, with nothing around it.
# shellcheck disable=SC2009,SC2016,SC2317 # called by check; expanded by other shells
set -u
failed=0
step=$SECONDS
ok() { echo "ok - $1"; }
fail() { echo "FAILED - $1"; failed=1; }
# check TEXT COMMAND...: the command must succeed
check() {
	local t=$1
	shift
	if "$@" >/test/out 2>&1; then ok "$t"; else fail "$t"; sed 's/^/    | /' /test/out | tail -n 20; fi
}
says() { # says WORDS COMMAND...: its output must have them
	local w=$1
	shift
	"$@" 2>&1 </dev/null | tee /test/said | grep -qF -- "$w" || { cat /test/said; false; }
}
took() { echo "# $1: $((SECONDS - step)) s"; step=$SECONDS; }
wait_for() { # SECONDS COMMAND...
	local end=$((SECONDS + $1 * 6)) # a busy machine has its time, too
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		read -rt 0.1 _ <> <(:)
	done
	return 0
}
apt() { apt-get -qqy --no-install-recommends -o Dpkg::Use-Pty=0 "$@" >/test/apt 2>&1 || { tail -n 30 /test/apt; false; }; }
as_ann() {
	setpriv --reuid=ann --regid=ann --init-groups env -i HOME=/home/ann USER=ann LC_ALL=C.UTF-8 \
	    PATH=/usr/bin:/bin TERM=dumb "$@"
}

# -- what a purge is compared with: every file with mode, owner and link, what is in those
# of /etc and /usr, and who there is
snapshot() {
	find / -xdev \( -path /proc -o -path /dev -o -path /test -o -path /tmp -o -path /home/ann \) -prune -o \
	    -printf '%p %M %u:%g %l\n' | sort
	find /etc /usr/lib /lib/systemd -xdev -type f -print0 | sort -z | xargs -0 sha256sum
	getent passwd
	getent group
}
processes() { ps -e -o user=,args= | grep -vE ' (ps|grep|bash /test|sort|sed|cat|tee|diff)' | sort; }
# What dpkg, apt, ldconfig, man-db and useradd keep for themselves, whatever package it was:
# their logs, lists and copies of the file before.
DEBIAN='/var/lib/dpkg/|/var/lib/apt/|/var/cache/(apt|man|ldconfig|debconf)/|/var/log/(dpkg.log|apt/|alternatives.log)|/etc/(passwd|group|shadow|gshadow|subuid|subgid)-|/etc/ld.so.cache|/run/systemd/systemd-units-load'
useradd -m -s /bin/bash ann
mkdir -p /run/sshd
snapshot >/test/before
processes >/test/processes

# -- install
check "apt installs them" apt install /test/debs/breakglass_*.deb /test/debs/breakglass-bootstrap_*.deb \
    /test/debs/breakglass-engine_*.deb /test/debs/breakglass-pve_*.deb
took "install"
check "nothing was started" eval 'processes | diff /test/processes -'
check "and nothing enabled" eval '! find /etc/systemd -name "breakglass*" | grep .'
check "breakglass --version" says "breakglass 0" breakglass --version
check "breakglass --help" says "cycle" breakglass --help
check "breakglass-pve --version" says "breakglass-pve 0" breakglass-pve --version
pages=$(dpkg -L breakglass breakglass-bootstrap breakglass-engine breakglass-pve | sed -n 's,^/usr/share/man/man./\(.*\)\.\([0-9]\)\.gz$,\2 \1,p')
check "there are manual pages" test "$(wc -l <<<"$pages")" -ge 6
while read -r section page; do
	check "man $section $page" man -w "$section" "$page"
done <<<"$pages"
for d in $(dpkg -L breakglass breakglass-bootstrap breakglass-engine breakglass-pve | sed -n 's,^\(/usr/share/doc/[^/]*/README.Debian\)\(.gz\)\?$,\1\2,p'); do
	check "$d is there" test -s "$d"
done
check "every setting is in the example" grep -q '^#pve_host = ' /usr/share/doc/breakglass/examples/breakglass.conf
check "bash completes a verb" says forensics bash -c '. /usr/share/bash-completion/bash_completion
	_completion_loader breakglass
	COMP_WORDS=(breakglass fore) COMP_CWORD=1 COMP_LINE="breakglass fore" COMP_POINT=15
	$(complete -p breakglass | sed "s/.*-F \([^ ]*\).*/\1/") breakglass fore breakglass
	echo "${COMPREPLY[@]}"'
# shellcheck disable=SC2016
check "zsh has a completion" says _breakglass zsh -fc 'autoload -U compinit; compinit -D; print $_comps[breakglass]'
check "the run directories are root's alone" test "$(stat -c '%a %U' /var/lib/breakglass /var/log/breakglass | uniq)" = "700 root"
check "the shared engine has its user" says breakglass-operators id _breakglass
understood() { ! systemd-analyze "$@" 2>&1 | grep .; }
check "the machine's unit is understood" understood verify --man=no /lib/systemd/system/breakglass-engine.service
check "the user's, too" as_ann env XDG_RUNTIME_DIR=/tmp bash -c '! systemd-analyze --user verify --man=no \
    /usr/lib/systemd/user/breakglass.service 2>&1 | grep .'

# -- the host program refuses
log=/var/log/breakglass/breakglass.log
refused() { # WORD
	local before
	before=$(cat "$log" 2>/dev/null | wc -l)
	SSH_ORIGINAL_COMMAND=$1 breakglass-pve
	[ $? -eq 2 ] && [ $(($(wc -l <"$log") - before)) -eq 1 ]
}
check "a word that is no verb: 2, and one line in the log" refused 'id; rm -rf /'
check "a shell: the same" refused ''

# -- README.Debian's way to a PVE host: a link, and bootstrap writes the line
cd /test/fakes || exit 99
chmod 755 qm qemu-fake
echo running >mode
printf 'memory: 48000\nname: devvm\n' | tee config.txt >102.conf
sed 's/^/cur /' 102.conf >pending.txt
mkdir local
cat >site <<END
qm = $PWD/qm
syslog =
pidfile = $PWD/102.pid
qmp = $PWD/102.qmp
qga = $PWD/102.qga
pve_conf = $PWD/102.conf
pve_local = $PWD/local
pve_ha = $PWD/ha.cfg
pve_tasks = $PWD/tasks
systemd_run = no
gap_ms = 200
greeting_ms = 700
stop_ms = 30000
start_ms = 10000
verify_ms = 5000
END
./qm start
cd /
ln -s /usr/sbin/breakglass-pve /usr/local/bin/breakglass-pve
check "bootstrap makes a key" as_ann breakglass-bootstrap key --apply
check "bootstrap pve takes the link for what it is" says "a link to /usr/sbin/breakglass-pve of the Debian package" \
    breakglass-bootstrap pve --key /home/ann/.ssh/breakglass.pub --from 127.0.0.1 --site /test/fakes/site --apply
check "it is still a link" test -L /usr/local/bin/breakglass-pve
check "and the line for sshd is there" grep -q 'command="/usr/local/bin/breakglass-pve' /root/.ssh/authorized_keys2
/usr/sbin/sshd -o ListenAddress=127.0.0.1 -o PidFile=/test/sshd.pid -o UsePAM=no -E /test/sshd.log
check "sshd listens" wait_for 5 test -s /test/sshd.pid

# -- an ordinary user's engine, and a verb
mkdir -p /home/ann/.config
printf 'pve_host = 127.0.0.1\ndevvm_host = 127.0.0.1\n' >/home/ann/.config/breakglass.conf
chown -R ann: /home/ann/.config
check "the engine starts as an ordinary user" as_ann breakglass engine --ensure
check "and answers" as_ann breakglass ping
check "status reaches the host" says "running" as_ann breakglass status
took "the rest of what runs"

# -- an upgrade while the host program and the engine are at work
echo 'until [ -e /test/go ]; do read -rt 0.05 _ <> <(:); done' >/test/fakes/qm.stop
engine=$(pgrep -u ann -f libexec/breakglass/engine)
old=$(stat -c %i /usr/sbin/breakglass-pve)
as_ann breakglass cycle --confirm cycle >/test/cycle 2>&1 &
cycle=$!
check "a cycle is at work" wait_for 15 grep -q '^stop$' /test/fakes/qm.calls
check "apt upgrades everything meanwhile" apt install /test/new/*.deb
check "by a new file in the place of the old" test "$(stat -c %i /usr/sbin/breakglass-pve)" != "$old"
check "the verb is not at its end" kill -0 $cycle
check "status of the new program sees the old one's verb" says "cycle" as_ann breakglass status
touch /test/go
wait $cycle # it looks at a devvm in vain, which is not here
check "the old program has done its verb to the end" says "cycle: host program exit 0" cat /test/cycle
check "the guest runs" says "status: running" /test/fakes/qm status
check "the engine is the one from before" test "$(pgrep -u ann -f libexec/breakglass/engine)" = "$engine"
check "and answers" as_ann breakglass ping
check "a removal at this moment" apt remove breakglass
check "names the engine from before the upgrade" grep -qF "kill $engine ends it" /test/apt
check "and leaves it" kill -0 "$engine"
check "it comes back" apt install /test/new/breakglass.deb /test/new/breakglass-engine.deb
check "engine --replace is the way to the new one" as_ann breakglass engine --replace
check "which answers" wait_for 10 as_ann breakglass ping
check "and is another" test "$(pgrep -u ann -f libexec/breakglass/engine)" != "$engine"
check "no directory changed its mode" test "$(stat -c '%a %U' /var/lib/breakglass /var/log/breakglass | uniq)" = "700 root"
took "the upgrade"

# -- a removal ends nothing and takes out no key, and says so
ln -s /etc/pve/priv/authorized_keys /root/.ssh/authorized_keys
check "removal of the host program" apt remove breakglass-pve
check "does not read in /etc/pve, and says so" grep -qF "/root/.ssh/authorized_keys is in /etc/pve" /test/apt
rm /root/.ssh/authorized_keys
check "names the key that stays" grep -qF "a key for it stays in /root/.ssh/authorized_keys2" /test/apt
check "which is there" grep -q breakglass-pve /root/.ssh/authorized_keys2
check "and its record" test -d /var/lib/breakglass/runs
check "it comes back" apt install /test/new/breakglass-pve.deb
check "removal of breakglass" apt remove breakglass
check "names the engine that goes on" grep -qF "the engine of ann goes on" /test/apt
# while a verb holds the lock, a purge keeps its record
: >/test/hold
(exec 9>/run/breakglass.lock && flock 9 && until [ ! -e /test/hold ]; do read -rt 0.05 _ <> <(:); done) &
check "the lock is held" wait_for 20 eval '! flock -n /run/breakglass.lock true'
check "purge while a verb runs" apt purge breakglass-pve
check "keeps the record, and says so" eval 'grep -q "a verb runs at this moment" /test/apt && [ -d /var/lib/breakglass/runs ]'
rm /test/hold
wait $!
check "the packages come back" apt install /test/new/breakglass.deb /test/new/breakglass-pve.deb /test/new/breakglass-engine.deb
# a purge of the engine's package takes away what nothing needs, and fails at nothing
install -d -o _breakglass /etc/breakglass
check "purge while a file is the user's" apt purge breakglass-engine
check "names it" grep -qF "the user _breakglass stays: /etc/breakglass belongs to it" /test/apt
rmdir /etc/breakglass
check "the package comes back" dpkg -i /test/new/breakglass-engine.deb
setpriv --reuid=_breakglass --regid=_breakglass --clear-groups sleep 1000 &
sleeper=$!
check "a process of the user" wait_for 5 pgrep -u _breakglass sleep
check "purge meanwhile" apt purge breakglass-engine
check "keeps the user, and says so" eval 'grep -qF "the user _breakglass stays: a process" /test/apt && id _breakglass'
kill $sleeper
wait $sleeper
check "the package comes back" dpkg -i /test/new/breakglass-engine.deb
useradd -r -g breakglass-operators bob
check "purge while the group is somebody's own" apt purge breakglass-engine
check "keeps the group alone, and says so" eval 'grep -qF "the group breakglass-operators stays" /test/apt && ! id _breakglass'
check "and is done with it" eval '! dpkg -s breakglass-engine'
userdel bob
check "the package comes back" dpkg -i /test/new/breakglass-engine.deb
took "removals"

# -- the end: what a person made is taken back by that person's means, then a purge
pkill -u ann -f libexec/breakglass/engine
check "the engine ends" wait_for 30 eval '! pgrep -u ann .'
check "bootstrap takes back what it made" breakglass-bootstrap pve --undo --apply
rm /usr/local/bin/breakglass-pve
kill "$(cat /test/sshd.pid)"
wait_for 5 eval '! pgrep -x sshd'
kill "$(cat /test/fakes/102.pid)"
wait_for 5 eval '! pgrep -x qemu-fake'
check "purge" apt purge breakglass breakglass-bootstrap breakglass-engine breakglass-pve
check "and of what came with them" apt autoremove --purge
wait
snapshot >/test/after
processes >/test/processes.after
check "no process is left" diff /test/processes /test/processes.after
diff /test/before /test/after | sed -n 's/^[<>] //p' >/test/differs
grep -vE "(^| )($DEBIAN)" /test/differs >/test/ours
check "no file, user or group is left, and none is another" test ! -s /test/ours
[ ! -s /test/ours ] || sed 's/^/    | /' /test/ours
echo "# Debian itself keeps: $(grep -E "(^| )($DEBIAN)" /test/differs | sed -E 's/^[0-9a-f]{64}  //; s/ .*//; s,^(/[^/]*/[^/]*/[^/]*).*,\1,' | sort -u | tr '\n' ' ')"
echo "# ann keeps: $(cd /home/ann && find . -type f -not -name '.bash*' -not -name .profile | sort | tr '\n' ' ')"
took "the purge"
exit $failed
