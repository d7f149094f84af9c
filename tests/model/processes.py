"""Random valid processes in blocks: sequences of activities, waits, decisions, loops, parallel sections and subprocesses.

A block is entered by one sequence and left by at most one, so that whatever is nested in it stays well-formed. Every loop holds a
wait. All values that decide something are in the data (`flag`, `again`, `delay` ...) and are changed by stimuli.
"""

from __future__ import annotations

from typing import Any

from engine.core import jsonio
from tests.builders import action, kafka_send, process, save_data, websocket_send
from tests.model.choices import Choices

TOPICS = ("answers.one", "answers.two")
KEYS = ["flag", "again", "delay", "items", "id", "topic", "result", "reply"]
DELAYS = ("", "", "", "", "PT5M", "${delay}", "PT0S")
EVENTS = ("red", "blue")
MAX_NODES = 24


class Builder:
    """One process in the making; `children` are the names of processes that it may start."""

    def __init__(self, choices: Choices, children: list[str], name: str) -> None:
        self.choices = choices
        self.children = children
        self.made = process(name)
        self.tail: str | None = None
        self.hosts: list[str] = []
        self.number = 0

    def build(self) -> process:
        self._add("START")
        self._block(depth=0)
        self._end()
        for host in list(self.hosts):
            if self.choices.chance(40):
                self._boundary(host)
        if self.choices.chance(15):
            self.made.fields["expiryTime"] = "PT3H"
        return self.made

    # -- nodes and sequences ---------------------------------------------------------------------------------------

    def _add(self, type: str, *actions: dict, **fields: Any) -> str:
        """A node behind the one at the tail."""
        self.number += 1
        name = f"{type.title().replace('_', '')}{self.number}"
        if self.choices.chance(6) and type not in ("START", "END", "PARALLEL_GATEWAY", "EXCLUSIVE_GATEWAY"):
            fields["flowNames"] = ["long"]
        self.made.add(type, name, *actions, connect=False, **fields)
        if self.tail is not None:
            self.made.link(self.tail, name)
        self.tail = name
        return name

    def _end(self) -> None:
        if self.tail is not None:
            self._add("END")
            self.tail = None

    def _block(self, depth: int) -> None:
        kinds = [self._activity, self._activity, self._activity, self._wait, self._wait, self._event, self._run]
        if depth < 3:
            kinds += [self._parallel, self._parallel, self._decision, self._loop]
        for _ in range(1 + self.choices.number(3)):
            if self.tail is None or self.number >= MAX_NODES:
                return
            self.choices.one(kinds)(depth)

    def _activity(self, depth: int) -> None:
        kind = self.choices.one(("USER_TASK", "TASK", "USER_TASK", "MESSAGE_EVENT_SEND"))
        fields: dict[str, Any] = {}
        if kind != "MESSAGE_EVENT_SEND" and self.choices.chance(25):
            fields["dataStreamTopics"] = [{"topicName": self.choices.one(TOPICS), "keyName": "reply"}]
            fields["responseTimeout"] = self.choices.one(("", "PT10M", "${delay}"))
        if self.choices.chance(15):
            fields["canGoBack"] = False
        if kind == "MESSAGE_EVENT_SEND":
            self.hosts.append(self._add(kind, self._send(), **fields))
            return
        actions: list[dict] = []
        if kind == "USER_TASK" and not self.choices.chance(25):
            actions.append(save_data(self._name(), KEYS, allowTokenReset=self.choices.chance(50)))
        for _ in range(self.choices.number(4)):
            self._action(actions, None)
        self.hosts.append(self._add(kind, *actions, **fields))

    def _action(self, actions: list[dict], parent: str | None, depth: int = 0) -> None:
        made = self.choices.one((self._save, self._send, self._push, self._start, self._rule, self._append))()
        if made["type"] == "KAFKA_SEND":
            made["manual"] = False
        elif parent is None or self.choices.chance(30):
            made["manual"] = not self.choices.chance(50)
        else:
            made["manual"] = False
        made["optional"] = made["manual"] and self.choices.chance(40)
        made["repeatable"] = self.choices.chance(30)
        made["timerExpression"] = self.choices.one(DELAYS)
        made["parentName"] = parent
        if made["manual"]:
            made["keys"] = KEYS
            made["allowTokenReset"] = self.choices.chance(60)
            made["restartFromSnapshot"] = made["allowTokenReset"] and self.choices.chance(40)
            made["keysForRestart"] = ["flag"] if made["restartFromSnapshot"] else []
        actions.append(made)
        if depth < 2 and self.choices.chance(45):
            made["autoRunChildren"] = self.choices.chance(75)
            for _ in range(1 + self.choices.number(2)):
                self._action(actions, made["name"], depth + 1)

    def _name(self) -> str:
        self.number += 1
        return f"act{self.number}"

    def _save(self) -> dict:
        return save_data(self._name(), KEYS)

    def _send(self) -> dict:
        headers = jsonio.dumps({"callbacksForAction": self.choices.one(("act2", "act3", "act4"))})
        return kafka_send(self._name(), topic=self.choices.one(("out", "out,more", "out.${topic}")), headers=headers)

    def _push(self) -> dict:
        return websocket_send(self._name(), targetProcess=self.choices.one(("ACTIVE", "ACTIVE", "PARENT")))

    def _start(self) -> dict:
        if not self.children:
            return self._save()
        waits = self.choices.chance(60)
        params = {"processName": self.choices.one(self.children), "startedAsync": str(not waits).lower()}
        if waits:
            params["outputKey"] = self.choices.one(("sub.out", "flag.x", "items[0]"))
        return action(self._name(), "START_SUBPROCESS", params)

    def _rule(self) -> dict:
        expression = self.choices.one(("(input.id ?? 0) + 1", "input.id + 1"))
        rules = [{"language": "ZEN", "target": "counted", "message": expression}]
        return action(self._name(), "BUSINESS_RULE", actionRuleDefinitions=rules)

    def _append(self) -> dict:
        return action(self._name(), "APPEND_PARAMS_TO_PARENT", {"params": '{"told": ${id}}', "destination": "child"})

    # -- waits, events, subprocesses -------------------------------------------------------------------------------

    def _wait(self, depth: int) -> None:
        if self.choices.chance(50):
            topics = [{"topicName": self.choices.one(TOPICS), "keyName": "reply"}]
            timeout = self.choices.one(("PT10M", "", "${delay}"))
            self.hosts.append(self._add("MESSAGE_EVENT_RECEIVE", dataStreamTopics=topics, responseTimeout=timeout))
        else:
            self._add("TIMER_INTERMEDIATE", timerExpression=self.choices.one(("PT20M", "${delay}", "PT0S")))

    def _event(self, depth: int) -> None:
        kind = self.choices.one(("MILESTONE_START", "MESSAGE_THROW", "MESSAGE_CATCH_INTERMEDIATE"))
        event = {} if kind == "MILESTONE_START" else self._message_event()
        self._add(kind, **event)

    def _message_event(self) -> dict[str, str]:
        key = self.choices.one(("id", "id", "id", "missing"))
        store = self.choices.one(("seen", "flag.x"))
        return {"messageName": self.choices.one(EVENTS), "correlationKey": key, "receiveDataKey": store}

    def _run(self, depth: int) -> None:
        if not self.children:
            return self._activity(depth)
        fields: dict[str, Any] = {"processName": self.choices.one(self.children)}
        fields["startedAsync"] = self.choices.chance(30)
        fields["outputKey"] = "ran"
        if self.choices.chance(35):
            fields["collectionKey"] = "items"
        self.hosts.append(self._add("SUBPROCESS_RUN", **fields))
        return None

    # -- branches --------------------------------------------------------------------------------------------------

    def _parallel(self, depth: int) -> None:
        split = self._add("PARALLEL_GATEWAY")
        ends: list[str] = []
        for _ in range(2 + self.choices.number(2)):
            self.tail = split
            self._activity(depth)
            self._block(depth + 1)
            if self.choices.chance(20):
                self._maybe_end()
            if self.tail is not None and self.choices.chance(20):
                self._end()
            if self.tail is not None:
                ends.append(self.tail)
        if len(ends) < 2:
            for each in ends:
                self.tail = each
                self._end()
            self.tail = None
            return
        self.tail = None
        join = self._add("PARALLEL_GATEWAY")
        for each in ends:
            self.made.link(each, join)

    def _gateway(self) -> str:
        return self._add("EXCLUSIVE_GATEWAY", rules=[])

    def _rules(self, gateway: str, *rules: tuple[str | None, str]) -> None:
        self.made.node(gateway)["rules"] = [
            {"order": order, "language": "ZEN", "expression": expression, "nextNodeName": target}
            for order, (expression, target) in enumerate(rules, 1)
        ]

    def _first_behind(self, gateway: str) -> str:
        """The node that the newest sequence out of a gateway leads to."""
        source = self.made.node(gateway)["id"]
        target = [row["targetNode"] for row in self.made.sequences if row["sourceNode"] == source][-1]
        return next(node["name"] for node in self.made.nodes if node["id"] == target)

    def _decision(self, depth: int) -> None:
        gateway = self._gateway()
        targets, ends = [], []
        for _ in range(2):
            self.tail = gateway
            self._activity(depth)
            targets.append(self._first_behind(gateway))
            self._block(depth + 1)
            if self.choices.chance(15):
                self._end()
            if self.tail is not None:
                ends.append(self.tail)
        condition = self.choices.one(("input.flag == true", "input.flag == true", "input.flag > 1"))
        self._rules(gateway, (condition, targets[0]), (None, targets[1]))
        self.tail = None
        if ends:
            meeting = self._add("EXCLUSIVE_GATEWAY", rules=[])
            for each in ends:
                self.made.link(each, meeting)

    def _maybe_end(self) -> None:
        """A way out in the middle of a branch."""
        gateway = self._gateway()
        self._end()
        early = self.made.nodes[-1]["name"]
        self.tail = gateway
        self._activity(0)
        self._rules(gateway, ("input.flag == true", early), (None, self.made.nodes[-1]["name"]))

    def _loop(self, depth: int) -> None:
        head = self._add("USER_TASK", save_data(self._name(), KEYS, allowTokenReset=True))
        self.made.node(head).pop("flowNames", None)  # a wait that nobody passes over
        self._block(depth + 1)
        if self.tail is None:
            return
        gateway = self._gateway()
        self.made.link(gateway, head)
        self._activity(depth)
        self._rules(gateway, ("input.again == true", head), (None, self.made.nodes[-1]["name"]))

    def _boundary(self, host: str) -> None:
        attached = {"attachedTo": self.made.node(host)["key"], "interrupting": not self.choices.chance(50)}
        self.tail = None
        if self.choices.chance(50):
            self._add("TIMER_BOUNDARY", timerExpression=self.choices.one(("PT7M", "${delay}", "PT0S")), **attached)
        elif self.made.node(host)["type"] != "MESSAGE_EVENT_SEND":
            self._add("MESSAGE_CATCH_BOUNDARY", **self._message_event(), **attached)
        else:
            return
        self.made.nodes[-1].pop("flowNames", None)
        behind = [row["targetNode"] for row in self.made.sequences if row["sourceNode"] == self.made.node(host)["id"]]
        if attached["interrupting"] and behind and self.choices.chance(50):
            target = next(node for node in self.made.nodes if node["id"] == behind[0])
            if sum(row["sourceNode"] == target["id"] for row in self.made.sequences) <= 1:
                self.made.link(self.made.nodes[-1]["name"], target["name"])
                return
        self._activity(0)
        self.hosts.pop()
        self._end()


def family(choices: Choices) -> list[process]:
    """A main process and up to two that it may start; a child may start the one behind it, never itself."""
    names = [f"p{number}_{id(choices)}" for number in range(1 + choices.number(3))]
    made = [Builder(choices, names[at + 1 :], names[at]).build() for at in reversed(range(len(names)))]
    return made[::-1]
