"""The program inside the test process: the site as a real server (uvicorn in a thread, HTTP and websockets, on a free
port) and the loops of the gateway, each in a thread."""

import asyncio
import threading
import time
from collections.abc import Callable
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


class GatewayThreads:
    """The gateway's loops, all or those named, until left; a loop that raises makes the test fail at the end."""

    def __init__(self, *names: str) -> None:
        from engine.management.commands.gateway import LOOPS

        self._stop = threading.Event()
        self._errors: list[BaseException] = []
        chosen = names or tuple(LOOPS)
        self._threads = [
            threading.Thread(target=self._run, args=(LOOPS[name],), name=f"gateway-{name}", daemon=True)
            for name in chosen
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
        assert not [thread.name for thread in self._threads if thread.is_alive()], "loops of the gateway did not end"
        if self._errors:
            raise self._errors[0]

    def _run(self, make: Callable[[], Any]) -> None:
        try:
            make().run(self._stop)
        except BaseException as error:  # kept for the test's own thread
            self._errors.append(error)
        finally:
            connections.close_all()
