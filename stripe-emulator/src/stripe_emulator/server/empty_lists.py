"""What nobody can make here: its list is truly empty, and whoever asks for one by its id is told so.

Programs that copy an account ask for each of Stripe's lists. Making such an object stays a loud 501.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from stripe_emulator import contract
from stripe_emulator.api import lists, routing
from stripe_emulator.api.routing import Endpoint
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotFound, no_such
from stripe_emulator.core.types import Json, copied
from stripe_emulator.core.wire import Form

#: Path of a list -> what it would hold, as ``No such transfer: 'tr_1'`` names it.
NOBODYS = {
    "/v1/application_fees": "application fee",
    "/v1/apple_pay/domains": "apple pay domain",
    "/v1/apps/installs": "app install",
    "/v1/apps/secrets": "secret",
    "/v1/billing/alerts": "alert",
    "/v1/climate/orders": "climate order",
    "/v1/financial_connections/accounts": "account",
    "/v1/forwarding/requests": "request",
    "/v1/identity/verification_reports": "verification report",
    "/v1/identity/verification_sessions": "verification session",
    "/v1/invoice_rendering_templates": "invoice rendering template",
    "/v1/issuing/authorizations": "authorization",
    "/v1/issuing/cardholders": "cardholder",
    "/v1/issuing/cards": "card",
    "/v1/issuing/disputes": "dispute",
    "/v1/issuing/personalization_designs": "personalization design",
    "/v1/issuing/physical_bundles": "physical bundle",
    "/v1/issuing/transactions": "transaction",
    "/v1/payment_records": "payment record",
    "/v1/radar/value_lists": "value list",
    "/v1/reporting/report_runs": "report run",
    "/v1/sigma/scheduled_query_runs": "scheduled query run",
    "/v1/tax/registrations": "registration",
    "/v1/terminal/configurations": "terminal configuration",
    "/v1/terminal/locations": "terminal location",
    "/v1/terminal/readers": "terminal reader",
    "/v1/transfers": "transfer",
    "/v1/treasury/financial_accounts": "financial account",
}


def open_lists() -> None:
    """Answer each list, and each GET below it, that no register answers."""
    for endpoint in endpoints():
        if (endpoint.verb, endpoint.path) not in routing.ENDPOINTS:
            routing.add(endpoint)


def endpoints() -> Iterator[Endpoint]:
    """The table as routes."""
    for route in contract.routes():
        if route.verb != "GET":
            continue
        for path, kind in NOBODYS.items():
            if route.path == path:
                yield Endpoint("GET", path, partial(_nothing, path, kind), route, True, False)
            elif route.path.startswith(f"{path}/{{") and not contract.parameters_of(route).required:
                yield Endpoint("GET", route.path, partial(_missing, kind), route, True, False)


def _nothing(path: str, kind: str, form: Form) -> Json:
    filters = _whole(form)
    if "customer" in filters:
        store.named("customer", filters["customer"], "customer")
    for cursor in ("starting_after", "ending_before"):
        if cursor in filters:
            raise InvalidRequest(no_such(kind, filters[cursor]), code="resource_missing", param=cursor)
    return lists.slice_of([], form, url=path)


def _missing(kind: str, form: Form, object_id: str, *_: str) -> Json:
    _whole(form)  # whatever is asked of it: there is none
    raise NotFound(no_such(kind, object_id), code="resource_missing", param="id")


def _whole(form: Form) -> Json:
    """The form with all that is in it read: no filter finds anything among nothing."""
    whole: Json = copied(dict(form))
    return whole
