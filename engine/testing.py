"""Test your own processes in a few lines, without Kafka, Redis or a worker: public, and used by our own scenario tests.

A `Bench` publishes processes, starts instances, moves a clock of its own and fires what comes due in order. A `Run` is one
instance: execute its actions, read what was sent to Kafka and to browsers, answer, look at data and journal. Everything goes
through `engine.runtime` and the database, as in production; only time stands still until `advance`. Rights are not checked.
See `docs/how-to/test-a-process.md`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Min

from engine import clock, configuration, publishing, runtime, snapshots, starting, timer_starts
from engine.core import durations, jsonio
from engine.core.stimuli import (
    Actor,
    Done,
    Execute,
    MessageReceived,
    Outcome,
    Refused,
    Request,
    Retry,
    Start,
    Stimulus,
    TimerDue,
)
from engine.models import Incident, Instance, JournalEntry, OutboxMessage, PublishedProcess, Timer, TimerStart, Token
from flowx_site.config import config

BEGIN = datetime(2030, 1, 7, 9, tzinfo=UTC)
"""A Monday morning: the moment at which a bench's clock starts unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A record that a Kafka Send action has sent. `value` is parsed; `headers` are text, as an external system reads them."""

    topic: str
    key: str | None
    value: Any
    headers: Mapping[str, str]
    action: str
    request: Request


class Bench:
    """A clock, and the processes and instances of one test. Made by `bench()`."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.user = Actor("tester")

    def publish(self, snapshot: Mapping[str, Any]) -> None:
        """Publish a snapshot (`engine/core/snapshot.schema.json`). An export file: `designer.testing.publish_file`."""
        publishing.publish_snapshot(snapshot, published_by=self.user.name)

    def start(self, process_name: str, params: Mapping[str, Any] | None = None, **fields: Any) -> Run:
        """Start the published version with these values; `startCondition` and `flowName` are values like others.

        Raises `LookupError` for a name that is not published, `Refusal` for a start that the engine refuses.
        """
        published = PublishedProcess.objects.filter(name_key=process_name.lower()).first()
        if published is None:
            raise LookupError(f"'{process_name}' is not published on this bench.")
        body = dict(params or {})
        made = uuid.uuid4()
        condition = starting.start_condition(body)
        self.apply(Start(made, published.snapshot_id, body, self.user, start_condition=condition, **fields))
        return Run(self, made)

    def perform(self, frame: Mapping[str, Any], client_data: Mapping[str, Any] | None = None) -> Run:
        """Do what a browser does with a RunAction frame: start its process with values inherited (engine 8.4)."""
        action, related = frame["action"], Instance.objects.get(uuid=frame["processInstanceUuid"])
        params = dict(action.get("params") or {})
        body = {key: value for key, value in (client_data or {}).items() if key in action.get("clientDataKeys", ())}
        if condition := params.pop("startCondition", None):
            body["startCondition"] = condition
        values = {**starting.inherited(related, params), **body}
        parent = {"parent_id": related.id, "parent_uuid": related.uuid, "relation": "INHERITED"}
        return self.start(action["processName"], values, **parent)

    def advance(self, by: timedelta | str) -> int:
        """Move the clock, by a timedelta or an ISO 8601 duration, and fire what comes due on the way, in order.

        Active timer starts make their instances. Gives how many timers were fired.
        """
        zone = ZoneInfo(config.time_zone)
        until = self.now + by if isinstance(by, timedelta) else durations.parse_duration(by).after(self.now, zone)
        fired = 0
        while (due := self._next_due()) and due <= until:
            self.now = max(self.now, due)
            with clock.taken_from(lambda: self.now):
                timer_starts.start_due()
            for timer in Timer.objects.filter(state="PENDING", due_at__lte=self.now).order_by("due_at", "id"):
                self.apply(TimerDue(_uuid_of(timer.instance_id), timer.id, timer.due_at))
                fired += 1
        self.now = until
        return fired

    def activate(self, process_name: str) -> None:
        """Switch on the timer start of a process, which is suspended at first (engine 5.4)."""
        with clock.taken_from(lambda: self.now):
            timer_starts.activate(process_name, user=self.user.name)

    def _next_due(self) -> datetime | None:
        timer = Timer.objects.filter(state="PENDING").aggregate(due=Min("due_at"))["due"]
        start = TimerStart.objects.aggregate(due=Min("next_due_at"))["due"]
        return min((due for due in (timer, start) if due is not None), default=None)

    def runs(self, process_name: str) -> list[Run]:
        """All instances of a process, oldest first, subprocesses too."""
        rows = Instance.objects.filter(process_name__iexact=process_name).order_by("id")
        return [Run(self, row.uuid) for row in rows]

    def apply(self, stimulus: Stimulus) -> Done:
        """Apply any stimulus of `engine.core.stimuli`, operator commands too. Raises the `Refusal` of a refused one."""
        with clock.taken_from(lambda: self.now):
            [outcome] = runtime.apply([stimulus])
        return _done(outcome)


class Run:
    """One instance on a bench. Every property is read from the database."""

    def __init__(self, bench: Bench, instance_uuid: uuid.UUID) -> None:
        self.bench = bench
        self.uuid = instance_uuid

    @property
    def row(self) -> Instance:
        return Instance.objects.get(uuid=self.uuid)

    @property
    def state(self) -> str:
        """`STARTED`, `FINISHED` ... (engine 2.1)."""
        return self.row.state

    @property
    def params(self) -> Any:
        """The instance's data."""
        return jsonio.loads(self.row.params)

    @property
    def nodes(self) -> list[str]:
        """Names of the nodes on which its active tokens are, oldest token first."""
        return [token.current_node_name for token in self._tokens()]

    @property
    def incidents(self) -> list[str]:
        """Messages of the open incidents, oldest first."""
        rows = Incident.objects.filter(instance_id=self.row.id, closed_at=None).order_by("id")
        return [row.message for row in rows]

    @property
    def subprocesses(self) -> list[Run]:
        """Its direct subprocesses, oldest first."""
        rows = Instance.objects.filter(parent_id=self.row.id, relation="SUBPROCESS").order_by("id")
        return [Run(self.bench, row.uuid) for row in rows]

    def execute(self, action_name: str, body: Mapping[str, Any] | None = None, *, node: str = "") -> Done:
        """Run a manual action as a browser does. With several tokens `node` says whose; a back action works as well."""
        return self.bench.apply(
            Execute(self.uuid, self._token(node, action_name).uuid, action_name, body or {}, self.bench.user)
        )

    def retry(self, *, node: str = "") -> Done:
        """Retry the step that failed on the only token, or on the one at `node`."""
        return self.bench.apply(Retry(self.uuid, self._token(node).uuid, self.bench.user, "test"))

    def sent(self, topic: str = "") -> list[Sent]:
        """What was sent to Kafka, in order; with `topic` only that."""
        rows = OutboxMessage.objects.filter(instance_id=self.row.id).order_by("seq")
        return [_sent(row) for row in rows if not topic or row.topic == topic]

    def answer(
        self, value: Any, *, to: Sent | None = None, topic: str = "", headers: Mapping[str, str] | None = None
    ) -> str:
        """Let an external system answer; gives what became of the record: `applied`, `early`, `late` ... (engine 6.6).

        `to` is the record that it answers, whose headers it sends back; `topic` defaults to the one that the instance listens
        on, if that is only one.
        """
        echoed = {**(to.headers if to is not None else {}), **(headers or {})}
        done = self.bench.apply(
            MessageReceived(
                self.uuid,
                topic or self._only_topic(),
                value,
                jsonio.dumps(value).encode(),
                self.bench.now,
                headers=echoed,
                message_id=uuid.uuid4(),
                request=None if to is None else to.request,
            )
        )
        return str(done.answer["record"])

    def frames(self, *types: str) -> list[dict[str, Any]]:
        """Frames to browsers in order: of types `data`, `action`, `progress`, `state`, or all (engine 8.5)."""
        rows = JournalEntry.objects.filter(instance_id=self.row.id, frame_seq__isnull=False).order_by("frame_seq")
        loaded: list[Any] = [
            jsonio.loads(row.payload or "null") for row in rows if not types or row.frame_type in types
        ]
        return loaded

    def data(self) -> list[Any]:
        """The messages that browsers got, without what surrounds them."""
        return [frame["data"] for frame in self.frames("data")]

    def journal(self, *events: str) -> list[str]:
        """The journal as lines such as `Advance Bike reserved` or `Execute action askWarehouse`; with `events` only those."""
        rows = JournalEntry.objects.filter(instance_id=self.row.id, frame_seq=None).order_by("number")
        chosen = [row for row in rows if not events or row.event in events]
        return [" ".join(part for part in (row.event, row.action_name or row.node_name) if part) for row in chosen]

    def assert_journal(self, *lines: str) -> None:
        """These lines stand in the journal in this order; others may stand between them."""
        written = self.journal()
        rest = iter(written)
        missing = next((line for line in lines if line not in rest), None)
        if missing is not None:
            raise AssertionError(f"'{missing}' is not in the journal, or not at its place:\n  " + "\n  ".join(written))

    def _tokens(self) -> list[Token]:
        return list(Token.objects.filter(instance_id=self.row.id, state="ACTIVE").order_by("id"))

    def _token(self, node: str, action_name: str = "") -> Token:
        found = [token for token in self._tokens() if not node or token.current_node_name == node]
        if len(found) > 1 and action_name:
            nodes = snapshots.graph(self.row.snapshot_id).nodes
            found = [token for token in found if nodes[token.current_node_id].action_named(action_name)] or found
        if len(found) != 1:
            raise LookupError(f"{len(found)} active tokens fit; they are on: {', '.join(self.nodes) or 'none'}.")
        return found[0]

    def _only_topic(self) -> str:
        nodes = snapshots.graph(self.row.snapshot_id).nodes
        known = configuration.scenarios()
        topics = {topic for token in self._tokens() for topic in nodes[token.current_node_id].topics(known)}
        if len(topics) != 1:
            raise LookupError(f"Name the topic: the instance listens on {', '.join(sorted(topics)) or 'none'}.")
        return topics.pop()


@contextmanager
def bench(now: datetime = BEGIN) -> Iterator[Bench]:
    """A bench whose clock shows `now`. Needs a test database (`pytest.mark.django_db`, `django.test.TestCase`)."""
    made = Bench(now)
    with clock.taken_from(lambda: made.now):
        yield made


def _done(outcome: Outcome) -> Done:
    if isinstance(outcome, Refused):
        raise outcome.refusal
    if not isinstance(outcome, Done):
        raise outcome.error
    return outcome


def _uuid_of(instance_id: int) -> uuid.UUID:
    return Instance.objects.values_list("uuid", flat=True).get(id=instance_id)


def _sent(row: OutboxMessage) -> Sent:
    headers: Any = jsonio.loads(row.headers)
    headers = {name: text for name, text in headers.items() if isinstance(text, str)} | {"Fx-MessageId": str(row.id)}
    request = Request(row.visit_number or 0, row.action_id or 0, row.run)
    return Sent(row.topic, row.key, jsonio.loads(row.value), headers, row.action_name, request)
