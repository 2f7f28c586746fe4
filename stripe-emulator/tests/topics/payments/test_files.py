"""Files that are uploaded, links to them, and evidence made of them."""

from __future__ import annotations

import io
from typing import Any

import pytest
import stripe

from stripe_emulator import Emulator

from ..shop import DAY, Shop

PDF = b"%PDF-1.4 a receipt"


def named(name: str, contents: bytes = PDF) -> io.BytesIO:
    file = io.BytesIO(contents)
    file.name = name
    return file


def upload(shop: Shop, contents: bytes = PDF, purpose: Any = "dispute_evidence", **more: Any) -> stripe.File:
    form: Any = {"purpose": purpose, "file": named("receipt.pdf", contents), **more}
    return shop.v1.files.create(form)


def test_a_file_is_uploaded_listed_and_read(shop: Shop) -> None:
    file = upload(shop)
    browser = shop.emulator.browser()
    contents = browser.get(f"/v1/files/{file.id}/contents", headers={"Authorization": "Bearer sk_test_shop"})

    assert (file.filename, file.type, file.size) == ("receipt.pdf", "pdf", len(PDF))
    assert file.purpose == "dispute_evidence"
    assert shop.v1.files.retrieve(file.id).id == file.id
    assert [each.id for each in shop.v1.files.list({"purpose": "dispute_evidence"}).data] == [file.id]
    assert shop.v1.files.list({"purpose": "business_logo"}).data == []
    assert contents.data == PDF
    assert "attachment" in contents.headers["Content-Disposition"]
    assert shop.listen() == ["file.created"]


@pytest.mark.parametrize("key", ["", "Bearer pk_test_shop"])
def test_what_is_in_a_file_takes_the_accounts_key(shop: Shop, key: str) -> None:
    file = upload(shop)

    answer = shop.emulator.browser().get(f"/v1/files/{file.id}/contents", headers={"Authorization": key})

    assert answer.status_code == 401
    assert PDF not in answer.data


def test_a_link_shows_a_file_to_anybody_until_it_expires(shop: Shop) -> None:
    file = upload(shop)
    browser = shop.emulator.browser()
    forever = shop.v1.file_links.create({"file": file.id, "metadata": {"a": "b"}})
    short = shop.v1.file_links.create({"file": file.id, "expires_at": shop.emulator.now() + DAY})

    assert (short.url, forever.url) != (None, None)
    assert browser.get(str(short.url)).data == PDF
    shop.advance(days=1, seconds=1)

    assert browser.get(str(short.url)).status_code == 404
    assert browser.get(str(forever.url)).data == PDF
    assert [each.id for each in shop.v1.file_links.list({"expired": True}).data] == [short.id]
    assert [each.id for each in shop.v1.file_links.list({"file": file.id, "expired": False}).data] == [
        forever.id
    ]
    links = shop.v1.files.retrieve(file.id).links
    assert links is not None
    assert len(links.data) == 2

    shop.v1.file_links.update(forever.id, {"expires_at": "now"})

    assert browser.get(str(forever.url)).status_code == 404
    with pytest.raises(stripe.InvalidRequestError, match="has expired"):
        shop.v1.file_links.update(forever.id, {"expires_at": ""})


def test_a_file_comes_with_a_link_if_it_is_asked_for(shop: Shop) -> None:
    file = upload(shop, file_link_data={"create": True})

    assert file.links is not None
    assert file.links.data[0].file == file.id


@pytest.mark.parametrize(
    ("contents", "purpose", "message"),
    [
        (b"", "dispute_evidence", "empty"),
        (b"GIF89a", "dispute_evidence", "Invalid file type"),
        (PDF + b"x" * (5 << 20), "dispute_evidence", "too large"),
        (PDF, "business_logo", "Invalid file type"),
    ],
)
def test_a_file_that_does_not_fit_its_purpose_is_refused(
    shop: Shop, contents: bytes, purpose: str, message: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=message):
        upload(shop, contents, purpose)

    assert shop.v1.files.list().data == []


def test_a_file_that_is_no_part_of_a_multipart_form_is_refused(stripe_emulator: Emulator) -> None:
    headers = {"Authorization": "Bearer sk_test_x"}
    browser = stripe_emulator.browser()

    plain = browser.post("/v1/files", data="purpose=dispute_evidence&file=x", headers=headers)
    broken = browser.post(
        "/v1/files",
        data=b"--x\r\nnonsense",
        headers={**headers, "Content-Type": "multipart/form-data; boundary=x"},
    )

    assert (plain.status_code, broken.status_code) == (400, 400)
    assert plain.json is not None
    assert "multipart/form-data" in plain.json["error"]["message"]


def test_evidence_is_made_of_files(shop: Shop) -> None:
    payment = shop.charge("pm_card_createDispute")
    (dispute,) = shop.v1.disputes.list({"payment_intent": payment.id}).data
    receipt, logo = upload(shop), upload(shop, b"\x89PNG", "business_logo")

    sent = shop.v1.disputes.update(dispute.id, {"evidence": {"receipt": receipt.id}, "submit": False})

    assert sent.evidence.receipt == receipt.id
    for wrong, message in (("file_nobody", "No such file upload"), (logo.id, "purpose of business_logo")):
        with pytest.raises(stripe.InvalidRequestError, match=message) as refused:
            shop.v1.disputes.update(dispute.id, {"evidence": {"receipt": wrong}})
        assert refused.value.param == "evidence[receipt]"


def test_a_file_that_stripe_has_forgotten_is_no_evidence_and_nobody_reads_it(shop: Shop) -> None:
    file = upload(shop)
    link = shop.v1.file_links.create({"file": file.id})
    browser, by_key = shop.emulator.browser(), {"Authorization": "Bearer sk_test_shop"}
    assert file.expires_at is not None

    shop.advance(seconds=file.expires_at - shop.emulator.now())
    payment = shop.charge("pm_card_createDispute")
    (dispute,) = shop.v1.disputes.list({"payment_intent": payment.id}).data

    with pytest.raises(stripe.InvalidRequestError, match="No such file upload") as evidence:
        shop.v1.disputes.update(dispute.id, {"evidence": {"receipt": file.id}, "submit": False})
    with pytest.raises(stripe.InvalidRequestError, match="No such file upload") as another:
        shop.v1.file_links.create({"file": file.id})
    assert [refused.value.param for refused in (evidence, another)] == ["evidence[receipt]", "file"]
    assert shop.v1.disputes.retrieve(dispute.id).evidence.receipt is None
    assert browser.get(f"/v1/files/{file.id}/contents", headers=by_key).status_code == 404
    assert browser.get(str(link.url)).status_code == 404
