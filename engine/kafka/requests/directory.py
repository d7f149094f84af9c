"""Whom and what the operations of one request name, and who may do what: a few statements for up to a thousand of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User

from engine import rights
from engine.core.stimuli import Refusal
from engine.kafka.correlate import uuid_in
from engine.models import Instance, Token


class Directory:
    """Read once, under no lock; `caller` is the token's user, None where the broker's ACLs decide."""

    def __init__(self, asked: Sequence[Any], caller: User | None) -> None:
        self._caller = caller
        named = [each for each in asked if isinstance(each, dict)]
        found = (uuid_in(_text(each, "processInstanceUuid")) for each in named)
        uuids = {uuid for uuid in found if uuid is not None}
        rows = Instance.objects.filter(uuid__in=uuids).defer("params", "start_params")
        self._instances = {row.uuid: row for row in rows}
        names = {_text(each, "author") for each in named}
        users = User.objects.filter(username__in=names, is_active=True)
        self._users = {user.get_username(): user for user in users}
        self._tokens: dict[int, list[tuple[str, str]]] = {}
        tokens = Token.objects.filter(
            instance_id__in=[row.id for row in self._instances.values()], state__in=["ACTIVE", "ON_HOLD"]
        )
        for instance_id, lane, assignee in tokens.values_list("instance_id", "swimlane", "assignee"):
            self._tokens.setdefault(instance_id, []).append((lane, assignee))
        self._lanes: dict[tuple[int, str], set[rights.Lane] | None] = {}
        self._viewable: dict[int, set[int]] = {}

    def author(self, asked: Mapping[str, Any]) -> User:
        """In whose name the operation is done. Raises `Refusal` 403 for another than the token's user, or an unknown one."""
        name = asked.get("author")
        if name is not None and not isinstance(name, str):
            raise Refusal(400, "author: must be a text.")
        if self._caller is not None:
            if name not in (None, "", self._caller.get_username()):
                raise Refusal(403, "author: must be the user of the token.")
            return self._caller
        if not name:
            raise Refusal(400, "author: must be given.")
        if name not in self._users:
            raise Refusal(403, f"author: there is no active user '{name[:150]}'.")
        return self._users[name]

    def instance(self, asked: Mapping[str, Any]) -> Instance | None:
        """The named instance. Raises `Refusal` 400 when none is named."""
        uuid = uuid_in(_text(asked, "processInstanceUuid"))
        if uuid is None:
            raise Refusal(400, "processInstanceUuid: must be the uuid of an instance.")
        return self._instances.get(uuid)

    def may_view(self, user: User, instance: Instance) -> bool:
        if user.pk not in self._viewable:
            seen = rights.may_view(user, list(self._instances.values()))
            self._viewable[user.pk] = {each.id for each in seen}
        return instance.id in self._viewable[user.pk]

    def may(self, user: User, kind: str, instance: Instance, lane: str, assignee: str) -> bool:
        """The swimlane operation of the same name; `self-assign` for oneself; Instances-admin to terminate (engine 2.7)."""
        tokens = [(each, of) for each, of in self._tokens.get(instance.id, ()) if not lane or each == lane]
        lanes = [each for each, _ in tokens] or ([lane] if lane else [])
        if kind == "TERMINATE":
            return rights.may_operate(user)
        own = user.get_username()
        about_oneself = assignee == own if kind == "ASSIGN" else bool(tokens) and {of for _, of in tokens} <= {own}
        allowed = self._allowed(user, kind.lower(), instance, lanes)
        if not allowed and kind in ("ASSIGN", "UNASSIGN") and about_oneself:
            allowed = self._allowed(user, "self-assign", instance, lanes)
        return allowed

    def _allowed(self, user: User, operation: str, instance: Instance, lanes: Sequence[str]) -> bool:
        key = (user.pk, operation)
        if key not in self._lanes:
            processes = {each.process_name for each in self._instances.values()}
            self._lanes[key] = rights.lanes_with(user, operation, processes)
        pairs = self._lanes[key]
        return pairs is None or any((instance.process_name, lane) in pairs for lane in lanes)


def _text(asked: Mapping[str, Any], name: str) -> str:
    value = asked.get(name)
    return value if isinstance(value, str) else ""
