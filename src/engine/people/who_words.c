/* SPDX-License-Identifier: GPL-3.0-or-later */
/* who_words.c: what was seen of a peer, as one line: the strongest proof first. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/people/who.h"

struct words {
	char *out;
	size_t at;
};

static void say(struct words *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
say(struct words *w, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(w->out + w->at, WHO_WORDS_MAX - w->at, fmt, args);
	va_end(args);
	if (n > 0)
		w->at += (size_t)n;
	if (w->at >= WHO_WORDS_MAX)
		w->at = WHO_WORDS_MAX - 1;
}

static const char *
comma(const struct words *w)
{
	return w->at ? ", " : "";
}

/* What root's processes did for this peer. */
static void
say_proven(struct words *w, const struct who_seen *s)
{
	if (s->sudo && s->login >= 0)
		say(w, "sudo by %s (login uid %lld)", s->sudo_by, (long long)s->login);
	else if (s->sudo)
		say(w, "sudo by %s", s->sudo_by[0] ? s->sudo_by : "somebody");
	if (!s->ssh)
		return;
	say(w, "%sssh%s%s of %s", comma(w), s->ssh_key[0] ? " key " : "", s->ssh_key,
	    s->ssh_user);
	if (s->ssh_from[0])
		say(w, " from %s", s->ssh_from);
	else if (s->claims_from[0])
		say(w, " from %s (unproven)", s->claims_from);
	if (s->ssh_key_false)
		say(w, ", its key is unproven");
}

static void
say_uid(struct words *w, const struct who_seen *s)
{
	say(w, "%suid %ld%s%s", comma(w), (long)s->uid, s->user[0] ? " " : "", s->user);
	if (s->login >= 0 && (uid_t)s->login != s->uid && !s->sudo)
		say(w, " (login uid %lld%s%s)", (long long)s->login,
		    s->login_user[0] ? " " : "", s->login_user);
}

/* What the peer says of itself. */
static void
say_claims(struct words *w, const struct who_seen *s)
{
	if (s->outside) {
		say(w, "%s%s: unproven", comma(w), s->pod ? "kubectl exec" : "container");
		if (s->claims_request[0])
			say(w, ", it says request %s", s->claims_request);
	}
	if (!s->sudo && s->claims_sudo[0])
		say(w, "%ssudo by %s (unproven)", comma(w), s->claims_sudo);
	if (!s->ssh && s->claims_from[0])
		say(w, "%sssh from %s (unproven)", comma(w), s->claims_from);
}

void
who_words(const struct who_seen *s, char out[WHO_WORDS_MAX])
{
	struct words w = {out, 0};

	out[0] = '\0';
	say_proven(&w, s);
	if (w.at == 0)
		say_uid(&w, s);
	say_claims(&w, s);
	if (s->gone)
		say(&w, " (it ended before it was looked at)");
}
