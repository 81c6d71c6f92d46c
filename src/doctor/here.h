/* SPDX-License-Identifier: GPL-3.0-or-later */
/* here.h: our own address on the way to another; not a byte is sent for it. */
#ifndef DOCTOR_HERE_H
#define DOCTOR_HERE_H

#include <stddef.h>

/* "" where there is no way. */
void here_of(const char *address, long port, char *out, size_t size);

#endif
