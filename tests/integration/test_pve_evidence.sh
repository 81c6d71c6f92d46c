#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: of a real QEMU (no guest, its firmware's screen is enough) the forensics show the
# screen as text and as a picture, tell text from graphics from nothing, see the link of the
# network card, leave nothing behind in QEMU, and never ask what could hang it.  What
# pvestatd recorded and where gdb sees a stalled QEMU wait becomes facts and reasons.
set -u
. "$(dirname "$0")/pve_lib.sh"
make_site
QEMU=$(command -v qemu-system-x86_64) || { echo "skipped: no qemu-system-x86_64"; exit 77; }

start_qemu() { # DISPLAY-OPTIONS...
	"$QEMU" -M q35 -accel tcg -m 32 -nodefaults -display none -name devvm,debug-threads=on \
		-netdev user,id=net0,restrict=on -device virtio-net-pci,netdev=net0,id=net0,romfile= \
		-chardev "socket,id=qmp,path=$T/102.qmp,server=on,wait=off" -mon chardev=qmp,mode=control \
		-pidfile "$T/102.pid" -daemonize "$@" || exit 99
	cat "$T/102.pid" >>"$T/pids"
}
stop_qemu() {
	kill "$(vm_pid)"
	wait_for 5 eval '! vm_alive'
	rm -f "$T/102.pid" "$T/102.qmp"
}
look() { out=$(pve forensics 2>&1); }
has() { grep -qF -- "$1" <<<"$out"; }
fact_is() { [ "$(fact "$1" <<<"$out")" = "$2" ] || { echo "    $1=$(fact "$1" <<<"$out")"; return 1; }; }
shows() { look; has "$1"; }
qmp() { # COMMAND: its reply
	python3 - "$T/102.qmp" "$1" <<-'P'
		import json, socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.settimeout(5)
		s.connect(sys.argv[1])
		f = s.makefile("rw")
		f.readline()
		for c in ('{"execute":"qmp_capabilities"}', sys.argv[2]):
		    f.write(c + "\n")
		    f.flush()
		    while True:
		        r = json.loads(f.readline())
		        if "return" in r or "error" in r:
		            break
		print(json.dumps(r))
	P
}
# The section as a file; its size is what the fact says, and it can be unpacked.
png_opens() { # [drawn]: and is not of one colour
	sed -n '/^#bg section=screen-png/,/^#bg end=screen-png/p' <<<"$out" | grep -v '^#bg' |
		sed 's/^  //' | base64 -d >"$T/screen.png" || return 1
	[ "$(stat -c %s "$T/screen.png")" = "$(fact png_bytes <<<"$out")" ] || return 1
	python3 - "$T/screen.png" "${1:-}" <<-'P'
		import struct, sys, zlib
		d = open(sys.argv[1], "rb").read()
		assert d[:8] == b"\x89PNG\r\n\x1a\n"
		at, data = 8, b""
		while at < len(d):
		    n, kind = struct.unpack(">I4s", d[at:at + 8])
		    body = d[at + 8:at + 8 + n]
		    assert zlib.crc32(kind + body) == struct.unpack(">I", d[at + 8 + n:at + 12 + n])[0]
		    if kind == b"IHDR":
		        w, h, depth, colour = struct.unpack(">IIBB", body[:10])
		    if kind == b"IDAT":
		        data += body
		    at += 12 + n
		rows = zlib.decompress(data)
		assert kind == b"IEND" and len(rows) == h * (1 + w * {2: 3, 6: 4}[colour] * depth // 8)
		assert sys.argv[2] != "drawn" or len(set(rows)) > 1
	P
}
descriptors() { ls "/proc/$(vm_pid)/fd" | wc -l; }

# --- a text screen
start_qemu -device VGA,id=vga -object iothread,id=io1
check "the firmware's text is read" wait_for 20 shows "  No bootable device."
check "it counts as text" fact_is screen text
check "and says nothing that is looked for" eval '[ -z "$(fact screen_says <<<"$out")" ]'
check "the picture is a whole PNG" png_opens drawn
check "it comes after the verdict" eval '[ "$(grep -n "^#bg verdict" <<<"$out" | cut -d: -f1)" -lt \
	"$(grep -n "section=screen-png" <<<"$out" | cut -d: -f1)" ]'
check "no line is longer than the protocol's 600 bytes" eval '[ "$(wc -L <<<"$out")" -lt 600 ]'
check "all output is printable ASCII" eval '! LC_ALL=C grep -q "[^ -~]" <<<"$out"'
check "block jobs and iothreads are counted" eval 'fact_is block_jobs 0 && fact_is iothreads 1'
check "the host's load and memory are facts" eval '[ -n "$(fact host_load1 <<<"$out")" ] && [ "$(fact host_mem_free_mb <<<"$out")" -gt 0 ]'
n=$(descriptors)
look
check "nothing of ours stays in QEMU" eval '[ "$(descriptors)" = $n ] && qmp "{\"execute\":\"query-fdsets\"}" | grep -qF "\"return\": []"'

# --- the link of its card
check "the link is up" fact_is link up
qmp '{"execute":"set_link","arguments":{"name":"net0","up":false}}' >/dev/null
look
check "the link is seen to be down" fact_is link down
check "and the verdict says so" has "network link down"

# --- a mutating verb keeps the picture too, before it acts
out=$(pve reset 2>&1)
check "a reset captures the screen first" eval 'has "#bg section=screen-png" && has "  No bootable device."'
stop_qemu

# --- no text, no display
start_qemu -device bochs-display
look
check "a display without text is graphics" eval 'fact_is screen graphics && has "the screen shows graphics" && png_opens'
stop_qemu
start_qemu
look
check "no display is none" eval 'fact_is screen none && ! has screen-png'
stop_qemu

# --- what is asked at all, of a QEMU on files and of one on devices
start_vm
: >"$T/mode.asked"
pve forensics >/dev/null
pve cycle >/dev/null
vm_pid >>"$T/pids"
check "nothing that drains or stops is ever asked" eval '[ -s "$T/mode.asked" ] && ! grep -E \
	"\"(query-block|query-named-block-nodes|stop|quit|system_reset|dump-guest-memory|savevm|block_set_io_throttle|device_del|eject)\"" "$T/mode.asked"'
pve stop >/dev/null
for d in /dev/vd[a-z] /dev/sd[a-z] /dev/nvme[0-9]n[0-9] /dev/loop[0-9]; do
	[ -b "$d" ] && (: <"$d") 2>/dev/null && break
	d=
done
if [ -n "$d" ]; then
	echo "$d" >"$T/disk"
	start_vm
	: >"$T/mode.asked"
	look
	check "QEMU's disk is seen to be a device" has "disk device: $d"
	check "query-block comes last there" eval 'tail -n 1 "$T/mode.asked" | grep -q "\"query-block\""'
	: >"$T/mode.asked"
	pve reset >/dev/null
	check "and not before a mutation" eval '! grep -q "\"query-block\"" "$T/mode.asked"'
else
	echo "skipped: there is no block device here to be read"
fi
rm -f "$T/disk"
pve stop >/dev/null

# --- a stop that ends while we look, a debugger's for example, is no hang
start_vm
kill -STOP "$(vm_pid)"
wait_for 3 grep -q '^State:.T' "/proc/$(vm_pid)/status"
pve forensics >"$T/out" &
looker=$!
wait_for 3 grep -q "^#bg end=process" "$T/out"
kill -CONT "$(vm_pid)"
wait $looker
out=$(cat "$T/out")
check "a QEMU that was stopped and runs again is not hung" has "#bg verdict word=healthy"
check "though it was seen to be stopped" has "1 threads, 1 stopped"
pve stop >/dev/null

# --- what pvestatd recorded: zero is a stall, nothing is a QMP without an answer
cat >"$T/pvesh" <<-'X'
	#!/bin/bash
	here=$(dirname "$0")
	echo "$*" >"$here/pvesh.args"
	now=$(date +%s)
	cat "$here/pvesh.writes" | while read -r ago w; do
		printf '%s{"time":%s,"cpu":0.02,"mem":4e9%s}' "${comma:-[}" $((now - ago)) "${w:+,\"diskwrite\":$w}"
		comma=,
	done
	echo "]"
X
chmod +x "$T/pvesh"
echo "pvesh = $T/pvesh" >>"$T/site"
start_vm
echo "running stalled" >"$T/mode"
printf '360 51200\n300 0\n240 0\n180 0\n' >"$T/pvesh.writes"
look
check "pvesh is asked for this node's hour" eval '[ "$(cat "$T/pvesh.args")" = \
	"get /nodes/$(hostname | cut -d. -f1)/qemu/102/rrddata --timeframe hour --output-format json" ]'
s=$(fact rrd_zero_write_s <<<"$out")
check "writes are zero since the first row without any" eval '[ "${s:-0}" -ge 300 ] && [ "$s" -lt 330 ]'
check "the verdict says since when" has "pvestatd has seen no writes for 5 min"
check "the rows are shown" has "diskwrite 5.12e+04 B/s"
printf '360 51200\n300\n240\n180\n' >"$T/pvesh.writes"
look
s=$(fact rrd_silent_s <<<"$out")
check "rows without a rate are a QMP that is silent" eval '[ "${s:-0}" -ge 300 ] && [ -z "$(fact rrd_zero_write_s <<<"$out")" ]'
echo "no quorum" >"$T/pvesh.writes"
printf '#!/bin/sh\necho "no quorum?" >&2; exit 255\n' >"$T/pvesh"
look
check "a pvesh that fails is shown and nothing more" eval 'has "  no quorum?" && has "#bg end=rrd rc=255" && [ -z "$(fact rrd_silent_s <<<"$out")" ]'

# --- gdb, of a QEMU that is stalled
if [ -x /usr/bin/gdb ] && { [ "$(id -u)" = 0 ] || [ "$(cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null || echo 0)" = 0 ]; }; then
	# gdb has 2.5 s, which are few where many want the machine
	for _ in 1 2 3 4 5; do
		[ -z "$(fact main_waits_in <<<"$out")" ] || break
		look
	done
	waits_in=$(fact main_waits_in <<<"$out")
	[ -n "$waits_in" ] || [ "$(at_pace 1)" -lt 5 ] || { echo "skipped: gdb has no time here"; finish; }
	# the stand-in looks at its mode 20 times a second, so it may be met in any call of that
	sed -n '/^#bg section=gdb/,/^#bg end=gdb/p' <<<"$out" >"$T/gdb"
	check "gdb shows the main thread's frames" grep -qE '^ +#[0-9]+ .*\b(serve|main) \(' "$T/gdb"
	check "gdb names what the main thread waits in" eval \
		'[ -n "$waits_in" ] && grep -qE "^ +#[0-9]+ .*\b_*$waits_in \(" "$T/gdb" || { cat "$T/gdb"; false; }'
	check "and the verdict says it" has "; its main thread is in "
	check "QEMU runs on" eval 'grep -q "^State:.[SR]" "/proc/$(vm_pid)/status"'
	echo running >"$T/mode"
	look
	check "a QEMU that works is never stopped for it" eval '! has "section=gdb"'
else
	echo "skipped: gdb is not here, or may not trace"
fi
finish
