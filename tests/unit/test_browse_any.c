/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Browse mode: what it looks like, text from outside, any keys at all. */
#include "base/text.h"
#include "browse_rig.h"
#include "wire/messages.h"

/* --- pictures --- */

static void
night(void)
{
	static const char *const facts[] = {
	    "{\"t\":\"prompt\",\"seq\":1,\"turn\":1,\"text\":\"the devvm is slow\",\"state\":\"started\",\"by\":\"anna\"}",
	    "{\"t\":\"text\",\"seq\":2,\"turn\":1,\"block\":0,\"text\":\"I look at the **disk** first, then at the services that write to it:\\n\\n- `df` and `df -i`\\n- who holds deleted files on the disk\\n\\n```\\ndf -h /\\nlsof +L1\\n```\\n\"}",
	    "{\"t\":\"tool\",\"seq\":3,\"id\":\"r1\",\"asked\":\"agent\",\"host\":\"devvm\",\"what\":\"df -h /\",\"by\":\"agent\"}",
	    "{\"t\":\"output\",\"seq\":4,\"id\":\"r1\",\"stream\":\"out\",\"off\":0,\"data\":\"Filesystem      Size  Used Avail Use% Mounted on\\n/dev/sda1        64G   61G  3.0G  96% /\\n\"}",
	    "{\"t\":\"output\",\"seq\":5,\"id\":\"r1\",\"stream\":\"err\",\"off\":0,\"data\":\"df: /mnt/old: Stale file handle on a disk that went away some time ago\\n\"}",
	    "{\"t\":\"tool_end\",\"seq\":6,\"id\":\"r1\",\"exit\":1,\"ms\":1210,\"out\":86,\"err\":71}",
	    NULL};

	tell(&s, facts);
}

static void
pictures(const char *name)
{
	static const int sizes[][2] = {{40, 15}, {80, 24}, {200, 50}};

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		expect_picture(&s, sizes[i][0], sizes[i][1], name);
}

Test(browse, looks_like_this, .init = init, .fini = fini)
{
	night();
	s.focus = FOCUS_TOOLS;
	draw(80, 24);
	key(INPUT_CTRL, 'T');
	keys("kk");
	pictures("browse-tools");
	key(INPUT_TAB, 0);
	pictures("browse-chat");
	expect_picture(&s, 20, 6, "browse-chat");
}

Test(browse, a_search_looks_like_this, .init = init, .fini = fini)
{
	night();
	s.focus = FOCUS_TOOLS;
	draw(80, 24);
	key(INPUT_CTRL, 'T');
	keys("/disk");
	pictures("search-typed");
	expect_picture(&s, 20, 6, "search-typed");
	keys("\r");
	pictures("search-kept");
	keys("/nowhere");
	pictures("search-none");
}

Test(browse, a_selection_looks_like_this, .init = init, .fini = fini)
{
	night();
	s.focus = FOCUS_TOOLS;
	draw(80, 24);
	key(INPUT_CTRL, 'T');
	keys("/filesystem\rmj");
	draw(80, 24);
	pictures("select-tools");
}

Test(browse, help_can_be_searched, .init = init, .fini = fini)
{
	static const int sizes[][2] = {{80, 24}, {40, 15}, {200, 50}, {20, 6}};

	draw(80, 24);
	action_run(&a, ACTION_HELP, "");
	s.help.page = HELP_ALL;
	draw(80, 24);
	keys("/autonomous");
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		draw(sizes[i][0], sizes[i][1]);
		cr_assert_gt(
		    cells_with(LOOK_MATCH_HERE), 0, "%d: %s", sizes[i][0], printed(&c));
		cr_assert_not_null(strstr(here(), "autonomous"));
	}
}

/* --- text from outside --- */

/* The bytes of a line's "hex", without NULs; false: it has none. */
static bool
hostile_bytes(const char *line, char *out, size_t size)
{
	const char *hex = strstr(line, "\"hex\": \"");
	size_t at = 0;
	unsigned byte;

	if (!hex)
		return false;
	for (hex += 8; at + 1 < size && sscanf(hex, "%2x", &byte) == 1 && hex[0] != '"';
	     hex += 2)
		if (byte != 0)
			out[at++] = (char)byte;
	out[at] = '\0';
	return at > 0;
}

static void
expect_clean(const char *text, size_t len)
{
	while (len > 0) {
		uint32_t cp;
		size_t n = text_decode(text, len, &cp);

		cr_assert(cp == '\n' || scrub_is_plain(cp), "U+%04X", (unsigned)cp);
		text += n;
		len -= n;
	}
}

Test(browse, the_hostile_corpus_is_searched_and_copied_clean, .init = init, .fini = fini)
{
	FILE *f = fopen(FIXTURES_DIR "/hostile-terminal.jsonl", "r");
	static char line[65536], bytes[32768];
	char what[64];
	int n = 0;

	cr_assert_not_null(f);
	while (fgets(line, sizeof line, f)) {
		struct js *m;
		char id[16];

		if (!hostile_bytes(line, bytes, sizeof bytes))
			continue;
		snprintf(id, sizeof id, "h%d", ++n);
		say("{\"t\":\"tool\",\"seq\":0,\"id\":\"%s\",\"asked\":\"agent\",\"host\":\"devvm\",\"what\":\"w\"}",
		    id);
		m = message_new("output");
		js_set_str(m, "id", id);
		js_set_str(m, "stream", n % 2 ? "out" : "err");
		js_set_int(m, "off", 0);
		js_set_str(m, "data", bytes);
		model_apply(&s.model, m, 100000);
		js_free(m);
		if (n == 1) {
			s.focus = FOCUS_TOOLS;
			draw(40, 15);
			key(INPUT_CTRL, 'T');
		}
		keys("G/e\rkkm");
		draw(n % 2 ? 40 : 80, 15);
		expect_clean(printed(&c), strlen(printed(&c)));
		copied(what);
		expect_clean(copied(what), strlen(copied(what)));
		keys("m");
		expect_clean(copied(what), strlen(copied(what)));
	}
	cr_assert_gt(n, 20);
	fclose(f);
}

/* --- everything at once, on a model that grows and drops --- */

static unsigned long seed = 1;

static unsigned
any(unsigned below)
{
	seed = seed * 6364136223846793005ul + 1442695040888963407ul;
	return (unsigned)(seed >> 33) % below;
}

static void
any_fact(int round)
{
	static int id;

	switch (any(8)) {
	case 0:
		id = 1 + (int)any(60);
		run(id,
		    any(2) ? "line"
			   : "a longer line, so that it is wrapped when the "
			     "screen is narrow, as on a phone",
		    0, (int)any(20), any(2));
		break;
	case 1:
		say("{\"t\":\"prompt\",\"seq\":0,\"turn\":%d,\"text\":\"line %d\",\"state\":\"started\",\"by\":\"a\"}",
		    round, round);
		break;
	case 2:
	case 3:
		say("{\"t\":\"text\",\"seq\":0,\"turn\":%d,\"block\":0,\"text\":\"# line\\n\\nsome words %d\\n\\n```\\ncode line\\n```\\n\"}",
		    round, round);
		break;
	default:
		break;
	}
}

static void
any_key(void)
{
	static const char chars[] = "jjkkkbGg /nNnNmmmfFzeEoly\r\x1b?q ";
	static const enum input_kind kinds[] = {INPUT_UP, INPUT_DOWN, INPUT_PGUP,
	    INPUT_PGDN, INPUT_HOME, INPUT_END, INPUT_TAB, INPUT_BACKTAB, INPUT_BACKSPACE,
	    INPUT_ENTER};

	if (any(3) == 0)
		key(kinds[any(sizeof kinds / sizeof kinds[0])], 0);
	else if (any(40) == 0)
		key(INPUT_CTRL, 'T');
	else
		keys((char[]){chars[any(sizeof chars - 1)], '\0'});
}

static void
check(int round)
{
	struct scroll_source src;
	struct scroll *w;
	struct scroll_pos nearest = {0, 0};
	char what[64];

	if (!s.browse.on)
		return;
	w = browse_pane(&s, &src);
	if (!src.fix(src.arg, &nearest)) /* there is nothing at all */
		return;
	cr_assert(w->held, "round %d", round);
	cr_assert(scroll_settle(&src, &w->cur));
	cr_assert_lt(w->cur.line, src.height(src.arg, w->cur.pos), "round %d", round);
	copied(what);
}

Test(browse, any_keys_on_a_model_that_grows_and_drops, .init = init, .fini = fini)
{
	int rounds = getenv("BG_LONG") ? 30000 : 3000;

	for (int i = 0; i < rounds; i++) {
		static const int sizes[][2] = {
		    {80, 24}, {40, 15}, {200, 50}, {20, 6}, {3, 4}};
		const int *size = sizes[i / 50 % 5];

		any_fact(i);
		any_key();
		draw(size[0], size[1]);
		check(i);
		if (i % 700 == 699)
			screen_reset(&s);
	}
}
