#!/usr/bin/env python
"""Entry point of every command: `manage.py demo`, `manage.py gateway`, `manage.py migrate` and so on."""

import os
import sys


def main() -> None:
    """Run the command on the command line; unfit settings end it with one sentence."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowx_site.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
