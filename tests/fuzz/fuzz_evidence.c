/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What forensics read of others: pvestatd's rows, gdb's backtrace, query-pci, a
 * picture with the memory it shows.  The first byte says which.
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "host/gdb.h"
#include "host/jwalk.h"
#include "host/pci.h"
#include "host/rrd.h"
#include "host/screen.h"

static void
read_rrd(const char *text, size_t len)
{
	static struct rrd rrd;

	if (rrd_parse(text, len, &rrd) < 0)
		return;
	must(rrd.n > 0 && rrd.n <= RRD_ROWS_MAX);
	must(rrd_zero_write_s(&rrd, 1700000000) >= -1);
	must(rrd_silent_s(&rrd, 1700000000) >= -1);
}

static void
read_gdb(const char *text, size_t len)
{
	static char copy[64 * 1024];
	char name[64];

	if (len >= sizeof(copy))
		return;
	memcpy(copy, text, len);
	copy[len] = '\0';
	gdb_main_waits_in(copy, 42, name, sizeof(name));
	must(strlen(name) < sizeof(name));
}

static void
read_pci(const char *text, size_t len)
{
	static struct pci pci;

	memset(&pci, 0, sizeof(pci));
	(void)jwalk(text, len, pci_on_value, &pci);
	must(pci.n >= 0 && pci.n <= PCI_DEVICES_MAX);
	(void)pci_net_config_at(&pci);
	if (pci_display(&pci) != NULL)
		(void)pci_may_draw(pci_display(&pci));
}

static void
read_screen(const uint8_t *data, size_t len)
{
	static unsigned char vga[SCREEN_VGA_BYTES], ppm[SCREEN_PPM_MAX];
	struct screen s;
	int w, h;

	(void)screen_png_size(data, len, &w, &h);
	for (size_t i = 0; i < sizeof(vga); i++)
		vga[i] = len > 0 ? data[i % len] : 0;
	memset(ppm, len > 0 ? data[0] : 0, sizeof(ppm));
	memcpy(ppm, data, len < sizeof(ppm) ? len : sizeof(ppm));
	if (screen_read(vga, ppm, sizeof(ppm), &s) < 0)
		return;
	must(s.rows > 0 && s.rows <= SCREEN_ROWS_MAX && s.above <= SCREEN_ABOVE_MAX);
	for (int r = 0; r < s.rows; r++)
		must(strlen(s.line[r]) == SCREEN_COLS);
	(void)screen_says(&s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	switch (data[0] % 4) {
	case 0:
		read_rrd((const char *)data + 1, size - 1);
		break;
	case 1:
		read_gdb((const char *)data + 1, size - 1);
		break;
	case 2:
		read_pci((const char *)data + 1, size - 1);
		break;
	case 3:
		read_screen(data + 1, size - 1);
		break;
	}
	return 0;
}
