/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * runbook.h: one Markdown file that a person, a model and the runbook driver read.
 *
 * Prose, and fenced blocks with a first word: `devvm`, `pve`, `verdict` are run in
 * the order of the file, `finding` looks at what they gave, `repair` may be offered.
 * docs/runbooks.md and breakglass-runbook(5) are the format.  Pure: text in, a
 * runbook or one error with its line out; nothing is run and no file is read here.
 */
#ifndef ENGINE_RUNBOOK_H
#define ENGINE_RUNBOOK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "engine/runbook/pattern.h"
#include "wire/verbs.h"

#define RUNBOOK_MAX (64 * 1024) /* bytes of a file */
#define RUNBOOK_STEPS_MAX 48
#define RUNBOOK_FINDINGS_MAX 128
#define RUNBOOK_REPAIRS_MAX 16
#define RUNBOOK_NAME_MAX 32	       /* bytes of a name or id */
#define RUNBOOK_COMMAND_MAX (8 * 1024) /* bytes of a command */
#define RUNBOOK_TEXT_MAX 400	       /* bytes of a sentence */
#define RUNBOOK_LIMIT_S 120	       /* a step's time limit at most */
#define RUNBOOK_EACH_MAX 8	       /* matches of one finding */
#define RUNBOOK_LOOKS_MAX 6	       /* patterns of one finding */
#define RUNBOOK_IFS_MAX 4

enum step_kind { STEP_DEVVM, STEP_PVE, STEP_VERDICT, STEP_KINDS };

/* What of a step a pattern looks at. */
enum step_part {
	PART_OUT,
	PART_ERR,
	PART_EXIT,   /* the exit status in digits */
	PART_FAILED, /* why it could not be run to its end; a sentence */
	PART_MS,     /* how long it took, in digits */
	PART_WORD,   /* of a verdict, and so on */
	PART_ADVICE,
	PART_WHY,
	PART_TODO,
	PART_LINE, /* its lines of evidence */
	STEP_PARTS
};

struct step {
	enum step_kind kind;
	char id[RUNBOOK_NAME_MAX + 1];
	int line;	/* of its fence in the file */
	char *title;	/* the heading above it, or "" */
	char *command;	/* of the devvm */
	enum verb verb; /* of pve: status or forensics */
	int limit_s;
	bool reads; /* it changes nothing */
	int when;   /* run only if this finding was found; -1: always */
	char when_id[RUNBOOK_NAME_MAX + 1]; /* as written; "" */
};

enum look_kind { LOOK_IN, LOOK_ALSO, LOOK_NOT };

struct look {
	enum look_kind kind;
	int line;
	int step;
	char step_id[RUNBOOK_NAME_MAX + 1];
	enum step_part part;
	struct pattern *pattern;
};

enum compare { COMPARE_LT, COMPARE_LE, COMPARE_GT, COMPARE_GE, COMPARE_EQ, COMPARE_NE };

/* factor * (1, a group or the time now) + plus */
struct operand {
	double factor, plus;
	int group; /* 0: none */
	bool now;  /* seconds since 1970, by the engine's clock */
};

struct condition {
	struct operand left, right;
	enum compare op;
};

enum severity { SEVERITY_NOTE, SEVERITY_WARNING, SEVERITY_CRITICAL, SEVERITIES };

struct finding {
	char id[RUNBOOK_NAME_MAX + 1];
	int line;
	enum severity severity;
	struct look looks[RUNBOOK_LOOKS_MAX]; /* the first one's groups are $1.. */
	size_t look_count;
	struct condition ifs[RUNBOOK_IFS_MAX];
	size_t if_count;
	int each;   /* matches that count, at least 1 */
	char *say;  /* with $1.. */
	char *todo; /* advice, with $1..; "" none */
	int key;    /* the verb that the advice names, or -1 */
	int last;   /* the step behind which it is decided */
	int repair; /* offered, or -1 */
	char repair_id[RUNBOOK_NAME_MAX + 1];
};

struct repair {
	char id[RUNBOOK_NAME_MAX + 1];
	int line;
	char *title;
	char *command; /* with $1.. of the finding that offers it */
	int limit_s;
	int check; /* a step that shows whether it helped */
	char check_id[RUNBOOK_NAME_MAX + 1];
};

struct runbook {
	int refs;
	char *file; /* as errors name it */
	char name[RUNBOOK_NAME_MAX + 1];
	char *title, *description;
	char *text; /* the whole file */
	size_t len;
	bool own; /* of the operator's folder */
	struct step *steps;
	size_t step_count;
	struct finding *findings;
	size_t finding_count;
	struct repair *repairs;
	size_t repair_count;
};

/*
 * file: its name for errors; its base name without .md must be the name inside.
 * NULL: *line and err's words say what is wrong and what would be right, without
 * "FILE:LINE: " in front.
 */
struct runbook *runbook_parse(const char *file, const char *text, size_t len, int *line,
    struct err *err) MUST_CHECK;
struct runbook *runbook_ref(struct runbook *rb);
void runbook_free(struct runbook *rb); /* gives a reference back; NULL is fine */

bool runbook_is_name(const char *name); /* [a-z0-9-], 1 to 32, no dash in front */

const char *severity_name(enum severity s);
const char *step_kind_name(enum step_kind k);

#endif
