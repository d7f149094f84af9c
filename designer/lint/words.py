"""Small wordings that several checks share."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def either(names: Iterable[str]) -> str:
    """'a', 'a or b', 'a, b or c'."""
    listed = list(names)
    if len(listed) < 2:
        return "".join(listed)
    return f"{', '.join(listed[:-1])} or {listed[-1]}"


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that is most like this one, or '' when none is alike."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.75)
    return found[0] if found else ""
