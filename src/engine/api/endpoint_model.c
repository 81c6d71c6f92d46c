/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The vendor's models: what their short names mean and what they cost.
 *
 * Prices in US dollars per million tokens, as published in November 2026.  A
 * cached prompt is written for an hour, at twice the price of reading it.
 * Where no price of cached tokens is known, a tenth stands: rather too much.
 */
#include <string.h>

#include "base/mem.h"
#include "engine/api/endpoint.h"

static const struct {
	const char *alias, *model;
} aliases[] = {{"fable", "claude-fable-5-2"}, {"haiku", "claude-haiku-5-5"},
    {"opus", "claude-opus-5-5"}, {"sonnet", "claude-sonnet-5-5"}};

static const struct {
	const char *model;
	int64_t above; /* tokens of the prompt, from which this row holds */
	double in, out, cache;
} prices[] = {{"claude-fable-5-2", 0, 8, 40, 0.20}, {"claude-mythos-5-2", 0, 8, 40, 0.20},
    {"claude-haiku-5-5", 100001, 0.50, 2.50, 0}, {"claude-haiku-5-5", 0, 0.10, 0.50, 0},
    {"claude-sonnet-5-5", 0, 2, 10, 0.10}, {"claude-fable-5-1", 0, 10, 50, 0.25},
    {"claude-mythos-5-1", 0, 10, 50, 0.25}, {"claude-opus-5-5", 0, 4, 20, 0.20},
    {"claude-sonnet-5", 0, 2, 10, 0}, {"claude-fable-5", 0, 10, 50, 0},
    {"claude-mythos-5", 0, 10, 50, 0}, {"claude-opus-5", 0, 5, 25, 0},
    {"claude-opus-4-8", 0, 5, 25, 0}, {"claude-opus-4-7", 0, 5, 25, 0},
    {"claude-opus-4-6", 0, 5, 25, 0}, {"claude-sonnet-4-6", 0, 3, 15, 0},
    {"claude-haiku-4-5", 0, 1, 5, 0}, {"claude-opus-4-5", 0, 5, 25, 0},
    {"claude-sonnet-4-5", 0, 3, 15, 0}};

const char *
endpoint_model(const struct endpoint *ep, const char *model)
{
	if (ep->model[0])
		model = ep->model;
	for (size_t i = 0; i < ARRAY_LEN(aliases); i++) {
		if (ep->kind == ENDPOINT_VENDOR && strcmp(model, aliases[i].alias) == 0)
			return aliases[i].model;
	}
	return model;
}

/* "claude-haiku-4-5-20251001" and "anthropic.claude-opus-5-5" are in the table, too. */
static bool
is_model(const char *model, const char *row)
{
	size_t n = strlen(row);

	if (strncmp(model, "anthropic.", 10) == 0)
		model += 10;
	return strncmp(model, row, n) == 0 &&
	    (model[n] == '\0' || strncmp(model + n, "-20", 3) == 0);
}

bool
endpoint_price(const struct endpoint *ep, const char *model, int64_t prompt_tokens,
    struct endpoint_price *out)
{
	*out = (struct endpoint_price){0};
	if (ep->in_usd > 0 || ep->out_usd > 0) {
		*out = (struct endpoint_price){
		    ep->in_usd, ep->out_usd, ep->cache_usd, ep->cache_write_usd};
		return true;
	}
	if (ep->kind != ENDPOINT_VENDOR)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(prices); i++) {
		if (!is_model(model, prices[i].model) || prompt_tokens < prices[i].above)
			continue;
		out->in_usd = prices[i].in;
		out->out_usd = prices[i].out;
		out->cache_usd =
		    prices[i].cache > 0 ? prices[i].cache : prices[i].in / 10;
		out->cache_write_usd = 2 * prices[i].in;
		return true;
	}
	return false;
}
