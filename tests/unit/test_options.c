/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sections of breakglass.conf, and files that nobody sane would write. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/options.h"

static char dir[] = "/tmp/test-options.XXXXXX";
static char path[64];
static struct options o;
static struct err err;

static int
load(const char *text, size_t len)
{
	FILE *f = fopen(path, "we");

	cr_assert_not_null(f);
	cr_assert_eq(fwrite(text, 1, len, f), len);
	fclose(f);
	return options_load(&o, &err);
}

static int
load_str(const char *text)
{
	return load(text, strlen(text));
}

static void
setup(void)
{
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/conf", dir);
	setenv("BREAKGLASS_CONFIG", path, 1);
	setenv("XDG_CONFIG_HOME", dir, 1);
	setenv("HOME", "/home/ana", 1);
}

static void
teardown(void)
{
	unlink(path);
	rmdir(dir);
}

TestSuite(sections, .init = setup, .fini = teardown);

static void
refuses(const char *text, const char *words)
{
	cr_assert_eq(load_str(text), -1, "took: %s", text);
	cr_assert_not_null(strstr(err.words, words), "%s: %s", text, err.words);
}

Test(sections, are_endpoints_in_their_order_with_defaults)
{
	cr_assert_eq(load_str("model = opus\n[endpoint b]\nkey_file = ~/k\n"
			      "[endpoint a-1]\nkind = portable\nurl = http://x\n"
			      "in_usd = 12.345\nidle_seconds = 7\nfallbacks = yes\n"),
	    0, "%s", err.words);
	cr_assert_eq(o.n_endpoints, 2);
	cr_assert_str_eq(o.endpoints[0].name, "b");
	cr_assert_str_eq(o.endpoints[0].kind, "vendor");
	cr_assert_str_eq(o.endpoints[0].proxy, "env");
	cr_assert_str_eq(o.endpoints[0].key_file, "/home/ana/k");
	cr_assert_eq(o.endpoints[0].thinking, -1);
	cr_assert_eq(o.endpoints[0].fallbacks, 0);
	cr_assert_str_eq(o.endpoints[1].name, "a-1");
	cr_assert_float_eq(o.endpoints[1].in_usd, 12.345, 1e-9);
	cr_assert_eq(o.endpoints[1].idle_seconds, 7);
	cr_assert_eq(o.endpoints[1].fallbacks, 1);
	cr_assert_str_eq(o.model, "opus");
	options_fini(&o);
	cr_assert_eq(o.n_endpoints, 0);
}

Test(sections, of_one_name_are_one_endpoint)
{
	cr_assert_eq(load_str("[endpoint a]\nmodel = m\nproxy =\n[endpoint b]\n"
			      "[endpoint a]\nmodel = n\n"),
	    0);
	cr_assert_eq(o.n_endpoints, 2);
	cr_assert_str_eq(o.endpoints[0].model, "n");
	cr_assert_str_eq(o.endpoints[0].proxy, "");
	options_fini(&o);
}

Test(sections, take_comments_blanks_cr_and_a_byte_order_mark)
{
	cr_assert_eq(load_str("\xef\xbb\xbf[endpoint a] ; the first\r\n"
			      "# comment\r\n\t  model = x ; comment\r\n\r\n"),
	    0, "%s", err.words);
	cr_assert_str_eq(o.endpoints[0].model, "x");
	options_fini(&o);
}

Test(sections, an_indented_line_is_no_part_of_the_line_before)
{
	cr_assert_eq(load_str("model = a\n  devvm_user = b\n"), 0, "%s", err.words);
	cr_assert_str_eq(o.model, "a");
	cr_assert_str_eq(o.devvm_user, "b");
	options_fini(&o);
}

Test(sections, the_first_of_two_mistakes_is_told_with_its_own_words)
{
	refuses("model = a\nfirst = 1\nsecond = 2\n",
	    "line 2: there is no setting \"first\"");
	refuses("[endpoint a]\nfirst = 1\n[nonsense]\n", "line 2: an endpoint has no");
}

Test(sections, a_section_is_an_endpoint_or_an_error)
{
	static const char *const bad[] = {"[]", "[endpoint]", "[endpoint ]",
	    "[endpoint  a]", "[endpoint A]", "[endpoint a b]", "[endpoint -a]",
	    "[endpoint a", "[Endpoint a]", "[endpoint \xc3\xa9]", "[endpoint a/b]",
	    "[[endpoint a]]"};
	char text[128];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(text, sizeof text, "# one\n%s\n", bad[i]);
		refuses(text, "line 2: ");
	}
}

Test(sections, are_at_most_eight)
{
	char text[512] = "";

	for (int i = 0; i < OPTIONS_ENDPOINTS_MAX; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text),
		    "[endpoint e%d]\n", i);
	cr_assert_eq(load_str(text), 0);
	options_fini(&o);
	strcat(text, "[endpoint e9]\n");
	refuses(text, "line 9: more than 8");
}

Test(sections, values_are_what_their_type_says)
{
	static const struct {
		const char *line, *words;
	} bad[] = {{"kind = Vendor", "kind must be"},
	    {"thinking = 1", "thinking must be"}, {"in_usd = -1", "in_usd must be"},
	    {"in_usd = 1.", ""}, {"in_usd = 1,5", "in_usd"}, {"in_usd = 0x10", "in_usd"},
	    {"in_usd = 1234567", "in_usd"}, {"in_usd = 1.1234567", "in_usd"},
	    {"in_usd = nan", "in_usd"}, {"in_usd =", "in_usd"},
	    {"idle_seconds = 1e3", "idle_seconds"},
	    {"idle_seconds = 99999999999999999999", "idle_seconds"},
	    {"pve_host = 1", "has no setting"}};
	char text[128];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(text, sizeof text, "[endpoint a]\n%s\n", bad[i].line);
		if (bad[i].words[0])
			refuses(text, bad[i].words);
	}
	refuses("[endpoint a]\nkind = portable\n", "[endpoint a] has no url");
}

Test(sections, a_host_is_an_address_and_no_name)
{
	static const char *const good[] = {"10.0.0.1", "fd00::7", "::1", "fe80::1%eth9"};
	static const char *const bad[] = {"", "pve", "pve.lan", "10.0.0", "10.0.0.1 ",
	    "10.0.0.1:22", "[fd00::7]", "fe80::1%", "10.0.0.1%eth9", "root@10.0.0.1",
	    "-oX=y", "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc"};
	static const char *const names[] = {"pve_host", "devvm_host"};
	char text[128], words[128];

	for (size_t n = 0; n < ARRAY_LEN(names); n++) {
		for (size_t i = 0; i < ARRAY_LEN(good); i++) {
			snprintf(text, sizeof text, "%s = %s\n", names[n], good[i]);
			cr_assert_eq(load_str(text), 0, "%s", err.words);
			options_fini(&o);
		}
		snprintf(words, sizeof words, "%s must be an address", names[n]);
		for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
			snprintf(text, sizeof text, "%s = \"%s\"\n", names[n], bad[i]);
			refuses(text, words);
		}
	}
}

Test(sections, a_line_that_inih_would_cut_in_two_is_refused)
{
	char text[6000] = "model = ";

	memset(text + 8, 'x', 300);
	strcpy(text + 308, "\n");
	refuses(text, "line 1: the line is longer than");
	memset(text + 8, 'x', sizeof text - 10);
	strcpy(text + sizeof text - 2, "\n");
	refuses(text, "line 1: the line is longer than");
	memset(text, 'm', 190);
	text[190] = '\0';
	memcpy(text, "model = ", 8);
	cr_assert_eq(load_str(text), 0, "%s", err.words);
	cr_assert_eq(strlen(o.model), 182);
	options_fini(&o);
}

Test(sections, a_nul_byte_is_told)
{
	static const char text[] = "model = a\nagent = b\0c\n";

	cr_assert_eq(load(text, sizeof text - 1), -1);
	cr_assert_not_null(strstr(err.words, "line 2: a NUL byte"), "%s", err.words);
}

Test(sections, an_empty_file_and_one_without_a_last_line_end_are_fine)
{
	cr_assert_eq(load_str(""), 0);
	options_fini(&o);
	cr_assert_eq(load_str("[endpoint a]\nmodel = b"), 0);
	cr_assert_str_eq(o.endpoints[0].model, "b");
	options_fini(&o);
}

Test(log, forgets_a_secret_when_the_last_who_told_of_it_does)
{
	char line[] = "token-that-2-told-x";

	log_secret("token-that-2-told-x");
	log_secret("token-that-2-told-x");
	log_forget("token-that-2-told-x");
	log_redact(line, strlen(line));
	cr_assert_str_eq(line, "[secret]***********");
	log_forget("token-that-2-told-x");
	log_forget("token-that-2-told-x");
	strcpy(line, "token-that-2-told-x");
	log_redact(line, strlen(line));
	cr_assert_str_eq(line, "token-that-2-told-x");
}

Test(log, old_secrets_outlive_many_that_come_and_go)
{
	char line[] = "the-key-of-the-hosts", other[64];

	log_secret("the-key-of-the-hosts");
	for (int i = 0; i < 1000; i++) {
		snprintf(other, sizeof other, "an-hour-s-token-%d", i);
		log_secret(other);
		log_forget(other);
	}
	log_redact(line, strlen(line));
	cr_assert_str_eq(line, "[secret]************");
}
