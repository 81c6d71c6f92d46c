/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mirror.h: what is on record, told to places that outlive the journal's disk.
 *
 *   syslog    an anchor for each verb (asked, confirmed, its end) and each beginning
 *             and end of the record: "anchor incident=ID seq=N h=HEX verb=cycle
 *             state=confirmed by=ann", authpriv.notice.  Whoever cuts the journal's
 *             tail later does not cut this.
 *   stdout    of a foreground engine: every record as its JSON line, without bodies
 *             (output without data; text and prompt with bytes instead of text), and
 *             the anchors as {"t":"anchor", ...}.  A pod's log keeps it.
 *
 * Neither is waited for: what a full pipe, a closed stdout or a hung syslog does not
 * take waits in memory up to a limit, is dropped after that and counted.
 */
#ifndef ENGINE_MIRROR_H
#define ENGINE_MIRROR_H

#include <stdbool.h>
#include <uv.h>

#include "engine/remote/line.h"

struct mirror;

/* syslog: path of the datagram socket, "" for none; out: to our standard output, too. */
struct mirror *mirror_new(uv_loop_t *loop, const char *syslog, bool out);
void mirror_free(
    struct mirror *m); /* writes what is taken at once; handles close on the loop */

/* A record that may be told now; others than records are passed over.  Lent. */
void mirror_record(struct mirror *m, const struct line *line);

/* The engine leaves while no incident is open: syslog alone can say so. */
void mirror_say_left(struct mirror *m, const char *why);

/* --- for tests --- */

/*
 * The line of a record without its body, and without its line end, to out: of an
 * output fact "data" goes, of a text or prompt "text" becomes "bytes".
 */
void mirror_cut(const struct line *line, struct buf *out);

#endif
