/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The run directory of an engine that was begun without standard input: 0 is any file. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "engine/place.h"
#include "scratch.h"
#include "zero.h"

static struct place place, other;
static struct err err;
static int fds;

static void
begin(void)
{
	fds = open_fds();
	place_init(&place, mem_printf("%s/run", scratch()));
	place_init(&other, mem_dup(place.dir));
}

static void
end(void)
{
	place_fini(&place);
	place_fini(&other);
	AT_END(open_fds() == fds, "a descriptor is left open");
}

TestSuite(place_no_stdin, .init = begin, .fini = end, .timeout = 30);

static void
takes(struct place *p)
{
	cr_assert_eq(place_take(p, "", &err), 0, "%s", err.words);
}

Test(place_no_stdin, the_lock_is_0)
{
	int zero = zero_free(), sock;

	takes(&place);
	cr_assert_eq(place.lock_fd, 0);
	sock = place_listen(&place, &err);
	cr_assert_geq(sock, 0);
	cr_assert_eq(place_look(&place, &err), PLACE_FINE);
	cr_assert_eq(place_take(&other, "", &err), -1);
	cr_assert_eq(err.code, ERR_BUSY, "%s", err.words);
	close(sock);
	place_close(&place);
	place_fini(&place);
	zero_back(zero);
	memset(&place, 0, sizeof place);
	place_init(&place, mem_dup(other.dir));
	takes(&place);
}

Test(place_no_stdin, the_lock_made_anew_is_0)
{
	int zero;

	takes(&place);
	cr_assert_eq(unlink(place.lock), 0);
	zero = zero_free();
	cr_assert_eq(place_look(&place, &err), PLACE_AGAIN, "%s", err.words);
	cr_assert_eq(place.lock_fd, 0);
	place_fini(&place);
	zero_back(zero);
	place_init(&place, mem_dup(other.dir));
}

Test(place_no_stdin, the_socket_is_0_and_so_is_the_look_who_listens)
{
	int zero, sock;

	takes(&place);
	zero = zero_free();
	cr_assert_eq(place_listen(&place, &err), 0, "%s", err.words);
	sock = dup(0);
	close(0);
	cr_assert_eq(place_take(&other, "", &err), -1);
	cr_assert_eq(err.code, ERR_BUSY, "%s", err.words);
	zero_back(zero);
	close(sock);
}
