"""Temporary uploads: files sent to an upload action, kept for requests of their instance only (engine 4.8, 15.6).

A file lies in the default storage under `temp/{processInstanceUuid}/{tempFileId}`; its row says what it is called and how old it
is. File bytes never travel over Kafka: a plugin that gets a `tempFileId` opens it here, in the name of the request's instance.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone
from django.utils.module_loading import import_string

from engine.models import TemporaryUpload
from flowx_site.config import config

KEPT = timedelta(hours=24)
SWEPT_AT_ONCE = 500


class UploadNotFound(Exception):
    """There is no such temporary upload of this instance, or its 24 hours are over."""

    code = "NOT_FOUND"


class UploadRefused(Exception):
    """The scan refused the file."""


def store(instance_uuid: UUID, file: UploadedFile[bytes]) -> TemporaryUpload:
    """Scan and keep a file. Raises `UploadRefused` with the reason that `FLOWX_UPLOAD_SCAN` gives."""
    if config.upload_scan:
        scan: Callable[[UploadedFile[bytes]], str | None] = import_string(config.upload_scan)
        if reason := scan(file):
            raise UploadRefused(reason)
        file.seek(0)
    row = TemporaryUpload(
        id=uuid4(),
        instance_uuid=instance_uuid,
        name=(file.name or "file").replace("\0", "")[:255],
        content_type=(file.content_type or "").replace("\0", "")[:100],
        size_bytes=file.size or 0,
        created_at=timezone.now(),
    )
    row.save(force_insert=True)  # first, so that the sweep finds what a crash leaves behind
    default_storage.save(path_of(row), file)
    return row


def open_for(instance_uuid: UUID, temp_file_id: str) -> tuple[TemporaryUpload, File[bytes]]:
    """The file for a request of this instance. Raises `UploadNotFound`, whoever else's it may be."""
    try:
        wanted = UUID(temp_file_id)
    except ValueError:
        raise UploadNotFound from None
    living = TemporaryUpload.objects.filter(created_at__gt=timezone.now() - KEPT)
    row = living.filter(id=wanted, instance_uuid=instance_uuid).first()
    if row is None or not default_storage.exists(path_of(row)):
        raise UploadNotFound
    return row, default_storage.open(path_of(row))


def remove(row: TemporaryUpload) -> None:
    """Delete the file and its row."""
    default_storage.delete(path_of(row))
    row.delete()


def sweep(now: datetime) -> int:
    """Delete what is older than 24 hours, some hundred at once; gives how many."""
    old = list(TemporaryUpload.objects.filter(created_at__lte=now - KEPT).order_by("created_at")[:SWEPT_AT_ONCE])
    for row in old:
        remove(row)
    return len(old)


def path_of(row: TemporaryUpload) -> str:
    """Where the file lies in the default storage."""
    return f"temp/{row.instance_uuid}/{row.id}"
