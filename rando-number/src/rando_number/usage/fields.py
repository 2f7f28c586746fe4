"""Fields of forms that take less than WTForms does."""

from __future__ import annotations

from typing import Any

from wtforms import IntegerField
from wtforms.validators import ValidationError

from flask_prepaid.languages.formats import plain_number
from flask_prepaid.languages.words import gettext as _


class WholeNumberField(IntegerField):  # type: ignore[misc]
    """A whole number from 1 on in ASCII digits, or nothing: no sign and no digits of other scripts.

    :param max: The largest number that is taken.
    """

    def __init__(self, *args: Any, max: int, **more: Any) -> None:
        super().__init__(*args, **more)
        self.max = max

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was sent.

        :raises ValueError: It is no such number.
        """
        text = (valuelist[0] if valuelist else "").strip()
        self.data = None
        if not text:
            return
        if not (text.isascii() and text.isdigit() and len(text) <= 18):
            raise ValueError(self.advice)
        self.data = int(text)

    def post_validate(self, form: Any, validation_stopped: bool) -> None:
        if self.data is not None and not 1 <= self.data <= self.max:
            raise ValidationError(self.advice)

    @property
    def advice(self) -> str:
        return _("Write a whole number from 1 to %(max)s, in digits.", max=plain_number(self.max))
