"""Wiring only: settings, addresses, ASGI and Celery entry points. No behaviour lives here."""
