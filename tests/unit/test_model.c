/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/model.h"
#include "wire/messages.h"

static struct model m;

static void
init(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	model_init(&m);
}

static void
fini(void)
{
	model_fini(&m);
}

static unsigned
apply(const char *json)
{
	struct err err = {0};
	struct js *fact = js_parse(json, strlen(json), &err);
	unsigned dirty;

	cr_assert_not_null(fact, "%s", err.words);
	dirty = model_apply(&m, fact, 1000);
	js_free(fact);
	return dirty;
}

static const char *
chat(size_t i)
{
	const struct item *it = transcript_at(&m.chat, i);

	return it ? buf_str(&it->text) : "(none)";
}

TestSuite(model, .init = init, .fini = fini);

Test(model, applies_a_journaled_fact_exactly_once)
{
	const char *fact = "{\"t\":\"note\",\"seq\":7,\"text\":\"hello\"}";

	cr_assert_eq(apply(fact), MODEL_CHAT);
	cr_assert_eq(apply(fact), 0);
	cr_assert_eq(m.chat.count, 1);
	cr_assert_eq(m.incident.last, 7);
}

Test(model, another_incident_numbers_its_facts_anew)
{
	apply("{\"t\":\"note\",\"seq\":70,\"text\":\"old\"}");
	apply("{\"t\":\"incident\",\"seq\":1,\"state\":\"opened\",\"id\":\"b\"}");
	cr_assert_eq(apply("{\"t\":\"note\",\"seq\":2,\"text\":\"new\"}"), MODEL_CHAT);
	cr_assert_str_eq(m.incident.id, "b");
}

Test(model, an_incident_is_open_until_it_is_closed_whichever_engine_goes_on_with_it)
{
	apply("{\"t\":\"incident\",\"seq\":1,\"state\":\"opened\",\"id\":\"a\",\"v\":2}");
	cr_assert(m.incident.open);
	apply("{\"t\":\"incident\",\"seq\":2,\"state\":\"left\",\"id\":\"a\","
	      "\"reason\":\"terminated\"}");
	cr_assert(m.incident.open);
	cr_assert_str_eq(chat(m.chat.count - 1), "the engine left: terminated");
	apply("{\"t\":\"incident\",\"seq\":3,\"state\":\"continued\",\"id\":\"a\","
	      "\"pid\":4711,\"version\":\"0.1.0\",\"cut\":15}");
	cr_assert(m.incident.open);
	cr_assert_str_eq(m.incident.id, "a");
	cr_assert_str_eq(chat(m.chat.count - 1),
	    "engine started anew (pid 4711, version 0.1.0), 15 bytes of a torn record "
	    "were cut");
	apply("{\"t\":\"incident\",\"seq\":4,\"state\":\"closed\",\"id\":\"a\"}");
	cr_assert_not(m.incident.open);
}

Test(model, a_welcome_to_another_incident_asks_for_a_new_start)
{
	apply("{\"t\":\"welcome\",\"v\":1,\"seq\":0,\"incident\":\"a\"}");
	apply("{\"t\":\"note\",\"seq\":3,\"text\":\"x\"}");
	cr_assert_not(apply("{\"t\":\"welcome\",\"v\":1,\"seq\":0,\"incident\":\"a\"}") &
	    MODEL_RESET);
	cr_assert(apply("{\"t\":\"welcome\",\"v\":1,\"seq\":0,\"incident\":\"b\"}") &
	    MODEL_RESET);
}

Test(model, numbers_that_were_in_an_engines_memory_alone_are_given_anew)
{
	apply("{\"t\":\"welcome\",\"v\":1,\"seq\":0,\"incident\":\"a\"}");
	apply("{\"t\":\"note\",\"seq\":70,\"text\":\"lost\"}");
	apply("{\"t\":\"welcome\",\"v\":1,\"seq\":0,\"incident\":\"a\",\"since\":60}");
	cr_assert_eq(m.incident.last, 60);
	cr_assert_eq(apply("{\"t\":\"note\",\"seq\":61,\"text\":\"new\"}"), MODEL_CHAT);
	apply("{\"t\":\"welcome\",\"v\":1,\"seq\":0,\"incident\":\"a\",\"since\":99}");
	cr_assert_eq(m.incident.last, 61);
}

Test(model, the_engines_clock_is_known_from_its_welcome)
{
	apply("{\"t\":\"welcome\",\"v\":1,\"seq\":0,\"mono_ms\":51000}");
	cr_assert_eq(model_now(&m, 2000), 52000);
}

Test(model, unknown_kinds_and_members_change_nothing)
{
	cr_assert_eq(apply("{\"t\":\"telepathy\",\"seq\":1}"), 0);
	cr_assert(apply("{\"t\":\"note\",\"seq\":2,\"text\":\"x\",\"mood\":{}}"));
}

Test(model, deltas_grow_a_block_and_the_finished_text_replaces_it)
{
	apply(
	    "{\"t\":\"delta\",\"seq\":0,\"turn\":1,\"block\":0,\"off\":0,\"text\":\"Hel\"}");
	apply(
	    "{\"t\":\"delta\",\"seq\":0,\"turn\":1,\"block\":0,\"off\":3,\"text\":\"lo\"}");
	cr_assert_str_eq(chat(0), "Hello");
	cr_assert(m.chat.answering);
	apply(
	    "{\"t\":\"delta\",\"seq\":0,\"turn\":1,\"block\":0,\"off\":3,\"text\":\"lo\"}");
	cr_assert_str_eq(chat(0), "Hello");
	apply(
	    "{\"t\":\"delta\",\"seq\":0,\"turn\":1,\"block\":0,\"off\":0,\"text\":\"Hi\"}");
	cr_assert_str_eq(chat(0), "Hi");
	apply("{\"t\":\"text\",\"seq\":1,\"turn\":1,\"block\":0,\"text\":\"Hi there\"}");
	cr_assert_str_eq(chat(0), "Hi there");
	apply(
	    "{\"t\":\"delta\",\"seq\":0,\"turn\":1,\"block\":0,\"off\":2,\"text\":\"late\"}");
	cr_assert_str_eq(chat(0), "Hi there");
	cr_assert_eq(m.chat.count, 1);
}

Test(model, a_delta_that_jumps_leaves_a_visible_gap)
{
	apply(
	    "{\"t\":\"delta\",\"seq\":0,\"turn\":1,\"block\":0,\"off\":0,\"text\":\"a\"}");
	apply(
	    "{\"t\":\"delta\",\"seq\":0,\"turn\":1,\"block\":0,\"off\":9,\"text\":\"z\"}");
	cr_assert_not_null(strstr(chat(0), "[…]"));
}

Test(model, the_parts_of_a_long_text_are_joined)
{
	apply(
	    "{\"t\":\"text\",\"seq\":1,\"turn\":1,\"block\":0,\"part\":1,\"parts\":2,\"text\":\"ab\"}");
	apply(
	    "{\"t\":\"text\",\"seq\":2,\"turn\":1,\"block\":0,\"part\":2,\"parts\":2,\"text\":\"cd\"}");
	cr_assert_str_eq(chat(0), "abcd");
}

Test(model, a_queued_prompt_that_starts_is_one_item)
{
	apply(
	    "{\"t\":\"prompt\",\"seq\":1,\"turn\":4,\"text\":\"look\",\"state\":\"queued\",\"by\":\"ben\"}");
	cr_assert_eq(transcript_at(&m.chat, 0)->tone, TONE_BUSY);
	apply(
	    "{\"t\":\"prompt\",\"seq\":2,\"turn\":4,\"text\":\"look\",\"state\":\"started\",\"by\":\"ben\"}");
	cr_assert_eq(m.chat.count, 1);
	cr_assert_eq(transcript_at(&m.chat, 0)->tone, TONE_PLAIN);
}

Test(model, a_verb_is_one_item_with_its_stages)
{
	apply(
	    "{\"t\":\"verb\",\"seq\":1,\"id\":\"v1\",\"verb\":\"cycle\",\"state\":\"asked\"}");
	apply(
	    "{\"t\":\"verb\",\"seq\":2,\"id\":\"v1\",\"verb\":\"cycle\",\"state\":\"stage\","
	    "\"stage\":\"stopping\",\"text\":\"clean stop\"}");
	apply(
	    "{\"t\":\"verb\",\"seq\":3,\"id\":\"v1\",\"verb\":\"cycle\",\"state\":\"finished\","
	    "\"exit\":0,\"ms\":42000,\"result\":\"running\"}");
	cr_assert_eq(m.chat.count, 1);
	cr_assert_not_null(strstr(chat(0), "stopping: clean stop"));
	cr_assert_not_null(strstr(chat(0), "done in 42 s: running"));
	cr_assert_eq(transcript_at(&m.chat, 0)->tone, TONE_GOOD);
}

Test(model, a_finished_mutation_settles_the_unfinished_one)
{
	apply(
	    "{\"t\":\"state\",\"seq\":0,\"what\":\"unfinished\",\"verb\":\"cycle\",\"key\":\"start\"}");
	cr_assert_str_eq(m.vm.unfinished.key, "start");
	apply(
	    "{\"t\":\"verb\",\"seq\":1,\"id\":\"v1\",\"verb\":\"status\",\"state\":\"finished\",\"exit\":0}");
	cr_assert_str_eq(m.vm.unfinished.verb, "cycle");
	apply(
	    "{\"t\":\"verb\",\"seq\":2,\"id\":\"v2\",\"verb\":\"start\",\"state\":\"finished\",\"exit\":0}");
	cr_assert_str_eq(m.vm.unfinished.verb, "");
}

Test(model, the_chat_stays_within_its_bounds)
{
	char *big = mem_alloc(70000), *json;

	memset(big, 'x', 60000);
	for (int i = 1; i <= 3000; i++) {
		json = mem_printf(
		    "{\"t\":\"note\",\"seq\":%d,\"text\":\"%s\"}", i, i % 20 ? "n" : big);
		apply(json);
		free(json);
	}
	cr_assert_leq(m.chat.count, TRANSCRIPT_ITEMS_MAX);
	cr_assert_leq(m.chat.bytes, TRANSCRIPT_BYTES_MAX);
	cr_assert_gt(m.chat.dropped, 0);
	free(big);
}

/* --- runs --- */

static const struct tail_run *
run(void)
{
	return m.tools.count ? m.tools.runs[m.tools.count - 1] : NULL;
}

static const char *
line(size_t i)
{
	static char text[TAIL_LINE_MAX + 1];
	const struct tail_line *l = tail_line(run(), i);

	if (!l)
		return "(none)";
	snprintf(text, sizeof text, "%.*s", l->len, l->text ? l->text : "");
	return text;
}

static void
begin(void)
{
	apply(
	    "{\"t\":\"tool\",\"seq\":1,\"id\":\"r1\",\"asked\":\"agent\",\"host\":\"devvm\",\"what\":\"uptime\"}");
}

Test(model, output_becomes_clean_lines_however_it_is_cut)
{
	begin();
	apply(
	    "{\"t\":\"output\",\"seq\":2,\"id\":\"r1\",\"stream\":\"out\",\"off\":0,\"data\":\"one\\ntw\"}");
	cr_assert_str_eq(line(1), "tw");
	apply(
	    "{\"t\":\"output\",\"seq\":3,\"id\":\"r1\",\"stream\":\"out\",\"off\":6,\"data\":\"o\\u001b[2J\\n\"}");
	cr_assert_str_eq(line(0), "one");
	cr_assert_str_eq(line(1), "two␛");
	cr_assert_eq(run()->count, 2);
}

Test(model, a_script_on_standard_input_stands_behind_its_command)
{
	apply(
	    "{\"t\":\"tool\",\"seq\":1,\"id\":\"r1\",\"asked\":\"agent\",\"host\":\"devvm\",\"what\":\"sh -s\",\"stdin\":true}");
	cr_assert(run()->has_input);
	apply(
	    "{\"t\":\"input\",\"seq\":2,\"id\":\"r1\",\"off\":0,\"len\":9,\"data\":\"one\\ntwo\\n\\u001b\"}");
	apply(
	    "{\"t\":\"input\",\"seq\":3,\"id\":\"r1\",\"off\":9,\"len\":2,\"data_b64\":\"YWI=\"}");
	cr_assert_str_eq(run()->what, "sh -s");
	cr_assert_str_eq(run()->command, "sh -s\n[standard input:]\none\ntwo\n␛ab");
	cr_assert_eq(run()->more, 4);
	apply(
	    "{\"t\":\"input\",\"seq\":4,\"id\":\"r1\",\"off\":11,\"len\":0,\"cut\":true}");
	cr_assert(strstr(
	    run()->command, "ab\n[the rest of its standard input is not on record]"));
	cr_assert_eq(run()->count, 0, "none of it is output");
}

static void
apply_input(int seq, int off, int len)
{
	char *fact = malloc((size_t)len + 200);
	int n = sprintf(fact,
	    "{\"t\":\"input\",\"seq\":%d,\"id\":\"r1\",\"off\":%d,\"len\":%d,\"data\":\"",
	    seq, off, len);

	memset(fact + n, 'x', (size_t)len);
	strcpy(fact + n + len, "\"}");
	apply(fact);
	free(fact);
}

Test(model, what_is_not_shown_of_a_command_and_its_script_is_said_once)
{
	const char *more;

	apply(
	    "{\"t\":\"tool\",\"seq\":1,\"id\":\"r1\",\"asked\":\"agent\",\"host\":\"devvm\",\"what\":\"sh -s\",\"stdin\":true}");
	apply_input(2, 0, WIRE_CHUNK_MAX); /* just what is shown of it */
	cr_assert_null(strstr(run()->command, "[more"));
	apply_input(3, WIRE_CHUNK_MAX, WIRE_CHUNK_MAX);
	apply_input(4, 2 * WIRE_CHUNK_MAX, 10);
	more = strstr(run()->command, "\n[more standard input: the journal has it]");
	cr_assert_not_null(more);
	cr_assert_null(strstr(more + 2, "[more"));
}

Test(model, a_command_that_the_record_has_not_whole_says_so)
{
	apply(
	    "{\"t\":\"tool\",\"seq\":1,\"id\":\"r1\",\"asked\":\"agent\",\"host\":\"local\",\"name\":\"Bash\",\"what\":\"echo a\",\"what_bytes\":70000}");
	cr_assert(strstr(run()->command, "echo a\n[not all of it: 70000 bytes]"));
}

Test(model, both_streams_keep_their_own_lines)
{
	begin();
	apply(
	    "{\"t\":\"output\",\"seq\":2,\"id\":\"r1\",\"stream\":\"out\",\"off\":0,\"data\":\"to\"}");
	apply(
	    "{\"t\":\"output\",\"seq\":3,\"id\":\"r1\",\"stream\":\"err\",\"off\":0,\"data\":\"oops\\n\"}");
	cr_assert_eq(tail_line(run(), 0)->stream, TAIL_OUT);
	cr_assert_eq(tail_line(run(), 1)->stream, TAIL_ERR);
	cr_assert_str_eq(line(1), "oops");
}

Test(model, bytes_that_come_twice_show_once)
{
	begin();
	apply(
	    "{\"t\":\"output\",\"seq\":2,\"id\":\"r1\",\"stream\":\"out\",\"off\":0,\"data\":\"abc\"}");
	apply(
	    "{\"t\":\"output\",\"seq\":0,\"id\":\"r1\",\"stream\":\"out\",\"off\":1,\"data\":\"bcd\"}");
	cr_assert_str_eq(line(0), "abcd");
}

Test(model, what_was_not_sent_is_told)
{
	begin();
	apply(
	    "{\"t\":\"output\",\"seq\":2,\"id\":\"r1\",\"stream\":\"out\",\"off\":0,\"data\":\"a\\n\"}");
	apply(
	    "{\"t\":\"output\",\"seq\":0,\"id\":\"r1\",\"stream\":\"out\",\"off\":1002,\"data\":\"z\\n\"}");
	cr_assert(tail_line(run(), 1)->kind == TAIL_GAP);
	cr_assert_eq(tail_line(run(), 1)->gap->from, 2);
	cr_assert_eq(tail_line(run(), 1)->gap->to, 1002);
	cr_assert_str_eq(line(2), "z");
}

Test(model, bytes_that_are_no_text_come_as_base64)
{
	begin();
	apply(
	    "{\"t\":\"output\",\"seq\":2,\"id\":\"r1\",\"stream\":\"out\",\"off\":0,\"data_b64\":\"Yf9i\"}");
	cr_assert_str_eq(line(0),
	    "a\xef\xbf\xbd"
	    "b");
}

Test(model, a_progress_line_shows_its_last_version)
{
	begin();
	apply(
	    "{\"t\":\"output\",\"seq\":2,\"id\":\"r1\",\"stream\":\"out\",\"off\":0,\"data\":\"10%\\r20%\\r30%\\n\"}");
	cr_assert_str_eq(line(0), "␍30%");
	cr_assert_eq(run()->count, 1);
}

Test(model, the_host_programs_marks_become_words_or_nothing)
{
	apply(
	    "{\"t\":\"tool\",\"seq\":1,\"id\":\"r1\",\"asked\":\"operator\",\"host\":\"pve\",\"verb\":\"cycle\",\"what\":\"cycle\"}");
	apply(
	    "{\"t\":\"output\",\"seq\":2,\"id\":\"r1\",\"stream\":\"out\",\"off\":0,\"data\":"
	    "\"#bg run id=x verb=cycle\\n#bg phase=stopping t_ms=1234 by=qm\\n#bg fact \"}");
	apply(
	    "{\"t\":\"output\",\"seq\":3,\"id\":\"r1\",\"stream\":\"out\",\"off\":68,\"data\":"
	    "\"a=1\\n#bg section=config t_ms=1\\n  #bg not ours\\nVM 102 runs\\n\"}");
	cr_assert_str_eq(line(0), "stopping (1.2 s)");
	cr_assert_str_eq(line(1), "config:");
	cr_assert_str_eq(line(2), "  #bg not ours");
	cr_assert_str_eq(line(3), "VM 102 runs");
	cr_assert_eq(run()->count, 4);
}

Test(model, a_line_of_the_guest_that_looks_like_a_mark_stays)
{
	begin();
	apply(
	    "{\"t\":\"output\",\"seq\":2,\"id\":\"r1\",\"stream\":\"out\",\"off\":0,\"data\":\"#bg fact a=1\\n\"}");
	cr_assert_str_eq(line(0), "#bg fact a=1");
}

Test(model, a_local_tool_that_only_carried_commands_is_known_as_such)
{
	apply(
	    "{\"t\":\"tool\",\"seq\":1,\"id\":\"r1\",\"asked\":\"agent\",\"host\":\"local\",\"what\":\"ls\"}");
	apply("{\"t\":\"tool_end\",\"seq\":2,\"id\":\"r1\",\"exit\":0}");
	apply(
	    "{\"t\":\"tool\",\"seq\":3,\"id\":\"r2\",\"asked\":\"agent\",\"host\":\"local\",\"what\":\"ssh\"}");
	apply(
	    "{\"t\":\"tool\",\"seq\":4,\"id\":\"r3\",\"asked\":\"agent\",\"host\":\"devvm\",\"what\":\"w\"}");
	cr_assert_not(tail_by_id(&m.tools, "r1")->wraps_others);
	cr_assert(tail_by_id(&m.tools, "r2")->wraps_others);
	cr_assert_not(tail_by_id(&m.tools, "r3")->wraps_others);
}

Test(model, the_end_of_a_run_says_how_and_how_long)
{
	begin();
	apply(
	    "{\"t\":\"tool_end\",\"seq\":2,\"id\":\"r1\",\"exit\":3,\"ms\":1500,\"out\":0,\"err\":0}");
	cr_assert(run()->ended);
	cr_assert_str_eq(run()->end, "exit 3");
	cr_assert_eq(transcript_at(&m.chat, 0)->tone, TONE_BAD);
}

Test(model, a_run_whose_engine_is_gone_has_ended)
{
	apply("{\"t\":\"welcome\",\"seq\":0,\"started\":\"2026-11-26T03:20:00.000Z\"}");
	apply(
	    "{\"t\":\"tool\",\"seq\":1,\"id\":\"r1\",\"host\":\"pve\",\"at\":\"2026-11-26T03:12:07.000Z\"}");
	apply(
	    "{\"t\":\"tool\",\"seq\":2,\"id\":\"r2\",\"host\":\"pve\",\"at\":\"2026-11-26T03:20:07.000Z\"}");
	cr_assert_not(m.tools.runs[0]->ended);
	apply("{\"t\":\"caught_up\",\"seq\":0}");
	cr_assert(m.tools.runs[0]->ended);
	cr_assert_not(m.tools.runs[1]->ended);
}

Test(model, the_end_of_what_was_skipped_is_left_for_a_fetch)
{
	begin();
	apply(
	    "{\"t\":\"tool_end\",\"seq\":2,\"id\":\"r1\",\"exit\":0,\"ms\":1,\"out\":100000,\"err\":0}");
	cr_assert(tail_line(run(), 0)->kind == TAIL_GAP);
	cr_assert_eq(run()->next[TAIL_OUT], 100000 - TAIL_FETCH_MAX);
	apply(
	    "{\"t\":\"output\",\"seq\":0,\"id\":\"r1\",\"stream\":\"out\",\"off\":67232,\"data\":\"z\\n\"}");
	cr_assert_str_eq(line(1), "z");
}

Test(model, somebody_who_comes_and_goes_is_one_line)
{
	apply("{\"t\":\"operator\",\"seq\":1,\"name\":\"ben\",\"state\":\"attached\"}");
	apply("{\"t\":\"operator\",\"seq\":2,\"name\":\"ben\",\"state\":\"detached\"}");
	cr_assert_eq(m.chat.count, 1);
	cr_assert_str_eq(chat(0), "ben detached");
}

Test(model, a_flood_stays_within_its_bounds_and_keeps_the_newest)
{
	struct js *fact;
	char *data = mem_alloc(32769);
	int64_t off = 0;

	for (size_t i = 0; i < 32768; i++)
		data[i] = i % 64 == 63 ? '\n' : (char)('a' + i % 26);
	begin();
	for (int i = 0; i < 1000; i++, off += 32768) { /* 32 MiB */
		fact = js_new();
		js_set_str(fact, "t", "output");
		js_set_int(fact, "seq", 0);
		js_set_str(fact, "id", "r1");
		js_set_str(fact, "stream", "out");
		js_set_int(fact, "off", off);
		js_set_str(fact, "data", data);
		model_apply(&m, fact, 0);
		js_free(fact);
	}
	cr_assert_leq(m.tools.bytes, TAIL_BYTES_MAX);
	cr_assert_leq(run()->bytes, TAIL_RUN_BYTES_MAX + 4096);
	cr_assert_eq(run()->next[TAIL_OUT], off);
	cr_assert_eq(run()->gone + run()->count, 1000 * 512);
	free(data);
}

Test(model, the_past_does_not_undo_the_present)
{
	apply("{\"t\":\"welcome\",\"v\":1,\"seq\":0,\"incident\":\"a\"}");
	apply("{\"t\":\"state\",\"seq\":0,\"what\":\"vm\",\"status\":\"running\"}");
	apply("{\"t\":\"state\",\"seq\":5,\"what\":\"vm\",\"status\":\"stopped\"}");
	cr_assert_str_eq(m.vm.status, "running");
	apply("{\"t\":\"caught_up\",\"seq\":5}");
	apply("{\"t\":\"state\",\"seq\":6,\"what\":\"vm\",\"status\":\"stopped\"}");
	cr_assert_str_eq(m.vm.status, "stopped");
}

Test(model, a_state_fact_is_clean_text)
{
	apply(
	    "{\"t\":\"state\",\"seq\":0,\"what\":\"vm\",\"status\":\"run\\u001b[2Jning\",\"staged\":[{\"key\":"
	    "\"memory\",\"from\":8192,\"to\":\"16384\"}]}");
	cr_assert_str_eq(m.vm.status, "run␛ning");
	cr_assert_str_eq(m.vm.staged[0].from, "8192");
}

#define SCREEN(id)                                                    \
	"{\"t\":\"state\",\"seq\":0,\"what\":\"screen\",\"id\":\"" id \
	"\",\"kind\":\"text\",\"lines\":[\"x\"]}"

Test(model, the_guests_screen_keeps_the_path_of_its_picture_over_an_attach)
{
	apply(SCREEN("v3"));
	apply(
	    "{\"t\":\"verdict\",\"seq\":7,\"word\":\"panic\",\"id\":\"v3\",\"evidence\":"
	    "[\"host: the screen's picture is saved: /s/i-v3.png\"]}");
	cr_assert_str_eq(m.screen.png, "/s/i-v3.png");
	model_attach(&m);
	apply(SCREEN("v3"));
	cr_assert_str_eq(m.screen.png, "/s/i-v3.png");
	apply(SCREEN("v5"));
	cr_assert_str_eq(m.screen.png, "", "that verdict is of another capture");
}
