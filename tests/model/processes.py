"""Random valid processes in blocks: sequences of activities, waits, decisions, loops, parallel sections and subprocesses.

A block is entered by one sequence and left by at most one, so that whatever is nested in it stays well-formed. Every loop holds a
wait. All values that decide something are in the data (`flag`, `again`, `delay` ...) and are changed by stimuli.
"""

from __future__ import annotations

from typing import Any

from engine.core import jsonio
from tests.builders import action, kafka_send, process, save_data, websocket_send
from tests.model import words
from tests.model.choices import Choices
from tests.model.data import template

TOPICS = ("answers.one", "answers.two")
LINKS = (("crm", "order"), ("crm", "offer"))
KEYS = ["flag", "again", "delay", "items", "id", "topic", "result", "reply", "n", "trail", "größe", "liste.straße"]
KEPT = (KEYS, KEYS, ["flag", "again", "n", "größe.länge"], ["n", "trail", "items", "liste"])
BACK_KEYS = ([], ["flag"], ["größe.länge", "trail"], ["items[0]", "n"])
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
        self.form = False  # whether the node in the making is a user task

    def build(self) -> process:
        self._add("START")
        if self.choices.chance(30):  # so that each child of a collection has a result of its own
            rule = {"language": "ZEN", "target": "result", "message": "input.item"}
            self._add("TASK", action(self._name(), "BUSINESS_RULE", actionRuleDefinitions=[rule]))
        self._block(depth=0)
        self._end()
        for host in list(self.hosts):
            if self.choices.chance(40):
                self._boundary(host)
        self._other_starts()
        if self.choices.chance(15):
            self.made.fields["expiryTime"] = "PT3H"
        return self.made

    def _other_starts(self) -> None:
        """Instances may also be started by a message event or by a schedule, at the node behind START."""
        first = self._first_behind("Start1")
        if self.choices.chance(60):
            self.tail = None
            self.made.link(self._add("MESSAGE_CATCH_START", **self._message_event(keys=("id",))), first)
        if self.choices.chance(30):
            self.tail = None
            self.made.link(self._add("TIMER_START", timerExpression="R/PT15M"), first)

    # -- nodes and sequences ---------------------------------------------------------------------------------------

    def _add(self, type: str, *actions: dict, **fields: Any) -> str:
        """A node behind the one at the tail."""
        self.number += 1
        name = f"{type.title().replace('_', '')}{self.number}"
        always = type.endswith(("START", "GATEWAY")) or type == "END"
        if self.choices.chance(6) and not always:
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
        kinds = [
            self._activity,
            self._activity,
            self._activity,
            self._wait,
            self._wait,
            self._event,
            self._run,
            self._run,
        ]
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
            fields["dataStreamTopics"] = self._streams()
            fields["responseTimeout"] = self.choices.one(("", "PT10M", "${delay}"))
        if self.choices.chance(15):
            fields["canGoBack"] = False
        if kind == "MESSAGE_EVENT_SEND":
            self.hosts.append(self._add(kind, self._send(), **fields))
            return
        actions: list[dict] = []
        self.form = kind == "USER_TASK"
        if kind == "USER_TASK" and not self.choices.chance(25):
            actions.append(save_data(self._name(), KEYS, allowTokenReset=self.choices.chance(50)))
        for _ in range(self.choices.number(4)):
            self._action(actions, None)
        self.hosts.append(self._add(kind, *actions, **fields))

    def _streams(self) -> list[dict[str, str]]:
        """What a node listens on: a topic, a link to a scenario, or both."""
        key = self.choices.one(("reply", "reply", "größe.antwort", "items[0]"))
        found = [{"topicName": self.choices.one(TOPICS), "keyName": key}]
        if self.choices.chance(30):
            system, scenario = self.choices.one(LINKS)
            found.append({"source": "INTEGRATION", "integration": system, "scenario": scenario, "keyName": "vom.crm"})
        return found

    def _action(self, actions: list[dict], parent: str | None, depth: int = 0) -> None:
        kinds = [self._save, self._send, self._push, self._start, self._start, self._rule, self._rule, self._append]
        made = self.choices.one([*kinds, self._upload] if self.form else kinds)()
        if made["type"] in ("KAFKA_SEND", "UPLOAD_FILE"):
            made["manual"] = made["type"] == "UPLOAD_FILE"
        elif parent is None or self.choices.chance(30):
            made["manual"] = not self.choices.chance(50)
        else:
            made["manual"] = False
        made["optional"] = made["manual"] and self.choices.chance(40)
        made["repeatable"] = self.choices.chance(30)
        made["timerExpression"] = self.choices.one(DELAYS)
        made["parentName"] = parent
        if made["manual"]:
            made["keys"] = self.choices.one(KEPT)
            made["allowTokenReset"] = self.choices.chance(60)
            made["restartFromSnapshot"] = made["allowTokenReset"] and self.choices.chance(40)
            made["keysForRestart"] = self.choices.one(BACK_KEYS) if made["restartFromSnapshot"] else []
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

    def _message(self) -> str:
        return template(self.choices.one(words.MESSAGES))

    def _send(self) -> dict:
        headers = jsonio.dumps({"callbacksForAction": self.choices.one(("act2", "act3", "act4"))})
        topic = self.choices.one(("out", "out,more", "out.${topic}"))
        made = kafka_send(self._name(), topic=topic, message=self._message(), headers=headers)
        if self.choices.chance(25):
            system, scenario = self.choices.one(LINKS)
            link = {"source": "INTEGRATION", "integration": system, "scenario": scenario}
            made["actionParams"] += [{"key": key, "value": value} for key, value in link.items()]
            made["mandatoryProperties"] = self.choices.one(([], ["id"]))
        return made

    def _upload(self) -> dict:
        fields = {"topicName": self.choices.one(("up", "up.${topic}")), "customId": "${trail}", "documentType": "${id}"}
        return action(self._name(), "UPLOAD_FILE", fields)

    def _push(self) -> dict:
        target = self.choices.one(("ACTIVE", "ACTIVE", "PARENT"))
        if not self.choices.chance(25):
            return websocket_send(self._name(), self._message(), targetProcess=target)
        name = self.choices.one([*self.children, self.made.name])
        text = words.run_action(name, self.choices.one(words.COPIED), self.choices.one(words.LEFT_OUT))
        return websocket_send(self._name(), text, messageType="action", targetProcess=target)

    def _start(self) -> dict:
        if not self.children:
            return self._rule()
        waits = self.choices.chance(60)
        params = {"processName": self.choices.one(self.children), "startedAsync": str(not waits).lower()}
        params["paramsToCopy"] = ",".join(self.choices.one(words.COPIED))
        params["withoutParams"] = jsonio.dumps(list(self.choices.one(words.LEFT_OUT)))
        if waits:
            params["outputKey"] = self.choices.one(("sub.out", "flag.x", "items[0]"))
        elif self.choices.chance(50):
            params["parentProcessInstanceId"] = "${parentProcessInstanceId}"
        return action(self._name(), "START_SUBPROCESS", params)

    def _rule(self) -> dict:
        rules = []
        for _ in range(1 + self.choices.number(3)):
            if self.choices.chance(15):
                rules.append({"language": "ZEN_TABLE", "message": self.choices.one(list(words.TABLES))})
            elif self.choices.chance(50):
                expression = self.choices.one(list(words.EXPRESSIONS))
                rules.append({"language": "ZEN", "target": self.choices.one(words.TARGETS), "message": expression})
            else:
                rules.append({"language": "ZEN", "target": "trail", "message": self.choices.one(words.TRAILS)})
        return action(self._name(), "BUSINESS_RULE", actionRuleDefinitions=rules)

    def _append(self) -> dict:
        params = {
            "params": template(self.choices.one(words.APPENDED)),
            "destination": self.choices.one(words.DESTINATIONS),
        }
        if self.choices.chance(25):
            params["parentProcessInstanceId"] = "${parentProcessInstanceId}"
        return action(self._name(), "APPEND_PARAMS_TO_PARENT", params)

    # -- waits, events, subprocesses -------------------------------------------------------------------------------

    def _wait(self, depth: int) -> None:
        if self.choices.chance(50):
            timeout = self.choices.one(("PT10M", "", "${delay}"))
            fields = {"dataStreamTopics": self._streams(), "responseTimeout": timeout}
            self.hosts.append(self._add("MESSAGE_EVENT_RECEIVE", **fields))
        else:
            self._add("TIMER_INTERMEDIATE", timerExpression=self.choices.one(("PT20M", "${delay}", "PT0S")))

    def _event(self, depth: int) -> None:
        kind = self.choices.one(("MILESTONE_START", "MESSAGE_THROW", "MESSAGE_THROW", "MESSAGE_CATCH_INTERMEDIATE"))
        event = {} if kind == "MILESTONE_START" else self._message_event()
        if kind == "MESSAGE_THROW":
            event |= {"data": self._message(), "correlationKey": self.choices.one(("id", "id", "n", "missing"))}
        self._add(kind, **event)

    def _message_event(self, keys: tuple[str, ...] = ("id", "id", "id", "missing")) -> dict[str, str]:
        key = self.choices.one(keys)
        store = self.choices.one(("seen", "flag.x", "größe.ereignis"))
        return {"messageName": self.choices.one((*EVENTS, *EVENTS[:1])), "correlationKey": key, "receiveDataKey": store}

    def _run(self, depth: int) -> None:
        if not self.children:
            return self._activity(depth)
        fields: dict[str, Any] = {"processName": self.choices.one(self.children)}
        fields["startedAsync"] = self.choices.chance(30)
        fields["outputKey"] = self.choices.one(("ran", "ran", "flag.x", "liste[0]"))
        fields["paramsToCopy"] = self.choices.one(words.COPIED)
        fields["withoutParams"] = self.choices.one(words.LEFT_OUT)
        if self.choices.chance(50):
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
    names = [f"p{number}_{id(choices)}" for number in range(1 + (choices.number(4) + 1) // 2)]
    made = [Builder(choices, names[at + 1 :], names[at]).build() for at in reversed(range(len(names)))]
    return made[::-1]
