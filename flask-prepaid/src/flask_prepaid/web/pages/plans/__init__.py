"""A customer's plan: the page that shows it, how it begins, and how it changes. Part of ``web``."""
