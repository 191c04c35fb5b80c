"""An answer beside what was asked, and what any answer can say: that the request was not let in, or nothing at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from payonce.base import strict_json
from payonce.domain.observation import Seen
from payonce.providers.contract import Call, Handle, NotDone, Unknown
from payonce.providers.zalopay import codes
from payonce.providers.zalopay.wire import whole, word


@dataclass(frozen=True, slots=True)
class Said:
    """Question and answer as fields, with the two codes taken out."""

    asked: Mapping[str, Any]
    found: Mapping[str, Any]
    code: int
    sub: int | None

    @property
    def why(self) -> str:
        """The codes and ZaloPay's own words for them."""
        words = word(self.found.get("sub_return_message")) or word(self.found.get("return_message"))
        return f"ZaloPay answered {self.code}/{self.sub} {words}".strip()


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer tells of an order or a refund, and how the payer can go on."""

    seen: Seen
    handle: Handle | None = None


def said_of(call: Call, body: bytes) -> Said:
    """The answer to the call. Raises Surprise, or Refused for what is no JSON."""
    found = strict_json.parse_object(body)
    sub = found.get("sub_return_code")
    return Said(
        asked=strict_json.parse_object(call.body),
        found=found,
        code=whole(found.get("return_code"), "return_code"),
        sub=whole(sub, "sub_return_code") if sub is not None else None,
    )


def undecided(said: Said) -> NotDone | Unknown:
    """A no to the request itself, or an answer that decides nothing."""
    if said.code != codes.FAIL or said.sub not in codes.NOT_LET_IN:
        return Unknown(said.why)
    code = codes.NOT_LET_IN[said.sub]
    return NotDone(code, said.why, may_repeat=code in codes.PASSES)
