/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/api/api_model.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define M (1000 * 1000)
#define ALL "low medium high xhigh max "
#define NO_XHIGH "low medium high max "

/* Keep sorted by generation; which row is longest decides, not the order. */
static const struct api_model models[] = {
    {"claude-fable-5", M, 128000, "summarized", ALL, true, true},
    {"claude-fable-5-1", M, 128000, "updates", ALL, true, true},
    {"claude-fable-5-2", M, 128000, "updates", ALL, true, true},
    {"claude-mythos-5", M, 128000, "summarized", ALL, true, true},
    {"claude-mythos-5-1", M, 128000, "updates", ALL, true, true},
    {"claude-mythos-5-2", M, 128000, "updates", ALL, true, true},
    {"claude-haiku-5-5", M, 128000, "updates", ALL, true, false},
    {"claude-opus-5-5", M, 128000, "updates", ALL, true, true},
    {"claude-sonnet-5-5", M, 128000, "updates", ALL, true, true},
    {"claude-opus-5", M, 128000, "summarized", ALL, true, true},
    {"claude-sonnet-5", M, 128000, "summarized", ALL, false, true},
    {"claude-opus-4-8", M, 128000, "summarized", ALL, true, false},
    {"claude-opus-4-7", M, 128000, "summarized", ALL, false, false},
    {"claude-opus-4-6", M, 128000, "", NO_XHIGH, false, false},
    {"claude-sonnet-4-6", M, 128000, "", NO_XHIGH, false, false},
    {"claude-opus-4-5", 200000, 64000, NULL, "low medium high ", false, false},
    {"claude-sonnet-4-5", 200000, 64000, NULL, "", false, false},
    {"claude-haiku-4-5", 200000, 64000, NULL, "", false, false},
};

static const struct api_model unknown = {"", 0, 0, NULL, "", false, false};

const struct api_model *
api_model_find(const char *id)
{
	const struct api_model *found = &unknown;

	if (!id)
		return found;
	for (size_t i = 0; i < ARRAY_LEN(models); i++) {
		size_t n = strlen(models[i].name);

		/* "claude-opus-5" is no prefix of a "claude-opus-50" */
		if (strncmp(id, models[i].name, n) == 0 &&
		    (id[n] == '\0' || id[n] == '-' || id[n] == '@' || id[n] == '[') &&
		    n > strlen(found->name))
			found = &models[i];
	}
	return found;
}

const char *
api_model_effort(const struct api_model *m, const char *asked)
{
	static const char *const levels[] = {"low", "medium", "high", "xhigh", "max"};
	char word[16];

	if (!asked)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		if (strcmp(asked, levels[i]) != 0)
			continue;
		snprintf(word, sizeof word, "%s ", levels[i]);
		if (strstr(m->efforts, word))
			return levels[i];
		return m->efforts[0] ? "high" : NULL;
	}
	return NULL;
}
