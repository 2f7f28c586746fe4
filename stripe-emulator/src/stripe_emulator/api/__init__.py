"""One request to the API: its key, route, idempotency, lists, search and expansion.

Imports ``core``, ``contract`` and ``versions``.
"""
