"""The customer's pages, their mails and the webhook.

Imports ``catalog``, ``codes``, ``fast_path``, ``files``, ``gateway``, ``keys``, ``operations``, ``outbox``,
``payments``, ``purchases``, ``subscriptions``, ``upgrade``, and the ground. Never the extension.
"""
