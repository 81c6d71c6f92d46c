/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "doctor/looks.h"

#include "base/mem.h"

#define DISK "its disk does not answer: it hangs, or is a share of a machine that is gone"
#define DISK_TODO "look at dmesg and mount; put it on a disk of this machine that is well"
#define FILE_MS 4000
#define PROGRAM_MS 12000

static const enum check config[] = {CHECK_CONFIG};
static const enum check people[] = {CHECK_OPERATORS, CHECK_CREDENTIALS};
static const enum check key[] = {CHECK_KEY};
static const enum check run_dir[] = {CHECK_RUN_DIR};
static const enum check disk[] = {CHECK_SESSIONS, CHECK_DISK};
static const enum check local[] = {CHECK_LOCAL};
static const enum check engine[] = {CHECK_ENGINE, CHECK_KILL, CHECK_LISTENING};
static const enum check past[] = {CHECK_DRILL_LAB, CHECK_DRILL_SITE};
static const enum check claude[] = {CHECK_DRIVER, CHECK_CLAUDE};
static const enum check claude_key[] = {CHECK_CLAUDE_KEY};
static const enum check endpoints[] = {CHECK_ENDPOINT};
static const enum check sandbox[] = {CHECK_SANDBOX};
static const enum check books[] = {CHECK_DEFINITION, CHECK_RUNBOOKS};

#define LOOK(name, ms, late, todo)                                 \
	{                                                          \
		look_##name, name, ARRAY_LEN(name), ms, late, todo \
	}

/* What --offline leaves out stands at the end. */
static const struct apart_look looks[] = {
    LOOK(config, FILE_MS, DISK, DISK_TODO),
    LOOK(people, FILE_MS, DISK, DISK_TODO),
    LOOK(key, FILE_MS, DISK, DISK_TODO),
    LOOK(run_dir, FILE_MS, DISK, DISK_TODO),
    LOOK(disk, FILE_MS, DISK, DISK_TODO),
    LOOK(local, FILE_MS, DISK, DISK_TODO),
    LOOK(engine, PROGRAM_MS, "the engine, or the disk of its journal, does not answer",
	"see the journal disk above; where that is well: breakglass engine --replace --now"),
    LOOK(past, FILE_MS, DISK, DISK_TODO),
    {look_status, NULL, 0, PROGRAM_MS, "", ""}, /* main tells of it */
    LOOK(claude, PROGRAM_MS, "claude does not tell its version in time",
	"look why claude --version hangs; until then the API or the runbooks answer"),
    LOOK(claude_key, FILE_MS, DISK, DISK_TODO),
    LOOK(endpoints, FILE_MS, DISK, DISK_TODO), /* until its files are read */
    LOOK(sandbox, PROGRAM_MS, "the launcher does not answer in time",
	"install breakglass whole, or set libexec_dir"),
    LOOK(books, FILE_MS, DISK, DISK_TODO),
};

const struct apart_look *
looks_all(bool offline, size_t *count)
{
	*count = 0;
	while (*count < ARRAY_LEN(looks) &&
	    !(offline && looks[*count].count > 0 &&
		check_rows[looks[*count].checks[0]].out))
		++*count;
	return looks;
}

const struct apart_look *
looks_by(void (*look)(struct pen *, const struct options *))
{
	size_t i = 0;

	while (looks[i].look != look)
		i++;
	return &looks[i];
}
