/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "doctor/doctor.h"

const char *
doctor_data_dir(const struct options *o)
{
	return o->data_dir[0] ? o->data_dir : BG_PKGDATADIR;
}

const char *
doctor_libexec_dir(const struct options *o)
{
	return o->libexec_dir[0] ? o->libexec_dir : BG_PKGLIBEXECDIR;
}

void
doctor_look(struct doctor *d)
{
	if (sheet_all_over(d->sheet))
		uv_stop(&d->loop);
}
