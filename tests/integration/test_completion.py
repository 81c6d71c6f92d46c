#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What bash and zsh offer behind "breakglass", in real shells at a pty.

What must be offered is read from --help of the program itself, so a command or an option
that is added without its completion fails here.  Nothing that a folder holds reaches the
terminal with a control character in it.
"""
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("abs_top_builddir", os.getcwd())
SRC = os.environ.get("abs_top_srcdir", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
PROGRAM = BUILD + "/src/breakglass"
VERBS = ("start", "stop", "reset", "cycle")
EVIL = ("evil\x1b]0;mine\x07.cast", "evil\nline.cast", "evil\x9b31m.cast", "evil\r.cast")
LIMIT = 60


class Failed(Exception):
    pass


def check(what, condition, *more):
    if not condition:
        raise Failed("%s%s" % (what, "".join("\n    %s" % (str(m)[:1500],) for m in more)))


class Place:
    """A home, incidents, runbooks and files, good ones and evil ones."""

    def __init__(self):
        self.dir = os.path.realpath(tempfile.mkdtemp(prefix="bg-completion."))
        self.bin = self.make("bin")
        os.symlink(PROGRAM, self.bin + "/breakglass")
        incidents = self.make("state/incidents")
        for n in range(60):
            self.touch(incidents, "2026-11-27-%02dx.jsonl" % n)
        for name in EVIL:
            self.touch(incidents, "2026-11-27-" + name.replace(".cast", ".jsonl"))
        books = self.make("books")
        for name in ("own-book.md", "README.md", ".hidden.md", "-dash.md") + EVIL:
            self.touch(books, name.replace(".cast", ".md"))
        self.work = self.make("work")
        for name in ("plain.cast", "two words.cast") + EVIL:
            self.touch(self.work, name)
        self.make("work/folder")
        self.env = {
            "HOME": self.dir, "PATH": self.bin + ":" + os.environ["PATH"], "TERM": "xterm-256color",
            "LC_ALL": "C.UTF-8", "BREAKGLASS_SESSIONS_DIR": self.dir + "/state",
            "BREAKGLASS_DATA_DIR": SRC, "BREAKGLASS_RUNBOOK_DIR": books, "PS1": "$ ",
            "BREAKGLASS_CONFIG": self.dir + "/conf"}
        if "ASAN_OPTIONS" in os.environ:
            self.env["ASAN_OPTIONS"] = os.environ["ASAN_OPTIONS"]
        with open(self.dir + "/conf", "w") as f:
            f.write("[endpoint lan-model]\nkind = portable\nurl = http://10.1.2.3:8000\nmodel = m\n")

    def make(self, name):
        path = os.path.join(self.dir, name)
        os.makedirs(path)
        return path

    @staticmethod
    def touch(folder, name):
        with open(os.path.join(os.fsencode(folder), os.fsencode(name)), "w"):
            pass

    def close(self):
        shutil.rmtree(self.dir)


class Shell:
    """A shell at a pty; what it prints is kept."""

    def __init__(self, place, argv, first):
        self.out = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(place.work)
            os.execvpe(argv[0], argv, place.env)
        self.say(first)

    def read(self, until, limit=LIMIT):
        end = time.monotonic() + limit
        while not until():
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise Failed("%.1f s went by; it printed %r" % (limit, self.out[-600:]))
            self.out += os.read(self.fd, 65536)

    def say(self, line, marks=[0]):
        """A command line, and what it printed until it was over."""
        marks[0] += 1
        at = len(self.out)
        mark = b"over-%d." % marks[0]
        # the mark is in two pieces where it is typed, so that its echo is none
        os.write(self.fd, line.encode() + b"; printf '%s%s\\n' over -" + mark[5:] + b"\r")
        # only at its prompt does the line editor take keys
        self.read(lambda: b"$ " in self.out[at:].partition(mark)[2])
        return self.out[at:]

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


class Bash(Shell):
    name = "bash"

    def __init__(self, place):
        self.file = place.dir + "/bash.offered"
        super().__init__(place, ["bash", "--norc", "--noprofile", "-i"],
                         "bind 'set enable-bracketed-paste off'; bind 'set completion-query-items 0';"
                         "bind 'set page-completions off'; bind 'set bell-style none'; bind 'set show-all-if-ambiguous on';"
                         "source %s/contrib/completion/breakglass; "
                         "note() { _breakglass \"$@\"; printf '%%s\\0' \"${COMPREPLY[@]}\" >>%s; }; "
                         "complete -F note breakglass" % (BUILD, self.file))


class Zsh(Shell):
    name = "zsh"

    def __init__(self, place):
        self.file = place.dir + "/zsh.offered"
        with open(place.dir + "/.zshrc", "w") as f:
            # what is added is noted, then added
            f.write("""unsetopt beep zle_bracketed_paste; PROMPT='$ '; LISTMAX=10000
fpath=(%s/contrib/completion $fpath)
autoload -U compinit; compinit -u -D
compadd() {
	local -a hits
	if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\\ * ]]; then
		builtin compadd -A hits "$@"
		(( $#hits == 0 )) || printf '%%s\\0' "${hits[@]}" >>%s
	fi
	builtin compadd "$@"
}
""" % (BUILD, self.file))
        place.env["ZDOTDIR"] = place.dir
        super().__init__(place, ["zsh", "-d", "-i"], "true")


def offered(sh, line):
    """The words that the shell offers at the end of a line, and what it printed for that."""
    if os.path.exists(sh.file):
        os.unlink(sh.file)
    at = len(sh.out)
    os.write(sh.fd, line.encode() + b"\t")
    os.write(sh.fd, b"\x15")               # the line goes; its echo is behind the answer
    sh.say("true")
    try:
        with open(sh.file, "rb") as f:
            words = f.read().decode(errors="surrogateescape").replace("\\ ", " ")
        words = set(words.split("\0")) - {""}
    except FileNotFoundError:
        words = set()
    return words, sh.out[at:]


def help_of_program():
    """The commands of --help, each with the options that stand behind it there; the options
    of the list below."""
    text = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True,
                          env=dict(os.environ, BREAKGLASS_CONFIG="/dev/null")).stdout
    text = text.split("\nSettings")[0]
    # a head is what stands in the columns of the heads
    head, options = text.split("\nOptions", 1)
    commands = {}
    for line in head.splitlines():
        m = re.match(r"  ([a-z][a-z-]*)\b(.*)", line)
        if m:
            commands[m.group(1)] = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", m.group(2)[:60]))
    general = set(re.findall(r"^  (?:.*?)(--?[a-z][a-z-]*)", options, re.M))
    general |= {o for line in re.findall(r"^  (-v, -vv)", options, re.M) for o in line.split(", ")}
    return commands, general


def everything(sh):
    commands, general = help_of_program()
    check("--help has commands", len(commands) > 25 and len(general) > 6, commands, general)
    words, _ = offered(sh, "breakglass ")
    check("every command", set(commands) <= words, set(commands) - words, words)
    check("and nothing else", words <= set(commands), words - set(commands))
    words, _ = offered(sh, "breakglass -")
    check("every option", general <= words, general - words, words)
    for command, options in sorted(commands.items()):
        if options:
            words, _ = offered(sh, "breakglass %s -" % command)
            check("the options of %s" % command, options <= words, options - words, words)
    check("doctor takes no password", "--credential-fd" not in offered(sh, "breakglass doctor -")[0])
    check("some commands have options", sum(map(len, commands.values())) > 8, commands)


def values(sh):
    for line, want in (
            ("breakglass cycle --confirm ", {"cycle"}),
            ("breakglass --confirm ", set(VERBS)),
            ("breakglass autonomy ", {"observe", "repair", "autonomous"}),
            ("breakglass --as x agent ", {"auto", "cli", "api", "runbook"}),
            ("breakglass agent api ", {"lan-model"}),
            ("breakglass incident ", {"new", "close"}),
            ("breakglass answer 3 ", {"y", "n"}),
            ("breakglass accept-key ", {"devvm", "pve"}),
            ("breakglass --theme ", {"auto", "dark", "light", "mono", "contrast"}),
            ("breakglass --theme=d", {"dark"}),
            ("breakglass help co", {"cold"}),
            ("breakglass state cl", {"clock"}),
            ("breakglass journal --kind verb", {"verb"}),
            ("breakglass journal ver", {"verify"}),
            ("breakglass journal verify --h", {"--host"}),
            ("breakglass runbook --offl", {"--offline"}),
            ("breakglass note fr", set())):
        words, _ = offered(sh, line)
        if line.endswith("verb"):
            words = {w for w in words if w.startswith("verb")} - {"verdict"}
        check(line, words == want, words, want)
    words, _ = offered(sh, "breakglass runbook ")
    check("the shipped runbooks and the own one",
          words == {"triage", "memory", "disk", "services", "qemu", "own-book"}, words)


def incidents(sh):
    words, out = offered(sh, "breakglass report ")
    check("the newest fifty, and last", words == {"last"} | {
        "2026-11-27-%02dx" % n for n in range(10, 60)}, sorted(words))
    words, _ = offered(sh, "breakglass replay 2026-11-27-5")
    check("those that begin so", words == {"2026-11-27-5%dx" % n for n in range(10)}, words)
    words, _ = offered(sh, "breakglass export ./pl")
    check("a path is completed, too", words in ({"./plain.cast"}, {"plain.cast"}), words)


def files(sh):
    for line in ("breakglass export -o ", "breakglass report --output=", "breakglass export -o ev",
                 "breakglass journal ./", "breakglass journal verify --anchors "):
        words, out = offered(sh, line)
        check(line + ": no control character is offered",
              not any(re.search("[\x00-\x1f\x7f-\x9f\udc80-\udcff]", w) for w in words), words)
        check(line + ": none is printed", b"\x1b]0;mine" not in out and b"\x9b31m" not in out, out)
        check(line + ": the good ones are", "ev" in line[-2:] or any("two words.cast" in w for w in words) and
              any("folder" in w for w in words), words)


def run(shell):
    if not shutil.which(shell.name):
        print("skipped - %s is not installed (apt-get install %s)" % (shell.name, shell.name))
        return 0
    failed = 0
    place = Place()
    sh = None
    try:
        sh = shell(place)
        for test in (everything, values, incidents, files):
            began = time.monotonic()
            word, why = "ok", ""
            try:
                test(sh)
            except Failed as e:
                word, why, failed = "FAILED", ": " + str(e.args[0]), failed + 1
            print("%s - %s: %s (%.2f s)%s" % (word, shell.name, test.__name__, time.monotonic() - began, why))
    finally:
        if sh:
            sh.close()
        place.close()
    return failed


def main():
    if not os.path.exists(BUILD + "/contrib/completion/breakglass"):
        print("not built: %s/contrib/completion" % BUILD)
        sys.exit(99)
    failed = sum(run(shell) for shell in (Bash, Zsh))
    sys.exit(1 if failed else 0)


main()
