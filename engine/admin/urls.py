"""Addresses of the operator screens, inside the admin site: `/admin/runtime/...` (designer 0.3)."""

from django.urls import path

from engine.admin import bulk_views, instances, logs, operation_views, status, timer_start_views

app_name = "operate"

urlpatterns = [
    path("instances/", instances.instance_list, name="instances"),
    path("instances/bulk/<str:key>/", bulk_views.bulk, name="bulk"),
    path("instances/<uuid:uuid>/", status.instance_status, name="instance"),
    path("instances/<uuid:uuid>/do/<str:key>/", operation_views.operation, name="operation"),
    path("instances/<uuid:uuid>/requeue/<uuid:outbox_id>/", operation_views.requeue, name="requeue"),
    path("instances/<uuid:uuid>/reveal/", status.reveal, name="reveal"),
    path("instances/<uuid:uuid>/variables.json", status.variables_json, name="variables"),
    path("instances/<uuid:uuid>/timeline.json", status.timeline_json, name="timeline"),
    path("drawings/<int:snapshot_id>.bpmn", status.drawing, name="drawing"),
    path("scheduled/", logs.scheduled, name="scheduled"),
    path("scheduled/<int:pk>/activate/", timer_start_views.activate, name="timer-start-activate"),
    path("scheduled/<int:pk>/suspend/", timer_start_views.suspend, name="timer-start-suspend"),
    path("failed-starts/", logs.failed_starts, name="failed-starts"),
    path("failed-starts/<int:pk>/", logs.failed_start, name="failed-start"),
    path("kafka/", logs.kafka, name="kafka"),
]
