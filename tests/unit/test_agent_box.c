/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The options of agent-host's box: what of PATH it shows, and where that ends. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "engine/agent/agent_box.h"
#include "engine/agent/agent_proc.h"
#include "scratch.h"

#define MANY 60	 /* folders in PATH */
#define LIMIT 24 /* of what is shown of them */
#define FIRST 8	 /* words of the launcher's in front of ours */

static char *argv[FIRST + AGENT_BOX_ARGS_MAX];
static int count;

static void
make_box(const char *path)
{
	char *dir = mem_printf("%s/host", scratch_dir);
	struct agent_proc_config cfg = {.socket = "/run/bg/agent/agent.sock",
	    .dir = dir,
	    .claude = "",
	    .net = "none"};

	char *old = mem_dup(getenv("PATH"));

	unsetenv("BREAKGLASS_CLAUDE");
	setenv("PATH", path, 1);
	count = agent_box_args(argv, FIRST, &cfg, "/opt/bg/libexec/agent-host");
	setenv("PATH", old, 1);
	free(old);
	free(dir);
}

static int
has(const char *option, const char *value)
{
	int n = 0;

	for (int i = FIRST; i < count; i += 2)
		n += strcmp(argv[i], option) == 0 && strcmp(argv[i + 1], value) == 0;
	return n;
}

static int
has_folder(const char *dir)
{
	char *value = mem_printf("x:%s", dir);
	int n = has("--landlock", value);

	free(value);
	return n;
}

static char *
make_dir(const char *name)
{
	char *dir = mem_printf("%s/%s", scratch_dir, name);

	cr_assert_eq(mkdir(dir, 0755), 0);
	return dir;
}

Test(agent_box, an_address_is_a_port_and_a_name_needs_name_servers)
{
	static const char *const rows[][2] = {
	    {"https://api.anthropic.com", "port:443,names"},
	    {"http://127.0.0.1:8080/v1", "port:8080"},
	    {"https://[::1]:8443", "port:8443"},
	    {"http://LocalHost", "port:80"},
	    {"https://localhost.example", "port:443,names"},
	    {"https://10.0.0.1.example:444/", "port:444,names"},
	    {"HTTP://10.0.0.1?x=:99", "port:80"},
	    {"nowhere", "port:443,names"},
	    {"https://host:99999", "port:443,names"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *net = agent_box_net(rows[i][0]);

		cr_expect_str_eq(net, rows[i][1], "%s: %s", rows[i][0], net);
		free(net);
	}
}

Test(agent_box, many_folders_in_path_leave_the_walls_standing)
{
	char path[8192] = "";
	int shown = 0;

	scratch();
	for (int i = 0; i < MANY; i++) {
		char name[16], *dir;

		snprintf(name, sizeof name, "p%d", i);
		dir = make_dir(name);
		strcat(strcat(path, dir), ":");
		free(dir);
	}
	make_box(path);
	cr_assert_eq(has("--view", "on"), 1);
	cr_assert_eq(has("--seccomp", "on"), 1);
	cr_assert_eq(has("--net", "none"), 1);
	cr_assert_eq(has("--oom", "600"), 1);
	for (int i = FIRST; i < count; i += 2)
		shown += strncmp(argv[i + 1], "x:/tmp/bg-unit-", 15) == 0;
	cr_assert_eq(shown, LIMIT);
}

Test(agent_box, a_folder_is_shown_once_and_one_that_is_missing_not_at_all)
{
	char *dir, *path, *missing;

	scratch();
	dir = make_dir("bin");
	missing = mem_printf("%s/missing", scratch_dir);
	path = mem_printf("%s:%s:%s:bin:/usr/bin:%s", dir, missing, dir, dir);
	make_box(path);
	cr_assert_eq(has_folder(dir), 1);
	cr_assert_eq(has_folder(missing), 0);
	free(dir);
	free(missing);
	free(path);
}

Test(agent_box, a_link_in_usr_shows_the_program_that_it_leads_to)
{
	char *dir, *program;

	scratch();
	dir = make_dir("opt");
	program = mem_printf("%s/claude", dir);
	cr_assert_eq(close(open(program, O_WRONLY | O_CREAT, 0755)), 0);
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/usr/local/bin", "tmpfs", 0, NULL) < 0)
		cr_skip_test("needs root");
	cr_assert_eq(symlink(program, "/usr/local/bin/claude"), 0);
	make_box("/usr/local/bin:/usr/bin");
	cr_assert_eq(has_folder(program), 1);
	cr_assert_eq(has_folder(dir), 1);
	free(dir);
	free(program);
}

/* limits.conf or a unit may have one of them, and all of its operators then. */
Test(agent_box, the_mark_is_both_limits_and_not_one)
{
	static const struct rlimit none = {0, 0};
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	cr_assert_gt(pid, 0);
	cr_expect_not(agent_box_holds(pid));
	cr_assert_eq(prlimit(pid, RLIMIT_MSGQUEUE, &none, NULL), 0);
	cr_expect_not(agent_box_holds(pid), "no message queues are no mark");
	cr_assert_eq(prlimit(pid, __RLIMIT_LOCKS, &none, NULL), 0);
	cr_expect(agent_box_holds(pid));
	cr_expect(agent_box_tells(), "it is not on us");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	cr_expect(
	    agent_box_holds(pid), "who is gone may have left the socket to another");
	cr_expect_not(agent_box_holds(0));
	setrlimit(RLIMIT_MSGQUEUE, &none);
	setrlimit(__RLIMIT_LOCKS, &none);
	cr_expect_not(agent_box_tells());
}
