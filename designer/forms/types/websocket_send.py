"""The parameters of a Websocket Send Action in its form: the rendered message, and the helper for a start-process message."""

from __future__ import annotations

from typing import Any

from designer import preview
from designer.forms.action_form import ActionForm
from designer.forms.helper import read_helper


def context(form: ActionForm, source: preview.Source) -> dict[str, Any]:
    """What `designer/actions/websocket_send.html` reads."""
    values = form.values
    starts = values.text("messageType") == "action"
    return {
        "rendered": preview.render_json(values.text("message"), source, replaces=values.replaces("message")),
        "helper": read_helper(form.design, values) if starts else None,
        "process_names": sorted(form.design.processes) if starts else [],
    }
