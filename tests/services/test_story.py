"""The main job, end to end, on PostgreSQL, Redis and a real Kafka broker."""

import pytest
from django.core.management import call_command
from playwright.sync_api import Browser

from tests import story
from tests.live import LiveSite


@pytest.mark.timeout(300)
def test_a_changed_message_goes_from_the_designer_to_the_riders_page_on_real_servers(
    live_site: LiveSite, gateway: None, bike_stock: None, browser: Browser
) -> None:
    story.prepare()
    call_command("topics", create=True)
    story.tell(browser, live_site)
