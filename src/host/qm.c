/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/escape.h"
#include "host/mono.h"
#include "host/out.h"
#include "host/probe.h"
#include "host/qm.h"
#include "wire/verbs.h"

#define TICK_MS 20

static void
child(const char *path, const char *word, int fd)
{
	char vmid[16];
	int null;

	(void)setsid();
	probe_child_reset();
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null >= 0)
		(void)dup2(null, 0);
	(void)dup2(fd, 1);
	(void)dup2(fd, 2);
	snprintf(vmid, sizeof(vmid), "%d", VERB_VMID);
	execl(path, path, word, vmid, (char *)NULL);
	_exit(127);
}

/* Shows whole lines that are new since *at; with all, the rest as well. */
static void
show_new(int fd, off_t *at, struct out *o, struct qm *q, bool all)
{
	char bytes[QM_TEXT_MAX];
	ssize_t n;

	while ((n = pread(fd, bytes, sizeof(bytes) - 1, *at)) > 0) {
		char *nl = memrchr(bytes, '\n', (size_t)n);
		size_t len = nl ? (size_t)(nl - bytes) + 1 : (size_t)n;
		size_t had = strlen(q->text);

		if (nl == NULL && !all && n < (ssize_t)sizeof(bytes) - 1)
			return;
		out_quote(o, bytes, len);
		*at += (off_t)len;
		for (size_t i = 0; i < len && had < sizeof(q->text) - 1; i++)
			if (bytes[i] != '\0')
				q->text[had++] = bytes[i];
		q->text[had] = '\0';
	}
}

static bool
ended(pid_t pid, struct qm *q)
{
	int status;

	if (waitpid(pid, &status, WNOHANG) != pid)
		return false;
	q->rc = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return true;
}

void
qm_run(const char *path, const char *word, int limit_ms, struct out *o, struct qm *q)
{
	long long start = mono_ms();
	int file = memfd_create("qm", MFD_CLOEXEC);
	off_t at = 0;
	pid_t pid;

	memset(q, 0, sizeof(*q));
	q->rc = 127;
	pid = file >= 0 ? fork() : -1;
	if (pid == 0)
		child(path, word, file);
	q->unable = pid < 0;
	while (pid > 0 && !ended(pid, q)) {
		show_new(file, &at, o, q, false);
		if (mono_ms() >= start + limit_ms) {
			q->rc = QM_TIMEOUT;
			q->left = pid;
			break;
		}
		mono_nap(TICK_MS);
	}
	if (file >= 0)
		show_new(file, &at, o, q, true);
	q->ms = mono_ms() - start;
	if (file >= 0)
		close(file);
}

bool
qm_flock_failed(const struct qm *q)
{
	return q->rc != 0 && strstr(q->text, "can't lock file") != NULL;
}

bool
qm_is_transient(const struct qm *q)
{
	return qm_flock_failed(q) ||
	    (q->rc != 0 && strstr(q->text, "timeout waiting on systemd") != NULL);
}

bool
qm_cluster_away(const struct qm *q)
{
	return q->rc != 0 &&
	    (strstr(q->text, "no quorum") != NULL ||
		strstr(q->text, "ipcc_send_rec") != NULL ||
		strstr(q->text, "Transport endpoint is not connected") != NULL ||
		(strstr(q->text, "Configuration file") != NULL &&
		    strstr(q->text, "does not exist") != NULL));
}

bool
qm_config_locked(const struct qm *q)
{
	return q->rc != 0 && strstr(q->text, "VM is locked") != NULL;
}

bool
qm_says_timeout(const struct qm *q)
{
	return q->rc == QM_TIMEOUT || strstr(q->text, "got timeout") != NULL ||
	    strstr(q->text, "timeout after") != NULL;
}

void
qm_last_line(const struct qm *q, char *text, unsigned long size)
{
	size_t len = strlen(q->text), from;

	while (len > 0 && q->text[len - 1] == '\n')
		len--;
	for (from = len; from > 0 && q->text[from - 1] != '\n'; from--)
		;
	if (len == from && q->unable)
		snprintf(text, size, "no process for it could be had");
	else if (len == from && q->rc == 127)
		snprintf(text, size, "it could not be run: is it there?");
	else if (len == from)
		snprintf(text, size, "qm gave exit status %d and no text", q->rc);
	else
		escape_line(text, size, q->text + from, len - from);
}
