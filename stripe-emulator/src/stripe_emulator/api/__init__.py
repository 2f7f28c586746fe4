"""One request to the API: its key, route, idempotency, lists, search and expansion; the log of all; chaos.

Imports ``versions`` and what lies below it.
"""
