"""Single values as people write them: times, addresses, secrets. Refuses what is none, without repeating it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, SecretStr

from payonce.base.money import EXPONENTS
from payonce.base.samples import is_sample

# What people leave in place, compared as a whole and without case; nothing is refused for containing "test".
_SAMPLES: Final = frozenset(
    "changeme change-me change_me secret password placeholder example your-api-key your_api_key "
    "your-webhook-secret your_webhook_secret whsec_changeme whsec_your_secret".split()
)
_SHORTEST_SECRET_BYTES: Final = 12
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def duration(value: object) -> object:
    """`90`, `"90"` (seconds), `"30m"`, `"1h30m"`, `"2d"` as a timedelta; anything else is left for the check."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return value
    try:
        return _time(str(value).strip().lower())
    except OverflowError:
        raise ValueError("that is too long a time") from None


def _time(text: str) -> timedelta:
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return timedelta(seconds=float(text))
    parts = re.findall(r"(\d+)([smhd])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError("write a time as seconds or like 30m, 24h, 1h30m")
    return timedelta(seconds=sum(int(number) * _UNITS[unit] for number, unit in parts))


def show_duration(value: timedelta) -> str:
    """The shortest way to write it: `30m`, `1d`, `90s`."""
    seconds = value.total_seconds()
    for unit in ("d", "h", "m"):
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{int(seconds // _UNITS[unit])}{unit}"
    return f"{seconds:g}s"


def amounts(value: object) -> object:
    """`"USD:5000, EUR:4000"`, or a table of the file, as minor units by currency."""
    if value == "":
        return {}
    if isinstance(value, str):
        value = dict([part.strip() for part in pair.split(":", 1)] for pair in value.split(",") if ":" in pair)
    if not isinstance(value, Mapping) or not value:
        raise ValueError("write currencies with amounts in minor units, like USD:5000, EUR:4000")
    found = {}
    for currency, amount in value.items():
        if currency not in EXPONENTS or not str(amount).isdecimal():
            raise ValueError(f"{str(currency)[:10]!r}: write a currency of ISO 4217 and a whole number of minor units")
        found[currency] = int(amount)
    return found


def listed(text: str) -> tuple[str, ...]:
    """The parts of a list with commas between, without empty ones."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _address(value: str) -> str:
    if not re.match(r"https?://[^\s/]+", value):
        raise ValueError("write an address that begins with http:// or https://")
    return value.rstrip("/")


def _strong(value: SecretStr) -> SecretStr:
    text = value.get_secret_value().strip()
    if not text:
        raise ValueError("it is empty; nothing starts with an empty secret")
    if len(text.encode()) < _SHORTEST_SECRET_BYTES:
        raise ValueError(f"it is shorter than {_SHORTEST_SECRET_BYTES} bytes")
    if text.casefold() in _SAMPLES or is_sample(text):
        raise ValueError("it is a sample that everybody knows")
    return SecretStr(text)


Amounts = Annotated[dict[str, int], BeforeValidator(amounts)]
Duration = Annotated[timedelta, BeforeValidator(duration)]
Address = Annotated[str, AfterValidator(_address)]
Secret = Annotated[SecretStr, AfterValidator(_strong)]
