/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/power/hostjob.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

/* Names and words only: what else a host says there is not believed. */
static void
keep_word(char *out, size_t size, const char *value)
{
	size_t n = 0;

	for (; *value && n + 1 < size; value++)
		out[n++] = isalnum((unsigned char)*value) || strchr("._:-", *value)
		    ? *value
		    : '?';
	out[n] = '\0';
}

/* A sentence of the host's, for people: printable, on one line. */
static void
keep_sentence(char *out, size_t size, const char *value)
{
	size_t n = 0;

	for (; *value && n + 1 < size; value++)
		out[n++] = (char)(*value >= ' ' && *value <= '~' ? *value : '?');
	out[n] = '\0';
}

void
hostjob_begin(struct hostjob *j)
{
	memset(j, 0, sizeof *j);
}

void
hostjob_run(struct hostjob *j, const char *id)
{
	keep_word(j->run_id, sizeof j->run_id, id);
	j->wall_ms = clock_wall_ms();
}

static enum hostjob_state
state_by_name(const char *name)
{
	if (strcmp(name, "running") == 0)
		return HOSTJOB_RUNNING;
	return strcmp(name, "interrupted") == 0 ? HOSTJOB_INTERRUPTED : HOSTJOB_NONE;
}

void
hostjob_fact(struct hostjob *j, const char *key, const char *value)
{
	const struct {
		const char *key;
		char *word;
		size_t size;
		long *number;
	} rows[] = {
	    {"job_id", j->id, sizeof j->id, NULL},
	    {"job_verb", j->verb, sizeof j->verb, NULL},
	    {"job_phase", j->phase, sizeof j->phase, NULL},
	    {"job_age_s", NULL, 0, &j->age_s},
	    {"last_id", j->last_id, sizeof j->last_id, NULL},
	    {"last_verb", j->last_verb, sizeof j->last_verb, NULL},
	    {"last_state", j->last_state, sizeof j->last_state, NULL},
	    {"last_rc", NULL, 0, &j->last_rc},
	    {"last_age_s", NULL, 0, &j->last_age_s},
	};

	if (strcmp(key, "job") == 0)
		j->state = state_by_name(value);
	if (strcmp(key, "last_why") == 0)
		keep_sentence(j->last_why, sizeof j->last_why, value);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (strcmp(key, rows[i].key) != 0)
			continue;
		if (rows[i].word)
			keep_word(rows[i].word, rows[i].size, value);
		else
			*rows[i].number = strtol(value, NULL, 10);
	}
}

/* 20261126T201500Z-cycle-1234: seconds since 1970, or -1. */
static int64_t
id_time_s(const char *id)
{
	struct tm tm = {0};
	int end = 0;

	if (sscanf(id, "%4d%2d%2dT%2d%2d%2dZ-%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
		&tm.tm_hour, &tm.tm_min, &tm.tm_sec, &end) != 6 ||
	    end != 17)
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	return timegm(&tm);
}

int64_t
hostjob_id_ms(const char *id)
{
	int64_t s = id_time_s(id);

	return s < 0 ? -1 : s * 1000;
}

int64_t
hostjob_began_ms(const struct hostjob *j, const char *id)
{
	int64_t now_s = id_time_s(j->run_id), then_s = id_time_s(id);

	if (now_s < 0 || then_s < 0)
		return -1;
	return j->wall_ms - (now_s - then_s) * 1000;
}

void
hostjob_words(const struct hostjob *j, char *out, size_t size)
{
	out[0] = '\0';
	if (j->state == HOSTJOB_RUNNING)
		snprintf(out, size, "%s runs at the host, phase %s, %ld s", j->verb,
		    j->phase, j->age_s);
	else if (j->state == HOSTJOB_INTERRUPTED)
		snprintf(out, size, "%s was interrupted at the host in phase %s", j->verb,
		    j->phase);
}
