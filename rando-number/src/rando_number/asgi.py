"""What a server is pointed at: ``granian --interface asginl rando_number.asgi:app``."""

from __future__ import annotations

import gc
import resource
import sys

from . import create_app
from .api.fast_path import in_front_of
from .config.values import ConfigError
from .edge import logs, metrics
from .extensions import prepaid

# Each line that is open takes a file, idle ones too; a thousand, as systems begin with, are soon taken.
MOST_FILES = 65_536
files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
if files != resource.RLIM_INFINITY:
    wanted = MOST_FILES if most == resource.RLIM_INFINITY else min(MOST_FILES, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(files, wanted), most))

try:
    shop = create_app()
    if shop.config["JSON_LOGS"]:
        logs.write_json()
    metrics.begin(shop)
    with shop.app_context():
        prepaid.answer_within(shop.config["DATABASE_TIMEOUT_S"])
    app = in_front_of(shop)
except ConfigError as wrong:
    sys.exit(f"Rando Number does not start. {wrong}")

# All that was loaded until here stays: the collector need not look at it again. A look took up to 0.1 s, in
# which nobody was answered.
gc.collect()
gc.freeze()
