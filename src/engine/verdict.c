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
#include "engine/verdict.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "engine/evidence.h"

enum advice { NONE, FORENSICS, START, CYCLE, FIX /* reset; cycle with staged config */ };

struct seen {
	const struct verdict_in *in;
	const struct vmfacts *h; /* empty where the host does not answer */
	const struct vmfacts_measured *m;
	const struct ladder_seen *l;
	const char *host; /* the host's word */
	bool captured;
};

static bool
is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

const char *
verdict_host_word(const struct verdict_in *in)
{
	static const char *const words[][2] = {
	    {"debug", "paused"},
	    {"guest-panicked", "paused"},
	    {"hung", "hung"},
	    {"inmigrate", "paused"},
	    {"internal-error", "paused"},
	    {"io-error", "nospace"},
	    {"paused", "paused"},
	    {"prelaunch", "paused"},
	    {"shutdown", "paused"},
	    {"stall", "stall"},
	    {"stopped", "stopped"},
	    {"suspended", "paused"},
	    {"unkillable", "hung"},
	    {"watchdog", "paused"},
	};

	if (!in->host)
		return "";
	if (in->captured && in->host->verdict[0])
		return in->host->verdict;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (is(in->host->status, words[i][0]))
			return words[i][1];
	return "";
}

/* --- how far ssh came --- */

static bool
whole(const struct seen *s)
{
	return s->l && ladder_stands_at(s->l) == RUNGS;
}

static bool
stuck(const struct seen *s, enum rung from, enum rung to, bool hung)
{
	return s->l && (s->l->hung || s->l->disk_hung) == hung &&
	    ladder_stands_at(s->l) >= from && ladder_stands_at(s->l) <= to;
}

static bool
no_ssh(const struct seen *s)
{
	return s->l && ladder_stands_at(s->l) <= RUNG_BANNER;
}

/* --- what the host measured --- */

static bool
pve_down(const struct seen *s)
{
	return s->in->pve == VERDICT_LINK_DOWN;
}

static bool
key_changed(const struct seen *s)
{
	return s->in->pve_key_changed;
}

static bool
old_program(const struct seen *s)
{
	return s->h->plain && !s->h->marks;
}

static bool
runs(const struct seen *s)
{
	return is(s->h->status, "running");
}

/* The guest does something that needs neither its network nor its sshd. */
static bool
guest_lives(const struct seen *s)
{
	return is(s->m->agent, "alive") || s->m->wr_delta > 0;
}

static bool
writes_stand_still(const struct seen *s)
{
	return s->captured && s->m->wr_delta == 0 && is(s->host, "healthy");
}

static bool
staged(const struct seen *s)
{
	return s->m->staged > 0;
}

/* --- rules --- */

static bool
both_silent(const struct seen *s)
{
	return pve_down(s) && (s->l ? no_ssh(s) : s->in->devvm == VERDICT_LINK_DOWN);
}

static bool
missing(const struct seen *s)
{
	return is(s->m->vm, "missing");
}

static bool
hung(const struct seen *s)
{
	return is(s->host, "hung");
}

static bool
held(const struct seen *s)
{
	return hung(s) &&
	    (is(s->h->status, "unkillable") || (s->captured && is(s->h->advice, "none")));
}

static bool
hung_but_alive(const struct seen *s)
{
	return hung(s) && whole(s);
}

static bool
answers_elsewhere(const struct seen *s)
{
	return whole(s) && is(s->host, "stopped");
}

static bool
whole_but_full(const struct seen *s)
{
	return whole(s) && s->l->root_used_pct >= VERDICT_DISK_FULL_PCT;
}

static bool
whole_without_host(const struct seen *s)
{
	return whole(s) && pve_down(s);
}

static bool
whole_but_slow(const struct seen *s)
{
	const struct ladder_seen *l = s->l;
	int64_t login;

	if (!whole(s))
		return false;
	login = l->rung_ms[RUNG_EXEC] - l->rung_ms[RUNG_TCP];
	return login > VERDICT_LOGIN_SLOW_MS ||
	    l->rung_ms[RUNG_DISK] - l->rung_ms[RUNG_SUDO] > VERDICT_WRITE_SLOW_MS ||
	    (login > VERDICT_LOADED_LOGIN_MS && l->cpus > 0 &&
		l->load1 > VERDICT_LOAD_PER_CPU * (double)l->cpus) ||
	    (l->mem_total_kb > 0 && l->mem_avail_kb >= 0 &&
		l->mem_avail_kb * 100 < l->mem_total_kb * VERDICT_MEM_LOW_PCT);
}

static bool
whole_after_trouble(const struct seen *s)
{
	return whole(s) && s->host[0] && !is(s->host, "healthy");
}

static bool
whole_with_failed_units(const struct seen *s)
{
	return whole(s) && s->l->failed_units > 0;
}

static bool
stopped(const struct seen *s)
{
	return is(s->host, "stopped");
}

static bool
panic_stopped_it(const struct seen *s)
{
	return is(s->h->status, "guest-panicked");
}

static bool
cannot_resume(const struct seen *s)
{
	return is(s->host, "paused") &&
	    (is(s->h->status, "shutdown") || is(s->h->status, "internal-error") ||
		(s->captured && is(s->h->advice, "cycle")));
}

static bool
paused(const struct seen *s)
{
	return is(s->host, "paused");
}

static bool
nospace(const struct seen *s)
{
	return is(s->host, "nospace");
}

static bool
frozen(const struct seen *s)
{
	return is(s->host, "frozen");
}

static bool
frozen_by_a_backup(const struct seen *s)
{
	return frozen(s) && (is(s->h->lock, "backup") || is(s->h->lock, "snapshot"));
}

static bool
stalled(const struct seen *s)
{
	return is(s->host, "stall");
}

static bool
perhaps_stalled(const struct seen *s)
{
	return !s->captured && s->m->vq_inuse > 0 &&
	    s->m->idle_ms >= VERDICT_STATUS_IDLE_MS;
}

static bool
read_only(const struct seen *s)
{
	return s->l && s->l->read_only;
}

static bool
disk_full(const struct seen *s)
{
	return s->l && s->l->disk_full;
}

/* A controller whose queue cannot be asked: the guest is the witness. */
static bool
stalled_by_witness(const struct seen *s)
{
	return stuck(s, RUNG_EXEC, RUNG_DISK, true) && writes_stand_still(s) &&
	    s->m->vq_inuse < 0;
}

static bool
slow_disk(const struct seen *s)
{
	return stuck(s, RUNG_EXEC, RUNG_DISK, true) && s->captured && s->m->wr_delta > 0;
}

static bool
frozen_by_witness(const struct seen *s)
{
	return stuck(s, RUNG_DISK, RUNG_DISK, true) && writes_stand_still(s) &&
	    s->m->vq_inuse == 0 && s->m->freeze[0] == '\0';
}

static bool
guest_kernel_hangs(const struct seen *s)
{
	return stuck(s, RUNG_EXEC, RUNG_DISK, true) && writes_stand_still(s) &&
	    s->m->vq_inuse == 0;
}

static bool
panic_on_screen(const struct seen *s)
{
	return s->captured && is(s->m->screen_says, "panic") &&
	    !is(s->m->agent, "alive") && (!s->l || ladder_stands_at(s->l) <= RUNG_AUTH);
}

/* sshd speaks, so the guest lives; it is the login that it does not grant. */
static bool
login_fails(const struct seen *s)
{
	return stuck(s, RUNG_KEX, RUNG_AUTH, false);
}

static bool
link_cut(const struct seen *s)
{
	return is(s->m->link, "down") && !whole(s);
}

static bool
spins(const struct seen *s)
{
	return is(s->host, "guest-spin");
}

static bool
idles(const struct seen *s)
{
	return is(s->host, "guest-idle");
}

static bool
thrashes(const struct seen *s)
{
	return s->captured && no_ssh(s) && !is(s->m->agent, "alive") &&
	    s->m->vcpu_pct >= VERDICT_SPIN_PCT;
}

static bool
lives_without_net(const struct seen *s)
{
	return s->captured && guest_lives(s) && stuck(s, RUNG_TCP, RUNG_TCP, true);
}

static bool
lives_unreachable(const struct seen *s)
{
	return s->captured && guest_lives(s) && stuck(s, RUNG_TCP, RUNG_TCP, false) &&
	    !strstr(s->l->why, "refused");
}

static bool
sshd_silent(const struct seen *s)
{
	return s->captured && guest_lives(s) && stuck(s, RUNG_BANNER, RUNG_AUTH, true);
}

static bool
sshd_gone(const struct seen *s)
{
	return s->captured && guest_lives(s) && stuck(s, RUNG_TCP, RUNG_BANNER, false) &&
	    !lives_unreachable(s);
}

static bool
command_hangs(const struct seen *s)
{
	return stuck(s, RUNG_EXEC, RUNG_DISK, true) && s->captured && guest_lives(s);
}

static bool
sudo_or_write_fails(const struct seen *s)
{
	return stuck(s, RUNG_EXEC, RUNG_DISK, false);
}

static bool
silent_guest(const struct seen *s)
{
	return s->captured && is(s->host, "healthy") && s->l && !whole(s) &&
	    !guest_lives(s) && is(s->h->qmp, "alive") && s->m->wr_delta == 0;
}

static bool
without_host(const struct seen *s)
{
	return pve_down(s);
}

static bool
after_a_verb(const struct seen *s)
{
	return s->in->after_verb && !s->l && runs(s);
}

static bool
old_and_late(const struct seen *s)
{
	return old_program(s) && runs(s) && s->h->status_ms >= VERDICT_OLD_SLOW_MS &&
	    !whole(s);
}

static bool
old_and_write_hangs(const struct seen *s)
{
	return old_program(s) && stuck(s, RUNG_EXEC, RUNG_DISK, true);
}

static bool
old_and_silent(const struct seen *s)
{
	return old_program(s) && runs(s) && no_ssh(s);
}

static bool
well_as_far_as_seen(const struct seen *s)
{
	return !s->l && s->in->devvm != VERDICT_LINK_DOWN &&
	    ((s->captured && is(s->host, "healthy")) ||
		(runs(s) && s->in->devvm == VERDICT_LINK_UP));
}

static bool
well_but_for_ssh(const struct seen *s)
{
	return !s->l && s->captured && is(s->host, "healthy");
}

static bool
not_captured(const struct seen *s)
{
	return !s->captured && s->h->status[0] && !old_program(s);
}

static bool
anything(const struct seen *s)
{
	return true;
}

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

static const struct rule rules[] = {
    /* Who answers at all. */
    {"cold-case", both_silent, NONE, E_PVE_LINK | E_DEV_LINK | E_LADDER,
	"neither the PVE host nor the devvm answers: this looks like the cold case",
	"check this machine's own network; then plain ssh to the hypervisor's emergency "
	"port, or its iDRAC: breakglass cannot help in the cold case"},
    {"missing", missing, NONE, E_STATUS,
	"the PVE host is well and has no config of VM 102",
	"nothing here can start it: look for it on the other nodes, then in the backups"},

    /* QEMU's main loop is dead, whatever the guest still does. */
    {"hung", held, NONE, HOST_SAYS | E_STATUS | E_THREADS | E_GDB | E_PAST | E_HOST,
	"QEMU cannot be ended: the host's storage holds its threads",
	"free the storage that holds them (forensics name the thread and where in the "
	"kernel it waits); nothing may be started before the last one is gone"},
    {"hung", hung_but_alive, CYCLE,
	HOST_SAYS | E_STATUS | E_THREADS | E_LADDER | E_GDB | E_PAST,
	"QEMU's main loop does not answer",
	"the devvm still answers ssh: save what can be saved first (F9)"},
    {"hung", hung, CYCLE,
	HOST_SAYS | E_STATUS | E_THREADS | E_LADDER | E_GDB | E_PAST | E_HOST,
	"QEMU's main loop does not answer", NULL},

    /* The devvm took a login and gave a write with sync back. */
    {"unknown", answers_elsewhere, NONE, E_STATUS | E_LADDER,
	"this PVE host says that VM 102 does not run, and yet the devvm's address answers",
	"does it run on another node, or has another machine its address? find out before "
	"anything is started here"},
    {"disk-full", whole_but_full, NONE, E_LADDER | E_USED | E_UNITS | E_STATUS,
	"the devvm answers, and a file system of it is full",
	"make room by ssh: sudo du -xh / | sort -h | tail, journalctl --vacuum-size"},
    {"host-silent", whole_without_host, NONE, E_PVE_LINK | E_LADDER | E_LOAD | E_UNITS,
	"the devvm is well, the PVE host does not answer: no verb can reach it",
	"repair by ssh on the devvm; the VM controls work again when the PVE host answers"},
    {"crawling", whole_but_slow, NONE,
	E_LADDER | E_LOAD | E_MEM | E_UNITS | E_CPU | E_DISKS | E_STATUS,
	"the devvm answers, but slowly or short of CPU or memory",
	LOOK_INSIDE ": end what eats it (runbooks Memory/OOM and Triage)"},
    {"healthy", whole_after_trouble, NONE,
	E_LADDER | E_STATUS | E_DISKS | E_QUEUE | E_AGENT | E_UNITS,
	"a login, sudo and a write with sync came back after the host measured: what it "
	"saw has passed",
	NULL},
    {"healthy", whole_with_failed_units, NONE, E_LADDER | E_UNITS | E_STATUS | E_LOAD,
	"login, sudo and a write with sync come back; units have failed inside",
	LOOK_INSIDE ": systemctl --failed, journalctl -u UNIT"},
    {"healthy", whole, NONE, E_LADDER | E_STATUS | E_LOAD | E_MEM | E_DISKS,
	"login, sudo and a write with sync come back", NULL},

    /* The guest does not run. */
    {"stopped", stopped, START, HOST_SAYS | E_STATUS, "no QEMU of VM 102 runs", NULL},
    {"panic", panic_stopped_it, CYCLE, E_STATUS | E_SCREEN,
	"the guest's kernel has panicked and QEMU stopped it: resuming cannot help",
	NULL},
    {"paused", cannot_resume, CYCLE, HOST_SAYS | E_STATUS | E_SCREEN,
	"QEMU has stopped the guest, and resuming cannot help", NULL},
    {"paused", paused, START, HOST_SAYS | E_STATUS,
	"the guest's CPUs are stopped: start resumes them", NULL},
    {"nospace", nospace, NONE, HOST_SAYS | E_STATUS | E_HOST,
	"QEMU stopped the guest on an I/O error",
	"make room on the host's storage (lvs, df), then start (F4) resumes it and "
	"nothing is lost"},

    /* The guest runs and its disk does not. */
    {"frozen", frozen_by_a_backup, NONE, HOST_SAYS | E_AGENT | E_DISKS | E_JOBS,
	"a backup has frozen the guest's file systems",
	"wait a moment: it thaws them by itself; ask again"},
    {"frozen", frozen, FIX, HOST_SAYS | E_AGENT | E_DISKS | E_QUEUE | E_LADDER,
	"the guest's file systems are frozen",
	"softer, and nothing is lost: on the PVE host as root, qm guest cmd 102 "
	"fsfreeze-thaw; the verb thaws first, too"},
    {"stall", stalled, CYCLE,
	HOST_SAYS | E_STATUS | E_DISKS | E_QUEUE | E_LADDER | E_AGENT | E_THREADS |
	    E_GDB | E_PAST | E_HOST,
	"QEMU holds disk requests of the guest and finishes none", NULL},
    {"stall", perhaps_stalled, FORENSICS, E_STATUS | E_DISKS | E_QUEUE | E_LADDER,
	"QEMU holds disk requests and its last I/O was long ago: forensics prove it",
	NULL},
    {"read-only", read_only, FIX, E_LADDER | E_DISKS | E_HOST | E_AGENT,
	"the guest's kernel has made a file system read-only, as it does after an I/O error",
	LOOK_INSIDE
	": dmesg | tail; sudo mount -o remount,rw /; the verb boots and checks "
	"the file system"},
    {"disk-full", disk_full, NONE, E_LADDER | E_USED | E_STATUS | E_AGENT,
	"the devvm answers, and a write says: no space left",
	"make room by ssh: sudo du -xh / | sort -h | tail, journalctl --vacuum-size"},
    {"stall", stalled_by_witness, CYCLE,
	E_STATUS | E_DISKS | E_LADDER | E_AGENT | E_THREADS | E_GDB | E_PAST | E_HOST,
	"QMP answers, the write counters stand still, and a write in the guest does not "
	"come back",
	NULL},
    {"crawling", slow_disk, NONE,
	E_LADDER | E_DISKS | E_QUEUE | E_CPU | E_HOST | E_LOAD | E_MEM,
	"the guest writes, but a small write with sync did not come back in time",
	LOOK_INSIDE ": what writes so much, and is the host's storage slow"},
    {"frozen", frozen_by_witness, FIX, E_LADDER | E_DISKS | E_QUEUE | E_AGENT | E_JOBS,
	"a write in the guest does not come back although QEMU holds no request: its file "
	"systems are frozen, and no agent answers that could say so",
	"softer, and nothing is lost: in a shell on the devvm (F9), sudo fsfreeze "
	"--unfreeze /"},
    {"guest-idle", guest_kernel_hangs, FIX,
	E_LADDER | E_DISKS | E_QUEUE | E_AGENT | E_CPU | E_SCREEN,
	"ssh stops at a command although QEMU holds no disk request: the guest's own "
	"kernel is stuck",
	LOOK_INSIDE ", as far as it answers: dmesg | tail"},

    /* The guest runs, and does not answer. */
    {"panic", panic_on_screen, FIX,
	E_SCREEN | E_AGENT | E_CPU | E_DISKS | E_LADDER | E_STATUS,
	"the guest's screen shows a kernel panic", NULL},
    {"ssh-down", login_fails, NONE, E_LADDER | E_AGENT | E_STATUS,
	"the devvm's sshd answers and does not let us in",
	"its authorized_keys or sshd_config has changed: contrib/bootstrap devvm, by another "
	"way in; " SOFT_AGENT},
    {"net-down", link_cut, CYCLE, E_NIC | E_AGENT | E_LADDER | E_STATUS,
	"the guest's network link is cut on the PVE host",
	"softer, and nothing is lost: on the PVE host as root, qm set 102 with "
	"link_down=0 for its net0; a config that says link_down=1 survives a cycle"},
    {"guest-spin", spins, FIX,
	HOST_SAYS | E_CPU | E_DISKS | E_AGENT | E_SCREEN | E_LADDER | E_STATUS,
	"QEMU is healthy; the guest burns CPU and writes nothing", NULL},
    {"guest-spin", thrashes, FIX,
	E_CPU | E_DISKS | E_AGENT | E_SCREEN | E_LADDER | E_STATUS,
	"QEMU is healthy; the guest burns CPU, and neither its agent nor ssh answers",
	NULL},
    {"guest-idle", idles, FIX,
	HOST_SAYS | E_AGENT | E_DISKS | E_QUEUE | E_CPU | E_SCREEN | E_LADDER | E_STATUS,
	"QEMU is healthy; the guest asks for nothing and does not answer", NULL},
    {"net-down", lives_without_net, FIX, E_AGENT | E_DISKS | E_LADDER | E_NIC | E_STATUS,
	"the guest lives, but its network does not answer",
	"softer, and nothing is lost: on the PVE host as root, qm guest exec 102 -- ip "
	"link set DEV up"},
    {"net-down", lives_unreachable, FIX, E_AGENT | E_DISKS | E_LADDER | E_NIC | E_STATUS,
	"the guest lives, but there is no way to its address",
	"check the way from here first (this machine's network, the firewall); softer: qm "
	"guest exec 102 -- ip addr, on the PVE host as root"},
    {"ssh-down", sshd_silent, FIX, E_AGENT | E_DISKS | E_LADDER | E_STATUS | E_LOAD,
	"the guest lives, but its sshd says nothing", SOFT_AGENT},
    {"ssh-down", sshd_gone, NONE, E_AGENT | E_DISKS | E_LADDER | E_STATUS,
	"the guest lives, but no sshd takes connections: it has failed, and fails again "
	"after a boot if its files are broken",
	SOFT_AGENT "; read journalctl -u ssh the same way"},
    {"crawling", command_hangs, NONE, E_LADDER | E_AGENT | E_CPU | E_DISKS,
	"the guest lives and takes the login, but a command does not come back",
	LOOK_INSIDE ", as far as it answers"},
    {"unknown", sudo_or_write_fails, NONE, E_LADDER | E_USED | E_STATUS | E_AGENT,
	"the login works, what comes behind it fails", LOOK_INSIDE},
    {"guest-idle", silent_guest, FIX,
	E_DISKS | E_QUEUE | E_AGENT | E_CPU | E_SCREEN | E_LADDER | E_STATUS,
	"QEMU is healthy, the guest writes nothing, and ssh does not answer", NULL},

    /* Not enough is known. */
    {"host-silent", without_host, NONE, E_PVE_LINK | E_DEV_LINK | E_LADDER,
	"the PVE host does not answer: nothing can be said about QEMU, and no verb can "
	"reach it",
	"check this machine's way to it; what the devvm still answers is in the evidence"},
    {"unknown", after_a_verb, NONE, E_STATUS | E_DEV_LINK,
	"VM 102 runs again; the devvm's climb back tells the rest", NULL},
    {"hung", old_and_late, CYCLE, E_STATUS | E_LADDER,
	"qm took its time to say \"running\", as it does of a QEMU that hangs", NULL},
    {"stall", old_and_write_hangs, CYCLE, E_STATUS | E_LADDER,
	"the guest takes the login and does not give a write back", NULL},
    {"unknown", old_and_silent, CYCLE, E_STATUS | E_LADDER,
	"VM 102 is said to run and does not answer: a cycle cures a hung QEMU, a stall and "
	"a hung guest alike",
	NULL},
    {"healthy", well_as_far_as_seen, NONE, HOST_SAYS | E_STATUS | E_DEV_LINK | E_DISKS,
	"VM 102 runs and the devvm's connection answers", NULL},
    {"unknown", well_but_for_ssh, NONE, HOST_SAYS | E_STATUS | E_AGENT | E_DEV_LINK,
	"QEMU is well; how far ssh comes is not known yet", NULL},
    {"unknown", not_captured, FORENSICS, E_STATUS | E_LADDER | E_DEV_LINK,
	"VM 102 runs and the devvm does not answer as it should: forensics tell why",
	NULL},
    {"unknown", anything, FORENSICS, E_STATUS | E_PVE_LINK | E_DEV_LINK | E_LADDER,
	"too little is known: ask for forensics", NULL},
};

/* --- what keeps a verb from working --- */

#define V(verb) (1u << VERB_##verb)
#define MUTATING (V(START) | V(STOP) | V(RESET) | V(CYCLE))

static bool
job_runs(const struct seen *s)
{
	return s->h->host.state == HOSTJOB_RUNNING;
}

/* A suspended VM's state is on disk: a start is what takes it back. */
static bool
locked(const struct seen *s)
{
	return s->h->lock[0] && !(stopped(s) && is(s->h->lock, "suspended"));
}

static bool
unstartable(const struct seen *s)
{
	return is(s->m->startable, "no");
}

static const struct block {
	unsigned verbs;
	bool (*holds)(const struct seen *s);
	const char *todo, *more; /* more: what the host says of it goes between */
} blocks[] = {
    {MUTATING | V(FORENSICS), pve_down, "the PVE host does not answer", ""},
    {MUTATING, key_changed,
	"the PVE host's key has changed: compare it, then /accept pve", ""},
    {MUTATING, job_runs, "a verb runs at the host: wait for its end", ""},
    {MUTATING, locked, "VM 102's config is locked by ",
	": wait for that task or end it on the host; only when it is dead: "
	"breakglass-pve --remove-lock there, as root"},
    {V(START) | V(CYCLE), unstartable,
	"it could not be started: ", ": put that right on the host"},
};

static void
block_todo(const struct block *b, const struct seen *s, char *out, size_t size)
{
	const char *said = "";

	if (b->holds == locked)
		said = s->m->lock_holder[0] ? s->m->lock_holder : s->h->lock;
	else if (b->holds == unstartable)
		said = s->m->startable_why[0] ? s->m->startable_why
					      : "no quorum, or no storage or config";
	snprintf(out, size, "%s%.180s%s", b->todo, said, b->more);
}

static const struct block *
blocked(const struct seen *s, int verb)
{
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
		if ((blocks[i].verbs & 1u << verb) && blocks[i].holds(s))
			return &blocks[i];
	return NULL;
}

static int
advised(const struct seen *s, enum advice advice)
{
	static const int verbs[] = {[NONE] = -1,
	    [FORENSICS] = VERB_FORENSICS,
	    [START] = VERB_START,
	    [CYCLE] = VERB_CYCLE};

	if (advice != FIX)
		return verbs[advice];
	return staged(s) && !unstartable(s) ? VERB_CYCLE : VERB_RESET;
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
	const struct block *b = verb < 0 ? NULL : blocked(s, verb);
	char text[400];

	v->advice = verb < 0 || b ? "none" : verb_rows[verb].name;
	if (b) {
		block_todo(b, s, text, sizeof text);
		add_todo(v, text);
		snprintf(text, sizeof text, "then %s", verb_rows[verb].name);
		add_todo(v, text);
	}
	add_todo(v, r->todo);
	if (verb >= 0 && verb != VERB_FORENSICS && s->m->uptime_s >= 0 &&
	    s->m->uptime_s < VERDICT_BOOTING_S && !stopped(s) && !paused(s))
		add_todo(v,
		    "this QEMU is young and the guest may still be booting: ask again first");
	if (r->advice == FIX && verb == VERB_RESET && staged(s))
		add_todo(v,
		    "a reset, because a cycle could not start it again: the staged "
		    "config stays unapplied");
	if (is(v->word, "healthy") && staged(s))
		add_todo(v, "staged config waits: a cycle applies it, a reset does not");
	v->todo[text_cut(v->todo, strlen(v->todo))] = '\0';
}

/* --- what must not be done --- */

static bool
sshd_is_broken(const struct seen *s)
{
	return sshd_gone(s) || login_fails(s);
}

static bool
no_room(const struct seen *s)
{
	return disk_full(s) || whole_but_full(s);
}

static bool
any_stall(const struct seen *s)
{
	return stalled(s) || perhaps_stalled(s) || stalled_by_witness(s) ||
	    old_and_write_hangs(s);
}

static bool
any_hang(const struct seen *s)
{
	return hung(s) || old_and_late(s);
}

static bool
process_there(const struct seen *s)
{
	return s->h->status[0] && !stopped(s) && !paused(s) && !nospace(s) &&
	    !is(s->h->status, "unknown");
}

static const struct not_row {
	unsigned verbs;
	bool (*holds)(const struct seen *s);
	const char *why;
} nots[] = {
    {MUTATING, pve_down, "the PVE host does not answer: it would not be sent"},
    {MUTATING, key_changed,
	"the PVE host's key has changed: refused until it is accepted"},
    {MUTATING, missing, "there is no VM 102 on this host"},
    {MUTATING, job_runs, "a verb runs at the host: it refuses a second one"},
    {MUTATING, locked, "VM 102's config is locked: the host refuses"},
    {V(START) | V(CYCLE), unstartable,
	"it could not be started: the host refuses, so that the VM is not left off"},
    {V(RESET) | V(STOP), stopped, "no QEMU runs"},
    {V(START) | V(CYCLE), answers_elsewhere,
	"the devvm's address answers: it may run elsewhere already"},
    {V(RESET) | V(STOP) | V(CYCLE), held,
	"the host's storage holds threads of QEMU: it cannot be ended, and nothing may be "
	"started beside it"},
    {V(RESET), any_hang,
	"a main loop that hangs does not take it: it fails, and costs time"},
    {V(RESET), paused, "a paused QEMU is left in prelaunch: it does not run again"},
    {V(RESET) | V(CYCLE), nospace,
	"it boots and stops again at its next write: make room first"},
    {V(RESET), any_stall,
	"it waits for the stuck requests in QEMU's main loop: that kills QMP and destroys "
	"the evidence, and cures nothing"},
    {V(RESET) | V(CYCLE), no_room, "it boots with the same full disk"},
    {V(RESET) | V(CYCLE), sshd_is_broken,
	"it boots the same files: what is broken on disk stays broken"},
    {V(RESET), link_cut, "the link is cut in QEMU, and a reset keeps that QEMU"},
    {V(RESET), staged, "it does not apply the staged config; cycle does"},
    {V(START), process_there, "VM 102 runs already"},
};

static void
decide_not(struct verdict *v, const struct seen *s)
{
	for (int verb = 0; verb < VERBS; verb++) {
		for (size_t i = 0; i < ARRAY_LEN(nots); i++) {
			if (!(nots[i].verbs & 1u << verb) || !nots[i].holds(s) ||
			    is(v->advice, verb_rows[verb].name))
				continue;
			v->not_now[v->not_count].verb = (enum verb)verb;
			v->not_now[v->not_count++].why = nots[i].why;
			break;
		}
	}
}

void
verdict_decide(const struct verdict_in *in, struct verdict *out)
{
	struct vmfacts silent = {0};
	struct seen s = {.in = in, .l = in->ladder};
	const struct rule *r = rules;

	vmfacts_begin(&silent);
	s.h = in->host && !pve_down(&s) ? in->host : &silent;
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
	decide_not(out, &s);
	evidence_add(out, in, s.h, r->lines);
}
