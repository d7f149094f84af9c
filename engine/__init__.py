"""The engine: runs process instances. See docs/architecture.md for the way of one stimulus through these modules."""
