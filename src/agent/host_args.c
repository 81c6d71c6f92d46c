/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command line and the environment that claude and tools get: all of both.
 *
 * Settings are an argument and not a file, and no settings of user or project
 * are read, because the agent could write those and name a key helper of its
 * own.  No text of an operator ever stands here: prompts go to standard input.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/host.h"
#include "base/mem.h"

#define CLAUDE_OOM "700" /* the agent goes before anything that recovers the VM */

static const char *const claude_env[] = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1",
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS=1", /* a time-out ends the command */
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY=1",
    "CLAUDE_CODE_DISABLE_CLAUDE_MDS=1",
    "CLAUDE_CODE_DISABLE_GIT_INSTRUCTIONS=1",
    "CLAUDE_CODE_ATTRIBUTION_HEADER=0",
    "CLAUDE_CODE_API_KEY_HELPER_TTL_MS=86400000", /* ask once: host_key.c answers once */
    "CLAUDE_CODE_MAX_RETRIES=4",
    "API_TIMEOUT_MS=60000",
    "CLAUDE_BYTE_STREAM_IDLE_TIMEOUT_MS=60000",
    "BASH_DEFAULT_TIMEOUT_MS=120000",
    "BASH_MAX_TIMEOUT_MS=600000",
    "CLAUDE_CODE_STARTUP_FAILURE_RESULTS=1",
    "DISABLE_AUTOUPDATER=1",
};

static const char *const claude_args[] = {
    "-p",
    "--verbose",
    "--output-format",
    "stream-json",
    "--input-format",
    "stream-json",
    "--include-partial-messages",
    "--setting-sources",
    "",
    "--strict-mcp-config",
    "--disable-slash-commands",
    "--permission-mode",
    "dontAsk",
};

void
args_add(struct args *a, const char *fmt, ...)
{
	va_list ap;

	assert(a->n < ARGS_MAX);
	va_start(ap, fmt);
	if (vasprintf(&a->argv[a->n], fmt, ap) < 0)
		abort();
	va_end(ap);
	a->argv[++a->n] = NULL;
}

void
args_fini(struct args *a)
{
	for (int i = 0; i < a->n; i++)
		free(a->argv[i]);
	a->n = 0;
}

static void
args_env(struct args *a, const char *name, const char *value)
{
	args_add(a, "--env");
	args_add(a, "%s=%s", name, value);
}

void
host_args_launcher(const struct host *h, struct args *a, const char *folder)
{
	args_add(a, "%s/launcher", h->libexec);
	args_add(a, "--parent");
	args_add(a, "%ld", (long)getpid());
	args_add(a, "--oom");
	args_add(a, CLAUDE_OOM);
	args_add(a, "--cwd");
	args_add(a, "%s/%s", h->dir, folder);
	args_add(a, "--env");
	args_add(a, "HOME=%s/home", h->dir);
	args_add(a, "--env");
	args_add(a, "TMPDIR=%s/tmp", h->dir);
	args_add(a, "--env");
	args_add(a, "CLAUDE_CODE_TMPDIR=%s/tmp", h->dir);
}

/* What all has that the agent runs. */
static void
args_agent_env(const struct host *h, struct args *a)
{
	args_add(a, "--env");
	args_add(a, "PATH=%s/shim:/usr/bin:/bin", h->libexec);
	args_env(a, "LANG", "C.UTF-8");
	args_env(a, "TERM", "dumb");
	args_env(a, "BREAKGLASS_SOCKET", h->socket);
	args_env(a, HOST_MARK, h->dir);
	/* claude asks git about its folder: one made above it is not looked for */
	args_env(a, "GIT_CEILING_DIRECTORIES", h->dir);
}

static void
args_claude_env(const struct host *h, struct args *a, const struct js *start)
{
	const char *url = js_str(start, "api_url");

	args_agent_env(h, a);
	for (size_t i = 0; i < ARRAY_LEN(claude_env); i++) {
		args_add(a, "--env");
		args_add(a, "%s", claude_env[i]);
	}
	if (url)
		args_env(a, "ANTHROPIC_BASE_URL", url);
	if (js_str(start, "ca")) {
		args_add(a, "--env");
		args_add(a, "NODE_EXTRA_CA_CERTS=%s/" HOST_CA, h->dir);
	}
	host_relay_env(h, a);
	/* no argument: those of a process can be read by all.  claude takes it out of
	 * its children's environment. */
	if (h->oauth && !h->key) {
		args_add(a, "--pass");
		args_add(a, HOST_OAUTH_ENV);
	}
}

/* The helper's line is read by a shell, so its two paths are quoted for one. */
static void
args_settings(const struct host *h, struct args *a)
{
	char *line = mem_printf("'%s/key-helper' '%s/key.sock'", h->libexec, h->dir);
	struct js *settings = js_new();
	struct buf text;

	js_set_str(settings, "apiKeyHelper", line);
	buf_init(&text, 4096);
	if (js_print(settings, &text) == 0) {
		args_add(a, "--settings");
		args_add(a, "%s", buf_str(&text));
	}
	buf_fini(&text);
	js_free(settings);
	free(line);
}

void
host_args_claude(const struct host *h, struct args *a, const struct js *start)
{
	const char *tools = js_str(start, "tools"), *model = js_str(start, "model");

	host_args_launcher(h, a, "work");
	args_claude_env(h, a, start);
	host_box_claude(h, a, start);
	args_add(a, "--");
	args_add(a, "%s", h->claude);
	for (size_t i = 0; i < ARRAY_LEN(claude_args); i++)
		args_add(a, "%s", claude_args[i]);
	args_add(a, "--agents");
	args_add(a, "%s/agents.json", h->dir);
	args_add(a, "--agent");
	args_add(a, "%s", js_str(start, "agent"));
	/* These two take any number of words: with = they cannot swallow the next one. */
	args_add(a, "--tools=%s", tools);
	args_add(a, "--allowedTools=%s", tools);
	if (model)
		args_add(a, "--model=%s", model);
	if (h->key)
		args_settings(h, a);
	args_add(a, js_bool(start, "resume", false) ? "--resume" : "--session-id");
	args_add(a, "%s", js_str(start, "session"));
}

/* A member that is a string, else "". */
static const char *
or_empty(const struct js *input, const char *key)
{
	const char *s = js_str(input, key);

	return s ? s : "";
}

static void
args_files(const struct host *h, struct args *a, const char *word)
{
	args_add(a, "%s/agent-files", h->libexec);
	args_add(a, "%s", word);
}

/* Each word is an argument of its own: nothing here passes a shell but a command. */
static int
args_tool(const struct host *h, struct args *a, const char *name, const struct js *input)
{
	const char *command = js_str(input, "command"), *path = js_str(input, "path"),
		   *pattern = js_str(input, "pattern");

	if (strcmp(name, "Bash") == 0 && command) {
		args_add(a, "/bin/bash");
		args_add(a, "-c");
		args_add(a, "--");
		args_add(a, "%s", command);
	} else if (strcmp(name, "Read") == 0 && path) {
		args_files(h, a, "read");
		args_add(a, "%s", path);
		args_add(a, "%lld", (long long)js_int(input, "offset", 1));
		args_add(a, "%lld", (long long)js_int(input, "limit", 1000000));
	} else if (strcmp(name, "Grep") == 0 && pattern) {
		args_files(h, a, "grep");
		args_add(a, "%s", pattern);
		args_add(a, "%s", or_empty(input, "path"));
		args_add(a, "%s", or_empty(input, "glob"));
	} else if (strcmp(name, "Glob") == 0 && pattern) {
		args_files(h, a, "glob");
		args_add(a, "%s", pattern);
		args_add(a, "%s", or_empty(input, "path"));
	} else
		return -1;
	return 0;
}

int
host_args_tool(const struct host *h, struct args *a, const struct js *start, int told)
{
	const char *name = js_str(start, "name");

	host_args_launcher(h, a, "work");
	args_agent_env(h, a);
	args_add(a, "--env");
	args_add(
	    a, HOST_TOOL_MARK "=%s:%lld", h->dir, (long long)js_int(start, "tool", -1));
	args_add(a, "--tree");
	args_add(a, "%d", told);
	if (name && strcmp(name, "Bash") != 0)
		host_box_files(h, a);
	else
		host_box_tool(h, a);
	args_add(a, "--");
	return name ? args_tool(h, a, name, js_get(start, "input")) : -1;
}
