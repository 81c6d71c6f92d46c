# SPDX-License-Identifier: GPL-3.0-or-later
# What the shared agents of the cluster must never read: add this to the policy that their
# Vault role has, or attach it to the role beside that policy.
#
#     vault policy write claude-breakglass-deny shared-agent-deny.hcl
#
# Why explicitly.  A shared agent's policy is broad ("secret/data/*") and grows; a secret
# that nobody thought of is readable by it the day it is written.  An agent that can be
# talked into things and holds this key is root on the devvm and has six verbs on the PVE
# host, with no broker, no journal and no operator in between: all that breakglass is
# built to put there.
#
# Why so many lines.  Of the patterns that match a path Vault uses the most specific one,
# from all policies of a token; "deny" wins only among equals.  The pattern with "*" beats
# a broader one; a grant for the very path would beat it, so both paths stand here by
# name as well.  A KV engine of version 2 answers for one secret at six places.
# "secret/+/claude-breakglass/*" in one line would be weaker than "secret/data/*".
#
# What it cannot do: hide that the folder exists from who may list "secret/metadata/".

# the values, and each older version of them
path "secret/data/claude-breakglass/*" { capabilities = ["deny"] }
path "secret/data/claude-breakglass/ssh" { capabilities = ["deny"] }
path "secret/data/claude-breakglass/api" { capabilities = ["deny"] }

# names, dates and numbers of versions; the end of all of them
path "secret/metadata/claude-breakglass/*" { capabilities = ["deny"] }
path "secret/metadata/claude-breakglass/ssh" { capabilities = ["deny"] }
path "secret/metadata/claude-breakglass/api" { capabilities = ["deny"] }

# what a secret consists of
path "secret/subkeys/claude-breakglass/*" { capabilities = ["deny"] }
path "secret/subkeys/claude-breakglass/ssh" { capabilities = ["deny"] }
path "secret/subkeys/claude-breakglass/api" { capabilities = ["deny"] }

# taking it away from the one night it is needed
path "secret/delete/claude-breakglass/*" { capabilities = ["deny"] }
path "secret/delete/claude-breakglass/ssh" { capabilities = ["deny"] }
path "secret/delete/claude-breakglass/api" { capabilities = ["deny"] }
path "secret/undelete/claude-breakglass/*" { capabilities = ["deny"] }
path "secret/undelete/claude-breakglass/ssh" { capabilities = ["deny"] }
path "secret/undelete/claude-breakglass/api" { capabilities = ["deny"] }
path "secret/destroy/claude-breakglass/*" { capabilities = ["deny"] }
path "secret/destroy/claude-breakglass/ssh" { capabilities = ["deny"] }
path "secret/destroy/claude-breakglass/api" { capabilities = ["deny"] }
