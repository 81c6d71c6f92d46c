/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The system calls that no program of the agent needs, refused by a filter.
 *
 * A list of what is refused, not of what is allowed: what runs below it is claude and
 * whatever a shell may start, and a call that is missing from a list of ours would be
 * a failure in the night.  Arguments are compared by their low 32 bits where the kernel
 * looks at no more; what is allowed of socket() is allowed by its exact value.
 */
#include <errno.h>
#include <seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "agent/launcher_box.h"

#define LOW32 0xffffffffu
#define TYPE_MASK 0xfu /* of socket(): what is not SOCK_CLOEXEC or SOCK_NONBLOCK */
#define MMAP_TYPE 0xfu /* of mmap()'s flags: shared or private */
#define IOPRIO_WHO_PROCESS 1
#define TCP 6
#define UDP 17

static const int denied[] = {
    /* other processes */
    SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev),
    SCMP_SYS(pidfd_getfd), SCMP_SYS(kcmp), SCMP_SYS(process_madvise),
    SCMP_SYS(perf_event_open), SCMP_SYS(migrate_pages), SCMP_SYS(move_pages),
    /* namespaces and mounts: a way round all paths */
    SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(mount), SCMP_SYS(umount2),
    SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(move_mount), SCMP_SYS(open_tree),
    SCMP_SYS(fsopen), SCMP_SYS(fsconfig), SCMP_SYS(fsmount), SCMP_SYS(fspick),
    SCMP_SYS(mount_setattr), SCMP_SYS(open_by_handle_at), SCMP_SYS(name_to_handle_at),
    SCMP_SYS(quotactl), SCMP_SYS(quotactl_fd), SCMP_SYS(swapon), SCMP_SYS(swapoff),
    SCMP_SYS(acct), SCMP_SYS(fanotify_init),
    /* what the uid shares with processes outside */
    SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(keyctl), SCMP_SYS(shmget),
    SCMP_SYS(shmat), SCMP_SYS(shmctl), SCMP_SYS(msgget), SCMP_SYS(msgsnd),
    SCMP_SYS(msgrcv), SCMP_SYS(msgctl), SCMP_SYS(semget), SCMP_SYS(semop),
    SCMP_SYS(semtimedop), SCMP_SYS(semctl), SCMP_SYS(mq_open), SCMP_SYS(mq_unlink),
    /* the kernel */
    SCMP_SYS(bpf), SCMP_SYS(userfaultfd), SCMP_SYS(syslog), SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load), SCMP_SYS(init_module), SCMP_SYS(finit_module),
    SCMP_SYS(delete_module), SCMP_SYS(reboot), SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime), SCMP_SYS(clock_adjtime), SCMP_SYS(adjtimex),
    SCMP_SYS(sethostname), SCMP_SYS(setdomainname), SCMP_SYS(iopl), SCMP_SYS(ioperm),
    SCMP_SYS(modify_ldt), SCMP_SYS(vhangup), SCMP_SYS(nfsservctl),
    SCMP_SYS(lookup_dcookie)};

/* For these a program has another way, when it is told that there are none. */
static const int absent[] = {SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register), SCMP_SYS(clone3)};

static const unsigned namespaces[] = {CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC,
    CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP};

#define DENY(...) (rc = rc ? rc : seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), __VA_ARGS__))

/*
 * What shares a name with others is a stream: of datagrams each may go to another
 * socket, and no filter sees which.  (SOCK_RAW is a datagram of AF_UNIX.)
 */
static int
add_unix(scmp_filter_ctx f)
{
	int rc = 0;

	for (unsigned type = 0; type <= TYPE_MASK; type++) {
		if (type == SOCK_STREAM)
			continue;
		DENY(SCMP_SYS(socket), 2, SCMP_A0(SCMP_CMP_EQ, AF_UNIX),
		    SCMP_A1(SCMP_CMP_MASKED_EQ, TYPE_MASK, type));
		if (type != SOCK_SEQPACKET)
			DENY(SCMP_SYS(socketpair), 1,
			    SCMP_A1(SCMP_CMP_MASKED_EQ, TYPE_MASK, type));
	}
	return rc;
}

/* TCP by its own protocol: Landlock does not see MPTCP and SCTP, nor what opens fast. */
static int
add_inet(scmp_filter_ctx f, int family, bool names)
{
	int rc = 0;

	for (unsigned type = 0; type <= TYPE_MASK; type++)
		if (type != SOCK_STREAM && !(names && type == SOCK_DGRAM))
			DENY(SCMP_SYS(socket), 2, SCMP_A0(SCMP_CMP_EQ, (unsigned)family),
			    SCMP_A1(SCMP_CMP_MASKED_EQ, TYPE_MASK, type));
	for (unsigned protocol = 1; protocol <= UDP; protocol++)
		if (protocol != TCP && !(names && protocol == UDP))
			DENY(SCMP_SYS(socket), 2, SCMP_A0(SCMP_CMP_EQ, (unsigned)family),
			    SCMP_A2(SCMP_CMP_EQ, protocol));
	DENY(SCMP_SYS(socket), 2, SCMP_A0(SCMP_CMP_EQ, (unsigned)family),
	    SCMP_A2(SCMP_CMP_GT, UDP));
	return rc;
}

static int
add_sockets(scmp_filter_ctx f, const struct box *b)
{
	int rc = add_unix(f);

	DENY(
	    SCMP_SYS(sendto), 1, SCMP_A3(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, MSG_FASTOPEN));
	DENY(SCMP_SYS(sendmsg), 1,
	    SCMP_A2(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, MSG_FASTOPEN));
	DENY(SCMP_SYS(sendmmsg), 1,
	    SCMP_A3(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, MSG_FASTOPEN));
	if (b->net == BOX_NET_ANY || rc)
		return rc;
	if (b->net == BOX_NET_NONE) {
		DENY(SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_NE, AF_UNIX));
		return rc;
	}
	rc = add_inet(f, AF_INET, b->names);
	rc = rc ? rc : add_inet(f, AF_INET6, b->names);
	DENY(SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_LT, AF_UNIX));
	for (unsigned family = AF_INET + 1; family < AF_INET6; family++)
		DENY(SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, family));
	DENY(SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_GT, AF_INET6));
	return rc;
}

/*
 * Its own share of the CPUs and disks it may change, as process 0; nobody else's.  To
 * the kernel all of one uid are one: an engine made idle and put on the CPU of a hundred
 * busy loops has no power keys and no kill switch, and could not undo it.
 */
static int
add_shares(scmp_filter_ctx f)
{
	static const int calls[] = {SCMP_SYS(sched_setscheduler),
	    SCMP_SYS(sched_setparam), SCMP_SYS(sched_setattr),
	    SCMP_SYS(sched_setaffinity)};
	int rc = 0;

	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
		DENY(calls[i], 1, SCMP_A0(SCMP_CMP_NE, 0));
	DENY(SCMP_SYS(setpriority), 1, SCMP_A0(SCMP_CMP_NE, PRIO_PROCESS));
	DENY(SCMP_SYS(setpriority), 1, SCMP_A1(SCMP_CMP_NE, 0));
	DENY(SCMP_SYS(ioprio_set), 1, SCMP_A0(SCMP_CMP_NE, IOPRIO_WHO_PROCESS));
	DENY(SCMP_SYS(ioprio_set), 1, SCMP_A1(SCMP_CMP_NE, 0));
	return rc;
}

/* Memory that RLIMIT_DATA does not count: what is shared, files of memory, a stack. */
static int
add_uncounted(scmp_filter_ctx f)
{
	int rc = 0;

	DENY(SCMP_SYS(mmap), 1,
	    SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS | MMAP_TYPE,
		MAP_ANONYMOUS | MAP_SHARED));
	DENY(
	    SCMP_SYS(mmap), 1, SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_GROWSDOWN, MAP_GROWSDOWN));
	DENY(SCMP_SYS(memfd_create), 0);
	DENY(SCMP_SYS(memfd_secret), 0);
	return rc;
}

static int
add_calls(scmp_filter_ctx f)
{
	int rc = add_shares(f);

	for (size_t i = 0; i < sizeof denied / sizeof denied[0]; i++)
		DENY(denied[i], 0);
	for (size_t i = 0; i < sizeof absent / sizeof absent[0] && !rc; i++)
		rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), absent[i], 0);
	for (size_t i = 0; i < sizeof namespaces / sizeof namespaces[0]; i++)
		DENY(SCMP_SYS(clone), 1,
		    SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i]));
	/* another's limits: no CPU time is a SIGKILL, no message queues our brand on him
	 */
	DENY(SCMP_SYS(prlimit64), 2, SCMP_A0(SCMP_CMP_NE, 0), SCMP_A2(SCMP_CMP_NE, 0));
	/* typing into a terminal that it was left */
	DENY(SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, LOW32, TIOCSTI));
	DENY(SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, LOW32, TIOCLINUX));
	return rc;
}

/* A kernel without it, or a container that keeps it from us. */
static bool
is_missing(int rc)
{
	return rc == -EINVAL || rc == -ENOSYS || rc == -EPERM || rc == -EACCES;
}

int
box_seccomp_load(const struct box *b)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	int rc;

	if (!f) {
		errno = ENOMEM;
		return -1;
	}
	/* Another architecture's calls have other numbers: nothing of it runs here.  A
	 * kernel that cannot end the process ends its thread, which is the default. */
	seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	seccomp_attr_set(f, SCMP_FLTATR_API_SYSRAWRC, 1);
	seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	rc = add_calls(f);
	rc = rc ? rc : add_sockets(f, b);
	rc = rc || !b->counted ? rc : add_uncounted(f);
	if (rc == 0) {
		rc = seccomp_load(f);
		if (is_missing(rc)) {
			seccomp_release(f);
			return 1;
		}
	}
	seccomp_release(f);
	errno = -rc;
	return rc < 0 ? -1 : 0;
}
