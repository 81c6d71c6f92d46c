/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/power/shot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/mem.h"
#include "engine/record/incident.h"
#include "engine/record/mark.h"
#include "wire/base64.h"

#define SHOT_TEXT_MAX BASE64_SIZE(SHOT_MAX)

struct shot {
	struct incident *incident;
	uv_loop_t *loop;
	shot_saved_fn *saved;
	void *arg;
	bool inside; /* the section has begun and not ended */
	bool too_large;
	struct buf text; /* base64 */
	int jobs;	 /* under way in the thread pool */
	bool gone;	 /* shot_free was called: the last job frees */
};

struct job {
	uv_work_t work;
	struct shot *shot;
	char id[16];
	char *path;
	unsigned char *data;
	size_t len;
	int error; /* errno, 0: written */
};

static void
shot_note(struct shot *s, const char *what)
{
	struct js *f = incident_fact(FACT_NOTE, "engine");
	char text[300];

	snprintf(text, sizeof text, "the picture of the guest's screen was not kept: %s",
	    what);
	js_set_str(f, "text", text);
	incident_emit(s->incident, FACT_NOTE, f);
}

struct shot *
shot_new(uv_loop_t *loop, struct incident *incident, shot_saved_fn *saved, void *arg)
{
	struct shot *s = mem_alloc(sizeof *s);

	s->loop = loop;
	s->incident = incident;
	s->saved = saved;
	s->arg = arg;
	buf_init(&s->text, SHOT_TEXT_MAX);
	return s;
}

static void
shot_release(struct shot *s)
{
	if (!s->gone || s->jobs > 0)
		return;
	buf_fini(&s->text);
	free(s);
}

void
shot_free(struct shot *s)
{
	if (!s)
		return;
	s->gone = true;
	shot_release(s);
}

/* --- the thread pool's side --- */

static void
on_work(uv_work_t *work)
{
	struct job *j = work->data;
	int fd =
	    open(j->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0) {
		j->error = errno;
		return;
	}
	j->error = fd_write_all(fd, j->data, j->len) < 0 ? errno : 0;
	if (close(fd) < 0 && !j->error)
		j->error = errno;
	if (j->error)
		unlink(j->path);
}

static void
on_worked(uv_work_t *work, int status)
{
	struct job *j = work->data;
	struct shot *s = j->shot;

	s->jobs--;
	if (!s->gone && status == 0 && !j->error)
		s->saved(j->id, j->path, s->arg);
	else if (!s->gone)
		shot_note(s, j->error ? strerror(j->error) : "the engine is leaving");
	free(j->path);
	free(j->data);
	free(j);
	shot_release(s);
}

/* --- the picture --- */

/* The first and the last chunk of a whole PNG. */
static bool
is_whole_png(const unsigned char *data, size_t len)
{
	static const unsigned char head[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
	static const unsigned char tail[] = {
	    0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82};

	return len > sizeof head + sizeof tail && memcmp(data, head, sizeof head) == 0 &&
	    memcmp(data + len - sizeof tail, tail, sizeof tail) == 0;
}

/* Beside the journal: its name, then the run's id. */
static char *
shot_path(const struct shot *s, const char *id)
{
	const char *journal = incident_path(s->incident), *dot = strrchr(journal, '.');
	const char *slash = strrchr(journal, '/');
	int len;

	if (!slash)
		return NULL;
	len = dot && dot > slash ? (int)(dot - journal) : (int)strlen(journal);
	return mem_printf("%.*s-%s.png", len, journal, id);
}

static void
shot_save(struct shot *s, const char *id)
{
	unsigned char *data = mem_alloc(s->text.len / 4 * 3 + 3);
	long len = base64_decode(buf_str(&s->text), s->text.len, data);
	char *path = NULL;
	const char *bad = NULL;
	struct job *j;

	if (s->too_large || len > SHOT_MAX)
		bad = "it is larger than 256 KiB";
	else if (len < 0 || !is_whole_png(data, (size_t)len))
		bad = "what came is no whole PNG";
	else if ((path = shot_path(s, id)) == NULL)
		bad = "there is no journal to put it beside";
	if (bad) {
		shot_note(s, bad);
		free(data);
		return;
	}
	j = mem_alloc(sizeof *j);
	j->work.data = j;
	j->shot = s;
	j->path = path;
	j->data = data;
	j->len = (size_t)len;
	snprintf(j->id, sizeof j->id, "%s", id);
	s->jobs++;
	uv_queue_work(s->loop, &j->work, on_work, on_worked);
}

static bool
shot_mark(struct shot *s, const char *id, const struct mark *m)
{
	const char *section = mark_get(m, "section"), *end = mark_get(m, "end");

	if (section) {
		s->inside = strcmp(section, "screen-png") == 0;
		s->too_large = false;
		buf_clear(&s->text);
	} else if (s->inside && end) {
		s->inside = false;
		if (mark_int(m, "rc", 1) == 0 && s->text.len > 0)
			shot_save(s, id);
		else if (s->text.len > 0)
			shot_note(s, "the host did not finish it");
		buf_clear(&s->text);
	}
	return true;
}

void
shot_line(struct shot *s, const char *id, const char *line, size_t len)
{
	struct mark m;

	if (mark_parse(&m, line, len)) {
		shot_mark(s, id, &m);
		return;
	}
	if (!s->inside || len < 2 || line[0] != ' ' || line[1] != ' ')
		return;
	line += 2;
	len -= 2;
	while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\r'))
		len--;
	if (buf_add(&s->text, line, len) < 0)
		s->too_large = true;
}

void
shot_end(struct shot *s)
{
	if (s->inside && s->text.len > 0)
		shot_note(s, "the connection ended in the middle of it");
	s->inside = false;
	buf_clear(&s->text);
}
