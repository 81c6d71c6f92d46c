/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A credential whose file lies on a disk that hangs: who asks is told in his time, who
 * left hears nothing, and what comes late is used or wiped.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/api/credential.h"
#include "engine/api/http_int.h"
#include "engine/flight.h"
#include "scratch.h"

#define KEY "sk-ant-api03-a-key-of-a-test-0123456789"
#define LIMIT_MS 150
#define HANGS_MS 15000 /* at most: a test that fails waits for its threads */

/* --- the disk --- */

static atomic_bool hangs;
static atomic_int inside, opened;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

int
__wrap_open(const char *path, int flags, ...)
{
	int mode;
	va_list ap;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, int) : 0;
	va_end(ap);
	if (strstr(path, "/hung")) {
		inside++;
		for (int i = 0; hangs && i < HANGS_MS; i++)
			poll(NULL, 0, 1);
		inside--;
		opened++;
	}
	return __real_open(path, flags, mode);
}

/* --- the rig --- */

struct told {
	int count;
	bool ok;
	char token[64], why[512], todo[256];
	struct credential *free_it;
};

static struct {
	uv_loop_t loop;
	struct http *http;
	char *dir, *path;
	int looked;
} rig;

static void
on_told(const struct credential_value *v, const char *why, const char *todo, void *arg)
{
	struct told *t = arg;

	t->count++;
	t->ok = v != NULL;
	snprintf(t->token, sizeof t->token, "%s", v ? v->token : "");
	snprintf(t->why, sizeof t->why, "%s", why);
	snprintf(t->todo, sizeof t->todo, "%s", todo);
	credential_free(t->free_it);
}

static void
on_looked(void *arg)
{
	rig.looked++;
}

static void
put(const char *path, const char *text)
{
	char *new = mem_printf("%s.new", path);
	FILE *f = fopen(new, "we");

	cr_assert_not_null(f);
	fputs(text, f);
	fchmod(fileno(f), 0600);
	fclose(f);
	cr_assert_eq(rename(new, path), 0);
	free(new);
}

static void
begin(void)
{
	memset(&rig, 0, sizeof rig);
	uv_loop_init(&rig.loop);
	rig.http = http_new(&rig.loop);
	rig.dir = scratch();
	rig.path = mem_printf("%s/hung", rig.dir);
	put(rig.path, KEY "\n");
	opened = 0;
	hangs = true;
}

static struct credential *
credential(const char *path)
{
	struct err err;
	struct credential *c = credential_new(&rig.loop, rig.http,
	    &(struct credential_config){.name = "one",
		.key_file = path,
		.limit_ms = LIMIT_MS,
		.looked = on_looked},
	    &err);

	cr_assert_not_null(c, "%s", err.words);
	return c;
}

static void
on_time(uv_timer_t *t)
{
	uv_stop(t->loop);
}

/* The loop, for so long, whatever comes. */
static void
turn(int64_t ms)
{
	uv_timer_t timer;

	uv_timer_init(&rig.loop, &timer);
	uv_timer_start(&timer, on_time, (uint64_t)ms, 0);
	uv_run(&rig.loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&rig.loop, UV_RUN_NOWAIT);
}

static void
turn_until(const int *count, int n)
{
	int64_t end = clock_mono_ms() + 10000;

	while (*count < n) {
		cr_assert(clock_mono_ms() < end, "nothing came");
		turn(2);
	}
}

static void
end(struct credential *c)
{
	credential_free(c);
	http_free(rig.http);
	hangs = false;
	uv_run(&rig.loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&rig.loop), 0, "something is left open");
	cr_assert_eq(inside, 0);
	unlink(rig.path);
	free(rig.path);
}

/* Does a line that holds it still come out without it? */
static bool
is_known(const char *secret)
{
	char line[128];

	snprintf(line, sizeof line, "x %s y", secret);
	log_redact(line, strlen(line));
	return strstr(line, secret) == NULL;
}

Test(credential, a_disk_that_hangs_ends_an_ask_in_its_time_with_words)
{
	struct credential *c;
	struct told t = {.count = 0};
	int64_t began = clock_mono_ms();

	begin();
	c = credential(rig.path);
	credential_get(c, on_told, &t);
	cr_assert(clock_mono_ms() - began < 100, "the call itself was held up");
	turn_until(&t.count, 1);
	cr_assert_not(t.ok);
	cr_assert(
	    strstr(t.why, rig.path) && strstr(t.why, "has not answered"), "%s", t.why);
	cr_assert(strstr(t.todo, "findmnt") != NULL);
	cr_assert(clock_mono_ms() - began >= LIMIT_MS);
	began = clock_mono_ms();
	credential_get(c, on_told, &t);
	turn_until(&t.count, 2);
	cr_assert(clock_mono_ms() - began < LIMIT_MS, "it was waited for a second time");
	end(c);
}

Test(credential, what_comes_late_is_used)
{
	const char *why, *todo;
	struct credential *c;
	struct told t = {.count = 0};

	begin();
	c = credential(rig.path);
	cr_assert(credential_look(c, INT64_MAX), "it is being looked at");
	cr_assert_not(credential_there(c, &why, &todo));
	cr_assert(strstr(why, "is being looked at"), "%s", why);
	turn_until(&rig.looked, 1);
	cr_assert_not(credential_look(c, 0), "it hangs: nobody waits for it");
	cr_assert_not(credential_there(c, &why, &todo));
	cr_assert(strstr(why, "has not answered") && strstr(todo, "findmnt"), "%s", why);
	hangs = false;
	turn_until(&rig.looked, 2);
	cr_assert(credential_there(c, &why, &todo));
	credential_get(c, on_told, &t);
	turn_until(&t.count, 1);
	cr_assert_str_eq(t.token, KEY);
	cr_assert(is_known(KEY));
	cr_assert_eq(opened, 1, "a file that has not changed was read again");
	end(c);
	cr_assert_not(is_known(KEY));
}

Test(credential, a_rotation_on_a_disk_that_hangs_leaves_the_value_in_use)
{
	struct credential *c;
	struct told t = {.count = 0};

	begin();
	hangs = false;
	c = credential(rig.path);
	turn_until(&rig.looked, 1);
	put(rig.path, "another-key-of-this-test-9876543210");
	hangs = true;
	credential_get(c, on_told, &t);
	turn_until(&t.count, 1);
	cr_assert_str_eq(t.token, KEY);
	hangs = false;
	turn_until(&rig.looked, 2);
	credential_get(c, on_told, &t);
	turn_until(&t.count, 2);
	cr_assert_str_eq(t.token, "another-key-of-this-test-9876543210");
	end(c);
}

Test(credential, an_answer_after_the_asker_left_or_after_the_end_is_for_nobody)
{
	struct credential *c;
	struct told t = {.count = 0};

	begin();
	c = credential(rig.path);
	credential_ask_drop(credential_get(c, on_told, &t));
	credential_get(c, on_told, &t);
	while (inside == 0)
		turn(2);
	end(c); /* the look returns after it */
	cr_assert_eq(t.count, 0);
	cr_assert_eq(opened, 1);
	cr_assert_not(is_known(KEY), "what was read for nobody is not forgotten");
}

Test(credential, may_be_freed_from_its_own_answer)
{
	struct credential *c;
	struct told t = {.count = 0};

	begin();
	c = t.free_it = credential(rig.path);
	credential_get(c, on_told, &t);
	turn_until(&t.count, 1);
	end(NULL);
}

Test(credential, what_was_refused_gets_no_second_try_until_the_file_changes)
{
	struct credential *c;
	struct told t = {.count = 0};

	begin();
	hangs = false;
	c = credential(rig.path);
	credential_get(c, on_told, &t);
	turn_until(&t.count, 1);
	cr_assert(credential_refused(c));
	credential_get(c, on_told, &t);
	turn_until(&t.count, 2);
	cr_assert_not(t.ok);
	cr_assert_str_eq(t.why, "");
	cr_assert(credential_refused(c));
	put(rig.path, "another-key-of-this-test-9876543210");
	credential_get(c, on_told, &t);
	turn_until(&t.count, 3);
	cr_assert_str_eq(t.token, "another-key-of-this-test-9876543210");
	end(c);
}

/* --- flights --- */

static atomic_int looks, drops;
static int lands;

static void
flight_look(void *data)
{
	looks++;
	for (int i = 0; hangs && i < HANGS_MS; i++)
		poll(NULL, 0, 1);
}

static void
flight_land(void *data, void *arg)
{
	lands++;
}

static void
flight_drop(void *data)
{
	drops++;
	free(data);
}

static const struct flight_ops flights = {flight_look, flight_land, flight_drop};

Test(flight, only_a_few_threads_of_the_pool_are_kept)
{
	struct flight *f[FLIGHTS_AT_ONCE + 3];
	size_t n = sizeof f / sizeof f[0];

	cr_assert_eq(setenv("UV_THREADPOOL_SIZE", "8", 1), 0);
	uv_loop_init(&rig.loop);
	hangs = true;
	for (size_t i = 0; i < n; i++)
		f[i] = flight_start(&rig.loop, &flights, mem_alloc(1), NULL);
	while (looks < FLIGHTS_AT_ONCE)
		turn(2);
	turn(20);
	cr_assert_eq(looks, FLIGHTS_AT_ONCE);
	flight_leave(f[n - 1]); /* the last that waits, and another one */
	flight_leave(f[n - 3]);
	cr_assert_eq(drops, 2);
	f[n - 1] = flight_start(&rig.loop, &flights, mem_alloc(1), NULL);
	flight_leave(f[0]);
	cr_assert_eq(drops, 2, "what is in a thread's hands was freed");
	hangs = false;
	turn_until(&lands, (int)n - 2);
	uv_run(&rig.loop, UV_RUN_DEFAULT);
	cr_assert_eq(lands, (int)n - 2);
	cr_assert_eq(drops, (int)n + 1);
	cr_assert_eq(uv_loop_close(&rig.loop), 0);
}

Test(flight, the_start_waits_for_no_disk_that_hangs)
{
	int64_t began = clock_mono_ms();
	char *data = mem_alloc(1);

	hangs = true;
	cr_assert_not(flight_within(&flights, data, 100));
	cr_assert(clock_mono_ms() - began >= 100);
	cr_assert_eq(drops, 0);
	hangs = false;
	while (drops == 0)
		poll(NULL, 0, 1);
	data = mem_alloc(1);
	cr_assert(flight_within(&flights, data, 10000));
	cr_assert_eq(drops, 1, "what returned in time is the caller's");
	free(data);
}

Test(flight, a_file_that_hangs_at_the_start_is_named)
{
	struct err err;
	size_t len;
	char *text;

	begin();
	cr_assert_null(flight_read_file(rig.path, 100, &len, &err));
	cr_assert(
	    strstr(err.words, rig.path) && strstr(err.words, "findmnt"), "%s", err.words);
	hangs = false;
	text = flight_read_file(rig.path, 100, &len, &err);
	cr_assert_str_eq(text, KEY "\n");
	free(text);
	cr_assert_null(flight_read_file(rig.dir, 100, &len, &err));
	cr_assert(strstr(err.words, "not a regular file"), "%s", err.words);
	end(NULL);
}

/* --- the certificates of a call --- */

static void
on_end(enum http_end how, const char *why, const char *todo, void *arg)
{
	struct told *t = arg;

	t->count++;
	t->ok = how == HTTP_HUNG;
	snprintf(t->why, sizeof t->why, "%s", why);
	snprintf(t->todo, sizeof t->todo, "%s", todo);
}

Test(ca_file, a_disk_that_hangs_ends_a_call_and_a_cancel_waits_for_nothing)
{
	static const struct http_events events = {.end = on_end};
	struct told t = {.count = 0};
	struct http_request r = {
	    .method = "GET", .url = "https://127.0.0.1:1/", .connect_ms = 200};
	int64_t now;

	begin();
	r.ca_file = rig.path;
	http_start(rig.http, &r, &events, &t);
	turn_until(&t.count, 1);
	cr_assert(t.ok, "%s", t.why);
	cr_assert(
	    strstr(t.why, rig.path) && strstr(t.why, "has not answered"), "%s", t.why);
	cr_assert(strstr(t.todo, "findmnt") != NULL);
	http_cancel(http_start(rig.http, &r, &events, &t));
	now = clock_mono_ms();
	http_start(rig.http, &r, &events, &t);
	end(NULL); /* in the middle of it */
	cr_assert(clock_mono_ms() - now < 1000);
	cr_assert_eq(t.count, 1);
}
