"""Everything that can happen to an instance, as frozen values, and what a call gets back.

A stimulus names its instance by uuid; times and ids are never inside: the machine takes them as arguments. Refusals are the
documented answers of engine 2.6, 4.7 and 13 to a wrong call: nothing has changed when one is raised.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Actor:
    """Who causes a stimulus: a user of the site, or the system itself (`id` None)."""

    name: str = "flowx-service"
    id: int | None = None


SYSTEM = Actor()


@dataclass(frozen=True, slots=True)
class Start:
    """Start an instance of a snapshot (engine 2.4, 2.5).

    `params` is the body without `paramsToInherit`, already merged over inherited values. `message_id` is the `Fx-MessageId` of
    a start that came over Kafka.
    """

    uuid: UUID
    snapshot_id: int
    params: Mapping[str, Any]
    actor: Actor
    start_condition: str | None = None
    test: bool = False
    parent_id: int | None = None
    parent_uuid: UUID | None = None
    relation: str = ""
    message_id: UUID | None = None
    restarted_from: UUID | None = None
    node_id: int | None = None  # the node of a timer or message event that starts it; else a START node is picked
    by: Actor | None = None  # who starts it again for its owner (engine 13.7)
    reason: str = ""

    @property
    def instance_uuid(self) -> UUID:
        return self.uuid


@dataclass(frozen=True, slots=True)
class Execute:
    """Run a manual action with a body from the frontend (engine 4.5), or go back to one (engine 9).

    `lanes` are the swimlanes in which the caller may execute, read under no lock; None means all of them.
    """

    instance_uuid: UUID
    token_uuid: UUID
    action_name: str
    body: Mapping[str, Any]
    actor: Actor
    lanes: frozenset[str] | None = None
    upload: str | None = None  # id of the temporary file, for a call of `/upload`


@dataclass(frozen=True, slots=True)
class Request:
    """The send that a record answers: the visit's number, the action and its run."""

    visit_number: int
    action_id: int
    run: int


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A Kafka record whose instance is known (engine 6.6). `value` is parsed JSON, `raw` what came, for keeping it."""

    instance_uuid: UUID
    topic: str
    value: Any
    raw: bytes
    received_at: datetime
    key: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    message_id: UUID | None = None
    request: Request | None = None
    partition: int | None = None
    offset: int | None = None
    manual: bool = False
    row_id: int | None = None  # of a stored record that is given again


@dataclass(frozen=True, slots=True)
class TimerDue:
    """A timer row is due. A firing of a timer that is no longer pending is ignored (engine 5.4).

    `due_at` is the moment that the caller has read: a timer that was put off since is ignored too.
    """

    instance_uuid: UUID
    timer_id: int
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PushFrame:
    """A frame for this instance made by another tree (Websocket Send to an inherited parent, engine 8.3)."""

    instance_uuid: UUID
    frame_type: str
    text: str
    action_name: str = ""
    from_uuid: UUID | None = None


@dataclass(frozen=True, slots=True)
class Throw:
    """A message event, to be matched once to all catches that wait then (engine 1.8). No stimulus of an instance by itself."""

    instance_uuid: UUID
    message_name: str
    correlation: str
    text: str


@dataclass(frozen=True, slots=True)
class EventCaught:
    """A message event that matches a subscription of this instance; `text` is its data as JSON."""

    instance_uuid: UUID
    subscription_id: int
    text: str


@dataclass(frozen=True, slots=True)
class AppendParams:
    """Values for this instance's data from another tree (Append Params to an inherited parent, engine 10.3)."""

    instance_uuid: UUID
    destination: str
    text: str
    action_name: str = ""
    from_uuid: UUID | None = None


@dataclass(frozen=True, slots=True)
class StartChild:
    """A subprocess that another tree starts under this instance (Start Subprocess for an inherited parent, engine 10.1).

    `text` is its data as JSON, `uuid` the one that the journal of the starter already names.
    """

    instance_uuid: UUID
    uuid: UUID
    snapshot_id: int
    text: str
    owner_id: int | None
    owner_name: str
    test: bool
    action_id: int
    token_id: int
    item_index: int | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Go on from the failed step of a token with an open incident (engine 3.9)."""

    instance_uuid: UUID
    token_uuid: UUID
    actor: Actor
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Terminate:
    """End the instance and its subprocesses (engine 2.7)."""

    instance_uuid: UUID
    actor: Actor
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """Freeze the instance (engine 2.7). With `repeatable` an instance that is held already is no error (Kafka)."""

    instance_uuid: UUID
    actor: Actor
    reason: str = ""
    repeatable: bool = False


@dataclass(frozen=True, slots=True)
class Unhold:
    """Go on, with what came due meanwhile, in order of arrival (engine 2.7). `repeatable` as for Hold."""

    instance_uuid: UUID
    actor: Actor
    reason: str = ""
    repeatable: bool = False


@dataclass(frozen=True, slots=True)
class Assign:
    """Set the assignee of the instance's open tokens in a swimlane, or clear it with an empty one (engine 2.7).

    Without a swimlane it is the only one in which the instance has open tokens.
    """

    instance_uuid: UUID
    swimlane: str
    assignee: str
    actor: Actor
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Dismiss:
    """Close a subprocess (engine 2.7)."""

    instance_uuid: UUID
    actor: Actor
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RunTimer:
    """Fire a pending timer now (engine 13.6)."""

    instance_uuid: UUID
    timer_id: int
    actor: Actor
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MoveToken:
    """Set a token on another node of its parallel section (engine 13.2). `version` is the token's, as the operator saw it."""

    instance_uuid: UUID
    token_uuid: UUID
    target_node_id: int
    actor: Actor
    reason: str = ""
    variables: Mapping[str, Any] = field(default_factory=dict)
    version: int | None = None


@dataclass(frozen=True, slots=True)
class EditVariables:
    """Remove paths, then set values; nothing runs (engine 13.3). `version` is the instance's revision."""

    instance_uuid: UUID
    actor: Actor
    reason: str = ""
    set: Mapping[str, Any] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    version: int | None = None


@dataclass(frozen=True, slots=True)
class ExecuteByOperator:
    """Run any action of the current node at once, whatever its trigger or delay (engine 13.5)."""

    instance_uuid: UUID
    token_uuid: UUID
    action_name: str
    actor: Actor
    reason: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    version: int | None = None


@dataclass(frozen=True, slots=True)
class SkipAction:
    """Count a mandatory or failed action as done without running it; without an action a cancelled timer node (engine 13.5)."""

    instance_uuid: UUID
    token_uuid: UUID
    action_name: str
    actor: Actor
    reason: str = ""
    version: int | None = None


@dataclass(frozen=True, slots=True)
class ChangeTimer:
    """Give a pending timer another due time; `due_at` None cancels it (engine 13.6)."""

    instance_uuid: UUID
    timer_id: int
    actor: Actor
    reason: str = ""
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Deliver:
    """A record given by hand to a token that is on a node with its topic (engine 13.4).

    `row_id` names a stored record to attach; without a topic it is a message event for the token.
    """

    instance_uuid: UUID
    token_uuid: UUID
    message: MessageReceived
    actor: Actor
    reason: str = ""
    attach: bool = False
    version: int | None = None


FromElsewhere = PushFrame | AppendParams | StartChild
Command = (
    Retry
    | Terminate
    | Hold
    | Unhold
    | Dismiss
    | Assign
    | RunTimer
    | MoveToken
    | EditVariables
    | ExecuteByOperator
    | SkipAction
    | ChangeTimer
    | Deliver
)
Stimulus = Start | Execute | MessageReceived | TimerDue | EventCaught | FromElsewhere | Command


class Refusal(Exception):
    """A documented refusal: HTTP status, `errorKey` and text (engine 2.6, 4.7). Nothing has changed."""

    def __init__(
        self,
        status: int,
        message: str,
        error_key: str = "",
        *,
        code: str = "",
        entity: str = "processInstance",
        params: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.error_key = error_key or f"error.http.{status}"
        self.code = code
        self.entity = entity
        self.params = params


INSTANCE_NOT_FOUND = "Process instance not found."
TOKEN_NOT_FOUND = "Token not found."  # noqa: S105


@dataclass(frozen=True, slots=True)
class Done:
    """The stimulus was counted. `answer` is the JSON answer of the call, `incident_id` set when the action itself failed."""

    instance_uuid: UUID
    answer: Mapping[str, Any]
    incident_id: int | None = None
    incident_message: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """The stimulus was refused; the machine changed nothing."""

    instance_uuid: UUID
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Crashed:
    """One stimulus of a batch failed for a reason the core does not know; the others of the batch were applied."""

    instance_uuid: UUID
    error: Exception


Outcome = Done | Refused | Crashed
