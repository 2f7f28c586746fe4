"""Objects: their lists, the page of each with what belongs to it, and buttons for what can be done.

Imports ``pages/dashboard/controls`` and what lies below it.
"""
