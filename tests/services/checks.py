"""What must be true of the whole database after a fight: numbers without a gap, nothing left behind, the model's invariants."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from engine import snapshots
from engine.core.state import InstanceState
from engine.models import Instance, JournalEntry, OutboxMessage, PendingStimulus, Snapshot, Timer
from engine.storage import load
from tests.model import invariants
from tests.model.store import Store
from tests.services.postgres_server import PostgresServer

AT_ONCE = 500


def deadlocks(server: PostgresServer) -> int:
    """How many deadlocks PostgreSQL has broken up so far: by its counter, which may come late, and by its log."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(deadlocks) FROM pg_stat_database")
        counted = int(cursor.fetchone()[0])
    return max(counted, server.log.count("deadlock detected"))


def all_holds() -> None:
    """Everything below."""
    no_gap()
    nothing_left_behind()
    lists_fit()
    invariants_hold()


def no_gap() -> None:
    """Journal, frames and visits of every instance are numbered 1, 2, 3 ... up to what the instance says."""
    for table, number, last in (
        ("engine_journalentry", "number", "journal_seq"),
        ("engine_journalentry", "frame_seq", "frame_seq"),
        ("engine_visit", "number", "visit_seq"),
    ):
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT i.id, i.{last}, n.many, n.different, n.least, n.most FROM engine_instance i LEFT JOIN ("
                f"SELECT instance_id, count({number}) many, count(DISTINCT {number}) different, min({number}) least,"
                f" max({number}) most FROM {table} GROUP BY instance_id) n ON n.instance_id = i.id "
                f"WHERE coalesce(n.many, 0) <> i.{last} OR coalesce(n.different, 0) <> i.{last}"
                f" OR coalesce(n.least, 1) <> 1 OR coalesce(n.most, 0) <> i.{last}"
            )
            assert cursor.fetchall() == [], f"a gap in {table}.{number}"


def nothing_left_behind() -> None:
    """No effect on another tree waits, and what has come out of the outbox is there once."""
    assert not PendingStimulus.objects.exists()
    journaled = JournalEntry.objects.exclude(outbox_id=None).filter(event="Message Send")
    assert journaled.count() == journaled.values("outbox_id").distinct().count()
    assert OutboxMessage.objects.exclude(instance_id=None).count() >= journaled.count()


def lists_fit() -> None:
    """What lists and screens read of an instance is what its rows say."""
    due: dict[int, list[Any]] = {}
    for number, moment in Timer.objects.filter(state__in=["PENDING", "HELD"]).values_list("instance_id", "due_at"):
        due.setdefault(number, []).append(moment)
    for row in Instance.objects.all():
        moments = due.get(row.id, [])
        assert (row.pending_timers, row.next_due_at) == (len(moments), min(moments, default=None))


def invariants_hold() -> None:
    """The invariants of the model-based test, for every instance as it is stored."""
    store = Store({number: snapshots.graph(number) for number in Snapshot.objects.values_list("id", flat=True)})
    roots = Instance.objects.order_by("id").values_list("root_id", flat=True).distinct()
    by_root: dict[int, list[Any]] = {}
    for uuid, root in Instance.objects.filter(root_id__in=roots).values_list("uuid", "root_id"):
        by_root.setdefault(root, []).append(uuid)
    trees = list(by_root.values())
    for first in range(0, len(trees), AT_ONCE):
        uuids = [uuid for tree in trees[first : first + AT_ONCE] for uuid in tree]
        with transaction.atomic():
            store.instances = load.trees(uuids, snapshots.graph)
        store.journal = {}
        numbers = [state.id for state in store.instances.values()]
        entries = JournalEntry.objects.filter(instance_id__in=numbers).only(
            "instance_id", "number", "frame_seq", "at", "outbox_id"
        )
        for row in entries.order_by("instance_id", "number"):
            store.journal.setdefault(row.instance_id, []).append(row)  # type: ignore[arg-type]
        check_trees(store)


def check_trees(store: Store) -> None:
    """Those that one look can check, tree by tree: each instance's own, and of children with their parents."""
    trees: dict[int, dict[UUID, InstanceState]] = {}
    for uuid, state in store.instances.items():
        trees.setdefault(state.root_id, {})[uuid] = state
    for tree in trees.values():
        store.instances = tree
        for state in tree.values():
            graph = store.graph(state.snapshot_id)
            invariants.check_ends(state)
            invariants.check_tokens(state)
            invariants.check_counts(state, graph)
            invariants.check_timers(state, graph)
            invariants.check_numbers(store, state)
            invariants.check_children(store, state)


def entries(*events: str, action: str = "") -> Counter[str]:
    """How many journal entries of these kinds each user has caused."""
    found = JournalEntry.objects.filter(event__in=events)
    if action:
        found = found.filter(action_name=action)
    return Counter(found.values_list("user", flat=True))
