/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which addresses may be spoken to.
 *
 * Stricter than the library's reading of a URL on purpose: what the two could
 * read differently (a name and password, a blank, a backslash) is refused.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/api/http_int.h"

bool
http_is_literal(const char *host)
{
	struct in6_addr a6;
	struct in_addr a4;

	return inet_pton(AF_INET, host, &a4) == 1 || inet_pton(AF_INET6, host, &a6) == 1;
}

bool
http_is_private(const char *host)
{
	struct in6_addr a6;
	struct in_addr a4;
	uint32_t a;

	if (strcasecmp(host, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET6, host, &a6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&a6) || IN6_IS_ADDR_LINKLOCAL(&a6) ||
		    (a6.s6_addr[0] & 0xfe) == 0xfc;
	if (inet_pton(AF_INET, host, &a4) != 1)
		return false;
	a = ntohl(a4.s_addr);
	return a >> 24 == 127 || a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 ||
	    a >> 16 == 0xa9fe;
}

static int
read_port(const char *text, struct http_where *w, struct err *err)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || end - text > 5 || n < 1 || n > 65535 ||
	    (*end && !strchr("/?", *end)))
		return err_set(err, ERR_USAGE, "the port in the address is no number");
	w->port = (int)n;
	return 0;
}

static int
read_host(const char *at, struct http_where *w, struct err *err)
{
	bool bracket = *at == '[';
	size_t n = bracket ? strcspn(++at, "]/?") : strcspn(at, ":/?");

	if (n == 0 || n >= sizeof w->host || (bracket && at[n] != ']'))
		return err_set(err, ERR_USAGE, "the address names no host");
	memcpy(w->host, at, n);
	w->host[n] = '\0';
	w->is_literal = http_is_literal(w->host);
	if (bracket != (strchr(w->host, ':') != NULL) || (bracket && !w->is_literal) ||
	    w->host[strspn(w->host,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:")])
		return err_set(
		    err, ERR_USAGE, "the address's host is neither a name nor literal");
	at += n + bracket;
	if (*at == ':')
		return read_port(at + 1, w, err);
	if (*at && !strchr("/?", *at))
		return err_set(err, ERR_USAGE, "the address ends in the middle");
	return 0;
}

int
http_where(const char *url, struct http_where *w, struct err *err)
{
	size_t scheme;

	memset(w, 0, sizeof *w);
	if (strlen(url) > HTTP_URL_MAX)
		return err_set(
		    err, ERR_LIMIT, "the address is longer than %d bytes", HTTP_URL_MAX);
	for (const char *p = url; *p; p++) {
		if (*p <= ' ' || *p > '~' || strchr("\\\"<>^`{|}#", *p))
			return err_set(err, ERR_USAGE,
			    "the address has a character that no address has");
	}
	scheme = strncasecmp(url, "https://", 8) == 0 ? 8
	    : strncasecmp(url, "http://", 7) == 0     ? 7
						      : 0;
	if (!scheme)
		return err_set(err, ERR_USAGE,
		    "the address does not begin with https:// (or http://)");
	w->tls = scheme == 8;
	w->port = w->tls ? 443 : 80;
	url += scheme;
	if (memchr(url, '@', strcspn(url, "/?")))
		return err_set(err, ERR_USAGE,
		    "the address holds a name or a password: put the key into a file, "
		    "key_file names it");
	return read_host(url, w, err);
}

int
http_origin(const char *url, char *host, size_t size, int *port, struct err *err)
{
	struct http_where w;

	if (http_where(url, &w, err) < 0)
		return -1;
	if (strlen(w.host) >= size)
		return err_set(err, ERR_LIMIT, "the address's host is too long");
	strcpy(host, w.host);
	*port = w.port;
	return 0;
}

int
http_check_url(const char *url, bool plain_anywhere, struct err *err)
{
	struct http_where w;

	if (http_where(url, &w, err) < 0)
		return -1;
	if (!w.tls && !plain_anywhere && !http_is_private(w.host))
		return err_set(err, ERR_DENIED,
		    "%.200s is not on this host or a private network: what goes there "
		    "without TLS can be read on the way, write https://",
		    w.host);
	return 0;
}

void
http_proxy_name(const char *url, char *out, size_t size)
{
	const char *scheme = strstr(url, "://"), *at = strrchr(url, '@');
	const char *host = at ? at + 1 : scheme ? scheme + 3 : url;

	snprintf(
	    out, size, "%.*s%.100s", scheme ? (int)(scheme + 3 - url) : 0, url, host);
}

static const char *
env_of(const char *name, const char *other)
{
	const char *value = getenv(name);

	if (!value || !*value)
		value = other ? getenv(other) : NULL;
	return value && *value ? value : NULL;
}

/* One entry of NO_PROXY: the host, or a domain that it is in. */
static bool
no_proxy_has(const char *entry, size_t len, const char *host)
{
	size_t n = strlen(host);

	if (len && *entry == '.') {
		entry++;
		len--;
	}
	if (len == 1 && *entry == '*')
		return true;
	return len && len <= n && strncasecmp(host + n - len, entry, len) == 0 &&
	    (len == n || host[n - len - 1] == '.');
}

const char *
http_uses_proxy(const struct http_where *w, const char *proxy)
{
	const char *no = env_of("no_proxy", "NO_PROXY");

	if (proxy)
		return *proxy ? proxy : NULL;
	for (size_t n; no && *no; no += n + (no[n] != '\0')) {
		n = strcspn(no, ", ");
		if (no_proxy_has(no, n, w->host))
			return NULL;
	}
	proxy =
	    w->tls ? env_of("https_proxy", "HTTPS_PROXY") : env_of("http_proxy", NULL);
	return proxy ? proxy : env_of("all_proxy", "ALL_PROXY");
}
