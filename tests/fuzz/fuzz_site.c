/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The site file: half a file is no file, and no budget or path leaves its bounds. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "host/site.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	char path[64], why[400] = "";
	struct site s;

	if (fd < 0)
		fd = memfd_create("site", 0);
	must(fd >= 0 && ftruncate(fd, 0) == 0);
	must(pwrite(fd, data, size, 0) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	site_defaults(&s);
	if (site_read(&s, path, why, sizeof(why)) < 0) {
		must(why[0] != '\0');
		return 0;
	}
	must(s.qm[0] == '\0' || s.qm[0] == '/');
	must(strnlen(s.run_dir, sizeof(s.run_dir)) < sizeof(s.run_dir));
	must(strnlen(s.lock, sizeof(s.lock)) < sizeof(s.lock));
	must(s.forensics_ms >= 1 && s.forensics_ms <= 10 * 60 * 1000);
	must(s.follow_ms >= 1 && s.follow_ms <= 10 * 60 * 1000);
	return 0;
}
