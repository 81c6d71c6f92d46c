/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The certificates of authorities, read beside the loop and given to the library from
 * memory: it would read them on the loop, and their disk may be a server that is gone.
 *
 * Each file is kept, and looked at again with each call that needs it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/api/http_int.h"
#include "engine/flight.h"

#define CA_MAX (4 * 1024 * 1024) /* bytes; Debian's have 220 KB */
#define OLD_MS 2000		 /* so long those in hand wait for the disk */

struct version {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
};

struct http_ca {
	struct http_ca *next;
	struct http *http;
	char *path;
	struct flight *look; /* NULL: none is under way */
	int64_t look_ms;     /* since when */
	struct version version;
	char *text; /* NULL: why says why */
	size_t len;
	char why[HTTP_WORDS_MAX];
};

/* --- beside the loop --- */

struct look {
	char *path;
	struct version before, now;
	bool changed;
	char *text;
	size_t len;
	struct err err;
};

static void
look_at(void *data)
{
	struct look *l = data;
	struct stat st;

	if (stat(l->path, &st) == 0) {
		l->now.dev = st.st_dev;
		l->now.ino = st.st_ino;
		l->now.size = st.st_size;
		l->now.mtime = st.st_mtim;
		l->now.ctime = st.st_ctim;
	}
	l->changed =
	    l->before.ino == 0 || memcmp(&l->before, &l->now, sizeof l->now) != 0;
	if (l->changed)
		l->text = fd_read_file(l->path, CA_MAX, &l->len, &l->err);
}

static void
look_drop(void *data)
{
	struct look *l = data;

	free(l->text);
	free(l->path);
	free(l);
}

/* --- on the loop --- */

static void
look_land(void *data, void *arg)
{
	struct look *l = data;
	struct http_ca *ca = arg;

	ca->look = NULL;
	if (l->changed) {
		free(ca->text);
		ca->text = l->text;
		ca->len = l->len;
		ca->version = l->now;
		l->text = NULL;
		snprintf(ca->why, sizeof ca->why, "ca_file: %.500s",
		    ca->text ? "" : l->err.words);
	}
	for (struct http_call *c = ca->http->calls; c; c = c->next) {
		if (c->ca != ca || !c->ca_wait)
			continue;
		c->ca_wait = false;
		if (!c->dead)
			http_call_arm(c);
	}
}

static void
look_start(struct http_ca *ca)
{
	static const struct flight_ops ops = {look_at, look_land, look_drop};
	struct look *l;

	if (ca->look)
		return;
	l = mem_alloc(sizeof *l);
	l->path = mem_dup(ca->path);
	if (ca->text)
		l->before = ca->version;
	ca->look_ms = clock_mono_ms();
	ca->look = flight_start(ca->http->loop, &ops, l, ca);
}

static struct http_ca *
ca_of(struct http *h, const char *path)
{
	struct http_ca *ca;

	for (ca = h->cas; ca; ca = ca->next)
		if (strcmp(ca->path, path) == 0)
			return ca;
	ca = mem_alloc(sizeof *ca);
	ca->http = h;
	ca->path = mem_dup(path);
	ca->next = h->cas;
	h->cas = ca;
	return ca;
}

void
http_ca_begin(struct http_call *c)
{
	const char *proxy = http_uses_proxy(&c->where, c->wish.proxy);
	const char *path = c->wish.ca_file ? c->wish.ca_file : http_lib_ca_file();

	if (!path || (!c->where.tls && (!proxy || strncmp(proxy, "https:", 6) != 0)))
		return;
	c->ca = ca_of(c->http, path);
	c->ca_wait = true;
	look_start(c->ca);
}

int64_t
http_ca_due(const struct http_call *c)
{
	int64_t disk = c->ca->look_ms + (c->ca->text ? OLD_MS : HTTP_CA_MS);
	int64_t call = c->start_ms + c->wish.connect_ms * 3 / 4;

	return disk < call ? disk : call;
}

enum http_end
http_ca_use(struct http_call *c, char *why, size_t size)
{
	struct http_ca *ca = c->ca;

	if (!ca)
		return HTTP_DONE;
	if (ca->text && ca->len > 0) {
		http_lib_ca(c, ca->text, ca->len);
		return HTTP_DONE;
	}
	if (c->ca_wait) {
		snprintf(why, size,
		    "ca_file %.300s: its disk has not answered for %lld s", ca->path,
		    (long long)(clock_mono_ms() - ca->look_ms + 999) / 1000);
		return HTTP_HUNG;
	}
	/* of the system's the library knows more places */
	if (!c->wish.ca_file)
		return HTTP_DONE;
	if (ca->text)
		snprintf(why, size, "ca_file: %.300s is empty", ca->path);
	else
		snprintf(why, size, "%s", ca->why);
	return HTTP_BAD_REQUEST;
}

const char *
http_ca_path(const struct http_call *c)
{
	return c->ca ? c->ca->path : "ca_file";
}

void
http_ca_free(struct http *h)
{
	struct http_ca *ca;

	while ((ca = h->cas) != NULL) {
		h->cas = ca->next;
		flight_leave(ca->look);
		free(ca->text);
		free(ca->path);
		free(ca);
	}
}
