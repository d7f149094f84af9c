"""The clock of a socket (engine 8.6, 8.7): one value, given to the consumer, so that tests need not wait."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds, texts and bytes."""

    ready_s: float = 30.0  # without `ready` in this time the socket closes (4408)
    ping_s: float = 20.0
    recheck_s: float = 60.0  # how often login and rights are read again
    poll_s: float = 1.0  # a lost hint costs this much
    flood_texts: int = 10  # more texts than this within `flood_s` close the socket (4429)
    flood_s: float = 1.0
    max_text_bytes: int = 64 * 1024
    ticket_s: int = 60


DEFAULT = Timing()
