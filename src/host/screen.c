/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "host/screen.h"

#define CELLS (SCREEN_VGA_BYTES / 2)
#define GLYPHS 512 /* Linux may use attribute bit 3 for a second half of the font */
#define MISFITS_PER_1000 60 /* the cursor, and a line that came between the two looks */
#define MISFITS_FREE 8	    /* a quarter of what is drawn, and so many */

struct picture {
	const unsigned char *rgb;
	int width, height;
};

/* What a cell looks like, whatever its colours are: equal glyphs, equal numbers. */
struct grid {
	int rows;
	int drawn; /* cells that are not of one colour */
	uint64_t look[SCREEN_ROWS_MAX * SCREEN_COLS];
};

static unsigned
be32(const unsigned char *p)
{
	return (unsigned)p[0] << 24 | (unsigned)p[1] << 16 | (unsigned)p[2] << 8 | p[3];
}

int
screen_png_size(const unsigned char *png, size_t len, int *width, int *height)
{
	unsigned w, h;

	if (len < 33 || memcmp(png, "\x89PNG\r\n\x1a\n", 8) != 0 ||
	    memcmp(png + 12, "IHDR", 4) != 0)
		return -1;
	w = be32(png + 16);
	h = be32(png + 20);
	if (w == 0 || h == 0 || w > 32768 || h > 32768)
		return -1;
	*width = (int)w;
	*height = (int)h;
	return 0;
}

bool
screen_may_be_text(int width, int height)
{
	return (width == 720 || width == 640) &&
	    (height == 400 || height == 350 || height == 480);
}

/* "P6\n720 400\n255\n" and three bytes a pixel; nothing else is QEMU's. */
static int
read_ppm(const unsigned char *ppm, size_t len, struct picture *p)
{
	char head[32];
	int at = 0;

	memcpy(head, ppm, len < sizeof(head) - 1 ? len : sizeof(head) - 1);
	head[len < sizeof(head) - 1 ? len : sizeof(head) - 1] = '\0';
	if (sscanf(head, "P6 %5d %5d 255%n", &p->width, &p->height, &at) != 2 ||
	    at == 0 || !screen_may_be_text(p->width, p->height))
		return -1;
	p->rgb = ppm + at + 1;
	return len - (size_t)at - 1 >= (size_t)p->width * (size_t)p->height * 3 ? 0 : -1;
}

static uint64_t
cell_look(const struct picture *p, int x, int y, int w, int h)
{
	const unsigned char *first =
	    p->rgb + ((size_t)y * (size_t)p->width + (size_t)x) * 3;
	uint64_t hash = 0xcbf29ce484222325u;
	bool any = false;

	for (int dy = 0; dy < h; dy++) {
		const unsigned char *row = first + (size_t)dy * (size_t)p->width * 3;
		unsigned bits = 0;

		for (int dx = 0; dx < w; dx++)
			bits = bits << 1 | (memcmp(row + dx * 3, first, 3) != 0);
		any |= bits != 0;
		hash = (hash ^ bits) * 0x100000001b3u;
	}
	return any ? hash : 0;
}

static int
read_grid(const struct picture *p, int glyph_h, struct grid *g)
{
	int w = p->width / SCREEN_COLS;

	g->rows = p->height / glyph_h;
	g->drawn = 0;
	if (p->height % glyph_h != 0 || g->rows > SCREEN_ROWS_MAX)
		return -1;
	for (int i = 0; i < g->rows * SCREEN_COLS; i++) {
		g->look[i] = cell_look(
		    p, i % SCREEN_COLS * w, i / SCREEN_COLS * glyph_h, w, glyph_h);
		g->drawn += g->look[i] != 0;
	}
	return 0;
}

static unsigned
glyph_of(const unsigned char *cell)
{
	return cell[0] | (unsigned)(cell[1] & 8) << 5;
}

/* Foreground and background alike, a space, a full block: one colour is all there is. */
static bool
looks_blank(const unsigned char *cell)
{
	return cell[0] == 0 || cell[0] == ' ' || cell[0] == 0xff || cell[0] == 0xdb ||
	    (cell[1] & 15) == (cell[1] >> 4 & 7);
}

/* Cells that do not look as the same character did elsewhere on this screen. */
static int
misfits(const unsigned char *vga, int from, const struct grid *g)
{
	uint64_t look[GLYPHS];
	bool known[GLYPHS] = {false};
	int bad = 0;

	for (int i = 0; i < g->rows * SCREEN_COLS; i++) {
		const unsigned char *cell = vga + (from + i) * 2;
		unsigned k = glyph_of(cell);

		if (looks_blank(cell)) {
			bad += g->look[i] != 0;
			continue;
		}
		if (!known[k]) {
			known[k] = true;
			look[k] = g->look[i];
		}
		bad += look[k] != g->look[i] || look[k] == 0;
	}
	return bad;
}

char
screen_ascii(unsigned char c)
{
	/* 0x80 to 0xff of code page 437, by likeness */
	static const char high[] =
	    "CueaaaaceeeiiiAAEaAooouuyOUcLYPfaiounNao?--11!<>###|++++++|+++++"
	    "++++-++++++++-+++++++++++++#####aBGpSsutFTOd8fen=+><||/~o..vn2# ";

	if (c == 0)
		return ' ';
	if (c < 0x20 || c == 0x7f)
		return c == 0x10 ? '>' : c == 0x11 ? '<' : '?';
	if (c < 0x7f)
		return (char)c;
	return (size_t)(c - 0x80) < sizeof(high) - 1 ? high[c - 0x80] : '?';
}

static void
take_row(const unsigned char *vga, int from, char *line)
{
	for (int c = 0; c < SCREEN_COLS; c++)
		line[c] = screen_ascii(vga[(from + c) * 2]);
	line[SCREEN_COLS] = '\0';
}

static void
take_text(const unsigned char *vga, int from, int rows, struct screen *s)
{
	memset(s, 0, sizeof(*s));
	s->rows = rows;
	for (int r = 0; r < rows; r++)
		take_row(vga, from + r * SCREEN_COLS, s->line[r]);
	s->above = from / SCREEN_COLS;
	if (s->above > SCREEN_ABOVE_MAX)
		s->above = SCREEN_ABOVE_MAX;
	for (int r = 0; r < s->above; r++)
		take_row(vga, from - (s->above - r) * SCREEN_COLS, s->above_line[r]);
}

/* The best of all places a screen can begin at: Linux moves by whole lines. */
static int
best_place(const unsigned char *vga, const struct grid *g, int *bad)
{
	int best = -1;

	for (int from = 0; from + g->rows * SCREEN_COLS <= CELLS; from += SCREEN_COLS) {
		int n = misfits(vga, from, g);

		if (best < 0 || n < *bad) {
			best = from;
			*bad = n;
		}
	}
	return best;
}

/* A few words on a dark screen differ little from an empty text: so the share counts. */
static bool
fits(const struct grid *g, int bad)
{
	return bad * 1000 <= MISFITS_PER_1000 * g->rows * SCREEN_COLS &&
	    bad * 4 <= g->drawn + MISFITS_FREE;
}

/* Nobody answers at that address: this machine has no VGA. */
static bool
no_memory(const unsigned char *vga)
{
	return vga[0] == 0xff && memcmp(vga, vga + 1, SCREEN_VGA_BYTES - 1) == 0;
}

int
screen_read(
    const unsigned char *vga, const unsigned char *ppm, size_t ppm_len, struct screen *s)
{
	static const int heights[] = {16, 8, 14};
	static struct grid g;
	struct picture p;

	if (read_ppm(ppm, ppm_len, &p) < 0 || no_memory(vga))
		return -1;
	for (size_t i = 0; i < sizeof(heights) / sizeof(heights[0]); i++) {
		int from, bad = 0;

		if (read_grid(&p, heights[i], &g) < 0)
			continue;
		/* a black picture of 480 lines may be anything */
		if (g.drawn == 0 && p.height == 480)
			return -1;
		from = best_place(vga, &g, &bad);
		if (from >= 0 && fits(&g, bad)) {
			take_text(vga, from, g.rows, s);
			return 0;
		}
	}
	return -1;
}

static bool
shows(const char *text, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strstr(text, *words) != NULL)
			return true;
	return false;
}

/* A login prompt is the last thing on its screen. */
static bool
ends_in_login(const struct screen *s)
{
	int r = s->rows - 1;

	while (r > 0 && s->line[r][strspn(s->line[r], " ")] == '\0')
		r--;
	return strstr(s->line[r], "login:") != NULL ||
	    (r > 0 && strncmp(s->line[r], "Password:", 9) == 0);
}

enum screen_says
screen_says(const struct screen *s)
{
	static const char *const panic[] = {"Kernel panic - not syncing", NULL};
	static const char *const oom[] = {"Out of memory: Kill", "invoked oom-killer",
	    "Memory cgroup out of memory", NULL};
	static const char *const emergency[] = {"emergency mode", "rescue mode",
	    "root password for maintenance", "(initramfs)", NULL};
	/* long lines go on in the next row, so the rows are searched as one text */
	char text[SCREEN_ROWS_MAX * SCREEN_COLS + 1];
	size_t n = 0;

	for (int r = 0; r < s->rows; r++)
		for (int c = 0; c < SCREEN_COLS && s->line[r][c] != '\0'; c++)
			text[n++] = s->line[r][c];
	text[n] = '\0';
	if (shows(text, panic))
		return SCREEN_SAYS_PANIC;
	if (shows(text, emergency))
		return SCREEN_SAYS_EMERGENCY;
	if (shows(text, oom))
		return SCREEN_SAYS_OOM;
	if (text[strspn(text, " ")] == '\0')
		return SCREEN_SAYS_BLANK;
	return ends_in_login(s) ? SCREEN_SAYS_LOGIN : SCREEN_SAYS_NOTHING;
}

const char *
screen_says_to_str(enum screen_says says)
{
	static const char *const words[SCREEN_SAYS] = {
	    "", "panic", "oom", "emergency", "login", "blank"};

	return words[says];
}
