"""One stimulus at work: what the machine is given (`World`), what it changes (`Changes`), and the turn itself (`Turn`).

Nothing here reads a clock, a database or chance: time, ids and uuids come with the `World`. The runtime loads the states of a
batch into one `World`, takes one turn a stimulus, and stores what stands in `Changes` afterwards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from engine.core import jsonio
from engine.core.graph import Action, Graph, Node
from engine.core.integrations import Scenarios
from engine.core.state import (
    Entry,
    Incident,
    InstanceState,
    Kept,
    Outgoing,
    Subscription,
    Timer,
    TimerStatus,
    Token,
    Visit,
)
from engine.core.stimuli import FromElsewhere, Throw

MAX_STEPS = 1000
"""Node entries of one instance in one stimulus, over all its turns (engine 3.4)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes (engine 15.3), and how many records are kept for an instance (engine 6.6)."""

    params: int = 1024 * 1024
    frame: int = 256 * 1024
    record: int = 1024 * 1024
    kept: int = 1000


@dataclass(slots=True)
class Changes:
    """Everything a batch has to store, each object once."""

    instances: dict[int, InstanceState] = field(default_factory=dict)
    tokens: dict[int, tuple[InstanceState, Token]] = field(default_factory=dict)
    visits: dict[int, tuple[InstanceState, Visit]] = field(default_factory=dict)
    timers: dict[int, tuple[InstanceState, Timer]] = field(default_factory=dict)
    incidents: dict[int, tuple[InstanceState, Incident]] = field(default_factory=dict)
    journal: list[tuple[InstanceState, Entry]] = field(default_factory=list)
    outgoing: list[tuple[InstanceState, Outgoing]] = field(default_factory=list)
    kept: list[tuple[InstanceState, Kept]] = field(default_factory=list)
    restarts: list[tuple[InstanceState, str]] = field(default_factory=list)
    subscriptions: dict[int, tuple[InstanceState, Subscription]] = field(default_factory=dict)
    unsubscribed: set[int] = field(default_factory=set)
    elsewhere: list[FromElsewhere | Throw] = field(default_factory=list)


@dataclass(slots=True)
class World:
    """What the core is given for a batch."""

    now: datetime
    ids: Iterator[int]
    new_uuid: Callable[[], UUID]
    graph: Callable[[int], Graph]
    config: Mapping[str, str] = field(default_factory=dict)
    scenarios: Scenarios = field(default_factory=dict)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    limits: Limits = field(default_factory=Limits)
    published: Mapping[str, int] = field(default_factory=dict)  # process name in lower case -> snapshot id
    expire_subprocesses: bool = True
    websocket_path: str = "/ws/updates/process"
    websocket_address: str = ""
    instances: dict[UUID, InstanceState] = field(default_factory=dict)
    stored: set[int] = field(default_factory=set)  # ids of the rows that these came from
    changes: Changes = field(default_factory=Changes)
    newborn: list[InstanceState] = field(default_factory=list)  # made by an action, their first token still to come
    ended: list[InstanceState] = field(default_factory=list)  # subprocesses whose parent has still to be told
    steps: Counter[int] = field(default_factory=Counter)  # node entries of the stimulus at hand, by instance id
    born: int = 0  # subprocesses that it has started

    def instance_with_id(self, instance_id: int | None) -> InstanceState | None:
        return next((state for state in self.instances.values() if state.id == instance_id), None)

    def subprocesses(self, parent: InstanceState) -> list[InstanceState]:
        """The direct subprocesses of an instance."""
        return [
            state
            for state in self.instances.values()
            if state.parent_id == parent.id and state.relation == "SUBPROCESS"
        ]


class Turn:
    """One stimulus applied to one instance."""

    def __init__(self, world: World, state: InstanceState) -> None:
        self.world = world
        self.state = state
        self.graph = world.graph(state.snapshot_id)
        self.now = world.now
        self.user = ""
        self.moved: dict[int, Token] = {}
        self._ready: list[Token] = []
        self._told = (state.state, self.has_incident, self._lanes())

    @property
    def has_incident(self) -> bool:
        return any(incident.closed_at is None for incident in self.state.incidents.values())

    def _lanes(self) -> tuple[str, ...]:
        lanes = [token.swimlane for token in self.state.open_tokens()]
        return tuple(sorted(lanes) if len(lanes) > 1 else lanes)

    def count_step(self) -> None:
        """One more node entered, or passed over."""
        self.world.steps[self.state.id] += 1

    @property
    def may_go_on(self) -> bool:
        """Whether the stimulus has not yet taken as many steps in this instance as it may."""
        return self.world.steps[self.state.id] < MAX_STEPS

    def set_ready(self, token: Token) -> None:
        """Another token may go on once the one at work rests."""
        self._ready.append(token)

    def take_ready(self) -> list[Token]:
        ready, self._ready = self._ready, []
        return ready

    # -- remembering what changed ---------------------------------------------------------------------------------

    def changed_token(self, token: Token) -> None:
        if token.id not in self.world.changes.tokens:
            token.version += 1
            self.world.changes.tokens[token.id] = (self.state, token)
            self.world.changes.instances[self.state.id] = self.state
        token.updated_at = self.now

    def changed_visit(self, visit: Visit) -> None:
        self.world.changes.visits[visit.id] = (self.state, visit)

    def changed_timer(self, timer: Timer) -> None:
        self.world.changes.timers[timer.id] = (self.state, timer)

    def changed_incident(self, incident: Incident) -> None:
        self.world.changes.incidents[incident.id] = (self.state, incident)

    def changed_kept(self, kept: Kept) -> None:
        if not any(known is kept for _, known in self.world.changes.kept):
            self.world.changes.kept.append((self.state, kept))

    # -- the journal and its frames -------------------------------------------------------------------------------

    def entry(
        self,
        event: str,
        *,
        token: Token | None = None,
        node: Node | None = None,
        action: Action | None = None,
        subject: str = "Token",
        status: str = "success",
        user: str | None = None,
        details: dict[str, Any] | None = None,
        payload: str | None = None,
        outbox_id: UUID | None = None,
        message_id: UUID | None = None,
    ) -> Entry:
        """Append to the instance's journal; numbers have no gap (architecture 4.6)."""
        self.state.journal_seq += 1
        self.world.changes.instances[self.state.id] = self.state
        made = Entry(
            number=self.state.journal_seq,
            at=self.now,
            event=event,
            subject=subject,
            status=status,
            user=self.user if user is None else user,
            token_id=None if token is None else token.id,
            node_id=node.id if node is not None else (None if token is None else token.node_id),
            node_name=node.name if node is not None else ("" if token is None else token.node_name),
            action_name="" if action is None else action.name,
            details=details or {},
            payload=payload,
            outbox_id=outbox_id,
            message_id=message_id,
        )
        self.world.changes.journal.append((self.state, made))
        return made

    def frame(
        self,
        frame_type: str,
        text: str,
        *,
        token: Token | None = None,
        action_name: str = "",
        details: dict[str, Any] | None = None,
    ) -> int:
        """Store a frame for this instance; `text` is the JSON of its body. Gives the frame's size in bytes (engine 8.5)."""
        event, member = FRAME_MEMBERS[frame_type]
        self.state.frame_seq += 1
        frame_id = self.world.new_uuid()
        whole = (
            f'{{"event":"{event}","type":"{frame_type}","id":"{frame_id}","seq":{self.state.frame_seq},'
            f'"processInstanceUuid":"{self.state.uuid_text}","timestamp":"{timestamp(self.now)}","{member}":{text}}}'
        )
        made = self.entry("Frame", token=token, subject="Process Instance", details=details, payload=whole)
        made.action_name = action_name
        made.frame_seq, made.frame_id, made.frame_type = self.state.frame_seq, frame_id, frame_type
        return len(whole.encode())

    def closing_frames(self) -> None:
        """One progress frame a moved token, then a state frame if the client has to know one (engine 3.4, 8.5)."""
        for token in self.moved.values():
            body: dict[str, jsonio.Json] = {
                "processInstanceUuid": self.state.uuid_text,
                "tokenUuid": str(token.uuid),
                "currentNodeId": token.node_id,
            }
            self.frame("progress", jsonio.dumps(body), token=token)
        now_is = (self.state.state, self.has_incident, self._lanes())
        if now_is != self._told:
            self._told = now_is
            state, incident, lanes = now_is
            told: dict[str, jsonio.Json] = {"state": str(state), "readOnly": False, "incident": incident}
            self.frame("state", jsonio.dumps(told), details={"swimlanes": list(lanes)})

    # -- incidents and timers -------------------------------------------------------------------------------------

    def open_incident(
        self,
        kind: str,
        source: str,
        message: str,
        *,
        token: Token | None = None,
        node: Node | None = None,
        action: Action | None = None,
        cause: str = "",
        rest: tuple[int, ...] = (),
    ) -> Incident:
        """Store what went wrong, where and what to do; the token stays where it is (engine 2.8)."""
        visit = None if token is None else token.visit
        if action is None:
            for known in self.open_incidents(visit):
                if (known.type, known.action_id, known.node_id) == (kind, None, None if node is None else node.id):
                    known.message = message
                    self.changed_incident(known)
                    return known
        incident = Incident(
            id=next(self.world.ids),
            type=kind,
            source=source,
            message=message,
            opened_at=self.now,
            cause_type=cause,
            token_id=None if token is None else token.id,
            token_uuid=None if token is None else token.uuid,
            visit_id=None if visit is None else visit.id,
            node_id=None if node is None else node.id,
            node_name="" if node is None else node.name,
            action_id=None if action is None else action.id,
            action_name="" if action is None else action.name,
            rest=rest,
        )
        self.state.incidents[incident.id] = incident
        self.changed_incident(incident)
        self.entry(
            "Incident",
            token=token,
            node=node,
            action=action,
            subject="Exception",
            status="failure",
            details={"type": kind, "message": message, "incident": incident.id},
        )
        return incident

    def close_incident(self, incident: Incident, how: str) -> None:
        incident.closed_at, incident.closed_by, incident.closed_how = self.now, self.user, how
        self.changed_incident(incident)

    def open_incidents(self, visit: Visit | None) -> list[Incident]:
        """The open incidents of a visit, oldest first."""
        if not self.state.incidents:
            return []
        found = [
            incident
            for incident in self.state.incidents.values()
            if incident.closed_at is None and visit is not None and incident.visit_id == visit.id
        ]
        return sorted(found, key=lambda incident: incident.id)

    def cancel_timer(self, timer: Timer) -> None:
        timer.state = TimerStatus.CANCELLED
        self.changed_timer(timer)

    def subscribe(self, subscription: Subscription) -> None:
        """A token begins to wait for a message event, or keeps one that came on hold."""
        self.state.subscriptions[subscription.id] = subscription
        self.world.changes.subscriptions[subscription.id] = (self.state, subscription)

    def unsubscribe(self, visit_id: int) -> None:
        """The token waits no more: it has left, or the event has come."""
        if not self.state.subscriptions:
            return
        for subscription in [each for each in self.state.subscriptions.values() if each.visit_id == visit_id]:
            self.drop_subscription(subscription)

    def drop_subscription(self, subscription: Subscription) -> None:
        del self.state.subscriptions[subscription.id]
        self.world.changes.subscriptions.pop(subscription.id, None)
        if subscription.stored:
            self.world.changes.unsubscribed.add(subscription.id)

    def pending_timers(self, visit: Visit | None = None) -> list[Timer]:
        """Timers still to come, of one visit or of the whole instance."""
        if not self.state.timers:
            return []
        return [
            timer
            for timer in self.state.timers.values()
            if timer.state in (TimerStatus.PENDING, TimerStatus.HELD) and (visit is None or timer.visit_id == visit.id)
        ]


FRAME_MEMBERS = {
    "data": ("Data", "data"),
    "action": ("RunAction", "action"),
    "progress": ("ProcessMetadata", "progressUpdateDTO"),
    "state": ("ProcessMetadata", "state"),
}
"""Frame type -> `event` and the member that holds the body (engine 8.5)."""


@lru_cache(maxsize=64)
def timestamp(moment: datetime) -> str:
    """ISO 8601 UTC ending in Z, with microseconds (engine 0). Nearly all are the moment of the batch."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
