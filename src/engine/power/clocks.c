/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/power/clocks.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "engine/power/hostjob.h"
#include "engine/record/mark.h"

#define CLOCKS_WAIT_MS 30000 /* an answer that took longer says nothing of a clock */
#define CLOCKS_ID_MS 1000    /* the name of a run knows seconds */
#define CLOCKS_FIRST_S 86400 /* earlier is no time */
#define CLOCKS_LAST_S 253402300799 /* the end of the year 9999 */

enum clock_host { CLOCK_DEVVM, CLOCK_PVE, CLOCK_HOSTS };

struct clock_known {
	bool known;
	int64_t skew_ms, error_ms;
	int64_t offset_ms; /* our wall clock minus our monotonic one, at that time */
	/* What was told, and in which incident. */
	bool told;
	int64_t told_skew_ms, told_error_ms;
	char told_in[INCIDENT_ID_MAX];
};

struct clocks {
	struct incident *incident;
	struct clock_known hosts[CLOCK_HOSTS];
	struct clock_reading pve; /* of the status in hand */
};

/* ---- one reading ---- */

static bool
digits(const char **s, int most, int64_t *n)
{
	int i = 0;

	for (*n = 0; i < most && isdigit((unsigned char)**s); i++)
		*n = *n * 10 + (*(*s)++ - '0');
	return i > 0 && !isdigit((unsigned char)**s);
}

bool
clock_reading_date(struct clock_reading *r, const char *text)
{
	int64_t s, ms = 0, scale = 100;

	if (!digits(&text, 12, &s) || s < CLOCKS_FIRST_S || s > CLOCKS_LAST_S)
		return false;
	if (*text == '.' && isdigit((unsigned char)text[1])) {
		for (text++; isdigit((unsigned char)*text); text++, scale /= 10)
			ms += (*text - '0') * scale;
		r->host_ms = s * 1000 + ms;
		r->resolution_ms = 1;
	} else {
		r->host_ms = s * 1000 + 500;
		r->resolution_ms = 500;
	}
	return true;
}

void
clock_reading_skew(const struct clock_reading *r, int64_t wall_ms, int64_t mono_ms,
    int64_t *skew_ms, int64_t *error_ms)
{
	int64_t trip = r->heard_ms - r->sent_ms;
	int64_t middle = wall_ms - mono_ms + r->sent_ms + trip / 2;

	*skew_ms = r->host_ms - middle;
	*error_ms = (trip + 1) / 2 + r->resolution_ms;
}

/* ---- what is told ---- */

static void
clocks_tell(struct clocks *c, enum clock_host host)
{
	struct clock_known *k = &c->hosts[host];
	struct js *f = incident_fact(FACT_STATE, "engine");

	js_set_str(f, "what", "clock");
	js_set_str(f, "host", host == CLOCK_DEVVM ? "devvm" : "pve");
	js_set_int(f, "skew_ms", k->skew_ms);
	js_set_int(f, "error_ms", k->error_ms);
	k->told = true;
	k->told_skew_ms = k->skew_ms;
	k->told_error_ms = k->error_ms;
	strcpy(k->told_in, incident_id(c->incident));
	incident_emit(c->incident, FACT_STATE, f);
}

static bool
clock_is_news(const struct clock_known *k)
{
	int64_t changed = llabs(k->skew_ms - k->told_skew_ms);

	return !k->told || changed > CLOCKS_NEWS_MS + k->error_ms + k->told_error_ms ||
	    (k->told_error_ms - k->error_ms > CLOCKS_BETTER_MS &&
		k->error_ms < k->told_error_ms / 2);
}

/* Another incident may have been opened since: what is known is told in it too. */
static void
tell_anew(struct clocks *c)
{
	const char *id = incident_id(c->incident);
	int64_t offset = clock_wall_ms() - clock_mono_ms();

	for (int h = 0; id[0] && h < CLOCK_HOSTS; h++) {
		struct clock_known *k = &c->hosts[h];

		if (!k->known || strcmp(k->told_in, id) == 0)
			continue;
		/* Our own clock may have been set since. */
		k->skew_ms -= offset - k->offset_ms;
		k->offset_ms = offset;
		clocks_tell(c, (enum clock_host)h);
	}
}

static void
clocks_measured(struct clocks *c, enum clock_host host, const struct clock_reading *r)
{
	struct clock_known *k = &c->hosts[host];
	int64_t wall = clock_wall_ms(), mono = clock_mono_ms();

	if (!r->host_ms || r->heard_ms < r->sent_ms ||
	    r->heard_ms - r->sent_ms > CLOCKS_WAIT_MS)
		return;
	k->known = true;
	k->offset_ms = wall - mono;
	clock_reading_skew(r, wall, mono, &k->skew_ms, &k->error_ms);
	if (clock_is_news(k))
		clocks_tell(c, host);
	tell_anew(c);
}

/* ---- who measures ---- */

void
clocks_devvm(struct clocks *c, const struct clock_reading *r)
{
	if (r->host_ms)
		clocks_measured(c, CLOCK_DEVVM, r);
}

void
clocks_pve_sent(struct clocks *c, bool alone)
{
	/* Of two it would not be known whose line is read. */
	c->pve = (struct clock_reading){.sent_ms = alone ? clock_mono_ms() : 0};
}

void
clocks_pve_line(struct clocks *c, const char *line, size_t len)
{
	struct mark m;
	const char *s;
	int64_t ms;

	if (!c->pve.sent_ms || (c->pve.host_ms && c->pve.resolution_ms == 1) ||
	    !mark_parse(&m, line, len))
		return;
	if ((s = mark_get(&m, "clock_ms")) != NULL && strcmp(m.kind, "fact") == 0) {
		if (!digits(&s, 15, &ms) || ms < CLOCKS_FIRST_S * 1000)
			return;
		c->pve.host_ms = ms;
		c->pve.resolution_ms = 1;
	} else if ((s = mark_get(&m, "id")) != NULL && strcmp(m.kind, "run") == 0) {
		if ((ms = hostjob_id_ms(s)) < 0)
			return;
		c->pve.host_ms = ms + CLOCKS_ID_MS / 2;
		c->pve.resolution_ms = CLOCKS_ID_MS;
	} else {
		return;
	}
	c->pve.heard_ms = clock_mono_ms();
}

void
clocks_pve_over(struct clocks *c)
{
	struct clock_reading r = c->pve;

	c->pve = (struct clock_reading){0};
	if (r.sent_ms)
		clocks_measured(c, CLOCK_PVE, &r);
	else
		tell_anew(c);
}

struct clocks *
clocks_new(struct incident *incident)
{
	struct clocks *c = mem_alloc(sizeof *c);

	c->incident = incident;
	return c;
}

void
clocks_free(struct clocks *c)
{
	free(c);
}
