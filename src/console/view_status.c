/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view_status.h"

#include <stdio.h>
#include <string.h>

#include "console/lines.h"
#include "console/words.h"
#include "wire/verbs.h"

#define PARTS_MAX 12
#define BANNER_ROWS 2 /* of one banner, where there is room */
#define ESSENTIAL 5   /* parts that are shortened before they are left out */

struct part {
	char text[2][160]; /* long, short */
	uint32_t look;
	bool shorter, gone;
};

struct parts {
	struct part part[PARTS_MAX]; /* in the order of their rank */
	int count;
};

static struct part *
part_add(struct parts *p, uint32_t look)
{
	struct part *n = &p->part[p->count < PARTS_MAX - 1 ? p->count++ : p->count];

	memset(n, 0, sizeof *n);
	n->look = look;
	return n;
}

static void
add_vm(struct parts *p, const struct screen *s, int64_t now, int cols)
{
	const struct vm *vm = &s->model.vm;
	struct part *n;
	char age[32];

	if (!vm->known) {
		n = part_add(p, LOOK_BUSY);
		/* The engine asks by itself; a frozen QEMU keeps the host busy for 5 s.
		 */
		snprintf(n->text[0], sizeof n->text[0], "VM 102 %s",
		    strcmp(vm->link[VM_PVE].state, "up") == 0 ? "is being asked"
							      : "not asked yet");
		snprintf(n->text[1], sizeof n->text[1], "VM ?");
		return;
	}
	n = part_add(
	    p, strcmp(vm->status, "running") == 0 ? LOOK_GOOD | STYLE_BOLD : LOOK_BAD);
	if (strcmp(vm->qmp, "hung") == 0)
		n->look = LOOK_BAD;
	words_age(now - vm->checked, age, sizeof age);
	snprintf(n->text[0], sizeof n->text[0], "VM 102 %s%s (%s)", vm->status,
	    strcmp(vm->qmp, "hung") == 0 ? ", QMP hung" : "", age);
	if (cols < 30)
		snprintf(n->text[1], sizeof n->text[1], "%s (%s)",
		    strcmp(vm->qmp, "hung") == 0 ? "VM hung" : vm->status, age);
	else
		snprintf(n->text[1], sizeof n->text[1], "VM %s%s (%s)", vm->status,
		    strcmp(vm->qmp, "hung") == 0 ? ", hung" : "", age);
}

static void
add_slot(struct parts *p, const struct screen *s, int64_t now)
{
	const struct vm *vm = &s->model.vm;
	struct part *n;
	char span[32];

	if (!vm->slot.holder[0])
		return;
	n = part_add(p, LOOK_BUSY | STYLE_BOLD);
	words_span(now - vm->slot.since, span, sizeof span);
	snprintf(n->text[0], sizeof n->text[0], "%s by %s %s", vm->slot.verb,
	    vm->slot.holder, span);
	snprintf(n->text[1], sizeof n->text[1], "%s %s", vm->slot.verb, span);
}

static void
add_link(struct parts *p, const struct screen *s, enum vm_host host, int64_t now)
{
	const struct vm_link *l = &s->model.vm.link[host];
	const char *name = vm_host_names[host];
	bool up = strcmp(l->state, "up") == 0;
	struct part *n = part_add(p, up ? LOOK_GOOD : LOOK_BUSY);
	char age[32];

	if (!l->known) {
		snprintf(n->text[0], sizeof n->text[0], "%s ?", name);
		snprintf(n->text[1], sizeof n->text[1], "%s ?", name);
		return;
	}
	if (strcmp(l->state, "down") == 0 || strcmp(l->state, "refused") == 0 ||
	    strcmp(l->state, "silent") == 0)
		n->look = LOOK_BAD;
	snprintf(n->text[1], sizeof n->text[1], "%s %s", name, l->state);
	if (up && l->ms >= 0)
		snprintf(n->text[0], sizeof n->text[0], "%s up %lld ms", name,
		    (long long)l->ms);
	else if (up || strcmp(l->state, "idle") == 0)
		snprintf(n->text[0], sizeof n->text[0], "%s %s", name, l->state);
	else if (now - l->since < 20000)
		snprintf(n->text[0], sizeof n->text[0], "%s %s", name, l->state);
	else
		snprintf(n->text[0], sizeof n->text[0], "%s %s %s", name, l->state,
		    words_age(now - l->since, age, sizeof age));
}

static void
add_agent(struct parts *p, const struct screen *s)
{
	const struct vm *vm = &s->model.vm;
	struct part *n;
	char more[40] = "";

	if (!vm->agent.known)
		return;
	n = part_add(p,
	    strcmp(vm->agent.state, "ready") == 0	      ? LOOK_GOOD
		: strcmp(vm->agent.state, "unavailable") == 0 ? LOOK_BAD
							      : LOOK_BUSY);
	if (vm->agent.queued > 0)
		snprintf(more, sizeof more, " +%lld queued", (long long)vm->agent.queued);
	snprintf(n->text[0], sizeof n->text[0], "agent %s%s%s%s%s", vm->agent.state,
	    vm->agent.driver[0] ? " (" : "", vm->agent.driver,
	    vm->agent.driver[0] ? ")" : "", more);
	snprintf(n->text[1], sizeof n->text[1], "agent %s", vm->agent.state);
	if (vm->agent.quiet_ms >= 60000)
		snprintf(n->text[0], sizeof n->text[0], "agent %s, quiet for %lld s",
		    vm->agent.state, (long long)(vm->agent.quiet_ms / 1000));
}

static void
add_people(struct parts *p, const struct screen *s)
{
	const struct incident *in = &s->model.incident;
	struct part *n;
	size_t at;

	if (in->operators < 2 && !s->read_only)
		return;
	n = part_add(p, LOOK_PLAIN);
	if (s->read_only) {
		snprintf(n->text[0], sizeof n->text[0], "watching only");
		snprintf(n->text[1], sizeof n->text[1], "watching");
		return;
	}
	at = (size_t)snprintf(n->text[0], sizeof n->text[0], "%d here:", in->operators);
	for (int i = 0; i < in->operators && at + 40 < sizeof n->text[0]; i++)
		at += (size_t)snprintf(n->text[0] + at, sizeof n->text[0] - at, " %s%s",
		    in->here[i].name, in->here[i].driving ? "*" : "");
	snprintf(n->text[1], sizeof n->text[1], "%d here", in->operators);
}

static void
add_rest(struct parts *p, const struct screen *s)
{
	const struct vm *vm = &s->model.vm;
	struct part *n;
	char tokens[16];

	if (vm->autonomy[0]) {
		n = part_add(p, LOOK_PLAIN);
		snprintf(n->text[0], sizeof n->text[0], "%s", vm->autonomy);
		snprintf(n->text[1], sizeof n->text[1], "%s",
		    strcmp(vm->autonomy, "autonomous") == 0 ? "auto" : vm->autonomy);
	}
	add_people(p, s);
	if (s->model.incident.id[0]) {
		n = part_add(p, LOOK_QUIET);
		snprintf(n->text[0], sizeof n->text[0], "%s%s", s->model.incident.id,
		    s->model.incident.open ? "" : " (closed)");
		snprintf(n->text[1], sizeof n->text[1], "%.12s", s->model.incident.id);
	}
	if (vm->budget.in + vm->budget.out > 0) {
		n = part_add(p, LOOK_QUIET);
		words_count(vm->budget.in + vm->budget.out, tokens, sizeof tokens);
		snprintf(n->text[0], sizeof n->text[0], "%s tokens $%.2f", tokens,
		    vm->budget.cost_usd);
		snprintf(n->text[1], sizeof n->text[1], "$%.2f", vm->budget.cost_usd);
	}
}

static int
total_width(const struct parts *p)
{
	int cols = 0;

	for (int i = 0; i < p->count; i++) {
		const struct part *n = &p->part[i];
		const char *text = n->text[n->shorter];

		if (!n->gone)
			cols += canvas_width(text, strlen(text)) + (cols > 0 ? 3 : 0);
	}
	return cols;
}

/* Shortens and leaves out from the last rank up; what the VM does comes last. */
static void
squeeze(struct parts *p, int cols)
{
	for (int i = p->count - 1; i > 0 && total_width(p) > cols; i--)
		p->part[i].shorter = true;
	for (int i = p->count - 1; i >= ESSENTIAL && total_width(p) > cols; i--)
		p->part[i].gone = true;
	if (total_width(p) > cols)
		p->part[0].shorter = true;
	for (int i = p->count - 1; i > 0 && total_width(p) > cols; i--)
		p->part[i].gone = true;
	for (int i = 0; i < p->count; i++) { /* what was taken too much is given back */
		p->part[i].shorter = p->part[i].shorter && !p->part[i].gone;
		if (!p->part[i].shorter)
			continue;
		p->part[i].shorter = false;
		p->part[i].shorter = total_width(p) > cols;
	}
}

void
view_status_draw(const struct screen *s, struct canvas *c, struct rect r)
{
	int64_t now = model_now(&s->model, s->now);
	struct parts p = {.count = 0};
	int col = 0;

	add_vm(&p, s, now, r.cols);
	add_slot(&p, s, now);
	add_link(&p, s, VM_PVE, now);
	add_link(&p, s, VM_DEVVM, now);
	add_agent(&p, s);
	add_rest(&p, s);
	squeeze(&p, r.cols);
	for (int i = 0; i < p.count; i++) {
		const struct part *n = &p.part[i];

		if (n->gone)
			continue;
		if (col > 0)
			col = canvas_text(c, r, 0, col, LOOK_QUIET, " │ ");
		col = canvas_text(c, r, 0, col, n->look, n->text[n->shorter]);
	}
}

/* --- banners: the most urgent first --- */

struct banners {
	const struct screen *s;
	struct canvas *c;
	struct rect r;
	int rows;
	int each; /* lines that one may take */
};

static void
banner(struct banners *b, uint32_t look, const char *text)
{
	struct lines l;

	lines_init(&l, b->r.cols);
	snprintf(l.indent, sizeof l.indent, "  ");
	lines_str(&l, look, text);
	for (int i = 0; i < (int)l.count && i < b->each && b->rows < b->r.rows; i++) {
		struct rect line = {b->r.row + b->rows++, b->r.col, 1, b->r.cols};

		canvas_fill(b->c, line, look);
		lines_draw(&l, (size_t)i, b->c, line, 0);
	}
	lines_fini(&l);
}

static void
unfinished_banner(struct banners *b)
{
	const struct vm *vm = &b->s->model.vm;
	char key[48] = "F2 (Esc 2) status", text[512], at[9] = "";
	int verb = verb_by_name(vm->unfinished.key, strlen(vm->unfinished.key));

	if (!vm->unfinished.verb[0])
		return;
	if (verb >= 0)
		snprintf(key, sizeof key, "F%d (Esc %d) %s", verb_rows[verb].fkey,
		    verb_rows[verb].fkey, verb_rows[verb].name);
	if (strlen(vm->unfinished.at) >= 19)
		snprintf(at, sizeof at, "%.8s", vm->unfinished.at + 11);
	snprintf(text, sizeof text, "UNFINISHED %s: now %s. VM 102 is %s. By %s %s.",
	    vm->unfinished.verb, key, vm->known ? vm->status : "unknown",
	    vm->unfinished.by, at);
	banner(b, LOOK_DANGER, text);
}

static bool
is_down(const struct vm_link *l)
{
	return (strcmp(l->state, "down") == 0 || strcmp(l->state, "refused") == 0) &&
	    l->why[0];
}

static void
key_banners(struct banners *b)
{
	for (int h = VM_HOSTS - 1; h >= 0; h--) {
		char text[256];

		if (strcmp(b->s->model.vm.link[h].key, "changed") != 0)
			continue;
		snprintf(text, sizeof text, "HOST KEY of %s CHANGED: /accept %s. %s",
		    vm_host_names[h], vm_host_names[h],
		    h == VM_PVE ? "Until then mutating verbs are refused."
				: "Verbs and agent go on.");
		banner(b, LOOK_DANGER, text);
	}
}

static void
journal_banner(struct banners *b)
{
	const struct vm *vm = &b->s->model.vm;
	char text[768];

	if (!vm->journal.state[0] || strcmp(vm->journal.state, "ok") == 0)
		return;
	snprintf(text, sizeof text, "JOURNAL %s: %s. %s",
	    strcmp(vm->journal.state, "memory") == 0 ? "only in memory"
						     : vm->journal.state,
	    vm->journal.why, vm->journal.todo);
	banner(b, LOOK_BAD, text);
}

static void
link_banners(struct banners *b)
{
	const struct vm_link *links = b->s->model.vm.link;
	int each = b->each;

	if (is_down(&links[VM_DEVVM]) && is_down(&links[VM_PVE]))
		b->each = 1;
	for (int h = VM_HOSTS - 1; h >= 0; h--) {
		const struct vm_link *l = &links[h];
		char text[640];

		if (!is_down(l) || strcmp(l->key, "changed") == 0)
			continue;
		snprintf(text, sizeof text, "%s %s: %s%s%s", vm_host_names[h], l->state,
		    l->why, l->todo[0] ? ". " : "", l->todo);
		banner(b, LOOK_BAD, text);
	}
	b->each = each;
}

int
view_banner_draw(const struct screen *s, struct canvas *c, struct rect r)
{
	struct banners b = {s, c, r, 0, r.rows >= 4 ? BANNER_ROWS : 1};
	const struct vm *vm = &s->model.vm;
	char text[768];

	if (!s->link_up && s->link_words[0]) {
		snprintf(text, sizeof text, "ENGINE: %s", s->link_words);
		banner(&b, LOOK_DANGER, text);
	}
	unfinished_banner(&b);
	key_banners(&b);
	journal_banner(&b);
	link_banners(&b);
	if (strcmp(vm->host_program, "old") == 0)
		banner(&b, LOOK_BUSY,
		    "The host program on pve is old: verbs work, "
		    "proof and verdict are limited. Install ours (see README).");
	if (strcmp(vm->agent.state, "unavailable") == 0) {
		snprintf(text, sizeof text, "No agent: %s. %s",
		    vm->agent.why[0] ? vm->agent.why : "no reason given",
		    vm->agent.todo[0] ? vm->agent.todo : "The keys work without it.");
		/* It stays for hours: one line; a prompt is answered with all of it. */
		if (s->model.chat.count > 0)
			b.each = 1;
		banner(&b, LOOK_BUSY, text);
	}
	return b.rows;
}
