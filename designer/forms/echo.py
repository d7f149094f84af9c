"""A delay said in words as it is typed, with the moment it would run, and the quick picks under the field (designer 1.11)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils import timezone

from engine.core import durations
from engine.core.durations import TimerError
from flowx_site.config import config

PICKS = (("30 s", "PT30S"), ("5 min", "PT5M"), ("1 h", "PT1H"), ("1 day", "P1D"), ("7 days", "P7D"))


@dataclass(frozen=True, slots=True)
class Echo:
    """The words, and the moment as local text; both empty where the text is no delay."""

    words: str = ""
    clock: str = ""
    moment: datetime | None = None


def delay_echo(text: str, *, manual: bool = False) -> Echo:
    """'30 seconds after the action is triggered', and when that would be now."""
    text = text.strip()
    if not text:
        return Echo("Runs at once when it is run." if manual else "Runs at once when its turn comes.")
    if "${" in text:
        return Echo("Read from the data when the action is triggered.")
    try:
        duration = durations.parse_duration(text)
        moment = duration.after(timezone.now(), ZoneInfo(config.time_zone))
    except TimerError:
        return Echo()
    local = timezone.localtime(moment)
    clock = f"{local:%H:%M:%S}"
    if local.date() != timezone.localdate():
        clock = f"{local.day} {local:%b %Y}, {local:%H:%M}"
    return Echo(f"{durations.words(duration)} after the action is triggered.", clock, moment)
