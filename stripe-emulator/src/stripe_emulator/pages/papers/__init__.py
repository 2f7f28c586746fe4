"""What customers are given: invoices, quotes and receipts as pages or PDF, and files by their links.

Imports ``pages/portal`` and what lies below it.
"""
