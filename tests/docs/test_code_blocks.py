"""The documentation's code works: JSON parses, Python runs or is cut out of the example, commands exist."""

import ast
import re
import shlex
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import get_commands

from engine.core import jsonio
from tests.docs.pages import ROOT, Block, blocks

PROGRAMS = {"git", "cd", "export", "curl", "uvicorn", "celery", "pip", "pytest"}
EXTERNAL_SERVICE = ROOT / "docs" / "how-to" / "external-service.md"


@pytest.mark.parametrize("block", blocks("json"), ids=lambda block: block.place)
def test_json_parses(block: Block) -> None:
    jsonio.loads(block.text)


@pytest.mark.parametrize("block", blocks("python"), ids=lambda block: block.place)
def test_python_of_the_service_is_cut_out_of_the_example(block: Block) -> None:
    if block.page == EXTERNAL_SERVICE:
        assert block.text in (ROOT / "examples" / "bike_stock.py").read_text(), f"{block.place} is not in the example"
    else:
        ast.parse(block.text)


@pytest.mark.django_db
def test_python_that_issues_a_token_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    rider = User.objects.create_user("rider")
    [block] = [one for one in blocks("python") if one.page.name == "frontend.md"]
    printed = StringIO()
    monkeypatch.setattr("sys.stdout", printed)
    exec(compile(block.text, block.place, "exec"), {})  # noqa: S102 (our own documentation)
    token = rider.api_tokens.get()
    assert printed.getvalue().strip().startswith(token.prefix)
    assert token.scopes == ["execute", "read", "start"]


@pytest.mark.parametrize("block", blocks("sh"), ids=lambda block: block.place)
def test_commands_exist(block: Block) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
            del words[0]
        if not words:
            continue
        program = Path(words[0]).name
        if program == "make":
            assert {word for word in words[1:] if "=" not in word} <= targets, line
        elif program == "python" and words[1] == "manage.py":
            assert words[2] in get_commands(), line
        elif program == "python":
            assert (ROOT / words[1]).exists(), line
        else:
            assert program in PROGRAMS, f"{block.place}: what is {program}?"
