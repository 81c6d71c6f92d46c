/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each end as a sentence for an operator at night: what, and what to do. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "engine/api/http_int.h"

#define WORDS(b, ...)                               \
	do {                                        \
		if (buf_printf(b, __VA_ARGS__) < 0) \
			return;                     \
	} while (0)

const char *
http_end_word(enum http_end how)
{
	static const char *const words[HTTP_ENDS] = {[HTTP_DONE] = "done",
	    [HTTP_CUT] = "cut",
	    [HTTP_NO_CONNECT] = "no_connect",
	    [HTTP_NO_NAME] = "no_name",
	    [HTTP_TLS] = "tls",
	    [HTTP_SILENT] = "silent",
	    [HTTP_SLOW_HEADERS] = "slow_headers",
	    [HTTP_ABORTED] = "aborted",
	    [HTTP_TOO_LONG] = "too_long",
	    [HTTP_REDIRECT] = "redirect",
	    [HTTP_BAD_REQUEST] = "bad_request",
	    [HTTP_HUNG] = "hung"};

	return (unsigned)how < HTTP_ENDS ? words[how] : "unknown";
}

static void
words_connect(const struct http_said *s, struct buf *why, struct buf *todo)
{
	char age[32];

	if (s->by_address)
		WORDS(why,
		    "no name server answers for %s, and its addresses do not either: ",
		    s->where->host);
	if (s->proxy)
		WORDS(why, "the proxy %s gives no connection to %s:%d: ", s->proxy,
		    s->where->host, s->where->port);
	else
		WORDS(why, "no connection to %s:%d: ", s->where->host, s->where->port);
	if (s->ms)
		WORDS(why, "nothing within %s", clock_age(s->ms, age, sizeof age));
	else
		WORDS(why, "%s", *s->detail ? s->detail : "it was refused");
	if (s->proxy)
		WORDS(todo, "look at the proxy, or set proxy of the endpoint");
	else
		WORDS(todo, "is it running, and does a firewall let us out?");
}

static void
words_name(const struct http_said *s, struct buf *why, struct buf *todo)
{
	if (s->proxy) {
		WORDS(why, "the name of the proxy %s is not known", s->proxy);
		WORDS(todo, "look at DNS, or name the proxy by its address");
		return;
	}
	WORDS(why, "the name %s is not known: no name server answers, or it says so",
	    s->where->host);
	WORDS(todo, "look at DNS; \"resolve\" of the endpoint takes literal addresses");
}

static void
words_tls(const struct http_said *s, struct buf *why, struct buf *todo)
{
	WORDS(why, "%s:%d is not who it says, or speaks no TLS that we do: %s",
	    s->where->host, s->where->port, s->detail);
	WORDS(todo,
	    "look at its certificate and at the clock; a private CA's goes into ca_file");
}

void
http_words(
    enum http_end how, const struct http_said *s, struct buf *why, struct buf *todo)
{
	const char *host = s->where->host;
	char age[32];

	clock_age(s->ms, age, sizeof age);
	switch (how) {
	case HTTP_NO_CONNECT:
		words_connect(s, why, todo);
		return;
	case HTTP_NO_NAME:
		words_name(s, why, todo);
		return;
	case HTTP_TLS:
		words_tls(s, why, todo);
		return;
	case HTTP_CUT:
		WORDS(why, "the answer of %s broke off%s%s", host, *s->detail ? ": " : "",
		    s->detail);
		WORDS(todo, "send it again");
		return;
	case HTTP_SILENT:
		WORDS(
		    why, "%s sent no byte for %s in the middle of its answer", host, age);
		WORDS(todo, "send it again");
		return;
	case HTTP_SLOW_HEADERS:
		WORDS(why, "%s did not begin to answer within %s", host, age);
		WORDS(todo, "send it again, or use another endpoint");
		return;
	case HTTP_TOO_LONG:
		WORDS(why, "the answer of %s is longer than the %zu bytes that we take",
		    host, s->max);
		WORDS(todo, "is it a server of the Messages API?");
		return;
	case HTTP_REDIRECT:
		WORDS(why, "%s answers with a redirect (%d) to %s, which is not followed",
		    host, s->status, *s->location ? s->location : "nowhere");
		WORDS(todo, "write the address at which it ends into url");
		return;
	case HTTP_ABORTED:
		WORDS(why, "the answer of %s was not wanted any longer", host);
		return;
	case HTTP_BAD_REQUEST:
		WORDS(why, "%s", s->detail);
		WORDS(todo, "mend the endpoint's section in breakglass.conf");
		return;
	case HTTP_HUNG:
		WORDS(why, "%s", s->detail);
		WORDS(todo,
		    "look at that disk (dmesg, findmnt), or name a file on another one "
		    "in ca_file");
		return;
	case HTTP_DONE:
	case HTTP_ENDS:
		return;
	}
}
