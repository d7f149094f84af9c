"""What a handler is given, and how its parameters are filled in."""

from __future__ import annotations

from dataclasses import dataclass

from engine.core import jsonio, template
from engine.core.graph import Action, Node, Param
from engine.core.lookup import Lookup
from engine.core.state import Token, Visit
from engine.core.turn import Turn


class ActionFailed(Exception):
    """The action cannot do its work; `kind` is the incident's type (engine 2.8). Says what, why and what to do."""

    def __init__(self, message: str, kind: str = "Engine", cause: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.cause = cause


@dataclass(frozen=True, slots=True)
class ActionRun:
    """One run of one action: `number` counts the runs of the action in this visit, from 1."""

    turn: Turn
    token: Token
    visit: Visit
    node: Node
    action: Action
    number: int
    lookup: Lookup

    def json_text(self, key: str, *, root: template.Root, what: str) -> str:
        """The parameter as JSON text, placeholders filled in if it says so (engine 4.2, 6.4)."""
        param = self._required(key, what)
        try:
            if not param.replace_values:
                jsonio.loads(param.value)
                return param.value.strip()
            return template.compile_json(param.value, root=root).render(self.lookup)
        except template.RenderError as error:
            raise ActionFailed(
                f"The {what} of '{self.action.name}' cannot be made: {error} Correct the value, then retry."
            ) from error
        except (template.TemplateError, jsonio.JsonError) as error:
            raise ActionFailed(
                f"The {what} of '{self.action.name}' is not valid: {error}. Correct it in the designer and publish."
            ) from error

    def plain_text(self, param: Param, *, what: str) -> tuple[str, list[str]]:
        """The parameter as plain text and the paths of its placeholders that have no value."""
        return plain_text(self.action, param, self.lookup, what=what)

    def _required(self, key: str, what: str) -> Param:
        param = self.action.params.get(key)
        if param is None or not param.value.strip():
            raise ActionFailed(f"'{self.action.name}' has no {what}. Enter it in the designer and publish.")
        return param


def plain_text(action: Action, param: Param, lookup: Lookup, *, what: str) -> tuple[str, list[str]]:
    """A parameter of an action as plain text, and the paths of its placeholders that have no value. Raises `ActionFailed`."""
    if not param.replace_values:
        return param.value, []
    try:
        compiled = template.compile_plain(param.value)
        return compiled.render(lookup), compiled.missing(lookup)
    except template.RenderError as error:
        raise ActionFailed(
            f"The {what} of '{action.name}' cannot be made: {error} Correct the value, then retry."
        ) from error
    except template.TemplateError as error:
        raise ActionFailed(
            f"The {what} of '{action.name}' is not valid: {error}. Correct it in the designer and publish."
        ) from error
