"""How `/v1` reads a request: JSON strictly, no card numbers, who calls, and errors in the one shape of a problem."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Annotated, Any, Final

import structlog
from fastapi import Depends, Header, Query, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException

from payonce.api.calls import call_of
from payonce.api.cards import refuse_cards
from payonce.api.edge import edge_of
from payonce.api.frame import problem_response
from payonce.base import strict_json
from payonce.base.errors import Bug, PayonceError, Refused
from payonce.usecases.api_keys import ApiKey

# For the description only: the keyring reads the header itself, so that every refusal is a problem.
_BEARER: Final = HTTPBearer(auto_error=False, description="An API key; the first one is PAYONCE_API_KEY.")
MOST_ERRORS: Final = 10


class Carried(HTTPException):
    """A refusal from inside the reading of a body, from where only HTTP exceptions pass."""

    def __init__(self, error: PayonceError) -> None:
        super().__init__(error.status, error.message)
        self.error = error


class JsonRequest(Request):
    """A request whose JSON is read by our own rules."""

    async def json(self) -> Any:
        """The value of the body. Raises Carried `json_invalid` and `card_data_refused`."""
        if not hasattr(self, "_json"):
            try:
                value = strict_json.parse(await self.body())
                refuse_cards(value)
            except PayonceError as error:
                raise Carried(error) from error
            self._json = value
        return self._json


class JsonRoute(APIRoute):
    """A route that takes JSON and nothing else."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def read_and_handle(request: Request) -> Response:
            call = call_of(request)
            if call.body:
                # Before a byte of it is read: a stranger's mebibyte of brackets costs no more than this look.
                await edge_of(request).keyring.identify(call.headers.get("authorization", ""))
            media_type = call.headers.get("content-type", "").partition(";")[0].strip().lower()
            if call.body and not (media_type == "application/json" or media_type.endswith("+json")):
                raise Refused("send the body as application/json", code="media_type_unsupported", status=415)
            return await handle(JsonRequest(request.scope, request.receive))

        return read_and_handle


def allowed(scope: str) -> Any:
    """A dependency: the API key of the caller, which must have `scope`."""

    async def check(
        request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)] = None
    ) -> ApiKey:  # fmt: skip
        header = call_of(request).headers.get("authorization", "")
        key = await edge_of(request).keyring.authorize(header, scope)
        structlog.contextvars.bind_contextvars(merchant_id=key.merchant_id, api_key_name=key.name)
        return key

    return Depends(check)


Writer = Annotated[ApiKey, allowed("orders:write")]
Reader = Annotated[ApiKey, allowed("orders:read")]
Inspector = Annotated[ApiKey, allowed("inspect")]
Operator = Annotated[ApiKey, allowed("operate")]
Supervisor = Annotated[ApiKey, allowed("jobs")]

Limit = Annotated[int, Query(ge=1, le=100, description="how many at most")]
Cursor = Annotated[str | None, Query(max_length=40, description="the id of the last row of the page before")]
NewerCursor = Annotated[str | None, Query(max_length=40, description="the id of the first row of the page behind")]
# Filters go to the database as text, which holds no control characters.
PRINTABLE: Final = r"^[^\x00-\x1f\x7f]+$"
Filter = Annotated[str | None, Query(max_length=200, pattern=PRINTABLE)]
# Read from the header itself; declared for the description.
IdempotencyKey = Annotated[
    str | None, Header(alias="Idempotency-Key", description="one key for one request; up to 255 characters")
]  # fmt: skip


async def on_refused(request: Request, error: Exception) -> Response:
    """Any error of ours as a problem."""
    known = error if isinstance(error, PayonceError) else Bug(f"{type(error).__name__}: {error}")
    return problem_response(request, known, edge_of(request).settings.base_url)


async def on_http(request: Request, error: Exception) -> Response:
    """An unknown path, a method that is none, or what a body's reading carried."""
    refused = error if isinstance(error, HTTPException) else HTTPException(500)
    response = await on_refused(request, as_problem(refused))
    response.headers.update(refused.headers or {})
    return response


async def on_invalid(request: Request, error: Exception) -> Response:
    """A body or parameter of another shape: which one, and why; never its value."""
    found: Sequence[Any] = error.errors() if isinstance(error, RequestValidationError) else []
    errors = [{"param": _param(each["loc"]), "message": each["msg"]} for each in found[:MOST_ERRORS]]
    message = str(errors[0]["message"]) if errors else "the request is not valid"
    refused = Refused(
        message.removeprefix("Value error, "), code="request_invalid", param=errors[0]["param"] if errors else None,
        detail={"errors": errors},
    )  # fmt: skip
    return await on_refused(request, refused)


def as_problem(error: HTTPException) -> PayonceError:
    """What the framework refuses, in our words."""
    if isinstance(error, Carried):
        return error.error
    if error.status_code == 404:
        return Refused("there is nothing at this address", code="not_found", status=404)
    if error.status_code == 405:
        return Refused("this address does not take this method", code="method_not_allowed", status=405)
    return Refused(str(error.detail), code="request_refused", status=error.status_code)


Handler = Callable[[Request, Exception], Awaitable[Response]]
HANDLERS: Final[dict[int | type[Exception], Handler]] = {
    PayonceError: on_refused,
    HTTPException: on_http,
    RequestValidationError: on_invalid,
    Exception: on_refused,
}


def _param(place: Sequence[int | str]) -> str | None:
    """`payer.reference` for the place of an error; None for the body as a whole."""
    inner = [str(part) for part in place if part not in ("body", "query", "path", "header")]
    return ".".join(inner)[:100] or None
