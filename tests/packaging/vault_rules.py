# SPDX-License-Identifier: GPL-3.0-or-later
"""Vault's policies as its documentation tells them, for those of packaging/vault.

The most specific pattern that fits a path decides, from all policies of a token; of that
one the capabilities add up, and "deny" beats them.
"""
import re

from manifest_render import SRC

PLACES = ("data", "metadata", "subkeys", "delete", "undelete", "destroy")
SECRETS = ("ssh", "api")
DOINGS = ("create", "read", "update", "patch", "delete", "list", "sudo")
# What a shared agent may be given one day, each by itself and all of it.
BROAD = ("secret/*", "secret/data/*", "secret/metadata/*", "secret/+/claude-breakglass/*",
         "secret/+/claude-breakglass/ssh", "secret/data/claude-*", "secret/data/+/ssh",
         "secret/data/claude-breakglass/*", "secret/data/claude-breakglass/ssh",
         "secret/metadata/claude-breakglass/api", "secret/destroy/claude-breakglass/ssh")


def text(name):
    with open(SRC + "/packaging/vault/" + name) as f:
        return f.read()


def parse(hcl):
    """[(path, capabilities)]; raises where it is not of the form that we write."""
    hcl = re.sub(r"(?m)#.*$", "", hcl)
    block = r'path\s+"([^"]+)"\s*\{\s*capabilities\s*=\s*\[([^\]]*)\]\s*\}'
    if re.sub(block, "", hcl).strip():
        raise ValueError("not understood: " + re.sub(block, "", hcl).strip()[:80])
    return [(p, re.findall(r'"(\w+)"', c)) for p, c in re.findall(block, hcl)]


def fits(pattern, path):
    return re.fullmatch("".join(
        ".*" if c == "*" and i == len(pattern) - 1 else "[^/]+" if c == "+" else re.escape(c)
        for i, c in enumerate(pattern)), path) is not None


def weight(pattern):
    """Larger is more specific."""
    wild = re.search(r"\+|\*$", pattern)
    return (wild is None, wild.start() if wild else 0, not pattern.endswith("*"),
            -pattern.count("+"), len(pattern), pattern)


def may(policies, path, doing):
    """policies: lists of (path, capabilities) that one token has."""
    rows = [r for p in policies for r in p if fits(r[0], path)]
    if not rows:
        return False
    best = max((r[0] for r in rows), key=weight)
    given = {c for p, caps in rows if p == best for c in caps}
    return "deny" not in given and doing in given


def paths():
    for place in PLACES:
        for end in SECRETS + ("new", ""):
            yield "secret/%s/claude-breakglass/%s" % (place, end)


def deny_complaints(hcl):
    rows = parse(hcl)
    agents = [[(b, list(DOINGS))] for b in BROAD] + [[(b, list(DOINGS)) for b in BROAD]]
    for agent in agents:
        for path in paths():
            open_ = [d for d in DOINGS if may([rows, agent], path, d)]
            if open_:
                yield "%s of %s by a grant of %s" % (open_, path, agent[0][0])
    for path, caps in rows:
        if caps != ["deny"]:
            yield "%s is %s" % (path, caps)


def eso_complaints(hcl, wanted):
    """wanted: what the ExternalSecrets ask for, as paths of KV version 2."""
    rows = parse(hcl)
    for path in set(paths()) | set(wanted) | {"secret/data/other", "sys/mounts"}:
        for doing in DOINGS:
            right = path in wanted and doing == "read"
            if may([rows], path, doing) != right:
                yield "%s of %s is %s" % (doing, path, "not given" if right else "given")
