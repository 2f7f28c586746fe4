"""Mails to customers: what they say, how they are sent, and how they look. Part of ``web``."""
