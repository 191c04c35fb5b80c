"""How an answer is kept for later: with what was asked, because ZaloPay's answers name neither order nor refund.

Reading it again is then the same reading of the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from payonce.providers.contract import Call
from payonce.providers.zalopay.wire import Surprise, compact

# A field that neither a callback nor an answer of ZaloPay's has.
_MARK: Final = "payonce_asked"


def keep(call: Call, answer: bytes) -> bytes:
    """The answer with its question, as it is stored. The answer was parsed before, so it is UTF-8."""
    fields = {"operation": call.operation, "path": call.path, "body": call.body.decode("utf-8")}
    return compact({_MARK: fields, "answer": answer.decode("utf-8")}).encode("utf-8")


def is_kept(found: Mapping[str, Any]) -> bool:
    """Whether stored bytes are an answer of ours with its question."""
    return _MARK in found


def unpack(found: Mapping[str, Any]) -> tuple[Call, bytes]:
    """The question and the answer. Raises Surprise."""
    asked, answer = found.get(_MARK), found.get("answer")
    if not isinstance(asked, dict) or not isinstance(answer, str):
        raise Surprise("an answer without its question")
    operation, path, body = asked.get("operation"), asked.get("path"), asked.get("body")
    if not (isinstance(operation, str) and isinstance(path, str) and isinstance(body, str)):
        raise Surprise("an answer without its question")
    return Call(operation, "POST", path, body.encode("utf-8")), answer.encode("utf-8")
