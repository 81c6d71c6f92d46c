/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/scrub.h"
#include "base/text.h"
#include "drill/child.h"
#include "wire/frame.h"
#include "wire/json.h"

#define LAB_SAYS_MAX (64 * 1024) /* bytes */
#define LAB_VALUE_MAX 1024
#define LAB_WORDS_MAX 16
#define LAB_UP_MS (15 * 60 * 1000) /* the first time it makes its image */
#define LAB_ACT_MS 150000	   /* the slowest wedge has 90 s */
#define LAB_DOWN_MS 60000
#define LAB_NOT_HERE 4 /* its exit code: packages are missing */
#define LAB_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789-"
#define PYTHON "/usr/bin/python3"

const char *const lab_var_names[LAB_VARS] = {
    "BREAKGLASS_DEVVM_HOST",
    "BREAKGLASS_DEVVM_PORT",
    "BREAKGLASS_DEVVM_USER",
    "BREAKGLASS_KEY_PATH",
    "BREAKGLASS_PVE_HOST",
    "BREAKGLASS_PVE_HOSTKEY",
    "BREAKGLASS_PVE_PORT",
    "BREAKGLASS_PVE_USER",
};

/* --- where it is --- */

static char *
find(const char *dir, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *path = mem_printf("%s/%s", dir, names[i]);

		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

/* Without it the lab cannot even say what else it needs. */
static int
check_python(const char *data_dir, struct err *err)
{
	static const char *const names[] = {"contrib/deps"};
	char *deps = find(data_dir, names, ARRAY_LEN(names));
	const char *argv[] = {deps, "missing", "lab", NULL};
	struct buf list;

	if (access(PYTHON, X_OK) == 0) {
		free(deps);
		return 0;
	}
	buf_init(&list, 400);
	if (!deps ||
	    child_run(&(struct child_opts){.argv = argv,
			  .out = CHILD_TAKEN,
			  .err = CHILD_HIDDEN,
			  .taken = &list,
			  .limit_ms = 20000},
		err) < 0)
		buf_clear(&list);
	err_set(err, ERR_UNREACHABLE,
	    "the lab needs Debian packages that are missing.  As root: apt-get update && "
	    "apt-get install --no-install-recommends %.*s",
	    list.len ? (int)strcspn(buf_str(&list), "\n") : 7,
	    list.len ? buf_str(&list) : "python3");
	buf_fini(&list);
	free(deps);
	return -1;
}

/* The one that came with us: what would be installed on the PVE host. */
static char *
find_host_program(const struct options *o, struct err *err)
{
	static const char *const names[] = {"breakglass-pve"};
	const char *named = getenv("BREAKGLASS_PVE_PROGRAM");
	const char *dir = o->libexec_dir[0] ? o->libexec_dir : BG_PKGLIBEXECDIR;
	char *path =
	    named && *named ? mem_dup(named) : find(dir, names, ARRAY_LEN(names));

	if (!path)
		err_set(err, ERR_UNREACHABLE,
		    "there is no breakglass-pve in %s, for the lab's PVE host: install "
		    "breakglass whole, or set BREAKGLASS_PVE_PROGRAM",
		    dir);
	return path;
}

int
lab_init(struct lab *l, const struct options *o, struct err *err)
{
	static const char *const names[] = {"lab/lab", "contrib/lab/lab"};
	const char *dir = o->data_dir[0] ? o->data_dir : BG_PKGDATADIR;

	memset(l, 0, sizeof *l);
	if (check_python(dir, err) < 0)
		return -1;
	l->program = find(dir, names, ARRAY_LEN(names));
	if (!l->program)
		return err_set(err, ERR_UNREACHABLE,
		    "there is no lab in %s/lab: install breakglass whole (make install), or "
		    "the package breakglass-lab that contrib/build-deb makes, or set data_dir",
		    dir);
	l->host_program = find_host_program(o, err);
	if (!l->host_program)
		return -1;
	snprintf(l->name, sizeof l->name, "drill-%ld", (long)getpid());
	return 0;
}

void
lab_fini(struct lab *l)
{
	free(l->program);
	free(l->host_program);
	memset(l, 0, sizeof *l);
}

/* --- what is asked of it --- */

struct call {
	const char *words[LAB_WORDS_MAX]; /* behind the instance's name */
	enum child_stream out;
	struct buf *taken;
	int64_t limit_ms;
	bool cleans, stays;
};

/* Its exit code, or -1. */
static int
call(const struct lab *l, const struct call *k, struct err *err)
{
	const char *argv[LAB_WORDS_MAX + 5] = {l->program, "-q", "--name", l->name};
	struct child_opts o = {.argv = argv,
	    .out = k->out,
	    .err = CHILD_SHOWN,
	    .taken = k->taken,
	    .limit_ms = k->limit_ms,
	    .cleans = k->cleans,
	    .stays = k->stays};

	for (size_t i = 0; k->words[i]; i++)
		argv[4 + i] = k->words[i];
	return child_run(&o, err);
}

/* The same, which must come to a good end; its reason is on standard error already. */
static int
must(const struct lab *l, const struct call *k, const char *what, struct err *err)
{
	int code = call(l, k, err);

	if (code < 0)
		return err_wrap(err, "the lab, %s", what);
	if (code == LAB_NOT_HERE)
		return err_set(err, ERR_UNREACHABLE,
		    "the lab cannot be made on this machine as it is");
	if (code != 0)
		return err_set(err, ERR_SYSTEM,
		    "the lab, %s: exit %d; what it said stands above", what, code);
	return 0;
}

/* Letters, digits and what does not matter to any reader. */
static bool
take_word(const struct js *m, const char *key, char *out, size_t size)
{
	const char *s = js_str(m, key);

	out[0] = '\0';
	if (!s || strlen(s) >= size || s[strspn(s, LAB_LETTERS)])
		return false;
	memcpy(out, s, strlen(s) + 1);
	return true;
}

struct listing {
	struct lab_wedge *wedges;
	size_t count;
	bool bad;
};

static bool
on_wedge(char *line, size_t len, void *arg)
{
	struct listing *l = arg;
	struct err err;
	struct js *m = js_parse(line, len, &err);
	const struct js *cures = m ? js_get_array(m, "cures") : NULL;
	struct lab_wedge *w = &l->wedges[l->count];
	const char *what = m ? js_str(m, "what") : NULL;

	if (!m || l->count == LAB_WEDGES_MAX || !what ||
	    !take_word(m, "wedge", w->name, sizeof w->name)) {
		l->bad = true;
	} else {
		take_word(m, "verb", w->verb, sizeof w->verb);
		scrub_label(what, strlen(what), w->what, sizeof w->what);
		w->cures[0] = '\0';
		for (size_t i = 0; i < js_len(cures); i++) {
			size_t n = strlen(w->cures), unused;
			const char *cure = js_at_str(cures, i, &unused);

			if (!cure || cure[strspn(cure, LAB_LETTERS)])
				cure = "?";
			snprintf(w->cures + n, sizeof w->cures - n, "%s%s", n ? ", " : "",
			    cure);
		}
		l->count++;
	}
	js_free(m);
	return !l->bad;
}

int
lab_wedges(const struct lab *l, struct lab_wedge wedges[LAB_WEDGES_MAX], size_t *count,
    struct err *err)
{
	struct listing list = {.wedges = wedges};
	struct frame lines;
	struct buf said;
	int rc;

	buf_init(&said, LAB_SAYS_MAX);
	rc = must(l,
	    &(struct call){.words = {"wedges", "--json"},
		.out = CHILD_TAKEN,
		.taken = &said,
		.limit_ms = LAB_DOWN_MS},
	    "its wedges", err);
	frame_init(&lines, 4096);
	if (rc == 0)
		frame_feed(&lines, buf_str(&said), said.len, on_wedge, &list);
	if (rc == 0 && (list.bad || list.count == 0))
		rc = err_set(err, ERR_PROTOCOL,
		    "%s is of another version: it does not list its wedges", l->program);
	frame_fini(&lines);
	buf_fini(&said);
	*count = list.count;
	return rc;
}

int
lab_up(struct lab *l, const char *guest, bool keep, struct err *err)
{
	struct call k = {.words = {"up"}, .limit_ms = LAB_UP_MS};
	char pid[24];
	int n = 1;

	k.out = CHILD_ASIDE;
	snprintf(pid, sizeof pid, "%ld", (long)getpid());
	if (!keep) {
		k.words[n++] = "--die-with";
		k.words[n++] = pid;
	}
	if (guest) {
		k.words[n++] = "--guest";
		k.words[n++] = guest;
	}
	k.words[n++] = "--host-program";
	k.words[n++] = l->host_program;
	l->up = true; /* from now on there may be something to take down */
	return must(l, &k, "its start", err);
}

/* "export NAME=value" or 'value'; what is another line is passed over. */
static bool
on_var(char *line, size_t len, void *arg)
{
	struct lab_vars *vars = arg;
	char *value = strchr(line, '=');

	if (strlen(line) != len || strncmp(line, "export ", 7) != 0 || !value)
		return true;
	*value++ = '\0';
	if (*value == '\'') {
		value++;
		value[strcspn(value, "'")] = '\0';
	}
	for (int i = 0; i < LAB_VARS; i++) {
		if (strcmp(line + 7, lab_var_names[i]) != 0 ||
		    !text_is_utf8(value, strlen(value)))
			continue;
		free(vars->value[i]);
		vars->value[i] = mem_dup(value);
	}
	return true;
}

int
lab_vars(const struct lab *l, struct lab_vars *vars, struct err *err)
{
	struct frame lines;
	struct buf said;
	int rc;

	memset(vars, 0, sizeof *vars);
	buf_init(&said, LAB_SAYS_MAX);
	rc = must(l,
	    &(struct call){.words = {"env"},
		.out = CHILD_TAKEN,
		.taken = &said,
		.limit_ms = LAB_DOWN_MS},
	    "its addresses", err);
	frame_init(&lines, LAB_VALUE_MAX);
	if (rc == 0)
		frame_feed(&lines, buf_str(&said), said.len, on_var, vars);
	frame_fini(&lines);
	buf_fini(&said);
	return rc;
}

void
lab_vars_fini(struct lab_vars *vars)
{
	for (int i = 0; i < LAB_VARS; i++)
		free(vars->value[i]);
	memset(vars, 0, sizeof *vars);
}

int
lab_make(const struct lab *l, const char *wedge, int64_t *made_ms, int64_t *holds_ms,
    struct err *err)
{
	struct buf said;
	struct js *m = NULL;
	int rc;

	buf_init(&said, LAB_SAYS_MAX);
	rc = must(l,
	    &(struct call){.words = {"wedge", wedge, "--json"},
		.out = CHILD_TAKEN,
		.taken = &said,
		.limit_ms = LAB_ACT_MS},
	    "the wedge", err);
	if (rc == 0)
		m = js_parse(buf_str(&said), said.len, err);
	if (rc == 0 && (!m || js_int(m, "holds_ms", -1) < js_int(m, "made_ms", 0)))
		rc = err_set(err, ERR_PROTOCOL,
		    "%s is of another version: it does not say when the wedge held",
		    l->program);
	if (rc == 0) {
		*made_ms = js_int(m, "made_ms", 0);
		*holds_ms = js_int(m, "holds_ms", 0);
	}
	js_free(m);
	buf_fini(&said);
	return rc;
}

int
lab_holds(const struct lab *l, const char *wedge, struct err *err)
{
	struct buf said;
	int rc;

	buf_init(&said, LAB_VALUE_MAX);
	rc = must(l,
	    &(struct call){.words = {"holds", wedge},
		.out = CHILD_TAKEN,
		.taken = &said,
		.limit_ms = LAB_ACT_MS},
	    "whether it is over", err);
	if (rc == 0)
		rc = strncmp(buf_str(&said), "holds", 5) == 0;
	buf_fini(&said);
	return rc;
}

int
lab_down(struct lab *l, struct err *err)
{
	int rc;

	if (!l->up)
		return 0;
	rc = must(l,
	    &(struct call){.words = {"down"},
		.out = CHILD_HIDDEN,
		.limit_ms = LAB_DOWN_MS,
		.cleans = true,
		.stays = true},
	    "its end", err);
	l->up = rc < 0;
	return rc;
}
