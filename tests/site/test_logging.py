"""What a process writes to its log: crashes with their traces, and nothing for a refused call (engine 15.8)."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "flowx_site.settings"
import django
django.setup()
from django.http import HttpRequest
from django.test import Client, override_settings
from django.urls import path
from engine.api.problems import Problem

def crash(request):
    raise RuntimeError("a crash")

def refuse(request):
    return Problem(404, "Not there.").answer()

class urls:
    urlpatterns = [path("crash", crash), path("refused", refuse)]

with override_settings(ROOT_URLCONF=urls, ALLOWED_HOSTS=["*"]):
    client = Client(raise_request_exception=False)
    print(client.get("/refused").status_code, client.get("/crash").status_code)
"""


def test_a_crash_of_a_page_is_in_the_log_and_a_refused_call_is_not() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["404", "500"], done
    assert done.stderr.count("RuntimeError: a crash") == 1
    assert "ERROR django.request: Internal Server Error: /crash" in done.stderr
    assert "/refused" not in done.stderr
