"""Every code of Action Edit, Back in steps and Data to send: when it comes, its text and its fix (designer 1.13)."""

from __future__ import annotations

import pytest

from designer.catalog import ActionValues, Param
from designer.forms.action_form import new_values
from designer.lint import Problem, Severity, check, check_action
from tests.designer.conftest import Draft

pytestmark = pytest.mark.django_db


def found(draft: Draft, values: ActionValues, code: str) -> Problem | None:
    """The first finding of that code when the values stand in the draft."""
    design = draft.design.with_action(values)
    return next((each for each in check_action(design, values) if each.code == code), None)


def edited(draft: Draft, kind: str = "SAVE_DATA", *, on: str = "user_task", **fields: object) -> ActionValues:
    """A new action with some fields changed, all else as a new one has it."""
    values = new_values(draft.design, draft.nodes[on], kind)
    for name, value in fields.items():
        setattr(values, name, value)
    return values


def test_d016_e071_a_new_action_has_the_documented_defaults(draft: Draft):
    draft.action("first", manual=True)
    values = edited(draft, "KAFKA_SEND")
    assert (values.order, values.manual, values.optional, values.repeatable, values.auto_run_children) == (
        2,
        False,
        False,
        False,
        False,
    )
    assert values.timer_expression == ""
    assert values.text("headers") == '{"processInstanceId": ${processInstanceId}}'
    assert values.replaces("message")


@pytest.mark.parametrize("name", ["", "   "])
def test_d027_an_empty_name_is_act_001(draft: Draft, name: str):
    problem = found(draft, edited(draft, name=name), "ACT-001")
    assert problem is not None
    assert (problem.message, problem.field, problem.severity) == (
        "Enter a name for this action.",
        "name",
        Severity.ERROR,
    )


def test_d027_a_long_name_is_act_002_with_its_length(draft: Draft):
    assert (
        found(draft, edited(draft, name="n" * 105), "ACT-002").message
        == "Use at most 100 characters for the name (now 105)."
    )
    assert found(draft, edited(draft, name="n" * 100), "ACT-002") is None


def test_d027_an_illegal_character_is_act_003_and_its_fix_cleans_the_name(draft: Draft):
    problem = found(draft, edited(draft, name="send mail: now"), "ACT-003")
    assert problem.message == "' ' cannot be used in an action name. Use letters, digits, '_', '-' or '.'."
    assert problem.fix.value == "send_mail_now"
    assert found(draft, edited(draft, name="send-mail.V2_"), "ACT-003") is None


def test_d028_a_name_is_unique_in_the_version_and_free_in_others(draft: Draft, make_draft):
    other_node = draft.node("TASK", name="Lookup")
    draft.action("lookup", on=other_node.key)
    problem = found(draft, edited(draft, name="lookup"), "ACT-004")
    assert problem.message == "'lookup' is already used by an action on node 'Lookup'."
    assert problem.fix.value == "lookup_2"
    other = make_draft("elsewhere")
    assert found(other, edited(other, name="lookup"), "ACT-004") is None


@pytest.mark.parametrize("order", [None, 0, -1])
def test_d029_an_order_below_one_or_none_is_act_005(draft: Draft, order: int | None):
    assert found(draft, edited(draft, order=order), "ACT-005").message == "Order must be a whole number, 1 or higher."


def test_d030_e079_an_order_is_unique_among_siblings_only(draft: Draft):
    parent = draft.action("parent", manual=True, keys=["a"])
    draft.node("TASK", name="Other")
    problem = found(draft, edited(draft, order=1, name="second"), "ACT-006")
    assert problem.message == "Order 1 is already used by 'parent'."
    assert [fix.label for fix in problem.fixes] == ["Use 2", "Swap with parent"]
    assert found(draft, edited(draft, order=1, name="child", parent_name=parent.name), "ACT-006") is None
    assert found(draft, edited(draft, on="task", order=1, name="elsewhere"), "ACT-006") is None


def test_an_unknown_type_is_act_007_with_the_choices(draft: Draft):
    problem = found(draft, edited(draft, type="FAX_SEND"), "ACT-007")
    assert (
        problem.message
        == "'FAX_SEND' is not an action type. Choose Kafka Send Action, Websocket Send Action or Save Data."
    )


def test_an_imported_type_that_is_not_installed_is_act_021_and_blocks(draft: Draft):
    stored = draft.action("fax", type="FAX_SEND")
    problem = next(each for each in check(draft.design) if each.code == "ACT-021")
    assert problem.message == "Action type 'FAX_SEND' is not available here; 'fax' cannot run."
    assert (problem.severity, problem.action) == (Severity.BLOCKER, stored.name)


def test_d015_a_send_message_task_takes_kafka_sends_only(make_draft):
    draft = make_draft(kinds="START MESSAGE_EVENT_SEND END")
    problem = found(draft, edited(draft, "WEBSOCKET_SEND", on="message_event_send"), "ACT-008")
    assert problem.message == "A Websocket Send Action cannot be added to a send message task node."
    assert found(draft, edited(draft, "KAFKA_SEND", on="message_event_send"), "ACT-008") is None


@pytest.mark.parametrize(
    ("kind", "takes"),
    [
        ("TASK", True),
        ("USER_TASK", True),
        ("MESSAGE_EVENT_SEND", True),
        ("MESSAGE_EVENT_RECEIVE", False),
        ("EXCLUSIVE_GATEWAY", False),
    ],
)
def test_e008_only_activities_take_actions(make_draft, kind: str, takes: bool):
    draft = make_draft(kinds=f"START {kind} END")
    problem = found(draft, edited(draft, "KAFKA_SEND", on=kind.lower()), "ACT-018")
    assert (problem is None) is takes
    if kind == "EXCLUSIVE_GATEWAY":
        assert problem.message == "An exclusive gateway node cannot have actions."


def test_d019_e074_a_manual_kafka_send_is_act_009(draft: Draft):
    problem = found(draft, edited(draft, "KAFKA_SEND", manual=True), "ACT-009")
    assert problem.message == "A Kafka Send Action is always Automatic."
    assert found(draft, edited(draft, "WEBSOCKET_SEND", manual=True), "ACT-009") is None


@pytest.mark.parametrize("kind", ["KAFKA_SEND", "WEBSOCKET_SEND", "SAVE_DATA"])
def test_d020_e072_automatic_and_optional_is_act_010_for_every_type(draft: Draft, kind: str):
    problem = found(draft, edited(draft, kind, optional=True), "ACT-010")
    assert problem.message == "An Automatic action must be Mandatory."


@pytest.mark.parametrize("optional", [True, False])
def test_d020_e073_a_manual_action_may_be_mandatory_or_optional(draft: Draft, optional: bool):
    values = edited(draft, "WEBSOCKET_SEND", manual=True, optional=optional)
    assert found(draft, values, "ACT-010") is None
    assert found(draft, values, "ACT-009") is None


@pytest.mark.parametrize(
    ("fields", "field", "label"),
    [
        ({"keys": ["a.b"]}, "keys", "Keys"),
        ({"allow_token_reset": True}, "allowTokenReset", "Allow BACK on this action"),
        ({"restart_from_snapshot": True}, "restartFromSnapshot", "Restart from snapshot"),
        ({"keys_for_restart": ["a"]}, "keysForRestart", "Keys for restart"),
    ],
)
def test_d022_e075_e076_manual_only_values_on_an_automatic_action_are_act_011(
    draft: Draft, fields, field: str, label: str
):
    problem = found(draft, edited(draft, "WEBSOCKET_SEND", **fields), "ACT-011")
    assert (problem.field, problem.message) == (field, f"'{label}' can be set only when Trigger type is Manual.")
    assert found(draft, edited(draft, "WEBSOCKET_SEND", manual=True, **fields), "ACT-011") is None


def test_d022_a_parameter_of_another_type_is_act_012(draft: Draft):
    values = edited(draft, "SAVE_DATA")
    values.params["topicName"] = Param("a.b")
    assert found(draft, values, "ACT-012").message == "'Topics' does not belong to a Save Data."


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("targetProcess", "CHILD", "'CHILD' is not a valid Target Process. Choose Active process or Parent process."),
        ("messageType", "loud", "'loud' is not a valid Message Type. Choose Default or Action."),
    ],
)
def test_an_unknown_choice_is_act_013(draft: Draft, key: str, value: str, text: str):
    values = edited(draft, "WEBSOCKET_SEND")
    values.params[key] = Param(value)
    assert found(draft, values, "ACT-013").message == text


def test_d031_e077_a_parent_on_another_node_is_act_014(draft: Draft):
    draft.node("TASK", name="Other")
    draft.action("far", on="task", manual=True)
    problem = found(draft, edited(draft, parent_name="far"), "ACT-014")
    assert problem.message == "The parent action must be on the same node ('user_task')."
    assert found(draft, edited(draft, parent_name=""), "ACT-014") is None


def test_d031_e077_a_loop_of_parents_is_act_015_and_nesting_is_allowed(draft: Draft):
    top = draft.action("top", manual=True)
    middle = draft.action("middle", parent=top)
    low = draft.action("low", parent=middle)
    design = draft.design
    assert not [each for each in check(design) if each.code == "ACT-015"]
    looped = next(each for each in design.actions if each.id == top.pk).copy()
    looped.parent_name = low.name
    problem = found(draft, looped, "ACT-015")
    assert problem.message == "'top' cannot be its own ancestor (top → low → middle → top)."


def test_d032_autorun_without_an_eligible_child_is_act_019(draft: Draft):
    parent = draft.action("parent", manual=True, keys=["a"], auto_run_children=True)
    draft.action("by_hand", parent=parent, manual=True)
    warned = [each for each in check(draft.design) if each.code == "ACT-019"]
    assert [each.message for each in warned] == [
        "Autorun Children is on, but no child is both Mandatory and Automatic."
    ]
    draft.websocket("runs", parent=parent)
    assert not [each for each in check(draft.design) if each.code == "ACT-019"]


def test_a_manual_mandatory_action_without_a_screen_is_act_020(make_draft):
    draft = make_draft(kinds="START TASK END")
    draft.action("approve", on="task", manual=True, keys=["a"])
    problem = next(each for each in check(draft.design) if each.code == "ACT-020")
    assert problem.message == "The token waits until 'approve' is run through the API."


def test_names_that_differ_by_capitals_are_act_022_once(draft: Draft):
    draft.action("Send", manual=True)
    draft.action("send", manual=True)
    warned = [each for each in check(draft.design) if each.code == "ACT-022"]
    assert [each.message for each in warned] == ["'send' and 'Send' differ only in capital letters."]


def test_d129_a_child_that_runs_once_below_a_repeatable_parent_is_act_023(draft: Draft):
    parent = draft.action("button", manual=True, optional=True, repeatable=True, keys=["a"], auto_run_children=True)
    draft.websocket("tell", parent=parent)
    problem = next(each for each in check(draft.design) if each.code == "ACT-023")
    assert problem.message == "'button' is repeatable, but 'tell' runs only once per arrival."
    assert problem.fix.field == "repeatable"


def test_d056_e076_restart_settings_without_allow_back_are_bck_001(draft: Draft):
    values = edited(draft, "WEBSOCKET_SEND", manual=True, restart_from_snapshot=True)
    assert found(draft, values, "BCK-001").message == "Turn on 'Allow BACK on this action' first."
    values.allow_token_reset = True
    assert found(draft, values, "BCK-001") is None


def test_d056_keys_without_a_snapshot_are_bck_002(draft: Draft):
    values = edited(draft, "WEBSOCKET_SEND", manual=True, allow_token_reset=True, keys_for_restart=["a"])
    assert found(draft, values, "BCK-002").message == "Keys for restart do nothing without 'Restart from snapshot'."


def test_d056_a_later_node_without_can_go_back_is_bck_003(make_draft):
    draft = make_draft(kinds="START USER_TASK TASK END")
    values = edited(draft, "WEBSOCKET_SEND", manual=True, allow_token_reset=True)
    assert found(draft, values, "BCK-003") is None
    draft.nodes["task"].can_go_back = False
    draft.nodes["task"].save()
    text = "Node 'task' does not allow going back; this action cannot be reached from beyond it."
    assert found(draft, values, "BCK-003").message == text


@pytest.mark.parametrize("field", ["keys", "keys_for_restart"])
@pytest.mark.parametrize(
    ("listed", "code", "text"),
    [
        (["  "], "DTS-001", "Remove the empty key or enter a path."),
        (["a..b"], "DTS-002", "'a..b' is not a key path. Example: application.client.email"),
        (["processInstanceId"], "DTS-002", "'processInstanceId' is not a key path. Example: application.client.email"),
        (["a.b", "a.b"], "DTS-003", "'a.b' is listed twice."),
        (["${a.b}"], "DTS-004", "Enter the key itself, without '${ }'."),
    ],
)
def test_d057_a_wrong_key_is_refused_in_every_list_of_keys(draft: Draft, field: str, listed, code: str, text: str):
    values = edited(
        draft, "WEBSOCKET_SEND", manual=True, allow_token_reset=True, restart_from_snapshot=True, **{field: listed}
    )
    problem = found(draft, values, code)
    assert (problem.message, problem.severity) == (text, Severity.ERROR)


def test_d057_input_keys_copy_lists_and_settings_are_checked_alike(draft: Draft):
    draft.nodes["user_task"].input_keys = ["${x}"]
    draft.nodes["user_task"].save()
    draft.version.mandatory_params = ["a b"]
    draft.version.search_keys = ["k", "k"]
    draft.version.save()
    message = '{"processName": "crm", "type": "START_PROCESS_INHERIT", "params": {"paramsToCopy": ["1x"]}}'
    draft.websocket("open", kind="action", message=message)
    places = {(each.code, each.field) for each in check(draft.design)}
    assert {
        ("DTS-004", "inputKeys"),
        ("DTS-002", "mandatoryParams"),
        ("DTS-003", "searchKeys"),
        ("DTS-002", "message"),
    } <= places


def test_a_key_of_data_to_send_holds_no_index(draft: Draft):
    assert found(draft, edited(draft, manual=True, keys=["rows[0].name"]), "DTS-002") is not None


def test_d058_a_key_below_another_is_dts_005_by_whole_segments(draft: Draft):
    draft.attribute("application.client", type="OBJECT")
    draft.attribute("application.clientX")
    values = edited(draft, manual=True, keys=["application.client", "application.client.email", "application.clientX"])
    covered = [
        each.message for each in check_action(draft.design.with_action(values), values) if each.code == "DTS-005"
    ]
    assert covered == ["'application.client.email' is already covered by 'application.client'."]


def test_a_key_outside_the_data_model_is_dts_006(draft: Draft):
    draft.attribute("application.email")
    problem = found(draft, edited(draft, manual=True, keys=["application.emial"]), "DTS-006")
    assert problem.message == "'application.emial' is not in the data model. Did you mean 'application.email'?"
    assert problem.severity == Severity.WARNING


def test_d130_save_data_that_stores_nothing_warns(draft: Draft):
    assert found(draft, edited(draft), "SAV-001").message == "An Automatic Save Data has nothing to store."
    problem = found(draft, edited(draft, name="store", manual=True), "SAV-002")
    assert problem.message == "Without Data to send keys 'store' stores nothing."
    assert found(draft, edited(draft, manual=True, keys=["a"]), "SAV-002") is None


def test_types_are_offered_in_order(draft: Draft):
    from designer.catalog import types_for

    assert [kind.type for kind in types_for("USER_TASK")] == ["KAFKA_SEND", "WEBSOCKET_SEND", "SAVE_DATA"]
    assert [kind.type for kind in types_for("MESSAGE_EVENT_SEND")] == ["KAFKA_SEND"]
    keys = {kind.type: [spec.key for spec in kind.params] for kind in types_for("USER_TASK")}
    assert keys == {
        "KAFKA_SEND": ["source", "topicName", "message", "headers", "messageKey"],
        "WEBSOCKET_SEND": ["messageType", "message", "targetProcess"],
        "SAVE_DATA": [],
    }
