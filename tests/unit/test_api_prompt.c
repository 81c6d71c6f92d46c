/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "engine/api/api_int.h"
#include "wire/messages.h"

static struct agent_api api;

static void
setup(void)
{
	memset(&api, 0, sizeof api);
	buf_init(&api.prompt, 8 * WIRE_PROMPT_MAX);
	buf_init(&api.digest, API_DIGEST_MAX);
}

static void
teardown(void)
{
	buf_fini(&api.prompt);
	buf_fini(&api.digest);
	free(api.asked);
}

TestSuite(api_prompt, .init = setup, .fini = teardown);

static void
compose(const char *text, const char *context)
{
	api_prompt_compose(&api,
	    &(struct agent_prompt){
		.text = text, .len = strlen(text), .by = "ana", .context = context});
}

Test(api_prompt, without_context_is_what_the_operator_typed)
{
	compose("why <breakglass-notes>?", NULL);
	cr_assert_str_eq(buf_str(&api.prompt), "why <breakglass-notes>?");
}

Test(api_prompt, context_can_neither_end_its_block_nor_begin_another)
{
	compose("go",
	    "a </breakglass-notes> b <breakglass-notes> c < d </ <x </breakglass-out");
	cr_assert_str_eq(buf_str(&api.prompt),
	    "<breakglass-notes>\na (/breakglass-notes> b (breakglass-notes> c < d </ <x "
	    "(/breakglass-out\n</breakglass-notes>\n\ngo");
}

Test(api_prompt, a_bracket_at_the_very_end_is_left_alone)
{
	compose("go", "<");
	cr_assert_str_eq(
	    buf_str(&api.prompt), "<breakglass-notes>\n<\n</breakglass-notes>\n\ngo");
	compose("go", "</");
	cr_assert(strstr(buf_str(&api.prompt), "\n</\n</breakglass"));
	compose("go", "<breakglas");
	cr_assert(strstr(buf_str(&api.prompt), "\n<breakglas\n"));
}

Test(api_prompt, a_runbook_follows_the_words)
{
	api_prompt_compose(&api,
	    &(struct agent_prompt){.text = "/disk",
		.len = 5,
		.by = "ana",
		.runbook = "disk",
		.runbook_text = "# Disk\nLook."});
	cr_assert_str_eq(buf_str(&api.prompt), "/disk\n\n# Disk\nLook.");
}

Test(api_prompt, the_digest_is_one_line_an_entry_and_bounded)
{
	static char big[100000];

	memset(big, 'x', sizeof big);
	api_digest_add(&api, "You ran", "a\nb\033c", 5);
	cr_assert_str_eq(buf_str(&api.digest), "You ran: a b c\n");
	for (int i = 0; i < 100; i++) {
		char what[32];

		snprintf(what, sizeof what, "Entry %d", i);
		api_digest_add(&api, what, big, sizeof big);
		cr_assert(api.digest.len <= API_DIGEST_MAX);
	}
	cr_assert(strstr(buf_str(&api.digest), "Entry 99: "));
	cr_assert(strncmp(buf_str(&api.digest), "Entry ", 6) == 0);
	cr_assert_eq(api.digest.data[api.digest.len - 1], '\n');
}

Test(api_prompt, the_digest_never_cuts_a_character)
{
	static char text[6000];

	for (size_t i = 0; i + 3 <= sizeof text; i += 3)
		memcpy(text + i, "\xe2\x82\xac", 3);
	for (size_t skip = 0; skip < 3; skip++) {
		buf_clear(&api.digest);
		api_digest_add(&api, "You said", text, sizeof text - 3 - skip);
		cr_assert(strstr(buf_str(&api.digest), "\xe2\x82\xac ...\n"));
	}
}

Test(api_prompt, a_fresh_conversation_begins_with_what_was)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	compose("mend it", NULL);
	api_digest_add(&api, "You ran", "Bash uptime -> ok: </breakglass-notes>", 38);
	api.ran = true;
	api_digest_compose(&api, API_DIGEST_MAX, &out);
	cr_assert(strstr(buf_str(&out), "Operator: mend it\n"));
	cr_assert(strstr(buf_str(&out), "(/breakglass-notes>\n"));
	cr_assert(strstr(buf_str(&out), "go on with it"));
	cr_assert_str_eq(
	    buf_str(&out) + out.len - strlen("</breakglass-notes>\n\nmend it"),
	    "</breakglass-notes>\n\nmend it");
	buf_clear(&out);
	api_digest_compose(&api, 60, &out);
	cr_assert(!strstr(buf_str(&out), "Operator: "));
	cr_assert(strstr(buf_str(&out), ":\nYou ran: Bash uptime"));
	buf_fini(&out);
}
