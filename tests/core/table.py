"""The words of `test_machine_table.py`: graphs by name, stimuli as words, and what came of one as text. No database."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from engine.core import jsonio
from engine.core.state import Entry, InstanceState, Token
from engine.core.stimuli import (
    Dismiss,
    EventCaught,
    Execute,
    ExecuteByOperator,
    Hold,
    MessageReceived,
    MoveToken,
    Refusal,
    Retry,
    SkipAction,
    Stimulus,
    Terminate,
    TimerDue,
    Unhold,
)
from tests.builders import TOPIC, USER, action, kafka_send, process, save_data, websocket_send
from tests.model.store import Store, start

RED = {"messageName": "red", "correlationKey": "id", "receiveDataKey": "seen"}
QUIET = ("Swimlane enter", "Swimlane exit", "Frame")


def form(*actions: dict) -> process:
    return process("form").start().user_task("Form", *actions, save_data("go", ["x"])).end()


def attached(made: process, type: str, **fields: Any) -> process:
    made.add(type, "Event", attachedTo=made.node("Form")["key"], connect=False, **fields)
    return made.user_task("Aside", save_data("aside")).end("Done aside")


def branches() -> process:
    made = process("branches").start().add("PARALLEL_GATEWAY", "Split")
    for name in ("A", "B"):
        made.user_task(name, save_data(f"go{name}"), connect=False).link("Split", name)
    made.add("PARALLEL_GATEWAY", "Join", connect=False).link("A", "Join").link("B", "Join")
    return made.user_task("After", save_data("last")).end()


def ending() -> process:
    made = process("ending").start().add("PARALLEL_GATEWAY", "Split")
    for name in ("A", "B"):
        made.user_task(name, save_data(f"go{name}"), connect=False).link("Split", name).end(f"End {name}")
    return made


def choice() -> process:
    made = process("choice").start().gateway("Gate", ("input.x > 1", "Big"), (None, "Small"))
    return (
        made.user_task("Big", save_data("go"))
        .end()
        .user_task("Small", save_data("go2"), connect=False)
        .link("Gate", "Small")
        .end("End2")
    )


def callbacks() -> process:
    send = kafka_send("send", headers='{"callbacksForAction": "send"}')
    child = websocket_send("told", parentName="send")
    stream = [{"topicName": TOPIC, "keyName": "reply"}]
    return process("callbacks").start().user_task("Form", send, child, save_data("go"), dataStreamTopics=stream).end()


def sub(waits: bool, **params: str) -> dict:
    return action("sub", "START_SUBPROCESS", {"processName": "child", "startedAsync": str(not waits).lower(), **params})


def many() -> process:
    fields = {"processName": "child", "collectionKey": "l", "outputKey": "out"}
    return process("many").start().add("SUBPROCESS_RUN", "Run", **fields).end()


def back(**fields: Any) -> process:
    made = process("back").start().user_task("One", save_data("first", ["x"], allowTokenReset=True), **fields)
    return made.user_task("Two", save_data("second")).end()


def closed() -> process:
    return back(canGoBack=False)


def rule() -> process:
    plus = {"language": "ZEN", "target": "n", "message": "input.x + 1"}
    return process("rule").start().task("T", action("rule", "BUSINESS_RULE", actionRuleDefinitions=[plus])).end()


GRAPHS: dict[str, Callable[[], process]] = {
    "child": lambda: process("child").start().user_task("Work", save_data("done", ["result"])).end(),
    "empty": lambda: process("empty").start().end(),
    "form": form,
    "optional": lambda: form(save_data("maybe", optional=True)),
    "repeatable": lambda: form(save_data("more", optional=True, repeatable=True)),
    "send": lambda: process("send").start().send("Send", kafka_send("send", topic="out,${topic}")).end(),
    "push": lambda: process("push").start().task("Push", websocket_send("push")).end(),
    "order": lambda: process("order").start().task("T", websocket_send("b", order=2), kafka_send("a", order=1)).end(),
    "delay": lambda: form(save_data("late", optional=True, timerExpression="PT1H")),
    "wait": lambda: process("wait").start().task("T", websocket_send("late", timerExpression="PT1H")).end(),
    "family": lambda: form(
        save_data("root", optional=True, autoRunChildren=True),
        websocket_send("one", parentName="root", timerExpression="PT1H"),
        websocket_send("two", parentName="root"),
    ),
    "receive": lambda: process("receive").start().receive("Wait", responseTimeout="PT10M").end(),
    "callbacks": callbacks,
    "timer": lambda: process("timer").start().add("TIMER_INTERMEDIATE", "Sleep", timerExpression="${d}").end(),
    "late": lambda: attached(form(), "TIMER_BOUNDARY", timerExpression="PT1H"),
    "remind": lambda: attached(form(), "TIMER_BOUNDARY", timerExpression="PT1H", interrupting=False),
    "caught": lambda: attached(form(), "MESSAGE_CATCH_BOUNDARY", **RED),
    "throw": lambda: process("throw").start().add("MESSAGE_THROW", "Throw", **RED).end(),
    "catch": lambda: process("catch").start().add("MESSAGE_CATCH_INTERMEDIATE", "Catch", **RED).end(),
    "branches": branches,
    "ending": ending,
    "choice": choice,
    "flow": lambda: process("flow").start().user_task("Only", save_data("go"), flowNames=["long"]).end(),
    "sync": lambda: process("sync").start().task("Run", sub(True, outputKey="out")).end(),
    "async": lambda: process("async").start().task("Run", sub(False)).end(),
    "many": many,
    "expires": lambda: process("expires", expiryTime="P1D").start().user_task("Form", save_data("go")).end(),
    "back": back,
    "closed": closed,
    "rule": rule,
    "parent": lambda: process("parent").start().task("T", websocket_send("up", targetProcess="PARENT")).end(),
}


class Case:
    """One instance of a graph, and what the newest stimulus did to it."""

    def __init__(self, name: str) -> None:
        graphs = {number: GRAPHS[each]().graph() for number, each in enumerate((name, "child"), 1)}
        self.store = Store(graphs)
        self.uuid = self.store.new_uuid()
        self.known: dict[str, int] = {}
        self.answer = ""

    @property
    def state(self) -> InstanceState:
        return self.store.instances[self.uuid]

    def give(self, words: str) -> None:
        """Apply a stimulus given in words; its answer is kept."""
        self.before = self.snapshot()
        outcome = self.store.apply(self.stimulus(*re.split(r" +(?![^{]*})", words.strip())))
        if isinstance(outcome, Refusal):
            self.answer = f"{outcome.status}{' ' + outcome.code if outcome.code else ''}"
        else:
            failed = "failed" if outcome.incident_id else ""
            self.answer = str(outcome.answer.get("record", failed))

    def token(self, node: str = "") -> Token:
        tokens = [each for each in self.state.tokens.values() if each.state == "ACTIVE"]
        return next(
            (each for each in tokens if node and each.node_name == node), (tokens or [*self.state.tokens.values()])[-1]
        )

    def holder(self, name: str) -> Token:
        """The token on the node that has this action, else the newest one."""
        nodes = self.store.graph(1).nodes.values()
        node = next((each.name for each in nodes for action in each.actions if action.name == name), "")
        return self.token(node)

    def stimulus(self, verb: str, *rest: str) -> Stimulus:
        body: dict[str, Any] = jsonio.loads(rest[-1]) if rest and rest[-1].startswith("{") else {}  # type: ignore[assignment]
        name = " ".join(rest[:-1] if body else rest)
        match verb:
            case "start":
                self.uuid = (made := start(self.store, 1, body)).uuid
                return made
            case "do":
                return Execute(self.uuid, self.holder(name).uuid, name, body, USER)
            case "run":
                return ExecuteByOperator(self.uuid, self.holder(name).uuid, name, USER, "why", body)
            case "skip":
                return SkipAction(self.uuid, self.holder(name).uuid, name, USER, "why")
            case "fire":
                timers = [
                    each for each in self.state.timers.values() if name in ("", each.action_name or each.node_name)
                ]
                number = timers[0].id if timers else next(iter(self.store.timers))
                return TimerDue(self.uuid, number)
            case "reply":
                raw = jsonio.dumps(body).encode()
                headers = {"callbacksForAction": name} if name else {}
                return MessageReceived(self.uuid, TOPIC, body, raw, self.store.now, headers=headers)
            case "event":
                subscription = next(iter(self.state.subscriptions), 0)
                return EventCaught(self.uuid, subscription, jsonio.dumps(body))
            case "done":
                child = next(each for each in self.store.instances.values() if each.parent_id and not each.ended)
                return Execute(child.uuid, next(iter(child.tokens.values())).uuid, "done", body, USER)
            case "dismiss" | "kill":
                child = next(each for each in self.store.instances.values() if each.parent_id and not each.ended)
                return (Dismiss if verb == "dismiss" else Terminate)(child.uuid, USER, "why")
            case "move":
                target = self.store.graph(1).node_named(name)
                return MoveToken(self.uuid, self.token().uuid, target.id if target else 0, USER, "why", body)
            case "retry":
                return Retry(self.uuid, self.token().uuid, USER, "why")
            case "hold" | "unhold" | "terminate":
                return {"hold": Hold, "unhold": Unhold, "terminate": Terminate}[verb](self.uuid, USER, "why")
        raise ValueError(verb)

    def snapshot(self) -> dict[str, int]:
        rows = [row for each in self.store.journal.values() for row in each]
        return {
            "journal": len(rows),
            "sent": len(self.store.outgoing),
            "thrown": len(self.store.pending),
            "instances": len(self.store.instances),
        } | {f"timer {key}": 1 for state in self.store.instances.values() for key in state.timers}

    # -- the three columns of what came of it ----------------------------------------------------------------------

    def state_text(self) -> str:
        """The instance's state, then each open token on its node with what it waits for."""
        if self.uuid not in self.store.instances:
            return ""
        short = {"EXECUTED_PARTIAL": "partial", "WAITING_MESSAGE": "waits", "WAITING_TIMER_EVENT": "sleeps"} | {
            "WAITING_MESSAGE_EVENT": "listens",
            "EXECUTED_COMPLETE": "complete",
        }
        tokens = [
            f"{each.node_name} {each.sync_finished}/{each.sync_count}"
            if each.state == "ON_HOLD"
            else f"{each.node_name} {short.get(each.status, each.status.lower())}"
            for each in self.state.open_tokens()
        ]
        return ": ".join([self.state.state, ", ".join(tokens)]) if tokens else str(self.state.state)

    def effects_text(self) -> str:
        """Records `>topic`, frames `~type`, timers `+what` armed, `-what` gone, incidents `!type`, events `^`, children `*`."""
        made = [f">{row.topic}" for _, row in self.store.outgoing[self.before["sent"] :]]
        entries = self.store.journal.get(self.state.id, []) if self.uuid in self.store.instances else []
        fresh = entries[self.known.get("entries", 0) :]
        made += [f"~{each.frame_type}" for each in fresh if each.frame_type in ("data", "action")]
        timers = {f"timer {key}": each for key, each in self.state.timers.items()} if entries else {}
        made += [
            f"+{each.action_name or each.node_name or each.kind}"
            for key, each in timers.items()
            if key not in self.before
        ]
        made += ["-timer" for key in self.before if key.startswith("timer ") and key not in timers and self._mine(key)]
        made += [f"!{each.details['type']}" for each in fresh if each.event == "Incident"]
        made += ["*child"] * (len(self.store.instances) - self.before["instances"] - (not self.known))
        made += ["^event"] * (len(self.store.pending) - self.before["thrown"])
        return " ".join(made)

    def _mine(self, key: str) -> bool:
        return self.store.timers[int(key.removeprefix("timer "))] == self.uuid

    def journal_text(self) -> str:
        entries = self.store.journal.get(self.state.id, []) if self.uuid in self.store.instances else []
        fresh = [each for each in entries[self.known.get("entries", 0) :] if each.event not in QUIET]
        return ", ".join(_line(each) for each in fresh)

    def remember(self) -> None:
        """From here on only what is new is told."""
        if self.uuid in self.store.instances:
            self.known["entries"] = len(self.store.journal.get(self.state.id, []))


def _line(entry: Entry) -> str:
    """Event and action, or event and node; the built-in action of a subprocess run node is named by its key."""
    if entry.action_name:
        return f"{entry.event} {re.sub('^start_n[0-9]+$', 'start', entry.action_name)}"
    return f"Advance {entry.node_name}" if entry.event == "Advance" else entry.event
