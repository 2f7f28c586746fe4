"""Payments in an operator's hands: listed, seen, reviewed, refunded. Part of ``web/operator``."""
