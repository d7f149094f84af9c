"""Everything the status page of one instance shows at once (engine 2.10, designer 4.2), read with a fixed number of statements.

What only one tab shows (messages, audit entries) has a function of its own, in the module named for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.db.models import Count, Max, Q

from engine import snapshots
from engine.core import jsonio
from engine.core.graph import Graph
from engine.core.state import OPEN_TOKEN, TERMINAL
from engine.models import (
    Incident,
    Instance,
    JournalEntry,
    OutboxMessage,
    ReceivedMessage,
    Snapshot,
    Timer,
    Token,
    Visit,
)

SHOWN_VISITS = 2000
SHOWN_ROWS = 200


@dataclass(frozen=True, slots=True)
class Child:
    """An instance that this one started, or that inherited from it, and how deep below it."""

    instance: Instance
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Traffic:
    """Counts of the instance's Kafka records."""

    sent: int = 0
    waiting: int = 0
    failed: int = 0
    received: int = 0
    kept: int = 0

    @property
    def total(self) -> int:
        return self.sent + self.waiting + self.failed + self.received + self.kept


@dataclass
class InstanceStatus:
    """An instance with all that stands around it."""

    instance: Instance
    graph: Graph | None
    drawn: bool
    tokens: list[Token]
    visits: list[Visit]
    timers: list[Timer]
    incidents: list[Incident]
    children: list[Child]
    traffic: Traffic
    now: datetime
    held: JournalEntry | None = None

    @property
    def ended(self) -> bool:
        return self.instance.state in TERMINAL

    @cached_property
    def params(self) -> dict[str, jsonio.Json]:
        found = jsonio.loads(self.instance.params or "{}")
        return found if isinstance(found, dict) else {}

    @property
    def open_tokens(self) -> list[Token]:
        return [token for token in self.tokens if token.state in OPEN_TOKEN]

    @property
    def open_incidents(self) -> list[Incident]:
        """The newest first."""
        return [incident for incident in self.incidents if incident.closed_at is None]

    @property
    def pending_timers(self) -> list[Timer]:
        """The next one first."""
        return [timer for timer in self.timers if timer.state in ("PENDING", "HELD")]

    @property
    def subprocesses(self) -> list[Child]:
        return [child for child in self.children if child.instance.relation == "SUBPROCESS"]

    def open_visit(self, token: Token) -> Visit | None:
        """The stay of the token on its node: its newest visit."""
        return next((visit for visit in reversed(self.visits) if visit.token_id == token.id), None)


def load(instance: Instance, *, now: datetime) -> InstanceStatus:
    """Read what belongs to an instance that the caller has found and may show: nine statements, whatever it holds."""
    row_id = instance.id
    visits = list(Visit.objects.filter(instance_id=row_id).order_by("-number")[:SHOWN_VISITS])
    visits.reverse()
    return InstanceStatus(
        instance=instance,
        graph=graph_of(instance),
        drawn=Snapshot.objects.filter(id=instance.snapshot_id).exclude(bpmn="").exists(),
        tokens=list(Token.objects.filter(instance_id=row_id).order_by("id")[:SHOWN_ROWS]),
        visits=visits,
        timers=list(Timer.objects.filter(instance_id=row_id).order_by("due_at", "id")[:SHOWN_ROWS]),
        incidents=list(Incident.objects.filter(instance_id=row_id).order_by("-id")[:SHOWN_ROWS]),
        children=children_of(instance),
        traffic=traffic_of(row_id),
        now=now,
        held=last_state_change(instance),
    )


def graph_of(instance: Instance) -> Graph | None:
    """The version that the instance runs; None when retention has taken it."""
    try:
        return snapshots.graph(instance.snapshot_id)
    except Snapshot.DoesNotExist:
        return None


def children_of(instance: Instance) -> list[Child]:
    """Subprocesses of any depth, and the instances that inherited from this one; one statement."""
    rows = list(
        Instance.objects.filter(Q(root_id=instance.root_id) | Q(parent_id=instance.id))
        .exclude(id=instance.id)
        .order_by("id")
        .defer("params", "start_params", "where")[: SHOWN_ROWS * 5]
    )
    depths = {instance.id: -1}
    found = []
    for row in rows:  # a child has a higher id than its parent
        parent_id = row.parent_id or 0
        if parent_id in depths and (row.relation == "SUBPROCESS" or parent_id == instance.id):
            depths[row.id] = depths[parent_id] + 1
            found.append(Child(row, depths[row.id]))
    return found


def traffic_of(instance_id: int) -> Traffic:
    """How many records left, wait and failed, and how many came; three statements."""
    out = dict(OutboxMessage.objects.filter(instance_id=instance_id).values_list("state").annotate(Count("seq")))
    applied = JournalEntry.objects.filter(instance_id=instance_id, event="Message Receive").count()
    kept = ReceivedMessage.objects.filter(instance_id=instance_id).exclude(state="applied").count()
    return Traffic(
        sent=out.get("sent", 0),
        waiting=out.get("queued", 0) + out.get("retrying", 0),
        failed=out.get("failed", 0),
        received=applied,
        kept=kept,
    )


def last_state_change(instance: Instance) -> JournalEntry | None:
    """Who held or ended the instance and why: asked only where somebody did."""
    if instance.state not in ("ON_HOLD", "TERMINATED", "DISMISSED", "ABORTED", "EXPIRED"):
        return None
    events = ("Hold", "Update state", "Dismiss", "Expire", "Abort")
    rows = JournalEntry.objects.filter(instance_id=instance.id, event__in=events, subject="Process Instance")
    return rows.order_by("-number").first()


def fingerprint(instance: Instance) -> str:
    """Changes whenever the status page would: the instance's revision and journal, and the delivery of its records."""
    out = OutboxMessage.objects.filter(instance_id=instance.id).aggregate(
        sent=Max("sent_at"), attempts=Max("attempts"), waiting=Count("seq", filter=Q(state__in=["queued", "retrying"]))
    )
    failed = Incident.objects.filter(instance_id=instance.id, closed_at=None).count()
    return f"{instance.revision}.{instance.journal_seq}.{out['sent']}.{out['attempts']}.{out['waiting']}.{failed}"
