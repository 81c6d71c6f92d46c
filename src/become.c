/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "become.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/self.h"
#include "engine_command.h"
#include "start.h"

static char arg0[] = "breakglass";

/* argv, with room for more behind it. */
struct args {
	char **v;
	int n, max;
};

static void
args_add(struct args *a, const char *text)
{
	if (a->n + 2 > a->max) {
		a->max = a->max ? 2 * a->max : 16;
		a->v = mem_resize(a->v, (size_t)a->max * sizeof *a->v);
	}
	a->v[a->n++] = mem_dup(text);
	a->v[a->n] = NULL;
}

static int
become(const struct command_opts *c, const char *program, struct args *a)
{
	struct err err;

	start_become(c->options, program, a->v, &err);
	fprintf(stderr, "breakglass: %s\n", err.words);
	for (int i = 0; i < a->n; i++)
		free(a->v[i]);
	free(a->v);
	return COMMAND_FAILED;
}

static void
add_theme(struct args *a, const struct command_opts *c)
{
	const char *theme = c->value[OPT_THEME];

	args_add(a, "--theme");
	args_add(a, theme ? theme : c->options->theme);
}

/* Where this program is; a console starts an engine with it when that is gone. */
static const char *
own_path(char path[PATH_MAX])
{
	return self_path(path, PATH_MAX) > 0 ? path : "breakglass";
}

/* The file of what was typed before: the setting, else its place in the home. */
static void
args_add_history(struct args *a, const char *setting)
{
	const char *state = getenv("XDG_STATE_HOME");
	char *home = options_home(), *path;

	if (setting[0])
		path = mem_dup(setting);
	else if (state && state[0] == '/')
		path = mem_printf("%s/breakglass/history", state);
	else
		path = mem_printf("%s/.local/state/breakglass/history", home);
	if (strcmp(path, "none") != 0) {
		args_add(a, "--history");
		args_add(a, path);
	}
	free(path);
	free(home);
}

/* Where text that is copied or viewed goes. */
static void
add_ways_out(struct args *a, const struct command_opts *c)
{
	args_add(a, "--copy");
	args_add(a, c->options->copy);
	if (!c->options->pager[0])
		return;
	args_add(a, "--pager");
	args_add(a, c->options->pager);
}

/* The engine is up then, or why it is not has been said. */
int
become_console(const struct command_opts *c)
{
	struct args a = {0};
	struct err err;
	char *path, exe[PATH_MAX];
	int fd = start_connect(c->options, START_BACKGROUND, c->verbose, &err);

	if (fd < 0) {
		fprintf(stderr, "breakglass: %s\n", err.words);
		return err.code == ERR_DENIED ? COMMAND_NO_ACCESS : COMMAND_UNREACHABLE;
	}
	close(fd); /* the console connects by itself, and again when it must */
	path = start_socket_path(c->options);
	args_add(&a, arg0);
	args_add(&a, "--socket");
	args_add(&a, path);
	args_add(&a, "--name");
	args_add(&a, c->name);
	free(path);
	args_add(&a, "--starter");
	args_add(&a, own_path(exe));
	if (c->given & 1U << OPT_READ_ONLY)
		args_add(&a, "--read-only");
	if (c->given & 1U << OPT_LINEAR)
		args_add(&a, "--linear");
	if (strcmp(c->options->editing, "vi") == 0)
		args_add(&a, "--vi");
	add_theme(&a, c);
	args_add_history(&a, c->options->history);
	args_add(&a, "--sessions");
	args_add(&a, c->options->sessions_dir);
	add_ways_out(&a, c);
	for (int i = 0; i < c->verbose && i < 2; i++)
		args_add(&a, "--log");
	return become(c, "console", &a);
}

int
become_help(const struct command_opts *c, const char *topic)
{
	struct args a = {0};

	args_add(&a, arg0);
	args_add(&a, "--help-on");
	args_add(&a, topic);
	return become(c, "console", &a);
}

int
become_engine(const struct command_opts *c, int count, char **words)
{
	return engine_command(c->options, c->verbose, count, words);
}

int
become_record(const struct command_opts *c, int count, char **words)
{
	struct args a = {0};

	args_add(&a, "breakglass-record");
	args_add(&a, c->word);
	if (c->json)
		args_add(&a, "--json"); /* it stood before the word */
	for (int i = 0; i < count; i++)
		args_add(&a, words[i]);
	return become(c, "record", &a);
}

int
become_doctor(const struct command_opts *c, int count, char **words)
{
	const char *libexec = getenv("BREAKGLASS_LIBEXEC_DIR");
	struct options none = {.libexec_dir = libexec ? libexec : ""};
	struct command_opts blind = *c;
	struct args a = {0};

	args_add(&a, "breakglass-doctor");
	if (c->json)
		args_add(&a, "--json");
	if (c->given & 1U << OPT_OFFLINE)
		args_add(&a, "--offline");
	if (!c->options)
		blind.options = &none;
	return become(&blind, "doctor", &a);
}

int
become_drill(const struct command_opts *c, int count, char **words)
{
	struct args a = {0};
	char exe[PATH_MAX];

	args_add(&a, own_path(exe)); /* it starts us again, more than once */
	args_add(&a, "--as");
	args_add(&a, c->name);
	if (c->json)
		args_add(&a, "--json");
	if (c->given & 1U << OPT_LINEAR)
		args_add(&a, "--linear");
	if (c->value[OPT_CREDENTIAL_FD]) {
		args_add(&a, "--credential-fd");
		args_add(&a, c->value[OPT_CREDENTIAL_FD]);
	}
	for (int i = 0; i < c->verbose && i < 2; i++)
		args_add(&a, "-v");
	for (int i = 0; i < count; i++)
		args_add(&a, words[i]);
	return become(c, "drill", &a);
}

int
become_replay(const struct command_opts *c, int count, char **words)
{
	struct args a = {0};

	/* which finds the journal, and becomes the console for it */
	args_add(&a, "breakglass-record");
	args_add(&a, "replay");
	args_add(&a, count > 0 ? words[0] : "last");
	args_add(&a, "--sessions");
	args_add(&a, c->options->sessions_dir);
	add_ways_out(&a, c);
	if (c->value[OPT_SPEED]) {
		args_add(&a, "--speed");
		args_add(&a, c->value[OPT_SPEED]);
	}
	add_theme(&a, c);
	if (c->given & 1U << OPT_LINEAR)
		args_add(&a, "--linear");
	for (int i = 0; i < c->verbose && i < 2; i++)
		args_add(&a, "--log");
	return become(c, "record", &a);
}
