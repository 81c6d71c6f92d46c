/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drivers.c: which drivers this engine has, made once at its start.
 *
 * claude and the API driver need a definition, and agent-host for what they run; the
 * runbooks need neither.  Whatever is missing makes a driver unavailable with a
 * sentence that says what to do; the choice takes another.  Hosts and keys do not care.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "engine/agent/agent_box.h"
#include "engine/api/agent_api.h"
#include "engine/cli/agent_cli.h"
#include "engine/runbook/agent_runbook.h"
#include "engine/agent/choice.h"
#include "engine/agent/definition.h"
#include "engine/api/endpoint.h"
#include "engine/engine_int.h"
#include "engine/flight.h"
#include "engine/api/http.h"
#include "engine/agent/tools.h"

#define CA_MAX (64 * 1024) /* bytes; it goes to agent-host in one line */

struct agent_files {
	struct definition definition;
	struct err no_definition; /* words: why there is none */
	char *ca;		  /* of the first endpoint; NULL: none */
	struct err no_ca;	  /* words: why not, where one is named */
};

static const struct option_endpoint *
cli_endpoint(const struct options *o)
{
	return o->n_endpoints ? &o->endpoints[0] : NULL;
}

void
engine_read_agent(struct engine *e)
{
	const struct options *o = e->opts->options;
	const struct option_endpoint *ep = cli_endpoint(o);
	char *dir = mem_printf("%s/agents", o->data_dir[0] ? o->data_dir : BG_PKGDATADIR);
	struct agent_files *f = mem_alloc(sizeof *f);
	size_t len;

	if (definition_load(&f->definition, dir, o->agent, &f->no_definition) == 0)
		f->no_definition.words[0] = '\0';
	if (ep && ep->ca_file[0])
		f->ca = flight_read_file(ep->ca_file, CA_MAX, &len, &f->no_ca);
	free(dir);
	e->agent_files = f;
}

static void
agent_files_free(struct agent_files *f)
{
	if (!f)
		return;
	definition_fini(&f->definition);
	free(f->ca);
	free(f);
}

static void
no_models(struct engine *e, const struct err *err, const char *todo)
{
	choice_lacks(e->choice, CHOICE_CLI, err->words, todo);
	choice_lacks(e->choice, CHOICE_API, err->words, todo);
}

/* An endpoint that is set up wrong is said, and costs the API driver only. */
static void
make_endpoints(struct engine *e)
{
	struct err err;

	e->http = http_new(&e->loop);
	e->endpoints = endpoints_new(&e->loop, e->opts->options, e->http, &err);
	if (!e->endpoints) {
		snprintf(e->endpoints_why, sizeof e->endpoints_why, "%s", err.words);
		LOG("engine", "endpoints: %s", err.words);
	}
}

/* What claude is to trust beside the usual authorities; NULL: nothing, or unreadable. */
static const char *
cli_ca(struct engine *e, const struct option_endpoint *ep)
{
	const struct agent_files *files = e->agent_files;
	char *why;
	struct js *f;

	if (!ep || !ep->ca_file[0] || files->ca)
		return files->ca;
	f = incident_fact(FACT_ERROR, "engine");
	why = mem_printf(
	    "ca_file of the endpoint %s: %.300s", ep->name, files->no_ca.words);
	js_set_str(f, "where", "settings");
	js_set_str(f, "text", why);
	js_set_str(f, "todo", "claude does not trust that server until it can be read");
	incident_emit(e->incident, FACT_ERROR, f);
	free(why);
	return NULL;
}

static void
add_cli(struct engine *e, const struct definition *d)
{
	const struct options *o = e->opts->options;
	const struct option_endpoint *ep = cli_endpoint(o);
	const char *url = ep && ep->url[0] ? ep->url : o->api_url;
	struct endpoint *at = e->endpoints ? endpoints_at(e->endpoints, 0) : NULL;
	struct agent_cli_config cfg = {.loop = &e->loop,
	    .side = e->agent_side,
	    .definition = d,
	    .model = ep && ep->model[0] ? ep->model : o->model,
	    .api_url = strcmp(url, ENDPOINT_VENDOR_URL) == 0 ? NULL : url,
	    .ca = cli_ca(e, ep),
	    .addresses = at ? at->addresses : NULL,
	    .api_key = e->api_key ? secret_text(e->api_key) : NULL,
	    .oauth_token = e->oauth ? secret_text(e->oauth) : NULL,
	    .session = e->session[0] ? e->session : NULL};

	choice_add(e->choice, CHOICE_CLI,
	    agent_cli_new(&cfg, choice_events(), choice_arg(e->choice, CHOICE_CLI)),
	    cfg.session != NULL);
}

static void
add_api(struct engine *e, const struct definition *d)
{
	if (!e->endpoints) {
		choice_lacks(e->choice, CHOICE_API, e->endpoints_why,
		    "mend that section of breakglass.conf, start the engine anew");
		return;
	}
	e->tools = tools_new(e->agent_side);
	choice_add(e->choice, CHOICE_API,
	    agent_api_new(&(struct agent_api_config){.loop = &e->loop,
			      .http = e->http,
			      .endpoints = e->endpoints,
			      .tools = e->tools,
			      .redact = e->redact,
			      .definition = d,
			      .model = e->opts->options->model},
		choice_events(), choice_arg(e->choice, CHOICE_API)),
	    false);
}

static void
add_runbooks(struct engine *e)
{
	choice_add(e->choice, CHOICE_RUNBOOK,
	    agent_runbook_new(&(struct agent_runbook_config){.loop = &e->loop,
				  .incident = e->incident,
				  .broker = e->broker,
				  .power = e->power,
				  .watch = e->watch,
				  .asks = e->asks,
				  .runbooks = e->runbooks},
		choice_events(), choice_arg(e->choice, CHOICE_RUNBOOK)),
	    true);
}

/* Not journaled: it is told anew with each claude, and is the machine's, not the case's.
 */
static void
on_sandbox(const char *words, struct js *open, void *arg)
{
	struct engine *e = arg;
	struct js *f = incident_fact(FACT_STATE, "engine");

	js_set_str(f, "what", "sandbox");
	js_set_str(f, "text", words);
	js_set(f, "open", open ? js_ref(open) : js_array());
	incident_tell(e->incident, FACT_STATE, f);
}

static const char *
cli_url(const struct options *o)
{
	const struct option_endpoint *ep = cli_endpoint(o);

	return ep && ep->url[0] ? ep->url : o->api_url;
}

static void
add_models(struct engine *e)
{
	const struct options *o = e->opts->options;
	const struct agent_files *files = e->agent_files;
	struct err err;
	char *net;

	if (files->no_definition.words[0]) {
		no_models(e, &files->no_definition, "set data_dir to where agents/ is");
		return;
	}
	net = agent_box_net(cli_url(o));
	e->agent_side = agent_side_new(&(struct agent_side_config){.loop = &e->loop,
					   .net = net,
					   .sandbox = on_sandbox,
					   .sandbox_arg = e,
					   .run_dir = e->place.dir,
					   .libexec_dir = o->libexec_dir,
					   .claude = o->claude,
					   .broker = e->broker,
					   .uid = (uid_t)o->agent_uid,
					   .group = o->agent_group,
					   .dir = o->agent_dir},
	    &err);
	free(net);
	if (e->agent_side) {
		add_cli(e, &files->definition);
		add_api(e, &files->definition);
	} else
		no_models(e, &err, "keys and runbooks work without it");
}

/* A word that is none is said, and costs nobody the agent. */
static void
check_driver(struct engine *e)
{
	const char *word = e->opts->options->agent_driver;
	struct js *f;
	char *text;

	if (choice_driver_by_name(word) >= 0)
		return;
	f = incident_fact(FACT_ERROR, "engine");
	text = mem_printf("agent_driver is \"%.40s\": auto is taken", word);
	js_set_str(f, "where", "settings");
	js_set_str(f, "text", text);
	js_set_str(f, "todo", "the words are: auto cli api runbook");
	incident_emit(e->incident, FACT_ERROR, f);
	free(text);
}

void
engine_start_agent(struct engine *e)
{
	check_driver(e);
	make_endpoints(e);
	e->choice = choice_new(&(struct choice_config){.loop = &e->loop,
				   .endpoints = e->endpoints,
				   .context = e->context,
				   .recap = e->recap,
				   .driver = e->opts->options->agent_driver,
				   .prefer = agent_api_prefer},
	    turn_agent_events(), e->turn);
	add_models(e);
	add_runbooks(e);
	turn_set_agent(e->turn, choice_agent(e->choice), NULL, NULL);
}

void
engine_end_agent(struct engine *e)
{
	turn_free(e->turn); /* the drivers with it */
	tools_free(e->tools);
	endpoints_free(e->endpoints);
	if (e->http)
		http_free(e->http);
	runbooks_free(e->runbooks);
	agent_side_free(e->agent_side);
	agent_files_free(e->agent_files);
	e->agent_files = NULL;
}
