"""Keys and budgets by the JSON API: their owner's page makes, limits and revokes them."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import URL

from prepaid_ledger import Unit

from .host import OWNER, Host

API = "/prepaid/api"


def call(browser: FlaskClient, method: str, path: str, **body: Any) -> Any:
    """What the signed-in customer's page is answered."""
    signed_in = {"X-Owner": OWNER}
    token = browser.get(f"{API}/session", headers=signed_in).get_json()["csrf_token"]
    json = None if method == "GET" else body
    answer = browser.open(API + path, method=method, json=json, headers={**signed_in, "X-CSRF-Token": token})
    return answer.get_json()


@pytest.fixture
def host(database: URL) -> Any:
    host = Host(database, unit=Unit("token", scale=3), PREPAID_JSON_API=True)
    yield host
    host.db.session.rollback()
    assert host.prepaid.audit() == []
    host.close()


def test_a_key_is_made_limited_and_revoked(host: Host) -> None:
    host.grant(5_000)
    browser = host.app.test_client()

    made = call(browser, "POST", "/keys", name="laptop", limit="1.5", every="day")
    listed = call(browser, "GET", "/keys")
    limited = call(browser, "PUT", "/budgets", limit=2, every="ever")
    unlimited = call(browser, "PUT", "/budgets", limit=None, every="ever")
    revoked = call(browser, "DELETE", f"/keys/{made['id']}")

    assert [(key["name"], key["spender"]) for key in listed["keys"]] == [("laptop", made["spender"])]
    assert [(budget["key"], budget["credits"]) for budget in listed["budgets"]] == [(made["id"], "1.500")]
    assert (limited["budgets"][0]["key"], limited["budgets"][0]["credits"]) == (None, "2.000")
    assert [budget["key"] for budget in unlimited["budgets"]] == [made["id"]]
    assert (revoked["keys"], revoked["budgets"]) == ([], [])
    assert call(browser, "GET", "/balance")["balance"] == "5.000"
    assert call(browser, "PUT", "/budgets", limit=1, key=999)["error"]["code"] == "not_found"
    assert call(browser, "PUT", "/budgets", limit="0.0001")["error"]["param"] == "limit"


def test_a_limit_is_taken_away_by_null_and_by_nothing_else(host: Host) -> None:
    browser = host.app.test_client()
    key = call(browser, "POST", "/keys", name="laptop", limit=9)["id"]

    for field, sent in (
        ("limit", {"key": key}),
        ("limit", {"key": key, "limit": False}),
        ("key", {"key": False, "limit": 3}),
    ):
        assert call(browser, "PUT", "/budgets", **sent)["error"]["param"] == field
    assert [budget["credits"] for budget in call(browser, "GET", "/keys")["budgets"]] == ["9.000"]
    assert call(browser, "PUT", "/budgets", key=key, limit=None)["budgets"] == []


def test_a_key_opens_none_of_it_also_in_the_browser_of_its_owner(host: Host) -> None:
    secret = host.make_key().secret
    headers = {"X-Owner": OWNER, "Authorization": f"Bearer {secret}"}

    for path in ("/balance", "/cards", "/session"):
        answer = host.app.test_client().get(API + path, headers=headers)

        assert answer.status_code == 401
        assert answer.get_json()["error"]["message"].startswith("An API key spends credits, and buys none.")
