"""Files of pages: one stylesheet, kept by browsers for good, fetched anew when it has changed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from flask import url_for

from ..running_shop import RunningShop


def addresses(page: str) -> list[str]:
    return re.findall(r'<(?:link rel="stylesheet" href|script src)="([^"]+)"', page)


def test_a_page_needs_one_stylesheet_and_every_file_of_it_is_kept(shop: RunningShop) -> None:
    stranger = shop.app.test_client()
    files = addresses(stranger.get("/", buffered=True).text)

    assert len([file for file in files if ".css" in file]) == 1
    for file in files:
        answer = stranger.get(file, buffered=True)
        assert answer.status_code == 200, file
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable", file
        assert "Set-Cookie" not in answer.headers, file


def test_no_file_that_is_kept_varies_by_who_asks_and_each_is_asked_for_by_its_tag(shop: RunningShop) -> None:
    customer = shop.customer()
    files = addresses(customer.get("/user-profile").text)
    assert any(file.startswith("/styles.css") for file in files)

    for file in files:
        answer = customer.client.get(file, headers={"Accept-Encoding": "gzip"}, buffered=True)
        tag = answer.headers["ETag"]
        again = customer.client.get(file, headers={"If-None-Match": tag}, buffered=True)
        assert (again.status_code, again.data) == (304, b""), file
        for each in (answer, again):
            assert "Cookie" not in each.headers.get("Vary", ""), file
            assert "Set-Cookie" not in each.headers, file
    assert "Cookie" in customer.get("/user-profile").headers["Vary"]
    assert "Cookie" in customer.client.get("/static/nowhere.css", buffered=True).headers["Vary"]


def test_the_stylesheet_has_all_styles_and_its_font_is_there(shop: RunningShop) -> None:
    stranger = shop.app.test_client()
    (styles,) = [file for file in addresses(stranger.get("/", buffered=True).text) if ".css" in file]

    text = stranger.get(styles, buffered=True).text
    (font,) = re.findall(r'url\("([^"]+\.woff2[^"]*)"\)', text)

    assert stranger.get(font, buffered=True).data.startswith(b"wOF2")
    assert (
        0 < text.index("--accent:") < text.index(".stacks") < text.index(".btn-primary") < text.index(".hero")
    )


def test_a_changed_file_has_another_address(shop: RunningShop, tmp_path: Path) -> None:
    shop.app.static_folder = str(tmp_path)
    file = tmp_path / "app.css"

    def address(text: str) -> str:
        file.write_text(text)
        with shop.app.test_request_context():
            return url_for("static", filename="app.css")

    assert address("a { color: red }") == address("a { color: red }") != address("a { color: blue }")


def test_the_stylesheet_has_another_address_when_its_font_is_another(
    shop: RunningShop, tmp_path: Path
) -> None:
    pages = shop.app.blueprints["prepaid"]
    assert pages.static_folder is not None
    folder = shutil.copytree(pages.static_folder, tmp_path / "static")
    pages.static_folder = str(folder)

    def address() -> str:
        with shop.app.test_request_context():
            return url_for("files.styles")

    before = address()
    assert address() == before
    with (folder / "figtree" / "figtree.woff2").open("ab") as font:
        font.write(b"changed")

    assert address() != before
    kept = shop.app.test_client().get(address(), buffered=True)
    assert kept.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_a_file_by_its_bare_address_is_asked_for_each_time_and_a_missing_one_is_not_kept(
    shop: RunningShop,
) -> None:
    stranger = shop.app.test_client()

    for address in ("/prepaid/static/prepaid.css", "/prepaid/static/prepaid.css?v=", "/styles.css"):
        assert stranger.get(address, buffered=True).headers["Cache-Control"] == "no-cache"
    assert (
        "no-store" in stranger.get("/prepaid/static/nowhere.css?v=1", buffered=True).headers["Cache-Control"]
    )


def test_a_stranger_gets_the_home_page_in_few_bytes_and_no_cookie(shop: RunningShop) -> None:
    home = shop.app.test_client().get("/", headers={"Accept-Encoding": "gzip"})

    assert home.headers["Content-Encoding"] == "gzip"
    assert int(home.headers["Content-Length"]) < 4_000
    assert "Set-Cookie" not in home.headers


def test_a_file_of_another_release_is_not_kept_under_the_address_of_its_own(shop: RunningShop) -> None:
    stranger = shop.app.test_client()

    for file in ("/styles.css", "/prepaid/static/prepaid.css"):
        answer = stranger.get(f"{file}?v=0123456789ab", buffered=True)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")


def classes_of(path: Path) -> set[str]:
    return set(re.findall(r"\.([a-z][\w-]*)", re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)))


def test_no_page_uses_a_class_whose_rules_stand_in_a_stylesheet_that_it_does_not_load(
    shop: RunningShop,
) -> None:
    """Only pages of the extension load pages.css; the others have the styles of every page."""
    of_extension = Path(str(shop.app.blueprints["prepaid"].static_folder))
    in_every_page = classes_of(of_extension / "prepaid.css") | classes_of(
        Path(str(shop.app.static_folder)) / "app.css"
    )
    only_there = classes_of(of_extension / "pages.css") - in_every_page
    assert "facts" in only_there
    templates = Path(shop.app.root_path) / "templates"

    for template in sorted(templates.rglob("*.html")):
        source = template.read_text()
        used = {word for words in re.findall(r'class="([^"]*)"', source) for word in words.split()}
        if "extends 'base.html'" in source:
            assert not used & only_there, template.name
