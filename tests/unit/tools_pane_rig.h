/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tools_pane_rig.h: a screen and the facts of runs, for the tests of the tool pane.  Each
 * file that includes it has one of its own.
 */
#ifndef UNIT_TOOLS_PANE_RIG_H
#define UNIT_TOOLS_PANE_RIG_H

#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/view/layout.h"
#include "pictures.h"

#define UNUSED __attribute__((unused))

static struct screen s;

UNUSED static void
init(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
}

UNUSED static void
begin(const char *id, const char *asked, const char *by, const char *host,
    const char *what, int64_t mono_ms)
{
	tellf(&s,
	    "{\"t\":\"tool\",\"seq\":0,\"at\":\"2026-11-27T03:12:%02d.000Z\",\"mono_ms\":%d,"
	    "\"by\":\"%s\",\"id\":\"%s\",\"asked\":\"%s\",\"host\":\"%s\",\"what\":\"%s\"}",
	    (int)(mono_ms / 1000 % 60), (int)mono_ms, by, id, asked, host, what);
}

UNUSED static void
says(const char *id, const char *stream, int off, const char *data)
{
	tellf(&s,
	    "{\"t\":\"output\",\"seq\":0,\"mono_ms\":92000,\"id\":\"%s\",\"stream\":\"%s\",\"off\":%d,"
	    "\"data\":\"%s\"}",
	    id, stream, off, data);
}

UNUSED static void
ends(const char *id, const char *how, int ms, int out, int err, int cut)
{
	tellf(&s,
	    "{\"t\":\"tool_end\",\"seq\":0,\"id\":\"%s\",%s,\"ms\":%d,\"out\":%d,\"err\":%d,"
	    "\"cut\":%d}",
	    id, how, ms, out, err, cut);
}

#endif
