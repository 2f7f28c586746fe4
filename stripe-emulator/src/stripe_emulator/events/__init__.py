"""What happened and who hears of it: objects, events, deliveries, webhook endpoints.

Imports ``api`` and what lies below it.
"""
