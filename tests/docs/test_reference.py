"""The reference pages say what the program does: settings, paths, frames, licences, the map of the rooms."""

import json
import re
from typing import Any

import pytest

from engine.api.site import api
from flowx_site.config import settings_table
from tests.builders import process, save_data, websocket_send
from tests.docs.pages import ROOT, blocks

DOCS = ROOT / "docs"


def test_e243_table_of_settings_is_the_programs_own() -> None:
    page = (DOCS / "reference" / "settings.md").read_text()
    printed = page.partition("<!-- settings -->\n")[2].partition("\n<!-- end -->")[0]
    assert printed == settings_table(), "put the output of `python -m flowx_site.config` between the two marks"


def test_paths_are_those_of_the_openapi_document() -> None:
    rows = re.findall(
        r"^\| (GET|POST) \| `(/api/[^`]+)` \|", (DOCS / "reference" / "http.md").read_text(), re.MULTILINE
    )
    document = api.get_openapi_schema()
    there = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert set(rows) == there


def test_rooms_of_the_architecture_exist() -> None:
    tree = (DOCS / "architecture.md").read_text().partition("## 3. Rooms")[2].split("```")[1]
    missing, room = [], ""
    for line in tree.strip().splitlines():
        depth = (len(line) - len(line.lstrip())) // 4
        if depth > 2:
            continue  # a description that goes on
        names = re.split(r"  +", line.strip())[0].split()
        if depth == 0:
            room = names[0] if len(names) == 1 else ""
        inside = ("", room, f"{room}core/")[depth]
        missing += [inside + name for name in names if not (ROOT / (inside + name)).exists()]
    assert not missing, f"docs/architecture.md names what is not there: {', '.join(missing)}"


def test_notice_names_everything_that_is_bundled() -> None:
    licences = (ROOT / "static" / "vendor" / "LICENSES.txt").read_text()
    bundled = re.findall(r"^={80}\n(\S+) \S+ \(", licences, re.MULTILINE)
    notice = (ROOT / "NOTICE").read_text()
    assert len(bundled) > 20
    assert not [name for name in bundled if f"  {name} (" not in notice]
    assert "Apache License" in (ROOT / "LICENSE").read_text()


def shape(value: Any) -> Any:
    """The names of an object, level by level."""
    return {key: shape(inner) for key, inner in value.items()} if isinstance(value, dict) else None


@pytest.mark.django_db
def test_frames_have_the_documented_keys() -> None:
    documented = [json.loads(block.text) for block in blocks("json") if block.page.name == "frames.md"]
    examples = {one["type"]: one for one in documented if "event" in one}
    action = json.dumps(examples["action"]["action"])
    running = (
        process()
        .start()
        .task(
            "Tell", websocket_send("greet", '{"name": "${name}"}'), websocket_send("ask", action, messageType="action")
        )
        .user_task("Form", save_data("go"))
        .end()
        .publish()
        .start({"name": "Tamsin"})
    )
    made = {frame["type"]: frame for frame in running.frames()}
    assert examples.keys() == made.keys() == {"data", "action", "progress", "state"}
    for kind, example in examples.items():
        assert (example["event"], shape(example)) == (made[kind]["event"], shape(made[kind]))
