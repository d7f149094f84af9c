"""What each action type does when it runs: one module a type, registered in `HANDLERS` by its stored name.

A handler gets an `ActionRun` and changes nothing but through it. It raises `ActionFailed` before it has any effect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.core.actions import (
    append_params,
    business_rule,
    kafka_send,
    save_data,
    start_subprocess,
    upload_file,
    websocket_send,
)
from engine.core.actions.run import ActionFailed, ActionRun
from engine.core.graph import ActionType

HANDLERS: Mapping[ActionType, Callable[[ActionRun], None]] = {
    ActionType.KAFKA_SEND: kafka_send.run,
    ActionType.WEBSOCKET_SEND: websocket_send.run,
    ActionType.SAVE_DATA: save_data.run,
    ActionType.BUSINESS_RULE: business_rule.run,
    ActionType.START_SUBPROCESS: start_subprocess.run,
    ActionType.APPEND_PARAMS_TO_PARENT: append_params.run,
    ActionType.UPLOAD_FILE: upload_file.run,
}

__all__ = ["HANDLERS", "ActionFailed", "ActionRun"]
