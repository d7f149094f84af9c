"""Finds a Chromium for the browser tests; run by itself it prints the path, or a sentence that says how to get one."""

import os
import shutil
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/opt/google/chrome/chrome",
)
ADVICE = (
    "No browser was found for the browser tests: install the package chromium (Debian, Ubuntu) or Google Chrome, or run "
    "`.venv/bin/playwright install chromium`, or leave these tests out with `make test BROWSER=0`."
)
# As root Chromium has no sandbox to offer; the others keep it from calling home.
ARGUMENTS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    *(("--no-sandbox",) if hasattr(os, "geteuid") and os.geteuid() == 0 else ()),
)


class NoBrowserError(RuntimeError):
    """No Chromium can be had; the message says how to get one."""


def wanted() -> bool:
    """Whether browser tests run: BROWSER=0 leaves them out."""
    return os.environ.get("BROWSER", "1") != "0"


def playwrights_own() -> str | None:
    """The Chromium that `playwright install chromium` has fetched, if it has."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def find() -> str:
    """The path of a Chromium or Chrome; raises NoBrowserError."""
    installed = [shutil.which(name) for name in NAMES] + [place for place in PLACES if Path(place).exists()]
    if path := next((path for path in installed if path), None) or playwrights_own():
        return path
    raise NoBrowserError(ADVICE)


if __name__ == "__main__":
    try:
        print(find())
    except NoBrowserError as error:
        sys.exit(str(error))
