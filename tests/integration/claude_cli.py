# SPDX-License-Identifier: GPL-3.0-or-later
"""What agent-host and the CLI driver rely on in the real claude, one run for all.

A turn with one Bash call and an interrupted second turn are run against the
scripted API; each test then looks at one promise.
"""
import ctypes
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "..", "..")
CLAUDE = os.environ["BREAKGLASS_CLAUDE"]
KEY = "sk-ant-contract-test"
LIMIT_S = 120
SEEN = 'echo "$0 $$ $(cut -d" " -f6 /proc/$$/stat) $*"'


def agent_json():
    """agents/breakglass.md as --agents takes it."""
    with open(os.path.join(TOP, "agents", "breakglass.md"), encoding="utf-8") as f:
        _, front, prompt = f.read().split("---\n", 2)
    meta = dict(l.split(": ", 1) for l in front.strip().split("\n"))
    return meta, prompt.strip(), {meta["name"]: {
        "description": meta["description"], "prompt": prompt.strip(),
        "tools": meta["tools"].split(", "), "model": meta["model"]}}


def wait_for(what, test):
    end = time.monotonic() + LIMIT_S
    while not test():
        if time.monotonic() > end:
            raise AssertionError("no %s after %d s" % (what, LIMIT_S))
        time.sleep(0.01)


class Claude:
    def __init__(self):
        self.dir = tempfile.mkdtemp()
        for d in ("home", "tmp", "cwd", "bin"):
            os.mkdir(self.path(d), 0o700)
        self.script("bin/ssh", '%s >> "%s"\necho shim says hello\n'
                    'case "$*" in *forever) exec sleep 600;; esac'
                    % (SEEN, self.path("shim.log")))
        self.script("key-helper", '%s >> "%s"\necho %s'
                    % (SEEN, self.path("helper.log"), KEY))
        self.start_api()
        self.start_claude()

    def path(self, name):
        return os.path.join(self.dir, name)

    def read(self, name):
        try:
            with open(self.path(name), encoding="utf-8") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def script(self, name, body):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\n%s\n" % body)
        os.chmod(self.path(name), 0o755)

    def start_api(self):
        with open(self.path("s.json"), "w", encoding="utf-8") as f:
            json.dump({"api_key": KEY, "replies": [
                {"match": "check the VM", "text": "Looking at it.",
                 "bash": "ssh devvm 'uptime; id'; env; cat /proc/$CLAUDE_PID/environ"},
                {"match": {"result": "shim says"}, "text": "All fine."},
                {"match": "wait", "bash": "ssh devvm forever"}]}, f)
        self.api = subprocess.Popen(
            [os.path.join(TOP, "tests", "fakes", "messages-api"),
             "--scenario", self.path("s.json"), "--record", self.path("api.jsonl"),
             "--port-file", self.path("port")])
        wait_for("port", lambda: self.read("port"))

    def start_claude(self):
        with open(self.path("agents.json"), "w", encoding="utf-8") as f:
            json.dump(agent_json()[2], f)
        self.session = str(uuid.uuid4())
        env = {
            "PATH": self.path("bin") + ":/usr/bin:/bin", "HOME": self.path("home"),
            "LANG": "C.UTF-8", "TMPDIR": self.path("tmp"),
            "CLAUDE_CODE_TMPDIR": self.path("tmp"),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
            "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
            "CLAUDE_CODE_DISABLE_CLAUDE_MDS": "1",
            "CLAUDE_CODE_DISABLE_GIT_INSTRUCTIONS": "1",
            "CLAUDE_CODE_ATTRIBUTION_HEADER": "0",
            "CLAUDE_CODE_API_KEY_HELPER_TTL_MS": "86400000",
            "ANTHROPIC_BASE_URL": "http://127.0.0.1:" + self.read("port").strip()}
        argv = [CLAUDE, "-p", "--verbose", "--output-format", "stream-json",
                "--input-format", "stream-json", "--include-partial-messages",
                "--agents", self.path("agents.json"), "--agent", "breakglass",
                "--setting-sources", "", "--strict-mcp-config",
                "--disable-slash-commands", "--tools", "Bash,Read,Grep,Glob",
                "--allowedTools=Bash,Read,Grep,Glob", "--permission-mode", "dontAsk",
                "--settings", json.dumps({"apiKeyHelper": self.path("key-helper")}),
                "--session-id", self.session]
        self.proc = subprocess.Popen(
            argv, env=env, cwd=self.path("cwd"), start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            preexec_fn=lambda: ctypes.CDLL(None).prctl(1, signal.SIGTERM))
        self.lines = []
        threading.Thread(target=self.reader, daemon=True).start()

    def reader(self):
        for line in self.proc.stdout:
            self.lines.append(json.loads(line))

    def send(self, **line):
        self.proc.stdin.write((json.dumps(line) + "\n").encode())
        self.proc.stdin.flush()

    def prompt(self, text):
        self.send(type="user", message={"role": "user", "content": text},
                  uuid=str(uuid.uuid4()), client_composed=True)

    def control(self, name):
        self.send(type="control_request", request_id=name, request={"subtype": name})
        wait_for("answer to " + name, lambda: any(
            l.get("response", {}).get("request_id") == name
            for l in self.of("control_response")))

    def of(self, kind):
        return [l for l in list(self.lines) if l["type"] == kind]

    def requests(self):
        return [r for r in map(json.loads, self.read("api.jsonl").splitlines())
                if "method" in r]

    def run(self):
        self.control("initialize")
        self.calls_before_prompt = self.read("helper.log")
        self.prompt("check the VM")
        wait_for("first result", lambda: len(self.of("result")) == 1)
        self.prompt("wait")
        wait_for("second command", lambda: "forever" in self.read("shim.log"))
        self.control("interrupt")
        wait_for("second result", lambda: len(self.of("result")) == 2)

    def stop(self):
        self.proc.stdin.close()
        try:
            self.status = self.proc.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.status = self.proc.wait()
        self.api.kill()
        self.api.wait()

    def free(self):
        shutil.rmtree(self.dir, ignore_errors=True)


class Contract(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Claude()
        cls.addClassCleanup(cls.c.free)
        try:
            cls.c.run()
        finally:
            cls.c.stop()

    def test_it_is_the_pinned_version_with_our_agent_tools_and_key_source(self):
        init = next(l for l in self.c.of("system") if l["subtype"] == "init")
        with open(os.path.join(TOP, "build-aux", "claude-version"), encoding="ascii") as f:
            self.assertEqual(init["claude_code_version"], f.read().strip())
        self.assertEqual(init["tools"], ["Bash", "Read", "Grep", "Glob"])
        self.assertIn("sonnet", init["model"])
        self.assertEqual(init["apiKeySource"], "apiKeyHelper")
        self.assertEqual(init["session_id"], self.c.session)

    def test_the_prompt_and_the_agents_text_reach_the_api_and_nothing_else_is_asked(self):
        reqs = self.c.requests()
        self.assertEqual({r["path"] for r in reqs}, {"/v1/messages?beta=true"})
        self.assertEqual(reqs[0]["user"].strip(), "check the VM")
        self.assertIn(agent_json()[1],
                      "\n".join(b["text"] for b in reqs[0]["body"]["system"]))
        self.assertEqual(reqs[0]["headers"]["x-api-key"], KEY)

    def test_the_first_ssh_in_path_is_run_with_the_command_in_one_argument(self):
        self.assertIn(" devvm uptime; id\n", self.c.read("shim.log"))

    def test_text_streams_and_the_tool_result_comes_back(self):
        deltas = [l["event"]["delta"].get("text", "") for l in self.c.of("stream_event")
                  if l["event"]["type"] == "content_block_delta"]
        self.assertIn("Looking at it.", "".join(deltas))
        first = self.c.of("user")[0]["message"]["content"][0]
        self.assertTrue(first["content"].startswith("shim says hello"))
        result = self.c.of("result")[0]
        self.assertEqual((result["is_error"], result["terminal_reason"], result["result"]),
                         (False, "completed", "All fine."))

    def test_the_key_is_in_no_environment(self):
        output = self.c.of("user")[0]["message"]["content"][0]["content"]
        self.assertIn("CLAUDE_PID=%d" % self.c.proc.pid, output)
        self.assertNotIn(KEY, output)

    def test_the_key_helper_is_asked_once_in_claudes_session_before_the_first_prompt(self):
        calls = self.c.read("helper.log")
        self.assertEqual(calls, self.c.calls_before_prompt)
        self.assertEqual(calls.count("\n"), 1)
        self.assertEqual(int(calls.split()[2]), self.c.proc.pid)

    def test_what_the_bash_tool_runs_is_in_a_session_of_its_own(self):
        for call in self.c.read("shim.log").splitlines():
            self.assertNotEqual(int(call.split()[2]), self.c.proc.pid)

    def test_interrupt_ends_the_turn_and_the_command(self):
        result = self.c.of("result")[1]
        self.assertEqual((result["is_error"], result["terminal_reason"]),
                         (True, "aborted_tools"))
        pid = int(self.c.read("shim.log").splitlines()[-1].split()[1])
        wait_for("end of the command", lambda: not os.path.exists("/proc/%d" % pid))

    def test_end_of_input_ends_it(self):
        self.assertIn(self.c.status, (0, 1))


if __name__ == "__main__":
    unittest.main()
