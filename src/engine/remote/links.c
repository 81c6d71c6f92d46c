/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/remote/links.h"

#include <stdio.h>
#include <string.h>

static const char *
link_state(enum remote_state s)
{
	switch (s) {
	case REMOTE_IDLE:
		return "idle";
	case REMOTE_UP:
		return "up";
	case REMOTE_SILENT:
		return "silent";
	case REMOTE_DOWN:
		return "down";
	default:
		return "connecting";
	}
}

static void
link_fill_key(struct js *f, const struct remote *r, const char *host)
{
	static const char *const words[] = {
	    [HOSTKEY_UNKNOWN] = NULL,
	    [HOSTKEY_PINNED] = "pinned",
	    [HOSTKEY_LEARNT] = "learnt",
	    [HOSTKEY_CHANGED] = "changed",
	};

	js_set_str(f, "key", words[remote_key_state(r)]);
	if (remote_fingerprint(r)[0])
		js_set_str(f, "fingerprint", remote_fingerprint(r));
	if (remote_key_state(r) != HOSTKEY_CHANGED)
		return;
	js_set_str(f, "why", "its host key is not the one that is known");
	js_set_str(f, "todo",
	    strcmp(host, "pve") == 0
		? "compare the fingerprint on the host; until /accept pve, start, stop, reset and cycle are refused"
		: "a rebuilt devvm has a new key; compare, then /accept devvm");
}

static bool
link_changed(struct links_told *told, const struct remote *r)
{
	const char *state = link_state(remote_state(r));

	if (remote_state(r) < REMOTE_UP ||
	    (told->state == state && told->key == remote_key_state(r) &&
		strncmp(told->why, remote_why(r), sizeof told->why - 1) == 0))
		return false;
	told->state = state;
	told->key = remote_key_state(r);
	snprintf(told->why, sizeof told->why, "%s", remote_why(r));
	return true;
}

/* What is waited for while it connects; NULL: it does not. */
static const char *
link_step(const struct remote *r)
{
	switch (remote_state(r)) {
	case REMOTE_CONNECTING:
		return "tcp";
	case REMOTE_HANDSHAKE:
		return remote_mark_ms(r, REMOTE_MARK_BANNER) < 0 ? "greeting"
								 : "key exchange";
	case REMOTE_AUTH:
		return "login";
	default:
		return NULL;
	}
}

void
links_tell(
    struct incident *i, struct links_told *told, const struct remote *r, const char *host)
{
	struct js *f = incident_fact(FACT_STATE, "engine");

	js_set_str(f, "what", "link");
	js_set_str(f, "host", host);
	js_set_str(f, "state", link_state(remote_state(r)));
	if (remote_why(r)[0])
		js_set_str(f, "why", remote_why(r));
	js_set_str(f, "step", link_step(r));
	if (link_step(r))
		js_set_int(f, "since", remote_mark_ms(r, REMOTE_MARK_DIAL));
	if (remote_rtt_ms(r) >= 0)
		js_set_int(f, "ms", remote_rtt_ms(r));
	if (remote_retry_ms(r) >= 0)
		js_set_int(f, "retry_ms", remote_retry_ms(r));
	link_fill_key(f, r, host);
	if (told && link_changed(told, r))
		incident_emit(i, FACT_STATE, f);
	else
		incident_tell(i, FACT_STATE, f);
}

void
links_tell_hostkeys(struct incident *i, const struct hostkeys *keys, char said[256])
{
	char why[256];
	struct js *f;

	snprintf(why, sizeof why, "%s", hostkeys_why(keys));
	if (strcmp(why, said) == 0)
		return;
	strcpy(said, why);
	if (!why[0])
		return;
	f = incident_fact(FACT_ERROR, "engine");
	js_set_str(f, "where", "host keys");
	js_set_str(f, "text", why);
	js_set_str(f, "todo",
	    "the connections work; a key that was learnt is forgotten when the engine ends");
	incident_emit(i, FACT_ERROR, f);
}
