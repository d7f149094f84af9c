"""The documentation as data: its pages, their code blocks, links and headings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
LINK = re.compile(r"(?<!\!)\[[^\]\n]*\]\(([^)\s]+)\)|!\[[^\]\n]*\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: the page it stands on, its first line there, its language and text."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        """Where it is, for messages and test ids."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Every page people read, the specification included."""
    return [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(*languages: str, specification: bool = False) -> list[Block]:
    """The blocks in these languages. The specification's blocks are shapes and grammars, not examples to run."""
    found = []
    for page in pages():
        if page.is_relative_to(ROOT / "docs" / "spec") and not specification:
            continue
        text = page.read_text()
        for match in FENCE.finditer(text):
            if match["language"] in languages:
                lines = match["text"].splitlines(keepends=True)
                body = "".join(line.removeprefix(match["indent"]) for line in lines)
                found.append(Block(page, text.count("\n", 0, match.start()) + 1, match["language"], body))
    return found


def links(page: Path) -> Iterator[str]:
    """The targets of links and pictures, code left out."""
    text = FENCE.sub("", page.read_text())
    text = re.sub(r"`[^`\n]*`", "", text) if page.is_relative_to(ROOT / "docs" / "spec") else text
    for match in LINK.finditer(text):
        yield match[1] or match[2]


def anchors(page: Path) -> set[str]:
    """The anchors that headings give."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
