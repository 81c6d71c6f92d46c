/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t
clock_ms(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
clock_mono_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

int64_t
clock_wall_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

char *
clock_at(int64_t wall_ms, char out[CLOCK_AT_LEN])
{
	time_t s = (time_t)(wall_ms / 1000);
	struct tm tm;
	size_t n;

	gmtime_r(&s, &tm);
	n = strftime(out, CLOCK_AT_LEN, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, CLOCK_AT_LEN - n, ".%03dZ", (int)(wall_ms % 1000) & 0x3ff);
	return out;
}

int64_t
clock_from(const char *at)
{
	struct tm tm = {0};
	int ms, end = 0;

	if (sscanf(at, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &tm.tm_year, &tm.tm_mon,
		&tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ms, &end) != 7 ||
	    end != CLOCK_AT_LEN - 1 || at[end] != '\0')
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	return (int64_t)timegm(&tm) * 1000 + ms;
}

char *
clock_age(int64_t ms, char *out, size_t size)
{
	if (ms < 0)
		ms = 0;
	if (ms < 10000)
		snprintf(out, size, "%d.%d s", (int)(ms / 1000), (int)(ms % 1000) / 100);
	else if (ms < 120000)
		snprintf(out, size, "%d s", (int)(ms / 1000));
	else if (ms < 2 * 3600000)
		snprintf(out, size, "%d min", (int)(ms / 60000));
	else if (ms < (int64_t)48 * 3600000)
		snprintf(out, size, "%d h", (int)(ms / 3600000));
	else
		snprintf(out, size, "%lld d", (long long)(ms / 86400000));
	return out;
}
