/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * who.h: what is known about the person behind a connection, and how well.
 *
 * The kernel says uid and pid of who connected; /proc says of which processes that one
 * descends.  A root-owned ancestor (sudo, sshd) proves what it did for the peer; what
 * stands in the peer's environment alone is a claim, and says "unproven".
 * docs/operators.md has what each proof proves and what it does not.
 *
 * who_look reads /proc, and so may hang on a process that hangs: it runs in the thread
 * pool, at most WHO_AT_ONCE at a time, and nobody waits for it longer than WHO_WAIT_MS.
 */
#ifndef ENGINE_WHO_H
#define ENGINE_WHO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#define WHO_WORDS_MAX 192
#define WHO_WAIT_MS 500
#define WHO_AT_ONCE 2 /* of the pool's threads: disks need the others */

/* What was seen; who_words makes a sentence of it. */
struct who_seen {
	uid_t uid;
	char user[33]; /* its name, "": it has none */
	int64_t login; /* the login uid that PAM set, -1: none */
	char login_user[33];
	bool gone;	    /* the process ended before it was looked at */
	bool sudo;	    /* below a sudo of root's */
	char sudo_by[33];   /* who ran that sudo: a login uid's name, or its parent's; "":
			       it   cannot be said */
	bool ssh;	    /* below an sshd of root's */
	char ssh_user[33];  /* the account that sshd logged in */
	char ssh_from[48];  /* as sshd told the session's first process; "": not known */
	char ssh_key[64];   /* "SHA256:…", proven; "": none */
	bool ssh_key_false; /* SSH_USER_AUTH names a file that sshd did not write so */
	bool outside; /* no ancestor here: it came into the container from outside */
	bool pod;     /* of Kubernetes */
	char claims_from[48];	 /* SSH_CONNECTION of a peer that no sshd stands behind */
	char claims_sudo[33];	 /* SUDO_USER, the same */
	char claims_request[48]; /* K8S_REQUEST_ID */
};

void who_words(const struct who_seen *s, char out[WHO_WORDS_MAX]);

/* Reads what there is to read about pid; pidfd (or -1) holds it against reuse. */
void who_look(pid_t pid, int pidfd, uid_t uid, struct who_seen *seen);

/*
 * The key in a file as sshd's ExposeAuthInfo writes it, "SHA256:…" as ssh-keygen -l
 * prints it; false: it holds no public key.
 */
bool who_key(const char *text, char out[64]);

struct who;

/* Comes once, or twice: late is true when the first says only what the kernel said. */
typedef void who_fn(const char *proof, bool late, void *arg);

/* fd: the connected socket, borrowed.  Never calls back from inside. */
struct who *who_ask(uv_loop_t *loop, int fd, who_fn *cb, void *arg);

/* What can be said at once; lent. */
const char *who_so_far(const struct who *w);

/* What the words were made of, from the last callback (late: false) on; lent. */
const struct who_seen *who_seen(const struct who *w);

/* No callback comes after this.  NULL is fine; after the last callback it may still be
 * called. */
void who_free(struct who *w);

#endif
