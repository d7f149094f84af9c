"""The real `manage.py demo` as a child of a test, and a person who uses it: logs in, starts, acts, listens."""

import contextlib
import http.cookiejar
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from websockets.sync.client import ClientConnection, connect

from flowx_site.config import BASE_DIR
from flowx_site.demo import children

LIMIT_S = 60.0
PERSON = re.compile(r"^  (admin|designer|operator|rider) +(\S+) ", re.MULTILINE)


def until(look: Callable[[], Any], what: str, limit_s: float = LIMIT_S) -> Any:
    """Call `look` until it gives something true; fails with `what` when the time is up."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    return pytest.fail(f"not seen in {limit_s} s: {what}")


def plain_environ(folder: Path, **more: str) -> dict[str, str]:
    """What a person's shell has: nothing of the tests' servers."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return kept | {"FLOWX_VAR": str(folder)} | more


def refused(folder: Path, *arguments: str, **environ: str) -> str:
    """Run a demo that may not start; gives what it says, and fails unless that is one line and the exit code 1."""
    done = subprocess.run(
        [sys.executable, "manage.py", "demo", *arguments],
        cwd=BASE_DIR,
        env=plain_environ(folder, **environ),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert done.returncode == 1, done
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr.strip()


def lives(process_id: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return "Z (zombie)" not in Path(f"/proc/{process_id}/status").read_text()
    except OSError:
        return False


def command_line(process_id: int) -> str:
    """What a process was started with; empty when it is gone."""
    try:
        return Path(f"/proc/{process_id}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def children_of(process_id: int) -> list[int]:
    """The living processes that a process has started."""
    found: list[int] = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == process_id and lives(int(entry.name)):
            found.append(int(entry.name))
    return found


LOOPBACK = ("0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F")
NOT_CONNECTED = ("00000000", "0" * 32)


def sockets_beyond(process_id: int) -> list[str]:
    """The TCP sockets of a process that listen or are connected beyond this machine, as the kernel lists them."""
    own: set[str] = set()
    for descriptor in Path(f"/proc/{process_id}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            own.add(os.readlink(descriptor))
    found = []
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for line in table.read_text().splitlines()[1:]:
            words = line.split()
            local, remote = words[1].split(":")[0], words[2].split(":")[0]
            if f"socket:[{words[9]}]" in own and (local not in LOOPBACK or remote not in (*LOOPBACK, *NOT_CONNECTED)):
                found.append(line)
    return found


class Demo:
    """A running demo; ready when entered, killed when left."""

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        self.folder = folder
        self.port = port or children.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._printed = Path(tempfile.mkdtemp(prefix="flowx-demo-")) / "printed"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._printed.open("ab") as printed:
            self.process = subprocess.Popen(
                [sys.executable, "-u", "manage.py", "demo", "--port", str(self.port)],
                cwd=BASE_DIR,
                env=plain_environ(self.folder),
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
            )
        try:
            until(lambda: self.ready or self.process.poll() is not None, "the demo's greeting")
            assert self.process.poll() is None, self.output
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self._printed.parent)

    @property
    def output(self) -> str:
        """What it has printed up to now."""
        return self._printed.read_text()

    @property
    def ready(self) -> bool:
        """Whether it has said so."""
        return "Ctrl-C ends everything." in self.output

    @property
    def passwords(self) -> dict[str, str]:
        """The people it has printed, with their passwords."""
        return dict(PERSON.findall(self.output))

    @property
    def parts(self) -> dict[int, str]:
        """The processes it has started, by id, with their command lines."""
        assert self.process is not None
        return {number: command_line(number) for number in children_of(self.process.pid)}

    def part(self, word: str) -> int:
        """The id of the one part with `word` in its command line, as soon as it is there."""
        found: list[int] = until(lambda: [number for number, line in self.parts.items() if word in line], word)
        assert len(found) == 1, found
        return found[0]

    def parts_but(self, gone: int, word: str) -> list[int]:
        """The parts with `word` in their command line, other than one that was killed."""
        return [number for number, line in self.parts.items() if word in line and number != gone]

    def interrupt(self) -> int:
        """Ctrl-C; gives the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(LIMIT_S)

    def kill(self) -> None:
        """SIGKILL: the demo can do nothing any more; its children must end all the same."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(LIMIT_S)


class Person:
    """A logged-in user of a demo, as a browser would be one."""

    def __init__(self, demo: Demo, name: str) -> None:
        self._demo = demo
        self._jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar))
        login = f"{demo.url}/admin/login/"
        self._opener.open(login).read()
        fields = {
            "username": name,
            "password": demo.passwords[name],
            "csrfmiddlewaretoken": self._csrf,
            "next": "/readyz",
        }
        self.landed = self._opener.open(login, urllib.parse.urlencode(fields).encode()).url

    @property
    def _csrf(self) -> str:
        return next(str(cookie.value) for cookie in self._jar if cookie.name == "csrftoken")

    def get(self, path: str) -> Any:
        """The JSON at a path."""
        with self._opener.open(self._demo.url + path) as answer:
            return json.load(answer)

    def post(self, path: str, body: Any) -> Any:
        """Post JSON and give the JSON that comes back."""
        headers = {"Content-Type": "application/json", "X-CSRFToken": self._csrf, "Origin": self._demo.url}
        request = urllib.request.Request(self._demo.url + path, json.dumps(body).encode(), headers)
        with self._opener.open(request) as answer:
            return json.load(answer)

    def lease(self, model: str) -> str:
        """Start the sample process and send the form; gives the instance's uuid."""
        instance: str = self.post("/api/process/bicycle_leasing_request/start", {})["uuid"]
        token = until(lambda: self._waiting(instance, "Rider details"), "the form of Rider details")
        client = {"firstName": "Tamsin", "lastName": "Vell", "bikeModel": model, "heightCm": 171}
        self.post(
            f"/api/process/{instance}/token/{token}/action/submit_rider_details/execute",
            {"application": {"client": client}},
        )
        return instance

    def sign(self, instance: str) -> None:
        """Sign the lease that is offered, as soon as it is."""
        token = until(lambda: self._waiting(instance, "Sign lease"), "the offer of Sign lease")
        self.post(
            f"/api/process/{instance}/token/{token}/action/sign_lease/execute", {"lease": {"signedBy": "Tamsin Vell"}}
        )

    def run_timer(self, instance: str) -> None:
        """As an operator: let the pending timer that the page of the instance offers fire at once."""
        with self._opener.open(f"{self._demo.url}/admin/runtime/instances/{instance}/") as answer:
            found = re.search(r"do/run-timer/\?timer=(\d+)", answer.read().decode())
        assert found is not None, "no timer is pending"
        command = f"/api/process/{instance}/operations/run-timer"
        self.post(command, {"timer": int(found[1]), "reason": "Let the lease begin"})

    def status(self, instance: str) -> Any:
        """The status answer."""
        return self.get(f"/api/process/{instance}/status")

    def node(self, instance: str) -> str | None:
        """The node on which the first token is."""
        name: str | None = self.status(instance)["tokens"][0]["currentNodeName"]
        return name

    def _waiting(self, instance: str, node: str) -> str | None:
        token = self.status(instance)["tokens"][0]
        return token["uuid"] if token["currentNodeName"] == node else None

    def socket(self, instance: str) -> ClientConnection:
        """The instance's websocket, with all frames asked for."""
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._jar)
        address = self._demo.url.replace("http", "ws") + f"/ws/updates/process/{instance}/"
        made = connect(address, additional_headers={"Cookie": cookies}, origin=self._demo.url)  # type: ignore[arg-type]
        made.send(json.dumps({"type": "ready", "lastSeq": {instance: 0}}))
        return made


def frames_until(socket: ClientConnection, is_last: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    """The frames up to the one that `is_last` accepts, pings and the like left out."""
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        frame = json.loads(socket.recv(timeout=LIMIT_S))
        if "event" in frame:
            found.append(frame)
            if is_last(frame):
                return found
    return pytest.fail(f"the last frame did not come: {found}")
