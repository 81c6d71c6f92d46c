/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The box for a password and for locked keys: what it shows, sends and forgets. */
#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "console/action/action.h"
#include "console/view/view_banner.h"
#include "console/view/view_gate.h"
#include "pictures.h"

#define GATE                                                                           \
	"{\"t\":\"gate\",\"seq\":0,\"gate\":\"credential\",\"name\":\"ann\",\"text\":" \
	"\"the operator list does not name you (uid 1000 ann)\"}"
#define LOCK(how, text)                                                           \
	"{\"t\":\"state\",\"seq\":0,\"what\":\"lock\",\"on\":true,\"how\":\"" how \
	"\",\"text\":\"" text "\"}"
#define LOCKED LOCK("key", "no key was pressed here for 10 min")
#define LOCKED_PASSWORD  \
	LOCK("password", \
	    "no key was pressed here for 10 min; a password unlocks, or attach again")
#define OPEN "{\"t\":\"state\",\"seq\":0,\"what\":\"lock\",\"on\":false}"

struct rig {
	struct screen s;
	struct action_context ctx;
	int sent, unlocks;
	char name[64], password[300];
	size_t len;
	bool refuse;
};

static int
on_send(void *arg, struct js *request, struct err *err)
{
	struct rig *r = arg;

	js_free(request);
	r->sent++;
	return 0;
}

static int
on_unlock(void *arg, const char *name, const char *password, size_t len, struct err *err)
{
	struct rig *r = arg;

	r->unlocks++;
	snprintf(r->name, sizeof r->name, "%s", name ? name : "(key)");
	snprintf(r->password, sizeof r->password, "%s", password ? password : "(key)");
	r->len = len;
	return r->refuse ? err_set(err, ERR_UNREACHABLE, "no connection") : 0;
}

static void
begin(struct rig *r)
{
	setlocale(LC_ALL, "C.UTF-8");
	memset(r, 0, sizeof *r);
	screen_init(&r->s);
	r->s.link_up = true;
	r->s.now = 100000;
	tell(&r->s, facts_quiet);
	r->ctx = (struct action_context){
	    .screen = &r->s, .send = on_send, .unlock = on_unlock, .arg = r};
}

/* As console.c does: the model first, then the box. */
static void
fact(struct rig *r, const char *text)
{
	const char *one[] = {text, NULL};
	struct err err;
	struct js *m = js_parse(text, strlen(text), &err);
	int64_t now = r->s.now;

	tell(&r->s, one);
	r->s.now = now; /* tell sets it to that of the facts */
	action_gate_fact(&r->ctx, m);
	js_free(m);
}

static void
key(struct rig *r, enum input_kind kind, int n, const char *text)
{
	struct input in = {.kind = kind, .n = n};

	snprintf(in.text, sizeof in.text, "%s", text);
	action_gate_key(&r->ctx, &in);
}

static void
type(struct rig *r, const char *text)
{
	for (; *text; text++)
		key(r, INPUT_CHAR, 0, (char[]){*text, '\0'});
}

static void
enter(struct rig *r)
{
	key(r, INPUT_ENTER, 0, "");
}

Test(gate, asks_for_a_name_and_its_password)
{
	struct rig r;

	begin(&r);
	fact(&r, GATE);
	cr_assert(r.s.gate.open && !r.ctx.opened);
	expect_all_sizes(&r.s, "gate-attach");
	enter(&r);
	cr_assert(!r.s.gate.in_password, "it is deaf at first");
	r.s.now += GATE_DEAF_MS;
	enter(&r);
	type(&r, "secret");
	cr_assert(r.s.gate.in_password && r.s.gate.len == 6);
	enter(&r);
	cr_assert_eq(r.unlocks, 1);
	cr_assert_str_eq(r.name, "ann");
	cr_assert(strcmp(r.password, "secret") == 0 && r.len == 6);
	cr_assert(r.s.gate.sent && r.s.gate.len == 0 && r.s.gate.password[0] == '\0');
	enter(&r);
	type(&r, "more");
	cr_assert(r.unlocks == 1 && r.s.gate.len == 0, "one at a time");
	fact(&r,
	    "{\"t\":\"gate\",\"seq\":0,\"gate\":\"credential\",\"name\":\"ann\",\"text\":"
	    "\"that name and that password do not belong together; the next one is looked at in 1 s\"}");
	cr_assert(r.s.gate.open && !r.s.gate.sent && r.s.gate.in_password);
	type(&r, "x");
	expect_all_sizes(&r.s, "gate-wrong");
	fact(&r, "{\"t\":\"welcome\",\"seq\":0,\"v\":1,\"mono_ms\":100000}");
	cr_assert(!r.s.gate.open && r.s.gate.password[0] == '\0');
	screen_fini(&r.s);
}

Test(gate, takes_what_is_typed_pasted_and_rubbed_out)
{
	struct input in = {.kind = INPUT_PASTE};
	struct rig r;

	begin(&r);
	fact(&r, GATE);
	r.s.now += GATE_DEAF_MS;
	type(&r, "e b");
	cr_assert_str_eq(r.s.gate.name, "anneb", "a name has no blanks");
	key(&r, INPUT_BACKSPACE, 0, "");
	cr_assert_str_eq(r.s.gate.name, "anne");
	key(&r, INPUT_CTRL, 'U', "");
	enter(&r);
	cr_assert(!r.s.gate.in_password, "nobody has no password");
	type(&r, "n2345678901234567890123456789012345");
	cr_assert_eq(strlen(r.s.gate.name), GATE_NAME_MAX);
	key(&r, INPUT_TAB, 0, "");
	enter(&r);
	cr_assert_eq(r.unlocks, 0, "an empty password is not sent");
	in.paste = "p\xc3\xa4ss\r\n";
	in.paste_len = 7;
	action_gate_key(&r.ctx, &in);
	cr_assert_eq(r.s.gate.len, 5);
	key(&r, INPUT_BACKSPACE, 0, "");
	key(&r, INPUT_BACKSPACE, 0, "");
	key(&r, INPUT_BACKSPACE, 0, "");
	cr_assert(r.s.gate.len == 1 && strcmp(r.s.gate.password, "p") == 0,
	    "a letter is rubbed out whole");
	in.paste = "a\nb";
	in.paste_len = 3;
	action_gate_key(&r.ctx, &in);
	in.cut = true;
	in.paste = "cut";
	action_gate_key(&r.ctx, &in);
	cr_assert_eq(r.s.gate.len, 1);
	key(&r, INPUT_CTRL, 'U', "");
	cr_assert_eq(r.s.gate.len, 0);
	key(&r, INPUT_BACKSPACE, 0, "");
	for (int i = 0; i < 300; i++)
		type(&r, "x");
	cr_assert_eq(r.s.gate.len, GATE_PASSWORD_MAX);
	enter(&r);
	cr_assert(r.len == GATE_PASSWORD_MAX && strlen(r.password) == GATE_PASSWORD_MAX);
	screen_fini(&r.s);
}

Test(gate, esc_leaves_before_the_welcome)
{
	struct rig r;

	begin(&r);
	fact(&r, GATE);
	r.s.now += GATE_DEAF_MS;
	enter(&r);
	type(&r, "secret");
	key(&r, INPUT_ESC, 0, "");
	cr_assert(!r.s.gate.open && r.ctx.quit && r.s.gate.password[0] == '\0');
	screen_fini(&r.s);
}

Test(gate, a_locked_key_opens_the_box_and_nothing_is_sent)
{
	static const enum action held[] = {ACTION_VERB_CYCLE, ACTION_VERB_FORENSICS,
	    ACTION_SHELL, ACTION_TRIAGE, ACTION_DRIVE, ACTION_NEW, ACTION_ANSWER};
	static const enum action freed[] = {
	    ACTION_VERB_STATUS, ACTION_CANCEL, ACTION_OBSERVE};
	struct rig r;

	begin(&r);
	fact(&r, LOCKED);
	cr_assert(!r.s.gate.open, "the view goes on");
	expect_all_sizes(&r.s, "gate-locked");
	for (size_t i = 0; i < sizeof held / sizeof held[0]; i++) {
		action_run(&r.ctx, held[i], "");
		cr_assert(
		    r.s.gate.open && r.s.gate.what == GATE_KEY && r.sent == 0, "%zu", i);
		gate_box_close(&r.s.gate);
	}
	for (size_t i = 0; i < sizeof freed / sizeof freed[0]; i++)
		action_run(&r.ctx, freed[i], "");
	cr_assert(!r.s.gate.open && r.sent == 3);
	action_line(&r.ctx, "please cycle it");
	cr_assert(r.s.gate.open && r.sent == 3);
	expect_all_sizes(&r.s, "gate-key");
	r.s.now += GATE_DEAF_MS;
	type(&r, "y");
	enter(&r);
	cr_assert(r.unlocks == 1 && strcmp(r.name, "(key)") == 0);
	fact(&r, OPEN);
	cr_assert(!r.s.gate.open);
	action_run(&r.ctx, ACTION_VERB_CYCLE, "");
	cr_assert(r.s.confirm.open, "the key acts again");
	screen_fini(&r.s);
}

Test(gate, a_lock_with_credentials_wants_a_password)
{
	struct rig r;

	begin(&r);
	fact(&r, LOCKED_PASSWORD);
	action_line(&r.ctx, "");
	cr_assert(r.s.gate.open && r.s.gate.what == GATE_UNLOCK);
	expect_all_sizes(&r.s, "gate-unlock");
	r.s.now += GATE_DEAF_MS;
	key(&r, INPUT_CTRL, 'U', "");
	type(&r, "oncall");
	enter(&r);
	type(&r, "secret");
	enter(&r);
	cr_assert(strcmp(r.name, "oncall") == 0 && r.unlocks == 1);
	fact(&r,
	    "{\"t\":\"error\",\"seq\":0,\"where\":\"unlock\",\"text\":\"they do not belong together\"}");
	cr_assert(r.s.gate.open && !r.s.gate.sent);
	key(&r, INPUT_ESC, 0, "");
	cr_assert(!r.s.gate.open && !r.ctx.quit, "it stays locked, and he stays");
	action_run(&r.ctx, ACTION_UNLOCK, "");
	r.s.now += GATE_DEAF_MS;
	r.refuse = true;
	type(&r, "oncall");
	enter(&r);
	type(&r, "secret");
	enter(&r);
	cr_assert(!r.s.gate.open && r.s.gate.password[0] == '\0', "it went nowhere");
	fact(&r, OPEN);
	action_run(&r.ctx, ACTION_UNLOCK, "");
	cr_assert(!r.s.gate.open, "nothing is locked");
	screen_fini(&r.s);
}

Test(gate, who_only_reads_is_not_told_of_a_lock)
{
	struct banner all[BANNERS_MAX];
	struct rig r;
	int n;

	begin(&r);
	fact(&r, LOCKED);
	n = view_banner_list(&r.s, all);
	r.s.read_only = true;
	cr_assert_eq(view_banner_list(&r.s, all), n - 1);
	model_attach(&r.s.model);
	cr_assert(!r.s.model.lock.on, "who comes anew is not idle");
	screen_fini(&r.s);
}
