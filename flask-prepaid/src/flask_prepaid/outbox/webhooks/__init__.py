"""Webhooks of customers: their endpoints, what is sent there, and to which addresses. Part of ``outbox``.

``endpoints.py`` is what their owners do with them, ``customer_events.py`` what they are sent. ``courier.py``
sends it by ``http.py``, to what ``addresses.py`` allows.
"""
