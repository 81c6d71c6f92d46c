/* SPDX-License-Identifier: GPL-3.0-or-later */
/* http_int.h: what the files behind http.h share, and nobody else; no libcurl here. */
#ifndef ENGINE_HTTP_INT_H
#define ENGINE_HTTP_INT_H

#include "base/buf.h"
#include "engine/api/http.h"

#define HTTP_HOST_MAX 256     /* bytes, with the port */
#define HTTP_ADDRESSES_MAX 16 /* literal ones of a request */
#define HTTP_LEARNT_MAX 16    /* hosts whose last address is kept */

/* --- http_headers.c --- */

struct http_headers {
	struct buf text; /* "name: value\0" one behind the other, of the last answer */
	int status;
};

void http_headers_init(struct http_headers *h);
void http_headers_fini(struct http_headers *h);
/*
 * Takes one line as it came.  1: that was the empty line behind an answer's
 * headers; 0: go on; -1: more than HTTP_HEADERS_MAX, or no status line.
 */
int http_headers_line(struct http_headers *h, const char *line, size_t len);

/* --- http_host.c --- */

struct http_where {
	bool tls;
	bool is_literal; /* host is an address, not a name */
	int port;
	char host[HTTP_HOST_MAX]; /* without brackets */
};

/* Reads an http or https URL; -1 with words for one that is not offered. */
int http_where(const char *url, struct http_where *w, struct err *err) MUST_CHECK;
bool http_is_literal(const char *host);
bool http_is_private(const char *host); /* a loopback or private address, localhost */
/*
 * Does a request go through a proxy?  proxy NULL: what the environment says, read
 * as the library reads it, near enough for words.  Returns its URL, or NULL.
 */
const char *http_uses_proxy(const struct http_where *w, const char *proxy);
/* A proxy's URL without what could be a password: "http://proxy:3128". */
void http_proxy_name(const char *url, char *out, size_t size);

/* --- http_learnt.c --- */

/* The address at which host:port answered last, for an hour without DNS. */
struct http_learnt {
	struct {
		char host[HTTP_HOST_MAX];
		char address[64];
	} row[HTTP_LEARNT_MAX];
	unsigned next;
};

void http_learn(struct http_learnt *l, const struct http_where *w, const char *address);
const char *http_learnt(const struct http_learnt *l, const struct http_where *w);

/* --- http_words.c --- */

/* What a sentence about an end needs. */
struct http_said {
	const struct http_where *where;
	const char *proxy;    /* NULL: none was used */
	const char *detail;   /* of the library or the kernel; "" none */
	const char *location; /* of a redirect, scrubbed */
	int status;
	int64_t ms;	 /* the limit that was passed */
	bool by_address; /* no name server answered before */
	size_t max;
};

/* Leaves both empty for an end that is none. */
void http_words(
    enum http_end how, const struct http_said *said, struct buf *why, struct buf *todo);

/* --- http_call.c --- */

#define HTTP_WORDS_MAX 512

struct curl_slist;
struct http_ca;

struct http {
	uv_loop_t *loop;
	void *multi;
	uv_timer_t timer;
	bool inside; /* of curl_multi_socket_action */
	bool sweep;  /* a call is dead */
	bool freed;
	int open; /* handles that are not closed yet */
	struct http_call *calls;
	struct http_learnt learnt;
	struct http_ca *cas;
};

/* What of the request is ours to keep. */
struct http_wish {
	char *method, *url, *ca_file, *proxy;
	char *addresses; /* "1.2.3.4,[::1]", or NULL */
	const struct http_piece *body;
	size_t pieces;
	int64_t body_len;
	int64_t connect_ms, headers_ms, idle_ms, quiet_ms;
	size_t body_max;
};

struct http_call {
	struct http *http;
	struct http_call *next, **at;
	struct http_wish wish;
	struct http_where where;
	const struct http_events *events;
	void *arg;
	uv_timer_t timer;
	void *easy;
	struct curl_slist *headers, *resolve;
	struct http_headers answer;
	char error[HTTP_WORDS_MAX];   /* the library's */
	char refused[HTTP_WORDS_MAX]; /* why it cannot even begin */
	int64_t start_ms, connected_ms, sent_ms, byte_ms, quiet_told_ms;
	size_t piece, off;  /* what of the body comes next */
	size_t got;	    /* bytes of the answer's body */
	struct http_ca *ca; /* NULL: none is needed, or the library's own */
	bool ca_wait;	    /* it is looked at first */
	int64_t added_ms;
	bool added, dead, has_socket, by_address, told_headers;
	enum http_end how; /* decided by us; HTTP_ENDS: not yet */
	int64_t limit_ms;  /* the one that was passed */
};

/* Tells the end; detail is the library's or the kernel's word.  c is gone behind it. */
void http_call_end(struct http_call *c, enum http_end how, const char *detail);
void http_call_free(struct http_call *c);
void http_call_arm(struct http_call *c); /* its timer, for what is due next */

/* --- http_ca.c --- */

#define HTTP_CA_MS 5000 /* a disk that is slower is not waited for */

/* Where c needs certificates of authorities: begins a look at them, and c->ca_wait. */
void http_ca_begin(struct http_call *c);
int64_t http_ca_due(const struct http_call *c); /* when c waits no longer */
/* Gives them to the library; not HTTP_DONE: they are not there, and why says why. */
enum http_end http_ca_use(struct http_call *c, char *why, size_t size);
const char *http_ca_path(const struct http_call *c);
void http_ca_free(struct http *h);

/* --- http.c: the library's side of a call --- */

const char *http_lib_ca_file(void); /* the system's, or NULL; lends */
void http_lib_ca(struct http_call *c, const char *text, size_t len); /* copies */

void http_lib_new(struct http_call *c, const char *const *headers);
int http_lib_add(struct http_call *c); /* 0, or -1: it takes no more */
void http_lib_free(struct http_call *c);
/* Begins again with the literal addresses.  False: there are none, or it is too late. */
bool http_lib_use_addresses(struct http_call *c);
void http_handle_closed(uv_handle_t *handle); /* its data is the struct http */

#endif
