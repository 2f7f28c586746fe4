"""How much of a customer's money has gone back twice, and what it had paid for by then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlalchemy.orm import Session

from ....payments import payments
from ....payments.models import BalancePaid, CarriedOver, EarlierMoney, Payment
from .moved_money import Moved, back_elsewhere, claimed_minor, moved_money


class GoneTwice:
    """A customer's money in one currency, as far as it has gone back a second time.

    What goes back of a payment is first what has not moved. Beyond that, it is what the changed plan was paid
    with, as that is bought already, and then what went to the balance.

    :param paid: What earlier money has paid for, the first bought first.
    """

    def __init__(self, session: Session, owner: str, paid: Sequence[tuple[Payment, EarlierMoney]]) -> None:
        self._bought = [(payment, row) for payment, row in paid if isinstance(row, BalancePaid)]
        self._carried = {payment.id: row for payment, row in paid if isinstance(row, CarriedOver)}
        self._moved = moved_money(session, owner, paid[0][0].currency)
        self._cost = {each.id: self._cost_of(each) for each in [move.payment for move in self._moved]}
        self._cost |= {payment.id: self._cost_of(payment) for payment, _ in paid}
        self._back = back_elsewhere(session, self._cost)
        self._claimed = claimed_minor(session, self._carried) if self._carried else Counter[int]()
        self._moved_of: Counter[int] = Counter()
        for move in self._moved:
            self._moved_of[move.payment.id] += move.minor
        self._passed_on: Counter[int] = Counter()
        self._of_balance: Counter[int] = Counter()
        self._of_carried: Counter[int] = Counter()
        self._follow_changes()
        self._follow_balance()

    def part_of(self, row: EarlierMoney) -> int:
        """How much of what earlier money has paid is to be taken back.

        Credits that were carried over go with the new money of their invoice, too: of what that has taken,
        nothing is taken again.
        """
        if not isinstance(row, CarriedOver):
            return self._of_balance[row.payment_id]
        part, payment_id = self._of_carried[row.payment_id], row.payment_id
        new_minor = self._cost[payment_id] - row.amount_minor
        if not new_minor:
            return part
        kept_minor = max(new_minor - self._claimed[payment_id] - self._of_balance[payment_id], 0)
        return part * kept_minor // new_minor

    def _cost_of(self, payment: Payment) -> int:
        """What its credits cost, by whatever it was paid."""
        carried = self._carried.get(payment.id)
        return payments.cost_minor(payment) + (carried.amount_minor if carried is not None else 0)

    def _gone(self, move: Moved) -> int:
        """What of the money that has moved is gone twice, and was not passed on yet."""
        payment_id = move.payment.id
        back = self._back[payment_id] + self._of_carried[payment_id] + self._moved_of[payment_id]
        gone = max(back - self._cost[payment_id], 0) - self._passed_on[payment_id]
        return max(min(gone, move.minor), 0)

    def _follow_changes(self) -> None:
        """What changed plans were paid with: of a plan that was changed twice, the first change first."""
        for move in self._moved:
            if move.to is not None:
                gone = self._gone(move)
                self._of_carried[move.to.payment_id] += gone
                self._passed_on[move.payment.id] += gone

    def _follow_balance(self) -> None:
        """What the balance has bought. Money that is gone has bought something only after it came."""
        for move in self._moved:
            if move.to is None:
                gone = self._gone(move)
                self._passed_on[move.payment.id] += gone
                after = [(payment, row) for payment, row in self._bought if row.at >= move.at]
                for payment, row in after:
                    gone -= self._take_of_balance(payment.id, row.amount_minor, gone)
                for payment, _ in after:
                    gone -= self._take_of_change(payment.id, gone)

    def _take_of_balance(self, payment_id: int, amount_minor: int, gone: int) -> int:
        """Take up to ``gone`` of what the balance has paid of a payment, if that has not gone back."""
        back = self._back[payment_id] + self._moved_of[payment_id] + self._of_carried[payment_id]
        left = max(min(amount_minor, self._cost[payment_id] - back), 0) - self._of_balance[payment_id]
        part = min(gone, max(left, 0))
        self._of_balance[payment_id] += part
        return part

    def _take_of_change(self, payment_id: int, gone: int) -> int:
        """Take up to ``gone`` of the changed plan that a payment's money has moved to."""
        taken = 0
        for move in self._moved:
            if move.to is not None and move.payment.id == payment_id:
                left = move.to.amount_minor - self._of_carried[move.to.payment_id]
                part = min(gone - taken, move.minor, left)
                self._of_carried[move.to.payment_id] += part
                taken += part
        return taken
