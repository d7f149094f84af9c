"""The fixtures other tests stand on: a running site and a private Redis."""

import urllib.request
from typing import TYPE_CHECKING

import pytest
import redis
from django.conf import settings
from django.contrib.auth import get_user_model

from flowx_site.demo.private_redis import PrivateRedis
from tests.live import LiveSite

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_the_live_site_serves_pages_from_this_tests_database(live_site: LiveSite) -> None:
    get_user_model().objects.create_superuser("ada", "ada@example.com", "pw")
    with urllib.request.urlopen(f"{live_site.url}/admin/login/") as answer:
        assert answer.status == 200
        assert b"csrfmiddlewaretoken" in answer.read()


def test_the_live_site_answers_with_an_empty_database_again(live_site: LiveSite) -> None:
    assert not get_user_model().objects.filter(username="ada").exists()


@pytest.mark.browser
def test_a_browser_reaches_the_live_site(live_site: LiveSite, page: "Page") -> None:
    get_user_model().objects.create_superuser("ada", "ada@example.com", "pw")
    page.goto(f"{live_site.url}/admin/login/?next=/admin/")
    page.fill("input[name=username]", "ada")
    page.fill("input[name=password]", "pw")
    page.click("button[type=submit]")
    page.wait_for_url(f"{live_site.url}/admin/processes/")  # the first list that a superuser may read


def test_redis_may_stop_and_comes_back_empty_on_the_same_port(redis_server: PrivateRedis) -> None:
    with redis.Redis.from_url(redis_server.url) as client:
        client.set("a", "b")
        redis_server.stop()
        with pytest.raises(redis.ConnectionError):
            client.get("a")
        redis_server.start()
        assert client.get("a") is None


def test_the_program_is_set_up_to_use_the_private_redis(redis_server: PrivateRedis) -> None:
    assert settings.CHANNEL_LAYERS["default"]["CONFIG"]["hosts"] == [redis_server.url]
