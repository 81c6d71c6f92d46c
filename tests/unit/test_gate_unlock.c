/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What opens the keys of a console that were locked. */
#include <stdio.h>

#include "gate_rig.h"
#include "heap.h"

#define WRONG                                                                            \
	"that name and that password do not belong together; the next one is looked at " \
	"in 4 s"

Test(keys, open_without_a_password_where_there_are_none)
{
	NEW(p);

	begin_locked(p, "");
	try_unlock(p, "{}");
	cr_assert_eq(p->told, 2);
	is_open(p);
	later(IDLE_LIMIT);
	cr_assert_eq(p->told, 2);
	later(1);
	cr_assert_eq(p->told, 3);
	end();
}

Test(keys, that_are_open_are_told_so_again)
{
	NEW(p);

	begin_in(p, CREDENTIALS);
	try_unlock(p, WRONG_ONE);
	cr_assert(p->told == 1 && site.tries == 0);
	is_open(p);
	end();
}

Test(keys, the_right_password_of_one_who_may_act_opens_them)
{
	NEW(p);

	begin_locked(p, CREDENTIALS);
	try_unlock(p, "{\"name\":\"ben\",\"password\":\"right horse\"}");
	cr_assert_str_eq(site.name, "ben");
	cr_assert_str_eq(site.password, "right horse");
	cr_assert(site.attached && !site.fresh);
	cr_assert_neq(strncmp(site.from, "uid", 3), 0, "counted apart from who knocks");
	cr_assert(is_locked(p));
	answer(p, KEEPER_RIGHT, 0, "");
	cr_assert_eq(p->told, 2);
	is_open(p);
	cr_assert_str_eq(p->vouched, "unlocked by password of ben");
	cr_assert(p->errors == 0 && site.timers == 2, "the list, and idleness");
	end();
}

Test(keys, each_console_is_counted_for_itself)
{
	char name[40];
	NEW(p);
	NEW(q);

	begin_in(p, CREDENTIALS);
	come(q, 5, "who");
	later(IDLE_LIMIT + 1);
	try_unlock(p, WRONG_ONE);
	snprintf(name, sizeof name, "%p", (void *)p);
	cr_assert_str_eq(site.from, name);
	try_unlock(q, WRONG_ONE);
	snprintf(name, sizeof name, "%p", (void *)q);
	cr_assert_str_eq(site.from, name);
	end();
}

Test(keys, the_password_of_one_who_may_look_does_not_open_them)
{
	NEW(p);

	begin_locked(p, CREDENTIALS);
	try_unlock(p, "{\"name\":\"ann\",\"password\":\"x\"}");
	answer(p, KEEPER_RIGHT, 0, "");
	cr_assert_str_eq(p->text, "the list lets that name look, not act");
	cr_assert_str_eq(p->where, "unlock");
	cr_assert(is_locked(p) && p->told == 1 && p->vouched[0] == '\0');
	cr_assert_str_eq(p->todo, "-");
	end();
}

Test(keys, a_wrong_password_does_not_open_them_and_the_next_one_may)
{
	NEW(p);

	begin_locked(p, CREDENTIALS);
	for (int i = 0; i < 12; i++) {
		try_unlock(p, WRONG_ONE);
		answer(p, KEEPER_WRONG, i & 1 ? 4999 : 4000, "");
		cr_assert_str_eq(p->text, WRONG);
		cr_assert_str_eq(p->todo, "-");
		cr_assert_str_eq(p->where, "unlock");
		cr_assert(is_locked(p) && p->told == 1 && p->refused == 0);
	}
	later(60000);
	cr_assert(is_locked(p), "nothing is waited for any more");
	while (site.work)
		list_read();
	try_unlock(p, "{\"name\":\"ben\",\"password\":\"x\"}");
	answer(p, KEEPER_RIGHT, 0, "");
	is_open(p);
	end();
}

Test(keys, credentials_that_cannot_be_used_hold_nobody_up)
{
	NEW(p);

	begin_locked(p, CREDENTIALS);
	try_unlock(p, WRONG_ONE);
	answer(p, KEEPER_BROKEN, 0, "chmod 600 is the mend");
	cr_assert_eq(p->told, 2);
	is_open(p);
	cr_assert_str_eq(site.log, "unlocked without a password: chmod 600 is the mend");
	cr_assert_eq(p->vouched[0], '\0');
	end();
}

Test(keys, credentials_on_a_disk_that_hangs_hold_nobody_up_for_longer_than_a_minute)
{
	NEW(p);

	begin_locked(p, CREDENTIALS);
	try_unlock(p, WRONG_ONE);
	later(60000);
	cr_assert(is_locked(p) && site.tries == 1, "what has come is looked at first");
	later(1);
	cr_assert(p->told == 2 && site.tries == 0 && site.dropped == 1);
	is_open(p);
	cr_assert_str_eq(
	    site.log, "unlocked without a password: the disk of the credentials hangs");
	while (site.work)
		list_read();
	later(IDLE_LIMIT + 1);
	cr_assert(p->told == 3 && is_locked(p));
	try_unlock(p, WRONG_ONE);
	cr_assert_eq(site.tries, 1, "the next one is looked at");
	end();
}

Test(keys, one_password_at_a_time)
{
	NEW(p);

	begin_locked(p, CREDENTIALS);
	try_unlock(p, WRONG_ONE);
	try_unlock(p, WRONG_ONE);
	cr_assert_str_eq(p->text, "one password at a time: wait for its answer");
	cr_assert_str_eq(p->where, "unlock");
	cr_assert_str_eq(p->todo, "-");
	cr_assert(site.tries == 1 && p->errors == 1);
	end();
}

Test(keys, what_is_no_name_and_password_opens_nothing)
{
	static const char *const bad[] = {"{}", "{\"name\":\"ben\"}",
	    "{\"password\":\"x\"}", "{\"name\":\"ben\\u0000x\",\"password\":\"x\"}"};
	NEW(p);

	begin_locked(p, CREDENTIALS);
	for (size_t i = 0; i < 4; i++) {
		p->text[0] = p->where[0] = '\0';
		try_unlock(p, bad[i]);
		cr_assert_str_eq(p->text, "a name and its password unlock the keys");
		cr_assert_str_eq(p->todo, "or detach and attach again");
		cr_assert_str_eq(p->where, "unlock");
		cr_assert_eq(site.tries, 0);
	}
	site.keeper_refuses = true;
	p->where[0] = '\0';
	try_unlock(p, WRONG_ONE);
	cr_assert_str_eq(p->text, "a name has 1 to 32 letters, a password at most 256");
	cr_assert_str_eq(p->where, "unlock");
	cr_assert_str_eq(p->todo, "-");
	later(60000);
	cr_assert(is_locked(p) && p->told == 1);
	end();
}

Test(keys, of_one_who_is_not_in_cannot_be_unlocked)
{
	NEW(p);

	site.list = "";
	begin(OPERATORS, CREDENTIALS);
	come(p, 5, "who");
	cr_assert_eq(p->asked, 1);
	try_unlock(p, WRONG_ONE);
	cr_assert_eq(p->told + p->errors + site.tries, 0);
	end();
}

Test(keys, that_opened_by_themselves_are_told_so_once)
{
	NEW(p);

	begin_locked(p, CREDENTIALS);
	try_unlock(p, "{\"name\":\"ben\",\"password\":\"x\"}");
	see("{\"t\":\"verb\"}");
	cr_assert_eq(p->told, 2);
	answer(p, KEEPER_RIGHT, 0, "");
	cr_assert_eq(p->told, 2);
	is_open(p);
	end();
}

Test(keys, of_one_who_was_sent_away_are_told_of_nothing)
{
	NEW(p);

	begin_locked(p, CREDENTIALS);
	site.list = "";
	later(5000);
	while (site.work)
		list_read();
	cr_assert_eq(p->refused, 1);
	see("{\"t\":\"verb\"}");
	cr_assert_eq(p->told, 1);
	end();
}

Test(keys, the_list_takes_away_one_whose_password_is_being_looked_at)
{
	NEW(p);

	begin_locked(p, CREDENTIALS);
	try_unlock(p, WRONG_ONE);
	site.list = "";
	later(5000);
	list_read();
	cr_assert(p->refused == 1 && site.tries == 0);
	later(60000);
	cr_assert_eq(p->told, 1);
	end();
}

/* --- gone, while it hears it --- */

static void
leaving(void)
{
	NEW(right);
	NEW(wrong);
	NEW(broken);
	NEW(late);
	NEW(tries);
	NEW(held);
	struct peer *all[] = {right, wrong, broken, late, tries, held};

	site.idle_ms = IDLE_LIMIT;
	site.list = "uid:5 drive\n";
	begin(OPERATORS, CREDENTIALS);
	for (int i = 0; i < 6; i++)
		come(all[i], 5, "who");
	later(IDLE_LIMIT + 1);
	for (int i = 0; i < 6; i++) {
		MUST(is_locked(all[i]));
		if (all[i] != held)
			try_unlock(all[i], WRONG_ONE);
		all[i]->leaves = true;
	}
	MUST(!may_act(held));
	answer(right, KEEPER_RIGHT, 0, "");
	MUST(strcmp(right->vouched, "unlocked by password of ann") == 0);
	answer(wrong, KEEPER_WRONG, 1000, "");
	answer(broken, KEEPER_BROKEN, 0, "why");
	leave(tries);
	MUST(site.tries == 1);
	later(60001);
	MUST(site.tries == 0 && late->told == 2);
	end();
}

Test(keys, an_engine_that_stood_still_for_a_minute_takes_the_answer_not_the_clock)
{
	NEW(p);

	begin_locked(p, CREDENTIALS);
	try_unlock(p, WRONG_ONE);
	later(60000);
	answer(p, KEEPER_WRONG, 1000, "");
	later(10);
	cr_assert(is_locked(p) && site.dropped == 0);
	try_unlock(p, WRONG_ONE);
	later(60000);
	cr_assert(is_locked(p), "each has a minute of its own");
	later(1);
	is_open(p);
	end();
}

Test(keys, who_goes_when_it_is_told_leaves_nothing_behind)
{
	for (int i = 0; i < 256; i++)
		leaving(); /* until the allocator's caches are full: facts are many blocks
			    */
	GIVES_BACK(leaving());
}
