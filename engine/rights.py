"""Who may do what with process instances (engine 12): one answer for the API, the sockets and the operator screens.

Swimlane permissions are read live from the engine's own table, so a revoked role is gone at the next question. Every function
takes a user as Django knows it and asks at most one statement per kind of right, whatever the number of instances. What one may
not see is answered like what is not there; that is the caller's part.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, PermissionsMixin, User
from django.db.models import Q, QuerySet

from engine.models import Instance, SwimlanePermission

INSTANCES_READ = "engine.view_instance"
INSTANCES_ADMIN = "engine.operate_instances"
PROCESSES_EDIT = "designer.change_process"
REVEAL_SENSITIVE = "engine.reveal_sensitive"
SERVICE_USER = "flowx-service"

Asker = User | AnonymousUser | AbstractBaseUser
Lane = tuple[str, str]  # process name, swimlane name


class InstanceLike(Protocol):
    """What the view right of an instance depends on."""

    @property
    def owner_id(self) -> int | None: ...
    @property
    def process_name(self) -> str: ...


T = TypeVar("T", bound=InstanceLike)


def _has(user: Asker, permission: str) -> bool:
    return isinstance(user, PermissionsMixin) and user.is_active and user.has_perm(permission)


def may_see_all(user: Asker) -> bool:
    """Instances-read, or a right that includes it: every instance may be viewed."""
    return _has(user, INSTANCES_READ) or _has(user, INSTANCES_ADMIN)


def may_operate(user: Asker) -> bool:
    """Instances-admin: chapter 13, and acting on any instance whatever its swimlanes."""
    return _has(user, INSTANCES_ADMIN)


def may_start_drafts(user: Asker) -> bool:
    """Processes-edit: test starts (engine 1.2)."""
    return _has(user, PROCESSES_EDIT)


def may_reveal(user: Asker) -> bool:
    """Whether masked values may be shown, which the caller then audits (engine 15.9)."""
    return _has(user, REVEAL_SENSITIVE)


def permissions_of(user: Asker, *operations: str) -> QuerySet[SwimlanePermission]:
    """The permission rows that give one of `operations` to the user's groups."""
    if not isinstance(user, PermissionsMixin) or not user.is_active:
        return SwimlanePermission.objects.none()
    groups = user.groups.values("name")
    return SwimlanePermission.objects.filter(operation__in=operations, group__in=groups)


def viewable(user: Asker) -> QuerySet[Instance]:
    """The instances the user may view, for lists."""
    if may_see_all(user):
        return Instance.objects.all()
    if user.pk is None or not user.is_active:
        return Instance.objects.none()
    named = permissions_of(user, "view", "execute").values("process_name")
    return Instance.objects.filter(Q(owner_id=user.pk) | Q(process_name__in=named))


def may_view(user: Asker, instances: Sequence[T]) -> list[T]:
    """Those of `instances` that the user may view, in their order; one statement for all of them."""
    if not instances or not user.is_active:
        return []
    if may_see_all(user):
        return list(instances)
    foreign = {instance.process_name for instance in instances if instance.owner_id != user.pk or user.pk is None}
    named = viewable_processes(user, foreign) if foreign else set()
    return [
        instance
        for instance in instances
        if (user.pk is not None and instance.owner_id == user.pk) or instance.process_name in named
    ]


def viewable_processes(user: Asker, process_names: Iterable[str]) -> set[str]:
    """Those of the named processes of which the user may view every instance by a swimlane's `view` or `execute`."""
    names = set(process_names)
    if may_see_all(user):
        return names
    rows = permissions_of(user, "view", "execute").filter(process_name__in=names)
    return set(rows.values_list("process_name", flat=True))


def lanes_with(user: Asker, operation: str, process_names: Iterable[str]) -> set[Lane] | None:
    """(process, swimlane) pairs in which the user may do `operation`; None means all of them."""
    if may_operate(user):
        return None
    rows = permissions_of(user, operation).filter(process_name__in=set(process_names))
    return set(rows.values_list("process_name", "swimlane"))


def may(user: Asker, operation: str, process_name: str, swimlanes: Iterable[str]) -> bool:
    """A swimlane operation such as `hold` in at least one of the swimlanes, or Instances-admin (engine 2.7, 12)."""
    allowed = lanes_with(user, operation, [process_name])
    return allowed is None or any((process_name, lane) in allowed for lane in swimlanes)


def may_execute(user: Asker, process_name: str, swimlane: str) -> bool:
    """Whether the user may run actions in the swimlane of the process."""
    return may(user, "execute", process_name, [swimlane])


def execute_lanes(user: Asker, process_name: str) -> frozenset[str] | None:
    """The swimlanes of the process in which the user may run actions; None means all of them."""
    allowed = lanes_with(user, "execute", [process_name])
    return None if allowed is None else frozenset(lane for _, lane in allowed)


def may_start(user: Asker, process_name: str, swimlane: str) -> bool:
    """`execute` on the START node's swimlane; `flowx-service` may start any process (engine 15.1)."""
    is_service = isinstance(user, User) and user.get_username() == SERVICE_USER
    return is_service or may_execute(user, process_name, swimlane)
