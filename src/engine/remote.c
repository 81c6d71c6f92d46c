/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The whole of remote.c turns on one function.  remote_turn runs from the loop
 * only, when the socket or the timer is ready: it lets libssh read and write,
 * moves every run one step, judges the deadlines and says what to wait for
 * next.  The functions of remote.h set flags and ask for a turn; so nothing is
 * called back from inside them, and nothing of libssh is freed under its feet.
 *
 * libssh 0.10.6 needs care, and each rule below was bought with a crash:
 *  - it gets a duplicate of the socket: it closes its own when the peer says
 *    DISCONNECT, and the loop must never watch a number that somebody reuses;
 *  - it makes the socket blocking in ssh_connect: undone after each call;
 *  - a channel is freed only between pumps, its callbacks taken off before;
 *  - event, session, descriptor are let go in exactly remote_hang_up's order;
 *  - data is taken whole; who cannot keep up stops the socket (remote_pause).
 */
#include "engine/remote.h"

#include <errno.h>
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h> /* ssh_send_keepalive */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/dial.h"

#define REMOTE_CONNECT_MS 5000
#define REMOTE_LOGIN_MS 10000 /* handshake and authentication together */
#define REMOTE_IDLE_MS 5000 /* without a byte: ask for one */
#define REMOTE_SILENT_MS 3000 /* asked and not answered */
#define REMOTE_DEAD_MS 15000
#define REMOTE_GRACE_MS 2000 /* from the exit status to the end of a held channel */
#define REMOTE_REFUSED_MS 250 /* until a refused channel is asked for again */
#define REMOTE_RETRY_AUTH_MS 15000
#define REMOTE_STEADY_MS 5000 /* up for so long: the next retry starts at 1 s again */
#define REMOTE_ROUNDS 64 /* reads of 4 KiB in one turn: others want the loop too */
#define REMOTE_INPUT_MAX (1024 * 1024) /* bytes of standard input that wait */
#define REMOTE_INPUT_PIECE (64 * 1024) /* bytes handed to libssh at once */
#define REMOTE_WHY_MAX 480
#define REMOTE_SIGNAL_MAX 16

/* curve25519 first: sntrup761 costs 80 ms more a connect; CBC, SHA-1 and DSA never. */
#define REMOTE_KEX                                                                       \
	"curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,"             \
	"ecdh-sha2-nistp384,ecdh-sha2-nistp521,diffie-hellman-group16-sha512,"           \
	"diffie-hellman-group18-sha512,diffie-hellman-group14-sha256"
/* chacha20 first: 0.10.6 before deb12u3 does not check the AES-GCM tag in all cases. */
#define REMOTE_CIPHERS                                                                   \
	"chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-gcm@openssh.com,"   \
	"aes256-ctr,aes192-ctr,aes128-ctr"
#define REMOTE_MACS                                                                      \
	"hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256,"     \
	"hmac-sha2-512"
#define REMOTE_HOSTKEYS                                                                  \
	"ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,"       \
	"rsa-sha2-512,rsa-sha2-256"

enum retry {
	RETRY_NEVER, /* not before something is changed here */
	RETRY_SOON,
	RETRY_PATIENTLY /* a refused key: hosts lock out who knocks often */
};

enum run_state { RUN_QUEUED, RUN_OPENING, RUN_ASKING, RUN_RUNNING };

struct remote_run {
	struct remote_run *next;
	struct remote *remote;
	const struct remote_run_events *events;
	void *arg;
	char *command;
	enum run_state state;
	int64_t deadline_ms;   /* QUEUED: for the connection */
	int64_t not_before_ms; /* QUEUED: after a refused channel */
	const char *refused;   /* ends FAILED in the next turn with this */
	bool gone;             /* closed by its owner: no callback any more */
	ssh_channel channel;
	struct ssh_channel_callbacks_struct callbacks;
	struct buf input;
	bool input_ended, input_closed; /* asked for; told to the host */
	int exit_code;                  /* -1: not known yet */
	int64_t exited_ms;
	char signal[REMOTE_SIGNAL_MAX];
	bool closed; /* by the host */
};

/* Our descriptor of a connection; lives until libuv has let go of it. */
struct remote_watch {
	uv_poll_t poll;
	int fd;
	int events;
};

struct remote {
	uv_loop_t *loop;
	char *name, *address, *user, *key_why, *where;
	int port;
	const struct secret *key;
	struct hostkeys *hostkeys;
	remote_state_fn *on_state;
	void *arg;

	enum remote_state state;
	char why[REMOTE_WHY_MAX];
	enum hostkey_state key_state;
	char *key_type, *key_blob, *fingerprint;

	bool wanted;
	bool turning; /* inside remote_turn */
	bool kicked;  /* somebody wants a turn at once */
	bool notify;  /* on_state is due */
	bool dead;    /* remote_free was called */
	int paused;
	uv_timer_t timer;

	int64_t deadline_ms; /* of CONNECTING, HANDSHAKE and AUTH */
	int64_t retry_ms;    /* of DOWN; -1: only on request */
	int64_t down_ms;     /* since when */
	enum retry retry;
	size_t tries;
	int64_t up_ms;       /* since when */
	int64_t heard_ms;    /* last received byte */
	int64_t asked_ms;    /* first question without an answer; 0: none */
	bool pinged;         /* that question is a keepalive */
	int64_t rtt_ms;
	uint64_t heard_bytes;

	struct remote_watch *watch;
	int ssh_fd;       /* libssh's own descriptor */
	bool ssh_owns_fd; /* it has taken it */
	ssh_session session;
	ssh_event event;
	ssh_key auth;
	struct ssh_counter_struct wire, packets;
	bool broken; /* libssh gave the session up: remote_lose at the end of the turn */

	struct remote_run *runs; /* in the order they were asked for */
};

static void remote_on_timer(uv_timer_t *timer);

/* ---- words and state ---------------------------------------------------- */

const char *
remote_state_name(enum remote_state s)
{
	static const char *const names[REMOTE_STATES] = {"idle", "connecting", "handshake",
	    "auth", "up", "silent", "down"};

	return names[s];
}

static void
remote_enter(struct remote *r, enum remote_state state)
{
	LOG("remote", "%s: %s -> %s %s", r->name, remote_state_name(r->state),
	    remote_state_name(state), r->why);
	r->state = state;
	r->notify = true;
}

static void
remote_tell(struct remote *r)
{
	while (r->notify && !r->dead) {
		r->notify = false;
		r->on_state(r, r->arg);
	}
}

static void
remote_kick(struct remote *r)
{
	r->kicked = true;
	if (!r->turning && !r->dead)
		uv_timer_start(&r->timer, remote_on_timer, 0, 0);
}

/* ---- the connection: down -------------------------------------------------- */

static void
remote_on_watch_closed(uv_handle_t *handle)
{
	free(handle);
}

static void
remote_unwatch(struct remote *r)
{
	if (!r->watch)
		return;
	uv_close((uv_handle_t *)&r->watch->poll, remote_on_watch_closed);
	close(r->watch->fd); /* libuv allows it from here on */
	r->watch = NULL;
}

static void
remote_hang_up(struct remote *r)
{
	for (struct remote_run *run = r->runs; run; run = run->next) {
		if (run->channel)
			ssh_remove_channel_callbacks(run->channel, &run->callbacks);
		run->channel = NULL; /* ssh_free frees it */
	}
	if (r->event) {
		ssh_event_remove_session(r->event, r->session);
		ssh_event_free(r->event);
		r->event = NULL;
	}
	if (r->session) {
		bool ours = !r->ssh_owns_fd || ssh_get_fd(r->session) == r->ssh_fd;

		ssh_disconnect(r->session);
		ssh_free(r->session);
		if (ours)
			close(r->ssh_fd);
		r->session = NULL;
	}
	ssh_key_free(r->auth);
	r->auth = NULL;
	remote_unwatch(r);
	r->asked_ms = 0;
	r->pinged = false;
	r->broken = false;
}

static int64_t
remote_backoff_ms(struct remote *r)
{
	static const int64_t steps[] = {1000, 2000, 4000, 8000, 15000};
	size_t last = ARRAY_LEN(steps) - 1;

	return steps[r->tries < last ? r->tries++ : last];
}

static void run_lost(struct remote_run *run);

/* The connection is over, or was none: why becomes "pve 192.168.1.127:22 WORDS". */
static void PRINTF_LIKE(3, 4)
remote_lose(struct remote *r, enum retry retry, const char *words, ...)
{
	int64_t now = clock_mono_ms();
	int n = snprintf(r->why, sizeof r->why, "%s ", r->where);
	va_list ap;

	va_start(ap, words);
	vsnprintf(r->why + n, sizeof r->why - (size_t)n, words, ap);
	va_end(ap);
	if (r->up_ms && now - r->up_ms >= REMOTE_STEADY_MS)
		r->tries = 0;
	r->up_ms = 0;
	r->retry = retry;
	r->down_ms = now;
	r->retry_ms = retry == RETRY_NEVER ? -1 :
	    now + (retry == RETRY_PATIENTLY ? REMOTE_RETRY_AUTH_MS : remote_backoff_ms(r));
	remote_hang_up(r);
	remote_enter(r, REMOTE_DOWN);
	for (struct remote_run *run = r->runs; run; run = run->next)
		run_lost(run);
}

/* What libssh says of a failed session; its older errors may be about nothing. */
static const char *
remote_ssh_words(struct remote *r)
{
	const char *words = ssh_get_error(r->session);

	if (ssh_get_error_code(r->session) != SSH_FATAL || !*words)
		return "the connection ended";
	return words;
}

static bool
remote_is_needed(const struct remote *r)
{
	return r->wanted || r->runs;
}

/* ---- the connection: up ---------------------------------------------------- */

static void remote_on_ready(uv_poll_t *poll, int status, int events);

static void
remote_dial(struct remote *r)
{
	struct remote_watch *w;
	struct err err;
	int fd;

	if (!r->key) {
		remote_lose(r, RETRY_NEVER, "cannot be logged in to: %s",
		    r->key_why ? r->key_why : "no SSH key is configured: set key_path");
		return;
	}
	fd = dial_start(r->address, r->port, &err);
	if (fd < 0) {
		remote_lose(r, err.code == ERR_USAGE ? RETRY_NEVER : RETRY_SOON, "%s",
		    err.words);
		return;
	}
	w = mem_alloc(sizeof *w);
	w->fd = fd;
	if (uv_poll_init(r->loop, &w->poll, fd) < 0) {
		free(w);
		close(fd);
		remote_lose(r, RETRY_SOON, "cannot be watched by the event loop");
		return;
	}
	w->poll.data = r;
	r->watch = w;
	r->deadline_ms = clock_mono_ms() + REMOTE_CONNECT_MS;
	remote_enter(r, REMOTE_CONNECTING);
}

static int
remote_set_options(struct remote *r)
{
	const char *known = hostkeys_type(r->hostkeys, r->name);
	char *types;
	int rc = 0, no = 0;

	/* A known type first: then another key is a changed key, not "no match". */
	if (known && strcmp(known, "ssh-rsa") == 0)
		known = "rsa-sha2-512,rsa-sha2-256";
	types = mem_printf("%s%s%s", known ? known : "", known ? "," : "", REMOTE_HOSTKEYS);
	/* The name is a label here: the descriptor is connected, nothing is looked up. */
	rc |= ssh_options_set(r->session, SSH_OPTIONS_HOST, r->name);
	rc |= ssh_options_set(r->session, SSH_OPTIONS_USER, r->user);
	rc |= ssh_options_set(r->session, SSH_OPTIONS_FD, &r->ssh_fd);
	rc |= ssh_options_set(r->session, SSH_OPTIONS_PROCESS_CONFIG, &no);
	rc |= ssh_options_set(r->session, SSH_OPTIONS_SSH_DIR, "/nonexistent");
	rc |= ssh_options_set(r->session, SSH_OPTIONS_KNOWNHOSTS, "/dev/null");
	rc |= ssh_options_set(r->session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
	rc |= ssh_options_set(r->session, SSH_OPTIONS_KEY_EXCHANGE, REMOTE_KEX);
	rc |= ssh_options_set(r->session, SSH_OPTIONS_HOSTKEYS, types);
	rc |= ssh_options_set(r->session, SSH_OPTIONS_CIPHERS_C_S, REMOTE_CIPHERS);
	rc |= ssh_options_set(r->session, SSH_OPTIONS_CIPHERS_S_C, REMOTE_CIPHERS);
	rc |= ssh_options_set(r->session, SSH_OPTIONS_HMAC_C_S, REMOTE_MACS);
	rc |= ssh_options_set(r->session, SSH_OPTIONS_HMAC_S_C, REMOTE_MACS);
	free(types);
	return rc;
}

/* TCP stands: hand a duplicate of the socket to a new session. */
static void
remote_begin_ssh(struct remote *r)
{
	struct err err;

	if (dial_finish(r->watch->fd, &err) < 0) {
		remote_lose(r, RETRY_SOON, "%s", err.words);
		return;
	}
	memset(&r->wire, 0, sizeof r->wire);
	memset(&r->packets, 0, sizeof r->packets);
	r->heard_bytes = 0;
	r->ssh_owns_fd = false;
	r->ssh_fd = dial_dup(r->watch->fd);
	r->session = r->ssh_fd < 0 ? NULL : ssh_new();
	if (!r->session || remote_set_options(r) != 0) {
		if (!r->session && r->ssh_fd >= 0)
			close(r->ssh_fd);
		remote_lose(r, RETRY_SOON, "cannot be connected: no SSH session could "
		    "be made here: %s", r->session ? ssh_get_error(r->session) : strerror(errno));
		return;
	}
	if (ssh_pki_import_privkey_base64(secret_text(r->key), NULL, NULL, NULL, &r->auth) != 0) {
		remote_lose(r, RETRY_NEVER, "cannot be logged in to: the SSH key cannot be read by libssh: "
		    "make a new one with ssh-keygen -t ed25519");
		return;
	}
	ssh_set_blocking(r->session, 0);
	ssh_set_counters(r->session, &r->wire, &r->packets);
	r->deadline_ms = clock_mono_ms() + REMOTE_LOGIN_MS;
	remote_enter(r, REMOTE_HANDSHAKE);
}

/* The key that the host showed is noted, and compared before anything is proved to it. */
static int
remote_note_key(struct remote *r)
{
	unsigned char *hash = NULL;
	char *blob = NULL, *print = NULL;
	ssh_key key = NULL;
	size_t len = 0;
	int rc = -1;

	if (ssh_get_server_publickey(r->session, &key) != SSH_OK ||
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

static void
remote_shake_failed(struct remote *r)
{
	const char *words = ssh_get_error(r->session);

	if (r->wire.in_bytes == 0)
		remote_lose(r, RETRY_SOON, "closed the connection without a greeting: "
		    "its sshd may be unable to start a process (out of memory or of processes), "
		    "or forbids this address");
	else
		remote_lose(r, RETRY_SOON, "does not get through the SSH handshake: "
		    "%s: is it an sshd, and a current one?", words);
}

static void
remote_shake(struct remote *r)
{
	int rc = ssh_connect(r->session);

	if (fd_nonblock(r->watch->fd) < 0)
		LOG("remote", "%s: still blocking: %s", r->name, strerror(errno));
	r->ssh_owns_fd = r->ssh_owns_fd || ssh_get_fd(r->session) == r->ssh_fd;
	if (rc == SSH_AGAIN)
		return;
	if (rc != SSH_OK)
		remote_shake_failed(r);
	else if (remote_note_key(r) < 0)
		remote_lose(r, RETRY_SOON, "showed a host key that cannot be read");
	else
		remote_enter(r, REMOTE_AUTH);
}

static void remote_ping(struct remote *r);

static void
remote_log_in(struct remote *r)
{
	int rc = ssh_userauth_publickey(r->session, NULL, r->auth);

	if (rc == SSH_AUTH_AGAIN)
		return;
	if (rc == SSH_AUTH_ERROR) {
		remote_lose(r, RETRY_SOON, "ended the connection during the login: %s: "
		    "look at its sshd's log", remote_ssh_words(r));
		return;
	}
	if (rc != SSH_AUTH_SUCCESS) {
		remote_lose(r, RETRY_PATIENTLY, "refused our %s key for user %s: is its public "
		    "half in that user's authorized_keys, and does from= allow this address?",
		    ssh_key_type_to_char(ssh_key_type(r->auth)), r->user);
		return;
	}
	ssh_key_free(r->auth);
	r->auth = NULL;
	r->event = ssh_event_new();
	if (!r->event || ssh_event_add_session(r->event, r->session) != SSH_OK) {
		remote_lose(r, RETRY_SOON, "cannot be watched by libssh");
		return;
	}
	r->why[0] = '\0';
	r->up_ms = r->heard_ms = clock_mono_ms();
	remote_enter(r, REMOTE_UP);
	remote_ping(r);
}

/* ---- liveness ----------------------------------------------------------------- */

static void
remote_ask(struct remote *r)
{
	if (r->asked_ms == 0)
		r->asked_ms = clock_mono_ms();
}

/*
 * libssh's keepalive takes two calls, one to send and one to take the answer
 * away; which of them comes next shows only in what was sent.
 */
static void
remote_ping(struct remote *r)
{
	uint64_t before = r->packets.out_packets;

	for (int i = 0; i < 2 && r->packets.out_packets == before; i++)
		ssh_send_keepalive(r->session);
	remote_ask(r);
	r->pinged = true;
}

static void
remote_note_heard(struct remote *r)
{
	if (r->wire.in_bytes == r->heard_bytes)
		return;
	r->heard_bytes = r->wire.in_bytes;
	r->heard_ms = clock_mono_ms();
	if (r->pinged)
		r->rtt_ms = r->heard_ms - r->asked_ms;
	r->pinged = false;
	r->asked_ms = 0;
	if (r->state == REMOTE_SILENT) {
		r->why[0] = '\0';
		remote_enter(r, REMOTE_UP);
	}
}

static void
remote_judge_silence(struct remote *r, int64_t now)
{
	if (r->paused)
		return;
	if (r->asked_ms == 0 && now - r->heard_ms >= REMOTE_IDLE_MS) {
		remote_ping(r);
	} else if (r->asked_ms && now - r->asked_ms >= REMOTE_DEAD_MS) {
		remote_lose(r, RETRY_SOON, "stopped answering %d s ago: the machine or "
		    "its sshd is frozen, or the network between is cut",
		    (int)((now - r->heard_ms) / 1000));
	} else if (r->state == REMOTE_UP && r->asked_ms &&
	    now - r->asked_ms >= REMOTE_SILENT_MS) {
		snprintf(r->why, sizeof r->why, "%s does not answer although the connection "
		    "stands: the machine or its sshd may be frozen; given up after %d s",
		    r->where, REMOTE_DEAD_MS / 1000);
		remote_enter(r, REMOTE_SILENT);
	}
}

static void
remote_judge(struct remote *r)
{
	int64_t now = clock_mono_ms();

	switch (r->state) {
	case REMOTE_CONNECTING:
		if (now >= r->deadline_ms)
			remote_lose(r, RETRY_SOON, "did not answer within %d s: is it "
			    "switched off, hung, or cut off by a firewall?",
			    REMOTE_CONNECT_MS / 1000);
		break;
	case REMOTE_HANDSHAKE:
	case REMOTE_AUTH:
		if (now >= r->deadline_ms)
			remote_lose(r, RETRY_SOON, "%s for %d s: its sshd or the machine "
			    "is frozen or very slow", r->wire.in_bytes == 0 ?
			    "took the connection but sent no greeting" :
			    r->state == REMOTE_AUTH ? "did not finish the login" :
			    "stopped in the middle of the SSH handshake", REMOTE_LOGIN_MS / 1000);
		break;
	case REMOTE_UP:
	case REMOTE_SILENT:
		remote_judge_silence(r, now);
		break;
	default:
		break;
	}
}

/* ---- runs ------------------------------------------------------------------------ */

static struct remote_run *
run_of_channel(ssh_channel channel, void *arg)
{
	struct remote_run *run = arg;

	return run->gone || run->remote->dead || run->channel != channel ? NULL : run;
}

static int
run_on_data(ssh_session session, ssh_channel channel, void *data, uint32_t len, int is_stderr,
    void *arg)
{
	struct remote_run *run = run_of_channel(channel, arg);

	if (run && run->events->output)
		run->events->output(run, is_stderr ? 2 : 1, data, len, run->arg);
	return (int)len;
}

static void
run_on_exit(ssh_session session, ssh_channel channel, int code, void *arg)
{
	struct remote_run *run = arg;

	run->exit_code = code & 0xff;
	run->exited_ms = clock_mono_ms();
}

static void
run_on_signal(ssh_session session, ssh_channel channel, const char *name, int core,
    const char *words, const char *lang, void *arg)
{
	struct remote_run *run = arg;

	snprintf(run->signal, sizeof run->signal, "%s", name ? name : "?");
	run->exited_ms = clock_mono_ms();
}

static void
run_on_close(ssh_session session, ssh_channel channel, void *arg)
{
	struct remote_run *run = arg;

	run->closed = true;
}

static void
run_release(struct remote_run *run)
{
	ssh_channel channel = run->channel;

	run->channel = NULL;
	if (!channel)
		return;
	ssh_remove_channel_callbacks(channel, &run->callbacks);
	if (ssh_channel_is_open(channel))
		ssh_channel_close(channel);
	ssh_channel_free(channel);
}

static void
run_free(struct remote_run *run)
{
	buf_fini(&run->input);
	free(run->command);
	free(run);
}

static void
run_unlink(struct remote_run *run)
{
	struct remote_run **p = &run->remote->runs;

	while (*p != run)
		p = &(*p)->next;
	*p = run->next;
}

/* The run is gone from the list before its owner hears of it, and freed after. */
static void
run_end(struct remote_run *run, enum remote_end how, int code, const char *why)
{
	run_release(run);
	run_unlink(run);
	run->remote->kicked = true; /* somebody may wait for its place */
	LOG("remote", "%s: run ends: %d, code %d %s", run->remote->name, how, code,
	    why ? why : "");
	if (!run->gone && !run->remote->dead && run->events->end)
		run->events->end(run, how, code, why, run->arg);
	run_free(run);
}

/* The connection went away: what was never sent may still go over the next one. */
static void
run_lost(struct remote_run *run)
{
	if (run->state == RUN_OPENING)
		run->state = RUN_QUEUED;
	else if (run->state != RUN_QUEUED)
		run->closed = true; /* run_step ends it */
}

static int
remote_running(const struct remote *r)
{
	int n = 0;

	for (const struct remote_run *run = r->runs; run; run = run->next)
		n += run->state != RUN_QUEUED;
	return n;
}

static void run_negotiate(struct remote_run *run);

static void
run_open(struct remote_run *run)
{
	struct remote *r = run->remote;

	if (run->gone || r->state != REMOTE_UP || remote_running(r) >= REMOTE_RUNS_MAX ||
	    clock_mono_ms() < run->not_before_ms)
		return;
	run->channel = ssh_channel_new(r->session);
	if (!run->channel) {
		r->broken = true;
		return;
	}
	memset(&run->callbacks, 0, sizeof run->callbacks);
	run->callbacks.userdata = run;
	run->callbacks.channel_data_function = run_on_data;
	run->callbacks.channel_exit_status_function = run_on_exit;
	run->callbacks.channel_exit_signal_function = run_on_signal;
	run->callbacks.channel_close_function = run_on_close;
	ssh_callbacks_init(&run->callbacks);
	ssh_set_channel_callbacks(run->channel, &run->callbacks);
	run->state = RUN_OPENING;
	remote_ask(r);
	run_negotiate(run);
}

/*
 * sshd counts a session until its process has ended, also one whose channel we
 * closed.  With others running, wait for one of them; alone, a new connection
 * starts the count at none.
 */
static void
run_refused(struct remote_run *run)
{
	struct remote *r = run->remote;

	run_release(run);
	run->state = RUN_QUEUED;
	run->not_before_ms = clock_mono_ms() + REMOTE_REFUSED_MS;
	if (!ssh_is_connected(r->session) || remote_running(r) == 0)
		r->broken = true;
}

static void
run_opening(struct remote_run *run)
{
	struct remote *r = run->remote;
	int rc = ssh_channel_open_session(run->channel);

	if (rc == SSH_AGAIN)
		return;
	if (rc != SSH_OK) {
		run_refused(run);
		return;
	}
	run->state = RUN_ASKING;
	if (!run->gone && run->events->sent)
		run->events->sent(run, run->arg);
	remote_ask(r);
}

static void
run_asking(struct remote_run *run)
{
	int rc = ssh_channel_request_exec(run->channel, run->command);
	struct err err;

	if (rc == SSH_AGAIN)
		return;
	if (rc == SSH_OK) {
		run->state = RUN_RUNNING;
	} else if (!ssh_is_connected(run->remote->session)) {
		run->remote->broken = true;
	} else {
		err_set(&err, ERR_UNREACHABLE, "%s refused to start the command: its sshd could "
		    "not make a process (out of memory or of processes?)", run->remote->where);
		run_end(run, REMOTE_FAILED, 255, err.words);
	}
}

static void
run_feed(struct remote_run *run)
{
	ssh_session session = run->remote->session;

	while (run->input.len && !(ssh_get_poll_flags(session) & SSH_WRITE_PENDING)) {
		size_t room = ssh_channel_window_size(run->channel);
		size_t n = run->input.len < REMOTE_INPUT_PIECE ? run->input.len :
		    REMOTE_INPUT_PIECE;
		int took;

		if (room < n)
			n = room;
		took = n ? ssh_channel_write(run->channel, run->input.data, (uint32_t)n) : 0;
		if (took <= 0)
			return;
		buf_drop(&run->input, (size_t)took);
		if (run->input.len == 0 && run->events->drained && !run->gone)
			run->events->drained(run, run->arg);
	}
	if (run->input_ended && !run->input_closed && run->input.len == 0) {
		run->input_closed = true;
		ssh_channel_send_eof(run->channel);
	}
}

/* Has it ended?  On close, or when something else holds the channel too long. */
static void
run_finish(struct remote_run *run)
{
	struct remote *r = run->remote;
	bool exited = run->exit_code >= 0 || run->signal[0];
	struct err err;

	if (!run->closed && run->channel && ssh_channel_is_closed(run->channel))
		run->closed = true;
	if (!run->closed &&
	    !(exited && clock_mono_ms() - run->exited_ms >= REMOTE_GRACE_MS)) {
		return;
	} else if (run->signal[0]) {
		run_end(run, REMOTE_SIGNALED, 255, run->signal);
	} else if (exited) {
		run_end(run, REMOTE_EXITED, run->exit_code, NULL);
	} else if (run->channel) {
		err_set(&err, ERR_UNREACHABLE, "%s closed the command's channel without saying "
		    "how it ended: look on the host", r->where);
		run_end(run, REMOTE_LOST, 255, err.words);
	} else {
		err_set(&err, ERR_UNREACHABLE, "%s; the command was sent, what became of it is "
		    "not known", r->why);
		run_end(run, REMOTE_LOST, 255, err.words);
	}
}

static void
run_wait(struct remote_run *run)
{
	struct remote *r = run->remote;
	struct err err;

	if (run->refused) {
		run_end(run, REMOTE_FAILED, 255, run->refused);
	} else if (r->state != REMOTE_UP && clock_mono_ms() >= run->deadline_ms) {
		err_set(&err, ERR_UNREACHABLE, "not sent: %s", r->why[0] ? r->why : r->where);
		if (!r->why[0])
			err_set(&err, ERR_UNREACHABLE, "not sent: %s is still being connected to: "
			    "try again", r->where);
		run_end(run, REMOTE_FAILED, 255, err.words);
	} else {
		run_open(run);
	}
}

/* What needs libssh to answer: it may read, and so call others back, in here. */
static void
run_negotiate(struct remote_run *run)
{
	if (run->state == RUN_OPENING)
		run_opening(run);
	if (run->state == RUN_ASKING && !run->gone && !run->remote->dead)
		run_asking(run);
}

static void
run_step(struct remote_run *run)
{
	struct remote *r = run->remote;

	if (run->gone && run->state != RUN_OPENING) {
		/* An answer to OPEN must find its channel: that one waits for it. */
		run_end(run, REMOTE_LOST, 255, NULL);
	} else if (run->state == RUN_QUEUED) {
		run_wait(run);
	} else if (run->state == RUN_RUNNING || run->closed) {
		if (run->channel && !run->closed && !r->paused)
			run_feed(run);
		run_finish(run);
	}
}

static void
remote_step_runs(struct remote *r)
{
	struct remote_run *run, *next;

	for (run = r->runs; run && !r->dead; run = next) {
		next = run->next;
		run_step(run);
	}
}

/* ---- the turn ------------------------------------------------------------------- */

static void
remote_idle(struct remote *r)
{
	remote_hang_up(r);
	remote_enter(r, REMOTE_IDLE);
}

static void
remote_progress_login(struct remote *r)
{
	uint64_t bytes;
	enum remote_state state;
	int rounds = 0;

	do {
		bytes = r->wire.in_bytes;
		state = r->state;
		if (state == REMOTE_HANDSHAKE)
			remote_shake(r);
		else if (state == REMOTE_AUTH)
			remote_log_in(r);
	} while (++rounds < REMOTE_ROUNDS && (state != r->state || bytes != r->wire.in_bytes));
}

static void
remote_pump(struct remote *r)
{
	int rc = SSH_OK;

	for (int i = 0; i < REMOTE_ROUNDS && rc == SSH_OK && !r->paused && !r->dead; i++)
		rc = ssh_event_dopoll(r->event, 0);
	if (rc == SSH_ERROR)
		r->broken = true;
}

static void
remote_negotiate_runs(struct remote *r)
{
	struct remote_run *run, *next;

	for (run = r->runs; run && !r->dead && !r->paused; run = next) {
		next = run->next;
		run_negotiate(run);
	}
}

/* Bytes in, runs on, bytes out: again while something waits that can go at once. */
static void
remote_serve(struct remote *r)
{
	int rounds = 0;

	do {
		remote_pump(r);
		if (!r->broken && !r->dead)
			remote_negotiate_runs(r);
		remote_note_heard(r);
		if (!r->broken && !r->dead)
			remote_step_runs(r);
	} while (++rounds < 4 && !r->broken && !r->dead && !r->paused &&
	    (ssh_get_poll_flags(r->session) & SSH_WRITE_PENDING));
	if (r->dead)
		return;
	if (!r->broken && ssh_is_connected(r->session))
		return;
	if (ssh_is_connected(r->session) && ssh_get_error_code(r->session) != SSH_FATAL)
		remote_lose(r, RETRY_SOON, "refuses another command on this connection: earlier "
		    "ones may still run there; connecting anew");
	else
		remote_lose(r, RETRY_SOON, "ended the connection (%s): connecting again",
		    remote_ssh_words(r));
}

static void
remote_drive(struct remote *r, int events)
{
	bool needed = remote_is_needed(r);

	switch (r->state) {
	case REMOTE_IDLE:
		if (needed)
			remote_dial(r);
		break;
	case REMOTE_DOWN:
		if (!needed)
			remote_idle(r);
		else if (r->retry_ms >= 0 && clock_mono_ms() >= r->retry_ms)
			remote_dial(r);
		break;
	case REMOTE_CONNECTING:
	case REMOTE_HANDSHAKE:
	case REMOTE_AUTH:
		if (!needed)
			remote_idle(r);
		else if (r->state == REMOTE_CONNECTING && events)
			remote_begin_ssh(r);
		remote_progress_login(r);
		break;
	default:
		break;
	}
	remote_tell(r); /* up is said before anything is sent */
	if (!r->dead && (r->state == REMOTE_UP || r->state == REMOTE_SILENT))
		remote_serve(r);
	if (!r->dead && !remote_is_needed(r) && (r->state == REMOTE_UP || r->state == REMOTE_SILENT))
		remote_idle(r);
}

static void
remote_arm_watch(struct remote *r)
{
	struct remote_watch *w = r->watch;
	int events = 0;

	if (!w)
		return;
	if (r->state == REMOTE_CONNECTING)
		events = UV_WRITABLE;
	else if (!r->paused)
		events = UV_READABLE |
		    (ssh_get_poll_flags(r->session) & SSH_WRITE_PENDING ? UV_WRITABLE : 0);
	if (events == w->events)
		return;
	w->events = events;
	if (events)
		uv_poll_start(&w->poll, events, remote_on_ready);
	else
		uv_poll_stop(&w->poll);
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

static int64_t
run_due_ms(const struct remote_run *run)
{
	bool exited = run->exit_code >= 0 || run->signal[0];

	if (run->refused || run->gone)
		return run->state == RUN_OPENING ? -1 : 0;
	if (run->state == RUN_QUEUED)
		return run->remote->state == REMOTE_UP ?
		    (run->not_before_ms > clock_mono_ms() ? run->not_before_ms : -1) :
		    run->deadline_ms;
	return run->closed ? 0 : exited ? run->exited_ms + REMOTE_GRACE_MS : -1;
}

/* When the next turn is due by the clock; -1: not at all. */
static int64_t
remote_due_ms(const struct remote *r)
{
	int64_t due = -1;

	if (r->kicked)
		return 0;
	if (r->state == REMOTE_CONNECTING || r->state == REMOTE_HANDSHAKE ||
	    r->state == REMOTE_AUTH)
		due = r->deadline_ms;
	else if (r->state == REMOTE_DOWN)
		due = remote_is_needed(r) ? r->retry_ms : 0;
	else if (r->state != REMOTE_IDLE && !r->paused)
		due = r->asked_ms == 0 ? r->heard_ms + REMOTE_IDLE_MS :
		    r->asked_ms + (r->state == REMOTE_UP ? REMOTE_SILENT_MS : REMOTE_DEAD_MS);
	for (const struct remote_run *run = r->runs; run; run = run->next)
		due = earlier(due, run_due_ms(run));
	return due;
}

static void
remote_arm(struct remote *r)
{
	int64_t due = remote_due_ms(r), now = clock_mono_ms();

	remote_arm_watch(r);
	if (due < 0)
		uv_timer_stop(&r->timer);
	else
		uv_timer_start(&r->timer, remote_on_timer,
		    due > now ? (uint64_t)(due - now) + 1 : 0, 0);
}

static void remote_destroy(struct remote *r);

static void
remote_turn(struct remote *r, int events)
{
	r->turning = true;
	r->kicked = false;
	if (r->watch && r->state != REMOTE_CONNECTING)
		dial_quickack(r->watch->fd);
	remote_drive(r, events);
	if (!r->dead)
		remote_judge(r);
	remote_step_runs(r);
	remote_tell(r);
	r->turning = false;
	if (r->dead)
		remote_destroy(r);
	else
		remote_arm(r);
}

static void
remote_on_ready(uv_poll_t *poll, int status, int events)
{
	remote_turn(poll->data, status < 0 ? UV_WRITABLE : events);
}

static void
remote_on_timer(uv_timer_t *timer)
{
	remote_turn(timer->data, 0);
}

/* ---- what others call ------------------------------------------------------------ */

struct remote *
remote_new(uv_loop_t *loop, const struct remote_config *cfg, remote_state_fn *on_state,
    void *arg)
{
	struct remote *r = mem_alloc(sizeof *r);

	r->loop = loop;
	r->name = mem_dup(cfg->name);
	r->address = mem_dup(cfg->address);
	r->port = cfg->port;
	r->user = mem_dup(cfg->user);
	r->key = cfg->key;
	r->key_why = mem_dup(cfg->key_why);
	r->hostkeys = cfg->hostkeys;
	r->where = mem_printf(strchr(cfg->address, ':') ? "%s [%s]:%d" : "%s %s:%d", cfg->name,
	    cfg->address, cfg->port);
	r->on_state = on_state;
	r->arg = arg;
	r->rtt_ms = r->retry_ms = -1;
	hostkeys_use_loop(r->hostkeys, loop);
	uv_timer_init(loop, &r->timer);
	r->timer.data = r;
	return r;
}

static void
remote_on_timer_closed(uv_handle_t *handle)
{
	struct remote *r = handle->data;

	free(r->name);
	free(r->address);
	free(r->user);
	free(r->key_why);
	free(r->where);
	free(r->key_type);
	free(r->key_blob);
	free(r->fingerprint);
	free(r);
}

static void
remote_destroy(struct remote *r)
{
	struct remote_run *run;

	remote_hang_up(r);
	while ((run = r->runs) != NULL) {
		r->runs = run->next;
		run_free(run);
	}
	uv_close((uv_handle_t *)&r->timer, remote_on_timer_closed);
}

void
remote_free(struct remote *r)
{
	if (!r || r->dead)
		return;
	r->dead = true;
	if (!r->turning)
		remote_destroy(r);
}

void
remote_want(struct remote *r, bool want)
{
	r->wanted = want;
	remote_kick(r);
}

void
remote_retry_now(struct remote *r)
{
	if (r->state == REMOTE_DOWN)
		r->retry_ms = clock_mono_ms();
	remote_kick(r);
}

void
remote_set_key(struct remote *r, const struct secret *key)
{
	r->key = key;
	if (r->state == REMOTE_DOWN && r->retry != RETRY_SOON)
		r->retry_ms = clock_mono_ms();
	remote_kick(r);
}

enum remote_state
remote_state(const struct remote *r)
{
	return r->state;
}

enum hostkey_state
remote_key_state(const struct remote *r)
{
	return r->key_state;
}

const char *
remote_fingerprint(const struct remote *r)
{
	return r->fingerprint ? r->fingerprint : "";
}

const char *
remote_why(const struct remote *r)
{
	return r->why;
}

int64_t
remote_retry_ms(const struct remote *r)
{
	int64_t left = r->retry_ms - clock_mono_ms();

	if (r->state != REMOTE_DOWN || r->retry_ms < 0)
		return -1;
	return left > 0 ? left : 0;
}

int64_t
remote_rtt_ms(const struct remote *r)
{
	return r->rtt_ms;
}

int64_t
remote_silence_ms(const struct remote *r)
{
	return r->heard_ms ? clock_mono_ms() - r->heard_ms : -1;
}

int
remote_accept_key(struct remote *r, const char *fingerprint, struct err *err)
{
	if (!r->fingerprint || strcmp(r->fingerprint, fingerprint) != 0)
		return err_set(err, ERR_USAGE, "%s last showed the host key %s, not %s: look "
		    "again before you accept", r->where, r->fingerprint ? r->fingerprint :
		    "(none yet)", fingerprint);
	if (hostkeys_accept(r->hostkeys, r->name, r->key_type, r->key_blob, err) < 0)
		return -1;
	r->key_state = hostkeys_check(r->hostkeys, r->name, r->key_type, r->key_blob);
	r->notify = true;
	remote_kick(r);
	return 0;
}

static const char *
remote_refusal(const struct remote *r, const char *command, size_t len)
{
	int waiting = 0;

	for (const struct remote_run *run = r->runs; run; run = run->next)
		waiting += run->state == RUN_QUEUED;
	if (waiting > REMOTE_QUEUE_MAX)
		return "not sent: too many commands wait for this host: let some finish first";
	if (memchr(command, '\0', len))
		return "not sent: the command holds a NUL byte, which no host takes";
	return NULL;
}

struct remote_run *
remote_exec(struct remote *r, const char *command, size_t len, int64_t connect_ms,
    const struct remote_run_events *events, void *arg)
{
	struct remote_run *run = mem_alloc(sizeof *run), **p = &r->runs;
	int64_t now = clock_mono_ms();

	run->remote = r;
	run->events = events;
	run->arg = arg;
	run->command = mem_dupn(command, len);
	run->deadline_ms = now + connect_ms;
	run->exit_code = -1;
	buf_init(&run->input, REMOTE_INPUT_MAX);
	while (*p)
		p = &(*p)->next;
	*p = run;
	run->refused = remote_refusal(r, command, len);
	/* Somebody needs it now: no sitting out a long retry time. */
	if (r->state == REMOTE_DOWN && r->retry == RETRY_SOON)
		r->retry_ms = earlier(r->retry_ms, r->down_ms + 1000);
	remote_kick(r);
	return run;
}

int
remote_run_input(struct remote_run *run, const void *data, size_t len)
{
	if (buf_add(&run->input, data, len) < 0)
		return -1;
	remote_kick(run->remote);
	return 0;
}

void
remote_run_input_end(struct remote_run *run)
{
	run->input_ended = true;
	remote_kick(run->remote);
}

bool
remote_run_input_idle(const struct remote_run *run)
{
	return run->input.len == 0;
}

void
remote_run_close(struct remote_run *run)
{
	run->gone = true;
	remote_kick(run->remote);
}

void
remote_pause(struct remote *r)
{
	r->paused++;
	remote_kick(r);
}

void
remote_resume(struct remote *r)
{
	if (r->paused > 0 && --r->paused == 0) {
		/* What was not read is no silence. */
		r->heard_ms = clock_mono_ms();
		r->asked_ms = r->asked_ms ? r->heard_ms : 0;
	}
	remote_kick(r);
}
