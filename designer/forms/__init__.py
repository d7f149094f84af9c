"""The forms of actions: fields, rules between them, live answers while staff type."""
