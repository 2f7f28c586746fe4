"""Webhooks of customers: their endpoints, what is sent there, and to which addresses. Part of ``outbox``.

``endpoints.py`` is what their owners do with them, ``customer_events.py`` what they are sent, and
``sent_webhooks.py`` what each was sent, with what is sent by hand. ``courier.py`` sends by ``http.py``, to
what ``addresses.py`` allows.
"""
