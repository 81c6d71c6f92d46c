/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is let in, in which role, and who is not, or not any more. */
#include <stdio.h>
#include <unistd.h>

#include "gate_rig.h"
#include "heap.h"

#define ME geteuid()
#define OTHER (geteuid() + 1)

#define IS(p, words, what)                          \
	do {                                        \
		cr_assert_str_eq((p)->text, words); \
		cr_assert_str_eq((p)->todo, what);  \
	} while (0)

/* --- no list --- */

Test(door, without_a_list_the_engines_own_uid_comes_in_at_once)
{
	NEW(p);

	begin("", CREDENTIALS);
	cr_assert_not(gate_has_list(site.gate));
	knock(p, ME);
	cr_assert_eq(p->admitted, 1);
	cr_assert(p->name[0] == '\0' && !p->reader);
	cr_assert(site.reads == 0 && site.whos == 0 && site.timers == 0,
	    "nothing is waited for, and no list looked at again");
	end();
}

Test(door, without_a_list_nobody_else_comes_in_and_no_password_helps)
{
	char words[160];
	NEW(p);

	begin("", CREDENTIALS);
	knock(p, OTHER);
	snprintf(words, sizeof words,
	    "this engine belongs to uid %ld, you are uid %ld, and there is no operator "
	    "list",
	    (long)ME, (long)OTHER);
	IS(p, words, "attach as the user who started it, or set operators");
	cr_assert(p->refused == 1 && p->admitted == 0);
	try_password(p, WRONG_ONE);
	cr_assert(site.tries == 0 && p->asked == 0);
	end();
}

/* --- the agent's --- */

Test(door, what_the_agent_runs_is_no_operator_whoever_lists_it)
{
	NEW(by_uid);
	NEW(below);
	NEW(root);
	NEW(ended);

	site.list = "uid:77 drive\nuid:5 drive\nuid:0 drive\n";
	site.agent_uid = 77;
	begin(OPERATORS, "");
	site.descent = DESCENT_NO;
	knock(by_uid, 77);
	IS(by_uid, "what the agent runs is no operator", "-");
	cr_assert_str_eq(site.log, "uid 77 refused: it is the agent's");
	site.agent_pid = 4321;
	site.descent = DESCENT_YES;
	site.log[0] = '\0';
	knock(below, 5);
	IS(below, "what the agent runs is no operator", "-");
	cr_assert_str_eq(site.log, "uid 5 refused: it is the agent's");
	site.descent = DESCENT_UNKNOWN;
	knock(ended, 5);
	IS(ended, "the process that connected has ended, or is just losing its parents",
	    "connect again");
	cr_assert_str_eq(site.log, "uid 5 refused: its parents do not stand still");
	cr_assert(by_uid->refused == 1 && below->refused == 1 && ended->refused == 1);
	cr_assert(site.reads == 0 && site.whos == 0);
	site.descent = DESCENT_NO;
	come(root, 0, "root");
	cr_assert_eq(root->admitted, 1);
	end();
}

Test(door, where_the_agent_has_the_engines_uid_that_uid_comes_in)
{
	NEW(p);

	begin("", "");
	knock(p, ME);
	cr_assert_eq(p->admitted, 1);
	end();
	site.agent_uid = 0; /* none of its own: uid 0 is not the agent's for that */
	site.list = "uid:0 drive\n";
	begin(OPERATORS, "");
	p->admitted = 0;
	come(p, 0, "root");
	cr_assert_eq(p->admitted, 1);
	end();
}

/* --- a list --- */

Test(door, list_and_proof_are_waited_for_in_either_order)
{
	NEW(a);
	NEW(b);

	site.list = "uid:5 drive five\nuser:ben read-only\n";
	begin(OPERATORS, "");
	cr_assert(gate_has_list(site.gate));
	knock(a, 5);
	list_read();
	cr_assert_eq(a->admitted, 0);
	proof(a, "ann", true);
	cr_assert_eq(a->admitted, 0, "more may come");
	proof(a, "ann", false);
	cr_assert_eq(a->admitted, 1);
	cr_assert_str_eq(a->name, "five");
	cr_assert_not(a->reader);
	knock(b, 6);
	proof(b, "ben", false);
	cr_assert_eq(b->admitted, 0, "the list may say something else by now");
	list_read();
	cr_assert_eq(b->admitted, 1);
	cr_assert(b->reader && b->name[0] == '\0');
	end();
}

Test(door, who_is_not_named_is_told_which_line_would_let_him_in)
{
	NEW(p);
	NEW(nameless);
	NEW(short_name);

	site.list = "uid:5 drive\n";
	begin(OPERATORS, "");
	come(p, 1000, "ann");
	IS(p, "the operator list does not name you (uid 1000 ann)",
	    "echo 'uid:1000 drive' >>" OPERATORS " lets you in");
	cr_assert_str_eq(site.log,
	    "uid 1000 refused: the operator list does not name you (uid 1000 ann)");
	cr_assert(p->refused == 1 && p->asked == 0 && p->admitted == 0);
	come(nameless, 1001, "");
	cr_assert_str_eq(
	    nameless->text, "the operator list does not name you (uid 1001)");
	come(short_name, 1002, "a");
	cr_assert_str_eq(
	    short_name->text, "the operator list does not name you (uid 1002 a)");
	cr_assert_eq(site.timers, 0);
	end();
}

Test(door, a_list_that_cannot_be_used_names_nobody)
{
	NEW(p);
	NEW(q);

	site.list = "uid:5 drive\n";
	site.list_fails = "others can write it: chmod 644";
	begin(OPERATORS, "");
	come(p, 5, "ann");
	IS(p, "the operator list names nobody: others can write it: chmod 644",
	    "mend it: the engine reads it again by itself");
	cr_assert_eq(p->refused, 1);
	site.list_fails = NULL;
	site.list = "uid:5 dance\n";
	come(q, 5, "ann");
	cr_assert_str_eq(q->text,
	    "the operator list names nobody: " OPERATORS
	    ": line 1: the roles are drive and read-only");
	cr_assert_eq(q->refused, 1);
	end();
}

Test(door, what_is_wrong_with_the_list_is_in_the_log)
{
	NEW(p);
	NEW(in);
	NEW(q);

	site.list = "uid:5 drive\n";
	begin(OPERATORS, "");
	come(in, 5, "ann");
	cr_assert_str_empty(site.log);
	site.list_fails = "?"; /* a word of one letter is one */
	knock(p, 5);
	list_read();
	cr_assert_str_eq(site.log, "nobody is named: ?");
	proof(p, "ann", false);
	cr_assert_str_eq(p->text, "the operator list names nobody: ?");
	cr_assert(p->refused == 1 && in->refused == 0);
	knock(q, 5);
	later(5000);
	cr_assert_str_eq(q->text, "the operator list names nobody: ?");
	end();
}

Test(door, a_reading_that_began_before_a_knock_is_not_enough_for_it)
{
	NEW(a);
	NEW(b);
	NEW(c);

	site.list = "uid:5 drive\n";
	begin(OPERATORS, "");
	knock(a, 5);
	knock(b, 5);
	knock(c, 5);
	proof(a, "ann", false);
	proof(b, "ben", false);
	cr_assert_eq(site.reads, 1);
	list_read();
	cr_assert(a->admitted == 1 && b->admitted == 0);
	cr_assert_eq(site.reads, 2, "once more, for both");
	site.list = "uid:6 drive\n";
	list_read();
	cr_assert(b->admitted == 0 && b->refused == 1);
	cr_assert_str_eq(a->text, "the operator list does not name you any more");
	cr_assert_eq(c->refused, 0, "its proof is waited for");
	cr_assert(site.reads == 2 && !site.work);
	end();
}

/* --- what does not come in time --- */

Test(door, without_a_proof_the_kernels_word_counts_after_five_seconds)
{
	NEW(plain);
	NEW(reads);
	NEW(nobody);

	site.list = "uid:5 drive five\nuser:ann read-only\nuid:6 drive six\n"
		    "user:ben drive\n";
	begin(OPERATORS, "");
	knock(plain, 5);
	list_read();
	later(4999);
	cr_assert_eq(plain->admitted, 0);
	later(1);
	cr_assert_eq(plain->admitted, 1);
	cr_assert(!plain->reader && strcmp(plain->name, "five") == 0);
	knock(reads, 6);
	list_read();
	later(5000);
	cr_assert_eq(reads->admitted, 1);
	cr_assert(reads->reader, "a line above may have meant it");
	cr_assert_str_eq(reads->name, "six");
	while (site.work)
		list_read();
	knock(nobody, 7);
	list_read();
	later(5000);
	IS(nobody,
	    "the operator list does not name you (uid 7); your proof did not come in "
	    "time, connect again",
	    "echo 'uid:7 drive' >>" OPERATORS " lets you in");
	proof(nobody, "ben", false);
	cr_assert(nobody->admitted == 0 && nobody->refused == 1, "too late");
	end();
}

Test(door, a_list_on_a_disk_that_hangs_is_waited_for_five_seconds)
{
	NEW(p);
	NEW(q);

	site.list = "uid:5 drive\n";
	begin(OPERATORS, "");
	knock(p, 5);
	proof(p, "ann", false);
	later(4999);
	cr_assert_eq(p->refused, 0);
	later(1);
	IS(p,
	    "the operator list names nobody: " OPERATORS
	    " was not read within 5 s: its disk hangs",
	    "mend it: the engine reads it again by itself");
	cr_assert_eq(p->refused, 1);
	knock(q, 5);
	proof(q, "ann", false);
	list_read();
	cr_assert_eq(q->admitted, 0, "that one began before the knock");
	list_read();
	cr_assert_eq(q->admitted, 1, "the disk is well again");
	cr_assert_eq(p->admitted, 0);
	end();
}

Test(door, what_was_wrong_before_is_still_said_when_the_disk_hangs)
{
	NEW(p);
	NEW(q);

	site.list_fails = "the first trouble";
	begin(OPERATORS, "");
	come(p, 5, "ann");
	knock(q, 5);
	later(5000);
	cr_assert_str_eq(q->text, "the operator list names nobody: the first trouble");
	cr_assert_eq(q->refused, 1);
	end();
}

Test(door, a_disk_that_hangs_takes_nobody_away)
{
	NEW(in);
	NEW(late);

	site.list = "uid:5 drive\n";
	begin(OPERATORS, "");
	come(in, 5, "ann");
	site.list_fails = "unused";
	later(4000);
	knock(late, 5);
	later(5000);
	cr_assert_eq(late->refused, 1);
	cr_assert_eq(in->refused, 0);
	while (site.work)
		list_read();
	cr_assert_eq(in->refused, 0);
	end();
}

Test(door, without_a_thread_the_list_names_nobody_and_nothing_is_left_waiting)
{
	NEW(p);
	NEW(asked);
	NEW(gone);

	site.list = "uid:5 drive\n";
	site.no_thread = true;
	begin(OPERATORS, "");
	gone->leaves = true;
	knock(gone, 5);
	proof(gone, "ann", false);
	cr_assert_eq(gone->refused, 1);
	knock(p, 5);
	proof(p, "ann", false);
	cr_assert_str_eq(
	    p->text, "the operator list names nobody: no thread can read " OPERATORS);
	cr_assert_eq(p->refused, 1);
	end();
	begin(OPERATORS, CREDENTIALS);
	knock(asked, 5);
	proof(asked, "ann", false);
	cr_assert_eq(asked->asked, 1);
	later(119999);
	cr_assert_eq(asked->refused, 0);
	later(1);
	cr_assert_str_eq(asked->text, "no password came for two minutes");
	site.no_thread = false;
	come(p, 5, "ann");
	cr_assert_eq(p->admitted, 1);
	end();
}

/* --- the list, again and again --- */

Test(door, a_name_that_is_gone_from_the_list_is_sent_away)
{
	NEW(stays);
	NEW(goes);
	NEW(also);

	site.list = "uid:5 drive\nuid:6 drive\nuid:7 drive\n";
	begin(OPERATORS, "");
	come(goes, 5, "ann");
	come(stays, 6, "ben");
	come(also, 7, "cat");
	goes->leaves = also->leaves = true;
	site.list = "uid:6 drive\n";
	site.reads = 0;
	later(4999);
	cr_assert_eq(site.reads, 0);
	later(1);
	cr_assert_eq(site.reads, 1);
	list_read();
	IS(goes, "the operator list does not name you any more",
	    "whoever keeps the list has taken your line out");
	cr_assert(goes->refused == 1 && also->refused == 1 && stays->refused == 0);
	later(5000);
	cr_assert_eq(site.reads, 2);
	list_read();
	leave(stays);
	later(50000);
	cr_assert_eq(site.reads, 2, "nobody is in: nobody looks");
	cr_assert_eq(site.timers, 0);
	come(stays, 6, "ben");
	later(5000);
	cr_assert_eq(site.reads, 4, "and again when one is");
	end();
}

Test(door, a_list_that_cannot_be_used_takes_nobody_away)
{
	NEW(p);

	site.list = "uid:5 drive\n";
	begin(OPERATORS, "");
	come(p, 5, "ann");
	site.list = "uid:6 drive\nuid:5\n";
	later(5000);
	list_read();
	site.list_fails = "gone";
	later(5000);
	list_read();
	site.no_thread = true;
	later(5000);
	cr_assert(p->refused == 0 && p->roles == 0);
	site.no_thread = false;
	site.list_fails = NULL;
	site.list = "";
	later(5000);
	list_read();
	cr_assert_eq(p->refused, 1, "an empty one can be used");
	end();
}

Test(door, who_is_in_is_sent_away_once)
{
	NEW(p);
	NEW(q);

	site.list = "uid:5 drive\nuid:6 drive\n";
	begin(OPERATORS, "");
	come(p, 5, "ann");
	come(q, 6, "ben");
	site.list = "uid:6 drive\n";
	for (int i = 0; i < 3; i++) {
		later(5000);
		list_read();
	}
	cr_assert(p->refused == 1 && q->refused == 0);
	end();
}

Test(door, a_proof_that_has_not_come_takes_nobody_away)
{
	NEW(p);

	site.list = "uid:5 drive\n";
	begin(OPERATORS, "");
	knock(p, 5);
	list_read();
	later(5000);
	cr_assert_eq(p->admitted, 1);
	site.list = "user:ann drive\n";
	later(5000);
	list_read();
	cr_assert_eq(p->refused, 0);
	proof(p, "ben", false);
	later(5000);
	list_read();
	cr_assert_eq(p->refused, 1, "it is known now");
	end();
}

Test(door, a_line_with_another_role_gives_it)
{
	NEW(p);
	NEW(q);

	site.idle_ms = 30000;
	site.list = "uid:5 drive\nuid:6 read-only\n";
	begin(OPERATORS, "");
	come(p, 5, "ann");
	come(q, 6, "ben");
	later(5000);
	list_read();
	cr_assert(p->roles == 0 && q->roles == 0, "the same as before");
	site.list = "uid:5 read-only\nuid:6 drive\n";
	p->leaves = true;
	later(5000);
	list_read();
	cr_assert(p->roles == 1 && p->reader && q->roles == 1 && !q->reader);
	later(5000);
	list_read();
	cr_assert_eq(q->roles, 1);
	later(24999); /* its keys are idle from that moment on */
	cr_assert_eq(q->told, 0);
	later(2);
	cr_assert_eq(q->told, 1);
	end();
}

Test(door, who_may_act_from_now_on_has_keys_that_lock)
{
	NEW(p);

	site.idle_ms = 3000;
	site.list = "uid:5 read-only\n";
	begin(OPERATORS, "");
	come(p, 5, "ann");
	site.list = "uid:5 drive\n";
	later(5000);
	list_read();
	cr_assert(p->roles == 1 && p->told == 0);
	later(3001);
	cr_assert_eq(p->told, 1);
	end();
}

/* --- gone, wherever it was --- */

static void
each_state(bool leaves)
{
	NEW(looking);
	NEW(known);
	NEW(in);
	NEW(refused);
	NEW(asked);
	NEW(tried);
	NEW(late);
	struct peer *all[] = {looking, known, in, refused, asked, tried, late};

	site.list = "uid:5 drive\n";
	site.idle_ms = 60000;
	begin(OPERATORS, CREDENTIALS);
	for (size_t i = 0; i < 7; i++)
		all[i]->leaves = leaves;
	come(in, 5, "ann");
	site.descent = DESCENT_YES;
	knock(refused, 5);
	site.descent = DESCENT_NO;
	come(asked, 6, "ben");
	tried->leaves = false;
	come(tried, 7, "cat");
	try_password(tried, WRONG_ONE);
	knock(known, 5);
	proof(known, "ann", false);
	knock(looking, 5);
	knock(late, 8);
	later(5000);
	for (size_t i = 0; i < 7; i++)
		leave(all[i]);
	MUST(site.whos == 0 && site.tries == 0);
	end();
}

Test(door, who_goes_in_any_state_leaves_nothing_behind)
{
	GIVES_BACK(each_state(false));
	GIVES_BACK(each_state(true));
}

static void
one_life(void)
{
	NEW(in);
	NEW(waits);
	NEW(asked);

	site.list = "uid:5 drive\n";
	begin(OPERATORS, CREDENTIALS);
	come(in, 5, "ann");
	come(asked, 6, "ben");
	try_password(asked, WRONG_ONE);
	knock(waits, 5); /* a reading is under way at the end */
	end();
	site.list_fails = "gone";
	begin(OPERATORS, "");
	come(in, 5, "ann");
	end();
	site.list_fails = NULL;
	begin(OPERATORS, "");
	come(in, 5, "ann");
	in->leaves = true;
	site.list = "";
	later(5000);
	list_read();
	end();
}

Test(door, what_a_gate_took_it_gives_back_at_its_end)
{
	GIVES_BACK(one_life());
	gate_free(NULL);
}

Test(door, a_gate_that_ended_decides_nothing)
{
	NEW(p);

	site.list = "uid:5 drive\n";
	begin(OPERATORS, "");
	knock(p, 5);
	proof(p, "ann", false);
	end();
	cr_assert(p->admitted == 0 && p->refused == 0);
}

Test(door, who_never_knocked_is_nobody)
{
	NEW(p);
	NEW(stranger);

	begin("", "");
	knock(p, ME);
	leave(stranger);
	gate_active(site.gate, stranger);
	try_password(stranger, WRONG_ONE);
	try_unlock(stranger, WRONG_ONE);
	cr_assert_not(may(stranger, REQUEST_FETCH, "{}"));
	cr_assert(may(p, REQUEST_FETCH, "{}"));
	cr_assert(stranger->errors + stranger->told + stranger->asked == 0);
	end();
}
