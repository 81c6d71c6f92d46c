/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host/request.h"

struct args {
	const char *site;
	const char *worker;
	const char *verb;
	const char *from;
	bool unlock;
	bool version;
};

int
request_verb(const char *original)
{
	if (original == NULL)
		return -1;
	return verb_by_name(original, strlen(original));
}

/* Where the value of this option goes; NULL: it is none of ours. */
static const char **
slot_of(struct args *a, const char *name)
{
	if (strcmp(name, "--site") == 0)
		return &a->site;
	if (strcmp(name, "--worker") == 0)
		return &a->worker;
	if (strcmp(name, "--verb") == 0)
		return &a->verb;
	if (strcmp(name, "--from") == 0)
		return &a->from;
	return NULL;
}

static bool
read_args(int argc, char *const *argv, struct args *a)
{
	for (int i = 1; i < argc; i++) {
		const char **slot = slot_of(a, argv[i]);

		if (slot != NULL) {
			if (++i == argc)
				return false;
			*slot = argv[i];
		} else if (strcmp(argv[i], "--remove-lock") == 0)
			a->unlock = true;
		else if (strcmp(argv[i], "--version") == 0)
			a->version = true;
		else
			return false;
	}
	return true;
}

/* A client's word is a verb or nothing, whatever stands in authorized_keys. */
static enum request_kind
over_the_key(const struct args *a, const char *original, struct request *r)
{
	int verb = request_verb(original);

	if (verb < 0 || a->unlock || a->version || a->worker || a->verb || a->from)
		return REQUEST_REJECTED;
	r->verb = (enum verb)verb;
	return REQUEST_VERB;
}

static enum request_kind
by_hand(const struct args *a, struct request *r)
{
	int verb;

	if (a->version)
		return REQUEST_VERSION;
	if (a->worker == NULL && a->verb == NULL && a->from == NULL)
		return a->unlock ? REQUEST_UNLOCK : REQUEST_REJECTED;
	if (a->worker == NULL || a->unlock)
		return REQUEST_USAGE;
	verb = request_verb(a->verb);
	if (verb < 0 || !verb_rows[verb].mutating)
		return REQUEST_USAGE;
	r->verb = (enum verb)verb;
	return REQUEST_WORKER;
}

void
request_read(int argc, char *const *argv, const char *original, struct request *r)
{
	struct args a = {0};

	memset(r, 0, sizeof(*r));
	if (!read_args(argc, argv, &a))
		r->kind = REQUEST_USAGE;
	else if (original != NULL)
		r->kind = over_the_key(&a, original, r);
	else
		r->kind = by_hand(&a, r);
	r->site = a.site;
	r->id = a.worker;
	r->from = a.from;
}
