/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What http.c knows without a network: addresses, headers, words, models. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/api/endpoint.h"
#include "engine/api/http_int.h"

static struct err err;

Test(url, plain_http_goes_to_this_host_or_a_private_network_only)
{
	static const char *const yes[] = {"http://127.0.0.1", "http://127.9.9.9:8080/x",
	    "http://localhost:11434", "http://LOCALHOST/", "http://10.1.2.3",
	    "http://172.16.0.1", "http://172.31.255.255", "http://192.168.0.9:1/",
	    "http://169.254.1.1", "http://[::1]:8080/", "http://[fd00::1]",
	    "http://[fe80::1]", "https://api.anthropic.com", "https://8.8.8.8:443/a?b"};
	static const char *const no[] = {"http://8.8.8.8", "http://172.32.0.1",
	    "http://172.15.0.1", "http://192.169.0.1", "http://11.0.0.1",
	    "http://example.test", "http://localhost.example.test",
	    "http://127.0.0.1.example.test", "http://[2001:db8::1]", "http://0x7f.1",
	    "http://2130706433", "http://127.1", "http://[::ffff:8.8.8.8]"};

	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		cr_assert_eq(
		    http_check_url(yes[i], false, &err), 0, "%s: %s", yes[i], err.words);
	for (size_t i = 0; i < ARRAY_LEN(no); i++) {
		cr_assert_eq(http_check_url(no[i], false, &err), -1, "%s", no[i]);
		cr_assert_eq(err.code, ERR_DENIED, "%s", no[i]);
		cr_assert_eq(http_check_url(no[i], true, &err), 0, "%s", no[i]);
	}
}

Test(url, what_two_readers_could_read_differently_is_refused)
{
	static const char *const no[] = {"", "x", "ftp://127.0.0.1", "file:///etc/passwd",
	    "https:/127.0.0.1", "https://", "https://:443", "https://a:0",
	    "https://a:65536", "https://a:", "https://a:1x", "https://u@a",
	    "https://u:p@a/", "https://127.0.0.1\\@a", "https://a b", "https://a\n",
	    "https://a\t/", "https://a#b", "https://a%2eb", "https://[::1",
	    "https://[::1]x", "https://[a]", "https://::1/", "https://\xc3\xa9/",
	    "https://a,b"};
	char lengthy[HTTP_URL_MAX + 10];

	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		cr_assert_eq(http_check_url(no[i], true, &err), -1, "%s", no[i]);
	memset(lengthy, 'a', sizeof lengthy - 1);
	lengthy[sizeof lengthy - 1] = '\0';
	memcpy(lengthy, "https://a/", 10);
	cr_assert_eq(http_check_url(lengthy, true, &err), -1);
}

Test(url, a_proxy_is_named_without_its_password)
{
	char out[160];

	http_proxy_name("http://me:pa@55@proxy.test:3128", out, sizeof out);
	cr_assert_str_eq(out, "http://proxy.test:3128");
	http_proxy_name("proxy.test:3128", out, sizeof out);
	cr_assert_str_eq(out, "proxy.test:3128");
	http_proxy_name("me:pa@proxy.test", out, sizeof out);
	cr_assert_str_eq(out, "proxy.test");
}

Test(url, no_proxy_is_read_as_the_library_reads_it)
{
	struct http_where w;

	cr_assert_eq(http_where("https://api.example.test/", &w, &err), 0);
	unsetenv("NO_PROXY");
	setenv("https_proxy", "http://p:1", 1);
	cr_assert_str_eq(http_uses_proxy(&w, NULL), "http://p:1");
	cr_assert_null(http_uses_proxy(&w, ""));
	cr_assert_str_eq(http_uses_proxy(&w, "http://q:2"), "http://q:2");
	setenv("no_proxy", "other.test, .example.test", 1);
	cr_assert_null(http_uses_proxy(&w, NULL));
	setenv("no_proxy", "xample.test", 1);
	cr_assert_not_null(http_uses_proxy(&w, NULL));
	setenv("no_proxy", "*", 1);
	cr_assert_null(http_uses_proxy(&w, NULL));
}

static int
line(struct http_headers *h, const char *text)
{
	return http_headers_line(h, text, strlen(text));
}

Test(headers, the_last_answer_and_the_last_value_count)
{
	struct http_headers h;

	http_headers_init(&h);
	cr_assert_eq(line(&h, "HTTP/1.1 100 Continue\r\n"), 0);
	cr_assert_eq(line(&h, "x-a: early\r\n"), 0);
	cr_assert_eq(line(&h, "\r\n"), 0);
	cr_assert_eq(line(&h, "HTTP/1.1 200\r\n"), 0);
	cr_assert_eq(line(&h, "X-B:one\r\n"), 0);
	cr_assert_eq(line(&h, "x-b: \t two \r\n"), 0);
	cr_assert_eq(line(&h, "x-bc: no\n"), 0);
	cr_assert_eq(line(&h, "\r\n"), 1);
	cr_assert_eq(h.status, 200);
	cr_assert_null(http_header(&h, "x-a"));
	cr_assert_str_eq(http_header(&h, "x-B"), "two");
	cr_assert_null(http_header(&h, "x"));
	http_headers_fini(&h);
}

Test(headers, more_than_the_limit_and_no_status_are_refused)
{
	struct http_headers h;
	char lengthy[1024];
	int n = 0;

	http_headers_init(&h);
	cr_assert_eq(line(&h, "HTTP/1.1 abc\r\n"), -1);
	cr_assert_eq(line(&h, "HTTP/1.1\r\n"), -1);
	memset(lengthy, 'a', sizeof lengthy - 1);
	lengthy[sizeof lengthy - 1] = '\0';
	while (line(&h, lengthy) == 0 && n < 1000)
		n++;
	cr_assert_eq(n, HTTP_HEADERS_MAX / (int)sizeof lengthy);
	http_headers_fini(&h);
}

Test(learnt, the_address_of_a_name_is_kept_per_port)
{
	static struct http_learnt l;
	struct http_where a, b;

	cr_assert_eq(http_where("https://a.test/", &a, &err), 0);
	cr_assert_eq(http_where("https://a.test:8443/", &b, &err), 0);
	http_learn(&l, &a, "not an address");
	cr_assert_null(http_learnt(&l, &a));
	http_learn(&l, &a, "192.0.2.1");
	http_learn(&l, &a, "2001:db8::1");
	cr_assert_str_eq(http_learnt(&l, &a), "2001:db8::1");
	cr_assert_null(http_learnt(&l, &b));
	for (int i = 0; i < 100; i++) {
		b.port = i + 1;
		http_learn(&l, &b, "192.0.2.2");
	}
	cr_assert_str_eq(http_learnt(&l, &b), "192.0.2.2");
}

Test(words, every_end_has_a_sentence)
{
	struct http_where w;
	struct http_said said = {.where = &w, .detail = "", .location = "", .ms = 1000};
	struct buf why, todo;

	cr_assert_eq(http_where("https://a.test/", &w, &err), 0);
	for (int how = HTTP_DONE; how < HTTP_ENDS; how++) {
		said.detail =
		    how == HTTP_BAD_REQUEST || how == HTTP_HUNG ? "it is wrong" : "";
		buf_init(&why, 1024);
		buf_init(&todo, 512);
		http_words((enum http_end)how, &said, &why, &todo);
		cr_assert_eq(why.len == 0, how == HTTP_DONE, "%d", how);
		cr_assert_str_neq(http_end_word((enum http_end)how), "unknown");
		buf_fini(&why);
		buf_fini(&todo);
	}
	cr_assert_str_eq(http_end_word(HTTP_ENDS), "unknown");
}

Test(models, have_short_names_and_prices)
{
	struct endpoint ep = {.model = "", .kind = ENDPOINT_VENDOR};
	struct endpoint_price p;

	cr_assert_str_eq(endpoint_model(&ep, "opus"), "claude-opus-5-5");
	cr_assert_str_eq(endpoint_model(&ep, "claude-x"), "claude-x");
	cr_assert(endpoint_price(&ep, "claude-opus-4-5-20251101", 0, &p));
	cr_assert_float_eq(p.in_usd, 5, 1e-9);
	cr_assert(endpoint_price(&ep, "anthropic.claude-haiku-5-5", 100000, &p));
	cr_assert_float_eq(p.in_usd, 0.10, 1e-9);
	cr_assert(endpoint_price(&ep, "claude-haiku-5-5", 100001, &p));
	cr_assert_float_eq(p.in_usd, 0.50, 1e-9);
	cr_assert_not(endpoint_price(&ep, "claude-opus-5-6", 0, &p));
	cr_assert_float_eq(p.in_usd, 0, 1e-9);
	ep.kind = ENDPOINT_PORTABLE;
	cr_assert_not(endpoint_price(&ep, "claude-opus-5-5", 0, &p));
	ep.in_usd = 1;
	cr_assert(endpoint_price(&ep, "qwen", 0, &p));
	ep.model = "qwen";
	cr_assert_str_eq(endpoint_model(&ep, "opus"), "qwen");
}
