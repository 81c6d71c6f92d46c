/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * who_look.c: what /proc says of a peer.
 *
 * A process's line of parents is read upwards; a parent that is younger than its child
 * is another process under a reused pid, and ends the line.  Names prove nothing (any
 * set-uid program can be started under the name sshd): an ancestor counts as root's
 * sudo or sshd when it runs as root alone, and either its program is root's own, or,
 * where that cannot be read, nobody but root stands between it and the line's top.
 */
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/pidstat.h"
#include "engine/people/who.h"
#include "wire/base64.h"
#include "wire/chain.h"

#define LINE_MAX_PROCS 24
#define FILE_BYTES (16 * 1024) /* of an environment or a key's file */
#define NO_LOGIN 4294967295ll

struct proc {
	pid_t pid;
	long parent;
	int64_t born; /* clock ticks since boot */
	uid_t uid[3]; /* real, effective, saved */
	char name[17];
};

/* Copies what is printable; a name that is shown to others has no blanks. */
static void
clean(char *out, size_t size, const char *text)
{
	size_t n = 0;

	for (; *text && n + 1 < size; text++)
		if (*text > ' ' && *text < 0x7f)
			out[n++] = *text;
	out[n] = '\0';
}

/* The whole file, NUL-terminated; -1: it cannot be read. */
static ssize_t
read_file(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	size_t at = 0;
	ssize_t n;

	if (fd < 0)
		return -1;
	while (at + 1 < size && (n = read(fd, out + at, size - 1 - at)) > 0)
		at += (size_t)n;
	close(fd);
	out[at] = '\0';
	return (ssize_t)at;
}

static ssize_t
read_proc(pid_t pid, const char *name, char *out, size_t size)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, name);
	return read_file(path, out, size);
}

static bool
proc_stat(pid_t pid, struct proc *p)
{
	struct pidstat s;

	if (!pidstat_of(pid, &s))
		return false;
	memcpy(p->name, s.name, sizeof p->name);
	p->name[sizeof p->name - 1] = '\0';
	p->parent = s.parent;
	p->pid = pid;
	p->born = s.born;
	return true;
}

static bool
proc_read(pid_t pid, struct proc *p)
{
	char text[4096], *uid;
	unsigned u[3];

	memset(p, 0, sizeof *p);
	if (!proc_stat(pid, p) || read_proc(pid, "status", text, sizeof text) <= 0)
		return false;
	uid = strstr(text, "\nUid:");
	if (!uid || sscanf(uid + 5, "%u %u %u", &u[0], &u[1], &u[2]) != 3)
		return false;
	for (int i = 0; i < 3; i++)
		p->uid[i] = u[i];
	return true;
}

static bool
is_roots(const struct proc *p)
{
	return p->uid[0] == 0 && p->uid[1] == 0 && p->uid[2] == 0;
}

/* The peer, its parent, and so on; returns how many; *outside: the top has no parent
 * here. */
static int
read_line(pid_t pid, struct proc *line, bool *outside)
{
	int n = 0;

	*outside = false;
	while (n < LINE_MAX_PROCS && proc_read(pid, &line[n])) {
		struct proc again;

		if (n > 0 &&
		    (line[n].born > line[n - 1].born ||
			!proc_stat(line[n - 1].pid, &again) ||
			again.born != line[n - 1].born ||
			again.parent != line[n - 1].parent))
			break;
		pid = (pid_t)line[n].parent;
		n++;
		if (pid == 0) {
			*outside = line[n - 1].pid != 1;
			break;
		}
	}
	return n;
}

static bool
is_named(const struct proc *p, const char *names)
{
	size_t len = strlen(p->name);
	const char *at = names;

	while ((at = strstr(at, p->name)) != NULL) {
		if ((at == names || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
			return len > 0;
		at += 1;
	}
	return false;
}

/* Is line[k] a program of root's own with one of these names? */
static bool
is_program(const struct proc *line, int n, int k, const char *names)
{
	char path[64], exe[512], *base;
	struct stat st;
	ssize_t len;

	if (!is_roots(&line[k]))
		return false;
	snprintf(path, sizeof path, "/proc/%ld/exe", (long)line[k].pid);
	len = readlink(path, exe, sizeof exe - 1);
	if (len > 0) {
		struct proc p = line[k];

		exe[len] = '\0';
		base = strrchr(exe, '/');
		snprintf(p.name, sizeof p.name, "%.16s", base ? base + 1 : exe);
		p.name[strcspn(p.name, " ")] = '\0'; /* "sshd (deleted)": upgraded */
		return is_named(&p, names) && stat(path, &st) == 0 && st.st_uid == 0 &&
		    !(st.st_mode & 022);
	}
	for (int i = k; i < n; i++)
		if (!is_roots(&line[i]))
			return false;
	return is_named(&line[k], names);
}

/* --- an environment --- */

static const char *
env_get(const char *env, size_t len, const char *key)
{
	size_t n = strlen(key);

	for (const char *at = env; at < env + len; at += strlen(at) + 1)
		if (strncmp(at, key, n) == 0 && at[n] == '=')
			return at + n + 1;
	return NULL;
}

/* The client's address: the first word of SSH_CONNECTION. */
static void
env_from(const char *env, size_t len, char *out, size_t size)
{
	const char *v = env_get(env, len, "SSH_CONNECTION");
	char word[64] = "";

	if (v && sscanf(v, "%63s", word) == 1 &&
	    strspn(word, "0123456789abcdefABCDEF.:%") == strlen(word))
		clean(out, size, word);
}

static void
env_claims(const char *env, size_t len, struct who_seen *s)
{
	const char *v;

	env_from(env, len, s->claims_from, sizeof s->claims_from);
	if ((v = env_get(env, len, "SUDO_USER")) != NULL)
		clean(s->claims_sudo, sizeof s->claims_sudo, v);
	if ((v = env_get(env, len, "K8S_REQUEST_ID")) != NULL)
		clean(s->claims_request, sizeof s->claims_request, v);
	s->pod = s->pod || env_get(env, len, "KUBERNETES_SERVICE_HOST") != NULL;
}

/* --- names --- */

static void
user_name(uid_t uid, char out[33])
{
	char buf[4096];
	struct passwd pw, *found = NULL;

	out[0] = '\0';
	if (getpwuid_r(uid, &pw, buf, sizeof buf, &found) == 0 && found)
		clean(out, 33, found->pw_name);
}

/* For a sentence: an account without a name is its number. */
static void
user_or_uid(uid_t uid, char out[33])
{
	user_name(uid, out);
	if (!out[0])
		snprintf(out, 33, "uid %ld", (long)uid);
}

static void
look_at_login(pid_t pid, struct who_seen *s)
{
	char text[32];
	long long login;

	if (read_proc(pid, "loginuid", text, sizeof text) <= 0 ||
	    sscanf(text, "%lld", &login) != 1 || login < 0 || login >= NO_LOGIN)
		return;
	s->login = login;
	user_name((uid_t)login, s->login_user);
}

/* --- sudo and sshd --- */

static void
look_for_sudo(const struct proc *line, int n, struct who_seen *s)
{
	for (int i = 1; i < n; i++) {
		int up = i;

		if (!is_program(line, n, i, "sudo"))
			continue;
		while (up + 1 < n && is_program(line, n, up + 1, "sudo"))
			up++; /* sudo stays in front of a monitor of its own */
		s->sudo = true;
		if (s->login >= 0 && s->login_user[0])
			memcpy(s->sudo_by, s->login_user, sizeof s->sudo_by);
		else if (s->login >= 0)
			snprintf(s->sudo_by, sizeof s->sudo_by, "uid %lld",
			    (long long)s->login);
		else if (up + 1 < n)
			user_or_uid(line[up + 1].uid[0], s->sudo_by);
		return;
	}
}

static int64_t
clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/*
 * A time of day in ticks since boot; -1: it cannot be said.  The two clocks are read
 * until nothing came in between: on a busy machine that would let an older file pass.
 */
static int64_t
ticks_of(struct timespec wall)
{
	for (int i = 0; i < 100; i++) {
		int64_t before = clock_ns(CLOCK_BOOTTIME), now = clock_ns(CLOCK_REALTIME);

		if (clock_ns(CLOCK_BOOTTIME) - before > 500000)
			continue;
		return (before - now + wall.tv_sec * 1000000000ll + wall.tv_nsec) /
		    (1000000000ll / sysconf(_SC_CLK_TCK));
	}
	return -1;
}

/* A directory where nobody but root and a file's owner can put another in its place. */
static bool
is_fixed_dir(const char *path)
{
	char dir[256];
	const char *slash = strrchr(path, '/');
	struct stat st;

	if (!slash || slash == path)
		return false;
	snprintf(dir, sizeof dir, "%.*s", (int)(slash - path), path);
	return lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == 0 &&
	    (!(st.st_mode & 022) || (st.st_mode & S_ISVTX));
}

/*
 * sshd writes the file after it has authenticated somebody and before it starts the
 * session's first process, and never again; its ctime, which nobody can set, must lie
 * between the two.  So a file that the session itself wrote (later than in its first
 * hundredth of a second: the kernel tells starts in ticks), or one of a session that
 * began earlier or later, is not it.
 */
static bool
is_of_session(const struct stat *st, const struct proc *sshd, const struct proc *first)
{
	int64_t at = ticks_of(st->st_ctim);

	return S_ISREG(st->st_mode) && (st->st_mode & 07777) == 0600 &&
	    st->st_nlink == 1 && st->st_uid == first->uid[0] && at > sshd->born &&
	    at <= first->born;
}

static void
look_at_key(const char *path, const struct proc *sshd, const struct proc *first,
    struct who_seen *s)
{
	int fd = path[0] == '/' && is_fixed_dir(path)
	    ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
	    : -1;
	char text[FILE_BYTES];
	struct stat st;
	ssize_t n;

	s->ssh_key_false = true;
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && is_of_session(&st, sshd, first) &&
	    (n = read(fd, text, sizeof text - 1)) > 0) {
		text[n] = '\0';
		s->ssh_key_false = !who_key(text, s->ssh_key);
	}
	close(fd);
}

/*
 * Upwards: … the session's first process, the sshd of the account, root's sshd of this
 * connection, and the one that listens.  Of an account that is root's there is one less.
 */
static void
look_for_ssh(const struct proc *line, int n, const char *own_env, size_t own_len,
    struct who_seen *s)
{
	char env[FILE_BYTES];
	const char *path, *own;
	const struct proc *first;
	ssize_t len;
	int root = 1;

	while (root < n && !is_program(line, n, root, "sshd sshd-session"))
		root++;
	if (root >= n)
		return;
	if (is_roots(&line[root - 1]) || root < 2)
		first = &line[root - 1];
	else
		first = &line[root - 2];
	s->ssh = true;
	user_or_uid(first->uid[0], s->ssh_user);
	len = read_proc(first->pid, "environ", env, sizeof env);
	if (len <= 0)
		return;
	env_from(env, (size_t)len, s->ssh_from, sizeof s->ssh_from);
	path = env_get(env, (size_t)len, "SSH_USER_AUTH");
	own = env_get(own_env, own_len, "SSH_USER_AUTH");
	if (path)
		look_at_key(path, &line[root], first, s);
	else
		s->ssh_key_false = own != NULL;
	if (s->claims_from[0] && strcmp(s->claims_from, s->ssh_from) != 0)
		s->ssh_from[0] = '\0'; /* the peer says another: neither is proven */
}

/* What ssh-keygen -l prints: base64 without its padding. */
static void
print_key(const void *key, size_t len, char out[64])
{
	struct digest *d = digest_new();
	char hex[CHAIN_HEX + 1], text[BASE64_SIZE(CHAIN_HEX / 2)];
	unsigned char sha[CHAIN_HEX / 2];
	unsigned byte;

	digest_add(d, key, len);
	digest_end(d, hex);
	for (size_t i = 0; i < sizeof sha; i++)
		sha[i] = sscanf(hex + 2 * i, "%2x", &byte) == 1 ? (unsigned char)byte : 0;
	base64_encode(sha, sizeof sha, text);
	text[strcspn(text, "=")] = '\0';
	snprintf(out, 64, "SHA256:%s", text);
}

bool
who_key(const char *text, char out[64])
{
	const char *at =
	    strncmp(text, "publickey ", 10) == 0 ? text : strstr(text, "\npublickey ");
	char blob[8192];
	unsigned char key[6144];
	long len;

	if (!at || sscanf(at, " publickey %*s %8191s", blob) != 1)
		return false;
	len = strlen(blob) <= sizeof key ? base64_decode(blob, strlen(blob), key) : -1;
	if (len <= 0)
		return false;
	print_key(key, (size_t)len, out);
	return true;
}

static bool
has_ended(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	return pidfd >= 0 && poll(&p, 1, 0) == 1;
}

void
who_look(pid_t pid, int pidfd, uid_t uid, struct who_seen *s)
{
	struct proc line[LINE_MAX_PROCS];
	char env[FILE_BYTES];
	ssize_t len;
	int n;

	memset(s, 0, sizeof *s);
	s->uid = uid;
	s->login = -1;
	user_name(uid, s->user);
	s->pod = getenv("KUBERNETES_SERVICE_HOST") != NULL;
	if (pid <= 0) { /* it lives in a pid namespace that is not ours */
		s->outside = true;
		return;
	}
	n = read_line(pid, line, &s->outside);
	if (n > 0) {
		look_at_login(pid, s);
		len = read_proc(pid, "environ", env, sizeof env);
		env_claims(env, len > 0 ? (size_t)len : 0, s);
		look_for_sudo(line, n, s);
		look_for_ssh(line, n, env, len > 0 ? (size_t)len : 0, s);
	}
	if (n == 0 || has_ended(pidfd)) {
		/* What was read may be of another process under the same pid. */
		uid_t was = s->uid;
		char user[33];

		memcpy(user, s->user, sizeof user);
		memset(s, 0, sizeof *s);
		s->uid = was;
		s->login = -1;
		memcpy(s->user, user, sizeof user);
		s->gone = true;
	}
}
