"""Which behaviours of the specification no test names yet.

The three specifications end in checklists: rows E-nnn (engine), D-nnn (designer), S-nnn (scenarios). A test names a row in its
name or a parameter (`e042`), or anywhere in its file (`E-042`). Rows that begin with LATER or RETIRED are not asked
for. `pending.txt` lists the rest, one a line; it only shrinks. Run `python docs/spec/pending.py` to write it anew.
"""

import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
PENDING = HERE / "pending.txt"
TESTS = HERE.parent.parent / "tests"
NAME = re.compile(r"(?<![A-Za-z0-9])([EDSeds])[-_]?(\d{3})(?!\d)")
CHECKLISTS = {
    "engine.md": r"^\| (E-\d{3}) \| (.*?) \|",
    "designer.md": r"^\| (D-\d{3}) \| (.*?) \|",
    "scenarios.md": r"^- (S-\d{3}) (.*)$",
}


def rows() -> list[str]:
    """All rows that ask for a test, in the order of the specifications."""
    found = []
    for file, pattern in CHECKLISTS.items():
        for row, text in re.findall(pattern, (HERE / file).read_text(), re.MULTILINE):
            if not text.startswith(("LATER:", "RETIRED:")):
                found.append(row)
    return found


def named() -> set[str]:
    """All rows that some file below tests/ names."""
    texts = (path.read_text(errors="replace") for path in sorted(TESTS.rglob("*")) if path.suffix in {".py", ".js"})
    return {f"{kind.upper()}-{number}" for text in texts for kind, number in NAME.findall(text)}


def pending() -> list[str]:
    """The rows that no test names."""
    done = named()
    return [row for row in rows() if row not in done]


def listed() -> list[str]:
    """The lines of pending.txt."""
    return PENDING.read_text().split()


if __name__ == "__main__":
    PENDING.write_text("".join(f"{row}\n" for row in pending()))
    print(f"{PENDING.name}: {len(listed())} of {len(rows())} rows")
