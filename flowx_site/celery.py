"""The Celery app: `celery -A flowx_site worker` and `celery -A flowx_site beat`. Its tasks live in `engine.timers`.

Nothing is lost with a message of Celery's: timers are rows, and beat has somebody look for due ones each second
(engine 5.4). So results are not stored, and a task that nobody took in time is dropped rather than piled up.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from celery import Celery
from celery.signals import worker_init

from flowx_site import collector
from flowx_site.config import config

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowx_site.settings")

app = Celery("flowx")
app.conf.update(
    broker_url=config.redis_url,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={"visibility_timeout": 600, "socket_timeout": 5, "socket_connect_timeout": 2},
    imports=["engine.timers", "engine.housekeeping"],
    task_default_queue="flowx",
    task_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    worker_cancel_long_running_tasks_on_connection_loss=True,
    timezone=config.time_zone,
    enable_utc=True,
    beat_schedule_filename=str(config.var_dir / "celerybeat-schedule"),
    beat_schedule={
        "fire what is due": {
            "task": "engine.timers.sweep",
            "schedule": timedelta(seconds=1),
            "options": {"expires": 5},
        },
        "wake workers for the next five minutes": {
            "task": "engine.timers.arm_next",
            "schedule": timedelta(minutes=1),
            "options": {"expires": 60},
        },
        "delete what is old": {
            "task": "engine.housekeeping.tidy",
            "schedule": timedelta(hours=1),
            "options": {"expires": 3600},
        },
    },
)
app.set_default()


def _settle(**_: Any) -> None:
    collector.settle()


worker_init.connect(_settle, weak=False)
