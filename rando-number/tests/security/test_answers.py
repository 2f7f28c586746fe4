"""What every answer carries, and what none gives away."""

from __future__ import annotations

import logging
import re

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from rando_number.extensions import db
from rando_number.models import AuditLine, User

from ..running_shop import PASSWORD, RunningShop

EVERYWHERE = ("/", "/login", "/no-such-page", "/static/app.css", "/api/v1/balance", "/healthz", "/docs/api")


def paths(app: Flask, method: str) -> list[str]:
    """Every path that answers ``method``, with a number where it takes one."""
    return sorted(
        re.sub(r"<[^>]+>", "1", rule.rule)
        for rule in app.url_map.iter_rules()
        if method in (rule.methods or set())
    )


def test_no_form_is_taken_without_its_token(shop: RunningShop) -> None:
    customer = shop.customer()
    other = shop.customer("other@rando.test")
    stolen = re.search(r'name="csrf_token" value="([^"]+)"', other.get("/").text)
    assert stolen is not None
    of_programs = ("/api/v1/", "/prepaid/webhook")

    with shop.nothing_changes():
        for path in paths(shop.app, "POST"):
            if path.startswith(of_programs):
                continue
            for fields in ({}, {"csrf_token": "x"}, {"csrf_token": stolen[1]}):
                assert customer.client.post(path, data=fields).status_code == 400, path


def test_no_get_changes_anything(shop: RunningShop) -> None:
    customer = shop.customer()
    customer.make_key()
    selling = {"/api/v1/number/"}

    with shop.nothing_changes():
        for path in paths(shop.app, "GET"):
            if path not in selling:
                assert customer.get(path).status_code < 500, path

    assert customer.balance == 3


@pytest.mark.parametrize("path", EVERYWHERE)
def test_every_answer_has_a_content_security_policy(lasting_shop: RunningShop, path: str) -> None:
    answers = [lasting_shop.visitor().get(path) for _ in range(2)]

    policies = [answer.headers["Content-Security-Policy"] for answer in answers]
    for rule in ("default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
        assert rule in policies[0]
    assert "unsafe" not in policies[0]
    if not path.startswith("/api/"):
        assert policies[0] != policies[1], "the nonce is new each time"


def test_no_page_needs_what_the_policy_forbids(shop: RunningShop) -> None:
    customer = shop.customer()

    for path in ("/", "/user-profile", "/buy-credits", "/usage", "/api-keys", "/docs/api", "/change"):
        page = customer.get(path).text
        assert not re.search(r"\son\w+=", page), path
        assert "style=" not in page, path
        assert not re.search(r"<script(?![^>]*src=)", page), path
        assert not re.search(r'(src="|<link[^>]*href=")(https?:)?//(?!localhost)', page), path


def test_a_form_may_lead_to_stripes_page_and_nowhere_else(lasting_shop: RunningShop) -> None:
    policy = lasting_shop.visitor().get("/").headers["Content-Security-Policy"]

    assert "form-action 'self' http://127.0.0.1:12111;" in policy


def test_stripes_script_may_run_on_the_page_with_the_card_form_alone(shop: RunningShop) -> None:
    customer = shop.customer()

    policies = {
        path: customer.get(path).headers["Content-Security-Policy"]
        for path in ("/buy-credits/custom", "/buy-credits", "/cards", "/")
    }

    theirs = [path for path, policy in policies.items() if policy.count("http://127.0.0.1:12111") > 1]
    assert theirs == ["/buy-credits/custom"]
    assert "frame-src http://127.0.0.1:12111" in policies["/buy-credits/custom"]


@pytest.mark.parametrize("path", EVERYWHERE)
def test_no_answer_is_sniffed_framed_or_followed(lasting_shop: RunningShop, path: str) -> None:
    headers = lasting_shop.visitor().get(path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"


def test_https_stays_https(https_shop: RunningShop) -> None:
    answer = https_shop.app.test_client().get("/", base_url="https://localhost")

    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


def test_no_other_origin_may_read(lasting_shop: RunningShop) -> None:
    answer = lasting_shop.app.test_client().get("/api/v1/balance", headers={"Origin": "https://evil.example"})

    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize("path", EVERYWHERE)
def test_text_names_its_charset(lasting_shop: RunningShop, path: str) -> None:
    kind = lasting_shop.visitor().get(path).content_type

    assert "charset=utf-8" in kind or kind == "application/json"


def test_trace_is_not_answered(lasting_shop: RunningShop) -> None:
    assert lasting_shop.app.test_client().open("/", method="TRACE").status_code == 405


@pytest.mark.parametrize(
    "path", ["/.git/config", "/.env", "/metrics", "/console", "/debug", "/static/../config.py"]
)
def test_no_source_file_metric_or_console_is_served(lasting_shop: RunningShop, path: str) -> None:
    assert lasting_shop.visitor().get(path).status_code == 404


def test_no_cache_keeps_a_page_and_logout_clears_the_browser(shop: RunningShop) -> None:
    customer = shop.customer()

    for path in ("/", "/user-profile", "/api-keys", "/usage", "/buy-credits", "/usage.csv"):
        assert "no-store" in customer.get(path).headers["Cache-Control"], path
    assert '"cache"' in customer.send("/logout").headers["Clear-Site-Data"]


def test_what_a_customer_wrote_is_shown_as_text(shop: RunningShop) -> None:
    attack = '"><svg/onload=1>'
    customer = shop.customer()
    customer.make_key(attack)
    elsewhere = shop.visitor(HTTP_USER_AGENT=attack)
    elsewhere.login("pat@rando.test")
    elsewhere.draw()

    for path in paths(shop.app, "GET"):
        answer = customer.get(path)
        assert answer.mimetype == "application/json" or b"<svg/onload" not in answer.data, path
    assert "&lt;svg/onload" in customer.get("/api-keys").text
    assert "&lt;svg/onload" in customer.get("/sessions").text


def test_a_line_break_in_an_address_makes_no_mail_header(shop: RunningShop) -> None:
    for email in ("pat@rando.test\r\nBcc: all@rando.test", "pat\n@rando.test", "pat@rando.test\x00"):
        shop.visitor().register(email)
        shop.visitor().send("/reset", email=email)

    assert shop.rows()["users"] == 0
    assert not list((shop.data / "mails").glob("*"))


def test_no_secret_is_in_a_log_or_in_plain_in_the_database(
    shop: RunningShop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    customer = shop.customer()
    key = customer.make_key()
    shop.visitor().login("pat@rando.test", "canary-of-a-wrong-password")
    customer.client.get("/api/v1/balance", headers={"Authorization": f"Bearer {key}"})
    cookie = customer.client.get_cookie("session")
    assert cookie is not None

    kept = b"".join(file.read_bytes() for file in shop.data.glob("rando.sqlite3*"))
    for secret in (PASSWORD, key, "canary-of-a-wrong-password", "whsec_emulator", cookie.value):
        assert secret not in caplog.text
        assert secret.encode() not in kept


def test_what_a_failed_statement_was_given_is_not_in_what_is_logged_of_it(shop: RunningShop) -> None:
    shop.customer("pat@rando.test")

    with shop.app.app_context():
        db.session.add(User(email="pat@rando.test", password="a secret", fs_uniquifier="x"))
        with pytest.raises(IntegrityError) as failed:
            db.session.flush()

    assert "INSERT INTO users" in str(failed.value)
    assert "pat@rando.test" not in str(failed.value)
    assert "a secret" not in str(failed.value)


def test_each_action_has_an_audit_line_with_its_actor_and_address(shop: RunningShop) -> None:
    customer = shop.customer()
    customer.make_key()
    customer.send("/logout")
    customer.login("pat@rando.test", "wrong\nforged line")

    with shop.app.app_context():
        lines = list(db.session.scalars(select(AuditLine).order_by(AuditLine.id)))
    assert [line.action for line in lines] == [
        "registered",
        "signed_in",
        "key_made",
        "signed_out",
        "sign_in_refused",
    ]
    assert [line.actor for line in lines] == ["user:1"] * 4 + ["anonymous"]
    assert {line.address for line in lines} == {"127.0.0.1"}
    assert all(line.at.tzinfo is not None for line in lines)


def test_a_fault_of_ours_shows_its_request_id_and_nothing_else(shop: RunningShop) -> None:
    def fault() -> str:
        raise ZeroDivisionError("a canary in the trace")

    shop.app.add_url_rule("/fault", view_func=fault)
    shop.app.add_url_rule("/api/v1/fault", endpoint="api_fault", view_func=fault)

    page = shop.visitor().get("/fault")
    envelope = shop.visitor().get("/api/v1/fault")

    assert (page.status_code, envelope.status_code) == (500, 500)
    for answer in (page, envelope):
        assert "canary" not in answer.text
        assert "Traceback" not in answer.text
    assert page.headers["X-Request-Id"] in page.text
    assert page.headers["Content-Security-Policy"]
    assert envelope.json == {
        "status": "FAILURE",
        "error": {
            "code": "server_error",
            "message": "Something went wrong on our side. We have kept a note of it. Try again in a moment.",
        },
    }
