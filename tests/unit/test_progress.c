/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What takes longer than a second: a verb's stages, countdowns, the guest's screen. */
#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "console/view/progress.h"
#include "console/view/view_screen.h"
#include "pictures.h"

#define MONO(ms) "\"seq\":0,\"at\":\"2026-11-26T03:12:07.000Z\",\"mono_ms\":" #ms ","
#define VERB(seq, ms, rest)                                                   \
	"{\"t\":\"verb\",\"seq\":" #seq                                       \
	",\"at\":\"2026-11-26T03:12:07.000Z\",\"by\":\"anna\",\"id\":\"v1\"," \
	"\"verb\":\"cycle\",\"asked\":\"operator\",\"mono_ms\":" #ms "," rest "}"
#define STAGE(seq, ms, stage, host) \
	VERB(seq, ms, "\"state\":\"stage\",\"stage\":\"" stage "\",\"ms\":" #host)
#define USUAL                                                                        \
	"{\"t\":\"state\"," MONO(1) "\"what\":\"usual\",\"verb\":\"cycle\",\"n\":7," \
				    "\"ms\":48000,\"stages\":["                      \
				    "{\"name\":\"forensics\",\"ms\":3100},"          \
				    "{\"name\":\"stop\",\"ms\":8000},"               \
				    "{\"name\":\"start\",\"ms\":4000},"              \
				    "{\"name\":\"boot\",\"ms\":12000},"              \
				    "{\"name\":\"ssh\",\"ms\":9000}]}"
#define SLOT                                                         \
	"{\"t\":\"state\"," MONO(                                    \
	    84000) "\"what\":\"slot\",\"holder\":\"anna\",\"verb\":" \
		   "\"cycle\",\"since\":84000}"

static struct screen s;

static const char *const facts_stopping[] = {SLOT, VERB(1, 84000, "\"state\":\"asked\""),
    VERB(2, 84000, "\"state\":\"confirmed\""),
    VERB(3, 84100, "\"state\":\"sent\",\"run\":\"r1\""), STAGE(4, 84200, "accepted", 0),
    STAGE(5, 84300, "forensics", 100), STAGE(6, 87200, "forensics-done", 3000),
    STAGE(7, 87300, "preflight", 3100),
    VERB(8, 88000,
	"\"state\":\"stage\",\"stage\":\"stopping\",\"ms\":3900,\"how\":\"qm\""),
    NULL};

static const char *const facts_climbing[] = {STAGE(9, 90000, "stopped", 5900),
    STAGE(10, 90001, "starting", 5901), STAGE(11, 92000, "verifying", 7900),
    STAGE(12, 94000, "running", 9900),
    VERB(13, 94100, "\"state\":\"finished\",\"exit\":0,\"ms\":10100"),
    "{\"t\":\"state\"," MONO(94100) "\"what\":\"slot\"}",
    "{\"t\":\"state\",\"seq\":14,\"at\":\"2026-11-26T03:12:17.000Z\",\"mono_ms\":98000,"
    "\"what\":\"proof\",\"when\":\"after\",\"verb\":\"cycle\",\"ms\":13900,\"rungs\":["
    "{\"rung\":\"tcp\",\"ok\":true,\"ms\":12200},{\"rung\":\"banner\",\"ok\":true,\"ms\":"
    "12300},{\"rung\":\"kex\",\"ok\":false},{\"rung\":\"auth\",\"ok\":false},{\"rung\":"
    "\"exec\",\"ok\":false},{\"rung\":\"sudo\",\"ok\":false},{\"rung\":\"disk\",\"ok\":"
    "false}]}",
    NULL};

static void
init(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	screen_init(&s);
	tell(&s, facts_quiet);
}

static void
fini(void)
{
	screen_fini(&s);
}

TestSuite(progress, .init = init, .fini = fini);

/* Something stands in the chat: what an empty one shows is another's business. */
static void
expect_sizes(const char *name)
{
	if (s.model.chat.count == 0)
		tell_one(&s,
		    "{\"t\":\"note\",\"seq\":90,\"by\":\"anna\",\"text\":\"the build "
		    "hangs since 03:05\"}");
	expect_picture(&s, 40, 15, name);
	expect_picture(&s, 80, 24, name);
	expect_picture(&s, 200, 50, name);
}

static const char *
status_line(void)
{
	static char text[256];

	return progress_verb(&s.model.vm, s.now, false, text, sizeof text);
}

Test(progress, a_cycle_says_where_it_is_and_how_long_that_takes_usually)
{
	tell_one(&s, USUAL);
	tell(&s, facts_stopping);
	s.now = 95000;
	expect_sizes("progress-stop");
	cr_assert_str_eq(status_line(), "cycle by anna 10 s: stop 7 s (usually 8 s)");
	cr_assert(layout_is_ticking(&s));
}

Test(progress, without_an_earlier_one_nothing_is_compared)
{
	tell(&s, facts_stopping);
	s.now = 95000;
	expect_sizes("progress-first");
	cr_assert_str_eq(status_line(), "cycle by anna 10 s: stop 7 s");
}

Test(progress, what_is_late_is_said_calmly_with_what_the_host_will_do)
{
	char late[160];

	tell_one(&s, USUAL);
	tell(&s, facts_stopping);
	s.now = 88000 + 15000;
	cr_assert_str_empty(
	    progress_late(&s.model.vm, s.now, late, sizeof late), "%s", late);
	s.now = 88000 + 17000;
	cr_assert_str_eq(progress_late(&s.model.vm, s.now, late, sizeof late),
	    "longer than usual: 17 s, usually 8 s; the host kills it at 20 s");
	expect_sizes("progress-late");
	s.now = 88000 + 41000;
	cr_assert_str_eq(progress_late(&s.model.vm, s.now, late, sizeof late),
	    "longer than usual: 41 s, usually 8 s");
}

Test(progress, past_the_limit_the_host_goes_on)
{
	tell(&s, facts_stopping);
	tell_one(
	    &s, VERB(20, 99000, "\"state\":\"waiting\",\"text\":\"no end after 240 s\""));
	expect_sizes("progress-waiting");
}

Test(progress, the_climb_speaks_the_same_language)
{
	tell_one(&s, USUAL);
	tell(&s, facts_stopping);
	tell(&s, facts_climbing);
	s.now = 101000;
	expect_sizes("progress-climb");
	cr_assert_eq(s.model.vm.course.state, COURSE_CLIMBING);
}

Test(progress, when_the_devvm_is_healthy_nothing_counts_any_more)
{
	tell_one(&s, USUAL);
	tell(&s, facts_stopping);
	tell(&s, facts_climbing);
	tell_one(&s,
	    "{\"t\":\"state\",\"seq\":15,\"mono_ms\":99000,\"what\":\"proof\",\"when\":"
	    "\"after\",\"verb\":\"cycle\",\"ms\":14900,\"done\":true,\"end\":\"healthy\","
	    "\"rungs\":[{\"rung\":\"auth\",\"ok\":true,\"ms\":13000}]}");
	cr_assert_eq(s.model.vm.course.state, COURSE_OVER);
	cr_assert(s.model.vm.course.healthy);
	cr_assert_eq(s.model.vm.course.whole_ms, 14900);
	cr_assert_eq(s.model.vm.course.took[COURSE_STOP], 2000);
	cr_assert_eq(s.model.vm.course.took[COURSE_HEALTHY], 1900);
	cr_assert_str_empty(status_line());
	cr_assert_not(layout_is_ticking(&s));
}

Test(progress, waiting_for_the_model_is_counted_here)
{
	char text[240];

	tell_one(&s,
	    "{\"t\":\"state\"," MONO(
		99000) "\"what\":\"agent\",\"state\":\"waiting\","
		       "\"driver\":\"api\",\"turn\":1,\"why\":"
		       "\"vendor: overloaded (529): retry 1 of 9 in 8.0 s\","
		       "\"retry_ms\":8000,\"attempt\":1,\"attempts\":9}");
	cr_assert_str_eq(progress_agent(&s.model.vm, 100000, text, sizeof text),
	    "asked again in 7 s, try 2 of 10; F8 stops: vendor: overloaded (529)");
	cr_assert(layout_is_ticking(&s));
	expect_sizes("progress-retry");
	cr_assert_str_eq(progress_agent(&s.model.vm, 107001, text, sizeof text),
	    "asked again now, try 2 of 10; F8 stops: vendor: overloaded (529)");
	tell_one(&s,
	    "{\"t\":\"state\"," MONO(99000) "\"what\":\"agent\",\"state\":\"working\","
					    "\"driver\":\"api\",\"turn\":1,"
					    "\"quiet_ms\":20000}");
	cr_assert_str_eq(progress_agent(&s.model.vm, 104000, text, sizeof text),
	    "no word from the model for 25 s");
	cr_assert_str_eq(progress_agent(&s.model.vm, 140000, text, sizeof text),
	    "no word from the model for 1 min 01 s; F8 stops it, the keys need no model");
	tell_one(&s,
	    "{\"t\":\"state\"," MONO(99500) "\"what\":\"agent\",\"state\":\"working\","
					    "\"driver\":\"api\",\"turn\":1}");
	cr_assert_str_empty(progress_agent(&s.model.vm, 104000, text, sizeof text));
	cr_assert_not(layout_is_ticking(&s));
}

Test(progress, a_link_says_what_it_waits_for)
{
	char text[64];

	tell_one(&s,
	    "{\"t\":\"state\"," MONO(
		97000) "\"what\":\"link\",\"host\":\"devvm\","
		       "\"state\":\"connecting\",\"step\":\"greeting\","
		       "\"since\":96000}");
	cr_assert_str_eq(
	    progress_link(&s.model.vm.link[VM_DEVVM], 100000, text, sizeof text),
	    "greeting 4 s");
	cr_assert(layout_is_ticking(&s));
	cr_assert_str_empty(
	    progress_link(&s.model.vm.link[VM_DEVVM], 96500, text, sizeof text));
}

/* Whatever a host says of its stages: no time is believed that cannot be. */
Test(progress, stages_out_of_order_or_out_of_time_crash_nothing)
{
	static const char *const phases[] = {"running", "stopping", "accepted",
	    "verifying", "killing", "nonsense", "stopped", "starting", "failed",
	    "\\u001b[2J"};
	char fact[400];
	struct canvas c;

	canvas_init(&c, 80, 24);
	tell_one(&s, USUAL);
	tell_one(&s, VERB(2, 84000, "\"state\":\"confirmed\""));
	for (int i = 0; i < 60; i++) {
		snprintf(fact, sizeof fact,
		    "{\"t\":\"verb\",\"seq\":%d,\"id\":\"v1\",\"verb\":\"cycle\",\"state\":"
		    "\"stage\",\"stage\":\"%s\",\"ms\":%d,\"mono_ms\":%d}",
		    i + 3, phases[i * 7 % 10], i % 3 ? -i * 1000000 : 2000000000,
		    i % 2 ? 5 : 99000 - i);
		tell_one(&s, fact);
		canvas_clear(&c);
		layout_draw(&s, &c);
	}
	canvas_fini(&c);
}

/* --- the guest's screen --- */

#define SCREEN_FACT                                                                      \
	"{\"t\":\"state\",\"seq\":21,\"at\":\"2026-11-26T03:10:07.000Z\",\"mono_ms\":"   \
	"20000,\"what\":\"screen\",\"id\":\"v3\",\"kind\":\"text\",\"checked\":20000,"   \
	"\"says\":\"panic\",\"above\":[\"[  101.2] Out of memory: Killed process 4711 "  \
	"(java) total-vm:12345kB, anon-rss:8123kB\"],\"lines\":["                        \
	"\"[  123.451023] CPU: 0 PID: 1 Comm: init Not tainted 6.1.0-18-cloud-amd64\","  \
	"\"[  123.451112] Call Trace:\",\"[  123.451200]  dump_stack_lvl+0x44/0x5c\","   \
	"\"\","                                                                          \
	"\"[  123.451301] Kernel panic - not syncing: Attempted to kill init! "          \
	"exitcode=0x0000000b\","                                                         \
	"\"[  123.451400] ---[ end Kernel panic - not syncing: Attempted to kill init! " \
	"]---\"],\"matters\":[{\"row\":0,\"says\":\"oom\"},{\"row\":5,\"says\":"         \
	"\"panic\"},{\"row\":6,\"says\":\"panic\"},{\"row\":99,\"says\":\"oom\"},"       \
	"{\"row\":-1,\"says\":\"oom\"}]}"
#define SCREEN_VERDICT                                                                   \
	"{\"t\":\"verdict\",\"seq\":22,\"mono_ms\":21000,\"word\":\"panic\",\"advice\":" \
	"\"reset\",\"id\":\"v3\",\"checked\":21000,\"evidence\":[\"host: the screen's "  \
	"picture is saved: /var/lib/breakglass/incidents/20261126T031007Z-a1b2-v3.png\"]}"

Test(progress, the_guests_screen_is_a_page_with_what_matters_first)
{
	tell_one(&s, SCREEN_FACT);
	tell_one(&s, SCREEN_VERDICT);
	s.page = PAGE_SCREEN;
	expect_sizes("screen-panic");
	cr_assert_eq(s.model.screen.rows, 7);
	cr_assert_eq(s.model.screen.above, 1);
}

Test(progress, a_screen_without_text_says_where_its_picture_is)
{
	tell_one(&s,
	    "{\"t\":\"state\",\"seq\":21,\"mono_ms\":99000,\"what\":\"screen\",\"id\":"
	    "\"v3\",\"kind\":\"graphics\",\"checked\":99000}");
	tell_one(&s, SCREEN_VERDICT);
	s.page = PAGE_SCREEN;
	expect_sizes("screen-graphics");
}

Test(progress, before_the_first_capture_the_page_says_how_to_get_one)
{
	s.page = PAGE_SCREEN;
	expect_sizes("screen-none");
}

/* No control character, C1 in UTF-8 among them, and none that turns a row round. */
static bool
is_plain(const char *text, size_t len)
{
	const char *end = text + len;

	while (text < end) {
		uint32_t u;

		text += text_decode(text, (size_t)(end - text), &u);
		if (u < 0x20 || (u >= 0x7f && u < 0xa0) || u == 0x61c || u == 0x200e ||
		    u == 0x200f || (u >= 0x202a && u <= 0x202e) ||
		    (u >= 0x2066 && u <= 0x2069))
			return false;
	}
	return true;
}

/* Each of the corpus as a row of the screen: what is drawn is plain. */
Test(progress, hostile_rows_come_out_clean)
{
	FILE *f = fopen(FIXTURES_DIR "/hostile-terminal.jsonl", "r");
	char line[16384];
	struct err err;
	int n = 0;

	cr_assert_not_null(f);
	while (fgets(line, sizeof line, f)) {
		struct js *one = js_parse(line, strlen(line), &err), *fact = js_new();
		struct js *rows = js_array();
		const char *hex = one ? js_str(one, "hex") : NULL;
		char row[512];
		size_t len = 0;
		unsigned byte;
		struct lines l;

		for (; hex && len < sizeof row && sscanf(hex, "%2x", &byte) == 1;
		     hex += 2)
			row[len++] = (char)byte;
		row[len < sizeof row ? len : sizeof row - 1] = '\0';
		js_set_str(fact, "what", "screen");
		if (row[0] && text_is_utf8(row, strlen(row))) {
			js_add_str(rows, row);
			n++;
		}
		js_set(fact, "lines", rows);
		screen_read(&s.model.screen, fact);
		lines_init(&l, 38);
		view_screen_render(&l, &s.model.screen, 0);
		for (size_t i = 0; i < l.count; i++)
			cr_assert(is_plain(l.line[i].text, l.line[i].len), "%s", line);
		lines_fini(&l);
		js_free(fact);
		js_free(one);
	}
	fclose(f);
	cr_assert_gt(n, 100, "%d", n);
}

/* --- a shell on the devvm --- */

Test(progress, a_shell_that_does_not_come_is_counted_on_the_prompts_row)
{
	char text[96];

	s.shell_asked = 97000;
	cr_assert(layout_is_ticking(&s));
	expect_sizes("progress-shell");
	cr_assert_str_eq(progress_shell(97000, 97500, text, sizeof text),
	    "asks for a shell; Esc gives up");
}

Test(progress, a_shell_that_is_refused_says_why_and_what_to_do)
{
	tell_one(&s,
	    "{\"t\":\"state\"," MONO(
		99000) "\"what\":\"link\",\"host\":\"devvm\","
		       "\"state\":\"down\",\"why\":\"devvm did not answer within 5 s: is it "
		       "switched off, hung, or cut off by a firewall?\"}");
	tell_one(&s,
	    "{\"t\":\"error\",\"seq\":0,\"where\":\"shell\",\"text\":\"no shell: "
	    "devvm did not answer within 5 s: is it switched off, hung, or cut off by a "
	    "firewall?\",\"todo\":\"F3 says what is wrong there; the power keys need no "
	    "ssh\"}");
	expect_sizes("shell-refused");
}

Test(progress, the_others_see_whose_shell_is_open)
{
	tell_one(&s,
	    "{\"t\":\"state\"," MONO(99000) "\"what\":\"shells\",\"open\":1,"
					    "\"who\":\"ann\"}");
	expect_sizes("shell-other");
}
