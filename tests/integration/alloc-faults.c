/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * alloc-faults.c: preloaded, makes one allocation of a program fail.
 *
 * BG_ALLOC="WHOSE:N:LOG": the Nth malloc, calloc or realloc (from 1; 0: none) fails with
 * ENOMEM.  WHOSE: "own", those that the program itself calls; "any", its libraries' and
 * the C library's as well.  LOG gets a line when it happens, and the count at the end;
 * and where that was, and where a wrong address was used after it, frame by frame.
 * Children are left alone.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

static char log_path[512];
static int own;
static long at, count, armed;
static uintptr_t from, upto;

static int
on_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
			continue;
		from = info->dlpi_addr + p->p_vaddr;
		upto = from + p->p_memsz;
	}
	return 1; /* the program comes first */
}

static void
say(const char *what, long n)
{
	char line[64];
	int fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int len = snprintf(line, sizeof line, "%s %ld\n", what, n);

	if (fd < 0 || write(fd, line, (size_t)len) < 0)
		_exit(99);
	close(fd);
}

/* No allocation is made for it, once backtrace has been called. */
static void
say_where(const char *what, long n)
{
	void *frames[40];
	int fd;

	say(what, n);
	fd = open(log_path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0)
		_exit(99);
	backtrace_symbols_fd(frames, backtrace(frames, 40), fd);
	close(fd);
}

static void
on_wrong_address(int sig)
{
	say_where("crashed", sig);
	raise(sig); /* SA_RESETHAND: it ends as it would have */
}

__attribute__((constructor)) static void
begin(void)
{
	struct sigaction on = {
	    .sa_handler = on_wrong_address, .sa_flags = SA_RESETHAND | SA_NODEFER};
	const char *f = getenv("BG_ALLOC");
	char whose[8];
	void *frame;

	if (!f || sscanf(f, "%7[a-z]:%ld:%511s", whose, &at, log_path) != 3)
		return;
	own = strcmp(whose, "own") == 0;
	dl_iterate_phdr(on_object, NULL);
	unsetenv("BG_ALLOC");
	unsetenv("LD_PRELOAD");
	backtrace(&frame, 1);
	sigaction(SIGSEGV, &on, NULL);
	armed = getpid();
}

__attribute__((destructor)) static void
end(void)
{
	if (armed == getpid()) {
		armed = 0;
		say("count", count);
	}
}

static int
strikes(const void *caller)
{
	uintptr_t c = (uintptr_t)caller;

	if (!armed || (own && (c < from || c >= upto)))
		return 0;
	if (__atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST) != at)
		return 0;
	if (armed != getpid())
		return 0;
	say_where("struck", at);
	errno = ENOMEM;
	return 1;
}

void *
malloc(size_t n)
{
	return strikes(__builtin_return_address(0)) ? NULL : __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	return strikes(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
	return strikes(__builtin_return_address(0)) ? NULL : __libc_realloc(p, n);
}
