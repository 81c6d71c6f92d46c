/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * verdict.c: three tables, each read from its top: the first row that holds is it.
 *
 *   rules   which word, which verb, what to do, and the lines of evidence
 *   blocks  what keeps a verb from working at all: then it is not advised
 *   nots    why a mutating verb cannot help, or destroys evidence
 *
 * Two things decide the order.  A climb that began after the host measured and
 * came back from a write with sync has seen more than the host, except of a main
 * loop that hangs beside a guest that runs.  And what the host proves about QEMU
 * comes before what a silent guest only suggests.
 */
#include "engine/power/verdict.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "engine/power/evidence.h"
#include "engine/power/verdict_int.h"

enum advice { NONE, FORENSICS, START, CYCLE, FIX /* reset; cycle with staged config */ };

struct rule {
	const char *word;
	bool (*holds)(const struct seen *s);
	enum advice advice;
	unsigned lines;
	const char *why; /* HOST_SAYS in lines: the host's own sentence, if it has one */
	const char *todo;
};

#define SOFT_AGENT                                                                 \
	"softer, and nothing is lost: on the PVE host as root, qm guest exec 102 " \
	"-- systemctl restart ssh"
#define LOOK_INSIDE \
	"look inside first (F9, or ask the agent): a soft repair loses nothing"

#define HELD_TODO                                                                 \
	"free the host's storage first (forensics name the thread, where in the " \
	"kernel it waits, and the disk): then the guest goes on by itself; a "    \
	"QEMU that storage holds may not end, and nothing may be started beside " \
	"it"

static const struct rule rules[] = {
    /* Who answers at all. */
    {"cold-case", seen_both_silent, NONE, E_PVE_LINK | E_DEV_LINK | E_LADDER,
	"neither the PVE host nor the devvm answers: this looks like the cold case",
	"check this machine's own network; then plain ssh to the hypervisor's emergency "
	"port, or its iDRAC: breakglass cannot help in the cold case"},
    {"missing", seen_missing, NONE, E_STATUS,
	"the PVE host is well and has no config of VM 102",
	"nothing here can start it: look for it on the other nodes, then in the backups"},

    /* QEMU's main loop is dead, whatever the guest still does. */
    {"hung", seen_held, NONE, HOST_SAYS | E_STATUS | E_THREADS | E_GDB | E_PAST | E_HOST,
	"QEMU cannot be ended: the host's storage holds its threads",
	"free the storage that holds them (forensics name the thread and where in the "
	"kernel it waits); nothing may be started before the last one is gone"},
    {"hung", seen_storage_holds_hung, NONE,
	HOST_SAYS | E_STATUS | E_THREADS | E_LADDER | E_GDB | E_PAST | E_HOST,
	"QEMU's main loop does not answer and threads of it wait for the host's storage",
	HELD_TODO},
    {"hung", seen_hung_but_alive, CYCLE,
	HOST_SAYS | E_STATUS | E_THREADS | E_LADDER | E_GDB | E_PAST,
	"QEMU's main loop does not answer",
	"the devvm still answers ssh: save what can be saved first (F9)"},
    {"hung", seen_hung, CYCLE,
	HOST_SAYS | E_STATUS | E_THREADS | E_LADDER | E_GDB | E_PAST | E_HOST,
	"QEMU's main loop does not answer", NULL},

    /* The devvm took a login and gave a write with sync back. */
    {"unknown", seen_answers_elsewhere, NONE, E_STATUS | E_LADDER,
	"this PVE host says that VM 102 does not run, and yet the devvm's address answers",
	"does it run on another node, or has another machine its address? find out before "
	"anything is started here"},
    {"disk-full", seen_whole_but_full, NONE, E_LADDER | E_USED | E_UNITS | E_STATUS,
	"the devvm answers, and a file system of it is full",
	"make room by ssh: sudo du -xh / | sort -h | tail, journalctl --vacuum-size"},
    {"host-silent", seen_whole_without_host, NONE,
	E_PVE_LINK | E_LADDER | E_LOAD | E_UNITS,
	"the devvm is well, the PVE host does not answer: no verb can reach it",
	"repair by ssh on the devvm; the VM controls work again when the PVE host answers"},
    {"crawling", seen_whole_but_slow, NONE,
	E_LADDER | E_LOAD | E_MEM | E_UNITS | E_CPU | E_DISKS | E_STATUS,
	"the devvm answers, but slowly or short of CPU or memory",
	LOOK_INSIDE ": end what eats it (runbooks Memory/OOM and Triage)"},
    {"healthy", seen_whole_after_trouble, NONE,
	E_LADDER | E_STATUS | E_DISKS | E_QUEUE | E_AGENT | E_UNITS,
	"a login, sudo and a write with sync came back after the host measured: what it "
	"saw has passed",
	NULL},
    {"healthy", seen_whole_with_failed_units, NONE,
	E_LADDER | E_UNITS | E_STATUS | E_LOAD,
	"login, sudo and a write with sync come back; units have failed inside",
	LOOK_INSIDE ": systemctl --failed, journalctl -u UNIT"},
    {"healthy", seen_whole, NONE, E_LADDER | E_STATUS | E_LOAD | E_MEM | E_DISKS,
	"login, sudo and a write with sync come back", NULL},

    /* The guest does not run. */
    {"stopped", seen_stopped, START, HOST_SAYS | E_STATUS, "no QEMU of VM 102 runs",
	NULL},
    {"panic", seen_panic_stopped_it, CYCLE, E_STATUS | E_SCREEN,
	"the guest's kernel has panicked and QEMU stopped it: resuming cannot help",
	NULL},
    {"paused", seen_cannot_resume, CYCLE, HOST_SAYS | E_STATUS | E_SCREEN,
	"QEMU has stopped the guest, and resuming cannot help", NULL},
    {"paused", seen_paused_under_old, CYCLE, E_STATUS,
	"the guest's CPUs are stopped, and the old host program cannot resume them",
	"softer, and nothing is lost: qm resume 102 on the PVE host, as root"},
    {"paused", seen_paused, START, HOST_SAYS | E_STATUS,
	"the guest's CPUs are stopped: start resumes them", NULL},
    {"nospace", seen_nospace_under_old, NONE, E_STATUS,
	"QEMU stopped the guest on an I/O error",
	"make room on the host's storage (lvs, df), then qm resume 102 on the PVE host, as "
	"root: nothing is lost"},
    {"nospace", seen_nospace, NONE, HOST_SAYS | E_STATUS | E_HOST,
	"QEMU stopped the guest on an I/O error",
	"make room on the host's storage (lvs, df), then start (F4) resumes it and "
	"nothing is lost"},

    {"crawling", seen_sudo_hangs, NONE,
	E_LADDER | E_LOAD | E_MEM | E_CPU | E_DISKS | E_UNITS,
	"the devvm takes the login and writes, but sudo does not come back in time",
	LOOK_INSIDE},

    /* The guest runs and its disk does not. */
    {"frozen", seen_frozen_by_a_backup, NONE, HOST_SAYS | E_AGENT | E_DISKS | E_JOBS,
	"a backup has frozen the guest's file systems",
	"wait a moment: it thaws them by itself; ask again"},
    {"frozen", seen_frozen, START, HOST_SAYS | E_AGENT | E_DISKS | E_QUEUE | E_LADDER,
	"the guest's file systems are frozen: start has its agent thaw them, and nothing "
	"is lost",
	NULL},
    {"stall", seen_storage_holds_stalled, NONE,
	HOST_SAYS | E_STATUS | E_THREADS | E_DISKS | E_QUEUE | E_LADDER | E_AGENT |
	    E_GDB | E_PAST | E_HOST,
	"the host's storage does not answer QEMU", HELD_TODO},
    {"stall", seen_stalled, CYCLE,
	HOST_SAYS | E_STATUS | E_DISKS | E_QUEUE | E_LADDER | E_AGENT | E_THREADS |
	    E_GDB | E_PAST | E_HOST,
	"QEMU holds disk requests of the guest and finishes none", NULL},
    {"stall", seen_perhaps_stalled, FORENSICS, E_STATUS | E_DISKS | E_QUEUE | E_LADDER,
	"QEMU holds disk requests and its last I/O was long ago: forensics prove it",
	NULL},
    {"read-only", seen_read_only, FIX, E_LADDER | E_DISKS | E_HOST | E_AGENT,
	"the guest's kernel has made a file system read-only, as it does after an I/O error",
	LOOK_INSIDE
	": dmesg | tail; sudo mount -o remount,rw /; the verb boots and checks "
	"the file system"},
    {"disk-full", seen_disk_full, NONE, E_LADDER | E_USED | E_STATUS | E_AGENT,
	"the devvm answers, and a write says: no space left",
	"make room by ssh: sudo du -xh / | sort -h | tail, journalctl --vacuum-size"},
    {"stall", seen_stalled_by_witness, CYCLE,
	E_STATUS | E_DISKS | E_LADDER | E_AGENT | E_THREADS | E_GDB | E_PAST | E_HOST,
	"QMP answers, the write counters stand still, and a write in the guest does not "
	"come back",
	NULL},
    {"crawling", seen_slow_disk, NONE,
	E_LADDER | E_DISKS | E_QUEUE | E_CPU | E_HOST | E_LOAD | E_MEM,
	"the guest writes, but a small write with sync did not come back in time",
	LOOK_INSIDE ": what writes so much, and is the host's storage slow"},
    {"frozen", seen_frozen_by_witness, FIX,
	E_LADDER | E_DISKS | E_QUEUE | E_AGENT | E_JOBS,
	"a write in the guest does not come back although QEMU holds no request: its file "
	"systems are frozen, and no agent answers that could say so",
	"softer, and nothing is lost: in a shell on the devvm (F9), sudo fsfreeze "
	"--unfreeze /"},
    {"guest-idle", seen_guest_kernel_hangs, FIX,
	E_LADDER | E_DISKS | E_QUEUE | E_AGENT | E_CPU | E_SCREEN,
	"ssh stops at a command although QEMU holds no disk request: the guest's own "
	"kernel is stuck",
	LOOK_INSIDE ", as far as it answers: dmesg | tail"},

    /* The guest runs, and does not answer. */
    {"panic", seen_panic_on_screen, FIX,
	E_SCREEN | E_AGENT | E_CPU | E_DISKS | E_LADDER | E_STATUS,
	"the guest's screen shows a kernel panic", NULL},
    {"boot-waits", seen_boot_waits, NONE,
	E_SCREEN | E_AGENT | E_CPU | E_DISKS | E_LADDER | E_STATUS,
	"the guest's boot stands still and waits for a person at its console",
	"its screen says what it waits for (/screen): answer it at its console, on the PVE "
	"host as root qm terminal 102, or in Proxmox's web console; a reset boots the same "
	"way again"},
    {"ssh-down", seen_login_fails, NONE, E_LADDER | E_AGENT | E_STATUS,
	"the devvm's sshd answers and does not let us in",
	"its authorized_keys or sshd_config has changed: contrib/bootstrap devvm, by another "
	"way in; " SOFT_AGENT},
    {"net-down", seen_link_cut, CYCLE, E_NIC | E_AGENT | E_LADDER | E_STATUS,
	"the guest's network link is cut on the PVE host",
	"softer, and nothing is lost: on the PVE host as root, qm set 102 with "
	"link_down=0 for its net0; a config that says link_down=1 survives a cycle"},
    {"guest-spin", seen_spins, FIX,
	HOST_SAYS | E_CPU | E_DISKS | E_AGENT | E_SCREEN | E_LADDER | E_STATUS,
	"QEMU is healthy; the guest burns CPU and writes nothing", NULL},
    {"guest-spin", seen_thrashes, FIX,
	E_CPU | E_DISKS | E_AGENT | E_SCREEN | E_LADDER | E_STATUS,
	"QEMU is healthy; the guest burns CPU, and neither its agent nor ssh answers",
	NULL},
    {"guest-idle", seen_idles, FIX,
	HOST_SAYS | E_AGENT | E_DISKS | E_QUEUE | E_CPU | E_SCREEN | E_LADDER | E_STATUS,
	"QEMU is healthy; the guest asks for nothing and does not answer", NULL},
    {"net-down", seen_lives_without_net, FIX,
	E_AGENT | E_DISKS | E_LADDER | E_NIC | E_STATUS,
	"the guest lives, but its network does not answer",
	"softer, and nothing is lost: on the PVE host as root, qm guest exec 102 -- ip "
	"link set DEV up"},
    {"net-down", seen_lives_unreachable, FIX,
	E_AGENT | E_DISKS | E_LADDER | E_NIC | E_STATUS,
	"the guest lives, but there is no way to its address",
	"check the way from here first (this machine's network, the firewall); softer: qm "
	"guest exec 102 -- ip addr, on the PVE host as root"},
    {"ssh-down", seen_sshd_silent, FIX, E_AGENT | E_DISKS | E_LADDER | E_STATUS | E_LOAD,
	"the guest lives, but its sshd says nothing (behind a NAT, a dead network looks the "
	"same)",
	SOFT_AGENT},
    {"ssh-down", seen_sshd_gone, NONE, E_AGENT | E_DISKS | E_LADDER | E_STATUS,
	"the guest lives, but no sshd takes connections: it has failed, and fails again "
	"after a boot if its files are broken",
	SOFT_AGENT "; read journalctl -u ssh the same way"},
    {"crawling", seen_command_hangs, NONE, E_LADDER | E_AGENT | E_CPU | E_DISKS,
	"the guest lives and takes the login, but a command does not come back",
	LOOK_INSIDE ", as far as it answers"},
    {"unknown", seen_sudo_or_write_fails, NONE, E_LADDER | E_USED | E_STATUS | E_AGENT,
	"the login works, what comes behind it fails", LOOK_INSIDE},
    {"guest-idle", seen_silent_guest, FIX,
	E_DISKS | E_QUEUE | E_AGENT | E_CPU | E_SCREEN | E_LADDER | E_STATUS,
	"QEMU is healthy, the guest writes nothing, and ssh does not answer", NULL},

    /* Not enough is known. */
    {"host-silent", seen_without_host, NONE, E_PVE_LINK | E_DEV_LINK | E_LADDER,
	"the PVE host does not answer: nothing can be said about QEMU, and no verb can "
	"reach it",
	"check this machine's way to it; what the devvm still answers is in the evidence"},
    {"unknown", seen_after_a_verb, NONE, E_STATUS | E_DEV_LINK,
	"VM 102 runs again; the devvm's climb back tells the rest", NULL},
    {"hung", seen_old_and_late, CYCLE, E_STATUS | E_LADDER,
	"qm took its time to say \"running\", as it does of a QEMU that hangs", NULL},
    {"stall", seen_old_and_write_hangs, CYCLE, E_STATUS | E_LADDER,
	"the guest takes the login and does not give a write back", NULL},
    {"unknown", seen_old_and_silent, CYCLE, E_STATUS | E_LADDER,
	"VM 102 is said to run and does not answer: a cycle cures a hung QEMU, a stall and "
	"a hung guest alike",
	NULL},
    {"healthy", seen_well_as_far_as_seen, NONE,
	HOST_SAYS | E_STATUS | E_DEV_LINK | E_DISKS,
	"VM 102 runs and the devvm's connection answers", NULL},
    {"unknown", seen_well_but_for_ssh, NONE, HOST_SAYS | E_STATUS | E_AGENT | E_DEV_LINK,
	"QEMU is well; how far ssh comes is not known yet", NULL},
    {"unknown", seen_not_captured, FORENSICS, E_STATUS | E_LADDER | E_DEV_LINK,
	"VM 102 runs and the devvm does not answer as it should: forensics tell why",
	NULL},
    {"unknown", seen_anything, FORENSICS, E_STATUS | E_PVE_LINK | E_DEV_LINK | E_LADDER,
	"too little is known: ask for forensics", NULL},
};

static int
advised(const struct seen *s, enum advice advice)
{
	static const int verbs[] = {[NONE] = -1,
	    [FORENSICS] = VERB_FORENSICS,
	    [START] = VERB_START,
	    [CYCLE] = VERB_CYCLE};

	if (advice != FIX)
		return verbs[advice];
	return seen_staged(s) && !verdict_unstartable(s) ? VERB_CYCLE : VERB_RESET;
}

static void
add_todo(struct verdict *v, const char *text)
{
	size_t n = strlen(v->todo);

	if (text && *text)
		snprintf(v->todo + n, sizeof v->todo - n, "%s%s", n ? "; " : "", text);
}

static void
decide_advice(struct verdict *v, const struct seen *s, const struct rule *r)
{
	int verb = advised(s, r->advice);
	char text[400];
	bool blocked =
	    verb >= 0 && verdict_blocked(s, (enum verb)verb, text, sizeof text);

	v->advice = verb < 0 || blocked ? "none" : verb_rows[verb].name;
	if (blocked) {
		add_todo(v, text);
		snprintf(text, sizeof text, "then %s", verb_rows[verb].name);
		add_todo(v, text);
	}
	add_todo(v, r->todo);
	/* what is proven of QEMU does not pass by itself, and neither does a panic */
	if (r->advice == FIX && s->m->uptime_s >= 0 &&
	    s->m->uptime_s < VERDICT_BOOTING_S && !is(v->word, "panic"))
		add_todo(v,
		    "this QEMU is young and the guest may still be booting: ask again first");
	if (r->advice == FIX && verb == VERB_RESET && seen_staged(s))
		add_todo(v,
		    "a reset, because a cycle could not start it again: the staged "
		    "config stays unapplied");
	if (is(v->word, "healthy") && seen_staged(s))
		add_todo(v, "staged config waits: a cycle applies it, a reset does not");
	v->todo[text_cut(v->todo, strlen(v->todo))] = '\0';
}

void
verdict_decide(const struct verdict_in *in, struct verdict *out)
{
	struct vmfacts silent = {0};
	struct seen s = {.in = in, .l = in->ladder};
	const struct rule *r = rules;

	vmfacts_begin(&silent);
	s.h = in->host && !seen_pve_down(&s) ? in->host : &silent;
	s.m = &s.h->m;
	s.host = s.h == &silent ? "" : verdict_host_word(in);
	s.captured = s.h != &silent && in->captured;
	memset(out, 0, sizeof *out);
	while (!r->holds(&s))
		r++;
	out->word = r->word;
	snprintf(out->why, sizeof out->why, "%s",
	    (r->lines & HOST_SAYS) && s.captured && s.h->why[0] ? s.h->why : r->why);
	out->partial = !s.captured || !s.l;
	decide_advice(out, &s, r);
	verdict_decide_not(out, &s);
	evidence_add(out, in, s.h, r->lines);
}
