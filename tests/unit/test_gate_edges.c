/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The gate's files where owner, group or disk are not as a test can make them. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "engine/people/delays.h"
#include "engine/people/idle.h"
#include "engine/people/list.h"
#include "engine/people/trusted.h"
#include "heap.h"
#include "scratch.h"
#include "wire/htpasswd.h"
#include "zero.h"

#define OURS 1234u

static struct {
	bool on; /* the functions below answer, not the system */
	int fstat_error, open_error, read_errors[2], reads;
	struct stat st; /* owner, group and mode of any file */
	gid_t groups[2];
	int group_count;
	int left; /* blocks that were freed with the file's text in them */
} site;

int __real_fstat(int fd, struct stat *st);
int __real_open(const char *path, int flags, ...);
ssize_t __real_read(int fd, void *to, size_t len);
uid_t __real_geteuid(void);
gid_t __real_getegid(void);
int __real_getgroups(int n, gid_t *groups);

void __real_free(void *block);

int __wrap_fstat(int fd, struct stat *st);
int __wrap_open(const char *path, int flags, ...);
ssize_t __wrap_read(int fd, void *to, size_t len);
ssize_t __wrap___read_chk(int fd, void *to, size_t len, size_t room);
uid_t __wrap_geteuid(void);
gid_t __wrap_getegid(void);
int __wrap_getgroups(int n, gid_t *groups);
int __wrap___getgroups_chk(int n, gid_t *groups, size_t room);
void __wrap_free(void *block);

void
__wrap_free(void *block)
{
	if (site.on && block && memmem(block, malloc_usable_size(block), "secre", 5))
		site.left++;
	__real_free(block);
}

int
__wrap_fstat(int fd, struct stat *st)
{
	if (site.on && site.fstat_error) {
		errno = site.fstat_error;
		return -1;
	}
	if (__real_fstat(fd, st) < 0)
		return -1;
	if (site.on) {
		st->st_uid = site.st.st_uid;
		st->st_gid = site.st.st_gid;
		st->st_mode = (st->st_mode & S_IFMT) | site.st.st_mode;
	}
	return 0;
}

int
__wrap_open(const char *path, int flags, ...)
{
	if (site.on && site.open_error) {
		errno = site.open_error;
		return -1;
	}
	return __real_open(path, flags, 0600);
}

ssize_t
__wrap_read(int fd, void *to, size_t len)
{
	if (site.on && site.reads < 2 && site.read_errors[site.reads]) {
		errno = site.read_errors[site.reads++];
		return -1;
	}
	return __real_read(fd, to, site.on && len > 2 ? 2 : len);
}

ssize_t
__wrap___read_chk(int fd, void *to, size_t len, size_t room)
{
	return __wrap_read(fd, to, len);
}

uid_t
__wrap_geteuid(void)
{
	return site.on ? OURS : __real_geteuid();
}

gid_t
__wrap_getegid(void)
{
	return site.on ? OURS : __real_getegid();
}

int
__wrap_getgroups(int n, gid_t *groups)
{
	if (!site.on)
		return __real_getgroups(n, groups);
	/* what stands behind the last one is none of ours */
	groups[0] = site.groups[0];
	groups[1] = site.groups[1];
	return site.group_count;
}

int
__wrap___getgroups_chk(int n, gid_t *groups, size_t room)
{
	return __wrap_getgroups(n, groups);
}

static char path[64];
static struct err err;
static int fds;

static void
begin(void)
{
	FILE *f;

	fds = open_fds();

	snprintf(path, sizeof path, "%s/file", scratch());
	f = fopen(path, "w");
	fputs("secret", f);
	fclose(f);
	site.on = true;
	site.st.st_uid = OURS;
	site.st.st_gid = OURS;
	site.st.st_mode = 0600;
}

static void
end(void)
{
	site.on = false;
	AT_END(open_fds() == fds, "a descriptor is left open");
}

TestSuite(gate_edges, .init = begin, .fini = end, .timeout = 30);

static void
reads(bool secret)
{
	size_t len = 0;
	char *text = trusted_read(path, secret, 6, &len, &err);

	cr_assert_not_null(text, "%s", err.words);
	cr_assert_str_eq(text, "secret");
	cr_assert_eq(len, 6);
	free(text);
}

static void
refuses(bool secret, enum err_code code, const char *words)
{
	size_t len = 0;

	cr_assert_null(trusted_read(path, secret, 6, &len, &err));
	cr_assert_eq(err.code, code, "%s", err.words);
	cr_assert(strstr(err.words, words) && strstr(err.words, path), "%s", err.words);
}

Test(gate_edges, what_was_read_and_is_refused_is_wiped)
{
	size_t len;

	cr_assert_null(trusted_read(path, true, 5, &len, &err));
	cr_assert_eq(err.code, ERR_LIMIT, "%s", err.words);
	cr_assert_eq(site.left, 0);
	reads(true);
	cr_assert_eq(site.left, 1, "what was not wiped would be seen");
}

Test(gate_edges, descriptor_0_is_one_like_others)
{
	int zero = zero_free();

	reads(true);
	zero_back(zero);
}

Test(gate_edges, a_file_is_ours_or_roots)
{
	reads(true);
	site.st.st_uid = 0;
	reads(true);
	site.st.st_uid = OURS + 1;
	refuses(true, ERR_DENIED, "belongs to uid 1235, neither to the engine (1234)");
	refuses(false, ERR_DENIED, "belongs to uid 1235");
	cr_assert(strstr(err.words, "chown 1234 "), "%s", err.words);
}

Test(gate_edges, a_secret_may_be_read_by_a_group_only_if_it_is_ours)
{
	site.st.st_mode = 0640;
	reads(true);
	site.st.st_gid = 77;
	refuses(true, ERR_DENIED, "chmod 600 ");
	site.group_count = 1;
	site.groups[0] = 76;
	site.groups[1] = 77; /* not counted */
	refuses(true, ERR_DENIED, "chmod 600 ");
	site.group_count = 2;
	reads(true);
	site.groups[0] = 77;
	site.groups[1] = 78;
	reads(true);
	site.st.st_mode = 0600;
	site.group_count = -1;
	reads(true);
	site.st.st_mode = 0640;
	refuses(true, ERR_DENIED, "chmod 600 ");
	reads(false);
}

Test(gate_edges, each_bit_of_the_mode_counts)
{
	for (unsigned bits = 0; bits < 0100; bits++) {
		size_t len;
		char *text, mode[16];
		bool secret = bits & 1;

		site.st.st_mode = 0600 | bits;
		for (int i = 0; i < 2; i++, secret = !secret) {
			bool fine = !(bits & 022) && (!secret || !(bits & 07));

			text = trusted_read(path, secret, 6, &len, &err);
			cr_assert_eq(text != NULL, fine, "%o %d", bits, secret);
			snprintf(mode, sizeof mode, "mode %04o", 0600 | bits);
			cr_assert(fine || strstr(err.words, mode), "%s", err.words);
			free(text);
		}
	}
}

Test(gate_edges, what_the_disk_refuses_is_told)
{
	site.fstat_error = EIO;
	refuses(true, ERR_SYSTEM, "look at ");
	site.fstat_error = 0;
	site.open_error = EACCES;
	refuses(true, ERR_DENIED, "may not be read by uid 1234: chown 1234 ");
	site.open_error = ENOENT;
	refuses(true, ERR_SYSTEM, "no file to read at ");
	site.open_error = 0;
	site.read_errors[0] = EINTR;
	reads(true);
	site.reads = 0;
	site.read_errors[1] = EIO;
	refuses(true, ERR_SYSTEM, "read ");
}

Test(gate_edges, a_file_has_a_most_to_the_byte)
{
	size_t len = 9;
	char *text;

	cr_assert_null(trusted_read(path, true, 5, &len, &err));
	cr_assert_eq(err.code, ERR_LIMIT);
	text = trusted_read(path, true, 7, &len, &err);
	cr_assert(text && len == 6);
	free(text);
	text = mem_alloc(1);
	free(text);
	cr_assert_eq(truncate(path, 0), 0);
	text = trusted_read(path, true, 5, &len, &err);
	cr_assert(text && len == 0 && !text[0]);
	free(text);
}

Test(gate_edges, a_line_is_made_of_printable_letters)
{
	struct list l;
	char text[64];

	for (int c = 1; c < 256; c++) {
		bool fits = c > ' ' && c < 0x7f && c != '#';
		bool cuts = strchr(" \t\r\n#", c) != NULL;
		int n = snprintf(text, sizeof text, "user:a%cb drive", c);

		if (!cuts)
			cr_assert_eq(list_parse(&l, text, (size_t)n, &err), fits ? 0 : -1,
			    "%d", c);
	}
}

#define HASH "$2b$04$BTOoPHcjTZdhLVzs2NL7/.LLd4lYr3Vq1FHyjFUcnF4r/msHdwn4u"

Test(gate_edges, a_cost_is_two_digits_within_its_limits)
{
	struct htpasswd h;
	char text[80];

	for (int a = 1; a < 128; a++)
		for (int b = 1; b < 128; b++) {
			int cost = (a - '0') * 10 + b - '0';
			bool digits = a >= '0' && a <= '9' && b >= '0' && b <= '9';
			bool fits = digits && cost >= HTPASSWD_COST_MIN &&
			    cost <= HTPASSWD_COST_MAX;

			if (a == '\n' || b == '\n' || a == '\r' || b == '\r')
				continue;
			strcpy(text, "ann:" HASH);
			text[8] = (char)a;
			text[9] = (char)b;
			cr_assert_eq(htpasswd_parse(&h, text, strlen(text), &err),
			    fits ? 0 : -1, "%c%c", a, b);
			cr_assert(!fits || h.line[0].cost == cost);
		}
}

Test(gate_edges, a_name_longer_than_any_is_nobodys)
{
	static const char name[] = "n2345678901234567890123456789012";
	char text[128], longer[64];
	struct htpasswd h;

	cr_assert_eq(strlen(name), 32);
	snprintf(text, sizeof text, "%s:" HASH, name);
	cr_assert_eq(htpasswd_parse(&h, text, strlen(text), &err), 0, "%s", err.words);
	cr_assert_not_null(htpasswd_find(&h, name));
	snprintf(longer, sizeof longer, "%s3", name);
	cr_assert_null(htpasswd_find(&h, longer));
	longer[31] = '\0';
	cr_assert_null(htpasswd_find(&h, longer));
}

/* Rows 0, 1, 2 ... in the order in which they were last wrong, but for one. */
Test(gate_edges, whoever_was_wrong_the_longest_ago_is_forgotten)
{
	static const int quiet[] = {0, 1, 7, DELAYS_ROWS / 2 - 1};
	char name[24], uid[24];

	for (size_t i = 0; i < ARRAY_LEN(quiet); i++) {
		struct delays d = {0};
		int n = DELAYS_ROWS / 2; /* a name and a uid each */

		for (int k = 0; k < n; k++) {
			snprintf(name, sizeof name, "n%d", k);
			snprintf(uid, sizeof uid, "uid %d", k);
			delays_wrong(&d, name, uid, k == quiet[i] ? 1000 : 2000 + k);
		}
		delays_wrong(&d, "new", "uid new", 5000);
		for (int k = 0; k < n; k++) {
			snprintf(name, sizeof name, "n%d", k);
			snprintf(uid, sizeof uid, "uid %d", k);
			cr_assert_eq(delays_due(&d, name, uid, 0) > 0, k != quiet[i],
			    "%d of %d", k, quiet[i]);
		}
		cr_assert_eq(delays_due(&d, "new", "uid x", 0), 6000);
		cr_assert_eq(delays_due(&d, "x", "uid new", 0), 6000);
	}
}

Test(gate_edges, ten_minutes_to_the_millisecond_are_not_quiet_yet)
{
	struct delays d = {0};

	delays_wrong(&d, "ann", "uid 1", 0);
	delays_wrong(&d, "ann", "uid 1", 0);
	cr_assert_eq(delays_wrong(&d, "ann", "uid 1", DELAYS_FORGET_MS), 4000);
}

Test(gate_edges, what_is_locked_begins_anew_only_when_it_is_opened)
{
	struct idle i;

	idle_begin(&i, 0);
	cr_assert(!idle_look(&i, 1, 0));
	cr_assert(idle_look(&i, 1, 1));
	idle_touch(&i, 100);
	cr_assert_eq(i.since_ms, 0, "a key at a locked console is no sign of anybody");
	cr_assert(idle_open(&i, 200));
	cr_assert_eq(i.since_ms, 200);
}

Test(gate_edges, a_uid_has_ten_digits_and_a_name_32_letters)
{
	static const char *const fine[] = {"uid:4294967294 drive", "uid:0000000001 drive",
	    "user:n2345678901234567890123456789012 drive",
	    "user:ann drive n2345678901234567890123456789012"};
	static const char *const bad[] = {"uid:00000000001 drive",
	    "user:n23456789012345678901234567890123 drive",
	    "user:ann drive n23456789012345678901234567890123", "user:ann",
	    "user:a\x7f drive"};
	struct list l;

	for (size_t i = 0; i < ARRAY_LEN(fine); i++) {
		cr_assert_eq(
		    list_parse(&l, fine[i], strlen(fine[i]), &err), 0, "%s", fine[i]);
		cr_assert_eq(l.count, 1);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		cr_assert_eq(
		    list_parse(&l, bad[i], strlen(bad[i]), &err), -1, "%s", bad[i]);
}

static void
htpasswd_refuses(const char *text, const char *words)
{
	struct htpasswd h;

	memset(&err, 0, sizeof err);
	cr_assert_eq(htpasswd_parse(&h, text, strlen(text), &err), -1, "%s", text);
	cr_assert(strstr(err.words, words), "%s", err.words);
	cr_assert_eq(h.count, 0);
}

Test(gate_edges, a_line_that_is_none_is_told_by_what_it_lacks)
{
	struct htpasswd h;
	char text[40000], *end = text;

	htpasswd_refuses("ann", "NAME:HASH");
	htpasswd_refuses("ann:$2y$", "60 letters");
	htpasswd_refuses("ann:$2y", "not hashed by bcrypt");
	htpasswd_refuses("\x01nn:" HASH, "printable");
	htpasswd_refuses(" nn:" HASH, "printable");
	htpasswd_refuses("an\x7f:" HASH, "printable");
	strcpy(text, "ann:" HASH "\r\n\r\n\n\r\nben:" HASH "\r\n\r");
	cr_assert_eq(htpasswd_parse(&h, text, strlen(text), &err), 0, "%s", err.words);
	cr_assert_eq(h.count, 2);
	for (int i = 0; i <= HTPASSWD_LINES_MAX; i++)
		end += sprintf(end, "n%d:" HASH "\n", i);
	htpasswd_refuses(text, "256 names are the most");
}

/* Each row of one who came in is free again, or others would be forgotten for it. */
Test(gate_edges, who_got_it_right_takes_no_room)
{
	struct delays d = {0};
	char name[24], from[24];

	delays_wrong(&d, "eve", "uid 6", 1000);
	for (int i = 0; i < 4 * DELAYS_ROWS; i++) {
		snprintf(name, sizeof name, "n%d", i);
		snprintf(from, sizeof from, "uid %d", 100 + i);
		delays_wrong(&d, name, from, 1001 + i);
		delays_right(&d, name, from);
	}
	cr_assert_eq(delays_due(&d, "eve", "nobody", 1000), 2000);
	cr_assert_eq(delays_due(&d, "nobody", "uid 6", 1000), 2000);
}

Test(gate_edges, what_it_took_it_gives_back)
{
	GIVES_BACK(reads(true));
	site.st.st_mode = 0666;
	GIVES_BACK(refuses(true, ERR_DENIED, "chmod 600 "));
}

static bool
list_has(struct list *l, const char *text)
{
	memset(&err, 0, sizeof err);
	return list_parse(l, text, strlen(text), &err) == 0;
}

Test(gate_edges, behind_the_last_line_of_a_list_there_is_nobody)
{
	const struct list_line *line;
	struct who_seen seen = {.uid = 0, .user = "r"};
	struct list l;
	bool read_only;

	cr_assert(list_has(&l, "uid:7 drive"), "%s", err.words);
	cr_assert_eq(list_find(&l, 0, &seen, &line), LIST_NOBODY);
	cr_assert_null(line);
	cr_assert_null(list_find_uid(&l, 0, &read_only));
	cr_assert_null(list_find_name(&l, ""));
	cr_assert(list_has(&l, "name:ann drive\nuser:r read-only"), "%s", err.words);
	cr_assert_eq(list_find_name(&l, "ann"), &l.line[0]);
	cr_assert_eq(list_find(&l, 0, &seen, &line), LIST_FITS, "of one letter");
	cr_assert_eq(line, &l.line[1]);
}

Test(gate_edges, a_line_of_a_list_has_255_letters_and_five_words_are_too_many)
{
	struct list l;
	char text[300];

	memset(text, '#', sizeof text);
	text[255] = '\0';
	cr_assert(list_has(&l, text));
	text[255] = '#';
	text[256] = '\0';
	cr_assert_not(list_has(&l, text));
	cr_assert(strstr(err.words, "at most 255"), "%s", err.words);
	cr_assert_not(list_has(&l, "uid:1"));
	cr_assert(strstr(err.words, "a role is missing"), "%s", err.words);
	cr_assert_not(list_has(&l, "uid:1 drive ann x y z"));
	cr_assert(strstr(err.words, "nothing more"), "%s", err.words);
}
