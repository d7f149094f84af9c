"""Business Rule: ZEN rows that set keys one after the other, or one decision table (engine 4.8). A fault writes nothing."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import orjson
import zen

from engine.core import expressions, jsonio, paths, zenvalues
from engine.core.actions.run import ActionFailed, ActionRun

KIND = "Business Rule Evaluation"
TABLE_NODES = frozenset({"inputNode", "outputNode", "decisionTableNode"})


def run(action_run: ActionRun) -> None:
    """Evaluate all rows, then store. Raises `ActionFailed` of type Business Rule Evaluation."""
    action, turn = action_run.action, action_run.turn
    if not action.rules:
        raise ActionFailed(f"'{action.name}' has no rule. Add one in the designer and publish.", kind=KIND)
    params: dict[str, Any] = turn.state.params
    config: dict[str, Any] = dict(turn.world.config)
    for position, rule in enumerate(action.rules, 1):
        try:
            if rule.language == "ZEN":
                value = expressions.compile_expression(rule.message).evaluate(params, config)
                params = paths.put(params, rule.target, value)
            elif rule.language == "ZEN_TABLE":
                params = paths.merge(params, evaluate_table(rule.message, params, config))
            else:
                raise expressions.EvaluationError(f"{rule.language} does not run here. Rewrite it in ZEN.")
        except (expressions.ExpressionError, expressions.EvaluationError, paths.PathError, TableError) as error:
            raise ActionFailed(f"Rule {position} of '{action.name}' failed: {error}", kind=KIND) from error
    size = jsonio.size_bytes(params)
    if size > turn.world.limits.params:
        raise ActionFailed(f"With its results the instance's data would have {size / 1024:,.0f} kB.", kind=KIND)
    turn.state.params = params


class TableError(ValueError):
    """The decision table cannot be used, or its evaluation failed."""


@lru_cache(maxsize=1024)
def compile_table(text: str) -> Any:
    """The decision of a JDM text. Raises `TableError` for what is no table, or holds function or HTTP nodes."""
    try:
        graph = orjson.loads(text)
        kinds = {node.get("type") for node in graph["nodes"]}
        tables = [node for node in graph["nodes"] if node.get("type") == "decisionTableNode"]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise TableError("the decision table is not JDM JSON") from error
    if kinds - TABLE_NODES:
        raise TableError(f"a {', '.join(sorted(str(kind) for kind in kinds - TABLE_NODES))} is not allowed in a table")
    if any((table.get("content") or {}).get("hitPolicy", "first") != "first" for table in tables):
        raise TableError("the hit policy is not 'first'")
    try:
        return zen.ZenEngine().create_decision(text)
    except BaseException as error:
        if not zenvalues.is_zen_fault(error):
            raise
        raise TableError(str(error)[:200]) from error


def evaluate_table(text: str, params: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """The outputs of the first row that matches; empty when none does. Raises `TableError`."""
    decision = compile_table(text)
    try:
        result = decision.evaluate(zenvalues.to_zen({"input": params, "config": config}))["result"]
    except BaseException as error:
        if not zenvalues.is_zen_fault(error):
            raise
        raise TableError(str(error)[:200]) from error
    read = zenvalues.from_zen(result)
    return read if isinstance(read, dict) else {}
