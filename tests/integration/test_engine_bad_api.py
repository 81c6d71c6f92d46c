#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model and a server that send what nobody should: words for it, and nothing runs."""
import json
import os
import shutil
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from api_rig import (  # noqa: E402
    Api, agent, all_answered, bash, configure, done, no_secret, none_refused, prompt, ready)
from engine_rig import Skip, check, main, with_rig  # noqa: E402
from pace import Watch  # noqa: E402
from http_server import Certs, Server  # noqa: E402

API = dict(pve=False, agent_driver="api", claude="/nonexistent/claude")
NO_HOSTS = dict(API, devvm=False)


def call(raw, n=0, tool="Bash"):
    """A call whose input is this text, in pieces."""
    n = n or 7
    return dict(tool=tool, parts=[raw[i:i + n] for i in range(0, len(raw), n)])


# What the input is, and a word that the model must read about it.
RUN = "touch ran; ssh devvm 'touch $HOME/ran'"
BAD = [
    ("not JSON", call(RUN), "JSON"),
    ("JSON that is cut inside the command", call('{"command": "%s -a /tmp/som' % RUN), "JSON"),
    ("JSON that is cut behind the command", call('{"command": "%s"' % RUN), "JSON"),
    ("more behind it", call('{"command": "%s"} {"command": "true"}' % RUN), "JSON"),
    ("a member twice", call('{"command": "true", "command": "%s"}' % RUN), ""),
    ("an array", call('["%s"]' % RUN), "JSON"),
    ("single quotes", call("{'command': '%s'}" % RUN), "JSON"),
    ("an unknown tool", call('{"command": "%s"}' % RUN, tool="WebFetch"), "no tool of this name"),
    ("another letter case", call('{"command": "%s"}' % RUN, tool="bash"), "no tool of this name"),
    ("an unknown member", call('{"command": "%s", "run_in_background": true}' % RUN),
     "run_in_background"),
    ("no command", call('{"timeout_ms": 1000}'), "command"),
    ("a number as command", call('{"command": 7}'), "command"),
    ("1 MB", call('{"command": "%s #%s"}' % (RUN, "x" * (1 << 20)), n=60000), "bytes"),
    ("a NUL", call('{"command": "%s\\u0000"}' % RUN), "NUL"),
    ("a lone high surrogate", call('{"command": "%s \\ud83d"}' % RUN), ""),
    ("a lone low surrogate", call('{"command": "%s \\ude00x"}' % RUN), ""),
    ("two high surrogates", call('{"command": "%s \\ud83d\\ud83d"}' % RUN), ""),
    ("a path out of the workspace", call('{"path": "../../../../etc/passwd"}', tool="Read"), ""),
]


def ran(rig, name="ran"):
    """Did it run: here, or on the devvm?"""
    return [d for top in (rig.run_dir, rig.devvm.top) for d, _, files in os.walk(top)
            if name in files]


@with_rig(**API)
def bad_inputs(rig):
    """18 inputs that no tool takes: each call is answered with words, none of them runs"""
    lan = Api(rig, "vendor", *[
        dict(match={"user": "try %d;" % i}, blocks=[{"text": "I try."}, b])
        for i, (_, b, _) in enumerate(BAD)], dict(
            match={"user": "try all"}, blocks=[b for _, b, _ in BAD] +
            [bash("ssh devvm 'touch $HOME/good' && touch good && echo it is good")]),
        default=dict(text="I see."))
    configure(rig, lan)
    p = ready(rig)
    for i, (what, _, word) in enumerate(BAD):
        t = prompt(p, "try %d; %s" % (i, what))
        e = p.expect(t="tool_end")
        check(what + ": the console is told", e.get("failed") or e.get("exit"), e)
        check(what + ": the turn goes on", done(p, t)["ok"])
        result = list(all_answered(lan.asked()[-1]).values())[-1]
        check(what + ": the model is told", word in result and len(result) > 20 and
              len(result) < 8000, result[:600])
    check("nothing has run", not ran(rig), ran(rig))
    check("no command went to a host", not [f for f in p.of("tool") if f["host"] != "local"],
          p.of("tool"))
    t = prompt(p, "try all")
    check("the turn goes on", done(p, t)["ok"])
    results = list(all_answered(lan.asked()[-1]).values())
    check("all in one answer", len(results) == 2 * len(BAD) + 1, len(results))
    check("the good one ran", "it is good" in results[-1] and len(ran(rig, "good")) == 2,
          results[-1])
    check("and only that", not ran(rig) and
          len([f for f in p.of("tool") if f["host"] == "devvm"]) == 1, ran(rig))
    none_refused(lan)
    no_secret(rig)


@with_rig(**API)
def cut_at_the_limit(rig):
    """the answer ends at its token limit inside a command: asked again once, and not run"""
    cut = dict(match={"user": "clean up"}, repeat=2, stop_reason="max_tokens", blocks=[
        {"text": "I clean up."}, call('{"command": "%s; ssh devvm rm -rf /tmp/x' % RUN)])
    whole = dict(match={"user": "be careful"}, repeat=2, stop_reason="max_tokens", blocks=[
        {"text": "I clean up."}, call('{"command": "%s"}' % RUN)])
    vendor = Api(rig, "vendor", cut, whole)
    configure(rig, vendor)
    p = ready(rig)
    for text in ("clean up", "be careful"):
        n = len(vendor.asked())
        t = prompt(p, text)
        r = p.expect(t="result", turn=t)
        done(p, t)
        check("the word", r["stop"] == "max_tokens", r)
        check("asked again once, with more room", len(vendor.asked()) == n + 2 and
              vendor.asked()[-1]["body"]["max_tokens"] > vendor.asked()[-2]["body"]["max_tokens"])
        check("said, and that it was not run", [f for f in p.of("error", turn=t)
                                                if "not run" in f["text"] and f["todo"]],
              p.of("error", turn=t))
    check("nothing has run", not ran(rig) and not p.of("tool", host="devvm"), p.of("tool"))
    t = prompt(p, "go on")
    check("the next prompt works", p.expect(t="text", turn=t)["text"] == "answer of vendor")
    done(p, t)
    all_answered(vendor.asked()[-1])
    none_refused(vendor)


def status(word, code, repeat="forever", **more):
    return dict(match={"user": word}, repeat=repeat, error=dict(status=code, **more.pop("error", {})),
                **more)


SHORT = {"retry-after-ms": "30"}
# prompt, the status, a word of the error fact, the todo's word, how often it may be asked
GIVE_UP = [
    ("key is bad", 401, {}, "401", "key_file", (1, 2)),
    ("not allowed", 403, {}, "403", "key_file", (1, 1)),
    ("no model", 404, dict(error=dict(message="model: nosuch")), "404", "model", (1, 1)),
    ("no path", 404, dict(error=dict(message="Not found")), "404", "url", (1, 1)),
    ("too large", 413, {}, "", "", (1, 2)),
    ("ten minutes", 429, dict(error=dict(retry_after=600)), "429", "600 s", (1, 1)),
    ("no rate", 429, dict(headers=SHORT), "429", "minute", (2, 6)),
    ("is broken", 500, dict(headers=SHORT), "500", "minute", (2, 6)),
    ("a gateway", 502, dict(headers=SHORT, error=dict(html=True)), "502", "minute", (2, 6)),
    ("overload", 529, dict(headers=SHORT), "529", "minute", (2, 6)),
    ("junk", 400, dict(error=dict(body="\u0000\u001b[31m<b>{{{" * 999)), "400", "", (1, 1)),
    ("a picture", 200, dict(error=dict(body="<html>hello</html>")), "", "url", (1, 6)),
]


@with_rig(**NO_HOSTS)
def statuses(rig):
    """401 403 404 413 429 500 502 529, junk: an error with words and a todo, no secret, and on"""
    vendor = Api(rig, "vendor", *[status(text, code, **more)
                                  for text, code, more, _, _, _ in GIVE_UP])
    configure(rig, vendor)
    p = ready(rig, hosts=False)
    for text, code, _, word, todo, (least, most) in GIVE_UP:
        n = len(vendor.asked())
        began = Watch()
        t = prompt(p, text)
        r = p.expect(t="result", turn=t)
        check(text + ": not ok", not done(p, t)["ok"])
        check(text + ": the stop word", r["stop"] in ("api_error", "context"), r)
        e = p.of("error", turn=t)
        check(text + ": an error with words and a todo", e and word in e[-1]["text"] and
              len(e[-1]["text"]) > 15 and e[-1].get("todo") and
              todo in e[-1]["todo"], e)
        check(text + ": plain words", not [c for c in e[-1]["text"] if ord(c) < 32] and
              "<h" not in e[-1]["text"] and len(e[-1]["text"]) < 1000, e[-1]["text"])
        check(text + ": asked %d to %d times" % (least, most),
              least <= len(vendor.asked()) - n <= most, len(vendor.asked()) - n)
        began.within(text + ": soon", 15)
    t = prompt(p, "and now?")
    check("the next prompt works", p.expect(t="text", turn=t)["text"] == "answer of vendor")
    check("ok", done(p, t)["ok"])
    none_refused(vendor)
    no_secret(rig)


@with_rig(**NO_HOSTS)
def waited_for(rig):
    """429 with 2 s is waited for, visibly; 429 and 500 without are asked again soon"""
    vendor = Api(
        rig, "vendor", status("two s", 429, 1, error=dict(retry_after=2)),
        status("no time", 429, 1), status("once", 500, 1))
    configure(rig, vendor)
    p = ready(rig, hosts=False)
    for text, least, most in (("two s", 2.0, 8), ("no time", 0.3, 6), ("once", 0.3, 6)):
        n = len(vendor.asked())
        began = Watch()
        t = prompt(p, text)
        f = p.expect(t="state", what="agent", state="waiting")
        check("why, and how long", " s" in f["why"] and "retry" in f["why"], f)
        check("answered", p.expect(t="text", turn=t)["text"] == "answer of vendor")
        took = began.within(text + ": waited", most)
        check("%s: waited %.1f s" % (text, took), least <= took)
        check("ok", done(p, t)["ok"])
        check("asked twice", len(vendor.asked()) == n + 2)
        agent(p, state="ready")
    no_secret(rig)


@with_rig(**NO_HOSTS)
def redirects(rig):
    """a redirect is not followed: the key goes nowhere else"""
    other = Api(rig, "other")
    vendor = Api(rig, "vendor", *[
        status("go %d" % code, code, headers={
            "location": "http://127.0.0.1:%d/v1/messages" % other.port})
        for code in (301, 302, 303, 307, 308)])
    configure(rig, vendor)
    p = ready(rig, hosts=False)
    for code in (301, 302, 303, 307, 308):
        t = prompt(p, "go %d" % code)
        e = p.expect(t="error", turn=t)
        check("words and a todo", "elsewhere" in e["text"] and "url" in e["todo"], e)
        check("not ok", not done(p, t)["ok"])
    check("nobody else was asked", not os.path.exists(other.dir + "/record") or
          not open(other.dir + "/record").read())
    t = prompt(p, "and now?")
    check("the next prompt works", done(p, t)["ok"])
    no_secret(rig)


@with_rig(**NO_HOSTS)
def key_comes_back(rig):
    """a gateway that puts the key into its error and its answer: it stays out of the journal"""
    words = "Authentication failed, received key %s from you" % rig.api_key
    vendor = Api(rig, "vendor", status("in the error", 400, error=dict(message=words)),
                 status("in the body", 403, error=dict(body=words)),
                 dict(match={"user": "in an event"}, blocks=[
                     {"event": "error", "data": {"type": "error", "error": {
                         "type": "permission_error", "message": words}}}], repeat="forever"))
    configure(rig, vendor)
    p = ready(rig, hosts=False)
    for text in ("in the error", "in the body", "in an event"):
        t = prompt(p, text)
        p.expect(t="result", turn=t)
        check("not ok", not done(p, t)["ok"])
    check("no fact has it", rig.api_key not in json.dumps(p.facts))
    no_secret(rig)


@with_rig(**NO_HOSTS)
def certificate(rig):
    """a certificate that does not fit: words, the todo, and not a byte of the request is sent"""
    if not shutil.which("openssl"):
        raise Skip("openssl is missing: it makes the certificates")
    certs = Certs(rig.dir)
    seen = []
    theirs = Server({"*": seen.append}, certs.context("127.0.0.1", "other"))
    vendor = Api(rig, "vendor")
    configure(rig, vendor, vendor="ca_file = %s\n" % certs.ca)
    with open(rig.env["BREAKGLASS_CONFIG"]) as f:
        text = f.read()
    with open(rig.env["BREAKGLASS_CONFIG"], "w") as f:
        f.write(text.replace("http://127.0.0.1:%d" % vendor.port, theirs.url("")))
    p = ready(rig, hosts=False)
    t = prompt(p, "hello")
    e = p.expect(t="error", turn=t)
    check("words and a todo", "certificate" in e["text"] and "ca_file" in e["todo"], e)
    check("not ok", not done(p, t)["ok"])
    check("nothing was sent", not seen and theirs.connections >= 1, seen)
    theirs.close()
    no_secret(rig)


if __name__ == "__main__":
    main([bad_inputs, cut_at_the_limit, statuses, waited_for, redirects, key_comes_back,
          certificate])
