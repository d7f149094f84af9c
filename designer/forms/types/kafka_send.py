"""The parameters of a Kafka Send Action in its form: the rendered record, resolved topics, pickers for headers."""

from __future__ import annotations

from typing import Any

from designer import preview
from designer.catalog.kafka_send import header_values
from designer.forms.action_form import ActionForm
from designer.forms.helper import picked_headers


def context(form: ActionForm, source: preview.Source) -> dict[str, Any]:
    """What `designer/actions/kafka_send.html` reads."""
    values, design = form.values, form.design
    message, replaces = values.text("message"), values.replaces("message")
    own = header_values(values).items()
    return {
        "rendered": preview.render_json(message, source, replaces=replaces, root="message"),
        "record_headers": preview.record_headers(values, source),
        "topics": [(topic, preview.render_plain(topic, source)) for topic in values.topics],
        "pickers": picked_headers(values),
        "callback_names": [each.name for each in design.actions_by_node.get(values.node_id, [])],
        "reply_nodes": [node.name for node in design.nodes if node.data_stream_topics],
        "header_words": ", ".join(name if name == "processInstanceId" else f"{name} = {value}" for name, value in own),
        "message_key": preview.render_plain(values.text("messageKey"), source) or str(source.state.uuid),
    }
