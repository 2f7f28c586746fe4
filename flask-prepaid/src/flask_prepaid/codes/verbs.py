"""The verbs of codes, which ``Prepaid`` has."""

from __future__ import annotations

from datetime import datetime, timedelta

from ..context import Context
from . import finding, making, redeeming
from .models import Code, CodeClaim
from .terms import Terms


class CodeVerbs:
    """Make codes, redeem them, and see them."""

    def make_code(
        self: Context,
        code: str | None = None,
        *,
        credits: int,
        max_claims: int | None = None,
        per_owner: int = 1,
        expires_at: datetime | None = None,
        expires_after: timedelta | None = None,
        reason: str | None = None,
        referrer: str | None = None,
        referrer_credits: int = 0,
    ) -> Code:
        """Make a code that gives credits to whoever redeems it. Commits.

        Called again with the same terms, it finds the code; of ``expires_at`` and ``reason`` the first call's
        stand.

        :param code: Such as ``"WELCOME"``: letters (without accents) and digits. Capitals, blanks and dashes
            make no difference. By default one is made up that nobody guesses and everybody can read out.
        :param credits: What it gives each time.
        :param max_claims: How often it can be redeemed by all together; ``None`` is without end.
        :param per_owner: How often it can be redeemed by one.
        :param expires_at: Until when it can be redeemed.
        :param expires_after: How long its credits last from then on; ``None`` is for ever.
        :param reason: Stands on the entry, after the code, for its owner to read.
        :param referrer: The owner whose code it is. Others redeem it, once for any two owners.
        :param referrer_credits: What the referrer gets each time.
        :raises CodeTaken: There is one of that name, and it gives something else.
        :raises ConfigError: An argument is wrong: the message names it, with the cure.
        """
        terms = Terms(credits, max_claims, per_owner, expires_after, referrer, referrer_credits)
        return making.make(self, code, terms, expires_at=expires_at, reason=reason)

    def redeem(self: Context, owner: str, code: str, *, key: str | None = None) -> CodeClaim:
        """Give ``owner`` the credits of a code. Commits.

        :param code: As it was typed: capitals, blanks and dashes make no difference.
        :param key: Names this wish: sent again, it is redeemed once. By default each call is one.
        :raises CodeRefused: It gives this owner nothing: it is no code or over, they have its credits
            already, it is their own, or they are blocked or closed.
        :raises KeyReused: The key has redeemed another code.
        :raises TooManyGuesses: This owner, or this address, has tried too many wrong codes within an hour.
        :raises Busy: The database did not get to it. Nothing was given; try again.
        """
        return redeeming.redeem(self, owner, code, key=key)

    def switch_code(self: Context, code: str, *, on: bool) -> Code:
        """Let a code be redeemed, or not any more; what it gave stays. Commits. A repeat does nothing.

        :raises UnknownItem: There is no such code.
        """
        return making.switch(self, code, on=on)

    def codes(self: Context, limit: int = 50, *, referrer: str | None = None) -> list[Code]:
        """The last codes that were made, newest first.

        :param referrer: Only those that are this owner's.
        """
        return finding.listed(self.session, limit=limit, owner=referrer)
