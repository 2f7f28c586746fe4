"""What a code gives, to whom and how often: checked, and as its row has it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from prepaid_ledger import check_owner

from .. import checks
from ..checks import MAX_CREDITS


@dataclass(frozen=True)
class Terms:
    """What a code gives, for as long as there is the code. ``Prepaid.make_code`` says what each is."""

    credits: int
    max_claims: int | None = None
    per_owner: int = 1
    expires_after: timedelta | None = None
    referrer: str | None = None
    referrer_credits: int = 0

    def checked(self) -> dict[str, object]:
        """The columns of the row, and what stands there.

        :raises ConfigError: One of them is wrong: the message names it, with the cure.
        """
        columns: dict[str, object] = {
            "credits": checks.whole("credits", self.credits, min=1, max=MAX_CREDITS),
            "max_claims": None
            if self.max_claims is None
            else checks.whole("max_claims", self.max_claims, min=1, max=MAX_CREDITS),
            "per_owner": checks.whole("per_owner", self.per_owner, min=1, max=MAX_CREDITS),
            "expires_after_s": _seconds(self.expires_after),
            "referrer": self.referrer,
            "referrer_credits": checks.whole(
                "referrer_credits", self.referrer_credits, min=0, max=MAX_CREDITS
            ),
        }
        _check_referrer(self.referrer, self.referrer_credits)
        return columns


def _seconds(expires_after: timedelta | None) -> int | None:
    if expires_after is None:
        return None
    return int(checks.period("expires_after", expires_after, min=timedelta(seconds=1)).total_seconds())


def _check_referrer(referrer: str | None, credits: int) -> None:
    if referrer is None:
        if credits:
            checks.refuse("referrer_credits", credits, "Name the referrer who gets them, too.")
        return
    try:
        check_owner(referrer)
    except ValueError:
        checks.refuse("referrer", referrer, "Write the owner whose code it is, such as 'user:42'.")
