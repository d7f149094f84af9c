"""Upload File: tells the other system of a temporary file; its bytes never travel over Kafka (engine 4.8)."""

from __future__ import annotations

from engine.core import jsonio
from engine.core.actions import kafka_send
from engine.core.actions.run import ActionFailed, ActionRun


def run(action_run: ActionRun) -> None:
    """Send the reference to the file of this run. Raises `ActionFailed` when there is none, or a part is not legal."""
    upload = action_run.visit.actions[action_run.action.id].upload
    if not upload:
        raise ActionFailed(f"'{action_run.action.name}' was run without a file. Upload one through the action.")
    topics = kafka_send.topics_of(action_run)
    body: dict[str, jsonio.Json] = {"tempFileId": upload}
    for name, what in (("customId", "folder"), ("documentType", "document type")):
        param = action_run.action.params.get(name)
        body[name] = "" if param is None else action_run.plain_text(param, what=what)[0]
    kafka_send.send(action_run, topics, jsonio.dumps(body), action_run.turn.state.uuid_text)
