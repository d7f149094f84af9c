"""Choices made of bytes, so that hypothesis can shrink them: zero is always the simplest one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Choices:
    """Picks numbers from bytes; when they are used up, every choice is the first one."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self, below: int) -> int:
        """A number from 0 to `below` - 1."""
        if self._at >= len(self._data) or below <= 1:
            return 0
        self._at += 1
        return self._data[self._at - 1] % below

    def one(self, options: Sequence[T]) -> T:
        return options[self.number(len(options))]

    def chance(self, percent: int) -> bool:
        """True in about `percent` of a hundred cases; false when the bytes are used up."""
        return self.number(100) >= 100 - percent
