/* SPDX-License-Identifier: GPL-3.0-or-later */
/* options_int.h: a row of a table of settings, for options.c and options_endpoint.c. */
#ifndef BASE_OPTIONS_INT_H
#define BASE_OPTIONS_INT_H

#include <stddef.h>

#include "base/options.h"

enum option_type { TYPE_STR, TYPE_PATH, TYPE_INT, TYPE_KIND, TYPE_SWITCH, TYPE_USD };

struct option_row {
	const char *name;
	enum option_type type;
	const char *env; /* NULL: none */
	const char *def;
	const char *meaning;
	size_t offset;
};

/* Sets row's field of the struct at `base`, or says what is wrong with value. */
int option_set(void *base, const struct option_row *row, const char *value,
    struct err *err) MUST_CHECK;
void option_fini(void *base, const struct option_row *row);
void option_print(const struct option_row *row);

/* The section's endpoint, new with its defaults where it is; NULL: why it cannot be. */
struct option_endpoint *options_endpoint(
    struct options *o, const char *name, size_t len, struct err *err) MUST_CHECK;
int options_endpoint_set(struct option_endpoint *ep, const char *key, const char *value,
    struct err *err) MUST_CHECK;
/* What only the whole of a section can show. */
int options_endpoints_check(const struct options *o, struct err *err) MUST_CHECK;
void options_endpoints_fini(struct options *o);
void options_endpoints_print(void);

#endif
