/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * secret_private.h: which bytes of a private key file are its private half.
 *
 * The rest (the frame, the public half, the comment) stands in places that anybody
 * may see, so that it must not be taken for the secret.
 */
#ifndef ENGINE_SECRET_PRIVATE_H
#define ENGINE_SECRET_PRIVATE_H

#include <stddef.h>

/* raw is the decoded body.  What is not understood is private from its middle on. */
void secret_private(const unsigned char *raw, size_t len, size_t *from, size_t *to);

#endif
