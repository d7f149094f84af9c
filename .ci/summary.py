"""Prints the closing lines of several pytest runs, read from standard input, as one line in pytest's own words."""

import re
import sys
from collections import Counter

CLOSING = re.compile(r"^(?:=+ )?((?:\d+ [a-z]+, )*\d+ [a-z]+) in ([\d.]+)s", re.MULTILINE)
ORDER = ("failed", "passed", "skipped", "deselected", "xfailed", "xpassed", "warning", "warnings", "error", "errors")

counts: Counter[str] = Counter()
seconds = 0.0
for words, duration in CLOSING.findall(sys.stdin.read()):
    for part in words.split(", "):
        number, word = part.split(" ")
        counts[word] += int(number)
    seconds += float(duration)
said = ", ".join(f"{counts[word]} {word}" for word in ORDER if counts[word]) or "no tests ran"
print(f"=== {said} in {seconds:.2f}s ===")
