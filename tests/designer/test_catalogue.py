"""The catalogue of codes: each once, all texts from it, and each code that this release can raise is asserted by a test."""

from __future__ import annotations

import re
from pathlib import Path

from designer.lint import CATALOGUE, RETIRED

HERE = Path(__file__).parent
PENDING = {
    # node types, action types and integrations that come later
    "KFK-008", "KFK-012", "KFK-013", "KFK-014", "KFK-015",
    "BRL-001", "BRL-002", "BRL-003", "BRL-004", "UPL-001", "UPL-002", "SUB-001", "SUB-002", "SUB-003", "SUB-004",
    "APP-001", "APP-002",
}  # fmt: skip
"""Codes whose checks come with what they check."""


def test_d127_each_code_is_asserted_by_a_test():
    tests = "".join(path.read_text("utf-8") for path in HERE.glob("test_*.py") if path.name != Path(__file__).name)
    asserted = set(re.findall(r"[A-Z]{2,3}-\d{3}", tests))
    assert CATALOGUE.keys() - PENDING - asserted == set()
    assert CATALOGUE.keys() >= PENDING


def test_d127_retired_codes_are_never_used():
    assert not RETIRED & CATALOGUE.keys()


def test_d127_code_raises_only_codes_of_the_catalogue():
    for path in (HERE.parent.parent / "designer").rglob("*.py"):
        used = set(re.findall(r'problem\(\s*"([A-Z]{2,3}-\d{3})"', path.read_text("utf-8")))
        assert used <= CATALOGUE.keys(), path


def test_no_check_writes_a_text_of_its_own():
    """A finding is made by `problem`, from the catalogue: nothing else builds one."""
    for path in (HERE.parent.parent / "designer").rglob("*.py"):
        if path.name != "problem.py":
            assert not re.search(r"\bProblem\(", path.read_text("utf-8")), path
