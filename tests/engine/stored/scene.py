"""A scene with one instance of everything that can be stored and still go on: written to a file once a format, then run on.

To add a file for a new format, before the change that makes it: run `write(path)` in a test database and name the file in
`test_stored_state.py`. Files are never changed afterwards.
"""

from pathlib import Path

from django.core import serializers

from engine import clock
from engine.core.stimuli import Hold, Terminate, Unhold
from engine.models import (
    EventSubscription,
    IdBlock,
    Incident,
    Instance,
    JournalEntry,
    OutboxMessage,
    PendingStimulus,
    PublishedProcess,
    ReceivedMessage,
    RestartData,
    Snapshot,
    Timer,
    Token,
    Visit,
)
from engine.testing import BEGIN, Bench, Run, bench
from tests.builders import USER, action, kafka_send, process, save_data, websocket_send

MODELS = (
    IdBlock,
    Snapshot,
    PublishedProcess,
    Instance,
    Token,
    Visit,
    Timer,
    Incident,
    EventSubscription,
    RestartData,
    ReceivedMessage,
    PendingStimulus,
    OutboxMessage,
    JournalEntry,
)
EVENT = {"messageName": "bikeBack", "correlationKey": "bike", "receiveDataKey": "back"}


def processes() -> list[process]:
    """One process a thing that waits."""
    part = process("part").start().user_task("Work", save_data("done", ["result"])).end()
    branches = process("branches").start().add("PARALLEL_GATEWAY", "Split")
    branches.user_task("A", save_data("go_a"), connect=False).link("Split", "A")
    branches.receive("B", connect=False).link("Split", "B")
    branches.add("PARALLEL_GATEWAY", "Join", connect=False).link("A", "Join").link("B", "Join").end()
    sub = action("sub", "START_SUBPROCESS", {"processName": "part", "startedAsync": "false", "outputKey": "out"})
    root = save_data("root", autoRunChildren=True, optional=True)
    slow = websocket_send("slow", '{"it": "slow"}', parentName="root", timerExpression="PT2H")
    later = websocket_send("later", '{"it": "later"}', parentName="root")
    back = save_data("back", ["x"], allowTokenReset=True, restartFromSnapshot=True)
    return [
        part,
        branches,
        process("parent").start().task("Run", sub).end(),
        process("delays", expiryTime="P9D").start().user_task("Form", root, slow, later, save_data("go")).end(),
        process("timers").start().add("TIMER_INTERMEDIATE", "Cool off", timerExpression="P1D").end(),
        process("events").start().add("MESSAGE_CATCH_INTERMEDIATE", "Catch", **EVENT).end(),
        process("thrower").start().add("MESSAGE_THROW", "Throw", **EVENT).end(),
        process("stuck").start().send("Send", kafka_send("send", topic="out.${x}")).end(),
        process("held").start().receive("Wait").end(),
        process("returns").start().user_task("One", back).user_task("Two", save_data("on")).end(),
    ]


def write(path: Path) -> None:
    """Make the scene and write its rows to a file."""
    with bench() as on:
        _play(on)
    rows = [row for model in MODELS for row in model.objects.order_by("pk")]
    path.write_text(serializers.serialize("json", rows, indent=1) + "\n")


def _play(on: Bench) -> None:
    for each in processes():
        on.publish(each.snapshot())
    on.start("branches").execute("go_a", node="A")
    on.start("parent", {"bike": 7})
    on.start("delays").execute("root")
    on.start("timers")
    on.start("events", {"bike": 7})
    on.start("stuck")
    held = on.start("held")
    on.apply(Hold(held.uuid, USER, "wait"))
    held.answer({"a": 1}, topic="ai.flowx.dev.engine.receive.answers.v1")
    returns = on.start("returns", {"x": 1})
    returns.execute("back", {"x": 2})
    ended = on.start("held")
    on.apply(Terminate(ended.uuid, USER, "over"))


def run_on() -> None:
    """Let every instance of the scene go on to its end, and see that nothing was forgotten."""
    with clock.taken_from(lambda: BEGIN), bench() as on:
        [branches], [parent], [delays], [timers] = (
            on.runs(name) for name in ("branches", "parent", "delays", "timers")
        )
        assert branches.answer({"late": False}) == "applied"
        parent.subprocesses[0].execute("done", {"result": 1})
        assert parent.params["out"] == {"bike": 7, "result": 1}
        on.advance("PT2H")
        assert [frame["it"] for frame in delays.data()] == ["slow", "later"]
        delays.execute("go")
        on.advance("P1D")
        [events], [stuck], [held, ended] = (on.runs(name) for name in ("events", "stuck", "held"))
        on.start("thrower", {"bike": 7})
        assert events.state == "FINISHED"
        Instance.objects.filter(uuid=stuck.uuid).update(params='{"x": "y"}')
        stuck.retry()
        assert [sent.topic for sent in stuck.sent()] == ["out.y"]
        _unhold(on, held)
        [returns] = on.runs("returns")
        returns.execute("back", {})
        assert returns.params == {"x": 1}
        returns.execute("on")
        finished = [branches, parent, delays, timers, events, stuck, held, returns]
        assert {run.state for run in finished} == {"FINISHED"}
        assert ended.state == "TERMINATED"


def _unhold(on: Bench, held: Run) -> None:
    on.apply(Unhold(held.uuid, USER, "go"))
    assert held.params["reply"] == {"a": 1}
