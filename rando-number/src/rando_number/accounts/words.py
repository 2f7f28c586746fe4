"""Flask-Security's messages in the reader's language: by our own catalogues, else by those that it ships."""

from __future__ import annotations

from importlib.resources import as_file, files

from babel.support import Translations
from flask import Flask
from flask_security import Security

from flask_prepaid.languages.choice import current
from flask_prepaid.languages.words import gettext

#: The names of its catalogues for what this shop speaks.
ITS_NAMES = {"de": "de_DE", "es": "es_ES"}


class SecurityWords:
    """What Flask-Security asks for the words of its messages, in place of Flask-Babel's domain."""

    def __init__(self) -> None:
        with as_file(files("flask_security") / "translations") as folder:
            self._shipped = {
                language: Translations.load(folder, [name], "flask_security")
                for language, name in ITS_NAMES.items()
            }

    def gettext(self, message: str, **values: object) -> str:
        words = gettext(message)
        shipped = self._shipped.get(current())
        if words == message and shipped is not None:
            words = shipped.ugettext(message)
        return words % values if values else words

    def ngettext(self, singular: str, plural: str, num: int, **values: object) -> str:
        return self.gettext(singular if num == 1 else plural, num=num, **values)

    @staticmethod
    def format_list(items: list[str], **options: object) -> str:
        return ", ".join(items)


def init_app(app: Flask, security: Security) -> None:
    words = SecurityWords()
    security.i18n_domain = words  # type: ignore[assignment]
    app.jinja_env.globals["_fsdomain"] = words.gettext
