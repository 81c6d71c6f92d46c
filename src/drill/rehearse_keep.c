/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rehearse_keep.c: what of a drill in the lab is kept and told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "drill/rehearse_int.h"
#include "wire/journal_file.h"

#define REPORT_MAX (8 * 1024 * 1024) /* bytes */
#define RECORD_MS 60000

static void
say_why(struct rehearsal *r)
{
	const struct story *s = &r->story;
	char *why = r->page.why;
	size_t size = sizeof r->page.why;

	if (s->proven)
		return;
	if (s->verbs == 0)
		snprintf(why, size, "no mutating verb was sent; what helps: %s",
		    r->wedge->cures[0] ? r->wedge->cures : "nothing");
	else if (s->course.exit > 0)
		snprintf(why, size, "%s ended with %d at the host",
		    verb_rows[s->course.verb].name, s->course.exit);
	else
		snprintf(why, size, "%s was not proved (%s); what helps: %s",
		    verb_rows[s->course.verb].name, s->end[0] ? s->end : "no end",
		    r->wedge->cures[0] ? r->wedge->cures : "nothing");
}

static void
fill_record(struct rehearsal *r)
{
	struct drills_record *k = &r->page.record;

	k->kind = DRILLS_LAB;
	k->ok = r->story.proven;
	k->total_ms = r->story.proven ? r->story.step_ms[DRILLS_PROVEN] : -1;
	snprintf(k->wedge, sizeof k->wedge, "%s", r->wedge->name);
	snprintf(k->report, sizeof k->report, "%.40s.md", r->shelf.name);
	snprintf(k->version, sizeof k->version, "%s", PACKAGE_VERSION);
	memcpy(k->step_ms, r->story.step_ms, sizeof k->step_ms);
}

/* The first incident is the drill's; an operator may have opened another behind it. */
static char *
journal_of(const struct rehearsal *r, struct err *err)
{
	char *dir = mem_printf("%s/sessions", r->room.dir), *path = NULL, **ids;
	size_t count;

	if (journal_ids(dir, &ids, &count, err) == 0) {
		if (count > 0)
			path = journal_path(dir, ids[0]);
		else
			err_set(err, ERR_SYSTEM, "the drill has left no journal");
		journal_ids_free(ids, count);
	}
	free(dir);
	return path;
}

/* The head, then what "breakglass report" makes of the journal. */
static int
write_report(struct rehearsal *r, const char *journal, struct err *err)
{
	char began[CLOCK_AT_LEN];
	const char *argv[] = {r->d->program, "report", "--began",
	    clock_at(r->page.record.at_ms, began), journal, NULL};
	struct buf text;
	char *head = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&head, &len);
	int rc = 0;

	if (!to)
		abort();
	page_head(&r->page, to);
	if (r->story.incidents > 1)
		fprintf(to,
		    "\nThe operator opened %zu more incidents; this is the first.\n",
		    r->story.incidents - 1);
	fputs("\n---\n\n", to);
	if (fclose(to) != 0)
		abort();
	buf_init(&text, REPORT_MAX);
	if (buf_add(&text, head, len) < 0 ||
	    child_run(&(struct child_opts){.argv = argv,
			  .out = CHILD_TAKEN,
			  .err = CHILD_SHOWN,
			  .taken = &text,
			  .limit_ms = RECORD_MS},
		err) != 0)
		drill_say(r->d,
		    "the report of the incident could not be made; the head is kept");
	rc = shelf_write(&r->shelf, "md", &text, err);
	buf_fini(&text);
	free(head);
	return rc;
}

int
rehearse_keep(struct rehearsal *r, struct err *err)
{
	char *drills = drills_path(r->shelf.dir), *journal = NULL;
	int rc;

	fill_record(r);
	say_why(r);
	r->page.story = &r->story;
	r->page.wedge = r->wedge;
	r->page.config = &r->room.config;
	r->page.shelf = &r->shelf;
	r->page.alone = r->d->alone;
	if (drills_read(drills, DRILLS_LAB, r->wedge->name, r->page.earlier, PAGE_EARLIER,
		&r->page.n_earlier, err) < 0)
		r->page.n_earlier = 0; /* drills_append will say so */
	free(drills);
	journal = journal_of(r, err);
	rc = journal ? 0 : -1;
	if (rc == 0)
		rc = write_report(r, journal, err);
	if (rc == 0)
		rc = shelf_copy(&r->shelf, "jsonl", journal, err);
	if (rc == 0)
		rc = shelf_record(&r->shelf, &r->page.record, err);
	free(journal);
	return rc;
}

void
rehearse_tell_end(const struct rehearsal *r)
{
	struct js *m;

	if (r->d->c->json) {
		m = page_json(&r->page);
		command_print_json(m);
		js_free(m);
		return;
	}
	if (r->story.proven)
		drill_say(r->d, "recovered: VM 102 runs and its guest is reachable (%s)",
		    r->wedge->name);
	else
		drill_say(r->d, "not recovered (%s): %s", r->wedge->name, r->page.why);
	page_lines(&r->page, stdout);
	printf("  %s/\n  %s.md\n", r->shelf.dir, r->shelf.name);
}
