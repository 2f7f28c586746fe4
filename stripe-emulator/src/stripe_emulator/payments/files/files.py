"""Files that are uploaded, such as the evidence of a dispute. https://docs.stripe.com/api/files

What is in a file is kept beside it, as an object of its own: lists of files would carry it along.
"""

from __future__ import annotations

import base64
from pathlib import PurePath

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core import ids
from stripe_emulator.core.database import store, transactions
from stripe_emulator.core.errors import InvalidRequest, NotFound, no_such
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form, Upload
from stripe_emulator.events import events, objects
from stripe_emulator.payments.files import file_links

register = Register()

CONTENTS = "file_contents"

MEGABYTE = 1024 * 1024
#: The most bytes of a file, by its purpose. https://docs.stripe.com/file-upload#supported-file-formats
_MOST = {
    "business_icon": MEGABYTE // 2,
    "business_logo": MEGABYTE // 2,
    "customer_signature": 4 * MEGABYTE,
    "dispute_evidence": 5 * MEGABYTE,
}
_MOST_OF_OTHERS = 16 * MEGABYTE

#: The types of a file, by its purpose; any type for the others.
_TYPES = {
    "business_icon": ("jpg", "png"),
    "business_logo": ("jpg", "png"),
    "customer_signature": ("jpg", "png"),
    "dispute_evidence": ("jpg", "pdf", "png"),
}

#: How files of a type begin.
_STARTS = (
    (b"%PDF", "pdf"),
    (b"\x89PNG", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"GIF8", "gif"),
)

#: Stripe forgets what was uploaded after so many days; logos and icons stay.
_KEPT_DAYS = 184

#: Fields of a dispute's evidence that hold a file.
EVIDENCE = (
    "cancellation_policy",
    "customer_communication",
    "customer_signature",
    "duplicate_charge_documentation",
    "receipt",
    "refund_policy",
    "service_documentation",
    "shipping_documentation",
    "uncategorized_file",
)


@register.post("/v1/files")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/files/create, as multipart/form-data"""
    upload = form["file"]
    if not isinstance(upload, Upload):
        raise InvalidRequest(
            "Invalid file: the request must be multipart/form-data, with the file as a part of it.",
            param="file",
        )
    kind = _type(upload)
    _check(upload, kind, form["purpose"])
    file_id = ids.new("file")
    kept = form["purpose"] in ("business_icon", "business_logo")
    file = objects.create(
        "file",
        id=file_id,
        expires_at=None if kept else clock.now() + _KEPT_DAYS * clock.DAY,
        filename=upload.filename or file_id,
        purpose=form["purpose"],
        size=len(upload.contents),
        type=kind,
        url=f"{transactions.current().store.base_url}/v1/files/{file_id}/contents",
    )
    store.append(
        {
            "object": CONTENTS,
            "id": contents_id(file_id),
            "created": clock.now(),
            "base64": base64.b64encode(upload.contents).decode(),
            "type": upload.type,
        }
    )
    data = form.get("file_link_data") or {}
    if data.get("create"):
        file_links.new(file, data)
    events.emit("file.created", file | shown(file))
    return file


@register.get("/v1/files/{file}")
def retrieve(form: Form, file_id: str) -> Json:
    """https://docs.stripe.com/api/files/retrieve"""
    return store.get("file", file_id, param="file")


@register.get("/v1/files")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/files/list"""
    return lists.page("file", form, url="/v1/files", only=("purpose",))


@register.computed("file")
def shown(file: Json) -> Json:
    """A file shows the links to it that there are now."""
    return {"links": _links(file)}


def read(file: Json) -> tuple[bytes, str]:
    """What is in a file, and the content type that it was uploaded with.

    :raises NotFound: That is forgotten by now.
    """
    if file_links.is_forgotten(file):
        raise NotFound(no_such("file", file["id"]), code="resource_missing", param="file")
    contents = store.get(CONTENTS, contents_id(file["id"]))
    return base64.b64decode(contents["base64"]), contents["type"]


def contents_id(file_id: str) -> str:
    """The id under which a file's contents are kept."""
    return f"contents_of_{file_id}"


def check_evidence(evidence: Json) -> None:
    """:raises InvalidRequest: A file of the evidence is not there, not any more, or is for something else."""
    for name in EVIDENCE:
        if not evidence.get(name):
            continue
        file = file_links.named_file(evidence[name], f"evidence[{name}]")
        if file["purpose"] not in ("dispute_evidence", "customer_signature"):
            raise InvalidRequest(
                f"The file {file['id']} was uploaded with a purpose of {file['purpose']}; evidence needs"
                " dispute_evidence.",
                param=f"evidence[{name}]",
            )


def _links(file: Json) -> Json:
    return lists.page("file_link", {}, url=f"/v1/file_links?file={file['id']}", where={"file": file["id"]})


def _type(upload: Upload) -> str | None:
    """A file's type by how it begins, else by its name."""
    for start, kind in _STARTS:
        if upload.contents.startswith(start):
            return kind
    return PurePath(upload.filename).suffix.lower().removeprefix(".") or None


def _check(upload: Upload, kind: str | None, purpose: str) -> None:
    if not upload.contents:
        raise InvalidRequest("The file that was uploaded is empty.", param="file")
    most = _MOST.get(purpose, _MOST_OF_OTHERS)
    if len(upload.contents) > most:
        raise InvalidRequest(
            f"The file is too large: {len(upload.contents)} bytes. A file with a purpose of {purpose} can"
            f" have up to {most} bytes.",
            param="file",
        )
    types = _TYPES.get(purpose)
    if types and kind not in types:
        raise InvalidRequest(
            f"Invalid file type: a file with a purpose of {purpose} must be one of {', '.join(types)}.",
            param="file",
        )
