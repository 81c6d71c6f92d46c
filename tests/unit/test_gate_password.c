/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whom the list does not name, and who is asked for a password therefore. */
#include <stdio.h>
#include <unistd.h>

#include "gate_rig.h"
#include "heap.h"

#define DISK_HANGS \
	"the password could not be looked at: the disk of the credentials hangs"
#define BAD_FORM "a name has 1 to 32 letters, a password at most 256"
#define ONE_AT_A_TIME "one password at a time: wait for its answer"

static void
begin_asked(struct peer *p)
{
	site.list = "name:ann read-only annie\nname:ben drive\nname:cat drive c\n";
	begin(OPERATORS, CREDENTIALS);
	come(p, 1000, "who");
	cr_assert_eq(p->asked, 1);
}

static void
gets_in(struct peer *p, const char *json)
{
	try_password(p, json);
	answer(p, KEEPER_RIGHT, 0, "");
}

Test(password, whom_the_list_does_not_name_is_asked_and_told_why)
{
	NEW(p);

	begin_asked(p);
	cr_assert_str_eq(p->text, "the operator list does not name you (uid 1000 who)");
	cr_assert(p->wait_ms == 0 && p->refused == 0 && p->admitted == 0);
	later(119999);
	cr_assert_eq(p->refused, 0);
	later(1);
	cr_assert_str_eq(p->text, "no password came for two minutes");
	cr_assert_str_eq(p->todo, "connect again");
	cr_assert_eq(p->refused, 1);
	try_password(p, WRONG_ONE);
	cr_assert_eq(site.tries, 0, "it is out");
	end();
}

Test(password, a_list_without_credentials_asks_nobody_and_credentials_alone_neither)
{
	NEW(p);

	site.list = "";
	begin(OPERATORS, "");
	come(p, 1000, "who");
	cr_assert(p->asked == 0 && p->refused == 1);
	end();
	begin(OPERATORS, "\0none");
	p->refused = 0;
	come(p, 1000, "who");
	cr_assert(p->asked == 0 && p->refused == 1);
	end();
	site.idle_ms = 1000;
	begin("\0none", CREDENTIALS);
	p->admitted = 0;
	knock(p, geteuid());
	later(1001);
	cr_assert(p->admitted == 1 && p->told == 1);
	cr_assert(js_is(p->fact, "how", "key"), "there is no list, so none opens them");
	end();
}

Test(password, the_right_one_gives_the_role_and_the_name_of_its_line)
{
	NEW(reads);
	NEW(drives);
	NEW(no_line);
	NEW(brief);

	begin_asked(reads);
	try_password(reads, "{\"name\":\"ann\",\"password\":\"right horse\"}");
	cr_assert_str_eq(site.from, "uid 1000");
	cr_assert_str_eq(site.name, "ann");
	cr_assert_str_eq(site.password, "right horse");
	cr_assert(site.fresh && !site.attached);
	answer(reads, KEEPER_RIGHT, 0, "");
	cr_assert(reads->admitted == 1 && reads->reader);
	cr_assert_str_eq(reads->name, "annie");
	cr_assert_str_eq(reads->vouched, "password of ann");
	cr_assert_str_eq(site.log, "uid 1000: the password of ann");
	come(drives, 1000, "who");
	gets_in(drives, "{\"name\":\"ben\",\"password\":\"x\"}");
	cr_assert(drives->admitted == 1 && !drives->reader);
	cr_assert_str_eq(drives->name, "ben");
	come(no_line, 1000, "who");
	gets_in(no_line, "{\"name\":\"e\",\"password\":\"x\"}");
	cr_assert(no_line->admitted == 1 && !no_line->reader);
	cr_assert_str_eq(no_line->name, "e");
	come(brief, 1000, "who");
	gets_in(brief, "{\"name\":\"cat\",\"password\":\"x\"}");
	cr_assert_str_eq(brief->name, "c");
	try_password(drives, WRONG_ONE);
	cr_assert_eq(site.tries, 0, "who is in is asked for nothing");
	later(200000);
	cr_assert(reads->refused + drives->refused + no_line->refused == 0);
	end();
}

Test(password, who_is_in_by_one_stays_whatever_the_list_says)
{
	NEW(p);
	NEW(q);

	begin_asked(p);
	gets_in(p, "{\"name\":\"ben\",\"password\":\"x\"}");
	site.reads = 0;
	later(60000);
	cr_assert_eq(site.reads, 0, "and is no reason to look at it");
	site.list = "uid:5 drive\n";
	come(q, 5, "q");
	later(5000);
	list_read();
	cr_assert(p->refused == 0 && p->roles == 0);
	end();
}

Test(password, whom_the_list_named_may_go_and_who_is_in_by_one_is_not_looked_for)
{
	NEW(p);
	NEW(q);

	begin_asked(p);
	gets_in(p, "{\"name\":\"ben\",\"password\":\"x\"}");
	site.list = "uid:5 drive\n";
	come(q, 5, "q");
	leave(q);
	site.reads = 0;
	later(60000);
	cr_assert_eq(site.reads, 0);
	end();
}

Test(password, a_list_that_cannot_be_used_gives_a_password_no_line)
{
	NEW(p);
	NEW(q);

	begin_asked(q); /* the list was read once */
	site.list_fails = "?";
	come(p, 1000, "who");
	cr_assert_str_eq(p->text, "the operator list names nobody: ?");
	gets_in(p, "{\"name\":\"ann\",\"password\":\"x\"}");
	cr_assert(p->admitted == 1 && !p->reader);
	cr_assert_str_eq(p->name, "ann");
	end();
}

Test(password, an_older_list_gives_none_either_while_its_disk_hangs)
{
	NEW(p);
	NEW(q);

	begin_asked(p);
	knock(q, 1000);
	later(5000);
	cr_assert_eq(q->asked, 1);
	gets_in(p, "{\"name\":\"ann\",\"password\":\"x\"}");
	cr_assert(p->admitted == 1 && !p->reader);
	cr_assert_str_eq(p->name, "ann");
	end();
}

Test(password, a_wrong_one_is_told_when_the_next_is_looked_at)
{
	NEW(p);

	begin_asked(p);
	try_password(p, WRONG_ONE);
	answer(p, KEEPER_WRONG, 4000, "");
	cr_assert_str_eq(p->text,
	    "that name and that password do not belong together; the next one is looked "
	    "at in 4 s");
	cr_assert(p->asked == 2 && p->wait_ms == 4000 && p->admitted == 0);
	cr_assert_str_eq(site.log, "uid 1000: a wrong password");
	try_password(p, WRONG_ONE);
	cr_assert_not(site.fresh, "it is not its first");
	answer(p, KEEPER_WRONG, 4999, "");
	cr_assert(strstr(p->text, " in 4 s") && p->asked == 3);
	later(120000 + 4998);
	cr_assert_eq(p->refused, 0);
	later(1);
	cr_assert_eq(p->refused, 1, "two minutes, and what it has to wait");
	end();
}

Test(password, ten_wrong_ones_end_it)
{
	NEW(p);

	begin_asked(p);
	for (int i = 0; i < 10; i++) {
		cr_assert_eq(p->refused, 0, "%d", i);
		try_password(p, WRONG_ONE);
		answer(p, KEEPER_WRONG, 1000, "");
	}
	cr_assert_str_eq(p->text, "ten passwords were wrong");
	cr_assert_str_eq(p->todo, "connect again");
	cr_assert(p->refused == 1 && p->asked == 10);
	end();
}

Test(password, the_tenth_may_be_right)
{
	NEW(p);

	begin_asked(p);
	for (int i = 0; i < 9; i++) {
		try_password(p, WRONG_ONE);
		answer(p, KEEPER_WRONG, 1000, "");
	}
	gets_in(p, WRONG_ONE);
	cr_assert(p->admitted == 1 && p->refused == 0);
	end();
}

Test(password, what_has_no_name_or_none_that_can_be_is_not_looked_at)
{
	static const char *const bad[] = {"{}", "{\"name\":\"ann\"}",
	    "{\"password\":\"x\"}", "{\"name\":\"\",\"password\":\"x\"}",
	    "{\"name\":\"a\\u0000b\",\"password\":\"x\"}",
	    "{\"name\":\"n23456789012345678901234567890123\",\"password\":\"x\"}"};
	NEW(p);

	begin_asked(p);
	for (size_t i = 0; i < 6; i++) {
		p->text[0] = '\0';
		try_password(p, bad[i]);
		cr_assert_str_eq(p->text, BAD_FORM, "%zu", i);
		cr_assert(p->wait_ms == 0 && site.tries == 0);
	}
	site.keeper_refuses = true;
	try_password(p, WRONG_ONE);
	cr_assert_str_eq(p->text, BAD_FORM, "nor what the keeper does not take");
	site.keeper_refuses = false;
	later(119999); /* since it was asked: no such word gives it more time */
	cr_assert_eq(p->refused, 0);
	try_password(
	    p, "{\"name\":\"n2345678901234567890123456789012\",\"password\":\"x\"}");
	cr_assert_eq(site.tries, 1, "32 letters are a name");
	answer(p, KEEPER_RIGHT, 0, "");
	cr_assert_str_eq(p->name, "n2345678901234567890123456789012");
	cr_assert_str_eq(p->vouched, "password of n2345678901234567890123456789012");
	end();
}

Test(password, words_that_cannot_be_looked_at_count_and_give_no_time)
{
	NEW(p);
	NEW(q);

	begin_asked(p);
	for (int i = 0; i < 10; i++)
		try_password(p, "{}");
	cr_assert_eq(p->refused, 0);
	try_password(p, WRONG_ONE);
	cr_assert(p->refused == 1 && site.tries == 0);
	cr_assert_str_eq(p->text, "ten passwords were wrong");
	cr_assert_str_eq(p->todo, "connect again");
	come(q, 1000, "who");
	try_password(q, "{}");
	later(120000);
	cr_assert_eq(q->refused, 1);
	end();
}

Test(password, one_at_a_time_and_not_for_ever)
{
	NEW(p);

	begin_asked(p);
	try_password(p, WRONG_ONE);
	for (int i = 0; i < 9; i++) {
		p->text[0] = '\0';
		p->wait_ms = -1;
		try_password(p, WRONG_ONE);
		cr_assert_str_eq(p->text, ONE_AT_A_TIME);
		cr_assert(p->wait_ms == 0 && p->refused == 0 && site.tries == 1);
	}
	try_password(p, WRONG_ONE);
	cr_assert_str_eq(p->text, "ten passwords were wrong");
	cr_assert(p->refused == 1 && site.tries == 0 && site.dropped == 1);
	end();
}

Test(password, credentials_that_cannot_be_used_are_named)
{
	NEW(p);

	begin_asked(p);
	try_password(p, WRONG_ONE);
	answer(p, KEEPER_BROKEN, 0, "chmod 600 is the mend");
	cr_assert_str_eq(p->text, "chmod 600 is the mend");
	cr_assert_str_eq(p->todo, "mend it and connect again");
	cr_assert(p->refused == 1 && p->admitted == 0);
	cr_assert_eq(site.timers, 0);
	end();
}

Test(password, credentials_on_a_disk_that_hangs_are_waited_for_a_minute)
{
	NEW(p);

	begin_asked(p);
	later(100000);
	try_password(p, WRONG_ONE);
	later(59999);
	cr_assert(p->refused == 0 && site.tries == 1);
	later(1);
	cr_assert_str_eq(p->text, DISK_HANGS);
	cr_assert_str_eq(
	    p->todo, "connect again when it is well; who is in already stays in");
	cr_assert(p->refused == 1 && site.tries == 0 && site.dropped == 1);
	later(200000);
	cr_assert_eq(p->refused, 1);
	end();
}

/* --- how many are asked at a time --- */

#define MANY 17

static void
ask_many(struct peer *p, int n, uid_t first, int of_each)
{
	memset(p, 0, (size_t)n * sizeof *p);
	for (int i = 0; i < n; i++) {
		come(&p[i], first + (uid_t)(i / of_each), "who");
		cr_assert(p[i].asked == 1 && p[i].refused == 0, "%d", i);
	}
}

static void
is_told_to_wait(struct peer *p)
{
	cr_assert_str_eq(p->text,
	    "others are being asked for a password already: wait until they are through");
	cr_assert_str_eq(p->todo, "try again in a minute");
	cr_assert(p->asked == 0 && p->refused == 1);
}

Test(password, four_of_a_uid_are_asked_at_a_time)
{
	struct peer p[4];
	NEW(fifth);
	NEW(other);
	NEW(again);

	site.list = "";
	begin(OPERATORS, CREDENTIALS);
	ask_many(p, 4, 1000, 4);
	come(fifth, 1000, "who");
	is_told_to_wait(fifth);
	come(other, 1001, "who");
	cr_assert_eq(other->asked, 1);
	leave(&p[0]);
	come(again, 1000, "who");
	cr_assert_eq(again->asked, 1);
	end();
}

Test(password, sixteen_are_asked_at_a_time)
{
	struct peer p[16];
	NEW(in);
	NEW(last);
	NEW(again);

	site.list = "uid:5 drive\n";
	begin(OPERATORS, CREDENTIALS);
	come(in, 5, "who");
	ask_many(p, 16, 1000, 4);
	try_password(&p[3], WRONG_ONE);
	answer(&p[3], KEEPER_WRONG, 1000, "");
	come(last, 2000, "who");
	is_told_to_wait(last);
	cr_assert_eq(p[3].refused, 0, "of another uid: it is no matter of this one's");
	later(1000);
	try_password(&p[3], WRONG_ONE);
	answer(&p[3], KEEPER_RIGHT, 0, "");
	come(again, 2000, "who");
	cr_assert_eq(again->asked, 1);
	end();
}

Test(password, who_has_failed_most_makes_room_for_one_of_its_uid)
{
	struct peer p[4];
	NEW(fifth);
	NEW(sixth);
	NEW(seventh);

	site.list = "";
	begin(OPERATORS, CREDENTIALS);
	ask_many(p, 4, 1000, 4);
	for (int k = 0; k < 3; k++) {
		if (k < 1) {
			try_password(&p[0], WRONG_ONE);
			answer(&p[0], KEEPER_WRONG, 1000, "");
		}
		if (k < 2) {
			try_password(&p[1], WRONG_ONE);
			answer(&p[1], KEEPER_WRONG, 1000, "");
		}
	}
	try_password(&p[2], WRONG_ONE); /* is being looked at: has not failed */
	p[1].leaves = true;
	come(fifth, 1000, "who");
	cr_assert(fifth->asked == 1 && p[1].refused == 1);
	cr_assert_str_eq(p[1].text, "others wait to be asked for a password");
	cr_assert_str_eq(p[1].todo, "connect again");
	cr_assert(p[0].refused + p[2].refused + p[3].refused == 0);
	come(sixth, 1000, "who");
	cr_assert(sixth->asked == 1 && p[0].refused == 1 && p[2].refused == 0);
	come(seventh, 1000, "who");
	is_told_to_wait(seventh);
	end();
}

Test(password, of_two_that_failed_as_often_the_one_that_came_later_goes)
{
	struct peer p[4];
	NEW(fifth);

	site.list = "";
	begin(OPERATORS, CREDENTIALS);
	ask_many(p, 4, 1000, 4);
	for (int i = 0; i < 2; i++) {
		try_password(&p[i], WRONG_ONE);
		answer(&p[i], KEEPER_WRONG, 1000, "");
	}
	come(fifth, 1000, "who");
	cr_assert(fifth->asked == 1 && p[1].refused == 1 && p[0].refused == 0);
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
	NEW(slow);
	NEW(bad);
	struct peer *all[] = {right, wrong, broken, late, slow, bad};

	site.list = "";
	begin(OPERATORS, CREDENTIALS);
	for (int i = 0; i < 6; i++) {
		come(all[i], 1000 + (uid_t)i, "who");
		all[i]->leaves = true;
	}
	try_password(right, WRONG_ONE);
	try_password(wrong, WRONG_ONE);
	try_password(broken, WRONG_ONE);
	try_password(late, WRONG_ONE);
	try_password(bad, "{}");
	answer(right, KEEPER_RIGHT, 0, "");
	answer(wrong, KEEPER_WRONG, 1000, "");
	answer(broken, KEEPER_BROKEN, 0, "why");
	later(120000);
	MUST(late->refused == 1 && slow->refused == 1);
	MUST(strcmp(right->vouched, "password of ann") == 0);
	end();
}

Test(password, who_goes_when_it_is_told_leaves_nothing_behind)
{
	GIVES_BACK(leaving());
}
