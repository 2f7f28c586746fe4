"""The ``stripe-emulator`` command."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from queue import SimpleQueue


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM; the exit code is 0 then, and 2 for a wrong option."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    if options.command == "coverage":
        return _until_nobody_reads(_coverage)
    for option, url in (("--webhook", options.webhook), ("--webhook-thin", options.webhook_thin)):
        if url and not url.startswith(("http://", "https://")):
            parser.error(f"{option} takes a URL that begins with http:// or https://")
    asked_to_stop = _signals()
    host = f"[{options.host}]" if ":" in options.host else options.host
    _serve(options, host, asked_to_stop)
    return 0


def _until_nobody_reads(write: Callable[[], int]) -> int:
    """Write to stdout; a reader that has seen enough, such as ``head``, ends it and is no error."""
    try:
        return write()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more at its end
        return 0


def _signals() -> SimpleQueue[int]:
    """Where Ctrl-C and SIGTERM arrive; nothing is raised into what runs then with a lock in its hand."""
    requests: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: requests.put(number))
    return requests


def _serve(options: argparse.Namespace, host: str, asked_to_stop: SimpleQueue[int]) -> None:
    from stripe_emulator import Emulator
    from stripe_emulator.core.database.storage import UnfitFile
    from stripe_emulator.server import seed  # not before the options are right: the SDK takes a while
    from stripe_emulator.server.http import Worker, serve

    try:
        emulator = Emulator(
            options.data,
            webhook=options.webhook,
            webhook_thin=options.webhook_thin,
            webhook_secret=options.webhook_secret,
            base_url=options.url or f"http://{host}:{options.port}",
            accounts=options.accounts,
            seed=options.repeat,
            name=options.name,
            hosts=[options.host, *options.allow_host],
        )
    except UnfitFile as wrong:
        raise SystemExit(f"stripe-emulator: --data {wrong}") from None
    if options.seed:
        seed.plant(emulator, options.seed)
        if emulator.accounts is not None:
            emulator.accounts.on_new.append(partial(seed.plant, path=options.seed))
    server = serve(emulator, options.host, options.port)  # exits with 1 and says why if it can't listen
    if not options.url:
        emulator.store.base_url = f"http://{host}:{server.port}"
    worker = Worker(emulator)
    worker.start()

    def stop() -> None:
        asked_to_stop.get()
        server.shutdown()

    threading.Thread(target=stop, daemon=True).start()
    _say(f"stripe-emulator on {emulator.store.base_url} (dashboard there; any sk_test_ key opens it)")
    server.serve_forever()
    worker.stop()
    emulator.close()


def make_parser() -> argparse.ArgumentParser:
    """What the command takes."""
    parser = argparse.ArgumentParser(
        prog="stripe-emulator", description="Stripe on a laptop: no account, no network."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument(
        "--port", type=int, default=12111, help="port to listen on, 0 for any (default %(default)s)"
    )
    parser.add_argument("--data", metavar="FILE", help="keep everything in this file; without it, in memory")
    parser.add_argument("--webhook", metavar="URL", help="send every event there")
    parser.add_argument("--webhook-thin", metavar="URL", help="send every event there as a thin event")
    parser.add_argument(
        "--webhook-secret", default="whsec_emulator", help="sign events with it (default %(default)s)"
    )
    parser.add_argument(
        "--seed", metavar="FILE", help="JSON or YAML with products, prices, customers, coupons"
    )
    parser.add_argument("--name", help="what the account is called, as customers see it on the pages")
    parser.add_argument("--url", help="where browsers reach the pages, if not at host and port")
    parser.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        default=[],
        help="serve the dashboard under this name, too; may be given again",
    )
    parser.add_argument(
        "--accounts",
        choices=("one", "by-key"),
        default="one",
        help="whether all keys open one account, or each its own (default %(default)s)",
    )
    parser.add_argument(
        "--repeat",
        type=int,
        metavar="SEED",
        help="draw the same ids for the same calls; the clock moves only when it is moved",
    )
    commands = parser.add_subparsers(dest="command", metavar="coverage")
    commands.add_parser("coverage", help="print which of Stripe's routes are answered")
    return parser


def _coverage() -> int:
    from stripe_emulator import contract
    from stripe_emulator.api import routing
    from stripe_emulator.server import load

    load.load()
    done = total = 0
    for resource, routes in contract.coverage(routing.serves).items():
        served = sum(ours for _, ours in routes)
        if resource.startswith("v1/"):
            done, total = done + served, total + len(routes)
        if served:
            _say(f"{served:3} of {len(routes):3}  {resource}")
    _say(f"{done:3} of {total:3}  of version 1 in all")
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
