/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/api/api_error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/text.h"

#define BACKOFF_FIRST_MS 500
#define CURES_MAX 3  /* requests before a cure is no longer tried */
#define STALLS_MAX 2 /* requests that fell silent, before another endpoint is asked */

/*
 * One row an outcome.  status 0: by type alone (an "error" event comes inside a
 * 200); type NULL: any of that status.  The first row that fits counts.
 */
struct rule {
	int status;
	const char *type;
	const char *code; /* of the error's details, or NULL */
	const char *text; /* a part of its text, or NULL */
	enum api_next next;
	const char *why;
	const char *todo;
};

#define TODO_SPEND "raise the spend limit in the Console, or /agent to another endpoint"
#define TODO_KEY "look at the endpoint's key_file, key_helper or token in breakglass.conf"
#define TODO_MODEL "look at the endpoint's model in breakglass.conf"
#define TODO_WAIT "ask again in a minute, or /agent to another endpoint"
#define TODO_URL "look at the endpoint's url in breakglass.conf"

static const struct rule rules[] = {
    /* what the code or the text says goes before the status */
    {0, NULL, "enforced_spend_limit_reached", NULL, API_NEXT_ENDPOINT,
	"the spend limit is reached", TODO_SPEND},
    {0, NULL, "contract_spend_limit_reached", NULL, API_NEXT_ENDPOINT,
	"the contract's spend limit is reached", TODO_SPEND},
    {0, NULL, "organization_on_hold", NULL, API_NEXT_ENDPOINT,
	"the organization is on hold", "the Console says why"},
    {400, NULL, NULL, "specified API usage limits", API_NEXT_ENDPOINT,
	"the usage limit that was set in the Console is reached", TODO_SPEND},
    {400, NULL, NULL, "prompt is too long", API_SHRINK,
	"the conversation is longer than the model takes", ""},
    {400, NULL, NULL, "exceed context limit", API_SHRINK,
	"the conversation is longer than the model takes", ""},
    {400, NULL, NULL, "exceeds the available context size", API_SHRINK,
	"the conversation is longer than the model takes", ""},
    {400, NULL, NULL, "maximum context length", API_SHRINK,
	"the conversation is longer than the model takes", ""},
    {400, NULL, NULL, "anthropic-beta", API_DROP_BETAS,
	"a beta is not enabled for this key", ""},
    {400, NULL, NULL, "in `thinking` block", API_DROP_THINKING,
	"thinking of earlier turns is bound to another conversation", ""},
    {400, NULL, NULL, "bound to a different conversation", API_DROP_THINKING,
	"thinking of earlier turns is bound to another conversation", ""},
    {400, NULL, NULL, "latest assistant message cannot be modified", API_DROP_THINKING,
	"thinking of the last turn was changed on the way", ""},
    {400, NULL, NULL, NULL, API_NEXT_ENDPOINT, "the request was refused",
	"a newer breakglass may know this endpoint; /agent to another one"},
    {401, NULL, NULL, NULL, API_NEW_CREDENTIAL, "the credential was refused", TODO_KEY},
    {402, NULL, NULL, NULL, API_NEXT_ENDPOINT, "the account has a billing problem",
	"look at billing in the Console"},
    {403, NULL, NULL, NULL, API_NEXT_ENDPOINT, "the credential may not do this",
	TODO_KEY},
    {404, NULL, NULL, "model", API_NEXT_ENDPOINT, "the endpoint does not know the model",
	TODO_MODEL},
    {404, NULL, NULL, NULL, API_NEXT_ENDPOINT, "the endpoint has no such API", TODO_URL},
    {408, NULL, NULL, NULL, API_RETRY, "the request timed out there", TODO_WAIT},
    {409, NULL, NULL, NULL, API_RETRY, "the endpoint reports a conflict", TODO_WAIT},
    {413, NULL, NULL, NULL, API_SHRINK, "the request is too large", ""},
    {429, NULL, NULL, NULL, API_RETRY, "the rate limit is reached", TODO_WAIT},
    {504, NULL, NULL, NULL, API_RETRY, "the endpoint timed out", TODO_WAIT},
    {529, NULL, NULL, NULL, API_RETRY, "the endpoint is overloaded", TODO_WAIT},
    /* inside a 200 only the type is known */
    {200, "overloaded_error", NULL, NULL, API_RETRY, "the endpoint is overloaded",
	TODO_WAIT},
    {200, "rate_limit_error", NULL, NULL, API_RETRY, "the rate limit is reached",
	TODO_WAIT},
    {200, "timeout_error", NULL, NULL, API_RETRY, "the endpoint timed out", TODO_WAIT},
    {200, "authentication_error", NULL, NULL, API_NEW_CREDENTIAL,
	"the credential was refused", TODO_KEY},
    {200, "permission_error", NULL, NULL, API_NEXT_ENDPOINT,
	"the credential may not do this", TODO_KEY},
    {200, "billing_error", NULL, NULL, API_NEXT_ENDPOINT,
	"the account has a billing problem", "look at billing in the Console"},
    {200, "not_found_error", NULL, NULL, API_NEXT_ENDPOINT,
	"the endpoint does not know the model", TODO_MODEL},
    {200, "invalid_request_error", NULL, NULL, API_NEXT_ENDPOINT,
	"the request was refused", ""},
    {200, "request_too_large", NULL, NULL, API_SHRINK, "the request is too large", ""},
    {200, "cut", NULL, NULL, API_RETRY, "the answer broke off", TODO_WAIT},
    {200, "limit", NULL, NULL, API_NEXT_ENDPOINT, "the answer is longer than we take",
	""},
    {200, "protocol", NULL, NULL, API_RETRY, "the answer is not what the API sends",
	TODO_URL},
    {200, NULL, NULL, NULL, API_RETRY, "the endpoint failed", TODO_WAIT},
};

/* By enum http_end. */
static const struct rule transport[HTTP_ENDS] = {
    [HTTP_DONE] = {0, NULL, NULL, NULL, API_RETRY, "the answer broke off", TODO_WAIT},
    [HTTP_CUT] = {0, NULL, NULL, NULL, API_RETRY, "the connection broke off", TODO_WAIT},
    [HTTP_NO_CONNECT] = {0, NULL, NULL, NULL, API_NEXT_ENDPOINT,
	"the endpoint cannot be reached", TODO_URL},
    [HTTP_NO_NAME] = {0, NULL, NULL, NULL, API_NEXT_ENDPOINT,
	"the endpoint's name is unknown",
	"set resolve of the endpoint in breakglass.conf"},
    [HTTP_TLS] = {0, NULL, NULL, NULL, API_NEXT_ENDPOINT,
	"the endpoint's certificate does not fit",
	"set ca_file of the endpoint in breakglass.conf, if it is yours"},
    [HTTP_SILENT] = {0, NULL, NULL, NULL, API_RETRY, "the endpoint fell silent",
	TODO_WAIT},
    [HTTP_SLOW_HEADERS] = {0, NULL, NULL, NULL, API_NEXT_ENDPOINT,
	"the endpoint does not answer", TODO_WAIT},
    [HTTP_ABORTED] = {0, NULL, NULL, NULL, API_GIVE_UP, "the request was stopped", ""},
    [HTTP_TOO_LONG] = {0, NULL, NULL, NULL, API_NEXT_ENDPOINT,
	"the answer is longer than we take", ""},
    [HTTP_REDIRECT] = {0, NULL, NULL, NULL, API_NEXT_ENDPOINT,
	"the endpoint sends us elsewhere, and we follow nobody", TODO_URL},
    [HTTP_BAD_REQUEST] = {0, NULL, NULL, NULL, API_NEXT_ENDPOINT,
	"the endpoint's settings cannot be used", TODO_URL},
    [HTTP_HUNG] = {0, NULL, NULL, NULL, API_NEXT_ENDPOINT,
	"a file of the endpoint cannot be read",
	"look at its disk (dmesg, findmnt), or name a file on another one"},
};

static const struct rule server_error = {
    0, NULL, NULL, NULL, API_RETRY, "the endpoint failed", TODO_WAIT};
static const struct rule refused = {0, NULL, NULL, NULL, API_NEXT_ENDPOINT,
    "the request was refused", "/agent to another endpoint"};

static bool
fits(const struct rule *r, const struct api_failure *f)
{
	/* what a text says of a 400 holds for an "error" event, too */
	bool status = r->status == 0 || r->status == f->status ||
	    (r->status == 400 && r->text && f->status == 200) ||
	    (r->status == 400 && r->text && f->status == 422);

	return status && (!r->type || strcmp(r->type, f->type) == 0) &&
	    (!r->code || strcmp(r->code, f->code) == 0) &&
	    (!r->text || strstr(f->text, r->text));
}

static const struct rule *
rule_of(const struct api_failure *f, enum http_end how)
{
	bool by_transport = !f || f->status == 0 || strcmp(f->type, "cut") == 0;

	if (by_transport && (how != HTTP_DONE || !f || f->status == 0))
		/* an end that has no row yet is like a cut */
		return &transport[how < HTTP_ENDS && transport[how].why ? how : HTTP_CUT];
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (fits(&rules[i], f))
			return &rules[i];
	if (f->status >= 500)
		return &server_error;
	return f->status >= 300 && f->status < 400 ? &transport[HTTP_REDIRECT] : &refused;
}

/* ---- how long to wait ---- */

/* "120", "1.5", up to nine digits before the point; -1: something else. */
static int64_t
decimal_ms(const char *s, int64_t unit_ms)
{
	int64_t ms = 0, part = unit_ms;
	size_t n = strspn(s, "0123456789");

	if (n == 0 || n > 9)
		return n > 9 && n < 16 ? INT32_MAX : -1;
	for (; n > 0; n--)
		ms = ms * 10 + (*s++ - '0');
	ms *= unit_ms;
	if (*s == '.')
		for (s++; *s >= '0' && *s <= '9'; s++) {
			part /= 10;
			ms += part * (*s - '0');
		}
	s += strspn(s, " \t");
	return *s ? -1 : ms;
}

/* "Wed, 21 Oct 2026 07:28:00 GMT" (RFC 9110's one form to send); -1: something else. */
static int64_t
http_date_ms(const char *s)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm = {0};
	char month[4], zone[4];
	const char *m;

	if (!s ||
	    sscanf(s, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d %3s", &tm.tm_mday,
		month, &tm.tm_year, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, zone) != 7)
		return -1;
	m = strlen(month) == 3 ? strstr(months, month) : NULL;
	if (!m || (m - months) % 3 || strcmp(zone, "GMT") != 0 || tm.tm_year < 1970)
		return -1;
	tm.tm_mon = (int)(m - months) / 3;
	tm.tm_year -= 1900;
	return (int64_t)timegm(&tm) * 1000;
}

/* What the server asks for; -1: nothing that can be used. */
static int64_t
asked_delay_ms(const struct api_retry_headers *h, int64_t now_wall_ms)
{
	int64_t ms = -1, at, now;

	if (h && h->retry_after_ms)
		ms = decimal_ms(h->retry_after_ms, 1);
	if (ms > 0 || !h || !h->retry_after)
		return ms > 0 ? ms : -1;
	ms = decimal_ms(h->retry_after, 1000);
	if (ms >= 0)
		return ms > 0 ? ms : -1;
	at = http_date_ms(h->retry_after);
	now = http_date_ms(h->date); /* our clock may be wrong, theirs is its own */
	if (at < 0)
		return -1;
	ms = at - (now < 0 ? now_wall_ms : now);
	return ms > 0 ? ms : -1;
}

/* 0.5 s, 1 s, 2 s ... 8 s, less up to a quarter. */
static int64_t
backoff_ms(int attempts, unsigned rnd)
{
	int64_t ms = BACKOFF_FIRST_MS;

	for (int i = 1; i < attempts && ms < API_BACKOFF_MAX_MS; i++)
		ms *= 2;
	if (ms > API_BACKOFF_MAX_MS)
		ms = API_BACKOFF_MAX_MS;
	return ms - (int64_t)(rnd % 1000) * ms / 4000;
}

/* ---- the judgement ---- */

static void
words(const struct rule *r, const struct api_failure *f, struct api_judged *out)
{
	char status[16] = "";
	size_t n;

	if (f && f->status && f->status != 200)
		snprintf(status, sizeof status, " (%d)", f->status);
	snprintf(out->why, sizeof out->why, "%s%s", r->why, status);
	if (f && f->text[0] && strcmp(f->text, r->why) != 0) {
		n = strlen(out->why);
		snprintf(out->why + n, sizeof out->why - n, ": %s", f->text);
		out->why[text_cut(out->why, strlen(out->why))] = '\0';
	}
	snprintf(out->todo, sizeof out->todo, "%s", r->todo);
}

static int
attempts_allowed(const struct rule *r, const struct api_failure *f, bool showed)
{
	if (showed)
		return 2; /* the operator saw it begin; seeing it begin again is enough */
	if (r == &transport[HTTP_SILENT])
		return STALLS_MAX;
	if (f && (strcmp(f->type, "protocol") == 0))
		return 2;
	return API_ATTEMPTS_MAX;
}

static enum api_next
settle_retry(const struct rule *r, const struct api_failure *f, bool showed, int attempts,
    const struct api_retry_headers *h, int64_t now_wall_ms, unsigned rnd,
    struct api_judged *out)
{
	int64_t asked = asked_delay_ms(h, now_wall_ms);

	if (attempts >= attempts_allowed(r, f, showed)) {
		snprintf(out->todo, sizeof out->todo, "%s", r->todo);
		return API_NEXT_ENDPOINT;
	}
	if (asked > API_RETRY_AFTER_MAX_MS) {
		snprintf(out->todo, sizeof out->todo,
		    "it asks to wait %lld s, which nobody here does: /agent to another "
		    "endpoint, or ask again then",
		    (long long)((asked + 999) / 1000));
		return API_NEXT_ENDPOINT;
	}
	out->delay_ms = asked > 0 ? asked : backoff_ms(attempts, rnd);
	out->todo[0] = '\0';
	return API_RETRY;
}

/* x-should-retry goes before the status, but not before what a code or a text says. */
static enum api_next
override(const struct rule *r, const struct api_retry_headers *h)
{
	if (!h || !h->should_retry || r->code || r->text)
		return r->next;
	if (r->next == API_RETRY && strcmp(h->should_retry, "false") == 0)
		return API_NEXT_ENDPOINT;
	if (r->next == API_NEXT_ENDPOINT && strcmp(h->should_retry, "true") == 0)
		return API_RETRY;
	return r->next;
}

enum api_next
api_judge(const struct api_failure *f, enum http_end how, bool showed, int attempts,
    const struct api_retry_headers *h, int64_t now_wall_ms, unsigned rnd,
    struct api_judged *out)
{
	const struct rule *r = rule_of(f, how);
	enum api_next next = override(r, h);

	memset(out, 0, sizeof *out);
	words(r, f, out);
	if (next == API_RETRY)
		return settle_retry(r, f, showed, attempts, h, now_wall_ms, rnd, out);
	/* a cure that did not help the first time does not help the second */
	if ((next == API_NEW_CREDENTIAL || next == API_DROP_BETAS ||
		next == API_DROP_THINKING) &&
	    attempts >= CURES_MAX)
		return API_NEXT_ENDPOINT;
	return next;
}

const char *
api_next_word(enum api_next next)
{
	static const char *const next_words[API_NEXTS] = {"give_up", "retry",
	    "new_credential", "next_endpoint", "drop_thinking", "drop_betas", "shrink"};

	return next < API_NEXTS ? next_words[next] : "give_up";
}
