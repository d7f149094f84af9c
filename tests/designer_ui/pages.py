"""Reading a page as a test does: elements by their `data-testid`, their words and their attributes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"input", "meta", "link", "br", "hr", "img", "use", "path", "circle", "rect"}


@dataclass
class Element:
    """An element with its attributes, children and text."""

    tag: str
    attributes: dict[str, str]
    parent: Element | None = None
    children: list[Element | str] = field(default_factory=list)

    @property
    def words(self) -> str:
        """Its text, blanks pressed together."""
        parts = [child if isinstance(child, str) else child.words for child in self.children]
        return re.sub(r"\s+", " ", " ".join(parts)).strip()

    def all(self) -> list[Element]:
        """Itself and everything below it."""
        found = [self]
        for child in self.children:
            if isinstance(child, Element):
                found += child.all()
        return found

    def get(self, name: str, default: str = "") -> str:
        return self.attributes.get(name, default)


class Page(HTMLParser):
    """A parsed answer. `page["canvas"]` is the element with that test id; `page.ids("actions.row")` all that begin so."""

    def __init__(self, response: object) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("root", {})
        self._open = self.root
        self.text = response.content.decode()  # type: ignore[attr-defined]
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, self._open)
        self._open.children.append(element)
        if tag not in VOID:
            self._open = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.children.append(Element(tag, {name: value or "" for name, value in attrs}, self._open))

    def handle_endtag(self, tag: str) -> None:
        element: Element | None = self._open
        while element is not None and element.tag != tag:
            element = element.parent
        if element is not None and element.parent is not None:
            self._open = element.parent

    def handle_data(self, data: str) -> None:
        self._open.children.append(data)

    def __getitem__(self, test_id: str) -> Element:
        found = [element for element in self.root.all() if element.get("data-testid") == test_id]
        assert found, f"no element {test_id}; there are {sorted(self.ids(''))}"
        return found[0]

    def __contains__(self, test_id: str) -> bool:
        return any(element.get("data-testid") == test_id for element in self.root.all())

    def ids(self, beginning: str) -> list[str]:
        """Test ids that begin so, in the order of the page."""
        every = [element.get("data-testid") for element in self.root.all() if "data-testid" in element.attributes]
        return [test_id for test_id in every if test_id.startswith(beginning)]

    def codes(self) -> list[str]:
        """The problem codes shown, in the order of the page."""
        return [element.get("data-code") for element in self.root.all() if "data-code" in element.attributes]

    def tags(self, tag: str) -> list[Element]:
        return [element for element in self.root.all() if element.tag == tag]
