/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The door to libssh: nothing else includes its headers.
 *
 * libssh 0.10.6 needs care, and each rule below was bought with a crash:
 *  - it gets a duplicate of the socket: it closes its own when the peer says
 *    DISCONNECT, and the loop must never watch a number that somebody reuses;
 *  - it makes the socket blocking in ssh_connect: undone after each call;
 *  - a channel is freed only between pumps, its callbacks taken off before;
 *  - event, session, descriptor are let go in exactly remote_ssh_end's order;
 *  - data is taken whole; who cannot keep up stops the socket (remote_pause).
 */
#include "engine/remote/remote_int.h"

#include <errno.h>
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h> /* ssh_send_keepalive */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/scrub.h"
#include "engine/api/dial.h"

/* curve25519 first: sntrup761 costs 80 ms more a connect; CBC, SHA-1 and DSA never. */
#define REMOTE_KEX                                                             \
	"curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,"   \
	"ecdh-sha2-nistp384,ecdh-sha2-nistp521,diffie-hellman-group16-sha512," \
	"diffie-hellman-group18-sha512,diffie-hellman-group14-sha256"
/* chacha20 first: 0.10.6 before deb12u3 does not check the AES-GCM tag in all cases. */
#define REMOTE_CIPHERS                                                                 \
	"chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-gcm@openssh.com," \
	"aes256-ctr,aes192-ctr,aes128-ctr"
#define REMOTE_MACS                                                                  \
	"hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256," \
	"hmac-sha2-512"
#define REMOTE_HOSTKEYS                                                            \
	"ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521," \
	"rsa-sha2-512,rsa-sha2-256"

struct remote_ssh {
	int fd;	      /* libssh's own descriptor */
	bool owns_fd; /* it has taken it */
	ssh_session session;
	ssh_event event; /* from UP on */
	ssh_key auth;	 /* until UP */
	struct ssh_counter_struct wire, packets;
};

struct remote_channel {
	ssh_channel ssh;
	struct ssh_channel_callbacks_struct callbacks;
};

/* ---- a session ---- */

static int
remote_set_options(struct remote *r, struct remote_ssh *s)
{
	const char *known = hostkeys_type(r->hostkeys, r->name);
	char *types;
	int rc = 0, no = 0;

	/* A known type first: then another key is a changed key, not "no match". */
	if (known && strcmp(known, "ssh-rsa") == 0)
		known = "rsa-sha2-512,rsa-sha2-256";
	types =
	    mem_printf("%s%s%s", known ? known : "", known ? "," : "", REMOTE_HOSTKEYS);
	/* The name is a label here: the descriptor is connected, nothing is looked up. */
	rc |= ssh_options_set(s->session, SSH_OPTIONS_HOST, r->name);
	rc |= ssh_options_set(s->session, SSH_OPTIONS_USER, r->user);
	rc |= ssh_options_set(s->session, SSH_OPTIONS_FD, &s->fd);
	rc |= ssh_options_set(s->session, SSH_OPTIONS_PROCESS_CONFIG, &no);
	rc |= ssh_options_set(s->session, SSH_OPTIONS_SSH_DIR, "/nonexistent");
	rc |= ssh_options_set(s->session, SSH_OPTIONS_KNOWNHOSTS, "/dev/null");
	rc |= ssh_options_set(s->session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
	rc |= ssh_options_set(s->session, SSH_OPTIONS_KEY_EXCHANGE, REMOTE_KEX);
	rc |= ssh_options_set(s->session, SSH_OPTIONS_HOSTKEYS, types);
	rc |= ssh_options_set(s->session, SSH_OPTIONS_CIPHERS_C_S, REMOTE_CIPHERS);
	rc |= ssh_options_set(s->session, SSH_OPTIONS_CIPHERS_S_C, REMOTE_CIPHERS);
	rc |= ssh_options_set(s->session, SSH_OPTIONS_HMAC_C_S, REMOTE_MACS);
	rc |= ssh_options_set(s->session, SSH_OPTIONS_HMAC_S_C, REMOTE_MACS);
	free(types);
	return rc;
}

static void
remote_ssh_free(struct remote_ssh *s)
{
	bool ours = !s->owns_fd || ssh_get_fd(s->session) == s->fd;

	if (s->event) {
		ssh_event_remove_session(s->event, s->session);
		ssh_event_free(s->event);
	}
	if (s->session) {
		ssh_disconnect(s->session);
		ssh_free(s->session);
	}
	if (ours && s->fd >= 0)
		close(s->fd);
	ssh_key_free(s->auth);
	free(s);
}

int
remote_ssh_begin(struct remote *r, int fd, struct err *err)
{
	struct remote_ssh *s = mem_alloc(sizeof *s);
	int rc = -1;

	s->fd = dial_dup(fd);
	if (s->fd < 0)
		err_sys(err, errno, "cannot be connected: no descriptor is left here");
	else if ((s->session = ssh_new()) == NULL || remote_set_options(r, s) != 0)
		err_set(err, ERR_SYSTEM,
		    "cannot be connected: no SSH session could be made "
		    "here: %s",
		    s->session ? ssh_get_error(s->session) : "no memory");
	else
		rc = 0;
	if (rc < 0) {
		remote_ssh_free(s);
		return -1;
	}
	ssh_set_blocking(s->session, 0);
	ssh_set_counters(s->session, &s->wire, &s->packets);
	r->ssh = s;
	return 0;
}

int
remote_ssh_take_key(struct remote *r, struct err *err)
{
	struct remote_ssh *s = r->ssh;

	if (s->auth || r->agent)
		return 0;
	if (!r->key)
		return err_set(err, ERR_USAGE, "cannot be logged in to: there is no key");
	if (ssh_pki_import_privkey_base64(
		secret_text(r->key), NULL, NULL, NULL, &s->auth) != 0)
		return err_set(err, ERR_USAGE,
		    "cannot be logged in to: the SSH key cannot be read by "
		    "libssh: make a new one with ssh-keygen -t ed25519");
	return 0;
}

int
remote_check_key(const struct secret *key, const char *path, struct err *err)
{
	ssh_key parsed = NULL;
	int rc =
	    ssh_pki_import_privkey_base64(secret_text(key), NULL, NULL, NULL, &parsed);

	ssh_key_free(parsed);
	return rc == 0 ? 0
		       : err_set(err, ERR_USAGE,
			     "%s is a key that libssh cannot read: make a new one with "
			     "ssh-keygen -t ed25519",
			     path);
}

void
remote_ssh_end(struct remote *r)
{
	for (struct remote_run *run = r->runs; run; run = run->next) {
		struct remote_channel *c = run->channel;

		if (!c)
			continue;
		ssh_remove_channel_callbacks(c->ssh, &c->callbacks);
		free(c); /* ssh_free frees the channel itself */
		run->channel = NULL;
	}
	if (r->ssh)
		remote_ssh_free(r->ssh);
	r->ssh = NULL;
}

enum step
remote_ssh_shake(struct remote *r)
{
	struct remote_ssh *s = r->ssh;
	int rc = ssh_connect(s->session);

	if (fd_nonblock(s->fd) < 0)
		LOGV("remote", "%s: socket gone: %s", r->name, strerror(errno));
	s->owns_fd = s->owns_fd || ssh_get_fd(s->session) == s->fd;
	return rc == SSH_AGAIN ? STEP_AGAIN : rc == SSH_OK ? STEP_DONE : STEP_FAILED;
}

int
remote_ssh_note_key(struct remote *r)
{
	unsigned char *hash = NULL;
	char *blob = NULL, *print = NULL;
	ssh_key key = NULL;
	size_t len = 0;
	int rc = -1;

	if (ssh_get_server_publickey(r->ssh->session, &key) != SSH_OK ||
	    ssh_pki_export_pubkey_base64(key, &blob) != SSH_OK ||
	    ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &len) != 0)
		goto out;
	print = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, len);
	if (!print)
		goto out;
	free(r->key_type);
	free(r->key_blob);
	free(r->fingerprint);
	r->key_type = mem_dup(ssh_key_type_to_char(ssh_key_type(key)));
	r->key_blob = mem_dup(blob);
	r->fingerprint = mem_dup(print);
	r->key_state = hostkeys_check(r->hostkeys, r->name, r->key_type, r->key_blob);
	LOG("remote", "%s: host key %s, state %d", r->name, r->fingerprint, r->key_state);
	rc = 0;
out:
	ssh_string_free_char(print);
	ssh_string_free_char(blob);
	ssh_clean_pubkey_hash(&hash);
	ssh_key_free(key);
	return rc;
}

static enum step
step_of_login(int rc)
{
	return rc == SSH_AUTH_AGAIN  ? STEP_AGAIN
	    : rc == SSH_AUTH_SUCCESS ? STEP_DONE
	    : rc == SSH_AUTH_ERROR   ? STEP_FAILED
				     : STEP_REFUSED;
}

int
remote_ssh_use_agent(struct remote_ssh *s, int fd)
{
	return ssh_set_agent_socket(s->session, fd) == SSH_OK ? 0 : -1;
}

enum step
remote_ssh_agent_step(struct remote_ssh *s)
{
	return step_of_login(ssh_userauth_agent(s->session, NULL));
}

void
remote_ssh_drop(struct remote_ssh *s)
{
	remote_ssh_free(s);
}

enum step
remote_ssh_log_in(struct remote *r)
{
	struct remote_ssh *s = r->ssh;
	enum step step = r->agent
	    ? remote_login_step(r)
	    : step_of_login(ssh_userauth_publickey(s->session, NULL, s->auth));

	if (step != STEP_DONE)
		return step;
	s->event = ssh_event_new();
	if (!s->event || ssh_event_add_session(s->event, s->session) != SSH_OK)
		return STEP_FAILED;
	ssh_key_free(s->auth);
	s->auth = NULL;
	return STEP_DONE;
}

/*
 * libssh's keepalive takes two calls, one to send and one to take the answer
 * away; which of them comes next shows only in what was sent.
 */
void
remote_ssh_ping(struct remote *r)
{
	struct remote_ssh *s = r->ssh;
	uint64_t before = s->packets.out_packets;

	for (int i = 0; i < 2 && s->packets.out_packets == before; i++)
		ssh_send_keepalive(s->session);
}

void
remote_ssh_pump(struct remote *r)
{
	int rc = SSH_OK;

	for (int i = 0; i < REMOTE_ROUNDS && rc == SSH_OK && !r->paused && !r->dead; i++)
		rc = ssh_event_dopoll(r->ssh->event, 0);
	if (rc == SSH_ERROR)
		r->broken = true;
}

bool
remote_ssh_is_alive(const struct remote *r)
{
	ssh_session session = r->ssh->session;

	/* The error code is no sign: libssh calls "fatal" what is only one channel's. */
	return ssh_is_connected(session) &&
	    !(ssh_get_status(session) & (SSH_CLOSED | SSH_CLOSED_ERROR));
}

/* libssh has it from the moment its line is complete. */
bool
remote_ssh_has_banner(const struct remote *r)
{
	return ssh_get_serverbanner(r->ssh->session) != NULL;
}

bool
remote_ssh_wants_write(const struct remote *r)
{
	return ssh_get_poll_flags(r->ssh->session) & SSH_WRITE_PENDING;
}

uint64_t
remote_ssh_heard_bytes(const struct remote *r)
{
	return r->ssh && !remote_login_has_session(r) ? r->ssh->wire.in_bytes : 0;
}

uint64_t
remote_ssh_heard_packets(const struct remote *r)
{
	return r->ssh ? r->ssh->packets.in_packets : 0;
}

/* It may hold a sentence of the peer's own: one clean line of it, in quotes. */
const char *
remote_ssh_words(struct remote *r)
{
	const char *words = ssh_get_error(r->ssh->session);
	char text[sizeof r->ssh_words - 2];

	/* Errors of old requests stay in there and are about nothing. */
	if (ssh_get_error_code(r->ssh->session) != SSH_FATAL || !*words)
		return "the connection ended";
	scrub_label(words, strlen(words), text, sizeof text);
	for (char *p = text; (p = strchr(p, '"')) != NULL;)
		*p = '\'';
	snprintf(r->ssh_words, sizeof r->ssh_words, "\"%s\"", text);
	return r->ssh_words;
}

const char *
remote_ssh_key_name(const struct remote *r)
{
	return r->agent ? "ssh-agent's"
			: ssh_key_type_to_char(ssh_key_type(r->ssh->auth));
}

/* ---- a channel ---- */

static int
run_on_data(ssh_session session, ssh_channel channel, void *data, uint32_t len,
    int is_stderr, void *arg)
{
	struct remote_run *run = arg;

	run->quiet_ms = clock_mono_ms();
	if (!run->gone && !run->remote->dead && run->events->output)
		run->events->output(run, is_stderr ? 2 : 1, data, len, run->arg);
	return (int)len;
}

static void
run_on_exit(ssh_session session, ssh_channel channel, int code, void *arg)
{
	struct remote_run *run = arg;

	run->exit_code = code & 0xff;
	run->exited_ms = run->quiet_ms = clock_mono_ms();
}

static void
run_on_signal(ssh_session session, ssh_channel channel, const char *name, int core,
    const char *words, const char *lang, void *arg)
{
	struct remote_run *run = arg;

	snprintf(run->signal, sizeof run->signal, "%s", name ? name : "?");
	run->exited_ms = run->quiet_ms = clock_mono_ms();
}

static void
run_on_close(ssh_session session, ssh_channel channel, void *arg)
{
	struct remote_run *run = arg;

	run->closed = true;
}

int
remote_channel_new(struct remote_run *run)
{
	ssh_channel ssh = ssh_channel_new(run->remote->ssh->session);
	struct remote_channel *c;

	if (!ssh)
		return -1;
	c = mem_alloc(sizeof *c);
	c->ssh = ssh;
	c->callbacks.userdata = run;
	c->callbacks.channel_data_function = run_on_data;
	c->callbacks.channel_exit_status_function = run_on_exit;
	c->callbacks.channel_exit_signal_function = run_on_signal;
	c->callbacks.channel_close_function = run_on_close;
	ssh_callbacks_init(&c->callbacks);
	ssh_set_channel_callbacks(ssh, &c->callbacks);
	run->channel = c;
	return 0;
}

static enum step
step_of(int rc)
{
	return rc == SSH_AGAIN ? STEP_AGAIN : rc == SSH_OK ? STEP_DONE : STEP_REFUSED;
}

enum step
remote_channel_open(struct remote_run *run)
{
	return step_of(ssh_channel_open_session(run->channel->ssh));
}

enum step
remote_channel_exec(struct remote_run *run)
{
	return step_of(ssh_channel_request_exec(run->channel->ssh, run->command));
}

enum step
remote_channel_pty(struct remote_run *run)
{
	return step_of(ssh_channel_request_pty_size(
	    run->channel->ssh, run->term, run->cols, run->rows));
}

enum step
remote_channel_shell(struct remote_run *run)
{
	return step_of(ssh_channel_request_shell(run->channel->ssh));
}

void
remote_channel_resize(struct remote_run *run)
{
	if (ssh_channel_change_pty_size(run->channel->ssh, run->cols, run->rows) !=
	    SSH_OK)
		LOG("remote", "%s: no other size for the terminal", run->remote->name);
}

size_t
remote_channel_write(struct remote_run *run, const char *data, size_t len)
{
	size_t room = ssh_channel_window_size(run->channel->ssh);
	int took;

	if (room < len)
		len = room;
	took = len ? ssh_channel_write(run->channel->ssh, data, (uint32_t)len) : 0;
	return took > 0 ? (size_t)took : 0;
}

void
remote_channel_end_input(struct remote_run *run)
{
	ssh_channel_send_eof(run->channel->ssh);
}

bool
remote_channel_is_closed(const struct remote_run *run)
{
	return ssh_channel_is_closed(run->channel->ssh);
}

void
remote_channel_free(struct remote_run *run)
{
	struct remote_channel *c = run->channel;

	run->channel = NULL;
	if (!c)
		return;
	ssh_remove_channel_callbacks(c->ssh, &c->callbacks);
	if (ssh_channel_is_open(c->ssh))
		ssh_channel_close(c->ssh);
	ssh_channel_free(c->ssh);
	free(c);
}
