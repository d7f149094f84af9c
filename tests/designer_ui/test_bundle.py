"""The committed browser bundle: it is what package-lock.json asks for, whole and licensed; every icon that is named exists."""

import hashlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = json.loads((ROOT / "static/vendor/manifest.json").read_text("utf-8"))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_bundle_was_built_from_this_package_lock():
    assert sha256(ROOT / "frontend/package-lock.json") == MANIFEST["package-lock.json"], (
        "cd frontend && npm ci && npm run build"
    )


@pytest.mark.parametrize("file", sorted(MANIFEST["files"]))
def test_no_built_file_was_changed_by_hand(file):
    folder = {"vendor": "static/vendor", "design": "static/design", "fonts": "static/design/fonts"}
    name, _, base = file.partition("/")
    assert sha256(ROOT / folder[name] / base) == MANIFEST["files"][file]


def test_the_lock_file_names_no_registry():
    assert "resolved" not in (ROOT / "frontend/package-lock.json").read_text("utf-8")


@pytest.mark.parametrize(
    "package", ["bpmn-js", "@codemirror/view", "htmx.org", "inter-ui", "@material-symbols/svg-400"]
)
def test_every_bundled_package_comes_with_its_licence(package):
    assert f"\n{package} " in (ROOT / "static/vendor/LICENSES.txt").read_text("utf-8")


def test_the_watermark_is_in_the_bundle_and_nothing_of_ours_hides_it():
    assert "bjs-powered-by" in (ROOT / "static/vendor/bpmn.js").read_text("utf-8")
    for sheet in (ROOT / "static").rglob("*.css"):
        if sheet.parent.name != "vendor":
            for rule in re.findall(r"\.bjs-powered-by[^{]*\{([^}]*)\}", sheet.read_text("utf-8")):
                assert not re.search(r"display|visibility|opacity|transform", rule), sheet


def test_every_icon_that_a_template_or_script_names_is_in_the_sprite():
    sprite = set(re.findall(r'<symbol id="([^"]+)"', (ROOT / "static/design/icons.svg").read_text("utf-8")))
    named = set()
    for template in (ROOT / "templates").rglob("*.html"):
        named |= set(re.findall(r'{% icon "([a-z_]+)"', template.read_text("utf-8")))
    for script in (ROOT / "static").rglob("*.js"):
        if script.parent.name != "vendor":
            named |= set(re.findall(r"\bicon\('([a-z_]+)'", script.read_text("utf-8")))
    assert named - sprite == set()


def test_no_template_holds_an_inline_script_or_handler():
    for template in (ROOT / "templates").rglob("*.html"):
        text = re.sub(r"{% comment %}.*?{% endcomment %}", "", template.read_text("utf-8"), flags=re.DOTALL)
        assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>", text), template
        assert not re.search(r"\son[a-z]+\s*=\s*[\"']", text), template
        assert "hx-on" not in text, template
        assert "javascript:" not in text, template
