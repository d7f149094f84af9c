"""Reads the text of a ZEN expression: tokens, the keys it uses, and what must not stand in it (designer 1.13, EXP codes).

ZEN itself takes unknown names for null, knows the clock and chance, and reports many faults without a place. A condition
that may decide a process has to be stricter, so its text is looked at here before ZEN compiles it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from engine.core.paths import Path
from engine.core.placeholders import Source, shorten

_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r"|(?P<string>\"[^\"]*\"|'[^']*')"
    r"|(?P<number>[0-9](?:[0-9_]|\.(?!\.))*(?:e[+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_$#][A-Za-z0-9_$#]*)"
    r"|(?P<operator>===|!==|==|!=|<=|>=|&&|\|\||\?\?|\.\.|[-+*/%^<>!=?:,.()\[\]{}])"
)
_TEMPLATE_TEXT = re.compile(r"(?:[^`$]|\$(?!\{))*")
_FOREIGN_WORD = re.compile(r"[\w-]+")
_FOREIGN: Final = {"&&": "and", "||": "or", "===": "==", "!==": "!=", "=": "=="}
_WORDS: Final = {"and", "or", "not", "in", "true", "false", "null", "as"}
_ROOTS: Final = {"input", "config"}
_CLOCK_METHODS: Final = {"isToday", "isYesterday", "isTomorrow"}
_DATE_PARTS: Final = ("year", "dayOfWeek", "dayOfMonth", "dayOfYear", "weekOfYear", "monthOfYear")
_DATE_TEXTS: Final = ("monthString", "dateString", "weekdayString")
DATE_FUNCTIONS: Final = frozenset(("date", "time", "startOf", "endOf", *_DATE_PARTS, *_DATE_TEXTS))


class ExpressionError(ValueError):
    """An expression that cannot be used: EXP-001 to EXP-004 with the values of its text, its place (line and column
    from 1, 0 where there is none), and the ``fix`` that replaces ``length`` characters from ``offset``."""

    def __init__(
        self,
        code: str,
        values: dict[str, str] | None = None,
        *,
        line: int = 0,
        column: int = 0,
        fix: str | None = None,
        offset: int = 0,
        length: int = 0,
    ) -> None:
        self.code = code
        self.values = values or {}
        self.line = line
        self.column = column
        self.fix = fix
        self.offset = offset
        self.length = length
        super().__init__(" ".join([code, *self.values.values()]))


@dataclass(frozen=True, slots=True)
class Token:
    """One token: space, string, number, name, operator or text (of a template); ``start`` and ``end`` are offsets."""

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Reference:
    """A key that an expression reads: ``input.a.b`` is root ``input`` and path ``("a", "b")``; an empty path is all.

    ``text`` is the key as typed, ``first`` and ``last`` are the positions of its tokens.
    """

    root: str
    path: Path
    text: str
    first: int
    last: int


class ZenText:
    """The text of one expression and its tokens. Raises ``ExpressionError`` for what can be told from the text alone."""

    def __init__(self, text: str, is_function: Callable[[str], bool]) -> None:
        self.source = Source(text)
        self.text = text
        self.tokens = [token for token in self._read() if token.kind != "space"]
        self._is_function = is_function
        self._names_of_items = {
            self.at(index + 1).text
            for index, token in enumerate(self.tokens)
            if token.text == "as" and self.at(index - 1).text != "."
        }
        for index, token in enumerate(self.tokens):
            self._check(index, token)
        self.references = list(self._references())

    def error(self, code: str, start: int, end: int, values: dict[str, str], fix: str | None = None) -> ExpressionError:
        """An error about the characters from ``start`` to ``end``, which the fix replaces."""
        line, column = self.source.place(start)
        return ExpressionError(code, values, line=line, column=column, fix=fix, offset=start, length=end - start)

    def unreadable(self, token: Token, reason: str, fix: str | None = None) -> ExpressionError:
        """EXP-002 about one token."""
        values = {"part": shorten(token.text, 20), "reason": reason}
        return self.error("EXP-002", token.start, token.end, values, fix)

    def calls(self, names: Sequence[str] | frozenset[str]) -> bool:
        """Whether one of these functions is called."""
        return any(token.text in names and self._is_call(index) for index, token in enumerate(self.tokens))

    def _read(self) -> Iterator[Token]:
        at, brackets = 0, list[str]()
        while at < len(self.text):
            if self.text[at] == "`" or (brackets and brackets[-1] == "${" and self.text[at] == "}"):
                opening = self.text[at] == "`"
                if not opening:
                    brackets.pop()
                literal = _TEMPLATE_TEXT.match(self.text, at + 1)
                end = literal.end() if literal else at + 1
                yield Token("text", self.text[at:end], at, end)
                if end >= len(self.text):
                    raise self.unreadable(Token("text", "`", at, at + 1), "the closing ` is missing")
                at = end + (1 if self.text[end] == "`" else 2)
                if self.text[end] == "$":
                    brackets.append("${")
                    yield Token("operator", "${", end, at)
                continue
            match = _TOKEN.match(self.text, at)
            if match is None:
                raise self._foreign(at)
            kind, text = match.lastgroup or "", match[0]
            if text in ("{", "${"):
                brackets.append(text)
            elif text == "}" and brackets:
                brackets.pop()
            yield Token(kind, text, at, match.end())
            at = match.end()
        if "${" in brackets:
            raise self.unreadable(Token("text", "${", *self._template_start()), "its closing } is missing")

    def _template_start(self) -> tuple[int, int]:
        start = self.text.rfind("${")
        return start, start + 2

    def _foreign(self, at: int) -> ExpressionError:
        """What no token begins with: a quote that is not closed, a letter that ZEN takes only inside quotes."""
        char = self.text[at]
        if char in "\"'":
            return self.unreadable(Token("string", char, at, at + 1), "the closing quote is missing")
        if char in "“”„‟‘’‚«»":
            return self.unreadable(Token("string", char, at, at + 1), "use straight quotes")
        start = at
        while start and (self.text[start - 1].isalnum() or self.text[start - 1] in "_-"):
            start -= 1
        word = _FOREIGN_WORD.match(self.text, start)
        if word is None or word.end() <= at:
            return self.unreadable(Token("", char, at, at + 1), "this character has no meaning here")
        quoted = f'["{word[0]}"]'
        if start and self.text[start - 1] == ".":
            values = {"part": shorten(word[0], 20), "reason": f"write {quoted}"}
            return self.error("EXP-002", start - 1, word.end(), values, quoted)
        return self.error("EXP-003", start, word.end(), {"x": shorten(word[0])}, f"input{quoted}")

    def at(self, index: int) -> Token:
        """The token at a position, an empty one beyond both ends."""
        return self.tokens[index] if 0 <= index < len(self.tokens) else Token("", "", len(self.text), len(self.text))

    def _is_call(self, index: int) -> bool:
        return self.at(index).kind == "name" and self.at(index + 1).text == "("

    def _check(self, index: int, token: Token) -> None:
        before, after = self.at(index - 1), self.at(index + 1)
        if token.text in _FOREIGN and token.kind == "operator":
            good = _FOREIGN[token.text]
            raise self.unreadable(token, f"write {good}", good)
        if token.kind == "number" and before.text == ".":
            digits = re.match("[0-9]+", token.text)
            position = digits[0] if digits else ""
            values = {"part": position, "reason": f"write [{position}] for an entry of a list"}
            raise self.error("EXP-002", before.start, token.start + len(position), values, f"[{position}]")
        if token.kind == "name" and self._is_call(index):
            self._check_call(index, token)
        elif token.kind == "name" and before.text != "." and not (after.text == ":" and before.text in ("{", ",")):
            self._check_name(index, token)

    def _check_call(self, index: int, token: Token) -> None:
        is_method = self.at(index - 1).text == "."
        if token.text in _CLOCK_METHODS if is_method else self._tells_time(index):
            close = next((after for after in self.tokens[index:] if after.text == ")"), token)
            shown = token.text if token.text == "rand" else self.text[token.start : close.end]
            raise self.error("EXP-004", token.start, close.end, {"f": shorten(shown)})
        if not is_method and token.text not in _WORDS and not self._is_function(token.text):
            raise self.unreadable(token, "there is no such function")

    def _tells_time(self, index: int) -> bool:
        """Whether the function called here answers differently each time: chance, today, the time in a zone."""
        name, argument, then = self.at(index).text, self.at(index + 2), self.at(index + 3)
        content = argument.text[1:-1] if argument.kind == "string" else ""
        if name == "d":
            return argument.text == ")" or (content[:1].isalpha() and then.text == ")")
        return name == "rand" or (name in DATE_FUNCTIONS and content == "now")

    def _check_name(self, index: int, token: Token) -> None:
        name = token.text
        if name in _ROOTS or name in _WORDS or name in self._names_of_items or name.startswith("#"):
            return
        if name == "rand":
            raise self.error("EXP-004", token.start, token.end, {"f": name})
        dash, start = self.at(index - 1), self.at(index - 3)
        if dash.text == "-" and dash.end == token.start and start.text == "." and self.at(index - 2).end == dash.start:
            fix = f'["{self.at(index - 2).text}-{name}"]'
            raise self.error("EXP-003", start.start, token.end, {"x": name}, fix)
        fix = name.lower() if name.lower() in _ROOTS else f"input.{name}"
        raise self.error("EXP-003", token.start, token.end, {"x": shorten(name)}, None if name.startswith("$") else fix)

    def _references(self) -> Iterator[Reference]:
        index = 0
        while index < len(self.tokens):
            token = self.tokens[index]
            first = index
            index += 1
            if token.kind == "name" and token.text in _ROOTS and self.at(first - 1).text != ".":
                path: list[str | int] = []
                while (step := self._step(index)) is not None:
                    segment, index = step
                    path.append(segment)
                text = self.text[token.start : self.tokens[index - 1].end]
                yield Reference(token.text, tuple(path), text, first, index - 1)

    def _step(self, index: int) -> tuple[str | int, int] | None:
        """One ``.name``, ``["name"]`` or ``[0]`` of a key, and the position behind it."""
        opening, inner, closing = self.at(index), self.at(index + 1), self.at(index + 2)
        if opening.text == "." and inner.kind == "name" and not self._is_call(index + 1):
            return inner.text, index + 2
        if opening.text == "[" and closing.text == "]":
            if inner.kind == "string":
                return inner.text[1:-1], index + 3
            if inner.kind == "number" and inner.text.isdigit() and len(inner.text) < 10:
                return int(inner.text), index + 3
        return None
