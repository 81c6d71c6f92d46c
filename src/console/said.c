/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/said.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "console/keymap.h"
#include "console/view_who.h"

#define BURST_LINES 200 /* output lines printed at once; more are counted */

static char said_before[16];

void
said_stamp(const char *stamp)
{
	snprintf(said_before, sizeof said_before, "%s%s", stamp, stamp[0] ? " " : "");
}

void
said_line(const char *prefix, const char *text, size_t len)
{
	struct canvas c;
	struct buf out;
	int col;

	/* Through a canvas, like all else: one gate for every byte. */
	canvas_init(&c, CANVAS_COLS_MAX, 1);
	buf_init(&out, 64 * 1024);
	col = canvas_text(&c, canvas_rect(&c), 0, 0, 0, said_before);
	col = canvas_text(&c, canvas_rect(&c), 0, col, 0, prefix);
	canvas_put(&c, canvas_rect(&c), 0, col, 0, text, len);
	if (canvas_print(&c, &out) == 0)
		fwrite(out.data, 1, out.len, stdout);
	buf_fini(&out);
	canvas_fini(&c);
}

static void
say(const char *text)
{
	said_line("", text, strlen(text));
}

/* --- chat --- */

void
said_lines(const struct lines *l)
{
	for (size_t i = 0; i < l->count; i++)
		said_line("", l->line[i].text ? l->line[i].text : "", l->line[i].len);
}

static void
print_item(const struct item *it)
{
	struct lines l;

	lines_init(&l, SAID_COLS);
	view_chat_render(&l, it, 0, 0);
	said_lines(&l);
	lines_fini(&l);
}

/* While the devvm comes back: each rung once. */
static void
print_climb(struct said *n, const struct proof *p)
{
	int reached = proof_reached(p);
	char text[128];

	if (reached < n->climbed)
		n->climbed = 0; /* another climb */
	for (; n->climbed < reached; n->climbed++) {
		const struct proof_rung *r = &p->rung[n->climbed];

		snprintf(text, sizeof text, "devvm: %s after %lld.%lld s", r->rung,
		    (long long)(r->ms / 1000), (long long)(r->ms % 1000 / 100));
		say(text);
	}
}

/* Only what will not change any more is printed; a verb's stages as they come. */
static void
print_chat(struct said *n, const struct screen *s)
{
	const struct transcript *t = &s->model.chat;

	for (size_t i = t->count > SAID_MAX ? t->count - SAID_MAX : 0; i < t->count;
	     i++) {
		const struct item *it = transcript_at(t, i);
		struct seen *seen = &n->chat[it->serial % SAID_MAX];
		bool first = seen->serial != it->serial;

		if ((!first && seen->version == it->version) || it->kind == ITEM_GONE)
			continue;
		if ((it->kind == ITEM_TEXT || it->kind == ITEM_THINKING) && !it->final)
			continue;
		if (it->kind == ITEM_PROOF && it->tone == TONE_BUSY) {
			print_climb(n, it->proof);
			continue;
		}
		if (first) {
			*seen = (struct seen){it->serial, it->version, it->text.len};
			print_item(it);
			continue;
		}
		seen->version = it->version;
		if (it->kind == ITEM_TOOL || it->kind == ITEM_PROOF ||
		    it->kind == ITEM_VERDICT || it->kind == ITEM_STILL) {
			print_item(it);
		} else if (it->text.len > seen->len) {
			const char *more = it->text.data + seen->len +
			    (it->text.data[seen->len] == '\n');

			said_line("  ", more, strlen(more));
			seen->len = it->text.len;
		}
	}
}

/* --- output of runs --- */

static void
print_output(const struct tail_run *r, const struct tail_line *l)
{
	char prefix[64], text[96];

	snprintf(
	    prefix, sizeof prefix, "[%s]%s ", r->id, l->stream == TAIL_ERR ? "!" : "");
	if (!l->gap) {
		said_line(prefix, l->text ? l->text : "", l->len);
		return;
	}
	snprintf(text, sizeof text, "… %lld bytes not shown; the journal has what came …",
	    (long long)(l->gap->to - l->gap->from));
	said_line(prefix, text, strlen(text));
}

static void
print_run(struct said *n, const struct tail_run *r)
{
	size_t slot = r->serial % SAID_MAX, i,
	       last = r->count - (r->open >= 0 && r->count > 0 ? 1 : 0);
	char prefix[64], text[128];

	if (n->run_serial[slot] != r->serial) {
		n->run_serial[slot] = r->serial;
		n->run_line[slot] = 0;
		n->run_ended[slot] = false;
		snprintf(prefix, sizeof prefix, "[%s] %s $ ", r->id, r->host);
		said_line(prefix, r->what, strlen(r->what));
	}
	i = r->wraps_others ? last : tail_index(r, n->run_line[slot]);
	if (last > i + BURST_LINES) {
		snprintf(text, sizeof text, "[%s] … %zu lines not read out …", r->id,
		    last - BURST_LINES - i);
		say(text);
		i = last - BURST_LINES;
	}
	for (; i < last; i++)
		print_output(r, tail_line(r, i));
	n->run_line[slot] = last < r->count ? tail_line(r, last)->at : r->next_place;
	if (r->ended && !n->run_ended[slot]) {
		n->run_ended[slot] = true;
		snprintf(prefix, sizeof prefix, "[%s] ", r->id);
		said_line(prefix, r->end, strlen(r->end));
	}
}

/* --- status: a line when its words change --- */

static void
print_status(struct said *n, const struct screen *s)
{
	const struct vm *vm = &s->model.vm;
	const struct verdict *v = &s->model.verdict;
	char text[512], who[120], verdict[160] = "", key[32];

	keymap_verb_label(v->outdated ? -1 : verdict_advice(v), false, key, sizeof key);
	if (v->known)
		snprintf(verdict, sizeof verdict, " Verdict: %s%s%s%s%s.",
		    v->outdated ? "was " : "", v->word, verdict_is_doubtful(v) ? "?" : "",
		    key[0] ? ", it advises " : "", key);
	snprintf(text, sizeof text, "VM 102 %s.%s pve %s, devvm %s, agent %s. %s%s%s",
	    vm->known ? vm->status : "not asked yet", verdict,
	    vm->link[VM_PVE].known ? vm->link[VM_PVE].state : "?",
	    vm->link[VM_DEVVM].known ? vm->link[VM_DEVVM].state : "?",
	    vm->agent.known ? vm->agent.state : "?",
	    vm->slot.holder[0] ? vm->slot.holder : "", vm->slot.holder[0] ? " runs " : "",
	    vm->slot.holder[0] ? vm->slot.verb : "");
	view_who_long(s, SAID_COLS, who, sizeof who);
	if (who[0])
		snprintf(text + strlen(text), sizeof text - strlen(text), " %s.", who);
	if (strcmp(text, n->status) != 0) {
		memcpy(n->status, text, sizeof text);
		say(text);
	}
}

static uint64_t
hash(const char *text)
{
	uint64_t h = 14695981039346656037u; /* FNV-1a */

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 1099511628211u;
	return h;
}

/* What the screen has below its top line: said when its words are new. */
static void
print_banners(struct said *n, const struct screen *s)
{
	struct banner *all = mem_alloc(BANNERS_MAX * sizeof *all);
	uint64_t now[BANNERS_MAX] = {0};
	int count = view_banner_list(s, all);

	for (int i = 0; i < count; i++) {
		bool said = false;

		now[i] = hash(all[i].text);
		for (int j = 0; j < BANNERS_MAX; j++)
			said |= n->banners[j] == now[i];
		if (!said)
			say(all[i].text);
	}
	memcpy(n->banners, now, sizeof now);
	free(all);
}

void
said_news(struct said *n, const struct screen *s)
{
	if (s->model.incident.caught_up || !s->link_up) {
		print_status(n, s);
		print_banners(n, s);
	}
	print_chat(n, s);
	for (size_t i = 0; i < s->model.tools.count; i++)
		print_run(n, s->model.tools.runs[i]);
}
