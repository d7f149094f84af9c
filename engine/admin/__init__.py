"""The operator screens: designed pages under `/admin/runtime/`, and the engine's tables as plain admin models beside them.

Nothing here writes an instance; operations go through `engine.runtime`, reading through `engine.queries`.
"""

from __future__ import annotations

from django.contrib import admin

from engine.admin import tables
from engine.models import (
    AuditEntry,
    FailedStart,
    Incident,
    Instance,
    JournalEntry,
    OutboxMessage,
    ReceivedMessage,
    Timer,
)

admin.site.register(Instance, tables.InstanceAdmin)
admin.site.register(Timer, tables.TimerAdmin)
admin.site.register(Incident, tables.IncidentAdmin)
admin.site.register(FailedStart, tables.FailedStartAdmin)
admin.site.register(OutboxMessage, tables.OutboxMessageAdmin)
admin.site.register(ReceivedMessage, tables.ReceivedMessageAdmin)
admin.site.register(AuditEntry, tables.AuditEntryAdmin)
admin.site.register(JournalEntry, tables.JournalEntryAdmin)
