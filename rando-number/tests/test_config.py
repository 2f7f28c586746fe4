"""Settings: what is refused, by name, and what is made up on the first start."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click import ClickException
from flask import Flask, request

from rando_number import create_app
from rando_number.config.database import database_url
from rando_number.config.environment import environment
from rando_number.config.mistakes import CALLED_HERE
from rando_number.config.reading import configuration
from rando_number.config.values import ConfigError

from .live_settings import LIVE


@pytest.mark.parametrize(("name", "here"), CALLED_HERE.items())
def test_another_name_is_refused_with_the_one_that_is_read(tmp_path: Path, name: str, here: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} is called {here} here"):
        create_app({"RANDO_DATA": str(tmp_path), name: "x"})


@pytest.mark.parametrize("value", ["False", "0", "off"])
def test_the_environment_stops_selling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PREPAID_SELLING", value)

    app = create_app({**os.environ, "RANDO_DATA": str(tmp_path)})

    with app.app_context():
        assert app.extensions["prepaid"].config.selling is False


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("PREPAID_SELLING", "PREPAID_SELLING"),
        ("PREPAID_SELING", "Did you mean PREPAID_SELLING"),
        ("FLASK_PREPAID_SELLING", "FLASK_PREPAID_SELLING is called PREPAID_SELLING here"),
        ("PREPAID_PATHS", "The shop sets PREPAID_PATHS itself"),
        ("PREPAID_LANGUAGES", "The shop sets PREPAID_LANGUAGES itself"),
        ("PREPAID_ATTEMPTS_PER_HOUR", "RATELIMIT_ENABLED=0 lifts every limit"),
    ],
)
def test_a_setting_of_the_extension_that_does_not_fit_is_named_with_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, words: str
) -> None:
    monkeypatch.setenv(setting, "perhaps")

    with pytest.raises(ClickException, match=words):
        create_app({**os.environ, "RANDO_DATA": str(tmp_path)})


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("SECRET_KEY", ""),
        ("SECRET_KEY", "mysecret"),
        ("SECRET_KEY", "a" * 40),
        ("SECRET_KEY_BEFORE", "mysecret"),
        ("RANDO_TOTP_SECRET", ""),
        ("RANDO_TOTP_SECRET", "x" * 32),
        ("SECURITY_PASSWORD_SALT", ""),
        ("SECURITY_PASSWORD_SALT", "salt"),
        ("RANDO_BASE_URL", "https://"),
        ("RANDO_BASE_URL", "https://shop.example/path"),
        ("RANDO_BASE_URL", "https://[bad"),
        ("RANDO_BASE_URL", "https://*"),
        ("RANDO_BASE_URL", "https://.example"),
        ("RANDO_BASE_URL", "https://m\u00fcnchen.example"),
        ("RANDO_METRICS_TOKEN", "x"),
        ("STRIPE_WEBHOOK_SECRET", "whsec"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_" + "a" * 32),
        ("STRIPE_WEBHOOK_SECRET", "whsec_0123456789abcdef,x"),
        ("STRIPE_SECRET_KEY", ""),
        ("STRIPE_SECRET_KEY", "sk_test_emulator"),
        ("STRIPE_SECRET_KEY", "sk_test_1"),
        ("STRIPE_PUBLISHABLE_KEY", "pk_test_1"),
        ("STRIPE_API_BASE", "http://127.0.0.1:12111"),
        ("STRIPE_WEBHOOK_SECRET", ""),
        ("STRIPE_WEBHOOK_SECRET", "whsec_emulator"),
        ("RATELIMIT_ENABLED", "0"),
        ("RANDO_BASE_URL", ""),
        ("RANDO_BASE_URL", "http://rando.example"),
        ("RANDO_SELLER", ""),
        ("RANDO_CONTACT", " "),
    ],
)
def test_production_refuses_what_is_unsafe_and_names_it(tmp_path: Path, setting: str, value: str) -> None:
    with pytest.raises(ConfigError) as refused:
        create_app({**LIVE, "RANDO_DATA": str(tmp_path), setting: value})

    assert [line.split()[0] for line in str(refused.value).splitlines()] == [setting]


def test_an_address_with_a_password_is_refused_and_not_shown(tmp_path: Path) -> None:
    settings = {"RANDO_DATA": str(tmp_path), "RANDO_BASE_URL": "http://me:hush@localhost:8000"}

    with pytest.raises(ConfigError, match="RANDO_BASE_URL must be an address") as refused:
        create_app(settings)

    assert "hush" not in str(refused.value)


def test_production_refuses_to_start_with_a_debugger(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="FLASK_DEBUG must not be set"):
        create_app({**LIVE, "RANDO_DATA": str(tmp_path), "FLASK_DEBUG": "1"})

    app = create_app({**LIVE, "RANDO_DATA": str(tmp_path), "FLASK_DEBUG": "0"})
    assert app.test_client().get("/console", base_url="https://rando.example").status_code == 404


def test_production_starts_with_what_it_asks_for(tmp_path: Path) -> None:
    app = create_app({**LIVE, "RANDO_DATA": str(tmp_path)})

    assert not app.debug
    assert not app.config["TEST_MODE"]
    assert app.config["SECURITY_CONFIRMABLE"]


def test_an_address_in_capitals_is_kept_as_browsers_name_it(tmp_path: Path) -> None:
    app = create_app({**LIVE, "RANDO_DATA": str(tmp_path), "RANDO_BASE_URL": "https://Rando.Example/"})

    assert app.config["PREPAID_BASE_URL"] == "https://rando.example"  # passkeys are bound to this name


def test_over_https_cookies_are_locked_to_the_host_and_other_hosts_are_refused(tmp_path: Path) -> None:
    app = create_app({**LIVE, "RANDO_DATA": str(tmp_path)})
    client = app.test_client()

    page = client.get("/register", base_url="https://rando.example")
    outsider = client.get("/register", base_url="https://evil.example")

    cookie = page.headers["Set-Cookie"]
    assert cookie.startswith("__Host-session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert page.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    assert "Test mode" not in page.text
    assert outsider.status_code == 400


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("RATELIMIT_ENABLED", "yes"),
        ("RANDO_PROXY_HOPS", "-1"),
        ("RANDO_PROXY_HOPS", "99"),
        ("RANDO_API_RATE", "0"),
        ("MAIL_PORT", "smtp"),
        ("MAIL_PORT", "70000"),
        ("RANDO_BASE_URL", "shop.example"),
        ("RANDO_ENV", "prod"),
        ("RANDO_ENV", "Production"),
        ("RANDO_CREDITS_AFTER_CONFIRM", "1"),
    ],
)
def test_a_wrong_value_is_refused_with_the_name_of_the_setting(
    tmp_path: Path, setting: str, value: str
) -> None:
    with pytest.raises(ConfigError, match=setting):
        create_app({"RANDO_DATA": str(tmp_path), setting: value})


@pytest.mark.parametrize(
    ("setting", "needed"),
    [
        ("MAIL_USERNAME", "MAIL_SERVER"),
        ("MAIL_PORT", "MAIL_SERVER"),
        ("RANDO_DATABASE_POOLER", "DATABASE_URL"),
    ],
)
def test_a_setting_that_does_nothing_without_another_is_named_with_it(
    tmp_path: Path, setting: str, needed: str
) -> None:
    with pytest.raises(ConfigError, match=f"{setting} is set, and has no effect without {needed}"):
        create_app({"RANDO_DATA": str(tmp_path), setting: "1"})


def test_a_data_folder_that_can_not_be_made_is_named_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigError, match=r"RANDO_DATA leads to .*file/data"):
        create_app({"RANDO_DATA": str(tmp_path / "file" / "data")})


def test_what_the_shop_writes_is_for_its_owner_alone(tmp_path: Path) -> None:
    app = create_app({"RANDO_DATA": str(tmp_path / "data")})

    app.test_client().get("/readyz")

    assert (tmp_path / "data").stat().st_mode & 0o077 == 0
    files = list((tmp_path / "data").iterdir())
    assert [file.name for file in files if file.stat().st_mode & 0o077] == []
    assert any(file.name == "rando.sqlite3" for file in files)


def test_secrets_are_made_once_and_kept_for_their_owner_alone(tmp_path: Path) -> None:
    first = create_app({"RANDO_DATA": str(tmp_path)}).config["SECRET_KEY"]
    second = create_app({"RANDO_DATA": str(tmp_path)}).config["SECRET_KEY"]

    assert first == second
    assert len(first) >= 32
    assert (tmp_path / "secret-key").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [b"", b"abc", b"\xff\xfe"], ids=["empty", "cut off", "no text"])
def test_a_secret_that_is_lost_is_put_back_and_not_made_anew(tmp_path: Path, content: bytes) -> None:
    configuration({"RANDO_DATA": str(tmp_path)})
    (tmp_path / "password-salt").write_bytes(content)

    with pytest.raises(ConfigError, match=r"password-salt .* Put it back from your backup"):
        configuration({"RANDO_DATA": str(tmp_path)})

    assert (tmp_path / "password-salt").read_bytes() == content


def test_an_env_file_that_is_not_utf_8_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_bytes("MAIL_SERVER=grüße.example".encode("latin-1"))
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigError, match=r"\.env is not UTF-8 .* Save it as UTF-8\."):
        environment()


def test_a_postgresql_url_uses_the_driver_that_we_install(tmp_path: Path) -> None:
    assert database_url("postgres://u:p@h/d", tmp_path) == "postgresql+psycopg://u:p@h/d"
    assert database_url("postgresql://h/d", tmp_path) == "postgresql+psycopg://h/d"
    assert database_url(None, tmp_path) == f"sqlite:///{tmp_path}/rando.sqlite3"


def address_seen(app: Flask, forwarded: str) -> str | None:
    """Whom the app takes a request for that a proxy has handed on."""
    seen = []
    app.before_request(lambda: seen.append(request.remote_addr))
    app.test_client().get("/healthz", headers={"X-Forwarded-For": forwarded})
    return seen[0]


def test_only_as_many_proxies_are_trusted_as_there_are(tmp_path: Path) -> None:
    alone = create_app({"RANDO_DATA": str(tmp_path)})
    behind = create_app({"RANDO_DATA": str(tmp_path), "RANDO_PROXY_HOPS": "1"})

    assert address_seen(alone, "6.6.6.6, 10.0.0.7") == "127.0.0.1"
    assert address_seen(behind, "6.6.6.6, 10.0.0.7") == "10.0.0.7"


@pytest.mark.parametrize(
    ("named", "address"),
    [
        ("10.0.0.7:5555", "10.0.0.7"),
        ("[2001:db8::7]:5555", "2001:db8::7"),
        ("2001:db8::7", "2001:db8::7"),
        ("user:1", ""),
        ("http://[bad", ""),
        ("unknown", ""),
        ("x" * 300, ""),
    ],
)
def test_a_proxy_that_names_no_address_is_taken_for_none(tmp_path: Path, named: str, address: str) -> None:
    behind = create_app({"RANDO_DATA": str(tmp_path), "RANDO_PROXY_HOPS": "1"})

    assert address_seen(behind, named) == address
