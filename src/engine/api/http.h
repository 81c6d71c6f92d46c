/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http.h: the one door of libcurl.
 *
 *   http_start --> connecting --> waiting for headers --> body --> end
 *                      |                 |                  |       ^
 *                      '-- limits, the byte watchdog, FIN --'-------'
 *
 * What TLS is to trust is read from its file in the thread pool first: a disk that
 * hangs costs 2 s where it was read before (that is used), else 5 s and the call.
 * HTTP/1.1 only, no redirect is ever followed, nothing is tried a second time
 * here.  The loop is libuv's: no callback comes from inside http_start, and
 * after http_cancel none comes at all.  Where no name server answers, the
 * literal addresses of the request are used; TLS still checks the name.
 */
#ifndef ENGINE_HTTP_H
#define ENGINE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "engine/api/piece.h"

#define HTTP_QUIET_MS 20000	     /* how often silence is told */
#define HTTP_URL_MAX 2048	     /* bytes */
#define HTTP_HEADERS_MAX (64 * 1024) /* bytes of one answer's headers */
#define HTTP_BODY_MAX (64 * 1024 * 1024)

struct http;
struct http_call;
struct http_headers;

enum http_end {
	HTTP_DONE,	   /* an answer, and its framing ended cleanly */
	HTTP_CUT,	   /* it broke off: reset, short, or no HTTP at all */
	HTTP_NO_CONNECT,   /* nobody listens, no route, or not within connect_ms */
	HTTP_NO_NAME,	   /* the name is unknown, and no addresses were given */
	HTTP_TLS,	   /* a certificate or a TLS version that does not fit */
	HTTP_SILENT,	   /* no byte for idle_ms */
	HTTP_SLOW_HEADERS, /* no answer within headers_ms */
	HTTP_ABORTED,	   /* the body callback said so */
	HTTP_TOO_LONG,	   /* more than body_max, or more headers than we take */
	HTTP_REDIRECT,	   /* it points elsewhere, and we do not follow (3xx) */
	HTTP_BAD_REQUEST,  /* what was asked for is not offered: URL, proxy, CA file */
	HTTP_HUNG,	   /* the disk of the CA file does not answer */
	HTTP_ENDS
};

struct http_request {
	const char *method;
	const char *url;
	const char *const *headers; /* "Name: value", ended by NULL; or NULL */
	/* Borrowed until the end or the cancel, sent without joining. */
	const struct http_piece *body;
	size_t pieces;
	int64_t connect_ms; /* name, TCP, proxy and TLS; 0: 10 s */
	int64_t headers_ms; /* from the start to the answer's headers; 0: 600 s */
	int64_t idle_ms;    /* without a byte of the answer's body; 0: 180 s */
	int64_t quiet_ms;   /* how often silence is told; 0: HTTP_QUIET_MS */
	/* NULL or "": SSL_CERT_FILE, else the system's; read beside the loop */
	const char *ca_file;
	const char *proxy; /* NULL or "env": the environment's; "": none; or a URL */
	const char *const *addresses; /* literal, ended by NULL; or NULL */
	size_t body_max;	      /* of the answer, bytes; 0: HTTP_BODY_MAX */
	bool plain_anywhere;	      /* http:// to a name or a public address, too */
};

/* Each may be NULL; arg is http_start's.  Any of them may call http_cancel. */
struct http_events {
	/* Once, before any body; h is lent for the call.  Never for a 1xx. */
	void (*headers)(int status, const struct http_headers *h, void *arg);
	/* As it comes; false ends the call with HTTP_ABORTED. */
	bool (*body)(const char *data, size_t len, void *arg);
	/* No byte for ms: at each multiple of quiet_ms, also before the headers. */
	void (*quiet)(int64_t ms, void *arg);
	/*
	 * Once, last; the call is gone when it returns.  why and todo are lent;
	 * both are "" with HTTP_DONE.  No header of the request is quoted in them.
	 */
	void (*end)(enum http_end how, const char *why, const char *todo, void *arg);
};

struct http *http_new(uv_loop_t *loop);
/*
 * Cancels what is open; not from inside a callback.  The loop must turn once more
 * before it is closed.  NULL is fine.
 */
void http_free(struct http *h);
uv_loop_t *http_loop(const struct http *h);

/* Never NULL.  The request (not its pieces' bytes) is copied. */
struct http_call *http_start(struct http *h, const struct http_request *request,
    const struct http_events *events, void *arg);

/* No callback after it; what the call borrowed is free.  NULL is fine. */
void http_cancel(struct http_call *c);

/* The value of the answer's header (the last one of that name), or NULL.  Lends. */
const char *http_header(const struct http_headers *h, const char *name);

/* clock_mono_ms when it happened, or -1: the body's last byte went to the socket... */
int64_t http_call_sent_ms(const struct http_call *c);
/* ... and the connection was ready (0 long when it was still open from before). */
int64_t http_call_connected_ms(const struct http_call *c);

/* One word for a log or a fact: "done", "cut", "no_connect" ... */
const char *http_end_word(enum http_end how);

/*
 * May this address be spoken to?  https:// to anything; http:// only to a
 * literal loopback or private address or "localhost", or with plain_anywhere.
 */
int http_check_url(const char *url, bool plain_anywhere, struct err *err) MUST_CHECK;

/* Host (without brackets) and port of a URL that may be spoken to; -1 with words. */
int http_origin(
    const char *url, char *host, size_t size, int *port, struct err *err) MUST_CHECK;

#endif
