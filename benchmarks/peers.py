"""How many spends a second beside the ledgers that can be installed, each by its own public call with a key.

All on one PostgreSQL in turns, 2 processes of 16 callers each, on a thousand wallets and on one. Ours spends
as the fast path does, and writes the host's row with each spend, which no other does. hf-nostro and
credit-ledger are installed by pip into a virtual environment of this program's own. pgledger is SQL only:
``--pgledger ulid.sql pgledger.sql`` are its files, in the order in which they are read.

The last line is one JSON object: the medians, and ours over the best of the others.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import venv
from collections import defaultdict
from pathlib import Path

import psycopg
from parts import ledger
from parts.databases import make, postgresql
from parts.rando import Shop

#: What is installed: the versions that were compared.
PACKAGES = ("hf-nostro[postgres]==0.2.0", "credit-ledger[postgres]==0.3.0")

#: The peers by the name of their database; hf-nostro spends in two ways.
INSTALLED = {"hf-nostro": ("hf-nostro", "hf-nostro, awaited"), "credit-ledger": ("credit-ledger",)}
PROGRAM = Path(__file__).parent / "parts" / "peers.py"
CALLERS = 16


class Peers:
    """The other ledgers on one server, run by the Python of an environment of their own."""

    def __init__(self, folder: Path) -> None:
        self.python = folder / "bin" / "python"
        self.urls: dict[str, str] = {}
        print("installing the others", file=sys.stderr)
        venv.create(folder, with_pip=True)
        self._run("-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES)

    def prepare(self, name: str, url: str, wallets: int, spends_as: tuple[str, ...]) -> None:
        self._run(str(PROGRAM), "prepare", name, url, str(wallets))
        self.urls |= dict.fromkeys(spends_as, url)

    def spends(self, name: str, wallets: int, seconds: int) -> float:
        """Spends a second of all processes together."""
        numbers = ("1", str(wallets), str(CALLERS), str(seconds))
        command = [str(self.python), str(PROGRAM), "spend", name, self.urls[name], *numbers]
        children = [
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=self._environment())
            for _ in range(ledger.PROCESSES)
        ]
        counts = [child.communicate()[0] for child in children]
        failed = [child.returncode for child in children if child.returncode]
        assert not failed, f"{name} ended with {failed}"
        return sum(map(int, counts)) / seconds

    def _run(self, *words: str) -> None:
        subprocess.run([self.python, *words], check=True, env=self._environment())

    def _environment(self) -> dict[str, str]:
        """Ours, without the folders of our own packages: each peer has what it asks for."""
        return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench peers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of each ledger in each round")
    parser.add_argument("--wallets", type=int, default=1000)
    parser.add_argument("--pgledger", type=Path, nargs="+", metavar="FILE", help="the files of its SQL")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name, postgresql(max_connections="200") as cluster:
        folder = Path(name)
        shop = Shop.open(folder / "ours", make(cluster, "ours"), options.wallets)
        peers = Peers(folder / "others")
        for peer, spends_as in INSTALLED.items():
            peers.prepare(peer, make(cluster, peer), options.wallets, spends_as)
        if options.pgledger:
            url = make(cluster, "pgledger")
            with psycopg.connect(url) as connection:
                for file in options.pgledger:
                    connection.execute(file.read_bytes())
            peers.prepare("pgledger", url, options.wallets, ("pgledger",))
        rates = compare(options, shop, peers)
        problems = shop.problems()
        assert problems == [], problems[:5]
    print(json.dumps({"bench": "peers", "load": round(os.getloadavg()[0], 1), **rates}))


def compare(options: argparse.Namespace, shop: Shop, peers: Peers) -> dict[str, object]:
    """All ledgers in turns: the medians by how many wallets there are, and ours over the best other."""
    rates: defaultdict[int, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for turn in range(options.rounds):
        print(f"round {turn + 1} of {options.rounds}", file=sys.stderr)
        for wallets in (options.wallets, 1):
            everyone = range(1, wallets + 1)
            ours = ledger.spends(shop.environment, everyone, callers=CALLERS, seconds=options.seconds)
            rates[wallets]["ours"].append(ours)
            for name in peers.urls:
                rates[wallets][name].append(peers.spends(name, wallets, options.seconds))
    figures: dict[str, object] = {}
    for wallets, by_name in rates.items():
        medians = {name: round(statistics.median(each)) for name, each in by_name.items()}
        best = max(rate for name, rate in medians.items() if name != "ours")
        title = "one wallet" if wallets == 1 else f"{wallets} wallets"
        figures[title] = {**medians, "ours_over_best": round(medians["ours"] / best, 2)}
        print(title, figures[title], flush=True)
    return figures


if __name__ == "__main__":
    main()
