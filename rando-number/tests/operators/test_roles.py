"""Each route of an operator, by each role: who may open it, and who gets 403."""

from __future__ import annotations

import pytest

from ..reading import forms
from ..running_shop import RunningShop, Visitor

#: Routes that read: open to every role.
READS = {
    "operator",
    "operator_sales",
    "operator_sales_csv",
    "operator_credits",
    "operator_credits_csv",
    "operator_plans",
    "operator_plans_csv",
    "operator_payments",
    "operator_payments_csv",
    "operator_payment",
    "operator_codes",
    "operator_codes_csv",
    "operator_customers",
    "operator_customers_csv",
    "operator_dunning",
    "operator_customer",
    "operator_mails",
    "operator_mail",
    "operator_inbox",
    "operator_compare",
}

#: What is done, by the roles that may.
ACTIONS = {
    "operator_note": {"support", "finance", "admin"},
    "operator_make_code": {"finance", "admin"},
    "operator_switch_code": {"finance", "admin"},
    "operator_grant": {"support", "finance", "admin"},
    "operator_adjust": {"finance", "admin"},
    "operator_refund": {"finance", "admin"},
    "operator_review": {"finance", "admin"},
    "operator_plan": {"finance", "admin"},
    "operator_block": {"finance", "admin"},
    "operator_sync": {"finance", "admin"},
    "operator_compare": {"finance", "admin"},
    "operator_replay": {"admin"},
}

ROLES = ("support", "finance", "admin")


def routes(shop: RunningShop, method: str) -> dict[str, str]:
    """The operator's routes that take ``method``: name and path, for the first customer and payment."""
    paths = {}
    with shop.app.test_request_context():
        adapter = shop.app.url_map.bind("localhost")
        for rule in shop.app.url_map.iter_rules():
            _, _, name = rule.endpoint.partition(".")
            if rule.endpoint.startswith("prepaid.operator") and method in (rule.methods or ()):
                values = {"owner": "user:1", "payment_id": 1, "name": "receipt"}
                paths[name] = adapter.build(
                    rule.endpoint, {key: values[key] for key in rule.arguments}, method=method
                )
    return paths


def token_of(visitor: Visitor, path: str) -> str:
    """The CSRF token of a page."""
    return next(fields["csrf_token"] for fields in forms(visitor.get(path).text).values())


def test_every_route_is_in_one_of_the_tables(shop: RunningShop) -> None:
    assert set(routes(shop, "GET")) == READS | {"operator_refund", "operator_plan"}
    assert set(routes(shop, "POST")) == set(ACTIONS)


@pytest.mark.parametrize("role", ROLES)
def test_pages_are_open_to_every_role_and_actions_to_their_own(shop: RunningShop, role: str) -> None:
    shop.buyer()
    visitor = shop.operator(role)
    reads = {name: visitor.client.get(path).status_code for name, path in routes(shop, "GET").items()}
    token = token_of(visitor, "/admin/customers/user:1")

    for name, status in reads.items():
        may = name in READS or role in ACTIONS[name]
        assert (status == 403) is not may, (name, status)
        assert status < 500
    for name, path in routes(shop, "POST").items():
        # Without the fields that it needs nothing is done: what counts is who is refused for the role.
        status = visitor.client.post(path, data={"csrf_token": token, "owner": "user:1"}).status_code
        assert (status == 403) is (role not in ACTIONS[name]), (name, status)
        assert status < 500


def test_nobody_else_learns_that_a_route_is_there(shop: RunningShop) -> None:
    pat, visitor = shop.buyer(), shop.visitor()
    token = token_of(pat, "/buy-credits")

    for method in ("GET", "POST"):
        for name, path in routes(shop, method).items():
            fields = {"csrf_token": token, "owner": pat.owner, "credits": "5", "reason": "mine"}
            answer = pat.client.open(path, method=method, data=fields if method == "POST" else None)
            assert answer.status_code == 404, (method, name)
    for name, path in routes(shop, "GET").items():
        assert "/login" in visitor.get(path).location, name
    assert pat.balance == 13


def test_only_an_admin_reads_the_log(shop: RunningShop) -> None:
    statuses = {role: shop.operator(role).get("/admin/audit").status_code for role in ROLES}

    assert statuses == {"support": 403, "finance": 403, "admin": 200}
