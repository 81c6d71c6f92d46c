/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * frame_core: what a picture of 200x50 costs, from the model to the terminal's bytes.
 *
 *   frame-core      NAME MS RATIO
 *
 * RATIO is to the floor of the same run: one such canvas copied and compared.  The
 * terminal is a pty whose bytes are read and dropped by a child.
 */
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "console/view/layout.h"
#include "console/term/tty.h"

#define COLS 200
#define ROWS 50
#define ROUNDS 301
#define TURNS 60 /* of the story below */

static double
cpu_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *v, size_t n)
{
	qsort(v, n, sizeof *v, by_value);
	return v[n / 2];
}

static void
must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "frame-core: %s\n", what);
	exit(1);
}

/* --- a pty that somebody reads --- */

/* Reads and drops what the child says to its terminal; ends as it does. */
static void
drain(int master, pid_t child)
{
	char junk[65536];
	int status = 0;

	while (read(master, junk, sizeof junk) > 0)
		;
	waitpid(child, &status, 0);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

/* The child goes on, with a terminal; what it prints goes to out. */
static void
take_pty(FILE **out)
{
	struct winsize size = {.ws_row = ROWS, .ws_col = COLS};
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;
	const char *name;
	pid_t child;

	must(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0, "no pty");
	name = ptsname(master);
	*out = fdopen(dup(STDOUT_FILENO), "w");
	must(name && *out, "no pty");
	slave = open(name, O_RDWR | O_NOCTTY);
	must(slave >= 0 && ioctl(slave, TIOCSWINSZ, &size) == 0, "the pty");
	child = fork();
	if (child != 0) {
		close(slave);
		drain(master, child);
	}
	close(master);
	setsid();
	ioctl(slave, TIOCSCTTY, 0);
	dup2(slave, STDIN_FILENO);
	dup2(slave, STDOUT_FILENO);
}

/* --- a full screen --- */

static void
tell(struct screen *s, const char *text)
{
	struct err err = {0};
	struct js *fact = js_parse(text, strlen(text), &err);

	must(fact != NULL, err.words);
	model_apply(&s->model, fact, 100000);
	js_free(fact);
}

static int seq;

static void
say(struct screen *s, int turn, const char *text)
{
	char line[1024];

	snprintf(line, sizeof line,
	    "{\"t\":\"text\",\"seq\":%d,\"turn\":%d,\"block\":1,\"text\":\"%s\"}", ++seq,
	    turn, text);
	tell(s, line);
}

static void
run(struct screen *s, int turn)
{
	char line[1024];

	snprintf(line, sizeof line,
	    "{\"t\":\"tool\",\"seq\":%d,\"id\":\"r%d\",\"asked\":\"agent\",\"by\":\"agent\","
	    "\"host\":\"devvm\",\"what\":\"journalctl -u app%d --no-pager\"}",
	    ++seq, turn, turn);
	tell(s, line);
	snprintf(line, sizeof line,
	    "{\"t\":\"output\",\"seq\":%d,\"id\":\"r%d\",\"stream\":\"out\",\"off\":0,\"data\":"
	    "\"Jan 31 03:12:%02d devvm app[812]: \\u001b[31mcannot write\\u001b[0m to /srv/data: "
	    "Input/output error\\nJan 31 03:12:%02d devvm app[812]: again in 2 s\\n\"}",
	    ++seq, turn, turn % 60, turn % 60);
	tell(s, line);
	snprintf(line, sizeof line,
	    "{\"t\":\"tool_end\",\"seq\":%d,\"id\":\"r%d\",\"exit\":%d,\"ms\":1200,\"out\":140}",
	    ++seq, turn, turn % 7 == 0);
	tell(s, line);
}

static void
story(struct screen *s)
{
	tell(s,
	    "{\"t\":\"welcome\",\"v\":1,\"seq\":0,\"mono_ms\":100000,\"incident\":\"2026-11-26-a\"}");
	tell(s,
	    "{\"t\":\"state\",\"seq\":0,\"what\":\"vm\",\"status\":\"running\",\"qmp\":\"alive\",\"checked\":100000}");
	tell(s,
	    "{\"t\":\"state\",\"seq\":0,\"what\":\"agent\",\"state\":\"working\",\"driver\":\"api\",\"turn\":1}");
	for (int turn = 1; turn <= TURNS; turn++) {
		say(s, turn,
		    "The **disk** of the devvm answers no write since `03:12`:\\n\\n- `sda` has "
		    "8 requests in flight\\n- the counters stand still\\n\\n| who | waits |\\n|---|---|"
		    "\\n| app | 41 s |\\n");
		run(s, turn);
	}
	s->now = 100000;
	s->link_up = true;
	s->line = "";
}

/* --- the figures --- */

static double floor_ms;

static double
measure_floor(struct canvas *c)
{
	struct canvas copy;
	double ms[ROUNDS];
	size_t size = (size_t)c->cols * (size_t)c->rows * sizeof *c->cells;
	volatile int same = 0;

	canvas_init(&copy, c->cols, c->rows);
	for (int i = 0; i < ROUNDS; i++) {
		double from = cpu_ms();

		memcpy(copy.cells, c->cells, size);
		same += memcmp(copy.cells, c->cells, size) == 0;
		ms[i] = cpu_ms() - from;
	}
	(void)same;
	canvas_fini(&copy);
	return median(ms, ROUNDS);
}

enum change { NOTHING, A_WORD, A_LINE, ALL };

/* draw: the canvas too, else the terminal's part alone. */
static double
measure(struct tty *t, struct screen *s, struct canvas *c, enum change change, bool send)
{
	double ms[ROUNDS];
	char line[160];

	for (int i = 0; i < ROUNDS; i++) {
		double from;

		if (change == A_WORD) {
			snprintf(line, sizeof line,
			    "{\"t\":\"delta\",\"turn\":999,\"block\":1,\"off\":%d,\"text\":\"word \"}",
			    i * 5);
			tell(s, line);
		}
		if (change == A_LINE)
			run(s, 1000 + i);
		if (change == ALL)
			tty_forget(t);
		from = cpu_ms();
		layout_draw(s, c);
		if (send)
			tty_draw(t, c);
		ms[i] = cpu_ms() - from;
		while (send && tty_flush(t) > 0)
			;
	}
	return median(ms, ROUNDS);
}

static void
print(FILE *out, const char *name, double ms)
{
	fprintf(out, "%s %.3f %.1f\n", name, ms, ms / floor_ms);
}

int
main(void)
{
	struct err err = {0};
	struct screen s;
	struct canvas c;
	struct tty *t;
	FILE *out;

	setlocale(LC_CTYPE, "C.UTF-8");
	setenv("TERM", "xterm-256color", 1);
	take_pty(&out);
	t = tty_open(&err);
	must(t != NULL, err.words);
	screen_init(&s);
	canvas_init(&c, COLS, ROWS);
	story(&s);
	layout_draw(&s, &c);
	floor_ms = measure_floor(&c);
	print(out, "floor", floor_ms);
	print(out, "draw", measure(t, &s, &c, NOTHING, false));
	print(out, "nothing-new", measure(t, &s, &c, NOTHING, true));
	print(out, "a-word", measure(t, &s, &c, A_WORD, true));
	print(out, "a-run", measure(t, &s, &c, A_LINE, true));
	print(out, "everything", measure(t, &s, &c, ALL, true));
	fclose(out);
	screen_fini(&s);
	canvas_fini(&c);
	tty_close(t, true);
	return 0;
}
