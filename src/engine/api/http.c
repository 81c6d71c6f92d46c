/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libcurl's multi interface on the libuv loop.
 *
 * The library calls us from within curl_multi_socket_action, and may not be
 * called back there: `inside` says so.  What a caller starts then waits for its
 * own timer, what a caller cancels is marked dead and swept away behind it.
 * All limits are on one timer a call; the library's own are off.
 */
#include "engine/api/http.h"

#include <assert.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/api/http_int.h"

#define UPLOAD_BUFFER (256 * 1024)
#define FD_SCAN 1024 /* descriptors looked at when the library makes its own */

struct sock {
	uv_poll_t poll;
	struct http *http;
	curl_socket_t fd;
	int events; /* that the library waits for */
};

static void call_done(struct http_call *c, CURLcode rc);

/* --- the loop --- */

void
http_handle_closed(uv_handle_t *handle)
{
	struct http *h = handle->data;

	if (--h->open > 0 || !h->freed)
		return;
	free(h);
}

static void
call_drop(struct http_call *c)
{
	if (!c->added)
		return;
	c->added = false;
	curl_multi_remove_handle(c->http->multi, c->easy);
}

static void
http_learn_address(struct http_call *c)
{
	char *ip = NULL;

	/* only TLS proves that it was the right one */
	if (c->where.tls && !http_uses_proxy(&c->where, c->wish.proxy) &&
	    curl_easy_getinfo(c->easy, CURLINFO_PRIMARY_IP, &ip) == CURLE_OK && ip)
		http_learn(&c->http->learnt, &c->where, ip);
}

/* The dead go, and what has ended is told.  A callback may start or cancel anything. */
static void
http_sweep(struct http *h)
{
	CURLMsg *m;
	int left;

	while (h->sweep) {
		struct http_call *c = h->calls;

		while (c && !c->dead)
			c = c->next;
		h->sweep = c != NULL;
		if (c)
			http_call_free(c);
	}
	while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
		CURLcode rc = m->data.result;
		char *private = NULL;
		struct http_call *c;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private);
		c = (struct http_call *)(void *)private;
		call_done(c, rc);
	}
}

static void
http_act(struct http *h, curl_socket_t fd, int events)
{
	int running;

	h->inside = true;
	curl_multi_socket_action(h->multi, fd, events, &running);
	h->inside = false;
	http_sweep(h);
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void
sock_watch(struct sock *s)
{
	uv_poll_start(&s->poll, s->events, on_poll);
}

/*
 * libuv calls a reset an error and looks no longer.  The library is told that it
 * can read and write: so it learns the error itself, and what to do about it.
 */
static void
on_poll(uv_poll_t *poll, int status, int events)
{
	struct sock *s = poll->data;
	int e = (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
	    (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);

	if (status < 0) {
		e = CURL_CSELECT_IN | CURL_CSELECT_OUT;
		sock_watch(s);
	}
	http_act(s->http, s->fd, e);
}

static void
on_sock_closed(uv_handle_t *handle)
{
	struct sock *s = handle->data;

	handle->data = s->http;
	http_handle_closed(handle);
	free(s);
}

static void
cloexec(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	if (flags >= 0 && !(flags & FD_CLOEXEC))
		fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *sockarg)
{
	struct http *h = arg;
	struct sock *s = sockarg;

	if (what == CURL_POLL_REMOVE) {
		if (!s)
			return 0;
		curl_multi_assign(h->multi, fd, NULL);
		uv_poll_stop(&s->poll);
		uv_close((uv_handle_t *)&s->poll, on_sock_closed);
		return 0;
	}
	if (!s) {
		s = mem_alloc(sizeof *s);
		s->http = h;
		s->fd = fd;
		cloexec(fd); /* the resolver's, too, which has no other hook */
		if (uv_poll_init(h->loop, &s->poll, fd) < 0) {
			free(s);
			return -1;
		}
		h->open++;
		s->poll.data = s;
		curl_multi_assign(h->multi, fd, s);
	}
	s->events = (what & CURL_POLL_IN ? UV_READABLE : 0) |
	    (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
	sock_watch(s);
	return 0;
}

static void
on_timer(uv_timer_t *timer)
{
	http_act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int
on_timeout_wish(CURLM *multi, long ms, void *arg)
{
	struct http *h = arg;

	if (ms < 0)
		uv_timer_stop(&h->timer);
	else
		uv_timer_start(&h->timer, on_timer, (uint64_t)ms, 0);
	return 0;
}

/*
 * The library's wake-up pair has no hook: whatever descriptor is new behind its
 * making gets the flag.  Others that appear meanwhile have it already.
 */
static CURLM *
multi_new(void)
{
	unsigned char was[FD_SCAN];
	CURLM *multi;

	for (int fd = 0; fd < FD_SCAN; fd++)
		was[fd] = fcntl(fd, F_GETFD) >= 0;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
	    (multi = curl_multi_init()) == NULL)
		abort(); /* no memory */
	for (int fd = 0; fd < FD_SCAN; fd++) {
		if (!was[fd])
			cloexec(fd);
	}
	return multi;
}

struct http *
http_new(uv_loop_t *loop)
{
	struct http *h = mem_alloc(sizeof *h);

	h->loop = loop;
	h->multi = multi_new();
	h->open = 1;
	uv_timer_init(loop, &h->timer);
	h->timer.data = h;
	uv_unref((uv_handle_t *)&h->timer);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timeout_wish);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, 8L);
	return h;
}

void
http_free(struct http *h)
{
	if (!h)
		return;
	assert(!h->inside);
	while (h->calls)
		http_call_free(h->calls);
	curl_multi_cleanup(h->multi);
	http_ca_free(h);
	h->freed = true;
	uv_close((uv_handle_t *)&h->timer, http_handle_closed);
}

/* --- what the library asks of a call --- */

static curl_socket_t
on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct http_call *c = arg;

	c->has_socket = true; /* so the name is known */
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* The connection is there, proxy and TLS done; the request is about to be sent. */
static int
on_connected(void *arg, char *ip, char *local, int port, int local_port)
{
	struct http_call *c = arg;

	if (c->dead)
		return CURL_PREREQFUNC_ABORT;
	c->has_socket = true;
	c->connected_ms = clock_mono_ms();
	if (c->wish.body_len == 0)
		c->sent_ms = c->connected_ms;
	return CURL_PREREQFUNC_OK;
}

static size_t
on_body_wanted(char *to, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;
	size_t room = size * n, done = 0;

	if (c->dead)
		return CURL_READFUNC_ABORT;
	while (done < room && c->piece < c->wish.pieces) {
		const struct http_piece *p = &c->wish.body[c->piece];
		size_t part = p->len - c->off;

		if (part > room - done)
			part = room - done;
		if (part)
			memcpy(to + done, p->data + c->off, part);
		done += part;
		c->off += part;
		if (c->off == p->len) {
			c->piece++;
			c->off = 0;
		}
	}
	if (c->piece == c->wish.pieces && c->sent_ms < 0)
		c->sent_ms = clock_mono_ms();
	return done;
}

/* The library sends again by itself what a dying kept-alive connection swallowed. */
static int
on_body_seek(void *arg, curl_off_t offset, int origin)
{
	struct http_call *c = arg;

	if (c->dead || offset != 0 || origin != SEEK_SET)
		return CURL_SEEKFUNC_FAIL;
	c->piece = c->off = 0;
	c->sent_ms = -1;
	return CURL_SEEKFUNC_OK;
}

/* Ends the call from within the library: it is told how when it is done. */
static size_t
call_stop(struct http_call *c, enum http_end how)
{
	if (c->how == HTTP_ENDS)
		c->how = how;
	return 0;
}

static void
call_byte(struct http_call *c)
{
	c->byte_ms = clock_mono_ms();
	c->quiet_told_ms = 0;
}

static size_t
on_header(char *line, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;
	size_t len = size * n;
	int rc;

	if (c->dead)
		return 0;
	call_byte(c);
	if (c->told_headers)
		return len; /* trailers: nobody asked for them */
	rc = http_headers_line(&c->answer, line, len);
	if (rc < 0)
		return call_stop(c, HTTP_TOO_LONG);
	if (rc == 0)
		return len;
	c->told_headers = true;
	http_call_arm(c); /* other limits hold from now on */
	if (c->events->headers)
		c->events->headers(c->answer.status, &c->answer, c->arg);
	if (c->dead)
		return 0;
	if (c->answer.status >= 300 && c->answer.status < 400 &&
	    http_header(&c->answer, "location"))
		return call_stop(c, HTTP_REDIRECT);
	return len;
}

static size_t
on_body(char *data, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;
	size_t len = size * n;

	if (c->dead)
		return 0;
	call_byte(c);
	c->got += len;
	if (c->got > c->wish.body_max)
		return call_stop(c, HTTP_TOO_LONG);
	if (c->events->body && !c->events->body(data, len, c->arg))
		return call_stop(c, HTTP_ABORTED);
	return c->dead ? 0 : len;
}

/* --- a call --- */

static bool
said_has(const struct http_call *c, const char *word)
{
	return strstr(c->error, word) != NULL;
}

static enum http_end
end_of_tls(const struct http_call *c)
{
	/* A peer that hangs up in the handshake says nothing about certificates. */
	if (said_has(c, "SSL_ERROR_SYSCALL") || said_has(c, "reset by peer") ||
	    said_has(c, "unexpected eof"))
		return HTTP_NO_CONNECT;
	return HTTP_TLS;
}

static enum http_end
end_of(const struct http_call *c, CURLcode rc)
{
	switch (rc) {
	case CURLE_OK:
		return c->told_headers ? HTTP_DONE : HTTP_CUT;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return HTTP_NO_NAME;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CIPHER:
		return HTTP_TLS;
	case CURLE_SSL_CONNECT_ERROR:
		return end_of_tls(c);
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return c->connected_ms < 0 ? HTTP_BAD_REQUEST : HTTP_CUT;
	case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_INTERFACE_FAILED:
	case CURLE_PROXY:
		return HTTP_NO_CONNECT;
	default:
		return c->connected_ms < 0 ? HTTP_NO_CONNECT : HTTP_CUT;
	}
}

int
http_lib_add(struct http_call *c)
{
	c->added = curl_multi_add_handle(c->http->multi, c->easy) == CURLM_OK;
	return c->added ? 0 : -1;
}

bool
http_lib_use_addresses(struct http_call *c)
{
	const char *addresses = c->wish.addresses;
	char *row;

	if (c->by_address || c->where.is_literal || c->has_socket)
		return false;
	if (!addresses)
		addresses = http_learnt(&c->http->learnt, &c->where);
	if (!addresses)
		return false;
	row = mem_printf("+%s:%d:%s", c->where.host, c->where.port, addresses);
	c->resolve = curl_slist_append(NULL, row);
	LOG("http", "no name server answers for %s: %s", c->where.host, addresses);
	free(row);
	c->by_address = true;
	call_drop(c);
	c->error[0] = '\0';
	curl_easy_setopt(c->easy, CURLOPT_RESOLVE, c->resolve);
	return http_lib_add(c) == 0;
}

/* The kernel's word where there is one, else the library's. */
static const char *
detail_of(struct http_call *c, enum http_end how, CURLcode rc)
{
	long errnum = 0;

	if (how == HTTP_NO_CONNECT && rc == CURLE_COULDNT_CONNECT &&
	    curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &errnum) == CURLE_OK && errnum)
		return strerror((int)errnum);
	if (how == HTTP_BAD_REQUEST && rc == CURLE_SSL_CACERT_BADFILE) {
		snprintf(c->error, sizeof c->error, "%.300s holds no certificate in PEM",
		    http_ca_path(c));
		return c->error;
	}
	return c->error[0] || rc == CURLE_OK ? c->error : curl_easy_strerror(rc);
}

/* The library is through with it; a name that is not known has a second way. */
static void
call_done(struct http_call *c, CURLcode rc)
{
	enum http_end how = c->how != HTTP_ENDS ? c->how : end_of(c, rc);

	if (how == HTTP_NO_NAME && rc == CURLE_COULDNT_RESOLVE_HOST &&
	    http_lib_use_addresses(c)) {
		http_call_arm(c);
		return;
	}
	if (how == HTTP_DONE)
		http_learn_address(c);
	http_call_end(c, how, detail_of(c, how, rc));
}

static void
call_headers(struct http_call *c, const char *const *headers)
{
	c->headers = curl_slist_append(NULL, "Expect:"); /* or it waits for a 100 */
	for (; headers && *headers; headers++)
		c->headers = curl_slist_append(c->headers, *headers);
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
}

static void
call_method(struct http_call *c)
{
	CURL *e = c->easy;

	if (strcmp(c->wish.method, "GET") == 0 && c->wish.pieces == 0)
		return;
	curl_easy_setopt(e, CURLOPT_POST, 1L);
	curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->wish.body_len);
	curl_easy_setopt(e, CURLOPT_READFUNCTION, on_body_wanted);
	curl_easy_setopt(e, CURLOPT_READDATA, c);
	curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_body_seek);
	curl_easy_setopt(e, CURLOPT_SEEKDATA, c);
	curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BUFFER);
	if (strcmp(c->wish.method, "POST") != 0)
		curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, c->wish.method);
}

static void
call_callbacks(struct http_call *c)
{
	CURL *e = c->easy;

	curl_easy_setopt(e, CURLOPT_PRIVATE, c);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->error);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, c);
	curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_connected);
	curl_easy_setopt(e, CURLOPT_PREREQDATA, c);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
}

static void
call_options(struct http_call *c)
{
	CURL *e = c->easy;

	curl_easy_setopt(e, CURLOPT_URL, c->wish.url);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	/* a lookup that hangs is left to its thread: a cancel must not wait for it */
	curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, c->where.tls ? "https" : "http");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPIDLE, 30L);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPINTVL, 15L);
	curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	/* ours is exact; this one only keeps the library from its own 300 s */
	curl_easy_setopt(
	    e, CURLOPT_CONNECTTIMEOUT_MS, (long)(2 * c->wish.connect_ms + 1000));
	if (c->wish.proxy) {
		curl_easy_setopt(e, CURLOPT_PROXY, c->wish.proxy);
		curl_easy_setopt(e, CURLOPT_NOPROXY, ""); /* what is named is meant */
	}
}

const char *
http_lib_ca_file(void)
{
	return curl_version_info(CURLVERSION_NOW)->cainfo;
}

/* No folder of certificates beside them: OpenSSL would look into it on the loop. */
void
http_lib_ca(struct http_call *c, const char *text, size_t len)
{
	struct curl_blob blob = {
	    .data = (void *)(uintptr_t)text, .len = len, .flags = CURL_BLOB_COPY};

	curl_easy_setopt(c->easy, CURLOPT_CAINFO_BLOB, &blob);
	curl_easy_setopt(c->easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(c->easy, CURLOPT_PROXY_CAINFO_BLOB, &blob);
	curl_easy_setopt(c->easy, CURLOPT_PROXY_CAPATH, NULL);
}

void
http_lib_new(struct http_call *c, const char *const *headers)
{
	c->easy = curl_easy_init();
	if (!c->easy)
		abort(); /* no memory */
	call_callbacks(c);
	call_options(c);
	call_method(c);
	call_headers(c, headers);
}

void
http_lib_free(struct http_call *c)
{
	call_drop(c);
	curl_easy_cleanup(c->easy);
	/* one of them is the key */
	for (struct curl_slist *l = c->headers; l; l = l->next)
		explicit_bzero(l->data, strlen(l->data));
	curl_slist_free_all(c->headers);
	curl_slist_free_all(c->resolve);
}
