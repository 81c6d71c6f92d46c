# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=dash disable=SC2154,SC2034 # the options are bootstrap's
# sshd.sh: what the sshd of this host would do, asked of sshd itself (sshd -T).
#
# Where its configuration keeps our key out, one drop-in with one Match block
# lets exactly this user and these addresses in.  It is taken back at once when
# it changes anything for anybody else.

SSHD_CONFIG=/etc/ssh/sshd_config
DROPIN=/etc/ssh/sshd_config.d/05-breakglass-$what.conf
OTHERS=203.0.113.1 # an address that nobody has: the rest of the world
SSHD=${BREAKGLASS_BOOTSTRAP_SSHD:-/usr/sbin/sshd}

# eff USER ADDRESS: $eff is the file with what sshd does for that connection
eff() {
	eff=$tmp/eff-$1-$(printf %s "$2" | tr ':/' '__')
	[ ! -s "$eff" ] || return 0
	"$SSHD" -T -f "$R$SSHD_CONFIG" -C "user=$1,host=${2%%/*},addr=${2%%/*},laddr=127.0.0.1,lport=22" \
		>"$eff" 2>"$tmp/eff.err" && [ -s "$eff" ] && return 0
	rm -f "$eff"
	failed "sshd -T does not answer: $(tail -n 1 "$tmp/eff.err")"
}
eff_forget() { rm -f "$tmp"/eff-*; }
eff_get() { sed -n "s/^$1 //p" "$eff"; }

# keys_words USER HOME: the files that $eff names, one a line
keys_words() {
	eff_get authorizedkeysfile | tr ' ' '\n' | sed -e '/^none$/d' -e "s#%h#$2#g; s#%u#$1#g; s#%%#%#g" |
		while read -r f; do
			case $f in
			"$R"/*) echo "${f#"$R"}" ;;
			/*) echo "$f" ;;
			*) echo "$2/$f" ;;
			esac
		done
}

# keys_file USER HOME: $file is where our lines go; $file_why why not elsewhere
keys_file() {
	local w
	file='' file_why=''
	eff "$1" "${from_all%%,*}" || return 1
	keys_words "$1" "$2" >"$tmp/words"
	while read -r w; do
		[ -z "$file" ] || break
		if [ "$w" = "/etc/ssh/authorized_keys.$1" ]; then
			file=$w
		elif [ "${w#"$2"/}" = "$w" ] && [ "${w#*"$1"}" = "$w" ]; then
			file_why="$file_why $w is for all users."
		elif [ "$what $w" = "pve $2/.ssh/authorized_keys" ]; then
			file_why="$file_why $w is Proxmox's: a link into /etc/pve, gone or read-only when pmxcfs is."
		elif [ -L "$R$w" ]; then
			file_why="$file_why $w is a link."
		else
			file=$w
		fi
	done <"$tmp/words"
	[ -n "$file" ] || file=/etc/ssh/authorized_keys.$1
}

# dropin_text USER: what our drop-in has to say, empty: nothing
dropin_text() {
	local root='' words='' a
	if [ -f "$R$DROPIN" ] && [ -n "$(recorded file "$DROPIN")" ]; then
		grep -q PermitRootLogin "$R$DROPIN" && root=yes
		words=$(sed -n 's/^[[:space:]]*AuthorizedKeysFile //p' "$R$DROPIN")
	fi
	for a in $(printf %s "$from_all" | tr , ' '); do
		eff "$1" "$a" || return 1
		[ "$1$(eff_get permitrootlogin)" != rootno ] || root=yes
		keys_words "$1" "$2" | grep -qxF "$file" || words="$(eff_get authorizedkeysfile) $R$file"
	done
	[ -n "$root$words" ] || return 0
	echo "# made by bootstrap $what; bootstrap $what --undo removes it"
	echo "Match User $1 Address $from_all"
	[ -z "$root" ] || echo "    PermitRootLogin forced-commands-only"
	[ -z "$words" ] || echo "    AuthorizedKeysFile $words"
}

sshd_others() {
	eff_forget
	for u in root nobody; do eff $u $OTHERS && cat "$eff"; done
	eff_forget
}

# ensure_dropin USER HOME
ensure_dropin() {
	dropin_text "$1" "$2" >"$tmp/dropin" || return 1
	[ -s "$tmp/dropin" ] || return 0
	if ! grep -Eiq '^[[:space:]]*Include[[:space:]].*sshd_config\.d/\*\.conf' "$R$SSHD_CONFIG"; then
		problem "$SSHD_CONFIG does not include sshd_config.d/*.conf, so these lines must be added to its end by hand:"
		sed 's/^/             + /' "$tmp/dropin" | plain
		return 1
	fi
	sshd_others >"$tmp/others"
	[ -f "$R$DROPIN" ] && cp "$R$DROPIN" "$tmp/dropin.before"
	ensure_file "$DROPIN" 0644 0:0 "$tmp/dropin" "sshd lets $1 in by this key from these addresses" || return 1
	show_diff /dev/null "$tmp/dropin"
	[ -n "$apply" ] || return 0
	sshd_others >"$tmp/others.after"
	if ! cmp -s "$tmp/others" "$tmp/others.after"; then
		rm -f "$R$DROPIN"
		[ ! -f "$tmp/dropin.before" ] || put "$tmp/dropin.before" "$DROPIN" 0644 0:0
		failed "$DROPIN would have changed sshd for others, so it was taken back: see $SSHD_CONFIG"
		return 1
	fi
	cmp -s "$tmp/dropin" "$tmp/dropin.before" 2>/dev/null || sshd_reload
}

sshd_reload() {
	if [ -n "$R" ]; then
		note "sshd must be reloaded (not done for a tree)"
	elif [ -d /run/systemd/system ]; then
		for u in ssh sshd; do
			systemctl -q is-active $u || continue
			systemctl reload $u || failed "sshd was not reloaded: systemctl reload $u"
			return
		done
	elif [ "$(cat "/proc/$(cat /run/sshd.pid 2>/dev/null)/comm" 2>/dev/null)" = sshd ]; then
		kill -HUP "$(cat /run/sshd.pid)" || failed "sshd was not reloaded: send it SIGHUP"
	else
		note "no sshd of this machine is running; where one is, it must be reloaded"
	fi
}

# net_has NET ADDRESS: is that address in that network?
net_has() {
	printf '%s %s\n' "$1" "$2" | tr A-F a-f | awk '
	function hex(s,	i, v) {
		for (i = 1; i <= length(s); i++)
			v = v * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1
		return v + 0
	}
	# its 16-bit groups; how many they are
	function groups(a, g,	n, q, i, k, gap) {
		if (a !~ /:/) {
			if (split(a, q, ".") != 4) return 0
			g[1] = q[1] * 256 + q[2]
			g[2] = q[3] * 256 + q[4]
			return 2
		}
		gsub(/::/, ":G:", a); sub(/^:G/, "G", a); sub(/G:$/, "G", a)
		n = split(a, q, ":")
		for (i = 1; i <= n; i++) {
			if (q[i] != "G") { g[++k] = hex(q[i]); continue }
			for (gap = 8 - (n - 1); gap > 0; gap--) g[++k] = 0
		}
		return k
	}
	{
		split($1, p, "/")
		n = groups(p[1], net)
		if (!n || groups($2, addr) != n) exit 1
		for (i = 1; i <= n; i++) {
			bits = p[2] - (i - 1) * 16
			size = bits >= 16 ? 1 : bits <= 0 ? 65536 : 2 ^ (16 - bits)
			if (int(net[i] / size) != int(addr[i] / size)) exit 1
		}
	}'
}

# addr_in LIST ADDRESS: of networks, patterns and negations between commas, as sshd reads it
addr_in() {
	local e no hit=1
	for e in $(printf %s "$1" | tr , ' '); do
		no=''
		case $e in !*) no=yes e=${e#!} ;; esac
		case $e in
		*/*) net_has "$e" "$2" || continue ;;
		*)
			# shellcheck disable=SC2254
			case $2 in $e) ;; *) continue ;; esac ;;
		esac
		[ -z "$no" ] || return 1
		hit=0
	done
	return $hit
}

# name_matches PATTERNS NAME ADDRESS: of AllowUsers and its kin
name_matches() {
	local p hit=1
	set -f
	for p in $1; do
		case $p in
		*@*)
			# shellcheck disable=SC2254
			case $2 in ${p%%@*}) ! addr_in "${p#*@}" "$3" || hit=0 ;; esac ;;
		*)
			# shellcheck disable=SC2254
			case $2 in $p) hit=0 ;; esac ;;
		esac
	done
	set +f
	return $hit
}

# why_not USER ADDRESS KEYTYPE: what keeps that login out, one reason a line
why_not() {
	local v g type=$3
	[ "$(eff_get pubkeyauthentication)" = yes ] || echo "PubkeyAuthentication is off"
	v=$(eff_get forcecommand)
	[ "${v:-none}" = none ] || echo "ForceCommand replaces our command: $v"
	v=$(eff_get authenticationmethods)
	case " ${v:-any} " in
	*" any "* | *" publickey "*) ;;
	*) echo "AuthenticationMethods wants more than a key: $v" ;;
	esac
	[ "$1$(eff_get permitrootlogin)" != rootno ] || echo "PermitRootLogin is no"
	v=$(eff_get allowusers)
	[ -z "$v" ] || name_matches "$v" "$1" "${2%%/*}" || echo "AllowUsers does not name $1 ($(echo "$v" | tr '\n' ' '))"
	v=$(eff_get denyusers)
	[ -z "$v" ] || ! name_matches "$v" "$1" "${2%%/*}" || echo "DenyUsers names $1"
	for g in $(id -Gn "$1" 2>/dev/null || echo "$1"); do
		v=$(eff_get denygroups)
		[ -z "$v" ] || ! name_matches "$v" "$g" '' || echo "DenyGroups names its group $g"
	done
	v=$(eff_get allowgroups)
	[ -z "$v" ] || {
		for g in $(id -Gn "$1" 2>/dev/null || echo "$1"); do name_matches "$v" "$g" '' && break; done
	} || echo "AllowGroups does not name a group of $1"
	[ "$type" != ssh-rsa ] || type=rsa-sha2-512
	case ,$(eff_get pubkeyacceptedalgorithms)$(eff_get pubkeyacceptedkeytypes), in
	*,"$type",*) ;;
	*) echo "sshd does not accept keys of type $type" ;;
	esac
	keys_words "$1" "$home" | grep -qxF "$file" || echo "sshd does not read $file"
}

# check_access USER TEXT: what each address of our lines would be allowed
check_access() {
	local l blob type a
	[ -f "$R$file" ] || return 0
	block_of "$R$file" >"$tmp/block.now"
	[ -s "$tmp/block.now" ] || return 0
	echo "What sshd would allow:"
	eff_forget
	while IFS= read -r l; do
		type=${l##*\" }
		blob=${type#* }
		blob=${blob%% *}
		type=${type%% *}
		for a in $(printf '%s\n' "$l" | from_of | tr , ' '); do
			eff "$1" "$a" || continue
			why_not "$1" "$a" "$type" >"$tmp/why"
			if [ -s "$tmp/why" ]; then
				problem "from $a: refused: $(tr '\n' ';' <"$tmp/why")"
			else
				line ok "from $a, key ...${blob#"${blob%????????????}"}: $2"
			fi
		done
	done <"$tmp/block.now"
	line ok "from anywhere else: this key is refused"
	case $(eff_get authorizedkeyscommand) in
	none | '') ;;
	*) note "sshd also asks an AuthorizedKeysCommand for keys; what that says is not looked at here" ;;
	esac
	[ "$(eff_get maxsessions)" -ge 10 ] 2>/dev/null || note "MaxSessions is below 10: several agent commands at once would be refused"
	[ "$1$(eff_get passwordauthentication)$(eff_get permitrootlogin)" != rootyesyes ] ||
		note "sshd also takes root's password; breakglass does not need that (PermitRootLogin prohibit-password)"
}

# host_key: the key that this sshd shows, to be pinned by who asked over an ssh that he trusts
host_key() {
	local f
	eff root $OTHERS || return 0
	for f in $(eff_get hostkey | grep ed25519) $(eff_get hostkey); do
		[ ! -f "$f.pub" ] || {
			line hostkey "$(cut -d' ' -f1,2 "$f.pub")"
			return
		}
	done
}

# elsewhere USER HOME BLOB: is this key also in a line that is not ours?  $other is one
elsewhere() {
	local w n l options
	other=''
	eff "$1" "${from_all%%,*}" || return 1
	keys_words "$1" "$2" >"$tmp/words"
	while read -r w; do
		[ -f "$R$w" ] || continue
		: >"$tmp/none"
		with_block "$R$w" "$tmp/none" | grep -nF " $3" | grep -v '^[0-9]*:[[:space:]]*#' >"$tmp/hits"
		while IFS= read -r l; do
			n=${l%%:*}
			options=${l#*:}
			other=$w
			if [ "$what" != pve ]; then
				case $options in
				*from=*) ;;
				*) note "$w: this key is also in a line that is not ours, from anywhere (near line $n): remove it" ;;
				esac
				continue
			fi
			case $options in
			*command=\"$R$PROGRAM\"* | *"command=\"$R$PROGRAM --site "*)
				note "$w: this key has a line that is not ours (near line $n), for the same program" ;;
			*command=*)
				problem "$w: this key has a line that is not ours (near line $n) and runs another program: remove it" ;;
			*)
				problem "$w: this key opens a shell for root by a line that is not ours (near line $n): remove it" ;;
			esac
		done <"$tmp/hits"
	done <"$tmp/words"
}
