"""Reads just enough of C to measure functions: blanks out comments, literals and directives, finds the functions, and
walks their statements."""
import re
from collections import namedtuple

Function = namedtuple("Function", "name line lines nesting")

_BLANKED = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)
_TOKEN = re.compile(r"[A-Za-z_]\w*|[{}();:]|[^\sA-Za-z_{}();:]")
_CONTROL = {"if", "while", "for", "switch"}


def blank(text):
    """The text with comments, literals and directives replaced by as many spaces and line feeds."""
    def spaces(match):
        return re.sub(r"[^\n]", " ", match.group())

    def literal(match):
        quote = match.group()[0]
        return spaces(match) if quote == "/" else quote + spaces(match)[1:-1] + quote

    return _DIRECTIVE.sub(spaces, _BLANKED.sub(literal, text))


def _matching(text, at, pair):
    depth = 0
    for i in range(at, len(text)):
        if text[i] == pair[0]:
            depth += 1
        elif text[i] == pair[1]:
            depth -= 1
            if depth == 0:
                return i
    raise ValueError("unbalanced %s" % pair)


def functions(text):
    """Every function that the text defines."""
    code = blank(text)
    found = []
    start = at = 0
    while at < len(code):
        if code[at] in ";}":
            start = at + 1
        elif code[at] == "{":
            end = _matching(code, at, "{}")
            head = re.sub(r"__attribute__\s*\(\(.*?\)\)", "", code[start:at], flags=re.S)
            name = re.search(r"([A-Za-z_]\w*)\s*\(", head)
            if name and "=" not in head and head.rstrip().endswith(")"):
                first = start + len(code[start:at]) - len(code[start:at].lstrip())
                line = code.count("\n", 0, first) + 1
                lines = code.count("\n", first, end) + 1
                found.append(Function(name.group(1), line, lines, nesting(code[at:end + 1])))
            at = end
            start = end + 1
        at += 1
    return found


def nesting(body):
    """How many control structures stand within each other at the deepest place; braces make no difference."""
    return _Walk(_TOKEN.findall(body)).block(0)


class _Walk:
    def __init__(self, tokens):
        self.tokens = tokens
        self.at = 0

    def peek(self, ahead=0):
        i = self.at + ahead
        return self.tokens[i] if i < len(self.tokens) else ""

    def skip_pair(self, pair):
        depth = 0
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.at += 1
            depth += (token == pair[0]) - (token == pair[1])
            if depth == 0:
                return

    def block(self, depth):
        deepest = depth
        self.at += 1
        while self.peek() not in ("}", ""):
            deepest = max(deepest, self.statement(depth))
        self.at += 1
        return deepest

    def nested(self, depth):
        """The statement that a control structure governs."""
        if self.peek() == "{":
            return self.block(depth)
        return max(depth, self.statement(depth))

    def statement(self, depth):
        token = self.peek()
        if token == "{":
            return self.block(depth + 1)
        if token == "do":
            self.at += 1
            deepest = self.nested(depth + 1)
            self.simple()
            return deepest
        if token in _CONTROL:
            return self.control(token, depth)
        if token in ("case", "default") or (re.match(r"[A-Za-z_]", token) and self.peek(1) == ":"):
            while self.peek() not in (":", ""):
                self.at += 1
            self.at += 1
            return depth
        if re.match(r"[A-Za-z_]", token) and self.peek(1) == "(" and self.is_loop_macro():
            return self.control(token, depth)
        self.simple()
        return depth

    def is_loop_macro(self):
        """NAME(...) { ... }, as of a library's for-each."""
        before = self.at
        self.at += 1
        self.skip_pair("()")
        result = self.peek() == "{"
        self.at = before
        return result

    def control(self, token, depth):
        self.at += 1
        self.skip_pair("()")
        deepest = self.nested(depth + 1)
        if token == "if" and self.peek() == "else":
            self.at += 1
            again = self.statement(depth) if self.peek() == "if" else self.nested(depth + 1)
            deepest = max(deepest, again)
        return deepest

    def simple(self):
        while self.peek() not in (";", ""):
            if self.peek() == "}":
                return
            if self.peek() == "(":
                self.skip_pair("()")
            elif self.peek() == "{":
                self.skip_pair("{}")
            else:
                self.at += 1
        self.at += 1
