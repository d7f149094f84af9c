"""Runs a command that ends when the process that started it ends, even if that one is killed with SIGKILL.

Run by its path, `python leash.py PARENT_PID USER COMMAND...`; it imports nothing of the project. On Linux the kernel keeps
the promise (PR_SET_PDEATHSIG) and the command takes this process's place; elsewhere this process stays and looks each half
second. USER is `-`, or a user to become first, since a change of user would undo the promise.
"""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
import time

PR_SET_PDEATHSIG = 1


def become(name: str) -> None:
    """Give root's rights up for those of another user."""
    user = pwd.getpwnam(name)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


def tie_to_parent(parent: int) -> None:
    """Have the kernel kill this process with its parent; the check catches a parent that died before the call."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)


def watch_parent(parent: int, command: list[str]) -> int:
    """Run the command as a child, hand signals on, and kill it once the parent is gone; gives its exit code."""
    child = subprocess.Popen(command)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: child.send_signal(number))
    while child.poll() is None:
        if os.getppid() != parent:
            child.kill()
        time.sleep(0.5)
    return child.returncode


def main() -> None:
    """Take `PARENT_PID USER COMMAND...` from the command line."""
    parent, user, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    if user != "-":
        become(user)
    if sys.platform == "linux":
        tie_to_parent(parent)
        os.execvp(command[0], command)
    sys.exit(watch_parent(parent, command))


if __name__ == "__main__":
    main()
