"""Compiled snapshots, kept by each OS process: a snapshot never changes, so it is read and compiled once (architecture 6)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from engine.core import jsonio
from engine.core.graph import Graph
from engine.models import Snapshot
from engine.storage import upgrade


@lru_cache(maxsize=512)
def graph(snapshot_id: int) -> Graph:
    """The compiled graph of a stored snapshot. Raises `Snapshot.DoesNotExist`."""
    loaded: Any = jsonio.loads(Snapshot.objects.values_list("body", flat=True).get(id=snapshot_id))
    return Graph.from_json(upgrade.upgraded_snapshot(loaded))


def forget() -> None:
    """For a process whose database was emptied (tests do that)."""
    graph.cache_clear()
