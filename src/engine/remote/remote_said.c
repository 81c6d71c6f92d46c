/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/remote/remote_int.h"

#include <string.h>

#include "base/clock.h"

const char *
remote_state_name(enum remote_state s)
{
	static const char *const names[REMOTE_STATES] = {
	    "idle", "connecting", "handshake", "auth", "up", "silent", "down"};

	return names[s];
}

enum remote_state
remote_state(const struct remote *r)
{
	return r->state;
}

enum hostkey_state
remote_key_state(const struct remote *r)
{
	return r->key_state;
}

const char *
remote_fingerprint(const struct remote *r)
{
	return r->fingerprint ? r->fingerprint : "";
}

const char *
remote_why(const struct remote *r)
{
	return r->why;
}

int64_t
remote_retry_ms(const struct remote *r)
{
	int64_t left = r->retry_ms - clock_mono_ms();

	if (r->state != REMOTE_DOWN || r->retry_ms < 0)
		return -1;
	return left > 0 ? left : 0;
}

int64_t
remote_rtt_ms(const struct remote *r)
{
	return r->rtt_ms;
}

int
remote_accept_key(struct remote *r, const char *fingerprint, struct err *err)
{
	if (!r->fingerprint || strcmp(r->fingerprint, fingerprint) != 0)
		return err_set(err, ERR_USAGE,
		    "%s last showed the host key %s, not %s: look "
		    "again before you accept",
		    r->where, r->fingerprint ? r->fingerprint : "(none yet)",
		    fingerprint);
	if (hostkeys_accept(r->hostkeys, r->name, r->key_type, r->key_blob, err) < 0)
		return -1;
	r->key_state = hostkeys_check(r->hostkeys, r->name, r->key_type, r->key_blob);
	r->notify = true;
	remote_kick(r);
	return 0;
}
