/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text for a clipboard: how it is framed, where it goes, what may be in it. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "console/action/action.h"
#include "console/term/clip.h"
#include "wire/base64.h"

static struct screen screen;
static struct clip clip;
static struct action_context ctx;
static char dir[] = "/tmp/bgclip.XXXXXX";

static void
init(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	unsetenv("TMUX");
	unsetenv("STY");
	setenv("TERM", "xterm-256color", 1);
	cr_assert_not_null(mkdtemp(dir));
	setenv("HOME", dir, 1);
	screen_init(&screen);
	clip_init(&clip, "auto", NULL);
	ctx = (struct action_context){.screen = &screen, .clip = &clip};
}

static void
fini(void)
{
	char command[64];

	clip_fini(&clip);
	screen_fini(&screen);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(clip, .init = init, .fini = fini);

/* The newest words of this console to the operator. */
static const char *
said(void)
{
	static char all[4096];
	const struct item *it = screen.model.chat.count
	    ? transcript_at(&screen.model.chat, screen.model.chat.count - 1)
	    : NULL;

	snprintf(all, sizeof all, "%s%s%s", it ? it->head : "",
	    it && it->text.len ? "\n" : "", it ? buf_str(&it->text) : "");
	return all;
}

static char *
framed(enum osc52_path path, const char *text, size_t len)
{
	static struct buf out;

	buf_fini(&out);
	buf_init(&out, OSC52_FRAME_MAX);
	cr_assert_eq(osc52_frame(path, text, len, &out), 0);
	cr_assert_eq(strlen(out.data), out.len);
	return out.data;
}

Test(clip, a_frame_is_the_sequence_and_base64_and_nothing_else)
{
	cr_assert_str_eq(framed(OSC52_PLAIN, "hello", 5), "\x1b]52;c;aGVsbG8=\x07");
	cr_assert_str_eq(framed(OSC52_TMUX, "hello", 5),
	    "\x1b]52;c;aGVsbG8=\x07"
	    "\x1bPtmux;\x1b\x1b]52;c;aGVsbG8=\x07\x1b\\");
	cr_assert_str_eq(
	    framed(OSC52_SCREEN, "hello", 5), "\x1bP\x1b]52;c;aGVsbG8=\x07\x1b\\");
}

Test(clip, nothing_in_a_text_can_end_the_sequence)
{
	static const char evil[] = "\x07\x1b\\\x1b]0;x\x07\x9c\n\x18rm -rf /\n";
	const char *f = framed(OSC52_PLAIN, evil, sizeof evil - 1);

	cr_assert_eq(strcspn(f + 7, "\x07\x1b\x18\x9c\n"), strlen(f) - 8);
}

/* screen cuts a string at 256 bytes, an old one at 256 with its frame. */
Test(clip, screen_gets_pieces_that_it_can_take)
{
	char *text = mem_alloc(5000), whole[8192];
	const char *f, *end;
	size_t n = 0, longest = 0;

	memset(text, 'x', 5000);
	f = framed(OSC52_SCREEN, text, 5000);
	while ((end = strstr(f, "\x1b\\")) != NULL) {
		cr_assert_eq(strncmp(f, "\x1bP", 2), 0);
		longest =
		    (size_t)(end + 2 - f) > longest ? (size_t)(end + 2 - f) : longest;
		memcpy(whole + n, f + 2, (size_t)(end - f) - 2);
		n += (size_t)(end - f) - 2;
		f = end + 2;
	}
	whole[n] = '\0';
	cr_assert_str_empty(f);
	cr_assert_leq(longest, 256);
	cr_assert_str_eq(whole, framed(OSC52_PLAIN, text, 5000));
	free(text);
}

Test(clip, the_limit_is_that_of_xterm)
{
	char *text = mem_alloc(OSC52_TEXT_MAX + 1);
	struct buf out;

	memset(text, 'x', OSC52_TEXT_MAX + 1);
	for (int p = 0; p < OSC52_PATHS; p++)
		cr_assert_leq(strlen(framed((enum osc52_path)p, text, OSC52_TEXT_MAX)),
		    OSC52_FRAME_MAX);
	cr_assert_leq(
	    strlen(framed(OSC52_PLAIN, text, OSC52_TEXT_MAX)), OSC52_BASE64_MAX + 8);
	buf_init(&out, OSC52_FRAME_MAX);
	cr_assert_eq(osc52_frame(OSC52_PLAIN, text, OSC52_TEXT_MAX + 1, &out), -1);
	cr_assert_eq(out.len, 0);
	buf_fini(&out);
	free(text);
}

Test(clip, what_lies_between_is_told_by_the_environment)
{
	cr_assert_eq(osc52_path("xterm-256color", NULL, NULL), OSC52_PLAIN);
	cr_assert_eq(
	    osc52_path("screen-256color", "/tmp/tmux-0/default,1,0", NULL), OSC52_TMUX);
	cr_assert_eq(osc52_path("tmux-256color", NULL, NULL), OSC52_TMUX);
	cr_assert_eq(osc52_path("screen", NULL, "1234.pts-0"), OSC52_SCREEN);
	cr_assert_eq(
	    osc52_path("screen", "/tmp/tmux-0/default,1,0", "1234.pts-0"), OSC52_EITHER);
	cr_assert_eq(osc52_path("screen", "", NULL), OSC52_EITHER);
	cr_assert_eq(osc52_path(NULL, NULL, NULL), OSC52_PLAIN);
	cr_assert(osc52_is_likely("xterm"));
	cr_assert(osc52_is_likely("tmux-256color"));
	cr_assert_not(osc52_is_likely("linux"));
	cr_assert_not(osc52_is_likely("vt220"));
	cr_assert_not(osc52_is_likely(""));
	cr_assert_not(osc52_is_likely(NULL));
}

Test(clip, a_copy_says_its_way_and_what_to_do_if_it_was_in_vain)
{
	clip_copy(&ctx, "3 lines of tools", "a\nb\nc\n", 6);
	cr_assert_eq(clip.job, CLIP_SEND);
	cr_assert_str_eq(buf_str(&clip.text), "a\nb\nc\n");
	cr_assert(strstr(said(), "3 lines of tools"), "%s", said());
	cr_assert(strstr(said(), "OSC 52"));
	cr_assert(strstr(said(), "/copy print or /copy file"));
}

Test(clip, the_same_goes_another_way_without_a_new_choice)
{
	cr_assert_not(clip_again(&ctx, CLIP_PRINT));
	clip_copy(&ctx, "run r12", "out\n", 4);
	cr_assert(clip_again(&ctx, CLIP_PRINT));
	cr_assert_eq(clip.job, CLIP_SHOW);
	cr_assert_str_eq(buf_str(&clip.text), "out\n");
	cr_assert_str_eq(clip.what, "run r12");
}

Test(clip, where_no_sequence_arrives_it_is_printed)
{
	setenv("TERM", "linux", 1);
	clip_init(&clip, "", NULL);
	clip_copy(&ctx, "run r12", "out\n", 4);
	cr_assert_eq(clip.job, CLIP_SHOW);
}

Test(clip, no_control_byte_goes_out_whoever_handed_it_over)
{
	static const char evil[] =
	    "a\x1b]52;c;eA==\x07\tb\nc\x7f\xc2\x9b\xe2\x80\xae\xff\rd";

	clip_copy(&ctx, "x", evil, sizeof evil - 1);
	cr_assert_str_eq(
	    buf_str(&clip.text), "a?]52;c;eA==?\tb\nc?????d", "%s", buf_str(&clip.text));
	clip_view(&ctx, "x", evil, sizeof evil - 1);
	cr_assert_eq(clip.job, CLIP_PAGE);
	cr_assert_null(strchr(buf_str(&clip.text), '\x1b'));
}

static char *
content(const char *path)
{
	static char text[256];
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, text, sizeof text - 1);

	cr_assert_geq(n, 0, "%s", path);
	text[n] = '\0';
	close(fd);
	return text;
}

Test(clip, a_file_is_new_ours_alone_and_beside_the_journal)
{
	char path[128], other[128];
	struct stat st;

	snprintf(screen.model.incident.id, sizeof screen.model.incident.id, "20260131-x");
	clip.dir = dir;
	snprintf(other, sizeof other, "%s/victim", dir);
	snprintf(path, sizeof path, "%s/20260131-x-r12.txt", dir);
	cr_assert_eq(symlink(other, path), 0);
	clip_save(&ctx, "run r12", "r12.txt", "out\n", 4);
	snprintf(path, sizeof path, "%s/20260131-x-r12-2.txt", dir);
	cr_assert(strstr(said(), path), "%s", said());
	cr_assert_str_eq(content(path), "out\n");
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
	cr_assert_eq(lstat(other, &st), -1, "a link was followed");
}

Test(clip, a_name_cannot_lead_out_of_its_folder)
{
	char path[128];

	clip.dir = dir;
	clip_save(&ctx, "x", "../../etc/r 1;$(x).txt", "out\n", 4);
	snprintf(path, sizeof path, "%s/-.-..-etc-r-1---x-.txt", dir);
	cr_assert(strstr(said(), path), "%s", said());
	snprintf(screen.model.incident.id, sizeof screen.model.incident.id, "../../x/y");
	clip_save(&ctx, "x", "r1.txt", "out\n", 4);
	snprintf(path, sizeof path, "%s/-.-..-x-y-r1.txt", dir);
	cr_assert(strstr(said(), path), "an id of somebody's journal: %s", said());
}

Test(clip, a_folder_that_cannot_be_written_is_not_the_end)
{
	clip.dir = "/proc/nonexistent";
	clip_save(&ctx, "run r12", "r12.txt", "out\n", 4);
	cr_assert(strstr(said(), dir), "%s", said());
}

Test(clip, what_is_too_long_for_a_clipboard_is_a_file)
{
	char *text = mem_alloc(OSC52_TEXT_MAX + 1);

	memset(text, 'x', OSC52_TEXT_MAX + 1);
	clip_copy(&ctx, "run r12", text, OSC52_TEXT_MAX + 1);
	cr_assert_eq(clip.job, CLIP_NOTHING);
	cr_assert(strstr(said(), "too long for a clipboard"), "%s", said());
	cr_assert(strstr(said(), dir), "%s", said());
	free(text);
}

Test(clip, nothing_is_nothing)
{
	clip_copy(&ctx, "x", "", 0);
	clip_view(&ctx, "x", "", 0);
	clip_save(&ctx, "x", "x", "", 0);
	cr_assert_eq(clip.job, CLIP_NOTHING);
	ctx.clip = NULL; /* line by line: there is no screen to leave */
	clip_copy(&ctx, "x", "y", 1);
	clip_view(&ctx, "x", "y", 1);
	cr_assert(strstr(said(), "plain text already"));
}
