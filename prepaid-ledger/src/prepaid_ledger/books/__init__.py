"""The only writer of credits. Imports ``clock``, ``database``, ``errors``, ``tables``."""
