/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tail.h: what the tool pane shows: every remote run, with the end of its output.
 *
 * A run holds clean lines with their colours, in a bounded ring: the oldest lines
 * of the oldest ended runs go first, and are counted.  What the engine did not send
 * is a line of its own (a gap), never left out silently; it can be filled later.
 * Output is placed by its offset, so bytes that come twice show once.
 *
 * Each line has a place, a number that rises within its run and never changes.  A gap
 * of n bytes keeps n places free behind its own, so what fills it moves nothing.
 *
 * The host program's marks become headings with how long each section took; the
 * picture of the guest's screen is one line, its text stands in a frame.
 */
#ifndef MODEL_TAIL_H
#define MODEL_TAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/scrub.h"
#include "wire/json.h"

#define TAIL_RUNS_MAX 128
#define TAIL_BYTES_MAX (8 * 1024 * 1024) /* all runs together */
#define TAIL_RUN_BYTES_MAX (2 * 1024 * 1024)
#define TAIL_FETCH_MAX \
	(32 * 1024)	   /* bytes of an ended run's end that are worth a fetch */
#define TAIL_LINE_MAX 2048 /* bytes; a longer line goes on in the next one */
#define TAIL_FILLED_BYTES_MAX (4 * 1024 * 1024) /* of a run whose gaps were filled */
#define TAIL_COMMAND_MAX \
	(32 * 1024) /* bytes that are kept of a command, and of its input */
#define TAIL_FIRST_SERIAL ((uint64_t)1 << 32) /* older ones come in front, downwards */
#define TAIL_FIRST_PLACE \
	((uint64_t)1 << 48) /* of a line; what went has places before it */

enum tail_stream { TAIL_OUT, TAIL_ERR, TAIL_STREAMS };

/* What a line is; but for TAIL_TEXT the words are ours. */
enum tail_kind {
	TAIL_TEXT,
	TAIL_GAP,     /* about what is missing */
	TAIL_HEADING, /* a phase, or a section of a capture */
	TAIL_NOTE,    /* how a section ended, when it did not end well */
	TAIL_FRAME,   /* the guest's screen begins */
	TAIL_SCREEN,  /* a line of it, without the host program's two blanks */
	TAIL_FRAME_END,
};

struct tail_span {
	uint32_t style;
	uint16_t len;
};

struct tail_gap {
	int64_t from, to; /* bytes of the line's stream */
	bool asked;	  /* they are being read */
	bool cut_from,
	    cut_to; /* the engine's journal has not what follows, comes before */
};

struct tail_line {
	uint64_t at; /* its place */
	int64_t end; /* bytes of its stream up to its end, 0: not known */
	uint8_t stream;
	uint8_t kind;
	bool wraps; /* the line goes on in the next one */
	uint16_t len, spans;
	char *text;		/* owned; clean, not NUL-terminated */
	struct tail_span *span; /* none: all of it is plain */
	struct tail_gap *gap;	/* of a TAIL_GAP, else NULL */
};

struct tail_run {
	uint64_t serial; /* rises, never reused */
	char id[16], by[33], asked[16], host[16], verb[16];
	char what[256]; /* the first line of the command, or what it is for */
	char *command;	/* all of it, clean lines, when what is not that; or NULL.  Its
			 * standard input stands behind it. */
	int more;	/* lines of that behind the first */
	bool has_input; /* something comes on its standard input */
	int64_t in;	/* bytes of it that came */
	int64_t seq;	/* of its tool fact, 0: not known */
	int64_t began;	/* the engine's monotonic clock */
	int64_t said;	/* the same: when output came last, 0: none did */
	char at[25];	/* and UTC */
	bool ended;
	bool stub; /* its beginning is older than what was told (model/older.h) */
	bool lost; /* and not all of its facts could be kept */
	bool met[TAIL_STREAMS]; /* something of that stream came */
	/* A local tool of the agent that ran commands on the hosts: their runs show
	 * what it would show again. */
	bool wraps_others;
	int64_t exit;  /* -1: by signal or failure, see end */
	char end[160]; /* words of the end: "exit 0", "signal TERM", why it failed */
	int64_t ms, cut;
	int64_t next[TAIL_STREAMS];  /* offset of the byte that is expected */
	int64_t total[TAIL_STREAMS]; /* bytes, as tool_end told; next below it: worth a
					fetch */
	uint64_t next_place;	     /* of the next line */
	uint64_t gone;		     /* lines at the beginning that had to go */
	int64_t front[TAIL_STREAMS]; /* bytes of them, for tail_open_front */
	int64_t fed[TAIL_STREAMS];   /* offset behind what is being read */
	uint64_t newlines;	     /* lines that came */
	size_t gaps;		     /* lines that are gaps */
	struct tail_line *lines;     /* a ring */
	size_t head, count, size;
	size_t bytes;
	int open;	  /* the stream whose line is unfinished (at the end), or -1 */
	bool restart;	  /* that line begins again with the next text */
	char section[24]; /* of the host program's capture, "": in none */
	uint64_t heading; /* place of its heading; 0: it has none */
	uint64_t picture; /* of the line that tells of the guest's screen as PNG */
	int64_t folded;	  /* base64 bytes of it */
	int blanks;	  /* empty lines of the screen that wait for another */
	struct scrub scrub[TAIL_STREAMS];
};

struct tail {
	struct tail_run *runs[TAIL_RUNS_MAX]; /* oldest first */
	size_t count;
	size_t bytes;
	uint64_t next_serial;
	bool full; /* something older did not fit in front */
	/* A line goes for want of room: whoever wants all of it takes it here. */
	void (*dropped)(void *arg, const struct tail_run *r, const struct tail_line *l);
	void *arg;
};

void tail_init(struct tail *t);
void tail_fini(struct tail *t);

/* Folds a tool, input, output, skipped or tool_end fact in; returns whether anything
 * changed. */
bool tail_apply(struct tail *t, const struct js *fact);

/* Runs of older go in front of t's, as many as fit; it is empty then. */
void tail_prepend(struct tail *t, struct tail *older);

/* Runs that began before this engine did (UTC) and have no end will get none. */
void tail_end_lost(struct tail *t, const char *started);

/* The guest's screen of the latest capture was saved there. */
bool tail_picture_saved(struct tail *t, const char *path);

struct tail_run *tail_by_id(const struct tail *t, const char *id);	/* or NULL */
struct tail_run *tail_by_serial(const struct tail *t, uint64_t serial); /* or NULL */
/* i from 0: the oldest line that is kept. Lent until the next fact. */
const struct tail_line *tail_line(const struct tail_run *r, size_t i);
/* How many of its lines stand before that place. */
size_t tail_index(const struct tail_run *r, uint64_t place);

/*
 * Puts bytes that were skipped into the gap at that place: len bytes from off on, which
 * hold its beginning or its end; whole lines alone are taken, but for the last ones.
 * False: there is no such gap any more, or no room for it.
 */
bool tail_fill(struct tail *t, struct tail_run *r, uint64_t place, int64_t off,
    const char *data, size_t len);

/* May a gap of that run be filled, as far as memory goes? */
bool tail_has_room(const struct tail *t, const struct tail_run *r);

/*
 * The beginning of an ended run went for want of room, and there is some now: it is a
 * gap from now on.  False: nothing went, or there is none.
 */
bool tail_open_front(struct tail *t, struct tail_run *r);

/* The gap at that place; NULL: there is none. */
struct tail_gap *tail_gap_at(const struct tail_run *r, uint64_t place);

#endif
