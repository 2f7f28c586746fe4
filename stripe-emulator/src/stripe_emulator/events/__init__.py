"""What happened and who hears of it: objects, events, deliveries, webhook endpoints.

Imports ``core``, ``contract``, ``versions`` and ``api``.
"""
