/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/power/usual.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/record/incident.h"
#include "engine/later.h"

struct job {
	uv_work_t work;
	struct usual *usual; /* NULL: it has gone */
	struct usual_read read;
};

struct usual {
	uv_loop_t *loop;
	struct incident *incident;
	char *sessions_dir;
	struct usual_sum sum;
	struct job *job;
	bool telling; /* later: on_tell will come */
};

struct usual *
usual_new(uv_loop_t *loop, struct incident *incident, const char *sessions_dir)
{
	struct usual *u = mem_alloc(sizeof *u);

	u->loop = loop;
	u->incident = incident;
	u->sessions_dir = mem_dup(sessions_dir);
	usual_sum_init(&u->sum);
	return u;
}

void
usual_free(struct usual *u)
{
	if (!u)
		return;
	if (u->job) {
		atomic_store(&u->job->read.cancelled, true);
		u->job->usual = NULL;
	}
	free(u->sessions_dir);
	free(u);
}

/* --- telling --- */

static struct js *
usual_fact(const struct usual *u, enum verb verb)
{
	struct js *f = incident_fact(FACT_STATE, "engine");

	js_set_str(f, "what", "usual");
	if (usual_sum_fill(&u->sum, verb, f))
		return f;
	js_free(f);
	return NULL;
}

static void
tell_all(struct usual *u)
{
	for (int verb = 0; verb < VERBS; verb++) {
		struct js *f = usual_fact(u, (enum verb)verb);

		if (f)
			incident_tell(u->incident, FACT_STATE, f);
	}
}

static void
on_tell(void *arg)
{
	struct usual *u = arg;

	u->telling = false;
	tell_all(u);
}

void
usual_see(struct usual *u, const struct js *fact)
{
	if (!usual_sum_fact(&u->sum, fact) || u->telling)
		return;
	u->telling = true;
	later(u->loop, on_tell, u); /* never a fact from within a fact */
}

void
usual_of(struct usual *u, enum verb verb)
{
	struct js *f = usual_fact(u, verb);

	if (f)
		incident_emit(u->incident, FACT_STATE, f);
}

/* --- reading --- */

static void
on_work(uv_work_t *work)
{
	struct job *j = work->data;

	usual_read_all(&j->read);
}

/* A verb that ended here meanwhile is lost to it, but for what its file has. */
static void
keep(struct usual *u, const struct usual_sum *read)
{
	struct course now = u->sum.course;
	bool taken = u->sum.taken;

	u->sum = *read;
	u->sum.course = now;
	u->sum.taken = taken;
	tell_all(u);
}

static void
on_worked(uv_work_t *work, int status)
{
	struct job *j = work->data;

	if (j->usual) {
		j->usual->job = NULL;
		if (status == 0)
			keep(j->usual, &j->read.sum);
	}
	free(j->read.sessions_dir);
	free(j);
}

void
usual_look(struct usual *u)
{
	struct job *j;

	if (u->job)
		return;
	j = mem_alloc(sizeof *j);
	j->usual = u;
	j->work.data = j;
	j->read.sessions_dir = mem_dup(u->sessions_dir);
	j->read.until_ms = clock_mono_ms() + USUAL_READ_MS;
	usual_sum_init(&j->read.sum);
	u->job = j;
	if (uv_queue_work(u->loop, &j->work, on_work, on_worked) < 0) {
		LOG("usual", "no thread to read the journals in");
		u->job = NULL;
		free(j->read.sessions_dir);
		free(j);
	}
}
