"""Read models for screens and lists: what the admin, the API and the plugins show of instances. Nothing here writes.

Every function asks a number of statements that does not depend on how much data there is (designer 6.5). What is shown to people
is built here as plain values and `words`; templates only lay it out.
"""
