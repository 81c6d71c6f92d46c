/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The API key, and the one door at which it is handed out: key.sock, to claude's own
 * session alone (host_door.c), once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host.h"
#include "base/locked.h"
#include "base/log.h"
#include "base/mem.h"

struct key_peer {
	uv_pipe_t pipe;
	uv_write_t req;
};

/* A secret's page: text and, behind it, end. */
static void
page_set(char **page, size_t *size, const char *text, const char *end)
{
	enum locked_kind kind;
	struct err err;

	if (*page) {
		(*page)[*size - 1 - strlen(end)] = '\0';
		log_forget(*page);
		locked_free(*page, *size);
		*page = NULL;
	}
	if (!text || !*text)
		return;
	*size = strlen(text) + strlen(end) + 1;
	*page = locked_new(*size, &kind, &err);
	if (!*page)
		abort();
	LOG("key", "a secret's page: %s", locked_kind_name(kind));
	log_secret(text);
	snprintf(*page, *size, "%s%s", text, end);
}

void
host_key_set(struct host *h, const char *key, const char *oauth)
{
	page_set(&h->key, &h->key_size, key, "\n");
	page_set(&h->oauth, &h->oauth_size, oauth, "");
}

static void
on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void
on_written(uv_write_t *req, int status)
{
	uv_close((uv_handle_t *)req->handle, on_closed);
}

static void
on_peer(uv_stream_t *door, int status)
{
	struct host *h = door->data;
	struct key_peer *p;
	uv_buf_t key;

	if (status < 0)
		return;
	p = mem_alloc(sizeof *p);
	uv_pipe_init(&h->loop, &p->pipe, 0);
	p->pipe.data = p;
	if (host_door_take(h, door, &p->pipe) && h->key && !h->key_given) {
		key = uv_buf_init(h->key, (unsigned)h->key_size - 1);
		h->key_given = true;
		if (uv_write(&p->req, (uv_stream_t *)&p->pipe, &key, 1, on_written) == 0)
			return;
	} else
		LOG("key", "a process that is not claude's asked for the key: refused");
	uv_close((uv_handle_t *)&p->pipe, on_closed);
}

int
host_key_open(struct host *h, struct err *err)
{
	if (host_door_open(h, &h->key_door, "key.sock", on_peer, err) < 0)
		return err_wrap(err, "key helper's door");
	return 0;
}
