# SPDX-License-Identifier: GPL-3.0-or-later
# What the External Secrets Operator may read for breakglass: two secrets of a KV engine of
# version 2 at "secret/", the latest version and older ones, and nothing besides.
#
#     vault policy write external-secrets-breakglass external-secrets.hcl
#
# For a Vault role of its own, with which the operator's ServiceAccount logs in for the
# store of cluster-secret-store.yaml alone.  With the policy on the operator's general
# role, whoever may make an ExternalSecret anywhere in the cluster could copy the key into
# a namespace of his.
#
# By name and not by a pattern: what is put beside them one day is not readable by
# accident.  No "list" (the paths are known) and no metadata (the ExternalSecrets ask for
# none); no "update", because nothing in the cluster writes an emergency key: that is a
# person, with bootstrap rotate in front of him.

path "secret/data/claude-breakglass/ssh" {
  capabilities = ["read"]
}

path "secret/data/claude-breakglass/api" {
  capabilities = ["read"]
}
