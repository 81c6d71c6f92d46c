/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * gdb.h: where QEMU's threads stand, by gdb, and QEMU left as it was found.
 *
 * gdb stops the process while it looks (0.4 s), so it is only asked about a
 * QEMU that works for nobody any more, after the monitor is closed, and never
 * when a thread waits for a disk: then gdb hangs too.  A gdb that is killed in
 * the middle may leave a stop signal behind it; that is looked for, and undone
 * for exactly the process that was traced, provided that it ran before.
 */
#ifndef HOST_GDB_H
#define HOST_GDB_H

#include <stdbool.h>
#include <stddef.h>

#include "host/qemu.h"

struct gdb_ask {
	const char *path;	 /* of gdb */
	const struct qemu *qemu; /* ours, and no thread of it stopped */
	int limit_ms;
};

/* May gdb be asked?  Looks at the threads' states that q holds. */
bool gdb_is_safe(const struct qemu *q);

/* A probe_fn: prints a backtrace of all threads; arg is a struct gdb_ask. */
int gdb_probe(void *arg);

/*
 * After a gdb that was killed: lets the process run again if it is stopped.
 * At most limit_ms; false: it still stands.
 */
bool gdb_let_go(const struct qemu *q, int limit_ms);

/*
 * The function of ours that the main thread waits in, from a backtrace: the
 * first frame of thread pid that is no mere way of waiting.  "" when there is
 * none.
 */
void gdb_main_waits_in(const char *text, int pid, char *name, size_t size);

#endif
