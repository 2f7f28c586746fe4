"""Where the tests find what `./dev test` fetched from npm, also when pytest is called by itself."""

from __future__ import annotations

import os
from pathlib import Path

NODE_MODULES = Path(__file__).parent / "node_modules"

os.environ.setdefault("NODE_MODULES", str(NODE_MODULES))
os.environ.setdefault("CHROMIUM", str(NODE_MODULES / ".chromium" / "chromium.sh"))
