"""How processes that live long use Python's garbage collector.

A batch of a hundred stimuli makes some hundred thousand objects that reference counting frees at its end; the collector, asked
each 700 objects as by default, walked them over and over: a fifth of the work of a batch. So what was loaded at the start is
frozen out of its sight, and it looks at the young after 50,000 new objects.
"""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 50_000, 20, 50


def settle() -> None:
    """To be called once, when a web process, worker or gateway has loaded what it will keep."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
