/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/term/tty.h"

#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "console/term/pen.h"
#include "console/term/waiting.h"
#include "console/draw/theme.h"

#define DRAIN_MS 300 /* how long a leaving console waits for its last bytes */

/*
 * What somebody else may have left on: an unfinished sequence or string, insert mode,
 * origin mode, reverse video, a scroll region, other character sets, application keys,
 * mouse, focus and paste reports, key protocols, the other screen, a hidden cursor.
 */
static const char undo[] =
    "\x18\x1b\\\x1b[?2026l\x1b[4l\x1b[?6l\x1b[?5l\x1b[?7h\x1b[r\x1b(B\x0f\x1b[?1l\x1b>"
    "\x1b[?9l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1005l\x1b[?1006l\x1b[?1015l"
    "\x1b[?1004l\x1b[?2004l\x1b[>4m\x1b[<u\x1b[?1049l\x1b[?25h\x1b[0m";

struct tty {
	int fd;
	int memory; /* where curses writes to */
	FILE *out, *in;
	SCREEN *screen;
	struct termios raw;
	bool colours, few_keys, known;
	const char *guess; /* what it is taken for, when TERM is of no use */
	struct canvas shown;
	struct pen pen;		/* of what curses writes */
	struct waiting waiting; /* for the terminal to take it */
};

/* What a signal handler needs; set while the terminal is ours. */
static struct {
	volatile sig_atomic_t active;
	int fd;
	struct termios saved;
	char restore[128];
	size_t restore_len;
	volatile sig_atomic_t handed_over;
} rescue;

static void
rescue_terminal(void)
{
	if (!rescue.active)
		return;
	rescue.active = 0;
	if (rescue.handed_over && write(rescue.fd, undo, sizeof undo - 1) < 0)
		(void)0;
	if (write(rescue.fd, rescue.restore, rescue.restore_len) < 0)
		(void)0; /* nothing more can be done for it */
	tcsetattr(rescue.fd, TCSANOW, &rescue.saved);
}

static void
on_fatal(int sig)
{
	rescue_terminal();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void
catch_fatal(void)
{
	static const int sigs[] = {SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE, SIGQUIT};
	struct sigaction sa = {
	    .sa_handler = on_fatal, .sa_flags = SA_RESETHAND | SA_NODEFER};

	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < ARRAY_LEN(sigs); i++)
		sigaction(sigs[i], &sa, NULL);
}

/* In the environment, too: readline sets the locale once more from there. */
void
tty_utf8(void)
{
	setlocale(LC_CTYPE, "");
	if (strcmp(nl_langinfo(CODESET), "UTF-8") == 0)
		return;
	if (setlocale(LC_CTYPE, "C.UTF-8"))
		setenv("LC_ALL", "C.UTF-8", 1);
	else if (setlocale(LC_CTYPE, "en_US.UTF-8"))
		setenv("LC_ALL", "en_US.UTF-8", 1);
}

/* --- finding out what the terminal can do --- */

static bool
looks_modern(const char *term)
{
	static const char *const names[] = {"xterm", "kitty", "ghostty", "alacritty",
	    "foot", "wezterm", "256color", "tmux", "screen", "iterm", "rio", "contour",
	    "direct"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strstr(term, names[i]))
			return true;
	return false;
}

/* --- opening --- */

static int
open_terminal(struct err *err)
{
	int flags = O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
	int fd;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return err_set(err, ERR_USAGE, "input or output is no terminal");
	/* A file description of our own: what we do to it, our parent's never feels. */
	fd = open("/dev/tty", flags);
	if (fd < 0 && ttyname(STDIN_FILENO))
		fd = open(ttyname(STDIN_FILENO), flags);
	if (fd < 0)
		return err_sys(err, errno, "open /dev/tty");
	return fd;
}

static void
add_restore(const char *cap)
{
	char *s = tigetstr(cap);

	if (!s || s == (char *)-1 || strchr(s, '$') ||
	    rescue.restore_len + strlen(s) >= sizeof rescue.restore)
		return;
	memcpy(rescue.restore + rescue.restore_len, s, strlen(s));
	rescue.restore_len += strlen(s);
}

static void
arm_rescue(struct tty *t)
{
	static const char paste_off[] = "\x1b[?2004l";

	rescue.fd = t->fd;
	rescue.restore_len = 0;
	add_restore("sgr0");
	add_restore("cnorm");
	memcpy(rescue.restore + rescue.restore_len, paste_off, sizeof paste_off - 1);
	rescue.restore_len += sizeof paste_off - 1;
	add_restore("rmcup");
	memcpy(rescue.restore + rescue.restore_len, "\r", 1);
	rescue.restore_len++;
	rescue.active = 1;
}

static void
on_pen(void *arg, const char *data, size_t len)
{
	struct tty *t = arg;

	waiting_add(&t->waiting, data, len);
}

/* Moves what curses wrote to the end of what is pending. */
static size_t
collect(struct tty *t)
{
	size_t before = tty_waiting(t);
	char chunk[4096];
	ssize_t n;

	fflush(t->out);
	lseek(t->memory, 0, SEEK_SET);
	while ((n = read(t->memory, chunk, sizeof chunk)) > 0)
		pen_feed(&t->pen, chunk, (size_t)n);
	pen_sync(&t->pen);
	if (ftruncate(t->memory, 0) == 0)
		lseek(t->memory, 0, SEEK_SET);
	return tty_waiting(t) - before;
}

static void
set_raw(struct tty *t)
{
	t->raw = rescue.saved;
	cfmakeraw(&t->raw);
	t->raw.c_cc[VMIN] = 1;
	t->raw.c_cc[VTIME] = 0;
	tcsetattr(t->fd, TCSANOW, &t->raw);
}

static bool
has_cap(const char *name)
{
	const char *s = tigetstr(name);

	return s && s != (char *)-1;
}

/* newterm takes a terminal that cannot move its cursor, too, and draws rubbish on it. */
static bool
try_term(struct tty *t, const char *term)
{
	t->screen = newterm(term, t->out, t->in);
	if (!t->screen)
		return false;
	if (has_cap("cup") && has_cap("clear"))
		return true;
	endwin();
	delscreen(t->screen);
	t->screen = NULL;
	return false;
}

static bool
choose_term(struct tty *t, const char *term)
{
	bool known = term && term[0] && strlen(term) < 64;

	if (known && try_term(t, term))
		return true;
	if (known && (strcmp(term, "dumb") == 0 || strcmp(term, "emacs") == 0))
		return false;
	t->few_keys = true; /* a guess */
	t->guess = "xterm-256color";
	if (known && looks_modern(term) && try_term(t, t->guess))
		return true;
	t->guess = "vt100";
	return try_term(t, t->guess);
}

static int
start_curses(struct tty *t, struct err *err)
{
	static const char *const hostile[] = {"TERMINFO", "TERMINFO_DIRS", "TERMCAP",
	    "TERMPATH", "NCURSES_ASSUMED_COLORS", "NCURSES_GPM_TERMS", "NCURSES_TRACE",
	    "LINES", "COLUMNS"};

	for (size_t i = 0; i < ARRAY_LEN(hostile); i++)
		unsetenv(hostile[i]);
	setenv("NCURSES_NO_PADDING", "1", 1);
	t->memory = fd_memory("breakglass-screen");
	t->out = t->memory >= 0 ? fdopen(t->memory, "w") : NULL;
	t->in = fopen("/dev/null", "re");
	if (!t->out || !t->in)
		return err_sys(err, errno, "memory for the screen");
	use_env(TRUE); /* else a terminal without a size in terminfo (linux) is none */
	if (!choose_term(t, getenv("TERM")))
		return err_set(err, ERR_USAGE, "this terminal cannot move its cursor");
	typeahead(-1);
	noecho();
	nonl();
	leaveok(stdscr, FALSE);
	scrollok(stdscr, FALSE);
	t->colours = has_colors();
	if (t->colours) {
		start_color();
		use_default_colors();
	}
	theme_terminal(t->colours ? COLORS : 0,
	    !getenv("TERM") || strncmp(getenv("TERM"), "linux", 5) != 0);
	return 0;
}

static void
tty_free(struct tty *t)
{
	if (t->screen)
		delscreen(t->screen);
	if (t->out)
		fclose(t->out);
	else if (t->memory >= 0)
		close(t->memory);
	if (t->in)
		fclose(t->in);
	if (t->fd >= 0)
		close(t->fd);
	canvas_fini(&t->shown);
	waiting_fini(&t->waiting);
	free(t);
}

struct tty *
tty_open(struct err *err)
{
	struct tty *t = mem_alloc(sizeof *t);
	int cols, rows;

	tty_utf8();
	t->memory = -1;
	pen_init(&t->pen, on_pen, t);
	t->fd = open_terminal(err);
	if (t->fd < 0)
		goto out;
	if (tcgetattr(t->fd, &rescue.saved) < 0) {
		err_sys(err, errno, "terminal modes");
		goto out;
	}
	if (start_curses(t, err) < 0)
		goto out;
	arm_rescue(t);
	catch_fatal();
	set_raw(t);
	waiting_add(&t->waiting, "\x1b[?2004h", 8);
	tty_size(t, &cols, &rows);
	resizeterm(rows, cols);
	canvas_init(&t->shown, cols, rows);
	return t;
out:
	tty_free(t);
	return NULL;
}

/* Leaves curses, and gives what that says a moment to reach a slow terminal. */
static void
put_away(struct tty *t)
{
	struct pollfd p = {t->fd, POLLOUT, 0};

	endwin();
	collect(t);
	waiting_add(&t->waiting, "\x1b[?2004l", 8);
	if (!has_cap("rmcup")) /* the picture stays: what is said next is below it */
		waiting_add(&t->waiting, "\r\n", 2);
	while (tty_flush(t) > 0 && poll(&p, 1, DRAIN_MS) > 0)
		continue;
}

void
tty_close(struct tty *t, bool gone)
{
	if (!gone && rescue.handed_over)
		tty_take_back(t);
	if (!gone)
		put_away(t);
	tcsetattr(t->fd, TCSANOW, &rescue.saved);
	rescue.active = 0;
	tty_free(t);
}

int
tty_fd(const struct tty *t)
{
	return t->fd;
}

void
tty_size(const struct tty *t, int *cols, int *rows)
{
	struct winsize w = {0};

	if (ioctl(t->fd, TIOCGWINSZ, &w) < 0 || w.ws_col == 0 || w.ws_row == 0) {
		w.ws_col = 80;
		w.ws_row = 24;
	}
	*cols = w.ws_col < CANVAS_COLS_MAX ? w.ws_col : CANVAS_COLS_MAX;
	*rows = w.ws_row < CANVAS_ROWS_MAX ? w.ws_row : CANVAS_ROWS_MAX;
}

const char *
tty_term(const struct tty *t)
{
	return t->guess;
}

void
tty_deaf(struct tty *t)
{
	tcflush(t->fd, TCIFLUSH);
}

bool
tty_few_keys(const struct tty *t)
{
	return t->few_keys;
}

/* --- drawing --- */

/* The nearest colour that a terminal with eight or sixteen of them has. */
static int
fit_colour(int colour, bool *bold)
{
	int r, g, b, top;

	if (colour < COLORS)
		return colour;
	if (colour < 16) {
		*bold = true;
		return colour - 8;
	}
	if (colour >= 232)
		return colour < 244 ? 0 : 7;
	colour -= 16;
	r = colour / 36;
	g = colour / 6 % 6;
	b = colour % 6;
	top = r > g ? r : g;
	top = top > b ? top : b;
	if (top == 0)
		return 0;
	return (r * 2 > top ? 1 : 0) | (g * 2 > top ? 2 : 0) | (b * 2 > top ? 4 : 0);
}

static attr_t
attributes(const struct tty *t, uint32_t style, int *pair)
{
	attr_t a = A_NORMAL;
	bool bold, unused = false;
	int fg, bg;

	style = theme_style(style);
	fg = STYLE_GET_FG(style);
	bg = STYLE_GET_BG(style);
	bold = (style & STYLE_BOLD) != 0;
	*pair = 0;
	if (style & STYLE_MARK)
		a |= A_REVERSE;
	if ((style & STYLE_REVERSE) || (bg >= 0 && !t->colours))
		a |= A_REVERSE;
	if (t->colours && (fg >= 0 || bg >= 0)) {
		fg = fg >= 0 ? fit_colour(fg, &bold) : -1;
		bg = bg >= 0 ? fit_colour(bg, &unused) : -1;
		if (fg == bg)
			fg = bg = -1; /* unlike by 256 colours, but not by eight */
		*pair = alloc_pair(fg, bg);
		if (*pair < 0)
			*pair = 0;
	}
	a |= bold ? A_BOLD : 0;
	a |= style & STYLE_UNDERLINE ? A_UNDERLINE : 0;
	a |= style & STYLE_ITALIC ? A_ITALIC : 0;
	a |= style & STYLE_DIM ? A_DIM : 0;
	return a;
}

static void
draw_cell(const struct tty *t, const struct cell *cell, int row, int col)
{
	wchar_t text[CELL_CHARS + 1] = {0};
	cchar_t cc;
	int pair;
	attr_t a = attributes(t, cell->style, &pair);

	for (int i = 0; i < CELL_CHARS && cell->ch[i]; i++)
		text[i] = (wchar_t)cell->ch[i];
	if (setcchar(&cc, text, a, (short)pair, &pair) == OK)
		mvadd_wch(row, col, &cc);
}

size_t
tty_draw(struct tty *t, const struct canvas *c)
{
	bool all = !t->known;

	if (c->cols != t->shown.cols || c->rows != t->shown.rows) {
		canvas_fini(&t->shown);
		canvas_init(&t->shown, c->cols, c->rows);
		resizeterm(c->rows, c->cols);
		all = true;
	}
	if (all)
		clear();
	for (int row = 0; row < c->rows; row++)
		for (int col = 0; col < c->cols; col++) {
			const struct cell *now = canvas_cell(c, row, col);
			struct cell *was = canvas_cell(&t->shown, row, col);

			if (!all && memcmp(now, was, sizeof *now) == 0)
				continue;
			*was = *now;
			if (now->ch[0])
				draw_cell(t, now, row, col);
		}
	t->known = true;
	curs_set(c->cursor_row >= 0);
	if (c->cursor_row >= 0)
		move(c->cursor_row, c->cursor_col);
	wnoutrefresh(stdscr);
	doupdate();
	return collect(t);
}

void
tty_forget(struct tty *t)
{
	t->known = false;
	pen_forget(&t->pen);
}

long
tty_flush(struct tty *t)
{
	return waiting_write(&t->waiting, t->fd);
}

void
tty_hand_over(struct tty *t)
{
	if (!rescue.handed_over) {
		endwin();
		collect(t);
		waiting_add(&t->waiting, "\x1b[?2004l", 8);
		t->known = false;
		pen_forget(&t->pen);
	}
	rescue.handed_over = 1;
	set_raw(t);
}

void
tty_pass(struct tty *t, const char *data, size_t len)
{
	waiting_add(&t->waiting, data, len);
}

size_t
tty_waiting(const struct tty *t)
{
	return t->waiting.len - t->waiting.at;
}

void
tty_take_back(struct tty *t)
{
	rescue.handed_over = 0;
	waiting_drop(&t->waiting);
	waiting_add(&t->waiting, undo, sizeof undo - 1);
	tty_enter(t);
}

void
tty_keep_alive(struct tty *t)
{
	waiting_add(&t->waiting, "\x1b[?2004h", 8);
}

void
tty_leave(struct tty *t)
{
	put_away(t);
	tcsetattr(t->fd, TCSANOW, &rescue.saved);
	rescue.active = 0;
}

void
tty_enter(struct tty *t)
{
	rescue.active = 1;
	set_raw(t);
	waiting_add(&t->waiting, "\x1b[?2004h", 8);
	t->known = false;
	pen_forget(&t->pen);
}
