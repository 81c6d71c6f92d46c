/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/remote/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/known.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/self.h"
#include "engine/remote/secret_private.h"
#include "wire/base64.h"

#define SECRET_PAGES (SECRET_MAX + 4096) /* bytes mapped: text, a line end, NUL */
#define SECRET_GROUPS_MAX 256

/*
 * One mapping a secret, so that neither malloc nor stdio ever holds the text:
 * what the heap has held, a later allocation can show.
 */
struct secret {
	char *text;
	size_t len;
	enum locked_kind kind;
	bool key;     /* a key's: base/known.h was told of its private half */
	bool unknown; /* and had no room for it */
};

int
secret_harden_process(struct err *err)
{
	struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return err_sys(err, errno, "forbid core dumps");
	if (self_hide() < 0)
		return err_sys(err, errno, "make this process undumpable");
	return secret_check_process(err);
}

int
secret_check_process(struct err *err)
{
	int now = self_dumpable();

	if (now == 0)
		return 0;
	return err_set(err, ERR_DENIED,
	    "this process can be dumped (PR_GET_DUMPABLE says %d), so that others of uid %ld "
	    "could read a key in it",
	    now, (long)geteuid());
}

static bool secret_tell_key(const struct secret *s, bool keep);

static struct secret *
secret_new(struct err *err)
{
	enum locked_kind kind;
	struct secret *s;
	char *p = locked_new(SECRET_PAGES, &kind, err);

	if (!p)
		return NULL;
	s = mem_alloc(sizeof *s);
	s->text = p;
	s->kind = kind;
	return s;
}

void
secret_free(struct secret *s)
{
	if (!s)
		return;
	if (s->key)
		secret_tell_key(s, false);
	locked_free(s->text, SECRET_PAGES);
	free(s);
}

enum locked_kind
secret_memory(const struct secret *s)
{
	return s->kind;
}

bool
secret_is_unknown(const struct secret *s)
{
	return s->unknown;
}

const char *
secret_text(const struct secret *s)
{
	return s->text;
}

static bool
secret_is_our_group(gid_t gid)
{
	gid_t groups[SECRET_GROUPS_MAX];
	int n = getgroups(SECRET_GROUPS_MAX, groups);

	if (gid == getegid())
		return true;
	for (int i = 0; i < n; i++) {
		if (groups[i] == gid)
			return true;
	}
	return false;
}

static int
secret_check_file(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "look at %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_USAGE,
		    "%s is not a regular file: name the file itself", path);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return err_set(err, ERR_DENIED,
		    "%s belongs to uid %ld, neither to us (%ld) nor to root: run as that uid, or "
		    "name a file of yours in breakglass.conf",
		    path, (long)st.st_uid, (long)geteuid());
	if (st.st_mode & 027)
		return err_set(err, ERR_DENIED,
		    "%s can be read or changed by others (mode %04o): chmod 600 %s", path,
		    (unsigned)(st.st_mode & 07777), path);
	if ((st.st_mode & 040) && !secret_is_our_group(st.st_gid))
		return err_set(err, ERR_DENIED,
		    "%s can be read by group %ld, which is not ours: chmod 600 %s", path,
		    (long)st.st_gid, path);
	return 0;
}

static int
secret_read(struct secret *s, int fd, const char *path, struct err *err)
{
	ssize_t n;

	while ((n = read(fd, s->text + s->len, SECRET_MAX + 1 - s->len)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "read %s", path);
		s->len += (size_t)n;
		if (s->len > SECRET_MAX)
			return err_set(err, ERR_USAGE,
			    "%s is larger than %d bytes: that is no key, name the right file",
			    path, SECRET_MAX);
	}
	if (memchr(s->text, '\0', s->len))
		return err_set(err, ERR_USAGE,
		    "%s holds binary data: that is no key, "
		    "name the right file",
		    path);
	s->text[s->len] = '\0';
	return 0;
}

static struct secret *
secret_load(const char *path, struct err *err)
{
	struct secret *s = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		if (errno == EACCES)
			err_set(err, ERR_DENIED,
			    "%s may not be read by uid %ld: "
			    "chown %ld %s and chmod 600 %s",
			    path, (long)geteuid(), (long)geteuid(), path, path);
		else if (errno == ENOENT)
			err_set(err, ERR_SYSTEM,
			    "no file to read at %s: put it there, mode 0600, or name the right file in breakglass.conf",
			    path);
		else
			err_sys(err, errno, "no file to read at %s", path);
		return NULL;
	}
	if (secret_check_file(fd, path, err) < 0 || (s = secret_new(err)) == NULL)
		goto out;
	if (secret_read(s, fd, path, err) < 0) {
		secret_free(s);
		s = NULL;
	}
out:
	close(fd);
	return s;
}

/* CR LF and lone CR become LF, a byte order mark goes, the last line gets its end. */
static void
secret_mend_lines(struct secret *s)
{
	char *t = s->text;
	size_t n = 0;
	size_t i = s->len >= 3 && memcmp(t, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	for (; i < s->len; i++) {
		if (t[i] == '\r' && t[i + 1] == '\n')
			continue;
		t[n++] = t[i] == '\r' ? '\n' : t[i];
	}
	if (n > 0 && t[n - 1] != '\n')
		t[n++] = '\n';
	explicit_bzero(t + n, SECRET_PAGES - n);
	s->len = n;
}

static bool
starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* The cipher's name is the first string of an OpenSSH key: "none" when it is open. */
static bool
secret_openssh_is_encrypted(const char *body)
{
	static const char open_key[] = "openssh-key-v1\0\0\0\0\4none";
	unsigned char head[48];
	char line[64];
	size_t n = 0;
	bool encrypted;

	for (; *body && *body != '-' && n < sizeof line; body++) {
		if (*body != '\n' && *body != ' ')
			line[n++] = *body;
	}
	memset(head, 0, sizeof head);
	encrypted = n == sizeof line && base64_decode(line, n, head) > 0 &&
	    memcmp(head, open_key, 15) == 0 &&
	    memcmp(head, open_key, sizeof open_key - 1) != 0;
	explicit_bzero(head, sizeof head);
	explicit_bzero(line, sizeof line);
	return encrypted;
}

static int
secret_check_key(const char *text, const char *path, struct err *err)
{
	static const char *const public[] = {"ssh-", "ecdsa-sha2-", "sk-ssh-",
	    "sk-ecdsa-", "---- BEGIN SSH2 PUBLIC", "-----BEGIN PUBLIC",
	    "-----BEGIN RSA PUBLIC"};
	const char *begin = strstr(text, "-----BEGIN ");
	const char *eol;

	if (text[strspn(text, " \t\n")] == '\0')
		return err_set(
		    err, ERR_USAGE, "%s is empty: put the private key there", path);
	for (size_t i = 0; i < ARRAY_LEN(public); i++) {
		if (starts(text, public[i]))
			return err_set(err, ERR_USAGE,
			    "%s is a public key: name the private "
			    "one, usually the same path without .pub",
			    path);
	}
	if (starts(text, "PuTTY-User-Key-File"))
		return err_set(err, ERR_USAGE,
		    "%s is a PuTTY key: convert it with "
		    "puttygen %s -O private-openssh -o FILE",
		    path, path);
	if (!begin || (eol = strchr(begin, '\n')) == NULL ||
	    !memmem(begin, (size_t)(eol - begin), "PRIVATE KEY-----", 16))
		return err_set(err, ERR_USAGE,
		    "%s is not an SSH private key: name the file "
		    "that ssh-keygen made",
		    path);
	if (starts(begin, "-----BEGIN ENCRYPTED") ||
	    strstr(eol, "Proc-Type: 4,ENCRYPTED") ||
	    (starts(begin, "-----BEGIN OPENSSH") && secret_openssh_is_encrypted(eol)))
		return err_set(err, ERR_USAGE,
		    "%s is protected by a passphrase, which nobody "
		    "can type into an engine: make a copy without one (ssh-keygen -p -N '' -f "
		    "COPY) and name that",
		    path);
	if (!strstr(eol, "\n-----END "))
		return err_set(err, ERR_USAGE,
		    "%s is cut short: its END line is missing, "
		    "copy it again",
		    path);
	return 0;
}

/* The n-th character of the body, line ends not counted. */
static const char *
body_at(const char *body, size_t n)
{
	for (; *body && *body != '-'; body++)
		if (*body != '\n' && n-- == 0)
			break;
	return body;
}

/* Where the lines of the body begin: behind the first line and what headers it has. */
static const char *
body_of(const char *text)
{
	const char *body = strchr(strstr(text, "-----BEGIN "), '\n') + 1, *eol;

	while (
	    (eol = strchr(body, '\n')) != NULL && memchr(body, ':', (size_t)(eol - body)))
		body = eol + 1;
	return body;
}

static bool
tell(const char *part, size_t len, bool keep)
{
	if (keep)
		return known_add(part, len);
	known_forget(part, len);
	return true;
}

/*
 * No line of ours shows the private half, as it stands there or decoded, for as long
 * as it is kept.  False: there was no room for all of it.
 */
static bool
secret_tell_key(const struct secret *s, bool keep)
{
	const char *body = body_of(s->text), *end = body_at(body, SECRET_MAX);
	struct err err;
	char *room = locked_new(2 * SECRET_PAGES, NULL, &err);
	unsigned char *raw = (unsigned char *)room + SECRET_PAGES;
	size_t n = 0, from, to;
	bool all = true;
	ssize_t len;

	if (!room)
		return tell(body, (size_t)(end - body), keep);
	for (const char *p = body; p < end; p++)
		if (*p != '\n')
			room[n++] = *p;
	len = base64_decode(room, n, raw);
	if (len > 0) {
		secret_private(raw, (size_t)len, &from, &to);
		all = tell((char *)raw + from, to - from, keep);
		body = body_at(body, (from * 4 + 2) / 3);
		end = body_at(body, (to * 4) / 3 - (from * 4 + 2) / 3);
	}
	all = tell(body, (size_t)(end - body), keep) && all;
	locked_free(room, 2 * SECRET_PAGES);
	return all;
}

struct secret *
secret_load_key(const char *path, struct err *err)
{
	struct secret *s = secret_load(path, err);

	if (!s)
		return NULL;
	secret_mend_lines(s);
	if (secret_check_key(s->text, path, err) < 0) {
		secret_free(s);
		return NULL;
	}
	s->key = true;
	s->unknown = !secret_tell_key(s, true);
	return s;
}

/* Trims the text to its one word; 0, or -1 with words. */
static int
secret_one_word(struct secret *s, const char *what, struct err *err)
{
	size_t skip = strspn(s->text, " \t\r\n"), n;

	memmove(s->text, s->text + skip, s->len - skip + 1);
	n = strcspn(s->text, " \t\r\n");
	if (n == 0)
		return err_set(err, ERR_USAGE, "%s is empty: put the token there", what);
	if (s->text[n + strspn(s->text + n, " \t\r\n")] != '\0')
		return err_set(err, ERR_USAGE,
		    "%s holds more than one word: a token is one line "
		    "without blanks",
		    what);
	explicit_bzero(s->text + n, SECRET_PAGES - n);
	s->len = n;
	log_secret(s->text);
	return 0;
}

struct secret *
secret_load_token(const char *path, struct err *err)
{
	struct secret *s = secret_load(path, err);

	if (s && secret_one_word(s, path, err) < 0) {
		secret_free(s);
		return NULL;
	}
	return s;
}

struct secret *
secret_of_token(const char *text, size_t len, const char *what, struct err *err)
{
	struct secret *s;

	if (len > SECRET_MAX || memchr(text, '\0', len)) {
		err_set(err, ERR_USAGE, "%s is no token: too long, or binary", what);
		return NULL;
	}
	s = secret_new(err);
	if (!s)
		return NULL;
	memcpy(s->text, text, len);
	s->text[len] = '\0';
	s->len = len;
	if (secret_one_word(s, what, err) < 0) {
		secret_free(s);
		return NULL;
	}
	return s;
}
