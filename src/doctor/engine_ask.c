/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "doctor/engine_ask.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "record/ask.h"
#include "wire/frame.h"
#include "wire/json.h"

struct asking {
	void (*fn)(const struct js *fact, void *arg);
	void *arg;
	bool over, welcome;
	struct err *err;
};

static bool
on_line(char *line, size_t len, void *arg)
{
	struct asking *a = arg;
	struct err err;
	struct js *m = js_parse(line, len, &err);

	if (!m)
		return true;
	if (!a->welcome && (js_is(m, "t", "error") || js_is(m, "t", "gate"))) {
		err_set(a->err, ERR_DENIED, "it does not let us in: %s",
		    js_str(m, "text") ? js_str(m, "text") : "it does not say why");
		a->over = true;
	} else if (js_is(m, "t", "welcome") || js_is(m, "t", "state")) {
		a->welcome = true;
		a->fn(m, a->arg);
	} else if (js_is(m, "t", "caught_up"))
		a->over = true;
	js_free(m);
	return !a->over;
}

static int
read_all(int fd, struct asking *a, struct err *err)
{
	int64_t until = clock_mono_ms() + ENGINE_ASK_MS;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char data[16384];
	struct frame f;
	int rc = 0;

	frame_init(&f, 1024 * 1024);
	while (rc == 0 && !a->over) {
		int64_t left = until - clock_mono_ms();
		ssize_t n;

		if (left <= 0 || poll(&p, 1, (int)left) == 0) {
			rc = err_set(err, ERR_BUSY,
			    "it listens and does not answer: is it stopped?");
			break;
		}
		n = read(fd, data, sizeof data);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			rc = err_set(err, ERR_BUSY, "it closed the connection");
		else
			frame_feed(&f, data, (size_t)n, on_line, a);
	}
	frame_fini(&f);
	return rc < 0 || !a->welcome ? -1 : 0;
}

int
engine_ask(const struct options *o, void (*fn)(const struct js *fact, void *arg),
    void *arg, bool *none, struct err *err)
{
	struct asking a = {.fn = fn, .arg = arg, .err = err};
	int fd = ask_connect(o, none, err), rc;

	if (fd < 0)
		return -1;
	rc = ask_hello(fd, "doctor", NULL, err);
	if (rc == 0)
		rc = read_all(fd, &a, err);
	close(fd);
	return rc;
}
