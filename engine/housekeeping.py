"""What is deleted when its time is over, hourly and in batches (engine 15.6): temporary uploads, ids of handled requests."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from engine import uploads
from engine.models import HandledRequest
from flowx_site.config import config

AT_ONCE = 1000


@shared_task(name="engine.housekeeping.tidy")  # type: ignore[untyped-decorator]
def tidy() -> int:
    """Delete what is old; gives how much."""
    now = timezone.now()
    deleted = 0
    while swept := uploads.sweep(now):
        deleted += swept
    while forgotten := _forget_handled():
        deleted += forgotten
    return deleted


def _forget_handled() -> int:
    """Ids are kept as long as records that came too late: a copy that comes after that is a new request."""
    old = HandledRequest.objects.filter(at__lt=timezone.now() - config.keep_received)
    ids = list(old.values_list("message_id", flat=True)[:AT_ONCE])
    return HandledRequest.objects.filter(message_id__in=ids).delete()[0] if ids else 0
