# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenario of messages-api: which reply a request gets, what a message is
made of.  The format is described on top of messages-api; what the real API would
refuse is in messages_rules.py.  Nothing here knows about connections."""
import json
import os
import re
import secrets
import threading

import messages_rules as rules

ERRORS = {                          # status: (type, message)
    400: ("invalid_request_error", "The request is not valid."),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "Your credit balance is too low."),
    403: ("permission_error", "Your API key does not have permission."),
    404: ("not_found_error", "model: unknown"),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: ("rate_limit_error", "This request would exceed your rate limit."),
    500: ("api_error", "Internal server error"),
    502: ("api_error", "Bad gateway"),
    503: ("api_error", "Service unavailable"),
    504: ("timeout_error", "Request timed out"),
    529: ("overloaded_error", "Overloaded"),
}
STEPS = ("wait_ms", "wait_file", "stall", "ping", "cut", "raw", "event",
         "error", "malformed")
BLOCKS = ("text", "thinking", "redacted_thinking", "bash", "tool", "raw_block")
SCENARIO_KEYS = set("""api_key check token_ms replies default profile betas bind
    probe models comment""".split())
REPLY_KEYS = set("""match repeat name wait_ms wait_file stall headers error sse
    write_bytes gap_ms end blocks thinking text bash tool input stop_reason
    stop_details usage token_ms message refusal comment""".split())


class ScenarioError(Exception):
    pass


def words(text):
    return re.findall(r"\S+\s*|\s+", text)


def last_user(body):
    """Text and tool results of the last user message of a request."""
    text, results = [], []
    messages = body.get("messages") if isinstance(body, dict) else None
    for m in reversed(messages if isinstance(messages, list) else []):
        if m.get("role") != "user":
            continue
        content = m.get("content")
        if isinstance(content, str):
            return content, results
        for b in content or []:
            if b.get("type") == "text":
                text.append(b.get("text", ""))
            elif b.get("type") == "tool_result":
                results.append({"id": b.get("tool_use_id"),
                                "is_error": bool(b.get("is_error")),
                                "content": flat(b.get("content"))})
        break
    return "\n".join(text), results


def flat(content):
    if isinstance(content, list):
        return "\n".join(b.get("text", "") for b in content)
    return content or ""


class Scenario:
    def __init__(self, path):
        self.dir = os.path.dirname(os.path.abspath(path))
        self.lock = threading.Lock()
        with open(path, encoding="utf-8") as f:
            data = json.load(f)
        self.api_key = data.get("api_key")
        self.check = data.get("check", True)
        self.token_ms = data.get("token_ms", 0)
        self.replies = [dict(r) for r in data.get("replies", [])]
        self.default = data.get("default")
        self.profile = data.get("profile", "vendor")
        self.betas = data.get("betas")
        self.bind = data.get("bind", False)
        self.probe = data.get("probe")
        self.models = data.get("models", ["claude-opus-5-5"])
        self.secret = secrets.token_hex(8)
        unknown = set(data) - SCENARIO_KEYS
        if unknown:
            raise ScenarioError("unknown member %s" % ", ".join(sorted(unknown)))
        for i, r in enumerate(self.replies):
            unknown = set(r) - REPLY_KEYS
            if unknown:
                raise ScenarioError("reply %d: unknown member %s"
                                    % (i, ", ".join(sorted(unknown))))
            r.setdefault("name", i)
            r["left"] = float("inf") if r.get("repeat") == "forever" \
                else r.get("repeat", 1)
            for b in blocks_of(r):
                kind_of(b)

    def refuse(self, body, headers):
        """Raise rules.Refused for a request that this server does not take."""
        if not self.check:
            return
        if self.profile == "portable":
            rules.check_portable(body, headers)
        else:
            rules.check_vendor(body, headers, self.betas)
        if self.bind:
            rules.check_signatures(self.secret, body)

    def sign(self, body):
        if self.profile == "portable":
            return ""
        return rules.signature(self.secret, body) if self.bind else "RkFLRVNJRw=="

    def pick(self, body, user, results):
        with self.lock:
            for r in self.replies:
                if r["left"] > 0 and matches(r.get("match"), body, user, results):
                    r["left"] -= 1
                    return r
        return self.default


def matches(match, body, user, results):
    result = "\n".join(r["content"] for r in results)
    if match is None:
        return True
    if isinstance(match, str):
        return bool(re.search(match, user + "\n" + result))
    seen = {"user": user, "result": result, "model": str(body.get("model"))}
    return all(re.search(p, seen[k]) for k, p in match.items())


def blocks_of(reply):
    if "blocks" in reply:
        return reply["blocks"]
    blocks = [{k: reply[k]} for k in ("thinking", "text") if k in reply]
    bash = reply.get("bash", [])
    blocks += [{"bash": c} for c in ([bash] if isinstance(bash, str) else bash)]
    if "tool" in reply:
        blocks.append({"tool": reply["tool"], "input": reply.get("input", {})})
    return blocks


def kind_of(block):
    for k in BLOCKS + STEPS:
        if k in block:
            return k
    raise ScenarioError("neither a block nor a step: %s" % json.dumps(block))


def bash_members(body):
    """What the Bash tool of this client takes: ours and claude's differ."""
    for t in body.get("tools") or []:
        if t.get("name") == "Bash":
            return t.get("input_schema", {}).get("properties", {})
    return {}


class Message:
    """One assistant message, made from a reply; the ids are unique and tell
    the order, so that a failing test is readable."""
    serial = 0
    lock = threading.Lock()

    def __init__(self, reply, body, sign="RkFLRVNJRw=="):
        with Message.lock:
            Message.serial += 1
            self.n = Message.serial
        self.reply, self.model, self.sign = reply, body.get("model", "claude-fake"), sign
        self.takes = bash_members(body)
        self.tools = 0
        usage = {"input_tokens": 10, "cache_creation_input_tokens": 0,
                 "cache_read_input_tokens": 0, "output_tokens": 12}
        usage.update(reply.get("usage", {}))
        self.usage = usage

    def envelope(self):
        m = {"id": "msg_fake%04d" % self.n, "type": "message",
             "role": "assistant", "model": self.model, "content": [],
             "stop_reason": None, "stop_sequence": None, "stop_details": None,
             "usage": dict(self.usage, output_tokens=1)}
        m.update(self.reply.get("message", {}))
        return m

    def block(self, spec, kind):
        """(content_block as it starts, delta type, member, chunks)"""
        if kind == "text":
            return ({"type": "text", "text": ""}, "text_delta", "text",
                    self.chunks(spec, kind))
        if kind == "thinking":
            return ({"type": "thinking", "thinking": "", "signature": ""},
                    "thinking_delta", "thinking", self.chunks(spec, kind))
        if kind == "redacted_thinking":
            return ({"type": kind, "data": spec[kind]}, None, None, [])
        if kind == "raw_block":
            return (spec[kind], None, None, [])
        self.tools += 1
        start = {"type": "tool_use", "name": spec.get("tool", "Bash"),
                 "id": spec.get("id", "toolu_fake%04d_%d" % (self.n, self.tools)),
                 "input": {}}
        return (start, "input_json_delta", "partial_json", self.input_chunks(spec))

    def chunks(self, spec, kind):
        value = spec[kind]
        value = words(value) if isinstance(value, str) else list(value)
        return value * spec.get("times", 1)

    def input_chunks(self, spec):
        if "parts" in spec:
            return spec["parts"]
        value = spec.get("input")
        if "bash" in spec:
            value = {"command": spec["bash"]}
            if "timeout_ms" in self.takes:
                value["timeout_ms"] = spec.get("timeout")
            else:
                value["description"] = spec.get("description", "Run a command")
                if "timeout" in spec:
                    value["timeout"] = spec["timeout"]
        text = json.dumps(value or {}, ensure_ascii=False)
        n = spec.get("split", 12)
        return [text[i:i + n] for i in range(0, len(text), n)]

    def end(self):
        """The delta of message_delta."""
        reason = self.reply.get("stop_reason")
        details = self.reply.get("stop_details")
        if "refusal" in self.reply:
            reason = "refusal"
            category = self.reply["refusal"]
            details = {"type": "refusal", "explanation": None,
                       "category": category if isinstance(category, str) else None}
        if reason is None:
            reason = "tool_use" if self.tools else "end_turn"
        return {"stop_reason": reason, "stop_sequence": None,
                "stop_details": details}


def parse(raw):
    try:
        return json.loads(raw)
    except (ValueError, TypeError):
        return None


def unscripted():
    return {"text": "messages-api: the scenario has no reply for this request"}


def error_body(error):
    kind, message = ERRORS.get(error["status"], ("api_error", "Error"))
    inner = {"type": error.get("type", kind), "message": error.get("message", message)}
    if "error_code" in error:
        inner["details"] = {"error_code": error["error_code"]}
    return {"type": "error", "error": inner, "request_id": "req_fake"}
