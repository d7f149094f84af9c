"""Random processes, random stimuli, and what must hold after each: used by `tests/engine/test_model*.py`."""
