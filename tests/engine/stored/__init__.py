"""Rows as earlier releases wrote them, one file a format, and the scene that they hold."""
