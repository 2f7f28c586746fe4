"""What a customer chose to see of the usage: days, a key, a kind of entry, by the hour or week."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask_prepaid.languages.words import gettext as _
from flask_prepaid.languages.words import marked

from ..extensions import prepaid
from ..owners import owner_of
from . import totals
from .totals import By, Per, Share

DAYS_SHOWN = 30
MAX_DAYS = 366

#: The most days that are shown by the hour.
MAX_DAYS_BY_HOUR = 14

#: The largest that ``Number.api_key_id`` holds.
LARGEST_KEY = 2**31 - 1

KINDS = ("spend", "purchase", "allowance", "grant", "reversal", "clawback", "expiry", "adjustment")


class BadChoice(ValueError):
    """A filter that can't be used. The message names the field and says what to do."""


@dataclass(frozen=True)
class Choice:
    """What the customer chose to see: days, UTC, both included; one API key; one kind of entry.

    Charts, statement and files are all of these days: without a choice, of the last ``DAYS_SHOWN``.
    ``per`` is what a bar of the chart stands for.
    """

    first: date
    last: date
    by: By = None
    kind: str | None = None
    per: Per = "day"

    @classmethod
    def read(cls, fields: Mapping[str, str]) -> Choice:
        """What a query asks for; an empty field counts as left out.

        :raises BadChoice: A field is no day, key or kind, or the days are in the wrong order or too many.
        """
        last = day_in(fields, "to") or prepaid.clock().date()
        first = day_in(fields, "from") or last - timedelta(days=DAYS_SHOWN - 1)
        if not first <= last < first + timedelta(days=MAX_DAYS):
            raise BadChoice(
                _("From must be a day up to %(days)s days before To, or the same day.", days=MAX_DAYS - 1)
            )
        kind = fields.get("kind") or None
        if kind is not None and kind not in KINDS:
            raise BadChoice(_("What must be one of the kinds in the list."))
        return cls(first, last, key_in(fields), kind, per_in(fields, (last - first).days + 1))

    @classmethod
    def lately(cls) -> Choice:
        today = prepaid.clock().date()
        return cls(today - timedelta(days=DAYS_SHOWN - 1), today)

    def entries(self, user_id: int, limit: int, cursor: str | None) -> Any:
        """A page of the entries that were chosen.

        :raises ValueError: The cursor was not given out by us.
        """
        return prepaid.entries(
            owner_of(user_id),
            limit,
            cursor,
            kind=self.kind,
            since=totals.begin_of(self.first),
            until=totals.begin_of(self.last) + timedelta(days=1),
            keys=totals.spends_by(user_id, self.by),
        )

    def shares(self, user_id: int) -> list[Share]:
        return totals.by_day_and_key(user_id, self.first, self.last, self.by)

    def shares_of_chart(self, user_id: int) -> list[Share]:
        return totals.by_time_and_key(user_id, self.first, self.last, self.by, self.per)


def day_in(fields: Mapping[str, str], name: str) -> date | None:
    text = fields.get(name)
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not 2000 <= day.year < 2100:
        words = {
            "from": marked("From must be a day such as 2026-11-23."),
            "to": marked("To must be a day such as 2026-11-23."),
        }
        raise BadChoice(_(words[name]))
    return day


def per_in(fields: Mapping[str, str], days: int) -> Per:
    per = fields.get("per") or "day"
    if per == "hour":
        if days > MAX_DAYS_BY_HOUR:
            raise BadChoice(_("By the hour, choose up to %(days)s days.", days=MAX_DAYS_BY_HOUR))
        return "hour"
    if per == "week":
        return "week"
    if per == "day":
        return "day"
    raise BadChoice(_("By must be hour, day or week."))


def key_in(fields: Mapping[str, str]) -> By:
    text = fields.get("key")
    if not text:
        return None
    if text == "site":
        return "site"
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= LARGEST_KEY):
        raise BadChoice(_("Key must be one of the keys in the list."))
    return int(text)
