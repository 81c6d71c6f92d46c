/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The conversation: what it shows, opens, goes to and copies. */
#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "console/action/action_chat.h"
#include "console/draw/markdown.h"
#include "markdowns.h"
#include "pictures.h"

static struct screen s;
static char sent[8][256];
static int sends;

static int
on_send(void *arg, struct js *m, struct err *err)
{
	struct buf text;

	cr_assert_lt(sends, 8);
	buf_init(&text, 4096);
	cr_assert(js_print(m, &text) == 0);
	snprintf(sent[sends++], sizeof sent[0], "%s", buf_str(&text));
	buf_fini(&text);
	js_free(m);
	return 0;
}

static struct action_context ctx = {.screen = &s, .send = on_send};

static void
begin(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	screen_init(&s);
	tell(&s, facts_quiet);
	s.line = s.prompt = "";
	sends = 0;
}

static void
end(void)
{
	screen_fini(&s);
}

TestSuite(chat, .init = begin, .fini = end);

#define AT(time) "\"at\":\"2026-11-26T" time ".000Z\","

static const char *const facts_turn[] = {
    "{\"t\":\"prompt\",\"seq\":1," AT(
	"03:12:07") "\"turn\":1,\"by\":\"anna\",\"state\":\"started\","
		    "\"text\":\"the devvm hangs\"}",
    "{\"t\":\"text\",\"seq\":2," AT(
	"03:12:09") "\"turn\":1,\"block\":0,\"thinking\":true,\"text\":"
		    "\"ssh answers late, so I look at memory and disk first\"}",
    "{\"t\":\"text\",\"seq\":3," AT("03:12:10") "\"turn\":1,\"block\":1,\"text\":"
						"\"I look at **memory** and disk.\"}",
    "{\"t\":\"tool\",\"seq\":4," AT(
	"03:12:11") "\"id\":\"r1\",\"turn\":1,\"asked\":\"agent\",\"host\":"
		    "\"local\",\"name\":\"Bash\",\"what\":\"ssh devvm free -m; ssh devvm df -h /\"}",
    "{\"t\":\"tool\",\"seq\":5," AT(
	"03:12:11") "\"id\":\"r2\",\"turn\":1,\"asked\":\"agent\",\"host\":"
		    "\"devvm\",\"what\":\"free -m\"}",
    "{\"t\":\"tool_end\",\"seq\":6," AT(
	"03:12:12") "\"id\":\"r2\",\"exit\":0,\"ms\":180,\"out\":206,\"err\":0}",
    "{\"t\":\"tool\",\"seq\":7," AT(
	"03:12:12") "\"id\":\"r3\",\"turn\":1,\"asked\":\"agent\",\"host\":"
		    "\"devvm\",\"what\":\"df -h /\"}",
    "{\"t\":\"tool_end\",\"seq\":8," AT(
	"03:12:13") "\"id\":\"r3\",\"exit\":1,\"ms\":1200,\"out\":29,\"err\":16}",
    "{\"t\":\"tool_end\",\"seq\":9," AT(
	"03:12:13") "\"id\":\"r1\",\"exit\":0,\"ms\":1400,\"out\":5120,\"err\":0}",
    "{\"t\":\"text\",\"seq\":10," AT(
	"03:12:20") "\"turn\":1,\"block\":2,\"text\":"
		    "\"The disk is full. Free some:\\n\\n```bash\\njournalctl --vacuum-size=1G\\n```\\n\"}",
    "{\"t\":\"result\",\"seq\":11," AT(
	"03:12:49") "\"turn\":1,\"stop\":\"end_turn\",\"in\":11800,\"out\":312,"
		    "\"cost_usd\":0.12,\"ms\":42000,\"calls\":3,\"tools\":3}",
    NULL};

static const char *const facts_later[] = {
    "{\"t\":\"note\",\"seq\":12," AT(
	"03:14:00") "\"by\":\"ben\",\"text\":\"storage team is called\"}",
    "{\"t\":\"error\",\"seq\":13," AT(
	"03:14:30") "\"where\":\"devvm\",\"text\":\"no banner within 10 s\","
		    "\"todo\":\"F3 forensics\"}",
    "{\"t\":\"prompt\",\"seq\":14," AT(
	"03:31:00") "\"turn\":2,\"by\":\"anna\",\"state\":\"started\","
		    "\"text\":\"and now?\"}",
    "{\"t\":\"prompt\",\"seq\":15," AT(
	"03:31:05") "\"turn\":3,\"by\":\"ben\",\"state\":\"queued\","
		    "\"text\":\"is cron alive?\"}",
    "{\"t\":\"prompt\",\"seq\":16," AT(
	"03:31:09") "\"turn\":4,\"by\":\"anna\",\"state\":\"queued\","
		    "\"text\":\"then write a summary\"}",
    NULL};

Test(chat, who_said_what_and_how_it_went)
{
	tell(&s, facts_turn);
	expect_all_sizes(&s, "chat-turn");
	tell(&s, facts_later);
	expect_all_sizes(&s, "chat-queue");
}

Test(chat, an_answer_of_every_kind_of_block)
{
	tell_one(&s,
	    "{\"t\":\"text\",\"seq\":1,\"turn\":1,\"block\":0,\"text\":"
	    "\"# Verdict\\n\\nThe disk is **full**, see `df`.\\n\\n1. Stop *docker*:\\n"
	    "   ```sh\\n   systemctl stop docker\\n   ```\\n2. Free some space\\n"
	    "   - images\\n   - journal\\n\\n- [x] evidence\\n- [ ] repair\\n\\n"
	    "> Nothing of this touches the VM.\\n\\n"
	    "[The manual](https://example.org/disk) knows more.\\n\"}");
	s.zoom = true;
	expect_all_sizes(&s, "markdown-blocks");
}

Test(chat, a_table_at_every_width)
{
	tell_one(&s,
	    "{\"t\":\"text\",\"seq\":1,\"turn\":1,\"block\":0,\"text\":"
	    "\"What fails:\\n\\n| Unit | State | Since | What it says |\\n|---|:---:|---:|---|\\n"
	    "| ssh.service | failed | 03:12:07 | cannot write its state: no space left on device |\\n"
	    "| docker.service | active | 2 days | |\\n\"}");
	s.zoom = true;
	expect_all_sizes(&s, "table-units");
}

Test(chat, how_a_turn_ended_in_words)
{
	static const char *const stops[] = {"end_turn", "max_tokens", "refusal",
	    "aborted_streaming", "budget", "surprise"};

	for (size_t i = 0; i < ARRAY_LEN(stops); i++) {
		char fact[256];

		snprintf(fact, sizeof fact,
		    "{\"t\":\"result\",\"seq\":%zu,\"turn\":%zu,\"stop\":\"%s\",\"ms\":%zu,"
		    "\"tools\":%zu,\"in\":%zu,\"cost_usd\":0.00%zu,\"endpoint\":\"lan\"}",
		    i + 1, i + 1, stops[i], 900 + i * 70000, i, i * 4000, i * 4);
		tell_one(&s, fact);
	}
	expect_all_sizes(&s, "result-words");
}

/* --- the queue --- */

Test(chat, a_queued_prompt_is_taken_back_by_its_number_or_as_the_youngest)
{
	tell(&s, facts_turn);
	tell(&s, facts_later);
	action_drop(&ctx, "3");
	action_drop(&ctx, "");
	cr_assert_eq(sends, 2);
	cr_assert_str_eq(sent[0], "{\"t\":\"cancel\",\"turn\":3}");
	cr_assert_str_eq(sent[1], "{\"t\":\"cancel\",\"turn\":4}");
	cr_assert_not_null(strstr(drawn(&s, 120, 50), "(queued, 2nd; /drop 4)"));
	tell_one(&s,
	    "{\"t\":\"cancelled\",\"seq\":20,\"turn\":3,\"by\":\"anna\",\"runs\":[],\"text\":\"x\"}");
	cr_assert_not_null(
	    strstr(drawn(&s, 160, 50), "is cron alive?  (taken back by anna"));
	cr_assert_not_null(strstr(drawn(&s, 160, 50), "(queued, next; /drop 4)"));
	tell_one(&s,
	    "{\"t\":\"prompt\",\"seq\":21,\"turn\":4,\"by\":\"anna\",\"state\":\"started\","
	    "\"text\":\"then write a summary\"}");
	cr_assert_null(strstr(drawn(&s, 160, 50), "queued"));
	action_drop(&ctx, "");
	cr_assert_eq(sends, 2);
}

/* --- opening, going, copying --- */

static struct scroll_pos
pos_of(const char *id)
{
	const struct transcript *t = &s.model.chat;

	for (size_t i = 0; i < t->count; i++)
		if (strcmp(transcript_at(t, i)->id, id) == 0)
			return (struct scroll_pos){transcript_at(t, i)->serial, 0};
	cr_assert_fail("no %s", id);
	return (struct scroll_pos){0, 0};
}

Test(chat, enter_on_the_line_of_a_run_opens_that_run)
{
	struct scroll_pos at;

	tell(&s, facts_turn);
	drawn(&s, 80, 24);
	at = pos_of("r3");
	cr_assert(action_chat_key(&ctx, '\r', &at));
	cr_assert_eq(s.focus, FOCUS_TOOLS);
	s.focus = FOCUS_CHAT;
	at = (struct scroll_pos){transcript_at(&s.model.chat, 0)->serial, 0};
	cr_assert(
	    action_chat_key(&ctx, '\r', &at)); /* a prompt: it says what Enter is for */
	cr_assert_eq(s.focus, FOCUS_CHAT);
	cr_assert(!action_chat_key(&ctx, 'x', &at));
}

Test(chat, e_goes_from_failure_to_failure)
{
	struct scroll_pos at = {UINT64_MAX, 0};

	tell(&s, facts_turn);
	tell(&s, facts_later);
	cr_assert(action_chat_key(&ctx, 'e', &at));
	cr_assert_eq(
	    transcript_at(&s.model.chat, transcript_find(&s.model.chat, at.unit))->kind,
	    ITEM_ERROR);
	cr_assert(action_chat_key(&ctx, 'e', &at));
	cr_assert_eq(at.unit, pos_of("r3").unit);
	cr_assert(action_chat_key(&ctx, 'e', &at)); /* none above: it stays */
	cr_assert_eq(at.unit, pos_of("r3").unit);
	cr_assert(action_chat_key(&ctx, 'E', &at));
	cr_assert_neq(at.unit, pos_of("r3").unit);
}

Test(chat, code_is_copied_without_anything_of_ours)
{
	const struct transcript *t = &s.model.chat;
	struct scroll_source src;
	struct scroll_range range;
	struct scroll_pos at;
	const struct lines *l;
	size_t line = 0;

	tell_one(&s,
	    "{\"t\":\"text\",\"seq\":1,\"turn\":1,\"block\":0,\"text\":"
	    "\"Do:\\n\\n- this\\n  ```sh\\n  echo 0123456789 0123456789 0123456789 0\\n"
	    "  ls\\n  ```\\n\"}");
	drawn(&s, 40, 15);
	src = view_chat_source(&s.chat, &s.model);
	at = (struct scroll_pos){transcript_at(t, 0)->serial, 0};
	l = src.lines(src.arg, at);
	while (line < l->count && l->line[line].code == 0)
		line++;
	cr_assert(src.copy_range(src.arg, at, line, &range));
	cr_assert_str_eq(range.what, "code");
	cr_assert_eq(range.from.line, line);
	cr_assert_eq(range.to.line, line + 2); /* the first is wrapped */
	cr_assert(l->line[line + 1].cont && !l->line[line + 2].cont);
	for (size_t i = range.from.line; i <= range.to.line; i++)
		cr_assert_eq(l->line[i].lead, 2);
	cr_assert(src.copy_range(src.arg, at, 0, &range));
	cr_assert_str_eq(range.what, "answer");
}

/* --- streaming --- */

static void
stream_block(const char *text, size_t size, size_t piece)
{
	size_t off = 0, rows = 0;

	while (off < size) {
		size_t n = size - off < piece ? size - off : piece;
		struct js *f = js_new();

		js_set_str(f, "t", "delta");
		js_set_int(f, "turn", 1);
		js_set_int(f, "block", 0);
		js_set_int(f, "off", (int64_t)off);
		js_set_strn(f, "text", text + off, n);
		model_apply(&s.model, f, 100000);
		js_free(f);
		off += n;
		rows += strlen(drawn(&s, 80, 24)) > 0;
	}
	cr_assert_gt(rows, 0);
}

static void
lines_of_answer(struct buf *out)
{
	const struct item *it = transcript_at(&s.model.chat, 0);
	struct scroll_source src = view_chat_source(&s.chat, &s.model);

	buf_init(out, 256 * 1024);
	drawn(&s, 80, 24);
	lines_told(src.lines(src.arg, (struct scroll_pos){it->serial, 0}), out, true);
}

/* A console that saw it grow shows what one shows that comes later. */
Test(chat, an_answer_that_streamed_looks_as_one_that_was_read_back)
{
	for (unsigned seed = 1; seed < 12; seed++) {
		struct buf text, grown, read;
		struct js *f = js_new();

		buf_init(&text, 64 * 1024);
		markdown_by_chance(&text, seed, 9, false);
		stream_block(buf_str(&text), text.len, 11);
		js_set_str(f, "t", "text");
		js_set_int(f, "seq", 1);
		js_set_int(f, "turn", 1);
		js_set_int(f, "block", 0);
		js_set_strn(f, "text", buf_str(&text), text.len);
		model_apply(&s.model, f, 100000);
		lines_of_answer(&grown);
		end();
		begin();
		model_apply(&s.model, f, 100000);
		lines_of_answer(&read);
		cr_assert_str_eq(buf_str(&grown), buf_str(&read));
		end();
		begin();
		js_free(f);
		buf_fini(&text);
		buf_fini(&grown);
		buf_fini(&read);
	}
}

/* A long answer is recorded in parts of 32 KiB; what was told before stays as it is. */
Test(chat, the_record_of_an_answer_in_parts_is_what_was_told)
{
	static const char *const parts[] = {
	    "{\"t\":\"text\",\"seq\":1,\"turn\":1,\"block\":0,\"part\":1,\"parts\":2,\"text\":\"one two \"}",
	    "{\"t\":\"note\",\"seq\":2,\"by\":\"ben\",\"text\":\"hm\"}",
	    "{\"t\":\"text\",\"seq\":3,\"turn\":1,\"block\":0,\"part\":2,\"parts\":2,\"text\":\"three\"}"};
	const struct item *it;

	tell_one(&s,
	    "{\"t\":\"delta\",\"seq\":0,\"turn\":1,\"block\":0,\"off\":0,\"text\":\"one two thr\"}");
	it = transcript_at(&s.model.chat, 0);
	for (size_t i = 0; i < 3; i++)
		tell_one(&s, parts[i]);
	cr_assert_str_eq(buf_str(&it->text), "one two three");
	cr_assert_eq(it->rewritten, 0);
	cr_assert(it->final);
	cr_assert_eq(s.model.chat.count, 2);
	tell_one(
	    &s, "{\"t\":\"text\",\"seq\":4,\"turn\":1,\"block\":1,\"text\":\"other\"}");
	cr_assert_eq(s.model.chat.count, 3);
}

/* How much is below is counted in each frame, and nothing is rendered for that. */
Test(chat, a_window_far_up_renders_what_it_shows_and_no_more)
{
	char fact[160];
	struct canvas c;
	uint64_t before;
	int below;

	for (int i = 0; i < 400; i++) {
		snprintf(fact, sizeof fact,
		    "{\"t\":\"text\",\"seq\":%d,\"turn\":1,\"block\":%d,\"text\":\"words %d\"}",
		    i + 1, i, i);
		tell_one(&s, fact);
	}
	canvas_init(&c, 80, 24);
	layout_draw(&s, &c);
	scroll_to_start(&s.chat.scroll);
	layout_draw(&s, &c);
	layout_draw(&s, &c); /* what it shows made room for what was counted first */
	below = s.chat.scroll.below;
	cr_assert_gt(below, 700);
	before = s.chat.renders;
	for (int i = 0; i < 10; i++)
		layout_draw(&s, &c);
	cr_assert_eq(s.chat.renders, before, "%llu more",
	    (unsigned long long)(s.chat.renders - before));
	tell_one(&s,
	    "{\"t\":\"text\",\"seq\":401,\"turn\":1,\"block\":400,\"text\":\"one more\"}");
	layout_draw(&s, &c);
	cr_assert_eq(s.chat.scroll.below, below + 2);
	cr_assert_leq(s.chat.renders, before + 20);
	canvas_fini(&c);
}
