/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tell.h: the evidence as lines: facts, verdict, the screen and its picture. */
#ifndef HOST_TELL_H
#define HOST_TELL_H

struct evidence;
struct out;
struct shot;
struct verdict;

/* hung: names of the probes that were given up, comma separated, or "". */
void tell_facts(
    struct out *o, const struct evidence *e, const struct shot *shot, const char *hung);
void tell_verdict(struct out *o, const struct verdict *v);

/*
 * The section "screen": what is shown, as text where it is text; and then
 * "screen-above", what stands above it in the guest's text memory.
 */
void tell_screen(struct out *o, const struct shot *shot);

/*
 * The section "screen-png", base64.  Not where o may lose lines (a reader that
 * nobody waits for): the result line is worth more.
 */
void tell_png(struct out *o, const struct shot *shot);

#endif
