"""The measuring tools that need PostgreSQL run, with tiny numbers and without Java; what they measure does not matter here."""

import os
import subprocess
import sys

from flowx_site.config import BASE_DIR

SHORT = ("--rounds", "1", "--seconds", "0.05", "--population", "16")


def run(program: str, *options: str) -> list[str]:
    """A benchmark as a user starts it; gives the lines that it prints."""
    env = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    command = [sys.executable, str(BASE_DIR / "benchmarks" / program), *options]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def figures(lines: list[str], name: str) -> list[str]:
    """What stands behind the name of a row."""
    (line,) = [line for line in lines if line.strip().startswith(name)]
    return line.strip().removeprefix(name).split()


def test_ours_is_measured_by_several_processes_straight_through():
    printed = run("peers.py", "--alone", *SHORT, "--warm-up", "0.05", "--kinds", "single", "batches")
    rate, _, _, _, statements, commits, _ = figures(printed, "ours, 1 process x 1 thread")
    assert float(rate.replace(",", "")) > 0
    assert float(statements) >= 1
    assert 1 <= float(commits) < 2
    assert float(figures(printed, "ours, 2 processes, batches of 100")[5]) < 0.1, "a commit for each batch of 100"


def test_ours_is_measured_with_each_step_durable():
    printed = run("peers.py", "--alone", *SHORT, "--warm-up", "0.05", "--kinds", "messages", "timers")
    for row in ("ours, 2 processes, batches of 100", "ours, 1 process, due rows by 500"):
        assert float(figures(printed, row)[5]) >= 3 / 16, "three steps, each with a commit of its own"


def test_growth_is_measured_in_two_databases_in_turn():
    printed = run("growth.py", "--few", "20", "--stored", "200", *SHORT)
    few, many = figures(printed, "durable, due timers")[:2]
    assert float(few.replace(",", "")) > 0
    assert float(many.replace(",", "")) > 0


def test_timers_of_one_second_are_measured_beside_those_of_celery():
    printed = run("timers.py", "--count", "50", "--lead", "5")
    assert [line for line in printed if "50 of 50 fired, each once" in line and line.startswith("ours")]
    assert [line for line in printed if "50 of 50 fired, each once" in line and line.startswith("Celery")]
