"""The customer's pages, their mails and the webhook.

Imports ``catalog``, ``gateway``, ``operations``, ``payments``, ``purchases``, ``subscriptions``, ``upgrade``,
and what all may import: ``context``, ``errors``, ``money``, ``signals``. Never the extension.
"""
