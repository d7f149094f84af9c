"""The process data as the rows of a tree: expanded, searchable, sensitive values hidden, large ones cut (designer 4.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.core import jsonio, paths
from engine.core.jsonio import Json
from engine.queries.masking import MASK, Mask
from engine.queries.words import size_text

MOST_ROWS = 2000
LONGEST_TEXT = 200
LARGE_BYTES = 100_000
COPIED_UP_TO = 2000


@dataclass(frozen=True, slots=True)
class TreeRow:
    """One row: a key with a scalar, or with the number of members below it."""

    path: str
    depth: int
    name: str
    kind: str  # object, array, string, number, constant
    text: str
    sensitive: bool = False
    size: str = ""
    cut: bool = False
    copied: str = ""

    @property
    def is_leaf(self) -> bool:
        return self.kind not in ("object", "array")


@dataclass(frozen=True, slots=True)
class Tree:
    """Rows top down; `hidden` is how many more there would be, `searched` whether a search chose them."""

    rows: list[TreeRow]
    hidden: int = 0
    searched: bool = False


def tree_of(
    data: dict[str, Json], mask: Mask, *, find: str = "", revealed: frozenset[str] = frozenset(), root: str = ""
) -> Tree:
    """The tree of `data`, or of what stands at `root`; with `find` only the keys and values that contain it, with their parents.

    A hidden value is never found: a search must not tell what it is. `revealed` are paths shown as they are.
    """
    start, path = (data, ()) if not root else at_root(data, root)
    wanted = find.strip().casefold()
    rows: list[TreeRow] = []
    hidden = 0
    whole = bool(root) and not isinstance(start, dict | list)
    for row in walk(start, path, mask, revealed, whole=whole):
        if len(rows) >= MOST_ROWS and not wanted:
            hidden += 1
            continue
        rows.append(row)
    if wanted:
        rows = matching(rows, wanted)
        hidden, rows = max(0, len(rows) - MOST_ROWS), rows[:MOST_ROWS]
    return Tree(rows, hidden, bool(wanted))


def at_root(data: dict[str, Json], root: str) -> tuple[Json, paths.Path]:
    """The value at a path of the address and its path; the whole data for one that is not there."""
    try:
        path = paths.parse(root)
    except paths.PathError:
        return data, ()
    value = paths.get(data, path)
    return (data, ()) if isinstance(value, paths.Missing) else (value, path)


def walk(
    value: Json, path: paths.Path, mask: Mask, revealed: frozenset[str], *, whole: bool = False
) -> Iterator[TreeRow]:
    """The rows of a value, itself first (the root object apart)."""
    stack: list[tuple[Json, paths.Path, int, bool]] = [(value, path, 0, False)]
    if not path or isinstance(value, dict | list):
        stack = children(value, path, -1, inherited=bool(path) and is_hidden(path, mask, revealed))
    while stack:
        value, path, depth, uncovered = stack.pop()
        text_path = paths.format(path)
        shown = uncovered or text_path in revealed
        if path and mask.covers(path) and not shown:
            yield TreeRow(text_path, depth, name_of(path), "string", MASK, sensitive=True)
            continue
        yield row_of(value, path, text_path, depth, sensitive=mask.covers(path), whole=whole)
        stack += children(value, path, depth, inherited=False, uncovered=shown and mask.covers(path))


def is_hidden(path: paths.Path, mask: Mask, revealed: frozenset[str]) -> bool:
    return mask.covers(path) and paths.format(path) not in revealed


def children(
    value: Json, path: paths.Path, depth: int, *, inherited: bool, uncovered: bool = False
) -> list[tuple[Json, paths.Path, int, bool]]:
    """Members or elements, the first one last, so that a stack gives it first. Below a hidden value there are none."""
    if inherited:
        return []
    if isinstance(value, dict):
        return [(member, (*path, name), depth + 1, uncovered) for name, member in reversed(value.items())]
    if isinstance(value, list):
        return [(value[n], (*path, n), depth + 1, uncovered) for n in range(len(value) - 1, -1, -1)]
    return []


def row_of(value: Json, path: paths.Path, text_path: str, depth: int, *, sensitive: bool, whole: bool) -> TreeRow:
    name = name_of(path)
    if isinstance(value, dict):
        return TreeRow(text_path, depth, name, "object", f"{{{len(value)}}}")
    if isinstance(value, list):
        return TreeRow(text_path, depth, name, "array", f"[{len(value)}]")
    text = jsonio.dumps(value)
    kind = "string" if isinstance(value, str) else "constant" if value is None or isinstance(value, bool) else "number"
    size_bytes = len(text.encode())
    cut = len(text) > LONGEST_TEXT and not whole
    copied = value if isinstance(value, str) else text
    return TreeRow(
        text_path,
        depth,
        name,
        kind,
        f"{text[: LONGEST_TEXT // 2]}…" if cut else text,
        sensitive=sensitive,
        size=size_text(size_bytes) if size_bytes > LARGE_BYTES else "",
        cut=cut,
        copied=copied if len(copied) <= COPIED_UP_TO else "",
    )


def name_of(path: paths.Path) -> str:
    return str(path[-1]) if path else ""


def matching(rows: list[TreeRow], wanted: str) -> list[TreeRow]:
    """Rows whose key or shown value contains the text, below their parents."""
    keep: set[int] = set()
    parents: list[int] = []
    for position, row in enumerate(rows):
        del parents[row.depth :]
        found = wanted in row.name.casefold() or wanted in row.path.casefold()
        if not found and row.is_leaf and row.text != MASK:
            found = wanted in (row.copied or row.text).casefold()
        if found:
            keep.update(parents)
            keep.add(position)
        parents.append(position)
    return [row for position, row in enumerate(rows) if position in keep]
