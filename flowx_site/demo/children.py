"""Child processes that end with us: started on a leash, in a session of their own, ended with SIGTERM, then SIGKILL.

A session of its own keeps the terminal's Ctrl-C away from the child, so that the supervisor decides the order, and lets `end`
reach grandchildren too. Used by the demo and by the tests' private servers.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

LEASH = Path(__file__).with_name("leash.py")


def free_port() -> int:
    """A loopback TCP port that nobody listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def start(
    command: Sequence[str],
    *,
    log: IO[bytes],
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: str | None = None,
) -> subprocess.Popen[bytes]:
    """Start a command whose output goes to `log`, as root optionally as another user.

    Call it from a thread that lives as long as the child should: the leash is tied to the thread.
    """
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), user or "-", *command],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env=None if env is None else dict(env),
        cwd=cwd,
        start_new_session=True,
    )


def signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal the child and what it started; one that is gone already is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def end(children: Sequence[subprocess.Popen[bytes]], *, patience_s: float = 8.0) -> None:
    """End all children together: SIGTERM, then, for those still there after `patience_s`, SIGKILL."""
    for child in children:
        if child.poll() is None:
            signal_group(child, signal.SIGTERM)
    deadline = time.monotonic() + patience_s
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(max(0.0, deadline - time.monotonic()))
    for child in children:
        signal_group(child, signal.SIGKILL)
        child.wait()
