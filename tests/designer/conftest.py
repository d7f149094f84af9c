"""Who edits, and what: a staff user with every right of the designer, and a process to edit with the rows that tests need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse

from designer.design import Design, load
from designer.models import Action, DataModelAttribute, Node, Sequence, Swimlane, Version
from designer.rows import new_action_key
from designer.versions import grant, new_version


@pytest.fixture
def editor(db: None) -> User:
    """Staff with the rights to edit, publish and delete processes and to see instances."""
    user = User.objects.create_user("edith", password="secret", is_staff=True)
    wanted = (
        "view_process",
        "add_process",
        "change_process",
        "publish_process",
        "delete_process",
        "import_process",
        "view_instance",
    )
    user.user_permissions.set(Permission.objects.filter(codename__in=wanted))
    return user


@pytest.fixture
def client(editor: User) -> Client:
    """The editor's browser."""
    browser = Client()
    browser.force_login(editor)
    return browser


class Draft:
    """A small draft to arrange a test with: start → user task → end, or whatever nodes are named."""

    def __init__(self, name: str = "crm", kinds: str = "START USER_TASK END") -> None:
        Group.objects.get_or_create(name="flowx-users")
        self.version = new_version(name)
        self.lane = Swimlane.objects.create(version=self.version, key="default", name="Default")
        self.nodes: dict[str, Node] = {}
        before: Node | None = None
        for kind in kinds.split():
            node = self.node(kind)
            if before is not None:
                self.flow(before.key, node.key)
            before = node
        grant(name, ["Default"], "flowx-users")

    def node(self, kind: str, key: str = "", **fields: Any) -> Node:
        """Add a node; its key is its type in small letters, numbered from the second on."""
        base = key or kind.lower()
        free = base if base not in self.nodes else f"{base}_{len(self.nodes)}"
        node = Node.objects.create(
            version=self.version, key=free, name=fields.pop("name", free), type=kind, swimlane=self.lane, **fields
        )
        self.nodes[free] = node
        return node

    def flow(self, source: str, target: str) -> Sequence:
        return Sequence.objects.create(
            version=self.version, key=f"{source}__{target}", source=self.nodes[source], target=self.nodes[target]
        )

    def action(
        self,
        name: str,
        *,
        on: str = "user_task",
        type: str = "SAVE_DATA",
        params: dict[str, str] | None = None,
        **fields: Any,
    ) -> Action:
        """Add an action; its order is the next free one."""
        node = self.nodes[on]
        order = fields.pop("order", Action.objects.filter(node=node, parent=fields.get("parent")).count() + 1)
        rows = [{"key": key, "value": value, "replaceValues": True} for key, value in (params or {}).items()]
        return Action.objects.create(
            version=self.version,
            node=node,
            key=new_action_key(),
            name=name,
            order=order,
            type=type,
            params=rows,
            **fields,
        )

    def kafka(
        self,
        name: str = "send_it",
        *,
        on: str = "user_task",
        topic: str = "crm.lookup.v1",
        message: str = '{"a": 1}',
        headers: str = "",
        **fields: Any,
    ) -> Action:
        """A valid Kafka Send."""
        params = {
            "source": "CUSTOM",
            "topicName": topic,
            "message": message,
            "headers": headers or '{"processInstanceId": ${processInstanceId}}',
            "messageKey": "",
        }
        return self.action(name, on=on, type="KAFKA_SEND", params=params, **fields)

    def websocket(
        self,
        name: str = "show_it",
        *,
        on: str = "user_task",
        message: str = '{"a": 1}',
        kind: str = "data",
        target: str = "ACTIVE",
        **fields: Any,
    ) -> Action:
        """A valid Websocket Send."""
        params = {"messageType": kind, "message": message, "targetProcess": target}
        return self.action(name, on=on, type="WEBSOCKET_SEND", params=params, **fields)

    def attribute(self, path: str, **fields: Any) -> DataModelAttribute:
        return DataModelAttribute.objects.create(version=self.version, path=path, **fields)

    @property
    def design(self) -> Design:
        """The draft as checks read it, loaded anew."""
        return load(Version.objects.select_related("process").get(pk=self.version.pk))

    def url(self, name: str, *args: str) -> str:
        return reverse(f"designer:{name}", args=[self.version.process.name, self.version.number, *args])

    def form_url(self, action: Action) -> str:
        return self.url("action", action.node.key, action.name)


@pytest.fixture
def draft(db: None) -> Draft:
    """Start → user task → end."""
    return Draft()


@pytest.fixture
def make_draft(db: None) -> Callable[..., Draft]:
    """A draft with another name or other nodes."""
    return Draft
