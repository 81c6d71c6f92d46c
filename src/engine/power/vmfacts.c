/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/power/vmfacts.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "engine/record/mark.h"

static void
keep(char *out, size_t size, const char *value)
{
	snprintf(out, size, "%s", value);
	out[text_cut(out, strlen(out))] = '\0';
}

/* The facts that are kept as they come; docs/host-protocol.md says what they are. */
static const struct field {
	const char *key;
	size_t at;
	size_t size; /* of a text; 0: a number */
} fields[] = {
#define NUMBER(name)                                              \
	{                                                         \
#		name, offsetof(struct vmfacts_measured, name), 0 \
	}
#define TEXT(name)                                              \
	{                                                       \
#		name, offsetof(struct vmfacts_measured, name), \
		    sizeof((struct vmfacts_measured *)0)->name  \
	}
    TEXT(agent),
    NUMBER(block_jobs),
    NUMBER(flush_delta),
    TEXT(freeze),
    NUMBER(gap_ms),
    TEXT(ha),
    TEXT(host_load1),
    NUMBER(host_mem_free_mb),
    TEXT(host_psi_io),
    TEXT(hung_probes),
    NUMBER(idle_ms),
    NUMBER(iothreads),
    TEXT(link),
    TEXT(lock_holder),
    TEXT(main_waits_in),
    NUMBER(png_bytes),
    TEXT(qemu),
    NUMBER(qemu_start),
    NUMBER(qmp_ms),
    NUMBER(rd_delta),
    NUMBER(rrd_silent_s),
    NUMBER(rrd_zero_write_s),
    TEXT(screen),
    TEXT(screen_says),
    NUMBER(staged),
    TEXT(startable),
    TEXT(startable_why),
    NUMBER(threads),
    NUMBER(threads_disk_wait),
    NUMBER(threads_stopped),
    NUMBER(uptime_s),
    NUMBER(vcpu_pct),
    TEXT(vm),
    NUMBER(vq_inuse),
    NUMBER(vq_used_delta),
    NUMBER(wr_delta),
#undef NUMBER
#undef TEXT
};

static void
measured_begin(struct vmfacts_measured *m)
{
	memset(m, 0, sizeof *m);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (fields[i].size == 0)
			*(long *)(void *)((char *)m + fields[i].at) = -1;
}

static void
measured_fact(struct vmfacts_measured *m, const char *key, const char *value)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		char *at = (char *)m + fields[i].at;
		char *end;
		long n;

		if (strcmp(fields[i].key, key) != 0)
			continue;
		if (fields[i].size > 0) {
			keep(at, fields[i].size, value);
			return;
		}
		n = strtol(value, &end, 10);
		if (end != value && *end == '\0')
			*(long *)(void *)at = n;
		return;
	}
}

void
vmfacts_begin(struct vmfacts *v)
{
	js_free(v->staged);
	v->staged = NULL;
	measured_begin(&v->m);
	v->in_pending = v->in_screen = v->in_above = v->marks = v->plain = false;
	v->lock[0] = v->qmp[0] = '\0';
	hostjob_begin(&v->host);
	v->pid = 0;
}

static void
vmfacts_fact(struct vmfacts *v, const char *key, const char *value)
{
	measured_fact(&v->m, key, value);
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

static bool
is_forensics(const char *verb)
{
	return verb && strcmp(verb, "forensics") == 0;
}

static void
vmfacts_mark(struct vmfacts *v, const struct mark *m)
{
	const char *s;

	v->marks = true;
	if (strcmp(m->kind, "section") == 0) {
		s = mark_get(m, "section");
		v->in_pending = s && strcmp(s, "pending") == 0;
		v->in_screen = s && strcmp(s, "screen") == 0;
		v->in_above = s && strcmp(s, "screen-above") == 0;
		v->m.seen.before[0] = '\0';
	} else if (strcmp(m->kind, "end") == 0) {
		v->in_pending = v->in_screen = v->in_above = false;
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
		/* of forensics it is the verdict's word, and the status has been said */
		if ((s = mark_get(m, "state")) != NULL && *s &&
		    !is_forensics(mark_get(m, "verb")))
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

/* A text screen's last words are what a person would look at first. */
static void
vmfacts_screen(struct vmfacts *v, const char *line, size_t len)
{
	while (len > 0 && *line == ' ') {
		line++;
		len--;
	}
	while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\r'))
		len--;
	if (len == 0 || !text_is_utf8(line, len))
		return;
	memcpy(v->m.screen_line[0], v->m.screen_line[1], sizeof v->m.screen_line[0]);
	if (len > VMFACTS_SCREEN_MAX)
		len = text_cut(line, VMFACTS_SCREEN_MAX);
	memcpy(v->m.screen_line[1], line, len);
	v->m.screen_line[1][len] = '\0';
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
	} else if (v->in_screen || v->in_above) {
		if (len >= 2 && line[0] == ' ' && line[1] == ' ')
			screen_seen_row(&v->m.seen, line + 2, len - 2, v->in_above);
		if (v->in_screen)
			vmfacts_screen(v, line, len);
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
	if (v->m.lock_holder[0])
		js_set_str(fact, "lock_holder", v->m.lock_holder);
	if (v->m.startable[0])
		js_set_bool(fact, "startable", strcmp(v->m.startable, "no") != 0);
	if (v->m.startable_why[0])
		js_set_str(fact, "startable_why", v->m.startable_why);
	if (v->m.ha[0])
		js_set_bool(fact, "ha", strcmp(v->m.ha, "yes") == 0);
	if (strcmp(v->m.vm, "missing") == 0)
		js_set_bool(fact, "missing", true);
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
