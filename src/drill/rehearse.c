/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rehearse.c: a drill in the lab.
 *
 *   lab up --> room, engine --> status (VM 102 is well) --> wedge --> recovery
 *      --> [the proof] --> report, journal, record --> everything is taken down
 *
 * Whatever fails, and whatever signal comes, the way out is the same one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/text.h"
#include "drill/rehearse_int.h"

#define COMMAND_MS 150000    /* status, note, verdict: each has an end of its own */
#define PROOF_WAIT_MS 190000 /* the engine gives it up after 180 s */
#define PROOF_LOOK_MS 200
#define WORDS_MAX 12

/* --- programs --- */

/* "breakglass WORD ..." in the room; its exit code or -1. */
static int
command(
    struct rehearsal *r, enum child_stream out, const char *const *words, struct err *err)
{
	const char *argv[WORDS_MAX + 4] = {r->d->program, "--as", r->d->c->name};

	for (int i = 0; words[i] && i < WORDS_MAX; i++)
		argv[i + 3] = words[i];
	return child_run(
	    &(struct child_opts){.argv = argv,
		.out = out == CHILD_SHOWN && r->d->c->json ? CHILD_ASIDE : out,
		.err = CHILD_SHOWN,
		.limit_ms = out == CHILD_HIDDEN ? COMMAND_MS : 0},
	    err);
}

#define COMMAND(r, out, err, ...) \
	command(r, out, (const char *const[]){__VA_ARGS__, NULL}, err)

static int
console(struct rehearsal *r, struct err *err)
{
	const struct drill *d = r->d;
	const char *argv[WORDS_MAX] = {d->program, "--as", d->c->name};
	int n = 3;

	if (d->linear)
		argv[n++] = "--linear";
	if (d->c->verbose)
		argv[n++] = "-v";
	return child_run(&(struct child_opts){.argv = argv,
			     .out = d->c->json ? CHILD_ASIDE : CHILD_SHOWN,
			     .reads = true},
	    err);
}

/* --- before the wedge --- */

static int
bad_wedge(const struct rehearsal *r, struct err *err)
{
	return err_set(err, ERR_USAGE,
	    "there is no wedge \"%.40s\"; breakglass drill --list has them", r->d->wedge);
}

/* One that a verb cures; the thrash of a small guest is none for a first try. */
static struct lab_wedge *
any_wedge(struct rehearsal *r)
{
	struct lab_wedge *list[LAB_WEDGES_MAX];
	unsigned char dice = 0;
	size_t n = 0;

	for (size_t i = 0; i < r->n_wedges; i++)
		if (r->wedges[i].verb[0] && strcmp(r->wedges[i].name, "thrash") != 0)
			list[n++] = &r->wedges[i];
	if (!random_try(&dice, 1))
		dice = (unsigned char)clock_mono_ms();
	return n ? list[dice % n] : NULL;
}

static int
choose_wedge(struct rehearsal *r, struct err *err)
{
	const char *word = r->d->wedge ? r->d->wedge : DRILL_WEDGE;

	if (lab_wedges(&r->lab, r->wedges, &r->n_wedges, err) < 0)
		return -1;
	if (strcmp(word, DRILL_NONE) == 0)
		return 0;
	if (strcmp(word, DRILL_ANY) == 0)
		r->wedge = any_wedge(r);
	for (size_t i = 0; i < r->n_wedges && !r->wedge; i++)
		if (strcmp(r->wedges[i].name, word) == 0)
			r->wedge = &r->wedges[i];
	return r->wedge ? 0 : bad_wedge(r, err);
}

static bool
is_secret(const struct rehearsal *r)
{
	return r->d->wedge && strcmp(r->d->wedge, DRILL_ANY) == 0;
}

static int
set_up(struct rehearsal *r, struct err *err)
{
	const struct drill *d = r->d;

	if (lab_init(&r->lab, d->c->options, err) < 0 || choose_wedge(r, err) < 0 ||
	    shelf_open(&r->shelf, d->c->options->sessions_dir, clock_wall_ms(), err) < 0)
		return -1;
	drill_say(d,
	    "lab: a QEMU guest%s%s as VM 102, an sshd as its PVE host (the first start takes longer)",
	    d->guest ? " " : "", d->guest ? d->guest : "");
	if (lab_up(&r->lab, d->guest, d->keep, err) < 0 ||
	    lab_vars(&r->lab, &r->vars, err) < 0 ||
	    room_make(&r->room, &r->vars, d->alone, err) < 0 ||
	    room_start_engine(&r->room, d->c->verbose, err) < 0)
		return -1;
	return 0;
}

/* VM 102 is well: what comes is the wedge's.  The incident is open from here on. */
static int
look_before(struct rehearsal *r, struct err *err)
{
	char *text;
	int code = COMMAND(r, CHILD_HIDDEN, err, "status");

	if (code < 0)
		return -1;
	if (code == COMMAND_NO_ACCESS)
		return err_set(err, ERR_DENIED,
		    "the drill's engine let nobody in (exit %d), us neither: no wedge was made",
		    code);
	if (code != 0)
		return err_set(err, ERR_UNREACHABLE,
		    "the lab's PVE host gave no status (exit %d): no wedge was made",
		    code);
	text = mem_printf("drill: this is the lab, VM 102 is about to get ill%s%s",
	    is_secret(r) || !r->wedge ? "" : ": ",
	    is_secret(r) || !r->wedge ? "" : r->wedge->name);
	if (r->wedge)
		code = COMMAND(r, CHILD_HIDDEN, err, "note", text);
	free(text);
	return code < 0 ? -1 : 0;
}

static void
tell_operator(const struct rehearsal *r)
{
	FILE *to = r->d->c->json ? stderr : stdout;

	if (!r->wedge)
		fputs("\n VM 102 of this lab is well.\n", to);
	else
		fprintf(to,
		    "\n Enter makes VM 102 of this lab ill%s\n"
		    "%s%s%s and opens the screen; the clock runs\n"
		    " until it is proved that it is back.\n",
		    is_secret(r) ? "" : ":", is_secret(r) ? "" : "   ",
		    is_secret(r) ? "" : r->wedge->name, is_secret(r) ? "" : "\n");
	fputs("\n"
	      " /triage Enter  asks both hosts what is\n"
	      "                wrong, names the key;\n"
	      "                no AI is in it\n"
	      " F7 (Esc, 7)    if it advises a cycle:\n"
	      "                type cycle, Enter\n"
	      " F2 status      F3 forensics\n"
	      " F4 start       F6 reset\n"
	      " Tab PgUp PgDn  look around; F1 all keys\n"
	      " F10 (Esc, 0)   leaves; the drill ends\n"
	      "\n Enter opens it. ",
	    to);
	fflush(to);
}

static int
await_operator(const struct rehearsal *r, struct err *err)
{
	char line[256];

	tell_operator(r);
	while (!child_signal())
		if (child_wait_fd(STDIN_FILENO, 1000))
			return read(STDIN_FILENO, line, sizeof line) > 0
			    ? 0
			    : err_set(err, ERR_USAGE, "nothing was begun");
	return err_set(err, ERR_USAGE, "interrupted");
}

/* --- the wedge, and the way back --- */

static int
make_wedge(struct rehearsal *r, struct err *err)
{
	int64_t made, holds;
	char held[32];

	if (!is_secret(r))
		drill_say(r->d, "wedge: %s", r->wedge->name);
	else
		drill_say(r->d, "wedge: one that a verb cures");
	r->page.record.at_ms = clock_wall_ms();
	if (lab_make(&r->lab, r->wedge->name, &made, &holds, err) < 0)
		return -1;
	story_init(&r->story, made, holds);
	r->begun = true;
	drill_say(r->d, "it holds, after %s", page_ms(holds - made, held, sizeof held));
	return 0;
}

static int
read_story(struct rehearsal *r, struct err *err)
{
	char *dir = mem_printf("%s/sessions", r->room.dir);
	int rc = story_read(&r->story, dir, err);

	free(dir);
	return rc;
}

/* The verb that is advised: by the verdict, else by the runbook; "": none is. */
static const char *
advised(const struct story *s)
{
	int v = verb_by_name(s->advice, strlen(s->advice));

	return v >= 0 && verb_rows[v].mutating ? verb_rows[v].name : s->runbook_key;
}

static int
recover_alone(struct rehearsal *r, struct err *err)
{
	const char *verb;
	int code;

	drill_say(r->d, "breakglass runbook triage");
	code = COMMAND(r, CHILD_SHOWN, err, "runbook", "triage", "--offline");
	if (code < 0 || read_story(r, err) < 0)
		return -1;
	if (code != 0)
		return err_set(err, ERR_SYSTEM,
		    "the runbook did not come to its end (exit %d)", code);
	verb = advised(&r->story);
	if (!verb[0]) {
		drill_say(r->d,
		    "no key is advised: the repair that triage names is done over ssh, or by the runbook that it names");
		r->quiet = !r->wedge->verb[0];
		return 0;
	}
	drill_say(r->d, "breakglass %s --confirm %s", verb, verb);
	code = COMMAND(r, CHILD_SHOWN, err, verb, "--confirm", verb);
	if (code > 0)
		drill_say(r->d, "%s ended with status %d", verb, code);
	return code < 0 ? -1 : 0;
}

/* The screen was left; what the engine is still proving is waited for. */
static int
await_proof(struct rehearsal *r, struct err *err)
{
	int64_t until = clock_mono_ms() + PROOF_WAIT_MS, end = until;
	bool said = false;

	/* of a cycle each half has the time-out, and the proof begins behind both */
	end += 2 * (int64_t)r->room.config.pve_verb_timeout_seconds * 1000;
	for (;;) {
		int64_t now = clock_mono_ms();

		if (read_story(r, err) < 0)
			return -1;
		if (r->story.course.state == COURSE_RUNNING)
			until = now + PROOF_WAIT_MS;
		else if (!r->story.proving)
			return 0;
		if (now > until || now > end)
			return 0;
		if (!said)
			drill_say(r->d,
			    "the verb and its proof are waited for (Ctrl-C ends that)");
		said = true;
		child_wait_fd(-1, PROOF_LOOK_MS);
		if (child_signal())
			return err_set(err, ERR_USAGE, "interrupted");
	}
}

/* No verb was proved: is it back all the same? The engine's verdict, and the lab's look.
 */
static int
look_after(struct rehearsal *r, struct err *err)
{
	int code, holds = 0;

	drill_say(r->d, "is VM 102 back? (breakglass verdict)");
	code = COMMAND(r, CHILD_HIDDEN, err, "verdict");
	if (code < 0)
		return -1;
	if (code == 0 && r->wedge->cures[0])
		holds = lab_holds(&r->lab, r->wedge->name, err);
	if (holds < 0)
		return -1;
	if (code == 0 && !holds)
		r->story.back_ms = clock_mono_ms();
	return read_story(r, err);
}

static int
recover(struct rehearsal *r, struct err *err)
{
	int code;

	if (r->d->alone) {
		if (recover_alone(r, err) < 0 || await_proof(r, err) < 0)
			return -1;
		return 0;
	}
	code = console(r, err);
	r->story.left_ms = clock_mono_ms();
	if (code < 0 || await_proof(r, err) < 0)
		return -1;
	if (code != 0)
		drill_say(r->d, "the console ended with status %d", code);
	return r->story.proven ? 0 : look_after(r, err);
}

/* --- all of it --- */

static int
rehearse(struct rehearsal *r, struct err *err)
{
	if (set_up(r, err) < 0 || look_before(r, err) < 0)
		return -1;
	if (!r->d->alone && await_operator(r, err) < 0)
		return -1;
	if (!r->wedge)
		return r->d->alone || console(r, err) >= 0 ? 0 : -1;
	if (make_wedge(r, err) < 0 || recover(r, err) < 0)
		return -1;
	room_end_engine(&r->room); /* its journal is whole then */
	if (read_story(r, err) < 0)
		return -1;
	if (!r->quiet && rehearse_keep(r, err) < 0)
		return -1;
	if (!r->quiet)
		rehearse_tell_end(r);
	return 0;
}

/*
 * Words for a shell.  In it nothing reaches further than in the drill; an engine that was
 * started by looking ends with the rest.
 */
static void
tell_kept(const struct rehearsal *r)
{
	FILE *to = r->d->c->json ? stderr : stdout;
	char *dir = text_shell_word(r->room.dir), *lab = text_shell_word(r->lab.program),
	     *program = text_shell_word(r->d->program);
	char *env = mem_printf("%s/" ROOM_ENV, r->room.dir),
	     *settings = text_shell_word(env);

	drill_say(r->d, "the lab is still up. To look at it:");
	fprintf(to, "    (. %s && %s)\nTo end it:\n", settings, program);
	fprintf(to,
	    "    (. %s && { %s ping 2>/dev/null | "
	    "sed -n 's/^.*, pid \\([0-9]*\\),.*/\\1/p' | xargs -r kill; "
	    "%s --name %s down; }) && rm -r -- %s\n",
	    settings, program, lab, r->lab.name, dir);
	fflush(to);
	free(settings);
	free(env);
	free(program);
	free(lab);
	free(dir);
}

static void
leave(struct rehearsal *r)
{
	struct err err;
	bool keep = r->d->keep && r->room.dir && r->lab.up;

	room_end_engine(&r->room);
	if (keep)
		tell_kept(r);
	room_leave(&r->room, keep);
	if (!keep && r->lab.up) {
		if (lab_down(&r->lab, &err) < 0)
			drill_fail(&err);
		else
			drill_say(r->d, "the lab is down, nothing is left running");
	}
	lab_vars_fini(&r->vars);
	shelf_fini(&r->shelf);
	lab_fini(&r->lab);
}

int
drill_lab(struct drill *d)
{
	struct rehearsal *r = mem_alloc(sizeof *r);
	struct err err = {0};
	int rc;

	if (!d->alone &&
	    (!isatty(STDIN_FILENO) ||
		!isatty(d->c->json ? STDERR_FILENO : STDOUT_FILENO))) {
		err_set(&err, ERR_USAGE,
		    "there is no terminal for the console; without an operator: breakglass drill --auto");
		free(r);
		return drill_fail(&err);
	}
	child_init();
	r->d = d;
	story_init(&r->story, 0, 0);
	rc = rehearse(r, &err);
	if (rc < 0 && !child_signal())
		rc = drill_fail(&err);
	else if (rc == 0 && r->begun && !r->quiet && !r->story.proven)
		rc = COMMAND_FAILED;
	leave(r);
	free(r);
	return child_signal() ? 128 + child_signal() : rc;
}

int
drill_list(struct drill *d)
{
	struct lab_wedge wedges[LAB_WEDGES_MAX];
	struct lab lab;
	struct err err;
	size_t count = 0;

	child_init();
	if (lab_init(&lab, d->c->options, &err) < 0 ||
	    lab_wedges(&lab, wedges, &count, &err) < 0) {
		lab_fini(&lab);
		return drill_fail(&err);
	}
	for (size_t i = 0; i < count; i++) {
		struct js *m = js_new();

		if (!d->c->json)
			printf("%s%s%s\n    %s\n", wedges[i].name,
			    wedges[i].cures[0] ? ": " : "", wedges[i].cures,
			    wedges[i].what);
		js_set_str(m, "wedge", wedges[i].name);
		js_set_str(m, "what", wedges[i].what);
		js_set_str(m, "cures", wedges[i].cures);
		js_set_str(m, "verb", wedges[i].verb[0] ? wedges[i].verb : NULL);
		if (d->c->json)
			command_print_json(m);
		js_free(m);
	}
	lab_fini(&lab);
	return COMMAND_OK;
}
