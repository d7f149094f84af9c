"""Node Config: the fields of each type, live check, saving, conflicts (designer 1.3, 0.5)."""

import pytest

from designer import node_form
from designer.models import Node, Version
from tests.designer_ui.conftest import HTMX, address
from tests.designer_ui.pages import Page

pytestmark = pytest.mark.django_db

COMMON = {"name", "canGoBack", "swimlane", "stage"}
FIELDS = {
    "START": COMMON | {"startCondition"},
    "END": {"name", "swimlane", "stage"},
    "TASK": COMMON | {"flowNames", "responseTimeout", "dataStreamTopics", "updateTaskManagement"},
    "USER_TASK": COMMON | {"flowNames", "responseTimeout", "dataStreamTopics", "updateTaskManagement", "inputKeys"},
    "MESSAGE_EVENT_SEND": COMMON | {"flowNames"},
    "MESSAGE_EVENT_RECEIVE": COMMON | {"flowNames", "responseTimeout", "dataStreamTopics"},
    "EXCLUSIVE_GATEWAY": COMMON | {"rules"},
}
PLACE = {"name", "swimlane", "stage"}
MESSAGE = {"messageName", "correlationKey"}
EVENT_FIELDS = {
    "MILESTONE_START": PLACE,
    "MILESTONE_END": PLACE,
    "PARALLEL_GATEWAY": PLACE,
    "TIMER_START": PLACE | {"timerExpression", "startTime", "endTime"},
    "TIMER_INTERMEDIATE": COMMON | {"timerExpression"},
    "TIMER_BOUNDARY": PLACE | {"timerExpression", "attachedTo", "interrupting"},
    "MESSAGE_THROW": COMMON | MESSAGE | {"data"},
    "MESSAGE_CATCH_INTERMEDIATE": COMMON | MESSAGE | {"receiveDataKey"},
    "MESSAGE_CATCH_START": PLACE | MESSAGE | {"receiveDataKey"},
    "MESSAGE_CATCH_BOUNDARY": PLACE | MESSAGE | {"receiveDataKey", "attachedTo", "interrupting"},
}
TOPIC = "ai.flowx.dev.engine.receive.answers.v1"


def form_of(node: Node, **changed: object) -> dict[str, object]:
    """What a browser posts for this node, with some fields changed; None leaves a field out."""
    values = node_form.values_of(node)
    posted: dict[str, object] = {"revision": node.revision, "base": node_form.base_of(node)}
    for name, value in values.items():
        if name == "dataStreamTopics":
            posted["topicName"] = [row["topicName"] for row in value]
            posted["keyName"] = [row["keyName"] for row in value]
        elif name == "rules":
            posted["expression"] = [row["expression"] for row in value if row["expression"]]
            posted["nextNodeName"] = [row["nextNodeName"] for row in value if row["expression"]]
            posted["else"] = next((row["nextNodeName"] for row in value if not row["expression"]), "")
        elif isinstance(value, bool):
            posted |= {name: "on"} if value else {}
        else:
            posted[name] = "\n".join(value) if isinstance(value, list) else value
    posted |= changed
    return {name: value for name, value in posted.items() if value is not None}


def node_of(draft: Version, type_name: str) -> Node:
    """A node of the type: the sample's, or a new one beside it."""
    found = draft.nodes.filter(type=type_name).first()
    return found or Node.objects.create(version=draft, key="new", name="New", type=type_name)


def fields_shown(page: Page) -> set[str]:
    return {element.get("data-field") for element in page.root.all() if "data-field" in element.attributes}


@pytest.mark.parametrize("type_name", FIELDS)
def test_d014_node_config_shows_the_fields_of_its_type_and_no_others(client_of, draft, type_name):
    node = node_of(draft, type_name)
    page = Page(client_of("PROCESS_EDIT").get(address(draft, f"node/{node.key}/config")))
    assert fields_shown(page) == FIELDS[type_name]


@pytest.mark.parametrize("type_name", EVENT_FIELDS)
def test_d137_each_timer_message_and_milestone_node_shows_exactly_its_fields(client_of, draft, type_name):
    node = node_of(draft, type_name)
    client = client_of("PROCESS_EDIT")
    page = Page(client.get(address(draft, f"node/{node.key}/config")))
    assert fields_shown(page) == EVENT_FIELDS[type_name] == set(node_form.fields_of(node))
    live = client.post(address(draft, f"node/{node.key}/config/check"), form_of(node), HTTP_HX_REQUEST="true")
    assert {f"note-{name}" for name in EVENT_FIELDS[type_name]} <= {each.get("id") for each in Page(live).root.all()}


@pytest.mark.parametrize(
    ("type_name", "tab"),
    [(name, name in ("TASK", "USER_TASK", "MESSAGE_EVENT_SEND")) for name in FIELDS | EVENT_FIELDS],
)
def test_d013_the_actions_tab_is_there_for_task_user_task_and_send_message_task_only(client_of, draft, type_name, tab):
    node = node_of(draft, type_name)
    client = client_of("PROCESS_EDIT")
    assert ("panel.tab.actions" in Page(client.get(address(draft, f"node/{node.key}/config")))) == tab
    answer = client.get(address(draft, f"node/{node.key}/actions"))
    assert answer.status_code == (200 if tab else 404)
    if not tab:
        assert "node cannot have actions. ACT-018" in Page(answer)["panel"].words


def test_fields_that_a_type_does_not_have_are_not_stored_when_posted(client_of, draft):
    node = draft.nodes.get(key="lease_active")
    posted = form_of(node) | {"responseTimeout": "PT5M", "topicName": [TOPIC], "keyName": ["x"], "canGoBack": ""}
    client_of("PROCESS_EDIT").post(address(draft, f"node/{node.key}/config"), posted)
    node.refresh_from_db()
    assert (node.response_timeout, node.data_stream_topics) == ("", [])


def test_saving_stores_the_fields_and_notes_who_saved_when(client_of, draft, people):
    node = draft.nodes.get(key="bike_reserved")
    posted = form_of(node, name="Answer came", responseTimeout="PT30M", canGoBack=None, stage="Waiting")
    answer = client_of("PROCESS_EDIT").post(address(draft, "node/bike_reserved/config"), posted)
    assert answer["Location"] == address(draft, "node/bike_reserved/config")
    node.refresh_from_db()
    assert (node.name, node.response_timeout, node.can_go_back, node.stage) == (
        "Answer came",
        "PT30M",
        False,
        "Waiting",
    )
    before = draft.revision
    draft.refresh_from_db()
    assert draft.revision == before + 1
    assert draft.edited_by == people("PROCESS_EDIT")


def test_save_and_close_leads_back_to_the_canvas(client_of, draft):
    node = draft.nodes.get(key="bike_reserved")
    answer = client_of("PROCESS_EDIT").post(address(draft, "node/bike_reserved/config"), form_of(node, op="close"))
    assert answer["Location"] == address(draft)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "Enter a name of at most 100 characters."),
        ("x" * 101, "Enter a name of at most 100 characters."),
        ("Rider details", "Another node is already named 'Rider details'."),
    ],
)
def test_nod001_is_refused_at_its_field_and_the_text_is_kept(client_of, draft, name, words):
    node = draft.nodes.get(key="bike_reserved")
    page = Page(client_of("PROCESS_EDIT").post(address(draft, "node/bike_reserved/config"), form_of(node, name=name)))
    assert page["node.config.name.error"].get("data-code") == "NOD-001"
    assert words in page["node.config.name.error"].words
    assert page["node.config.name"].get("value") == name
    assert page["node.config.name"].get("aria-describedby") == "note-name"
    assert words in page["node.config.summary"].words
    node.refresh_from_db()
    assert node.name == "Bike reserved"


def test_nod007_a_topic_needs_a_key_and_may_stand_once(client_of, draft):
    node = draft.nodes.get(key="bike_reserved")
    client = client_of("PROCESS_EDIT")
    url = address(draft, "node/bike_reserved/config")
    page = Page(client.post(url, form_of(node, topicName=[TOPIC], keyName=[""])))
    assert "Enter the key that receives the reply." in page["node.config.dataStreamTopics.error"].words
    page = Page(client.post(url, form_of(node, topicName=[TOPIC, TOPIC], keyName=["a", "a"])))
    assert f"Topic '{TOPIC}' is listed twice." in page["node.config.dataStreamTopics.error"].words
    node.refresh_from_db()
    assert [row["keyName"] for row in node.data_stream_topics] == ["reservation"]


def test_d073_nod006_a_topic_outside_the_engines_pattern_is_named_but_a_draft_keeps_it(client_of, draft):
    node = draft.nodes.get(key="bike_reserved")
    client = client_of("PROCESS_EDIT")
    client.post(
        address(draft, "node/bike_reserved/config"), form_of(node, topicName=["warehouse.v1"], keyName=["reservation"])
    )
    node.refresh_from_db()
    assert node.data_stream_topics == [{"topicName": "warehouse.v1", "keyName": "reservation"}]
    page = Page(client.get(address(draft, "node/bike_reserved/config")))
    assert page["node.config.dataStreamTopics.error"].get("data-code") == "NOD-006"
    assert "The engine does not listen on 'warehouse.v1'" in page["node.config.dataStreamTopics.error"].words


def test_rows_of_topics_are_added_and_removed_without_javascript_and_nothing_is_stored(client_of, draft):
    node = draft.nodes.get(key="bike_reserved")
    client = client_of("PROCESS_EDIT")
    url = address(draft, "node/bike_reserved/config")
    page = Page(client.post(url, form_of(node, op="add_topic", name="Typed")))
    assert len(page.ids("node.config.dataStreamTopics.topic[")) == 2
    assert page["node.config.name"].get("value") == "Typed"
    page = Page(client.post(url, form_of(node, op="remove_topic_0")))
    assert page.ids("node.config.dataStreamTopics.topic[") == []
    page = Page(client.post(url, form_of(node, op="fill_PT5M")))
    assert page["node.config.responseTimeout"].get("value") == "PT5M"
    node.refresh_from_db()
    assert (len(node.data_stream_topics), node.response_timeout, node.name) == (1, "PT2M", "Bike reserved")


def test_d150_the_live_check_says_what_a_save_would_and_stores_nothing(client_of, draft):
    node = draft.nodes.get(key="bike_reserved")
    client = client_of("PROCESS_EDIT")
    posted = form_of(node, responseTimeout="P30S", name="")
    live = client.post(address(draft, "node/bike_reserved/config/check"), posted, HTTP_HX_REQUEST="true")
    saved = Page(client.post(address(draft, "node/bike_reserved/config"), posted))
    page = Page(live)
    assert sorted(set(page.codes())) == sorted(set(saved.codes())) == ["NOD-001", "TMR-003"]
    assert page["node.config.responseTimeout.error"].words == saved["node.config.responseTimeout.error"].words
    assert page["node.config.responseTimeout.fix"].get("value") == "fill_PT30S"
    assert not page.tags("input")
    node.refresh_from_db()
    assert node.response_timeout == "PT2M"


def test_a_timeout_is_said_in_words_with_the_clock(client_of, draft):
    node = draft.nodes.get(key="bike_reserved")
    client = client_of("PROCESS_EDIT")
    page = Page(
        client.post(
            address(draft, "node/bike_reserved/config/check"),
            form_of(node, responseTimeout="P2D"),
            HTTP_HX_REQUEST="true",
        )
    )
    words = page["node.config.responseTimeout.echo"].words
    assert words.startswith("2 days after the wait begins (now → ")
    assert words.endswith("); then the token moves on.")


def test_gateway_rules_keep_their_order_and_the_else_stands_last(client_of, draft):
    node = draft.nodes.get(type="EXCLUSIVE_GATEWAY")
    posted = form_of(
        node,
        expression=["input.a == 1", "input.b == 2"],
        nextNodeName=["Sign lease", "Offer other bike"],
        **{"else": "Offer other bike"},
    )
    client_of("PROCESS_EDIT").post(address(draft, f"node/{node.key}/config"), posted)
    node.refresh_from_db()
    assert [(rule["order"], rule["expression"], rule["nextNodeName"]) for rule in node.rules] == [
        (1, "input.a == 1", "Sign lease"),
        (2, "input.b == 2", "Offer other bike"),
        (3, "", "Offer other bike"),
    ]


def test_a_condition_that_cannot_be_read_is_an_error_of_the_rules(client_of, draft):
    node = draft.nodes.get(type="EXCLUSIVE_GATEWAY")
    posted = form_of(node, expression=["input.a =="], nextNodeName=["Sign lease"])
    page = Page(client_of("PROCESS_EDIT").post(address(draft, f"node/{node.key}/config"), posted))
    assert page["node.config.rules.error"].get("data-code") == "EXP-002"
    assert page["node.config.rules.expression[0]"].get("value") == "input.a =="


def test_renaming_a_node_follows_in_gateway_rules(client_of, draft):
    node = draft.nodes.get(key="sign_lease")
    client_of("PROCESS_EDIT").post(address(draft, "node/sign_lease/config"), form_of(node, name="Sign the lease"))
    gateway = draft.nodes.get(type="EXCLUSIVE_GATEWAY")
    assert "Sign the lease" in {rule["nextNodeName"] for rule in gateway.rules}


def test_a_stale_save_answers_409_keeps_the_text_lists_what_changed_and_saving_again_overwrites(client_of, draft):
    node = draft.nodes.get(key="bike_reserved")
    client = client_of("PROCESS_EDIT")
    url = address(draft, "node/bike_reserved/config")
    late = form_of(node, name="Mine")
    client_of("PROCESS_ADMIN").post(url, form_of(node, responseTimeout="PT9M"))
    answer = client.post(url, late)
    assert answer.status_code == 409
    page = Page(answer)
    conflict = page["node.config.conflict"].words
    assert "process_admin changed this node" in conflict
    assert "Response timeout PT2M PT9M" in conflict
    assert page["node.config.name"].get("value") == "Mine"
    again = {
        each.get("name"): each.get("value")
        for each in page["node.config"].all()
        if each.get("name") in ("revision", "base")
    }
    assert client.post(url, late | again).status_code == 302
    node.refresh_from_db()
    assert (node.name, node.response_timeout) == ("Mine", "PT2M")


def test_a_save_right_after_ones_own_save_is_not_stale(client_of, draft):
    client = client_of("PROCESS_EDIT")
    url = address(draft, "node/bike_reserved/config")
    for name in ("One", "Two"):
        page = Page(client.get(url))
        node = draft.nodes.get(key="bike_reserved")
        posted = form_of(node, name=name)
        fresh = next(each.get("value") for each in page["node.config"].all() if each.get("name") == "revision")
        assert client.post(url, posted | {"revision": fresh}, **HTMX).status_code == 200
    assert draft.nodes.get(key="bike_reserved").name == "Two"


def test_the_answer_to_a_save_brings_the_counts_and_the_drawing_with_it(client_of, broken):
    gateway = broken.nodes.get(type="EXCLUSIVE_GATEWAY")
    answer = client_of("PROCESS_EDIT").post(
        address(broken, f"node/{gateway.key}/config"), form_of(gateway, **{"else": "Offer other bike"}), **HTMX
    )
    page = Page(answer)
    assert page["version.problems"].words == "Problems errors 1 warnings 1"
    assert page["version.problems"].get("hx-swap-oob") == "true"
    assert "Saved" in page["node.config.state"].words
    assert "else" in next(each for each in page.root.all() if each.get("id") == "diagram").words


def test_can_go_back_off_names_the_steps_that_become_unreachable(client_of, draft):
    node = draft.nodes.get(key="bike_reserved")
    page = Page(
        client_of("PROCESS_EDIT").post(
            address(draft, "node/bike_reserved/config/check"), form_of(node, canGoBack=None), HTTP_HX_REQUEST="true"
        )
    )
    assert "Rider details and Reserve bike can no longer be reached by going back." in page.root.words


def test_input_keys_are_read_one_a_row_and_checked(client_of, draft):
    node = draft.nodes.get(key="rider_details")
    client = client_of("PROCESS_EDIT")
    url = address(draft, "node/rider_details/config")
    client.post(url, form_of(node, inputKeys="application.client.firstName\n\nreservation\n"))
    node.refresh_from_db()
    assert node.input_keys == ["application.client.firstName", "reservation"]
    page = Page(client.post(url, form_of(node, inputKeys="a..b")))
    assert page["node.config.inputKeys.error"].get("data-code") == "DTS-002"
