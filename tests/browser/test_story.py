"""The main job, end to end, on the embedded parts: edit, publish, start, see it arrive, look at it."""

import pytest
from playwright.sync_api import Browser

from tests import story
from tests.live import LiveSite


@pytest.mark.timeout(180)
def test_a_changed_message_goes_from_the_designer_to_the_riders_page(
    live_site: LiveSite, gateway: None, bike_stock: None, browser: Browser
) -> None:
    story.tell(browser, live_site)
