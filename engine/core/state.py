"""The state of instances in memory: what the machine reads and changes, and the runtime loads and stores.

One `InstanceState` holds an instance with its open tokens, all its visits, its pending timers, its open incidents and its kept
messages. The meaning of each state is documented here, once (engine 2.1, 3.1, 3.3).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from engine.core.stimuli import MessageReceived


class InstanceStatus(StrEnum):
    """Engine 2.1."""

    CREATED = "CREATED"  # the first token cannot leave its START node
    STARTED = "STARTED"  # running
    ON_HOLD = "ON_HOLD"  # frozen by an operator
    FINISHED = "FINISHED"  # ended normally
    DISMISSED = "DISMISSED"  # a user closed a subprocess
    EXPIRED = "EXPIRED"  # its expiry time passed
    TERMINATED = "TERMINATED"  # a termination request was handled
    FAILED = "FAILED"  # set by no rule, accepted in filters
    ABORTED = "ABORTED"  # a subprocess cut off by its parent


TERMINAL = frozenset(InstanceStatus) - {InstanceStatus.CREATED, InstanceStatus.STARTED, InstanceStatus.ON_HOLD}


class TokenState(StrEnum):
    """Engine 3.1."""

    ACTIVE = "ACTIVE"  # on its way
    ON_HOLD = "ON_HOLD"  # a parent waiting for its parallel children
    INACTIVE = "INACTIVE"  # reached an END, or the join
    ABORTED = "ABORTED"  # replaced by a reset or a move
    DISMISSED = "DISMISSED"  # ended with its instance
    EXPIRED = "EXPIRED"
    TERMINATED = "TERMINATED"


OPEN_TOKEN = frozenset({TokenState.ACTIVE, TokenState.ON_HOLD})


class NodeStatus(StrEnum):
    """`statusCurrentNode`, engine 3.1."""

    ARRIVED = "ARRIVED"
    EXECUTING = "EXECUTING"
    EXECUTED_PARTIAL = "EXECUTED_PARTIAL"
    EXECUTED_COMPLETE = "EXECUTED_COMPLETE"
    WAITING_MESSAGE = "WAITING_MESSAGE"
    MESSAGE_RECEIVED = "MESSAGE_RECEIVED"
    MESSAGE_RESPONSE_TIMED_OUT = "MESSAGE_RESPONSE_TIMED_OUT"
    WAITING_MESSAGE_EVENT = "WAITING_MESSAGE_EVENT"
    WAITING_TIMER_EVENT = "WAITING_TIMER_EVENT"


class ActionStatus(StrEnum):
    """Engine 3.3; the newest run's state counts, absent means not triggered."""

    SCHEDULED = "SCHEDULED"
    EXECUTING = "EXECUTING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    SKIPPED = "SKIPPED"


@dataclass(slots=True)
class ActionState:
    """What happened to one action in one visit. `runs` counts triggered runs, `completed` the COMPLETED ones."""

    name: str
    state: ActionStatus
    runs: int = 0
    completed: int = 0
    last_executed: datetime | None = None
    waits_for: tuple[int, ...] = ()  # ids of the subprocesses whose end completes a synchronous run
    rest: tuple[int, ...] = ()  # ids of the sibling actions that follow when the subprocesses, or a hold, have ended
    upload: str = ""  # temporary file of the newest run of an upload action

    @property
    def done(self) -> bool:
        """Whether a mandatory action counts as done (engine 4.5)."""
        return self.completed > 0 or self.state is ActionStatus.SKIPPED


@dataclass(slots=True)
class Visit:
    """One stay of a token on a node."""

    id: int
    token_id: int
    number: int
    node_id: int
    node_name: str
    arrived_at: datetime
    left_at: datetime | None = None
    waiting_since: datetime | None = None
    actions: dict[int, ActionState] = field(default_factory=dict)


@dataclass(slots=True)
class Token:
    """A token (engine 3.2). `visit` is its open visit.

    A token that replaced another (a reset, a move) goes on with the visits of `replaces_id` below number `history_until`.
    """

    id: int
    uuid: UUID
    parent_token_id: int | None
    state: TokenState
    status: NodeStatus
    start_node_id: int | None
    node_id: int
    node_name: str
    swimlane: str
    created_at: datetime
    updated_at: datetime
    sync_count: int = 0
    sync_finished: int = 0
    version: int = 0
    replaces_id: int | None = None
    history_until: int = 0
    stage: str = ""  # the stage last entered; nodes without one keep it (engine 12)
    assignee: str = ""  # user that the task was assigned to; limits nobody (engine 2.7)
    visit: Visit | None = None


class TimerKind(StrEnum):
    ACTION = "ACTION"  # delay of an action
    RESPONSE = "RESPONSE"  # response timeout of a node
    NODE = "NODE"  # a timer node, intermediate or boundary
    EXPIRY = "EXPIRY"  # expiry of the instance


class TimerStatus(StrEnum):
    PENDING = "PENDING"
    HELD = "HELD"  # came due while the instance was on hold
    FIRED = "FIRED"
    CANCELLED = "CANCELLED"


@dataclass(slots=True)
class Timer:
    """Something due. `rest` names the actions that follow a delayed child (engine 4.6)."""

    id: int
    kind: TimerKind
    due_at: datetime
    created_at: datetime
    expression: str = ""
    token_id: int | None = None
    visit_id: int | None = None
    node_id: int | None = None
    node_name: str = ""
    action_id: int | None = None
    action_name: str = ""
    run: int = 0
    rest: tuple[int, ...] = ()
    state: TimerStatus = TimerStatus.PENDING


@dataclass(slots=True)
class Incident:
    """A stored exception (engine 2.8). `rest` names the actions that follow the failed one on Retry."""

    id: int
    type: str
    source: str
    message: str
    opened_at: datetime
    cause_type: str = ""
    details: str = ""
    token_id: int | None = None
    token_uuid: UUID | None = None
    visit_id: int | None = None
    node_id: int | None = None
    node_name: str = ""
    action_id: int | None = None
    action_name: str = ""
    outbox_id: UUID | None = None
    rest: tuple[int, ...] = ()
    closed_at: datetime | None = None
    closed_by: str = ""
    closed_how: str = ""


@dataclass(slots=True)
class Subscription:
    """A token waits for a message event (engine 1.8); `correlation` is the compared value as JSON text.

    `held` is the data of an event that came while the instance was on hold; `stored` says that there is a row for it.
    """

    id: int
    token_id: int
    visit_id: int
    node_id: int
    message_name: str
    correlation: str
    held: str | None = None
    stored: bool = False


class KeptState(StrEnum):
    """Why a record was kept (engine 6.6)."""

    EARLY = "early"
    HELD = "held"
    LATE = "late"
    UNMATCHED = "unmatched"
    DEAD = "dead"
    APPLIED = "applied"  # was early or held, and has been applied since


@dataclass(slots=True)
class Kept:
    """A kept record; `row_id` is None until it is stored."""

    message: MessageReceived
    state: KeptState
    reason: str = ""
    error: str = ""
    row_id: int | None = None


@dataclass(slots=True)
class Entry:
    """One journal entry in the making; the number is given when it is added."""

    number: int
    at: datetime
    event: str
    subject: str = "Token"
    status: str = "success"
    user: str = ""
    token_id: int | None = None
    node_id: int | None = None
    node_name: str = ""
    action_name: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    payload: str | None = None
    frame_seq: int | None = None
    frame_id: UUID | None = None
    frame_type: str = ""
    outbox_id: UUID | None = None
    message_id: UUID | None = None


@dataclass(slots=True)
class Outgoing:
    """A Kafka record to send: a row of the outbox in the making. `headers` values are text."""

    id: UUID
    topic: str
    key: str | None
    value: str
    headers: dict[str, str]
    minted: tuple[str, ...] = ()  # headers whose value is a token made when the record leaves (engine 7)
    visit_id: int | None = None
    visit_number: int | None = None
    action_id: int | None = None
    action_name: str = ""
    node_name: str = ""
    run: int = 1


@dataclass(slots=True)
class InstanceState:
    """An instance with everything open that belongs to it."""

    id: int
    uuid: UUID
    root_id: int
    snapshot_id: int
    state: InstanceStatus
    params: dict[str, Any]
    start_params: dict[str, Any]  # what it starts with; of one that is loaded they are not asked again, and empty
    started_at: datetime
    updated_at: datetime
    owner_id: int | None = None
    owner_name: str = ""
    parent_id: int | None = None
    parent_uuid: UUID | None = None
    relation: str = ""
    test: bool = False
    finished_at: datetime | None = None
    expires_at: datetime | None = None
    back_counter: int = 0
    started_by_action_id: int | None = None
    started_by_token_id: int | None = None
    restarted_from_uuid: UUID | None = None
    item_index: int | None = None  # place in the collection of a multi-instance run
    start_message_id: UUID | None = None
    journal_seq: int = 0
    frame_seq: int = 0
    visit_seq: int = 0
    revision: int = 0
    tokens: dict[int, Token] = field(default_factory=dict)
    visits: list[Visit] = field(default_factory=list)
    timers: dict[int, Timer] = field(default_factory=dict)
    incidents: dict[int, Incident] = field(default_factory=dict)
    kept: list[Kept] = field(default_factory=list)
    subscriptions: dict[int, Subscription] = field(default_factory=dict)
    restarts: dict[str, dict[str, Any]] = field(default_factory=dict)  # action name -> data before its first run
    uuid_text: str = field(init=False, repr=False, compare=False)  # what frames, records and answers name

    def __post_init__(self) -> None:
        self.uuid_text = str(self.uuid)

    @property
    def ended(self) -> bool:
        return self.state in TERMINAL

    def token_with_uuid(self, uuid: UUID) -> Token | None:
        return next((token for token in self.tokens.values() if token.uuid == uuid), None)

    def history(self, token: Token) -> list[Visit]:
        """The visits of a token in order, with those it took over from the token it replaced (engine 9.3)."""
        own = [visit for visit in self.visits if visit.token_id == token.id]
        former = self.tokens.get(token.replaces_id or 0)
        if former is None:
            return own
        return [visit for visit in self.history(former) if visit.number < token.history_until] + own

    def open_tokens(self) -> list[Token]:
        return [token for token in self.tokens.values() if token.state in OPEN_TOKEN]
