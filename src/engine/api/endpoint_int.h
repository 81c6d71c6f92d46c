/* SPDX-License-Identifier: GPL-3.0-or-later */
/* endpoint_int.h: an endpoint with what it remembers; between endpoint*.c. */
#ifndef ENGINE_ENDPOINT_INT_H
#define ENGINE_ENDPOINT_INT_H

#include "engine/api/endpoint.h"

#define ENDPOINT_ADDRESSES_MAX 8

struct probe_waiter {
	struct probe_waiter *next;
	endpoint_probe_fn *fn;
	void *arg;
	int64_t begun_ms, due_ms;
};

struct probe {
	struct http_call *call;
	struct probe_waiter *waiters;
	uv_timer_t timer;
	int status; /* 0: no headers yet */
	bool has_timer;
};

struct endpoint_rec {
	struct endpoint pub; /* first: an endpoint is the start of its record */
	struct http *http;
	char *url, *resolve;
	const char *addresses[ENDPOINT_ADDRESSES_MAX + 1];
	int64_t well_ms, ill_ms; /* when last seen so; 0: never */
	char why[300];
	struct probe probe;
};

/* endpoint_probe.c: ends what is in flight, without a word. */
void endpoint_probe_drop(struct endpoint_rec *r);

#endif
