"""Build the documentation and show it: ``./dev docs [--port 8000] [--build-only]``."""

from __future__ import annotations

import argparse
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from .install import ROOT, say
from .workshop import BIN, must

BUILT = ROOT / "docs/_build"

#: Warnings are errors, and a name that is not documented is one.
BUILD: list[str | Path] = [BIN / "sphinx-build", "-q", "-W", "-n", "--keep-going", "docs", BUILT]


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev docs", description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--build-only", action="store_true")
    options = parser.parse_args()
    must(*BUILD)
    if options.build_only:
        say(f"built into {BUILT}")
        return
    handler = partial(SimpleHTTPRequestHandler, directory=BUILT)
    with ThreadingHTTPServer(("127.0.0.1", options.port), handler) as server:
        say(f"http://127.0.0.1:{options.port} until Ctrl-C")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("")


if __name__ == "__main__":
    main()
