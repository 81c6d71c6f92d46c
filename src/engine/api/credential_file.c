/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A file that the settings name for a credential, looked at beside the loop: its disk
 * may be a server that is gone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "engine/api/credential_int.h"

struct keyfile {
	char *path;
	struct keyfile_stamp before;
	struct keyfile_seen seen;
	struct err err;
	keyfile_fn *fn;
};

/* All zero where there is none: that differs from every file. */
static void
stamp_of(const char *path, struct keyfile_stamp *s)
{
	struct stat st;

	memset(s, 0, sizeof *s);
	if (stat(path, &st) < 0)
		return;
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	s->size = st.st_size;
	s->mtime = st.st_mtim;
	s->ctime = st.st_ctim;
}

static void
look_at_token(void *data)
{
	struct keyfile *k = data;

	/* before the read: what changes meanwhile is seen the next time */
	stamp_of(k->path, &k->seen.stamp);
	k->seen.changed = k->before.ino == 0 ||
	    memcmp(&k->before, &k->seen.stamp, sizeof k->before) != 0;
	if (!k->seen.changed)
		return;
	k->seen.secret = secret_load_token(k->path, &k->err);
	k->seen.there = k->seen.secret != NULL;
	k->seen.why = k->seen.there ? "" : k->err.words;
}

static void
look_at_program(void *data)
{
	struct keyfile *k = data;

	k->seen.changed = true;
	k->seen.there = access(k->path, X_OK) == 0;
	k->seen.why = "";
	if (!k->seen.there) {
		err_set(
		    &k->err, ERR_USAGE, "%.400s of key_helper cannot be run", k->path);
		k->seen.why = k->err.words;
	}
}

static void
keyfile_land(void *data, void *arg)
{
	struct keyfile *k = data;
	struct keyfile_seen seen = k->seen;

	k->seen.secret = NULL;
	k->fn(&seen, arg);
}

static void
keyfile_drop(void *data)
{
	struct keyfile *k = data;

	if (k->seen.secret)
		log_forget(secret_text(k->seen.secret));
	secret_free(k->seen.secret);
	free(k->path);
	free(k);
}

static struct keyfile *
keyfile_new(const char *path, keyfile_fn *fn)
{
	struct keyfile *k = mem_alloc(sizeof *k);

	k->seen.why = "";
	k->path = mem_dup(path);
	k->fn = fn;
	return k;
}

struct flight *
keyfile_token(uv_loop_t *loop, const char *path, const struct keyfile_stamp *before,
    keyfile_fn *fn, void *arg)
{
	static const struct flight_ops ops = {look_at_token, keyfile_land, keyfile_drop};
	struct keyfile *k = keyfile_new(path, fn);

	if (before)
		k->before = *before;
	return flight_start(loop, &ops, k, arg);
}

struct flight *
keyfile_program(uv_loop_t *loop, const char *path, keyfile_fn *fn, void *arg)
{
	static const struct flight_ops ops = {
	    look_at_program, keyfile_land, keyfile_drop};

	return flight_start(loop, &ops, keyfile_new(path, fn), arg);
}

struct secret *
credential_read(const char *path, struct err *err)
{
	static const struct flight_ops ops = {look_at_token, NULL, keyfile_drop};
	struct keyfile *k = keyfile_new(path, NULL);
	struct secret *secret;

	if (!flight_within(&ops, k, FLIGHT_START_MS)) {
		flight_hung(err, path);
		return NULL;
	}
	secret = k->seen.secret;
	k->seen.secret = NULL;
	*err = k->err;
	keyfile_drop(k);
	return secret;
}
