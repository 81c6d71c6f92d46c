/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a turn tells while its model speaks and while it is silent; the driver is ours. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/mem.h"
#include "engine/agent/asks.h"
#include "engine/agent/turn.h"
#include "engine/remote/hostkeys.h"
#include "scratch.h"

static struct rig {
	uv_loop_t loop;
	struct options options;
	struct incident *incident;
	struct runs *runs;
	struct hostkeys *hostkeys;
	struct asks *asks;
	struct broker *broker;
	struct turn *turn;
	bool ready;
	struct js *agent; /* the last state fact of it that was told */
	int recorded;	  /* of them all, those that are a record */
	/* the parts of the last text */
	int parts, part;
	size_t bytes;
} r;

/* --- a driver that does what the test says --- */

static void
drv_start(struct agent *a)
{
}

static int
drv_prompt(struct agent *a, const struct agent_prompt *p, struct err *err)
{
	return 0;
}

static bool
drv_ready(const struct agent *a, const char **why, const char **todo)
{
	return true;
}

static void
drv_free(struct agent *a)
{
}

static const struct agent_ops drv_ops = {.start = drv_start,
    .prompt = drv_prompt,
    .ready = drv_ready,
    .cancel = drv_start,
    .free = drv_free};

static struct agent drv = {.ops = &drv_ops, .name = "cli"};

/* --- what is told --- */

static void
on_release(struct line *line, void *arg)
{
}

static void
on_found(const struct js *record, void *arg)
{
}

static void
on_ready(void *arg)
{
	r.ready = true;
}

static void
see_text(const struct js *fact)
{
	r.part++;
	cr_assert_eq(js_int(fact, "part", 1), r.part);
	cr_assert(r.part == 1 || js_int(fact, "parts", 1) == r.parts);
	r.parts = (int)js_int(fact, "parts", 1);
	r.bytes += strlen(js_str(fact, "text"));
	cr_assert_leq(strlen(js_str(fact, "text")), WIRE_CHUNK_MAX);
}

static void
on_fact(struct js *fact, void *arg)
{
	if (js_is(fact, "t", "text"))
		see_text(fact);
	if (!js_is(fact, "t", "state") || !js_is(fact, "what", "agent"))
		return;
	js_free(r.agent);
	r.agent = js_ref(fact);
	if (js_int(fact, "seq", 0) == 0)
		return;
	r.recorded++;
	cr_assert_not(js_has(fact, "quiet_ms"), "that is for the wire alone");
}

static const struct incident_events events = {on_release, on_found, on_ready, on_fact};

static void
begin(void)
{
	char *dir = scratch();

	uv_loop_init(&r.loop);
	r.options.devvm_host = r.options.pve_host = "127.0.0.1";
	r.options.devvm_user = r.options.pve_user = "nobody";
	r.incident = incident_new(&r.loop, dir, &events, NULL);
	r.runs = runs_new(&r.loop, r.incident);
	r.hostkeys = hostkeys_new(dir);
	r.asks = asks_new(&r.loop, r.incident, 0);
	r.broker = broker_new(&(struct broker_config){.loop = &r.loop,
	    .incident = r.incident,
	    .runs = r.runs,
	    .options = &r.options,
	    .key_why = "there is none",
	    .hostkeys = r.hostkeys,
	    .asks = r.asks});
	r.turn = turn_new(&(struct turn_config){.loop = &r.loop,
	    .incident = r.incident,
	    .runs = r.runs,
	    .broker = r.broker,
	    .options = &r.options});
	incident_start(r.incident);
	while (!r.ready)
		uv_run(&r.loop, UV_RUN_ONCE);
	drv.events = turn_agent_events();
	drv.arg = r.turn;
	turn_set_agent(r.turn, &drv, NULL, NULL);
	drv.events->state(AGENT_READY, NULL, NULL, drv.arg);
}

static void
end(void)
{
	turn_free(r.turn);
	broker_free(r.broker);
	asks_free(r.asks);
	runs_free(r.runs);
	incident_free(r.incident, 1000);
	uv_run(&r.loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&r.loop) != 0)
		abort(); /* something was left open; an assertion here would not count */
	hostkeys_free(r.hostkeys);
	js_free(r.agent);
}

static void
prompt(const char *text)
{
	struct turn_ask ask = {.by = "anna", .text = text, .len = strlen(text)};
	struct err err;

	cr_assert_eq(turn_prompt(r.turn, &ask, &err), 0, "%s", err.words);
}

TestSuite(turn, .init = begin, .fini = end);

Test(turn, a_silence_is_counted_on_when_the_queue_changes_and_ends_with_a_word)
{
	struct err err;
	int recorded;

	prompt("what is wrong?");
	cr_assert_not(js_has(r.agent, "quiet_ms"));
	drv.events->waits(
	    &(struct agent_wait){.quiet_ms = 20000, .again_ms = -1}, drv.arg);
	cr_assert_geq(js_int(r.agent, "quiet_ms", 0), 20000);
	recorded = r.recorded;
	prompt("and then?");
	cr_assert_eq(r.recorded, recorded + 1, "the queue is on record");
	cr_assert_eq(js_int(r.agent, "queued", 0), 1);
	cr_assert_geq(js_int(r.agent, "quiet_ms", 0), 20000, "it is silent still");
	cr_assert_eq(turn_take_back(r.turn, 2, "anna", &err), 0);
	cr_assert_geq(js_int(r.agent, "quiet_ms", 0), 20000);
	drv.events->delta(0, 0, "I see", 5, drv.arg);
	cr_assert_not(js_has(r.agent, "quiet_ms"), "the count ends");
	cr_assert_eq(r.recorded, recorded + 2, "and that is no record");
}

/* One byte, then characters of so many bytes: a cut falls into one. */
static void
expect_parts(size_t len, const char *character)
{
	char *text = mem_alloc(len + 1);
	size_t size = strlen(character), at = 0;

	while (at < len % size)
		text[at++] = 'a';
	for (; at < len; at += size)
		memcpy(text + at, character, size);
	r.part = r.parts = 0;
	r.bytes = 0;
	drv.events->text(0, text, len, false, false, drv.arg);
	cr_assert_eq(r.bytes, len);
	cr_assert_eq(
	    r.part, r.parts, "%zu bytes in %d parts, told were %d", len, r.part, r.parts);
	free(text);
}

Test(turn, a_text_of_any_length_has_as_many_parts_as_it_says)
{
	static const char *const characters[] = {"x", "ä", "€", "\xf0\x9f\x94\xa5"};

	prompt("go on");
	for (size_t c = 0; c < ARRAY_LEN(characters); c++)
		for (size_t n = 1; n <= 4; n++)
			for (size_t len = n * WIRE_CHUNK_MAX - 14;
			     len <= n * WIRE_CHUNK_MAX + 6; len++)
				expect_parts(len, characters[c]);
}
