"""Operator commands (engine 13), one module each. Every one is a stimulus with its user and reason in the journal."""
