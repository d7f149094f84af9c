"""axe-core over the staff pages and the rider's page, in both themes. `tests/browser/axe` holds axe-core 4.14.1 as published on
npm (MPL-2.0, its licences beside it); only tests load it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from designer import sample, versions
from designer.models import Version
from engine.models import PublishedProcess
from flowx_site.first_run import set_up
from tests.browser.designer_site import DesignerSite
from tests.builders import Published, Running, process

if TYPE_CHECKING:
    from playwright.sync_api import Browser

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text("utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LEASING = "bicycle_leasing_request"
THEMES = ["light", "dark"]


@pytest.fixture
def draft(live_site) -> Version:
    """A draft of the sample with an error, so that messages and fixes are on its pages."""
    set_up()
    published = next(each for each in sample.load_sample() if each.process.name == LEASING)
    draft = versions.create_draft(published)
    draft.actions.filter(name="tell_rider").update(timer_expression="P48H")
    return draft


@pytest.fixture
def waiting(draft: Version) -> Running:
    """An instance that waits for the warehouse."""
    running = Published(process(LEASING), PublishedProcess.objects.get(name_key=LEASING).snapshot_id).start({})
    running.execute("submit_rider_details", {"application": {"client": {"firstName": "Ada"}}})
    return running


def pages(draft: Version, waiting: Running) -> dict[str, str]:
    """Each page by what it is called in a finding."""
    at = f"/admin/processes/{LEASING}/v/{draft.number}"
    return {
        "definitions": "/admin/processes/",
        "canvas": f"{at}/",
        "outline": f"{at}/?view=outline",
        "node config": f"{at}/node/bike_available/config",
        "timer config": f"{at}/node/cooling_off/config",
        "actions": f"{at}/node/rider_details/actions",
        "kafka form": f"{at}/node/reserve_bike/actions/reserve_bike",
        "websocket form": f"{at}/node/sign_lease/actions/tell_rider",
        "manual form": f"{at}/node/rider_details/actions/submit_rider_details",
        "problems": f"{at}/problems",
        "publish": f"{at}/publish",
        "instances": "/admin/runtime/instances/",
        "status": f"/admin/runtime/instances/{waiting.uuid}/",
        "scheduled": "/admin/runtime/scheduled/",
        "failed starts": "/admin/runtime/failed-starts/",
        "message log": "/admin/runtime/kafka/",
        "missing": "/admin/processes/never_made/",
        "rider": "/demo/rider/",
    }


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_on_the_pages(live_site, browser: Browser, draft: Version, waiting: Running, theme: str):
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=theme, reduced_motion="reduce")
    staff = DesignerSite(live_site, context, User.objects.create_superuser("mira", first_name="Mira"))
    found = []
    for name, path in pages(draft, waiting).items():
        page = staff.visit(path)
        page.wait_for_load_state("load")
        if page.locator(".drawing").count():
            expect(page.locator(".djs-element.djs-shape").first).to_be_attached()
        page.evaluate(AXE)
        answer = page.evaluate("rules => axe.run(document, { runOnly: rules })", RULES)
        found += [
            f"{name}: {each['id']} ({each['help']}) at {each['nodes'][0]['html'][:200]}"
            for each in answer["violations"]
        ]
    context.close()
    assert found == []
    assert staff.complaints == []
