"""The fields of a request, from JSON or a form. What is missing, of another type or too long is illegal data (-401)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from payonce.providers.simulator.wire import Request
from payonce.providers.simulator.zalopay.codes import ILLEGAL_DATA, ZaloPayRefusal


class Fields:
    """Read one by one; more than is known is let pass, as ZaloPay does."""

    def __init__(self, values: dict[str, Any], *, are_texts: bool = False) -> None:
        self._values = values
        self._are_texts = are_texts

    def whole(self, name: str, *, smallest: int = 0) -> int:
        """A whole number of at most 64 bits. A form has only digits to say it with."""
        value = self._values.get(name)
        if self._are_texts and isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value[:20])
        if not isinstance(value, int) or isinstance(value, bool) or not smallest <= value < 1 << 63:
            raise illegal(name)
        return value

    def whole_or_none(self, name: str) -> int | None:
        """A whole number that may be left out."""
        return None if self._values.get(name) in (None, "") else self.whole(name)

    def text(self, name: str, longest: int, *, may_be_empty: bool = False) -> str:
        """A text of at most `longest` characters."""
        value = self._values.get(name, "" if may_be_empty else None)
        if not isinstance(value, str) or len(value) > longest or not (value or may_be_empty) or _is_broken(value):
            raise illegal(name)
        return value

    def name_or_number(self, name: str, longest: int) -> str:
        """An id that one side writes as text and the other as a number."""
        value = self._values.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63:
            value = str(value)
        if not isinstance(value, str) or not value or len(value) > longest or _is_broken(value):
            raise illegal(name)
        return value

    def json(self, name: str, longest: int, kind: type[Any]) -> str:
        """A text that holds JSON of a kind; it is kept as it was written."""
        text = self.text(name, longest)
        if not isinstance(_parsed(text, name), kind):
            raise illegal(name)
        return text


def read(request: Request) -> Fields:
    """The fields of a request's body."""
    if (request.header("content-type") or "").startswith("application/x-www-form-urlencoded"):
        try:
            return Fields(dict(parse_qsl(request.body.decode(), errors="strict", max_num_fields=100)), are_texts=True)
        except ValueError as wrong:
            raise illegal("the body") from wrong
    try:
        found = _parsed(request.body.decode(), "the body")
    except UnicodeDecodeError as wrong:
        raise illegal("the body") from wrong
    if not isinstance(found, dict):
        raise illegal("the body")
    return Fields(found)


def illegal(name: str) -> ZaloPayRefusal:
    """Illegal data, with the name of what is wrong."""
    return ZaloPayRefusal(ILLEGAL_DATA, f"ILLEGAL_DATA_REQUEST: {name:.60}")


def _parsed(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as wrong:
        raise illegal(name) from wrong


def _is_broken(text: str) -> bool:
    """Whether the text holds half a character, which JSON can spell and nothing can send on."""
    return any("\ud800" <= letter <= "\udfff" for letter in text)
