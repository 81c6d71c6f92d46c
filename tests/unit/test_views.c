/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The views that no other test draws, and that every view has its pictures. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "console/action/action.h"
#include "console/draw/theme.h"
#include "pictures.h"
#include "wire/verbs.h"

/* clang-format off */
static const char *const facts_night[] = {
    "{\"t\":\"state\",\"seq\":0,\"what\":\"vm\",\"status\":\"running\",\"qmp\":\"hung\",\"checked\":100000,"
    "\"staged\":[{\"key\":\"memory\",\"from\":\"8192\",\"to\":\"16384\"}]}",
    "{\"t\":\"incident\",\"seq\":1,\"id\":\"2026-11-26-a\",\"state\":\"opened\",\"by\":\"anna\"}",
    "{\"t\":\"state\",\"seq\":0,\"what\":\"budget\",\"in\":120000,\"out\":3400,\"cost_usd\":0.31,\"cost_max_usd\":50,\"turns\":2,"
    "\"turn_calls\":12,\"turn_calls_max\":200,\"turn_tokens\":34000,\"turn_tokens_max\":2000000,\"turn_ms_max\":1800000,"
    "\"turn_began\":-260000}",
    "{\"t\":\"state\",\"seq\":0,\"what\":\"agent\",\"state\":\"working\",\"driver\":\"api\",\"turn\":2,\"queued\":1,"
    "\"progress\":\"thinking, 1240 tokens\"}",
    "{\"t\":\"prompt\",\"seq\":2,\"turn\":2,\"by\":\"anna\",\"text\":\"the devvm hangs\"}",
    "{\"t\":\"text\",\"seq\":3,\"turn\":2,\"block\":1,\"text\":\"## What I see\\n\\nThe guest answers TCP, **no banner**:\\n\\n"
    "| rung | ms |\\n|---|---|\\n| tcp | 3 |\\n| banner | - |\\n\\n> io_uring stall, as in June\\n\"}",
    "{\"t\":\"tool\",\"seq\":4,\"id\":\"r1\",\"asked\":\"agent\",\"by\":\"agent\",\"host\":\"devvm\",\"what\":\"df -h /\"}",
    "{\"t\":\"output\",\"seq\":5,\"id\":\"r1\",\"stream\":\"out\",\"off\":0,\"data\":\"/dev/sda1 64G 96% /\\n\"}",
    "{\"t\":\"tool_end\",\"seq\":6,\"id\":\"r1\",\"exit\":1,\"ms\":1200,\"out\":20}",
    "{\"t\":\"verdict\",\"seq\":7,\"word\":\"hung\",\"advice\":\"cycle\",\"checked\":100000,"
    "\"why\":\"QEMU's main loop does not answer\",\"evidence\":[\"host: QMP silent for 3.0 s\"],"
    "\"not\":[{\"verb\":\"reset\",\"why\":\"it goes to the QEMU that hangs\"}]}",
    "{\"t\":\"tool\",\"seq\":8,\"id\":\"r2\",\"asked\":\"agent\",\"by\":\"agent\",\"host\":\"devvm\",\"what\":\"dmesg\"}",
    "{\"t\":\"output\",\"seq\":9,\"id\":\"r2\",\"stream\":\"out\",\"off\":0,\"data\":\"one\\ntwo\\n\"}",
    NULL};

static const char *const facts_api_down[] = {
    "{\"t\":\"state\",\"seq\":0,\"what\":\"agent\",\"state\":\"unavailable\",\"driver\":\"api\","
    "\"why\":\"api.anthropic.com: no answer within 10 s\",\"todo\":\"The keys and /triage work without it\"}",
    "{\"t\":\"error\",\"seq\":10,\"where\":\"agent\",\"text\":\"no answer within 10 s\",\"todo\":\"press F3, or /triage\"}", NULL};

static const char *const facts_memory[] = {
    "{\"t\":\"state\",\"seq\":0,\"what\":\"journal\",\"state\":\"memory\",\"why\":\"no space left on device\","
    "\"todo\":\"free some and /retry; /save keeps what is here\"}", NULL};

static const char *const facts_weak[] = {
    "{\"t\":\"state\",\"seq\":0,\"what\":\"custody\",\"key\":\"file\",\"memory\":\"mlock\",\"weak\":true,"
    "\"text\":\"this process can be dumped\",\"why\":\"/etc/breakglass/key is cut short: its END line is missing, copy it again\","
    "\"todo\":\"The key from before is used on; mend the file\"}", NULL};

static const char *const facts_sandbox[] = {
    "{\"t\":\"state\",\"seq\":0,\"what\":\"sandbox\",\"text\":\"Landlock 2, own view of the files, seccomp, no IP\","
    "\"open\":[\"signals\",\"abstract sockets\\u001b[2J\"]}", NULL};

static const char *const facts_closed[] = {
    "{\"t\":\"incident\",\"seq\":20,\"id\":\"2026-11-26-a\",\"state\":\"closed\",\"by\":\"anna\"}", NULL};

static const char *const facts_spent[] = {
    "{\"t\":\"state\",\"seq\":0,\"what\":\"budget\",\"in\":1200000,\"out\":34000,\"cost_usd\":41.2,\"cost_max_usd\":50,\"turns\":2,"
    "\"turn_calls\":200,\"turn_calls_max\":200,\"turn_tokens\":34000,\"turn_tokens_max\":2000000,\"verbs_hour\":3,"
    "\"verbs_hour_max\":3,\"spent\":\"calls\"}", NULL};

static const char *const facts_killed[] = {
    "{\"t\":\"state\",\"seq\":0,\"what\":\"autonomy\",\"level\":\"autonomous\"}",
    "{\"t\":\"state\",\"seq\":21,\"at\":\"2026-11-26T03:12:07.000Z\",\"what\":\"kill\",\"on\":true,\"by\":\"anna\",\"runs\":[]}",
    NULL};
/* clang-format on */

static struct screen s;

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

TestSuite(views, .init = init, .fini = fini);

Test(views, a_night)
{
	tell(&s, facts_night);
	expect_all_sizes(&s, "night");
	s.focus = FOCUS_TOOLS;
	expect_all_sizes(&s, "night-tools");
	s.zoom = true;
	expect_all_sizes(&s, "night-zoom");
}

Test(views, each_mutating_verb_has_its_box)
{
	static const int verbs[] = {VERB_START, VERB_STOP, VERB_RESET, VERB_CYCLE};
	char name[32];

	tell(&s, facts_night);
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		confirm_open_verb(&s.confirm, verbs[i], 0);
		snprintf(name, sizeof name, "confirm-%s", verb_rows[verbs[i]].name);
		expect_all_sizes(&s, name);
	}
}

Test(views, the_engine_is_lost)
{
	tell(&s, facts_night);
	s.link_up = false;
	snprintf(s.link_words, sizeof s.link_words,
	    "no answer for 15 s; asked again in 4 s. What is shown may be old");
	expect_all_sizes(&s, "lost-engine");
}

Test(views, the_api_is_down)
{
	tell(&s, facts_night);
	tell(&s, facts_api_down);
	expect_all_sizes(&s, "api-down");
}

Test(views, the_journal_is_in_memory_alone)
{
	tell(&s, facts_night);
	tell(&s, facts_memory);
	expect_all_sizes(&s, "journal-memory");
}

Test(views, keys_are_not_guarded_and_a_new_one_is_bad)
{
	tell(&s, facts_night);
	tell(&s, facts_weak);
	expect_all_sizes(&s, "weak");
}

Test(views, what_the_sandbox_leaves_open_is_named)
{
	static const char *const closed[] = {
	    "{\"t\":\"state\",\"seq\":0,\"what\":\"sandbox\",\"text\":\"Landlock 7\",\"open\":[]}",
	    NULL};

	tell(&s, facts_night);
	tell(&s, facts_sandbox);
	cr_assert_eq(s.model.vm.sandbox.open_count, 2);
	expect_all_sizes(&s, "sandbox");
	tell(&s, closed);
	cr_assert_eq(s.model.vm.sandbox.open_count, 0);
	cr_assert_str_empty(s.model.vm.sandbox.open);
}

Test(views, the_incident_is_closed)
{
	tell(&s, facts_night);
	tell(&s, facts_closed);
	expect_all_sizes(&s, "closed");
}

Test(views, the_kill_switch_is_on_and_the_screen_says_how_it_is_lifted)
{
	tell(&s, facts_night);
	tell(&s, facts_killed);
	expect_all_sizes(&s, "killed");
}

Test(views, a_budget_is_spent)
{
	tell(&s, facts_night);
	tell(&s, facts_spent);
	expect_all_sizes(&s, "spent");
}

Test(views, the_page_with_all_banners)
{
	tell(&s, facts_night);
	tell(&s, facts_api_down);
	tell(&s, facts_memory);
	s.page = PAGE_BANNERS;
	expect_all_sizes(&s, "banners");
}

/* --- the panes --- */

static bool
shows(int cols, int rows, const char *text)
{
	return strstr(drawn(&s, cols, rows), text) != NULL;
}

Test(views, the_border_moves_and_neither_pane_goes)
{
	struct canvas c;

	tell(&s, facts_night);
	canvas_init(&c, 140, 30);
	for (int i = 0; i < 20; i++)
		layout_split(&s, 5);
	layout_draw(&s, &c);
	cr_assert_eq(layout_split_now(&s), LAYOUT_SPLIT_MAX);
	cr_assert(shows(140, 30, "┬─ tools"));
	for (int i = 0; i < 40; i++)
		layout_split(&s, -5);
	cr_assert_eq(layout_split_now(&s), LAYOUT_SPLIT_MIN);
	cr_assert(shows(140, 30, "▸ chat"));
	expect_picture(&s, 80, 24, "split");
	layout_split_reset(&s);
	layout_draw(&s, &c);
	cr_assert_eq(layout_split_now(&s), 50);
	canvas_fini(&c);
}

Test(views, a_narrow_screen_has_one_pane_however_high_it_is)
{
	tell(&s, facts_night);
	cr_assert(shows(59, 50, "Tab: tools, r2 runs"));
	cr_assert_not(shows(59, 50, "─ tools ─"));
	cr_assert(shows(60, 18, "─ tools ─"));
}

Test(views, the_title_tells_what_came_into_the_other_pane)
{
	static const char *const more[] = {
	    "{\"t\":\"tool_end\",\"seq\":30,\"id\":\"r2\",\"exit\":0,\"ms\":900,\"out\":8}",
	    "{\"t\":\"tool\",\"seq\":31,\"id\":\"r3\",\"asked\":\"agent\",\"by\":\"agent\",\"host\":\"devvm\",\"what\":\"ls\"}",
	    "{\"t\":\"output\",\"seq\":32,\"id\":\"r3\",\"stream\":\"out\",\"off\":0,\"data\":\"a\\nb\\nc\\n\"}",
	    "{\"t\":\"tool_end\",\"seq\":33,\"id\":\"r3\",\"exit\":0,\"ms\":9,\"out\":6}",
	    NULL};

	tell(&s, facts_night);
	s.focus = FOCUS_TOOLS;
	cr_assert(shows(40, 15, "▸ tools"));
	s.focus = FOCUS_CHAT;
	tell(&s, more);
	cr_assert(shows(40, 15, "Tab: tools, 3 new lines"));
	s.focus = FOCUS_TOOLS;
	cr_assert(shows(40, 15, "▸ tools"));
	s.focus = FOCUS_CHAT;
	cr_assert(shows(40, 15, "Tab: tools ─"));
}

/* --- the status rows --- */

static int
column_of(const char *text)
{
	struct canvas c;
	const char *now, *at, *line;

	canvas_init(&c, 80, 24);
	layout_draw(&s, &c);
	now = printed(&c);
	canvas_fini(&c);
	at = strstr(now, text);
	cr_assert_not_null(at, "%s: %s", text, now);
	for (line = at; line > now && line[-1] != '\n'; line--)
		;
	return canvas_width(line, (size_t)(at - line));
}

Test(views, nothing_jumps_while_an_age_grows_and_a_link_slows)
{
	static const char *const slow[] = {
	    "{\"t\":\"state\",\"seq\":0,\"what\":\"link\",\"host\":\"pve\",\"state\":\"up\",\"ms\":412,\"since\":0}",
	    "{\"t\":\"state\",\"seq\":0,\"what\":\"slot\",\"holder\":\"anna\",\"verb\":\"cycle\",\"since\":100000}",
	    NULL};
	int agent = column_of("agent"), devvm = column_of("devvm up"),
	    autonomous = column_of("autonomous");

	tell(&s, slow);
	s.now += 21000;
	cr_assert(shows(80, 24, "(20 s ago)"));
	cr_assert_eq(column_of("agent"), agent);
	cr_assert_eq(column_of("devvm up"), devvm);
	cr_assert_eq(column_of("autonomous"), autonomous);
}

/* --- looks --- */

/* The cells that have the look of danger, as text; "#" is a frame. */
static const char *
danger(int cols, int rows)
{
	static char words[512];
	struct canvas c;
	size_t at = 0;

	canvas_init(&c, cols, rows);
	layout_draw(&s, &c);
	for (int row = 0; row < c.rows; row++)
		for (int col = 0; col < c.cols; col++)
			if (STYLE_GET_ROLE(canvas_cell(&c, row, col)->style) ==
				STYLE_GET_ROLE(LOOK_DANGER) &&
			    at + 1 < sizeof words)
				words[at++] = canvas_cell(&c, row, col)->ch[0] < 0x80
				    ? (char)canvas_cell(&c, row, col)->ch[0]
				    : '#';
	words[at] = '\0';
	canvas_fini(&c);
	return words;
}

Test(views, danger_is_for_power_actions_alone)
{
	const char *words;

	tell(&s, facts_night);
	tell(&s, facts_api_down);
	tell(&s, facts_memory);
	tell(&s, facts_spent);
	s.link_up = false;
	snprintf(s.link_words, sizeof s.link_words, "gone");
	words = danger(200, 50);
	cr_assert_str_eq(words, "F7 cycleF7 cycle", "%s", words);
	s.few_keys = true;
	words = danger(200, 50);
	cr_assert_not_null(strstr(words, "7 cycle7 cycle"), "%s", words);
	s.few_keys = false;
	confirm_open_key(&s.confirm, VM_PVE, "SHA256:abc", s.now);
	snprintf(s.confirm.typed, sizeof s.confirm.typed, "acc");
	words = danger(200, 50);
	cr_assert_str_eq(words, "F7 cycleF7 cycle", "a new key of a host: %s", words);
	confirm_open_verb(&s.confirm, VERB_CYCLE, s.now);
	cr_assert_gt(strlen(danger(200, 50)), 100, "a frame of danger");
}

Test(views, the_silence_of_the_model_counts_on)
{
	static const char *const quiet[] = {
	    "{\"t\":\"state\",\"seq\":0,\"what\":\"agent\",\"state\":\"working\",\"driver\":\"api\","
	    "\"mono_ms\":99000,\"quiet_ms\":62000}",
	    NULL};

	tell(&s, quiet);
	cr_assert(shows(200, 50, "agent working, quiet for 63 s"));
	s.now += 9000;
	cr_assert(shows(200, 50, "agent working, quiet for 72 s"));
}

Test(views, the_theme_and_the_border_are_commands)
{
	struct action_context a = {.screen = &s};

	theme_use(THEME_DARK);
	action_run(&a, ACTION_THEME, "pink");
	cr_assert_eq(theme_now(), THEME_DARK);
	cr_assert(shows(200, 50, "There is no theme pink. The theme is dark;"));
	cr_assert_not(a.redraw);
	action_run(&a, ACTION_THEME, "contrast");
	cr_assert_eq(theme_now(), THEME_CONTRAST);
	cr_assert(a.redraw, "all cells look otherwise now");
	action_run(&a, ACTION_SPLIT, "30");
	cr_assert_eq(layout_split_now(&s), 30);
	action_run(&a, ACTION_SPLIT, "300");
	cr_assert_eq(layout_split_now(&s), 30);
	cr_assert(shows(200, 50, "/split takes 20 to 80"));
	action_run(&a, ACTION_SPLIT, "");
	cr_assert_eq(s.split, 0);
}

/* --- all pictures --- */

/* Every view, in each of 40x15, 80x24 and 200x50. */
static const char *const views[] = {"first", "busy", "busy-tools", "night", "night-tools",
    "night-zoom", "verdict", "detail", "proof", "climb", "advised", "against", "nostart",
    "unfinished", "oldhost", "trouble", "confirm", "confirm-start", "confirm-stop",
    "confirm-reset", "confirm-cycle", "confirm-busy", "again", "anew", "reset",
    "help-here", "help-verbs", "help-all", "cold", "cold-banner", "tour-start",
    "tour-hung", "who-page", "who-drive", "who-free", "who-lost", "who-watch",
    "who-readonly", "palette-all", "palette-chosen", "palette-over", "palette-runbooks",
    "prompt-lines", "prompt-long", "prompt-search", "prompt-wide", "browse-chat",
    "browse-tools", "select-tools", "search-typed", "search-kept", "search-none", "tools",
    "tools-odd", "fold", "run", "capture", "screen-panic", "screen-graphics",
    "screen-none", "ask-banner", "ask-box", "ask-verb", "ask-long", "ask-answered",
    "left", "left-nothing", "route", "runbooks", "replay", "replay-live", "replay-pause",
    "replay-paused", "replay-help", "lost-engine", "api-down", "journal-memory", "closed",
    "spent", "sandbox", "killed", "banners", "progress-first", "progress-stop",
    "progress-climb", "progress-late", "progress-retry", "progress-waiting",
    "progress-shell", "shell-refused", "shell-other"};

Test(pictures, each_view_has_one_in_each_size)
{
	static const char *const sizes[] = {"40x15", "80x24", "200x50"};
	char path[512];

	for (size_t i = 0; i < sizeof views / sizeof views[0]; i++)
		for (size_t z = 0; z < 3; z++) {
			snprintf(path, sizeof path, "%s/%s-%s.screen", GOLDEN_DIR,
			    views[i], sizes[z]);
			cr_expect(
			    access(path, R_OK) == 0, "there is no picture %s", path);
		}
}

static void
look_at(const char *file, int cols, int rows)
{
	char path[512], line[2048];
	int n = 0;
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", GOLDEN_DIR, file);
	f = fopen(path, "r");
	cr_assert_not_null(f, "%s", path);
	while (fgets(line, sizeof line, f)) {
		size_t len = strcspn(line, "\n");

		n++;
		cr_expect(canvas_width(line, len) <= cols, "%s:%d is wider than %d", file,
		    n, cols);
		cr_expect(canvas_width(line, len) < cols || line[len - 1] != ' ');
	}
	cr_expect(n == rows, "%s has %d rows", file, n);
	fclose(f);
}

Test(pictures, none_is_wider_or_higher_than_its_screen)
{
	DIR *dir = opendir(GOLDEN_DIR);
	struct dirent *e;
	int seen = 0;

	setlocale(LC_CTYPE, "C.UTF-8");
	cr_assert_not_null(dir);
	while ((e = readdir(dir)) != NULL) {
		const char *size = strrchr(e->d_name, '-');
		int cols, rows;

		if (!size || sscanf(size, "-%dx%d.screen", &cols, &rows) != 2)
			continue;
		look_at(e->d_name, cols, rows);
		seen++;
	}
	closedir(dir);
	cr_assert_gt(seen, 200);
}
