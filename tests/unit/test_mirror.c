/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines without bodies, events of notify_command, and facts as lines for a person. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "engine/record/mirror_log.h"
#include "engine/remote/line.h"
#include "engine/record/mirror.h"
#include "engine/record/notify.h"
#include "wire/fact_line.h"

static struct js *
parsed(const char *text)
{
	struct err err;
	struct js *m = js_parse(text, strlen(text), &err);

	cr_assert(m, "%s: %s", text, err.words);
	return m;
}

static void
cuts_to(enum fact kind, const char *text, const char *want)
{
	struct js *m = parsed(text);
	struct line *l = line_raw(text, strlen(text) + 1);
	struct buf out;

	l->data[l->len - 1] = '\n';
	l->kind = kind;
	buf_init(&out, 64 * 1024);
	mirror_cut(l, &out);
	cr_assert_str_eq(buf_str(&out), want);
	buf_fini(&out);
	line_free(l);
	js_free(m);
}

Test(mirror, output_goes_without_its_data)
{
	cuts_to(FACT_OUTPUT,
	    "{\"t\":\"output\",\"seq\":7,\"id\":\"r1\",\"len\":3,\"data\":\"a\\\"b\",\"h\":\"00\"}",
	    "{\"t\":\"output\",\"seq\":7,\"id\":\"r1\",\"len\":3,\"h\":\"00\"}");
	cuts_to(FACT_OUTPUT, "{\"t\":\"output\",\"len\":1,\"data_b64\":\"/w==\"}",
	    "{\"t\":\"output\",\"len\":1}");
	cuts_to(FACT_OUTPUT,
	    "{\"t\":\"output\",\"data\":\",\\\"data\\\":\\\"x\\\",\\\\\",\"h\":\"0\"}",
	    "{\"t\":\"output\",\"h\":\"0\"}");
	cuts_to(
	    FACT_OUTPUT, "{\"t\":\"output\",\"len\":0}", "{\"t\":\"output\",\"len\":0}");
}

Test(mirror, a_text_is_told_by_its_length_in_bytes)
{
	/* "a", a quote, a line end, U+00E9, U+20AC, U+1F600: 1+1+1+2+3+4 */
	cuts_to(FACT_TEXT,
	    "{\"t\":\"text\",\"text\":\"a\\\"\\n\\u00e9\\u20ac\\ud83d\\ude00\",\"block\":1}",
	    "{\"t\":\"text\",\"bytes\":12,\"block\":1}");
	cuts_to(FACT_PROMPT, "{\"t\":\"prompt\",\"turn\":1,\"text\":\"\"}",
	    "{\"t\":\"prompt\",\"turn\":1,\"bytes\":0}");
	cuts_to(FACT_PROMPT,
	    "{\"t\":\"prompt\",\"by\":\",\\\"text\\\":\\\"x\",\"text\":\"yy\"}",
	    "{\"t\":\"prompt\",\"by\":\",\\\"text\\\":\\\"x\",\"bytes\":2}");
}

Test(mirror, other_records_stay_whole)
{
	cuts_to(FACT_NOTE, "{\"t\":\"note\",\"text\":\"x\",\"data\":\"y\"}",
	    "{\"t\":\"note\",\"text\":\"x\",\"data\":\"y\"}");
}

Test(mirror, a_string_that_does_not_end_is_no_way_out_of_the_line)
{
	static const char *const bad[] = {"{\"t\":\"output\",\"data\":\"",
	    "{\"t\":\"output\",\"data\":\"a\\", "{\"t\":\"output\",\"data\":\"\\u12",
	    "{\"t\":\"output\",\"data\":\"\\u123\""};
	struct buf out;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct line *l = line_raw(bad[i], strlen(bad[i]) + 1);

		l->kind = FACT_OUTPUT;
		buf_init(&out, 1000);
		mirror_cut(l, &out);
		buf_fini(&out);
		line_free(l);
	}
}

static const char *
event(const char *text, char word[NOTIFY_WORD_MAX])
{
	struct js *m = parsed(text);
	const char *name = notify_event(m, word);

	js_free(m);
	return name ? name : "";
}

Test(notify, tells_of_consoles_mutating_verbs_and_new_verdicts)
{
	char word[NOTIFY_WORD_MAX] = "";

	cr_assert_str_eq(
	    event("{\"t\":\"operator\",\"state\":\"attached\"}", word), "attached");
	cr_assert_str_eq(
	    event("{\"t\":\"operator\",\"state\":\"driving\"}", word), "driving");
	cr_assert_str_eq(event("{\"t\":\"operator\",\"state\":\"detached\"}", word), "");
	cr_assert_str_eq(
	    event("{\"t\":\"operator\",\"state\":\"attached\",\"again\":true}", word),
	    "");
	cr_assert_str_eq(
	    event(
		"{\"t\":\"operator\",\"state\":\"attached\",\"role\":\"command\"}", word),
	    "");
	cr_assert_str_eq(
	    event("{\"t\":\"verb\",\"verb\":\"cycle\",\"state\":\"confirmed\"}", word),
	    "confirmed");
	cr_assert_str_eq(
	    event("{\"t\":\"verb\",\"verb\":\"cycle\",\"state\":\"unknown\"}", word),
	    "unknown");
	cr_assert_str_eq(
	    event("{\"t\":\"verb\",\"verb\":\"cycle\",\"state\":\"sent\"}", word), "");
	cr_assert_str_eq(
	    event("{\"t\":\"verb\",\"verb\":\"status\",\"state\":\"finished\"}", word),
	    "");
	cr_assert_str_eq(
	    event("{\"t\":\"verb\",\"verb\":\"rm\",\"state\":\"finished\"}", word), "");
	cr_assert_str_eq(event("{\"t\":\"verdict\",\"word\":\"hung\"}", word), "verdict");
	cr_assert_str_eq(event("{\"t\":\"verdict\",\"word\":\"hung\"}", word), "");
	cr_assert_str_eq(
	    event("{\"t\":\"verdict\",\"word\":\"healthy\"}", word), "verdict");
	cr_assert_str_eq(event("{\"t\":\"note\",\"state\":\"attached\"}", word), "");
}

static void
reads(const char *text, const char *want)
{
	struct js *m = parsed(text);
	struct buf out;

	buf_init(&out, FACT_LINE_MAX);
	cr_assert_eq(fact_line(m, &out), want != NULL);
	cr_assert_str_eq(buf_str(&out), want ? want : "");
	buf_fini(&out);
	js_free(m);
}

Test(fact_line, says_when_who_and_what)
{
	reads(
	    "{\"t\":\"note\",\"at\":\"2026-01-31T03:12:07.123Z\",\"by\":\"ann\",\"text\":\"x\\ny\\n\"}",
	    "03:12:07 ann note: x | y");
	reads(
	    "{\"t\":\"verb\",\"at\":\"2026-01-31T03:12:07.123Z\",\"by\":\"ann\",\"id\":\"v3\","
	    "\"verb\":\"cycle\",\"state\":\"finished\",\"exit\":0,\"result\":\"done\"}",
	    "03:12:07 ann cycle v3 finished, exit 0: done");
	reads(
	    "{\"t\":\"state\",\"at\":\"x\",\"by\":\"engine\",\"what\":\"slot\",\"holder\":\"ann\","
	    "\"since\":5,\"ok\":true,\"runs\":[\"r1\"]}",
	    "--:--:-- engine state slot: holder ann  since 5  ok yes  runs [\"r1\"]");
	reads("{\"t\":\"later\",\"by\":\"engine\",\"x\":1.5}",
	    "--:--:-- engine later x 1.5");
	reads("{\"t\":\"delta\",\"text\":\"x\"}", NULL);
	reads("{}", "--:--:-- ");
}

static void
words(const char *text, const char *but, const char *want)
{
	struct js *m = parsed(text);
	struct buf out;

	buf_init(&out, FACT_LINE_MAX);
	fact_words(m, but, &out);
	cr_assert_str_eq(buf_str(&out), want);
	buf_fini(&out);
	js_free(m);
}

Test(fact_line, leaves_out_what_is_shown_elsewhere_with_its_punctuation)
{
	static const char ask[] = "{\"t\":\"ask\",\"id\":\"q1\",\"text\":\"May it?\","
				  "\"command\":\"ls\"}";

	words("{\"t\":\"note\",\"text\":\"x\"}", "text", "note");
	words(ask, "command", "asks q1: May it?");
	words(ask, NULL, "asks q1: May it? [ls]");
	words("{\"t\":\"note\",\"text\":\"x\"}", "", "note: x");
}

Test(mirror, a_line_of_the_system_log_is_printable_ascii)
{
	char dir[] = "/tmp/bg-mirror-XXXXXX", path[64], got[512];
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct timeval wait = {.tv_sec = 10};
	struct mirror_log *l;
	uv_loop_t loop;
	ssize_t n;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/log", dir);
	snprintf(sa.sun_path, sizeof sa.sun_path, "%s", path);
	cr_assert_eq(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	uv_loop_init(&loop);
	l = mirror_log_new(&loop, path);
	mirror_log_say(l, "a\nb\x1b[2J\xe2\x80\xae\x7f end");
	n = recv(fd, got, sizeof got - 1, 0);
	cr_assert_gt(n, 0);
	got[n] = '\0';
	for (ssize_t i = 0; i < n; i++)
		cr_assert(got[i] >= 0x20 && got[i] < 0x7f, "byte %zd: %02x", i, got[i]);
	cr_assert(strstr(got, "]: a\\x0ab\\x1b[2J\\xe2\\x80\\xae\\x7f end"), "%s", got);
	mirror_log_free(l);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	close(fd);
	unlink(path);
	rmdir(dir);
}
