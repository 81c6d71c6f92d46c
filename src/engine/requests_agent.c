/* SPDX-License-Identifier: GPL-3.0-or-later */
/* requests_agent.c: what an operator may want of the agent, one function a request. */
#include <string.h>

#include "engine/agent/choice.h"
#include "engine/engine_int.h"

void
engine_on_prompt(struct peer *p, const struct js *m, void *arg)
{
	struct engine *e = arg;
	size_t len = 0;
	const char *text = js_strn(m, "text", &len);
	struct err err;

	if (!engine_request_is(p, m, "text"))
		return;
	if (engine_is_killed(e, p, m))
		return;
	if (!text)
		peer_error(p, m, "prompt", "a prompt needs a text", NULL);
	else if (turn_prompt(e->turn,
		     &(struct turn_ask){.by = peer_name(p), .text = text, .len = len},
		     &err) < 0)
		peer_error(p, m, "prompt", err.words, NULL);
}

/* A runbook's whole file goes to a model; offline nothing does. */
void
engine_on_runbook(struct peer *p, const struct js *m, void *arg)
{
	struct engine *e = arg;
	const char *name = js_str(m, "name");
	bool offline = js_bool(m, "offline", false);
	struct runbook *rb;
	struct err err;

	if (!engine_request_is(p, m, "name offline") || engine_is_killed(e, p, m))
		return;
	if (!name) {
		peer_error(p, m, "runbook", "a runbook has a name", NULL);
		return;
	}
	rb = runbooks_find(e->runbooks, name, &err);
	runbooks_read(e->runbooks, NULL, NULL); /* for who asks again */
	if (!rb)
		peer_error(p, m, "runbook", err.words, NULL);
	else if (turn_prompt(e->turn,
		     &(struct turn_ask){.by = peer_name(p),
			 .text = name,
			 .len = strlen(name),
			 .runbook = name,
			 .runbook_text = offline ? NULL : rb->text},
		     &err) < 0)
		peer_error(p, m, "runbook", err.words, NULL);
}

void
engine_on_agent(struct peer *p, const struct js *m, void *arg)
{
	struct engine *e = arg;
	struct err err;

	if (!engine_request_is(p, m, "driver endpoint"))
		return;
	if (turn_is_busy(e->turn))
		peer_error(p, m, "agent",
		    "the agent is at work: it is chosen between turns",
		    "F8 ends the turn");
	else if (choice_by_hand(e->choice, js_str(m, "driver"), js_str(m, "endpoint"),
		     peer_name(p), &err) < 0)
		peer_error(p, m, "agent", err.words, NULL);
}

void
engine_on_cancel(struct peer *p, const struct js *m, void *arg)
{
	struct engine *e = arg;

	struct err err;

	if (!engine_request_is(p, m, "turn"))
		return;
	if (js_has(m, "turn")) {
		if (turn_take_back(
			e->turn, (int)js_int(m, "turn", 0), peer_name(p), &err) < 0)
			peer_error(p, m, "cancel", err.words, NULL);
		return;
	}
	if (turn_is_busy(e->turn))
		turn_cancel(e->turn, peer_name(p));
	else
		peer_error(
		    p, m, "cancel", "the agent is not working: nothing to stop", NULL);
}
