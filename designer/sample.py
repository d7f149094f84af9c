"""The sample processes of the first run (designer 1.1): a leasing request with both message actions, and the process that its
Action message has the browser start. Loading them again changes nothing."""

from __future__ import annotations

from pathlib import Path

from django.contrib.auth.models import Group
from django.db import transaction

from designer.importing import import_version, read
from designer.models import Process, Version, VersionState
from designer.versions import DEFAULT_GROUP, User, grant, publish

SAMPLES = Path(__file__).with_name("samples")
NAMES = ("bike_advice", "bicycle_leasing_request")
"""In the order in which they are published: the second starts the first."""


@transaction.atomic
def load_sample(user: User | None = None) -> list[Version]:
    """Import and publish the samples that are not there, and let the default group use them.

    Gives the published versions; a process that staff have changed since, or deleted, is left as it is.
    """
    Group.objects.get_or_create(name=DEFAULT_GROUP)
    loaded = []
    for name in NAMES:
        if not Process.objects.filter(name__iexact=name).exists():
            version, _ = import_version(read((SAMPLES / f"{name}.json").read_bytes()), user=user)
            grant(name, [lane.name for lane in version.swimlanes.all()], DEFAULT_GROUP)
            publish(version, message="Sample process", user=user)
        published = Version.objects.filter(process__name__iexact=name, state=VersionState.PUBLISHED).first()
        if published is not None:
            loaded.append(published)
    return loaded
