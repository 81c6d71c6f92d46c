/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/remote/policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "wire/messages.h"

static const char *const levels[AUTONOMY_LEVELS] = {
    [AUTONOMY_OBSERVE] = "observe",
    [AUTONOMY_REPAIR] = "repair",
    [AUTONOMY_AUTONOMOUS] = "autonomous",
};

const char *
autonomy_name(enum autonomy level)
{
	return levels[level];
}

int
autonomy_by_name(const char *name)
{
	for (int i = 0; i < AUTONOMY_LEVELS; i++)
		if (strcmp(levels[i], name) == 0)
			return i;
	return -1;
}

static void decide(struct policy *p, enum policy_says says, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

static void
decide(struct policy *p, enum policy_says says, const char *fmt, ...)
{
	va_list args;

	p->says = says;
	va_start(args, fmt);
	vsnprintf(p->text, sizeof p->text, fmt, args);
	va_end(args);
}

static enum policy_says
may(const struct allowed *a, enum autonomy level)
{
	return level >= a->itself ? POLICY_RUN
	    : level >= a->asks	  ? POLICY_ASK
				  : POLICY_REFUSE;
}

/* The autonomy allows it: the cap, then the interlock. */
static void
verb_guarded(const struct policy_now *now, const char *name, struct policy *out)
{
	int used = now->verbs_hour, max = now->verbs_hour_max;

	if (max == 0)
		decide(out, POLICY_ASK,
		    "The agent wants to %s VM %d: it may send no mutating verb by itself "
		    "(agent_verbs_per_hour 0).  May it?",
		    name, VERB_VMID);
	else if (used >= max)
		decide(out, POLICY_ASK,
		    "The agent wants to %s VM %d, and has sent %d mutating verb%s within "
		    "the hour (agent_verbs_per_hour %d).  May it once more?",
		    name, VERB_VMID, used, used == 1 ? "" : "s", max);
	else
		out->says = now->interlock ? POLICY_PROBE : POLICY_RUN;
}

static void
verb_of_agent(const struct policy_now *now, struct policy *out)
{
	const struct verb_row *row = &verb_rows[out->verb];

	switch (may(&row->allowed, now->autonomy)) {
	case POLICY_REFUSE:
		decide(out, POLICY_REFUSE,
		    "an operator set the autonomy to %s: \"ssh pve %s\" is for operators "
		    "now; allowed: ssh pve status, ssh pve forensics",
		    levels[now->autonomy], row->name);
		break;
	case POLICY_ASK:
		decide(out, POLICY_ASK,
		    "The agent wants to %s VM %d (autonomy %s): %s.  May it?", row->name,
		    VERB_VMID, levels[now->autonomy], row->does);
		break;
	default:
		if (row->guard == VERB_GUARDED)
			verb_guarded(now, row->name, out);
		else
			out->says = POLICY_RUN;
	}
}

static void
command_of_agent(
    const struct policy_now *now, const struct policy_ask *ask, struct policy *out)
{
	if (ask->len == 0)
		decide(out, POLICY_REFUSE,
		    "ssh devvm needs a command: ssh devvm 'uptime; df -h'");
	else if (ask->len > WIRE_COMMAND_MAX)
		decide(out, POLICY_REFUSE,
		    "the command is longer than 32 KiB: send a file through standard "
		    "input");
	else if (may(&host_rows[out->host].allowed, now->autonomy) == POLICY_RUN)
		out->says = POLICY_RUN;
	else if (ask->len + ask->input_len > WIRE_CHUNK_MAX)
		decide(out, POLICY_REFUSE,
		    "an operator set the autonomy to observe and would have to read this "
		    "command with its standard input, which are longer than 32 KiB: make "
		    "them shorter");
	else
		decide(out, POLICY_ASK,
		    "The agent wants to run a command on the devvm%s (autonomy %s).  May "
		    "it?",
		    ask->has_input ? " with standard input" : "", levels[now->autonomy]);
}

void
policy_of_agent(
    const struct policy_now *now, const struct policy_ask *ask, struct policy *out)
{
	out->text[0] = '\0';
	out->verb = -1;
	out->host = host_by_name(ask->host, ask->host_len);
	if (now->killed)
		decide(out, POLICY_REFUSE, POLICY_KILLED);
	else if (out->host < 0)
		decide(out, POLICY_REFUSE,
		    "there are two hosts: ssh devvm COMMAND, and ssh pve VERB");
	else if (host_rows[out->host].takes == HOST_TAKES_COMMAND)
		command_of_agent(now, ask, out);
	else if ((out->verb = verb_by_name(ask->command, ask->len)) < 0)
		decide(out, POLICY_REFUSE,
		    "ssh pve takes exactly one of: status forensics start stop reset "
		    "cycle");
	else
		verb_of_agent(now, out);
}

void
policy_probed(struct policy *p, bool healthy, long took_ms)
{
	if (healthy)
		decide(p, POLICY_ASK,
		    "The agent wants to %s VM %d, but the devvm is healthy: login, sudo "
		    "and a synced write took %ld ms just now (interlock on).  May it?",
		    verb_rows[p->verb].name, VERB_VMID, took_ms);
	else
		p->says = POLICY_RUN;
}

enum policy_says
policy_of_block(const struct policy_now *now)
{
	if (now->killed)
		return POLICY_REFUSE;
	return now->autonomy >= host_rows[HOST_ID_DEVVM].writes ? POLICY_RUN : POLICY_ASK;
}
