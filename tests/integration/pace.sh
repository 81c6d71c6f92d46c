# SPDX-License-Identifier: GPL-3.0-or-later
# pace.sh: limits on what the product does are those of a machine that has time; on one
# that many share the same takes longer, and the limit with it.  pace.py has more.

# at_pace N: N, as many times as others want each core, and once more
at_pace() {
	local load running _
	read -r load _ _ running _ </proc/loadavg || { echo "$1"; return; }
	load=${load%.*} running=${running%/*}
	[ "$load" -gt "$running" ] || load=$running
	echo $(($1 + $1 * (load - 1) / $(nproc)))
}
