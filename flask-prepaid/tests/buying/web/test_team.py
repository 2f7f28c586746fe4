"""An owner who is many people: each spends within a budget, and some of them pay."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import URL
from werkzeug.test import TestResponse

from flask_prepaid import Pack, Plan, Prepaid, Team
from flask_prepaid.errors import ConfigError
from stripe_emulator import Emulator

#: Who pays for ``org:7``, and who does not.
NAMES = {"member:1": "Ann", "member:2": "Bob"}
PAYS = "member:1"
PAGE = {"Accept": "text/html"}


def a_report() -> str:
    return "A report."


class Shop:
    """One app, whose customers are teams. Headers stand for the sign-in."""

    def __init__(self, database: URL) -> None:
        self.stripe = Emulator()
        self.mails: list[str] = []
        self.asked_who_pays: list[str] = []
        self.app = Flask("shop")
        self.app.config.update(
            TESTING=True,
            SECRET_KEY="of the tests",
            SQLALCHEMY_DATABASE_URI=database,
            PREPAID_JSON_API=True,
            PREPAID_BASE_URL="https://shop.example",
        )
        self.db = SQLAlchemy(self.app)
        self.prepaid = Prepaid(
            self.app,
            self.db,
            packs=[Pack("team", credits=100, amount_minor=5_000)],
            plans=[Plan("monthly", credits=100, amount_minor=2_000)],
            owner=lambda: request.headers.get("X-Team"),
            team=Team(
                member=lambda: request.headers.get("X-Member"),
                pays=self.pays,
                labels=lambda spenders: {each: NAMES[each] for each in spenders if each in NAMES},
            ),
            keys=True,
            email=lambda owner: "ann@acme.example",
            mail=lambda address, subject, text: self.mails.append(text),
            http_client=self.stripe.http_client(),
        )
        self.app.add_url_rule("/", "home", lambda: "Home.")
        self.app.add_url_rule("/report", "report", self.prepaid.costs(3)(a_report))
        self.context = self.app.app_context()
        self.context.push()
        self.prepaid.upgrade()
        self.prepaid.grant("org:7", 100, key="pilot", reason="Pilot")
        self.prepaid.set_budget("org:7", 7, spender="member:2", every="month", zone="Europe/Berlin")
        self.db.session.commit()

    def pays(self) -> bool:
        member = request.headers["X-Member"]
        self.asked_who_pays.append(member)
        return member == PAYS

    def browser(self, member: str) -> FlaskClient:
        browser = self.app.test_client()
        browser.environ_base |= {"HTTP_X_TEAM": "org:7", "HTTP_X_MEMBER": member}
        return browser


@pytest.fixture
def shop(database: URL) -> Iterator[Shop]:
    shop = Shop(database)
    yield shop
    shop.db.session.rollback()
    assert shop.prepaid.audit() == []
    shop.db.session.remove()
    shop.db.engine.dispose()
    shop.context.pop()


def report(shop: Shop, member: str, **headers: str) -> TestResponse:
    return shop.browser(member).get("/report", headers=headers)


def test_a_view_with_a_price_keeps_to_the_budget_of_the_member_who_asks(shop: Shop) -> None:
    assert [report(shop, "member:2").status_code for _ in range(3)] == [200, 200, 402]
    assert [report(shop, "member:1").status_code for _ in range(3)] == [200, 200, 200]

    spent = {entry.spender for entry in shop.prepaid.entries("org:7", kind="spend")}
    assert spent == {"member:1", "member:2"}
    (budget,) = shop.prepaid.budgets("org:7")
    assert (budget.spent, budget.left) == (6, 1)


def test_a_call_by_key_spends_as_the_key_whoever_made_it(shop: Shop) -> None:
    key = shop.prepaid.make_key("org:7", name="nightly job")
    shop.db.session.commit()

    answer = shop.app.test_client().get("/report", headers={"Authorization": f"Bearer {key.secret}"})

    assert answer.status_code == 200
    assert shop.prepaid.entries("org:7", 1)[0].spender == key.spender


def test_a_member_reads_their_own_name_and_no_button_that_does_not_help(shop: Shop) -> None:
    shop.prepaid.set_budget("org:7", 0, spender="member:2", every="month", zone="Europe/Berlin")
    shop.db.session.commit()

    page = report(shop, "member:2", **PAGE)
    program = report(shop, "member:2")

    assert page.status_code == program.status_code == 402
    assert '<h1 class="mb-3">The limit is reached</h1>' in page.text
    assert "The limit of Bob, 0 credits a month, has 0 left, and this needs 3." in page.text
    assert "00:00 (Europe/Berlin)" in page.text
    assert "/prepaid/buy" not in page.text
    assert program.json is not None
    assert (program.json["error"]["spender"], program.json["error"]["code"]) == (
        "member:2",
        "budget_exceeded",
    )


def test_who_does_not_pay_is_told_whom_to_ask_when_the_credits_are_used_up(shop: Shop) -> None:
    shop.prepaid.spend_now("org:7", credits=99, key="all but one")
    shop.prepaid.set_budget("org:7", None, spender="member:2", every="month")
    shop.db.session.commit()

    member, payer = (report(shop, name, **PAGE).text for name in ("member:2", PAYS))
    programs = [report(shop, name).json or {} for name in ("member:2", PAYS)]

    assert "Ask one of those who pay for your team." in member
    assert "/prepaid/buy" not in member
    assert 'href="/prepaid/buy"' in payer
    assert [("buy_url" in program["error"]) for program in programs] == [False, True]


CUSTOMERS_PAGES = ["buy", "billing", "cards", "plan", "keys", "keys/limits", "redeem", "alerts", "endpoints"]


@pytest.mark.parametrize("path", [*CUSTOMERS_PAGES, "api/session", "api/keys", "return?session_id=cs_test_1"])
def test_only_those_who_pay_open_what_is_paid_for(shop: Shop, path: str) -> None:
    refused = shop.browser("member:2").get(f"/prepaid/{path}", headers=PAGE)
    assert refused.status_code == 403
    assert "Only those who pay for your team can open this." in refused.text
    if path in CUSTOMERS_PAGES:
        assert 'href="/prepaid/' not in refused.text.replace('href="/prepaid/static', "")
        assert shop.browser(PAYS).get(f"/prepaid/{path}", headers=PAGE).status_code == 200
        assert shop.app.test_client().get(f"/prepaid/{path}").status_code == 401


def test_a_member_learns_what_is_left_for_them_and_of_nobody_else(shop: Shop) -> None:
    shop.prepaid.set_budget("org:7", 90, every="day")
    shop.prepaid.set_budget("org:7", 5, spender="member:3")
    shop.db.session.commit()
    assert report(shop, "member:2").status_code == 200

    answer = shop.browser("member:2").get("/prepaid/api/budgets").json

    assert answer is not None
    assert answer["available"] == 97
    limits = [(budget["spender"], budget["credits"], budget["spent"]) for budget in answer["budgets"]]
    assert limits == [(None, 90, 3), ("member:2", 7, 3)]
    assert shop.app.test_client().get("/prepaid/api/budgets").status_code == 401
    of_bob = shop.prepaid.budgets("org:7", spender="member:2")
    assert [(budget.spender, budget.left) for budget in of_bob] == [(None, 87), ("member:2", 4)]


def test_usage_has_what_the_host_calls_each_member(shop: Shop) -> None:
    assert [report(shop, member).status_code for member in NAMES] == [200, 200]

    answer = shop.browser(PAYS).get("/prepaid/api/usage?by=spender").json

    assert answer is not None
    assert [(row["spender"], row["name"]) for row in answer["usage"]] == [*NAMES.items()]


def test_the_host_says_once_a_request_whether_who_asks_pays(shop: Shop) -> None:
    shop.browser(PAYS).get("/prepaid/billing", headers=PAGE)
    shop.browser("member:2").get("/prepaid/billing", headers=PAGE)
    shop.browser(PAYS).get("/prepaid/billing", headers=PAGE)

    assert shop.asked_who_pays == [PAYS, "member:2", PAYS]


def test_a_member_makes_no_key_that_would_get_round_their_budget(shop: Shop) -> None:
    refused = shop.browser("member:2").post("/prepaid/keys", data={"name": "mine"})

    assert refused.status_code == 403
    assert refused.json is not None
    assert refused.json["error"]["code"] == "payers_only"
    assert shop.prepaid.keys("org:7") == []


def test_alerts_and_their_mails_call_a_member_by_name(shop: Shop) -> None:
    shop.prepaid.set_alert("org:7", "budget", 80, spender="member:2", every="month")
    assert "80 % spent of 7 credits a month, of Bob" in shop.browser(PAYS).get("/prepaid/alerts").text

    assert [report(shop, "member:2").status_code for _ in range(2)] == [200, 200]
    shop.app.test_cli_runner().invoke(args=["prepaid", "tick"])

    (mail,) = shop.mails
    assert "Bob has spent 6 of a limit of 7 credits a month." in mail


def test_a_member_adds_no_line_to_a_mail_by_their_name(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NAMES, "member:2", "Bob\n\nLog in again: https://evil.example/\n\n")
    shop.prepaid.set_alert("org:7", "budget", 80, spender="member:2", every="month")

    assert [report(shop, "member:2").status_code for _ in range(2)] == [200, 200]
    shop.app.test_cli_runner().invoke(args=["prepaid", "tick"])

    (mail,) = shop.mails
    assert "Bob Log in again: https://evil.example/ has spent 6 of a limit of 7 credits a month." in mail
    assert not [line for line in mail.splitlines() if line.startswith("Log in again")]


def test_stripes_events_come_in_without_a_member(shop: Shop) -> None:
    shop.stripe.connect(shop.app, "/prepaid/webhook")
    url = shop.prepaid.checkout(
        "org:7", pack="team", success_url="https://shop.example/", cancel_url="https://shop.example/"
    )

    shop.stripe.pay(url.rpartition("/")[2])

    assert shop.prepaid.balance("org:7") == 200


def test_a_member_who_can_be_no_spender_stops_the_call_with_a_sentence(shop: Shop) -> None:
    with pytest.raises(ConfigError, match=r"What Team\(member=\.\.\.\) gave is 'm.*Give a text of 1 to 64"):
        report(shop, "m" * 65)
    assert shop.prepaid.balance("org:7") == 100


def test_a_member_who_is_called_as_a_key_is_does_not_spend_as_it(shop: Shop) -> None:
    key = shop.prepaid.make_key("org:7", name="nightly job")
    shop.db.session.commit()

    with pytest.raises(ConfigError, match=r"gave is 'key:1'\. That is an API key"):
        report(shop, key.spender)
    assert shop.prepaid.balance("org:7") == 100


def test_support_sees_who_spent_on_what_and_what_is_left(shop: Shop) -> None:
    key = shop.prepaid.make_key("org:7", name="nightly job")
    shop.prepaid.set_budget("org:7", 500)
    shop.prepaid.set_budget("org:7", 9, spender=key.spender)
    shop.prepaid.spend("org:7", credits=2, key="a", item="chat", spender="member:2")
    shop.prepaid.spend("org:7", credits=1, key="b", spender="member:8")
    shop.prepaid.spend("org:7", credits=4, key="c", spender=key.spender)
    shop.prepaid.spend("org:7", credits=3, key="d")
    shop.db.session.commit()

    show = shop.app.test_cli_runner()
    lines = show.invoke(args=["prepaid", "show", "org:7"]).stdout.splitlines()
    as_json = json.loads(show.invoke(args=["prepaid", "show", "org:7", "--json"]).stdout)

    budgets = lines[lines.index("Budgets:") + 1 : lines.index("Last entries:")]
    assert budgets[0] == "  the whole wallet: 490 of 500 left"
    assert f"  nightly job ({key.spender}): 5 of 9 left" in budgets
    assert any(line.startswith("  Bob (member:2): 5 of 7 left, begins anew 2") for line in budgets)
    (by_bob,) = (line for line in lines if "  a  " in line)
    assert by_bob.endswith("  a  by Bob (member:2)  for chat")
    assert [line for line in lines if line.endswith("  b  by member:8")]
    assert [line for line in lines if line.endswith(f"  c  by nightly job ({key.spender})")]
    assert [line for line in lines if line.endswith("  d")]
    by_key = {entry["key"]: (entry["spender"], entry["name"], entry["item"]) for entry in as_json["entries"]}
    assert by_key["a"] == ("member:2", "Bob", "chat")
    assert by_key["d"] == (None, None, None)
    assert {budget["name"]: budget["left"] for budget in as_json["budgets"]} == {
        None: 490,
        "Bob": 5,
        "nightly job": 5,
    }
