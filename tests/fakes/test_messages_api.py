# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripted Messages API does what its scenario says, and what the real one does."""
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ASK = {"model": "m-1", "max_tokens": 100, "stream": True,
       "messages": [{"role": "user", "content": "check the VM"}]}
VERSION = {"anthropic-version": "2026-10-21"}
LIMIT_S = 10


def wait_for(what, path):
    end = time.monotonic() + LIMIT_S
    while not os.path.exists(path):
        if time.monotonic() > end:
            raise AssertionError("no %s after %d s" % (what, LIMIT_S))
        time.sleep(0.005)


def events(raw):
    """[(name, data)] of a complete event stream."""
    out = []
    for part in raw.decode().split("\n\n"):
        lines = dict(l.split(": ", 1) for l in part.split("\n") if ": " in l)
        if "data" in lines:
            out.append((lines.get("event"), lines["data"]))
    return out


class Fake(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp()
        self.proc = None

    def tearDown(self):
        if self.proc:
            self.proc.kill()
            self.proc.wait()
        shutil.rmtree(self.dir)

    def path(self, name):
        return os.path.join(self.dir, name)

    def start(self, scenario, *args):
        with open(self.path("s.json"), "w", encoding="utf-8") as f:
            json.dump(scenario, f)
        self.proc = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "messages-api"),
             "--scenario", self.path("s.json"), "--record", self.path("r.jsonl"),
             "--port-file", self.path("port"), *args])
        wait_for("port file", self.path("port"))
        with open(self.path("port"), encoding="ascii") as f:
            self.port = int(f.read())

    def ask(self, body=None, headers=None, method="POST", path="/v1/messages?beta=true"):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S)
        c.request(method, path, json.dumps(body or ASK),
                  dict(VERSION, **headers or {}))
        r = c.getresponse()
        try:
            return r, r.read()
        finally:
            c.close()

    def stream(self, *args, **kw):
        r, raw = self.ask(*args, **kw)
        self.assertEqual(r.status, 200)
        return [(n, json.loads(d)) for n, d in events(raw)]

    def recorded(self, until=lambda lines: True):
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            with open(self.path("r.jsonl"), encoding="utf-8") as f:
                lines = [json.loads(l) for l in f]
            if until(lines):
                return lines
            time.sleep(0.005)
        raise AssertionError("record never complete: %r" % lines)

    def text(self, evs):
        return "".join(d["delta"].get("text", "") for n, d in evs
                       if n == "content_block_delta")

    # replies

    def test_text_is_streamed_word_by_word_in_the_order_of_the_api(self):
        self.start({"replies": [{"text": "The VM is up.", "usage": {"output_tokens": 5}}]})
        evs = self.stream()
        self.assertEqual([n for n, _ in evs],
                         ["message_start", "content_block_start"] +
                         ["content_block_delta"] * 4 +
                         ["content_block_stop", "message_delta", "message_stop"])
        self.assertTrue(all(n == d["type"] for n, d in evs))
        self.assertEqual(self.text(evs), "The VM is up.")
        self.assertEqual(evs[0][1]["message"]["model"], "m-1")
        self.assertEqual(evs[-2][1]["delta"]["stop_reason"], "end_turn")
        self.assertEqual(evs[-2][1]["usage"]["output_tokens"], 5)

    def test_thinking_text_and_two_tools_make_one_reply(self):
        self.start({"replies": [{"thinking": "hm", "text": "Looking.",
                                 "bash": ["ssh devvm uptime", "ssh pve status"]}]})
        evs = self.stream()
        starts = [d["content_block"]["type"] for n, d in evs if n == "content_block_start"]
        self.assertEqual(starts, ["thinking", "text", "tool_use", "tool_use"])
        parts = {}
        for _, d in evs:
            if d.get("delta", {}).get("type") == "input_json_delta":
                parts.setdefault(d["index"], []).append(d["delta"]["partial_json"])
        self.assertGreater(len(parts[2]), 1)
        self.assertEqual(json.loads("".join(parts[3]))["command"], "ssh pve status")
        self.assertEqual(evs[-2][1]["delta"]["stop_reason"], "tool_use")

    def test_a_bash_call_has_the_members_of_the_clients_tool(self):
        self.start({"default": {"bash": "uptime"}})
        tool = {"name": "Bash", "input_schema": {"type": "object", "properties": {
            "command": {"type": "string"}, "timeout_ms": {"type": "integer"}}}}
        for tools, members in (([tool], {"command", "timeout_ms"}),
                               ([], {"command", "description"})):
            _, raw = self.ask(dict(ASK, stream=False, tools=tools))
            self.assertEqual(set(json.loads(raw)["content"][0]["input"]), members)

    def test_a_request_without_stream_gets_the_same_message_whole(self):
        self.start({"replies": [{"text": "Hi there", "tool": "Read",
                                 "input": {"file_path": "/x"}}]})
        r, raw = self.ask(dict(ASK, stream=False))
        m = json.loads(raw)
        self.assertEqual((r.status, m["content"][0]["text"], m["content"][1]["input"]),
                         (200, "Hi there", {"file_path": "/x"}))
        self.assertEqual(m["stop_reason"], "tool_use")

    def test_replies_match_the_prompt_or_the_result_and_are_used_once(self):
        self.start({"replies": [{"match": {"result": "load"}, "text": "second"},
                                {"match": "check", "bash": "uptime"}],
                    "default": {"text": "default"}})
        evs = self.stream()
        tool = next(d["content_block"]["id"] for n, d in evs if n == "content_block_start")
        again = dict(ASK, messages=ASK["messages"] + [
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": tool, "name": "Bash", "input": {}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": tool, "content": "load 0.1"}]}])
        self.assertEqual(self.text(self.stream(again)), "second")
        self.assertEqual(self.text(self.stream(again)), "default")
        lines = [l for l in self.recorded() if "method" in l]
        self.assertEqual([l["reply"] for l in lines], [1, 0, "default"])
        self.assertEqual(lines[1]["results"][0]["content"], "load 0.1")

    def test_a_request_beyond_the_script_says_so(self):
        self.start({"replies": []})
        self.assertIn("no reply", self.text(self.stream()))
        self.assertIsNone(self.recorded()[0]["reply"])

    def test_refusal_and_max_tokens_are_normal_ends(self):
        self.start({"replies": [{"refusal": "cyber", "text": "No"},
                                {"stop_reason": "max_tokens",
                                 "blocks": [{"bash": "x", "parts": ["{\"comm"]}]}]})
        delta = self.stream()[-2][1]["delta"]
        self.assertEqual((delta["stop_reason"], delta["stop_details"]["category"]),
                         ("refusal", "cyber"))
        self.assertEqual(self.stream()[-2][1]["delta"]["stop_reason"], "max_tokens")

    # errors

    def test_every_error_has_its_status_type_and_headers(self):
        want = {400: "invalid_request_error", 401: "authentication_error",
                403: "permission_error", 404: "not_found_error",
                413: "request_too_large", 429: "rate_limit_error",
                500: "api_error", 529: "overloaded_error"}
        self.start({"replies": [{"error": {"status": s, "retry_after": 2}} for s in want]
                    + [{"error": {"status": 502, "html": True}}]})
        for status, kind in want.items():
            r, raw = self.ask()
            self.assertEqual((r.status, json.loads(raw)["error"]["type"]), (status, kind))
            self.assertEqual(r.getheader("retry-after"), "2")
        r, raw = self.ask()
        self.assertEqual((r.status, raw[:6]), (502, b"<html>"))

    def test_an_error_event_ends_the_stream(self):
        self.start({"replies": [{"blocks": [{"text": "a"}, {"error": "overloaded_error"},
                                            {"text": "never"}]}]})
        evs = self.stream()
        self.assertEqual(evs[-1][1]["error"]["type"], "overloaded_error")
        self.assertEqual(self.text(evs), "a")

    def test_a_cut_is_a_fin_a_reset_or_a_clean_end_without_message_stop(self):
        cut = lambda how: {"blocks": [{"text": ["a", {"cut": how, "mid_event": True}]}]}
        self.start({"replies": [cut("fin"), cut("rst"), cut("clean")]})
        with self.assertRaises(http.client.IncompleteRead):
            self.ask()
        with self.assertRaises(ConnectionResetError):
            self.ask()
        _, raw = self.ask()
        self.assertTrue(raw.endswith(b'{"type":"content_bl'))
        lines = self.recorded(lambda ls: len(ls) == 6)
        self.assertEqual([l["end"] for l in lines if "end" in l], ["cut"] * 3)

    def test_malformed_and_raw_events_go_out_as_they_stand(self):
        self.start({"replies": [{"blocks": [{"malformed": True}, {"raw": ": note\n\n"},
                                            {"event": "new", "data": {"x": 1}},
                                            {"ping": 2}]}]})
        _, raw = self.ask()
        self.assertIn(b'"index":\n\n: note\n\nevent: new\ndata: {"x":1}\n\n', raw)
        self.assertEqual(raw.count(b"event: ping"), 2)

    def test_a_raw_file_is_sent_byte_for_byte(self):
        data = b"\xef\xbb\xbfevent: ping\r\ndata: {}\r\n\r\n"
        with open(self.path("f.sse"), "wb") as f:
            f.write(data)
        with open(self.path("f.plan.json"), "w", encoding="ascii") as f:
            json.dump({"write_bytes": 7, "end": "clean"}, f)
        self.start({"replies": [{"sse": "f.sse"}, {"sse": "f.sse", "end": "fin"}]})
        self.assertEqual(self.ask()[1], data)
        with self.assertRaises(http.client.IncompleteRead):
            self.ask()

    # waiting

    def test_a_stall_lasts_until_the_client_goes_away(self):
        self.start({"replies": [{"blocks": [{"text": ["a", {"stall": True}]}]},
                                {"stall": True}]})
        for _ in range(2):
            s = socket.create_connection(("127.0.0.1", self.port), timeout=LIMIT_S)
            body = json.dumps(ASK).encode()
            s.sendall(b"POST /v1/messages HTTP/1.1\r\nHost: x\r\n"
                      b"anthropic-version: 2026-10-21\r\n"
                      b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            self.recorded(lambda ls: len(ls) % 2 == 1)
            s.close()
            self.recorded(lambda ls: ls[-1].get("end") == "client_closed")

    def test_a_reply_can_wait_for_the_test(self):
        self.start({"replies": [{"blocks": [{"text": ["a", {"wait_file": "go"}, "b"]}]}]})
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S)
        c.request("POST", "/v1/messages", json.dumps(ASK), VERSION)
        r = c.getresponse()
        got = b""
        while b'"text":"a"' not in got:
            got += r.read1()
        with open(self.path("go"), "w", encoding="ascii"):
            pass
        rest = r.read()
        c.close()
        self.assertNotIn(b'"text":"b"', got)
        self.assertIn(b'"text":"b"', rest)

    # what the API refuses

    def test_a_wrong_key_is_refused_in_either_header(self):
        self.start({"api_key": "sk-1", "replies": [{"text": "x", "repeat": "forever"}]})
        self.assertEqual(self.ask()[0].status, 401)
        self.assertEqual(self.ask(headers={"X-Api-Key": "sk-2"})[0].status, 401)
        self.assertEqual(self.ask(headers={"X-Api-Key": "sk-1"})[0].status, 200)
        self.assertEqual(self.ask(headers={"Authorization": "Bearer sk-1"})[0].status, 200)
        keys = [l["headers"].get("x-api-key") for l in self.recorded() if "method" in l]
        self.assertEqual(keys, [None, "sk-2", "sk-1", None])

    def test_a_request_that_the_api_refuses_is_refused(self):
        self.start({"replies": [{"text": "x"}]})
        user = ASK["messages"][0]
        tool = {"role": "assistant", "content": [
            {"type": "tool_use", "id": "t1", "name": "Bash", "input": {}}]}
        for messages in ([], [tool], [user, tool], [user, tool, user],
                         [user, {"role": "assistant", "content": "prefill"}],
                         [{"role": "user", "content": [{"type": "text", "text": ""}]}]):
            r, raw = self.ask(dict(ASK, messages=messages))
            self.assertEqual(r.status, 400, raw)
        self.assertEqual(self.ask()[0].status, 200)

    def refusal(self, headers=None, **more):
        r, raw = self.ask(dict(ASK, **more), headers)
        return json.loads(raw)["error"]["message"] if r.status != 200 else None

    def test_the_newest_version_and_the_betas_are_held_to(self):
        self.start({"betas": ["server-side-fallback-2026-07-01", "x-2026-01-01"],
                    "default": {"text": "x"}})
        self.assertIn("not a valid version",
                      self.refusal({"anthropic-version": "2027-01-01"}))
        self.assertIn("temperature", self.refusal(temperature=1))
        self.assertIsNone(self.refusal({"anthropic-version": "2023-06-01"},
                                       temperature=1))
        self.assertIn("`y-2026-01-01`", self.refusal({"anthropic-beta": "y-2026-01-01"}))
        self.assertIsNone(self.refusal({"anthropic-beta": "x-2026-01-01"}))
        self.assertIn("Extra inputs", self.refusal(fallbacks="default"))
        self.assertIsNone(self.refusal(
            {"anthropic-beta": "server-side-fallback-2026-07-01"}, fallbacks="default"))
        self.assertIn("nonsense", self.refusal(nonsense=1))

    def test_tools_thinking_cache_and_notices_have_their_rules(self):
        self.start({"default": {"text": "x"}})
        tool = {"name": "Bash", "strict": True, "input_schema": {
            "type": "object", "properties": {"c": {"type": "string"}}}}
        self.assertIn("additionalProperties", self.refusal(tools=[tool]))
        tool["input_schema"].update(additionalProperties=False, required=["c"])
        self.assertIsNone(self.refusal(tools=[tool]))
        self.assertIn("unique", self.refusal(tools=[tool, tool]))
        self.assertIn("forced", self.refusal(
            model="claude-opus-5-5", tools=[tool], tool_choice={"type": "any"}))
        self.assertIn("not supported", self.refusal(
            model="claude-opus-5-5", thinking={"type": "disabled"}))
        mark = {"type": "ephemeral"}
        text = lambda n: [{"type": "text", "text": "x", "cache_control": mark}] * n
        self.assertIn("maximum of 4", self.refusal(system=text(4), cache_control=mark))
        self.assertIsNone(self.refusal(system=text(3), cache_control=mark))
        self.assertIn("1h", self.refusal(system=text(1),
                                         cache_control=dict(mark, ttl="1h")))
        user, note = ASK["messages"][0], {"role": "system", "content": "F7 pressed"}
        said = {"role": "assistant", "content": "ok"}
        self.assertIsNone(self.refusal(messages=[user, note]))
        self.assertIsNone(self.refusal(messages=[user, note, said, user]))
        self.assertIn("first message", self.refusal(messages=[note, user]))
        self.assertIn("must follow", self.refusal(messages=[user, said, note, user]))
        self.assertIn("not supported", self.refusal(model="claude-sonnet-5",
                                                    messages=[user, note]))

    def test_a_signature_is_bound_to_the_conversation_before_it(self):
        self.start({"bind": True, "default": {"thinking": "hm", "text": "x"}})
        sign = next(d["delta"]["signature"] for _, d in self.stream()
                    if d.get("delta", {}).get("type") == "signature_delta")
        user = ASK["messages"][0]
        said = {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "hm", "signature": sign},
            {"type": "text", "text": "x"}]}
        more = {"role": "user", "content": "and?"}
        self.assertIsNone(self.refusal(messages=[user, said, more]))
        self.assertIsNone(self.refusal(messages=[dict(user, content=[
            {"type": "text", "text": "check the VM"}]), said, more]))
        self.assertIn("bound to a different conversation", self.refusal(
            messages=[{"role": "user", "content": "check  the VM"}, said, more]))
        self.assertIn("bound", self.refusal(system="new", messages=[user, said, more]))

    def test_a_portable_server_refuses_what_is_the_vendors_own(self):
        self.start({"profile": "portable", "default": {"thinking": "hm", "text": "x"}})
        self.assertIsNone(self.refusal(system="s"))
        for more in ({"system": [{"type": "text", "text": "s"}]},
                     {"thinking": {"type": "adaptive"}},
                     {"cache_control": {"type": "ephemeral"}},
                     {"tools": [{"name": "B", "input_schema": {}, "strict": True}]},
                     {"messages": ASK["messages"] + [{"role": "system", "content": "n"}]}):
            self.assertIsNotNone(self.refusal(**more), more)
        self.assertIn("beta", self.refusal({"anthropic-beta": "x-2026-01-01"}))

    def test_the_models_are_listed_for_the_right_key_and_connections_counted(self):
        self.start({"api_key": "sk-1", "models": ["m-1"]})
        r, raw = self.ask(method="GET", path="/v1/models")
        self.assertEqual(r.status, 401)
        r, raw = self.ask(method="GET", path="/v1/models", headers={"x-api-key": "sk-1"})
        self.assertEqual(json.loads(raw)["data"][0]["id"], "m-1")
        self.assertEqual([l["conn"] for l in self.recorded() if "method" in l], [1, 2])

    def test_a_probe_can_be_told_to_fail(self):
        self.start({"probe": {"error": 503}, "default": {"text": "x"}})
        self.assertEqual(self.ask(method="GET", path="/v1/models")[0].status, 503)
        self.assertEqual(self.ask()[0].status, 200)

    def test_other_paths_are_harmless_and_recorded(self):
        self.start({})
        self.assertEqual(self.ask(method="HEAD", path="/api/hello")[0].status, 200)
        self.assertEqual(self.ask(method="GET", path="/")[0].status, 200)
        self.assertEqual(self.ask(path="/v1/nothing")[0].status, 404)
        self.assertEqual([l["path"] for l in self.recorded() if "path" in l],
                         ["/api/hello", "/", "/v1/nothing"])

    # life

    def test_a_scenario_with_an_unknown_member_is_named(self):
        with open(self.path("bad.json"), "w", encoding="ascii") as f:
            json.dump({"replies": [{"txet": "x"}]}, f)
        r = subprocess.run([sys.executable, os.path.join(HERE, "messages-api"),
                            "--scenario", self.path("bad.json")],
                           capture_output=True, text=True, timeout=LIMIT_S)
        self.assertNotEqual(r.returncode, 0)
        self.assertIn("txet", r.stderr)

    def test_it_dies_with_the_process_it_is_told(self):
        with subprocess.Popen(["sleep", "60"]) as other:
            self.start({}, "--die-with", str(other.pid))
            other.send_signal(signal.SIGKILL)
            self.assertEqual(self.proc.wait(LIMIT_S), 0)


if __name__ == "__main__":
    unittest.main()
