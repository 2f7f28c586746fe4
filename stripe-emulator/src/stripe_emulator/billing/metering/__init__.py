"""What customers use, by meters, and the billing credits that pay for it.

Imports ``payments`` and what lies below it.
"""
