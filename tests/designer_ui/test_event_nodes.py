"""Node Config of timer, message and milestone nodes: saving, checking, words, hosts and message names (designer 1.3, 1.11)."""

from __future__ import annotations

from typing import Any

import pytest

from designer import export, importing, lint, versions
from designer.compile import compile_version
from designer.design import load
from designer.models import Node, Version
from engine.models import Instance, Token
from tests.designer_ui.conftest import LEASING, address
from tests.designer_ui.pages import Page
from tests.designer_ui.test_node_config import form_of

pytestmark = pytest.mark.django_db


def add(draft: Version, type_name: str, key: str = "event", **config: Any) -> Node:
    """A node of the type beside the sample's."""
    lane = draft.swimlanes.first()
    return Node.objects.create(version=draft, key=key, name=key.title(), type=type_name, swimlane=lane, config=config)


def url(node: Node, rest: str = "") -> str:
    return address(node.version, f"node/{node.key}/config{rest}")


def checked(client: Any, node: Node, **posted: object) -> Page:
    """What the live check answers to the form with these fields changed."""
    return Page(client.post(url(node, "/check"), form_of(node, **posted), HTTP_HX_REQUEST="true"))


FILLED: dict[str, dict[str, Any]] = {
    "TIMER_START": {
        "timerExpression": "0 0 9 ? * MON-FRI",
        "startTime": "2030-01-01T00:00:00Z",
        "endTime": "2030-12-31T00:00:00Z",
    },
    "TIMER_INTERMEDIATE": {"timerExpression": "P14D"},
    "TIMER_BOUNDARY": {"timerExpression": "${delay}", "attachedTo": "rider_details", "interrupting": False},
    "MESSAGE_THROW": {
        "messageName": "Lease signed",
        "correlationKey": "reservation.reservationId",
        "data": '{\n  "by": "${lease.signedBy}"\n}',
    },
    "MESSAGE_CATCH_INTERMEDIATE": {
        "messageName": "Lease signed",
        "correlationKey": "reservation.reservationId",
        "receiveDataKey": "signature",
    },
    "MESSAGE_CATCH_START": {"messageName": "Lease asked for", "correlationKey": "", "receiveDataKey": "asked"},
    "MESSAGE_CATCH_BOUNDARY": {
        "messageName": "Lease withdrawn",
        "correlationKey": "reservation.reservationId",
        "receiveDataKey": "",
        "attachedTo": "bike_reserved",
        "interrupting": True,
    },
}


@pytest.mark.parametrize("type_name", FILLED)
def test_d137_the_fields_are_saved_exported_imported_and_compiled(client_of, draft, type_name):
    node = add(draft, type_name)
    values = FILLED[type_name]
    posted = {name: ("on" if value else None) if isinstance(value, bool) else value for name, value in values.items()}
    answer = client_of("PROCESS_EDIT").post(url(node), form_of(node, **posted))
    assert answer.status_code == 302
    node.refresh_from_db()
    assert node.config == values

    document = export.document(load(Version.objects.get(pk=draft.pk)))
    read = importing.read(export.to_text(document).encode())
    copied, _ = importing.import_version(read, name="copy")
    assert copied.nodes.get(key="event").config == values
    [compiled] = [each for each in compile_version(load(copied))["nodes"] if each["key"] == "event"]
    assert {name: compiled[name] for name in values} == values


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        ({"timerExpression": 5}, "5 is not of type 'string'"),
        ({"interrupting": "yes"}, "'yes' is not of type 'boolean'"),
    ],
)
def test_d142_an_import_refuses_fields_of_another_kind(draft, config, fault):
    add(draft, "TIMER_BOUNDARY", **config)
    document = export.document(load(Version.objects.get(pk=draft.pk)))
    with pytest.raises(versions.VersionRefused) as refused:
        importing.read(export.to_text(document).encode())
    assert [each.code for each in refused.value.problems] == ["IMP-004"]
    assert fault in refused.value.problems[0].message


def test_no_field_of_an_event_stands_in_for_another_member_of_the_snapshot(draft):
    add(draft, "TIMER_INTERMEDIATE", timerExpression="P1D", id=7, type="END", actions=[])
    [compiled] = [each for each in compile_version(load(draft))["nodes"] if each["key"] == "event"]
    assert (compiled["id"], compiled["type"]) == (draft.nodes.get(key="event").pk, "TIMER_INTERMEDIATE")


@pytest.mark.parametrize(
    ("type_name", "text", "code"),
    [
        ("TIMER_INTERMEDIATE", "P30S", "TMR-003"),
        ("TIMER_INTERMEDIATE", "2030-13-01T09:00:00Z", "TMR-016"),
        ("TIMER_BOUNDARY", "R5/PT2H", "TMR-012"),
        ("TIMER_START", "P1D", "TMR-017"),
        ("TIMER_START", "0 0 9 * *", "TMR-018"),
        ("TIMER_START", "${when}", "TMR-019"),
    ],
)
def test_d139_a_timer_of_another_kind_is_refused_at_its_field_live_and_on_save(client_of, draft, type_name, text, code):
    node = add(draft, type_name, attachedTo="rider_details")
    client = client_of("PROCESS_EDIT")
    live = checked(client, node, timerExpression=text)
    assert live["node.config.timerExpression.error"].get("data-code") == code
    saved = Page(client.post(url(node), form_of(node, timerExpression=text)))
    assert saved["node.config.timerExpression.error"].get("data-code") == code
    assert saved["node.config.timerExpression"].get("value") == text
    assert "node.config.summary" in saved
    node.refresh_from_db()
    assert "timerExpression" not in node.config


def test_d139_a_guess_is_offered_and_fills_the_field_without_javascript(client_of, draft):
    node = add(draft, "TIMER_START")
    client = client_of("PROCESS_EDIT")
    fix = checked(client, node, timerExpression="PT2H")["node.config.timerExpression.fix"]
    assert (fix.get("data-into"), fix.get("data-fill")) == ("timerExpression", "R/PT2H")
    page = Page(client.post(url(node), form_of(node, op=fix.get("value"))))
    assert page["node.config.timerExpression"].get("value") == "R/PT2H"
    pick = page["node.config.timerExpression.pick[0 0 9 ? * MON-FRI]"]
    page = Page(client.post(url(node), form_of(node, op=pick.get("value"))))
    assert page["node.config.timerExpression"].get("value") == "0 0 9 ? * MON-FRI"


def test_d139_a_bad_start_or_end_time_is_refused_at_its_field(client_of, draft):
    node = add(draft, "TIMER_START")
    page = checked(client_of("PROCESS_EDIT"), node, timerExpression="R/PT1H", startTime="tomorrow", endTime="${end}")
    assert page["node.config.startTime.error"].get("data-code") == "TMR-016"
    assert page["node.config.endTime.error"].get("data-code") == "TMR-019"


@pytest.mark.parametrize(
    ("type_name", "text", "words"),
    [
        ("TIMER_INTERMEDIATE", "P14D", "14 days after arrival (now → "),
        ("TIMER_BOUNDARY", "PT5M", "); then it fires."),
        ("TIMER_INTERMEDIATE", "2090-05-01T09:00:00Z", "Mon 1 May 2090 "),
        ("TIMER_INTERMEDIATE", "2020-05-01T09:00:00Z", " is over; it moves on at once."),
        ("TIMER_INTERMEDIATE", "${delay}", "Read when the token arrives; then it moves on."),
        ("TIMER_START", "2090-05-01T09:00:00Z", "Activated now, it starts an instance Mon 1 May 2090 "),
        ("TIMER_START", "2020-05-01T09:00:00Z", "It starts no instance: no such time is to come."),
        ("TIMER_START", "R2/2090-05-01T09:00:00Z/P1D", " and Tue 2 May 2090 "),
        ("TIMER_START", "0 0 9 ? * MON-FRI", ", and so on."),
    ],
)
def test_d139_a_timer_is_said_in_words(client_of, draft, type_name, text, words):
    node = add(draft, type_name, attachedTo="rider_details")
    page = checked(client_of("PROCESS_EDIT"), node, timerExpression=text)
    assert words in page["node.config.timerExpression.echo"].words


def test_d139_a_cycle_names_its_next_three_times_inside_start_and_end_time(client_of, draft):
    node = add(draft, "TIMER_START")
    window = {"startTime": "2090-01-01T00:00:00Z", "endTime": "2090-01-03T12:00:00Z"}
    client = client_of("PROCESS_EDIT")
    words = checked(client, node, timerExpression="R/P1D", **window)["node.config.timerExpression.echo"].words
    assert [f"{day} Jan 2090" in words for day in (1, 2, 3, 4)] == [True, True, True, False]
    window["endTime"] = "2090-01-02T12:00:00Z"
    words = checked(client, node, timerExpression="R/P1D", **window)["node.config.timerExpression.echo"].words
    assert (words.count("Jan 2090"), "and so on" in words) == (2, False)


def test_a_boundary_event_offers_the_hosts_its_type_may_sit_on_and_says_what_interrupting_does(client_of, draft):
    client = client_of("PROCESS_EDIT")
    timer, catch = add(draft, "TIMER_BOUNDARY", "late"), add(draft, "MESSAGE_CATCH_BOUNDARY", "withdrawn")

    def hosts(node: Node) -> set[str]:
        select = Page(client.get(url(node)))["node.config.attachedTo"]
        return {each.get("value") for each in select.all() if each.tag == "option" and each.get("value")}

    assert hosts(catch) == {"rider_details", "bike_reserved", "offer_other_bike", "sign_lease"}
    assert hosts(timer) == hosts(catch) | {"reserve_bike"}
    page = checked(client, timer, attachedTo="rider_details")
    assert "when it fires, Rider details ends and the token goes on from here." in page.root.words
    page = checked(client, timer, attachedTo="rider_details", interrupting=None)
    assert "Rider details goes on; a side token of its own goes on from here." in page.root.words


def test_a_host_of_another_type_stays_chosen_and_is_named(client_of, draft):
    node = add(draft, "TIMER_BOUNDARY", attachedTo="bike_available", timerExpression="PT1H")
    page = Page(client_of("PROCESS_EDIT").get(url(node)))
    assert "'Event' cannot sit on an exclusive gateway." in page["node.config.attachedTo.error"].words
    [chosen] = [each for each in page["node.config.attachedTo"].all() if "selected" in each.attributes]
    assert chosen.words == "Bike available?"


def test_message_names_of_other_nodes_and_processes_are_suggested(client_of, draft):
    add(draft, "MESSAGE_THROW", "signed", messageName="Lease signed")
    other = Version.objects.get(process__name="bike_advice")
    add(other, "MESSAGE_CATCH_START", "asked", messageName="Advice asked for")
    node = add(draft, "MESSAGE_CATCH_INTERMEDIATE", "wait", messageName="Its own")
    page = Page(client_of("PROCESS_EDIT").get(url(node)))
    suggested = next(each for each in page.root.all() if each.get("id") == "message-names")
    assert [each.get("value") for each in suggested.all() if each.tag == "option"] == [
        "Advice asked for",
        "Lease signed",
    ]


def test_keys_and_data_of_message_nodes_are_checked_at_their_fields(client_of, draft):
    client = client_of("PROCESS_EDIT")
    throw = add(draft, "MESSAGE_THROW", "throw")
    page = checked(client, throw, messageName="x", correlationKey="${a.b}", data='{"a": }')
    assert page["node.config.correlationKey.error"].get("data-code") == "DTS-004"
    assert page["node.config.data.error"].get("data-code") == "JSN-002"
    page = checked(client, throw, messageName="x", correlationKey="reservation", data="[1]")
    assert "node.config.correlationKey.error" not in page
    assert page["node.config.data.error"].get("data-code") == "JSN-003"
    page = checked(
        client, throw, messageName="x", correlationKey="reservation", data='{"to": "${application.client.email}"}'
    )
    assert "would be sent to other processes" in page["node.config.data.error"].words
    catch = add(draft, "MESSAGE_CATCH_INTERMEDIATE", "catch")
    page = checked(client, catch, messageName="x", correlationKey="reservation", receiveDataKey="a..b")
    assert page["node.config.receiveDataKey.error"].get("data-code") == "DTS-002"


def test_what_a_catch_stores_is_a_key_that_conditions_may_read(draft):
    add(
        draft,
        "MESSAGE_CATCH_INTERMEDIATE",
        "catch",
        messageName="x",
        correlationKey="reservation",
        receiveDataKey="bid",
    )
    gateway = draft.nodes.get(type="EXCLUSIVE_GATEWAY")
    gateway.rules[0]["expression"] = "input.bid.price == 1"
    gateway.save()
    assert "KEY-101" not in {each.code for each in lint.check(load(draft))}


def test_a_fix_of_a_timer_is_applied_in_one_click(client_of, draft):
    node = add(draft, "TIMER_INTERMEDIATE", timerExpression="P30S")
    page = Page(client_of("PROCESS_EDIT").get(address(draft, f"node/{node.key}/problems")))
    form = page["fix.TMR-003"].parent
    posted = {each.get("name"): each.get("value") for each in form.all() if each.get("name")}
    client_of("PROCESS_EDIT").post(form.get("action"), posted)
    node.refresh_from_db()
    assert (node.config["timerExpression"], node.revision) == ("PT30S", 2)


def test_what_changed_on_an_event_is_said_in_words_before_publishing(client_of, draft):
    node = draft.nodes.get(key="cooling_off")
    node.config = {"timerExpression": "P7D"}
    node.save()
    page = Page(client_of("PROCESS_ADMIN").get(address(draft, "publish")))
    assert "Timer P14D P7D 7 days" in page["publish.changes"].words
    assert "Cooling-off, 14 days timer" in page["publish.changes"].words


def test_the_cooling_off_node_is_edited_published_and_run_in_test_mode(client_of, draft):
    client = client_of("PROCESS_ADMIN")
    node = draft.nodes.get(key="cooling_off")
    assert client.post(url(node), form_of(node, timerExpression="P7D", name="Cooling-off, 7 days")).status_code == 302
    assert client.post(address(draft, "publish"), {"message": "Shorter"}).status_code == 302
    published = Version.objects.get(process__name=LEASING, state="PUBLISHED")
    [compiled] = [each for each in compile_version(load(published))["nodes"] if each["key"] == "cooling_off"]
    assert (compiled["type"], compiled["timerExpression"]) == ("TIMER_INTERMEDIATE", "P7D")


@pytest.mark.parametrize(
    ("type_name", "config"), [("TIMER_START", FILLED["TIMER_START"]), ("MESSAGE_CATCH_START", {"messageName": "Go"})]
)
def test_d076_a_draft_that_only_a_timer_or_message_starts_can_be_tried_in_test_mode(
    client_of, draft, type_name, config
):
    draft.nodes.filter(type="START").update(type=type_name, config=config)
    answer = client_of("PROCESS_EDIT").post(address(draft, "start"), {"params": "{}"})
    assert answer.status_code == 302
    run = Instance.objects.get()
    assert (run.test, run.state) == (True, "STARTED")
    assert [token.current_node_name for token in Token.objects.all()] == ["Rider details"]
