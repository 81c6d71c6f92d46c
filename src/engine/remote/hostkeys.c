/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/remote/hostkeys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/flight.h"
#include "wire/base64.h"

#define HOSTKEYS_MAX 16		      /* hosts; there are two */
#define HOSTKEYS_FILE_MAX (64 * 1024) /* bytes of our file and of a configured one */
#define HOSTKEYS_BLOB_MAX \
	(4 * 1024) /* bytes of base64: an RSA key of 16,384 bits has 2.8 K */

#define HOSTKEYS_DOUBT \
	"who is not known from it counts as changed until the key is accepted"

#define HOSTKEYS_STILL "doubtful"

struct hostkey {
	char *host, *type, *blob;
	bool pinned;
};

struct hostkeys {
	char *path; /* NULL: memory only */
	uv_loop_t *loop;
	struct hostkey keys[HOSTKEYS_MAX];
	size_t count;
	bool only_look;
	bool doubtful; /* there is a file, and what it said is not known */
	struct hostkeys_write *writing; /* at most one in flight */
	bool again;			/* changed since that one began */
	struct err trouble;
};

/* What the thread pool is given: a copy, so that it shares nothing with the loop. */
struct hostkeys_write {
	uv_work_t work;
	struct hostkeys *h; /* NULL once freed */
	char *path, *text;
	struct err err;
	int rc;
};

static void hostkeys_save(struct hostkeys *h);

/* The place of host in keys; count when nothing is known of it. */
static size_t
hostkeys_find(const struct hostkeys *h, const char *host)
{
	size_t i = 0;

	while (i < h->count && strcmp(h->keys[i].host, host) != 0)
		i++;
	return i;
}

static bool
hostkeys_is_type(const char *word)
{
	return strncmp(word, "ssh-", 4) == 0 || strncmp(word, "ecdsa-sha2-", 11) == 0;
}

/* The blob repeats its type: four bytes of length, then the name. */
static bool
hostkeys_blob_fits(const char *type, const char *blob)
{
	size_t len = strlen(blob), n = strlen(type);
	unsigned char *raw;
	long got;
	bool fits;

	if (len > HOSTKEYS_BLOB_MAX)
		return false;
	raw = mem_alloc(len + 4);
	got = base64_decode(blob, len, raw);
	fits = got > (long)n + 4 && raw[0] == 0 && raw[1] == 0 && raw[2] == 0 &&
	    raw[3] == n && memcmp(raw + 4, type, n) == 0;
	free(raw);
	return fits;
}

static int
hostkeys_set(
    struct hostkeys *h, const char *host, const char *type, const char *blob, bool pinned)
{
	size_t i = hostkeys_find(h, host);
	struct hostkey *k = &h->keys[i];

	if (i == HOSTKEYS_MAX)
		return -1;
	if (i == h->count) {
		h->count++;
		k->host = mem_dup(host);
	}
	free(k->type);
	free(k->blob);
	k->type = mem_dup(type);
	k->blob = mem_dup(blob);
	k->pinned = pinned;
	return 0;
}

static void
hostkeys_load_line(struct hostkeys *h, char *line)
{
	char *save = NULL;
	char *host = strtok_r(line, " \t\r", &save);
	char *type = strtok_r(NULL, " \t\r", &save);
	char *blob = strtok_r(NULL, " \t\r", &save);

	if (!host || *host == '#')
		return;
	if (!type || !blob || !hostkeys_is_type(type) ||
	    !hostkeys_blob_fits(type, blob) ||
	    hostkeys_set(h, host, type, blob, false) < 0) {
		h->doubtful = true;
		err_set(&h->trouble, ERR_USAGE,
		    "%s has a line that is no host key; " HOSTKEYS_DOUBT, h->path);
	}
}

/* Who could have written there could have written any key. */
static int
hostkeys_is_ours(const char *path, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return err_sys(err, errno, "look at %s", path);
	if (!S_ISREG(st.st_mode) || (st.st_uid != geteuid() && st.st_uid != 0) ||
	    (st.st_mode & 022))
		return err_set(err, ERR_DENIED,
		    "%s is no file of ours alone (uid %ld, mode %04o)", path,
		    (long)st.st_uid, (unsigned)(st.st_mode & 07777));
	return 0;
}

struct hostkeys *
hostkeys_new(const char *dir)
{
	struct hostkeys *h = mem_alloc(sizeof *h);
	char *text = NULL, *save = NULL;
	struct err err;
	size_t len;

	if (!dir)
		return h;
	h->path = mem_printf("%s/hostkeys", dir);
	if (access(h->path, F_OK) < 0 && errno == ENOENT)
		return h;
	if (hostkeys_is_ours(h->path, &err) == 0)
		text = fd_read_file(h->path, HOSTKEYS_FILE_MAX, &len, &err);
	if (!text) {
		h->doubtful = true;
		h->trouble = err;
		err_wrap(&h->trouble, HOSTKEYS_DOUBT);
		return h;
	}
	for (char *p = strtok_r(text, "\n", &save); p; p = strtok_r(NULL, "\n", &save))
		hostkeys_load_line(h, p);
	free(text);
	return h;
}

void
hostkeys_free(struct hostkeys *h)
{
	if (!h)
		return;
	if (h->writing)
		h->writing->h = NULL;
	for (size_t i = 0; i < h->count; i++) {
		free(h->keys[i].host);
		free(h->keys[i].type);
		free(h->keys[i].blob);
	}
	free(h->path);
	free(h);
}

void
hostkeys_use_loop(struct hostkeys *h, struct uv_loop_s *loop)
{
	h->loop = loop;
}

static int
hostkeys_write_file(const char *path, const char *text, struct err *err)
{
	char *tmp = mem_printf("%s.new", path);
	size_t len = strlen(text);
	int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	ssize_t n = fd < 0 ? -1 : write(fd, text, len);
	int rc = -1;

	if (n < 0 || fsync(fd) < 0)
		err_sys(err, errno,
		    "host keys are known until this engine ends, not kept: "
		    "write %s",
		    tmp);
	else if ((size_t)n != len)
		err_set(err, ERR_SYSTEM,
		    "host keys are known until this engine ends, not "
		    "kept: %s is cut short, is the disk full?",
		    tmp);
	else if (rename(tmp, path) < 0)
		err_sys(err, errno,
		    "host keys are known until this engine ends, not kept: "
		    "rename %s",
		    tmp);
	else
		rc = 0;
	if (fd >= 0)
		close(fd);
	free(tmp);
	return rc;
}

static void
hostkeys_written(struct hostkeys *h, int rc, const struct err *err)
{
	if (rc == 0 && h->doubtful)
		return; /* what was said of it still holds */
	memset(&h->trouble, 0, sizeof h->trouble);
	if (rc < 0) {
		h->trouble = *err;
		LOG("hostkeys", "%s", h->trouble.words);
	}
}

static void
hostkeys_on_work(uv_work_t *work)
{
	struct hostkeys_write *w = (struct hostkeys_write *)work;

	w->rc = hostkeys_write_file(w->path, w->text, &w->err);
}

static void
hostkeys_on_done(uv_work_t *work, int status)
{
	struct hostkeys_write *w = (struct hostkeys_write *)work;
	struct hostkeys *h = w->h;

	if (h) {
		h->writing = NULL;
		hostkeys_written(h, w->rc, &w->err);
		if (h->again)
			hostkeys_save(h);
	}
	free(w->path);
	free(w->text);
	free(w);
}

static char *
hostkeys_text(const struct hostkeys *h)
{
	char *text = mem_dup("");

	for (size_t i = 0; i < h->count; i++) {
		const struct hostkey *k = &h->keys[i];
		char *more;

		if (k->pinned)
			continue;
		more = mem_printf("%s%s %s %s\n", text, k->host, k->type, k->blob);
		free(text);
		text = more;
	}
	if (h->doubtful) { /* for the next engine, too: no line of it is a key */
		char *more = mem_printf("%s" HOSTKEYS_STILL "\n", text);

		free(text);
		text = more;
	}
	return text;
}

static void
hostkeys_save(struct hostkeys *h)
{
	struct hostkeys_write *w;

	h->again = h->writing != NULL;
	if (!h->path || h->writing)
		return;
	w = mem_alloc(sizeof *w);
	w->h = h;
	w->path = mem_dup(h->path);
	w->text = hostkeys_text(h);
	if (h->loop &&
	    uv_queue_work(h->loop, &w->work, hostkeys_on_work, hostkeys_on_done) == 0) {
		h->writing = w;
		return;
	}
	hostkeys_on_work(&w->work);
	hostkeys_on_done(&w->work, 0);
}

/* Finds "type base64" among the words of a line; markers such as @revoked are no pin. */
static bool
hostkeys_pin_line(struct hostkeys *h, const char *host, char *line)
{
	char *save = NULL, *type = NULL;

	for (char *w = strtok_r(line, " \t\r", &save); w;
	     w = strtok_r(NULL, " \t\r", &save)) {
		if (*w == '#' || *w == '@')
			return false;
		if (type && hostkeys_blob_fits(type, w))
			return hostkeys_set(h, host, type, w, true) == 0;
		type = hostkeys_is_type(w) ? w : NULL;
	}
	return false;
}

int
hostkeys_pin(struct hostkeys *h, const char *host, const char *file, struct err *err)
{
	size_t len;
	char *text = flight_read_file(file, HOSTKEYS_FILE_MAX, &len, err);
	char *save = NULL;
	int rc = -1;

	if (!text)
		return err_wrap(err, "host key of %s", host);
	for (char *p = strtok_r(text, "\n", &save); p && rc < 0;
	     p = strtok_r(NULL, "\n", &save))
		rc = hostkeys_pin_line(h, host, p) ? 0 : -1;
	if (rc < 0)
		err_set(err, ERR_USAGE,
		    "host key of %s: %s holds no public key: put the "
		    "host's /etc/ssh/ssh_host_ed25519_key.pub there",
		    host, file);
	free(text);
	return rc;
}

enum hostkey_state
hostkeys_check(struct hostkeys *h, const char *host, const char *type, const char *blob)
{
	size_t i = hostkeys_find(h, host);
	const struct hostkey *k = &h->keys[i];

	if (i < h->count && (strcmp(k->type, type) != 0 || strcmp(k->blob, blob) != 0))
		return HOSTKEY_CHANGED;
	if (i < h->count)
		return k->pinned ? HOSTKEY_PINNED : HOSTKEY_LEARNT;
	if (h->doubtful)
		return HOSTKEY_CHANGED;
	if (h->only_look || hostkeys_set(h, host, type, blob, false) < 0)
		return HOSTKEY_UNKNOWN;
	hostkeys_save(h);
	return HOSTKEY_LEARNT;
}

void
hostkeys_only_look(struct hostkeys *h)
{
	h->only_look = true;
}

const char *
hostkeys_blob(const struct hostkeys *h, const char *host)
{
	size_t i = hostkeys_find(h, host);

	return i < h->count ? h->keys[i].blob : NULL;
}

const char *
hostkeys_type(const struct hostkeys *h, const char *host)
{
	size_t i = hostkeys_find(h, host);

	return i < h->count ? h->keys[i].type : NULL;
}

int
hostkeys_accept(struct hostkeys *h, const char *host, const char *type, const char *blob,
    struct err *err)
{
	if (!hostkeys_is_type(type) || !hostkeys_blob_fits(type, blob))
		return err_set(err, ERR_USAGE, "that is no host key of a kind we know");
	if (hostkeys_set(h, host, type, blob, false) < 0)
		return err_set(err, ERR_LIMIT,
		    "%d host keys are known, no more fit: remove "
		    "lines from %s",
		    HOSTKEYS_MAX, h->path ? h->path : "memory");
	if (hostkeys_find(h, "pve") < h->count && hostkeys_find(h, "devvm") < h->count)
		h->doubtful = false; /* an operator, or the file, has named both */
	hostkeys_save(h);
	return 0;
}

const char *
hostkeys_why(const struct hostkeys *h)
{
	return h->trouble.words;
}
