/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The doors in agent-host's folder, for claude's own session alone.
 *
 * Whoever connects is looked at: the uid must be ours and the session the one that
 * claude leads.  claude runs its key helper in its own session and every command of the
 * agent in a new one, and no process can move into a session that exists: so the
 * agent's shell gets nothing.
 */
#include <stdlib.h>
#include <unistd.h>

#include "agent/host.h"
#include "base/fd.h"
#include "base/mem.h"

#define BACKLOG 32

int
host_door_open(struct host *h, uv_pipe_t *door, const char *name,
    uv_connection_cb on_peer, struct err *err)
{
	char *path = mem_printf("%s/%s", h->dir, name);
	int fd;

	unlink(path);
	fd = fd_listen(path, err);
	free(path);
	if (fd < 0)
		return -1;
	uv_pipe_init(&h->loop, door, 0);
	door->data = h;
	if (fd_nonblock(fd) < 0 || uv_pipe_open(door, fd) < 0 ||
	    uv_listen((uv_stream_t *)door, BACKLOG, on_peer) < 0)
		return err_set(err, ERR_SYSTEM, "%s cannot be opened", name);
	return 0;
}

bool
host_door_take(const struct host *h, uv_stream_t *door, uv_pipe_t *peer)
{
	pid_t pid, session = host_child_session(h);
	uv_os_fd_t fd;
	uid_t uid;

	if (uv_accept(door, (uv_stream_t *)peer) < 0 || session == 0 ||
	    uv_fileno((uv_handle_t *)peer, &fd) < 0 || fd_peer(fd, &uid, &pid) < 0)
		return false;
	return uid == geteuid() && pid > 0 && getsid(pid) == session;
}
