/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "console/draw/words.h"

#define LATE_MS 3000 /* so much over one and a half times the usual is late */
#define BRIEF_MS 1000
#define QUIET_LONG_MS                                                     \
	60000 /* a model that is silent so long: what can be done is told \
	       */
#define ROOMY_COLS 50
#define LINK_SLOW_MS 1000 /* a step of a connection that is worth a word */

/* --- times --- */

static int64_t
since(int64_t from, int64_t now)
{
	return now > from ? now - from : 0;
}

/* Nobody counts tenths of what takes a minute. */
static const char *
span(int64_t ms, char out[32])
{
	if (ms < BRIEF_MS)
		snprintf(out, 32, "<1 s");
	else
		words_span(ms, out, 32);
	return out;
}

static int64_t
usual_of(const struct vm *vm, int stage)
{
	const struct vm_usual *u = &vm->usual[vm->course.verb];

	return u->n > 0 ? u->stage_ms[stage] : -1;
}

static bool
is_in_hand(const struct vm *vm)
{
	return vm->course.state == COURSE_RUNNING || vm->course.state == COURSE_CLIMBING;
}

static int64_t
elapsed(const struct course *c, int64_t now)
{
	return c->now >= 0 ? since(c->now_began, now) : 0;
}

static bool
is_late(const struct vm *vm, int64_t now)
{
	const struct course *c = &vm->course;
	int64_t usual = c->now >= 0 ? usual_of(vm, c->now) : -1;

	return is_in_hand(vm) && usual >= 0 &&
	    elapsed(c, now) > usual + usual / 2 + LATE_MS;
}

/* --- the strip --- */

/* What the host does by itself when a stage's time is over. */
static const char *
limit_words(enum course_stage stage)
{
	switch (stage) {
	case COURSE_FORENSICS:
		return "ends at";
	case COURSE_STOP:
		return "killed at";
	default:
		return "given up at";
	}
}

/* A part of the strip keeps together: it begins a line rather than being broken. */
static void
part(struct lines *l, bool first, uint32_t look, const char *text, const char *more)
{
	int cols = canvas_width(text, strlen(text)) + canvas_width(more, strlen(more));

	if (!first && l->line[l->count - 1].cols + 3 + cols > l->width) {
		lines_str(l, LOOK_QUIET, " ·");
		lines_break(l);
		lines_sign(l, LOOK_PLAIN, l->indent);
	} else if (!first) {
		lines_str(l, LOOK_QUIET, " · ");
	}
	lines_str(l, look, text);
	lines_str(l, LOOK_QUIET, more);
}

static void
part_now(struct lines *l, bool first, const struct vm *vm, int64_t now)
{
	const struct course *c = &vm->course;
	enum course_stage stage = (enum course_stage)c->now;
	int64_t usual = usual_of(vm, c->now), limit = course_limit_ms(c, stage);
	char text[64], more[96] = "", a[32], b[32];

	if (elapsed(c, now) > limit || (usual >= 0 && l->width < ROOMY_COLS))
		limit = 0; /* past it, or told where it is late */
	snprintf(text, sizeof text, "%s %s", course_stage_name(stage),
	    span(elapsed(c, now), a));
	if (usual >= 0 && limit > 0)
		snprintf(more, sizeof more, " (usually %s, %s %s)", span(usual, a),
		    limit_words(stage), span(limit, b));
	else if (usual >= 0)
		snprintf(more, sizeof more, " (usually %s)", span(usual, a));
	else if (limit > 0)
		snprintf(
		    more, sizeof more, " (%s %s)", limit_words(stage), span(limit, b));
	part(l, first, LOOK_BUSY | STYLE_BOLD, text, more);
}

static void
part_done(struct lines *l, bool first, const struct course *c, int stage)
{
	char text[64], age[32];

	snprintf(text, sizeof text, "%s ✓ %s",
	    course_stage_name((enum course_stage)stage), span(c->took[stage], age));
	part(l, first, LOOK_GOOD, text, "");
}

/* What took no time that anybody would notice is left out when it is over. */
static bool
is_shown(const struct course *c, int stage)
{
	return stage != COURSE_SEND || c->now == stage || c->took[stage] >= BRIEF_MS;
}

static void
say_stages(struct lines *l, const struct vm *vm, int64_t now)
{
	const struct course *c = &vm->course;
	bool first = true, sure;

	for (int i = 0; i < COURSE_STAGES; i++) {
		course_has(c->verb, (enum course_stage)i, &sure);
		if (!is_shown(c, i))
			continue;
		if (c->now == i)
			part_now(l, first, vm, now);
		else if (c->took[i] >= 0)
			part_done(l, first, c, i);
		else if (sure && i > c->now)
			part(l, first, LOOK_QUIET,
			    course_stage_name((enum course_stage)i), "");
		else
			continue;
		first = false;
	}
}

static void
say_whole(struct lines *l, const struct vm *vm, int64_t now)
{
	const struct course *c = &vm->course;
	const struct vm_usual *u = &vm->usual[c->verb];
	const char *name = verb_rows[c->verb].name;
	char text[128], a[32], b[32];

	if (c->state == COURSE_CLIMBING && u->n > 0 && u->ms >= 0) {
		/* How long it has been is told above, with the rungs. */
		snprintf(text, sizeof text, "usually %s until healthy", span(u->ms, b));
		lines_str(l, LOOK_QUIET, text);
		return;
	}
	span(since(c->sent >= 0 ? c->sent : c->began, now), a);
	if (u->n <= 0)
		snprintf(text, sizeof text, "%s so far; no earlier %s to compare with", a,
		    name);
	else if (u->ms < 0)
		snprintf(text, sizeof text, "%s so far; no earlier %s came back healthy",
		    a, name);
	else
		snprintf(text, sizeof text, "%s so far, usually %s until %s", a,
		    span(u->ms, b), c->verb == VERB_STOP ? "it is off" : "healthy");
	lines_str(l, LOOK_QUIET, text);
}

char *
progress_late(const struct vm *vm, int64_t now, char *out, size_t size)
{
	const struct course *c = &vm->course;
	enum course_stage stage = (enum course_stage)c->now;
	int64_t limit;
	char a[32], b[32], d[32], then[64] = "";

	out[0] = '\0';
	if (!is_late(vm, now))
		return out;
	limit = course_limit_ms(c, stage);
	if (limit > elapsed(c, now))
		snprintf(then, sizeof then,
		    stage == COURSE_STOP ? "; the host kills it at %s"
					 : "; the host gives up at %s",
		    span(limit, d));
	snprintf(out, size, "longer than usual: %s, usually %s%s",
	    span(elapsed(c, now), a), span(usual_of(vm, c->now), b), then);
	return out;
}

/* Where it does not fit in one line, what the host will do has its own. */
static void
say_late(struct lines *l, char *late)
{
	char *then = strstr(late, "; ");
	bool two = then && 4 + canvas_width(late, strlen(late)) > l->width;

	lines_sign(l, LOOK_PLAIN, l->indent);
	if (two)
		*then = '\0';
	lines_str(l, LOOK_BUSY, late);
	lines_break(l);
	if (!two)
		return;
	lines_sign(l, LOOK_PLAIN, l->indent);
	lines_str(l, LOOK_BUSY, then + 2);
	lines_break(l);
}

void
progress_strip(struct lines *l, const struct vm *vm, int64_t now)
{
	char late[160];

	if (!is_in_hand(vm))
		return;
	snprintf(l->indent, sizeof l->indent, "    ");
	lines_sign(l, LOOK_PLAIN, l->indent);
	say_stages(l, vm, now);
	lines_break(l);
	lines_sign(l, LOOK_PLAIN, l->indent);
	say_whole(l, vm, now);
	lines_break(l);
	if (progress_late(vm, now, late, sizeof late)[0])
		say_late(l, late);
	if (vm->course.waiting) {
		lines_sign(l, LOOK_PLAIN, l->indent);
		lines_str(l, LOOK_BUSY,
		    "past the engine's limit: the host goes on by itself and is still watched; "
		    "nothing is sent again");
		lines_break(l);
	}
	l->indent[0] = '\0';
}

bool
progress_is_of(const struct model *m, const struct item *it)
{
	const struct course *c = &m->vm.course;

	if (c->state == COURSE_RUNNING)
		return it->kind == ITEM_VERB && strcmp(it->id, c->id) == 0;
	return c->state == COURSE_CLIMBING && it->kind == ITEM_PROOF &&
	    it->tone == TONE_BUSY;
}

/* --- in short --- */

char *
progress_verb(const struct vm *vm, int64_t now, bool tight, char *out, size_t size)
{
	const struct course *c = &vm->course;
	char a[32], b[32], more[48] = "", stage[64] = "";
	int64_t usual;

	out[0] = '\0';
	if (!is_in_hand(vm) || c->now < 0)
		return out;
	usual = usual_of(vm, c->now);
	if (is_late(vm, now) && !tight)
		snprintf(more, sizeof more, ", longer than usual");
	else if (usual >= 0 && !tight)
		snprintf(more, sizeof more, " (usually %s)", span(usual, b));
	snprintf(stage, sizeof stage, "%s %s%s",
	    course_stage_name((enum course_stage)c->now), span(elapsed(c, now), a), more);
	if (tight)
		snprintf(out, size, "%s: %s",
		    is_late(vm, now) ? "late" : verb_rows[c->verb].name, stage);
	else
		snprintf(out, size, "%s%s%s %s: %s", verb_rows[c->verb].name,
		    vm->slot.holder[0] ? " by " : "", vm->slot.holder,
		    span(since(c->sent >= 0 ? c->sent : c->began, now), b), stage);
	return out;
}

/* Its why ends in the same count, as it was when it was told. */
static void
reason(const char *why, char *out, size_t size)
{
	const char *end = strstr(why, ": retry ");

	snprintf(out, size, "%.*s", end ? (int)(end - why) : (int)strlen(why), why);
}

char *
progress_agent(const struct vm *vm, int64_t now, char *out, size_t size)
{
	int64_t told = vm->agent.told, left = vm->agent.retry_ms - since(told, now);
	int64_t quiet = vm->agent.quiet_ms + since(told, now);
	char why[160], tries[64] = "", a[48];

	out[0] = '\0';
	if (vm->agent.retry_ms >= 0) {
		reason(vm->agent.why, why, sizeof why);
		if (vm->agent.attempts > 0)
			snprintf(tries, sizeof tries, ", try %" PRId64 " of %" PRId64,
			    vm->agent.attempt + 1, vm->agent.attempts + 1);
		if (left > 0)
			snprintf(a, sizeof a, "in %" PRId64 " s", (left + 999) / 1000);
		else
			snprintf(a, sizeof a, "now");
		snprintf(out, size, "asked again %s%s; F8 stops%s%s", a, tries,
		    why[0] ? ": " : "", why);
	} else if (vm->agent.quiet_ms > 0) {
		snprintf(out, size, "no word from the model for %s%s",
		    words_span(quiet, a, sizeof a),
		    quiet >= QUIET_LONG_MS ? "; F8 stops it, the keys need no model"
					   : "");
	}
	return out;
}

bool
progress_shorter(char *text)
{
	static const char *const spare[] = {" from the model", "asked "};
	size_t len = strlen(text);

	while (len > 0 && !(strchr(",;:", text[len - 1]) && text[len] == ' '))
		len--;
	if (len > 0) {
		text[len - 1] = '\0';
		return true;
	}
	for (size_t i = 0; i < sizeof spare / sizeof spare[0]; i++) {
		char *at = strstr(text, spare[i]);

		if (!at)
			continue;
		memmove(at, at + strlen(spare[i]), strlen(at + strlen(spare[i])) + 1);
		return true;
	}
	return false;
}

char *
progress_link(const struct vm_link *l, int64_t now, char *out, size_t size)
{
	char age[32];

	out[0] = '\0';
	if (l->step[0] && since(l->since, now) >= LINK_SLOW_MS)
		snprintf(out, size, "%s %s", l->step, span(since(l->since, now), age));
	return out;
}

char *
progress_shell(int64_t asked, int64_t now, char *out, size_t size)
{
	char age[32];

	if (since(asked, now) < BRIEF_MS)
		snprintf(out, size, "asks for a shell; Esc gives up");
	else
		snprintf(out, size, "no shell yet, %s of 15 s; Esc gives up",
		    words_span(since(asked, now), age, sizeof age));
	return out;
}

bool
progress_ticks(const struct model *m, int64_t now)
{
	const struct vm *vm = &m->vm;

	if (is_in_hand(vm))
		return true;
	if (vm->agent.quiet_ms > 0)
		return true;
	if (vm->agent.retry_ms >= 0 && since(vm->agent.told, now) < vm->agent.retry_ms)
		return true;
	for (int h = 0; h < VM_HOSTS; h++)
		if (vm->link[h].step[0])
			return true;
	return false;
}
