/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who drives, and what is said of who it is: the two pure parts of it. */
#include <criterion/criterion.h>
#include <string.h>

#include "engine/people/baton.h"
#include "engine/people/who.h"

Test(baton, the_first_drives_and_the_second_does_not)
{
	struct baton b = {0};

	cr_assert(baton_came(&b, "ann", 0, 1000));
	cr_assert(!baton_came(&b, "ben", 1, 1000));
	cr_assert(baton_is(&b, "ann") && !baton_is(&b, "ben"));
	cr_assert(!baton_act(&b, "ben"), "who watches does not get it by acting");
	cr_assert_eq(b.why, BATON_FIRST);
	cr_assert_str_eq(b.from, "");
}

Test(baton, is_taken_over_and_says_from_whom)
{
	struct baton b = {0};

	baton_came(&b, "ann", 0, 1000);
	cr_assert(baton_take(&b, "ben"));
	cr_assert(!baton_take(&b, "ben"), "once is enough");
	cr_assert_str_eq(b.driver, "ben");
	cr_assert_str_eq(b.from, "ann");
	cr_assert_eq(b.why, BATON_TOOK);
}

Test(baton, given_back_it_goes_to_whoever_acts)
{
	struct baton b = {0};

	baton_came(&b, "ann", 0, 1000);
	cr_assert(!baton_give(&b, "ben"), "only the driver can give it");
	cr_assert(baton_give(&b, "ann"));
	cr_assert(!baton_is(&b, "ann") && !baton_is(&b, ""));
	cr_assert(baton_act(&b, "ben"));
	cr_assert_eq(b.why, BATON_ACTED);
	cr_assert_str_eq(b.from, "");
}

Test(baton, waits_a_minute_for_a_driver_who_is_gone)
{
	struct baton b = {0};

	baton_came(&b, "ann", 0, 0);
	cr_assert(baton_gone(&b, "ann", 1000));
	cr_assert_eq(baton_wait_ms(&b, 11000), 50000);
	cr_assert(!baton_came(&b, "eve", 1, 12000), "another name has no claim");
	cr_assert(!baton_only(&b, "ben", 60999));
	cr_assert(baton_came(&b, "ann", 2, 60999));
	cr_assert_eq(b.why, BATON_BACK);
}

Test(baton, after_that_minute_the_only_one_left_has_it)
{
	struct baton b = {0};

	baton_came(&b, "ann", 0, 0);
	baton_gone(&b, "ann", 1000);
	cr_assert_eq(baton_wait_ms(&b, 61000), 0);
	cr_assert(!baton_only(&b, NULL, 61000), "of several none");
	cr_assert(!baton_came(&b, "ann", 1, 61000), "too late");
	cr_assert(baton_only(&b, "ben", 61000));
	cr_assert_eq(b.why, BATON_ONLY);
	cr_assert_eq(baton_wait_ms(&b, 61000), -1);
}

Test(baton, whoever_acts_breaks_the_claim_of_one_who_is_gone)
{
	struct baton b = {0};

	baton_came(&b, "ann", 0, 0);
	baton_gone(&b, "ann", 1000);
	cr_assert(baton_act(&b, "ben"));
	cr_assert(!baton_came(&b, "ann", 1, 2000));
	cr_assert(baton_is(&b, "ben"));
	cr_assert(!baton_gone(&b, "ann", 3000), "she did not drive");
}

static const char *
words_of(struct who_seen s)
{
	static char words[WHO_WORDS_MAX];

	who_words(&s, words);
	return words;
}

Test(who, says_the_strongest_proof_first)
{
	cr_assert_str_eq(
	    words_of((struct who_seen){.uid = 1000, .user = "alice", .login = -1}),
	    "uid 1000 alice");
	cr_assert_str_eq(words_of((struct who_seen){
			     .user = "root", .login = 1000, .login_user = "alice"}),
	    "uid 0 root (login uid 1000 alice)");
	cr_assert_str_eq(
	    words_of((struct who_seen){
		.user = "root", .login = 1000, .sudo = true, .sudo_by = "alice"}),
	    "sudo by alice (login uid 1000)");
	cr_assert_str_eq(words_of((struct who_seen){.login = -1,
			     .ssh = true,
			     .ssh_user = "alice",
			     .ssh_key = "SHA256:abc",
			     .ssh_from = "10.1.2.3"}),
	    "ssh key SHA256:abc of alice from 10.1.2.3");
	cr_assert_str_eq(words_of((struct who_seen){.login = -1,
			     .sudo = true,
			     .sudo_by = "alice",
			     .ssh = true,
			     .ssh_user = "alice",
			     .ssh_from = "10.1.2.3"}),
	    "sudo by alice, ssh of alice from 10.1.2.3");
}

Test(who, calls_a_claim_unproven)
{
	cr_assert_str_eq(words_of((struct who_seen){
			     .user = "root", .login = -1, .claims_from = "10.1.2.3"}),
	    "uid 0 root, ssh from 10.1.2.3 (unproven)");
	cr_assert_str_eq(words_of((struct who_seen){
			     .user = "root", .login = -1, .claims_sudo = "bob"}),
	    "uid 0 root, sudo by bob (unproven)");
	cr_assert_str_eq(words_of((struct who_seen){.uid = 1000,
			     .login = -1,
			     .outside = true,
			     .pod = true,
			     .claims_request = "4f2a"}),
	    "uid 1000, kubectl exec: unproven, it says request 4f2a");
	cr_assert_str_eq(words_of((struct who_seen){.login = -1,
			     .ssh = true,
			     .ssh_user = "alice",
			     .ssh_key_false = true,
			     .claims_from = "10.9.9.9"}),
	    "ssh of alice from 10.9.9.9 (unproven), its key is unproven");
}

Test(who, its_longest_words_are_cut)
{
	struct who_seen s = {
	    .login = 4294967294, .sudo = true, .ssh = true, .outside = true};

	memset(s.sudo_by, 'a', sizeof s.sudo_by - 1);
	memset(s.ssh_user, 'b', sizeof s.ssh_user - 1);
	memset(s.ssh_key, 'c', sizeof s.ssh_key - 1);
	memset(s.ssh_from, 'd', sizeof s.ssh_from - 1);
	memset(s.claims_request, 'e', sizeof s.claims_request - 1);
	cr_assert_eq(strlen(words_of(s)), WHO_WORDS_MAX - 1);
}

/* ssh-keygen -l -f of the same key says so, too. */
#define BLOB "AAAAC3NzaC1lZDI1NTE5AAAAIHM99W5no4sYWDc07EHCRBU/m6jbJPYobgM5aFJOuBvu"
#define PRINT "SHA256:vwk2o7r2QhRlYtwUdCNel1qgO5Cdr1yT5zG972OubCM"

Test(who, reads_the_key_that_sshd_exposes)
{
	char key[64] = "";

	cr_assert(who_key("publickey ssh-ed25519 " BLOB "\n", key));
	cr_assert_str_eq(key, PRINT);
	cr_assert(who_key("password\npublickey ssh-ed25519 " BLOB "\n", key));
	cr_assert(!who_key("", key));
	cr_assert(!who_key("password\n", key));
	cr_assert(!who_key("publickey ssh-ed25519\n", key));
	cr_assert(!who_key("publickey ssh-ed25519 !!!!\n", key));
}
