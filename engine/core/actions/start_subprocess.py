"""Start Subprocess: one child, or one an element of a collection; waits for their end unless started asynchronously (engine 10).

The handler makes the children and leaves them to the machine, which runs their first tokens right after the parent's turn, in
the same transition.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from engine.core import jsonio, paths
from engine.core.actions.run import ActionFailed, ActionRun
from engine.core.entry import check_start, inherited, select_start
from engine.core.graph import Param
from engine.core.state import InstanceState, InstanceStatus
from engine.core.stimuli import Refusal, StartChild
from engine.core.turn import Turn

MAX_CHILDREN = 1000
"""Subprocesses that one stimulus may start; more means that processes start each other without end."""


class Waits(Exception):
    """The run is not over: it completes when these subprocesses end."""

    def __init__(self, children: tuple[int, ...]) -> None:
        super().__init__()
        self.children = children


def run(action_run: ActionRun) -> None:
    """Make the children. Raises `ActionFailed`, with none made, or `Waits` for a synchronous run."""
    action = action_run.action
    name = action.text("processName")
    snapshot_id = action_run.turn.world.published.get(name.lower())
    if snapshot_id is None:
        raise ActionFailed(f"'{name}' has no published version. Publish it, then retry.", kind="Definition")
    turn = action_run.turn
    target = target_instance(action_run, "${processInstanceId}")
    waits = action.text("startedAsync", "true").lower() != "true"
    if waits and target is not turn.state:
        raise ActionFailed("A subprocess that is waited for must belong to this instance itself.", kind="Definition")
    made = [_child(action_run, snapshot_id, target, data, index) for index, data in enumerate(_data(action_run))]
    world = turn.world
    if world.born + len(made) > MAX_CHILDREN:
        raise ActionFailed(f"More than {MAX_CHILDREN:,} subprocesses would be started in one step. Break the circle.")
    world.born += len(made)
    for child in made:
        if target is None:
            world.changes.elsewhere.append(_to_start_elsewhere(child, turn.state.parent_uuid))
        else:
            world.instances[child.uuid] = child
            world.newborn.append(child)
    if made:
        children = [str(child.uuid) for child in made]
        turn.entry(
            "Start subprocess",
            token=action_run.token,
            node=action_run.node,
            action=action,
            subject="Task",
            details={"process": world.graph(snapshot_id).name, "children": children},
        )
    if waits and made:
        raise Waits(tuple(child.id for child in made))
    if waits:
        store_output(turn, action.text("outputKey"), [])


def target_instance(action_run: ActionRun, default: str) -> InstanceState | None:
    """The instance that `parentProcessInstanceId` names: of the same tree, or the own INHERITED parent (engine 10.1).

    None is that parent when its tree is not at hand: the effect on it is a stored stimulus (engine 3.4).
    """
    param = action_run.action.params.get("parentProcessInstanceId") or Param("parentProcessInstanceId", default)
    text, _ = action_run.plain_text(param, what="target process")
    text = text.strip()
    state = action_run.turn.state
    for candidate in action_run.turn.world.instances.values():
        if text in (str(candidate.id), str(candidate.uuid)) and (
            candidate.root_id == state.root_id or candidate.id == state.parent_id
        ):
            return candidate
    if state.parent_uuid is not None and text in (str(state.parent_id), str(state.parent_uuid)):
        return None
    raise ActionFailed(
        f"'{text}' is no instance of this process tree and not the parent that values were inherited from.",
        kind="Definition",
    )


def key_list(text: str) -> list[str]:
    """A stored list of key paths: a JSON list or comma-joined text."""
    if text.strip().startswith("["):
        loaded = jsonio.loads(text)
        return [str(item) for item in loaded] if isinstance(loaded, list) else []
    return [part.strip() for part in text.split(",") if part.strip()]


def _data(action_run: ActionRun) -> list[dict[str, Any]]:
    """The start data of each child; a collection gives one an element, with the element under `item` (engine 10.2)."""
    action, params = action_run.action, action_run.turn.state.params
    base = inherited(params, key_list(action.text("paramsToCopy")), key_list(action.text("withoutParams")))
    collection_key = action.text("collectionKey")
    if not collection_key:
        return [base]
    collection = paths.get(params, collection_key)
    if not isinstance(collection, list):
        raise ActionFailed(f"'{collection_key}' is not a list. Set it before this node, then retry.", kind="Node")
    return [{**base, "item": item} for item in collection]


def _child(
    action_run: ActionRun, snapshot_id: int, parent: InstanceState | None, data: dict[str, Any], index: int
) -> InstanceState:
    """The child of `parent`, or of the own parent in another tree, which then makes it anew (`adopt`)."""
    turn = action_run.turn
    world = turn.world
    graph = world.graph(snapshot_id)
    condition = data.get("startCondition")
    try:
        select_start(graph, condition if isinstance(condition, str) else None)
        check_start(graph, data, world.limits.params)
    except Refusal as refusal:
        raise ActionFailed(f"'{graph.name}' cannot be started: {refusal.message}", kind="Definition") from refusal
    uuid: UUID = world.new_uuid()
    return InstanceState(
        id=next(world.ids),
        uuid=uuid,
        root_id=0 if parent is None else parent.root_id,
        snapshot_id=snapshot_id,
        state=InstanceStatus.STARTED,
        params=data,
        start_params=data,
        started_at=world.now,
        updated_at=world.now,
        owner_id=turn.state.owner_id,
        owner_name=turn.state.owner_name,
        parent_id=turn.state.parent_id if parent is None else parent.id,
        parent_uuid=turn.state.parent_uuid if parent is None else parent.uuid,
        relation="SUBPROCESS",
        test=turn.state.test,
        started_by_action_id=action_run.action.id,
        started_by_token_id=action_run.token.id,
        item_index=index if action_run.action.text("collectionKey") else None,
    )


def _to_start_elsewhere(child: InstanceState, parent_uuid: UUID | None) -> StartChild:
    assert parent_uuid is not None
    assert child.started_by_action_id is not None
    assert child.started_by_token_id is not None
    return StartChild(
        parent_uuid,
        child.uuid,
        child.snapshot_id,
        jsonio.dumps(child.params),
        child.owner_id,
        child.owner_name,
        child.test,
        child.started_by_action_id,
        child.started_by_token_id,
        child.item_index,
    )


def adopt(turn: Turn, stimulus: StartChild) -> bool:
    """Make the subprocess that another tree has started under this instance; false when it is there already."""
    world, parent = turn.world, turn.state
    if stimulus.uuid in world.instances:
        return False
    data = jsonio.loads(stimulus.text)
    assert isinstance(data, dict)
    child = InstanceState(
        id=next(world.ids),
        uuid=stimulus.uuid,
        root_id=parent.root_id,
        snapshot_id=stimulus.snapshot_id,
        state=InstanceStatus.STARTED,
        params=data,
        start_params=data,
        started_at=world.now,
        updated_at=world.now,
        owner_id=stimulus.owner_id,
        owner_name=stimulus.owner_name,
        parent_id=parent.id,
        parent_uuid=parent.uuid,
        relation="SUBPROCESS",
        test=stimulus.test,
        started_by_action_id=stimulus.action_id,
        started_by_token_id=stimulus.token_id,
        item_index=stimulus.item_index,
    )
    world.instances[child.uuid] = child
    world.newborn.append(child)
    return True


def store_output(turn: Turn, output_key: str, value: Any) -> None:
    """Store what the subprocess leaves behind under the output key, if one is set. Raises `ActionFailed`, with nothing stored."""
    if not output_key:
        return
    try:
        data = paths.put(turn.state.params, output_key, value)
    except paths.PathError as error:
        raise ActionFailed(f"The subprocess's data cannot be put at '{output_key}': {error}") from error
    size, limit = jsonio.size_bytes(data), turn.world.limits.params
    if size > limit:
        raise ActionFailed(
            f"With the subprocess's data this instance would have {size / 1024:,.0f} kB; the limit is {limit / 1024:,.0f} kB. "
            "Copy less into the subprocess, then retry: it starts a new one."
        )
    turn.state.params = data
