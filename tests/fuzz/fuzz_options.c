/* SPDX-License-Identifier: GPL-3.0-or-later */
/* breakglass.conf, and what stands in it: addresses; and the headers of an answer. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/options.h"
#include "engine/api/http_int.h"
#include "fuzz/fuzz.h"

static void
read_urls(const struct options *o)
{
	struct http_where w;
	struct err err;

	for (int i = 0; i < o->n_endpoints; i++) {
		const struct option_endpoint *ep = &o->endpoints[i];

		must(ep->name[0] && strlen(ep->name) <= OPTIONS_ENDPOINT_NAME_MAX);
		must(strspn(ep->name, "abcdefghijklmnopqrstuvwxyz0123456789-") ==
		    strlen(ep->name));
		must(strcmp(ep->kind, "vendor") == 0 || ep->url[0]);
		must(ep->in_usd >= 0 && ep->in_usd < 1e6);
		if (http_where(ep->url, &w, &err) < 0)
			continue;
		must(w.host[0] && w.port > 0 && w.port < 65536);
		must(!strchr(w.host, '@') && !strchr(w.host, '/'));
		if (http_check_url(ep->url, false, &err) == 0)
			must(w.tls || http_is_private(w.host));
	}
}

static void
read_headers(const char *data, size_t size)
{
	struct http_headers h;
	int rc = 0;

	http_headers_init(&h);
	while (size && rc == 0) {
		const char *lf = memchr(data, '\n', size);
		size_t n = lf ? (size_t)(lf + 1 - data) : size;

		rc = http_headers_line(&h, data, n);
		must(rc >= -1 && rc <= 1);
		must(h.status >= 0 && h.status <= 999);
		data += n;
		size -= n;
	}
	(void)http_header(&h, "retry-after");
	http_headers_fini(&h);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	struct options o;
	struct err err;
	int fd = memfd_create("conf", MFD_CLOEXEC);

	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	setenv("BREAKGLASS_CONFIG", path, 1);
	setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
	if (options_load(&o, &err) == 0) {
		must(o.n_endpoints >= 0 && o.n_endpoints <= OPTIONS_ENDPOINTS_MAX);
		read_urls(&o);
		options_fini(&o);
	} else
		must(strstr(err.words, " line ") || strstr(err.words, "has no url") ||
		    strstr(err.words, "environment"));
	close(fd);
	read_headers((const char *)data, size);
	return 0;
}
