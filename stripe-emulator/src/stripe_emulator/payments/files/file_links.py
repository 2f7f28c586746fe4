"""File links: a URL for a file, for whoever has no key. https://docs.stripe.com/api/file_links"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core import ids
from stripe_emulator.core.database import store, transactions
from stripe_emulator.core.errors import InvalidRequest, no_such
from stripe_emulator.core.time import clock, due_work
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects

register = Register()

KIND = "file_link"

#: Purposes whose files can be shown to anybody.
_CAN_BE_LINKED = (
    "business_icon",
    "business_logo",
    "customer_signature",
    "dispute_evidence",
    "finance_report_run",
    "financial_account_statement",
    "identity_document_downloadable",
    "issuing_regulatory_reporting",
    "pci_document",
    "selfie",
    "sigma_scheduled_query",
    "tax_document_user_upload",
    "terminal_android_apk",
    "terminal_reader_splashscreen",
)


@register.post("/v1/file_links")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/file_links/create"""
    return new(named_file(form["file"], "file"), form)


@register.get("/v1/file_links/{link}")
def retrieve(form: Form, link_id: str) -> Json:
    """https://docs.stripe.com/api/file_links/retrieve"""
    return store.get(KIND, link_id, param="link")


@register.post("/v1/file_links/{link}")
def update(form: Form, link_id: str) -> Json:
    """https://docs.stripe.com/api/file_links/update; one that has expired stays as it is."""
    link = store.get(KIND, link_id, param="link")
    if link["expired"] and "expires_at" in form:
        raise InvalidRequest("This file link has expired and can't be changed any more.", param="expires_at")
    changes = objects.patch(link, form, ())
    if "expires_at" in form:
        changes["expires_at"] = _moment(form["expires_at"])
    objects.change(link, **changes)
    _plan_end(link)
    return link


@register.get("/v1/file_links")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/file_links/list"""
    return lists.page(KIND, form, url="/v1/file_links", only=("expired", "file"))


@register.due("file_link.expire")
def expire(link_id: str) -> None:
    """From now on the URL leads nowhere."""
    objects.change(store.get(KIND, link_id), expired=True)


def new(file: Json, form: Form) -> Json:
    """A link to a file, with ``expires_at`` and ``metadata`` as the form has them.

    :raises InvalidRequest: Files of that purpose are not shown to anybody.
    """
    if file["purpose"] not in _CAN_BE_LINKED:
        raise InvalidRequest(f"Files with a purpose of {file['purpose']} can't be linked.", param="file")
    link = objects.create(
        KIND,
        expired=False,
        expires_at=_moment(form.get("expires_at")),
        file=file["id"],
        metadata=form.get("metadata"),
        url=f"{transactions.current().store.base_url}/links/{ids.token(40)}",
    )
    _plan_end(link)
    return link


def named_file(file_id: str, param: str) -> Json:
    """The file that a parameter names.

    :raises InvalidRequest: There is none, or what was in it is forgotten by now.
    """
    file = store.named("file", file_id, param)
    if is_forgotten(file):
        raise InvalidRequest(no_such("file", file_id), code="resource_missing", param=param)
    return file


def is_forgotten(file: Json) -> bool:
    """Whether Stripe keeps no more what was in a file."""
    return file["expires_at"] is not None and file["expires_at"] <= clock.now()


def by_url(url: str) -> Json | None:
    """The link with this URL that has not expired."""
    links = store.select(KIND, {"url": url, "expired": False})
    return links[0] if links else None


def _moment(wanted: int | str | None) -> int | None:
    if wanted in (None, ""):
        return None
    moment = clock.now() if wanted == "now" else clock.check(int(wanted or 0), "expires_at")
    if moment < clock.now():
        raise InvalidRequest("expires_at must be in the future.", param="expires_at")
    return moment


def _plan_end(link: Json) -> None:
    due_work.unschedule(link["id"])
    if link["expires_at"] is None:
        return
    if link["expires_at"] <= clock.now():
        objects.change(link, expired=True)
    else:
        due_work.schedule(link["expires_at"], "file_link.expire", link["id"])
