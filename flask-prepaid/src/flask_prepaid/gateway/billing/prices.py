"""The prices at Stripe that our packs and plans stand behind. https://docs.stripe.com/api/prices"""

from __future__ import annotations

from typing import Any

from ..calls import Topic, ask, ask_for
from ..values import id_of
from .subscription_values import Price, price_of


class Prices(Topic):
    def mirror(
        self,
        key: str,
        title: str,
        *,
        amount_minor: int,
        currency: str,
        period: tuple[str, int] | None = None,
        terms: dict[str, str] | None = None,
    ) -> tuple[Price, bool]:
        """The price with this lookup key, made anew if it differs; whether it had to be made.

        Stripe's prices never change: the new one takes the key over, and who subscribed to the one before
        keeps it.

        :param period: Of a plan, ``("month", 3)``; a pack has none.
        :param terms: Metadata that has to be the same, too; ``None`` leaves it alone.
        """
        prices = self._v1.prices
        same_key = ask(lambda: prices.list({"lookup_keys": [key], "limit": 1})).data
        if same_key:
            price = price_of(same_key[0])
            if (price.amount_minor, price.currency, price.period) == (amount_minor, currency, period) and (
                terms is None or price.terms == terms
            ):
                return price, False
        params: dict[str, Any] = {
            "lookup_key": key,
            "transfer_lookup_key": True,
            "unit_amount": amount_minor,
            "currency": currency,
            **({"product": id_of(same_key[0].product)} if same_key else {"product_data": {"name": title}}),
        }
        if period is not None:
            params["recurring"] = {"interval": period[0], "interval_count": period[1]}
        if terms is not None:
            params["metadata"] = terms
        wanted: Any = params
        return price_of(ask(lambda: prices.create(wanted))), True

    def fetch_recurring(self, price_id: str) -> Price | None:
        """A plan's price; ``None`` if there is none, or if it is charged only once."""
        price = ask_for(lambda: self._v1.prices.retrieve(price_id))
        return price_of(price) if price is not None and price.recurring is not None else None
