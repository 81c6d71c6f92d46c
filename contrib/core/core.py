# SPDX-License-Identifier: GPL-3.0-or-later
"""What contrib/coverage and contrib/mutate share: the list of the core, and how one of
its files is built and linked with the unit tests that hold it, out of a build folder.

One object is made anew and stands on the linker's line before the libraries, so that the
copy in the archive stays where it is.
"""
import os
import re
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SRC = os.path.dirname(os.path.dirname(HERE))
CPU_MAX = 4 # seconds of one test; those of the core take a fraction of one
JOBS = 3 # tests at once: some wait for a clock
for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES"):
    os.environ.pop(name, None)  # a make that runs us is none of ours


class Trouble(Exception):
    pass


class Core:
    """One file of the core: where it is, and [(program, [part])]."""

    def __init__(self, path, tests, via=None):
        self.path, self.tests = path, tests
        self.via = via and os.path.join(SRC, via) # of a header: the source that has it
        self.source = os.path.join(SRC, path)
        self.is_header = path.endswith(".h")


def core_files():
    out = []
    with open(os.path.join(HERE, "files")) as f:
        for line in f:
            words = line.split("#", 1)[0].split()
            if words:
                tests = [(t.split(":")[0], t.split(":")[1].split(",") if ":" in t else [])
                         for t in words[1:]]
                path, _, via = words[0].partition("=")
                out.append(Core(path, tests, via))
    return out


def excused(name):
    """A list of (file, text of a line, reason): FILE<TAB>TEXT<TAB>REASON."""
    out = []
    with open(os.path.join(HERE, name)) as f:
        for n, line in enumerate(f, 1):
            if not line.strip() or line.startswith("#"):
                continue
            parts = [p.strip() for p in re.split(r"\t+", line.rstrip("\n"))]
            if len(parts) != 3:
                raise Trouble("%s:%d: FILE, TEXT and REASON, with tabs between" % (name, n))
            out.append(tuple(parts))
    return out


class Build:
    """A build folder, asked for what its Makefile knows."""

    def __init__(self, folder):
        self.dir = os.path.abspath(folder)
        if not os.path.exists(self.dir + "/config.status"):
            raise Trouble("%s is no build folder: configure there first" % folder)
        self.vars = {}
        # what it says while it makes itself anew is no answer
        subprocess.run(["make", "Makefile"], cwd=self.dir, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        self.cc, self.cpp = self.ask(
            "CC", "DEFS DEFAULT_INCLUDES AM_CPPFLAGS UV_CFLAGS CPPFLAGS")

    def ask(self, *questions):
        """The words of make variables, as the shell of make sees them: all at once."""
        new = [q for q in questions if q not in self.vars]
        if new:
            says = ["printf '%s\\n' =" + "".join(" $(%s)" % n for n in q.split()) for q in new]
            r = subprocess.run(["make", "-s", "--no-print-directory",
                                "--eval=say-it:;@" + "; ".join(says), "say-it"],
                               cwd=self.dir, text=True, capture_output=True, check=True)
            left = iter(new)
            for word in r.stdout.split("\n"):
                if word == "=":
                    words = self.vars[next(left)] = []
                elif word:
                    words.append(word)
        return [self.vars[q] for q in questions]

    def names_of(self, test):
        name = re.sub(r"\W", "_", test)
        return [name + end for end in ("_OBJECTS", "_LDFLAGS", "_LDADD")]

    def of(self, test):
        """Objects, linker flags and libraries of a test program."""
        return self.ask(*self.names_of(test))

    def make(self, targets):
        r = subprocess.run(["make", "-j2"] + sorted(set(targets)), cwd=self.dir, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if r.returncode:
            raise Trouble("make %s fails:\n%s" % (" ".join(targets), r.stdout[-3000:]))
        # asked now: later the Makefile may be made anew
        self.ask(*[n for t in set(targets) for n in self.names_of(t)])

    def compile(self, source, obj, flags):
        return subprocess.run(self.cc + ["-std=gnu11", "-w"] + flags + self.cpp +
                              ["-c", source, "-o", obj], cwd=self.dir, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def link(self, test, parts, objs, out, flags=()):
        objects, options, libs = self.of(test)
        of_test = [o for o in objects
                   if not parts or any(p in os.path.basename(o) for p in parts)]
        if not of_test:
            raise Trouble("%s has no source named %s" % (test, " or ".join(parts)))
        wraps = [f for f in options if "--wrap" in f]
        fast = ["-fuse-ld=gold"] if os.path.exists("/usr/bin/ld.gold") else []
        return subprocess.run(self.cc + list(flags) + fast + wraps + ["-o", out] + of_test +
                              list(objs) + libs, cwd=self.dir, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def run(self, program, limit, fail_fast=False, env=None, only=()):
        """(exit status, or None when the time was up; what it said); no child is left.

        only: of these tests, each "suite/name".  A test that goes round for ever is ended
        by the processor time it took: that is the same on a busy machine."""
        p = subprocess.Popen(["sh", "-c", 'ulimit -t %d; exec "$@"' % CPU_MAX, "sh", program,
                              "--jobs", "%d" % JOBS] + (["--fail-fast"] if fail_fast else []) +
                             (["--filter", "@(%s)" % "|".join(only)] if only else []),
                             cwd=self.dir, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, start_new_session=True, env=env)
        try:
            said = p.communicate(timeout=limit)[0].decode("utf-8", "replace")
            return p.returncode, said
        except subprocess.TimeoutExpired:
            return None, ""
        finally:
            try:
                os.killpg(p.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            p.wait()


def fail(text):
    sys.stderr.write("%s: %s\n" % (os.path.basename(sys.argv[0]), text))
    sys.exit(99)
