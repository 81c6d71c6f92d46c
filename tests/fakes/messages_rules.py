# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Messages API refuses, and what a portable server does not know.
Used by messages-api; nothing here knows about connections or scenarios."""
import base64
import hashlib
import json
import re

VERSIONS = ("2023-06-01", "2026-10-21")
# Families with exactly one or two values; any other value of them is a 400.
FALLBACK_BETAS = {"server-side-fallback-2026-06-01": False,
                  "server-side-fallback-2026-07-01": True}    # takes "default"
BETA_NAME = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*-(\d{4}-\d\d-\d\d|\d{8})$")
TOOL_NAME = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")
EFFORTS = ("low", "medium", "high", "xhigh", "max")
NO_FORCED = re.compile(r"^claude-(opus-5-5|sonnet-5-5|(fable|mythos)-5-[12])")
ADAPTIVE_ONLY = re.compile(r"^claude-(opus-5-5|(fable|mythos)-5-[12])")
NO_SYSTEM_ROLE = re.compile(r"^claude-(sonnet-5$|haiku-4|sonnet-4|opus-4-[567])")
MAX_OUT = 128000
VENDOR_FIELDS = {
    "model", "max_tokens", "messages", "system", "tools", "tool_choice", "thinking",
    "output_config", "cache_control", "metadata", "service_tier", "speed",
    "stop_sequences", "stream", "container", "diagnostics", "inference_geo",
    "temperature", "top_p", "top_k",
    # behind a beta
    "context_management", "compaction", "fallbacks", "fallback_credit_token", "thread",
    "mcp_servers", "billing_policy"}
PORTABLE_FIELDS = {"model", "max_tokens", "stream", "system", "messages", "tools"}
PORTABLE_BLOCKS = {"text": {"type", "text"},
                   "tool_use": {"type", "id", "name", "input"},
                   "tool_result": {"type", "tool_use_id", "content", "is_error"}}
MARK = "fake:"


class Refused(Exception):
    """The request is one that the API refuses: (status, message)."""


def need(ok, message, status=400):
    if not ok:
        raise Refused(status, message)


def blocks_of_message(m):
    content = m.get("content")
    return content if isinstance(content, list) else [{"type": "text", "text": content}]


def check_messages(messages):
    need(messages and messages[0].get("role") == "user",
         "messages: first message must use the \"user\" role")
    open_ids, last, ids = [], None, set()
    for i, m in enumerate(messages):
        need(m.get("role") in ("user", "assistant", "system"),
             "messages.%d.role: unknown" % i)
        need(m.get("content") not in (None, []) or m.get("role") == "assistant",
             "messages.%d.content: must not be empty" % i)
        blocks = blocks_of_message(m)
        for b in blocks:
            need(b.get("type") != "text" or b.get("text"),
                 "messages: text content blocks must be non-empty")
        if m.get("role") == "system":
            continue
        need(m.get("role") != last, "messages.%d: roles must alternate" % i)
        given = [b.get("tool_use_id") for b in blocks if b.get("type") == "tool_result"]
        need(set(open_ids) <= set(given), "messages.%d: `tool_use` ids were found "
             "without `tool_result` blocks immediately after: %s"
             % (i, ", ".join(sorted(set(open_ids) - set(given)))))
        need(set(given) <= set(open_ids), "messages.%d: unexpected `tool_use_id` "
             "found in `tool_result` blocks" % i)
        need(len(given) == len(set(given)), "messages.%d: each tool_use must have a "
             "single result" % i)
        kinds = [b.get("type") for b in blocks]
        need("tool_result" not in kinds or
             kinds[:len(given)] == ["tool_result"] * len(given),
             "messages.%d: `tool_result` blocks must come first" % i)
        open_ids = [b.get("id") for b in blocks if b.get("type") == "tool_use"]
        need(len(set(open_ids)) == len(open_ids) and not ids & set(open_ids),
             "messages.%d: `tool_use` ids must be unique" % i)
        ids.update(open_ids)
        for b in blocks:
            need(b.get("type") != "tool_use" or isinstance(b.get("input"), dict),
                 "messages.%d: tool_use.input: Input should be a valid dictionary" % i)
        last = m.get("role")
    need(last == "user", "This model does not support assistant message prefill. "
         "The conversation must end with a user message.")


def check_system_role(body):
    messages = body["messages"]
    for i, m in enumerate(messages):
        if m.get("role") != "system":
            continue
        need(not NO_SYSTEM_ROLE.match(str(body["model"])),
             "role 'system' is not supported on this model")
        need(i > 0 and messages[i - 1].get("role") == "user",
             "messages.%d: role 'system' must follow a user message" % i)
        need(i + 1 == len(messages) or messages[i + 1].get("role") == "assistant",
             "messages.%d: role 'system' must be last or before an assistant turn" % i)
        need(all(b.get("type") == "text" for b in blocks_of_message(m)),
             "messages.%d: role 'system' takes text only" % i)


def check_tools(body):
    names = set()
    for t in body.get("tools") or []:
        name = str(t.get("name"))
        need(TOOL_NAME.match(name), "tools: name `%s` is not valid" % name)
        need(name not in names, "tools: Tool names must be unique")
        names.add(name)
        if t.get("strict"):
            check_strict(name, t.get("input_schema"))
    choice = (body.get("tool_choice") or {}).get("type")
    need(choice in (None, "auto", "none", "any", "tool"), "tool_choice: unknown")
    need(choice not in ("any", "tool") or not NO_FORCED.match(str(body["model"])),
         "tool_choice: forced tool use is not supported on this model")


def check_strict(name, schema):
    need(isinstance(schema, dict), "tools: `%s` has no input_schema" % name)
    if schema.get("type") == "object":
        need(schema.get("additionalProperties") is False and "required" in schema,
             "tools: strict `%s` needs additionalProperties: false and required" % name)
    for key, value in schema.items():
        need(key not in ("minimum", "maximum", "minLength", "maxLength", "minItems",
                         "maxItems", "$ref"),
             "tools: `%s` is not supported in a strict schema" % key)
        for child in value.values() if key == "properties" else [value]:
            if isinstance(child, dict):
                check_strict(name, child)


def cache_controls(body):
    """[(where, cache_control)] in the order of the rendered prompt."""
    found = [("tools", t.get("cache_control")) for t in body.get("tools") or []]
    if isinstance(body.get("system"), list):
        found += [("system", b.get("cache_control")) for b in body["system"]]
    for m in body["messages"]:
        found += [(b.get("type"), b.get("cache_control")) for b in blocks_of_message(m)]
    found.append(("request", body.get("cache_control")))
    return [(where, c) for where, c in found if c is not None]


def check_cache(body):
    found = cache_controls(body)
    need(len(found) <= 4, "A maximum of 4 blocks with cache_control may be provided. "
         "Found %d." % len(found))
    short = False
    for where, c in found:
        need(c.get("type") == "ephemeral" and c.get("ttl", "5m") in ("5m", "1h"),
             "cache_control: unknown type or ttl")
        need(where not in ("thinking", "redacted_thinking"),
             "cache_control cannot be set on thinking blocks")
        need(not (short and c.get("ttl") == "1h"),
             "a ttl='1h' cache_control block must not come after a ttl='5m' one")
        short = short or c.get("ttl", "5m") == "5m"


def check_thinking(body, betas):
    thinking = body.get("thinking")
    if thinking is not None:
        kind = thinking.get("type")
        need(kind in ("adaptive", "enabled", "disabled", "between_tools"),
             "thinking.type: unknown")
        need(kind == "adaptive" or not ADAPTIVE_ONLY.match(str(body["model"])),
             "thinking.type `%s` is not supported on this model" % kind)
        need(thinking.get("display") != "updates" or
             "thinking-display-updates-2026-08-18" in betas,
             "thinking.display: `updates` needs a beta")
    effort = (body.get("output_config") or {}).get("effort")
    need(effort is None or effort in EFFORTS, "output_config.effort: unknown")


def check_betas(body, betas, enabled):
    bad = [b for b in betas
           if (b not in enabled if enabled is not None else not BETA_NAME.match(b))
           or (b.startswith("server-side-fallback-") and b not in FALLBACK_BETAS)]
    need(not bad, "Unexpected value(s) %s for the `anthropic-beta` header"
         % ", ".join("`%s`" % b for b in bad))
    if "fallbacks" in body:
        mine = [b for b in betas if b in FALLBACK_BETAS]
        need(mine, "fallbacks: Extra inputs are not permitted")
        need(body["fallbacks"] != "default" or any(FALLBACK_BETAS[b] for b in mine),
             "fallbacks: `default` needs a newer beta")


def check_vendor(body, headers, enabled):
    """Refuse what the vendor's API refuses (see its errors page)."""
    need(isinstance(body, dict), "request body is not a JSON object")
    version = headers.get("anthropic-version")
    need(version is not None, "anthropic-version: header is required")
    need(version in VERSIONS, "anthropic-version: \"%s\" is not a valid version" % version)
    for key in ("model", "max_tokens", "messages"):
        need(key in body, "%s: Field required" % key)
    for key in body:
        need(key in VENDOR_FIELDS, "%s: Extra inputs are not permitted" % key)
    if version == "2026-10-21":
        for key in ("temperature", "top_p", "top_k"):
            need(key not in body, "%s is not supported in this API version" % key)
    need(body["max_tokens"] <= MAX_OUT, "max_tokens: %s > %d, which is the maximum "
         "allowed number of output tokens" % (body["max_tokens"], MAX_OUT))
    betas = [b.strip() for b in (headers.get("anthropic-beta") or "").split(",")
             if b.strip()]
    check_betas(body, betas, enabled)
    check_messages(body["messages"])
    check_system_role(body)
    check_tools(body)
    check_cache(body)
    check_thinking(body, betas)


def check_portable(body, headers):
    """Refuse everything beyond what the servers of others have in common."""
    need(isinstance(body, dict), "request body is not a JSON object", 422)
    need(not headers.get("anthropic-beta"), "anthropic-beta: unknown header", 422)
    for key in body:
        need(key in PORTABLE_FIELDS, "%s: extra fields not permitted" % key, 422)
    for key in ("model", "max_tokens", "messages"):
        need(key in body, "%s: field required" % key, 422)
    need(isinstance(body.get("system", ""), str), "system: str type expected", 422)
    for t in body.get("tools") or []:
        need(set(t) <= {"name", "description", "input_schema"} and "input_schema" in t,
             "tools: extra fields not permitted", 422)
    for i, m in enumerate(body["messages"]):
        need(m.get("role") in ("user", "assistant"), "messages.%d.role: permitted: "
             "'user', 'assistant'" % i, 422)
        for b in blocks_of_message(m):
            known = PORTABLE_BLOCKS.get(b.get("type"))
            need(known is not None, "messages.%d: unknown block type %s"
                 % (i, b.get("type")), 422)
            need(set(b) <= known, "messages.%d: extra fields in a %s block"
                 % (i, b.get("type")), 422)
    check_messages(body["messages"])


# Preserved thinking: a signature is good for one exact earlier conversation.

def plain(block):
    """A block as the comparison sees it."""
    b = {k: v for k, v in block.items() if k != "cache_control"}
    if b.get("type") == "text":
        b = {"type": "text", "text": b.get("text", "").strip()}
    if b.get("type") == "tool_result" and isinstance(b.get("content"), list):
        b["content"] = [plain(c) for c in b["content"]]
    return b


def prefix_hash(secret, body, upto):
    system = body.get("system") or []
    if isinstance(system, str):
        system = [{"type": "text", "text": system}]
    tools = sorted((plain(t) for t in body.get("tools") or []),
                   key=lambda t: str(t.get("name")))
    messages = [[m.get("role"), [plain(b) for b in blocks_of_message(m)
                                 if b.get("type") not in ("thinking",
                                                          "redacted_thinking")]]
                for m in body["messages"][:upto]]
    text = json.dumps([secret, [plain(b) for b in system], tools, messages],
                      sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def signature(secret, body):
    """The signature of a thinking block that answers this request."""
    return base64.b64encode(
        (MARK + prefix_hash(secret, body, len(body["messages"]))).encode()).decode()


def check_signatures(secret, body):
    for i, m in enumerate(body["messages"]):
        if m.get("role") != "assistant":
            continue
        good = base64.b64encode((MARK + prefix_hash(secret, body, i)).encode()).decode()
        for j, b in enumerate(blocks_of_message(m)):
            need(b.get("type") != "thinking" or b.get("signature") == good,
                 "messages.%d.content.%d: Invalid `signature` in `thinking` block. "
                 "The block is bound to a different conversation." % (i, j))
