"""What a server is pointed at: ``granian --interface asginl rando_number.asgi:app``."""

from __future__ import annotations

import sys

from . import create_app
from .api.fast_path import FastPath
from .config import ConfigError

try:
    app = FastPath(create_app())
except ConfigError as wrong:
    sys.exit(f"Rando Number does not start. {wrong}")
