"""What the gateway's loops share: trouble is told when it begins and when it ends, not each second."""

from __future__ import annotations

import logging

from django.db import close_old_connections


class Trouble:
    """The trouble of one loop. `begin` after each failure, `end` after each success."""

    def __init__(self, log: logging.Logger, who: str) -> None:
        self._log = log
        self._who = who
        self.lasts = False

    def begin(self, error: Exception) -> None:
        """Tell a new trouble with its trace, and let go of database connections that may be broken."""
        if not self.lasts:
            self._log.error("%s stumbled and tries again each second: %s", self._who, error, exc_info=error)
        self.lasts = True
        close_old_connections()

    def end(self) -> None:
        if self.lasts:
            self._log.warning("%s goes on.", self._who)
        self.lasts = False
