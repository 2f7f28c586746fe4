"""Fields of forms that take less than WTForms does."""

from __future__ import annotations

from typing import Any

from wtforms import IntegerField
from wtforms.validators import ValidationError


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
        return f"Write a whole number from 1 to {self.max:,}, in digits."
