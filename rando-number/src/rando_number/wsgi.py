"""What a WSGI server is pointed at: ``granian --interface wsgi rando_number.wsgi:app``."""

from __future__ import annotations

from . import create_app

app = create_app()
