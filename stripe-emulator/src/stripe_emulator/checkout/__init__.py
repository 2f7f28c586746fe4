"""What is sold line by line, from ``tax`` at the bottom to ``sessions`` on top; no page.

Imports ``checkout/sessions`` and what lies below it.
"""
