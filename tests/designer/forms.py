"""Posting action forms as a browser does: what the page holds is sent back, with a few fields changed."""

from __future__ import annotations

import html
from html.parser import HTMLParser
from typing import Any

from django.http import HttpResponse
from django.test import Client

Fields = dict[str, list[str]]


class Page(HTMLParser):
    """The inputs of the action form with their values, the findings and the test ids of a page."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__()
        self.fields: Fields = {}
        self.errors: list[tuple[str, str]] = []
        self.testids: set[str] = set()
        self.text = response.content.decode()
        self.status = response.status_code
        self._select: tuple[str, list[str]] | None = None
        self._area: str | None = None
        self._open: list[str] = []
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = dict(attrs)
        if "data-testid" in at:
            self.testids.add(at["data-testid"] or "")
        if "data-code" in at:
            self.errors.append((at["data-code"] or "", (at.get("data-testid") or "").removesuffix(".error")))
        name = at.get("name")
        if tag == "input" and name and "disabled" not in at and at.get("form") is None:
            if at.get("type") in ("radio", "checkbox") and "checked" not in at:
                return
            self.fields.setdefault(name, []).append(at.get("value") or ("on" if at.get("type") == "checkbox" else ""))
        elif tag == "textarea" and name:
            self._area = name
            self.fields.setdefault(name, []).append("")
        elif tag == "select" and name:
            self._select = (name, [])
        elif tag == "option" and self._select is not None:
            self._open = [
                at.get("value") if at.get("value") is not None else "\0",
                "selected" if "selected" in at else "",
            ]  # type: ignore[list-item]

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self.fields[self._area][-1] += data
        elif self._select is not None and self._open and self._open[0] == "\0":
            self._open[0] = data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area is not None:
            value = self.fields[self._area][-1]
            self.fields[self._area][-1] = value.removeprefix("\n")
            self._area = None
        elif tag == "option" and self._select is not None and self._open:
            name, chosen = self._select
            if self._open[1] or not chosen:
                self._select = (name, [self._open[0]])
            self._open = []
        elif tag == "select" and self._select is not None:
            name, chosen = self._select
            self.fields.setdefault(name, []).extend(chosen)
            self._select = None

    def codes(self, testid: str = "") -> set[str]:
        """The codes on the page, of one field when its test id is given."""
        return {code for code, at in self.errors if not testid or at == testid}

    def has(self, text: str) -> bool:
        """Whether the page reads this text, entities resolved."""
        return text in html.unescape(self.text)


def open_form(client: Client, url: str) -> Page:
    return Page(client.get(url))


def post(client: Client, url: str, page: Page, op: str = "check", *, live: bool = False, **changes: Any) -> Page:
    """Send the page's form back; `changes` replace fields, None takes one out. Names with - are written with two underscores."""
    data: Fields = {name: list(values) for name, values in page.fields.items()}
    for name, value in changes.items():
        field = name.replace("__", "-")
        data.pop(field, None)
        if value is not None:
            data[field] = [str(each) for each in value] if isinstance(value, list) else [str(value)]
    if op != "check":
        data["op"] = [op]
    headers = {"HX-Request": "true"} if live else {}
    response = client.post(url, data, headers=headers)
    if response.status_code in (302, 303):
        response = client.get(response["Location"])
    return Page(response)
