/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cli_int.h: the CLI driver's own; between agent_cli.c (state, wishes, what
 * agent-host says), cli_child.c (one claude's life), cli_prompt.c (what a prompt
 * says to it) and cli_turn.c (one turn).
 */
#ifndef ENGINE_CLI_INT_H
#define ENGINE_CLI_INT_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "engine/cli/agent_cli.h"
#include "engine/cli/cli_mark.h"
#include "engine/cli/cli_stream.h"

#define CLI_TICK_MS 250
#define CLI_DEATHS_MAX 3
#define CLI_STDERR_MAX 4096
#define CLI_UUID_LEN 37
#define CLI_NOTES_MAX (16 * 1024) /* bytes of notices that wait for a prompt */

enum cli_state {
	CLI_ABSENT,
	CLI_OFF,
	CLI_DOWN,
	CLI_STARTING,
	CLI_READY,
	CLI_TURN,
	CLI_STOPPING
};

struct agent_cli {
	struct agent base;
	struct agent_side *side;
	char *agent, *tool_names, *model, *api_url, *ca, *key, *oauth;
	const char *const *addresses;
	bool no_relay; /* this claude does not know the relay */
	struct buf agents;
	int64_t quiet_ms, silent_ms, grace_ms;

	enum cli_state state;
	char why[512], todo[256]; /* of OFF, and of a turn that fails */
	bool may_retry;		  /* OFF after deaths: a prompt tries again */
	bool want;		  /* start was called */
	bool fresh;		  /* the next prompt begins another conversation */

	char session[CLI_UUID_LEN];
	bool known;	  /* claude has this session: --resume */
	bool lost;	  /* claude said that it has not */
	double total_usd; /* of the session, as claude last said; negative unknown */
	char told_session[CLI_UUID_LEN], told_model[64];

	int64_t child; /* number of the last one */
	bool child_lives;
	int64_t born_ms;
	int deaths; /* short lives in a row */
	int64_t respawn_ms;
	int requests; /* control requests sent */
	struct cli_stream stream;
	struct buf complaints; /* the end of its standard error */

	struct buf notes; /* a line each, told with the next prompt */
	char *prompt;	  /* the turn's; NULL: no turn */
	char *context;	  /* what goes before it, or NULL */
	size_t prompt_len;
	bool sent, cancelled, waiting, quiet_told;
	const char *forced; /* why we ended the turn ourselves: "silent", "api_error" */
	int open_tools;
	bool any_tool;			 /* one has begun in this turn */
	struct agent_usage past, answer; /* of the turn: earlier answers, the last one */
	int64_t line_ms, stop_ms, again_ms;
	int stop_step;
	int api_status;
	char api_text[256];
	char way[400]; /* why its API could not be reached, as the engine saw it last */

	uv_timer_t bell, tick, respawn;
	int open; /* timers that are not closed yet */
	bool dead;
};

/* agent_cli.c */
void cli_enter(struct agent_cli *c, enum cli_state state);
void cli_off(struct agent_cli *c, const char *todo, const char *why, const char *detail);
void cli_advance(struct agent_cli *c);	 /* the one place where wishes become deeds */
void cli_end_child(struct agent_cli *c); /* politely; it is started again */
void cli_tell_state(
    struct agent_cli *c, enum agent_state state, const char *why, const char *todo);
void cli_tell_trouble(struct agent_cli *c, const char *text, const char *todo);

/* cli_child.c */
void cli_say(struct agent_cli *c, struct js *m); /* takes m: a line to claude */
void cli_request(struct agent_cli *c, const char *subtype);
void cli_send_prompt(struct agent_cli *c);
void cli_spawn(struct agent_cli *c);
void cli_session_fresh(struct agent_cli *c);
void cli_complaint(struct agent_cli *c, const char *data, size_t len);
void cli_on_exit(struct agent_cli *c, int status, int sig);

/* cli_prompt.c */
void cli_note_add(struct agent_cli *c, const char *text);
void cli_prompt_keep(struct agent_cli *c, const struct agent_prompt *p);
void cli_prompt_compose(struct agent_cli *c, struct buf *out); /* inits out */
void cli_prompt_forget(struct agent_cli *c);

/* cli_turn.c */
extern const struct cli_stream_events cli_turn_events;
void cli_turn_fail(
    struct agent_cli *c, const char *stop, const char *why, const char *todo);
void cli_turn_stop(struct agent_cli *c, const char *forced);
void cli_usage_begin(struct agent_cli *c);
void cli_turn_tick(struct agent_cli *c, int64_t now);

#endif
