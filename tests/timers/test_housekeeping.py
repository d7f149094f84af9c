"""What is deleted when its time is over (engine 15.6)."""

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from engine import housekeeping, uploads
from engine.models import HandledRequest, TemporaryUpload
from flowx_site.config import config

pytestmark = pytest.mark.django_db


def test_old_uploads_and_old_ids_go_and_young_ones_stay(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    now = timezone.now()
    old, young = (uploads.store(uuid.uuid4(), SimpleUploadedFile("a", b"x")) for _ in range(2))
    TemporaryUpload.objects.filter(pk=old.pk).update(created_at=now - timedelta(hours=25))
    for age in (config.keep_received + timedelta(days=1), timedelta(days=1)):
        HandledRequest.objects.create(message_id=uuid.uuid4(), at=now - age)

    assert housekeeping.tidy() == 2

    assert TemporaryUpload.objects.get() == young
    assert not default_storage.exists(uploads.path_of(old))
    assert HandledRequest.objects.count() == 1
