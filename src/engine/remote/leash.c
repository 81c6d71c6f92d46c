/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * leash.c: the shell texts.  They use the builtins of a POSIX shell, /proc, and grep
 * where it finds bytes behind a NUL (GNU's; busybox's does not: then the shell reads).
 *
 *   T  what the tokens of this incident begin with
 *   t  " r1. r2. ": the tags (a token without T) of what is to be ended; "*": all
 *   A  " pid:ppid:session …" of every process that is not dead
 *   M  " pid=tag …": which of them belong to which run
 */
#include "engine/remote/leash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define VARIABLE "LC_BREAKGLASS_RUN"

/* Whose environment or command line has a token of ours: "/proc/PID/…:…=tag". */
#define FILES "/proc/[0-9]*/environ /proc/[0-9]*/cmdline"
#define FIND                                                                             \
	"f(){ if printf \"a\\0%s\" bc|grep -q bc;then "                                  \
	"LC_ALL=C grep -aso \"" VARIABLE "=$T[0-9a-z]*\\.\" " FILES ";else "             \
	"for d in " FILES ";do while IFS= read -r x||[ \"$x\" ];do "                     \
	"case $x in *" VARIABLE "=$T*)x=${x#*" VARIABLE "=$T};echo \"$d:=$T${x%%.*}.\";" \
	"break;;esac;done <$d;done;fi;} 2>/dev/null;"

/* All processes into A, ours into M: by token, then by parent and session. */
#define LOOK                                                                  \
	"w(){ A=;for d in /proc/[0-9]*/stat;do read -r x <$d||continue;"      \
	"p=${x%% *};[ $p = $$ ]&&continue;set -- ${x##*) };"                  \
	"case $1 in [ZX])continue;;esac;A=\"$A $p:$2:$4\";done 2>/dev/null;"  \
	"M=\" $S\";for x in $(f);do d=${x#/proc/};"                           \
	"M=\"$M${d%%/*}=${x##*=$T} \";done;"                                  \
	"n=;until [ \"$n\" = \"$M\" ];do n=$M;for x in $A;do p=${x%%:*};"     \
	"case $M in *\" $p=\"*)continue;;esac;x=${x#*:};"                     \
	"for j in ${x%:*} ${x#*:};do case $M in *\" $j=\"*)j=${M#*\" $j=\"};" \
	"M=\"$M$p=${j%% *} \";break;;esac;done;done;done;};"

/* Signals those of t; false: none of them lives. */
#define KILL                                                                        \
	"k(){ D=;for x in $M;do case $t in \\*|*\" ${x#*=} \"*)case \"$A \" in "    \
	"*\" ${x%%=*}:\"*)D=\"$D ${x%%=*}\";;esac;;esac;done;[ \"$D\" ]||return 1;" \
	"[ $1 = 0 ]||kill -$1 $D||sudo -n kill -$1 $D;} 2>/dev/null;"               \
	"z(){ sleep .2 2>/dev/null||sleep 1;};"

/* Round i of the end: TERM, time for it, then KILL. */
#define ROUND "s=0;case $i in 0)s=TERM;;1?)s=KILL;;esac"

/*
 * What the watchdog becomes when the input has ended before the command: $1 the
 * command's shell, $2 T, $3 the tag, $4 that shell's stat as it began, because its pid
 * may be another's by now.  One line: it is sent as the first of the input.
 */
static const char watchdog[] =
    "cd /;P=$1 T=$2 t=\" $3 \" u=$3 y=$4;set -- ${y##*) };C=${20};"
    "b(){ { read -r x </proc/$P/stat;} 2>/dev/null||return 1;set -- ${x##*) };"
    "B=${20};case $1 in [ZX])return 1;;esac;};" FIND LOOK KILL "b&&[ $B = $C ]||exit;"
    "i=0;while [ $i -lt 18 ];do S=\"$P=$u \";b&&[ $B != $C ]&&S=;"
    "w;" ROUND ";k $s||exit;i=$((i+1));z;done\n";

/*
 * Its start.  It is a fork of the command's own shell and starts no program as long as
 * nothing is to be ended.  A job of a subshell: the command's "wait" does not wait for
 * it.
 */
#define START                                                                     \
	"exec 3<&0 </dev/null;((trap \"\" HUP INT TERM;read -r y </proc/$$/stat;" \
	"read -r w;while read -r x;do :;done;[ -d /proc/$$ ]||exit;"              \
	"exec `command -v setsid` sh -c \"$w\" sh $$ bg-%.48s- %.16s. \"$y\")"    \
	"<&3 3<&- >/dev/null 2>&1 &);exec 3<&-;"

const char *
leash_watchdog(void)
{
	return watchdog;
}

static void
add(struct buf *out, const char *text)
{
	buf_add_some(out, text, strlen(text));
}

void
leash_wrap(struct buf *out, const char *incident, const char *run, bool watched,
    const char *command, size_t len)
{
	char token[512];

	if (watched) {
		snprintf(token, sizeof token, START, incident, run);
		add(out, token);
	}
	snprintf(
	    token, sizeof token, "export " VARIABLE "=bg-%.48s-%.16s.;", incident, run);
	add(out, token);
	buf_add_some(out, command, len);
}

/* As the user, and as root where that is allowed: sudo's children are root's. */
void
leash_ask(struct buf *out, const char *incident, const char *const *ends, size_t count,
    bool kill)
{
	char word[80];

	add(out, ": what of the agent is alive;s='T=$1 t=$2 S=;" FIND LOOK KILL);
	/* what has a token of its own first: the rest takes a look at each process */
	add(out,
	    kill ? "i=10;for x in $(f);do x=${x#/proc/};set -- ${x%%/*};"
		   "kill -9 $1||sudo -n kill -9 $1;done 2>/dev/null"
		 : "i=0");
	add(out,
	    ";while w;" ROUND ";[ $i -lt 18 ]&&k $s;do i=$((i+1));z;done\n"
	    "for x in $M;do case \"$A \" in *\" ${x%%=*}:\"*)"
	    "echo \"left ${x#*=} ${x%%=*}\";;esac;done;echo left end'\n");
	snprintf(word, sizeof word, "set -- bg-%.48s- \"%s", incident, kill ? "*" : " ");
	add(out, word);
	for (size_t i = 0; !kill && i < count && i < LEASH_ENDS_MAX; i++) {
		snprintf(word, sizeof word, "%.16s. ", ends[i]);
		add(out, word);
	}
	add(out,
	    "\"\nif [ \"`id -u`\" = 0 ];then sh -c \"$s\" sh \"$@\";else "
	    "sudo -n sh -c \"$s\" sh \"$@\" 2>/dev/null||sh -c \"$s\" sh \"$@\";fi");
}

/* "left r12. 4711" */
static void
answer_row(const char *row, leash_alive_fn *fn, void *arg)
{
	char run[17];
	long pid;

	if (sscanf(row, "left %16[a-z0-9]. %ld", run, &pid) == 2)
		fn(run, pid, arg);
}

bool
leash_answer(const char *text, size_t len, leash_alive_fn *fn, void *arg)
{
	char *copy, *save, *row;
	bool whole = false;

	if (len > LEASH_ANSWER_MAX)
		return false;
	copy = mem_dupn(text, len);
	for (row = strtok_r(copy, "\n", &save); row && !whole;
	     row = strtok_r(NULL, "\n", &save)) {
		whole = strcmp(row, "left end") == 0;
		answer_row(row, fn, arg);
	}
	free(copy);
	return whole;
}
