/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_print.c: the facts as a post-mortem: its head, durations, actions, timeline. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "record/report_int.h"

static const char *
clock_of(const char *at)
{
	return strlen(at) == 24 ? at + 11 : "";
}

/* "ann (1)": the number is the row of the proof. */
static const char *
who(const struct js *item, char *out, size_t size)
{
	if (js_has(item, "person"))
		snprintf(out, size, "%s (%lld)", report_str(item, "by"),
		    (long long)js_int(item, "person", 0));
	else
		snprintf(out, size, "%s", report_str(item, "by"));
	return out;
}

/* "#12", "#12, #14" or nothing. */
static const char *
seqs(int64_t a, int64_t b, char *out, size_t size)
{
	out[0] = '\0';
	if (a > 0 && b > 0 && a != b)
		snprintf(out, size, "#%lld, #%lld", (long long)a, (long long)b);
	else if (a > 0 || b > 0)
		snprintf(out, size, "#%lld", (long long)(a > 0 ? a : b));
	return out;
}

static void row(FILE *to, const char *name, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void
row(FILE *to, const char *name, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	text_only_utf8(text);
	fprintf(to, "| %s ", name);
	md_cell(to, 400, "%s", text);
	fputs("|\n", to);
}

/* Words with commas, as long as they fit. */
static void join(char *out, size_t size, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void
join(char *out, size_t size, const char *fmt, ...)
{
	size_t len = strlen(out);
	va_list ap;

	if (len + 4 >= size)
		return;
	if (len)
		len += (size_t)snprintf(out + len, size - len, ", ");
	va_start(ap, fmt);
	vsnprintf(out + len, size - len, fmt, ap);
	va_end(ap);
}

/* ---- the head ------------------------------------------------------------------------
 */

static void
head_people(const struct js *facts, FILE *to)
{
	struct js *people = js_get_array(facts, "people");
	char text[500] = "";

	for (size_t i = 0; i < js_len(people); i++)
		join(text, sizeof text, "%s (%zu)", report_str(js_at(people, i), "name"),
		    i + 1);
	row(to, "Operators", "%s", text[0] ? text : "none");
}

static void
head_engines(const struct js *facts, FILE *to)
{
	struct js *engines = js_get_array(facts, "engines");
	char text[500] = "", version[64] = "";
	size_t begun = 0;

	for (size_t i = 0; i < js_len(engines); i++) {
		const struct js *e = js_at(engines, i);

		if (js_is(e, "how", "continued")) {
			begun++;
			join(text, sizeof text, "#%lld", (long long)js_int(e, "seq", 0));
		}
		if (js_has(e, "version"))
			snprintf(version, sizeof version, " (last version %.40s)",
			    report_str(e, "version"));
	}
	row(to, "Engine", "%zu restart%s%s%s%s", begun, begun == 1 ? "" : "s",
	    text[0] ? ": " : "", text, version);
}

static void
head_agent(const struct js *facts, FILE *to)
{
	struct js *turns = js_get_array(facts, "turns"),
		  *ss = js_get_array(facts, "sessions");
	const struct js *b = js_get(facts, "budget");
	char text[500] = "";

	for (size_t i = 0; i < js_len(ss); i++)
		join(text, sizeof text, "%s%s%s", report_str(js_at(ss, i), "driver"),
		    js_has(js_at(ss, i), "model") ? " " : "",
		    report_str(js_at(ss, i), "model"));
	for (size_t i = 0; i < js_len(turns); i++)
		if (js_has(js_at(turns, i), "driver") &&
		    !strstr(text, report_str(js_at(turns, i), "driver")))
			join(text, sizeof text, "%s",
			    report_str(js_at(turns, i), "driver"));
	if (!js_len(turns)) {
		row(to, "Agent", "was not asked");
		return;
	}
	row(to, "Agent",
	    "%zu turn%s by %s; %lld tokens in, %lld out, %lld from the cache, "
	    "%.4f USD",
	    js_len(turns), js_len(turns) == 1 ? "" : "s",
	    text[0] ? text : "an unknown driver", (long long)js_int(b, "in", 0),
	    (long long)js_int(b, "out", 0), (long long)js_int(b, "cache", 0),
	    b ? js_dbl(b, "cost_usd", 0) : 0.0);
}

static void
head_found(const struct js *facts, FILE *to)
{
	struct js *vs = js_get_array(facts, "verdicts"),
		  *verbs = js_get_array(facts, "verbs");
	char wrong[500] = "", done[500] = "";

	for (size_t i = 0; i < js_len(vs); i++)
		if (!js_bool(js_at(vs, i), "climbing", false))
			join(wrong, sizeof wrong, "%s (#%lld)",
			    report_str(js_at(vs, i), "word"),
			    (long long)js_int(js_at(vs, i), "seq", 0));
	for (size_t i = 0; i < js_len(verbs); i++) {
		const struct js *v = js_at(verbs, i);

		if (js_bool(v, "mutating", false))
			join(done, sizeof done, "%s by %s: %s%s", report_str(v, "verb"),
			    report_str(v, "by"), report_str(v, "state"),
			    js_has(v, "exit") && js_int(v, "exit", 0) ? " with an error"
								      : "");
	}
	row(to, "Verdicts", "%s", wrong[0] ? wrong : "none");
	row(to, "Power verbs", "%s", done[0] ? done : "none");
}

static void
head_journal(const struct js *facts, FILE *to)
{
	const struct js *records = js_get(facts, "records"),
			*file = js_get(facts, "file");
	char text[400];

	snprintf(text, sizeof text, "%lld records%s%.160s",
	    (long long)js_int(records, "read", 0), js_has(file, "check") ? "; " : "",
	    report_str(file, "check"));
	if (js_int(records, "missing", 0))
		join(text, sizeof text, "%lld numbers are missing",
		    (long long)js_int(records, "missing", 0));
	if (js_int(facts, "journal_trouble", 0))
		join(text, sizeof text, "its disk was in trouble, times: %lld",
		    (long long)js_int(facts, "journal_trouble", 0));
	row(to, "Journal", "%s", text);
}

static void
print_head(const struct js *facts, FILE *to)
{
	bool closed = js_is(facts, "state", "closed");
	char age[40];

	fputs("# Post-mortem: incident ", to);
	md_para(to, "%s",
	    js_has(facts, "incident") ? report_str(facts, "incident") : "without a name");
	md_para(to,
	    "VM 102 (the devvm), outcome: %s. Made from the incident's journal alone, "
	    "without AI. Times are UTC by the clock of the engine's machine; a number "
	    "behind a name is a row of \"Who\", #n is the number of a record.",
	    report_str(facts, "outcome"));
	fputs("| | |\n|---|---|\n", to);
	if (js_has(facts, "began"))
		row(to, "Began", "%s, as said to the report", report_str(facts, "began"));
	row(to, "Opened", "%s%s%s", report_str(facts, "opened"),
	    js_has(facts, "opened_by") ? " by " : "", report_str(facts, "opened_by"));
	row(to, closed ? "Closed" : "Still open at", "%s%s%s", report_str(facts, "last"),
	    closed && js_has(facts, "closed_why") ? ": " : "",
	    closed ? report_str(facts, "closed_why") : "");
	row(to, "Length", "%s",
	    report_ms(js_int(facts, "length_ms", 0), age, sizeof age));
	head_people(facts, to);
	head_found(facts, to);
	row(to, "Outcome", "%s%s%s", report_str(facts, "outcome"),
	    js_has(facts, "outcome_why") ? ": " : "", report_str(facts, "outcome_why"));
	head_agent(facts, to);
	head_engines(facts, to);
	head_journal(facts, to);
	putc('\n', to);
}

/* ---- durations, people, actions ---- */

static void
print_durations(const struct js *facts, FILE *to)
{
	struct js *list = js_get_array(facts, "durations");
	char a[48], age[40];

	fputs("## Durations\n\n| to | took | from … to | records |\n|---|---|---|---|\n",
	    to);
	for (size_t i = 0; i < js_len(list); i++) {
		const struct js *d = js_at(list, i);

		md_cell(to, 20, "%s", report_str(d, "what"));
		md_cell(to, 40, "%s",
		    js_has(d, "ms") ? report_ms(js_int(d, "ms", 0), age, sizeof age)
			: js_bool(d, "before", false) ? "none: the second came first"
						      : "not in this journal");
		md_cell(to, 140, "%s … %s", report_str(d, "from"), report_str(d, "to"));
		md_cell(to, 40, "%s",
		    seqs(js_int(d, "from_seq", 0), js_int(d, "to_seq", 0), a, sizeof a));
		fputs("|\n", to);
	}
	putc('\n', to);
	if (!js_has(facts, "began"))
		md_para(to,
		    "The journal begins with the first thing that anybody did here: when the "
		    "trouble itself began is added by --began TIME.");
}

static void
print_people(const struct js *facts, FILE *to)
{
	struct js *list = js_get_array(facts, "people");

	fputs("## Who\n\n", to);
	if (!js_len(list)) {
		md_para(to, "Nobody: no operator is in this journal.");
		return;
	}
	fputs(
	    "| n | name | proof | terminal | first, last record |\n|---|---|---|---|---|\n",
	    to);
	for (size_t i = 0; i < js_len(list); i++) {
		const struct js *p = js_at(list, i);

		fprintf(to, "| %zu ", i + 1);
		md_cell(to, 40, "%s%s", report_str(p, "name"),
		    js_bool(p, "read_only", false) ? " (read only)" : "");
		md_cell(to, 160, "%s", report_str(p, "proof"));
		md_cell(to, 40, "%s", report_str(p, "tty"));
		fprintf(to, "| #%lld, #%lld |\n", (long long)js_int(p, "seq", 0),
		    (long long)js_int(p, "last_seq", 0));
	}
	putc('\n', to);
}

static void
print_actions(const struct js *facts, FILE *to)
{
	struct js *list = js_get_array(facts, "actions");
	char name[80], a[48];

	fputs("## Who did what\n\n", to);
	if (!js_len(list)) {
		md_para(to, "Nothing was asked for.");
		return;
	}
	fputs("| UTC | who | did | what came of it | records |\n|---|---|---|---|---|\n",
	    to);
	for (size_t i = 0; i < js_len(list); i++) {
		const struct js *x = js_at(list, i);

		md_cell(to, 16, "%.12s", clock_of(report_str(x, "at")));
		md_cell(to, 48, "%s", who(x, name, sizeof name));
		md_cell(to, 120, "%s", report_str(x, "did"));
		md_cell(to, 120, "%s", report_str(x, "came"));
		md_cell(to, 40, "%s",
		    seqs(js_int(x, "seq", 0), js_int(x, "came_seq", 0), a, sizeof a));
		fputs("|\n", to);
	}
	putc('\n', to);
	if (js_has(facts, "actions_more"))
		md_para(to, "And %lld more, in the journal.",
		    (long long)js_int(facts, "actions_more", 0));
}

/* ---- the timeline ---- */

static const char *
elapsed(int64_t ms, char *out, size_t size)
{
	if (ms < 3600000)
		snprintf(out, size, "+%lld:%02lld.%03lld", (long long)(ms / 60000),
		    (long long)(ms / 1000 % 60), (long long)(ms % 1000));
	else
		snprintf(out, size, "+%lld:%02lld:%02lld", (long long)(ms / 3600000),
		    (long long)(ms / 60000 % 60), (long long)(ms / 1000 % 60));
	return out;
}

static void
timeline_line(struct md_block *b, const struct js *e)
{
	char number[24], age[32], name[80];

	snprintf(number, sizeof number, "#%lld", (long long)js_int(e, "seq", 0));
	md_block_line(b, 43, "%.12s %11s %-6s %-10s %s", clock_of(report_str(e, "at")),
	    elapsed(js_int(e, "ms", 0), age, sizeof age), number,
	    who(e, name, sizeof name), report_str(e, "text"));
	if (js_has(e, "more"))
		md_block_line(b, 43,
		    "%31s… %lld more of this kind, the last at %.12s (#%lld)", "",
		    (long long)js_int(e, "more", 0), clock_of(report_str(e, "more_at")),
		    (long long)js_int(e, "more_to", 0));
}

static void
print_timeline(const struct js *facts, FILE *to)
{
	struct js *list = js_get_array(facts, "timeline");
	char day[12] = "";
	struct md_block b;

	fputs("## Timeline\n\n", to);
	md_para(to,
	    "In the order of the records. The second column is the time since the first "
	    "one by the monotonic clock, which no setting of a clock moves.");
	md_block_open(&b);
	for (size_t i = 0; i < js_len(list); i++) {
		const struct js *e = js_at(list, i);
		const char *at = report_str(e, "at");

		if (js_has(e, "left_out")) {
			md_block_line(&b, 0,
			    "… %lld lines are left out here; the journal has them",
			    (long long)js_int(e, "left_out", 0));
			continue;
		}
		if (strncmp(day, at, 10) != 0) {
			snprintf(day, sizeof day, "%.10s", at);
			md_block_line(&b, 0, "%s", day);
		}
		timeline_line(&b, e);
	}
	md_block_close(&b, to, "");
}

void
report_print(const struct js *facts, FILE *to)
{
	print_head(facts, to);
	print_durations(facts, to);
	report_print_vm(facts, to);
	print_people(facts, to);
	print_actions(facts, to);
	print_timeline(facts, to);
	report_print_agent(facts, to);
	report_print_clocks(facts, to);
	report_print_end(facts, to);
}
