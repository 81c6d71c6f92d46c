/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fingerprint.h: what a public key is called: its type and its SHA-256, as ssh-keygen -l.
 */
#ifndef DOCTOR_FINGERPRINT_H
#define DOCTOR_FINGERPRINT_H

#include <stdbool.h>
#include <stddef.h>

#define FINGERPRINT_MAX 64
#define FINGERPRINT_TYPE_MAX 48

/* "SHA256:…" of a key's blob; of its base64 (false: that is none). */
void fingerprint_of(const void *blob, size_t len, char out[FINGERPRINT_MAX]);
bool fingerprint_of_base64(const char *base64, char out[FINGERPRINT_MAX]);

/*
 * Of the public half that stands open in an OpenSSH private key's text.  False: it is
 * of another form (PEM), which has none in front.
 */
bool fingerprint_of_private(
    const char *text, char type[FINGERPRINT_TYPE_MAX], char out[FINGERPRINT_MAX]);

#endif
