"""The emulator as a whole: the app, the list of topics, the HTTP server, the test client.

Imports ``pages`` and what lies below it.
"""
