"""What is set and does nothing, or can't be done, without something else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask

from .. import checks, files
from ..catalog import Plan
from ..config import Config
from ..errors import ConfigError
from ..languages.words import has_catalogue, has_words

#: What a setting goes with, what is so without that, and what to write.
GRANTS = (("operators",), "nobody is an operator", "Prepaid(operators=Operators(...))")
MAILS = (("mail",), "nothing is mailed", "Prepaid(mail=...)")
NEEDED = {"SMALL_GRANT": GRANTS, "GRANTS_PER_DAY": GRANTS, "RECEIPTS": MAILS}
NO_CATALOGUE = "is none, or only a part of one. Write it anew, by pybabel compile."


@dataclass(frozen=True)
class Given:
    """The arguments of ``Prepaid`` that go with something else; what is false was not given."""

    mail: object
    trial: object
    language: object
    keys: object
    operators: bool


def check_languages(offered: Sequence[str], folders: tuple[Path, ...]) -> None:
    """
    :raises ConfigError: One of them has no catalogue.
    """
    for language in offered:
        with files.reading_file(f"A catalogue of {language!r} in PREPAID_TRANSLATIONS", NO_CATALOGUE):
            there = has_catalogue(language, folders)
        if not there:
            name = language.replace("-", "_")
            raise ConfigError(
                f"PREPAID_LANGUAGES has {language!r}, and there are no words of it. Translate them into "
                f"{name}/LC_MESSAGES/flask_prepaid.po, compile that by pybabel compile, and name the folder "
                f"above {name} in PREPAID_TRANSLATIONS; or take the language out."
            )


def check_effects(app: Flask, config: Config, given: Given, plans: Iterable[Plan]) -> None:
    """
    :raises ConfigError: Mails have no address for their links, or something that is written has no effect.
    """
    if given.mail and not config.base_url:
        raise ConfigError("PREPAID_BASE_URL is not set. The links in mails need it.")
    for sentence in (
        *_arguments_without_effect(config, given, plans),
        *_settings_without_effect(app.config, config, given),
    ):
        raise ConfigError(sentence)


def _arguments_without_effect(config: Config, given: Given, plans: Iterable[Plan]) -> Iterator[str]:
    if given.language and len(config.languages) == 1:
        yield (
            f"Prepaid(language=...) says which language a customer has chosen, and {config.languages[0]!r} "
            "alone is offered. Name what is offered in PREPAID_LANGUAGES, such as 'en,de', or leave the "
            "function out."
        )
    if given.trial and not any(plan.trial_days for plan in plans):
        yield (
            "Prepaid(trial=...) says who may try a plan free, and no plan can be tried. Give one of them "
            "trial_days, or leave the function out."
        )


def _settings_without_effect(written: Mapping[str, Any], config: Config, given: Given) -> Iterator[str]:
    for name, (needed, means, cure) in NEEDED.items():
        if written.get(f"PREPAID_{name}") not in (None, "") and not any(getattr(given, n) for n in needed):
            yield f"PREPAID_{name} is set, and {means}. Write {cure}, or take the setting away."
    if written.get("PREPAID_SMALL_GRANT") and config.small_grant > config.grants_per_day:
        yield (
            f"PREPAID_SMALL_GRANT is {config.small_grant:,}, and no more than PREPAID_GRANTS_PER_DAY, "
            f"{config.grants_per_day:,}, is given on a day. Raise that, or write no more than it allows."
        )
    served = {
        "keys": (given.keys, "Prepaid(keys=True)"),
        "api": (config.json_api, "PREPAID_JSON_API = True"),
    }
    for page, (there, cure) in served.items():
        if page in (written.get("PREPAID_PATHS") or {}) and not there:
            yield f"PREPAID_PATHS has {page!r}, and nothing is served there. Write {cure}, or take it out."
    for folder in config.translations:
        if not any(has_words(folder, language) for language in config.languages):
            yield (
                f"PREPAID_TRANSLATIONS has {str(folder)!r}, and there are no words in it of "
                f"{', '.join(config.languages)}. Let pybabel compile write "
                "<language>/LC_MESSAGES/flask_prepaid.mo there, and name its language in PREPAID_LANGUAGES; "
                "or take the folder out."
            )


def check_currency(currency: str, sold: Sequence[str]) -> None:
    """
    :raises ConfigError: Nothing is sold in that currency and in another one, too.
    """
    if currency and currency not in sold:
        several = f"Write one of {', '.join(sold)}." if sold else "Nothing is sold in several: take it away."
        checks.refuse("PREPAID_CURRENCY", currency, several)
