"""The engine's tables as admin models: read-only, with every operation of the designed pages as an admin action (designer 4.3).

A change list of instances leads to the designed list; `?plain=1` shows the plain one. Actions lead to the same dialogs, which
ask for the reason, so that rights, audit and double clicks are treated in one place. Large values are never read for a list.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.admin import ModelAdmin

from engine import rights
from engine.admin.bulk_views import MOST
from engine.models import Instance, OutboxMessage, Timer

PLAIN = "plain"


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]
    """Rows that only the engine writes: everybody with INSTANCE read looks, nobody edits."""

    show_full_result_count = False
    list_per_page = 50

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return rights.may_see_all(request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return rights.may_see_all(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """For `@admin.action(permissions=["operate"])`."""
        return rights.may_operate(request.user)


def leads_to(operation: str, queryset: QuerySet[Instance]) -> HttpResponse | None:
    """The dialog of an operation for the ticked instances; None when there are too many for one."""
    uuids = list(queryset.values_list("uuid", flat=True)[: MOST + 1])
    if len(uuids) > MOST:
        return None
    query = urlencode([("id", str(uuid)) for uuid in uuids])
    return HttpResponseRedirect(f"{reverse('operate:bulk', args=[operation])}?{query}")


class InstanceAdmin(ReadOnlyAdmin):
    """Instances; process data is shown on the status page only, where sensitive values are hidden."""

    list_display = (
        "uuid",
        "process_name",
        "version",
        "state",
        "started_at",
        "owner_name",
        "open_incidents",
        "pending_timers",
    )
    list_filter = ("state", "test")
    search_fields = ("process_name", "owner_name")
    ordering = ("-started_at", "-id")
    exclude = ("params", "start_params", "where")
    actions = ("retry", "hold", "unhold", "terminate", "dismiss")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.defer("params", "start_params", "where")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        if request.method == "GET" and PLAIN not in request.GET:
            query = request.GET.urlencode()
            return HttpResponseRedirect(f"{reverse('operate:instances')}{'?' if query else ''}{query}")
        rest = request.GET.copy()
        rest.pop(PLAIN, None)
        request.GET = rest  # type: ignore[assignment]
        return super().changelist_view(request, extra_context)

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        instance = self.get_object(request, object_id)
        if instance is not None and self.has_view_permission(request, instance):
            return HttpResponseRedirect(reverse("operate:instance", args=[instance.uuid]))
        return super().change_view(request, object_id, form_url, extra_context)

    def _lead(self, request: HttpRequest, operation: str, queryset: QuerySet[Instance]) -> HttpResponse | None:
        answer = leads_to(operation, queryset)
        if answer is None:
            self.message_user(request, f"Choose at most {MOST} instances at a time.", messages.ERROR)
        return answer

    @admin.action(description="Retry…", permissions=["operate"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Instance]) -> HttpResponse | None:
        return self._lead(request, "retry", queryset)

    @admin.action(description="Hold…", permissions=["operate"])
    def hold(self, request: HttpRequest, queryset: QuerySet[Instance]) -> HttpResponse | None:
        return self._lead(request, "hold", queryset)

    @admin.action(description="Unhold…", permissions=["operate"])
    def unhold(self, request: HttpRequest, queryset: QuerySet[Instance]) -> HttpResponse | None:
        return self._lead(request, "unhold", queryset)

    @admin.action(description="Terminate…", permissions=["operate"])
    def terminate(self, request: HttpRequest, queryset: QuerySet[Instance]) -> HttpResponse | None:
        return self._lead(request, "terminate", queryset)

    @admin.action(description="Dismiss…", permissions=["operate"])
    def dismiss(self, request: HttpRequest, queryset: QuerySet[Instance]) -> HttpResponse | None:
        return self._lead(request, "dismiss", queryset)


class OneOfAnInstance(ReadOnlyAdmin):
    """Rows that belong to an instance: an action leads to the dialog of one of them."""

    def lead(self, request: HttpRequest, queryset: QuerySet[Any], address: Any) -> HttpResponse | None:
        rows = list(queryset[:2])
        if len(rows) != 1:
            self.message_user(request, "Choose one row.", messages.ERROR)
            return None
        uuid = Instance.objects.filter(pk=rows[0].instance_id).values_list("uuid", flat=True).first()
        if uuid is None:
            self.message_user(request, "Its process instance is no longer there.", messages.ERROR)
            return None
        return HttpResponseRedirect(address(uuid, rows[0]))


class TimerAdmin(OneOfAnInstance):
    list_display = ("due_at", "kind", "state", "node_name", "action_name", "expression", "instance_id")
    list_filter = ("state", "kind")
    ordering = ("due_at", "id")
    actions = ("run_now",)

    @admin.action(description="Run now…", permissions=["operate"])
    def run_now(self, request: HttpRequest, queryset: QuerySet[Timer]) -> HttpResponse | None:
        return self.lead(
            request,
            queryset,
            lambda uuid, timer: f"{reverse('operate:operation', args=[uuid, 'run-timer'])}?timer={timer.pk}",
        )


class OutboxMessageAdmin(OneOfAnInstance):
    list_display = ("created_at", "topic", "state", "attempts", "action_name", "partition", "offset")
    list_filter = ("state",)
    search_fields = ("topic", "action_name")
    ordering = ("-seq",)
    exclude = ("value", "headers")
    actions = ("queue_again",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.defer("value", "headers")

    @admin.action(description="Queue again…", permissions=["operate"])
    def queue_again(self, request: HttpRequest, queryset: QuerySet[OutboxMessage]) -> HttpResponse | None:
        return self.lead(request, queryset, lambda uuid, row: reverse("operate:requeue", args=[uuid, row.id]))


class ReceivedMessageAdmin(ReadOnlyAdmin):
    list_display = ("received_at", "topic", "state", "reason", "partition", "offset", "instance_id")
    list_filter = ("state", "reason")
    search_fields = ("topic",)
    ordering = ("-id",)
    exclude = ("value", "headers")


class IncidentAdmin(ReadOnlyAdmin):
    list_display = ("opened_at", "process_name", "node_name", "action_name", "type", "closed_at", "instance_uuid")
    list_filter = ("type", "source")
    search_fields = ("process_name", "node_name", "action_name")
    ordering = ("-id",)
    exclude = ("message", "details", "rest")


class FailedStartAdmin(ReadOnlyAdmin):
    list_display = ("at", "process_name", "caller", "source", "error_key")
    list_filter = ("source",)
    search_fields = ("process_name", "caller")
    ordering = ("-id",)
    exclude = ("body",)


class AuditEntryAdmin(ReadOnlyAdmin):
    """Audit entries for what has no instance; the journals of instances are on their own pages."""

    list_display = ("at", "user", "subject", "event", "identifier", "version", "status")
    list_filter = ("subject", "event", "status")
    search_fields = ("user", "identifier")
    ordering = ("-at",)


class JournalEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "instance_id", "number", "event", "subject", "status", "user", "node_name", "action_name")
    list_filter = ("event", "status")
    ordering = ("-id",)
    exclude = ("payload", "details")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.defer("payload", "details")
