/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <string.h>

#include "engine/power/guest_probe.h"

Test(clocks, a_date_with_nanoseconds_is_read_to_the_millisecond)
{
	struct clock_reading r = {0};

	cr_assert(clock_reading_date(&r, "1795756807.123456789"));
	cr_assert_eq(r.host_ms, 1795756807123);
	cr_assert_eq(r.resolution_ms, 1);
}

Test(clocks, a_date_that_knows_seconds_is_taken_as_the_middle_of_one)
{
	static const char *const said[] = {"1795756807.%N", "1795756807.", "1795756807"};

	for (size_t i = 0; i < 3; i++) {
		struct clock_reading r = {0};

		cr_assert(clock_reading_date(&r, said[i]), "%s", said[i]);
		cr_assert_eq(r.host_ms, 1795756807500);
		cr_assert_eq(r.resolution_ms, 500);
	}
}

Test(clocks, what_is_no_time_is_no_reading)
{
	static const char *const said[] = {"", "x", "-5", " 1795756807", "12345",
	    "9999999999999999", "253402300800", "\x1b[2J", "1795756807123456789"};

	for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
		struct clock_reading r = {.host_ms = 7};

		cr_assert_not(clock_reading_date(&r, said[i]), "%s", said[i]);
		cr_assert_eq(r.host_ms, 7);
	}
}

Test(clocks, the_skew_is_against_the_middle_and_the_error_half_of_the_trip)
{
	struct clock_reading r = {
	    .host_ms = 1000500, .resolution_ms = 1, .sent_ms = 300, .heard_ms = 400};
	int64_t skew, error;

	/* our clock was 1000350 - 50 when it was asked: it reads 1000450 at 500 */
	clock_reading_skew(&r, 1000450, 500, &skew, &error);
	cr_assert_eq(skew, 200);
	cr_assert_eq(error, 51);
}

Test(clocks, our_own_clock_that_is_set_moves_the_skew_and_not_the_trip)
{
	struct clock_reading r = {
	    .host_ms = 1000000, .resolution_ms = 1, .sent_ms = 300, .heard_ms = 400};
	int64_t skew, error, later, same;

	clock_reading_skew(&r, 1000050, 400, &skew, &error);
	clock_reading_skew(&r, 1000050 - 3600000, 400, &later, &same);
	cr_assert_eq(skew, 0);
	cr_assert_eq(later, 3600000);
	cr_assert_eq(error, same);
}

Test(clocks, the_probe_prints_it_and_the_first_one_counts)
{
	struct ladder_seen seen;
	struct guest_reader r = {.seen = &seen};
	static const char first[] = "#bg clock 1795756807.5", later[] = "#bg clock 1.5";

	ladder_seen_init(&seen);
	cr_assert_eq(seen.clock.host_ms, 0);
	guest_reader_line(&r, first, strlen(first), 1);
	guest_reader_line(&r, later, strlen(later), 2);
	cr_assert_eq(seen.clock.host_ms, 1795756807500);
	cr_assert_gt(seen.clock.heard_ms, 0);
	cr_assert(strstr(guest_probe_all, "clock; units;") != NULL);
	cr_assert(strstr(guest_probe_look, "clock; units;") != NULL);
}
