"""Which START node a start picks, and what it must bring (engine 1.6, 2.5, 2.6). Raises the documented refusals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.core import jsonio, paths
from engine.core.graph import Graph, Node
from engine.core.stimuli import Refusal

ERROR_KEYS = "error.validation.process_instance."


def select_start(graph: Graph, start_condition: str | None) -> Node:
    """The START node that a start request picks (engine 1.6). Raises `Refusal` with the documented texts of engine 2.6."""
    starts = graph.starts()
    if not starts:
        raise _no_start_node()
    if len(starts) == 1:
        only = starts[0]
        if start_condition and only.start_condition and start_condition != only.start_condition:
            raise _no_start_node()
        return only
    if not start_condition:
        raise Refusal(
            400,
            "Multiple start nodes found, but start condition not specified.",
            ERROR_KEYS + "start_condition_missing",
        )
    for node in starts:
        if node.start_condition == start_condition:
            return node
    raise _no_start_node()


def _no_start_node() -> Refusal:
    return Refusal(
        400, "Start node for process definition not found.", ERROR_KEYS + "start_node_for_process_def_missing"
    )


def check_start(graph: Graph, params: dict[str, Any], limit_bytes: int) -> None:
    """Mandatory values are there and the data is not too large. Raises `Refusal`."""
    if any(paths.get(params, path) in (paths.MISSING, None) for path in graph.mandatory_params):
        raise Refusal(400, "Some mandatory params are missing.", ERROR_KEYS + "mandatory_params_missing")
    size = jsonio.size_bytes(params)
    if size > limit_bytes:
        raise Refusal(413, f"The start values have {size / 1024:,.0f} kB; the limit is {limit_bytes / 1024:,.0f} kB.")


def inherited(data: dict[str, Any], copy: Iterable[str], without: Iterable[str]) -> dict[str, Any]:
    """The values a new instance takes over: all, only the listed ones, all but the listed ones, or first one then the other."""
    copied, left_out = list(copy), list(without)
    taken = paths.copy_only(data, copied) if copied else data
    return paths.copy_without(taken, left_out) if left_out else dict(taken)
