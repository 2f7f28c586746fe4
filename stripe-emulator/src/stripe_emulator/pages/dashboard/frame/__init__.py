"""The frame of every page of the dashboard, and the rows that several of them show.

Imports ``pages/papers`` and what lies below it.
"""
