"""Publish export files in users' process tests: the designer's own import and checks, beside a bench of `engine.testing`."""

from __future__ import annotations

from pathlib import Path

from designer.importing import import_version, read
from designer.models import Version
from designer.versions import VersionRefused, publish


class NotPublished(Exception):
    """The file cannot be imported, or the process in it holds blockers; the text lists them."""


def publish_file(path: Path | str) -> Version:
    """Import a process export and publish it, in place of a draft of that name. Raises `NotPublished`."""
    try:
        version, _ = import_version(read(Path(path).read_bytes()), replace=True)
        return publish(version, message="Test")
    except VersionRefused as refused:
        found = [f"{each.code} {each.node or each.action}: {each.message}" for each in refused.problems]
        raise NotPublished(f"{path}\n  " + "\n  ".join(found)) from refused
