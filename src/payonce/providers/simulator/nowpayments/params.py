"""Reads the JSON body of one request, and refuses what is missing, mistyped or not known."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, Literal, overload
from urllib.parse import urlsplit

from payonce.providers.simulator.nowpayments import decimals
from payonce.providers.simulator.nowpayments.errors import NowError

# Far above every price, and small enough to calculate with.
LARGEST: Final = Decimal(10**12)
MOST_PLACES: Final = 30


class Params:
    """The members of a body. An operation reads all that it knows and then calls `finish`."""

    def __init__(self, body: bytes) -> None:
        try:
            found = decimals.read(body or b"{}")
        except ValueError:
            raise NowError("The body is not JSON") from None
        if not isinstance(found, dict):
            raise NowError("The body must be an object")
        self._members: dict[str, Any] = found
        self._read: set[str] = set()

    @overload
    def text(self, name: str, *, required: Literal[True]) -> str: ...
    @overload
    def text(self, name: str) -> str | None: ...
    def text(self, name: str, *, required: bool = False) -> str | None:
        """A string; null counts as not sent."""
        value = self._take(name, required)
        if value is not None and not isinstance(value, str):
            raise NowError(f"{name} must be a string")
        if value is not None and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise NowError(f"{name} holds half a character")
        if value == "":
            raise NowError(f"{name} is not allowed to be empty")
        return value

    @overload
    def amount(self, name: str, *, required: Literal[True]) -> Decimal: ...
    @overload
    def amount(self, name: str) -> Decimal | None: ...
    def amount(self, name: str, *, required: bool = False) -> Decimal | None:
        """A number above zero; a string is none."""
        value = self._take(name, required)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise NowError(f"{name} must be a number")
        # A huge exponent is compared, never written out.
        number = Decimal(value)
        if not 0 < number <= LARGEST or int(number.as_tuple().exponent) < -MOST_PLACES:
            raise NowError(f"{name} must be a positive number")
        return number

    def flag(self, name: str) -> bool:
        """True or false; false when it was not sent."""
        value = self._take(name, False)
        if value is not None and not isinstance(value, bool):
            raise NowError(f"{name} must be a boolean")
        return bool(value)

    def url(self, name: str) -> str | None:
        """An absolute http or https address."""
        value = self.text(name)
        if value is not None:
            try:
                parts = urlsplit(value)
            except ValueError:
                raise NowError(f"{name} must be a valid uri") from None
            if parts.scheme not in ("http", "https") or not parts.netloc:
                raise NowError(f"{name} must be a valid uri")
        return value

    def ignore(self, *names: str) -> None:
        """Accept members that the provider knows and that change nothing here."""
        self._read.update(names)

    def finish(self) -> None:
        """Refuse what nobody read."""
        for name in self._members:
            if name not in self._read:
                raise NowError(f"{name:.50} is not allowed")

    def _take(self, name: str, required: bool) -> Any:
        self._read.add(name)
        value = self._members.get(name)
        if value is None and required:
            raise NowError(f"{name} is required")
        return value
