"""An action as it is edited: plain values, saved or not. Forms, lint, import and API all check this one shape, so that a rule
is written once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from designer.models import Action


@dataclass(frozen=True, slots=True)
class Param:
    """The text of one parameter; `replace_values` says whether `${...}` in it is substituted (engine 4.2)."""

    value: str = ""
    replace_values: bool = True


@dataclass(slots=True)
class ActionValues:
    """The fields of engine 4.2. `order` may be None where no whole number was entered; `id` is None before the first save.

    `manual_text`, `optional_text`: what was posted where it is neither true nor false, for ACT-013.
    """

    node_id: int
    id: int | None = None
    key: str = ""
    name: str = ""
    order: int | None = 1
    type: str = ""
    timer_expression: str = ""
    manual: bool = False
    optional: bool = False
    repeatable: bool = False
    auto_run_children: bool = False
    parent_name: str = ""
    allow_token_reset: bool = False
    restart_from_snapshot: bool = False
    keys_for_restart: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    params: dict[str, Param] = field(default_factory=dict)
    rule_definitions: list[Any] = field(default_factory=list)
    invalid: dict[str, str] = field(default_factory=dict)

    def text(self, key: str, default: str = "") -> str:
        """The text of a parameter."""
        param = self.params.get(key)
        return default if param is None else param.value

    def replaces(self, key: str) -> bool:
        """Whether placeholders of that parameter are filled in; true when it is not stored."""
        param = self.params.get(key)
        return True if param is None else param.replace_values

    def set_text(self, key: str, value: str) -> None:
        """Change the text of a parameter, keeping its switch."""
        self.params[key] = Param(value, self.replaces(key))

    def copy(self) -> ActionValues:
        """A copy whose lists and parameters may be changed."""
        return replace(
            self,
            keys_for_restart=list(self.keys_for_restart),
            keys=list(self.keys),
            params=dict(self.params),
            invalid=dict(self.invalid),
        )

    @property
    def topics(self) -> list[str]:
        """The topics of `topicName`, split at commas before anything is filled in (engine 6.3)."""
        return [part.strip() for part in self.text("topicName").split(",") if part.strip()]

    def stored_params(self) -> list[dict[str, Any]]:
        """The rows of `actionParams`, in the order of the keys given to `params`."""
        return [
            {"key": key, "value": param.value, "replaceValues": param.replace_values}
            for key, param in self.params.items()
        ]

    @classmethod
    def from_row(cls, row: Action, *, parent_name: str = "") -> ActionValues:
        """The values of a stored action; the caller knows the parent's name, so that no query is made here."""
        return cls(
            node_id=row.node_id,
            id=row.pk,
            key=row.key,
            name=row.name,
            order=row.order,
            type=row.type,
            timer_expression=row.timer_expression,
            manual=row.manual,
            optional=row.optional,
            repeatable=row.repeatable,
            auto_run_children=row.auto_run_children,
            parent_name=parent_name,
            allow_token_reset=row.allow_token_reset,
            restart_from_snapshot=row.restart_from_snapshot,
            keys_for_restart=list(row.keys_for_restart),
            keys=list(row.keys),
            params={p["key"]: Param(str(p["value"]), bool(p.get("replaceValues", True))) for p in row.params},
            rule_definitions=list(row.rule_definitions),
        )
