"""API keys: made, capped and revoked by their owner, and looked up when a program calls.

May import the models, the audit log, callers and errors.
"""
