/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/remote/broker_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

struct door_row {
	const char *host;
	bool main; /* its state is the host's link state */
};

static const struct door_row doors[DOORS] = {
    [DOOR_DEVVM] = {"devvm", true},
    [DOOR_DEVVM_AGENT] = {"devvm", false},
    [DOOR_DEVVM_SHELL] = {"devvm", false},
    [DOOR_PVE] = {"pve", true},
    [DOOR_PVE_VERB] = {"pve", false},
};

/* --- links --- */

static void
tell_links(struct broker *b)
{
	for (int d = 0; d < DOORS; d++)
		if (doors[d].main)
			links_tell(b->cfg.incident, NULL, b->remotes[d], doors[d].host);
}

static void
on_remote_state(struct remote *r, void *arg)
{
	struct door_ref *ref = arg;
	struct broker *b = ref->broker;

	links_tell_hostkeys(b->cfg.incident, b->cfg.hostkeys, b->hostkeys_said);
	if (!doors[ref->door].main)
		return;
	links_tell(b->cfg.incident, &b->told[ref->door], r, doors[ref->door].host);
	if (ref->door == DOOR_DEVVM && remote_state(r) == REMOTE_UP)
		left_link_up(b->left);
	b->cfg.on_link(ref->door, b->cfg.arg);
}

static struct remote *
door_open(struct broker *b, enum door door)
{
	const struct options *o = b->cfg.options;
	bool devvm = strcmp(doors[door].host, "devvm") == 0;
	struct remote_config cfg = {
	    .name = doors[door].host,
	    .address = devvm ? o->devvm_host : o->pve_host,
	    .port = (int)(devvm ? o->devvm_port : o->pve_port),
	    .user = devvm ? o->devvm_user : o->pve_user,
	    .key = b->cfg.key,
	    .key_why = b->cfg.key_why,
	    .custody = b->cfg.custody,
	    .agent = b->cfg.agent,
	    .hostkeys = b->cfg.hostkeys,
	    .second = !doors[door].main,
	};

	b->refs[door] = (struct door_ref){b, door};
	return remote_new(b->cfg.loop, &cfg, on_remote_state, &b->refs[door]);
}

struct broker *
broker_new(const struct broker_config *cfg)
{
	struct broker *b = mem_alloc(sizeof *b);

	b->cfg = *cfg;
	b->autonomy = AUTONOMY_AUTONOMOUS;
	uv_timer_init(cfg->loop, &b->relief);
	uv_unref((uv_handle_t *)&b->relief);
	uv_timer_init(cfg->loop, &b->hour);
	uv_unref((uv_handle_t *)&b->hour);
	uv_timer_init(cfg->loop, &b->input);
	uv_unref((uv_handle_t *)&b->input);
	b->relief.data = b->hour.data = b->input.data = b;
	b->left = left_new(cfg->loop, cfg->incident, b);
	for (int d = 0; d < DOORS; d++)
		b->remotes[d] = door_open(b, (enum door)d);
	return b;
}

static void
on_broker_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void
on_input_closed(uv_handle_t *handle)
{
	struct broker *b = handle->data;

	uv_close((uv_handle_t *)&b->relief, on_broker_closed);
}

static void
on_hour_closed(uv_handle_t *handle)
{
	struct broker *b = handle->data;

	uv_close((uv_handle_t *)&b->input, on_input_closed);
}

void
broker_free(struct broker *b)
{
	struct broker_run *run;

	if (!b)
		return;
	while ((run = b->runs) != NULL) {
		b->runs = run->next;
		buf_fini(&run->clean[0]);
		buf_fini(&run->clean[1]);
		buf_fini(&run->input);
		free(run->command);
		free(run->refusal);
		free(run);
	}
	for (int d = 0; d < DOORS; d++)
		remote_free(b->remotes[d]);
	left_free(b->left);
	uv_close((uv_handle_t *)&b->hour, on_hour_closed);
}

void
broker_set_verbs(struct broker *b, broker_verb_fn *fn, void *arg)
{
	b->on_verb = fn;
	b->on_verb_arg = arg;
}

void
broker_connect(struct broker *b)
{
	for (int d = 0; d < DOORS; d++)
		remote_want(b->remotes[d], d != DOOR_DEVVM_SHELL);
}

void
broker_set_key(struct broker *b, const struct secret *key)
{
	b->cfg.key = key;
	for (int d = 0; d < DOORS; d++)
		remote_set_key(b->remotes[d], key);
}

void
broker_key_is_known(struct broker *b)
{
	for (int d = 0; d < DOORS; d++)
		remote_key_is_known(b->remotes[d]);
}

struct remote *
broker_remote(struct broker *b, enum door door)
{
	return b->remotes[door];
}

enum autonomy
broker_autonomy(const struct broker *b)
{
	return b->autonomy;
}

void
broker_set_autonomy(struct broker *b, enum autonomy level, const char *by)
{
	struct js *f = incident_fact(FACT_STATE, by), *runs = js_array();
	bool lower = level < b->autonomy;

	b->autonomy = level;
	js_set_str(f, "what", "autonomy");
	js_set_str(f, "level", autonomy_name(level));
	runs_list(b->cfg.runs, "agent", runs);
	if (lower && js_len(runs) > 0) {
		js_set_str(f, "text",
		    "what the agent has begun goes on; what it begins from now on "
		    "follows the new level");
		js_set(f, "runs", runs);
	} else {
		js_free(runs);
	}
	incident_emit(b->cfg.incident, FACT_STATE, f);
}

struct policy_now
broker_policy_now(const struct broker *b)
{
	return (struct policy_now){.autonomy = b->autonomy,
	    .killed = b->killed_by[0] != '\0',
	    .interlock = b->probe != NULL,
	    .verbs_hour = verb_cap_used(&b->cap, clock_wall_ms()),
	    .verbs_hour_max = (int)b->cfg.options->agent_verbs_per_hour};
}

void
broker_set_killed(struct broker *b, bool on, const char *by)
{
	struct js *f, *runs = js_array();

	if (on && !incident_id(b->cfg.incident)[0])
		incident_open(b->cfg.incident, by, ""); /* it has to be on record */
	f = incident_fact(FACT_STATE, by);
	js_set_str(f, "what", "kill");
	js_set_bool(f, "on", on);
	runs_list(b->cfg.runs, "agent", runs);
	js_set(f, "runs", runs);
	snprintf(b->killed_by, sizeof b->killed_by, "%s", on ? by : "");
	incident_emit(b->cfg.incident, FACT_STATE, f);
	if (!on) {
		left_spare(b->left);
		return;
	}
	broker_stop_agent(b, POLICY_KILLED);
	left_kill(b->left);
}

const char *
broker_killed_by(const struct broker *b)
{
	return b->killed_by[0] ? b->killed_by : NULL;
}

void
broker_set_interlock(struct broker *b, broker_probe_fn *fn, void *arg)
{
	b->probe = fn;
	b->probe_arg = arg;
}

int
broker_accept_key(struct broker *b, const char *host, const char *fingerprint,
    const char *by, struct err *err)
{
	struct js *f;
	char text[160];
	bool found = false;

	for (int d = 0; d < DOORS; d++) {
		if (strcmp(doors[d].host, host) != 0 ||
		    !remote_fingerprint(b->remotes[d])[0])
			continue;
		if (remote_accept_key(b->remotes[d], fingerprint, err) < 0 &&
		    doors[d].main)
			return -1;
		found = true;
	}
	if (!found)
		return err_set(
		    err, ERR_USAGE, "%s has shown no host key: nothing to accept", host);
	snprintf(text, sizeof text, "accepted the host key of %.20s: %.80s", host,
	    fingerprint);
	f = incident_fact(FACT_NOTE, by);
	js_set_str(f, "text", text);
	incident_emit(b->cfg.incident, FACT_NOTE, f);
	tell_links(b);
	return 0;
}
