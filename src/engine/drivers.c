/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drivers.c: which agent this engine has, made once at its start.
 *
 * Whatever is missing (definition, socket, claude, credential) makes the agent
 * unavailable with a sentence that says what to do.  Hosts and keys do not care.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "engine/agent_cli.h"
#include "engine/definition.h"
#include "engine/engine_int.h"

static void
no_agent(struct engine *e, const char *why, const char *todo)
{
	turn_set_agent(e->turn, NULL, why, todo);
}

static int
load_definition(struct engine *e, struct definition *d, struct err *err)
{
	const struct options *o = e->opts->options;
	char *dir = mem_printf("%s/agents", o->data_dir[0] ? o->data_dir : BG_PKGDATADIR);
	int rc = definition_load(d, dir, o->agent, err);

	free(dir);
	return rc;
}

void
engine_start_agent(struct engine *e)
{
	const struct options *o = e->opts->options;
	struct definition d;
	struct agent *agent;
	struct err err;

	if (load_definition(e, &d, &err) < 0) {
		no_agent(e, err.words,
		    "set data_dir to where agents/ is; the keys work without it");
		return;
	}
	e->agent_side = agent_side_new(&(struct agent_side_config){.loop = &e->loop,
					   .run_dir = e->run_dir,
					   .libexec_dir = o->libexec_dir,
					   .claude = o->claude,
					   .broker = e->broker},
	    &err);
	if (!e->agent_side) {
		no_agent(e, err.words, "the keys work without the agent");
		definition_fini(&d);
		return;
	}
	agent = agent_cli_new(&(struct agent_cli_config){.loop = &e->loop,
				  .side = e->agent_side,
				  .definition = &d,
				  .model = o->model,
				  .api_url = o->api_url,
				  .api_key = e->api_key ? secret_text(e->api_key) : NULL,
				  .session = e->session[0] ? e->session : NULL},
	    turn_agent_events(), e->turn);
	definition_fini(&d);
	turn_set_agent(e->turn, agent, NULL, NULL);
}
