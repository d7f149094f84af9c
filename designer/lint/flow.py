"""Checks of the whole drawing: starts and ends, what can be reached, loops, ways in and out (NOD and PRC codes)."""

from __future__ import annotations

from collections.abc import Iterator

from designer.design import Design
from designer.lint.events import side_token_checks
from designer.lint.expression import data_paths
from designer.lint.keys import check_key_list
from designer.lint.problem import Fix, Problem, problem
from designer.models import Node
from designer.nodetypes import node_kind
from engine.core import durations, expressions, paths
from engine.core.durations import TimerError
from engine.core.expressions import ExpressionError


def process_checks(design: Design) -> Iterator[Problem]:
    """What belongs to the process, not to one node."""
    kinds = [node_kind(node.type) for node in design.nodes]
    for what, found in (("start", any(k.is_start for k in kinds)), ("end", any(k.is_end for k in kinds))):
        if not found:
            yield problem("NOD-002", "nodes", what=what)
    yield from _start_conditions(design)
    timers = [node for node in design.nodes if node.type == "TIMER_START"]
    for second in timers[1:]:
        yield problem("NOD-011", "nodes", on_node=second.key, a=timers[0].name, b=second.name)
    yield from _expiry(design)
    yield from check_key_list(design, design.version.mandatory_params, "mandatoryParams", in_model=True)
    yield from check_key_list(design, design.version.search_keys, "searchKeys", in_model=True)
    yield from _executors(design)


def flow_checks(design: Design) -> Iterator[Problem]:
    """Ways between nodes; each finding names its node."""
    reached = _reachable(design)
    loops = _loops_without_wait(design)
    for node in design.nodes:
        kind = node_kind(node.type)
        ways_in, ways_out = design.incoming.get(node.pk, []), design.outgoing.get(node.pk, [])
        if node.pk not in reached and not kind.is_boundary:
            yield problem("NOD-004", "sequences", on_node=node.key, n=node.name)
        if not ways_out and not kind.is_end:
            yield problem("NOD-004", "sequences", on_node=node.key, variant="no_way_out", n=node.name)
        if kind.is_gateway and len(ways_in) > 1 and len(ways_out) > 1:
            yield problem("NOD-012", "sequences", on_node=node.key, n=node.name)
        wrong = (
            ("no outgoing", kind.is_end and ways_out),
            ("no incoming", kind.is_start and ways_in),
            ("only one outgoing", not kind.is_gateway and not kind.is_end and len(ways_out) > 1),
        )
        for what, is_so in wrong:
            if is_so:
                yield problem("NOD-014", "sequences", on_node=node.key, n=node.name, what=what)
        if node.pk in loops:
            yield problem("NOD-010", "sequences", on_node=node.key, a=node.name)
        yield from _untested_timeout(design, node)
    yield from side_token_checks(design)


def _start_conditions(design: Design) -> Iterator[Problem]:
    starts = [node for node in design.nodes if node.type == "START"]
    if len(starts) < 2:
        return
    given = [node.start_condition.strip() for node in starts]
    for node, condition in zip(starts, given, strict=True):
        if not condition or given.count(condition) > 1:
            yield problem("NOD-003", "startCondition", on_node=node.key)


def _expiry(design: Design) -> Iterator[Problem]:
    text = design.version.expiry_time.strip()
    if not text:
        return
    try:
        durations.parse_duration(text)
    except TimerError:
        if "${" in text:
            yield problem("TMR-019", "expiryTime")
        elif " " not in text:
            yield problem("PRC-005", "expiryTime", v=text)
        elif fault := cron_fault(text):
            yield problem("PRC-005", "expiryTime", variant="cron", fault=fault)


def cron_fault(text: str) -> str:
    """What is wrong with a six-field cron expression, in a few words; '' when nothing is."""
    from croniter import CroniterError, croniter

    fields = text.split()
    if len(fields) != 6:
        return f"{len(fields)} found"
    try:
        croniter(" ".join([*fields[1:], fields[0]]).replace("?", "*"))
    except (CroniterError, ValueError) as error:
        return str(error).rstrip(".")
    return ""


def _executors(design: Design) -> Iterator[Problem]:
    lanes = {lane.pk: lane.name for lane in design.swimlanes}
    for node in design.nodes:
        if node.type == "START" and not design.executors.get(lanes.get(node.swimlane_id or 0, "Default")):
            yield problem("PRC-006", "swimlane", on_node=node.key, fix=Fix("Choose a group", "group", "swimlane"))
            return


def _reachable(design: Design) -> set[int]:
    found = {node.pk for node in design.nodes if node_kind(node.type).is_start or node_kind(node.type).is_boundary}
    waiting = list(found)
    while waiting:
        for following in design.outgoing.get(waiting.pop(), []):
            if following.pk not in found:
                found.add(following.pk)
                waiting.append(following.pk)
    return found


def waits(design: Design, node: Node) -> bool:
    """Whether a token that arrives stays for a message, a person or a timer, so that a loop over it cannot run away."""
    kind = node_kind(node.type)
    if kind.waits or (node.type == "TASK" and node.data_stream_topics):
        return True
    actions = [each for each in design.actions_by_node.get(node.pk, []) if not each.parent_name and not each.optional]
    return any(each.manual or each.timer_expression.strip() for each in actions)


def _loops_without_wait(design: Design) -> set[int]:
    """One node of every loop on which no token ever waits: the first of it in the version (NOD-010).

    Strongly connected parts of the graph without its waiting nodes (Tarjan, without recursion: 500 nodes in a row are
    allowed).
    """
    free = {node.pk: [] for node in design.nodes if not waits(design, node)}  # type: dict[int, list[int]]
    for pk, ways in free.items():
        ways.extend(each.pk for each in design.outgoing.get(pk, []) if each.pk in free)
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    looping: set[int] = set()
    for root in free:
        if root in index:
            continue
        work = [(root, iter(free[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        while work:
            pk, onward = work[-1]
            following = next(onward, None)
            if following is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[pk])
                if low[pk] == index[pk]:
                    part = [stack.pop()]
                    while part[-1] != pk:
                        part.append(stack.pop())
                    if len(part) > 1 or pk in free[pk]:
                        looping.add(min(part))
            elif following not in index:
                index[following] = low[following] = len(index)
                stack.append(following)
                work.append((following, iter(free[following])))
            elif following in stack:
                low[pk] = min(low[pk], index[following])
    return looping


def _untested_timeout(design: Design, node: Node) -> Iterator[Problem]:
    """NOD-016: the way goes on after a timeout, and the next gateway tests none of the keys that are missing then."""
    waits_here = node.type == "MESSAGE_EVENT_RECEIVE" or (node.type == "TASK" and node.data_stream_topics)
    if not node.response_timeout.strip() or not waits_here:
        return
    gateway = _next_gateway(design, node)
    if gateway is None:
        return
    read = _paths_of_rules(gateway)
    for row in node.data_stream_topics:
        key = str(row.get("keyName", ""))
        try:
            path = paths.parse(key)
        except paths.PathError:
            continue
        if not any(each[: len(path)] == path for each in read):
            yield problem("NOD-016", "responseTimeout", on_node=node.key, key=key, gateway=gateway.name)


def _next_gateway(design: Design, node: Node) -> Node | None:
    seen = {node.pk}
    ways = design.outgoing.get(node.pk, [])
    while len(ways) == 1 and ways[0].pk not in seen:
        seen.add(ways[0].pk)
        if ways[0].type == "EXCLUSIVE_GATEWAY" and len(design.outgoing.get(ways[0].pk, [])) > 1:
            return ways[0]
        ways = design.outgoing.get(ways[0].pk, [])
    return None


def _paths_of_rules(gateway: Node) -> list[paths.Path]:
    found: list[paths.Path] = []
    for rule in gateway.rules:
        text = str(rule.get("expression") or "")
        if not text.strip():
            continue
        try:
            compiled = expressions.compile_expression(text)
        except ExpressionError:
            continue
        found.extend(data_paths(compiled))
    return found
