"""The scanner of JSON templates: JSON in which ``${path}`` may stand inside a string or where a value may stand.

It finds the placeholders and names what is wrong as a person would (designer 1.12, 1.13): a trailing comma, curly
quotes, a comment, a placeholder as a member name, each with its place. A fault that leaves no doubt what was meant is
passed over and scanning goes on, up to three faults; after any other it stops. ``template`` compiles what it finds.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NoReturn

from engine.core import barewords
from engine.core.jsonio import MAX_DEPTH
from engine.core.placeholders import MAX_FAULTS, Fault, Placeholder, Source, shorten

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING_STOP = re.compile(r'["\\$\x00-\x1f\ud800-\udfff]')
_HEX4 = re.compile(r"[0-9a-fA-F]{4}")
_BLANKS = re.compile(r"[ \t]+")
_COMMENT = re.compile(r"//[^\r\n]*|/\*.*?(?:\*/|\Z)|#[^\r\n]*", re.DOTALL)
_WORD = re.compile(r"[^\s,:{}\[\]\"]+")
_PATH_LIKE = re.compile(r"[\w.\-]*")
_LINE_REST = re.compile(r"[^\r\n]*")
_VALUE_END = re.compile(r"\s*(?:[,:}\]]|\Z)")
_CURLY = re.compile("[“”„‟«»″]")
_SINGLE_QUOTES: Final = {"'": "'’", "‘": "’'", "’": "’'", "‚": "‘’'", "`": "`'´", "´": "´'", "′": "′'"}
_DOUBLE_QUOTES: Final = '”“"„‟»«″'
_ESCAPES: Final = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_CONTROLS: Final = {"\t": "A tab in text", "\n": "A line break in text", "\r": "A line break in text"}
_PLACEHOLDER_ENDS: Final = '"\r\n'
_DELIMITERS: Final = ',:]}[{"\r\n'


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a scan found; ``root`` is object, list, placeholder or scalar, ``escapes`` are the offsets of ``$${``."""

    faults: tuple[Fault, ...]
    placeholders: tuple[Placeholder, ...]
    escapes: tuple[int, ...]
    root: str
    root_at: int


class _Stop(Exception):
    """Scanning cannot go on: what follows would only be guessed at."""


def scan_json(text: str) -> Scanned:
    """Scan a JSON template. Never raises; the faults are in the order of the text."""
    scanner = _Scanner(text)
    with suppress(_Stop):
        scanner.document()
    faults = tuple(sorted(scanner.faults, key=lambda fault: fault.offset))
    return Scanned(faults, tuple(scanner.placeholders), tuple(scanner.escapes), scanner.root, scanner.root_at)


def _straight(inner: str) -> str:
    """The JSON string of a text that stood in other quotes: ``\\'`` loses its backslash, ``"`` gets one."""
    escaped = re.sub(r'(\\[^\'])|\\(\')|"', lambda match: match[1] or match[2] or '\\"', inner)
    return f'"{escaped}"'


class _Scanner:
    """One pass over one text. A method reads what its name says at ``self.at`` and leaves ``self.at`` behind it."""

    def __init__(self, text: str) -> None:
        self.source = Source(text)
        self.text = text
        self.at = 0
        self.faults: list[Fault] = []
        self.placeholders: list[Placeholder] = []
        self.escapes: list[int] = []
        self.root = "scalar"
        self.root_at = 0
        self.curly_at: int | None = None  # a curly quote inside the string read last

    def note(
        self, offset: int, code: str, *, length: int = 0, fix: str | None = None, values: dict[str, str] | None = None
    ) -> None:
        self.keep(self.source.fault(offset, code, length=length, fix=fix, values=values))

    def keep(self, fault: Fault) -> None:
        self.faults.append(fault)
        if len(self.faults) >= MAX_FAULTS:
            raise _Stop

    def refuse(self, thing: str, *, offset: int | None = None, length: int = 0) -> None:
        self.note(self.at if offset is None else offset, "JSN-012", length=length, values={"thing": thing})

    def miss(self, expected: str, found: str | None = None) -> None:
        """JSN-002 here. A curly quote in the string just read is the likelier reason and is named instead."""
        if self.curly_at is not None:
            self.note(self.curly_at, "JSN-011", length=1, fix='"')
            raise _Stop
        self.note(self.at, "JSN-002", values={"found": found or self.found(), "expected": expected})

    def stop(self, expected: str, found: str | None = None) -> NoReturn:
        self.miss(expected, found)
        raise _Stop

    def found(self) -> str:
        if self.at >= len(self.text):
            return "The end of the text"
        word = _WORD.match(self.text, self.at)
        return f"'{shorten(word[0] if word else self.peek(), 20)}'"

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def matched(self, pattern: re.Pattern[str]) -> str:
        """What the pattern matches here; ``self.at`` moves behind it."""
        match = pattern.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return match[0] if match else ""

    # Structure

    def document(self) -> None:
        self.space()
        self.root_at = self.at
        self.value(1, at_root=True)
        self.space()
        if self.at < len(self.text) and self.root != "scalar":
            self.stop("the end of the text")

    def space(self) -> None:
        """Skip blanks; comments and blanks that JSON does not know are named and skipped."""
        while True:
            self.matched(_SPACE)
            start, char = self.at, self.peek()
            if comment := self.matched(_COMMENT):
                self.refuse("A comment", offset=start, length=len(comment))
            elif char.isspace() or (char and char in "\ufeff\u200b"):
                self.at += 1
                self.refuse(f"The invisible character U+{ord(char):04X}", offset=start, length=1)
            else:
                return

    def value(self, depth: int, *, at_root: bool = False) -> None:
        self.curly_at = None
        char = self.peek()
        if char in ("{", "["):
            if depth > MAX_DEPTH:
                self.refuse(f"Nesting over {MAX_DEPTH} levels")
                raise _Stop
            self.root = {"{": "object", "[": "list"}[char] if at_root else self.root
            self.members(depth) if char == "{" else self.items(depth)
        elif char == '"':
            start = self.at
            self.string()
            if self.text.startswith("${", self.at):
                self.mixed(start, at_root)
        elif char in _SINGLE_QUOTES or _CURLY.match(char):
            self.wrong_quotes()
        else:
            self.bare(at_root)

    def members(self, depth: int) -> None:
        first_lines: dict[str, int] = {}
        comma: int | None = None
        self.at += 1
        while not self.closed("}", comma):
            start = self.at
            name = self.member_name()
            if name in first_lines:
                self.note(start, "JSN-004", values={"k": shorten(name), "a": str(first_lines[name])})
            elif name is not None:
                first_lines[name] = self.source.place(start)[0]
            self.colon()
            self.value(depth + 1)
            comma = self.comma("}")

    def items(self, depth: int) -> None:
        comma: int | None = None
        self.at += 1
        while not self.closed("]", comma):
            self.value(depth + 1)
            comma = self.comma("]")

    def closed(self, closing: str, comma: int | None) -> bool:
        """Whether the bracket closes here; ``comma`` is the offset of a comma just before, which then is too many."""
        self.space()
        if self.peek() != closing:
            return False
        if comma is not None:
            self.note(comma, "JSN-010", length=1, fix="", values={"c": closing})
        self.at += 1
        self.curly_at = None
        return True

    def comma(self, closing: str) -> int | None:
        """The offset of the comma after a member or item; ``None`` before the closing bracket or where it is missing."""
        self.space()
        if self.peek() == ",":
            self.at += 1
            return self.at - 1
        if self.peek() != closing:
            self.miss(f"',' or '{closing}'")
            if self.peek() not in ('"', "{", "[") and not self.text.startswith("${", self.at):
                raise _Stop
        return None

    def colon(self) -> None:
        self.space()
        if self.peek() != ":":
            self.miss("':'")
            if self.peek() != "=":
                raise _Stop
        self.at += 1
        self.space()

    def member_name(self) -> str | None:
        """A member name without its escapes; ``None`` after a fault that was passed over."""
        self.curly_at = None
        start, char = self.at, self.peek()
        if char == '"':
            known = len(self.placeholders)
            name = self.string()
            for inside in self.placeholders[known:]:
                self.note(inside.offset, "JSN-008", length=inside.end - inside.offset)
            return name
        if char in _SINGLE_QUOTES or _CURLY.match(char):
            self.wrong_quotes()
            return None
        if self.text.startswith("${", start):
            self.at, _ = self.source.placeholder(start, inside_string=False, ends=_PLACEHOLDER_ENDS)
            self.note(start, "JSN-008", length=self.at - start)
            return None
        self.miss("a member name in double quotes")
        if not self.matched(_WORD):
            raise _Stop
        return None

    # Strings

    def string(self) -> str:
        """A string from its opening quote; gives its text, placeholders as typed."""
        start, parts = self.at, list[str]()
        self.at += 1
        while True:
            stop = _STRING_STOP.search(self.text, self.at)
            parts.append(self.text[self.at : stop.start() if stop else None])
            self.at = stop.start() if stop else len(self.text)
            char = self.peek()
            if char in ('"', ""):
                curly = _CURLY.search(self.text, start, self.at)
                self.curly_at = curly.start() if curly else None
            if char == '"':
                self.at += 1
                return "".join(parts)
            if char == "":
                self.stop("'\"'")
            if char == "\\":
                parts.append(self.escape())
            elif char == "$":
                parts.append(self.dollar())
            else:
                self.control(start)

    def dollar(self) -> str:
        """``$${``, a placeholder, or a plain ``$`` inside a string."""
        start = self.at
        if self.text.startswith("$${", start):
            self.escapes.append(start)
            self.at += 3
            return "${"
        if self.text.startswith("${", start):
            self.placeholder(inside_string=True)
        else:
            self.at += 1
        return self.text[start : self.at]

    def placeholder(self, *, inside_string: bool) -> None:
        start = self.at
        self.at, read = self.source.placeholder(start, inside_string=inside_string, ends=_PLACEHOLDER_ENDS)
        if isinstance(read, Placeholder):
            self.placeholders.append(read)
            return
        if read.code == "JSN-005" and not inside_string:
            self.at = start + 2
            self.matched(_PATH_LIKE)
        self.keep(read)

    def escape(self) -> str:
        start, kind = self.at, self.text[self.at + 1 : self.at + 2]
        code = self.code_unit(start)
        if kind in _ESCAPES:
            self.at += 2
            return _ESCAPES[kind]
        if code is None:
            self.at += 2 if kind.isprintable() else 1
            expected = "four hexadecimal digits after \\u" if kind == "u" else "an escape such as \\n or \\\\"
            found = f"'{shorten(self.text[start : start + (6 if kind == 'u' else 2)])}'"
            self.note(start, "JSN-002", length=2, values={"found": found, "expected": expected})
            return ""
        self.at += 6
        low = self.code_unit(self.at)
        if 0xD800 <= code <= 0xDBFF and low is not None and 0xDC00 <= low <= 0xDFFF:
            self.at += 6
            return chr(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00))
        if code == 0 or 0xD800 <= code <= 0xDFFF:
            self.refuse("The character NUL" if code == 0 else "An unpaired surrogate", offset=start, length=6)
        return chr(code)

    def code_unit(self, at: int) -> int | None:
        digits = _HEX4.match(self.text, at + 2) if self.text.startswith("\\u", at) else None
        return int(digits[0], 16) if digits else None

    def control(self, string_start: int) -> None:
        """What may not stand raw in a string. A line break there is mostly a quote forgotten before it."""
        start, char = self.at, self.peek()
        if char in "\r\n":
            closing = self.text.find('"', start)
            if closing < 0 or not _VALUE_END.match(self.text, closing + 1):
                curly = _CURLY.search(self.text, string_start, start)
                self.curly_at = curly.start() if curly else None
                self.stop("'\"'", "The end of the line")
        self.at += 2 if self.text.startswith("\r\n", start) else 1
        thing = "An unpaired surrogate" if char >= "\ud800" else "A control character in text"
        self.refuse(_CONTROLS.get(char, thing), offset=start, length=self.at - start)

    def wrong_quotes(self) -> None:
        """A text in single or curly quotes, as word processors and other languages write it."""
        start = self.at
        closers = _SINGLE_QUOTES.get(self.peek(), _DOUBLE_QUOTES)
        line = self.matched(_LINE_REST)
        ends = [start + at for at in range(1, len(line)) if line[at] in closers]
        if not ends:
            self.note(start, "JSN-011", length=1)
            raise _Stop
        end = next((at for at in ends if _VALUE_END.match(self.text, at + 1)), ends[0])
        self.at = end + 1
        self.note(start, "JSN-011", length=self.at - start, fix=_straight(self.text[start + 1 : end]))

    # What stands without quotes

    def bare(self, at_root: bool) -> None:
        """A placeholder, a number, true, false, null, or a text that somebody forgot to quote."""
        start, known = self.at, len(self.faults)
        placeholders = self.run()
        text = self.text[start : self.at]
        if not text:
            self.stop("'{'" if at_root else "a value")
        if len(self.faults) > known:
            return
        if placeholders == 0:
            self.literal(start, text, at_root)
        elif text.count("${") > 1 or text[:2] != "${" or text[-1] != "}" or self.peek() == '"':
            self.mixed(start, at_root)
        elif at_root:
            self.root = "placeholder"

    def run(self) -> int:
        """An unquoted run of characters up to the next delimiter; how many placeholders are in it."""
        count = 0
        while self.at < len(self.text):
            char = self.peek()
            if self.text.startswith("${", self.at):
                self.placeholder(inside_string=False)
                count += 1
            elif self.text.startswith("$${", self.at):
                self.at += 3
            elif char in " \t":
                start = self.at
                self.matched(_BLANKS)
                if self.peek() in _DELIMITERS or _COMMENT.match(self.text, self.at):
                    self.at = start
                    break
            elif char in _DELIMITERS:
                break
            else:
                self.at += 1
        return count

    def mixed(self, start: int, at_root: bool) -> None:
        """JSN-009: text, strings and placeholders side by side; the fix is one string of all of them."""
        parts = [self.quotable(start)]
        while self.peek() and (self.peek() == '"' or self.peek() not in _DELIMITERS + " \t"):
            part = self.at
            self.string() if self.peek() == '"' else self.run()
            parts.append(self.quotable(part))
        if not at_root:
            self.note(start, "JSN-009", length=self.at - start, fix=f'"{"".join(parts)}"')

    def quotable(self, start: int) -> str:
        text = self.text[start : self.at]
        return text[1:-1] if text[:1] == '"' else text.replace("\\", "\\\\")

    def literal(self, start: int, text: str, at_root: bool) -> None:
        thing = barewords.refused_thing(text)
        if thing is not None:
            self.refuse(thing, offset=start, length=len(text))
        elif not at_root and not barewords.is_json_literal(text):
            values = {"found": f"'{shorten(text, 20)}'", "expected": barewords.meant(text)}
            self.note(start, "JSN-002", values=values)
