/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * guest_screen.h: the guest's screen of a capture as one `state` fact "screen": its
 * rows, those that have scrolled out of sight, and which of them matter.
 */
#ifndef ENGINE_GUEST_SCREEN_H
#define ENGINE_GUEST_SCREEN_H

#include <stddef.h>

#define GUEST_SCREEN_ROWS 50  /* of the screen */
#define GUEST_SCREEN_ABOVE 60 /* above it */
#define GUEST_SCREEN_COLS 160 /* bytes of a row */

struct guest_screen;
struct incident;

struct guest_screen *guest_screen_new(struct incident *incident);
void guest_screen_free(struct guest_screen *g); /* NULL is fine */

/* A line of the verb run id; what other sections say is ignored. */
void guest_screen_line(
    struct guest_screen *g, const char *id, const char *line, size_t len);

/* The run is over: what came of a screen is told. */
void guest_screen_end(struct guest_screen *g);

#endif
