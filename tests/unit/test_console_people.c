/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is seen of those who are here, and what one who watches may not. */
#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "console/action/action.h"
#include "console/view/view_banner.h"
#include "pictures.h"

#define YOU                                                                        \
	"{\"t\":\"welcome\",\"seq\":0,\"v\":1,\"mono_ms\":100000,\"you\":\"ben\"," \
	"\"incident\":\"2026-11-26-a\"}"
#define ROW(name, proof, tty, more)                                              \
	"{\"name\":\"" name "\",\"proof\":\"" proof "\",\"tty\":\"/dev/pts/" tty \
	"\",\"since\":\"2026-11-26T03:10:00.000Z\"" more "}"
#define DRIVES ",\"driving\":true,\"driving_since\":\"2026-11-26T03:12:07.000Z\""
#define ANN \
	"ssh key SHA256:uFPmQEnkKkl9kZCcG0rGYTJ6vT8dDkM0pYvmOOEcGkA of alice from 10.1.2.3"
#define HERE(rows) \
	"{\"t\":\"state\",\"seq\":0,\"what\":\"here\",\"operators\":[" rows "]}"

static const char *const facts_drive[] = {YOU,
    HERE(ROW("ann", ANN, "3", "") "," ROW(
	"ben", "sudo by ben (login uid 1001)", "4", DRIVES)),
    NULL};
static const char *const facts_watch[] = {YOU,
    HERE(ROW("ann", ANN, "3", DRIVES) "," ROW("ben", "sudo by ben (login uid 1001)", "4",
	"") "," ROW("eve", "kubectl exec: unproven", "7", ",\"read_only\":true")),
    NULL};
static const char *const facts_free[] = {
    YOU, HERE(ROW("ann", ANN, "3", "") "," ROW("ben", "uid 1000 ops", "4", "")), NULL};

struct rig {
	struct screen s;
	struct action_context ctx;
	char sent[256]; /* the last request */
	int count;
};

static int
on_send(void *arg, struct js *request, struct err *err)
{
	struct rig *r = arg;
	struct buf b;

	buf_init(&b, sizeof r->sent);
	cr_assert_eq(js_print(request, &b), 0);
	snprintf(r->sent, sizeof r->sent, "%.*s", (int)b.len, b.data);
	buf_fini(&b);
	js_free(request);
	r->count++;
	return 0;
}

static void
begin(struct rig *r, const char *const *facts)
{
	setlocale(LC_ALL, "C.UTF-8");
	memset(r, 0, sizeof *r);
	screen_init(&r->s);
	r->s.link_up = true;
	r->s.now = 100000;
	tell(&r->s, facts_quiet);
	tell(&r->s, facts);
	r->ctx = (struct action_context){.screen = &r->s, .send = on_send, .arg = r};
}

static const char *
last_said(struct rig *r)
{
	struct transcript *t = &r->s.model.chat;

	return t->count ? transcript_at(t, t->count - 1)->text.data : "";
}

Test(people, the_top_line_says_who_drives)
{
	struct rig r;

	begin(&r, facts_drive);
	expect_pictures(&r.s, "who-drive");
	screen_fini(&r.s);
	begin(&r, facts_free);
	expect_pictures(&r.s, "who-free");
	screen_fini(&r.s);
}

Test(people, a_watcher_is_told_what_to_press)
{
	struct rig r;

	begin(&r, facts_watch);
	expect_pictures(&r.s, "who-watch");
	screen_fini(&r.s);
}

Test(people, who_lost_the_baton_sees_a_bar_until_it_is_closed)
{
	struct banner all[BANNERS_MAX];
	struct rig r;
	int before;

	begin(&r, facts_drive);
	before = view_banner_list(&r.s, all);
	tell(&r.s, facts_watch);
	expect_pictures(&r.s, "who-lost");
	cr_assert_eq(view_banner_list(&r.s, all), before + 1);
	action_run(&r.ctx, ACTION_WATCH, "");
	cr_assert_eq(view_banner_list(&r.s, all), before);
	cr_assert_eq(r.count, 0, "there is nothing to give back");
	screen_fini(&r.s);
}

Test(people, the_page_says_how_well_each_is_proven)
{
	struct rig r;

	begin(&r, facts_watch);
	action_run(&r.ctx, ACTION_WHO, "");
	expect_pictures(&r.s, "who-page");
	screen_fini(&r.s);
}

Test(people, a_read_only_console_says_so)
{
	struct rig r;

	begin(&r, facts_watch);
	r.s.read_only = true;
	expect_pictures(&r.s, "who-readonly");
	screen_fini(&r.s);
}

Test(people, no_key_of_a_watcher_opens_a_box_or_sends_anything)
{
	static const struct {
		enum action action;
		const char *args;
	} all[] = {{ACTION_VERB_CYCLE, ""}, {ACTION_VERB_FORENSICS, ""},
	    {ACTION_SHELL, ""}, {ACTION_TRIAGE, ""}, {ACTION_RUNBOOK, "disk"},
	    {ACTION_OFFLINE, "disk"}, {ACTION_ANSWER, "y"}, {ACTION_END, "r1"},
	    {ACTION_ACCEPT, "pve"}, {ACTION_NEW, ""}, {ACTION_CLOSE, ""},
	    {ACTION_AGENT, "api"}};
	struct rig r;

	begin(&r, facts_watch);
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		action_run(&r.ctx, all[i].action, all[i].args);
		cr_assert(strstr(last_said(&r),
			      "ann drives since 03:12:07 UTC: /drive takes over"),
		    "%zu: %s", i, last_said(&r));
		cr_assert(
		    !r.s.confirm.open && !r.s.ask.open && !r.ctx.shell && r.count == 0,
		    "%zu", i);
	}
	action_line(&r.ctx, "restart it");
	cr_assert_eq(r.count, 0);
	screen_fini(&r.s);
}

Test(people, a_watcher_may_look_speak_and_hold_things_up)
{
	static const enum action all[] = {ACTION_VERB_STATUS, ACTION_CANCEL,
	    ACTION_OBSERVE, ACTION_LOWER, ACTION_DRIVE};
	struct rig r;
	int n = 0;

	begin(&r, facts_watch);
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		action_run(&r.ctx, all[i], "");
		cr_assert_eq(r.count, ++n, "%zu: %s", i, last_said(&r));
	}
	cr_assert_str_eq(r.sent, "{\"t\":\"drive\"}");
	action_run(&r.ctx, ACTION_NOTE, "look at the disk");
	cr_assert_eq(r.count, ++n);
	screen_fini(&r.s);
}

Test(people, an_open_box_closes_when_the_baton_is_lost)
{
	struct rig r;

	begin(&r, facts_drive);
	action_run(&r.ctx, ACTION_VERB_CYCLE, "");
	cr_assert(r.s.confirm.open);
	action_people_news(&r.ctx);
	cr_assert(r.s.confirm.open, "we drive");
	tell(&r.s, facts_watch);
	action_people_news(&r.ctx);
	cr_assert(!r.s.confirm.open);
	cr_assert(strstr(last_said(&r), "cycle: closed, nothing was sent: ann drives"),
	    "%s", last_said(&r));
	cr_assert_eq(r.count, 0);
	screen_fini(&r.s);
}

Test(people, who_drives_gives_it_back_by_watch)
{
	struct rig r;

	begin(&r, facts_drive);
	action_run(&r.ctx, ACTION_DRIVE, "");
	cr_assert_eq(r.count, 0, "already");
	action_run(&r.ctx, ACTION_WATCH, "");
	cr_assert_str_eq(r.sent, "{\"t\":\"drive\",\"release\":true}");
	screen_fini(&r.s);
}
