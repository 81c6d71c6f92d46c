/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "engine/remote/hostkeys.h"

#define ED "ssh-ed25519"
#define ED_A "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define ED_B "AAAAC3NzaC1lZDI1NTE5AAAAIBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA"
#define RSA "ssh-rsa"
#define RSA_A "AAAAB3NzaC1yc2EAAAADAQABAAAAAQA="

static char dir[] = "/tmp/test-hostkeys.XXXXXX";
static char path[64], pin[64];
static struct err err;

static void
set_up(void)
{
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/hostkeys", dir);
	snprintf(pin, sizeof pin, "%s/pin", dir);
}

static void
tear_down(void)
{
	unlink(path);
	unlink(pin);
	rmdir(dir);
}

TestSuite(hostkeys, .init = set_up, .fini = tear_down);

static void
put(const char *file, const char *text)
{
	FILE *f = fopen(file, "we");

	cr_assert_not_null(f);
	fputs(text, f);
	fclose(f);
}

Test(hostkeys, who_only_looks_learns_nothing_and_writes_nothing)
{
	struct hostkeys *h;

	put(path, "pve " ED " " ED_A "\n");
	h = hostkeys_new(dir);
	hostkeys_only_look(h);
	cr_assert_str_eq(hostkeys_blob(h, "pve"), ED_A);
	cr_assert_null(hostkeys_blob(h, "devvm"));
	cr_assert_eq(hostkeys_check(h, "pve", ED, ED_A), HOSTKEY_LEARNT);
	cr_assert_eq(hostkeys_check(h, "pve", ED, ED_B), HOSTKEY_CHANGED);
	unlink(path);
	cr_assert_eq(hostkeys_check(h, "devvm", ED, ED_A), HOSTKEY_UNKNOWN);
	cr_assert_eq(hostkeys_check(h, "devvm", ED, ED_B), HOSTKEY_UNKNOWN,
	    "still nothing is known of it");
	hostkeys_free(h);
	cr_assert_eq(access(path, F_OK), -1);
}

Test(hostkeys, the_first_key_is_learnt_and_kept_for_the_next_engine)
{
	struct hostkeys *h = hostkeys_new(dir);
	struct stat st;

	cr_assert_null(hostkeys_type(h, "devvm"));
	cr_assert_eq(hostkeys_check(h, "devvm", ED, ED_A), HOSTKEY_LEARNT);
	cr_assert_str_eq(hostkeys_why(h), "");
	hostkeys_free(h);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
	h = hostkeys_new(dir);
	cr_assert_str_eq(hostkeys_type(h, "devvm"), ED);
	cr_assert_eq(hostkeys_check(h, "devvm", ED, ED_A), HOSTKEY_LEARNT);
	cr_assert_eq(hostkeys_check(h, "devvm", ED, ED_B), HOSTKEY_CHANGED);
	cr_assert_eq(hostkeys_check(h, "devvm", RSA, RSA_A), HOSTKEY_CHANGED);
	cr_assert_eq(hostkeys_check(h, "devvm", ED, ED_A), HOSTKEY_LEARNT);
	hostkeys_free(h);
}

Test(hostkeys, a_change_is_taken_only_when_accepted)
{
	struct hostkeys *h = hostkeys_new(dir);

	cr_assert_eq(hostkeys_check(h, "pve", ED, ED_A), HOSTKEY_LEARNT);
	cr_assert_eq(hostkeys_check(h, "pve", ED, ED_B), HOSTKEY_CHANGED);
	cr_assert_eq(hostkeys_check(h, "pve", ED, ED_B), HOSTKEY_CHANGED);
	cr_assert_eq(hostkeys_accept(h, "pve", ED, ED_B, &err), 0);
	cr_assert_eq(hostkeys_check(h, "pve", ED, ED_B), HOSTKEY_LEARNT);
	cr_assert_eq(hostkeys_accept(h, "pve", ED, RSA_A, &err), -1);
	cr_assert_eq(hostkeys_accept(h, "pve", "evil\n", ED_A, &err), -1);
	hostkeys_free(h);
	h = hostkeys_new(dir);
	cr_assert_eq(hostkeys_check(h, "pve", ED, ED_B), HOSTKEY_LEARNT);
	hostkeys_free(h);
}

Test(hostkeys, a_public_key_file_or_a_known_hosts_line_pins)
{
	static const char *const files[] = {ED " " ED_A " root@pve\n",
	    "# comment\n\n@revoked * " ED " " ED_B "\n[1.2.3.4]:22 " ED " " ED_A "\n",
	    "|1|abc=|def= " ED " " ED_A "\r\n"};

	for (size_t i = 0; i < 3; i++) {
		struct hostkeys *h = hostkeys_new(NULL);

		put(pin, files[i]);
		cr_assert_eq(
		    hostkeys_pin(h, "pve", pin, &err), 0, "%zu: %s", i, err.words);
		cr_assert_eq(hostkeys_check(h, "pve", ED, ED_A), HOSTKEY_PINNED);
		cr_assert_eq(hostkeys_check(h, "pve", ED, ED_B), HOSTKEY_CHANGED);
		hostkeys_free(h);
	}
}

Test(hostkeys, a_file_without_a_key_pins_nothing_and_says_what_to_put_there)
{
	struct hostkeys *h = hostkeys_new(dir);

	cr_assert_eq(hostkeys_pin(h, "pve", pin, &err), -1);
	put(pin, "ssh-ed25519 not-base64\n" RSA " " ED_A "\n");
	cr_assert_eq(hostkeys_pin(h, "pve", pin, &err), -1);
	cr_assert_eq(err.code, ERR_USAGE);
	cr_assert_not_null(
	    strstr(err.words, "ssh_host_ed25519_key.pub"), "%s", err.words);
	cr_assert_null(hostkeys_type(h, "pve"));
	hostkeys_free(h);
}

Test(hostkeys, a_line_that_makes_no_sense_may_have_been_the_key_of_any_host)
{
	struct hostkeys *h;

	put(path, "devvm " ED "\n\xff\xfe\npve " ED " " ED_A "\n" RSA " " RSA_A "\n");
	h = hostkeys_new(dir);
	cr_assert_str_eq(hostkeys_type(h, "pve"), ED);
	cr_assert_null(hostkeys_type(h, "devvm"));
	cr_assert_not_null(strstr(hostkeys_why(h), "no host key"));
	cr_assert_eq(hostkeys_check(h, "pve", ED, ED_A), HOSTKEY_LEARNT);
	cr_assert_eq(hostkeys_check(h, "devvm", ED, ED_A), HOSTKEY_CHANGED);
	hostkeys_free(h);
}

static void
refused(const char *what)
{
	struct hostkeys *h = hostkeys_new(dir);
	struct stat was, is;

	cr_assert_eq(lstat(path, &was), 0);
	cr_assert_not_null(
	    strstr(hostkeys_why(h), "accepted"), "%s: %s", what, hostkeys_why(h));
	cr_assert_null(hostkeys_type(h, "pve"), "%s", what);
	cr_assert_eq(hostkeys_check(h, "pve", ED, ED_B), HOSTKEY_CHANGED, "%s", what);
	cr_assert_eq(lstat(path, &is), 0);
	cr_assert(is.st_ino == was.st_ino && is.st_size == was.st_size,
	    "%s: nothing is written over it", what);
	cr_assert_eq(hostkeys_accept(h, "pve", ED, ED_B, &err), 0);
	cr_assert_eq(hostkeys_check(h, "pve", ED, ED_B), HOSTKEY_LEARNT, "%s", what);
	hostkeys_free(h);
}

Test(hostkeys, a_file_that_cannot_be_used_is_no_reason_to_learn)
{
	struct hostkeys *h;
	FILE *f;

	put(path, "pve " ED " " ED_A "\n");
	cr_assert_eq(chmod(path, 0620), 0);
	refused("others may write it");
	unlink(path);
	cr_assert_eq(symlink(pin, path), 0);
	put(pin, "pve " ED " " ED_A "\n");
	refused("a link");
	unlink(path);
	f = fopen(path, "we");
	cr_assert_not_null(f);
	for (int i = 0; i < 70 * 1024; i++)
		fputc('#', f);
	fclose(f);
	refused("too large");
	h = hostkeys_new(dir);
	cr_assert_eq(hostkeys_check(h, "pve", ED, ED_B), HOSTKEY_LEARNT,
	    "what was accepted is kept");
	cr_assert_eq(hostkeys_check(h, "devvm", ED, ED_A), HOSTKEY_CHANGED,
	    "and who was not is no better known to the next engine");
	cr_assert_eq(hostkeys_accept(h, "devvm", ED, ED_A, &err), 0);
	hostkeys_free(h);
	h = hostkeys_new(dir);
	cr_assert_str_eq(hostkeys_why(h), "", "both are");
	cr_assert_eq(hostkeys_check(h, "pve", ED, ED_B), HOSTKEY_LEARNT);
	cr_assert_eq(hostkeys_check(h, "devvm", ED, ED_A), HOSTKEY_LEARNT);
	hostkeys_free(h);
}

Test(hostkeys, a_disk_that_refuses_costs_only_the_next_engine)
{
	char gone[] = "/nonexistent-dir";
	struct hostkeys *h = hostkeys_new(gone);

	cr_assert_eq(hostkeys_check(h, "devvm", ED, ED_A), HOSTKEY_LEARNT);
	cr_assert_eq(hostkeys_check(h, "devvm", ED, ED_B), HOSTKEY_CHANGED);
	cr_assert_not_null(strstr(hostkeys_why(h), "not kept"), "%s", hostkeys_why(h));
	hostkeys_free(h);
}

Test(hostkeys, with_a_loop_the_file_holds_the_last_of_two_quick_changes)
{
	struct hostkeys *h = hostkeys_new(dir);
	uv_loop_t loop;

	uv_loop_init(&loop);
	hostkeys_use_loop(h, &loop);
	cr_assert_eq(hostkeys_check(h, "devvm", ED, ED_A), HOSTKEY_LEARNT);
	cr_assert_eq(hostkeys_check(h, "pve", ED, ED_B), HOSTKEY_LEARNT);
	uv_run(&loop, UV_RUN_DEFAULT);
	hostkeys_free(h);
	h = hostkeys_new(dir);
	cr_assert_str_eq(hostkeys_type(h, "devvm"), ED);
	cr_assert_str_eq(hostkeys_type(h, "pve"), ED);
	hostkeys_use_loop(h, &loop);
	cr_assert_eq(hostkeys_accept(h, "pve", ED, ED_A, &err), 0);
	hostkeys_free(h); /* while the write is in flight */
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0);
}
