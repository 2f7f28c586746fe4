"""The customer's pages, their mails and the webhook.

Imports ``catalog``, ``fast_path``, ``gateway``, ``keys``, ``operations``, ``outbox``, ``payments``,
``purchases``, ``subscriptions``, ``upgrade``, and what all may import: ``context``, ``errors``, ``money``,
``signals``. Never the extension.
"""
