"""Django settings of the tests: the program's own, on servers of this process and a database file of its own."""

import os
from pathlib import Path

from tests import servers

servers.start_once()

from flowx_site.settings import *  # noqa: E402, F403
from flowx_site.settings import DATABASES  # noqa: E402

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, not memory: live sites, gateways and workers of a test open connections of their own.
    DATABASES["default"]["TEST"] = {"NAME": f"{DATABASES['default']['NAME']}.test"}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

STATIC_ROOT = Path(os.environ["FLOWX_VAR"]) / "static"  # empty: files come from the finders
STATIC_ROOT.mkdir(exist_ok=True)
