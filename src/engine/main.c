/* SPDX-License-Identifier: GPL-3.0-or-later */
/* main.c: the engine's own program; "breakglass engine" becomes it. */
#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/self.h"
#include "engine/engine.h"

#define FDS_NEEDED 48 /* agent, both hosts, a shell, a console and their spare ones */
#define FDS_WANTED 1024

static const struct option long_options[] = {
    {"alone-ms", required_argument, NULL, 'a'}, /* for tests */
    {"background", no_argument, NULL, 'b'},
    {"idle-ms", required_argument, NULL, 'i'}, /* for tests */
    {"lock-ms", required_argument, NULL, 'l'}, /* for tests */
    {"one-shot", no_argument, NULL, 'o'},
    {"ready-fd", required_argument, NULL, 'r'},
    {"silence-ms", required_argument, NULL, 's'}, /* for tests */
    {"weak", no_argument, NULL, 'w'},
    {0},
};

static void
open_log(const struct options *o, int level)
{
	char *dir = options_run_dir(o), *path = mem_printf("%s/engine.log", dir);
	struct err err;

	if (level &&
	    (o->operators_group[0] ? fd_safe_dir(dir, &err) : fd_own_dir(dir, &err)) == 0)
		log_open(path, level);
	free(path);
	free(dir);
}

/* What our starter had open is not ours: it would live as long as we do. */
static void
close_strangers(int ready_fd)
{
	if (ready_fd <= 2) {
		self_close(3, ~0U);
		return;
	}
	fcntl(ready_fd, F_SETFD, FD_CLOEXEC);
	if (ready_fd > 3)
		self_close(3, (unsigned)ready_fd - 1);
	self_close((unsigned)ready_fd + 1, ~0U);
}

/* What we open first would become what others print to. */
static void
open_std(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
}

/*
 * Descriptors for the hosts, the journal, the agent and a few operators.  With very few
 * not even the loop can say why, so that is found out before there is one.
 */
static int
need_descriptors(struct err *err)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_cur >= FDS_WANTED)
		return 0;
	r.rlim_cur = r.rlim_max < FDS_WANTED ? r.rlim_max : FDS_WANTED;
	if (r.rlim_cur >= FDS_NEEDED && setrlimit(RLIMIT_NOFILE, &r) == 0)
		return 0;
	return err_set(err, ERR_LIMIT,
	    "an engine needs %d descriptors and may open %ld: raise the limit (ulimit -n, LimitNOFILE= of a unit)",
	    FDS_NEEDED, (long)r.rlim_cur);
}

static bool
is_secret(const char *name, size_t len)
{
	static const char *const ends[] = {
	    "_KEY", "_TOKEN", "_SECRET", "_PASSWORD", "SSH_AUTH_SOCK"};

	if (strncmp(name, "BREAKGLASS_", 11) == 0)
		return false; /* names of files at most */
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (len >= strlen(ends[i]) &&
		    memcmp(name + len - strlen(ends[i]), ends[i], strlen(ends[i])) == 0)
			return true;
	return false;
}

/*
 * What the agent runs may have our uid and look at /proc/OURS/environ: keys that
 * our starter had in its environment, which we never use, are overwritten there.
 */
static void
forget_secrets(void)
{
	for (char **e = environ; *e;) {
		size_t len = strcspn(*e, "=");

		if (!is_secret(*e, len)) {
			e++;
			continue;
		}
		explicit_bzero(*e, strlen(*e));
		for (char **next = e; (next[0] = next[1]) != NULL; next++)
			continue;
	}
}

/* Kept for one who logs in with it; no child of ours hears of it. */
static char *
agent_of_starter(void)
{
	const char *sock = getenv("SSH_AUTH_SOCK");

	return sock && *sock ? mem_dup(sock) : NULL;
}

int
main(int argc, char **argv)
{
	struct options options;
	struct engine_opts opts = {
	    .options = &options, .version = PACKAGE_VERSION, .ready_fd = -1};
	struct err err;
	int c, verbose = 0, rc;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "v", long_options, NULL)) != -1) {
		if (c == 'b')
			opts.background = true;
		else if (c == 'o')
			opts.one_shot = true;
		else if (c == 'r')
			opts.ready_fd = atoi(optarg);
		else if (c == 'a')
			opts.alone_ms = atoi(optarg);
		else if (c == 'i')
			opts.idle_ms = atoi(optarg);
		else if (c == 'l')
			opts.lock_ms = atoi(optarg);
		else if (c == 's')
			opts.silence_ms = atoi(optarg);
		else if (c == 'w')
			setenv("BREAKGLASS_WEAK", "yes", 1); /* beats every file */
		else if (c == 'v')
			verbose++;
		else {
			err_option(&err, argv[optind - 1]);
			fprintf(stderr, "engine: %s\n", err.words);
			return 64;
		}
	}
	if (optind < argc) {
		err_set(&err, ERR_USAGE, "no word follows: \"%.60s\"", argv[optind]);
		fprintf(stderr, "engine: %s\n", err.words);
		return 64;
	}
	open_std();
	umask(077);
	opts.ssh_auth_sock = agent_of_starter();
	forget_secrets();
	close_strangers(opts.ready_fd);
	if (need_descriptors(&err) < 0 || options_load(&options, &err) < 0) {
		if (opts.ready_fd >= 0)
			dprintf(opts.ready_fd, "%d %s", (int)err.code, err.words);
		else
			fprintf(stderr, "breakglass: %s\n", err.words);
		return 64;
	}
	open_log(&options, verbose);
	rc = engine_main(&opts);
	log_close();
	options_fini(&options);
	return rc;
}
