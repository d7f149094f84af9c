"""The measuring tools that need no server run, with tiny numbers; how fast they say the machine is does not matter."""

import os
import subprocess
import sys

from flowx_site.config import BASE_DIR


def run(program: str, *options: str) -> str:
    """A benchmark as a user starts it, in this test's environment but on a database of its own; gives what it prints."""
    env = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "DJANGO_SETTINGS_MODULE")}
    command = [sys.executable, str(BASE_DIR / "benchmarks" / program), *options]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_core_is_measured_alone():
    assert "instances a second of processor time" in run("core.py", "--count", "100", "--rounds", "1")


def test_the_engine_is_measured_on_sqlite_beside_the_same_rows_written_one_by_one():
    printed = run("engine.py", "--seconds", "0.05", "--population", "10")
    for row in ("baseline", "straight, batches of 100", "durable, messages by 500", "durable, due timers by 500"):
        (line,) = [line for line in printed.splitlines() if line.startswith(row)]
        assert float(line.split()[-5].replace(",", "")) > 0
