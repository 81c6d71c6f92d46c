/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * incident_start.c: is there an incident that was not closed?
 *
 *   look (thread pool) --> read it all --> "continued" --> ready
 *        |                                     |
 *        +-- none, or held by another engine   +-- "closed": quiet for hours
 *        |
 *        +-- the disk is late --> ready without; when it answers, that is told
 *
 * Ids begin with their time, but a clock may have been set back since: the newest
 * by name may be closed although another one is open, so some are looked at.  The
 * file is locked before it is read, so two engines never continue the same one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/record/incident_int.h"
#include "engine/record/journal_disk.h"

#define START_WAIT_MS 800   /* a disk that has not answered by then waits for later */
#define START_TOTAL_MS 5000 /* reading a long journal may take so long */
#define START_LOOKS 8	    /* files that are looked at, the newest first */
#define START_LOCK_TRIES 10 /* an engine that has just died may still hold it */
#define START_LOCK_NAP_US 20000
#define START_HEAD 4096		    /* bytes in which a first record ends */
#define START_LINE_MAX (512 * 1024) /* bytes of a last record */

struct incident_start {
	uv_work_t work;
	struct incident *i; /* NULL once the incident has stopped waiting */
	char *dir, *path;   /* path: of the one that is to be continued */
	char id[INCIDENT_ID_MAX];
	int fd; /* holds its lock */
	off_t size, cut;
	uint64_t last_seq;
	bool dated;
	bool late;			  /* the engine has begun without it */
	bool looked_again;		  /* at what came, before that */
	int64_t last_mono_ms, last_at_ms; /* of its last record */
	char head[CHAIN_HEX + 1];	  /* h of its last record */
	char boot[INCIDENT_BOOT_LEN];	  /* of the engine that wrote it last */
	int64_t began_ms;
	char why[256];	     /* of the file that is looked at, or of the folder */
	char first_why[256]; /* of the newest file that could not be read */
};

static void
start_free(struct incident_start *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->dir);
	free(s->path);
	free(s);
}

void
incident_start_forget(struct incident *i)
{
	if (i->start)
		i->start->i = NULL;
	i->start = NULL;
}

/* --- look: in the thread pool --- */

static int
is_incident_file(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 6 && n < INCIDENT_ID_MAX && d->d_name[0] >= '0' &&
	    d->d_name[0] <= '9' && strcmp(d->d_name + n - 6, ".jsonl") == 0;
}

/* A record of ours that stands there, or NULL: rubbish, or it cannot be read. */
static struct js *
look_record(struct incident_start *s, int fd, off_t from, off_t to, char **text)
{
	size_t len = (size_t)(to - from);
	struct js *r = NULL;
	struct err err;

	*text = NULL;
	if (from < 0 || to <= from || to - from > START_LINE_MAX)
		return NULL;
	*text = mem_alloc(len);
	if (journal_disk_read(fd, *text, len, from) != (ssize_t)len)
		snprintf(s->why, sizeof s->why, "read %s: %s", s->path,
		    strerror(errno ? errno : EIO));
	else
		r = js_parse(*text, len - 1, &err);
	if (r && js_int(r, "seq", 0) <= 0) {
		js_free(r);
		r = NULL;
	}
	return r;
}

/* What the last record says of when and how it ended; false: it is over. */
static bool
look_last(struct incident_start *s, const struct js *r, const char *line, size_t len)
{
	const char *at = js_str(r, "at");
	size_t body;

	s->last_seq = (uint64_t)js_int(r, "seq", 0);
	s->dated = js_has(r, "mono_ms");
	s->last_mono_ms = js_int(r, "mono_ms", 0);
	s->last_at_ms = at ? clock_from(at) : -1;
	if (!chain_split(line, len, &body, s->head))
		chain_begin(s->head); /* format 1: the chain begins with us */
	return !(js_is(r, "t", "incident") && js_is(r, "state", "closed"));
}

/* Does it begin like a journal?  Asked where its end is no record. */
static bool
look_first(struct incident_start *s, int fd)
{
	char head[START_HEAD], *lf, *text;
	ssize_t n = journal_disk_read(fd, head, sizeof head, 0);
	struct js *r = NULL;

	lf = n > 0 ? memchr(head, '\n', (size_t)n) : NULL;
	if (lf) {
		r = look_record(s, fd, 0, lf - head + 1, &text);
		free(text);
	}
	js_free(r);
	return r != NULL;
}

/* An open file: is there an open incident in it? */
static bool
look_into(struct incident_start *s, int fd)
{
	off_t whole = -1, from = -1;
	struct stat st;
	bool open;
	char *line;
	struct js *r;

	if (TEMP_FAILURE_RETRY(fstat(fd, &st)) == 0) {
		if (!S_ISREG(st.st_mode))
			return false;
		whole = journal_disk_whole(fd, st.st_size);
	}
	if (whole > 0)
		from = journal_disk_whole(fd, whole - 1);
	if (whole < 0 || (whole > 0 && from < 0)) {
		snprintf(s->why, sizeof s->why, "read %s: %s", s->path, strerror(errno));
		return false;
	}
	s->size = whole;
	s->cut = st.st_size - whole;
	r = look_record(s, fd, from, whole, &line);
	if (r)
		open = look_last(s, r, line, (size_t)(whole - from) - 1);
	else
		open = !s->why[0] && look_first(s, fd);
	js_free(r);
	free(line);
	return open;
}

static bool
look_lock(int fd, int tries)
{
	while (journal_disk_lock(fd) < 0) {
		if (--tries <= 0)
			return false;
		usleep(START_LOCK_NAP_US);
	}
	return true;
}

static bool
look_at(struct incident_start *s, const char *name, int tries)
{
	int fd;

	s->why[0] = '\0';
	s->path = mem_printf("%s/incidents/%s", s->dir, name);
	fd = TEMP_FAILURE_RETRY(open(s->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
	if (fd < 0) {
		snprintf(s->why, sizeof s->why, "open %s: %s", s->path, strerror(errno));
	} else if (!look_lock(fd, tries)) {
		LOG("journal", "another engine has %s", s->path);
	} else if (look_into(s, fd)) {
		snprintf(s->id, sizeof s->id, "%.*s", (int)strlen(name) - 6, name);
		s->fd = fd;
		return true;
	}
	if (s->why[0])
		LOG("journal", "%s", s->why);
	if (!s->first_why[0])
		memcpy(s->first_why, s->why, sizeof s->why);
	if (fd >= 0)
		close(fd);
	free(s->path);
	s->path = NULL;
	return false;
}

static void
on_look(uv_work_t *work)
{
	struct incident_start *s = work->data;
	char *sub = mem_printf("%s/incidents", s->dir);
	struct dirent **names = NULL;
	struct err err;
	int n = 0;

	if (fd_safe_dir(s->dir, &err) < 0 || fd_own_dir(sub, &err) < 0)
		snprintf(s->why, sizeof s->why, "%.250s", err.words);
	else if ((n = scandir(sub, &names, is_incident_file, alphasort)) < 0)
		snprintf(s->why, sizeof s->why, "read %.200s: %s", sub, strerror(errno));
	for (int k = 0; k < START_LOOKS && k < n; k++)
		if (look_at(s, names[n - 1 - k]->d_name, k ? 1 : START_LOCK_TRIES))
			break;
	while (n > 0)
		free(names[--n]);
	free(names);
	free(sub);
}

/* --- and read: on the loop --- */

static void
incident_ready(struct incident *i)
{
	if (i->ready)
		return;
	i->ready = true;
	uv_timer_stop(&i->timer);
	if (!i->start || !i->start->late)
		incident_start_forget(i);
	i->ev->ready(i->arg);
}

static void
on_start_late(uv_timer_t *t)
{
	struct incident *i = t->data;

	/* where it is us who are late its answer waits behind this timer */
	if (i->start && !i->start->looked_again) {
		i->start->looked_again = true;
		uv_timer_start(t, on_start_late, 1, 0);
		return;
	}
	if (i->start)
		i->start->late = true;
	i->seq = 0;
	incident_journal_says(
	    i, JOURNAL_SLOW, "the disk of sessions_dir does not answer");
	incident_ready(i);
}

/* What was open is found after all; the numbers and the verbs of now are others. */
static void
start_found_late(struct incident_start *s)
{
	struct js *f;
	char *text;

	if (!s->id[0])
		return;
	f = incident_fact(FACT_ERROR, "engine");
	text = mem_printf(
	    "incident %s was open and is not continued: the disk of sessions_dir answered too late",
	    s->id);
	js_set_str(f, "where", "journal");
	js_set_str(f, "text", text);
	js_set_str(f, "todo",
	    s->i->id[0] ? "breakglass report has what was found and done in it"
			: "breakglass engine --replace goes on with it");
	incident_emit(s->i, FACT_ERROR, f);
	free(text);
}

/* The engine has begun without it; nobody waits any more. */
static void
start_end_late(struct incident_start *s)
{
	if (journal_state(s->i->journal) == JOURNAL_OK)
		incident_journal_says(s->i, JOURNAL_OK, "");
	start_found_late(s);
	incident_start_forget(s->i);
	start_free(s);
}

/* The disk answers: a long journal may take longer, a hung one may not. */
static void
start_wait(struct incident_start *s)
{
	s->looked_again = false;
	if (clock_mono_ms() - s->began_ms < START_TOTAL_MS)
		uv_timer_start(&s->i->timer, on_start_late, START_WAIT_MS, 0);
}

/* Nine of ten bytes are output: of those the number is enough. */
static void
on_old_record(struct incident_start *s, char *text, size_t len)
{
	uint64_t seq = journal_line_seq(text, len);
	struct incident *i = s->i;
	const char *boot;
	struct err err;
	struct js *r;

	if (seq > i->seq)
		i->seq = seq;
	if (strncmp(text, "{\"t\":\"output\"", 13) == 0)
		return;
	r = js_parse(text, len, &err);
	boot = r && js_is(r, "t", "incident") ? js_str(r, "boot") : NULL;
	if (boot)
		snprintf(s->boot, sizeof s->boot, "%s", boot);
	if (r)
		i->ev->found(r, i->arg);
	js_free(r);
}

/*
 * For how long nobody has written.  The wall clock may have been set meanwhile:
 * as long as the machine was not started anew, the monotonic one knows.
 */
static int64_t
start_quiet_ms(const struct incident_start *s)
{
	char boot[INCIDENT_BOOT_LEN];

	incident_boot(boot);
	if (s->dated && boot[0] && strcmp(boot, s->boot) == 0)
		return clock_mono_ms() - s->last_mono_ms;
	return s->last_at_ms < 0 ? 0 : clock_wall_ms() - s->last_at_ms;
}

static void
start_continue(struct incident_start *s)
{
	struct incident *i = s->i;
	struct js *f = incident_fact(FACT_INCIDENT, "engine");

	i->released = i->inherited = i->seq;
	i->bytes = (uint64_t)s->size;
	memcpy(i->head, s->head, sizeof i->head);
	incident_name_file(i, s->id);
	journal_open(i->journal, i->path, s->fd);
	s->fd = -1;
	incident_engine_members(f);
	if (s->cut > 0)
		js_set_int(f, "cut", s->cut);
	incident_mark(i, f, "continued", NULL);
	if (start_quiet_ms(s) > INCIDENT_QUIET_MS)
		incident_close(i, "engine", INCIDENT_QUIET_WHY);
	incident_ready(i);
}

/* Half of an incident is none to go on with: its numbers, and its verbs' ends. */
static void
start_unread(struct incident_start *s, const char *why)
{
	char *words = mem_printf("incident %s is not continued: read %s: %s", s->id,
	    s->path, why ? why : "its last records are missing");

	s->i->seq = 0;
	incident_journal_says(s->i, JOURNAL_MEMORY, words);
	incident_ready(s->i);
	free(words);
}

static void
on_old_records(const char *data, size_t len, const char *why, void *arg)
{
	struct incident_start *s = arg;
	struct incident *i = s->i;
	uint64_t before = i ? i->seq : 0;
	char *copy, *p, *lf;

	if (!i) {
		start_free(s);
		return;
	}
	if (s->late) {
		start_end_late(s);
		return;
	}
	copy = mem_dupn(data, len);
	for (p = copy; (lf = strchr(p, '\n')) != NULL; p = lf + 1)
		on_old_record(s, p, (size_t)(lf - p));
	free(copy);
	if (i->seq > before) {
		start_wait(s);
		journal_read(i->loop, s->path, i->seq + 1, 0, 0, on_old_records, s);
		return;
	}
	if (why || i->seq < s->last_seq)
		start_unread(s, why);
	else
		start_continue(s);
	start_free(s);
}

static void
on_looked(uv_work_t *work, int status)
{
	struct incident_start *s = work->data;
	struct incident *i = s->i;

	if (i && s->late) {
		start_end_late(s);
		return;
	}
	if (i && !s->id[0] && (s->first_why[0] || s->why[0]))
		incident_journal_says(
		    i, JOURNAL_MEMORY, s->first_why[0] ? s->first_why : s->why);
	if (i && s->id[0]) {
		start_wait(s);
		journal_read(i->loop, s->path, 1, 0, 0, on_old_records, s);
		return;
	}
	if (i)
		incident_ready(i);
	start_free(s);
}

void
incident_start(struct incident *i)
{
	struct incident_start *s = mem_alloc(sizeof *s);

	s->i = i;
	s->fd = -1;
	s->last_at_ms = -1;
	chain_begin(s->head);
	s->began_ms = clock_mono_ms();
	s->dir = mem_dup(i->dir);
	s->work.data = s;
	i->start = s;
	uv_queue_work(i->loop, &s->work, on_look, on_looked);
	uv_timer_start(&i->timer, on_start_late, START_WAIT_MS, 0);
}
