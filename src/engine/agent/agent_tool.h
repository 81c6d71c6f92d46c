/* SPDX-License-Identifier: GPL-3.0-or-later */
/* agent_tool.h: tools that agent-host runs, as messages; tools.c gives them meaning. */
#ifndef ENGINE_AGENT_TOOL_H
#define ENGINE_AGENT_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agent_side;
struct js;

struct agent_tool_start {
	int64_t tool;	  /* a number that was not used before */
	const char *name; /* "Bash", "Read", "Grep", "Glob" */
	struct js *input; /* checked by tools_input.c; null members left out */
	int64_t limit_ms;
	int64_t keep; /* bytes of output: a tool that writes more is ended */
};

struct agent_tool_over {
	int exit;	 /* -1: none */
	int sig;	 /* 0: none */
	const char *why; /* it never ran, or was ended for this reason; or NULL */
	int64_t ms;
	bool timed_out;
	int left; /* processes that it left behind and that were ended */
};

/* All is lent.  No callback comes from inside a call made here. */
struct agent_tool_events {
	void (*output)(int64_t tool, int stream, const char *data, size_t len, void *arg);
	void (*end)(int64_t tool, const struct agent_tool_over *over, void *arg);
	void (*up)(void *arg); /* an agent-host is there (again) */
	/* agent-host is gone, and all tools with it: no end comes. */
	void (*down)(const char *why, void *arg);
};

/* The one who hears of tools; NULL: nobody. */
void agent_side_tools(
    struct agent_side *s, const struct agent_tool_events *ev, void *arg);

bool agent_side_has_host(const struct agent_side *s);

/* Without an agent-host they do nothing. */
void agent_side_tool_start(struct agent_side *s, const struct agent_tool_start *start);
void agent_side_tool_stop(struct agent_side *s, int64_t tool);

#endif
