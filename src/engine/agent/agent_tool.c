/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/agent/agent_tool.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/agent/agent_peer.h"
#include "engine/agent/agent_side.h"
#include "wire/messages.h"

#define FILES_MAX 64
#define FILE_MAX (256 * 1024)	/* bytes of one */
#define FILES_ALL_MAX (4 << 20) /* bytes of all of them */
#define FILE_NAME_LEN_MAX 80	/* bytes */

struct agent_file {
	char *name, *data;
	size_t len;
};

struct agent_tools {
	struct agent_side *side;
	const struct agent_tool_events *ev;
	void *arg;
	struct agent_file files[FILES_MAX];
	size_t n;
};

struct agent_tools *
agent_tools_new(struct agent_side *side)
{
	struct agent_tools *t = mem_alloc(sizeof *t);

	t->side = side;
	return t;
}

void
agent_tools_free(struct agent_tools *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++) {
		free(t->files[i].name);
		free(t->files[i].data);
	}
	free(t);
}

/* ---- the working folder ---- */

static void
file_send(struct agent_side *s, const struct agent_file *f)
{
	size_t off = 0;

	do {
		size_t n = f->len - off < WIRE_CHUNK_MAX ? f->len - off : WIRE_CHUNK_MAX;
		struct js *m = message_new(agent_in_names[AGENT_IN_WORKSPACE]);

		js_set_str(m, "name", f->name);
		js_set_int(m, "off", (int64_t)off);
		js_set_bytes(m, "data", f->data + off, n);
		off += n;
		js_set_bool(m, "last", off == f->len);
		agent_side_send(s, m);
	} while (off < f->len);
}

static bool
name_is_good(const char *name)
{
	const char *slash = strchr(name, '/'), *last = slash ? slash + 1 : name;

	return *name && *name != '.' && slash != name && *last && *last != '.' &&
	    !strchr(last, '/') && strlen(name) <= FILE_NAME_LEN_MAX &&
	    strspn(name,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./") ==
	    strlen(name);
}

static struct agent_file *
file_slot(struct agent_tools *t, const char *name, size_t len)
{
	struct agent_file *found = NULL;
	size_t all = len;

	for (size_t i = 0; i < t->n; i++) {
		if (strcmp(t->files[i].name, name) == 0)
			found = &t->files[i];
		else
			all += t->files[i].len;
	}
	if (len > FILE_MAX || all > FILES_ALL_MAX || (!found && t->n == FILES_MAX))
		return NULL;
	if (!found) {
		found = &t->files[t->n++];
		found->name = mem_dup(name);
	}
	return found;
}

int
agent_side_workspace(struct agent_side *s, const char *name, const char *data, size_t len)
{
	struct agent_file *f =
	    name_is_good(name) ? file_slot(agent_side_tools_state(s), name, len) : NULL;

	if (!f)
		return -1;
	free(f->data);
	f->data = mem_dupn(data, len);
	f->len = len;
	file_send(s, f);
	return 0;
}

void
agent_tools_up(struct agent_tools *t)
{
	for (size_t i = 0; i < t->n; i++)
		file_send(t->side, &t->files[i]);
	if (t->ev)
		t->ev->up(t->arg);
}

/* ---- the tools ---- */

void
agent_side_tools(struct agent_side *s, const struct agent_tool_events *ev, void *arg)
{
	struct agent_tools *t = agent_side_tools_state(s);

	t->ev = ev;
	t->arg = arg;
}

void
agent_tools_down(struct agent_tools *t, const char *why)
{
	if (t->ev)
		t->ev->down(why, t->arg);
}

static void
tool_output(struct agent_tools *t, const struct js *m)
{
	struct buf data;

	buf_init(&data, FRAME_LINE_MAX);
	if (js_bytes(m, "data", &data) == 0)
		t->ev->output(js_int(m, "tool", -1), js_is(m, "stream", "err") ? 2 : 1,
		    buf_str(&data), data.len, t->arg);
	buf_fini(&data);
}

void
agent_tools_receive(struct agent_tools *t, int kind, const struct js *m)
{
	struct agent_tool_over over = {.exit = (int)js_int(m, "exit", -1),
	    .sig = (int)js_int(m, "signal", 0),
	    .why = js_str(m, "why"),
	    .ms = js_int(m, "ms", 0),
	    .timed_out = js_bool(m, "timed_out", false),
	    .left = (int)js_int(m, "left", 0)};

	if (!t->ev)
		return;
	if (kind == AGENT_OUT_TOOL_OUTPUT)
		tool_output(t, m);
	else
		t->ev->end(js_int(m, "tool", -1), &over, t->arg);
}

void
agent_side_tool_start(struct agent_side *s, const struct agent_tool_start *start)
{
	struct js *m = message_new(agent_in_names[AGENT_IN_TOOL_START]);

	js_set_int(m, "tool", start->tool);
	js_set_str(m, "name", start->name);
	js_set(m, "input", js_ref(start->input));
	js_set_int(m, "limit_ms", start->limit_ms);
	js_set_int(m, "keep", start->keep);
	agent_side_send(s, m);
}

void
agent_side_tool_stop(struct agent_side *s, int64_t tool)
{
	struct js *m = message_new(agent_in_names[AGENT_IN_TOOL_STOP]);

	js_set_int(m, "tool", tool);
	agent_side_send(s, m);
}
