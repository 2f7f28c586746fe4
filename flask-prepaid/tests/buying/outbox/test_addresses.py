"""Which addresses a customer's webhook may go to, also after DNS."""

from __future__ import annotations

import pytest

from flask_prepaid.errors import UnknownItem
from flask_prepaid.outbox.webhooks import addresses
from flask_prepaid.outbox.webhooks.addresses import AddressRefused

PRIVATE = """
127.0.0.1 127.8.8.8 0.0.0.0 10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1
100.100.100.200 192.0.0.1 192.0.2.1 198.18.0.1 198.51.100.7 203.0.113.9 224.0.0.1 240.0.0.1 255.255.255.255
::1 :: fe80::1 fe80::1%eth0 fc00::1 fd00:ec2::254 fec0::1 ff02::1 2001:db8::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1
::ffff:169.254.169.254 168.63.129.16 ::ffff:168.63.129.16 161.26.0.10 166.9.1.1 169.254.0.23
::127.0.0.1 64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::1 2002:7f00:1:: 2002:a00:1::
2001:0:4136:e378:8000:63bf:3fff:fdd2 100::1 192.0.0.192 192.0.0.8 ::ffff:192.0.0.192 192.88.99.1 100:0:0:1::1
3fff::1 5f00::1 ::ffff:0:127.0.0.1 nonsense
""".split()  # noqa: SIM905
PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "::ffff:8.8.8.8", "2002:808:808::"]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_not_everybody_can_have_is_refused(address: str) -> None:
    assert not addresses.is_public(address)
    place = addresses.read("https://hooks.example/", local=False)
    with pytest.raises(AddressRefused):
        addresses.resolved(place, lambda *_: ["8.8.8.8", address], local=False)


def test_a_public_one_is_not() -> None:
    place = addresses.read("https://hooks.example/a?b=c", local=False)
    assert addresses.resolved(place, lambda *_: PUBLIC, local=False) == PUBLIC
    assert (place.netloc, place.path) == ("hooks.example", "/a?b=c")


def test_one_address_of_each_kind_is_tried() -> None:
    six, four = ["2606:4700:4700::1111", "2606:4700:4700::1001"], ["8.8.8.8", "8.8.4.4"]

    assert addresses.one_of_each([*six, *four]) == [six[0], four[0]]
    assert addresses.one_of_each([*four, *six]) == [four[0], six[0]]
    assert addresses.one_of_each(six) == six[:1]


def test_this_machine_is_allowed_in_development_and_its_network_is_not() -> None:
    place = addresses.read("http://hooks.example:5000", local=True)
    assert addresses.resolved(place, lambda *_: ["127.0.0.1"], local=True) == ["127.0.0.1"]
    for address in ("10.0.0.1", "169.254.169.254", "::ffff:10.0.0.1"):
        with pytest.raises(AddressRefused):
            addresses.resolved(place, lambda *_, it=address: [it], local=True)


def test_a_name_without_an_address_and_a_resolver_that_fails_are_refused() -> None:
    def away(host: str, port: int) -> list[str]:
        raise OSError

    place = addresses.read("https://hooks.example/", local=False)
    with pytest.raises(AddressRefused, match="no address"):
        addresses.resolved(place, away, local=False)
    with pytest.raises(AddressRefused, match="no address"):
        addresses.resolved(place, lambda *_: [], local=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:10.0.0.1]", "10.0.0.1", "169.254.169.254"])
def test_an_address_in_place_of_a_name_is_looked_at_as_well(host: str) -> None:
    place = addresses.read(f"https://{host}/", local=False)
    with pytest.raises(AddressRefused, match="not public"):
        addresses.resolved(place, lambda *_: ["8.8.8.8"], local=False)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "such as https"),
        ("hooks.example", "such as https"),
        ("ftp://hooks.example/", "such as https"),
        ("https://", "such as https"),
        ("https:///path", "such as https"),
        ("https://hooks.example:99999/", "such as https"),
        ("https://hooks.example:x/", "such as https"),
        ("https://[::1/", "such as https"),
        ("https://a..example/", "such as https"),
        ("http://hooks.example/", "begins with https"),
        ("https://me:secret@hooks.example/", "without a name"),
        ("https://hooks.example/#part", "without a name"),
        ("https://hooks.example:22/", "443"),
        ("https://hooks.example:0/", "443"),
        ("https://hooks.example:6379", None),
        ("https://hooks.example/a b", "plain characters"),
        ("https://hooks.example/ä", "plain characters"),
        ("https://hooks.example/\r\nHost: x", "plain characters"),
        ("https://hooks.example/" + "a" * 500, "500"),
    ],
)
def test_what_is_no_address_of_a_webhook_is_said(url: str, says: str | None) -> None:
    if says is None:
        assert addresses.read(url, local=False).port == 6379
        return
    with pytest.raises(UnknownItem, match=says) as refused:
        addresses.read(url, local=False)
    assert refused.value.field == "url"
