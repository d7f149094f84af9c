"""The clock of the engine: what `engine.runtime` and `engine.timers` take for now. Only `engine.testing` sets another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

from django.utils import timezone

_source: ContextVar[Callable[[], datetime]] = ContextVar("clock", default=timezone.now)


def now() -> datetime:
    """The moment of the transition at hand, aware, in UTC."""
    return _source.get()()


def is_own() -> bool:
    """Whether this thread has a clock of its own."""
    return _source.get() is not timezone.now


@contextmanager
def taken_from(source: Callable[[], datetime]) -> Iterator[None]:
    """Inside the block, in this thread, `source` says what time it is."""
    token = _source.set(source)
    try:
        yield
    finally:
        _source.reset(token)
