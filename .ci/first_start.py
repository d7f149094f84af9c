"""The first start, as a newcomer has it: `make demo` installs, starts, prints its greeting, and ends with Ctrl-C.

Run before anything for the tests is installed, so that a package that only the tests ask for is missed here.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

INSTALL_AND_START_S = 600
GREETING = "Ctrl-C ends everything."


def main() -> None:
    """Start, look, end; a fault ends this program with the demo's own words."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        printed = Path(folder) / "printed"
        environ = os.environ | {"FLOWX_VAR": f"{folder}/var"}
        began = time.monotonic()
        with printed.open("wb") as out:
            demo = subprocess.Popen(
                ["make", "demo", f"PORT={port}"], stdout=out, stderr=out, env=environ, start_new_session=True
            )
        while (
            GREETING not in printed.read_text()
            and demo.poll() is None
            and time.monotonic() - began < INSTALL_AND_START_S
        ):
            time.sleep(0.1)
        ready_s = time.monotonic() - began
        time.sleep(3)  # a part that falls right after its start is named in the output
        faults = [
            line for line in printed.read_text().splitlines() if "ended by itself" in line or "keeps ending" in line
        ]
        if demo.poll() is not None or GREETING not in printed.read_text() or faults:
            os.killpg(demo.pid, signal.SIGKILL)
            sys.exit(f"make demo did not work:\n{printed.read_text()}")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/admin/login/", timeout=10) as page:
            assert page.status == 200
        os.killpg(demo.pid, signal.SIGINT)
        demo.wait(60)
    print(f"make demo was ready after {ready_s:.0f} s, installation included, and ended with Ctrl-C.")


if __name__ == "__main__":
    main()
