"""The pure core: no Django, no I/O, no clock, no randomness. Time and ids are arguments (architecture 3)."""
