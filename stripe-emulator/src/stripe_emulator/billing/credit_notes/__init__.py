"""What makes an invoice smaller after it was final, and what moves a customer's balance.

Imports ``billing/invoices`` and what lies below it.
"""
