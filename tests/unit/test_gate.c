/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The gate's parts: who stands on the list, how long a password waits, what a hash is. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "engine/people/delays.h"
#include "engine/people/idle.h"
#include "engine/people/list.h"
#include "engine/people/trusted.h"
#include "wire/htpasswd.h"

/* "right horse" and "other", cost 04 */
#define HASH "$2b$04$BTOoPHcjTZdhLVzs2NL7/.LLd4lYr3Vq1FHyjFUcnF4r/msHdwn4u"
#define KEY "SHA256:abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"

/* --- delays --- */

Test(delays, grow_to_fifteen_seconds_and_no_further)
{
	static const int64_t waits[] = {1000, 2000, 4000, 8000, 15000, 15000, 15000};
	struct delays d = {0};
	int64_t now = 5000;

	cr_assert_eq(delays_due(&d, "ann", "uid 1", now), now);
	for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
		cr_assert_eq(delays_wrong(&d, "ann", "uid 1", now), waits[i]);
		cr_assert_eq(delays_due(&d, "ann", "uid 1", now), now + waits[i]);
		cr_assert_eq(delays_due(&d, "ann", "uid 1", now + waits[i]),
		    now + waits[i], "then it is looked at");
		now += waits[i];
	}
	for (int i = 0; i < 1000; i++)
		cr_assert_eq(delays_wrong(&d, "ann", "uid 1", now), DELAYS_MOST_MS);
}

Test(delays, count_a_name_and_a_uid_apart_and_the_longer_wait_counts)
{
	struct delays d = {0};

	delays_wrong(&d, "ann", "uid 1", 0);
	delays_wrong(&d, "ann", "uid 2", 0);
	cr_assert_eq(delays_due(&d, "ann", "uid 3", 0), 2000, "the name has two");
	cr_assert_eq(delays_due(&d, "ben", "uid 1", 0), 1000, "the uid has one");
	cr_assert_eq(
	    delays_due(&d, "ben", "uid 3", 0), 0, "nobody is kept out for others");
	cr_assert_eq(delays_due(&d, "uid 1", "ann", 0), 0, "a name is no uid");
}

Test(delays, begin_anew_after_a_right_one_and_after_ten_quiet_minutes)
{
	struct delays d = {0};

	for (int i = 0; i < 5; i++)
		delays_wrong(&d, "ann", "uid 1", 0);
	delays_right(&d, "ann", "uid 1");
	cr_assert_eq(delays_due(&d, "ann", "uid 1", 0), 0);
	delays_right(&d, "nobody", "uid 9");
	for (int i = 0; i < 5; i++)
		delays_wrong(&d, "ann", "uid 1", 0);
	cr_assert_eq(
	    delays_due(&d, "ann", "uid 1", DELAYS_FORGET_MS + 1), DELAYS_FORGET_MS + 1);
	cr_assert_eq(delays_wrong(&d, "ann", "uid 1", DELAYS_FORGET_MS + 1), 1000);
}

Test(delays, of_more_names_than_there_is_room_for_forget_the_quietest)
{
	struct delays d = {0};
	char name[32];

	for (int i = 0; i < 5; i++)
		delays_wrong(&d, "ann", "uid 1", i);
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof name, "n%d", i);
		delays_wrong(&d, name, "uid 1", 100 + i);
	}
	cr_assert_eq(delays_due(&d, "new", "uid 1", 600), 599 + DELAYS_MOST_MS,
	    "who tries many names waits all the same");
}

/* --- the file of passwords --- */

static int
parse(struct htpasswd *h, const char *text)
{
	struct err err;

	return htpasswd_parse(h, text, strlen(text), &err);
}

Test(htpasswd, reads_bcrypt_and_nothing_else)
{
	static const char *const bad[] = {"ann", "ann:", ":" HASH, "ann:right horse",
	    "ann:$apr1$abc$def", "ann:{SHA}AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "ann:*0",
	    "ann:*", "ann:" HASH "x", "an n:" HASH, "ann\x7f:" HASH, "\xc3\xa4nn:" HASH,
	    "ann:$2a$04$BTOoPHcjTZdhLVzs2NL7/.LLd4lYr3Vq1FHyjFUcnF4r/msHdwn4u",
	    "ann:$2b$03$BTOoPHcjTZdhLVzs2NL7/.LLd4lYr3Vq1FHyjFUcnF4r/msHdwn4u",
	    "ann:$2b$15$BTOoPHcjTZdhLVzs2NL7/.LLd4lYr3Vq1FHyjFUcnF4r/msHdwn4u",
	    "ann:$2b$.4$BTOoPHcjTZdhLVzs2NL7/.LLd4lYr3Vq1FHyjFUcnF4r/msHdwn4u",
	    "ann:$2b$0.$BTOoPHcjTZdhLVzs2NL7/.LLd4lYr3Vq1FHyjFUcnF4r/msHdwn4u",
	    "ann:$2b$x4$BTOoPHcjTZdhLVzs2NL7/.LLd4lYr3Vq1FHyjFUcnF4r/msHdwn4u",
	    "ann:$2b$0x$BTOoPHcjTZdhLVzs2NL7/.LLd4lYr3Vq1FHyjFUcnF4r/msHdwn4u",
	    "ann:$2b$04.BTOoPHcjTZdhLVzs2NL7/.LLd4lYr3Vq1FHyjFUcnF4r/msHdwn4u",
	    "ann:$2b$04$BTOoPHcjTZdhLVzs2NL7/.LLd4lYr3Vq1FHyjFUcnF4r/msHdwn4!",
	    "ann:$2b$04$BTOoPHcjTZdhLVzs2NL7/.LLd4lYr3Vq1FHyjFUcnF4r/msHdwn4",
	    "n23456789012345678901234567890123:" HASH, "ann:" HASH "\nann:" HASH,
	    "ann:" HASH "\nben"};
	struct htpasswd h;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		cr_assert_eq(parse(&h, bad[i]), -1, "%s", bad[i]);
		cr_assert_eq(h.count, 0, "half a file is no file: %s", bad[i]);
	}
	cr_assert_eq(parse(&h,
			 "# x\n\nann:" HASH "\r\nben:$2y$"
			 "04$BTOoPHcjTZdhLVzs2NL7/."
			 "LLd4lYr3Vq1FHyjFUcnF4r/msHdwn4u"),
	    0);
	cr_assert_eq(h.count, 2);
	cr_assert_eq(h.line[0].cost, 4);
	cr_assert_str_eq(htpasswd_find(&h, "ann")->hash, HASH);
	cr_assert(htpasswd_find(&h, "ben"));
}

Test(htpasswd, finds_whole_names_alone)
{
	static const char *const none[] = {"", "an", "annn", "ANN", "#",
	    "ann:", "n2345678901234567890123456789012",
	    "n23456789012345678901234567890123456"};
	struct htpasswd h;

	cr_assert_eq(parse(&h, "ann:" HASH), 0);
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		cr_assert_null(htpasswd_find(&h, none[i]), "%s", none[i]);
	cr_assert_eq(parse(&h, "n2345678901234567890123456789012:" HASH), 0);
	cr_assert(htpasswd_find(&h, "n2345678901234567890123456789012"));
	cr_assert_null(htpasswd_find(&h, "n23456789012345678901234567890123"));
	cr_assert_eq(parse(&h, ""), 0);
	cr_assert_null(htpasswd_find(&h, "ann"));
}

Test(htpasswd, has_a_most_of_lines_and_bytes)
{
	struct htpasswd *h = mem_alloc(sizeof *h);
	char *text = mem_alloc(HTPASSWD_FILE_MAX + 2);
	struct err err;
	size_t at = 0;

	for (int i = 0; i < HTPASSWD_LINES_MAX; i++)
		at += (size_t)sprintf(text + at, "n%d:%s\n", i, HASH);
	cr_assert_eq(htpasswd_parse(h, text, at, &err), 0);
	at += (size_t)sprintf(text + at, "one:%s\n", HASH);
	cr_assert_eq(htpasswd_parse(h, text, at, &err), -1);
	cr_assert(
	    strstr(err.words, "line 257") && !strstr(err.words, HASH), "%s", err.words);
	memset(text, '#', HTPASSWD_FILE_MAX + 1);
	cr_assert_eq(htpasswd_parse(h, text, HTPASSWD_FILE_MAX + 1, &err), -1);
	cr_assert_eq(htpasswd_parse(h, text, HTPASSWD_FILE_MAX, &err), 0);
	free(text);
	free(h);
}

Test(htpasswd, takes_a_hash_for_itself_alone)
{
	char other[] = HASH;

	cr_assert(htpasswd_is(HASH, HASH));
	cr_assert(!htpasswd_is(HASH, NULL));
	cr_assert(!htpasswd_is(HASH, "*0"));
	cr_assert(!htpasswd_is(HASH, ""));
	cr_assert(!htpasswd_is(HASH, HASH "x"));
	for (size_t i = 0; i < HTPASSWD_HASH; i++) {
		other[i] ^= 1;
		cr_assert(!htpasswd_is(HASH, other), "%zu", i);
		other[i] ^= 1;
	}
}

/* --- the list --- */

static const struct list_line *
fit(const char *text, uid_t uid, const struct who_seen *seen, enum list_fit how)
{
	static struct list l;
	const struct list_line *line;
	struct err err = {0};

	cr_assert_eq(
	    list_parse(&l, text, strlen(text), &err), 0, "%s: %s", text, err.words);
	cr_assert_eq(list_find(&l, uid, seen, &line), how, "%s", text);
	cr_assert_eq(line != NULL, how != LIST_NOBODY);
	return line;
}

Test(list, the_kernels_word_is_enough_where_no_proof_comes_and_gives_no_more)
{
	static const char text[] =
	    "user:bob read-only\nname:eve drive\nuid:1 drive\nuid:1000 drive ann\n";
	static struct list l;
	const struct list_line *line;
	struct err err;
	bool reads;

	cr_assert_eq(list_parse(&l, text, strlen(text), &err), 0);
	line = list_find_uid(&l, 1000, &reads);
	cr_assert(line && strcmp(line->name, "ann") == 0 && reads);
	cr_assert_null(list_find_uid(&l, 1001, &reads));
	cr_assert_eq(list_parse(&l, text + 19, strlen(text) - 19, &err), 0);
	line = list_find_uid(&l, 1000, &reads);
	cr_assert(line && !reads);
}

Test(list, lets_in_whom_a_line_names_in_its_role)
{
	struct who_seen s = {.uid = 1000, .user = "ann", .login = -1};
	const struct list_line *line;

	line = fit("uid:1000 drive", 1000, NULL, LIST_FITS);
	cr_assert(!line->read_only && line->name[0] == '\0' && line->number == 1);
	line = fit("# all\n\n\t uid:1000\tread-only  boss # x\r\n", 1000, &s, LIST_FITS);
	cr_assert(line->read_only && line->number == 3);
	cr_assert_str_eq(line->name, "boss");
	fit("uid:1001 drive", 1000, &s, LIST_NOBODY);
	fit("", 1000, &s, LIST_NOBODY);
	fit("#uid:1000 drive", 1000, &s, LIST_NOBODY);
	fit("user:ann drive", 1000, &s, LIST_FITS);
	fit("user:an drive", 1000, &s, LIST_NOBODY);
	fit("name:ann drive", 1000, &s, LIST_NOBODY);
	fit("key:" KEY " drive", 1000, &s, LIST_NOBODY);
	memcpy(s.ssh_key, KEY, sizeof KEY);
	fit("key:" KEY " drive", 1000, &s, LIST_FITS);
}

Test(list, takes_the_first_line_that_fits_and_waits_for_what_stands_before_it)
{
	struct who_seen s = {.uid = 1000, .user = "ann", .login = -1};

	cr_assert(
	    fit("user:ann read-only\nuid:1000 drive", 1000, &s, LIST_FITS)->read_only);
	fit("user:ann read-only\nuid:1000 drive", 1000, NULL, LIST_LATER);
	cr_assert(
	    !fit("uid:1000 drive\nuser:ann read-only", 1000, NULL, LIST_FITS)->read_only);
	fit("name:x drive\nuid:7 drive\nuid:1000 drive", 1000, NULL, LIST_FITS);
}

Test(list, believes_sudo_before_sshd_before_the_uid)
{
	struct who_seen s = {.uid = 998, .user = "breakglass", .login = -1};

	fit("user:breakglass drive", 998, &s, LIST_FITS);
	s.ssh = true;
	snprintf(s.ssh_user, sizeof s.ssh_user, "ben");
	fit("user:breakglass drive", 998, &s, LIST_NOBODY);
	fit("user:ben drive", 998, &s, LIST_FITS);
	s.sudo = true; /* by whom cannot be said */
	fit("user:ben drive\nuser:breakglass drive\nuser:somebody drive", 998, &s,
	    LIST_NOBODY);
	snprintf(s.sudo_by, sizeof s.sudo_by, "ann");
	fit("user:ann drive", 998, &s, LIST_FITS);
	snprintf(s.claims_sudo, sizeof s.claims_sudo, "eve");
	fit("user:eve drive", 998, &s, LIST_NOBODY);
	s.gone = true;
	fit("user:ann drive", 998, &s, LIST_NOBODY);
	fit("uid:998 drive", 998, &s, LIST_FITS);
}

Test(list, is_void_with_one_line_that_is_not_understood)
{
	static const char *const bad[] = {"uid:1000", "uid: drive", "uid:x drive",
	    "uid:-1 drive", "uid:+1 drive", "uid:1x drive", "uid:4294967295 drive",
	    "uid:99999999999 drive", "gid:0 drive", "ann drive", "drive", "user: drive",
	    "user:ann owner", "user:ann Drive", "user:ann drive-", "user:ann drive a b",
	    "key:MD5:x drive", "key:SHA256:short drive", "user:\xc3\xa4 drive",
	    "user:ann\x01 drive", "user:ann\x7f drive",
	    "user:ann drive n23456789012345678901234567890123",
	    "user:n23456789012345678901234567890123 drive", "USER:ann drive"};
	struct err err;
	struct list l;
	char text[512];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(text, sizeof text, "uid:1 drive\n%s\nuid:2 drive\n", bad[i]);
		cr_assert_eq(list_parse(&l, text, strlen(text), &err), -1, "%s", bad[i]);
		cr_assert(strstr(err.words, "line 2"), "%s: %s", bad[i], err.words);
		cr_assert_eq(l.count, 0);
	}
	cr_assert_eq(list_parse(&l, "uid:1 drive\0", 12, &err), -1);
	memset(text, 'x', sizeof text);
	cr_assert_eq(list_parse(&l, text, 256, &err), -1);
}

Test(list, has_a_most_of_lines)
{
	char text[LIST_LINES_MAX * 16 + 32];
	struct list *l = mem_alloc(sizeof *l);
	struct err err;
	size_t at = 0;

	for (int i = 0; i < LIST_LINES_MAX; i++)
		at += (size_t)sprintf(text + at, "uid:%d drive\n", i);
	cr_assert_eq(list_parse(l, text, at, &err), 0);
	at += (size_t)sprintf(text + at, "uid:1 drive\n");
	cr_assert_eq(list_parse(l, text, at, &err), -1);
	free(l);
}

Test(list, has_the_role_of_a_credential)
{
	static const char text[] = "user:ann drive\nname:ann read-only boss\n";
	struct list l;
	struct err err;

	cr_assert_eq(list_parse(&l, text, sizeof text - 1, &err), 0);
	cr_assert(list_find_name(&l, "ann")->read_only);
	cr_assert_null(list_find_name(&l, "boss"));
	cr_assert_null(list_find_name(&l, "an"));
}

/* --- idle --- */

Test(idle, locks_after_the_limit_and_a_key_alone_does_not_open_it)
{
	struct idle i;

	idle_begin(&i, 0);
	cr_assert(!idle_look(&i, 600, 599));
	idle_touch(&i, 500);
	cr_assert(!idle_look(&i, 600, 1099));
	cr_assert(idle_look(&i, 600, 1100) && i.locked);
	cr_assert(!idle_look(&i, 600, 5000), "it is told once");
	idle_touch(&i, 5000);
	cr_assert(i.locked);
	cr_assert(idle_open(&i, 6000) && !i.locked);
	cr_assert(!idle_open(&i, 6000));
	cr_assert(!idle_look(&i, 600, 6599), "it begins anew");
	cr_assert(!idle_look(&i, 0, 1000000), "0 is never");
}

/* --- files --- */

static char *
file(const char *text, mode_t mode)
{
	char *path = mem_dup("/tmp/bg-gate-XXXXXX");
	int fd = mkstemp(path);

	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	fchmod(fd, mode);
	close(fd);
	return path;
}

Test(trusted, reads_what_nobody_else_could_have_written)
{
	static const struct {
		mode_t mode;
		bool secret, ok;
		const char *mend;
	} rows[] = {{0600, true, true, ""}, {0400, true, true, ""},
	    {0644, true, false, "chmod 600 "}, {0604, true, false, "chmod 600 "},
	    {0620, true, false, "chmod 600 "}, {0602, true, false, "chmod 600 "},
	    {0640, true, true, ""}, {0644, false, true, ""}, {0600, false, true, ""},
	    {0664, false, false, "chmod 644 "}, {0646, false, false, "chmod 644 "}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *path = file("text\n", rows[i].mode), *text;
		struct err err = {0};
		size_t len = 0;

		text = trusted_read(path, rows[i].secret, 100, &len, &err);
		cr_assert_eq(text != NULL, rows[i].ok, "%o: %s", (unsigned)rows[i].mode,
		    err.words);
		if (text)
			cr_assert(len == 5 && strcmp(text, "text\n") == 0);
		else
			cr_assert(
			    err.code == ERR_DENIED && strstr(err.words, rows[i].mend),
			    "%s", err.words);
		free(text);
		unlink(path);
		free(path);
	}
}

Test(trusted, refuses_what_is_no_file_too_long_or_not_there)
{
	char *path = file("12345678", 0600), *link = mem_printf("%s.link", path);
	struct err err = {0};
	size_t len;
	char *text;

	cr_assert_null(trusted_read(path, true, 7, &len, &err));
	cr_assert_eq(err.code, ERR_LIMIT);
	cr_assert_eq(symlink(path, link), 0);
	text = trusted_read(link, true, 8, &len, &err);
	cr_assert(text && len == 8, "links are followed: a mounted secret has two");
	free(text);
	unlink(link);
	cr_assert_null(trusted_read(link, true, 8, &len, &err));
	cr_assert_eq(mkfifo(link, 0600), 0);
	cr_assert_null(
	    trusted_read(link, true, 8, &len, &err), "nobody waits for a writer");
	unlink(link);
	cr_assert_null(trusted_read("/tmp", false, 8, &len, &err));
	cr_assert(strstr(err.words, "not a regular file"));
	unlink(path);
	free(path);
	free(link);
}

Test(trusted, refuses_what_is_anothers)
{
	static const struct {
		uid_t uid;
		gid_t gid;
		mode_t mode;
		bool ok;
		const char *mend;
	} rows[] = {{65534, 0, 0600, false, "chown 0 "}, {0, 54321, 0600, true, ""},
	    {0, 54321, 0640, false, "not the engine's: chmod 600 "},
	    {65534, 0, 0644, false, "chown 0 "}};

	if (geteuid() != 0)
		cr_skip_test("needs root");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *path = file("text", rows[i].mode), *text;
		struct err err = {0};
		size_t len;

		cr_assert_eq(chown(path, rows[i].uid, rows[i].gid), 0);
		text = trusted_read(path, true, 100, &len, &err);
		cr_assert_eq(text != NULL, rows[i].ok, "%zu", i);
		cr_assert(rows[i].ok || strstr(err.words, rows[i].mend), "%s", err.words);
		free(text);
		unlink(path);
		free(path);
	}
}

Test(trusted, of_a_user_who_is_not_root_may_be_roots_or_in_his_group)
{
	int status = 0;
	pid_t pid;
	char *path;

	if (geteuid() != 0)
		cr_skip_test("needs root");
	path = file("text", 0640);
	cr_assert_eq(chown(path, 0, 54321), 0);
	pid = fork();
	if (pid == 0) {
		static const gid_t more[] = {1, 54321};
		struct err err = {0};
		size_t len;
		int bad = setgroups(2, more) || setgid(7) || setuid(65534);
		char *text = trusted_read(path, true, 100, &len, &err);

		bad |= text == NULL;
		free(text);
		free(path);
		bad |= trusted_read("/etc/shadow", true, 1 << 20, &len, &err) != NULL ||
		    !strstr(err.words, "chown 65534 /etc/shadow");
		_exit(bad);
	}
	waitpid(pid, &status, 0);
	cr_assert_eq(status, 0);
	unlink(path);
	free(path);
}
