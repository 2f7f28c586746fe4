"""A program written by /docs/api and nothing else.

    python client_program.py URL KEY NUMBERS

Draws so many numbers, by single calls and by batches, repeats what got no answer with the
same Idempotency-Key, and prints what it received and what the answers say it was charged.
"""

import http.client
import json
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any


def call(url: str, key: str, body: object = None, name: str | None = None) -> Any:
    """What the API says, however often it takes; the page's own way to ask again."""
    headers = {"Authorization": f"Bearer {key}"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    if name is not None:
        headers["Idempotency-Key"] = name
    data = None if body is None else json.dumps(body).encode()
    while True:
        try:
            request = urllib.request.Request(url, data=data, headers=headers)
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            if refused.code != 429 and refused.code < 500:
                raise SystemExit(f"{refused.code}: {refused.read().decode()}") from refused
            time.sleep(int(refused.headers.get("Retry-After", 1)))
        except (OSError, http.client.HTTPException, ValueError):
            time.sleep(0.01)


def pages(url: str, key: str, field: str) -> Iterator[Any]:
    """All of a list, page by page."""
    cursor: str | None = ""
    while cursor is not None:
        page = call(f"{url}?limit=200{cursor and '&cursor='}{cursor}", key)
        yield from page[field]
        cursor = page["next_cursor"]


def main(base: str, key: str, wanted: int) -> None:
    received: list[int] = []
    charged = 0
    before = call(f"{base}/api/v1/balance", key)["balance"]
    sizes = [1, 1, 5, 1, 40, 1, 13]
    while len(received) < wanted:
        count = min(sizes[0], wanted - len(received))
        sizes = sizes[1:] + sizes[:1]
        if count == 1:
            answer = call(f"{base}/api/v1/number/?min=1&max=6", key, name=str(uuid.uuid4()))
            received.append(answer["number"])
        else:
            body = {"count": count, "min": 1, "max": 6}
            answer = call(f"{base}/api/v1/numbers", key, body, name=str(uuid.uuid4()))
            received += answer["numbers"]
        charged += answer["charged"]
    drawn = list(pages(f"{base}/api/v1/numbers", key, "numbers"))
    entries = list(pages(f"{base}/api/v1/entries", key, "entries"))
    report = {
        "received": len(received),
        "within": all(1 <= number <= 6 for number in received),
        "told_charged": charged,
        "balance_fell": before - call(f"{base}/api/v1/balance", key)["balance"],
        "listed": [n for row in reversed(drawn) for n in row["numbers"]] == received,
        "entries_say": -sum(e["credits"] for e in entries if e["kind"] == "spend"),
        "usage_says": call(f"{base}/api/v1/usage", key)["totals"]["credits"],
    }
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
