"""Takes the pictures of the documentation from a running demo: `python -m tools.screenshots`, beside `make demo`.

It logs in as the demo's people, takes the README's tour (a draft of the sample, another greeting, publish, a lease that is
signed), and writes docs/images/*.png. Run it on fresh data (FLOWX_VAR) when a page that is pictured has changed, then look at the
pictures.
"""

import argparse
import json
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests import browsers

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
PROCESS = "bicycle_leasing_request"
MESSAGE = '{ "name": "${application.client.firstName}", "note": "Nice choice: ${application.client.bikeModel}" }'


def tab(browser: Browser, address: str, name: str, password: str, way_in: str) -> Page:
    """A logged-in tab of a person, 1280 x 800, light."""
    page = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="light").new_page()
    page.goto(address + way_in)
    page.locator("[name=username]").fill(name)
    page.locator("[name=password]").fill(password)
    page.locator("[name=password]").press("Enter")
    page.wait_for_load_state("networkidle")
    return page


def picture(page: Page, name: str) -> None:
    """Write one picture, once the page is still."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)  # the highlight of new rows fades
    page.screenshot(path=IMAGES / f"{name}.png")
    print(IMAGES / f"{name}.png")


def designer(page: Page) -> None:
    """The canvas with the actions of a node, and the form of one of them with a changed message; then publish."""
    page.get_by_role("link", name=PROCESS, exact=True).click()
    page.get_by_test_id("version.create-draft").click()
    page.get_by_test_id("create-draft.create").click()
    page.locator(".djs-element", has_text="Rider details").first.click()
    page.get_by_test_id("panel.tab.actions").click()
    page.get_by_role("button", name="Show all of it").click()
    picture(page, "designer")
    page.get_by_test_id("actions.row[greet_rider].open").click()
    editor = page.locator(".cm-content").first
    editor.click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(MESSAGE)
    page.get_by_test_id("action.preview").filter(has_text="Nice choice: TRAIL-300").wait_for()
    picture(page, "action")
    page.get_by_test_id("action.save-close").click()
    page.get_by_test_id("version.publish").click()
    page.get_by_test_id("publish.confirm").click()
    page.get_by_test_id("version.read-only").wait_for()


def rider(page: Page) -> str:
    """A lease up to the cooling-off period; gives the uuid of its instance."""
    page.get_by_test_id("rider.start").click()
    for field, value in {"firstName": "Tamsin", "lastName": "Vell", "heightCm": "174"}.items():
        page.get_by_test_id(f"rider.form.{field}").fill(value)
    page.get_by_test_id("rider.form.submit").click()
    page.get_by_text("your Trail 300 is reserved").wait_for()
    page.get_by_test_id("rider.sign.signedBy").fill("Tamsin Vell")
    page.get_by_test_id("rider.sign.submit").click()
    page.get_by_text("Your lease becomes active").wait_for()
    picture(page, "rider")
    return page.url.partition("#")[2]


def main() -> None:
    """All pictures."""
    parser = argparse.ArgumentParser(description="Takes the documentation's pictures from a running demo.")
    parser.add_argument("--var", type=Path, default=ROOT / "var", help="the folder of the running demo")
    var = parser.parse_args().var
    address = (var / "demo.lock").read_text()
    passwords = json.loads((var / "demo.json").read_text())["passwords"]
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browsers.find(), args=list(browsers.ARGUMENTS))
        designer(tab(browser, address, "designer", passwords["designer"], "/admin/login/?next=/admin/processes/"))
        uuid = rider(tab(browser, address, "rider", passwords["rider"], "/demo/rider/"))
        operator = tab(browser, address, "operator", passwords["operator"], "/admin/login/")
        operator.goto(f"{address}/admin/runtime/instances/{uuid}/")
        picture(operator, "instance")


if __name__ == "__main__":
    main()
