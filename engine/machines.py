"""Names of OS processes that say whether one is gone: used by leases and signs of life after a crash.

Only what ran on this machine, and in this container where there are such, can be seen to be dead; when in doubt it lives.
"""

from __future__ import annotations

import os
import socket


def machine() -> str:
    """This machine, and the room on it in which process numbers mean something."""
    try:
        room = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        room = 0
    return f"{socket.gethostname()[:50]}/{room}"


def this_process() -> str:
    """A name for this process: `machine:number`."""
    return f"{machine()}:{os.getpid()}"


def is_dead(process: str) -> bool:
    """Whether a process, by the name that `this_process` gave it, ran here and is gone."""
    where, _, number = process.rpartition(":")
    if where != machine() or not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
