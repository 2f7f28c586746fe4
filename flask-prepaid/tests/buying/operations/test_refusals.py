"""What Stripe refuses is heard: by the log, by the customer or operator, and by ``doctor``."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
import stripe
from flask_migrate import Migrate
from sqlalchemy import update

from flask_prepaid import include_name
from flask_prepaid.payments.models import Refusal
from prepaid_ledger import clock
from stripe_emulator import Emulator

from ..shop import Shop, ShopWith


class Refusing(stripe.HTTPClient):
    """Stripe, which refuses every request that makes an object of one path, with these words."""

    name = "refusing"
    words = "Your account cannot make live charges, jo@mail.example: sk_test_shop is restricted."

    def __init__(self, path: str = "checkout/sessions") -> None:
        super().__init__()
        self.path = path
        self.emulator = Emulator()
        self.stripe = self.emulator.http_client()
        self.on = True

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, **_: Any) -> Any:
        if not self.on or method != "post" or self.path not in url:
            return self.stripe.request(method, url, headers, post_data)
        error = {"message": self.words, "type": "invalid_request_error", "code": "account_x"}
        return json.dumps({"error": error}), 400, {"request-id": "req_refused", "Request-Id": "req_refused"}

    def close(self) -> None:
        """Nothing is held open."""


def refused_sales(shop_with: ShopWith, times: int) -> Shop:
    shop = shop_with(http_client=(client := Refusing()), emulator=client.emulator)
    for _ in range(times):
        answer = shop.send_form(shop.browser(), "/prepaid/buy", pack="starter")
        assert answer.status_code == 502
        assert "req_refused" in answer.text
        assert "sk_test" not in answer.text
    client.on = False
    return shop


def test_a_refused_sale_is_logged_once_with_stripes_words_and_nothing_secret(
    shop_with: ShopWith, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        refused_sales(shop_with, 1)

    (record,) = [record for record in caplog.records if "refuse" in record.getMessage()]
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        "Stripe refuses: Your account cannot make live charges, ...: sk_... is restricted. "
        "(code account_x, request req_refused)"
    )


def test_doctor_counts_refusals_for_a_day(shop_with: ShopWith) -> None:
    shop = refused_sales(shop_with, 3)

    sentence = "Refused 3 times within a day, for account_x: Your account cannot make live charges"
    assert sentence in shop.command("doctor").stderr
    assert "request req_refused" in shop.command("doctor").stderr

    yesterday = clock.wall() - timedelta(days=1, minutes=1)
    with shop.app.app_context():
        shop.prepaid.session.execute(update(Refusal).values(last_at=yesterday))
        shop.prepaid.session.commit()
    assert shop.command("doctor").stderr.startswith("Nothing is wrong")


def test_refusals_are_forgotten_after_a_month(shop_with: ShopWith) -> None:
    shop = refused_sales(shop_with, 1)
    with shop.app.app_context():
        shop.prepaid.session.execute(update(Refusal).values(last_at=clock.wall() - timedelta(days=31)))
        shop.prepaid.session.commit()

    shop.tick()

    with shop.app.app_context():
        assert shop.prepaid.session.query(Refusal).count() == 0


def test_what_our_own_limits_refuse_is_counted_too(shop_with: ShopWith) -> None:
    shop = shop_with(PREPAID_ATTEMPTS_PER_HOUR=1)
    shop.buy()

    assert shop.send_form(shop.browser(), "/prepaid/buy", pack="starter").status_code == 429

    assert "Refused 1 time within a day, for too_many_attempts" in shop.command("doctor").stderr


def test_what_is_only_gone_is_no_refusal(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    with shop.app.app_context():
        assert shop.prepaid.gateway.checkout.fetch("cs_test_gone") is None

    assert "refuse" not in caplog.text
    assert "Nothing is wrong" in shop.command("doctor").stderr


@pytest.mark.parametrize("is_told", [False, True])
def test_doctor_sees_whether_the_hosts_migrations_would_drop_our_tables(shop: Shop, is_told: bool) -> None:
    Migrate(shop.app, shop.db, **({"include_name": include_name} if is_told else {}))

    findings = shop.command("doctor").stderr

    assert ("`flask db migrate` would drop the prepaid_* tables" in findings) is not is_told
