/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record/record.h"

int
report_main(int argc, char **argv, const struct options *o)
{
	return record_usage(argv[0], "not in this build");
}
