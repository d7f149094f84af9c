"""What staff can do to an instance by hand (engine 2.7, 3.9, 13.6): which operation is allowed when, what it says, its stimuli.

Everything is applied by `engine.runtime`; the views that ask for a reason and report the result are in `operation_views` and
`bulk_views`. A refusal of the core carries its code (OPS-001, OPS-002, OPS-011) to the person as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from engine import rights
from engine.core.stimuli import Actor, Dismiss, Hold, Retry, RunTimer, Stimulus, Terminate, Unhold
from engine.models import Incident, Instance, Timer, Token
from engine.queries.filters import STATE_WORDS
from engine.queries.instances import short_uuid
from engine.queries.words import counted

RUNNING = ("STARTED",)
OPEN = ("CREATED", "STARTED", "ON_HOLD")
NOTHING_TO_RETRY = "Nothing to retry on this token."
TIMER_GONE = "This timer has fired or was cancelled."


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: its words, its look, and in which states it makes sense."""

    key: str
    word: str
    done: str
    icon: str
    states: tuple[str, ...]
    keep: str = "Cancel"
    danger: bool = False
    lane_right: str = ""
    """The swimlane operation that allows it too, without Instances-admin (engine 2.7)."""


RETRY = Operation("retry", "Retry", "Retried", "replay", ("STARTED", "CREATED"))
HOLD = Operation("hold", "Hold", "Put on hold:", "pause", RUNNING, lane_right="hold")
UNHOLD = Operation("unhold", "Unhold", "Goes on:", "play_arrow", ("ON_HOLD",), lane_right="unhold")
TERMINATE = Operation("terminate", "Terminate", "Terminated", "stop_circle", OPEN, keep="Keep it running", danger=True)
DISMISS = Operation(
    "dismiss", "Dismiss", "Dismissed", "close", OPEN, keep="Keep it running", danger=True, lane_right="execute"
)
RUN_TIMER = Operation("run-timer", "Run timer now", "Ran the timer of", "timer", RUNNING)

OPERATIONS: Mapping[str, Operation] = {
    operation.key: operation for operation in (RETRY, HOLD, UNHOLD, TERMINATE, DISMISS, RUN_TIMER)
}
BULK: Mapping[str, Operation] = {operation.key: operation for operation in (RETRY, HOLD, UNHOLD, TERMINATE, DISMISS)}


@dataclass(frozen=True, slots=True)
class Target:
    """What an operation is aimed at: an instance, and where it matters one token or timer of it."""

    instance: Instance
    incidents: Sequence[Incident] = field(default=())
    timer: Timer | None = None

    @property
    def name(self) -> str:
        return short_uuid(str(self.instance.uuid))


def may(user: AbstractBaseUser | AnonymousUser, operation: Operation, instance: Instance) -> bool:
    """Instances-admin, or the swimlane operation of the same name where there is one."""
    if rights.may_operate(user):
        return True
    if not operation.lane_right:
        return False
    lanes = Token.objects.filter(instance_id=instance.id, state__in=["ACTIVE", "ON_HOLD"]).values_list(
        "swimlane", flat=True
    )
    return rights.may(user, operation.lane_right, instance.process_name, set(lanes))


def open_token_incidents(instance_ids: Iterable[int]) -> dict[int, list[Incident]]:
    """Open incidents that hang on a token, by instance, the newest first; one statement."""
    found: dict[int, list[Incident]] = {}
    rows = Incident.objects.filter(instance_id__in=list(instance_ids), closed_at=None, token_uuid__isnull=False)
    for incident in rows.order_by("-id"):
        found.setdefault(incident.instance_id, []).append(incident)
    return found


def obstacle(operation: Operation, target: Target) -> str:
    """Why the operation would be refused now, in the words of the core; empty when nothing is in its way."""
    instance = target.instance
    ended = instance.state not in OPEN
    if operation is DISMISS and instance.relation != "SUBPROCESS":
        return "Only subprocesses can be dismissed."
    if operation is RETRY and (ended or instance.state not in operation.states or not target.incidents):
        return NOTHING_TO_RETRY
    if operation is RUN_TIMER and (target.timer is None or target.timer.state not in ("PENDING", "HELD")):
        return TIMER_GONE
    if instance.state in operation.states:
        return ""
    if ended:
        return f"Already {STATE_WORDS.get(instance.state, instance.state).lower()}."
    return f"Not possible while it is {STATE_WORDS.get(instance.state, instance.state).lower()}."


def stimuli_of(operation: Operation, target: Target, actor: Actor, reason: str) -> list[Stimulus]:
    """The stimuli of the operation on one instance; a retry of several stuck tokens has one for each."""
    uuid = target.instance.uuid
    if operation is RETRY:
        tokens = dict.fromkeys(one.token_uuid for one in target.incidents if one.token_uuid)
        return [Retry(uuid, token, actor, reason) for token in tokens]
    if operation is RUN_TIMER:
        return [RunTimer(uuid, target.timer.id, actor, reason)] if target.timer else []
    return [SIMPLE[operation.key](uuid, actor, reason)]


SIMPLE: Mapping[str, Callable[[UUID, Actor, str], Stimulus]] = {
    "hold": Hold,
    "unhold": Unhold,
    "terminate": Terminate,
    "dismiss": Dismiss,
}


@dataclass(frozen=True, slots=True)
class Stakes:
    """What an operation would end or touch, counted for its question."""

    tokens: int
    timers: int
    subprocesses: int


def stakes_of(instance: Instance) -> Stakes:
    """Three counts."""
    tree = Instance.objects.filter(root_id=instance.root_id, relation="SUBPROCESS", state__in=OPEN, id__gt=instance.id)
    return Stakes(
        tokens=Token.objects.filter(instance_id=instance.id, state__in=["ACTIVE", "ON_HOLD"]).count(),
        timers=instance.pending_timers,
        subprocesses=tree.count(),
    )


def question(operation: Operation, target: Target) -> str:
    """What will happen, in one or two sentences."""
    if operation in (TERMINATE, DISMISS):
        stakes = stakes_of(target.instance)
        ends = [counted(stakes.tokens, "token")]
        ends += [counted(stakes.timers, "pending timer")] if stakes.timers else []
        ends += [counted(stakes.subprocesses, "subprocess", "subprocesses")] if stakes.subprocesses else []
        return f"Ends {' and '.join([', '.join(ends[:-1]), ends[-1]] if len(ends) > 1 else ends)}. It cannot be undone."
    if operation is HOLD:
        return (
            "Freezes it where it stands. Messages and timers that come due meanwhile are kept and run when it goes on."
        )
    if operation is UNHOLD:
        return "Lets it go on. What came due meanwhile runs now, in order of arrival."
    if operation is RUN_TIMER and target.timer is not None:
        what = target.timer.action_name or target.timer.node_name or "the expiry"
        return f"Makes the timer of {what} due now; what waits for it happens at once."
    if operation is RETRY and target.incidents:
        first = target.incidents[0]
        step = first.action_name or first.node_name
        return f"Goes on from {step} on {first.node_name}, with version {target.instance.version}."
    return ""
