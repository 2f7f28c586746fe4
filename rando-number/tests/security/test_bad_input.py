"""Every route with what nobody should send: no 500, and nothing changes.

Each path is sent some of it, others than its neighbours; ``./dev campaign every_case`` sends all to each.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urlencode

import pytest

from ..bad_input import BAD_INPUT, some
from ..reading import forms
from ..running_shop import SAME_ORIGIN, Program, RunningShop
from .malformed import BASE_URL, ProductionShop

#: Each would change an answer, or take long, where text became a piece of SQL.
INJECTED = [
    "{0}' OR '1'='1",
    "{0}' AND '1'='2",
    "{0}'; DROP TABLE users; --",
    '{0}" OR "1"="1',
    "{0}) OR (1=1",
    "{0}' || '",
]

#: Fields and parameters that some route reads.
NAMES = ["id", "pack", "credits", "limit", "cursor", "from", "to", "by", "min", "max", "session_id", "next"]


@pytest.mark.parametrize("signed_in", [True, False], ids=["signed in", "not signed in"])
def test_no_query_breaks_a_page_or_changes_anything(shop: RunningShop, signed_in: bool) -> None:
    visitor = shop.customer() if signed_in else shop.visitor()
    paths = sorted(
        {re.sub(r"<[^>]+>", "1", rule.rule) for rule in shop.app.url_map.iter_rules()} - {"/api/v1/number/"}
    )

    with shop.nothing_changes():
        for path in paths:
            for bad in some(BAD_INPUT, f"{path} {signed_in}"):
                answer = visitor.client.get(
                    path, query_string=dict.fromkeys(NAMES, bad), headers=SAME_ORIGIN, buffered=True
                )
                assert answer.status_code < 500, (path, bad)
                assert "49" not in answer.headers.get("Location", "")


def test_no_form_breaks_a_page_or_changes_anything(shop: RunningShop) -> None:
    customer = shop.customer()
    token = re.search(r'name="csrf_token" value="([^"]+)"', customer.get("/").text)
    assert token is not None
    spared = {
        "/number",
        "/logout",
        "/sessions/end",
        "/sessions/end-all",
        "/api/v1/numbers",
        "/mf-recovery-codes",
        "/cards/add",
    }
    spared |= {"/sessions/end-all", "/close-account", "/billing"}  # a company may have any name
    paths = {
        re.sub(r"<[^>]+>", "1", rule.rule)
        for rule in shop.app.url_map.iter_rules()
        if "POST" in (rule.methods or set())
    }

    with shop.nothing_changes():
        for path in sorted(paths - spared):
            for bad in some(BAD_INPUT, path):
                fields = {**dict.fromkeys([*NAMES, "email", "password", "code", "setup"], bad)}
                answer = customer.client.post(path, data={**fields, "csrf_token": token[1]})
                assert answer.status_code < 500, (path, bad)


@pytest.mark.parametrize("any_shop", ["postgresql"], indirect=True)
def test_a_text_that_postgresql_cannot_keep_is_refused(any_shop: RunningShop) -> None:
    """It takes no NUL in a text, no whole number beyond 64 bits, and no half of a character."""
    customer = any_shop.customer()
    token = re.search(r'name="csrf_token" value="([^"]+)"', customer.get("/").text)
    assert token is not None
    rules = [rule for rule in any_shop.app.url_map.iter_rules() if not rule.rule.startswith("/static")]
    names = [*NAMES, "name", "email", "password", "code", "setup", "credential", "key", "kind", "saved_card"]
    spared = {"/number", "/logout", "/sessions/end-all", "/api/v1/number/", "/api/v1/numbers"}
    spared |= {"/mf-recovery-codes", "/cards/add", "/close-account"}

    for bad in ("a\x00b", str(2**63), "\ud800"):
        for rule in rules:
            path = re.sub(r"<(int:)?[^>]+>", lambda part: "1" if part[1] else "a%00b", rule.rule)
            if rule.rule in spared:
                continue
            fields = dict.fromkeys(names, bad.encode("utf-8", "surrogatepass"))
            if "GET" in (rule.methods or ()):
                answer = customer.client.get(
                    path, query_string=urlencode(fields), headers=SAME_ORIGIN, buffered=True
                )
                assert answer.status_code < 500, (path, bad)
            if "POST" in (rule.methods or ()):
                body = urlencode({**fields, "csrf_token": token[1]})
                kind = "application/x-www-form-urlencoded"
                sent = customer.client.post(path, data=body, content_type=kind)
                assert sent.status_code < 500, (path, bad)


def test_a_malformed_answer_of_a_passkey_is_refused(shop: RunningShop) -> None:
    customer, visitor = shop.customer(), shop.visitor()
    made = customer.send("/passkeys", name="phone", usage="first").text
    challenge = visitor.send("/login/passkey").text
    response = {
        "attestationObject": "oA",
        "clientDataJSON": "e30",
        "authenticatorData": "AA",
        "signature": "AA",
    }
    good = {"id": "YQ", "rawId": "YQ", "type": "public-key", "response": response}
    bent = (
        {**good, "rawId": []},
        {**good, "response": 5},
        {**good, "response": {**response, "userHandle": 5}},
    )
    answers = [
        "{}",
        "[]",
        "null",
        "x",
        "[" * 2_000,
        "9" * 5_000,
        *(json.dumps(answer) for answer in (good, *bent)),
    ]

    for browser, page in ((customer, made), (visitor, challenge)):
        (action,) = [path for path in forms(page) if path.startswith(("/passkeys/", "/login/passkey/"))]
        for answer in answers:
            with shop.nothing_changes():
                sent = browser.client.post(action, data={**forms(page)[action], "credential": answer})
            assert sent.location in ("/passkeys", "/login/passkey"), answer[:40]


@pytest.mark.parametrize("path", ["/login", "/buy-credits", "/api/v1/numbers"])
def test_a_body_with_a_million_fields_is_refused(shop: RunningShop, path: str) -> None:
    visitor = shop.customer()

    answer = visitor.client.post(
        path,
        data="a=1&" * 1_000_000,
        headers={**SAME_ORIGIN, "Content-Type": "application/x-www-form-urlencoded"},
    )

    assert answer.status_code in (400, 413)


def test_malformed_headers_give_no_500(shop: RunningShop) -> None:
    visitor = shop.customer()
    for name in ("Authorization", "Idempotency-Key", "Origin", "Referer", "Cookie", "User-Agent", "Accept"):
        for bad in ("\xff" * 20, "x" * 60_000, "Bearer " + "y" * 9_000, "[::1", "http://[bad"):
            answer = visitor.client.get("/api/v1/balance", headers={name: bad})
            assert answer.status_code < 500, (name, bad[:20])


def test_no_parameter_becomes_a_part_of_sql(any_shop: RunningShop) -> None:
    customer = any_shop.customer("pat@rando.test", credits=20)
    other = any_shop.customer("other@rando.test")
    program = Program(any_shop, customer.make_key("mine"))
    other.make_key("not-yours")
    for visitor in (customer, other):
        visitor.draw()
    calls = [rule.rule for rule in any_shop.app.url_map.iter_rules() if "GET" in (rule.methods or ())]
    pages = [re.sub(r"<[^>]+>", "1", path) for path in calls if path != "/api/v1/number/"]

    with any_shop.nothing_changes():
        for path in pages:
            for text in some(INJECTED, path):
                for asker in (customer.client, program.client):
                    sent = dict.fromkeys(NAMES, text.format("1"))
                    answer = asker.get(path, query_string=sent, headers=program.headers, buffered=True)
                    assert answer.status_code < 500, (path, text)
                    assert b"not-yours" not in answer.data, (path, text)
                    assert b"other@" not in answer.data, (path, text)
        for text in (text.format("1") for text in INJECTED):
            assert any_shop.visitor().login("pat@rando.test" + text[1:], text).status_code == 200
            assert (
                program.client.get("/api/v1/balance", headers={"Authorization": f"Bearer {text}"}).status_code
                == 401
            )

    assert program.get("/number/", **{"Idempotency-Key": INJECTED[0]}).status_code == 200
    assert customer.balance == 18


def test_a_form_whose_referrer_is_no_address_is_refused_as_one_from_elsewhere(tmp_path: Path) -> None:
    customer = ProductionShop(tmp_path).customer()
    field = forms(customer.get("/usage").text)["/usage/limit"]

    def answer_to(referrer: str) -> int:
        sent = customer.client.post(
            "/usage/limit", data={**field, "limit": "5"}, headers={"Referer": referrer}
        )
        return sent.status_code

    assert answer_to(f"{BASE_URL}/usage") == 303
    assert answer_to("https://evil.example/") == 400
    assert answer_to("http://[bad") == 400
