"""What a placeholder finds: reserved names, then the instance's data unless null or absent there, then generic parameters.

The rule is engine 6.4, the reserved names are those of engine 2.2.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.core import paths
from engine.core.jsonio import Json
from engine.core.state import InstanceState
from engine.core.turn import World

JWT_PATH: paths.Path = ("user", "jwt")
"""Only the whole value of a Kafka header may name it; everywhere else there is nothing (engine 7)."""

Lookup = Callable[[paths.Path], Json | paths.Missing]


def lookup_for(world: World, state: InstanceState) -> Lookup:
    """The look-up function for templates of `state`'s actions and nodes."""
    reserved: dict[str, Json] = {
        "processInstanceId": state.id,
        "processInstanceUuid": state.uuid_text,
        "parentProcessInstanceId": state.parent_id,
        "webSocketPath": world.websocket_path,
        "webSocketAddress": world.websocket_address,
    }

    def find(path: paths.Path) -> Json | paths.Missing:
        name = path[0]
        if isinstance(name, str) and name in reserved:
            return reserved[name] if len(path) == 1 else paths.MISSING
        if path == JWT_PATH:
            return paths.MISSING
        value = paths.get(state.params, path)
        if value is not None and value is not paths.MISSING:
            return value
        key = paths.format(path)
        return world.config.get(key, value)

    return find
