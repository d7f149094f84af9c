"""Holds the specification and the tests together: each row is named by a test or stands in docs/spec/pending.txt, never both."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SPEC = Path(__file__).parents[2] / "docs" / "spec"


@pytest.fixture(scope="module")
def checklist() -> ModuleType:
    """The module that counts the rows."""
    spec = importlib.util.spec_from_file_location("pending", SPEC / "pending.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_row_is_named_by_a_test_or_listed_as_pending(checklist: ModuleType) -> None:
    missing = [row for row in checklist.pending() if row not in checklist.listed()]
    assert not missing, f"no test names these rows and pending.txt lacks them: {' '.join(missing)}"


def test_a_row_that_a_test_names_is_not_pending(checklist: ModuleType) -> None:
    done = [row for row in checklist.listed() if row not in checklist.pending()]
    assert not done, (
        f"take these lines out of docs/spec/pending.txt (python docs/spec/pending.py does it): {' '.join(done)}"
    )


def test_rows_are_numbered_once(checklist: ModuleType) -> None:
    rows = checklist.rows()
    assert len(rows) == len(set(rows)) > 400
