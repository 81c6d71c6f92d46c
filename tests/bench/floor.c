/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * floor.c: the least that a full-screen program can cost; the benchmarks' peer.
 *
 *	floor [COMMAND]
 *
 * A bare curses loop: one pane with the end of COMMAND's output, a status line, a
 * line that echoes keys.  A key is painted at once, output every 16 ms.  No journal,
 * no protocol, no Markdown, no second process: what is left is terminal, curses and
 * poll.  Nobody could use it; ours is compared with it.
 */
#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FRAME_MS 16
#define TAIL (16 * 1024) /* bytes of output that are kept */

struct floor {
	int in; /* COMMAND's output, or -1 */
	char tail[TAIL];
	size_t len;
	char keys[256];
	size_t key_count;
	bool dirty;
	long long painted;
};

static long long
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static void
start_command(struct floor *f, const char *command)
{
	int fds[2];

	f->in = -1;
	if (!command || pipe(fds) < 0)
		return;
	if (fork() == 0) {
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	f->in = fds[0];
}

static void
keep(struct floor *f, const char *data, size_t len)
{
	if (len > TAIL / 2) {
		data += len - TAIL / 2;
		len = TAIL / 2;
	}
	if (f->len + len > TAIL) {
		memmove(f->tail, f->tail + f->len - TAIL / 2, TAIL / 2);
		f->len = TAIL / 2;
	}
	memcpy(f->tail + f->len, data, len);
	f->len += len;
	f->dirty = true;
}

static void
read_output(struct floor *f)
{
	char data[16384];
	ssize_t n = read(f->in, data, sizeof data);

	if (n > 0)
		keep(f, data, (size_t)n);
	else if (n == 0 || errno != EAGAIN)
		f->in = -1;
}

static void
draw_prompt(const struct floor *f)
{
	move(LINES - 1, 0);
	clrtoeol();
	addnstr("> ", 2);
	addnstr(f->keys, (int)f->key_count);
}

static void
paint(struct floor *f)
{
	const char *p = f->tail + f->len;
	int rows = LINES - 2, n = 0;

	while (p > f->tail && n <= rows)
		n += *--p == '\n';
	p += p > f->tail;
	for (int row = 0; row < rows; row++) {
		const char *end = memchr(p, '\n', (size_t)(f->tail + f->len - p));
		size_t len = (size_t)((end ? end : f->tail + f->len) - p);

		move(row, 0);
		clrtoeol();
		addnstr(p, len < (size_t)COLS ? (int)len : COLS);
		p += len + (end ? 1 : 0);
	}
	attron(A_REVERSE);
	mvaddstr(LINES - 2, 0, "floor is running");
	attroff(A_REVERSE);
	draw_prompt(f);
	refresh();
	f->painted = now_ms();
	f->dirty = false;
}

static bool
read_keys(struct floor *f)
{
	char c[64];
	ssize_t n = read(0, c, sizeof c);

	if (n <= 0)
		return false;
	for (ssize_t i = 0; i < n; i++) {
		if (c[i] == 0x15)
			f->key_count = 0;
		else if (c[i] >= ' ' && f->key_count < sizeof f->keys)
			f->keys[f->key_count++] = c[i];
	}
	draw_prompt(f);
	refresh();
	return true;
}

int
main(int argc, char **argv)
{
	static struct floor f;

	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN);
	if (!initscr())
		return 1;
	raw();
	noecho();
	start_command(&f, argc > 1 ? argv[1] : NULL);
	paint(&f);
	for (;;) {
		struct pollfd p[2] = {
		    {.fd = 0, .events = POLLIN}, {.fd = f.in, .events = POLLIN}};
		long long left = f.painted + FRAME_MS - now_ms();

		if (poll(p, 2, !f.dirty ? -1 : left > 0 ? (int)left : 0) < 0)
			break;
		if (p[0].revents && !read_keys(&f))
			break;
		if (p[1].revents)
			read_output(&f);
		if (f.dirty && now_ms() - f.painted >= FRAME_MS)
			paint(&f);
	}
	endwin();
	return 0;
}
