"""Customers in an operator's hands: found, seen, helped, shut out. Part of ``web/operator``."""
