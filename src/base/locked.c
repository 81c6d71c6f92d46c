/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/locked.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <fcntl.h>

#ifndef SYS_memfd_secret
#	define SYS_memfd_secret 447 /* the same number on every architecture */
#endif

/* NULL: this kernel has none (before 5.14, or booted without), or ulimit -l is small. */
static void *
locked_secretmem(size_t size)
{
	int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
	void *p = MAP_FAILED;

	if (fd < 0)
		return NULL;
	if (ftruncate(fd, (off_t)size) == 0)
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return NULL;
	/* The pages are shared with a fork: it gets none of them. */
	if (madvise(p, size, MADV_DONTFORK) < 0) {
		munmap(p, size);
		return NULL;
	}
	return p;
}

void *
locked_new_ordinary(size_t size, enum locked_kind *kind, struct err *err)
{
	enum locked_kind got = LOCKED_MLOCK;
	void *p =
	    mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		err_sys(err, errno, "get memory for a secret");
		return NULL;
	}
	/*
	 * Without these three it still works; swap, core or fork may show it.  No line of
	 * the log: known.c asks for memory while it holds what such a line waits for.
	 */
	if (mlock(p, size) < 0)
		got = LOCKED_PLAIN;
	if (madvise(p, size, MADV_DONTDUMP) < 0)
		got = LOCKED_PLAIN;
	if (madvise(p, size, MADV_WIPEONFORK) < 0)
		got = LOCKED_PLAIN;
	if (kind)
		*kind = got;
	return p;
}

void *
locked_new(size_t size, enum locked_kind *kind, struct err *err)
{
	void *p = locked_secretmem(size);

	if (!p)
		return locked_new_ordinary(size, kind, err);
	if (kind)
		*kind = LOCKED_SECRETMEM;
	return p;
}

void
locked_free(void *p, size_t size)
{
	if (!p)
		return;
	explicit_bzero(p, size);
	munmap(p, size);
}

const char *
locked_kind_name(enum locked_kind kind)
{
	static const char *const names[] = {"ordinary memory", "mlock", "memfd_secret"};

	return names[kind];
}
