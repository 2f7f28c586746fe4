"""One request to the API: its key, route, idempotency, lists, search and expansion; the log of all.

Imports ``core``, ``contract`` and ``versions``.
"""
