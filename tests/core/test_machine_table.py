"""The core by its table (`machine_table.md`): (graph, state, stimulus) -> (state, effects, journal), one row a line."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.core.table import GRAPHS, Case

TABLE = Path(__file__).with_name("machine_table.md")


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    line: int
    graph: str
    given: str
    when: str
    answer: str
    state: str
    effects: str
    journal: str


def rows() -> list[Row]:
    found = []
    for number, text in enumerate(TABLE.read_text().splitlines(), 1):
        cells = [cell.strip().strip("`") for cell in text.strip("|").split("|")]
        if text.startswith("| ") and cells[0] in GRAPHS:
            found.append(Row(number, *cells))
    return found


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.graph} {row.line}")
def test_row(row: Row) -> None:
    case = Case(row.graph)
    for words in filter(None, row.given.split("; ")):
        case.give(words)
    case.remember()
    case.give(row.when)
    assert (case.answer, case.state_text()) == (row.answer, row.state)
    assert case.effects_text() == row.effects
    assert case.journal_text() == row.journal


def test_the_table_uses_every_graph() -> None:
    assert {row.graph for row in rows()} == set(GRAPHS) - {"child"}
