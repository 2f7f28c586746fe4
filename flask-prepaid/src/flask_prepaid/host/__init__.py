"""What a host hands over, each looked at first: a refusal is a sentence with the cure.

``functions.py`` looks at its functions, ``apps.py`` at the app, ``database.py`` at the database, ``users.py``
at the models of users, and ``effects.py`` at what is set and needs something else. Imports ``catalog``,
``checks``, ``config``, ``errors``, ``files``, ``languages``.
"""
