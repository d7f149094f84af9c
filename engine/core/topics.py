"""Which names a Kafka topic may have (engine 6.3)."""

from __future__ import annotations

import re

LEGAL_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")


def is_legal(name: str) -> bool:
    """1 to 249 of letters, digits, `.`, `_`, `-`, and neither `.` nor `..`."""
    return LEGAL_TOPIC.fullmatch(name) is not None and name not in (".", "..")
