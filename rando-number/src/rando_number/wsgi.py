"""What a WSGI server is pointed at: ``granian --interface wsgi rando_number.wsgi:app``."""

from __future__ import annotations

import sys

from . import create_app
from .config import ConfigError

try:
    app = create_app()
except ConfigError as wrong:
    sys.exit(f"Rando Number does not start. {wrong}")
