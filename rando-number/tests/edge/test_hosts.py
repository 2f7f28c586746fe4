"""Which hosts are served, and what links in mails are made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from rando_number import create_app
from rando_number.edge.hosts import Hosts

from ..live_settings import LIVE
from ..running_shop import RunningShop

REBOUND = ("evil.example", "localhost.evil.example", "10.0.0.7", "[fd00::7]", "rando.internal:5555")
NO_HOST = (
    "",
    ":5555",
    "a" * 64 + ".example",
    "local host",
    "localhost@evil.example",
    "[::1",
    "localhost:99999",
    "é.test",
)


@pytest.mark.parametrize("host", [*REBOUND, *NO_HOST])
def test_without_a_base_url_local_names_alone_are_served(lasting_shop: RunningShop, host: str) -> None:
    for path in ("/", "/mails", "/login", "/no-such-page"):
        answer = lasting_shop.app.test_client().get(path, headers={"Host": host.encode().decode("latin-1")})
        assert answer.status_code == 400, (path, answer.status_code)
        assert answer.content_type.startswith("text/plain")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:5555", "127.0.0.1:5555", "[::1]:5555", "rando.localhost"]
)
def test_a_shop_on_this_machine_is_reached_by_its_local_names(lasting_shop: RunningShop, host: str) -> None:
    assert lasting_shop.app.test_client().get("/", headers={"Host": host}).status_code == 200


def test_a_shop_for_the_network_is_reached_by_the_addresses_of_its_machine_and_its_own_name() -> None:
    anywhere, named = Hosts("http://0.0.0.0:5555"), Hosts("http://box.lan:5555")

    assert anywhere.serves("10.0.0.7:5555")
    assert not anywhere.serves("evil.example")
    assert named.serves("box.lan:5555")
    assert not named.serves("10.0.0.7:5555")


def test_production_serves_its_own_host_and_port_alone(tmp_path: Path) -> None:
    client = create_app({**LIVE, "RANDO_DATA": str(tmp_path)}).test_client()
    hosts = {
        "rando.example": 200,
        "rando.example:443": 200,
        "rando.example:8443": 400,
        "localhost": 400,
        "evil.example": 400,
    }

    assert {host: client.get("/register", headers={"Host": host}).status_code for host in hosts} == hosts


def test_a_load_balancer_asks_by_any_address(tmp_path: Path) -> None:
    app = create_app({**LIVE, "RANDO_DATA": str(tmp_path)})

    assert app.test_client().get("/healthz", headers={"Host": "10.0.0.7:8000"}).status_code == 200


def test_links_in_mails_are_of_the_base_url_whatever_the_proxy_says(tmp_path: Path) -> None:
    shop = RunningShop(tmp_path, RANDO_BASE_URL="https://rando.example:8443", RANDO_PROXY_HOPS="0")
    client = shop.app.test_client()
    headers = {"Host": "rando.example:8443", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example"}
    shop.app.config["WTF_CSRF_ENABLED"] = False

    client.post(
        "/register",
        data={"email": "pat@rando.test", "password": "zq7-zq7-zq7"},
        headers=headers,
    )
    client.post("/reset", data={"email": "pat@rando.test"}, headers=headers)

    mail = shop.mails()[-1].replace("=\n", "")
    assert "https://rando.example:8443/reset/" in mail
    assert "http://" not in mail
