"""The log of requests: what was asked, what was answered, how long it took.

``request_log_url`` of an error leads to its line. What is secret, such as a card's number or a client
secret, is masked before it is written. The newest ``KEPT`` requests are kept, without waiting for the disk:
they are written when somebody looks, and beside a data file at the server's next pulse.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any

from stripe_emulator.api import keys
from stripe_emulator.api.request import Call, Reply, form_of
from stripe_emulator.core.database import transactions
from stripe_emulator.core.database.storage import Store
from stripe_emulator.core.errors import StripeError, Unavailable
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Upload

#: How many requests are kept, and how many characters of an answer.
KEPT, ANSWER_LENGTH = 2000, 60_000

#: A body of more bytes is not kept as it is.
LARGE = 20_000

#: Parameters that nobody may read in a log, wherever they stand.
SECRET_NAMES = frozenset(
    ["account_number", "client_secret", "cvc", "iban", "id_number", "key", "password", "secret", "ssn_last_4"]
)

_SECRET = re.compile(
    r"\b(?P<start>(?:whsec|ek_test|sk_test|rk_test|sk_live|rk_live|pk_live)_|\w+_secret_)\w{4,}"
)
_CARD_NUMBER = re.compile(r"(?<!\w)(?:\d[ -]?){8,15}(\d{4})(?!\w)")

_COLUMNS = (
    "seq",
    "id",
    "at",
    "verb",
    "path",
    "status",
    "key",
    "replayed",
    "lost",
    "milliseconds",
    "caller",
    "version",
    "agent",
    "account",
    "error",
    "parameters",
    "answer",
)
_INSERT = f"INSERT INTO request ({', '.join(_COLUMNS[1:])}) VALUES ({', '.join('?' * (len(_COLUMNS) - 1))})"

#: Filter -> the condition on a request.
OUTCOMES = {
    "succeeded": "status < 400 AND NOT lost",
    "refused": "status BETWEEN 400 AND 499",
    "failed": "(status >= 500 OR lost)",
}


def record(storage: Store, call: Call, reply: Reply) -> None:
    """Keep a request that was answered until somebody looks at the log; ``write`` puts it there."""
    waiting = storage.unlogged
    waiting.append((storage.moment(), call, reply))
    if len(waiting) > KEPT:
        waiting.popleft()
    if len(call.body) > LARGE:
        write(storage)


def write(storage: Store) -> None:
    """Bring the log up to date. Never raises for what a caller can send."""
    if not storage.unlogged:
        return
    with suppress(Unavailable), storage.transaction(durable=False) as transaction:  # closed meanwhile
        waiting = [storage.unlogged.popleft() for _ in range(len(storage.unlogged))]
        rows = [_row(storage.account, *request) for request in waiting]
        transaction.executemany(_INSERT, rows)
        transaction.execute("DELETE FROM request WHERE seq <= (SELECT max(seq) FROM request) - ?", (KEPT,))


def _row(account: str, moment: int, call: Call, reply: Reply) -> tuple[Any, ...]:
    """A request as a row of the log: what is secret is masked."""
    parameters, caller = _read(call)
    values = (
        reply.headers.get("Request-Id", ""),
        moment,
        call.verb,
        call.path,
        reply.status,
        call.header("idempotency-key") or None,
        "Idempotent-Replayed" in reply.headers,
        reply.lost or reply.times_out,
        reply.milliseconds,
        caller,
        reply.headers.get("Stripe-Version", call.header("stripe-version")),
        call.header("user-agent")[:200],
        call.header("stripe-account")[:80] or account,
        _error(reply),
        json.dumps(parameters),
        masked_text(reply.body[:ANSWER_LENGTH]),
    )
    return tuple(_clean(value) if isinstance(value, str) else value for value in values)


def latest(
    *, outcome: str = "", verb: str = "", path: str = "", before: int | None = None, limit: int
) -> list[Json]:
    """Requests, newest first.

    :param outcome: One of ``OUTCOMES``, or every one.
    :param path: A part of the path, of the idempotency key or of the request's id.
    """
    conditions = [OUTCOMES[outcome]] if outcome in OUTCOMES else []
    values: list[Any] = []
    if verb:
        conditions, values = [*conditions, "verb = ?"], [verb]
    if path:
        conditions.append("(instr(path, ?) OR instr(coalesce(key, ''), ?) OR instr(id, ?))")
        values += [path] * 3
    if before is not None:
        conditions, values = [*conditions, "seq < ?"], [*values, before]
    rows = transactions.current().execute(
        f"SELECT {', '.join(_COLUMNS)} FROM request WHERE {' AND '.join(conditions) or 'true'}"
        " ORDER BY seq DESC LIMIT ?",
        (*values, limit),
    )
    return [_request(row) for row in rows]


def named(request_id: str) -> Json | None:
    """The request with this id, or None; ids come again in a world that is repeated, then the latest."""
    row = (
        transactions.current()
        .execute(
            f"SELECT {', '.join(_COLUMNS)} FROM request WHERE id = ? ORDER BY seq DESC LIMIT 1", (request_id,)
        )
        .fetchone()
    )
    return None if row is None else _request(row)


def counts() -> dict[str, int]:
    """How many requests are kept of each outcome, and of each method."""
    sums = ", ".join(f"sum({condition})" for condition in OUTCOMES.values())
    row = transactions.current().execute(f"SELECT {sums} FROM request").fetchone()
    by_verb = transactions.current().execute("SELECT verb, count(*) FROM request GROUP BY verb ORDER BY verb")
    return dict(zip(OUTCOMES, (count or 0 for count in row), strict=True)) | dict(by_verb.fetchall())


def masked(value: Any, name: str = "", within: str = "") -> Any:
    """Parameters as they may be shown."""
    if isinstance(value, dict):
        return {key: masked(item, key, name) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item, name, within) for item in value]
    if isinstance(value, Upload):
        return f"a file of {len(value.contents):,} bytes, {value.filename!r}"
    text = str(value)
    if name in SECRET_NAMES or (name == "number" and within in ("card", "source", "bank_account")):
        shown = text[-4:] if len(text) > 8 and name not in ("password", "client_secret", "secret") else ""
        return f"••••{shown}" if text else ""
    return masked_text(_CARD_NUMBER.sub(r"••••\1", text))


def masked_text(text: str) -> str:
    """A text without the secrets that can be told by how they begin."""
    return _SECRET.sub(lambda secret: f"{secret['start']}••••", text)


def _read(call: Call) -> tuple[Any, str]:
    """The parameters, masked, and the key that the request came with."""
    try:
        form = form_of(call)
    except StripeError:
        return {"": f"a body of {len(call.body):,} bytes that is no form"}, ""
    try:
        caller = keys.masked(keys.given(call.header("authorization"), form))
    except StripeError:
        caller = ""
    return masked(form), caller


def _error(reply: Reply) -> str:
    """Why the request was refused, in a few words."""
    if reply.status < 400:
        return ""
    error = json.loads(reply.body).get("error") or {}
    return str(error.get("decline_code") or error.get("code") or error.get("message") or "")[:200]


def _request(row: tuple[Any, ...]) -> Json:
    request: Json = dict(zip(_COLUMNS, row, strict=True))
    request["parameters"] = json.loads(request["parameters"])
    return request


def _clean(text: str) -> str:
    """A text that SQLite takes: no half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode()
