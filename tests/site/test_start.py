"""What people see when the program cannot start: one sentence, from the real commands (engine 15.3)."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flowx_site.config import BASE_DIR
from tests.demo.running import plain_environ

pytestmark = pytest.mark.processes


def run(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A command of manage.py in a shell that knows nothing of the tests."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE_DIR,
        env=plain_environ(folder, **environ),
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_e243_an_unsafe_production_does_not_start_and_says_why(tmp_path: Path) -> None:
    done = run(tmp_path, "check", FLOWX_PRODUCTION="true", DATABASE_URL="sqlite:////srv/flowx.sqlite3")
    assert done.returncode == 1
    (sentence,) = done.stderr.strip().splitlines()
    assert sentence.startswith("The settings do not allow a start. SECRET_KEY is missing or known")
    assert "DATABASE_URL names SQLite" in sentence


def test_e243_a_name_that_nothing_reads_is_warned_of_and_does_not_stop_the_start(tmp_path: Path) -> None:
    done = run(tmp_path, "check", FLOWX_START_RATES="5", FLOWX_PARAM_REGION="north")
    assert done.returncode == 0
    assert "Nothing reads these settings, check their names: FLOWX_START_RATES" in done.stderr
    assert "FLOWX_PARAM_REGION" not in done.stderr


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_says_that_python_is_too_old(tmp_path: Path) -> None:
    shutil.copy(BASE_DIR / "Makefile", tmp_path)
    (tmp_path / "requirements.txt").touch()
    old = tmp_path / "python3.9"
    old.write_text("#!/bin/sh\nexit 1\n")  # what it answers to the question for 3.11
    old.chmod(0o755)
    done = subprocess.run(
        ["make", "demo", f"PYTHON={old}"],
        cwd=tmp_path,
        env=plain_environ(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert done.stdout == ""
    assert done.stderr.splitlines()[0] == (
        "Python 3.11 or later is needed: install it, or name one with PYTHON=/path/to/python3.11."
    )
    assert not (tmp_path / ".venv").exists()
