/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/agent/definition.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "engine/flight.h"
#include "wire/json.h"

#define NAME_MAX_LEN 64 /* bytes */
#define TOOLS_MAX 32

static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

static bool
is_name(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n <= NAME_MAX_LEN && strspn(s, allowed) == n && s[0] != '-';
}

/* One line of the text without its end; moves *p behind it.  NULL: no more. */
static char *
next_line(char **p)
{
	char *line = *p, *end;

	if (!*line)
		return NULL;
	end = line + strcspn(line, "\n");
	*p = *end ? end + 1 : end;
	if (end > line && end[-1] == '\r')
		end[-1] = '\0';
	*end = '\0';
	return line;
}

static char *
trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	for (n = strlen(s); n > 0 && strchr(" \t", s[n - 1]); n--)
		s[n - 1] = '\0';
	if (n >= 2 && (s[0] == '"' || s[0] == '\'') && s[n - 1] == s[0]) {
		s[n - 1] = '\0';
		s++;
	}
	return s;
}

/* "Bash, Read" or "[Bash, Read]" becomes "Bash,Read"; NULL: not a list of names. */
static char *
tools_list(char *value)
{
	char *out = mem_alloc(strlen(value) + 2), *end = out, *save = NULL;
	int n = 0;

	for (char *t = strtok_r(value, ", \t[]", &save); t;
	     t = strtok_r(NULL, ", \t[]", &save)) {
		for (char *c = t; *c; c++)
			if (!isalnum((unsigned char)*c) && *c != '_')
				goto bad;
		if (++n > TOOLS_MAX)
			goto bad;
		if (n > 1)
			*end++ = ',';
		end = stpcpy(end, t);
	}
	if (n > 0)
		return out;
bad:
	free(out);
	return NULL;
}

static void
take(char **field, char *value)
{
	free(*field);
	*field = value;
}

static int
frontmatter_line(struct definition *d, char *line, struct err *err)
{
	char *value = strchr(line, ':'), *tools;

	if (!value || line[0] == '#' || line[0] == ' ' || line[0] == '\t')
		return 0;
	*value++ = '\0';
	value = trim(value);
	if (strcmp(line, "name") == 0)
		take(&d->name, mem_dup(value));
	else if (strcmp(line, "description") == 0)
		take(&d->description, mem_dup(value));
	else if (strcmp(line, "model") == 0)
		take(&d->model, mem_dup(value));
	else if (strcmp(line, "tools") == 0) {
		tools = tools_list(value);
		if (!tools)
			return err_set(
			    err, ERR_USAGE, "tools must be names with commas between");
		take(&d->tools, tools);
	}
	return 0;
}

static int
check(const struct definition *d, struct err *err)
{
	if (!d->name || !is_name(d->name))
		return err_set(
		    err, ERR_USAGE, "name must be lower case letters, digits and dashes");
	if (!d->description || !*d->description)
		return err_set(err, ERR_USAGE, "there is no description");
	if (!d->tools)
		return err_set(err, ERR_USAGE, "tools are not named");
	if (!d->prompt || !*d->prompt)
		return err_set(
		    err, ERR_USAGE, "there is no prompt behind the frontmatter");
	return 0;
}

int
definition_parse(struct definition *d, const char *text, size_t len, struct err *err)
{
	struct definition new = {0};
	char *copy, *p, *line;
	int rc = -1;

	if (len > DEFINITION_MAX)
		return err_set(err, ERR_LIMIT, "larger than %d bytes", DEFINITION_MAX);
	if (!text_is_utf8(text, len) || memchr(text, '\0', len))
		return err_set(err, ERR_USAGE, "not UTF-8 text");
	copy = p = mem_dupn(text, len);
	line = next_line(&p);
	if (!line || strcmp(line, "---") != 0) {
		err_set(err, ERR_USAGE, "the first line must be ---");
		goto out;
	}
	while ((line = next_line(&p)) != NULL && strcmp(line, "---") != 0)
		if (frontmatter_line(&new, line, err) < 0)
			goto out;
	if (!line) {
		err_set(err, ERR_USAGE, "the frontmatter has no end: a line ---");
		goto out;
	}
	new.prompt = mem_dup(p + strspn(p, "\r\n"));
	if (!new.model)
		new.model = mem_dup("");
	if (check(&new, err) < 0)
		goto out;
	*d = new;
	memset(&new, 0, sizeof new);
	rc = 0;
out:
	definition_fini(&new);
	free(copy);
	return rc;
}

int
definition_load(struct definition *d, const char *dir, const char *name, struct err *err)
{
	char *path, *text;
	size_t len;
	int rc = -1;

	if (!is_name(name))
		return err_set(err, ERR_USAGE,
		    "agent \"%s\": a name is lower case letters, digits and dashes",
		    name);
	path = mem_printf("%s/%s.md", dir, name);
	text = flight_read_file(path, DEFINITION_MAX, &len, err);
	if (text) {
		rc = definition_parse(d, text, len, err);
		if (rc < 0)
			err_wrap(err, "%s", path);
	}
	free(text);
	free(path);
	return rc;
}

void
definition_fini(struct definition *d)
{
	free(d->name);
	free(d->description);
	free(d->model);
	free(d->tools);
	free(d->prompt);
	memset(d, 0, sizeof *d);
}

int
definition_cli_agents(const struct definition *d, struct buf *out)
{
	struct js *agents = js_new(), *agent = js_new(), *tools = js_array();
	char *copy = mem_dup(d->tools), *save = NULL;
	int rc;

	for (char *t = strtok_r(copy, ",", &save); t; t = strtok_r(NULL, ",", &save))
		js_add_str(tools, t);
	js_set_str(agent, "description", d->description);
	js_set_str(agent, "prompt", d->prompt);
	js_set(agent, "tools", tools);
	if (*d->model)
		js_set_str(agent, "model", d->model);
	js_set(agents, d->name, agent);
	rc = js_print(agents, out);
	js_free(agents);
	free(copy);
	return rc;
}
