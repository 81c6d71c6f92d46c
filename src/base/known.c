/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/known.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/locked.h"
#include "base/random.h"

#define TABLE_FIRST 1024 /* slots; doubled when three quarters are used */
#define SIEVE_BITS 18	 /* a bitmap in front of the table: most bytes end there */
#define SIEVE_BYTES (1U << (SIEVE_BITS - 3))
#define OWN_WORD_MAX 32
#define MIX 0x9e3779b97f4a7c15U

/* One number that a part of a secret has, with how often that part is known. */
struct slot {
	uint64_t key;
	uint32_t count; /* 0 with a key: it was forgotten */
};

/* All of it is under the lock. */
static struct {
	pthread_mutex_t lock;
	uint64_t factor;
	uint64_t window_out, hex_out, hint_out; /* factor to the power of their lengths */
	struct slot *slots;
	size_t size, used;
	unsigned char *sieve;
	unsigned
	    shorts[KNOWN_WINDOW_HEX]; /* how many whole secrets of each short length */
	bool any_short;
	bool no_room; /* for what is being told */
} known = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* --- the table --- */

static uint64_t
power(unsigned n)
{
	uint64_t p = 1;

	while (n-- > 0)
		p *= known.factor;
	return p;
}

static uint64_t
key_of(uint64_t sum, unsigned length)
{
	uint64_t key = (sum ^ (length * MIX)) * MIX;

	key ^= key >> 32;
	return key ? key : 1;
}

static size_t
sieve_bit(uint64_t key)
{
	return (size_t)((key * MIX) >> (64 - SIEVE_BITS));
}

static struct slot *
table_find(struct slot *slots, size_t size, uint64_t key)
{
	size_t i = (size_t)key & (size - 1);

	while (slots[i].key && slots[i].key != key)
		i = (i + 1) & (size - 1);
	return &slots[i];
}

static void
table_keep(struct slot *slots, size_t size, const struct slot *s)
{
	size_t bit = sieve_bit(s->key);

	*table_find(slots, size, s->key) = *s;
	known.sieve[bit >> 3] |= (unsigned char)(1U << (bit & 7));
	known.used++;
}

/* Room for one more; what was forgotten goes.  False: there is none. */
static bool
table_room(void)
{
	size_t size = known.size ? known.size : TABLE_FIRST;
	struct slot *slots;
	struct err err;
	size_t live = 0;

	if (known.size && (known.used + 1) * 4 <= known.size * 3)
		return true;
	for (size_t i = 0; i < known.size; i++)
		live += known.slots[i].count > 0;
	if (live >= KNOWN_MAX)
		return false;
	while ((live + 1) * 2 > size)
		size *= 2;
	slots = locked_new_ordinary(size * sizeof *slots, NULL, &err);
	if (!slots)
		return false;
	memset(known.sieve, 0, SIEVE_BYTES);
	known.used = 0;
	for (size_t i = 0; i < known.size; i++)
		if (known.slots[i].count > 0)
			table_keep(slots, size, &known.slots[i]);
	locked_free(known.slots, known.size * sizeof *slots);
	known.slots = slots;
	known.size = size;
	return true;
}

static bool
table_begin(void)
{
	struct err err;

	if (known.sieve)
		return true;
	if (!random_try(&known.factor, sizeof known.factor))
		known.factor = (uint64_t)time(NULL) * MIX;
	known.factor |= 1;
	known.window_out = power(KNOWN_WINDOW);
	known.hex_out = power(KNOWN_WINDOW_HEX);
	known.hint_out = power(KNOWN_HINT);
	known.sieve = locked_new_ordinary(SIEVE_BYTES, NULL, &err);
	return known.sieve != NULL;
}

/* False: it was not known, or there is no room for it. */
static bool
table_change(uint64_t key, int by)
{
	struct slot *s = known.size ? table_find(known.slots, known.size, key) : NULL;

	if (s && s->key) {
		if (by < 0 && s->count == 0)
			return false;
		s->count += (uint32_t)by;
		return true;
	}
	if (by < 0 || known.no_room)
		return false;
	known.no_room = !table_room();
	if (known.no_room)
		return false;
	table_keep(known.slots, known.size, &(struct slot){key, 1});
	return true;
}

static bool
table_has(uint64_t key)
{
	size_t bit = sieve_bit(key);

	return (known.sieve[bit >> 3] & (1U << (bit & 7))) &&
	    table_find(known.slots, known.size, key)->count > 0;
}

/* --- a walk --- */

void
known_begin(struct known_walk *w, bool json)
{
	memset(w, 0, sizeof *w);
	w->json = json;
}

static bool
counts(struct known_walk *w, unsigned char c)
{
	if (w->skip > 0) {
		w->skip--;
		return false;
	}
	if (w->json && w->escaped) {
		w->escaped = false;
		w->skip = c == 'u' ? 4 : 0;
		return !strchr("nrtbfu", c);
	}
	if (w->json && c == '\\') {
		w->escaped = true;
		return false;
	}
	return c != ' ' && c != '\n' && c != '\t' && c != '\r' && c != ':';
}

static unsigned char
nth_last(const struct known_walk *w, unsigned n)
{
	return w->last[(w->count - n) % KNOWN_RING].c;
}

static void
take(struct known_walk *w, unsigned char c, uint64_t at)
{
	uint64_t out = w->count >= KNOWN_WINDOW ? nth_last(w, KNOWN_WINDOW) + 1U : 0;

	w->window = w->window * known.factor + c + 1 - out * known.window_out;
	out = w->count >= KNOWN_WINDOW_HEX ? nth_last(w, KNOWN_WINDOW_HEX) + 1U : 0;
	w->window_hex = w->window_hex * known.factor + c + 1 - out * known.hex_out;
	out = w->count >= KNOWN_HINT ? nth_last(w, KNOWN_HINT) + 1U : 0;
	w->hint = w->hint * known.factor + c + 1 - out * known.hint_out;
	w->last[w->count % KNOWN_RING].c = c;
	w->last[w->count % KNOWN_RING].at = at;
	w->last[w->count % KNOWN_RING].hint = false;
	w->count++;
}

/* The sum over the last n, made anew: for the few lengths that are not rolled along. */
static uint64_t
sum_of(const struct known_walk *w, unsigned n)
{
	uint64_t sum = 0;

	for (unsigned i = n; i > 0; i--)
		sum = sum * known.factor + nth_last(w, i) + 1;
	return sum;
}

/* How long the secret is that ends here, or 0. */
static unsigned
length_here(const struct known_walk *w)
{
	if (w->count >= KNOWN_WINDOW && table_has(key_of(w->window, KNOWN_WINDOW)))
		return KNOWN_WINDOW;
	if (w->count >= KNOWN_WINDOW_HEX &&
	    table_has(key_of(w->window_hex, KNOWN_WINDOW_HEX)))
		return KNOWN_WINDOW_HEX;
	for (unsigned n = KNOWN_WINDOW_HEX - 1; known.any_short && n >= KNOWN_MIN; n--)
		if (known.shorts[n] && w->count >= n &&
		    table_has(key_of(sum_of(w, n), n)))
			return n;
	return 0;
}

bool
known_next(
    struct known_walk *w, const char *data, size_t len, size_t *used, uint64_t *from)
{
	unsigned n = 0;

	pthread_mutex_lock(&known.lock);
	if (!known.size) { /* nothing is known: nothing has to be read */
		w->at += len - *used;
		*used = len;
	}
	while (*used < len && n == 0) {
		unsigned char c = (unsigned char)data[(*used)++];
		uint64_t at = w->at++;

		if (!counts(w, c))
			continue;
		take(w, c, at);
		w->last[(w->count - 1) % KNOWN_RING].hint =
		    w->count >= KNOWN_HINT && table_has(key_of(w->hint, KNOWN_HINT));
		n = length_here(w);
		if (n)
			*from = w->last[(w->count - n) % KNOWN_RING].at;
	}
	pthread_mutex_unlock(&known.lock);
	return n > 0;
}

uint64_t
known_doubt(const struct known_walk *w)
{
	uint64_t i = w->count;
	unsigned most = KNOWN_WINDOW_HEX - KNOWN_HINT, n = 0;

	while (n < most && i > 0 && w->last[(i - 1) % KNOWN_RING].hint) {
		i--;
		n++;
	}
	if (n == 0)
		return w->at;
	i = i >= KNOWN_HINT - 1 ? i - (KNOWN_HINT - 1) : 0;
	return w->last[i % KNOWN_RING].at;
}

/* --- one text, in place --- */

static bool
is_escaped(const char *text, size_t at)
{
	size_t n = 0;

	while (n < at && text[at - 1 - n] == '\\')
		n++;
	return n & 1;
}

static void
blot(char *text, size_t from, size_t to, bool json)
{
	static const char mark[] = "[secret]";
	size_t n = 0;

	if (json && is_escaped(text, from))
		from--;
	for (size_t i = from; i < to; i++) {
		if (json && text[i] == '\\' && !strchr("\"\\/", text[i + 1])) {
			i += text[i + 1] == 'u' ? 5 : 1; /* a blank's escape stays one */
			continue;
		}
		if (text[i] && strchr(" \n\t\r:", text[i]))
			continue;
		if (json && text[i] == '\\') /* both bytes of a sign's escape */
			text[i++] = '*';
		text[i] = n < sizeof mark - 1 ? mark[n] : '*';
		n++;
	}
}

/* Is it a word as our own names and the values of t are?  No token looks like that. */
static bool
is_own_word(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!(text[i] >= 'a' && text[i] <= 'z') &&
		    !(text[i] >= '0' && text[i] <= '9') && text[i] != '_')
			return false;
	return len < OWN_WORD_MAX;
}

/* Where a line of JSON was read to, and the string that was found last. */
struct strings {
	size_t at, from, to;
	bool after_t; /* it is what "t" says */
	bool stays;
};

static bool
strings_next(struct strings *s, const char *text, size_t len)
{
	const char *open = memchr(text + s->at, '"', len - s->at);
	bool is_name;

	if (!open)
		return false;
	s->from = s->to = (size_t)(open - text) + 1;
	while (s->to < len && text[s->to] != '"')
		s->to += text[s->to] == '\\' ? 2 : 1;
	if (s->to > len)
		s->to = len;
	s->at = s->to < len ? s->to + 1 : len;
	is_name = s->at < len && text[s->at] == ':';
	s->stays =
	    (is_name || s->after_t) && is_own_word(text + s->from, s->to - s->from);
	s->after_t = is_name && s->to - s->from == 1 && text[s->from] == 't';
	return true;
}

/* The parts of it that are in strings; s goes along. */
static void
blot_strings(char *text, size_t len, size_t from, size_t to, struct strings *s)
{
	while (s->to <= from && strings_next(s, text, len))
		continue;
	while (s->from < to && s->to > from) {
		if (!s->stays)
			blot(text, s->from > from ? s->from : from,
			    s->to < to ? s->to : to, true);
		if (s->to >= to || !strings_next(s, text, len))
			break;
	}
}

static void
blot_range(char *text, size_t len, size_t from, size_t to, bool json, struct strings *s)
{
	if (json)
		blot_strings(text, len, from, to, s);
	else
		blot(text, from, to, false);
}

void
known_blot(char *text, size_t len, bool json)
{
	struct strings s = {0};
	struct known_walk w;
	size_t used = 0, begin = 0, end = 0;
	uint64_t from;

	known_begin(&w, json);
	while (known_next(&w, text, len, &used, &from)) {
		if (end && from >= end) {
			blot_range(text, len, begin, end, json, &s);
			begin = (size_t)from;
		} else if (!end || from < begin) {
			begin = (size_t)from;
		}
		end = used;
	}
	if (end)
		blot_range(text, len, begin, end, json, &s);
}

/* --- what is known --- */

struct telling {
	struct known_walk walk;
	unsigned window;
	int by;
};

static void
tell(struct telling *t, unsigned char c)
{
	struct known_walk *w = &t->walk;

	if (!counts(w, c))
		return;
	take(w, c, 0);
	if (w->count >= KNOWN_HINT)
		table_change(key_of(w->hint, KNOWN_HINT), t->by);
	if (w->count >= t->window)
		table_change(key_of(t->window == KNOWN_WINDOW ? w->window : w->window_hex,
				 t->window),
		    t->by);
}

static void
tell_end(struct telling *t)
{
	struct known_walk *w = &t->walk;
	unsigned n = (unsigned)w->count;

	if (w->count >= KNOWN_MIN && w->count < t->window) {
		if (table_change(key_of(sum_of(w, n), n), t->by))
			known.shorts[n] += (unsigned)t->by;
	}
	explicit_bzero(w, sizeof *w);
}

static void
tell_base64(const unsigned char *p, size_t len, int by)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct telling t = {.by = by, .window = KNOWN_WINDOW};
	uint32_t bits = 0;
	unsigned have = 0;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | p[i];
		for (have += 8; have >= 6; have -= 6)
			tell(&t, (unsigned char)letters[bits >> (have - 6) & 63]);
	}
	tell_end(&t);
}

static void
tell_hex(const unsigned char *p, size_t len, const char *digits, int by)
{
	struct telling t = {.by = by, .window = KNOWN_WINDOW_HEX};

	for (size_t i = 0; i < len; i++) {
		tell(&t, (unsigned char)digits[p[i] >> 4]);
		tell(&t, (unsigned char)digits[p[i] & 15]);
	}
	tell_end(&t);
}

/* A dummy that is a word would blot out that word wherever it stands. */
static bool
is_told_apart(const char *secret, size_t len)
{
	bool letter = false, digit = false;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)secret[i];

		digit |= c >= '0' && c <= '9';
		letter |= (c | 32) >= 'a' && (c | 32) <= 'z';
	}
	return len >= KNOWN_WINDOW || (len >= KNOWN_MIN && letter && digit);
}

/* False: there was no room. */
static bool
change(const char *secret, size_t len, int by)
{
	bool fits;
	const unsigned char *p = (const unsigned char *)secret;
	struct telling t = {.by = by, .window = KNOWN_WINDOW};

	if (!is_told_apart(secret, len))
		return true;
	pthread_mutex_lock(&known.lock);
	known.no_room = !table_begin();
	if (!known.no_room) {
		for (size_t i = 0; i < len; i++)
			tell(&t, p[i]);
		tell_end(&t);
		for (size_t skip = 0; skip < 3; skip++)
			tell_base64(p + skip, len - skip, by);
		tell_hex(p, len, "0123456789abcdef", by);
		tell_hex(p, len, "0123456789ABCDEF", by);
		known.any_short = false;
		for (unsigned n = KNOWN_MIN; n < KNOWN_WINDOW_HEX; n++)
			known.any_short |= known.shorts[n] > 0;
	}
	fits = !known.no_room;
	pthread_mutex_unlock(&known.lock);
	return fits;
}

bool
known_add(const char *secret, size_t len)
{
	return change(secret, len, 1);
}

void
known_forget(const char *secret, size_t len)
{
	change(secret, len, -1);
}
