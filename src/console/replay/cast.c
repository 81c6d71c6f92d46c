/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/replay/cast.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "console/view/layout.h"
#include "console/replay/player.h"
#include "console/draw/theme.h"
#include "console/term/tty.h"
#include "wire/json.h"

#define FRAME_MS 50 /* what comes within that is one picture */
#define BRIDGE 4    /* unchanged cells that are cheaper sent than jumped over */
#define FRAME_MAX ((size_t)16 * 1024 * 1024) /* bytes of one picture */

struct cast {
	FILE *out;
	struct screen screen;
	struct canvas shown, next;
	struct player *player;
	struct buf bytes;
	int row, col;	/* of the cursor; row -1: not known */
	uint32_t style; /* of what is sent */
};

/* --- the player's calls --- */

static void
on_fact(void *arg, const struct js *fact)
{
	struct cast *c = arg;

	model_apply(&c->screen.model, fact, 0);
}

static void
on_clear(void *arg, bool all)
{
	struct cast *c = arg;

	if (all)
		screen_reset(&c->screen);
	else
		model_forget(&c->screen.model);
}

/* --- one picture --- */

static void
add(struct cast *c, const char *text)
{
	if (buf_add(&c->bytes, text, strlen(text)) < 0)
		abort(); /* its maximum has room for every cell of the largest canvas */
}

static void
add_colour(struct cast *c, int colour, int base)
{
	char text[24];

	if (colour < 0)
		return;
	if (colour < 8)
		snprintf(text, sizeof text, ";%d", base + colour);
	else if (colour < 16)
		snprintf(text, sizeof text, ";%d", base + 60 + colour - 8);
	else
		snprintf(text, sizeof text, ";%d;5;%d", base + 8, colour);
	add(c, text);
}

static void
add_style(struct cast *c, uint32_t style)
{
	style = theme_style(style);
	if (style == c->style)
		return;
	c->style = style;
	add(c, "\x1b[0");
	add(c, style & STYLE_BOLD ? ";1" : "");
	add(c, style & STYLE_DIM ? ";2" : "");
	add(c, style & STYLE_ITALIC ? ";3" : "");
	add(c, style & STYLE_UNDERLINE ? ";4" : "");
	add(c, style & (STYLE_REVERSE | STYLE_MARK) ? ";7" : "");
	add_colour(c, STYLE_GET_FG(style), 30);
	add_colour(c, STYLE_GET_BG(style), 40);
	add(c, "m");
}

static void
add_cell(struct cast *c, int row, int col)
{
	const struct cell *cell = canvas_cell(&c->next, row, col);
	char text[40];

	if (cell->ch[0] == 0)
		return; /* the right half of the one before */
	if (c->row != row || c->col != col) {
		snprintf(text, sizeof text, "\x1b[%d;%dH", row + 1, col + 1);
		add(c, text);
	}
	add_style(c, cell->style);
	for (int i = 0; i < CELL_CHARS && cell->ch[i]; i++) {
		text[text_encode(cell->ch[i], text)] = '\0';
		add(c, text);
	}
	c->row = row;
	c->col = col + 1;
	while (c->col < c->next.cols && canvas_cell(&c->next, row, c->col)->ch[0] == 0)
		c->col++;
	if (c->col >= c->next.cols)
		c->row = -1; /* terminals differ in where they are now */
}

static bool
is_changed(struct cast *c, int row, int col)
{
	return memcmp(canvas_cell(&c->next, row, col), canvas_cell(&c->shown, row, col),
		   sizeof(struct cell)) != 0;
}

static void
add_row(struct cast *c, int row)
{
	int done = 0; /* cells that are as they should be */

	for (int col = 0; col < c->next.cols; col++) {
		int upto = col;

		if (!is_changed(c, row, col))
			continue;
		while (col > 0 && canvas_cell(&c->next, row, col)->ch[0] == 0)
			col--;
		if (done > 0 && col - done <= BRIDGE)
			col = done;
		for (; col < c->next.cols && (col <= upto || is_changed(c, row, col));
		     col++)
			add_cell(c, row, col);
		done = col;
	}
}

/* {"x":"..."}: only what stands between the colon and the brace. */
static int
put_event(struct cast *c, int64_t ms)
{
	struct js *m = js_new();
	struct buf line;
	int rc;

	js_set_strn(m, "x", c->bytes.data, c->bytes.len);
	buf_init(&line, 6 * FRAME_MAX);
	rc = js_print(m, &line);
	if (rc == 0)
		rc = fprintf(c->out, "[%" PRId64 ".%03d, \"o\", %.*s]\n", ms / 1000,
			 (int)(ms % 1000), (int)line.len - 6, line.data + 5) < 0
		    ? -1
		    : 0;
	buf_fini(&line);
	js_free(m);
	return rc;
}

static void
look(struct cast *c)
{
	struct replay *r = &c->screen.replay;

	player_look(c->player, &r->view);
	c->screen.model.skew = player_mono(c->player);
	layout_draw(&c->screen, &c->next);
}

static int
put_picture(struct cast *c)
{
	struct canvas old;
	int rc;

	look(c);
	buf_clear(&c->bytes);
	for (int row = 0; row < c->next.rows; row++)
		add_row(c, row);
	old = c->shown;
	c->shown = c->next;
	c->next = old;
	if (c->bytes.len == 0)
		return 0;
	rc = put_event(c, c->screen.replay.view.played);
	return rc;
}

/* --- all of them --- */

static int
put_header(struct cast *c)
{
	struct js *m = js_new(), *env = js_new();
	struct buf line;
	int rc;

	look(c);
	js_set_int(m, "version", 2);
	js_set_int(m, "width", c->next.cols);
	js_set_int(m, "height", c->next.rows);
	if (c->screen.replay.view.wall >= 0)
		js_set_int(m, "timestamp", c->screen.replay.view.wall / 1000);
	js_set_dbl(m, "idle_time_limit", REEL_PAUSE_MS / 1000);
	js_set_str(m, "title", "breakglass: replay of an incident");
	js_set_str(env, "TERM", "xterm-256color");
	js_set(m, "env", env);
	buf_init(&line, 4096);
	rc = js_print(m, &line);
	if (rc == 0)
		rc = fprintf(c->out, "%s\n", buf_str(&line)) < 0 ? -1 : 0;
	buf_fini(&line);
	js_free(m);
	buf_clear(&c->bytes);
	add(c, "\x1b[0m\x1b[?25l\x1b[H\x1b[2J");
	return rc == 0 ? put_event(c, 0) : rc;
}

static int
put_all(struct cast *c, struct err *err)
{
	int64_t began = 0, due;
	int rc = player_read(c->player, err), out;

	if (rc == 0)
		rc = player_step(c->player, err);
	out = put_header(c);
	while (rc > 0 && out == 0) {
		due = player_due(c->player);
		if (due < 0 || due - began >= FRAME_MS) {
			out = put_picture(c);
			began = due;
		}
		rc = player_step(c->player, err);
	}
	if (rc == 0 && out == 0)
		out = put_picture(c); /* the end is told on the first line */
	if (rc < 0)
		return -1;
	return out == 0 ? 0 : err_sys(err, errno, "write the recording");
}

static FILE *
open_out(const char *path, struct err *err)
{
	FILE *f;
	int fd;

	if (strcmp(path, "-") == 0)
		return stdout;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f) {
		err_sys(err, errno, "write the recording to %s", path);
		if (fd >= 0)
			close(fd);
	}
	return f;
}

int
cast_write(const char *journal, const char *out, int cols, int rows, struct err *err)
{
	struct cast *c = mem_alloc(sizeof *c);
	struct player_calls calls = {.fact = on_fact, .clear = on_clear, .arg = c};
	int rc = -1;

	tty_utf8();
	screen_init(&c->screen);
	c->screen.replay.on = c->screen.link_up = true;
	canvas_init(&c->shown, cols, rows);
	canvas_init(&c->next, cols, rows);
	buf_init(&c->bytes, FRAME_MAX);
	c->row = -1;
	c->player = player_open(journal, &calls, err);
	c->out = c->player ? open_out(out, err) : NULL;
	if (c->out) {
		rc = put_all(c, err);
		if (fflush(c->out) != 0 && rc == 0)
			rc = err_sys(err, errno, "write the recording");
		if (c->out != stdout && fclose(c->out) != 0 && rc == 0)
			rc = err_sys(err, errno, "write the recording");
	}
	player_close(c->player);
	buf_fini(&c->bytes);
	canvas_fini(&c->shown);
	canvas_fini(&c->next);
	screen_fini(&c->screen);
	free(c);
	return rc;
}
