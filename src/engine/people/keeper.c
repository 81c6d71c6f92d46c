/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/people/keeper.h"

#include <crypt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/people/delays.h"
#include "engine/people/trusted.h"
#include "wire/htpasswd.h"

#define NOBODYS_COST 12 /* where the file has no line to go by */

struct keeper_try {
	struct keeper_try *next;
	struct keeper *keeper;
	char name[WIRE_NAME_MAX + 1], from[WIRE_NAME_MAX + 1];
	char key[WIRE_NAME_MAX + 2]; /* whom the delays count: the name, or "+name" */
	char password[KEEPER_PASSWORD_MAX + 1];
	int rank; /* who is looked at first of those that are due */
	int64_t due_ms;
	keeper_fn *cb; /* NULL: nobody waits for it any more */
	void *arg;
};

struct keeper {
	uv_loop_t *loop;
	const char *path;
	struct delays delays;
	struct keeper_try *tries; /* in the order in which they came, but for the one */
	struct keeper_try *now;	  /* that is being hashed */
	uv_timer_t timer;
	uv_work_t work;
	/* of the thread, while it works */
	enum keeper_answer answer;
	struct err err;
	int open; /* the timer, and the work: the last one frees */
	bool freed;
};

static void look(struct keeper *k);

static void
try_free(struct keeper_try *t)
{
	explicit_bzero(t, sizeof *t);
	free(t);
}

/* --- in the thread pool --- */

/* A hash is made whoever it is: the time says nothing about a name. */
static bool
is_right(const struct htpasswd *h, const char *name, const char *password)
{
	const struct htpasswd_line *l = htpasswd_find(h, name);
	struct crypt_data *data = mem_alloc(sizeof *data);
	char nobody[HTPASSWD_HASH + 1];
	const char *hash = nobody, *got;
	bool right;

	snprintf(nobody, sizeof nobody, "$2b$%02d$%.53s",
	    h->count ? h->line[0].cost : NOBODYS_COST,
	    ".....................................................");
	if (l)
		hash = l->hash;
	got = crypt_r(password, hash, data);
	right = htpasswd_is(hash, got && got[0] != '*' ? got : NULL) && l;
	explicit_bzero(data, sizeof *data);
	free(data);
	return right;
}

static void
on_work(uv_work_t *work)
{
	struct keeper *k = work->data;
	struct htpasswd *h = mem_alloc(sizeof *h);
	size_t len = 0;
	char *text = trusted_read(k->path, true, HTPASSWD_FILE_MAX, &len, &k->err);

	k->answer = KEEPER_BROKEN;
	if (text && htpasswd_parse(h, text, len, &k->err) < 0)
		err_wrap(&k->err, "%s", k->path);
	else if (text)
		k->answer = is_right(h, k->now->name, k->now->password) ? KEEPER_RIGHT
									: KEEPER_WRONG;
	if (text) {
		explicit_bzero(text, len);
		free(text);
	}
	explicit_bzero(h, sizeof *h);
	free(h);
}

/* --- on the loop --- */

static void
release(struct keeper *k)
{
	if (--k->open > 0)
		return;
	while (k->tries) {
		struct keeper_try *t = k->tries;

		k->tries = t->next;
		try_free(t);
	}
	explicit_bzero(k, sizeof *k);
	free(k);
}

static void
on_worked(uv_work_t *work, int status)
{
	struct keeper *k = work->data;
	struct keeper_try *t = k->now;
	int64_t wait = 0;

	k->now = NULL;
	if (k->answer == KEEPER_RIGHT)
		delays_right(&k->delays, t->key, t->from);
	else if (k->answer == KEEPER_WRONG)
		wait = delays_wrong(&k->delays, t->key, t->from, clock_mono_ms());
	else
		LOG("keeper", "%s", k->err.words);
	explicit_bzero(t->password, sizeof t->password);
	if (t->cb && !k->freed)
		t->cb(k->answer, wait, k->answer == KEEPER_BROKEN ? k->err.words : "",
		    t->arg);
	try_free(t);
	if (!k->freed)
		look(k);
	release(k);
}

static void
on_timer(uv_timer_t *timer)
{
	look(timer->data);
}

/* The next one whose time has come. */
static struct keeper_try *
take_due(struct keeper *k, int64_t now)
{
	struct keeper_try **best = NULL, *t;

	for (struct keeper_try **at = &k->tries; *at; at = &(*at)->next) {
		if ((*at)->due_ms > now)
			continue;
		if (!best || (*at)->rank > (*best)->rank ||
		    ((*at)->rank == (*best)->rank && (*at)->due_ms < (*best)->due_ms))
			best = at;
	}
	if (!best)
		return NULL;
	t = *best;
	*best = t->next;
	return t;
}

static void
look(struct keeper *k)
{
	int64_t now = clock_mono_ms(), next = INT64_MAX;

	if (k->now || !k->tries)
		return;
	k->now = take_due(k, now);
	if (k->now) {
		k->open++;
		k->work.data = k;
		if (uv_queue_work(k->loop, &k->work, on_work, on_worked) == 0)
			return;
		k->answer = KEEPER_BROKEN;
		err_set(&k->err, ERR_SYSTEM, "no thread can look at the password");
		on_worked(&k->work, 0);
		return;
	}
	for (struct keeper_try *t = k->tries; t; t = t->next)
		next = t->due_ms < next ? t->due_ms : next;
	uv_timer_start(&k->timer, on_timer, (uint64_t)(next - now), 0);
}

struct keeper *
keeper_new(uv_loop_t *loop, const char *path)
{
	struct keeper *k = mem_alloc(sizeof *k);

	k->loop = loop;
	k->path = path;
	k->open = 1;
	uv_timer_init(loop, &k->timer);
	uv_unref((uv_handle_t *)&k->timer);
	k->timer.data = k;
	return k;
}

static void
on_timer_closed(uv_handle_t *handle)
{
	release(handle->data);
}

void
keeper_free(struct keeper *k)
{
	if (!k)
		return;
	k->freed = true;
	uv_close((uv_handle_t *)&k->timer, on_timer_closed);
}

struct keeper_try *
keeper_ask(struct keeper *k, const struct keeper_ask *ask, keeper_fn *cb, void *arg)
{
	struct keeper_try *t, **end = &k->tries;

	if (ask->len > KEEPER_PASSWORD_MAX || memchr(ask->password, '\0', ask->len) ||
	    strlen(ask->name) > WIRE_NAME_MAX)
		return NULL;
	t = mem_alloc(sizeof *t);
	t->keeper = k;
	t->rank = ask->attached ? 2 : ask->fresh;
	t->cb = cb;
	t->arg = arg;
	snprintf(t->name, sizeof t->name, "%s", ask->name);
	snprintf(t->key, sizeof t->key, "%s%s", ask->attached ? "+" : "", ask->name);
	snprintf(t->from, sizeof t->from, "%s", ask->from);
	memcpy(t->password, ask->password, ask->len);
	t->due_ms = delays_due(&k->delays, t->key, t->from, clock_mono_ms());
	while (*end)
		end = &(*end)->next;
	*end = t;
	look(k);
	return t;
}

void
keeper_drop(struct keeper_try *t)
{
	struct keeper *k = t->keeper;

	t->cb = NULL;
	for (struct keeper_try **at = &k->tries; *at; at = &(*at)->next)
		if (*at == t) {
			*at = t->next;
			try_free(t);
			return;
		}
}
