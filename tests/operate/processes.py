"""Processes and instances that the tests of the operator screens look at, made and run by the engine itself."""

from __future__ import annotations

from uuid import uuid4

from django.test import Client

from engine import publishing
from engine.core.stimuli import Actor
from tests.builders import TOPIC, Running, kafka_send, process, save_data, websocket_send

RIDER = Actor("rider app", None)


def leasing(**fields: object) -> process:
    """A form, a send, a wait for its reply with a time-out, a delayed push, an end. `rider.email` is sensitive."""
    return (
        process("leasing", sensitiveKeys=["rider.email"], **fields)
        .start("Opened")
        .user_task("Rider details", save_data("submit_details", ["rider"]), swimlane="Rider")
        .send(
            "Reserve bike",
            kafka_send("reserve_bike", "bikes.v1", '{"name": "${rider.name}", "mail": "${rider.email}"}'),
        )
        .receive("Bike reserved", TOPIC, "reservation", responseTimeout="PT2M")
        .task("Tell rider", websocket_send("tell_rider", '{"to": "${rider.email}"}', timerExpression="PT5M"))
        .end("Active")
    )


def asking(params: dict | None = None) -> Running:
    """Waits for a person."""
    return leasing().publish().start({"rider": {"email": "ada@example.com"}} if params is None else params, RIDER)


def waiting() -> Running:
    """Waits for a reply, with a pending response time-out."""
    running = asking()
    running.execute("submit_details", {"rider": {"name": "Ada"}}, RIDER)
    return running


def delayed() -> Running:
    """Waits for a delayed action."""
    running = waiting()
    running.reply({"bike": 7}, message_id=uuid4())
    return running


def finished() -> Running:
    running = delayed()
    running.fire()
    return running


def stuck() -> Running:
    """Its send has no value for a placeholder of its topic."""
    return (
        process("returns", sensitiveKeys=["rider.email"])
        .start("Asked")
        .user_task("Form", save_data("submit", ["rider"]))
        .send("Tell the shop", kafka_send("tell_shop", "shop.${region}.v1", '{"mail": "${rider.email}"}'))
        .end("Done")
        .publish()
        .start({"rider": {"email": "ada@example.com"}}, RIDER)
    )


def stuck_now() -> Running:
    running = stuck()
    running.execute("submit", {}, RIDER)
    return running


def mend() -> None:
    """Give the placeholder its value, so that a retry succeeds."""
    publishing.store_generic_parameter("region", "north")


def status_address(running: Running) -> str:
    return f"/admin/runtime/instances/{running.uuid}/"


def page_of(client: Client, running: Running, query: str = "") -> str:
    answer = client.get(f"{status_address(running)}{query}")
    assert answer.status_code == 200
    return answer.content.decode()
