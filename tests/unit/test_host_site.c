/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/site.h"

static int
read_text(struct site *s, const char *text, char *why, size_t size)
{
	char path[] = "/tmp/bgsite.XXXXXX";
	int fd = mkstemp(path), rc;

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	site_defaults(s);
	rc = site_read(s, path, why, size);
	unlink(path);
	return rc;
}

Test(host_site, has_a_proxmox_hosts_paths_by_default)
{
	struct site s;

	site_defaults(&s);
	cr_assert_str_eq(s.qm, "/usr/sbin/qm");
	cr_assert_str_eq(s.pidfile, "/var/run/qemu-server/102.pid");
	cr_assert_str_eq(s.qmp, "/var/run/qemu-server/102.qmp");
	cr_assert_str_eq(s.log, "/var/log/breakglass/breakglass.log");
	cr_assert_eq(s.forensics_ms, 8000);
	cr_assert_eq(s.systemd_run, SITE_SYSTEMD_AUTO);
}

Test(host_site, reads_paths_budgets_comments_and_spaces)
{
	struct site s;
	char why[400];

	cr_assert_eq(read_text(&s,
			 "# lab\n\n  qm = /lab/qm  \nforensics_ms=2500\r\n"
			 "systemd_run = no\nsyslog =\nrun_dir = /lab/run\n",
			 why, sizeof(why)),
	    0);
	cr_assert_str_eq(s.qm, "/lab/qm");
	cr_assert_eq(s.forensics_ms, 2500);
	cr_assert_eq(s.systemd_run, SITE_SYSTEMD_NO);
	cr_assert_str_eq(s.syslog, "");
	cr_assert_str_eq(s.lock, "/lab/run/lock");
	cr_assert_str_eq(s.spare_dir, "");
}

Test(host_site, refuses_what_it_does_not_understand)
{
	static const char *const bad[] = {"qm /lab/qm\n", "colour = red\n",
	    "qm = lab/qm\n", "stop_ms = 0\n", "stop_ms = -5\n", "stop_ms = 5s\n",
	    "stop_ms = 99999999999\n", "stop_ms =\n", "systemd_run = perhaps\n", "= x\n"};
	struct site s;
	char why[400];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why[0] = '\0';
		cr_assert_eq(read_text(&s, bad[i], why, sizeof(why)), -1, "%s", bad[i]);
		cr_assert_gt(strlen(why), 10);
	}
}

Test(host_site, refuses_a_path_that_is_too_long)
{
	struct site s;
	char why[400], text[600];

	memset(text, 'x', sizeof(text));
	memcpy(text, "qm = /", 6);
	text[sizeof(text) - 1] = '\0';
	cr_assert_eq(read_text(&s, text, why, sizeof(why)), -1);
}

Test(host_site, says_which_file_is_missing)
{
	struct site s;
	char why[400];

	site_defaults(&s);
	cr_assert_eq(site_read(&s, "/nowhere/site", why, sizeof(why)), -1);
	cr_assert_not_null(strstr(why, "/nowhere/site"));
}
