/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/lock.h"
#include "host/run.h"

static char base[64];
static struct site site;

static void
setup(void)
{
	strcpy(base, "/tmp/bgrun.XXXXXX");
	cr_assert_not_null(mkdtemp(base));
	site_defaults(&site);
	snprintf(site.run_dir, sizeof(site.run_dir), "%s/run", base);
	snprintf(site.spare_dir, sizeof(site.spare_dir), "%s/spare", base);
	snprintf(site.lock, sizeof(site.lock), "%s/lock", base);
}

static void
teardown(void)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", base);
	cr_assert_eq(system(cmd), 0);
}

TestSuite(host_run, .init = setup, .fini = teardown);

Test(host_run, makes_its_directory)
{
	char dir[SITE_PATH_MAX];

	cr_assert_eq(run_dir_pick(&site, dir), 0);
	cr_assert_str_eq(dir, site.run_dir);
}

Test(host_run, takes_the_spare_directory_when_the_first_cannot_be_used)
{
	char dir[SITE_PATH_MAX];
	int fd = open(site.run_dir, O_CREAT | O_WRONLY, 0600);

	close(fd);
	cr_assert_eq(run_dir_pick(&site, dir), 0);
	cr_assert_str_eq(dir, site.spare_dir);
}

Test(host_run, does_not_use_a_directory_that_others_may_write)
{
	char dir[SITE_PATH_MAX];

	site.spare_dir[0] = '\0';
	mkdir(site.run_dir, 0700);
	chmod(site.run_dir, 0777);
	cr_assert_eq(run_dir_pick(&site, dir), -1);
}

Test(host_run, reads_back_now_and_last)
{
	char dir[SITE_PATH_MAX];
	struct run_now now = {
	    .id = "1-cycle-2", .verb = "cycle", .phase = "stopping", .at = 7};
	struct run_last last = {.id = "1-cycle-2",
	    .verb = "cycle",
	    .state = "running",
	    .rc = 3,
	    .ms = 9,
	    .at = 8,
	    .why = "qm start: no; send start"};
	struct run_now n;
	struct run_last l;

	cr_assert_eq(run_dir_pick(&site, dir), 0);
	cr_assert_not(run_now_read(dir, &n));
	run_now_self(&now);
	cr_assert_eq(run_now_write(dir, &now), 0);
	cr_assert(run_now_read(dir, &n));
	cr_assert_str_eq(n.phase, "stopping");
	cr_assert(run_now_alive(&n));
	n.pid_start++;
	cr_assert_not(run_now_alive(&n), "a reused pid is not the worker");
	run_now_clear(dir);
	cr_assert_not(run_now_read(dir, &n));
	run_last_write(dir, &last);
	cr_assert(run_last_read(dir, &l));
	cr_assert_eq(l.rc, 3);
	cr_assert_str_eq(l.state, "running");
	cr_assert_str_eq(l.why, "qm start: no; send start");
}

Test(host_run, does_not_believe_a_torn_state_file)
{
	char dir[SITE_PATH_MAX], path[SITE_PATH_MAX + 8];
	struct run_now n;
	FILE *f;

	cr_assert_eq(run_dir_pick(&site, dir), 0);
	snprintf(path, sizeof(path), "%s/now", dir);
	f = fopen(path, "w");
	fputs("1-cycle-2 cycle sto", f);
	fclose(f);
	cr_assert_not(run_now_read(dir, &n));
}

Test(host_run, keeps_its_record_in_a_directory_that_went_away_and_came_back)
{
	char dir[SITE_PATH_MAX], path[SITE_PATH_MAX + 8];
	struct run_now now = {.id = "x", .verb = "cycle", .phase = "stopped"}, n;

	cr_assert_eq(run_dir_pick(&site, dir), 0);
	snprintf(path, sizeof(path), "%s/runs", dir);
	cr_assert_eq(rmdir(path), 0);
	cr_assert_eq(rmdir(dir), 0);
	cr_assert_eq(run_now_write(dir, &now), 0);
	cr_assert(run_now_read(dir, &n));
}

Test(host_run, writes_over_the_old_record_where_no_new_file_can_be_made)
{
	char dir[SITE_PATH_MAX], path[SITE_PATH_MAX + 16];
	struct run_now n, now = {.id = "x", .verb = "cycle", .phase = "preflight"};

	cr_assert_eq(run_dir_pick(&site, dir), 0);
	cr_assert_eq(run_now_write(dir, &now), 0);
	snprintf(path, sizeof(path), "%s/now.new", dir);
	cr_assert_eq(mkdir(path, 0700), 0); /* stands where the new file would */
	strcpy(now.phase, "stopped");
	cr_assert_eq(run_now_write(dir, &now), 0);
	cr_assert(run_now_read(dir, &n));
	cr_assert_str_eq(n.phase, "stopped");
}

Test(host_run, a_record_older_than_the_last_result_is_history)
{
	char dir[SITE_PATH_MAX];
	struct run_now now = {.id = "1", .verb = "cycle", .phase = "stopped", .at = 10};
	struct run_last last = {.id = "2", .verb = "start", .state = "running", .at = 11};
	struct run_past past;

	cr_assert_eq(run_dir_pick(&site, dir), 0);
	cr_assert_eq(run_now_write(dir, &now), 0);
	cr_assert(run_past_read(&site, &past) && past.has_now && !past.alive);
	cr_assert_eq(run_last_write(site.spare_dir, &last), 0);
	cr_assert(run_past_read(&site, &past) && !past.has_now && past.has_last);
	now.at = 11; /* began in the second in which the last one ended */
	cr_assert_eq(run_now_write(dir, &now), 0);
	cr_assert(run_past_read(&site, &past) && past.has_now);
}

Test(host_run, refuses_to_make_the_same_run_twice)
{
	char dir[SITE_PATH_MAX];
	int fd;

	cr_assert_eq(run_dir_pick(&site, dir), 0);
	fd = run_create(dir, "x", "log");
	cr_assert_geq(fd, 0);
	cr_assert_eq(run_create(dir, "x", "log"), -1);
	close(fd);
}

Test(host_run, keeps_the_youngest_runs)
{
	char dir[SITE_PATH_MAX], id[32], path[SITE_PATH_MAX + 64];

	cr_assert_eq(run_dir_pick(&site, dir), 0);
	for (int i = 0; i < 9; i++) {
		snprintf(id, sizeof(id), "2026%02d-cycle", i);
		close(run_create(dir, id, "log"));
		close(run_create(dir, id, "qm"));
	}
	run_rotate(dir, 3);
	for (int i = 0; i < 9; i++) {
		snprintf(path, sizeof(path), "%s/runs/2026%02d-cycle.qm", dir, i);
		cr_assert_eq(access(path, F_OK) == 0, i >= 6, "%s", path);
	}
}

Test(host_run, a_flood_of_captures_does_not_wipe_out_what_was_done)
{
	char dir[SITE_PATH_MAX], id[48], path[SITE_PATH_MAX + 64];

	cr_assert_eq(run_dir_pick(&site, dir), 0);
	close(run_create(dir, "20261126T000000Z-cycle-7", "log"));
	for (int i = 0; i < 9; i++) {
		snprintf(id, sizeof(id), "2026%02d-forensics-%d", i, i);
		close(run_create(dir, id, "log"));
	}
	run_rotate(dir, 3);
	snprintf(path, sizeof(path), "%s/runs/20261126T000000Z-cycle-7.log", dir);
	cr_assert_eq(access(path, F_OK), 0);
	snprintf(path, sizeof(path), "%s/runs/202605-forensics-5.log", dir);
	cr_assert_neq(access(path, F_OK), 0);
	snprintf(path, sizeof(path), "%s/runs/202606-forensics-6.log", dir);
	cr_assert_eq(access(path, F_OK), 0);
}

static int
follow_to(char *text, size_t size, const char *dir, pid_t worker, int limit_ms)
{
	int fds[2], rc;
	bool gone;
	ssize_t n;

	cr_assert_eq(pipe(fds), 0);
	rc = run_follow(dir, "x", fds[1], worker, limit_ms, &gone);
	close(fds[1]);
	n = read(fds[0], text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	return rc;
}

Test(host_run, follows_a_run_to_its_result_line)
{
	char dir[SITE_PATH_MAX], text[512];
	const char *lines = "#bg run id=x\n  #bg result verb=cycle rc=9\n"
			    "#bg result verb=cycle rc=6 ms=1\n";
	int fd;

	cr_assert_eq(run_dir_pick(&site, dir), 0);
	fd = run_create(dir, "x", "log");
	cr_assert_gt(write(fd, lines, strlen(lines)), 0);
	close(fd);
	cr_assert_eq(follow_to(text, sizeof(text), dir, 0, 2000), 6);
	cr_assert_str_eq(text, lines);
}

Test(host_run, notices_a_worker_that_ended_without_a_result)
{
	char dir[SITE_PATH_MAX], text[512];
	pid_t pid;
	int fd;

	cr_assert_eq(run_dir_pick(&site, dir), 0);
	fd = run_create(dir, "x", "log");
	cr_assert_eq(write(fd, "#bg run id=x\n", 13), 13);
	close(fd);
	pid = fork();
	if (pid == 0)
		_exit(0);
	cr_assert_eq(follow_to(text, sizeof(text), dir, pid, 5000), -1);
	cr_assert_str_eq(text, "#bg run id=x\n");
}

Test(host_run, the_lock_has_one_holder_and_ends_with_it)
{
	int a = lock_take(&site, "");

	cr_assert_geq(a, 0);
	cr_assert_eq(lock_take(&site, ""), -1);
	close(a);
	a = lock_take(&site, "");
	cr_assert_geq(a, 0);
	close(a);
}

static void
put_run(const char *dir, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/runs/%s", dir, name);
	f = fopen(path, "w");
	cr_assert_not_null(f);
	fputs(text, f);
	fclose(f);
}

static struct run_list list;

Test(host_run, lists_what_both_directories_have_the_youngest_first)
{
	char dir[SITE_PATH_MAX], spare[128];

	cr_assert_eq(run_dir_pick(&site, dir), 0);
	snprintf(spare, sizeof(spare), "mkdir -p %s/spare/runs", base);
	cr_assert_eq(system(spare), 0);
	put_run(site.run_dir, "20260101T000003Z-cycle-7.log",
	    "#bg run id=x\n#bg result verb=cycle rc=0 ms=1 state=running pid=1\n");
	put_run(site.run_dir, "20260101T000001Z-stop-5.log",
	    "#bg result verb=stop rc=5 ms=1\n");
	put_run(site.spare_dir, "20260101T000002Z-start-6.log", "#bg phase=starting\n");
	/* none of these is a mutating run */
	put_run(site.run_dir, "20260101T000009Z-forensics-8.log", "#bg result rc=0\n");
	put_run(site.run_dir, "bad\"name\n.log", "#bg result rc=0\n");
	put_run(site.run_dir, "20260101T000003Z-cycle-7.qm", "");
	run_list_read(&site, &list);
	cr_assert_eq(list.count, 3);
	cr_assert_str_eq(list.row[0].id, "20260101T000003Z-cycle-7");
	cr_assert_eq(list.row[0].rc, 0);
	cr_assert_str_eq(list.row[1].id, "20260101T000002Z-start-6");
	cr_assert_eq(list.row[1].rc, -1);
	cr_assert_str_eq(list.row[2].id, "20260101T000001Z-stop-5");
	cr_assert_eq(list.row[2].rc, 5);
}

Test(host_run, lists_no_more_runs_than_are_kept)
{
	char dir[SITE_PATH_MAX], name[64];

	cr_assert_eq(run_dir_pick(&site, dir), 0);
	for (int i = 0; i < RUN_KEEP + 7; i++) {
		snprintf(name, sizeof(name), "20260101T0000%02dZ-stop-1.log", i);
		put_run(dir, name, "#bg result verb=stop rc=0 ms=1\n");
	}
	run_list_read(&site, &list);
	cr_assert_eq(list.count, RUN_KEEP);
	cr_assert_str_eq(list.row[0].id, "20260101T000056Z-stop-1");
}

Test(host_run, a_result_is_the_last_mark_of_that_name)
{
	cr_assert_eq(run_result_parse(""), -1);
	cr_assert_eq(run_result_parse("  #bg result verb=stop rc=0\n"), -1);
	cr_assert_eq(run_result_parse("#bg result verb=stop ms=1\nx rc=4\n"), -1);
	cr_assert_eq(run_result_parse("#bg result verb=stop rc=zero\n"), -1);
	cr_assert_eq(run_result_parse("..\n#bg result verb=a rc=3 ms=1\n"
				      "#bg result verb=a rc=75 ms=1\n"),
	    75);
}
