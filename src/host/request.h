/* SPDX-License-Identifier: GPL-3.0-or-later */
/* request.h: what the ssh client asked for, decided once, by length and bytes. */
#ifndef HOST_REQUEST_H
#define HOST_REQUEST_H

/* The reply to everything that is not a verb; it never repeats the request. */
#define REQUEST_REFUSAL \
	"rejected: send exactly one of status, forensics, start, stop, reset, cycle"

/*
 * The verb that original (SSH_ORIGINAL_COMMAND, NULL when absent) is, or -1.
 * Only the six literals are verbs: no trimming, no case folding, no prefix.
 */
int request_verb(const char *original);

#endif
