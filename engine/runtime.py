"""The only place that writes instances and what belongs to them (architecture 3, 4, 6).

`apply` takes a list of stimuli: it locks the process trees they touch, hands each to the core, writes everything that came back
in one transaction, tells the waiting loops after the commit, and then applies the effects on other trees. A batch that fails for
a reason the core does not know is tried again in halves, until the bad stimulus is alone. Concurrent calls with one stimulus each
share batches (`engine.combining`).
"""

from __future__ import annotations

import logging
import os
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from zoneinfo import ZoneInfo

from django.db import OperationalError, connection, transaction

from engine import clock, configuration, ids, pending, snapshots, wakeups
from engine.combining import Combiner, NothingStored
from engine.core import machine, records
from engine.core.actions import ActionFailed, kafka_send
from engine.core.integrations import Scenarios
from engine.core.state import KeptState
from engine.core.stimuli import (
    Crashed,
    Done,
    MessageReceived,
    Outcome,
    Refusal,
    Refused,
    Start,
    StartChild,
    Stimulus,
    TimerDue,
)
from engine.core.turn import Limits, Turn, World
from engine.faults import point
from engine.models import OutboxMessage
from engine.storage import load, save
from flowx_site.config import config

log = logging.getLogger("flowx.runtime")

IDS_PER_STIMULUS = 64
BUSY_TRIES = 5

Inside = Callable[[Sequence[Stimulus]], Sequence[Stimulus]]
After = Callable[[Sequence[Outcome]], None]


def apply(stimuli: Sequence[Stimulus], *, inside: Inside | None = None, after: After | None = None) -> list[Outcome]:
    """Apply a batch; one outcome a stimulus, in order.

    `inside` is called first in the transaction with the stimuli at hand and gives those that are to be applied (offset rows,
    known message ids, idempotency keys); stimuli that it left out have no outcome. `after` is called last, with the outcomes.
    A batch that fails is tried again in halves: a stimulus that fails alone is put aside (a record, a timer) or gives
    `Crashed`; what a batch of one raises reaches the caller, unless it could be put aside.
    """
    stimuli = list(stimuli)
    if not stimuli and inside is None:
        return []
    if len(stimuli) == 1 and inside is None and after is None and _may_share():
        return [_combiner.apply(stimuli[0])]
    return _apply(stimuli, inside, after)


def _apply(stimuli: list[Stimulus], inside: Inside | None, after: After | None) -> list[Outcome]:
    try:
        outcomes, pushed = _batch(stimuli, inside, after)
    except (OperationalError, ExpectedByCaller):
        raise
    except Exception as error:
        if len(stimuli) > 1:
            middle = len(stimuli) // 2
            return _half(stimuli[:middle], inside, after) + _half(stimuli[middle:], inside, after)
        if not stimuli or not isinstance(stimuli[0], MessageReceived | TimerDue):
            raise
        log.exception("A stimulus could not be applied and is put aside.")
        outcomes, pushed = _batch(stimuli, inside, after, put_aside=str(error) or type(error).__name__)
    _apply_elsewhere(pushed)
    return outcomes


def _apply_elsewhere(pushed: set[uuid.UUID]) -> None:
    """Effects on other trees, right after the commit that stored them: what fails here is no error of the call, which counts."""
    if not pushed:
        return
    try:
        pending.apply_stored(apply, pushed)
    except Exception:
        if connection.in_atomic_block:  # nothing is committed yet
            raise
        log.exception("Effects on other instances were not applied at once; the sweep applies them.")


def _half(stimuli: Sequence[Stimulus], inside: Inside | None, after: After | None) -> list[Outcome]:
    try:
        return apply(stimuli, inside=inside, after=after)
    except (OperationalError, ExpectedByCaller):
        raise
    except Exception as error:  # raised only for a stimulus that is alone
        log.exception("A stimulus of a batch failed; the others were applied.")
        return [Crashed(stimuli[0].instance_uuid, error)]


# -- concurrent calls --------------------------------------------------------------------------------------------------


def _may_share() -> bool:
    """Whether a call may go into one transaction with those of other threads: it has no transaction and no clock of its own."""
    return (
        config.share_commits
        and connection.vendor == "postgresql"
        and not connection.in_atomic_block
        and not clock.is_own()
    )


def _alone(stimulus: Stimulus) -> Outcome:
    return _apply([stimulus], None, None)[0]


def _together(stimuli: list[Stimulus]) -> list[Outcome | None]:
    """The calls of several threads in one transaction; None for those whose tree somebody else has locked, as waiting for it
    would keep all waiting. An error from the commit on is everybody's: it may have been stored."""
    at_commit = False
    taken = list(range(len(stimuli)))

    def choose(_: Sequence[Stimulus]) -> Sequence[Stimulus]:
        free = load.lock_free(touched)
        taken[:] = [n for n, each in enumerate(stimuli) if isinstance(each, Start) or each.instance_uuid in free]
        return [stimuli[n] for n in taken]

    def note(_: Sequence[Outcome]) -> None:
        nonlocal at_commit
        at_commit = True

    touched = [stimulus.instance_uuid for stimulus in stimuli if not isinstance(stimulus, Start)]
    try:
        outcomes, pushed = _batch(stimuli, choose, note) if touched else _batch(stimuli, None, None)
    except OperationalError:
        raise
    except Exception as error:
        if at_commit:
            raise
        raise NothingStored from error
    _apply_elsewhere(pushed)
    found: list[Outcome | None] = [None] * len(stimuli)
    for place, outcome in zip(taken, outcomes, strict=True):
        found[place] = outcome
    return found


_places = threading.BoundedSemaphore(max(1, config.db_pool_size // 2))


@contextmanager
def _resting() -> Iterator[None]:
    """A thread that waits for a leader keeps its connection only while half of the pool is left to others."""
    keeps = _places.acquire(blocking=False)
    if not keeps:
        connection.close()
    try:
        yield
    finally:
        if keeps:
            _places.release()


_combiner = Combiner(_alone, _together, _resting)


def _combine_anew() -> None:
    """In a forked process nobody waits and nobody leads."""
    global _combiner, _places
    _places = threading.BoundedSemaphore(max(1, config.db_pool_size // 2))
    _combiner = Combiner(_alone, _together, _resting)


os.register_at_fork(after_in_child=_combine_anew)


# -- one batch ---------------------------------------------------------------------------------------------------------


def apply_pending() -> int:
    """Apply whatever effects on other trees a process left behind that died right after its commit; gives how many."""
    return pending.apply_stored(apply)


class ExpectedByCaller(Exception):
    """Base of what `inside` may raise to stop a batch on purpose."""


def _batch(
    stimuli: Sequence[Stimulus], inside: Inside | None, after: After | None, *, put_aside: str = ""
) -> tuple[list[Outcome], set[uuid.UUID]]:
    """One transaction: lock, load, step, store. Mere starts read nothing that they would have to lock: their transaction is the
    writing alone, on PostgreSQL a single statement."""
    parameters, scenarios = configuration.generic_parameters(), configuration.scenarios()
    mere_starts = inside is None and after is None and all(isinstance(stimulus, Start) for stimulus in stimuli)
    whole = transaction.atomic() if not mere_starts or connection.in_atomic_block else nullcontext()
    with ids.reserve(IDS_PER_STIMULUS * max(1, len(stimuli))) as reserved, whole:
        chosen = list(stimuli if inside is None else inside(stimuli))
        world = _world(reserved, parameters, scenarios, chosen)
        outcomes = [_step(world, stimulus, put_aside) for stimulus in chosen]
        writes = save.changes(world)
        if not mere_starts:
            writes.flush()
        if after is not None:
            after(outcomes)
        point("runtime.before_commit")
        if mere_starts:
            writes.flush()
    point("runtime.after_commit")
    _tell(world)
    return outcomes, {push.instance_uuid for push in world.changes.elsewhere}


def _world(reserved: ids.Ids, parameters: object, scenarios: Scenarios, stimuli: Iterable[Stimulus]) -> World:
    touched = [stimulus.instance_uuid for stimulus in stimuli if not isinstance(stimulus, Start)]
    world = World(
        now=clock.now(),
        ids=reserved,
        new_uuid=ids.uuids(),
        graph=snapshots.graph,
        config=parameters,  # type: ignore[arg-type]
        scenarios=scenarios,
        zone=ZoneInfo(config.time_zone),
        expire_subprocesses=config.expire_subprocesses,
        limits=Limits(config.max_params, config.max_frame, config.kafka_message_max_bytes),
        websocket_path=config.websocket_path,
        websocket_address=websocket_address(),
    )
    if touched:
        world.instances = load.trees(touched, snapshots.graph, world.stored)
        world.now = clock.now()  # after the wait for the lock: no entry is older than the one before it
    started = [stimulus.snapshot_id for stimulus in stimuli if isinstance(stimulus, Start | StartChild)]
    world.published = load.published(
        {state.snapshot_id for state in world.instances.values()}.union(started), snapshots.graph
    )
    return world


def websocket_address() -> str:
    """The informative address of engine 8.6; empty when no external URL is set."""
    if not config.websocket_url:
        return ""
    port = f":{config.websocket_port}" if config.websocket_port else ""
    return f"{config.websocket_url}{port}{config.websocket_path}"


def _step(world: World, stimulus: Stimulus, put_aside: str) -> Outcome:
    try:
        if put_aside and isinstance(stimulus, MessageReceived):
            return _bury(world, stimulus, put_aside)
        if put_aside and isinstance(stimulus, TimerDue):
            return machine.disarm(world, stimulus, put_aside)
        return machine.step(world, stimulus)
    except Refusal as refusal:
        return Refused(stimulus.instance_uuid, refusal)
    except records.RecordFailed as failure:
        assert isinstance(stimulus, MessageReceived)
        return _bury(world, stimulus, str(failure))


def _bury(world: World, message: MessageReceived, error: str) -> Outcome:
    """A record whose transition fails: dead, with an incident on its instance (engine 6.6)."""
    state = world.instances.get(message.instance_uuid)
    if state is None:
        return Refused(message.instance_uuid, Refusal(404, "Process instance not found."))
    turn = Turn(world, state)
    records.bury(turn, message, error)
    turn.closing_frames()
    return Done(state.uuid, {"record": str(KeptState.DEAD), "error": error})


def _tell(world: World) -> None:
    """Hints after the commit; losing one costs a second (architecture 5)."""
    made = world.changes
    wakeups.notify(
        outbox=bool(made.outgoing) or any(kept.state in (KeptState.UNMATCHED, KeptState.DEAD) for _, kept in made.kept),
        timers=[timer.due_at for _, timer in made.timers.values() if timer.state == "PENDING"],
        frames=[
            (state.uuid, entry.frame_seq, entry.payload)
            for state, entry in made.journal
            if entry.frame_seq is not None and entry.payload is not None
        ],
    )


# -- delivery incidents ------------------------------------------------------------------------------------------------


def delivery_failed(outbox_id: uuid.UUID, error: str) -> None:
    """The broker refused a row for good: an incident `Delivery` that hangs on the row; the token goes on (engine 6.5).

    Called by the relay after it marked the row `failed`, in the same transaction.
    """
    row = OutboxMessage.objects.get(id=outbox_id)
    message = (
        f"Kafka refused the message of '{row.action_name}' for {row.topic}: {error}. "
        "Correct the topic or the broker's limit, then queue the message again."
    )
    _on_row(row, lambda turn: _open_delivery(turn, row, message))


def requeue(outbox_id: uuid.UUID, *, user: str, reason: str = "") -> bool:
    """Queue a failed row again; instance and token are not touched (engine 6.5). False when it is not failed (OPS-010).

    Its topic is resolved anew. Raises `Refusal` 409 when there is none now; the row stays failed then.
    """
    with transaction.atomic():
        changed = OutboxMessage.objects.filter(id=outbox_id, state=OutboxMessage.State.FAILED).update(
            state=OutboxMessage.State.QUEUED, available_at=clock.now(), last_error=""
        )
        if not changed:
            return False
        row = OutboxMessage.objects.get(id=outbox_id)
        _on_row(row, lambda turn: _send_again(turn, row, user, reason))
    wakeups.notify(outbox=True)
    return True


def _on_row(row: OutboxMessage, change: Callable[[Turn], None]) -> None:
    """Change the incidents of the instance that a row belongs to, under its lock."""
    if row.instance_id is None:
        return
    parameters, scenarios = configuration.generic_parameters(), configuration.scenarios()
    with ids.reserve(IDS_PER_STIMULUS) as reserved, transaction.atomic():
        world = _world(reserved, parameters, scenarios, [])
        instance_uuid = load.uuid_of(row.instance_id)
        if instance_uuid is None:
            return
        world.instances = load.trees([instance_uuid], snapshots.graph, world.stored)
        turn = Turn(world, world.instances[instance_uuid])
        change(turn)
        turn.closing_frames()
        save.changes(world).flush()
    _tell(world)


def _topic_again(turn: Turn, row: OutboxMessage) -> str:
    """The topic that the row's action gives its record now; a row that no action has made keeps its own."""
    actions = (action for node in turn.graph.nodes.values() for action in node.actions if action.id == row.action_id)
    action = next(actions, None)
    if action is None or row.visit_number is None:
        return row.topic
    try:
        return kafka_send.topic_again(turn, action, row.id, row.visit_number, row.run) or row.topic
    except ActionFailed as failure:
        raise Refusal(409, failure.message, entity="action") from failure


def _open_delivery(turn: Turn, row: OutboxMessage, message: str) -> None:
    incident = turn.open_incident("Delivery", "Action", message)
    incident.outbox_id, incident.node_name, incident.action_name = row.id, row.node_name, row.action_name
    incident.action_id = row.action_id


def _send_again(turn: Turn, row: OutboxMessage, user: str, reason: str) -> None:
    before, row.topic = row.topic, _topic_again(turn, row)
    if row.topic != before:
        row.save(update_fields=["topic"])
    turn.user = user
    details = {"reason": reason, "topic": row.topic, "before": before}
    turn.entry("Retry", subject="Exception", details=details, outbox_id=row.id)
    for incident in turn.state.incidents.values():
        if incident.closed_at is None and incident.outbox_id == row.id:
            turn.close_incident(incident, "retried")
