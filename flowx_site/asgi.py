"""The site as an ASGI application: pages and calls by Django, sockets by `engine.push`. Run it with
`uvicorn flowx_site.asgi:application`."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowx_site.settings")

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

_pages = get_asgi_application()  # sets Django up; what follows may import models

from engine.push.routing import websocket_application  # noqa: E402
from flowx_site import collector  # noqa: E402

application = ProtocolTypeRouter({"http": _pages, "websocket": websocket_application()})
collector.settle()
