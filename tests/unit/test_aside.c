/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk that does not answer costs a moment, once. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "console/action/action.h"
#include "console/prompt/recall.h"
#include "console/term/aside.h"
#include "console/term/clip.h"
#include "scratch.h"

#define ANSWER_FD 3
#define SOON_MS 200    /* what asks no disk, on a busy machine */
#define LIMIT_MS 10000 /* two seconds, on one */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

static const char *hung; /* what is below it does not answer */

/* Until nobody waits for us any more: no child outlives the test. */
static void
hang(void)
{
	struct pollfd p = {ANSWER_FD, 0, 0};

	while (poll(&p, 1, -1) < 0 || !(p.revents & (POLLERR | POLLHUP)))
		continue;
	_exit(0);
}

int
__wrap_open(const char *path, int flags, ...)
{
	va_list args;
	int mode;

	va_start(args, flags);
	mode = va_arg(args, int);
	va_end(args);
	if (hung && strncmp(path, hung, strlen(hung)) == 0)
		hang();
	return __real_open(path, flags, mode);
}

static void
say_much(void *arg, int out)
{
	char line[100];

	memset(line, 'x', sizeof line);
	for (int i = 0; i < 3000; i++)
		if (fd_write_all(out, line, sizeof line) < 0)
			_exit(1);
}

static void
say_what_is_open(void *arg, int out)
{
	char word[16];

	for (int fd = 0; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) >= 0) {
			snprintf(word, sizeof word, "%d%s ", fd, isatty(fd) ? "!" : "");
			if (fd_write_all(out, word, strlen(word)) < 0)
				_exit(1);
		}
}

static void
hang_there(void *arg, int out)
{
	hang();
}

Test(aside, an_answer_comes_whole)
{
	struct buf said;

	buf_init(&said, 1 << 20);
	cr_assert_eq(aside_run(say_much, NULL, LIMIT_MS, &said), ASIDE_DONE);
	cr_assert_eq(said.len, 300000);
	buf_fini(&said);
}

Test(aside, nothing_of_ours_is_open_there)
{
	struct buf said;

	buf_init(&said, 4096);
	for (int i = 0; i < 20; i++)
		cr_assert_geq(dup(STDERR_FILENO), 0);
	cr_assert_eq(aside_run(say_what_is_open, NULL, LIMIT_MS, &said), ASIDE_DONE);
	cr_assert_str_eq(buf_str(&said), "0 1 2 3 ");
	buf_fini(&said);
}

Test(aside, who_hangs_is_left_behind)
{
	int64_t began = clock_mono_ms();
	struct buf said;

	buf_init(&said, 4096);
	cr_assert_eq(aside_run(hang_there, NULL, 50, &said), ASIDE_LATE);
	cr_assert_geq(clock_mono_ms() - began, 50);
	buf_fini(&said);
}

Test(aside, what_is_typed_is_not_kept_on_a_disk_that_hangs_and_it_is_asked_once)
{
	char *dir = mem_printf("%s/hung", scratch()),
	     *path = mem_printf("%s/history", dir);
	struct recall *r = recall_new(path);
	int64_t began;

	cr_assert_eq(mkdir(dir, 0700), 0);
	recall_add(r, "one");
	cr_assert_str_empty(recall_why(r));
	hung = dir;
	began = clock_mono_ms();
	recall_add(r, "two");
	cr_assert_lt(clock_mono_ms() - began, LIMIT_MS);
	cr_assert_str_eq(recall_why(r), "its disk does not answer");
	began = clock_mono_ms();
	recall_add(r, "three");
	recall_free(r);
	cr_assert_lt(clock_mono_ms() - began, SOON_MS);
	free(path);
	free(dir);
}

Test(aside, a_text_goes_to_the_next_folder_and_the_disk_is_asked_once)
{
	static struct screen screen;
	struct clip clip;
	struct action_context ctx = {.screen = &screen, .clip = &clip};
	char *dir = mem_printf("%s/hung", scratch()),
	     *home = mem_printf("%s/home", scratch_dir);
	const struct item *said;
	int64_t began;

	screen_init(&screen);
	cr_assert_eq(mkdir(dir, 0700), 0);
	cr_assert_eq(mkdir(home, 0700), 0);
	setenv("HOME", home, 1);
	clip_init(&clip, "file", dir);
	hung = dir;
	for (int i = 0; i < 2; i++) {
		began = clock_mono_ms();
		clip_save(&ctx, "run r12", "r12.txt", "out\n", 4);
		cr_assert_lt(clock_mono_ms() - began, i == 0 ? LIMIT_MS : SOON_MS * 5);
		said = transcript_at(&screen.model.chat, screen.model.chat.count - 1);
		cr_assert(strstr(buf_str(&said->text), home), "%s", buf_str(&said->text));
	}
	clip_fini(&clip);
	screen_fini(&screen);
	free(dir);
	free(home);
}
