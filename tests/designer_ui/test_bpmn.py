"""Rows drawn as BPMN 2.0 XML: elements, lanes, labels, routes (what bpmn-js and the status page show)."""

import itertools
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from designer import bpmn
from designer.models import Node, Sequence, Swimlane

NAMES = {"b": bpmn.BPMN, "di": bpmn.BPMNDI, "dc": bpmn.DC, "d": bpmn.DI}


def node(pk: int, type_name: str = "TASK", name: str = "Node", **fields) -> Node:
    small = type_name in ("START", "END")
    size = {"width": 36, "height": 36} if small else {"width": 100, "height": 80}
    return Node(pk=pk, key=f"n{pk}", name=name, type=type_name, **{**size, **fields})


def flow(pk: int, source: Node, target: Node, **fields) -> Sequence:
    return Sequence(pk=pk, key=f"f{pk}", source=source, target=target, **fields)


def parsed(**rows) -> ET.Element:
    drawing = {"swimlanes": [], "nodes": [], "sequences": [], **rows}
    return ET.fromstring(bpmn.draw("leasing", drawing["swimlanes"], drawing["nodes"], drawing["sequences"]))


@pytest.mark.parametrize(("type_name", "element"), bpmn.ELEMENTS.items())
def test_each_node_type_is_drawn_as_its_element_under_the_shape_id_of_its_row(type_name, element):
    root = parsed(nodes=[node(7, type_name, name="Here")])
    found = root.find(f".//b:{element}", NAMES)
    assert found is not None
    assert (found.get("id"), found.get("name")) == ("node_7", "Here")
    assert root.find(".//di:BPMNShape[@bpmnElement='node_7']/dc:Bounds", NAMES) is not None


def test_lanes_hold_their_nodes_and_the_pool_reaches_around_them():
    lanes = [
        Swimlane(pk=1, key="a", name="Rider", x=40, y=10, width=700, height=200),
        Swimlane(pk=2, key="b", name="Desk", x=40, y=210, width=700, height=150),
    ]
    root = parsed(swimlanes=lanes, nodes=[node(5, swimlane=lanes[1])])
    assert [each.text for each in root.findall(".//b:lane[@name='Desk']/b:flowNodeRef", NAMES)] == ["node_5"]
    bounds = root.find(".//di:BPMNShape[@bpmnElement='pool']/dc:Bounds", NAMES)
    assert {side: bounds.get(side) for side in ("x", "y", "width", "height")} == {
        "x": "10",
        "y": "10",
        "width": "730",
        "height": "350",
    }


def test_a_gateway_names_its_conditions_and_marks_the_else():
    gateway = node(1, "EXCLUSIVE_GATEWAY", width=50, height=50)
    yes, no = node(2, name="Yes", x=200), node(3, name="No", x=200, y=300)
    gateway.rules = [
        {"order": 1, "language": "ZEN", "expression": "input.a == 1", "nextNodeName": "Yes"},
        {"order": 2, "language": "ZEN", "expression": "", "nextNodeName": "No"},
    ]
    root = parsed(nodes=[gateway, yes, no], sequences=[flow(8, gateway, yes), flow(9, gateway, no)])
    assert root.find(".//b:exclusiveGateway", NAMES).get("default") == "flow_9"
    assert root.find(".//b:sequenceFlow[@id='flow_8']", NAMES).get("name") == "a == 1"
    assert root.find(".//b:sequenceFlow[@id='flow_9']", NAMES).get("name") == "else"


LONG = "input.reservation != null and input.reservation.error == null"


@pytest.mark.parametrize(
    ("name", "conditions", "words"),
    [
        ("Bike available?", ["input.a == 1", ""], "yes"),
        ("Amount", ["input.a == 1", ""], "a == 1"),
        ("Amount", [LONG, ""], "yes"),
        ("Bike available?", ["input.a == 1", "input.a == 2", ""], "a == 1"),
        ("Bike available?", [LONG, "input.a == 2", ""], "rule 1"),
        ("Bike available?", ["input.a == 1"], ""),
    ],
)
def test_a_sequence_carries_short_words_and_never_part_of_a_condition(name, conditions, words):
    gateway = node(1, "EXCLUSIVE_GATEWAY", name=name, width=50, height=50)
    first = node(2, name="To 0", x=200)
    gateway.rules = [{"expression": each, "nextNodeName": f"To {at}"} for at, each in enumerate(conditions)]
    assert bpmn.condition(flow(1, gateway, first), {1: gateway, 2: first}) == words


@pytest.mark.parametrize(
    ("source", "target", "points"),
    [
        (bpmn.Box(0, 0, 100, 80), bpmn.Box(200, 20, 36, 36), [(100, 38), (200, 38)]),
        (bpmn.Box(200, 0, 100, 80), bpmn.Box(0, 0, 100, 80), [(200, 40), (100, 40)]),
        (bpmn.Box(0, 0, 100, 80), bpmn.Box(0, 200, 100, 80), [(50, 80), (50, 200)]),
        (bpmn.Box(0, 0, 100, 80), bpmn.Box(200, 300, 100, 80), [(100, 40), (150, 40), (150, 340), (200, 340)]),
        (bpmn.Box(300, 0, 100, 80), bpmn.Box(0, 300, 100, 80), [(350, 80), (350, 190), (50, 190), (50, 300)]),
    ],
)
def test_sequences_that_nobody_drew_are_routed_with_right_angles(source, target, points):
    assert bpmn.route(source, target) == points


box = st.builds(
    bpmn.Box, st.integers(-2000, 2000), st.integers(-2000, 2000), st.integers(20, 300), st.integers(20, 300)
)


@given(box, box)
def test_every_route_begins_and_ends_at_its_nodes_and_has_right_angles_only(source, target):
    points = bpmn.route(source, target)
    for (x1, y1), (x2, y2) in itertools.pairwise(points):
        assert x1 == x2 or y1 == y2
    for (x, y), shape in ((points[0], source), (points[-1], target)):
        assert shape.x <= x <= shape.right
        assert shape.y <= y <= shape.bottom


def test_corners_drawn_by_hand_are_kept():
    one, two = node(1), node(2, x=300)
    drawn = flow(4, one, two, waypoints=[{"x": 1, "y": 2}, {"x": 3, "y": 4}])
    root = parsed(nodes=[one, two], sequences=[drawn])
    found = root.findall(".//di:BPMNEdge/d:waypoint", NAMES)
    assert [(point.get("x"), point.get("y")) for point in found] == [("1", "2"), ("3", "4")]


@pytest.mark.parametrize(("type_name", "definition"), bpmn.EVENTS.items())
def test_events_have_the_symbol_of_what_they_wait_for_or_send(type_name, definition):
    root = parsed(nodes=[node(7, type_name)])
    assert root.find(f".//b:{bpmn.ELEMENTS[type_name]}[@id='node_7']/b:{definition}", NAMES) is not None


@pytest.mark.parametrize(("interrupting", "cancels"), [(None, "true"), (True, "true"), (False, "false")])
def test_a_boundary_event_sits_on_the_node_that_its_key_names(interrupting, cancels):
    config = {"attachedTo": "n1"} | ({} if interrupting is None else {"interrupting": interrupting})
    root = parsed(nodes=[node(2, "TIMER_BOUNDARY", config=config), node(1, "USER_TASK")])
    event = root.find(".//b:boundaryEvent[@id='node_2']", NAMES)
    assert (event.get("attachedToRef"), event.get("cancelActivity")) == ("node_1", cancels)
    assert event.find("b:timerEventDefinition", NAMES) is not None


@pytest.mark.parametrize(("y", "label"), [(82, 124), (-18, -38)])
def test_the_name_of_a_boundary_event_stands_outside_its_host(y, label):
    event = node(2, "TIMER_BOUNDARY", y=y, width=36, height=36, config={"attachedTo": "n1"})
    root = parsed(nodes=[event, node(1, "USER_TASK")])
    bounds = root.find(".//di:BPMNShape[@bpmnElement='node_2']/di:BPMNLabel/dc:Bounds", NAMES)
    assert (bounds.get("y"), bounds.get("height")) == (str(label), "14")


@pytest.mark.parametrize("key", ["", "gone", "n2", "n3"])
def test_a_boundary_event_without_a_host_is_drawn_by_itself(key):
    lost = node(2, "MESSAGE_CATCH_BOUNDARY", config={"attachedTo": key})
    other = node(3, "TIMER_BOUNDARY", config={"attachedTo": "n2"})
    root = parsed(nodes=[lost, other])
    assert root.find(".//b:intermediateCatchEvent[@id='node_2']/b:messageEventDefinition", NAMES) is not None
    assert root.find(".//b:boundaryEvent", NAMES) is None


@given(st.text(max_size=40))
def test_d126_any_name_gives_well_formed_xml_and_comes_back_as_text(name):
    root = parsed(nodes=[node(1, "START", name=name)])
    kept = "".join(character for character in name if character >= " " or character in "\t\n")
    read = root.find(".//b:startEvent", NAMES).get("name")
    assert read.split() == kept.replace("\ufffe", "").replace("\uffff", "").split()
