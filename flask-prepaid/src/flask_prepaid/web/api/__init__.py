"""The pages' work as JSON, for a single-page app: the same functions as the forms', and the document of it.

Imports ``catalog``, ``gateway``, ``keys``, ``payments``, ``purchases``, ``subscriptions``, ``web``,
and the ground.
"""
