#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""An operator's shell on the devvm: the protocol's side, and the console's in a terminal."""
import base64
import os
import shutil
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import BUILD, Skip, alive, check, children, main, until, with_rig  # noqa: E402

DEVVM = dict(pve=False)


def ready(rig, name="ann", **more):
    p = rig.console(name, **more)
    if not p.of("state", what="link", host="devvm", state="up"):
        p.expect(t="state", what="link", host="devvm", state="up")
    return p


def said(p, req, facts=None):
    return b"".join(base64.b64decode(f["data_b64"]) if "data_b64" in f else f["data"].encode()
                    for f in (p.facts if facts is None else facts)
                    if f["t"] == "shell_output" and f.get("req") == req)


def see(p, req, text):
    tail = said(p, req)
    while text not in tail:
        p.expect(t="shell_output", req=req)
        tail = tail[-100:] + said(p, req, p.facts[p.looked - 1:])


def opened(p, **more):
    """A shell that has been seen to answer."""
    r = p.ask(t="shell", **dict(dict(cols=91, rows=33), **more))
    p.send(t="shell_input", data="PS1=; echo up-$((6*7))\n")
    see(p, r, b"up-42")
    return r


@with_rig(**DEVVM)
def it_is_a_shell(rig):
    """a shell has a terminal of the size and name that was asked, and ends with its code"""
    rig.start()
    p = ready(rig)
    r = opened(p, term="vt220")
    p.send(t="shell_input", data="stty size; echo term-$TERM; tty\n")
    see(p, r, b"33 91")
    see(p, r, b"term-vt220")
    see(p, r, b"/dev/pts/")
    p.send(t="shell_size", cols=120, rows=40)
    p.send(t="shell_input", data="until [ \"$(stty size)\" = '40 120' ]; do :; done; echo si''zed\n")
    see(p, r, b"sized")
    p.send(t="shell_input", data_b64=base64.b64encode(b"printf '\\377\\376|'\n").decode())
    see(p, r, b"\xff\xfe|")
    p.send(t="shell_input", data="sh -c 'echo go-$((1+1)); exec sleep 1000'; echo code-$?\n")
    see(p, r, b"go-2")
    p.send(t="shell_input", data="\x03")
    p.send(t="shell_input", data="echo after-$((1+2))\n")
    see(p, r, b"after-3")
    p.send(t="shell_input", data="exit 7\n")
    check("its code", p.expect(t="shell_end", req=r).get("exit") == 7, p.facts[-1])


@with_rig(**DEVVM)
def it_is_on_record(rig):
    """it is a run like others: everybody sees it, its output is kept, what is typed is not"""
    rig.start()
    p, q = ready(rig), ready(rig, "bob")
    r = opened(p)
    run = q.expect(t="tool", asked="operator", host="devvm", what="(interactive shell)")
    check("by whom", run["by"] == "ann", run)
    p.send(t="shell_input", data="stty -echo; echo quiet-$((1+1))\n")
    see(p, r, b"quiet-2")
    p.send(t="shell_input", data="read x; echo got-${#x}\nsecret-word\n")
    see(p, r, b"got-11")
    p.send(t="shell_input", data="exit 3\n")
    p.expect(t="shell_end", req=r, exit=3)
    end = q.expect(t="tool_end", id=run["id"])
    check("its end", end.get("exit") == 3, end)
    check("its output", b"got-11" in q.output(run["id"]))
    check("the bytes alone to who asked", not q.of("shell_output") and not q.of("shell_end"))
    check("not what was typed", all(b"secret-word" not in open(j, "rb").read()
                                    for j in rig.journals()))


@with_rig(**DEVVM)
def refusals(rig):
    """what is refused: no size, a second one, a fifth, no shell, a console that only watches"""
    rig.start()
    p = ready(rig)
    for m in (dict(), dict(cols=80), dict(cols=0, rows=24), dict(cols=80, rows=1001),
              dict(cols="80", rows=24), dict(cols=80, rows=24, term="a b"),
              dict(cols=80, rows=24, term="x" * 33), dict(cols=80, rows=24, term=""),
              dict(cols=80, rows=24, host="pve")):
        q = p.ask(t="shell", **m)
        p.expect(t="error", req=q)
    for m in (dict(t="shell_input", data="x"), dict(t="shell_size", cols=8, rows=2),
              dict(t="shell_end")):
        q = p.ask(**m)
        check("none yet", "no shell" in p.expect(t="error", req=q)["text"])
    opened(p)
    q = p.ask(t="shell", cols=80, rows=24)
    check("one a peer", "already" in p.expect(t="error", req=q)["text"])
    for m in (dict(), dict(data=5), dict(data_b64="!"), dict(data="x" * 32769)):
        q = p.ask(t="shell_input", **m)
        p.expect(t="error", req=q)
    q = p.ask(t="incident", state="new")
    check("the incident stays", "shell" in p.expect(t="error", req=q)["text"])
    more = [ready(rig, "op%d" % i) for i in range(4)]
    for m in more[:3]:
        m.send(t="drive")       # a shell stays with its console, whoever drives
        opened(m)
    more[3].send(t="drive")
    q = more[3].ask(t="shell", cols=80, rows=24)
    check("four in all", "4 shells" in more[3].expect(t="error", req=q)["text"])
    w = ready(rig, "eve", read_only=True)
    q = w.ask(t="shell", cols=80, rows=24)
    check("read-only", "read-only" in w.expect(t="error", req=q)["text"])
    more[0].close()
    p.expect(t="tool_end")
    r = more[3].ask(t="shell", cols=80, rows=24)
    more[3].expect(t="shell_output", req=r)
    rig.devvm.refuse()
    rig.devvm.cut()
    check("lost", p.expect(t="shell_end").get("why"))
    p.expect(t="state", what="link", host="devvm", state="down")
    p.send(t="drive")
    q = p.ask(t="shell", cols=80, rows=24)
    check("no link", "no shell: devvm" in p.expect(t="error", req=q)["text"], p.facts[-1])


@with_rig(**DEVVM)
def leaving_hangs_up(rig):
    """a shell ends with its peer, with shell_end, or by another operator's end; the pty hangs up"""
    rig.start()
    q = ready(rig, "bob")
    for how in ("close", "end", "other"):
        p = ready(rig)
        p.send(t="drive")
        r = opened(p)
        run = q.expect(t="tool", what="(interactive shell)")["id"]
        p.send(t="shell_input", data="echo p''id-$$-; exec sleep 1000\n")
        see(p, r, b"pid-")
        until("all of it", lambda: b"-" in said(p, r).split(b"pid-")[1] or p.pump(0.02))
        pid = int(said(p, r).split(b"pid-")[1].split(b"-")[0])
        # A shell that is hung up just before its exec loses the signal in it.
        until("sleep runs", lambda: open("/proc/%d/comm" % pid).read() == "sleep\n")
        if how == "close":
            p.close()
        elif how == "end":
            p.send(t="shell_end")
        else:
            q.send(t="drive")
            q.ask(t="end", id=run)
            check("by whom", "bob" in p.expect(t="shell_end", req=r)["why"])
        until("hung up: " + how, lambda: not alive(pid))
        check("its end", q.expect(t="tool_end", id=run).get("failed"))
        if how == "end":
            opened(p)
            q.expect(t="tool", what="(interactive shell)")
        p.close()


@with_rig(**DEVVM)
def slow_readers(rig):
    """a peer that reads slowly slows its shell and nothing else, and gets every byte"""
    rig.start()
    p, q = ready(rig), ready(rig, "bob")
    r = opened(p)
    run = q.expect(t="tool", what="(interactive shell)")["id"]
    p.send(t="shell_input", data="stty -echo -onlcr; echo; seq 1 400000; echo do''ne\n")
    until("it runs", lambda: q.pump(0.01) or b"\n1000" in q.output(run))
    q.pump(0.5)                         # until the shell stands still
    check("it stands still", b"done" not in q.output(run))
    q.ask(t="note", text="meanwhile")
    q.expect(t="note", text="meanwhile")
    see(p, r, b"done")
    got = said(p, r).split(b"\n")
    start = got.index(b"1")
    check("every line", got[start:start + 400000] == [b"%d" % i for i in range(1, 400001)])


# --- the console ---

class Screen:
    def __init__(self, rig, *args):
        self.tmux = [shutil.which("tmux"), "-S", rig.dir + "/tmux", "-f", "/dev/null"]
        console = BUILD + "/tests/screen/console-main"
        if not self.tmux[0] or not os.path.exists(console):
            raise Skip("tmux or console-main is not there")
        subprocess.run(self.tmux + ["new-session", "-d", "-x", "100", "-y", "30",
                                    "env TERM=xterm-256color LC_ALL=C.UTF-8 %s %s %s; stty -a; exec cat" % (
                                        console, rig.socket, " ".join(args))], check=True)

    def text(self):
        return subprocess.run(self.tmux + ["capture-pane", "-p"], capture_output=True,
                              text=True).stdout

    def shows(self, text):
        try:
            until("the screen shows " + text, lambda: text in self.text())
        except Exception:
            print(self.text())
            raise

    def keys(self, *keys):
        subprocess.run(self.tmux + ["send-keys", *keys], check=True)

    def shell(self, *way):
        """What is typed before the terminal is handed over is not for a root shell."""
        self.keys(*(way or ("F9",)))
        self.shows("A shell on the devvm: exit ends it")

    def type(self, text):
        subprocess.run(self.tmux + ["send-keys", "-l", text], check=True)

    def hears(self):
        """Right after a shell what comes from the terminal is dropped: until it is not."""
        def typed():
            self.keys("C-u")
            self.type("heard")
            return "> heard" in self.text()
        until("the prompt takes text", typed)
        self.keys("C-u")
        until("the prompt is empty", lambda: "> heard" not in self.text())

    def mode(self, name):
        return subprocess.run(self.tmux + ["display-message", "-p", "#{%s}" % name],
                              capture_output=True, text=True).stdout.strip()

    def close(self):
        subprocess.run(self.tmux + ["kill-server"], stderr=subprocess.DEVNULL)


def on_screen(test):
    def run(rig):
        rig.start()
        ready(rig, read_only=True)
        s = Screen(rig)
        try:
            s.shows("F10 detach")
            test(rig, s)
        finally:
            s.close()
    run.__doc__ = test.__doc__
    run.__name__ = test.__name__
    return with_rig(**DEVVM)(run)


@on_screen
def f9_and_back(rig, s):
    """F9 hands the terminal over, its size follows, exit brings the screen back"""
    s.shell()
    check("the screen is away", "F10 detach" not in s.text())
    s.type("PS1=; echo hi-$((40+2)); stty size\n")
    s.shows("hi-42")
    s.shows("30 100")
    subprocess.run(s.tmux + ["resize-window", "-x", "90", "-y", "28"], check=True)
    s.type("until [ \"$(stty size)\" = '28 90' ]; do :; done; echo si''zed\n")
    s.shows("sized")
    s.type("exit 5\n")
    s.shows("The shell on the devvm has ended, exit 5.")
    s.shows("F1help")
    for way in (("Escape", "9"), ("/shell", "Enter")):
        s.hears()
        s.shell(*way)
        s.type("PS1=; echo again-$((1+1))\n")
        s.shows("again-2")
        s.type("exit\n")
        s.shows("F1help")


@on_screen
def ctrl_bracket_comes_back(rig, s):
    """Ctrl-] comes back from a frozen devvm at once, and what was left on is switched off"""
    s.shell()
    s.type("PS1=; printf '\\033[?1049h\\033[?1003h\\033[?1006h\\033[?25l\\033[?1h\\033[4h'; "
           "echo mod''es\n")
    s.shows("modes")
    until("the mouse is on", lambda: s.mode("mouse_any_flag") == "1")
    rig.devvm.freeze()
    s.type("never seen\n")
    s.keys("C-]")
    s.shows("You left the shell on the devvm")
    s.shows("F10 detach")
    check("the mouse is off", s.mode("mouse_any_flag") == "0")
    check("the cursor is there", s.mode("cursor_flag") == "1")
    check("insert mode is off", s.mode("insert_flag") == "0")
    check("cursor keys are as before", s.mode("keypad_cursor_flag") == "0")
    rig.devvm.freeze(False)
    s.hears()
    s.shell()
    s.type("PS1=; echo back-$((1+1))\n")
    s.shows("back-2")
    s.keys("C-]")
    s.shows("F10 detach")


@on_screen
def a_silent_devvm_is_waited_for_in_words(rig, s):
    """a devvm that starts no shell: the screen stays, counts, and Esc gives up; a dead one refuses"""
    rig.devvm.silent()
    s.keys("F9")
    s.shows("no shell yet, ")
    check("the screen stays", "F10detach" in s.text() or "F10 detach" in s.text(), s.text())
    s.type("reboot")
    s.keys("Enter", "Escape")  # one write: a slow link brings them so
    s.shows("you did not wait")
    check("nothing was typed into anything", "reboot" not in s.text(), s.text())
    rig.devvm.back()
    s.hears()
    s.shell()
    s.type("PS1=; echo on-$((1+1))\n")
    s.shows("on-2")
    s.keys("C-]")
    s.shows("F10 detach")
    rig.devvm.refuse()
    rig.devvm.cut()
    s.shows("devvm down")
    s.hears()
    s.keys("F9")
    s.shows("the power keys need no ssh")


@with_rig(**DEVVM)
def others_see_whose_it_is(rig):
    """while a shell is open everybody is told whose it is"""
    rig.start()
    p, q = ready(rig), ready(rig, "bob")
    r = p.ask(t="shell", cols=80, rows=24)
    p.expect(t="shell_output", req=r)
    state = q.expect(t="state", what="shells", open=1)
    check("whose", state["who"] == "ann", state)
    p.send(t="shell_end")
    q.expect(t="state", what="shells", open=0)


@on_screen
def engine_gone(rig, s):
    """the engine goes away: the screen is back and says so"""
    s.shell()
    s.type("PS1=; echo on-$((1+1))\n")
    s.shows("on-2")
    rig.engines[-1].send_signal(signal.SIGKILL)
    s.shows("the shell with it")
    s.shows("F10 detach")


def ended(sig):
    @on_screen
    def test(rig, s):
        s.shell()
        s.type("PS1=; printf '\\033[?1003h\\033[?25l'; echo mod''es\n")
        s.shows("modes")
        until("the mouse is on", lambda: s.mode("mouse_any_flag") == "1")
        pane = int(s.mode("pane_pid"))
        console = [p for p in children(pane)
                   if "console-main" in open("/proc/%d/cmdline" % p).read()]
        os.kill(console[-1], sig)
        s.shows(" icanon")
        check("the mouse is off", s.mode("mouse_any_flag") == "0")
        check("the cursor is there", s.mode("cursor_flag") == "1")
    return test


def console_dies():
    """a console that ends within a shell leaves a usable terminal"""
    for sig in (signal.SIGTERM, signal.SIGSEGV):
        ended(sig)()


if __name__ == "__main__":
    main([it_is_a_shell, it_is_on_record, refusals, leaving_hangs_up, slow_readers,
          f9_and_back, ctrl_bracket_comes_back, a_silent_devvm_is_waited_for_in_words,
          others_see_whose_it_is, engine_gone, console_dies])
