"""What a server is pointed at: ``granian --interface asginl rando_number.asgi:app``."""

from __future__ import annotations

import sys

from . import create_app
from .config import ConfigError
from .lane import Lane

try:
    app = Lane(create_app())
except ConfigError as wrong:
    sys.exit(f"Rando Number does not start. {wrong}")
