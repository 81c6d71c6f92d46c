/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the settings say of a credential: checked, and kept. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/api/credential_int.h"

static const char *
or_empty(const char *s)
{
	return s ? s : "";
}

int
credential_config_source(
    const struct credential_config *cfg, enum credential_source *source, struct err *err)
{
	const char *given[] = {
	    cfg->key_file, cfg->token_file, cfg->key_helper, cfg->wif_token_file};
	int n = 0;

	for (size_t i = 0; i < ARRAY_LEN(given); i++) {
		if (*or_empty(given[i])) {
			*source = (enum credential_source)i;
			n++;
		}
	}
	if (n != 1)
		return err_set(err, ERR_USAGE,
		    "%s: one of key_file, token_file, key_helper and wif_token_file is "
		    "needed",
		    n ? "more than one credential" : "no credential");
	if (*source == SOURCE_HELPER && cfg->key_helper[0] != '/')
		return err_set(
		    err, ERR_USAGE, "key_helper must be a program's whole path, from /");
	return *source == SOURCE_WIF ? wif_check(cfg, err) : 0;
}

void
credential_config_copy(struct credential_config *to, const struct credential_config *cfg)
{
	*to = *cfg;
	to->name = mem_dup(or_empty(cfg->name));
	to->key_file = mem_dup(or_empty(cfg->key_file));
	to->token_file = mem_dup(or_empty(cfg->token_file));
	to->key_helper = mem_dup(or_empty(cfg->key_helper));
	to->libexec_dir = mem_dup(or_empty(cfg->libexec_dir));
	to->wif_token_file = mem_dup(or_empty(cfg->wif_token_file));
	to->wif_rule = mem_dup(or_empty(cfg->wif_rule));
	to->wif_organization = mem_dup(or_empty(cfg->wif_organization));
	to->wif_service_account = mem_dup(or_empty(cfg->wif_service_account));
	to->wif_workspace = mem_dup(or_empty(cfg->wif_workspace));
	to->url = mem_dup(or_empty(cfg->url));
	to->ca_file = mem_dup(or_empty(cfg->ca_file));
	to->proxy = mem_dup(cfg->proxy);
}

void
credential_config_fini(struct credential_config *cfg)
{
	const char *all[] = {cfg->name, cfg->key_file, cfg->token_file, cfg->key_helper,
	    cfg->libexec_dir, cfg->wif_token_file, cfg->wif_rule, cfg->wif_organization,
	    cfg->wif_service_account, cfg->wif_workspace, cfg->url, cfg->ca_file,
	    cfg->proxy};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		free((void *)(uintptr_t)all[i]);
}
