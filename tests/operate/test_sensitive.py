"""Sensitive values: hidden wherever staff look, shown one by one to who may see them, each look in the audit log."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client

from engine.core import jsonio
from engine.models import AuditEntry, FailedStart
from engine.queries.masking import MASK, Mask
from tests.builders import Running, process
from tests.operate.processes import asking, delayed, leasing, page_of, status_address

SECRET = "ada@example.com"


def shown_everywhere(client: Client, running: Running) -> dict[str, str]:
    """Every place where the page shows data of this instance."""
    sent = running.sent()[0].seq
    received = running.journal("Message Receive")[0].number
    queries = (
        "",
        "?tab=messages",
        f"?tab=messages&message=out-{sent}",
        f"?tab=messages&message=in-{received}",
        "?tab=audit",
        "?tab=exceptions",
        "?find=ada",
        "?path=rider.email",
        "?path=rider",
    )
    pages = {query: page_of(client, running, query) for query in queries}
    for file in ("variables.json", "timeline.json"):
        pages[file] = client.get(f"{status_address(running)}{file}").content.decode()
    return pages


def test_d095_e248_sensitive_values_are_hidden_and_go_out_as_configured(operator: Client) -> None:
    running = delayed()
    running.fire()
    for place, text in shown_everywhere(operator, running).items():
        assert SECRET not in text, place
    assert MASK in page_of(operator, running)
    # what was configured to carry them carries them
    assert SECRET in running.sent()[0].value
    assert SECRET in jsonio.dumps(running.frames("data")[0])


def test_the_message_is_shown_with_the_mask_where_the_value_stands(operator: Client) -> None:
    running = delayed()
    detail = page_of(operator, running, f"?tab=messages&message=out-{running.sent()[0].seq}")
    assert "&quot;mail&quot;: &quot;•••&quot;" in detail
    assert "&quot;name&quot;: &quot;Ada&quot;" in detail


def test_a_hidden_value_is_hidden_in_old_messages_though_the_data_holds_another_by_now(operator: Client) -> None:
    running = delayed()
    row = running.row
    row.params = jsonio.dumps({"rider": {"email": "new@example.com"}})
    row.save()
    assert SECRET not in page_of(operator, running, f"?tab=messages&message=out-{running.sent()[0].seq}")


def test_a_search_never_finds_what_is_hidden(operator: Client) -> None:
    running = asking()
    assert "status.variables.no-match" in page_of(operator, running, "?find=ada@example")
    assert "status.variables.row[rider.email]" in page_of(operator, running, "?find=email")


def test_d095_e248_revealing_needs_the_right_and_leaves_a_view_in_the_audit_log(
    operator: Client, trusted: Client
) -> None:
    running = asking()
    address = f"{status_address(running)}reveal/"
    refused = operator.post(address, {"path": "rider.email"})
    assert refused.status_code == 403
    assert "You need the right ‘reveal_sensitive’ to reveal sensitive values." in refused.content.decode()
    assert not AuditEntry.objects.filter(event="View").exists()
    assert "status.variables.reveal" not in page_of(operator, running)
    assert "status.variables.reveal[rider.email]" in page_of(trusted, running)

    answer = trusted.post(address, {"path": "rider.email"}, headers={"X-Fragment": "row"})
    assert f"&quot;{SECRET}&quot;" in answer.content.decode()
    entry = AuditEntry.objects.get(event="View")
    assert (entry.user, entry.subject, entry.identifier) == ("tessa", "Process Instance", str(running.uuid))
    assert entry.details == {"path": "rider.email"}
    audit = page_of(operator, running, "?tab=audit")
    assert ">View<" in audit
    assert "rider.email" in audit
    # the page itself goes on hiding it
    assert SECRET not in page_of(trusted, running)


def test_revealing_works_without_javascript_and_only_for_what_is_there(trusted: Client) -> None:
    running = asking()
    whole = trusted.post(f"{status_address(running)}reveal/", {"path": "rider.email"})
    assert f"&quot;{SECRET}&quot;" in whole.content.decode()
    assert trusted.post(f"{status_address(running)}reveal/", {"path": "rider.nothing"}).status_code == 404
    assert trusted.get(f"{status_address(running)}reveal/").status_code == 405
    assert AuditEntry.objects.filter(event="View").count() == 1


def test_revealing_is_refused_without_the_token_of_the_form(trusted: Client) -> None:
    running = asking()
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = trusted.cookies
    assert strict.post(f"{status_address(running)}reveal/", {"path": "rider.email"}).status_code == 403
    assert not AuditEntry.objects.filter(event="View").exists()


def test_the_values_of_a_failed_start_are_hidden_by_the_published_version(reader: Client) -> None:
    leasing().publish()
    row = FailedStart.objects.create(
        process_name="leasing",
        caller="mira",
        source="REST",
        error_key="error.validation.process_instance.mandatory_params_missing",
        message="Some mandatory params are missing.",
        body=jsonio.dumps({"rider": {"email": SECRET, "name": "Ada"}}),
        at=asking().row.started_at,
    )
    page = reader.get(f"/admin/runtime/failed-starts/{row.pk}/").content.decode()
    assert SECRET not in page
    assert "&quot;name&quot;: &quot;Ada&quot;" in page
    assert "Some mandatory params are missing." in page


def test_a_user_with_neither_right_gets_no_data_at_all(stranger: Client) -> None:
    running = asking()
    for file in ("variables.json", "timeline.json", "reveal/"):
        answer = (
            stranger.post(f"{status_address(running)}{file}")
            if file == "reveal/"
            else stranger.get(f"{status_address(running)}{file}")
        )
        assert answer.status_code == 403


# -- the three ways of hiding ------------------------------------------------------------------------------------------


def test_by_path_lists_included() -> None:
    mask = Mask(["client.cards.number", "token"])
    data = {"client": {"cards": [{"number": 1, "kind": "a"}, {"number": 2}], "numbers": 3}, "token": {"deep": 1}}
    assert mask.hide(data) == {
        "client": {"cards": [{"number": MASK, "kind": "a"}, {"number": MASK}], "numbers": 3},
        "token": MASK,
    }


def test_by_value_in_texts_and_numbers() -> None:
    mask = Mask(["a", "n", "short"], {"a": "sec.ret", "n": 987654, "short": "x"})
    assert mask.hide_in_text("is sec.ret, not secXret") == f"is {MASK}, not secXret"
    assert mask.hide_values({"k": ["sec.ret!", 987654, True, 1], "t": "987654 x"}) == {
        "k": [f"{MASK}!", MASK, True, 1],
        "t": f"{MASK} x",
    }


@pytest.mark.parametrize(
    ("source", "value", "shown"),
    [
        ('{"m": "${a.b}", "n": "${a.c}"}', {"m": "x", "n": "y"}, {"m": MASK, "n": "y"}),
        ('{"m": "to ${a.b} only"}', {"m": "to x only"}, {"m": MASK}),
        ('{"all": ${a}}', {"all": {"b": "x", "c": "y"}}, {"all": {"b": MASK, "c": "y"}}),
        (
            '{"rows": ${list}}',
            {"rows": [{"pin": 1, "k": 2}, {"pin": 3}]},
            {"rows": [{"pin": MASK, "k": 2}, {"pin": MASK}]},
        ),
        ("${a}", {"b": "x", "c": "y"}, {"b": MASK, "c": "y"}),
        ("not a template", {"m": "x"}, {"m": "x"}),
    ],
)
def test_by_template_wherever_a_sensitive_placeholder_stood(source: str, value: dict, shown: dict) -> None:
    assert Mask(["a.b", "list.pin"]).hide_in_message(value, source) == shown


def test_what_came_is_hidden_by_the_key_it_is_stored_under(reader: Client) -> None:
    running = process(sensitiveKeys=["reply.iban"]).start().receive("Wait").end().publish().start()
    running.reply({"iban": "DE00 1234", "ok": True}, message_id=uuid4())
    number = running.journal("Message Receive")[0].number
    row = running.row
    row.params = "{}"
    row.save()
    detail = page_of(reader, running, f"?tab=messages&message=in-{number}")
    assert "DE00" not in detail
    assert "&quot;ok&quot;: true" in detail
    timeline = reader.get(f"{status_address(running)}timeline.json").content.decode()
    assert "DE00" not in timeline
