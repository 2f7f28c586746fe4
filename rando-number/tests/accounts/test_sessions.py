"""Sessions: how they begin, how long they last, and how they are ended."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urljoin, urlsplit

import pytest
from sqlalchemy import update

from rando_number.accounts import sign_ins
from rando_number.columns import utc_now
from rando_number.extensions import db
from rando_number.models import SignIn, User

from ..reading import forms
from ..running_shop import PASSWORD, Program, RunningShop, Visitor


def copy_of(visitor: Visitor) -> Visitor:
    """Another browser with a copy of the visitor's cookie."""
    cookie = visitor.client.get_cookie("session")
    assert cookie is not None
    thief = visitor.shop.visitor()
    thief.client.set_cookie("session", cookie.value)
    return thief


def is_in(visitor: Visitor) -> bool:
    return visitor.get("/user-profile").status_code == 200


def test_the_cookie_is_a_new_one_after_sign_in(shop: RunningShop) -> None:
    shop.customer("pat@rando.test")
    visitor = shop.visitor()
    visitor.get("/login")
    planted = copy_of(visitor)

    visitor.login("pat@rando.test")

    assert is_in(visitor)
    assert not is_in(planted)


def test_a_copy_of_the_cookie_is_dead_after_logout(shop: RunningShop) -> None:
    customer = shop.customer()
    thief = copy_of(customer)
    assert is_in(thief)

    customer.send("/logout")

    assert not is_in(customer)
    assert not is_in(thief)
    assert shop.actions()[-1] == "signed_out"


def test_a_blocked_customer_is_signed_out_at_once(shop: RunningShop) -> None:
    customer = shop.customer()
    program = Program(shop, customer.make_key())

    with shop.app.app_context():
        db.session.execute(update(User).values(active=False))
        db.session.commit()

    assert not is_in(customer)
    assert program.get("/number/").status_code == 401
    assert shop.visitor().login("pat@rando.test").status_code == 200


def test_a_new_password_ends_the_other_sessions(shop: RunningShop) -> None:
    customer = shop.customer()
    other = shop.visitor()
    other.login("pat@rando.test")

    customer.send(
        "/change", password=PASSWORD, new_password="zq7-zq7-zq7", new_password_confirm="zq7-zq7-zq7"
    )

    assert is_in(customer)
    assert not is_in(other)


def test_a_session_ends_by_itself(shop: RunningShop) -> None:
    customer = shop.customer()
    with shop.app.app_context():
        db.session.execute(update(SignIn).values(created_at=utc_now() - sign_ins.LASTS))
        db.session.commit()

    assert not is_in(customer)


def test_a_session_that_nobody_uses_ends_sooner(shop: RunningShop) -> None:
    customer = shop.customer()

    shop.app.permanent_session_lifetime = timedelta(seconds=-1)

    assert not is_in(customer)


def test_a_session_that_is_used_goes_on_and_only_the_first_visit_of_a_day_sends_it(shop: RunningShop) -> None:
    customer = shop.customer()
    customer.get("/user-profile")  # shows what the session was to tell

    today = [customer.get(path).headers.get("Set-Cookie") for path in ("/", "/static/number.js")]
    with customer.client.session_transaction(base_url="http://localhost") as session:
        session[sign_ins.RENEWED] = (utc_now() - timedelta(days=1)).date().isoformat()
    tomorrow = [customer.get("/user-profile").headers.get("Set-Cookie") for _ in range(2)]

    assert today == [None, None]
    assert "Expires=" in (tomorrow[0] or "")
    assert tomorrow[1] is None


def test_sessions_are_listed_and_ended_one_by_one(shop: RunningShop) -> None:
    customer = shop.customer()
    other = shop.visitor(HTTP_USER_AGENT="Netscape 4")
    other.login("pat@rando.test")

    assert "Netscape 4" in customer.get("/sessions").text
    customer.send("/sessions/end", form_of="/sessions")

    assert is_in(customer)
    assert not is_in(other)
    assert "Netscape 4" not in customer.get("/sessions").text


def test_every_other_session_is_ended_at_once(shop: RunningShop) -> None:
    customer = shop.customer()
    others = [shop.visitor() for _ in range(3)]
    for other in others:
        other.login("pat@rando.test")

    customer.send("/sessions/end", form_of="/sessions", id="")

    assert is_in(customer)
    assert not any(map(is_in, others))


def test_to_sign_out_everywhere_ends_this_session_too_and_no_key(shop: RunningShop) -> None:
    customer = shop.customer()
    program = Program(shop, customer.make_key())
    others = [shop.visitor() for _ in range(2)]
    for other in others:
        other.login("pat@rando.test")
    thief = copy_of(customer)

    answer = customer.send("/sessions/end-all", form_of="/sessions")

    assert answer.location == "/login"
    assert "Clear-Site-Data" in answer.headers
    assert not any(map(is_in, [customer, thief, *others]))
    assert program.get("/balance").status_code == 200


def test_a_sign_in_after_an_expired_session_leads_back_to_the_page(shop: RunningShop) -> None:
    customer = shop.customer()
    fields = forms(customer.get("/api-keys").text)["/api-keys"]
    elsewhere = shop.visitor()
    elsewhere.login("pat@rando.test")
    elsewhere.send("/sessions/end", form_of="/sessions", id="")

    with shop.nothing_changes():
        refused = [customer.client.post("/api-keys", data={**fields, "name": "job"})]
        refused.append(customer.client.get("/usage?kind=spend&key=site"))

    back = []
    for answer in refused:
        sign_in = shop.visitor()
        hidden = forms(sign_in.client.get(answer.location).text)["/login"]
        fields = {**hidden, "email": "pat@rando.test", "password": PASSWORD}
        back.append(sign_in.client.post("/login", data=fields).location)
    assert back == ["/api-keys", "/usage?kind=spend&key=site"]


def test_an_operator_ends_the_sessions_of_one_customer_or_of_all(shop: RunningShop) -> None:
    pat, kim = shop.customer("pat@rando.test"), shop.customer("kim@rando.test")
    runner = shop.app.test_cli_runner()

    for_pat = runner.invoke(args=["rando", "end-sessions", "Pat@rando.test"])

    assert (for_pat.exit_code, for_pat.output) == (0, "1 sessions have ended.\n")
    assert not is_in(pat)
    assert is_in(kim)
    assert runner.invoke(args=["rando", "end-sessions", "--everybody"]).exit_code == 0
    assert not is_in(kim)
    assert shop.actions().count("sign_in_ended") == 2


def test_the_command_that_ends_sessions_refuses_an_unclear_choice(shop: RunningShop) -> None:
    customer = shop.customer("pat@rando.test")
    runner = shop.app.test_cli_runner()

    for words in ([], ["pat@rando.test", "--everybody"], ["nobody@rando.test"]):
        assert runner.invoke(args=["rando", "end-sessions", *words]).exit_code != 0

    assert is_in(customer)


def test_the_cookie_is_locked_to_this_host_over_https(https_shop: RunningShop) -> None:
    page = https_shop.app.test_client().get("/login", base_url="https://localhost")

    parts = page.headers["Set-Cookie"].split("; ")
    assert parts[0].startswith("__Host-session=")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(parts)


def test_a_sign_in_leads_back_only_to_our_own_pages(shop: RunningShop) -> None:
    shop.customer("pat@rando.test")
    elsewhere = [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "https:evil.example",
        "https:/evil.example",
        "https://evil.example",
        "http://localhost@evil.example",
        "http://localhost.evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "%0d%0aLocation: //evil.example",
        "/%0d%0aevil",
        " //evil.example",
    ]

    for target in elsewhere:
        let_in = shop.visitor().send("/login", next=target, email="pat@rando.test", password=PASSWORD)
        location = let_in.headers.get("Location", "/")
        assert urlsplit(urljoin("http://localhost/login", location)).netloc == "localhost", (target, location)
        assert "\n" not in location


def test_sessions_outlive_a_new_secret_key(shop: RunningShop) -> None:
    customer = shop.customer()
    old = shop.app.config["SECRET_KEY"]

    renewed = RunningShop(shop.data / "renewed", SECRET_KEY="n" * 40, SECRET_KEY_BEFORE=old)
    shop.app.config.update(
        SECRET_KEY=renewed.app.config["SECRET_KEY"],
        SECRET_KEY_FALLBACKS=renewed.app.config["SECRET_KEY_FALLBACKS"],
    )

    assert is_in(customer)


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
            "Firefox on Windows",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
            "Edge on Mac",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/26.0 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        ("curl/8.11.1", "curl/8.11.1"),
        ("", "unknown"),
    ],
)
def test_a_session_is_named_by_its_browser_and_system(shop: RunningShop, user_agent: str, words: str) -> None:
    shop.customer("pat@rando.test")
    visitor = shop.visitor(HTTP_USER_AGENT=user_agent)
    visitor.login("pat@rando.test")

    assert f">{words}</td>" in visitor.get("/sessions").text
