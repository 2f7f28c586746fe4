"""What every page of the operator needs: who the operator is, what they may do, and the record of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from flask import Response, abort, current_app, redirect, stream_with_context, url_for
from markupsafe import Markup

from prepaid_ledger import clock

from ... import signals
from ...errors import UnknownItem
from ...languages.reasons import SIGNED
from ...payments.customers.owned import has_wallet
from ...reports.spreadsheets import inert
from .. import page
from ..page import PageContext
from .roles import Operator, Operators, Right


class OperatorContext(PageContext, Protocol):
    """What an operator's page may know of the app, beside what a customer's page may."""

    @property
    def operators(self) -> Operators: ...


def context() -> OperatorContext:
    """The extension of the app that serves this request."""
    prepaid: OperatorContext = current_app.extensions["prepaid"]
    return prepaid


def operator(right: Right | None = None) -> Operator:
    """The operator of this request. Nobody: to the host's login, or a page that does not exist.

    :param right: What they are about to do; one who may not is told so.
    """
    current = context().operators.of_request()
    if current is None:
        page.customer()  # to the login, if nobody is signed in at all
        abort(404)
    if right is not None and not current.may(right):
        abort(403)
    return current


def proven(right: Right, *, back: str) -> Operator:
    """The operator, having just shown who they are; else they do that first and come to ``back``."""
    current = operator(right)
    if current.prove is not None:
        abort(redirect(current.prove(back), 303))
    return current


def render(template: str, **values: Any) -> str:
    """A page in the operator's frame."""
    return page.render(
        f"operator/{template}",
        operator=operator(),
        at=at,
        age=lambda time: age(time, clock.wall()),
        zone=ZoneInfo(context().config.time_zone).key,
        **values,
    )


def at(time: datetime | None) -> str:
    """A time by the shop's clock."""
    if time is None:
        return "never"
    local = time.astimezone(ZoneInfo(context().config.time_zone))
    return Markup('<time datetime="{}"><span>{},</span> <span>{:%H:%M}</span></time>').format(
        local.isoformat(timespec="seconds"), f"{local.day} {local:%b %Y}", local
    )


def labels(owners: Iterable[str]) -> dict[str, str]:
    """What to call each of ``owners``."""
    wanted = list(dict.fromkeys(owners))
    of_host: Mapping[str, str] = context().operators.labels(wanted) if wanted else {}
    return {owner: of_host.get(owner, owner) for owner in wanted}


def label(owner: str) -> str:
    return labels([owner])[owner]


def in_names(reasons: Iterable[str | None]) -> dict[str, str]:
    """Those of these reasons that an operator wrote, each with what to call them in place of their id."""
    written = {reason: match for reason in reasons if reason and (match := SIGNED.search(reason))}
    names = labels(match[1] for match in written.values())
    return {reason: f"{reason[: match.start(1)]}{names[match[1]]})" for reason, match in written.items()}


def record(operator: Operator, right: Right, *, owner: str | None, reason: str, **detail: Any) -> None:
    """Tell the host what is about to be done, so that its record is committed with it."""
    signals.operator_acts.send(
        current_app._get_current_object(),  # type: ignore[attr-defined]
        operator=operator.name,
        action=right.value,
        owner=owner,
        reason=reason,
        detail=detail,
    )


#: Rows of a file that are sent together.
ROWS_AT_ONCE = 1_000


def as_csv(name: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """A file to download, written as its rows are read. A cell that a spreadsheet would run gets a quote."""

    def parts() -> Iterator[str]:
        written = io.StringIO()
        writer = csv.writer(written, lineterminator="\n")
        writer.writerow(head)
        for number, row in enumerate(rows, 1):
            writer.writerow([inert(cell) for cell in row])
            if number % ROWS_AT_ONCE == 0:
                yield written.getvalue()
                written.seek(written.truncate(0))
        yield written.getvalue()

    response = Response(stream_with_context(parts()), mimetype="text/csv")
    response.headers["Content-Disposition"] = f"attachment; filename={name}.csv"
    return response


def customer_url(owner: str) -> str:
    return url_for("prepaid.operator_customer", owner=owner)


def age(time: datetime | None, now: datetime) -> str:
    """How long ago, in words: ``5 minutes ago``."""
    if time is None:
        return "never"
    seconds = max(int((now - time.astimezone(UTC)).total_seconds()), 0)
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count:,} {word}{'s' * (count != 1)} ago"
    return "just now"


def known_owner(owner: str) -> str:
    """``owner``, who has a wallet.

    :raises UnknownItem: There is no such customer.
    """
    if not owner.isprintable() or not has_wallet(context().session, owner):
        raise UnknownItem("There is no such customer.", field="owner")
    return owner
