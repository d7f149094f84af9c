"""Placeholders ``${path}`` and the faults of the texts they stand in (engine 6.4, designer 1.12 and 1.13).

Both kinds of template read a placeholder here, and both report what is wrong as ``Fault``: code, place, the values of
its text, and the replacement that mends it. Texts of the codes live in the designer's catalogue of checks.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from engine.core.paths import Path, PathError, parse

MAX_FAULTS: Final = 3

_LINE_BREAK = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. ``line`` and ``column`` count from 1, and are 0 where the fault has no place (JSN-001, JSN-014).

    ``values`` fill the gaps of the code's text, by name. ``fix``, where not ``None``, replaces the ``length``
    characters from ``offset``; an empty one takes them out.
    """

    code: str
    line: int
    column: int
    values: dict[str, str] = field(default_factory=dict)
    fix: str | None = None
    offset: int = 0
    length: int = 0


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One placeholder: its path, the path as typed, its place, and whether it stands inside a JSON string.

    ``offset`` and ``end`` are the character offsets of ``${`` and past ``}`` in the template.
    """

    path: Path
    text: str
    line: int
    column: int
    inside_string: bool
    offset: int = 0
    end: int = 0


def apply_fix(text: str, fault: Fault) -> str:
    """The text with the fault's fix put in; the same text where the fault has none."""
    if fault.fix is None:
        return text
    return text[: fault.offset] + fault.fix + text[fault.offset + fault.length :]


def shorten(text: str, limit: int = 60) -> str:
    """The text as it can be shown inside a sentence: cut, and invisible characters by their number."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(char if char.isprintable() else f"U+{ord(char):04X}" for char in cut)


class Source:
    """A text with its lines counted once, so that each place in it is found by bisection."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._lines = [0, *(match.end() for match in _LINE_BREAK.finditer(text))]

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1, of a character offset."""
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1

    def fault(
        self, offset: int, code: str, *, length: int = 0, fix: str | None = None, values: dict[str, str] | None = None
    ) -> Fault:
        """A fault at a character offset."""
        return Fault(code, *self.place(offset), values or {}, fix, offset, length)

    def placeholder(self, start: int, *, inside_string: bool, ends: str) -> tuple[int, Placeholder | Fault]:
        """The placeholder that begins with ``${`` at ``start``, or what is wrong with it, and the offset behind it.

        ``ends`` are the characters that cannot stand inside one: a missing ``}`` is found where it is missing.
        """
        text, depth, nested, at = self.text, 1, False, start + 2
        while depth and at < len(text) and text[at] not in ends:
            if text.startswith("${", at):
                depth, nested, at = depth + 1, True, at + 2
            else:
                depth, at = depth - (text[at] == "}"), at + 1
        if nested:
            return at, self.fault(start, "JSN-013", length=at - start)
        if depth:
            return at, self.fault(start, "JSN-005", length=2)
        content = text[start + 2 : at - 1].strip()
        if not content:
            return at, self.fault(start, "JSN-006", length=at - start)
        try:
            path = parse(content)
        except PathError:
            return at, self.fault(start, "JSN-007", length=at - start, values={"path": shorten(content)})
        return at, Placeholder(path, content, *self.place(start), inside_string, start, at)


def pieces_between(text: str, placeholders: Sequence[Placeholder], escapes: Sequence[int]) -> tuple[str, ...]:
    """The text before, between and behind the placeholders, with each ``$${`` (at ``escapes``) written as ``${``."""
    cuts = [(placeholder.offset, placeholder.end, True) for placeholder in placeholders]
    cuts += [(offset, offset + 1, False) for offset in escapes]
    pieces, piece, begin = list[str](), "", 0
    for start, end, parts in sorted(cuts):
        piece += text[begin:start]
        begin = end
        if parts:
            pieces.append(piece)
            piece = ""
    return (*pieces, piece + text[begin:])
