/* SPDX-License-Identifier: GPL-3.0-or-later */
/* main.c: the words of a drill; "breakglass drill" becomes it. */
#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "drill/drill.h"

#define SAY_MAX 1024

enum {
	ARG_AS = 256,
	ARG_AUTO,
	ARG_CREDENTIAL,
	ARG_GUEST,
	ARG_JSON,
	ARG_KEEP,
	ARG_LINEAR,
	ARG_LIST,
	ARG_SITE
};

static const struct option long_options[] = {
    {"as", required_argument, NULL, ARG_AS},
    {"auto", no_argument, NULL, ARG_AUTO},
    {"credential-fd", required_argument, NULL, ARG_CREDENTIAL},
    {"guest", required_argument, NULL, ARG_GUEST},
    {"json", no_argument, NULL, ARG_JSON},
    {"keep", no_argument, NULL, ARG_KEEP},
    {"linear", no_argument, NULL, ARG_LINEAR},
    {"list", no_argument, NULL, ARG_LIST},
    {"site", no_argument, NULL, ARG_SITE},
    {"verbose", no_argument, NULL, 'v'},
    {0},
};

void
drill_say(const struct drill *d, const char *fmt, ...)
{
	FILE *to = d->c->json ? stderr : stdout;
	char text[SAY_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	fprintf(
	    to, "[%3ld s] %s\n", (long)((clock_mono_ms() - d->began_ms) / 1000), text);
	fflush(to);
}

int
drill_fail(const struct err *err)
{
	fputs("breakglass drill: ", stderr);
	return command_exit_of(err);
}

static int
usage(const char *why)
{
	struct err err;

	err_set(&err, ERR_USAGE,
	    "%.80s: it takes [WEDGE] [--auto] [--guest GUEST] [--keep] [--linear] [--json], "
	    "--list, or --site",
	    why);
	return drill_fail(&err);
}

static bool
take_option(struct drill *d, struct command_opts *c, int opt)
{
	switch (opt) {
	case ARG_AS:
		snprintf(c->name, sizeof c->name, "%s", optarg);
		return true;
	case ARG_AUTO:
		return d->alone = true;
	case ARG_CREDENTIAL:
		c->given |= 1U << OPT_CREDENTIAL_FD;
		c->value[OPT_CREDENTIAL_FD] = optarg;
		return true;
	case ARG_GUEST:
		d->guest = optarg;
		return true;
	case ARG_JSON:
		return c->json = true;
	case ARG_KEEP:
		return d->keep = true;
	case ARG_LINEAR:
		return d->linear = true;
	case ARG_LIST:
		return d->list = true;
	case ARG_SITE:
		return d->site = true;
	case 'v':
		c->verbose++;
		return true;
	default:
		return false;
	}
}

/* A password is for the site's engine alone: not for what is started meanwhile. */
static int
keep_credential(const struct drill *d, const struct command_opts *c)
{
	if (!(c->given & 1U << OPT_CREDENTIAL_FD))
		return 0;
	if (!d->site)
		return usage("--credential-fd is for --site alone");
	fcntl(atoi(c->value[OPT_CREDENTIAL_FD]), F_SETFD, FD_CLOEXEC);
	return 0;
}

/* 0, or an exit code: what is wrong has been said. */
static int
parse(struct drill *d, struct command_opts *c, int argc, char **argv)
{
	struct err err;
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "v", long_options, NULL)) != -1) {
		if (take_option(d, c, opt))
			continue;
		err_option(&err, argv[optind - 1]);
		return usage(err.words);
	}
	if (argc - optind > 1)
		return usage("one wedge at a time");
	d->wedge = optind < argc ? argv[optind] : NULL;
	if (d->site && (d->wedge || d->alone || d->list || d->keep || d->guest))
		return usage(
		    "--site looks at the real site and takes none of the others");
	if (d->list && d->wedge)
		return usage("--list takes no wedge");
	return keep_credential(d, c);
}

int
main(int argc, char **argv)
{
	struct command_opts c = {.word = "drill", .name = "operator"};
	struct drill d = {.c = &c, .began_ms = clock_mono_ms(), .program = argv[0]};
	struct options o;
	struct err err;
	int rc;

	if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX < 4)
		setlocale(LC_CTYPE, "C.UTF-8");
	rc = parse(&d, &c, argc, argv);
	if (rc != 0)
		return rc;
	if (options_load(&o, &err) < 0)
		return drill_fail(&err);
	c.options = &o;
	rc = d.site ? drill_site(&d) : d.list ? drill_list(&d) : drill_lab(&d);
	options_fini(&o);
	return rc;
}
