/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JSON objects: what is taken prints as ASCII that reads back the same, two readers
 * agree on what JSON is, and what is refused says why.
 */
#include <string.h>

#include "base/text.h"
#include "engine/api/jraw.h"
#include "fuzz/fuzz.h"
#include "wire/json.h"
#include "wire/json_check.h"

#define PRINT_MAX (1 << 20)

static void
print(const struct js *j, struct buf *out)
{
	buf_init(out, PRINT_MAX);
	must(js_print(j, out) == 0);
	for (size_t i = 0; i < out->len; i++)
		must(out->data[i] >= 0x20 && out->data[i] < 0x7f);
}

static bool
look_at(const char *key, void *arg)
{
	const struct js *j = arg;
	struct buf b;
	size_t len;
	const char *s = js_strn(j, key, &len);

	buf_init(&b, PRINT_MAX);
	must(js_has(j, key));
	if (s) {
		must(text_is_utf8(s, len) && s[len] == '\0');
		must((js_str(j, key) != NULL) == (strlen(s) == len));
		must(js_bytes(j, key, &b) == 0 && b.len == len);
		must(js_int(j, key, 7) == 7 && !js_get(j, key) && !js_get_array(j, key));
	}
	if (js_get(j, key))
		js_each_key(js_get(j, key), look_at, js_get(j, key));
	for (size_t i = 0; i < js_len(js_get_array(j, key)); i++)
		js_at(js_get_array(j, key), i);
	must(js_dbl(j, key, 0) - js_dbl(j, key, 0) == 0); /* finite */
	buf_fini(&b);
	return true;
}

static void
check(
    const char *text, size_t len, struct js *(*parse)(const char *, size_t, struct err *))
{
	struct err err = {0};
	struct js *j = parse(text, len, &err), *again;
	struct buf once, twice;
	struct jraw raw;

	if (!j) {
		must(err.code == ERR_PROTOCOL && err.words[0]);
		return;
	}
	/* the other reader takes all that this one does */
	must(jraw_check(text, len, &raw, &err) == 0 && jraw_kind(raw) == '{');
	must(parse == js_parse_foreign || !(jraw_flaws(raw) & JRAW_HALF));
	js_each_key(j, look_at, j);
	print(j, &once);
	must(once.len <= 6 * len); /* every byte \u00XX */
	again = js_parse_foreign(once.data, once.len, &err);
	must(again);
	print(again, &twice);
	must(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
	js_free(again);
	js_free(j);
	buf_fini(&once);
	buf_fini(&twice);
}

/* Any bytes, put into an object, come back. */
static void
check_bytes(const char *data, size_t size)
{
	struct js *j = js_new(), *again;
	struct err err = {0};
	struct buf text, back;

	js_set_bytes(j, "b", data, size);
	js_set_strn(j, "s", data, size);
	print(j, &text);
	again = js_parse(text.data, text.len, &err);
	must(again);
	buf_init(&back, PRINT_MAX);
	must(js_bytes(again, "b", &back) == 0);
	must(back.len == size && (size == 0 || memcmp(back.data, data, size) == 0));
	js_free(again);
	js_free(j);
	buf_fini(&text);
	buf_fini(&back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_check strict, foreign;

	/* what the strict reading takes, the other takes as well */
	must(!json_check((const char *)data, size, false, &strict) ||
	    (json_check((const char *)data, size, true, &foreign) &&
		strict.members == foreign.members));
	must(!strict.why || strict.at <= size);
	check((const char *)data, size, js_parse);
	check((const char *)data, size, js_parse_foreign);
	check_bytes((const char *)data, size);
	return 0;
}
