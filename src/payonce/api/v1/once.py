"""Idempotency keys on POST and PUT: `once` answers a repeated request with the bytes of the first answer; `afresh`
computes it again, for routes whose answer may have changed since and which are safe to repeat by themselves."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import UUID

from fastapi import Request, Response

from payonce.api import problems
from payonce.api.calls import call_of
from payonce.api.edge import edge_of
from payonce.base.errors import Conflict, PayonceError, Refused, Unavailable
from payonce.usecases.api_keys import ApiKey
from payonce.usecases.idempotency import (
    Fresh,
    Keyed,
    Replay,
    Running,
    begin_request,
    finish_request,
    forget_request,
)

LONGEST_KEY: Final = 255
# Most requests end within this; only one whose caller died keeps its key until the lease ends.
RUNNING_RETRY_SECONDS: Final = 2.0
_KEY: Final = re.compile(r"[\x21-\x7e]+")
# (status, JSON, the order that it is about)
Answer = tuple[int, dict[str, Any], UUID | None]


async def once(
    request: Request, key: ApiKey, work: Callable[[], Awaitable[Answer]], *, required: bool
) -> Response:  # fmt: skip
    """Do the work once for one idempotency key; without a key (where that is allowed) just do it.

    Only an answer that changed something is kept. Raises Refused `idempotency_key_missing`, `idempotency_key_invalid`
    (400), `idempotency_key_reused` (422); Conflict `request_running` (409) while somebody else is at it.
    """
    edge, keyed = edge_of(request), await _keyed(request, key, required=required)
    if keyed is None:
        status, members, _ = await work()
        return json_response(status, members)
    begun = await begin_request(edge.world, keyed)
    if isinstance(begun, Running) and (fence := edge.given_up.take(keyed)) is not None:
        await forget_request(edge.world, keyed, fence)
        begun = await begin_request(edge.world, keyed)
    if isinstance(begun, Running):
        raise Conflict(
            "a request with this idempotency key is being answered", code="request_running",
            retry_after_seconds=min(begun.retry_after_seconds, RUNNING_RETRY_SECONDS),
        )  # fmt: skip
    if isinstance(begun, Replay):
        edge.metrics.absorbed("request")
        return Response(begun.answer, begun.status, {"Idempotent-Replayed": "true"}, media_type="application/json")
    return await _answer(request, keyed, begun, work)


async def afresh(
    request: Request, key: ApiKey, work: Callable[[], Awaitable[Answer]], *, required: bool
) -> Response:  # fmt: skip
    """Do the work, whenever it is asked for; the key only guards against being sent with another body."""
    keyed = await _keyed(request, key, required=required)
    if keyed is not None:
        refused = await edge_of(request).binding.put(keyed.merchant_id, keyed)
        if refused is not None:
            raise refused
    status, members, _ = await work()
    return json_response(status, members)


def json_response(status: int, members: dict[str, Any]) -> Response:
    """JSON that nobody on the way keeps, with the header of a `retry_after`."""
    headers = {"Cache-Control": "no-store"}
    if members.get("retry_after"):
        headers["Retry-After"] = str(members["retry_after"])
    return Response(problems.encode(members), status, headers, media_type="application/json")


async def _answer(request: Request, keyed: Keyed, begun: Fresh, work: Callable[[], Awaitable[Answer]]) -> Response:
    edge = edge_of(request)
    try:
        status, members, order_id = await work()
    except Exception as error:
        if isinstance(error, PayonceError) and not isinstance(error, Unavailable):
            await forget_request(edge.world, keyed, begun.fence)
        else:
            # Where the store does not answer, the key is freed by whoever repeats the request, or by its lease.
            edge.given_up.note(keyed, begun.fence)
        raise
    response = json_response(status, members)
    # The work is done and committed, so its answer is given even where it cannot be kept: a repetition finds what is
    # there.
    try:
        await finish_request(edge.world, keyed, begun.fence, status, bytes(response.body), order_id)
    except Unavailable:
        edge.given_up.note(keyed, begun.fence)
    return response


async def _keyed(request: Request, key: ApiKey, *, required: bool) -> Keyed | None:
    """The request with its key; None without one. The same key means the same route, ids in it, and JSON value."""
    sent = call_of(request).headers.get("idempotency-key")
    if sent is None:
        if required:
            raise _refused("send an Idempotency-Key with every request that is about money", "missing")
        return None
    if len(sent) > LONGEST_KEY or not _KEY.fullmatch(sent):
        raise _refused(f"an Idempotency-Key has 1 to {LONGEST_KEY} visible characters", "invalid")
    route = f"{request.method} {request.scope['path'].removeprefix(request.scope.get('root_path', ''))}"
    value = await request.json() if call_of(request).body else None
    text = json.dumps([route, value], sort_keys=True, default=str)
    return Keyed(key.merchant_id, sent, route, hashlib.sha256(text.encode()).digest())


def _refused(message: str, what: str) -> Refused:
    return Refused(message, code=f"idempotency_key_{what}", param="Idempotency-Key", status=400)
