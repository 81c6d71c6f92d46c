/* SPDX-License-Identifier: GPL-3.0-or-later */
/* piece.h: a part of a request's body, lent: bodies are sent without joining. */
#ifndef ENGINE_PIECE_H
#define ENGINE_PIECE_H

#include <stddef.h>

struct http_piece {
	const char *data;
	size_t len;
};

#endif
