"""The site as a real server inside the test process: uvicorn in a thread, HTTP and websockets, on a free port."""

import asyncio
import threading
import time
from types import TracebackType
from typing import Any, Self

import uvicorn
from asgiref.sync import sync_to_async
from django.db import connections

START_LIMIT_S = 20.0


class LiveSite:
    """A running server; `url` and `ws_url` are its addresses, without a slash at the end.

    It shares this process's settings and database; its connections are closed when it ends.
    """

    def __init__(self) -> None:
        config = uvicorn.Config(
            self._application,
            interface="asgi3",
            host="127.0.0.1",
            port=0,
            lifespan="off",
            log_level="warning",
            timeout_graceful_shutdown=2,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="live-site", daemon=True)
        self.port = 0

    @property
    def url(self) -> str:
        """Where browsers go."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        """Where sockets go."""
        return f"ws://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        deadline = time.monotonic() + START_LIMIT_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("The live site did not start.")
            time.sleep(0.005)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        if self._thread.is_alive():
            self._server.force_exit = True
            self._thread.join(10)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        await self._server.serve()
        await sync_to_async(connections.close_all, thread_sensitive=True)()

    async def _application(self, scope: Any, receive: Any, send: Any) -> None:
        from flowx_site.asgi import application  # late: it sets Django up

        await application(scope, receive, send)
