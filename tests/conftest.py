"""Fixtures for all tests: this process's Redis and broker, the site as a running server, a browser.

Only plumbing lives here; builders of processes are in `tests.builders`.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from django.db import connection

from engine import configuration, ids, snapshots
from engine.kafka.embedded import EmbeddedBroker
from flowx_site.config import BASE_DIR, config
from flowx_site.demo import children
from flowx_site.demo.private_redis import PrivateRedis
from tests import browsers, servers
from tests.live import GatewayThreads, LiveSite

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

SERVICES = Path(__file__).parent / "services"

# A busy machine is no failure: how long an example takes is not what properties are about.
hypothesis.settings.register_profile("flowx", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("flowx")


def refuse_the_outside(event: str, arguments: tuple[object, ...]) -> None:
    """An audit hook: tests connect to nothing but this machine."""
    if event == "socket.connect" and isinstance(address := arguments[1], tuple):
        host = str(address[0])
        if not (host == "localhost" or host.startswith("127.") or host in ("::1", "::ffff:127.0.0.1")):
            raise RuntimeError(f"A test tried to connect to {address}, beyond this machine.")


sys.addaudithook(refuse_the_outside)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """`tests/services` runs on real servers only: `make services-test`, which sets SERVICES=1."""
    return True if collection_path == SERVICES and os.environ.get("SERVICES") != "1" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what drives a browser, by place or by fixture, and leave it out under BROWSER=0."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()) or "browser" in item.path.parts:
            item.add_marker(pytest.mark.browser)
    if not browsers.wanted():
        left_out = [item for item in items if item.get_closest_marker("browser")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say that tests were left out, so that a green run is not taken for a whole one."""
    if not browsers.wanted():
        terminalreporter.write_line("Browser tests were left out, as BROWSER=0 asks.", yellow=True)


@pytest.fixture(autouse=True)
def fresh_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process keeps of its database must not outlive the database of a test, nor grow old by the clock within one."""
    monkeypatch.setattr(configuration, "KEPT_S", 3600.0)
    ids.forget()
    snapshots.forget()
    configuration.forget()


@pytest.fixture
def redis_server() -> Iterator[PrivateRedis]:
    """This process's Redis, empty at the start; it may be emptied, stopped and started: it runs again afterwards."""
    server = servers.current().redis
    server.empty()
    yield server
    server.ensure_started()


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    """This process's embedded broker; faults that a test injects are taken back afterwards.

    Topics and records outlive the test: use topic names of your own (`unique_topic`) and groups of your own.
    """
    running = servers.current().broker
    assert running is not None, "the embedded broker does not run beside the real one"
    yield running
    running.mend()


@pytest.fixture
def fresh_broker() -> Iterator[EmbeddedBroker]:
    """A broker of this test alone, empty, at an address of its own."""
    with EmbeddedBroker() as running:
        yield running


@pytest.fixture
def own_broker() -> Iterator[str]:
    """Points the program at a broker of this test alone, so that no record of an earlier test is read again.

    Gives its address. With `tests/services` that is the real broker, which all tests share.
    """
    if servers.current().broker is None:
        yield config.kafka_bootstrap
        return
    before = config.kafka_bootstrap
    with EmbeddedBroker() as running:
        object.__setattr__(config, "kafka_bootstrap", running.bootstrap)  # frozen for the program, not for its tests
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("KAFKA_BOOTSTRAP_SERVERS", running.bootstrap)
            yield running.bootstrap
        object.__setattr__(config, "kafka_bootstrap", before)


@pytest.fixture
def gateway(transactional_db: None, own_broker: str, redis_server: PrivateRedis) -> Iterator[None]:
    """All loops of `manage.py gateway`, in threads of this process, on this test's database and broker."""
    with GatewayThreads():
        yield


@pytest.fixture
def bike_stock(own_broker: str) -> Iterator[None]:
    """The sample external system, as an OS process of its own, on this test's broker."""
    program = BASE_DIR / "examples" / "bike_stock.py"
    command = [sys.executable, str(program), "--bootstrap", own_broker, "--group-protocol", config.kafka_group_protocol]
    with tempfile.TemporaryFile() as log:
        process = children.start(command, log=log)
        yield
        children.end([process])


@pytest.fixture
def program_environ() -> Callable[[], dict[str, str]]:
    """The environment for a program of ours that the test starts: this test's database, Redis and broker.

    The test must use `transactional_db`, or the program sees nothing of what it wrote.
    """

    def environ() -> dict[str, str]:
        name = str(connection.settings_dict["NAME"])
        url = f"sqlite:///{name}" if connection.vendor == "sqlite" else servers.postgres_url(name)
        return dict(os.environ) | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "flowx_site.settings"}

    return environ


@pytest.fixture
def live_site(transactional_db: None, redis_server: PrivateRedis) -> Iterator[LiveSite]:
    """The site (HTTP and websockets) answering on a free port of this machine, on this test's database."""
    with LiveSite() as site:
        yield site


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """A Chromium for the tests of one module; fails with advice where none can be had.

    Playwright's loop counts as running in this thread, so Django would refuse the ORM meanwhile: hence the variable.
    """
    from playwright.sync_api import sync_playwright

    try:
        path = browsers.find()
    except browsers.NoBrowserError as error:
        pytest.fail(str(error), pytrace=False)
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        running = playwright.chromium.launch(executable_path=path, args=list(browsers.ARGUMENTS))
        yield running
        running.close()


@pytest.fixture
def browser_context(browser: "Browser") -> "Iterator[BrowserContext]":
    """A fresh profile: no cookies, 1280 x 800, English."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-US")
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture
def page(browser_context: "BrowserContext") -> "Page":
    """One page of a fresh profile."""
    return browser_context.new_page()
