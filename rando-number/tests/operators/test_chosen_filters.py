"""Whoever has chosen what a list shows keeps it by each of its links and buttons, and in its file."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import update

from flask_prepaid.operations.models import InboxEvent
from rando_number.extensions import db

from ..reading import forms
from ..running_shop import RunningShop, Visitor

MAY = {"from": "2026-05-01", "to": "2026-05-31"}


def links(page: str, path: str) -> list[dict[str, str]]:
    """What each link to ``path`` says in its query, of those below the heading; not the way back to all."""
    of_list = page.partition("<h1")[2]
    hrefs = re.findall(r'<a [^>]*href="([^"]+)"[^>]*>(?!Without filters)', of_list)
    queries = [parts.query for parts in map(urlsplit, map(unescape, hrefs)) if parts.path == path]
    return [{name: values[0] for name, values in parse_qs(query).items()} for query in queries]


@pytest.fixture
def admin(shop: RunningShop) -> Visitor:
    """An admin of a shop with two customers, whose payments stand on the lists of today."""
    for name in ("pat", "paul"):
        shop.buyer(f"{name}@rando.test")
    admin = shop.operator("admin")
    admin.send("/admin/sync", form_of="/admin")
    return admin


@pytest.mark.parametrize(
    ("path", "chosen", "file"),
    [
        ("/admin/payments", {"state": "paid", "by": "week", "currency": "usd"}, {"state", "currency"}),
        ("/admin/sales", {"part": "customer", "by": "week", "currency": "usd"}, {"currency"}),
        ("/admin/credits", {"by": "week"}, set()),
        ("/admin/plans", {"by": "week"}, set()),
        ("/admin/customers", {"sort": "spent"}, {"sort"}),
        ("/admin/customers", {"q": "pa"}, {"q"}),
        ("/admin/inbox", {"show": "all", "q": "charge.succeeded"}, set()),
        ("/usage", {"key": "site", "kind": "purchase", "per": "week"}, {"key", "kind"}),
        ("/usage", {"key": "site", "per": "hour", **MAY, "to": "2026-05-09"}, {"key", "from", "to"}),
    ],
)
def test_each_link_of_a_filtered_list_keeps_what_was_chosen(
    admin: Visitor, path: str, chosen: dict[str, str], file: set[str]
) -> None:
    page = admin.get(path, **chosen).text
    to_page, to_file = links(page, path), [*links(page, f"{path}.csv"), *links(page, f"{path}.json")]

    for link in to_page:
        shorter = {"per", "to"} if chosen.get("per") == "hour" else set()  # 90 days are not shown by the hour
        left = {"show"} if path == "/admin/inbox" and "show" not in link else set()  # the switch beside it
        assert chosen.keys() - shorter - left <= link.keys(), link
    assert to_page or to_file
    for link in to_file:
        if link.get("part") != "failures":  # a table of its own
            assert file <= link.keys(), link


def test_a_file_of_customers_has_those_that_the_search_found(admin: Visitor, shop: RunningShop) -> None:
    shop.buyer("quinn@rando.test")

    lines = admin.get("/admin/customers.csv", q="pa").text.splitlines()[1:]

    assert sorted(line.split(",")[1] for line in lines) == ["pat@rando.test", "paul@rando.test"]


def test_a_button_of_the_inbox_leads_back_to_what_was_shown(admin: Visitor, shop: RunningShop) -> None:
    with shop.app.app_context():
        of_type = update(InboxEvent).where(InboxEvent.type == "checkout.session.completed")
        db.session.execute(of_type.values(handled_at=None, outcome=None))
        db.session.commit()
    page = admin.get("/admin/inbox", show="all", q="checkout.session.completed").text

    sent = admin.client.post("/admin/inbox/replay", data={**forms(page)["/admin/inbox/replay"]})

    assert sent.location == "/admin/inbox?show=all&q=checkout.session.completed"


def test_a_limit_that_is_set_beside_the_usage_leaves_it_as_it_was_chosen(shop: RunningShop) -> None:
    pat = shop.customer()
    page = pat.get("/usage", kind="grant", per="week").text
    action = re.search(r'action="(/usage/limit[^"]*)"', page)
    assert action is not None

    sent = pat.client.post(unescape(action[1]), data={**forms(page)["/usage/limit"], "limit": "90"})

    assert sent.location == "/usage?kind=grant&per=week"
