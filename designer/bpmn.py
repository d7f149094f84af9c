"""Rows to BPMN 2.0 XML with its drawing, which bpmn-js shows on the canvas and the status page.

Takes rows that are already loaded and asks the database nothing. Shape ids are `node_<node id>`, `flow_<sequence id>` and
`lane_<swimlane id>`; a snapshot keeps the text, so an old instance is drawn as its version was. Reading BPMN back joins here
when drawing on the canvas is built.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Seq
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from designer.models import Node, Sequence, Swimlane
from designer.nodetypes import node_kind

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
BPMNDI = "http://www.omg.org/spec/BPMN/20100524/DI"
DC = "http://www.omg.org/spec/DD/20100524/DC"
DI = "http://www.omg.org/spec/DD/20100524/DI"
for _prefix, _uri in (("bpmn", BPMN), ("bpmndi", BPMNDI), ("dc", DC), ("di", DI)):
    ET.register_namespace(_prefix, _uri)

ELEMENTS: Mapping[str, str] = {
    "START": "startEvent",
    "END": "endEvent",
    "TASK": "task",
    "USER_TASK": "userTask",
    "MESSAGE_EVENT_SEND": "sendTask",
    "MESSAGE_EVENT_RECEIVE": "receiveTask",
    "EXCLUSIVE_GATEWAY": "exclusiveGateway",
    "PARALLEL_GATEWAY": "parallelGateway",
    "SUBPROCESS_RUN": "callActivity",
    "MILESTONE_START": "intermediateThrowEvent",
    "MILESTONE_END": "intermediateThrowEvent",
    "TIMER_START": "startEvent",
    "TIMER_INTERMEDIATE": "intermediateCatchEvent",
    "TIMER_BOUNDARY": "intermediateCatchEvent",
    "MESSAGE_THROW": "intermediateThrowEvent",
    "MESSAGE_CATCH_INTERMEDIATE": "intermediateCatchEvent",
    "MESSAGE_CATCH_START": "startEvent",
    "MESSAGE_CATCH_BOUNDARY": "intermediateCatchEvent",
}
"""Stored node types (engine 1.4) and the BPMN element that draws them; a type that is not listed is drawn as a task. Boundary
events are drawn so only while they sit on nothing: see `_boundary`."""

EVENTS: Mapping[str, str] = {
    "TIMER_START": "timerEventDefinition",
    "TIMER_INTERMEDIATE": "timerEventDefinition",
    "TIMER_BOUNDARY": "timerEventDefinition",
    "MESSAGE_THROW": "messageEventDefinition",
    "MESSAGE_CATCH_INTERMEDIATE": "messageEventDefinition",
    "MESSAGE_CATCH_START": "messageEventDefinition",
    "MESSAGE_CATCH_BOUNDARY": "messageEventDefinition",
}
"""What each event waits for or sends, as its symbol shows."""

POOL_HEAD = 30
LABEL_WIDTH = 78
LABEL_LINE = 14
LINE_CHARACTERS = 12
CONDITION_LENGTH = 34


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on the canvas, in its units (pixels at 100 %)."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def bottom(self) -> int:
        return self.y + self.height

    @property
    def middle(self) -> tuple[int, int]:
        return self.x + self.width // 2, self.y + self.height // 2


Point = tuple[int, int]


def draw(name: str, swimlanes: Seq[Swimlane], nodes: Seq[Node], sequences: Seq[Sequence]) -> str:
    """BPMN 2.0 XML of these rows: a pool named after the process, its lanes, nodes, sequences, and where each is drawn."""
    by_id = {node.id: node for node in nodes}
    flows = [flow for flow in sequences if flow.source_id in by_id and flow.target_id in by_id]
    defaults = {node.id: else_flow(node, flows, by_id) for node in nodes}
    root = ET.Element(f"{{{BPMN}}}definitions", {"id": "definitions", "targetNamespace": "urn:flowx-actions"})
    _model(root, name, swimlanes, nodes, flows, defaults)
    _drawing(root, swimlanes, nodes, flows, defaults)
    return ET.tostring(root, encoding="unicode", xml_declaration=True)


def else_flow(node: Node, flows: Iterable[Sequence], by_id: Mapping[int, Node]) -> Sequence | None:
    """The sequence that a gateway takes when no condition holds (engine 1.5)."""
    target = next((rule.get("nextNodeName") for rule in node.rules if not rule.get("expression")), None)
    return next((flow for flow in flows if flow.source_id == node.id and by_id[flow.target_id].name == target), None)


def condition(flow: Sequence, by_id: Mapping[int, Node]) -> str:
    """The words on a sequence that leaves a gateway: `else`, its condition when that is short, and never part of one.

    The only condition beside `else` of a gateway that asks ("Bike available?") is its `yes`. A long condition among several
    is called by its number in the gateway's list: `rule 2`.
    """
    source, target = by_id[flow.source_id], by_id[flow.target_id]
    position, rule = next(
        ((at, rule) for at, rule in enumerate(source.rules, start=1) if rule.get("nextNodeName") == target.name),
        (0, None),
    )
    if rule is None or len(source.rules) < 2:
        return ""
    if not (expression := rule.get("expression")):
        return "else"
    words = str(expression).replace("input.", "")
    long = len(words) > CONDITION_LENGTH
    if len(source.rules) == 2 and (long or source.name.rstrip().endswith("?")):
        return "yes"
    return f"rule {position}" if long else words


def route(source: Box, target: Box) -> list[Point]:
    """Where a sequence runs when nobody drew it: straight when the two face each other, else with one or two corners."""
    (sx, sy), (tx, ty) = source.middle, target.middle
    if source.y < ty < source.bottom and (source.right <= target.x or target.right <= source.x):
        forward = source.right <= target.x
        return [(source.right if forward else source.x, ty), (target.x if forward else target.right, ty)]
    if source.x < tx < source.right:
        down = source.bottom <= target.y
        return [(tx, source.bottom if down else source.y), (tx, target.y if down else target.bottom)]
    if source.right + 20 <= target.x:
        half = (source.right + target.x) // 2
        return [(source.right, sy), (half, sy), (half, ty), (target.x, ty)]
    down = source.bottom <= target.y
    half = (source.bottom + target.y) // 2 if down else (source.y + target.bottom) // 2
    return [
        (sx, source.bottom if down else source.y),
        (sx, half),
        (tx, half),
        (tx, target.y if down else target.bottom),
    ]


def waypoints(flow: Sequence, by_id: Mapping[int, Node]) -> list[Point]:
    """The corners of a sequence, drawn by hand or routed."""
    if flow.waypoints:
        return [(round(point["x"]), round(point["y"])) for point in flow.waypoints]
    return route(box(by_id[flow.source_id]), box(by_id[flow.target_id]))


def box(row: Node | Swimlane) -> Box:
    return Box(row.x, row.y, row.width, row.height)


def pool_box(swimlanes: Seq[Swimlane]) -> Box | None:
    """The pool around all lanes, with its head at the left."""
    if not swimlanes:
        return None
    left, top = min(lane.x for lane in swimlanes), min(lane.y for lane in swimlanes)
    right = max(lane.x + lane.width for lane in swimlanes)
    bottom = max(lane.y + lane.height for lane in swimlanes)
    return Box(left - POOL_HEAD, top, right - left + POOL_HEAD, bottom - top)


def _model(
    root: ET.Element,
    name: str,
    swimlanes: Seq[Swimlane],
    nodes: Seq[Node],
    flows: Seq[Sequence],
    defaults: Mapping[int, Sequence | None],
) -> None:
    by_id = {node.id: node for node in nodes}
    if swimlanes:
        collaboration = _add(root, BPMN, "collaboration", id="collaboration")
        _add(collaboration, BPMN, "participant", id="pool", name=name, processRef="process")
    process = _add(root, BPMN, "process", id="process", isExecutable="false")
    if swimlanes:
        lanes = _add(process, BPMN, "laneSet", id="lanes")
        for lane in swimlanes:
            element = _add(lanes, BPMN, "lane", id=f"lane_{lane.id}", name=lane.name)
            for node in nodes:
                if node.swimlane_id == lane.id:
                    _add(element, BPMN, "flowNodeRef").text = f"node_{node.id}"
    for node in nodes:
        attributes = {"id": f"node_{node.id}", "name": node.name}
        if default := defaults[node.id]:
            attributes["default"] = f"flow_{default.id}"
        boundary = _boundary(node, nodes)
        element = _add(
            process, BPMN, "boundaryEvent" if boundary else ELEMENTS.get(node.type, "task"), **attributes, **boundary
        )
        if definition := EVENTS.get(node.type):
            _add(element, BPMN, definition, id=f"node_{node.id}_event")
    for flow in flows:
        attributes = {
            "id": f"flow_{flow.id}",
            "sourceRef": f"node_{flow.source_id}",
            "targetRef": f"node_{flow.target_id}",
        }
        if words := condition(flow, by_id):
            attributes["name"] = words
        _add(process, BPMN, "sequenceFlow", **attributes)


def _host(node: Node, nodes: Seq[Node]) -> Node | None:
    if not node_kind(node.type).is_boundary:
        return None
    host = next((each for each in nodes if each.key == node.config.get("attachedTo") and each.id != node.id), None)
    return None if host is None or node_kind(host.type).is_boundary else host


def _boundary(node: Node, nodes: Seq[Node]) -> dict[str, str]:
    """What makes an event sit on its host, which is named by its key; nothing for other nodes and for one without a host."""
    host = _host(node, nodes)
    if host is None:
        return {}
    interrupts = node.config.get("interrupting") is not False
    return {"attachedToRef": f"node_{host.id}", "cancelActivity": "true" if interrupts else "false"}


def _drawing(
    root: ET.Element,
    swimlanes: Seq[Swimlane],
    nodes: Seq[Node],
    flows: Seq[Sequence],
    defaults: Mapping[int, Sequence | None],
) -> None:
    by_id = {node.id: node for node in nodes}
    diagram = _add(root, BPMNDI, "BPMNDiagram", id="diagram")
    plane = _add(diagram, BPMNDI, "BPMNPlane", id="plane", bpmnElement="collaboration" if swimlanes else "process")
    if pool := pool_box(swimlanes):
        _shape(plane, "pool", pool, isHorizontal="true")
    for lane in swimlanes:
        _shape(plane, f"lane_{lane.id}", box(lane), isHorizontal="true")
    for node in nodes:
        marker = {"isMarkerVisible": "true"} if node.type == "EXCLUSIVE_GATEWAY" else {}
        shape = _shape(plane, f"node_{node.id}", box(node), **marker)
        if label := label_box(node, _host(node, nodes)):
            _bounds(_add(shape, BPMNDI, "BPMNLabel"), label)
    for flow in flows:
        edge = _add(plane, BPMNDI, "BPMNEdge", id=f"flow_{flow.id}_di", bpmnElement=f"flow_{flow.id}")
        points = waypoints(flow, by_id)
        for x, y in points:
            _add(edge, DI, "waypoint", x=str(x), y=str(y))
        if words := condition(flow, by_id):
            _bounds(_add(edge, BPMNDI, "BPMNLabel"), edge_label_box(points, words))


def label_box(node: Node, host: Node | None = None) -> Box | None:
    """Where the name of an event or gateway stands: as it was dragged, else centred below, or above where the event sits on
    the upper edge of its host. Tasks carry their name inside."""
    if node.width > 60:
        return None
    if node.label:
        return Box(*(round(node.label[side]) for side in ("x", "y", "width", "height")))
    lines = max(1, -(-len(node.name) // LINE_CHARACTERS))
    middle, height = box(node).middle
    above = host is not None and height < box(host).middle[1]
    top = node.y - 6 - lines * LABEL_LINE if above else node.y + node.height + 6
    return Box(middle - LABEL_WIDTH // 2, top, LABEL_WIDTH, lines * LABEL_LINE)


def edge_label_box(points: list[Point], words: str) -> Box:
    """Beside the first stretch of a sequence: above a level one; right of an upright one, where it leaves its gateway."""
    (x1, y1), (x2, y2) = points[0], points[1]
    width = min(LABEL_WIDTH + 40, 7 * len(words) + 8)
    lines = -(-7 * len(words) // width)
    if y1 == y2:
        return Box((x1 + x2) // 2 - width // 2, y1 - 6 - lines * LABEL_LINE, width, lines * LABEL_LINE)
    away = min(12, abs(y2 - y1) // 3)
    top = y1 + away if y2 > y1 else y1 - away - lines * LABEL_LINE
    return Box(x1 + 8, top, width, lines * LABEL_LINE)


def _add(parent: ET.Element, space: str, tag: str, **attributes: str) -> ET.Element:
    return ET.SubElement(parent, f"{{{space}}}{tag}", {key: _printable(value) for key, value in attributes.items()})


def _shape(plane: ET.Element, element: str, bounds: Box, **attributes: str) -> ET.Element:
    shape = _add(plane, BPMNDI, "BPMNShape", id=f"{element}_di", bpmnElement=element, **attributes)
    _bounds(shape, bounds)
    return shape


def _bounds(parent: ET.Element, bounds: Box) -> None:
    sides: dict[str, Any] = {"x": bounds.x, "y": bounds.y, "width": bounds.width, "height": bounds.height}
    _add(parent, DC, "Bounds", **{side: str(value) for side, value in sides.items()})


def _printable(text: str) -> str:
    """Without the control characters that XML 1.0 cannot carry; names with them come only from hand-made imports."""
    return "".join(character for character in text if character >= " " or character in "\t\n")
