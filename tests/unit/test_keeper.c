/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who looks at passwords: in which order, how long one waits, and what can go wrong. */
#include <criterion/criterion.h>
#include <crypt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "base/mem.h"
#include "engine/people/keeper.h"
#include "heap.h"
#include "wire/htpasswd.h"

/* "right horse" and "other", cost 04 */
#define HASH "$2b$04$BTOoPHcjTZdhLVzs2NL7/.LLd4lYr3Vq1FHyjFUcnF4r/msHdwn4u"

/* --- crypt, the thread pool, the clock and the heap, when a test says so --- */

static struct {
	bool hash_is; /* crypt_r says hash, which may be NULL */
	const char *hash;
	bool no_thread;
	int hashes;	    /* made so far */
	char setting[64];   /* of the last one */
	int64_t later_ms;   /* what the clock is ahead */
	const char *secret; /* looked for in what is freed, and a hash */
	int left;	    /* blocks that had one */
} site;

char *__real_crypt_r(const char *word, const char *setting, struct crypt_data *data);
char *__wrap_crypt_r(const char *word, const char *setting, struct crypt_data *data);
int __real_uv_queue_work(
    uv_loop_t *loop, uv_work_t *work, uv_work_cb cb, uv_after_work_cb after);
int __wrap_uv_queue_work(
    uv_loop_t *loop, uv_work_t *work, uv_work_cb cb, uv_after_work_cb after);
int64_t __real_clock_mono_ms(void);
int64_t __wrap_clock_mono_ms(void);
void __real_free(void *block);
void __wrap_free(void *block);

int64_t
__wrap_clock_mono_ms(void)
{
	return __real_clock_mono_ms() + site.later_ms;
}

static bool
has_secret(void *block, const char *secret)
{
	size_t size = malloc_usable_size(block);

	return memmem(block, size, secret, strlen(secret)) ||
	    memmem(block, size, HASH, strlen(HASH));
}

void
__wrap_free(void *block)
{
	if (block && site.secret)
		site.left += has_secret(block, site.secret);
	__real_free(block);
}

char *
__wrap_crypt_r(const char *word, const char *setting, struct crypt_data *data)
{
	site.hashes++;
	snprintf(site.setting, sizeof site.setting, "%s", setting);
	if (!site.hash_is)
		return __real_crypt_r(word, setting, data);
	/* a hash that is its setting: nobody's line is filled up to one */
	return site.hash ? strcpy(data->output, site.hash[0] ? site.hash : setting)
			 : NULL;
}

int
__wrap_uv_queue_work(
    uv_loop_t *loop, uv_work_t *work, uv_work_cb cb, uv_after_work_cb after)
{
	return site.no_thread ? UV_ENOMEM : __real_uv_queue_work(loop, work, cb, after);
}

/* --- the rig --- */

static char *
file(const char *text, mode_t mode)
{
	char *path = mem_dup("/tmp/bg-keeper-XXXXXX");
	int fd = mkstemp(path);

	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	fchmod(fd, mode);
	close(fd);
	return path;
}

struct told {
	int count, order;
	enum keeper_answer answer;
	int64_t wait_ms;
	char why[256];
};

static int answers;

static void
on_told(enum keeper_answer answer, int64_t wait_ms, const char *why, void *arg)
{
	struct told *t = arg;

	t->count++;
	t->order = ++answers;
	t->answer = answer;
	t->wait_ms = wait_ms;
	snprintf(t->why, sizeof t->why, "%s", why);
}

static struct keeper_try *
ask(struct keeper *k, const char *name, const char *word, bool attached, struct told *t)
{
	return keeper_ask(k,
	    &(struct keeper_ask){.name = name,
		.password = word,
		.len = strlen(word),
		.from = attached ? "peer" : "uid 1",
		.attached = attached},
	    on_told, t);
}

static void
on_tick(uv_timer_t *timer)
{
}

/* Runs until it was told, or for so long. */
static void
run(uv_loop_t *loop, const struct told *t, int ms)
{
	uint64_t until = uv_hrtime() + (uint64_t)ms * 1000000;
	uv_timer_t tick;

	uv_timer_init(loop, &tick);
	uv_timer_start(&tick, on_tick, 5, 5);
	while (!t->count && uv_hrtime() < until)
		uv_run(loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&tick, NULL);
	uv_run(loop, UV_RUN_NOWAIT);
}

Test(keeper, takes_the_right_one_alone_and_delays_the_next)
{
	char *path = file("ann:" HASH "\n", 0600);
	struct told right = {0}, wrong = {0}, who = {0}, empty = {0};
	struct keeper *k;
	uv_loop_t loop;

	uv_loop_init(&loop);
	k = keeper_new(&loop, path);
	cr_assert(ask(k, "ann", "right horse", false, &right));
	cr_assert_eq(right.count, 0, "never from inside");
	run(&loop, &right, 5000);
	cr_assert(right.count == 1 && right.answer == KEEPER_RIGHT);
	cr_assert(ask(k, "ann", "right hors", false, &wrong));
	run(&loop, &wrong, 5000);
	cr_assert(wrong.answer == KEEPER_WRONG && wrong.wait_ms == 1000);
	cr_assert(ask(k, "eve", "right horse", false, &who));
	run(&loop, &who, 300);
	cr_assert_eq(who.count, 0, "the uid waits");
	cr_assert(ask(k, "ann", "", true, &empty));
	run(&loop, &empty, 5000);
	cr_assert(
	    empty.answer == KEEPER_WRONG, "who is in does not wait for those outside");
	run(&loop, &who, 5000);
	cr_assert(who.answer == KEEPER_WRONG && who.wait_ms == 2000);
	keeper_free(k);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0);
	unlink(path);
	free(path);
}

Test(keeper, serves_those_who_are_in_first_and_counts_what_nobody_waits_for)
{
	char *path = file("ann:" HASH "\n", 0600), word[KEEPER_PASSWORD_MAX + 2];
	struct told first = {0}, second = {0}, third = {0}, in = {0}, fresh = {0};
	struct told dropped = {0}, next = {0};
	struct keeper_try *t;
	struct keeper *k;
	uv_loop_t loop;

	uv_loop_init(&loop);
	k = keeper_new(&loop, path);
	memset(word, 'x', sizeof word);
	word[sizeof word - 1] = '\0';
	cr_assert_null(ask(k, "ann", word, false, &first), "longer than any password");
	cr_assert_null(ask(k, "n23456789012345678901234567890123", "x", false, &first));
	cr_assert_null(keeper_ask(k,
	    &(struct keeper_ask){
		.name = "ann", .password = "a\0b", .len = 3, .from = "x"},
	    on_told, &first));
	ask(k, "ann", "one", false, &first);
	ask(k, "ann", "two", false, &second);
	ask(k, "eve", "three", false, &third);
	keeper_ask(k,
	    &(struct keeper_ask){
		.name = "cat", .password = "x", .len = 1, .from = "uid 2", .fresh = true},
	    on_told, &fresh);
	ask(k, "ann", "right horse", true, &in);
	run(&loop, &third, 5000);
	cr_assert(first.order == 1 && in.order == 2 && fresh.order == 3 &&
	    second.order == 4 && third.order == 5);
	t = ask(k, "ben", "x", true, &dropped);
	keeper_drop(t); /* it is being hashed */
	ask(k, "ben", "x", true, &next);
	run(&loop, &next, 5000);
	cr_assert(next.answer == KEEPER_WRONG && next.wait_ms == 2000, "%lld",
	    (long long)next.wait_ms);
	t = ask(k, "ann", "three", false, &dropped);
	keeper_drop(t); /* it waits */
	cr_assert_eq(dropped.count, 0);
	ask(k, "ann", "four", true, &dropped);
	keeper_free(k); /* while it is being hashed */
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(dropped.count, 0);
	cr_assert_eq(uv_loop_close(&loop), 0);
	unlink(path);
	free(path);
}

Test(keeper, says_why_its_file_cannot_be_used)
{
	char *path = file("ann:plain\n", 0600);
	struct told t = {0}, u = {0}, v = {0};
	struct keeper *k;
	uv_loop_t loop;

	uv_loop_init(&loop);
	k = keeper_new(&loop, path);
	ask(k, "ann", "plain", false, &t);
	run(&loop, &t, 5000);
	cr_assert(
	    t.answer == KEEPER_BROKEN && strstr(t.why, "bcrypt") && strstr(t.why, path));
	cr_assert(!strstr(t.why, "plain"), "%s", t.why);
	chmod(path, 0666);
	ask(k, "ann", "plain", false, &u);
	run(&loop, &u, 5000);
	cr_assert(
	    u.answer == KEEPER_BROKEN && strstr(u.why, "chmod 600"), "at once: no delay");
	chmod(path, 0600);
	cr_assert_eq(truncate(path, 0), 0);
	ask(k, "ann", "", false, &v);
	run(&loop, &v, 5000);
	cr_assert(v.answer == KEEPER_WRONG, "an empty file knows nobody");
	keeper_free(k);
	keeper_free(NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	unlink(path);
	free(path);
}

/* A loop and a keeper of a file with ann in it; end takes both. */
struct rig {
	uv_loop_t loop;
	struct keeper *k;
	char *path;
};

static void
rig_begin(struct rig *r)
{
	uv_loop_init(&r->loop);
	r->path = file("ann:" HASH "\n", 0600);
	r->k = keeper_new(&r->loop, r->path);
}

static void
rig_end(struct rig *r)
{
	keeper_free(r->k);
	uv_run(&r->loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&r->loop), 0);
	unlink(r->path);
	free(r->path);
}

Test(keeper, a_hash_that_cannot_be_made_is_a_wrong_one)
{
	static const char *const bad[] = {NULL, "*0", "*1", HASH "x", "$2b$04$"};
	struct rig r;

	rig_begin(&r);
	site.hash_is = true;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct told t = {0};
		char name[8];

		/* each its own name and place, or it would wait */
		snprintf(name, sizeof name, "p%zu", i);
		site.hash = bad[i];
		keeper_ask(r.k,
		    &(struct keeper_ask){.name = "ann",
			.password = "right horse",
			.len = 11,
			.from = name,
			.attached = i & 1},
		    on_told, &t);
		run(&r.loop, &t, 20000);
		cr_assert(t.count == 1 && t.answer == KEEPER_WRONG, "%zu", i);
	}
	rig_end(&r);
}

Test(keeper, a_name_that_stands_nowhere_is_wrong_whatever_its_hash)
{
	struct told t = {0};
	struct rig r;

	rig_begin(&r);
	site.hash_is = true;
	site.hash = ""; /* the setting, as it came */
	ask(r.k, "eve", "x", false, &t);
	run(&r.loop, &t, 5000);
	cr_assert(t.count == 1 && t.answer == KEEPER_WRONG);
	rig_end(&r);
}

Test(keeper, without_a_thread_nobody_gets_in_and_nothing_waits)
{
	struct told t = {0}, u = {0};
	struct rig r;

	rig_begin(&r);
	site.no_thread = true;
	ask(r.k, "ann", "right horse", false, &t);
	run(&r.loop, &t, 5000);
	cr_assert(t.count == 1 && t.answer == KEEPER_BROKEN && t.wait_ms == 0);
	cr_assert(strstr(t.why, "no thread"), "%s", t.why);
	site.no_thread = false;
	ask(r.k, "ann", "right horse", false, &u);
	run(&r.loop, &u, 5000);
	cr_assert(u.answer == KEEPER_RIGHT);
	rig_end(&r);
}

Test(keeper, of_those_who_are_due_the_one_who_waited_longest_comes_first)
{
	struct told held = {0}, in = {0}, late = {0}, early = {0};
	struct rig r;

	rig_begin(&r);
	site.hash_is = true; /* quick */
	ask(r.k, "ann", "x", false, &held);
	run(&r.loop, &held, 5000); /* "uid 1" waits for a second now */
	cr_assert_eq(held.wait_ms, 1000);
	held.count = 0;
	ask(r.k, "ann", "x", true, &held); /* is being hashed; three wait behind it */
	ask(r.k, "dan", "x", true, &in);
	keeper_ask(r.k,
	    &(struct keeper_ask){.name = "b", .password = "x", .len = 1, .from = "uid 1"},
	    on_told, &late);
	keeper_ask(r.k,
	    &(struct keeper_ask){.name = "c", .password = "x", .len = 1, .from = "uid 2"},
	    on_told, &early);
	usleep(1100 * 1000); /* the loop is late, all are due by now */
	run(&r.loop, &late, 5000);
	cr_assert(in.count == 1 && early.count == 1 && late.count == 1);
	cr_assert_lt(in.order, early.order);
	cr_assert_lt(early.order, late.order);
	rig_end(&r);
}

Test(keeper, who_gives_up_leaves_the_others_where_they_are)
{
	struct told held = {0}, t[3] = {0};
	struct keeper_try *try[3];
	struct rig r;

	rig_begin(&r);
	site.hash_is = true;
	ask(r.k, "ann", "x", true, &held);
	for (int i = 0; i < 3; i++)
		try[i] = ask(r.k, "b", "x", false, &t[i]);
	keeper_drop(try[1]);
	run(&r.loop, &t[2], 5000);
	cr_assert(held.count == 1 && t[0].count == 1 && !t[1].count && t[2].count == 1);
	cr_assert_lt(t[0].order, t[2].order);
	cr_assert_eq(site.hashes, 3, "who gave up is not hashed, and does not count");
	rig_end(&r);
}

Test(keeper, nobody_is_told_once_it_is_freed)
{
	struct told held = {0}, waits = {0};
	struct rig r;

	rig_begin(&r);
	ask(r.k, "ann", "x", false, &held);
	ask(r.k, "ben", "x", false, &waits);
	rig_end(&r);
	cr_assert_eq(held.count + waits.count, 0);
	cr_assert_eq(site.hashes, 1, "and nothing more is hashed");
}

/* The time it takes is that of a known name's: the cost of the file's lines. */
Test(keeper, for_a_name_that_stands_nowhere_a_hash_of_the_same_cost_is_made)
{
	static const char dots[] =
	    ".....................................................";
	struct told t = {0}, u = {0};
	struct rig r;

	rig_begin(&r);
	ask(r.k, "eve", "x", false, &t);
	run(&r.loop, &t, 5000);
	cr_assert(strncmp(site.setting, "$2b$04$", 7) == 0, "%s", site.setting);
	cr_assert_str_eq(site.setting + 7, dots);
	site.hash_is = true; /* quick */
	cr_assert_eq(truncate(r.path, 0), 0);
	ask(r.k, "eve", "x", true, &u);
	run(&r.loop, &u, 5000);
	cr_assert(strncmp(site.setting, "$2b$12$", 7) == 0, "of none: %s", site.setting);
	cr_assert_str_eq(site.setting + 7, dots);
	rig_end(&r);
}

Test(keeper, a_right_one_forgets_those_that_were_wrong)
{
	struct told wrong = {0}, right = {0}, again = {0};
	struct rig r;

	rig_begin(&r);
	ask(r.k, "ann", "x", false, &wrong);
	run(&r.loop, &wrong, 5000);
	cr_assert_eq(wrong.wait_ms, 1000);
	site.later_ms += 1000;
	ask(r.k, "ann", "right horse", false, &right);
	run(&r.loop, &right, 900);
	cr_assert(right.answer == KEEPER_RIGHT && right.count == 1);
	ask(r.k, "ann", "x", false, &again);
	run(&r.loop, &again, 900);
	cr_assert(
	    again.count == 1 && again.wait_ms == 1000, "%lld", (long long)again.wait_ms);
	rig_end(&r);
}

Test(keeper, the_longest_name_and_password_are_taken)
{
	char name[WIRE_NAME_MAX + 1], word[KEEPER_PASSWORD_MAX + 1];
	struct told t = {0};
	struct rig r;

	rig_begin(&r);
	site.hash_is = true;
	memset(name, 'n', sizeof name - 1);
	memset(word, 'w', sizeof word - 1);
	name[sizeof name - 1] = word[sizeof word - 1] = '\0';
	cr_assert_not_null(ask(r.k, name, word, true, &t));
	run(&r.loop, &t, 5000);
	cr_assert(t.answer == KEEPER_WRONG && t.count == 1);
	rig_end(&r);
}

Test(keeper, one_that_waits_keeps_no_loop_going_and_wakes_it_once)
{
	struct told wrong = {0}, waits = {0};
	uv_timer_t other;
	struct rig r;

	rig_begin(&r);
	site.hash_is = true;
	ask(r.k, "ann", "x", false, &wrong);
	run(&r.loop, &wrong, 5000);
	ask(r.k, "ann", "x", false, &waits);
	cr_assert_eq(uv_loop_alive(&r.loop), 0);
	site.later_ms = 990; /* it is due in 10 ms */
	keeper_drop(ask(r.k, "ben", "x", false, &wrong));
	run(&r.loop, &waits, 5000);
	cr_assert_eq(waits.count, 1);
	uv_timer_init(&r.loop, &other);
	uv_timer_start(&other, on_tick, 60 * 1000, 0);
	cr_assert_gt(uv_backend_timeout(&r.loop), 30 * 1000, "nothing else is to come");
	uv_close((uv_handle_t *)&other, NULL);
	rig_end(&r);
}

struct seen {
	struct told told;
	struct keeper_try *try;
	bool had; /* the password was still there */
};

static void
on_seen(enum keeper_answer answer, int64_t wait_ms, const char *why, void *arg)
{
	struct seen *s = arg;

	s->had = has_secret(s->try, site.secret);
	on_told(answer, wait_ms, why, &s->told);
}

Test(keeper, passwords_and_hashes_are_wiped_when_they_were_used)
{
	struct told wrong = {0}, dropped = {0}, waits = {0};
	struct seen right = {0};
	struct rig r;

	rig_begin(&r);
	site.secret = "right horse";
	right.try = keeper_ask(r.k,
	    &(struct keeper_ask){
		.name = "ann", .password = "right horse", .len = 11, .from = "x"},
	    on_seen, &right);
	cr_assert(has_secret(right.try, site.secret), "it would be seen");
	run(&r.loop, &right.told, 5000);
	cr_assert(right.told.answer == KEEPER_RIGHT && !right.had);
	cr_assert_eq(site.left, 0, "of a right one");
	ask(r.k, "eve", "right horse", false, &wrong);
	run(&r.loop, &wrong, 5000);
	cr_assert(wrong.answer == KEEPER_WRONG && site.left == 0, "of a wrong one");
	keeper_drop(ask(r.k, "eve", "right horse", false, &dropped));
	cr_assert_eq(site.left, 0, "of one that was given up");
	ask(r.k, "eve", "right horse", false, &waits);
	rig_end(&r);
	cr_assert_eq(site.left, 0, "of one that waits when all ends");
}

static void
one_life(void)
{
	struct told t = {0}, u = {0};
	struct rig r;

	rig_begin(&r);
	ask(r.k, "ann", "right horse", true, &t);
	run(&r.loop, &t, 5000);
	ask(r.k, "ann", "x", true, &t);
	keeper_drop(ask(r.k, "eve", "x", false, &u));
	ask(r.k, "eve", "x", false, &u);
	rig_end(&r);
}

Test(keeper, what_it_took_it_gives_back)
{
	/* one thread: each keeps a few blocks for itself */
	cr_assert_eq(setenv("UV_THREADPOOL_SIZE", "1", 1), 0);
	GIVES_BACK(one_life());
}
