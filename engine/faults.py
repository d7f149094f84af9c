"""Planted fault points: named places right before and right after a commit, a produce, an acknowledgement.

A test of an OS process sets `FLOWX_FAULT=relay.after_ack=kill` (or `=raise`) and sees what is left at the worst moment.
`=kill@3` lets the place pass twice first. Without the variable, and always in production, a point does nothing.
"""

from __future__ import annotations

import os
import signal
import threading

from flowx_site.config import config


class PlantedFault(Exception):
    """Raised at a fault point that a test has armed with `raise`."""


def read(text: str) -> tuple[str, str, int]:
    """Name, deed and the count at which it happens; an empty name when nothing is armed."""
    name, _, deed = text.partition("=")
    deed, _, count = (deed or "kill").partition("@")
    return name.strip(), deed, int(count or 1)


ARMED, DEED, AT = ("", "", 0) if config.production else read(os.environ.get("FLOWX_FAULT", ""))
_counting = threading.Lock()
_passed = 0


def point(name: str) -> None:
    """Die or raise here when a test has armed this place."""
    global _passed
    if name != ARMED:
        return
    with _counting:
        _passed += 1
        if _passed != AT:
            return
    if DEED == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise PlantedFault(name)
