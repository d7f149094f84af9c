"""Rows and people for the tests of the operator screens.

`instance` writes an instance's row by hand, for lists that need many or odd ones; everything that has to behave like an instance
is made by the runtime, with `tests.builders`.
"""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from engine.core import jsonio
from engine.models import Incident, Instance, Token

NEW_YEAR = datetime(2025, 1, 1, tzinfo=UTC)
FIRST_ID = 1_000_000
_ids = itertools.count(FIRST_ID)


def instance(**fields: Any) -> Instance:
    """One row: started, by the rider app, waiting for a person, unless `fields` say otherwise. `node` is where its token is."""
    row_id = next(_ids)
    node = fields.pop("node", "Rider details")
    incident = fields.pop("incident", "")
    started_at = fields.pop("started_at", NEW_YEAR + timedelta(minutes=row_id - FIRST_ID))
    state = fields.pop("state", "STARTED")
    place = {
        "token": str(uuid4()),
        "node": 1,
        "nodeName": node,
        "nodeType": "USER_TASK",
        "status": "EXECUTED_PARTIAL",
        "swimlane": "Rider",
        "topics": [],
    }
    values = {
        "uuid": uuid4(),
        "root_id": row_id,
        "snapshot_id": 1,
        "definition_id": 1,
        "process_name": "leasing",
        "version": 7,
        "state": state,
        "params": "{}",
        "start_params": "{}",
        "owner_name": "rider app",
        "started_at": started_at,
        "updated_at": started_at,
        "where": jsonio.dumps([place]),
        "open_incidents": 1 if incident else 0,
        "incident_text": incident,
    }
    made = Instance.objects.create(id=row_id, **values | fields)
    Token.objects.create(
        id=next(_ids),
        uuid=UUID(str(place["token"])),
        instance_id=row_id,
        state="ACTIVE",
        status="EXECUTED_PARTIAL",
        current_node_id=1,
        current_node_name=node,
        swimlane="Rider",
        created_at=started_at,
        updated_at=started_at,
    )
    if incident:
        Incident.objects.create(
            id=next(_ids),
            instance_id=row_id,
            instance_uuid=made.uuid,
            process_name=made.process_name,
            node_name=node,
            source="Action",
            type="Engine",
            message=incident,
            opened_at=started_at,
        )
    return made


def keys_of(content: bytes) -> list[str]:
    """The uuids of the rows that a page of the list shows, in their order."""
    return re.findall(r'<tr data-key="([0-9a-f-]+)"', content.decode())
