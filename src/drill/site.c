/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * site.c: a look at the real site: status, forensics, and the engine's climb into the
 * devvm, rung by rung.
 *
 * An ordinary client of the ordinary engine: the one that runs, else one for as long as
 * this takes.  The verbs that can be said here are the rows of looks[], which change
 * nothing, and no request of this file has the "confirm" without which the engine takes
 * no other.  The climb is the engine's own, the same that it makes for each console that
 * attaches: its last rung writes one small file on the devvm, syncs it and removes it.
 * The incident that the look opens is closed again, where nobody else is at it.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/scrub.h"
#include "drill/drill.h"
#include "drill/page.h"
#include "drill/shelf.h"
#include "record/record.h"

#define SITE_STEPS_MAX 24
#define SITE_LOOK_MS 100000 /* a capture has 60 s, a climb 20 s; the engine ends both */
#define SITE_CLOSE_MS 3000
#define REPORT_MAX (256 * 1024)

enum look { LOOK_STATUS, LOOK_FORENSICS, LOOKS };

static const enum verb looks[LOOKS] = {
    [LOOK_STATUS] = VERB_STATUS, [LOOK_FORENSICS] = VERB_FORENSICS};

struct step {
	char name[16];
	bool ok;
	int64_t ms;	/* -1: it has none */
	char text[320]; /* of others, too: clean, but not to be read as Markdown */
};

struct site {
	struct drill *d;
	struct client client;
	struct shelf shelf;
	bool own;	/* the engine is there for us alone */
	bool incident;	/* one was open when we came */
	bool opened;	/* one was opened since, by our note */
	bool others;	/* somebody else wrote into the one that we opened */
	bool status_ok; /* the host has answered */
	bool greeted, failed;
	int exit;
	/* The look in hand. */
	enum look look;
	char req[COMMAND_REQ_MAX], id[16], run[16];
	bool over, judged;
	bool settling; /* what came of it is told behind its end; a welcome ends that */
	bool closing, closed;
	char stays[160]; /* why the incident that we opened was not closed; "" */
	int64_t bytes;
	struct step *step;
	struct js *vm, *here, *link[2]; /* the last word about each: pve, devvm */
	struct js *verdict;
	struct step steps[SITE_STEPS_MAX];
	size_t count;
	int64_t at_ms, ms;
};

/* --- steps --- */

static struct step *site_step(struct site *s, const char *name, bool ok, int64_t ms,
    const char *fmt, ...) PRINTF_LIKE(5, 6);

static struct step *
site_step(struct site *s, const char *name, bool ok, int64_t ms, const char *fmt, ...)
{
	struct step *p = &s->steps[s->count < SITE_STEPS_MAX ? s->count++ : s->count - 1];
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	snprintf(p->name, sizeof p->name, "%s", name);
	scrub_label(text, strlen(text), p->text, sizeof p->text);
	p->ok = ok;
	p->ms = ms;
	s->failed |= !ok;
	return p;
}

static void
tell_step(const struct site *s, const struct step *p)
{
	char ms[32];
	struct js *m;

	if (!s->d->c->json) {
		if (p->ms < 0)
			printf("%-4s  %s\n", p->ok ? "ok" : "FAIL", p->name);
		else if (p->ms < 10000)
			printf("%-4s  %-10s %6" PRId64 " ms\n", p->ok ? "ok" : "FAIL",
			    p->name, p->ms);
		else
			printf("%-4s  %-10s %9s\n", p->ok ? "ok" : "FAIL", p->name,
			    page_ms(p->ms, ms, sizeof ms));
		if (p->text[0])
			record_wrap(stdout, record_columns(), 6, 6, p->text);
		fflush(stdout);
		return;
	}
	m = js_new();
	js_set_str(m, "t", "step");
	js_set_str(m, "step", p->name);
	js_set_bool(m, "ok", p->ok);
	if (p->ms >= 0)
		js_set_int(m, "ms", p->ms);
	js_set_str(m, "text", p->text[0] ? p->text : NULL);
	command_print_json(m);
	js_free(m);
}

/* --- facts --- */

static void
keep(struct js **to, const struct js *m)
{
	js_free(*to);
	*to = js_ref((struct js *)(uintptr_t)m);
}

static void
on_state(struct site *s, const struct js *m)
{
	if (js_is(m, "what", "vm"))
		keep(&s->vm, m);
	else if (js_is(m, "what", "here"))
		keep(&s->here, m);
	else if (js_is(m, "what", "link") && js_is(m, "host", "pve"))
		keep(&s->link[0], m);
	else if (js_is(m, "what", "link") && js_is(m, "host", "devvm"))
		keep(&s->link[1], m);
}

static const char *
said(const struct js *m, const char *key)
{
	return m && js_str(m, key) ? js_str(m, key) : "";
}

/* The end of our verb. */
static void
on_end(struct site *s, const struct js *m)
{
	struct step *p = s->step;
	bool finished = js_is(m, "state", "finished");
	int code = (int)js_int(m, "exit", -1);
	char text[300];

	p->ok = finished && code == 0;
	s->failed |= !p->ok;
	if (!finished)
		s->exit = COMMAND_UNREACHABLE;
	if (finished && code == 0)
		snprintf(text, sizeof text, "%" PRId64 " bytes from the host", s->bytes);
	else if (finished)
		snprintf(text, sizeof text, "the host program ended with %d: %.200s",
		    code, said(m, "result"));
	else
		snprintf(text, sizeof text, "%.280s", said(m, "why"));
	scrub_label(text, strlen(text), p->text, sizeof p->text);
	s->over = true;
}

static void
on_verb(struct site *s, const struct js *m)
{
	if (!s->id[0] && js_is(m, "state", "asked") && js_is(m, "req", s->req))
		snprintf(s->id, sizeof s->id, "%.15s", said(m, "id"));
	if (!s->id[0] || !js_is(m, "id", s->id))
		return;
	if (js_is(m, "state", "sent"))
		snprintf(s->run, sizeof s->run, "%.15s", said(m, "run"));
	if (js_is(m, "state", "finished") || js_is(m, "state", "refused") ||
	    js_is(m, "state", "unknown"))
		on_end(s, m);
}

/* An answer to our request, and no verb came of it. */
static void
on_error(struct site *s, const struct js *m)
{
	if (s->id[0] || !s->req[0] || !js_is(m, "req", s->req))
		return;
	scrub_label(said(m, "text"), strlen(said(m, "text")), s->step->text,
	    sizeof s->step->text);
	s->step->ok = false;
	s->failed = s->over = s->judged = true;
	s->exit = js_is(m, "where", "access") ? COMMAND_NO_ACCESS : COMMAND_USAGE;
}

/* The answer to our wish that the incident be closed. */
static bool
on_closing(struct site *s, int kind, const struct js *m)
{
	if (kind == FACT_INCIDENT && js_is(m, "state", "closed"))
		return s->closed = true, false;
	if (kind != FACT_ERROR || !js_is(m, "req", s->req))
		return true;
	scrub_label(said(m, "text"), strlen(said(m, "text")), s->stays, sizeof s->stays);
	return false;
}

static bool
is_of_another(const struct site *s, const struct js *m)
{
	const char *by = said(m, "by");

	return js_int(m, "seq", 0) > 0 && strcmp(by, s->client.you) != 0 &&
	    strcmp(by, "engine") != 0;
}

static bool
on_fact(struct client *client, int kind, const struct js *m, void *arg)
{
	struct site *s = arg;

	s->others |= is_of_another(s, m);
	s->opened |= kind == FACT_INCIDENT && js_is(m, "state", "opened");
	if (s->closing)
		return on_closing(s, kind, m);
	if (kind == FACT_WELCOME && s->settling)
		return s->settling = false;
	if (kind == FACT_WELCOME)
		s->incident = js_has(m, "incident");
	else if (kind == FACT_CAUGHT_UP)
		s->greeted = true;
	else if (kind == FACT_STATE)
		on_state(s, m);
	else if (kind == FACT_VERB)
		on_verb(s, m);
	else if (kind == FACT_ERROR)
		on_error(s, m);
	else if (kind == FACT_OUTPUT && s->run[0] && js_is(m, "id", s->run))
		s->bytes += js_int(m, "len", 0);
	else if (kind == FACT_VERDICT && s->id[0] && js_is(m, "id", s->id) &&
	    !js_bool(m, "climbing", false)) {
		keep(&s->verdict, m);
		s->judged = true;
	}
	if (!s->req[0] || s->settling)
		return s->settling || !s->greeted;
	return !s->over || (s->look == LOOK_FORENSICS && !s->judged);
}

/* --- the looks --- */

static int
connect_engine(struct site *s, struct err *err)
{
	int64_t began = clock_mono_ms();
	int rc = command_begin(&s->client, s->d->c, START_NEVER, on_fact, s, err);

	if (rc < 0 && err->code == ERR_UNREACHABLE) {
		s->own = true;
		rc = command_begin(&s->client, s->d->c, START_ONE_SHOT, on_fact, s, err);
	}
	if (rc < 0)
		return -1;
	tell_step(s,
	    site_step(s, "engine", true, clock_mono_ms() - began, "%s",
		s->own ? "none ran: one of its own, for this look"
		       : "the one that runs here"));
	return 0;
}

/* The engine's next states: it answers a ping behind them. */
static int
settle(struct site *s, struct err *err)
{
	s->settling = true;
	if (client_send(&s->client, message_new(request_names[REQUEST_PING]), err) < 0)
		return -1;
	return client_run(&s->client, SITE_LOOK_MS, err);
}

/* -1: the engine is gone, or does not answer. */
static int
take_look(struct site *s, enum look look, struct err *err)
{
	const struct verb_row *verb = &verb_rows[looks[look]];
	struct js *m = message_new(request_names[REQUEST_VERB]);
	int64_t began = clock_mono_ms();
	int rc;

	assert(!verb->mutating);
	s->look = look;
	s->id[0] = s->run[0] = '\0';
	s->over = s->judged = false;
	s->bytes = 0;
	s->step = site_step(s, verb->name, true, -1, "%s", "");
	command_make_req(s->req);
	js_set_str(m, "req", s->req);
	js_set_str(m, "verb", verb->name);
	if (client_send(&s->client, m, err) < 0)
		return -1;
	rc = client_run(&s->client, SITE_LOOK_MS, err);
	s->step->ms = clock_mono_ms() - began;
	if (rc == 0)
		rc = settle(s, err);
	if (rc == 1)
		return err_set(err, ERR_UNREACHABLE,
		    "the engine answers, and did not end %s in 100 s: what it waits for is in "
		    "\"breakglass state\"; take this look again when that has ended",
		    verb->name);
	return rc;
}

static void
tell_status(struct site *s)
{
	tell_step(s, s->step);
	s->status_ok = s->step->ok;
	if (s->link[0])
		tell_step(s,
		    site_step(s, "pve", js_is(s->link[0], "state", "up"),
			js_int(s->link[0], "ms", -1), "%s, key %s %s %s",
			said(s->link[0], "state"), said(s->link[0], "key"),
			said(s->link[0], "fingerprint"), said(s->link[0], "why")));
}

static void
tell_climb(struct site *s)
{
	const struct js *rungs = s->verdict ? js_get_array(s->verdict, "rungs") : NULL;
	const char *why = "not reached";

	tell_step(s, s->step);
	/* of a host that is silent it would be the word from before */
	if (s->vm && s->status_ok)
		tell_step(s,
		    site_step(s, "vm",
			js_is(s->vm, "status", "running") && !js_is(s->vm, "qmp", "hung"),
			js_int(s->vm, "status_ms", -1),
			"VM 102 is %s, QMP %s, host program %s", said(s->vm, "status"),
			said(s->vm, "qmp"), said(s->vm, "host_program")));
	for (size_t i = 0; i < js_len(rungs); i++) {
		const struct js *rung = js_at(rungs, i);
		bool ok = rung && js_bool(rung, "ok", false);

		if (!rung)
			continue;
		tell_step(s,
		    site_step(s, said(rung, "rung"), ok, js_int(rung, "ms", -1), "%s",
			ok ? "" : why));
	}
	if (!js_len(rungs))
		tell_step(s,
		    site_step(s, "ssh", false, -1, "%s",
			s->link[1] && said(s->link[1], "why")[0]
			    ? said(s->link[1], "why")
			    : "the engine did not climb into the devvm"));
	if (s->verdict)
		tell_step(s,
		    site_step(s, "verdict", js_is(s->verdict, "word", "healthy"), -1,
			"%s: %s", said(s->verdict, "word"), said(s->verdict, "why")));
}

/* Nobody else is at it: then what we opened was for our look alone. */
static bool
is_ours_alone(struct site *s)
{
	if (s->here && js_len(js_get_array(s->here, "operators")) > 0)
		snprintf(s->stays, sizeof s->stays, "a console is attached");
	else if (s->others)
		snprintf(s->stays, sizeof s->stays, "somebody else wrote into it");
	return !s->stays[0];
}

/* Such an incident is closed again, or the next real one would land in it. */
static void
close_incident(struct site *s)
{
	struct js *m;
	struct err err;

	if (s->incident || !s->opened)
		return;
	if (is_ours_alone(s)) {
		snprintf(s->stays, sizeof s->stays, "the engine did not close it");
		m = message_new(request_names[REQUEST_NEW_INCIDENT]);
		command_make_req(s->req);
		js_set_str(m, "req", s->req);
		js_set_str(m, "state", "close");
		s->closing = true;
		if (client_send(&s->client, m, &err) == 0 &&
		    client_run(&s->client, SITE_CLOSE_MS, &err) == 0 && s->closed)
			return;
	}
	tell_step(s,
	    site_step(s, "incident", true, -1,
		"opened for this look, it stays open: %s; breakglass incident close closes it",
		s->stays));
}

static int
note(struct site *s, struct err *err)
{
	struct js *m = message_new(request_names[REQUEST_NOTE]);

	js_set_str(m, "text",
	    "drill --site: status, forensics and the climb; nothing is changed");
	return client_send(&s->client, m, err);
}

static int
look_around(struct site *s, struct err *err)
{
	int rc;

	if (connect_engine(s, err) < 0)
		return -1;
	rc = note(s, err);
	if (rc == 0)
		rc = take_look(s, LOOK_STATUS, err);
	if (rc == 0) {
		tell_status(s);
		rc = take_look(s, LOOK_FORENSICS, err);
	}
	if (rc == 0)
		tell_climb(s);
	close_incident(s);
	client_fini(&s->client);
	return rc;
}

/* --- what is kept --- */

static bool
is_reached(const struct site *s, const char *rung)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->steps[i].name, rung) == 0)
			return s->steps[i].ok;
	return false;
}

/* Behind a login the probe runs, and writes though its answer does not come. */
static const char *
what_was_written(const struct site *s)
{
	return is_reached(s, "disk")
	    ? "The climb's last rung wrote one small file on the devvm, synced it and "
	      "removed it, as each attaching of a console does.\n\n"
	    : is_reached(s, "auth")
	    ? "The climb did not end its last rung: it may have written one small file on "
	      "the devvm, which the next climb removes.\n\n"
	    : "The climb did not reach its last rung: nothing was written there.\n\n";
}

static void
page_site(const struct site *s, FILE *to)
{
	char at[CLOCK_AT_LEN], ms[32];

	fprintf(to, "# Drill: the real site, %s\n\n",
	    s->failed ? "not as it should be" : "as it should be");
	fputs(
	    "Status, forensics, and the engine's climb into the devvm. "
	    "No verb that changes anything was sent; this program has no word for one. ",
	    to);
	fputs(what_was_written(s), to);
	fprintf(to, "| | |\n|---|---|\n| Begun | %s |\n", clock_at(s->at_ms, at));
	fprintf(to, "| Took | %s |\n", page_ms(s->ms, ms, sizeof ms));
	fprintf(to, "| Program | breakglass %s |\n\n", PACKAGE_VERSION);
	fputs("| step | | took |\n|---|---|---|\n", to);
	for (size_t i = 0; i < s->count; i++)
		fprintf(to, "| %s | %s | %s |\n", s->steps[i].name,
		    s->steps[i].ok ? "ok" : "**FAIL**",
		    page_ms(s->steps[i].ms, ms, sizeof ms));
	/* an indented block: what others wrote cannot end it */
	fputs("\nAs it was told:\n\n", to);
	for (size_t i = 0; i < s->count; i++)
		if (s->steps[i].text[0])
			fprintf(to, "    %-10s %s\n", s->steps[i].name, s->steps[i].text);
}

static int
keep_site(struct site *s, struct drills_record *k, struct err *err)
{
	char *page = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&page, &len);
	struct buf text;
	int rc;

	*k = (struct drills_record){
	    .kind = DRILLS_SITE, .ok = !s->failed, .at_ms = s->at_ms, .total_ms = s->ms};
	for (int i = 0; i < DRILLS_STEPS; i++)
		k->step_ms[i] = -1;
	snprintf(k->report, sizeof k->report, "%.40s.md", s->shelf.name);
	snprintf(k->version, sizeof k->version, "%s", PACKAGE_VERSION);
	if (!to)
		abort();
	page_site(s, to);
	if (fclose(to) != 0)
		abort();
	buf_init(&text, REPORT_MAX);
	rc = buf_add(&text, page, len) < 0
	    ? err_set(err, ERR_LIMIT, "the report is too long")
	    : shelf_write(&s->shelf, "md", &text, err);
	if (rc == 0)
		rc = shelf_record(&s->shelf, k, err);
	buf_fini(&text);
	free(page);
	return rc;
}

static void
tell_kept(const struct site *s, const struct drills_record *last, bool had)
{
	struct js *m;
	char *path = shelf_path(&s->shelf, "md"), at[CLOCK_AT_LEN];

	if (!s->d->c->json) {
		printf("%s: %s\n", s->failed ? "FAIL" : "ok",
		    s->failed ? "the site is not as it should be"
			      : "the site answers as it should");
		if (had)
			printf("  the last look: %.10s, %s\n", clock_at(last->at_ms, at),
			    last->ok ? "ok" : "not ok");
		printf("  %s/\n  %s.md\n", s->shelf.dir, s->shelf.name);
	} else {
		m = js_new();
		js_set_str(m, "t", "drill");
		js_set_str(m, "kind", drills_kind_names[DRILLS_SITE]);
		js_set_str(m, "at", clock_at(s->at_ms, at));
		js_set_bool(m, "ok", !s->failed);
		js_set_int(m, "total_ms", s->ms);
		js_set_str(m, "report", path);
		js_set_str(m, "version", PACKAGE_VERSION);
		command_print_json(m);
		js_free(m);
	}
	free(path);
}

static void
site_free(struct site *s)
{
	js_free(s->vm);
	js_free(s->here);
	js_free(s->link[0]);
	js_free(s->link[1]);
	js_free(s->verdict);
	shelf_fini(&s->shelf);
	free(s);
}

int
drill_site(struct drill *d)
{
	struct site *s = mem_alloc(sizeof *s);
	struct drills_record last, k;
	struct err err = {0};
	char *drills = drills_path(d->c->options->sessions_dir);
	int rc, had;

	s->d = d;
	s->at_ms = clock_wall_ms();
	had = drills_last(drills, DRILLS_SITE, &last, &err);
	rc = shelf_open(&s->shelf, d->c->options->sessions_dir, s->at_ms, &err);
	if (rc == 0)
		rc = look_around(s, &err);
	s->ms = clock_mono_ms() - d->began_ms;
	if (rc == 0)
		rc = keep_site(s, &k, &err);
	if (rc == 0) {
		tell_kept(s, &last, had > 0);
		rc = !s->failed ? COMMAND_OK : s->exit ? s->exit : COMMAND_FAILED;
	} else {
		rc = drill_fail(&err);
	}
	free(drills);
	site_free(s);
	return rc;
}
