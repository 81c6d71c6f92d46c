/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/vmfacts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "engine/mark.h"

static void
keep(char *out, size_t size, const char *value)
{
	snprintf(out, size, "%s", value);
	out[text_cut(out, strlen(out))] = '\0';
}

void
vmfacts_begin(struct vmfacts *v)
{
	js_free(v->staged);
	v->staged = NULL;
	v->in_pending = v->marks = v->plain = false;
	v->lock[0] = v->qmp[0] = '\0';
	hostjob_begin(&v->host);
	v->pid = 0;
}

static void
vmfacts_fact(struct vmfacts *v, const char *key, const char *value)
{
	if (strcmp(key, "status") == 0)
		keep(v->status, sizeof v->status, value);
	else if (strcmp(key, "status_ms") == 0)
		v->status_ms = strtol(value, NULL, 10);
	else if (strcmp(key, "qmp") == 0)
		keep(v->qmp, sizeof v->qmp, value);
	else if (strcmp(key, "qemu_pid") == 0)
		v->pid = strtol(value, NULL, 10);
	else if (strcmp(key, "lock") == 0)
		keep(v->lock, sizeof v->lock, strcmp(value, "none") == 0 ? "" : value);
	else
		hostjob_fact(&v->host, key, value);
}

static void
vmfacts_mark(struct vmfacts *v, const struct mark *m)
{
	const char *s;

	v->marks = true;
	if (strcmp(m->kind, "section") == 0) {
		v->in_pending = strcmp(mark_get(m, "section"), "pending") == 0;
	} else if (strcmp(m->kind, "end") == 0) {
		v->in_pending = false;
	} else if (strcmp(m->kind, "run") == 0) {
		hostjob_run(&v->host, (s = mark_get(m, "id")) ? s : "");
	} else if (strcmp(m->kind, "fact") == 0) {
		for (size_t i = 0; i < m->count; i++)
			vmfacts_fact(v, m->keys[i], m->values[i]);
	} else if (strcmp(m->kind, "verdict") == 0) {
		keep(v->verdict, sizeof v->verdict, (s = mark_get(m, "word")) ? s : "");
		keep(v->advice, sizeof v->advice,
		    (s = mark_get(m, "advice")) ? s : "none");
		keep(v->why, sizeof v->why, (s = mark_get(m, "why")) ? s : "");
	} else if (strcmp(m->kind, "result") == 0) {
		if ((s = mark_get(m, "state")) != NULL && *s)
			keep(v->status, sizeof v->status, s);
		if (mark_int(m, "pid", 0) > 0)
			v->pid = mark_int(m, "pid", 0);
	}
}

static struct js *
staged_row(struct vmfacts *v, const char *key, size_t len)
{
	struct js *row;

	if (!v->staged)
		v->staged = js_array();
	for (size_t i = 0; i < js_len(v->staged); i++) {
		size_t n = 0;
		const char *k = js_strn(js_at(v->staged, i), "key", &n);

		if (k && n == len && memcmp(k, key, len) == 0)
			return js_at(v->staged, i);
	}
	if (js_len(v->staged) == VMFACTS_STAGED_MAX)
		return NULL;
	row = js_new();
	js_set_strn(row, "key", key, len);
	js_add(v->staged, row);
	return row;
}

/* "cur memory: 128", "new memory: 256", "del net1": qm pending's own lines. */
static void
vmfacts_pending(struct vmfacts *v, const char *line, size_t len)
{
	const char *word, *colon, *value = NULL, *end = line + len;
	size_t key_len, value_len = 0;
	struct js *row;

	while (len > 0 && *line == ' ') { /* the host program indents what others said */
		line++;
		len--;
	}
	if (len < 5 || line[3] != ' ' || !text_is_utf8(line, len))
		return;
	if (memcmp(line, "new", 3) != 0 && memcmp(line, "del", 3) != 0 &&
	    memcmp(line, "cur", 3) != 0)
		return;
	word = line + 4;
	colon = memchr(word, ':', (size_t)(end - word));
	key_len = (size_t)((colon ? colon : end) - word);
	if (colon) {
		value = colon + 1;
		while (value < end && *value == ' ')
			value++;
		value_len = (size_t)(end - value);
		if (value_len > 100)
			value_len = text_cut(value, 100);
	}
	row = staged_row(v, word, key_len);
	if (!row)
		return;
	if (line[0] == 'c' && value)
		js_set_strn(row, "from", value, value_len);
	else if (line[0] == 'n' && value)
		js_set_strn(row, "to", value, value_len);
	else if (line[0] == 'd')
		js_set_str(row, "to", "(removed)");
}

void
vmfacts_line(struct vmfacts *v, const char *line, size_t len)
{
	static const char status[] = "status: ";
	struct mark m;

	if (mark_parse(&m, line, len)) {
		vmfacts_mark(v, &m);
	} else if (v->in_pending) {
		vmfacts_pending(v, line, len);
	} else if (!v->marks && len > sizeof status && len < 40 &&
	    memcmp(line, status, sizeof status - 1) == 0) {
		v->plain = true;
		snprintf(v->status, sizeof v->status, "%.*s",
		    (int)(len - (sizeof status - 1)), line + sizeof status - 1);
	}
}

/* "cur" alone is a setting that does not change. */
static struct js *
staged_changes(const struct vmfacts *v)
{
	struct js *out = js_array();

	for (size_t i = 0; i < js_len(v->staged); i++) {
		struct js *row = js_at(v->staged, i);

		if (js_has(row, "to"))
			js_add(out, js_ref(row));
	}
	return out;
}

void
vmfacts_fill(const struct vmfacts *v, struct js *fact)
{
	char job[200];

	js_set_str(fact, "what", "vm");
	js_set_str(fact, "status", v->status[0] ? v->status : "unknown");
	if (v->status_ms)
		js_set_int(fact, "status_ms", v->status_ms);
	if (v->qmp[0])
		js_set_str(fact, "qmp", v->qmp);
	if (v->pid)
		js_set_int(fact, "pid", v->pid);
	if (v->lock[0])
		js_set_str(fact, "lock", v->lock);
	js_set(fact, "staged", staged_changes(v));
	hostjob_words(&v->host, job, sizeof job);
	if (job[0])
		js_set_str(fact, "job", job);
	js_set_str(fact, "host_program", v->marks ? "ok" : v->plain ? "old" : "unknown");
}

void
vmfacts_fini(struct vmfacts *v)
{
	js_free(v->staged);
	v->staged = NULL;
}
