/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/runbook/runbooks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "engine/record/incident.h"
#include "wire/frame.h"

enum folder { FOLDER_SHIPPED, FOLDER_OWN, FOLDERS };

struct bad {
	char *file;
	int line;
	char *why;
};

/* What one folder holds. */
struct shelf {
	struct runbook *books[RUNBOOKS_MAX];
	size_t count;
	struct bad bads[RUNBOOKS_MAX + 1];
	size_t bad_count;
};

struct reading {
	uv_work_t work;
	struct runbooks *rs;
	enum folder folder;
	char *dir;
	struct shelf shelf;
};

struct waiter {
	struct waiter *next;
	runbooks_fn *fn;
	void *arg;
};

struct runbooks {
	struct runbooks_config cfg;
	char *dirs[FOLDERS];
	struct shelf shelves[FOLDERS];
	struct reading *readings[FOLDERS]; /* under way, or NULL */
	bool late[FOLDERS];		   /* it did not answer in time */
	bool differs; /* a file is another one than at the last call of changed */
	struct runbook *all[2 * RUNBOOKS_MAX];
	size_t count;
	struct waiter *waiters;
	uv_timer_t limit;
	char *told; /* the last state fact's text */
	bool gone;
};

/* In the order of a console's presets; the others come behind, by name. */
static const char *const presets[] = {"triage", "memory", "disk", "services", "qemu"};

/* --- one folder, in the thread pool --- */

static void
shelf_bad(struct shelf *s, const char *file, int line, const char *why)
{
	if (s->bad_count == RUNBOOKS_MAX + 1)
		return;
	s->bads[s->bad_count++] = (struct bad){mem_dup(file), line, mem_dup(why)};
}

static void
shelf_clear(struct shelf *s)
{
	for (size_t i = 0; i < s->count; i++)
		runbook_free(s->books[i]);
	for (size_t i = 0; i < s->bad_count; i++) {
		free(s->bads[i].file);
		free(s->bads[i].why);
	}
	memset(s, 0, sizeof *s);
}

static void
on_file(const struct runbook_file *f, void *arg)
{
	struct reading *r = arg;
	struct shelf *s = &r->shelf;

	if (!f->book) {
		shelf_bad(s, f->path, f->line, f->why);
		return;
	}
	f->book->own = r->folder == FOLDER_OWN;
	s->books[s->count++] = f->book;
}

static void
on_work(uv_work_t *work)
{
	struct reading *r = work->data;

	runbook_folder_read(r->dir, on_file, r);
}

/* --- what is there --- */

static int
preset_rank(const char *name)
{
	size_t i = 0;

	while (i < ARRAY_LEN(presets) && strcmp(presets[i], name) != 0)
		i++;
	return (int)i;
}

static int
by_rank(const void *a, const void *b)
{
	const struct runbook *x = *(struct runbook *const *)a;
	const struct runbook *y = *(struct runbook *const *)b;
	int rank = preset_rank(x->name) - preset_rank(y->name);

	return rank ? rank : strcmp(x->name, y->name);
}

static bool
is_in(const struct shelf *s, const char *name)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->books[i]->name, name) == 0)
			return true;
	return false;
}

/* To the byte: a model reads copies of them. */
static bool
is_same(const struct shelf *a, const struct shelf *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->books[i]->name, b->books[i]->name) != 0 ||
		    a->books[i]->len != b->books[i]->len ||
		    memcmp(a->books[i]->text, b->books[i]->text, a->books[i]->len) != 0)
			return false;
	return true;
}

static void
runbooks_sort(struct runbooks *rs)
{
	const struct shelf *shipped = &rs->shelves[FOLDER_SHIPPED];
	const struct shelf *own = &rs->shelves[FOLDER_OWN];

	rs->count = 0;
	for (size_t i = 0; i < shipped->count; i++)
		if (!is_in(own, shipped->books[i]->name))
			rs->all[rs->count++] = shipped->books[i];
	for (size_t i = 0; i < own->count; i++)
		rs->all[rs->count++] = own->books[i];
	qsort(rs->all, rs->count, sizeof rs->all[0], by_rank);
}

static struct js *
book_row(const struct runbook *rb)
{
	struct js *row = js_new();

	js_set_str(row, "name", rb->name);
	js_set_str(row, "title", rb->title);
	js_set_str(row, "description", rb->description);
	if (rb->own)
		js_set_bool(row, "own", true);
	return row;
}

static void
add_bad(struct js *rows, const char *file, int line, const char *why)
{
	struct js *row = js_new();

	js_set_str(row, "file", file);
	js_set_int(row, "line", line);
	js_set_str(row, "why", why);
	js_add(rows, row);
}

static struct js *
bad_rows(const struct runbooks *rs)
{
	struct js *rows = js_array();

	for (int f = 0; f < FOLDERS; f++) {
		const struct shelf *s = &rs->shelves[f];

		if (rs->late[f])
			add_bad(rows, rs->dirs[f], 0,
			    "the folder does not answer: what was read before is used");
		for (size_t i = 0; i < s->bad_count; i++)
			add_bad(rows, s->bads[i].file, s->bads[i].line, s->bads[i].why);
	}
	return rows;
}

/* Only a change is a fact. */
static void
runbooks_tell(struct runbooks *rs)
{
	struct js *what = js_new(), *books = js_array(), *f;
	struct buf text;
	bool changed;

	for (size_t i = 0; i < rs->count; i++)
		js_add(books, book_row(rs->all[i]));
	js_set(what, "runbooks", books);
	js_set(what, "bad", bad_rows(rs));
	buf_init(&text, FRAME_LINE_MAX);
	if (js_print(what, &text) < 0)
		buf_clear(&text);
	changed = !rs->told || strcmp(rs->told, buf_str(&text)) != 0;
	if (changed) {
		free(rs->told);
		rs->told = mem_dup(buf_str(&text));
		f = incident_fact(FACT_STATE, "engine");
		js_set_str(f, "what", "runbooks");
		js_set(f, "runbooks", js_ref(js_get_array(what, "runbooks")));
		js_set(f, "bad", js_ref(js_get_array(what, "bad")));
		incident_emit(rs->cfg.incident, FACT_STATE, f);
	}
	buf_fini(&text);
	js_free(what);
}

static void
wake(struct runbooks *rs)
{
	struct waiter *all = rs->waiters, *w;

	uv_timer_stop(&rs->limit);
	rs->waiters = NULL;
	while ((w = all) != NULL) {
		all = w->next;
		if (w->fn && !rs->gone)
			w->fn(w->arg);
		free(w);
	}
}

static void
on_limit_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* The last one who holds it: no reading is under way any more. */
static void
release(struct runbooks *rs)
{
	if (!rs->gone || rs->readings[FOLDER_SHIPPED] || rs->readings[FOLDER_OWN])
		return;
	for (int f = 0; f < FOLDERS; f++) {
		shelf_clear(&rs->shelves[f]);
		free(rs->dirs[f]);
	}
	free(rs->told);
	uv_close((uv_handle_t *)&rs->limit, on_limit_closed);
}

static void
on_worked(uv_work_t *work, int status)
{
	struct reading *r = work->data;
	struct runbooks *rs = r->rs;

	rs->readings[r->folder] = NULL;
	rs->late[r->folder] = false;
	if (rs->gone || status != 0) {
		shelf_clear(&r->shelf);
	} else {
		struct shelf old = rs->shelves[r->folder];

		rs->shelves[r->folder] = r->shelf;
		runbooks_sort(rs);
		rs->differs |= !is_same(&old, &rs->shelves[r->folder]);
		shelf_clear(&old);
	}
	free(r->dir);
	free(r);
	if (!rs->gone && !rs->readings[FOLDER_SHIPPED] && !rs->readings[FOLDER_OWN]) {
		runbooks_tell(rs);
		if (rs->differs && rs->cfg.changed)
			rs->cfg.changed(rs->cfg.arg);
		rs->differs = false;
		wake(rs);
	}
	release(rs);
}

static void
on_limit(uv_timer_t *t)
{
	struct runbooks *rs = t->data;

	for (int f = 0; f < FOLDERS; f++)
		rs->late[f] = rs->readings[f] != NULL;
	LOG("runbook", "a folder does not answer");
	runbooks_tell(rs);
	wake(rs);
}

static void
read_folder(struct runbooks *rs, enum folder folder)
{
	struct reading *r;

	if (rs->readings[folder] || (folder == FOLDER_OWN && !rs->dirs[folder][0]))
		return;
	r = mem_alloc(sizeof *r);
	r->rs = rs;
	r->folder = folder;
	r->dir = mem_dup(rs->dirs[folder]);
	r->work.data = r;
	rs->readings[folder] = r;
	uv_queue_work(rs->cfg.loop, &r->work, on_work, on_worked);
}

void
runbooks_read(struct runbooks *rs, runbooks_fn *fn, void *arg)
{
	struct waiter *w = mem_alloc(sizeof *w);

	w->fn = fn;
	w->arg = arg;
	for (int f = 0; f < FOLDERS; f++)
		read_folder(rs, (enum folder)f);
	w->next = rs->waiters;
	rs->waiters = w;
	if (!uv_is_active((uv_handle_t *)&rs->limit))
		uv_timer_start(&rs->limit, on_limit, RUNBOOKS_READ_MS, 0);
}

void
runbooks_forget(struct runbooks *rs, void *arg)
{
	for (struct waiter *w = rs->waiters; w; w = w->next)
		if (w->arg == arg)
			w->fn = NULL;
}

/* --- finding one --- */

static const struct bad *
bad_of(const struct runbooks *rs, const char *name)
{
	for (int f = FOLDERS - 1; f >= 0; f--)
		for (size_t i = 0; i < rs->shelves[f].bad_count; i++) {
			const struct bad *b = &rs->shelves[f].bads[i];
			const char *base = strrchr(b->file, '/');
			size_t len = strlen(name);

			base = base ? base + 1 : b->file;
			if (strncmp(base, name, len) == 0 &&
			    strcmp(base + len, ".md") == 0)
				return b;
		}
	return NULL;
}

struct runbook *
runbooks_find(const struct runbooks *rs, const char *name, struct err *err)
{
	const struct bad *bad;
	char names[300] = "";

	for (size_t i = 0; i < rs->count; i++)
		if (strcmp(rs->all[i]->name, name) == 0)
			return rs->all[i];
	bad = bad_of(rs, name);
	if (bad) {
		err_set(err, ERR_USAGE, "the runbook is refused: %s:%d: %s", bad->file,
		    bad->line, bad->why);
		return NULL;
	}
	for (size_t i = 0; i < rs->count; i++) {
		size_t len = strlen(names);

		snprintf(names + len, sizeof names - len, " %s", rs->all[i]->name);
	}
	err_set(err, ERR_USAGE, "there is no runbook \"%.40s\"; there are:%s", name,
	    names[0] ? names : " none, set data_dir to where agents/runbooks is");
	return NULL;
}

const char *
runbooks_bad(const struct runbooks *rs, const char *name)
{
	const struct bad *b = bad_of(rs, name);

	return b ? b->why : NULL;
}

bool
runbooks_is_preset(const char *name)
{
	return preset_rank(name) < (int)ARRAY_LEN(presets);
}

size_t
runbooks_count(const struct runbooks *rs)
{
	return rs->count;
}

struct runbook *
runbooks_at(const struct runbooks *rs, size_t i)
{
	return i < rs->count ? rs->all[i] : NULL;
}

struct runbooks *
runbooks_new(const struct runbooks_config *cfg)
{
	struct runbooks *rs = mem_alloc(sizeof *rs);

	rs->cfg = *cfg;
	rs->dirs[FOLDER_SHIPPED] = mem_dup(cfg->shipped);
	rs->dirs[FOLDER_OWN] = mem_dup(cfg->own ? cfg->own : "");
	uv_timer_init(cfg->loop, &rs->limit);
	rs->limit.data = rs;
	return rs;
}

void
runbooks_free(struct runbooks *rs)
{
	if (!rs)
		return;
	rs->gone = true;
	wake(rs);
	release(rs);
}
