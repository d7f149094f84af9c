"""The demo's folder: writable, held by one demo at a time, with the secrets that must stay the same from start to start."""

import fcntl
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowx_site.demo.people import PEOPLE


class DemoRefusedError(Exception):
    """The demo cannot start or go on; the message is the one sentence that people read."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that this demo holds until it ends: the kernel drops the lock with the process, however it dies."""

    path: Path
    lock: int
    secret_key: str
    passwords: dict[str, str]

    @property
    def logs(self) -> Path:
        """Where the output of the demo's processes goes."""
        return self.path / "log"

    def note_address(self, address: str) -> None:
        """Write down who holds the folder, for the sentence that a second demo prints."""
        os.ftruncate(self.lock, 0)
        os.pwrite(self.lock, f"{address}".encode(), 0)


def take(path: Path) -> Folder:
    """Hold the folder; raises DemoRefusedError where it cannot be written or another demo holds it."""
    try:
        for part in (path, path / "log", path / "static"):
            part.mkdir(parents=True, exist_ok=True)
        lock = os.open(path / "demo.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        hold(lock, path)
        kept = read_secrets(path / "demo.json")
    except OSError as error:
        raise DemoRefusedError(
            f"The folder {path} cannot be written ({error.strerror}): make it writable, or name another one in FLOWX_VAR."
        ) from error
    return Folder(path=path, lock=lock, secret_key=kept["secret_key"], passwords=kept["passwords"])


def hold(lock: int, path: Path) -> None:
    """Take the lock or say who has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        address = os.pread(lock, 200, 0).decode(errors="replace") or "an address not known yet"
        raise DemoRefusedError(
            f"A demo runs on {path} already, at {address}: end it with Ctrl-C, or name another folder in FLOWX_VAR."
        ) from error


def read_secrets(file: Path) -> dict[str, Any]:
    """The key and the passwords of former starts; missing ones are made up and written, readable by the owner only."""
    try:
        read = json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        read = {}
    kept: dict[str, Any] = read if isinstance(read, dict) else {}
    passwords = kept.get("passwords")
    made: dict[str, Any] = {
        "secret_key": kept.get("secret_key") or secrets.token_urlsafe(50),
        "passwords": {person.name: secrets.token_urlsafe(9) for person in PEOPLE}
        | (passwords if isinstance(passwords, dict) else {}),
    }
    if made != kept:
        draft = file.with_suffix(".new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            json.dump(made, out, indent=2)
        draft.replace(file)
    return made
