"""No dead links: each relative link of a page leads to a file of the repository, and to a heading where it names one."""

from pathlib import Path

import pytest

from tests.docs.pages import ROOT, anchors, links, pages


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    dead = []
    for link in links(page):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.is_relative_to(ROOT) or not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert not dead, f"{page.relative_to(ROOT)} links to what is not there: {', '.join(dead)}"


def test_readme_leads_to_every_page_of_the_documentation() -> None:
    reached, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        reached.add(page)
        targets = [(page.parent / link.partition("#")[0]).resolve() for link in links(page) if "://" not in link]
        todo += [target for target in targets if target.suffix == ".md" and target not in reached and target.exists()]
    left_out = [str(page.relative_to(ROOT)) for page in pages() if page not in reached]
    assert not left_out, f"no way leads from README.md to {', '.join(left_out)}"


def test_pictures_are_small() -> None:
    pictures = [path for path in (ROOT / "docs" / "images").iterdir() if path.suffix == ".png"]
    assert pictures
    large = [path.name for path in pictures if path.stat().st_size > 300_000]
    assert not large, f"over 300 kB: {', '.join(large)}"
