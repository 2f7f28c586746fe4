"""Credits with decimals: whole numbers in the books, 0.125 for people and programs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import URL

from flask_prepaid import Operator, Operators, Pack, Prepaid, PriceTier, Quantity, Role
from flask_prepaid.errors import ConfigError
from flask_prepaid.reports.sums import counting
from flask_prepaid.testing import Databases
from prepaid_ledger import Rates, Unit

UNIT = Unit("credit", scale=3)
JSON = {"X-Owner": "user:1", "Accept": "application/json"}


@pytest.fixture
def url(databases: Databases) -> URL:
    return databases.fresh("sqlite")


def test_people_and_programs_read_decimals(url: URL) -> None:
    app = Flask("shop")
    app.config.update(TESTING=True, SECRET_KEY="of the tests", SQLALCHEMY_DATABASE_URI=url)
    db = SQLAlchemy(app)
    packs = [Pack("ten", credits=UNIT.parts("10"), amount_minor=1_000)]
    prepaid = Prepaid(app, db, packs=packs, owner=lambda: request.headers.get("X-Owner"), unit=UNIT)

    @app.get("/call")
    @prepaid.costs(125)
    def call() -> ResponseReturnValue:
        return jsonify(fine=True)

    with app.app_context():
        prepaid.grant("user:1", UNIT.parts("0.2"), key="gift", reason="a gift")
        prepaid.set_budget("user:1", UNIT.parts("0.3"))
        db.session.commit()
        browser = app.test_client()
        assert browser.get("/call", headers=JSON).status_code == 200
        poor = browser.get("/call", headers=JSON)
        page = browser.get("/call", headers={**JSON, "Accept": "text/html"})
        prepaid.grant("user:1", UNIT.parts("1"), key="gift:2", reason="a gift")
        db.session.commit()
        assert browser.get("/call", headers=JSON).status_code == 200
        over = browser.get("/call", headers=JSON)
        shop = browser.get("/prepaid/buy", headers={"X-Owner": "user:1"})
        assert prepaid.audit() == []
        db.session.remove()
        db.engine.dispose()

    error = poor.get_json()["error"]
    assert (poor.status_code, error["needed"], error["balance"]) == (402, "0.125", "0.075")
    assert "0.125 credits are needed, 0.075 are available" in page.text
    error = over.get_json()["error"]
    assert (error["code"], error["budget"], error["left"]) == ("budget_exceeded", "0.300", "0.050")
    assert "has 0.05 left, and 0.125 are needed" in error["message"]
    assert "<strong>0.95</strong> credits" in shop.text
    assert "10 credits" in shop.text
    assert "$1.00 a credit" in shop.text


def test_an_operators_tables_and_the_list_of_codes_have_decimals(url: URL) -> None:
    app = Flask("shop")
    app.config.update(TESTING=True, SECRET_KEY="of the tests", SQLALCHEMY_DATABASE_URI=url)
    db = SQLAlchemy(app)
    packs = [Pack("ten", credits=UNIT.parts("10"), amount_minor=1_000)]
    operators = Operators(current=lambda: Operator("operator:1", Role.ADMIN))
    prepaid = Prepaid(app, db, packs=packs, owner=lambda: "user:1", unit=UNIT, operators=operators)
    words = ("prepaid", "codes", "make", "fair", "--credits", "1250", "--reason", "the fair")
    assert app.test_cli_runner().invoke(args=words).exit_code == 0
    with app.app_context():
        prepaid.redeem("user:1", "fair")
        db.session.commit()
        counting.catch_up(prepaid)

    def printed(*args: str) -> str:
        return app.test_cli_runner().invoke(args=["prepaid", *args]).stdout

    listed = printed("codes", "list")
    browser = app.test_client()

    assert "1.25 each" in listed
    assert "gave 1.25" in listed
    (code,) = json.loads(printed("codes", "list", "--json"))["codes"]
    assert (code["credits"], code["given"]) == ("1.250", "1.250")
    report = json.loads(printed("report", "credits", "--json"))
    assert (report["totals"][0]["given"], report["outstanding"]) == ("1.250", "1.250")
    assert ",1.250," in printed("report", "credits", "--csv")
    assert " 1.250 " in printed("report", "credits")
    (row,) = json.loads(printed("report", "codes", "--json"))["rows"]
    assert (row["claims"], row["credits"]) == (1, "1.250")
    owner = json.loads(printed("show", "user:1", "--json"))
    assert owner["wallet"]["balance"] == owner["entries"][0]["credits"] == "1.250"
    assert ",1.250,0.000," in browser.get("/prepaid/admin/customers.csv").text
    assert "fair,1,1,1.250,0.000" in browser.get("/prepaid/admin/codes.csv").text


def test_rates_of_another_scale_are_refused(url: URL) -> None:
    app = Flask("shop")
    app.config.update(TESTING=True, SECRET_KEY="of the tests", SQLALCHEMY_DATABASE_URI=url)
    db = SQLAlchemy(app)
    prepaid = Prepaid(app, db, owner=lambda: "user:1", unit=UNIT)
    rates = Rates({"call": "1"}, version="2026-11")

    with app.app_context():
        prepaid.grant("user:1", UNIT.parts("2"), key="gift", reason="a gift")
        db.session.commit()
        with pytest.raises(ValueError, match=r"scale 0, and credits have scale 3 here: write Rates\("):
            prepaid.meter("user:1", key="chat:1", item="call", rates=rates)
        with pytest.raises(ValueError, match="scale 0"):
            prepaid.spend("user:1", price=rates.price("call"), key="call:1")
        assert prepaid.available("user:1") == 2_000
        assert prepaid.audit() == []
        db.engine.dispose()


@pytest.mark.parametrize(
    ("terms", "sentence"),
    [
        ({"unit": "token"}, 'Write Unit("credit", scale=3) there'),
        ({"unit": UNIT, "quantity": Quantity((PriceTier(1, 8),), min_credits=10)}, "Sell packs"),
    ],
)
def test_a_unit_that_does_not_fit_is_refused(terms: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        Prepaid(**terms)
    assert sentence in str(refusal.value)
