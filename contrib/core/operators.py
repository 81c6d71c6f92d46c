# SPDX-License-Identifier: GPL-3.0-or-later
"""The operators of contrib/mutate: each makes one small mistake in a C source.

No parser: comments, strings and directives are blanked out (same length), and what is
left is read by tokens, brackets and statements.  What does not compile afterwards is no
mutant, and what compiles to the same object is none either.
"""
import re

NAMES = {
    "relational": "a comparison is another one: < <=, > >=, == !=",
    "negate": "the condition of an if or while is turned round",
    "off-by-one": "a number is one more",
    "constant-0": "the condition of an if, while or for is never true",
    "constant-1": "the condition of an if is always true",
    "drop": "a statement is left out",
    "logic": "&& is ||, or the other way round",
    "return": "another value is returned",
}
SWAP = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&"}
BLANK = re.compile(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|^[ \t]*#(?:[^\n]*\\\n)*[^\n]*$',
                   re.S | re.M)
OPERATOR = re.compile(r"->|<<=?|>>=?|[<>=!]=|&&|\|\||[<>]")
NUMBER = re.compile(r"(?<![\w.])(0x[0-9a-fA-F]+|\d+)([uUlL]*)(?![\w.])")
SIMPLE = re.compile(r"(?:\(void\))?[*(]*(?:\+\+|--)?[A-Za-z_][\w.\[\]*+\-> ()]*?\s*"
                    r"(?:\(|\+\+|--|(?:[-+*/|&^]|<<|>>)?=[^=])")
WORDS = re.compile(r"(?:return|if|else|for|while|do|switch|case|default|goto|struct|enum|static|const|"
                   r"char|int|unsigned|size_t|ssize_t|bool|off_t|double|long|void|u?int\d+_t|uid_t|"
                   r"pid_t|sizeof)\b")
DECLARED = re.compile(r"(?:(?:const|unsigned|struct)\s+)*\w+\s+\**\w+\s*(?:\[[^\]]*\])?\s*[=;,]")


def blanked(text):
    return BLANK.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def matching(text, at):
    depth = 0
    for i in range(at, len(text)):
        if text[i] in "([{":
            depth += 1
        elif text[i] in ")]}":
            depth -= 1
            if not depth:
                return i
    return -1


def bodies(text):
    """[(from, to, is a function)] of what stands in braces at the outermost level."""
    at, out, before = 0, [], 0
    while True:
        at = text.find("{", at)
        if at < 0:
            return out
        end = matching(text, at)
        head = text[before:at].rstrip()
        if head.endswith(")"):
            out.append((at, end, True))
        elif head.endswith("="):
            out.append((at, end, False))
        at = before = end + 1


def conditions(text, lo, hi):
    """(word, from, to) of each condition in brackets, the brackets included."""
    for m in re.compile(r"\b(if|while|for) ?\(").finditer(text, lo, hi):
        at = m.end() - 1
        end = matching(text, at)
        if m.group(1) == "for":
            first = text.find(";", at, end)
            second = text.find(";", first + 1, end)
            if text[first + 1:second].strip():
                yield "for", first + 1, second
        else:
            yield m.group(1), at, end + 1


def statements(text, lo, hi):
    """(from, to) of each, its semicolon included."""
    start, depth = lo + 1, 0
    for i in range(lo + 1, hi):
        c = text[i]
        if c in "([":
            depth += 1
        elif c in ")]":
            depth -= 1
            # what follows the bracket of an if, a while or a for is a statement
            if not depth and re.match(r"\s*(?:else\s+)?(?:if|while|for) ?\(", text[start:i]) and \
                    not re.match(r"\s*while", text[start:i]):
                start = i + 1
            elif not depth and re.match(r"\s*while ?\(", text[start:i]) and \
                    not text[i + 1:].lstrip().startswith(";"):
                start = i + 1
        elif not depth and c in "{}":
            start = i + 1
        elif not depth and c == ";":
            word = re.match(r"\s*(?:else\b|do\b)?\s*", text[start:i]).end()
            yield start + word, i + 1
            start = i + 1
        elif not depth and c == ":" and re.match(r"\s*(?:case\b.*|default\s*|\w+)$", text[start:i], re.S) \
                and "?" not in text[start:i]:
            start = i + 1


def returned(value):
    if value in ("true", "false"):
        return "false" if value == "true" else "true"
    if value in ("0", "-1", "1"):
        return {"0": "-1", "-1": "0", "1": "0"}[value]
    return None if value == "NULL" else "0"


def mutants(text):
    """[(operator, from, to, instead)] of a source, in their order."""
    plain, out = blanked(text), []
    for lo, hi, function in bodies(plain):
        for m in NUMBER.finditer(plain, lo, hi):
            line = plain[plain.rfind("\n", 0, m.start()) + 1:m.start()]
            if re.match(r"\s*(?:static |const |unsigned |struct )*\w+ [^=(]*\[$", line):
                continue # how much room an array has
            digits = m.group(1)
            octal = len(digits) > 1 and digits[0] == "0" and digits[1] != "x"
            n = int(digits, 8 if octal else 0) + 1
            out.append(("off-by-one", m.start(), m.end(),
                        ("0x%x" if "x" in digits else "0%o" if octal else "%d") % n + m.group(2)))
        if not function:
            continue
        for m in OPERATOR.finditer(plain, lo, hi):
            if m.group() in SWAP:
                out.append(("logic" if m.group() in ("&&", "||") else "relational",
                            m.start(), m.end(), SWAP[m.group()]))
        for word, a, b in conditions(plain, lo, hi):
            if word != "for":
                out.append(("negate", a, b, "(!%s)" % text[a:b]))
            out.append(("constant-0", a, b, " 0" if word == "for" else "(0)"))
            if word == "if":
                out.append(("constant-1", a, b, "(1)"))
        for a, b in statements(plain, lo, hi):
            said = plain[a:b].strip()
            m = re.match(r"return\b\s*(.*);$", said, re.S)
            if m and m.group(1):
                instead = returned(m.group(1).strip())
                if instead is not None:
                    out.append(("return", a, b, "return %s;" % instead))
            elif re.match(r"(?:break|continue|goto \w+);$", said) or (
                    SIMPLE.match(said) and not WORDS.match(said) and not DECLARED.match(said)):
                out.append(("drop", a, b, ";"))
    return sorted(out, key=lambda m: (m[1], m[0]))
