/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sha256.h: what the fixtures name their long texts by. */
#ifndef UNIT_SHA256_H
#define UNIT_SHA256_H

#include <stddef.h>

/* 64 hexadecimal digits and a NUL. */
void sha256_hex(const void *data, size_t len, char out[65]);

#endif
