"""The verbs that bring credits in, take them back with their money, and correct."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta

from ..books import allowances, entries, grants
from ..books.allowances import ALLOWANCE_GRACE
from ..books.reversals import clawbacks
from ..books.wallets.posting import Posting
from ..checks import MAX_CREDITS, check_many, check_reason, check_time, check_whole
from ..tables import Entry, Kind
from .base import Verbs


class Incoming(Verbs):
    """Credits that come in, and go when their money does."""

    def grant(
        self, owner: str, credits: int, *, key: str, reason: str, expires_at: datetime | None = None
    ) -> Entry:
        """Give credits that nobody paid for, in your transaction. They pay a debt first.

        :param expires_at: When what is left of them ends; the first call's stands.
        :raises KeyReused: The key has posted something else.
        :raises ValueError: ``expires_at`` is over, or has no zone.
        """
        check_reason(reason)
        self._refuse_key(key)
        posting = Posting(Kind.GRANT, credits, key, expires_at=expires_at, reason=reason)
        return self._join(entries.receive, owner, posting, self.setup.clock)

    def grant_many(
        self,
        owners: Iterable[str],
        credits: int,
        *,
        key: str,
        reason: str,
        expires_at: datetime | None = None,
    ) -> Iterator[int]:
        """Grant the same to each of ``owners``, once, and commit; how many have it, after each thousand.

        Walk it to the end, with a progress bar if you like. Broken off, run it again with the same key.

        :raises KeyReused: The key has posted something else in one of the wallets.
        :raises ValueError: ``expires_at`` is over, or has no zone.
        """
        self._refuse_to_wait_for_itself()
        check_reason(reason)
        self._refuse_key(key)
        posting = Posting(Kind.GRANT, credits, key, expires_at=expires_at, reason=reason)
        return grants.grant_many(self.setup.engine, owners, posting, self.setup.clock)

    def purchase(
        self,
        owner: str,
        credits: int,
        *,
        key: str,
        amount_minor: int,
        currency: str,
        tax_minor: int = 0,
        expires_at: datetime | None = None,
    ) -> Entry:
        """Give credits that were paid for, in your transaction. They pay a debt first.

        :param key: Names your record of the payment, ``sale:17``.
        :param amount_minor: What was paid, in the smallest unit of ``currency``; 0 under a full discount.
        :param tax_minor: What of it is tax, which is no revenue.
        :param expires_at: When what is left of them ends; the first call's stands.
        :raises KeyReused: The key has posted something else.
        :raises ValueError: The money is none that a customer can have paid; or ``expires_at`` is over, or has
            no zone.
        """
        self._refuse_key(key)
        posting = Posting.of_payment(
            Kind.PURCHASE,
            credits,
            key,
            expires_at=expires_at,
            amount_minor=amount_minor,
            tax_minor=tax_minor,
            currency=currency,
        )
        return self._join(entries.receive, owner, posting, self.setup.clock)

    def allowance(
        self,
        owner: str,
        credits: int,
        *,
        key: str,
        period_end: datetime,
        amount_minor: int,
        currency: str,
        tax_minor: int = 0,
        grace: timedelta = ALLOWANCE_GRACE,
        roll_over: int = 0,
        replacing: Collection[str] | None = None,
    ) -> Entry:
        """Give the credits of a period that was paid, in your transaction. They pay a debt first.

        What is left of earlier allowances ends, but for ``roll_over`` credits that move up.

        :param key: Names the invoice.
        :param period_end: They last until then, and ``grace`` longer.
        :param amount_minor: What was paid, in the smallest unit of ``currency``.
        :param tax_minor: What of it is tax, which is no revenue.
        :param replacing: The keys of the allowances that end now; by default all of the owner's.
        :raises KeyReused: The key has posted something else.
        :raises ValueError: One of them is none that an allowance can have; the message names it.
        """
        check_time("period_end", period_end)
        check_whole("roll_over", roll_over, 0, MAX_CREDITS)
        if not isinstance(grace, timedelta) or grace < timedelta(0):
            raise ValueError(f"grace is a timedelta from 0 on, such as timedelta(days=3), not {grace!r:.80}")
        if replacing is not None:
            check_many("replacing", replacing)
        try:
            ends = period_end + grace
        except OverflowError:
            raise ValueError(
                f"grace ends by the year 9999, and {grace} after {period_end} does not"
            ) from None
        self._refuse_key(key)
        posting = Posting.of_payment(
            Kind.ALLOWANCE,
            credits,
            key,
            expires_at=ends,
            amount_minor=amount_minor,
            tax_minor=tax_minor,
            currency=currency,
        )
        return self._join(
            allowances.allowance,
            owner,
            posting,
            self.setup.clock,
            roll_over=roll_over,
            replacing=replacing,
        )

    def add_to_allowance(
        self,
        owner: str,
        credits: int,
        *,
        key: str,
        period_end: datetime,
        amount_minor: int,
        currency: str,
        tax_minor: int = 0,
    ) -> Entry:
        """Give what an upgrade adds to the running period, in your transaction, until the period's end.

        :param key: Names the upgrade's invoice.
        :param tax_minor: What of ``amount_minor`` is tax.
        :raises KeyReused: The key has posted something else.
        """
        check_time("period_end", period_end)
        self._refuse_key(key)
        posting = Posting.of_payment(
            Kind.ALLOWANCE,
            credits,
            key,
            expires_at=period_end,
            amount_minor=amount_minor,
            tax_minor=tax_minor,
            currency=currency,
        )
        return self._join(entries.receive, owner, posting, self.setup.clock)

    def move_end(self, owner: str, *, key: str, expires_at: datetime) -> None:
        """Let what is left of the credits that ``key`` gave end at another time, in your transaction.

        They came by a grant, a purchase or an allowance. What is spent or over by now stays as it is. What is
        held, and a hold gives back, keeps the end that it had, or is over if this one is. A repeat moves what
        was given back since.

        :param expires_at: When they end; at once, if that time is over.
        :raises ValueError: ``expires_at`` has no zone, or an entry of another kind gave the credits.
        """
        check_time("expires_at", expires_at)
        self._join(allowances.move_end, owner, key, expires_at, self.setup.clock)

    def adjust(self, owner: str, credits: int, *, key: str, reason: str) -> Entry:
        """Correct a wallet by hand, in your transaction; ``credits`` may be negative.

        :raises InsufficientCredits: Fewer are available than are taken.
        :raises KeyReused: The key has posted something else.
        """
        check_reason(reason)
        self._refuse_key(key)
        posting = Posting(Kind.ADJUSTMENT, credits, key, reason=reason)
        return self._join(entries.adjust, owner, posting, self.setup.clock)

    def claw_back(
        self,
        owner: str,
        *,
        lot_key: str,
        key: str,
        refunded_minor: int | None = None,
        credits: int | None = None,
        reason: str | None = None,
    ) -> Entry:
        """Take back the credits of money that left again, in your transaction.

        They are taken from the rest of the lot first, then from other credits that are not held; what is
        spent already becomes the wallet's debt.

        :param lot_key: The key of the purchase or allowance, ``payment:17``.
        :param key: Names this refund or dispute, ``refund:re_1``.
        :param refunded_minor: The money of this one refund, never the sum of several.
        :param credits: In place of it, the credits to take; never more than are left of the lot's share.
        :raises NothingToReverse: The key has not brought any credits in.
        :raises KeyReused: The key has posted something else.
        """
        self._refuse_key(key)
        return self._join(
            clawbacks.claw_back,
            owner,
            lot_key=lot_key,
            key=key,
            refunded_minor=refunded_minor,
            credits=credits,
            reason=reason,
            clock=self.setup.clock,
        )

    def restore(
        self,
        owner: str,
        *,
        claw_key: str,
        key: str,
        reason: str | None = None,
        period_end: datetime | None = None,
    ) -> Entry:
        """Undo a clawback, in your transaction: the refund failed at the bank, or the dispute was won.

        What comes back ends when its lot does. If the lot's time is over, it lasts for as long as the lot had
        left when the credits were taken, a day at least.

        :param claw_key: The key of the clawback, ``refund:re_1``.
        :param period_end: When the time of an allowance is over; by default when its lot ends.
        :raises NothingToReverse: There is no such clawback, or it is undone already.
        :raises KeyReused: The key has posted something else.
        """
        if period_end is not None:
            check_time("period_end", period_end)
        self._refuse_key(key)
        return self._join(
            clawbacks.restore,
            owner,
            claw_key=claw_key,
            key=key,
            reason=reason,
            period_end=period_end,
            clock=self.setup.clock,
        )
