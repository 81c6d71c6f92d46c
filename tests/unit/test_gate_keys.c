/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whose keys wait when nobody has touched a console for long, and what opens them. */
#include <unistd.h>

#include "gate_rig.h"

#define LOCKED "the keys of this console are locked: nobody touched it for long"

/* --- when --- */

Test(keys, lock_when_nobody_touched_the_console_for_so_long)
{
	NEW(p);

	begin_in(p, "");
	later(IDLE_LIMIT);
	cr_assert_eq(p->told, 0);
	later(1);
	cr_assert(p->told == 1 && is_locked(p));
	cr_assert(js_is(p->fact, "how", "key"));
	cr_assert(js_is(p->fact, "text", "no key was pressed here for 1 min"));
	later(10 * IDLE_LIMIT);
	cr_assert_eq(p->told, 1, "once");
	cr_assert_eq(site.timers, 0);
	end();
}

Test(keys, that_a_password_opens_say_so)
{
	NEW(p);

	begin_locked(p, CREDENTIALS);
	cr_assert(js_is(p->fact, "how", "password"));
	cr_assert_str_eq(p->text,
	    "no key was pressed here for 1 min; a password unlocks, or attach again");
	end();
}

Test(keys, of_minutes_wait_for_what_a_console_tells_late)
{
	NEW(p);

	site.idle_ms = 60001;
	begin("", "");
	knock(p, geteuid());
	later(60001 + 20000);
	cr_assert_eq(p->told, 0);
	later(1);
	cr_assert_str_eq(p->text, "no key was pressed here for 2 min");
	end();
	site.idle_ms = 60000;
	begin("", "");
	knock(p, geteuid());
	later(60000 + 20000);
	cr_assert_eq(p->told, 1);
	later(1);
	cr_assert_str_eq(p->text, "no key was pressed here for 1 min");
	end();
	site.idle_ms = 59999;
	begin("", "");
	knock(p, geteuid());
	later(60000);
	cr_assert_eq(p->told, 3);
	end();
}

Test(keys, of_the_shortest_limit_lock_too)
{
	NEW(p);

	site.idle_ms = 1;
	begin("", "");
	knock(p, geteuid());
	later(2);
	cr_assert_eq(p->told, 1);
	end();
}

Test(keys, that_act_no_more_are_waited_for_no_more)
{
	NEW(p);

	begin_in(p, CREDENTIALS);
	cr_assert_eq(site.timers, 2, "the list's, and idleness");
	site.list = "uid:5 read-only\n";
	later(5000);
	list_read();
	cr_assert(p->roles == 1 && site.timers == 1);
	end();
}

Test(keys, lock_only_where_there_are_some)
{
	NEW(command);
	NEW(watches);
	NEW(reads);
	NEW(asked);
	NEW(out);

	site.idle_ms = IDLE_LIMIT;
	site.list = "uid:5 drive\nuid:6 read-only\n";
	begin(OPERATORS, CREDENTIALS);
	command->command = true;
	watches->read_only = true;
	come(command, 5, "a");
	come(watches, 5, "b");
	come(reads, 6, "c");
	come(asked, 7, "d");
	site.descent = DESCENT_YES;
	come(out, 5, "e");
	while (site.now < 5000000 + 3 * IDLE_LIMIT) {
		later(1000);
		if (site.work)
			list_read();
	}
	cr_assert_eq(
	    command->told + watches->told + reads->told + asked->told + out->told, 0);
	cr_assert(may_act(command));
	end();
}

Test(keys, never_lock_without_a_limit)
{
	NEW(p);

	begin("", "");
	knock(p, geteuid());
	cr_assert_eq(site.timers, 0);
	later(1000000000);
	see("{\"t\":\"verb\"}");
	cr_assert_eq(p->told + site.timers, 0);
	end();
}

Test(keys, of_each_console_wait_for_themselves)
{
	NEW(first);
	NEW(second);
	NEW(third);

	begin_in(first, "");
	later(10000);
	knock(second, geteuid());
	later(10000);
	knock(third, geteuid());
	later(10001);
	cr_assert(first->told == 1 && second->told == 0);
	first->leaves = second->leaves = true;
	later(10000);
	cr_assert(second->told == 1 && third->told == 0);
	later(10000);
	cr_assert(third->told == 1 && first->told == 1);
	end();
}

Test(keys, of_all_consoles_lock_at_once_though_one_goes_for_that)
{
	NEW(p);
	NEW(q);

	begin_in(p, "");
	knock(q, geteuid());
	p->leaves = q->leaves = true;
	later(IDLE_LIMIT + 1);
	cr_assert(p->told == 1 && q->told == 1);
	cr_assert_eq(site.timers, 0);
	end();
}

/* --- what puts it off --- */

Test(keys, that_are_pressed_put_it_off)
{
	NEW(p);

	begin_in(p, "");
	later(20000);
	gate_active(site.gate, p);
	later(IDLE_LIMIT);
	cr_assert_eq(p->told, 0);
	later(1);
	cr_assert_eq(p->told, 1);
	gate_active(site.gate, p);
	cr_assert_not(may_act(p), "a key opens no lock");
	end();
}

Test(keys, a_request_puts_it_off_unless_a_console_makes_it_by_itself)
{
	static const struct {
		enum request kind;
		int64_t since;
	} rows[] = {{REQUEST_NOTE, 20000}, {REQUEST_VERB, 20000}, {REQUEST_FETCH, 0},
	    {REQUEST_HISTORY, 0}, {REQUEST_UNLOCK, 0}};

	for (size_t i = 0; i < 5; i++) {
		NEW(p);

		begin_in(p, "");
		later(20000);
		cr_assert(may(p, rows[i].kind, "{}"));
		later(IDLE_LIMIT - 20000 + rows[i].since);
		cr_assert_eq(p->told, 0, "%zu", i);
		later(1);
		cr_assert_eq(p->told, 1, "%zu", i);
		end();
	}
}

Test(keys, that_are_late_for_the_clock_lock_at_once)
{
	NEW(p);
	NEW(q);

	begin_in(p, "");
	site.now += 3 * IDLE_LIMIT; /* the machine slept */
	knock(q, geteuid());
	later(0);
	cr_assert_eq(p->told, 0);
	later(1);
	cr_assert(p->told == 1 && q->told == 0);
	end();
}

/* --- what a lock holds --- */

Test(keys, that_are_locked_hold_what_acts_and_nothing_else)
{
	static const struct {
		enum request kind;
		const char *m;
		bool held;
	} rows[] = {
	    {REQUEST_VERB, "{\"verb\":\"status\"}", false},
	    {REQUEST_VERB, "{\"verb\":\"cycle\"}", true},
	    {REQUEST_DRIVE, "{}", true},
	    {REQUEST_DRIVE, "{\"release\":false}", true},
	    {REQUEST_DRIVE, "{\"release\":true}", false},
	    {REQUEST_ANSWER, "{\"yes\":true}", true},
	    {REQUEST_ANSWER, "{\"yes\":false}", false},
	    {REQUEST_ANSWER, "{}", false},
	    {REQUEST_KILL, "{}", false},
	    {REQUEST_KILL, "{\"on\":false}", true},
	    {REQUEST_CANCEL, "{}", false},
	    {REQUEST_NOTE, "{}", false},
	    {REQUEST_FETCH, "{}", false},
	    {REQUEST_UNLOCK, "{}", false},
	    {REQUEST_AUTONOMY, "{\"level\":\"observe\"}", false},
	    {REQUEST_AUTONOMY, "{\"level\":\"autonomous\"}", true},
	};
	NEW(p);

	begin_locked(p, "");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int told = p->told, errors = p->errors;

		cr_assert_eq(
		    may(p, rows[i].kind, rows[i].m), !rows[i].held, "%s", rows[i].m);
		cr_assert(
		    p->told - told == rows[i].held && p->errors - errors == rows[i].held);
		cr_assert(is_locked(p));
	}
	cr_assert_not(may_act(p));
	cr_assert_str_eq(p->text, LOCKED);
	cr_assert_str_eq(p->todo, "/unlock, then the key again");
	cr_assert_str_eq(p->where, "lock");
	end();
}

Test(keys, that_a_password_opens_say_how)
{
	NEW(p);

	begin_locked(p, CREDENTIALS);
	cr_assert_not(may_act(p));
	cr_assert_str_eq(p->text, LOCKED);
	cr_assert_str_eq(
	    p->todo, "/unlock asks for a password; or detach and attach again");
	end();
}

/* --- what is under way keeps them open --- */

Test(keys, lock_at_no_console_while_something_is_under_way)
{
	NEW(p);

	begin_in(p, "");
	site.busy = true;
	later(IDLE_LIMIT + 1);
	cr_assert_eq(p->told, 0);
	later(10 * IDLE_LIMIT);
	cr_assert_eq(p->told, 0);
	site.busy = false;
	later(IDLE_LIMIT + 1);
	cr_assert(p->told == 1 && is_locked(p));
	end();
}

Test(keys, that_are_locked_open_when_something_is_under_way)
{
	NEW(p);
	NEW(q);

	begin_in(p, "");
	knock(q, geteuid());
	later(IDLE_LIMIT + 1);
	cr_assert(is_locked(p) && is_locked(q));
	site.busy = true;
	q->leaves = true;
	cr_assert(may_act(p));
	cr_assert(p->told == 2 && q->told == 2 && p->errors == 0);
	is_open(p);
	site.busy = false;
	later(IDLE_LIMIT);
	cr_assert_eq(p->told, 2);
	later(1);
	cr_assert(p->told == 3 && is_locked(p), "and idleness began anew");
	end();
}

Test(keys, of_one_that_locked_open_while_another_is_looked_at)
{
	NEW(p);
	NEW(q);

	begin_in(p, "");
	later(10000);
	knock(q, geteuid());
	later(20001);
	cr_assert(is_locked(p));
	site.busy = true;
	later(10000);
	is_open(p);
	cr_assert_eq(q->told, 0);
	end();
}

Test(keys, open_with_each_fact_of_something_that_is_under_way)
{
	static const char *const opens[] = {"{\"t\":\"verb\"}", "{\"t\":\"done\"}",
	    "{\"t\":\"prompt\",\"state\":\"started\"}",
	    "{\"t\":\"state\",\"what\":\"proof\"}",
	    "{\"t\":\"state\",\"what\":\"proof\",\"done\":true}",
	    "{\"t\":\"state\",\"what\":\"unfinished\"}"};
	static const char *const none[] = {"{\"t\":\"note\"}", "{\"t\":\"prompt\"}",
	    "{\"t\":\"prompt\",\"state\":\"ended\"}", "{\"t\":\"state\"}",
	    "{\"t\":\"state\",\"what\":\"lock\"}",
	    "{\"t\":\"note\",\"what\":\"proof\",\"state\":\"started\"}"};

	for (size_t i = 0; i < 6; i++) {
		NEW(p);

		begin_locked(p, "");
		see(none[i]);
		cr_assert(is_locked(p) && p->told == 1, "%s", none[i]);
		see(opens[i]);
		cr_assert(p->told == 2, "%s", opens[i]);
		see("{\"t\":\"state\",\"what\":\"proof\",\"done\":true}");
		is_open(p);
		later(IDLE_LIMIT);
		cr_assert_eq(p->told, 2);
		later(1);
		cr_assert_eq(p->told, 3, "its timer runs again");
		end();
	}
	for (size_t i = 0; i < 6; i++)
		see(opens[i]); /* there is no gate any more */
}

Test(keys, lock_never_in_a_recovery)
{
	static const char *const ends[] = {
	    "{\"t\":\"state\",\"what\":\"proof\",\"done\":true}",
	    "{\"t\":\"state\",\"what\":\"proof\",\"end\":\"given up\"}"};

	for (size_t i = 0; i < 2; i++) {
		NEW(p);

		begin_in(p, "");
		see("{\"t\":\"state\",\"what\":\"proof\",\"done\":false}");
		later(10 * IDLE_LIMIT);
		see("{\"t\":\"state\",\"what\":\"unfinished\",\"done\":true}");
		see("{\"t\":\"note\",\"what\":\"proof\",\"done\":true}");
		later(10 * IDLE_LIMIT);
		cr_assert_eq(p->told, 0);
		see(ends[i]);
		later(IDLE_LIMIT);
		cr_assert_eq(p->told, 0);
		later(1);
		cr_assert(is_locked(p));
		end();
	}
}
