/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "doctor/sheet.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/scrub.h"
#include "record/record.h"

#define LINES_MAX 8    /* of one check: as many as there may be endpoints */
#define NAME_MAX_ 64   /* bytes of a line's name */
#define INDENT 8       /* of what follows a line's first row */
#define JSON_MAX 65536 /* bytes of an object */
#define EXIT_FAILED 1  /* something fails; docs/doctor.md */
#define COMMAND_ROOM (3 * SAID_MAX + SCRUB_ROOM)

struct row {
	char name[NAME_MAX_];
	struct said said;
};

struct entry {
	struct row *rows;
	size_t count;
	bool over, late;
};

struct sheet {
	struct sheet_opts opts;
	struct entry entries[CHECKS];
	int told; /* checks that have been told, from the first on */
	int group;
	unsigned counts[RESULTS];
};

struct sheet *
sheet_new(const struct sheet_opts *opts)
{
	struct sheet *s = mem_alloc(sizeof *s);

	s->opts = *opts;
	s->group = -1;
	return s;
}

void
sheet_free(struct sheet *s)
{
	for (int c = 0; c < CHECKS; c++) {
		for (size_t i = 0; i < s->entries[c].count; i++)
			said_fini(&s->entries[c].rows[i].said);
		free(s->entries[c].rows);
	}
	free(s);
}

/* ---- telling ---- */

static void
tell_json(struct sheet *s, enum check check, const struct row *row)
{
	const struct check_row *c = &check_rows[check];
	struct js *o = js_new();
	struct buf b;

	js_set_str(o, "t", "check");
	js_set_str(o, "group", group_word(c->group));
	js_set_str(o, "check", c->word);
	if (row->name[0])
		js_set_str(o, "name", row->name);
	js_set_str(o, "result", result_name(row->said.result));
	js_set_str(o, "text", row->said.seen);
	if (row->said.mend[0]) {
		js_set_str(o, "mend", row->said.mend);
		js_set_bool(o, "command", row->said.command);
	}
	if (row->said.values)
		js_set(o, "values", js_ref(row->said.values));
	buf_init(&b, JSON_MAX);
	if (js_print(o, &b) == 0)
		fprintf(s->opts.to, "%s\n", buf_str(&b));
	buf_fini(&b);
	js_free(o);
}

/* A command is left whole, so that it can be copied: the terminal breaks it. */
static void
tell_command(struct sheet *s, const char *command)
{
	char clean[COMMAND_ROOM];

	fprintf(s->opts.to, "%*smend: %s\n", INDENT, "",
	    scrub_label(command, strlen(command), clean, sizeof clean));
}

static void
tell_text(struct sheet *s, enum check check, const struct row *row)
{
	static const char *const words[RESULTS] = {"pass", "warn", "FAIL", "----"};
	const struct check_row *c = &check_rows[check];
	const struct said *said = &row->said;

	if ((int)c->group != s->group) {
		fprintf(s->opts.to, "%s%s\n", s->group < 0 ? "" : "\n",
		    group_title(c->group));
		s->group = (int)c->group;
	}
	record_wrapf(s->opts.to, s->opts.columns, 2, INDENT, "%s  %s%s%s: %s%s",
	    words[said->result], c->title, row->name[0] ? " " : "", row->name,
	    said->result == RESULT_SKIP ? "left out: " : "", said->seen);
	if (said->mend[0] && said->command)
		tell_command(s, said->mend);
	else if (said->mend[0])
		record_wrapf(s->opts.to, s->opts.columns, INDENT, INDENT + 2, "mend: %s",
		    said->mend);
}

static void
tell(struct sheet *s)
{
	for (; s->told < CHECKS && s->entries[s->told].over; s->told++) {
		const struct entry *e = &s->entries[s->told];

		for (size_t i = 0; i < e->count; i++) {
			s->counts[e->rows[i].said.result]++;
			if (s->opts.json)
				tell_json(s, (enum check)s->told, &e->rows[i]);
			else
				tell_text(s, (enum check)s->told, &e->rows[i]);
		}
	}
	fflush(s->opts.to);
}

/* ---- what others call ---------------------------------------------------------------
 */

void
sheet_add(struct sheet *s, enum check check, const char *name, struct said *said)
{
	struct entry *e = &s->entries[check];
	struct row *row;

	if (e->over || e->count == LINES_MAX) {
		said_fini(said);
		return;
	}
	e->rows = mem_resize(e->rows, (e->count + 1) * sizeof *e->rows);
	row = &e->rows[e->count++];
	memset(row, 0, sizeof *row);
	snprintf(row->name, sizeof row->name, "%s", name);
	row->said = *said;
	said->values = NULL;
}

void
sheet_over(struct sheet *s, enum check check)
{
	s->entries[check].over = true;
	tell(s);
}

void
sheet_put(struct sheet *s, enum check check, struct said *said)
{
	sheet_add(s, check, "", said);
	sheet_over(s, check);
}

bool
sheet_is_over(const struct sheet *s, enum check check)
{
	return s->entries[check].over;
}

enum result
sheet_result(const struct sheet *s, enum check check)
{
	const struct entry *e = &s->entries[check];

	return e->count > 0 ? e->rows[0].said.result : RESULT_SKIP;
}

void
sheet_put_late(struct sheet *s, enum check check, struct said *said)
{
	s->entries[check].late = !s->entries[check].over;
	sheet_put(s, check, said);
}

bool
sheet_is_late(const struct sheet *s, enum check check)
{
	return s->entries[check].late;
}

bool
sheet_all_over(const struct sheet *s)
{
	return s->told == CHECKS;
}

static void
end_json(struct sheet *s, long ms, int rc)
{
	struct js *o = js_new();
	struct buf b;

	js_set_str(o, "t", "doctor");
	js_set_int(o, "v", 1);
	js_set_str(o, "version", s->opts.version);
	js_set_bool(o, "offline", s->opts.offline);
	for (int r = 0; r < RESULTS; r++)
		js_set_int(o, result_name((enum result)r), s->counts[r]);
	js_set_int(o, "ms", ms);
	js_set_int(o, "exit", rc);
	buf_init(&b, JSON_MAX);
	if (js_print(o, &b) == 0)
		fprintf(s->opts.to, "%s\n", buf_str(&b));
	buf_fini(&b);
	js_free(o);
}

int
sheet_end(struct sheet *s, long ms)
{
	int rc = s->counts[RESULT_FAIL] ? EXIT_FAILED : 0;

	if (s->opts.json)
		end_json(s, ms, rc);
	else {
		putc('\n', s->opts.to);
		record_wrapf(s->opts.to, s->opts.columns, 0, 0,
		    "%u pass, %u warn, %u fail, %u left out; %ld.%ld s",
		    s->counts[RESULT_PASS], s->counts[RESULT_WARN],
		    s->counts[RESULT_FAIL], s->counts[RESULT_SKIP], ms / 1000,
		    ms % 1000 / 100);
	}
	fflush(s->opts.to);
	return rc;
}
