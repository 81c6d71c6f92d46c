/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "host/escape.h"
#include "host/mono.h"
#include "host/out.h"
#include "host/tell.h"
#include "host/verdict.h"

#define LINE_BYTES 57 /* 76 characters of base64 */

static void
tell_process(struct out *o, const struct evidence *e)
{
	static const char *const found[] = {"none", "foreign", "unproven", "ours"};

	out_fact(o, "qemu", found[e->qemu.found]);
	if (e->qemu.found < QEMU_UNPROVEN)
		return;
	out_fact_num(o, "qemu_pid", e->qemu.pid);
	out_fact_num(o, "qemu_start", (long long)e->qemu.start);
	out_fact_num(o, "threads", e->qemu.threads);
	out_fact_num(o, "threads_stopped", e->qemu.stopped);
	out_fact_num(o, "threads_disk_wait", e->qemu.disk_wait);
	if (e->main_waits_in[0] != '\0')
		out_fact(o, "main_waits_in", e->main_waits_in);
}

static void
tell_samples(struct out *o, const struct evidence *e)
{
	if (e->both && e->a.blk && e->b.blk) {
		out_fact_num(o, "gap_ms", e->gap_ms);
		out_fact_num(o, "rd_delta", (long long)(e->b.rd - e->a.rd));
		out_fact_num(o, "wr_delta", (long long)(e->b.wr - e->a.wr));
		out_fact_num(o, "flush_delta", (long long)(e->b.flush - e->a.flush));
		out_fact_num(o, "idle_ms", e->b.idle_ms);
		out_fact_num(o, "vcpu_pct", e->vcpu_pct);
	}
	if (e->both && e->a.vq && e->b.vq) {
		out_fact_num(o, "vq_inuse", (long long)e->b.inuse);
		out_fact_num(o, "vq_used_delta", (long long)(e->b.used - e->a.used));
	}
	if (e->block_jobs >= 0)
		out_fact_num(o, "block_jobs", e->block_jobs);
	if (e->iothreads >= 0)
		out_fact_num(o, "iothreads", e->iothreads);
}

static void
tell_display(struct out *o, const struct evidence *e, const struct shot *shot)
{
	if (e->screen != SHOT_NOT_TAKEN)
		out_fact(o, "screen", shot_kind_to_str(e->screen));
	if (e->says != SCREEN_SAYS_NOTHING)
		out_fact(o, "screen_says", screen_says_to_str(e->says));
	if (shot->png_len > 0)
		out_fact_num(o, "png_bytes", (long long)shot->png_len);
	if (e->link != LINK_UNKNOWN)
		out_fact(o, "link", e->link == LINK_UP ? "up" : "down");
}

static void
tell_hundredths(struct out *o, const char *key, int value)
{
	char text[24];

	if (value < 0)
		return;
	snprintf(text, sizeof(text), "%d.%02d", value / 100, value % 100);
	out_fact(o, key, text);
}

static void
tell_host(struct out *o, const struct evidence *e)
{
	if (e->host_known) {
		tell_hundredths(o, "host_load1", e->load1_x100);
		if (e->mem_free_mb >= 0)
			out_fact_num(o, "host_mem_free_mb", e->mem_free_mb);
		tell_hundredths(o, "host_psi_io", e->psi_io_x100);
	}
	if (e->rrd_zero_write_s >= 0)
		out_fact_num(o, "rrd_zero_write_s", e->rrd_zero_write_s);
	if (e->rrd_silent_s >= 0)
		out_fact_num(o, "rrd_silent_s", e->rrd_silent_s);
}

void
tell_facts(
    struct out *o, const struct evidence *e, const struct shot *shot, const char *hung)
{
	static const char *const agents[] = {"unasked", "none", "alive", "silent"};

	tell_process(o, e);
	out_fact(o, "qmp", qmp_state_to_str(e->qmp));
	out_fact_num(o, "qmp_ms", e->qmp_ms);
	out_fact(o, "status", verdict_status(e, ""));
	tell_samples(o, e);
	out_fact(o, "agent", agents[e->agent]);
	if (e->freeze[0] != '\0')
		out_fact(o, "freeze", e->freeze);
	tell_display(o, e, shot);
	tell_host(o, e);
	if (e->staged >= 0)
		out_fact_num(o, "staged", e->staged);
	out_fact(o, "lock", e->lock[0] ? e->lock : "none");
	if (*hung != '\0')
		out_fact(o, "hung_probes", hung);
}

void
tell_verdict(struct out *o, const struct verdict *v)
{
	char why[300];

	escape_value(why, sizeof(why), v->why);
	out_mark(o, "verdict word=%s advice=%s why=%s", verdict_to_str(v->word),
	    v->advice, *v->why ? why : "\"\"");
	out_text(o, "verdict: %s: %s%s%s", verdict_to_str(v->word), v->why,
	    strcmp(v->advice, "none") == 0 ? "" : "; advice: ",
	    strcmp(v->advice, "none") == 0 ? "" : v->advice);
}

static bool
is_empty(const char *line)
{
	return line[strspn(line, " ")] == '\0';
}

/* Rows as they stand on the screen, without the empty ones at both ends. */
static void
tell_rows(struct out *o, const char (*line)[SCREEN_COLS + 1], int rows)
{
	int r = 0;

	while (rows > 0 && is_empty(line[rows - 1]))
		rows--;
	while (r < rows && is_empty(line[r]))
		r++;
	for (; r < rows; r++) {
		size_t n = strlen(line[r]);

		while (n > 0 && line[r][n - 1] == ' ')
			n--;
		if (n > 0)
			out_quote(o, line[r], n);
		else
			out_quote(o, "\n", 1);
	}
}

void
tell_screen(struct out *o, const struct shot *shot)
{
	if (shot->kind == SHOT_NOT_TAKEN && shot->note[0] == '\0')
		return;
	out_mark(o, "section=screen t_ms=%lld", out_ms(o));
	if (shot->kind == SHOT_NONE)
		out_text(o, "VM 102 has no display");
	if (shot->kind == SHOT_GRAPHICS)
		out_text(
		    o, "the screen shows graphics, %d by %d", shot->width, shot->height);
	if (shot->kind == SHOT_TEXT)
		tell_rows(o, shot->text.line, shot->text.rows);
	if (shot->note[0] != '\0')
		out_text(o, "note: %s", shot->note);
	out_mark(o, "end=screen rc=%d ms=0", shot->kind == SHOT_NOT_TAKEN);
	if (shot->kind != SHOT_TEXT || shot->text.above == 0)
		return;
	out_mark(o, "section=screen-above t_ms=%lld", out_ms(o));
	tell_rows(o, shot->text.above_line, shot->text.above);
	out_mark(o, "end=screen-above rc=0 ms=0");
}

static size_t
base64(char *dst, const unsigned char *src, size_t len)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = 0;

	for (size_t i = 0; i < len; i += 3) {
		unsigned b = (unsigned)src[i] << 16;

		b |= i + 1 < len ? (unsigned)src[i + 1] << 8 : 0;
		b |= i + 2 < len ? src[i + 2] : 0;
		dst[n++] = digits[b >> 18];
		dst[n++] = digits[b >> 12 & 63];
		dst[n++] = i + 1 < len ? digits[b >> 6 & 63] : '=';
		dst[n++] = i + 2 < len ? digits[b & 63] : '=';
	}
	return n;
}

void
tell_png(struct out *o, const struct shot *shot)
{
	char line[LINE_BYTES / 3 * 4];
	size_t left = o->bytes_left;
	long long t = mono_ms();

	if (shot->png_len == 0 || !o->recorded)
		return;
	/* whole or not at all, and not at the cost of what qm will say */
	o->bytes_left = 2 * SCREEN_PNG_MAX;
	out_mark(o, "section=screen-png t_ms=%lld", out_ms(o));
	for (size_t i = 0; i < shot->png_len; i += LINE_BYTES) {
		size_t n = shot->png_len - i;

		n = base64(line, shot->png + i, n < LINE_BYTES ? n : LINE_BYTES);
		out_quote(o, line, n);
	}
	o->bytes_left = left;
	out_mark(o, "end=screen-png rc=0 ms=%lld", mono_ms() - t);
}
