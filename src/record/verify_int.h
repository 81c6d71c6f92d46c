/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verify_int.h: what the files of verify share, and nobody else. */
#ifndef RECORD_VERIFY_INT_H
#define RECORD_VERIFY_INT_H

#include "record/verify.h"

#define VERIFY_KNOWN 4096 /* records whose h is kept, for those that moved */

/* A line as it stands there. */
struct verify_rec {
	const char *line;
	size_t len, body; /* body: bytes that its h is made of */
	int64_t byte;
	uint64_t seq; /* 0: it has none that can be read */
	bool has_h;
	char h[CHAIN_HEX + 1];
	char computed[CHAIN_HEX + 1]; /* what its h would be behind the line before */
};

enum verify_link {
	LINK_PREV,	/* it follows from the line before */
	LINK_COMPUTED,	/* it would, had that one the h that its bytes make */
	LINK_ELSEWHERE, /* it follows from another record, that of its number less one */
	LINK_BLIND,	/* the line before has no h */
	LINK_NONE
};

/* What of a record is told, wherever it stands: grammar, its kind, who wrote it. */
void verify_record(struct verify *v, const struct verify_rec *r, bool proven);

/* A verb's record: the host's name for its run, and how it ended. */
struct js;
void verify_verb(struct verify *v, const struct verify_rec *r, const struct js *m);

/* The anchor of this number, when there is one, says the same. */
void verify_anchor(struct verify *v, const struct verify_rec *r);
/* Anchors of records that are not there. */
void verify_anchors_left(struct verify *v);

#endif
