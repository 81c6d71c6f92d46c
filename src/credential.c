/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "credential.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "command.h"

#define LINE_SIZE 512
#define TYPED_TRIES 3
#define ANSWER_MS 30000 /* 15 s of delay, a hash, and those in front of us */

/* A command may connect twice: what was right is kept until it ends. */
static char given[LINE_SIZE];

struct credential {
	char name[WIRE_NAME_MAX + 1];
	char password[LINE_SIZE];
};

/* --- from a descriptor --- */

static int
read_line(int fd, char *line, struct err *err)
{
	size_t n = 0;

	while (n + 1 < LINE_SIZE) {
		ssize_t got = read(fd, line + n, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(err, errno, "--credential-fd %d", fd);
		if (got == 0 || line[n] == '\n')
			break;
		n++;
	}
	if (n > 0 && line[n - 1] == '\r')
		n--;
	line[n] = '\0';
	return 0;
}

static int
from_given(struct credential *p, struct err *err)
{
	char *colon = strchr(given, ':');

	if (!colon || colon == given || colon - given > WIRE_NAME_MAX)
		return err_set(err, ERR_USAGE,
		    "--credential-fd: its first line is not NAME:PASSWORD");
	snprintf(p->name, sizeof p->name, "%.*s", (int)(colon - given), given);
	snprintf(p->password, sizeof p->password, "%s", colon + 1);
	return 0;
}

static int
from_fd(struct credential *p, const char *number, struct err *err)
{
	char *end;
	long fd = strtol(number, &end, 10);

	if (*end || end == number || fd < 0 || fd > 1023)
		return err_set(err, ERR_USAGE, "--credential-fd takes a number");
	if (!given[0] && read_line((int)fd, given, err) < 0)
		return -1;
	return from_given(p, err);
}

/* --- from a person --- */

/* A key of a line that is not echoed; -1: given up; 1: the line is done. */
static int
take_key(unsigned char key, char *line, size_t size, size_t *n)
{
	if (key == '\r' || key == '\n')
		return 1;
	if (key == 3 || (key == 4 && *n == 0)) /* Ctrl-C, Ctrl-D */
		return -1;
	if ((key == 8 || key == 127) && *n > 0)
		(*n)--;
	else if (key == 21) /* Ctrl-U */
		*n = 0;
	else if (key >= 32 && key != 127 && *n + 1 < size)
		line[(*n)++] = (char)key;
	return 0;
}

static int
read_keys(int tty, char *line, size_t size)
{
	unsigned char key;
	size_t n = 0;
	int rc = 0;

	while (rc == 0) {
		if (read(tty, &key, 1) != 1)
			rc = -1;
		else
			rc = take_key(key, line, size, &n);
	}
	line[n] = '\0';
	return rc < 0 ? -1 : 0;
}

static int
read_quietly(int tty, char *line, size_t size, struct err *err)
{
	struct termios was, quiet;
	sigset_t term, old;
	int rc;

	if (tcgetattr(tty, &was) < 0)
		return err_sys(err, errno, "look at the terminal");
	quiet = was;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG);
	quiet.c_cc[VMIN] = 1;
	quiet.c_cc[VTIME] = 0;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM); /* else it would leave the terminal mute */
	sigaddset(&term, SIGHUP);
	sigprocmask(SIG_BLOCK, &term, &old);
	tcsetattr(tty, TCSAFLUSH, &quiet);
	rc = read_keys(tty, line, size);
	tcsetattr(tty, TCSAFLUSH, &was);
	sigprocmask(SIG_SETMASK, &old, NULL);
	dprintf(tty, "\n");
	return rc < 0 ? err_set(err, ERR_DENIED, "no password was given") : 0;
}

static int
from_person(struct credential *p, const char *name, const char *why, struct err *err)
{
	int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC), rc;
	char typed[WIRE_NAME_MAX + 2] = "";
	size_t n = 0;
	char c;

	if (tty < 0)
		return err_set(err, ERR_DENIED,
		    "%.300s; a script gives NAME:PASSWORD by --credential-fd 0 on standard input",
		    why);
	command_say(why);
	dprintf(tty, "Emergency password of whom? [%s] ", name);
	while (n < WIRE_NAME_MAX && read(tty, &c, 1) == 1 && c != '\n' && c != '\r')
		typed[n++] = c;
	typed[n] = '\0';
	snprintf(p->name, sizeof p->name, "%s", typed[0] ? typed : name);
	dprintf(tty, "Password (not shown): ");
	rc = read_quietly(tty, p->password, sizeof p->password, err);
	close(tty);
	return rc;
}

/* --- what is done with it --- */

static int
send_it(struct client *client, struct credential *p, struct err *err)
{
	struct js *m = message_new(request_names[REQUEST_UNLOCK]);
	const char *kept;
	size_t len = 0;
	int rc;

	js_set_str(m, "name", p->name);
	js_set_str(m, "password", p->password);
	explicit_bzero(p, sizeof *p);
	js_ref(m);
	rc = client_send(client, m, err);
	kept = js_strn(m, "password", &len);
	if (kept)
		explicit_bzero((char *)(uintptr_t)kept, len);
	js_free(m);
	if (client->out.data)
		explicit_bzero(client->out.data, client->out.size);
	return rc;
}

static int
answer(struct client *client, const struct command_opts *c, int tries, struct err *err)
{
	const char *fd = c->value[OPT_CREDENTIAL_FD];
	struct credential p = {0};
	int rc;

	client->gate = false;
	if (tries > (fd ? 0 : TYPED_TRIES - 1))
		return err_set(err, ERR_DENIED, "%.400s", client->gate_text);
	if (fd)
		rc = from_fd(&p, fd, err);
	else if (given[0] && tries == 0)
		rc = from_given(&p, err);
	else
		rc = from_person(&p, c->name, client->gate_text, err);
	if (rc == 0 && !fd)
		snprintf(given, sizeof given, "%.32s:%.400s", p.name, p.password);
	if (rc == 0)
		rc = send_it(client, &p, err);
	explicit_bzero(&p, sizeof p);
	return rc;
}

int
credential_run(
    struct client *client, const struct command_opts *c, int64_t wait_ms, struct err *err)
{
	int rc = client_run(client, wait_ms, err);

	for (int tries = 0; rc == 0 && client->gate; tries++) {
		rc = answer(client, c, tries, err);
		if (rc == 0)
			rc = client_run(client, ANSWER_MS, err);
	}
	return rc;
}
