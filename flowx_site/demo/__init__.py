"""The demo: everything the program needs, started and ended by one supervisor from one command, `manage.py demo`."""
