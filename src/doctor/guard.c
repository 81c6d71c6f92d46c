/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one thread beside the loop's: what it answers for is in the loop's system calls,
 * so the loop cannot.  They share the list of what was asked, which only grows.
 */
#include "doctor/guard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/self.h"

#if defined(__x86_64__)
#	define GUARD_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#	define GUARD_ARCH AUDIT_ARCH_AARCH64
#endif

static struct {
	struct guard_rules rules;
	int listener;
	int handover[2]; /* the listener's number comes through it */
	struct guard_asked asked[GUARD_ASKED_MAX];
	atomic_uint count;
} g;

/* ---- what may be asked ---- */

static bool
same_address(
    const struct sockaddr_storage *rule, const struct sockaddr *to, socklen_t len)
{
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)rule, *b4;
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)rule, *b6;

	if (rule->ss_family != to->sa_family)
		return false;
	if (to->sa_family == AF_INET && len >= sizeof *b4) {
		b4 = (const struct sockaddr_in *)to;
		return a4->sin_port == b4->sin_port &&
		    a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	}
	if (to->sa_family == AF_INET6 && len >= sizeof *b6) {
		b6 = (const struct sockaddr_in6 *)to;
		return a6->sin6_port == b6->sin6_port &&
		    memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0;
	}
	return false;
}

static void
words_of(const struct sockaddr *to, socklen_t len, char text[GUARD_TEXT_MAX])
{
	char host[INET6_ADDRSTRLEN] = "?";

	if (to->sa_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
		const struct sockaddr_in *a = (const struct sockaddr_in *)to;

		inet_ntop(AF_INET, &a->sin_addr, host, sizeof host);
		snprintf(text, GUARD_TEXT_MAX, "%s port %d", host, ntohs(a->sin_port));
	} else if (to->sa_family == AF_INET6 && len >= sizeof(struct sockaddr_in6)) {
		const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)to;

		inet_ntop(AF_INET6, &a->sin6_addr, host, sizeof host);
		snprintf(text, GUARD_TEXT_MAX, "%s port %d", host, ntohs(a->sin6_port));
	} else if (to->sa_family == AF_UNIX) {
		const struct sockaddr_un *a = (const struct sockaddr_un *)to;
		size_t n = len > offsetof(struct sockaddr_un, sun_path)
		    ? len - offsetof(struct sockaddr_un, sun_path)
		    : 0;
		bool abstract = n > 0 && a->sun_path[0] == '\0';

		snprintf(text, GUARD_TEXT_MAX, "unix:%s%.*s", abstract ? "@" : "",
		    (int)strnlen(a->sun_path + abstract, n - abstract),
		    a->sun_path + abstract);
	} else
		snprintf(text, GUARD_TEXT_MAX, "address family %d", (int)to->sa_family);
}

bool
guard_may(const struct guard_rules *rules, const struct sockaddr *to, socklen_t len,
    char text[GUARD_TEXT_MAX])
{
	if (len < sizeof to->sa_family) {
		snprintf(text, GUARD_TEXT_MAX, "no address");
		return false;
	}
	words_of(to, len, text);
	for (size_t i = 0; i < ARRAY_LEN(rules->hosts); i++)
		if (same_address(&rules->hosts[i], to, len))
			return true;
	for (size_t i = 0; i < ARRAY_LEN(rules->sockets); i++)
		if (to->sa_family == AF_UNIX && rules->sockets[i][0] &&
		    strcmp(text + strlen("unix:"), rules->sockets[i]) == 0)
			return true;
	return false;
}

static void
host_rule(struct sockaddr_storage *out, const char *address, long port)
{
	struct sockaddr_in *a4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)out;
	char text[INET6_ADDRSTRLEN] = "";
	size_t n = strcspn(address, "%");

	if (n < sizeof text)
		memcpy(text, address, n);
	if (inet_pton(AF_INET, text, &a4->sin_addr) == 1) {
		a4->sin_family = AF_INET;
		a4->sin_port = htons((uint16_t)port);
	} else if (inet_pton(AF_INET6, text, &a6->sin6_addr) == 1) {
		a6->sin6_family = AF_INET6;
		a6->sin6_port = htons((uint16_t)port);
	}
}

void
guard_rules_of(
    struct guard_rules *rules, const struct options *o, const char *ssh_auth_sock)
{
	char *dir = options_run_dir(o);

	memset(rules, 0, sizeof *rules);
	host_rule(&rules->hosts[0], o->devvm_host, o->devvm_port);
	host_rule(&rules->hosts[1], o->pve_host, o->pve_port);
	snprintf(rules->sockets[0], sizeof rules->sockets[0], "%s/console.sock", dir);
	if (ssh_auth_sock && strcmp(o->key_path, "agent") == 0)
		snprintf(
		    rules->sockets[1], sizeof rules->sockets[1], "%s", ssh_auth_sock);
	free(dir);
}

/* ---- the guard's thread ---------------------------------------------------------------
 */

static void
note(const char *text, bool let)
{
	unsigned n = atomic_load(&g.count);

	for (unsigned i = 0; i < n; i++) {
		if (g.asked[i].let == let && strcmp(g.asked[i].text, text) == 0) {
			g.asked[i].times++;
			return;
		}
	}
	if (n == GUARD_ASKED_MAX)
		return;
	snprintf(g.asked[n].text, sizeof g.asked[n].text, "%s", text);
	g.asked[n].let = let;
	g.asked[n].times = 1;
	atomic_store(&g.count, n + 1);
}

unsigned
guard_asked(struct guard_asked out[GUARD_ASKED_MAX])
{
	unsigned n = atomic_load(&g.count);

	memcpy(out, g.asked, n * sizeof *out);
	return n;
}

#ifdef GUARD_ARCH

/* Our own memory, but a pointer of somebody's: what is not there is no address. */
static ssize_t
peek(uint64_t at, void *to, size_t len)
{
	struct iovec here = {to, len};
	struct iovec there = {(void *)(uintptr_t)at, len};

	return process_vm_readv(getpid(), &here, 1, &there, 1, 0);
}

/* Where the address of the call is, and how long; 0: it names none. */
static socklen_t
address_of(const struct seccomp_data *call, uint64_t *at)
{
	struct msghdr m;

	switch (call->nr) {
	case SYS_connect:
		*at = call->args[1];
		return (socklen_t)call->args[2];
	case SYS_sendto:
		*at = call->args[4];
		return *at ? (socklen_t)call->args[5] : 0;
	default: /* of a sendmmsg the first one counts: no library of ours mixes them */
		if (peek(call->args[1], &m, sizeof m) != sizeof m)
			return 0;
		*at = (uint64_t)(uintptr_t)m.msg_name;
		return *at ? m.msg_namelen : 0;
	}
}

static bool
judge(const struct seccomp_data *call)
{
	struct sockaddr_storage to = {0};
	char text[GUARD_TEXT_MAX];
	uint64_t at = 0;
	socklen_t len = address_of(call, &at);
	bool let;

	if (len == 0)
		return call->nr != SYS_connect; /* on a connection that was let */
	if (len > sizeof to)
		len = sizeof to;
	if (peek(at, &to, len) != (ssize_t)len)
		return false;
	let = guard_may(&g.rules, (struct sockaddr *)&to, len, text);
	note(text, let);
	return let;
}

static void *
guard_main(void *arg)
{
	struct seccomp_notif_resp resp;
	struct seccomp_notif req;
	int listener;

	if (read(g.handover[0], &listener, sizeof listener) != sizeof listener)
		return NULL;
	for (;;) {
		memset(&req, 0, sizeof req);
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &req) < 0) {
			if (errno == EINTR || errno == ENOENT)
				continue;
			close(
			    listener); /* who waits for us is told that there is nobody */
			return NULL;
		}
		memset(&resp, 0, sizeof resp);
		resp.id = req.id;
		if (judge(&req.data))
			resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		else
			resp.error = -EACCES;
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);
	}
}

#	define LOAD(what)                         \
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, \
		    (unsigned)offsetof(struct seccomp_data, what))
#	define IS(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#	define RETURN(what) BPF_STMT(BPF_RET | BPF_K, what)

static int
put_on(struct sock_filter *code, unsigned short n, unsigned flags)
{
	struct sock_fprog prog = {.len = n, .filter = code};

	if (self_no_new_privileges() < 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

int
guard_begin(const struct guard_rules *rules, struct err *err)
{
	struct sock_filter code[] = {
	    LOAD(arch),
	    IS(GUARD_ARCH, 1, 0),
	    RETURN(SECCOMP_RET_ERRNO | EPERM),
	    LOAD(nr),
	    IS(SYS_connect, 10, 0),
	    IS(SYS_sendmsg, 9, 0),
	    IS(SYS_sendmmsg, 8, 0),
	    IS(SYS_listen, 8, 0),
	    IS(SYS_io_uring_setup, 7, 0),
	    IS(SYS_sendto, 0, 7),
	    LOAD(args[4]), /* without an address: on what was let */
	    IS(0, 0, 3),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		(unsigned)offsetof(struct seccomp_data, args[4]) + 4),
	    IS(0, 0, 1),
	    RETURN(SECCOMP_RET_ALLOW),
	    RETURN(SECCOMP_RET_USER_NOTIF),
	    RETURN(SECCOMP_RET_ERRNO | EACCES),
	    RETURN(SECCOMP_RET_ALLOW),
	};
	pthread_t thread;

	g.rules = *rules;
	if (pipe(g.handover) < 0 || pthread_create(&thread, NULL, guard_main, NULL) != 0)
		return err_sys(err, errno, "begin a thread");
	pthread_detach(thread);
	g.listener = put_on(code, ARRAY_LEN(code), SECCOMP_FILTER_FLAG_NEW_LISTENER);
	if (g.listener < 0)
		return err_sys(err, errno, "seccomp");
	if (write(g.handover[1], &g.listener, sizeof g.listener) < 0)
		return err_sys(err, errno, "seccomp");
	return 0;
}

void
guard_shut(void)
{
	struct sock_filter code[] = {
	    LOAD(arch),
	    IS(GUARD_ARCH, 1, 0),
	    RETURN(SECCOMP_RET_ERRNO | EPERM),
	    LOAD(nr),
	    IS(SYS_io_uring_setup, 3, 0),
	    IS(SYS_socket, 0, 3),
	    LOAD(args[0]),
	    IS(AF_UNIX, 1, 0),
	    RETURN(SECCOMP_RET_ERRNO | EACCES),
	    RETURN(SECCOMP_RET_ALLOW),
	};

	put_on(code, ARRAY_LEN(code), 0);
}

#else

int
guard_begin(const struct guard_rules *rules, struct err *err)
{
	return err_set(err, ERR_SYSTEM, "no filter is written for this processor");
}

void
guard_shut(void)
{
}

#endif
