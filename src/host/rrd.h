/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rrd.h: what Proxmox's pvestatd recorded of VM 102, one row a minute; pure.
 *
 * It is the one witness of the past.  A row without a rate of writes, while
 * other columns are there, means that QMP gave pvestatd no answer; a rate of 0
 * means that it answered and the disks stood still.
 */
#ifndef HOST_RRD_H
#define HOST_RRD_H

#include <stddef.h>

#define RRD_ROWS_MAX 128
#define RRD_SHOWN 30 /* rows: half an hour */

struct out;

enum rrd_column { RRD_CPU, RRD_MEM, RRD_READ, RRD_WRITE, RRD_IN, RRD_OUT, RRD_COLUMNS };

struct rrd_row {
	long long at;		   /* unix seconds, 0: none */
	double value[RRD_COLUMNS]; /* NAN: nothing was recorded */
};

struct rrd {
	struct rrd_row row[RRD_ROWS_MAX]; /* as they came: oldest first */
	int n;
};

/* Reads "pvesh get .../rrddata --output-format json"; 0, or -1: no row in it. */
int rrd_parse(const char *text, size_t len, struct rrd *r);

/*
 * Seconds since which, up to the last row with anything in it, no byte was
 * written (0 when some were), and since which QMP gave no answer (0 when it
 * did); -1: not known.
 */
long long rrd_zero_write_s(const struct rrd *r, long long now);
long long rrd_silent_s(const struct rrd *r, long long now);

/* The last half hour, a line a row. */
void rrd_print(struct out *o, const struct rrd *r);

#endif
