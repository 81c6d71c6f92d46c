/* SPDX-License-Identifier: GPL-3.0-or-later */
/* look_agent.c: what the agent is made of: claude, its credential, its box, its books. */
#include <ftw.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/claude.h"
#include "base/mem.h"
#include "doctor/engine_ask.h"
#include "doctor/judge.h"
#include "doctor/looks.h"
#include "engine/agent/agent_box.h"
#include "engine/agent/agent_proc.h"
#include "engine/agent/choice.h"
#include "engine/agent/definition.h"
#include "engine/remote/secret.h"
#include "engine/runbook/runbook_folder.h"

#define ARGV_MAX (AGENT_BOX_ARGS_MAX + 48)
#define OUT_MAX 4096
#define RUN_MS 6000
#define NOT_THERE "agent-host of uid " /* as the engine says it */
#define FETCH "npm install -g @anthropic-ai/claude-code@" BG_CLAUDE_VERSION

/* ---- a folder as agent-host has one, for as long as it is looked ---- */

static const char *const folders[] = {"", "/work", "/tmp", "/home"};

static bool
scratch_make(char dir[64])
{
	char path[96];

	strcpy(dir, "/tmp/breakglass-doctor-XXXXXX");
	if (!mkdtemp(dir))
		return false;
	for (size_t i = 1; i < ARRAY_LEN(folders); i++) {
		snprintf(path, sizeof path, "%s%s", dir, folders[i]);
		if (mkdir(path, 0700) < 0)
			return false;
	}
	return true;
}

static int
drop(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	remove(path);
	return 0;
}

static void
scratch_drop(const char *dir)
{
	nftw(dir, drop, 8, FTW_DEPTH | FTW_PHYS);
}

struct argv {
	char *v[ARGV_MAX];
	int n;
};

static void add(struct argv *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
add(struct argv *a, const char *fmt, ...)
{
	va_list ap;

	if (a->n == ARGV_MAX - 1)
		return;
	va_start(ap, fmt);
	if (vasprintf(&a->v[a->n], fmt, ap) < 0)
		abort();
	va_end(ap);
	a->v[++a->n] = NULL;
}

static void
add2(struct argv *a, const char *option, const char *value)
{
	add(a, "%s", option);
	add(a, "%s", value);
}

static void
argv_fini(struct argv *a)
{
	for (int i = 0; i < a->n; i++)
		free(a->v[i]);
}

/* ---- in a pod: the engine knows what its agent-host has told ---- */

struct pod {
	char words[512], open[512], agent[300];
};

static void
on_fact(const struct js *m, void *arg)
{
	struct pod *p = arg;
	const struct js *open = js_get_array(m, "open");
	size_t n = 0, len;

	if (js_is(m, "what", "sandbox")) {
		snprintf(p->words, sizeof p->words, "%s",
		    js_str(m, "text") ? js_str(m, "text") : "");
		p->open[0] = '\0';
		for (size_t i = 0; i < js_len(open) && n < sizeof p->open - 64; i++)
			n += (size_t)snprintf(p->open + n, sizeof p->open - n, "%s%.60s",
			    i ? ", " : "", js_at_str(open, i, &len));
	} else if (js_is(m, "what", "agent"))
		snprintf(p->agent, sizeof p->agent, "%s%s%s",
		    js_str(m, "state") ? js_str(m, "state") : "?",
		    js_str(m, "why") ? ": " : "",
		    js_str(m, "why") ? js_str(m, "why") : "");
}

static void
ask_pod(const struct options *o, struct pod *p)
{
	struct err err;
	bool none;

	memset(p, 0, sizeof *p);
	if (engine_ask(o, on_fact, p, &none, &err) < 0)
		p->agent[0] = '\0';
}

static void
not_there(const struct options *o, struct said *said)
{
	said_warn(said,
	    "agent-host of uid %ld is in another container, and no engine tells of it",
	    o->agent_uid);
	said_do(said, "start both containers, then doctor in the engine's");
}

/* ---- claude ---- */

/* In a box like the one that it will have, without any network.  "" it does not say. */
static void
ask_version(const struct options *o, const char *claude, char version[64], char why[400])
{
	char out[OUT_MAX] = "", dir[64], *real = realpath(claude, NULL);
	struct argv a = {.n = 0};
	struct err err;
	int status = 0;

	version[0] = '\0';
	if (real && strstr(real, "/node_modules/"))
		*strrchr(real, '/') = '\0';
	if (!scratch_make(dir)) {
		snprintf(why, 400, "no folder for it can be made in /tmp");
		free(real);
		return;
	}
	add(&a, "%s/launcher", doctor_libexec_dir(o));
	add(&a, "--parent");
	add(&a, "%ld", (long)getpid());
	add2(&a, "--tree", "2"); /* nothing that it starts outlives it, or us */
	add(&a, "--cwd");
	add(&a, "%s/work", dir);
	add2(&a, "--env", "PATH=/usr/bin:/bin");
	add(&a, "--env");
	add(&a, "HOME=%s/home", dir);
	add2(&a, "--landlock", "system");
	add2(&a, "--landlock", "self");
	add(&a, "--landlock");
	add(&a, "x:%s", real ? real : claude);
	add(&a, "--landlock");
	add(&a, "w:%s", dir);
	add2(&a, "--seccomp", "on");
	add2(&a, "--net", "none");
	add(&a, "--");
	add(&a, "%s", claude);
	add(&a, "--version");
	if (apart_run(a.v, out, sizeof out, RUN_MS, &status, &err) < 0)
		snprintf(why, 400, "%.150s: %.200s", claude, err.words);
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || out[0] < '0' ||
	    out[0] > '9')
		snprintf(why, 400, "%.300s does not run here", claude);
	else
		snprintf(version, 64, "%.*s", (int)strcspn(out, " \r\n"), out);
	argv_fini(&a);
	scratch_drop(dir);
	free(real);
}

static bool
has_api(const struct options *o)
{
	return o->n_endpoints > 0 || o->api_key_file[0];
}

void
look_claude(struct pen *pen, const struct options *o)
{
	char version[64] = "", why[400];
	char *claude;
	struct said said = {0};
	struct pod pod;

	if (choice_driver_by_name(o->agent_driver) < 0) {
		said_warn(
		    &said, "agent_driver is \"%.40s\": auto is taken", o->agent_driver);
		said_do(&said, "set agent_driver to auto, cli, api or runbook");
	} else
		said_pass(&said, "%s%s", o->agent_driver,
		    strcmp(o->agent_driver, "auto") == 0
			? ": claude, else the API, else the runbooks"
			: "");
	pen_put(pen, CHECK_DRIVER, &said);
	if (o->agent_uid > 0) {
		ask_pod(o, &pod);
		if (!pod.agent[0])
			not_there(o, &said);
		else
			said_pass(&said, "that of agent-host, uid %ld; the agent is %s",
			    o->agent_uid, pod.agent);
		pen_put(pen, CHECK_CLAUDE, &said);
		return;
	}
	claude = claude_find(o->claude, BG_CLAUDE_VERSION);
	if (claude)
		ask_version(o, claude, version, why);
	else if (o->claude[0])
		snprintf(why, sizeof why, "%.300s is not a program that we may run",
		    o->claude);
	else
		snprintf(why, sizeof why, "claude is not installed here");
	judge_claude(&(struct claude_facts){.driver = o->agent_driver,
			 .configured = o->claude,
			 .path = claude,
			 .version = version[0] ? version : NULL,
			 .pinned = BG_CLAUDE_VERSION,
			 .why = why,
			 .api = has_api(o),
			 .fetch = FETCH},
	    &said);
	pen_put(pen, CHECK_CLAUDE, &said);
	free(claude);
}

/* ---- what claude is given ---- */

static bool
try_token(struct pen *pen, const struct options *o, const char *path, const char *setting,
    const char *what, struct said *said, struct said *bad)
{
	struct secret *s;
	struct err err;

	if (!path[0])
		return false;
	pen_at(pen, path);
	if (looks_not_ours(o, path, setting, bad))
		return true;
	s = secret_load_token(path, &err);
	if (!s)
		said_err(
		    bad, RESULT_FAIL, &err, "put the token there, one line, mode 0600");
	else
		said_more(said, "%s%s %s", said->seen[0] ? "; " : "", what, path);
	secret_free(s);
	return true;
}

void
look_claude_key(struct pen *pen, const struct options *o)
{
	const struct option_endpoint *ep = o->n_endpoints ? &o->endpoints[0] : NULL;
	const char *key =
	    ep ? ep->key_file[0] ? ep->key_file : ep->token_file : o->api_key_file;
	struct said said = {0}, bad = {0};
	bool any;

	if (strcmp(o->agent_driver, "api") == 0 ||
	    strcmp(o->agent_driver, "runbook") == 0) {
		said_skip(
		    &said, "agent_driver is %s: no claude is started", o->agent_driver);
		pen_put(pen, CHECK_CLAUDE_KEY, &said);
		return;
	}
	said_pass(&said, "%s", "");
	any = try_token(
	    pen, o, key, ep ? "key_file" : "api_key_file", "the key in", &said, &bad);
	any = try_token(pen, o, o->oauth_token_file, "oauth_token_file",
		  "the subscription's token in (only claude may try it)", &said, &bad) ||
	    any;
	if (bad.seen[0])
		said = bad;
	else if (!any && ep && strcmp(ep->kind, "portable") == 0)
		said_pass(&said, "none, and the endpoint %s may need none", ep->name);
	else if (!any) {
		said_warn(&said, "none: claude has no way in");
		said_do(&said,
		    "put an API key into a file, mode 0600: api_key_file = FILE; or the token of "
		    "\"claude setup-token\": oauth_token_file = FILE");
	}
	pen_put(pen, CHECK_CLAUDE_KEY, &said);
}

/* ---- its box ---- */

static void
join(char *list, size_t size, const char *more)
{
	size_t n = strlen(list);

	snprintf(list + n, size - n, "%s%s", n ? ", " : "", more);
}

/* agent-host's box, and in it the one of a tool, which is asked what it holds. */
static void
ask_box(const struct options *o, const char *dir, char *out, size_t size)
{
	const char *libexec = doctor_libexec_dir(o);
	char *run = options_run_dir(o);
	char *host = mem_printf("%s/agent-host", libexec),
	     *launcher = mem_printf("%s/launcher", libexec),
	     *sock = mem_printf("%s/agent/agent.sock", run);
	char *host_real = realpath(host, NULL), *launcher_real = realpath(launcher, NULL);
	struct agent_proc_config cfg = {.libexec = libexec,
	    .socket = sock,
	    .dir = dir,
	    .claude = o->claude,
	    .net = "port:443,names"};
	struct argv a = {.n = 0};
	struct err err;
	int status;

	add(&a, "%s", launcher);
	add(&a, "--parent");
	add(&a, "%ld", (long)getpid());
	add2(&a, "--cwd", "/");
	a.n = agent_box_args(a.v, a.n, &cfg, host_real ? host_real : host);
	add(&a, "--");
	add(&a, "%s", launcher_real ? launcher_real : launcher);
	add2(&a, "--landlock", "system");
	add2(&a, "--seccomp", "on");
	add(&a, "--landlock");
	add(&a, "w:%s/work", dir);
	add(&a, "--landlock");
	add(&a, "w:%s/tmp", dir);
	add(&a, "--landlock");
	add(&a, "c:%s", dir);
	add2(&a, "--net", "none");
	add2(&a, "--report", "-");
	if (apart_run(a.v, out, size, RUN_MS, &status, &err) < 0 || !WIFEXITED(status) ||
	    WEXITSTATUS(status) != 0)
		out[0] = '\0';
	argv_fini(&a);
	free(host_real);
	free(launcher_real);
	free(host);
	free(launcher);
	free(sock);
	free(run);
}

void
look_sandbox(struct pen *pen, const struct options *o)
{
	char out[OUT_MAX] = "", words[512] = "", open[512] = "", dir[64], *save = NULL;
	struct said said = {0};
	struct pod pod;

	if (o->agent_uid > 0) {
		ask_pod(o, &pod);
		if (strncmp(pod.words, NOT_THERE, strlen(NOT_THERE)) == 0) {
			said_warn(&said, "%s", pod.words);
			said_do(&said,
			    "start the agent's container; docs/sandbox.md, \"In a pod\"");
		} else if (pod.words[0] || pod.open[0])
			judge_sandbox(pod.words, pod.open, &said);
		else
			not_there(o, &said);
		pen_put(pen, CHECK_SANDBOX, &said);
		return;
	}
	if (scratch_make(dir)) {
		ask_box(o, dir, out, sizeof out);
		scratch_drop(dir);
	}
	for (char *line = strtok_r(out, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, "word ", 5) == 0)
			join(words, sizeof words, line + 5);
		else if (strncmp(line, "open ", 5) == 0)
			join(open, sizeof open, line + 5);
	}
	if (words[0] || open[0])
		judge_sandbox(words, open, &said);
	else {
		said_fail(&said, "the launcher says nothing: no agent can be started");
		said_do(&said, "install breakglass whole, or set libexec_dir (now %s)",
		    doctor_libexec_dir(o));
	}
	pen_put(pen, CHECK_SANDBOX, &said);
}

/* ---- its definition and the runbooks ---- */

static void
look_definition(struct pen *pen, const struct options *o)
{
	char *dir = mem_printf("%s/agents", doctor_data_dir(o));
	struct said said = {0};
	struct definition d;
	struct err err;

	pen_at(pen, dir);
	if (definition_load(&d, dir, o->agent, &err) == 0) {
		said_pass(&said, "%s/%s.md", dir, o->agent);
		definition_fini(&d);
	} else
		said_err(&said, RESULT_FAIL, &err, "set data_dir to where agents/ is");
	pen_put(pen, CHECK_DEFINITION, &said);
	free(dir);
}

struct books {
	int good, wrong;
	struct said bad; /* of the first that is wrong */
};

static void
refused(const struct runbook_file *f, struct said *bad)
{
	char word[SAID_WORD_MAX], line[32] = "";

	if (f->line > 0)
		snprintf(line, sizeof line, " line %d", f->line);
	said_fail(bad, "%s%s: %s", f->path, line, f->why);
	said_word(f->path, word);
	switch (f->ill) {
	case RUNBOOK_OWNER:
		said_run(bad, "%schown %ld %s", geteuid() ? "sudo " : "", (long)geteuid(),
		    word);
		break;
	case RUNBOOK_MODE:
		said_run(bad, "chmod go-w %s", word);
		break;
	case RUNBOOK_FORM:
		said_do(bad, "mend that line; docs/runbooks.md is the format");
		break;
	case RUNBOOK_MANY:
		said_do(bad, "take some of them out of the folder");
		break;
	default:
		said_do(bad, "set data_dir or runbook_dir to where they are");
	}
}

static void
on_book(const struct runbook_file *f, void *arg)
{
	struct books *b = arg;

	b->good += f->book != NULL;
	if (!f->book && ++b->wrong == 1)
		refused(f, &b->bad);
	runbook_free(f->book);
}

void
look_books(struct pen *pen, const struct options *o)
{
	char *shipped = mem_printf("%s/agents/runbooks", doctor_data_dir(o));
	struct books b = {0};
	struct said said = {0};

	look_definition(pen, o);
	pen_at(pen, shipped);
	runbook_folder_read(shipped, on_book, &b);
	if (o->runbook_dir[0]) {
		pen_at(pen, o->runbook_dir);
		runbook_folder_read(o->runbook_dir, on_book, &b);
	}
	if (b.wrong == 0)
		said_pass(&said, "%d, all understood", b.good);
	else
		said = b.bad;
	if (b.wrong > 1)
		said_more(&said, "; and %d more", b.wrong - 1);
	js_set_int(said_values(&said), "good", b.good);
	js_set_int(said.values, "bad", b.wrong);
	pen_put(pen, CHECK_RUNBOOKS, &said);
	free(shipped);
}
